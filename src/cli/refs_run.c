/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A reference string in a machine: a task with frames of its own loads from its pages, one after the other, and the
 * kernel counts what it has to do for it. What a page holds is written when it is referenced first, goes to the
 * backing store, a task of the same machine, and is compared whenever it is loaded again.
 */
#include "refs.h"
#include "text.h"

#include <mk/mk.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FRAMES_BESIDE 64 /* for the kernel and the store */

struct run {
    struct refs *refs;
    const char *policy;
    struct mk_page_refs *record; /* of the references, or NULL */
    const struct mk_page_refs *future;
    mk_err_t err; /* of the task */

    size_t page_size, store_size;
    char *store;  /* what was written back */
    char *body;   /* of the message that the store receives */
    bool *is_old; /* pages that were referenced before */
    uint8_t *states;
};

/* ---- the backing store ---- */

static mk_err_t serve(struct run *run, mk_name_t port, mk_name_t control)
{
    struct mk_pager_message what;
    struct mk_msg msg = {.body = run->body, .capacity = sizeof(what) + run->page_size};
    for (;;) {
        mk_err_t err = mk_receive(port, &msg, MK_TIME_FOREVER);
        if (err)
            return err;
        memcpy(&what, run->body, sizeof(what));
        if (msg.badge != MK_BADGE_KERNEL || what.offset + what.size > run->store_size)
            return MK_E_BAD_ARGUMENT;
        if (msg.id == MK_PAGER_REQUEST)
            err = mk_memory_supply(control, what.offset, run->store + what.offset, what.size);
        else if (msg.id == MK_PAGER_RETURN)
            memcpy(run->store + what.offset, run->body + sizeof(what), what.size);
        if (err)
            return err;
    }
}

static void store_main(void *arg)
{
    struct run *run = arg;
    mk_name_t machine, port, memory, control;
    mk_err_t err = mk_task_get_special(mk_task_self(), MK_SPECIAL_MACHINE, &machine);
    if (!err)
        err = mk_port_create(&port);
    if (!err)
        err = mk_memory_create(port, 0, run->store_size, &memory, &control);
    if (!err)
        err = mk_memory_set_store(machine, control);
    if (!err)
        err = serve(run, port, control);
    if (!run->err)
        run->err = err;
}

/* ---- the task ---- */

static uint32_t *find_slot(uint32_t *slots, uint32_t nr, uint32_t page)
{
    for (uint32_t i = 0; i < nr; i++)
        if (slots[i] == page)
            return &slots[i];
    return NULL;
}

/* A page that came takes the slot of one that left just now, else the first that is empty. */
static mk_err_t note_slots(struct run *run, size_t i, mk_vaddr_t start)
{
    struct refs *refs = run->refs;
    uint32_t *slots = refs->slots + i * refs->nr_frames, *place = NULL;
    mk_err_t err = mk_vm_pages(mk_task_self(), start, refs->nr_pages, run->states);
    if (err)
        return err;
    for (uint32_t slot = 0; slot < refs->nr_frames; slot++) {
        slots[slot] = i ? slots[(ptrdiff_t)slot - (ptrdiff_t)refs->nr_frames] : REFS_SLOT_EMPTY;
        if (slots[slot] == REFS_SLOT_EMPTY || run->states[slots[slot]] & MK_PAGE_RESIDENT)
            continue;
        slots[slot] = REFS_SLOT_EMPTY;
        place = place ? place : &slots[slot];
    }
    bool is_there = find_slot(slots, refs->nr_frames, refs->pages[i]) != NULL;
    if (!is_there && !place)
        place = find_slot(slots, refs->nr_frames, REFS_SLOT_EMPTY);
    if (!is_there && place && run->states[refs->pages[i]] & MK_PAGE_RESIDENT)
        *place = refs->pages[i];
    return MK_OK;
}

/* Page `page` holds page + 1, from its first reference on. */
static mk_err_t touch(struct run *run, mk_vaddr_t start, uint32_t page)
{
    volatile uint32_t *word = (volatile uint32_t *)(start + page * run->page_size);
    uint32_t value = *word;
    if (value != (run->is_old[page] ? page + 1 : 0))
        return MK_E_IO;
    if (!run->is_old[page])
        *word = page + 1;
    run->is_old[page] = true;
    return MK_OK;
}

