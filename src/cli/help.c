/* SPDX-License-Identifier: BSD-2-Clause */
/* mk help: the overview, one command, or the table of errors. */
#include "command.h"

#include <mk/error.h>
#include <mk/version.h>

#include <stdio.h>
#include <string.h>

static void print_overview(void)
{
    puts("mk " MK_VERSION ": a whole microkernel system inside one process\n");
    for (const struct command *command = commands; command->name; command++)
        printf("  mk %-8s %s\n", command->name, command->summary);
    puts("\nmk help COMMAND tells more. Exit status: 0 fine, 1 the run failed, 2 bad usage or bad input.");
}

static void print_command(const struct command *command)
{
    printf("usage: mk %s\n\nmk %s: %s.\n\n%s", command->usage, command->name, command->summary, command->details);
}

static void print_errors(void)
{
    static const struct {
        const char *name;
        int number;
        const char *text;
    } errors[] = {
#define HELP_ERROR(code, number, text) {#code, number, text},
        MK_ERROR_MAP(HELP_ERROR)
#undef HELP_ERROR
    };
    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
        printf("%4d  %-20s  %s\n", errors[i].number, errors[i].name, errors[i].text);
}

int cmd_help(int argc, char **argv)
{
    static const struct option options[] = {{0}};
    struct args args = {.argc = argc, .argv = argv};
    const char *topic = NULL;
    for (int option; (option = args_next(&args, options)) != ARGS_END;) {
        if (option == ARGS_BAD)
            return EXIT_BAD_INPUT;
        if (option == ARGS_OPERAND && topic)
            return args_usage(&args, "one topic at a time");
        topic = option == ARGS_HELP ? "help" : args.value;
    }
    if (!topic) {
        print_overview();
        return EXIT_FINE;
    }
    if (strcmp(topic, "errors") == 0) {
        print_errors();
        return EXIT_FINE;
    }
    const struct command *command = command_lookup(topic);
    if (!command)
        return command_unknown(topic);
    print_command(command);
    return EXIT_FINE;
}
