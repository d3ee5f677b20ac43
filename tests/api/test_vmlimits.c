/* SPDX-License-Identifier: BSD-2-Clause */
/* Calls of <mk/vm.h> and <mk/memory.h> that have not enough of something, or come at the wrong time. */
#include <sys/resource.h>

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(VMLIMIT0010), cmocka_unit_test(VMLIMIT0020), cmocka_unit_test(VMLIMIT0030),
        cmocka_unit_test(VMLIMIT0040), cmocka_unit_test(VMLIMIT0050), cmocka_unit_test(VMLIMIT0060),
        cmocka_unit_test(VMLIMIT0070), cmocka_unit_test(VMLIMIT0080), cmocka_unit_test(VMLIMIT0090),
        cmocka_unit_test(VMLIMIT0100), cmocka_unit_test(VMLIMIT0110), cmocka_unit_test(VMLIMIT0120),
    };
    cmocka_set_test_filter(getenv("MKT_TEST"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
