/* SPDX-License-Identifier: BSD-2-Clause */
/* Stacks in slabs; see stack.h. */
#include "host/stack.h"

#include <mk/types.h>

#include "host/pages.h"
#include "host/sanitizer.h"

#define SLAB_FIRST 4
#define SLAB_LAST  256

/* Stands at the low end of its mapping, where nothing else would be. */
struct slab {
    struct list link;
    size_t size;
};

void host_stacks_init(struct host_stacks *stacks, struct host_isolation *isolation, struct host_domain *domain)
{
    *stacks = (struct host_stacks){.isolation = isolation, .domain = domain};
    list_init(&stacks->slabs);
}

/* Something else may be mapped there next, which must not find the marks of frames that were left in mid-flight. */
static void slab_free(struct host_stacks *stacks, struct slab *slab)
{
    size_t size = slab->size;
    if (stacks->isolation) {
        host_range_remove(stacks->isolation, slab);
        host_range_remove(stacks->isolation, (char *)slab + host_page_size());
    }
    host_pages_clean(slab, size);
    host_pages_free(slab, size);
}

void host_stacks_finish(struct host_stacks *stacks)
{
    list_for_each_safe (link, &stacks->slabs) {
        struct slab *slab = list_entry(link, struct slab, link);
        list_remove(link);
        slab_free(stacks, slab);
    }
    host_stacks_init(stacks, stacks->isolation, stacks->domain);
}

/* The slab's own page is the kernel's. */
static bool isolate(struct host_stacks *stacks, struct slab *slab, size_t bytes, size_t size)
{
    size_t header = host_page_size();
    if (!stacks->isolation)
        return true;
    return host_range_add(stacks->isolation, NULL, slab, header, HOST_RANGE_KERNEL, 0) &&
           host_range_add(stacks->isolation, stacks->domain, (char *)slab + header, bytes - header, HOST_RANGE_STACKS,
                          size);
}

/* A mapping for n stacks of `size` bytes: the first stack's guard, or NULL. */
static char *slab_create(struct host_stacks *stacks, size_t n, size_t size)
{
    size_t header = host_page_size();
    size_t bytes = header + n * (HOST_STACK_GUARD + size);
    struct slab *slab = host_pages_alloc(bytes);
    if (!slab)
        return NULL;
    slab->size = bytes;
    list_init(&slab->link);
    if (!isolate(stacks, slab, bytes, size)) {
        slab_free(stacks, slab);
        return NULL;
    }
    list_add_tail(&slab->link, &stacks->slabs);
    return (char *)slab + header;
}

static size_t next_slab_count(const struct host_stacks *stacks)
{
    size_t n = SLAB_FIRST << (2 * (stacks->nr_slabs < 4 ? stacks->nr_slabs : 3));
    return n < SLAB_LAST ? n : SLAB_LAST;
}

char *host_stack_alloc(struct host_stacks *stacks, size_t size)
{
    char *base;

    if (size != MK_STACK_DEFAULT) {
        base = slab_create(stacks, 1, size);
    } else {
        if (!stacks->nr_left) {
            size_t n = next_slab_count(stacks);
            stacks->next = slab_create(stacks, n, size);
            if (!stacks->next)
                return NULL;
            stacks->nr_left = n;
            stacks->nr_slabs++;
        }
        base = stacks->next;
        stacks->next += HOST_STACK_GUARD + size;
        stacks->nr_left--;
    }
    if (!base)
        return NULL;
    host_pages_guard(base, HOST_STACK_GUARD);
    (void)VALGRIND_STACK_REGISTER(base + HOST_STACK_GUARD, base + HOST_STACK_GUARD + size);
    return base + HOST_STACK_GUARD;
}

void host_stack_free(struct host_stacks *stacks, char *stack)
{
    struct slab *slab = (struct slab *)(void *)(stack - HOST_STACK_GUARD - host_page_size());
    list_remove(&slab->link);
    slab_free(stacks, slab);
}
