/* SPDX-License-Identifier: BSD-2-Clause */
/* Points: the rights travel in the answer to a call. The receiver calls, the sender serves. */
#include "matrix.h"

struct service {
    struct op *call; /* by the receiver */
    mk_name_t port;  /* the sender's receive right */
    mk_name_t reply; /* at the sender */
};

/* The receiver has called with this much room, the sender has received. */
static struct service serve(struct cell *c, mk_time_t deadline, size_t capacity, uint32_t max_rights)
{
    struct service s;
    mk_name_t port = mkt_port();
    s.call = op_new(c, OP_CALL, MK_NAME_NULL, deadline);
    CHECK_OK(mk_right_insert(c->receiver, port, MK_MOVE_SEND, &s.call->port));
    CHECK_OK(mk_right_insert(c->sender, port, MK_MOVE_RECEIVE, &s.port));
    c->nr_sender++;
    c->nr_receiver++;
    s.call->msg.capacity = capacity;
    s.call->msg.max_rights = max_rights;
    op_start(s.call, c->receiver);
    expect_waits(c, s.call);
    struct op *r = op_new(c, OP_RECEIVE, s.port, MK_TIME_POLL);
    op_start(r, c->sender);
    CHECK_OK(r->err);
    s.call->is_sent = true;
    s.reply = r->msg.reply;
    c->nr_sender++;
    check(c);
    return s;
}

static struct op *answer(struct cell *c, const struct service *s, enum op_kind kind)
{
    struct op *op = op_new(c, kind, kind == OP_SEND ? s->reply : s->port, MK_TIME_POLL);
    op_load(c, op);
    if (kind != OP_SEND)
        op->msg.reply = s->reply;
    op_start(op, c->sender);
    return op;
}

/* The answer is on the way: it is there, or lost for want of memory. */
static void answered(struct cell *c, const struct service *s)
{
    c->nr_sender--;
    leave(c);
    if (s->call->is_answer_lost) {
        lose(c);
    } else {
        expect_err(c, s->call, MK_OK);
        arrive(c, s->call);
    }
    check(c);
}

static void replied(struct cell *c)
{
    struct service s = serve(c, MK_TIME_FOREVER, 64, 3);
    expect_err(c, answer(c, &s, OP_REPLY), MK_OK);
    answered(c, &s);
}

static void replied_by_send(struct cell *c)
{
    struct service s = serve(c, MK_TIME_FOREVER, 64, 3);
    expect_err(c, answer(c, &s, OP_SEND), MK_OK);
    answered(c, &s);
}

static void replied_and_received(struct cell *c)
{
    struct service s = serve(c, MK_TIME_FOREVER, 64, 3);
    expect_err(c, answer(c, &s, OP_REPLY_RECEIVE), MK_E_WOULD_BLOCK);
    answered(c, &s);
}

static void too_large(struct cell *c, size_t capacity, uint32_t max_rights)
{
    struct service s = serve(c, MK_TIME_FOREVER, capacity, max_rights);
    expect_err(c, answer(c, &s, OP_REPLY), MK_OK);
    c->nr_sender--;
    expect_err(c, s.call, MK_E_MSG_TOO_LARGE);
    if (s.call->msg.size != BODY_SIZE || s.call->msg.nr_rights != 3)
        fault(c, "it needs %u bytes and 3 rights, told as %zu and %u", BODY_SIZE, s.call->msg.size,
              s.call->msg.nr_rights);
    leave(c);
    lose(c);
    check(c);
}

static void no_room_for_rights(struct cell *c)
{
    too_large(c, BODY_SIZE, 2);
}

static void no_room_for_body(struct cell *c)
{
    too_large(c, BODY_SIZE - 1, 3);
}

static void unwritable(struct cell *c)
{
    struct service s = serve(c, MK_TIME_FOREVER, 64, 3);
    s.call->msg.rights = (struct mk_msg_right *)4096;
    expect_err(c, answer(c, &s, OP_REPLY), MK_OK);
    c->nr_sender--;
    if (!s.call->is_answer_lost)
        expect_err(c, s.call, MK_E_BAD_ADDRESS);
    leave(c);
    lose(c);
    check(c);
}

/* ---- nobody waits any more ---- */

static void to_nobody(struct cell *c, const struct service *s)
{
    expect_err(c, answer(c, s, OP_REPLY), MK_E_DEAD);
    c->nr_sender--;
    check(c);
}

static struct service timed_out(struct cell *c)
{
    mk_time_t deadline = mk_time_now() + MK_MSEC;
    struct service s = serve(c, deadline, 64, 3);
    CHECK_OK(mk_time_sleep(deadline + 1));
    expect_err(c, s.call, MK_E_TIMED_OUT);
    check(c);
    return s;
}

