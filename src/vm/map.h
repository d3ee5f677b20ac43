/* SPDX-License-Identifier: BSD-2-Clause */
/* Address maps: one window of host addresses per task, reserved when first used; in it regions, in order of address. */
#ifndef VM_MAP_H
#define VM_MAP_H

#include "vm/vm.h"

struct map *map_create(struct mk_machine *machine); /* NULL: no memory */
void map_destroy(struct map *map);                  /* NULL is ignored */

/*
 * size is a positive multiple of the page. MK_E_LIMIT_MEMORY, MK_E_LIMIT_WINDOW, MK_E_LIMIT_REGIONS, MK_E_LIMIT_HOST,
 * MK_E_NO_MEMORY.
 */
mk_err_t map_allocate(struct map *map, size_t size, uintptr_t *addrp);

/* Page-aligned, inside the window or MK_E_BAD_ARGUMENT. MK_E_NO_MEMORY, MK_E_LIMIT_REGIONS when a region must be split. */
mk_err_t map_deallocate(struct map *map, uintptr_t addr, size_t size);

/* MK_E_BAD_ADDRESS: a page in it is not allocated; MK_E_NO_ACCESS: more than a region's most; nothing changed. */
mk_err_t map_protect(struct map *map, uintptr_t addr, size_t size, uint32_t prot);

#endif
