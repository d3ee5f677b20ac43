/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sending and receiving, the long way: with rights, queues, waiting, deadlines.
 * The short way, a call to a server that waits already, is fast.h.
 *
 * The life of a message (ARCHITECTURE.md tells it with the numbers used here):
 *   (1) decode: read the user's header, find the right, allocate, copy the body in. Everything that can fail.
 *   (2) wait for room in the queue, if it is full; then decode the rights anew.
 *   (3) commit: the rights leave the sender, the send-once right is used up.
 *   (4) deliver: into the buffers of a waiting receiver, or into the queue.
 *   (5) receive: make names, copy out, wake a sender that waits for the room.
 */
#include "ipc/ipc.h"

#include "host/arch/x86_64/user.h"
#include "kern/choice.h"
#include "kern/sched.h"

/* ---- (1) decode ---- */

/* What a send needs, checked but not yet done. */
struct sending {
    struct mk_msg header;
    struct kmsg *kmsg;
    struct entry *dest;
    uint32_t reply_how; /* disposition of header.reply; 0: no reply right */
    uint32_t nr_rights;
    struct mk_msg_right rights[MK_RIGHTS_MAX];
};

static mk_err_t check_header(const struct mk_msg *header)
{
    return header->size > MK_BODY_MAX || header->nr_rights > MK_RIGHTS_MAX ? MK_E_MSG_TOO_LARGE : MK_OK;
}

/* User references of names[i] that entries before i take. A moved receive right counts as all. */
static uint32_t promised_before(const struct mk_msg_right *rights, uint32_t i)
{
    uint32_t n = 0;
    bool is_move = rights[i].how == MK_MOVE_SEND || rights[i].how == MK_MOVE_SEND_ONCE;
    for (uint32_t j = 0; j < i; j++) {
        if (rights[j].name != rights[i].name)
            continue;
        if (rights[j].how == MK_MOVE_SEND || rights[j].how == MK_MOVE_SEND_ONCE)
            n += is_move || rights[i].how == MK_COPY_SEND;
        else if (rights[j].how == MK_MOVE_RECEIVE)
            n += !is_move && rights[i].how != MK_COPY_SEND ? MK_USER_REFS_MAX : 0;
    }
    return n;
}

/* A receive right must not come to wait in its own queue, however many ports lie between. */
static bool is_circular(const struct port *moved, const struct port *dest)
{
    for (const struct port *p = dest; p; p = p->space || p->object_kind ? NULL : p->transit)
        if (p == moved)
            return true;
    return false;
}

static mk_err_t check_right(struct space *space, const struct sending *s, uint32_t i, const struct port *dest)
{
    const struct mk_msg_right *right = &s->rights[i];
    if (right->name == MK_NAME_NULL)
        return right->how >= MK_MOVE_RECEIVE && right->how <= MK_MAKE_SEND_ONCE ? MK_OK : MK_E_BAD_ARGUMENT;
    mk_err_t err = ref_check(space, right->name, right->how, promised_before(s->rights, i));
    if (!err && right->how == MK_MOVE_RECEIVE && is_circular(space_lookup(space, right->name)->port, dest))
        err = MK_E_CIRCULAR;
    return err;
}

/* The reply right of mk_send: made from a receive right, or a send-once right that is moved. */
static mk_err_t check_reply(struct space *space, struct sending *s)
{
    s->reply_how = 0;
    if (s->header.reply == MK_NAME_NULL)
        return MK_OK;
    const struct entry *entry = space_lookup(space, s->header.reply);
    if (!entry)
        return MK_E_BAD_NAME;
    s->reply_how = entry->type & MK_RIGHT_RECEIVE ? MK_MAKE_SEND_ONCE : MK_MOVE_SEND_ONCE;
    for (uint32_t i = 0; i < s->nr_rights; i++)
        if (s->rights[i].name == s->header.reply && s->rights[i].how == MK_MOVE_SEND_ONCE)
            return MK_E_BAD_RIGHT;
    return ref_check(space, s->header.reply, s->reply_how, 0);
}

