/* SPDX-License-Identifier: BSD-2-Clause */
/* Inside the vm layer: the regions of a map, and what windows show. */
#ifndef VM_REGION_H
#define VM_REGION_H

#include "vm/map.h"

/* Bytes of the range that are allocated with at least this protection. */
size_t map_covered(const struct map *map, uintptr_t addr, size_t size, uint32_t prot);

/* Bytes of the range that count as the task's memory in use. */
size_t map_charged(const struct map *map, uintptr_t addr, size_t size);

/* Whose window the address is in, or NULL. */
struct map *map_at(struct vm *vm, uintptr_t addr);

/* The region with this address, or NULL. */
struct region *map_find(struct map *map, uintptr_t addr);

/* Make `at` a border of regions, or both ends of a range: both or none. MK_E_NO_MEMORY, MK_E_LIMIT_REGIONS. */
mk_err_t map_split(struct map *map, uintptr_t at);
mk_err_t map_isolate(struct map *map, uintptr_t addr, size_t size);

/* Does the map's own limit allow that much more memory in use? */
bool map_may_have(const struct map *map, size_t size);

/* A free place, and the region before which it lies. MK_E_LIMIT_WINDOW, MK_E_LIMIT_HOST, MK_E_NO_MEMORY. */
mk_err_t map_find_place(struct map *map, size_t size, uintptr_t *startp, struct list **wherep);
/* This place. MK_E_BAD_ARGUMENT (not in the window), MK_E_EXISTS, MK_E_LIMIT_HOST, MK_E_NO_MEMORY. */
mk_err_t map_take_place(struct map *map, uintptr_t start, size_t size, struct list **wherep);

/*
 * A region of the object from `page` on, in no map; takes over the caller's reference. It is readable, writable and
 * charged to nobody. NULL: no memory, or no more regions (MK_REGIONS_MAX).
 */
struct region *region_create(struct vm_object *object, uint32_t page, size_t size);
/* It ends, wherever it is, with its pages unless others have a use for them. */
void region_destroy(struct cpu *cpu, struct vm *vm, struct region *region);
/* Into a map at this place, and out of it. */
void region_enter(struct map *map, struct region *region, uintptr_t start, struct list *where);
void region_leave(struct region *region);

/* Why region_create gave NULL. */
mk_err_t region_error(const struct vm *vm);
/* Something else shares its pages from now on: its own writes will be copies. */
void region_share(struct region *region);

/* From now on its writes are its own. MK_E_NO_MEMORY. */
mk_err_t region_get_shadow(struct region *region);

/* Its window shows nothing of it any more; each page has to be opened again. */
void region_hide(struct region *region);

/*
 * Let the window show `nr` pages of `owner`, from `page` of it, at `addr` with this access. MK_E_LIMIT_MAPPINGS,
 * MK_E_LIMIT_HOST.
 */
mk_err_t region_open(struct region *region, uintptr_t addr, const struct vm_object *owner, uint32_t page, uint32_t nr,
                     uint8_t access);

#endif
