/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Virtual memory: faults by what they take, changes of maps, and moves of much
 * memory. Single faults go through a region from its end on, so that they are no
 * sequence; the floors do the same.
 */
#include <string.h>

#include "bench/machine.h"
#include "bench/vm_pager.h"

#define MEMORY_SIZE ((uint64_t)1 << 30)

enum {
    WRITTEN = 1, /* by who sends it, before each time */
    COPIED = 2,
};

/* Of a region of `nr` + 1 pages the last is touched, then all others from there, as a part. */
static void touch_backward(struct run *run, char *pages, size_t nr)
{
    struct run part;
    volatile char *end = pages + nr * PAGE;
    *end = 1;
    part_start(run, &part);
    for (size_t i = 1; i <= nr; i++)
        *(end - i * PAGE) = 1;
    part_stop(run, &part);
}

static char *allocate(size_t size)
{
    mk_vaddr_t addr;
    check(mk_vm_allocate(mk_task_self(), size, &addr), "allocate");
    return (char *)addr;
}

static void release(char *pages, size_t size)
{
    check(mk_vm_deallocate(mk_task_self(), (mk_vaddr_t)pages, size), "deallocate");
}

static struct mk_vm_stats counts(void)
{
    struct mk_vm_stats stats;
    check(mk_vm_statistics(MK_NAME_NULL, &stats), "statistics");
    return stats;
}

static uint64_t nr_faults(const struct mk_vm_stats *stats)
{
    return stats->nr_zero_fills + stats->nr_copies + stats->nr_page_ins + stats->nr_soft;
}

/* ---- zeros ---- */

static void zero_chunk(struct run *run, size_t nr)
{
    const size_t size = (nr + 1) * PAGE;
    char *pages = allocate(size);
    touch_backward(run, pages, nr);
    release(pages, size);
}

static void zero(void *run)
{
    in_chunks(run, ((struct run *)run)->nr, NR_PAGES - 1, zero_chunk);
}

static void sequential_chunk(struct run *run, size_t nr)
{
    struct run part;
    char *pages = allocate(CHUNK_SIZE);
    part_start(run, &part);
    touch_all(pages, nr * PAGE);
    part_stop(run, &part);
    release(pages, CHUNK_SIZE);
}

static void sequential(void *run)
{
    whole_chunks(run, NR_SEQUENCE);
    in_chunks(run, ((struct run *)run)->nr, NR_SEQUENCE, sequential_chunk);
}

/* ---- copies, and pages that are there ---- */

static void copy_chunk(struct run *run, size_t nr)
{
    const size_t size = (nr + 1) * PAGE;
    char *from = allocate(size), *to = allocate(size);
    touch_all(from, size);
    check(mk_vm_copy(mk_task_self(), (mk_vaddr_t)from, size, (mk_vaddr_t)to), "copy");
    touch_backward(run, to, nr);
    release(to, size);
    release(from, size);
}

static void copy(void *run)
{
    in_chunks(run, ((struct run *)run)->nr, NR_PAGES - 1, copy_chunk);
}

static void soft_chunk(struct run *run, size_t nr)
{
    const size_t size = (nr + 1) * PAGE;
    mk_name_t memory;
    mk_vaddr_t first, second;
    check(mk_memory_create(MK_NAME_NULL, 0, size, &memory, NULL), "memory");
    const struct mk_vm_map map = {.memory = memory, .size = size, .prot = MK_PROT_READ | MK_PROT_WRITE};
    check(mk_vm_map(mk_task_self(), &map, &first), "map");
    check(mk_vm_map(mk_task_self(), &map, &second), "map");
    touch_all((char *)first, size);
    touch_backward(run, (char *)second, nr);
    release((char *)first, size);
    release((char *)second, size);
    check(mk_right_release(memory), "release");
}

static void soft(void *run)
{
    in_chunks(run, ((struct run *)run)->nr, NR_PAGES - 1, soft_chunk);
}

/* ---- pagers ---- */

static struct vm_pager pager;

static void pager_chunk(struct run *run, size_t nr)
{
    touch_backward(run, pager.pages, nr);
    vm_pager_flush(&pager);
}

static void by_pager(void *run)
{
    vm_pager_start(&pager, CHUNK_SIZE);
    in_chunks(run, ((struct run *)run)->nr, NR_PAGES - 1, pager_chunk);
}

/* ---- the backing store ---- */

#define NR_STORE_FRAMES 256
#define NR_SLOTS        1024

static char slots[NR_SLOTS * PAGE];

