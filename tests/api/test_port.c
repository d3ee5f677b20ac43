/* SPDX-License-Identifier: BSD-2-Clause */
/* Ports: create, destroy, state, limit. */
#include "helpers.h"

/* PORT0010: a new port is empty, has the default limit, no send rights and is in no set. */
MKT_TEST(PORT0010)
{
    (void)arg;
    mk_name_t port;
    CHECK_OK(mk_port_create(&port));
    struct mk_port_state s = port_state(port);
    CHECK(port != MK_NAME_NULL && port != MK_NAME_DEAD);
    CHECK(s.nr_queued == 0 && s.queue_limit == MK_QUEUE_DEFAULT && s.nr_send == 0 && s.nr_send_once == 0);
    CHECK(s.make_count == 0 && s.seqno == 0 && !s.in_set);
}

/* PORT0020: a destroyed port's name is gone, and is not the next port's name. */
MKT_TEST(PORT0020)
{
    (void)arg;
    mk_name_t port, next;
    struct mk_right_info info;
    CHECK_OK(mk_port_create(&port));
    CHECK_OK(mk_port_destroy(port));
    CHECK_ERR(mk_right_info(port, &info), MK_E_BAD_NAME);
    CHECK_OK(mk_port_create(&next));
    CHECK(next != port);
    CHECK_ERR(mk_port_destroy(port), MK_E_BAD_NAME);
    CHECK(mkt_type(next) == MK_RIGHT_RECEIVE);
}

/* PORT0030: the send right under a destroyed port's name remains as a dead name with its user references. */
MKT_TEST(PORT0030)
{
    (void)arg;
    mk_name_t port = mkt_port();
    struct mk_right_info info;
    CHECK_OK(mk_right_retain(port, 4));
    CHECK_OK(mk_port_destroy(port));
    CHECK_OK(mk_right_info(port, &info));
    CHECK(info.type == MK_RIGHT_DEAD_NAME && info.user_refs == 5 && info.port == 0);
    for (int i = 0; i < 5; i++)
        CHECK_OK(mk_right_release(port));
    CHECK(mkt_type(port) == 0);
}

/* PORT0040: only a receive right can be destroyed. */
MKT_TEST(PORT0040)
{
    (void)arg;
    mk_name_t port = mkt_port(), badged, set;
    CHECK_OK(mk_right_make(port, MK_RIGHT_SEND, 1, &badged));
    CHECK_OK(mk_portset_create(&set));
    CHECK_ERR(mk_port_destroy(MK_NAME_NULL), MK_E_BAD_NAME);
    CHECK_ERR(mk_port_destroy(MK_NAME_DEAD), MK_E_BAD_NAME);
    CHECK_ERR(mk_port_destroy(badged), MK_E_BAD_RIGHT);
    CHECK_ERR(mk_port_destroy(once_name(port)), MK_E_BAD_RIGHT);
    CHECK_ERR(mk_port_destroy(set), MK_E_BAD_RIGHT);
    CHECK_ERR(mk_port_destroy(mk_task_self()), MK_E_BAD_RIGHT);
    CHECK_ERR(mk_port_destroy(dead_name()), MK_E_BAD_RIGHT);
    CHECK(mkt_type(port) == (MK_RIGHT_SEND | MK_RIGHT_RECEIVE));
}

/* PORT0050: the messages of a destroyed port go with their rights: send counts fall, receive rights in them die. */
MKT_TEST(PORT0050)
{
    (void)arg;
    mk_name_t port = mkt_port(), other = mkt_port(), inner = mkt_port();
    CHECK_OK(send_right(port, other, MK_COPY_SEND));
    CHECK_OK(send_right(port, other, MK_MAKE_SEND_ONCE));
    CHECK_OK(send_right(port, inner, MK_MOVE_RECEIVE));
    CHECK(port_state(other).nr_send == 2 && port_state(other).nr_send_once == 1);
    CHECK_OK(mk_port_destroy(port));
    CHECK(port_state(other).nr_send == 1 && port_state(other).nr_send_once == 0);
    CHECK(mkt_type(inner) == MK_RIGHT_DEAD_NAME);
    take_notice(other, MK_NOTIFY_SEND_ONCE);
}

/* PORT0060: the queue limit is 0 to MK_QUEUE_MAX; another is refused and changes nothing. */
MKT_TEST(PORT0060)
{
    (void)arg;
    mk_name_t port = mkt_port();
    CHECK_OK(mk_port_set_limit(port, 1));
    CHECK_OK(mk_port_set_limit(port, MK_QUEUE_MAX));
    CHECK_ERR(mk_port_set_limit(port, MK_QUEUE_MAX + 1), MK_E_BAD_ARGUMENT);
    CHECK_OK(mk_port_set_limit(port, 0));
    CHECK_ERR(send_id(port, 1), MK_E_WOULD_BLOCK);
    CHECK_OK(mk_port_set_limit(port, MK_QUEUE_MAX));
    CHECK_ERR(mk_port_set_limit(port, UINT32_MAX), MK_E_BAD_ARGUMENT);
    CHECK_ERR(mk_port_set_limit(port, 65537), MK_E_BAD_ARGUMENT);
    CHECK(port_state(port).queue_limit == MK_QUEUE_MAX);
    for (uint32_t i = 0; i < MK_QUEUE_MAX; i++)
        CHECK_OK(send_id(port, i));
    CHECK_ERR(send_id(port, 0), MK_E_WOULD_BLOCK);
}

