/* SPDX-License-Identifier: BSD-2-Clause */
/* Scheduling: queues, switches, waits, and the idle loop; see sched.h. */
#include "kern/sched.h"

#include "host/events.h"
#include "host/sanitizer.h"
#include "kern/choice.h"
#include "kern/lend.h"
#include "kern/policy.h"
#include "kern/thread.h"
#include "kern/timer.h"

void sched_init(struct cpu *cpu)
{
    for (int i = 0; i < NR_PRIORITIES; i++)
        list_init(&cpu->queues[i]);
    cpu->next_event = MK_TIME_FOREVER;
    cpu->slice_end = MK_TIME_FOREVER;
}

void sched_set_slow(struct mk_machine *machine)
{
    struct cpu *cpu = machine->cpu;
    cpu->is_slow = cpu->is_traced || cpu->is_probed || choice_is_open(machine) || machine->clock == MK_CLOCK_HOST ||
                   cpu->host.is_ucontext || cpu->host.isolation || cpu->policy || HOST_SANITIZED;
}

bool sched_reserve_timer(struct mk_machine *machine)
{
    return timer_reserve(machine, machine->nr_threads + 1);
}

static void set_next_event(struct cpu *cpu)
{
    mk_time_t timer = timer_next(cpu->machine);
    cpu->next_event = timer < cpu->slice_end ? timer : cpu->slice_end;
    if (unlikely(cpu->policy)) {
        mk_time_t next = policy_next_event(cpu);
        cpu->next_event = next < cpu->next_event ? next : cpu->next_event;
    }
}

/* ---- run queues ---- */

static inline __attribute__((always_inline)) void queue_insert(struct cpu *cpu, struct thread *thread, bool is_head)
{
    struct list *queue = &cpu->queues[thread->priority];
    if (is_head)
        list_add_head(&thread->queue, queue);
    else
        list_add_tail(&thread->queue, queue);
    cpu->ready_mask |= 1ull << thread->priority;
    thread->state = THREAD_READY;
    thread->ready_since = cpu->now;
}

/* It was picked, or the policy is told. */
static inline __attribute__((always_inline)) void queue_take_out(struct cpu *cpu, struct thread *thread)
{
    list_remove(&thread->queue);
    if (list_empty(&cpu->queues[thread->priority]))
        cpu->ready_mask &= ~(1ull << thread->priority);
    thread->ready_time += cpu->now - thread->ready_since;
}

static inline __attribute__((always_inline)) void queue_remove(struct cpu *cpu, struct thread *thread)
{
    queue_take_out(cpu, thread);
    if (unlikely(cpu->policy))
        policy_unready(cpu, thread);
}

/* The current thread's time up to now is its own. */
static inline __attribute__((always_inline)) void charge_current(struct cpu *cpu)
{
    mk_time_t ns = cpu->now - cpu->run_start;
    cpu->run_start = cpu->now;
    if (!cpu->current)
        return;
    cpu->current->run_time += ns;
    if (unlikely(cpu->policy) && cpu->current->state == THREAD_RUNNING)
        policy_ran(cpu, cpu->current, ns);
}

/* Apart, because the kernel's own policy is in a hurry: the policy compares with who runs. */
static __attribute__((noinline, cold)) void ready_by_policy(struct cpu *cpu, struct thread *thread, bool is_head,
                                                            enum mk_ready why)
{
    charge_current(cpu);
    queue_insert(cpu, thread, is_head);
    policy_ready(cpu, thread, why);
    cpu_reschedule(cpu);
}

static __attribute__((noinline, cold)) struct thread *take_by_policy(struct cpu *cpu)
{
    struct thread *picked = policy_pick(cpu);
    if (picked)
        queue_take_out(cpu, picked);
    return picked;
}

