/* SPDX-License-Identifier: BSD-2-Clause */
/* Address maps; see map.h. */
#include "vm/map.h"

#include "host/pages.h"
#include "vm/object.h"
#include "vm/region.h"

/* ---- memory in use ---- */

static bool machine_has(const struct mk_machine *machine, size_t size)
{
    const struct vm *vm = machine->vm;
    uint64_t nr_stored = vm->nr_slots ? vm->nr_slots - 1 : 0; /* one is free when all others and all frames are used */
    uint64_t all = (vm->nr_frames - vm->reserve + nr_stored) << PAGE_SHIFT;
    return size <= all && machine->memory_used <= all - size;
}

mk_err_t machine_charge(struct mk_machine *machine, size_t size)
{
    if (!machine_has(machine, size))
        return MK_E_LIMIT_MEMORY;
    machine->memory_used += size;
    return MK_OK;
}

bool map_may_have(const struct map *map, size_t size)
{
    return size <= map->limit && map->charged <= map->limit - size;
}

/* ---- regions ---- */

struct region *region_create(struct vm_object *object, uint32_t page, size_t size)
{
    struct vm *vm = object->vm;
    if (vm->nr_regions >= MK_REGIONS_MAX)
        return NULL;
    struct region *region = kmem_zalloc(&vm->machine->kmem, sizeof(*region));
    if (!region)
        return NULL;
    region->end = size;
    region->page = page;
    region->prot = region->max_prot = MK_PROT_READ | MK_PROT_WRITE;
    region->inherit = MK_INHERIT_COPY;
    region->object = object;
    list_init(&region->link);
    list_add_tail(&region->object_link, &object->regions);
    vm->nr_regions++;
    return region;
}

static size_t region_size(const struct region *region)
{
    return region->end - region->start;
}

void region_enter(struct map *map, struct region *region, uintptr_t start, struct list *where)
{
    region->end = start + region_size(region);
    region->start = start;
    region->map = map;
    region->shown = NULL;
    list_remove(&region->link);
    list_add_before(&region->link, where);
    map->allocated += region_size(region);
    if (region->is_charged)
        map->charged += region_size(region);
}

void region_leave(struct region *region)
{
    struct map *map = region->map;
    region_hide(region);
    if (map->hint == region)
        map->hint = NULL;
    map->allocated -= region_size(region);
    if (region->is_charged)
        map->charged -= region_size(region);
    list_remove(&region->link);
    region->map = NULL;
}

void region_destroy(struct cpu *cpu, struct vm *vm, struct region *region)
{
    struct vm_object *object = region->object;
    size_t size = region_size(region);
    if (region->map)
        region_leave(region);
    if (region->is_charged)
        vm->machine->memory_used -= size;
    list_remove(&region->link);
    list_remove(&region->object_link);
    if (object->refs > 1)
        object_trim(object, region->page, (uint32_t)(size >> PAGE_SHIFT));
    object_release(cpu, object);
    vm->nr_regions--;
    kmem_free(&vm->machine->kmem, region, sizeof(*region));
}

/* NULL: none. */
static struct host_isolation *isolation_of(const struct region *region)
{
    return region->object->vm->machine->cpu->host.isolation;
}

void region_hide(struct region *region)
{
    if (region->map && region->shown)
        host_window_decommit(isolation_of(region), (void *)region->start, region_size(region));
    region->shown = NULL;
}

mk_err_t region_get_shadow(struct region *region)
{
    if (region->object->refs == 1 && !region->object->pager) { /* whoever it was shared with is gone */
        region->needs_copy = false;
        return MK_OK;
    }
    struct vm_object *shadow =
        object_shadow(region->object, region->page, region_size(region) >> PAGE_SHIFT, region->map->set);
    if (!shadow)
        return MK_E_NO_MEMORY;
    list_remove(&region->object_link);
    list_add_tail(&region->object_link, &shadow->regions);
    region->object = shadow;
    region->page = 0;
    region->next_page = region->ahead = 0;
    region->needs_copy = false;
    return MK_OK;
}

/* Does opening it split a mapping of the host? */
static bool may_show(const struct region *region, size_t size)
{
    return (region->shown && size == region_size(region)) || host_mappings_take(2);
}

