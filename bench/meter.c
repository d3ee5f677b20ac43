/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The clock, the time stamp counter, and the counter of instructions. The last
 * is had from perf_event_open for this thread in user mode; where the host gives
 * none (most virtual machines), rows simply lack it. Between two host threads
 * it would count half and slow down each switch, so it stays off there.
 */
#include <linux/perf_event.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "bench/bench.h"
#include "bench/stats.h"

static int counter = -1;
static double ns_per_tick;

double meter_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

double meter_cpu(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void counter_open(void)
{
    struct perf_event_attr attr;
    memset(&attr, 0, sizeof(attr));
    attr.type = PERF_TYPE_HARDWARE;
    attr.size = sizeof(attr);
    attr.config = PERF_COUNT_HW_INSTRUCTIONS;
    attr.disabled = 1;
    attr.exclude_kernel = 1;
    attr.exclude_hv = 1;
    counter = (int)syscall(SYS_perf_event_open, &attr, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
}

/* The counter's rate against the clock, over 20 ms. */
static void ticks_calibrate(void)
{
    double start = meter_now(), now;
    uint64_t first = stamp();
    do
        now = meter_now();
    while (now - start < 20e6);
    ns_per_tick = (now - start) / (double)(stamp() - first);
}

void meter_init(void)
{
    counter_open();
    ticks_calibrate();
}

bool meter_counts(void)
{
    return counter >= 0;
}

void meter_start(struct run *run)
{
    if (counter >= 0 && !run->row->is_uncounted) {
        ioctl(counter, PERF_EVENT_IOC_RESET, 0);
        ioctl(counter, PERF_EVENT_IOC_ENABLE, 0);
    }
    run->cpu = meter_cpu();
    run->start = meter_now();
}

void meter_stop(struct run *run)
{
    run->total = meter_now() - run->start;
    run->cpu = meter_cpu() - run->cpu;
    run->is_metered = true;
    if (counter < 0 || run->row->is_uncounted)
        return;
    uint64_t value = 0;
    ioctl(counter, PERF_EVENT_IOC_DISABLE, 0);
    if (read(counter, &value, sizeof(value)) == sizeof(value))
        run->instructions = (double)value;
}

double meter_clock_cost(void)
{
    enum { NR = 10000 };
    double start = meter_now();
    for (int i = 0; i < NR; i++)
        meter_now();
    return (meter_now() - start) / NR;
}

double stamp_ns(double ticks)
{
    return ticks * ns_per_tick;
}

double stamp_overhead(void)
{
    enum { NR = 255 };
    double ticks[NR];
    for (int i = 0; i < NR; i++) {
        uint64_t start = stamp();
        ticks[i] = (double)(stamp() - start);
    }
    return stats_of(ticks, NR).median; /* an interrupt would spoil a mean */
}
