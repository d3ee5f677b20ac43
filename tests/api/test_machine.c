/* SPDX-License-Identifier: BSD-2-Clause */
/* Machines from the host's side: configuration, runs, ends, limits, failing allocations. */
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "allochook.h"
#include "scenario.h"

/* ---- configuration ---- */

static struct mk_costs negative_cost(void)
{
    struct mk_costs costs = *mk_costs_default();
    costs.entry = -1;
    return costs;
}

/* Create with this configuration: it must be refused with `err` and one line that names `key`. */
static void refuse(struct mk_machine_config config, mk_err_t err, const char *key)
{
    struct mkt t;
    memset(&t, 0, sizeof(t));
    config.log = mkt_log;
    config.log_arg = &t;
    if (mk_machine_create(&config, &t.machine) != err)
        fail_msg("%s: not refused with %s", key, mk_err_name(err));
    if (!strstr(t.log, key) || strchr(t.log, '\n') != t.log + strlen(t.log) - 1)
        fail_msg("%s: not in one line of the log: \"%s\"", key, t.log);
}

/* MACHINE0010: a bad configuration is refused with a line that names the key. */
static void MACHINE0010(void **state)
{
    (void)state;
    const struct mk_costs costs = negative_cost();
    const struct mk_machine_config zero = {.log = mkt_log};
    struct mk_machine_config c;
    c = zero, c.nr_cpus = 2, refuse(c, MK_E_NOT_SUPPORTED, "cpus");
    c = zero, c.memory_size = 4097, refuse(c, MK_E_BAD_ARGUMENT, "memory");
    c = zero, c.memory_size = UINT64_MAX - 4095, refuse(c, MK_E_BAD_ARGUMENT, "memory");
    c = zero, c.quantum = -1, refuse(c, MK_E_BAD_ARGUMENT, "quantum");
    c = zero, c.clock = (enum mk_clock)2, refuse(c, MK_E_BAD_ARGUMENT, "clock");
    c = zero, c.context = (enum mk_context)2, refuse(c, MK_E_BAD_ARGUMENT, "context");
    c = zero, c.isolation = (enum mk_isolation)4, refuse(c, MK_E_BAD_ARGUMENT, "isolation");
    c = zero, c.isolation = MK_ISOLATION_PKEY, refuse(c, MK_E_NOT_SUPPORTED, "isolation");
    c = zero, c.policy = "best", refuse(c, MK_E_NOT_FOUND, "policy");
    c = zero, c.costs = &costs, refuse(c, MK_E_BAD_ARGUMENT, "cost");
}

/* MACHINE0020: no configuration, or one that says what is the default anyway, is a good one. */
static void MACHINE0020(void **state)
{
    (void)state;
    struct mk_machine *machine = NULL;
    struct mk_machine_stats stats;
    char policy[] = "priority";
    const struct mk_machine_config config = {.nr_cpus = 1, .policy = policy, .costs = mk_costs_default()};
    assert_int_equal(mk_machine_create(NULL, &machine), MK_OK);
    assert_int_equal(mk_machine_stats(machine, &stats), MK_OK);
    assert_true(stats.now == 0 && stats.nr_tasks == 0 && stats.memory_size == (uint64_t)64 << 20 &&
                stats.clock == MK_CLOCK_VIRTUAL);
    mk_machine_destroy(machine);
    assert_int_equal(mk_machine_create(&config, &machine), MK_OK);
    memset(policy, 'x', sizeof(policy) - 1); /* it need not outlive the call */
    assert_int_equal(mk_machine_audit(machine), MK_OK);
    mk_machine_destroy(machine);
    mk_machine_destroy(NULL);
}

/* ---- runs ---- */

static void run_scenario(const struct mk_machine_config *config)
{
    struct mkt t;
    struct scenario s = {.extra = 0};
    mkt_begin(&t, config);
    mkt_spawn(&t, "scenario", scenario_main, &s, false);
    mkt_run_all(&t);
    assert_true(scenario_is_right(&s));
    mkt_finish(&t);
}

/* MACHINE0030: the same run comes out right with either way to switch threads. */
static void MACHINE0030(void **state)
{
    (void)state;
    struct mk_machine_config config = {.context = MK_CONTEXT_ASM};
    run_scenario(&config);
    config.context = MK_CONTEXT_UCONTEXT;
    run_scenario(&config);
}

/* MACHINE0040: the same run comes out right with choices drawn from any seed. */
static void MACHINE0040(void **state)
{
    (void)state;
    struct mk_machine_config config = {.context = MK_CONTEXT_ASM};
    for (config.seed = 1; config.seed <= 200; config.seed++)
        run_scenario(&config);
    config.context = MK_CONTEXT_UCONTEXT;
    for (config.seed = 1; config.seed <= 20; config.seed++)
        run_scenario(&config);
}

/* MACHINE0050: the same run comes out right on the host's clock. */
static void MACHINE0050(void **state)
{
    (void)state;
    struct mk_machine_config config = {.clock = MK_CLOCK_HOST};
    run_scenario(&config);
    config.context = MK_CONTEXT_UCONTEXT;
    run_scenario(&config);
    config.seed = 5;
    run_scenario(&config);
}

/* MACHINE0060: the same run comes out right with a quantum of a nanosecond and one of a century. */
static void MACHINE0060(void **state)
{
    (void)state;
    struct mk_machine_config config = {.quantum = 1};
    run_scenario(&config);
    config.quantum = (mk_time_t)100 * 365 * 24 * 3600 * MK_SEC;
    run_scenario(&config);
}

/* MACHINE0070: several machines live at once in one process and run in turn. */
static void MACHINE0070(void **state)
{
    (void)state;
    enum { NR = 5 };
    static struct mkt t[NR];
    struct scenario s[NR];
    memset(s, 0, sizeof(s));
    for (int i = 0; i < NR; i++) {
        mkt_begin(&t[i], NULL);
        mkt_spawn(&t[i], "scenario", scenario_main, &s[i], false);
    }
    for (int i = NR - 1; i >= 0; i--)
        mkt_run_all(&t[i]);
    for (int i = 0; i < NR; i++) {
        assert_true(scenario_is_right(&s[i]));
        mkt_finish(&t[(i + 2) % NR]);
    }
}

struct host_run {
    struct mkt t;
    struct scenario s;
    int code;
    mk_err_t err;
};