static mk_err_t check_rights(struct space *space, mk_name_t dest, const struct port *port, const struct sending *s)
{
    for (uint32_t i = 0; i < s->nr_rights; i++) {
        if (s->rights[i].name == dest && dest && s->rights[i].how == MK_MOVE_SEND_ONCE)
            return MK_E_BAD_RIGHT;
        mk_err_t err = check_right(space, s, i, port);
        if (err)
            return err;
    }
    return MK_OK;
}

/* Destination and rights, which can change while a sender waits. */
static mk_err_t check_names(struct space *space, mk_name_t dest, struct sending *s, bool with_reply)
{
    struct entry *entry = space_lookup(space, dest);
    if (!entry)
        return dest == MK_NAME_DEAD ? MK_E_DEAD : MK_E_BAD_NAME;
    if (!(entry->type & (MK_RIGHT_SEND | MK_RIGHT_SEND_ONCE | ENTRY_REPLY)))
        return MK_E_BAD_RIGHT;
    const struct port *port = entry->type == ENTRY_REPLY ? NULL : entry->port;
    s->dest = entry;
    if (port && port->object_kind != MK_OBJECT_NONE && !port->is_dead)
        return MK_E_BAD_RIGHT; /* the kernel's own ports take no messages */
    mk_err_t err = check_rights(space, dest, port, s);
    if (!err && with_reply)
        err = check_reply(space, s);
    if (!err && with_reply && s->reply_how == MK_MOVE_SEND_ONCE && s->header.reply == dest)
        err = MK_E_BAD_RIGHT;
    return err;
}

static mk_err_t sending_begin(struct cpu *cpu, const struct mk_msg *msg, struct sending *s)
{
    if (!user_copy(&s->header, msg, sizeof(s->header)))
        return MK_E_BAD_ADDRESS;
    mk_err_t err = check_header(&s->header);
    if (err)
        return err;
    s->nr_rights = s->header.nr_rights;
    s->reply_how = 0;
    if (!user_copy(s->rights, s->header.rights, s->nr_rights * sizeof(s->rights[0])))
        return MK_E_BAD_ADDRESS;
    s->kmsg = kmsg_create(cpu->machine, s->nr_rights, (uint32_t)s->header.size);
    if (!s->kmsg)
        return MK_E_NO_MEMORY;
    s->kmsg->nr_rights = 0;
    if (!user_copy(kmsg_body(s->kmsg), s->header.body, s->header.size)) {
        kmsg_free(cpu->machine, s->kmsg);
        return MK_E_BAD_ADDRESS;
    }
    s->kmsg->id = s->header.id;
    s->kmsg->status = s->header.status;
    cpu->now += cpu->copy_cost * (mk_time_t)((s->header.size + 63) / 64) +
                (cpu->machine->clock == MK_CLOCK_VIRTUAL ? cpu->machine->costs.right * (mk_time_t)s->nr_rights : 0);
    return MK_OK;
}

/* ---- (3) commit ---- */

static void take_rights(struct space *space, struct sending *s, struct port *dest)
{
    struct kmsg *kmsg = s->kmsg;
    if (s->reply_how) /* first: a receive right it is made from may travel in the same message */
        kmsg->reply = ref_take(space, s->header.reply, s->reply_how);
    for (uint32_t i = 0; i < s->nr_rights; i++) {
        const struct mk_msg_right *right = &s->rights[i];
        kmsg->rights[i] = right->name ? ref_take(space, right->name, right->how) : (struct ref){0};
        if (kmsg->rights[i].type == MK_RIGHT_RECEIVE)
            kmsg->rights[i].port->transit = dest;
    }
    kmsg->nr_rights = (uint16_t)s->nr_rights;
}

/* ---- (5) into a receiver's buffers ---- */

