/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory on its way from one task to another: whole pages that are with the
 * kernel (what Mach calls a vm_map_copy). Pages are moved by remapping; only a
 * COPY copies bytes, once, out of the sender.
 */
#ifndef VM_COPY_H
#define VM_COPY_H

#include "vm/map.h"

struct vm_copy {
    char *pages;
    size_t nr_bytes; /* of the pages */
    size_t offset;   /* of the memory in the first page */
    size_t size;
};

/*
 * A copy of what `address` holds, any bytes that the caller can read; charged. MK_E_BAD_ADDRESS,
 * MK_E_LIMIT_MEMORY, MK_E_LIMIT_HOST.
 */
mk_err_t vm_copy_create(struct mk_machine *machine, const void *address, size_t size, struct vm_copy *copy);
/* Of one that will never arrive. */
void vm_copy_destroy(struct mk_machine *machine, struct vm_copy *copy);

/*
 * Can these pages be moved out of the map? Afterwards they are regions of their own. MK_E_BAD_ARGUMENT
 * (not whole pages), MK_E_BAD_ADDRESS (not allocated, readable and writable), MK_E_NO_MEMORY.
 */
mk_err_t map_check_move(struct map *map, const void *address, size_t size);
/* First half of moving them, after the check: the pages are with the kernel, the map still has their place. */
mk_err_t map_move_begin(const void *address, size_t size, struct vm_copy *copy); /* MK_E_LIMIT_HOST */
/* Either the map forgets them, or they come back. */
void map_move_commit(struct map *map, const void *address, size_t size);
void map_move_undo(const void *address, struct vm_copy *copy);

/*
 * Into a fresh place of the map; uses the copy up. MK_E_LIMIT_WINDOW, MK_E_LIMIT_HOST, MK_E_NO_MEMORY: it
 * is as it was.
 */
mk_err_t map_put_copy(struct map *map, struct vm_copy *copy, uintptr_t *addressp);
/* Undo that, right away. False: the host refused, and the memory is lost. */
bool map_take_back(struct map *map, uintptr_t address, struct vm_copy *copy);

#endif
