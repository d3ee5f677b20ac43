/* SPDX-License-Identifier: BSD-2-Clause */
/* The model's sending, calling and answering; see fuzz_ipc.h. */
#include "fuzz_ipc.h"

/* ---- sending ---- */

/* What the rights before number i have taken of its name already. */
static errs_t right_i_errs(const struct world *w, const struct actor *a, unsigned i, mk_name_t dest)
{
    const struct mk_msg_right *right = &a->op.rights[i];
    const struct name *n = name_find(w, a->task, right->name);
    bool is_receive_gone = false;
    uint32_t nr_moved = 0;
    if (right->name == MK_NAME_NULL)
        return right->how >= MK_MOVE_RECEIVE && right->how <= MK_MAKE_SEND_ONCE ? OK_ONLY : ERR(MK_E_BAD_ARGUMENT);
    errs_t errs = right_errs(w, a->task, right->name, right->how);
    if (!n)
        return errs;
    for (unsigned j = 0; j < i; j++) {
        if (a->op.rights[j].name != right->name)
            continue;
        is_receive_gone |= a->op.rights[j].how == MK_MOVE_RECEIVE;
        nr_moved += a->op.rights[j].how == MK_MOVE_SEND || a->op.rights[j].how == MK_MOVE_SEND_ONCE;
    }
    bool is_send = right->how == MK_MOVE_SEND || right->how == MK_COPY_SEND || right->how == MK_MOVE_SEND_ONCE;
    if ((is_send && nr_moved >= n->refs) || (!is_send && is_receive_gone) ||
        (right->how == MK_MOVE_SEND_ONCE && dest && right->name == dest))
        errs = (errs & ~OK_ONLY) | ERR(MK_E_BAD_RIGHT);
    return errs;
}

static errs_t rights_errs(const struct world *w, const struct actor *a, mk_name_t dest)
{
    errs_t errs = 0;
    for (unsigned i = 0; i < a->op.nr_rights; i++)
        errs |= right_i_errs(w, a, i, dest) & ~OK_ONLY;
    return errs;
}

static uint32_t reply_how(const struct world *w, const struct actor *a)
{
    const struct name *n = name_find(w, a->task, a->op.reply);
    return n && n->type & MK_RIGHT_RECEIVE ? MK_MAKE_SEND_ONCE : MK_MOVE_SEND_ONCE;
}

static errs_t reply_errs(const struct world *w, const struct actor *a, mk_name_t dest)
{
    if (a->op.reply == MK_NAME_NULL)
        return 0;
    uint32_t how = reply_how(w, a);
    errs_t errs = right_errs(w, a->task, a->op.reply, how) & ~OK_ONLY;
    if (how != MK_MOVE_SEND_ONCE)
        return errs;
    if (a->op.reply == dest)
        errs |= ERR(MK_E_BAD_RIGHT);
    for (unsigned i = 0; i < a->op.nr_rights; i++)
        if (a->op.rights[i].name == a->op.reply && a->op.rights[i].how == MK_MOVE_SEND_ONCE)
            errs |= ERR(MK_E_BAD_RIGHT);
    return errs;
}

static errs_t pointer_errs(const struct op *op)
{
    errs_t errs = 0;
    if (op->p_msg == POINTER_NULL || op->p_msg == POINTER_UNMAPPED)
        return ERR(MK_E_BAD_ADDRESS);
    if (op->size > MK_BODY_MAX || op->too_many)
        errs |= ERR(MK_E_MSG_TOO_LARGE);
    if ((op->size && op->p_body == POINTER_NULL) || (op->size && op->p_body == POINTER_UNMAPPED) ||
        (op->nr_rights && (op->p_rights == POINTER_NULL || op->p_rights == POINTER_UNMAPPED)))
        errs |= ERR(MK_E_BAD_ADDRESS);
    return errs;
}

static errs_t send_errs(const struct world *w, const struct actor *a, mk_name_t dest, bool with_reply)
{
    const struct name *n = name_find(w, a->task, dest);
    errs_t errs = pointer_errs(&a->op);
    if (errs & ERR(MK_E_BAD_ADDRESS) && a->op.p_msg != POINTER_GOOD)
        return errs;
    if (!n)
        errs |= ERR(MK_E_BAD_NAME) | (dest == MK_NAME_DEAD ? ERR(MK_E_DEAD) : 0);
    else if (!(n->type & (MK_RIGHT_SEND | MK_RIGHT_SEND_ONCE | RIGHT_REPLY)))
        errs |= ERR(MK_E_BAD_RIGHT);
    else if (name_is_dead(w, n))
        errs |= ERR(MK_E_DEAD);
    else if (n->type != RIGHT_REPLY && w->ports[n->port].kind != KIND_PORT)
        errs |= ERR(MK_E_BAD_RIGHT);
    errs |= rights_errs(w, a, dest);
    if (with_reply)
        errs |= reply_errs(w, a, dest);
    return errs;
}

