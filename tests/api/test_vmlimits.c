/* SPDX-License-Identifier: BSD-2-Clause */
/* Calls of <mk/vm.h> and <mk/memory.h> that have not enough of something, or come at the wrong time. */
#include <sys/resource.h>

#include "allochook.h"
#include "vmworld.h"

static mk_vaddr_t out;
static char buffer[PAGE];

static uint64_t memory_left(void)
{
    struct mk_machine_stats stats;
    CHECK_OK(mk_machine_stats(NULL, &stats));
    return stats.memory_size - stats.memory_used;
}

static mk_vaddr_t allocate(size_t size)
{
    mk_vaddr_t addr;
    CHECK_OK(mk_vm_allocate(w.self, size, &addr));
    return addr;
}

/* ---- calls that wait for a page of `view` ---- */

static struct {
    mk_err_t (*call)(void);
    mk_vaddr_t addr;
    mk_err_t err;
    mk_name_t thread;
} waiting;

static void waiting_main(void *arg)
{
    (void)arg;
    waiting.err = waiting.call();
}

static void waiting_begin(mk_err_t (*call)(void))
{
    waiting.call = call;
    waiting.err = MK_OK;
    waiting.thread = thread_of("waiting", waiting_main, NULL, 0);
    while (thread_info("waiting").wait != MK_WAIT_PAGE)
        mk_thread_yield();
}

static void waiting_end(mk_err_t expected)
{
    join(waiting.thread);
    CHECK_ERR(waiting.err, expected);
}

static void take_request(void)
{
    struct mk_pager_message message;
    struct mk_msg msg = {.body = &message, .capacity = sizeof(message)};
    CHECK_OK(mk_receive(w.pager, &msg, MK_TIME_POLL));
    CHECK(msg.id == MK_PAGER_REQUEST);
}

static mk_err_t w_read(void)
{
    return mk_vm_read(w.self, waiting.addr, buffer, 1);
}
static mk_err_t w_write(void)
{
    return mk_vm_write(w.self, waiting.addr, buffer, 1);
}

/* ---- memory ---- */

/* VMLIMIT0010: when the machine's memory is in use, nothing more is charged, and nothing half done. */
MKT_TEST(VMLIMIT0010)
{
    (void)arg;
    world_begin();
    mk_name_t memory;
    intptr_t delta;
    const struct mk_vm_map how = {.memory = w.memory, .size = 2 * PAGE, .prot = RW, .is_copy = true};
    mk_vaddr_t source = allocate(2 * PAGE), target = allocate(2 * PAGE), rest = allocate(memory_left() - PAGE);
    CHECK_OK(mk_vm_inherit(w.self, rest, memory_left(), MK_INHERIT_NONE));
    REFUSED(mk_vm_allocate(w.self, 2 * PAGE, &out), MK_E_LIMIT_MEMORY);
    REFUSED(mk_vm_allocate(w.fresh, PAGE + 1, &out), MK_E_LIMIT_MEMORY);
    REFUSED(mk_vm_map(w.self, &how, &out), MK_E_LIMIT_MEMORY);
    REFUSED(mk_memory_create(MK_NAME_NULL, 0, 2 * PAGE, &memory, NULL), MK_E_LIMIT_MEMORY);
    REFUSED(mk_vm_copy(w.self, source, 2 * PAGE, target), MK_E_LIMIT_MEMORY);
    REFUSED(mk_vm_copy(w.self, source + 8, 2 * PAGE, target), MK_E_BAD_ARGUMENT);
    REFUSED(mk_vm_inherit_from(w.fresh, &delta), MK_E_LIMIT_MEMORY);
    CHECK_OK(mk_vm_allocate(w.fresh, PAGE, &out));
    REFUSED(mk_vm_allocate(w.self, 1, &out), MK_E_LIMIT_MEMORY);
    world_end();
}

/* VMLIMIT0020: a task's own limit is one for what it allocates and for copies that it maps. */
MKT_TEST(VMLIMIT0020)
{
    (void)arg;
    world_begin();
    const struct mk_vm_map how = {.memory = w.memory, .size = 2 * PAGE, .prot = RW, .is_copy = true};
    const struct mk_vm_map shared = {.memory = w.memory, .size = 2 * PAGE, .prot = RW};
    mk_vaddr_t view;
    CHECK_OK(mk_vm_set_limit(w.self, 8 * PAGE)); /* it has 7 */
    REFUSED(mk_vm_set_limit(w.self, 7 * PAGE - 1), MK_E_BAD_STATE);
    REFUSED(mk_vm_set_limit(w.self, 0), MK_E_BAD_STATE);
    REFUSED(mk_vm_allocate(w.self, PAGE + 1, &out), MK_E_LIMIT_MEMORY);
    REFUSED(mk_vm_map(w.self, &how, &out), MK_E_LIMIT_MEMORY);
    CHECK_OK(mk_vm_map(w.self, &shared, &view)); /* which counts for nobody */
    CHECK_OK(mk_vm_allocate(w.self, PAGE, &out));
    REFUSED(mk_vm_allocate(w.self, 1, &out), MK_E_LIMIT_MEMORY);
    CHECK_OK(mk_vm_deallocate(w.self, view, 2 * PAGE));
    world_end();
}

static struct test_pager file;
static mk_name_t file_port, file_memory, file_control;

static void file_main(void *arg)
{
    (void)arg;
    pager_serve(&file, file_port, file_control, 0);
}

#define FEW_FRAMES 32

