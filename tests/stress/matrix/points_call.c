/* SPDX-License-Identifier: BSD-2-Clause */
/* Points: the rights travel in a call. The sender calls, the receiver serves. */
#include "matrix.h"

/* Received by the receiver, who holds a right to answer. */
static struct op *served(struct cell *c)
{
    struct op *r = receives(c, MK_TIME_POLL);
    expect_err(c, r, MK_OK);
    c->nr_receiver += r->msg.reply != MK_NAME_NULL && r->msg.reply != MK_NAME_DEAD;
    arrive(c, r);
    check(c);
    return r;
}

static struct op *queued(struct cell *c, mk_time_t deadline)
{
    struct op *call = calls(c, deadline);
    expect_waits(c, call);
    leave(c);
    check(c);
    return call;
}

static struct op *answer(struct cell *c, mk_name_t reply)
{
    struct op *op = op_new(c, OP_REPLY, MK_NAME_NULL, 0);
    op->msg.reply = reply;
    op_start(op, c->receiver);
    c->nr_receiver--;
    return op;
}

static void call_answered(struct cell *c)
{
    struct op *call = queued(c, MK_TIME_FOREVER), *r = served(c);
    expect_err(c, answer(c, r->msg.reply), MK_OK);
    expect_err(c, call, MK_OK);
    check(c);
}

static void call_to_waiting(struct cell *c)
{
    struct op *r = receives(c, MK_TIME_FOREVER), *call = calls(c, MK_TIME_FOREVER);
    expect_err(c, r, MK_OK);
    expect_waits(c, call);
    leave(c);
    arrive(c, r);
    c->nr_receiver++;
    check(c);
    expect_err(c, answer(c, r->msg.reply), MK_OK);
    expect_err(c, call, MK_OK);
    check(c);
}

/* ---- the caller stops waiting ---- */

static void expires(struct cell *c, mk_time_t deadline, const struct op *call)
{
    CHECK_OK(mk_time_sleep(deadline + 1));
    expect_err(c, call, MK_E_TIMED_OUT);
    check(c);
}

static void receive_orphan(struct cell *c)
{
    const struct op *r = served(c);
    if (r->msg.reply != MK_NAME_DEAD)
        fault(c, "nobody waits for the answer, reply is %#x", r->msg.reply);
}

static void times_out_queued(struct cell *c)
{
    mk_time_t deadline = mk_time_now() + MK_MSEC;
    expires(c, deadline, queued(c, deadline));
    receive_orphan(c);
}

static void times_out_served(struct cell *c)
{
    mk_time_t deadline = mk_time_now() + MK_MSEC;
    struct op *call = queued(c, deadline), *r = served(c);
    expires(c, deadline, call);
    expect_err(c, answer(c, r->msg.reply), MK_E_DEAD);
    check(c);
}

static void times_out_full(struct cell *c)
{
    mk_time_t deadline = mk_time_now() + MK_MSEC;
    fill_carrier(c);
    expires(c, deadline, calls(c, deadline));
}

static void polls(struct cell *c)
{
    expect_err(c, calls(c, MK_TIME_POLL), MK_E_TIMED_OUT); /* it was sent */
    leave(c);
    check(c);
    receive_orphan(c);
}

static void polls_full(struct cell *c)
{
    fill_carrier(c);
    expect_err(c, calls(c, MK_TIME_POLL), MK_E_WOULD_BLOCK);
    check(c);
}

static void aborted_full(struct cell *c)
{
    fill_carrier(c);
    struct op *call = calls(c, MK_TIME_FOREVER);
    MUST(c, mk_thread_abort(call->thread));
    expect_err(c, call, MK_E_ABORTED);
    check(c);
}

static void aborted_queued(struct cell *c)
{
    struct op *call = queued(c, MK_TIME_FOREVER);
    MUST(c, mk_thread_abort(call->thread));
    expect_err(c, call, MK_E_ABORTED);
    check(c);
    receive_orphan(c);
}

static void aborted_served(struct cell *c)
{
    struct op *call = queued(c, MK_TIME_FOREVER), *r = served(c);
    MUST(c, mk_thread_abort(call->thread));
    expect_err(c, call, MK_E_ABORTED);
    check(c);
    expect_err(c, answer(c, r->msg.reply), MK_E_DEAD);
    check(c);
}

static void thread_ends_queued(struct cell *c)
{
    struct op *call = queued(c, MK_TIME_FOREVER);
    MUST(c, mk_thread_terminate(call->thread));
    check(c);
    receive_orphan(c);
}

static void thread_ends_served(struct cell *c)
{
    struct op *call = queued(c, MK_TIME_FOREVER), *r = served(c);
    MUST(c, mk_thread_terminate(call->thread));
    check(c);
    expect_err(c, answer(c, r->msg.reply), MK_E_DEAD);
    check(c);
}

