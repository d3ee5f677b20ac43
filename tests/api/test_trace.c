/* SPDX-License-Identifier: BSD-2-Clause */
/* The trace: rings, sinks, events, and the hash as the identity of a run. */
#include "scenario.h"

#define KEPT_MAX 65536

/* All events of a run. */
struct kept {
    struct mk_trace_event events[KEPT_MAX];
    size_t nr;
    size_t nr_given; /* times the sink was called */
};

static void keep(void *arg, const struct mk_trace_event *events, size_t nr)
{
    struct kept *k = arg;
    for (size_t i = 0; i < nr && k->nr < KEPT_MAX; i++)
        k->events[k->nr++] = events[i];
    k->nr_given++;
}

struct result {
    uint64_t hash, nr_events;
    struct mk_machine_stats stats;
};

/* Run the scenario traced with hash only. */
static struct result run_hashed(const struct mk_machine_config *config, unsigned extra)
{
    struct mkt t;
    struct scenario s = {.extra = extra};
    struct result r;
    mkt_begin(&t, config);
    mkt_spawn(&t, "scenario", scenario_main, &s, false);
    assert_int_equal(mk_trace_start(t.machine, 0, NULL, NULL), MK_OK);
    mkt_run_all(&t);
    assert_true(scenario_is_right(&s));
    assert_int_equal(mk_machine_stats(t.machine, &r.stats), MK_OK);
    r.hash = r.stats.trace_hash;
    r.nr_events = r.stats.nr_events;
    mkt_finish(&t);
    return r;
}

/* Run `entry` and keep every event. */
static void run_kept(void (*entry)(void *), void *arg, size_t ring, struct kept *k)
{
    struct mkt t;
    k->nr = k->nr_given = 0;
    mkt_begin(&t, NULL);
    assert_int_equal(mk_trace_start(t.machine, ring, keep, k), MK_OK);
    mkt_spawn(&t, "test", entry, arg, false);
    mkt_run_all(&t);
    struct mk_machine_stats stats;
    assert_int_equal(mk_machine_stats(t.machine, &stats), MK_OK);
    assert_int_equal(k->nr, stats.nr_events);
    assert_int_equal(mk_trace_read(t.machine, k->events + KEPT_MAX - 1, 1), 0);
    size_t nr = k->nr;
    mkt_finish(&t);
    k->nr = nr; /* of the run; the machine's destruction has events as well */
}

static struct kept all, other;

/* TRACE0010: equal runs have equal hashes, on either way to switch threads. */
static void TRACE0010(void **state)
{
    (void)state;
    struct mk_machine_config config = {.context = MK_CONTEXT_ASM};
    struct result first = run_hashed(&config, 0), again = run_hashed(&config, 0);
    assert_true(first.hash != 0 && first.hash == again.hash && first.nr_events == again.nr_events);
    config.context = MK_CONTEXT_UCONTEXT;
    again = run_hashed(&config, 0);
    assert_true(first.hash == again.hash && first.stats.now == again.stats.now);
}

/* TRACE0020: equal seeds give equal hashes, different ones different hashes. */
static void TRACE0020(void **state)
{
    (void)state;
    uint64_t hashes[20];
    for (uint64_t seed = 0; seed < 20; seed++) {
        const struct mk_machine_config config = {.seed = seed};
        hashes[seed] = run_hashed(&config, 0).hash;
        assert_true(hashes[seed] == run_hashed(&config, 0).hash);
        for (uint64_t i = 0; i < seed; i++)
            assert_true(hashes[i] != hashes[seed]);
    }
}

/* TRACE0030: a run that differs by one call, by the quantum or by a cost has another hash. */
static void TRACE0030(void **state)
{
    (void)state;
    struct mk_costs costs = *mk_costs_default();
    struct mk_machine_config config = {.context = MK_CONTEXT_ASM};
    uint64_t hash = run_hashed(&config, 0).hash;
    assert_true(run_hashed(&config, 1).hash != hash);
    config.quantum = 20 * MK_USEC;
    assert_true(run_hashed(&config, 0).hash != hash);
    config.quantum = 0;
    config.costs = &costs;
    assert_true(run_hashed(&config, 0).hash == hash);
    costs.entry++;
    assert_true(run_hashed(&config, 0).hash != hash);
}

