/* SPDX-License-Identifier: BSD-2-Clause */
/* Isolation by mprotect; see isolation.h. */
#include "host/isolation.h"

#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include "base/base.h"
#include "base/list.h"
#include "host/memory.h"
#include "host/pages.h"
#include "host/stack.h"

#define PIECE_SIZE ((size_t)65536)
#define NR_PIECES  32 /* that a domain remembers */
#define ARENA_SIZE ((size_t)16 << 30)
#define HUGE_SIZE  ((size_t)2 << 20)
#define NR_ORDERS  40

struct host_range {
    uintptr_t start, end;
    size_t lead, size, stride; /* a piece is `size` bytes, `lead` bytes from each multiple of the stride on */
    struct host_domain *domain;
    enum host_range_kind kind;
    uint8_t *pages; /* of a window: two bits for each, what may be done with it */
};

struct piece {
    uintptr_t start, end;
    const struct host_range *range;
    uint32_t stamp; /* when it was remembered */
    bool is_open;
};

struct host_domain {
    struct list link; /* in those that may have open pieces */
    uint32_t clock;
    unsigned nr;
    struct piece pieces[NR_PIECES]; /* by address */
};

struct block { /* a free one */
    struct block *next;
};

/* At the beginning of the arena, which it describes. */
struct host_isolation {
    void *reserved;
    size_t committed, used;        /* from here on */
    struct block *free[NR_ORDERS]; /* by powers of two */
    struct host_range **ranges;    /* by address */
    size_t nr_ranges, max_ranges;
    struct host_domain kernel;
    struct list open;
    struct host_domain *running; /* whose task goes on, or was the last to */
    struct host_domain *user;    /* whose pointers the kernel is given */
    bool is_kernel;
    bool is_suspended;
    struct host_isolation_counts counts;
};

static bool protect(struct host_isolation *isolation, uintptr_t start, size_t size, bool is_readable, bool is_writable)
{
    isolation->counts.nr_protects++;
    return host_pages_protect((void *)start, size, is_readable, is_writable);
}

/* ---- the arena ---- */

static char *arena_of(struct host_isolation *isolation)
{
    return (char *)isolation;
}

static bool is_in_arena(const struct host_isolation *isolation, uintptr_t addr)
{
    return addr - (uintptr_t)isolation < isolation->committed;
}

/* More of it. False: no memory. */
static bool arena_commit(char *arena, size_t *committedp, size_t size)
{
    size_t more = round_up(size, HUGE_SIZE);
    if (more > ARENA_SIZE - *committedp || !host_pages_commit(arena + *committedp, more))
        return false;
    madvise(arena + *committedp, more, MADV_HUGEPAGE); /* if it can be had: protecting one of them is one step */
    *committedp += more;
    return true;
}

struct host_isolation *host_isolation_create(void)
{
    size_t committed = 0, size = ARENA_SIZE + HUGE_SIZE;
    char *reserved = host_pages_reserve(size);
    char *arena = (char *)round_up((uintptr_t)reserved, HUGE_SIZE);
    if (!reserved)
        return NULL;
    if (!arena_commit(arena, &committed, HUGE_SIZE)) {
        host_pages_free(reserved, size);
        return NULL;
    }
    struct host_isolation *isolation = (struct host_isolation *)(void *)arena;
    isolation->reserved = reserved;
    isolation->committed = committed;
    isolation->used = round_up(sizeof(*isolation), 64);
    list_init(&isolation->open);
    list_init(&isolation->kernel.link);
    isolation->is_kernel = isolation->is_suspended = true;
    return isolation;
}

void host_isolation_destroy(struct host_isolation *isolation)
{
    if (isolation)
        host_pages_free(isolation->reserved, ARENA_SIZE + HUGE_SIZE);
}

static unsigned order_of(size_t size)
{
    unsigned order = 6;
    while (((size_t)1 << order) < size)
        order++;
    return order;
}

