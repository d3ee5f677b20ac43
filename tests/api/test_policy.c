/* SPDX-License-Identifier: BSD-2-Clause */
/* Scheduling by a policy of the program's own: when it is asked and told, and what becomes of one that is wrong. */
#include "stress.h"

#define NR_MAX 64

/* ---- a policy: the ready threads in a ring; who was ready last runs first or last ---- */

struct own {
    struct mk_policy_thread *next;
};

struct order {
    struct mk_policy_thread *ready[NR_MAX];
    unsigned nr;
};

static char trail[512]; /* what the policy was told, as letters, and the numbers of threads */
static mk_time_t ran_ns;

static void note(char what, const struct mk_policy_thread *thread)
{
    size_t used = strlen(trail);
    snprintf(trail + used, sizeof(trail) - used, "%c%llu ", what, (unsigned long long)thread->id);
}

static void order_ready(void *state, struct mk_policy_thread *thread, enum mk_ready why, mk_time_t now)
{
    struct order *order = state;
    (void)now;
    note("nwpey"[why], thread);
    order->ready[order->nr++] = thread;
}

static void take(struct order *order, unsigned i)
{
    memmove(&order->ready[i], &order->ready[i + 1], (--order->nr - i) * sizeof(order->ready[0]));
}

static void order_unready(void *state, struct mk_policy_thread *thread, mk_time_t now)
{
    struct order *order = state;
    (void)now;
    note('u', thread);
    for (unsigned i = 0; i < order->nr; i++)
        if (order->ready[i] == thread)
            take(order, i--);
}

static struct mk_policy_thread *first_pick(void *state, mk_time_t now)
{
    struct order *order = state;
    (void)now;
    if (!order->nr)
        return NULL;
    struct mk_policy_thread *thread = order->ready[0];
    take(order, 0);
    return thread;
}

static void order_ran(void *state, struct mk_policy_thread *thread, mk_time_t ns, mk_time_t now)
{
    (void)state, (void)thread, (void)now;
    ran_ns += ns;
}

static const struct mk_policy fifo = {
    .abi = MK_POLICY_ABI,
    .name = "fifo",
    .state_size = sizeof(struct order),
    .ready = order_ready,
    .unready = order_unready,
    .pick = first_pick,
    .ran = order_ran,
};

/* ---- a world: no costs, so that times are those that threads spend ---- */

static const struct mk_costs free_of_charge;

static void begin(struct mkt *t, const struct mk_policy *policy)
{
    const struct mk_machine_config config = {.own_policy = policy, .costs = &free_of_charge, .quantum = 10 * MK_MSEC};
    trail[0] = '\0';
    ran_ns = 0;
    mkt_begin(t, &config);
}

static void run_with(const struct mk_policy *policy, void (*entry)(void *))
{
    struct mkt t;
    begin(&t, policy);
    mkt_spawn(&t, "test", entry, NULL, false);
    mkt_run_all(&t);
    mkt_finish(&t);
}

static char done[64]; /* names of threads in the order of their ends */

static void spend(void *arg)
{
    const char *name = arg; /* a letter, and milliseconds as a digit */
    CHECK_OK(mk_time_spend((name[1] - '0') * MK_MSEC));
    strncat(done, name, 1);
}

static mk_name_t thread_at(int priority, const char *what)
{
    const struct mk_thread_attr attr = {.entry = spend, .arg = (void *)(uintptr_t)what, .priority = priority};
    mk_name_t thread;
    CHECK_OK(mk_thread_create(mk_task_self(), &attr, &thread));
    return thread;
}

static void three_of_different_priority(void *arg)
{
    (void)arg;
    done[0] = '\0';
    mk_name_t a = thread_at(10, "a3"), b = thread_at(60, "b2"), c = thread_at(30, "c1");
    CHECK_OK(mk_thread_join(a, MK_TIME_FOREVER));
    CHECK_OK(mk_thread_join(b, MK_TIME_FOREVER));
    CHECK_OK(mk_thread_join(c, MK_TIME_FOREVER));
}

/* POLICY0010: the policy decides who runs; priorities count for it alone. */
static void POLICY0010(void **state)
{
    (void)state;
    run_with(&fifo, three_of_different_priority);
    assert_string_equal(done, "abc");
    run_with(NULL, three_of_different_priority);
    assert_string_equal(done, "bca");
}

