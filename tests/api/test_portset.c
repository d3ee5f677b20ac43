/* SPDX-License-Identifier: BSD-2-Clause */
/* Port sets. */
#include "helpers.h"

/* A set with two ports in it. */
struct two {
    mk_name_t set, a, b;
};

static struct two two_ports(void)
{
    struct two t = {.a = mkt_port(), .b = mkt_port()};
    CHECK_OK(mk_portset_create(&t.set));
    CHECK_OK(mk_portset_add(t.set, t.a));
    CHECK_OK(mk_portset_add(t.set, t.b));
    return t;
}

static struct mk_msg take_from(mk_name_t set)
{
    struct mk_msg msg = {.capacity = 0};
    CHECK_OK(mk_receive(set, &msg, MK_TIME_POLL));
    return msg;
}

/* SET0010: a receive on a set takes from a member, and tells which. */
MKT_TEST(SET0010)
{
    (void)arg;
    struct two t = two_ports();
    CHECK_OK(send_id(t.b, 5));
    struct mk_msg msg = take_from(t.set);
    CHECK(msg.id == 5 && msg.port == t.b && msg.seqno == 0);
    CHECK(mkt_type(t.set) == MK_RIGHT_PORT_SET && port_state(t.a).in_set);
}

/* SET0020: an empty set, and one whose members have nothing, refuse a receive that will not wait. */
MKT_TEST(SET0020)
{
    (void)arg;
    struct two t = two_ports();
    struct mk_msg msg = {.capacity = 0};
    mk_name_t empty;
    CHECK_OK(mk_portset_create(&empty));
    CHECK_ERR(mk_receive(empty, &msg, MK_TIME_POLL), MK_E_WOULD_BLOCK);
    CHECK_ERR(mk_receive(t.set, &msg, MK_TIME_POLL), MK_E_WOULD_BLOCK);
    CHECK_ERR(mk_receive(t.set, &msg, mk_time_now() + MK_MSEC), MK_E_TIMED_OUT);
}

/* SET0030: members with messages are served in turn, not one until it is empty. */
MKT_TEST(SET0030)
{
    (void)arg;
    struct two t = two_ports();
    for (uint32_t i = 0; i < 3; i++)
        CHECK_OK(send_id(t.a, i));
    for (uint32_t i = 10; i < 13; i++)
        CHECK_OK(send_id(t.b, i));
    static const uint32_t expected[] = {0, 10, 1, 11, 2, 12};
    for (size_t i = 0; i < COUNT_OF(expected); i++)
        CHECK(take_from(t.set).id == expected[i]);
}

/* SET0040: a member that always gets new messages is served in its turn all the same. */
MKT_TEST(SET0040)
{
    (void)arg;
    struct two t = two_ports();
    unsigned nr_a = 0;
    CHECK_OK(mk_port_set_limit(t.a, MK_QUEUE_MAX));
    CHECK_OK(mk_port_set_limit(t.b, MK_QUEUE_MAX));
    for (int i = 0; i < 200; i++)
        CHECK_OK(send_id(t.b, 2));
    for (int i = 0; i < 100; i++) {
        CHECK_OK(send_id(t.a, 1));
        nr_a += take_from(t.set).id == 1;
    }
    CHECK(nr_a >= 49 && nr_a <= 51);
}

/* SET0050: a member can be received from directly while it is in the set. */
MKT_TEST(SET0050)
{
    (void)arg;
    struct two t = two_ports();
    struct mk_msg msg = {.capacity = 0};
    CHECK_OK(send_id(t.a, 1));
    CHECK_OK(send_id(t.a, 2));
    CHECK(take_id(t.a) == 1 && take_from(t.set).id == 2);
    CHECK_OK(send_id(t.a, 3));
    CHECK(take_id(t.a) == 3);
    CHECK_ERR(mk_receive(t.set, &msg, MK_TIME_POLL), MK_E_WOULD_BLOCK);
}

