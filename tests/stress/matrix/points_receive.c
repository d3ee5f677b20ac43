/* SPDX-License-Identifier: BSD-2-Clause */
/* Points: what the receiver makes of the message. */
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

/* ---- no room ---- */

static void needs(struct cell *c, const struct op *r)
{
    expect_err(c, r, MK_E_MSG_TOO_LARGE);
    if (r->msg.size != BODY_SIZE || r->msg.nr_rights != 3)
        fault(c, "it needs %zu bytes and %u rights, told as %zu and %u", (size_t)BODY_SIZE, 3u, r->msg.size,
              r->msg.nr_rights);
}

static struct op *small(struct cell *c, size_t capacity, uint32_t max_rights, mk_time_t deadline)
{
    struct op *r = op_new(c, OP_RECEIVE, c->carrier, deadline);
    r->msg.capacity = capacity;
    r->msg.max_rights = max_rights;
    op_start(r, c->receiver);
    return r;
}

static void no_room_for_rights(struct cell *c)
{
    send_now(c);
    needs(c, small(c, BODY_SIZE, 2, MK_TIME_POLL));
    check(c);
    take_it(c);
}

static void no_room_for_body(struct cell *c)
{
    send_now(c);
    needs(c, small(c, BODY_SIZE - 1, 3, MK_TIME_POLL));
    check(c);
    take_it(c);
}

static void waiting_without_room_for_rights(struct cell *c)
{
    struct op *r = small(c, BODY_SIZE, 2, MK_TIME_FOREVER);
    send_now(c);
    needs(c, r);
    check(c);
    take_it(c);
}

static void waiting_without_room_for_body(struct cell *c)
{
    struct op *r = small(c, 0, 3, MK_TIME_FOREVER);
    send_now(c);
    needs(c, r);
    check(c);
    take_it(c);
}

static void next_has_room(struct cell *c)
{
    struct op *r = small(c, BODY_SIZE - 1, 3, MK_TIME_FOREVER), *next = receives(c, MK_TIME_FOREVER);
    send_now(c);
    needs(c, r);
    expect_err(c, next, MK_OK);
    arrive(c, next);
    check(c);
}

/* ---- memory that cannot be written ---- */

static void *const nowhere = (void *)4096;

static void lost_on(struct cell *c, const struct op *r)
{
    expect_err(c, r, MK_E_BAD_ADDRESS);
    lose(c);
    check(c);
}

static struct op *faulty(struct cell *c, mk_time_t deadline, void *body, struct mk_msg_right *list)
{
    struct op *r = op_new(c, OP_RECEIVE, c->carrier, deadline);
    if (body)
        r->msg.body = body;
    if (list)
        r->msg.rights = list;
    op_start(r, c->receiver);
    return r;
}

static void body_unwritable(struct cell *c)
{
    send_now(c);
    lost_on(c, faulty(c, MK_TIME_POLL, nowhere, NULL));
}

static void rights_unwritable(struct cell *c)
{
    send_now(c);
    lost_on(c, faulty(c, MK_TIME_POLL, NULL, nowhere));
}

static void body_unwritable_waiting(struct cell *c)
{
    struct op *r = faulty(c, MK_TIME_FOREVER, nowhere, NULL);
    send_now(c);
    lost_on(c, r);
}

static void rights_unwritable_waiting(struct cell *c)
{
    struct op *r = faulty(c, MK_TIME_FOREVER, NULL, nowhere);
    send_now(c);
    lost_on(c, r);
}

/* Nothing was being delivered when the header could not be read: the message stays. */
static void header_nowhere(struct cell *c)
{
    send_now(c);
    struct op *r = op_new(c, OP_RECEIVE, c->carrier, MK_TIME_POLL);
    r->header = NULL;
    op_start(r, c->receiver);
    expect_err(c, r, MK_E_BAD_ADDRESS);
    check(c);
    take_it(c);
}

/* A receive with its header in a page of the receiver's. */
static struct op *paged(struct cell *c, mk_vaddr_t *pagep)
{
    struct op *r = op_new(c, OP_RECEIVE, c->carrier, MK_TIME_FOREVER);
    CHECK_OK(mk_vm_allocate(c->receiver, mk_page_size(), pagep));
    c->receiver_pages = 1;
    r->header = (struct mk_msg *)*pagep;
    *r->header = r->msg;
    return r;
}

static void header_read_only(struct cell *c)
{
    mk_vaddr_t page;
    send_now(c);
    struct op *r = paged(c, &page);
    CHECK_OK(mk_vm_protect(c->receiver, page, mk_page_size(), MK_PROT_READ));
    op_start(r, c->receiver);
    lost_on(c, r);
}

