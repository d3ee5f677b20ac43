/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Isolation: what a task must not touch, with its own instructions or by the kernel's hand. Built twice, for mprotect,
 * and for protection keys with those of unit/fake_keys.h.
 */
#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <unistd.h>

#include "api/plugins/service.h"
#include "stress.h"

#ifdef FAKE_KEYS
#include "fake_keys.h"
#define ISOLATION  MK_ISOLATION_PKEY
#define NR_TOUCHES 100 /* each switch closes and opens all that was touched */
#else
#define ISOLATION  MK_ISOLATION_MPROTECT
#define NR_TOUCHES 2000
#endif

#define PAGE   4096u
#define MAGIC  0x6b6d6b6du
#define KILLED (128 + 11)

static const struct mk_machine_config isolated = {.isolation = ISOLATION};

static void run_in(const struct mk_machine_config *config, struct mkt *t, void (*entry)(void *), void *arg)
{
    mkt_begin(t, config);
    mkt_spawn(t, "test", entry, arg, false);
    mkt_run_all(t);
    mkt_finish(t);
}

/* The test's thread, in a machine with isolation. */
static void run_isolated(void (*entry)(void *), void *arg)
{
    struct mkt t;
    run_in(&isolated, &t, entry, arg);
}

static mk_name_t task_of(const char *label, void (*entry)(void *), void *arg)
{
    const struct mk_thread_attr attr = {.entry = entry, .arg = arg};
    mk_name_t task, thread;
    CHECK_OK(mk_task_create(label, &task));
    CHECK_OK(mk_thread_create(task, &attr, &thread));
    return task;
}

static int end_of(mk_name_t task)
{
    int code = -1;
    CHECK_OK(mk_task_wait(task, &code, MK_TIME_FOREVER));
    return code;
}

static mk_name_t give(mk_name_t task, mk_name_t port)
{
    mk_name_t name;
    CHECK_OK(mk_right_insert(task, port, MK_MAKE_SEND, &name));
    return name;
}

/* ---- a victim, which says where its memory is and later whether it is as it was ---- */

static struct {
    volatile unsigned *heap, *stack, *data, *kernel;
} places;

static void victim_main(void *arg)
{
    volatile unsigned on_stack = MAGIC;
    mk_vaddr_t addr;
    mk_name_t port = *(mk_name_t *)arg;
    CHECK_OK(mk_vm_allocate(mk_task_self(), PAGE, &addr));
    places.heap = (volatile unsigned *)addr;
    places.stack = &on_stack;
    places.kernel = (volatile unsigned *)(uintptr_t)mk_task_label();
    *places.heap = MAGIC;
    unsigned label = *places.kernel;
    struct mk_msg msg = {0};
    CHECK_OK(mk_call(port, &msg, MK_TIME_FOREVER));
    CHECK(*places.heap == MAGIC && on_stack == MAGIC && *places.kernel == label);
}

/* Its thread waits for the answer to `*msg`. */
static mk_name_t victim_begin(struct mk_msg *msg)
{
    static mk_name_t there;
    mk_name_t port = mkt_port(), task, thread;
    const struct mk_thread_attr attr = {.entry = victim_main, .arg = &there};
    CHECK_OK(mk_task_create("victim", &task));
    there = give(task, port);
    CHECK_OK(mk_thread_create(task, &attr, &thread));
    CHECK_OK(mk_receive(port, msg, MK_TIME_FOREVER));
    return task;
}

static void victim_end(mk_name_t victim, struct mk_msg *msg)
{
    CHECK_OK(mk_reply(msg));
    CHECK(end_of(victim) == 0);
}

/* ---- touching it ---- */

static void write_wildly(void *arg)
{
    *(volatile unsigned *)arg = 0;
}

static void read_wildly(void *arg)
{
    (void)*(volatile unsigned *)arg;
}

struct touch {
    volatile unsigned **place;
    void (*how)(void *);
};