/* A machine of few frames; the object's pages are charged to nobody, and more than there are frames. */
static void wire_all(void *arg)
{
    (void)arg;
    mk_vaddr_t view;
    world_begin();
    file = (struct test_pager){.size = 2 * FEW_FRAMES * PAGE, .contents = (char *)calloc(2 * FEW_FRAMES, PAGE)};
    CHECK_OK(mk_port_create(&file_port));
    CHECK_OK(mk_memory_create(file_port, 1, file.size, &file_memory, &file_control));
    const struct mk_vm_map how = {.memory = file_memory, .size = file.size, .prot = MK_PROT_READ};
    CHECK_OK(mk_vm_map(w.self, &how, &view));
    mk_name_t thread = mkt_thread(file_main, NULL);
    struct mk_vm_stats stats;
    CHECK_ERR(mk_vm_wire(w.self, view, file.size, true), MK_E_LIMIT_MEMORY);
    CHECK_OK(mk_vm_statistics(MK_NAME_NULL, &stats));
    CHECK(stats.nr_wired == 0 && file.nr_requests > 0);
    CHECK_OK(mk_machine_audit(NULL));
    CHECK_OK(mk_vm_wire(w.self, view, 4 * PAGE, true));
    CHECK_OK(mk_vm_deallocate(w.self, view, file.size));
    CHECK_OK(mk_right_release(file_memory));
    join(thread);
    free(file.contents);
    world_end();
}

static void in_machine(uint64_t nr_frames, void (*entry)(void *), void *arg)
{
    const struct mk_machine_config config = {.memory_size = nr_frames * PAGE};
    struct mkt t;
    mkt_begin(&t, &config);
    mkt_spawn(&t, "test", entry, arg, false);
    mkt_run_all(&t);
    mkt_finish(&t);
}

/* VMLIMIT0030: more pages than there are frames are not wired, and none of those that could be stays so. */
static void VMLIMIT0030(void **state)
{
    (void)state;
    in_machine(FEW_FRAMES, wire_all, NULL);
}

/* ---- windows and regions ---- */

/* VMLIMIT0040: a window that is full refuses what is allocated and what is mapped. */
MKT_TEST(VMLIMIT0040)
{
    (void)arg;
    world_begin();
    mk_name_t memory, control;
    mk_vaddr_t at;
    CHECK_OK(mk_memory_create(w.pager, 3, (size_t)1 << 28, &memory, &control));
    struct mk_vm_map how = {.memory = memory, .size = (size_t)1 << 28, .prot = RW};
    for (unsigned i = 0; i < 3; i++)
        CHECK_OK(mk_vm_map(w.child, &how, &at));
    REFUSED(mk_vm_map(w.child, &how, &out), MK_E_LIMIT_WINDOW);
    how.size = (size_t)32 << 20;
    for (unsigned i = 0; i < 7; i++)
        CHECK_OK(mk_vm_map(w.child, &how, &at));
    REFUSED(mk_vm_map(w.child, &how, &out), MK_E_LIMIT_WINDOW);
    REFUSED(mk_vm_allocate(w.child, how.size, &out), MK_E_LIMIT_WINDOW);
    how.is_copy = true;
    REFUSED(mk_vm_map(w.child, &how, &out), MK_E_LIMIT_WINDOW);
    CHECK_OK(mk_right_release(memory));
    world_end();
}

#define NR_SPLIT 8192 /* regions of which each child gets as many */

/* The machine has all the regions that it may have. Its tasks besides those of the world; `last` is not full. */
static size_t fill_regions(mk_name_t tasks[MK_REGIONS_MAX / NR_SPLIT], mk_name_t memory)
{
    mk_vaddr_t many, at;
    size_t nr = 0;
    mk_err_t err;
    intptr_t delta;
    struct mk_vm_map how = {.memory = memory, .size = NR_SPLIT * PAGE, .prot = RW};
    CHECK_OK(mk_vm_map(w.self, &how, &many));
    for (size_t i = NR_SPLIT - 2; i > 0; i -= 2) /* from the end: what is to be split is found at once */
        CHECK_OK(mk_vm_protect(w.self, many + i * PAGE, PAGE, MK_PROT_READ));
    do {
        CHECK(nr < MK_REGIONS_MAX / NR_SPLIT);
        CHECK_OK(mk_task_create("full", &tasks[nr]));
        err = mk_vm_inherit_from(tasks[nr++], &delta);
    } while (!err);
    CHECK_ERR(err, MK_E_LIMIT_REGIONS);
    CHECK_ERR(mk_vm_region(tasks[nr - 1], 0, &(struct mk_vm_region){0}), MK_E_NOT_FOUND);
    how.size = PAGE;
    while (!(err = mk_vm_map(tasks[nr - 1], &how, &at)))
        ;
    CHECK_ERR(err, MK_E_LIMIT_REGIONS);
    return nr;
}

