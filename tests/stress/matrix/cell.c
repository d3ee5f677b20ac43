/* SPDX-License-Identifier: BSD-2-Clause */
/* The threads that make the calls of a cell, and what becomes of the message. */
#include "matrix.h"

#define PRIO_ACTOR 40

/* ---- threads that make one call ---- */

static mk_err_t op_call(struct op *op)
{
    struct mk_msg_right *right = &op->rights[1]; /* INSERT, EXTRACT */
    mk_name_t name;
    mk_err_t err;
    switch (op->kind) {
    case OP_SEND:
        return mk_send(op->port, op->header, op->deadline);
    case OP_RECEIVE:
        return mk_receive(op->port, op->header, op->deadline);
    case OP_CALL:
        return mk_call(op->port, op->header, op->deadline);
    case OP_REPLY:
        return mk_reply(op->header);
    case OP_REPLY_RECEIVE:
        return mk_reply_receive(op->port, op->header, op->deadline);
    case OP_INSERT:
        err = mk_right_insert(op->port, right->name, right->how, &name);
        break;
    case OP_EXTRACT:
        err = mk_right_extract(op->port, right->name, right->how, &name);
        break;
    default:
        mk_msg_discard(op->header);
        return MK_OK;
    }
    if (!err)
        right->name = name;
    return err;
}

/*
 * An allocation failed: nothing has changed, and the call is made again. False: it had an effect that its header
 * documents.
 */
static bool may_retry(struct op *op, mk_name_t reply)
{
    bool is_same = snap_is_same(&op->before);
    if (op->kind == OP_CALL && (op->is_sent || !is_same)) {
        op->is_answer_lost = true;
        return false;
    }
    if (op->kind != OP_REPLY_RECEIVE || op->header->reply == reply)
        CHECK(is_same);
    CHECK_OK(mk_machine_audit(NULL));
    op->is_retried = true;
    return true;
}

static void op_main(void *arg)
{
    struct op *op = arg;
    mk_name_t reply = op->kind == OP_REPLY_RECEIVE ? op->header->reply : MK_NAME_NULL;
    mk_err_t err;
    snap_take(&op->before);
    do {
        allocations_may_fail(true);
        err = op_call(op);
        allocations_may_fail(false);
    } while (err == MK_E_NO_MEMORY && allocation_has_failed() && !op->is_retried && may_retry(op, reply));
    op->err = err;
    op->is_done = true;
}

struct op *op_new(struct cell *c, enum op_kind kind, mk_name_t port, mk_time_t deadline)
{
    struct op *op = &c->ops[c->nr_ops++];
    CHECK(c->nr_ops <= NR_OPS);
    op->kind = kind;
    op->port = port;
    op->deadline = deadline;
    op->header = &op->msg;
    op->msg.body = op->body;
    op->msg.capacity = sizeof(op->body);
    op->msg.rights = op->rights;
    op->msg.max_rights = MK_RIGHTS_MAX;
    op->msg.memories = op->memories;
    op->msg.max_memories = MK_MEMORIES_MAX;
    return op;
}

void op_load(struct cell *c, struct op *op)
{
    op->rights[0] = (struct mk_msg_right){c->sides[1].sender, c->sides[1].row->how};
    op->rights[1] = (struct mk_msg_right){c->sides[0].sender, c->row->how};
    op->rights[2] = op->rights[0];
    if (c->row->memory_how) {
        const struct side *side = &c->sides[0];
        op->rights[1] = (struct mk_msg_right){MK_NAME_NULL, MK_COPY_SEND};
        op->memories[0] =
            (struct mk_msg_memory){(char *)side->pages + c->row->offset, c->row->size, c->row->memory_how};
        op->msg.nr_memories = 1;
    }
    op->msg.nr_rights = 3;
    op->msg.id = 1234;
    op->msg.size = BODY_SIZE;
    memset(op->body, 'b', BODY_SIZE);
}

void op_start(struct op *op, mk_name_t task)
{
    op->thread = thread_in(task, "op", op_main, op, PRIO_ACTOR);
    mk_thread_yield();
    allocations_may_fail(false); /* it may wait inside its call */
}

struct op *sends(struct cell *c, mk_time_t deadline)
{
    struct op *op = op_new(c, OP_SEND, c->carrier_sender, deadline);
    op_load(c, op);
    op_start(op, c->sender);
    return op;
}

struct op *calls(struct cell *c, mk_time_t deadline)
{
    struct op *op = op_new(c, OP_CALL, c->carrier_sender, deadline);
    op_load(c, op);
    op_start(op, c->sender);
    return op;
}

struct op *receives(struct cell *c, mk_time_t deadline)
{
    struct op *op = op_new(c, OP_RECEIVE, c->carrier, deadline);
    op_start(op, c->receiver);
    return op;
}

/* ---- other steps ---- */

struct step {
    void (*fn)(void *);
    struct cell *cell;
    bool is_done;
};

static void step_main(void *arg)
{
    struct step *step = arg;
    step->fn(step->cell);
    step->is_done = true;
}

static void run_in(struct cell *c, mk_name_t task, void (*fn)(void *))
{
    static struct step step;
    step = (struct step){.fn = fn, .cell = c};
    join(thread_in(task, "step", step_main, &step, PRIO_ACTOR));
    CHECK(step.is_done);
}

void in_sender(struct cell *c, void (*fn)(void *))
{
    run_in(c, c->sender, fn);
}

void in_receiver(struct cell *c, void (*fn)(void *))
{
    run_in(c, c->receiver, fn);
}

