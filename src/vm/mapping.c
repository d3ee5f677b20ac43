/* SPDX-License-Identifier: BSD-2-Clause */
/* What can be done to maps beyond allocating: objects, copies, inheritance, wiring, looking. See <mk/vm.h>. */
#include "vm/copy.h"
#include "vm/fault.h"
#include "vm/object.h"
#include "vm/region.h"

#include <mk/memory.h>

static struct region *by_link(struct list *link)
{
    return list_entry(link, struct region, link);
}

bool map_is_accessible(const struct map *map, uintptr_t addr, size_t size, uint32_t prot)
{
    return size == 0 || (map_is_inside(map, addr, size) && map_covered(map, addr, size, prot) == size);
}

/* ---- objects ---- */

mk_err_t map_object(struct map *map, struct vm_object *object, const struct mk_vm_map *how, uintptr_t *addrp)
{
    struct list *where;
    size_t size = round_up(how->size, PAGE_SIZE);
    uint32_t max_prot = how->max_prot ? how->max_prot : how->prot;
    if (how->is_copy && !map_may_have(map, size))
        return MK_E_LIMIT_MEMORY;
    *addrp = how->at;
    mk_err_t err = how->at ? map_take_place(map, how->at, size, &where) : map_find_place(map, size, addrp, &where);
    if (!err && how->is_copy)
        err = machine_charge(map->machine, size);
    if (err)
        return err;
    struct region *region = region_create(object, (uint32_t)(how->offset >> PAGE_SHIFT), size);
    if (!region) {
        map->machine->memory_used -= how->is_copy ? size : 0;
        return region_error(map->machine->vm);
    }
    object_hold(object);
    region->prot = (uint8_t)how->prot;
    region->max_prot = (uint8_t)max_prot;
    region->needs_copy = region->is_charged = how->is_copy;
    region->is_shared = !how->is_copy;
    region->inherit = how->is_copy ? MK_INHERIT_COPY : MK_INHERIT_SHARE;
    region_enter(map, region, *addrp, where);
    return MK_OK;
}

/* ---- copies within a task ---- */

mk_err_t map_copy(struct cpu *cpu, struct map *map, uintptr_t from, size_t size, uintptr_t to)
{
    struct vm_copy copy;
    const uint32_t both = MK_PROT_READ | MK_PROT_WRITE;
    if (!map_is_inside(map, from, size) || !map_is_inside(map, to, size) || (from < to + size && to < from + size))
        return MK_E_BAD_ARGUMENT;
    if (map_covered(map, from, size, MK_PROT_READ) != size || map_covered(map, to, size, both) != size)
        return MK_E_BAD_ADDRESS;
    if (!map_may_have(map, size - map_charged(map, to, size)))
        return MK_E_LIMIT_MEMORY;
    mk_err_t err = vm_copy_create(cpu, (void *)from, size, &copy);
    if (err)
        return err;
    err = map_isolate(map, to, size);
    if (err) {
        vm_copy_destroy(map->machine, &copy);
        return err;
    }
    map_deallocate(map, to, size); /* borders are there: it cannot fail */
    struct list *where = map->regions.next;
    while (where != &map->regions && by_link(where)->start < to)
        where = where->next;
    while (!list_empty(&copy.regions)) {
        struct region *region = by_link(copy.regions.next);
        region->max_prot = (uint8_t)both;
        region_enter(map, region, to, where);
        to = region->end;
    }
    return MK_OK;
}

/* ---- inheritance ---- */

mk_err_t map_inherit(struct map *map, uintptr_t addr, size_t size, enum mk_inherit inherit)
{
    if (!map_is_inside(map, addr, size))
        return MK_E_BAD_ARGUMENT;
    if (map_covered(map, addr, size, MK_PROT_NONE) != size)
        return MK_E_BAD_ADDRESS;
    mk_err_t err = map_isolate(map, addr, size);
    if (err)
        return err;
    list_for_each (link, &map->regions)
        if (by_link(link)->start >= addr && by_link(link)->end <= addr + size)
            by_link(link)->inherit = (uint8_t)inherit;
    return MK_OK;
}