static uint32_t nr_names_needed(const struct kmsg *kmsg)
{
    uint32_t n = kmsg->reply.type != 0;
    for (uint32_t i = 0; i < kmsg->nr_rights; i++)
        n += kmsg->rights[i].type != 0;
    return n;
}

/*
 * Deliver to `thread`'s buffers, from `port` (NULL: an answer). MK_OK: delivered, kmsg is gone.
 * MK_E_BAD_ADDRESS: lost, kmsg is gone. Anything else: nothing changed.
 */
static mk_err_t copy_out(struct cpu *cpu, struct thread *thread, struct kmsg *kmsg, const struct port *port)
{
    struct mk_msg *msg = thread->msg;
    struct space *space = thread->space;
    struct mk_msg_right rights[MK_RIGHTS_MAX];
    struct mk_msg to;

    if (!user_copy(&to, msg, sizeof(to))) {
        kmsg_destroy(cpu->machine, kmsg);
        return MK_E_BAD_ADDRESS;
    }
    if (kmsg->size > to.capacity || kmsg->nr_rights > to.max_rights) {
        if (!user_store_u64(MSG_FIELD(msg, size), kmsg->size) ||
            !user_store_u32(MSG_FIELD(msg, nr_rights), kmsg->nr_rights)) {
            kmsg_destroy(cpu->machine, kmsg);
            return MK_E_BAD_ADDRESS;
        }
        return MK_E_MSG_TOO_LARGE;
    }
    mk_err_t err = space_reserve(space, nr_names_needed(kmsg));
    if (err)
        return err;
    /* All that can fault comes before the first right moves; what was written once can be written again. */
    memset(rights, 0, kmsg->nr_rights * sizeof(rights[0]));
    if (!user_copy(to.body, kmsg_body(kmsg), kmsg->size) ||
        !user_copy(to.rights, rights, kmsg->nr_rights * sizeof(rights[0])) ||
        !user_store_u32(MSG_FIELD(msg, id), kmsg->id) ||
        !user_store_u32(MSG_FIELD(msg, status), (uint32_t)kmsg->status) ||
        !user_store_u64(MSG_FIELD(msg, size), kmsg->size) ||
        !user_store_u32(MSG_FIELD(msg, nr_rights), kmsg->nr_rights) ||
        !user_store_u64(MSG_FIELD(msg, badge), kmsg->badge) ||
        !user_store_u32(MSG_FIELD(msg, port), port ? port->name : MK_NAME_NULL) ||
        !user_store_u32(MSG_FIELD(msg, seqno), port ? port->seqno : 0)) {
        kmsg_destroy(cpu->machine, kmsg);
        return MK_E_BAD_ADDRESS;
    }
    for (uint32_t i = 0; i < kmsg->nr_rights; i++) {
        rights[i].how = ref_kind(&kmsg->rights[i]);
        rights[i].name = ref_put(space, kmsg->rights[i]);
    }
    user_copy(to.rights, rights, kmsg->nr_rights * sizeof(rights[0]));
    user_store_u32(MSG_FIELD(msg, reply), ref_put(space, kmsg->reply));
    kmsg_free(cpu->machine, kmsg);
    return MK_OK;
}

/* A message that the kernel owes for a send-once right that went unused. */
static mk_err_t copy_out_unused(struct cpu *cpu, struct thread *thread, struct port *port)
{
    struct kmsg *kmsg = kmsg_create(cpu->machine, 0, sizeof(struct mk_notification));
    if (!kmsg)
        return MK_E_NO_MEMORY;
    *(struct mk_notification *)(void *)kmsg_body(kmsg) = (struct mk_notification){.event = MK_NOTIFY_SEND_ONCE};
    kmsg->id = MK_NOTIFY_ID + MK_NOTIFY_SEND_ONCE;
    kmsg->badge = MK_BADGE_KERNEL;
    mk_err_t err = copy_out(cpu, thread, kmsg, port);
    if (err && err != MK_E_BAD_ADDRESS) {
        kmsg_free(cpu->machine, kmsg);
        return err;
    }
    port->nr_unused--;
    port->seqno++;
    return err;
}

