/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The scheduling policies with the workloads of textbooks and papers, and the answers that stand there. Silberschatz is
 * Silberschatz, Galvin and Gagne, Operating System Concepts, 10th edition, chapter 5; OSTEP is Arpaci-Dusseau, Operating
 * Systems: Three Easy Pieces, chapters 7 to 9; Tanenbaum is Modern Operating Systems, 2.4; Stallings is Operating
 * Systems, Internals and Design Principles, chapter 9.
 */
#include "policy_sim.h"

#include "policy/policies.h"

static struct sim sim;

/* Runs the threads to their end. */
static void run(const char *policy, int quantum, struct sim_thread *threads, int nr)
{
    sim_begin(&sim, policy, quantum * MK_MSEC, threads, nr);
    sim_run(&sim, MK_TIME_FOREVER);
    for (int i = 0; i < nr; i++)
        assert_true(threads[i].end >= 0);
    sim_finish(&sim);
}

#define RUN(policy, quantum, threads) run(policy, quantum, threads, (int)ARRAY_SIZE(threads))

/* "17 3 4": one number for each thread. */
static void assert_each(const struct sim_thread *threads, mk_time_t (*what)(const struct sim_thread *),
                        const char *expected)
{
    char buf[256] = "";
    size_t used = 0;
    for (int i = 0; i < sim.nr_threads; i++)
        used += (size_t)snprintf(buf + used, sizeof(buf) - used, "%s%d", i ? " " : "", (int)what(&threads[i]));
    assert_string_equal(buf, expected);
}

static mk_time_t total(const struct sim_thread *threads, mk_time_t (*what)(const struct sim_thread *))
{
    mk_time_t sum = 0;
    for (int i = 0; i < sim.nr_threads; i++)
        sum += what(&threads[i]);
    return sum;
}

static void assert_gantt(const char *expected)
{
    char buf[2048];
    assert_string_equal(sim_gantt(&sim, buf, sizeof(buf)), expected);
}

/* A job whose burst is declared. */
#define JOB(when, ms) \
    { \
        .arrival = (when), .burst = (ms), .is = {.burst = (ms)*MK_MSEC } \
    }
#define SHARE(ms, nr_tickets) \
    { \
        .burst = (ms), .is = {.tickets = (nr_tickets) } \
    }
#define PERIODIC(each, ms) \
    { \
        .burst = (ms), .period = (each), .is = {.period = (each)*MK_MSEC, .budget = (ms)*MK_MSEC } \
    }

/* ---- names ---- */

/* SCHED0010: each name but "priority" is found, as the policy of that name. */
static void SCHED0010(void **state)
{
    static const char *const expected[] = {"priority", "fcfs",   "sjf",  "srtf", "rr",   "mlfq",
                                           "lottery",  "stride", "fair", "edf",  "mlfqs"};
    const char *const *names = mk_policy_names();
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
        assert_string_equal(names[i], expected[i]);
        const struct mk_policy *policy = mk_policy_find(expected[i]);
        if (i == 0)
            assert_null(policy);
        else
            assert_string_equal(policy->name, expected[i]);
    }
    assert_null(names[ARRAY_SIZE(expected)]);
    assert_null(mk_policy_find("nice"));
    assert_null(mk_policy_find(""));
}

/* SCHED0020: a policy that takes over meets threads that run or wait, and lets all of them go on. */
static void SCHED0020(void **state)
{
    static const enum mk_ready whys[] = {MK_READY_NEW, MK_READY_WOKEN, MK_READY_PREEMPTED, MK_READY_EXPIRED,
                                         MK_READY_YIELDED};
    (void)state;
    for (const char *const *name = mk_policy_names() + 1; *name; name++) {
        const struct mk_policy *policy = mk_policy_find(*name);
        struct mk_policy_thread threads[ARRAY_SIZE(whys)];
        void *s = calloc(1, policy->state_size);
        mk_time_t now = 12345 * MK_MSEC;
        memset(threads, 0, sizeof(threads));
        if (policy->start)
            policy->start(s, 10 * MK_MSEC, 3);
        for (size_t i = 0; i < ARRAY_SIZE(whys); i++) {
            threads[i] = (struct mk_policy_thread){.id = i, .own = calloc(1, policy->thread_size)};
            now += 7 * MK_MSEC;
            if (policy->changed)
                policy->changed(s, &threads[i], false, now);
            if (policy->ran)
                policy->ran(s, &threads[i], 7 * MK_MSEC, now);
            if (policy->preempts)
                policy->preempts(s, &threads[i], now);
            policy->ready(s, &threads[i], whys[i], now);
        }
        uint64_t picked = 0;
        for (size_t i = 0; i < ARRAY_SIZE(whys); i++) {
            struct mk_policy_thread *thread = policy->pick(s, now);
            assert_non_null(thread);
            picked |= 1u << thread->id;
            if (policy->ended)
                policy->ended(s, thread);
        }
        assert_int_equal(picked, 31);
        assert_null(policy->pick(s, now));
        for (size_t i = 0; i < ARRAY_SIZE(whys); i++)
            free(threads[i].own);
        free(s);
    }
}

