/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A CPU without a machine: it tells a scheduling policy what <mk/policy.h> says a kernel does, in the same order, and
 * notes who ran when. Threads come at their time and compute; then they end, or wait and compute again. Nothing costs
 * time but computing.
 */
#ifndef TESTS_UNIT_POLICY_SIM_H
#define TESTS_UNIT_POLICY_SIM_H

#include "mkt.h"

#define SIM_TURNS_MAX 65536

struct sim_thread {
    /* From the test; ms, but in `is`. */
    int arrival, burst;
    int io;     /* waits so long after each burst, then the next begins; 0: it ends with the first */
    int period; /* or: each burst begins a period after the last one did; what is late begins when it can */
    struct mk_sched_params is;

    /* From the run; ns. */
    struct mk_policy_thread p;
    mk_time_t next;      /* it gets ready then, if it is not; MK_TIME_FOREVER: never */
    mk_time_t left;      /* of its burst */
    mk_time_t released;  /* its burst */
    mk_time_t first_run; /* -1: not yet */
    mk_time_t end;       /* of its last burst so far */
    mk_time_t latest;    /* the longest time from the release to the end of a burst */
};

struct sim {
    const struct mk_policy *policy;
    struct sim_thread *threads;
    int nr_threads;
    void *state;
    mk_time_t now, slice_end;
    struct sim_thread *running;
    int nr_turns;
    struct {
        int thread; /* its place in `threads` */
        mk_time_t begin, end;
    } turns[SIM_TURNS_MAX]; /* those without a break between are one */
};

static inline void sim_begin(struct sim *sim, const char *policy, mk_time_t quantum, struct sim_thread *threads, int nr)
{
    memset(sim, 0, sizeof(*sim));
    sim->policy = mk_policy_find(policy);
    assert_non_null(sim->policy);
    assert_int_equal(sim->policy->abi, MK_POLICY_ABI);
    assert_string_equal(sim->policy->name, policy);
    sim->threads = threads;
    sim->nr_threads = nr;
    sim->state = calloc(1, sim->policy->state_size);
    assert_non_null(sim->state);
    for (int i = 0; i < nr; i++) {
        struct sim_thread *t = &threads[i];
        t->p = (struct mk_policy_thread){.id = (uint64_t)i + 1, .task = 1, .is = t->is};
        t->p.own = calloc(1, sim->policy->thread_size);
        assert_non_null(t->p.own);
        t->next = t->arrival * MK_MSEC;
        t->left = 0;
        t->first_run = t->end = -1;
        t->latest = 0;
    }
    if (sim->policy->start)
        sim->policy->start(sim->state, quantum, 1);
}

static inline void sim_finish(struct sim *sim)
{
    for (int i = 0; i < sim->nr_threads; i++)
        free(sim->threads[i].p.own);
    free(sim->state);
}

static inline void sim_arrivals(struct sim *sim)
{
    for (int i = 0; i < sim->nr_threads; i++) {
        struct sim_thread *t = &sim->threads[i];
        if (t->next > sim->now)
            continue;
        bool is_new = t->end < 0;
        t->left = t->burst * MK_MSEC;
        t->released = t->next;
        t->next = MK_TIME_FOREVER;
        sim->policy->ready(sim->state, &t->p, is_new ? MK_READY_NEW : MK_READY_WOKEN, sim->now);
    }
}

/* The running thread's burst is over. */
static inline void sim_burst_ended(struct sim *sim, struct sim_thread *t)
{
    t->end = sim->now;
    if (t->end - t->released > t->latest)
        t->latest = t->end - t->released;
    if (t->period)
        t->next = t->released + t->period * MK_MSEC;
    else if (t->io)
        t->next = sim->now + t->io * MK_MSEC;
    if (t->next == MK_TIME_FOREVER) {
        if (sim->policy->ended)
            sim->policy->ended(sim->state, &t->p);
    } else if (sim->policy->blocked) {
        sim->policy->blocked(sim->state, &t->p, sim->now);
    }
    sim->running = NULL;
    sim_arrivals(sim); /* it may be late for its next period already */
}

