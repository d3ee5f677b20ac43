/* SPDX-License-Identifier: BSD-2-Clause */
/* Address maps: one window of host addresses per task, reserved when first used; in it regions, in order of address. */
#ifndef VM_MAP_H
#define VM_MAP_H

#include "vm/vm.h"

struct map *map_create(struct mk_machine *machine); /* NULL: no memory */
void map_destroy(struct map *map);                  /* NULL is ignored */
void map_leave_set(struct map *map);                /* its frames are no longer its own, or those of the machine */

/*
 * size is a positive multiple of the page. MK_E_LIMIT_MEMORY, MK_E_LIMIT_WINDOW, MK_E_LIMIT_REGIONS, MK_E_LIMIT_HOST,
 * MK_E_NO_MEMORY.
 */
mk_err_t map_allocate(struct map *map, size_t size, uintptr_t *addrp);

/*
 * Page-aligned, inside the window or MK_E_BAD_ARGUMENT. MK_E_NO_MEMORY, MK_E_LIMIT_REGIONS when a region must be split.
 */
mk_err_t map_deallocate(struct map *map, uintptr_t addr, size_t size);

/* MK_E_BAD_ADDRESS: a page in it is not allocated; MK_E_NO_ACCESS: more than a region's most; nothing changed. */
mk_err_t map_protect(struct map *map, uintptr_t addr, size_t size, uint32_t prot);

/* The map has its window from now on. MK_E_LIMIT_HOST, MK_E_NO_MEMORY. */
mk_err_t map_reserve(struct map *map);

bool map_is_inside(const struct map *map, uintptr_t addr, size_t size);

/* ---- mapping.c; what the calls of <mk/vm.h> with these names say ---- */

mk_err_t map_object(struct map *map, struct vm_object *object, const struct mk_vm_map *how, uintptr_t *addrp);
mk_err_t map_copy(struct cpu *cpu, struct map *map, uintptr_t from, size_t size, uintptr_t to);
mk_err_t map_inherit(struct map *map, uintptr_t addr, size_t size, enum mk_inherit inherit);
mk_err_t map_inherit_from(struct map *map, struct map *parent);
/* One page; MK_E_WOULD_BLOCK: wait for it (*is_writep: for a write), and again. */
mk_err_t map_wire(struct cpu *cpu, struct map *map, uintptr_t addr, bool is_wired, bool *is_writep);
bool map_region(struct map *map, uintptr_t addr, struct mk_vm_region *info); /* false: none */
size_t map_working_set(struct map *map);
uint8_t map_page(struct map *map, uintptr_t addr);
/* Are all bytes of the range in regions with this protection? */
bool map_is_accessible(const struct map *map, uintptr_t addr, size_t size, uint32_t prot);
mk_err_t map_set_frames(struct map *map, const struct mk_vm_frames *frames, const struct page_policy *policy,
                        uint64_t *future, size_t nr_future);
void map_statistics(struct map *map, struct mk_vm_stats *stats);
void vm_statistics(const struct vm *vm, struct mk_vm_stats *stats);

#endif
