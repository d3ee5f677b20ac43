/* SPDX-License-Identifier: BSD-2-Clause */
/* Kernel memory; see kmem.h. Under ASan a free object is poisoned, so that its use is caught. */
#include "kern/kmem.h"

#include "host/pages.h"
#include "host/sanitizer.h"

#define CHUNK_SIZE ((size_t)65536)

#if HOST_ASAN
void __asan_poison_memory_region(void const volatile *addr, size_t size);
void __asan_unpoison_memory_region(void const volatile *addr, size_t size);
#define POISON(p, n)   __asan_poison_memory_region(p, n)
#define UNPOISON(p, n) __asan_unpoison_memory_region(p, n)
#else
#define POISON(p, n)   ((void)(p), (void)(n))
#define UNPOISON(p, n) ((void)(p), (void)(n))
#endif

static const uint32_t class_sizes[KMEM_NR_CLASSES] = {32,  48,  64,   96,   128,  152,   192,  256,
                                                      384, 512, 1024, 2048, 4096, 16384, 65536};

/* At the low end of host pages that hold objects, or one large object. */
struct chunk {
    struct list link;
    size_t size;
    size_t pad;
};
#define CHUNK_HEADER round_up(sizeof(struct chunk), 64)

static unsigned class_of(size_t size)
{
    unsigned class = 0;
    while (class < KMEM_NR_CLASSES && class_sizes[class] < size)
        class ++;
    return class;
}

void kmem_init(struct kmem *kmem, struct host_isolation *isolation, void *(*hook)(void *, size_t), void *hook_arg)
{
    memset(kmem, 0, sizeof(*kmem));
    list_init(&kmem->chunks);
    kmem->isolation = isolation;
    kmem->hook = hook;
    kmem->hook_arg = hook_arg;
    kmem->is_slow = hook || HOST_ASAN;
    for (size_t words = 0; words <= KMEM_SMALL / 8; words++)
        kmem->small_class[words] = (uint8_t)class_of(8 * words);
}

void *kmem_pages_alloc(struct kmem *kmem, size_t size)
{
    return kmem->isolation ? host_isolation_alloc(kmem->isolation, size) : host_pages_alloc(size);
}

void kmem_pages_free(struct kmem *kmem, void *p, size_t size)
{
    if (kmem->isolation)
        host_isolation_free(kmem->isolation, p, size);
    else
        host_pages_free(p, size);
}

static void chunk_destroy(struct kmem *kmem, struct chunk *chunk)
{
    kmem->bytes -= chunk->size;
    list_remove(&chunk->link);
    UNPOISON(chunk, chunk->size);
    kmem_pages_free(kmem, chunk, chunk->size);
}

void kmem_finish(struct kmem *kmem)
{
    list_for_each_safe (link, &kmem->chunks)
        chunk_destroy(kmem, list_entry(link, struct chunk, link));
}

/* The first byte after the header, or NULL. */
static char *chunk_create(struct kmem *kmem, size_t size)
{
    struct chunk *chunk = kmem_pages_alloc(kmem, size);
    if (!chunk)
        return NULL;
    chunk->size = size;
    list_add_tail(&chunk->link, &kmem->chunks);
    kmem->bytes += size;
    return (char *)chunk + CHUNK_HEADER;
}

static bool class_refill(struct kmem *kmem, unsigned class)
{
    size_t object = class_sizes[class];
    size_t size = object < 4096 ? CHUNK_SIZE : round_up(CHUNK_HEADER + 4 * object, host_page_size());
    char *p = chunk_create(kmem, size);
    if (!p)
        return false;
    struct kmem_free **tail = &kmem->free[class]; /* ascending order: neighbours are used together */
    for (size_t n = (size - CHUNK_HEADER) / object; n > 0; n--, p += object) {
        struct kmem_free *free = (struct kmem_free *)(void *)p;
        *tail = free;
        tail = &free->next;
        POISON(p + sizeof(*free), object - sizeof(*free));
    }
    *tail = NULL;
    return true;
}

void *kmem_alloc_slow(struct kmem *kmem, size_t size)
{
    if (unlikely(kmem->hook) && !kmem->hook(kmem->hook_arg, size))
        return NULL;
    unsigned class = class_of(size);
    void *p;
    if (class == KMEM_NR_CLASSES) {
        p = chunk_create(kmem, round_up(CHUNK_HEADER + size, host_page_size()));
    } else {
        if (!kmem->free[class] && !class_refill(kmem, class))
            return NULL;
        struct kmem_free *free = kmem->free[class];
        UNPOISON(free, class_sizes[class]);
        kmem->free[class] = free->next;
        p = free;
    }
    kmem->nr_allocs += p != NULL;
    return p;
}

void kmem_free_slow(struct kmem *kmem, void *p, size_t size)
{
    if (!p)
        return;
    kmem->nr_allocs--;
    unsigned class = class_of(size);
    if (class == KMEM_NR_CLASSES) {
        chunk_destroy(kmem, (struct chunk *)(void *)((char *)p - CHUNK_HEADER));
        return;
    }
    struct kmem_free *free = p;
    free->next = kmem->free[class];
    kmem->free[class] = free;
    POISON((char *)p + sizeof(*free), class_sizes[class] - sizeof(*free));
}
