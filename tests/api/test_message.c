/* SPDX-License-Identifier: BSD-2-Clause */
/* Messages: send, receive, call, reply. */
#include "helpers.h"

/* MSG0010: a message arrives with its id, status, body and the badge of the right it was sent with. */
MKT_TEST(MSG0010)
{
    (void)arg;
    char body[32];
    mk_name_t port, send;
    CHECK_OK(mk_port_create(&port));
    CHECK_OK(mk_right_make(port, MK_RIGHT_SEND, 77, &send));
    CHECK(send != port);
    struct mk_msg out = {.id = 5, .status = -9, .body = (void *)(uintptr_t) "hello", .size = 5};
    CHECK_OK(mk_send(send, &out, MK_TIME_POLL));
    struct mk_msg in = {.body = body, .capacity = sizeof(body)};
    CHECK_OK(mk_receive(port, &in, MK_TIME_POLL));
    CHECK(in.id == 5 && in.status == -9 && in.badge == 77 && in.size == 5 && memcmp(body, "hello", 5) == 0);
    CHECK(in.reply == MK_NAME_NULL && in.nr_rights == 0 && in.seqno == 0);
}

/* MSG0020: a receive that would wait says so, by its deadline. */
MKT_TEST(MSG0020)
{
    (void)arg;
    struct mk_msg msg = {.capacity = 0};
    mk_name_t port = mkt_port();
    CHECK_ERR(mk_receive(port, &msg, MK_TIME_POLL), MK_E_WOULD_BLOCK);
    CHECK_ERR(mk_receive(port, &msg, 1), MK_E_TIMED_OUT);
    CHECK_ERR(mk_receive(port, &msg, -5), MK_E_BAD_ARGUMENT);
    mk_time_t deadline = mk_time_now() + 5 * MK_MSEC;
    CHECK_ERR(mk_receive(port, &msg, deadline), MK_E_TIMED_OUT);
    CHECK(mk_time_now() >= deadline);
}

/* MSG0030: a message too large for the receiver stays queued and tells what it needs. */
MKT_TEST(MSG0030)
{
    (void)arg;
    char body[64] = "0123456789";
    mk_name_t port = mkt_port();
    struct mk_msg out = {.body = body, .size = 10};
    CHECK_OK(mk_send(port, &out, MK_TIME_POLL));
    struct mk_msg in = {.body = body, .capacity = 9};
    CHECK_ERR(mk_receive(port, &in, MK_TIME_POLL), MK_E_MSG_TOO_LARGE);
    CHECK(in.size == 10);
    in.capacity = 10;
    CHECK_OK(mk_receive(port, &in, MK_TIME_POLL));
    CHECK(in.size == 10);
}

struct pair {
    mk_name_t port;
    unsigned nr_calls;
};

static void adder(void *arg)
{
    struct pair *pair = arg;
    uint64_t number;
    struct mk_msg msg = {.body = &number, .capacity = sizeof(number)};
    mk_err_t err = mk_receive(pair->port, &msg, MK_TIME_FOREVER);
    for (; !err; err = mk_reply_receive(pair->port, &msg, MK_TIME_FOREVER)) {
        number++;
        pair->nr_calls++;
        msg.status = MK_OK;
    }
    CHECK_ERR(err, MK_E_DEAD);
}

/* MSG0040: a call returns the answer, many times over, and leaves no name behind. */
MKT_TEST(MSG0040)
{
    (void)arg;
    struct pair pair = {.port = mkt_port()};
    mk_name_t thread = mkt_thread(adder, &pair);
    uint32_t nr_names = mkt_nr_names();
    for (uint64_t i = 0; i < 1000; i++) {
        uint64_t number = i;
        struct mk_msg msg = {.body = &number, .size = sizeof(number), .capacity = sizeof(number)};
        CHECK_OK(mk_call(pair.port, &msg, MK_TIME_FOREVER));
        CHECK(number == i + 1);
    }
    CHECK(pair.nr_calls == 1000);
    CHECK(mkt_nr_names() == nr_names);
    CHECK_OK(mk_port_destroy(pair.port));
    CHECK_OK(mk_thread_join(thread, MK_TIME_FOREVER));
}

/* MSG0050: a destination that is no name, another kind of right, or dead is refused by its own error. */
MKT_TEST(MSG0050)
{
    (void)arg;
    mk_name_t receive, set;
    CHECK_OK(mk_port_create(&receive));
    CHECK_OK(mk_portset_create(&set));
    CHECK_ERR(send_id(MK_NAME_NULL, 1), MK_E_BAD_NAME);
    CHECK_ERR(send_id(stale_name(), 1), MK_E_BAD_NAME);
    CHECK_ERR(send_id(receive, 1), MK_E_BAD_RIGHT);
    CHECK_ERR(send_id(set, 1), MK_E_BAD_RIGHT);
    CHECK_ERR(send_id(mk_task_self(), 1), MK_E_BAD_RIGHT);
    CHECK_ERR(send_id(dead_name(), 1), MK_E_DEAD);
}

/* MSG0060: bodies and rights up to the limits travel whole, one more is refused. */
MKT_TEST(MSG0060)
{
    (void)arg;
    static unsigned char out[MK_BODY_MAX + 1], in[MK_BODY_MAX];
    static struct mk_msg_right rights[MK_RIGHTS_MAX + 1];
    mk_name_t port = mkt_port();
    for (size_t i = 0; i < sizeof(out); i++)
        out[i] = (unsigned char)(i * 7 + i / 256);
    for (size_t i = 0; i < COUNT_OF(rights); i++)
        rights[i] = (struct mk_msg_right){.name = port, .how = MK_MAKE_SEND};
    struct mk_msg msg = {.body = out, .size = MK_BODY_MAX, .rights = rights, .nr_rights = MK_RIGHTS_MAX};
    CHECK_OK(mk_send(port, &msg, MK_TIME_POLL));
    msg.size = MK_BODY_MAX + 1;
    CHECK_ERR(mk_send(port, &msg, MK_TIME_POLL), MK_E_MSG_TOO_LARGE);
    msg.size = 0;
    msg.nr_rights = MK_RIGHTS_MAX + 1;
    CHECK_ERR(mk_send(port, &msg, MK_TIME_POLL), MK_E_MSG_TOO_LARGE);
    struct mk_msg got = {.body = in, .capacity = sizeof(in), .rights = rights, .max_rights = MK_RIGHTS_MAX};
    CHECK_OK(mk_receive(port, &got, MK_TIME_POLL));
    CHECK(got.size == MK_BODY_MAX && got.nr_rights == MK_RIGHTS_MAX && memcmp(in, out, MK_BODY_MAX) == 0);
    CHECK(mkt_refs(port) == 1 + MK_RIGHTS_MAX);
}

