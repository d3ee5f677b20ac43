/* SPDX-License-Identifier: BSD-2-Clause */
/* Building a cell, and the threads that make its calls. */
#include "matrix.h"

#define PRIO_ACTOR 40

static const struct row filler_row = {.label = "filler", .how = MK_MOVE_SEND, .type = MK_RIGHT_SEND, .refs = 4};

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

/* An allocation failed: nothing has changed, and the call is made again. False: it had an effect that its header documents. */
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
    op->rights[0] = (struct mk_msg_right){c->sides[1].sender, filler_row.how};
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

/* ---- building ---- */

static void sleeps(void *arg)
{
    (void)arg;
    (void)!mk_time_sleep(MK_TIME_FOREVER);
}

static uint64_t right_port(mk_name_t name)
{
    struct mk_right_info info;
    CHECK_OK(mk_right_info(name, &info));
    return info.port;
}

static mk_name_t give(mk_name_t task, mk_name_t name, enum mk_disposition how)
{
    mk_name_t there;
    CHECK_OK(mk_right_insert(task, name, how, &there));
    return there;
}

/* In the sender: user references, and the requests that only the holder of a name can make. */
struct furnish {
    mk_name_t name, chosen, once_no_senders, once_dead_name;
    uint32_t make, retain;
};

static struct furnish furnish;

static void furnish_main(void *arg)
{
    (void)arg;
    if (furnish.make)
        CHECK_OK(mk_right_make(furnish.name, MK_RIGHT_SEND, 0, NULL));
    if (furnish.retain)
        CHECK_OK(mk_right_retain(furnish.name, furnish.retain));
    if (furnish.once_no_senders)
        CHECK_OK(mk_port_notify(furnish.name, MK_NOTIFY_NO_SENDERS, 1, furnish.once_no_senders));
    if (furnish.once_dead_name)
        CHECK_OK(mk_port_notify(furnish.name, MK_NOTIFY_DEAD_NAME, 0, furnish.once_dead_name));
    if (furnish.chosen) /* the request goes with the name */
        CHECK_OK(mk_right_rename(furnish.name, furnish.chosen));
}

static mk_name_t once_for(const struct cell *c, mk_name_t task)
{
    return give(task, c->notices, MK_MAKE_SEND_ONCE);
}

/* A send right with the row's badge, moved or made into the task. */
static mk_name_t give_send(const struct row *row, mk_name_t port, mk_name_t task)
{
    mk_name_t badged;
    if (!row->badge)
        return give(task, port, MK_MAKE_SEND);
    CHECK_OK(mk_right_make(port, MK_RIGHT_SEND, row->badge, &badged));
    return give(task, badged, MK_MOVE_SEND);
}

static void side_build(struct cell *c, struct side *side, const struct row *row, unsigned times)
{
    bool is_at_sender = row->type & MK_RIGHT_RECEIVE;
    *side = (struct side){.row = row, .times = times, .world = world_before(row)};
    if (row->memory_how) {
        CHECK_OK(mk_vm_allocate(c->sender, 2 * mk_page_size(), &side->pages));
        for (uint32_t i = 0; i < 2 * mk_page_size(); i++)
            ((unsigned char *)side->pages)[i] = (unsigned char)(i % 251);
        return;
    }
    if (row->is_reply)
        return;
    CHECK_OK(row->is_event ? mk_event_create(&side->owner) : mk_port_create(&side->owner));
    side->port = right_port(side->owner);
    for (uint32_t i = 0; i < row->nr_queued; i++) {
        mk_name_t once = once_name(side->owner);
        CHECK_OK(send_id(once, i));
    }
    if (row->receiver_refs) {
        side->receiver = give_send(row, side->owner, c->receiver);
        furnish = (struct furnish){.name = side->receiver, .retain = row->receiver_refs - 1};
        in_receiver(c, furnish_main);
    }
    furnish = (struct furnish){.retain = row->refs ? row->refs - 1 : 0};
    if (is_at_sender) {
        side->sender = give(c->sender, side->owner, MK_MOVE_RECEIVE);
        side->owner = MK_NAME_NULL;
        furnish.make = row->refs != 0;
        furnish.once_no_senders = once_for(c, c->sender);
    } else if (row->type == MK_RIGHT_SEND) {
        side->sender = give_send(row, side->owner, c->sender);
    } else {
        side->sender = give(c->sender, side->owner, MK_MAKE_SEND_ONCE);
    }
    if (!is_at_sender)
        CHECK_OK(mk_port_notify(side->owner, MK_NOTIFY_NO_SENDERS, 1, c->notices));
    if (row->is_watched)
        furnish.once_dead_name = once_for(c, c->sender);
    furnish.name = side->sender;
    furnish.chosen = row->chosen;
    in_sender(c, furnish_main);
    if (row->chosen)
        side->sender = row->chosen;
}

/* The row's right is one to answer a call: a thread of the owner calls, the sender serves. */
static void caller_build(struct cell *c)
{
    struct side *side = &c->sides[0];
    mk_name_t port = mkt_port(), there = give(c->sender, port, MK_MOVE_RECEIVE);
    struct op *op = &c->caller, *served;
    op->kind = OP_CALL;
    op->port = port;
    op->deadline = MK_TIME_FOREVER;
    op->header = &op->msg;
    op_start(op, mk_task_self());
    served = op_new(c, OP_RECEIVE, there, MK_TIME_POLL);
    op_start(served, c->sender);
    CHECK_OK(served->err);
    side->sender = served->msg.reply;
    c->nr_ops = 0;
    memset(served, 0, sizeof(*served));
}

static uint64_t newest_task(void)
{
    static struct mk_task_info infos[400]; /* those that ended are listed too */
    size_t n;
    CHECK_OK(mk_machine_tasks(NULL, infos, 400, &n));
    CHECK(n <= 400);
    return infos[n - 1].id;
}

#define NR_BADGES 6u /* so many that the tables of the spaces must grow for what arrives */

static void make_badges(void *arg)
{
    mk_name_t port, name;
    (void)arg;
    CHECK_OK(mk_port_create(&port));
    for (uint64_t badge = 1; badge <= NR_BADGES; badge++)
        CHECK_OK(mk_right_make(port, MK_RIGHT_SEND, badge, &name));
}

void cell_build(struct cell *c)
{
    c->owner_id = mk_task_id();
    c->sender = task_of("sender", sleeps, NULL);
    c->sender_id = newest_task();
    c->receiver = task_of("receiver", sleeps, NULL);
    c->receiver_id = newest_task();
    c->has_sender = c->has_receiver = true;
    CHECK_OK(mk_port_create(&c->notices));
    CHECK_OK(mk_port_set_limit(c->notices, MK_QUEUE_MAX));
    c->carrier_owner = mkt_port();
    c->carrier = give(c->receiver, c->carrier_owner, MK_MOVE_RECEIVE);
    c->carrier_sender = give(c->sender, c->carrier_owner, MK_COPY_SEND);
    in_receiver(c, make_badges);
    side_build(c, &c->sides[0], c->row, 1);
    side_build(c, &c->sides[1], &filler_row, 2);
    if (c->row->is_reply)
        caller_build(c);
    struct mk_machine_stats stats;
    CHECK_OK(mk_machine_stats(NULL, &stats));
    c->memory_used = stats.memory_used - c->sides[0].world.sender_pages * mk_page_size();
    c->nr_sender = count_names(c->sender_id) - 1 - (c->sides[0].world.sender.type != 0);
    c->nr_receiver = count_names(c->receiver_id) - (c->sides[0].world.receiver.type != 0);
}
