/* SPDX-License-Identifier: BSD-2-Clause */
/* Probes: what they see of kernel calls, and what they can do about them. */
#include "helpers.h"

/* ---- a probe that takes notes, and does what it is told at one call ---- */

static struct notes {
    char text[2048]; /* "name " for each call of the task `of` */
    uint64_t of;
    uint64_t last_number;
    bool is_numbered; /* 1, 2, 3, ... */
    bool has_message; /* each of the message calls showed its header */
    uint64_t at;      /* do it at this call; 0: never */
    mk_err_t (*act)(const struct mk_probe_call *call);
} notes;

static bool is_of_message(const char *name)
{
    return strcmp(name, "mk_send") == 0 || strcmp(name, "mk_receive") == 0 || strcmp(name, "mk_call") == 0 ||
           strcmp(name, "mk_reply") == 0 || strcmp(name, "mk_reply_receive") == 0;
}

static mk_err_t probe(void *arg, const struct mk_probe_call *call)
{
    struct notes *n = arg;
    if (call->task != n->of)
        return MK_OK;
    n->is_numbered = n->is_numbered && call->number == n->last_number + 1;
    n->last_number = call->number;
    n->has_message = n->has_message && is_of_message(call->name) == (call->msg != NULL);
    if (strlen(n->text) + strlen(call->name) + 2 < sizeof(n->text))
        strcat(strcat(n->text, call->name), " ");
    return call->number == n->at ? n->act(call) : MK_OK;
}

/* A machine with this task, number 1; its exit code. */
static int run(struct mkt *t, void (*entry)(void *), uint64_t at, mk_err_t (*act)(const struct mk_probe_call *call))
{
    const struct mk_machine_config config = {.probe = probe, .probe_arg = &notes};
    int code = -1;
    notes = (struct notes){.of = 1, .is_numbered = true, .has_message = true, .at = at, .act = act};
    mkt_begin(t, &config);
    mkt_spawn(t, "probed", entry, NULL, false);
    assert_int_equal(mk_machine_run(t->machine, &code), MK_OK);
    return code;
}

static mk_err_t result;

/* Four calls: a port, a right, a message out and in. */
static void four_calls(void *arg)
{
    mk_name_t port = MK_NAME_NULL, send;
    char body[8] = "abcdefg";
    struct mk_msg msg = {.id = 5, .body = body, .size = sizeof(body), .capacity = sizeof(body)};
    (void)arg;
    result = mk_port_create(&port);
    if (!result)
        result = mk_right_make(port, MK_RIGHT_SEND, 0, &send);
    if (!result)
        result = mk_send(port, &msg, MK_TIME_POLL);
    memset(body, 0, sizeof(body));
    if (!result)
        result = mk_receive(port, &msg, MK_TIME_POLL);
    if (!result && memcmp(body, "Xbcdefg", 8) == 0)
        result = MK_E_EXISTS; /* the probe was at it */
}

/* PROBE0010: a probe sees each call once, by name, in order, numbered, and the messages of those that have one. */
static void PROBE0010(void **state)
{
    struct mkt t;
    (void)state;
    assert_int_equal(run(&t, four_calls, 0, NULL), 0);
    assert_int_equal(result, MK_OK);
    assert_string_equal(notes.text, "mk_port_create mk_right_make mk_send mk_receive ");
    assert_true(notes.is_numbered && notes.has_message);
    mkt_finish(&t);
}

static mk_err_t refuse(const struct mk_probe_call *call)
{
    (void)call;
    return MK_E_NO_MEMORY;
}

static mk_err_t lose(const struct mk_probe_call *call)
{
    (void)call;
    return MK_PROBE_SKIP;
}

static mk_err_t change(const struct mk_probe_call *call)
{
    ((char *)call->msg->body)[0] = 'X';
    return MK_OK;
}

/* PROBE0020: a call can be refused with an error, lost, or given another message. */
static void PROBE0020(void **state)
{
    struct mkt t;
    (void)state;
    run(&t, four_calls, 1, refuse);
    assert_int_equal(result, MK_E_NO_MEMORY);
    assert_string_equal(notes.text, "mk_port_create ");
    mkt_finish(&t);
    run(&t, four_calls, 3, lose);
    assert_int_equal(result, MK_E_WOULD_BLOCK); /* nothing to receive */
    mkt_finish(&t);
    run(&t, four_calls, 3, change);
    assert_int_equal(result, MK_E_EXISTS);
    mkt_finish(&t);
}

