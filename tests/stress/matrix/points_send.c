/* SPDX-License-Identifier: BSD-2-Clause */
/* Points: mk_send that succeeds, or waits for room and fails. */
#include "matrix.h"

/* The message is in the carrier's queue: receive it. */
static void take_it(struct cell *c)
{
    struct op *r = receives(c, MK_TIME_POLL);
    expect_err(c, r, MK_OK);
    arrive(c, r);
    check(c);
}

static void sent(struct cell *c, const struct op *s)
{
    expect_err(c, s, MK_OK);
    leave(c);
    check(c);
}

static void waiting_receiver(struct cell *c)
{
    struct op *r = receives(c, MK_TIME_FOREVER);
    expect_waits(c, r);
    expect_err(c, sends(c, MK_TIME_POLL), MK_OK);
    expect_err(c, r, MK_OK);
    leave(c);
    arrive(c, r);
    check(c);
}

static void queued(struct cell *c)
{
    sent(c, sends(c, MK_TIME_POLL));
    take_it(c);
}

static void full_poll(struct cell *c)
{
    fill_carrier(c);
    expect_err(c, sends(c, MK_TIME_POLL), MK_E_WOULD_BLOCK);
    check(c);
}

static void full_deadline(struct cell *c)
{
    fill_carrier(c);
    mk_time_t deadline = mk_time_now() + MK_MSEC;
    struct op *s = sends(c, deadline);
    c->waiting = s;
    expect_waits(c, s);
    check(c);
    CHECK_OK(mk_time_sleep(deadline + MK_MSEC));
    expect_err(c, s, MK_E_TIMED_OUT);
    check(c);
}

/* A sender that waits for room. */
static struct op *waits(struct cell *c)
{
    fill_carrier(c);
    struct op *s = sends(c, MK_TIME_FOREVER);
    c->waiting = s;
    expect_waits(c, s);
    check(c);
    return s;
}

static void full_aborted(struct cell *c)
{
    struct op *s = waits(c);
    MUST(c, mk_thread_abort(s->thread));
    expect_err(c, s, MK_E_ABORTED);
    check(c);
}

static void full_thread_ends(struct cell *c)
{
    struct op *s = waits(c);
    MUST(c, mk_thread_terminate(s->thread));
    c->waiting = NULL;
    check(c);
}

static void full_task_ends(struct cell *c)
{
    waits(c);
    sender_ends(c);
    c->waiting = NULL;
    check(c);
}

static void room_comes(struct cell *c)
{
    struct op *s = waits(c);
    drain_carrier(c);
    sent(c, s);
    take_it(c);
}

static void raise_limit(void *arg)
{
    const struct cell *c = arg;
    CHECK_OK(mk_port_set_limit(c->carrier, MK_QUEUE_DEFAULT + 1));
}

static void limit_raised(struct cell *c)
{
    struct op *s = waits(c);
    in_receiver(c, raise_limit);
    sent(c, s);
    drain_carrier(c);
    take_it(c);
}

static void release_fillers(void *arg)
{
    const struct cell *c = arg;
    for (int i = 0; i < 3; i++)
        CHECK_OK(mk_right_release(c->sides[1].sender));
}

/* Two of four user references are promised to the message; three go while it waits. */
static void rights_go_meanwhile(struct cell *c)
{
    struct op *s = waits(c);
    in_sender(c, release_fillers);
    c->sides[1].world.sender.refs = 1;
    drain_carrier(c);
    expect_err(c, s, MK_E_BAD_RIGHT);
    check(c);
}

static void destroy_carrier(void *arg)
{
    struct cell *c = arg;
    MUST(c, mk_port_destroy(c->carrier));
    c->nr_receiver--;
}

static void dead_before(struct cell *c)
{
    in_receiver(c, destroy_carrier);
    expect_err(c, sends(c, MK_TIME_POLL), MK_E_DEAD);
    check(c);
}

static void dies_meanwhile(struct cell *c)
{
    struct op *s = waits(c);
    in_receiver(c, destroy_carrier);
    expect_err(c, s, MK_E_DEAD);
    check(c);
}

