/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the examples share: stop at an error, start a child task, run a machine.
 * hello.c does without, to show all that a program needs.
 */
#ifndef EXAMPLES_EXAMPLE_H
#define EXAMPLES_EXAMPLE_H

#include <stdio.h>
#include <string.h>

#include <mk/mk.h>

/* Inside a machine: a call that must succeed. Else its task ends with exit code 1, which becomes the run's. */
#define OK(call) example_ok((call), #call)

static inline void example_ok(mk_err_t err, const char *call)
{
    if (err == MK_OK)
        return;
    mk_log("%s: %s", call, mk_err_text(err));
    mk_task_exit(1);
}

/* A port of the calling task, with a send right under the same name. */
static inline mk_name_t example_port(void)
{
    mk_name_t port;
    OK(mk_port_create(&port));
    OK(mk_right_make(port, MK_RIGHT_SEND, 0, NULL));
    return port;
}

/*
 * A child task with one thread and one right: `name`, given as `how` says. Its
 * argument is the right's name in the child's own port space. Returns the child.
 */
static inline mk_name_t example_child(const char *label, void (*entry)(void *), mk_name_t name, enum mk_disposition how)
{
    mk_name_t task, there;
    OK(mk_task_create(label, &task));
    OK(mk_right_insert(task, name, how, &there));
    const struct mk_thread_attr attr = {.entry = entry, .arg = (void *)(uintptr_t)there};
    OK(mk_thread_create(task, &attr, NULL));
    return task;
}

/* The child's side of example_child. */
static inline mk_name_t example_right(void *arg)
{
    return (mk_name_t)(uintptr_t)arg;
}

/*
 * The machine's log goes to standard output: mk_log writes "[task] text". The indented lines of a crash report have
 * addresses, which differ from run to run: to standard error.
 */
static inline void example_log(void *arg, const char *line)
{
    static bool is_report;
    (void)arg;
    is_report = is_report && line[0] == ' ';
    fprintf(is_report ? stderr : stdout, "%s\n", line);
    is_report = is_report || strstr(line, "ended its task");
}

/* A machine that begins with these tasks. The run's exit code, or 1 when something failed. */
static inline int example_run_with(struct mk_machine_config config, const struct mk_spawn *spawns, size_t nr)
{
    struct mk_machine *machine;
    int code = 1;
    config.log = example_log;
    if (mk_machine_create(&config, &machine))
        return 1;
    mk_err_t err = MK_OK;
    for (size_t i = 0; i < nr && !err; i++)
        err = mk_machine_spawn(machine, &spawns[i], NULL);
    if (!err)
        err = mk_machine_run(machine, &code);
    if (!err)
        err = mk_machine_audit(machine); /* every right and message accounted for */
    mk_machine_destroy(machine);
    return err ? 1 : code;
}

static inline int example_run(const struct mk_spawn *spawns, size_t nr)
{
    return example_run_with((struct mk_machine_config){0}, spawns, nr);
}

/* With this much memory. */
static inline int example_run_in(uint64_t memory_size, const struct mk_spawn *spawns, size_t nr)
{
    return example_run_with((struct mk_machine_config){.memory_size = memory_size}, spawns, nr);
}

#endif
