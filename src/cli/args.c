/* SPDX-License-Identifier: BSD-2-Clause */
/* Reading a command's arguments: --name VALUE, --name=VALUE, -c VALUE, operands in between, -- before the last. */
#include "command.h"
#include "text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int refuse_option(const struct args *args, const struct option *options, const char *name)
{
    const char *names[32];
    size_t n = 0;
    for (; options[n].name && n < 30; n++)
        names[n] = options[n].name;
    names[n++] = "--help";
    names[n] = NULL;
    const char *nearest = text_nearest(name, names);
    char *safe = text_printable(name);
    if (nearest)
        fprintf(stderr, "mk: %s: unknown option '%s'; did you mean '%s'?\n", args->argv[0], safe, nearest);
    else
        fprintf(stderr, "mk: %s: unknown option '%s'; see mk help %s\n", args->argv[0], safe, args->argv[0]);
    free(safe);
    return ARGS_BAD;
}

static int take_value(struct args *args, const struct option *option, int index, char *attached)
{
    args->value = attached;
    if (attached && !option->has_value) {
        fprintf(stderr, "mk: %s: %s takes no value\n", args->argv[0], option->name);
        return ARGS_BAD;
    }
    if (option->has_value && !attached) {
        if (args->next >= args->argc) {
            fprintf(stderr, "mk: %s: %s needs a value; see mk help %s\n", args->argv[0], option->name, args->argv[0]);
            return ARGS_BAD;
        }
        args->value = args->argv[args->next++];
    }
    return index;
}

int args_next(struct args *args, const struct option *options)
{
    if (args->next == 0)
        args->next = 1;
    if (args->next >= args->argc)
        return ARGS_END;
    char *word = args->value = args->argv[args->next++];
    if (args->is_only_operands || word[0] != '-' || !word[1])
        return ARGS_OPERAND;
    if (strcmp(word, "--") == 0) {
        args->is_only_operands = true;
        return args_next(args, options);
    }
    char *equals = strncmp(word, "--", 2) == 0 ? strchr(word, '=') : NULL;
    char *name = text_ndup(word, equals ? (size_t)(equals - word) : strlen(word));
    int result = ARGS_END;
    for (int i = 0; options[i].name && result == ARGS_END; i++)
        if (strcmp(options[i].name, name) == 0)
            result = take_value(args, &options[i], i, equals ? equals + 1 : NULL);
    if (result == ARGS_END)
        result =
            strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 ? ARGS_HELP : refuse_option(args, options, name);
    free(name);
    return result;
}

bool args_number(const char *command, const char *option, const char *text, uint64_t min, uint64_t max,
                 uint64_t *valuep)
{
    char *end, *safe;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (*text >= '0' && *text <= '9' && !*end && !errno && value >= min && value <= max) {
        *valuep = value;
        return true;
    }
    safe = text_printable(text);
    fprintf(stderr, "mk: %s: %s: '%s' is no number from %llu to %llu\n", command, option, safe, (unsigned long long)min,
            (unsigned long long)max);
    free(safe);
    return false;
}

int args_usage(const struct args *args, const char *why)
{
    fprintf(stderr, "mk: %s: %s (usage: mk %s)\n", args->argv[0], why, command_lookup(args->argv[0])->usage);
    return EXIT_BAD_INPUT;
}
