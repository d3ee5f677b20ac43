/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory of a task. Each task has one window of host addresses; pointers into
 * it are ordinary C pointers. In the window are regions, each of which shows
 * pages of a memory object (<mk/memory.h>). Pages are mk_page_size() bytes.
 *
 * A page takes one of the machine's frames when it is touched, and loses it when
 * another page needs it more, as the machine's replacement policy says: anonymous pages
 * go to the backing store then, if there is one (mk_memory_set_store), others to
 * their pager. Memory in use is charged when it is allocated, so that a page of
 * it can always be had: at most the machine's memory and the store together, less a few
 * frames that are kept for the default pager (nr_reserved in struct mk_vm_stats) and one page of the store.
 *
 * Calls that take a task act on it for whoever holds a right to it, and may return
 * MK_E_BAD_NAME, MK_E_BAD_RIGHT and MK_E_DEAD; all may return MK_E_NOT_IN_MACHINE. Where a
 * page has to be waited for, also MK_E_TIMED_OUT, MK_E_ABORTED, MK_E_IO (its pager does not have it) and MK_E_DEAD
 * (its pager died); where one has to be made or shown, MK_E_LIMIT_MEMORY, MK_E_NO_MEMORY, MK_E_LIMIT_HOST and
 * MK_E_LIMIT_MAPPINGS. That goes for the pages of arguments, too. Addresses and sizes are multiples of the page unless
 * it is
 * said otherwise, and ranges lie in the task's window, or MK_E_BAD_ARGUMENT.
 */
#ifndef MK_VM_H
#define MK_VM_H

#include <mk/types.h>