/* MSG0070: an unknown disposition and a negative deadline are refused. */
MKT_TEST(MSG0070)
{
    (void)arg;
    mk_name_t port = mkt_port();
    CHECK_ERR(send_right(port, port, 0), MK_E_BAD_ARGUMENT);
    CHECK_ERR(send_right(port, port, MK_MAKE_SEND_ONCE + 1), MK_E_BAD_ARGUMENT);
    CHECK_ERR(send_right(port, port, UINT32_MAX), MK_E_BAD_ARGUMENT);
    struct mk_msg msg = {.id = 1};
    CHECK_ERR(mk_send(port, &msg, -1), MK_E_BAD_ARGUMENT);
    CHECK_ERR(mk_send(port, &msg, INT64_MIN), MK_E_BAD_ARGUMENT);
    CHECK(is_empty(port));
}

/* MSG0080: when the last right of a message is bad, those before it have not moved. */
MKT_TEST(MSG0080)
{
    (void)arg;
    mk_name_t port = mkt_port(), other = mkt_port(), receive, once = once_name(other);
    CHECK_OK(mk_port_create(&receive));
    struct mk_msg_right rights[] = {
        {.name = other, .how = MK_MOVE_SEND},        {.name = receive, .how = MK_MOVE_RECEIVE},
        {.name = once, .how = MK_MOVE_SEND_ONCE},    {.name = other, .how = MK_MAKE_SEND},
        {.name = stale_name(), .how = MK_COPY_SEND},
    };
    struct mk_msg msg = {.rights = rights, .nr_rights = COUNT_OF(rights), .reply = receive};
    struct snap before;
    snap_take(&before);
    CHECK_ERR(mk_send(port, &msg, MK_TIME_POLL), MK_E_BAD_NAME);
    rights[4].name = receive;
    CHECK_ERR(mk_send(port, &msg, MK_TIME_POLL), MK_E_BAD_RIGHT);
    msg.nr_rights = 1;
    msg.reply = stale_name();
    CHECK_ERR(mk_send(port, &msg, MK_TIME_POLL), MK_E_BAD_NAME);
    CHECK(snap_is_same(&before));
    CHECK(is_empty(port) && port_state(other).make_count == 1 && port_state(other).nr_send == 1);
}

/* A port whose queue is full of one message, 999. */
static mk_name_t full_port(void)
{
    mk_name_t port = mkt_port();
    CHECK_OK(mk_port_set_limit(port, 1));
    CHECK_OK(send_id(port, 999));
    return port;
}

/* MSG0090: a full queue refuses a sender that will not wait, by its deadline, and takes nothing from it. */
MKT_TEST(MSG0090)
{
    (void)arg;
    mk_name_t port = mkt_port(), other = mkt_port();
    struct mk_msg_right right = {.name = other, .how = MK_MOVE_SEND};
    struct mk_msg msg = {.rights = &right, .nr_rights = 1};
    struct snap before;
    for (uint32_t i = 0; i < MK_QUEUE_DEFAULT; i++)
        CHECK_OK(send_id(port, i));
    snap_take(&before);
    CHECK_ERR(mk_send(port, &msg, MK_TIME_POLL), MK_E_WOULD_BLOCK);
    CHECK_ERR(mk_send(port, &msg, 1), MK_E_TIMED_OUT);
    mk_time_t deadline = mk_time_now() + MK_SEC;
    CHECK_ERR(mk_send(port, &msg, deadline), MK_E_TIMED_OUT);
    CHECK(mk_time_now() >= deadline && mk_time_now() < deadline + MK_MSEC);
    CHECK(snap_is_same(&before) && port_state(port).nr_queued == MK_QUEUE_DEFAULT);
}

/* MSG0100: a send-once right ignores a full queue and is used up. */
MKT_TEST(MSG0100)
{
    (void)arg;
    mk_name_t port = mkt_port(), once = once_name(port);
    CHECK_OK(mk_port_set_limit(port, 1));
    CHECK_OK(send_id(port, 1));
    CHECK(port_state(port).nr_send_once == 1);
    CHECK_OK(send_id(once, 2));
    CHECK(mkt_type(once) == 0 && port_state(port).nr_send_once == 0 && port_state(port).nr_queued == 2);
    CHECK_ERR(send_id(once, 3), MK_E_BAD_NAME);
    CHECK(take_id(port) == 1 && take_id(port) == 2);
}

/* MSG0110: senders that wait for room are served in the order in which they came. */
MKT_TEST(MSG0110)
{
    (void)arg;
    struct sender senders[4];
    mk_name_t port = mkt_port(), threads[4];
    CHECK_OK(mk_port_set_limit(port, 1));
    CHECK_OK(send_id(port, 100));
    for (uint32_t i = 0; i < 4; i++) {
        senders[i] = (struct sender){.dest = port, .id = i, .deadline = MK_TIME_FOREVER};
        threads[i] = mkt_thread(sender_main, &senders[i]);
    }
    mk_thread_yield();
    CHECK(take_id(port) == 100);
    for (uint32_t i = 0; i < 4; i++) {
        mk_thread_yield();
        CHECK(senders[i].is_done && senders[i].err == MK_OK);
        CHECK(i == 3 || !senders[i + 1].is_done);
        CHECK(take_id(port) == i);
        join(threads[i]);
    }
}

