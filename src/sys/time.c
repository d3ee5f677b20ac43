/* SPDX-License-Identifier: BSD-2-Clause */
/* Entries of <mk/time.h>. */
#include "sys/sys.h"

#include "kern/choice.h"

mk_time_t mk_time_now(void)
{
    struct cpu *cpu = kernel_look();
    if (!cpu)
        return 0;
    bool was_open = kernel_open(cpu);
    sched_update_clock(cpu);
    mk_time_t now = cpu->now;
    kernel_close(cpu, was_open);
    return now;
}

mk_err_t mk_time_sleep(mk_time_t deadline)
{
    ENTER(cpu, self);
    (void)self;
    mk_err_t err = deadline < 0 ? MK_E_BAD_ARGUMENT : MK_OK;
    if (!err && deadline > cpu->now)
        err = sched_block(cpu, NULL, MK_WAIT_SLEEP, NULL, deadline, NULL);
    return leave(cpu, err);
}

mk_err_t mk_time_spend(mk_time_t ns)
{
    ENTER(cpu, self);
    (void)self;
    if (ns < 0 || ns > MK_TIME_FOREVER / 2 - cpu->now)
        return leave(cpu, MK_E_BAD_ARGUMENT);
    sched_spend(cpu, ns);
    kernel_close_all(cpu);
    return MK_OK;
}

uint64_t mk_random(void)
{
    struct cpu *cpu = kernel_enter();
    if (!cpu)
        return 0;
    uint64_t number = choice_make(cpu, CHOICE_RANDOM, UINT64_MAX);
    kernel_leave(cpu);
    return number;
}
