/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory on its way; see copy.h. */
#include "vm/copy.h"

#include "host/user.h"
#include "kern/sched.h"
#include "vm/fault.h"
#include "vm/object.h"
#include "vm/region.h"

static void copy_add(struct vm_copy *copy, struct region *region)
{
    list_add_tail(&region->link, &copy->regions);
    copy->nr_bytes += region->end - region->start;
}

void vm_copy_destroy(struct mk_machine *machine, struct vm_copy *copy)
{
    if (!copy->nr_bytes)
        return;
    while (!list_empty(&copy->regions))
        region_destroy(machine->cpu, machine->vm, list_first(&copy->regions, struct region, link));
    copy->nr_bytes = 0;
}

/* ---- byte by byte ---- */

static mk_err_t fill(struct cpu *cpu, struct vm_object *object, size_t offset, const char *from, size_t size)
{
    struct vm *vm = object->vm;
    for (uint32_t page = 0; size > 0; page++, offset = 0) {
        uint32_t frame;
        size_t n = PAGE_SIZE - offset < size ? PAGE_SIZE - offset : size;
        mk_err_t err = frame_take(cpu, object, page, PAGE_RESIDENT, &frame);
        if (err)
            return err == MK_E_WOULD_BLOCK ? vm_missing(cpu, 0, false) : err;
        vm->frames[frame].flags |= FRAME_DIRTY;
        vm->frames[frame].wired++; /* reading what is to be copied can need a frame, too */
        bool is_copied = user_get(page_contents(object, page) + offset, from, n);
        vm->frames[frame].wired--;
        if (!is_copied)
            return MK_E_BAD_ADDRESS;
        from += n;
        size -= n;
    }
    return MK_OK;
}

static mk_err_t copy_bytes(struct cpu *cpu, const void *address, size_t size, struct vm_copy *copy)
{
    struct vm *vm = cpu->machine->vm;
    size_t offset = (uintptr_t)address % PAGE_SIZE, nr_bytes = round_up(offset + size, PAGE_SIZE);
    if (!user_probe_u8(address) || !user_probe_u8((const char *)address + size - 1))
        return MK_E_BAD_ADDRESS; /* before many pages are made for nothing */
    struct vm_object *object = object_create(vm, nr_bytes >> PAGE_SHIFT, cpu->current->task->map->set);
    if (!object)
        return MK_E_NO_MEMORY;
    mk_err_t err = fill(cpu, object, offset, address, size);
    struct region *region = err ? NULL : region_create(object, 0, nr_bytes);
    if (!region) {
        object_release(cpu, object);
        return err ? err : region_error(vm);
    }
    copy->offset = offset;
    copy_add(copy, region);
    kernel_charge(cpu, cpu->copy_cost * (mk_time_t)((size + 63) / 64));
    return MK_OK;
}

/* ---- by sharing ---- */

/* Are pages seen that others may write, or a pager supply anew? */
static bool is_mutable(const struct region *region)
{
    if (region->is_shared)
        return true;
    for (const struct vm_object *object = region->object; object; object = object->parent)
        if (object->pager || object->memory || object->is_charged)
            return true;
    return false;
}

/* Whole pages that nobody else can see change? */
static bool is_shareable(struct map *map, uintptr_t start, size_t size)
{
    if (!map || start % PAGE_SIZE || size % PAGE_SIZE || !map_is_inside(map, start, size) ||
        map_covered(map, start, size, MK_PROT_READ) != size)
        return false;
    list_for_each (link, &map->regions) {
        const struct region *region = list_entry(link, struct region, link);
        if (region->start < start + size && region->end > start && is_mutable(region))
            return false;
    }
    return true;
}

static mk_err_t copy_pages(struct map *map, uintptr_t start, size_t size, struct vm_copy *copy)
{
    struct vm *vm = map->machine->vm;
    list_for_each (link, &map->regions) {
        struct region *region = list_entry(link, struct region, link);
        uintptr_t from = region->start > start ? region->start : start;
        uintptr_t to = region->end < start + size ? region->end : start + size;
        if (from >= to)
            continue;
        struct region *clone = region_create(region->object, region_page(region, from), to - from);
        if (!clone)
            return region_error(vm);
        object_hold(region->object);
        region_share(region);
        clone->needs_copy = true;
        copy_add(copy, clone);
    }
    return MK_OK;
}

mk_err_t vm_copy_create(struct cpu *cpu, const void *address, size_t size, struct vm_copy *copy)
{
    struct mk_machine *machine = cpu->machine;
    struct map *map = map_at(machine->vm, (uintptr_t)address);
    size_t nr_bytes = round_up((uintptr_t)address % PAGE_SIZE + size, PAGE_SIZE);
    if (size > WINDOW_SIZE)
        return MK_E_LIMIT_MEMORY;
    mk_err_t err = machine_charge(machine, nr_bytes);
    if (err)
        return err;
    *copy = (struct vm_copy){.size = size};
    list_init(&copy->regions);
    if (is_shareable(map, (uintptr_t)address, size))
        err = copy_pages(map, (uintptr_t)address, size, copy);
    else
        err = copy_bytes(cpu, address, size, copy);
    if (err) {
        vm_copy_destroy(machine, copy);
        machine->memory_used -= nr_bytes;
        return err;
    }
    list_for_each (link, &copy->regions)
        list_entry(link, struct region, link)->is_charged = true;
    return MK_OK;
}

/* ---- by moving ---- */

mk_err_t map_check_move(struct map *map, const void *address, size_t size)
{
    uintptr_t start = (uintptr_t)address;
    if (start % PAGE_SIZE || size % PAGE_SIZE)
        return MK_E_BAD_ARGUMENT;
    if (!map_is_inside(map, start, size) || map_covered(map, start, size, MK_PROT_READ | MK_PROT_WRITE) != size)
        return MK_E_BAD_ADDRESS;
    return map_isolate(map, start, size);
}

void map_move(struct map *map, const void *address, size_t size, struct vm_copy *copy)
{
    uintptr_t start = (uintptr_t)address;
    *copy = (struct vm_copy){.size = size};
    list_init(&copy->regions);
    list_for_each_safe (link, &map->regions) {
        struct region *region = list_entry(link, struct region, link);
        if (region->start < start || region->end > start + size)
            continue;
        region_leave(region);
        copy_add(copy, region);
    }
}

mk_err_t map_put_copy(struct map *map, struct vm_copy *copy, uintptr_t *addressp)
{
    uintptr_t start;
    struct list *where;
    if (!map_may_have(map, copy->nr_bytes))
        return MK_E_LIMIT_MEMORY;
    mk_err_t err = map_find_place(map, copy->nr_bytes, &start, &where);
    if (err)
        return err;
    *addressp = start + copy->offset;
    while (!list_empty(&copy->regions)) {
        struct region *region = list_first(&copy->regions, struct region, link);
        if (region->object->set != map->set && region->object->refs == 1)
            object_set(region->object, map->set); /* its frames count as the receiver's */
        region_enter(map, region, start, where);
        start = region->end;
    }
    return MK_OK;
}

void map_take_back(struct map *map, uintptr_t address, struct vm_copy *copy)
{
    uintptr_t start = address - copy->offset, end = start + copy->nr_bytes;
    list_for_each_safe (link, &map->regions) {
        struct region *region = list_entry(link, struct region, link);
        if (region->start < start || region->end > end)
            continue;
        region_leave(region);
        list_add_tail(&region->link, &copy->regions);
    }
}