static void task_ends_queued(struct cell *c)
{
    queued(c, MK_TIME_FOREVER);
    sender_ends(c);
    check(c);
    receive_orphan(c);
}

static void task_ends_served(struct cell *c)
{
    queued(c, MK_TIME_FOREVER);
    struct op *r = served(c);
    sender_ends(c);
    check(c);
    expect_err(c, answer(c, r->msg.reply), MK_E_DEAD);
    check(c);
}

/* ---- the server goes ---- */

static void destroy_carrier(void *arg)
{
    struct cell *c = arg;
    MUST(c, mk_port_destroy(c->carrier));
    c->nr_receiver--;
}

static void port_dies_queued(struct cell *c)
{
    struct op *call = queued(c, MK_TIME_FOREVER);
    in_receiver(c, destroy_carrier);
    expect_err(c, call, MK_E_DEAD);
    lose(c);
    check(c);
}

static void port_dies_served(struct cell *c)
{
    struct op *call = queued(c, MK_TIME_FOREVER), *r = served(c);
    in_receiver(c, destroy_carrier);
    expect_waits(c, call);
    check(c);
    expect_err(c, answer(c, r->msg.reply), MK_OK); /* the answer does not come through the port */
    expect_err(c, call, MK_OK);
    check(c);
}

static void server_task_ends_queued(struct cell *c)
{
    struct op *call = queued(c, MK_TIME_FOREVER);
    receiver_ends(c);
    expect_err(c, call, MK_E_DEAD);
    lose(c);
    check(c);
}

static void server_task_ends_serving(struct cell *c)
{
    struct op *call = queued(c, MK_TIME_FOREVER);
    served(c);
    receiver_ends(c);
    expect_err(c, call, MK_E_DEAD);
    check(c);
}

/* The right to answer belongs to the task, not to the thread that received it. */
static void server_thread_ends_serving(struct cell *c)
{
    struct op *call = queued(c, MK_TIME_FOREVER), *r = served(c); /* the receiving thread has ended here */
    expect_waits(c, call);
    expect_err(c, answer(c, r->msg.reply), MK_OK);
    expect_err(c, call, MK_OK);
    check(c);
}

static mk_name_t dropped;

static void drop(void *arg)
{
    struct cell *c = arg;
    MUST(c, mk_right_release(dropped));
    c->nr_receiver--;
}

static void reply_right_dropped(struct cell *c)
{
    struct op *call = queued(c, MK_TIME_FOREVER);
    dropped = served(c)->msg.reply;
    in_receiver(c, drop);
    expect_err(c, call, MK_E_DEAD);
    check(c);
}

static void lost_on_delivery(struct cell *c)
{
    struct op *r = op_new(c, OP_RECEIVE, c->carrier, MK_TIME_FOREVER);
    r->msg.rights = (struct mk_msg_right *)4096;
    op_start(r, c->receiver);
    struct op *call = calls(c, MK_TIME_FOREVER);
    expect_err(c, r, MK_E_BAD_ADDRESS);
    expect_err(c, call, MK_E_DEAD);
    leave(c);
    lose(c);
    check(c);
}

static void bad_last(struct cell *c)
{
    struct op *call = op_new(c, OP_CALL, c->carrier_sender, MK_TIME_FOREVER);
    op_load(c, call);
    call->rights[2].name = 0x7654321;
    op_start(call, c->sender);
    expect_err(c, call, MK_E_BAD_NAME);
    check(c);
}

const struct point call_points[] = {
    {"call: answered", call_answered, NULL},
    {"call: to a waiting server", call_to_waiting, NULL},
    {"call: times out, queue full", times_out_full, NULL},
    {"call: times out, queued", times_out_queued, NULL},
    {"call: times out, served", times_out_served, NULL},
    {"call: poll", polls, NULL},
    {"call: poll, queue full", polls_full, NULL},
    {"call: aborted, queue full", aborted_full, NULL},
    {"call: aborted, queued", aborted_queued, NULL},
    {"call: aborted, served", aborted_served, NULL},
    {"call: thread ends, queued", thread_ends_queued, NULL},
    {"call: thread ends, served", thread_ends_served, NULL},
    {"call: task ends, queued", task_ends_queued, NULL},
    {"call: task ends, served", task_ends_served, NULL},
    {"call: port dies, queued", port_dies_queued, NULL},
    {"call: port dies, served", port_dies_served, NULL},
    {"call: server's task ends, queued", server_task_ends_queued, NULL},
    {"call: server's task ends, serving", server_task_ends_serving, NULL},
    {"call: server's thread ends, serving", server_thread_ends_serving, NULL},
    {"call: right to answer dropped", reply_right_dropped, NULL},
    {"call: lost on delivery", lost_on_delivery, NULL},
    {"call: last right bad", bad_last, NULL},
};
const size_t nr_call_points = COUNT_OF(call_points);