static void *host_run_main(void *arg)
{
    struct host_run *r = arg;
    r->err = mk_machine_run(r->t.machine, &r->code);
    return NULL;
}

/* MACHINE0080: machines run on several host threads at the same time without touching each other. */
static void MACHINE0080(void **state)
{
    (void)state;
    enum { NR = 4, ROUNDS = 10 };
    static struct host_run runs[NR];
    for (int round = 0; round < ROUNDS; round++) {
        pthread_t threads[NR];
        memset(runs, 0, sizeof(runs));
        for (int i = 0; i < NR; i++) {
            const struct mk_machine_config config = {.seed = i == 3 ? 9 : 0,
                                                     .context = i % 2 ? MK_CONTEXT_UCONTEXT : MK_CONTEXT_ASM};
            mkt_begin(&runs[i].t, &config);
            mkt_spawn(&runs[i].t, "scenario", scenario_main, &runs[i].s, false);
        }
        for (int i = 0; i < NR; i++)
            assert_int_equal(pthread_create(&threads[i], NULL, host_run_main, &runs[i]), 0);
        for (int i = 0; i < NR; i++)
            pthread_join(threads[i], NULL);
        for (int i = 0; i < NR; i++) {
            assert_true(runs[i].err == MK_OK && runs[i].code == 0 && scenario_is_right(&runs[i].s));
            mkt_finish(&runs[i].t);
        }
    }
}

/* MACHINE0090: a machine can be run again with new tasks; its clock goes on. */
static void MACHINE0090(void **state)
{
    (void)state;
    struct mkt t;
    struct mk_machine_stats first, second;
    mkt_begin(&t, NULL);
    for (int i = 0; i < 5; i++) {
        struct scenario s = {.extra = 0};
        mkt_spawn(&t, "scenario", scenario_main, &s, false);
        assert_int_equal(mk_machine_stats(t.machine, &first), MK_OK);
        mkt_run_all(&t);
        assert_int_equal(mk_machine_stats(t.machine, &second), MK_OK);
        assert_true(scenario_is_right(&s) && second.now > first.now && second.nr_tasks == 0);
    }
    mkt_finish(&t);
}

/* MACHINE0100: a run without tasks ends at once. */
static void MACHINE0100(void **state)
{
    (void)state;
    struct mkt t;
    int code = 5;
    mkt_begin(&t, NULL);
    assert_int_equal(mk_machine_run(t.machine, &code), MK_OK);
    assert_int_equal(code, 0);
    assert_int_equal(mk_machine_run(t.machine, NULL), MK_OK);
    mkt_finish(&t);
}

/* ---- ends ---- */

struct ending {
    int code;
    mk_time_t when;
};

static void end_with(void *arg)
{
    const struct ending *e = arg;
    CHECK_OK(mk_time_sleep(e->when));
    mk_task_exit(e->code);
}

static int run_code(struct mkt *t)
{
    int code = -1;
    assert_int_equal(mk_machine_run(t->machine, &code), MK_OK);
    return code;
}

/* MACHINE0110: the run's exit code is the first that is not 0, in order of time. */
static void MACHINE0110(void **state)
{
    (void)state;
    struct mkt t;
    struct ending e[] = {{0, 10}, {7, 30 * MK_MSEC}, {5, 20 * MK_MSEC}, {0, 40 * MK_MSEC}};
    mkt_begin(&t, NULL);
    for (size_t i = 0; i < COUNT_OF(e); i++)
        mkt_spawn(&t, "ending", end_with, &e[i], false);
    assert_int_equal(run_code(&t), 5);
    mkt_finish(&t);
}

/* MACHINE0120: a second run has its own exit code. */
static void MACHINE0120(void **state)
{
    (void)state;
    struct mkt t;
    struct ending bad = {9, 0}, good = {0, 0};
    mkt_begin(&t, NULL);
    mkt_spawn(&t, "bad", end_with, &bad, false);
    assert_int_equal(run_code(&t), 9);
    mkt_spawn(&t, "good", end_with, &good, false);
    assert_int_equal(run_code(&t), 0);
    mkt_finish(&t);
}

static void parent_of_bad(void *arg)
{
    (void)arg;
    static struct ending bad = {6, 0};
    CHECK_OK(mk_task_wait(task_of("bad", end_with, &bad), NULL, MK_TIME_FOREVER));
}

/* MACHINE0130: neither children nor servers set the run's exit code. */
static void MACHINE0130(void **state)
{
    (void)state;
    struct mkt t;
    struct ending bad = {4, 0};
    mkt_begin(&t, NULL);
    mkt_spawn(&t, "parent", parent_of_bad, NULL, false);
    mkt_spawn(&t, "server", end_with, &bad, true);
    assert_int_equal(run_code(&t), 0);
    mkt_finish(&t);
}

static void serve_for_ever(void *arg)
{
    (void)arg;
    for (;;)
        CHECK_OK(mk_time_sleep(mk_time_now() + MK_SEC));
}

static void become_server(void *arg)
{
    CHECK_OK(mk_task_set_server(true));
    serve_for_ever(arg);
}

/* MACHINE0140: servers do not keep a run going, those that were spawned so and those that say so. */
static void MACHINE0140(void **state)
{
    (void)state;
    struct mkt t;
    struct ending e = {0, 10 * MK_SEC};
    mkt_begin(&t, NULL);
    mkt_spawn(&t, "server", serve_for_ever, NULL, true);
    mkt_spawn(&t, "late server", become_server, NULL, false);
    mkt_spawn(&t, "client", end_with, &e, false);
    mkt_run_all(&t);
    struct mk_machine_stats stats;
    assert_int_equal(mk_machine_stats(t.machine, &stats), MK_OK);
    assert_true(stats.nr_tasks == 2 && stats.now >= 10 * MK_SEC && stats.now < 11 * MK_SEC);
    mkt_finish(&t);
}

static void halt_machine(void *arg)
{
    mk_name_t control, port = mkt_port();
    CHECK_OK(mk_task_get_special(mk_task_self(), MK_SPECIAL_MACHINE, &control));
    CHECK_ERR(mk_machine_halt(MK_NAME_NULL, 1), MK_E_BAD_NAME);
    CHECK_ERR(mk_machine_halt(port, 1), MK_E_BAD_RIGHT);
    CHECK_ERR(mk_machine_halt(mk_task_self(), 1), MK_E_BAD_RIGHT);
    CHECK_OK(mk_machine_halt(control, *(const int *)arg));
    CHECK(!"after a halt");
}

