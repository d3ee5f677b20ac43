/* SPDX-License-Identifier: BSD-2-Clause */
/* The model's names and rights; see fuzz_ipc.h. */
#include "fuzz_ipc.h"

/* ---- names ---- */

struct name *name_find(const struct world *w, unsigned task, mk_name_t name)
{
    struct space *space = w->tasks[task].space;
    for (unsigned i = 0; i < space->nr; i++)
        if (space->names[i].name == name)
            return &space->names[i];
    return NULL;
}

/* The kernel chose this name: it was never used before in this task. */
static void check_fresh(struct world *w, unsigned task, mk_name_t name)
{
    uint64_t key = (totals.nr_machines * 0xbf58476d1ce4e5b9u ^ w->tasks[task].id) * 0x94d049bb133111ebu ^ name;
    uint64_t i = (key * 0x9e3779b97f4a7c15u) >> (64 - USED_BITS);
    if (name_find(w, task, name))
        differ(w, "name %x was chosen, which is in use", name);
    for (; w->used_names[i]; i = (i + 1) % (1u << USED_BITS))
        if (w->used_names[i] == key)
            differ(w, "name %x was chosen, which was used before: a stale name means something again", name);
    if (w->nr_used_names >= 3u << (USED_BITS - 2))
        return;
    w->used_names[i] = key;
    w->nr_used_names++;
}

static struct name *name_new(struct world *w, unsigned task, mk_name_t name, struct right right)
{
    struct space *space = w->tasks[task].space;
    if (space->nr == NR_NAMES)
        differ(w, "the model has no room for another name");
    struct name *n = &space->names[space->nr++];
    *n = (struct name){.name = name, .type = right.type, .port = right.port, .badge = right.badge, .own = name};
    n->refs = right.type != MK_RIGHT_RECEIVE && right.type != MK_RIGHT_PORT_SET;
    return n;
}

struct name *name_add(struct world *w, unsigned task, mk_name_t name, struct right right)
{
    if (name == MK_NAME_NULL || name == MK_NAME_DEAD)
        differ(w, "name %x was given for a right that lives", name);
    check_fresh(w, task, name);
    return name_new(w, task, name, right);
}

void name_remove(struct world *w, unsigned task, struct name *name)
{
    struct space *space = w->tasks[task].space;
    space->stale[space->nr_stale++ % NR_STALE] = name->name;
    *name = space->names[--space->nr];
}

bool reply_is_valid(const struct world *w, unsigned actor, uint64_t call)
{
    return w->actors[actor].is_calling && w->actors[actor].call == call;
}

bool name_is_dead(const struct world *w, const struct name *name)
{
    return name->type == RIGHT_REPLY ? !reply_is_valid(w, name->port, name->badge) : w->ports[name->port].is_dead;
}

/* The name that a send right with this badge has, or would share with the receive right. */
static struct name *name_for_send(struct world *w, unsigned task, unsigned port, uint64_t badge)
{
    struct space *space = w->tasks[task].space;
    for (unsigned i = 0; i < space->nr; i++) {
        struct name *n = &space->names[i];
        if (n->port == port && n->type != RIGHT_REPLY &&
            ((n->type & MK_RIGHT_SEND && n->badge == badge) || (n->type & MK_RIGHT_RECEIVE && badge == 0)))
            return n;
    }
    return NULL;
}

/* ---- into a space ---- */

static void put_send(struct world *w, unsigned task, struct right right, mk_name_t name, const char *what)
{
    struct name *n = name_for_send(w, task, right.port, right.badge);
    if (!n) {
        name_add(w, task, name, right);
        return;
    }
    if (n->name != name)
        differ(w, "%s: a send right came under name %x, where the task has it under %x", what, name, n->name);
    if (!(n->type & MK_RIGHT_SEND)) {
        n->type |= MK_RIGHT_SEND;
        n->refs = 1;
        return;
    }
    if (n->refs < MK_USER_REFS_MAX) /* a full count stays full, as in Mach */
        n->refs++;
    w->ports[right.port].nr_send--;
}

static void put_receive(struct world *w, unsigned task, struct right right, mk_name_t name, const char *what)
{
    struct name *n = name_for_send(w, task, right.port, 0);
    struct port *p = &w->ports[right.port];
    if (!n)
        n = name_add(w, task, name, right);
    else if (n->name != name)
        differ(w, "%s: a receive right came under name %x, where the task has a send right under %x", what, name,
               n->name);
    n->type |= MK_RIGHT_RECEIVE;
    p->task = (int8_t)task;
    p->name = name;
    p->transit = 0;
}

void right_put(struct world *w, unsigned task, struct right right, mk_name_t name, const char *what)
{
    if (!right.type) {
        if (name != MK_NAME_NULL)
            differ(w, "%s: name %x came where no right was sent", what, name);
    } else if (right.type == RIGHT_REPLY ? !reply_is_valid(w, right.port, right.badge) : w->ports[right.port].is_dead) {
        if (name != MK_NAME_DEAD)
            differ(w, "%s: name %x came for a right that had died", what, name);
        right_drop(w, right);
    } else if (right.type == MK_RIGHT_SEND) {
        put_send(w, task, right, name, what);
    } else if (right.type == MK_RIGHT_RECEIVE) {
        put_receive(w, task, right, name, what);
    } else {
        name_add(w, task, name, right);
    }
}

/* ---- out of a space ---- */

