/* SPDX-License-Identifier: BSD-2-Clause */
/* What isolation is made of; see isolation.h. Two back-ends: pages that are closed, and protection keys. */
#ifndef HOST_ISOLATION_PARTS_H
#define HOST_ISOLATION_PARTS_H

#include "base/base.h"
#include "base/list.h"
#include "host/isolation.h"
#include "host/pages.h"
#include "host/stack.h"

#define PIECE_SIZE ((size_t)65536)
#define NR_PIECES  32 /* that a domain remembers */
#define NR_ORDERS  40

struct host_range {
    uintptr_t start, end;
    size_t lead, size, stride; /* a piece is `size` bytes, `lead` bytes from each multiple of the stride on */
    struct host_domain *domain;
    enum host_range_kind kind;
    uint8_t *pages; /* of a window: two bits for each, what may be done with it: PAGE_READ, PAGE_WRITE */
};

#define PAGE_READ  1u
#define PAGE_WRITE 2u

struct piece {
    uintptr_t start, end;
    const struct host_range *range;
    uint64_t stamp; /* when it was remembered */
    bool is_open;
};

struct host_domain {
    struct list link; /* in those that may have open pieces; with keys: in those that have one */
    int key;          /* 0: none */
    uint64_t stamp;   /* when it ran last */
    unsigned nr;
    struct piece pieces[NR_PIECES]; /* by address */
};

struct block { /* a free one */
    struct block *next;
};

/* How memory is opened and closed; those that are NULL have nothing to do. */
struct isolation_ops {
    /* The arena, which alone they must not write: while it is closed it cannot be, and an opening is told of later. */
    void (*open_arena)(struct host_isolation *isolation);
    void (*close_arena)(struct host_isolation *isolation);
    /* A part of the arena is the kernel's from now on, or everybody's while the machine is suspended. */
    void (*own_arena)(struct host_isolation *isolation, void *start, size_t size);
    /* All that is not the domain's is closed, and what it had open is open. */
    void (*go_on)(struct host_isolation *isolation, struct host_domain *domain);
    void (*open_domain)(struct host_isolation *isolation, struct host_domain *domain);
    /* False: it is open already, or a guard. */
    bool (*open_piece)(struct host_isolation *isolation, const struct host_range *range, uintptr_t addr);
    /* Open for its owner alone, when it runs, or for everybody. */
    void (*close_range)(struct host_isolation *isolation, const struct host_range *range);
    void (*open_range)(struct host_isolation *isolation, const struct host_range *range);
    void (*forget_range)(struct host_isolation *isolation, const struct host_range *range);
    /* These pages of a window may be touched in this way (PAGE_*, not 0) from now on. False: the host refused. */
    bool (*open_window)(struct host_isolation *isolation, const struct host_range *range, uintptr_t start,
                        uintptr_t end, unsigned access);
};

extern const struct isolation_ops isolation_by_pages, isolation_by_keys;

/* At the beginning of the arena, which it describes. */
struct host_isolation {
    const struct isolation_ops *ops;
    void *reserved;
    size_t committed, used;        /* from here on */
    struct block *free[NR_ORDERS]; /* by powers of two */
    struct host_range **ranges;    /* by address */
    size_t nr_ranges, max_ranges;
    struct host_domain kernel;
    struct list open;            /* domains: see there */
    struct host_domain *running; /* whose task goes on, or was the last to */
    struct host_domain *user;    /* whose pointers the kernel is given */
    bool is_kernel;
    bool is_suspended;
    uint64_t clock; /* of the stamps */
    int keys[16];   /* for domains */
    unsigned nr_keys;
};

/* The range at this address; NULL: none. */
struct host_range *isolation_range_at(const struct host_isolation *isolation, uintptr_t addr);

static inline unsigned isolation_page(const struct host_range *range, size_t page)
{
    return range->pages[page / 4] >> 2 * (page % 4) & 3;
}

/* From `start` on pages of a window that may be touched in the same way: where they end, at most at `end`. */
uintptr_t isolation_run(const struct host_range *range, uintptr_t start, uintptr_t end, unsigned *accessp);

/*
 * The next part of a range from *startp on that is opened in one step, and how; *startp moves behind the guard of a
 * stack, if that must be left as it is. Where the part ends.
 */
uintptr_t isolation_part(const struct host_range *range, uintptr_t *startp, unsigned *accessp);

/* Whether one of the kernel's own ranges can be read while a task runs. */
static inline bool isolation_is_readable(const struct host_isolation *isolation, const struct host_range *range)
{
    return range->domain == &isolation->kernel && range->kind != HOST_RANGE_HIDDEN;
}

/* Protection keys of the process, shared by its machines: keys.h says how. False: the processor has none, or no more. */
bool isolation_keys_take(struct host_isolation *isolation);
void isolation_keys_give_back(struct host_isolation *isolation);

#endif