static void header_read_only_waiting(struct cell *c)
{
    mk_vaddr_t page;
    struct op *r = paged(c, &page);
    op_start(r, c->receiver);
    CHECK_OK(mk_vm_protect(c->receiver, page, mk_page_size(), MK_PROT_READ));
    send_now(c);
    lost_on(c, r);
}

static void header_freed_waiting(struct cell *c)
{
    mk_vaddr_t page;
    struct op *r = paged(c, &page);
    op_start(r, c->receiver);
    CHECK_OK(mk_vm_deallocate(c->receiver, page, mk_page_size()));
    c->receiver_pages = 0;
    send_now(c);
    lost_on(c, r);
}

/* ---- receivers that stop waiting ---- */

static void receiver_aborted(struct cell *c)
{
    struct op *r = receives(c, MK_TIME_FOREVER);
    MUST(c, mk_thread_abort(r->thread));
    expect_err(c, r, MK_E_ABORTED);
    send_now(c);
    check(c);
    take_it(c);
}

static void receiver_timed_out(struct cell *c)
{
    mk_time_t deadline = mk_time_now() + MK_MSEC;
    struct op *r = receives(c, deadline);
    CHECK_OK(mk_time_sleep(deadline + 1));
    expect_err(c, r, MK_E_TIMED_OUT);
    send_now(c);
    check(c);
    take_it(c);
}

static void receiver_thread_ends(struct cell *c)
{
    struct op *r = receives(c, MK_TIME_FOREVER);
    MUST(c, mk_thread_terminate(r->thread));
    send_now(c);
    check(c);
    take_it(c);
}

/* ---- afterwards ---- */

static void discarded(struct cell *c)
{
    send_now(c);
    struct op *r = receives(c, MK_TIME_POLL), *d;
    arrive(c, r);
    d = op_new(c, OP_DISCARD, MK_NAME_NULL, 0);
    d->header = &r->msg;
    op_start(d, c->receiver);
    for (int i = 0; i < 2; i++)
        for (unsigned n = 0; n < c->sides[i].times; n++)
            world_released(&c->sides[i].world, c->sides[i].row);
    check(c);
    if (r->msg.nr_rights != 0 || r->msg.reply != MK_NAME_NULL)
        fault(c, "discarded with %u rights, reply %#x", r->msg.nr_rights, r->msg.reply);
}

static void task_ends_after(struct cell *c)
{
    send_now(c);
    take_it(c);
    receiver_ends(c);
    check(c);
}

static void both_end_after(struct cell *c)
{
    send_now(c);
    take_it(c);
    sender_ends(c);
    check(c);
    receiver_ends(c);
    check(c);
}

/* ---- the right's own port dies on the way ---- */

static bool has_another_holder(const struct row *row)
{
    return row->how != MK_MOVE_RECEIVE && !row->is_reply && !row->memory_how;
}

static void destroy_own(void *arg)
{
    struct cell *c = arg;
    MUST(c, mk_port_destroy(c->sides[0].world.place == AT_OWNER ? c->sides[0].owner : c->sides[0].sender));
}

static void dies_on_the_way(struct cell *c)
{
    struct side *side = &c->sides[0];
    send_now(c);
    if (side->world.place == AT_OWNER)
        destroy_own(c);
    else
        in_sender(c, destroy_own);
    world_port_dies(&side->world);
    check(c);
    take_it(c);
}

const struct point receive_points[] = {
    {"no room for the rights", no_room_for_rights, NULL},
    {"no room for the body", no_room_for_body, NULL},
    {"waiting receiver without room for the rights", waiting_without_room_for_rights, NULL},
    {"waiting receiver without room for the body", waiting_without_room_for_body, NULL},
    {"the next waiting receiver has room", next_has_room, NULL},
    {"body unwritable", body_unwritable, NULL},
    {"rights unwritable", rights_unwritable, NULL},
    {"body unwritable, waiting", body_unwritable_waiting, NULL},
    {"rights unwritable, waiting", rights_unwritable_waiting, NULL},
    {"header nowhere", header_nowhere, NULL},
    {"header read-only", header_read_only, NULL},
    {"header made read-only, waiting", header_read_only_waiting, NULL},
    {"header freed, waiting", header_freed_waiting, NULL},
    {"receiver aborted before", receiver_aborted, NULL},
    {"receiver timed out before", receiver_timed_out, NULL},
    {"receiving thread ended before", receiver_thread_ends, NULL},
    {"discarded after", discarded, NULL},
    {"receiver's task ends after", task_ends_after, NULL},
    {"both tasks end after", both_end_after, NULL},
    {"the right's port dies on the way", dies_on_the_way, has_another_holder},
};
const size_t nr_receive_points = COUNT_OF(receive_points);
