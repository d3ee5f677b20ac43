/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Event ports: a word of bits instead of a queue. A signal goes to a thread
 * that waits, at the port or at a set around it, with all that is pending; else
 * it is OR-ed into the word. So while a thread waits the word is 0.
 */
#include "ipc/sending.h"

#include "kern/choice.h"
#include "kern/sched.h"

/* The bits into the header of a thread that receives. False: it cannot be written. */
static bool store_events(const struct thread *thread, const struct port *port, uint64_t bits)
{
    struct mk_msg *msg = thread->msg;
    return raw_store_u32(MSG_FIELD(msg, id), MK_NOTIFY_ID + MK_NOTIFY_EVENT) &&
           raw_store_u32(MSG_FIELD(msg, status), MK_OK) && raw_store_u64(MSG_FIELD(msg, size), 0) &&
           raw_store_u32(MSG_FIELD(msg, nr_rights), 0) && raw_store_u32(MSG_FIELD(msg, nr_memories), 0) &&
           raw_store_u64(MSG_FIELD(msg, badge), MK_BADGE_KERNEL) &&
           raw_store_u32(MSG_FIELD(msg, reply), MK_NAME_NULL) && raw_store_u32(MSG_FIELD(msg, port), port->name) &&
           raw_store_u32(MSG_FIELD(msg, seqno), port->seqno) && raw_store_u64(MSG_FIELD(msg, events), bits);
}

/* The current thread has the pending bits now. */
static void take_word(struct cpu *cpu, struct port *port)
{
    trace(cpu, MK_TRACE_EVENTS, port->id, port->events, 0);
    port->events = 0;
    port->seqno++;
    port_took_turn(port);
}

mk_err_t event_take(struct cpu *cpu, struct port *port)
{
    if (!store_events(cpu->current, port, port->events))
        return MK_E_BAD_ADDRESS; /* the bits stay */
    take_word(cpu, port);
    return MK_OK;
}

/* Into the hands of a thread that waits. False: it could not take them. */
static bool event_deliver(struct cpu *cpu, struct port *port, struct thread *thread, uint64_t bits)
{
    bool is_taken = true;
    cpu->is_missing = false;
    if (thread->wait == MK_WAIT_EVENT)
        thread->events = bits;
    else
        is_taken = store_events(thread, port, bits);
    if (is_taken) {
        port->seqno++;
        trace_for(cpu, thread, MK_TRACE_EVENTS, port->id, bits, 0);
    }
    sched_wake(cpu, thread, is_taken ? MK_OK : cpu->is_missing ? MK_RETRY : MK_E_BAD_ADDRESS);
    return is_taken;
}

/* To the first thread that can take them, else into the word. */
static void event_raise(struct cpu *cpu, struct port *port, uint64_t bits)
{
    struct list *receivers;
    while (!list_empty(receivers = port_receivers(port))) {
        struct thread *thread = list_entry(choice_from(cpu, CHOICE_WAKE, receivers), struct thread, queue);
        if (event_deliver(cpu, port, thread, bits))
            return;
    }
    bool is_first = !port->events;
    port->events |= bits;
    if (is_first)
        port_became_ready(port);
}

mk_err_t ipc_event_signal(struct cpu *cpu, mk_name_t dest, uint64_t bits)
{
    const struct entry *entry = space_lookup(cpu->current->space, dest);
    if (unlikely(!entry))
        return dest == MK_NAME_DEAD ? MK_E_DEAD : MK_E_BAD_NAME;
    if (unlikely(!(entry->type & MK_RIGHT_SEND)))
        return MK_E_BAD_RIGHT;
    struct port *port = entry->port;
    if (unlikely(!port->is_event))
        return port->is_dead ? MK_E_DEAD : MK_E_BAD_RIGHT;
    if (unlikely(port->is_dead))
        return MK_E_DEAD;
    if (unlikely(bits & ~entry->badge) && entry->badge)
        return MK_E_NO_ACCESS;
    trace(cpu, MK_TRACE_SIGNAL, port->id, bits, port->events | bits);
    if (!bits)
        return MK_OK;
    event_raise(cpu, port, bits);
    return MK_OK;
}

mk_err_t ipc_event_wait(struct cpu *cpu, mk_name_t receive, uint64_t *bitsp, mk_time_t deadline)
{
    struct thread *self = cpu->current;
    const struct entry *entry = space_lookup(self->space, receive);
    if (!entry)
        return MK_E_BAD_NAME;
    if (!(entry->type & MK_RIGHT_RECEIVE) || !entry->port->is_event)
        return MK_E_BAD_RIGHT;
    struct port *port = entry->port;
    if (!user_store_u64(bitsp, port->events))
        return MK_E_BAD_ADDRESS;
    if (port->events) {
        take_word(cpu, port);
        return MK_OK;
    }
    mk_err_t err = sched_may_wait(cpu, deadline);
    if (err)
        return err;
    port->refs++;
    self->held = port;
    err = sched_block(cpu, &port->receivers, MK_WAIT_EVENT, port, deadline, NULL);
    if (!err && !user_store_u64(bitsp, self->events)) { /* it could be written when the wait began */
        if (!port->is_dead) {
            port->seqno--;
            event_raise(cpu, port, self->events);
        }
        err = MK_E_BAD_ADDRESS;
    }
    self->held = NULL;
    port_release(cpu->machine, port);
    return err;
}