/* POLICY0020: it is told of all that is ready, with the reason, and of the time that each one ran. */
static void POLICY0020(void **state)
{
    (void)state;
    run_with(&fifo, three_of_different_priority);
    assert_string_equal(trail, "n1 n2 n3 n4 w1 ");
    assert_int_equal(ran_ns, 6 * MK_MSEC);
}

static void suspend_one(void *arg)
{
    (void)arg;
    done[0] = '\0';
    mk_name_t a = thread_at(0, "a1"), b = thread_at(0, "b1");
    CHECK_OK(mk_thread_suspend(a));
    CHECK_OK(mk_thread_join(b, MK_TIME_FOREVER));
    CHECK_OK(mk_thread_resume(a));
    CHECK_OK(mk_thread_join(a, MK_TIME_FOREVER));
}

/* POLICY0030: a thread that is suspended while it is ready is taken from the policy. */
static void POLICY0030(void **state)
{
    (void)state;
    run_with(&fifo, suspend_one);
    assert_string_equal(done, "ba");
    assert_string_equal(trail, "n1 n2 n3 u2 w1 n2 w1 ");
}

static mk_time_t three_ms(void *state, const struct mk_policy_thread *thread, mk_time_t now)
{
    (void)state, (void)thread, (void)now;
    return 3 * MK_MSEC;
}

static void two_long_ones(void *arg)
{
    (void)arg;
    done[0] = '\0';
    mk_name_t a = thread_at(0, "a7"), b = thread_at(0, "b4");
    CHECK_OK(mk_thread_join(a, MK_TIME_FOREVER));
    CHECK_OK(mk_thread_join(b, MK_TIME_FOREVER));
    CHECK(mk_time_now() == 11 * MK_MSEC);
}

/* POLICY0040: at the end of the slice that it gave, another thread is picked. */
static void POLICY0040(void **state)
{
    struct mk_policy rr = fifo;
    (void)state;
    rr.slice = three_ms;
    run_with(&rr, two_long_ones);
    assert_string_equal(trail, "n1 n2 n3 e2 e3 e2 w1 ");
    assert_string_equal(done, "ba");
}

/* Undeclared ones last. */
static mk_time_t burst_of(const struct mk_policy_thread *thread)
{
    return thread->is.burst ? thread->is.burst : MK_TIME_FOREVER;
}

static bool prefers_short(void *state, const struct mk_policy_thread *running, mk_time_t now)
{
    const struct order *order = state;
    (void)now;
    for (unsigned i = 0; i < order->nr; i++)
        if (burst_of(order->ready[i]) < burst_of(running))
            return true;
    return false;
}

static struct mk_policy_thread *shortest_pick(void *state, mk_time_t now)
{
    struct order *order = state;
    unsigned best = 0;
    (void)now;
    if (!order->nr)
        return NULL;
    for (unsigned i = 1; i < order->nr; i++)
        if (burst_of(order->ready[i]) < burst_of(order->ready[best]))
            best = i;
    struct mk_policy_thread *thread = order->ready[best];
    take(order, best);
    return thread;
}

static void declare_bursts(void *arg)
{
    (void)arg;
    done[0] = '\0';
    mk_name_t a = thread_at(0, "a5"), b = thread_at(0, "b2");
    CHECK_OK(mk_thread_set_sched(mk_thread_self(), &(struct mk_sched_params){.burst = 3 * MK_MSEC}));
    CHECK_OK(mk_thread_set_sched(a, &(struct mk_sched_params){.burst = 5 * MK_MSEC}));
    CHECK_OK(mk_time_spend(MK_MSEC));
    CHECK(done[0] == '\0');
    CHECK_OK(mk_thread_set_sched(b, &(struct mk_sched_params){.burst = 2 * MK_MSEC}));
    CHECK(strcmp(done, "b") == 0); /* at once */
    CHECK_OK(mk_thread_join(a, MK_TIME_FOREVER));
}

