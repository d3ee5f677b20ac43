/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rights: from a space onto their way, and from there into a space. ref_check decides, ref_take
 * commits and cannot fail.
 */
#include "ipc/ipc.h"

#include "kern/lend.h"
#include "kern/sched.h"

bool entry_is_dead(const struct entry *entry)
{
    return entry->type == ENTRY_REPLY ? !reply_is_valid(entry->caller, entry->serial)
                                      : entry->type != MK_RIGHT_PORT_SET && entry->port->is_dead;
}

mk_err_t ref_check(struct space *space, mk_name_t name, uint32_t how, uint32_t earlier)
{
    const struct entry *entry = space_lookup(space, name);
    if (!entry)
        return MK_E_BAD_NAME;
    uint32_t need;
    switch (how) {
    case MK_MAKE_SEND_ONCE:
        if (entry->type & MK_RIGHT_RECEIVE && entry->port->is_event)
            return MK_E_BAD_RIGHT; /* it could bring no message */
        /* fallthrough */
    case MK_MAKE_SEND:
        return entry->type & MK_RIGHT_RECEIVE && !earlier ? MK_OK : MK_E_BAD_RIGHT;
    case MK_MOVE_RECEIVE:
        return entry->type & MK_RIGHT_RECEIVE && !earlier ? MK_OK : MK_E_BAD_RIGHT;
    case MK_MOVE_SEND:
    case MK_COPY_SEND:
        need = MK_RIGHT_SEND;
        break;
    case MK_MOVE_SEND_ONCE:
        need = MK_RIGHT_SEND_ONCE | ENTRY_REPLY;
        break;
    default:
        return MK_E_BAD_ARGUMENT;
    }
    if (!(entry->type & need) || earlier >= entry->user_refs)
        return MK_E_BAD_RIGHT;
    return entry_is_dead(entry) ? MK_E_DEAD : MK_OK;
}

static struct ref make(struct port *port, uint8_t type, uint64_t badge)
{
    port->refs++;
    if (type == MK_RIGHT_SEND) {
        port->nr_send++;
        port->make_count++;
    } else {
        port->nr_send_once++;
    }
    return (struct ref){.type = type, .port = port, .badge = badge};
}

/* The last user reference leaves: the right itself moves, or a copy of it when a receive right shares the name. */
static struct ref move_last_send(struct space *space, struct entry *entry)
{
    struct ref ref = {.type = MK_RIGHT_SEND, .port = entry->port, .badge = entry->badge};
    entry->user_refs = 0;
    if (entry->type & MK_RIGHT_RECEIVE) {
        entry->type = MK_RIGHT_RECEIVE;
        entry->port->refs++;
        space->hash_kept--;
        notify_cancel_entry(space->machine, entry);
        return ref;
    }
    notify_cancel_entry(space->machine, entry);
    space_hash_remove(space, entry);
    space_give_back(space, entry);
    return ref;
}

struct ref ref_take(struct space *space, mk_name_t name, uint32_t how)
{
    struct entry *entry = space_lookup(space, name);
    struct ref ref = {0};

    switch (how) {
    case MK_MAKE_SEND:
        return make(entry->port, MK_RIGHT_SEND, 0);
    case MK_MAKE_SEND_ONCE:
        return make(entry->port, MK_RIGHT_SEND_ONCE, 0);
    case MK_COPY_SEND:
        entry->port->refs++;
        entry->port->nr_send++;
        return (struct ref){.type = MK_RIGHT_SEND, .port = entry->port, .badge = entry->badge};
    case MK_MOVE_SEND:
        if (entry->user_refs == 1)
            return move_last_send(space, entry);
        entry->user_refs--;
        entry->port->refs++;
        entry->port->nr_send++;
        return (struct ref){.type = MK_RIGHT_SEND, .port = entry->port, .badge = entry->badge};
    case MK_MOVE_SEND_ONCE:
        ref.type = entry->type;
        if (entry->type == ENTRY_REPLY) {
            ref.caller = entry->caller;
            ref.serial = entry->serial;
        } else {
            ref.port = entry->port;
            ref.badge = entry->badge;
            notify_cancel_entry(space->machine, entry);
        }
        space_give_back(space, entry);
        return ref;
    default: /* MK_MOVE_RECEIVE */
        return (struct ref){.type = MK_RIGHT_RECEIVE, .port = entry_take_receive(space, entry)};
    }
}

static mk_name_t put_send(struct space *space, struct ref ref)
{
    struct port *port = ref.port;
    struct entry *entry = space_find_send(space, port, ref.badge);
    bool is_under_receive = port->space == space && ref.badge == 0;

    if (!entry && is_under_receive) {
        entry = space_lookup(space, port->name);
        entry->type |= MK_RIGHT_SEND;
        entry->user_refs = 1;
        space->hash_kept++;
        port_release(space->machine, port);
    } else if (!entry) {
        entry = space_take(space, MK_RIGHT_SEND);
        entry->port = port;
        entry->badge = ref.badge;
        space_hash_add(space, entry);
    } else { /* a full count stays full, as in Mach */
        if (entry->user_refs < MK_USER_REFS_MAX)
            entry->user_refs++;
        port_drop_send(space->machine, port, 1);
    }
    return entry->name;
}

