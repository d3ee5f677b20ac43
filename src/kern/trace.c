/* SPDX-License-Identifier: BSD-2-Clause */
/* Trace rings and the trace hash; see trace.h and <mk/trace.h>. */
#include "kern/trace.h"

#include "kern/sched.h"

#define RING_MAX ((size_t)1 << 24)

static void ring_sink(struct cpu *cpu)
{
    const struct mk_machine *machine = cpu->machine;
    uint64_t n = cpu->nr_events - cpu->ring_sunk;
    if (!machine->trace_sink || n == 0)
        return;
    machine->trace_sink(machine->trace_arg, &cpu->ring[cpu->ring_sunk & (cpu->ring_size - 1)], (size_t)n);
    cpu->ring_sunk = cpu->nr_events;
}

void trace_record(struct cpu *cpu, const struct thread *whose, unsigned kind, uint64_t a, uint64_t b, uint64_t c)
{
    uint32_t thread = whose ? (uint32_t)whose->id : 0;
    uint64_t h = cpu->trace_hash;
    h = mix64(h ^ (uint64_t)cpu->now);
    h = mix64(h ^ ((uint64_t)kind << 48 | (uint64_t)cpu->id << 32 | thread));
    h = mix64(h ^ a);
    h = mix64(h ^ b);
    h = mix64(h ^ c);
    cpu->trace_hash = h;
    if (cpu->ring_size)
        cpu->ring[cpu->nr_events & (cpu->ring_size - 1)] =
            (struct mk_trace_event){cpu->now, (uint16_t)kind, cpu->id, thread, a, b, c};
    cpu->nr_events++;
    if (cpu->ring_size && (cpu->nr_events & (cpu->ring_size - 1)) == 0)
        ring_sink(cpu);
}

void trace_flush(struct mk_machine *machine)
{
    if (machine->cpu->ring_size)
        ring_sink(machine->cpu);
}

void trace_finish(struct mk_machine *machine)
{
    struct cpu *cpu = machine->cpu;
    kmem_free(&machine->kmem, cpu->ring, cpu->ring_size * sizeof(*cpu->ring));
    cpu->ring = NULL;
    cpu->ring_size = 0;
}

mk_err_t mk_trace_start(struct mk_machine *machine, size_t ring_events, mk_trace_fn sink, void *arg)
{
    if (machine->is_running)
        return MK_E_BAD_STATE;
    if (ring_events > RING_MAX)
        return MK_E_BAD_ARGUMENT;
    struct cpu *cpu = machine->cpu;
    size_t size = 0;
    struct mk_trace_event *ring = NULL;
    if (ring_events) {
        size = 1;
        while (size < ring_events)
            size *= 2;
        ring = kmem_alloc(&machine->kmem, size * sizeof(*ring));
        if (!ring)
            return MK_E_NO_MEMORY;
    }
    trace_finish(machine);
    cpu->ring = ring;
    cpu->ring_size = size;
    cpu->nr_events = cpu->ring_sunk = 0;
    cpu->trace_hash = mix64(MK_TRACE_SWITCH);
    cpu->is_traced = true;
    machine->trace_sink = sink;
    machine->trace_arg = arg;
    sched_set_slow(machine);
    return MK_OK;
}
