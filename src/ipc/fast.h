/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The short ways, for messages that are bytes only.
 *   - mk_call and mk_reply_receive, when the partner waits already and nobody stronger is ready: from buffer to
 *     buffer, and the CPU is handed over. No allocation, no queue, no pass through the scheduler.
 *   - mk_send and mk_receive through a queue that has room, when nobody waits.
 * Anything unusual makes them return NULL or false with nothing changed that the
 * long way (send.c) would not write again; it does the same, slowly.
 *
 * Times and counts are those of the long way, so that a traced run (which never
 * comes here) has the same clock.
 *
 * Fields are moved one by one, each loaded right before it is stored, because
 * there are more of them than registers. What a user stores with one width is
 * loaded with the same width: a wider load would wait for the stores.
 */
#ifndef IPC_FAST_H
#define IPC_FAST_H

#include "host/arch/x86_64/user.h"
#include "ipc/kmsg.h"
#include "kern/history.h"
#include "kern/sched.h"

#define FAST inline __attribute__((always_inline))

/* ---- names and headers ---- */

/* An entry of one of these types under a name that the kernel chose. */
static FAST struct entry *fast_lookup(const struct thread *self, mk_name_t name, uint32_t types)
{
    uint32_t index = name & NAME_INDEX_MASK;
    if (unlikely(index >= self->space->fresh))
        return NULL;
    struct entry *entry = &self->names[index];
    return likely(entry->name == name) && likely(entry->type & types) ? entry : NULL;
}

/* Body and its size, if the header can be read, to its end, and says that there is nothing else. */
static FAST bool fast_load(const struct mk_msg *msg, const void **bodyp, uint64_t *sizep)
{
    uint64_t body;
    uint32_t nr_rights, nr_memories;
    if (unlikely(!raw_probe_u64(msg)) || unlikely(!raw_load_u32(MSG_FIELD(msg, nr_rights), &nr_rights)) ||
        unlikely(!raw_load_u32(MSG_FIELD(msg, nr_memories), &nr_memories)) || unlikely(nr_rights | nr_memories) ||
        unlikely(!raw_probe_u64(MSG_FIELD(msg, events))) || unlikely(!raw_load_u64(MSG_FIELD(msg, size), sizep)) ||
        unlikely(!raw_load_u64(MSG_FIELD(msg, body), &body)))
        return false;
    *bodyp = (const void *)(uintptr_t)body;
    return likely(*sizep <= MK_BODY_MAX);
}

static FAST bool fast_copy_word(uint64_t to, uint64_t from)
{
    uint64_t word;
    return likely(raw_load_u64((const void *)from, &word)) && likely(raw_store_u64((void *)to, word));
}

static FAST bool fast_is_short(uint64_t size)
{
    return likely(!(size & 7)) && likely(size <= 64);
}

/* Short bodies by words, so that narrow stores just made are forwarded. */
static FAST bool fast_copy_short(uint64_t to, uint64_t from, uint64_t size)
{
    if (size & 8) {
        size -= 8;
        if (unlikely(!fast_copy_word(to + size, from + size)))
            return false;
    }
    for (from += size, to += size, size = -size; size; size += 16)
        if (unlikely(!fast_copy_word(to + size, from + size)) ||
            unlikely(!fast_copy_word(to + size + 8, from + size + 8)))
            return false;
    return true;
}

static FAST bool fast_copy(uint64_t to, uint64_t from, uint64_t size)
{
    return fast_is_short(size) ? fast_copy_short(to, from, size) : raw_copy((void *)to, (const void *)from, size);
}

/* Where a receiver's header says that the body goes, if it is large enough. */
static FAST bool fast_room(const struct mk_msg *msg, uint64_t size, uint64_t *bodyp)
{
    uint64_t capacity;
    return likely(raw_load_u64(MSG_FIELD(msg, capacity), &capacity)) && likely(size <= capacity) &&
           likely(raw_probe_u64(MSG_FIELD(msg, events))) && likely(raw_load_u64(MSG_FIELD(msg, body), bodyp));
}

