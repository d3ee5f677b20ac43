/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory objects; see vm.h. */
#include "vm/object.h"

#include "host/pages.h"
#include "vm/region.h"

/* ---- extents of the machine's file: powers of two of pages, split when need be ---- */

#define MEMORY_MIN ((uint64_t)1 << 34)

static bool memory_open(struct vm *vm)
{
    uint64_t size = MEMORY_MIN;
    while (size < 4 * vm->machine->memory_size && size < (uint64_t)1 << 44)
        size *= 2;
    struct host_isolation *isolation = vm->machine->cpu->host.isolation;
    if (vm->memory.all)
        return true;
    if (!host_memory_create(&vm->memory, size))
        return false;
    if (!isolation || host_range_add(isolation, NULL, vm->memory.all, size, HOST_RANGE_HIDDEN, 0))
        return true;
    host_memory_destroy(&vm->memory);
    return false;
}

#define CHUNK_SIZE ((size_t)65536)

/* A list element for a free extent. They are few and come from the host, so that giving back asks for nothing. */
static struct extent *extent_node(struct vm *vm)
{
    if (!vm->free_nodes) {
        struct extent *chunk = kmem_pages_alloc(&vm->machine->kmem, CHUNK_SIZE);
        if (!chunk)
            return NULL;
        chunk->next = vm->node_chunks; /* the first element links the chunks */
        vm->node_chunks = chunk;
        for (size_t i = 1; i < CHUNK_SIZE / sizeof(*chunk); i++) {
            chunk[i].next = vm->free_nodes;
            vm->free_nodes = &chunk[i];
        }
    }
    struct extent *node = vm->free_nodes;
    vm->free_nodes = node->next;
    return node;
}

void extents_finish(struct vm *vm)
{
    for (struct extent *chunk = vm->node_chunks, *next; chunk; chunk = next) {
        next = chunk->next;
        kmem_pages_free(&vm->machine->kmem, chunk, CHUNK_SIZE);
    }
}

static void extent_give_back(struct vm *vm, uint64_t start, unsigned order)
{
    struct extent *extent = extent_node(vm);
    if (!extent)
        return; /* its addresses are lost, nothing else */
    *extent = (struct extent){vm->extents[order], start};
    vm->extents[order] = extent;
}

static bool extent_take(struct vm *vm, unsigned order, uint64_t *startp)
{
    uint64_t nr = (uint64_t)1 << order;
    unsigned from = order;
    while (from < NR_EXTENT_ORDERS && !vm->extents[from])
        from++;
    if (from < NR_EXTENT_ORDERS) {
        struct extent *extent = vm->extents[from];
        vm->extents[from] = extent->next;
        *startp = extent->start;
        extent->next = vm->free_nodes;
        vm->free_nodes = extent;
        while (from-- > order)
            extent_give_back(vm, *startp + ((uint64_t)1 << from), from);
        return true;
    }
    if (!memory_open(vm) || vm->next_extent + nr > vm->memory.size >> PAGE_SHIFT)
        return false;
    *startp = vm->next_extent;
    vm->next_extent += nr;
    return true;
}

/* ---- life ---- */

struct vm_object *object_create(struct vm *vm, size_t nr_pages, struct page_set *set)
{
    struct kmem *kmem = &vm->machine->kmem;
    struct vm_object *object = kmem_zalloc(kmem, sizeof(*object));
    if (!object)
        return NULL;
    while (((size_t)1 << object->order) < nr_pages)
        object->order++;
    object->pages = kmem_zalloc(kmem, nr_pages * sizeof(uint32_t));
    if (!object->pages || !extent_take(vm, object->order, &object->start)) {
        kmem_free(kmem, object->pages, nr_pages * sizeof(uint32_t));
        kmem_free(kmem, object, sizeof(*object));
        return NULL;
    }
    object->vm = vm;
    object->id = ++vm->next_object;
    object->refs = 1;
    object->nr_pages = (uint32_t)nr_pages;
    object->set = set;
    set->refs++;
    list_init(&object->all_link);
    list_add_tail(&object->all_link, &vm->objects);
    list_init(&object->children);
    list_init(&object->child_link);
    list_init(&object->regions);
    list_init(&object->waiters);
    vm->nr_objects++;
    return object;
}

struct vm_object *object_shadow(struct vm_object *parent, uint32_t page, size_t nr_pages, struct page_set *set)
{
    struct vm_object *object = object_create(parent->vm, nr_pages, set);
    if (!object)
        return NULL;
    object->parent = parent;
    object->parent_page = page;
    object->is_wired = parent->is_wired;
    list_add_tail(&object->child_link, &parent->children);
    return object;
}

