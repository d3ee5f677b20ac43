/* SPDX-License-Identifier: BSD-2-Clause */
/* The facts about the host that a reader of the figures needs. */
#ifndef BENCH_FACTS_H
#define BENCH_FACTS_H

#include <stdbool.h>
#include <stdio.h>

struct facts {
    char cpu[96];
    int nr_cpus;
    int pinned; /* CPU that everything runs on; -1: none */
    char governor[32];
    bool is_virtual;
    char hypervisor[16];
    char kernel[160];
    double clock_cost; /* ns */
    bool has_instructions;
    char date[32];
};

/* Keep this thread, and what it starts, on the CPU that it is on. Before facts_read. */
void facts_pin(void);

/* A CPU besides that one; -1: none. */
int facts_other_cpu(void);

struct facts facts_read(void);
const char *facts_compiler(void);

/* The header of the output for people. */
void facts_print(const struct facts *facts, FILE *out);

#endif
