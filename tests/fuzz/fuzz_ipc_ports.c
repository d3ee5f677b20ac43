/* SPDX-License-Identifier: BSD-2-Clause */
/* The model's ports, sets and notices; see fuzz_ipc.h. */
#include "fuzz_ipc.h"

/* ---- ports ---- */

unsigned port_new(struct world *w, enum kind kind)
{
    if (w->nr_ports == NR_PORTS)
        differ(w, "the model has no room for another port");
    struct port *p = &w->ports[w->nr_ports];
    memset(p, 0, sizeof(*p));
    p->kind = (uint8_t)kind;
    p->task = -1;
    p->limit = MK_QUEUE_DEFAULT;
    if (kind == KIND_SET) {
        p->ready = calloc(2, sizeof(*p->ready));
        if (!p->ready)
            differ(w, "out of memory");
        p->idle = p->ready + 1;
    }
    return w->nr_ports++;
}

bool port_has_message(const struct world *w, unsigned port)
{
    const struct port *p = &w->ports[port];
    return p->kind == KIND_SET ? p->ready->nr > 0 : p->nr_queued || p->nr_unused || p->events;
}

/* Would a receive right `moved` come to wait in its own queue, sent to `dest`? */
bool port_is_inside(const struct world *w, unsigned moved, unsigned dest)
{
    for (unsigned p = dest; p; p = w->ports[p].transit)
        if (p == moved)
            return true;
    return false;
}

/* Who waits for a message of the port: at it, else at the sets around it. */
struct waiters *port_receivers(struct world *w, unsigned port)
{
    unsigned p = port;
    while (!w->ports[p].receivers.nr && w->ports[p].set)
        p = w->ports[p].set;
    return &w->ports[p].receivers;
}

static void no_senders(struct world *w, unsigned port)
{
    struct port *p = &w->ports[port];
    if (p->nr_send || p->is_dead)
        return;
    struct request *request = request_of(w, port, MK_NOTIFY_NO_SENDERS, NR_TASKS, MK_NAME_NULL);
    if (request && p->make_count >= request->sync) {
        request_unlink(w, port, request);
        request_fire(w, port, request, (struct right){0});
    }
}

void port_drop_send(struct world *w, unsigned port)
{
    w->ports[port].nr_send--;
    no_senders(w, port);
}

void port_drop_send_once(struct world *w, unsigned port)
{
    struct port *p = &w->ports[port];
    p->nr_send_once--;
    if (p->is_dead || p->kind != KIND_PORT)
        return;
    bool is_first = !port_has_message(w, port);
    p->nr_unused++;
    if (is_first)
        port_became_ready(w, port);
    wake_all(w, &p->receivers, STEP_RECEIVE, 0); /* they look again */
    sets_wake(w, port);
}

static struct right request_end(struct world *w, struct request *request)
{
    struct right to = request->to;
    request->event = 0;
    request->next = w->free_requests;
    w->free_requests = (uint16_t)(request - w->requests);
    w->nr_free_requests++;
    return to;
}

static void tear_down(struct world *w, unsigned port)
{
    struct port *p = &w->ports[port];
    wake_all(w, &p->receivers, STEP_DONE, ERR(MK_E_DEAD));
    wake_all(w, &p->senders, STEP_DONE, ERR(MK_E_DEAD));
    while (p->first) {
        unsigned message = p->first;
        p->first = w->messages[message].next;
        p->nr_queued--;
        message_destroy(w, message);
    }
    p->nr_unused = 0;
    p->events = 0;
    if (p->wants_room)
        notify_room(w, port);
    while (p->requests) {
        struct request *request = &w->requests[p->requests];
        request_unlink(w, port, request);
        if (request->event == MK_NOTIFY_DEAD_NAME) {
            struct name *n = name_find(w, request->task, request->name);
            n->refs += n->refs < MK_USER_REFS_MAX;
            request_fire(w, port, request, (struct right){0});
        } else {
            right_drop(w, request_end(w, request));
        }
    }
}

