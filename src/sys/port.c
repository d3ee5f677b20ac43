/* SPDX-License-Identifier: BSD-2-Clause */
/* Entries of <mk/port.h>. */
#include "sys/sys.h"

#include "kern/lend.h"

/* The entry of a receive right. MK_E_BAD_NAME, MK_E_BAD_RIGHT. */
static mk_err_t receive_find(struct space *space, mk_name_t name, struct entry **entryp)
{
    struct entry *entry = space_lookup(space, name);
    *entryp = entry;
    return !entry ? MK_E_BAD_NAME : entry->type & MK_RIGHT_RECEIVE ? MK_OK : MK_E_BAD_RIGHT;
}

static mk_err_t set_find(struct space *space, mk_name_t name, struct entry **entryp)
{
    struct entry *entry = space_lookup(space, name);
    *entryp = entry;
    return !entry ? MK_E_BAD_NAME : entry->type == MK_RIGHT_PORT_SET ? MK_OK : MK_E_BAD_RIGHT;
}

mk_err_t port_new(struct space *space, bool is_event, mk_name_t *receivep)
{
    if (!user_probe_u32(receivep))
        return MK_E_BAD_ADDRESS;
    mk_err_t err = space_reserve(space, 1);
    if (err)
        return err;
    struct port *port = port_create(space->machine, MK_OBJECT_NONE, NULL);
    if (!port)
        return MK_E_NO_MEMORY;
    port->is_event = is_event;
    user_store_u32(receivep, space_put_receive(space, port)->name);
    return MK_OK;
}

mk_err_t mk_port_create(mk_name_t *receivep)
{
    ENTER(cpu, self);
    return leave(cpu, port_new(self->space, false, receivep));
}

mk_err_t mk_port_destroy(mk_name_t receive)
{
    ENTER(cpu, self);
    struct entry *entry;
    mk_err_t err = receive_find(self->space, receive, &entry);
    if (!err)
        port_destroy(cpu->machine, entry_take_receive(self->space, entry));
    return leave(cpu, err);
}

mk_err_t mk_port_set_limit(mk_name_t receive, uint32_t nr_messages)
{
    ENTER(cpu, self);
    struct entry *entry;
    mk_err_t err = receive_find(self->space, receive, &entry);
    if (!err && nr_messages > MK_QUEUE_MAX)
        err = MK_E_BAD_ARGUMENT;
    if (!err)
        port_set_limit(cpu, entry->port, (uint16_t)nr_messages);
    return leave(cpu, err);
}

mk_err_t mk_port_state(mk_name_t receive, struct mk_port_state *statep)
{
    ENTER(cpu, self);
    struct entry *entry;
    mk_err_t err = receive_find(self->space, receive, &entry);
    if (!err) {
        const struct port *port = entry->port;
        struct mk_port_state state;
        memset(&state, 0, sizeof(state));
        state.nr_queued = port->nr_queued + port->nr_unused;
        state.queue_limit = port->queue_limit;
        state.nr_send = port->nr_send;
        state.nr_send_once = port->nr_send_once;
        state.make_count = port->make_count;
        state.seqno = port->seqno;
        state.in_set = member_set(&port->member) != NULL;
        state.is_event = port->is_event;
        state.events = port->is_event ? port->events : 0;
        err = user_put(statep, &state, sizeof(state)) ? MK_OK : MK_E_BAD_ADDRESS;
    }
    return leave(cpu, err);
}

static mk_err_t make_send(struct space *space, struct port *port, uint64_t badge, mk_name_t *namep)
{
    const struct entry *old = space_find_send(space, port, badge);
    if (old && old->user_refs == MK_USER_REFS_MAX)
        return MK_E_OVERFLOW;
    mk_err_t err = send_right_add(space, port, badge, namep);
    if (!err)
        port->make_count++;
    return err;
}

static mk_err_t make_send_once(struct space *space, struct port *port, uint64_t badge, mk_name_t *namep)
{
    mk_err_t err = space_reserve(space, 1);
    if (err)
        return err;
    port->refs++;
    port->nr_send_once++;
    *namep = ref_put(space, (struct ref){.type = MK_RIGHT_SEND_ONCE, .port = port, .badge = badge});
    return MK_OK;
}