void object_hold(struct vm_object *object)
{
    object->refs++;
}

void page_drop(struct vm *vm, struct vm_object *object, uint32_t page)
{
    uint32_t word = object->pages[page];
    object->pages[page] = 0;
    switch (page_state(word)) {
    case PAGE_RESIDENT:
    case PAGE_ASKED: {
        uint32_t slot = vm->frames[page_number(word)].slot;
        frame_free(vm, page_number(word));
        slot_free(vm, slot);
        break;
    }
    case PAGE_STORED:
        slot_free(vm, page_number(word));
        break;
    case PAGE_ABSENT:
        break;
    }
}

static void object_destroy(struct cpu *cpu, struct vm_object *object)
{
    struct vm *vm = object->vm;
    struct kmem *kmem = &vm->machine->kmem;
    bool is_used = object->nr_resident > 0;
    for (uint32_t page = 0; page < object->nr_pages; page++)
        if (object->pages[page])
            page_drop(vm, object, page);
    if (is_used)
        host_memory_discard(&vm->memory, object->start << PAGE_SHIFT, (size_t)object->nr_pages << PAGE_SHIFT);
    if (object->memory || object->pager)
        vm->ops->terminate(cpu, object);
    if (object->is_charged)
        vm->machine->memory_used -= (uint64_t)object->nr_pages << PAGE_SHIFT;
    extent_give_back(vm, object->start, object->order);
    list_remove(&object->all_link);
    vm->nr_objects--;
    set_release(vm, object->set);
    kmem_free(kmem, object->pages, object->nr_pages * sizeof(uint32_t));
    kmem_free(kmem, object, sizeof(*object));
}

/* ---- chains of shadows ---- */

struct vm_object *page_owner(struct vm_object *object, uint32_t *pagep)
{
    while (!object->pages[*pagep] && object->parent) {
        *pagep += object->parent_page;
        object = object->parent;
    }
    return object;
}

/* A page of the parent becomes its only child's; the child has none of its own there. */
static void page_inherit(struct vm *vm, struct vm_object *child, uint32_t page)
{
    struct vm_object *parent = child->parent;
    uint32_t from = page + child->parent_page, word = parent->pages[from];
    if (page_state(word) == PAGE_RESIDENT) {
        struct frame *frame = &vm->frames[page_number(word)];
        page_close(parent, from, false);
        memcpy(page_contents(child, page), page_contents(parent, from), PAGE_SIZE);
        page_discard(parent, from);
        if (child->set != parent->set) {
            set_remove(vm, parent->set, page_number(word));
            set_append(vm, child->set, page_number(word));
            parent->set->nr_frames--;
            child->set->nr_frames++;
        }
        frame->object = child;
        frame->page = page;
        parent->nr_resident--;
        child->nr_resident++;
        if (frame->slot) {
            vm->slots[frame->slot].object = child;
            vm->slots[frame->slot].page = page;
        }
    } else if (page_state(word) == PAGE_STORED) {
        vm->slots[page_number(word)].object = child;
        vm->slots[page_number(word)].page = page;
    }
    child->pages[page] = word;
    parent->pages[from] = 0;
}

static void hide_all(struct vm_object *object)
{
    list_for_each (link, &object->regions)
        region_hide(list_entry(link, struct region, object_link));
    list_for_each (link, &object->children)
        hide_all(list_entry(link, struct vm_object, child_link));
}

static bool is_any_asked(const struct vm_object *object)
{
    for (uint32_t page = 0; page < object->nr_pages; page++)
        if (page_state(object->pages[page]) == PAGE_ASKED)
            return true;
    return false;
}

/*
 * A parent that nothing refers to but its only shadow gives it what it has and goes, so that chains stay as long as
 * there are different copies alive (Mach's vm_object_collapse: Rashid et al. 1987).
 */
static void object_collapse(struct cpu *cpu, struct vm_object *child)
{
    struct vm_object *parent = child->parent;
    struct vm *vm = child->vm;
    while (parent && parent->refs == 1 && !parent->pager && !is_any_asked(parent)) {
        for (uint32_t page = 0; page < child->nr_pages; page++)
            if (!child->pages[page] && parent->pages[page + child->parent_page])
                page_inherit(vm, child, page);
        hide_all(child); /* what its regions show may be the parent's */
        list_remove(&child->child_link);
        child->parent = parent->parent;
        child->parent_page += parent->parent_page;
        if (parent->parent) {
            list_remove(&parent->child_link);
            list_add_tail(&child->child_link, &parent->parent->children);
        }
        parent->parent = NULL; /* the child has the reference now */
        object_destroy(cpu, parent);
        parent = child->parent;
    }
}

