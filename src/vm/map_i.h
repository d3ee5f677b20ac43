/* SPDX-License-Identifier: BSD-2-Clause */
/* Inside the vm layer: the regions of a map. */
#ifndef VM_MAP_I_H
#define VM_MAP_I_H

#include "vm/map.h"

bool map_is_inside(const struct map *map, uintptr_t addr, size_t size);

/* Bytes of the range that are allocated with at least this protection. */
size_t map_covered(const struct map *map, uintptr_t addr, size_t size, uint32_t prot);

/* Make `at` a border of regions. MK_E_NO_MEMORY. */
mk_err_t map_split(struct map *map, uintptr_t at);

/* A region at a free place, without pages and not charged. MK_E_LIMIT_WINDOW, MK_E_LIMIT_HOST, MK_E_NO_MEMORY. */
mk_err_t map_region_create(struct map *map, size_t size, uintptr_t *startp);

/* Forget the regions that lie wholly in the range: pages and charges are the caller's. */
void map_remove_regions(struct map *map, uintptr_t start, size_t size);

#endif