/* MSG0120: no waiting sender is forgotten when the one before it hands its message to a waiting receiver. */
MKT_TEST(MSG0120)
{
    (void)arg;
    struct sender senders[3];
    mk_name_t port = mkt_port(), threads[3];
    struct mk_msg msg = {.capacity = 0};
    CHECK_OK(mk_port_set_limit(port, 1));
    CHECK_OK(send_id(port, 100));
    for (uint32_t i = 0; i < 3; i++) {
        senders[i] = (struct sender){.dest = port, .id = i, .deadline = MK_TIME_FOREVER};
        threads[i] = mkt_thread(sender_main, &senders[i]);
    }
    mk_thread_yield();
    for (uint32_t i = 0; i < 4; i++) {
        CHECK_OK(mk_receive(port, &msg, mk_time_now() + MK_SEC));
        CHECK(msg.id == (i ? i - 1 : 100));
    }
    for (uint32_t i = 0; i < 3; i++)
        join(threads[i]);
}

/* MSG0130: a sender whose deadline passes while it waits for room keeps its rights. */
MKT_TEST(MSG0130)
{
    (void)arg;
    mk_name_t port = full_port(), other = mkt_port();
    struct sender s = {.dest = port, .deadline = mk_time_now() + MK_MSEC, .right = {other, MK_MOVE_RECEIVE}};
    join(mkt_thread(sender_main, &s));
    CHECK(s.err == MK_E_TIMED_OUT && mk_time_now() >= s.deadline);
    CHECK(mkt_type(other) == (MK_RIGHT_RECEIVE | MK_RIGHT_SEND) && port_state(port).nr_queued == 1);
}

/* MSG0140: a sender that is aborted while it waits for room keeps its rights. */
MKT_TEST(MSG0140)
{
    (void)arg;
    mk_name_t port = full_port(), other = mkt_port();
    struct sender s = {.dest = port, .deadline = MK_TIME_FOREVER, .right = {other, MK_MOVE_SEND}};
    mk_name_t thread = mkt_thread(sender_main, &s);
    mk_thread_yield();
    CHECK_OK(mk_thread_abort(thread));
    join(thread);
    CHECK(s.err == MK_E_ABORTED && mkt_refs(other) == 1 && port_state(port).nr_queued == 1);
}

/* MSG0150: a sender that waits for room gets MK_E_DEAD when the port is destroyed, and keeps its rights. */
MKT_TEST(MSG0150)
{
    (void)arg;
    mk_name_t port = full_port(), other = mkt_port();
    struct sender s = {.dest = port, .deadline = MK_TIME_FOREVER, .right = {other, MK_MOVE_SEND}};
    mk_name_t thread = mkt_thread(sender_main, &s);
    mk_thread_yield();
    CHECK_OK(mk_port_destroy(port));
    join(thread);
    CHECK(s.err == MK_E_DEAD && mkt_refs(other) == 1);
}

/* MSG0160: the room that a waiting sender was woken for is not given to another meanwhile. */
MKT_TEST(MSG0160)
{
    (void)arg;
    mk_name_t port = mkt_port();
    CHECK_OK(mk_port_set_limit(port, 1));
    CHECK_OK(send_id(port, 1));
    struct sender s = {.dest = port, .id = 2, .deadline = MK_TIME_FOREVER};
    mk_name_t thread = mkt_thread(sender_main, &s);
    mk_thread_yield();
    CHECK(take_id(port) == 1 && !s.is_done);
    CHECK_ERR(send_id(port, 3), MK_E_WOULD_BLOCK);
    join(thread);
    CHECK(s.err == MK_OK && take_id(port) == 2);
}

/* MSG0170: a larger queue limit lets as many waiting senders go on as there is new room. */
MKT_TEST(MSG0170)
{
    (void)arg;
    struct sender senders[3];
    mk_name_t port = full_port(), threads[3];
    for (uint32_t i = 0; i < 3; i++) {
        senders[i] = (struct sender){.dest = port, .id = i, .deadline = MK_TIME_FOREVER};
        threads[i] = mkt_thread(sender_main, &senders[i]);
    }
    mk_thread_yield();
    CHECK_OK(mk_port_set_limit(port, 3));
    mk_thread_yield();
    CHECK(senders[0].is_done && senders[1].is_done && !senders[2].is_done);
    CHECK(port_state(port).nr_queued == 3);
    CHECK(take_id(port) == 999 && take_id(port) == 0 && take_id(port) == 1);
    for (uint32_t i = 0; i < 3; i++)
        join(threads[i]);
    CHECK(take_id(port) == 2);
}

/* MSG0180: a message that waited for room is let in when there is some, whether its sender can run or not. */
MKT_TEST(MSG0180)
{
    (void)arg;
    struct sender senders[3];
    mk_name_t port = full_port(), threads[3];
    for (uint32_t i = 0; i < 3; i++) {
        senders[i] = (struct sender){.dest = port, .id = i, .deadline = MK_TIME_FOREVER};
        threads[i] = mkt_thread(sender_main, &senders[i]);
    }
    mk_thread_yield();
    CHECK_OK(mk_thread_suspend(threads[0]));
    CHECK(take_id(port) == 999);
    CHECK_OK(mk_thread_terminate(threads[0])); /* it was sent all the same */
    CHECK(take_id(port) == 0 && take_id(port) == 1 && take_id(port) == 2);
    join(threads[1]);
    join(threads[2]);
    CHECK(!senders[0].is_done && senders[1].err == MK_OK && senders[2].err == MK_OK);
}

/* MSG0185: a call that waited for room goes straight on to wait for its answer, with its deadline. */
MKT_TEST(MSG0185)
{
    (void)arg;
    mk_name_t port = full_port();
    struct caller c = {.dest = port, .deadline = mk_time_now() + MK_SEC}, d = c;
    struct mk_msg msg = {.capacity = 0};
    mk_name_t threads[] = {thread_of("c", caller_main, &c, MK_PRIO_DEFAULT + 1),
                           thread_of("d", caller_main, &d, MK_PRIO_DEFAULT + 1)};
    CHECK(take_id(port) == 999 && thread_info("c").wait == MK_WAIT_REPLY && thread_info("d").wait == MK_WAIT_SEND);
    CHECK_OK(mk_receive(port, &msg, MK_TIME_POLL));
    CHECK_OK(mk_reply(&msg));
    join(threads[0]);
    CHECK(c.is_done && c.err == MK_OK);
    join(threads[1]);
    CHECK(d.err == MK_E_TIMED_OUT);
}

