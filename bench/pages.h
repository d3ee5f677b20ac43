/* SPDX-License-Identifier: BSD-2-Clause */
/* What the rows of virtual memory and their floors share: the same pages in the same order. */
#ifndef BENCH_PAGES_H
#define BENCH_PAGES_H

#include "bench/bench.h"

#define PAGE        ((size_t)4096)
#define NR_PAGES    ((size_t)2048) /* that are mapped and protected at once */
#define CHUNK_SIZE  (NR_PAGES * PAGE)
#define NR_SEQUENCE ((size_t)512) /* that are touched in sequence; a host may take long for each */
#define NR_MAPS     64            /* mappings that are there at the same time */
#define LARGE_SIZE  ((size_t)64 << 20)

/* `all` operations in chunks of at most `most`, each of which begins with fresh memory and is timed as a part. */
static inline void in_chunks(struct run *run, uint64_t all, size_t most, void (*one)(struct run *run, size_t nr))
{
    for (uint64_t left = all, nr; left > 0; left -= nr) {
        nr = left < most ? left : most;
        one(run, (size_t)nr);
    }
}

/* Chunks of `size` operations that the run needs; its operations become a multiple of it. */
static inline uint64_t whole_chunks(struct run *run, size_t size)
{
    uint64_t nr = (run->nr + size - 1) / size;
    run->nr = nr * size;
    return nr;
}

/* A batch in parts, between which other things are done. */
static inline void part_start(const struct run *run, struct run *part)
{
    *part = (struct run){.row = run->row};
    meter_start(part);
}

static inline void part_stop(struct run *run, struct run *part)
{
    meter_stop(part);
    run->total += part->total;
    run->cpu += part->cpu;
    run->instructions += part->instructions;
    run->is_metered = true;
}

static inline void touch_all(char *pages, size_t size)
{
    for (size_t i = 0; i < size; i += PAGE)
        *(volatile char *)(pages + i) = 1;
}

#endif
