/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The rows of sel4bench: one way, from a time stamp before the operation to one
 * on the other side. What two stamps with nothing in between show (the empty
 * loop) is subtracted. Calls: 16 runs; interrupts: 110, the first 10 dropped;
 * synchronisation with 25 waiters: 55, the first 5 dropped.
 */
#include "bench/machine.h"
#include "bench/vm_pager.h"

enum {
    SAME_TASK = 1,
    OF_REPLY = 2, /* the way back is timed, not the way there */
};

#define NR_WAITERS 25
#define SLICE      (10 * MK_USEC)

static volatile uint64_t stamped;
static uint64_t ticks;

/* To be called at the end of what is timed. */
static void arrived(void)
{
    ticks += stamp() - stamped;
}

static void finish(struct run *run, double overhead)
{
    run->total = stamp_ns((double)ticks - overhead * (double)run->nr);
}

/* ---- call and reply_recv ---- */

struct party {
    mk_name_t receive;
    bool is_of_reply;
};

static void server(void *arg)
{
    const struct party *party = arg;
    struct mk_msg msg = {.body = body_server, .capacity = BODY_SIZE};
    mk_err_t err = mk_receive(party->receive, &msg, MK_TIME_FOREVER);
    while (!err) {
        if (party->is_of_reply)
            stamped = stamp();
        else
            arrived();
        err = mk_reply_receive(party->receive, &msg, MK_TIME_FOREVER);
    }
    check(err, "server");
}

static void client(void *arg)
{
    struct run *run = arg;
    static struct party party;
    bool is_same = run->row->flags & SAME_TASK;
    double overhead = stamp_overhead();
    mk_name_t port = port_new(), task = is_same ? mk_task_self() : task_new("server");
    party.receive = is_same ? port : receive_to(task, port);
    party.is_of_reply = run->row->flags & OF_REPLY;
    thread_new(task, server, &party, 0);
    struct mk_msg msg = {.body = body_client, .capacity = BODY_SIZE};
    for (uint64_t i = 0; i < NR_WARM_UPS + run->nr; i++) {
        if (i == NR_WARM_UPS)
            ticks = 0;
        msg.size = run->row->size;
        if (!party.is_of_reply)
            stamped = stamp();
        check(mk_call(port, &msg, MK_TIME_FOREVER), "call");
        if (party.is_of_reply)
            arrived();
    }
    finish(run, overhead);
}

static void measure_call(struct run *run)
{
    machine_run(run, NULL, client);
}

/* ---- the slow path: through the queue and the scheduler ---- */

static void slow_server(void *arg)
{
    const struct party *party = arg;
    struct mk_msg msg = {.body = body_server, .capacity = BODY_SIZE};
    for (;;) {
        check(mk_receive(party->receive, &msg, MK_TIME_FOREVER), "receive");
        arrived();
        check(mk_reply(&msg), "reply");
    }
}

static void slow_client(void *arg)
{
    struct run *run = arg;
    static struct party party;
    double overhead = stamp_overhead();
    mk_name_t port = port_new(), answers = port_new(), task = task_new("server");
    party.receive = receive_to(task, port);
    thread_new(task, slow_server, &party, 0);
    struct mk_msg msg = {.body = body_client, .capacity = BODY_SIZE};
    for (uint64_t i = 0; i < NR_WARM_UPS + run->nr; i++) {
        if (i == NR_WARM_UPS)
            ticks = 0;
        msg.size = run->row->size;
        msg.reply = answers;
        stamped = stamp();
        check(mk_send(port, &msg, MK_TIME_FOREVER), "send");
        check(mk_receive(answers, &msg, MK_TIME_FOREVER), "receive");
    }
    finish(run, overhead);
}

static void measure_slow(struct run *run)
{
    machine_run(run, NULL, slow_client);
}

/* ---- the cheapest kernel call that is one ---- */

static void null_caller(void *arg)
{
    struct run *run = arg;
    mk_name_t port = port_new();
    struct mk_right_info info;
    meter_start(run);
    for (uint64_t i = 0; i < run->nr; i++) {
        check(mk_right_info(port, &info), "info");
        keep(&info);
    }
    meter_stop(run);
}

static void measure_null(struct run *run)
{
    machine_run(run, NULL, null_caller);
}

/* ---- an interrupt: the timer of the virtual clock fires while a weaker thread computes ---- */

static void handler(void *arg)
{
    (void)arg;
    for (;;) {
        check(mk_time_sleep(mk_time_now() + SLICE / 2), "sleep");
        arrived();
    }
}

static void computer(void *arg)
{
    struct run *run = arg;
    double overhead = stamp_overhead();
    thread_new(mk_task_self(), handler, NULL, MK_PRIO_DEFAULT + 1);
    for (uint64_t i = 0; i < NR_WARM_UPS + run->nr; i++) {
        if (i == NR_WARM_UPS)
            ticks = 0;
        stamped = stamp();
        check(mk_time_spend(SLICE), "spend");
    }
    finish(run, overhead);
}

static void measure_irq(struct run *run)
{
    machine_run(run, NULL, computer);
}

/* ---- page faults, with a pager as the handler ---- */

