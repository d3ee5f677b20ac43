/* SPDX-License-Identifier: BSD-2-Clause */
/* Room in the queue of a port, step 2 of a message's life; see send.c. */
#include "ipc/sending.h"
#include "kern/choice.h"
#include "kern/sched.h"

static void wake_sender(struct cpu *cpu, struct port *port)
{
    struct thread *sender = list_entry(choice_from(cpu, CHOICE_WAKE, &port->senders), struct thread, queue);
    port->nr_reserved++; /* nobody else gets the room while the sender is on its way */
    port->refs++;
    sender->slot = port;
    sched_wake(cpu, sender, MK_OK);
}

void wake_senders(struct cpu *cpu, struct port *port)
{
    while (!list_empty(&port->senders) && !port_is_full(port))
        wake_sender(cpu, port);
    if (unlikely(port->wants_room) && !port_is_full(port))
        notify_room(cpu->machine, port);
}

/*
 * At a port that queues nothing as many senders may come as receivers wait, `nr_coming` of which are about to.
 * True: notices of the room were sent.
 */
static bool invite(struct cpu *cpu, struct port *port, uint32_t nr_coming)
{
    if (port->queue_limit)
        return false;
    uint32_t nr_receivers = (uint32_t)list_count(port_receivers(port)) + nr_coming;
    while (!list_empty(&port->senders) && port->nr_reserved < nr_receivers)
        wake_sender(cpu, port);
    if (likely(!port->wants_room) || port->nr_reserved >= nr_receivers)
        return false;
    notify_room(cpu->machine, port);
    return true;
}

static bool invite_one(struct cpu *cpu, struct port *port)
{
    return invite(cpu, port, 1);
}

bool invite_senders(struct cpu *cpu, const struct entry *entry)
{
    return entry->type & MK_RIGHT_RECEIVE ? invite(cpu, entry->port, 1)
                                          : portset_each_rendezvous(entry->set, invite_one, cpu);
}

void give_slot_back(struct cpu *cpu, struct thread *thread)
{
    struct port *port = thread->slot;
    if (!port)
        return;
    thread->slot = NULL;
    port->nr_reserved--;
    if (!port->is_dead) {
        wake_senders(cpu, port);
        invite(cpu, port, 0);
    }
    port_release(cpu->machine, port);
}

void port_set_limit(struct cpu *cpu, struct port *port, uint16_t limit)
{
    portset_count_rendezvous(port, (limit == 0) - (port->queue_limit == 0));
    port->queue_limit = limit;
    wake_senders(cpu, port);
    invite(cpu, port, 0);
}

void ipc_thread_ended(struct cpu *cpu, struct thread *thread)
{
    give_slot_back(cpu, thread);
    if (thread->unsent)
        sending_cancel(cpu, thread->unsent);
    thread->unsent = NULL;
    if (thread->held)
        port_release(cpu->machine, thread->held);
    thread->held = NULL;
}