static struct list *receivers_of(const struct port *port)
{
    if (!list_empty(&port->receivers) || !port->set)
        return (struct list *)(uintptr_t)&port->receivers;
    return &port->set->receivers;
}

/* ---- (2) room in the queue ---- */

static void wake_sender(struct cpu *cpu, struct port *port)
{
    struct thread *sender = list_entry(choice_from(cpu, CHOICE_WAKE, &port->senders), struct thread, queue);
    port->nr_reserved++; /* nobody else gets the room while the sender is on its way */
    port->refs++;
    sender->slot = port;
    sched_wake(cpu, sender, MK_OK);
}

static void wake_senders(struct cpu *cpu, struct port *port)
{
    while (!list_empty(&port->senders) && !port_is_full(port))
        wake_sender(cpu, port);
}

/* At a port that queues nothing as many senders may come as receivers wait, one of which is about to. */
static void invite(struct cpu *cpu, struct port *port, uint32_t nr_coming)
{
    while (port->queue_limit == 0 && !list_empty(&port->senders) &&
           port->nr_reserved < list_count(receivers_of(port)) + nr_coming)
        wake_sender(cpu, port);
}

static void invite_senders(struct cpu *cpu, const struct entry *entry)
{
    if (entry->type & MK_RIGHT_RECEIVE)
        invite(cpu, entry->port, 1);
    else if (entry->set->nr_rendezvous)
        list_for_each (link, &entry->set->idle)
            invite(cpu, list_entry(link, struct port, set_link), 1);
}

static void give_slot_back(struct cpu *cpu, struct thread *thread)
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
    if (port->set)
        port->set->nr_rendezvous += (limit == 0) - (port->queue_limit == 0);
    port->queue_limit = limit;
    wake_senders(cpu, port);
    invite(cpu, port, 0);
}

void ipc_thread_ended(struct cpu *cpu, struct thread *thread)
{
    give_slot_back(cpu, thread);
    if (thread->unsent)
        kmsg_free(cpu->machine, thread->unsent);
    thread->unsent = NULL;
    if (thread->held)
        port_release(cpu->machine, thread->held);
    thread->held = NULL;
}

/* ---- (4) deliver ---- */

struct thread *port_deliver(struct cpu *cpu, struct port *port, struct kmsg *kmsg)
{
    struct list *receivers;

    kmsg->number = ++cpu->nr_sends;
    trace(cpu, MK_TRACE_SEND, kmsg->number, port->id, kmsg->size);
    while (!list_empty(receivers = receivers_of(port))) {
        struct thread *receiver = list_entry(choice_from(cpu, CHOICE_WAKE, receivers), struct thread, queue);
        uint64_t number = kmsg->number, size = kmsg->size;
        list_remove(&receiver->queue); /* a message that is lost can set off notices: not to this one */
        mk_err_t err = copy_out(cpu, receiver, kmsg, port);
        sched_unblock(cpu, receiver, err);
        if (err == MK_OK || err == MK_E_BAD_ADDRESS) {
            port->seqno++;
            trace_for(cpu, receiver, MK_TRACE_RECEIVE, number, port->id, size);
            return receiver;
        }
        sched_ready(cpu, receiver); /* it cannot take this one: told so, and the next may */
    }
    list_add_tail(&kmsg->link, &port->messages);
    bool is_first = !port_has_message(port); /* a port that is in line already keeps its place */
    port->nr_queued++;
    if (is_first)
        port_update_set(port);
    return NULL;
}

