/* SPDX-License-Identifier: BSD-2-Clause */
/* Page faults; see fault.h. */
#include "vm/fault.h"

#include "host/pages.h"
#include "kern/sched.h"
#include "vm/object.h"
#include "vm/pager.h"
#include "vm/region.h"

#define AHEAD_MAX 64

/* A fault while it is served. */
struct fault {
    struct region *region;
    uintptr_t addr; /* of the page */
    bool is_write;
    struct vm_object *object; /* who has the page */
    uint32_t page;            /* there */
};

static void count(struct cpu *cpu, struct fault *f, size_t which, uint32_t kind)
{
    struct map *map = f->region->map;
    (*(uint64_t *)(void *)((char *)&map->counts + which))++;
    (*(uint64_t *)(void *)((char *)&map->machine->vm->counts + which))++;
    trace(cpu, MK_TRACE_FAULT, f->object->id, f->page, kind | (f->is_write ? MK_TRACE_FAULT_WRITE : 0));
}
#define COUNT(cpu, f, which, kind) count(cpu, f, offsetof(struct vm_counts, which), kind)

/* ---- (5) the window ---- */

/* What may be open of the page now that this access was seen. A first write must be seen as well. */
static uint8_t open_access(const struct fault *f, const struct frame *frame)
{
    uint8_t access = f->region->prot;
    if (f->object != f->region->object || f->region->needs_copy || !(frame->flags & FRAME_DIRTY))
        access &= (uint8_t)~MK_PROT_WRITE;
    return access;
}

static mk_err_t open_page(struct cpu *cpu, struct fault *f)
{
    struct vm *vm = f->object->vm;
    uint32_t number = page_number(f->object->pages[f->page]);
    struct frame *frame = &vm->frames[number];
    if (f->is_write && !(frame->flags & FRAME_DIRTY)) {
        if (f->object->pager && !pager_may_hold(cpu, f->object))
            return MK_E_WOULD_BLOCK;
        frame_dirty(vm, number);
    }
    frame_reference(vm, number);
    uint8_t access = open_access(f, frame);
    frame->access |= access;
    return region_open(f->region, f->addr, f->object, f->page, 1, access);
}

/* ---- (4) what is missing ---- */

static bool is_unused(const struct vm_object *object, uint32_t page)
{
    return page < object->nr_pages && !object->pages[page];
}

/*
 * How many pages from here on to fill at once: a sequence of faults fills more each time, as long as memory is plenty.
 */
static uint32_t choose_ahead(struct fault *f, uint32_t page)
{
    struct region *region = f->region;
    struct vm_object *object = region->object;
    struct page_set *set = object->set;
    struct vm *vm = object->vm;
    uint32_t want = page == region->next_page ? region->ahead * 2 : 1, n = 1;
    uint32_t left = (uint32_t)((region->end - f->addr) >> PAGE_SHIFT);
    if (want > AHEAD_MAX)
        want = AHEAD_MAX;
    if (!f->is_write || set->policy->sees_all || object->parent || vm->nr_free < vm->nr_frames / 4 + vm->reserve ||
        set->nr_frames + want > set->limit / 4 * 3)
        want = 1;
    while (n < want && n < left && is_unused(object, page + n))
        n++;
    return n;
}

static mk_err_t zero_fill(struct cpu *cpu, struct fault *f)
{
    struct region *region = f->region;
    struct vm *vm = region->object->vm;
    uint32_t page = region_page(region, f->addr), nr = choose_ahead(f, page), n, frame;
    uint8_t flags = f->is_write ? FRAME_DIRTY : 0;
    f->object = region->object;
    f->page = page;
    for (n = 0; n < nr; n++) {
        mk_err_t err = frame_take(cpu, f->object, page + n, PAGE_RESIDENT, &frame);
        if (err && n == 0)
            return err;
        if (err)
            break;
        vm->frames[frame].flags |= n ? FRAME_DIRTY | FRAME_AHEAD | FRAME_REFERENCED : flags;
        vm->frames[frame].access = n ? region->prot : 0;
    }
    COUNT(cpu, f, nr_zero_fills, MK_FAULT_ZERO);
    vm->counts.nr_ahead += n - 1;
    region->map->counts.nr_ahead += n - 1;
    region->next_page = page + n;
    region->ahead = n;
    if (n == 1)
        return open_page(cpu, f);
    frame_reference(vm, page_number(f->object->pages[page]));
    vm->frames[page_number(f->object->pages[page])].access |= region->prot;
    mk_err_t err = region_open(region, f->addr, f->object, page, n, region->prot);
    if (!err)
        host_pages_populate((void *)f->addr, (size_t)n << PAGE_SHIFT);
    return err;
}

