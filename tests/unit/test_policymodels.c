/* SPDX-License-Identifier: BSD-2-Clause */
/* Each scheduling policy against a naive one (policy_models.h) in random sequences, and what its decisions cost. */
#include "mkt.h"

#include "policy_models.h"

#include "policy/policies.h"

#define NR_STEPS 100000 /* each is about four calls of the policy */
#define QUANTUM  (10 * MK_MSEC)

struct world {
    const struct mk_policy *policy;
    const struct model_ops *ops;
    void *state;
    struct mk_policy_thread threads[MODEL_THREADS];
    struct model model;
    struct model_thread *running;
    mk_time_t now, slice_end;
    uint64_t random, last_id, nr_calls, nr_picks, nr_preempted;
};

static struct world world;

static uint64_t draw(uint64_t n)
{
    return mix64(world.random++) % n;
}

/* Half milliseconds mostly, so that there are equal times. */
static mk_time_t draw_time(uint64_t max_ms)
{
    mk_time_t ns = (mk_time_t)draw(2 * max_ms) * (MK_MSEC / 2);
    return draw(8) ? ns : ns + (mk_time_t)draw(1000);
}

static void before(void)
{
    if (world.ops->before)
        world.ops->before(&world.model, world.now);
}

static void tell_ready(struct model_thread *t, enum mk_ready why)
{
    before();
    world.nr_calls++;
    world.policy->ready(world.state, t->p, why, world.now);
    world.ops->ready(&world.model, t, why, world.now);
    t->is_ready = true;
    if (world.model.running == t)
        world.model.running = NULL;
    before();
}

static void create(struct model_thread *t)
{
    void *own = t->p->own;
    memset(own, 0, world.policy->thread_size);
    *t = (struct model_thread){.p = t->p, .is_there = true};
    *t->p = (struct mk_policy_thread){.id = ++world.last_id, .own = own};
    tell_ready(t, MK_READY_NEW);
}

static void left_cpu(struct model_thread *t)
{
    world.nr_calls++;
    if (world.ops->left_cpu)
        world.ops->left_cpu(&world.model, t);
    if (world.model.running == t)
        world.model.running = NULL;
}

static void block(struct model_thread *t)
{
    if (world.policy->blocked)
        world.policy->blocked(world.state, t->p, world.now);
    left_cpu(t);
}

static void end(struct model_thread *t)
{
    if (world.policy->ended)
        world.policy->ended(world.state, t->p);
    left_cpu(t);
    *t = (struct model_thread){.p = t->p};
}

static void unready(struct model_thread *t)
{
    before();
    world.policy->unready(world.state, t->p, world.now);
    t->is_ready = false;
    left_cpu(t);
    before();
}

static void redeclare(struct model_thread *t)
{
    static const uint32_t tickets[] = {0, 1, 3, 50, 100, 1000, 1000000};
    const struct mk_sched_params wanted = {
        .burst = draw(4) ? draw_time(20) : 0,
        .tickets = tickets[draw(ARRAY_SIZE(tickets))],
        .nice = (int32_t)draw(41) - 20,
        .period = draw(3) ? (mk_time_t)(20 + draw(100)) * MK_MSEC : 0,
    };
    t->p->is.burst = wanted.burst;
    t->p->is.tickets = wanted.tickets;
    t->p->is.nice = wanted.nice;
    struct mk_sched_params edf = t->p->is;
    edf.period = wanted.period;
    edf.budget = wanted.period ? wanted.period / (mk_time_t)(2 + draw(20)) : 0;
    edf.deadline = wanted.period && draw(2) ? wanted.period / 2 : 0;
    if (!world.policy->admit || world.policy->admit(world.state, t->p, &edf) == MK_OK)
        t->p->is = edf;
    world.nr_calls++;
    if (world.policy->changed)
        world.policy->changed(world.state, t->p, t->is_ready, world.now);
    if (world.ops->changed)
        world.ops->changed(&world.model, t, world.now);
    before();
}

/* Time passes: to the end of the slice, to an event, or less. */
static void pass(void)
{
    mk_time_t to = world.now + draw_time(15);
    if (world.running && (to > world.slice_end || (draw(3) == 0 && world.slice_end < MK_TIME_FOREVER)))
        to = world.slice_end;
    if (!world.running && draw(1000) == 0)
        to += draw_time(100000);
    mk_time_t event = world.policy->next_event ? world.policy->next_event(world.state, world.now) : MK_TIME_FOREVER;
    assert_true(event > world.now);
    to = event < to ? event : to;
    mk_time_t ns = to - world.now;
    world.now = to;
    if (world.running) {
        world.nr_calls++;
        world.running->p->run_time += ns;
        if (world.policy->ran)
            world.policy->ran(world.state, world.running->p, ns, to);
        before();
        world.ops->ran(&world.model, world.running, ns, to);
    }
    before();
}

