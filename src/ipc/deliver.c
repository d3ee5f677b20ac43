/* SPDX-License-Identifier: BSD-2-Clause */
/* Delivery, steps 4 and 5 of a message's life: into a receiver's buffers, or into the queue; see send.c. */
#include "ipc/pager.h"
#include "ipc/sending.h"

#include "kern/choice.h"
#include "kern/lend.h"
#include "kern/sched.h"
#include "vm/fault.h"

/* ---- priority lent to who serves ---- */

static void lend_for(struct cpu *cpu, const struct ref *ref, struct thread *thread)
{
    if (ref && ref->type == ENTRY_REPLY && reply_is_valid(ref->caller, ref->serial))
        lend_to(cpu, ref->caller, thread);
}

/*
 * The rights to answer calls that a message brings are served by `thread` from now on; NULL: by nobody.
 * The call's own loan comes last: what the message passes on may have made its sender stronger.
 */
static void kmsg_lend(struct cpu *cpu, const struct kmsg *kmsg, struct thread *thread)
{
    for (uint32_t i = 0; i < kmsg->nr_rights; i++)
        lend_for(cpu, &kmsg->rights[i], thread);
    lend_for(cpu, kmsg_reply(kmsg), thread);
}

void port_lend_queue(struct cpu *cpu, struct port *port, struct thread *thread)
{
    port_for_each_message (kmsg, port)
        kmsg_lend(cpu, kmsg, thread);
    list_for_each (link, &port->senders) {
        struct thread *sender = list_entry(link, struct thread, queue);
        if (sender->unsent->is_call)
            lend_to(cpu, sender, thread);
    }
}

/* It received from the port, or from a set around it. */
static void serve(struct cpu *cpu, struct port *port, struct thread *thread)
{
    bool is_known = port_server(port) == thread;
    if (thread->wait_object == port)
        port->server = thread;
    else
        ((struct portset *)thread->wait_object)->server = thread;
    thread->served = thread->wait_object;
    if (!is_known)
        port_lend_queue(cpu, port, thread);
}

/* ---- (5) into a receiver's buffers ---- */

static uint32_t nr_names_needed(const struct kmsg *kmsg)
{
    uint32_t n = kmsg_reply(kmsg) != NULL;
    for (uint32_t i = 0; i < kmsg->nr_rights; i++)
        n += kmsg->rights[i].type != 0;
    return n;
}

static bool fits(const struct kmsg *kmsg, const struct mk_msg *to)
{
    return kmsg->size <= to->capacity && kmsg->nr_rights <= to->max_rights && kmsg->nr_memories <= to->max_memories;
}

static bool store_sizes(struct mk_msg *msg, const struct kmsg *kmsg)
{
    return raw_store_u64(MSG_FIELD(msg, size), kmsg->size) &&
           raw_store_u32(MSG_FIELD(msg, nr_rights), kmsg->nr_rights) &&
           raw_store_u32(MSG_FIELD(msg, nr_memories), kmsg->nr_memories);
}

/* Memory into the receiver's map; all or none. */
static mk_err_t put_memories(struct map *map, struct kmsg *kmsg, struct mk_msg_memory *memories)
{
    for (uint32_t i = 0; i < kmsg->nr_memories; i++) {
        uintptr_t address;
        mk_err_t err = map_put_copy(map, &kmsg->memories[i], &address);
        if (err) {
            while (i-- > 0)
                map_take_back(map, (uintptr_t)memories[i].address, &kmsg->memories[i]);
            return err;
        }
        memories[i] = (struct mk_msg_memory){.address = (void *)address, .size = kmsg->memories[i].size};
    }
    return MK_OK;
}

static void drop_memories(struct map *map, struct kmsg *kmsg, const struct mk_msg_memory *memories)
{
    for (uint32_t i = 0; i < kmsg->nr_memories; i++)
        map_deallocate(map, (uintptr_t)memories[i].address - kmsg->memories[i].offset, kmsg->memories[i].nr_bytes);
    kmsg->nr_memories = 0;
}

/*
 * Everything that can fault; what was written once can be written again. The names come last and must not fault any
 * more: where storing the header made other pages leave, their places may be among those, and all is done once more.
 */
