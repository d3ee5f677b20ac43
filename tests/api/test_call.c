/* SPDX-License-Identifier: BSD-2-Clause */
/* Calls and answers: mk_call, mk_reply, mk_reply_receive. */
#include "helpers.h"

/* ---- servers ---- */

/* Waits at `port`; what it does with a request is `how`, and goes on until the port dies. */
enum how { ANSWER, DROP, KEEP, LARGE, END };

struct server {
    mk_name_t port;
    enum how how;
    unsigned nr_requests;
    mk_name_t kept;
    mk_err_t err;
};

static void server_main(void *arg)
{
    struct server *s = arg;
    char body[256];
    struct mk_msg_right rights[4];
    struct mk_msg msg = {.body = body, .capacity = sizeof(body), .rights = rights, .max_rights = 4};
    s->err = mk_receive(s->port, &msg, MK_TIME_FOREVER);
    while (!s->err) {
        s->nr_requests++;
        msg.status = (mk_err_t)s->nr_requests;
        if (s->how == DROP) {
            mk_msg_discard(&msg);
        } else if (s->how == KEEP) {
            s->kept = msg.reply;
            msg.reply = MK_NAME_NULL;
        } else if (s->how == LARGE) {
            msg.size = sizeof(body);
        } else if (s->how == END) {
            mk_task_exit(5);
        }
        s->err = mk_reply_receive(s->port, &msg, MK_TIME_FOREVER);
    }
}

static mk_name_t start(struct server *s, enum how how)
{
    *s = (struct server){.port = mkt_port(), .how = how};
    mk_name_t thread = thread_of("server", server_main, s, 0);
    mk_thread_yield();
    return thread;
}

static void stop(struct server *s, mk_name_t thread)
{
    CHECK_OK(mk_port_destroy(s->port));
    join(thread);
    CHECK(s->err == MK_E_DEAD);
}

/* CALL0010: the answer overwrites the request: id, status, body, size; badge and seqno are 0, reply is none. */
MKT_TEST(CALL0010)
{
    (void)arg;
    struct server s;
    char body[16] = "abc";
    mk_name_t thread = start(&s, ANSWER);
    struct mk_msg msg = {
        .id = 3, .body = body, .size = 3, .capacity = sizeof(body), .reply = 77, .badge = 5, .seqno = 9};
    CHECK_OK(mk_call(s.port, &msg, MK_TIME_FOREVER));
    CHECK(msg.id == 3 && msg.status == 1 && msg.size == 3 && memcmp(body, "abc", 3) == 0);
    CHECK(msg.badge == 0 && msg.seqno == 0 && msg.reply == MK_NAME_NULL && msg.nr_rights == 0);
    stop(&s, thread);
}

/* CALL0020: dropping the reply right makes the caller return MK_E_DEAD, at once and without another name. */
MKT_TEST(CALL0020)
{
    (void)arg;
    struct server s;
    mk_name_t thread = start(&s, DROP);
    uint32_t nr_names = mkt_nr_names();
    struct mk_msg msg = {.id = 3};
    for (int i = 0; i < 10; i++)
        CHECK_ERR(mk_call(s.port, &msg, MK_TIME_FOREVER), MK_E_DEAD);
    CHECK(s.nr_requests == 10 && mkt_nr_names() == nr_names);
    stop(&s, thread);
}

/* CALL0030: an answer that does not fit is lost, the caller is told what it needs, and the server is not hurt. */
MKT_TEST(CALL0030)
{
    (void)arg;
    struct server s;
    char body[255];
    mk_name_t thread = start(&s, LARGE);
    struct mk_msg msg = {.id = 3, .body = body, .capacity = sizeof(body)};
    CHECK_ERR(mk_call(s.port, &msg, MK_TIME_FOREVER), MK_E_MSG_TOO_LARGE);
    CHECK(msg.size == 256 && s.nr_requests == 1);
    char large[256];
    msg = (struct mk_msg){.id = 3, .body = large, .capacity = sizeof(large)};
    CHECK_OK(mk_call(s.port, &msg, MK_TIME_FOREVER));
    CHECK(s.nr_requests == 2);
    stop(&s, thread);
}