/* MSG0190: a message to a receiver that waits does not pass through the queue. */
MKT_TEST(MSG0190)
{
    (void)arg;
    mk_name_t port = mkt_port();
    CHECK_OK(mk_port_set_limit(port, 1));
    struct receiver r = {.receive = port, .deadline = MK_TIME_FOREVER};
    mk_name_t thread = mkt_thread(receiver_main, &r);
    mk_thread_yield();
    CHECK_OK(send_id(port, 1));
    CHECK_OK(send_id(port, 2));
    CHECK_ERR(send_id(port, 3), MK_E_WOULD_BLOCK);
    join(thread);
    CHECK(r.err == MK_OK && r.msg.id == 1 && take_id(port) == 2);
}

/* MSG0200: on a port with queue limit 0 each sender waits for a receiver, and senders are served in order. */
MKT_TEST(MSG0200)
{
    (void)arg;
    struct sender senders[3];
    mk_name_t port = mkt_port(), threads[3];
    CHECK_OK(mk_port_set_limit(port, 0));
    for (uint32_t i = 0; i < 3; i++) {
        senders[i] = (struct sender){.dest = port, .id = i, .deadline = MK_TIME_FOREVER};
        threads[i] = mkt_thread(sender_main, &senders[i]);
    }
    mk_thread_yield();
    for (uint32_t i = 0; i < 3; i++) {
        struct mk_msg msg = {.capacity = 0};
        CHECK(!senders[i].is_done && is_empty(port));
        CHECK_OK(mk_receive(port, &msg, mk_time_now() + MK_SEC));
        CHECK(msg.id == i);
        join(threads[i]);
    }
}

/* MSG0210: sequence numbers count the messages taken from each port, from 0. */
MKT_TEST(MSG0210)
{
    (void)arg;
    mk_name_t a = mkt_port(), b = mkt_port();
    struct mk_msg msg = {.capacity = 0};
    for (uint32_t i = 0; i < 20; i++) {
        CHECK_OK(send_id(a, i));
        CHECK_OK(mk_receive(a, &msg, MK_TIME_POLL));
        CHECK(msg.seqno == i && port_state(a).seqno == i + 1);
    }
    CHECK_OK(send_id(b, 0));
    CHECK_OK(mk_receive(b, &msg, MK_TIME_POLL));
    CHECK(msg.seqno == 0);
}

/* MSG0220: a body of any size arrives, and not a byte behind it is touched. */
MKT_TEST(MSG0220)
{
    (void)arg;
    static unsigned char out[300], in[301];
    mk_name_t port = mkt_port();
    for (size_t i = 0; i < sizeof(out); i++)
        out[i] = (unsigned char)(i + 1);
    for (size_t size = 0; size <= sizeof(out); size++) {
        memset(in, 0xaa, sizeof(in));
        struct mk_msg msg = {.body = out, .size = size};
        CHECK_OK(mk_send(port, &msg, MK_TIME_POLL));
        msg = (struct mk_msg){.body = in, .capacity = size};
        CHECK_OK(mk_receive(port, &msg, MK_TIME_POLL));
        CHECK(msg.size == size && memcmp(in, out, size) == 0 && in[size] == 0xaa);
    }
}

/* MSG0230: a receive right as `reply` makes a send-once right that answers once. */
MKT_TEST(MSG0230)
{
    (void)arg;
    mk_name_t port = mkt_port(), back;
    CHECK_OK(mk_port_create(&back));
    struct mk_msg msg = {.id = 1, .reply = back};
    CHECK_OK(mk_send(port, &msg, MK_TIME_POLL));
    CHECK(port_state(back).nr_send_once == 1);
    CHECK_OK(mk_receive(port, &msg, MK_TIME_POLL));
    CHECK(mkt_type(msg.reply) == MK_RIGHT_SEND_ONCE && msg.reply != back);
    mk_name_t reply = msg.reply;
    msg.id = 7;
    CHECK_OK(mk_reply(&msg));
    CHECK(mkt_type(reply) == 0 && take_id(back) == 7 && port_state(back).nr_send_once == 0);
    CHECK_ERR(mk_reply(&msg), MK_E_BAD_NAME);
}

/* MSG0240: a send-once right as `reply` is moved. */
MKT_TEST(MSG0240)
{
    (void)arg;
    mk_name_t port = mkt_port(), back, once;
    CHECK_OK(mk_port_create(&back));
    once = once_name(back);
    struct mk_msg msg = {.id = 1, .reply = once};
    CHECK_OK(mk_send(port, &msg, MK_TIME_POLL));
    CHECK(mkt_type(once) == 0 && port_state(back).nr_send_once == 1);
    CHECK_OK(mk_receive(port, &msg, MK_TIME_POLL));
    CHECK_OK(mk_reply(&msg));
    CHECK(port_state(back).nr_queued == 1);
}

/* MSG0250: a receive right can leave in a message and make its reply right too: the answer goes where it went. */
MKT_TEST(MSG0250)
{
    (void)arg;
    mk_name_t port = mkt_port(), other;
    CHECK_OK(mk_port_create(&other));
    struct mk_msg_right right = {.name = other, .how = MK_MOVE_RECEIVE};
    struct mk_msg msg = {.rights = &right, .nr_rights = 1, .max_rights = 1, .reply = other};
    CHECK_OK(mk_send(port, &msg, MK_TIME_POLL));
    CHECK(mkt_type(other) == 0);
    CHECK_OK(mk_receive(port, &msg, MK_TIME_POLL));
    CHECK(mkt_type(msg.reply) == MK_RIGHT_SEND_ONCE && right.how == MK_RIGHT_RECEIVE);
    CHECK_OK(send_id(msg.reply, 6));
    CHECK(take_id(right.name) == 6);
}

