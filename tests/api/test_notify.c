/* SPDX-License-Identifier: BSD-2-Clause */
/* Notifications: each exactly once, and none forged. */
#include "helpers.h"

static mk_name_t receive_only(void)
{
    mk_name_t port;
    CHECK_OK(mk_port_create(&port));
    return port;
}

/* NOTIFY0010: a dead-name notice comes once, names the dead name and adds a user reference to it. */
MKT_TEST(NOTIFY0010)
{
    (void)arg;
    mk_name_t to = receive_only(), port = mkt_port();
    CHECK_OK(mk_port_notify(port, MK_NOTIFY_DEAD_NAME, 0, once_name(to)));
    CHECK(is_empty(to) && mkt_refs(port) == 1);
    CHECK_OK(mk_port_destroy(port));
    CHECK(mkt_refs(port) == 2);
    struct mk_notification notice = take_notice(to, MK_NOTIFY_DEAD_NAME);
    CHECK(notice.name == port && notice.status == 0 && notice.count == 0);
    CHECK(is_empty(to) && port_state(to).nr_send_once == 0);
}

/* NOTIFY0020: a dead-name request on a name that is dead already is answered at once. */
MKT_TEST(NOTIFY0020)
{
    (void)arg;
    mk_name_t to = receive_only(), dead = dead_name();
    CHECK_OK(mk_port_notify(dead, MK_NOTIFY_DEAD_NAME, 0, once_name(to)));
    CHECK(take_notice(to, MK_NOTIFY_DEAD_NAME).name == dead && mkt_refs(dead) == 2);
}

/* NOTIFY0030: a dead-name notice works for a send-once right. */
MKT_TEST(NOTIFY0030)
{
    (void)arg;
    mk_name_t to = receive_only(), port = mkt_port(), once = once_name(port);
    CHECK_OK(mk_port_notify(once, MK_NOTIFY_DEAD_NAME, 0, once_name(to)));
    CHECK_OK(mk_port_destroy(port));
    CHECK(take_notice(to, MK_NOTIFY_DEAD_NAME).name == once && mkt_refs(once) == 2);
    CHECK_OK(mk_right_release(once));
    CHECK_OK(mk_right_release(once));
    CHECK(mkt_type(once) == 0);
}

static void exit_7(void *arg)
{
    (void)arg;
    mk_task_exit(7);
}

/* NOTIFY0040: a dead-name notice on a task's port is its death notice, with the exit code. */
MKT_TEST(NOTIFY0040)
{
    (void)arg;
    mk_name_t to = receive_only(), task;
    CHECK_OK(mk_task_create("mortal", &task));
    CHECK_OK(mk_port_notify(task, MK_NOTIFY_DEAD_NAME, 0, once_name(to)));
    CHECK_OK(mk_right_release(thread_in(task, "m", exit_7, NULL, 0)));
    CHECK_OK(mk_task_wait(task, NULL, MK_TIME_FOREVER));
    struct mk_notification notice = take_notice(to, MK_NOTIFY_DEAD_NAME);
    CHECK(notice.name == task && notice.status == 7);
}

static void nothing(void *arg)
{
    (void)arg;
}

/* NOTIFY0050: a dead-name notice works for a thread's port. */
MKT_TEST(NOTIFY0050)
{
    (void)arg;
    mk_name_t to = receive_only(), thread = mkt_thread(nothing, NULL);
    CHECK_OK(mk_port_notify(thread, MK_NOTIFY_DEAD_NAME, 0, once_name(to)));
    CHECK_OK(mk_thread_join(thread, MK_TIME_FOREVER));
    CHECK(take_notice(to, MK_NOTIFY_DEAD_NAME).name == thread);
}

