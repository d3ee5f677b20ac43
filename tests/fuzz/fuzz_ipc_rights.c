/* SPDX-License-Identifier: BSD-2-Clause */
/* What calls about rights, ports and sets do; see fuzz_ipc.h. */
#include "fuzz_ipc.h"

/* ---- rights ---- */

errs_t right_make(struct world *w, struct actor *a)
{
    const struct op *op = &a->op;
    const struct name *n = name_find(w, a->task, op->name);
    errs_t errs = type_errs(n, MK_RIGHT_RECEIVE);
    bool is_send = op->how == MK_RIGHT_SEND;
    if (op->bits == MK_BADGE_KERNEL || (!is_send && op->how != MK_RIGHT_SEND_ONCE))
        errs |= ERR(MK_E_BAD_ARGUMENT);
    if (op->p_out != POINTER_GOOD && !(op->p_out == POINTER_NULL && is_send && op->bits == 0))
        errs |= ERR(MK_E_BAD_ADDRESS);
    if (n && op->how == MK_RIGHT_SEND_ONCE && w->ports[n->port].kind == KIND_EVENT)
        errs |= ERR(MK_E_BAD_RIGHT);
    if (errs)
        return errs;
    struct port *p = &w->ports[n->port];
    if (is_send)
        for (unsigned i = 0; i < w->tasks[a->task].space->nr; i++) {
            const struct name *old = &w->tasks[a->task].space->names[i];
            if (old->port == n->port && old->type & MK_RIGHT_SEND && old->badge == op->bits &&
                old->refs == MK_USER_REFS_MAX)
                errs |= ERR(MK_E_OVERFLOW);
        }
    if (errs)
        return errs;
    p->nr_send += is_send;
    p->make_count += is_send;
    p->nr_send_once += !is_send;
    struct right right = {(uint8_t)op->how, n->port, op->bits};
    right_put(w, a->task, right, op->p_out == POINTER_GOOD ? a->out : n->name, "mk_right_make");
    return OK_ONLY;
}

errs_t retain(struct world *w, struct actor *a)
{
    struct name *n = name_find(w, a->task, a->op.name);
    errs_t errs = 0;
    if (!n)
        errs |= ERR(MK_E_BAD_NAME);
    else if (!(n->type & MK_RIGHT_SEND) && (n->type == MK_RIGHT_PORT_SET || !name_is_dead(w, n)))
        errs |= ERR(MK_E_BAD_RIGHT);
    if (a->op.n == 0)
        errs |= ERR(MK_E_BAD_ARGUMENT);
    if (n && a->op.n > MK_USER_REFS_MAX - n->refs)
        errs |= ERR(MK_E_OVERFLOW);
    if (!errs)
        n->refs += a->op.n;
    return or_ok(errs);
}

errs_t info(struct world *w, struct actor *a)
{
    const struct name *n = name_find(w, a->task, a->op.name);
    errs_t errs = (n ? 0 : ERR(MK_E_BAD_NAME)) | out_errs(&a->op);
    if (errs)
        return errs;
    struct mk_right_info want = {.type = n->type, .user_refs = n->refs, .badge = n->badge};
    if (n->type == MK_RIGHT_PORT_SET) {
        want.user_refs = 0;
    } else if (name_is_dead(w, n)) {
        want.type = MK_RIGHT_DEAD_NAME;
        want.badge = 0;
    } else if (n->type == RIGHT_REPLY) {
        want.type = MK_RIGHT_SEND_ONCE;
        want.badge = 0;
    }
    if (want.type != MK_RIGHT_DEAD_NAME && n->type != RIGHT_REPLY) {
        if (!w->ports[n->port].id)
            w->ports[n->port].id = a->info.port;
        want.port = w->ports[n->port].id;
    }
    if (memcmp(&want, &a->info, sizeof(want)))
        differ(w, "name %x: {type %u, user_refs %u, badge %llx, port %llu}, expected {%u, %u, %llx, %llu}", n->name,
               a->info.type, a->info.user_refs, (unsigned long long)a->info.badge, (unsigned long long)a->info.port,
               want.type, want.user_refs, (unsigned long long)want.badge, (unsigned long long)want.port);
    return OK_ONLY;
}

