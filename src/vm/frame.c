/* SPDX-License-Identifier: BSD-2-Clause */
/* Frames, and how one becomes free; see vm.h. */
#include "kern/sched.h"
#include "vm/object.h"

/* ---- the order of a set ---- */

void set_append(struct vm *vm, struct page_set *set, uint32_t frame)
{
    struct frame *f = &vm->frames[frame];
    f->next = 0;
    f->prev = set->last;
    if (set->last)
        vm->frames[set->last].next = frame;
    else
        set->first = frame;
    set->last = frame;
}

void set_remove(struct vm *vm, struct page_set *set, uint32_t frame)
{
    struct frame *f = &vm->frames[frame];
    if (set->hand == frame)
        set->hand = f->next;
    if (set->newest == frame)
        set->newest = 0;
    if (f->prev)
        vm->frames[f->prev].next = f->next;
    else
        set->first = f->next;
    if (f->next)
        vm->frames[f->next].prev = f->prev;
    else
        set->last = f->prev;
}

void set_release(struct vm *vm, struct page_set *set)
{
    struct kmem *kmem = &vm->machine->kmem;
    if (set == &vm->set || --set->refs > 0)
        return;
    kmem_free(kmem, set->future.refs, set->future.max * sizeof(uint64_t));
    kmem_free(kmem, set->record.refs, set->record.max * sizeof(uint64_t));
    kmem_free(kmem, set, sizeof(*set));
}

void set_init(struct page_set *set, const struct page_policy *policy, uint32_t limit, uint64_t seed)
{
    *set = (struct page_set){.policy = policy, .limit = limit, .random = mix64(seed), .window = MK_PAGE_WINDOW_DEFAULT};
}

struct page_set *set_create(struct vm *vm, const struct page_policy *policy, const struct mk_vm_frames *frames,
                            uint64_t *future, size_t nr_future)
{
    struct kmem *kmem = &vm->machine->kmem;
    struct page_set *set = kmem_zalloc(kmem, sizeof(*set));
    uint64_t *record = set && frames->record ? kmem_alloc(kmem, frames->record * sizeof(uint64_t)) : NULL;
    if (!set || (frames->record && !record)) {
        kmem_free(kmem, set, sizeof(*set));
        return NULL;
    }
    set_init(set, policy ? policy : vm->set.policy, frames->nr_frames, vm->machine->seed);
    set->refs = 1;
    set->window = frames->window ? frames->window : MK_PAGE_WINDOW_DEFAULT;
    set->future = (struct mk_page_refs){future, nr_future, nr_future};
    set->record = (struct mk_page_refs){record, 0, frames->record};
    return set;
}

void object_set(struct vm_object *object, struct page_set *set)
{
    struct vm *vm = object->vm;
    struct page_set *old = object->set;
    for (uint32_t page = 0; page < object->nr_pages && object->nr_resident; page++) {
        enum page_state state = page_state(object->pages[page]);
        uint32_t frame = page_number(object->pages[page]);
        if (state != PAGE_RESIDENT && state != PAGE_ASKED)
            continue;
        if (set->policy->sees_all)
            page_close(object, page, false);
        set_remove(vm, old, frame);
        set_append(vm, set, frame);
        vm->frames[frame].stamp = 0; /* it was another policy's */
        old->nr_frames--;
        set->nr_frames++;
    }
    set->refs++;
    object->set = set;
    set_release(vm, old);
}

/* ---- the backing store ---- */

uint32_t slot_take(struct vm *vm, struct vm_object *object, uint32_t page)
{
    uint32_t slot = vm->free_slot;
    if (slot) {
        vm->free_slot = vm->slots[slot].next_free;
        vm->slots[slot].object = object;
        vm->slots[slot].page = page;
        vm->nr_used_slots++;
    }
    return slot;
}

void slot_free(struct vm *vm, uint32_t slot)
{
    if (!slot)
        return;
    vm->slots[slot].object = NULL;
    vm->slots[slot].next_free = vm->free_slot;
    vm->free_slot = slot;
    vm->nr_used_slots--;
}

/* ---- frames ---- */

#define PAGES_PER_INSTRUCTION 32 /* a gather of 16 elements, each across a border */

