/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The task's heap: free lists by size class, filled page by page from spans of the task's window;
 * large blocks have pages of their own. A header before each block tells its
 * class, and a mark that catches most wrong frees.
 *
 * Classes are spaced by a quarter of a power of two: 16, 32, 48, 64, 80, 96,
 * 112, 128, 160, ... so that at most a fifth of a block is wasted.
 */
#include <mk/mk.h>

#include <string.h>

#include "rt/rt.h"

#define HEADER    ((size_t)16)
#define MARK_USED 0x6d6b7573u
#define MARK_FREE 0x6d6b6672u
#define LARGE     UINT32_MAX      /* class of a block with pages of its own */
#define SPAN      ((size_t)65536) /* the most that is allocated for small blocks at once */

struct header {
    uint32_t mark;
    uint32_t class;
    uint32_t offset;   /* of an aligned block: bytes back to the real one */
    uint32_t nr_pages; /* LARGE */
};
_Static_assert(sizeof(struct header) == HEADER, "blocks stay aligned to 16");

struct rt *rt_state(void)
{
    mk_vaddr_t addr;
    if (!mk_task_slot() && mk_vm_allocate(mk_task_self(), sizeof(struct rt), &addr) == MK_OK)
        mk_task_set_slot((void *)addr);
    return mk_task_slot();
}

/* Bytes of a block of this class, its header included. */
static size_t class_size(uint32_t class)
{
    if (class < 8)
        return 16 * (class + 1u);
    return (size_t)(4 + class % 4 + 1) << (class / 4 + 3);
}

static uint32_t class_of(size_t size)
{
    if (size <= 128)
        return (uint32_t)((size + 15) / 16 - 1);
    unsigned log = 63 - (unsigned)__builtin_clzll(size - 1); /* 2^log < size <= 2^(log+1) */
    return (log - 5) * 4 + (uint32_t)((size - 1) >> (log - 2)) % 4;
}

static void *pages(size_t size)
{
    mk_vaddr_t addr;
    return mk_vm_allocate(mk_task_self(), size, &addr) == MK_OK ? (void *)addr : NULL;
}

/* More pages for a class, of which nothing is left: at first as few as will do, then twice as many as before. */
static bool get_pages(struct heap_rest *rest, size_t size)
{
    size_t page = mk_page_size(), least = (size + page - 1) / page * page, most = size * 4 > SPAN ? size * 4 : SPAN;
    size_t span = rest->span * 2 < least ? least : rest->span * 2 < most ? rest->span * 2 : most;
    char *p = pages(span);
    if (!p && span > least) { /* little is left */
        span = least;
        p = pages(span);
    }
    if (!p)
        return false;
    *rest = (struct heap_rest){p, p + span / size * size, span};
    return true;
}

/* Blocks are made a page at a time: a page that no block was needed of is not touched, and takes no frame. */
static bool refill(struct rt *rt, uint32_t class)
{
    size_t size = class_size(class), page = mk_page_size();
    struct heap_rest *rest = &rt->rest[class];
    if (rest->next == rest->end && !get_pages(rest, size))
        return false;
    size_t left = (size_t)(rest->end - rest->next) / size, n = size < page ? page / size : 1;
    char *p = rest->next;
    rest->next += (n < left ? n : left) * size;
    for (char *block = rest->next; block > p;) {
        block -= size;
        struct header *header = (struct header *)(void *)block;
        struct heap_free *free = (struct heap_free *)(void *)(block + HEADER);
        header->mark = MARK_FREE;
        header->class = class;
        free->next = rt->free[class];
        rt->free[class] = free;
    }
    return true;
}

static void *large(size_t size)
{
    size_t page = mk_page_size();
    size_t nr_pages = (HEADER + size + page - 1) / page;
    if (nr_pages > UINT32_MAX)
        return NULL;
    struct header *header = pages(nr_pages * page);
    if (!header)
        return NULL;
    *header = (struct header){.mark = MARK_USED, .class = LARGE, .nr_pages = (uint32_t)nr_pages};
    return (char *)header + HEADER;
}