static bool show(struct region *region, uintptr_t addr, const struct vm_object *owner, uint32_t page, uint32_t nr,
                 uint8_t access)
{
    const struct host_memory *memory = &owner->vm->memory;
    struct host_isolation *isolation = isolation_of(region);
    size_t size = (size_t)nr << PAGE_SHIFT;
    uint64_t offset = (owner->start + page) << PAGE_SHIFT;
    uint32_t first = page - (uint32_t)((addr - region->start) >> PAGE_SHIFT); /* of the region's first page */
    if (!region->shown && size < region_size(region)) { /* the whole region will show it, once and for all */
        uint64_t start = (owner->start + first) << PAGE_SHIFT;
        if (!host_window_map(isolation, memory, (void *)region->start, region_size(region), start, false, false))
            return false;
        region->shown = owner;
        region->shown_page = first;
    }
    if (region->shown == owner)
        return host_window_protect(isolation, (void *)addr, size, access & MK_PROT_READ, access & MK_PROT_WRITE);
    if (!host_window_map(isolation, memory, (void *)addr, size, offset, access & MK_PROT_READ, access & MK_PROT_WRITE))
        return false;
    if (size == region_size(region)) {
        region->shown = owner;
        region->shown_page = first;
    }
    return true;
}

mk_err_t region_open(struct region *region, uintptr_t addr, const struct vm_object *owner, uint32_t page, uint32_t nr,
                     uint8_t access)
{
    size_t size = (size_t)nr << PAGE_SHIFT;
    if (may_show(region, size) && show(region, addr, owner, page, nr, access))
        return MK_OK;
    region_hide(region); /* its many pieces may have been what the host has enough of */
    if (!may_show(region, size))
        return MK_E_LIMIT_MAPPINGS;
    return show(region, addr, owner, page, nr, access) ? MK_OK : MK_E_LIMIT_HOST;
}

/* ---- maps ---- */

struct map *map_create(struct mk_machine *machine)
{
    struct map *map = kmem_zalloc(&machine->kmem, sizeof(*map));
    if (!map)
        return NULL;
    list_init(&map->regions);
    map->machine = machine;
    map->set = &machine->vm->set;
    map->limit = UINT64_MAX;
    return map;
}