/* TRACE0040: tracing changes neither the clock nor the counts of a run. */
static void TRACE0040(void **state)
{
    (void)state;
    struct mkt t;
    struct scenario s = {.extra = 50};
    struct mk_machine_stats stats;
    struct result traced = run_hashed(NULL, 50);
    mkt_begin(&t, NULL);
    mkt_spawn(&t, "scenario", scenario_main, &s, false);
    mkt_run_all(&t);
    assert_int_equal(mk_machine_stats(t.machine, &stats), MK_OK);
    assert_int_equal(stats.now, traced.stats.now);
    assert_int_equal(stats.nr_sends, traced.stats.nr_sends);
    assert_int_equal(stats.nr_calls, traced.stats.nr_calls);
    assert_int_equal(stats.nr_switches, traced.stats.nr_switches);
    assert_int_equal(stats.nr_preemptions, traced.stats.nr_preemptions);
    assert_int_equal(stats.idle_time, traced.stats.idle_time);
    assert_true(stats.trace_hash == 0 && stats.nr_events == 0);
    mkt_finish(&t);
}

/* TRACE0050: a sink gets every event, whatever the ring's size; time never goes back. */
static void TRACE0050(void **state)
{
    (void)state;
    struct scenario s;
    memset(&s, 0, sizeof(s));
    run_kept(scenario_main, &s, 65536, &all);
    assert_int_equal(all.nr_given, 1);
    for (size_t i = 1; i < all.nr; i++)
        assert_true(all.events[i].when >= all.events[i - 1].when);
    static const size_t rings[] = {1, 2, 5, 64, 1000};
    for (size_t i = 0; i < COUNT_OF(rings); i++) {
        memset(&s, 0, sizeof(s));
        run_kept(scenario_main, &s, rings[i], &other);
        assert_int_equal(other.nr, all.nr);
        assert_memory_equal(other.events, all.events, all.nr * sizeof(all.events[0]));
    }
}

/* TRACE0060: a ring without a sink keeps the last events, a power of two of them, oldest first. */
static void TRACE0060(void **state)
{
    (void)state;
    struct mkt t;
    struct scenario s = {.extra = 0};
    struct mk_trace_event last[256];
    memset(&s, 0, sizeof(s));
    run_kept(scenario_main, &s, 1024, &all);
    mkt_begin(&t, NULL);
    assert_int_equal(mk_trace_start(t.machine, 100, NULL, NULL), MK_OK);
    memset(&s, 0, sizeof(s));
    mkt_spawn(&t, "test", scenario_main, &s, false);
    mkt_run_all(&t);
    assert_int_equal(mk_trace_read(t.machine, last, 256), 128);
    assert_memory_equal(last, all.events + all.nr - 128, 128 * sizeof(last[0]));
    assert_int_equal(mk_trace_read(t.machine, last, 10), 10);
    assert_memory_equal(last, all.events + all.nr - 10, 10 * sizeof(last[0]));
    assert_int_equal(mk_trace_read(t.machine, NULL, 0), 0);
    mkt_finish(&t);
}

/* TRACE0070: a ring of 0 keeps the hash and the count only. */
static void TRACE0070(void **state)
{
    (void)state;
    struct mkt t;
    struct scenario s = {.extra = 0};
    struct mk_trace_event event;
    struct mk_machine_stats stats;
    mkt_begin(&t, NULL);
    assert_int_equal(mk_trace_start(t.machine, 0, keep, &other), MK_OK);
    mkt_spawn(&t, "test", scenario_main, &s, false);
    mkt_run_all(&t);
    assert_int_equal(mk_machine_stats(t.machine, &stats), MK_OK);
    assert_true(stats.nr_events > 100 && stats.trace_hash != 0);
    assert_int_equal(mk_trace_read(t.machine, &event, 1), 0);
    mkt_finish(&t);
}

static void *no_memory(void *arg, size_t size)
{
    return *(bool *)arg && size > 1000 ? NULL : arg;
}

/* TRACE0080: a ring too large for the limit or for memory is refused, and the trace before it goes on. */
static void TRACE0080(void **state)
{
    (void)state;
    struct mkt t;
    bool is_exhausted = false;
    const struct mk_machine_config config = {.alloc_hook = no_memory, .alloc_arg = &is_exhausted};
    struct scenario s = {.extra = 0};
    struct mk_trace_event event;
    mkt_begin(&t, &config);
    assert_int_equal(mk_trace_start(t.machine, 64, NULL, NULL), MK_OK);
    assert_int_equal(mk_trace_start(t.machine, ((size_t)1 << 24) + 1, NULL, NULL), MK_E_BAD_ARGUMENT);
    assert_int_equal(mk_trace_start(t.machine, SIZE_MAX, NULL, NULL), MK_E_BAD_ARGUMENT);
    is_exhausted = true;
    assert_int_equal(mk_trace_start(t.machine, 4096, NULL, NULL), MK_E_NO_MEMORY);
    is_exhausted = false;
    mkt_spawn(&t, "test", scenario_main, &s, false);
    mkt_run_all(&t);
    assert_int_equal(mk_trace_read(t.machine, &event, 1), 1);
    mkt_finish(&t);
}

