/* SPDX-License-Identifier: BSD-2-Clause */
/* From a boot file to a machine, as `mk run` and `mk check` share it. */
#ifndef CLI_SETUP_H
#define CLI_SETUP_H

#include "bootfile.h"

struct setup {
    struct bootfile boot;
    char *folder;                /* of the boot file, absolute */
    char *guardian, *supervisor; /* paths of their plugins */
    bool is_quiet;               /* the machine's log is not shown */
    bool is_creating;            /* log lines are reasons, not news */
    char **reasons;              /* why the machine was not created */
    size_t nr_reasons;
    struct mk_machine_config hooks; /* for the machine: max_quanta, log, alloc_hook, probe; no other */
};

/* One --set or --seed of the command line. */
struct setup_override {
    char *option;     /* as typed, for errors */
    const char *text; /* SECTION.KEY=VALUE, or the seed */
    bool is_seed;
};

struct setup_overrides {
    struct setup_override *list;
    size_t nr;
};

void setup_add_set(struct setup_overrides *overrides, const char *text);
void setup_add_seed(struct setup_overrides *overrides, const char *text);
void setup_free_overrides(struct setup_overrides *overrides);

/*
 * Read the file, apply the overrides, find and check every plugin. True when
 * there were no errors; they are not reported yet.
 */
bool setup_load(struct setup *setup, const char *path, const struct setup_overrides *overrides);

/* Whether what the supervisor is to be told is short enough; an error of the boot file if not. */
bool setup_check_description(struct setup *setup);

/* The task that takes commands; NULL: there is none. */
const struct boot_task *setup_find_shell(const struct setup *setup);
/* Have it run these and end; an error of the boot file if that cannot be. */
bool setup_give_commands(struct setup *setup, const char *commands);

/* Create the machine. What it refuses becomes an error of the boot file, at the key that asked for it. */
mk_err_t setup_create(struct setup *setup, struct mk_machine **machinep);

/* The first task, which starts the supervisor, which starts the others. `why`: as of mk_machine_load. */
mk_err_t setup_load_guardian(struct setup *setup, struct mk_machine *machine, char *why, size_t why_size);

/*
 * What the guardian is told: the path of the supervisor's plugin; and what that is told: a line for each group, then
 * for each task in start order. To be freed.
 */
char *setup_describe(const struct setup *setup);

void setup_finish(struct setup *setup);

#endif
