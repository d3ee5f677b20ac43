/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Notifications. The message is allocated with the request, so that sending it
 * cannot fail; it goes to a send-once right, which ignores queue limits.
 */
#include "ipc/kmsg.h"

#include "kern/sched.h"

struct notify *notify_find(struct port *port, enum mk_notify event, const struct space *space, mk_name_t name)
{
    for (struct notify *n = port->notifies; n; n = n->next)
        if (n->event == event && n->space == space && n->name == name)
            return n;
    return NULL;
}

void notify_unlink(struct port *port, struct notify *notify)
{
    struct notify **link = &port->notifies;
    while (*link != notify)
        link = &(*link)->next;
    *link = notify->next;
}

static void notify_free(struct mk_machine *machine, struct notify *notify)
{
    kmsg_free(machine, notify->kmsg);
    kmem_free(&machine->kmem, notify, sizeof(*notify));
}

void notify_cancel(struct mk_machine *machine, struct port *port, struct notify *notify)
{
    notify_unlink(port, notify);
    ref_drop(machine, notify->to);
    notify_free(machine, notify);
}

void notify_cancel_entry(struct mk_machine *machine, struct entry *entry)
{
    struct notify *notify = entry->requests;
    entry->requests = NULL;
    while (notify) {
        struct notify *next = notify->next_of_entry;
        notify_cancel(machine, entry->port, notify);
        notify = next;
    }
}

void notify_forget(struct entry *entry, const struct notify *notify)
{
    struct notify **link = &entry->requests;
    while (*link != notify)
        link = &(*link)->next_of_entry;
    *link = notify->next_of_entry;
}

void notify_room(struct mk_machine *machine, struct port *port)
{
    struct notify *due = NULL, **tail = &due, *notify;
    port->wants_room = false;
    for (struct notify **link = &port->notifies; (notify = *link);) {
        if (notify->event != MK_NOTIFY_SEND_POSSIBLE) {
            link = &notify->next;
            continue;
        }
        *link = notify->next;
        notify->next = NULL;
        *tail = notify;
        tail = &notify->next;
        notify_forget(space_lookup(notify->space, notify->name), notify);
    }
    while ((notify = due)) {
        due = notify->next;
        notify_fire(machine, port, notify, (struct ref){0});
    }
}

void notify_fire(struct mk_machine *machine, struct port *port, struct notify *notify, struct ref carried)
{
    struct cpu *cpu = machine->cpu;
    struct kmsg *kmsg = notify->kmsg;
    struct port *to = notify->to.port;
    struct mk_notification *body = (struct mk_notification *)(void *)kmsg_body(kmsg);

    memset(body, 0, sizeof(*body));
    body->event = notify->event;
    body->name = notify->name;
    body->count = notify->event == MK_NOTIFY_NO_SENDERS ? port->make_count : 0;
    if (notify->event == MK_NOTIFY_DEAD_NAME && port->object_kind == MK_OBJECT_TASK)
        body->status = (int32_t)port->exit_code;
    kmsg->id = MK_NOTIFY_ID + notify->event;
    kmsg->badge = MK_BADGE_KERNEL;
    kmsg->nr_rights = carried.type ? 1 : 0;
    kmsg->rights[0] = carried;
    trace(cpu, MK_TRACE_NOTIFY, to->id, notify->event, port->id);
    kmem_free(&machine->kmem, notify, sizeof(*notify));
    to->nr_send_once--;
    if (to->is_dead) {
        kmsg_destroy(machine, kmsg);
    } else {
        struct thread *receiver = port_deliver(cpu, to, kmsg);
        if (receiver)
            sched_ready(cpu, receiver);
    }
    port_release(machine, to);
}

/* Is the event true already? */
static bool is_due(struct port *port, enum mk_notify event, uint32_t sync)
{
    switch (event) {
    case MK_NOTIFY_DEAD_NAME:
        return port->is_dead;
    case MK_NOTIFY_NO_SENDERS:
        return !port->nr_send && port->make_count >= sync;
    case MK_NOTIFY_SEND_POSSIBLE:
        return port->is_dead || !port_is_full(port) || !list_empty(port_receivers(port));
    default:
        return false;
    }
}