/* VMLIMIT0050: a machine with all the regions that it may have refuses to make or split one, and no page is freed. */
MKT_TEST(VMLIMIT0050)
{
    (void)arg;
    static mk_name_t tasks[MK_REGIONS_MAX / NR_SPLIT];
    if (MKT_ADDRESSES_ARE_SCARCE)
        return; /* none for so many windows */
    mk_name_t memory, control;
    intptr_t delta;
    world_begin();
    const struct mk_vm_map shared = {.memory = w.memory, .size = PAGE, .prot = RW};
    const struct mk_vm_map copy = {.memory = w.memory, .size = PAGE, .prot = RW, .is_copy = true};
    mk_vaddr_t p = allocate(3 * PAGE), q = allocate(3 * PAGE);
    memset((void *)p, 'p', 3 * PAGE);
    CHECK_OK(mk_vm_inherit(w.self, p, 3 * PAGE, MK_INHERIT_NONE));
    CHECK_OK(mk_vm_inherit(w.self, q, 3 * PAGE, MK_INHERIT_NONE));
    CHECK_OK(mk_vm_inherit(w.self, w.mine, 4 * PAGE, MK_INHERIT_NONE));
    CHECK_OK(mk_vm_inherit(w.self, mine(5), 3 * PAGE, MK_INHERIT_NONE));
    CHECK_OK(mk_memory_create(w.pager, 3, NR_SPLIT * PAGE, &memory, &control));
    size_t nr = fill_regions(tasks, memory);
    REFUSED(mk_vm_allocate(w.self, PAGE, &out), MK_E_LIMIT_REGIONS);
    REFUSED(mk_vm_map(w.self, &shared, &out), MK_E_LIMIT_REGIONS);
    REFUSED(mk_vm_map(w.self, &copy, &out), MK_E_LIMIT_REGIONS);
    REFUSED(mk_vm_deallocate(w.self, p + PAGE, PAGE), MK_E_LIMIT_REGIONS);
    REFUSED(mk_vm_protect(w.self, p + PAGE, PAGE, MK_PROT_NONE), MK_E_LIMIT_REGIONS);
    REFUSED(mk_vm_inherit(w.self, p + PAGE, PAGE, MK_INHERIT_SHARE), MK_E_LIMIT_REGIONS);
    REFUSED(mk_vm_copy(w.self, p, PAGE, q + PAGE), MK_E_LIMIT_REGIONS); /* the target would be split */
    REFUSED(mk_vm_copy(w.self, p, 3 * PAGE, q), MK_E_LIMIT_REGIONS);    /* there would be a copy on its way */
    REFUSED(mk_vm_inherit_from(w.fresh, &delta), MK_E_LIMIT_REGIONS);
    CHECK(*(volatile char *)(p + PAGE) == 'p' && *(volatile char *)(q + PAGE) == 0);
    CHECK_OK(mk_vm_deallocate(w.self, q, 3 * PAGE));
    CHECK_OK(mk_vm_allocate(w.self, PAGE, &out));
    for (size_t i = 0; i < nr; i++)
        CHECK_OK(mk_task_terminate(tasks[i], 0));
    CHECK_OK(mk_right_release(memory));
    world_end();
}

/* ---- the host ---- */

/* The call is made while the host gives no more addresses. */
#define WITHOUT_HOST(call) \
    __extension__({ \
        struct rlimit limit, none; \
        CHECK(getrlimit(RLIMIT_AS, &limit) == 0); \
        none = limit; \
        none.rlim_cur = PAGE; \
        CHECK(setrlimit(RLIMIT_AS, &none) == 0); \
        mk_err_t host_err = (call); \
        CHECK(setrlimit(RLIMIT_AS, &limit) == 0); \
        host_err; \
    })

/* VMLIMIT0060: a task whose window cannot be reserved is told so, and has one when the host is better off. */
MKT_TEST(VMLIMIT0060)
{
    (void)arg;
    world_begin();
    intptr_t delta;
    const struct mk_vm_map shared = {.memory = w.memory, .size = PAGE, .prot = RW};
    REFUSED(WITHOUT_HOST(mk_vm_allocate(w.fresh, PAGE, &out)), MK_E_LIMIT_HOST);
    REFUSED(WITHOUT_HOST(mk_vm_map(w.fresh, &shared, &out)), MK_E_LIMIT_HOST);
    REFUSED(WITHOUT_HOST(mk_vm_inherit_from(w.fresh, &delta)), MK_E_LIMIT_HOST);
    CHECK_OK(mk_vm_inherit_from(w.fresh, &delta));
    world_end();
}

/* ---- what is there already, or not yet ---- */

/* VMLIMIT0070: a task that has something, and the caller itself, cannot inherit. */
MKT_TEST(VMLIMIT0070)
{
    (void)arg;
    world_begin();
    intptr_t delta;
    REFUSED(mk_vm_inherit_from(w.child, &delta), MK_E_BAD_STATE);
    REFUSED(mk_vm_inherit_from(w.self, &delta), MK_E_BAD_STATE);
    CHECK_OK(mk_vm_inherit(w.self, w.mine, 4 * PAGE, MK_INHERIT_NONE));
    CHECK_OK(mk_vm_inherit(w.self, mine(5), 3 * PAGE, MK_INHERIT_NONE));
    CHECK_OK(mk_vm_inherit(w.self, w.view, PAGE, MK_INHERIT_COPY)); /* what others write cannot be copied later */
    REFUSED(mk_vm_inherit_from(w.fresh, &delta), MK_E_BAD_STATE);
    CHECK_OK(mk_vm_inherit(w.self, w.view, PAGE, MK_INHERIT_SHARE));
    CHECK_OK(mk_vm_inherit_from(w.fresh, &delta));
    REFUSED(mk_vm_inherit_from(w.fresh, &delta), MK_E_BAD_STATE);
    world_end();
}

