/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Threads. A thread is known by a send right to its port. All calls may return
 * MK_E_NOT_IN_MACHINE; those that take a thread also MK_E_BAD_NAME,
 * MK_E_BAD_RIGHT (not a thread) and MK_E_DEAD (it ended).
 */
#ifndef MK_THREAD_H
#define MK_THREAD_H

#include <mk/types.h>

#ifdef __cplusplus
extern "C" {
#endif

struct mk_thread_attr {
    void (*entry)(void *arg); /* runs in the new thread; its return ends the thread */
    void *arg;
    const char *label; /* for people; NULL: none */
    size_t stack_size; /* bytes; 0: MK_STACK_DEFAULT */
    int priority;      /* 1 to MK_PRIO_MAX; 0: the creator's */
    bool suspended;    /* start with a suspend count of 1 */
};

/*
 * The calling thread: one user reference, made at the first call and anew if it was released.
 * MK_NAME_NULL outside a machine, or when no name could be had.
 */
MK_API mk_name_t mk_thread_self(void);

/*
 * New thread in `task`; ready at once unless suspended. threadp may be NULL:
 * then no right is made. The last thread's end ends its task.
 * MK_E_BAD_ARGUMENT, MK_E_BAD_ADDRESS, MK_E_TOO_LONG, MK_E_LIMIT_THREADS, MK_E_LIMIT_HOST, MK_E_LIMIT_NAMES,
 * MK_E_NO_MEMORY.
 */
MK_API MK_NODISCARD mk_err_t mk_thread_create(mk_name_t task, const struct mk_thread_attr *attr, mk_name_t *threadp);

/* End the calling thread. */
MK_API MK_NORETURN void mk_thread_exit(void);

/* End a thread wherever it is. With the caller itself it does not return. */
MK_API MK_NODISCARD mk_err_t mk_thread_terminate(mk_name_t thread);

/*
 * Wait until the thread has ended. MK_E_BAD_STATE (the caller itself), MK_E_BAD_ARGUMENT (negative deadline),
 * MK_E_WOULD_BLOCK, MK_E_TIMED_OUT, MK_E_ABORTED. Never MK_E_DEAD.
 */
MK_API MK_NODISCARD mk_err_t mk_thread_join(mk_name_t thread, mk_time_t deadline);

/* Suspend counts: a thread with a count above 0 does not run. MK_E_OVERFLOW, MK_E_BAD_STATE (resume at 0). */
MK_API MK_NODISCARD mk_err_t mk_thread_suspend(mk_name_t thread);
MK_API MK_NODISCARD mk_err_t mk_thread_resume(mk_name_t thread);

/* Make the call that the thread is blocked in return MK_E_ABORTED. MK_E_BAD_STATE when it is not blocked. */
MK_API MK_NODISCARD mk_err_t mk_thread_abort(mk_name_t thread);

/*
 * Set the base priority, 0 to MK_PRIO_MAX. A stronger thread made ready by this runs at once. MK_E_BAD_ARGUMENT.
 *
 * What others lend comes on top. A thread that waits in mk_call lends its
 * priority to the thread that received the request; while the request is queued,
 * to the thread that last received from that port or its set; and through that
 * thread to whom it waits for in turn. When the right to answer is received by another thread
 * in a message, the loan goes with it. An answer, a death, a time-out or an abort ends it.
 */
MK_API MK_NODISCARD mk_err_t mk_thread_set_priority(mk_name_t thread, int priority);

/* What a thread declares to the scheduling policy. All zero at first; what a policy does not use it ignores. */
struct mk_sched_params {
    mk_time_t burst;    /* ns of computing from now, or from each time it is woken, until it waits or ends (sjf, srtf);
                           0: unknown, and guessed from those before */
    uint32_t tickets;   /* its share (lottery, stride, fair); 0: 100 */
    int32_t nice;       /* -20 to 20 (mlfqs) */
    mk_time_t period;   /* ns (edf); 0: it has no deadlines */
    mk_time_t deadline; /* ns from the beginning of each period, at most that; 0: its end */
    mk_time_t budget;   /* ns of computing in each period, at most */
};

/*
 * Declare them. MK_E_BAD_ADDRESS, MK_E_BAD_ARGUMENT (a negative time, a nice beyond 20, a budget or deadline longer than
 * the period), MK_E_NO_ROOM (the policy has not enough of the CPU left; nothing changed), MK_E_NO_MEMORY. Who declares for
 * itself keeps the CPU until its next kernel call, so that it can do so before it waits.
 */
MK_API MK_NODISCARD mk_err_t mk_thread_set_sched(mk_name_t thread, const struct mk_sched_params *params);

/* Let the other ready threads of the same priority run first. */
MK_API void mk_thread_yield(void);

/* What becomes of the caller of mk_thread_switch. */
enum mk_switch {
    MK_SWITCH_NONE,    /* it stays ready */
    MK_SWITCH_DEPRESS, /* it stays ready, at priority 0 until it runs again or the deadline passes */
    MK_SWITCH_WAIT,    /* it waits until the deadline, or until mk_thread_abort */
};

/*
 * Give the CPU away (thread_switch of Mach 3): to `thread`, ahead of its equals
 * and with what is left of the caller's quantum, if it is ready and no ready
 * thread is stronger, the caller as the option leaves it included; else, or with
 * MK_NAME_NULL, to whom the policy chooses. Use it where the holder of a lock or
 * a partner is known. `deadline` counts for DEPRESS and WAIT only; one that has
 * passed makes them NONE.
 * MK_E_BAD_ARGUMENT (unknown option, negative deadline, the caller itself), MK_E_ABORTED (WAIT).
 */
MK_API MK_NODISCARD mk_err_t mk_thread_switch(mk_name_t thread, enum mk_switch option, mk_time_t deadline);

/* End the depression of a thread before its time. MK_E_BAD_STATE when it is not depressed. */
MK_API MK_NODISCARD mk_err_t mk_thread_depress_abort(mk_name_t thread);

#ifdef __cplusplus
}
#endif
#endif
