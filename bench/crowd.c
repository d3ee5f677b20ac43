/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Size: a null call while 100,000 threads and 1,000,000 ports are alive in the
 * client's own task, and what ports and threads take. The crowded machine is made
 * at the row's first run and kept; each run lets it go on for one batch.
 */
#include <stdio.h>
#include <unistd.h>

#include "bench/machine.h"

#define NR_PORTS   1000000u
#define NR_THREADS 100000u

enum {
    THREADS = 1, /* else ports */
    RESIDENT = 2 /* the growth of the process, else what the kernel counts */
};

/* Waits for ever at the port. */
static void member(void *arg)
{
    struct mk_msg msg = {.id = 0};
    check(mk_receive((mk_name_t)(uintptr_t)arg, &msg, MK_TIME_FOREVER), "receive");
}

/* A stronger thread: it waits already when this returns. */
static void member_new(mk_name_t port)
{
    thread_new(mk_task_self(), member, (void *)(uintptr_t)port, MK_PRIO_DEFAULT + 1);
}

static struct run *current;

static void client(void *arg)
{
    static struct echo echo;
    (void)arg;
    for (unsigned i = 0; i < NR_PORTS; i++) {
        mk_name_t port = port_new();
        if (i < NR_THREADS)
            member_new(port);
    }
    mk_name_t port = port_new(), task = task_new("server");
    echo = (struct echo){.receive = receive_to(task, port), .body = body_server};
    thread_new(task, echo_main, &echo, 0);
    struct mk_msg msg = {.body = body_client, .capacity = BODY_SIZE};
    for (;; halt())
        for (uint64_t i = 0; i <= NR_WARM_UPS + current->nr; i++) {
            if (i == NR_WARM_UPS)
                meter_start(current);
            if (i == NR_WARM_UPS + current->nr) {
                meter_stop(current);
                break;
            }
            msg.size = current->row->size;
            check(mk_call(port, &msg, MK_TIME_FOREVER), "call");
        }
}

static void measure_crowded(struct run *run)
{
    static struct mk_machine *machine;
    if (!machine) {
        machine = machine_create(run, NULL);
        if (!machine)
            return;
        machine_spawn(machine, client, NULL);
    }
    current = run;
    machine_go(machine);
}

/* ---- memory ---- */

static double resident(void)
{
    unsigned long size = 0, pages = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (!file)
        return 0;
    int n = fscanf(file, "%lu %lu", &size, &pages);
    fclose(file);
    return n == 2 ? (double)pages * (double)sysconf(_SC_PAGESIZE) : 0;
}

static double memory_now(const struct run *run)
{
    struct mk_machine_stats stats;
    if (run->row->flags & RESIDENT)
        return resident();
    check(mk_machine_stats(NULL, &stats), "stats");
    return (double)stats.kernel_memory;
}

static void grow(void *arg)
{
    struct run *run = arg;
    mk_name_t port = port_new();
    double before = memory_now(run);
    for (uint64_t i = 0; i < run->nr; i++)
        if (run->row->flags & THREADS)
            member_new(port);
        else
            port_new();
    run->total = memory_now(run) - before;
}

static void measure_memory(struct run *run)
{
    machine_run(run, NULL, grow);
}

void crowd_rows(void)
{
    static const char *const hows[] = {"the kernel's own count", "growth of the process's resident memory"};
    row_add(&(struct row){.measure = measure_crowded,
                          .size = 32,
                          .what = "round trip: the null call with 100,000 threads and 1,000,000 ports alive"},
            "ipc.null_call.crowded");
    for (unsigned flags = 0; flags < 4; flags++)
        row_add(&(struct row){.measure = measure_memory,
                              .unit = "bytes",
                              .flags = flags,
                              .is_untimed = true,
                              .nr_runs = 4,
                              .nr_dropped = 1,
                              .nr_ops = flags & THREADS ? 5000 : NR_PORTS,
                              .what = bench_format("memory of one %s: %s",
                                                   flags & THREADS ? "thread that waits" : "port with one send right",
                                                   hows[flags >> 1])},
                "memory.%s.%s", flags & THREADS ? "thread" : "port", flags & RESIDENT ? "resident" : "kernel");
}
