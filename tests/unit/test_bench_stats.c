/* SPDX-License-Identifier: BSD-2-Clause */
/* The benchmark's statistics, against values worked out by hand and by other programs. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bench/stats.h"

static void expect(double got, double wanted, double tolerance)
{
    if (!(fabs(got - wanted) <= tolerance))
        fail_msg("got %.9g, expected %.9g", got, wanted);
}

/* STATS0010: quartiles interpolate between neighbours, as R's default does. */
static void STATS0010(void **state)
{
    const double values[] = {7, 15, 36, 39, 40, 41};
    struct stats s = stats_of(values, 6);
    (void)state;
    assert_int_equal(s.nr, 6);
    expect(s.min, 7, 0);
    expect(s.q1, 20.25, 1e-9);
    expect(s.median, 37.5, 1e-9);
    expect(s.q3, 39.75, 1e-9);
    expect(s.max, 41, 0);
}

/* STATS0011: the order of the values does not matter, and is left as it was. */
static void STATS0011(void **state)
{
    const double values[] = {5, 1, 4, 2, 3};
    struct stats s = stats_of(values, 5);
    (void)state;
    expect(s.median, 3, 0);
    expect(s.q1, 2, 0);
    expect(s.q3, 4, 0);
    expect(values[0], 5, 0);
}

/* STATS0012: mean, and the standard deviation of a sample. */
static void STATS0012(void **state)
{
    const double values[] = {2, 4, 4, 4, 5, 5, 7, 9};
    struct stats s = stats_of(values, 8);
    (void)state;
    expect(s.mean, 5, 1e-12);
    expect(s.stddev, sqrt(32.0 / 7), 1e-12);
}

/* STATS0013: none and one value. */
static void STATS0013(void **state)
{
    const double one = 3;
    struct stats none = stats_of(NULL, 0), s = stats_of(&one, 1);
    (void)state;
    assert_int_equal(none.nr, 0);
    expect(none.median, 0, 0);
    expect(s.q1, 3, 0);
    expect(s.q3, 3, 0);
    expect(s.stddev, 0, 0);
}

/* STATS0020: U by Mann and Whitney's own tortoise and hare: T H H H H H T T T T T H. */
static void STATS0020(void **state)
{
    const double tortoises[] = {1, 7, 8, 9, 10, 11}, hares[] = {2, 3, 4, 5, 6, 12};
    (void)state;
    expect(stats_u(tortoises, 6, hares, 6), 25, 0);
    expect(stats_u(hares, 6, tortoises, 6), 11, 0);
}

/* STATS0021: exact probabilities of small samples: of C(10, 5) = 252 arrangements, 1 has U = 0, and 2 have U <= 1. */
static void STATS0021(void **state)
{
    const double low[] = {1, 2, 3, 4, 5}, high[] = {6, 7, 8, 9, 10}, mixed[] = {5, 7, 8, 9, 10},
                 below[] = {1, 2, 3, 4, 6};
    (void)state;
    expect(stats_u_test(low, 5, high, 5), 2.0 / 252, 1e-12);
    expect(stats_u_test(high, 5, low, 5), 2.0 / 252, 1e-12);
    expect(stats_u_test(below, 5, mixed, 5), 4.0 / 252, 1e-12);
}

/* STATS0022: sizes that differ: of C(7, 3) = 35 arrangements of 3 and 4, 7 have U <= 3. */
static void STATS0022(void **state)
{
    const double a[] = {1, 3, 6}, b[] = {2, 4, 5, 7};
    (void)state;
    expect(stats_u(a, 3, b, 4), 4, 0);
    const double c[] = {1, 3, 5}, d[] = {2, 4, 6, 7};
    expect(stats_u(c, 3, d, 4), 3, 0);
    expect(stats_u_test(c, 3, d, 4), 2 * 7.0 / 35, 1e-12);
}

/* STATS0023: with ties the normal approximation, corrected for them and for continuity. */
static void STATS0023(void **state)
{
    const double a[] = {1, 2, 2, 3, 3, 4}, b[] = {3, 3, 4, 4, 5, 6}, c[] = {1, 2, 2, 5};
    (void)state;
    double ties = 2 * 2 * 2 - 2 + 4 * 4 * 4 - 4 + 3 * 3 * 3 - 3;
    double variance = 36.0 / 12 * (13 - ties / (12 * 11));
    expect(stats_u(a, 6, b, 6), 5, 0);
    expect(stats_u_test(a, 6, b, 6), erfc((18 - 5 - 0.5) / sqrt(variance) / sqrt(2)), 1e-12);
    expect(stats_u_test(c, 4, c, 4), 1, 0);
}

/* STATS0024: large samples: equal ones are alike, shifted ones are not. */
static void STATS0024(void **state)
{
    double a[100], b[100];
    (void)state;
    for (int i = 0; i < 100; i++) {
        a[i] = i;
        b[i] = i + 50;
    }
    assert_true(stats_u_test(a, 100, a, 100) > 0.99);
    assert_true(stats_u_test(a, 100, b, 100) < 1e-6);
}

/* STATS0025: without values, or with one value throughout, nothing is told apart. */
static void STATS0025(void **state)
{
    const double a[] = {3, 3, 3};
    (void)state;
    expect(stats_u_test(a, 3, NULL, 0), 1, 0);
    expect(stats_u_test(a, 3, a, 3), 1, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(STATS0010), cmocka_unit_test(STATS0011), cmocka_unit_test(STATS0012),
        cmocka_unit_test(STATS0013), cmocka_unit_test(STATS0020), cmocka_unit_test(STATS0021),
        cmocka_unit_test(STATS0022), cmocka_unit_test(STATS0023), cmocka_unit_test(STATS0024),
        cmocka_unit_test(STATS0025),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
