/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Boot files: what a machine is made of, in INI.
 *
 * Reading goes in steps that can each find errors: bootfile_read (or _parse),
 * bootfile_override for each --set, bootfile_resolve. Nothing stops at the
 * first error; bootfile_report prints all of them, by line. No machine here.
 */
#ifndef CLI_BOOTFILE_H
#define CLI_BOOTFILE_H

#include <mk/machine.h>

#include <stdio.h>

#define BOOT_LINE_MAX      197 /* bytes of a line: inih's 200 less CR, LF and NUL */
#define BOOT_FILE_MAX      (1 << 20)
#define BOOT_TASKS_MAX     1024
#define BOOT_CPUS_MAX      1024
#define BOOT_TIME_MIN      ((uint64_t)MK_MSEC) /* of heartbeats and periods */
#define BOOT_TIME_MAX      ((uint64_t)1000000 * MK_SEC)
#define BOOT_INTENSITY_MAX 1000
#define BOOT_MEMORY        ((uint64_t)64 << 20) /* the machine's own defaults, for printing */
#define BOOT_QUANTUM       (10 * MK_MSEC)
#define BOOT_WATCHDOG      (10 * MK_SEC)
#define BOOT_PERIOD        (5 * MK_SEC) /* of a group */
#define BOOT_GROUP_DEFAULT "default"

enum boot_machine_key {
    BOOT_KEY_MEMORY,
    BOOT_KEY_CPUS,
    BOOT_KEY_CLOCK,
    BOOT_KEY_QUANTUM,
    BOOT_KEY_POLICY,
    BOOT_KEY_PAGE_POLICY,
    BOOT_KEY_ISOLATION,
    BOOT_KEY_CONTEXT,
    BOOT_KEY_SEED,
    BOOT_KEY_WATCHDOG,
    BOOT_KEY_MAX_QUANTA,
    BOOT_NR_MACHINE_KEYS,
};

enum boot_task_key {
    BOOT_KEY_MODULE,
    BOOT_KEY_ARGS,
    BOOT_KEY_PRIORITY,
    BOOT_KEY_PRIVILEGED,
    BOOT_KEY_AFTER,
    BOOT_KEY_MEMORY_LIMIT,
    BOOT_KEY_FRAMES,
    BOOT_KEY_RESTART,
    BOOT_KEY_HEARTBEAT,
    BOOT_KEY_GROUP,
    BOOT_KEY_USES,
    BOOT_KEY_PROVIDES,
    BOOT_NR_TASK_KEYS,
};

enum boot_group_key {
    BOOT_KEY_STRATEGY,
    BOOT_KEY_INTENSITY,
    BOOT_KEY_PERIOD,
    BOOT_KEY_ESCALATE,
    BOOT_NR_GROUP_KEYS,
};

/* When a task that ended is started again. Which the default is depends on what the task turns out to be. */
enum boot_restart { BOOT_RESTART_DEFAULT, BOOT_RESTART_NEVER, BOOT_RESTART_ON_CRASH, BOOT_RESTART_ALWAYS };

/* Which tasks of a group are started again with the one that ended. */
enum boot_strategy { BOOT_ONE_FOR_ONE, BOOT_REST_FOR_ONE, BOOT_ONE_FOR_ALL };

/* Where a value came from. Line 0 without an option: not given. */
struct boot_where {
    int line;
    const char *option; /* "--set machine.memory=1G"; NULL: the file. Kept by the caller */
};

struct boot_machine {
    struct boot_where where[BOOT_NR_MACHINE_KEYS];
    uint64_t memory;
    uint32_t nr_cpus;
    enum mk_clock clock;
    mk_time_t quantum;
    char *policy, *page_policy;
    enum mk_isolation isolation;
    enum mk_context context;
    uint64_t seed;
    mk_time_t watchdog;  /* MK_TIME_FOREVER: none */
    uint32_t max_quanta; /* 0: no limit */
};

