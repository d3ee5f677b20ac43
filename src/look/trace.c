/* SPDX-License-Identifier: BSD-2-Clause */
/* The looking half of <mk/trace.h>. */
#include "look/look.h"

#include <mk/trace.h>

size_t mk_trace_read(struct mk_machine *machine, struct mk_trace_event *events, size_t max)
{
    const struct cpu *cpu = machine->cpu;
    if (!cpu->ring_size || machine->trace_sink)
        return 0;
    uint64_t n = cpu->nr_events < cpu->ring_size ? cpu->nr_events : cpu->ring_size;
    if (n > max)
        n = max;
    for (uint64_t i = 0; i < n; i++)
        events[i] = cpu->ring[(cpu->nr_events - n + i) & (cpu->ring_size - 1)];
    return (size_t)n;
}

const char *mk_trace_text(unsigned kind)
{
    switch (kind) {
#define TRACE_TEXT(name, number, text) \
    case (number): \
        return text;
        MK_TRACE_MAP(TRACE_TEXT)
#undef TRACE_TEXT
    default:
        return "?";
    }
}
