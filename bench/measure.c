/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The measurement. First each row finds how many operations fill a batch, so
 * that the clock's cost vanishes; this warms it up, too. Then come the rounds,
 * each through all rows in an order of its own, so that neither a drift of the
 * host nor a neighbour favours one. A row with a protocol of its own (nr_runs)
 * takes its share of them in each round.
 *
 * All runs on one CPU and never waits for anything else, so what a batch took
 * beyond the CPU time of this process and its workers was taken by other
 * programs. One that lost more than a little that way is taken again, and the
 * least disturbed counts, as long as that does not double the work.
 */
#include "bench/measure.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/worker.h"

#define NR_OPS_MAX (UINT64_C(1) << 24)
#define NR_RETAKES 3
#define LOST_SHARE 0.02

static bool shows_progress(void)
{
    return isatty(STDERR_FILENO);
}

static void progress(const char *what, size_t done, size_t all)
{
    if (!shows_progress())
        return;
    if (what)
        fprintf(stderr, "\r%3zu %% %-32.32s", all ? done * 100 / all : 0, what);
    else
        fprintf(stderr, "\r%*s\r", 40, "");
    fflush(stderr);
}

static struct run run_once(struct row *row, uint64_t nr)
{
    struct run run = {.row = row, .nr = nr};
    row->measure(&run);
    if (run.absent[0])
        row->absent = bench_format("%s", run.absent);
    return run;
}

void measure_probe(void)
{
    for (size_t i = 0; i < nr_rows; i++) {
        if (rows[i].is_chosen && rows[i].is_optional && !rows[i].absent)
            run_once(&rows[i], 1);
    }
}

static void calibrate(struct row *row, double batch)
{
    if (row->nr_ops) {
        run_once(row, row->nr_ops);
        return;
    }
    for (uint64_t nr = 1; !row->absent;) {
        struct run run = run_once(row, nr);
        row->nr_ops = run.nr;
        if (run.total >= batch || nr >= NR_OPS_MAX)
            return;
        double factor = run.total > 0 ? 1.1 * batch / run.total : 16;
        nr = (uint64_t)((double)run.nr * (factor < 2 ? 2 : factor > 16 ? 16 : factor));
    }
}

static double spare; /* ns: what runs took, less what retakes took */

/* A run, and the share of its time that other programs had. */
static struct run run_watched(struct row *row, double *sharep, double *tookp)
{
    double start = meter_now(), cpu = meter_cpu() + (row->program ? worker_cpu_time(row->program) : 0);
    struct run run = run_once(row, row->nr_ops);
    cpu = meter_cpu() + (row->program ? worker_cpu_time(row->program) : 0) - cpu;
    double took = *tookp = meter_now() - start;
    if (row->absent)
        fail("%s: %s", row->name, row->absent);
    if (run.is_metered)
        *sharep = (run.total - run.cpu) / run.total;
    else
        *sharep = (took - cpu) / took;
    if (row->is_on_cpus || row->is_untimed)
        *sharep = 0;
    return run;
}

/* The least disturbed of a few. */
static struct run run_undisturbed(struct row *row)
{
    double share, took, other_share;
    struct run run = run_watched(row, &share, &took);
    spare += took;
    for (int i = 0; i < NR_RETAKES && share > LOST_SHARE && spare > took; i++) {
        struct run other = run_watched(row, &other_share, &took);
        spare -= took;
        row->nr_retaken++;
        if (other_share < share) {
            run = other;
            share = other_share;
        }
    }
    return run;
}

static void sample(struct row *row)
{
    struct run run = run_undisturbed(row);
    if (row->nr_done++ < row->nr_dropped)
        return;
    row->instructions[row->nr_values] = run.instructions / (double)run.nr;
    row->values[row->nr_values++] = run.total / (double)run.nr;
}

/* Runs that a row must have done after this round. */
static unsigned nr_due(const struct row *row, unsigned round, unsigned nr_rounds)
{
    unsigned nr_runs = row->nr_runs ? row->nr_runs : nr_rounds;
    return (unsigned)((uint64_t)nr_runs * (round + 1) / nr_rounds);
}

/* Fisher and Yates's shuffle, by a generator that always begins alike. */
static void shuffle(size_t *order, size_t nr)
{
    static uint64_t random = 1;
    for (size_t i = nr; i > 1; i--) {
        random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        size_t other = (size_t)((random >> 33) % i), kept = order[i - 1];
        order[i - 1] = order[other];
        order[other] = kept;
    }
}

static size_t prepare(const struct plan *plan, size_t *order)
{
    size_t nr = 0, nr_seen = 0;
    for (size_t i = 0; i < nr_rows; i++) {
        struct row *row = &rows[i];
        nr_seen++;
        if (!row->is_chosen || row->absent)
            continue;
        progress(row->name, nr_seen, nr_rows * 4);
        calibrate(row, plan->batch);
        if (row->absent)
            continue;
        unsigned nr_runs = row->nr_runs ? row->nr_runs : plan->nr_rounds;
        row->values = bench_alloc(nr_runs, sizeof(*row->values));
        row->instructions = bench_alloc(nr_runs, sizeof(*row->instructions));
        order[nr++] = i;
    }
    return nr;
}

void measure_all(const struct plan *plan)
{
    size_t *order = bench_alloc(nr_rows, sizeof(*order));
    measure_probe();
    size_t nr = prepare(plan, order), nr_done = 0;
    for (unsigned round = 0; round < plan->nr_rounds; round++) {
        shuffle(order, nr);
        for (size_t i = 0; i < nr; i++) {
            struct row *row = &rows[order[i]];
            progress(row->name, nr * plan->nr_rounds / 3 + nr_done++, nr * plan->nr_rounds * 4 / 3);
            while (row->nr_done < nr_due(row, round, plan->nr_rounds))
                sample(row);
        }
    }
    progress(NULL, 0, 0);
    free(order);
}

void profile_all(uint64_t nr, FILE *out)
{
    for (size_t i = 0; i < nr_rows; i++) {
        if (!rows[i].is_chosen)
            continue;
        struct run run = run_once(&rows[i], nr);
        if (rows[i].absent)
            fprintf(out, "%s absent: %s\n", rows[i].name, rows[i].absent);
        else
            fprintf(out, "%s %llu\n", rows[i].name, (unsigned long long)run.nr);
    }
}