/* ---- first come, first served ---- */

/* SCHED0110: Silberschatz 5.3.1: bursts 24, 3, 3 wait 17 on average; as 3, 3, 24 they wait 3. */
static void SCHED0110(void **state)
{
    struct sim_thread slow[] = {JOB(0, 24), JOB(0, 3), JOB(0, 3)}, fast[] = {JOB(0, 3), JOB(0, 3), JOB(0, 24)};
    (void)state;
    RUN("fcfs", 4, slow);
    assert_each(slow, sim_waiting, "0 24 27");
    assert_gantt("A 0-24, B 24-27, C 27-30");
    RUN("fcfs", 4, fast);
    assert_each(fast, sim_waiting, "0 3 6");
}

/* SCHED0120: OSTEP 7.3: three jobs of 10 have an average turnaround of 20; 100, 10, 10 one of 110. */
static void SCHED0120(void **state)
{
    struct sim_thread equal[] = {JOB(0, 10), JOB(0, 10), JOB(0, 10)}, convoy[] = {JOB(0, 100), JOB(0, 10), JOB(0, 10)};
    (void)state;
    RUN("fcfs", 10, equal);
    assert_int_equal(total(equal, sim_turnaround), 3 * 20);
    RUN("fcfs", 10, convoy);
    assert_int_equal(total(convoy, sim_turnaround), 3 * 110);
}

/* ---- shortest first ---- */

/* SCHED0210: Silberschatz 5.3.2: bursts 6, 8, 7, 3 wait 3, 16, 9, 0: 7 on average, 10.25 with FCFS. */
static void SCHED0210(void **state)
{
    struct sim_thread jobs[] = {JOB(0, 6), JOB(0, 8), JOB(0, 7), JOB(0, 3)};
    (void)state;
    RUN("sjf", 4, jobs);
    assert_each(jobs, sim_waiting, "3 16 9 0");
    RUN("fcfs", 4, jobs);
    assert_int_equal(total(jobs, sim_waiting), 41);
}

/* SCHED0220: Silberschatz 5.3.2: 8, 4, 9, 5 that come at 0, 1, 2, 3 wait 6.5 with preemption, 7.75 without. */
static void SCHED0220(void **state)
{
    struct sim_thread jobs[] = {JOB(0, 8), JOB(1, 4), JOB(2, 9), JOB(3, 5)};
    (void)state;
    RUN("srtf", 4, jobs);
    assert_gantt("A 0-1, B 1-5, D 5-10, A 10-17, C 17-26");
    assert_int_equal(total(jobs, sim_waiting), 26);
    RUN("sjf", 4, jobs);
    assert_int_equal(total(jobs, sim_waiting), 31);
}

/* SCHED0230: Tanenbaum 2.4.2: 8, 4, 4, 4 have an average turnaround of 14 in that order, and of 11 shortest first. */
static void SCHED0230(void **state)
{
    struct sim_thread jobs[] = {JOB(0, 8), JOB(0, 4), JOB(0, 4), JOB(0, 4)};
    (void)state;
    RUN("fcfs", 4, jobs);
    assert_int_equal(total(jobs, sim_turnaround), 4 * 14);
    RUN("sjf", 4, jobs);
    assert_int_equal(total(jobs, sim_turnaround), 4 * 11);
}

