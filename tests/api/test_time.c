/* SPDX-License-Identifier: BSD-2-Clause */
/* The virtual clock, sleeping, spending, random numbers. */
#include "helpers.h"

/* A machine whose kernel calls cost nothing. */
static void run_free(void (*entry)(void *))
{
    static const struct mk_costs costs;
    const struct mk_machine_config config = {.costs = &costs};
    struct mkt t;
    mkt_begin(&t, &config);
    mkt_spawn(&t, "test", entry, NULL, false);
    mkt_run_all(&t);
    mkt_finish(&t);
}

static void spend_exactly(void *arg)
{
    (void)arg;
    CHECK(mk_time_now() == 0);
    static const mk_time_t times[] = {0, 1, 999, MK_MSEC, 10 * MK_MSEC, 10 * MK_MSEC + 1, 3 * MK_SEC};
    mk_time_t sum = 0;
    for (size_t i = 0; i < COUNT_OF(times); i++) {
        CHECK_OK(mk_time_spend(times[i]));
        sum += times[i];
        CHECK(mk_time_now() == sum);
    }
}

/* TIME0010: mk_time_spend moves the clock by exactly what it says. */
static void TIME0010(void **state)
{
    (void)state;
    run_free(spend_exactly);
}

static void sleep_exactly(void *arg)
{
    (void)arg;
    static const mk_time_t times[] = {1, MK_USEC, MK_SEC, 3600 * MK_SEC, 365 * 24 * 3600 * MK_SEC};
    for (size_t i = 0; i < COUNT_OF(times); i++) {
        CHECK_OK(mk_time_sleep(times[i]));
        CHECK(mk_time_now() == times[i]);
    }
    CHECK_OK(mk_time_sleep(5)); /* it has passed */
    CHECK(mk_time_now() == times[COUNT_OF(times) - 1]);
}

/* TIME0020: a sleep of a year is a jump to exactly its end. */
static void TIME0020(void **state)
{
    (void)state;
    run_free(sleep_exactly);
}

/* TIME0030: negative times are refused, and take no time from the clock's ways. */
MKT_TEST(TIME0030)
{
    (void)arg;
    CHECK_ERR(mk_time_sleep(-1), MK_E_BAD_ARGUMENT);
    CHECK_ERR(mk_time_sleep(INT64_MIN), MK_E_BAD_ARGUMENT);
    CHECK_ERR(mk_time_spend(-1), MK_E_BAD_ARGUMENT);
    CHECK_ERR(mk_time_spend(INT64_MIN), MK_E_BAD_ARGUMENT);
    CHECK(mk_time_now() < MK_MSEC);
}

/* TIME0040: a deadline that has passed, and MK_TIME_POLL, need no sleep. */
MKT_TEST(TIME0040)
{
    (void)arg;
    CHECK_OK(mk_time_spend(MK_MSEC));
    mk_time_t before = mk_time_now();
    CHECK_OK(mk_time_sleep(MK_TIME_POLL));
    CHECK_OK(mk_time_sleep(1));
    CHECK(mk_time_now() < before + 10 * MK_USEC);
}

struct sleeper {
    mk_time_t wake, woke;
    int *turn, at;
};

static void sleeper_main(void *arg)
{
    struct sleeper *s = arg;
    CHECK_OK(mk_time_sleep(s->wake));
    s->woke = mk_time_now();
    s->at = (*s->turn)++;
}

/* TIME0050: sleepers wake in order of their deadlines, equals in order of going to sleep. */
MKT_TEST(TIME0050)
{
    (void)arg;
    static const mk_time_t wake[] = {50, 10, 30, 10, 20, 50, 40};
    static const int expected[] = {5, 0, 3, 1, 2, 6, 4};
    struct sleeper s[COUNT_OF(wake)];
    mk_name_t threads[COUNT_OF(wake)];
    int turn = 0;
    for (size_t i = 0; i < COUNT_OF(wake); i++) {
        s[i] = (struct sleeper){.wake = wake[i] * MK_MSEC, .turn = &turn};
        threads[i] = mkt_thread(sleeper_main, &s[i]);
    }
    for (size_t i = 0; i < COUNT_OF(wake); i++) {
        join(threads[i]);
        CHECK(s[i].at == expected[i] && s[i].woke >= s[i].wake && s[i].woke < s[i].wake + MK_MSEC);
    }
}

/* TIME0060: a thousand sleepers with mixed deadlines all wake at their time. */
MKT_TEST(TIME0060)
{
    (void)arg;
    enum { NR = 1000 };
    static struct sleeper s[NR];
    int turn = 0;
    mk_name_t last = MK_NAME_NULL;
    for (int i = 0; i < NR; i++) {
        s[i] = (struct sleeper){.wake = MK_SEC + (mk_time_t)(i * 7919 % NR) * MK_MSEC, .turn = &turn};
        last = mkt_thread(sleeper_main, &s[i]);
    }
    CHECK_OK(mk_time_sleep(10 * MK_SEC));
    CHECK_OK(mk_thread_join(last, MK_TIME_POLL));
    for (int i = 0; i < NR; i++)
        CHECK(s[i].at == (int)((s[i].wake - MK_SEC) / MK_MSEC) && s[i].woke < s[i].wake + MK_MSEC);
}