/* MACHINE0150: mk_machine_halt ends the run with its code, whoever else is alive, and does not return. */
static void MACHINE0150(void **state)
{
    (void)state;
    struct mkt t;
    int code = 33;
    struct ending e = {4, 0};
    mkt_begin(&t, NULL);
    mkt_spawn(&t, "loop", serve_for_ever, NULL, false);
    mkt_spawn(&t, "bad", end_with, &e, false);
    mkt_spawn(&t, "halt", halt_machine, &code, false);
    assert_int_equal(run_code(&t), 33);
    mkt_finish(&t);
}

static void stop_twice(void *arg)
{
    CHECK_OK(mk_time_sleep(MK_MSEC));
    mk_machine_stop(arg, 7);
    mk_machine_stop(arg, 8);
}

/* MACHINE0155: of two stops the first has its way; exit codes of tasks from before it are those of the next run. */
static void MACHINE0155(void **state)
{
    (void)state;
    struct mkt t;
    struct ending bad = {4, 0}, good = {0, MK_SEC};
    mkt_begin(&t, NULL);
    mkt_spawn(&t, "bad", end_with, &bad, false);
    mkt_spawn(&t, "good", end_with, &good, false);
    mkt_spawn(&t, "stopper", stop_twice, t.machine, false);
    assert_int_equal(run_code(&t), 7);
    assert_int_equal(run_code(&t), 4);
    assert_int_equal(run_code(&t), 0);
    mkt_finish(&t);
}

struct looper {
    bool is_running; /* atomic */
    struct mk_machine *machine;
};

static void loop_yielding(void *arg)
{
    __atomic_store_n(&((struct looper *)arg)->is_running, true, __ATOMIC_RELEASE);
    for (;;)
        mk_thread_yield();
}

static void loop_spending(void *arg)
{
    __atomic_store_n(&((struct looper *)arg)->is_running, true, __ATOMIC_RELEASE);
    for (;;)
        CHECK_OK(mk_time_spend(3600 * MK_SEC));
}

static void loop_calling(void *arg)
{
    __atomic_store_n(&((struct looper *)arg)->is_running, true, __ATOMIC_RELEASE);
    mk_name_t port = mkt_port();
    for (;;) {
        CHECK_OK(send_id(port, 1));
        CHECK(take_id(port) == 1);
    }
}

static void *stop_when_running(void *arg)
{
    struct looper *l = arg;
    while (!__atomic_load_n(&l->is_running, __ATOMIC_ACQUIRE))
        continue;
    mk_machine_stop(l->machine, 21);
    return NULL;
}

static void stop_while(void (*entry)(void *), const struct mk_machine_config *config)
{
    struct mkt t;
    struct looper l = {.is_running = false};
    pthread_t thread;
    mkt_begin(&t, config);
    l.machine = t.machine;
    mkt_spawn(&t, "loop", entry, &l, false);
    assert_int_equal(pthread_create(&thread, NULL, stop_when_running, &l), 0);
    assert_int_equal(run_code(&t), 21);
    pthread_join(thread, NULL);
    mkt_finish(&t);
}

/* MACHINE0160: mk_machine_stop from another host thread ends a run that would go on for ever. */
static void MACHINE0160(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++) {
        stop_while(loop_yielding, NULL);
        stop_while(loop_spending, NULL);
        stop_while(loop_calling, NULL);
    }
}

static void sleep_an_hour(void *arg)
{
    __atomic_store_n(&((struct looper *)arg)->is_running, true, __ATOMIC_RELEASE);
    CHECK_OK(mk_time_sleep(3600 * MK_SEC));
}

/* MACHINE0170: mk_machine_stop ends a run that waits on the host's clock. */
static void MACHINE0170(void **state)
{
    (void)state;
    const struct mk_machine_config config = {.clock = MK_CLOCK_HOST};
    for (int i = 0; i < 200; i++)
        stop_while(sleep_an_hour, &config);
}

static void stop_own_machine(void *arg)
{
    mk_machine_stop(*(struct mk_machine **)arg, 8);
    serve_for_ever(arg);
}

/* MACHINE0180: mk_machine_stop works from inside, and the machine can be run again afterwards. */
static void MACHINE0180(void **state)
{
    (void)state;
    struct mkt t;
    mkt_begin(&t, NULL);
    mkt_spawn(&t, "stopper", stop_own_machine, &t.machine, true);
    mkt_spawn(&t, "loop", serve_for_ever, NULL, false);
    assert_int_equal(run_code(&t), 8);
    mkt_spawn(&t, "again", stop_own_machine, &t.machine, true);
    assert_int_equal(run_code(&t), 8);
    mkt_finish(&t);
}

static void run_from_inside(void *arg)
{
    struct mk_machine **machines = arg;
    const struct mk_spawn spawn = {.entry = serve_for_ever};
    int code = 77;
    CHECK_ERR(mk_machine_run(machines[0], &code), MK_E_BAD_STATE);
    CHECK_ERR(mk_machine_run(machines[1], &code), MK_E_BAD_STATE);
    CHECK_ERR(mk_machine_spawn(machines[0], &spawn, NULL), MK_E_BAD_STATE);
    CHECK_ERR(mk_trace_start(machines[0], 0, NULL, NULL), MK_E_BAD_STATE);
    CHECK(code == 77);
}

/*
 * MACHINE0190: a running machine cannot be run, spawned into or begun to be traced; nor another run on its host
 * thread.
 */
static void MACHINE0190(void **state)
{
    (void)state;
    struct mkt t, other;
    mkt_begin(&t, NULL);
    mkt_begin(&other, NULL);
    struct mk_machine *machines[2] = {t.machine, other.machine};
    mkt_spawn(&t, "test", run_from_inside, machines, false);
    mkt_run_all(&t);
    mkt_finish(&t);
    mkt_finish(&other);
}

/* ---- deadlocks ---- */

static void receive_for_ever(void *arg)
{
    (void)arg;
    struct mk_msg msg = {.capacity = 0};
    CHECK_ERR(mk_receive(mkt_port(), &msg, MK_TIME_FOREVER), MK_E_DEAD);
}