/* PORT0070: a smaller limit drops no message; room comes when the queue is below it. */
MKT_TEST(PORT0070)
{
    (void)arg;
    mk_name_t port = mkt_port();
    for (uint32_t i = 0; i < 3; i++)
        CHECK_OK(send_id(port, i));
    CHECK_OK(mk_port_set_limit(port, 2));
    CHECK(port_state(port).nr_queued == 3);
    CHECK(take_id(port) == 0);
    CHECK_ERR(send_id(port, 9), MK_E_WOULD_BLOCK);
    CHECK(take_id(port) == 1);
    CHECK_OK(send_id(port, 3));
    CHECK(take_id(port) == 2 && take_id(port) == 3);
}

/* PORT0080: state and limit want a receive right. */
MKT_TEST(PORT0080)
{
    (void)arg;
    mk_name_t port = mkt_port(), badged, set, bad[6];
    struct mk_port_state state;
    CHECK_OK(mk_right_make(port, MK_RIGHT_SEND, 1, &badged));
    CHECK_OK(mk_portset_create(&set));
    bad[0] = MK_NAME_NULL;
    bad[1] = stale_name();
    bad[2] = badged;
    bad[3] = once_name(port);
    bad[4] = set;
    bad[5] = dead_name();
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        mk_err_t expected = i < 2 ? MK_E_BAD_NAME : MK_E_BAD_RIGHT;
        CHECK_ERR(mk_port_state(bad[i], &state), expected);
        CHECK_ERR(mk_port_set_limit(bad[i], 3), expected);
    }
}

/* PORT0090: the state counts queued messages and the rights alive anywhere, also in messages. */
MKT_TEST(PORT0090)
{
    (void)arg;
    mk_name_t port = mkt_port(), carrier = mkt_port(), badged;
    CHECK_OK(mk_right_make(port, MK_RIGHT_SEND, 8, &badged));
    CHECK_OK(send_right(carrier, port, MK_MAKE_SEND));
    CHECK_OK(send_right(carrier, badged, MK_COPY_SEND));
    CHECK_OK(send_right(carrier, port, MK_MAKE_SEND_ONCE));
    CHECK_OK(send_id(port, 1));
    struct mk_port_state s = port_state(port);
    CHECK(s.nr_send == 4 && s.nr_send_once == 1 && s.make_count == 3 && s.nr_queued == 1);
}

/* PORT0100: the make count starts anew when the receive right moves; queue and sequence number move with it. */
MKT_TEST(PORT0100)
{
    (void)arg;
    mk_name_t port = mkt_port(), carrier = mkt_port();
    CHECK_OK(send_id(port, 1));
    CHECK_OK(send_id(port, 2));
    CHECK(take_id(port) == 1);
    CHECK_OK(send_right(carrier, port, MK_MOVE_RECEIVE));
    CHECK_OK(send_id(port, 3));
    struct mk_msg_right right = take_right(carrier);
    CHECK(right.name == port && right.how == MK_RIGHT_RECEIVE);
    struct mk_port_state s = port_state(port);
    CHECK(s.make_count == 0 && s.seqno == 1 && s.nr_queued == 2);
    CHECK(take_id(port) == 2 && take_id(port) == 3);
}

/* PORT0110: ports in listings have ascending numbers, their receiver and its name. */
MKT_TEST(PORT0110)
{
    (void)arg;
    static struct mk_port_info infos[64];
    mk_name_t port = mkt_port();
    size_t n;
    struct mk_right_info right;
    CHECK_OK(mk_right_info(port, &right));
    CHECK_OK(mk_machine_ports(NULL, infos, 64, &n));
    size_t at = n;
    for (size_t i = 0; i < n; i++) {
        CHECK(i == 0 || infos[i].id > infos[i - 1].id);
        if (infos[i].id == right.port)
            at = i;
    }
    CHECK(at < n && infos[at].receiver == mk_task_id() && infos[at].name == port && infos[at].nr_send == 1);
}

