/* SPDX-License-Identifier: BSD-2-Clause */
/* The model's messages: into buffers, queues, and out of them; see fuzz_ipc.h. */
#include "fuzz_ipc.h"

/* ---- messages ---- */

unsigned message_new(struct world *w)
{
    unsigned i = w->free_messages;
    if (!i)
        differ(w, "the model has no room for another message");
    struct message *m = &w->messages[i];
    w->free_messages = m->next;
    w->nr_free_messages--;
    memset(m, 0, sizeof(*m));
    return i;
}

static void message_free(struct world *w, unsigned message)
{
    w->messages[message].next = w->free_messages;
    w->free_messages = (uint16_t)message;
    w->nr_free_messages++;
}

void message_destroy(struct world *w, unsigned message)
{
    struct message *m = &w->messages[message];
    right_drop(w, m->reply);
    for (unsigned i = 0; i < m->nr_rights; i++)
        right_drop(w, m->rights[i]);
    message_free(w, message);
}

/* ---- into a receiver's buffers ---- */

static void check_body(struct world *w, const struct actor *a, const struct message *m)
{
    struct mk_notification notice;
    if (m->is_notice) {
        memcpy(&notice, a->body, sizeof(notice));
        if (memcmp(&notice, &m->notice, sizeof(notice)))
            differ(w, "actor %u: notice {event %u, name %x, count %u, status %d}, expected {%u, %x, %u, %d}",
                   (unsigned)(a - w->actors), notice.event, notice.name, notice.count, notice.status, m->notice.event,
                   m->notice.name, m->notice.count, m->notice.status);
        return;
    }
    uint32_t step = m->size > 512 ? 97 : 1;
    for (uint32_t i = 0; i < m->size; i += step)
        if (a->body[i] != m->fill)
            differ(w, "actor %u: byte %u of message %u's body is wrong", (unsigned)(a - w->actors), i, m->id);
    if (m->size && a->body[m->size - 1] != m->fill)
        differ(w, "actor %u: the last byte of message %u's body is wrong", (unsigned)(a - w->actors), m->id);
}

static void check_header(struct world *w, const struct actor *a, const struct message *m, unsigned port)
{
    const struct mk_msg *msg = &a->msg;
    unsigned who = (unsigned)(a - w->actors);
    mk_name_t name = port ? w->ports[port].name : MK_NAME_NULL;
    uint32_t seqno = port ? w->ports[port].seqno : 0;
    int32_t status = m->is_notice ? 0 : -(int32_t)(m->id % 50);
    if (msg->id != m->id || msg->status != status || msg->size != m->size || msg->nr_rights != m->nr_rights)
        differ(w,
               "actor %u: got a message {id %u, status %d, size %zu, rights %u}, expected {id %u, status %d, size %u, "
               "rights %u}",
               who, msg->id, msg->status, msg->size, msg->nr_rights, m->id, status, m->size, m->nr_rights);
    if (msg->badge != m->badge || msg->port != name || msg->seqno != seqno)
        differ(w, "actor %u: got message %u {badge %llx, port %x, seqno %u}, expected {%llx, %x, %u}", who, m->id,
               (unsigned long long)msg->badge, msg->port, msg->seqno, (unsigned long long)m->badge, name, seqno);
}

/* Who serves a port from now on is lent to by all calls that wait there. */
static void serve(struct world *w, struct actor *a, unsigned port)
{
    bool is_known = port_server(w, port) == a->serial;
    w->ports[a->receiving].server = a->serial;
    a->served = a->receiving;
    if (!is_known)
        port_lend(w, port, a->serial);
}

/*
 * From `port` (0: an answer). OK_ONLY: delivered; MK_E_BAD_ADDRESS: lost; both are gone. MK_E_MSG_TOO_LARGE: neither.
 */
errs_t hand_over(struct world *w, struct actor *a, unsigned message, unsigned port)
{
    struct message *m = &w->messages[message];
    const struct op *op = &a->op;
    unsigned who = (unsigned)(a - w->actors);
    bool is_large = m->size > op->capacity || m->nr_rights > op->max_rights;
    if (is_large && op->p_msg == POINTER_GOOD) {
        if (a->msg.size != m->size || a->msg.nr_rights != m->nr_rights)
            differ(w, "actor %u: a message too large is said to need {size %zu, rights %u}, expected {%u, %u}", who,
                   a->msg.size, a->msg.nr_rights, m->size, m->nr_rights);
        return ERR(MK_E_MSG_TOO_LARGE);
    }
    if (op->p_msg != POINTER_GOOD || (m->size && op->p_body != POINTER_GOOD) ||
        (m->nr_rights && op->p_rights != POINTER_GOOD)) {
        message_destroy(w, message);
        return ERR(MK_E_BAD_ADDRESS);
    }
    check_header(w, a, m, port);
    check_body(w, a, m);
    if (port)
        serve(w, a, port);
    message_lend(w, message, a->serial);
    for (unsigned i = 0; i < m->nr_rights; i++) {
        uint32_t type = m->rights[i].type == RIGHT_REPLY ? MK_RIGHT_SEND_ONCE : m->rights[i].type;
        if (a->rights[i].how != type)
            differ(w, "actor %u: right %u of message %u is of type %u, expected %u", who, i, m->id, a->rights[i].how,
                   type);
        right_put(w, a->task, m->rights[i], a->rights[i].name, "a right in a message");
    }
    right_put(w, a->task, m->reply, a->msg.reply, "the right to answer");
    message_free(w, message);
    return OK_ONLY;
}

