/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The scheduling policies once more, naively: all threads are looked at for each decision, and times are kept as sums
 * since the last change, not as steps. Written from the descriptions at the head of src/policy/NAME.c.
 */
#ifndef TESTS_UNIT_POLICY_MODELS_H
#define TESTS_UNIT_POLICY_MODELS_H

#include "mkt.h"

#include "base/base.h"

#define MODEL_THREADS 40

struct model_thread {
    struct mk_policy_thread *p;
    bool is_there, is_ready, is_known;
    int64_t key, order; /* the ready thread with the smallest runs */
    /* What the policies make of it; see there. */
    mk_time_t used, turn, left, begin, deadline;
    mk_time_t predicted, declared, declared_at;
    int64_t level, base, remain, recent;
    uint64_t tickets, weight;
    struct mk_sched_params in_force;
    bool takes_part;
};

struct model {
    struct model_thread threads[MODEL_THREADS];
    mk_time_t quantum;
    int64_t head, tail; /* orders that were given away */
    struct model_thread *running;
    int64_t epoch, tick, load, min;
    uint64_t random;
    __extension__ __int128 global; /* 2^-32 */
    bool must_switch;
};

struct model_ops {
    void (*ready)(struct model *m, struct model_thread *t, enum mk_ready why, mk_time_t now);
    void (*left_cpu)(struct model *m, struct model_thread *t); /* it waits, is suspended, or ended; NULL */
    void (*ran)(struct model *m, struct model_thread *t, mk_time_t ns, mk_time_t now);
    void (*before)(struct model *m, mk_time_t now); /* before each question; NULL */
    struct model_thread *(*pick)(struct model *m);  /* NULL: the first */
    bool (*preempts)(struct model *m, const struct model_thread *running, mk_time_t now);
    mk_time_t (*slice)(struct model *m, const struct model_thread *t, mk_time_t now);
    void (*changed)(struct model *m, struct model_thread *t, mk_time_t now);
};

#define EACH(t, m) for (struct model_thread *t = (m)->threads; t < (m)->threads + MODEL_THREADS; t++)

static inline struct model_thread *model_first(struct model *m)
{
    struct model_thread *first = NULL;
    EACH(t, m)
    if (t->is_ready && (!first || t->key < first->key || (t->key == first->key && t->order < first->order)))
        first = t;
    return first;
}

static inline void model_last(struct model *m, struct model_thread *t)
{
    t->order = ++m->tail;
}

static inline uint64_t model_tickets(const struct model_thread *t)
{
    return t->p->is.tickets ? t->p->is.tickets : 100;
}

static inline bool is_arrival(enum mk_ready why)
{
    return why == MK_READY_NEW || why == MK_READY_WOKEN;
}

/* ---- fcfs, rr ---- */

static void m_fifo_ready(struct model *m, struct model_thread *t, enum mk_ready why, mk_time_t now)
{
    (void)now;
    t->order = why == MK_READY_PREEMPTED ? --m->head : ++m->tail;
    t->used = why == MK_READY_PREEMPTED ? t->used : 0;
}

static void m_count(struct model *m, struct model_thread *t, mk_time_t ns, mk_time_t now)
{
    (void)m;
    (void)now;
    t->used += ns;
}

static mk_time_t m_rr_slice(struct model *m, const struct model_thread *t, mk_time_t now)
{
    (void)now;
    return t->used < m->quantum ? m->quantum - t->used : m->quantum;
}

/* ---- sjf, srtf ---- */

static int64_t m_remaining(const struct model_thread *t)
{
    int64_t left = t->declared ? t->declared + t->declared_at - t->used : t->predicted - t->used;
    return left < 0 ? 0 : left;
}

static void m_shortest_ready(struct model *m, struct model_thread *t, enum mk_ready why, mk_time_t now)
{
    (void)now;
    if (is_arrival(why)) {
        t->predicted = why == MK_READY_NEW ? m->quantum : t->predicted / 2 + t->used / 2;
        t->used = t->declared_at = 0;
        t->declared = t->p->is.burst;
    }
    if (why != MK_READY_PREEMPTED)
        model_last(m, t);
    t->key = m_remaining(t);
}

static bool m_srtf_preempts(struct model *m, const struct model_thread *running, mk_time_t now)
{
    const struct model_thread *first = model_first(m);
    (void)now;
    return first && first->key < m_remaining(running);
}