static bool store_message(struct cpu *cpu, struct mk_msg *msg, const struct mk_msg *to, struct kmsg *kmsg,
                          const struct port *port, const struct mk_msg_right *rights,
                          const struct mk_msg_memory *memories)
{
    const uint64_t *nr_evictions = &cpu->machine->vm->counts.nr_evictions;
    if (!user_put(to->body, kmsg_body(kmsg), kmsg->size) ||
        !user_put(to->memories, memories, kmsg->nr_memories * sizeof(memories[0])))
        return false;
    uint64_t nr_before = *nr_evictions;
    return user_put(to->rights, rights, kmsg->nr_rights * sizeof(rights[0])) && store_sizes(msg, kmsg) &&
           raw_store_u32(MSG_FIELD(msg, id), kmsg->id) &&
           raw_store_u32(MSG_FIELD(msg, status), (uint32_t)kmsg->status) &&
           raw_store_u64(MSG_FIELD(msg, badge), kmsg->badge) && raw_store_u32(MSG_FIELD(msg, reply), MK_NAME_NULL) &&
           raw_store_u32(MSG_FIELD(msg, port), port ? port->name : MK_NAME_NULL) &&
           raw_store_u32(MSG_FIELD(msg, seqno), port ? port->seqno : 0) &&
           (*nr_evictions == nr_before || vm_missing(cpu, (uintptr_t)msg, true) == MK_OK);
}

static mk_err_t write_out(struct cpu *cpu, struct thread *thread, struct kmsg *kmsg, struct port *port)
{
    struct mk_msg *msg = thread->msg;
    struct space *space = thread->space;
    struct mk_msg_right rights[MK_RIGHTS_MAX];
    struct mk_msg_memory memories[MK_MEMORIES_MAX];
    struct mk_msg to;

    cpu->is_missing = false;
    if (!raw_copy(&to, msg, sizeof(to)) || (!fits(kmsg, &to) && !store_sizes(msg, kmsg))) {
        if (cpu->is_missing)
            return MK_MISSING;
        kmsg_destroy(cpu->machine, kmsg);
        return MK_E_BAD_ADDRESS;
    }
    if (!fits(kmsg, &to))
        return MK_E_MSG_TOO_LARGE;
    mk_err_t err = space_reserve(space, nr_names_needed(kmsg));
    if (!err && kmsg->nr_memories)
        err = put_memories(thread->task->map, kmsg, memories);
    if (err == MK_E_LIMIT_WINDOW)
        kmsg_destroy(cpu->machine, kmsg);
    if (err)
        return err;
    memset(rights, 0, kmsg->nr_rights * sizeof(rights[0]));
    if (!store_message(cpu, msg, &to, kmsg, port, rights, memories)) {
        if (cpu->is_missing) {
            for (uint32_t i = 0; i < kmsg->nr_memories; i++)
                map_take_back(thread->task->map, (uintptr_t)memories[i].address, &kmsg->memories[i]);
            return MK_MISSING;
        }
        drop_memories(thread->task->map, kmsg, memories);
        kmsg_destroy(cpu->machine, kmsg);
        return MK_E_BAD_ADDRESS;
    }
    if (port)
        serve(cpu, port, thread);
    kmsg_lend(cpu, kmsg, thread);
    for (uint32_t i = 0; i < kmsg->nr_rights; i++) {
        rights[i].how = ref_kind(&kmsg->rights[i]);
        rights[i].name = ref_put(space, kmsg->rights[i]);
    }
    user_put(to.rights, rights, kmsg->nr_rights * sizeof(rights[0]));
    if (kmsg_reply(kmsg))
        raw_store_u32(MSG_FIELD(msg, reply), ref_put(space, kmsg->reply));
    kmsg_free(cpu->machine, kmsg);
    return MK_OK;
}

mk_err_t copy_out(struct cpu *cpu, struct thread *thread, struct kmsg *kmsg, struct port *port)
{
    struct host_isolation *isolation = cpu->host.isolation;
    if (likely(!isolation) || !cpu->current) /* before and after runs nothing is closed */
        return write_out(cpu, thread, kmsg, port);
    if (thread != cpu->current)
        host_isolation_prepare(isolation, thread->task->domain, thread->context.stack);
    host_isolation_use(isolation, thread->trap_stack ? NULL : thread->task->domain); /* the kernel asks on that stack */
    mk_err_t err = write_out(cpu, thread, kmsg, port);
    host_isolation_use(isolation, cpu->current->task->domain);
    return err;
}

