/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files of the benchmark share: rows, runs, and the meter.
 *
 * A row is one line of the output. A run does `nr` operations of it, times them
 * as one batch and gives one sample: the total divided by nr. Rounds go through
 * all rows, so that a drift of the host hits all alike.
 */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct row;

struct run {
    const struct row *row;
    uint64_t nr;         /* operations to do */
    double total;        /* what they took altogether, in the row's unit */
    double instructions; /* that the batch took; 0: not counted */
    bool is_metered;
    double cpu;       /* ns of CPU time in the batch, where it is metered */
    double start;     /* the meter's */
    char absent[160]; /* set: the row cannot be had here, and why */
};

struct row {
    const char *name;
    const char *unit; /* NULL: ns */
    const char *what; /* one line; says whether it is one way or a round trip */
    void (*measure)(struct run *run);
    size_t size;         /* bytes, for rows that differ by it */
    unsigned count;      /* clients, servers, waiters, ... */
    unsigned flags;      /* the file's own */
    const char *program; /* of a peer: its worker */
    bool is_on_cpus;     /* it uses more CPUs than one */
    bool is_uncounted;   /* its instructions */
    bool is_untimed;     /* not a time is measured */
    unsigned nr_runs;    /* 0: one a round */
    unsigned nr_dropped; /* of the runs, the first */
    uint64_t nr_ops;     /* of a run; 0: as many as fill the batch's time */
    bool is_optional;    /* it may be absent: a run of one operation tells */
    const char *absent;  /* why it cannot be had; NULL: it can */

    /* results */
    bool is_chosen;
    double *values;
    size_t nr_values;
    unsigned nr_done;    /* runs */
    unsigned nr_retaken; /* runs that other programs disturbed */
    double *instructions;
};

/* ---- the list of rows ---- */

extern struct row *rows;
extern size_t nr_rows;

/* Append a copy; its name is made from the format. */
void row_add(const struct row *row, const char *name, ...) __attribute__((format(printf, 2, 3)));
struct row *row_lookup(const char *name); /* NULL: none */
static inline const char *row_unit(const struct row *row)
{
    return row->unit ? row->unit : "ns";
}

/* Each adds its file's rows. */
void floor_rows(void);
void vm_floor_rows(void);
void ipc_rows(void);
void payload_rows(void);
void queue_rows(void);
void event_rows(void);
void sched_rows(void);
void sel4_rows(void);
void crowd_rows(void);
void vm_rows(void);
void supervised_rows(void);
void host_rows(void);
void peer_rows(void);

/* ---- the meter: wall clock and, where there is one, the counter of instructions ---- */

void meter_init(void);
bool meter_counts(void); /* instructions */
double meter_now(void);  /* ns */
double meter_cpu(void);  /* ns of CPU time of this process */
void meter_start(struct run *run);
void meter_stop(struct run *run);
double meter_clock_cost(void); /* ns to read the clock */

/* Time stamps inside one batch, for what begins on one thread and ends on another. */
static inline uint64_t stamp(void)
{
    uint32_t low, high;
    __asm__ volatile("lfence; rdtsc; lfence" : "=a"(low), "=d"(high) : : "memory");
    return (uint64_t)high << 32 | low;
}
double stamp_ns(double ticks);

/* Ticks between two stamps with nothing in between: the empty loop that is subtracted. */
double stamp_overhead(void);

/* The compiler must think that all memory is read and written here. */
static inline void keep(const void *p)
{
    __asm__ volatile("" : : "r"(p) : "memory");
}

/* ---- ends ---- */

/* The row cannot be had here. */
void run_absent(struct run *run, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The measurement failed: a line on standard error, exit status 1. */
void fail(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

/* malloc and its kin; they fail() without memory. */
void *bench_alloc(size_t nr, size_t size);
char *bench_format(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