/* MACHINE0200: a machine in which nothing can happen any more reports a deadlock and who waits for what. */
static void MACHINE0200(void **state)
{
    (void)state;
    struct mkt t;
    mkt_begin(&t, NULL);
    t.expects_log = true;
    mkt_spawn(&t, "alice", receive_for_ever, NULL, false);
    mkt_spawn(&t, "bob", receive_for_ever, NULL, false);
    assert_int_equal(mk_machine_run(t.machine, NULL), MK_E_DEADLOCK);
    assert_non_null(strstr(t.log, "deadlock"));
    assert_non_null(strstr(t.log, "alice"));
    assert_non_null(strstr(t.log, "bob"));
    mkt_finish(&t);
}

static mk_name_t knot_ports[2];

/* Each of two tasks calls the other, and serves nobody. */
static void knot_main(void *arg)
{
    struct mk_msg msg = {.id = 1};
    mk_name_t other;
    CHECK_OK(mk_task_get_special(mk_task_self(), MK_SPECIAL_REGISTERED_0, &other));
    (void)arg;
    CHECK_ERR(mk_call(other, &msg, MK_TIME_FOREVER), MK_E_DEAD);
}

static void knot(void *arg)
{
    (void)arg;
    static const char *const labels[2] = {"romeo", "juliet"};
    mk_name_t tasks[2];
    for (int i = 0; i < 2; i++) {
        CHECK_OK(mk_task_create(labels[i], &tasks[i]));
        knot_ports[i] = mkt_port();
    }
    for (int i = 0; i < 2; i++) {
        mk_name_t there;
        CHECK_OK(mk_task_set_special(tasks[i], MK_SPECIAL_REGISTERED_0, knot_ports[1 - i]));
        CHECK_OK(mk_right_insert(tasks[i], knot_ports[i], MK_MOVE_RECEIVE, &there));
        CHECK_OK(mk_right_release(thread_in(tasks[i], "k", knot_main, NULL, 0)));
    }
}

/* MACHINE0210: the report of a deadlock of callers names, for each, whom it waits for. */
static void MACHINE0210(void **state)
{
    (void)state;
    struct mkt t;
    mkt_begin(&t, NULL);
    t.expects_log = true;
    mkt_spawn(&t, "author", knot, NULL, false);
    assert_int_equal(mk_machine_run(t.machine, NULL), MK_E_DEADLOCK);
    const char *romeo = strstr(t.log, "romeo, thread"), *juliet = strstr(t.log, "juliet, thread");
    assert_non_null(romeo);
    assert_non_null(juliet);
    const char *romeo_end = strchr(romeo, '\n'), *juliet_end = strchr(juliet, '\n');
    assert_true(strstr(romeo, "juliet") && strstr(romeo, "juliet") < romeo_end);
    assert_true(strstr(juliet + 6, "romeo") && strstr(juliet + 6, "romeo") < juliet_end);
    mkt_finish(&t);
}

static void sleep_for_ever(void *arg)
{
    (void)arg;
    CHECK_ERR(mk_time_sleep(MK_TIME_FOREVER), MK_E_ABORTED);
}

static void suspend_self(void *arg)
{
    (void)arg;
    CHECK_OK(mk_thread_suspend(mk_thread_self()));
}

static void wait_for_task(void *arg)
{
    (void)arg;
    CHECK_OK(mk_task_wait(task_of("child", sleep_for_ever, NULL), NULL, MK_TIME_FOREVER));
}

/* Is there a line of the log with both? */
static bool has_line(const char *log, const char *a, const char *b)
{
    for (const char *line = log; *line; line = strchr(line, '\n') + 1) {
        const char *end = strchr(line, '\n'), *pa = strstr(line, a), *pb = strstr(line, b);
        if (pa && pb && pa < end && pb < end)
            return true;
    }
    return false;
}

/* MACHINE0220: the report of a deadlock tells sleepers, suspended threads and waiters apart. */
static void MACHINE0220(void **state)
{
    (void)state;
    struct mkt t;
    mkt_begin(&t, NULL);
    t.expects_log = true;
    mkt_spawn(&t, "sleeper", sleep_for_ever, NULL, false);
    mkt_spawn(&t, "stopped", suspend_self, NULL, false);
    mkt_spawn(&t, "parent", wait_for_task, NULL, false);
    assert_int_equal(mk_machine_run(t.machine, NULL), MK_E_DEADLOCK);
    assert_true(has_line(t.log, "stopped", "suspended"));
    assert_true(has_line(t.log, "parent", "child"));
    assert_false(has_line(t.log, "sleeper", "suspended"));
    mkt_finish(&t);
}

/* MACHINE0230: servers that wait are no deadlock. */
static void MACHINE0230(void **state)
{
    (void)state;
    struct mkt t;
    struct ending e = {0, MK_SEC};
    mkt_begin(&t, NULL);
    mkt_spawn(&t, "server", receive_for_ever, NULL, true);
    mkt_spawn(&t, "client", end_with, &e, false);
    mkt_run_all(&t);
    mkt_finish(&t);
}

static void wake_bob(void *arg)
{
    CHECK_OK(send_id(*(const mk_name_t *)arg, 1));
}

static void bob_main(void *arg)
{
    mk_name_t *port = arg, control, self;
    struct mk_msg msg = {.capacity = 0};
    *port = mkt_port();
    CHECK_OK(mk_task_get_special(mk_task_self(), MK_SPECIAL_BOOTSTRAP, &self));
    CHECK_OK(mk_task_get_special(mk_task_self(), MK_SPECIAL_MACHINE, &control));
    CHECK_OK(mk_bootstrap_claim(control, port));
    CHECK_OK(mk_receive(*port, &msg, MK_TIME_FOREVER));
}

static void use_bootstrap(void *arg)
{
    mk_name_t send;
    CHECK_OK(mk_task_get_special(mk_task_self(), MK_SPECIAL_BOOTSTRAP, &send));
    (void)arg;
    wake_bob(&send);
}

/* MACHINE0240: after a deadlock the machine can be run again, and what is new may undo it. */
static void MACHINE0240(void **state)
{
    (void)state;
    struct mkt t;
    mk_name_t port;
    mkt_begin(&t, NULL);
    t.expects_log = true;
    mkt_spawn(&t, "bob", bob_main, &port, false);
    assert_int_equal(mk_machine_run(t.machine, NULL), MK_E_DEADLOCK);
    mkt_spawn(&t, "alice", use_bootstrap, NULL, false);
    mkt_run_all(&t);
    mkt_finish(&t);
}

/* ---- spawn ---- */