/* VMLIMIT0080: answers that nobody asked for are refused; an answer of many pages counts up to the first such one. */
MKT_TEST(VMLIMIT0080)
{
    (void)arg;
    world_begin();
    static char contents[2 * PAGE];
    char byte;
    REFUSED(mk_memory_supply(w.control, 0, buffer, PAGE), MK_E_BAD_STATE);
    REFUSED(mk_memory_unavailable(w.control, 0, 4 * PAGE), MK_E_BAD_STATE);
    REFUSED(mk_memory_fail(w.control, 3 * PAGE, PAGE), MK_E_BAD_STATE);
    REFUSED(mk_memory_supply(w.control, 0, NULL, PAGE), MK_E_BAD_STATE);
    contents[0] = 's';
    waiting.addr = w.view;
    waiting_begin(w_read);
    CHECK_ERR(mk_memory_supply(w.control, 0, contents, 2 * PAGE), MK_E_BAD_STATE);
    waiting_end(MK_OK);
    CHECK_OK(mk_vm_read(w.self, w.view, &byte, 1));
    CHECK(byte == 's');
    REFUSED(mk_memory_supply(w.control, 0, buffer, PAGE), MK_E_BAD_STATE); /* it has come */
    REFUSED(mk_memory_unavailable(w.control, 0, PAGE), MK_E_BAD_STATE);
    REFUSED(mk_memory_fail(w.control, 0, PAGE), MK_E_BAD_STATE);
    waiting.addr = w.view + PAGE;
    waiting_begin(w_read);
    CHECK_ERR(mk_memory_fail(w.control, PAGE, 2 * PAGE), MK_E_BAD_STATE);
    waiting_end(MK_E_IO);
    waiting_begin(w_read);
    CHECK_ERR(mk_memory_unavailable(w.control, PAGE, 2 * PAGE), MK_E_BAD_STATE);
    waiting_end(MK_OK);
    CHECK_OK(mk_machine_audit(NULL));
    world_end();
}

/* VMLIMIT0090: an object that was destroyed answers to nobody, and what waited in its pager's queue stays there. */
MKT_TEST(VMLIMIT0090)
{
    (void)arg;
    world_begin();
    CHECK_OK(mk_memory_destroy(w.control));
    REFUSED(mk_memory_supply(w.control, 0, buffer, PAGE), MK_E_BAD_STATE);
    REFUSED(mk_memory_unavailable(w.control, 0, PAGE), MK_E_BAD_STATE);
    REFUSED(mk_memory_fail(w.control, 0, PAGE), MK_E_BAD_STATE);
    REFUSED(mk_memory_lock(w.control, 0, PAGE, MK_MEMORY_FLUSH, 1), MK_E_DEAD);
    REFUSED(mk_memory_lock(w.control, 0, PAGE, 0, 1), MK_E_BAD_ARGUMENT);
    REFUSED(mk_vm_read(w.self, w.view, buffer, 1), MK_E_DEAD);
    CHECK_OK(mk_memory_destroy(w.control));
    world_end();
}

/* VMLIMIT0100: nothing is returned to a pager whose port is dead. */
MKT_TEST(VMLIMIT0100)
{
    (void)arg;
    world_begin();
    mk_name_t port, memory, control;
    CHECK_OK(mk_port_create(&port));
    CHECK_OK(mk_memory_create(port, 3, PAGE, &memory, &control));
    CHECK_OK(mk_port_destroy(port));
    REFUSED(mk_memory_lock(control, 0, PAGE, MK_MEMORY_CLEAN, 1), MK_E_DEAD);
    REFUSED(mk_memory_supply(control, 0, buffer, PAGE), MK_E_BAD_STATE);
    CHECK_OK(mk_right_release(memory));
    world_end();
}

#define NR_RETURNS 64 /* that a pager's queue takes */

/* VMLIMIT0110: a pager that takes nothing gets so many returns and no more; the pages that are left stay modified. */
MKT_TEST(VMLIMIT0110)
{
    (void)arg;
    world_begin();
    mk_name_t memory, control;
    mk_vaddr_t view;
    uint8_t state;
    CHECK_OK(mk_memory_create(w.pager, 3, (NR_RETURNS + 1) * PAGE, &memory, &control));
    const struct mk_vm_map how = {.memory = memory, .size = (NR_RETURNS + 1) * PAGE, .prot = RW};
    CHECK_OK(mk_vm_map(w.self, &how, &view));
    for (size_t i = 0; i <= NR_RETURNS; i++) {
        waiting.addr = view + i * PAGE;
        waiting_begin(w_write);
        CHECK_OK(mk_memory_unavailable(control, i * PAGE, PAGE));
        waiting_end(MK_OK);
        take_request();
    }
    CHECK_ERR(mk_memory_lock(control, 0, how.size, MK_MEMORY_CLEAN, 1), MK_E_WOULD_BLOCK);
    CHECK(port_state(w.pager).nr_queued == NR_RETURNS);
    CHECK_OK(mk_vm_pages(w.self, view + NR_RETURNS * PAGE, 1, &state));
    CHECK(state & MK_PAGE_MODIFIED);
    REFUSED(mk_memory_lock(control, 0, how.size, MK_MEMORY_CLEAN, 1), MK_E_WOULD_BLOCK);
    CHECK_OK(mk_vm_deallocate(w.self, view, how.size));
    CHECK_OK(mk_right_release(memory));
    world_end();
}

