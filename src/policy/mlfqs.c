/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mlfqs: the scheduler of 4.4BSD as the Pintos manual, appendix B, states it for its exercise. Time goes in ticks of 10
 * ms, whatever the machine's quantum. Of 64 priorities the highest runs, equals take turns of 4 ticks.
 *
 * - At each tick, recent_cpu of the running thread grows by 1.
 * - Each second, after that: load_avg = 59/60 load_avg + 1/60 of the number of threads that run or are ready; then for
 *   each thread recent_cpu = (2 load_avg) / (2 load_avg + 1) recent_cpu + nice. This takes O(n log n).
 * - Each fourth tick, after that: priority = 63 - recent_cpu / 4 - 2 nice, from 0 to 63. It can be another one only for
 *   threads that ran at a tick since then, which are in a list, and each second for all.
 *
 * load_avg and recent_cpu are fixed-point numbers of 17.14 bits, but in 64 bits. load_avg is rounded to the nearest;
 * truncated each second it would drift downwards by more than what Pintos' tests can tell. All else is truncated.
 */
#include "policy/policies.h"

#define TICK         (10 * MK_MSEC)
#define TICKS_SLICE  4
#define TICKS_SECOND 100
#define PRI_MAX      63
#define ONE          (1 << 14) /* in fixed point */

struct mlfqs {
    struct ready_tree ready;          /* by 63 - priority, in the order of getting ready */
    struct list all;                  /* threads */
    struct list charged;              /* those that ran at a tick since the last fourth one */
    struct mk_policy_thread *running; /* NULL: nobody is known to run */
    int64_t tick;                     /* up to this one all is done */
    int64_t load_avg;
};

struct mlfqs_thread {
    struct entry entry;
    struct list all, charged;
    struct mk_policy_thread *thread;
    int64_t recent_cpu;
    int32_t priority;
    bool is_known; /* it is in the list of all */
};

static void mlfqs_start(void *state, mk_time_t quantum, uint64_t seed)
{
    struct mlfqs *m = state;
    list_init(&m->all);
    list_init(&m->charged);
}

static int32_t nice_of(const struct mk_policy_thread *thread)
{
    int32_t nice = thread->is.nice;
    return nice < -20 ? -20 : nice > 20 ? 20 : nice;
}

/* Its priority, and its place in the tree if it is ready. */
static void update_priority(struct mlfqs *m, struct mlfqs_thread *t)
{
    int64_t priority = PRI_MAX - t->recent_cpu / 4 / ONE - 2 * nice_of(t->thread);
    priority = priority < 0 ? 0 : priority > PRI_MAX ? PRI_MAX : priority;
    if (priority == t->priority)
        return;
    t->priority = (int32_t)priority;
    if (!tree_has(&t->entry.node))
        return;
    ready_remove(&m->ready, &t->entry);
    t->entry.node.key = PRI_MAX - priority;
    ready_add(&m->ready, &t->entry, t->thread, t->entry.node.order);
}

static void each_fourth_tick(struct mlfqs *m)
{
    list_for_each_safe (link, &m->charged) {
        update_priority(m, list_entry(link, struct mlfqs_thread, charged));
        list_remove(link);
    }
}

static int64_t nr_active(const struct mlfqs *m)
{
    return (int64_t)m->ready.tree.nr_nodes + (m->running ? 1 : 0);
}

/* False: nothing changed, so that it would not the next time either. */
static bool each_second(struct mlfqs *m)
{
    int64_t load_avg = (59 * m->load_avg + nr_active(m) * ONE + 30) / 60;
    bool has_changed = load_avg != m->load_avg;
    m->load_avg = load_avg;
    int64_t decay = 2 * load_avg * ONE / (2 * load_avg + ONE);
    list_for_each (link, &m->all) {
        struct mlfqs_thread *t = list_entry(link, struct mlfqs_thread, all);
        int64_t recent_cpu = t->recent_cpu * decay / ONE + (int64_t)nice_of(t->thread) * ONE;
        has_changed = has_changed || recent_cpu != t->recent_cpu;
        t->recent_cpu = recent_cpu;
        update_priority(m, t);
    }
    return has_changed;
}