static bool fits(const struct entry *entry, enum mk_notify event)
{
    switch (event) {
    case MK_NOTIFY_DEAD_NAME:
        return entry->type & (MK_RIGHT_SEND | MK_RIGHT_SEND_ONCE);
    case MK_NOTIFY_SEND_POSSIBLE:
        return entry->type & MK_RIGHT_SEND && port_takes_messages(entry->port);
    case MK_NOTIFY_NO_SENDERS:
    case MK_NOTIFY_PORT_DESTROYED:
        return entry->type & MK_RIGHT_RECEIVE;
    default:
        return false;
    }
}

static mk_err_t take_target(struct space *space, mk_name_t to, struct ref *refp)
{
    uint32_t how = MK_MAKE_SEND_ONCE;
    const struct entry *entry = space_lookup(space, to);
    if (entry && !(entry->type & MK_RIGHT_RECEIVE))
        how = MK_MOVE_SEND_ONCE;
    mk_err_t err = ref_check(space, to, how, 0);
    if (err)
        return err;
    if (entry->type == ENTRY_REPLY)
        return MK_E_BAD_RIGHT; /* notices go to ports */
    *refp = ref_take(space, to, how);
    return MK_OK;
}

static bool is_named(enum mk_notify event)
{
    return event == MK_NOTIFY_DEAD_NAME || event == MK_NOTIFY_SEND_POSSIBLE;
}

/* A request with its message and the right to send it to, linked nowhere yet. */
static mk_err_t notify_create(struct space *space, const struct entry *entry, enum mk_notify event, mk_name_t to,
                              struct notify **notifyp)
{
    struct mk_machine *machine = space->machine;
    struct notify *notify = kmem_zalloc(&machine->kmem, sizeof(*notify));
    if (!notify)
        return MK_E_NO_MEMORY;
    notify->kmsg = kmsg_create(machine, 1, sizeof(struct mk_notification));
    if (!notify->kmsg) {
        kmem_free(&machine->kmem, notify, sizeof(*notify));
        return MK_E_NO_MEMORY;
    }
    notify->event = event;
    notify->space = is_named(event) ? space : NULL;
    notify->name = is_named(event) ? entry->name : MK_NAME_NULL;
    mk_err_t err =
        to == entry->name && !(entry->type & MK_RIGHT_RECEIVE) ? MK_E_BAD_RIGHT : take_target(space, to, &notify->to);
    if (err)
        notify_free(machine, notify);
    *notifyp = notify;
    return err;
}

static void notify_link(struct port *port, struct entry *entry, struct notify *notify)
{
    notify->next = port->notifies;
    port->notifies = notify;
    port->wants_room |= notify->event == MK_NOTIFY_SEND_POSSIBLE;
    if (is_named(notify->event)) {
        notify->next_of_entry = entry->requests;
        entry->requests = notify;
    }
}

mk_err_t notify_request(struct space *space, struct entry *entry, enum mk_notify event, uint32_t sync, mk_name_t to)
{
    struct mk_machine *machine = space->machine;
    struct port *port = entry->port;
    struct notify *notify = NULL;

    if (event < MK_NOTIFY_DEAD_NAME || event > MK_NOTIFY_SEND_POSSIBLE || event == MK_NOTIFY_SEND_ONCE)
        return MK_E_BAD_ARGUMENT;
    if (entry->type == ENTRY_REPLY || !fits(entry, event))
        return MK_E_BAD_RIGHT;
    if (to != MK_NAME_NULL) {
        mk_err_t err = notify_create(space, entry, event, to, &notify);
        if (err)
            return err;
        notify->sync = sync;
    }
    struct notify *old =
        notify_find(port, event, is_named(event) ? space : NULL, is_named(event) ? entry->name : MK_NAME_NULL);
    if (old) {
        if (is_named(event))
            notify_forget(entry, old);
        notify_cancel(machine, port, old);
    }
    if (!notify)
        return MK_OK;
    if (!is_due(port, event, sync)) {
        notify_link(port, entry, notify);
        return MK_OK;
    }
    if (event == MK_NOTIFY_DEAD_NAME && entry->user_refs < MK_USER_REFS_MAX)
        entry->user_refs++;
    notify_fire(machine, port, notify, (struct ref){0});
    return MK_OK;
}
