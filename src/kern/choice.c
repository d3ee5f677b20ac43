/* SPDX-License-Identifier: BSD-2-Clause */
/* Choices; see choice.h. */
#include "kern/choice.h"

#include "kern/trace.h"

uint64_t choice_make(struct cpu *cpu, enum choice_kind kind, uint64_t n)
{
    struct mk_machine *machine = cpu->machine;
    if (n <= 1 || (!choice_is_open(machine) && kind != CHOICE_RANDOM))
        return 0;
    machine->random += 0x9e3779b97f4a7c15u;
    uint64_t taken = mix64(machine->random) % n;
    trace(cpu, MK_TRACE_CHOICE, kind, n, taken);
    return taken;
}

struct list *choice_from(struct cpu *cpu, enum choice_kind kind, struct list *head)
{
    struct list *link = head->next;
    if (unlikely(choice_is_open(cpu->machine)))
        for (uint64_t i = choice_make(cpu, kind, list_count(head)); i > 0; i--)
            link = link->next;
    return link;
}