/* Of the first window that does not begin below `base`. */
static uint32_t window_index(const struct vm *vm, uintptr_t base)
{
    uint32_t low = 0, high = vm->nr_windows;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (vm->windows[middle]->base < base)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct map *map_at(struct vm *vm, uintptr_t addr)
{
    uint32_t next = addr < UINTPTR_MAX ? window_index(vm, addr + 1) : vm->nr_windows;
    return next > 0 && addr - vm->windows[next - 1]->base < WINDOW_SIZE ? vm->windows[next - 1] : NULL;
}

static bool windows_grow(struct vm *vm)
{
    struct kmem *kmem = &vm->machine->kmem;
    uint32_t max = vm->max_windows ? 2 * vm->max_windows : 16;
    if (vm->nr_windows < vm->max_windows)
        return true;
    struct map **windows = kmem_alloc(kmem, max * sizeof(*windows));
    if (!windows)
        return false;
    if (vm->nr_windows)
        memcpy(windows, vm->windows, vm->nr_windows * sizeof(*windows));
    kmem_free(kmem, vm->windows, vm->max_windows * sizeof(*windows));
    vm->windows = windows;
    vm->max_windows = max;
    return true;
}

mk_err_t map_reserve(struct map *map)
{
    struct vm *vm = map->machine->vm;
    if (map->base)
        return MK_OK;
    if (!windows_grow(vm))
        return MK_E_NO_MEMORY;
    map->base = (uintptr_t)host_pages_reserve(WINDOW_SIZE);
    if (!map->base)
        return MK_E_LIMIT_HOST;
    if (map->domain && !host_range_add(map->machine->cpu->host.isolation, map->domain, (void *)map->base, WINDOW_SIZE,
                                       HOST_RANGE_WINDOW, 0)) {
        host_pages_free((void *)map->base, WINDOW_SIZE);
        map->base = 0;
        return MK_E_NO_MEMORY;
    }
    uint32_t i = window_index(vm, map->base);
    memmove(&vm->windows[i + 1], &vm->windows[i], (vm->nr_windows - i) * sizeof(*vm->windows));
    vm->windows[i] = map;
    vm->nr_windows++;
    return MK_OK;
}

/* Objects that others hold may keep it. */
void map_leave_set(struct map *map)
{
    map->set->map = NULL;
    set_release(map->machine->vm, map->set);
}

void map_destroy(struct map *map)
{
    if (!map)
        return;
    struct mk_machine *machine = map->machine;
    struct vm *vm = machine->vm;
    if (map->base) { /* all at once, so that no region has to be hidden */
        uint32_t i = window_index(vm, map->base);
        memmove(&vm->windows[i], &vm->windows[i + 1], (--vm->nr_windows - i) * sizeof(*vm->windows));
        if (map->domain)
            host_range_remove(map->machine->cpu->host.isolation, (void *)map->base);
        host_pages_free((void *)map->base, WINDOW_SIZE);
    }
    while (!list_empty(&map->regions)) {
        struct region *region = list_first(&map->regions, struct region, link);
        region->shown = NULL;
        region_destroy(machine->cpu, vm, region);
    }
    map_leave_set(map);
    kmem_free(&machine->kmem, map, sizeof(*map));
}

/* First fit, with a page between regions so that running over an end is noticed. Start of the gap, 0: none. */
static uintptr_t find_gap(const struct map *map, size_t size, struct list **wherep)
{
    size_t guard = PAGE_SIZE;
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

mk_err_t map_find_place(struct map *map, size_t size, uintptr_t *startp, struct list **wherep)
{
    mk_err_t err = map_reserve(map);
    if (!err && !(*startp = find_gap(map, size, wherep)))
        err = MK_E_LIMIT_WINDOW;
    return err;
}

mk_err_t map_take_place(struct map *map, uintptr_t start, size_t size, struct list **wherep)
{
    mk_err_t err = map_reserve(map);
    if (!err && !map_is_inside(map, start, size))
        err = MK_E_BAD_ARGUMENT;
    if (err)
        return err;
    struct list *link = map->regions.next;
    while (link != &map->regions && list_entry(link, struct region, link)->end <= start)
        link = link->next;
    *wherep = link;
    return link != &map->regions && list_entry(link, struct region, link)->start < start + size ? MK_E_EXISTS : MK_OK;
}

mk_err_t region_error(const struct vm *vm)
{
    return vm->nr_regions >= MK_REGIONS_MAX ? MK_E_LIMIT_REGIONS : MK_E_NO_MEMORY;
}

mk_err_t map_allocate(struct map *map, size_t size, uintptr_t *addrp)
{
    struct vm *vm = map->machine->vm;
    struct list *where;
    if (!machine_has(map->machine, size) || !map_may_have(map, size))
        return MK_E_LIMIT_MEMORY;
    mk_err_t err = map_find_place(map, size, addrp, &where);
    if (err)
        return err;
    struct vm_object *object = object_create(vm, size >> PAGE_SHIFT, map->set);
    if (!object)
        return MK_E_NO_MEMORY;
    object->is_wired = map->is_wired;
    struct region *region = region_create(object, 0, size);
    if (!region) {
        object_release(map->machine->cpu, object);
        return region_error(vm);
    }
    region->is_charged = true;
    map->machine->memory_used += size;
    region_enter(map, region, *addrp, where);
    return MK_OK;
}

struct region *map_find(struct map *map, uintptr_t addr)
{
    struct region *hint = map->hint;
    if (hint && hint->start <= addr && addr < hint->end)
        return hint;
    list_for_each (link, &map->regions) {
        struct region *region = list_entry(link, struct region, link);
        if (addr < region->start)
            return NULL;
        if (addr < region->end)
            return map->hint = region;
    }
    return NULL;
}

mk_err_t map_split(struct map *map, uintptr_t at)
{
    struct region *region = map_find(map, at);
    if (!region || region->start == at)
        return MK_OK;
    struct region *rest = region_create(region->object, region_page(region, at), region->end - at);
    if (!rest)
        return region_error(map->machine->vm);
    object_hold(region->object);
    rest->start = at;
    rest->end = region->end;
    rest->prot = region->prot;
    rest->max_prot = region->max_prot;
    rest->inherit = region->inherit;
    rest->needs_copy = region->needs_copy;
    rest->is_shared = region->is_shared;
    rest->is_charged = region->is_charged;
    rest->shown = region->shown;
    rest->shown_page = region->shown_page + (uint32_t)((at - region->start) >> PAGE_SHIFT);
    rest->map = map;
    list_add_head(&rest->link, &region->link);
    region->end = at;
    return MK_OK;
}

/* One region again, which map_split made two. */
static void unsplit(struct map *map, struct region *region)
{
    struct region *rest = list_entry(region->link.next, struct region, link);
    region->end = rest->end;
    map->hint = region;
    list_remove(&rest->link);
    list_remove(&rest->object_link);
    object_release(map->machine->cpu, rest->object);
    map->machine->vm->nr_regions--;
    kmem_free(&map->machine->kmem, rest, sizeof(*rest));
}

mk_err_t map_isolate(struct map *map, uintptr_t addr, size_t size)
{
    struct region *region = map_find(map, addr);
    bool is_split = region && region->start < addr;
    mk_err_t err = map_split(map, addr);
    if (!err && (err = map_split(map, addr + size)) && is_split)
        unsplit(map, region);
    return err;
}

bool map_is_inside(const struct map *map, uintptr_t addr, size_t size)
{
    return map->base && addr >= map->base && size <= WINDOW_SIZE && addr - map->base <= WINDOW_SIZE - size;
}

mk_err_t map_deallocate(struct map *map, uintptr_t addr, size_t size)
{
    if (!map_is_inside(map, addr, size))
        return MK_E_BAD_ARGUMENT;
    mk_err_t err = map_isolate(map, addr, size);
    if (err)
        return err;
    list_for_each_safe (link, &map->regions) {
        struct region *region = list_entry(link, struct region, link);
        if (region->start >= addr && region->end <= addr + size)
            region_destroy(map->machine->cpu, map->machine->vm, region);
    }
    return MK_OK;
}

/* Bytes of the range in regions with at least this protection; in those alone that are charged, if need be. */
static size_t covered(const struct map *map, uintptr_t addr, size_t size, uint32_t prot, bool is_charged)
{
    size_t n = 0;
    list_for_each (link, (struct list *)(uintptr_t)&map->regions) {
        const struct region *region = list_entry(link, struct region, link);
        uintptr_t start = region->start > addr ? region->start : addr;
        uintptr_t end = region->end < addr + size ? region->end : addr + size;
        if (start < end && (region->prot & prot) == prot && (region->is_charged || !is_charged))
            n += end - start;
    }
    return n;
}

size_t map_covered(const struct map *map, uintptr_t addr, size_t size, uint32_t prot)
{
    return covered(map, addr, size, prot, false);
}

size_t map_charged(const struct map *map, uintptr_t addr, size_t size)
{
    return covered(map, addr, size, MK_PROT_NONE, true);
}

/* ---- protection ---- */

/* What may be open at this page of the region without anything being missed. */
static uint8_t access_now(const struct vm *vm, const struct region *region, uint32_t page)
{
    uint32_t word = region->object->pages[page];
    if (page_state(word) != PAGE_RESIDENT)
        return 0;
    const struct frame *frame = &vm->frames[page_number(word)];
    if (!frame->access)
        return 0; /* its next reference is to be seen */
    return region->prot &
           (frame->flags & FRAME_DIRTY && !region->needs_copy ? MK_PROT_READ | MK_PROT_WRITE : MK_PROT_READ);
}

/* Open and close pages in runs of equal ones. False: the host refused. */
static bool reopen_pages(struct vm *vm, struct region *region)
{
    uint32_t nr = (uint32_t)(region_size(region) >> PAGE_SHIFT);
    for (uint32_t i = 0, n; i < nr; i += n) {
        uint8_t access = access_now(vm, region, region->page + i);
        for (n = 1; i + n < nr && access_now(vm, region, region->page + i + n) == access; n++)
            ;
        for (uint32_t j = i; j < i + n && access; j++)
            vm->frames[page_number(region->object->pages[region->page + j])].access |= access;
        if (!host_window_protect(isolation_of(region), (void *)(region->start + ((uintptr_t)i << PAGE_SHIFT)),
                                 (size_t)n << PAGE_SHIFT, access & MK_PROT_READ, access & MK_PROT_WRITE))
            return false;
    }
    return true;
}

/* What may be open has changed. */
static void reprotect(struct region *region)
{
    if (region->shown && (region->shown != region->object || !reopen_pages(region->object->vm, region)))
        region_hide(region); /* it is opened page by page again */
}

void region_share(struct region *region)
{
    if (region->needs_copy)
        return;
    region->needs_copy = true;
    reprotect(region);
}

static mk_err_t check_max(struct map *map, uintptr_t addr, size_t size, uint32_t prot)
{
    list_for_each (link, &map->regions) {
        const struct region *region = list_entry(link, struct region, link);
        if (region->start < addr + size && region->end > addr && prot & ~(uint32_t)region->max_prot)
            return MK_E_NO_ACCESS;
    }
    return MK_OK;
}

mk_err_t map_protect(struct map *map, uintptr_t addr, size_t size, uint32_t prot)
{
    if (!map_is_inside(map, addr, size))
        return MK_E_BAD_ARGUMENT;
    if (map_covered(map, addr, size, MK_PROT_NONE) != size)
        return MK_E_BAD_ADDRESS;
    mk_err_t err = check_max(map, addr, size, prot);
    if (!err)
        err = map_isolate(map, addr, size);
    if (err)
        return err;
    list_for_each (link, &map->regions) {
        struct region *region = list_entry(link, struct region, link);
        if (region->start < addr || region->end > addr + size)
            continue;
        region->prot = (uint8_t)prot;
        reprotect(region);
    }
    return MK_OK;
}