/* All of a received header but id and status. */
static FAST bool fast_store(struct mk_msg *msg, uint64_t size, uint64_t badge, mk_name_t reply, mk_name_t port,
                            uint32_t seqno)
{
    return likely(raw_store_u64(MSG_FIELD(msg, size), size)) &&
           likely(raw_store_u64(MSG_FIELD(msg, nr_rights), 0)) /* and nr_memories */ &&
           likely(raw_store_u64(MSG_FIELD(msg, badge), badge)) &&
           likely(raw_store_u64(MSG_FIELD(msg, reply), reply | (uint64_t)port << 32)) &&
           likely(raw_store_u32(MSG_FIELD(msg, seqno), seqno));
}
_Static_assert(offsetof(struct mk_msg, nr_memories) == offsetof(struct mk_msg, nr_rights) + 4, "stored together");
_Static_assert(offsetof(struct mk_msg, port) == offsetof(struct mk_msg, reply) + 4, "stored together");

static FAST bool fast_forward_u32(void *to, const void *from)
{
    uint32_t word;
    return likely(raw_load_u32(from, &word)) && likely(raw_store_u32(to, word));
}

/*
 * The whole message from one header to the other. Threads may give the same buffer: only a copy in between is right
 * then.
 */
static FAST bool fast_deliver(struct mk_msg *to, const struct mk_msg *from, const void *body, uint64_t size,
                              uint64_t badge, mk_name_t reply, mk_name_t port, uint32_t seqno)
{
    uint64_t dst, src = (uintptr_t)body;
    return fast_room(to, size, &dst) && likely(dst - src >= size) && likely(src - dst >= size) &&
           likely(fast_copy(dst, src, size)) && fast_forward_u32(MSG_FIELD(to, id), MSG_FIELD(from, id)) &&
           fast_forward_u32(MSG_FIELD(to, status), MSG_FIELD(from, status)) &&
           fast_store(to, size, badge, reply, port, seqno);
}

/* ---- the scheduler's part ---- */

static FAST mk_time_t fast_copy_time(const struct cpu *cpu, uint64_t size)
{
    return cpu->copy_cost * (mk_time_t)((size + 63) / 64);
}

/*
 * Did touching the user's memory take time, which is to say a page fault? It may have woken a pager, and the clock
 * has moved: the long way starts anew from there.
 */
static FAST bool fast_has_faulted(const struct cpu *cpu, mk_time_t begun)
{
    return unlikely(cpu->now != begun);
}

/* May the current thread take a short way at all? */
static FAST bool fast_is_usual(const struct cpu *cpu)
{
    return likely(!cpu_is_unusual(cpu)) && likely(cpu->current) && likely(!stack_is_low(cpu->current));
}

/* May `to` have the CPU now? */
static FAST bool fast_may_run(const struct cpu *cpu, const struct thread *to, mk_time_t now)
{
    return likely(now < cpu->next_event) && likely(!to->flags) && likely(sched_none_stronger(cpu, to->priority));
}

/* The current thread waits at the kernel's door with this frame, and `to` has the CPU. Where to go on. */
static FAST void *fast_hand_off(struct cpu *cpu, struct thread *self, struct thread *to, mk_time_t now, void *frame)
{
    self->state = THREAD_BLOCKED;
    self->run_time += now - cpu->run_start;
    self->context.sp = frame;
    cpu->now = cpu->run_start = now;
    to->state = THREAD_RUNNING;
    to->wait_status = MK_OK;
    to->nr_switches++;
    cpu->nr_switches++;
    cpu->nr_sends++;
    cpu->current = to;
    return to->context.sp;
}

/* ---- call, and reply_receive ---- */

/*
 * Who waits for a message of this port, at the port or at the set that it is in, which will note in *serverp who
 * received. Sets in sets go the long way.
 */
