/* SPDX-License-Identifier: BSD-2-Clause */
/* The bars: what a median may cost at most, told by other medians of the same run. */
#include "bench/result.h"

/* ns: a host that takes longer for the first touch of a page, without us, cannot have it in a microsecond with us. */
#define SLOW_TOUCH 500

#define ANY_HOST NULL, 0, 0

/* limit = base + factor * row; it holds where the gate's median is above one figure, or not above another. */
static const struct bar {
    const char *row;
    const char *base; /* NULL: 0 */
    double factor;
    const char *to;     /* NULL: the factor is the limit itself */
    const char *gate;   /* NULL: it always holds */
    double above, most; /* 0: any */
} bars[] = {
    {"ipc.null_call", NULL, 4, "floor.switch", ANY_HOST},
    {"ipc.null_call", NULL, 1.0 / 4, "peer.go_chan", ANY_HOST},
    {"ipc.null_call", NULL, 1.0 / 50, "host.futex", ANY_HOST},
    {"ipc.null_call", NULL, 1.0 / 100, "host.pipe", ANY_HOST},
    {"ipc.queue.64", NULL, 3, "floor.ring", ANY_HOST},
    {"ipc.call.4096", "ipc.null_call", 2.5, "floor.memcpy.4096", ANY_HOST},
    {"ipc.call.65536", "ipc.null_call", 2.5, "floor.memcpy.65536", ANY_HOST},
    {"ipc.event_signal", NULL, 1.5, "floor.switch", ANY_HOST},
    {"sched.yield", NULL, 2.5, "floor.switch", ANY_HOST},
    {"thread.spawn", NULL, 0.5, "peer.go_spawn", ANY_HOST},
    {"ipc.null_call.crowded", NULL, 1.5, "ipc.null_call", ANY_HOST},
    {"ipc.null_call.supervised", NULL, 1.02, "ipc.null_call", ANY_HOST},
    {"server.restart", NULL, 1000000, NULL, ANY_HOST},
    {"memory.port.resident", NULL, 200, NULL, ANY_HOST},
    {"memory.thread.kernel", NULL, 1024, NULL, ANY_HOST},
    {"vm.fault.zero", NULL, 1.5, "floor.trap", ANY_HOST},
    {"vm.fault.sequential", NULL, 1000, NULL, "floor.touch", 0, SLOW_TOUCH},
    {"vm.fault.sequential", NULL, 1.5, "floor.touch", "floor.touch", SLOW_TOUCH, 0},
    {"vm.fault.pager", NULL, 3, "vm.fault.zero", ANY_HOST},
    {"vm.move.64m", NULL, 1.0 / 20, "vm.copy_touch.64m", ANY_HOST},
    {"vm.map.2048", NULL, 1.5, "floor.mmap.2048", ANY_HOST},
    {"vm.protect.2048", NULL, 1.5, "floor.mprotect.2048", ANY_HOST},
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
    if (bar->gate && !median_of(bar->gate, &value))
        return bar->gate;
    return bar->to && !median_of(bar->to, &value) ? bar->to : NULL;
}

/* Why a bar is not the one for this host; NULL: it is. */
static const char *other_host(const struct bar *bar)
{
    static char text[64];
    double value;
    if (!bar->gate || !median_of(bar->gate, &value))
        return NULL;
    if (bar->most > 0 && value > bar->most)
        snprintf(text, sizeof(text), "%s is over %g ns here", bar->gate, bar->most);
    else if (value <= bar->above)
        snprintf(text, sizeof(text), "%s is not over %g ns here", bar->gate, bar->above);
    else
        return NULL;
    return text;
}

static bool bar_print(FILE *out, const struct bar *bar)
{
    double value = 0, base = 0, to = 1;
    if (missing(bar)) {
        fprintf(out, "%-58s %10s %10s  skipped: no %s\n", bar_text(bar), "-", "-", missing(bar));
        return true;
    }
    if (other_host(bar)) {
        fprintf(out, "%-58s %10s %10s  skipped: %s\n", bar_text(bar), "-", "-", other_host(bar));
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