/* SET0060: receivers that wait at the set get messages to members; sequence numbers are the member's. */
MKT_TEST(SET0060)
{
    (void)arg;
    struct two t = two_ports();
    struct receiver r[2];
    mk_name_t threads[2];
    for (int i = 0; i < 2; i++) {
        r[i] = (struct receiver){.receive = t.set, .deadline = MK_TIME_FOREVER};
        threads[i] = mkt_thread(receiver_main, &r[i]);
    }
    mk_thread_yield();
    CHECK_OK(send_id(t.b, 1));
    CHECK_OK(send_id(t.a, 2));
    for (int i = 0; i < 2; i++)
        join(threads[i]);
    CHECK(r[0].msg.id == 1 && r[0].msg.port == t.b && r[0].msg.seqno == 0);
    CHECK(r[1].msg.id == 2 && r[1].msg.port == t.a && r[1].msg.seqno == 0);
}

/* SET0070: a receiver that waits at the port itself is served before one that waits at its set. */
MKT_TEST(SET0070)
{
    (void)arg;
    struct two t = two_ports();
    struct receiver at_set = {.receive = t.set, .deadline = MK_TIME_FOREVER};
    struct receiver at_port = {.receive = t.a, .deadline = MK_TIME_FOREVER};
    mk_name_t one = mkt_thread(receiver_main, &at_set), two = mkt_thread(receiver_main, &at_port);
    mk_thread_yield();
    CHECK_OK(send_id(t.a, 1));
    join(two);
    CHECK(at_port.err == MK_OK && !at_set.is_done);
    CHECK_OK(send_id(t.a, 2));
    join(one);
    CHECK(at_set.err == MK_OK && at_set.msg.id == 2);
}

/* SET0080: a port is in one set at most, and leaves only the set that it is in. */
MKT_TEST(SET0080)
{
    (void)arg;
    struct two t = two_ports();
    mk_name_t other;
    CHECK_OK(mk_portset_create(&other));
    CHECK_ERR(mk_portset_add(other, t.a), MK_E_BAD_STATE);
    CHECK_ERR(mk_portset_add(t.set, t.a), MK_E_BAD_STATE);
    CHECK_ERR(mk_portset_remove(other, t.a), MK_E_BAD_STATE);
    CHECK_OK(mk_portset_remove(t.set, t.a));
    CHECK(!port_state(t.a).in_set);
    CHECK_ERR(mk_portset_remove(t.set, t.a), MK_E_BAD_STATE);
    CHECK_OK(mk_portset_add(other, t.a));
}

/* SET0090: a port that joins with messages serves a receiver that waits at the set already. */
MKT_TEST(SET0090)
{
    (void)arg;
    struct two t = two_ports();
    mk_name_t late = mkt_port();
    CHECK_OK(send_id(late, 8));
    struct receiver r = {.receive = t.set, .deadline = MK_TIME_FOREVER};
    mk_name_t thread = mkt_thread(receiver_main, &r);
    mk_thread_yield();
    CHECK_OK(mk_portset_add(t.set, late));
    join(thread);
    CHECK(r.err == MK_OK && r.msg.id == 8 && r.msg.port == late);
}

/* SET0100: a port that left the set keeps its messages, and the set does not give them any more. */
MKT_TEST(SET0100)
{
    (void)arg;
    struct two t = two_ports();
    struct mk_msg msg = {.capacity = 0};
    CHECK_OK(send_id(t.a, 1));
    CHECK_OK(mk_portset_remove(t.set, t.a));
    CHECK_ERR(mk_receive(t.set, &msg, MK_TIME_POLL), MK_E_WOULD_BLOCK);
    CHECK(take_id(t.a) == 1);
}

/* SET0110: a destroyed set leaves its members alive outside any set; receivers that wait get MK_E_DEAD. */
MKT_TEST(SET0110)
{
    (void)arg;
    struct two t = two_ports();
    struct receiver r = {.receive = t.set, .deadline = MK_TIME_FOREVER};
    mk_name_t thread = mkt_thread(receiver_main, &r);
    mk_thread_yield();
    CHECK_OK(mk_portset_destroy(t.set));
    join(thread);
    CHECK(r.err == MK_E_DEAD && mkt_type(t.set) == 0);
    CHECK(!port_state(t.a).in_set && !port_state(t.b).in_set);
    CHECK_OK(send_id(t.a, 1));
    CHECK(take_id(t.a) == 1);
}

