/* SPDX-License-Identifier: BSD-2-Clause */
/* The heap of deadlines; see timer.h. */
#include "kern/timer.h"

static bool is_before(const struct thread *a, const struct thread *b)
{
    return a->deadline != b->deadline ? a->deadline < b->deadline : a->timer_order < b->timer_order;
}

static void place(struct mk_machine *machine, uint32_t i, struct thread *thread)
{
    machine->timers[i] = thread;
    thread->timer = i;
}

static void sift_up(struct mk_machine *machine, uint32_t i, struct thread *thread)
{
    for (; i > 1 && is_before(thread, machine->timers[i / 2]); i /= 2)
        place(machine, i, machine->timers[i / 2]);
    place(machine, i, thread);
}

static void sift_down(struct mk_machine *machine, uint32_t i, struct thread *thread)
{
    for (;;) {
        uint32_t child = 2 * i;
        if (child > machine->nr_timers)
            break;
        if (child < machine->nr_timers && is_before(machine->timers[child + 1], machine->timers[child]))
            child++;
        if (!is_before(machine->timers[child], thread))
            break;
        place(machine, i, machine->timers[child]);
        i = child;
    }
    place(machine, i, thread);
}

bool timer_reserve(struct mk_machine *machine, uint64_t nr_threads)
{
    if (nr_threads + 1 <= machine->max_timers)
        return true;
    uint32_t max = machine->max_timers ? machine->max_timers : 64;
    while (max < nr_threads + 1)
        max *= 2;
    struct thread **timers = kmem_alloc(&machine->kmem, max * sizeof(struct thread *));
    if (!timers)
        return false;
    if (machine->nr_timers)
        memcpy(timers, machine->timers, (machine->nr_timers + 1) * sizeof(struct thread *));
    kmem_free(&machine->kmem, machine->timers, machine->max_timers * sizeof(struct thread *));
    machine->timers = timers;
    machine->max_timers = max;
    return true;
}

void timer_add(struct mk_machine *machine, struct thread *thread, mk_time_t deadline)
{
    thread->deadline = deadline;
    thread->timer_order = machine->next_timer_order++;
    thread->flags |= THREAD_HAS_TIMER;
    sift_up(machine, ++machine->nr_timers, thread);
}

void timer_remove(struct mk_machine *machine, struct thread *thread)
{
    if (!(thread->flags & THREAD_HAS_TIMER))
        return;
    uint32_t i = thread->timer;
    struct thread *last = machine->timers[machine->nr_timers--];
    thread->flags &= (uint8_t)~THREAD_HAS_TIMER;
    thread->timer = 0;
    thread->deadline = MK_TIME_FOREVER;
    if (last == thread)
        return;
    if (i > 1 && is_before(last, machine->timers[i / 2]))
        sift_up(machine, i, last);
    else
        sift_down(machine, i, last);
}

struct thread *timer_take(struct mk_machine *machine, mk_time_t now)
{
    if (timer_next(machine) > now)
        return NULL;
    struct thread *thread = machine->timers[1];
    timer_remove(machine, thread);
    return thread;
}
