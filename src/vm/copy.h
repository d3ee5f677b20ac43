/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory on its way from one task to another: regions that are in no map (what Mach calls a vm_map_copy). Whole
 * pages are shared until one side writes, or moved; only what is not whole pages, or not in a window, is copied.
 */
#ifndef VM_COPY_H
#define VM_COPY_H

#include "vm/map.h"

struct vm_copy {
    struct list regions; /* in order, without gaps */
    size_t nr_bytes;     /* of the pages; 0: nothing is here */
    size_t offset;       /* of the memory in the first page */
    size_t size;
};

/*
 * A copy of what `address` holds, any bytes that the caller can read; charged. MK_E_BAD_ADDRESS,
 * MK_E_LIMIT_MEMORY, MK_E_LIMIT_REGIONS, MK_E_NO_MEMORY.
 */
mk_err_t vm_copy_create(struct cpu *cpu, const void *address, size_t size, struct vm_copy *copy);
/* Of one that will never arrive. */
void vm_copy_destroy(struct mk_machine *machine, struct vm_copy *copy);

/*
 * Can these pages be moved out of the map? Afterwards they are regions of their own. MK_E_BAD_ARGUMENT
 * (not whole pages), MK_E_BAD_ADDRESS (not allocated, readable and writable), MK_E_NO_MEMORY, MK_E_LIMIT_REGIONS.
 */
mk_err_t map_check_move(struct map *map, const void *address, size_t size);
/* After the check: they leave the map. */
void map_move(struct map *map, const void *address, size_t size, struct vm_copy *copy);

/*
 * Into a fresh place of the map; uses the copy up. MK_E_LIMIT_MEMORY (the map's limit), MK_E_LIMIT_WINDOW,
 * MK_E_LIMIT_HOST, MK_E_NO_MEMORY: it is as it was.
 */
mk_err_t map_put_copy(struct map *map, struct vm_copy *copy, uintptr_t *addressp);
/* Undo that, right away. */
void map_take_back(struct map *map, uintptr_t address, struct vm_copy *copy);

#endif
