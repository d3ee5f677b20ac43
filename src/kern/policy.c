/* SPDX-License-Identifier: BSD-2-Clause */
/* Asking a policy; see policy.h. */
#include "kern/policy.h"

#include "host/user.h"
#include "kern/sched.h"

#define MARK 0x6d6b706f6c696379u

/* What may have changed since the policy saw it last. */
static struct mk_policy_thread *show(const struct thread *thread)
{
    struct mk_policy_thread *seen = &thread->policed->seen;
    seen->priority = thread->priority;
    seen->base_priority = thread->base_priority;
    seen->run_time = thread->run_time;
    return seen;
}

/* ---- what is known of threads ---- */

struct policed *policed_create(struct cpu *cpu, size_t own_size)
{
    struct policed *policed = kmem_zalloc(&cpu->machine->kmem, sizeof(*policed) + own_size);
    if (policed)
        policed->own_size = (uint32_t)own_size;
    return policed;
}

void policed_destroy(struct cpu *cpu, struct policed *policed)
{
    if (!policed)
        return;
    policed->mark = 0;
    kmem_free(&cpu->machine->kmem, policed, sizeof(*policed) + policed->own_size);
}

void policed_attach(struct policed *policed, struct thread *thread)
{
    policed->mark = MARK;
    policed->thread = thread;
    policed->seen.id = thread->id;
    policed->seen.task = thread->task->id;
    policed->seen.own = policed->own;
    thread->policed = policed;
}

bool policed_ensure(struct cpu *cpu, struct thread *thread, const struct mk_policy *policy)
{
    struct policed *old = thread->policed;
    size_t own_size = policy ? policy->thread_size : 0;
    if (old && old->own_size >= own_size)
        return true;
    struct policed *policed = policed_create(cpu, own_size);
    if (!policed)
        return false;
    if (old)
        policed->seen.is = old->seen.is;
    policed_destroy(cpu, old);
    policed_attach(policed, thread);
    return true;
}

void policy_ended(struct cpu *cpu, struct thread *thread)
{
    if (cpu->policy && cpu->policy->ended)
        cpu->policy->ended(cpu->policy_state, show(thread));
    policed_destroy(cpu, thread->policed);
    thread->policed = NULL;
}

/* ---- which policy ---- */

static void state_free(struct cpu *cpu)
{
    if (cpu->policy)
        kmem_free(&cpu->machine->kmem, cpu->policy_state, cpu->policy->state_size + 1);
    cpu->policy = NULL;
    cpu->policy_state = NULL;
}

static void begin(struct cpu *cpu, const struct mk_policy *policy, void *state)
{
    struct mk_machine *machine = cpu->machine;
    cpu->policy = policy;
    cpu->policy_state = state;
    if (policy->start)
        policy->start(state, machine->quantum, machine->seed);
    list_for_each (link, &machine->threads) {
        struct policed *policed = list_entry(link, struct thread, all_link)->policed;
        memset(policed->own, 0, policed->own_size);
    }
    for (int p = NR_PRIORITIES - 1; p >= 0; p--)
        list_for_each (link, &cpu->queues[p])
            policy_ready(cpu, list_entry(link, struct thread, queue), MK_READY_NEW);
}

mk_err_t policy_set(struct cpu *cpu, const struct mk_policy *policy)
{
    struct mk_machine *machine = cpu->machine;
    void *state = policy ? kmem_zalloc(&machine->kmem, policy->state_size + 1) : NULL;
    bool is_ready = !policy || state;
    list_for_each (link, &machine->threads)
        is_ready = is_ready && (!policy || policed_ensure(cpu, list_entry(link, struct thread, all_link), policy));
    if (!is_ready) {
        if (state)
            kmem_free(&machine->kmem, state, policy->state_size + 1);
        return MK_E_NO_MEMORY;
    }
    state_free(cpu);
    if (policy)
        begin(cpu, policy, state);
    sched_set_slow(machine);
    cpu_reschedule(cpu);
    return MK_OK;
}

/* It cannot go on. */
static void blame(struct cpu *cpu, const char *what, uint64_t thread)
{
    machine_log(cpu->machine, "scheduling policy %s %s (thread %llu); from now on the policy is priority",
                cpu->policy->name, what, (unsigned long long)thread);
    policy_set(cpu, NULL);
}

/* ---- telling and asking it ---- */

void policy_ready(struct cpu *cpu, struct thread *thread, enum mk_ready why)
{
    cpu->policy->ready(cpu->policy_state, show(thread), why, cpu->now);
}

void policy_unready(struct cpu *cpu, struct thread *thread)
{
    cpu->policy->unready(cpu->policy_state, show(thread), cpu->now);
}

void policy_blocked(struct cpu *cpu, struct thread *thread)
{
    if (cpu->policy->blocked)
        cpu->policy->blocked(cpu->policy_state, show(thread), cpu->now);
}

void policy_ran(struct cpu *cpu, struct thread *thread, mk_time_t ns)
{
    if (cpu->policy->ran && ns > 0)
        cpu->policy->ran(cpu->policy_state, show(thread), ns, cpu->now);
}

void policy_changed(struct cpu *cpu, struct thread *thread)
{
    if (cpu->policy->changed)
        cpu->policy->changed(cpu->policy_state, show(thread), thread->state == THREAD_READY, cpu->now);
}

mk_err_t policy_declare(struct cpu *cpu, struct thread *thread, const struct mk_sched_params *params)
{
    struct mk_policy_thread *seen = show(thread);
    const struct mk_policy *policy = cpu->policy;
    mk_err_t err = policy && policy->admit ? policy->admit(cpu->policy_state, seen, params) : MK_OK;
    if (err)
        return err;
    seen->is = *params;
    if (policy) {
        policy_changed(cpu, thread);
        cpu_reschedule(cpu);
    }
    return MK_OK;
}

struct thread *policy_pick(struct cpu *cpu)
{
    struct mk_policy_thread *seen = cpu->policy->pick(cpu->policy_state, cpu->now);
    struct policed *policed = (struct policed *)(void *)seen;
    uint64_t mark = 0;
    if (!seen) {
        if (policy_next_event(cpu) > cpu->now && policy_next_event(cpu) < MK_TIME_FOREVER)
            return NULL;
        const struct list *queue = &cpu->queues[63 - __builtin_clzll(cpu->ready_mask)];
        blame(cpu, "has lost a thread that is ready", list_first(queue, struct thread, queue)->id);
        return NULL;
    }
    if (!raw_load_u64(&policed->mark, &mark) || mark != MARK)
        blame(cpu, "picked what is no thread", 0);
    else if (policed->thread->state != THREAD_READY)
        blame(cpu, "picked a thread that is not ready", policed->thread->id);
    else
        return policed->thread;
    return NULL;
}

bool policy_preempts(struct cpu *cpu)
{
    return cpu->ready_mask && cpu->policy->preempts &&
           cpu->policy->preempts(cpu->policy_state, show(cpu->current), cpu->now);
}

mk_time_t policy_slice(struct cpu *cpu, struct thread *thread)
{
    mk_time_t slice =
        cpu->policy->slice ? cpu->policy->slice(cpu->policy_state, show(thread), cpu->now) : MK_TIME_FOREVER;
    return slice > 0 ? slice : 1;
}

mk_time_t policy_next_event(struct cpu *cpu)
{
    return cpu->policy->next_event ? cpu->policy->next_event(cpu->policy_state, cpu->now) : MK_TIME_FOREVER;
}
