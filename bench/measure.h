/* SPDX-License-Identifier: BSD-2-Clause */
/* The measurement: all chosen rows, interleaved in rounds. */
#ifndef BENCH_MEASURE_H
#define BENCH_MEASURE_H

#include <stdint.h>
#include <stdio.h>

struct plan {
    unsigned nr_rounds;
    double batch; /* ns that a run should take at least */
};

/* Find out which of the chosen rows cannot be had here. */
void measure_probe(void);

/* Fill in the results of all chosen rows. */
void measure_all(const struct plan *plan);

/* Run each of the chosen rows once, and nothing else. A line each: its name, and how many operations it did. */
void profile_all(uint64_t nr, FILE *out);

#endif