void sched_ready(struct cpu *cpu, struct thread *thread)
{
    if (thread->flags & THREAD_SUSPENDED) {
        thread->state = THREAD_STOPPED;
        return;
    }
    thread->slice_left = cpu->machine->quantum;
    if (unlikely(cpu->policy)) {
        ready_by_policy(cpu, thread, false, thread->first_run < 0 ? MK_READY_NEW : MK_READY_WOKEN);
        return;
    }
    queue_insert(cpu, thread, false);
    if (!cpu->current || thread->priority > cpu->current->priority)
        cpu_reschedule(cpu);
}

static struct thread *queue_take(struct cpu *cpu)
{
    struct thread *thread = NULL;
    if (!cpu->ready_mask)
        return NULL;
    if (unlikely(cpu->policy) && ((thread = take_by_policy(cpu)) || cpu->policy)) /* it was asked, and is right */
        return thread;
    struct list *queue = &cpu->queues[63 - __builtin_clzll(cpu->ready_mask)];
    thread = list_entry(choice_from(cpu, CHOICE_RUN, queue), struct thread, queue);
    queue_take_out(cpu, thread);
    return thread;
}

/* ---- switching ---- */

/* The current thread is not ready any more. */
static void stop_current(struct cpu *cpu, uint8_t state)
{
    if (unlikely(cpu->policy)) {
        charge_current(cpu);
        policy_blocked(cpu, cpu->current);
    }
    cpu->current->state = state;
}

static __attribute__((noinline, cold)) void prepare(struct cpu *cpu, const struct thread *next)
{
    if (cpu->host.isolation)
        host_isolation_prepare(cpu->host.isolation, next->task->domain, next->context.stack);
}

/* The CPU goes on with `next`, NULL: the scheduler's loop. The time of `prev` is charged. */
static void enter(struct cpu *cpu, struct thread *prev, struct thread *next, bool is_preemption)
{
    cpu->current = next;
    if (next) {
        next->state = THREAD_RUNNING;
        next->nr_switches++;
        if (unlikely(next->first_run < 0))
            next->first_run = cpu->now;
        cpu->nr_switches++;
    }
    if (unlikely(cpu->is_special) && next)
        prepare(cpu, next);
    trace(cpu, MK_TRACE_SWITCH, next ? next->id : 0, next ? next->priority : 0, is_preemption);
    host_context_switch(prev ? &prev->context : &cpu->host.scheduler, next ? &next->context : &cpu->host.scheduler,
                        cpu->host.is_ucontext);
}

/* Give the CPU to `next`, or to the scheduler's loop (NULL). Returns when the current thread has it again. */
static void switch_to(struct cpu *cpu, struct thread *next, bool is_preemption)
{
    kernel_charge(cpu, cpu->machine->costs.switch_);
    charge_current(cpu);
    enter(cpu, cpu->current, next, is_preemption);
}

/* From when the thread runs: the switch does not count, so that every turn gets something done. */
static void start_slice(struct cpu *cpu, mk_time_t start, mk_time_t length)
{
    cpu->slice_end = length < MK_TIME_FOREVER - start ? start + length : MK_TIME_FOREVER;
    set_next_event(cpu);
}

/*
 * mk_machine_stop sets stop_requested, then the flag, from any host thread: clear the flag, then look,
 * and no stop is lost.
 */
static void clear_reschedule(struct cpu *cpu)
{
    __atomic_store_n(&cpu->flags, 0, __ATOMIC_SEQ_CST);
    if (unlikely(machine_is_stopping(cpu->machine)))
        cpu_reschedule(cpu);
}

/* Out of its queue, with its slice begun. NULL: nobody is ready. */
static struct thread *take_next(struct cpu *cpu)
{
    struct thread *next = queue_take(cpu);
    if (cpu_must_reschedule(cpu))
        clear_reschedule(cpu);
    if (next)
        start_slice(cpu, cpu->now + cpu->machine->costs.switch_,
                    unlikely(cpu->policy) ? policy_slice(cpu, next) : next->slice_left);
    return next;
}

