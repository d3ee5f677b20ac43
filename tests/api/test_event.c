/* SPDX-License-Identifier: BSD-2-Clause */
/* Event ports: signals and waits. */
#include "helpers.h"

/* An event port with an unbadged send right under the same name. */
static mk_name_t event_port(void)
{
    mk_name_t event;
    CHECK_OK(mk_event_create(&event));
    CHECK_OK(mk_right_make(event, MK_RIGHT_SEND, 0, NULL));
    return event;
}

/* EVENT0010: signals are OR-ed, and a wait takes them all. */
MKT_TEST(EVENT0010)
{
    (void)arg;
    uint64_t bits;
    mk_name_t event = event_port();
    CHECK_OK(mk_event_signal(event, 1));
    CHECK_OK(mk_event_signal(event, 1ull << 63));
    CHECK_OK(mk_event_signal(event, 1));
    CHECK_OK(mk_event_wait(event, &bits, MK_TIME_POLL));
    CHECK(bits == (1ull << 63 | 1));
    CHECK_ERR(mk_event_wait(event, &bits, MK_TIME_POLL), MK_E_WOULD_BLOCK);
}

struct waiter {
    mk_name_t event;
    mk_time_t deadline;
    uint64_t bits;
    mk_err_t err;
    bool is_done;
};

static void waiter_main(void *arg)
{
    struct waiter *w = (struct waiter *)arg;
    w->err = mk_event_wait(w->event, &w->bits, w->deadline);
    w->is_done = true;
}

/* EVENT0020: a signal wakes a thread that waits, and nothing is left pending. */
MKT_TEST(EVENT0020)
{
    (void)arg;
    struct waiter w = {.event = event_port(), .deadline = MK_TIME_FOREVER};
    mk_name_t thread = thread_of("waiter", waiter_main, &w, MK_PRIO_DEFAULT + 1);
    CHECK(!w.is_done && thread_info("waiter").wait == MK_WAIT_EVENT);
    CHECK_OK(mk_event_signal(w.event, 6));
    CHECK(w.is_done && w.err == MK_OK && w.bits == 6);
    CHECK(port_state(w.event).events == 0);
    join(thread);
}

/* EVENT0030: a signal to a weaker thread makes it ready and causes no switch. */
MKT_TEST(EVENT0030)
{
    (void)arg;
    struct waiter w = {.event = event_port(), .deadline = MK_TIME_FOREVER};
    mk_name_t thread = thread_of("waiter", waiter_main, &w, MK_PRIO_DEFAULT - 1);
    struct mk_machine_stats before, after;
    CHECK_OK(mk_time_sleep(mk_time_now() + MK_MSEC));
    CHECK_OK(mk_machine_stats(NULL, &before));
    CHECK_OK(mk_event_signal(w.event, 1));
    CHECK_OK(mk_machine_stats(NULL, &after));
    CHECK(!w.is_done && after.nr_switches == before.nr_switches);
    CHECK(thread_info("waiter").state == MK_THREAD_READY);
    join(thread);
    CHECK(w.is_done && w.bits == 1);
}

/* EVENT0040: of two threads that wait, the first gets the first signal and the second the next. */
MKT_TEST(EVENT0040)
{
    (void)arg;
    mk_name_t event = event_port();
    struct waiter a = {.event = event, .deadline = MK_TIME_FOREVER}, b = a;
    mk_name_t threads[] = {thread_of("a", waiter_main, &a, MK_PRIO_DEFAULT + 1),
                           thread_of("b", waiter_main, &b, MK_PRIO_DEFAULT + 1)};
    CHECK_OK(mk_event_signal(event, 1));
    CHECK(a.is_done && a.bits == 1 && !b.is_done);
    CHECK_OK(mk_event_signal(event, 2));
    CHECK(b.is_done && b.bits == 2);
    join(threads[0]);
    join(threads[1]);
}

/* EVENT0050: a badged right signals bits of its badge only; an unbadged one any. */
MKT_TEST(EVENT0050)
{
    (void)arg;
    uint64_t bits;
    mk_name_t event = event_port(), badged;
    CHECK_OK(mk_right_make(event, MK_RIGHT_SEND, 0x6, &badged));
    CHECK_ERR(mk_event_signal(badged, 1), MK_E_NO_ACCESS);
    CHECK_ERR(mk_event_signal(badged, 7), MK_E_NO_ACCESS);
    CHECK_OK(mk_event_signal(badged, 2));
    CHECK_OK(mk_event_signal(event, UINT64_C(1) << 40));
    CHECK_OK(mk_event_wait(event, &bits, MK_TIME_POLL));
    CHECK(bits == (UINT64_C(1) << 40 | 2));
}

