/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory of a task. Each task has one window of host addresses; pointers into
 * it are ordinary C pointers. Memory comes in pages of mk_page_size() bytes,
 * zero-filled, charged to the machine's memory, and goes with the task.
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

#define MK_PAGE_WINDOW_DEFAULT 8 /* references that the working set looks back */

/* Bytes in a page. */
MK_API size_t mk_page_size(void);

/*
 * Allocate `size` bytes (rounded up to pages, at least one) anywhere in the
 * task's window. MK_E_BAD_ARGUMENT (size 0 or over the window), MK_E_LIMIT_MEMORY, MK_E_LIMIT_WINDOW, MK_E_LIMIT_HOST, MK_E_NO_MEMORY,
 * MK_E_BAD_NAME, MK_E_BAD_RIGHT, MK_E_DEAD, MK_E_BAD_ADDRESS, MK_E_NOT_IN_MACHINE.
 */
MK_API MK_NODISCARD mk_err_t mk_vm_allocate(mk_name_t task, size_t size, mk_vaddr_t *addrp);

/*
 * Free whole pages; addr and size page-aligned. Pages that are not allocated are skipped.
 * MK_E_BAD_ARGUMENT (not aligned, outside the window), MK_E_NO_MEMORY, MK_E_LIMIT_HOST.
 */
MK_API mk_err_t mk_vm_deallocate(mk_name_t task, mk_vaddr_t addr, size_t size);

/*
 * Set bits of enum mk_prot on allocated pages. MK_E_BAD_ARGUMENT, MK_E_BAD_ADDRESS (a page in it is not allocated),
 * MK_E_NO_MEMORY, MK_E_LIMIT_HOST.
 */
MK_API MK_NODISCARD mk_err_t mk_vm_protect(mk_name_t task, mk_vaddr_t addr, size_t size, uint32_t prot);

#ifdef __cplusplus
}
#endif
#endif
