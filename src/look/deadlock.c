/* SPDX-License-Identifier: BSD-2-Clause */
/* Why nothing can run any more: who waits for whom. */
#include "look/look.h"

#include <stdio.h>

static const char *label_of(struct mk_machine *machine, uint64_t id)
{
    list_for_each (link, &machine->tasks)
        if (list_entry(link, struct task, all_link)->id == id)
            return list_entry(link, struct task, all_link)->label;
    return "nobody";
}

static void report_thread(struct mk_machine *machine, const struct thread *thread)
{
    struct mk_thread_info info;
    char what[160];
    look_thread(machine, thread, &info);
    unsigned long long port = info.wait_port;
    const char *whom = label_of(machine, info.wait_task);
    switch (info.wait) {
    case MK_WAIT_RECEIVE:
        snprintf(what, sizeof(what), "waits for a message on port %llu", port);
        break;
    case MK_WAIT_EVENT:
        snprintf(what, sizeof(what), "waits for a signal to event port %llu", port);
        break;
    case MK_WAIT_SEND:
        snprintf(what, sizeof(what), "waits for room in the queue of port %llu, which %s should empty", port, whom);
        break;
    case MK_WAIT_REPLY:
        snprintf(what, sizeof(what), "waits for the answer to its call on port %llu, which %s should give", port, whom);
        break;
    case MK_WAIT_PAGE:
        snprintf(what, sizeof(what), "waits for a page of memory, which %s should supply", whom);
        break;
    case MK_WAIT_TASK:
        snprintf(what, sizeof(what), "waits for the end of task %s", whom);
        break;
    case MK_WAIT_THREAD:
        snprintf(what, sizeof(what), "waits for the end of thread %llu of %s", (unsigned long long)info.wait_thread,
                 whom);
        break;
    case MK_WAIT_SLEEP:
        snprintf(what, sizeof(what), "sleeps for ever");
        break;
    default:
        snprintf(what, sizeof(what), "is suspended");
        break;
    }
    machine_log(machine, "  %s, thread %llu: %s%s", thread->task->label, (unsigned long long)thread->id, what,
                thread->suspend_count && info.wait ? " (and is suspended)" : "");
}

void report_deadlock(struct mk_machine *machine)
{
    unsigned nr_left = 40;
    machine_log(machine, "deadlock: no thread can run, and no timer or input can come that would change it");
    for (int pass = 0; pass < 2; pass++) { /* first the tasks that keep the run going, then the servers */
        list_for_each (link, &machine->threads) {
            const struct thread *thread = list_entry(link, struct thread, all_link);
            if (thread->task->counts == (pass == 0) && nr_left > 0 && nr_left--)
                report_thread(machine, thread);
        }
    }
    if (machine->nr_threads > 40)
        machine_log(machine, "  and %llu more", (unsigned long long)machine->nr_threads - 40);
}