/* CALL0040: an answer that cannot be written is lost and the caller told. */
MKT_TEST(CALL0040)
{
    (void)arg;
    struct server s;
    mk_name_t thread = start(&s, LARGE);
    struct mk_msg msg = {.id = 3, .body = NULL, .capacity = 1000};
    CHECK_ERR(mk_call(s.port, &msg, MK_TIME_FOREVER), MK_E_BAD_ADDRESS);
    CHECK(s.nr_requests == 1);
    stop(&s, thread);
}

/* CALL0050: a call times out exactly; the late answer is refused with MK_E_DEAD and uses the reply right up. */
MKT_TEST(CALL0050)
{
    (void)arg;
    struct server s;
    mk_name_t thread = start(&s, KEEP);
    struct mk_msg msg = {.id = 3};
    mk_time_t deadline = mk_time_now() + MK_MSEC;
    CHECK_ERR(mk_call(s.port, &msg, deadline), MK_E_TIMED_OUT);
    CHECK(mk_time_now() >= deadline && mk_time_now() < deadline + MK_MSEC / 10);
    struct mk_msg late = {.reply = s.kept};
    CHECK_ERR(mk_reply(&late), MK_E_DEAD);
    CHECK(mkt_type(s.kept) == 0);
    CHECK_ERR(mk_reply(&late), MK_E_BAD_NAME);
    stop(&s, thread);
}

/* CALL0060: an aborted call returns MK_E_ABORTED, and the late answer is refused. */
MKT_TEST(CALL0060)
{
    (void)arg;
    struct server s;
    mk_name_t thread = start(&s, KEEP);
    struct caller c = {.dest = s.port, .deadline = MK_TIME_FOREVER};
    mk_name_t client = mkt_thread(caller_main, &c);
    mk_thread_yield();
    CHECK(s.nr_requests == 1 && !c.is_done);
    CHECK_OK(mk_thread_abort(client));
    join(client);
    CHECK(c.err == MK_E_ABORTED && mkt_type(s.kept) == MK_RIGHT_DEAD_NAME);
    struct mk_msg late = {.reply = s.kept};
    CHECK_ERR(mk_reply(&late), MK_E_DEAD);
    stop(&s, thread);
}

/* CALL0070: an old reply right does not answer the thread's next call. */
MKT_TEST(CALL0070)
{
    (void)arg;
    struct server s;
    mk_name_t thread = start(&s, KEEP);
    struct mk_msg msg = {.id = 3};
    CHECK_ERR(mk_call(s.port, &msg, mk_time_now() + MK_MSEC), MK_E_TIMED_OUT);
    mk_name_t old = s.kept;
    struct caller c = {.dest = s.port, .deadline = MK_TIME_FOREVER};
    mk_name_t client = mkt_thread(caller_main, &c);
    mk_thread_yield();
    CHECK(s.nr_requests == 2 && s.kept != old);
    struct mk_msg answer = {.reply = old, .id = 1};
    CHECK_ERR(mk_reply(&answer), MK_E_DEAD);
    CHECK(!c.is_done);
    answer = (struct mk_msg){.reply = s.kept, .id = 2};
    CHECK_OK(mk_reply(&answer));
    join(client);
    CHECK(c.err == MK_OK && c.msg.id == 2);
    stop(&s, thread);
}

/* CALL0080: a reply right outlives the thread that was answered by nobody: a thread that takes its place is not hit. */
MKT_TEST(CALL0080)
{
    (void)arg;
    struct server s;
    mk_name_t thread = start(&s, KEEP);
    struct caller c = {.dest = s.port, .deadline = MK_TIME_FOREVER};
    mk_name_t client = mkt_thread(caller_main, &c);
    mk_thread_yield();
    mk_name_t old = s.kept;
    CHECK_OK(mk_thread_terminate(client));
    CHECK(mkt_type(old) == MK_RIGHT_DEAD_NAME);
    struct caller next = {.dest = s.port, .deadline = MK_TIME_FOREVER};
    client = mkt_thread(caller_main, &next);
    mk_thread_yield();
    struct mk_msg answer = {.reply = old};
    CHECK_ERR(mk_reply(&answer), MK_E_DEAD);
    CHECK(!next.is_done && !c.is_done);
    CHECK_OK(mk_right_release(s.kept));
    join(client);
    CHECK(next.err == MK_E_DEAD);
    stop(&s, thread);
}

