/* SPDX-License-Identifier: BSD-2-Clause */
/* Running what was parsed: links, redirections, the command, its status. */
#include <string.h>

#include "parse.h"
#include "path.h"
#include "shell.h"

static mk_err_t open_input(struct shell *sh, const char *path)
{
    mk_name_t file;
    mk_err_t err = fs_open(sh, path, 0, &file);

    if (err != MK_OK)
        return err;
    if (sh->from.file != MK_NAME_NULL)
        right_release(sh->from.file);
    sh->from.file = file;
    sh->from.offset = 0;
    strcpy(sh->from.path, path);
    return MK_OK;
}

static mk_err_t open_output(struct shell *sh, const char *path, bool is_append)
{
    struct writer *to = &sh->to_file;
    struct fs_stat stat = {0};
    mk_name_t file;
    mk_err_t err = fs_open(sh, path, is_append ? FS_CREATE : FS_CREATE | FS_TRUNC, &file);

    if (err == MK_OK && is_append) {
        err = fs_stat_open(file, &stat);
        if (err != MK_OK)
            right_release(file);
    }
    if (err != MK_OK)
        return err;
    if (to->file != MK_NAME_NULL)
        right_release(to->file);
    to->file = file;
    to->offset = stat.size;
    to->err = MK_OK;
    to->size = 0;
    strcpy(to->path, path);
    sh->out = to;
    return MK_OK;
}

/* In the order written; of several of one kind the last counts, all are opened. */
static bool open_redirects(struct shell *sh, const struct shell_command *command)
{
    for (size_t i = 0; i < command->nr_redirects; i++) {
        const struct shell_redirect *redirect = &command->redirects[i];
        char path[FS_PATH_MAX];
        mk_err_t err = MK_E_TOO_LONG;

        sh->missing = NULL;
        if (path_normalise(redirect->path, path, sizeof(path)))
            err = redirect->kind == SHELL_READ ? open_input(sh, path)
                                               : open_output(sh, path, redirect->kind == SHELL_APPEND);
        if (err != MK_OK) {
            (void)err_fail(sh, "shell", redirect->path, err);
            return false;
        }
    }
    return true;
}

/* Flush and go back to the console. False when something could not be written. */
static bool close_redirects(struct shell *sh, const char *name)
{
    mk_err_t err = writer_flush(sh, sh->out);

    if (sh->out == &sh->to_file && err != MK_OK)
        (void)err_fail(sh, name, sh->to_file.path, err);
    sh->out = &sh->to_console;
    sh->to_console.err = MK_OK; /* a console that failed may be back */
    if (sh->to_file.file != MK_NAME_NULL)
        right_release(sh->to_file.file);
    if (sh->from.file != MK_NAME_NULL)
        right_release(sh->from.file);
    sh->to_file.file = MK_NAME_NULL;
    sh->from.file = MK_NAME_NULL;
    return err == MK_OK;
}

int run_words(struct shell *sh, int argc, char **argv)
{
    const struct command *command = command_lookup(argv[0]);

    sh->missing = NULL;
    if (command != NULL)
        return command->run(sh, argc, argv);
    err_text(sh, "%s: no such command; type help\n", argv[0]);
    return STATUS_UNKNOWN;
}

static int run_command(struct shell *sh, const struct shell_command *command)
{
    const char *name = command->argc > 0 ? command->argv[0] : "shell";
    int status = 0;

    if (!open_redirects(sh, command))
        status = 1;
    else if (command->argc > 0)
        status = run_words(sh, command->argc, command->argv);
    if (!close_redirects(sh, name) && status == 0)
        status = 1;
    return status;
}

static bool is_due(const struct shell *sh, enum shell_link link)
{
    return link == SHELL_ALWAYS || (link == SHELL_IF_OK) == (sh->status == 0);
}

void run_text(struct shell *sh, const char *text, size_t size)
{
    struct shell_script script;
    const char *error = shell_parse(text, size, &script);

    if (error != NULL) {
        err_text(sh, "shell: %s\n", error);
        sh->status = STATUS_USAGE;
    }
    for (size_t i = 0; i < script.nr_commands && !sh->wants_exit; i++)
        if (is_due(sh, script.commands[i].link)) {
            sh->status = run_command(sh, &script.commands[i]);
            if (sh->status == STATUS_ABORTED)
                break; /* ^C means the whole line */
        }
    shell_script_finish(&script);
}
