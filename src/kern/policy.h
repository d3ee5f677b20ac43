/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The policy that a CPU schedules by, where it is not the kernel's own (<mk/policy.h>).
 *
 * The run queues of sched.c are kept in any case: they say who is ready. So a policy can be checked, and replaced at
 * any time; it is only asked who is next.
 */
#ifndef KERN_POLICY_H
#define KERN_POLICY_H

#include <mk/policy.h>

#include "kern/machine.h"

/* What a policy knows of a thread. */
struct policed {
    struct mk_policy_thread seen;
    struct thread *thread;
    uint32_t own_size;
    uint64_t mark; /* of one that is alive */
    _Alignas(16) char own[];
};

/* For a thread; NULL: no memory. */
struct policed *policed_create(struct cpu *cpu, size_t own_size);
void policed_destroy(struct cpu *cpu, struct policed *policed); /* NULL is ignored */
void policed_attach(struct policed *policed, struct thread *thread);
/* The thread has one, large enough for the policy (NULL: for none). False: no memory. */
bool policed_ensure(struct cpu *cpu, struct thread *thread, const struct mk_policy *policy);
/* It says so from now on, if the policy has room. MK_E_NO_ROOM. */
mk_err_t policy_declare(struct cpu *cpu, struct thread *thread, const struct mk_sched_params *params);
/* The thread has ended. */
void policy_ended(struct cpu *cpu, struct thread *thread);

/* From now on; NULL: the kernel's own. MK_E_NO_MEMORY: nothing changed. */
mk_err_t policy_set(struct cpu *cpu, const struct mk_policy *policy);

void policy_ready(struct cpu *cpu, struct thread *thread, enum mk_ready why);
void policy_unready(struct cpu *cpu, struct thread *thread);
void policy_blocked(struct cpu *cpu, struct thread *thread);
void policy_ran(struct cpu *cpu, struct thread *thread, mk_time_t ns);
void policy_changed(struct cpu *cpu, struct thread *thread);
/* Who is next, still in its run queue; NULL: nobody now. A policy that is wrong is replaced. */
struct thread *policy_pick(struct cpu *cpu);
bool policy_preempts(struct cpu *cpu);
mk_time_t policy_slice(struct cpu *cpu, struct thread *thread);
mk_time_t policy_next_event(struct cpu *cpu);

#endif
