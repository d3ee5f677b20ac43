/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The model's lent priorities and events; see fuzz_ipc.h. Who waits for an answer
 * names the actor that it lends to; everybody's priority is then computed anew.
 */
#include "fuzz_ipc.h"

/* ---- priorities ---- */

static struct actor *by_serial(struct world *w, uint64_t serial)
{
    for (unsigned i = 0; serial && i < NR_ACTORS; i++)
        if (w->actors[i].state != ACTOR_NONE && w->actors[i].serial == serial)
            return &w->actors[i];
    return NULL;
}

/* The base and what is lent, along all chains. A ready actor whose priority changes goes to the tail of its queue. */
void update_priorities(struct world *w)
{
    uint8_t now[NR_ACTORS];
    bool is_changed = true;
    for (unsigned i = 0; i < NR_ACTORS; i++)
        now[i] = w->actors[i].is_depressed ? 0 : w->actors[i].base;
    while (is_changed) {
        is_changed = false;
        for (unsigned i = 0; i < NR_ACTORS; i++) {
            const struct actor *lender = &w->actors[i];
            const struct actor *to = lender->state == ACTOR_NONE ? NULL : by_serial(w, lender->lent_to);
            if (to && !to->is_depressed && now[i] > now[to - w->actors]) {
                now[to - w->actors] = now[i];
                is_changed = true;
            }
        }
    }
    for (unsigned i = 0; i < NR_ACTORS; i++) {
        struct actor *a = &w->actors[i];
        if (a->priority != now[i] && a->state == ACTOR_READY)
            a->order = ++w->next_tail;
        a->priority = now[i];
    }
}

void lend(struct world *w, struct actor *a, uint64_t server)
{
    if (server == a->serial)
        server = 0;
    if (a->lent_to == server)
        return;
    a->lent_to = server;
    update_priorities(w);
}

/* Those whom the message brings a right to answer of lend to the server from now on; who called with it last. */
void message_lend(struct world *w, unsigned message, uint64_t server)
{
    const struct message *m = &w->messages[message];
    for (unsigned i = 0; i <= m->nr_rights; i++) {
        const struct right *right = i < m->nr_rights ? &m->rights[i] : &m->reply;
        if (right->type == RIGHT_REPLY && reply_is_valid(w, right->port, right->badge))
            lend(w, &w->actors[right->port], server);
    }
}

/* The same for all calls that are queued or wait for room. */
void port_lend(struct world *w, unsigned port, uint64_t server)
{
    const struct port *p = &w->ports[port];
    for (unsigned m = p->first; m; m = w->messages[m].next)
        message_lend(w, m, server);
    for (unsigned i = 0; i < p->senders.nr; i++) {
        struct actor *a = &w->actors[p->senders.actors[i]];
        if (a->op.call == CALL_CALL)
            lend(w, a, server);
    }
}

/* Who will answer on a right that another task was given is not known. */
void reply_unlend(struct world *w, struct right right)
{
    if (right.type == RIGHT_REPLY && reply_is_valid(w, right.port, right.badge))
        lend(w, &w->actors[right.port], 0);
}

/* Who received last from the port, or else from the innermost set around it, and from nothing else since. */
uint64_t port_server(struct world *w, unsigned port)
{
    for (unsigned at = w->ports[port].task >= 0 ? port : 0; at; at = w->ports[at].set) {
        const struct actor *a = by_serial(w, w->ports[at].server);
        if (a && a->state != ACTOR_NONE && a->served == at)
            return a->serial;
    }
    return 0;
}

/* ---- events ---- */

