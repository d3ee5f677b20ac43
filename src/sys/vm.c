/* SPDX-License-Identifier: BSD-2-Clause */
/* Entries of <mk/vm.h>. */
#include "sys/sys.h"

#include "vm/object.h"

size_t mk_page_size(void)
{
    return PAGE_SIZE;
}

static bool is_aligned(mk_vaddr_t addr, size_t size)
{
    return addr % PAGE_SIZE == 0 && size % PAGE_SIZE == 0 && size > 0;
}

/* The map of the task behind a name. */
static mk_err_t map_of(struct cpu *cpu, mk_name_t name, struct map **mapp)
{
    struct task *task;
    mk_err_t err = task_find(cpu, name, &task);
    if (!err)
        *mapp = task->map;
    return err;
}

/* The same, for pages at this place. */
static mk_err_t pages_find(struct cpu *cpu, mk_name_t name, mk_vaddr_t addr, size_t size, struct map **mapp)
{
    mk_err_t err = map_of(cpu, name, mapp);
    return err ? err : is_aligned(addr, size) ? MK_OK : MK_E_BAD_ARGUMENT;
}

static bool is_prot(uint32_t prot)
{
    return !(prot & ~(uint32_t)(MK_PROT_READ | MK_PROT_WRITE));
}

mk_err_t mk_vm_allocate(mk_name_t name, size_t size, mk_vaddr_t *addrp)
{
    ENTER(cpu, self);
    struct map *map;
    uintptr_t addr = 0;
    (void)self;
    mk_err_t err = map_of(cpu, name, &map);
    if (!err && (size == 0 || size > WINDOW_SIZE))
        err = MK_E_BAD_ARGUMENT;
    if (!err && !user_store_u64(addrp, 0))
        err = MK_E_BAD_ADDRESS;
    if (!err)
        err = map_allocate(map, round_up(size, PAGE_SIZE), &addr);
    if (!err)
        user_store_u64(addrp, addr);
    return leave(cpu, err);
}

mk_err_t mk_vm_deallocate(mk_name_t name, mk_vaddr_t addr, size_t size)
{
    ENTER(cpu, self);
    struct map *map;
    (void)self;
    mk_err_t err = pages_find(cpu, name, addr, size, &map);
    return leave(cpu, err ? err : map_deallocate(map, addr, size));
}

/* The answer of a call that found a hole in the range: no page of the caller's is missing. */
static mk_err_t no_hole(struct cpu *cpu, mk_err_t err)
{
    cpu->is_missing = false;
    return err;
}

mk_err_t mk_vm_protect(mk_name_t name, mk_vaddr_t addr, size_t size, uint32_t prot)
{
    ENTER(cpu, self);
    struct map *map;
    (void)self;
    mk_err_t err = pages_find(cpu, name, addr, size, &map);
    if (!err && !is_prot(prot))
        err = MK_E_BAD_ARGUMENT;
    return leave(cpu, no_hole(cpu, err ? err : map_protect(map, addr, size, prot)));
}

mk_err_t mk_vm_map(mk_name_t name, const struct mk_vm_map *user_how, mk_vaddr_t *addrp)
{
    ENTER(cpu, self);
    struct map *map;
    struct port *port;
    struct mk_vm_map how;
    uintptr_t addr = 0;
    (void)self;
    mk_err_t err = map_of(cpu, name, &map);
    if (!err && (!user_get(&how, user_how, sizeof(how)) || !user_store_u64(addrp, 0)))
        err = MK_E_BAD_ADDRESS;
    if (!err)
        err = object_find(cpu, how.memory, MK_OBJECT_MEMORY, &port);
    if (err)
        return leave(cpu, err);
    struct vm_object *object = port->object;
    uint64_t end = (uint64_t)object->nr_pages << PAGE_SHIFT;
    if (object == cpu->machine->vm->store || how.size == 0 || how.size > end || how.offset % PAGE_SIZE ||
        how.at % PAGE_SIZE || how.offset > end - round_up(how.size, PAGE_SIZE) || !is_prot(how.prot) ||
        !is_prot(how.max_prot) || (how.max_prot && how.prot & ~how.max_prot))
        err = MK_E_BAD_ARGUMENT;
    if (!err)
        err = map_object(map, object, &how, &addr);
    if (!err)
        user_store_u64(addrp, addr);
    return leave(cpu, err);
}

static mk_err_t transfer(struct cpu *cpu, mk_name_t name, mk_vaddr_t addr, void *buffer, size_t size, bool is_write)
{
    struct map *map;
    mk_err_t err = map_of(cpu, name, &map);
    if (err)
        return err;
    cpu->is_missing = false;
    if (size > WINDOW_SIZE || !map_is_accessible(map, addr, size, is_write ? MK_PROT_WRITE : MK_PROT_READ))
        return MK_E_BAD_ADDRESS;
    void *theirs = (void *)addr;
    bool is_done = (is_write ? user_may_read(buffer, size)
                             : user_may_write(buffer, size)) && /* theirs is another task's, which is the purpose */
                   raw_copy(is_write ? theirs : buffer, is_write ? buffer : theirs, size);
    return is_done ? MK_OK : MK_E_BAD_ADDRESS;
}

