/* SPDX-License-Identifier: BSD-2-Clause */
/* Start order: tasks sorted by their `after`, those that could start at the same time in the order of the file. */
#include "bootfile_i.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

#define SEPARATORS " \t,"

static void refuse_unknown(struct bootfile *boot, const struct boot_task *task, const char *name)
{
    const char **names = text_realloc(NULL, boot->nr_tasks + 1, sizeof(*names));
    for (size_t i = 0; i < boot->nr_tasks; i++)
        names[i] = boot->tasks[i].name;
    names[boot->nr_tasks] = NULL;
    const char *nearest = text_nearest(name, names);
    if (nearest)
        bootfile_error(boot, task->where[BOOT_KEY_AFTER], "after: there is no task '%s'; did you mean '%s'?", name,
                       nearest);
    else
        bootfile_error(boot, task->where[BOOT_KEY_AFTER], "after: there is no task '%s' in this file", name);
    free(names);
}

static void add_dep(struct boot_task *task, size_t dep)
{
    for (size_t i = 0; i < task->nr_deps; i++)
        if (task->deps[i] == dep)
            return;
    task->deps = text_realloc(task->deps, task->nr_deps + 1, sizeof(*task->deps));
    task->deps[task->nr_deps++] = dep;
}

static void find_deps(struct bootfile *boot, struct boot_task *task)
{
    char *names = text_dup(task->after), *rest = names, *name;
    while ((name = strsep(&rest, SEPARATORS))) {
        if (!*name)
            continue;
        const struct boot_task *dep = bootfile_task(boot, name);
        if (dep)
            add_dep(task, (size_t)(dep - boot->tasks));
        else
            refuse_unknown(boot, task, name);
    }
    free(names);
}

/* The supervisor starts nobody else before it can be asked. */
static void refuse_late_names(struct bootfile *boot, const struct boot_task *task)
{
    if (task->nr_deps && bootfile_is_module(task, "names"))
        bootfile_error(boot, task->where[BOOT_KEY_AFTER],
                       "after: all tasks wait for the name service, so it cannot wait for '%s'",
                       boot->tasks[task->deps[0]].name);
}

/* ---- cycles: a walk in depth; a task met again while it is on the path closes one ---- */

enum mark { MARK_NEW, MARK_ON_PATH, MARK_DONE };

struct walk {
    struct bootfile *boot;
    unsigned char *marks;
    size_t *path; /* task, what it comes after, what that comes after, ... */
    size_t length;
};

static void report_cycle(const struct walk *walk, size_t again)
{
    const struct boot_task *tasks = walk->boot->tasks;
    size_t i = walk->length;
    while (walk->path[i - 1] != again)
        i--;
    char *cycle = text_dup(tasks[again].name);
    for (; i <= walk->length; i++) {
        const char *next = i < walk->length ? tasks[walk->path[i]].name : tasks[again].name;
        char *longer = text_format("%s -> %s", cycle, next);
        free(cycle);
        cycle = longer;
    }
    bootfile_error(walk->boot, tasks[again].where[BOOT_KEY_AFTER],
                   "after: %s is a cycle; a task cannot wait for itself", cycle);
    free(cycle);
}

/* As deep as there are tasks, at most BOOT_TASKS_MAX. */
static bool find_cycles(struct walk *walk, size_t index)
{
    const struct boot_task *task = &walk->boot->tasks[index];
    bool is_cyclic = false;
    walk->marks[index] = MARK_ON_PATH;
    walk->path[walk->length++] = index;
    for (size_t i = 0; i < task->nr_deps; i++) {
        size_t dep = task->deps[i];
        if (walk->marks[dep] == MARK_ON_PATH) {
            report_cycle(walk, dep);
            is_cyclic = true;
        } else if (walk->marks[dep] == MARK_NEW) {
            is_cyclic |= find_cycles(walk, dep);
        }
    }
    walk->length--;
    walk->marks[index] = MARK_DONE;
    return is_cyclic;
}

static bool has_cycles(struct bootfile *boot)
{
    struct walk walk = {boot, text_realloc(NULL, boot->nr_tasks, 1), text_realloc(NULL, boot->nr_tasks, sizeof(size_t)),
                        0};
    bool is_cyclic = false;
    memset(walk.marks, MARK_NEW, boot->nr_tasks);
    for (size_t i = 0; i < boot->nr_tasks; i++)
        if (walk.marks[i] == MARK_NEW)
            is_cyclic |= find_cycles(&walk, i);
    free(walk.marks);
    free(walk.path);
    return is_cyclic;
}

/* ---- the order ---- */

static bool is_ready(const struct boot_task *task, const bool *is_started)
{
    for (size_t i = 0; i < task->nr_deps; i++)
        if (!is_started[task->deps[i]])
            return false;
    return true;
}

/* Start the first in the file that can be started, again and again. There are no cycles. */
static void sort_tasks(struct bootfile *boot)
{
    bool *is_started = text_realloc(NULL, boot->nr_tasks, sizeof(*is_started));
    memset(is_started, 0, boot->nr_tasks * sizeof(*is_started));
    for (size_t n = 0; n < boot->nr_tasks; n++) {
        size_t i = 0;
        while (is_started[i] || !is_ready(&boot->tasks[i], is_started))
            i++;
        is_started[i] = true;
        boot->order[n] = i;
    }
    free(is_started);
}

void bootorder_resolve(struct bootfile *boot)
{
    for (size_t i = 0; i < boot->nr_tasks; i++)
        find_deps(boot, &boot->tasks[i]);
    boot->order = text_realloc(boot->order, boot->nr_tasks, sizeof(*boot->order));
    if (has_cycles(boot))
        return;
    for (size_t i = 0; i < boot->nr_tasks; i++)
        refuse_late_names(boot, &boot->tasks[i]);
    sort_tasks(boot);
}
