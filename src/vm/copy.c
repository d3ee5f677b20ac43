/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory on its way; see copy.h. */
#include "vm/copy.h"

#include "host/arch/x86_64/user.h"
#include "host/pages.h"
#include "vm/map_i.h"

mk_err_t vm_copy_create(struct mk_machine *machine, const void *address, size_t size, struct vm_copy *copy)
{
    size_t offset = (uintptr_t)address % host_page_size();
    if (size > machine->memory_size)
        return MK_E_LIMIT_MEMORY;
    size_t nr_bytes = round_up(offset + size, host_page_size());
    if (machine->memory_used + nr_bytes > machine->memory_size)
        return MK_E_LIMIT_MEMORY;
    if (!user_probe_u8(address) || !user_probe_u8((const char *)address + size - 1))
        return MK_E_BAD_ADDRESS; /* before many pages are made for nothing */
    char *pages = host_pages_alloc_now(nr_bytes);
    if (!pages)
        return MK_E_LIMIT_HOST;
    if (!user_copy(pages + offset, address, size)) {
        host_pages_free(pages, nr_bytes);
        return MK_E_BAD_ADDRESS;
    }
    *copy = (struct vm_copy){.pages = pages, .nr_bytes = nr_bytes, .offset = offset, .size = size};
    machine->memory_used += nr_bytes;
    return MK_OK;
}

void vm_copy_destroy(struct mk_machine *machine, struct vm_copy *copy)
{
    host_pages_free(copy->pages, copy->nr_bytes);
    machine->memory_used -= copy->nr_bytes;
    copy->pages = NULL;
}

mk_err_t map_check_move(struct map *map, const void *address, size_t size)
{
    uintptr_t start = (uintptr_t)address;
    if (start % host_page_size() || size % host_page_size())
        return MK_E_BAD_ARGUMENT;
    if (!map_is_inside(map, start, size) || map_covered(map, start, size, MK_PROT_READ | MK_PROT_WRITE) != size)
        return MK_E_BAD_ADDRESS;
    mk_err_t err = map_split(map, start);
    return err ? err : map_split(map, start + size);
}

mk_err_t map_move_begin(const void *address, size_t size, struct vm_copy *copy)
{
    char *pages = host_pages_take((void *)(uintptr_t)address, size);
    if (!pages)
        return MK_E_LIMIT_HOST;
    *copy = (struct vm_copy){.pages = pages, .nr_bytes = size, .size = size};
    return MK_OK;
}

void map_move_undo(const void *address, struct vm_copy *copy)
{
    host_pages_move(copy->pages, (void *)(uintptr_t)address, copy->nr_bytes);
    copy->pages = NULL;
}

void map_move_commit(struct map *map, const void *address, size_t size)
{
    map_remove_regions(map, (uintptr_t)address, size);
    map->allocated -= size; /* the machine's memory goes on being used */
}

mk_err_t map_put_copy(struct map *map, struct vm_copy *copy, uintptr_t *addressp)
{
    uintptr_t start;
    mk_err_t err = map_region_create(map, copy->nr_bytes, &start);
    if (err)
        return err;
    if (!host_pages_move(copy->pages, (void *)start, copy->nr_bytes)) {
        map_remove_regions(map, start, copy->nr_bytes);
        return MK_E_LIMIT_HOST;
    }
    map->allocated += copy->nr_bytes;
    copy->pages = NULL;
    *addressp = start + copy->offset;
    return MK_OK;
}

bool map_take_back(struct map *map, uintptr_t address, struct vm_copy *copy)
{
    uintptr_t start = address - copy->offset;
    map_remove_regions(map, start, copy->nr_bytes);
    map->allocated -= copy->nr_bytes;
    copy->pages = host_pages_take((void *)start, copy->nr_bytes);
    if (!copy->pages) {
        host_pages_decommit((void *)start, copy->nr_bytes);
        map->machine->memory_used -= copy->nr_bytes;
        copy->nr_bytes = 0;
    }
    return copy->pages != NULL;
}
