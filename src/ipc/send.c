/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sending and receiving, the long way: with rights, memory, queues, waiting, deadlines.
 * The short ways, for bytes alone, are fast.h.
 *
 * The life of a message (ARCHITECTURE.md tells it with the numbers used here):
 *   (1) decode (sending.c): read the user's header, find the right, allocate, copy in. Everything that can fail.
 *   (2) wait for room in the queue, if it is full (here and room.c); then check the names anew.
 *   (3) commit (sending.c): memory and rights leave the sender, the send-once right is used up.
 *   (4) deliver (deliver.c): into the buffers of a waiting receiver, or into the queue.
 *   (5) receive (deliver.c, receive.c): make names, copy out, wake a sender that waits for the room.
 */
#include "ipc/sending.h"
#include "kern/lend.h"
#include "kern/sched.h"

/* What would wait in its own queue is collected at once, as in Mach (ipc_kmsg_copyin: a circular message). */
static void destroy_circular(struct cpu *cpu, struct sending *s)
{
    struct space *space = cpu->current->space;
    struct port *once = s->dest->type == MK_RIGHT_SEND_ONCE ? s->dest->port : NULL;
    if (once)
        notify_cancel_entry(cpu->machine, s->dest);
    sending_commit_rights(space, s, NULL);
    if (once) { /* used up */
        space_give_back(space, s->dest);
        once->nr_send_once--;
    }
    kmsg_destroy(cpu->machine, s->kmsg);
    if (once)
        port_release(cpu->machine, once);
}

/* To a send-once right or a right to answer: never waits. */
static void send_once(struct cpu *cpu, struct sending *s, struct thread **heirp)
{
    struct space *space = cpu->current->space;
    struct entry entry = *s->dest;
    if (entry.type != ENTRY_REPLY)
        notify_cancel_entry(cpu->machine, s->dest);
    sending_commit_rights(space, s, entry.type == ENTRY_REPLY ? NULL : entry.port);
    space_give_back(space, s->dest);
    if (entry.type == ENTRY_REPLY) {
        *heirp = reply_deliver(cpu, entry.caller, s->kmsg);
        return;
    }
    s->kmsg->badge = entry.badge;
    entry.port->nr_send_once--;
    *heirp = port_deliver(cpu, entry.port, s->kmsg);
    port_release(cpu->machine, entry.port);
}

/* Step 2. The caller looks at everything anew after success. */
static mk_err_t wait_for_room(struct cpu *cpu, struct port *port, struct sending *s, mk_time_t deadline, bool is_call)
{
    struct thread *self = cpu->current;
    mk_err_t err = sched_may_wait(cpu, deadline);
    if (err)
        return err;
    if (self->slot) /* invited, but another sender was quicker */
        give_slot_back(cpu, self);
    self->unsent = s;
    lend_to(cpu, self, is_call ? port_server(port) : NULL);
    err = sched_block(cpu, &port->senders, MK_WAIT_SEND, port, deadline, NULL);
    self->unsent = NULL;
    return err;
}

static bool must_wait(const struct thread *self, const struct sending *s)
{
    struct port *port = s->dest->port;
    return s->dest->type & MK_RIGHT_SEND && !s->is_circular &&
           (port->queue_limit == 0 || (!self->slot && port_is_full(port))) && list_empty(port_receivers(port));
}

static void send_queued(struct cpu *cpu, struct sending *s, struct thread **heirp)
{
    struct port *port = s->dest->port;
    s->kmsg->badge = s->dest->badge;
    port->refs++; /* the sender's right may be the last, and travel in the message */
    sending_commit_rights(cpu->current->space, s, port);
    *heirp = port_deliver(cpu, port, s->kmsg);
    port_release(cpu->machine, port);
}

void send_commit(struct cpu *cpu, struct sending *s, struct thread **heirp)
{
    if (s->is_circular)
        destroy_circular(cpu, s);
    else if (s->dest->type & MK_RIGHT_SEND)
        send_queued(cpu, s, heirp);
    else
        send_once(cpu, s, heirp);
}

mk_err_t send_message(struct cpu *cpu, struct sending *s, mk_time_t deadline, bool is_call, struct thread **heirp)
{
    struct thread *self = cpu->current;
    mk_err_t err;

    for (;;) {
        err = sending_check(self->space, s, !is_call);
        if (!err && entry_is_dead(s->dest))
            err = MK_E_DEAD;
        if (err || !must_wait(self, s))
            break;
        err = wait_for_room(cpu, s->dest->port, s, deadline, is_call);
        if (err)
            break;
    }
    if (!err)
        err = sending_commit_memory(cpu, s);
    if (err) {
        sending_cancel(cpu, s);
        give_slot_back(cpu, self);
        return err;
    }
    if (is_call) {
        lend_to(cpu, self, NULL);
        self->serial++;
        s->kmsg->reply = (struct ref){.type = ENTRY_REPLY, .caller = self, .serial = self->serial};
    }
    send_commit(cpu, s, heirp);
    give_slot_back(cpu, self); /* used, or left over because the message went to a receiver at once */
    return MK_OK;
}

mk_err_t ipc_send(struct cpu *cpu, mk_name_t dest, struct mk_msg *msg, mk_time_t deadline)
{
    struct sending s;
    struct thread *heir = NULL;
    mk_err_t err = sending_begin(cpu, msg, &s);
    s.dest_name = dest;
    if (!err)
        err = send_message(cpu, &s, deadline, false, &heir);
    if (heir)
        sched_ready(cpu, heir);
    return err;
}