/* MACHINE0250: the errors of mk_machine_spawn; no task is made. */
static void MACHINE0250(void **state)
{
    (void)state;
    struct mkt t;
    const struct mk_spawn good = {.entry = sleep_for_ever};
    struct mk_spawn spawn;
    uint64_t id = 99;
    size_t n;
    mkt_begin(&t, NULL);
    spawn = good, spawn.entry = NULL;
    assert_int_equal(mk_machine_spawn(t.machine, &spawn, &id), MK_E_BAD_ARGUMENT);
    spawn = good, spawn.priority = MK_PRIO_MAX + 1;
    assert_int_equal(mk_machine_spawn(t.machine, &spawn, &id), MK_E_BAD_ARGUMENT);
    spawn = good, spawn.priority = -1;
    assert_int_equal(mk_machine_spawn(t.machine, &spawn, &id), MK_E_BAD_ARGUMENT);
    spawn = good, spawn.stack_size = 1;
    assert_int_equal(mk_machine_spawn(t.machine, &spawn, &id), MK_E_BAD_ARGUMENT);
    spawn = good, spawn.stack_size = SIZE_MAX;
    assert_int_equal(mk_machine_spawn(t.machine, &spawn, &id), MK_E_BAD_ARGUMENT);
    spawn = good, spawn.label = "a label of thirty-two bytes, bad";
    assert_int_equal(mk_machine_spawn(t.machine, &spawn, &id), MK_E_TOO_LONG);
    assert_int_equal(mk_machine_tasks(t.machine, NULL, 0, &n), MK_OK);
    assert_true(n == 0 && id == 99);
    mkt_finish(&t);
}

/* MACHINE0260: a spawned task has its number, label, priority and default label. */
static void MACHINE0260(void **state)
{
    (void)state;
    struct mkt t;
    uint64_t a, b;
    struct mk_task_info tasks[2];
    struct mk_thread_info threads[2];
    size_t n;
    mkt_begin(&t, NULL);
    const struct mk_spawn one = {.entry = sleep_for_ever, .label = "one", .priority = 11, .is_server = true};
    const struct mk_spawn two = {.entry = sleep_for_ever};
    assert_int_equal(mk_machine_spawn(t.machine, &one, &a), MK_OK);
    assert_int_equal(mk_machine_spawn(t.machine, &two, &b), MK_OK);
    assert_int_equal(mk_machine_tasks(t.machine, tasks, 2, &n), MK_OK);
    assert_true(n == 2 && tasks[0].id == a && tasks[1].id == b && tasks[0].is_server && !tasks[1].is_server);
    assert_string_equal(tasks[0].label, "one");
    assert_string_equal(tasks[1].label, "task");
    assert_int_equal(mk_machine_threads(t.machine, threads, 2, &n), MK_OK);
    assert_true(n == 2 && threads[0].priority == 11 && threads[1].priority == MK_PRIO_DEFAULT);
    assert_true(threads[0].task == a && threads[0].state == MK_THREAD_READY);
    mkt_finish(&t);
}

/* ---- looking ---- */

/*
 * MACHINE0270: looking needs a machine outside; listings write no more than there is room for and tell how many there
 * are.
 */
static void MACHINE0270(void **state)
{
    (void)state;
    struct mkt t;
    struct mk_machine_stats stats;
    struct mk_task_info tasks[3];
    size_t n;
    assert_int_equal(mk_machine_stats(NULL, &stats), MK_E_NOT_IN_MACHINE);
    assert_int_equal(mk_machine_tasks(NULL, NULL, 0, &n), MK_E_NOT_IN_MACHINE);
    assert_int_equal(mk_machine_threads(NULL, NULL, 0, &n), MK_E_NOT_IN_MACHINE);
    assert_int_equal(mk_machine_ports(NULL, NULL, 0, &n), MK_E_NOT_IN_MACHINE);
    assert_int_equal(mk_machine_names(NULL, 1, NULL, 0, &n), MK_E_NOT_IN_MACHINE);
    assert_int_equal(mk_machine_audit(NULL), MK_E_NOT_IN_MACHINE);
    mkt_begin(&t, NULL);
    for (int i = 0; i < 3; i++)
        mkt_spawn(&t, "x", sleep_for_ever, NULL, false);
    memset(tasks, 0xaa, sizeof(tasks));
    assert_int_equal(mk_machine_tasks(t.machine, tasks, 2, &n), MK_OK);
    assert_true(n == 3 && tasks[1].id == 2 && tasks[2].id == 0xaaaaaaaaaaaaaaaa);
    assert_int_equal(mk_machine_names(t.machine, 1, NULL, 0, &n), MK_OK);
    assert_int_equal(mk_machine_names(t.machine, 4, NULL, 0, &n), MK_E_NOT_FOUND);
    assert_int_equal(mk_machine_names(t.machine, 0, NULL, 0, &n), MK_E_NOT_FOUND);
    mkt_finish(&t);
}

static void count_statistics(void *arg)
{
    (void)arg;
    struct mk_machine_stats a, b;
    mk_name_t port = mkt_port();
    CHECK_OK(mk_machine_stats(NULL, &a));
    CHECK_OK(send_id(port, 1));
    CHECK_OK(send_id(port, 2));
    CHECK(take_id(port) == 1);
    struct mk_msg msg = {.id = 3};
    CHECK_ERR(mk_call(port, &msg, mk_time_now() + MK_MSEC), MK_E_TIMED_OUT);
    CHECK_OK(mk_machine_stats(NULL, &b));
    CHECK(b.nr_sends == a.nr_sends + 3 && b.nr_calls == a.nr_calls + 1 && b.nr_messages == a.nr_messages + 2);
    CHECK(b.nr_tasks == 1 && b.nr_threads == 1 && b.nr_rights == mkt_nr_names() && b.now > a.now);
}

/* MACHINE0280: statistics count messages, calls and what is alive. */
static void MACHINE0280(void **state)
{
    (void)state;
    mkt_run(count_statistics, NULL);
}

static void log_lines(void *arg)
{
    (void)arg;
    mk_log("number %d", 42);
    mk_log("%s", "");
    char line[3000];
    memset(line, 'x', sizeof(line) - 1);
    line[sizeof(line) - 1] = '\0';
    mk_log("%s", line);
}