/* A write to what is shared with a copy: the region's own object gets the page. */
static mk_err_t copy_page(struct cpu *cpu, struct fault *f)
{
    struct region *region = f->region;
    struct vm_object *source = f->object, *object = region->object;
    struct vm *vm = source->vm;
    uint32_t from = f->page, page = region_page(region, f->addr), frame;
    struct frame *kept = &vm->frames[page_number(source->pages[from])];
    kept->wired++;
    mk_err_t err = frame_take(cpu, object, page, PAGE_RESIDENT, &frame);
    kept->wired--;
    if (err)
        return err;
    memcpy(page_contents(object, page), page_contents(source, from), PAGE_SIZE);
    vm->frames[frame].flags |= FRAME_DIRTY;
    object_close(object, page, source); /* windows showed the source's */
    f->object = object;
    f->page = page;
    kernel_charge(cpu, cpu->copy_cost * (mk_time_t)(PAGE_SIZE / 64));
    COUNT(cpu, f, nr_copies, MK_FAULT_COPY);
    return open_page(cpu, f);
}

/*
 * Thrashing: of the last page-ins, most were of pages that had left memory only shortly before, for others that are
 * needed as well (Denning 1968).
 */
static void watch_thrashing(struct cpu *cpu, struct fault *f, bool is_refault)
{
    struct vm *vm = cpu->machine->vm;
    vm->counts.nr_refaults += is_refault;
    f->region->map->counts.nr_refaults += is_refault;
    vm->nr_recent_refaults += is_refault;
    if (++vm->nr_recent < VM_RECENT)
        return;
    bool is_thrashing = vm->nr_recent_refaults > VM_RECENT / 2;
    if (is_thrashing != vm->is_thrashing)
        trace(cpu, MK_TRACE_THRASH, is_thrashing, vm->nr_recent_refaults, vm->nr_recent);
    vm->is_thrashing = is_thrashing;
    vm->thrashing_until = cpu->now + 2 * (cpu->now - vm->recent_since);
    vm->recent_since = cpu->now;
    vm->nr_recent = vm->nr_recent_refaults = 0;
}

/* Ask whoever has the contents; they come into a frame that is taken now. */
static mk_err_t ask(struct cpu *cpu, struct fault *f)
{
    struct vm_object *object = f->object;
    struct vm *vm = object->vm;
    uint32_t word = object->pages[f->page], frame;
    bool is_stored = page_state(word) == PAGE_STORED;
    struct vm_object *asked = is_stored ? vm->store : object;
    if (asked->is_dead)
        return is_stored ? MK_E_WOULD_BLOCK : MK_E_DEAD; /* there can be another store */
    if (!is_stored && !pager_may_hold(cpu, object))
        return MK_E_WOULD_BLOCK;
    mk_err_t err = frame_take(cpu, object, f->page, PAGE_ASKED, &frame);
    if (err)
        return err;
    uint64_t offset = (uint64_t)(is_stored ? page_number(word) : f->page) << PAGE_SHIFT;
    err = vm->ops->request(cpu, asked->pager, offset, f->is_write);
    if (err) {
        page_give_up(object, f->page);
        return err;
    }
    vm->frames[frame].asked = (uint32_t)cpu->nr_sends;
    bool is_refault = is_stored && vm->counts.nr_evictions - vm->slots[page_number(word)].evicted <= object->set->limit;
    watch_thrashing(cpu, f, is_refault);
    COUNT(cpu, f, nr_page_ins, MK_FAULT_PAGE_IN);
    return MK_E_WOULD_BLOCK;
}

/* Steps 3 to 5. */
static mk_err_t serve(struct cpu *cpu, struct fault *f)
{
    struct region *region = f->region;
    if (f->is_write && region->needs_copy) {
        mk_err_t err = region_get_shadow(region);
        if (err)
            return err;
    }
    f->page = region_page(region, f->addr);
    f->object = page_owner(region->object, &f->page);
    switch (page_state(f->object->pages[f->page])) {
    case PAGE_ABSENT:
        if (f->object->pager)
            return ask(cpu, f);
        if (region->needs_copy) { /* zeros that are read where the object must not change: a page of its own */
            mk_err_t err = region_get_shadow(region);
            if (err)
                return err;
        }
        return zero_fill(cpu, f);
    case PAGE_STORED:
        return ask(cpu, f);
    case PAGE_ASKED:
        return MK_E_WOULD_BLOCK;
    case PAGE_RESIDENT:
        break;
    }
    if (f->is_write && f->object != region->object)
        return copy_page(cpu, f);
    COUNT(cpu, f, nr_soft, MK_FAULT_SOFT);
    return open_page(cpu, f);
}

/* Step 2. */
static mk_err_t find(struct cpu *cpu, uintptr_t addr, bool is_write, struct fault *f)
{
    struct map *map = map_at(cpu->machine->vm, addr);
    struct region *region = map ? map_find(map, addr) : NULL;
    uint8_t needed = is_write ? MK_PROT_WRITE : MK_PROT_READ;
    if (!region || !(region->prot & needed))
        return MK_E_BAD_ADDRESS;
    *f = (struct fault){.region = region, .addr = addr & ~(uintptr_t)(PAGE_SIZE - 1), .is_write = is_write};
    return MK_OK;
}

mk_err_t vm_fault(struct cpu *cpu, uintptr_t addr, bool is_write)
{
    struct fault f;
    mk_err_t err = find(cpu, addr, is_write, &f);
    return err ? err : serve(cpu, &f);
}

/* ---- waiting ---- */

