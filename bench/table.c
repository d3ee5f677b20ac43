/* SPDX-License-Identifier: BSD-2-Clause */
/* The results as tables for people and for spreadsheets, and the list of rows. */
#include <errno.h>
#include <string.h>

#include "bench/result.h"

double row_instructions(const struct row *row)
{
    return row->nr_values ? stats_of(row->instructions, row->nr_values).median : 0;
}

/* Three significant digits below 1,000, none behind the point above. */
static int decimals(double value)
{
    double size = value < 0 ? -value : value;
    return size < 10 ? 2 : size < 1000 ? 1 : 0;
}

static void cell(FILE *out, double value)
{
    fprintf(out, " %10.*f", decimals(value), value);
}

static bool is_new_group(const struct row *row, const struct row *last)
{
    size_t length = strcspn(row->name, ".");
    return !last || strncmp(row->name, last->name, length + 1) != 0;
}

static void row_print(FILE *out, const struct row *row)
{
    struct stats s = row_stats(row);
    fprintf(out, "%-28s %-5s", row->name, row_unit(row));
    cell(out, s.min);
    cell(out, s.q1);
    cell(out, s.median);
    cell(out, s.q3);
    cell(out, s.mean);
    cell(out, s.stddev);
    fprintf(out, " %7zu", s.nr);
    if (row_instructions(row) > 0)
        fprintf(out, " %10.1f", row_instructions(row));
    fputc('\n', out);
}

static void published_print(FILE *out)
{
    bool is_first = true;
    for (const struct published *p = published; p->row; p++) {
        const struct row *row = row_lookup(p->row);
        if (!row || !row->nr_values)
            continue;
        if (is_first) {
            fprintf(out, "\nPublished figures: %s\n", PUBLISHED_NOTE);
            fprintf(out, "%-28s %10s %14s   %s\n", "row", "here, ns", "published, ns", "of");
        }
        is_first = false;
        fprintf(out, "%-28s %10.1f %14.0f   %s (%s)\n", p->row, row_stats(row).median, p->ns, p->system, p->source);
    }
}

static void retaken_print(FILE *out)
{
    size_t nr_samples = 0, nr_retaken = 0;
    for (size_t i = 0; i < nr_rows; i++) {
        nr_samples += rows[i].nr_values;
        nr_retaken += rows[i].nr_retaken;
    }
    if (nr_retaken)
        fprintf(out, "\nFor %zu samples, %zu runs were disturbed by other programs and taken again.\n", nr_samples,
                nr_retaken);
}

void table_print(FILE *out)
{
    const struct row *last = NULL;
    fprintf(out, "\n%-28s %-5s %10s %10s %10s %10s %10s %10s %7s%s\n", "row", "unit", "min", "q1", "median", "q3",
            "mean", "stddev", "samples", meter_counts() ? " instr./op" : "");
    for (size_t i = 0; i < nr_rows; i++) {
        if (!rows[i].nr_values)
            continue;
        if (last && is_new_group(&rows[i], last))
            fputc('\n', out);
        row_print(out, &rows[i]);
        last = &rows[i];
    }
    retaken_print(out);
    published_print(out);
}

void list_print(FILE *out)
{
    const struct row *last = NULL;
    for (size_t i = 0; i < nr_rows; i++) {
        if (!rows[i].is_chosen)
            continue;
        if (last && is_new_group(&rows[i], last))
            fputc('\n', out);
        fprintf(out, "%-28s %-5s %s\n", rows[i].name, row_unit(&rows[i]), rows[i].what);
        if (rows[i].absent)
            fprintf(out, "%-28s %-5s absent: %s\n", "", "", rows[i].absent);
        last = &rows[i];
    }
}

bool csv_write(const char *path)
{
    bool is_stdout = strcmp(path, "-") == 0;
    FILE *out = is_stdout ? stdout : fopen(path, "we");
    if (!out) {
        fprintf(stderr, "mkbench: %s: %s\n", path, strerror(errno));
        return false;
    }
    fputs("name,unit,min,q1,median,q3,max,mean,stddev,samples,instructions\n", out);
    for (size_t i = 0; i < nr_rows; i++) {
        if (!rows[i].nr_values)
            continue;
        struct stats s = row_stats(&rows[i]);
        fprintf(out, "%s,%s,%.3f,%.3f,%.3f,%.3f,%.3f,%.3f,%.3f,%zu,", rows[i].name, row_unit(&rows[i]), s.min, s.q1,
                s.median, s.q3, s.max, s.mean, s.stddev, s.nr);
        if (row_instructions(&rows[i]) > 0)
            fprintf(out, "%.1f", row_instructions(&rows[i]));
        fputc('\n', out);
    }
    bool is_written = fflush(out) == 0 && !ferror(out);
    if (!is_written)
        fprintf(stderr, "mkbench: %s: %s\n", path, strerror(errno));
    if (!is_stdout)
        fclose(out);
    return is_written;
}