/* NOTIFY0060: the no-senders notice comes when the last send right anywhere goes, with the make count, once. */
MKT_TEST(NOTIFY0060)
{
    (void)arg;
    mk_name_t to = receive_only(), port = mkt_port(), badged, carrier = mkt_port();
    CHECK_OK(mk_right_make(port, MK_RIGHT_SEND, 1, &badged));
    CHECK_OK(mk_port_notify(port, MK_NOTIFY_NO_SENDERS, 0, once_name(to)));
    CHECK_OK(send_right(carrier, port, MK_MOVE_SEND));
    CHECK_OK(mk_right_release(badged));
    CHECK(is_empty(to)); /* one is in a message */
    CHECK_OK(mk_port_destroy(carrier));
    CHECK(take_notice(to, MK_NOTIFY_NO_SENDERS).count == 2);
    mk_name_t send;
    CHECK_OK(mk_right_make(port, MK_RIGHT_SEND, 0, &send));
    CHECK_OK(mk_right_release(send));
    CHECK(is_empty(to));
}

/* NOTIFY0070: below the make count `sync` no no-senders notice is sent, and none is lost. */
MKT_TEST(NOTIFY0070)
{
    (void)arg;
    mk_name_t to = receive_only(), port = receive_only(), send;
    CHECK_OK(mk_port_notify(port, MK_NOTIFY_NO_SENDERS, 2, once_name(to)));
    CHECK_OK(mk_right_make(port, MK_RIGHT_SEND, 0, &send));
    CHECK_OK(mk_right_release(send));
    CHECK(is_empty(to));
    CHECK_OK(mk_right_make(port, MK_RIGHT_SEND, 0, &send));
    CHECK_OK(mk_right_release(send));
    CHECK(take_notice(to, MK_NOTIFY_NO_SENDERS).count == 2);
}

/* NOTIFY0080: a no-senders request on a port without senders is answered at once. */
MKT_TEST(NOTIFY0080)
{
    (void)arg;
    mk_name_t to = receive_only(), port = receive_only();
    CHECK_OK(mk_port_notify(port, MK_NOTIFY_NO_SENDERS, 0, once_name(to)));
    CHECK(take_notice(to, MK_NOTIFY_NO_SENDERS).count == 0);
}

/* NOTIFY0090: a receive right with a port-destroyed request is sent to the requester, alive, with its queue. */
MKT_TEST(NOTIFY0090)
{
    (void)arg;
    mk_name_t to = receive_only(), port = mkt_port();
    CHECK_OK(send_id(port, 3));
    CHECK_OK(mk_port_notify(port, MK_NOTIFY_PORT_DESTROYED, 0, once_name(to)));
    CHECK_OK(mk_port_destroy(port));
    CHECK(mkt_type(port) == MK_RIGHT_SEND);
    CHECK_OK(send_id(port, 4));
    struct mk_notification body;
    struct mk_msg_right right;
    struct mk_msg msg = {.body = &body, .capacity = sizeof(body), .rights = &right, .max_rights = 1};
    CHECK_OK(mk_receive(to, &msg, MK_TIME_POLL));
    CHECK(msg.id == MK_NOTIFY_ID + MK_NOTIFY_PORT_DESTROYED && msg.badge == MK_BADGE_KERNEL);
    CHECK(msg.nr_rights == 1 && right.name == port && right.how == MK_RIGHT_RECEIVE);
    CHECK(take_id(port) == 3 && take_id(port) == 4);
    CHECK_OK(mk_port_destroy(port)); /* the request was for once */
    CHECK(mkt_type(port) == MK_RIGHT_DEAD_NAME && is_empty(to));
}

/* NOTIFY0100: a port-destroyed request works when the task that holds the receive right ends. */
MKT_TEST(NOTIFY0100)
{
    (void)arg;
    mk_name_t to = receive_only(), port = mkt_port(), task, there;
    CHECK_OK(mk_task_create("holder", &task));
    CHECK_OK(mk_port_notify(port, MK_NOTIFY_PORT_DESTROYED, 0, once_name(to)));
    CHECK_OK(mk_right_insert(task, port, MK_MOVE_RECEIVE, &there));
    CHECK_OK(mk_task_terminate(task, 0));
    CHECK(mkt_type(port) == MK_RIGHT_SEND);
    take_notice(to, MK_NOTIFY_PORT_DESTROYED);
    CHECK(mkt_type(port) == (MK_RIGHT_SEND | MK_RIGHT_RECEIVE));
}

