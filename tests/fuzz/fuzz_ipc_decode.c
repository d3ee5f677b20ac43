/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From bytes to operations. Names are chosen by what the model says they are:
 * mostly of a kind that fits, sometimes any, stale, foreign or senseless ones.
 */
#include "fuzz_ipc_pick.h"

static void pick_rights(struct world *w, struct op *op, unsigned task)
{
    uint8_t b = next_byte(w);
    op->nr_rights = b < 100 ? 0 : b < 160 ? 1 : (uint8_t)(1 + b % OP_RIGHTS);
    if (b >= 253)
        op->too_many = MK_RIGHTS_MAX + 1 + b;
    for (unsigned i = 0; i < op->nr_rights; i++) {
        uint32_t how = pick_disposition(w);
        op->rights[i] = (struct mk_msg_right){pick(w, task, kinds_for(how)), how};
    }
}

/* What is sent: size, rights, where the parts lie. */
static void pick_letter(struct world *w, struct op *op, unsigned task)
{
    uint8_t b = next_byte(w);
    op->id = ++w->next_id;
    op->size = pick_size(w);
    pick_rights(w, op, task);
    if (b >= 250)
        op->p_body = pick_pointer((uint8_t)(253 + next_byte(w) % 3));
    else if (b >= 244)
        op->p_rights = pick_pointer((uint8_t)(253 + next_byte(w) % 3));
}

/* Room for what is received. */
static void pick_room(struct world *w, struct op *op)
{
    static const uint32_t rooms[] = {4096, 4096, 131072, 256, 64, 16, 8, 0};
    uint8_t b = next_byte(w);
    op->capacity = rooms[b < 192 ? 0 : b % 8];
    op->max_rights = b & 0xf ? MAX_RIGHTS : b >> 4 & 3;
    if (b == 0xff)
        op->p_body = pick_pointer((uint8_t)(253 + next_byte(w) % 3));
    else if (b == 0xef)
        op->p_rights = pick_pointer((uint8_t)(253 + next_byte(w) % 3));
}

/* A message header in read-only memory is all zero. */
static void pick_message_pointer(struct world *w, struct op *op)
{
    uint8_t b = next_byte(w);
    op->p_msg = pick_pointer(b);
    if (op->p_msg == POINTER_GOOD)
        return;
    op->id = op->size = op->capacity = op->too_many = 0;
    op->nr_rights = op->max_rights = 0;
    op->reply = MK_NAME_NULL;
    op->p_body = op->p_rights = POINTER_GOOD;
}

/* ---- operations ---- */

static void decode_message_call(struct world *w, struct op *op, unsigned task)
{
    bool is_half = op->call == CALL_REPLY_RECEIVE;
    op->name = MK_NAME_NULL;
    if (op->call == CALL_SEND || op->call == CALL_CALL)
        op->name = pick(w, task, PICK_TO_SEND);
    else if (op->call != CALL_REPLY)
        op->name = pick(w, task, MK_RIGHT_RECEIVE | MK_RIGHT_PORT_SET | PICK_EVENT);
    op->deadline = op->call == CALL_REPLY ? 0 : pick_deadline(w);
    if (op->call != CALL_RECEIVE)
        pick_letter(w, op, task);
    if (op->call == CALL_REPLY || (is_half && next_byte(w) < 200))
        op->reply = pick(w, task, PICK_ANSWER);
    else if (op->call == CALL_SEND && next_byte(w) < 80)
        op->reply = pick(w, task, MK_RIGHT_RECEIVE | PICK_ANSWER);
    if (op->call != CALL_SEND && op->call != CALL_REPLY)
        pick_room(w, op);
    if (op->p_body == POINTER_READ_ONLY && op->size > 4096 && op->size <= MK_BODY_MAX)
        op->size = 4096; /* the page is not longer */
    if (op->p_rights == POINTER_READ_ONLY)
        memset(op->rights, 0, sizeof(op->rights));
    pick_message_pointer(w, op);
}

/* Will an operation that was given out, and has not begun, make something in this slot? */
bool is_promised(const struct world *w, enum call call, unsigned slot)
{
    for (unsigned i = 0; i < NR_ACTORS; i++)
        if (w->actors[i].has_op && w->actors[i].op.call == call && w->actors[i].op.slot == slot)
            return true;
    return false;
}

static uint8_t free_slot(const struct world *w, enum call call)
{
    if (call == CALL_TASK_CREATE) {
        for (unsigned i = 1; i < NR_TASKS; i++)
            if (!w->tasks[i].is_alive && !is_promised(w, call, i))
                return (uint8_t)i;
        return 0;
    }
    for (unsigned i = 1; i < NR_ACTORS; i++)
        if (w->actors[i].state == ACTOR_NONE && !is_promised(w, call, i))
            return (uint8_t)i;
    return 0;
}