mk_err_t mk_right_make(mk_name_t receive, enum mk_right_type type, uint64_t badge, mk_name_t *namep)
{
    ENTER(cpu, self);
    struct entry *entry;
    mk_name_t name = MK_NAME_NULL;
    mk_err_t err = receive_find(self->space, receive, &entry);
    if (!err && badge == MK_BADGE_KERNEL)
        err = MK_E_BAD_ARGUMENT;
    bool is_name_known = type == MK_RIGHT_SEND && badge == 0;
    if (!err && !(is_name_known && !namep) && !user_probe_u32(namep))
        err = MK_E_BAD_ADDRESS;
    if (err)
        return leave(cpu, err);
    if (type == MK_RIGHT_SEND)
        err = make_send(self->space, entry->port, badge, &name);
    else if (type == MK_RIGHT_SEND_ONCE && entry->port->is_event)
        err = MK_E_BAD_RIGHT;
    else if (type == MK_RIGHT_SEND_ONCE)
        err = make_send_once(self->space, entry->port, badge, &name);
    else
        err = MK_E_BAD_ARGUMENT;
    if (!err && namep)
        user_store_u32(namep, name);
    return leave(cpu, err);
}

mk_err_t mk_right_retain(mk_name_t name, uint32_t n)
{
    ENTER(cpu, self);
    struct entry *entry = space_lookup(self->space, name);
    if (!entry)
        return leave(cpu, MK_E_BAD_NAME);
    if (!(entry->type & MK_RIGHT_SEND) && !entry_is_dead(entry))
        return leave(cpu, MK_E_BAD_RIGHT);
    if (n == 0)
        return leave(cpu, MK_E_BAD_ARGUMENT);
    if (n > (uint32_t)(MK_USER_REFS_MAX - entry->user_refs))
        return leave(cpu, MK_E_OVERFLOW);
    entry->user_refs = (uint16_t)(entry->user_refs + n);
    return leave(cpu, MK_OK);
}

mk_err_t mk_right_release(mk_name_t name)
{
    ENTER(cpu, self);
    struct entry *entry = space_lookup(self->space, name);
    if (!entry)
        return leave(cpu, MK_E_BAD_NAME);
    if (!(entry->type & (MK_RIGHT_SEND | MK_RIGHT_SEND_ONCE | ENTRY_REPLY)))
        return leave(cpu, MK_E_BAD_RIGHT);
    entry_release(self->space, entry);
    return leave(cpu, MK_OK);
}

mk_err_t mk_right_info(mk_name_t name, struct mk_right_info *infop)
{
    ENTER(cpu, self);
    const struct entry *entry = space_lookup(self->space, name);
    if (!entry)
        return leave(cpu, MK_E_BAD_NAME);
    struct mk_right_info info;
    memset(&info, 0, sizeof(info));
    info.user_refs = entry->user_refs;
    if (entry->type == MK_RIGHT_PORT_SET) {
        info.type = entry->type;
        info.port = entry->set->id;
        info.user_refs = 0;
    } else if (entry->type == ENTRY_REPLY) {
        info.type = reply_is_valid(entry->caller, entry->serial) ? MK_RIGHT_SEND_ONCE : MK_RIGHT_DEAD_NAME;
    } else if (entry->port->is_dead) {
        info.type = MK_RIGHT_DEAD_NAME;
    } else {
        info.type = entry->type;
        info.badge = entry->badge;
        info.port = entry->port->id;
    }
    return leave(cpu, user_put(infop, &info, sizeof(info)) ? MK_OK : MK_E_BAD_ADDRESS);
}

/* Who will answer on a right to answer a call is not known until it is used. */
static mk_name_t put_moved(struct space *to, struct ref ref)
{
    if (ref.type == ENTRY_REPLY && reply_is_valid(ref.caller, ref.serial))
        lend_to(to->machine->cpu, ref.caller, NULL);
    return ref_put(to, ref);
}

/* Move a right between spaces, in the way of a message. */
static mk_err_t transfer(struct space *from, struct space *to, mk_name_t name, uint32_t how, mk_name_t *namep)
{
    if (how < MK_MOVE_RECEIVE || how > MK_MAKE_SEND_ONCE)
        return MK_E_BAD_ARGUMENT;
    mk_err_t err = ref_check(from, name, how, 0);
    if (!err)
        err = space_reserve(to, 1);
    if (!err && from == to && how == MK_MOVE_RECEIVE) /* it is there already */
        *namep = name;
    else if (!err)
        *namep = put_moved(to, ref_take(from, name, how));
    return err;
}

