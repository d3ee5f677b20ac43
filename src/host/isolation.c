/* SPDX-License-Identifier: BSD-2-Clause */
/* Isolation: the arena, ranges and domains, and when they are opened and closed; see isolation.h. */
#include "host/isolation_parts.h"

#include <string.h>
#include <sys/mman.h>

#include "host/memory.h"

#define ARENA_SIZE ((size_t)16 << 30)
#define HUGE_SIZE  ((size_t)2 << 20)

/* ---- the arena ---- */

static char *arena_of(struct host_isolation *isolation)
{
    return (char *)isolation;
}

static bool is_in_arena(const struct host_isolation *isolation, uintptr_t addr)
{
    return addr - (uintptr_t)isolation < isolation->committed;
}

/* Memory at its end, in huge pages if they can be had: protecting one of them is one step. False: no memory. */
static bool arena_commit(char *end, size_t size)
{
    if (!host_pages_commit(end, size))
        return false;
    madvise(end, size, MADV_HUGEPAGE);
    return true;
}

static bool arena_grow(struct host_isolation *isolation, size_t size)
{
    size_t more = round_up(size, HUGE_SIZE);
    char *end = arena_of(isolation) + isolation->committed;
    if (more > ARENA_SIZE - isolation->committed || !arena_commit(end, more))
        return false;
    isolation->committed += more;
    if (isolation->ops->own_arena)
        isolation->ops->own_arena(isolation, end, more);
    return true;
}

struct host_isolation *host_isolation_create(bool with_keys)
{
    size_t size = ARENA_SIZE + HUGE_SIZE;
    char *reserved = host_pages_reserve(size);
    char *arena = (char *)round_up((uintptr_t)reserved, HUGE_SIZE);
    if (!reserved)
        return NULL;
    if (!arena_commit(arena, HUGE_SIZE)) {
        host_pages_free(reserved, size);
        return NULL;
    }
    struct host_isolation *isolation = (struct host_isolation *)(void *)arena;
    isolation->reserved = reserved;
    isolation->committed = HUGE_SIZE;
    isolation->used = round_up(sizeof(*isolation), 64);
    list_init(&isolation->open);
    list_init(&isolation->kernel.link);
    isolation->is_kernel = isolation->is_suspended = true;
    isolation->ops = with_keys ? &isolation_by_keys : &isolation_by_pages;
    if (!with_keys || isolation_keys_take(isolation))
        return isolation;
    host_pages_free(reserved, size);
    return NULL;
}

