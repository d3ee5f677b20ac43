/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Address maps: one window of host addresses per task, reserved when first
 * used; in it regions, kept in order of address. Every allocated page is
 * charged to the machine's memory.
 */
#ifndef VM_MAP_H
#define VM_MAP_H

#include "kern/machine.h"

#include <mk/vm.h>

#define WINDOW_SIZE ((size_t)1 << 30)

struct region {
    struct list link;
    uintptr_t start, end;
    uint32_t prot;
};

struct map {
    struct list regions;
    uintptr_t base;     /* 0: not reserved yet */
    uint64_t allocated; /* bytes */
    struct mk_machine *machine;
};

struct map *map_create(struct mk_machine *machine); /* NULL: no memory */
void map_destroy(struct map *map);                  /* NULL is ignored */

/* size is a positive multiple of the page. MK_E_LIMIT_MEMORY, MK_E_LIMIT_WINDOW, MK_E_LIMIT_HOST, MK_E_NO_MEMORY. */
mk_err_t map_allocate(struct map *map, size_t size, uintptr_t *addrp);

/* Page-aligned, inside the window or MK_E_BAD_ARGUMENT. MK_E_NO_MEMORY when a region must be split. */
mk_err_t map_deallocate(struct map *map, uintptr_t addr, size_t size);

/* MK_E_BAD_ADDRESS: a page in it is not allocated; nothing changed. */
mk_err_t map_protect(struct map *map, uintptr_t addr, size_t size, uint32_t prot);

#endif