/* MACHINE0290: mk_log adds a line with the task's label; a line of any length does no harm; outside it does nothing. */
static void MACHINE0290(void **state)
{
    (void)state;
    struct mkt t;
    mk_log("nobody hears %d", 1);
    mkt_begin(&t, NULL);
    t.expects_log = true;
    mkt_spawn(&t, "writer", log_lines, NULL, false);
    mkt_run_all(&t);
    assert_memory_equal(t.log, "[writer] number 42\n", 19);
    assert_non_null(strstr(t.log, "xxxxxxxx"));
    assert_null(strstr(t.log, "nobody"));
    mkt_finish(&t);
}

/* MACHINE0300: every error has a name and a text, any other number has both too. */
static void MACHINE0300(void **state)
{
    (void)state;
#define CHECK_NAME(code, number, text) \
    assert_string_equal(mk_err_name(code), #code); \
    assert_string_equal(mk_err_text(number), text); \
    assert_true((number) <= 0);
    MK_ERROR_MAP(CHECK_NAME)
#undef CHECK_NAME
    static const mk_err_t others[] = {1, -999, INT_MIN, INT_MAX};
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        assert_string_equal(mk_err_name(others[i]), "MK_E_?");
        assert_non_null(mk_err_text(others[i]));
    }
}

/* ---- destruction ---- */

static void leave_much(void *arg)
{
    (void)arg;
    static struct receiver r;
    static struct sender s;
    static struct caller c;
    mk_name_t port = mkt_port(), full = mkt_port(), set;
    CHECK_OK(mk_port_set_limit(full, 0));
    CHECK_OK(mk_portset_create(&set));
    CHECK_OK(mk_portset_add(set, port));
    r = (struct receiver){.receive = set, .deadline = MK_TIME_FOREVER};
    s = (struct sender){.dest = full, .deadline = MK_TIME_FOREVER, .right = {port, MK_COPY_SEND}};
    c = (struct caller){.dest = full, .deadline = 100 * MK_SEC};
    mkt_thread(receiver_main, &r);
    mkt_thread(sender_main, &s);
    mkt_thread(caller_main, &c);
    mkt_thread(wait_for_task, NULL);
    CHECK_OK(send_right(mkt_port(), mkt_port(), MK_MOVE_RECEIVE));
    CHECK_OK(mk_port_notify(port, MK_NOTIFY_NO_SENDERS, 0, full));
    CHECK_OK(mk_port_notify(full, MK_NOTIFY_PORT_DESTROYED, 0, port));
    CHECK_OK(mk_time_sleep(MK_SEC));
    int code = 0;
    halt_machine(&code);
}

/* MACHINE0310: a machine can be destroyed with threads in every wait, rights in queues and requests open. */
static void MACHINE0310(void **state)
{
    (void)state;
    struct mkt t;
    mkt_begin(&t, NULL);
    mkt_spawn(&t, "leave", leave_much, NULL, false);
    mkt_run_all(&t);
    mkt_finish(&t);
}

/* MACHINE0320: a machine with tasks that never ran can be destroyed. */
static void MACHINE0320(void **state)
{
    (void)state;
    struct mkt t;
    mkt_begin(&t, NULL);
    for (int i = 0; i < 20; i++)
        mkt_spawn(&t, "x", sleep_for_ever, NULL, i % 2);
    mkt_finish(&t);
}

/* ---- failing allocations ---- */

/* A call that may fail for want of memory: then it has changed nothing, and succeeds the next time. */
#define TRY(call) \
    do { \
        static struct snap before_; \
        bool had_failed_ = hook.has_failed; \
        snap_take(&before_); \
        mk_err_t err_ = (call); \
        if (err_) { \
            CHECK_ERR(err_, MK_E_NO_MEMORY); \
            CHECK(!had_failed_); \
            CHECK(hook.has_failed); \
            CHECK(snap_is_same(&before_)); \
            CHECK_OK(mk_machine_audit(NULL)); \
            CHECK_OK(call); \
        } \
    } while (0)

/* Run entry once for each of its allocations, with that one failing. */
static void fail_each(void (*entry)(void *))
{
    unsigned k = 0;
    do {
        const struct mk_machine_config config = {.alloc_hook = hook_alloc};
        struct mkt t;
        hook = (struct hook){.left = ++k};
        mkt_begin(&t, &config);
        mkt_spawn(&t, "test", entry, NULL, false);
        hook.is_armed = true;
        mkt_run_all(&t);
        hook.is_armed = false;
        mkt_finish(&t);
    } while (hook.has_failed && k < 1000);
    assert_true(k > 1 && k < 1000);
}

static void make_ports(void *arg)
{
    (void)arg;
    mk_name_t ports[40], name, set;
    for (int i = 0; i < 40; i++) {
        TRY(mk_port_create(&ports[i]));
        TRY(mk_right_make(ports[i], MK_RIGHT_SEND, 0, NULL));
        TRY(mk_right_make(ports[i], MK_RIGHT_SEND_ONCE, 3, &name));
        CHECK_OK(mk_right_release(name));
    }
    TRY(mk_portset_create(&set));
    for (uint64_t i = 1; i < 40; i++)
        TRY(mk_right_make(ports[0], MK_RIGHT_SEND, i, &name));
    for (int i = 0; i < 40; i++)
        CHECK_OK(mk_port_destroy(ports[i]));
}

/* MACHINE0330: making ports and rights survives any failing allocation. */
static void MACHINE0330(void **state)
{
    (void)state;
    fail_each(make_ports);
}

static void send_rights(void *arg)
{
    (void)arg;
    hook.is_armed = false;
    mk_name_t port = mkt_port(), other = mkt_port(), moved = mkt_port(), back = mkt_port();
    char body[100] = "body";
    struct mk_msg_right rights[3] = {{other, MK_COPY_SEND}, {moved, MK_MOVE_RECEIVE}, {other, MK_MAKE_SEND_ONCE}};
    struct mk_msg msg = {.id = 1, .body = body, .size = 100, .rights = rights, .nr_rights = 3, .reply = back};
    hook.is_armed = true;
    TRY(mk_send(port, &msg, MK_TIME_POLL));
    struct mk_msg in = {.body = body, .capacity = 100, .rights = rights, .max_rights = 3};
    TRY(mk_receive(port, &in, MK_TIME_POLL));
    CHECK(in.id == 1 && in.size == 100 && in.nr_rights == 3 && in.seqno == 0);
    in.nr_rights = 0;
    TRY(mk_reply(&in));
    struct mk_msg answer = {.body = body, .capacity = 100};
    TRY(mk_receive(back, &answer, MK_TIME_POLL));
    mk_name_t once;
    TRY(mk_right_make(back, MK_RIGHT_SEND_ONCE, 0, &once));
    CHECK_OK(mk_right_release(once));
    struct mk_notification notice;
    struct mk_msg unused = {.body = &notice, .capacity = sizeof(notice)};
    TRY(mk_receive(back, &unused, MK_TIME_POLL));
    CHECK(unused.id == MK_NOTIFY_ID + MK_NOTIFY_SEND_ONCE);
}

