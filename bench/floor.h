/* SPDX-License-Identifier: BSD-2-Clause */
/* The floors: what no design can go below on this host. */
#ifndef BENCH_FLOOR_H
#define BENCH_FLOOR_H

#include <stddef.h>
#include <stdint.h>

/* A call that the compiler cannot see through. */
extern int (*volatile floor_function)(int);

/* Leave this stack for another: six callee-saved registers, mxcsr and the x87 control word are saved and loaded. */
void bare_switch(void **save, void *load);

/* A stack, aligned to 64, that begins with entry(), which must not return; what bare_switch loads. */
void *floor_context(void *stack, size_t size, void (*entry)(void));

/* Switch to another stack and back, nr times. */
void floor_switch_pairs(uint64_t nr);

#endif