/* SET0120: a receive right that moves or dies leaves the set. */
MKT_TEST(SET0120)
{
    (void)arg;
    struct two t = two_ports();
    mk_name_t carrier = mkt_port();
    struct mk_msg msg = {.capacity = 0};
    CHECK_OK(send_id(t.a, 1));
    CHECK_OK(send_id(t.b, 2));
    CHECK_OK(send_right(carrier, t.a, MK_MOVE_RECEIVE));
    CHECK_OK(mk_port_destroy(t.b));
    CHECK_ERR(mk_receive(t.set, &msg, MK_TIME_POLL), MK_E_WOULD_BLOCK);
    CHECK(take_right(carrier).name == t.a && !port_state(t.a).in_set && take_id(t.a) == 1);
}

/* SET0130: the death of a member does not wake those who wait at the set. */
MKT_TEST(SET0130)
{
    (void)arg;
    struct two t = two_ports();
    struct receiver r = {.receive = t.set, .deadline = MK_TIME_FOREVER};
    mk_name_t thread = mkt_thread(receiver_main, &r);
    mk_thread_yield();
    CHECK_OK(mk_port_destroy(t.a));
    mk_thread_yield();
    CHECK(!r.is_done);
    CHECK_OK(send_id(t.b, 3));
    join(thread);
    CHECK(r.err == MK_OK && r.msg.id == 3);
}

/* SET0140: set calls refuse names that are no set, and ports that are no receive right. */
MKT_TEST(SET0140)
{
    (void)arg;
    struct two t = two_ports();
    mk_name_t badged, bad[5];
    CHECK_OK(mk_right_make(t.a, MK_RIGHT_SEND, 1, &badged));
    bad[0] = MK_NAME_NULL;
    bad[1] = stale_name();
    bad[2] = badged;
    bad[3] = once_name(t.a);
    bad[4] = dead_name();
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        mk_err_t expected = i < 2 ? MK_E_BAD_NAME : MK_E_BAD_RIGHT;
        CHECK_ERR(mk_portset_destroy(bad[i]), expected);
        CHECK_ERR(mk_portset_add(bad[i], t.a), expected);
        CHECK_ERR(mk_portset_add(t.set, bad[i]), expected);
        CHECK_ERR(mk_portset_remove(bad[i], t.a), expected);
        CHECK_ERR(mk_portset_remove(t.set, bad[i]), expected);
    }
    CHECK_ERR(mk_portset_destroy(t.a), MK_E_BAD_RIGHT);
    CHECK_ERR(mk_portset_add(t.set, t.set), MK_E_CIRCULAR);
    CHECK(port_state(t.a).in_set && port_state(t.b).in_set);
}

/* SET0150: a message too large for the receiver stays at its port and keeps the port ready. */
MKT_TEST(SET0150)
{
    (void)arg;
    struct two t = two_ports();
    char body[8] = "x";
    struct mk_msg msg = {.id = 4, .body = body, .size = 8};
    CHECK_OK(mk_send(t.a, &msg, MK_TIME_POLL));
    msg = (struct mk_msg){.body = body, .capacity = 7};
    CHECK_ERR(mk_receive(t.set, &msg, MK_TIME_POLL), MK_E_MSG_TOO_LARGE);
    CHECK(msg.size == 8);
    msg.capacity = 8;
    CHECK_OK(mk_receive(t.set, &msg, MK_TIME_POLL));
    CHECK(msg.id == 4);
}

static void set_server(void *arg)
{
    const mk_name_t *set = arg;
    struct mk_msg msg = {.capacity = 0};
    mk_err_t err = mk_receive(*set, &msg, MK_TIME_FOREVER);
    while (!err) {
        msg.status = (mk_err_t)msg.port;
        err = mk_reply_receive(*set, &msg, MK_TIME_FOREVER);
    }
    CHECK_ERR(err, MK_E_DEAD);
}

/* SET0160: a server that waits at a set answers calls to all of its members. */
MKT_TEST(SET0160)
{
    (void)arg;
    struct two t = two_ports();
    mk_name_t thread = mkt_thread(set_server, &t.set);
    for (int i = 0; i < 50; i++) {
        struct mk_msg msg = {.id = 1};
        mk_name_t port = i % 3 ? t.a : t.b;
        CHECK_OK(mk_call(port, &msg, MK_TIME_FOREVER));
        CHECK(msg.status == (mk_err_t)port);
    }
    CHECK_OK(mk_portset_destroy(t.set));
    join(thread);
}

