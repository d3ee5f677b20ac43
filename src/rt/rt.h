/* SPDX-License-Identifier: BSD-2-Clause */
/* The runtime's state in each task, in the task's own memory. */
#ifndef RT_RT_H
#define RT_RT_H

#include <mk/types.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RT_NR_CLASSES 44

struct heap_free {
    struct heap_free *next;
};

/* Pages of a class that were not made blocks of yet. */
struct heap_rest {
    char *next, *end;
    size_t span; /* that was allocated last, bytes */
};

struct rt {
    struct heap_free *free[RT_NR_CLASSES];
    struct heap_rest rest[RT_NR_CLASSES];
    bool loop_stop;
    mk_name_t service; /* receive right that a live update brought; MK_NAME_NULL: the one that the task began with */
    mk_name_t confirm; /* send-once right of who waits for the end of the probation */
    unsigned nr_probation; /* messages to that */
    size_t line_used;
    char line[512]; /* output up to its newline */
};

/* The calling task's, made at the first call. NULL outside a machine, or when there is no memory. */
struct rt *rt_state(void);

/* Put out an unfinished line. */
void rt_flush(void);

#endif
