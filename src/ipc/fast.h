/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The short way of mk_call and mk_reply_receive: the partner waits already, the
 * message is bytes only, nobody stronger is ready. No allocation, no queue, no
 * pass through the scheduler. Anything unusual returns NULL with nothing
 * changed that the long way (message.c) would not write again; it does the same, slowly.
 *
 * Times and counts are those of the long way, so that a traced run (which never
 * comes here) has the same clock.
 */
#ifndef IPC_FAST_H
#define IPC_FAST_H

#include "host/arch/x86_64/user.h"
#include "ipc/ipc.h"
#include "kern/sched.h"

#define FAST inline __attribute__((always_inline))

/* What the sender's header says, as far as the short way needs it. */
struct fast_message {
    const void *body;
    uint64_t size;
    uint32_t id, status;
};

static FAST bool fast_load(const struct mk_msg *msg, struct fast_message *m)
{
    uint64_t body;
    uint32_t nr_rights, nr_memories, last;
    if (!user_load_u32(MSG_FIELD(msg, events), &last) || !user_load_u32(MSG_FIELD(msg, nr_rights), &nr_rights) ||
        !user_load_u32(MSG_FIELD(msg, nr_memories), &nr_memories) || !user_load_u64(MSG_FIELD(msg, size), &m->size) ||
        !user_load_u64(MSG_FIELD(msg, body), &body) || !user_load_u32(MSG_FIELD(msg, id), &m->id) ||
        !user_load_u32(MSG_FIELD(msg, status), &m->status))
        return false;
    m->body = (const void *)(uintptr_t)body;
    return (nr_rights | nr_memories) == 0;
}

/* Threads of one task may give the same buffer: only a copy in between is right then. */
static FAST bool fast_overlaps(uint64_t to, const struct fast_message *m)
{
    return to - (uintptr_t)m->body + m->size < 2 * m->size;
}

/* Body and header into the waiting thread's buffers, which its header names. */
static FAST bool fast_store(const struct thread *to, const struct fast_message *m, uint64_t badge, mk_name_t reply,
                            mk_name_t port, uint32_t seqno)
{
    struct mk_msg *msg = to->msg;
    uint64_t body, capacity;
    return likely(user_load_u64(MSG_FIELD(msg, body), &body)) &&
           likely(user_load_u64(MSG_FIELD(msg, capacity), &capacity)) && likely(m->size <= capacity) &&
           likely(!fast_overlaps(body, m)) && likely(user_copy_short((void *)(uintptr_t)body, m->body, m->size)) &&
           user_store_u32(MSG_FIELD(msg, id), m->id) && user_store_u32(MSG_FIELD(msg, status), m->status) &&
           user_store_u64(MSG_FIELD(msg, size), m->size) && user_store_u64(MSG_FIELD(msg, nr_rights), 0) &&
           user_store_u64(MSG_FIELD(msg, badge), badge) && user_store_u32(MSG_FIELD(msg, reply), reply) &&
           user_store_u32(MSG_FIELD(msg, port), port) && user_store_u32(MSG_FIELD(msg, seqno), seqno);
}

static FAST mk_time_t fast_time(const struct cpu *cpu, uint64_t size)
{
    return cpu->now + cpu->call_cost + cpu->copy_cost * (mk_time_t)((size + 63) / 64);
}

/* May `to` have the CPU now? */
static FAST bool fast_may_run(const struct cpu *cpu, const struct thread *to, mk_time_t now)
{
    return likely(!cpu_must_reschedule(cpu)) && likely(now < cpu->next_event) && likely(!to->flags) &&
           likely(sched_none_stronger(cpu, to->priority));
}

/* The current thread waits at the kernel's door with this frame, and `to` has the CPU. Where to go on. */
static FAST void *fast_hand_off(struct cpu *cpu, struct thread *self, struct thread *to, mk_time_t now, void *frame)
{
    self->state = THREAD_BLOCKED;
    self->run_time += now - cpu->run_start;
    self->context.sp = frame;
    cpu->now = cpu->run_start = now;
    to->state = THREAD_RUNNING;
    to->wait = MK_WAIT_NONE;
    to->wait_object = NULL;
    to->wait_status = MK_OK;
    to->nr_switches++;
    cpu->nr_switches++;
    cpu->nr_sends++;
    cpu->current = to;
    return to->context.sp;
}

