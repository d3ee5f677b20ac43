/* SPDX-License-Identifier: BSD-2-Clause */
/* The frame of a worker in C; see ../worker.h for what it says. */
#ifndef BENCH_PEERS_PEER_H
#define BENCH_PEERS_PEER_H

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define PEER_WARM_UPS 100

static inline double peer_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* Answer until the input ends; the worker has one test, which returns ns, or less than 0 when it failed. */
static inline int peer_main(const char *test, double (*measure)(uint64_t nr))
{
    char line[128], name[64];
    unsigned long long nr;
    puts("ready");
    fflush(stdout);
    while (fgets(line, sizeof(line), stdin)) {
        double ns = -1;
        if (sscanf(line, "%63s %llu", name, &nr) == 2 && strcmp(name, test) == 0)
            ns = measure(PEER_WARM_UPS) < 0 ? -1 : measure(nr);
        if (ns < 0)
            puts("error: it failed");
        else
            printf("%.0f\n", ns);
        fflush(stdout);
    }
    return 0;
}

#endif