static void decode_new(struct world *w, struct op *op, unsigned task)
{
    uint8_t b = next_byte(w);
    op->slot = free_slot(w, (enum call)op->call);
    if (op->call == CALL_THREAD_CREATE) {
        op->name = pick(w, task, PICK_TASK);
        op->n = b < 250 ? b % 64 : b;
        op->how = b >> 6 & 1;
    }
    if (!op->slot)
        op->call = CALL_NOW;
}

static void decode_notify(struct world *w, struct op *op, unsigned task)
{
    uint8_t b = next_byte(w);
    uint32_t any_send = MK_RIGHT_SEND | PICK_TASK | PICK_THREAD | PICK_SIGNAL;
    op->how = b < 250 ? 1 + b % 5u : b % 8u;
    op->n = b >> 5 & 3;
    if (op->how == MK_NOTIFY_SEND_ONCE)
        op->how = MK_NOTIFY_NO_SENDERS;
    op->name = pick(w, task,
                    op->how == MK_NOTIFY_DEAD_NAME       ? any_send | MK_RIGHT_SEND_ONCE | MK_RIGHT_DEAD_NAME
                    : op->how == MK_NOTIFY_SEND_POSSIBLE ? MK_RIGHT_SEND
                                                         : MK_RIGHT_RECEIVE | PICK_EVENT);
    op->name2 = next_byte(w) < 220 ? pick(w, task, MK_RIGHT_RECEIVE | MK_RIGHT_SEND_ONCE) : MK_NAME_NULL;
}

static void decode_transfer(struct world *w, struct op *op, unsigned task)
{
    unsigned from = task;
    op->name = pick(w, task, PICK_TASK);
    const struct name *t = name_find(w, task, op->name);
    if (op->call == CALL_EXTRACT && t && t->type != RIGHT_REPLY && w->ports[t->port].kind == KIND_TASK)
        from = w->ports[t->port].object;
    op->how = pick_disposition(w);
    op->name2 = pick(w, from, kinds_for(op->how));
}

static void decode_thread_call(struct world *w, struct op *op, unsigned task)
{
    op->name = pick(w, task, PICK_THREAD);
    uint8_t b = next_byte(w);
    op->n = b < 250 ? b % 64 : b;
    op->how = b < 250 ? b % 3 : b;
    op->deadline = op->call == CALL_JOIN || op->call == CALL_SWITCH ? pick_deadline(w) : 0;
}

static void decode_name_call(struct world *w, struct op *op, unsigned task)
{
    static const uint32_t counts[] = {1, 2, 3, 1, 1, 0, 65534, 70000};
    uint8_t b;
    switch (op->call) {
    case CALL_PORT_DESTROY:
    case CALL_PORT_STATE:
    case CALL_SET_LIMIT:
        op->name = pick(w, task, MK_RIGHT_RECEIVE | PICK_EVENT);
        b = op->call == CALL_SET_LIMIT ? next_byte(w) : 0;
        op->n = b < 240 ? b % 4 : b < 250 ? MK_QUEUE_MAX : MK_QUEUE_MAX + 1;
        break;
    case CALL_RIGHT_MAKE:
        op->name = pick(w, task, MK_RIGHT_RECEIVE | PICK_EVENT);
        b = next_byte(w);
        op->how = b < 160 ? MK_RIGHT_SEND : b < 250 ? MK_RIGHT_SEND_ONCE : b;
        op->bits = pick_badge(w);
        break;
    case CALL_RETAIN:
        op->name = pick(w, task, MK_RIGHT_SEND | MK_RIGHT_DEAD_NAME | PICK_TASK | PICK_THREAD | PICK_SIGNAL);
        op->n = counts[next_byte(w) % 8];
        break;
    case CALL_SET_DESTROY:
        op->name = pick(w, task, MK_RIGHT_PORT_SET);
        break;
    case CALL_SET_ADD:
    case CALL_SET_REMOVE:
        op->name = pick(w, task, MK_RIGHT_PORT_SET);
        op->name2 = pick(w, task, MK_RIGHT_RECEIVE | MK_RIGHT_PORT_SET | PICK_EVENT);
        break;
    case CALL_GET_SPECIAL:
    case CALL_SET_SPECIAL:
        op->name = pick(w, task, PICK_TASK);
        b = next_byte(w);
        op->how = b < 250 ? b % MK_NR_SPECIALS : b;
        op->name2 = op->call == CALL_SET_SPECIAL && b & 0x70 ? pick(w, task, MK_RIGHT_SEND) : MK_NAME_NULL;
        break;
    case CALL_EVENT_SIGNAL:
        op->name = pick(w, task, PICK_SIGNAL);
        op->bits = next_byte(w) & 7;
        break;
    case CALL_EVENT_WAIT:
        op->name = pick(w, task, PICK_EVENT);
        op->deadline = pick_deadline(w);
        break;
    case CALL_RENAME:
        op->name = pick(w, task, ~0u);
        b = next_byte(w);
        op->name2 = b < 200 ? 0x10000u + b * 977u : b < 220 ? b : pick(w, task, ~0u);
        break;
    case CALL_TASK_TERMINATE:
        if (next_byte(w) < 230) /* rarely: a task is dear */
            op->call = CALL_YIELD;
        op->name = pick(w, task, PICK_TASK);
        op->n = next_byte(w);
        break;
    case CALL_TASK_WAIT:
        op->name = pick(w, task, PICK_TASK | MK_RIGHT_DEAD_NAME);
        op->deadline = pick_deadline(w);
        break;
    default:
        op->name = pick(w, task, ~0u);
        break;
    }
}

