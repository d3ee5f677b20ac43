/* SPDX-License-Identifier: BSD-2-Clause */
/* Points: the receiver waits at port sets, or the port queues nothing. */
#include "matrix.h"

static void send_now(struct cell *c)
{
    expect_err(c, sends(c, MK_TIME_POLL), MK_OK);
    leave(c);
}

static void take_it(struct cell *c)
{
    struct op *r = receives(c, MK_TIME_POLL);
    expect_err(c, r, MK_OK);
    arrive(c, r);
    check(c);
}

/* ---- port sets ---- */

static mk_name_t set;

static void make_set(void *arg)
{
    struct cell *c = arg;
    CHECK_OK(mk_portset_create(&set));
    CHECK_OK(mk_portset_add(set, c->carrier));
    c->nr_receiver++;
}

static struct op *receives_from_set(struct cell *c, mk_time_t deadline)
{
    struct op *r = op_new(c, OP_RECEIVE, set, deadline);
    op_start(r, c->receiver);
    return r;
}

static void came_from_set(struct cell *c, const struct op *r)
{
    expect_err(c, r, MK_OK);
    if (r->msg.port != c->carrier)
        fault(c, "it came from %#x, expected %#x", r->msg.port, c->carrier);
    arrive(c, r);
    check(c);
}

static void in_set(struct cell *c)
{
    in_receiver(c, make_set);
    send_now(c);
    check(c);
    came_from_set(c, receives_from_set(c, MK_TIME_POLL));
}

static void in_set_waiting(struct cell *c)
{
    in_receiver(c, make_set);
    struct op *r = receives_from_set(c, MK_TIME_FOREVER);
    send_now(c);
    came_from_set(c, r);
}

static void destroy_set(void *arg)
{
    struct cell *c = arg;
    MUST(c, mk_portset_destroy(set));
    c->nr_receiver--;
}

static void set_destroyed(struct cell *c)
{
    in_receiver(c, make_set);
    send_now(c);
    in_receiver(c, destroy_set);
    check(c);
    take_it(c);
}

static void set_destroyed_waiting(struct cell *c)
{
    in_receiver(c, make_set);
    struct op *r = receives_from_set(c, MK_TIME_FOREVER);
    in_receiver(c, destroy_set);
    expect_err(c, r, MK_E_DEAD);
    send_now(c);
    check(c);
    take_it(c);
}

static mk_name_t outer;

static void nest_set(void *arg)
{
    struct cell *c = arg;
    CHECK_OK(mk_portset_create(&outer));
    CHECK_OK(mk_portset_add(outer, set));
    set = outer;
    c->nr_receiver++;
}

static void in_nested_set(struct cell *c)
{
    in_receiver(c, make_set);
    in_receiver(c, nest_set);
    in_receiver(c, nest_set);
    send_now(c);
    check(c);
    came_from_set(c, receives_from_set(c, MK_TIME_POLL));
}

static void in_nested_set_waiting(struct cell *c)
{
    in_receiver(c, make_set);
    in_receiver(c, nest_set);
    struct op *r = receives_from_set(c, MK_TIME_FOREVER);
    send_now(c);
    came_from_set(c, r);
}

/* ---- rendezvous ---- */

static void queue_nothing(void *arg)
{
    const struct cell *c = arg;
    CHECK_OK(mk_port_set_limit(c->carrier, 0));
}

static void rendezvous(struct cell *c)
{
    in_receiver(c, queue_nothing);
    struct op *s = sends(c, MK_TIME_FOREVER);
    c->waiting = s;
    expect_waits(c, s);
    check(c);
    struct op *r = receives(c, MK_TIME_FOREVER);
    expect_err(c, s, MK_OK);
    expect_err(c, r, MK_OK);
    leave(c);
    arrive(c, r);
    check(c);
}

static void rendezvous_poll(struct cell *c)
{
    in_receiver(c, queue_nothing);
    expect_err(c, sends(c, MK_TIME_POLL), MK_E_WOULD_BLOCK);
    check(c);
}

const struct point set_points[] = {
    {"port in a set", in_set, NULL},
    {"port in a set, receiver waiting there", in_set_waiting, NULL},
    {"set destroyed, message queued", set_destroyed, NULL},
    {"set destroyed, receiver waiting there", set_destroyed_waiting, NULL},
    {"port in nested sets", in_nested_set, NULL},
    {"port in nested sets, receiver waiting there", in_nested_set_waiting, NULL},
    {"rendezvous", rendezvous, NULL},
    {"rendezvous, poll", rendezvous_poll, NULL},
};
const size_t nr_set_points = COUNT_OF(set_points);
