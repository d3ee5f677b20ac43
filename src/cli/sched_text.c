/* SPDX-License-Identifier: BSD-2-Clause */
/* What came of a scheduling workload, as a table and as JSON. */
#include "text.h"
#include "workload.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

char *sched_ms(double ns, int places)
{
    char *text = text_format("%.*f", places, ns / (double)MK_MSEC);
    char *point = strchr(text, '.');
    if (point) {
        size_t n = strlen(text);
        while (text[n - 1] == '0')
            text[--n] = '\0';
        if (text[n - 1] == '.')
            text[n - 1] = '\0';
    }
    return text;
}

static const char *plural(uint64_t n)
{
    return n == 1 ? "" : "s";
}

char *sched_title(const struct sched_setup *setup)
{
    if (!setup->quantum)
        return text_dup(setup->policy);
    char *quantum = sched_ms((double)setup->quantum, 6);
    char *title = text_format("%s, quantum %s ms", setup->policy, quantum);
    free(quantum);
    return title;
}

/* ---- tables ---- */

/* Cells that are aligned to the right, but for the first column; each cell is to be freed. */
#define COLUMNS_MAX 20

struct table {
    size_t nr_columns, nr_cells;
    char **cells;
};

static void add(struct table *table, char *cell)
{
    table->cells = text_realloc(table->cells, table->nr_cells + 1, sizeof(*table->cells));
    table->cells[table->nr_cells++] = cell;
}

static void add_ms(struct table *table, double ns, int places)
{
    add(table, sched_ms(ns, places));
}

static void add_count(struct table *table, uint64_t n)
{
    add(table, text_format("%llu", (unsigned long long)n));
}

/* Print the cells, and begin anew. No line ends in blanks. */
static void print_cells(struct table *table)
{
    int widths[COLUMNS_MAX] = {0}, nr_blanks = 0;
    for (size_t i = 0; i < table->nr_cells; i++) {
        int width = (int)strlen(table->cells[i]), *widest = &widths[i % table->nr_columns];
        *widest = width > *widest ? width : *widest;
    }
    for (size_t i = 0; i < table->nr_cells; i++) {
        size_t column = i % table->nr_columns;
        int blanks = widths[column] - (int)strlen(table->cells[i]);
        nr_blanks += column ? 2 + blanks : 0;
        if (*table->cells[i]) {
            printf("%*s%s", nr_blanks, "", table->cells[i]);
            nr_blanks = column ? 0 : blanks;
        }
        if (column + 1 == table->nr_columns) {
            putchar('\n');
            nr_blanks = 0;
        }
        free(table->cells[i]);
    }
    free(table->cells);
    *table = (struct table){0};
}

/* ---- the table of threads ---- */

enum field {
    FIELD_NAME,
    FIELD_ARRIVAL,
    FIELD_BURST,
    FIELD_PRIORITY,
    FIELD_TICKETS,
    FIELD_NICE,
    FIELD_PERIOD,
    FIELD_JOBS,
    FIELD_FIRST,
    FIELD_END,
    FIELD_RESPONSE,
    FIELD_WAITING,
    FIELD_TURNAROUND,
    FIELD_IO,
    FIELD_LOCK,
    FIELD_SWITCHES,
    FIELD_PREEMPTED,
    FIELD_MISSED,
    NR_FIELDS
};

static const char *const heads[NR_FIELDS] = {"thread",     "arrival", "burst",  "priority", "tickets",   "nice",
                                             "period",     "jobs",    "starts", "ends",     "response",  "waiting",
                                             "turnaround", "i/o",     "locks",  "switches", "preempted", "missed"};

/* Fields that tell something about this workload. */
static void choose_fields(const struct sched_workload *workload, bool shown[NR_FIELDS])
{
    const bool *has = workload->has;
    for (int i = 0; i < NR_FIELDS; i++)
        shown[i] = true;
    shown[FIELD_TICKETS] = has[SCHED_TICKETS];
    shown[FIELD_NICE] = has[SCHED_NICE];
    shown[FIELD_PRIORITY] = has[SCHED_PRIORITY];
    shown[FIELD_PERIOD] = shown[FIELD_JOBS] = shown[FIELD_MISSED] = has[SCHED_PERIOD];
    shown[FIELD_IO] = shown[FIELD_LOCK] = false;
    for (size_t i = 0; i < workload->nr_rows; i++)
        shown[FIELD_IO] |= workload->rows[i].io > 0;
    shown[FIELD_LOCK] = workload->nr_locks > 0;
}

