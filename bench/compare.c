/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Two runs, row by row. A row has changed when both hold: the interquartile
 * ranges do not overlap, and Mann and Whitney's U test of the samples gives a
 * probability below 0.01 that both come from one distribution. The test
 * alone finds differences that are real but nothing to speak of; the ranges
 * alone find some by chance where samples are few. Files without samples
 * ("values") are judged by the ranges only.
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "bench/result.h"

#define P_MAX 0.01

enum verdict { SAME, FASTER, SLOWER };

struct side {
    double q1, median, q3;
    double *values; /* NULL: not in the file */
    size_t nr;
};

/* The rows of a file; NULL: reported. */
static json_t *load(const char *path, json_t **allp)
{
    json_error_t error;
    json_t *all = *allp = json_load_file(path, 0, &error);
    json_t *list = json_object_get(all, "rows");
    if (!all && error.line > 0)
        fprintf(stderr, "mkbench: %s:%d: %s\n", path, error.line, error.text);
    else if (!all)
        fprintf(stderr, "mkbench: %s\n", error.text);
    else if (!json_is_array(list))
        fprintf(stderr, "mkbench: %s: it has no list \"rows\", so it is no result of mkbench --json\n", path);
    return json_is_array(list) ? list : NULL;
}

static json_t *find(json_t *list, const char *name)
{
    size_t i;
    json_t *row;
    json_array_foreach(list, i, row)
    {
        const char *other = json_string_value(json_object_get(row, "name"));
        if (other && strcmp(name, other) == 0)
            return row;
    }
    return NULL;
}

/* False: not a row. */
static bool side_read(json_t *row, struct side *side)
{
    json_t *q1 = json_object_get(row, "q1"), *median = json_object_get(row, "median"), *q3 = json_object_get(row, "q3"),
           *values = json_object_get(row, "values");
    if (!json_is_number(q1) || !json_is_number(median) || !json_is_number(q3))
        return false;
    *side = (struct side){json_number_value(q1), json_number_value(median), json_number_value(q3), NULL, 0};
    side->nr = json_array_size(values);
    if (side->nr)
        side->values = bench_alloc(side->nr, sizeof(*side->values));
    for (size_t i = 0; i < side->nr; i++)
        side->values[i] = json_number_value(json_array_get(values, i));
    return true;
}

static enum verdict judge(const struct side *a, const struct side *b, double *pp)
{
    bool is_apart = a->q3 < b->q1 || b->q3 < a->q1;
    *pp = a->nr && b->nr ? stats_u_test(a->values, a->nr, b->values, b->nr) : -1;
    if (!is_apart || *pp >= P_MAX)
        return SAME;
    return b->median < a->median ? FASTER : SLOWER;
}

static void print(const char *name, const struct side *a, const struct side *b, enum verdict verdict, double p)
{
    char probability[32] = "no samples";
    if (p >= 0)
        snprintf(probability, sizeof(probability), p < 0.0001 ? "p < 0.0001" : "p = %.4f", p);
    printf("%-28s %12.2f %12.2f", name, a->median, b->median);
    if (a->median > 0)
        printf(" %+8.1f %%", (b->median / a->median - 1) * 100);
    else
        printf(" %10s", "-");
    printf("  %s (%s)\n", verdict == FASTER ? "less" : "more", probability);
}

/* Rows of one file that the other has not. */
static void print_lone(json_t *list, json_t *other, const char *path)
{
    size_t i;
    json_t *row;
    json_array_foreach(list, i, row)
    {
        const char *name = json_string_value(json_object_get(row, "name"));
        if (name && !find(other, name))
            printf("%-28s only in %s\n", name, path);
    }
}

static int compare_lists(json_t *before, json_t *after, const char *path_before, const char *path_after)
{
    size_t i, nr_compared = 0, nr_changed = 0, nr_floors = 0;
    json_t *row;
    printf("%-28s %12s %12s %10s\n", "changed row", "before", "after", "change");
    json_array_foreach(before, i, row)
    {
        const char *name = json_string_value(json_object_get(row, "name"));
        json_t *other = name ? find(after, name) : NULL;
        struct side a = {0}, b = {0};
        if (other && side_read(row, &a) && side_read(other, &b)) {
            double p;
            enum verdict verdict = judge(&a, &b, &p);
            nr_compared++;
            if (verdict != SAME) {
                nr_changed++;
                nr_floors += strncmp(name, "floor.", 6) == 0 || strncmp(name, "host.", 5) == 0;
                print(name, &a, &b, verdict, p);
            }
        }
        free(a.values);
        free(b.values);
    }
    print_lone(before, after, path_before);
    print_lone(after, before, path_after);
    printf("%zu of %zu rows changed: their interquartile ranges do not overlap, and p < %g by the U test\n", nr_changed,
           nr_compared, P_MAX);
    if (nr_floors)
        printf(
            "%zu of them are the host's own (floor.*, host.*): it was not as fast in both runs. Compare ratios within "
            "a run.\n",
            nr_floors);
    return 0;
}

int compare_print(const char *before, const char *after)
{
    json_t *all_before = NULL, *all_after = NULL;
    json_t *a = load(before, &all_before), *b = a ? load(after, &all_after) : NULL;
    int status = a && b ? compare_lists(a, b, before, after) : 2;
    json_decref(all_before);
    json_decref(all_after);
    return status;
}