static mk_err_t call_kernel(const struct mk_probe_call *call)
{
    mk_name_t port;
    (void)call;
    CHECK_OK(mk_port_create(&port));
    CHECK_OK(mk_time_sleep(mk_time_now() + MK_MSEC));
    CHECK_OK(mk_port_destroy(port));
    return MK_OK;
}

static mk_err_t leave_task(const struct mk_probe_call *call)
{
    (void)call;
    mk_task_exit(9);
}

static mk_err_t crash_write(const struct mk_probe_call *call)
{
    (void)call;
    __asm__ volatile("ud2");
    return MK_OK;
}

/* PROBE0030: it may call the kernel itself, unseen, and wait; it may end the task, or crash as a part of it. */
static void PROBE0030(void **state)
{
    struct mkt t;
    (void)state;
    assert_int_equal(run(&t, four_calls, 2, call_kernel), 0);
    assert_int_equal(result, MK_OK);
    assert_string_equal(notes.text, "mk_port_create mk_right_make mk_send mk_receive ");
    mkt_finish(&t);
    assert_int_equal(run(&t, four_calls, 2, leave_task), 9);
    mkt_finish(&t);
    assert_int_equal(run(&t, four_calls, 2, crash_write), 128 + 4);
    t.expects_log = true;
    mkt_finish(&t);
}

static void echo_main(void *arg)
{
    mk_name_t port = *(mk_name_t *)arg;
    struct mk_msg msg = {.capacity = 0};
    mk_err_t err = mk_receive(port, &msg, MK_TIME_FOREVER);
    while (!err)
        err = mk_reply_receive(port, &msg, MK_TIME_FOREVER);
}

static void calls_main(void *arg)
{
    mk_name_t port = mkt_port();
    (void)arg;
    mkt_thread(echo_main, &port);
    for (int i = 0; i < 5; i++) {
        struct mk_msg msg = {.id = 1};
        CHECK_OK(mk_call(port, &msg, MK_TIME_FOREVER));
    }
    mk_task_exit(0);
}

static uint64_t end_of_run(const struct mk_machine_config *config)
{
    struct mkt t;
    struct mk_machine_stats stats;
    mkt_begin(&t, config);
    mkt_spawn(&t, "test", calls_main, NULL, false);
    mkt_run_all(&t);
    assert_int_equal(mk_machine_stats(t.machine, &stats), MK_OK);
    mkt_finish(&t);
    return (uint64_t)stats.now;
}

/* PROBE0040: a probe that only looks does not change the machine's time, though messages take the long way. */
static void PROBE0040(void **state)
{
    const struct mk_machine_config config = {.probe = probe, .probe_arg = &notes};
    (void)state;
    notes = (struct notes){.of = 1, .is_numbered = true, .has_message = true};
    assert_true(end_of_run(NULL) == end_of_run(&config));
    assert_true(notes.is_numbered && notes.has_message);
    assert_non_null(strstr(notes.text, "mk_call "));
    assert_non_null(strstr(notes.text, "mk_reply_receive "));
}

/* PROBE0050: a call that begins again because a page of the caller's is missing is seen once. */
static void missing_page(void *arg)
{
    mk_vaddr_t memory;
    (void)arg;
    CHECK_OK(mk_vm_allocate(mk_task_self(), 4096, &memory));
    result = mk_port_create((mk_name_t *)memory);
}

static void PROBE0050(void **state)
{
    struct mkt t;
    (void)state;
    assert_int_equal(run(&t, missing_page, 0, NULL), 0);
    assert_int_equal(result, MK_OK);
    assert_string_equal(notes.text, "mk_vm_allocate mk_port_create ");
    mkt_finish(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(PROBE0010), cmocka_unit_test(PROBE0020), cmocka_unit_test(PROBE0030),
        cmocka_unit_test(PROBE0040), cmocka_unit_test(PROBE0050),
    };
    cmocka_set_test_filter(getenv("MKT_TEST"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
