/* SPDX-License-Identifier: BSD-2-Clause */
/* The command line. */
#ifndef BENCH_OPTIONS_H
#define BENCH_OPTIONS_H

#include <stdbool.h>

#include "bench/measure.h"

struct options {
    const char *json, *csv, *plot; /* NULL: not wanted */
    const char *compare[2];
    bool is_list, is_check;
    unsigned nr_profile;  /* operations of each row; 0: measure */
    bool is_stdout_taken; /* JSON or CSV goes there, and nothing else */
    struct plan plan;
};

/*
 * Read the command line and choose the rows. False: end with *statusp, 0 after --help
 * or 2 after a line on standard error.
 */
bool options_read(struct options *options, int argc, char **argv, int *statusp);

#endif