static void fire_timers(struct cpu *cpu);

/* The current thread has left the run state: run the next one. Who becomes ready at this moment counts, too. */
static void switch_away(struct cpu *cpu, bool is_preemption)
{
    if (cpu->now >= cpu->next_event)
        fire_timers(cpu);
    struct thread *next = take_next(cpu);
    if (unlikely(next && next == cpu->current)) { /* it put itself back, and was chosen */
        next->state = THREAD_RUNNING;
        return;
    }
    switch_to(cpu, next, is_preemption);
}

/* ---- waiting ---- */

#define CLOCK_END (MK_TIME_FOREVER / 2) /* later deadlines never come: the clock does not run over */

mk_err_t sched_may_wait(const struct cpu *cpu, mk_time_t deadline)
{
    if (deadline == MK_TIME_POLL)
        return MK_E_WOULD_BLOCK;
    return deadline > cpu->now ? MK_OK : MK_E_TIMED_OUT;
}

mk_err_t sched_block(struct cpu *cpu, struct list *queue, enum mk_wait wait, void *object, mk_time_t deadline,
                     struct thread *heir)
{
    struct thread *self = cpu->current;
    stop_current(cpu, THREAD_BLOCKED);
    self->nr_quanta = 0;
    self->wait = (uint8_t)wait;
    self->wait_object = object;
    if (queue)
        list_add_tail(&self->queue, queue);
    if (deadline < CLOCK_END) {
        timer_add(cpu->machine, self, deadline);
        set_next_event(cpu);
    }
    trace(cpu, MK_TRACE_BLOCK, self->id, wait, 0);
    if (heir && !(heir->flags & THREAD_SUSPENDED) && !choice_is_open(cpu->machine) && !cpu->policy &&
        sched_none_stronger(cpu, heir->priority) && !machine_is_stopping(cpu->machine)) {
        heir->ready_since = cpu->now;
        switch_to(cpu, heir, false);
    } else {
        if (heir)
            sched_ready(cpu, heir);
        switch_away(cpu, false);
    }
    return self->wait_status;
}

void sched_unblock(struct cpu *cpu, struct thread *thread, mk_err_t status)
{
    list_remove(&thread->queue);
    timer_remove(cpu->machine, thread);
    thread->wait_status = status;
    thread->wait = MK_WAIT_NONE;
    thread->wait_object = NULL;
    if (thread->serial & 1) /* an answer that comes now is too late */
        thread->serial++;
    if (thread->flags & THREAD_LENDS)
        lend_end(cpu, thread);
    trace(cpu, MK_TRACE_READY, thread->id, (uint64_t)(int64_t)status, 0);
}

void sched_wake_all(struct cpu *cpu, struct list *queue, mk_err_t status)
{
    while (!list_empty(queue))
        sched_wake(cpu, list_first(queue, struct thread, queue), status);
}

static void fire_timers(struct cpu *cpu)
{
    struct thread *thread;
    while ((thread = timer_take(cpu->machine, cpu->now))) {
        trace(cpu, MK_TRACE_TIMER, thread->id, 0, 0);
        if (thread->flags & THREAD_DEPRESSED)
            sched_undepress(cpu, thread);
        else
            sched_wake(cpu, thread, thread->wait == MK_WAIT_SLEEP ? MK_OK : MK_E_TIMED_OUT);
    }
    set_next_event(cpu);
}

/* ---- points where the CPU may change hands ---- */

/* The current thread goes back to its queue: to the head with the rest of its slice, or to the tail. */
static void put_back(struct cpu *cpu, bool is_head, enum mk_ready why)
{
    struct thread *self = cpu->current;
    self->slice_left = is_head && cpu->slice_end > cpu->now ? cpu->slice_end - cpu->now : cpu->machine->quantum;
    if (unlikely(cpu->policy))
        ready_by_policy(cpu, self, is_head, why);
    else
        queue_insert(cpu, self, is_head);
}