/* POLICY0050: it sees what threads declare, and can take the CPU from the one that runs. */
static void POLICY0050(void **state)
{
    struct mk_policy sjf = fifo;
    (void)state;
    sjf.pick = shortest_pick;
    sjf.preempts = prefers_short;
    run_with(&sjf, declare_bursts);
    assert_string_equal(done, "ba");
    assert_non_null(strstr(trail, "p1 "));
}

/* ---- declarations ---- */

static mk_err_t admit_none(void *state, struct mk_policy_thread *thread, const struct mk_sched_params *wanted)
{
    (void)state, (void)thread;
    return wanted->budget ? MK_E_NO_ROOM : MK_OK;
}

static void declare_too_much(void *arg)
{
    mk_name_t self = mk_thread_self();
    (void)arg;
    CHECK_ERR(mk_thread_set_sched(self, &(struct mk_sched_params){.period = 10, .budget = 5}), MK_E_NO_ROOM);
    CHECK_OK(mk_thread_set_sched(self, &(struct mk_sched_params){.tickets = 5}));
    CHECK_ERR(mk_thread_set_sched(self, &(struct mk_sched_params){.burst = -1}), MK_E_BAD_ARGUMENT);
    CHECK_ERR(mk_thread_set_sched(self, &(struct mk_sched_params){.period = 5, .budget = 6}), MK_E_BAD_ARGUMENT);
    CHECK_ERR(mk_thread_set_sched(self, &(struct mk_sched_params){.nice = 21}), MK_E_BAD_ARGUMENT);
    CHECK_ERR(mk_thread_set_sched(self, NULL), MK_E_BAD_ADDRESS);
    CHECK_ERR(mk_thread_set_sched(MK_NAME_NULL, &(struct mk_sched_params){0}), MK_E_BAD_NAME);
}

/* POLICY0060: what the policy does not admit, and what makes no sense, is refused. */
static void POLICY0060(void **state)
{
    struct mk_policy strict = fifo;
    (void)state;
    strict.admit = admit_none;
    run_with(&strict, declare_too_much);
}

/* ---- a policy that lets the CPU idle ---- */

static struct mk_policy_thread *late_pick(void *state, mk_time_t now)
{
    return now % (10 * MK_MSEC) ? NULL : first_pick(state, now);
}

static mk_time_t next_tenth(void *state, mk_time_t now)
{
    (void)state;
    return now / (10 * MK_MSEC) * (10 * MK_MSEC) + 10 * MK_MSEC;
}

static void join_late(void *arg)
{
    (void)arg;
    done[0] = '\0';
    CHECK_OK(mk_thread_join(thread_at(0, "a3"), MK_TIME_FOREVER));
    CHECK(mk_time_now() == 10 * MK_MSEC); /* woken after 3 */
}

/* POLICY0070: it may put off ready threads, and is asked again when it said. */
static void POLICY0070(void **state)
{
    struct mk_policy late = fifo;
    (void)state;
    late.pick = late_pick;
    late.next_event = next_tenth;
    run_with(&late, join_late);
}

/* ---- wrong ones ---- */

/* The machine goes on without it, and says why. */
static void check_blamed(const struct mk_policy *policy, const char *why)
{
    struct mkt t;
    begin(&t, policy);
    t.expects_log = true;
    mkt_spawn(&t, "test", three_of_different_priority, NULL, false);
    mkt_run_all(&t);
    assert_non_null(strstr(t.log, why));
    assert_null(strstr(strstr(t.log, why) + 1, "scheduling policy"));
    assert_int_equal(strlen(done), 3);
    mkt_finish(&t);
}

static void lose_third(void *state, struct mk_policy_thread *thread, enum mk_ready why, mk_time_t now)
{
    if (thread->id != 3)
        order_ready(state, thread, why, now);
}

/* POLICY0100: a policy that forgets a ready thread is named, and the thread runs all the same. */
static void POLICY0100(void **state)
{
    struct mk_policy loser = fifo;
    (void)state;
    loser.name = "loser";
    loser.ready = lose_third;
    check_blamed(&loser,
                 "scheduling policy loser has lost a thread that is ready (thread 3); from now on the policy is "
                 "priority");
}

static struct mk_policy_thread *first_seen;

static struct mk_policy_thread *same_pick(void *state, mk_time_t now)
{
    struct mk_policy_thread *thread = first_pick(state, now);
    first_seen = first_seen ? first_seen : thread;
    return first_seen;
}