/* SCHED0240: Tanenbaum 2.4.2: 2, 4, 1, 1, 1 that come at 0, 0, 3, 3, 3 have an average turnaround of 4.6. */
static void SCHED0240(void **state)
{
    struct sim_thread jobs[] = {JOB(0, 2), JOB(0, 4), JOB(3, 1), JOB(3, 1), JOB(3, 1)};
    (void)state;
    RUN("sjf", 4, jobs);
    assert_int_equal(total(jobs, sim_turnaround), 23);
}

/* SCHED0250: OSTEP 7.4 and 7.5: 100, 10, 10: 50 on average; the short ones 10 later: 103.33, and 50 with preemption. */
static void SCHED0250(void **state)
{
    struct sim_thread jobs[] = {JOB(0, 100), JOB(0, 10), JOB(0, 10)}, late[] = {JOB(0, 100), JOB(10, 10), JOB(10, 10)};
    (void)state;
    RUN("sjf", 10, jobs);
    assert_int_equal(total(jobs, sim_turnaround), 3 * 50);
    RUN("sjf", 10, late);
    assert_int_equal(total(late, sim_turnaround), 310);
    RUN("srtf", 10, late);
    assert_int_equal(total(late, sim_turnaround), 3 * 50);
}

/* SCHED0260: Silberschatz 5.3.2: bursts of 6, 4, 6, 4, 13, 13, 13 make the guesses 10, 8, 6, 6, 5, 9, 11, 12. */
static void SCHED0260(void **state)
{
    static const int bursts[] = {6, 4, 6, 4, 13, 13, 13}, guesses[] = {10, 8, 6, 6, 5, 9, 11, 12};
    const struct mk_policy *sjf = mk_policy_find("sjf");
    void *s = calloc(1, sjf->state_size);
    struct mk_policy_thread thread = {.id = 1, .own = calloc(1, sjf->thread_size)};
    const struct entry *entry = thread.own;
    mk_time_t now = 0;
    (void)state;
    sjf->start(s, 10 * MK_MSEC, 0);
    sjf->ready(s, &thread, MK_READY_NEW, now);
    for (size_t i = 0; i < ARRAY_SIZE(guesses); i++) {
        assert_int_equal(entry->node.key, guesses[i] * MK_MSEC);
        if (i == ARRAY_SIZE(bursts))
            break;
        assert_ptr_equal(sjf->pick(s, now), &thread);
        now += bursts[i] * MK_MSEC;
        sjf->ran(s, &thread, bursts[i] * MK_MSEC, now);
        sjf->ready(s, &thread, MK_READY_WOKEN, now);
    }
    free(s);
    free(thread.own);
}

/* SCHED0270: a running thread is not preempted by one with the same time left; a preempted one runs before its equals. */
static void SCHED0270(void **state)
{
    struct sim_thread jobs[] = {JOB(0, 6), JOB(2, 4), JOB(3, 2), JOB(4, 3)};
    (void)state;
    RUN("srtf", 4, jobs);
    assert_gantt("A 0-3, C 3-5, A 5-8, D 8-11, B 11-15");
}

/* ---- round robin ---- */

/* SCHED0310: Silberschatz 5.3.3: bursts 24, 3, 3 with a quantum of 4 wait 6, 4, 7: 5.66 on average. */
static void SCHED0310(void **state)
{
    struct sim_thread jobs[] = {JOB(0, 24), JOB(0, 3), JOB(0, 3)};
    (void)state;
    RUN("rr", 4, jobs);
    assert_each(jobs, sim_waiting, "6 4 7");
    assert_gantt("A 0-4, B 4-7, C 7-10, A 10-30");
}

/* SCHED0320: OSTEP 7.7: three jobs of 5: response 5 on average shortest first; 1 with a quantum of 1, turnaround 14. */
static void SCHED0320(void **state)
{
    struct sim_thread jobs[] = {JOB(0, 5), JOB(0, 5), JOB(0, 5)};
    (void)state;
    RUN("sjf", 1, jobs);
    assert_int_equal(total(jobs, sim_response), 3 * 5);
    RUN("rr", 1, jobs);
    assert_int_equal(total(jobs, sim_response), 3 * 1);
    assert_each(jobs, sim_turnaround, "13 14 15");
}

