/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Page replacement policies (Silberschatz, Galvin and Gagne, Operating System Concepts, chapter 10; aging:
 * Tanenbaum, Modern Operating Systems, 3.4.7; working set: Denning 1968; OPT: Belady 1966). A new frame stands at
 * the end of its set's order.
 */
#include "vm/object.h"

/* The first of the order that can go, from `frame` on. */
static uint32_t first_evictable(struct vm *vm, uint32_t frame)
{
    while (frame && !frame_is_evictable(vm, &vm->frames[frame]))
        frame = vm->frames[frame].next;
    return frame;
}

/* ---- fifo: the one that came first ---- */

static uint32_t first_victim(struct vm *vm, struct page_set *set)
{
    return first_evictable(vm, set->first);
}

/* ---- lru: the one referenced longest ago; every reference moves a page to the end ---- */

static void move_to_end(struct vm *vm, struct page_set *set, uint32_t frame)
{
    uint32_t newest = set->newest;
    set_remove(vm, set, frame);
    set_append(vm, set, frame);
    set->newest = newest;
}

/* ---- clock, or second chance: the first one at the hand that was not referenced since the hand passed ---- */

static uint32_t clock_victim(struct vm *vm, struct page_set *set)
{
    for (uint32_t left = 2 * set->nr_frames + 1; left > 0; left--) {
        uint32_t frame = set->hand ? set->hand : set->first;
        struct frame *f = &vm->frames[frame];
        if (!frame)
            return 0;
        set->hand = f->next;
        if (!frame_is_evictable(vm, f))
            continue;
        if (!(f->flags & FRAME_REFERENCED))
            return frame;
        f->flags &= (uint8_t)~FRAME_REFERENCED;
        page_close(f->object, f->page, false); /* the next reference will be seen */
    }
    return 0;
}

/* A new page takes the place of the one that left, which is right behind the hand. */
static void clock_loaded(struct vm *vm, struct page_set *set, uint32_t frame)
{
    uint32_t before = set->hand;
    if (!before || before == frame)
        return;
    set_remove(vm, set, frame);
    struct frame *f = &vm->frames[frame], *b = &vm->frames[before];
    f->next = before;
    f->prev = b->prev;
    if (b->prev)
        vm->frames[b->prev].next = frame;
    else
        set->first = frame;
    b->prev = frame;
}

/* The variant in which the reference that loads a page does not set its bit; it has to see them all. */
static void clock_clear_loaded(struct vm *vm, struct page_set *set, uint32_t frame)
{
    clock_loaded(vm, set, frame);
    vm->frames[frame].stamp = 1;
}

static void clock_clear_referenced(struct vm *vm, struct page_set *set, uint32_t frame)
{
    struct frame *f = &vm->frames[frame];
    (void)set;
    if (f->stamp)
        f->flags &= (uint8_t)~FRAME_REFERENCED;
    f->stamp = 0;
}

/*
 * ---- aging: the one with the smallest of the registers into which reference bits are shifted ----
 * Time is counted in page faults, so that runs repeat: a tick comes with each fault that finds no frame of the set
 * free, before it chooses. Of equal registers the page that came first goes.
 */

static void aging_tick(struct vm *vm, struct page_set *set)
{
    for (uint32_t frame = set->first; frame; frame = vm->frames[frame].next) {
        struct frame *f = &vm->frames[frame];
        f->stamp = f->stamp >> 1 | (uint64_t)(f->flags & FRAME_REFERENCED ? 1 : 0) << 7;
        if (f->flags & FRAME_REFERENCED && !(f->flags & FRAME_BUSY)) {
            f->flags &= (uint8_t)~FRAME_REFERENCED;
            page_close(f->object, f->page, false);
        }
    }
}

static uint32_t smallest_victim(struct vm *vm, struct page_set *set)
{
    uint32_t best = 0;
    for (uint32_t frame = set->first; frame; frame = vm->frames[frame].next)
        if (frame_is_evictable(vm, &vm->frames[frame]) && (!best || vm->frames[frame].stamp < vm->frames[best].stamp))
            best = frame;
    return best;
}

static uint32_t aging_victim(struct vm *vm, struct page_set *set)
{
    aging_tick(vm, set);
    return smallest_victim(vm, set);
}

/* ---- random ---- */

static uint32_t random_victim(struct vm *vm, struct page_set *set)
{
    if (!set->nr_frames)
        return 0;
    set->random = mix64(set->random);
    uint32_t frame = set->first;
    for (uint32_t skip = (uint32_t)(set->random % set->nr_frames); skip && vm->frames[frame].next; skip--)
        frame = vm->frames[frame].next;
    uint32_t victim = first_evictable(vm, frame);
    return victim ? victim : first_evictable(vm, set->first);
}

/* ---- working set: pages not referenced in the last `window` references leave, whether or not there is need ---- */

static void ws_referenced(struct vm *vm, struct page_set *set, uint32_t frame)
{
    move_to_end(vm, set, frame);
    vm->frames[frame].stamp = set->tick;
    if (frame_nr_more(vm))
        return;
    for (uint32_t old = set->first, next; old && set->tick - vm->frames[old].stamp >= set->window; old = next) {
        next = vm->frames[old].next;
        if (frame_is_evictable(vm, &vm->frames[old]))
            frame_evict(vm->machine->cpu, old);
    }
}

/*
 * ---- opt: the one whose next reference is farthest in the future ----
 * Of pages that are never referenced again it is the one referenced longest ago (the order is that of lru): a choice
 * that does not depend on how many frames there are, as a stack algorithm needs it (Mattson et al. 1970).
 */

/* The frame's stamp becomes the place of its next reference in the future, counted from 1. */
static void opt_look(const struct page_set *set, struct frame *frame)
{
    frame->stamp = UINT64_MAX;
    for (uint64_t i = set->tick; i < set->future.nr && frame->stamp == UINT64_MAX; i++)
        if (set->future.refs[i] == page_key(frame))
            frame->stamp = i + 1;
}

static void opt_referenced(struct vm *vm, struct page_set *set, uint32_t frame)
{
    move_to_end(vm, set, frame);
    opt_look(set, &vm->frames[frame]);
}

static uint32_t opt_victim(struct vm *vm, struct page_set *set)
{
    uint32_t best = 0;
    for (uint32_t frame = set->first; frame; frame = vm->frames[frame].next) {
        if (!frame_is_evictable(vm, &vm->frames[frame]))
            continue;
        if (vm->frames[frame].stamp <= set->tick) /* the run is not the recorded one, or the set is new */
            opt_look(set, &vm->frames[frame]);
        if (!best || vm->frames[frame].stamp > vm->frames[best].stamp)
            best = frame;
    }
    return best;
}

/* ---- the table ---- */

static const struct page_policy policies[] = {
    {.name = "clock", .loaded = clock_loaded, .victim = clock_victim},
    {.name = "clock-clear",
     .sees_all = true,
     .loaded = clock_clear_loaded,
     .referenced = clock_clear_referenced,
     .victim = clock_victim},
    {.name = "fifo", .victim = first_victim},
    {.name = "lru", .sees_all = true, .referenced = move_to_end, .victim = first_victim},
    {.name = "aging", .victim = aging_victim},
    {.name = "random", .victim = random_victim},
    {.name = "ws", .sees_all = true, .referenced = ws_referenced, .victim = first_victim},
    {.name = "opt", .sees_all = true, .referenced = opt_referenced, .victim = opt_victim},
};

const struct page_policy *page_policy_find(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(policies); i++)
        if (strcmp(policies[i].name, name) == 0)
            return &policies[i];
    return NULL;
}