/* To whom the policy prefers now. */
static bool must_give_way(struct cpu *cpu, bool is_ended)
{
    unsigned priority = cpu->current->priority;
    if (likely(!cpu->policy))
        return !sched_none_stronger(cpu, priority) || (is_ended && (cpu->ready_mask >> priority & 1));
    charge_current(cpu);
    return is_ended || policy_preempts(cpu);
}

void sched_point(struct cpu *cpu)
{
    struct thread *self = cpu->current;

    sched_update_clock(cpu);
    if (cpu->now >= cpu->next_event)
        fire_timers(cpu);
    if (machine_is_stopping(cpu->machine) || cpu->machine->unloading) {
        put_back(cpu, true, MK_READY_PREEMPTED);
        switch_to(cpu, NULL, false);
        return;
    }
    bool is_ended = cpu->now >= cpu->slice_end;
    bool is_loop = is_ended && self->nr_quanta++ >= cpu->machine->max_quanta;
    if (must_give_way(cpu, is_ended)) {
        self->nr_preempted++;
        cpu->nr_preemptions++;
        put_back(cpu, !is_ended, is_ended ? MK_READY_EXPIRED : MK_READY_PREEMPTED);
        switch_away(cpu, true);
    } else {
        clear_reschedule(cpu);
        if (is_ended)
            start_slice(cpu, cpu->now, cpu->machine->quantum);
    }
    if (unlikely(is_loop)) {
        self->nr_quanta = 0;
        host_raise(HOST_RAISE_LOOP);
    }
}

void sched_yield(struct cpu *cpu)
{
    if (cpu->ready_mask >> (cpu->policy ? 0 : cpu->current->priority)) {
        put_back(cpu, false, MK_READY_YIELDED);
        switch_away(cpu, false);
    }
}

void *sched_yield_fast(struct cpu *cpu, void *frame)
{
    struct thread *self = cpu->current;
    struct list *queue = &cpu->queues[self->priority];
    struct thread *next = list_first(queue, struct thread, queue);
    mk_time_t entered = cpu->now + cpu->machine->costs.entry, now = entered + cpu->machine->costs.switch_;

    if (unlikely(cpu_is_unusual(cpu)) || unlikely(cpu->ready_mask >> self->priority != 1) ||
        unlikely(now >= cpu->next_event) || unlikely(next->flags) || unlikely(next->wait_status) ||
        unlikely(next->first_run < 0) || unlikely(!next->context.sp) || unlikely(stack_is_low(self)))
        return NULL;
    list_take_turn(queue, &self->queue);
    self->state = THREAD_READY;
    self->slice_left = cpu->machine->quantum;
    self->ready_since = entered;
    self->run_time += now - cpu->run_start;
    self->wait_status = MK_OK;
    self->context.sp = frame;
    next->state = THREAD_RUNNING;
    next->ready_time += entered - next->ready_since;
    next->nr_switches++;
    cpu->nr_switches++;
    cpu->now = cpu->run_start = now;
    cpu->current = next;
    start_slice(cpu, now, next->slice_left);
    return next->context.sp;
}

/* Take a ready thread out of its queue if it may have the CPU before all others. */
static bool take_ready(struct cpu *cpu, struct thread *thread)
{
    if (!thread || cpu->policy || thread->state != THREAD_READY || !sched_none_stronger(cpu, thread->priority))
        return false;
    queue_remove(cpu, thread);
    return true;
}

void sched_hand_over(struct cpu *cpu, struct thread *to, mk_time_t depressed_until)
{
    struct thread *self = cpu->current;
    if (depressed_until > cpu->now) {
        self->flags |= THREAD_DEPRESSED;
        if (depressed_until < CLOCK_END)
            timer_add(cpu->machine, self, depressed_until);
        lend_update(cpu, self);
    }
    if (to && to->priority >= self->priority && take_ready(cpu, to)) {
        put_back(cpu, false, MK_READY_YIELDED);
        set_next_event(cpu);
        switch_to(cpu, to, false);
    } else {
        sched_yield(cpu);
    }
    sched_undepress(cpu, self);
}