static mk_err_t transfer_piece(mk_name_t name, mk_vaddr_t addr, void *buffer, size_t size, bool is_write)
{
    ENTER(cpu, self);
    (void)self;
    return leave(cpu, transfer(cpu, name, addr, buffer, size, is_write));
}

/* Page by page: what begins again for a page that is missing needs all its pages in memory at once. */
static mk_err_t transfer_all(mk_name_t name, mk_vaddr_t addr, void *buffer, size_t size, bool is_write)
{
    for (;;) {
        size_t n = PAGE_SIZE - addr % PAGE_SIZE < size ? PAGE_SIZE - addr % PAGE_SIZE : size;
        mk_err_t err = transfer_piece(name, addr, buffer, n, is_write);
        if (err || n == size)
            return err;
        addr += n;
        buffer = (void *)((uintptr_t)buffer + n);
        size -= n;
    }
}

mk_err_t mk_vm_read(mk_name_t name, mk_vaddr_t addr, void *buffer, size_t size)
{
    return transfer_all(name, addr, buffer, size, false);
}

mk_err_t mk_vm_write(mk_name_t name, mk_vaddr_t addr, const void *buffer, size_t size)
{
    return transfer_all(name, addr, (void *)(uintptr_t)buffer, size, true);
}

mk_err_t mk_vm_copy(mk_name_t name, mk_vaddr_t from, size_t size, mk_vaddr_t to)
{
    ENTER(cpu, self);
    struct map *map;
    (void)self;
    cpu->is_missing = false;
    mk_err_t err = pages_find(cpu, name, from, size, &map);
    if (!err && !is_aligned(to, size))
        err = MK_E_BAD_ARGUMENT;
    return leave(cpu, err ? err : map_copy(cpu, map, from, size, to));
}

mk_err_t mk_vm_inherit(mk_name_t name, mk_vaddr_t addr, size_t size, enum mk_inherit inherit)
{
    ENTER(cpu, self);
    struct map *map;
    (void)self;
    mk_err_t err = pages_find(cpu, name, addr, size, &map);
    if (!err && (unsigned)inherit > MK_INHERIT_NONE)
        err = MK_E_BAD_ARGUMENT;
    return leave(cpu, no_hole(cpu, err ? err : map_inherit(map, addr, size, inherit)));
}

mk_err_t mk_vm_inherit_from(mk_name_t name, intptr_t *deltap)
{
    ENTER(cpu, self);
    struct map *map;
    mk_err_t err = map_of(cpu, name, &map);
    if (!err)
        err = map_reserve(map);
    if (!err && !user_store_u64(deltap, map->base - self->task->map->base)) /* it may lie in what is inherited */
        err = MK_E_BAD_ADDRESS;
    return leave(cpu, err ? err : map_inherit_from(map, self->task->map));
}

/* One page, waiting for it if need be. */
static mk_err_t wire_page(struct cpu *cpu, mk_name_t name, mk_vaddr_t addr, bool is_wired)
{
    struct map *map;
    bool is_write;
    mk_err_t err;
    do {
        err = map_of(cpu, name, &map); /* it may have ended meanwhile */
        if (!err)
            err = map_wire(cpu, map, addr, is_wired, &is_write);
    } while (err == MK_E_WOULD_BLOCK && !(err = vm_fault_in(cpu, addr, is_write)));
    return err;
}

mk_err_t mk_vm_wire(mk_name_t name, mk_vaddr_t addr, size_t size, bool is_wired)
{
    ENTER(cpu, self);
    struct map *map;
    (void)self;
    mk_err_t err = pages_find(cpu, name, addr, size, &map);
    cpu->is_missing = false;
    if (!err && !map_is_inside(map, addr, size))
        err = MK_E_BAD_ARGUMENT;
    if (!err && !map_is_accessible(map, addr, size, MK_PROT_NONE))
        err = MK_E_BAD_ADDRESS;
    size_t done = 0;
    for (; !err && done < size; done += PAGE_SIZE)
        err = wire_page(cpu, name, addr + done, is_wired);
    while (err && is_wired && done > PAGE_SIZE) { /* all or none */
        done -= PAGE_SIZE;
        wire_page(cpu, name, addr + done - PAGE_SIZE, false);
    }
    return leave_with(cpu, err);
}

mk_err_t mk_vm_region(mk_name_t name, mk_vaddr_t addr, struct mk_vm_region *regionp)
{
    ENTER(cpu, self);
    struct map *map;
    struct mk_vm_region region;
    (void)self;
    mk_err_t err = map_of(cpu, name, &map);
    if (!err && !map_region(map, addr, &region))
        err = MK_E_NOT_FOUND;
    if (!err && !user_put(regionp, &region, sizeof(region)))
        err = MK_E_BAD_ADDRESS;
    return leave(cpu, err);
}

