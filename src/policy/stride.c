/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * stride: Waldspurger and Weihl, Stride Scheduling: Deterministic Proportional-Share Resource Management, 1995. The
 * thread with the smallest pass runs for a quantum; its pass then grows by its stride, which is inverse to its tickets,
 * or by a part of that as large as the part of the quantum that it used. A thread that waits takes along how far its pass
 * is ahead of the global pass, which is where all would be if shares were exact, and comes back with that. A new one
 * begins a stride ahead. Of equal passes the lower thread number runs.
 *
 * Passes are virtual times: a stride is what a quantum is for so many tickets.
 */
#include "policy/policies.h"

struct stride {
    struct ready_tree ready; /* by pass; weights are tickets */
    mk_time_t quantum;
    int64_t global;    /* pass */
    uint32_t fraction; /* of it, in 2^-32 */
};

struct stride_thread {
    struct entry entry;
    int64_t pass;   /* while it takes part */
    int64_t remain; /* while it does not: ahead of the global pass */
    uint64_t rest;  /* what was too little for the pass to grow */
    uint32_t tickets;
    bool takes_part;
};

static void stride_start(void *state, mk_time_t quantum, uint64_t seed)
{
    struct stride *stride = state;
    stride->quantum = quantum;
}

static void begin(const struct stride *stride, struct stride_thread *t, const struct mk_policy_thread *thread)
{
    t->tickets = tickets_of(thread);
    t->remain = virtual_time(stride->quantum, t->tickets, &t->rest);
}

/* One that the policy has not met yet begins. */
static void join(const struct stride *stride, struct stride_thread *t, const struct mk_policy_thread *thread)
{
    if (t->takes_part)
        return;
    if (!t->tickets)
        begin(stride, t, thread);
    t->takes_part = true;
    t->pass = stride->global + t->remain;
}

static void leave(const struct stride *stride, struct stride_thread *t)
{
    t->takes_part = false;
    t->remain = t->pass - stride->global;
}

static void add(struct stride *stride, struct stride_thread *t, struct mk_policy_thread *thread)
{
    t->entry.node.key = t->pass;
    t->entry.node.weight = t->tickets;
    ready_add(&stride->ready, &t->entry, thread, thread->id);
}

static void stride_ready(void *state, struct mk_policy_thread *thread, enum mk_ready why, mk_time_t now)
{
    struct stride *stride = state;
    struct stride_thread *t = thread->own;
    if (why == MK_READY_NEW)
        begin(stride, t, thread);
    join(stride, t, thread);
    add(stride, t, thread);
}

static void stride_unready(void *state, struct mk_policy_thread *thread, mk_time_t now)
{
    struct stride *stride = state;
    struct stride_thread *t = thread->own;
    ready_remove(&stride->ready, &t->entry);
    leave(stride, t);
}

static struct mk_policy_thread *stride_pick(void *state, mk_time_t now)
{
    struct stride *stride = state;
    return ready_take(&stride->ready);
}

static mk_time_t stride_slice(void *state, const struct mk_policy_thread *thread, mk_time_t now)
{
    const struct stride *stride = state;
    return stride->quantum;
}

/* The global pass is that of one thread that has the tickets of all. */
static void advance_global(struct stride *stride, mk_time_t ns, uint64_t tickets)
{
    uint64_t whole = mul_div((uint64_t)ns, TICKETS_DEFAULT, tickets);
    uint64_t left = (uint64_t)ns * TICKETS_DEFAULT - whole * tickets; /* less than `tickets`: running over is no harm */
    uint64_t parts = mul_div(left, 1ull << 32, tickets) + stride->fraction;
    stride->global += (int64_t)(whole + (parts >> 32));
    stride->fraction = (uint32_t)parts;
}

static void stride_ran(void *state, struct mk_policy_thread *thread, mk_time_t ns, mk_time_t now)
{
    struct stride *stride = state;
    struct stride_thread *t = thread->own;
    join(stride, t, thread);
    advance_global(stride, ns, tree_sum(&stride->ready.tree) + t->tickets);
    t->pass += virtual_time(ns, t->tickets, &t->rest);
}

static void stride_blocked(void *state, struct mk_policy_thread *thread, mk_time_t now)
{
    const struct stride *stride = state;
    struct stride_thread *t = thread->own;
    join(stride, t, thread);
    leave(stride, t);
}

/* What is left of its stride is made that of the new one. */
static void stride_changed(void *state, struct mk_policy_thread *thread, bool is_ready, mk_time_t now)
{
    struct stride *stride = state;
    struct stride_thread *t = thread->own;
    uint32_t tickets = tickets_of(thread);
    if (tickets == t->tickets || !t->tickets)
        return;
    if (is_ready)
        ready_remove(&stride->ready, &t->entry);
    int64_t remain = t->takes_part ? t->pass - stride->global : t->remain;
    int64_t size = (int64_t)mul_div((uint64_t)(remain < 0 ? -remain : remain), t->tickets, tickets);
    t->remain = remain < 0 ? -size : size;
    t->pass = stride->global + t->remain;
    t->tickets = tickets;
    t->rest = 0;
    if (is_ready)
        add(stride, t, thread);
}

const struct mk_policy policy_stride = {
    .abi = MK_POLICY_ABI,
    .name = "stride",
    .state_size = sizeof(struct stride),
    .thread_size = sizeof(struct stride_thread),
    .start = stride_start,
    .ready = stride_ready,
    .unready = stride_unready,
    .pick = stride_pick,
    .slice = stride_slice,
    .ran = stride_ran,
    .blocked = stride_blocked,
    .changed = stride_changed,
};
