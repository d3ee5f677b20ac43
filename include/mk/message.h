/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Messages: sending, receiving, calling, replying.
 *
 * A message has an operation id, a body of bytes that is copied, rights that
 * are moved, copied or made on the way, and memory that travels out of line,
 * page by page, without passing through the body. The semantics are those of Mach 3
 * (GNU Mach Reference Manual, chapter 4), with mk_call and mk_reply_receive as
 * single operations: when the receiver waits already and no ready thread is
 * stronger, the CPU is handed to it directly.
 *
 * One struct serves both directions. `body`, `capacity`, `rights`, `max_rights`,
 * `memories` and `max_memories` belong to the caller and are never changed by
 * the kernel; all other fields are overwritten by a receive (`events` only by
 * one that brings events, see <mk/event.h>).
 */
#ifndef MK_MESSAGE_H
#define MK_MESSAGE_H

#include <mk/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * How a right travels. No value is one of enum mk_right_type, so that a received right is not sent on by mistake. MOVE
 * takes it from the sender, COPY adds one, MAKE makes one from a receive right.
 */
enum mk_disposition {
    MK_MOVE_RECEIVE = 65,
    MK_MOVE_SEND = 66,
    MK_MOVE_SEND_ONCE = 67,
    MK_COPY_SEND = 68,
    MK_MAKE_SEND = 69,
    MK_MAKE_SEND_ONCE = 70,
};

struct mk_msg_right {
    mk_name_t name; /* sent: a name of the sender; received: a name of the receiver, or MK_NAME_DEAD */
    uint32_t how;   /* sent: enum mk_disposition; received: MK_RIGHT_RECEIVE, _SEND or _SEND_ONCE */
};

/*
 * How memory travels. COPY: the receiver gets what the sender's memory holds at the time of the send; any
 * readable bytes. MOVE: whole pages that mk_vm_allocate gave, which leave the sender; nothing is copied.
 */
enum mk_memory_how {
    MK_MEMORY_COPY = 1,
    MK_MEMORY_MOVE = 2,
};

/*
 * A piece of memory outside the body. It arrives in fresh pages of the
 * receiver's window, at the same offset in the first page as it had at the
 * sender; what else is in the first and last page is zero. The receiver owns
 * the pages: mk_msg_discard, or mk_vm_deallocate over all pages that hold a
 * byte of it, frees them. Until it is received it is charged to the machine's memory.
 */
struct mk_msg_memory {
    void *address;
    size_t size;  /* bytes, at least 1 */
    uint32_t how; /* sent: enum mk_memory_how; received: 0, so that it is not sent on by mistake */
};

struct mk_msg {
    uint32_t id;           /* operation, chosen by the protocol */
    mk_err_t status;       /* of a reply: outcome of the operation */
    void *body;            /* bytes sent or received */
    size_t size;           /* bytes in body; at most MK_BODY_MAX */
    size_t capacity;       /* bytes that body can hold; read by receives only */
    uint32_t nr_rights;    /* used in `rights`; at most MK_RIGHTS_MAX */
    uint32_t nr_memories;  /* used in `memories`; at most MK_MEMORIES_MAX */
    uint32_t max_rights;   /* room in `rights`; read by receives only */
    uint32_t max_memories; /* room in `memories`; read by receives only */
    struct mk_msg_right *rights;
    struct mk_msg_memory *memories;
    uint64_t badge;  /* set by the kernel on receive: the badge of the send right that was used */
    mk_name_t reply; /* received: the right to answer on, or MK_NAME_NULL; see mk_send and mk_reply */
    mk_name_t port;  /* set by the kernel on receive: the receive right that it came through, also by way of a set */
    uint32_t seqno;  /* set by the kernel on receive: count of messages taken from the port, from 0 */
    uint64_t events; /* set by the kernel when events are received: their bits */
};

/*
 * Send `msg` to the port that `dest` (a send or send-once right) leads to.
 * Waits until `deadline` while the port's queue is full; a send-once right
 * never waits. A send-once right is used up by success.
 *
 * msg->reply: MK_NAME_NULL, or a receive right of the caller: a send-once right
 * is made from it, before any right is moved, and arrives as the receiver's
 * `reply`; or a send-once right, which is moved.
 *
 * On success all moved rights and memory have left the caller. On error nothing has.
 *
 * A receive right that would come to wait in its own queue, directly or inside
 * other receive rights on their way, could never be received again: the send
 * succeeds and the message is destroyed at once, with all that it carries (as in Mach).
 *   MK_E_BAD_NAME      dest, reply or a right in the message is not a name of the caller
 *   MK_E_BAD_RIGHT     ... is a right of a kind that does not fit; or dest leads to an event port
 *   MK_E_DEAD          the port died, before or during the wait
 *   MK_E_MSG_TOO_LARGE size > MK_BODY_MAX, nr_rights > MK_RIGHTS_MAX or nr_memories > MK_MEMORIES_MAX
 *   MK_E_BAD_ARGUMENT  an unknown disposition, memory of size 0 or moved but not in whole pages, or a negative deadline
 *   MK_E_BAD_ADDRESS   msg, body, rights or memories cannot be read; memory to be moved is not allocated in the
 *                      caller's window, or moved twice
 *   MK_E_LIMIT_MEMORY  the machine's memory has no room for a copy
 *   MK_E_LIMIT_HOST,   MK_E_WOULD_BLOCK, MK_E_TIMED_OUT, MK_E_ABORTED, MK_E_NO_MEMORY, MK_E_NOT_IN_MACHINE
 */
