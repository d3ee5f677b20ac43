/* SPDX-License-Identifier: BSD-2-Clause */
/* The parser: one pass. All words are stored in one buffer that is as large as they can become. */
#include "parse.h"

#include <stdlib.h>
#include <string.h>

static const char no_memory[] = "out of memory";

struct parser {
    const char *at, *end;
    char *to; /* next free byte of the words */
    const char *error;
    struct shell_script *script;
    struct shell_command *command; /* the one being read; NULL between commands */
    enum shell_link link;          /* of the next command */
};

static bool fail(struct parser *p, const char *error)
{
    if (p->error == NULL)
        p->error = error;
    return false;
}

static bool is_at(const struct parser *p, const char *text)
{
    size_t size = strlen(text);

    return (size_t)(p->end - p->at) >= size && memcmp(p->at, text, size) == 0;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static bool ends_word(char c)
{
    return is_blank(c) || (c != '\0' && strchr("\n;<>&|", c) != NULL);
}

/* ---- words ---- */

/* After the opening quote, up to and with the closing one. */
static bool take_quoted(struct parser *p, char quote)
{
    while (p->at < p->end && *p->at != quote) {
        if (quote == '"' && (is_at(p, "\\\"") || is_at(p, "\\\\")))
            p->at++;
        *p->to++ = *p->at++;
    }
    if (p->at == p->end)
        return fail(p, quote == '"' ? "a \" is not closed" : "a ' is not closed");
    p->at++;
    return true;
}

static bool take_escaped(struct parser *p)
{
    if (p->at == p->end)
        return fail(p, "nothing follows the last \\");
    if (*p->at != '\n') /* else the lines are joined */
        *p->to++ = *p->at;
    p->at++;
    return true;
}

/* One word, or NULL with p->error set. */
static char *take_word(struct parser *p)
{
    char *word = p->to;
    bool is_ok = true;

    while (is_ok && p->at < p->end && !ends_word(*p->at)) {
        char c = *p->at++;

        if (c == '\'' || c == '"')
            is_ok = take_quoted(p, c);
        else if (c == '\\')
            is_ok = take_escaped(p);
        else
            *p->to++ = c;
    }
    *p->to++ = '\0';
    return is_ok ? word : NULL;
}

/* Blanks, joined lines and comments. */
static void skip_blanks(struct parser *p)
{
    while (p->at < p->end) {
        if (is_blank(*p->at))
            p->at++;
        else if (is_at(p, "\\\n"))
            p->at += 2;
        else if (*p->at == '#')
            while (p->at < p->end && *p->at != '\n')
                p->at++;
        else
            return;
    }
}

/* ---- commands ---- */

/* The command being read; begins one if there is none. */
static struct shell_command *need_command(struct parser *p)
{
    struct shell_script *script = p->script;
    struct shell_command *commands;

    if (p->command != NULL)
        return p->command;
    commands = realloc(script->commands, (script->nr_commands + 1) * sizeof(*commands));
    if (commands == NULL) {
        (void)fail(p, no_memory);
        return NULL;
    }
    script->commands = commands;
    p->command = &commands[script->nr_commands++];
    *p->command = (struct shell_command){.link = p->link};
    return p->command;
}

static bool add_word(struct parser *p)
{
    struct shell_command *command = need_command(p);
    char **argv;

    if (command == NULL)
        return false;
    argv = realloc(command->argv, ((size_t)command->argc + 2) * sizeof(*argv));
    if (argv == NULL)
        return fail(p, no_memory);
    command->argv = argv;
    argv[command->argc] = take_word(p);
    if (argv[command->argc] == NULL)
        return false;
    argv[++command->argc] = NULL;
    return true;
}

static bool add_redirect(struct parser *p)
{
    struct shell_command *command = need_command(p);
    enum shell_redirect_kind kind = is_at(p, ">>") ? SHELL_APPEND : *p->at == '>' ? SHELL_WRITE : SHELL_READ;
    struct shell_redirect *redirects;
    char *path;

    if (command == NULL)
        return false;
    p->at += kind == SHELL_APPEND ? 2 : 1;
    skip_blanks(p);
    if (p->at == p->end || ends_word(*p->at))
        return fail(p, "a file name is missing after < or >");
    path = take_word(p);
    if (path == NULL)
        return false;
    redirects = realloc(command->redirects, (command->nr_redirects + 1) * sizeof(*redirects));
    if (redirects == NULL)
        return fail(p, no_memory);
    command->redirects = redirects;
    redirects[command->nr_redirects++] = (struct shell_redirect){kind, path};
    return true;
}

/* Between commands: what the next one depends on. */
static bool take_separator(struct parser *p)
{
    enum shell_link link = is_at(p, "&&") ? SHELL_IF_OK : is_at(p, "||") ? SHELL_IF_FAILED : SHELL_ALWAYS;

    if (link == SHELL_ALWAYS && (*p->at == '|' || *p->at == '&'))
        return fail(p, *p->at == '|' ? "there are no pipes; use > FILE and < FILE" : "there is no &; use && or ;");
    if (p->command == NULL && (link != SHELL_ALWAYS || (p->link != SHELL_ALWAYS && *p->at == ';')))
        return fail(p, "a command is missing before && or || or ;");
    p->at += link == SHELL_ALWAYS ? 1 : 2;
    if (p->command != NULL || link != SHELL_ALWAYS)
        p->link = link;
    p->command = NULL;
    return true;
}

static bool parse_next(struct parser *p)
{
    if (*p->at == '<' || *p->at == '>')
        return add_redirect(p);
    if (ends_word(*p->at))
        return take_separator(p);
    return add_word(p);
}

static void parse_all(struct parser *p)
{
    skip_blanks(p);
    while (p->at < p->end && parse_next(p))
        skip_blanks(p);
    if (p->error == NULL && p->command == NULL && p->link != SHELL_ALWAYS)
        (void)fail(p, "a command is missing after && or ||");
}

const char *shell_parse(const char *text, size_t size, struct shell_script *script)
{
    struct parser p = {.at = text, .end = text + size, .script = script};

    *script = (struct shell_script){NULL, 0, NULL};
    if (memchr(text, '\0', size) != NULL)
        return "a NUL byte is not text";
    script->text = malloc(2 * size + 1); /* a word of n bytes needs n + 1 */
    if (script->text == NULL)
        return no_memory;
    p.to = script->text;
    parse_all(&p);
    if (p.error != NULL)
        shell_script_finish(script);
    return p.error;
}

void shell_script_finish(struct shell_script *script)
{
    for (size_t i = 0; i < script->nr_commands; i++) {
        free(script->commands[i].argv);
        free(script->commands[i].redirects);
    }
    free(script->commands);
    free(script->text);
    *script = (struct shell_script){NULL, 0, NULL};
}