void *mk_malloc(size_t size)
{
    struct rt *rt = rt_state();
    if (!rt || size > SIZE_MAX / 2)
        return NULL;
    uint32_t class = class_of(HEADER + (size ? size : 1));
    if (class >= RT_NR_CLASSES)
        return large(size);
    if (!rt->free[class] && !refill(rt, class))
        return NULL;
    struct heap_free *free = rt->free[class];
    struct header *header = (struct header *)(void *)((char *)free - HEADER);
    rt->free[class] = free->next;
    header->mark = MARK_USED;
    header->offset = 0;
    return free;
}

/* The header of a live block; a pointer that is none ends the task. */
static struct header *header_of(void *p, const char *what)
{
    struct header *header = (struct header *)(void *)((char *)p - HEADER);
    if (((uintptr_t)p & 15) == 0 && header->mark == MARK_USED) {
        struct header *real = header->offset ? (struct header *)(void *)((char *)p - header->offset - HEADER) : header;
        if (real->mark == MARK_USED)
            return real;
        header = real;
    }
    mk_log("%s: %p %s", what, p,
           ((uintptr_t)p & 15) == 0 && header->mark == MARK_FREE ? "was freed before"
                                                                 : "is no block of this task's heap");
    mk_abort();
}

static size_t usable(const struct header *header)
{
    return header->class == LARGE ? header->nr_pages * mk_page_size() - HEADER : class_size(header->class) - HEADER;
}

void mk_free(void *p)
{
    if (!p)
        return;
    struct header *header = header_of(p, "free");
    if (header->class == LARGE) {
        mk_err_t err = mk_vm_deallocate(mk_task_self(), (mk_vaddr_t)header, header->nr_pages * mk_page_size());
        if (err)
            mk_log("free: %s", mk_err_text(err));
        return;
    }
    struct rt *rt = rt_state();
    struct heap_free *free = (struct heap_free *)(void *)((char *)header + HEADER);
    header->mark = MARK_FREE;
    free->next = rt->free[header->class];
    rt->free[header->class] = free;
}

void *mk_calloc(size_t nr, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(nr, size, &bytes))
        return NULL;
    void *p = mk_malloc(bytes);
    return p ? memset(p, 0, bytes) : NULL;
}

void *mk_realloc(void *p, size_t size)
{
    if (!p)
        return mk_malloc(size);
    struct header *header = header_of(p, "realloc");
    size_t room = usable(header) - (size_t)((char *)p - (char *)header - HEADER);
    if (size <= room && (size >= room / 2 || room < 256))
        return p;
    void *new = mk_malloc(size);
    if (!new)
        return NULL;
    memcpy(new, p, size < room ? size : room);
    mk_free(p);
    return new;
}

void *mk_aligned_alloc(size_t align, size_t size)
{
    if (align & (align - 1) || align > ((size_t)1 << 20) || size > SIZE_MAX / 4)
        return NULL;
    if (align <= 16)
        return mk_malloc(size);
    char *p = mk_malloc(size + align + HEADER);
    if (!p)
        return NULL;
    char *aligned = (char *)(((uintptr_t)p + HEADER + align - 1) & ~(uintptr_t)(align - 1));
    *(struct header *)(void *)(aligned - HEADER) =
        (struct header){.mark = MARK_USED, .offset = (uint32_t)(aligned - p)};
    return aligned;
}

int mk_posix_memalign(void **pp, size_t align, size_t size)
{
    if (align < sizeof(void *) || align & (align - 1))
        return 22; /* EINVAL */
    void *p = mk_aligned_alloc(align, size);
    if (!p)
        return 12; /* ENOMEM */
    *pp = p;
    return 0;
}

char *mk_strndup(const char *s, size_t n)
{
    size_t size = strnlen(s, n);
    char *copy = mk_malloc(size + 1);
    if (!copy)
        return NULL;
    memcpy(copy, s, size);
    copy[size] = '\0';
    return copy;
}

char *mk_strdup(const char *s)
{
    return mk_strndup(s, SIZE_MAX - 1);
}