/* MACHINE0340: sending, receiving and answering with rights survives any failing allocation. */
static void MACHINE0340(void **state)
{
    (void)state;
    fail_each(send_rights);
}

/* A server that lives with failures of its own. */
static void patient_server(void *arg)
{
    const mk_name_t *port = arg;
    char body[64];
    struct mk_msg_right rights[2];
    struct mk_msg msg = {.body = body, .capacity = sizeof(body), .rights = rights, .max_rights = 2};
    for (;;) {
        mk_err_t err = mk_receive(*port, &msg, MK_TIME_FOREVER);
        if (err == MK_E_DEAD)
            break;
        CHECK(err == MK_OK || err == MK_E_NO_MEMORY);
        if (err)
            continue;
        for (uint32_t i = 0; i < msg.nr_rights; i++)
            rights[i].how = MK_MOVE_SEND;
        err = mk_reply(&msg);
        if (err == MK_E_NO_MEMORY)
            err = mk_reply(&msg);
        CHECK(err == MK_OK);
    }
}

static void call_server(void *arg)
{
    (void)arg;
    hook.is_armed = false;
    mk_name_t port = mkt_port(), other = mkt_port(), server = mkt_thread(patient_server, &port);
    mk_thread_yield();
    hook.is_armed = true;
    for (int i = 0; i < 5; i++) {
        char body[64] = "x";
        struct mk_msg_right right = {other, MK_COPY_SEND};
        struct mk_msg msg = {
            .id = 1, .body = body, .size = 64, .capacity = 64, .rights = &right, .max_rights = 1, .nr_rights = 1};
        mk_err_t err = mk_call(port, &msg, MK_TIME_FOREVER);
        CHECK(err == MK_OK || (err == MK_E_NO_MEMORY && hook.has_failed));
    }
    bool has_failed = hook.has_failed;
    CHECK_OK(mk_port_destroy(port));
    CHECK_OK(mk_thread_join(server, MK_TIME_FOREVER));
    hook.has_failed = has_failed;
}

/* MACHINE0350: calls survive any failing allocation, on either side. */
static void MACHINE0350(void **state)
{
    (void)state;
    fail_each(call_server);
}

static void nothing(void *arg)
{
    (void)arg;
}

static void make_tasks_and_threads(void *arg)
{
    (void)arg;
    mk_name_t self = mk_task_self(), task, thread;
    mk_vaddr_t addr;
    const struct mk_thread_attr attr = {.entry = nothing, .label = "n"};
    CHECK(self != MK_NAME_NULL);
    for (int i = 0; i < 3; i++) {
        TRY(mk_task_create("child", &task));
        TRY(mk_vm_allocate(task, 3 * mk_page_size(), &addr));
        TRY(mk_vm_protect(task, addr + mk_page_size(), mk_page_size(), MK_PROT_READ));
        TRY(mk_vm_deallocate(task, addr, mk_page_size()));
        TRY(mk_thread_create(task, &attr, &thread));
        CHECK_OK(mk_task_wait(task, NULL, MK_TIME_FOREVER));
        CHECK_OK(mk_right_release(thread));
        CHECK_OK(mk_right_release(task));
    }
    for (int i = 0; i < 70; i++)
        TRY(mk_thread_create(self, &attr, NULL));
    for (int i = 0; i < 70; i++)
        TRY(mk_thread_create(self, &attr, &thread));
}

/* MACHINE0360: making tasks, threads and memory survives any failing allocation. */
static void MACHINE0360(void **state)
{
    (void)state;
    fail_each(make_tasks_and_threads);
}

static void request_notices(void *arg)
{
    (void)arg;
    static const enum mk_notify events[] = {MK_NOTIFY_DEAD_NAME, MK_NOTIFY_NO_SENDERS, MK_NOTIFY_PORT_DESTROYED};
    hook.is_armed = false;
    mk_name_t port = mkt_port(), to = mkt_port(), dead = dead_name();
    hook.is_armed = true;
    for (size_t i = 0; i < COUNT_OF(events); i++) {
        mk_name_t once;
        TRY(mk_right_make(to, MK_RIGHT_SEND_ONCE, 0, &once));
        TRY(mk_port_notify(port, events[i], 0, once));
        TRY(mk_port_notify(port, events[i], 0, to));
    }
    TRY(mk_port_notify(dead, MK_NOTIFY_DEAD_NAME, 0, to));
}

/* MACHINE0370: asking for notifications survives any failing allocation. */
static void MACHINE0370(void **state)
{
    (void)state;
    fail_each(request_notices);
}

static void move_between_tasks(void *arg)
{
    (void)arg;
    hook.is_armed = false;
    mk_name_t child, port = mkt_port(), there, here, send;
    CHECK_OK(mk_task_create("child", &child));
    hook.is_armed = true;
    for (int i = 0; i < 140; i++)
        TRY(mk_right_insert(child, port, MK_MAKE_SEND_ONCE, &there));
    for (uint64_t i = 1; i < 20; i++) {
        TRY(mk_right_make(port, MK_RIGHT_SEND, i, &send));
        TRY(mk_right_insert(child, send, MK_MOVE_SEND, &there));
    }
    TRY(mk_right_insert(child, port, MK_COPY_SEND, &there));
    TRY(mk_right_insert(child, port, MK_MOVE_RECEIVE, &there));
    for (int i = 0; i < 70; i++)
        TRY(mk_right_extract(child, there, MK_MAKE_SEND_ONCE, &here));
    TRY(mk_right_extract(child, there, MK_MOVE_RECEIVE, &here));
    CHECK(here == port);
    TRY(mk_task_set_special(child, MK_SPECIAL_REGISTERED_0, port));
    TRY(mk_task_get_special(child, MK_SPECIAL_REGISTERED_0, &send));
    TRY(mk_task_terminate(child, 0));
}