/* NOTIFY0110: a port that would be sent home to itself dies instead. */
MKT_TEST(NOTIFY0110)
{
    (void)arg;
    mk_name_t port = mkt_port();
    CHECK_OK(mk_port_notify(port, MK_NOTIFY_PORT_DESTROYED, 0, once_name(port)));
    CHECK_OK(mk_port_destroy(port));
    CHECK(mkt_type(port) == MK_RIGHT_DEAD_NAME);
}

/* NOTIFY0120: two ports that would be sent home to each other do not live for ever inside each other. */
MKT_TEST(NOTIFY0120)
{
    (void)arg;
    mk_name_t a = mkt_port(), b = mkt_port();
    CHECK_OK(mk_port_notify(a, MK_NOTIFY_PORT_DESTROYED, 0, once_name(b)));
    CHECK_OK(mk_port_notify(b, MK_NOTIFY_PORT_DESTROYED, 0, once_name(a)));
    CHECK_OK(mk_port_destroy(a));
    CHECK(mkt_type(a) == MK_RIGHT_SEND);
    CHECK_OK(mk_port_destroy(b));
    CHECK(mkt_type(a) == MK_RIGHT_DEAD_NAME && mkt_type(b) == MK_RIGHT_DEAD_NAME);
}

/* NOTIFY0130: a send-once right that goes unused tells its port, for every way in which it can go. */
MKT_TEST(NOTIFY0130)
{
    (void)arg;
    mk_name_t to = receive_only(), carrier = mkt_port(), task, there;
    CHECK_OK(mk_right_release(once_name(to)));
    take_notice(to, MK_NOTIFY_SEND_ONCE);
    CHECK_OK(mk_task_create("holder", &task));
    CHECK_OK(mk_right_insert(task, once_name(to), MK_MOVE_SEND_ONCE, &there));
    CHECK_OK(mk_task_terminate(task, 0));
    take_notice(to, MK_NOTIFY_SEND_ONCE);
    CHECK_OK(send_right(carrier, to, MK_MAKE_SEND_ONCE));
    CHECK_OK(mk_port_destroy(carrier));
    take_notice(to, MK_NOTIFY_SEND_ONCE);
    CHECK(is_empty(to) && port_state(to).seqno == 3);
}

/* NOTIFY0140: a second request replaces the first, whose right is dropped. */
MKT_TEST(NOTIFY0140)
{
    (void)arg;
    mk_name_t a = receive_only(), b = receive_only(), port = mkt_port();
    static const enum mk_notify events[] = {MK_NOTIFY_DEAD_NAME, MK_NOTIFY_NO_SENDERS, MK_NOTIFY_PORT_DESTROYED};
    for (size_t i = 0; i < COUNT_OF(events); i++) {
        CHECK_OK(mk_port_notify(port, events[i], 0, once_name(a)));
        CHECK_OK(mk_port_notify(port, events[i], 0, once_name(b)));
        take_notice(a, MK_NOTIFY_SEND_ONCE);
        CHECK_OK(mk_port_notify(port, events[i], 0, MK_NAME_NULL));
        take_notice(b, MK_NOTIFY_SEND_ONCE);
    }
    CHECK_OK(mk_port_destroy(port));
    CHECK(is_empty(a) && is_empty(b));
}

/* NOTIFY0150: taking back a request that is not there is no error. */
MKT_TEST(NOTIFY0150)
{
    (void)arg;
    mk_name_t port = mkt_port();
    CHECK_OK(mk_port_notify(port, MK_NOTIFY_DEAD_NAME, 0, MK_NAME_NULL));
    CHECK_OK(mk_port_notify(port, MK_NOTIFY_NO_SENDERS, 0, MK_NAME_NULL));
    CHECK_OK(mk_port_notify(port, MK_NOTIFY_PORT_DESTROYED, 0, MK_NAME_NULL));
}

/* NOTIFY0160: a receive right as target makes the send-once right from it. */
MKT_TEST(NOTIFY0160)
{
    (void)arg;
    mk_name_t to = receive_only(), port = mkt_port();
    CHECK_OK(mk_port_notify(port, MK_NOTIFY_DEAD_NAME, 0, to));
    CHECK(port_state(to).nr_send_once == 1 && mkt_type(to) == MK_RIGHT_RECEIVE);
    CHECK_OK(mk_port_destroy(port));
    take_notice(to, MK_NOTIFY_DEAD_NAME);
}

