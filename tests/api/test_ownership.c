/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One test for each class of bugs that implementations of Mach's ports are
 * known for. Each was seen to fail on a kernel with such a bug: the patches are
 * in tests/meta/planted/, `./dev test --planted` repeats it.
 */
#include "helpers.h"

static mk_name_t receive_only(void)
{
    mk_name_t port;
    CHECK_OK(mk_port_create(&port));
    return port;
}

static mk_name_t badged_send(mk_name_t port, uint64_t badge)
{
    mk_name_t name;
    CHECK_OK(mk_right_make(port, MK_RIGHT_SEND, badge, &name));
    return name;
}

/* ---- a right is kept although it was sent ---- */

/* OWN0010: what was moved in a message that succeeded is gone: the reference, and with the last one the name. */
MKT_TEST(OWN0010)
{
    (void)arg;
    mk_name_t carrier = mkt_port(), port = receive_only(), send = badged_send(port, 3), once = once_name(port);
    CHECK_OK(mk_right_retain(send, 1));
    CHECK_OK(send_right(carrier, send, MK_MOVE_SEND));
    CHECK(mkt_refs(send) == 1);
    CHECK_OK(send_right(carrier, send, MK_MOVE_SEND));
    CHECK(mkt_type(send) == 0 && port_state(port).nr_send == 2);
    CHECK_OK(send_right(carrier, once, MK_MOVE_SEND_ONCE));
    CHECK(mkt_type(once) == 0 && port_state(port).nr_send_once == 1);
    CHECK_OK(send_right(carrier, port, MK_MOVE_RECEIVE));
    CHECK(mkt_type(port) == 0);
    CHECK_OK(mk_machine_audit(NULL));
}

/* OWN0020: a send-once right that was used is gone, as destination and as reply right. */
MKT_TEST(OWN0020)
{
    (void)arg;
    mk_name_t port = receive_only(), carrier = mkt_port(), once = once_name(port), reply = once_name(port);
    struct mk_msg msg = {.reply = reply};
    CHECK_OK(send_id(once, 1));
    CHECK_OK(mk_send(carrier, &msg, MK_TIME_POLL));
    CHECK(mkt_type(once) == 0 && mkt_type(reply) == 0);
    CHECK(port_state(port).nr_send_once == 1 && port_state(port).nr_queued == 1);
}

/* ---- a right is dropped although the call failed, or twice ---- */

/* OWN0030: a send that fails, at whatever step, neither takes nor drops a right, and sets off no notice. */
MKT_TEST(OWN0030)
{
    (void)arg;
    mk_name_t carrier = mkt_port(), port = receive_only(), send = badged_send(port, 3), notices = receive_only();
    CHECK_OK(mk_port_notify(port, MK_NOTIFY_NO_SENDERS, 0, notices));
    CHECK_OK(mk_port_set_limit(carrier, 1));
    CHECK_OK(send_id(carrier, 1));
    CHECK_ERR(send_right(carrier, send, MK_MOVE_SEND), MK_E_WOULD_BLOCK);
    struct sender s = {.dest = carrier, .deadline = mk_time_now() + MK_MSEC, .right = {send, MK_MOVE_SEND}};
    join(mkt_thread(sender_main, &s));
    CHECK_ERR(s.err, MK_E_TIMED_OUT);
    CHECK(mkt_type(send) == MK_RIGHT_SEND && mkt_refs(send) == 1 && port_state(port).nr_send == 1);
    CHECK(is_empty(notices));
    CHECK_ERR(send_right(dead_name(), send, MK_MOVE_SEND), MK_E_DEAD);
    CHECK(mkt_refs(send) == 1 && is_empty(notices));
    CHECK_OK(mk_machine_audit(NULL));
}

/* OWN0040: rights in a message that is destroyed are dropped exactly once. */
MKT_TEST(OWN0040)
{
    (void)arg;
    mk_name_t carrier = mkt_port(), port = receive_only(), notices = receive_only();
    struct mk_msg_right rights[3] = {
        {port, MK_MAKE_SEND}, {port, MK_MAKE_SEND_ONCE}, {badged_send(port, 1), MK_MOVE_SEND}};
    struct mk_msg msg = {.rights = rights, .nr_rights = 3, .reply = port};
    CHECK_OK(mk_port_notify(port, MK_NOTIFY_NO_SENDERS, 0, notices));
    CHECK_OK(mk_send(carrier, &msg, MK_TIME_POLL));
    CHECK(port_state(port).nr_send == 2 && port_state(port).nr_send_once == 2 && is_empty(notices));
    CHECK_OK(mk_port_destroy(carrier));
    CHECK(port_state(port).nr_send == 0 && port_state(port).nr_send_once == 0);
    CHECK(port_state(port).nr_queued == 2); /* a notice for each send-once right */
    take_notice(notices, MK_NOTIFY_NO_SENDERS);
    CHECK(is_empty(notices));
    CHECK_OK(mk_machine_audit(NULL));
}