/* MSG0260: one send-once right cannot be the destination, the reply and a right of one message. */
MKT_TEST(MSG0260)
{
    (void)arg;
    mk_name_t port = mkt_port(), once = once_name(port);
    struct mk_msg_right rights[] = {{once, MK_MOVE_SEND_ONCE}, {once, MK_MOVE_SEND_ONCE}};
    struct mk_msg msg = {.rights = rights, .nr_rights = 2};
    CHECK_ERR(mk_send(port, &msg, MK_TIME_POLL), MK_E_BAD_RIGHT);
    msg.nr_rights = 1;
    CHECK_ERR(mk_send(once, &msg, MK_TIME_POLL), MK_E_BAD_RIGHT);
    msg.reply = once;
    CHECK_ERR(mk_send(port, &msg, MK_TIME_POLL), MK_E_BAD_RIGHT);
    msg.nr_rights = 0;
    CHECK_ERR(mk_send(once, &msg, MK_TIME_POLL), MK_E_BAD_RIGHT);
    CHECK(mkt_type(once) == MK_RIGHT_SEND_ONCE && is_empty(port));
}

/* MSG0270: the same user reference cannot be moved twice in one message; as many as are held can. */
MKT_TEST(MSG0270)
{
    (void)arg;
    mk_name_t port = mkt_port(), other = mkt_port();
    struct mk_msg_right rights[] = {{other, MK_MOVE_SEND}, {other, MK_MOVE_SEND}};
    struct mk_msg msg = {.rights = rights, .nr_rights = 2};
    CHECK_ERR(mk_send(port, &msg, MK_TIME_POLL), MK_E_BAD_RIGHT);
    CHECK(mkt_refs(other) == 1);
    CHECK_OK(mk_right_retain(other, 1));
    CHECK_OK(mk_send(port, &msg, MK_TIME_POLL));
    CHECK(mkt_refs(other) == 0 && mkt_type(other) == MK_RIGHT_RECEIVE && port_state(other).nr_send == 2);
}

/* MSG0280: a message with more rights than the receiver has room for stays queued and tells how many. */
MKT_TEST(MSG0280)
{
    (void)arg;
    mk_name_t port = mkt_port(), other = mkt_port();
    struct mk_msg_right rights[3] = {{other, MK_COPY_SEND}, {other, MK_MAKE_SEND}, {other, MK_MAKE_SEND_ONCE}};
    struct mk_msg msg = {.rights = rights, .nr_rights = 3};
    CHECK_OK(mk_send(port, &msg, MK_TIME_POLL));
    struct mk_msg in = {.rights = rights, .max_rights = 2};
    CHECK_ERR(mk_receive(port, &in, MK_TIME_POLL), MK_E_MSG_TOO_LARGE);
    CHECK(in.nr_rights == 3 && in.size == 0 && port_state(port).nr_queued == 1 && port_state(port).seqno == 0);
    in.max_rights = 3;
    CHECK_OK(mk_receive(port, &in, MK_TIME_POLL));
    CHECK(in.seqno == 0 && rights[0].name == other && rights[1].name == other && mkt_refs(other) == 3);
}

/* MSG0290: a receiver that waits with too little room is told so, and the message goes to the next that can take it. */
MKT_TEST(MSG0290)
{
    (void)arg;
    char body[100] = "x";
    mk_name_t port = mkt_port();
    struct receiver small = {.receive = port, .deadline = MK_TIME_FOREVER};
    mk_name_t thread = mkt_thread(receiver_main, &small);
    mk_thread_yield();
    struct mk_msg msg = {.id = 5, .body = body, .size = sizeof(body)};
    CHECK_OK(mk_send(port, &msg, MK_TIME_POLL));
    join(thread);
    CHECK(small.err == MK_E_MSG_TOO_LARGE && small.msg.size == sizeof(body));
    msg = (struct mk_msg){.body = body, .capacity = sizeof(body)};
    CHECK_OK(mk_receive(port, &msg, MK_TIME_POLL));
    CHECK(msg.id == 5 && msg.seqno == 0);
}

/* MSG0300: receiving with a name that is no receive right and no set is refused. */
MKT_TEST(MSG0300)
{
    (void)arg;
    mk_name_t port = mkt_port(), badged;
    struct mk_msg msg = {.capacity = 0};
    CHECK_OK(mk_right_make(port, MK_RIGHT_SEND, 4, &badged));
    CHECK_ERR(mk_receive(MK_NAME_NULL, &msg, MK_TIME_POLL), MK_E_BAD_NAME);
    CHECK_ERR(mk_receive(stale_name(), &msg, MK_TIME_POLL), MK_E_BAD_NAME);
    CHECK_ERR(mk_receive(badged, &msg, MK_TIME_POLL), MK_E_BAD_RIGHT);
    CHECK_ERR(mk_receive(once_name(port), &msg, MK_TIME_POLL), MK_E_BAD_RIGHT);
    CHECK_ERR(mk_receive(dead_name(), &msg, MK_TIME_POLL), MK_E_BAD_RIGHT);
}

/* MSG0310: a receiver that waits gets MK_E_DEAD when the port is destroyed. */
MKT_TEST(MSG0310)
{
    (void)arg;
    mk_name_t port = mkt_port();
    struct receiver r = {.receive = port, .deadline = MK_TIME_FOREVER};
    mk_name_t thread = mkt_thread(receiver_main, &r);
    mk_thread_yield();
    CHECK_OK(mk_port_destroy(port));
    join(thread);
    CHECK(r.err == MK_E_DEAD);
}

/* MSG0320: a receiver that waits gets MK_E_DEAD when the receive right moves away. */
MKT_TEST(MSG0320)
{
    (void)arg;
    mk_name_t port = mkt_port(), other = mkt_port();
    struct receiver r = {.receive = port, .deadline = MK_TIME_FOREVER};
    mk_name_t thread = mkt_thread(receiver_main, &r);
    mk_thread_yield();
    CHECK_OK(send_right(other, port, MK_MOVE_RECEIVE));
    join(thread);
    CHECK(r.err == MK_E_DEAD && mkt_type(port) == MK_RIGHT_SEND);
}

