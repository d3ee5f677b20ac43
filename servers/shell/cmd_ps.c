/* SPDX-License-Identifier: BSD-2-Clause */
/* ps: one line for each thread, and for each task that has none; what a blocked thread waits for, and on whom.
 * The machine also remembers the tasks that ended last; -a shows them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"

struct snapshot {
    struct mk_task_info *tasks;
    struct mk_thread_info *threads;
    size_t nr_tasks, nr_threads;
};

static mk_err_t take_snapshot(struct snapshot *s)
{
    size_t max = 0;
    mk_err_t err = list_tasks(&s->tasks, &s->nr_tasks);

    if (err == MK_OK)
        err = mk_machine_threads(NULL, NULL, 0, &max);
    if (err != MK_OK)
        return err;
    s->threads = calloc(max + 1, sizeof(*s->threads));
    if (s->threads == NULL)
        return MK_E_NO_MEMORY;
    err = mk_machine_threads(NULL, s->threads, max, &s->nr_threads);
    if (s->nr_threads > max)
        s->nr_threads = max;
    return err;
}

/* "1.5 s": without zeros at the end. */
static void put_instant(char *to, size_t size, const char *before, mk_time_t t)
{
    char text[32];
    size_t length = strlen(seconds(t, text));

    while (text[length - 1] == '0' && text[length - 2] != '.')
        length--;
    snprintf(to, size, "%s%.*s s", before, (int)length, text);
}

/* " (label)" of the task that the wait depends on. */
static const char *put_whom(const struct snapshot *s, uint64_t task, char *text, size_t size)
{
    if (task == 0)
        return "";
    snprintf(text, size, " (%s)", task_label(s->tasks, s->nr_tasks, task));
    return text;
}

static void put_wait(const struct snapshot *s, const struct mk_thread_info *t, char *to, size_t size)
{
    unsigned long long port = t->wait_port;
    char text[MK_LABEL_MAX + 4];
    const char *whom = put_whom(s, t->wait_task, text, sizeof(text));

    to[0] = '\0';
    switch (t->wait) {
    case MK_WAIT_NONE:
        break;
    case MK_WAIT_RECEIVE:
        snprintf(to, size, "message on port %llu", port);
        break;
    case MK_WAIT_EVENT:
        snprintf(to, size, "signal on port %llu", port);
        break;
    case MK_WAIT_SEND:
        snprintf(to, size, "room on port %llu%s", port, whom);
        break;
    case MK_WAIT_REPLY:
        snprintf(to, size, "reply of port %llu%s", port, whom);
        break;
    case MK_WAIT_SLEEP:
        put_instant(to, size, "sleep until ", t->deadline);
        break;
    case MK_WAIT_TASK:
        snprintf(to, size, "end of task %llu%s", (unsigned long long)t->wait_task, whom);
        break;
    case MK_WAIT_THREAD:
        snprintf(to, size, "end of thread %llu%s", (unsigned long long)t->wait_thread, whom);
        break;
    case MK_WAIT_PAGE:
        snprintf(to, size, "page of memory%s", whom);
        break;
    case MK_WAIT_DEVICE:
        snprintf(to, size, "input");
        break;
    }
}

static const char *state_name(enum mk_thread_state state)
{
    static const char *const names[] = {
        [MK_THREAD_READY] = "ready",
        [MK_THREAD_RUNNING] = "running",
        [MK_THREAD_BLOCKED] = "blocked",
        [MK_THREAD_SUSPENDED] = "suspended",
    };

    return (unsigned)state < sizeof(names) / sizeof(names[0]) ? names[state] : "?";
}

static const char *microseconds(mk_time_t ns, char *text)
{
    snprintf(text, 32, "%.2f", (double)ns / 1000);
    return text;
}

static void show_thread(struct shell *sh, const struct snapshot *s, const struct mk_task_info *task,
                        const struct mk_thread_info *t)
{
    char name[2 * MK_LABEL_MAX + 2], priority[32], run[32], ready[32], wait[128], until[64] = "";

    snprintf(name, sizeof(name), "%s%s%s", task->label, t->label[0] == '\0' ? "" : "/", t->label);
    if (t->priority == t->base_priority)
        snprintf(priority, sizeof(priority), "%d", (int)t->priority);
    else
        snprintf(priority, sizeof(priority), "%d(%d)", (int)t->priority, (int)t->base_priority);
    put_wait(s, t, wait, sizeof(wait));
    if (t->wait != MK_WAIT_NONE && t->wait != MK_WAIT_SLEEP && t->deadline != MK_TIME_FOREVER)
        put_instant(until, sizeof(until), ", until ", t->deadline);
    out_text(sh, "%4llu %4llu %-15s %-9s %4s %9s %9s %s%s\n", (unsigned long long)task->id, (unsigned long long)t->id,
             name, state_name(t->state), priority, microseconds(t->run_time, run), microseconds(t->ready_time, ready),
             wait[0] == '\0' ? "-" : wait, until);
}

static void show_idle_task(struct shell *sh, const struct mk_task_info *task)
{
    char run[32], state[32] = "empty";

    if (task->is_ended)
        snprintf(state, sizeof(state), "ended");
    out_text(sh, "%4llu %4s %-15s %-9s %4s %9s %9s ", (unsigned long long)task->id, "-", task->label, state, "-",
             microseconds(task->run_time, run), "-");
    if (task->is_ended)
        out_text(sh, "exit code %d\n", (int)task->exit_code);
    else
        out_text(sh, "-\n");
}

static void show_task(struct shell *sh, const struct snapshot *s, const struct mk_task_info *task)
{
    bool has_thread = false;

    for (size_t i = 0; i < s->nr_threads; i++) {
        if (s->threads[i].task != task->id)
            continue;
        show_thread(sh, s, task, &s->threads[i]);
        has_thread = true;
    }
    if (!has_thread)
        show_idle_task(sh, task);
}

int cmd_ps(struct shell *sh, int argc, char **argv)
{
    bool has_ended = argc == 2 && strcmp(argv[1], "-a") == 0;
    struct snapshot s = {0};
    mk_err_t err;

    if (argc > 2 || (argc == 2 && !has_ended))
        return err_usage(sh, "ps");
    err = take_snapshot(&s);
    if (err == MK_OK)
        out_text(sh, "%4s %4s %-15s %-9s %4s %9s %9s %s\n", "TASK", "THR", "NAME", "STATE", "PRIO", "RUN us",
                 "READY us", "WAITS FOR");
    for (size_t i = 0; err == MK_OK && i < s.nr_tasks; i++)
        if (has_ended || !s.tasks[i].is_ended)
            show_task(sh, &s, &s.tasks[i]);
    free(s.threads);
    free(s.tasks);
    return err == MK_OK ? 0 : err_fail(sh, "ps", "machine", err);
}
