/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Virtual memory: what the parts of this layer share.
 *
 * A map is a task's window: regions in order of address. A region shows a range of a memory object. An object has
 * pages; each is absent, resident in one of the machine's frames, or kept elsewhere: in the backing store if the
 * object is anonymous, or with its pager. An object may be the shadow of another (a copy that shares what was not
 * written since): what it does not have itself is its parent's.
 *
 * Each object owns an extent of the machine's memory file, page for page, so that a page's place in the file is
 * fixed; a frame is the permission to have contents there. What a window shows at an address is changed by the
 * host's mmap and mprotect only, and by that the kernel sees what is referenced and modified.
 */
#ifndef VM_VM_H
#define VM_VM_H

#include "host/memory.h"
#include "kern/machine.h"

#include <mk/vm.h>

#define WINDOW_SIZE ((size_t)1 << 30)
#define PAGE_SHIFT  12
#define PAGE_SIZE   ((size_t)1 << PAGE_SHIFT)

/* ---- frames ---- */

struct frame {
    struct vm_object *object; /* NULL: free */
    uint32_t page;            /* in the object */
    uint32_t next, prev;      /* in its set's order, or in the free list; 0: end */
    uint32_t slot;            /* where the backing store has the same contents; 0: nowhere */
    uint16_t wired;
    uint8_t flags;  /* FRAME_* */
    uint8_t access; /* enum mk_prot: at most this is open in some window */
    uint32_t asked; /* busy: number of the last request for its contents */
    uint64_t stamp; /* the policy's */
};

#define FRAME_DIRTY      1 /* modified since it was read in; never read in: since it was filled with zeros */
#define FRAME_REFERENCED 2
#define FRAME_BUSY       4 /* its contents are on their way from a pager */
#define FRAME_AHEAD      8 /* filled before anybody touched it: it may still be all zero */

/* Frames that replace each other, and the policy by which. */
struct page_set {
    const struct page_policy *policy;
    struct map *map;      /* whose own it is, and where evictions count; NULL: nobody's */
    uint32_t first, last; /* in the policy's order */
    uint32_t nr_frames, limit;
    uint32_t hand;   /* of a clock; 0: at the first */
    uint32_t newest; /* the one referenced last, where a policy sees every reference */
    bool is_open;    /* others than that may be open as well */
    uint64_t tick;   /* references seen */
    uint64_t random;
    uint64_t window;            /* of the working set, in references */
    struct mk_page_refs future; /* of OPT */
    struct mk_page_refs record; /* where references are noted */
    uint32_t refs;              /* maps and objects; not counted for the machine's own */
};

/*
 * A replacement policy. The order of the set's frames is its to keep; `victim` is a frame that
 * frame_is_evictable, or 0.
 */
struct page_policy {
    const char *name;
    bool sees_all; /* it is told of every reference: all pages but the one referenced last are closed */
    void (*loaded)(struct vm *vm, struct page_set *set, uint32_t frame);
    void (*referenced)(struct vm *vm, struct page_set *set, uint32_t frame);
    uint32_t (*victim)(struct vm *vm, struct page_set *set);
};

/* ---- objects ---- */

/* A page's word in its object: the state in the low bits, a number above. */
enum page_state {
    PAGE_ABSENT,   /* zero, or its parent's, or with the pager */
    PAGE_RESIDENT, /* frame */
    PAGE_STORED,   /* slot of the backing store */
    PAGE_ASKED,    /* frame, into which it will come */
};
#define PAGE_STATE_BITS 2

static inline enum page_state page_state(uint32_t word)
{
    return (enum page_state)(word & ((1u << PAGE_STATE_BITS) - 1));
}

static inline uint32_t page_number(uint32_t word)
{
    return word >> PAGE_STATE_BITS;
}

static inline uint32_t page_word(enum page_state state, uint32_t number)
{
    return number << PAGE_STATE_BITS | state;
}

struct vm_object {
    struct vm *vm;
    struct list all_link;
    uint64_t id;
    uint32_t refs; /* regions, also those on their way; shadows; its pager's control */
    uint32_t nr_pages;
    uint64_t start;  /* of its extent, in pages */
    uint8_t order;   /* of its extent */
    bool is_wired;   /* its pages stay: a pager's own memory */
    bool is_charged; /* its size counts as memory in use, not that of its regions */
    bool is_dead;    /* the pager is gone: what is not resident cannot be had */
    uint32_t *pages;
    uint32_t nr_resident;
    uint32_t nr_held;         /* of its frames, that only its pager can free: asked for, or modified */
    uint32_t clean_hand;      /* where to look for the next one to clean */
    struct vm_object *parent; /* whose shadow it is */
    uint32_t parent_page;     /* its page 0 there */
    struct list children, child_link;
    struct list regions;
    struct list waiters; /* threads that wait for a page of it */
    struct pager *pager; /* NULL: anonymous */
    struct port *memory; /* by which it can be mapped, while anybody holds a right to it */
    struct page_set *set;
};

/* Who has the contents of an object's pages; what it is made of is a higher layer's. */
struct pager {
    struct list link; /* in the machine's */
    struct vm_object *object;
    struct port *port;    /* where it is told; a send right */
    struct port *control; /* by which the pager answers */
    uint64_t cookie;
    mk_time_t timeout; /* for an answer, after which who waits is told so */
};

