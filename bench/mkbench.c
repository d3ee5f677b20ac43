/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What things cost: the machine's operations beside the floors they stand on,
 * interleaved in one run, so that a drift of the host hits all alike. Library
 * calls go through the shared object, as a user makes them.
 */
#include <mk/mk.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench/floor.h"

#define NR_ROUNDS 31
#define NR_OPS    20000

struct row {
    const char *name;
    double (*measure)(void); /* ns per operation, one sample */
    double samples[NR_ROUNDS];
};

static double now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* ---- floors ---- */

static double floor_call(void)
{
    double start = now_ns();
    for (int i = 0; i < NR_OPS; i++)
        floor_function(i);
    return (now_ns() - start) / NR_OPS;
}

static double floor_switch(void)
{
    double start = now_ns();
    floor_switch_pairs(NR_OPS);
    return (now_ns() - start) / NR_OPS;
}

/* ---- a machine per sample ---- */

struct run {
    mk_name_t port; /* of the server's receive right, extracted by the client */
    uint64_t server_task;
    double ns;
    size_t size;
};

static void check(mk_err_t err, const char *what)
{
    if (err) {
        fprintf(stderr, "mkbench: %s: %s (%s)\n", what, mk_err_text(err), mk_err_name(err));
        exit(1);
    }
}

static void server(void *arg)
{
    static char body[65536];
    mk_name_t receive, machine;
    (void)arg;
    check(mk_task_get_special(mk_task_self(), MK_SPECIAL_MACHINE, &machine), "machine port");
    check(mk_bootstrap_claim(machine, &receive), "bootstrap port");
    struct mk_msg msg = {.body = body, .capacity = sizeof(body)};
    mk_err_t err = mk_receive(receive, &msg, MK_TIME_FOREVER);
    while (!err)
        err = mk_reply_receive(receive, &msg, MK_TIME_FOREVER);
    check(err, "server");
}

static void client(void *arg)
{
    static char body[65536];
    struct run *run = arg;
    mk_name_t send;
    check(mk_task_get_special(mk_task_self(), MK_SPECIAL_BOOTSTRAP, &send), "bootstrap port");
    struct mk_msg msg = {.body = body, .capacity = sizeof(body)};
    for (int i = 0; i < 100; i++) {
        msg.size = run->size;
        check(mk_call(send, &msg, MK_TIME_FOREVER), "call");
    }
    double start = now_ns();
    for (int i = 0; i < NR_OPS; i++) {
        msg.size = run->size;
        check(mk_call(send, &msg, MK_TIME_FOREVER), "call");
    }
    run->ns = (now_ns() - start) / NR_OPS;
}

static struct mk_machine *machine_create(void)
{
    const struct mk_machine_config config = {.quantum = 1000 * MK_SEC};
    struct mk_machine *machine;
    check(mk_machine_create(&config, &machine), "machine");
    return machine;
}

static double call_of(size_t size)
{
    struct run run = {.size = size};
    const struct mk_spawn spawns[] = {{.label = "server", .entry = server, .is_server = true},
                                      {.label = "client", .entry = client, .arg = &run}};
    struct mk_machine *machine = machine_create();
    for (int i = 0; i < 2; i++)
        check(mk_machine_spawn(machine, &spawns[i], NULL), "spawn");
    check(mk_machine_run(machine, NULL), "run");
    mk_machine_destroy(machine);
    return run.ns;
}

static double ipc_null_call(void)
{
    return call_of(32);
}

static double ipc_call_4096(void)
{
    return call_of(4096);
}

static void yielder(void *arg)
{
    double *ns = arg, start = now_ns();
    for (int i = 0; i < NR_OPS; i++)
        mk_thread_yield();
    *ns = (now_ns() - start) / NR_OPS;
}

/* A round trip between two threads that yield to each other. */
static double sched_yield_pair(void)
{
    double ns[2];
    struct mk_machine *machine = machine_create();
    for (int i = 0; i < 2; i++) {
        const struct mk_spawn spawn = {.entry = yielder, .arg = &ns[i]};
        check(mk_machine_spawn(machine, &spawn, NULL), "spawn");
    }
    check(mk_machine_run(machine, NULL), "run");
    mk_machine_destroy(machine);
    return ns[0];
}

static void nothing(void *arg)
{
    (void)arg;
}

static void spawner(void *arg)
{
    const struct mk_thread_attr attr = {.entry = nothing, .priority = MK_PRIO_DEFAULT + 1};
    mk_name_t self = mk_task_self();
    double *ns = arg;
    for (int i = 0; i < 100; i++)
        check(mk_thread_create(self, &attr, NULL), "thread");
    double start = now_ns();
    for (int i = 0; i < NR_OPS; i++)
        check(mk_thread_create(self, &attr, NULL), "thread");
    *ns = (now_ns() - start) / NR_OPS;
}

/* Create a stronger thread, which runs at once and exits. */
static double thread_spawn(void)
{
    double ns;
    struct mk_machine *machine = machine_create();
    const struct mk_spawn spawn = {.entry = spawner, .arg = &ns};
    check(mk_machine_spawn(machine, &spawn, NULL), "spawn");
    check(mk_machine_run(machine, NULL), "run");
    mk_machine_destroy(machine);
    return ns;
}

/* ---- rows ---- */

static struct row rows[] = {
    {.name = "floor.call", .measure = floor_call},        {.name = "floor.switch", .measure = floor_switch},
    {.name = "ipc.null_call", .measure = ipc_null_call},  {.name = "ipc.call.4096", .measure = ipc_call_4096},
    {.name = "sched.yield", .measure = sched_yield_pair}, {.name = "thread.spawn", .measure = thread_spawn},
};
#define NR_ROWS (sizeof(rows) / sizeof(rows[0]))

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int main(void)
{
    for (int round = 0; round < NR_ROUNDS; round++)
        for (size_t i = 0; i < NR_ROWS; i++)
            rows[i].samples[round] = rows[i].measure();
    printf("%-16s %10s %10s %10s %10s %14s\n", "ns, round trip", "min", "q1", "median", "q3", "to the switch");
    for (size_t i = 0; i < NR_ROWS; i++)
        qsort(rows[i].samples, NR_ROUNDS, sizeof(double), by_value);
    double unit = rows[1].samples[NR_ROUNDS / 2];
    for (size_t i = 0; i < NR_ROWS; i++) {
        const double *s = rows[i].samples;
        printf("%-16s %10.1f %10.1f %10.1f %10.1f %14.2f\n", rows[i].name, s[0], s[NR_ROUNDS / 4], s[NR_ROUNDS / 2],
               s[NR_ROUNDS * 3 / 4], s[NR_ROUNDS / 2] / unit);
    }
    return 0;
}