/* VMLIMIT0120: a port space with one name left has no room for an object of a pager's, and none is made. */
MKT_TEST(VMLIMIT0120)
{
    (void)arg;
    world_begin();
    mk_name_t name, control, last = MK_NAME_NULL;
    mk_err_t err;
    struct mk_machine_stats before, after;
    while (!(err = mk_right_make(w.receive, MK_RIGHT_SEND_ONCE, 0, &name)))
        last = name;
    CHECK_ERR(err, MK_E_LIMIT_NAMES);
    CHECK_OK(mk_machine_stats(NULL, &before));
    CHECK_ERR(mk_memory_create(w.pager, 3, PAGE, &name, &control), MK_E_LIMIT_NAMES);
    CHECK_ERR(mk_memory_create(MK_NAME_NULL, 3, PAGE, &name, NULL), MK_E_LIMIT_NAMES);
    CHECK_OK(mk_machine_stats(NULL, &after));
    CHECK(after.nr_ports == before.nr_ports && after.memory_used == before.memory_used);
    CHECK(after.nr_rights == before.nr_rights && after.nr_messages == before.nr_messages);
    CHECK_OK(mk_machine_audit(NULL));
    CHECK_OK(mk_right_release(last));
    CHECK_ERR(mk_memory_create(w.pager, 3, PAGE, &name, &control), MK_E_LIMIT_NAMES);
    world_end();
}

/* ---- the backing store ---- */

/* VMLIMIT0130: the store is of two pages at least, mapped nowhere, and one only. */
static void store_refused(void *arg)
{
    (void)arg;
    world_begin();
    mk_name_t port = mkt_port(), one, one_control, memory, control, other, other_control, fewer, fewer_control;
    CHECK_OK(mk_memory_create(port, 1, PAGE, &one, &one_control));
    CHECK_OK(mk_memory_create(port, 2, 16 * PAGE, &memory, &control));
    CHECK_OK(mk_memory_create(w.pager, 3, 16 * PAGE, &other, &other_control));
    CHECK_OK(mk_memory_create(port, 4, 15 * PAGE, &fewer, &fewer_control));
    REFUSED(mk_memory_set_store(w.machine, one_control), MK_E_BAD_ARGUMENT);
    REFUSED(mk_memory_set_store(w.machine, w.control), MK_E_BAD_ARGUMENT); /* it is mapped */
    CHECK_OK(mk_memory_set_store(w.machine, control));
    REFUSED(mk_memory_set_store(w.machine, other_control), MK_E_EXISTS);
    REFUSED(mk_memory_set_store(w.machine, fewer_control), MK_E_BAD_ARGUMENT);
    const struct mk_vm_map how = {.memory = memory, .size = PAGE, .prot = MK_PROT_READ};
    REFUSED(mk_vm_map(w.self, &how, &out), MK_E_BAD_ARGUMENT);
    REFUSED(mk_memory_lock(control, 0, PAGE, MK_MEMORY_FLUSH, 1), MK_E_BAD_ARGUMENT);
    REFUSED(mk_memory_supply(control, PAGE, buffer, PAGE), MK_E_BAD_STATE);
    REFUSED(mk_memory_fail(control, 0, PAGE), MK_E_BAD_STATE);
    world_end();
}

static void VMLIMIT0130(void **state)
{
    (void)state;
    in_machine(256, store_refused, NULL);
}

static mk_name_t left_port; /* of the first store, in its task */

static void left_store(void *arg)
{
    struct test_pager *pager = (struct test_pager *)arg;
    mk_name_t memory, control, machine;
    CHECK_OK(mk_task_set_server(true));
    CHECK_OK(mk_task_get_special(mk_task_self(), MK_SPECIAL_MACHINE, &machine));
    CHECK_OK(mk_port_create(&left_port));
    CHECK_OK(mk_memory_create(left_port, 1, pager->size, &memory, &control));
    CHECK_OK(mk_memory_set_store(machine, control));
    pager_serve(pager, left_port, control, 8); /* then it ends, and its pages are nowhere */
}

static void left_user(void *arg)
{
    (void)arg;
    mk_name_t port, memory, control, machine;
    mk_vaddr_t p;
    struct mk_vm_stats before, after;
    CHECK_OK(mk_time_sleep(mk_time_now() + MK_MSEC)); /* until the store is there */
    CHECK_OK(mk_task_get_special(mk_task_self(), MK_SPECIAL_MACHINE, &machine));
    CHECK_OK(mk_vm_allocate(mk_task_self(), 2 * FEW_FRAMES * PAGE, &p));
    CHECK_OK(mk_port_create(&port));
    CHECK_OK(mk_memory_create(port, 2, 301 * PAGE, &memory, &control));
    for (size_t i = 0; i < FEW_FRAMES + 4; i++)
        *(volatile char *)(p + i * PAGE) = 1;
    CHECK_ERR(mk_memory_set_store(machine, control), MK_E_EXISTS);
    while (mk_task_by_id(machine, 1, &(mk_name_t){0}) == MK_OK)
        CHECK_OK(mk_time_sleep(mk_time_now() + MK_MSEC));
    CHECK_OK(mk_vm_statistics(MK_NAME_NULL, &before));
    CHECK(before.nr_used_slots > 0);
    CHECK_ERR(mk_memory_set_store(machine, control), MK_E_BAD_STATE);
    CHECK_OK(mk_vm_statistics(MK_NAME_NULL, &after));
    CHECK(memcmp(&before, &after, sizeof(before)) == 0);
    CHECK_OK(mk_machine_audit(NULL));
}