/* CALL0090: a caller gets MK_E_DEAD when the server's task ends while it serves. */
MKT_TEST(CALL0090)
{
    (void)arg;
    static struct server s;
    mk_name_t port = mkt_port(), child;
    int code;
    s = (struct server){.how = END};
    CHECK_OK(mk_task_create("server", &child));
    CHECK_OK(mk_right_insert(child, port, MK_MOVE_RECEIVE, &s.port));
    CHECK_OK(mk_right_release(thread_in(child, "server", server_main, &s, 0)));
    mk_thread_yield();
    struct mk_msg msg = {.id = 1};
    CHECK_ERR(mk_call(port, &msg, MK_TIME_FOREVER), MK_E_DEAD);
    CHECK(s.nr_requests == 1 && mkt_type(port) == MK_RIGHT_DEAD_NAME);
    CHECK_OK(mk_task_wait(child, &code, MK_TIME_POLL));
    CHECK(code == 5);
}

/* CALL0100: a caller whose request is still queued gets MK_E_DEAD when the port is destroyed. */
MKT_TEST(CALL0100)
{
    (void)arg;
    mk_name_t port = mkt_port();
    struct caller c[3];
    mk_name_t clients[3];
    CHECK_OK(mk_port_set_limit(port, 2)); /* two are queued, one waits for room */
    for (int i = 0; i < 3; i++) {
        c[i] = (struct caller){.dest = port, .deadline = MK_TIME_FOREVER};
        clients[i] = mkt_thread(caller_main, &c[i]);
    }
    mk_thread_yield();
    CHECK(port_state(port).nr_queued == 2);
    CHECK_OK(mk_port_destroy(port));
    for (int i = 0; i < 3; i++) {
        join(clients[i]);
        CHECK(c[i].err == MK_E_DEAD);
    }
}

static void deputy_main(void *arg)
{
    const mk_name_t *port = arg;
    struct mk_msg_right right;
    struct mk_msg msg = {.rights = &right, .max_rights = 1};
    CHECK_OK(mk_receive(*port, &msg, MK_TIME_FOREVER));
    CHECK(msg.nr_rights == 1 && right.how == MK_RIGHT_SEND_ONCE && mkt_type(right.name) == MK_RIGHT_SEND_ONCE);
    msg = (struct mk_msg){.reply = right.name, .id = 55, .status = -3};
    CHECK_OK(mk_reply(&msg));
}

/* CALL0110: the right to answer can be passed on in a message to another task, which answers. */
MKT_TEST(CALL0110)
{
    (void)arg;
    static mk_name_t there;
    mk_name_t port = mkt_port(), deputy = mkt_port(), child;
    CHECK_OK(mk_task_create("deputy", &child));
    CHECK_OK(mk_right_insert(child, deputy, MK_MOVE_RECEIVE, &there));
    CHECK_OK(mk_right_release(thread_in(child, "deputy", deputy_main, &there, 0)));
    struct caller c = {.dest = port, .deadline = MK_TIME_FOREVER};
    mk_name_t client = mkt_thread(caller_main, &c);
    struct mk_msg msg = {.capacity = 0};
    CHECK_OK(mk_receive(port, &msg, MK_TIME_FOREVER));
    CHECK_OK(send_right(deputy, msg.reply, MK_MOVE_SEND_ONCE));
    CHECK(mkt_type(msg.reply) == 0);
    join(client);
    CHECK(c.err == MK_OK && c.msg.id == 55 && c.msg.status == -3);
    CHECK_OK(mk_task_wait(child, NULL, MK_TIME_FOREVER));
}

/* CALL0120: a reply right that dies in a queued message with its port makes the caller return MK_E_DEAD. */
MKT_TEST(CALL0120)
{
    (void)arg;
    mk_name_t port = mkt_port(), deputy = mkt_port();
    struct caller c = {.dest = port, .deadline = MK_TIME_FOREVER};
    mk_name_t client = mkt_thread(caller_main, &c);
    struct mk_msg msg = {.capacity = 0};
    CHECK_OK(mk_receive(port, &msg, MK_TIME_FOREVER));
    CHECK_OK(send_right(deputy, msg.reply, MK_MOVE_SEND_ONCE));
    mk_thread_yield();
    CHECK(!c.is_done);
    CHECK_OK(mk_port_destroy(deputy));
    join(client);
    CHECK(c.err == MK_E_DEAD);
}

