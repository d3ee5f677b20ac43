/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory of the kernel's objects, one pool per machine: size classes cut from
 * host pages, free lists last in first out. Everything goes with the machine.
 */
#ifndef KERN_KMEM_H
#define KERN_KMEM_H

#include "base/base.h"
#include "base/list.h"
#include "host/isolation.h"

#define KMEM_NR_CLASSES 15   /* 32, 48, 64, 96, 128, 152, 192, 256, 384, 512, 1K, 2K, 4K, 16K, 64K */
#define KMEM_SMALL      1024 /* up to here the class is looked up */

struct kmem_free {
    struct kmem_free *next;
};

struct kmem {
    struct kmem_free *free[KMEM_NR_CLASSES];
    bool is_slow;                            /* a hook is to be asked, or free objects are poisoned */
    uint8_t small_class[KMEM_SMALL / 8 + 1]; /* by size in words */
    struct list chunks;
    uint64_t bytes;     /* taken from the host */
    uint64_t nr_allocs; /* alive */
    void *(*hook)(void *arg, size_t size);
    void *hook_arg;
    struct host_isolation *isolation; /* whose arena it is cut from; NULL: host pages */
};

void kmem_init(struct kmem *kmem, struct host_isolation *isolation, void *(*hook)(void *, size_t), void *hook_arg);
void kmem_finish(struct kmem *kmem);

/* Whole pages, zeroed, about which no hook is asked. NULL: none. */
void *kmem_pages_alloc(struct kmem *kmem, size_t size);
void kmem_pages_free(struct kmem *kmem, void *p, size_t size);

void *kmem_alloc_slow(struct kmem *kmem, size_t size);
void kmem_free_slow(struct kmem *kmem, void *p, size_t size);

/* A free object, if there is one at hand; else NULL. */
static inline void *kmem_pop(struct kmem *kmem, size_t size)
{
    if (unlikely(size > KMEM_SMALL) || unlikely(kmem->is_slow))
        return NULL;
    unsigned class = kmem->small_class[(size + 7) / 8];
    struct kmem_free *free = kmem->free[class];
    if (unlikely(!free))
        return NULL;
    kmem->free[class] = free->next;
    kmem->nr_allocs++;
    return free;
}

/* The reverse, for what kmem_pop or kmem_alloc gave and is small. */
static inline void kmem_push(struct kmem *kmem, void *p, size_t size)
{
    unsigned class = kmem->small_class[(size + 7) / 8];
    struct kmem_free *free = p;
    free->next = kmem->free[class];
    kmem->free[class] = free;
    kmem->nr_allocs--;
}

/* NULL when the host has no memory or the hook says so. Not zeroed; aligned to 8. */
static inline __attribute__((malloc)) void *kmem_alloc(struct kmem *kmem, size_t size)
{
    void *p = kmem_pop(kmem, size);
    return likely(p) ? p : kmem_alloc_slow(kmem, size);
}

/* `size` is the one given to kmem_alloc; NULL is ignored. */
static inline void kmem_free(struct kmem *kmem, void *p, size_t size)
{
    if (likely(size <= KMEM_SMALL) && likely(!kmem->is_slow) && likely(p))
        kmem_push(kmem, p, size);
    else
        kmem_free_slow(kmem, p, size);
}

/* Zeroed. */
static inline void *kmem_zalloc(struct kmem *kmem, size_t size)
{
    void *p = kmem_alloc(kmem, size);
    return p ? memset(p, 0, size) : NULL;
}

#endif
