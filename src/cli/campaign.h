/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Campaigns of faults. Each fault is one run of the same machine with the same commands, with one thing going wrong at
 * one place; what comes out is compared with a run in which nothing does. A fault is its
 * number: kind and place are drawn from the seed and the number alone, so that each can be repeated.
 */
#ifndef CLI_CAMPAIGN_H
#define CLI_CAMPAIGN_H

#include <stdbool.h>
#include <stdint.h>

#include "setup.h"

/* What goes wrong at a kernel call of a task, of the pager or of another; the last three, at a message. */
enum fault_kind {
    FAULT_NULL,    /* it touches memory that is not there */
    FAULT_ARITH,   /* divides by zero */
    FAULT_ILLEGAL, /* runs an instruction that is none */
    FAULT_ABORT,
    FAULT_EXIT,
    FAULT_LOOP,   /* computes for ever */
    FAULT_HANG,   /* waits for ever */
    FAULT_DELAY,  /* waits for up to a second */
    FAULT_FLIP,   /* a bit of its memory changes */
    FAULT_ALLOC,  /* the next allocation of the kernel fails */
    FAULT_MEMORY, /* it takes memory until there is none */
    FAULT_ERROR,  /* the call is not made and returns an error */
    FAULT_RESULT, /* its answer is wrong: the status, the size or a number */
    FAULT_PAGER,  /* the pager is killed while pages are out */
    FAULT_TORN,   /* a page is written in part, and the pager is killed */
    FAULT_LOST,
    FAULT_TWICE,
    FAULT_CORRUPT, /* a bit of its body changes */
    FAULT_NR_KINDS,
};

struct fault_text {
    const char *name, *what;
};
extern const struct fault_text fault_texts[FAULT_NR_KINDS];

/* The place where a fault strikes. */
struct fault {
    uint64_t id;
    enum fault_kind kind;
    const char *target; /* label of the task; NULL: whichever sends the message */
    uint64_t at;        /* the call of that task, or the message of all, since the commands began; from 1 */
    uint64_t random;    /* for what is left open: which bit, how long */
};

#define CAMPAIGN_TASKS_MAX 32
#define OUTPUT_MAX         65536

/* What a run tells, in memory that it shares with the command. */
struct campaign_run {
    bool is_injected;
    bool is_finished; /* the machine was run to its end */
    bool is_audited;  /* and everything was accounted for */
    bool is_late;     /* it would not end */
    bool is_told;     /* the shell complained in the log */
    int32_t err;      /* of mk_machine_run */
    int32_t exit_code;
    uint32_t nr_crashes;                   /* lines of the log about tasks that ended by a fault */
    int64_t end;                           /* virtual time */
    uint64_t nr_calls[CAMPAIGN_TASKS_MAX]; /* of each target since the commands began */
    uint64_t nr_messages;
    uint64_t nr_pager_calls; /* of the pager, once pages are out */
    size_t output_size;
    char output[OUTPUT_MAX];
};

struct campaign {
    struct setup setup;
    const char *targets[CAMPAIGN_TASKS_MAX]; /* labels */
    size_t nr_targets;
    const char *shell; /* label of the task that runs the commands */
    const char *pager; /* label of the pager; NULL: none */
    struct campaign_run reference;
};

/* ---- which faults (campaign_plan.c) ---- */

struct campaign_plan {
    enum fault_kind kinds[FAULT_NR_KINDS];
    size_t nr_kinds;
    uint64_t seed;
};

/*
 * By their names, separated by commas; NULL: all but one, and those of the pager only if the run without a fault had it
 * work. False: no, with a line on standard error.
 */
bool campaign_plan_kinds(struct campaign_plan *plan, const struct campaign *campaign, const char *list);

struct fault campaign_plan_fault(const struct campaign *campaign, const struct campaign_plan *plan, uint64_t id);

/* ---- runs (campaign_run.c) ---- */

/* Once in a process, which from then on is for runs alone: its standard output is theirs. */
void campaign_run_prepare(struct campaign *campaign, bool is_shown);

/* The end of such a process. */
void campaign_run_finish(void) __attribute__((noreturn));

/*
 * Run the machine with this fault (NULL: none) and tell. The process ends when the machine cannot be made, and when the
 * run takes a minute.
 */
void campaign_run(const struct fault *fault, struct campaign_run *run);

/* ---- the thing that goes wrong (campaign_fault.c) ---- */

struct mk_probe_call;

/* On the thread that makes the call. True: it was done; *errp is what the probe returns. */
bool fault_act(const struct fault *fault, const struct mk_probe_call *call, int32_t *errp);

/* Does the kernel's next allocation fail? Set by fault_act, used up by the allocation. */
extern bool fault_no_memory;

/* That task's next write to a file of the host is done in part and ends it (campaign_tear.c); 0: nobody's. */
void fault_tear_next(uint64_t task, uint64_t random);
/* It was. */
extern bool fault_is_torn;

bool fault_pages_are_out(void);

static inline bool fault_is_of_pager(enum fault_kind kind)
{
    return kind == FAULT_PAGER || kind == FAULT_TORN;
}

#endif
