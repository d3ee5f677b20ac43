/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Room in the queue of a port, step 2 of a message's life; see send.c.
 *
 * A sender that waits has done step 1. Whoever makes room completes its send:
 * checks the names anew, commits, delivers. So nothing is kept for a thread that
 * may not run for long, messages come in the order in which their senders
 * waited, and a caller goes straight on to wait for its answer.
 */
#include "ipc/sending.h"
#include "kern/choice.h"
#include "kern/sched.h"

/* Steps 3 and 4 for a sender that waits. It is told how that went, or waits for its answer now. */
static void admit(struct cpu *cpu, struct thread *sender)
{
    struct sending *s = sender->unsent;
    struct thread *heir = NULL;
    mk_err_t err = sending_check(s);
    if (err) {
        sched_wake(cpu, sender, err);
        return;
    }
    list_remove(&sender->queue);
    sender->unsent = NULL;
    s->is_sent = true;
    if (s->is_call) {
        sender->wait = MK_WAIT_REPLY;
        trace_for(cpu, sender, MK_TRACE_BLOCK, sender->id, MK_WAIT_REPLY, 0);
    }
    send_commit(cpu, s, &heir);
    if (!s->is_call)
        sched_wake(cpu, sender, MK_OK);
    if (heir)
        sched_ready(cpu, heir);
}

static void admit_first(struct cpu *cpu, struct port *port)
{
    admit(cpu, list_entry(choice_from(cpu, CHOICE_WAKE, &port->senders), struct thread, queue));
}

void port_admit(struct cpu *cpu, struct port *port)
{
    port->refs++; /* what a message carries can be the port's end */
    while (!list_empty(&port->senders) && !port_is_full(port))
        admit_first(cpu, port);
    if (unlikely(port->wants_room) && !port_is_full(port))
        notify_room(cpu->machine, port);
    port_release(cpu->machine, port);
}

/* At a port that queues nothing a receiver that is about to wait lets one sender come. */
static bool invite(struct cpu *cpu, struct port *port)
{
    if (port->queue_limit)
        return false;
    if (!list_empty(&port->senders))
        admit_first(cpu, port);
    else if (port->wants_room)
        notify_room(cpu->machine, port);
    else
        return false;
    return true;
}

bool invite_sender(struct cpu *cpu, const struct entry *entry)
{
    return entry->type & MK_RIGHT_RECEIVE ? invite(cpu, entry->port) : portset_each_rendezvous(entry->set, invite, cpu);
}

void port_set_limit(struct cpu *cpu, struct port *port, uint16_t limit)
{
    portset_count_rendezvous(port, (limit == 0) - (port->queue_limit == 0));
    port->queue_limit = limit;
    port_admit(cpu, port);
}

void ipc_thread_ended(struct cpu *cpu, struct thread *thread)
{
    if (thread->unsent)
        sending_cancel(cpu, thread->unsent);
    thread->unsent = NULL;
    if (thread->late)
        kmsg_destroy(cpu->machine, thread->late);
    thread->late = NULL;
    if (thread->held)
        port_release(cpu->machine, thread->held);
    thread->held = NULL;
}