/* MSG0330: an aborted receive takes nothing. */
MKT_TEST(MSG0330)
{
    (void)arg;
    mk_name_t port = mkt_port();
    struct receiver r = {.receive = port, .deadline = MK_TIME_FOREVER};
    mk_name_t thread = mkt_thread(receiver_main, &r);
    mk_thread_yield();
    CHECK_OK(mk_thread_abort(thread));
    CHECK_OK(send_id(port, 9));
    join(thread);
    CHECK(r.err == MK_E_ABORTED && take_id(port) == 9);
}

/* MSG0340: a message whose body cannot be written is lost, with its rights; the port goes on. */
MKT_TEST(MSG0340)
{
    (void)arg;
    mk_name_t port = mkt_port(), other = mkt_port();
    struct mk_msg_right right = {other, MK_MOVE_SEND};
    struct mk_msg out = {.body = (void *)(uintptr_t) "hello", .size = 5, .rights = &right, .nr_rights = 1};
    CHECK_OK(mk_send(port, &out, MK_TIME_POLL));
    struct mk_msg in = {.body = NULL, .capacity = 100, .rights = &right, .max_rights = 1};
    CHECK_ERR(mk_receive(port, &in, MK_TIME_POLL), MK_E_BAD_ADDRESS);
    CHECK(is_empty(port) && port_state(other).nr_send == 0);
    CHECK_OK(send_id(port, 2));
    CHECK(take_id(port) == 2);
}

/* MSG0350: mk_msg_discard releases the rights and the reply right; receive rights in the message die. */
MKT_TEST(MSG0350)
{
    (void)arg;
    mk_name_t port = mkt_port(), other = mkt_port(), moved = mkt_port(), back;
    struct mk_msg_right rights[3] = {{other, MK_COPY_SEND}, {moved, MK_MOVE_RECEIVE}, {other, MK_MAKE_SEND_ONCE}};
    CHECK_OK(mk_port_create(&back));
    uint32_t nr_names = mkt_nr_names();
    struct mk_msg msg = {.rights = rights, .nr_rights = 3, .max_rights = 3, .reply = back};
    CHECK_OK(mk_send(port, &msg, MK_TIME_POLL));
    CHECK_OK(mk_receive(port, &msg, MK_TIME_POLL));
    CHECK(mkt_refs(other) == 2 && msg.nr_rights == 3);
    mk_msg_discard(&msg);
    CHECK(msg.nr_rights == 0 && msg.reply == MK_NAME_NULL);
    CHECK(mkt_refs(other) == 1 && port_state(other).nr_send_once == 0);
    CHECK(mkt_type(moved) == MK_RIGHT_DEAD_NAME && mkt_nr_names() == nr_names);
    take_notice(back, MK_NOTIFY_SEND_ONCE);
    mk_msg_discard(&msg);
    mk_msg_discard(NULL);
    CHECK(mkt_nr_names() == nr_names);
}

/* MSG0360: a port queues more than 65,535 messages that came by send-once rights, and gives all of them. */
MKT_TEST(MSG0360)
{
    (void)arg;
    mk_name_t port = mkt_port();
    for (uint32_t i = 0; i < 65600; i++)
        CHECK_OK(send_id(once_name(port), i));
    CHECK(port_state(port).nr_queued == 65600);
    for (uint32_t i = 0; i < 65600; i++)
        CHECK(take_id(port) == i);
}

/* MSG0370: a receive right that would wait in its own queue, directly or through others, is collected at once. */
MKT_TEST(MSG0370)
{
    (void)arg;
    mk_name_t a = mkt_port(), b = mkt_port(), c = mkt_port(), d = mkt_port(), once = once_name(d);
    CHECK_OK(send_right(d, d, MK_MOVE_RECEIVE));
    CHECK(mkt_type(d) == MK_RIGHT_DEAD_NAME && mkt_type(once) == MK_RIGHT_DEAD_NAME);
    CHECK_OK(send_right(b, a, MK_MOVE_RECEIVE));
    CHECK_OK(send_right(c, b, MK_MOVE_RECEIVE));
    CHECK_OK(send_right(a, c, MK_MOVE_RECEIVE));
    CHECK(mkt_type(a) == MK_RIGHT_DEAD_NAME && mkt_type(b) == MK_RIGHT_DEAD_NAME && mkt_type(c) == MK_RIGHT_DEAD_NAME);
}

/* MSG0371: a circular message uses its send-once right up and takes all that it carries along; nobody is told of it. */
MKT_TEST(MSG0371)
{
    (void)arg;
    mk_name_t a = mkt_port(), b = mkt_port(), to = mkt_port(), once = once_name(a);
    CHECK_OK(mk_port_notify(a, MK_NOTIFY_PORT_DESTROYED, 0, to));
    struct mk_msg_right rights[2] = {{a, MK_MOVE_RECEIVE}, {b, MK_MOVE_RECEIVE}};
    struct mk_msg msg = {.rights = rights, .nr_rights = 2};
    CHECK_OK(mk_send(once, &msg, MK_TIME_POLL));
    CHECK(mkt_type(once) == 0 && mkt_type(b) == MK_RIGHT_DEAD_NAME);
    take_notice(to, MK_NOTIFY_PORT_DESTROYED); /* and the receive right came home */
    CHECK(port_state(a).nr_queued == 0 && port_state(a).nr_send_once == 0);
}

/* MSG0372: a full queue does not hold up a message that will never be in it. */
MKT_TEST(MSG0372)
{
    (void)arg;
    mk_name_t a = mkt_port();
    CHECK_OK(mk_port_set_limit(a, 0));
    CHECK_OK(send_right(a, a, MK_MOVE_RECEIVE));
    CHECK(mkt_type(a) == MK_RIGHT_DEAD_NAME);
}

/* MSG0373: a call whose request is circular ends with its port. */
MKT_TEST(MSG0373)
{
    (void)arg;
    mk_name_t a = mkt_port();
    struct mk_msg_right right = {a, MK_MOVE_RECEIVE};
    struct mk_msg msg = {.rights = &right, .nr_rights = 1};
    CHECK_ERR(mk_call(a, &msg, MK_TIME_FOREVER), MK_E_DEAD);
    CHECK(mkt_type(a) == MK_RIGHT_DEAD_NAME);
}

