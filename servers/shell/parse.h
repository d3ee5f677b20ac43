/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From text to commands. Nothing here reads, writes or runs anything.
 *
 *     script  = [command] { (";" | newline | "&&" | "||") [command] }
 *     command = { word | ">" word | ">>" word | "<" word }
 *
 * Blanks separate words. '...' is literal; in "..." a backslash escapes " and
 * \ ; elsewhere a backslash escapes any byte and joins lines. "#" at the start
 * of a word begins a comment. After && and || a command must follow.
 */
#ifndef SHELL_PARSE_H
#define SHELL_PARSE_H

#include <stdbool.h>
#include <stddef.h>

enum shell_redirect_kind { SHELL_READ, SHELL_WRITE, SHELL_APPEND };

struct shell_redirect {
    enum shell_redirect_kind kind;
    char *path;
};

/* When a command runs, by the status of what ran before it. */
enum shell_link { SHELL_ALWAYS, SHELL_IF_OK, SHELL_IF_FAILED };

struct shell_command {
    enum shell_link link;
    int argc;
    char **argv; /* argv[argc] is NULL */
    struct shell_redirect *redirects;
    size_t nr_redirects;
};

struct shell_script {
    struct shell_command *commands;
    size_t nr_commands;
    char *text; /* all words */
};

/* NULL, or what is wrong (a constant sentence); then the script is empty. Always finish the script. */
const char *shell_parse(const char *text, size_t size, struct shell_script *script);
void shell_script_finish(struct shell_script *script);

#endif