/* Until when it is waited for the pager of this object; NULL: for ever. */
static mk_time_t patience(const struct cpu *cpu, const struct vm_object *object)
{
    mk_time_t timeout = object ? object->pager->timeout : MK_TIME_FOREVER;
    return timeout < MK_TIME_FOREVER - cpu->now ? cpu->now + timeout : MK_TIME_FOREVER;
}

/* For one that will be free, for a page of the object. NULL: of any. */
static mk_err_t wait_for_frame(struct cpu *cpu, const struct vm_object *object)
{
    struct vm *vm = cpu->machine->vm;
    mk_time_t deadline = patience(cpu, object && object->pager ? object : vm->store);
    return sched_block(cpu, &vm->waiters, MK_WAIT_PAGE, NULL, deadline, NULL);
}

static mk_err_t wait_for_page(struct cpu *cpu, struct vm_object *object, uint32_t page)
{
    struct vm *vm = object->vm;
    const struct frame *frame = &vm->frames[page_number(object->pages[page])];
    cpu->current->wait_page = page;
    cpu->current->held_memory = object;
    object_hold(object);
    mk_err_t err =
        sched_block(cpu, &object->waiters, MK_WAIT_PAGE, object, patience(cpu, frame->slot ? vm->store : object), NULL);
    if (err == MK_E_TIMED_OUT) {
        page_give_up(object, page);
        sched_wake_all(cpu, &object->waiters, MK_OK); /* whoever waits for it longer asks again */
    }
    cpu->current->held_memory = NULL;
    object_release(cpu, object);
    return err;
}

void vm_thread_ended(struct cpu *cpu, struct thread *thread)
{
    if (thread->held_memory)
        object_release(cpu, thread->held_memory);
    thread->held_memory = NULL;
}

mk_err_t vm_fault_in(struct cpu *cpu, uintptr_t addr, bool is_write)
{
    for (;;) {
        struct fault f;
        mk_err_t err = find(cpu, addr, is_write, &f);
        if (!err)
            err = serve(cpu, &f);
        if (err != MK_E_WOULD_BLOCK)
            return err;
        if (page_state(f.object->pages[f.page]) == PAGE_ASKED)
            err = wait_for_page(cpu, f.object, f.page);
        else
            err = wait_for_frame(cpu, f.object);
        if (err)
            return err;
    }
}

/* ---- accesses of the kernel ---- */

mk_err_t vm_missing(struct cpu *cpu, uintptr_t addr, bool is_write)
{
    cpu->is_missing = true;
    cpu->missing = addr;
    cpu->is_missing_write = is_write;
    cpu->missing_error = MK_OK;
    return MK_E_BAD_ADDRESS;
}

/* A call that needs more pages at once than there can be would begin again for ever. */
#define NR_TRIES 256

bool vm_wait_missing(struct cpu *cpu, mk_err_t *errp)
{
    struct thread *self = cpu->current;
    if (!cpu->is_missing) {
        self->nr_tries = 0;
        return false;
    }
    cpu->is_missing = false;
    if (cpu->missing_error) {
        *errp = cpu->missing_error;
    } else if (self->nr_tries++ == NR_TRIES) {
        *errp = MK_E_LIMIT_MEMORY;
    } else {
        mk_err_t err = cpu->missing ? vm_fault_in(cpu, cpu->missing, cpu->is_missing_write) : wait_for_frame(cpu, NULL);
        if (!err)
            return true;
        *errp = err;
    }
    self->nr_tries = 0;
    return false;
}

/* ---- the machine's virtual memory ---- */

mk_err_t vm_init(struct mk_machine *machine, const struct page_policy *policy, const struct pager_ops *ops)
{
    struct vm *vm = kmem_zalloc(&machine->kmem, sizeof(*vm));
    if (!vm)
        return MK_E_NO_MEMORY;
    vm->machine = machine;
    vm->ops = ops;
    vm->nr_frames = vm->nr_free = (uint32_t)(machine->memory_size >> PAGE_SHIFT);
    vm->frames = kmem_pages_alloc(&machine->kmem, ((size_t)vm->nr_frames + 1) * sizeof(struct frame));
    if (!vm->frames) {
        kmem_free(&machine->kmem, vm, sizeof(*vm));
        return MK_E_LIMIT_HOST;
    }
    list_init(&vm->waiters);
    list_init(&vm->pagers);
    list_init(&vm->objects);
    set_init(&vm->set, policy, vm->nr_frames, machine->seed);
    machine->vm = vm;
    return MK_OK;
}

void vm_finish(struct mk_machine *machine)
{
    struct vm *vm = machine->vm;
    struct kmem *kmem = &machine->kmem;
    extents_finish(vm);
    kmem_pages_free(kmem, vm->frames, ((size_t)vm->nr_frames + 1) * sizeof(struct frame));
    host_memory_destroy(&vm->memory);
    kmem_free(kmem, vm->windows, vm->max_windows * sizeof(struct map *));
    kmem_free(kmem, vm->slots, ((size_t)vm->nr_slots + 1) * sizeof(struct slot));
    kmem_free(kmem, vm, sizeof(*vm));
    machine->vm = NULL;
}
