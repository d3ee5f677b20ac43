/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From the machine's trace to what each thread did when.
 *
 * A thread comes into sight when it is made ready at its arrival, or later. From then on it is always in one state, and
 * spans of states follow each other without gaps. Turns on the CPU that take no time are none: of several things that
 * happen at the same instant the kernel does one after the other.
 */
#include "text.h"
#include "workload.h"

#include <mk/machine.h>
#include <mk/trace.h>

#include <stdlib.h>
#include <string.h>

struct sched_doing {
    enum sched_state state;
    mk_time_t since; /* of this state, with this priority */
    mk_time_t turn;  /* it has the CPU since then */
    uint8_t priority;
    bool is_seen, has_ended;
};

static void add_span(struct sched_trace *trace, const struct sched_span *span)
{
    struct sched_workload *workload = trace->workload;
    if (workload->nr_spans == SCHED_SPANS_MAX) {
        trace->is_full = true;
        return;
    }
    if ((workload->nr_spans & (workload->nr_spans - 1)) == 0)
        workload->spans =
            text_realloc(workload->spans, workload->nr_spans ? 2 * workload->nr_spans : 1, sizeof(*workload->spans));
    workload->spans[workload->nr_spans++] = *span;
}

/* A turn on the CPU began or went on. */
static void note_turn(struct sched_trace *trace, uint32_t row, const struct sched_span *span)
{
    struct sched_row *what = &trace->workload->rows[row];
    if (what->first_run < 0)
        what->first_run = span->start;
    what->nr_switches += trace->last != row;
    trace->last = row;
}

/* The thread's state ends at `now`; it goes on in another. */
static void change(struct sched_trace *trace, uint32_t row, enum sched_state state, mk_time_t now)
{
    struct sched_doing *doing = &trace->doing[row];
    const struct sched_span span = {doing->since, now, row, (uint8_t)doing->state, doing->priority};
    bool was_running = doing->state == SCHED_RUNNING;
    if (was_running && state == SCHED_READY && now == doing->turn) {
        doing->state = SCHED_READY; /* it was all the time */
        return;
    }
    if (now > doing->since) {
        trace->workload->rows[row].spent[doing->state] += now - doing->since;
        if (doing->state != SCHED_AWAY)
            add_span(trace, &span);
        if (was_running)
            note_turn(trace, row, &span);
    }
    trace->workload->rows[row].nr_preempted += was_running && state == SCHED_READY;
    if (!was_running)
        doing->turn = now;
    doing->state = state;
    doing->since = now;
}

/* The thread's row; NULL: it is not of the workload, or has not arrived. */
static struct sched_doing *find(const struct sched_trace *trace, uint64_t thread, mk_time_t now, uint32_t *rowp)
{
    uint64_t row = thread - trace->creator - 1;
    if (!trace->creator || thread <= trace->creator || row >= trace->workload->nr_rows)
        return NULL;
    *rowp = (uint32_t)row;
    return now >= trace->workload->rows[row].arrival ? &trace->doing[row] : NULL;
}

static void take_ready(struct sched_trace *trace, uint64_t thread, mk_time_t now)
{
    uint32_t row;
    struct sched_doing *doing = find(trace, thread, now, &row);
    if (!doing)
        return;
    if (!doing->is_seen) {
        doing->is_seen = true;
        doing->state = SCHED_READY;
        doing->since = trace->workload->rows[row].arrival;
    } else {
        change(trace, row, SCHED_READY, now);
    }
}

static void take_block(struct sched_trace *trace, const struct mk_trace_event *event, mk_time_t now)
{
    uint32_t row;
    const struct sched_doing *doing = find(trace, event->a, now, &row);
    if (!doing || !doing->is_seen)
        return;
    change(trace, row,
           event->b != MK_WAIT_SLEEP ? SCHED_WAITS_LOCK
           : trace->rests[row]       ? SCHED_AWAY
                                     : SCHED_IN_IO,
           now);
}

