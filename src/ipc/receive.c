/* SPDX-License-Identifier: BSD-2-Clause */
/* Receiving, the long way; see send.c. */
#include "ipc/sending.h"
#include "kern/sched.h"

mk_err_t set_message(struct thread *self, struct mk_msg *msg)
{
    self->msg = msg;
    return user_may_write(msg, sizeof(*msg)) && raw_probe_u64(MSG_FIELD(msg, capacity)) ? MK_OK : MK_E_BAD_ADDRESS;
}

/* What a name of a receive right or set leads to: the port with the next message, or NULL and who waits for one. */
static mk_err_t find_message(struct cpu *cpu, const struct entry *entry, struct port **portp, struct list **queuep)
{
    *portp = NULL;
    if (!entry)
        return MK_E_BAD_NAME;
    if (entry->type & MK_RIGHT_RECEIVE) {
        *queuep = &entry->port->receivers;
        if (port_has_message(entry->port))
            *portp = entry->port;
        return MK_OK;
    }
    if (entry->type != MK_RIGHT_PORT_SET)
        return MK_E_BAD_RIGHT;
    *queuep = &entry->set->receivers;
    *portp = portset_choose(cpu, entry->set);
    return MK_OK;
}

mk_err_t receive_message(struct cpu *cpu, mk_name_t receive, struct mk_msg *msg, mk_time_t deadline,
                         struct thread *heir)
{
    struct thread *self = cpu->current;
    mk_err_t gone = MK_OK; /* a name that went during the wait */
    mk_err_t err = set_message(self, msg);

    self->door_name = receive;
    while (!err) {
        struct port *port;
        struct list *queue;
        const struct entry *entry = space_lookup(self->space, self->door_name); /* it can be renamed meanwhile */
        err = find_message(cpu, entry, &port, &queue);
        if (err) {
            err = gone ? gone : err;
            break;
        }
        self->wait_object = entry->port;
        if (port) {
            err = port_take_message(cpu, port);
            if (err == MK_MISSING)
                err = MK_E_BAD_ADDRESS; /* the call begins again when the page is there */
            break;
        }
        err = sched_may_wait(cpu, deadline);
        if (err)
            break;
        if (invite_sender(cpu, entry))
            continue;
        struct thread *next = heir;
        heir = NULL;
        err = sched_block(cpu, queue, MK_WAIT_RECEIVE, entry->port, deadline, next);
        if (err != MK_RETRY)
            break;
        err = MK_OK;
        gone = MK_E_DEAD;
    }
    if (heir)
        sched_ready(cpu, heir);
    return err;
}

mk_err_t ipc_receive(struct cpu *cpu, mk_name_t receive, struct mk_msg *msg, mk_time_t deadline)
{
    return receive_message(cpu, receive, msg, deadline, NULL);
}