static bool is_circular(const struct world *w, const struct actor *a, unsigned dest)
{
    for (unsigned i = 0; i < a->op.nr_rights; i++)
        if (a->op.rights[i].how == MK_MOVE_RECEIVE && a->op.rights[i].name &&
            port_is_inside(w, name_find(w, a->task, a->op.rights[i].name)->port, dest))
            return true;
    return false;
}

/* The rights leave; the message is made. `dest`: 0 for an answer. */
static unsigned message_take(struct world *w, struct actor *a, unsigned dest, struct right reply, bool with_reply)
{
    const struct op *op = &a->op;
    unsigned message = message_new(w);
    struct message *m = &w->messages[message];
    m->id = op->id;
    m->size = op->size;
    m->fill = op->p_body == POINTER_READ_ONLY ? 0 : (uint8_t)op->id;
    m->nr_rights = op->nr_rights;
    m->reply = reply;
    if (with_reply && op->reply) /* first: a receive right it is made from may travel in the same message */
        m->reply = right_take(w, a->task, op->reply, reply_how(w, a));
    for (unsigned i = 0; i < op->nr_rights; i++) {
        if (op->rights[i].name == MK_NAME_NULL)
            continue;
        m->rights[i] = right_take(w, a->task, op->rights[i].name, op->rights[i].how);
        if (m->rights[i].type == MK_RIGHT_RECEIVE)
            w->ports[m->rights[i].port].transit = (uint16_t)dest; /* 0: destroyed at once */
    }
    return message;
}

/* To a caller that waits; it is unblocked but not yet ready. */
static struct actor *answer(struct world *w, unsigned actor, unsigned message)
{
    struct actor *caller = &w->actors[actor];
    errs_t errs = hand_over(w, caller, message, 0);
    if (errs == ERR(MK_E_MSG_TOO_LARGE))
        message_destroy(w, message);
    unblock(w, caller, STEP_DONE, errs);
    return caller;
}

/* Everything is checked. Returns who was unblocked. */
static struct actor *send_commit(struct world *w, struct actor *a, mk_name_t dest, struct right reply, bool with_reply)
{
    struct name *n = name_find(w, a->task, dest);
    struct name was = *n;
    bool is_once = !(n->type & MK_RIGHT_SEND);
    if (was.type == MK_RIGHT_SEND_ONCE)
        requests_cancel(w, was.port, a->task, dest);
    unsigned port = was.type == RIGHT_REPLY ? 0 : was.port;
    bool is_lost = port && is_circular(w, a, port);
    unsigned message = message_take(w, a, is_lost ? 0 : port, reply, with_reply);
    w->messages[message].badge = port ? was.badge : 0;
    if (is_once)
        name_remove(w, a->task, name_find(w, a->task, dest));
    if (was.type == RIGHT_REPLY)
        return answer(w, was.port, message);
    if (is_once)
        w->ports[port].nr_send_once--;
    if (is_lost) {
        message_destroy(w, message);
        return NULL;
    }
    return deliver(w, port, message);
}

static void wait_for_reply(struct world *w, struct actor *a, struct actor *heir)
{
    errs_t errs = a->is_calling ? may_wait(w, a->op.deadline) : ERR(MK_E_DEAD);
    if (errs == OK_ONLY) {
        a->is_waiting_reply = true;
        block(w, a, NULL, MK_WAIT_REPLY, 0, a->op.deadline, heir);
        return;
    }
    a->is_calling = false;
    lend(w, a, 0);
    if (heir)
        make_ready(w, heir);
    call_ends(w, a, errs == ERR(MK_E_WOULD_BLOCK) ? ERR(MK_E_TIMED_OUT) : errs);
}

static bool send_must_wait(struct world *w, const struct actor *a, const struct name *n)
{
    const struct port *p = &w->ports[n->port];
    return n->type & MK_RIGHT_SEND && !is_circular(w, a, n->port) && !port_receivers(w, n->port)->nr && port_is_full(p);
}

/* The rights leave, and the message goes. Returns who was unblocked. */
static struct actor *send_now(struct world *w, struct actor *a)
{
    bool is_call = a->op.call == CALL_CALL;
    struct right reply = {0};
    if (is_call) {
        a->is_calling = true;
        a->call = ++w->next_call;
        reply = (struct right){RIGHT_REPLY, (uint16_t)(a - w->actors), a->call};
    }
    return send_commit(w, a, a->op.name, reply, !is_call);
}

