/* SPDX-License-Identifier: BSD-2-Clause */
/* The user side in a spawned task: heap, output, the server loop. Plugins as such: test_plugin.c. */
#include "mkt.h"

/* ---- the heap ---- */

/* HEAP0010: blocks of every size up to 5,000 keep their contents and are aligned to 16. */
MKT_TEST(HEAP0010)
{
    (void)arg;
    static unsigned char *blocks[5000];
    for (size_t size = 0; size < 5000; size++) {
        blocks[size] = mk_malloc(size);
        CHECK(blocks[size] && (uintptr_t)blocks[size] % 16 == 0);
        memset(blocks[size], (int)(size % 251), size);
    }
    for (size_t size = 0; size < 5000; size++) {
        for (size_t i = 0; i < size; i++)
            CHECK(blocks[size][i] == size % 251);
        mk_free(blocks[size]);
    }
}

/* HEAP0020: realloc keeps what fits, growing and shrinking, from NULL on. */
MKT_TEST(HEAP0020)
{
    (void)arg;
    char *p = NULL;
    for (size_t size = 1; size < 200000; size = size * 3 / 2 + 1) {
        p = mk_realloc(p, size);
        CHECK(p);
        p[size - 1] = 'x';
        p[0] = 'a';
        if (size > 10)
            CHECK(p[size - 1] == 'x');
    }
    p = mk_realloc(p, 10);
    CHECK(p && p[0] == 'a');
    mk_free(p);
}

/* HEAP0030: aligned blocks are aligned as asked; an alignment that is no power of two is refused. */
MKT_TEST(HEAP0030)
{
    (void)arg;
    void *p;
    for (size_t align = 16; align <= 65536; align *= 2) {
        p = mk_aligned_alloc(align, 100);
        CHECK(p && (uintptr_t)p % align == 0);
        memset(p, 1, 100);
        mk_free(p);
    }
    CHECK(mk_aligned_alloc(48, 100) == NULL);
    CHECK(mk_posix_memalign(&p, 256, 100) == 0 && (uintptr_t)p % 256 == 0);
    mk_free(p);
    CHECK(mk_posix_memalign(&p, 3, 100) == 22);
}

/* HEAP0040: copies of strings are whole, or as long as asked. */
MKT_TEST(HEAP0040)
{
    (void)arg;
    char *a = mk_strdup("hello"), *b = mk_strndup("hello", 2), *c = mk_strndup("hi", 100);
    CHECK(a && b && c && strcmp(a, "hello") == 0 && strcmp(b, "he") == 0 && strcmp(c, "hi") == 0);
    mk_free(a);
    mk_free(b);
    mk_free(c);
    mk_free(NULL);
}

/* HEAP0050: calloc gives zeroes, also from a block used before, and refuses a product that overflows. */
MKT_TEST(HEAP0050)
{
    (void)arg;
    for (int i = 0; i < 10; i++) {
        char *p = mk_calloc(10, 30);
        CHECK(p);
        for (int j = 0; j < 300; j++)
            CHECK(p[j] == 0);
        memset(p, 0xff, 300);
        mk_free(p);
    }
    CHECK(mk_calloc(SIZE_MAX / 2, 3) == NULL);
    CHECK(mk_malloc(SIZE_MAX - 100) == NULL);
}

/* HEAP0060: more than the machine has is refused, and what was there stays usable. */
MKT_TEST(HEAP0060)
{
    (void)arg;
    char *small = mk_strdup("still here");
    CHECK(mk_malloc((size_t)1 << 29) == NULL);
    CHECK(strcmp(small, "still here") == 0);
    mk_free(small);
}

static size_t allocated(void)
{
    struct mk_vm_region region = {0};
    size_t size = 0;
    for (mk_vaddr_t next = 0; mk_vm_region(mk_task_self(), next, &region) == MK_OK; next = region.start + region.size)
        size += region.size;
    return size;
}