#ifdef __cplusplus
extern "C" {
#endif

enum mk_prot { MK_PROT_NONE = 0, MK_PROT_READ = 1, MK_PROT_WRITE = 2 };

/* What children of the task get of a region. */
enum mk_inherit { MK_INHERIT_COPY, MK_INHERIT_SHARE, MK_INHERIT_NONE };

/* What a page fault took. */
enum mk_fault {
    MK_FAULT_ZERO = 1, /* a page of zeros */
    MK_FAULT_SOFT,     /* the page was there: a first reference or write that had to be seen */
    MK_FAULT_COPY,     /* a page of its own, at the first write since a copy was made */
    MK_FAULT_PAGE_IN,  /* the contents, from the backing store or a pager */
};

/* References to pages as a run recorded them, each once until another page is referenced. */
struct mk_page_refs {
    uint64_t *refs;
    size_t nr, max;
};

#define MK_PAGE_REFS_MAX       ((size_t)16777216) /* recorded at most [MK_E_BAD_ARGUMENT] */
#define MK_PAGE_WINDOW_DEFAULT 8                  /* references that the working set looks back */

/* Bytes in a page. */
MK_API size_t mk_page_size(void);

/*
 * Allocate `size` bytes (rounded up to pages, at least one) of zeros anywhere in the
 * task's window. MK_E_BAD_ARGUMENT (size 0 or over the window), MK_E_LIMIT_MEMORY, MK_E_LIMIT_WINDOW,
 * MK_E_LIMIT_REGIONS, MK_E_LIMIT_HOST, MK_E_NO_MEMORY, MK_E_BAD_ADDRESS.
 */
MK_API MK_NODISCARD mk_err_t mk_vm_allocate(mk_name_t task, size_t size, mk_vaddr_t *addrp);

/*
 * Free whole pages. Pages that are not allocated are skipped.
 * MK_E_BAD_ARGUMENT, MK_E_NO_MEMORY, MK_E_LIMIT_REGIONS.
 */
MK_API mk_err_t mk_vm_deallocate(mk_name_t task, mk_vaddr_t addr, size_t size);

/*
 * Set bits of enum mk_prot on allocated pages. MK_E_BAD_ARGUMENT, MK_E_BAD_ADDRESS (a page in it is not allocated),
 * MK_E_NO_ACCESS (more than the most that was allowed when it was mapped), MK_E_NO_MEMORY, MK_E_LIMIT_REGIONS.
 */
MK_API MK_NODISCARD mk_err_t mk_vm_protect(mk_name_t task, mk_vaddr_t addr, size_t size, uint32_t prot);

struct mk_vm_map {
    mk_name_t memory; /* send right of a memory object */
    uint64_t offset;  /* in it */
    size_t size;
    uint32_t prot, max_prot; /* now, and the most that mk_vm_protect may set; max_prot 0: the same as prot */
    bool is_copy;            /* writes stay the task's own; the size counts as memory in use */
    mk_vaddr_t at;           /* where nothing is yet, in the task's window; 0: anywhere */
};

/*
 * Map a range of a memory object into the task's window; what one task writes, all see that map it, unless it is_copy.
 * MK_E_BAD_ARGUMENT (not in the object; prot is not part of max_prot; the backing store; `at` is not in the window),
 * MK_E_EXISTS (something is there), the errors of mk_vm_allocate.
 */
MK_API MK_NODISCARD mk_err_t mk_vm_map(mk_name_t task, const struct mk_vm_map *map, mk_vaddr_t *addrp);

/*
 * Copy bytes, any number at any address, out of a task's memory and into it. MK_E_BAD_ADDRESS: they are not all
 * readable
 * or writable by the task, or the buffer is not by the caller; part may have been copied.
 */
MK_API MK_NODISCARD mk_err_t mk_vm_read(mk_name_t task, mk_vaddr_t addr, void *buffer, size_t size);
MK_API MK_NODISCARD mk_err_t mk_vm_write(mk_name_t task, mk_vaddr_t addr, const void *buffer, size_t size);

/*
 * Copy pages within a task, over allocated pages: they are shared until one side is written. The ranges must not
 * overlap. MK_E_BAD_ARGUMENT, MK_E_BAD_ADDRESS (the source is not readable or the target not allocated and
 * writable), MK_E_LIMIT_MEMORY, MK_E_NO_MEMORY, MK_E_LIMIT_REGIONS.
 */
MK_API MK_NODISCARD mk_err_t mk_vm_copy(mk_name_t task, mk_vaddr_t from, size_t size, mk_vaddr_t to);

/*
 * What children of the task get of these pages (mk_vm_inherit_from). MK_E_BAD_ADDRESS (not allocated), MK_E_NO_MEMORY,
 * MK_E_LIMIT_REGIONS.
 */
MK_API MK_NODISCARD mk_err_t mk_vm_inherit(mk_name_t task, mk_vaddr_t addr, size_t size, enum mk_inherit inherit);

/*
 * Give a new task, in which nothing is allocated yet, the regions of the caller's own that are to be inherited, each as
 * far from the
 * start of its window as from the caller's: *deltap is what to add to an address. MK_E_BAD_STATE (something is
 * allocated, or it is the caller itself; or memory that is shared is to be copied), MK_E_LIMIT_MEMORY,
 * MK_E_LIMIT_REGIONS, MK_E_LIMIT_HOST, MK_E_NO_MEMORY, MK_E_BAD_ADDRESS.
 */
MK_API MK_NODISCARD mk_err_t mk_vm_inherit_from(mk_name_t task, intptr_t *deltap);

/* Keep pages in memory, or no longer; they are brought in first, and what may be written of a copy becomes its own.
 * All or none. MK_E_BAD_ADDRESS (not allocated or not readable), MK_E_LIMIT_MEMORY, MK_E_NO_MEMORY. */
MK_API MK_NODISCARD mk_err_t mk_vm_wire(mk_name_t task, mk_vaddr_t addr, size_t size, bool is_wired);

struct mk_vm_region {
    mk_vaddr_t start;
    size_t size;
    uint32_t prot, max_prot;
    enum mk_inherit inherit;
    bool is_shared;  /* others can see what is written */
    bool needs_copy; /* shares its pages with a copy until it is written */
    bool is_wired;
    uint64_t object;      /* number of the memory object */
    uint64_t offset;      /* in it */
    uint32_t nr_shadows;  /* objects that it and its pages are looked for in, beyond the first */
    uint32_t nr_resident; /* pages in memory, of those that it shows */
};

/*
 * The first region that ends above `addr`, which need not be a multiple of the page. MK_E_NOT_FOUND: there is none;
 * MK_E_BAD_ADDRESS.
 */
MK_API MK_NODISCARD mk_err_t mk_vm_region(mk_name_t task, mk_vaddr_t addr, struct mk_vm_region *regionp);

/* Bits of a page's state. */
enum mk_page {
    MK_PAGE_RESIDENT = 1,
    MK_PAGE_MODIFIED = 2,
    MK_PAGE_REFERENCED = 4,
    MK_PAGE_STORED = 8, /* the backing store has its contents */
    MK_PAGE_WIRED = 16,
    MK_PAGE_SHADOWED = 32, /* it is a page of the original of which the region is a copy */
};

/* The states of `nr` pages from `addr` on, one byte each; of pages that are not allocated 0. MK_E_BAD_ARGUMENT,
 * MK_E_BAD_ADDRESS. */
MK_API MK_NODISCARD mk_err_t mk_vm_pages(mk_name_t task, mk_vaddr_t addr, size_t nr, uint8_t *states);

struct mk_vm_frames {
    uint32_t nr_frames; /* the task's own from now on, at least 1; 0: it shares the machine's with the others */
    const char *policy; /* NULL: the machine's */
    uint64_t window;    /* of "ws"; 0: MK_PAGE_WINDOW_DEFAULT */
    const struct mk_page_refs *future; /* of "opt": what a run of the same task recorded; copied */
    size_t record; /* note this many references (mk_vm_refs), with a policy that sees them: lru, ws, opt */
};

/*
 * Give a task frames of its own: its pages replace each other and nobody else's. MK_E_NOT_FOUND (no such policy),
 * MK_E_BAD_ARGUMENT, MK_E_LIMIT_MEMORY (more frames than there are), MK_E_NO_MEMORY, MK_E_BAD_ADDRESS, MK_E_TOO_LONG.
 */
MK_API MK_NODISCARD mk_err_t mk_vm_set_frames(mk_name_t task, const struct mk_vm_frames *frames);

/* References that were noted: at most refs->max, refs->nr tells how many there were. MK_E_BAD_ADDRESS. */
MK_API MK_NODISCARD mk_err_t mk_vm_refs(mk_name_t task, struct mk_page_refs *refs);

/* At most this much memory in use, of the machine's. MK_E_BAD_STATE: it has more already. */
MK_API MK_NODISCARD mk_err_t mk_vm_set_limit(mk_name_t task, uint64_t size);

/*
 * How many pages of the task were referenced since the last such call, or since they came: its working set over that
 * time. Their reference bits are cleared, which policies that use them notice. MK_E_BAD_ADDRESS.
 */
MK_API MK_NODISCARD mk_err_t mk_vm_working_set(mk_name_t task, size_t *nrp);

struct mk_vm_stats {
    uint64_t nr_frames, nr_free, nr_wired; /* of the machine */
    uint64_t nr_reserved;             /* frames that only the default pager's own memory may take; 0 without a store */
    uint64_t nr_slots, nr_used_slots; /* pages of the backing store */
    uint64_t nr_resident;             /* pages in memory; of a task: in its frames, or of what it has mapped */
    uint64_t nr_zero_fills, nr_copies, nr_page_ins, nr_soft; /* faults by what they took (enum mk_fault) */
    uint64_t nr_ahead;                                       /* pages filled by the way, because of a sequence */
    uint64_t nr_evictions; /* pages that left memory; of a task: out of frames of its own */
    uint64_t nr_page_outs; /* of those, written back */
    uint64_t nr_refaults;  /* page-ins of pages that had left shortly before, for others */
    bool is_thrashing;     /* most of the machine's last page-ins were those, and they are not long ago */
    uint64_t store_cookie; /* of the backing store, as its pager gave it, be it alive or not; 0 without one */
};

/* Counts since the start; of the machine when `task` is MK_NAME_NULL. MK_E_BAD_ADDRESS. */
MK_API MK_NODISCARD mk_err_t mk_vm_statistics(mk_name_t task, struct mk_vm_stats *statsp);

#ifdef __cplusplus
}
#endif
#endif