mk_err_t sched_hand_over_and_wait(struct cpu *cpu, struct thread *to, mk_time_t deadline)
{
    return sched_block(cpu, NULL, MK_WAIT_SLEEP, NULL, deadline, take_ready(cpu, to) ? to : NULL);
}

void sched_undepress(struct cpu *cpu, struct thread *thread)
{
    if (!(thread->flags & THREAD_DEPRESSED))
        return;
    timer_remove(cpu->machine, thread);
    thread->flags &= (uint8_t)~THREAD_DEPRESSED;
    lend_update(cpu, thread);
}

void sched_spend(struct cpu *cpu, mk_time_t ns)
{
    if (cpu->machine->clock == MK_CLOCK_HOST) {
        sched_update_clock(cpu);
        for (mk_time_t end = cpu->now + ns; cpu->now < end;)
            sched_point(cpu);
        return;
    }
    while (ns > 0) {
        if (cpu->now >= cpu->next_event || cpu_must_reschedule(cpu))
            sched_point(cpu);
        mk_time_t room = cpu->next_event > cpu->now ? cpu->next_event - cpu->now : 0;
        mk_time_t step = ns < room ? ns : room;
        cpu->now += step;
        ns -= step;
    } /* a burst that ends with the quantum has ended: no turn is given away for it */
}

/* ---- changes from outside ---- */

void sched_forget(struct cpu *cpu, struct thread *thread)
{
    sched_undepress(cpu, thread);
    if (thread->state == THREAD_READY)
        queue_remove(cpu, thread);
    else if (thread->state == THREAD_BLOCKED)
        sched_unblock(cpu, thread, MK_E_ABORTED);
    thread->state = THREAD_ENDED;
}

/*
 * It is laid to rest in its task's pool while it stands on its stack, which nobody takes before the CPU has left it.
 * Not where the stack or the task would go, or the scheduler's loop has something to do.
 */
static bool exit_parked(struct cpu *cpu)
{
    struct thread *self = cpu->current;
    if (!(self->flags & THREAD_PARKED) || self->task->is_ended || self->context.size != MK_STACK_DEFAULT ||
        !cpu->ready_mask || cpu->policy || cpu->now >= cpu->next_event || cpu->machine->unloading ||
        machine_is_stopping(cpu->machine))
        return false;
    struct thread *next = take_next(cpu);
    kernel_charge(cpu, cpu->machine->costs.switch_);
    charge_current(cpu);
    thread_rest(cpu, self);
    enter(cpu, self, next, false);
    return true;
}

void sched_exit(struct cpu *cpu)
{
    stop_current(cpu, THREAD_ENDED);
    if (exit_parked(cpu))
        return;
    cpu->ended = cpu->current;
    cpu->host.is_trapped = false; /* if it was on the trap stack, it leaves it for good */
    switch_to(cpu, NULL, false);
}

void sched_change_priority(struct cpu *cpu, struct thread *thread, uint8_t priority)
{
    bool is_ready = thread->state == THREAD_READY;
    if (is_ready)
        queue_take_out(cpu, thread);
    thread->priority = priority;
    if (is_ready)
        queue_insert(cpu, thread, false);
    if (unlikely(cpu->policy))
        policy_changed(cpu, thread);
    const struct thread *lender =
        priority <= thread->base_priority ? NULL : list_first(&thread->lenders, struct thread, lend_node);
    trace(cpu, MK_TRACE_PRIORITY, thread->id, priority, lender ? lender->id : 0);
    cpu_reschedule(cpu);
}

void sched_set_priority(struct cpu *cpu, struct thread *thread, int priority)
{
    bool is_weaker = priority < thread->base_priority;
    thread->base_priority = (uint8_t)priority;
    if (is_weaker)
        lend_link_all(cpu, thread);
    lend_update(cpu, thread);
}