/* EVENT0060: no bits are no signal. */
MKT_TEST(EVENT0060)
{
    (void)arg;
    uint64_t bits;
    mk_name_t event = event_port();
    CHECK_OK(mk_event_signal(event, 0));
    CHECK_ERR(mk_event_wait(event, &bits, MK_TIME_POLL), MK_E_WOULD_BLOCK);
}

/* EVENT0070: a receive from a set brings messages and events in turn; the events are the kernel's word. */
MKT_TEST(EVENT0070)
{
    (void)arg;
    mk_name_t event = event_port(), port = mkt_port(), set;
    struct mk_msg msg = {.capacity = 0};
    CHECK_OK(mk_portset_create(&set));
    CHECK_OK(mk_portset_add(set, event));
    CHECK_OK(mk_portset_add(set, port));
    CHECK_OK(mk_event_signal(event, 0x50));
    CHECK_OK(send_id(port, 7));
    CHECK_OK(mk_receive(set, &msg, MK_TIME_POLL));
    CHECK(msg.id == MK_NOTIFY_ID + MK_NOTIFY_EVENT && msg.badge == MK_BADGE_KERNEL && msg.events == 0x50);
    CHECK(msg.port == event && msg.size == 0 && msg.nr_rights == 0 && msg.reply == MK_NAME_NULL);
    CHECK_OK(mk_receive(set, &msg, MK_TIME_POLL));
    CHECK(msg.id == 7 && msg.port == port);
    CHECK_ERR(mk_receive(set, &msg, MK_TIME_POLL), MK_E_WOULD_BLOCK);
}

/* EVENT0080: a thread that waits at a set is woken by a signal to a member. */
MKT_TEST(EVENT0080)
{
    (void)arg;
    mk_name_t event = event_port(), set;
    CHECK_OK(mk_portset_create(&set));
    CHECK_OK(mk_portset_add(set, event));
    struct receiver r = {.receive = set, .deadline = MK_TIME_FOREVER};
    mk_name_t thread = thread_of("receiver", receiver_main, &r, MK_PRIO_DEFAULT + 1);
    CHECK_OK(mk_event_signal(event, 3));
    CHECK(r.is_done && r.err == MK_OK && r.msg.events == 3 && r.msg.id == MK_NOTIFY_ID + MK_NOTIFY_EVENT);
    join(thread);
}

/* EVENT0090: a wait ends by time, by abort, and by the death of the port. */
MKT_TEST(EVENT0090)
{
    (void)arg;
    struct waiter w = {.event = event_port(), .deadline = mk_time_now() + MK_MSEC};
    join(thread_of("late", waiter_main, &w, 0));
    CHECK(w.err == MK_E_TIMED_OUT);
    w.deadline = MK_TIME_FOREVER;
    mk_name_t thread = thread_of("aborted", waiter_main, &w, MK_PRIO_DEFAULT + 1);
    CHECK_OK(mk_thread_abort(thread));
    join(thread);
    CHECK(w.err == MK_E_ABORTED);
    thread = thread_of("bereaved", waiter_main, &w, MK_PRIO_DEFAULT + 1);
    CHECK_OK(mk_port_destroy(w.event));
    join(thread);
    CHECK(w.err == MK_E_DEAD);
    CHECK_ERR(mk_event_signal(w.event, 1), MK_E_DEAD);
}

/* EVENT0100: bits that were signalled travel with the receive right. */
MKT_TEST(EVENT0100)
{
    (void)arg;
    uint64_t bits;
    mk_name_t event = event_port(), carrier = mkt_port();
    CHECK_OK(mk_event_signal(event, 8));
    CHECK_OK(send_right(carrier, event, MK_MOVE_RECEIVE));
    CHECK_OK(mk_event_signal(event, 1));
    struct mk_msg_right right = take_right(carrier);
    CHECK(right.how == MK_RIGHT_RECEIVE);
    CHECK_OK(mk_event_wait(right.name, &bits, MK_TIME_POLL));
    CHECK(bits == 9);
}