static void add_given(struct table *table, const struct sched_row *row, enum field field)
{
    switch (field) {
    case FIELD_NAME:
        add(table, text_dup(row->name));
        break;
    case FIELD_ARRIVAL:
        add_ms(table, (double)row->arrival, 6);
        break;
    case FIELD_BURST:
        add_ms(table, (double)row->burst, 6);
        break;
    case FIELD_PRIORITY:
        add(table, text_format("%d", row->priority));
        break;
    case FIELD_TICKETS:
        add(table, row->tickets ? text_format("%u", row->tickets) : text_dup("-"));
        break;
    case FIELD_NICE:
        add(table, text_format("%d", row->nice));
        break;
    case FIELD_PERIOD:
        add(table, row->period ? sched_ms((double)row->period, 6) : text_dup("-"));
        break;
    default:
        add_count(table, row->nr_jobs);
        break;
    }
}

static void add_result(struct table *table, const struct sched_row *row, enum field field)
{
    const mk_time_t times[NR_FIELDS] = {
        [FIELD_FIRST] = row->first_run,
        [FIELD_END] = row->end,
        [FIELD_RESPONSE] = row->first_run - row->arrival,
        [FIELD_WAITING] = row->spent[SCHED_READY],
        [FIELD_TURNAROUND] = row->end - row->arrival,
        [FIELD_IO] = row->spent[SCHED_IN_IO],
        [FIELD_LOCK] = row->spent[SCHED_WAITS_LOCK],
    };
    if (field == FIELD_SWITCHES)
        add_count(table, row->nr_switches);
    else if (field == FIELD_PREEMPTED)
        add_count(table, row->nr_preempted);
    else if (field == FIELD_MISSED)
        add_count(table, row->nr_missed);
    else
        add_ms(table, (double)times[field], 6);
}

static void add_average(struct table *table, const struct sched_totals *totals, enum field field)
{
    if (field == FIELD_NAME)
        add(table, text_dup("average"));
    else if (field == FIELD_RESPONSE)
        add_ms(table, totals->response, 3);
    else if (field == FIELD_WAITING)
        add_ms(table, totals->waiting, 3);
    else if (field == FIELD_TURNAROUND)
        add_ms(table, totals->turnaround, 3);
    else
        add(table, text_dup(""));
}

static void print_threads(const struct sched_workload *workload, const struct sched_totals *totals)
{
    struct table table = {0};
    bool shown[NR_FIELDS];
    choose_fields(workload, shown);
    for (int i = 0; i < NR_FIELDS; i++)
        if (shown[i]) {
            add(&table, text_dup(heads[i]));
            table.nr_columns++;
        }
    for (size_t row = 0; row < workload->nr_rows; row++)
        for (int i = 0; i < NR_FIELDS; i++)
            if (shown[i] && i < FIELD_FIRST)
                add_given(&table, &workload->rows[row], (enum field)i);
            else if (shown[i])
                add_result(&table, &workload->rows[row], (enum field)i);
    for (int i = 0; i < NR_FIELDS; i++)
        if (shown[i])
            add_average(&table, totals, (enum field)i);
    print_cells(&table);
}

static double busy_share(const struct sched_totals *totals)
{
    return (double)totals->busy / (double)(totals->last - totals->first);
}

static double per_second(const struct sched_workload *workload, const struct sched_totals *totals)
{
    return (double)workload->nr_rows * (double)MK_SEC / (double)(totals->last - totals->first);
}

void sched_print_table(const struct sched_workload *workload, const struct sched_setup *setup)
{
    struct sched_totals totals;
    char *title = sched_title(setup);
    sched_totals(workload, &totals);
    char *makespan = sched_ms((double)(totals.last - totals.first), 6);
    unsigned long long switches = totals.nr_switches, preempted = totals.nr_preempted;
    printf("%zu thread%s, %s; times in ms\n\n", workload->nr_rows, plural(workload->nr_rows), title);
    print_threads(workload, &totals);
    printf("\nmakespan %s ms, CPU %.4g %% busy, %.6g threads per second, %llu switch%s, %llu preemption%s\n", makespan,
           100 * busy_share(&totals), per_second(workload, &totals), switches, switches == 1 ? "" : "es", preempted,
           plural(preempted));
    if (workload->has[SCHED_PERIOD])
        printf("%llu of %llu job%s missed the deadline\n", (unsigned long long)totals.nr_missed,
               (unsigned long long)totals.nr_jobs, plural(totals.nr_jobs));
    free(title);
    free(makespan);
}