struct actor *deliver(struct world *w, unsigned port, unsigned message)
{
    struct waiters *receivers;
    struct port *p = &w->ports[port];
    while ((receivers = port_receivers(w, port))->nr) {
        struct actor *a = &w->actors[receivers->actors[0]];
        unblock(w, a, STEP_DONE, 0);
        a->errs = hand_over(w, a, message, port);
        if (a->errs != ERR(MK_E_MSG_TOO_LARGE)) {
            p->seqno++;
            return a;
        }
        make_ready(w, a); /* it cannot take this one: told so, and the next may */
    }
    bool is_first = !port_has_message(w, port);
    message_lend(w, message, port_server(w, port));
    w->messages[message].next = 0;
    if (p->first)
        w->messages[p->last].next = (uint16_t)message;
    else
        p->first = (uint16_t)message;
    p->last = (uint16_t)message;
    p->nr_queued++;
    if (is_first)
        port_became_ready(w, port);
    return NULL;
}

/* ---- senders that wait ---- */

bool port_is_full(const struct port *p)
{
    return p->nr_queued >= p->limit;
}

void port_admit(struct world *w, unsigned port)
{
    struct port *p = &w->ports[port];
    while (p->senders.nr && !port_is_full(p))
        sender_admit(w, &w->actors[p->senders.actors[0]]);
    if (p->wants_room && !port_is_full(p))
        notify_room(w, port);
}

/*
 * Somebody is about to wait here: at a port with limit 0 one sender may come; if none waits, who asked for a notice
 * of room is told. True: one of this happened.
 */
static bool invite(struct world *w, unsigned port)
{
    const struct port *p = &w->ports[port];
    for (unsigned i = 0; p->kind == KIND_SET && i < p->idle->nr; i++)
        if (invite(w, p->idle->ports[i]))
            return true;
    if (p->kind == KIND_SET || p->limit || (!p->senders.nr && !p->wants_room))
        return false;
    if (p->senders.nr)
        sender_admit(w, &w->actors[p->senders.actors[0]]);
    else
        notify_room(w, port);
    return true;
}

/* ---- receiving ---- */

static struct message unused_notice(void)
{
    return (struct message){.is_notice = true,
                            .id = MK_NOTIFY_ID + MK_NOTIFY_SEND_ONCE,
                            .size = sizeof(struct mk_notification),
                            .badge = MK_BADGE_KERNEL,
                            .notice = {.event = MK_NOTIFY_SEND_ONCE}};
}

/* A notice of a send-once right that went unused; they come after all other messages. */
static errs_t take_unused(struct world *w, struct actor *a, unsigned port)
{
    unsigned message = message_new(w);
    w->messages[message] = unused_notice();
    errs_t errs = hand_over(w, a, message, port);
    if (errs == ERR(MK_E_MSG_TOO_LARGE)) {
        message_free(w, message);
        return errs;
    }
    w->ports[port].nr_unused--;
    w->ports[port].seqno++;
    port_took_turn(w, port);
    return errs;
}

/* The first message of a port that has one. */
static errs_t take_message(struct world *w, struct actor *a, unsigned port)
{
    struct port *p = &w->ports[port];
    unsigned message = p->first;
    if (p->kind == KIND_EVENT)
        return event_take(w, a, port);
    if (!p->nr_queued)
        return take_unused(w, a, port);
    p->first = w->messages[message].next;
    p->nr_queued--;
    errs_t errs = hand_over(w, a, message, port);
    if (errs == ERR(MK_E_MSG_TOO_LARGE)) {
        w->messages[message].next = p->first;
        p->last = p->first ? p->last : (uint16_t)message;
        p->first = (uint16_t)message;
        p->nr_queued++;
        return errs;
    }
    p->seqno++;
    port_took_turn(w, port);
    port_admit(w, port);
    return errs;
}

static errs_t receive_errs(const struct world *w, const struct actor *a, const struct name *n)
{
    errs_t errs = 0;
    if (!n)
        errs |= ERR(MK_E_BAD_NAME);
    else if (!(n->type & (MK_RIGHT_RECEIVE | MK_RIGHT_PORT_SET)))
        errs |= ERR(MK_E_BAD_RIGHT);
    if (errs && a->has_waited)
        return ERR(MK_E_DEAD);
    if (a->op.p_msg == POINTER_NULL || a->op.p_msg == POINTER_UNMAPPED)
        errs |= ERR(MK_E_BAD_ADDRESS);
    if (a->op.deadline < 0)
        errs |= ERR(MK_E_BAD_ARGUMENT);
    return errs;
}

/* From the beginning, or again after a wait. `heir` was unblocked before and is not ready yet. */
void do_receive(struct world *w, struct actor *a, struct actor *heir)
{
    errs_t errs;
    for (;;) {
        const struct name *n = name_find(w, a->task, a->op.name);
        errs = receive_errs(w, a, n);
        if (errs)
            break;
        unsigned at = n->port, from = at;
        if (port_has_message(w, at)) {
            a->receiving = (uint16_t)at;
            while (w->ports[from].kind == KIND_SET)
                from = w->ports[from].ready->ports[0];
            errs = take_message(w, a, from);
            break;
        }
        errs = may_wait(w, a->op.deadline);
        if (errs != OK_ONLY)
            break;
        if (invite(w, at))
            continue; /* a message, or a notice of room, may have come here */
        a->receiving = (uint16_t)at;
        a->step = STEP_RECEIVE;
        a->has_waited = true;
        block(w, a, &w->ports[at].receivers, MK_WAIT_RECEIVE, at, a->op.deadline, heir);
        return;
    }
    if (heir)
        make_ready(w, heir);
    call_ends(w, a, errs);
}