static void touch_it(void *arg)
{
    const struct touch *touch = arg;
    struct mk_msg msg = {0};
    mk_name_t victim = victim_begin(&msg);
    CHECK(end_of(task_of("wild", touch->how, (void *)(uintptr_t)*touch->place)) == KILLED);
    victim_end(victim, &msg);
}

/* The one who touched it is told of, with whose it is. */
static void check_touch(volatile unsigned **place, void (*how)(void *), const char *whose)
{
    struct touch touch = {place, how};
    struct mkt t;
    mkt_begin(&t, &isolated);
    t.expects_log = true;
    mkt_spawn(&t, "test", touch_it, &touch, false);
    mkt_run_all(&t);
    assert_non_null(strstr(t.log, "[wild]"));
    assert_non_null(strstr(t.log, whose));
    mkt_finish(&t);
}

/* ISO0010: a write to another task's heap ends the writer. */
static void ISO0010(void **state)
{
    (void)state;
    check_touch(&places.heap, write_wildly, ", which is [victim]'s");
}

/* ISO0011: so does a read. */
static void ISO0011(void **state)
{
    (void)state;
    check_touch(&places.heap, read_wildly, ", which is [victim]'s");
}

/* ISO0020: a write to the stack of another task's thread ends the writer. */
static void ISO0020(void **state)
{
    (void)state;
    check_touch(&places.stack, write_wildly, ", which is [victim]'s");
}

/* ISO0030: a write to an object of the kernel's ends the writer. */
static void ISO0030(void **state)
{
    (void)state;
    check_touch(&places.kernel, write_wildly, ", which is the kernel's");
}

/* ---- plugins ---- */

static int find_data(struct dl_phdr_info *info, size_t size, void *arg)
{
    (void)size, (void)arg;
    for (int i = 0; i < info->dlpi_phnum && strstr(info->dlpi_name, "/service.so"); i++) {
        const ElfW(Phdr) *p = &info->dlpi_phdr[i];
        if (p->p_type == PT_LOAD && p->p_flags & PF_W)
            places.data = (volatile unsigned *)(info->dlpi_addr + ((p->p_vaddr + p->p_memsz - 8) & ~(uintptr_t)7));
    }
    return 0;
}

static int count_of(mk_name_t service)
{
    int counter = 0;
    struct mk_msg msg = {.id = SERVICE_COUNT, .body = &counter, .capacity = sizeof(counter)};
    CHECK_OK(mk_call(service, &msg, MK_TIME_FOREVER));
    CHECK_OK(msg.status);
    return counter;
}

static void touch_plugin(void *arg)
{
    (void)arg;
    mk_name_t control, receive = mkt_port(), task;
    CHECK_OK(mk_task_get_special(mk_task_self(), MK_SPECIAL_MACHINE, &control));
    const struct mk_load load = {.path = PLUGIN_DIR "/service.so", .service = receive};
    CHECK_OK(mk_task_load(control, &load, &task, NULL, 0));
    CHECK(count_of(receive) == 41);
    dl_iterate_phdr(find_data, NULL);
    CHECK(end_of(task_of("wild", write_wildly, (void *)(uintptr_t)places.data)) == KILLED);
    CHECK(count_of(receive) == 42);
    CHECK_OK(mk_task_terminate(task, 0));
}

/* ISO0040: a write to a variable of another task's plugin ends the writer; the plugin itself writes there. */
static void ISO0040(void **state)
{
    (void)state;
    struct mkt t;
    mkt_begin(&t, &isolated);
    t.expects_log = true;
    mkt_spawn(&t, "test", touch_plugin, NULL, false);
    mkt_run_all(&t);
    assert_non_null(strstr(t.log, ", which is [service]'s"));
    mkt_finish(&t);
}

/* ---- by the kernel's hand ---- */