errs_t port_state(struct world *w, struct actor *a)
{
    const struct name *n = name_find(w, a->task, a->op.name);
    errs_t errs = type_errs(n, MK_RIGHT_RECEIVE) | out_errs(&a->op);
    if (errs)
        return errs;
    const struct port *p = &w->ports[n->port];
    struct mk_port_state want;
    memset(&want, 0, sizeof(want));
    want.nr_queued = p->nr_queued + p->nr_unused;
    want.queue_limit = p->limit;
    want.nr_send = p->nr_send;
    want.nr_send_once = p->nr_send_once;
    want.make_count = p->make_count;
    want.seqno = p->seqno;
    want.in_set = p->set != 0;
    want.is_event = p->kind == KIND_EVENT;
    want.events = p->events;
    const struct mk_port_state *got = &a->port_state;
    if (want.nr_queued != got->nr_queued || want.queue_limit != got->queue_limit || want.nr_send != got->nr_send ||
        want.nr_send_once != got->nr_send_once || want.make_count != got->make_count || want.seqno != got->seqno ||
        want.in_set != got->in_set || want.is_event != got->is_event || want.events != got->events)
        differ(w,
               "port %x: {queued %u, limit %u, send %u, send-once %u, made %u, seqno %u, in a set %d, event %d, events "
               "%llx}, expected {%u, %u, %u, %u, %u, %u, %d, %d, %llx}",
               n->name, got->nr_queued, got->queue_limit, got->nr_send, got->nr_send_once, got->make_count, got->seqno,
               got->in_set, got->is_event, (unsigned long long)got->events, want.nr_queued, want.queue_limit,
               want.nr_send, want.nr_send_once, want.make_count, want.seqno, want.in_set, want.is_event,
               (unsigned long long)want.events);
    return OK_ONLY;
}

errs_t transfer(struct world *w, struct actor *a)
{
    const struct op *op = &a->op;
    const struct name *t = name_find(w, a->task, op->name);
    errs_t errs = object_errs(w, t, KIND_TASK) | out_errs(op);
    if (errs && !(t && w->ports[t->port].kind == KIND_TASK && !w->ports[t->port].is_dead))
        return errs | (op->how < MK_MOVE_RECEIVE || op->how > MK_MAKE_SEND_ONCE ? ERR(MK_E_BAD_ARGUMENT) : 0) |
               (op->call == CALL_INSERT ? right_errs(w, a->task, op->name2, op->how) & ~OK_ONLY : 0);
    unsigned other = w->ports[t->port].object;
    unsigned from = op->call == CALL_INSERT ? a->task : other, to = op->call == CALL_INSERT ? other : a->task;
    errs |= right_errs(w, from, op->name2, op->how) & ~OK_ONLY;
    if (errs)
        return errs;
    if (from == to && op->how == MK_MOVE_RECEIVE) {
        if (a->out != op->name2)
            differ(w, "a receive right moved within a task from name %x to %x", op->name2, a->out);
        return OK_ONLY;
    }
    struct right right = right_take(w, from, op->name2, op->how);
    reply_unlend(w, right);
    right_put(w, to, right, a->out, op->call == CALL_INSERT ? "insert" : "extract");
    return OK_ONLY;
}

void drop_received(struct world *w, struct actor *a)
{
    const struct op *op = &a->op;
    for (unsigned i = 0; i < op->nr_rights; i++) {
        struct name *n = name_find(w, a->task, op->rights[i].name);
        uint32_t how = op->rights[i].how;
        if (!n || n->type == MK_RIGHT_PORT_SET)
            continue;
        unsigned port = n->port;
        if (how == MK_RIGHT_RECEIVE && n->type & MK_RIGHT_RECEIVE) {
            receive_leaves(w, a->task, n);
            port_destroy(w, port);
        } else if ((how == MK_RIGHT_SEND || how == MK_RIGHT_SEND_ONCE) && n->type & ~(unsigned)MK_RIGHT_RECEIVE) {
            name_release(w, a->task, n, false);
        }
    }
    struct name *reply = name_find(w, a->task, op->reply);
    if (op->call == CALL_DISCARD && reply && reply->type & (MK_RIGHT_SEND_ONCE | RIGHT_REPLY))
        name_release(w, a->task, reply, false);
    if (a->msg.nr_rights || (op->call == CALL_DISCARD && a->msg.reply))
        differ(w, "a discarded message still has %u rights, reply %x", a->msg.nr_rights, a->msg.reply);
}

errs_t new_port(struct world *w, struct actor *a, enum kind kind, uint8_t type)
{
    if (a->op.p_out != POINTER_GOOD)
        return ERR(MK_E_BAD_ADDRESS);
    unsigned port = port_new(w, kind);
    struct right right = {type, (uint16_t)port, 0};
    if (type == MK_RIGHT_RECEIVE)
        right_put(w, a->task, right, a->out, "a new port");
    else
        name_add(w, a->task, a->out, right);
    return OK_ONLY;
}

/* ---- ports and sets ---- */

errs_t set_limit(struct world *w, struct actor *a)
{
    const struct name *n = name_find(w, a->task, a->op.name);
    errs_t errs = type_errs(n, MK_RIGHT_RECEIVE) | (a->op.n > MK_QUEUE_MAX ? ERR(MK_E_BAD_ARGUMENT) : 0);
    if (errs)
        return errs;
    w->ports[n->port].limit = a->op.n;
    port_admit(w, n->port);
    return OK_ONLY;
}

static unsigned depth_below(const struct world *w, unsigned port)
{
    const struct port *p = &w->ports[port];
    unsigned depth = 0;
    if (p->kind != KIND_SET)
        return 0;
    for (unsigned i = 0; i < p->ready->nr + p->idle->nr; i++) {
        unsigned member = i < p->ready->nr ? p->ready->ports[i] : p->idle->ports[i - p->ready->nr];
        unsigned below = depth_below(w, member);
        depth = below > depth ? below : depth;
    }
    return depth + 1;
}

