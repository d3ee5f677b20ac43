/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory objects, their pages, and frames for them; see vm.h. */
#ifndef VM_OBJECT_H
#define VM_OBJECT_H

#include "vm/vm.h"

/* ---- objects (object.c) ---- */

/* Anonymous, all pages absent, one reference. NULL: no memory, or no place in the machine's file. */
struct vm_object *object_create(struct vm *vm, size_t nr_pages, struct page_set *set);
/* A shadow of `nr_pages` pages of `parent` from `page` on; takes over the caller's reference to the parent. */
struct vm_object *object_shadow(struct vm_object *parent, uint32_t page, size_t nr_pages, struct page_set *set);
void object_hold(struct vm_object *object);
void object_release(struct cpu *cpu, struct vm_object *object);

/* What is kept of free extents; the machine ends. */
void extents_finish(struct vm *vm);

/* Who has the page: the object, or the first of its ancestors that does. */
struct vm_object *page_owner(struct vm_object *object, uint32_t *pagep);

/* Nobody will look at these pages again, unless another region shows them or a copy shares them. */
void object_trim(struct vm_object *object, uint32_t page, uint32_t nr);

/* Close the page in every window, or close it for writing. */
void page_close(struct vm_object *object, uint32_t page, bool is_write_only);
/* The object has got a page of its own: close what windows showed of its ancestor's there. */
void object_close(struct vm_object *object, uint32_t page, const struct vm_object *ancestor);
/* The place of its contents is empty again. */
static inline void page_discard(const struct vm_object *object, uint32_t page)
{
    host_memory_discard(&object->vm->memory, (object->start + page) << PAGE_SHIFT, PAGE_SIZE);
}

/* Its contents go; whatever state it was in, it is absent. */
void page_drop(struct vm *vm, struct vm_object *object, uint32_t page);
/* Contents that were asked for are not waited for any more: the frame is free, and if they come they are refused. */
void page_give_up(struct vm_object *object, uint32_t page);

/* ---- frames (frame.c) ---- */

/*
 * A frame for a page of the object, which is absent or stored; it becomes `state`, resident or asked. A page of another
 * is
 * evicted if need be. MK_OK, MK_E_WOULD_BLOCK: none is free now, but one will be; MK_E_LIMIT_MEMORY: none ever.
 */
mk_err_t frame_take(struct cpu *cpu, struct vm_object *object, uint32_t page, enum page_state state, uint32_t *framep);
/* The page no longer has it; what becomes of the page is the caller's. */
void frame_free(struct vm *vm, uint32_t frame);
bool frame_is_evictable(struct vm *vm, const struct frame *frame);
/* Put the page out of memory, to its pager if it was modified. False: not now. */
bool frame_evict(struct cpu *cpu, uint32_t frame);
/* It was touched. */
void frame_reference(struct vm *vm, uint32_t frame);
/* Pages that the instruction which faults now needs beside the one it faults at: they must not go for each other. */
uint32_t frame_nr_more(const struct vm *vm);

/* It is one more (or less, -1) that only a pager of its own can free. */
static inline void frame_hold(const struct frame *frame, int change)
{
    if (frame->object->pager) {
        frame->object->nr_held += (uint32_t)change;
        frame->object->vm->nr_held += (uint32_t)change;
    }
}

/* Its contents differ from what the store has. */
void frame_dirty(struct vm *vm, uint32_t frame);

void set_append(struct vm *vm, struct page_set *set, uint32_t frame);
void set_remove(struct vm *vm, struct page_set *set, uint32_t frame);

uint32_t slot_take(struct vm *vm, struct vm_object *object, uint32_t page); /* 0: none */
void slot_free(struct vm *vm, uint32_t slot);

/* ---- sets (frame.c) ---- */

void set_init(struct page_set *set, const struct page_policy *policy, uint32_t limit, uint64_t seed);

/* Frames of a task's own; `future` is taken over. NULL: no memory. */
struct page_set *set_create(struct vm *vm, const struct page_policy *policy, const struct mk_vm_frames *frames,
                            uint64_t *future, size_t nr_future);
/* One holder less; the machine's own set stays. */
void set_release(struct vm *vm, struct page_set *set);
/* The object's pages take their frames from this set from now on. */
void object_set(struct vm_object *object, struct page_set *set);

/* ---- policies (src/policy/pages.c) ---- */

const struct page_policy *page_policy_find(const char *name); /* NULL: no such */

#endif
