/* SPDX-License-Identifier: BSD-2-Clause */
/* Points: between tasks, without a message. */
#include "matrix.h"

static bool is_a_right(const struct row *row)
{
    return !row->memory_how;
}

static struct op *transfers(struct cell *c, enum op_kind kind, mk_name_t from, mk_name_t to)
{
    struct op *op = op_new(c, kind, MK_NAME_NULL, 0);
    c->sides[1].times = 0;
    CHECK_OK(mk_right_insert(from, to, MK_COPY_SEND, &op->port));
    op->rights[1] = (struct mk_msg_right){c->sides[0].sender, c->row->how};
    op_start(op, from);
    return op;
}

static void came_over(struct cell *c, struct op *op)
{
    struct side *side = &c->sides[0];
    expect_err(c, op, MK_OK);
    leave(c);
    world_arrives(&side->world, side->row);
    if (side->receiver && side->receiver != op->rights[1].name)
        fault(c, "arrived as %#x beside %#x", op->rights[1].name, side->receiver);
    side->receiver = op->rights[1].name;
    check(c);
}

static void inserted(struct cell *c)
{
    c->nr_sender++;
    came_over(c, transfers(c, OP_INSERT, c->sender, c->receiver));
}

static void extracted(struct cell *c)
{
    c->nr_receiver++;
    came_over(c, transfers(c, OP_EXTRACT, c->receiver, c->sender));
}

static void insert_into_dead(struct cell *c)
{
    mk_name_t child;
    CHECK_OK(mk_task_create("child", &child));
    struct op *op = op_new(c, OP_INSERT, MK_NAME_NULL, 0);
    CHECK_OK(mk_right_insert(c->sender, child, MK_COPY_SEND, &op->port));
    CHECK_OK(mk_task_terminate(child, 0));
    op->rights[1] = (struct mk_msg_right){c->sides[0].sender, c->row->how};
    op_start(op, c->sender);
    c->nr_sender++;
    expect_err(c, op, MK_E_DEAD);
    check(c);
}

const struct point task_points[] = {
    {"mk_right_insert", inserted, is_a_right},
    {"mk_right_extract", extracted, is_a_right},
    {"mk_right_insert into an ended task", insert_into_dead, is_a_right},
};
const size_t nr_task_points = COUNT_OF(task_points);
