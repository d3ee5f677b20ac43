/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Stacks of one task, in slabs: one host mapping holds many stacks, so that
 * 100,000 of them stay far below the host's limit of mappings. Each has a guard
 * at its low end. Stacks of another size than the slabs' have a mapping each.
 */
#ifndef HOST_STACK_H
#define HOST_STACK_H

#include <stddef.h>

#include "base/list.h"
#include "host/isolation.h"

#define HOST_STACK_GUARD ((size_t)65536) /* bytes */

struct host_stacks {
    struct list slabs;
    char *next;                       /* first stack of the newest slab that was never used */
    size_t nr_left;                   /* never used in the newest slab */
    size_t nr_slabs;                  /* of the default size */
    struct host_isolation *isolation; /* NULL: none */
    struct host_domain *domain;       /* whose they are; NULL: the kernel's */
};

void host_stacks_init(struct host_stacks *stacks, struct host_isolation *isolation, struct host_domain *domain);
void host_stacks_finish(struct host_stacks *stacks); /* unmaps every stack */

/* Lowest usable byte of a new stack of `size` bytes (a multiple of the page), or NULL. */
char *host_stack_alloc(struct host_stacks *stacks, size_t size);

/* Give back a stack of another size than MK_STACK_DEFAULT; those of the default size are for the caller to reuse. */
void host_stack_free(struct host_stacks *stacks, char *stack);

#endif