/* A page in a recorded run: what it will be called in the next. */
static inline uint64_t page_key(const struct frame *frame)
{
    return frame->object->id << 32 | frame->page;
}

/* ---- regions and maps ---- */

struct region {
    struct list link;        /* in its map, or in a copy on its way */
    struct list object_link; /* in its object's regions */
    uintptr_t start, end;
    uint8_t prot, max_prot;
    uint8_t inherit;
    bool needs_copy;    /* shares its object with a copy: it gets a shadow before it is written */
    bool is_shared;     /* others see what is written: a copy of it is made at once */
    bool is_charged;    /* its size counts as memory in use */
    uint32_t page;      /* of the object, at `start` */
    uint32_t next_page; /* where a sequence of faults would go on */
    uint32_t ahead;     /* pages that the last fault of the sequence filled */
    struct vm_object *object;
    const struct vm_object *shown; /* whose extent the window shows here, but for pages of others; NULL: none */
    uint32_t shown_page;           /* of it, at `start` */
    struct map *map;               /* NULL: on its way */
};

struct vm_counts {
    uint64_t nr_zero_fills, nr_copies, nr_page_ins, nr_soft; /* faults by what they took */
    uint64_t nr_ahead;                                       /* pages filled by the way */
    uint64_t nr_evictions, nr_page_outs;
    uint64_t nr_refaults; /* page-ins of what left less than a memory full of evictions ago */
};

struct map {
    struct list regions;
    uintptr_t base;     /* 0: not reserved yet */
    uint64_t allocated; /* bytes of its regions */
    uint64_t charged;   /* bytes of those that count as memory in use */
    uint64_t limit;     /* of that */
    struct region *hint;
    struct mk_machine *machine;
    struct host_domain *domain; /* of its task; NULL where memory is not isolated */
    struct page_set *set;       /* of the memory it allocates */
    bool is_wired;
    struct vm_counts counts;
};

/* ---- the machine's ---- */

struct slot {                 /* of the backing store */
    struct vm_object *object; /* NULL: free */
    union {
        uint32_t page;
        uint32_t next_free;
    };
    uint64_t evicted; /* evictions until its page left memory */
};

/* Charge memory to the machine alone. MK_E_LIMIT_MEMORY. */
mk_err_t machine_charge(struct mk_machine *machine, size_t size);

#define VM_RECENT 64 /* page-ins by which thrashing is judged */

#define NR_EXTENT_ORDERS 34

struct extent { /* of the machine's file, free */
    struct extent *next;
    uint64_t start; /* in pages */
};

/* What is asked of pagers; in ipc/pager.c. */
struct pager_ops {
    /* MK_E_DEAD, MK_E_NO_MEMORY. */
    mk_err_t (*request)(struct cpu *cpu, struct pager *pager, uint64_t offset, bool is_write);
    /* Contents to keep. MK_E_WOULD_BLOCK (not now), MK_E_NO_MEMORY: nothing was done. */
    mk_err_t (*give_back)(struct cpu *cpu, struct pager *pager, uint64_t offset, const void *data);
    /* Would it take contents now? */
    bool (*has_room)(const struct pager *pager);
    /* Has it received its message of this number? */
    bool (*has_taken)(const struct pager *pager, uint32_t number);
    /* Do newer contents for this place wait to be received by it? */
    bool (*is_returning)(const struct pager *pager, uint64_t offset);
    /* The object is no more: its ports die, its pager is told. */
    void (*terminate)(struct cpu *cpu, struct vm_object *object);
    /* Does any pager still have to take contents that were given back? Then frames will become evictable. */
    bool (*is_behind)(struct vm *vm);
};

struct vm {
    struct mk_machine *machine;
    struct host_memory memory;
    const struct pager_ops *ops;
    struct frame *frames; /* [0] is unused */
    uint32_t nr_frames, nr_fresh, nr_free, free, nr_busy, nr_held;
    uint32_t reserve;    /* frames that only a pager's own memory may take */
    struct page_set set; /* of all tasks that have none of their own */
    struct list waiters; /* threads that wait for a frame */
    struct list pagers, objects;
    struct vm_object *store; /* the default pager's; its pages are slots */
    struct slot *slots;
    uint32_t nr_slots, free_slot, nr_used_slots;
    struct map **windows; /* by base */
    uint32_t nr_windows, max_windows;
    uint64_t next_extent;                     /* pages never given out */
    struct extent *extents[NR_EXTENT_ORDERS]; /* free ones */
    struct extent *free_nodes, *node_chunks;
    uint64_t next_object;
    uint64_t nr_objects, nr_regions, nr_wired;
    struct vm_counts counts;
    /* page-ins lately, to see thrashing */
    uint32_t nr_recent, nr_recent_refaults;
    mk_time_t recent_since, thrashing_until;
    bool is_thrashing;
};

static inline char *page_contents(const struct vm_object *object, uint32_t page)
{
    return object->vm->memory.all + ((object->start + page) << PAGE_SHIFT);
}

static inline uint32_t region_page(const struct region *region, uintptr_t addr)
{
    return region->page + (uint32_t)((addr - region->start) >> PAGE_SHIFT);
}

#endif