/* Deliver an answer to the thread that waits for it. The caller, unblocked but not yet ready. */
static struct thread *reply_deliver(struct cpu *cpu, struct thread *caller, struct kmsg *kmsg)
{
    uint64_t number = kmsg->number = ++cpu->nr_sends;
    uint32_t size = kmsg->size;
    trace(cpu, MK_TRACE_SEND, number, 0, size);
    mk_err_t err = copy_out(cpu, caller, kmsg, NULL);
    if (err && err != MK_E_BAD_ADDRESS)
        kmsg_destroy(cpu->machine, kmsg);
    trace_for(cpu, caller, MK_TRACE_RECEIVE, number, 0, size);
    sched_unblock(cpu, caller, err);
    return caller;
}

/* ---- sending ---- */

/* Steps 3 and 4 for a send-once or reply right: never waits. *heirp: a thread to be made ready. */
static mk_err_t send_once(struct cpu *cpu, struct space *space, struct sending *s, struct thread **heirp)
{
    struct entry entry = *s->dest;
    if (entry.dead_name)
        notify_cancel(cpu->machine, entry.port, entry.dead_name);
    take_rights(space, s, entry.type == ENTRY_REPLY ? NULL : entry.port);
    space_give_back(space, s->dest);
    if (entry.type == ENTRY_REPLY) {
        *heirp = reply_deliver(cpu, entry.caller, s->kmsg);
        return MK_OK;
    }
    s->kmsg->badge = entry.badge;
    entry.port->nr_send_once--;
    *heirp = port_deliver(cpu, entry.port, s->kmsg);
    port_release(cpu->machine, entry.port);
    return MK_OK;
}

/*
 * All of a send but the decoding of the header. `is_call`: the current thread will
 * wait for the answer; its serial names the call.
 */
static mk_err_t send_message(struct cpu *cpu, mk_name_t dest, struct sending *s, mk_time_t deadline, bool is_call,
                             struct thread **heirp)
{
    struct thread *self = cpu->current;
    mk_err_t err;

    for (;;) {
        err = check_names(self->space, dest, s, !is_call);
        if (!err && entry_is_dead(s->dest))
            err = MK_E_DEAD;
        if (err)
            break;
        struct port *port = s->dest->port;
        if (s->dest->type & MK_RIGHT_SEND && list_empty(receivers_of(port)) &&
            (port->queue_limit == 0 || (!self->slot && port_is_full(port)))) {
            err = sched_may_wait(cpu, deadline);
            if (!err) {
                if (self->slot) /* invited, but another sender was quicker */
                    give_slot_back(cpu, self);
                self->unsent = s->kmsg;
                err = sched_block(cpu, &port->senders, MK_WAIT_SEND, port, deadline, NULL);
                self->unsent = NULL;
            }
            if (err)
                break;
            continue; /* woken with room reserved, or invited */
        }
        if (is_call) {
            self->serial++;
            s->kmsg->reply = (struct ref){.type = ENTRY_REPLY, .caller = self, .serial = self->serial};
        }
        if (!(s->dest->type & MK_RIGHT_SEND))
            return send_once(cpu, self->space, s, heirp);
        s->kmsg->badge = s->dest->badge;
        port->refs++; /* the sender's right may be the last, and travel in the message */
        take_rights(self->space, s, port);
        *heirp = port_deliver(cpu, port, s->kmsg);
        give_slot_back(cpu, self); /* used, or left over because the message went to a receiver at once */
        port_release(cpu->machine, port);
        return MK_OK;
    }
    kmsg_free(cpu->machine, s->kmsg);
    give_slot_back(cpu, self);
    return err;
}

mk_err_t ipc_send(struct cpu *cpu, mk_name_t dest, struct mk_msg *msg, mk_time_t deadline)
{
    struct sending s;
    struct thread *heir = NULL;
    mk_err_t err = sending_begin(cpu, msg, &s);
    if (!err)
        err = send_message(cpu, dest, &s, deadline, false, &heir);
    if (heir)
        sched_ready(cpu, heir);
    return err;
}

/* ---- receiving ---- */