void host_isolation_destroy(struct host_isolation *isolation)
{
    if (!isolation)
        return;
    if (isolation->nr_keys)
        isolation_keys_give_back(isolation);
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
    if (bytes > isolation->committed - isolation->used && !arena_grow(isolation, bytes))
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

struct host_range *isolation_range_at(const struct host_isolation *isolation, uintptr_t addr)
{
    size_t next = range_index(isolation, addr + 1);
    return next > 0 && addr < isolation->ranges[next - 1]->end ? isolation->ranges[next - 1] : NULL;
}

/* The range that begins there. */
static struct host_range *range_from(const struct host_isolation *isolation, const void *start)
{
    struct host_range *range = isolation_range_at(isolation, (uintptr_t)start);
    return range && range->start == (uintptr_t)start ? range : NULL;
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
        isolation->ops->close_range(isolation, range);
    else if (kind != HOST_RANGE_WINDOW)
        isolation->ops->open_range(isolation, range);
    return true;
}

/* ---- ranges that change ---- */

void host_range_remove(struct host_isolation *isolation, void *start)
{
    struct host_range *range = range_from(isolation, start);
    if (!range)
        return;
    size_t i = range_index(isolation, range->start);
    if (isolation->ops->forget_range)
        isolation->ops->forget_range(isolation, range);
    memmove((void *)&isolation->ranges[i], (const void *)&isolation->ranges[i + 1],
            (--isolation->nr_ranges - i) * sizeof(struct host_range *));
    if (range->kind == HOST_RANGE_DATA || range->kind == HOST_RANGE_KERNEL)
        isolation->ops->open_range(isolation, range);
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
    list_remove(&domain->link); /* a key that it had is free */
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
    isolation->ops->open_arena(isolation);
    isolation->is_kernel = true;
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
    isolation->is_kernel = false;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    isolation->ops->close_arena(isolation);
}

static void resume(struct host_isolation *isolation)
{
    isolation->is_suspended = false;
    if (isolation->ops->own_arena)
        isolation->ops->own_arena(isolation, isolation, isolation->committed);
    for (size_t i = 0; i < isolation->nr_ranges; i++)
        if (isolation->ranges[i]->kind != HOST_RANGE_WINDOW)
            isolation->ops->close_range(isolation, isolation->ranges[i]);
}

void host_isolation_leave(struct host_isolation *isolation, struct host_domain *domain)
{
    if (isolation->is_suspended)
        resume(isolation);
    isolation->ops->go_on(isolation, domain);
    isolation->running = isolation->user = domain;
    host_isolation_return(isolation);
}

void host_isolation_suspend(struct host_isolation *isolation)
{
    host_isolation_enter(isolation);
    isolation->is_suspended = true;
    isolation->kernel.nr = 0;
    if (isolation->ops->own_arena)
        isolation->ops->own_arena(isolation, isolation, isolation->committed);
    for (size_t i = 0; i < isolation->nr_ranges; i++) {
        if (isolation->ranges[i]->kind != HOST_RANGE_WINDOW)
            isolation->ops->open_range(isolation, isolation->ranges[i]);
    }
}

void host_isolation_touch(struct host_isolation *isolation, const void *addr)
{
    const struct host_range *range = isolation->is_suspended ? NULL : isolation_range_at(isolation, (uintptr_t)addr);
    if (range && isolation->ops->open_piece)
        isolation->ops->open_piece(isolation, range, (uintptr_t)addr);
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
    if (isolation->ops->open_domain)
        isolation->ops->open_domain(isolation, domain);
    host_isolation_touch(isolation, addr);
}

/* ---- faults ---- */

bool host_isolation_fault(struct host_isolation *isolation, uintptr_t addr, bool is_write, bool is_kernel)
{
    const struct host_range *range = isolation_range_at(isolation, addr);
    if (!range || !isolation->ops->open_piece || (!is_kernel && range->domain != isolation->running))
        return false;
    if (range->pages &&
        !(isolation_page(range, (addr - range->start) / host_page_size()) & (is_write ? PAGE_WRITE : PAGE_READ)))
        return false;
    return isolation->ops->open_piece(isolation, range, addr);
}

static bool may_touch(const struct host_isolation *isolation, const struct host_range *range, bool is_write)
{
    return range->domain == isolation->user || (!is_write && isolation_is_readable(isolation, range));
}

/* From `addr` on, at most to `end`, there is nothing that must not be touched, up to what is returned. */
static uintptr_t room_end(const struct host_isolation *isolation, uintptr_t addr, uintptr_t end, bool is_write)
{
    for (size_t i = range_index(isolation, addr + 1); addr < end; i++) {
        const struct host_range *range = i > 0 ? isolation->ranges[i - 1] : NULL;
        if (range && addr < range->end && !may_touch(isolation, range, is_write))
            return addr;
        addr = i < isolation->nr_ranges ? isolation->ranges[i]->start : end;
    }
    return end;
}

size_t host_isolation_room(const struct host_isolation *isolation, const void *p, size_t size, bool is_write)
{
    uintptr_t start = (uintptr_t)p, end = start + size < start ? UINTPTR_MAX : start + size;
    uintptr_t arena = (uintptr_t)isolation;
    if (isolation->is_suspended || !isolation->user)
        return size;
    if (is_write && is_in_arena(isolation, start))
        return 0;
    if (is_write && start < arena && end > arena)
        end = arena;
    return room_end(isolation, start, end, is_write) - start;
}

bool host_isolation_is_foreign(const struct host_isolation *isolation, uintptr_t addr, const struct host_domain *domain)
{
    const struct host_range *range = isolation_range_at(isolation, addr);
    return (range && range->domain != domain) || is_in_arena(isolation, addr);
}

struct host_domain *host_isolation_owner(const struct host_isolation *isolation, uintptr_t addr)
{
    const struct host_range *range = isolation_range_at(isolation, addr);
    return range && range->domain != &isolation->kernel ? range->domain : NULL;
}

/* ---- windows ---- */

uintptr_t isolation_run(const struct host_range *range, uintptr_t start, uintptr_t end, unsigned *accessp)
{
    size_t page_size = host_page_size();
    uintptr_t next = start + page_size;
    *accessp = isolation_page(range, (start - range->start) / page_size);
    while (next < end && isolation_page(range, (next - range->start) / page_size) == *accessp)
        next += page_size;
    return next;
}

uintptr_t isolation_part(const struct host_range *range, uintptr_t *startp, unsigned *accessp)
{
    *accessp = PAGE_READ | PAGE_WRITE;
    if (range->pages)
        return isolation_run(range, *startp, range->end, accessp);
    if (!range->lead || host_guards_are_marks())
        return range->end;
    *startp += range->lead;
    return *startp + range->size;
}

static void set_pages(struct host_range *range, uintptr_t addr, size_t size, unsigned access)
{
    size_t page = (addr - range->start) / host_page_size();
    for (size_t end = page + size / host_page_size(); page < end; page++)
        range->pages[page / 4] =
            (uint8_t)((range->pages[page / 4] & ~(3u << 2 * (page % 4))) | access << 2 * (page % 4));
}

bool host_window_protect(struct host_isolation *isolation, void *addr, size_t size, bool is_readable, bool is_writable)
{
    uintptr_t start = (uintptr_t)addr;
    struct host_range *range = isolation ? isolation_range_at(isolation, start) : NULL;
    unsigned access = (is_readable ? PAGE_READ : 0) | (is_writable ? PAGE_WRITE : 0);
    if (range)
        set_pages(range, start, size, access);
    if (!range || !access)
        return host_pages_protect(addr, size, is_readable, is_writable);
    return isolation->ops->open_window(isolation, range, start, start + size, access);
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
    struct host_range *range = isolation ? isolation_range_at(isolation, (uintptr_t)addr) : NULL;
    if (range)
        set_pages(range, (uintptr_t)addr, size, 0);
    return host_pages_decommit(addr, size);
}