/* HEAP0070: a first block of a size takes its page and no others, many take little more than they need. */
MKT_TEST(HEAP0070)
{
    struct mk_vm_stats before, after;
    size_t size_before = allocated();
    (void)arg;
    mk_free(mk_malloc(16)); /* the runtime's own page */
    CHECK_OK(mk_vm_statistics(mk_task_self(), &before));
    for (size_t size = 100; size <= 1600; size *= 2)
        CHECK(mk_malloc(size) != NULL);
    CHECK_OK(mk_vm_statistics(mk_task_self(), &after));
    CHECK(after.nr_resident == before.nr_resident + 5);
    CHECK(allocated() <= size_before + 7 * mk_page_size());
    for (int i = 0; i < 1000; i++)
        CHECK(mk_malloc(1000) != NULL);
    CHECK(allocated() <= size_before + 1400000);
}

/* ---- output and an early end ---- */

static void printer(void *arg)
{
    (void)arg;
    mk_printf("number %d, ", 7);
    mk_putchar('x');
    CHECK(mk_puts("!") >= 0);
    mk_printf("two\nlines\n");
}

/* PRINT0010: output reaches the log line by line, with the task's label. */
static void PRINT0010(void **state)
{
    struct mkt t;
    (void)state;
    mkt_begin(&t, NULL);
    mkt_spawn(&t, "p", printer, NULL, false);
    mkt_run_all(&t);
    t.expects_log = true;
    assert_string_equal(t.log, "[p] number 7, x!\n[p] two\n[p] lines\n");
    mkt_finish(&t);
}

static void call_vprintf(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    CHECK(mk_vprintf(format, args) == 3000);
    va_end(args);
}

static void long_printer(void *arg)
{
    (void)arg;
    call_vprintf("%03000d", 0);
    mk_putchar('\n');
}

/* PRINT0020: a text longer than any buffer is whole, in lines of at most 512 bytes. */
static void PRINT0020(void **state)
{
    struct mkt t;
    size_t nr_zeros = 0;
    (void)state;
    mkt_begin(&t, NULL);
    mkt_spawn(&t, "p", long_printer, NULL, false);
    mkt_run_all(&t);
    t.expects_log = true;
    for (const char *p = t.log; *p; p++)
        nr_zeros += *p == '0';
    assert_int_equal(nr_zeros, 3000);
    mkt_finish(&t);
}

static void aborter(void *arg)
{
    if (arg)
        mk_assert_fail("1 == 2", "file.c", 12, "function");
    mk_abort();
}

/* ABORT0010: abort and a failed assertion end the task with code 134 and say where. */
static void ABORT0010(void **state)
{
    struct mkt t;
    int code;
    (void)state;
    for (int i = 0; i < 2; i++) {
        mkt_begin(&t, NULL);
        mkt_spawn(&t, "a", aborter, i ? &t : NULL, false);
        assert_int_equal(mk_machine_run(t.machine, &code), MK_OK);
        assert_int_equal(code, 134);
        assert_true(!i == !strstr(t.log, "[a] file.c:12: function: assertion failed: 1 == 2\n"));
        assert_non_null(strstr(t.log, "[a] thread 1 ended its task: abort\n"));
        t.expects_log = true;
        mkt_finish(&t);
    }
}

/* ---- the server loop ---- */

static mk_err_t do_double(void *state, struct mk_msg *msg)
{
    int number;
    (void)state;
    memcpy(&number, msg->body, sizeof(number));
    number *= 2;
    memcpy(msg->body, &number, sizeof(number));
    return number < 0 ? MK_E_BAD_ARGUMENT : MK_OK;
}

static mk_err_t do_stop(void *state, struct mk_msg *msg)
{
    (void)state;
    msg->size = 0;
    mk_server_stop();
    return MK_OK;
}

static const struct mk_server_op ops[] = {{1, sizeof(int), do_double}, {2, 0, do_stop}};
static const struct mk_server server = {.abi = MK_SERVER_ABI, .ops = ops, .nr_ops = 2};

static void serve(void *arg)
{
    CHECK_OK(mk_server_run(&server, *(const mk_name_t *)arg, NULL));
}