mk_err_t mk_right_insert(mk_name_t task_name, mk_name_t name, enum mk_disposition how, mk_name_t *namep)
{
    ENTER(cpu, self);
    struct task *task;
    mk_name_t there = MK_NAME_NULL;
    mk_err_t err = task_find(cpu, task_name, &task);
    if (!err && !user_probe_u32(namep))
        err = MK_E_BAD_ADDRESS;
    if (!err)
        err = transfer(self->space, task->space, name, how, &there);
    if (!err)
        user_store_u32(namep, there);
    return leave(cpu, err);
}

mk_err_t mk_right_extract(mk_name_t task_name, mk_name_t name, enum mk_disposition how, mk_name_t *namep)
{
    ENTER(cpu, self);
    struct task *task;
    mk_name_t here = MK_NAME_NULL;
    mk_err_t err = task_find(cpu, task_name, &task);
    if (!err && !user_probe_u32(namep))
        err = MK_E_BAD_ADDRESS;
    if (!err)
        err = transfer(task->space, self->space, name, how, &here);
    if (!err)
        user_store_u32(namep, here);
    return leave(cpu, err);
}

mk_err_t mk_port_notify(mk_name_t name, enum mk_notify event, uint32_t sync, mk_name_t send_once)
{
    ENTER(cpu, self);
    struct entry *entry = space_lookup(self->space, name);
    if (!entry)
        return leave(cpu, MK_E_BAD_NAME);
    if (entry->type == MK_RIGHT_PORT_SET)
        return leave(cpu, MK_E_BAD_RIGHT);
    return leave(cpu, notify_request(self->space, entry, event, sync, send_once));
}

/* ---- port sets ---- */

mk_err_t mk_portset_create(mk_name_t *setp)
{
    ENTER(cpu, self);
    mk_name_t name;
    if (!user_probe_u32(setp))
        return leave(cpu, MK_E_BAD_ADDRESS);
    mk_err_t err = portset_create(self->space, &name);
    if (!err)
        user_store_u32(setp, name);
    return leave(cpu, err);
}

mk_err_t mk_portset_destroy(mk_name_t name)
{
    ENTER(cpu, self);
    struct entry *entry;
    mk_err_t err = set_find(self->space, name, &entry);
    if (!err)
        portset_destroy(self->space, entry);
    return leave(cpu, err);
}

/* A set, and a receive right or set that is or shall be in it. MK_E_BAD_NAME, MK_E_BAD_RIGHT. */
static mk_err_t member_find(struct space *space, mk_name_t set, mk_name_t member, struct entry **setp,
                            struct entry **memberp)
{
    mk_err_t err = set_find(space, set, setp);
    if (err)
        return err;
    *memberp = space_lookup(space, member);
    if (!*memberp)
        return MK_E_BAD_NAME;
    return (*memberp)->type & (MK_RIGHT_RECEIVE | MK_RIGHT_PORT_SET) ? MK_OK : MK_E_BAD_RIGHT;
}

mk_err_t mk_portset_add(mk_name_t set_name, mk_name_t member_name)
{
    ENTER(cpu, self);
    struct entry *set, *member;
    mk_err_t err = member_find(self->space, set_name, member_name, &set, &member);
    if (!err && member->type == MK_RIGHT_PORT_SET)
        err = portset_add_set(set->set, member->set);
    else if (!err)
        err = portset_add_port(set->set, member->port);
    return leave(cpu, err);
}

mk_err_t mk_portset_remove(mk_name_t set_name, mk_name_t member_name)
{
    ENTER(cpu, self);
    struct entry *set, *entry;
    mk_err_t err = member_find(self->space, set_name, member_name, &set, &entry);
    if (err)
        return leave(cpu, err);
    bool is_set = entry->type == MK_RIGHT_PORT_SET;
    if (member_set(is_set ? &entry->set->member : &entry->port->member) != set->set)
        return leave(cpu, MK_E_BAD_STATE);
    if (is_set)
        portset_remove_set(entry->set);
    else
        portset_remove_port(entry->port);
    return leave(cpu, MK_OK);
}

mk_err_t mk_right_rename(mk_name_t name, mk_name_t new_name)
{
    ENTER(cpu, self);
    struct entry *entry = space_lookup(self->space, name);
    if (!entry)
        return leave(cpu, MK_E_BAD_NAME);
    if (new_name == MK_NAME_NULL || new_name == MK_NAME_DEAD)
        return leave(cpu, MK_E_BAD_ARGUMENT);
    return leave(cpu, space_rename(self->space, entry, new_name));
}
