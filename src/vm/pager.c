/* SPDX-License-Identifier: BSD-2-Clause */
/* What pagers do to their objects; see pager.h. */
#include "vm/pager.h"

#include "kern/sched.h"
#include "vm/object.h"
#include "vm/region.h"

#include <mk/memory.h>

/* A page of the store stands for the page whose contents are in that slot. */
static struct vm_object *behind(struct vm_object *object, uint32_t *pagep)
{
    struct vm *vm = object->vm;
    if (object != vm->store)
        return object;
    const struct slot *slot = &vm->slots[*pagep];
    *pagep = slot->object ? slot->page : 0;
    return slot->object; /* NULL for slot 0, which is never used */
}

char *pager_contents(struct vm_object *object, uint32_t page)
{
    struct vm *vm = object->vm;
    uint32_t slot = object == vm->store ? page : 0;
    const struct pager *pager = object->pager;
    uint64_t offset = (uint64_t)page << PAGE_SHIFT;
    object = behind(object, &page);
    if (!object || page_state(object->pages[page]) != PAGE_ASKED ||
        vm->frames[page_number(object->pages[page])].slot != slot || vm->ops->is_returning(pager, offset))
        return NULL;
    return page_contents(object, page);
}

/* Threads that wait for this page are told; those that wait for others look again. */
static void wake(struct cpu *cpu, struct vm_object *object, uint32_t page, mk_err_t err)
{
    list_for_each_safe (link, &object->waiters) {
        struct thread *thread = list_entry(link, struct thread, queue);
        if (thread->wait_page == page)
            sched_wake(cpu, thread, err);
    }
}

void pager_supplied(struct cpu *cpu, struct vm_object *object, uint32_t page, mk_err_t err)
{
    object = behind(object, &page);
    if (err) {
        page_give_up(object, page);
    } else {
        uint32_t frame = page_number(object->pages[page]);
        object->pages[page] = page_word(PAGE_RESIDENT, frame);
        object->vm->frames[frame].flags &= (uint8_t)~FRAME_BUSY;
        object->vm->nr_busy--;
        frame_hold(&object->vm->frames[frame], -1);
        sched_wake_all(cpu, &object->vm->waiters, MK_OK); /* it can be evicted now */
    }
    trace(cpu, MK_TRACE_SUPPLY, object->id, page, (uint64_t)(int64_t)err);
    wake(cpu, object, page, err);
    object_hold(object);
    object_release(cpu, object); /* a chain of shadows that could not collapse meanwhile */
}

bool pager_may_hold(struct cpu *cpu, struct vm_object *object)
{
    struct vm *vm = object->vm;
    for (uint32_t left = object->nr_pages; object->nr_held >= (vm->nr_frames - vm->reserve - vm->nr_held) / 2; left--)
        if (!left || pager_lock(cpu, object, object->clean_hand++ % object->nr_pages, MK_MEMORY_CLEAN) != MK_OK)
            return false;
    return true;
}

mk_err_t pager_lock(struct cpu *cpu, struct vm_object *object, uint32_t page, uint32_t what)
{
    struct vm *vm = object->vm;
    if (page_state(object->pages[page]) != PAGE_RESIDENT)
        return MK_OK;
    uint32_t number = page_number(object->pages[page]);
    struct frame *frame = &vm->frames[number];
    if (what & MK_MEMORY_CLEAN && frame->flags & FRAME_DIRTY) {
        page_close(object, page, true);
        uint64_t offset = (uint64_t)page << PAGE_SHIFT;
        mk_err_t err = vm->ops->give_back(cpu, object->pager, offset, page_contents(object, page));
        if (err)
            return err;
        frame->flags &= (uint8_t)~FRAME_DIRTY;
        frame_hold(frame, -1);
        vm->counts.nr_page_outs++;
    }
    if (what & MK_MEMORY_FLUSH && !frame->wired) {
        page_close(object, page, false);
        page_discard(object, page);
        object->pages[page] = page_word(PAGE_ABSENT, 0);
        frame_free(vm, number);
    }
    return MK_OK;
}