static void receiver_task_ends_meanwhile(struct cell *c)
{
    struct op *s = waits(c);
    receiver_ends(c);
    expect_err(c, s, MK_E_DEAD);
    check(c);
}

static void dies_queued(struct cell *c)
{
    sent(c, sends(c, MK_TIME_POLL));
    in_receiver(c, destroy_carrier);
    lose(c);
    check(c);
}

static void receiver_task_ends_queued(struct cell *c)
{
    sent(c, sends(c, MK_TIME_POLL));
    MUST(c, mk_task_terminate(c->receiver, 0));
    c->has_receiver = false;
    for (int i = 0; i < 2; i++)
        world_receiver_ends(&c->sides[i].world);
    lose(c);
    check(c);
}

static void sender_task_ends_queued(struct cell *c)
{
    sent(c, sends(c, MK_TIME_POLL));
    sender_ends(c);
    check(c);
    take_it(c);
}

/* ---- the carrier on its way itself ---- */

static mk_name_t cart; /* the receiver's send right to the owner's port that the carrier travels to */

static void send_carrier(void *arg)
{
    struct cell *c = arg;
    CHECK_OK(send_right(cart, c->carrier, MK_MOVE_RECEIVE));
    c->nr_receiver--;
}

static mk_name_t carrier_leaves(struct cell *c)
{
    mk_name_t port = mkt_port();
    CHECK_OK(mk_right_insert(c->receiver, port, MK_COPY_SEND, &cart));
    c->nr_receiver++;
    in_receiver(c, send_carrier);
    return port;
}

static void carrier_on_its_way(struct cell *c)
{
    mk_name_t port = carrier_leaves(c);
    sent(c, sends(c, MK_TIME_POLL));
    struct mk_msg_right right = take_right(port);
    check(c);
    CHECK_OK(mk_right_insert(c->receiver, right.name, MK_MOVE_RECEIVE, &c->carrier));
    c->nr_receiver++;
    take_it(c);
}

static void carrier_dies_on_its_way(struct cell *c)
{
    mk_name_t port = carrier_leaves(c);
    sent(c, sends(c, MK_TIME_POLL));
    MUST(c, mk_port_destroy(port));
    lose(c);
    check(c);
}

static void ask_home(void *arg)
{
    const struct cell *c = arg;
    CHECK_OK(mk_port_notify(c->carrier, MK_NOTIFY_PORT_DESTROYED, 0, cart));
}

/* The receiver's task ends, its port with the message comes to the owner, who destroys it. */
static void carrier_comes_home(struct cell *c)
{
    mk_name_t port = mkt_port();
    CHECK_OK(mk_right_insert(c->receiver, port, MK_MAKE_SEND_ONCE, &cart));
    in_receiver(c, ask_home);
    sent(c, sends(c, MK_TIME_POLL));
    receiver_ends(c);
    check(c);
    struct mk_msg_right right;
    struct mk_notification notice;
    struct mk_msg msg = {.body = &notice, .capacity = sizeof(notice), .rights = &right, .max_rights = 1};
    CHECK_OK(mk_receive(port, &msg, MK_TIME_POLL));
    CHECK(msg.nr_rights == 1 && right.how == MK_RIGHT_RECEIVE);
    check(c);
    MUST(c, mk_port_destroy(right.name));
    lose(c);
    check(c);
}

/* ---- other destinations ---- */

/* A send-once right goes past a full queue, and is used up. */
static void by_send_once(struct cell *c)
{
    fill_carrier(c);
    mk_name_t there;
    CHECK_OK(mk_right_extract(c->receiver, c->carrier, MK_MAKE_SEND_ONCE, &there));
    CHECK_OK(mk_right_insert(c->sender, there, MK_MOVE_SEND_ONCE, &there));
    struct op *s = op_new(c, OP_SEND, there, MK_TIME_POLL);
    op_load(c, s);
    op_start(s, c->sender);
    sent(c, s);
    drain_carrier(c);
    take_it(c);
}