/* What a receive brings from an event port. False: the header cannot be written, and nothing is taken. */
static bool check_events(struct world *w, const struct actor *a, unsigned port, uint64_t bits)
{
    const struct mk_msg *msg = &a->msg;
    const struct port *p = &w->ports[port];
    if (a->op.p_msg != POINTER_GOOD)
        return false;
    if (msg->id != MK_NOTIFY_ID + MK_NOTIFY_EVENT || msg->badge != MK_BADGE_KERNEL || msg->size || msg->nr_rights ||
        msg->nr_memories || msg->reply || msg->status || msg->port != p->name || msg->seqno != p->seqno ||
        msg->events != bits)
        differ(w, "actor %u: got events %llx {id %x, size %zu, rights %u, port %x, seqno %u}, expected %llx {%x, %u}",
               (unsigned)(a - w->actors), (unsigned long long)msg->events, msg->id, msg->size, msg->nr_rights,
               msg->port, msg->seqno, (unsigned long long)bits, p->name, p->seqno);
    return true;
}

errs_t event_take(struct world *w, struct actor *a, unsigned port)
{
    struct port *p = &w->ports[port];
    if (!check_events(w, a, port, p->events))
        return ERR(MK_E_BAD_ADDRESS);
    p->events = 0;
    p->seqno++;
    port_took_turn(w, port);
    return OK_ONLY;
}

errs_t event_signal(struct world *w, struct actor *a)
{
    const struct op *op = &a->op;
    const struct name *n = name_find(w, a->task, op->name);
    struct waiters *receivers;
    if (!n)
        return ERR(MK_E_BAD_NAME) | (op->name == MK_NAME_DEAD ? ERR(MK_E_DEAD) : 0);
    if (!(n->type & MK_RIGHT_SEND))
        return ERR(MK_E_BAD_RIGHT) | (n->type != MK_RIGHT_PORT_SET && name_is_dead(w, n) ? ERR(MK_E_DEAD) : 0);
    unsigned port = n->port;
    struct port *p = &w->ports[port];
    errs_t errs = p->is_dead ? ERR(MK_E_DEAD) : 0;
    if (p->kind != KIND_EVENT && !p->is_dead)
        errs |= ERR(MK_E_BAD_RIGHT);
    if (p->kind == KIND_EVENT && n->badge && op->bits & ~n->badge)
        errs |= ERR(MK_E_NO_ACCESS);
    if (errs)
        return errs;
    while (op->bits && (receivers = port_receivers(w, port))->nr) {
        struct actor *to = &w->actors[receivers->actors[0]];
        bool is_wait = to->op.call == CALL_EVENT_WAIT;
        bool is_taken = is_wait || check_events(w, to, port, op->bits);
        to->want = op->bits;
        p->seqno += is_taken;
        wake(w, to, STEP_DONE, is_taken ? OK_ONLY : ERR(MK_E_BAD_ADDRESS));
        if (is_taken)
            return OK_ONLY;
    }
    bool is_first = op->bits && !p->events;
    p->events |= op->bits;
    if (is_first)
        port_became_ready(w, port);
    return OK_ONLY;
}

void do_event_wait(struct world *w, struct actor *a)
{
    const struct name *n = name_find(w, a->task, a->op.name);
    errs_t errs = a->op.p_out == POINTER_GOOD ? 0 : ERR(MK_E_BAD_ADDRESS);
    if (a->op.deadline < 0)
        errs |= ERR(MK_E_BAD_ARGUMENT);
    if (!n)
        errs |= ERR(MK_E_BAD_NAME);
    else if (!(n->type & MK_RIGHT_RECEIVE) || w->ports[n->port].kind != KIND_EVENT)
        errs |= ERR(MK_E_BAD_RIGHT);
    if (!errs) {
        struct port *p = &w->ports[n->port];
        unsigned port = n->port;
        if (p->events) {
            a->want = p->events;
            p->events = 0;
            p->seqno++;
            port_took_turn(w, port);
            errs = OK_ONLY;
        } else {
            errs = may_wait(w, a->op.deadline);
            if (errs == OK_ONLY) {
                block(w, a, &p->receivers, MK_WAIT_EVENT, port, a->op.deadline, NULL);
                return;
            }
        }
    }
    call_ends(w, a, errs);
}