/* ---- a line for each policy ---- */

#define COMPARISON_FORMAT "%-10s  %10s  %10s  %10s  %10s  %10s  %10s\n"

void sched_print_comparison(const char *policy, const struct sched_totals *totals, bool is_first)
{
    char *cells[] = {sched_ms(totals->response, 3),
                     sched_ms(totals->waiting, 3),
                     sched_ms(totals->turnaround, 3),
                     sched_ms((double)(totals->last - totals->first), 6),
                     text_format("%llu", (unsigned long long)totals->nr_switches),
                     text_format("%llu", (unsigned long long)totals->nr_preempted)};
    if (is_first)
        printf(COMPARISON_FORMAT, "policy", "response", "waiting", "turnaround", "makespan", "switches", "preempted");
    printf(COMPARISON_FORMAT, policy, cells[0], cells[1], cells[2], cells[3], cells[4], cells[5]);
    for (size_t i = 0; i < sizeof(cells) / sizeof(cells[0]); i++)
        free(cells[i]);
}

/* ---- JSON ---- */

static json_t *ms(double ns)
{
    return json_real(ns / (double)MK_MSEC);
}

static json_t *row_json(const struct sched_workload *workload, const struct sched_row *row)
{
    json_t *json =
        json_pack("{ss so si so so so so so so so so so sI sI}", "name", row->name, "arrival", ms((double)row->arrival),
                  "priority", row->priority, "burst", ms((double)row->burst), "first_run", ms((double)row->first_run),
                  "end", ms((double)row->end), "response", ms((double)(row->first_run - row->arrival)), "waiting",
                  ms((double)row->spent[SCHED_READY]), "turnaround", ms((double)(row->end - row->arrival)), "run",
                  ms((double)row->spent[SCHED_RUNNING]), "io", ms((double)row->spent[SCHED_IN_IO]), "lock",
                  ms((double)row->spent[SCHED_WAITS_LOCK]), "switches", (json_int_t)row->nr_switches, "preemptions",
                  (json_int_t)row->nr_preempted);
    if (workload->has[SCHED_PERIOD]) {
        json_object_set_new(json, "jobs", json_integer(row->nr_jobs));
        json_object_set_new(json, "missed", json_integer(row->nr_missed));
    }
    return json;
}

static json_t *runs_json(const struct sched_workload *workload)
{
    json_t *runs = json_array();
    for (size_t i = 0; i < workload->nr_spans; i++) {
        const struct sched_span *span = &workload->spans[i];
        if (span->state == SCHED_RUNNING)
            json_array_append_new(runs, json_pack("{ss so so si}", "name", workload->rows[span->row].name, "start",
                                                  ms((double)span->start), "end", ms((double)span->end), "priority",
                                                  span->priority));
    }
    return runs;
}

void sched_print_json(const struct sched_workload *workload, const struct sched_setup *setup)
{
    struct sched_totals totals;
    sched_totals(workload, &totals);
    json_t *threads = json_array();
    for (size_t i = 0; i < workload->nr_rows; i++)
        json_array_append_new(threads, row_json(workload, &workload->rows[i]));
    json_t *average = json_pack("{so so so}", "response", ms(totals.response), "waiting", ms(totals.waiting),
                                "turnaround", ms(totals.turnaround));
    json_t *machine = json_pack("{so sf sf sI sI}", "makespan", ms((double)(totals.last - totals.first)), "throughput",
                                per_second(workload, &totals), "utilisation", busy_share(&totals), "switches",
                                (json_int_t)totals.nr_switches, "preemptions", (json_int_t)totals.nr_preempted);
    json_t *json = json_pack("{ss so so so so so}", "policy", setup->policy, "quantum",
                             setup->quantum ? ms((double)setup->quantum) : json_null(), "threads", threads, "average",
                             average, "machine", machine, "runs", runs_json(workload));
    if (!json || json_dumpf(json, stdout, JSON_INDENT(2)) != 0)
        fputs("mk: sched: --json cannot be written\n", stderr);
    putchar('\n');
    json_decref(json);
}
