/* SPDX-License-Identifier: BSD-2-Clause */
/* Points: messages that are refused before anything leaves the sender. */
#include "matrix.h"

/* The message to be spoilt, not yet sent; names the cell makes for that are counted. */
static struct op *spoilt(struct cell *c)
{
    struct op *op = op_new(c, OP_SEND, c->carrier_sender, MK_TIME_POLL);
    op_load(c, op);
    return op;
}

static void refused(struct cell *c, struct op *op, mk_err_t err)
{
    op_start(op, c->sender);
    expect_err(c, op, err);
    check(c);
}

/* ---- the destination ---- */

static void null_destination(struct cell *c)
{
    struct op *op = spoilt(c);
    op->port = MK_NAME_NULL;
    refused(c, op, MK_E_BAD_NAME);
}

static mk_name_t made;

static void make_stale(void *arg)
{
    (void)arg;
    made = stale_name();
}

static void stale_destination(struct cell *c)
{
    struct op *op = spoilt(c);
    in_sender(c, make_stale);
    op->port = made;
    refused(c, op, MK_E_BAD_NAME);
}

static void make_receive(void *arg)
{
    struct cell *c = arg;
    CHECK_OK(mk_port_create(&made));
    c->nr_sender++;
}

static void receive_destination(struct cell *c)
{
    struct op *op = spoilt(c);
    in_sender(c, make_receive);
    op->port = made;
    refused(c, op, MK_E_BAD_RIGHT);
}

static void make_set(void *arg)
{
    struct cell *c = arg;
    CHECK_OK(mk_portset_create(&made));
    c->nr_sender++;
}

static void set_destination(struct cell *c)
{
    struct op *op = spoilt(c);
    in_sender(c, make_set);
    op->port = made;
    refused(c, op, MK_E_BAD_RIGHT);
}

static void task_destination(struct cell *c)
{
    struct op *op = spoilt(c);
    CHECK_OK(mk_right_insert(c->sender, c->receiver, MK_COPY_SEND, &op->port));
    c->nr_sender++;
    refused(c, op, MK_E_BAD_RIGHT);
}

/* ---- another right of the same message ---- */

static void bad_first(struct cell *c)
{
    struct op *op = spoilt(c);
    op->rights[0].name = 0x7654321;
    refused(c, op, MK_E_BAD_NAME);
}

static void bad_last(struct cell *c)
{
    struct op *op = spoilt(c);
    op->rights[2].name = 0x7654321;
    refused(c, op, MK_E_BAD_NAME);
}

static void kind_last(struct cell *c)
{
    struct op *op = spoilt(c);
    op->rights[2].how = MK_MAKE_SEND;
    refused(c, op, MK_E_BAD_RIGHT);
}

static void set_last(struct cell *c)
{
    struct op *op = spoilt(c);
    in_sender(c, make_set);
    op->rights[2].name = made;
    refused(c, op, MK_E_BAD_RIGHT);
}

static void make_dead(void *arg)
{
    struct cell *c = arg;
    made = dead_name();
    c->nr_sender++;
}

static void dead_last(struct cell *c)
{
    struct op *op = spoilt(c);
    in_sender(c, make_dead);
    op->rights[2].name = made;
    refused(c, op, MK_E_DEAD);
}

static void unknown_last(struct cell *c)
{
    struct op *op = spoilt(c);
    op->rights[2].how = MK_RIGHT_SEND;
    refused(c, op, MK_E_BAD_ARGUMENT);
}

static void unknown_null_last(struct cell *c)
{
    struct op *op = spoilt(c);
    op->rights[2] = (struct mk_msg_right){MK_NAME_NULL, 99};
    refused(c, op, MK_E_BAD_ARGUMENT);
}

static bool is_moved(const struct row *row)
{
    return !row->memory_how &&
           (row->how == MK_MOVE_RECEIVE || row->how == MK_MOVE_SEND || row->how == MK_MOVE_SEND_ONCE) &&
           row->refs < MK_RIGHTS_MAX;
}

/* Once more than there are. */
static void once_too_often(struct cell *c)
{
    struct op *op = spoilt(c);
    uint32_t n = c->row->how == MK_MOVE_SEND ? c->row->refs + 1 : 2;
    for (uint32_t i = 0; i < n; i++)
        op->rights[1 + i] = op->rights[1];
    op->msg.nr_rights = 1 + n;
    refused(c, op, MK_E_BAD_RIGHT);
}