mk_name_t ref_put(struct space *space, struct ref ref)
{
    struct entry *entry;

    if (!ref.type)
        return MK_NAME_NULL;
    if (ref.type == ENTRY_REPLY ? !reply_is_valid(ref.caller, ref.serial) : ref.port->is_dead) {
        ref_drop(space->machine, ref);
        return MK_NAME_DEAD;
    }
    switch (ref.type) {
    case MK_RIGHT_SEND:
        return put_send(space, ref);
    case MK_RIGHT_RECEIVE:
        return space_put_receive(space, ref.port)->name;
    case MK_RIGHT_SEND_ONCE:
        entry = space_take(space, MK_RIGHT_SEND_ONCE);
        entry->port = ref.port;
        entry->badge = ref.badge;
        return entry->name;
    default:
        entry = space_take(space, ENTRY_REPLY);
        entry->caller = ref.caller;
        entry->serial = ref.serial;
        return entry->name;
    }
}

/* Nobody will answer this call any more. */
static void drop_reply(struct mk_machine *machine, struct thread *caller, uint64_t serial)
{
    if (!reply_is_valid(caller, serial))
        return;
    if (caller->state == THREAD_BLOCKED) {
        sched_wake(machine->cpu, caller, MK_E_DEAD);
    } else { /* still on its way into the wait */
        caller->serial++;
        lend_end(machine->cpu, caller);
    }
}

void ref_drop(struct mk_machine *machine, struct ref ref)
{
    switch (ref.type) {
    case MK_RIGHT_SEND:
        port_drop_send(machine, ref.port, 1);
        break;
    case MK_RIGHT_SEND_ONCE:
        port_drop_send_once(machine, ref.port);
        break;
    case MK_RIGHT_RECEIVE:
        ref.port->transit = NULL;
        port_destroy(machine, ref.port);
        break;
    case ENTRY_REPLY:
        drop_reply(machine, ref.caller, ref.serial);
        break;
    }
}

uint32_t ref_kind(const struct ref *ref)
{
    return ref->type == ENTRY_REPLY ? MK_RIGHT_SEND_ONCE : ref->type;
}

/* ---- entries ---- */

struct port *entry_take_receive(struct space *space, struct entry *entry)
{
    struct port *port = entry->port;

    if (member_set(&port->member))
        portset_remove_port(port);
    port_lend_queue(space->machine->cpu, port, NULL);
    port->space = NULL;
    port->server = NULL;
    port->name = MK_NAME_NULL;
    port->make_count = 0;
    space->nr_receive--;
    sched_wake_all(space->machine->cpu, &port->receivers, MK_E_DEAD);
    if (entry->type & MK_RIGHT_SEND) {
        entry->type = MK_RIGHT_SEND;
        port->refs++;
        space->hash_kept--;
        space_hash_add(space, entry);
    } else {
        space_give_back(space, entry);
    }
    return port;
}

struct entry *space_put_receive(struct space *space, struct port *port)
{
    struct entry *entry = space_find_send(space, port, 0);
    if (entry) {
        space_hash_remove(space, entry);
        space->hash_kept++;
        entry->type |= MK_RIGHT_RECEIVE;
        port_release(space->machine, port);
    } else {
        entry = space_take(space, MK_RIGHT_RECEIVE);
        entry->port = port;
        entry->user_refs = 0;
    }
    port->transit = NULL;
    port->space = space;
    port->name = entry->name;
    space->nr_receive++;
    return entry;
}

void entry_release_all(struct space *space, struct entry *entry)
{
    struct mk_machine *machine = space->machine;
    struct entry old = *entry;

    if (old.type == ENTRY_REPLY) {
        space_give_back(space, entry);
        drop_reply(machine, old.caller, old.serial);
        return;
    }
    notify_cancel_entry(machine, entry);
    if (old.type & MK_RIGHT_RECEIVE) { /* the send right goes, the name stays */
        entry->type = MK_RIGHT_RECEIVE;
        entry->user_refs = 0;
        space->hash_kept--;
        old.port->refs++;
    } else {
        if (old.type == MK_RIGHT_SEND)
            space_hash_remove(space, entry);
        space_give_back(space, entry);
    }
    if (old.type & MK_RIGHT_SEND)
        port_drop_send(machine, old.port, 1);
    else
        port_drop_send_once(machine, old.port);
}

void entry_release(struct space *space, struct entry *entry)
{
    if (entry->user_refs > 1)
        entry->user_refs--;
    else
        entry_release_all(space, entry);
}