static void m_shortest_changed(struct model *m, struct model_thread *t, mk_time_t now)
{
    (void)m;
    (void)now;
    if (t->declared == t->p->is.burst)
        return;
    t->declared = t->p->is.burst;
    t->declared_at = t->used;
    t->key = m_remaining(t);
}

/* ---- mlfq; key: level ---- */

static void m_mlfq_before(struct model *m, mk_time_t now)
{
    int64_t epoch = now / (100 * m->quantum);
    if (m->epoch == epoch)
        return;
    m->epoch = epoch;
    for (int64_t level = 0; level < 3; level++) { /* queue behind queue, each in its order */
        for (struct model_thread *next; level && (next = model_first(m)) && next->key <= level;) {
            next->key = 100;
            model_last(m, next);
        }
        EACH(t, m) /* the top stays before them as it is */
        if (level == 0 && t->is_ready && t->level == 0)
            t->key = -1;
        if (level == 0)
            for (struct model_thread *next; (next = model_first(m)) && next->key == -1;) {
                next->key = 100;
                model_last(m, next);
            }
    }
    EACH(t, m)
    t->key = t->level = t->used = 0;
}

static void m_mlfq_ready(struct model *m, struct model_thread *t, enum mk_ready why, mk_time_t now)
{
    m_mlfq_before(m, now);
    t->order = why == MK_READY_PREEMPTED ? --m->head : ++m->tail;
    t->turn = why == MK_READY_PREEMPTED ? t->turn : 0;
    t->key = t->level;
}

static void m_mlfq_ran(struct model *m, struct model_thread *t, mk_time_t ns, mk_time_t now)
{
    m_mlfq_before(m, now);
    t->turn += ns;
    t->used += ns < now - m->epoch * 100 * m->quantum ? ns : now - m->epoch * 100 * m->quantum;
    if (t->level < 2 && t->used >= m->quantum) {
        t->level++;
        t->used = t->turn = 0;
    }
}

static bool m_mlfq_preempts(struct model *m, const struct model_thread *running, mk_time_t now)
{
    m_mlfq_before(m, now);
    const struct model_thread *first = model_first(m);
    return first && first->key < running->level;
}

static mk_time_t m_mlfq_slice(struct model *m, const struct model_thread *t, mk_time_t now)
{
    (void)now;
    mk_time_t turn = t->turn < m->quantum ? m->quantum - t->turn : m->quantum, allotment = m->quantum - t->used;
    return t->level == 2 || turn < allotment ? turn : allotment;
}

/* ---- lottery ---- */

static void m_lottery_weigh(struct model *m, struct model_thread *t)
{
    t->weight = model_tickets(t);
    if (t->used > 0 && t->used < m->quantum)
        t->weight =
            t->used <= m->quantum / 1000 ? 1000 * t->weight : t->weight * (uint64_t)m->quantum / (uint64_t)t->used;
}

static void m_lottery_ready(struct model *m, struct model_thread *t, enum mk_ready why, mk_time_t now)
{
    (void)why;
    (void)now;
    model_last(m, t);
    m_lottery_weigh(m, t);
}

static void m_lottery_changed(struct model *m, struct model_thread *t, mk_time_t now)
{
    (void)now;
    m_lottery_weigh(m, t);
}

static struct model_thread *m_lottery_pick(struct model *m)
{
    uint64_t sum = 0;
    EACH(t, m)
    sum += t->is_ready ? t->weight : 0;
    if (!sum)
        return NULL;
    uint64_t drawn = mix64(m->random++) % sum;
    for (;;) { /* in order, until the drawn ticket is passed */
        struct model_thread *t = model_first(m);
        if (drawn < t->weight) {
            EACH(other, m)
            other->is_ready = other->is_ready || other->key == 1;
            EACH(other, m)
            other->key = 0;
            t->used = 0;
            return t;
        }
        drawn -= t->weight;
        t->is_ready = false;
        t->key = 1; /* looked at */
    }
}

static mk_time_t m_quantum(struct model *m, const struct model_thread *t, mk_time_t now)
{
    (void)t;
    (void)now;
    return m->quantum;
}

/* ---- stride, fair; base: virtual time when its tickets changed; used: ns since then ---- */

static int64_t m_virtual(const struct model_thread *t)
{
    return t->base + (int64_t)((uint64_t)t->used * 100 / t->tickets);
}

static void m_rebase(struct model_thread *t, int64_t base)
{
    t->base = base;
    t->used = 0;
    t->tickets = model_tickets(t);
}

