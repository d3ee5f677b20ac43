/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scheduling policies: who of the ready threads runs, and for how long.
 *
 * A policy is a struct of functions. The kernel keeps the list of ready threads and tells the policy of every change;
 * the policy keeps an order of its own and picks. It runs inside the kernel: it must not make kernel calls, wait, or
 * use the C library's heap. It has memory of its own for the CPU (`state`) and for each thread (`own`), all zero at
 * first. A policy that loses a thread, or picks one that is not ready, is named in the log, and the machine goes on
 * with "priority".
 */
#ifndef MK_POLICY_H
#define MK_POLICY_H

#include <mk/thread.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MK_POLICY_ABI 1

/* A thread as policies see it: all but `own` is the kernel's to write. It stays at its address while the thread lives. */
struct mk_policy_thread {
    uint64_t id, task;         /* numbers in the machine */
    int32_t priority;          /* with what others lend, and 0 when depressed */
    int32_t base_priority;     /* as set */
    struct mk_sched_params is; /* as declared */
    mk_time_t run_time;        /* ns on the CPU so far, up to the call that shows it */
    void *own;                 /* thread_size bytes of the policy's, zero when the thread begins; aligned to 8 */
};

/* Why a thread is ready. */
enum mk_ready {
    MK_READY_NEW,       /* it was created, or the policy is new */
    MK_READY_WOKEN,     /* what it waited for came, or it was resumed */
    MK_READY_PREEMPTED, /* it ran, and another must: `preempts` said so, or the kernel had need of the CPU */
    MK_READY_EXPIRED,   /* it ran to the end of its slice */
    MK_READY_YIELDED,   /* it gave the CPU away */
};

/*
 * `now` is the machine's clock, in ns; it never goes back. Functions marked "may be NULL" have the default that is
 * named. `state` is state_size bytes, aligned to 8.
 *
 * The life of a thread: `ready` as NEW, then by turns off the ready ones (`pick`, or `unready`) and `ready` again. What
 * happens at the same time is told in this order: how long the running thread has run (`ran`); who became ready; what
 * became of the running thread (`blocked`, or `ready`, or `ended`); `pick`, then `slice` of whom was picked. When a
 * policy takes over while the machine runs, threads that were not ready then come later, whatever they did since: `own`
 * is still zero.
 */
struct mk_policy {
    uint32_t abi; /* MK_POLICY_ABI */
    const char *name;
    size_t state_size, thread_size;

    /*
     * Before all others. `quantum`: of the machine's configuration, ns, at least 1. `seed`: of its random numbers. May
     * be NULL.
     */
    void (*start)(void *state, mk_time_t quantum, uint64_t seed);

    /* It may be picked from now on. It is not ready yet. */
    void (*ready)(void *state, struct mk_policy_thread *thread, enum mk_ready why, mk_time_t now);

    /*
     * A ready thread may not be picked any more: it was suspended, or ended, or is handed the CPU past the policy. In
     * the last case `slice`, `ran` and all that can follow on `pick` follow on this.
     */
    void (*unready)(void *state, struct mk_policy_thread *thread, mk_time_t now);

    /*
     * Take the thread that runs next out of the ready ones. NULL: none may run now, though some are ready; then
     * `next_event` must say when one may.
     */
    struct mk_policy_thread *(*pick)(void *state, mk_time_t now);

    /* Must `running` give the CPU to a ready thread now? Asked after every change. May be NULL: never. */
    bool (*preempts)(void *state, const struct mk_policy_thread *running, mk_time_t now);

    /*
     * ns, at least 1, that a picked thread may run before it is `ready` again as EXPIRED, also when no other is ready.
     * MK_TIME_FOREVER: without end. May be NULL: always so.
     */
    mk_time_t (*slice)(void *state, const struct mk_policy_thread *thread, mk_time_t now);

    /*
     * It was on the CPU for the last `ns` before `now`, and that was not told before. Comes before anything else that
     * happens at `now`, so that all others find it charged. May be NULL.
     */
    void (*ran)(void *state, struct mk_policy_thread *thread, mk_time_t ns, mk_time_t now);

    /* The running thread waits, or was suspended: it has left the CPU and is not ready. May be NULL. */
    void (*blocked)(void *state, struct mk_policy_thread *thread, mk_time_t now);

    /* A priority, or what was declared, changed; if it is ready it still is. May be NULL. */
    void (*changed)(void *state, struct mk_policy_thread *thread, bool is_ready, mk_time_t now);

    /*
     * May the thread declare this? It changes nothing: `wanted` is not in force yet. After MK_OK it comes into force at
     * once, and `changed` is called. MK_E_NO_ROOM: there is not enough of the CPU left. MK_E_BAD_ARGUMENT: it makes no
     * sense to this policy. May be NULL: it may.
     */
    mk_err_t (*admit)(void *state, struct mk_policy_thread *thread, const struct mk_sched_params *wanted);

    /* It ended, while it ran, while it waited, or after `unready`; it is not ready. May be NULL. */
    void (*ended)(void *state, struct mk_policy_thread *thread);

    /*
     * The time, later than `now`, when `pick` or `preempts` might answer otherwise though nothing happened; asked
     * whenever something did. May be NULL: MK_TIME_FOREVER.
     */
    mk_time_t (*next_event)(void *state, mk_time_t now);
};

/* The policy of this name, of those that libmk brings; NULL: there is none. "priority" is the kernel's own: none, too. */
MK_API const struct mk_policy *mk_policy_find(const char *name);

/* Names of all of them, in the order of the manual, ended by NULL; "priority" is the first. */
MK_API const char *const *mk_policy_names(void);

/*
 * Schedule by this one from now on, with the machine's control port: a name, or the host path of a plugin (with a '/' in
 * it), a shared object that exports `const struct mk_policy *mk_policy_entry`. All ready threads begin anew. Blocks the
 * host while the plugin is loaded; it stays loaded as long as the machine.
 * MK_E_BAD_NAME, MK_E_BAD_RIGHT, MK_E_BAD_ADDRESS, MK_E_TOO_LONG, MK_E_NOT_FOUND (no such name), MK_E_PLUGIN_FILE,
 * MK_E_PLUGIN_ABI, MK_E_NO_MEMORY; why is logged.
 */
MK_API MK_NODISCARD mk_err_t mk_machine_use_policy(mk_name_t control, const char *name);

#ifdef __cplusplus
}
#endif
#endif