void *host_isolation_alloc(struct host_isolation *isolation, size_t size)
{
    unsigned order = order_of(size);
    struct block *block = order < NR_ORDERS ? isolation->free[order] : NULL;
    size_t bytes = (size_t)1 << order;
    if (block) {
        isolation->free[order] = block->next;
        return memset(block, 0, bytes);
    }
    if (order >= NR_ORDERS)
        return NULL;
    if (bytes > isolation->committed - isolation->used &&
        !arena_commit(arena_of(isolation), &isolation->committed, bytes))
        return NULL;
    void *p = arena_of(isolation) + isolation->used;
    isolation->used += bytes;
    return p;
}

void host_isolation_free(struct host_isolation *isolation, void *p, size_t size)
{
    if (!p)
        return;
    unsigned order = order_of(size);
    struct block *block = p;
    block->next = isolation->free[order];
    isolation->free[order] = block;
}

/* ---- ranges ---- */

/* Of the first range that does not begin below `addr`. */
static size_t range_index(const struct host_isolation *isolation, uintptr_t addr)
{
    size_t low = 0, high = isolation->nr_ranges;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (isolation->ranges[middle]->start < addr)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct host_range *range_at(const struct host_isolation *isolation, uintptr_t addr)
{
    size_t next = range_index(isolation, addr + 1);
    return next > 0 && addr < isolation->ranges[next - 1]->end ? isolation->ranges[next - 1] : NULL;
}

/* The range that begins there. */
static struct host_range *range_from(const struct host_isolation *isolation, const void *start)
{
    struct host_range *range = range_at(isolation, (uintptr_t)start);
    return range && range->start == (uintptr_t)start ? range : NULL;
}

static bool can_be_read_closed(const struct host_isolation *isolation, const struct host_range *range)
{
    return range->domain == &isolation->kernel && range->kind != HOST_RANGE_HIDDEN;
}

static void close_range(struct host_isolation *isolation, const struct host_range *range)
{
    protect(isolation, range->start, range->end - range->start, can_be_read_closed(isolation, range), false);
}

static void open_range(struct host_isolation *isolation, const struct host_range *range)
{
    if (!range->lead || host_guards_are_marks()) {
        protect(isolation, range->start, range->end - range->start, true, true);
        return;
    }
    for (uintptr_t start = range->start + range->lead; start < range->end; start += range->stride)
        protect(isolation, start, range->size, true, true);
}

static bool ranges_grow(struct host_isolation *isolation)
{
    if (isolation->nr_ranges < isolation->max_ranges)
        return true;
    size_t max = isolation->max_ranges ? 2 * isolation->max_ranges : 64;
    struct host_range **ranges = host_isolation_alloc(isolation, max * sizeof(struct host_range *));
    if (!ranges)
        return false;
    if (isolation->nr_ranges)
        memcpy((void *)ranges, (const void *)isolation->ranges, isolation->nr_ranges * sizeof(struct host_range *));
    host_isolation_free(isolation, (void *)isolation->ranges, isolation->max_ranges * sizeof(struct host_range *));
    isolation->ranges = ranges;
    isolation->max_ranges = max;
    return true;
}

static size_t nr_page_bytes(size_t bytes)
{
    return bytes / host_page_size() / 4;
}

/* Without its place. */
static struct host_range *range_create(struct host_isolation *isolation, size_t bytes, enum host_range_kind kind,
                                       size_t size)
{
    struct host_range *range = host_isolation_alloc(isolation, sizeof(*range));
    if (!range)
        return NULL;
    *range = (struct host_range){.kind = kind, .size = PIECE_SIZE, .stride = PIECE_SIZE};
    if (kind == HOST_RANGE_STACKS) {
        range->lead = HOST_STACK_GUARD;
        range->size = size;
        range->stride = HOST_STACK_GUARD + size;
    } else if (kind == HOST_RANGE_DATA) {
        range->size = range->stride = bytes;
    } else if (kind == HOST_RANGE_WINDOW) {
        range->pages = host_isolation_alloc(isolation, nr_page_bytes(bytes));
        if (!range->pages) {
            host_isolation_free(isolation, range, sizeof(*range));
            return NULL;
        }
    }
    return range;
}

bool host_range_add(struct host_isolation *isolation, struct host_domain *domain, void *start, size_t bytes,
                    enum host_range_kind kind, size_t size)
{
    struct host_range *range = ranges_grow(isolation) ? range_create(isolation, bytes, kind, size) : NULL;
    if (!range)
        return false;
    range->start = (uintptr_t)start;
    range->end = range->start + bytes;
    range->domain = domain ? domain : &isolation->kernel;
    size_t i = range_index(isolation, range->start);
    memmove((void *)&isolation->ranges[i + 1], (const void *)&isolation->ranges[i],
            (isolation->nr_ranges - i) * sizeof(struct host_range *));
    isolation->ranges[i] = range;
    isolation->nr_ranges++;
    if (!isolation->is_suspended)
        close_range(isolation, range);
    else if (kind != HOST_RANGE_WINDOW)
        open_range(isolation, range);
    return true;
}

/* ---- pieces ---- */

/* The piece of the range at this address. False: a guard is there. */
static bool piece_at(const struct host_range *range, uintptr_t addr, struct piece *piece)
{
    uintptr_t start = range->start + (addr - range->start) / range->stride * range->stride + range->lead;
    *piece = (struct piece){start, start + range->size, range, 0, false};
    if (piece->end > range->end)
        piece->end = range->end;
    return addr >= start;
}

/* Of the first piece that the domain remembers from here on. */
static unsigned piece_index(const struct host_domain *domain, uintptr_t start)
{
    unsigned i = 0;
    while (i < domain->nr && domain->pieces[i].start < start)
        i++;
    return i;
}

static struct piece *piece_find(struct host_domain *domain, uintptr_t start)
{
    unsigned i = piece_index(domain, start);
    return i < domain->nr && domain->pieces[i].start == start ? &domain->pieces[i] : NULL;
}

static void close_pages(struct host_isolation *isolation, const struct piece *piece, uintptr_t end)
{
    protect(isolation, piece->start, end - piece->start, can_be_read_closed(isolation, piece->range), false);
}

static unsigned page_access(const struct host_range *range, size_t page)
{
    return range->pages[page / 4] >> 2 * (page % 4) & 3;
}

/* As they may be touched, in runs of equal ones. */
static bool open_pages(struct host_isolation *isolation, const struct host_range *range, uintptr_t start, uintptr_t end)
{
    if (range->kind != HOST_RANGE_WINDOW)
        return protect(isolation, start, end - start, true, true);
    size_t page_size = host_page_size();
    bool is_done = true;
    for (uintptr_t addr = start, next; addr < end; addr = next) {
        unsigned access = page_access(range, (addr - range->start) / page_size);
        for (next = addr + page_size; next < end; next += page_size)
            if (page_access(range, (next - range->start) / page_size) != access)
                break;
        if (access)
            is_done = protect(isolation, addr, next - addr, access & 1, access & 2) && is_done;
    }
    return is_done;
}

static void forget(struct host_domain *domain, unsigned i)
{
    memmove(&domain->pieces[i], &domain->pieces[i + 1], (--domain->nr - i) * sizeof(struct piece));
}

/* Does this run on it? */
static bool is_stood_on(const struct piece *piece)
{
    uintptr_t here = (uintptr_t)__builtin_frame_address(0);
    return here >= piece->start && here < piece->end;
}

static void forget_oldest(struct host_isolation *isolation, struct host_domain *domain)
{
    unsigned oldest = is_stood_on(&domain->pieces[0]);
    for (unsigned i = 1; i < domain->nr; i++)
        if (domain->pieces[i].stamp < domain->pieces[oldest].stamp && !is_stood_on(&domain->pieces[i]))
            oldest = i;
    if (domain->pieces[oldest].is_open)
        close_pages(isolation, &domain->pieces[oldest], domain->pieces[oldest].end);
    forget(domain, oldest);
}

static void note_open(struct host_isolation *isolation, struct host_domain *domain)
{
    if (domain != &isolation->kernel && list_empty(&domain->link)) /* the kernel's are closed in another way */
        list_add_tail(&domain->link, &isolation->open);
}

static bool piece_open(struct host_isolation *isolation, const struct piece *wanted)
{
    struct host_domain *domain = wanted->range->domain;
    struct piece *piece = piece_find(domain, wanted->start);
    if (piece && piece->is_open)
        return true;
    if (!open_pages(isolation, wanted->range, wanted->start, wanted->end))
        return false;
    note_open(isolation, domain);
    if (piece) {
        piece->is_open = true;
        return true;
    }
    if (domain->nr == NR_PIECES)
        forget_oldest(isolation, domain);
    unsigned i = piece_index(domain, wanted->start);
    memmove(&domain->pieces[i + 1], &domain->pieces[i], (domain->nr++ - i) * sizeof(struct piece));
    domain->pieces[i] = *wanted;
    domain->pieces[i].stamp = ++domain->clock;
    domain->pieces[i].is_open = true;
    return true;
}

/* The first piece from i on that does not lie right behind the one before, or is open where that is not. */
static unsigned run_end(const struct host_domain *domain, unsigned i)
{
    const struct piece *p = domain->pieces;
    do
        i++;
    while (i < domain->nr && p[i].start == p[i - 1].end && p[i].range == p[i - 1].range &&
           p[i].is_open == p[i - 1].is_open);
    return i;
}

static void open_domain(struct host_isolation *isolation, struct host_domain *domain)
{
    for (unsigned i = 0, end; i < domain->nr; i = end) {
        struct piece *pieces = domain->pieces;
        end = run_end(domain, i);
        if (!pieces[i].is_open)
            open_pages(isolation, pieces[i].range, pieces[i].start, pieces[end - 1].end);
        for (; i < end; i++)
            pieces[i].is_open = true;
    }
    note_open(isolation, domain);
}

static void close_domain(struct host_isolation *isolation, struct host_domain *domain)
{
    for (unsigned i = 0, end; i < domain->nr; i = end) {
        struct piece *pieces = domain->pieces;
        end = run_end(domain, i);
        if (pieces[i].is_open)
            close_pages(isolation, &pieces[i], pieces[end - 1].end);
        for (; i < end; i++)
            pieces[i].is_open = false;
    }
    list_remove(&domain->link);
}

/* What the kernel touched; not the stack on which this runs, if it is one for traps. */
static void close_kernel(struct host_isolation *isolation)
{
    struct host_domain *kernel = &isolation->kernel;
    unsigned kept = 0;
    for (unsigned i = 0; i < kernel->nr; i++) {
        const struct piece *piece = &kernel->pieces[i];
        if (is_stood_on(piece))
            kernel->pieces[kept++] = *piece;
        else
            close_pages(isolation, piece, piece->end);
    }
    kernel->nr = kept;
}

/* ---- ranges that change ---- */

static void forget_range(struct host_domain *domain, const struct host_range *range)
{
    for (unsigned i = domain->nr; i-- > 0;)
        if (domain->pieces[i].range == range)
            forget(domain, i);
}

void host_range_remove(struct host_isolation *isolation, void *start)
{
    struct host_range *range = range_from(isolation, start);
    if (!range)
        return;
    size_t i = range_index(isolation, range->start);
    forget_range(range->domain, range);
    memmove((void *)&isolation->ranges[i], (const void *)&isolation->ranges[i + 1],
            (--isolation->nr_ranges - i) * sizeof(struct host_range *));
    if (range->kind == HOST_RANGE_DATA || range->kind == HOST_RANGE_KERNEL)
        protect(isolation, range->start, range->end - range->start, true, true);
    if (range->pages)
        host_isolation_free(isolation, range->pages, nr_page_bytes(range->end - range->start));
    host_isolation_free(isolation, range, sizeof(*range));
}

struct host_domain *host_domain_create(struct host_isolation *isolation)
{
    struct host_domain *domain = host_isolation_alloc(isolation, sizeof(*domain));
    if (domain)
        list_init(&domain->link);
    return domain;
}

void host_domain_destroy(struct host_isolation *isolation, struct host_domain *domain)
{
    list_remove(&domain->link);
    if (isolation->running == domain)
        isolation->running = NULL;
    if (isolation->user == domain)
        isolation->user = NULL;
    host_isolation_free(isolation, domain, sizeof(*domain));
}

/* ---- in and out of the kernel ---- */

bool host_isolation_is_kernel(const struct host_isolation *isolation)
{
    return isolation->is_kernel;
}

struct host_domain *host_isolation_running(const struct host_isolation *isolation)
{
    return isolation->running;
}

/* In a section of its own, so that host_isolation_is_entering knows it. */
__attribute__((section("mk_enter"), noinline)) void host_isolation_enter(struct host_isolation *isolation)
{
    if (isolation->is_kernel)
        return;
    mprotect(isolation, isolation->committed, PROT_READ | PROT_WRITE);
    isolation->is_kernel = true;
    isolation->counts.nr_protects++;
}

/* A signal came in between, and closed the arena on its way back. */
bool host_isolation_is_entering(const struct host_isolation *isolation, uintptr_t addr, uint64_t instruction)
{
    extern const char __start_mk_enter[] __attribute__((visibility("hidden")));
    extern const char __stop_mk_enter[] __attribute__((visibility("hidden")));
    return is_in_arena(isolation, addr) && instruction >= (uintptr_t)__start_mk_enter &&
           instruction < (uintptr_t)__stop_mk_enter;
}

void host_isolation_return(struct host_isolation *isolation)
{
    isolation->counts.nr_protects++;
    isolation->is_kernel = false;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    mprotect(isolation, isolation->committed, PROT_READ);
}

static void resume(struct host_isolation *isolation)
{
    isolation->is_suspended = false;
    for (size_t i = 0; i < isolation->nr_ranges; i++)
        if (isolation->ranges[i]->kind != HOST_RANGE_WINDOW)
            close_range(isolation, isolation->ranges[i]);
}

void host_isolation_leave(struct host_isolation *isolation, struct host_domain *domain)
{
    if (isolation->is_suspended)
        resume(isolation);
    list_for_each_safe (link, &isolation->open) {
        struct host_domain *open = list_entry(link, struct host_domain, link);
        if (open != domain)
            close_domain(isolation, open);
    }
    close_kernel(isolation);
    open_domain(isolation, domain);
    isolation->running = isolation->user = domain;
    host_isolation_return(isolation);
}

void host_isolation_suspend(struct host_isolation *isolation)
{
    host_isolation_enter(isolation);
    isolation->is_suspended = true;
    isolation->kernel.nr = 0;
    for (size_t i = 0; i < isolation->nr_ranges; i++) {
        if (isolation->ranges[i]->kind != HOST_RANGE_WINDOW)
            open_range(isolation, isolation->ranges[i]);
    }
}

void host_isolation_touch(struct host_isolation *isolation, const void *addr)
{
    struct piece piece;
    const struct host_range *range = isolation->is_suspended ? NULL : range_at(isolation, (uintptr_t)addr);
    if (range && piece_at(range, (uintptr_t)addr, &piece))
        piece_open(isolation, &piece);
}

void host_isolation_use(struct host_isolation *isolation, struct host_domain *domain)
{
    isolation->user = domain;
}

void host_isolation_prepare(struct host_isolation *isolation, struct host_domain *domain, const void *addr)
{
    if (isolation->is_suspended)
        resume(isolation);
    isolation->user = domain;
    open_domain(isolation, domain);
    host_isolation_touch(isolation, addr);
}

/* ---- faults ---- */

bool host_isolation_fault(struct host_isolation *isolation, uintptr_t addr, bool is_write, bool is_kernel)
{
    const struct host_range *range = range_at(isolation, addr);
    struct piece piece;
    if (!range || (!is_kernel && range->domain != isolation->running) || !piece_at(range, addr, &piece))
        return false;
    if (range->pages && !(page_access(range, (addr - range->start) / host_page_size()) & (is_write ? 2 : 1)))
        return false;
    const struct piece *known = piece_find(range->domain, piece.start);
    if (known && known->is_open)
        return false;
    isolation->counts.nr_faults++;
    return piece_open(isolation, &piece);
}

/* From `addr` on, at most to `end`, there is nothing that the domain must not touch, up to what is returned. */
static uintptr_t room_end(const struct host_isolation *isolation, uintptr_t addr, uintptr_t end)
{
    for (size_t i = range_index(isolation, addr + 1); addr < end; i++) {
        const struct host_range *range = i > 0 ? isolation->ranges[i - 1] : NULL;
        if (range && addr < range->end && range->domain != isolation->user)
            return addr;
        addr = i < isolation->nr_ranges ? isolation->ranges[i]->start : end;
    }
    return end;
}

size_t host_isolation_room(const struct host_isolation *isolation, const void *p, size_t size)
{
    uintptr_t start = (uintptr_t)p, end = start + size < start ? UINTPTR_MAX : start + size;
    uintptr_t low = (uintptr_t)isolation;
    if (isolation->is_suspended || !isolation->user)
        return size;
    if (is_in_arena(isolation, start))
        return 0;
    if (start < low && end > low)
        end = low;
    return room_end(isolation, start, end) - start;
}

bool host_isolation_is_foreign(const struct host_isolation *isolation, uintptr_t addr, const struct host_domain *domain)
{
    const struct host_range *range = range_at(isolation, addr);
    return (range && range->domain != domain) || is_in_arena(isolation, addr);
}

struct host_domain *host_isolation_owner(const struct host_isolation *isolation, uintptr_t addr)
{
    const struct host_range *range = range_at(isolation, addr);
    return range && range->domain != &isolation->kernel ? range->domain : NULL;
}

struct host_isolation_counts host_isolation_counts(const struct host_isolation *isolation)
{
    return isolation->counts;
}

/* ---- windows ---- */

static void set_pages(struct host_range *range, uintptr_t addr, size_t size, unsigned access)
{
    size_t page = (addr - range->start) / host_page_size();
    for (size_t end = page + size / host_page_size(); page < end; page++)
        range->pages[page / 4] =
            (uint8_t)((range->pages[page / 4] & ~(3u << 2 * (page % 4))) | access << 2 * (page % 4));
}

/* Open what may now be touched, in the pieces that are open, and those that are not as wholes. */
static bool open_span(struct host_isolation *isolation, const struct host_range *range, uintptr_t start, uintptr_t end)
{
    bool is_done = true;
    for (uintptr_t addr = start, next; addr < end && is_done; addr = next) {
        struct piece piece;
        piece_at(range, addr, &piece);
        next = piece.end < end ? piece.end : end;
        const struct piece *known = piece_find(range->domain, piece.start);
        is_done = known && known->is_open ? open_pages(isolation, range, addr, next) : piece_open(isolation, &piece);
    }
    return is_done;
}

bool host_window_protect(struct host_isolation *isolation, void *addr, size_t size, bool is_readable, bool is_writable)
{
    uintptr_t start = (uintptr_t)addr;
    struct host_range *range = isolation ? range_at(isolation, start) : NULL;
    if (range)
        set_pages(range, start, size, (unsigned)is_readable | (unsigned)is_writable << 1);
    if (!range || (!is_readable && !is_writable))
        return host_pages_protect(addr, size, is_readable, is_writable);
    return open_span(isolation, range, start, start + size);
}

bool host_window_map(struct host_isolation *isolation, const struct host_memory *memory, void *addr, size_t size,
                     uint64_t offset, bool is_readable, bool is_writable)
{
    if (!isolation)
        return host_memory_map(memory, addr, size, offset, is_readable, is_writable);
    return host_memory_map(memory, addr, size, offset, false, false) &&
           host_window_protect(isolation, addr, size, is_readable, is_writable);
}

bool host_window_decommit(struct host_isolation *isolation, void *addr, size_t size)
{
    struct host_range *range = isolation ? range_at(isolation, (uintptr_t)addr) : NULL;
    if (range)
        set_pages(range, (uintptr_t)addr, size, 0);
    return host_pages_decommit(addr, size);
}