/* Its buffers are looked up in the header when a message comes. */
static mk_err_t set_message(struct thread *self, struct mk_msg *msg)
{
    uint64_t capacity;
    self->msg = msg;
    return user_load_u64(MSG_FIELD(msg, capacity), &capacity) ? MK_OK : MK_E_BAD_ADDRESS;
}

/* Take the next message of a port that has one. */
static mk_err_t take_message(struct cpu *cpu, struct port *port)
{
    struct thread *self = cpu->current;

    if (!port->nr_queued) {
        mk_err_t err = copy_out_unused(cpu, self, port);
        port_update_set(port);
        return err;
    }
    struct kmsg *kmsg = list_first(&port->messages, struct kmsg, link);
    uint64_t number = kmsg->number, size = kmsg->size;
    list_remove(&kmsg->link);
    mk_err_t err = copy_out(cpu, self, kmsg, port);
    if (err && err != MK_E_BAD_ADDRESS) {
        list_add_head(&kmsg->link, &port->messages);
        return err;
    }
    port->nr_queued--;
    port->seqno++;
    port_update_set(port);
    trace(cpu, MK_TRACE_RECEIVE, number, port->id, size);
    wake_senders(cpu, port);
    return err;
}

/* The rest of a receive; `heir` is made ready, or gets the CPU if this waits. */
static mk_err_t receive_message(struct cpu *cpu, mk_name_t receive, struct mk_msg *msg, mk_time_t deadline,
                                struct thread *heir)
{
    struct thread *self = cpu->current;
    bool has_waited = false;
    mk_err_t err = set_message(self, msg);

    while (!err) {
        const struct entry *entry = space_lookup(self->space, receive);
        struct port *port = NULL;
        struct list *queue = NULL;
        if (!entry) {
            err = has_waited ? MK_E_DEAD : MK_E_BAD_NAME;
        } else if (entry->type & MK_RIGHT_RECEIVE) {
            queue = &entry->port->receivers;
            if (port_has_message(entry->port))
                port = entry->port;
        } else if (entry->type == MK_RIGHT_PORT_SET) {
            queue = &entry->set->receivers;
            if (!list_empty(&entry->set->ready))
                port = list_entry(choice_from(cpu, CHOICE_PORT, &entry->set->ready), struct port, set_link);
        } else {
            err = has_waited ? MK_E_DEAD : MK_E_BAD_RIGHT;
        }
        if (!err && port) {
            err = take_message(cpu, port);
            break;
        }
        if (!err)
            err = sched_may_wait(cpu, deadline);
        if (err)
            break;
        struct thread *next = heir;
        heir = NULL;
        invite_senders(cpu, entry);
        err = sched_block(cpu, queue, MK_WAIT_RECEIVE, entry->port, deadline, next);
        if (err != MK_RETRY)
            break;
        err = MK_OK;
        has_waited = true;
    }
    if (heir)
        sched_ready(cpu, heir);
    return err;
}

mk_err_t ipc_receive(struct cpu *cpu, mk_name_t receive, struct mk_msg *msg, mk_time_t deadline)
{
    return receive_message(cpu, receive, msg, deadline, NULL);
}

/* ---- calling and replying ---- */

static mk_err_t wait_for_reply(struct cpu *cpu, mk_time_t deadline, struct thread *heir)
{
    struct thread *self = cpu->current;
    mk_err_t err = MK_OK;

    if (!(self->serial & 1))
        err = MK_E_DEAD; /* the request was lost on delivery */
    else
        err = sched_may_wait(cpu, deadline);
    if (!err)
        return sched_block(cpu, NULL, MK_WAIT_REPLY, NULL, deadline, heir);
    if (self->serial & 1)
        self->serial++;
    if (heir)
        sched_ready(cpu, heir);
    return err == MK_E_WOULD_BLOCK ? MK_E_TIMED_OUT : err; /* it was sent: not the same as nothing done */
}