static mk_err_t touch_all(struct run *run, mk_vaddr_t start)
{
    struct refs *refs = run->refs;
    struct mk_vm_stats stats;
    mk_err_t err = mk_vm_statistics(mk_task_self(), &stats);
    uint64_t before = stats.nr_zero_fills + stats.nr_page_ins, first = before;
    for (size_t i = 0; !err && i < refs->nr; i++) {
        err = touch(run, start, refs->pages[i]);
        if (!err)
            err = mk_vm_statistics(mk_task_self(), &stats);
        uint64_t after = stats.nr_zero_fills + stats.nr_page_ins;
        refs->is_fault[i] = after > before;
        before = after;
        if (!err && refs->has_slots)
            err = note_slots(run, i, start);
    }
    refs->nr_faults = before - first;
    refs->nr_evictions = stats.nr_evictions;
    return err;
}

static void task_main(void *arg)
{
    struct run *run = arg;
    struct refs *refs = run->refs;
    const struct mk_vm_frames frames = {.nr_frames = refs->nr_frames,
                                        .policy = run->policy,
                                        .window = refs->window,
                                        .future = run->future,
                                        .record = run->record ? run->record->max : 0};
    mk_vaddr_t start = 0;
    mk_err_t err = mk_vm_set_frames(mk_task_self(), &frames);
    if (!err)
        err = mk_vm_allocate(mk_task_self(), refs->nr_pages * run->page_size, &start);
    if (!err)
        err = touch_all(run, start);
    if (!err && run->record)
        err = mk_vm_refs(mk_task_self(), run->record);
    if (!run->err)
        run->err = err;
}

/* ---- the machine ---- */

static mk_err_t run_machine(struct run *run)
{
    const struct refs *refs = run->refs;
    const struct mk_machine_config config = {.memory_size = (refs->nr_frames + FRAMES_BESIDE) * run->page_size,
                                             .seed = refs->seed};
    const struct mk_spawn store = {.label = "store", /* stronger, so that it is there first and keeps up */
                                   .entry = store_main,
                                   .arg = run,
                                   .priority = MK_PRIO_DEFAULT + 1,
                                   .is_server = true};
    const struct mk_spawn task = {.label = "refs", .entry = task_main, .arg = run};
    struct mk_machine *machine;
    int code = 0;
    mk_err_t err = mk_machine_create(&config, &machine);
    if (err)
        return err;
    err = mk_machine_spawn(machine, &store, NULL);
    if (!err)
        err = mk_machine_spawn(machine, &task, NULL);
    if (!err)
        err = mk_machine_run(machine, &code);
    mk_machine_destroy(machine);
    return err ? err : run->err ? run->err : code ? MK_E_BAD_STATE : MK_OK;
}

static mk_err_t run_once(struct refs *refs, const char *policy, struct mk_page_refs *record,
                         const struct mk_page_refs *future)
{
    struct run run = {.refs = refs, .policy = policy, .record = record, .future = future, .page_size = mk_page_size()};
    run.store_size = (refs->nr_pages + 2) * run.page_size; /* one slot is never used, one is left over */
    run.store = calloc(refs->nr_pages + 2, run.page_size); /* of which little may be used */
    run.body = text_realloc(NULL, 1, sizeof(struct mk_pager_message) + run.page_size);
    run.states = text_realloc(NULL, refs->nr_pages, 1);
    run.is_old = text_realloc(NULL, refs->nr_pages, sizeof(bool));
    memset(run.is_old, 0, refs->nr_pages * sizeof(bool));
    mk_err_t err = run.store ? run_machine(&run) : MK_E_NO_MEMORY;
    free(run.store);
    free(run.body);
    free(run.states);
    free(run.is_old);
    return err;
}

bool refs_run(struct refs *refs)
{
    struct mk_page_refs future = {.max = refs->nr};
    bool is_opt = strcmp(refs->policy, "opt") == 0;
    mk_err_t err = MK_OK;
    refs->is_fault = text_realloc(refs->is_fault, refs->nr, sizeof(bool));
    if (refs->has_slots)
        refs->slots = text_realloc(refs->slots, refs->nr * refs->nr_frames, sizeof(uint32_t));
    if (is_opt) { /* what will be referenced is known from a run before */
        future.refs = text_realloc(NULL, refs->nr, sizeof(uint64_t));
        err = run_once(refs, "lru", &future, NULL);
    }
    if (!err)
        err = run_once(refs, refs->policy, NULL, is_opt ? &future : NULL);
    free(future.refs);
    if (err)
        fprintf(stderr, "mk: refs: the run failed: %s\n", mk_err_text(err));
    return !err;
}
