/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What happened to the Mars Pathfinder in July 1997 (G. Reeves, "What really happened on Mars?", 1997), with a server
 * in the place of the mutex. The information bus is used by everybody, one at a time: by the weak meteorological task
 * now and then, and by the strong bus manager in each cycle of 125 ms. A task of middle strength, communications,
 * computes for long. When the bus manager has not finished its cycle, a watchdog resets the spacecraft.
 *
 * Without priority inheritance the bus, at work for the weak task, waits for the middle one, and the strong one with it.
 * The cure was to turn the inheritance on, from the ground. Here callers lend their priority to servers unless a
 * machine is told otherwise.
 */
#include "example.h"

#define CYCLE (125 * MK_MSEC)

static mk_name_t bus_port, watchdog_port;

static int now_ms(void)
{
    return (int)(mk_time_now() / MK_MSEC);
}

/* It works for whom it serves: at their priority, or as weak as it is itself. */
static void bus(void *arg)
{
    struct mk_msg msg = {.capacity = 0};
    (void)arg;
    mk_err_t err = mk_receive(bus_port, &msg, MK_TIME_FOREVER);
    while (!err) {
        OK(mk_time_spend(msg.id * MK_MSEC));
        err = mk_reply_receive(bus_port, &msg, MK_TIME_FOREVER);
    }
}

static void use_bus(unsigned ms)
{
    struct mk_msg msg = {.id = ms};
    OK(mk_call(bus_port, &msg, MK_TIME_FOREVER));
}

static void meteo(void *arg)
{
    (void)arg;
    for (;;) {
        use_bus(10);
        OK(mk_time_sleep(mk_time_now() + CYCLE / 2));
    }
}

static void communications(void *arg)
{
    (void)arg;
    OK(mk_time_sleep(2 * CYCLE + 65 * MK_MSEC));
    mk_log("%3d ms: communications compute for 200 ms", now_ms());
    OK(mk_time_spend(200 * MK_MSEC));
    mk_log("%3d ms: communications are done", now_ms());
}

static void bus_manager(void *arg)
{
    (void)arg;
    for (mk_time_t cycle = CYCLE; cycle <= 4 * CYCLE; cycle += CYCLE) {
        struct mk_msg done = {.id = (uint32_t)(cycle / CYCLE)};
        OK(mk_time_sleep(cycle - 55 * MK_MSEC));
        use_bus(20);
        OK(mk_send(watchdog_port, &done, MK_TIME_FOREVER));
    }
}

/* The strongest. It wants to hear from the bus manager before each cycle ends. */
static void watchdog(void *arg)
{
    (void)arg;
    for (mk_time_t cycle = CYCLE; cycle <= 4 * CYCLE; cycle += CYCLE) {
        struct mk_msg msg = {.capacity = 0};
        if (mk_receive(watchdog_port, &msg, cycle) == MK_E_TIMED_OUT) {
            mk_log("%3d ms: the bus manager is late: RESET", now_ms());
            mk_task_exit(0);
        }
        mk_log("%3d ms: cycle %u is done in time", now_ms(), msg.id);
        OK(mk_time_sleep(cycle));
    }
    mk_task_exit(0);
}

static void start(const char *label, void (*entry)(void *), int priority)
{
    const struct mk_thread_attr attr = {.entry = entry, .label = label, .priority = priority};
    OK(mk_thread_create(mk_task_self(), &attr, NULL));
}

static void spacecraft(void *arg)
{
    (void)arg;
    bus_port = example_port();
    watchdog_port = example_port();
    start("bus", bus, 5);
    start("watchdog", watchdog, 50);
    start("bus manager", bus_manager, 40);
    start("comms", communications, 20);
    start("meteo", meteo, 10);
}

int main(void)
{
    const struct mk_spawn spawn = {.label = "pathfinder", .entry = spacecraft, .priority = MK_PRIO_MAX};
    for (int is_cured = 0; is_cured < 2; is_cured++) {
        const struct mk_machine_config config = {.no_lending = !is_cured};
        printf("priority inheritance %s\n", is_cured ? "on" : "off");
        fflush(stdout);
        if (example_run_with(config, &spawn, 1) != 0)
            return 1;
    }
    return 0;
}
