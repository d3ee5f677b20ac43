/* SPDX-License-Identifier: BSD-2-Clause */
/* Deadlines of waiting threads: a binary heap ordered by (deadline, order of arming). */
#ifndef KERN_TIMER_H
#define KERN_TIMER_H

#include "kern/machine.h"

bool timer_reserve(struct mk_machine *machine, uint64_t nr_threads);
void timer_add(struct mk_machine *machine, struct thread *thread, mk_time_t deadline);
void timer_remove(struct mk_machine *machine, struct thread *thread); /* harmless when none is armed */

/* Earliest deadline; MK_TIME_FOREVER: none. */
static inline mk_time_t timer_next(const struct mk_machine *machine)
{
    return machine->nr_timers ? machine->timers[1]->deadline : MK_TIME_FOREVER;
}

/* Take the thread whose deadline is not after now, or NULL. */
struct thread *timer_take(struct mk_machine *machine, mk_time_t now);

#endif