static mk_err_t ask(mk_name_t port, uint32_t id, int *number, size_t size)
{
    struct mk_msg msg = {.id = id, .body = number, .size = size, .capacity = sizeof(*number)};
    CHECK_OK(mk_call(port, &msg, MK_TIME_FOREVER));
    CHECK(msg.status == MK_OK || msg.size == 0);
    return msg.status;
}

/*
 * SERVER0010: operations are dispatched by id; too small and unknown ones are answered with their error; stop ends the
 * loop.
 */
MKT_TEST(SERVER0010)
{
    (void)arg;
    mk_name_t port = mkt_port(), thread = mkt_thread(serve, &port);
    int number = 21;
    CHECK_OK(ask(port, 1, &number, sizeof(number)));
    CHECK(number == 42);
    number = -1;
    CHECK_ERR(ask(port, 1, &number, sizeof(number)), MK_E_BAD_ARGUMENT);
    CHECK_ERR(ask(port, 1, &number, 3), MK_E_MSG_TOO_SMALL);
    CHECK_ERR(ask(port, 9, &number, sizeof(number)), MK_E_MSG_ID);
    CHECK_OK(ask(port, 2, &number, 0));
    CHECK_OK(mk_thread_join(thread, MK_TIME_FOREVER));
}

/* SERVER0020: rights of a request that nobody handles are dropped. */
MKT_TEST(SERVER0020)
{
    (void)arg;
    mk_name_t port = mkt_port(), given = mkt_port();
    mkt_thread(serve, &port);
    struct mk_msg_right right = {given, MK_COPY_SEND};
    for (int i = 0; i < 10; i++) {
        struct mk_msg msg = {.id = 77, .rights = &right, .nr_rights = 1};
        CHECK_OK(mk_call(port, &msg, MK_TIME_FOREVER));
        CHECK(msg.status == MK_E_MSG_ID && msg.nr_rights == 0);
        right = (struct mk_msg_right){given, MK_COPY_SEND};
    }
    CHECK(mkt_refs(given) == 1);
    mk_task_exit(0);
}

/* SERVER0030: every name in the table of bindings has a function, and malloc is bound to the task's heap. */
static void SERVER0030(void **state)
{
    bool has_malloc = false;
    (void)state;
    for (const struct mk_binding *b = mk_server_bindings(); b->name; b++) {
        assert_non_null((void *)(uintptr_t)b->function);
        has_malloc = has_malloc || (strcmp(b->name, "malloc") == 0 && b->function == (void (*)(void))mk_malloc);
    }
    assert_true(has_malloc);
}

static int main_of_server(int argc, char **argv)
{
    return argc == 1 && strcmp(argv[0], "m") == 0 ? 5 : 1;
}

static void start_main(void *arg)
{
    static const struct mk_server program = {.abi = MK_SERVER_ABI, .main = main_of_server};
    (void)arg;
    mk_server_main((void *)(uintptr_t)&program);
}

/*
 * SERVER0040: the start-up code runs a descriptor's main with the label as argv[0] and ends the task with its result.
 */
static void SERVER0040(void **state)
{
    struct mkt t;
    int code;
    (void)state;
    mkt_begin(&t, NULL);
    mkt_spawn(&t, "m", start_main, NULL, false);
    assert_int_equal(mk_machine_run(t.machine, &code), MK_OK);
    assert_int_equal(code, 5);
    mkt_finish(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(HEAP0010),   cmocka_unit_test(HEAP0020),   cmocka_unit_test(HEAP0030),
        cmocka_unit_test(HEAP0040),   cmocka_unit_test(HEAP0050),   cmocka_unit_test(HEAP0060),
        cmocka_unit_test(HEAP0070),   cmocka_unit_test(PRINT0010),  cmocka_unit_test(PRINT0020),
        cmocka_unit_test(ABORT0010),  cmocka_unit_test(SERVER0010), cmocka_unit_test(SERVER0020),
        cmocka_unit_test(SERVER0030), cmocka_unit_test(SERVER0040),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
