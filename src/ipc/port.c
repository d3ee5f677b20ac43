/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ports: birth, counts, death.
 *
 * A dying port destroys its messages, and a message can hold receive rights to
 * further ports. They are not torn down on the spot but put in a list that the
 * outermost port_destroy works off, so that a long chain of ports needs no deep stack.
 */
#include "ipc/kmsg.h"
#include "ipc/pager.h"

#include "kern/sched.h"

struct port *port_create(struct mk_machine *machine, enum mk_object kind, void *object)
{
    struct port *port = kmem_zalloc(&machine->kmem, sizeof(*port));
    if (!port)
        return NULL;
    port->refs = 1;
    port->object_kind = (uint8_t)kind;
    port->object = object;
    port->queue_limit = MK_QUEUE_DEFAULT;
    port->id = ++machine->next_port;
    list_init(&port->receivers);
    list_init(&port->senders);
    list_init(&port->member.link);
    list_init(&port->all_link);
    list_add_tail(&port->all_link, &machine->ports);
    machine->nr_ports++;
    const struct thread *self = machine->cpu->current;
    trace(machine->cpu, MK_TRACE_PORT_CREATE, port->id, self ? self->task->id : 0, 0);
    return port;
}

void port_release(struct mk_machine *machine, struct port *port)
{
    if (--port->refs > 0)
        return;
    kmem_free(&machine->kmem, port, sizeof(*port));
}

/*
 * `server` received from `at` last; is that the last that it received from? A thread's memory may be another's by now.
 */
static bool still_serves(const struct thread *server, const void *at)
{
    return server && server->state != THREAD_ENDED && server->served == at;
}

struct thread *port_server(const struct port *port)
{
    if (!port->space)
        return NULL;
    if (still_serves(port->server, port))
        return port->server;
    for (const struct portset *set = member_set(&port->member); set; set = member_set(&set->member))
        if (still_serves(set->server, set))
            return set->server;
    return NULL;
}

void port_senders_fell(struct mk_machine *machine, struct port *port)
{
    if (!port->nr_send && !port->is_dead && port->object_kind == MK_OBJECT_MEMORY) {
        memory_senders_gone(machine, port);
        return;
    }
    if (port->nr_send || port->is_dead || !port->notifies)
        return;
    struct notify *notify = notify_find(port, MK_NOTIFY_NO_SENDERS, NULL, MK_NAME_NULL);
    if (notify && port->make_count >= notify->sync) {
        notify_unlink(port, notify);
        notify_fire(machine, port, notify, (struct ref){0});
    }
}

void port_drop_send(struct mk_machine *machine, struct port *port, uint32_t n)
{
    port->nr_send -= n;
    port_senders_fell(machine, port);
    port_release(machine, port);
}

void port_drop_send_once(struct mk_machine *machine, struct port *port)
{
    port->nr_send_once--;
    if (!port->is_dead && port->object_kind == MK_OBJECT_NONE) {
        bool is_first = !port_has_message(port);
        port->nr_unused++;
        if (is_first)
            port_became_ready(port);
        /* all of them: one alone could be ended before it runs */
        sched_wake_all(machine->cpu, &port->receivers, MK_RETRY);
        portset_wake(member_set(&port->member));
    }
    port_release(machine, port);
}

static void tear_down(struct mk_machine *machine, struct port *port)
{
    struct cpu *cpu = machine->cpu;

    sched_wake_all(cpu, &port->receivers, MK_E_DEAD);
    sched_wake_all(cpu, &port->senders, MK_E_DEAD);
    while (!port->is_event && port->last_message) {
        struct kmsg *kmsg = port_first_message(port);
        port_unqueue_message(port);
        kmsg_destroy(machine, kmsg);
    }
    if (port->is_event)
        port->events = 0;
    port->nr_unused = 0;
    if (port->wants_room)
        notify_room(machine, port);
    while (port->notifies) {
        struct notify *notify = port->notifies;
        notify_unlink(port, notify);
        if (notify->event == MK_NOTIFY_DEAD_NAME) {
            struct entry *entry = space_lookup(notify->space, notify->name);
            notify_forget(entry, notify);
            if (entry->user_refs < MK_USER_REFS_MAX)
                entry->user_refs++;
            notify_fire(machine, port, notify, (struct ref){0});
        } else {
            ref_drop(machine, notify->to);
            kmsg_free(machine, notify->kmsg);
            kmem_free(&machine->kmem, notify, sizeof(*notify));
        }
    }
    port_release(machine, port);
}

/*
 * To whoever asked for the receive right instead of its death. False: nobody did, or the port would
 * travel in itself.
 */
static bool send_home(struct mk_machine *machine, struct port *port)
{
    struct notify *notify =
        port->object_kind == MK_OBJECT_NONE ? notify_find(port, MK_NOTIFY_PORT_DESTROYED, NULL, MK_NAME_NULL) : NULL;
    if (!notify)
        return false;
    for (const struct port *p = notify->to.port; p; p = p->space || p->object_kind ? NULL : p->transit)
        if (p == port || p->is_dead)
            return false;
    notify_unlink(port, notify);
    port->transit = notify->to.port;
    notify_fire(machine, port, notify, (struct ref){.type = MK_RIGHT_RECEIVE, .port = port});
    return true;
}

void port_destroy(struct mk_machine *machine, struct port *port)
{
    if (send_home(machine, port))
        return;
    port->is_dead = true;
    if (port->object_kind == MK_OBJECT_NONE)
        port->transit = NULL;
    if (port->is_pager)
        pager_port_died(machine, port);
    list_remove(&port->all_link);
    machine->nr_ports--;
    trace(machine->cpu, MK_TRACE_PORT_DEATH, port->id, 0, 0);
    list_add_tail(&port->all_link, &machine->dying_ports);
    if (machine->is_reaping)
        return;
    machine->is_reaping = true;
    while (!list_empty(&machine->dying_ports)) {
        struct port *dying = list_first(&machine->dying_ports, struct port, all_link);
        list_remove(&dying->all_link);
        tear_down(machine, dying);
    }
    machine->is_reaping = false;
}