/* CALL0130: a reply right can be the `reply` of a forwarded request. */
MKT_TEST(CALL0130)
{
    (void)arg;
    struct server s;
    mk_name_t thread = start(&s, ANSWER), port = mkt_port();
    struct caller c = {.dest = port, .deadline = MK_TIME_FOREVER, .msg = {.id = 9}};
    mk_name_t client = mkt_thread(caller_main, &c);
    struct mk_msg msg = {.capacity = 0};
    CHECK_OK(mk_receive(port, &msg, MK_TIME_FOREVER));
    CHECK_OK(mk_send(s.port, &msg, MK_TIME_POLL));
    CHECK(mkt_type(msg.reply) == 0);
    join(client);
    CHECK(c.err == MK_OK && c.msg.id == 9 && c.msg.status == 1);
    stop(&s, thread);
}

/* CALL0140: mk_reply refuses what is no reply right, with its own error, and keeps what is one. */
MKT_TEST(CALL0140)
{
    (void)arg;
    mk_name_t port = mkt_port(), receive, set;
    CHECK_OK(mk_port_create(&receive));
    CHECK_OK(mk_portset_create(&set));
    const struct {
        mk_name_t name;
        mk_err_t err;
    } bad[] = {
        {MK_NAME_NULL, MK_E_BAD_NAME}, {stale_name(), MK_E_BAD_NAME}, {port, MK_E_BAD_RIGHT},
        {receive, MK_E_BAD_RIGHT},     {set, MK_E_BAD_RIGHT},         {mk_task_self(), MK_E_BAD_RIGHT},
    };
    struct snap before;
    snap_take(&before);
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct mk_msg msg = {.reply = bad[i].name};
        CHECK_ERR(mk_reply(&msg), bad[i].err);
        if (bad[i].name != MK_NAME_NULL)
            CHECK_ERR(mk_reply_receive(receive, &msg, MK_TIME_POLL), bad[i].err);
    }
    CHECK(snap_is_same(&before));
}

/* CALL0150: a failed mk_reply keeps the reply right and the rights of the message. */
MKT_TEST(CALL0150)
{
    (void)arg;
    mk_name_t port = mkt_port(), other = mkt_port();
    struct caller c = {.dest = port, .deadline = MK_TIME_FOREVER};
    mk_name_t client = mkt_thread(caller_main, &c);
    struct mk_msg msg = {.capacity = 0};
    CHECK_OK(mk_receive(port, &msg, MK_TIME_FOREVER));
    struct mk_msg_right rights[2] = {{other, MK_MOVE_SEND}, {MK_NAME_DEAD, MK_COPY_SEND}};
    msg.rights = rights;
    msg.nr_rights = 2;
    CHECK_ERR(mk_reply(&msg), MK_E_BAD_NAME);
    msg.nr_rights = MK_RIGHTS_MAX + 1;
    CHECK_ERR(mk_reply(&msg), MK_E_MSG_TOO_LARGE);
    msg.nr_rights = 0;
    msg.size = MK_BODY_MAX + 1;
    CHECK_ERR(mk_reply(&msg), MK_E_MSG_TOO_LARGE);
    msg.size = 1;
    CHECK_ERR(mk_reply(&msg), MK_E_BAD_ADDRESS);
    CHECK(mkt_refs(other) == 1 && mkt_type(msg.reply) == MK_RIGHT_SEND_ONCE && !c.is_done);
    msg.size = 0;
    msg.nr_rights = 1;
    CHECK_OK(mk_reply(&msg));
    join(client);
    CHECK(c.err == MK_OK && c.msg.nr_rights == 1 && c.rights[0].name == other);
}

