/* SPDX-License-Identifier: BSD-2-Clause */
/* Address maps; see map.h. */
#include "vm/map_i.h"

#include "host/pages.h"

struct map *map_create(struct mk_machine *machine)
{
    struct map *map = kmem_zalloc(&machine->kmem, sizeof(*map));
    if (!map)
        return NULL;
    list_init(&map->regions);
    map->machine = machine;
    return map;
}

static void region_free(struct map *map, struct region *region)
{
    list_remove(&region->link);
    kmem_free(&map->machine->kmem, region, sizeof(*region));
}

static void charge(struct map *map, size_t size)
{
    map->allocated += size;
    map->machine->memory_used += size;
}

static void discharge(struct map *map, size_t size)
{
    map->allocated -= size;
    map->machine->memory_used -= size;
}

void map_destroy(struct map *map)
{
    if (!map)
        return;
    list_for_each_safe (link, &map->regions)
        region_free(map, list_entry(link, struct region, link));
    discharge(map, map->allocated);
    if (map->base)
        host_pages_free((void *)map->base, WINDOW_SIZE);
    kmem_free(&map->machine->kmem, map, sizeof(*map));
}

static bool reserve_window(struct map *map)
{
    if (!map->base)
        map->base = (uintptr_t)host_pages_reserve(WINDOW_SIZE);
    return map->base != 0;
}

/* First fit, with a page between regions so that running over an end is noticed. Start of the gap, 0: none. */
static uintptr_t find_gap(const struct map *map, size_t size, struct list **wherep)
{
    size_t guard = host_page_size();
    uintptr_t start = map->base + guard;
    list_for_each (link, (struct list *)(uintptr_t)&map->regions) {
        const struct region *region = list_entry(link, struct region, link);
        if (start + size + guard <= region->start) {
            *wherep = link;
            return start;
        }
        start = region->end + guard;
    }
    *wherep = (struct list *)(uintptr_t)&map->regions;
    return start + size + guard <= map->base + WINDOW_SIZE ? start : 0;
}

static struct region *region_add(struct map *map, uintptr_t start, uintptr_t end, uint32_t prot, struct list *where)
{
    struct region *region = kmem_alloc(&map->machine->kmem, sizeof(*region));
    if (!region)
        return NULL;
    region->start = start;
    region->end = end;
    region->prot = prot;
    list_init(&region->link);
    list_add_before(&region->link, where);
    return region;
}

mk_err_t map_region_create(struct map *map, size_t size, uintptr_t *startp)
{
    struct list *where;

    if (!reserve_window(map))
        return MK_E_LIMIT_HOST;
    *startp = find_gap(map, size, &where);
    if (!*startp)
        return MK_E_LIMIT_WINDOW;
    return region_add(map, *startp, *startp + size, MK_PROT_READ | MK_PROT_WRITE, where) ? MK_OK : MK_E_NO_MEMORY;
}

void map_remove_regions(struct map *map, uintptr_t start, size_t size)
{
    list_for_each_safe (link, &map->regions) {
        struct region *region = list_entry(link, struct region, link);
        if (region->start >= start && region->end <= start + size)
            region_free(map, region);
    }
}

mk_err_t map_allocate(struct map *map, size_t size, uintptr_t *addrp)
{
    uintptr_t start;
    if (map->machine->memory_used + size > map->machine->memory_size)
        return MK_E_LIMIT_MEMORY;
    mk_err_t err = map_region_create(map, size, &start);
    if (err)
        return err;
    if (!host_pages_commit((void *)start, size)) {
        map_remove_regions(map, start, size);
        return MK_E_LIMIT_HOST;
    }
    charge(map, size);
    *addrp = start;
    return MK_OK;
}

mk_err_t map_split(struct map *map, uintptr_t at)
{
    list_for_each (link, &map->regions) {
        struct region *region = list_entry(link, struct region, link);
        if (region->start < at && at < region->end) {
            if (!region_add(map, at, region->end, region->prot, link->next))
                return MK_E_NO_MEMORY;
            region->end = at;
            return MK_OK;
        }
    }
    return MK_OK;
}

bool map_is_inside(const struct map *map, uintptr_t addr, size_t size)
{
    return map->base && addr >= map->base && size <= WINDOW_SIZE && addr - map->base <= WINDOW_SIZE - size;
}

mk_err_t map_deallocate(struct map *map, uintptr_t addr, size_t size)
{
    if (!map_is_inside(map, addr, size))
        return MK_E_BAD_ARGUMENT;
    mk_err_t err = map_split(map, addr);
    if (!err)
        err = map_split(map, addr + size);
    if (err)
        return err;
    list_for_each_safe (link, &map->regions) {
        struct region *region = list_entry(link, struct region, link);
        if (region->start < addr || region->end > addr + size)
            continue;
        if (!host_pages_decommit((void *)region->start, region->end - region->start))
            return MK_E_LIMIT_HOST;
        discharge(map, region->end - region->start);
        region_free(map, region);
    }
    return MK_OK;
}

size_t map_covered(const struct map *map, uintptr_t addr, size_t size, uint32_t prot)
{
    size_t n = 0;
    list_for_each (link, (struct list *)(uintptr_t)&map->regions) {
        const struct region *region = list_entry(link, struct region, link);
        uintptr_t start = region->start > addr ? region->start : addr;
        uintptr_t end = region->end < addr + size ? region->end : addr + size;
        n += start < end && (region->prot & prot) == prot ? end - start : 0;
    }
    return n;
}

mk_err_t map_protect(struct map *map, uintptr_t addr, size_t size, uint32_t prot)
{
    if (!map_is_inside(map, addr, size))
        return MK_E_BAD_ARGUMENT;
    if (map_covered(map, addr, size, MK_PROT_NONE) != size)
        return MK_E_BAD_ADDRESS;
    mk_err_t err = map_split(map, addr);
    if (!err)
        err = map_split(map, addr + size);
    if (err)
        return err;
    if (!host_pages_protect((void *)addr, size, prot & MK_PROT_READ, prot & MK_PROT_WRITE))
        return MK_E_LIMIT_HOST;
    list_for_each (link, &map->regions) {
        struct region *region = list_entry(link, struct region, link);
        if (region->start >= addr && region->end <= addr + size)
            region->prot = prot;
    }
    return MK_OK;
}