/* POLICY0110: one that picks a thread that waits is named. */
static void POLICY0110(void **state)
{
    struct mk_policy wrong = fifo;
    (void)state;
    wrong.pick = same_pick;
    first_seen = NULL;
    check_blamed(&wrong, "scheduling policy fifo picked a thread that is not ready (thread 1)");
}

static struct mk_policy_thread *wild_pick(void *state, mk_time_t now)
{
    (void)state, (void)now;
    return (struct mk_policy_thread *)(uintptr_t)0x1000;
}

/* POLICY0120: one that picks what is no thread is named. */
static void POLICY0120(void **state)
{
    struct mk_policy wild = fifo;
    (void)state;
    wild.pick = wild_pick;
    check_blamed(&wild, "scheduling policy fifo picked what is no thread");
}

/* POLICY0130: one of another version, or without what it needs, is refused; and so is a name that there is not. */
static void POLICY0130(void **state)
{
    struct mk_machine *machine;
    struct mkt t = {0};
    struct mk_policy old = fifo, poor = fifo;
    struct mk_machine_config config = {.own_policy = &old, .log = mkt_log, .log_arg = &t};
    (void)state;
    old.abi = MK_POLICY_ABI + 1;
    assert_int_equal(mk_machine_create(&config, &machine), MK_E_PLUGIN_ABI);
    poor.pick = NULL;
    config.own_policy = &poor;
    assert_int_equal(mk_machine_create(&config, &machine), MK_E_PLUGIN_ABI);
    config = (struct mk_machine_config){.policy = "nobody", .log = mkt_log, .log_arg = &t};
    assert_int_equal(mk_machine_create(&config, &machine), MK_E_NOT_FOUND);
    assert_non_null(strstr(t.log, "policy: 'nobody' is unknown"));
    config.policy = "./nobody.so";
    assert_int_equal(mk_machine_create(&config, &machine), MK_E_PLUGIN_FILE);
    assert_non_null(strstr(t.log, "./nobody.so"));
}

/* ---- another policy while the machine runs ---- */

static void change_policy(void *arg)
{
    mk_name_t control;
    (void)arg;
    CHECK_OK(mk_task_get_special(mk_task_self(), MK_SPECIAL_MACHINE, &control));
    done[0] = '\0';
    mk_name_t a = thread_at(10, "a1"), b = thread_at(20, "b1");
    CHECK(strcmp(trail, "n1 n2 n3 ") == 0);
    CHECK_OK(mk_machine_use_policy(control, "priority"));
    CHECK_OK(mk_thread_join(a, MK_TIME_FOREVER));
    CHECK_OK(mk_thread_join(b, MK_TIME_FOREVER));
    CHECK(strcmp(trail, "n1 n2 n3 ") == 0 && strcmp(done, "ba") == 0);
    CHECK_OK(mk_machine_use_policy(control, POLICY_FILE));
    a = thread_at(20, "a1"), b = thread_at(10, "b1");
    CHECK_OK(mk_thread_join(a, MK_TIME_FOREVER));
    CHECK(strcmp(done, "baba") == 0); /* the last first, whatever its priority */
    CHECK_ERR(mk_machine_use_policy(control, "nobody"), MK_E_NOT_FOUND);
    CHECK_ERR(mk_machine_use_policy(mk_task_self(), "priority"), MK_E_BAD_RIGHT);
    CHECK_ERR(mk_machine_use_policy(control, NULL), MK_E_BAD_ADDRESS);
}

/* POLICY0200: another policy, of the kernel's or from a file, takes over with the threads that are ready. */
static void POLICY0200(void **state)
{
    struct mkt t;
    (void)state;
    begin(&t, &fifo);
    t.expects_log = true; /* 'nobody' */
    mkt_spawn(&t, "test", change_policy, NULL, false);
    mkt_run_all(&t);
    mkt_finish(&t);
}

/* POLICY0210: what libmk brings is found by the names that it tells. */
static void POLICY0210(void **state)
{
    const char *const *names = mk_policy_names();
    (void)state;
    assert_string_equal(names[0], "priority");
    assert_null(mk_policy_find("priority"));
    for (size_t i = 1; names[i]; i++)
        assert_string_equal(mk_policy_find(names[i])->name, names[i]);
}