/* NOTIFY0170: events that do not fit the right, unknown events and bad names are refused, and the target stays. */
MKT_TEST(NOTIFY0170)
{
    (void)arg;
    mk_name_t to = receive_only(), port = mkt_port(), receive = receive_only(), send, set, once = once_name(to);
    CHECK_OK(mk_right_make(port, MK_RIGHT_SEND, 1, &send));
    CHECK_OK(mk_portset_create(&set));
    struct snap before;
    snap_take(&before);
    CHECK_ERR(mk_port_notify(receive, MK_NOTIFY_DEAD_NAME, 0, once), MK_E_BAD_RIGHT);
    CHECK_ERR(mk_port_notify(send, MK_NOTIFY_NO_SENDERS, 0, once), MK_E_BAD_RIGHT);
    CHECK_ERR(mk_port_notify(send, MK_NOTIFY_PORT_DESTROYED, 0, once), MK_E_BAD_RIGHT);
    CHECK_ERR(mk_port_notify(set, MK_NOTIFY_DEAD_NAME, 0, once), MK_E_BAD_RIGHT);
    CHECK_ERR(mk_port_notify(port, MK_NOTIFY_SEND_ONCE, 0, once), MK_E_BAD_ARGUMENT);
    CHECK_ERR(mk_port_notify(port, (enum mk_notify)0, 0, once), MK_E_BAD_ARGUMENT);
    CHECK_ERR(mk_port_notify(port, MK_NOTIFY_EVENT, 0, once), MK_E_BAD_ARGUMENT);
    CHECK_ERR(mk_port_notify(port, (enum mk_notify)7, 0, once), MK_E_BAD_ARGUMENT);
    CHECK_ERR(mk_port_notify(receive, MK_NOTIFY_SEND_POSSIBLE, 0, once), MK_E_BAD_RIGHT);
    CHECK_ERR(mk_port_notify(once, MK_NOTIFY_SEND_POSSIBLE, 0, to), MK_E_BAD_RIGHT);
    CHECK_ERR(mk_port_notify(MK_NAME_NULL, MK_NOTIFY_DEAD_NAME, 0, once), MK_E_BAD_NAME);
    CHECK_ERR(mk_port_notify(MK_NAME_DEAD, MK_NOTIFY_DEAD_NAME, 0, once), MK_E_BAD_NAME);
    CHECK_ERR(mk_port_notify(port, MK_NOTIFY_DEAD_NAME, 0, send), MK_E_BAD_RIGHT);
    CHECK_ERR(mk_port_notify(port, MK_NOTIFY_DEAD_NAME, 0, set), MK_E_BAD_RIGHT);
    CHECK_ERR(mk_port_notify(port, MK_NOTIFY_DEAD_NAME, 0, MK_NAME_DEAD), MK_E_BAD_NAME);
    CHECK_ERR(mk_port_notify(once, MK_NOTIFY_DEAD_NAME, 0, once), MK_E_BAD_RIGHT);
    CHECK(snap_is_same(&before) && is_empty(to));
}

/* NOTIFY0180: a target whose port died is refused and stays, and the request before it stays as well. */
MKT_TEST(NOTIFY0180)
{
    (void)arg;
    mk_name_t to = receive_only(), gone = receive_only(), port = mkt_port(), dead = once_name(gone);
    CHECK_OK(mk_port_destroy(gone));
    CHECK_OK(mk_port_notify(port, MK_NOTIFY_DEAD_NAME, 0, once_name(to)));
    CHECK_ERR(mk_port_notify(port, MK_NOTIFY_DEAD_NAME, 0, dead), MK_E_DEAD);
    CHECK(mkt_type(dead) == MK_RIGHT_DEAD_NAME);
    CHECK_OK(mk_port_destroy(port));
    take_notice(to, MK_NOTIFY_DEAD_NAME);
}