/* Something may happen to threads that do not run. */
static void disturb(void)
{
    struct model_thread *t = &world.model.threads[draw(MODEL_THREADS)];
    if (!t->is_there && draw(4) == 0)
        create(t);
    else if (t->is_there && draw(12) == 0)
        redeclare(t);
    else if (t == world.running)
        return;
    else if (t->is_ready && draw(16) == 0)
        unready(t);
    else if (t->is_there && !t->is_ready && draw(30) == 0)
        end(t);
    else if (t->is_there && !t->is_ready)
        tell_ready(t, MK_READY_WOKEN);
}

static void fate_of_running(void)
{
    struct model_thread *t = world.running;
    bool preempts = world.policy->preempts && world.policy->preempts(world.state, t->p, world.now);
    assert_int_equal(preempts, world.ops->preempts && world.ops->preempts(&world.model, t, world.now));
    uint64_t fate = draw(40);
    world.running = NULL;
    if (fate < 12)
        block(t);
    else if (fate == 12)
        end(t);
    else if (world.now >= world.slice_end)
        tell_ready(t, MK_READY_EXPIRED);
    else if (preempts || fate == 13)
        tell_ready(t, MK_READY_PREEMPTED);
    else if (fate < 16)
        tell_ready(t, MK_READY_YIELDED);
    else
        world.running = t;
    world.nr_preempted += preempts;
}

static void pick(void)
{
    before();
    const struct mk_policy_thread *picked = world.policy->pick(world.state, world.now);
    struct model_thread *expected = world.ops->pick ? world.ops->pick(&world.model) : model_first(&world.model);
    world.nr_calls++;
    assert_ptr_equal(picked, expected ? expected->p : NULL);
    world.model.running = world.running = expected;
    if (!picked)
        return;
    world.nr_picks++;
    expected->is_ready = false;
    mk_time_t slice = world.policy->slice ? world.policy->slice(world.state, picked, world.now) : MK_TIME_FOREVER;
    assert_int_equal(slice, world.ops->slice ? world.ops->slice(&world.model, expected, world.now) : MK_TIME_FOREVER);
    world.slice_end = slice < MK_TIME_FOREVER - world.now ? world.now + slice : MK_TIME_FOREVER;
}

static void compare(const char *name, const struct model_ops *ops)
{
    memset(&world, 0, sizeof(world));
    world.policy = mk_policy_find(name);
    world.ops = ops;
    world.state = calloc(1, world.policy->state_size);
    world.model.quantum = QUANTUM;
    world.model.random = mix64(5);
    for (int i = 0; i < MODEL_THREADS; i++) {
        world.model.threads[i].p = &world.threads[i];
        world.threads[i].own = calloc(1, world.policy->thread_size);
    }
    if (world.policy->start)
        world.policy->start(world.state, QUANTUM, 5);
    for (int i = 0; i < NR_STEPS; i++) {
        pass();
        for (uint64_t n = draw(4); n > 0; n--)
            disturb();
        if (world.running)
            fate_of_running();
        if (!world.running)
            pick();
    }
    assert_true(world.nr_calls >= 200000);
    assert_true(world.nr_picks > NR_STEPS / 10);
    assert_true(!world.policy->preempts || world.nr_preempted > 100);
    for (int i = 0; i < MODEL_THREADS; i++)
        free(world.threads[i].own);
    free(world.state);
}

/* MODEL0010 to MODEL0100: the same picks, slices and preemptions as the naive policy, in 200,000 calls and more. */
#define MODEL(test, name, ...) \
    static void test(void **state) \
    { \
        static const struct model_ops ops = {__VA_ARGS__}; \
        (void)state; \
        compare(name, &ops); \
    }

MODEL(MODEL0010, "fcfs", .ready = m_fifo_ready, .ran = m_count)
MODEL(MODEL0020, "rr", .ready = m_fifo_ready, .ran = m_count, .slice = m_rr_slice)
MODEL(MODEL0030, "sjf", .ready = m_shortest_ready, .ran = m_count, .changed = m_shortest_changed)
MODEL(MODEL0040, "srtf", .ready = m_shortest_ready, .ran = m_count, .changed = m_shortest_changed,
      .preempts = m_srtf_preempts)
MODEL(MODEL0050, "mlfq", .ready = m_mlfq_ready, .ran = m_mlfq_ran, .before = m_mlfq_before, .preempts = m_mlfq_preempts,
      .slice = m_mlfq_slice)
MODEL(MODEL0060, "lottery", .ready = m_lottery_ready, .ran = m_count, .pick = m_lottery_pick, .slice = m_quantum,
      .changed = m_lottery_changed)
MODEL(MODEL0070, "stride", .ready = m_stride_ready, .left_cpu = m_stride_left, .ran = m_stride_ran, .slice = m_quantum,
      .changed = m_stride_changed)