static void give_wild_pointers(void *arg)
{
    (void)arg;
    struct mk_msg msg = {0};
    mk_name_t victim = victim_begin(&msg), port = mkt_port(), name;
    volatile unsigned *const wild[] = {places.heap, places.stack, places.kernel};
    for (size_t i = 0; i < 3; i++) {
        void *p = (void *)(uintptr_t)wild[i];
        struct mk_msg body = {.body = p, .capacity = 4}, load = {.body = p, .size = 4};
        struct mk_msg full = {.body = (void *)"four", .size = 4};
        CHECK_ERR(mk_port_create(p), MK_E_BAD_ADDRESS);
        CHECK_ERR(mk_machine_stats(NULL, p), MK_E_BAD_ADDRESS);
        CHECK_ERR(mk_receive(port, p, MK_TIME_POLL), MK_E_BAD_ADDRESS);
        CHECK_OK(mk_send(port, &full, MK_TIME_POLL));
        CHECK_ERR(mk_receive(port, &body, MK_TIME_POLL), MK_E_BAD_ADDRESS);
        if (i == 2)
            break; /* what is the kernel's can be read: a label, arguments */
        CHECK_ERR(mk_task_create(p, &name), MK_E_BAD_ADDRESS);
        CHECK_ERR(mk_send(port, &load, MK_TIME_POLL), MK_E_BAD_ADDRESS);
    }
    CHECK_OK(mk_task_create((const char *)(uintptr_t)places.kernel, &name));
    CHECK_OK(mk_task_terminate(name, 0));
    victim_end(victim, &msg);
}

/* ISO0050: a pointer to memory of another task is a bad address to every call, and one to the kernel's where it writes. */
static void ISO0050(void **state)
{
    (void)state;
    run_isolated(give_wild_pointers, NULL);
}

static mk_err_t wild_result;

static void receive_wildly(void *arg)
{
    struct mk_msg msg = {.body = (void *)(uintptr_t)places.heap, .capacity = 4};
    wild_result = mk_receive(*(mk_name_t *)arg, &msg, MK_TIME_FOREVER);
}

static void send_to_wild_buffer(void *arg)
{
    (void)arg;
    struct mk_msg msg = {0}, four = {.body = (void *)"four", .size = 4};
    mk_name_t victim = victim_begin(&msg), port = mkt_port(), task, thread;
    static mk_name_t there; /* not on a stack, which is this task's */
    CHECK_OK(mk_task_create("wild", &task));
    CHECK_OK(mk_right_insert(task, port, MK_MOVE_RECEIVE, &there));
    const struct mk_thread_attr attr = {.entry = receive_wildly, .arg = &there};
    CHECK_OK(mk_thread_create(task, &attr, &thread));
    CHECK_OK(mk_time_sleep(mk_time_now() + MK_SEC)); /* it waits in its receive */
    wild_result = MK_OK;
    CHECK_OK(mk_send(port, &four, MK_TIME_FOREVER));
    CHECK(end_of(task) == 0);
    CHECK_ERR(wild_result, MK_E_BAD_ADDRESS);
    victim_end(victim, &msg);
}

/* ISO0051: also where the receiver waits already, and another thread delivers. */
static void ISO0051(void **state)
{
    (void)state;
    run_isolated(send_to_wild_buffer, NULL);
}

/* ---- what is a task's own ---- */

#define BIG ((size_t)24 << 20)

static void fill_at_random(void *arg)
{
    uint64_t random = (uintptr_t)arg;
    mk_vaddr_t addr;
    CHECK_OK(mk_vm_allocate(mk_task_self(), BIG, &addr));
    volatile uint64_t *words = (volatile uint64_t *)addr;
    for (int round = 0; round < NR_TOUCHES; round++) {
        size_t i = stress_random(&random) % (BIG / 8);
        CHECK(words[i] == 0 || words[i] == (i ^ (uintptr_t)arg));
        words[i] = i ^ (uintptr_t)arg;
        mk_thread_yield();
    }
}

static void fill_two(void *arg)
{
    (void)arg;
    mk_name_t one = task_of("one", fill_at_random, (void *)1), two = task_of("two", fill_at_random, (void *)2);
    CHECK(end_of(one) == 0 && end_of(two) == 0);
}