static void take_switch(struct sched_trace *trace, const struct mk_trace_event *event, mk_time_t now)
{
    uint32_t row;
    struct sched_doing *doing = find(trace, trace->running, now, &row);
    trace->running = event->a;
    if (doing && doing->is_seen && doing->state == SCHED_RUNNING)
        change(trace, row, SCHED_READY, now);
    doing = find(trace, event->a, now, &row);
    if (!doing || !doing->is_seen || doing->has_ended)
        return;
    doing->priority = (uint8_t)event->b;
    if (doing->state != SCHED_RUNNING)
        change(trace, row, SCHED_RUNNING, now);
}

/* A turn with another priority from now on is another span, but not another turn. */
static void take_priority(struct sched_trace *trace, const struct mk_trace_event *event, mk_time_t now)
{
    uint32_t row;
    struct sched_doing *doing = find(trace, event->a, now, &row);
    if (!doing)
        return;
    if (doing->is_seen && doing->state == SCHED_RUNNING && doing->priority != event->b)
        change(trace, row, SCHED_RUNNING, now);
    doing->priority = (uint8_t)event->b;
}

static void take_end(struct sched_trace *trace, uint64_t thread, mk_time_t now)
{
    uint32_t row;
    struct sched_doing *doing = find(trace, thread, now, &row);
    if (!doing || !doing->is_seen)
        return;
    change(trace, row, SCHED_AWAY, now);
    doing->has_ended = true;
    trace->workload->rows[row].end = now;
}

void sched_trace_take(struct sched_trace *trace, const struct mk_trace_event *event)
{
    mk_time_t now = event->when - trace->start;
    switch (event->kind) {
    case MK_TRACE_THREAD_CREATE:
        if (!trace->creator)
            trace->creator = event->a;
        break;
    case MK_TRACE_READY:
        take_ready(trace, event->a, now);
        break;
    case MK_TRACE_BLOCK:
        take_block(trace, event, now);
        break;
    case MK_TRACE_SWITCH:
        take_switch(trace, event, now);
        break;
    case MK_TRACE_PRIORITY:
        take_priority(trace, event, now);
        break;
    case MK_TRACE_THREAD_END:
        take_end(trace, event->a, now);
        break;
    default:
        break;
    }
}

void sched_trace_begin(struct sched_trace *trace)
{
    struct sched_workload *workload = trace->workload;
    size_t nr = workload->nr_rows;
    trace->rests = text_realloc(NULL, nr, sizeof(*trace->rests));
    memset(trace->rests, 0, nr * sizeof(*trace->rests));
    trace->doing = text_realloc(NULL, nr, sizeof(*trace->doing));
    memset(trace->doing, 0, nr * sizeof(*trace->doing));
    trace->last = UINT32_MAX;
    workload->nr_spans = 0;
    for (size_t i = 0; i < nr; i++) {
        struct sched_row *row = &workload->rows[i];
        memset(row->spent, 0, sizeof(row->spent));
        row->first_run = row->end = -1;
        row->nr_switches = row->nr_preempted = 0;
        row->nr_missed = 0;
    }
}

void sched_trace_end(struct sched_trace *trace)
{
    free(trace->rests);
    free(trace->doing);
}

void sched_totals(const struct sched_workload *workload, struct sched_totals *totals)
{
    *totals = (struct sched_totals){.first = MK_TIME_FOREVER};
    for (size_t i = 0; i < workload->nr_rows; i++) {
        const struct sched_row *row = &workload->rows[i];
        totals->response += (double)(row->first_run - row->arrival);
        totals->waiting += (double)row->spent[SCHED_READY];
        totals->turnaround += (double)(row->end - row->arrival);
        totals->busy += row->spent[SCHED_RUNNING];
        totals->nr_switches += row->nr_switches;
        totals->nr_preempted += row->nr_preempted;
        totals->nr_jobs += row->nr_jobs;
        totals->nr_missed += row->nr_missed;
        totals->first = row->arrival < totals->first ? row->arrival : totals->first;
        totals->last = row->end > totals->last ? row->end : totals->last;
    }
    totals->response /= (double)workload->nr_rows;
    totals->waiting /= (double)workload->nr_rows;
    totals->turnaround /= (double)workload->nr_rows;
}
