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
    struct waiters *receivers = port_receivers(w, port);
    bool is_first = !port_has_message(w, port);
    p->nr_unused++;
    if (is_first)
        set_update(w, port);
    wake_all(w, receivers, STEP_RECEIVE, 0); /* they look again */
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
    while (p->requests) {
        struct request *request = &w->requests[p->requests];
        request_unlink(w, port, request);
        if (request->event == MK_NOTIFY_DEAD_NAME || request->event == MK_NOTIFY_SEND_POSSIBLE) {
            struct name *n = name_find(w, request->task, request->name);
            if (request->event == MK_NOTIFY_DEAD_NAME) {
                n->request = 0;
                n->refs += n->refs < MK_USER_REFS_MAX;
            }
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

/* To the end of the line in its set: when it gets a first message, and when one was taken. */
void set_update(struct world *w, unsigned port)
{
    for (; w->ports[port].set; port = w->ports[port].set) {
        struct port *set = &w->ports[w->ports[port].set];
        if (!member_take(set->ready, port))
            member_take(set->idle, port);
        struct members *to = port_has_message(w, port) ? set->ready : set->idle;
        to->ports[to->nr++] = (uint16_t)port;
    }
}

void set_add(struct world *w, unsigned set, unsigned port)
{
    struct port *p = &w->ports[port];
    p->set = (uint16_t)set;
    set_update(w, port);
    if (port_has_message(w, port) || (p->kind == KIND_PORT && p->limit == 0 && p->senders.nr))
        wake_all(w, &w->ports[set].receivers, STEP_RECEIVE, 0);
}

void set_remove(struct world *w, unsigned port)
{
    struct port *p = &w->ports[port], *set = &w->ports[p->set];
    if (!member_take(set->ready, port))
        member_take(set->idle, port);
    p->set = 0;
}

void set_destroy(struct world *w, unsigned task, struct name *name)
{
    struct port *set = &w->ports[name->port];
    unsigned port = name->port;
    while (set->ready->nr)
        set_remove(w, set->ready->ports[0]);
    while (set->idle->nr)
        set_remove(w, set->idle->ports[0]);
    if (set->set)
        set_remove(w, port);
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
static bool request_fits(const struct name *n, uint32_t event)
{
    switch (event) {
    case MK_NOTIFY_DEAD_NAME:
        return n->type & (MK_RIGHT_SEND | MK_RIGHT_SEND_ONCE);
    case MK_NOTIFY_SEND_POSSIBLE:
        return n->type & MK_RIGHT_SEND;
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
        return errs | ERR(MK_E_BAD_NAME) | (name_find(w, a->task, op->name2) ? 0 : ERR(MK_E_BAD_NAME));
    if (n->type == MK_RIGHT_PORT_SET || n->type == RIGHT_REPLY || (!errs && !request_fits(n, op->how)))
        errs |= ERR(MK_E_BAD_RIGHT);
    if (op->name2 == MK_NAME_NULL)
        return errs;
    const struct name *to = name_find(w, a->task, op->name2);
    if (!to)
        return errs | ERR(MK_E_BAD_NAME);
    if (to->type & MK_RIGHT_RECEIVE)
        return errs;
    if (to == n || to->type == RIGHT_REPLY)
        errs |= ERR(MK_E_BAD_RIGHT) | (name_is_dead(w, to) ? ERR(MK_E_DEAD) : 0);
    else
        errs |= right_errs(w, a->task, op->name2, MK_MOVE_SEND_ONCE) & ~OK_ONLY;
    return errs;
}

static bool is_due(const struct world *w, unsigned port, uint32_t event, uint32_t sync)
{
    const struct port *p = &w->ports[port];
    if (event == MK_NOTIFY_DEAD_NAME)
        return p->is_dead;
    return event == MK_NOTIFY_NO_SENDERS && !p->nr_send && p->make_count >= sync;
}

errs_t notify(struct world *w, struct actor *a)
{
    const struct op *op = &a->op;
    struct name *n = name_find(w, a->task, op->name);
    errs_t errs = notify_errs(w, a, n);
    if (op->how == MK_NOTIFY_SEND_POSSIBLE && a->err == MK_E_BAD_ARGUMENT)
        return ERR(MK_E_BAD_ARGUMENT); /* not there yet */
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
    if (op->how == MK_NOTIFY_DEAD_NAME)
        n->request = 0;
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
    if (op->how == MK_NOTIFY_DEAD_NAME)
        n->request = i;
    return OK_ONLY;
}