static int64_t m_global(const struct model *m)
{
    return (int64_t)(m->global >> 32);
}

static void m_stride_ready(struct model *m, struct model_thread *t, enum mk_ready why, mk_time_t now)
{
    (void)now;
    if (why == MK_READY_NEW) {
        m_rebase(t, 0);
        t->used = m->quantum; /* a stride */
        t->remain = m_virtual(t);
    }
    if (!t->takes_part)
        t->base += m_global(m) + t->remain - m_virtual(t);
    t->takes_part = true;
    t->key = m_virtual(t);
    t->order = (int64_t)t->p->id;
}

static void m_stride_left(struct model *m, struct model_thread *t)
{
    t->remain = m_virtual(t) - m_global(m);
    t->takes_part = false;
}

static void m_stride_ran(struct model *m, struct model_thread *t, mk_time_t ns, mk_time_t now)
{
    uint64_t sum = t->tickets;
    (void)now;
    EACH(other, m)
    sum += other->is_ready ? other->tickets : 0;
    m->global += ((__extension__(__int128) ns) * 100 << 32) / (__extension__(__int128) sum);
    t->used += ns;
}

static void m_stride_changed(struct model *m, struct model_thread *t, mk_time_t now)
{
    (void)now;
    if (!t->tickets || t->tickets == model_tickets(t))
        return;
    int64_t remain = t->takes_part ? m_virtual(t) - m_global(m) : t->remain;
    t->remain = remain * (int64_t)t->tickets / (int64_t)model_tickets(t); /* towards 0 */
    m_rebase(t, m_global(m) + t->remain);
    t->key = m_virtual(t);
}

static void m_fair_min(struct model *m)
{
    int64_t min = INT64_MAX;
    EACH(t, m)
    if ((t->is_ready || t == m->running) && m_virtual(t) < min)
        min = m_virtual(t);
    m->min = min != INT64_MAX && min > m->min ? min : m->min;
}

static void m_fair_ready(struct model *m, struct model_thread *t, enum mk_ready why, mk_time_t now)
{
    (void)now;
    if (why == MK_READY_NEW)
        m_rebase(t, m->min);
    if (why == MK_READY_WOKEN && m_virtual(t) < m->min)
        t->base += m->min - m_virtual(t);
    t->key = m_virtual(t);
    model_last(m, t);
    if (is_arrival(why) && m->running && m->running != t &&
        m_virtual(m->running) - t->key > m->quantum / 2 * 100 / (int64_t)model_tickets(t))
        m->must_switch = true;
}

static void m_fair_ran(struct model *m, struct model_thread *t, mk_time_t ns, mk_time_t now)
{
    (void)now;
    t->used += ns;
    m_fair_min(m);
}

static struct model_thread *m_fair_pick(struct model *m)
{
    m->must_switch = false;
    m->running = model_first(m);
    m_fair_min(m);
    return m->running;
}

static bool m_fair_preempts(struct model *m, const struct model_thread *running, mk_time_t now)
{
    const struct model_thread *first = model_first(m);
    (void)now;
    return m->must_switch && first && first->key < m_virtual(running);
}

static mk_time_t m_fair_slice(struct model *m, const struct model_thread *t, mk_time_t now)
{
    uint64_t nr = 1, sum = model_tickets(t);
    (void)now;
    EACH(other, m)
    {
        nr += other->is_ready;
        sum += other->is_ready ? model_tickets(other) : 0;
    }
    mk_time_t period = nr <= 8 ? 4 * m->quantum : (mk_time_t)nr * m->quantum / 2;
    mk_time_t slice = (mk_time_t)((uint64_t)period * model_tickets(t) / sum);
    return slice > m->quantum / 2 ? slice : m->quantum / 2;
}

static void m_fair_changed(struct model *m, struct model_thread *t, mk_time_t now)
{
    (void)m;
    (void)now;
    if (t->tickets)
        m_rebase(t, m_virtual(t));
}

/* ---- edf; key: deadline, beyond all of them without a period, INT64_MAX while it is throttled ---- */

#define NO_DEADLINE (INT64_MAX - 1)

static void m_edf_period(struct model_thread *t, mk_time_t begin)
{
    t->begin = begin;
    t->deadline = begin + (t->in_force.deadline ? t->in_force.deadline : t->in_force.period);
    t->left = t->in_force.budget;
}