/* Discard acts on what the actor received last, as it lies there. */
static void decode_discard(const struct world *w, struct op *op)
{
    const struct actor *a = &w->actors[op->actor];
    if (a->msg.nr_rights > MAX_RIGHTS) { /* it was only claimed */
        op->call = CALL_NOW;
        return;
    }
    op->nr_rights = (uint8_t)a->msg.nr_rights;
    op->reply = a->msg.reply;
    memcpy(op->rights, a->rights, sizeof(op->rights));
}

static void decode_arguments(struct world *w, struct op *op)
{
    unsigned task = w->actors[op->actor].task;
    switch (op->call) {
    case CALL_SEND:
    case CALL_RECEIVE:
    case CALL_CALL:
    case CALL_REPLY:
    case CALL_REPLY_RECEIVE:
        decode_message_call(w, op, task);
        return;
    case CALL_DISCARD:
    case CALL_DROP_RIGHTS:
        decode_discard(w, op);
        return;
    case CALL_TASK_CREATE:
    case CALL_THREAD_CREATE:
        decode_new(w, op, task);
        break;
    case CALL_NOTIFY:
        decode_notify(w, op, task);
        break;
    case CALL_INSERT:
    case CALL_EXTRACT:
        decode_transfer(w, op, task);
        break;
    case CALL_TERMINATE:
    case CALL_JOIN:
    case CALL_SUSPEND:
    case CALL_RESUME:
    case CALL_ABORT:
    case CALL_PRIORITY:
    case CALL_SWITCH:
    case CALL_DEPRESS_ABORT:
        decode_thread_call(w, op, task);
        break;
    case CALL_SLEEP:
        op->deadline = pick_deadline(w);
        break;
    case CALL_SPEND:
        op->deadline = next_byte(w);
        op->deadline = op->deadline < 250 ? op->deadline % 8 * 50 : -op->deadline;
        break;
    case CALL_TASK_EXIT:
        op->n = next_byte(w);
        if (op->n < 230)
            op->call = CALL_NOW;
        break;
    default:
        decode_name_call(w, op, task);
        break;
    }
    op->p_out = pick_pointer(next_byte(w));
    if (op->call == CALL_TASK_WAIT || op->call == CALL_RENAME || op->slot)
        op->p_out = POINTER_GOOD;
}

/* Calls by their weights. */
static uint8_t pick_call(uint8_t b)
{
    static const uint16_t weights[NR_CALLS] = {
#define CALL_WEIGHT(name, weight) weight,
        CALL_MAP(CALL_WEIGHT)
#undef CALL_WEIGHT
    };
    static uint8_t table[256];
    static bool is_made;
    if (!is_made) {
        unsigned sum = 0, n = 0, seen = 0;
        for (unsigned i = 0; i < NR_CALLS; i++)
            sum += weights[i];
        for (unsigned i = 0; i < NR_CALLS; i++) {
            seen += weights[i];
            for (; n < 256 * seen / sum; n++)
                table[n] = (uint8_t)i;
        }
        is_made = true;
    }
    return table[b];
}

bool is_available(const struct actor *a)
{
    return a->state == ACTOR_IDLE && a->control && !a->suspends && !a->has_op;
}

/* The next operation, of an actor that is free. False: nobody is, or the input is over. */
bool decode(struct world *w, struct op *op, bool *is_burstp)
{
    if (input_is_over(w))
        return false;
    uint8_t call = next_byte(w), who = next_byte(w);
    unsigned actor = 0;
    for (unsigned i = 0, k = who; i < NR_ACTORS - 1 && !actor; i++, k++)
        if (is_available(&w->actors[1 + k % (NR_ACTORS - 1)]))
            actor = 1 + k % (NR_ACTORS - 1);
    if (!actor)
        return false;
    memset(op, 0, sizeof(*op));
    op->call = pick_call(call);
    op->actor = (uint8_t)actor;
    *is_burstp = who >= 208;
    decode_arguments(w, op);
    return true;
}