/* MSG0380: a long chain of receive rights inside each other's queues dies without trouble. */
MKT_TEST(MSG0380)
{
    (void)arg;
    mk_name_t outer = mkt_port();
    for (int i = 0; i < 20000; i++) {
        mk_name_t next = mkt_port();
        CHECK_OK(send_right(next, outer, MK_MOVE_RECEIVE));
        CHECK_OK(mk_right_release(outer));
        outer = next;
    }
    struct mk_machine_stats stats;
    CHECK_OK(mk_machine_stats(NULL, &stats));
    CHECK(stats.nr_ports > 20000);
    CHECK_OK(mk_port_destroy(outer));
    CHECK_OK(mk_machine_stats(NULL, &stats));
    CHECK(stats.nr_ports < 100 && stats.nr_messages == 0);
}

/* MSG0390: a receive without buffers is a sleep until the deadline. */
MKT_TEST(MSG0390)
{
    (void)arg;
    mk_name_t port = mkt_port();
    struct mk_msg msg = {.body = NULL};
    mk_time_t deadline = mk_time_now() + MK_SEC;
    CHECK_ERR(mk_receive(port, &msg, deadline), MK_E_TIMED_OUT);
    CHECK(mk_time_now() >= deadline && mk_time_now() < deadline + MK_MSEC);
}

/* MSG0400: receivers that wait on one port are served in the order in which they came. */
MKT_TEST(MSG0400)
{
    (void)arg;
    struct receiver r[3];
    mk_name_t port = mkt_port(), threads[3];
    for (int i = 0; i < 3; i++) {
        r[i] = (struct receiver){.receive = port, .deadline = MK_TIME_FOREVER};
        threads[i] = mkt_thread(receiver_main, &r[i]);
    }
    mk_thread_yield();
    for (uint32_t i = 0; i < 3; i++)
        CHECK_OK(send_id(port, 10 + i));
    for (uint32_t i = 0; i < 3; i++) {
        join(threads[i]);
        CHECK(r[i].err == MK_OK && r[i].msg.id == 10 + i && r[i].msg.seqno == i);
    }
}

/* MSG0410: a sender that is terminated while it waits for room leaves nothing behind. */
MKT_TEST(MSG0410)
{
    (void)arg;
    mk_name_t port = full_port(), other = mkt_port();
    struct sender s = {.dest = port, .deadline = MK_TIME_FOREVER, .right = {other, MK_MOVE_SEND}};
    mk_name_t thread = mkt_thread(sender_main, &s);
    mk_thread_yield();
    CHECK_OK(mk_thread_terminate(thread));
    struct mk_machine_stats stats;
    CHECK_OK(mk_machine_stats(NULL, &stats));
    CHECK(!s.is_done && mkt_refs(other) == 1 && stats.nr_messages == 1);
    CHECK_OK(mk_port_set_limit(port, 2));
    CHECK_OK(send_id(port, 1));
}

/* MSG0420: a receiver that is terminated while it waits takes no message with it. */
MKT_TEST(MSG0420)
{
    (void)arg;
    mk_name_t port = mkt_port();
    struct receiver r = {.receive = port, .deadline = MK_TIME_FOREVER};
    mk_name_t thread = mkt_thread(receiver_main, &r);
    mk_thread_yield();
    CHECK_OK(mk_thread_terminate(thread));
    CHECK_OK(send_id(port, 1));
    CHECK(!r.is_done && take_id(port) == 1);
}

/* MSG0430: a receiver that was woken to look again, and finds its port destroyed, gets MK_E_DEAD. */
MKT_TEST(MSG0430)
{
    (void)arg;
    mk_name_t port = mkt_port(), once = once_name(port);
    struct receiver r = {.receive = port, .deadline = MK_TIME_FOREVER};
    mk_name_t thread = mkt_thread(receiver_main, &r);
    mk_thread_yield();
    CHECK_OK(mk_right_release(once));
    CHECK_OK(mk_right_release(port));
    CHECK_OK(mk_port_destroy(port));
    join(thread);
    CHECK_ERR(r.err, MK_E_DEAD);
}

/* MSG0440: the notice of an unused send-once right is not lost with the receiver that was woken for it. */
MKT_TEST(MSG0440)
{
    (void)arg;
    mk_name_t port = mkt_port(), once = once_name(port);
    struct receiver r[2];
    mk_name_t threads[2];
    for (int i = 0; i < 2; i++) {
        r[i] = (struct receiver){.receive = port, .deadline = mk_time_now() + MK_SEC};
        threads[i] = mkt_thread(receiver_main, &r[i]);
    }
    mk_thread_yield();
    CHECK_OK(mk_right_release(once));
    CHECK_OK(mk_thread_terminate(threads[0]));
    join(threads[1]);
    CHECK_ERR(r[1].err, MK_OK);
    CHECK(r[1].msg.id == MK_NOTIFY_ID + MK_NOTIFY_SEND_ONCE);
}

static void fault_receiver(void *arg)
{
    struct receiver *r = arg;
    r->err = mk_receive(r->receive, &r->msg, MK_TIME_FOREVER);
    r->is_done = true;
}