errs_t right_errs(const struct world *w, unsigned task, mk_name_t name, uint32_t how)
{
    const struct name *n = name_find(w, task, name);
    uint8_t needs = MK_RIGHT_RECEIVE;
    errs_t errs = how < MK_MOVE_RECEIVE || how > MK_MAKE_SEND_ONCE ? ERR(MK_E_BAD_ARGUMENT) : 0;
    if (!n)
        return errs | ERR(MK_E_BAD_NAME);
    if (errs)
        return errs | ERR(MK_E_BAD_RIGHT);
    if (how == MK_MOVE_SEND || how == MK_COPY_SEND)
        needs = MK_RIGHT_SEND;
    else if (how == MK_MOVE_SEND_ONCE)
        needs = MK_RIGHT_SEND_ONCE | RIGHT_REPLY;
    bool fits = n->type & needs;
    if (how == MK_MAKE_SEND_ONCE && fits && w->ports[n->port].kind == KIND_EVENT)
        fits = false; /* it could bring no message */
    if (needs == MK_RIGHT_RECEIVE || n->type == MK_RIGHT_PORT_SET || !name_is_dead(w, n))
        return fits ? OK_ONLY : ERR(MK_E_BAD_RIGHT);
    return fits ? ERR(MK_E_DEAD) : ERR(MK_E_BAD_RIGHT) | ERR(MK_E_DEAD); /* what it was before it died, nobody tells */
}

void receive_leaves(struct world *w, unsigned task, struct name *n)
{
    struct port *p = &w->ports[n->port];
    if (p->set)
        set_remove(w, n->port);
    p->task = -1;
    p->name = MK_NAME_NULL;
    p->make_count = 0;
    p->server = 0;
    port_lend(w, n->port, 0);
    wake_all(w, &p->receivers, STEP_DONE, ERR(MK_E_DEAD));
    n->type &= (uint8_t)~MK_RIGHT_RECEIVE;
    if (!n->type)
        name_remove(w, task, n);
}

/* The last user reference leaves; the right goes elsewhere, so that the port's counts stay. */
static void send_leaves(struct world *w, unsigned task, struct name *n)
{
    mk_name_t name = n->name;
    n->refs = 0;
    if (n->type & MK_RIGHT_RECEIVE) {
        n->type = MK_RIGHT_RECEIVE;
        requests_cancel(w, n->port, task, name);
        return;
    }
    if (n->type != RIGHT_REPLY)
        requests_cancel(w, n->port, task, name);
    name_remove(w, task, name_find(w, task, name));
}

struct right right_take(struct world *w, unsigned task, mk_name_t name, uint32_t how)
{
    struct name *n = name_find(w, task, name);
    struct right right = {n->type, n->port, n->badge};
    struct port *p = &w->ports[n->port];
    switch (how) {
    case MK_MAKE_SEND:
        p->nr_send++;
        p->make_count++;
        return (struct right){MK_RIGHT_SEND, n->port, 0};
    case MK_MAKE_SEND_ONCE:
        p->nr_send_once++;
        return (struct right){MK_RIGHT_SEND_ONCE, n->port, 0};
    case MK_MOVE_RECEIVE:
        receive_leaves(w, task, n);
        return (struct right){MK_RIGHT_RECEIVE, right.port, 0};
    case MK_MOVE_SEND_ONCE:
        if (right.type != RIGHT_REPLY)
            requests_cancel(w, right.port, task, name);
        name_remove(w, task, name_find(w, task, name));
        return right;
    default:
        right.type = MK_RIGHT_SEND;
        if (how == MK_COPY_SEND || n->refs > 1) {
            n->refs -= how == MK_MOVE_SEND;
            p->nr_send++;
        } else {
            send_leaves(w, task, n);
        }
        return right;
    }
}

/* ---- letting go ---- */

void right_drop(struct world *w, struct right right)
{
    struct actor *caller;
    switch (right.type) {
    case MK_RIGHT_SEND:
        port_drop_send(w, right.port);
        break;
    case MK_RIGHT_SEND_ONCE:
        port_drop_send_once(w, right.port);
        break;
    case MK_RIGHT_RECEIVE:
        w->ports[right.port].transit = 0;
        port_destroy(w, right.port);
        break;
    case RIGHT_REPLY:
        caller = &w->actors[right.port];
        if (!reply_is_valid(w, right.port, right.badge))
            break;
        if (caller->is_waiting_reply) {
            wake(w, caller, STEP_DONE, ERR(MK_E_DEAD));
        } else { /* on its way into the wait */
            lend(w, caller, 0);
            caller->is_calling = false;
        }
        break;
    default:
        break;
    }
}

void name_release(struct world *w, unsigned task, struct name *n, bool is_all)
{
    struct right right = {n->type & (uint8_t)~MK_RIGHT_RECEIVE, n->port, n->badge};
    if (!is_all && n->refs > 1) {
        n->refs--;
        return;
    }
    send_leaves(w, task, n);
    right_drop(w, right);
}

static uint32_t index_of(mk_name_t name)
{
    return name & 0x1fffff;
}

/* All rights of a task that ends: in the order of the names' numbers without their generation. */
void space_end(struct world *w, unsigned task)
{
    struct space *space = w->tasks[task].space;
    while (space->nr) {
        struct name *n = &space->names[0];
        for (unsigned i = 1; i < space->nr; i++)
            if (index_of(space->names[i].own) < index_of(n->own))
                n = &space->names[i];
        mk_name_t name = n->name;
        unsigned port = n->port;
        if (n->type == MK_RIGHT_PORT_SET) {
            set_destroy(w, task, n);
            continue;
        }
        if (n->type & MK_RIGHT_RECEIVE) {
            receive_leaves(w, task, n);
            port_destroy(w, port);
        }
        n = name_find(w, task, name);
        if (n)
            name_release(w, task, n, true);
    }
}