struct boot_task {
    char name[MK_LABEL_MAX];
    int line; /* of its section */
    struct boot_where where[BOOT_NR_TASK_KEYS];
    char *module; /* as written, or the name */
    char *args;
    char *after; /* as written */
    int priority;
    bool is_privileged;
    uint64_t memory_limit; /* 0: none */
    uint32_t nr_frames;    /* of its own; 0: it shares the machine's */
    enum boot_restart restart;
    mk_time_t heartbeat; /* 0: none */
    char *group_name;    /* as written, or "default" */
    size_t group;        /* its index, set by bootfile_resolve */
    size_t *deps;        /* indexes of the tasks named by `after`, set by bootfile_resolve */
    size_t nr_deps;
    char *uses; /* services that it may look up, with a blank between; NULL: all. Before bootfile_resolve as written */
    char *provides; /* the same: services that it may register */
    char *plugin;   /* absolute path; NULL until it was found */
};

struct boot_group {
    char name[MK_LABEL_MAX];
    int line; /* of its section; 0: "default", which needs none */
    struct boot_where where[BOOT_NR_GROUP_KEYS];
    enum boot_strategy strategy;
    uint32_t intensity; /* restarts within a period that it survives; 0: any number */
    mk_time_t period;
    bool halts; /* one too many stops the machine */
};

struct boot_error {
    struct boot_where where;
    char *text;
};

struct bootfile {
    char *path;
    int machine_line; /* of [machine]; 0: there is none */
    struct boot_machine machine;
    struct boot_task *tasks; /* in file order */
    size_t nr_tasks;
    struct boot_group *groups; /* in file order */
    size_t nr_groups;
    size_t *order;    /* indexes in start order, set by bootfile_resolve */
    bool has_task;    /* there is a [task], good or not */
    bool is_readable; /* the file could be read: its content was judged */
    struct boot_error *errors;
    size_t nr_errors;
};

void bootfile_init(struct bootfile *boot, const char *path);
void bootfile_finish(struct bootfile *boot);

/* Read and parse the file at boot->path. */
void bootfile_read(struct bootfile *boot);

/* Parse text that is in memory. Once for a bootfile. */
void bootfile_parse(struct bootfile *boot, const char *text, size_t size);

/* Override one value after parsing. `option` is what the user typed, for errors; it must live as long as `boot`. */
void bootfile_override(struct bootfile *boot, const char *option, const char *section, const char *key,
                       const char *value);

/* The same for "SECTION.KEY=VALUE". */
void bootfile_set(struct bootfile *boot, const char *option, const char *assignment);

/* Look over the whole: tasks, quotes, groups, services, `after`; finds the start order. */
void bootfile_resolve(struct bootfile *boot);

/* Add an error. With a `where` that was not given it is the file's as a whole. */
void bootfile_error(struct bootfile *boot, struct boot_where where, const char *format, ...) MK_PRINTF(3, 4);

/* Print the errors, one line each, by line; returns how many there are. */
size_t bootfile_report(struct bootfile *boot, FILE *out);

/* One error as it is printed, without its newline; to be freed. */
char *bootfile_error_text(const struct bootfile *boot, const struct boot_error *error);

/* Where to report what is wrong with a task's module: its key, or the section. */
struct boot_where bootfile_module_where(const struct boot_task *task);

/* Is it an instance of this server, wherever its file is? */
bool bootfile_is_module(const struct boot_task *task, const char *module);

/* The task or group of this name, or NULL. */
struct boot_task *bootfile_task(const struct bootfile *boot, const char *name);
struct boot_group *bootfile_group(const struct bootfile *boot, const char *name);

/* Names as they are written in boot files. NULL-terminated; of the machine's keys in the order of the enum. */
extern const char *const bootfile_machine_keys[];
extern const char *const bootfile_clocks[];
extern const char *const bootfile_isolations[];
extern const char *const bootfile_contexts[];
extern const char *const bootfile_restarts[]; /* from BOOT_RESTART_NEVER on */
extern const char *const bootfile_strategies[];
extern const char *const bootfile_escalations[];

#endif