/* Up to the tick at or before `now`; `running`, if any, had the CPU at each of them. */
static void advance(struct mlfqs *m, mk_time_t now, struct mlfqs_thread *running)
{
    int64_t end = now / TICK;
    while (m->tick < end) {
        int64_t step = running || !list_empty(&m->charged) ? TICKS_SLICE : TICKS_SECOND;
        int64_t next = (m->tick / step + 1) * step;
        next = next < end ? next : end;
        if (running) {
            running->recent_cpu += (next - m->tick) * ONE;
            if (list_empty(&running->charged))
                list_add_tail(&running->charged, &m->charged);
        }
        m->tick = next;
        bool is_same = next % TICKS_SECOND == 0 && !each_second(m) && !running;
        if (next % TICKS_SLICE == 0)
            each_fourth_tick(m);
        if (is_same)
            m->tick = end - end % TICKS_SECOND; /* all seconds up to there are like this one */
    }
}

/* Nobody had the CPU since the last call, or `ran` has told of it. */
static void advance_idle(struct mlfqs *m, mk_time_t now)
{
    if (!m->running)
        advance(m, now, NULL);
}

static void leaves_cpu(struct mlfqs *m, const struct mk_policy_thread *thread)
{
    if (m->running == thread)
        m->running = NULL;
}

static void meet(struct mlfqs *m, struct mlfqs_thread *t, struct mk_policy_thread *thread)
{
    t->is_known = true;
    t->thread = thread;
    list_add_tail(&t->all, &m->all);
    list_init(&t->charged);
    update_priority(m, t);
}

static void mlfqs_ready(void *state, struct mk_policy_thread *thread, enum mk_ready why, mk_time_t now)
{
    struct mlfqs *m = state;
    struct mlfqs_thread *t = thread->own;
    advance_idle(m, now);
    leaves_cpu(m, thread);
    if (!t->is_known)
        meet(m, t, thread);
    t->entry.node.key = PRI_MAX - t->priority;
    ready_add(&m->ready, &t->entry, thread, 0);
}

static void mlfqs_unready(void *state, struct mk_policy_thread *thread, mk_time_t now)
{
    struct mlfqs *m = state;
    struct mlfqs_thread *t = thread->own;
    advance_idle(m, now);
    ready_remove(&m->ready, &t->entry);
}

static struct mk_policy_thread *mlfqs_pick(void *state, mk_time_t now)
{
    struct mlfqs *m = state;
    advance_idle(m, now);
    m->running = ready_take(&m->ready);
    return m->running;
}

static bool mlfqs_preempts(void *state, const struct mk_policy_thread *running, mk_time_t now)
{
    const struct mlfqs *m = state;
    const struct mlfqs_thread *t = running->own;
    const struct entry *first = ready_first(&m->ready);
    return first && first->node.key < PRI_MAX - t->priority;
}

/* To the fourth tick from now on. */
static mk_time_t mlfqs_slice(void *state, const struct mk_policy_thread *thread, mk_time_t now)
{
    return (now / TICK + TICKS_SLICE) * TICK - now;
}

static void mlfqs_ran(void *state, struct mk_policy_thread *thread, mk_time_t ns, mk_time_t now)
{
    struct mlfqs *m = state;
    m->running = thread;
    advance(m, now - ns, NULL);
    advance(m, now, thread->own);
}

static void mlfqs_blocked(void *state, struct mk_policy_thread *thread, mk_time_t now)
{
    leaves_cpu(state, thread);
}

/* A new nice value counts at once. */
static void mlfqs_changed(void *state, struct mk_policy_thread *thread, bool is_ready, mk_time_t now)
{
    struct mlfqs_thread *t = thread->own;
    if (t->is_known)
        update_priority(state, t);
}

static void mlfqs_ended(void *state, struct mk_policy_thread *thread)
{
    struct mlfqs_thread *t = thread->own;
    leaves_cpu(state, thread);
    if (!t->is_known)
        return;
    list_remove(&t->all);
    list_remove(&t->charged);
    t->is_known = false;
}

static mk_time_t mlfqs_next_event(void *state, mk_time_t now)
{
    const struct mlfqs *m = state;
    if (!m->running || !m->ready.tree.nr_nodes)
        return MK_TIME_FOREVER;
    return (now / (TICK * TICKS_SLICE) + 1) * (TICK * TICKS_SLICE);
}

const struct mk_policy policy_mlfqs = {
    .abi = MK_POLICY_ABI,
    .name = "mlfqs",
    .state_size = sizeof(struct mlfqs),
    .thread_size = sizeof(struct mlfqs_thread),
    .start = mlfqs_start,
    .ready = mlfqs_ready,
    .unready = mlfqs_unready,
    .pick = mlfqs_pick,
    .preempts = mlfqs_preempts,
    .slice = mlfqs_slice,
    .ran = mlfqs_ran,
    .blocked = mlfqs_blocked,
    .changed = mlfqs_changed,
    .ended = mlfqs_ended,
    .next_event = mlfqs_next_event,
};
