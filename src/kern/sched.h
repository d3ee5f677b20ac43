/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scheduling: who runs.
 *
 * The strongest ready thread runs; equals take turns of a quantum (fixed
 * priority with round robin). A run queue per priority and a bitmap of those
 * that are not empty make every decision O(1).
 *
 * A kernel call begins with kernel_enter, which charges its cost to the clock,
 * and ends with kernel_leave, where a due timer, an ended slice or a stronger
 * thread takes effect. In between the current thread keeps the CPU unless it
 * blocks. Whoever runs spends the slice: a hand-off passes it on.
 */
#ifndef KERN_SCHED_H
#define KERN_SCHED_H

#include "kern/machine.h"
#include "kern/trace.h"

void sched_init(struct cpu *cpu);
void sched_set_slow(struct mk_machine *machine); /* recompute cpu->is_slow */

/* Make room for one more thread's timer. Before the thread exists, so that waiting cannot fail. */
bool sched_reserve_timer(struct mk_machine *machine);

/*
 * Make a thread ready, at the tail of its queue; it was blocked, stopped or is
 * new. If it is suspended it becomes stopped instead.
 */
void sched_ready(struct cpu *cpu, struct thread *thread);

/* Take a blocked thread out of its wait with this status: not ready yet, in no queue. Then sched_ready, or hand-off. */
void sched_unblock(struct cpu *cpu, struct thread *thread, mk_err_t status);

static inline void sched_wake(struct cpu *cpu, struct thread *thread, mk_err_t status)
{
    sched_unblock(cpu, thread, status);
    sched_ready(cpu, thread);
}

/* Wake every thread in a wait queue. */
void sched_wake_all(struct cpu *cpu, struct list *queue, mk_err_t status);

/*
 * The one way to wait. The current thread leaves the CPU, in `queue` if there
 * is one, until it is woken (the waker supplies the status), the deadline
 * passes (MK_E_TIMED_OUT) or the wait is aborted (MK_E_ABORTED). The caller has
 * checked that the deadline is in the future. `heir`, if not NULL, was just unblocked: it
 * gets the CPU at once unless a stronger thread is ready.
 */
mk_err_t sched_block(struct cpu *cpu, struct list *queue, enum mk_wait wait, void *object, mk_time_t deadline,
                     struct thread *heir);

/* MK_OK if a wait until `deadline` can begin; else what to return: MK_E_WOULD_BLOCK, MK_E_TIMED_OUT. */
mk_err_t sched_may_wait(const struct cpu *cpu, mk_time_t deadline);

/* Take a thread out of whatever queue it is in, for good. Not the current one. */
void sched_forget(struct cpu *cpu, struct thread *thread);

/* End the current thread; its context starts another life if it is entered again. */
void sched_exit(struct cpu *cpu);

/* Let equals run first. */
void sched_yield(struct cpu *cpu);
/*
 * The same at the kernel's door, with the current thread's frame there, when the next of its equals can simply go on:
 * the stack pointer to go on with. NULL: nothing was done.
 */
void *sched_yield_fast(struct cpu *cpu, void *frame);

/*
 * Give the CPU to `to` if it is ready and no stronger thread is, with the rest of the slice; else, or when it is
 * NULL, to whom the policy chooses. With a deadline that is not MK_TIME_POLL the current thread has priority 0 until
 * it runs again, or the deadline passes.
 */
void sched_hand_over(struct cpu *cpu, struct thread *to, mk_time_t depressed_until);
/* The same, and the current thread waits until the deadline. */
mk_err_t sched_hand_over_and_wait(struct cpu *cpu, struct thread *to, mk_time_t deadline);
void sched_undepress(struct cpu *cpu, struct thread *thread);

/* A new base priority. */
void sched_set_priority(struct cpu *cpu, struct thread *thread, int priority);
/* The priority it runs with; only lend.c says so. */
void sched_change_priority(struct cpu *cpu, struct thread *thread, uint8_t priority);
/* After a change of a thread's suspend count. */
void sched_suspend(struct cpu *cpu, struct thread *thread);
void sched_resume(struct cpu *cpu, struct thread *thread);