/* Shared memory of two tasks has to be an object of its own, not one that only waits to be copied. */
static mk_err_t inherit_region(struct map *map, struct region *from, uintptr_t start)
{
    struct vm *vm = map->machine->vm;
    bool is_copy = from->inherit == MK_INHERIT_COPY;
    size_t size = from->end - from->start;
    mk_err_t err = is_copy || !from->needs_copy ? MK_OK : region_get_shadow(from);
    if (!err && is_copy)
        err = map_may_have(map, size) ? machine_charge(map->machine, size) : MK_E_LIMIT_MEMORY;
    if (err)
        return err;
    struct region *region = region_create(from->object, from->page, size);
    if (!region) {
        map->machine->memory_used -= is_copy ? size : 0;
        return region_error(vm);
    }
    object_hold(from->object);
    region->prot = from->prot;
    region->max_prot = from->max_prot;
    region->inherit = from->inherit;
    region->is_shared = !is_copy;
    region->needs_copy = region->is_charged = is_copy;
    region_enter(map, region, start, &map->regions);
    return MK_OK;
}

mk_err_t map_inherit_from(struct map *map, struct map *parent)
{
    if (!list_empty(&map->regions) || map == parent)
        return MK_E_BAD_STATE;
    mk_err_t err = MK_OK;
    list_for_each (link, &parent->regions) {
        struct region *region = by_link(link);
        bool is_shared_copy = region->inherit == MK_INHERIT_COPY && region->is_shared;
        if (err || region->inherit == MK_INHERIT_NONE)
            continue;
        err = is_shared_copy ? MK_E_BAD_STATE : inherit_region(map, region, region->start - parent->base + map->base);
    }
    while (err && !list_empty(&map->regions))
        region_destroy(map->machine->cpu, map->machine->vm, by_link(map->regions.next));
    list_for_each (link, &parent->regions) { /* not before all of them are there */
        if (!err && by_link(link)->inherit == MK_INHERIT_COPY)
            region_share(by_link(link));
        else if (!err && by_link(link)->inherit == MK_INHERIT_SHARE)
            by_link(link)->is_shared = true;
    }
    return err;
}

/* ---- wiring ---- */

mk_err_t map_wire(struct cpu *cpu, struct map *map, uintptr_t addr, bool is_wired, bool *is_writep)
{
    struct vm *vm = map->machine->vm;
    struct region *region = map_find(map, addr);
    if (!region)
        return MK_E_BAD_ADDRESS;
    uint32_t page = region_page(region, addr);
    bool is_own = !region->needs_copy && page_owner(region->object, &page) == region->object;
    *is_writep = region->prot & MK_PROT_WRITE && !is_own; /* its first write must not need another frame */
    if (is_wired) {
        mk_err_t err = vm_fault(cpu, addr, *is_writep);
        if (err)
            return err;
    }
    page = region_page(region, addr);
    struct vm_object *owner = page_owner(region->object, &page);
    if (page_state(owner->pages[page]) != PAGE_RESIDENT)
        return MK_OK;
    struct frame *frame = &vm->frames[page_number(owner->pages[page])];
    if (is_wired && frame->wired == UINT16_MAX - 1) /* the kernel wires, too, for a moment */
        return MK_E_LIMIT_MEMORY;
    if (is_wired && !frame->wired++)
        vm->nr_wired++;
    else if (!is_wired && frame->wired && !--frame->wired)
        vm->nr_wired--;
    return MK_OK;
}

/* ---- looking ---- */

/* Pages with this bit of MK_PAGE_*. */
static uint32_t count_pages(struct map *map, const struct region *region, uint8_t which)
{
    uint32_t n = 0;
    for (uintptr_t addr = region->start; addr < region->end; addr += PAGE_SIZE)
        n += (map_page(map, addr) & which) != 0;
    return n;
}

bool map_region(struct map *map, uintptr_t addr, struct mk_vm_region *info)
{
    list_for_each (link, &map->regions) {
        struct region *region = by_link(link);
        if (region->end <= addr)
            continue;
        memset(info, 0, sizeof(*info));
        info->start = region->start;
        info->size = region->end - region->start;
        info->prot = region->prot;
        info->max_prot = region->max_prot;
        info->inherit = (enum mk_inherit)region->inherit;
        info->is_shared = region->is_shared;
        info->needs_copy = region->needs_copy;
        info->object = region->object->id;
        info->offset = (uint64_t)region->page << PAGE_SHIFT;
        info->nr_resident = count_pages(map, region, MK_PAGE_RESIDENT);
        info->is_wired = count_pages(map, region, MK_PAGE_WIRED) == info->size >> PAGE_SHIFT;
        for (const struct vm_object *o = region->object->parent; o; o = o->parent)
            info->nr_shadows++;
        return true;
    }
    return false;
}

