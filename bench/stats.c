/* SPDX-License-Identifier: BSD-2-Clause */
/* Statistics; see stats.h. */
#include "bench/stats.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define EXACT_MAX 20

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* A sorted copy; NULL without memory or values. */
static double *sorted_copy(const double *values, size_t nr)
{
    double *sorted = nr ? malloc(nr * sizeof(*sorted)) : NULL;
    if (!sorted)
        return NULL;
    memcpy(sorted, values, nr * sizeof(*sorted));
    qsort(sorted, nr, sizeof(*sorted), by_value);
    return sorted;
}

double stats_quantile(const double *sorted, size_t nr, double p)
{
    if (nr == 0)
        return 0;
    double at = p * (double)(nr - 1);
    size_t low = (size_t)at;
    if (low + 1 >= nr)
        return sorted[nr - 1];
    return sorted[low] + (at - (double)low) * (sorted[low + 1] - sorted[low]);
}

struct stats stats_of(const double *values, size_t nr)
{
    struct stats s = {.nr = nr};
    double *sorted = sorted_copy(values, nr), sum = 0, squares = 0;
    if (!sorted)
        return s;
    for (size_t i = 0; i < nr; i++)
        sum += sorted[i];
    s.mean = sum / (double)nr;
    for (size_t i = 0; i < nr; i++)
        squares += (sorted[i] - s.mean) * (sorted[i] - s.mean);
    s.stddev = nr > 1 ? sqrt(squares / (double)(nr - 1)) : 0;
    s.min = sorted[0];
    s.max = sorted[nr - 1];
    s.q1 = stats_quantile(sorted, nr, 0.25);
    s.median = stats_quantile(sorted, nr, 0.5);
    s.q3 = stats_quantile(sorted, nr, 0.75);
    free(sorted);
    return s;
}

double stats_u(const double *a, size_t nr_a, const double *b, size_t nr_b)
{
    double u = 0;
    for (size_t i = 0; i < nr_a; i++)
        for (size_t j = 0; j < nr_b; j++)
            u += a[i] > b[j] ? 1 : a[i] < b[j] ? 0 : 0.5;
    return u;
}

/*
 * The share of arrangements of n and m values with a U of at most u. The number
 * of those with exactly k is count(n, m, k) = count(n-1, m, k-m) + count(n, m-1, k):
 * the greatest value is one of the first sample, above all m others, or not.
 */
static double exact_tail(size_t n, size_t m, size_t u)
{
    static double count[EXACT_MAX + 1][EXACT_MAX * EXACT_MAX + 1]; /* by n, for the m reached so far */
    memset(count, 0, sizeof(count));
    for (size_t i = 0; i <= n; i++)
        count[i][0] = 1; /* m = 0 */
    for (size_t j = 1; j <= m; j++)
        for (size_t i = 1; i <= n; i++)
            for (size_t k = j; k <= i * j; k++)
                count[i][k] += count[i - 1][k - j];
    double below = 0, all = 0;
    for (size_t k = 0; k <= n * m; k++) {
        all += count[n][k];
        below += k <= u ? count[n][k] : 0;
    }
    return below / all;
}

/* Sum of t^3 - t over all groups of t equal values. */
static double ties_of(const double *a, size_t nr_a, const double *b, size_t nr_b)
{
    size_t nr = nr_a + nr_b;
    double ties = 0, *all = malloc(nr * sizeof(*all));
    if (!all)
        return 0;
    memcpy(all, a, nr_a * sizeof(*all));
    memcpy(all + nr_a, b, nr_b * sizeof(*all));
    qsort(all, nr, sizeof(*all), by_value);
    for (size_t i = 0, end; i < nr; i = end) {
        for (end = i + 1; end < nr && all[end] <= all[i];)
            end++;
        double t = (double)(end - i);
        ties += t * t * t - t;
    }
    free(all);
    return ties;
}

double stats_u_test(const double *a, size_t nr_a, const double *b, size_t nr_b)
{
    if (nr_a == 0 || nr_b == 0)
        return 1;
    double n = (double)nr_a, m = (double)nr_b, u = stats_u(a, nr_a, b, nr_b), ties = ties_of(a, nr_a, b, nr_b);
    double smaller = fmin(u, n * m - u);
    if (ties <= 0 && nr_a <= EXACT_MAX && nr_b <= EXACT_MAX)
        return fmin(1, 2 * exact_tail(nr_a, nr_b, (size_t)smaller));
    double variance = n * m / 12 * (n + m + 1 - ties / ((n + m) * (n + m - 1)));
    if (variance <= 0)
        return 1;
    double z = (n * m / 2 - smaller - 0.5) / sqrt(variance);
    return z <= 0 ? 1 : erfc(z / sqrt(2));
}
