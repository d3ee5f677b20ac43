/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ports and rights (GNU Mach Reference Manual, chapter 4.3).
 *
 * A port is a queue of messages with exactly one receive right and any number
 * of send and send-once rights. Rights live in the port space of a task under
 * names. A receive right and unbadged send rights to the same port share one
 * name; each send-once right has a name of its own; send rights with another
 * badge have another name. A send right held n times has n user references.
 * When a port dies, the names of its send rights become dead names.
 *
 * No call in this header waits. All may return MK_E_NOT_IN_MACHINE.
 */
#ifndef MK_PORT_H
#define MK_PORT_H

#include <mk/message.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Kinds of rights; a name can be RECEIVE and SEND at once, hence bits. */
enum mk_right_type {
    MK_RIGHT_SEND = 1,
    MK_RIGHT_RECEIVE = 2,
    MK_RIGHT_SEND_ONCE = 4,
    MK_RIGHT_PORT_SET = 8,
    MK_RIGHT_DEAD_NAME = 16,
};

struct mk_right_info {
    uint32_t type;      /* bits of enum mk_right_type */
    uint32_t user_refs; /* of the send, send-once or dead-name part */
    uint64_t badge;     /* of the send right */
    uint64_t port;      /* the port's or set's number in its machine, as traces and listings print it; 0 when dead */
};

/* State of a port; read with its receive right. */
struct mk_port_state {
    uint32_t nr_queued;    /* messages waiting */
    uint32_t queue_limit;  /* messages that may wait before senders do */
    uint32_t nr_send;      /* send rights alive anywhere */
    uint32_t nr_send_once; /* send-once rights alive anywhere */
    uint32_t make_count;   /* send rights ever made from the receive right since it last moved */
    uint32_t seqno;        /* next message's sequence number */
    bool in_set;           /* member of a port set */
    bool is_event;         /* an event port, see <mk/event.h> */
    uint64_t events;       /* of an event port: bits signalled and not yet taken */
};

/* New port; its receive right under a fresh name. MK_E_NO_MEMORY, MK_E_LIMIT_NAMES, MK_E_BAD_ADDRESS. */
MK_API MK_NODISCARD mk_err_t mk_port_create(mk_name_t *receivep);

/*
 * Destroy the port (with a port-destroyed notification requested: send the
 * receive right to its requester instead). Queued messages are destroyed with
 * their rights, waiting senders and receivers get MK_E_DEAD, dead-name
 * notifications are sent. User references of send rights under the same name
 * remain, as a dead name. MK_E_BAD_NAME, MK_E_BAD_RIGHT.
 */
MK_API mk_err_t mk_port_destroy(mk_name_t receive);

/*
 * Set how many messages may wait, 0 to MK_QUEUE_MAX; 0 is a rendezvous: a send waits for a receiver.
 * MK_E_BAD_NAME, MK_E_BAD_RIGHT, MK_E_BAD_ARGUMENT.
 */
MK_API MK_NODISCARD mk_err_t mk_port_set_limit(mk_name_t receive, uint32_t nr_messages);

/* MK_E_BAD_NAME, MK_E_BAD_RIGHT, MK_E_BAD_ADDRESS. */
MK_API MK_NODISCARD mk_err_t mk_port_state(mk_name_t receive, struct mk_port_state *statep);

/*
 * Make a right from a receive right in the caller's own space: `type` is
 * MK_RIGHT_SEND (badge 0 shares the receive right's name; namep may be NULL then) or
 * MK_RIGHT_SEND_ONCE (a fresh name; its badge is seen by the receiver as well).
 * MK_E_BAD_NAME, MK_E_BAD_RIGHT, MK_E_BAD_ARGUMENT, MK_E_OVERFLOW (65,535 user
 * references held), MK_E_LIMIT_NAMES, MK_E_NO_MEMORY, MK_E_BAD_ADDRESS.
 */
MK_API MK_NODISCARD mk_err_t mk_right_make(mk_name_t receive, enum mk_right_type type, uint64_t badge,
                                           mk_name_t *namep);

/*
 * Add n >= 1 user references to a send right or dead name. MK_E_BAD_NAME, MK_E_BAD_RIGHT,
 * MK_E_BAD_ARGUMENT, MK_E_OVERFLOW.
 */
MK_API MK_NODISCARD mk_err_t mk_right_retain(mk_name_t name, uint32_t n);

/*
 * Drop one user reference of a send right, send-once right or dead name; with
 * the last the name goes (a receive right under it stays; that one ends with
 * mk_port_destroy). Dropping a send-once right sends a send-once notification,
 * or makes the caller that waits for it return MK_E_DEAD. MK_E_BAD_NAME,
 * MK_E_BAD_RIGHT (only a receive right or port set).
 */
MK_API mk_err_t mk_right_release(mk_name_t name);

/* MK_E_BAD_NAME, MK_E_BAD_ADDRESS. */
MK_API MK_NODISCARD mk_err_t mk_right_info(mk_name_t name, struct mk_right_info *infop);

/*
 * Give the caller's right `name` to another task, as a message would, and tell
 * its name there. `task` is a task's send right. The caller needs no receiver
 * in the other task: this is how a parent furnishes a child.
 * MK_E_BAD_NAME, MK_E_BAD_RIGHT, MK_E_BAD_ARGUMENT, MK_E_DEAD, MK_E_LIMIT_NAMES, MK_E_NO_MEMORY, MK_E_BAD_ADDRESS.
 */
