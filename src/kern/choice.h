/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Choices: every decision that could go another way is asked here, with how
 * many alternatives there are; 0 is what the policy would take. Without a seed
 * the policy decides; with one, the seed does.
 */
#ifndef KERN_CHOICE_H
#define KERN_CHOICE_H

#include "kern/machine.h"

enum choice_kind {
    CHOICE_RUN = 1, /* which of the ready threads of one priority runs */
    CHOICE_WAKE,    /* which of the threads that wait at a port is served */
    CHOICE_PORT,    /* which of a set's ports with messages is served */
    CHOICE_RANDOM,  /* mk_random */
};

static inline bool choice_is_open(const struct mk_machine *machine)
{
    return machine->seed != 0;
}

/* Less than n, which is at least 1. */
uint64_t choice_make(struct cpu *cpu, enum choice_kind kind, uint64_t n);

/* A member of a list that is not empty: the first by policy. */
struct list *choice_from(struct cpu *cpu, enum choice_kind kind, struct list *head);

#endif
