/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Isolation by mprotect: pages that are closed. A domain remembers the pieces that were touched last; with it they are
 * opened and closed.
 */
#include "host/isolation_parts.h"

#include <string.h>
#include <sys/mman.h>

static bool protect(uintptr_t start, uintptr_t end, unsigned access)
{
    return host_pages_protect((void *)start, end - start, access & PAGE_READ, access & PAGE_WRITE);
}

/* What may be done with memory of the range that is closed. */
static unsigned closed_access(const struct host_isolation *isolation, const struct host_range *range)
{
    return isolation_is_readable(isolation, range) ? PAGE_READ : 0;
}

static void close_range(struct host_isolation *isolation, const struct host_range *range)
{
    protect(range->start, range->end, closed_access(isolation, range));
}

static void open_range(struct host_isolation *isolation, const struct host_range *range)
{
    unsigned access;
    (void)isolation;
    for (uintptr_t start = range->start, next; start < range->end; start = next) {
        next = isolation_part(range, &start, &access);
        protect(start, next, access);
    }
}

static void open_arena(struct host_isolation *isolation)
{
    mprotect(isolation, isolation->committed, PROT_READ | PROT_WRITE);
}

static void close_arena(struct host_isolation *isolation)
{
    mprotect(isolation, isolation->committed, PROT_READ);
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
    protect(piece->start, end, closed_access(isolation, piece->range));
}

/* As they may be touched, in runs of equal ones. */
static bool open_pages(const struct host_range *range, uintptr_t start, uintptr_t end)
{
    bool is_done = true;
    if (!range->pages)
        return protect(start, end, PAGE_READ | PAGE_WRITE);
    for (uintptr_t addr = start, next; addr < end; addr = next) {
        unsigned access;
        next = isolation_run(range, addr, end, &access);
        if (access)
            is_done = protect(addr, next, access) && is_done;
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
    if (!open_pages(wanted->range, wanted->start, wanted->end))
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
    domain->pieces[i].stamp = ++isolation->clock;
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
            open_pages(pieces[i].range, pieces[i].start, pieces[end - 1].end);
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

static void forget_range(struct host_isolation *isolation, const struct host_range *range)
{
    struct host_domain *domain = range->domain;
    (void)isolation;
    for (unsigned i = domain->nr; i-- > 0;)
        if (domain->pieces[i].range == range)
            forget(domain, i);
}

/* ---- what is asked of it ---- */

static void go_on(struct host_isolation *isolation, struct host_domain *domain)
{
    list_for_each_safe (link, &isolation->open) {
        struct host_domain *open = list_entry(link, struct host_domain, link);
        if (open != domain)
            close_domain(isolation, open);
    }
    close_kernel(isolation);
    open_domain(isolation, domain);
}

static bool open_piece(struct host_isolation *isolation, const struct host_range *range, uintptr_t addr)
{
    struct piece piece;
    if (!piece_at(range, addr, &piece))
        return false;
    const struct piece *known = piece_find(range->domain, piece.start);
    return !(known && known->is_open) && piece_open(isolation, &piece);
}

/* Open what may now be touched, in the pieces that are open, and those that are not as wholes. */
static bool open_window(struct host_isolation *isolation, const struct host_range *range, uintptr_t start,
                        uintptr_t end, unsigned access)
{
    bool is_done = true;
    (void)access; /* it is noted */
    for (uintptr_t addr = start, next; addr < end && is_done; addr = next) {
        struct piece piece;
        piece_at(range, addr, &piece);
        next = piece.end < end ? piece.end : end;
        const struct piece *known = piece_find(range->domain, piece.start);
        is_done = known && known->is_open ? open_pages(range, addr, next) : piece_open(isolation, &piece);
    }
    return is_done;
}

const struct isolation_ops isolation_by_pages = {
    .open_arena = open_arena,
    .close_arena = close_arena,
    .go_on = go_on,
    .open_domain = open_domain,
    .open_piece = open_piece,
    .close_range = close_range,
    .open_range = open_range,
    .forget_range = forget_range,
    .open_window = open_window,
};
