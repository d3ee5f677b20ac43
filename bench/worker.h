/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Workers: programs that measure what lives in another library or language.
 * A worker writes "ready\n", then answers each line "TEST COUNT\n" with the
 * nanoseconds that COUNT operations took, after some to warm up, or with "error WHY\n", until its
 * standard input ends. So its samples can be taken in turn with all others.
 */
#ifndef BENCH_WORKER_H
#define BENCH_WORKER_H

#include "bench/bench.h"

/* The folder of this program, where its workers lie. */
const char *worker_folder(void);

/*
 * Start the row's program unless that was done, from the folder of this
 * program. False: it cannot be had, and the run says why.
 */
bool worker_start(struct run *run);

/* CPU time that the program has used so far, in ns; 0 when it does not run. */
double worker_cpu_time(const char *program);

/* Have the worker do run->nr operations of a test; sets run->total. */
void worker_ask(struct run *run, const char *test);

#endif
