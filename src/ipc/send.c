/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sending and receiving, the long way: with rights, memory, queues, waiting, deadlines.
 * The short ways, for bytes alone, are fast.h.
 *
 * The life of a message (ARCHITECTURE.md tells it with the numbers used here):
 *   (1) decode (sending.c): read the user's header, find the right, allocate, copy in. Everything that can fail.
 *   (2) wait for room in the queue, if it is full: who makes room does the rest for a sender that waits (room.c).
 *   (3) commit (sending.c): memory and rights leave the sender, the send-once right is used up.
 *   (4) deliver (deliver.c): into the buffers of a waiting receiver, or into the queue.
 *   (5) receive (deliver.c, receive.c): make names, copy out, let in who waits for the room.
 */
#include "ipc/sending.h"
#include "kern/lend.h"
#include "kern/sched.h"

/* What would wait in its own queue is collected at once, as in Mach (ipc_kmsg_copyin: a circular message). */
static void destroy_circular(struct cpu *cpu, struct sending *s)
{
    struct space *space = s->sender->space;
    struct port *once = s->dest->type == MK_RIGHT_SEND_ONCE ? s->dest->port : NULL;
    if (once)
        notify_cancel_entry(cpu->machine, s->dest);
    sending_commit_rights(s, NULL);
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
    struct entry dest = *s->dest;
    bool is_answer = dest.type == ENTRY_REPLY;
    if (!is_answer)
        notify_cancel_entry(cpu->machine, s->dest);
    sending_commit_rights(s, is_answer ? NULL : dest.port);
    space_give_back(s->sender->space, s->dest);
    if (is_answer) {
        *heirp = reply_deliver(cpu, dest.caller, s->kmsg);
        return;
    }
    s->kmsg->badge = dest.badge;
    dest.port->nr_send_once--;
    *heirp = port_deliver(cpu, dest.port, s->kmsg);
    port_release(cpu->machine, dest.port);
}

static void send_queued(struct cpu *cpu, struct sending *s, struct thread **heirp)
{
    struct port *port = s->dest->port;
    s->kmsg->badge = s->dest->badge;
    port->refs++; /* the sender's right may be the last, and travel in the message */
    sending_commit_rights(s, port);
    *heirp = port_deliver(cpu, port, s->kmsg);
    port_release(cpu->machine, port);
}

void send_commit(struct cpu *cpu, struct sending *s, struct thread **heirp)
{
    sending_commit_memory(s);
    if (s->is_call)
        kmsg_expect_answer(s->kmsg, s->sender);
    if (s->is_circular)
        destroy_circular(cpu, s);
    else if (s->dest->type & MK_RIGHT_SEND)
        send_queued(cpu, s, heirp);
    else
        send_once(cpu, s, heirp);
}

static bool must_wait(const struct sending *s)
{
    struct port *port = s->dest->port;
    return s->dest->type & MK_RIGHT_SEND && !s->is_circular && port_is_full(port) && list_empty(port_receivers(port));
}

/* Step 2. Who makes room does the rest (room.c); else the error why it was not sent. */
static mk_err_t wait_for_room(struct cpu *cpu, struct port *port, struct sending *s, mk_time_t deadline)
{
    struct thread *self = cpu->current;
    mk_err_t err = sched_may_wait(cpu, deadline);
    if (err)
        return err;
    self->unsent = s;
    lend_to(cpu, self, s->is_call ? port_server(port) : NULL);
    err = sched_block(cpu, &port->senders, MK_WAIT_SEND, port, deadline, NULL);
    self->unsent = NULL;
    return err;
}

mk_err_t send_message(struct cpu *cpu, struct sending *s, mk_time_t deadline, struct thread **heirp)
{
    mk_err_t err = sending_check(s);
    if (!err && must_wait(s)) {
        err = wait_for_room(cpu, s->dest->port, s, deadline);
        if (s->is_sent)
            return err;
    }
    if (err)
        sending_cancel(cpu, s);
    else
        send_commit(cpu, s, heirp);
    return err;
}

mk_err_t ipc_send(struct cpu *cpu, mk_name_t dest, struct mk_msg *msg, mk_time_t deadline)
{
    struct sending s;
    struct thread *heir = NULL;
    mk_err_t err = sending_begin(cpu, dest, msg, &s);
    if (!err) {
        s.with_reply = true;
        err = send_message(cpu, &s, deadline, &heir);
    }
    if (heir)
        sched_ready(cpu, heir);
    return err;
}
