/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory objects, pagers, the backing store: <mk/memory.h>. */
#include "helpers.h"

#include "pagers.h"

static struct mk_vm_stats vm_stats(mk_name_t task)
{
    struct mk_vm_stats stats;
    CHECK_OK(mk_vm_statistics(task, &stats));
    return stats;
}

static char *allocate(size_t size)
{
    mk_vaddr_t addr;
    CHECK_OK(mk_vm_allocate(mk_task_self(), size, &addr));
    return (char *)addr;
}

/* ---- more memory than there is ---- */

#define NR_FRAMES 64

static void fill_and_check(void *arg)
{
    (void)arg;
    size_t nr = 4 * NR_FRAMES;
    uint32_t *p = (uint32_t *)(void *)allocate(nr * PAGE);
    for (uint32_t round = 0; round < 3; round++) {
        for (uint32_t i = 0; i < nr; i++) {
            CHECK(p[i * PAGE / 4] == (round ? i * 7 + round - 1 : 0));
            p[i * PAGE / 4] = i * 7 + round;
        }
        CHECK_OK(mk_machine_audit(NULL));
    }
    struct mk_vm_stats stats = vm_stats(MK_NAME_NULL);
    CHECK(stats.nr_page_outs >= 2 * (nr - NR_FRAMES) && stats.nr_page_ins >= 2 * (nr - NR_FRAMES));
    CHECK(stats.nr_used_slots >= nr - NR_FRAMES && stats.nr_slots == 300);
}

/* PAGER0010: memory in use may be larger than the machine's memory; what left it comes back. */
static void PAGER0010(void **state)
{
    (void)state;
    struct mkt t;
    struct test_pager pager;
    store_begin(&t, &pager, NR_FRAMES, 300);
    mkt_spawn(&t, "test", fill_and_check, NULL, false);
    store_end(&t, &pager);
    assert_true(pager.nr_returns >= 2 * (3 * NR_FRAMES));
}

static void use_it_up(void *arg)
{
    (void)arg;
    CHECK_OK(mk_time_sleep(mk_time_now() + MK_MSEC)); /* until the store is there */
    mk_vaddr_t addr;
    struct mk_machine_stats stats;
    CHECK_OK(mk_machine_stats(NULL, &stats));
    struct mk_vm_stats vm = vm_stats(MK_NAME_NULL);
    size_t left = (size_t)(vm.nr_frames - vm.nr_reserved + vm.nr_slots - 1) * PAGE - stats.memory_used;
    CHECK_ERR(mk_vm_allocate(mk_task_self(), left + PAGE, &addr), MK_E_LIMIT_MEMORY);
    char *p = allocate(left);
    CHECK_ERR(mk_vm_allocate(mk_task_self(), PAGE, &addr), MK_E_LIMIT_MEMORY);
    for (size_t i = 0; i < left; i += PAGE)
        p[i] = (char)(i / PAGE);
    for (size_t i = 0; i < left; i += PAGE)
        CHECK(p[i] == (char)(i / PAGE));
    CHECK_OK(mk_machine_audit(NULL));
    CHECK_OK(mk_vm_deallocate(mk_task_self(), (mk_vaddr_t)p, left));
    CHECK(vm_stats(MK_NAME_NULL).nr_used_slots == 0);
}

/* PAGER0020: memory and store together can be used to the last page, and one more is refused. */
static void PAGER0020(void **state)
{
    (void)state;
    struct mkt t;
    struct test_pager pager;
    store_begin(&t, &pager, NR_FRAMES, 300);
    mkt_spawn(&t, "test", use_it_up, NULL, false);
    store_end(&t, &pager);
}

static void thrash(void *arg)
{
    size_t nr = *(size_t *)arg;
    volatile char *p = allocate(2 * NR_FRAMES * PAGE);
    uint32_t page = 1;
    for (unsigned i = 0; i < 2000; i++) {
        page = page * 1103515245 + 12345;
        p[(page >> 8) % nr * PAGE] = 1;
    }
    CHECK(vm_stats(MK_NAME_NULL).is_thrashing == (nr > NR_FRAMES));
}

/*
 * PAGER0025: a task that touches more pages at random than there are frames is seen to thrash, one with fewer is not.
 */