MK_API MK_NODISCARD mk_err_t mk_send(mk_name_t dest, struct mk_msg *msg, mk_time_t deadline);

/*
 * Receive from a port or port set of which the caller holds the receive right.
 * Waits until `deadline` for a message.
 *
 * A message larger than `capacity` or with more rights than `max_rights` or more
 * pieces of memory than `max_memories` stays in the queue: MK_E_MSG_TOO_LARGE,
 * with msg->size, nr_rights and nr_memories telling what it needs.
 *   MK_E_BAD_NAME, MK_E_BAD_RIGHT  receive is not a receive right or port set
 *   MK_E_DEAD          the port or set was destroyed, or its receive right moved away, during the wait
 *   MK_E_BAD_ADDRESS   msg, body or rights cannot be written; a message that was being delivered is lost
 *   MK_E_LIMIT_NAMES   no names are left for the rights; the message stays queued
 *   MK_E_LIMIT_WINDOW  the window has no room for its memory; the message is lost, so that it does not stand in the way
 *   MK_E_LIMIT_HOST    the host refused its memory; the message stays queued
 *   MK_E_WOULD_BLOCK, MK_E_TIMED_OUT, MK_E_ABORTED, MK_E_BAD_ARGUMENT, MK_E_NO_MEMORY, MK_E_NOT_IN_MACHINE
 */
MK_API MK_NODISCARD mk_err_t mk_receive(mk_name_t receive, struct mk_msg *msg, mk_time_t deadline);

/*
 * Send `msg` and wait for the answer, which overwrites it. The receiver finds
 * in its `reply` a send-once right that only this call made; msg->reply is not
 * read. `deadline` bounds the whole call.
 *
 * Errors of the sending half are those of mk_send, and nothing was sent. Then:
 *   MK_OK              answered; msg->status tells the server's outcome
 *   MK_E_DEAD          the reply right was dropped, or its holder or the port died
 *   MK_E_MSG_TOO_LARGE the answer did not fit and is lost; msg->size, nr_rights and nr_memories tell what it needs.
 *                      (The same error without a request sent: one of them over its limit.)
 *   MK_E_BAD_ADDRESS, MK_E_LIMIT_NAMES, MK_E_LIMIT_WINDOW, MK_E_LIMIT_HOST, MK_E_NO_MEMORY
 *                      the answer could not be taken in and is lost
 *   MK_E_TIMED_OUT, MK_E_ABORTED  the request may have been served all the same; its answer will be refused
 *                      (MK_TIME_POLL: MK_E_WOULD_BLOCK means that nothing was sent, MK_E_TIMED_OUT that the
 * request was)
 */
MK_API MK_NODISCARD mk_err_t mk_call(mk_name_t dest, struct mk_msg *msg, mk_time_t deadline);

/*
 * Answer on msg->reply, a send-once right, with msg's id, status, body and
 * rights. Never waits. The reply right is used up, also when MK_E_DEAD says
 * that nobody waits for it any more (then the rights in the message stay with
 * the caller). All other errors are those of mk_send and change nothing; a dead
 * right in the message is MK_E_BAD_RIGHT here.
 */
MK_API MK_NODISCARD mk_err_t mk_reply(struct mk_msg *msg);

/*
 * mk_reply (unless msg->reply is MK_NAME_NULL), then mk_receive, in one
 * operation. A caller that went away meanwhile is not an error: the reply
 * right is used up, the rights of the answer are dropped as if it had been lost
 * on the way, and the receive goes on. Once the answer is sent msg->reply is
 * MK_NAME_NULL, also when the receive fails. Other errors of the reply half
 * return before anything is received, with msg unchanged.
 */
MK_API MK_NODISCARD mk_err_t mk_reply_receive(mk_name_t receive, struct mk_msg *msg, mk_time_t deadline);

/*
 * Release what a received message brought: its rights, its memory and its reply
 * right, which makes a waiting caller return MK_E_DEAD. Receive rights in it die.
 * Sets nr_rights, nr_memories and reply to 0. NULL is ignored.
 */
MK_API void mk_msg_discard(struct mk_msg *msg);

/* The same but for the reply right, which stays: what a server does with rights and memory that it did not ask for. */
MK_API void mk_msg_drop_rights(struct mk_msg *msg);

#ifdef __cplusplus
}
#endif
#endif