mk_err_t mk_vm_pages(mk_name_t name, mk_vaddr_t addr, size_t nr, uint8_t *states)
{
    ENTER(cpu, self);
    struct map *map;
    (void)self;
    mk_err_t err = pages_find(cpu, name, addr, PAGE_SIZE, &map);
    if (!err && (nr > WINDOW_SIZE / PAGE_SIZE || !map_is_inside(map, addr, nr * PAGE_SIZE)))
        err = MK_E_BAD_ARGUMENT;
    for (size_t i = 0; !err && i < nr; i++) {
        uint8_t state = map_page(map, addr + i * PAGE_SIZE);
        if (!user_put((void *)((uintptr_t)states + i), &state, 1))
            err = MK_E_BAD_ADDRESS;
    }
    return leave(cpu, err);
}

/* The future of OPT into the kernel. */
static mk_err_t future_in(struct cpu *cpu, const struct mk_page_refs *user, uint64_t **refsp, size_t *nrp)
{
    struct mk_page_refs refs;
    if (!user)
        return MK_OK;
    if (!user_get(&refs, user, sizeof(refs)))
        return MK_E_BAD_ADDRESS;
    if (refs.nr > refs.max || refs.nr > MK_PAGE_REFS_MAX)
        return MK_E_BAD_ARGUMENT;
    if (!refs.nr)
        return MK_OK;
    *refsp = kmem_alloc(&cpu->machine->kmem, refs.nr * sizeof(uint64_t));
    if (!*refsp)
        return MK_E_NO_MEMORY;
    *nrp = refs.nr;
    return user_get(*refsp, refs.refs, refs.nr * sizeof(uint64_t)) ? MK_OK : MK_E_BAD_ADDRESS;
}

mk_err_t mk_vm_set_frames(mk_name_t name, const struct mk_vm_frames *user_frames)
{
    ENTER(cpu, self);
    struct map *map;
    struct mk_vm_frames frames;
    char policy_name[MK_LABEL_MAX];
    const struct page_policy *policy = NULL;
    uint64_t *future = NULL;
    size_t nr_future = 0;
    (void)self;
    mk_err_t err = map_of(cpu, name, &map);
    if (!err && !user_get(&frames, user_frames, sizeof(frames)))
        err = MK_E_BAD_ADDRESS;
    if (!err && frames.policy)
        err = string_in(policy_name, frames.policy, sizeof(policy_name));
    if (!err && frames.policy && !(policy = page_policy_find(policy_name)))
        err = MK_E_NOT_FOUND;
    if (!err && frames.nr_frames > cpu->machine->vm->nr_frames)
        err = MK_E_LIMIT_MEMORY;
    if (!err && frames.record > MK_PAGE_REFS_MAX)
        err = MK_E_BAD_ARGUMENT;
    if (!err && frames.nr_frames)
        err = future_in(cpu, frames.future, &future, &nr_future);
    if (!err)
        err = map_set_frames(map, &frames, policy, future, nr_future);
    if (err)
        kmem_free(&cpu->machine->kmem, future, nr_future * sizeof(uint64_t));
    return leave(cpu, err);
}

mk_err_t mk_vm_refs(mk_name_t name, struct mk_page_refs *user_refs)
{
    ENTER(cpu, self);
    struct map *map;
    struct mk_page_refs refs;
    (void)self;
    mk_err_t err = map_of(cpu, name, &map);
    if (!err && !user_get(&refs, user_refs, sizeof(refs)))
        err = MK_E_BAD_ADDRESS;
    if (err)
        return leave(cpu, err);
    const struct mk_page_refs *record = &map->set->record;
    size_t nr = record->nr < record->max ? record->nr : record->max;
    if (!user_put(refs.refs, record->refs, (nr < refs.max ? nr : refs.max) * sizeof(uint64_t)) ||
        !user_store_u64(&user_refs->nr, nr))
        err = MK_E_BAD_ADDRESS;
    return leave(cpu, err);
}

mk_err_t mk_vm_set_limit(mk_name_t name, uint64_t size)
{
    ENTER(cpu, self);
    struct map *map;
    (void)self;
    mk_err_t err = map_of(cpu, name, &map);
    if (!err && map->charged > size)
        err = MK_E_BAD_STATE;
    if (!err)
        map->limit = size;
    return leave(cpu, err);
}

mk_err_t mk_vm_working_set(mk_name_t name, size_t *nrp)
{
    ENTER(cpu, self);
    struct map *map;
    (void)self;
    mk_err_t err = map_of(cpu, name, &map);
    if (!err && !user_store_u64(nrp, 0))
        err = MK_E_BAD_ADDRESS;
    if (!err)
        user_store_u64(nrp, map_working_set(map));
    return leave(cpu, err);
}

mk_err_t mk_vm_statistics(mk_name_t name, struct mk_vm_stats *statsp)
{
    ENTER(cpu, self);
    struct map *map;
    struct mk_vm_stats stats;
    (void)self;
    mk_err_t err = name ? map_of(cpu, name, &map) : MK_OK;
    if (!err && name)
        map_statistics(map, &stats);
    else if (!err)
        vm_statistics(cpu->machine->vm, &stats);
    if (!err && !user_put(statsp, &stats, sizeof(stats)))
        err = MK_E_BAD_ADDRESS;
    return leave(cpu, err);
}