static FAST struct thread *fast_receiver(struct port *port, struct thread ***serverp)
{
    const struct list *receivers = &port->receivers;
    *serverp = &port->server;
    if (list_empty(receivers)) {
        struct portset *set = member_set(&port->member);
        if (!set || list_empty(&set->receivers))
            return NULL;
        receivers = &set->receivers;
        *serverp = &set->server;
    }
    return port->is_dead || port->is_event ? NULL : list_first(receivers, struct thread, queue);
}

/* The stack pointer to go on with, or NULL: go the long way. */
static FAST void *fast_call(struct cpu *cpu, mk_name_t dest, struct mk_msg *msg, void *frame)
{
    struct thread *self = cpu->current;
    const void *body;
    uint64_t size;
    mk_time_t begun = cpu->now;

    if (!fast_is_usual(cpu) || unlikely(!fast_load(msg, &body, &size)))
        return NULL;
    const struct entry *entry = fast_lookup(self, dest, MK_RIGHT_SEND);
    if (unlikely(!entry))
        return NULL;
    struct port *port = entry->port;
    struct thread **serverp, *to = fast_receiver(port, &serverp);
    if (unlikely(!to))
        return NULL;
    struct space *space = to->space;
    mk_time_t now = begun + cpu->call_cost + fast_copy_time(cpu, size);
    if (!fast_may_run(cpu, to, now) || unlikely(self->priority > to->base_priority) ||
        unlikely(space->nr_free < SPACE_FREE_MIN))
        return NULL;
    struct entry *reply = &to->names[space->free];
    if (unlikely(!fast_deliver(to->msg, msg, body, size, entry->badge, reply->name, port->name, port->seqno)) ||
        fast_has_faulted(cpu, begun))
        return NULL;

    /* commit */
    uint64_t serial = self->serial + 1;
    history_note_short(self, HISTORY_CALL);
    self->serial = serial;
    self->msg = msg;
    self->call_port = port->id;
    self->lent_to = to;
    self->lent_to_id = to->id;
    self->wait = MK_WAIT_REPLY;
    space->free = reply->next_free;
    space->nr_free--;
    space->nr_names++;
    reply->type = ENTRY_REPLY;
    reply->user_refs = 1;
    reply->requests = NULL;
    reply->caller = self;
    reply->serial = serial;
    port->seqno++;
    *serverp = to;
    to->served = to->wait_object;
    list_remove(&to->queue);
    cpu->nr_calls++;
    return fast_hand_off(cpu, self, to, now, frame);
}

/* Where a thread will wait that receives at this entry; NULL: there is a message, or something to be done first. */
static FAST struct list *fast_waiters(const struct entry *entry)
{
    if (likely(entry->type & MK_RIGHT_RECEIVE)) {
        struct port *port = entry->port;
        return likely(!port_has_message(port)) && likely(list_empty(&port->senders)) && likely(!port->wants_room)
                   ? &port->receivers
                   : NULL;
    }
    struct portset *set = entry->set;
    return list_empty(&set->ready) && !set->nr_rendezvous ? &set->receivers : NULL;
}

/* The last access: the reply right's name goes from the header, unless the long way must find it there. */
static FAST bool fast_use_up(const struct cpu *cpu, struct mk_msg *msg, uint32_t name, mk_time_t begun)
{
    if (unlikely(!raw_store_u32(MSG_FIELD(msg, reply), MK_NAME_NULL)))
        return false;
    if (!fast_has_faulted(cpu, begun))
        return true;
    raw_store_u32(MSG_FIELD(msg, reply), name);
    return false;
}

