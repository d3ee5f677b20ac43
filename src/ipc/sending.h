/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the parts of the long way share (steps of the life of a message, see send.c): sending.c decodes
 * and commits, room.c waits for room, deliver.c delivers, send.c, receive.c and call.c put them together.
 */
#ifndef IPC_SENDING_H
#define IPC_SENDING_H

#include "ipc/kmsg.h"

/* A send: checked, but not yet done. */
struct sending {
    struct mk_msg header;
    struct kmsg *kmsg;
    mk_name_t dest_name;
    struct entry *dest;
    uint32_t reply_how; /* disposition of header.reply; 0: no reply right */
    struct thread *sender;
    bool with_reply;  /* header.reply is a right to be sent along */
    bool is_call;     /* the sender waits for an answer afterwards */
    bool is_sent;     /* by whoever made room for it */
    bool is_circular; /* a receive right would wait in its own queue: the message is destroyed */
    struct mk_msg_right rights[MK_RIGHTS_MAX];
    struct mk_msg_memory memories[MK_MEMORIES_MAX];
};

/* Step 1: header, rights, memory and body copied in. Errors are those of mk_send; then nothing is left of it. */
mk_err_t sending_begin(struct cpu *cpu, mk_name_t dest, const struct mk_msg *msg, struct sending *s);
/* The send failed: free what step 1 made. */
void sending_cancel(struct cpu *cpu, struct sending *s);

/* Destination, rights and memory to be moved, which can change while a sender waits. */
mk_err_t sending_check(struct sending *s);
/* Rights and memory alone, for a message to `port` (NULL: an answer, or nowhere). */
mk_err_t sending_check_load(struct sending *s, const struct port *port);

/*
 * Step 3, which cannot fail: memory to be moved leaves the sender; then the rights, for a message that goes to `dest`
 * (NULL: an answer, or nowhere).
 */
void sending_commit_memory(struct sending *s);
void sending_commit_rights(struct sending *s, struct port *dest);

/*
 * Step 5: into the buffers of `thread`, from `port` (NULL: an answer). MK_OK: delivered, kmsg is gone.
 * MK_E_BAD_ADDRESS, MK_E_LIMIT_WINDOW: lost, kmsg is gone. Anything else: nothing changed.
 */
mk_err_t copy_out(struct cpu *cpu, struct thread *thread, struct kmsg *kmsg, struct port *port);

/* Did copy_out use the message up, although nobody has it? */
static inline bool is_lost(mk_err_t err)
{
    return err == MK_E_BAD_ADDRESS || err == MK_E_LIMIT_WINDOW;
}

/* Deliver an answer to the thread that waits for it: unblocked, but not yet ready. */
struct thread *reply_deliver(struct cpu *cpu, struct thread *caller, struct kmsg *kmsg);

/* ---- step 2: room in a queue ---- */

/* Let senders that wait come for the room that there is, and tell those who asked of what is left. */
void port_admit(struct cpu *cpu, struct port *port);
/*
 * A receiver is about to wait at this entry's port or set: where nothing is queued, a sender may come. True: one did,
 * or
 * notices were sent; the receiver looks again.
 */
bool invite_sender(struct cpu *cpu, const struct entry *entry);

/* ---- sends ---- */

/*
 * Steps 2 to 4. *heirp: a thread to be made ready. When another thread completed a call (s->is_sent), the wait for the
 * answer is over as well, and its result is returned.
 */
mk_err_t send_message(struct cpu *cpu, struct sending *s, mk_time_t deadline, struct thread **heirp);
/* The rest of step 3, and step 4: cannot fail and never waits. */
void send_commit(struct cpu *cpu, struct sending *s, struct thread **heirp);

/* A receive; `heir` is made ready, or gets the CPU if this waits. */
mk_err_t receive_message(struct cpu *cpu, mk_name_t receive, struct mk_msg *msg, mk_time_t deadline,
                         struct thread *heir);
/* The current thread's buffers, which are looked up in the header when a message comes. MK_E_BAD_ADDRESS. */
mk_err_t set_message(struct thread *self, struct mk_msg *msg);

#endif