static inline void sim_look_at_running(struct sim *sim)
{
    struct sim_thread *t = sim->running;
    const struct mk_policy *policy = sim->policy;
    if (t->left == 0) {
        sim_burst_ended(sim, t);
    } else if (sim->now >= sim->slice_end) {
        sim->running = NULL;
        policy->ready(sim->state, &t->p, MK_READY_EXPIRED, sim->now);
    } else if (policy->preempts && policy->preempts(sim->state, &t->p, sim->now)) {
        sim->running = NULL;
        policy->ready(sim->state, &t->p, MK_READY_PREEMPTED, sim->now);
    }
}

static inline void sim_pick(struct sim *sim)
{
    struct mk_policy_thread *picked = sim->policy->pick(sim->state, sim->now);
    if (!picked)
        return;
    struct sim_thread *t = &sim->threads[picked->id - 1];
    assert_true(&t->p == picked && t->left > 0);
    mk_time_t slice = sim->policy->slice ? sim->policy->slice(sim->state, picked, sim->now) : MK_TIME_FOREVER;
    assert_true(slice > 0);
    sim->slice_end = slice < MK_TIME_FOREVER - sim->now ? sim->now + slice : MK_TIME_FOREVER;
    sim->running = t;
    if (t->first_run < 0)
        t->first_run = sim->now;
}

static inline void sim_note_turn(struct sim *sim, mk_time_t end)
{
    int thread = (int)(sim->running - sim->threads), last = sim->nr_turns - 1;
    if (last >= 0 && sim->turns[last].thread == thread && sim->turns[last].end == sim->now) {
        sim->turns[last].end = end;
        return;
    }
    assert_true(sim->nr_turns < SIM_TURNS_MAX);
    sim->turns[sim->nr_turns].thread = thread;
    sim->turns[sim->nr_turns].begin = sim->now;
    sim->turns[sim->nr_turns++].end = end;
}

/* When something happens next. */
static inline mk_time_t sim_next(const struct sim *sim)
{
    mk_time_t next = sim->policy->next_event ? sim->policy->next_event(sim->state, sim->now) : MK_TIME_FOREVER;
    assert_true(next > sim->now);
    for (int i = 0; i < sim->nr_threads; i++)
        next = sim->threads[i].next < next ? sim->threads[i].next : next;
    if (sim->running && sim->now + sim->running->left < next)
        next = sim->now + sim->running->left;
    return sim->running && sim->slice_end < next ? sim->slice_end : next;
}

static inline void sim_advance(struct sim *sim, mk_time_t to)
{
    struct sim_thread *t = sim->running;
    mk_time_t ns = to - sim->now;
    if (t) {
        sim_note_turn(sim, to);
        t->left -= ns;
        t->p.run_time += ns;
    }
    sim->now = to;
    if (t && sim->policy->ran)
        sim->policy->ran(sim->state, &t->p, ns, to);
}

/* Until this time, or until nothing can happen any more. */
static inline void sim_run(struct sim *sim, mk_time_t until)
{
    for (;;) {
        sim_arrivals(sim);
        if (sim->running)
            sim_look_at_running(sim);
        if (!sim->running)
            sim_pick(sim);
        mk_time_t next = sim_next(sim);
        if (next == MK_TIME_FOREVER || sim->now >= until)
            return;
        sim_advance(sim, next < until ? next : until);
    }
}

static inline mk_time_t sim_turnaround(const struct sim_thread *t)
{
    return (t->end - t->arrival * MK_MSEC) / MK_MSEC;
}

static inline mk_time_t sim_waiting(const struct sim_thread *t)
{
    return sim_turnaround(t) - t->burst;
}

static inline mk_time_t sim_response(const struct sim_thread *t)
{
    return (t->first_run - t->arrival * MK_MSEC) / MK_MSEC;
}

/* The turns as "A 0-4, B 4-7", ms. */
static inline const char *sim_gantt(const struct sim *sim, char *buf, size_t size)
{
    size_t used = 0;
    buf[0] = '\0';
    for (int i = 0; i < sim->nr_turns && used < size; i++)
        used += (size_t)snprintf(buf + used, size - used, "%s%c %d-%d", i ? ", " : "", 'A' + sim->turns[i].thread,
                                 (int)(sim->turns[i].begin / MK_MSEC), (int)(sim->turns[i].end / MK_MSEC));
    assert_true(used < size);
    return buf;
}

#endif