static void PAGER0025(void **state)
{
    (void)state;
    size_t nrs[] = {NR_FRAMES / 2, NR_FRAMES + NR_FRAMES / 2};
    for (size_t i = 0; i < COUNT_OF(nrs); i++) {
        struct mkt t;
        struct test_pager pager;
        store_begin(&t, &pager, NR_FRAMES, 300);
        mkt_spawn(&t, "test", thrash, &nrs[i], false);
        store_end(&t, &pager);
    }
}

static void working_set(void *arg)
{
    (void)arg;
    volatile char *p = allocate(20 * PAGE);
    size_t n;
    for (size_t i = 0; i < 20; i++)
        p[i * PAGE] = 1;
    CHECK_OK(mk_vm_working_set(mk_task_self(), &n));
    CHECK(n == 20);
    p[3 * PAGE] = 2;
    (void)p[7 * PAGE];
    (void)p[7 * PAGE + 9];
    CHECK_OK(mk_vm_working_set(mk_task_self(), &n));
    CHECK(n == 2);
    CHECK_OK(mk_vm_working_set(mk_task_self(), &n));
    CHECK(n == 0);
}

/* PAGER0026: the working set is the pages touched since it was last asked for. */
MKT_TEST(PAGER0026)
{
    working_set(arg);
}

struct victim {
    mk_name_t port, control, memory;
    mk_vaddr_t addr;
};

static void touch_main(void *arg)
{
    (void)*(volatile char *)((struct victim *)arg)->addr;
}

/* PAGER0027: a thread that is ended while it waits for a page leaves nothing behind. */
MKT_TEST(PAGER0027)
{
    (void)arg;
    struct victim v;
    CHECK_OK(mk_port_create(&v.port));
    CHECK_OK(mk_memory_create(v.port, 5, PAGE, &v.memory, &v.control));
    const struct mk_vm_map how = {.memory = v.memory, .size = PAGE, .prot = MK_PROT_READ};
    CHECK_OK(mk_vm_map(mk_task_self(), &how, &v.addr));
    mk_name_t thread = mkt_thread(touch_main, &v);
    mk_thread_yield();
    CHECK(port_state(v.port).nr_queued == 1);
    CHECK_OK(mk_thread_terminate(thread));
    CHECK_OK(mk_machine_audit(NULL));
    CHECK_OK(mk_memory_unavailable(v.control, 0, PAGE)); /* the page came too late for it, not for others */
    CHECK(*(char *)v.addr == 0);
    CHECK_OK(mk_vm_deallocate(mk_task_self(), v.addr, PAGE));
    CHECK_OK(mk_right_release(v.memory));
    CHECK(mkt_type(v.control) == MK_RIGHT_DEAD_NAME);
}

/* ---- objects with a pager ---- */

struct file {
    struct test_pager pager;
    mk_name_t port, control, memory, thread;
};

static void file_thread(void *arg)
{
    struct file *file = (struct file *)arg;
    pager_serve(&file->pager, file->port, file->control, 0);
}

/* An object of `nr` pages that a thread of the calling task serves; page i begins with 'a' + i. */
static void file_open(struct file *file, size_t nr)
{
    memset(file, 0, sizeof(*file));
    file->pager.size = nr * PAGE;
    file->pager.contents = (char *)calloc(nr, PAGE);
    for (size_t i = 0; i < nr; i++)
        file->pager.contents[i * PAGE] = (char)('a' + i);
    CHECK_OK(mk_port_create(&file->port));
    CHECK_OK(mk_memory_create(file->port, 77, nr * PAGE, &file->memory, &file->control));
    file->thread = mkt_thread(file_thread, file);
}

static char *file_map(const struct file *file, uint32_t prot, bool is_copy)
{
    const struct mk_vm_map how = {.memory = file->memory, .size = file->pager.size, .prot = prot, .is_copy = is_copy};
    mk_vaddr_t addr;
    CHECK_OK(mk_vm_map(mk_task_self(), &how, &addr));
    return (char *)addr;
}

static void file_close(struct file *file)
{
    CHECK_OK(mk_right_release(file->memory));
    CHECK_OK(mk_thread_join(file->thread, MK_TIME_FOREVER));
    CHECK(file->pager.nr_terminated == 1);
    CHECK_OK(mk_right_release(file->thread));
    CHECK_OK(mk_right_release(file->control));
    CHECK_OK(mk_port_destroy(file->port));
    free(file->pager.contents);
}