/* ISO0060: tasks that take turns keep what they have written, in many more pieces than are remembered. */
static void ISO0060(void **state)
{
    (void)state;
    run_isolated(fill_two, NULL);
}

static void look_at_brother(void *arg)
{
    volatile unsigned *p = arg;
    CHECK(*p == MAGIC);
    *p = MAGIC + 1;
}

static void share_stack(void *arg)
{
    volatile unsigned on_stack = MAGIC;
    (void)arg;
    CHECK_OK(mk_thread_join(mkt_thread(look_at_brother, (void *)(uintptr_t)&on_stack), MK_TIME_FOREVER));
    CHECK(on_stack == MAGIC + 1);
}

/* ISO0070: threads of one task reach each other's stacks. */
static void ISO0070(void **state)
{
    (void)state;
    run_isolated(share_stack, NULL);
}

static void rest(void *arg)
{
    (void)arg;
}

static void ask_the_host(void *arg)
{
    mk_vaddr_t addr;
    (void)arg;
    int zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);
    CHECK(zero >= 0);
    CHECK_OK(mk_vm_allocate(mk_task_self(), PAGE, &addr));
    volatile unsigned *word = (volatile unsigned *)addr;
    *word = MAGIC;
    CHECK(end_of(task_of("other", rest, NULL)) == 0);
    CHECK(read(zero, (void *)addr, PAGE) == (ssize_t)PAGE && *word == 0);
    close(zero);
}

/* ISO0080: a system call reaches memory that the task touched before another ran. */
static void ISO0080(void **state)
{
    (void)state;
    run_isolated(ask_the_host, NULL);
}

/* ---- nothing else changes ---- */

#define NR_ROUNDS 300

static void answer_calls(void *arg)
{
    mk_name_t receive = *(mk_name_t *)arg;
    unsigned word;
    struct mk_msg msg = {.body = &word, .capacity = sizeof(word)};
    mk_err_t err = mk_receive(receive, &msg, MK_TIME_FOREVER);
    while (!err) {
        word++;
        err = mk_reply_receive(receive, &msg, MK_TIME_FOREVER);
    }
}

static void work(void *arg)
{
    static mk_name_t there;
    mk_name_t port = mkt_port(), server, thread;
    mk_vaddr_t addr;
    (void)arg;
    CHECK_OK(mk_task_create("server", &server));
    CHECK_OK(mk_right_insert(server, port, MK_MOVE_RECEIVE, &there));
    const struct mk_thread_attr attr = {.entry = answer_calls, .arg = &there};
    CHECK_OK(mk_thread_create(server, &attr, &thread));
    CHECK_OK(mk_vm_allocate(mk_task_self(), NR_ROUNDS * PAGE, &addr));
    volatile unsigned *words = (volatile unsigned *)addr;
    for (unsigned i = 0; i < NR_ROUNDS; i++) {
        unsigned word = i;
        struct mk_msg msg = {.body = &word, .size = sizeof(word), .capacity = sizeof(word)};
        CHECK_OK(mk_call(port, &msg, MK_TIME_FOREVER));
        words[i * (PAGE / sizeof(word))] = word;
        CHECK(words[i / 2 * (PAGE / sizeof(word))] == i / 2 + 1);
        CHECK_OK(mk_time_spend(10 * MK_USEC));
    }
    CHECK_OK(mk_task_terminate(server, 0));
}

static uint64_t hash_with(enum mk_isolation isolation)
{
    const struct mk_machine_config config = {.isolation = isolation, .seed = 7, .quantum = 50 * MK_USEC};
    struct mk_machine_stats stats;
    struct mkt t;
    mkt_begin(&t, &config);
    assert_int_equal(mk_trace_start(t.machine, 0, NULL, NULL), MK_OK);
    mkt_spawn(&t, "test", work, NULL, false);
    mkt_run_all(&t);
    assert_int_equal(mk_machine_stats(t.machine, &stats), MK_OK);
    mkt_finish(&t);
    return stats.trace_hash;
}