/* SET0170: waiting senders of a member go on when the set's receiver makes room. */
MKT_TEST(SET0170)
{
    (void)arg;
    struct two t = two_ports();
    struct sender s[3];
    mk_name_t threads[3];
    CHECK_OK(mk_port_set_limit(t.a, 1));
    for (uint32_t i = 0; i < 3; i++) {
        s[i] = (struct sender){.dest = t.a, .id = i, .deadline = MK_TIME_FOREVER};
        threads[i] = mkt_thread(sender_main, &s[i]);
    }
    for (uint32_t i = 0; i < 3; i++) {
        struct mk_msg msg = {.capacity = 0};
        CHECK_OK(mk_receive(t.set, &msg, mk_time_now() + MK_SEC));
        CHECK(msg.id == i);
    }
    for (int i = 0; i < 3; i++)
        join(threads[i]);
}

static void set_holder(void *arg)
{
    (void)arg;
    struct two t = two_ports();
    CHECK_OK(send_id(t.a, 1));
    CHECK_OK(send_right(t.b, t.a, MK_COPY_SEND));
}

/* SET0180: a set goes with its task, and its members die with theirs. */
MKT_TEST(SET0180)
{
    (void)arg;
    struct mk_machine_stats before, after;
    CHECK_OK(mk_machine_stats(NULL, &before));
    mk_name_t task = task_of("holder", set_holder, NULL);
    CHECK_OK(mk_task_wait(task, NULL, MK_TIME_FOREVER));
    CHECK_OK(mk_right_release(task));
    CHECK_OK(mk_machine_stats(NULL, &after));
    CHECK(after.nr_ports == before.nr_ports && after.nr_messages == before.nr_messages);
}

/* SET0190: on a rendezvous member a sender that waits meets a receiver that comes to the set. */
MKT_TEST(SET0190)
{
    (void)arg;
    struct two t = two_ports();
    CHECK_OK(mk_port_set_limit(t.a, 0));
    struct sender s = {.dest = t.a, .id = 6, .deadline = MK_TIME_FOREVER};
    mk_name_t thread = mkt_thread(sender_main, &s);
    mk_thread_yield();
    struct mk_msg msg = {.capacity = 0};
    CHECK_OK(mk_receive(t.set, &msg, mk_time_now() + MK_SEC));
    CHECK(msg.id == 6);
    join(thread);
}

/* SET0200: a rendezvous port with a waiting sender that joins the set meets the receiver that waits there. */
MKT_TEST(SET0200)
{
    (void)arg;
    struct two t = two_ports();
    mk_name_t late = mkt_port();
    CHECK_OK(mk_port_set_limit(late, 0));
    struct sender s = {.dest = late, .id = 6, .deadline = mk_time_now() + MK_SEC};
    struct receiver r = {.receive = t.set, .deadline = mk_time_now() + MK_SEC};
    mk_name_t sender = mkt_thread(sender_main, &s), receiver = mkt_thread(receiver_main, &r);
    mk_thread_yield();
    CHECK_OK(mk_portset_add(t.set, late));
    join(sender);
    join(receiver);
    CHECK(s.err == MK_OK && r.err == MK_OK && r.msg.id == 6);
}

/* A set of two sets with two ports each. */
struct nest {
    mk_name_t outer;
    struct two inner[2];
};

static struct nest nest_make(void)
{
    struct nest n = {.inner = {two_ports(), two_ports()}};
    CHECK_OK(mk_portset_create(&n.outer));
    CHECK_OK(mk_portset_add(n.outer, n.inner[0].set));
    CHECK_OK(mk_portset_add(n.outer, n.inner[1].set));
    return n;
}

/* SET0300: a set of sets takes its members in turn, and each of them theirs. */
MKT_TEST(SET0300)
{
    (void)arg;
    struct nest n = nest_make();
    static const uint32_t expected[] = {0, 20, 10, 21, 1, 11};
    for (uint32_t i = 0; i < 2; i++) {
        CHECK_OK(send_id(n.inner[0].a, i));
        CHECK_OK(send_id(n.inner[0].b, 10 + i));
        CHECK_OK(send_id(n.inner[1].a, 20 + i));
    }
    for (size_t i = 0; i < COUNT_OF(expected); i++)
        CHECK(take_from(n.outer).id == expected[i]);
    struct mk_msg msg = {.capacity = 0};
    CHECK_ERR(mk_receive(n.outer, &msg, MK_TIME_POLL), MK_E_WOULD_BLOCK);
}