static void m_edf_before(struct model *m, mk_time_t now)
{
    EACH(t, m)
    {
        if (!t->is_ready || !t->in_force.period || t->left)
            continue;
        mk_time_t next = t->begin + t->in_force.period, relative = t->deadline - t->begin;
        if (next <= now)
            m_edf_period(t, next + relative > now ? next : now);
    }
    EACH(t, m)
    t->key = !t->in_force.period ? NO_DEADLINE : t->left ? t->deadline : INT64_MAX;
}

static void m_edf_changed(struct model *m, struct model_thread *t, mk_time_t now)
{
    const struct mk_sched_params *is = &t->p->is;
    (void)m;
    if (t->in_force.period == is->period && t->in_force.budget == is->budget && t->in_force.deadline == is->deadline)
        return;
    t->in_force = *is;
    if (is->period)
        m_edf_period(t, now);
}

static void m_edf_ready(struct model *m, struct model_thread *t, enum mk_ready why, mk_time_t now)
{
    if (why != MK_READY_PREEMPTED)
        model_last(m, t);
    if (!is_arrival(why) || !t->in_force.period)
        return;
    mk_time_t relative = t->deadline - t->begin, room = t->deadline - now;
    if (!t->left && now < t->begin + t->in_force.period)
        return;
    if (room <= 0 || t->left >= room * t->in_force.budget / relative)
        m_edf_period(t, now);
}

static void m_edf_ran(struct model *m, struct model_thread *t, mk_time_t ns, mk_time_t now)
{
    (void)m;
    (void)now;
    t->left = ns < t->left ? t->left - ns : 0;
}

static struct model_thread *m_edf_pick(struct model *m)
{
    struct model_thread *first = model_first(m);
    return first && first->key < INT64_MAX ? first : NULL;
}

static bool m_edf_preempts(struct model *m, const struct model_thread *running, mk_time_t now)
{
    const struct model_thread *first = model_first(m);
    (void)now;
    if (!first || first->key >= NO_DEADLINE)
        return false;
    return !running->in_force.period || first->key < running->deadline;
}

static mk_time_t m_edf_slice(struct model *m, const struct model_thread *t, mk_time_t now)
{
    (void)m;
    (void)now;
    return t->in_force.period ? t->left : MK_TIME_FOREVER;
}

/* ---- mlfqs; key: 63 - priority ---- */

static int64_t m_bsd_key(const struct model_thread *t)
{
    int64_t key = t->recent / 4 / 16384 + 2 * t->p->is.nice;
    return key < 0 ? 0 : key > 63 ? 63 : key;
}

static void m_bsd_second(struct model *m)
{
    int64_t nr = m->running != NULL;
    EACH(t, m)
    nr += t->is_ready;
    m->load = (59 * m->load + nr * 16384 + 30) / 60;
    int64_t decay = 2 * m->load * 16384 / (2 * m->load + 16384);
    EACH(t, m)
    if (t->is_known)
        t->recent = t->recent * decay / 16384 + (int64_t)t->p->is.nice * 16384;
}

static void m_bsd_before(struct model *m, mk_time_t now)
{
    for (; m->tick < now / (10 * MK_MSEC); m->tick++) {
        if (m->running)
            m->running->recent += 16384;
        if ((m->tick + 1) % 100 == 0)
            m_bsd_second(m);
        EACH(t, m)
        if ((m->tick + 1) % 4 == 0 && t->is_known)
            t->key = m_bsd_key(t);
    }
}

static void m_bsd_ready(struct model *m, struct model_thread *t, enum mk_ready why, mk_time_t now)
{
    (void)now;
    (void)why;
    model_last(m, t);
    if (!t->is_known)
        t->key = m_bsd_key(t);
    t->is_known = true;
}

static void m_bsd_ran(struct model *m, struct model_thread *t, mk_time_t ns, mk_time_t now)
{
    (void)m;
    (void)t;
    (void)ns;
    (void)now;
}

static bool m_bsd_preempts(struct model *m, const struct model_thread *running, mk_time_t now)
{
    const struct model_thread *first = model_first(m);
    (void)now;
    return first && first->key < running->key;
}

static mk_time_t m_bsd_slice(struct model *m, const struct model_thread *t, mk_time_t now)
{
    (void)m;
    (void)t;
    return (now / (10 * MK_MSEC) + 4) * (10 * MK_MSEC) - now;
}

static void m_bsd_changed(struct model *m, struct model_thread *t, mk_time_t now)
{
    (void)m;
    (void)now;
    if (t->is_known)
        t->key = m_bsd_key(t);
}

#endif