MODEL(MODEL0080, "fair", .ready = m_fair_ready, .ran = m_fair_ran, .pick = m_fair_pick, .preempts = m_fair_preempts,
      .slice = m_fair_slice, .changed = m_fair_changed)
MODEL(MODEL0090, "edf", .ready = m_edf_ready, .ran = m_edf_ran, .before = m_edf_before, .pick = m_edf_pick,
      .preempts = m_edf_preempts, .slice = m_edf_slice, .changed = m_edf_changed)
MODEL(MODEL0100, "mlfqs", .ready = m_bsd_ready, .ran = m_bsd_ran, .before = m_bsd_before, .preempts = m_bsd_preempts,
      .slice = m_bsd_slice, .changed = m_bsd_changed)

/* ---- what it costs ---- */

enum { MANY = 100000 };

/* A turn of the CPU: pick, run, and be ready again. */
static void turn(const struct mk_policy *policy, void *state, mk_time_t *now)
{
    struct mk_policy_thread *t = policy->pick(state, *now);
    assert_non_null(t);
    mk_time_t slice = policy->slice ? policy->slice(state, t, *now) : MK_TIME_FOREVER;
    slice = slice < MK_MSEC ? slice : MK_MSEC / 16; /* less than a second in all: mlfqs */
    *now += slice;
    if (policy->ran)
        policy->ran(state, t, slice, *now);
    if (policy->preempts)
        policy->preempts(state, t, *now);
    policy->ready(state, t, MK_READY_YIELDED, *now);
}

/* COST0010: with 100,000 threads ready a turn passes at most some 17-fold, log2 of them, nodes of a tree. */
static void COST0010(void **state)
{
    static const char *const names[] = {"sjf", "srtf", "lottery", "stride", "fair", "edf", "mlfqs"};
    struct mk_policy_thread *threads = calloc(MANY, sizeof(*threads));
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        const struct mk_policy *policy = mk_policy_find(names[i]);
        struct ready_tree *ready = calloc(1, policy->state_size);
        char *own = calloc(MANY, policy->thread_size);
        mk_time_t now = 0;
        if (policy->start)
            policy->start(ready, QUANTUM, 1);
        for (size_t j = 0; j < MANY; j++) {
            threads[j] = (struct mk_policy_thread){.id = j + 1, .own = own + j * policy->thread_size};
            threads[j].is = (struct mk_sched_params){.burst = (mk_time_t)(mix64(j) % 1000000) + 1,
                                                     .tickets = (uint32_t)(mix64(j + 1) % 500),
                                                     .nice = (int32_t)(j % 41) - 20,
                                                     .period = MK_SEC,
                                                     .budget = 9 * MK_USEC};
            policy->ready(ready, &threads[j], MK_READY_NEW, now);
        }
        assert_in_range(ready->tree.nr_steps / MANY, 1, 2 * 24);
        uint64_t before_turns = ready->tree.nr_steps;
        for (int turns = 0; turns < 10000; turns++)
            turn(policy, ready, &now);
        /* Down, up and once more for each of out and in, in a tree at most 1.44 log2 n high. */
        assert_in_range((ready->tree.nr_steps - before_turns) / 10000, 1, 6 * 24);
        assert_true(ready->tree.nr_nodes >= MANY - 10000); /* edf: budgets are used up */
        free(own);
        free(ready);
    }
    free(threads);
}

/* COST0020: mlfqs catches up on a hundred years of sleep at once. */
static void COST0020(void **state)
{
    const struct mk_policy *policy = mk_policy_find("mlfqs");
    void *s = calloc(1, policy->state_size);
    struct mk_policy_thread thread = {.id = 1, .own = calloc(1, policy->thread_size)};
    mk_time_t now = 0;
    (void)state;
    policy->start(s, QUANTUM, 0);
    policy->ready(s, &thread, MK_READY_NEW, now);
    for (int i = 0; i < 100; i++) {
        assert_ptr_equal(policy->pick(s, now), &thread);
        now += MK_SEC;
        policy->ran(s, &thread, MK_SEC, now);
        policy->blocked(s, &thread, now);
        now += 365 * 24 * 3600 * MK_SEC;
        policy->ready(s, &thread, MK_READY_WOKEN, now);
    }
    free(thread.own);
    free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(MODEL0010), cmocka_unit_test(MODEL0020), cmocka_unit_test(MODEL0030),
        cmocka_unit_test(MODEL0040), cmocka_unit_test(MODEL0050), cmocka_unit_test(MODEL0060),
        cmocka_unit_test(MODEL0070), cmocka_unit_test(MODEL0080), cmocka_unit_test(MODEL0090),
        cmocka_unit_test(MODEL0100), cmocka_unit_test(COST0010),  cmocka_unit_test(COST0020),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