void object_release(struct cpu *cpu, struct vm_object *object)
{
    while (object) {
        if (--object->refs > 0) {
            if (object->refs == 1 && !list_empty(&object->children) && !object->pager)
                object_collapse(cpu, list_first(&object->children, struct vm_object, child_link));
            return;
        }
        struct vm_object *parent = object->parent;
        list_remove(&object->child_link);
        object_destroy(cpu, object);
        object = parent;
    }
}

/* ---- pages in windows ---- */

/*
 * A region shows the extent of one object, `shown`, and over it single pages of others. Such a page is taken away when
 * it is closed: the next to be seen there may be `shown`'s own.
 */
static bool close_page(struct region *region, uintptr_t addr, const struct vm_object *owner, bool is_write_only)
{
    const struct vm_object *shown = region->shown;
    struct host_isolation *isolation = shown->vm->machine->cpu->host.isolation;
    uint64_t start = shown->start + region->shown_page + ((addr - region->start) >> PAGE_SHIFT);
    if (shown == owner)
        return host_window_protect(isolation, (void *)addr, PAGE_SIZE, is_write_only && region->prot & MK_PROT_READ,
                                   false);
    return host_window_map(isolation, &shown->vm->memory, (void *)addr, PAGE_SIZE, start << PAGE_SHIFT, false, false);
}

static void close_in(struct region *region, uint32_t page, const struct vm_object *owner, bool is_write_only)
{
    if (!region->map || !region->shown || page < region->page)
        return;
    uintptr_t addr = region->start + ((uintptr_t)(page - region->page) << PAGE_SHIFT);
    if (addr < region->end && (!host_mappings_take(2) || !close_page(region, addr, owner, is_write_only)))
        region_hide(region);
}

/* Of the page of `owner` that is this page of the object. */
static void close_all(struct vm_object *object, uint32_t page, const struct vm_object *owner, bool is_write_only)
{
    list_for_each (link, &object->regions)
        close_in(list_entry(link, struct region, object_link), page, owner, is_write_only);
    list_for_each (link, &object->children) {
        struct vm_object *child = list_entry(link, struct vm_object, child_link);
        if (page >= child->parent_page && page - child->parent_page < child->nr_pages &&
            !child->pages[page - child->parent_page])
            close_all(child, page - child->parent_page, owner, is_write_only);
    }
}

void page_close(struct vm_object *object, uint32_t page, bool is_write_only)
{
    struct frame *frame = &object->vm->frames[page_number(object->pages[page])];
    uint8_t left = is_write_only ? frame->access & MK_PROT_READ : 0;
    if (frame->access == left)
        return;
    close_all(object, page, object, is_write_only);
    frame->access = left;
}

void object_close(struct vm_object *object, uint32_t page, const struct vm_object *ancestor)
{
    close_all(object, page, ancestor, false);
}

static bool is_shown(const struct vm_object *object, uint32_t page)
{
    list_for_each (link, (struct list *)(uintptr_t)&object->regions) {
        const struct region *region = list_entry(link, struct region, object_link);
        uint32_t nr = (uint32_t)((region->end - region->start) >> PAGE_SHIFT);
        if (page >= region->page && page - region->page < nr)
            return true;
    }
    return false;
}

void object_trim(struct vm_object *object, uint32_t page, uint32_t nr)
{
    struct vm *vm = object->vm;
    if (object->pager || object->memory || !list_empty(&object->children))
        return;
    for (uint32_t end = page + nr; page < end; page++) {
        enum page_state state = page_state(object->pages[page]);
        if (state == PAGE_ABSENT || state == PAGE_ASKED || is_shown(object, page))
            continue;
        if (state == PAGE_RESIDENT)
            page_discard(object, page);
        page_drop(vm, object, page);
    }
}

void page_give_up(struct vm_object *object, uint32_t page)
{
    struct vm *vm = object->vm;
    uint32_t word = object->pages[page];
    if (page_state(word) != PAGE_ASKED)
        return;
    uint32_t slot = vm->frames[page_number(word)].slot;
    object->pages[page] = slot ? page_word(PAGE_STORED, slot) : page_word(PAGE_ABSENT, 0);
    frame_free(vm, page_number(word));
}
