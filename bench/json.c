/* SPDX-License-Identifier: BSD-2-Clause */
/* The results as JSON. Each row has all its samples, so that two runs can be compared. */
#include <errno.h>
#include <jansson.h>
#include <string.h>

#include <mk/version.h>

#include "bench/result.h"

static json_t *host_json(const struct facts *facts, const struct plan *plan)
{
    json_t *host = json_pack("{s:s, s:i, s:i, s:b, s:s, s:f, s:s, s:s, s:s, s:b, s:i, s:f, s:s}", "cpu", facts->cpu,
                             "cpus", facts->nr_cpus, "pinned_to", facts->pinned, "virtual", facts->is_virtual, "kernel",
                             facts->kernel, "clock_cost", facts->clock_cost, "compiler", facts_compiler(), "libmk",
                             MK_VERSION, "build_type", BENCH_BUILD_TYPE, "counts_instructions", facts->has_instructions,
                             "rounds", (int)plan->nr_rounds, "batch_ns", plan->batch, "date", facts->date);
    if (facts->governor[0])
        json_object_set_new(host, "governor", json_string(facts->governor));
    if (facts->hypervisor[0])
        json_object_set_new(host, "hypervisor", json_string(facts->hypervisor));
    return host;
}

static json_t *published_json(const char *row)
{
    json_t *list = json_array();
    for (const struct published *p = published; p->row; p++)
        if (strcmp(p->row, row) == 0)
            json_array_append_new(list, json_pack("{s:f, s:s, s:s, s:s}", "ns", p->ns, "system", p->system, "source",
                                                  p->source, "note", PUBLISHED_NOTE));
    return list;
}

static json_t *row_json(const struct row *row)
{
    struct stats s = row_stats(row);
    json_t *values = json_array();
    for (size_t i = 0; i < row->nr_values; i++)
        json_array_append_new(values, json_real(row->values[i]));
    json_t *json = json_pack("{s:s, s:s, s:s, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:I, s:I, s:o}", "name", row->name,
                             "unit", row_unit(row), "description", row->what, "min", s.min, "q1", s.q1, "median",
                             s.median, "q3", s.q3, "max", s.max, "mean", s.mean, "stddev", s.stddev, "samples",
                             (json_int_t)s.nr, "operations", (json_int_t)row->nr_ops, "values", values);
    json_object_set_new(json, "retaken", json_integer(row->nr_retaken));
    if (row_instructions(row) > 0)
        json_object_set_new(json, "instructions", json_real(row_instructions(row)));
    json_t *figures = published_json(row->name);
    if (json_array_size(figures))
        json_object_set(json, "published", figures);
    json_decref(figures);
    return json;
}

bool json_write(const char *path, const struct facts *facts, const struct plan *plan)
{
    json_t *list = json_array(), *absent = json_array();
    for (size_t i = 0; i < nr_rows; i++) {
        if (rows[i].nr_values)
            json_array_append_new(list, row_json(&rows[i]));
        else if (rows[i].is_chosen && rows[i].absent)
            json_array_append_new(absent, json_pack("{s:s, s:s}", "name", rows[i].name, "why", rows[i].absent));
    }
    json_t *all = json_pack("{s:o, s:o, s:o}", "host", host_json(facts, plan), "rows", list, "absent", absent);
    bool is_stdout = strcmp(path, "-") == 0;
    FILE *out = is_stdout ? stdout : fopen(path, "we");
    bool is_written = out && all && json_dumpf(all, out, JSON_INDENT(1) | JSON_REAL_PRECISION(9)) == 0 &&
                      fputc('\n', out) != EOF && fflush(out) == 0;
    if (!is_written)
        fprintf(stderr, "mkbench: %s: %s\n", path, strerror(errno));
    if (out && !is_stdout)
        fclose(out);
    json_decref(all);
    return is_written;
}