uint32_t frame_nr_more(const struct vm *vm)
{
    const struct thread *self = vm->machine->cpu->current;
    return !self ? 0 : self->nr_faulting < PAGES_PER_INSTRUCTION ? self->nr_faulting : PAGES_PER_INSTRUCTION;
}

void frame_dirty(struct vm *vm, uint32_t frame)
{
    struct frame *f = &vm->frames[frame];
    if (!(f->flags & FRAME_DIRTY))
        frame_hold(f, 1);
    f->flags |= FRAME_DIRTY;
    slot_free(vm, f->slot);
    f->slot = 0;
}

/*
 * The next reference to another page is to be seen; but an instruction that needs several must find all of them open.
 */
static void close_others(struct vm *vm, struct page_set *set)
{
    if (frame_nr_more(vm)) {
        set->is_open = true;
        return;
    }
    for (uint32_t frame = set->is_open ? set->first : set->newest; frame; frame = vm->frames[frame].next) {
        struct frame *f = &vm->frames[frame];
        if (!(f->flags & FRAME_BUSY))
            page_close(f->object, f->page, false);
        if (!set->is_open)
            break;
    }
    set->is_open = false;
}

void frame_reference(struct vm *vm, uint32_t frame)
{
    struct frame *f = &vm->frames[frame];
    struct page_set *set = f->object->set;
    if (set->policy->sees_all && set->newest == frame && f->access)
        return; /* the same reference: a store after a load, or through another window */
    f->flags |= FRAME_REFERENCED;
    if (!set->policy->sees_all)
        return;
    if (set->newest != frame)
        close_others(vm, set);
    if (set->newest != frame) {
        set->newest = frame;
        if (set->record.nr < set->record.max)
            set->record.refs[set->record.nr] = page_key(f);
        set->record.nr++;
        set->tick++;
        if (set->policy->referenced)
            set->policy->referenced(vm, set, frame);
    }
}

bool frame_is_evictable(struct vm *vm, const struct frame *frame)
{
    const struct vm_object *object = frame->object;
    if (!object || frame->wired || frame->flags & FRAME_BUSY || object->is_wired)
        return false;
    if (!(frame->flags & FRAME_DIRTY))
        return true;
    const struct vm_object *keeper = object->pager ? object : vm->store;
    return keeper && !keeper->is_dead && (object->pager || vm->free_slot) && vm->ops->has_room(keeper->pager);
}

static bool is_zero(const char *contents)
{
    const uint64_t *words = (const uint64_t *)(const void *)contents;
    for (size_t i = 0; i < PAGE_SIZE / sizeof(*words); i++)
        if (words[i])
            return false;
    return true;
}

/* To whoever keeps it. The page's state afterwards; PAGE_RESIDENT: it stays. */
static uint32_t write_back(struct cpu *cpu, struct frame *frame)
{
    struct vm_object *object = frame->object;
    struct vm *vm = object->vm;
    const char *contents = page_contents(object, frame->page);
    bool is_zeros = frame->flags & FRAME_AHEAD && is_zero(contents);
    if (!(frame->flags & FRAME_DIRTY) || (is_zeros && !object->pager))
        return frame->slot ? page_word(PAGE_STORED, frame->slot) : page_word(PAGE_ABSENT, 0);
    if (object->pager)
        return vm->ops->give_back(cpu, object->pager, (uint64_t)frame->page << PAGE_SHIFT, contents)
                   ? page_word(PAGE_RESIDENT, 0)
                   : page_word(PAGE_ABSENT, 0);
    uint32_t slot = slot_take(vm, object, frame->page);
    if (slot && !vm->ops->give_back(cpu, vm->store->pager, (uint64_t)slot << PAGE_SHIFT, contents))
        return page_word(PAGE_STORED, slot);
    slot_free(vm, slot);
    return page_word(PAGE_RESIDENT, 0);
}

void frame_free(struct vm *vm, uint32_t frame)
{
    struct frame *f = &vm->frames[frame];
    struct vm_object *object = f->object;
    set_remove(vm, object->set, frame);
    object->set->nr_frames--;
    object->nr_resident--;
    vm->nr_busy -= (f->flags & FRAME_BUSY) != 0;
    if (f->flags & (FRAME_BUSY | FRAME_DIRTY))
        frame_hold(f, -1);
    vm->nr_wired -= f->wired != 0;
    *f = (struct frame){.next = vm->free};
    vm->free = frame;
    vm->nr_free++;
    if (unlikely(!list_empty(&vm->waiters)))
        sched_wake_all(vm->machine->cpu, &vm->waiters, MK_OK);
}