/* ISO0090: the trace of a run is the same with isolation as without. */
static void ISO0090(void **state)
{
    (void)state;
    uint64_t plain = hash_with(MK_ISOLATION_NONE);
    assert_true(plain != 0);
    assert_true(hash_with(ISOLATION) == plain);
}

/* ISO0100: on the host's clock, too, memory is isolated and time goes on. */
static void ISO0100(void **state)
{
    const struct mk_machine_config config = {.isolation = ISOLATION, .clock = MK_CLOCK_HOST};
    struct mkt t;
    (void)state;
    run_in(&config, &t, work, NULL);
}

#ifndef FAKE_KEYS /* those are for one host thread */
static void *stop_it(void *arg)
{
    mk_machine_stop(arg, 3);
    return NULL;
}

static void wait_for_stop(void *arg)
{
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, stop_it, arg) == 0);
    pthread_join(thread, NULL);
    for (;;)
        mk_thread_yield();
}

/* ISO0110: another host thread stops a machine whose memory it could not write. */
static void ISO0110(void **state)
{
    (void)state;
    int code = 0;
    struct mkt t;
    mkt_begin(&t, &isolated);
    mkt_spawn(&t, "test", wait_for_stop, t.machine, false);
    assert_int_equal(mk_machine_run(t.machine, &code), MK_OK);
    assert_int_equal(code, 3);
    mkt_finish(&t);
}
#endif

#ifdef FAKE_KEYS
#define NR_TASKS 9 /* more than a machine has keys */

static void take_turn(void *arg)
{
    mk_vaddr_t addr;
    CHECK_OK(mk_vm_allocate(mk_task_self(), PAGE, &addr));
    volatile uintptr_t *own = (volatile uintptr_t *)addr;
    *own = (uintptr_t)arg;
    for (int round = 0; round < 20; round++) {
        mk_thread_yield();
        CHECK(*own == (uintptr_t)arg);
    }
}

static void take_turns(void *arg)
{
    mk_name_t tasks[NR_TASKS];
    (void)arg;
    for (uintptr_t i = 0; i < NR_TASKS; i++)
        tasks[i] = task_of("turn", take_turn, (void *)i);
    for (int i = 0; i < NR_TASKS; i++)
        CHECK(end_of(tasks[i]) == 0);
}

/* ISO0200: more tasks than keys take turns; a key that one loses opens nothing of it for the other. */
static void ISO0200(void **state)
{
    (void)state;
    run_isolated(take_turns, NULL);
    assert_int_equal(fake_keys_taken(), 0);
}

/* ISO0210: without a key left, a machine is refused, and those that are there have theirs. */
static void ISO0210(void **state)
{
    struct mk_machine *machines[16];
    size_t n = 0;
    mk_err_t err;
    struct mkt t = {0};
    struct mk_machine_config config = {.isolation = ISOLATION, .log = mkt_log, .log_arg = &t};
    (void)state;
    while (n < 16 && (err = mk_machine_create(&config, &machines[n])) == MK_OK)
        n++;
    assert_int_equal(err, MK_E_NO_MEMORY);
    assert_true(n == 3 && fake_keys_taken() == 15);
    while (n > 0)
        mk_machine_destroy(machines[--n]);
    assert_int_equal(fake_keys_taken(), 0);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ISO0010), cmocka_unit_test(ISO0011), cmocka_unit_test(ISO0020), cmocka_unit_test(ISO0030),
        cmocka_unit_test(ISO0040), cmocka_unit_test(ISO0050), cmocka_unit_test(ISO0051), cmocka_unit_test(ISO0060),
        cmocka_unit_test(ISO0070), cmocka_unit_test(ISO0080), cmocka_unit_test(ISO0090), cmocka_unit_test(ISO0100),
#ifdef FAKE_KEYS
        cmocka_unit_test(ISO0200), cmocka_unit_test(ISO0210),
#else
        cmocka_unit_test(ISO0110),
#endif
    };
#ifdef FAKE_KEYS
    fake_keys_install();
#endif
    cmocka_set_test_filter(getenv("MKT_TEST"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