/* CALL0160: rights travel in the request and in the answer. */
MKT_TEST(CALL0160)
{
    (void)arg;
    mk_name_t port = mkt_port(), a = mkt_port(), b = mkt_port();
    struct caller c = {.dest = port, .deadline = MK_TIME_FOREVER, .msg.nr_rights = 1};
    c.rights[0] = (struct mk_msg_right){a, MK_MOVE_RECEIVE};
    mk_name_t client = mkt_thread(caller_main, &c);
    struct mk_msg_right right;
    struct mk_msg msg = {.rights = &right, .max_rights = 1};
    CHECK_OK(mk_receive(port, &msg, MK_TIME_FOREVER));
    CHECK(right.name == a && right.how == MK_RIGHT_RECEIVE);
    right = (struct mk_msg_right){b, MK_MOVE_RECEIVE};
    CHECK_OK(mk_reply(&msg));
    CHECK(mkt_type(b) == (MK_RIGHT_RECEIVE | MK_RIGHT_SEND)); /* it has arrived: in the same task */
    join(client);
    CHECK(c.err == MK_OK && c.msg.nr_rights == 1 && c.rights[0].name == b && c.rights[0].how == MK_RIGHT_RECEIVE);
}

/* CALL0170: a caller that went away is no error for mk_reply_receive: it receives the next request. */
MKT_TEST(CALL0170)
{
    (void)arg;
    mk_name_t port = mkt_port();
    struct caller c = {.dest = port, .deadline = MK_TIME_FOREVER};
    mk_name_t client = mkt_thread(caller_main, &c);
    struct mk_msg msg = {.capacity = 0};
    CHECK_OK(mk_receive(port, &msg, MK_TIME_FOREVER));
    CHECK_OK(mk_thread_terminate(client));
    CHECK_OK(send_id(port, 8));
    mk_name_t reply = msg.reply;
    CHECK_OK(mk_reply_receive(port, &msg, MK_TIME_FOREVER));
    CHECK(msg.id == 8 && mkt_type(reply) == 0);
}

/* CALL0180: the rights of an answer to a caller that went away are dropped by mk_reply_receive and kept by mk_reply. */
MKT_TEST(CALL0180)
{
    (void)arg;
    mk_name_t port = mkt_port(), other = mkt_port();
    for (int i = 0; i < 2; i++) {
        struct caller c = {.dest = port, .deadline = MK_TIME_FOREVER};
        mk_name_t client = mkt_thread(caller_main, &c);
        struct mk_msg_right right = {other, MK_MOVE_SEND};
        struct mk_msg msg = {.capacity = 0};
        CHECK_OK(mk_receive(port, &msg, MK_TIME_FOREVER));
        CHECK_OK(mk_thread_terminate(client));
        msg.rights = &right;
        msg.nr_rights = 1;
        CHECK_ERR(i ? mk_reply_receive(port, &msg, MK_TIME_POLL) : mk_reply(&msg), i ? MK_E_WOULD_BLOCK : MK_E_DEAD);
        CHECK(mkt_type(msg.reply) == 0 && mkt_refs(other) == (i ? 0 : 1));
        CHECK(port_state(other).nr_send == (i ? 0 : 1));
    }
}

/* CALL0190: mk_reply_receive without a reply right is a receive. */
MKT_TEST(CALL0190)
{
    (void)arg;
    mk_name_t port = mkt_port();
    struct mk_msg msg = {.reply = MK_NAME_NULL};
    CHECK_ERR(mk_reply_receive(port, &msg, MK_TIME_POLL), MK_E_WOULD_BLOCK);
    CHECK_OK(send_id(port, 8));
    CHECK_OK(mk_reply_receive(port, &msg, MK_TIME_POLL));
    CHECK(msg.id == 8);
    CHECK_ERR(mk_reply_receive(port, &msg, -1), MK_E_BAD_ARGUMENT);
    CHECK_ERR(mk_reply_receive(MK_NAME_NULL, &msg, MK_TIME_POLL), MK_E_BAD_NAME);
    CHECK_ERR(mk_reply_receive(port, &msg, 1), MK_E_TIMED_OUT);
}