static void count_eviction(struct vm *vm, struct map *map, bool is_written)
{
    vm->counts.nr_evictions++;
    vm->counts.nr_page_outs += is_written;
    if (map) {
        map->counts.nr_evictions++;
        map->counts.nr_page_outs += is_written;
    }
}

bool frame_evict(struct cpu *cpu, uint32_t frame)
{
    struct frame *f = &cpu->machine->vm->frames[frame];
    struct vm_object *object = f->object;
    struct vm *vm = object->vm;
    uint32_t page = f->page;
    bool is_dirty = f->flags & FRAME_DIRTY;
    page_close(object, page, false);
    uint32_t word = write_back(cpu, f);
    if (page_state(word) == PAGE_RESIDENT)
        return false;
    object->pages[page] = word;
    page_discard(object, page);
    frame_free(vm, frame);
    count_eviction(vm, object->set->map, is_dirty && (object->pager || page_state(word) == PAGE_STORED));
    if (page_state(word) == PAGE_STORED)
        vm->slots[page_number(word)].evicted = vm->counts.nr_evictions;
    trace(cpu, MK_TRACE_EVICT, object->id, page, is_dirty);
    return true;
}

static uint32_t take_free(struct vm *vm, const struct vm_object *object)
{
    if (vm->nr_free <= (object->is_wired ? 0 : vm->reserve))
        return 0;
    uint32_t frame = vm->free;
    if (frame)
        vm->free = vm->frames[frame].next;
    else
        frame = ++vm->nr_fresh;
    vm->nr_free--;
    return frame;
}

/* Evict from the set until there is a frame. False: nothing in it can go now. */
static bool set_shrink(struct cpu *cpu, struct page_set *set)
{
    struct vm *vm = cpu->machine->vm;
    uint32_t victim = set->policy->victim(vm, set);
    return victim && frame_evict(cpu, victim);
}

/*
 * From the machine's own set, and when nothing can go there, from whoever has frames: they were promised to too many.
 */
static bool any_shrink(struct cpu *cpu, const struct page_set *but)
{
    struct vm *vm = cpu->machine->vm;
    if (but != &vm->set && set_shrink(cpu, &vm->set))
        return true;
    list_for_each (link, &vm->objects) {
        struct page_set *set = list_entry(link, struct vm_object, all_link)->set;
        if (set != but && set != &vm->set && set->nr_frames && set_shrink(cpu, set))
            return true;
    }
    return false;
}

mk_err_t frame_take(struct cpu *cpu, struct vm_object *object, uint32_t page, enum page_state state, uint32_t *framep)
{
    struct vm *vm = object->vm;
    struct page_set *set = object->set;
    uint32_t frame = 0;
    bool is_stuck = false;
    while (set->nr_frames >= set->limit + frame_nr_more(vm) && !is_stuck)
        is_stuck = !set_shrink(cpu, set);
    while (!is_stuck && !(frame = take_free(vm, object)))
        is_stuck = !set_shrink(cpu, set) && !any_shrink(cpu, set);
    if (is_stuck) /* pages on their way in can leave again, pagers take what is on its way out, stores are replaced */
        return vm->nr_busy || vm->ops->is_behind(vm) || (vm->store && vm->store->is_dead) ? MK_E_WOULD_BLOCK
                                                                                          : MK_E_LIMIT_MEMORY;
    struct frame *f = &vm->frames[frame];
    *f = (struct frame){.object = object, .page = page, .flags = state == PAGE_ASKED ? FRAME_BUSY : 0};
    f->slot = page_state(object->pages[page]) == PAGE_STORED ? page_number(object->pages[page]) : 0;
    object->pages[page] = page_word(state, frame);
    object->nr_resident++;
    vm->nr_busy += state == PAGE_ASKED;
    if (state == PAGE_ASKED)
        frame_hold(f, 1);
    set->nr_frames++;
    set_append(vm, set, frame);
    if (set->policy->loaded)
        set->policy->loaded(vm, set, frame);
    *framep = frame;
    return MK_OK;
}
