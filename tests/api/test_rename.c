/* SPDX-License-Identifier: BSD-2-Clause */
/* Names that the task chooses. */
#include "helpers.h"

/* NAME0010: a renamed right is known by its new name only, with all that it was. */
MKT_TEST(NAME0010)
{
    (void)arg;
    mk_name_t port = mkt_port();
    CHECK_OK(mk_right_retain(port, 2));
    CHECK_OK(mk_right_rename(port, 5));
    CHECK(mkt_type(port) == 0 && mkt_type(5) == (MK_RIGHT_RECEIVE | MK_RIGHT_SEND) && mkt_refs(5) == 3);
    CHECK_OK(send_id(5, 9));
    struct mk_msg msg = {.capacity = 0};
    CHECK_OK(mk_receive(5, &msg, MK_TIME_POLL));
    CHECK(msg.id == 9 && msg.port == 5);
    CHECK_ERR(send_id(port, 1), MK_E_BAD_NAME);
}

/* NAME0020: names that are taken, or no names, are refused. */
MKT_TEST(NAME0020)
{
    (void)arg;
    mk_name_t a = mkt_port(), b = mkt_port();
    CHECK_ERR(mk_right_rename(a, b), MK_E_NAME_IN_USE);
    CHECK_ERR(mk_right_rename(a, a), MK_E_NAME_IN_USE);
    CHECK_ERR(mk_right_rename(a, MK_NAME_NULL), MK_E_BAD_ARGUMENT);
    CHECK_ERR(mk_right_rename(a, MK_NAME_DEAD), MK_E_BAD_ARGUMENT);
    CHECK_ERR(mk_right_rename(stale_name(), 77), MK_E_BAD_NAME);
    CHECK_OK(mk_right_rename(a, 77));
    CHECK_ERR(mk_right_rename(b, 77), MK_E_NAME_IN_USE);
    CHECK_OK(mk_right_rename(77, 78));
    CHECK_OK(mk_right_rename(b, 77));
    CHECK(mkt_type(77) && mkt_type(78) && !mkt_type(a) && !mkt_type(b));
}

/* NAME0030: the kernel never gives out a name that the task chose, and a name that was freed can be chosen again. */
MKT_TEST(NAME0030)
{
    (void)arg;
    enum { NR = 3000 };
    static mk_name_t chosen[NR];
    for (uint32_t i = 0; i < NR; i++) { /* what the kernel would give next, and others nearby */
        mk_name_t port, next;
        CHECK_OK(mk_port_create(&port));
        next = i % 2 ? port + (1u << 21) : port + 1 + i;
        mk_err_t err = mk_right_rename(port, next);
        CHECK(err == MK_OK || err == MK_E_NAME_IN_USE);
        chosen[i] = err ? port : next;
        for (uint32_t j = 0; j < i && i % 97 == 0; j++)
            CHECK(chosen[j] != chosen[i]);
    }
    CHECK_OK(mk_machine_audit(NULL));
    for (uint32_t i = 0; i < NR; i++)
        CHECK_OK(mk_port_destroy(chosen[i]));
    for (uint32_t i = 0; i < NR; i++)
        CHECK(mkt_type(chosen[i]) == 0);
    mk_name_t port = mkt_port();
    CHECK_OK(mk_right_rename(port, chosen[0]));
}

/* NAME0040: a thread that waits at a port or set goes on waiting when it is renamed. */
MKT_TEST(NAME0040)
{
    (void)arg;
    mk_name_t port = mkt_port(), other = mkt_port(), set;
    CHECK_OK(mk_portset_create(&set));
    CHECK_OK(mk_portset_add(set, other));
    struct receiver at_port = {.receive = port, .deadline = MK_TIME_FOREVER},
                    at_set = {.receive = set, .deadline = MK_TIME_FOREVER};
    mk_name_t threads[] = {thread_of("port", receiver_main, &at_port, MK_PRIO_DEFAULT + 1),
                           thread_of("set", receiver_main, &at_set, MK_PRIO_DEFAULT + 1)};
    CHECK_OK(mk_right_rename(port, 1000));
    CHECK_OK(mk_right_rename(set, 1001));
    CHECK_OK(mk_right_release(once_name(other))); /* makes the thread at the set look again */
    CHECK(at_set.is_done && at_set.msg.id == MK_NOTIFY_ID + MK_NOTIFY_SEND_ONCE);
    CHECK_OK(send_id(1000, 3));
    CHECK(at_port.is_done && at_port.err == MK_OK && at_port.msg.port == 1000);
    join(threads[0]);
    join(threads[1]);
}

/*
 * NAME0050: notices speak of the name as it is then; send-once rights, dead names and rights to answer can be renamed.
 */
MKT_TEST(NAME0050)
{
    (void)arg;
    mk_name_t port = mkt_port(), to = mkt_port(), once = once_name(port);
    CHECK_OK(mk_port_notify(port, MK_NOTIFY_DEAD_NAME, 0, to));
    CHECK_OK(mk_right_rename(port, 21));
    CHECK_OK(mk_right_rename(once, 22));
    CHECK_OK(mk_port_destroy(21));
    CHECK(take_notice(to, MK_NOTIFY_DEAD_NAME).name == 21);
    CHECK(mkt_type(21) == MK_RIGHT_DEAD_NAME && mkt_type(22) == MK_RIGHT_DEAD_NAME);
    CHECK_OK(mk_right_rename(21, 23));
    CHECK_OK(mk_right_release(23));
    CHECK_OK(mk_right_release(23));
    CHECK_OK(mk_right_release(22));
    CHECK(mkt_type(23) == 0 && mkt_type(22) == 0);
}

/* NAME0060: a send right that arrives again is found under its chosen name. */
MKT_TEST(NAME0060)
{
    (void)arg;
    mk_name_t port = mkt_port(), to = mkt_port(), badged;
    CHECK_OK(mk_right_make(port, MK_RIGHT_SEND, 4, &badged));
    CHECK_OK(mk_right_rename(badged, 99));
    CHECK_OK(send_right(to, 99, MK_COPY_SEND));
    CHECK(take_right(to).name == 99 && mkt_refs(99) == 2);
    CHECK_OK(mk_right_rename(mk_task_self(), 100));
    CHECK(mk_task_self() == 100);
}

/* NAME0065: a sender that waits for room goes on waiting when its right is renamed. */
MKT_TEST(NAME0065)
{
    (void)arg;
    mk_name_t port = mkt_port();
    CHECK_OK(mk_port_set_limit(port, 1));
    CHECK_OK(send_id(port, 1));
    struct sender s = {.dest = port, .id = 2, .deadline = MK_TIME_FOREVER};
    mk_name_t thread = thread_of("sender", sender_main, &s, MK_PRIO_DEFAULT + 1);
    CHECK_OK(mk_right_rename(port, 50));
    CHECK(take_id(50) == 1 && s.is_done && s.err == MK_OK && take_id(50) == 2);
    join(thread);
}

/* NAME0070: outside a machine it says so. */
static void NAME0070(void **state)
{
    (void)state;
    assert_int_equal(mk_right_rename(1, 2), MK_E_NOT_IN_MACHINE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(NAME0010), cmocka_unit_test(NAME0020), cmocka_unit_test(NAME0030), cmocka_unit_test(NAME0040),
        cmocka_unit_test(NAME0050), cmocka_unit_test(NAME0060), cmocka_unit_test(NAME0065), cmocka_unit_test(NAME0070),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