/* SET0310: a thread that waits at the outer set gets what comes to a port two sets down. */
MKT_TEST(SET0310)
{
    (void)arg;
    struct nest n = nest_make();
    struct receiver r = {.receive = n.outer, .deadline = MK_TIME_FOREVER};
    mk_name_t thread = thread_of("receiver", receiver_main, &r, MK_PRIO_DEFAULT + 1);
    CHECK_OK(send_id(n.inner[1].b, 8));
    CHECK(r.is_done && r.msg.id == 8 && r.msg.port == n.inner[1].b);
    join(thread);
}

/* SET0320: of threads that wait at both, those at the inner set are served first. */
MKT_TEST(SET0320)
{
    (void)arg;
    struct nest n = nest_make();
    struct receiver outer = {.receive = n.outer, .deadline = MK_TIME_FOREVER},
                    inner = {.receive = n.inner[0].set, .deadline = MK_TIME_FOREVER};
    mk_name_t threads[] = {thread_of("outer", receiver_main, &outer, MK_PRIO_DEFAULT + 1),
                           thread_of("inner", receiver_main, &inner, MK_PRIO_DEFAULT + 1)};
    CHECK_OK(send_id(n.inner[0].a, 1));
    CHECK(inner.is_done && !outer.is_done);
    CHECK_OK(send_id(n.inner[0].a, 2));
    CHECK(outer.is_done && outer.msg.id == 2);
    join(threads[0]);
    join(threads[1]);
}

/* SET0330: adding and removing a set that has messages makes the outer one ready, and idle again. */
MKT_TEST(SET0330)
{
    (void)arg;
    struct two t = two_ports();
    mk_name_t outer;
    struct mk_msg msg = {.capacity = 0};
    CHECK_OK(mk_portset_create(&outer));
    CHECK_OK(send_id(t.a, 1));
    struct receiver r = {.receive = outer, .deadline = MK_TIME_FOREVER};
    mk_name_t thread = thread_of("receiver", receiver_main, &r, MK_PRIO_DEFAULT + 1);
    CHECK_OK(mk_portset_add(outer, t.set));
    CHECK(r.is_done && r.msg.id == 1);
    join(thread);
    CHECK_OK(send_id(t.a, 2));
    CHECK_OK(mk_portset_remove(outer, t.set));
    CHECK_ERR(mk_receive(outer, &msg, MK_TIME_POLL), MK_E_WOULD_BLOCK);
    CHECK_OK(mk_portset_add(outer, t.set));
    CHECK_OK(mk_portset_remove(t.set, t.a));
    CHECK_ERR(mk_receive(outer, &msg, MK_TIME_POLL), MK_E_WOULD_BLOCK);
    CHECK_OK(mk_portset_add(t.set, t.a));
    CHECK(take_from(outer).id == 2);
    CHECK_OK(mk_machine_audit(NULL));
}

/* SET0340: no set stands inside itself, and there is a limit to how deep they stand. */
MKT_TEST(SET0340)
{
    (void)arg;
    mk_name_t sets[MK_SET_DEPTH_MAX + 1];
    for (int i = 0; i <= MK_SET_DEPTH_MAX; i++)
        CHECK_OK(mk_portset_create(&sets[i]));
    for (int i = 0; i + 1 < MK_SET_DEPTH_MAX; i++)
        CHECK_OK(mk_portset_add(sets[i], sets[i + 1]));
    CHECK_ERR(mk_portset_add(sets[MK_SET_DEPTH_MAX - 1], sets[MK_SET_DEPTH_MAX]), MK_E_LIMIT_DEPTH);
    CHECK_ERR(mk_portset_add(sets[MK_SET_DEPTH_MAX], sets[0]), MK_E_LIMIT_DEPTH);
    CHECK_ERR(mk_portset_add(sets[MK_SET_DEPTH_MAX - 1], sets[0]), MK_E_CIRCULAR);
    CHECK_ERR(mk_portset_add(sets[MK_SET_DEPTH_MAX], sets[3]), MK_E_BAD_STATE);
    mk_name_t port = mkt_port();
    CHECK_OK(mk_portset_add(sets[MK_SET_DEPTH_MAX - 1], port));
    CHECK_OK(send_id(port, 6));
    CHECK(take_from(sets[0]).id == 6);
}

