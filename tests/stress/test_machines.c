/* SPDX-License-Identifier: BSD-2-Clause */
/* Many machines in one process, on several host threads at once, one after the other. */
#include "stress.h"

#include <pthread.h>

#define NR_HOST_THREADS 4
#define NR_MACHINES     (RUNNING_ON_VALGRIND ? 5u : STRESS_SIZE(100u, 20u)) /* in each half */
#define NR_CALLS        50

/* ---- inside ---- */

struct system {
    unsigned seed;
    unsigned nr_served, nr_helped;
};

static void echo_main(void *arg)
{
    struct system *system = arg;
    uint64_t number;
    mk_name_t machine, port;
    struct mk_msg msg = {.body = &number, .capacity = sizeof(number)};
    CHECK_OK(mk_task_get_special(mk_task_self(), MK_SPECIAL_MACHINE, &machine));
    CHECK_OK(mk_bootstrap_claim(machine, &port));
    mk_err_t err = mk_receive(port, &msg, MK_TIME_FOREVER);
    for (; !err; err = mk_reply_receive(port, &msg, MK_TIME_FOREVER)) {
        number = stress_mix(number);
        msg.status = MK_OK;
        system->nr_served++;
    }
}

static void helper_main(void *arg)
{
    struct system *system = arg;
    for (int i = 0; i < 5; i++)
        CHECK_OK(mk_time_sleep(mk_time_now() + 100 * MK_USEC));
    system->nr_helped++;
}

static void child_main(void *arg)
{
    volatile char *p = mk_calloc(10000, 3);
    CHECK(p != NULL);
    p[29999] = 1;
    helper_main(arg);
}

static void client_main(void *arg)
{
    struct system *system = arg;
    struct mk_thread_attr child = {.entry = child_main, .arg = system};
    mk_name_t echo, task;
    CHECK_OK(mk_task_get_special(mk_task_self(), MK_SPECIAL_BOOTSTRAP, &echo));
    for (int i = 0; i < 4; i++)
        mkt_thread(helper_main, system);
    for (int i = 0; i < 3; i++) {
        CHECK_OK(mk_task_create("child", &task));
        CHECK_OK(mk_thread_create(task, &child, NULL));
    }
    for (uint64_t i = 0; i < NR_CALLS; i++) {
        uint64_t number = system->seed + i;
        struct mk_msg msg = {.body = &number, .size = sizeof(number), .capacity = sizeof(number)};
        CHECK_OK(mk_call(echo, &msg, MK_TIME_FOREVER));
        CHECK(number == stress_mix(system->seed + i));
    }
}

/* ---- outside ---- */

struct host_thread {
    pthread_t thread;
    unsigned first, nr;
    uint64_t hash; /* the same for each machine */
    char wrong[256];
};

static void log_wrong(void *arg, const char *line)
{
    struct host_thread *self = arg;
    snprintf(self->wrong, sizeof(self->wrong), "log: %s", line);
}

/* cmocka's assertions are for its own thread only. */
static bool is_well(struct host_thread *self, bool is_true, const char *what)
{
    if (!is_true && !self->wrong[0])
        snprintf(self->wrong, sizeof(self->wrong), "%s", what);
    return is_true;
}

#define WELL(what) is_well(self, what, #what)

static bool system_run(struct host_thread *self, struct mk_machine *machine, unsigned seed)
{
    struct system system = {.seed = seed};
    struct mk_spawn echo = {.label = "echo", .entry = echo_main, .arg = &system, .is_server = true};
    struct mk_spawn client = {.label = "client", .entry = client_main, .arg = &system};
    struct mk_machine_stats stats;
    int code = -1;
    bool is_ok = WELL(mk_trace_start(machine, 0, NULL, NULL) == MK_OK) &&
                 WELL(mk_machine_spawn(machine, &echo, NULL) == MK_OK) &&
                 WELL(mk_machine_spawn(machine, &client, NULL) == MK_OK) &&
                 WELL(mk_machine_run(machine, &code) == MK_OK) && WELL(code == 0) &&
                 WELL(system.nr_served == NR_CALLS && system.nr_helped == 7) &&
                 WELL(mk_machine_audit(machine) == MK_OK) && WELL(mk_machine_stats(machine, &stats) == MK_OK);
    if (!is_ok)
        return false;
    if (!self->hash)
        self->hash = stats.trace_hash;
    return WELL(self->hash == stats.trace_hash);
}

static void *host_main(void *arg)
{
    struct host_thread *self = arg;
    for (unsigned i = 0; i < self->nr && !self->wrong[0]; i++) {
        struct mk_machine *machine;
        struct mk_machine_config config = {.log = log_wrong, .log_arg = self};
        if (!WELL(mk_machine_create(&config, &machine) == MK_OK))
            break;
        system_run(self, machine, self->first + i);
        mk_machine_destroy(machine);
    }
    return NULL;
}

static void machines_run(unsigned nr)
{
    struct host_thread threads[NR_HOST_THREADS];
    memset(threads, 0, sizeof(threads));
    for (unsigned i = 0; i < NR_HOST_THREADS; i++) {
        threads[i].first = i * 1000;
        threads[i].nr = nr / NR_HOST_THREADS;
        assert_int_equal(pthread_create(&threads[i].thread, NULL, host_main, &threads[i]), 0);
    }
    for (unsigned i = 0; i < NR_HOST_THREADS; i++)
        assert_int_equal(pthread_join(threads[i].thread, NULL), 0);
    for (unsigned i = 0; i < NR_HOST_THREADS; i++) {
        if (threads[i].wrong[0])
            fail_msg("host thread %u: %s", i, threads[i].wrong);
        assert_true(threads[i].hash == threads[0].hash);
    }
}

/*
 * STRESS0020: two hundred machines, created, run and destroyed on four host threads at once, all run alike, and the
 * second hundred leaves the process as the first did.
 */
static void STRESS0020(void **state)
{
    (void)state;
    machines_run(NR_MACHINES);
    struct stress_usage before = stress_usage();
    machines_run(NR_MACHINES);
    stress_compare(before, stress_usage(), 2 << 20, 2);
}

/* STRESS0021: a hundred machines alive at once, run in turns, share nothing. */
static void STRESS0021(void **state)
{
    (void)state;
    struct mk_machine *machines[100];
    struct host_thread self = {0};
    if (RUNNING_ON_VALGRIND)
        skip(); /* it has not so many addresses */
    struct stress_usage before = stress_usage();
    for (unsigned i = 0; i < 100; i++) {
        struct mk_machine_config config = {.log = log_wrong, .log_arg = &self};
        assert_int_equal(mk_machine_create(&config, &machines[i]), MK_OK);
    }
    for (unsigned i = 0; i < 100; i++)
        if (!system_run(&self, machines[(i * 37) % 100], i))
            fail_msg("machine %u: %s", i, self.wrong);
    for (unsigned i = 0; i < 100; i++)
        mk_machine_destroy(machines[(i * 63) % 100]);
    assert_string_equal(self.wrong, "");
    stress_compare(before, stress_usage(), 8 << 20, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(STRESS0020),
        cmocka_unit_test(STRESS0021),
    };
    cmocka_set_test_filter(getenv("MK_STRESS_TEST")); /* one of them, to look closer */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