/* NOTIFY0190: a message that a task makes up to look like a notice does not carry the kernel's badge. */
MKT_TEST(NOTIFY0190)
{
    (void)arg;
    mk_name_t port = mkt_port(), badged;
    struct mk_notification fake = {.event = MK_NOTIFY_DEAD_NAME, .name = 5};
    CHECK_ERR(mk_right_make(port, MK_RIGHT_SEND, MK_BADGE_KERNEL, &badged), MK_E_BAD_ARGUMENT);
    CHECK_ERR(mk_right_make(port, MK_RIGHT_SEND_ONCE, MK_BADGE_KERNEL, &badged), MK_E_BAD_ARGUMENT);
    struct mk_msg msg = {.id = MK_NOTIFY_ID + MK_NOTIFY_DEAD_NAME,
                         .body = &fake,
                         .size = sizeof(fake),
                         .capacity = sizeof(fake),
                         .badge = MK_BADGE_KERNEL};
    CHECK_OK(mk_send(port, &msg, MK_TIME_POLL));
    CHECK_OK(mk_receive(port, &msg, MK_TIME_POLL));
    CHECK(msg.badge == 0);
}

/* NOTIFY0200: an answer to a call that looks like a notice does not carry the kernel's badge either. */
MKT_TEST(NOTIFY0200)
{
    (void)arg;
    mk_name_t port = mkt_port();
    struct caller c = {.dest = port, .deadline = MK_TIME_FOREVER};
    mk_name_t client = mkt_thread(caller_main, &c);
    struct mk_msg msg = {.capacity = 0};
    CHECK_OK(mk_receive(port, &msg, MK_TIME_FOREVER));
    msg.id = MK_NOTIFY_ID + MK_NOTIFY_SEND_ONCE;
    msg.badge = MK_BADGE_KERNEL;
    CHECK_OK(mk_reply(&msg));
    join(client);
    CHECK(c.err == MK_OK && c.msg.badge == 0);
}

/* NOTIFY0210: a name that goes takes its dead-name request with it: the target is dropped. */
MKT_TEST(NOTIFY0210)
{
    (void)arg;
    mk_name_t to = receive_only(), port = mkt_port(), badged, carrier = mkt_port();
    CHECK_OK(mk_right_make(port, MK_RIGHT_SEND, 1, &badged));
    CHECK_OK(mk_port_notify(badged, MK_NOTIFY_DEAD_NAME, 0, once_name(to)));
    CHECK_OK(mk_right_release(badged));
    take_notice(to, MK_NOTIFY_SEND_ONCE);
    CHECK_OK(mk_right_make(port, MK_RIGHT_SEND, 1, &badged));
    CHECK_OK(mk_port_notify(badged, MK_NOTIFY_DEAD_NAME, 0, once_name(to)));
    CHECK_OK(send_right(carrier, badged, MK_MOVE_SEND));
    take_notice(to, MK_NOTIFY_SEND_ONCE);
    mk_name_t once = once_name(port);
    CHECK_OK(mk_port_notify(once, MK_NOTIFY_DEAD_NAME, 0, once_name(to)));
    CHECK_OK(send_id(once, 1));
    take_notice(to, MK_NOTIFY_SEND_ONCE);
    CHECK(is_empty(to));
}

/* NOTIFY0220: each name of one port has its own dead-name request. */
MKT_TEST(NOTIFY0220)
{
    (void)arg;
    mk_name_t to = receive_only(), port = mkt_port(), badged;
    CHECK_OK(mk_right_make(port, MK_RIGHT_SEND, 1, &badged));
    CHECK_OK(mk_port_notify(port, MK_NOTIFY_DEAD_NAME, 0, to));
    CHECK_OK(mk_port_notify(badged, MK_NOTIFY_DEAD_NAME, 0, to));
    CHECK_OK(mk_port_destroy(port));
    mk_name_t first = take_notice(to, MK_NOTIFY_DEAD_NAME).name, second = take_notice(to, MK_NOTIFY_DEAD_NAME).name;
    CHECK((first == port && second == badged) || (first == badged && second == port));
    CHECK(is_empty(to));
}

