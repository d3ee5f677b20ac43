/* SPDX-License-Identifier: BSD-2-Clause */
/* Messages inside the kernel, and the queue of a port. */
#ifndef IPC_KMSG_H
#define IPC_KMSG_H

#include "ipc/ipc.h"
#include "vm/copy.h"

#define MSG_FIELD(msg, field) USER_FIELD(msg, struct mk_msg, field)

/* A message in the kernel. One that was queued the short way is bare: its body comes in place of what is never used. */
struct kmsg {
    struct kmsg *next; /* in the port's ring */
    uint64_t number;   /* in the trace */
    uint64_t badge;
    uint32_t id;
    mk_err_t status;
    uint32_t size, max_size; /* max: what it was allocated for */
    union {
        struct {
            uint16_t nr_rights, max_rights, nr_memories;
            bool is_bare;
        };
        uint64_t load; /* all of that; KMSG_BARE when there are bytes alone */
    };
    struct ref reply;
    struct vm_copy *memories; /* NULL: none */
    struct ref rights[];      /* then the body */
};
#define KMSG_BARE ((uint64_t)1 << 8 * (offsetof(struct kmsg, is_bare) - offsetof(struct kmsg, load)))

static inline size_t kmsg_bytes(uint32_t nr_rights, uint32_t size)
{
    return sizeof(struct kmsg) + nr_rights * sizeof(struct ref) + size;
}

static inline size_t kmsg_bare_bytes(uint32_t size)
{
    return offsetof(struct kmsg, reply) + size;
}

/* The right to answer that it brings; NULL: none. */
static inline const struct ref *kmsg_reply(const struct kmsg *kmsg)
{
    return kmsg->is_bare || !kmsg->reply.type ? NULL : &kmsg->reply;
}
#define KMSG_MEMORIES_BYTES (MK_MEMORIES_MAX * sizeof(struct vm_copy))

/* ---- a port's queue: a ring that is known by its last message ---- */

/* At the end. */
static inline void port_queue_message(struct port *port, struct kmsg *kmsg)
{
    struct kmsg *last = port->last_message;
    kmsg->next = last ? last->next : kmsg;
    if (last)
        last->next = kmsg;
    port->last_message = kmsg;
    port->nr_queued++;
}

/* The first one leaves. */
static inline void port_unqueue_message(struct port *port)
{
    struct kmsg *first = port->last_message->next;
    if (first == port->last_message)
        port->last_message = NULL;
    else
        port->last_message->next = first->next;
    port->nr_queued--;
}

/* And is the first again. */
static inline void port_requeue_message(struct port *port, struct kmsg *kmsg)
{
    struct kmsg *last = port->last_message;
    port_queue_message(port, kmsg);
    if (last)
        port->last_message = last;
}

static inline struct kmsg *port_first_message(const struct port *port)
{
    return port->last_message ? port->last_message->next : NULL;
}

#define port_for_each_message(kmsg, port) \
    for (struct kmsg *kmsg = (port)->is_event ? NULL : port_first_message(port); kmsg; \
         kmsg = kmsg == (port)->last_message ? NULL : kmsg->next)

static inline char *kmsg_body(struct kmsg *kmsg)
{
    return kmsg->is_bare ? (char *)&kmsg->reply : (char *)&kmsg->rights[kmsg->max_rights];
}

/* NULL: no memory. */
static inline struct kmsg *kmsg_create(struct mk_machine *machine, uint32_t nr_rights, uint32_t size)
{
    struct kmsg *kmsg = kmem_alloc(&machine->kmem, kmsg_bytes(nr_rights, size));
    if (unlikely(!kmsg))
        return NULL;
    kmsg->number = 0;
    kmsg->badge = 0;
    kmsg->id = 0;
    kmsg->status = MK_OK;
    kmsg->size = kmsg->max_size = size;
    kmsg->load = 0;
    kmsg->nr_rights = kmsg->max_rights = (uint16_t)nr_rights;
    kmsg->reply.type = 0;
    kmsg->memories = NULL;
    machine->nr_messages++;
    return kmsg;
}

/* The caller waits for an answer to it from now on. */
static inline void kmsg_expect_answer(struct kmsg *kmsg, struct thread *caller)
{
    caller->serial++;
    kmsg->reply = (struct ref){.type = ENTRY_REPLY, .caller = caller, .serial = caller->serial};
}

/* Its rights and memory were taken out. */
static inline void kmsg_free(struct mk_machine *machine, struct kmsg *kmsg)
{
    machine->nr_messages--;
    if (!kmsg->is_bare && kmsg->memories)
        kmem_free(&machine->kmem, kmsg->memories, KMSG_MEMORIES_BYTES);
    kmem_free(&machine->kmem, kmsg,
              kmsg->is_bare ? kmsg_bare_bytes(kmsg->max_size) : kmsg_bytes(kmsg->max_rights, kmsg->max_size));
}

void kmsg_destroy(struct mk_machine *machine, struct kmsg *kmsg); /* with its rights */

#endif