/* VMLIMIT0140: a task of whose memory some has left already cannot become the one that has to bring it back. */
static void VMLIMIT0140(void **state)
{
    (void)state;
    struct mkt t;
    struct test_pager pager = {.size = 300 * PAGE, .is_store = true};
    const struct mk_machine_config config = {.memory_size = FEW_FRAMES * PAGE};
    pager.contents = (char *)calloc(1, pager.size);
    mkt_begin(&t, &config);
    mkt_spawn(&t, "store", left_store, &pager, true);
    mkt_spawn(&t, "test", left_user, NULL, false);
    mkt_run_all(&t);
    mkt_finish(&t);
    free(pager.contents);
}

/* ---- waits that end badly ---- */

static mk_err_t w_copy(void)
{
    return mk_vm_copy(w.self, waiting.addr & ~(mk_vaddr_t)(PAGE - 1), PAGE, mine(5));
}
static mk_err_t w_wire(void)
{
    return mk_vm_wire(w.self, w.view, 4 * PAGE, true);
}
static mk_err_t w_how(void)
{
    return mk_vm_map(w.self, (const struct mk_vm_map *)waiting.addr, &out);
}
static mk_err_t w_frames(void)
{
    return mk_vm_set_frames(w.self, (const struct mk_vm_frames *)waiting.addr);
}
static mk_err_t w_from(void)
{
    return mk_vm_write(w.child, w.theirs, (const void *)waiting.addr, 1);
}
static mk_err_t w_addrp(void)
{
    return mk_vm_allocate(w.self, PAGE, (mk_vaddr_t *)waiting.addr);
}
static mk_err_t w_region(void)
{
    return mk_vm_region(w.self, w.mine, (struct mk_vm_region *)waiting.addr);
}
static mk_err_t w_states(void)
{
    return mk_vm_pages(w.self, w.mine, 8, (uint8_t *)waiting.addr);
}
static mk_err_t w_nr(void)
{
    return mk_vm_working_set(w.self, (size_t *)waiting.addr);
}
static mk_err_t w_stats(void)
{
    return mk_vm_statistics(w.self, (struct mk_vm_stats *)waiting.addr);
}
static mk_err_t w_delta(void)
{
    return mk_vm_inherit_from(w.fresh, (intptr_t *)waiting.addr);
}
static mk_err_t w_refs(void)
{
    return mk_vm_refs(w.self, (struct mk_page_refs *)waiting.addr);
}
static mk_err_t w_memoryp(void)
{
    return mk_memory_create(MK_NAME_NULL, 0, PAGE, (mk_name_t *)waiting.addr, NULL);
}

static mk_err_t (*const waiting_calls[])(void) = {w_read,   w_write, w_copy,  w_wire,   w_how,
                                                  w_frames, w_from,  w_addrp, w_region, w_states,
                                                  w_nr,     w_stats, w_delta, w_refs,   w_memoryp};

enum bad_end { END_FAIL, END_TIME, END_ABORT, END_DESTROY, END_PORT, NR_ENDS };

static void end_badly(enum bad_end how)
{
    static const mk_err_t errs[NR_ENDS] = {MK_E_IO, MK_E_TIMED_OUT, MK_E_ABORTED, MK_E_DEAD, MK_E_DEAD};
    if (how == END_FAIL)
        CHECK_OK(mk_memory_fail(w.control, 0, PAGE));
    else if (how == END_ABORT)
        CHECK_OK(mk_thread_abort(waiting.thread));
    else if (how == END_DESTROY)
        CHECK_OK(mk_memory_destroy(w.control));
    else if (how == END_PORT)
        CHECK_OK(mk_port_destroy(w.pager));
    waiting_end(errs[how]);
    if (how == END_ABORT) /* it is still asked for: others may want it */
        CHECK_OK(mk_memory_fail(w.control, 0, PAGE));
}

/* What a wait that ended badly leaves as it was: not its request, and not what was counted. */
static void wait_badly(mk_err_t (*call)(void), enum bad_end how)
{
    static struct snap names;
    static struct mk_vm_region before[3][WORLD_REGIONS], after[3][WORLD_REGIONS];
    struct mk_machine_stats stats, now;
    struct mk_vm_stats vm, vm_now;
    mk_vaddr_t view;
    const struct mk_vm_map map = {.memory = w.memory, .size = 4 * PAGE, .prot = RW};
    CHECK_OK(mk_vm_deallocate(w.self, w.view, 4 * PAGE));
    CHECK_OK(mk_vm_map(w.self, &map, &view));
    w.view = waiting.addr = view;
    CHECK_OK(mk_memory_set_timeout(w.control, how == END_TIME ? MK_MSEC : MK_TIME_FOREVER));
    memset(before, 0, sizeof(before));
    memset(after, 0, sizeof(after));
    snap_take(&names);
    const mk_name_t tasks[] = {w.self, w.child, w.fresh};
    for (size_t i = 0; i < COUNT_OF(tasks); i++)
        world_regions(tasks[i], before[i]);
    CHECK_OK(mk_machine_stats(NULL, &stats));
    CHECK_OK(mk_vm_statistics(MK_NAME_NULL, &vm));
    waiting_begin(call);
    take_request();
    end_badly(how);
    CHECK_OK(mk_vm_statistics(MK_NAME_NULL, &vm_now));
    CHECK_OK(mk_machine_stats(NULL, &now));
    CHECK(vm.nr_free == vm_now.nr_free && vm.nr_wired == vm_now.nr_wired && vm.nr_resident == vm_now.nr_resident);
    CHECK(now.nr_messages == stats.nr_messages && now.memory_used == stats.memory_used);
    CHECK(now.nr_threads == stats.nr_threads && (how == END_PORT || now.nr_ports == stats.nr_ports));
    CHECK(how == END_PORT || snap_is_same(&names));
    for (size_t i = 0; i < COUNT_OF(tasks); i++)
        world_regions(tasks[i], after[i]);
    CHECK(memcmp(before, after, sizeof(before)) == 0);
    CHECK_OK(mk_machine_audit(NULL));
}