/* NOTIFY0230: a notice is delivered though the queue of its port is full. */
MKT_TEST(NOTIFY0230)
{
    (void)arg;
    mk_name_t to = mkt_port(), port = mkt_port();
    CHECK_OK(mk_port_set_limit(to, 1));
    CHECK_OK(send_id(to, 1));
    CHECK_OK(mk_port_notify(port, MK_NOTIFY_DEAD_NAME, 0, to));
    CHECK_OK(mk_port_destroy(port));
    CHECK(take_id(to) == 1);
    take_notice(to, MK_NOTIFY_DEAD_NAME);
}

/* NOTIFY0240: a notice goes straight to a receiver that waits. */
MKT_TEST(NOTIFY0240)
{
    (void)arg;
    mk_name_t to = receive_only(), port = mkt_port();
    struct receiver r = {.receive = to, .deadline = MK_TIME_FOREVER};
    mk_name_t thread = mkt_thread(receiver_main, &r);
    CHECK_OK(mk_port_notify(port, MK_NOTIFY_DEAD_NAME, 0, to));
    mk_thread_yield();
    CHECK_OK(mk_port_destroy(port));
    join(thread);
    CHECK(r.err == MK_OK && r.msg.id == MK_NOTIFY_ID + MK_NOTIFY_DEAD_NAME && r.msg.badge == MK_BADGE_KERNEL);
}

/* NOTIFY0250: an unused send-once right wakes a receiver that waits, also by way of a set. */
MKT_TEST(NOTIFY0250)
{
    (void)arg;
    mk_name_t to = receive_only(), set;
    CHECK_OK(mk_portset_create(&set));
    CHECK_OK(mk_portset_add(set, to));
    for (int i = 0; i < 2; i++) {
        mk_name_t once = once_name(to);
        struct receiver r = {.receive = i ? set : to, .deadline = MK_TIME_FOREVER};
        mk_name_t thread = mkt_thread(receiver_main, &r);
        mk_thread_yield();
        CHECK_OK(mk_right_release(once));
        join(thread);
        CHECK(r.err == MK_OK && r.msg.id == MK_NOTIFY_ID + MK_NOTIFY_SEND_ONCE && r.msg.badge == MK_BADGE_KERNEL);
    }
}

/*
 * NOTIFY0260: requests about a port that move with it: no-senders is told to the requester after the receive right
 * moved.
 */
MKT_TEST(NOTIFY0260)
{
    (void)arg;
    mk_name_t to = receive_only(), port = mkt_port(), carrier = mkt_port();
    CHECK_OK(mk_port_notify(port, MK_NOTIFY_NO_SENDERS, 0, to));
    CHECK_OK(send_right(carrier, port, MK_MOVE_RECEIVE));
    CHECK_OK(mk_right_release(port));
    take_notice(to, MK_NOTIFY_NO_SENDERS);
    CHECK(take_right(carrier).how == MK_RIGHT_RECEIVE);
}

/* NOTIFY0270: a port that dies drops its own requests: their targets are told. */
MKT_TEST(NOTIFY0270)
{
    (void)arg;
    mk_name_t to = receive_only(), port = mkt_port();
    CHECK_OK(mk_port_notify(port, MK_NOTIFY_NO_SENDERS, 0, to));
    CHECK_OK(mk_port_destroy(port));
    take_notice(to, MK_NOTIFY_SEND_ONCE);
    CHECK(is_empty(to));
}

/* NOTIFY0280: a ring of ports that tell each other of their deaths goes down whole. */
MKT_TEST(NOTIFY0280)
{
    (void)arg;
    enum { NR = 50 };
    mk_name_t ports[NR];
    for (int i = 0; i < NR; i++)
        ports[i] = mkt_port();
    for (int i = 0; i < NR; i++) {
        CHECK_OK(mk_port_notify(ports[i], MK_NOTIFY_DEAD_NAME, 0, ports[(i + 1) % NR]));
        CHECK_OK(mk_port_notify(ports[i], MK_NOTIFY_NO_SENDERS, 0, ports[(i + 7) % NR]));
        CHECK_OK(mk_port_notify(ports[i], MK_NOTIFY_PORT_DESTROYED, 0, ports[(i + 3) % NR]));
    }
    CHECK_OK(mk_machine_audit(NULL));
    for (int i = 0; i < NR / 2; i++)
        CHECK_OK(mk_port_destroy(ports[i]));
    CHECK_OK(mk_machine_audit(NULL)); /* the rest goes with the task */
}

