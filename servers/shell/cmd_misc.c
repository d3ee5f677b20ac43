/* SPDX-License-Identifier: BSD-2-Clause */
/* Commands of the shell itself: echo, exit, false, help, history, sleep, time, true. */
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "path.h"

int cmd_true(struct shell *sh, int argc, char **argv)
{
    (void)sh;
    (void)argc;
    (void)argv;
    return 0;
}

int cmd_false(struct shell *sh, int argc, char **argv)
{
    (void)sh;
    (void)argc;
    (void)argv;
    return 1;
}

int cmd_echo(struct shell *sh, int argc, char **argv)
{
    bool has_newline = argc < 2 || strcmp(argv[1], "-n") != 0;
    int first = has_newline ? 1 : 2;

    for (int i = first; i < argc; i++) {
        if (i > first)
            out_bytes(sh, " ", 1);
        out_bytes(sh, argv[i], strlen(argv[i]));
    }
    if (has_newline)
        out_bytes(sh, "\n", 1);
    return 0;
}

int cmd_exit(struct shell *sh, int argc, char **argv)
{
    uint64_t status = (uint64_t)(unsigned)sh->status;

    if (argc > 2 || (argc == 2 && (!parse_number(argv[1], &status) || status > 255)))
        return err_usage(sh, "exit");
    sh->wants_exit = true;
    return (int)status;
}

static int explain(struct shell *sh, const char *name)
{
    const struct command *command = command_lookup(name);
    const char *details = command_details(name);

    if (command == NULL) {
        err_text(sh, "help: %s: no such command\n", name);
        return 1;
    }
    out_text(sh, "%s\n    %s\n", command->usage, command->help);
    if (details != NULL)
        out_text(sh, "\n%s", details);
    return 0;
}

int cmd_help(struct shell *sh, int argc, char **argv)
{
    if (argc > 2)
        return err_usage(sh, "help");
    if (argc == 2)
        return explain(sh, argv[1]);
    for (size_t i = 0; i < nr_commands; i++)
        out_text(sh, "%-28s %s\n", commands[i].usage, commands[i].help);
    out_text(sh, "\nCommands are separated by ; or && or ||. Output goes to a file with > or >>, input comes from one "
                 "with <.\nQuotes are '...', \"...\" and \\. A # begins a comment.\n");
    return 0;
}

/* ---- history ---- */

void history_note(struct shell *sh, const char *line, size_t size)
{
    char *copy;

    if (size == 0)
        return;
    copy = strndup(line, size);
    if (copy == NULL)
        return; /* a forgotten line is no reason to stop */
    if (sh->nr_history == HISTORY_MAX) {
        free(sh->history[0]);
        sh->nr_history--;
        sh->first_history++;
        memmove(&sh->history[0], &sh->history[1], sh->nr_history * sizeof(sh->history[0]));
    }
    sh->history[sh->nr_history++] = copy;
}

int cmd_history(struct shell *sh, int argc, char **argv)
{
    (void)argv;
    if (argc != 1)
        return err_usage(sh, "history");
    for (size_t i = 0; i < sh->nr_history; i++) {
        out_text(sh, "%5zu  ", sh->first_history + i + 1);
        out_name(sh, sh->history[i], strlen(sh->history[i]));
        out_text(sh, "\n");
    }
    return 0;
}

/* ---- time ---- */

int cmd_sleep(struct shell *sh, int argc, char **argv)
{
    mk_time_t now = mk_time_now();
    int64_t ns;
    mk_err_t err;

    if (argc != 2 || !parse_seconds(argv[1], &ns))
        return err_usage(sh, "sleep");
    (void)writer_flush(sh, sh->out); /* what was said before the wait is seen before it */
    err = mk_time_sleep(ns < MK_TIME_FOREVER - now ? now + ns : MK_TIME_FOREVER - 1);
    return err == MK_OK ? 0 : err_fail(sh, "sleep", argv[1], err);
}

/* The command's output counts as part of it. */
int cmd_time(struct shell *sh, int argc, char **argv)
{
    mk_time_t start = mk_time_now();
    struct mk_machine_stats stats;
    char text[32];
    int status;

    if (argc < 2)
        return err_usage(sh, "time");
    status = run_words(sh, argc - 1, &argv[1]);
    (void)writer_flush(sh, sh->out);
    mk_time_t took = mk_time_now() - start;
    bool is_host = mk_machine_stats(NULL, &stats) == MK_OK && stats.clock == MK_CLOCK_HOST;
    err_text(sh, "real %s s (%s clock)\n", seconds(took, text), is_host ? "host" : "virtual");
    return status;
}