static void waits(void *arg)
{
    const size_t *which = arg;
    world_begin();
    CHECK_OK(mk_vm_deallocate(w.self, mine(6), 2 * PAGE)); /* page 5 is a region */
    wait_badly(waiting_calls[which[0]], (enum bad_end)which[1]);
    world_end();
}

/* VMLIMIT0150: a call that waits for a page in vain, whatever for and however it ends, says why and does nothing. */
static void VMLIMIT0150(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(waiting_calls); i++)
        for (size_t how = 0; how < NR_ENDS; how++) {
            size_t which[] = {i, how};
            mkt_run(waits, which);
        }
}

/* VMLIMIT0160: when one of many pages cannot be had, those that were wired before it are not. */
MKT_TEST(VMLIMIT0160)
{
    (void)arg;
    world_begin();
    struct mk_vm_stats stats;
    waiting_begin(w_wire);
    for (size_t i = 0; i < 3; i++) {
        take_request();
        CHECK_OK(mk_memory_unavailable(w.control, i * PAGE, PAGE));
        while (port_state(w.pager).nr_queued == 0)
            mk_thread_yield();
    }
    CHECK_OK(mk_vm_statistics(MK_NAME_NULL, &stats));
    CHECK(stats.nr_wired == 3);
    CHECK_OK(mk_memory_fail(w.control, 3 * PAGE, PAGE));
    waiting_end(MK_E_IO);
    CHECK_OK(mk_vm_statistics(MK_NAME_NULL, &stats));
    CHECK(stats.nr_wired == 0);
    world_end();
}

/* ---- the k-th allocation of a call fails ---- */

static mk_vaddr_t copied, target; /* regions of three pages; the first is a copy of another */

static mk_err_t a_allocate(void)
{
    return mk_vm_allocate(w.self, PAGE, &out);
}
static mk_err_t a_allocate_first(void)
{
    return mk_vm_allocate(w.fresh, PAGE, &out);
}
static mk_err_t a_deallocate(void)
{
    return mk_vm_deallocate(w.self, copied + PAGE, PAGE);
}
static mk_err_t a_protect(void)
{
    return mk_vm_protect(w.self, copied + PAGE, PAGE, MK_PROT_READ);
}
static mk_err_t a_inherit(void)
{
    return mk_vm_inherit(w.self, copied + PAGE, PAGE, MK_INHERIT_NONE);
}
static mk_err_t a_map(void)
{
    const struct mk_vm_map how = {.memory = w.memory, .size = PAGE, .prot = RW};
    return mk_vm_map(w.self, &how, &out);
}
static mk_err_t a_map_copy(void)
{
    const struct mk_vm_map how = {.memory = w.memory, .size = PAGE, .prot = RW, .is_copy = true};
    return mk_vm_map(w.self, &how, &out);
}
static mk_err_t a_copy(void)
{
    return mk_vm_copy(w.self, copied, 3 * PAGE, target);
}
static mk_err_t a_copy_host(void)
{
    return mk_vm_copy(w.self, mine(0), PAGE, copied + PAGE);
}
static mk_err_t a_wire(void)
{
    return mk_vm_wire(w.self, copied, 3 * PAGE, true);
}
static mk_err_t a_inherit_from(void)
{
    intptr_t delta;
    return mk_vm_inherit_from(w.fresh, &delta);
}
static mk_err_t a_set_frames(void)
{
    uint64_t refs[] = {1, 2, 3};
    const struct mk_page_refs future = {refs, 3, 3};
    const struct mk_vm_frames frames = {.nr_frames = 3, .policy = "opt", .future = &future, .record = 100};
    return mk_vm_set_frames(w.child, &frames);
}
static mk_err_t a_create(void)
{
    mk_name_t memory;
    return mk_memory_create(MK_NAME_NULL, 0, PAGE, &memory, NULL);
}
static mk_err_t a_lock(void)
{
    return mk_memory_lock(w.control, 0, PAGE, MK_MEMORY_CLEAN, 1);
}
static mk_name_t store_control;
static mk_err_t a_set_store(void)
{
    return mk_memory_set_store(w.machine, store_control);
}
static mk_err_t a_write(void)
{
    return mk_vm_write(w.self, copied + PAGE, buffer, 1);
}

static const struct alloc_call {
    const char *what;
    mk_err_t (*call)(void);
} alloc_calls[] = {
    {"mk_vm_allocate", a_allocate},         {"mk_vm_allocate, the first", a_allocate_first},
    {"mk_vm_deallocate", a_deallocate},     {"mk_vm_protect", a_protect},
    {"mk_vm_inherit", a_inherit},           {"mk_vm_map", a_map},
    {"mk_vm_map, a copy", a_map_copy},      {"mk_vm_copy", a_copy},
    {"mk_vm_copy, split", a_copy_host},     {"mk_vm_wire", a_wire},
    {"mk_vm_inherit_from", a_inherit_from}, {"mk_vm_set_frames", a_set_frames},
    {"mk_memory_create", a_create},         {"mk_memory_lock", a_lock},
    {"mk_memory_set_store", a_set_store},   {"mk_vm_write", a_write},
};