/* NOTIFY0300: who asked is told once when a full queue has room again, each under its own name. */
MKT_TEST(NOTIFY0300)
{
    (void)arg;
    mk_name_t port = mkt_port(), to = mkt_port(), badged;
    CHECK_OK(mk_right_make(port, MK_RIGHT_SEND, 7, &badged));
    CHECK_OK(mk_port_set_limit(port, 1));
    CHECK_OK(send_id(port, 1));
    CHECK_ERR(send_id(port, 2), MK_E_WOULD_BLOCK);
    CHECK_OK(mk_port_notify(port, MK_NOTIFY_SEND_POSSIBLE, 0, to));
    CHECK_OK(mk_port_notify(badged, MK_NOTIFY_SEND_POSSIBLE, 0, to));
    CHECK(is_empty(to));
    CHECK(take_id(port) == 1);
    mk_name_t a = take_notice(to, MK_NOTIFY_SEND_POSSIBLE).name, b = take_notice(to, MK_NOTIFY_SEND_POSSIBLE).name;
    CHECK((a == port && b == badged) || (a == badged && b == port));
    CHECK_OK(send_id(badged, 3));
    CHECK(take_id(port) == 3 && is_empty(to));
}

/* NOTIFY0310: with room in the queue, and when the port dies, the notice comes at once. */
MKT_TEST(NOTIFY0310)
{
    (void)arg;
    mk_name_t port = mkt_port(), to = mkt_port();
    CHECK_OK(mk_port_notify(port, MK_NOTIFY_SEND_POSSIBLE, 0, to));
    CHECK(take_notice(to, MK_NOTIFY_SEND_POSSIBLE).name == port);
    CHECK_OK(mk_port_set_limit(port, 0));
    CHECK_OK(mk_port_notify(port, MK_NOTIFY_SEND_POSSIBLE, 0, to));
    CHECK(is_empty(to));
    CHECK_OK(mk_port_destroy(port));
    CHECK(take_notice(to, MK_NOTIFY_SEND_POSSIBLE).name == port);
}

/* NOTIFY0320: a higher limit makes room, and so does a receiver at a port that queues nothing. */
MKT_TEST(NOTIFY0320)
{
    (void)arg;
    mk_name_t port = mkt_port(), to = mkt_port();
    CHECK_OK(mk_port_set_limit(port, 0));
    CHECK_OK(mk_port_notify(port, MK_NOTIFY_SEND_POSSIBLE, 0, to));
    struct receiver r = {.receive = port, .deadline = MK_TIME_FOREVER};
    mk_name_t thread = thread_of("receiver", receiver_main, &r, MK_PRIO_DEFAULT + 1);
    take_notice(to, MK_NOTIFY_SEND_POSSIBLE);
    CHECK_OK(send_id(port, 4));
    join(thread);
    CHECK(r.msg.id == 4);
    CHECK_OK(mk_port_notify(port, MK_NOTIFY_SEND_POSSIBLE, 0, to));
    CHECK(is_empty(to));
    CHECK_OK(mk_port_set_limit(port, 1));
    take_notice(to, MK_NOTIFY_SEND_POSSIBLE);
}

/* NOTIFY0325: a receiver that makes room by its coming may be the one that is told of it. */
MKT_TEST(NOTIFY0325)
{
    (void)arg;
    mk_name_t port = mkt_port();
    CHECK_OK(mk_port_set_limit(port, 0));
    CHECK_OK(mk_port_notify(port, MK_NOTIFY_SEND_POSSIBLE, 0, port));
    struct receiver r = {.receive = port, .deadline = MK_TIME_FOREVER};
    join(thread_of("receiver", receiver_main, &r, 0));
    CHECK(r.err == MK_OK && r.msg.id == MK_NOTIFY_ID + MK_NOTIFY_SEND_POSSIBLE);
}