/* A message that the kernel owes for a send-once right that went unused. */
static mk_err_t take_unused(struct cpu *cpu, struct port *port)
{
    struct kmsg *kmsg = kmsg_create(cpu->machine, 0, sizeof(struct mk_notification));
    if (!kmsg)
        return MK_E_NO_MEMORY;
    *(struct mk_notification *)(void *)kmsg_body(kmsg) = (struct mk_notification){.event = MK_NOTIFY_SEND_ONCE};
    kmsg->id = MK_NOTIFY_ID + MK_NOTIFY_SEND_ONCE;
    kmsg->badge = MK_BADGE_KERNEL;
    mk_err_t err = copy_out(cpu, cpu->current, kmsg, port);
    if (err && !is_lost(err)) {
        kmsg_free(cpu->machine, kmsg);
        return err;
    }
    port->nr_unused--;
    port->seqno++;
    port_took_turn(port);
    return err;
}

mk_err_t port_take_message(struct cpu *cpu, struct port *port)
{
    struct thread *self = cpu->current;

    if (port->is_event)
        return event_take(cpu, port);
    if (!port->nr_queued)
        return take_unused(cpu, port);
    struct kmsg *kmsg = port_first_message(port);
    uint64_t number = kmsg->number, size = kmsg->size;
    port_unqueue_message(port); /* first: what it carries, if it is lost, can come to this queue as notices */
    mk_err_t err = copy_out(cpu, self, kmsg, port);
    if (err && !is_lost(err)) {
        port_requeue_message(port, kmsg);
        return err;
    }
    port->seqno++;
    port_took_turn(port);
    trace(cpu, MK_TRACE_RECEIVE, number, port->id, size);
    if (unlikely(port->is_pager))
        pager_took(cpu->machine);
    port_admit(cpu, port);
    return err;
}

/* ---- (4) deliver ---- */

struct thread *port_deliver(struct cpu *cpu, struct port *port, struct kmsg *kmsg)
{
    struct list *receivers;

    kmsg->number = ++cpu->nr_sends;
    trace(cpu, MK_TRACE_SEND, kmsg->number, port->id, kmsg->size);
    while (!list_empty(receivers = port_receivers(port))) {
        struct thread *receiver = list_entry(choice_from(cpu, CHOICE_WAKE, receivers), struct thread, queue);
        uint64_t number = kmsg->number, size = kmsg->size;
        list_remove(&receiver->queue); /* a message that is lost can set off notices: not to this one */
        mk_err_t err = copy_out(cpu, receiver, kmsg, port);
        sched_unblock(cpu, receiver, err == MK_MISSING ? MK_RETRY : err); /* it gets its pages and comes again */
        if (err == MK_OK || is_lost(err)) {
            port->seqno++;
            trace_for(cpu, receiver, MK_TRACE_RECEIVE, number, port->id, size);
            return receiver;
        }
        sched_ready(cpu, receiver); /* it cannot take this one: told so, and the next may */
    }
    bool is_first = !port_has_message(port); /* a port that is in line already keeps its place */
    kmsg_lend(cpu, kmsg, port_server(port));
    port_queue_message(port, kmsg);
    if (is_first)
        port_became_ready(port);
    return NULL;
}

struct thread *reply_deliver(struct cpu *cpu, struct thread *caller, struct kmsg *kmsg)
{
    uint64_t number = kmsg->number = ++cpu->nr_sends;
    uint32_t size = kmsg->size;
    trace(cpu, MK_TRACE_SEND, number, 0, size);
    mk_err_t err = copy_out(cpu, caller, kmsg, NULL);
    if (err == MK_MISSING) {
        caller->late = kmsg;
        err = MK_LATE;
    } else if (err && !is_lost(err)) {
        kmsg_destroy(cpu->machine, kmsg);
    }
    trace_for(cpu, caller, MK_TRACE_RECEIVE, number, 0, size);
    sched_unblock(cpu, caller, err);
    return caller;
}