static void alloc_begin(void)
{
    mk_name_t memory;
    world_begin();
    CHECK_OK(mk_memory_create(w.pager, 3, 8 * PAGE, &memory, &store_control));
    mk_vaddr_t original = allocate(3 * PAGE);
    copied = allocate(3 * PAGE);
    target = allocate(3 * PAGE);
    memset((void *)original, 'o', 3 * PAGE);
    CHECK_OK(mk_vm_copy(w.self, original, 3 * PAGE, copied));
}

/* Borders of regions and whether they would be copied are not looked at: neither says what memory holds. */
static void same_memory(struct world *s)
{
    memset(s->regions, 0, sizeof(s->regions));
}

static unsigned nr_alloc_failed;

static void alloc_main(void *arg)
{
    const struct alloc_call *c = arg;
    static struct world before, after;
    alloc_begin();
    world_take(&before);
    hook.is_armed = true;
    mk_err_t err = c->call();
    hook.is_armed = false;
    nr_alloc_failed += hook.has_failed;
    CHECK_OK(mk_machine_audit(NULL));
    if ((hook.has_failed && err != MK_E_NO_MEMORY) || (!hook.has_failed && err)) {
        mk_log("%s: %s, failing: %d", c->what, mk_err_name(err), hook.has_failed);
        mk_task_exit(1);
    }
    if (err) {
        world_take(&after);
        same_memory(&before);
        same_memory(&after);
        CHECK(memcmp(&before, &after, sizeof(before)) == 0);
        for (size_t i = 0; i < 3; i++)
            CHECK(((volatile char *)copied)[i * PAGE] == 'o');
        CHECK_OK(c->call());
    }
    CHECK_OK(mk_machine_halt(w.machine, 0)); /* the world goes with it */
}

/*
 * VMLIMIT0170: a call whose first, second, ... allocation fails says so; memory is as it was, and the next one
 * succeeds.
 */
static void VMLIMIT0170(void **state)
{
    (void)state;
    const struct mk_machine_config config = {.alloc_hook = hook_alloc};
    for (size_t i = 0; i < COUNT_OF(alloc_calls); i++) {
        nr_alloc_failed = 0;
        for (unsigned k = 1; k == 1 || hook.has_failed; k++) {
            struct mkt t;
            hook.left = k;
            hook.is_armed = hook.has_failed = false;
            mkt_begin(&t, &config);
            mkt_spawn(&t, "test", alloc_main, (void *)(uintptr_t)&alloc_calls[i], false);
            mkt_run_all(&t);
            mkt_finish(&t);
        }
        if (nr_alloc_failed == 0)
            fail_msg("%s allocates nothing", alloc_calls[i].what);
    }
}

/* ---- mappings of the host ---- */

static size_t mappings_max(void)
{
    FILE *f = fopen("/proc/sys/vm/max_map_count", "r");
    size_t n = 0;
    assert_non_null(f);
    assert_int_equal(fscanf(f, "%zu", &n), 1);
    fclose(f);
    return n;
}

/* Memory of the program around, in that many mappings. */
static char *many_mappings(size_t nr)
{
    char *area = mmap(NULL, nr * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    assert_true(area != MAP_FAILED);
    for (size_t page = 0; page < nr; page += 2)
        assert_int_equal(mprotect(area + page * PAGE, PAGE, PROT_READ), 0);
    return area;
}

static struct {
    char *area;
    size_t size;
} around;

static void out_of_mappings(void *arg)
{
    (void)arg;
    enum { NR = 1000 }; /* each needs one or two */
    mk_err_t err = MK_OK;
    mk_vaddr_t p = 0;
    w.self = mk_task_self();
    for (int i = 0; i < NR && !err; i++) {
        p = allocate(2 * PAGE);
        err = mk_vm_write(w.self, p + PAGE, "x", 1);
    }
    CHECK_ERR(err, MK_E_LIMIT_MAPPINGS);
    char *more = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(more != MAP_FAILED && munmap(more, PAGE) == 0);
    CHECK(munmap(around.area, around.size) == 0);
    CHECK_OK(mk_vm_write(w.self, p + PAGE, "x", 1));
    CHECK_OK(mk_machine_audit(NULL));
}

/* VMLIMIT0180: pages are refused before the host has no more mappings, which the program around needs, too. */
static void VMLIMIT0180(void **state)
{
    (void)state;
    size_t max = mappings_max();
    if (max > 200000 || MKT_ADDRESSES_ARE_SCARCE)
        skip(); /* too many to use them all up here */
    around.size = (max - 2600) * PAGE;
    around.area = many_mappings(max - 2600);
    mkt_run(out_of_mappings, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(VMLIMIT0010), cmocka_unit_test(VMLIMIT0020), cmocka_unit_test(VMLIMIT0030),
        cmocka_unit_test(VMLIMIT0040), cmocka_unit_test(VMLIMIT0050), cmocka_unit_test(VMLIMIT0060),
        cmocka_unit_test(VMLIMIT0070), cmocka_unit_test(VMLIMIT0080), cmocka_unit_test(VMLIMIT0090),
        cmocka_unit_test(VMLIMIT0100), cmocka_unit_test(VMLIMIT0110), cmocka_unit_test(VMLIMIT0120),
        cmocka_unit_test(VMLIMIT0130), cmocka_unit_test(VMLIMIT0140), cmocka_unit_test(VMLIMIT0150),
        cmocka_unit_test(VMLIMIT0160), cmocka_unit_test(VMLIMIT0170), cmocka_unit_test(VMLIMIT0180),
    };
    cmocka_set_test_filter(getenv("MKT_TEST"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