/* SET0350: a set in the middle that is destroyed leaves its members outside any set; the audit is content. */
MKT_TEST(SET0350)
{
    (void)arg;
    struct nest n = nest_make();
    struct mk_msg msg = {.capacity = 0};
    CHECK_OK(send_id(n.inner[0].a, 1));
    CHECK_OK(mk_portset_destroy(n.inner[0].set));
    CHECK(!port_state(n.inner[0].a).in_set);
    CHECK_ERR(mk_receive(n.outer, &msg, MK_TIME_POLL), MK_E_WOULD_BLOCK);
    CHECK_OK(send_id(n.inner[1].a, 2));
    CHECK(take_from(n.outer).id == 2);
    CHECK_OK(mk_portset_destroy(n.outer));
    CHECK_OK(mk_portset_add(n.inner[1].set, n.inner[0].a));
    CHECK(take_from(n.inner[1].set).id == 1);
    CHECK_OK(mk_machine_audit(NULL));
}

/* SET0360: a sender at a port that queues nothing meets a receiver at a set two levels up. */
MKT_TEST(SET0360)
{
    (void)arg;
    struct nest n = nest_make();
    CHECK_OK(mk_port_set_limit(n.inner[0].a, 0));
    struct sender s = {.dest = n.inner[0].a, .id = 5, .deadline = MK_TIME_FOREVER};
    mk_name_t thread = thread_of("sender", sender_main, &s, MK_PRIO_DEFAULT + 1);
    struct mk_msg msg = {.capacity = 0};
    CHECK_OK(mk_receive(n.outer, &msg, MK_TIME_FOREVER));
    CHECK(msg.id == 5 && s.is_done);
    join(thread);
}

/*
 * SET0370: when a send-once right goes unused, a thread that waits at the set gets the notice if the one that waited at
 * the port is gone before it could.
 */
MKT_TEST(SET0370)
{
    (void)arg;
    struct two t = two_ports();
    struct receiver at_port = {.receive = t.a, .deadline = MK_TIME_FOREVER},
                    at_set = {.receive = t.set, .deadline = MK_TIME_FOREVER};
    mk_name_t threads[] = {thread_of("port", receiver_main, &at_port, 0), thread_of("set", receiver_main, &at_set, 0)};
    CHECK_OK(mk_time_sleep(mk_time_now() + MK_MSEC));
    CHECK_OK(mk_right_release(once_name(t.a)));
    CHECK_OK(mk_thread_terminate(threads[0]));
    join(threads[1]);
    CHECK(at_set.err == MK_OK && at_set.msg.id == MK_NOTIFY_ID + MK_NOTIFY_SEND_ONCE);
    CHECK_OK(mk_right_release(threads[0]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(SET0010), cmocka_unit_test(SET0020), cmocka_unit_test(SET0030), cmocka_unit_test(SET0040),
        cmocka_unit_test(SET0050), cmocka_unit_test(SET0060), cmocka_unit_test(SET0070), cmocka_unit_test(SET0080),
        cmocka_unit_test(SET0090), cmocka_unit_test(SET0100), cmocka_unit_test(SET0110), cmocka_unit_test(SET0120),
        cmocka_unit_test(SET0130), cmocka_unit_test(SET0140), cmocka_unit_test(SET0150), cmocka_unit_test(SET0160),
        cmocka_unit_test(SET0170), cmocka_unit_test(SET0180), cmocka_unit_test(SET0190), cmocka_unit_test(SET0200),
        cmocka_unit_test(SET0300), cmocka_unit_test(SET0310), cmocka_unit_test(SET0320), cmocka_unit_test(SET0330),
        cmocka_unit_test(SET0340), cmocka_unit_test(SET0350), cmocka_unit_test(SET0360), cmocka_unit_test(SET0370),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