static void caller_timed_out(struct cell *c)
{
    struct service s = timed_out(c);
    to_nobody(c, &s);
}

static void caller_aborted(struct cell *c)
{
    struct service s = serve(c, MK_TIME_FOREVER, 64, 3);
    MUST(c, mk_thread_abort(s.call->thread));
    expect_err(c, s.call, MK_E_ABORTED);
    to_nobody(c, &s);
}

static void calling_thread_ends(struct cell *c)
{
    struct service s = serve(c, MK_TIME_FOREVER, 64, 3);
    MUST(c, mk_thread_terminate(s.call->thread));
    to_nobody(c, &s);
}

static void calling_task_ends(struct cell *c)
{
    struct service s = serve(c, MK_TIME_FOREVER, 64, 3);
    receiver_ends(c);
    to_nobody(c, &s);
}

static void reply_receive_to_nobody(struct cell *c)
{
    struct service s = timed_out(c);
    struct op *op = answer(c, &s, OP_REPLY_RECEIVE);
    expect_err(c, op, MK_E_WOULD_BLOCK);
    if (op->msg.reply != MK_NAME_NULL)
        fault(c, "the reply right is used up, reply is %#x", op->msg.reply);
    c->nr_sender--;
    leave(c);
    lose(c);
    check(c);
}

static void send_to_nobody(struct cell *c)
{
    struct service s = timed_out(c);
    expect_err(c, answer(c, &s, OP_SEND), MK_E_DEAD);
    check(c); /* mk_send uses nothing up */
}

/* ---- refused ---- */

static void bad_right(struct cell *c)
{
    struct service s = serve(c, MK_TIME_FOREVER, 64, 3);
    struct op *op = op_new(c, OP_REPLY, MK_NAME_NULL, 0);
    op_load(c, op);
    op->msg.reply = s.reply;
    op->rights[2].name = 0x7654321;
    op_start(op, c->sender);
    expect_err(c, op, MK_E_BAD_NAME);
    expect_waits(c, s.call);
    check(c);
    expect_err(c, answer(c, &s, OP_REPLY), MK_OK);
    answered(c, &s);
}

static mk_name_t made;

static void make_dead(void *arg)
{
    struct cell *c = arg;
    made = dead_name();
    c->nr_sender++;
}

static void dead_right(struct cell *c)
{
    struct service s = serve(c, MK_TIME_FOREVER, 64, 3);
    struct op *op = op_new(c, OP_REPLY_RECEIVE, s.port, MK_TIME_POLL);
    in_sender(c, make_dead);
    op_load(c, op);
    op->msg.reply = s.reply;
    op->rights[2].name = made;
    op_start(op, c->sender);
    expect_err(c, op, MK_E_BAD_RIGHT);
    expect_waits(c, s.call);
    check(c);
}

static void moved_in_its_own_answer(struct cell *c)
{
    struct service s = serve(c, MK_TIME_FOREVER, 64, 3);
    struct op *op = op_new(c, OP_REPLY, MK_NAME_NULL, 0);
    op_load(c, op);
    op->msg.reply = s.reply;
    op->rights[2] = (struct mk_msg_right){s.reply, MK_MOVE_SEND_ONCE};
    op_start(op, c->sender);
    expect_err(c, op, MK_E_BAD_RIGHT);
    expect_waits(c, s.call);
    check(c);
}

/* ---- the server goes ---- */

static void server_task_ends(struct cell *c)
{
    struct service s = serve(c, MK_TIME_FOREVER, 64, 3);
    sender_ends(c);
    expect_err(c, s.call, MK_E_DEAD);
    check(c);
}

const struct point reply_points[] = {
    {"answer: mk_reply", replied, NULL},
    {"answer: mk_send", replied_by_send, NULL},
    {"answer: mk_reply_receive", replied_and_received, NULL},
    {"answer: caller has no room for the rights", no_room_for_rights, NULL},
    {"answer: caller has no room for the body", no_room_for_body, NULL},
    {"answer: caller's rights unwritable", unwritable, NULL},
    {"answer: caller timed out", caller_timed_out, NULL},
    {"answer: caller aborted", caller_aborted, NULL},
    {"answer: calling thread ended", calling_thread_ends, NULL},
    {"answer: calling task ended", calling_task_ends, NULL},
    {"answer: mk_reply_receive to nobody", reply_receive_to_nobody, NULL},
    {"answer: mk_send to nobody", send_to_nobody, NULL},
    {"answer: last right bad", bad_right, NULL},
    {"answer: last right dead", dead_right, NULL},
    {"answer: the right to answer moved in it", moved_in_its_own_answer, NULL},
    {"answer: server's task ends", server_task_ends, NULL},
};
const size_t nr_reply_points = COUNT_OF(reply_points);
