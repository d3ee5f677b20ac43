/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scheduling workloads: how mk sched reads, runs and shows them.
 *
 * Times are in ns. Those of results are counted from the workload's time 0.
 */
#ifndef CLI_WORKLOAD_H
#define CLI_WORKLOAD_H

#include <mk/types.h>

#include <stdio.h>

#define SCHED_ROWS_MAX    1000
#define SCHED_PHASES_MAX  1000
#define SCHED_LOCKS_MAX   32
#define SCHED_JOBS_MAX    1000
#define SCHED_TICKETS_MAX 1000000
#define SCHED_NICE_MAX    20
#define SCHED_TIME_MAX    (100000 * MK_SEC)  /* one time */
#define SCHED_SUM_MAX     (1000000 * MK_SEC) /* all computing and I/O */
#define SCHED_SPANS_MAX   1000000

enum sched_column {
    SCHED_NAME,
    SCHED_ARRIVAL,
    SCHED_BURST,
    SCHED_PRIORITY,
    SCHED_TICKETS,
    SCHED_NICE,
    SCHED_PERIOD,
    SCHED_DEADLINE,
    SCHED_BUDGET,
    SCHED_JOBS,
    SCHED_NR_COLUMNS
};
extern const char *const sched_columns[SCHED_NR_COLUMNS + 1]; /* their names, ended by NULL */

enum sched_work { SCHED_COMPUTE, SCHED_IO, SCHED_LOCK, SCHED_UNLOCK };

struct sched_phase {
    enum sched_work work;
    mk_time_t ns;  /* SCHED_COMPUTE, SCHED_IO */
    uint32_t lock; /* SCHED_LOCK, SCHED_UNLOCK */
};

/* What a thread is doing. */
enum sched_state { SCHED_AWAY, SCHED_RUNNING, SCHED_READY, SCHED_IN_IO, SCHED_WAITS_LOCK, SCHED_NR_STATES };

struct sched_row {
    char name[MK_LABEL_MAX];
    unsigned line;
    mk_time_t arrival;
    int32_t priority;
    struct sched_phase *phases;
    size_t nr_phases;
    mk_time_t burst; /* all computing of one job */
    mk_time_t io;    /* all its I/O */
    uint32_t tickets;
    int32_t nice;
    mk_time_t period, deadline, budget; /* 0: not given */
    uint32_t nr_jobs;

    /* What came of it. */
    mk_time_t first_run, end;         /* -1: never */
    mk_time_t spent[SCHED_NR_STATES]; /* ns in each state */
    uint64_t nr_switches;             /* times it got the CPU */
    uint64_t nr_preempted;            /* times it lost it though it had not done */
    uint32_t nr_missed;               /* jobs that were done after their deadline */
};

/* What a thread did from `start` to `end`. */
struct sched_span {
    mk_time_t start, end;
    uint32_t row;
    uint8_t state; /* enum sched_state */
    uint8_t priority;
};

struct sched_workload {
    const char *path; /* for messages */
    unsigned nr_errors;
    bool has[SCHED_NR_COLUMNS]; /* columns that were there */
    struct sched_row *rows;
    size_t nr_rows;
    char **locks; /* names */
    size_t nr_locks;

    struct sched_span *spans; /* in order of their ends */
    size_t nr_spans;
};

struct sched_setup {
    const char *policy;
    mk_time_t quantum; /* 0: nothing rotates */
    uint64_t seed;     /* of the machine's random numbers */
    bool has_costs;    /* the built-in table; else nothing takes time but computing */
    bool no_lending;   /* who waits for a lock lends no priority */
};

/* Averages over all threads, and what the machine did. */
struct sched_totals {
    double response, waiting, turnaround; /* ns */
    mk_time_t first, last;                /* first arrival, last end */
    mk_time_t busy;
    uint64_t nr_switches, nr_preempted, nr_jobs, nr_missed;
};

/* ---- in ---- */

/* A time: a number with ns, us, ms or s behind it, without ms. NULL, or what is wrong, to be freed. */
char *sched_parse_time(const char *text, mk_time_t *timep);

/* Is it a name of a thread or a lock? */
bool sched_is_name(const char *text);

/* A burst: phases with blanks between them. NULL, or what is wrong, to be freed. */
char *sched_parse_burst(struct sched_workload *workload, struct sched_row *row, char *text);

/* Report FILE:LINE: on standard error; after ten of them no more. */
void sched_error(struct sched_workload *workload, unsigned line, const char *format, ...) MK_PRINTF(3, 4);

/* Read a file, "-": standard input. False after reports on standard error. */
bool sched_read(struct sched_workload *workload, const char *path);

/* Parse a text of `size` bytes and a NUL, which is changed. False after reports. */
bool sched_parse(struct sched_workload *workload, char *text, size_t size);

void sched_free(struct sched_workload *workload);

/* ---- exercises ---- */

struct sched_exercise {
    uint64_t seed;
    uint32_t nr_jobs;
    mk_time_t max_arrival, max_burst;
    bool has_io;
};

/* The CSV text of an exercise for this policy; to be freed. */
char *sched_make(const struct sched_exercise *exercise, const char *policy);

/* ---- the run ---- */

/* Run it. An exit status; other than EXIT_FINE after a report on standard error. It can be run again. */
int sched_run(struct sched_workload *workload, const struct sched_setup *setup);

/* Collects what the kernel does, for the time from `start` on. */
struct sched_trace {
    struct sched_workload *workload;
    mk_time_t start;
    uint64_t creator;          /* number of the thread that makes the others */
    uint64_t running;          /* number of the thread that has the CPU; 0: none */
    uint32_t last;             /* row that ran last, for longer than no time */
    bool *rests;               /* of each row: its sleep is no I/O */
    bool is_full;              /* there are too many spans */
    struct sched_doing *doing; /* of each row */
};
void sched_trace_begin(struct sched_trace *trace);
struct mk_trace_event;
void sched_trace_take(struct sched_trace *trace, const struct mk_trace_event *event);
void sched_trace_end(struct sched_trace *trace);

void sched_totals(const struct sched_workload *workload, struct sched_totals *totals);

/* ---- out ---- */

void sched_print_table(const struct sched_workload *workload, const struct sched_setup *setup);
void sched_print_gantt(const struct sched_workload *workload);
void sched_print_json(const struct sched_workload *workload, const struct sched_setup *setup);
/* False after a report. */
bool sched_write_svg(const struct sched_workload *workload, const struct sched_setup *setup, const char *path);

/* The line of one of several policies: the first call prints the head, too. */
void sched_print_comparison(const char *policy, const struct sched_totals *totals, bool is_first);

/* Milliseconds without zeros at the end, and with at most `places` places; to be freed. */
char *sched_ms(double ns, int places);

/* "rr, quantum 4 ms"; to be freed. */
char *sched_title(const struct sched_setup *setup);

/* The smallest of 1, 2, 5, 10, 20, 50 ... ns of which at most `max` fill `span`. */
mk_time_t sched_step(mk_time_t span, mk_time_t max);

/* The least common multiple of two times that are not 0, or `max` if it is more. */
mk_time_t sched_common(mk_time_t a, mk_time_t b, mk_time_t max);

#endif
