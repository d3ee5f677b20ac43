/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Threads' lives. A thread that ends by itself parks its context in its task's
 * pool and starts its next life from there, without a system call; one that was
 * ended where it stood gets a fresh context on its old stack.
 */
#ifndef KERN_THREAD_H
#define KERN_THREAD_H

#include "kern/machine.h"

/*
 * New thread, THREAD_STOPPED; sched_resume or sched_ready starts it. MK_E_LIMIT_THREADS,
 * MK_E_NO_MEMORY, MK_E_LIMIT_HOST.
 */
mk_err_t thread_create(struct task *task, void (*entry)(void *), void *arg, size_t stack_size, int priority,
                       struct thread **threadp);

/* Put an ended thread, off the CPU, to rest: into its task's pool, or free when the task has ended. */
void thread_rest(struct cpu *cpu, struct thread *thread);

/*
 * The current thread came into the kernel by a trap and is about to wait, or may lose the CPU: it keeps the trap stack,
 * and the CPU
 * gets another. False: there is none. And back.
 */
bool thread_keep_trap_stack(struct cpu *cpu);
void thread_return_trap_stack(struct cpu *cpu);
/* The CPU's first one. False: the host refused. */
bool cpu_ensure_trap_stack(struct cpu *cpu);

/* Kernel memory of all free threads; the machine ends. */
void thread_free_all(struct mk_machine *machine);

#endif