/* PAGER0030: each page comes from the pager at its first touch, once. */
MKT_TEST(PAGER0030)
{
    (void)arg;
    struct file file;
    file_open(&file, 5);
    char *p = file_map(&file, MK_PROT_READ, false);
    CHECK(file.pager.nr_requests == 0);
    for (int round = 0; round < 2; round++)
        for (int i = 4; i >= 0; i--)
            CHECK(p[i * (int)PAGE] == 'a' + i);
    CHECK(file.pager.nr_requests == 5);
    CHECK_OK(mk_vm_deallocate(mk_task_self(), (mk_vaddr_t)p, 5 * PAGE));
    file_close(&file);
}

/* PAGER0040: what is written comes back to the pager when it asks, and only that. */
MKT_TEST(PAGER0040)
{
    (void)arg;
    struct file file;
    file_open(&file, 5);
    char *p = file_map(&file, MK_PROT_READ | MK_PROT_WRITE, false);
    CHECK(p[0] == 'a' && p[2 * PAGE] == 'c');
    p[2 * PAGE + 1] = 'x';
    p[4 * PAGE + 1] = 'y';
    CHECK_OK(mk_memory_lock(file.control, 0, 5 * PAGE, MK_MEMORY_CLEAN, 9));
    while (!file.pager.nr_locked)
        mk_thread_yield();
    CHECK(file.pager.nr_returns == 2 && file.pager.last_tag == 9);
    CHECK(file.pager.contents[2 * PAGE + 1] == 'x' && file.pager.contents[4 * PAGE + 1] == 'y');
    CHECK_OK(mk_memory_lock(file.control, 0, 5 * PAGE, MK_MEMORY_CLEAN, 10));
    while (file.pager.nr_locked < 2)
        mk_thread_yield();
    CHECK(file.pager.nr_returns == 2); /* clean by now */
    p[2 * PAGE + 1] = 'z';             /* the next write is seen again */
    CHECK_OK(mk_memory_lock(file.control, 0, 5 * PAGE, MK_MEMORY_CLEAN | MK_MEMORY_FLUSH, 11));
    while (file.pager.nr_locked < 3)
        mk_thread_yield();
    CHECK(file.pager.nr_returns == 3 && file.pager.nr_requests == 3);
    CHECK(p[2 * PAGE + 1] == 'z' && file.pager.nr_requests == 4);
    CHECK_OK(mk_machine_audit(NULL));
    CHECK_OK(mk_vm_deallocate(mk_task_self(), (mk_vaddr_t)p, 5 * PAGE));
    file_close(&file);
}

/* PAGER0050: a private mapping sees the object, and its writes are its own. */
MKT_TEST(PAGER0050)
{
    (void)arg;
    struct file file;
    file_open(&file, 3);
    char *shared = file_map(&file, MK_PROT_READ | MK_PROT_WRITE, false);
    char *own = file_map(&file, MK_PROT_READ | MK_PROT_WRITE, true);
    CHECK(own[PAGE] == 'b');
    own[PAGE + 1] = 'o';
    shared[PAGE + 2] = 's';
    shared[2] = 't';
    CHECK(own[PAGE + 1] == 'o' && own[PAGE + 2] == 0 && shared[PAGE + 1] == 0 && own[2] == 't');
    CHECK_OK(mk_machine_audit(NULL));
    CHECK_OK(mk_vm_deallocate(mk_task_self(), (mk_vaddr_t)own, 3 * PAGE));
    CHECK_OK(mk_vm_deallocate(mk_task_self(), (mk_vaddr_t)shared, 3 * PAGE));
    file_close(&file);
}

/* ---- messages in pages that are touched for the first time ---- */

#define NR_MESSAGES 40

static void fresh_server(void *arg)
{
    mk_name_t port = *(mk_name_t *)arg;
    mk_err_t err = MK_OK;
    char *page = allocate(PAGE);
    struct mk_msg msg = {.body = page, .capacity = 64};
    for (int i = 0; !err && i <= NR_MESSAGES; i++) {
        err = i ? mk_reply_receive(port, &msg, MK_TIME_FOREVER) : mk_receive(port, &msg, MK_TIME_FOREVER);
        CHECK(err || (*(int *)(void *)msg.body == i && i < NR_MESSAGES) || i == NR_MESSAGES);
        msg.nr_rights = 0;
        msg.body = allocate(PAGE);
        msg.size = 64;
    }
}