/* CALL0200: the errors of the sending half of a call: nothing is sent, nothing changes. */
MKT_TEST(CALL0200)
{
    (void)arg;
    mk_name_t port = mkt_port(), receive, dead = dead_name(), stale = stale_name();
    CHECK_OK(mk_port_create(&receive));
    struct mk_msg msg = {.id = 1};
    struct snap before;
    snap_take(&before);
    CHECK_ERR(mk_call(MK_NAME_NULL, &msg, MK_TIME_FOREVER), MK_E_BAD_NAME);
    CHECK_ERR(mk_call(stale, &msg, MK_TIME_FOREVER), MK_E_BAD_NAME);
    CHECK_ERR(mk_call(receive, &msg, MK_TIME_FOREVER), MK_E_BAD_RIGHT);
    CHECK_ERR(mk_call(dead, &msg, MK_TIME_FOREVER), MK_E_DEAD);
    CHECK_ERR(mk_call(port, &msg, -1), MK_E_BAD_ARGUMENT);
    msg.size = MK_BODY_MAX + 1;
    CHECK_ERR(mk_call(port, &msg, MK_TIME_FOREVER), MK_E_MSG_TOO_LARGE);
    msg.size = 1;
    CHECK_ERR(mk_call(port, &msg, MK_TIME_FOREVER), MK_E_BAD_ADDRESS);
    CHECK(snap_is_same(&before) && is_empty(port));
}

/* CALL0210: with MK_TIME_POLL, MK_E_WOULD_BLOCK means nothing was sent, MK_E_TIMED_OUT that the request was. */
MKT_TEST(CALL0210)
{
    (void)arg;
    mk_name_t port = mkt_port();
    struct mk_msg msg = {.id = 1};
    CHECK_OK(mk_port_set_limit(port, 1));
    CHECK_ERR(mk_call(port, &msg, MK_TIME_POLL), MK_E_TIMED_OUT);
    CHECK(port_state(port).nr_queued == 1);
    CHECK_ERR(mk_call(port, &msg, MK_TIME_POLL), MK_E_WOULD_BLOCK);
    CHECK_ERR(mk_call(port, &msg, mk_time_now() + MK_MSEC), MK_E_TIMED_OUT);
    CHECK(port_state(port).nr_queued == 1);
    CHECK_OK(mk_receive(port, &msg, MK_TIME_POLL));
    CHECK(msg.reply == MK_NAME_DEAD || mkt_type(msg.reply) == MK_RIGHT_DEAD_NAME);
}

/* CALL0220: a call can be sent to a send-once right, which it uses up. */
MKT_TEST(CALL0220)
{
    (void)arg;
    mk_name_t port = mkt_port();
    struct caller c = {.dest = once_name(port), .deadline = MK_TIME_FOREVER, .msg.id = 4};
    mk_name_t client = mkt_thread(caller_main, &c);
    struct mk_msg msg = {.capacity = 0};
    CHECK_OK(mk_receive(port, &msg, MK_TIME_FOREVER));
    CHECK(msg.id == 4 && mkt_type(c.dest) == 0);
    CHECK_OK(mk_reply(&msg));
    join(client);
    CHECK(c.err == MK_OK);
}

/* CALL0230: the caller's badge reaches the server through a call as through a send. */
MKT_TEST(CALL0230)
{
    (void)arg;
    mk_name_t port = mkt_port(), badged;
    CHECK_OK(mk_right_make(port, MK_RIGHT_SEND, 4711, &badged));
    struct caller c = {.dest = badged, .deadline = MK_TIME_FOREVER};
    mk_name_t client = mkt_thread(caller_main, &c);
    struct mk_msg msg = {.capacity = 0};
    CHECK_OK(mk_receive(port, &msg, MK_TIME_FOREVER));
    CHECK(msg.badge == 4711);
    CHECK_OK(mk_reply(&msg));
    join(client);
    CHECK(c.err == MK_OK && c.msg.badge == 0);
}

/* CALL0240: a call to itself waits for ever; its own thread can be answered by another through the queue. */
MKT_TEST(CALL0240)
{
    (void)arg;
    mk_name_t port = mkt_port();
    struct mk_msg msg = {.id = 1};
    CHECK_ERR(mk_call(port, &msg, mk_time_now() + MK_MSEC), MK_E_TIMED_OUT);
    CHECK(port_state(port).nr_queued == 1);
}

