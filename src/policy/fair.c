/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fair: the Completely Fair Scheduler of Linux 2.6.23 to 6.5 (Molnar 2007; Arpaci-Dusseau, Operating Systems: Three Easy
 * Pieces, chapter 9). Each thread's virtual run time grows with its time on the CPU, the slower the more tickets it has;
 * who has the smallest runs. Turns are such that each ready thread gets one within the latency, in proportion to its
 * tickets, but none shorter than the granularity.
 *
 * min_vruntime is the smallest virtual run time of those that take part, and never goes back. New threads begin with
 * it, and one that waited does not fall behind it: sleeping earns nothing. A thread that becomes ready preempts the
 * running one if it is behind that by more than the granularity.
 */
#include "policy/policies.h"

#define LATENCY    4 /* quanta */
#define NR_LATENCY 8 /* turns of a granularity in it, which so is half a quantum */

struct fair {
    struct ready_tree ready; /* by virtual run time; weights are tickets */
    mk_time_t latency, granularity;
    int64_t min_vruntime;
    struct mk_policy_thread *running; /* NULL: nobody is known to run */
    bool must_switch;                 /* one that became ready preempts it */
};

struct fair_thread {
    struct entry entry;
    int64_t vruntime;
    uint64_t rest; /* what was too little for it to grow */
};

static void fair_start(void *state, mk_time_t quantum, uint64_t seed)
{
    struct fair *fair = state;
    fair->latency = quantum < MK_TIME_FOREVER / LATENCY ? quantum * LATENCY : MK_TIME_FOREVER;
    fair->granularity = (fair->latency + NR_LATENCY - 1) / NR_LATENCY;
}

/* How far behind the running thread this one must be to preempt it. */
static bool is_behind(const struct fair *fair, const struct mk_policy_thread *thread)
{
    const struct fair_thread *t = thread->own, *r = fair->running->own;
    uint64_t rest = 0;
    return r->vruntime - t->vruntime > virtual_time(fair->granularity, tickets_of(thread), &rest);
}

static void leaves_cpu(struct fair *fair, const struct mk_policy_thread *thread)
{
    if (fair->running == thread)
        fair->running = NULL;
}

static void fair_ready(void *state, struct mk_policy_thread *thread, enum mk_ready why, mk_time_t now)
{
    struct fair *fair = state;
    struct fair_thread *t = thread->own;
    leaves_cpu(fair, thread);
    if (why == MK_READY_NEW || (why == MK_READY_WOKEN && t->vruntime < fair->min_vruntime))
        t->vruntime = fair->min_vruntime;
    if ((why == MK_READY_NEW || why == MK_READY_WOKEN) && fair->running && is_behind(fair, thread))
        fair->must_switch = true;
    t->entry.node.key = t->vruntime;
    t->entry.node.weight = tickets_of(thread);
    ready_add(&fair->ready, &t->entry, thread, 0);
}

static void fair_unready(void *state, struct mk_policy_thread *thread, mk_time_t now)
{
    struct fair *fair = state;
    struct fair_thread *t = thread->own;
    ready_remove(&fair->ready, &t->entry);
}

/* With the virtual run time of the thread that runs, and the smallest of those that are ready. */
static void update_min(struct fair *fair, int64_t vruntime)
{
    const struct entry *first = ready_first(&fair->ready);
    if (first && first->node.key < vruntime)
        vruntime = first->node.key;
    if (vruntime > fair->min_vruntime)
        fair->min_vruntime = vruntime;
}

static struct mk_policy_thread *fair_pick(void *state, mk_time_t now)
{
    struct fair *fair = state;
    fair->must_switch = false;
    fair->running = ready_take(&fair->ready);
    if (fair->running)
        update_min(fair, ((struct fair_thread *)fair->running->own)->vruntime);
    return fair->running;
}

static bool fair_preempts(void *state, const struct mk_policy_thread *running, mk_time_t now)
{
    const struct fair *fair = state;
    const struct fair_thread *r = running->own;
    const struct entry *first = ready_first(&fair->ready);
    return fair->must_switch && first && first->node.key < r->vruntime;
}

static mk_time_t fair_slice(void *state, const struct mk_policy_thread *thread, mk_time_t now)
{
    const struct fair *fair = state;
    uint64_t nr = fair->ready.tree.nr_nodes + 1, tickets = tickets_of(thread);
    uint64_t period = nr <= NR_LATENCY ? (uint64_t)fair->latency : nr * (uint64_t)fair->granularity;
    uint64_t slice = mul_div(period, tickets, tree_sum(&fair->ready.tree) + tickets);
    return slice > (uint64_t)fair->granularity ? (mk_time_t)slice : fair->granularity;
}

static void fair_ran(void *state, struct mk_policy_thread *thread, mk_time_t ns, mk_time_t now)
{
    struct fair *fair = state;
    struct fair_thread *t = thread->own;
    fair->running = thread;
    t->vruntime += virtual_time(ns, tickets_of(thread), &t->rest);
    update_min(fair, t->vruntime);
}

static void fair_blocked(void *state, struct mk_policy_thread *thread, mk_time_t now)
{
    leaves_cpu(state, thread);
}

static void fair_changed(void *state, struct mk_policy_thread *thread, bool is_ready, mk_time_t now)
{
    struct fair *fair = state;
    struct fair_thread *t = thread->own;
    t->rest = 0; /* of other tickets */
    if (is_ready)
        tree_set_weight(&fair->ready.tree, &t->entry.node, tickets_of(thread));
}

static void fair_ended(void *state, struct mk_policy_thread *thread)
{
    leaves_cpu(state, thread);
}

const struct mk_policy policy_fair = {
    .abi = MK_POLICY_ABI,
    .name = "fair",
    .state_size = sizeof(struct fair),
    .thread_size = sizeof(struct fair_thread),
    .start = fair_start,
    .ready = fair_ready,
    .unready = fair_unready,
    .pick = fair_pick,
    .preempts = fair_preempts,
    .slice = fair_slice,
    .ran = fair_ran,
    .blocked = fair_blocked,
    .changed = fair_changed,
    .ended = fair_ended,
};