/* MSG0450: a notice that a lost message sets off is not lost with it. */
MKT_TEST(MSG0450)
{
    (void)arg;
    size_t page = mk_page_size();
    mk_vaddr_t addr;
    static char body[200];
    CHECK_OK(mk_vm_allocate(mk_task_self(), 2 * page, &addr));
    CHECK_OK(mk_vm_protect(mk_task_self(), addr + page, page, MK_PROT_NONE));
    mk_name_t port = mkt_port(), other = mkt_port(), send;
    CHECK_OK(mk_right_release(other));
    CHECK_OK(mk_right_make(other, MK_RIGHT_SEND, 1, &send));
    CHECK_OK(mk_port_notify(other, MK_NOTIFY_NO_SENDERS, 1, once_name(port)));
    struct receiver r = {.receive = port};
    r.msg = (struct mk_msg){.body = (void *)(addr + page - 64), .capacity = 1000, .rights = r.rights, .max_rights = 4};
    mk_name_t thread = mkt_thread(fault_receiver, &r);
    mk_thread_yield();
    struct mk_msg_right right = {send, MK_MOVE_SEND};
    struct mk_msg msg = {.body = body, .size = sizeof(body), .rights = &right, .nr_rights = 1};
    CHECK_OK(mk_send(port, &msg, MK_TIME_POLL));
    join(thread);
    CHECK_ERR(r.err, MK_E_BAD_ADDRESS);
    take_notice(port, MK_NOTIFY_NO_SENDERS);
}

/* MSG0460: a name of MK_NAME_NULL in a message travels as no right. */
MKT_TEST(MSG0460)
{
    (void)arg;
    mk_name_t port = mkt_port();
    CHECK_OK(send_right(port, MK_NAME_NULL, MK_COPY_SEND));
    CHECK(take_right(port).name == MK_NAME_NULL);
    CHECK_ERR(send_right(port, MK_NAME_NULL, 77), MK_E_BAD_ARGUMENT);
}

/* MSG0470: a right that dies inside a queued message arrives as MK_NAME_DEAD. */
MKT_TEST(MSG0470)
{
    (void)arg;
    mk_name_t port = mkt_port(), other = mkt_port();
    CHECK_OK(send_right(port, other, MK_COPY_SEND));
    CHECK_OK(send_right(port, other, MK_MAKE_SEND_ONCE));
    CHECK_OK(mk_port_destroy(other));
    uint32_t nr_names = mkt_nr_names();
    CHECK(take_right(port).name == MK_NAME_DEAD && take_right(port).name == MK_NAME_DEAD);
    CHECK(mkt_nr_names() == nr_names && mkt_refs(other) == 1);
}

/* MSG0480: outside a machine every call says so. */
static void MSG0480(void **state)
{
    (void)state;
    struct mk_msg msg = {.id = 1};
    assert_int_equal(mk_send(1, &msg, MK_TIME_POLL), MK_E_NOT_IN_MACHINE);
    assert_int_equal(mk_receive(1, &msg, MK_TIME_POLL), MK_E_NOT_IN_MACHINE);
    assert_int_equal(mk_call(1, &msg, MK_TIME_FOREVER), MK_E_NOT_IN_MACHINE);
    assert_int_equal(mk_reply(&msg), MK_E_NOT_IN_MACHINE);
    assert_int_equal(mk_reply_receive(1, &msg, MK_TIME_FOREVER), MK_E_NOT_IN_MACHINE);
    mk_msg_discard(&msg);
}

/* MSG0490: mk_msg_drop_rights releases the rights that came, and keeps the right to answer. */
MKT_TEST(MSG0490)
{
    (void)arg;
    mk_name_t port = mkt_port(), other = mkt_port(), back;
    struct mk_msg_right rights[2] = {{other, MK_COPY_SEND}, {other, MK_MAKE_SEND_ONCE}};
    CHECK_OK(mk_port_create(&back));
    struct mk_msg msg = {.rights = rights, .nr_rights = 2, .max_rights = 2, .reply = back};
    CHECK_OK(mk_send(port, &msg, MK_TIME_POLL));
    CHECK_OK(mk_receive(port, &msg, MK_TIME_POLL));
    CHECK(mkt_refs(other) == 2 && mkt_type(rights[1].name) == MK_RIGHT_SEND_ONCE);
    mk_name_t once = rights[1].name;
    mk_msg_drop_rights(&msg);
    CHECK(mkt_refs(other) == 1 && mkt_type(once) == 0 && msg.nr_rights == 0);
    CHECK(mkt_type(msg.reply) == MK_RIGHT_SEND_ONCE);
    CHECK_OK(mk_reply(&msg));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(MSG0010), cmocka_unit_test(MSG0020), cmocka_unit_test(MSG0030), cmocka_unit_test(MSG0040),
        cmocka_unit_test(MSG0050), cmocka_unit_test(MSG0060), cmocka_unit_test(MSG0070), cmocka_unit_test(MSG0080),
        cmocka_unit_test(MSG0090), cmocka_unit_test(MSG0100), cmocka_unit_test(MSG0110), cmocka_unit_test(MSG0120),
        cmocka_unit_test(MSG0130), cmocka_unit_test(MSG0140), cmocka_unit_test(MSG0150), cmocka_unit_test(MSG0160),
        cmocka_unit_test(MSG0170), cmocka_unit_test(MSG0180), cmocka_unit_test(MSG0185), cmocka_unit_test(MSG0190),
        cmocka_unit_test(MSG0200), cmocka_unit_test(MSG0210), cmocka_unit_test(MSG0220), cmocka_unit_test(MSG0230),
        cmocka_unit_test(MSG0240), cmocka_unit_test(MSG0250), cmocka_unit_test(MSG0260), cmocka_unit_test(MSG0270),
        cmocka_unit_test(MSG0280), cmocka_unit_test(MSG0290), cmocka_unit_test(MSG0300), cmocka_unit_test(MSG0310),
        cmocka_unit_test(MSG0320), cmocka_unit_test(MSG0330), cmocka_unit_test(MSG0340), cmocka_unit_test(MSG0350),
        cmocka_unit_test(MSG0360), cmocka_unit_test(MSG0370), cmocka_unit_test(MSG0380), cmocka_unit_test(MSG0390),
        cmocka_unit_test(MSG0400), cmocka_unit_test(MSG0410), cmocka_unit_test(MSG0420), cmocka_unit_test(MSG0430),
        cmocka_unit_test(MSG0440), cmocka_unit_test(MSG0450), cmocka_unit_test(MSG0460), cmocka_unit_test(MSG0470),
        cmocka_unit_test(MSG0480), cmocka_unit_test(MSG0490), cmocka_unit_test(MSG0371), cmocka_unit_test(MSG0372),
        cmocka_unit_test(MSG0373),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