static FAST void *fast_reply_receive(struct cpu *cpu, mk_name_t receive, struct mk_msg *msg, void *frame)
{
    struct thread *self = cpu->current;
    const void *body;
    uint64_t size;
    uint32_t name;
    mk_time_t begun = cpu->now;

    if (!fast_is_usual(cpu) || unlikely(!fast_load(msg, &body, &size)) ||
        unlikely(!raw_load_u32(MSG_FIELD(msg, reply), &name)))
        return NULL;
    struct space *space = self->space;
    struct entry *reply = fast_lookup(self, name, ENTRY_REPLY);
    const struct entry *entry = fast_lookup(self, receive, MK_RIGHT_RECEIVE | MK_RIGHT_PORT_SET);
    if (unlikely(!reply) || unlikely(!entry) || unlikely(space->nr_chosen))
        return NULL;
    struct list *queue = fast_waiters(entry);
    struct thread *to = reply->caller;
    mk_time_t now = begun + cpu->call_cost + fast_copy_time(cpu, size);
    if (unlikely(!queue) || unlikely(!reply_is_valid(to, reply->serial)) || !fast_may_run(cpu, to, now) ||
        unlikely(!fast_deliver(to->msg, msg, body, size, 0, MK_NAME_NULL, MK_NAME_NULL, 0)) ||
        !fast_use_up(cpu, msg, name, begun))
        return NULL;

    /* commit */
    history_note_short(self, HISTORY_REPLY_RECEIVE);
    to->serial++;
    space_free_entry(space, reply, name + NAME_FIRST < NAME_FIRST ? name + 2 * NAME_FIRST : name + NAME_FIRST);
    self->msg = msg;
    self->wait = MK_WAIT_RECEIVE;
    self->door_name = receive;
    self->wait_object = entry->port;
    list_add_tail(&self->queue, queue);
    return fast_hand_off(cpu, self, to, now, frame);
}

/* ---- send and receive ----
 *
 * Each is there twice. As a leaf, for short bodies and ports outside sets, it
 * calls nothing and needs no stack. Else it may call.
 */

/* Is the time up then? A leaf leaves that to others. */
static FAST bool fast_is_due(const struct cpu *cpu, mk_time_t now)
{
    return unlikely(now >= cpu->next_event);
}

/* A send that is bytes alone. */
static FAST bool fast_is_plain(const struct mk_msg *msg)
{
    uint32_t nr_rights, nr_memories, reply;
    return likely(raw_load_u32(MSG_FIELD(msg, nr_rights), &nr_rights)) &&
           likely(raw_load_u32(MSG_FIELD(msg, nr_memories), &nr_memories)) &&
           likely(raw_load_u32(MSG_FIELD(msg, reply), &reply)) && likely(!(nr_rights | nr_memories | reply)) &&
           likely(raw_probe_u64(MSG_FIELD(msg, events)));
}

/* What the sender's header says, into the message. Its body's address is in *bodyp. */
static FAST bool fast_fill(struct kmsg *kmsg, const struct mk_msg *msg, uint64_t size, bool is_leaf)
{
    uint64_t body;
    uint32_t status;
    if (unlikely(!raw_load_u64(MSG_FIELD(msg, body), &body)) ||
        unlikely(!(is_leaf ? fast_copy_short((uint64_t)&kmsg->reply, body, size)
                           : fast_copy((uint64_t)&kmsg->reply, body, size))) ||
        unlikely(!raw_load_u32(MSG_FIELD(msg, id), &kmsg->id)) ||
        unlikely(!raw_load_u32(MSG_FIELD(msg, status), &status)))
        return false;
    kmsg->status = (mk_err_t)status;
    kmsg->size = kmsg->max_size = (uint32_t)size;
    kmsg->load = KMSG_BARE;
    return true;
}