/* To whoever asked for the receive right instead of its death. */
static bool send_home(struct world *w, unsigned port)
{
    struct request *request = request_of(w, port, MK_NOTIFY_PORT_DESTROYED, NR_TASKS, MK_NAME_NULL);
    if (!request || w->ports[port].kind == KIND_SET)
        return false;
    for (unsigned p = request->to.port; p; p = w->ports[p].transit)
        if (p == port || w->ports[p].is_dead)
            return false;
    w->ports[port].transit = request->to.port;
    request_unlink(w, port, request);
    request_fire(w, port, request, (struct right){MK_RIGHT_RECEIVE, (uint16_t)port, 0});
    return true;
}

/* The receive right goes. What dies with it (in messages) waits in line, so that each port is done before the next. */
void port_destroy(struct world *w, unsigned port)
{
    if (send_home(w, port))
        return;
    w->ports[port].is_dead = true;
    w->ports[port].transit = 0;
    w->dying[w->nr_dying++] = (uint16_t)port;
    if (w->is_reaping)
        return;
    w->is_reaping = true;
    for (unsigned i = 0; i < w->nr_dying; i++)
        tear_down(w, w->dying[i]);
    w->nr_dying = 0;
    w->is_reaping = false;
}

/* ---- sets ---- */

static bool member_take(struct members *members, unsigned port)
{
    for (unsigned i = 0; i < members->nr; i++)
        if (members->ports[i] == port) {
            members->nr--;
            memmove(&members->ports[i], &members->ports[i + 1], (members->nr - i) * sizeof(members->ports[0]));
            return true;
        }
    return false;
}

static void move_to(struct members *set_ready, struct members *set_idle, unsigned port, bool is_ready)
{
    struct members *to = is_ready ? set_ready : set_idle;
    if (!member_take(set_ready, port))
        member_take(set_idle, port);
    to->ports[to->nr++] = (uint16_t)port;
}

/* To the end of the line in its set, and so on outwards; a set that was ready keeps its place. */
void port_became_ready(struct world *w, unsigned port)
{
    bool was_ready = false;
    for (; w->ports[port].set && !was_ready; port = w->ports[port].set) {
        const struct port *set = &w->ports[w->ports[port].set];
        was_ready = set->ready->nr > 0;
        move_to(set->ready, set->idle, port, true);
    }
}

/* Its turn came, and that of the sets around it. */
void port_took_turn(struct world *w, unsigned port)
{
    for (; w->ports[port].set; port = w->ports[port].set) {
        const struct port *set = &w->ports[w->ports[port].set];
        move_to(set->ready, set->idle, port, port_has_message(w, port));
    }
}

/* Ports that queue nothing, in a set or alone. */
static unsigned nr_rendezvous(const struct world *w, unsigned port)
{
    const struct port *p = &w->ports[port];
    unsigned n = 0;
    if (p->kind != KIND_SET)
        return p->limit == 0;
    for (unsigned i = 0; i < p->ready->nr; i++)
        n += nr_rendezvous(w, p->ready->ports[i]);
    for (unsigned i = 0; i < p->idle->nr; i++)
        n += nr_rendezvous(w, p->idle->ports[i]);
    return n;
}

/* Who waits at the sets around it looks again. */
void sets_wake(struct world *w, unsigned port)
{
    for (unsigned set = w->ports[port].set; set; set = w->ports[set].set)
        wake_all(w, &w->ports[set].receivers, STEP_RECEIVE, 0);
}

void set_add(struct world *w, unsigned set, unsigned port)
{
    struct members *idle = w->ports[set].idle;
    if (idle->nr + w->ports[set].ready->nr == NR_MEMBERS)
        differ(w, "the model has no room for another member");
    w->ports[port].set = (uint16_t)set;
    idle->ports[idle->nr++] = (uint16_t)port;
    if (port_has_message(w, port))
        port_became_ready(w, port);
    if (port_has_message(w, port) || nr_rendezvous(w, port))
        sets_wake(w, port);
}