static bool has_receive_and_send(const struct row *row)
{
    return row->how == MK_MOVE_RECEIVE && row->type & MK_RIGHT_SEND && !row->is_event;
}

/* A receive right sent to its own port: the send succeeds and everything is destroyed. */
static void into_itself(struct cell *c)
{
    struct op *s = op_new(c, OP_SEND, c->sides[0].sender, MK_TIME_POLL);
    op_load(c, s);
    op_start(s, c->sender);
    expect_err(c, s, MK_OK);
    leave(c);
    lose(c);
    check(c);
}

static void send_back(void *arg)
{
    struct cell *c = arg;
    CHECK_OK(send_right(cart, c->carrier, MK_MOVE_RECEIVE));
    c->nr_receiver--;
}

/* The carrier waits in the queue of the row's port, which is then sent to the carrier: both die. */
static void around_a_corner(struct cell *c)
{
    struct side *side = &c->sides[0];
    CHECK_OK(mk_right_extract(c->sender, side->sender, MK_MAKE_SEND_ONCE, &cart));
    CHECK_OK(mk_right_insert(c->receiver, cart, MK_MOVE_SEND_ONCE, &cart));
    in_receiver(c, send_back);
    side->world.nr_queued++;
    check(c);
    expect_err(c, sends(c, MK_TIME_POLL), MK_OK);
    leave(c);
    lose(c);
    check(c);
    if (held_type(c->owner_id, c->carrier_owner) != MK_RIGHT_DEAD_NAME)
        fault(c, "the carrier lives");
}

static bool is_port_moved(const struct row *row)
{
    return row->how == MK_MOVE_RECEIVE && !row->is_event;
}

/* ---- memory that goes during the wait ---- */

static bool is_memory_moved(const struct row *row)
{
    return row->memory_how == MK_MEMORY_MOVE;
}

static void memory_goes_meanwhile(struct cell *c)
{
    struct op *s = waits(c);
    CHECK_OK(mk_vm_deallocate(c->sender, c->sides[0].pages + mk_page_size(), mk_page_size()));
    drain_carrier(c);
    expect_err(c, s, MK_E_BAD_ADDRESS);
    CHECK_OK(mk_vm_deallocate(c->sender, c->sides[0].pages, mk_page_size()));
    c->sides[0].world.sender_pages = 0;
    check(c);
}

const struct point send_points[] = {
    {"to a waiting receiver", waiting_receiver, NULL},
    {"queued, then received", queued, NULL},
    {"queue full, poll", full_poll, NULL},
    {"queue full, deadline passes", full_deadline, NULL},
    {"queue full, wait aborted", full_aborted, NULL},
    {"queue full, sending thread ends", full_thread_ends, NULL},
    {"queue full, sending task ends", full_task_ends, NULL},
    {"queue full, room comes", room_comes, NULL},
    {"queue full, limit raised", limit_raised, NULL},
    {"queue full, rights go meanwhile", rights_go_meanwhile, NULL},
    {"queue full, port dies meanwhile", dies_meanwhile, NULL},
    {"queue full, receiver's task ends meanwhile", receiver_task_ends_meanwhile, NULL},
    {"port dead before", dead_before, NULL},
    {"port dies, message queued", dies_queued, NULL},
    {"receiver's task ends, message queued", receiver_task_ends_queued, NULL},
    {"sender's task ends, message queued", sender_task_ends_queued, NULL},
    {"port on its way, then received", carrier_on_its_way, NULL},
    {"port on its way, dies", carrier_dies_on_its_way, NULL},
    {"port comes home from an ended task", carrier_comes_home, NULL},
    {"by a send-once right past a full queue", by_send_once, NULL},
    {"a receive right into itself", into_itself, has_receive_and_send},
    {"a receive right into itself around a corner", around_a_corner, is_port_moved},
    {"queue full, memory goes meanwhile", memory_goes_meanwhile, is_memory_moved},
};
const size_t nr_send_points = COUNT_OF(send_points);