/* Into the queue. */
static FAST bool fast_send(struct cpu *cpu, mk_name_t dest, const struct mk_msg *msg, bool is_leaf)
{
    uint64_t size;
    mk_time_t begun = cpu->now;

    if (unlikely(cpu_is_unusual(cpu)) || unlikely(!cpu->current) ||
        (!is_leaf && unlikely(stack_is_low(cpu->current))) || !fast_is_plain(msg))
        return false;
    const struct entry *entry = fast_lookup(cpu->current, dest, MK_RIGHT_SEND);
    if (unlikely(!entry) || unlikely(!raw_load_u64(MSG_FIELD(msg, size), &size)) ||
        (is_leaf && (!fast_is_short(size) || fast_is_due(cpu, cpu->now + cpu->entry_cost + cpu->copy_cost))))
        return false;
    struct port *port = entry->port;
    if (unlikely(port->is_dead || port->is_event || port->object_kind) || unlikely(port_is_full(port)) ||
        (is_leaf ? unlikely(port->member.owner) || unlikely(!list_empty(&port->receivers))
                 : unlikely(!list_empty(port_receivers(port)))))
        return false;
    if (!is_leaf && unlikely(size > KMEM_SMALL - kmsg_bare_bytes(0)))
        return false;
    struct kmem *kmem = &cpu->machine->kmem;
    size_t bytes = kmsg_bare_bytes((uint32_t)size);
    struct kmsg *kmsg = is_leaf ? kmem_pop(kmem, bytes) : kmem_alloc(kmem, bytes);
    if (unlikely(!kmsg))
        return false;
    if (unlikely(!fast_fill(kmsg, msg, size, is_leaf)) || fast_has_faulted(cpu, begun)) {
        kmem_push(kmem, kmsg, bytes);
        return false;
    }
    history_note_short(cpu->current, HISTORY_SEND);
    kmsg->badge = entry->badge;
    kmsg->number = ++cpu->nr_sends;
    cpu->machine->nr_messages++;
    cpu->now += cpu->entry_cost + (is_leaf ? (size ? cpu->copy_cost : 0) : fast_copy_time(cpu, size));
    bool is_first = !is_leaf && !port_has_message(port);
    port_queue_message(port, kmsg);
    if (is_first && port->member.owner)
        port_became_ready(port);
    if (!is_leaf && fast_is_due(cpu, cpu->now))
        sched_point(cpu);
    return true;
}

/* Out of the queue of a port. A set goes the long way, and so does what changes who serves the port. */
static FAST bool fast_receive(struct cpu *cpu, mk_name_t receive, struct mk_msg *msg, bool is_leaf)
{
    struct thread *self = cpu->current;
    uint64_t body;
    mk_time_t begun = cpu->now;

    if (unlikely(cpu_is_unusual(cpu)) || unlikely(!self) || (!is_leaf && unlikely(stack_is_low(self))) ||
        (is_leaf && fast_is_due(cpu, cpu->now + cpu->entry_cost)))
        return false;
    const struct entry *entry = fast_lookup(self, receive, MK_RIGHT_RECEIVE);
    if (unlikely(!entry))
        return false;
    struct port *port = entry->port;
    if (unlikely(!port->nr_queued) || unlikely(!list_empty(&port->senders)) || unlikely(port->wants_room) ||
        unlikely(port->server != self) || unlikely(self->served != port) || (is_leaf && unlikely(port->member.owner)))
        return false;
    struct kmsg *kmsg = port->last_message->next;
    uint64_t size = kmsg->size;
    if (unlikely(kmsg->load != KMSG_BARE) || !fast_room(msg, size, &body) || (is_leaf && !fast_is_short(size)) ||
        unlikely(!(is_leaf ? fast_copy_short(body, (uint64_t)&kmsg->reply, size)
                           : fast_copy(body, (uint64_t)&kmsg->reply, size))) ||
        unlikely(!raw_store_u32(MSG_FIELD(msg, id), kmsg->id)) ||
        unlikely(!raw_store_u32(MSG_FIELD(msg, status), (uint32_t)kmsg->status)) ||
        unlikely(!fast_store(msg, size, kmsg->badge, MK_NAME_NULL, port->name, port->seqno)) ||
        fast_has_faulted(cpu, begun))
        return false;
    history_note_short(self, HISTORY_RECEIVE);
    self->msg = msg;
    self->door_name = receive;
    port->seqno++;
    port_unqueue_message(port);
    cpu->machine->nr_messages--;
    kmem_push(&cpu->machine->kmem, kmsg, kmsg_bare_bytes((uint32_t)size));
    cpu->now += cpu->entry_cost;
    if (!is_leaf && port->member.owner)
        port_took_turn(port);
    if (!is_leaf && fast_is_due(cpu, cpu->now))
        sched_point(cpu);
    return true;
}

#endif