/* TRACE0090: every kind has a text of its own, any other number "?". */
static void TRACE0090(void **state)
{
    (void)state;
#define CHECK_TEXT(name, number, text) assert_string_equal(mk_trace_text(MK_TRACE_##name), text);
    MK_TRACE_MAP(CHECK_TEXT)
#undef CHECK_TEXT
    assert_string_equal(mk_trace_text(0), "?");
    assert_string_equal(mk_trace_text(9999), "?");
    assert_string_equal(mk_trace_text(UINT32_MAX), "?");
}

/* ---- what the events say ---- */

static const struct mk_trace_event *find(const struct kept *k, unsigned kind, size_t from)
{
    for (size_t i = from; i < k->nr; i++)
        if (k->events[i].kind == kind)
            return &k->events[i];
    fail_msg("no event \"%s\"", mk_trace_text(kind));
    return NULL;
}

static unsigned count(const struct kept *k, unsigned kind)
{
    unsigned n = 0;
    for (size_t i = 0; i < k->nr; i++)
        n += k->events[i].kind == kind;
    return n;
}

static uint64_t port_number;

static void send_and_receive(void *arg)
{
    (void)arg;
    char body[40] = "x";
    mk_name_t port = mkt_port();
    struct mk_right_info info;
    CHECK_OK(mk_right_info(port, &info));
    port_number = info.port;
    struct mk_msg msg = {.body = body, .size = 33, .capacity = sizeof(body)};
    CHECK_OK(mk_send(port, &msg, MK_TIME_POLL));
    CHECK_OK(mk_receive(port, &msg, MK_TIME_POLL));
    CHECK_OK(mk_port_destroy(port));
}

/* TRACE0100: a message is traced where it is sent and where it is received, with its number, port and size. */
static void TRACE0100(void **state)
{
    (void)state;
    run_kept(send_and_receive, NULL, 1024, &all);
    const struct mk_trace_event *send = find(&all, MK_TRACE_SEND, 0), *receive = find(&all, MK_TRACE_RECEIVE, 0);
    assert_true(count(&all, MK_TRACE_SEND) == 1 && count(&all, MK_TRACE_RECEIVE) == 1 && send < receive);
    assert_true(send->a == receive->a && send->b == port_number && receive->b == port_number);
    assert_true(send->c == 33 && receive->c == 33 && send->thread == 1 && receive->thread == 1);
}

/* TRACE0110: tasks, threads and ports are traced from birth to death. */
static void TRACE0110(void **state)
{
    (void)state;
    run_kept(send_and_receive, NULL, 1024, &all);
    assert_true(find(&all, MK_TRACE_TASK_CREATE, 0)->a == 1);
    const struct mk_trace_event *thread = find(&all, MK_TRACE_THREAD_CREATE, 0);
    assert_true(thread->a == 1 && thread->b == 1 && thread->c == MK_PRIO_DEFAULT);
    bool has_birth = false, has_death = false;
    for (size_t i = 0; i < all.nr; i++) {
        has_birth = has_birth || (all.events[i].kind == MK_TRACE_PORT_CREATE && all.events[i].a == port_number);
        has_death = has_death || (all.events[i].kind == MK_TRACE_PORT_DEATH && all.events[i].a == port_number);
    }
    assert_true(has_birth && has_death);
    assert_true(find(&all, MK_TRACE_THREAD_END, 0)->a == 1);
    const struct mk_trace_event *end = find(&all, MK_TRACE_TASK_END, 0);
    assert_true(end->a == 1 && end->b == 0);
}

static void call_dead_server(void *arg)
{
    (void)arg;
    mk_name_t port = mkt_port();
    struct mk_msg msg = {.id = 4242};
    CHECK_ERR(mk_call(port, &msg, mk_time_now() + MK_MSEC), MK_E_TIMED_OUT);
    CHECK_OK(mk_right_release(once_name(port)));
}