void set_remove(struct world *w, unsigned port)
{
    struct port *p = &w->ports[port];
    unsigned set = p->set;
    if (!member_take(w->ports[set].ready, port))
        member_take(w->ports[set].idle, port);
    p->set = 0;
    for (; w->ports[set].set && !w->ports[set].ready->nr; set = w->ports[set].set) {
        const struct port *outer = &w->ports[w->ports[set].set];
        move_to(outer->ready, outer->idle, set, false);
    }
}

void set_destroy(struct world *w, unsigned task, struct name *name)
{
    struct port *set = &w->ports[name->port];
    if (set->set)
        set_remove(w, name->port);
    while (set->ready->nr)
        set_remove(w, set->ready->ports[0]);
    while (set->idle->nr)
        set_remove(w, set->idle->ports[0]);
    wake_all(w, &set->receivers, STEP_DONE, ERR(MK_E_DEAD));
    set->is_dead = true;
    name_remove(w, task, name);
}

/* ---- notices ---- */

struct request *request_of(struct world *w, unsigned port, unsigned event, unsigned task, mk_name_t name)
{
    for (unsigned i = w->ports[port].requests; i; i = w->requests[i].next) {
        struct request *r = &w->requests[i];
        if (r->event == event && r->task == task && r->name == name)
            return r;
    }
    return NULL;
}

void request_unlink(struct world *w, unsigned port, struct request *request)
{
    uint16_t *link = &w->ports[port].requests;
    while (&w->requests[*link] != request)
        link = &w->requests[*link].next;
    *link = request->next;
}

void request_cancel(struct world *w, unsigned port, struct request *request)
{
    request_unlink(w, port, request);
    right_drop(w, request_end(w, request));
}

/* All that were asked for under a name, the newest first. */
void requests_cancel(struct world *w, unsigned port, unsigned task, mk_name_t name)
{
    unsigned i = w->ports[port].requests;
    while (i) {
        struct request *r = &w->requests[i];
        i = r->next;
        if (r->name == name && r->task == task) {
            request_cancel(w, port, r);
            i = w->ports[port].requests;
        }
    }
}

void requests_rename(struct world *w, unsigned port, unsigned task, mk_name_t from, mk_name_t to)
{
    for (unsigned i = w->ports[port].requests; i; i = w->requests[i].next)
        if (w->requests[i].name == from && w->requests[i].task == task)
            w->requests[i].name = to;
}

/* There is room: all that asked are told, the newest first. */
void notify_room(struct world *w, unsigned port)
{
    struct request *due[NR_REQUESTS];
    unsigned n = 0;
    w->ports[port].wants_room = false;
    for (unsigned i = w->ports[port].requests; i; i = w->requests[i].next)
        if (w->requests[i].event == MK_NOTIFY_SEND_POSSIBLE)
            due[n++] = &w->requests[i];
    for (unsigned i = 0; i < n; i++)
        request_unlink(w, port, due[i]);
    for (unsigned i = 0; i < n; i++)
        request_fire(w, port, due[i], (struct right){0});
}

void request_fire(struct world *w, unsigned port, struct request *request, struct right carried)
{
    unsigned message = message_new(w);
    struct message *m = &w->messages[message];
    const struct port *p = &w->ports[port];
    m->is_notice = true;
    m->badge = MK_BADGE_KERNEL;
    m->id = MK_NOTIFY_ID + request->event;
    m->size = sizeof(m->notice);
    m->notice = (struct mk_notification){.event = request->event, .name = request->name};
    if (request->event == MK_NOTIFY_NO_SENDERS)
        m->notice.count = p->make_count;
    if (request->event == MK_NOTIFY_DEAD_NAME && p->kind == KIND_TASK)
        m->notice.status = p->exit_code;
    m->nr_rights = carried.type != 0;
    m->rights[0] = carried;
    unsigned to = request_end(w, request).port;
    w->ports[to].nr_send_once--;
    if (w->ports[to].is_dead) {
        message_destroy(w, message);
        return;
    }
    struct actor *receiver = deliver(w, to, message);
    if (receiver)
        make_ready(w, receiver);
}