/* EVENT0110: rights of the wrong kind are refused, both ways. */
MKT_TEST(EVENT0110)
{
    (void)arg;
    uint64_t bits;
    mk_name_t event = event_port(), port = mkt_port(), once = once_name(port), name;
    CHECK_ERR(mk_event_signal(port, 1), MK_E_BAD_RIGHT);
    CHECK_ERR(mk_event_signal(once, 1), MK_E_BAD_RIGHT);
    CHECK_ERR(mk_event_signal(MK_NAME_NULL, 1), MK_E_BAD_NAME);
    CHECK_ERR(mk_event_signal(stale_name(), 1), MK_E_BAD_NAME);
    CHECK_ERR(mk_event_signal(dead_name(), 1), MK_E_DEAD);
    CHECK_ERR(mk_event_signal(mk_task_self(), 1), MK_E_BAD_RIGHT);
    CHECK_ERR(mk_event_wait(port, &bits, MK_TIME_POLL), MK_E_BAD_RIGHT);
    CHECK_ERR(mk_event_wait(stale_name(), &bits, MK_TIME_POLL), MK_E_BAD_NAME);
    CHECK_ERR(mk_event_wait(event, &bits, -1), MK_E_BAD_ARGUMENT);
    CHECK_ERR(mk_event_create(NULL), MK_E_BAD_ADDRESS);
    CHECK_ERR(send_id(event, 1), MK_E_BAD_RIGHT);
    CHECK_ERR(mk_right_make(event, MK_RIGHT_SEND_ONCE, 0, &name), MK_E_BAD_RIGHT);
    CHECK_ERR(send_right(port, event, MK_MAKE_SEND_ONCE), MK_E_BAD_RIGHT);
    CHECK_ERR(mk_port_notify(port, MK_NOTIFY_NO_SENDERS, 0, event), MK_E_BAD_RIGHT);
    CHECK_ERR(mk_port_notify(event, MK_NOTIFY_SEND_POSSIBLE, 0, port), MK_E_BAD_RIGHT);
}

/* EVENT0120: a pointer that cannot be written leaves the bits where they are. */
MKT_TEST(EVENT0120)
{
    (void)arg;
    uint64_t bits;
    mk_name_t event = event_port();
    CHECK_OK(mk_event_signal(event, 4));
    CHECK_ERR(mk_event_wait(event, NULL, MK_TIME_POLL), MK_E_BAD_ADDRESS);
    CHECK_ERR(mk_receive(event, NULL, MK_TIME_POLL), MK_E_BAD_ADDRESS);
    CHECK_OK(mk_event_wait(event, &bits, MK_TIME_POLL));
    CHECK(bits == 4);
}

/* EVENT0130: no-senders and dead-name notices work for event ports. */
MKT_TEST(EVENT0130)
{
    (void)arg;
    mk_name_t event = event_port(), to = mkt_port();
    CHECK_OK(mk_port_notify(event, MK_NOTIFY_NO_SENDERS, 0, to));
    CHECK_OK(mk_right_release(event));
    take_notice(to, MK_NOTIFY_NO_SENDERS);
    CHECK_OK(mk_right_make(event, MK_RIGHT_SEND, 0, NULL));
    CHECK_OK(mk_port_notify(event, MK_NOTIFY_DEAD_NAME, 0, to));
    CHECK_OK(mk_port_destroy(event));
    CHECK(take_notice(to, MK_NOTIFY_DEAD_NAME).name == event);
}

/* EVENT0140: outside a machine every call says so. */
static void EVENT0140(void **state)
{
    (void)state;
    mk_name_t name;
    uint64_t bits;
    assert_int_equal(mk_event_create(&name), MK_E_NOT_IN_MACHINE);
    assert_int_equal(mk_event_signal(1, 1), MK_E_NOT_IN_MACHINE);
    assert_int_equal(mk_event_wait(1, &bits, 0), MK_E_NOT_IN_MACHINE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(EVENT0010), cmocka_unit_test(EVENT0020), cmocka_unit_test(EVENT0030),
        cmocka_unit_test(EVENT0040), cmocka_unit_test(EVENT0050), cmocka_unit_test(EVENT0060),
        cmocka_unit_test(EVENT0070), cmocka_unit_test(EVENT0080), cmocka_unit_test(EVENT0090),
        cmocka_unit_test(EVENT0100), cmocka_unit_test(EVENT0110), cmocka_unit_test(EVENT0120),
        cmocka_unit_test(EVENT0130), cmocka_unit_test(EVENT0140),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
