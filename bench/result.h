/* SPDX-License-Identifier: BSD-2-Clause */
/* What is made of the results. */
#ifndef BENCH_RESULT_H
#define BENCH_RESULT_H

#include <stdio.h>

#include "bench/bench.h"
#include "bench/facts.h"
#include "bench/measure.h"
#include "bench/stats.h"

/* Published for a real kernel on other hardware. */
struct published {
    const char *row; /* that it is to be compared with */
    double ns;
    const char *system;
    const char *source;
};
extern const struct published published[]; /* closed by a row of NULL */
#define PUBLISHED_NOTE "other hardware, with real privilege and address-space crossings, which libmk has not"

static inline struct stats row_stats(const struct row *row)
{
    return stats_of(row->values, row->nr_values);
}

/* Median of instructions for an operation; 0: not counted. */
double row_instructions(const struct row *row);

void table_print(FILE *out);
void list_print(FILE *out);

/* False: it could not be written, and a line said so. "-" is standard output. */
bool json_write(const char *path, const struct facts *facts, const struct plan *plan);
bool csv_write(const char *path);

/* Plots into a folder: .dat, .gp, and .svg by gnuplot. False: reported. */
bool plot_write(const char *folder);
/* Is gnuplot there? Reported if not. */
bool plot_is_possible(void);

/* The bars; true when none fails. */
bool bars_print(FILE *out);

/* Exit status: 0, or 2 for a file that cannot be used. */
int compare_print(const char *before, const char *after);

#endif
