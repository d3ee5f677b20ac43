/* SPDX-License-Identifier: BSD-2-Clause */
/* The trace. Off, trace() is one branch that is never taken. */
#ifndef KERN_TRACE_H
#define KERN_TRACE_H

#include "kern/machine.h"

/* `thread` is whom the event happened to, most often the current one. */
void trace_record(struct cpu *cpu, const struct thread *thread, unsigned kind, uint64_t a, uint64_t b, uint64_t c);
void trace_flush(struct mk_machine *machine);
void trace_finish(struct mk_machine *machine);

static inline void trace(struct cpu *cpu, unsigned kind, uint64_t a, uint64_t b, uint64_t c)
{
    if (unlikely(cpu->is_traced))
        trace_record(cpu, cpu->current, kind, a, b, c);
}

static inline void trace_for(struct cpu *cpu, const struct thread *thread, unsigned kind, uint64_t a, uint64_t b,
                             uint64_t c)
{
    if (unlikely(cpu->is_traced))
        trace_record(cpu, thread, kind, a, b, c);
}

#endif