/* ---- notices that are forged, or sent at the wrong time ---- */

/* OWN0050: a message that looks like a notice is told by its badge, which no right can be given. */
MKT_TEST(OWN0050)
{
    (void)arg;
    mk_name_t port = receive_only(), name = MK_NAME_NULL;
    struct mk_notification forged = {.event = MK_NOTIFY_NO_SENDERS, .count = 1};
    struct mk_msg msg = {.id = MK_NOTIFY_ID + MK_NOTIFY_NO_SENDERS, .body = &forged, .size = sizeof(forged)};
    msg.badge = MK_BADGE_KERNEL;
    CHECK_OK(mk_send(badged_send(port, 1), &msg, MK_TIME_POLL));
    msg.badge = MK_BADGE_KERNEL;
    CHECK_OK(mk_send(once_name(port), &msg, MK_TIME_POLL));
    struct mk_msg_right right = {MK_NAME_NULL, MK_COPY_SEND}; /* with a right in it a message goes another way */
    msg.rights = &right;
    msg.nr_rights = 1;
    CHECK_OK(mk_send(badged_send(port, 2), &msg, MK_TIME_POLL));
    msg.max_rights = 1;
    for (int i = 0; i < 3; i++) {
        msg.capacity = sizeof(forged);
        CHECK_OK(mk_receive(port, &msg, MK_TIME_POLL));
        CHECK(msg.id == MK_NOTIFY_ID + MK_NOTIFY_NO_SENDERS && msg.badge != MK_BADGE_KERNEL);
    }
    CHECK_ERR(mk_right_make(port, MK_RIGHT_SEND, MK_BADGE_KERNEL, &name), MK_E_BAD_ARGUMENT);
    CHECK_ERR(mk_right_make(port, MK_RIGHT_SEND_ONCE, MK_BADGE_KERNEL, &name), MK_E_BAD_ARGUMENT);
}

/* OWN0060: no-senders waits for the make count that was asked for, comes once, and tells the count. */
MKT_TEST(OWN0060)
{
    (void)arg;
    mk_name_t port = receive_only(), notices = receive_only();
    CHECK_OK(mk_port_notify(port, MK_NOTIFY_NO_SENDERS, 3, notices));
    for (uint32_t i = 1; i <= 3; i++) {
        CHECK(is_empty(notices));
        CHECK_OK(mk_right_release(badged_send(port, i)));
    }
    CHECK(take_notice(notices, MK_NOTIFY_NO_SENDERS).count == 3);
    CHECK_OK(mk_right_release(badged_send(port, 4)));
    CHECK(is_empty(notices));
}

/* OWN0070: a send right on its way is a sender, and one that a copy was made of is not the last. */
MKT_TEST(OWN0070)
{
    (void)arg;
    mk_name_t port = receive_only(), notices = receive_only(), carrier = mkt_port(), send = badged_send(port, 1);
    CHECK_OK(mk_port_notify(port, MK_NOTIFY_NO_SENDERS, 0, notices));
    CHECK_OK(send_right(carrier, send, MK_COPY_SEND));
    CHECK_OK(mk_right_release(send));
    CHECK(is_empty(notices) && port_state(port).nr_send == 1);
    mk_name_t again = take_right(carrier).name;
    CHECK_OK(send_right(carrier, again, MK_MOVE_SEND));
    CHECK(is_empty(notices));
    CHECK_OK(mk_right_release(take_right(carrier).name));
    take_notice(notices, MK_NOTIFY_NO_SENDERS);
}

/* OWN0080: the make count starts anew with each move of the receive right, and only then. */
MKT_TEST(OWN0080)
{
    (void)arg;
    mk_name_t port = mkt_port(), carrier = mkt_port();
    CHECK_OK(send_right(carrier, port, MK_MAKE_SEND));
    CHECK_OK(send_right(carrier, port, MK_COPY_SEND));
    take_right(carrier);
    take_right(carrier);
    CHECK(port_state(port).make_count == 2);
    CHECK_OK(send_right(carrier, port, MK_MOVE_RECEIVE));
    CHECK(take_right(carrier).name == port);
    CHECK(port_state(port).make_count == 0 && port_state(port).nr_send == 1);
}

