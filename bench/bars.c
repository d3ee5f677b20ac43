/* SPDX-License-Identifier: BSD-2-Clause */
/* The bars: what a median may cost at most, told by other medians of the same run. */
#include "bench/result.h"

/* limit = base + factor * row; */
static const struct bar {
    const char *row;
    const char *base; /* NULL: 0 */
    double factor;
    const char *to; /* NULL: the factor is the limit itself */
} bars[] = {
    {"ipc.null_call", NULL, 4, "floor.switch"},
    {"ipc.null_call", NULL, 1.0 / 4, "peer.go_chan"},
    {"ipc.null_call", NULL, 1.0 / 50, "host.futex"},
    {"ipc.null_call", NULL, 1.0 / 100, "host.pipe"},
    {"ipc.queue.64", NULL, 3, "floor.ring"},
    {"ipc.call.4096", "ipc.null_call", 2.5, "floor.memcpy.4096"},
    {"ipc.call.65536", "ipc.null_call", 2.5, "floor.memcpy.65536"},
    {"ipc.event_signal", NULL, 1.5, "floor.switch"},
    {"sched.yield", NULL, 2.5, "floor.switch"},
    {"thread.spawn", NULL, 0.5, "peer.go_spawn"},
    {"ipc.null_call.crowded", NULL, 1.5, "ipc.null_call"},
    {"memory.port.resident", NULL, 200, NULL},
    {"memory.thread.kernel", NULL, 1024, NULL},
};
#define NR_BARS (sizeof(bars) / sizeof(bars[0]))

/* False: not measured. */
static bool median_of(const char *name, double *valuep)
{
    const struct row *row = row_lookup(name);
    if (!row || !row->nr_values)
        return false;
    *valuep = row_stats(row).median;
    return true;
}

static const char *bar_text(const struct bar *bar)
{
    static char text[128];
    char factor[32];
    if (bar->factor < 1)
        snprintf(factor, sizeof(factor), "1/%g", 1 / bar->factor);
    else
        snprintf(factor, sizeof(factor), "%g", bar->factor);
    if (!bar->to)
        snprintf(text, sizeof(text), "%s <= %s %s", bar->row, factor, row_unit(row_lookup(bar->row)));
    else
        snprintf(text, sizeof(text), "%s <= %s%s%s x %s", bar->row, bar->base ? bar->base : "", bar->base ? " + " : "",
                 factor, bar->to);
    return text;
}

/* The row of a bar that was not measured; NULL: all were. */
static const char *missing(const struct bar *bar)
{
    double value;
    if (!median_of(bar->row, &value))
        return bar->row;
    if (bar->base && !median_of(bar->base, &value))
        return bar->base;
    return bar->to && !median_of(bar->to, &value) ? bar->to : NULL;
}

static bool bar_print(FILE *out, const struct bar *bar)
{
    double value = 0, base = 0, to = 1;
    if (missing(bar)) {
        fprintf(out, "%-58s %10s %10s  skipped: no %s\n", bar_text(bar), "-", "-", missing(bar));
        return true;
    }
    median_of(bar->row, &value);
    if (bar->base)
        median_of(bar->base, &base);
    if (bar->to)
        median_of(bar->to, &to);
    double limit = base + bar->factor * to;
    fprintf(out, "%-58s %10.2f %10.2f  %s\n", bar_text(bar), value, limit, value <= limit ? "ok" : "FAIL");
    return value <= limit;
}

bool bars_print(FILE *out)
{
    bool is_fine = true;
    fprintf(out, "\n%-58s %10s %10s\n", "bar (medians of this run)", "value", "limit");
    for (size_t i = 0; i < NR_BARS; i++)
        is_fine &= bar_print(out, &bars[i]);
    return is_fine;
}