void sched_suspend(struct cpu *cpu, struct thread *thread)
{
    thread->flags |= THREAD_SUSPENDED;
    if (thread->state == THREAD_READY) {
        queue_remove(cpu, thread);
        thread->state = THREAD_STOPPED;
    } else if (thread == cpu->current) {
        stop_current(cpu, THREAD_STOPPED);
        switch_away(cpu, false);
    }
}

void sched_resume(struct cpu *cpu, struct thread *thread)
{
    thread->flags &= (uint8_t)~THREAD_SUSPENDED;
    if (thread->state == THREAD_STOPPED)
        sched_ready(cpu, thread);
}

void sched_overflow(struct cpu *cpu)
{
    (void)cpu;
    host_raise(HOST_RAISE_OVERFLOW);
    __builtin_unreachable();
}

/* ---- the scheduler's loop ---- */

/*
 * Nothing is ready: let time pass to the next timer, or wait for the host.
 * While input from outside is awaited, idle time passes at the host's pace also
 * on the virtual clock; else it is jumped over. False: nothing can ever come.
 */
static bool idle(struct cpu *cpu)
{
    struct mk_machine *machine = cpu->machine;
    bool is_watching = host_events_any(machine->events);
    mk_time_t next = timer_next(machine), policy = cpu->policy ? policy_next_event(cpu) : MK_TIME_FOREVER;
    mk_time_t start = cpu->now;
    next = policy < next ? policy : next;

    if (next == MK_TIME_FOREVER && !is_watching)
        return false;
    sched_update_clock(cpu);
    mk_time_t wait = next > cpu->now ? next - cpu->now : 0;
    if (is_watching)
        host_events_wait(machine->events, 0); /* what is there already takes no time: scripted input repeats exactly */
    bool is_ready = cpu->ready_mask && (!cpu->policy || cpu_must_reschedule(cpu)); /* else it has put all off */
    if (!is_ready && (is_watching || machine->clock == MK_CLOCK_HOST)) {
        int64_t host_start = host_clock();
        if (!host_events_ensure(&machine->events))
            return false;
        if (machine_is_stopping(
                machine)) /* first the event loop is there, then look; mk_machine_stop does the reverse */
            return true;
        host_events_wait(machine->events, next == MK_TIME_FOREVER ? -1 : wait);
        int64_t passed = host_clock() - host_start;
        if (machine->clock == MK_CLOCK_VIRTUAL && next != MK_TIME_FOREVER)
            cpu->now += passed < wait ? passed : wait;
        sched_update_clock(cpu);
    } else if (!is_ready) {
        cpu->now += wait;
    }
    cpu->idle_time += cpu->now - start;
    fire_timers(cpu);
    return true;
}

mk_err_t sched_run(struct cpu *cpu)
{
    struct mk_machine *machine = cpu->machine;

    for (;;) {
        if (cpu->ended) {
            struct thread *ended = cpu->ended;
            cpu->ended = NULL;
            struct task *task = ended->task;
            thread_rest(cpu, ended);
            if (task->is_ended && task->nr_threads == 0)
                machine->ops->task_rest(task);
        }
        if (machine->unloading)
            machine->ops->unload(machine);
        if (machine_is_stopping(machine))
            return MK_OK;
        sched_update_clock(cpu);
        if (cpu->now >= cpu->next_event)
            fire_timers(cpu);
        cpu->run_start = cpu->now;
        struct thread *next = take_next(cpu);
        if (next) {
            cpu->host.has_thread = true;
            switch_to(cpu, next, false);
            cpu->host.has_thread = false;
        } else if (machine->nr_counting == 0 && !cpu->ready_mask) {
            return MK_OK; /* only servers are left, and they have done what there was */
        } else if (!idle(cpu)) {
            return MK_E_DEADLOCK;
        }
    }
}
