/* SPDX-License-Identifier: BSD-2-Clause */
/* The audit of virtual memory; see vm.h. */
#include "look/audit_vm.h"

#include "vm/object.h"

struct vm_check {
    struct vm *vm;
    void (*complain)(void *arg, const char *what, uint64_t id, uint64_t found, uint64_t kept);
    void *arg;
};

static void expect(const struct vm_check *check, const char *what, uint64_t id, uint64_t found, uint64_t kept)
{
    if (found != kept)
        check->complain(check->arg, what, id, found, kept);
}

static void check_page(const struct vm_check *check, const struct vm_object *object, uint32_t page)
{
    uint32_t word = object->pages[page], number = page_number(word);
    if (page_state(word) == PAGE_STORED) {
        const struct slot *slot = &check->vm->slots[number];
        if (slot->object != object || slot->page != page)
            check->complain(check->arg, "slot of another page, object", object->id, number, page);
        return;
    }
    const struct frame *frame = &check->vm->frames[number];
    if (frame->object != object || frame->page != page)
        check->complain(check->arg, "frame of another page, object", object->id, number, page);
    if (((frame->flags & FRAME_BUSY) != 0) != (page_state(word) == PAGE_ASKED))
        check->complain(check->arg, "page on its way beside its frame's state, object", object->id, number, page);
    if (frame->slot && (check->vm->slots[frame->slot].object != object || check->vm->slots[frame->slot].page != page))
        check->complain(check->arg, "slot of another frame, object", object->id, frame->slot, page);
}

static uint64_t check_object(const struct vm_check *check, const struct vm_object *object)
{
    uint32_t nr_resident = 0, nr_slots = 0, nr_held = 0;
    for (uint32_t page = 0; page < object->nr_pages; page++) {
        uint32_t word = object->pages[page];
        if (!word)
            continue;
        check_page(check, object, page);
        bool has_frame = page_state(word) != PAGE_STORED;
        nr_resident += has_frame;
        nr_held += has_frame && check->vm->frames[page_number(word)].flags & (FRAME_BUSY | FRAME_DIRTY);
        nr_slots += !has_frame || check->vm->frames[page_number(word)].slot;
    }
    expect(check, "pages in memory of object", object->id, nr_resident, object->nr_resident);
    expect(check, "pages held by the pager of object", object->id, object->pager ? nr_held : 0, object->nr_held);
    uint64_t nr_waiting = 0; /* threads hold it while they wait */
    list_for_each (link, (struct list *)(uintptr_t)&object->waiters)
        nr_waiting++;
    uint64_t refs = list_count(&object->regions) + list_count(&object->children) + nr_waiting +
                    (object->memory != NULL) + (object == check->vm->store);
    expect(check, "references of object", object->id, refs, object->refs);
    return nr_slots;
}

static void check_set(const struct vm_check *check, const struct page_set *set)
{
    uint32_t n = 0, last = 0;
    for (uint32_t frame = set->first; frame && n <= set->nr_frames; frame = check->vm->frames[frame].next, n++) {
        expect(check, "order of a set, frame", frame, check->vm->frames[frame].prev, last);
        last = frame;
    }
    expect(check, "frames of a set,", 0, n, set->nr_frames);
}

void vm_audit(struct vm *vm, void (*complain)(void *arg, const char *what, uint64_t id, uint64_t found, uint64_t kept),
              void *arg)
{
    const struct vm_check check = {vm, complain, arg};
    uint64_t nr_resident = 0, nr_slots = 0, nr_free = 0, nr_objects = 0;
    list_for_each (link, &vm->objects) {
        const struct vm_object *object = list_entry(link, struct vm_object, all_link);
        nr_slots += check_object(&check, object);
        nr_resident += object->nr_resident;
        nr_objects++;
        if (object->set != &vm->set)
            check_set(&check, object->set);
    }
    check_set(&check, &vm->set);
    for (uint32_t frame = vm->free; frame && nr_free <= vm->nr_frames; frame = vm->frames[frame].next)
        nr_free++;
    expect(&check, "objects of memory,", 0, nr_objects, vm->nr_objects);
    expect(&check, "free frames,", 0, nr_free + vm->nr_frames - vm->nr_fresh, vm->nr_free);
    expect(&check, "frames in use,", 0, nr_resident, vm->nr_frames - vm->nr_free);
    expect(&check, "used slots,", 0, nr_slots, vm->nr_used_slots);
}