/* PORT0120: a space of MK_NAMES_MAX names refuses one more, and works again after a release. */
MKT_TEST(PORT0120)
{
    (void)arg;
    mk_name_t port = mkt_port(), other = mkt_port(), once = MK_NAME_NULL, name;
    uint32_t n = 0;
    mk_err_t err = MK_OK;
    CHECK_OK(send_right(port, other, MK_MAKE_SEND_ONCE));
    for (mk_name_t made; !(err = mk_right_make(port, MK_RIGHT_SEND_ONCE, 0, &made)); n++)
        once = made;
    CHECK_ERR(err, MK_E_LIMIT_NAMES);
    CHECK(n > MK_NAMES_MAX - 64 && mkt_nr_names() <= MK_NAMES_MAX);
    CHECK_ERR(mk_port_create(&name), MK_E_LIMIT_NAMES);
    CHECK_ERR(mk_portset_create(&name), MK_E_LIMIT_NAMES);
    CHECK_ERR(mk_task_create("t", &name), MK_E_LIMIT_NAMES);
    CHECK_ERR(mk_right_make(port, MK_RIGHT_SEND, 5, &name), MK_E_LIMIT_NAMES);
    struct mk_msg_right right;
    struct mk_msg msg = {.rights = &right, .max_rights = 1};
    CHECK_ERR(mk_receive(port, &msg, MK_TIME_POLL), MK_E_LIMIT_NAMES);
    CHECK(port_state(port).nr_queued == 1);
    CHECK_OK(mk_port_destroy(other));
    CHECK_OK(mk_right_release(other));
    CHECK_OK(mk_right_release(once));
    CHECK_OK(mk_port_create(&name));
}

/* PORT0130: a stale name stays refused, however often its place in the space was used again. */
MKT_TEST(PORT0130)
{
    (void)arg;
    mk_name_t stale = stale_name(), port;
    for (int i = 0; i < 5000; i++) {
        CHECK_OK(mk_port_create(&port));
        CHECK(port != stale);
        CHECK_OK(mk_port_destroy(port));
    }
}

/* PORT0140: no name is given twice at a time, and none is one of the two reserved ones. */
MKT_TEST(PORT0140)
{
    (void)arg;
    enum { NR = 3000 };
    static mk_name_t names[NR];
    for (int i = 0; i < NR; i++) {
        CHECK_OK(mk_port_create(&names[i]));
        CHECK(names[i] != MK_NAME_NULL && names[i] != MK_NAME_DEAD);
        if (i % 3 == 2) {
            CHECK_OK(mk_port_destroy(names[i - 1]));
            names[i - 1] = MK_NAME_NULL;
        }
    }
    for (int i = 0; i < NR; i++)
        if (names[i]) {
            CHECK(mkt_type(names[i]) == MK_RIGHT_RECEIVE);
            CHECK_OK(mk_port_destroy(names[i])); /* would fail for a name given twice */
        }
}

/* PORT0150: outside a machine every call says so. */
static void PORT0150(void **state)
{
    (void)state;
    mk_name_t name;
    struct mk_port_state s;
    struct mk_right_info info;
    assert_int_equal(mk_port_create(&name), MK_E_NOT_IN_MACHINE);
    assert_int_equal(mk_port_destroy(1), MK_E_NOT_IN_MACHINE);
    assert_int_equal(mk_port_set_limit(1, 1), MK_E_NOT_IN_MACHINE);
    assert_int_equal(mk_port_state(1, &s), MK_E_NOT_IN_MACHINE);
    assert_int_equal(mk_right_make(1, MK_RIGHT_SEND, 0, &name), MK_E_NOT_IN_MACHINE);
    assert_int_equal(mk_right_retain(1, 1), MK_E_NOT_IN_MACHINE);
    assert_int_equal(mk_right_release(1), MK_E_NOT_IN_MACHINE);
    assert_int_equal(mk_right_info(1, &info), MK_E_NOT_IN_MACHINE);
    assert_int_equal(mk_right_insert(1, 1, MK_COPY_SEND, &name), MK_E_NOT_IN_MACHINE);
    assert_int_equal(mk_right_extract(1, 1, MK_COPY_SEND, &name), MK_E_NOT_IN_MACHINE);
    assert_int_equal(mk_port_notify(1, MK_NOTIFY_DEAD_NAME, 0, 1), MK_E_NOT_IN_MACHINE);
    assert_int_equal(mk_portset_create(&name), MK_E_NOT_IN_MACHINE);
    assert_int_equal(mk_portset_destroy(1), MK_E_NOT_IN_MACHINE);
    assert_int_equal(mk_portset_add(1, 1), MK_E_NOT_IN_MACHINE);
    assert_int_equal(mk_portset_remove(1, 1), MK_E_NOT_IN_MACHINE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(PORT0010), cmocka_unit_test(PORT0020), cmocka_unit_test(PORT0030), cmocka_unit_test(PORT0040),
        cmocka_unit_test(PORT0050), cmocka_unit_test(PORT0060), cmocka_unit_test(PORT0070), cmocka_unit_test(PORT0080),
        cmocka_unit_test(PORT0090), cmocka_unit_test(PORT0100), cmocka_unit_test(PORT0110), cmocka_unit_test(PORT0120),
        cmocka_unit_test(PORT0130), cmocka_unit_test(PORT0140), cmocka_unit_test(PORT0150),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