mk_err_t ipc_call(struct cpu *cpu, mk_name_t dest, struct mk_msg *msg, mk_time_t deadline)
{
    struct sending s;
    struct thread *self = cpu->current, *heir = NULL;
    mk_err_t err = sending_begin(cpu, msg, &s);
    if (err)
        return err;
    err = set_message(self, msg);
    if (err) {
        kmsg_free(cpu->machine, s.kmsg);
        return err;
    }
    const struct entry *entry = space_lookup(self->space, dest);
    uint64_t call = ++cpu->nr_calls;
    self->call_port = entry && entry->type & (MK_RIGHT_SEND | MK_RIGHT_SEND_ONCE) ? entry->port->id : 0;
    trace(cpu, MK_TRACE_CALL, call, self->call_port, s.header.id);
    err = send_message(cpu, dest, &s, deadline, true, &heir);
    if (!err)
        err = wait_for_reply(cpu, deadline, heir);
    else if (heir)
        sched_ready(cpu, heir);
    trace(cpu, MK_TRACE_CALL_END, call, (uint64_t)(int64_t)err, 0);
    return err;
}

/* Nobody waits for this answer any more: the reply right is used up, the rights in the message may be. */
static mk_err_t reply_to_nobody(struct cpu *cpu, struct sending *s, bool are_rights_dropped)
{
    struct space *space = cpu->current->space;
    struct entry *entry = space_lookup(space, s->header.reply);
    if (entry)
        entry_release(space, entry);
    if (are_rights_dropped && check_rights(space, MK_NAME_NULL, NULL, s) == MK_OK) {
        take_rights(space, s, NULL);
        kmsg_destroy(cpu->machine, s->kmsg);
    } else {
        kmsg_free(cpu->machine, s->kmsg);
    }
    return MK_E_DEAD;
}

/* Steps 1, 3 and 4 of an answer. MK_E_DEAD means that nobody waits for it, and nothing else. */
static mk_err_t reply_message(struct cpu *cpu, struct mk_msg *msg, bool are_rights_dropped, struct thread **heirp)
{
    struct thread *self = cpu->current;
    struct sending s;
    mk_err_t err = sending_begin(cpu, msg, &s);
    if (err)
        return err;
    const struct entry *entry = space_lookup(self->space, s.header.reply);
    if (!entry && s.header.reply != MK_NAME_DEAD)
        err = MK_E_BAD_NAME;
    else if (entry && !(entry->type & (MK_RIGHT_SEND_ONCE | ENTRY_REPLY)))
        err = MK_E_BAD_RIGHT;
    else if (!entry || entry_is_dead(entry))
        return reply_to_nobody(cpu, &s, are_rights_dropped);
    if (!err)
        err = check_names(self->space, s.header.reply, &s, false);
    if (err) {
        kmsg_free(cpu->machine, s.kmsg);
        return err == MK_E_DEAD ? MK_E_BAD_RIGHT : err; /* a right in the answer is dead */
    }
    return send_once(cpu, self->space, &s, heirp);
}

mk_err_t ipc_reply(struct cpu *cpu, struct mk_msg *msg)
{
    struct thread *heir = NULL;
    mk_err_t err = reply_message(cpu, msg, false, &heir);
    if (heir)
        sched_ready(cpu, heir);
    return err;
}

mk_err_t ipc_reply_receive(struct cpu *cpu, mk_name_t receive, struct mk_msg *msg, mk_time_t deadline)
{
    struct thread *heir = NULL;
    uint32_t reply;
    if (!user_load_u32(MSG_FIELD(msg, reply), &reply))
        return MK_E_BAD_ADDRESS;
    if (reply != MK_NAME_NULL) {
        mk_err_t err = reply_message(cpu, msg, true, &heir);
        if (err && err != MK_E_DEAD)
            return err;
        user_store_u32(MSG_FIELD(msg, reply), MK_NAME_NULL); /* used up, whatever becomes of the receive */
    }
    return receive_message(cpu, receive, msg, deadline, heir);
}