MK_API MK_NODISCARD mk_err_t mk_right_insert(mk_name_t task, mk_name_t name, enum mk_disposition how, mk_name_t *namep);

/* The reverse: take `name` of the other task's space by `how`; *namep is its name in the caller's. Errors as above. */
MK_API MK_NODISCARD mk_err_t mk_right_extract(mk_name_t task, mk_name_t name, enum mk_disposition how,
                                              mk_name_t *namep);

/*
 * Give the caller's right `name` the name `new_name`, chosen by the caller: any
 * number but MK_NAME_NULL and MK_NAME_DEAD that denotes nothing now. A wait on
 * the right goes on. A look-up of a chosen name costs a little more than that of
 * one chosen by the kernel. MK_E_BAD_NAME, MK_E_BAD_ARGUMENT, MK_E_NAME_IN_USE, MK_E_NO_MEMORY, MK_E_LIMIT_NAMES (the
 * kernel would have none left of 2,047 names of one kind).
 */
MK_API MK_NODISCARD mk_err_t mk_right_rename(mk_name_t name, mk_name_t new_name);

/*
 * Notifications are messages that the kernel sends once to a send-once right.
 *   MK_NOTIFY_DEAD_NAME       name: a send or send-once right whose port dies. One user reference is added to the dead
 *                             name that is left, so that it cannot be reused before the notice is read. Works for task
 *                             and thread ports too: this is a death notice.
 *   MK_NOTIFY_NO_SENDERS      name: a receive right whose last send right goes. `sync` is the make count below which
 *                             nothing is sent yet.
 *   MK_NOTIFY_PORT_DESTROYED  name: a receive right that would be destroyed: it is sent as rights[0] instead.
 *   MK_NOTIFY_SEND_ONCE       sent unasked when a send-once right goes unused.
 *   MK_NOTIFY_SEND_POSSIBLE   name: a send right whose port's queue has room again, or whose port dies: a send would
 * not
 *                             wait. Ask after a send with MK_TIME_POLL returned MK_E_WOULD_BLOCK.
 *   MK_NOTIFY_EVENT           not asked for and not a message: what a receive from an event port, or from a set with
 * one
 *                             in it, brings. No body; the bits are in msg->events.
 * The message's id is MK_NOTIFY_ID + event and its body a struct mk_notification. The kernel marks it with
 * the badge MK_BADGE_KERNEL, which no right can be given, so that it cannot be forged.
 */
enum mk_notify {
    MK_NOTIFY_DEAD_NAME = 1,
    MK_NOTIFY_NO_SENDERS = 2,
    MK_NOTIFY_PORT_DESTROYED = 3,
    MK_NOTIFY_SEND_ONCE = 4,
    MK_NOTIFY_SEND_POSSIBLE = 5,
    MK_NOTIFY_EVENT = 6,
};
#define MK_NOTIFY_ID    0x4d4b0000u
#define MK_BADGE_KERNEL UINT64_MAX

struct mk_notification {
    uint32_t event; /* enum mk_notify */
    mk_name_t name; /* DEAD_NAME: the dead name; SEND_POSSIBLE: the send right; else MK_NAME_NULL */
    uint32_t count; /* NO_SENDERS: the make count */
    int32_t status; /* DEAD_NAME of a task's port: its exit code */
};

/*
 * Ask for one notification to `send_once` (a send-once right, moved; or a
 * receive right, from which one is made). Replaces an earlier request, whose
 * right is dropped. MK_NAME_NULL takes the request back.
 * If the event is true already (dead, no senders, room in the queue), the notice is sent at once.
 * MK_E_BAD_NAME, MK_E_BAD_RIGHT, MK_E_BAD_ARGUMENT, MK_E_NO_MEMORY, MK_E_DEAD (the port of `send_once` died; the
 * right stays).
 */
MK_API MK_NODISCARD mk_err_t mk_port_notify(mk_name_t name, enum mk_notify event, uint32_t sync, mk_name_t send_once);

/*
 * Port sets: receive from several ports at once, each in its turn. A set can
 * be a member of another, and takes one turn there; a port or set is in at most
 * one set. Receiving from a member directly stays possible.
 *
 * MK_E_NO_MEMORY, MK_E_LIMIT_NAMES, MK_E_BAD_ADDRESS.
 */
MK_API MK_NODISCARD mk_err_t mk_portset_create(mk_name_t *setp);
/* Members stay alive, outside the set; waiting receivers get MK_E_DEAD. MK_E_BAD_NAME, MK_E_BAD_RIGHT. */
MK_API mk_err_t mk_portset_destroy(mk_name_t set);
/*
 * `member` is a receive right or a port set. MK_E_BAD_STATE when it is in a set already, MK_E_CIRCULAR
 * when the set would stand inside itself, MK_E_LIMIT_DEPTH (MK_SET_DEPTH_MAX), MK_E_BAD_NAME, MK_E_BAD_RIGHT.
 */
MK_API MK_NODISCARD mk_err_t mk_portset_add(mk_name_t set, mk_name_t member);
/* MK_E_BAD_STATE when the member is not in this set. MK_E_BAD_NAME, MK_E_BAD_RIGHT. */
MK_API MK_NODISCARD mk_err_t mk_portset_remove(mk_name_t set, mk_name_t member);

#ifdef __cplusplus
}
#endif
#endif