static void fresh_client(void *arg)
{
    (void)arg;
    mk_name_t port = mkt_port();
    const struct mk_thread_attr attr = {.entry = fresh_server, .arg = &port, .priority = MK_PRIO_DEFAULT + 1};
    mk_name_t thread;
    CHECK_OK(mk_thread_create(mk_task_self(), &attr, &thread));
    for (int i = 0; i < NR_MESSAGES; i++) {
        struct mk_msg *msg = (struct mk_msg *)(void *)allocate(2 * PAGE);
        msg->body = (char *)msg + PAGE;
        msg->size = msg->capacity = 64;
        *(int *)msg->body = i;
        CHECK_OK(mk_call(port, msg, MK_TIME_FOREVER));
        CHECK(msg->size == 64);
    }
    mk_port_destroy(port);
    CHECK_OK(mk_thread_join(thread, MK_TIME_FOREVER));
}

static mk_time_t fresh_run(bool is_traced)
{
    struct mkt t;
    struct mk_machine_stats stats;
    mkt_begin(&t, NULL);
    mkt_spawn(&t, "test", fresh_client, NULL, false);
    if (is_traced)
        assert_int_equal(mk_trace_start(t.machine, 0, NULL, NULL), MK_OK);
    mkt_run_all(&t);
    assert_int_equal(mk_machine_stats(t.machine, &stats), MK_OK);
    mkt_finish(&t);
    return stats.now;
}

/* PAGER0060: page faults in the middle of a message take the same time whether or not the run is traced. */
static void PAGER0060(void **state)
{
    (void)state;
    assert_int_equal(fresh_run(false), fresh_run(true));
}

/* ---- a pager that is restarted ---- */

static mk_name_t new_store(mk_name_t port, uint64_t cookie, size_t size, mk_err_t expected)
{
    mk_name_t memory, control, machine;
    CHECK_OK(mk_task_get_special(mk_task_self(), MK_SPECIAL_MACHINE, &machine));
    CHECK_OK(mk_memory_create(port, cookie, size, &memory, &control));
    CHECK_ERR(mk_memory_set_store(machine, control), expected);
    CHECK_OK(mk_right_release(memory));
    return control;
}

/* A request that the first instance received and did not answer any more. */
static void swallow_request(struct test_pager *pager, mk_name_t port)
{
    static char body[sizeof(struct mk_pager_message) + PAGE];
    struct mk_pager_message m;
    do {
        struct mk_msg msg = {.body = body, .capacity = sizeof(body)};
        CHECK_OK(mk_receive(port, &msg, MK_TIME_FOREVER));
        memcpy(&m, body, sizeof(m));
        if (msg.id == MK_PAGER_REQUEST)
            return;
        CHECK(msg.id == MK_PAGER_RETURN);
        memcpy(pager->contents + m.offset, body + sizeof(m), PAGE);
    } while (true);
}

static void restarted_store(void *arg)
{
    struct test_pager *pager = (struct test_pager *)arg;
    mk_name_t port, other;
    CHECK_OK(mk_task_set_server(true));
    CHECK_OK(mk_port_create(&port));
    CHECK_OK(mk_port_create(&other));
    mk_name_t first = new_store(port, 1, pager->size, MK_OK);
    pager_serve(pager, port, first, 300);
    swallow_request(pager, port);
    new_store(other, 2, pager->size, MK_E_EXISTS);
    new_store(port, 3, pager->size - PAGE, MK_E_BAD_ARGUMENT);
    mk_name_t second = new_store(port, 4, pager->size, MK_OK);
    for (int i = 0; i < 3; i++) /* the ends of the one that was refused and of the first come between */
        pager_serve(pager, port, second, 0);
}

/* PAGER0070: a new instance on the same port takes over where the one before stopped, and what was asked comes. */
static void PAGER0070(void **state)
{
    (void)state;
    const struct mk_machine_config config = {.memory_size = (uint64_t)NR_FRAMES * PAGE};
    struct test_pager pager = {.size = 301 * PAGE, .is_store = true};
    struct mkt t;
    pager.contents = (char *)calloc(1, pager.size);
    mkt_begin(&t, &config);
    mkt_spawn(&t, "store", restarted_store, &pager, true);
    mkt_spawn(&t, "test", fill_and_check, NULL, false);
    store_end(&t, &pager);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(PAGER0010), cmocka_unit_test(PAGER0020), cmocka_unit_test(PAGER0025),
        cmocka_unit_test(PAGER0026), cmocka_unit_test(PAGER0027), cmocka_unit_test(PAGER0030),
        cmocka_unit_test(PAGER0040), cmocka_unit_test(PAGER0050), cmocka_unit_test(PAGER0060),
        cmocka_unit_test(PAGER0070),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