/* CALL0250: several servers on one port: each call is served by one of them, none is lost. */
MKT_TEST(CALL0250)
{
    (void)arg;
    struct server s[3];
    mk_name_t port = mkt_port(), threads[3];
    for (int i = 0; i < 3; i++) {
        s[i] = (struct server){.port = port, .how = ANSWER};
        threads[i] = mkt_thread(server_main, &s[i]);
    }
    mk_thread_yield();
    for (int i = 0; i < 300; i++) {
        struct mk_msg msg = {.id = 1};
        CHECK_OK(mk_call(port, &msg, MK_TIME_FOREVER));
    }
    CHECK(s[0].nr_requests + s[1].nr_requests + s[2].nr_requests == 300);
    CHECK_OK(mk_port_destroy(port));
    for (int i = 0; i < 3; i++)
        join(threads[i]);
}

struct layer {
    mk_name_t port, below;
};

static void layer_main(void *arg)
{
    const struct layer *l = arg;
    uint64_t n;
    struct mk_msg msg = {.body = &n, .capacity = sizeof(n)};
    mk_err_t err = mk_receive(l->port, &msg, MK_TIME_FOREVER);
    for (; !err; err = mk_reply_receive(l->port, &msg, MK_TIME_FOREVER)) {
        n++;
        if (!l->below)
            continue;
        uint64_t inner = n;
        struct mk_msg call = {.body = &inner, .size = sizeof(inner), .capacity = sizeof(inner)};
        CHECK_OK(mk_call(l->below, &call, MK_TIME_FOREVER));
        n = inner;
    }
    CHECK_ERR(err, MK_E_DEAD);
}

/* CALL0260: calls nest: a server may call another, itself a client, to any depth. */
MKT_TEST(CALL0260)
{
    (void)arg;
    enum { DEPTH = 20 };
    struct layer layers[DEPTH];
    mk_name_t threads[DEPTH];
    for (int i = 0; i < DEPTH; i++) {
        layers[i] = (struct layer){.port = mkt_port(), .below = i ? layers[i - 1].port : MK_NAME_NULL};
        threads[i] = mkt_thread(layer_main, &layers[i]);
    }
    for (uint64_t i = 0; i < 50; i++) {
        uint64_t n = i;
        struct mk_msg msg = {.body = &n, .size = sizeof(n), .capacity = sizeof(n)};
        CHECK_OK(mk_call(layers[DEPTH - 1].port, &msg, MK_TIME_FOREVER));
        CHECK(n == i + DEPTH);
    }
    for (int i = 0; i < DEPTH; i++)
        CHECK_OK(mk_port_destroy(layers[i].port));
    for (int i = 0; i < DEPTH; i++)
        join(threads[i]);
}

static char order[16];
static unsigned nr_order;

static void note(char c)
{
    if (nr_order < sizeof(order) - 1)
        order[nr_order++] = c;
    order[nr_order] = '\0';
}

static void equal_main(void *arg)
{
    (void)arg;
    note('e');
}

static void noting_server(void *arg)
{
    const mk_name_t *port = arg;
    struct mk_msg msg = {.capacity = 0};
    while (mk_receive(*port, &msg, MK_TIME_FOREVER) == MK_OK) {
        note('s');
        CHECK_OK(mk_reply(&msg));
    }
}

/* CALL0270: a weaker caller's server that waits is handed the CPU before an equal that is ready. */
MKT_TEST(CALL0270)
{
    (void)arg;
    nr_order = 0;
    mk_name_t port = mkt_port(), server = mkt_thread(noting_server, &port);
    mk_thread_yield();
    mk_name_t equal = mkt_thread(equal_main, NULL);
    struct mk_msg msg = {.id = 1};
    note('c');
    CHECK_OK(mk_call(port, &msg, MK_TIME_FOREVER));
    note('r');
    join(equal);
    CHECK(strcmp(order, "cser") == 0 || strcmp(order, "csre") == 0);
    CHECK_OK(mk_port_destroy(port));
    join(server);
}

static void faulting_server(void *arg)
{
    struct server *s = arg;
    struct mk_msg msg = {.body = NULL, .capacity = 100};
    s->err = mk_receive(s->port, &msg, MK_TIME_FOREVER);
}

/* CALL0280: a message that a waiting server cannot take whole is lost to it, and its caller gets MK_E_DEAD. */
MKT_TEST(CALL0280)
{
    (void)arg;
    struct server s = {.port = mkt_port()};
    char body[8] = "x";
    mk_name_t thread = mkt_thread(faulting_server, &s);
    mk_thread_yield();
    struct mk_msg msg = {.body = body, .size = 8, .capacity = 8};
    CHECK_ERR(mk_call(s.port, &msg, MK_TIME_FOREVER), MK_E_DEAD);
    join(thread);
    CHECK(s.err == MK_E_BAD_ADDRESS);
}