/* ---- requests that are freed twice, or never ---- */

static void watch(mk_name_t name, mk_name_t notices)
{
    CHECK_OK(mk_port_notify(name, MK_NOTIFY_DEAD_NAME, 0, notices));
}

/* OWN0090: a dead-name request ends once: fired, taken back, replaced, or with its name, whichever is first. */
MKT_TEST(OWN0090)
{
    (void)arg;
    mk_name_t notices = receive_only(), carrier = mkt_port(), port = receive_only();
    mk_name_t fired = badged_send(port, 1), released = badged_send(port, 2), moved = badged_send(port, 3);
    mk_name_t used = once_name(port), once = once_name(port), also = badged_send(port, 4);
    watch(also, notices);
    watch(fired, notices);
    watch(released, notices);
    watch(moved, notices);
    watch(used, notices);
    watch(once, notices);
    CHECK_OK(mk_right_release(released));
    CHECK_OK(send_right(carrier, moved, MK_MOVE_SEND));
    CHECK_OK(send_id(used, 1));
    CHECK_OK(send_right(carrier, once, MK_MOVE_SEND_ONCE));
    for (int i = 0; i < 4; i++)
        take_notice(notices, MK_NOTIFY_SEND_ONCE); /* the rights of four requests */
    CHECK(is_empty(notices));
    CHECK_OK(mk_port_destroy(port));
    CHECK(take_notice(notices, MK_NOTIFY_DEAD_NAME).name == fired);
    CHECK(take_notice(notices, MK_NOTIFY_DEAD_NAME).name == also && is_empty(notices));
    CHECK_OK(mk_right_release(also));
    CHECK_OK(mk_right_release(also));
    CHECK_OK(mk_port_notify(fired, MK_NOTIFY_DEAD_NAME, 0, MK_NAME_NULL)); /* nothing to take back any more */
    CHECK_OK(mk_right_release(fired));
    CHECK_OK(mk_right_release(fired));
    CHECK(mkt_type(fired) == 0 && is_empty(notices) && port_state(notices).nr_send_once == 0);
    CHECK_OK(mk_machine_audit(NULL));
}

static void watcher(void *arg)
{
    const mk_name_t *names = arg; /* a send right, a send-once right for the notice */
    CHECK_OK(mk_port_notify(names[0], MK_NOTIFY_DEAD_NAME, 0, names[1]));
}

/* OWN0100: a task that ends takes its requests along; the port's later death asks nobody. */
MKT_TEST(OWN0100)
{
    (void)arg;
    mk_name_t notices = receive_only(), port = receive_only(), child;
    static mk_name_t names[2];
    CHECK_OK(mk_task_create("child", &child));
    CHECK_OK(mk_right_insert(child, port, MK_MAKE_SEND, &names[0]));
    CHECK_OK(mk_right_insert(child, notices, MK_MAKE_SEND_ONCE, &names[1]));
    CHECK_OK(mk_right_release(thread_in(child, "watcher", watcher, names, 0)));
    CHECK_OK(mk_task_wait(child, NULL, MK_TIME_FOREVER));
    take_notice(notices, MK_NOTIFY_SEND_ONCE);
    CHECK_OK(mk_port_destroy(port));
    CHECK(is_empty(notices));
    CHECK_OK(mk_machine_audit(NULL));
}

/* ---- copy-in is not atomic ---- */

/* OWN0110: a bad right as the last of MK_RIGHTS_MAX leaves all the earlier ones, and the reply right, untouched. */
MKT_TEST(OWN0110)
{
    (void)arg;
    static struct mk_msg_right rights[MK_RIGHTS_MAX];
    static struct snap before;
    mk_name_t carrier = mkt_port(), port = mkt_port(), other = mkt_port(), dead = dead_name(), stale = stale_name();
    const struct {
        struct mk_msg_right last;
        mk_err_t err;
    } bad[] = {{{stale, MK_COPY_SEND}, MK_E_BAD_NAME},
               {{dead, MK_COPY_SEND}, MK_E_DEAD},
               {{port, MK_MOVE_SEND_ONCE}, MK_E_BAD_RIGHT},
               {{port, 0}, MK_E_BAD_ARGUMENT}};
    CHECK_OK(mk_right_retain(port, 100));
    for (uint32_t i = 0; i < MK_RIGHTS_MAX; i++)
        rights[i] = (struct mk_msg_right){port, i % 3 == 0   ? MK_MOVE_SEND
                                                : i % 3 == 1 ? MK_MAKE_SEND
                                                             : MK_MAKE_SEND_ONCE};
    rights[5] = (struct mk_msg_right){other, MK_MOVE_RECEIVE};
    rights[6] = (struct mk_msg_right){once_name(port), MK_MOVE_SEND_ONCE};
    snap_take(&before);
    struct mk_port_state counts = port_state(port);
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct mk_msg msg = {.rights = rights, .nr_rights = MK_RIGHTS_MAX, .reply = port};
        rights[MK_RIGHTS_MAX - 1] = bad[i].last;
        CHECK_ERR(mk_send(carrier, &msg, MK_TIME_POLL), bad[i].err);
        struct mk_port_state now = port_state(port);
        CHECK(snap_is_same(&before) && memcmp(&now, &counts, sizeof(now)) == 0);
        CHECK_OK(mk_machine_audit(NULL));
    }
}