/* Everything that was asked of it. */
static void give_up_all(struct cpu *cpu, struct vm_object *object)
{
    struct vm *vm = object->vm;
    for (uint32_t i = 1; i <= vm->nr_fresh; i++) {
        struct frame *frame = &vm->frames[i];
        bool is_asked =
            frame->object && frame->flags & FRAME_BUSY && (frame->slot ? object == vm->store : object == frame->object);
        if (!is_asked)
            continue;
        struct vm_object *owner = frame->object;
        uint32_t page = frame->page;
        page_give_up(owner, page);
        wake(cpu, owner, page, object == vm->store ? MK_OK : MK_E_DEAD); /* there can be another store */
    }
}

void pager_died(struct cpu *cpu, struct vm_object *object)
{
    if (object->is_dead)
        return;
    object->is_dead = true;
    give_up_all(cpu, object);
    sched_wake_all(cpu, &object->vm->waiters, MK_OK); /* for frames that it will not free any more */
}

void vm_drop_store(struct vm *vm)
{
    struct vm_object *store = vm->store;
    if (store) {
        pager_died(vm->machine->cpu, store);
        vm->store = NULL;
        object_release(vm->machine->cpu, store);
    }
}

/* Or is some of it where its own task would have to bring it from? */
static bool is_in_memory(const struct map *map)
{
    list_for_each (link, (struct list *)(uintptr_t)&map->regions)
        for (struct vm_object *object = list_entry(link, struct region, link)->object; object; object = object->parent)
            for (uint32_t page = 0; page < object->nr_pages; page++)
                if (page_state(object->pages[page]) == PAGE_STORED || page_state(object->pages[page]) == PAGE_ASKED)
                    return false;
    return true;
}

static void keep_in_memory(struct map *map)
{
    map->is_wired = true;
    list_for_each (link, &map->regions)
        list_entry(link, struct region, link)->object->is_wired = true;
}

/* What the pager before may have received and not answered is asked of this one too; all, if it has another port. */
static void ask_again(struct vm *vm, bool is_same_port)
{
    for (uint32_t i = 1; i <= vm->nr_fresh; i++) {
        struct frame *frame = &vm->frames[i];
        if (!frame->object || !(frame->flags & FRAME_BUSY) || !frame->slot ||
            (is_same_port && !vm->ops->has_taken(vm->store->pager, frame->asked)))
            continue;
        vm->ops->request(vm->machine->cpu, vm->store->pager, (uint64_t)frame->slot << PAGE_SHIFT, false);
        frame->asked = (uint32_t)vm->machine->cpu->nr_sends;
    }
}

mk_err_t vm_set_store(struct vm *vm, struct vm_object *object, struct map *pager_map)
{
    struct kmem *kmem = &vm->machine->kmem;
    uint32_t nr_slots = object->nr_pages - 1; /* slot 0 is never used */
    if (object->is_dead)
        return MK_E_DEAD;
    if (vm->store && !vm->store->is_dead && vm->store->pager->port != object->pager->port)
        return MK_E_EXISTS;
    if (nr_slots < vm->nr_slots || nr_slots == 0 || !list_empty(&object->regions) || !list_empty(&object->children))
        return MK_E_BAD_ARGUMENT;
    if (!is_in_memory(pager_map))
        return MK_E_BAD_STATE;
    struct slot *slots = kmem_zalloc(kmem, ((size_t)nr_slots + 1) * sizeof(*slots));
    if (!slots)
        return MK_E_NO_MEMORY;
    if (vm->slots)
        memcpy(slots, vm->slots, ((size_t)vm->nr_slots + 1) * sizeof(*slots));
    for (uint32_t slot = nr_slots; slot > vm->nr_slots; slot--) {
        slots[slot].next_free = vm->free_slot;
        vm->free_slot = slot;
    }
    kmem_free(kmem, vm->slots, vm->slots ? ((size_t)vm->nr_slots + 1) * sizeof(*slots) : 0);
    vm->slots = slots;
    vm->nr_slots = nr_slots;
    bool is_same_port = vm->store && vm->store->pager->port == object->pager->port;
    object_hold(object); /* first: it may be the one before */
    if (vm->store)
        object_release(vm->machine->cpu, vm->store);
    vm->store = object;
    vm->reserve = vm->nr_frames / 8 < 16 ? vm->nr_frames / 8 : 16;
    keep_in_memory(pager_map);
    ask_again(vm, is_same_port);
    sched_wake_all(vm->machine->cpu, &vm->waiters, MK_OK);
    return MK_OK;
}
