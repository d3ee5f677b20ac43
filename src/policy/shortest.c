/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sjf: shortest job first, not preemptive. srtf: shortest remaining time first, the same with preemption (Silberschatz,
 * Galvin and Gagne, Operating System Concepts, 5.3.2). Of equals the one that came first; a preempted thread keeps its
 * place among them.
 *
 * A burst that was not declared is predicted from those before, as their exponential average: half the last one and half
 * what was predicted for it. The first prediction is a quantum.
 */
#include "policy/policies.h"

struct shortest {
    struct ready_tree ready; /* by what remains of the burst */
    mk_time_t quantum;
};

struct shortest_thread {
    struct entry entry;
    uint64_t order; /* of its arrival */
    mk_time_t ran;  /* ns, in this burst */
    mk_time_t predicted;
    mk_time_t declared; /* what was declared when it had run for `declared_at` of this burst */
    mk_time_t declared_at;
};

static void shortest_start(void *state, mk_time_t quantum, uint64_t seed)
{
    struct shortest *s = state;
    s->quantum = quantum;
}

static mk_time_t remaining(const struct shortest_thread *t)
{
    mk_time_t left = t->declared ? t->declared - (t->ran - t->declared_at) : t->predicted - t->ran;
    return left > 0 ? left : 0;
}

static void begin_burst(const struct shortest *s, struct shortest_thread *t, enum mk_ready why)
{
    t->predicted = why == MK_READY_NEW || !t->predicted ? s->quantum : t->predicted / 2 + t->ran / 2;
    t->ran = t->declared_at = 0;
    t->order = 0;
}

static void shortest_ready(void *state, struct mk_policy_thread *thread, enum mk_ready why, mk_time_t now)
{
    struct shortest *s = state;
    struct shortest_thread *t = thread->own;
    t->declared = thread->is.burst;
    if (why == MK_READY_NEW || why == MK_READY_WOKEN)
        begin_burst(s, t, why);
    t->entry.node.key = remaining(t);
    ready_add(&s->ready, &t->entry, thread, why == MK_READY_PREEMPTED ? t->order : 0);
    t->order = t->entry.node.order;
}

static void shortest_unready(void *state, struct mk_policy_thread *thread, mk_time_t now)
{
    struct shortest *s = state;
    struct shortest_thread *t = thread->own;
    ready_remove(&s->ready, &t->entry);
}

static struct mk_policy_thread *shortest_pick(void *state, mk_time_t now)
{
    struct shortest *s = state;
    return ready_take(&s->ready);
}

static bool srtf_preempts(void *state, const struct mk_policy_thread *running, mk_time_t now)
{
    const struct shortest *s = state;
    const struct entry *first = ready_first(&s->ready);
    return first && first->node.key < remaining(running->own);
}

static void shortest_ran(void *state, struct mk_policy_thread *thread, mk_time_t ns, mk_time_t now)
{
    struct shortest_thread *t = thread->own;
    t->ran += ns;
}

static void shortest_changed(void *state, struct mk_policy_thread *thread, bool is_ready, mk_time_t now)
{
    struct shortest *s = state;
    struct shortest_thread *t = thread->own;
    if (t->declared == thread->is.burst)
        return;
    if (is_ready)
        ready_remove(&s->ready, &t->entry);
    t->declared = thread->is.burst;
    t->declared_at = t->ran;
    t->entry.node.key = remaining(t);
    if (is_ready)
        ready_add(&s->ready, &t->entry, thread, t->order);
}

const struct mk_policy policy_sjf = {
    .abi = MK_POLICY_ABI,
    .name = "sjf",
    .state_size = sizeof(struct shortest),
    .thread_size = sizeof(struct shortest_thread),
    .start = shortest_start,
    .ready = shortest_ready,
    .unready = shortest_unready,
    .pick = shortest_pick,
    .ran = shortest_ran,
    .changed = shortest_changed,
};

const struct mk_policy policy_srtf = {
    .abi = MK_POLICY_ABI,
    .name = "srtf",
    .state_size = sizeof(struct shortest),
    .thread_size = sizeof(struct shortest_thread),
    .start = shortest_start,
    .ready = shortest_ready,
    .unready = shortest_unready,
    .pick = shortest_pick,
    .preempts = srtf_preempts,
    .ran = shortest_ran,
    .changed = shortest_changed,
};
