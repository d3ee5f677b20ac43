/* SPDX-License-Identifier: BSD-2-Clause */
/* The commands of mk, their help, and how they read their arguments. */
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

#include <stdbool.h>
#include <stdint.h>

/* How mk ends. `mk run` otherwise gives the exit code of the run. */
enum { EXIT_FINE = 0, EXIT_FAILED = 1, EXIT_BAD_INPUT = 2 };

struct command {
    const char *name;
    const char *usage;                 /* behind "mk " */
    const char *summary;               /* one line */
    const char *details;               /* options and an example */
    int (*run)(int argc, char **argv); /* argv[0] is the command */
};

/* All of them, closed by a name of NULL. Every text about a command stands there. */
extern const struct command commands[];
const struct command *command_lookup(const char *name);

/* Report an unknown command with the nearest known one; returns EXIT_BAD_INPUT. */
int command_unknown(const char *name);

int cmd_run(int argc, char **argv);
int cmd_campaign(int argc, char **argv);
int cmd_check(int argc, char **argv);
int cmd_new(int argc, char **argv);
int cmd_refs(int argc, char **argv);
int cmd_sched(int argc, char **argv);
int cmd_bench(int argc, char **argv);
int cmd_help(int argc, char **argv);

/* ---- arguments ---- */

struct option {
    const char *name; /* with its dashes */
    bool has_value;
};

struct args {
    int argc;
    char **argv;
    int next;
    bool is_only_operands; /* behind -- */
    char *value;           /* of the option or operand just read */
};

enum { ARGS_END = -1, ARGS_OPERAND = -2, ARGS_HELP = -3, ARGS_BAD = -4 };

/*
 * The next argument: an option's index in the list (closed by a name of NULL)
 * or one of the above. ARGS_BAD was reported.
 */
int args_next(struct args *args, const struct option *options);

/* A decimal number in these bounds; false, with a line that says so, for anything else. */
bool args_number(const char *command, const char *option, const char *text, uint64_t min, uint64_t max,
                 uint64_t *valuep);

/* Report wrong usage, with the command's usage behind it; returns EXIT_BAD_INPUT. */
int args_usage(const struct args *args, const char *why);

#endif
