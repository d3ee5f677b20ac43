/* SPDX-License-Identifier: BSD-2-Clause */
/* What pagers do to their objects; the ports by which they say so are ipc/pager.c's. */
#ifndef VM_PAGER_H
#define VM_PAGER_H

#include "vm/vm.h"

/*
 * Where the contents of a page that was requested are to be put. NULL: it was not requested, or has come, or the
 * pager answers an older request, and has not received yet what was given back since. For the backing store the page is
 * a slot.
 */
char *pager_contents(struct vm_object *object, uint32_t page);
/* They are there (MK_OK), or will not come; whoever waits goes on. Only after pager_contents. */
void pager_supplied(struct cpu *cpu, struct vm_object *object, uint32_t page, mk_err_t err);

/* mk_memory_lock of one page. MK_E_WOULD_BLOCK. */
mk_err_t pager_lock(struct cpu *cpu, struct vm_object *object, uint32_t page, uint32_t what);

/*
 * May it keep one more frame from others, by not answering or not taking what was modified? Each may hold half of what
 * is not held yet, so that any number of bad ones leave something (dynamic thresholds: Choudhury and Hahne 1998). If
 * it has too many, modified pages are returned to it first.
 */
bool pager_may_hold(struct cpu *cpu, struct vm_object *object);

/* The pager will not answer any more. */
void pager_died(struct cpu *cpu, struct vm_object *object);

/*
 * The object becomes the backing store, its pager's task keeps its memory. MK_E_EXISTS, MK_E_BAD_ARGUMENT,
 * MK_E_NO_MEMORY.
 */
mk_err_t vm_set_store(struct vm *vm, struct vm_object *object, struct map *pager_map);
/* The machine ends. */
void vm_drop_store(struct vm *vm);

#endif
