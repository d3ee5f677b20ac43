/* SPDX-License-Identifier: BSD-2-Clause */
/* What the contract says: MOVE takes the right from the sender, COPY adds one, MAKE makes one from a receive right. */
#include "matrix.h"

static void add_returned(struct world *w, bool *asks)
{
    w->nr_returned += *asks;
    *asks = false;
}

/* A send right is gone, wherever it was. */
static void drop_send(struct world *w)
{
    w->nr_send--;
    if (w->nr_send || w->place == GONE || !w->asks_no_senders || w->make_count < 1)
        return;
    w->asks_no_senders = false;
    w->nr_no_senders++;
}

static void drop_send_once(struct world *w)
{
    if (w->is_reply) {
        w->is_caller_dead = true;
        return;
    }
    w->nr_send_once--;
    w->nr_queued += w->place != GONE; /* its notice */
}

static void become_dead_name(struct held *held)
{
    held->type &= ~(uint32_t)MK_RIGHT_RECEIVE;
    if (held->type)
        held->type = MK_RIGHT_DEAD_NAME;
}

void world_port_dies(struct world *w)
{
    w->place = GONE;
    w->nr_queued = 0;
    become_dead_name(&w->sender);
    become_dead_name(&w->receiver);
    add_returned(w, &w->asks_no_senders);
    if (w->asks_dead_name && w->sender.refs < MK_USER_REFS_MAX)
        w->sender.refs++;
    w->nr_dead_names += w->asks_dead_name;
    w->asks_dead_name = false;
}

struct world world_before(const struct row *row)
{
    bool is_sender = row->type & MK_RIGHT_RECEIVE;
    bool is_send = row->type & MK_RIGHT_SEND;
    struct world w = {
        .place = is_sender ? AT_SENDER : AT_OWNER,
        .sender = {row->type, row->refs},
        .receiver = {row->receiver_refs ? MK_RIGHT_SEND : 0, row->receiver_refs},
        .nr_send = (uint32_t)is_send + (row->receiver_refs != 0),
        .nr_send_once = row->type == MK_RIGHT_SEND_ONCE,
        .make_count = (uint32_t)is_send + (row->receiver_refs && !is_sender),
        .nr_queued = row->nr_queued,
        .asks_no_senders = !row->is_reply && !row->memory_how,
        .asks_dead_name = row->is_watched,
        .is_reply = row->is_reply,
        .sender_pages = row->memory_how ? 2 : 0,
    };
    return w;
}

static void memory_leaves(struct world *w, const struct row *row)
{
    w->way_pages = 2;
    if (row->memory_how == MK_MEMORY_MOVE)
        w->sender_pages = 0;
}

void world_leaves(struct world *w, const struct row *row)
{
    if (row->memory_how) {
        memory_leaves(w, row);
        return;
    }
    switch (row->how) {
    case MK_MOVE_RECEIVE:
        w->place = ON_ITS_WAY;
        w->make_count = 0;
        w->sender.type &= ~(uint32_t)MK_RIGHT_RECEIVE;
        break;
    case MK_MOVE_SEND:
        if (--w->sender.refs > 0) {
            w->nr_send++;
        } else {
            w->sender.type &= ~(uint32_t)MK_RIGHT_SEND;
            add_returned(w, &w->asks_dead_name);
        }
        break;
    case MK_MOVE_SEND_ONCE:
        w->sender = (struct held){0, 0};
        add_returned(w, &w->asks_dead_name);
        break;
    case MK_COPY_SEND:
        w->nr_send++;
        break;
    case MK_MAKE_SEND:
        w->nr_send++;
        w->make_count++;
        break;
    case MK_MAKE_SEND_ONCE:
        w->nr_send_once++;
        break;
    }
}

static bool is_send(const struct row *row)
{
    return row->how == MK_MOVE_SEND || row->how == MK_COPY_SEND || row->how == MK_MAKE_SEND;
}

void world_arrives(struct world *w, const struct row *row)
{
    if (row->memory_how) {
        w->receiver_pages = w->way_pages;
        w->way_pages = 0;
    } else if (row->how == MK_MOVE_RECEIVE) {
        w->place = AT_RECEIVER;
        w->receiver.type |= MK_RIGHT_RECEIVE;
    } else if (!is_send(row)) {
        w->receiver = (struct held){MK_RIGHT_SEND_ONCE, 1};
    } else if (w->receiver.type & MK_RIGHT_SEND) {
        w->receiver.refs += w->receiver.refs < MK_USER_REFS_MAX; /* a full count stays full */
        drop_send(w);
    } else {
        w->receiver.type |= MK_RIGHT_SEND;
        w->receiver.refs = 1;
    }
}

void world_lost(struct world *w, const struct row *row)
{
    if (row->memory_how)
        w->way_pages = 0;
    else if (row->how == MK_MOVE_RECEIVE)
        world_port_dies(w);
    else if (is_send(row))
        drop_send(w);
    else
        drop_send_once(w);
}

void world_released(struct world *w, const struct row *row)
{
    if (row->memory_how) {
        w->receiver_pages = 0;
    } else if (row->how == MK_MOVE_RECEIVE) {
        world_port_dies(w);
    } else if (--w->receiver.refs == 0) {
        w->receiver.type = 0;
        world_lost(w, row);
    }
}

/* A task ends with what it holds. */
static void end(struct world *w, struct held *held, enum place place)
{
    struct held had = *held;
    *held = (struct held){0, 0};
    if (w->place == place)
        world_port_dies(w);
    else if (had.type & MK_RIGHT_SEND)
        drop_send(w);
    else if (had.type & MK_RIGHT_SEND_ONCE)
        drop_send_once(w);
}

void world_sender_ends(struct world *w)
{
    w->sender_pages = 0;
    if (w->place == AT_SENDER) /* the port of the name and the name end at once: who is first is open */
        w->is_either = w->asks_dead_name;
    else
        add_returned(w, &w->asks_dead_name);
    end(w, &w->sender, AT_SENDER);
}

void world_receiver_ends(struct world *w)
{
    w->receiver_pages = 0;
    end(w, &w->receiver, AT_RECEIVER);
}
