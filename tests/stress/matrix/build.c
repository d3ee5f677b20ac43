/* SPDX-License-Identifier: BSD-2-Clause */
/* Building a cell: three tasks, the carrier, and the rights at their holders. */
#include "matrix.h"

static const struct row filler_row = {.label = "filler", .how = MK_MOVE_SEND, .type = MK_RIGHT_SEND, .refs = 4};

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
