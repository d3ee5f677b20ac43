/* SPDX-License-Identifier: BSD-2-Clause */
/* The list of rows, and how a measurement ends. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/bench.h"

struct row *rows;
size_t nr_rows;

void row_add(const struct row *row, const char *name, ...)
{
    char *text;
    va_list args;
    va_start(args, name);
    int n = vasprintf(&text, name, args);
    va_end(args);
    struct row *grown = realloc(rows, (nr_rows + 1) * sizeof(*rows));
    if (n < 0 || !grown)
        fail("no memory");
    rows = grown;
    rows[nr_rows] = *row;
    rows[nr_rows++].name = text;
}

struct row *row_lookup(const char *name)
{
    for (size_t i = 0; i < nr_rows; i++)
        if (strcmp(rows[i].name, name) == 0)
            return &rows[i];
    return NULL;
}

void run_absent(struct run *run, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(run->absent, sizeof(run->absent), format, args);
    va_end(args);
}

void fail(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("mkbench: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    exit(1);
}

void *bench_alloc(size_t nr, size_t size)
{
    void *p = calloc(nr ? nr : 1, size ? size : 1);
    if (!p)
        fail("no memory");
    return p;
}

char *bench_format(const char *format, ...)
{
    char *text;
    va_list args;
    va_start(args, format);
    int n = vasprintf(&text, format, args);
    va_end(args);
    if (n < 0)
        fail("no memory");
    return text;
}