static void faulter(void *arg)
{
    struct run *run = arg;
    static struct vm_pager pager;
    bool is_round_trip = run->row->flags & OF_REPLY;
    double overhead = stamp_overhead();
    size_t most = NR_SEQUENCE - 1;
    pager = (struct vm_pager){.asked = is_round_trip ? NULL : arrived};
    vm_pager_start(&pager, NR_SEQUENCE * PAGE);
    for (uint64_t i = 0; i <= run->nr; i++) {
        if (i % most == 0)
            vm_pager_flush(&pager);
        if (i == 1)
            ticks = 0;
        stamped = stamp();
        ((volatile char *)pager.pages)[(most - i % most) * PAGE] = 1;
        if (is_round_trip)
            arrived();
    }
    finish(run, overhead);
}

static void measure_fault(struct run *run)
{
    machine_run(run, NULL, faulter);
}

/* ---- synchronisation; a condition is a port, waiting for it a receive, signalling it an empty message ---- */

static mk_name_t condition, answer;
static unsigned nr_awake;

static void signal_condition(mk_name_t port)
{
    struct mk_msg msg = {.id = 1};
    check(mk_send(port, &msg, MK_TIME_FOREVER), "send");
}

static void wait_condition(mk_name_t port)
{
    struct mk_msg msg = {.id = 1};
    check(mk_receive(port, &msg, MK_TIME_FOREVER), "receive");
}

static void waiter(void *arg)
{
    (void)arg;
    for (;;) {
        wait_condition(condition);
        if (++nr_awake % NR_WAITERS == 0)
            arrived();
    }
}

static void broadcaster(void *arg)
{
    struct run *run = arg;
    double overhead = stamp_overhead();
    condition = port_new();
    for (int i = 0; i < NR_WAITERS; i++)
        thread_new(mk_task_self(), waiter, NULL, 0);
    mk_thread_yield();
    for (uint64_t i = 0; i < NR_WARM_UPS + run->nr; i++) {
        if (i == NR_WARM_UPS)
            ticks = 0;
        stamped = stamp();
        for (int n = 0; n < NR_WAITERS; n++)
            signal_condition(condition);
        mk_thread_yield();
    }
    finish(run, overhead);
}

static void measure_broadcast(struct run *run)
{
    machine_run(run, NULL, broadcaster);
}

static void consumer(void *arg)
{
    (void)arg;
    for (;;) {
        wait_condition(condition);
        arrived();
        signal_condition(answer);
    }
}

static void producer(void *arg)
{
    struct run *run = arg;
    double overhead = stamp_overhead();
    condition = port_new();
    answer = port_new();
    thread_new(mk_task_self(), consumer, NULL, 0);
    mk_thread_yield();
    for (uint64_t i = 0; i < NR_WARM_UPS + run->nr; i++) {
        if (i == NR_WARM_UPS)
            ticks = 0;
        stamped = stamp();
        signal_condition(condition);
        wait_condition(answer);
    }
    finish(run, overhead);
}

static void measure_producer(struct run *run)
{
    machine_run(run, NULL, producer);
}

static void add_calls(void)
{
    static const struct {
        size_t words;
        unsigned flags;
        const char *suffix;
    } kinds[] = {{0, 0, ""}, {10, 0, ".10"}, {0, SAME_TASK, ".same_task"}, {10, SAME_TASK, ".same_task.10"}};
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        struct row row = {.measure = measure_call, .size = kinds[i].words * 8, .nr_runs = 16};
        const char *where = kinds[i].flags & SAME_TASK ? "in the same task" : "in another task";
        row.flags = kinds[i].flags;
        row.what = bench_format("one way: mk_call of %zu words until the server runs, %s", kinds[i].words, where);
        row_add(&row, "sel4.call%s", kinds[i].suffix);
        row.flags |= OF_REPLY;
        row.what =
            bench_format("one way: mk_reply_receive of %zu words until the client runs, %s", kinds[i].words, where);
        row_add(&row, "sel4.reply_recv%s", kinds[i].suffix);
    }
}

void sel4_rows(void)
{
    add_calls();
    row_add(&(struct row){.measure = measure_slow,
                          .nr_runs = 16,
                          .what = "one way: the slow path, mk_send and mk_receive through queue and scheduler"},
            "sel4.call.slow");
    row_add(&(struct row){.measure = measure_null, .nr_runs = 110, .nr_dropped = 10, .what = "one mk_right_info"},
            "sel4.null_call");
    row_add(
        &(struct row){.measure = measure_irq,
                      .nr_runs = 110,
                      .nr_dropped = 10,
                      .what = "one way: a timer of the virtual clock fires, until the thread that waits for it runs"},
        "sel4.irq");
    row_add(&(struct row){.measure = measure_fault,
                          .nr_runs = 110,
                          .nr_dropped = 10,
                          .what = "one way: a page is touched that is not there, until its pager is asked for it"},
            "sel4.fault");
    row_add(&(struct row){.measure = measure_fault,
                          .flags = OF_REPLY,
                          .nr_runs = 110,
                          .nr_dropped = 10,
                          .what = "round trip: the same, until the page is there and was touched"},
            "sel4.fault.round_trip");
    row_add(&(struct row){.measure = measure_broadcast,
                          .nr_runs = 55,
                          .nr_dropped = 5,
                          .what = "one way: wake 25 threads that wait for a condition, until the last runs"},
            "sel4.sync.broadcast");
    row_add(&(struct row){.measure = measure_producer,
                          .nr_runs = 55,
                          .nr_dropped = 5,
                          .what = "one way: a producer signals a condition, until the consumer runs"},
            "sel4.sync.producer_consumer");
}
