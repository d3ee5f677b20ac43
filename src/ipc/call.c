/* SPDX-License-Identifier: BSD-2-Clause */
/* Calling and answering, the long way; see send.c. */
#include "ipc/sending.h"
#include "kern/lend.h"
#include "kern/sched.h"
#include "vm/fault.h"

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
    lend_to(cpu, self, NULL);
    if (heir)
        sched_ready(cpu, heir);
    return err == MK_E_WOULD_BLOCK ? MK_E_TIMED_OUT : err; /* it was sent: not the same as nothing done */
}

mk_err_t call_take_late(struct cpu *cpu)
{
    struct thread *self = cpu->current;
    mk_err_t err;
    do
        err = copy_out(cpu, self, self->late, NULL);
    while (err == MK_MISSING && vm_wait_missing(cpu, &err));
    if (err && !is_lost(err))
        kmsg_destroy(cpu->machine, self->late);
    self->late = NULL;
    return err;
}

mk_err_t ipc_call(struct cpu *cpu, mk_name_t dest, struct mk_msg *msg, mk_time_t deadline)
{
    struct sending s;
    struct thread *self = cpu->current, *heir = NULL;
    mk_err_t err = sending_begin(cpu, dest, msg, &s);
    if (err)
        return err;
    s.is_call = true;
    err = set_message(self, msg);
    if (err) {
        sending_cancel(cpu, &s);
        return err;
    }
    const struct entry *entry = space_lookup(self->space, dest);
    uint64_t call = ++cpu->nr_calls;
    self->call_port = entry && entry->type & (MK_RIGHT_SEND | MK_RIGHT_SEND_ONCE) ? entry->port->id : 0;
    trace(cpu, MK_TRACE_CALL, call, self->call_port, s.header.id);
    err = send_message(cpu, &s, deadline, &heir);
    if (!err && !s.is_sent)
        err = wait_for_reply(cpu, deadline, heir);
    else if (heir)
        sched_ready(cpu, heir);
    if (err == MK_LATE)
        err = call_take_late(cpu);
    trace(cpu, MK_TRACE_CALL_END, call, (uint64_t)(int64_t)err, 0);
    return err;
}

mk_err_t ipc_call_port(struct cpu *cpu, struct port *port, struct kmsg *kmsg, struct mk_msg *msg)
{
    struct thread *self = cpu->current;
    self->msg = msg;
    self->call_port = port->id;
    kmsg_expect_answer(kmsg, self);
    port->refs++; /* what is told of the message's loss may be the last to know of it */
    struct thread *heir = port_deliver(cpu, port, kmsg);
    port_release(cpu->machine, port);
    return wait_for_reply(cpu, MK_TIME_FOREVER, heir);
}

/* Nobody waits for this answer any more: the reply right is used up, the rights in the message may be. */
static mk_err_t reply_to_nobody(struct cpu *cpu, struct sending *s, bool are_rights_dropped)
{
    struct space *space = cpu->current->space;
    struct entry *entry = space_lookup(space, s->header.reply);
    if (entry)
        entry_release(space, entry);
    if (are_rights_dropped && sending_check_load(s, NULL) == MK_OK) {
        sending_commit_memory(s);
        sending_commit_rights(s, NULL);
        kmsg_destroy(cpu->machine, s->kmsg);
    } else {
        sending_cancel(cpu, s);
    }
    return MK_E_DEAD;
}

/* Steps 1, 3 and 4 of an answer. MK_E_DEAD means that nobody waits for it, and nothing else. */
static mk_err_t reply_message(struct cpu *cpu, struct mk_msg *msg, bool are_rights_dropped, struct thread **heirp)
{
    struct sending s;
    mk_err_t err = sending_begin(cpu, MK_NAME_NULL, msg, &s);
    if (err)
        return err;
    s.dest_name = s.header.reply;
    const struct entry *entry = space_lookup(cpu->current->space, s.dest_name);
    if (!entry && s.header.reply != MK_NAME_DEAD)
        err = MK_E_BAD_NAME;
    else if (entry && !(entry->type & (MK_RIGHT_SEND_ONCE | ENTRY_REPLY)))
        err = MK_E_BAD_RIGHT;
    else if (!entry || entry_is_dead(entry))
        return reply_to_nobody(cpu, &s, are_rights_dropped);
    if (!err)
        err = sending_check(&s);
    if (err) {
        sending_cancel(cpu, &s);
        return err == MK_E_DEAD ? MK_E_BAD_RIGHT : err; /* a right in the answer is dead */
    }
    send_commit(cpu, &s, heirp);
    return MK_OK;
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
        if (!user_store_u32(MSG_FIELD(msg, reply), MK_NAME_NULL)) { /* used up, whatever becomes of the receive */
            if (heir)
                sched_ready(cpu, heir);
            heir = NULL;
            err = MK_E_BAD_ADDRESS; /* the page left meanwhile: only what follows may begin again */
            while (vm_wait_missing(cpu, &err) && !user_store_u32(MSG_FIELD(msg, reply), MK_NAME_NULL))
                ;
        }
    }
    return receive_message(cpu, receive, msg, deadline, heir);
}
