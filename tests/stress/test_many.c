/* SPDX-License-Identifier: BSD-2-Clause */
/* Many threads in one machine. */
#include "stress.h"

#define NR_THREADS STRESS_SIZE(100000u, 5000u)

struct crowd {
    mk_name_t *ports;
    uint32_t *answers;
    unsigned nr_asking, nr_done;
    unsigned next;
    struct stress_usage *peak; /* measured by the host's side while all of them wait */
};

/* Each waits on a port of its own; what it is sent, it answers with one more. */
static void member_main(void *arg)
{
    struct crowd *crowd = arg;
    uint32_t number = 0;
    unsigned self = crowd->next++;
    struct mk_msg msg = {.body = &number, .capacity = sizeof(number)};
    crowd->nr_asking++;
    CHECK_OK(mk_receive(crowd->ports[self], &msg, MK_TIME_FOREVER));
    CHECK(msg.id == self && msg.size == sizeof(number));
    number++;
    msg.status = MK_OK;
    CHECK_OK(mk_reply(&msg));
    crowd->nr_done++;
}

static void crowd_gather(struct crowd *crowd)
{
    const struct mk_thread_attr attr = {.entry = member_main, .arg = crowd};
    for (unsigned i = 0; i < NR_THREADS; i++) {
        CHECK_OK(mk_port_create(&crowd->ports[i]));
        CHECK_OK(mk_thread_create(mk_task_self(), &attr, NULL));
    }
    while (crowd->nr_asking < NR_THREADS)
        mk_thread_yield();
}

static void check_stats(unsigned nr_threads, unsigned nr_ports)
{
    struct mk_machine_stats stats;
    CHECK_OK(mk_machine_stats(NULL, &stats));
    CHECK(stats.nr_threads == nr_threads);
    CHECK(stats.nr_ports >= nr_ports);
}

static void ask_all(struct crowd *crowd)
{
    uint64_t random = 7;
    unsigned first = stress_below(&random, NR_THREADS);
    for (unsigned n = 0; n < NR_THREADS; n++) {
        unsigned i = (unsigned)((first + (uint64_t)n * 7919) % NR_THREADS); /* 7919 is prime: each comes once */
        mk_name_t send;
        uint32_t number = i;
        struct mk_msg msg = {.id = i, .body = &number, .size = sizeof(number), .capacity = sizeof(number)};
        CHECK_OK(mk_right_make(crowd->ports[i], MK_RIGHT_SEND, 0, &send));
        CHECK_OK(mk_call(send, &msg, MK_TIME_FOREVER));
        CHECK(number == i + 1);
        CHECK_OK(mk_port_destroy(crowd->ports[i]));
        CHECK_OK(mk_right_release(send));
    }
    while (crowd->nr_done < NR_THREADS)
        mk_thread_yield();
}

static void crowd_main(void *arg)
{
    struct crowd *crowd = arg;
    crowd_gather(crowd);
    check_stats(NR_THREADS + 1, NR_THREADS);
    *crowd->peak = stress_usage();
    CHECK_OK(mk_machine_audit(NULL));
    ask_all(crowd);
    CHECK_OK(mk_machine_audit(NULL));
    check_stats(1, 0);
}

static void crowd_run(struct crowd *crowd, void (*entry)(void *))
{
    struct mkt t;
    struct mk_spawn spawn = {.label = "crowd", .entry = entry, .arg = crowd, .stack_size = 262144};
    mkt_begin(&t, NULL);
    assert_int_equal(mk_machine_spawn(t.machine, &spawn, NULL), MK_OK);
    mkt_run_all(&t);
    mkt_finish(&t);
}

static void crowd_begin(struct crowd *crowd, struct stress_usage *peak)
{
    memset(crowd, 0, sizeof(*crowd));
    crowd->peak = peak;
    crowd->ports = test_calloc(NR_THREADS, sizeof(*crowd->ports));
    memset(crowd->ports, 1, NR_THREADS * sizeof(*crowd->ports)); /* resident before the first measurement */
}

static void few_main(void *arg)
{
    (void)arg;
    mkt_port();
}

/*
 * STRESS0010: 100,000 threads wait on their own ports, with fewer than 5,000 host mappings more; each is answered;
 * all of it is returned when the machine goes.
 */
static void STRESS0010(void **state)
{
    (void)state;
    struct crowd crowd;
    struct stress_usage peak;
    crowd_begin(&crowd, &peak);
    crowd_run(&crowd, few_main); /* what the process takes once */
    struct stress_usage before = stress_usage();
    crowd_run(&crowd, crowd_main);
    struct stress_usage after = stress_usage();
    if (!MKT_TSAN && peak.mappings - before.mappings >= 5000) /* TSan maps memory of its own for each thread */
        fail_msg("%ld mappings more", peak.mappings - before.mappings);
    stress_compare(before, after, 32 << 20, 2);
    assert_true(STRESS_SANITIZED || (after.mappings >= before.mappings - 2));
    test_free(crowd.ports);
}

static void left_main(void *arg)
{
    struct crowd *crowd = arg;
    mk_name_t machine;
    crowd_gather(crowd);
    CHECK_OK(mk_task_get_special(mk_task_self(), MK_SPECIAL_MACHINE, &machine));
    CHECK_OK(mk_machine_halt(machine, 0));
}

/* STRESS0011: a machine is destroyed with 100,000 threads waiting in it, and nothing stays. */
static void STRESS0011(void **state)
{
    (void)state;
    struct crowd crowd;
    struct stress_usage peak;
    crowd_begin(&crowd, &peak);
    crowd_run(&crowd, few_main);
    struct stress_usage before = stress_usage();
    crowd_run(&crowd, left_main);
    assert_int_equal(crowd.nr_done, 0);
    stress_compare(before, stress_usage(), 32 << 20, 2);
    test_free(crowd.ports);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(STRESS0010),
        cmocka_unit_test(STRESS0011),
    };
    cmocka_set_test_filter(getenv("MK_STRESS_TEST")); /* one of them, to look closer */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