void fill_carrier(struct cell *c)
{
    for (int i = 0; i < MK_QUEUE_DEFAULT; i++)
        CHECK_OK(send_id(c->carrier_owner, 7));
    CHECK_ERR(send_id(c->carrier_owner, 7), MK_E_WOULD_BLOCK);
}

static void take_plain(void *arg)
{
    const struct cell *c = arg;
    CHECK(take_id(c->carrier) == 7);
}

void drain_carrier(struct cell *c)
{
    for (int i = 0; i < MK_QUEUE_DEFAULT; i++)
        in_receiver(c, take_plain);
}

void sender_ends(struct cell *c)
{
    MUST(c, mk_task_terminate(c->sender, 0));
    c->has_sender = false;
    for (int i = 0; i < 2; i++)
        world_sender_ends(&c->sides[i].world);
}

void receiver_ends(struct cell *c)
{
    MUST(c, mk_task_terminate(c->receiver, 0));
    c->has_receiver = false;
    for (int i = 0; i < 2; i++)
        world_receiver_ends(&c->sides[i].world);
}

void leave(struct cell *c)
{
    for (int i = 0; i < 2; i++)
        for (unsigned n = 0; n < c->sides[i].times; n++)
            world_leaves(&c->sides[i].world, c->sides[i].row);
}

void lose(struct cell *c)
{
    for (int i = 0; i < 2; i++)
        for (unsigned n = 0; n < c->sides[i].times; n++)
            world_lost(&c->sides[i].world, c->sides[i].row);
}

/* The same bytes at the same offset, in fresh pages; what else is in them is zero. */
static void memory_arrives(struct cell *c, const struct op *op)
{
    struct side *side = &c->sides[0];
    const struct mk_msg_memory *m = &op->memories[0];
    world_arrives(&side->world, side->row);
    if (op->msg.nr_memories != 1 || m->size != side->row->size || m->how != 0 || op->rights[1].name) {
        fault(c, "%u memories, %zu bytes, how %u", op->msg.nr_memories, m->size, m->how);
        return;
    }
    const unsigned char *pages = (const unsigned char *)m->address - side->row->offset;
    if ((mk_vaddr_t)pages % mk_page_size())
        fault(c, "memory arrived at %p", m->address);
    for (uint32_t i = 0; i < 2 * mk_page_size(); i++) {
        bool is_sent = i >= side->row->offset && i < side->row->offset + side->row->size;
        if (pages[i] != (is_sent ? i % 251 : 0)) {
            fault(c, "byte %u of the memory is %u", i, pages[i]);
            return;
        }
    }
}

void arrive(struct cell *c, const struct op *op)
{
    static const int side_of[3] = {1, 0, 1};
    static const uint32_t kinds[] = {
        [MK_MOVE_RECEIVE - MK_MOVE_RECEIVE] = MK_RIGHT_RECEIVE,
        [MK_MOVE_SEND - MK_MOVE_RECEIVE] = MK_RIGHT_SEND,
        [MK_MOVE_SEND_ONCE - MK_MOVE_RECEIVE] = MK_RIGHT_SEND_ONCE,
        [MK_COPY_SEND - MK_MOVE_RECEIVE] = MK_RIGHT_SEND,
        [MK_MAKE_SEND - MK_MOVE_RECEIVE] = MK_RIGHT_SEND,
        [MK_MAKE_SEND_ONCE - MK_MOVE_RECEIVE] = MK_RIGHT_SEND_ONCE,
    };
    bool is_whole = op->msg.id == 1234 && op->msg.size == BODY_SIZE && op->msg.nr_rights == 3;
    if (op->err || !is_whole)
        fault(c, "%s: id %u, %zu bytes, %u rights", mk_err_name(op->err), op->msg.id, op->msg.size, op->msg.nr_rights);
    for (size_t i = 0; i < BODY_SIZE; i++)
        is_whole = is_whole && op->body[i] == 'b';
    if (!is_whole)
        fault(c, "the message is not what was sent");
    for (int i = 0; i < 3; i++) {
        struct side *side = &c->sides[side_of[i]];
        if (side->row->memory_how) {
            memory_arrives(c, op);
            continue;
        }
        bool is_dead = side->world.place == GONE && side->row->how != MK_MOVE_RECEIVE;
        if (op->rights[i].how != kinds[side->row->how - MK_MOVE_RECEIVE])
            fault(c, "%s: arrived as kind %u", side->row->label, op->rights[i].how);
        if (is_dead) {
            if (op->rights[i].name != MK_NAME_DEAD)
                fault(c, "%s: died and arrived as %#x", side->row->label, op->rights[i].name);
            continue;
        }
        world_arrives(&side->world, side->row);
        if (side->receiver && side->receiver != op->rights[i].name)
            fault(c, "%s: arrived as %#x beside %#x", side->row->label, op->rights[i].name, side->receiver);
        side->receiver = op->rights[i].name;
    }
}

void expect_err(struct cell *c, const struct op *op, mk_err_t err)
{
    if (!op->is_done)
        fault(c, "call %u waits, expected %s", op->kind, mk_err_name(err));
    else if (op->err != err)
        fault(c, "call %u: %s, expected %s", op->kind, mk_err_name(op->err), mk_err_name(err));
}

void expect_waits(struct cell *c, const struct op *op)
{
    if (op->is_done)
        fault(c, "call %u: %s, expected that it waits", op->kind, mk_err_name(op->err));
}

void must(struct cell *c, mk_err_t err, const char *what)
{
    if (err)
        fault(c, "%s: %s", what, mk_err_name(err));
}