/* Let the clock advance by ns of the current thread's computing. */
void sched_spend(struct cpu *cpu, mk_time_t ns);

/*
 * The scheduler's loop on the host thread's own stack, until the machine stops
 * (MK_OK), or nothing can run or come any more: MK_OK when no task counts, else MK_E_DEADLOCK.
 */
mk_err_t sched_run(struct cpu *cpu);

/* The current thread has no stack left for a kernel call: as if it had run into the guard. */
void sched_overflow(struct cpu *cpu) __attribute__((noreturn));

/* Slow part of kernel_leave. */
void sched_point(struct cpu *cpu);

/* The hand-off path's: is no ready thread stronger than this priority? */
static inline bool sched_none_stronger(const struct cpu *cpu, unsigned priority)
{
    return (cpu->ready_mask >> priority) <= 1;
}

static inline void sched_update_clock(struct cpu *cpu)
{
    if (cpu->machine->clock == MK_CLOCK_HOST)
        cpu->now = host_clock() - cpu->machine->clock_start;
}

static inline void kernel_charge(struct cpu *cpu, mk_time_t cost)
{
    if (cpu->machine->clock == MK_CLOCK_VIRTUAL)
        cpu->now += cost;
}

/*
 * Kernel calls run on the caller's stack. A thread that calls with less than
 * this left has overflowed: it is ended before the kernel has begun anything.
 */
#define KERNEL_STACK_ROOM 8192

static inline bool stack_is_low(const struct thread *self)
{
    return (size_t)(host_stack_pointer() - self->context.stack) < KERNEL_STACK_ROOM; /* on another stack: large */
}

/* The calling CPU, or NULL outside a machine's thread. For calls that only look: they cost no time. */
static inline struct cpu *kernel_look(void)
{
    struct cpu *cpu = this_cpu();
    if (unlikely(!cpu) || unlikely(!cpu->current))
        return NULL;
    if (unlikely(stack_is_low(cpu->current)))
        sched_overflow(cpu);
    return cpu;
}

/*
 * Where memory is isolated, the kernel's can be written between these only. `was_open`: what kernel_open returned, for
 * those that may be called by the kernel itself, from the program's hooks.
 */
static inline bool kernel_open(struct cpu *cpu)
{
    bool was_open = likely(!cpu->is_special) || !cpu->host.isolation || host_isolation_is_kernel(cpu->host.isolation);
    if (unlikely(!was_open))
        host_isolation_enter(cpu->host.isolation);
    return was_open;
}

static inline void kernel_close(struct cpu *cpu, bool was_open)
{
    if (unlikely(!was_open))
        host_isolation_leave(cpu->host.isolation, cpu->current->task->domain);
}

/* A task's code goes on. */
static inline void kernel_close_all(struct cpu *cpu)
{
    kernel_close(cpu, likely(!cpu->is_special) || !cpu->host.isolation);
}

/* The same, for calls that do something. */
static inline struct cpu *kernel_enter(void)
{
    struct cpu *cpu = kernel_look();
    if (unlikely(!cpu))
        return NULL;
    kernel_open(cpu);
    if (likely(cpu->machine->clock == MK_CLOCK_VIRTUAL))
        cpu->now += cpu->entry_cost;
    else
        sched_update_clock(cpu);
    return cpu;
}

/* Another thread may run now, if one should. */
static inline void kernel_point(struct cpu *cpu)
{
    if (unlikely(cpu_must_reschedule(cpu)) || unlikely(cpu->now >= cpu->next_event) || unlikely(cpu->is_special))
        sched_point(cpu);
}

static inline void kernel_leave(struct cpu *cpu)
{
    kernel_point(cpu);
    kernel_close_all(cpu);
}

#endif