/* CALL0290: a caller is suspended while it waits: the answer arrives, and it goes on when it is resumed. */
MKT_TEST(CALL0290)
{
    (void)arg;
    mk_name_t port = mkt_port();
    struct caller c = {.dest = port, .deadline = MK_TIME_FOREVER};
    mk_name_t client = mkt_thread(caller_main, &c);
    struct mk_msg msg = {.capacity = 0};
    CHECK_OK(mk_receive(port, &msg, MK_TIME_FOREVER));
    CHECK_OK(mk_thread_suspend(client));
    msg.id = 6;
    CHECK_OK(mk_reply(&msg));
    mk_thread_yield();
    CHECK(!c.is_done);
    CHECK_OK(mk_thread_resume(client));
    join(client);
    CHECK(c.err == MK_OK && c.msg.id == 6);
}

/* CALL0300: a caller that ends while its request is queued leaves the request, with a reply right that is dead. */
MKT_TEST(CALL0300)
{
    (void)arg;
    mk_name_t port = mkt_port();
    struct caller c = {.dest = port, .deadline = MK_TIME_FOREVER, .msg.id = 2};
    mk_name_t client = mkt_thread(caller_main, &c);
    mk_thread_yield();
    CHECK_OK(mk_thread_terminate(client));
    struct mk_msg msg = {.capacity = 0};
    CHECK_OK(mk_receive(port, &msg, MK_TIME_POLL));
    CHECK(msg.id == 2 && msg.reply == MK_NAME_DEAD);
    CHECK_ERR(mk_reply(&msg), MK_E_DEAD);
    CHECK_ERR(mk_reply_receive(port, &msg, MK_TIME_POLL), MK_E_WOULD_BLOCK);
}

/*
 * CALL0310: a caller too slow for its answer's rights loses them, not the server: too few places, and the rights die.
 */
MKT_TEST(CALL0310)
{
    (void)arg;
    mk_name_t port = mkt_port(), other = mkt_port();
    struct caller c = {.dest = port, .deadline = MK_TIME_FOREVER};
    mk_name_t client = mkt_thread(caller_main, &c);
    struct mk_msg msg = {.capacity = 0};
    CHECK_OK(mk_receive(port, &msg, MK_TIME_FOREVER));
    struct mk_msg_right rights[5];
    for (int i = 0; i < 5; i++)
        rights[i] = (struct mk_msg_right){other, MK_MAKE_SEND_ONCE};
    msg.rights = rights;
    msg.nr_rights = 5; /* the caller has room for 4 */
    CHECK_OK(mk_reply(&msg));
    join(client);
    CHECK(c.err == MK_E_MSG_TOO_LARGE && c.msg.nr_rights == 5 && port_state(other).nr_send_once == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(CALL0010), cmocka_unit_test(CALL0020), cmocka_unit_test(CALL0030), cmocka_unit_test(CALL0040),
        cmocka_unit_test(CALL0050), cmocka_unit_test(CALL0060), cmocka_unit_test(CALL0070), cmocka_unit_test(CALL0080),
        cmocka_unit_test(CALL0090), cmocka_unit_test(CALL0100), cmocka_unit_test(CALL0110), cmocka_unit_test(CALL0120),
        cmocka_unit_test(CALL0130), cmocka_unit_test(CALL0140), cmocka_unit_test(CALL0150), cmocka_unit_test(CALL0160),
        cmocka_unit_test(CALL0170), cmocka_unit_test(CALL0180), cmocka_unit_test(CALL0190), cmocka_unit_test(CALL0200),
        cmocka_unit_test(CALL0210), cmocka_unit_test(CALL0220), cmocka_unit_test(CALL0230), cmocka_unit_test(CALL0240),
        cmocka_unit_test(CALL0250), cmocka_unit_test(CALL0260), cmocka_unit_test(CALL0270), cmocka_unit_test(CALL0280),
        cmocka_unit_test(CALL0290), cmocka_unit_test(CALL0300), cmocka_unit_test(CALL0310),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