/* ---- Stallings' five processes ---- */

#define STALLINGS \
    { \
        JOB(0, 3), JOB(2, 6), JOB(4, 4), JOB(6, 5), JOB(8, 2) \
    }

/* SCHED0410: table 9.5: the turnaround times of FCFS, RR with quanta of 1 and 4, SPN and SRT. */
static void SCHED0410(void **state)
{
    static const struct {
        const char *policy;
        int quantum;
        const char *turnaround;
    } rows[] = {
        {"fcfs", 1, "3 7 9 12 12"}, {"rr", 1, "4 16 13 14 7"},  {"rr", 4, "3 15 7 14 11"},
        {"sjf", 1, "3 7 11 14 3"},  {"srtf", 1, "3 13 4 14 2"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct sim_thread jobs[] = STALLINGS;
        RUN(rows[i].policy, rows[i].quantum, jobs);
        assert_each(jobs, sim_turnaround, rows[i].turnaround);
    }
}

/* ---- multi-level feedback queue ---- */

/* SCHED0510: OSTEP 8.2, example 1 and 2: a job of 200 sinks; one of 20 that comes at 100 is done at 120. */
static void SCHED0510(void **state)
{
    struct sim_thread jobs[] = {{.burst = 180}, {.arrival = 100, .burst = 20}};
    (void)state;
    RUN("mlfq", 10, jobs);
    assert_gantt("A 0-100, B 100-120, A 120-200");
}

/* SCHED0520: OSTEP 8.2, example 3: a job that waits after each millisecond runs at once, and stays high. */
static void SCHED0520(void **state)
{
    struct sim_thread jobs[] = {{.burst = 1000}, {.arrival = 50, .burst = 1, .io = 9}};
    (void)state;
    sim_begin(&sim, "mlfq", 10 * MK_MSEC, jobs, 2);
    sim_run(&sim, 140 * MK_MSEC);
    assert_int_equal(jobs[1].latest, MK_MSEC);
    assert_int_equal(jobs[1].p.run_time, 9 * MK_MSEC);
    sim_finish(&sim);
}

/* SCHED0530: OSTEP 8.4: who waits just before its allotment ends gains nothing: allotments are counted together. */
static void SCHED0530(void **state)
{
    struct sim_thread jobs[] = {{.burst = 10000}, {.burst = 9, .io = 1}};
    (void)state;
    sim_begin(&sim, "mlfq", 10 * MK_MSEC, jobs, 2);
    sim_run(&sim, 900 * MK_MSEC);
    assert_in_range(jobs[0].p.run_time, 400 * MK_MSEC, 500 * MK_MSEC);
    sim_finish(&sim);
}

/* SCHED0540: OSTEP 8.3: a job below ever new ones that take all of the CPU runs once after each move to the top. */
static void SCHED0540(void **state)
{
    struct sim_thread jobs[401];
    int nr_turns = 0;
    (void)state;
    memset(jobs, 0, sizeof(jobs));
    jobs[0].burst = 10000;
    for (int i = 1; i <= 400; i++)
        jobs[i] = (struct sim_thread){.arrival = 30 + i, .burst = 1};
    sim_begin(&sim, "mlfq", MK_MSEC, jobs, 401);
    sim_run(&sim, 400 * MK_MSEC);
    for (int i = 0; i < sim.nr_turns; i++) {
        if (sim.turns[i].thread != 0)
            continue;
        assert_in_range(sim.turns[i].begin, nr_turns * 100 * MK_MSEC, (nr_turns * 100 + 4) * MK_MSEC);
        assert_int_equal(sim.turns[i].end - sim.turns[i].begin, (nr_turns ? 1 : 31) * MK_MSEC);
        nr_turns++;
    }
    assert_int_equal(nr_turns, 4);
    sim_finish(&sim);
}

/* ---- shares ---- */

/* SCHED0610: OSTEP 9.2: of 75 and 25 tickets, about three in four are drawn; the same seed draws the same. */
static void SCHED0610(void **state)
{
    struct sim_thread jobs[] = {SHARE(1 << 20, 75), SHARE(1 << 20, 25)};
    mk_time_t first = 0;
    (void)state;
    for (int again = 0; again < 2; again++) {
        sim_begin(&sim, "lottery", 10 * MK_MSEC, jobs, 2);
        sim_run(&sim, 10000 * 10 * MK_MSEC);
        /* 7,500 of 10,000 draws, give or take five standard deviations of 43. */
        assert_in_range(jobs[0].p.run_time / (10 * MK_MSEC), 7285, 7715);
        assert_true(!again || jobs[0].p.run_time == first);
        first = jobs[0].p.run_time;
        sim_finish(&sim);
    }
}

/* SCHED0620: Waldspurger and Weihl 1994, 3.4: who uses a fifth of its quanta is drawn five times as often. */
static void SCHED0620(void **state)
{
    const struct mk_policy *lottery = mk_policy_find("lottery");
    void *s = calloc(1, lottery->state_size);
    struct mk_policy_thread threads[2];
    mk_time_t ran[2] = {0}, now = 0;
    (void)state;
    memset(threads, 0, sizeof(threads));
    lottery->start(s, 10 * MK_MSEC, 7);
    for (uint64_t i = 0; i < 2; i++) {
        threads[i] = (struct mk_policy_thread){.id = i, .is = {.tickets = 400}, .own = calloc(1, lottery->thread_size)};
        lottery->ready(s, &threads[i], MK_READY_NEW, now);
    }
    for (int i = 0; i < 60000; i++) {
        struct mk_policy_thread *picked = lottery->pick(s, now);
        mk_time_t ns = picked->id ? 2 * MK_MSEC : lottery->slice(s, picked, now);
        now += ns;
        ran[picked->id] += ns;
        lottery->ran(s, picked, ns, now);
        lottery->ready(s, picked, picked->id ? MK_READY_YIELDED : MK_READY_EXPIRED, now);
    }
    /* 50,000 draws of 60,000 with a deviation of 91, and two milliseconds for each. */
    assert_in_range(ran[1] / (2 * MK_MSEC), 50000 - 5 * 91, 50000 + 5 * 91);
    assert_in_range(ran[0] / (10 * MK_MSEC), 10000 - 5 * 91, 10000 + 5 * 91);
    for (int i = 0; i < 2; i++)
        free(threads[i].own);
    free(s);
}

/* SCHED0630: Waldspurger and Weihl 1995, figure 2: with tickets 3 : 2 : 1 the order is A B A A B C. */
static void SCHED0630(void **state)
{
    struct sim_thread jobs[] = {SHARE(100, 3), SHARE(100, 2), SHARE(100, 1)};
    (void)state;
    sim_begin(&sim, "stride", MK_MSEC, jobs, 3);
    sim_run(&sim, 12 * MK_MSEC);
    assert_gantt("A 0-1, B 1-2, A 2-4, B 4-5, C 5-6, A 6-7, B 7-8, A 8-10, B 10-11, C 11-12");
    sim_finish(&sim);
}

/* SCHED0640: OSTEP 9.6: with tickets 100, 50 and 250, each eight quanta are 2, 1 and 5. */
static void SCHED0640(void **state)
{
    struct sim_thread jobs[] = {SHARE(10000, 100), SHARE(10000, 50), SHARE(10000, 250)};
    (void)state;
    sim_begin(&sim, "stride", 10 * MK_MSEC, jobs, 3);
    for (int i = 1; i <= 100; i++) {
        sim_run(&sim, i * 80 * MK_MSEC);
        assert_int_equal(jobs[0].p.run_time, i * 20 * MK_MSEC);
        assert_int_equal(jobs[1].p.run_time, i * 10 * MK_MSEC);
        assert_int_equal(jobs[2].p.run_time, i * 50 * MK_MSEC);
    }
    sim_finish(&sim);
}

/* SCHED0650: Waldspurger and Weihl 1995, 3: who was away comes back as it left, and cannot catch up. */
static void SCHED0650(void **state)
{
    struct sim_thread jobs[] = {SHARE(10000, 100), {.burst = 10, .io = 990, .is = {.tickets = 100}}};
    (void)state;
    sim_begin(&sim, "stride", 10 * MK_MSEC, jobs, 2);
    sim_run(&sim, 5000 * MK_MSEC);
    assert_int_equal(jobs[1].p.run_time, 50 * MK_MSEC);
    for (int i = 1; i < sim.nr_turns; i++)
        assert_true(sim.turns[i].thread != 1 || sim.turns[i].end - sim.turns[i].begin == 10 * MK_MSEC);
    sim_finish(&sim);
}

/* SCHED0660: OSTEP 9.7: with a latency of 48, four jobs run 12 each; when two have ended, the others 24 each. */
static void SCHED0660(void **state)
{
    struct sim_thread jobs[] = {{.burst = 96}, {.burst = 96}, {.burst = 24}, {.burst = 24}};
    (void)state;
    RUN("fair", 12, jobs);
    assert_gantt("A 0-12, B 12-24, C 24-36, D 36-48, A 48-60, B 60-72, C 72-84, D 84-96, "
                 "A 96-120, B 120-144, A 144-168, B 168-192, A 192-216, B 216-240");
}

/* SCHED0670: OSTEP 9.7: no turn is shorter than the granularity: ten jobs have 6 each, not 4.8. */
static void SCHED0670(void **state)
{
    struct sim_thread jobs[10];
    (void)state;
    memset(jobs, 0, sizeof(jobs));
    for (int i = 0; i < 10; i++)
        jobs[i].burst = 12;
    RUN("fair", 12, jobs);
    assert_int_equal(sim.nr_turns, 20);
    for (int i = 0; i < 20; i++)
        assert_int_equal(sim.turns[i].end - sim.turns[i].begin, 6 * MK_MSEC);
}

/* SCHED0680: OSTEP 9.7: weights of 3121 and 1024 (nice -5 and 0) make three quarters and a quarter. */
static void SCHED0680(void **state)
{
    struct sim_thread jobs[] = {SHARE(100000, 3121), SHARE(100000, 1024)};
    (void)state;
    sim_begin(&sim, "fair", 12 * MK_MSEC, jobs, 2);
    sim_run(&sim, 48000 * MK_MSEC);
    assert_in_range(sim.turns[0].end - sim.turns[0].begin, 36 * MK_MSEC, 37 * MK_MSEC);
    assert_in_range(jobs[0].p.run_time * 1000 / sim.now, 752, 754); /* 3121 / 4145 = .7530 */
    sim_finish(&sim);
}

/* SCHED0690: OSTEP 9.7: who slept begins at the minimum: it runs at once, but does not get back what it missed. */
static void SCHED0690(void **state)
{
    struct sim_thread jobs[] = {{.burst = 100000}, {.burst = 1000, .io = 10000}};
    (void)state;
    sim_begin(&sim, "fair", 12 * MK_MSEC, jobs, 2);
    sim_run(&sim, 24100 * MK_MSEC);
    assert_in_range(jobs[1].latest, 1900 * MK_MSEC, 2100 * MK_MSEC);
    sim_finish(&sim);
}

/* ---- deadlines ---- */

/* SCHED0710: Silberschatz 5.6.4: P1 with 25 each 50, P2 with 35 each 80; P2 is not preempted at 50, but is at 100. */
static void SCHED0710(void **state)
{
    struct sim_thread jobs[] = {PERIODIC(50, 25), PERIODIC(80, 35)};
    (void)state;
    sim_begin(&sim, "edf", 10 * MK_MSEC, jobs, 2);
    sim_run(&sim, 160 * MK_MSEC);
    assert_gantt("A 0-25, B 25-60, A 60-85, B 85-100, A 100-125, B 125-145, A 150-160");
    sim_finish(&sim);
}

/* What is used of the CPU is asked for first. */
static void begin_edf(struct sim_thread *threads, int nr)
{
    sim_begin(&sim, "edf", 10 * MK_MSEC, threads, nr);
    for (int i = 0; i < nr; i++) {
        const struct mk_sched_params wanted = threads[i].is;
        threads[i].p.is.period = 0;
        assert_int_equal(sim.policy->admit(sim.state, &threads[i].p, &wanted), MK_OK);
        threads[i].p.is = wanted;
        sim.policy->changed(sim.state, &threads[i].p, false, 0);
    }
}

/* No deadline is missed in this time. */
static void assert_kept(struct sim_thread *threads, int nr, int until)
{
    begin_edf(threads, nr);
    sim_run(&sim, until * MK_MSEC);
    for (int i = 0; i < nr; i++)
        assert_in_range(threads[i].latest, 1, threads[i].period * MK_MSEC);
    sim_finish(&sim);
}

/* SCHED0720: Liu and Layland 1973, theorem 7: up to the whole CPU no deadline is missed, which fixed priorities cannot. */
static void SCHED0720(void **state)
{
    struct sim_thread buttazzo[] = {PERIODIC(5, 2), PERIODIC(7, 4)};
    struct sim_thread thirds[] = {PERIODIC(3, 1), PERIODIC(6, 2), PERIODIC(9, 3)};
    struct sim_thread whole[] = {PERIODIC(2, 1), PERIODIC(4, 1), PERIODIC(8, 2)};
    struct sim_thread odd[] = {PERIODIC(7, 3), PERIODIC(14, 4), PERIODIC(28, 8)};
    (void)state;
    assert_kept(buttazzo, 2, 700);
    assert_kept(thirds, 3, 1800);
    assert_kept(whole, 3, 800);
    assert_kept(odd, 3, 2800);
}

/* SCHED0730: what is more than the whole CPU is refused, and what ends or takes less makes room. */
static void SCHED0730(void **state)
{
    struct sim_thread jobs[] = {PERIODIC(3, 1), PERIODIC(3, 1), PERIODIC(3, 1)};
    struct mk_policy_thread more = {.id = 9};
    struct mk_sched_params wanted = {.period = MK_SEC, .budget = MK_USEC};
    (void)state;
    begin_edf(jobs, 3);
    const struct mk_policy *edf = sim.policy;
    more.own = calloc(1, edf->thread_size);
    assert_int_equal(edf->admit(sim.state, &more, &wanted), MK_E_NO_ROOM);
    jobs[0].p.is.budget /= 2;
    edf->changed(sim.state, &jobs[0].p, false, 0);
    wanted.budget = MK_SEC / 6;
    assert_int_equal(edf->admit(sim.state, &more, &wanted), MK_OK);
    wanted.budget += MK_USEC;
    assert_int_equal(edf->admit(sim.state, &more, &wanted), MK_E_NO_ROOM);
    wanted.deadline = MK_SEC / 2; /* half the time for a quarter of the budget */
    wanted.budget = MK_SEC / 24;
    assert_int_equal(edf->admit(sim.state, &more, &wanted), MK_OK);
    wanted.budget = MK_SEC / 11;
    assert_int_equal(edf->admit(sim.state, &more, &wanted), MK_E_NO_ROOM);
    edf->ended(sim.state, &jobs[1].p);
    assert_int_equal(edf->admit(sim.state, &more, &wanted), MK_OK);
    wanted.deadline = 2 * MK_SEC;
    assert_int_equal(edf->admit(sim.state, &more, &wanted), MK_E_BAD_ARGUMENT);
    wanted.deadline = wanted.budget = 0;
    assert_int_equal(edf->admit(sim.state, &more, &wanted), MK_E_BAD_ARGUMENT);
    free(more.own);
    sim_finish(&sim);
}

/* SCHED0740: Abeni and Buttazzo 1998: a thread that computes without end gets its budget each period, and no more. */
static void SCHED0740(void **state)
{
    struct sim_thread jobs[] = {PERIODIC(10, 4), PERIODIC(20, 10), {.burst = 10000}};
    (void)state;
    jobs[1].burst = 10000;
    begin_edf(jobs, 3);
    for (int i = 1; i <= 50; i++) {
        sim_run(&sim, i * 20 * MK_MSEC);
        assert_int_equal(jobs[1].p.run_time, i * 10 * MK_MSEC);
        assert_int_equal(jobs[2].p.run_time, i * 2 * MK_MSEC);
    }
    assert_in_range(jobs[0].latest, 1, 10 * MK_MSEC);
    sim_finish(&sim);
}

/* SCHED0750: who wakes often within a period gets no more than its share by it; those without deadlines go on. */
static void SCHED0750(void **state)
{
    struct sim_thread jobs[] = {{.burst = 3, .io = 2, .is = {.period = 20 * MK_MSEC, .budget = 5 * MK_MSEC}},
                                {.burst = 100000}};
    (void)state;
    begin_edf(jobs, 2);
    sim_run(&sim, 20000 * MK_MSEC);
    assert_in_range(jobs[0].p.run_time, 4500 * MK_MSEC, 5005 * MK_MSEC);
    assert_int_equal(jobs[0].p.run_time + jobs[1].p.run_time, sim.now);
    sim_finish(&sim);
}

/* SCHED0760: without deadlines: first come, first served, and nobody is preempted but by those with one. */
static void SCHED0760(void **state)
{
    struct sim_thread jobs[] = {{.burst = 20},
                                {.burst = 10},
                                {.arrival = 5, .burst = 4, .is = {.period = 40 * MK_MSEC, .budget = 8 * MK_MSEC}}};
    (void)state;
    RUN("edf", 10, jobs);
    assert_gantt("A 0-5, C 5-9, A 9-24, B 24-34");
}

/* ---- 4.4BSD ---- */

/*
 * Thirty seconds of threads that compute, as in the tests mlfqs-fair and mlfqs-nice of Pintos. Its answers are computed
 * with turns of four ticks, the 24th of which ends the first second: the threads begin four ticks after a second.
 */
static void assert_ticks(int nr, int nice_step, const char *expected)
{
    struct sim_thread jobs[20];
    char buf[256] = "";
    size_t used = 0;
    memset(jobs, 0, sizeof(jobs));
    for (int i = 0; i < nr; i++)
        jobs[i] = (struct sim_thread){.arrival = 40, .burst = 100000, .is = {.nice = i * nice_step}};
    sim_begin(&sim, "mlfqs", 10 * MK_MSEC, jobs, nr);
    sim_run(&sim, 30 * MK_SEC + 40 * MK_MSEC);
    for (int i = 0; i < nr; i++)
        used += (size_t)snprintf(buf + used, sizeof(buf) - used, "%s%d", i ? " " : "",
                                 (int)(jobs[i].p.run_time / (10 * MK_MSEC)));
    sim_finish(&sim);
    assert_string_equal(buf, expected);
}

/* SCHED0810: mlfqs-fair-2 and mlfqs-fair-20: 1500 each; ten of 152 and ten of 148. */
static void SCHED0810(void **state)
{
    (void)state;
    assert_ticks(2, 0, "1500 1500");
    assert_ticks(20, 0, "152 152 152 152 152 152 152 152 152 152 148 148 148 148 148 148 148 148 148 148");
}

/* SCHED0820: mlfqs-nice-2 and mlfqs-nice-10. */
static void SCHED0820(void **state)
{
    (void)state;
    assert_ticks(2, 5, "1904 1096");
    assert_ticks(10, 1, "672 588 492 408 316 232 152 92 40 8");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(SCHED0010), cmocka_unit_test(SCHED0020), cmocka_unit_test(SCHED0110),
        cmocka_unit_test(SCHED0120), cmocka_unit_test(SCHED0210), cmocka_unit_test(SCHED0220),
        cmocka_unit_test(SCHED0230), cmocka_unit_test(SCHED0240), cmocka_unit_test(SCHED0250),
        cmocka_unit_test(SCHED0260), cmocka_unit_test(SCHED0270), cmocka_unit_test(SCHED0310),
        cmocka_unit_test(SCHED0320), cmocka_unit_test(SCHED0410), cmocka_unit_test(SCHED0510),
        cmocka_unit_test(SCHED0520), cmocka_unit_test(SCHED0530), cmocka_unit_test(SCHED0540),
        cmocka_unit_test(SCHED0610), cmocka_unit_test(SCHED0620), cmocka_unit_test(SCHED0630),
        cmocka_unit_test(SCHED0640), cmocka_unit_test(SCHED0650), cmocka_unit_test(SCHED0660),
        cmocka_unit_test(SCHED0670), cmocka_unit_test(SCHED0680), cmocka_unit_test(SCHED0690),
        cmocka_unit_test(SCHED0710), cmocka_unit_test(SCHED0720), cmocka_unit_test(SCHED0730),
        cmocka_unit_test(SCHED0740), cmocka_unit_test(SCHED0750), cmocka_unit_test(SCHED0760),
        cmocka_unit_test(SCHED0810), cmocka_unit_test(SCHED0820),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
