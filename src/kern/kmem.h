/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory of the kernel's objects, one pool per machine: size classes cut from
 * host pages, free lists last in first out. Everything goes with the machine.
 */
#ifndef KERN_KMEM_H
#define KERN_KMEM_H

#include "base/base.h"
#include "base/list.h"

#define KMEM_NR_CLASSES 14 /* 32, 48, 64, 96, 128, 192, 256, 384, 512, 1K, 2K, 4K, 16K, 64K */

struct kmem_free {
    struct kmem_free *next;
};

struct kmem {
    struct kmem_free *free[KMEM_NR_CLASSES];
    struct list chunks;
    uint64_t bytes;     /* taken from the host */
    uint64_t nr_allocs; /* alive */
    void *(*hook)(void *arg, size_t size);
    void *hook_arg;
};

void kmem_init(struct kmem *kmem, void *(*hook)(void *, size_t), void *hook_arg);
void kmem_finish(struct kmem *kmem);

/* NULL when the host has no memory or the hook says so. Not zeroed; aligned to 16. */
void *kmem_alloc(struct kmem *kmem, size_t size) __attribute__((malloc));
void kmem_free(struct kmem *kmem, void *p, size_t size); /* the size given to kmem_alloc; NULL is ignored */

/* Zeroed. */
static inline void *kmem_zalloc(struct kmem *kmem, size_t size)
{
    void *p = kmem_alloc(kmem, size);
    return p ? memset(p, 0, size) : NULL;
}

#endif