errs_t member_change(struct world *w, struct actor *a)
{
    const struct name *set = name_find(w, a->task, a->op.name), *n = name_find(w, a->task, a->op.name2);
    errs_t errs = type_errs(set, MK_RIGHT_PORT_SET) | type_errs(n, MK_RIGHT_RECEIVE | MK_RIGHT_PORT_SET);
    if (errs)
        return errs;
    const struct port *p = &w->ports[n->port];
    if (a->op.call == CALL_SET_REMOVE) {
        if (p->set != set->port)
            return ERR(MK_E_BAD_STATE);
        set_remove(w, n->port);
        return OK_ONLY;
    }
    unsigned above = 0;
    if (p->set)
        errs |= ERR(MK_E_BAD_STATE);
    for (unsigned s = set->port; s; s = w->ports[s].set, above++)
        if (s == n->port)
            errs |= ERR(MK_E_CIRCULAR);
    if (above + depth_below(w, n->port) > MK_SET_DEPTH_MAX)
        errs |= ERR(MK_E_LIMIT_DEPTH);
    if (!errs)
        set_add(w, set->port, n->port);
    return or_ok(errs);
}

/* ---- special ports ---- */

errs_t get_special(struct world *w, struct actor *a)
{
    const struct name *t = name_find(w, a->task, a->op.name);
    errs_t errs = object_errs(w, t, KIND_TASK) | out_errs(&a->op);
    if (a->op.how >= MK_NR_SPECIALS)
        return errs | ERR(MK_E_BAD_ARGUMENT);
    if (errs && !(errs == ERR(MK_E_BAD_ADDRESS)))
        return errs;
    struct right special = w->tasks[w->ports[t->port].object].specials[a->op.how];
    if (!special.type)
        errs |= ERR(MK_E_NOT_FOUND);
    else if (w->ports[special.port].is_dead)
        errs |= ERR(MK_E_DEAD);
    if (errs)
        return errs;
    w->ports[special.port].nr_send++;
    right_put(w, a->task, special, a->out, "mk_task_get_special");
    return OK_ONLY;
}

errs_t set_special(struct world *w, struct actor *a)
{
    const struct name *t = name_find(w, a->task, a->op.name), *n = name_find(w, a->task, a->op.name2);
    errs_t errs = object_errs(w, t, KIND_TASK);
    if (a->op.how >= MK_NR_SPECIALS)
        errs |= ERR(MK_E_BAD_ARGUMENT);
    if (a->op.name2 != MK_NAME_NULL) {
        errs |= right_errs(w, a->task, a->op.name2, MK_COPY_SEND) & ~OK_ONLY;
        if (a->op.how == MK_SPECIAL_MACHINE && n && w->ports[n->port].kind != KIND_MACHINE)
            errs |= ERR(MK_E_BAD_RIGHT);
    }
    if (errs)
        return errs;
    struct right *special = &w->tasks[w->ports[t->port].object].specials[a->op.how], old = *special;
    *special = (struct right){0};
    if (n) {
        *special = (struct right){MK_RIGHT_SEND, n->port, n->badge};
        w->ports[n->port].nr_send++;
    }
    right_drop(w, old);
    return OK_ONLY;
}

/* ---- names ---- */

/*
 * Waits on the right go on under the new name, and what a task and its threads call themselves. (As many chosen names
 * as would be MK_E_LIMIT_NAMES, 2,047 of one index, do not fit into the model.)
 */
errs_t rename_right(struct world *w, struct actor *a)
{
    const struct op *op = &a->op;
    struct name *n = name_find(w, a->task, op->name);
    errs_t errs = n ? 0 : ERR(MK_E_BAD_NAME);
    if (op->name2 == MK_NAME_NULL || op->name2 == MK_NAME_DEAD)
        errs |= ERR(MK_E_BAD_ARGUMENT);
    else if (name_find(w, a->task, op->name2))
        errs |= ERR(MK_E_NAME_IN_USE);
    if (errs)
        return errs;
    n->name = op->name2;
    if (n->type & MK_RIGHT_RECEIVE)
        w->ports[n->port].name = n->name;
    if (n->type != RIGHT_REPLY)
        requests_rename(w, n->port, a->task, op->name, op->name2);
    for (unsigned i = 0; i < NR_ACTORS; i++) {
        struct actor *other = &w->actors[i];
        bool is_waiting = other->state != ACTOR_NONE && (other->step == STEP_RECEIVE || other->step == STEP_SEND);
        if (other->task == a->task && is_waiting && other->op.name == op->name)
            other->op.name = op->name2;
        if (other->task == a->task && other->self == op->name)
            other->self = op->name2;
    }
    if (w->tasks[a->task].self == op->name)
        w->tasks[a->task].self = op->name2;
    return OK_ONLY;
}