/* The default pager: its slots are memory of this program. */
static void store(void *arg)
{
    const mk_name_t *machine = arg;
    mk_name_t port = port_new(), memory, control;
    static char body[sizeof(struct mk_pager_message) + PAGE];
    struct mk_msg msg = {.body = body, .capacity = sizeof(body)};
    struct mk_pager_message m;
    check(mk_memory_create(port, 0, sizeof(slots), &memory, &control), "store");
    check(mk_memory_set_store(*machine, control), "store");
    for (;;) {
        check(mk_receive(port, &msg, MK_TIME_FOREVER), "store");
        memcpy(&m, body, sizeof(m));
        if (msg.id == MK_PAGER_REQUEST)
            check(mk_memory_supply(control, m.offset, slots + m.offset, m.size), "supply");
        else if (msg.id == MK_PAGER_RETURN)
            memcpy(slots + m.offset, body + sizeof(m), m.size);
    }
}

/* Each page is brought in long after it has left: all that are touched in between take its frame. */
static void paging(void *arg)
{
    struct run *run = arg;
    const size_t size = 2 * NR_STORE_FRAMES * PAGE;
    mk_name_t task = task_new("store"), machine;
    check(mk_task_get_special(mk_task_self(), MK_SPECIAL_MACHINE, &machine), "machine port");
    machine = send_to(task, machine);
    thread_new(task, store, &machine, MK_PRIO_DEFAULT + 1);
    mk_thread_yield();
    volatile char *pages = allocate(size);
    for (int i = 0; i < 2; i++)
        touch_all((char *)pages, size);
    struct mk_vm_stats before = counts(), after;
    meter_start(run);
    for (uint64_t i = 0; i < run->nr; i++)
        pages[i * PAGE % size] = 2;
    meter_stop(run);
    after = counts();
    if (after.nr_page_ins - before.nr_page_ins != run->nr || after.nr_page_outs - before.nr_page_outs < run->nr)
        fail("%s: %llu pages came in and %llu went out in %llu faults", run->row->name,
             (unsigned long long)(after.nr_page_ins - before.nr_page_ins),
             (unsigned long long)(after.nr_page_outs - before.nr_page_outs), (unsigned long long)run->nr);
}

static void measure_store(struct run *run)
{
    machine_run(run, &(struct mk_machine_config){.memory_size = NR_STORE_FRAMES * PAGE}, paging);
}

/* ---- a working set as large as the memory ---- */

#define NR_WORKING 1024

static void working(void *arg)
{
    struct run *run = arg;
    const size_t size = NR_WORKING * PAGE;
    volatile char *pages = allocate(size);
    for (int i = 0; i < 2; i++)
        touch_all((char *)pages, size);
    struct mk_vm_stats before = counts(), after;
    meter_start(run);
    for (uint64_t i = 0; i < run->nr; i++)
        pages[i * PAGE % size]++;
    meter_stop(run);
    after = counts();
    if (nr_faults(&after) != nr_faults(&before) || after.nr_free)
        fail("%s: %llu faults, and %llu frames are free", run->row->name,
             (unsigned long long)(nr_faults(&after) - nr_faults(&before)), (unsigned long long)after.nr_free);
}

static void measure_working(struct run *run)
{
    machine_run(run, &(struct mk_machine_config){.memory_size = NR_WORKING * PAGE}, working);
}

/* ---- changes of maps, a page of 2,048 ---- */

static void map_chunk(struct run *run, size_t nr)
{
    struct run part;
    char *all[NR_MAPS];
    part_start(run, &part);
    for (size_t i = 0; i < nr; i++)
        all[i] = allocate(CHUNK_SIZE);
    part_stop(run, &part);
    for (size_t i = 0; i < nr; i++)
        release(all[i], CHUNK_SIZE);
}

static void map(void *run)
{
    struct run warm_up = {.row = ((struct run *)run)->row};
    map_chunk(&warm_up, NR_MAPS);
    in_chunks(run, whole_chunks(run, NR_PAGES), NR_MAPS, map_chunk);
}

static void protect(void *arg)
{
    struct run *run = arg;
    uint64_t nr_calls = whole_chunks(run, NR_PAGES);
    mk_vaddr_t pages = (mk_vaddr_t)allocate(CHUNK_SIZE);
    touch_all((char *)pages, CHUNK_SIZE);
    meter_start(run);
    for (uint64_t i = 0; i < nr_calls; i++)
        check(mk_vm_protect(mk_task_self(), pages, CHUNK_SIZE, i % 2 ? MK_PROT_READ | MK_PROT_WRITE : MK_PROT_READ),
              "protect");
    meter_stop(run);
}

/* ---- 64 MiB, to another task ---- */

static struct run *current;
static struct run move_part;
static mk_name_t moved_to;

