/* SPDX-License-Identifier: BSD-2-Clause */
/* Statistics of samples. */
#ifndef BENCH_STATS_H
#define BENCH_STATS_H

#include <stddef.h>

struct stats {
    size_t nr;
    double min, q1, median, q3, max;
    double mean, stddev; /* of the sample: divided by n - 1 */
};

/* All zero for no samples. `values` stays in its order. */
struct stats stats_of(const double *values, size_t nr);

/*
 * The quantile p (0 to 1) of sorted values, with linear interpolation between
 * the two nearest (type 7 of Hyndman and Fan, what R and NumPy do).
 */
double stats_quantile(const double *sorted, size_t nr, double p);

/*
 * Mann and Whitney's U of the first sample, and the two-sided probability of one at
 * least as extreme if both came from the same distribution: exact for up
 * to 20 values each without ties, else by the normal approximation with
 * corrections for ties and continuity. 1 when either is empty or all are equal.
 */
double stats_u(const double *a, size_t nr_a, const double *b, size_t nr_b);
double stats_u_test(const double *a, size_t nr_a, const double *b, size_t nr_b);

#endif