/* TIME0070: time that nobody uses is counted as idle, time that is spent is not. */
MKT_TEST(TIME0070)
{
    (void)arg;
    struct mk_machine_stats stats;
    CHECK_OK(mk_time_spend(MK_SEC));
    CHECK_OK(mk_machine_stats(NULL, &stats));
    CHECK(stats.idle_time == 0);
    CHECK_OK(mk_time_sleep(mk_time_now() + MK_SEC));
    CHECK_OK(mk_machine_stats(NULL, &stats));
    CHECK(stats.idle_time > MK_SEC - MK_MSEC && stats.idle_time <= MK_SEC);
}

static void spender(void *arg)
{
    mk_time_t start = mk_time_now();
    CHECK_OK(mk_time_spend(30 * MK_MSEC));
    *(mk_time_t *)arg = mk_time_now() - start;
}

/* TIME0080: deadlines and timers of equals do not shorten what another spends. */
MKT_TEST(TIME0080)
{
    (void)arg;
    mk_time_t took = 0;
    mk_name_t thread = mkt_thread(spender, &took);
    mk_time_t start = mk_time_now();
    CHECK_OK(mk_time_spend(30 * MK_MSEC));
    CHECK_OK(mk_thread_join(thread, MK_TIME_FOREVER));
    mk_time_t total = mk_time_now() - start;
    CHECK(total >= 60 * MK_MSEC && total < 60 * MK_MSEC + MK_MSEC && took >= 30 * MK_MSEC);
}

static mk_time_t measured;

static void measure_calls(void *arg)
{
    (void)arg;
    mk_time_t start = mk_time_now();
    for (int i = 0; i < 100; i++)
        CHECK_OK(mk_time_spend(0));
    measured = mk_time_now() - start;
}

/* TIME0090: the cost table says what kernel calls cost. */
static void TIME0090(void **state)
{
    (void)state;
    struct mk_costs costs = *mk_costs_default();
    const struct mk_machine_config config = {.costs = &costs};
    for (costs.entry = 0; costs.entry <= 5000; costs.entry += 2500) {
        struct mkt t;
        mkt_begin(&t, &config);
        mkt_spawn(&t, "test", measure_calls, NULL, false);
        mkt_run_all(&t);
        mkt_finish(&t);
        assert_in_range(measured, 100 * costs.entry, 101 * costs.entry);
    }
}

static uint64_t randoms[3];

static void take_randoms(void *arg)
{
    (void)arg;
    for (size_t i = 0; i < COUNT_OF(randoms); i++)
        randoms[i] = mk_random();
}

static void run_with_seed(uint64_t seed, uint64_t out[3])
{
    const struct mk_machine_config config = {.seed = seed};
    struct mkt t;
    mkt_begin(&t, &config);
    mkt_spawn(&t, "test", take_randoms, NULL, false);
    mkt_run_all(&t);
    mkt_finish(&t);
    memcpy(out, randoms, sizeof(randoms));
}

/* TIME0100: random numbers repeat with the machine's seed and differ with another. */
static void TIME0100(void **state)
{
    (void)state;
    uint64_t a[3], b[3], c[3];
    for (uint64_t seed = 0; seed < 3; seed++) {
        run_with_seed(seed, a);
        run_with_seed(seed, b);
        run_with_seed(seed + 1, c);
        assert_memory_equal(a, b, sizeof(a));
        assert_memory_not_equal(a, c, sizeof(a));
        assert_true(a[0] != a[1] && a[1] != a[2]);
    }
}

/* TIME0110: outside a machine there is no time. */
static void TIME0110(void **state)
{
    (void)state;
    assert_int_equal(mk_time_now(), 0);
    assert_int_equal(mk_time_sleep(1), MK_E_NOT_IN_MACHINE);
    assert_int_equal(mk_time_spend(1), MK_E_NOT_IN_MACHINE);
    assert_int_equal(mk_random(), 0);
}

/* TIME0120: a timer for ever is none: MK_TIME_FOREVER and the last instant before it never come. */
MKT_TEST(TIME0120)
{
    (void)arg;
    mk_name_t port = mkt_port();
    struct receiver r[2] = {{.receive = port, .deadline = MK_TIME_FOREVER - 1},
                            {.receive = port, .deadline = MK_TIME_FOREVER}};
    mk_name_t a = mkt_thread(receiver_main, &r[0]), b = mkt_thread(receiver_main, &r[1]);
    CHECK_OK(mk_time_sleep(1000 * MK_SEC));
    CHECK(!r[0].is_done && !r[1].is_done);
    CHECK_OK(send_id(port, 1));
    CHECK_OK(send_id(port, 2));
    join(a);
    join(b);
    CHECK(r[0].err == MK_OK && r[1].err == MK_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(TIME0010), cmocka_unit_test(TIME0020), cmocka_unit_test(TIME0030), cmocka_unit_test(TIME0040),
        cmocka_unit_test(TIME0050), cmocka_unit_test(TIME0060), cmocka_unit_test(TIME0070), cmocka_unit_test(TIME0080),
        cmocka_unit_test(TIME0090), cmocka_unit_test(TIME0100), cmocka_unit_test(TIME0110), cmocka_unit_test(TIME0120),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
