/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The user's shell. With -c COMMANDS it runs them; otherwise it reads lines
 * from the console: with a prompt on a terminal, as a script from anything
 * else. It ends with the last command's status. Its services are the console,
 * a file service and the supervisor; "kill" needs the machine port, so it is
 * loaded privileged.
 */
#include <string.h>

#include "shell.h"

#define PROMPT "mk> "

static struct shell shell = {
    .console = {.name = "console"},
    .files = {.name = "ramfs"},
    .supervisor = {.name = "supervisor"},
    .out = &shell.to_console,
};

/* MK_OK also when there is no console: commands run all the same, only nobody sees them. */
static void ask_console(struct shell *sh)
{
    struct console_info info;
    struct mk_msg msg = {.id = CONSOLE_INFO, .body = &info, .capacity = sizeof(info)};
    mk_err_t err = service_call(sh, &sh->console, &msg);

    if (err == MK_OK)
        err = msg.status;
    if (err != MK_OK)
        mk_log("console: %s", mk_err_text(err));
    sh->is_terminal = err == MK_OK && msg.size == sizeof(info) && info.is_terminal != 0;
}

/* A line as long as lines can be was cut: half of a command must not run. */
static void run_line(struct shell *sh, const char *line, size_t size)
{
    if (size >= CONSOLE_LINE_MAX) {
        err_text(sh, "shell: a line longer than %d bytes is not run\n", CONSOLE_LINE_MAX - 1);
        sh->status = STATUS_USAGE;
        return;
    }
    history_note(sh, line, size);
    run_text(sh, line, size);
}

static void run_lines(struct shell *sh)
{
    static char line[CONSOLE_LINE_MAX + 1];

    while (!sh->wants_exit) {
        size_t size;
        mk_err_t err = console_line(sh, sh->is_terminal ? PROMPT : "", line, &size);

        if (err == MK_OK) {
            run_line(sh, line, size);
        } else if (err == MK_E_ABORTED && sh->is_terminal) {
            sh->status = STATUS_ABORTED;
        } else if (err == MK_E_END) {
            if (sh->is_terminal)
                err_text(sh, "\n");
            return;
        } else {
            mk_log("console: %s", mk_err_text(err));
            sh->status = 1;
            return;
        }
    }
}

static int shell_main(int argc, char **argv)
{
    struct shell *sh = &shell;

    if (argc != 1 && !(argc == 3 && strcmp(argv[1], "-c") == 0)) {
        mk_log("usage: %s [-c COMMANDS]", argv[0]);
        return STATUS_USAGE;
    }
    ask_console(sh);
    if (argc == 3)
        run_text(sh, argv[2], strlen(argv[2]));
    else
        run_lines(sh);
    (void)writer_flush(sh, &sh->to_console);
    return sh->status;
}

static const struct mk_server shell_server = {
    .abi = MK_SERVER_ABI,
    .name = "shell", /* not registered: a plugin with a main does that itself */
    .main = shell_main,
};

MK_SERVER_EXPORT(shell_server);
