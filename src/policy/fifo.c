/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fcfs: first come, first served, until it waits, yields or ends. rr: round robin, the same with an end after a quantum
 * of computing (Silberschatz, Galvin and Gagne, Operating System Concepts, 5.3.1 and 5.3.3). Priorities are ignored.
 */
#include "policy/policies.h"

struct fifo {
    struct list ready;
    mk_time_t quantum;
};

struct fifo_thread {
    struct list link;
    struct mk_policy_thread *thread;
    mk_time_t used; /* of its quantum */
};

static void fifo_start(void *state, mk_time_t quantum, uint64_t seed)
{
    struct fifo *fifo = state;
    list_init(&fifo->ready);
    fifo->quantum = quantum;
}

static void fifo_ready(void *state, struct mk_policy_thread *thread, enum mk_ready why, mk_time_t now)
{
    struct fifo *fifo = state;
    struct fifo_thread *t = thread->own;
    t->thread = thread;
    if (why == MK_READY_PREEMPTED) {
        list_add_head(&t->link, &fifo->ready);
        return;
    }
    t->used = 0;
    list_add_tail(&t->link, &fifo->ready);
}

static void fifo_unready(void *state, struct mk_policy_thread *thread, mk_time_t now)
{
    struct fifo_thread *t = thread->own;
    list_remove(&t->link);
}

static struct mk_policy_thread *fifo_pick(void *state, mk_time_t now)
{
    struct fifo *fifo = state;
    if (list_empty(&fifo->ready))
        return NULL;
    struct fifo_thread *t = list_first(&fifo->ready, struct fifo_thread, link);
    list_remove(&t->link);
    return t->thread;
}

static mk_time_t rr_slice(void *state, const struct mk_policy_thread *thread, mk_time_t now)
{
    const struct fifo *fifo = state;
    const struct fifo_thread *t = thread->own;
    return t->used < fifo->quantum ? fifo->quantum - t->used : fifo->quantum;
}

static void rr_ran(void *state, struct mk_policy_thread *thread, mk_time_t ns, mk_time_t now)
{
    struct fifo_thread *t = thread->own;
    t->used += ns;
}

const struct mk_policy policy_fcfs = {
    .abi = MK_POLICY_ABI,
    .name = "fcfs",
    .state_size = sizeof(struct fifo),
    .thread_size = sizeof(struct fifo_thread),
    .start = fifo_start,
    .ready = fifo_ready,
    .unready = fifo_unready,
    .pick = fifo_pick,
};

const struct mk_policy policy_rr = {
    .abi = MK_POLICY_ABI,
    .name = "rr",
    .state_size = sizeof(struct fifo),
    .thread_size = sizeof(struct fifo_thread),
    .start = fifo_start,
    .ready = fifo_ready,
    .unready = fifo_unready,
    .pick = fifo_pick,
    .slice = rr_slice,
    .ran = rr_ran,
};