/* OWN0120: rights that are checked one by one but promised together: one reference cannot be moved twice. */
MKT_TEST(OWN0120)
{
    (void)arg;
    mk_name_t carrier = mkt_port(), port = receive_only(), send = badged_send(port, 1), once = once_name(port);
    const struct mk_msg_right pairs[][2] = {
        {{send, MK_MOVE_SEND}, {send, MK_MOVE_SEND}},           {{send, MK_MOVE_SEND}, {send, MK_COPY_SEND}},
        {{once, MK_MOVE_SEND_ONCE}, {once, MK_MOVE_SEND_ONCE}}, {{port, MK_MOVE_RECEIVE}, {port, MK_MOVE_RECEIVE}},
        {{port, MK_MOVE_RECEIVE}, {port, MK_MAKE_SEND}},
    };
    static struct snap before;
    snap_take(&before);
    for (size_t i = 0; i < COUNT_OF(pairs); i++) {
        struct mk_msg_right rights[2] = {pairs[i][0], pairs[i][1]};
        struct mk_msg msg = {.rights = rights, .nr_rights = 2};
        CHECK_ERR(mk_send(carrier, &msg, MK_TIME_POLL), MK_E_BAD_RIGHT);
        CHECK(snap_is_same(&before));
    }
    CHECK_OK(mk_machine_audit(NULL));
}

/* ---- counts that overflow ---- */

/* OWN0130: at 65,535 user references a make and a retain are refused and count nothing; a release makes room. */
MKT_TEST(OWN0130)
{
    (void)arg;
    mk_name_t port = receive_only(), send = badged_send(port, 1), name = MK_NAME_NULL;
    CHECK_OK(mk_right_retain(send, MK_USER_REFS_MAX - 1));
    CHECK_ERR(mk_right_make(port, MK_RIGHT_SEND, 1, &name), MK_E_OVERFLOW);
    CHECK_ERR(mk_right_retain(send, 1), MK_E_OVERFLOW);
    CHECK(mkt_refs(send) == MK_USER_REFS_MAX && port_state(port).nr_send == 1 && port_state(port).make_count == 1);
    CHECK_OK(mk_right_release(send));
    CHECK_OK(mk_right_make(port, MK_RIGHT_SEND, 1, &name));
    CHECK(name == send && mkt_refs(send) == MK_USER_REFS_MAX && port_state(port).make_count == 2);
}

/* OWN0140: a send right that arrives at a full count is taken, the count stays full, and the port counts it out. */
MKT_TEST(OWN0140)
{
    (void)arg;
    mk_name_t port = mkt_port(), carrier = mkt_port(), there;
    CHECK_OK(mk_right_retain(port, MK_USER_REFS_MAX - 1));
    for (int i = 0; i < 3; i++)
        CHECK_OK(send_right(carrier, port, i ? MK_COPY_SEND : MK_MAKE_SEND));
    CHECK(port_state(port).nr_send == 4);
    for (int i = 0; i < 3; i++)
        CHECK(take_right(carrier).name == port && mkt_refs(port) == MK_USER_REFS_MAX);
    CHECK_OK(mk_right_insert(mk_task_self(), port, MK_MAKE_SEND, &there));
    CHECK(there == port && mkt_refs(port) == MK_USER_REFS_MAX && port_state(port).nr_send == 1);
    CHECK_OK(mk_machine_audit(NULL));
}

