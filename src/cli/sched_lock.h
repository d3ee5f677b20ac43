/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The threads of a scheduling workload inside the machine, and the locks between them.
 *
 * A lock is made of calls, so that who waits lends its priority to the holder, and along a chain of holders, as the
 * kernel does it for any call. Each thread has a port that only it receives from. Who finds a lock held calls the
 * holder's port; the answer is the lock. Who gives a lock back takes the requests from its port, passes those for the
 * same lock on to the port of the next holder, with their rights to be answered, and answers the next holder last.
 */
#ifndef CLI_SCHED_LOCK_H
#define CLI_SCHED_LOCK_H

#include "workload.h"

struct sched_thread {
    struct sched_program *program;
    struct sched_row *row;
    mk_name_t name;
    mk_name_t port;           /* MK_NAME_NULL: there are no locks */
    struct sched_lock *waits; /* for this one, or NULL */
    uint64_t since;           /* it waits: order of the waiting */
    mk_name_t reply; /* the holder has taken its request and can answer it here; else it is in the holder's port */
};

struct sched_lock {
    struct sched_thread *holder; /* NULL: free */
};

/* All that the threads share; their numbers are those of the workload's rows. */
struct sched_program {
    struct sched_workload *workload;
    struct sched_thread *threads;
    struct sched_lock *locks;
    uint64_t nr_waits; /* so far */
    struct sched_trace trace;
    mk_err_t err;                    /* the first of any thread */
    const struct sched_row *refused; /* the policy refuses what it declares */
};

/* Make the thread's port, and then, as itself, become the one that serves it. */
mk_err_t sched_lock_prepare(struct sched_thread *self);
mk_err_t sched_lock_serve(struct sched_thread *self);

mk_err_t sched_lock_acquire(struct sched_thread *self, struct sched_lock *lock);
mk_err_t sched_lock_release(struct sched_thread *self, struct sched_lock *lock);

#endif
