/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * edf: earliest deadline first (Liu and Layland, Scheduling Algorithms for Multiprogramming in a Hard-Real-Time
 * Environment, 1973), with a constant bandwidth server for each thread (Abeni and Buttazzo, Integrating Multimedia
 * Applications in Hard Real-Time Systems, 1998), so that who computes longer than it declared harms nobody else.
 *
 * A thread that declared a period has a budget, and a deadline by which the kernel lets it use that. When it becomes
 * ready, both are new, unless what is left of the budget could be used by the old deadline without taking more than its
 * share of the CPU; then they stay. When the budget is used up, the thread may not run before its next period. (The
 * paper puts the deadline off instead and lets it run; but a budget is "at most".) Of equal deadlines the thread that
 * became ready first runs; a running one is not preempted by an equal.
 *
 * Admission: the sum of budget / deadline over all threads is at most 1; where deadlines are ends of periods, that is
 * exactly what EDF can keep. Threads without a period run when no other may, first come, first served.
 */
#include "policy/policies.h"

#define WHOLE ((uint64_t)1 << 40) /* all of the CPU; a million shares that large can be added */

enum place { NOWHERE, READY, BACKGROUND, THROTTLED };

struct edf {
    struct ready_tree ready; /* by deadline */
    struct tree background;
    struct tree throttled; /* by the time at which the next period begins */
    uint64_t shares;       /* of all threads, sum */
};

struct edf_thread {
    struct entry entry;
    enum place place;
    uint64_t order;   /* of its getting ready */
    uint64_t share;   /* of the CPU */
    mk_time_t budget; /* as declared, from here */
    mk_time_t period;
    mk_time_t relative; /* deadline, from a period's begin */
    mk_time_t begin;    /* of its current period */
    mk_time_t deadline;
    mk_time_t left; /* of its budget */
};

static struct tree *tree_of(struct edf *edf, enum place place)
{
    return place == READY ? &edf->ready.tree : place == BACKGROUND ? &edf->background : &edf->throttled;
}

static void put(struct edf *edf, struct edf_thread *t, enum place place, mk_time_t key)
{
    t->place = place;
    t->entry.node.key = key;
    t->entry.node.order = t->order;
    tree_add(tree_of(edf, place), &t->entry.node);
}

static void take(struct edf *edf, struct edf_thread *t)
{
    tree_remove(tree_of(edf, t->place), &t->entry.node);
    t->place = NOWHERE;
}

static mk_time_t later(mk_time_t time, mk_time_t by)
{
    return by < MK_TIME_FOREVER - time ? time + by : MK_TIME_FOREVER;
}

static void begin_period(struct edf_thread *t, mk_time_t begin)
{
    t->begin = begin;
    t->deadline = later(begin, t->relative);
    t->left = t->budget;
}

/* Where it belongs, now that it is ready. */
static void place_ready(struct edf *edf, struct edf_thread *t)
{
    if (!t->period)
        put(edf, t, BACKGROUND, 0);
    else if (t->left > 0)
        put(edf, t, READY, t->deadline);
    else
        put(edf, t, THROTTLED, later(t->begin, t->period));
}

/* Those whose next period has begun may run again. */
static void replenish(struct edf *edf, mk_time_t now)
{
    struct tree_node *node;
    while ((node = edf->throttled.first) && node->key <= now) {
        struct edf_thread *t = tree_entry(node, struct edf_thread, entry.node);
        take(edf, t);
        /* One that is found late has its whole period before it. */
        begin_period(t, later(node->key, t->relative) > now ? node->key : now);
        place_ready(edf, t);
    }
}

/* It was not ready, and is: new budget and deadline? */
static void arrive(struct edf_thread *t, mk_time_t now)
{
    if (!t->period)
        return;
    if (t->left <= 0 && now < later(t->begin, t->period))
        return; /* it has used what it may in this period */
    if (now >= t->deadline ||
        (uint64_t)t->left >= mul_div((uint64_t)(t->deadline - now), (uint64_t)t->budget, (uint64_t)t->relative))
        begin_period(t, now);
}

static mk_time_t relative_of(const struct mk_sched_params *params)
{
    return params->deadline && params->deadline < params->period ? params->deadline : params->period;
}

/* Of the CPU, rounded down, so that thirds make a whole. */
static uint64_t share_of(const struct mk_sched_params *params)
{
    if (params->period <= 0)
        return 0;
    uint64_t share = mul_div((uint64_t)params->budget, WHOLE, (uint64_t)relative_of(params));
    return share > WHOLE ? WHOLE + 1 : share;
}