uint8_t map_page(struct map *map, uintptr_t addr)
{
    const struct vm *vm = map->machine->vm;
    struct region *region = map_find(map, addr);
    if (!region)
        return 0;
    uint32_t page = region_page(region, addr);
    const struct vm_object *owner = page_owner(region->object, &page);
    uint32_t word = owner->pages[page];
    uint8_t state = owner != region->object && page_state(word) != PAGE_ABSENT ? MK_PAGE_SHADOWED : 0;
    if (page_state(word) == PAGE_STORED)
        return state | MK_PAGE_STORED;
    if (page_state(word) != PAGE_RESIDENT)
        return state;
    const struct frame *frame = &vm->frames[page_number(word)];
    return state | MK_PAGE_RESIDENT | (frame->flags & FRAME_DIRTY ? MK_PAGE_MODIFIED : 0) |
           (frame->flags & FRAME_REFERENCED ? MK_PAGE_REFERENCED : 0) | (frame->slot ? MK_PAGE_STORED : 0) |
           (frame->wired ? MK_PAGE_WIRED : 0);
}

static uint32_t take_references(const struct vm *vm, struct vm_object *owner, uint32_t page)
{
    if (page_state(owner->pages[page]) != PAGE_RESIDENT)
        return 0;
    struct frame *frame = &vm->frames[page_number(owner->pages[page])];
    if (!(frame->flags & FRAME_REFERENCED))
        return 0;
    frame->flags &= (uint8_t)~FRAME_REFERENCED;
    page_close(owner, page, false); /* the next reference is seen */
    return 1;
}

size_t map_working_set(struct map *map)
{
    size_t n = 0;
    list_for_each (link, &map->regions) {
        for (uintptr_t addr = by_link(link)->start; addr < by_link(link)->end; addr += PAGE_SIZE) {
            uint32_t page = region_page(by_link(link), addr);
            struct vm_object *owner = page_owner(by_link(link)->object, &page);
            n += take_references(map->machine->vm, owner, page);
        }
    }
    return n;
}

/* ---- frames of a task's own ---- */

mk_err_t map_set_frames(struct map *map, const struct mk_vm_frames *frames, const struct page_policy *policy,
                        uint64_t *future, size_t nr_future)
{
    struct vm *vm = map->machine->vm;
    struct page_set *set = &vm->set;
    if (frames->nr_frames) {
        set = set_create(vm, policy, frames, future, nr_future);
        if (!set)
            return MK_E_NO_MEMORY;
    }
    list_for_each (link, &map->regions)
        if (by_link(link)->object->set == map->set)
            object_set(by_link(link)->object, set);
    if (set != &vm->set)
        set->map = map;
    map_leave_set(map);
    map->set = set;
    return MK_OK;
}

static void counts_out(const struct vm_counts *counts, struct mk_vm_stats *stats)
{
    stats->nr_zero_fills = counts->nr_zero_fills;
    stats->nr_copies = counts->nr_copies;
    stats->nr_page_ins = counts->nr_page_ins;
    stats->nr_soft = counts->nr_soft;
    stats->nr_ahead = counts->nr_ahead;
    stats->nr_evictions = counts->nr_evictions;
    stats->nr_page_outs = counts->nr_page_outs;
    stats->nr_refaults = counts->nr_refaults;
}

void vm_statistics(const struct vm *vm, struct mk_vm_stats *stats)
{
    memset(stats, 0, sizeof(*stats));
    counts_out(&vm->counts, stats);
    stats->nr_frames = vm->nr_frames;
    stats->nr_free = vm->nr_free;
    stats->nr_wired = vm->nr_wired;
    stats->nr_reserved = vm->reserve;
    stats->nr_slots = vm->nr_slots;
    stats->nr_used_slots = vm->nr_used_slots;
    stats->store_cookie = vm->store && vm->store->pager ? vm->store->pager->cookie : 0;
    stats->nr_resident = vm->nr_frames - vm->nr_free;
    stats->is_thrashing = vm->is_thrashing && vm->machine->cpu->now <= vm->thrashing_until;
}

void map_statistics(struct map *map, struct mk_vm_stats *stats)
{
    vm_statistics(map->machine->vm, stats);
    counts_out(&map->counts, stats);
    stats->nr_resident = 0;
    list_for_each (link, &map->regions)
        stats->nr_resident += count_pages(map, by_link(link), MK_PAGE_RESIDENT);
}