/* Does this kind of notice exist for this kind of right? */
static bool request_fits(const struct world *w, const struct name *n, uint32_t event)
{
    switch (event) {
    case MK_NOTIFY_DEAD_NAME:
        return n->type & (MK_RIGHT_SEND | MK_RIGHT_SEND_ONCE);
    case MK_NOTIFY_SEND_POSSIBLE:
        return n->type & MK_RIGHT_SEND && w->ports[n->port].kind == KIND_PORT;
    default:
        return n->type & MK_RIGHT_RECEIVE;
    }
}

static errs_t notify_errs(const struct world *w, const struct actor *a, const struct name *n)
{
    const struct op *op = &a->op;
    errs_t errs = 0;
    if (op->how < MK_NOTIFY_DEAD_NAME || op->how > MK_NOTIFY_SEND_POSSIBLE || op->how == MK_NOTIFY_SEND_ONCE)
        errs |= ERR(MK_E_BAD_ARGUMENT);
    if (!n)
        return errs | ERR(MK_E_BAD_NAME);
    if (n->type == MK_RIGHT_PORT_SET || n->type == RIGHT_REPLY || (!errs && !request_fits(w, n, op->how)))
        errs |= ERR(MK_E_BAD_RIGHT);
    if (op->name2 == MK_NAME_NULL)
        return errs;
    const struct name *to = name_find(w, a->task, op->name2);
    if (!to)
        return errs | ERR(MK_E_BAD_NAME);
    if (to->type & MK_RIGHT_RECEIVE)
        return errs | (right_errs(w, a->task, op->name2, MK_MAKE_SEND_ONCE) & ~OK_ONLY);
    if (to == n || to->type == RIGHT_REPLY)
        errs |= ERR(MK_E_BAD_RIGHT) | (name_is_dead(w, to) ? ERR(MK_E_DEAD) : 0);
    else
        errs |= right_errs(w, a->task, op->name2, MK_MOVE_SEND_ONCE) & ~OK_ONLY;
    return errs;
}

static bool is_due(struct world *w, unsigned port, uint32_t event, uint32_t sync)
{
    const struct port *p = &w->ports[port];
    if (event == MK_NOTIFY_SEND_POSSIBLE)
        return p->is_dead || !port_is_full(p) || port_receivers(w, port)->nr;
    if (event == MK_NOTIFY_DEAD_NAME)
        return p->is_dead;
    return event == MK_NOTIFY_NO_SENDERS && !p->nr_send && p->make_count >= sync;
}

errs_t notify(struct world *w, struct actor *a)
{
    const struct op *op = &a->op;
    struct name *n = name_find(w, a->task, op->name);
    errs_t errs = notify_errs(w, a, n);
    if (errs)
        return errs;
    bool is_named = op->how == MK_NOTIFY_DEAD_NAME || op->how == MK_NOTIFY_SEND_POSSIBLE;
    unsigned port = n->port, task = is_named ? a->task : NR_TASKS;
    mk_name_t name = is_named ? op->name : MK_NAME_NULL;
    struct right to = {0};
    if (op->name2) {
        const struct name *target = name_find(w, a->task, op->name2);
        to = right_take(w, a->task, op->name2, target->type & MK_RIGHT_RECEIVE ? MK_MAKE_SEND_ONCE : MK_MOVE_SEND_ONCE);
    }
    struct request *old = request_of(w, port, op->how, task, name);
    if (old)
        request_cancel(w, port, old);
    n = name_find(w, a->task, op->name);
    if (!op->name2)
        return OK_ONLY;
    uint16_t i = w->free_requests;
    struct request *request = &w->requests[i];
    w->free_requests = request->next;
    w->nr_free_requests--;
    *request = (struct request){0, (uint8_t)op->how, (uint8_t)task, op->n, name, to};
    if (is_due(w, port, op->how, op->n)) {
        n->refs += op->how == MK_NOTIFY_DEAD_NAME && n->refs < MK_USER_REFS_MAX;
        request_fire(w, port, request, (struct right){0});
        return OK_ONLY;
    }
    request->next = w->ports[port].requests;
    w->ports[port].requests = i;
    w->ports[port].wants_room |= op->how == MK_NOTIFY_SEND_POSSIBLE;
    return OK_ONLY;
}