/* What is declared comes into force, with a first period from now on. */
static void declare(struct edf *edf, struct mk_policy_thread *thread, mk_time_t now)
{
    struct edf_thread *t = thread->own;
    uint64_t share = share_of(&thread->is);
    edf->shares += share - t->share;
    t->share = share;
    t->budget = thread->is.budget;
    t->period = thread->is.period;
    t->relative = relative_of(&thread->is);
    if (t->period)
        begin_period(t, now);
}

static bool is_declared(const struct mk_policy_thread *thread)
{
    const struct edf_thread *t = thread->own;
    return t->budget == thread->is.budget && t->period == thread->is.period && t->relative == relative_of(&thread->is);
}

static void edf_ready(void *state, struct mk_policy_thread *thread, enum mk_ready why, mk_time_t now)
{
    struct edf *edf = state;
    struct edf_thread *t = thread->own;
    t->entry.thread = thread;
    if (why != MK_READY_PREEMPTED || !t->order)
        t->order = ++edf->ready.last_order;
    if (!is_declared(thread))
        declare(edf, thread, now);
    else if (why == MK_READY_NEW || why == MK_READY_WOKEN)
        arrive(t, now);
    place_ready(edf, t);
}

static void edf_unready(void *state, struct mk_policy_thread *thread, mk_time_t now)
{
    take(state, thread->own);
}

static struct mk_policy_thread *edf_pick(void *state, mk_time_t now)
{
    struct edf *edf = state;
    replenish(edf, now);
    struct tree_node *first = edf->ready.tree.first ? edf->ready.tree.first : edf->background.first;
    if (!first)
        return NULL;
    struct edf_thread *t = tree_entry(first, struct edf_thread, entry.node);
    take(edf, t);
    return t->entry.thread;
}

static bool edf_preempts(void *state, const struct mk_policy_thread *running, mk_time_t now)
{
    struct edf *edf = state;
    const struct edf_thread *t = running->own;
    replenish(edf, now);
    const struct entry *first = ready_first(&edf->ready);
    if (!first)
        return false;
    return !t->period || first->node.key < t->deadline;
}

static mk_time_t edf_slice(void *state, const struct mk_policy_thread *thread, mk_time_t now)
{
    const struct edf_thread *t = thread->own;
    if (!t->period)
        return MK_TIME_FOREVER;
    return t->left > 0 ? t->left : 1;
}

static void edf_ran(void *state, struct mk_policy_thread *thread, mk_time_t ns, mk_time_t now)
{
    struct edf_thread *t = thread->own;
    t->left = ns < t->left ? t->left - ns : 0;
}

static void edf_changed(void *state, struct mk_policy_thread *thread, bool is_ready, mk_time_t now)
{
    struct edf *edf = state;
    struct edf_thread *t = thread->own;
    if (is_declared(thread))
        return;
    if (is_ready)
        take(edf, t);
    declare(edf, thread, now);
    if (is_ready)
        place_ready(edf, t);
}

static mk_err_t edf_admit(void *state, struct mk_policy_thread *thread, const struct mk_sched_params *wanted)
{
    const struct edf *edf = state;
    const struct edf_thread *t = thread->own;
    if (!wanted->period)
        return MK_OK;
    if (wanted->period < 0 || wanted->budget <= 0 || wanted->deadline < 0 || wanted->deadline > wanted->period)
        return MK_E_BAD_ARGUMENT;
    return edf->shares - t->share + share_of(wanted) <= WHOLE ? MK_OK : MK_E_NO_ROOM;
}

static void edf_ended(void *state, struct mk_policy_thread *thread)
{
    struct edf *edf = state;
    struct edf_thread *t = thread->own;
    edf->shares -= t->share;
    t->share = 0;
}

static mk_time_t edf_next_event(void *state, mk_time_t now)
{
    struct edf *edf = state;
    replenish(edf, now);
    return edf->throttled.first ? edf->throttled.first->key : MK_TIME_FOREVER;
}

const struct mk_policy policy_edf = {
    .abi = MK_POLICY_ABI,
    .name = "edf",
    .state_size = sizeof(struct edf),
    .thread_size = sizeof(struct edf_thread),
    .ready = edf_ready,
    .unready = edf_unready,
    .pick = edf_pick,
    .preempts = edf_preempts,
    .slice = edf_slice,
    .ran = edf_ran,
    .changed = edf_changed,
    .admit = edf_admit,
    .ended = edf_ended,
    .next_event = edf_next_event,
};
