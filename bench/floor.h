/* SPDX-License-Identifier: BSD-2-Clause */
/* The floors: what no design can go below on this host. */
#ifndef BENCH_FLOOR_H
#define BENCH_FLOOR_H

/* A call that the compiler cannot see through. */
extern int (*volatile floor_function)(int);

/* Switch to another stack and back, n times: six callee-saved registers, mxcsr and the x87 control word, each way. */
void floor_switch_pairs(int n);

#endif