static void one_too_many(struct cell *c)
{
    struct op *op = spoilt(c);
    for (uint32_t i = 3; i <= MK_RIGHTS_MAX; i++)
        op->rights[i] = (struct mk_msg_right){MK_NAME_NULL, MK_COPY_SEND};
    op->msg.nr_rights = MK_RIGHTS_MAX + 1;
    refused(c, op, MK_E_MSG_TOO_LARGE);
}

/* ---- the reply right ---- */

static void bad_reply(struct cell *c)
{
    struct op *op = spoilt(c);
    op->msg.reply = 0x7654321;
    refused(c, op, MK_E_BAD_NAME);
}

static void send_reply(struct cell *c)
{
    struct op *op = spoilt(c);
    op->msg.reply = c->carrier_sender;
    refused(c, op, MK_E_BAD_RIGHT);
}

static bool is_moved_once(const struct row *row)
{
    return !row->memory_how && row->how == MK_MOVE_SEND_ONCE;
}

static void reply_moved_too(struct cell *c)
{
    struct op *op = spoilt(c);
    op->msg.reply = c->sides[0].sender;
    refused(c, op, MK_E_BAD_RIGHT);
}

/* ---- sizes, addresses, times ---- */

static void large_body(struct cell *c)
{
    struct op *op = spoilt(c);
    op->msg.size = MK_BODY_MAX + 1;
    refused(c, op, MK_E_MSG_TOO_LARGE);
}

static void unreadable_header(struct cell *c)
{
    struct op *op = spoilt(c);
    op->header = NULL;
    refused(c, op, MK_E_BAD_ADDRESS);
}

static void unreadable_body(struct cell *c)
{
    struct op *op = spoilt(c);
    op->msg.body = (void *)4096;
    refused(c, op, MK_E_BAD_ADDRESS);
}

static void unreadable_rights(struct cell *c)
{
    struct op *op = spoilt(c);
    op->msg.rights = (struct mk_msg_right *)4096;
    refused(c, op, MK_E_BAD_ADDRESS);
}

static void negative_deadline(struct cell *c)
{
    struct op *op = spoilt(c);
    op->deadline = -1;
    refused(c, op, MK_E_BAD_ARGUMENT);
}

/* ---- through a send-once right, which stays ---- */

static void bad_last_by_send_once(struct cell *c)
{
    struct op *op = spoilt(c);
    CHECK_OK(mk_right_extract(c->receiver, c->carrier, MK_MAKE_SEND_ONCE, &made));
    CHECK_OK(mk_right_insert(c->sender, made, MK_MOVE_SEND_ONCE, &op->port));
    c->nr_sender++;
    op->rights[2].name = 0x7654321;
    refused(c, op, MK_E_BAD_NAME);
}

static void moved_by_itself(struct cell *c)
{
    struct op *op = spoilt(c);
    op->port = c->sides[0].sender;
    refused(c, op, MK_E_BAD_RIGHT);
}

const struct point refusal_points[] = {
    {"destination MK_NAME_NULL", null_destination, NULL},
    {"destination stale", stale_destination, NULL},
    {"destination a receive right alone", receive_destination, NULL},
    {"destination a port set", set_destination, NULL},
    {"destination a task", task_destination, NULL},
    {"first right a bad name", bad_first, NULL},
    {"last right a bad name", bad_last, NULL},
    {"last right of another kind", kind_last, NULL},
    {"last right a port set", set_last, NULL},
    {"last right dead", dead_last, NULL},
    {"last right with a received kind as disposition", unknown_last, NULL},
    {"last right null with an unknown disposition", unknown_null_last, NULL},
    {"moved once too often", once_too_often, is_moved},
    {"one right too many", one_too_many, NULL},
    {"reply a bad name", bad_reply, NULL},
    {"reply a send right", send_reply, NULL},
    {"reply moved in the message too", reply_moved_too, is_moved_once},
    {"body too large", large_body, NULL},
    {"header unreadable", unreadable_header, NULL},
    {"body unreadable", unreadable_body, NULL},
    {"rights unreadable", unreadable_rights, NULL},
    {"deadline negative", negative_deadline, NULL},
    {"last right bad, by a send-once right", bad_last_by_send_once, NULL},
    {"send-once right moved by itself", moved_by_itself, is_moved_once},
};
const size_t nr_refusal_points = COUNT_OF(refusal_points);