/* MACHINE0380: moving rights between tasks survives any failing allocation. */
static void MACHINE0380(void **state)
{
    (void)state;
    fail_each(move_between_tasks);
}

/* MACHINE0390: creating a machine and spawning into it survives any failing allocation, with a reason in the log. */
static void MACHINE0390(void **state)
{
    (void)state;
    const struct mk_spawn spawn = {.entry = nothing, .label = "x"};
    unsigned k = 0;
    do {
        struct mkt t;
        memset(&t, 0, sizeof(t));
        const struct mk_machine_config config = {.alloc_hook = hook_alloc, .log = mkt_log, .log_arg = &t};
        hook = (struct hook){.left = ++k, .is_armed = true};
        mk_err_t err = mk_machine_create(&config, &t.machine);
        if (err) {
            assert_int_equal(err, MK_E_NO_MEMORY);
            assert_true(hook.has_failed && t.log_used > 0);
            continue;
        }
        err = mk_machine_spawn(t.machine, &spawn, NULL);
        if (err) {
            assert_int_equal(err, MK_E_NO_MEMORY);
            assert_int_equal(mk_machine_audit(t.machine), MK_OK);
            assert_int_equal(mk_machine_spawn(t.machine, &spawn, NULL), MK_OK);
        }
        mkt_run_all(&t);
        hook.is_armed = false;
        mkt_finish(&t);
    } while (hook.has_failed);
    assert_in_range(k, 5, 100);
}

static void exhausted(void *arg)
{
    (void)arg;
    mk_name_t port = mkt_port(), task = task_of("child", sleep_for_ever, NULL), name;
    CHECK_OK(mk_port_notify(task, MK_NOTIFY_DEAD_NAME, 0, port));
    mk_thread_yield();
    hook = (struct hook){.left = 1, .is_armed = true};
    while (hook.is_armed)
        (void)!mk_port_create(&name);
    CHECK(hook.has_failed);
    CHECK_OK(mk_task_terminate(task, 4));
    CHECK(take_notice(port, MK_NOTIFY_DEAD_NAME).status == 4);
}

/* MACHINE0400: when nothing can be allocated any more, tasks still end cleanly. */
static void MACHINE0400(void **state)
{
    (void)state;
    const struct mk_machine_config config = {.alloc_hook = hook_alloc};
    struct mkt t;
    hook = (struct hook){.left = 0};
    mkt_begin(&t, &config);
    mkt_spawn(&t, "test", exhausted, NULL, false);
    mkt_run_all(&t);
    mkt_finish(&t);
}

static struct mk_machine *watched;

static void stop_watched(int signal)
{
    (void)signal;
    mk_machine_stop(watched, 99);
}

/* A run that must end by itself; should it not, it is stopped some time and fails. */
static void run_watched(const struct mk_machine_config *config, void (*entry)(void *), void *arg)
{
    struct mkt t;
    mkt_begin(&t, config);
    mkt_spawn(&t, "a", entry, arg, false);
    mkt_spawn(&t, "b", entry, arg, false);
    watched = t.machine;
    signal(SIGALRM, stop_watched);
    alarm(30);
    mkt_run_all(&t);
    alarm(0);
    mkt_finish(&t);
}

static void spend_a_little(void *arg)
{
    (void)arg;
    CHECK_OK(mk_time_spend(MK_MSEC));
}

/* MACHINE0410: equals that compute get on with the largest quantum. */
static void MACHINE0410(void **state)
{
    (void)state;
    const struct mk_machine_config config = {.quantum = INT64_MAX};
    run_watched(&config, spend_a_little, NULL);
}

/* MACHINE0420: equals that compute get on with a quantum shorter than a switch. */
static void MACHINE0420(void **state)
{
    (void)state;
    const struct mk_machine_config config = {.quantum = 50};
    run_watched(&config, spend_a_little, NULL);
}

static void raise_and_loop(void *arg)
{
    raise(SIGUSR1);
    loop_yielding(arg);
}

/* MACHINE0430: mk_machine_stop works from a signal handler. */
static void MACHINE0430(void **state)
{
    (void)state;
    struct mkt t;
    struct looper l = {.is_running = false};
    mkt_begin(&t, NULL);
    mkt_spawn(&t, "loop", raise_and_loop, &l, false);
    watched = t.machine;
    signal(SIGUSR1, stop_watched);
    assert_int_equal(run_code(&t), 99);
    signal(SIGUSR1, SIG_DFL);
    mkt_finish(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(MACHINE0010), cmocka_unit_test(MACHINE0020), cmocka_unit_test(MACHINE0030),
        cmocka_unit_test(MACHINE0040), cmocka_unit_test(MACHINE0050), cmocka_unit_test(MACHINE0060),
        cmocka_unit_test(MACHINE0070), cmocka_unit_test(MACHINE0080), cmocka_unit_test(MACHINE0090),
        cmocka_unit_test(MACHINE0100), cmocka_unit_test(MACHINE0110), cmocka_unit_test(MACHINE0120),
        cmocka_unit_test(MACHINE0130), cmocka_unit_test(MACHINE0140), cmocka_unit_test(MACHINE0150),
        cmocka_unit_test(MACHINE0160), cmocka_unit_test(MACHINE0170), cmocka_unit_test(MACHINE0180),
        cmocka_unit_test(MACHINE0190), cmocka_unit_test(MACHINE0200), cmocka_unit_test(MACHINE0210),
        cmocka_unit_test(MACHINE0220), cmocka_unit_test(MACHINE0230), cmocka_unit_test(MACHINE0240),
        cmocka_unit_test(MACHINE0250), cmocka_unit_test(MACHINE0260), cmocka_unit_test(MACHINE0270),
        cmocka_unit_test(MACHINE0280), cmocka_unit_test(MACHINE0290), cmocka_unit_test(MACHINE0300),
        cmocka_unit_test(MACHINE0310), cmocka_unit_test(MACHINE0320), cmocka_unit_test(MACHINE0330),
        cmocka_unit_test(MACHINE0340), cmocka_unit_test(MACHINE0350), cmocka_unit_test(MACHINE0360),
        cmocka_unit_test(MACHINE0370), cmocka_unit_test(MACHINE0380), cmocka_unit_test(MACHINE0390),
        cmocka_unit_test(MACHINE0400), cmocka_unit_test(MACHINE0410), cmocka_unit_test(MACHINE0420),
        cmocka_unit_test(MACHINE0430), cmocka_unit_test(MACHINE0155),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