/* It waits for room, and may send now. A caller goes on to wait for the answer, which may be lost already. */
void sender_admit(struct world *w, struct actor *a)
{
    bool is_call = a->op.call == CALL_CALL;
    errs_t errs = send_errs(w, a, a->op.name, !is_call);
    if (errs) {
        wake(w, a, STEP_DONE, errs);
        return;
    }
    leave_queue(w, a);
    if (is_call) {
        a->step = STEP_DONE;
        a->wait = MK_WAIT_REPLY;
        a->wait_port = 0;
        a->is_waiting_reply = true;
    }
    struct actor *heir = send_now(w, a);
    if (!is_call)
        wake(w, a, STEP_DONE, OK_ONLY);
    if (heir)
        make_ready(w, heir);
}

/* mk_send and mk_call. */
void do_send(struct world *w, struct actor *a)
{
    const struct op *op = &a->op;
    bool is_call = op->call == CALL_CALL;
    errs_t errs = send_errs(w, a, op->name, !is_call) | (op->deadline < 0 ? ERR(MK_E_BAD_ARGUMENT) : 0);
    if (errs) {
        call_ends(w, a, errs);
        return;
    }
    const struct name *n = name_find(w, a->task, op->name);
    unsigned port = n->type == RIGHT_REPLY ? 0 : n->port;
    if (port && send_must_wait(w, a, n)) {
        errs = may_wait(w, op->deadline);
        if (errs != OK_ONLY) {
            call_ends(w, a, errs);
            return;
        }
        lend(w, a, is_call ? port_server(w, port) : 0);
        a->step = STEP_SEND;
        block(w, a, &w->ports[port].senders, MK_WAIT_SEND, port, op->deadline, NULL);
        return;
    }
    struct actor *heir = send_now(w, a);
    if (is_call) {
        wait_for_reply(w, a, heir);
        return;
    }
    if (heir)
        make_ready(w, heir);
    call_ends(w, a, OK_ONLY);
}

/* ---- answering ---- */

/* The right to answer is used up though nobody waits. */
static void answer_nobody(struct world *w, struct actor *a, bool are_rights_dropped)
{
    struct name *n = name_find(w, a->task, a->op.reply);
    if (n)
        name_release(w, a->task, n, false);
    if (are_rights_dropped && !rights_errs(w, a, MK_NAME_NULL))
        message_destroy(w, message_take(w, a, 0, (struct right){0}, false));
}

/* mk_reply, and the first half of mk_reply_receive. */
void do_reply(struct world *w, struct actor *a)
{
    const struct op *op = &a->op;
    bool is_half = op->call == CALL_REPLY_RECEIVE;
    struct actor *heir = NULL;
    errs_t errs = is_half && op->deadline < 0 ? ERR(MK_E_BAD_ARGUMENT) : 0;
    if (op->p_msg == POINTER_NULL || op->p_msg == POINTER_UNMAPPED)
        errs |= ERR(MK_E_BAD_ADDRESS);
    if (is_half && (errs || op->reply == MK_NAME_NULL)) {
        if (errs)
            call_ends(w, a, errs);
        else
            do_receive(w, a, NULL);
        return;
    }
    const struct name *n = name_find(w, a->task, op->reply);
    bool is_once = n && n->type & (MK_RIGHT_SEND_ONCE | RIGHT_REPLY);
    errs |= pointer_errs(op);
    if (!errs && (op->reply == MK_NAME_DEAD || (is_once && name_is_dead(w, n)))) {
        answer_nobody(w, a, is_half);
        errs = ERR(MK_E_DEAD);
    } else {
        if (n && !is_once)
            errs |= ERR(MK_E_BAD_RIGHT);
        if (!errs || !(errs & ERR(MK_E_BAD_ADDRESS)) || op->p_msg == POINTER_GOOD)
            errs |= send_errs(w, a, op->reply, false);
        if (errs & ERR(MK_E_DEAD)) /* a right in the answer is dead */
            errs = (errs & ~ERR(MK_E_DEAD)) | ERR(MK_E_BAD_RIGHT);
        if (!errs)
            heir = send_commit(w, a, op->reply, (struct right){0}, false);
    }
    if (is_half && !(errs & ~ERR(MK_E_DEAD))) {
        do_receive(w, a, heir);
        return;
    }
    if (heir)
        make_ready(w, heir);
    call_ends(w, a, errs ? errs : OK_ONLY);
}