/* TRACE0120: a call is traced with its operation, its wait, the timer that ended it, and its error. */
static void TRACE0120(void **state)
{
    (void)state;
    run_kept(call_dead_server, NULL, 1024, &all);
    const struct mk_trace_event *call = find(&all, MK_TRACE_CALL, 0), *end = find(&all, MK_TRACE_CALL_END, 0);
    assert_true(call->c == 4242 && call->a == end->a && (int64_t)end->b == MK_E_TIMED_OUT && call < end);
    const struct mk_trace_event *block = find(&all, MK_TRACE_BLOCK, 0), *timer = find(&all, MK_TRACE_TIMER, 0);
    assert_true(block->a == 1 && block->b == MK_WAIT_REPLY && timer->a == 1 && block < timer && timer < end);
}

static void one_notice(void *arg)
{
    (void)arg;
    mk_name_t port = mkt_port(), to = mkt_port();
    CHECK_OK(mk_port_notify(port, MK_NOTIFY_DEAD_NAME, 0, to));
    CHECK_OK(mk_port_destroy(port));
}

/* TRACE0130: a notification is traced with the port told, the event and the port it is about. */
static void TRACE0130(void **state)
{
    (void)state;
    run_kept(one_notice, NULL, 1024, &all);
    const struct mk_trace_event *notice = find(&all, MK_TRACE_NOTIFY, 0);
    assert_true(notice->b == MK_NOTIFY_DEAD_NAME && notice->a == notice->c + 1);
}

/* TRACE0140: the number of switches in the trace is the number in the statistics, idle ones aside. */
static void TRACE0140(void **state)
{
    (void)state;
    struct scenario s;
    memset(&s, 0, sizeof(s));
    run_kept(scenario_main, &s, 65536, &all);
    unsigned n = 0;
    for (size_t i = 0; i < all.nr; i++)
        n += all.events[i].kind == MK_TRACE_SWITCH && all.events[i].a != 0;
    assert_int_equal(n, run_hashed(NULL, 0).stats.nr_switches);
}

/* TRACE0150: starting the trace again starts the count, the hash and the ring again. */
static void TRACE0150(void **state)
{
    (void)state;
    struct mkt t;
    struct mk_machine_stats stats;
    struct mk_trace_event event;
    mkt_begin(&t, NULL);
    assert_int_equal(mk_trace_start(t.machine, 16, NULL, NULL), MK_OK);
    mkt_spawn(&t, "test", one_notice, NULL, false);
    mkt_run_all(&t);
    assert_int_equal(mk_trace_start(t.machine, 16, NULL, NULL), MK_OK);
    assert_int_equal(mk_machine_stats(t.machine, &stats), MK_OK);
    assert_true(stats.nr_events == 0 && mk_trace_read(t.machine, &event, 1) == 0);
    mkt_finish(&t);
}

static void draw(void *arg)
{
    (void)arg;
    (void)mk_random();
}

/* TRACE0160: choices drawn from a seed are traced with their alternatives. */
static void TRACE0160(void **state)
{
    (void)state;
    struct mkt t;
    struct mk_trace_event events[64];
    const struct mk_machine_config config = {.seed = 3};
    mkt_begin(&t, &config);
    assert_int_equal(mk_trace_start(t.machine, 64, NULL, NULL), MK_OK);
    mkt_spawn(&t, "a", draw, NULL, false);
    mkt_spawn(&t, "b", draw, NULL, false);
    mkt_run_all(&t);
    size_t n = mk_trace_read(t.machine, events, 64);
    unsigned nr_choices = 0;
    for (size_t i = 0; i < n; i++)
        if (events[i].kind == MK_TRACE_CHOICE) {
            nr_choices++;
            assert_true(events[i].b >= 2 && events[i].c < events[i].b);
        }
    assert_int_equal(nr_choices, 3); /* which task runs first, and two numbers */
    mkt_finish(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(TRACE0010), cmocka_unit_test(TRACE0020), cmocka_unit_test(TRACE0030),
        cmocka_unit_test(TRACE0040), cmocka_unit_test(TRACE0050), cmocka_unit_test(TRACE0060),
        cmocka_unit_test(TRACE0070), cmocka_unit_test(TRACE0080), cmocka_unit_test(TRACE0090),
        cmocka_unit_test(TRACE0100), cmocka_unit_test(TRACE0110), cmocka_unit_test(TRACE0120),
        cmocka_unit_test(TRACE0130), cmocka_unit_test(TRACE0140), cmocka_unit_test(TRACE0150),
        cmocka_unit_test(TRACE0160),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
