/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ports: birth, counts, death.
 *
 * A dying port destroys its messages, and a message can hold receive rights to
 * further ports. They are not torn down on the spot but put in a list that the
 * outermost port_destroy works off, so that a long chain of ports needs no deep stack.
 */
#include "ipc/ipc.h"

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
    list_init(&port->messages);
    list_init(&port->receivers);
    list_init(&port->senders);
    list_init(&port->set_link);
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

void port_update_set(struct port *port)
{
    if (!port->set)
        return;
    list_remove(&port->set_link);
    list_add_tail(&port->set_link, port_has_message(port) ? &port->set->ready : &port->set->idle);
}

void port_senders_fell(struct mk_machine *machine, struct port *port)
{
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
        struct list *receivers = !list_empty(&port->receivers) || !port->set ? &port->receivers : &port->set->receivers;
        bool is_first = !port_has_message(port);
        port->nr_unused++;
        if (is_first)
            port_update_set(port);
        sched_wake_all(machine->cpu, receivers, MK_RETRY); /* all: one alone could be ended before it runs */
    }
    port_release(machine, port);
}

static void tear_down(struct mk_machine *machine, struct port *port)
{
    struct cpu *cpu = machine->cpu;

    sched_wake_all(cpu, &port->receivers, MK_E_DEAD);
    sched_wake_all(cpu, &port->senders, MK_E_DEAD);
    while (!list_empty(&port->messages)) {
        struct kmsg *kmsg = list_first(&port->messages, struct kmsg, link);
        list_remove(&kmsg->link);
        port->nr_queued--;
        kmsg_destroy(machine, kmsg);
    }
    port->nr_unused = 0;
    while (port->notifies) {
        struct notify *notify = port->notifies;
        notify_unlink(port, notify);
        if (notify->event == MK_NOTIFY_DEAD_NAME) {
            struct entry *entry = space_lookup(notify->space, notify->name);
            entry->dead_name = NULL;
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

/* ---- port sets ---- */

mk_err_t portset_create(struct space *space, struct portset **setp, mk_name_t *namep)
{
    struct mk_machine *machine = space->machine;
    mk_err_t err = space_reserve(space, 1);
    if (err)
        return err;
    struct portset *set = kmem_zalloc(&machine->kmem, sizeof(*set));
    if (!set)
        return MK_E_NO_MEMORY;
    set->id = ++machine->next_port;
    set->space = space;
    list_init(&set->ready);
    list_init(&set->idle);
    list_init(&set->receivers);
    list_add_tail(&set->all_link, &machine->sets);
    struct entry *entry = space_take(space, MK_RIGHT_PORT_SET);
    entry->set = set;
    *setp = set;
    *namep = entry->name;
    return MK_OK;
}

void portset_destroy(struct space *space, struct entry *entry)
{
    struct portset *set = entry->set;
    while (!list_empty(&set->ready))
        portset_remove(list_first(&set->ready, struct port, set_link));
    while (!list_empty(&set->idle))
        portset_remove(list_first(&set->idle, struct port, set_link));
    sched_wake_all(space->machine->cpu, &set->receivers, MK_E_DEAD);
    list_remove(&set->all_link);
    kmem_free(&space->machine->kmem, set, sizeof(*set));
    space_give_back(space, entry);
}

void portset_add(struct portset *set, struct port *port)
{
    struct cpu *cpu = set->space->machine->cpu;
    port->set = set;
    set->nr_rendezvous += port->queue_limit == 0;
    port_update_set(port);
    if (port_has_message(port)) /* whoever waits at the set looks again */
        sched_wake_all(cpu, &set->receivers, MK_RETRY);
    else if (port->queue_limit == 0 && !list_empty(&port->senders))
        sched_wake_all(cpu, &set->receivers, MK_RETRY);
}

void portset_remove(struct port *port)
{
    list_remove(&port->set_link);
    port->set->nr_rendezvous -= port->queue_limit == 0;
    port->set = NULL;
}