/* ---- in which order the kernel tells ---- */

static void noting_ran(void *state, struct mk_policy_thread *thread, mk_time_t ns, mk_time_t now)
{
    (void)state, (void)ns, (void)now;
    note('r', thread);
}

static void noting_blocked(void *state, struct mk_policy_thread *thread, mk_time_t now)
{
    (void)state, (void)now;
    note('b', thread);
}

static const struct mk_policy noting = {
    .abi = MK_POLICY_ABI,
    .name = "noting",
    .state_size = sizeof(struct order),
    .ready = order_ready,
    .unready = order_unready,
    .pick = first_pick,
    .ran = noting_ran,
    .blocked = noting_blocked,
};

static void sleep_and_end(void *arg)
{
    (void)arg;
    CHECK_OK(mk_time_sleep(2 * MK_MSEC));
}

static void waits_and_wakes(void *arg)
{
    (void)arg;
    mkt_thread(sleep_and_end, NULL);
    CHECK_OK(mk_time_sleep(1 * MK_MSEC)); /* the other waits meanwhile */
    trail[0] = '\0';
    CHECK_OK(mk_time_spend(2 * MK_MSEC)); /* in the middle it is woken */
    CHECK_OK(mk_thread_suspend(mk_thread_self()));
}

/* POLICY0220: how long a thread ran is told before another is ready, and before it leaves the CPU; all that leave it do. */
static void POLICY0220(void **state)
{
    struct mkt t;
    (void)state;
    begin(&t, &noting);
    t.expects_log = true; /* the deadlock: nobody resumes it */
    mkt_spawn(&t, "test", waits_and_wakes, NULL, false);
    assert_int_equal(mk_machine_run(t.machine, NULL), MK_E_DEADLOCK);
    assert_string_equal(trail, "r1 w2 r1 b1 b2 ");
    mkt_finish(&t);
}

/* ---- libmk's own in a machine ---- */

static void load(void *arg)
{
    const struct mk_sched_params params = {.nice = (int)(intptr_t)arg};
    CHECK_OK(mk_thread_set_sched(mk_thread_self(), &params));
    CHECK_OK(mk_time_sleep(40 * MK_MSEC));
    CHECK_OK(mk_time_spend(100 * MK_SEC));
}

static void ten_nice_values(void *arg)
{
    static const int expected[] = {672, 588, 492, 408, 316, 232, 152, 92, 40, 8};
    struct mk_thread_info infos[11];
    size_t n;
    (void)arg;
    for (int i = 0; i < 10; i++)
        mkt_thread(load, (void *)(intptr_t)i);
    CHECK_OK(mk_time_sleep(30 * MK_SEC + 40 * MK_MSEC));
    CHECK_OK(mk_machine_threads(NULL, infos, 11, &n));
    CHECK(n == 11);
    for (int i = 0; i < 10; i++)
        CHECK(infos[i + 1].run_time / (10 * MK_MSEC) == expected[i]);
    mk_task_exit(0);
}

/* POLICY0230: mlfqs-nice-10 of Pintos in a machine: thirty seconds, ten threads, its very ticks. */
static void POLICY0230(void **state)
{
    const struct mk_machine_config config = {.policy = "mlfqs", .costs = &free_of_charge};
    struct mkt t;
    (void)state;
    mkt_begin(&t, &config);
    mkt_spawn(&t, "test", ten_nice_values, NULL, false);
    mkt_run_all(&t);
    mkt_finish(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(POLICY0010), cmocka_unit_test(POLICY0020), cmocka_unit_test(POLICY0030),
        cmocka_unit_test(POLICY0040), cmocka_unit_test(POLICY0050), cmocka_unit_test(POLICY0060),
        cmocka_unit_test(POLICY0070), cmocka_unit_test(POLICY0100), cmocka_unit_test(POLICY0110),
        cmocka_unit_test(POLICY0120), cmocka_unit_test(POLICY0130), cmocka_unit_test(POLICY0200),
        cmocka_unit_test(POLICY0210), cmocka_unit_test(POLICY0220), cmocka_unit_test(POLICY0230),
    };
    cmocka_set_test_filter(getenv("MKT_TEST"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
