/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Events against messages. What a signal costs that causes no switch is measured
 * on a crowd of weaker threads, each waiting at a port of its own: signal each
 * once, which is timed, then let all of them run and wait again. The weakest
 * thread of all tells when that is done.
 */
#include "bench/machine.h"

#define NR_WAITERS 256
#define PRIO_BOSS  MK_PRIO_DEFAULT
#define PRIO_LOW   16
#define PRIO_LAST  8

#define BY_MESSAGE 1

/* False: not supported, and said so. */
static bool event_new(struct run *run, mk_name_t *portp)
{
    mk_err_t err = mk_event_create(portp);
    if (err == MK_E_NOT_SUPPORTED) {
        run_absent(run, "the kernel has no events yet");
        return false;
    }
    check(err, "event");
    check(mk_right_make(*portp, MK_RIGHT_SEND, 0, NULL), "send right");
    return true;
}

static void signal_event(mk_name_t port)
{
    check(mk_event_signal(port, 1), "signal");
}

static void wait_event(mk_name_t port)
{
    uint64_t bits;
    check(mk_event_wait(port, &bits, MK_TIME_FOREVER), "wait");
}

/* As a signal: without a body. */
static void signal_message(mk_name_t port)
{
    struct mk_msg msg = {.id = 1};
    check(mk_send(port, &msg, MK_TIME_POLL), "send");
}

static void wait_message(mk_name_t port)
{
    struct mk_msg msg = {.id = 1};
    check(mk_receive(port, &msg, MK_TIME_FOREVER), "receive");
}

/* ---- a signal to a weaker thread ---- */

struct crowd {
    mk_name_t ports[NR_WAITERS];
    mk_name_t done;
};

static struct crowd crowd;

static void event_waiter(void *arg)
{
    const mk_name_t *port = arg;
    for (;;)
        wait_event(*port);
}

static void message_waiter(void *arg)
{
    const mk_name_t *port = arg;
    for (;;)
        wait_message(*port);
}

static void last_main(void *arg)
{
    (void)arg;
    for (;;)
        signal_message(crowd.done);
}

static void signal_all(bool is_message)
{
    if (is_message)
        for (unsigned i = 0; i < NR_WAITERS; i++)
            signal_message(crowd.ports[i]);
    else
        for (unsigned i = 0; i < NR_WAITERS; i++)
            signal_event(crowd.ports[i]);
}

static bool crowd_new(struct run *run, bool is_message)
{
    crowd.done = port_new();
    for (unsigned i = 0; i < NR_WAITERS; i++) {
        if (is_message)
            crowd.ports[i] = port_new();
        else if (!event_new(run, &crowd.ports[i]))
            return false;
        thread_new(mk_task_self(), is_message ? message_waiter : event_waiter, &crowd.ports[i], PRIO_LOW);
    }
    thread_new(mk_task_self(), last_main, NULL, PRIO_LAST);
    return true;
}

static void signal_lower(void *arg)
{
    struct run *run = arg;
    bool is_message = run->row->flags & BY_MESSAGE;
    uint64_t nr_groups = (run->nr + NR_WAITERS - 1) / NR_WAITERS, ticks = 0;
    double overhead = stamp_overhead();
    if (!crowd_new(run, is_message))
        return;
    for (uint64_t i = 0; i < nr_groups + 2; i++) {
        wait_message(crowd.done);
        uint64_t start = stamp();
        signal_all(is_message);
        if (i >= 2)
            ticks += stamp() - start;
    }
    run->nr = nr_groups * NR_WAITERS;
    run->total = stamp_ns((double)ticks - overhead * (double)nr_groups);
}

static void measure_lower(struct run *run)
{
    machine_run(run, NULL, signal_lower);
}

/* ---- a signal that nobody waits for ---- */

static void signal_pending(void *arg)
{
    struct run *run = arg;
    mk_name_t port;
    if (!event_new(run, &port))
        return;
    signal_event(port);
    meter_start(run);
    for (uint64_t i = 0; i < run->nr; i++)
        signal_event(port);
    meter_stop(run);
}

static void measure_pending(struct run *run)
{
    machine_run(run, NULL, signal_pending);
}

/* ---- there and back ---- */

static mk_name_t there, back;

static void event_partner(void *arg)
{
    (void)arg;
    for (;;) {
        wait_event(there);
        signal_event(back);
    }
}

static void message_partner(void *arg)
{
    (void)arg;
    for (;;) {
        wait_message(there);
        signal_message(back);
    }
}

static void round_trip(void *arg)
{
    struct run *run = arg;
    bool is_message = run->row->flags & BY_MESSAGE;
    if (is_message)
        there = port_new(), back = port_new();
    else if (!event_new(run, &there) || !event_new(run, &back))
        return;
    thread_new(mk_task_self(), is_message ? message_partner : event_partner, NULL, 0);
    for (uint64_t i = 0; i < NR_WARM_UPS + run->nr; i++) {
        if (i == NR_WARM_UPS)
            meter_start(run);
        if (is_message) {
            signal_message(there);
            wait_message(back);
        } else {
            signal_event(there);
            wait_event(back);
        }
    }
    meter_stop(run);
}

static void measure_round_trip(struct run *run)
{
    machine_run(run, NULL, round_trip);
}

/* ---- a signal to a stronger thread, which runs at once ---- */

static volatile uint64_t stamped;
static uint64_t ticks_higher;

static void higher(void *arg)
{
    (void)arg;
    for (;;) {
        wait_event(there);
        ticks_higher += stamp() - stamped;
    }
}

static void signal_higher(void *arg)
{
    struct run *run = arg;
    double overhead = stamp_overhead();
    if (!event_new(run, &there))
        return;
    thread_new(mk_task_self(), higher, NULL, PRIO_BOSS + 1);
    for (uint64_t i = 0; i < NR_WARM_UPS + run->nr; i++) {
        if (i == NR_WARM_UPS)
            ticks_higher = 0;
        stamped = stamp();
        signal_event(there);
    }
    run->total = stamp_ns((double)ticks_higher - overhead * (double)run->nr);
}

static void measure_higher(struct run *run)
{
    machine_run(run, NULL, signal_higher);
}

void event_rows(void)
{
    static const char lower[] = "one way: signal a weaker thread that waits; no switch";
    row_add(&(struct row){.measure = measure_lower, .is_optional = true, .what = lower}, "ipc.event_signal");
    row_add(&(struct row){.measure = measure_pending,
                          .is_optional = true,
                          .what = "one way: signal an event that nobody waits for"},
            "ipc.event_signal.pending");
    row_add(&(struct row){.measure = measure_round_trip,
                          .is_optional = true,
                          .what = "round trip: two threads signal each other"},
            "ipc.event_round_trip");
    row_add(&(struct row){.measure = measure_lower,
                          .is_optional = true,
                          .flags = BY_MESSAGE,
                          .what = "one way: send an empty message to a weaker thread that waits; no switch"},
            "ipc.message_signal");
    row_add(&(struct row){.measure = measure_round_trip,
                          .is_optional = true,
                          .flags = BY_MESSAGE,
                          .what = "round trip: two threads send each other empty messages"},
            "ipc.message_round_trip");
    row_add(&(struct row){.measure = measure_higher,
                          .is_optional = true,
                          .nr_runs = 110,
                          .nr_dropped = 10,
                          .what = "one way: signal a stronger thread that waits, until it runs"},
            "sel4.signal.higher");
    row_add(
        &(struct row){.measure = measure_lower, .is_optional = true, .nr_runs = 110, .nr_dropped = 10, .what = lower},
        "sel4.signal.lower");
}