/* The stack pointer to go on with, or NULL: go the long way. */
static FAST void *fast_call(struct cpu *cpu, mk_name_t dest, struct mk_msg *msg, void *frame)
{
    struct thread *self = cpu->current;
    struct fast_message m;

    if (unlikely(cpu->is_slow) || unlikely(!self) || unlikely(stack_is_low(self)) || unlikely(!fast_load(msg, &m)))
        return NULL;
    const struct entry *entry = space_lookup(self->space, dest);
    if (unlikely(!entry) || unlikely(!(entry->type & MK_RIGHT_SEND)))
        return NULL;
    struct port *port = entry->port;
    struct list *receivers = &port->receivers;
    if (list_empty(receivers)) {
        const struct portset *set = member_set(&port->member);
        if (!set || list_empty(&set->receivers))
            return NULL;
        receivers = (struct list *)(uintptr_t)&set->receivers;
    }
    if (unlikely(port->is_dead || port->is_event))
        return NULL;
    struct thread *to = list_first(receivers, struct thread, queue);
    struct space *space = to->space;
    mk_time_t now = fast_time(cpu, m.size);
    if (unlikely(!fast_may_run(cpu, to, now)) || unlikely(self->priority > to->base_priority) ||
        unlikely(space->nr_free < SPACE_FREE_MIN) || unlikely(m.size > MK_BODY_MAX))
        return NULL;
    struct entry *reply = &space->table[space->free];
    if (unlikely(!fast_store(to, &m, entry->badge, reply->name, port->name, port->seqno)))
        return NULL;

    /* commit */
    self->msg = msg;
    self->serial++;
    self->call_port = port->id;
    self->lent_to = to;
    self->lent_to_id = to->id;
    port->server = to;
    self->wait = MK_WAIT_REPLY;
    self->wait_object = NULL;
    space->free = reply->next_free;
    space->nr_free--;
    space->nr_names++;
    reply->type = ENTRY_REPLY;
    reply->user_refs = 1;
    reply->requests = NULL;
    reply->caller = self;
    reply->serial = self->serial;
    port->seqno++;
    list_remove(&to->queue);
    cpu->nr_calls++;
    return fast_hand_off(cpu, self, to, now, frame);
}

static FAST void *fast_reply_receive(struct cpu *cpu, mk_name_t receive, struct mk_msg *msg, void *frame)
{
    struct thread *self = cpu->current;
    struct fast_message m;
    uint32_t name;

    if (unlikely(cpu->is_slow) || unlikely(!self) || unlikely(stack_is_low(self)) ||
        unlikely(!user_load_u32(MSG_FIELD(msg, reply), &name)) || unlikely(!fast_load(msg, &m)))
        return NULL;
    struct space *space = self->space;
    struct entry *reply = space_lookup(space, name);
    const struct entry *entry = space_lookup(space, receive);
    if (unlikely(!reply) || unlikely(reply->type != ENTRY_REPLY) || unlikely(!entry))
        return NULL;
    struct list *queue;
    void *object;
    if (likely(entry->type & MK_RIGHT_RECEIVE) && likely(!port_has_message(entry->port)) &&
        likely(list_empty(&entry->port->senders)) && likely(!entry->port->wants_room)) {
        queue = &entry->port->receivers;
        object = entry->port;
    } else if (entry->type == MK_RIGHT_PORT_SET && list_empty(&entry->set->ready) && !entry->set->nr_rendezvous) {
        queue = &entry->set->receivers;
        object = entry->set;
    } else {
        return NULL;
    }
    struct thread *to = reply->caller;
    mk_time_t now = fast_time(cpu, m.size);
    if (unlikely(!reply_is_valid(to, reply->serial)) || unlikely(!fast_may_run(cpu, to, now)) ||
        unlikely(m.size > MK_BODY_MAX) || unlikely(!fast_store(to, &m, 0, MK_NAME_NULL, MK_NAME_NULL, 0)) ||
        unlikely(!user_store_u32(MSG_FIELD(msg, reply), MK_NAME_NULL)))
        return NULL;

    /* commit */
    self->msg = msg;
    to->serial++;
    space_give_back(space, reply);
    self->wait = MK_WAIT_RECEIVE;
    self->wait_object = object;
    self->door_name = receive;
    self->served = object;
    list_add_tail(&self->queue, queue);
    return fast_hand_off(cpu, self, to, now, frame);
}

#endif