/* NOTIFY0330: room goes to a sender that waits already before anybody is told of it. */
MKT_TEST(NOTIFY0330)
{
    (void)arg;
    mk_name_t port = mkt_port(), to = mkt_port();
    CHECK_OK(mk_port_set_limit(port, 1));
    CHECK_OK(send_id(port, 1));
    struct sender s = {.dest = port, .id = 2, .deadline = MK_TIME_FOREVER};
    mk_name_t thread = thread_of("sender", sender_main, &s, MK_PRIO_DEFAULT + 1);
    CHECK_OK(mk_port_notify(port, MK_NOTIFY_SEND_POSSIBLE, 0, to));
    CHECK(take_id(port) == 1 && s.is_done && is_empty(to));
    CHECK(take_id(port) == 2);
    take_notice(to, MK_NOTIFY_SEND_POSSIBLE);
    join(thread);
}

/* NOTIFY0340: a request goes with its name, can be taken back, and stands beside one for the port's death. */
MKT_TEST(NOTIFY0340)
{
    (void)arg;
    mk_name_t port = mkt_port(), to = mkt_port(), badged;
    CHECK_OK(mk_port_set_limit(port, 0));
    CHECK_OK(mk_right_make(port, MK_RIGHT_SEND, 1, &badged));
    CHECK_OK(mk_port_notify(badged, MK_NOTIFY_SEND_POSSIBLE, 0, to));
    CHECK_OK(mk_port_notify(badged, MK_NOTIFY_DEAD_NAME, 0, to));
    CHECK_OK(mk_right_release(badged));
    take_notice(to, MK_NOTIFY_SEND_ONCE); /* both rights went unused */
    take_notice(to, MK_NOTIFY_SEND_ONCE);
    CHECK_OK(mk_port_notify(port, MK_NOTIFY_SEND_POSSIBLE, 0, to));
    CHECK_OK(mk_port_notify(port, MK_NOTIFY_DEAD_NAME, 0, to));
    CHECK_OK(mk_port_notify(port, MK_NOTIFY_SEND_POSSIBLE, 0, MK_NAME_NULL));
    take_notice(to, MK_NOTIFY_SEND_ONCE);
    CHECK_OK(mk_port_destroy(port));
    take_notice(to, MK_NOTIFY_DEAD_NAME);
    CHECK(is_empty(to));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(NOTIFY0010), cmocka_unit_test(NOTIFY0020), cmocka_unit_test(NOTIFY0030),
        cmocka_unit_test(NOTIFY0040), cmocka_unit_test(NOTIFY0050), cmocka_unit_test(NOTIFY0060),
        cmocka_unit_test(NOTIFY0070), cmocka_unit_test(NOTIFY0080), cmocka_unit_test(NOTIFY0090),
        cmocka_unit_test(NOTIFY0100), cmocka_unit_test(NOTIFY0110), cmocka_unit_test(NOTIFY0120),
        cmocka_unit_test(NOTIFY0130), cmocka_unit_test(NOTIFY0140), cmocka_unit_test(NOTIFY0150),
        cmocka_unit_test(NOTIFY0160), cmocka_unit_test(NOTIFY0170), cmocka_unit_test(NOTIFY0180),
        cmocka_unit_test(NOTIFY0190), cmocka_unit_test(NOTIFY0200), cmocka_unit_test(NOTIFY0210),
        cmocka_unit_test(NOTIFY0220), cmocka_unit_test(NOTIFY0230), cmocka_unit_test(NOTIFY0240),
        cmocka_unit_test(NOTIFY0250), cmocka_unit_test(NOTIFY0260), cmocka_unit_test(NOTIFY0270),
        cmocka_unit_test(NOTIFY0280), cmocka_unit_test(NOTIFY0300), cmocka_unit_test(NOTIFY0310),
        cmocka_unit_test(NOTIFY0320), cmocka_unit_test(NOTIFY0325), cmocka_unit_test(NOTIFY0330),
        cmocka_unit_test(NOTIFY0340),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