/* The same memory back, after the time for its way here was taken. */
static void mover(void *arg)
{
    struct mk_msg_memory memory = {0};
    struct mk_msg msg = {.memories = &memory, .max_memories = 1};
    (void)arg;
    check(mk_receive(moved_to, &msg, MK_TIME_FOREVER), "receive");
    for (;;) {
        if (current->row->flags & WRITTEN)
            part_stop(current, &move_part);
        memory.how = MK_MEMORY_MOVE;
        check(mk_reply_receive(moved_to, &msg, MK_TIME_FOREVER), "server");
    }
}

static void move_many(mk_name_t port, struct mk_msg_memory *memory)
{
    struct mk_msg msg = {.memories = memory, .max_memories = 1};
    for (uint64_t i = 0; i < current->nr; i++) {
        msg.nr_memories = 1;
        memory->how = MK_MEMORY_MOVE;
        if (current->row->flags & WRITTEN) {
            touch_all(memory->address, LARGE_SIZE);
            part_start(current, &move_part);
        }
        check(mk_call(port, &msg, MK_TIME_FOREVER), "call");
    }
}

static void move(void *arg)
{
    mk_name_t port = port_new(), task = task_new("server");
    struct mk_msg_memory memory = {.address = allocate(LARGE_SIZE), .size = LARGE_SIZE};
    (void)arg;
    moved_to = receive_to(task, port);
    thread_new(task, mover, NULL, 0);
    touch_all(memory.address, LARGE_SIZE);
    for (;; halt()) {
        struct run *run = current, first = {.row = run->row, .nr = 1};
        if (run->row->flags & WRITTEN) {
            move_many(port, &memory);
            continue;
        }
        current = &first; /* the windows show nothing of it afterwards */
        move_many(port, &memory);
        current = run;
        meter_start(run);
        move_many(port, &memory);
        meter_stop(run);
    }
}

static void copy_large(void *arg)
{
    char *from = allocate(LARGE_SIZE), *to = allocate(LARGE_SIZE);
    (void)arg;
    memset(from, 1, LARGE_SIZE);
    memset(to, 1, LARGE_SIZE);
    for (;; halt()) {
        meter_start(current);
        for (uint64_t i = 0; i < current->nr; i++) {
            memcpy(to, from, LARGE_SIZE);
            keep(to);
        }
        meter_stop(current);
    }
}

static const struct mk_machine_config large = {.memory_size = MEMORY_SIZE};

/* Machines are kept, as the memory takes longer to make than to copy. */
static void measure_large(struct run *run)
{
    static struct mk_machine *machines[2];
    struct mk_machine **machinep = &machines[(run->row->flags & COPIED) != 0];
    if (!*machinep) {
        *machinep = machine_create(run, &large);
        if (!*machinep)
            return;
        machine_spawn(*machinep, run->row->flags & COPIED ? copy_large : move, NULL);
    }
    current = run;
    machine_go(*machinep);
}

/* ---- the rows ---- */

static const struct {
    const char *name;
    void (*boss)(void *run);
    const char *what;
} kinds[] = {
    {"vm.fault.zero", zero, "first write of a page, which is filled with zeros"},
    {"vm.fault.sequential", sequential, "first write of a page, one of 512 in sequence"},
    {"vm.fault.soft", soft, "first write of a page that is in memory, but not seen in this place yet"},
    {"vm.fault.copy", copy, "first write of a page that is shared with a copy"},
    {"vm.fault.pager", by_pager, "first write of a page that a pager in another task supplies"},
    {"vm.map.2048", map, "one page of a mk_vm_allocate of 2,048, which are not touched"},
    {"vm.protect.2048", protect, "one page of a mk_vm_protect of 2,048 that are in memory"},
};

static void measure(struct run *run)
{
    machine_run(run, &large, kinds[run->row->count].boss);
}

void vm_rows(void)
{
    for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        row_add(&(struct row){.measure = measure, .count = i, .what = kinds[i].what}, "%s", kinds[i].name);
    row_add(&(struct row){.measure = measure_large,
                          .what = "round trip: a call moves 64 MiB to another task and back, and nobody touches them"},
            "vm.move.64m");
    row_add(&(struct row){.measure = measure_large,
                          .flags = WRITTEN,
                          .nr_runs = 6,
                          .nr_dropped = 1,
                          .nr_ops = 1,
                          .what = "one way: a call moves 64 MiB, all pages of which the sender has just written"},
            "vm.move.64m.written");
    row_add(
        &(struct row){
            .measure = measure_large, .flags = COPIED, .nr_ops = 1, .what = "one memcpy of 64 MiB within a task"},
        "vm.copy_touch.64m");
    row_add(&(struct row){.measure = measure_store,
                          .what = "write of a page that is in the backing store; another goes there"},
            "vm.fault.store");
    row_add(&(struct row){.measure = measure_working,
                          .what = "one touch of a page of a working set as large as the memory, without faults"},
            "vm.working_set");
}