/* OWN0150: the reference that a dead-name notice adds does not overflow a full name. */
MKT_TEST(OWN0150)
{
    (void)arg;
    mk_name_t port = receive_only(), send = badged_send(port, 1), notices = receive_only();
    CHECK_OK(mk_right_retain(send, MK_USER_REFS_MAX - 1));
    watch(send, notices);
    CHECK_OK(mk_port_destroy(port));
    CHECK(take_notice(notices, MK_NOTIFY_DEAD_NAME).name == send && mkt_refs(send) == MK_USER_REFS_MAX);
    watch(send, notices); /* dead already: answered at once */
    CHECK(take_notice(notices, MK_NOTIFY_DEAD_NAME).name == send && mkt_refs(send) == MK_USER_REFS_MAX);
    CHECK_ERR(mk_right_retain(send, 1), MK_E_OVERFLOW);
}

/* OWN0160: references to a port beyond 16 bits, from names and from messages, are all counted. */
MKT_TEST(OWN0160)
{
    (void)arg;
    enum { NR = 70000 };
    mk_name_t port = receive_only(), carrier = mkt_port();
    static mk_name_t names[NR];
    for (uint32_t i = 0; i < NR; i++)
        CHECK_OK(mk_right_make(port, MK_RIGHT_SEND_ONCE, 0, &names[i]));
    CHECK(port_state(port).nr_send_once == NR);
    CHECK_OK(send_right(carrier, names[0], MK_MOVE_SEND_ONCE));
    for (uint32_t i = 1; i < NR; i++)
        CHECK_OK(mk_right_release(names[i]));
    CHECK(port_state(port).nr_send_once == 1 && port_state(port).nr_queued == NR - 1);
    CHECK_OK(mk_right_release(take_right(carrier).name));
    CHECK(port_state(port).nr_send_once == 0 && port_state(port).nr_queued == NR);
    CHECK_OK(mk_port_destroy(port));
}

/* ---- the right to answer a call ---- */

static struct caller caller; /* its call is served by the test */

static mk_name_t serve(mk_name_t port)
{
    struct mk_msg msg = {.capacity = 0};
    caller = (struct caller){.dest = port, .deadline = MK_TIME_FOREVER};
    CHECK_OK(mk_right_release(mkt_thread(caller_main, &caller)));
    CHECK_OK(mk_receive(port, &msg, MK_TIME_FOREVER));
    return msg.reply;
}

/* OWN0170: a right to answer that goes, in whatever way, ends its call once. */
MKT_TEST(OWN0170)
{
    (void)arg;
    mk_name_t port = mkt_port(), carrier = mkt_port(), reply = serve(port);
    CHECK_OK(mk_right_release(reply));
    mk_thread_yield();
    CHECK(caller.is_done && caller.err == MK_E_DEAD && mkt_type(reply) == 0);
    reply = serve(port);
    CHECK_OK(send_right(carrier, reply, MK_MOVE_SEND_ONCE));
    mk_thread_yield();
    CHECK(!caller.is_done && mkt_type(reply) == 0);
    CHECK_OK(mk_port_destroy(carrier));
    mk_thread_yield();
    CHECK(caller.is_done && caller.err == MK_E_DEAD);
    reply = serve(port);
    struct mk_msg msg = {.reply = reply};
    CHECK_OK(mk_reply(&msg));
    CHECK_ERR(mk_reply(&msg), MK_E_BAD_NAME);
    mk_thread_yield();
    CHECK(caller.is_done && caller.err == MK_OK);
}

/* ---- memory that cannot be reached ---- */

/* OWN0180: a receive whose header cannot be read says so at once and leaves the message in the queue. */
MKT_TEST(OWN0180)
{
    (void)arg;
    mk_name_t port = mkt_port();
    CHECK_ERR(mk_receive(port, NULL, MK_TIME_POLL), MK_E_BAD_ADDRESS);
    CHECK_OK(send_id(port, 4));
    CHECK_ERR(mk_receive(port, NULL, MK_TIME_POLL), MK_E_BAD_ADDRESS);
    CHECK(port_state(port).nr_queued == 1 && take_id(port) == 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(OWN0010), cmocka_unit_test(OWN0020), cmocka_unit_test(OWN0030), cmocka_unit_test(OWN0040),
        cmocka_unit_test(OWN0050), cmocka_unit_test(OWN0060), cmocka_unit_test(OWN0070), cmocka_unit_test(OWN0080),
        cmocka_unit_test(OWN0090), cmocka_unit_test(OWN0100), cmocka_unit_test(OWN0110), cmocka_unit_test(OWN0120),
        cmocka_unit_test(OWN0130), cmocka_unit_test(OWN0140), cmocka_unit_test(OWN0150), cmocka_unit_test(OWN0160),
        cmocka_unit_test(OWN0170), cmocka_unit_test(OWN0180),
    };
    cmocka_set_test_filter(getenv("MKT_TEST"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
