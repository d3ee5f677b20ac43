/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The objects of IPC: port spaces and their entries, ports, event ports, port
 * sets, rights on their way, queued messages.
 *
 * Terms and semantics: GNU Mach Reference Manual, chapter 4.
 *
 *   space entry --> port <-- space entry (receive right, one at most)
 *                    |  queue of kmsg, each carrying refs
 *                    |  waiting receivers, waiting senders
 *                    +--> port set --> port set ...
 *
 * A receive right is in one of four states: in a space (port->space), in a
 * message (port->transit: the port that the message was sent to), with the
 * kernel (object ports and the bootstrap port: neither), or gone (is_dead).
 *
 * References: every entry, every ref on its way, every special port and the
 * kernel's own pointers hold one reference to the port's memory.
 */
#ifndef IPC_IPC_H
#define IPC_IPC_H

#include "host/user.h"
#include "kern/machine.h"

#include <mk/port.h>

struct notify;
struct portset;

/* What is in a port set: a port, or another set. */
struct member {
    struct list link; /* in the set's ready or idle members */
    uintptr_t owner;  /* the set it is in, 0: none; plus MEMBER_IS_SET when the member itself is a set */
};
#define MEMBER_IS_SET ((uintptr_t)1)

static inline struct portset *member_set(const struct member *member)
{
    return (struct portset *)(member->owner & ~MEMBER_IS_SET);
}

struct port {
    uint32_t refs;
    uint8_t object_kind; /* enum mk_object: the kernel answers for it by calls, not messages */
    bool is_dead : 1;
    bool is_event : 1;   /* takes signals, no messages */
    bool is_pager : 1;   /* memory objects have their pager here */
    bool wants_room : 1; /* somebody asked to be told of room in the queue */
    uint16_t queue_limit;
    uint32_t nr_queued;  /* more than the limit with what came by send-once rights */
    struct space *space; /* of the receive right, or NULL */
    mk_name_t name;      /* of the receive right there */
    uint32_t nr_send;    /* send rights: user references in spaces, and on their way */
    uint32_t nr_send_once;
    uint32_t nr_unused; /* send-once rights dropped unused: notices that the next receives find */
    uint32_t make_count;
    uint32_t seqno;
    uint64_t id;
    union {
        struct kmsg *last_message; /* of a ring: its next is the first */
        uint64_t events;
    };
    struct list receivers; /* threads */
    struct list senders;   /* threads waiting for room */
    struct member member;
    struct list all_link;    /* in the machine's ports; when dying, in its dying_ports */
    struct notify *notifies; /* all requests about this port */
    union {
        struct thread *server; /* receive right in a space: who received from the port last; see port_server */
        struct port *transit;  /* receive right is in a message queued there */
        void *object;          /* by kind */
        int64_t exit_code;     /* of a dead task's port */
    };
};
_Static_assert(sizeof(struct port) <= 152, "with an entry and its share of the hash a port takes less than 200 bytes");

struct portset {
    uint64_t id;
    struct space *space;
    mk_name_t name;
    int nr_rendezvous; /* ports that queue nothing, also in sets inside */
    struct list ready; /* members with messages, in turn */
    struct list idle;
    struct list receivers; /* threads */
    struct list all_link;
    struct member member;
    struct thread *server; /* who received from the set last */
};

/* Internal statuses. */
#define MK_RETRY   ((mk_err_t)1) /* of a woken receiver: look again */
#define MK_LATE    ((mk_err_t)2) /* of a woken caller: the answer is there, but its buffers were not */
#define MK_MISSING ((mk_err_t)3) /* of a delivery: a page of the buffers is missing, nothing changed */

/* ---- port spaces ---- */

#define ENTRY_REPLY 32 /* with the public kinds of enum mk_right_type: the right to answer a call */

struct entry {
    union {
        struct port *port;
        struct portset *set;
        struct thread *caller; /* ENTRY_REPLY */
        uint64_t next_free;    /* index */
    };
    union {
        uint64_t badge;
        uint64_t serial; /* ENTRY_REPLY */
    };
    struct notify *requests; /* for notices under this name */
    mk_name_t name;          /* chosen, or generation and index; of a free entry: the next name it will have */
    uint16_t user_refs;
    uint8_t type; /* bits of MK_RIGHT_*, or ENTRY_REPLY; 0: free */
};
_Static_assert(sizeof(struct entry) == 32, "an entry is half a cache line");

#define NAME_INDEX_BITS 21
#define NAME_INDEX_MASK ((1u << NAME_INDEX_BITS) - 1)
#define NAME_FIRST      (1u << NAME_INDEX_BITS) /* of generation 1 */

struct space {
    struct entry *table; /* reserved for all names, committed as it grows: never moves */
    uint64_t free;       /* first free entry, 0: none */
    uint32_t last_free;
    uint32_t size;  /* entries committed; index 0 is never used */
    uint32_t fresh; /* first entry never used */
    uint32_t nr_names;
    uint32_t nr_free; /* in the free list */
    struct task *task;
    struct mk_machine *machine;
    uint32_t *hash; /* (port, badge) to index of send rights that do not stand under the receive right's name */
    uint32_t hash_size, hash_used;
    uint32_t hash_kept; /* places kept for send rights under a receive right's name: it can leave without failing */
    uint32_t nr_receive;
    struct chosen *chosen; /* names that the task chose, in a hash table by name */
    uint32_t chosen_size, nr_chosen;
};

/* The entry at `index` has a name that the task chose; `own` is the one it will be known by again. */
struct chosen {
    mk_name_t name; /* MK_NAME_NULL: free */
    uint32_t index;
    mk_name_t own;
};

mk_err_t space_create(struct task *task, struct space **spacep);
void space_destroy(struct space *space); /* releases every right */

struct entry *space_lookup_chosen(const struct space *space, mk_name_t name);

static inline struct entry *space_lookup(const struct space *space, mk_name_t name)
{
    uint32_t index = name & NAME_INDEX_MASK;
    if (likely(index < space->fresh)) {
        struct entry *entry = &space->table[index];
        if (likely(entry->name == name) && likely(entry->type))
            return entry;
    }
    return unlikely(space->nr_chosen) ? space_lookup_chosen(space, name) : NULL;
}

/*
 * Make sure that n names, and as many send rights in the hash, can be added without failing.
 * MK_E_LIMIT_NAMES, MK_E_NO_MEMORY.
 */
mk_err_t space_reserve(struct space *space, uint32_t n);

/*
 * Freed entries wait in line: each name comes back after at least
 * 2,047 * SPACE_FREE_MIN others were freed, so that a stale one is refused.
 */
#define SPACE_FREE_MIN 64

/* A free entry, under a fresh name; it cannot fail after space_reserve. The caller fills it in. */
struct entry *space_take(struct space *space, uint8_t type);
void space_give_back(struct space *space, struct entry *entry);

/* The last step of that: to the end of the line of free entries, under the name that it will have next. */
static inline void space_free_entry(struct space *space, struct entry *entry, mk_name_t next_name)
{
    uint32_t index = (uint32_t)(entry - space->table);
    entry->type = 0;
    entry->name = next_name;
    entry->next_free = 0;
    if (space->nr_free++)
        space->table[space->last_free].next_free = index;
    else
        space->free = index;
    space->last_free = index;
    space->nr_names--;
}

/* Give an entry a name of the task's choice. MK_E_NAME_IN_USE, MK_E_NO_MEMORY. */
mk_err_t space_rename(struct space *space, struct entry *entry, mk_name_t name);
/* The kernel's own name of an entry, which loses the chosen one if it has one. */
mk_name_t space_own_name(struct space *space, const struct entry *entry);
/* The next generation of a name that no task's choice is in the way of. */
mk_name_t space_next_name(const struct space *space, mk_name_t name);

/* The entry of the send right to (port, badge), also under the receive right's name; NULL: none. */
struct entry *space_find_send(struct space *space, const struct port *port, uint64_t badge);
void space_hash_add(struct space *space, const struct entry *entry);
void space_hash_remove(struct space *space, const struct entry *entry);

/* ---- rights on their way ---- */

struct ref {
    uint8_t type; /* MK_RIGHT_SEND, _RECEIVE, _SEND_ONCE, ENTRY_REPLY, or 0: none */
    union {
        struct port *port;
        struct thread *caller;
    };
    union {
        uint64_t badge;
        uint64_t serial;
    };
};

static inline bool reply_is_valid(const struct thread *caller, uint64_t serial)
{
    return caller->serial == serial;
}

/*
 * Can `name` be moved, copied or made like this? Nothing changes. `earlier` user references of it were
 * promised already.
 */
mk_err_t ref_check(struct space *space, mk_name_t name, uint32_t how, uint32_t earlier);
/* Do it, after ref_check. */
struct ref ref_take(struct space *space, mk_name_t name, uint32_t how);
/* The name in `space` for a ref that arrives; uses it up. After space_reserve(space, 1). MK_NAME_DEAD when it died. */
mk_name_t ref_put(struct space *space, struct ref ref);
/* Use up a ref that will never arrive. */
void ref_drop(struct mk_machine *machine, struct ref ref);
/* As the receiver sees it: MK_RIGHT_*. */
uint32_t ref_kind(const struct ref *ref);

/* ---- ports ---- */

/* A port with one reference and the receive right with the kernel. NULL: no memory. */
struct port *port_create(struct mk_machine *machine, enum mk_object kind, void *object);
void port_release(struct mk_machine *machine, struct port *port); /* one reference */
/* The receive right goes: the port dies, or is sent to who asked for it. Uses no stack by depth of nesting. */
void port_destroy(struct mk_machine *machine, struct port *port);
/* A new send right to it, and the reference that goes with it. */
static inline struct ref port_send_ref(struct port *port, uint64_t badge)
{
    port->refs++;
    port->nr_send++;
    return (struct ref){.type = MK_RIGHT_SEND, .port = port, .badge = badge};
}

/* Or is it one of the kernel's own, or an event port? */
static inline bool port_takes_messages(const struct port *port)
{
    return port->object_kind == MK_OBJECT_NONE && !port->is_event;
}

/* After nr_send fell: no-senders. */
void port_senders_fell(struct mk_machine *machine, struct port *port);
void port_drop_send(struct mk_machine *machine, struct port *port, uint32_t n); /* n send rights, one reference */
void port_drop_send_once(struct mk_machine *machine, struct port *port);        /* unused; one reference */

static inline bool port_has_message(const struct port *port)
{
    return port->events || port->nr_unused; /* a queue that is not empty is not 0 either */
}

static inline bool port_is_full(const struct port *port)
{
    return port->nr_queued >= port->queue_limit;
}

/*
 * The thread that serves a port: the last one that received from it, or else from the set that it is in, and from
 * nothing else since. Who waits for an answer lends it priority. NULL: unknown.
 */
struct thread *port_server(const struct port *port);

/* Calls that are queued at the port or wait for room lend to `thread` from now on; NULL: to nobody. */
void port_lend_queue(struct cpu *cpu, struct port *port, struct thread *thread);

/*
 * Receive right of `entry` leaves its space for nowhere in particular; send rights under the name
 * stay. After space_reserve(1).
 */
struct port *entry_take_receive(struct space *space, struct entry *entry);
/*
 * Give the port's receive right to a space, under the name of its unbadged send right if there is one.
 * After space_reserve(1).
 */
struct entry *space_put_receive(struct space *space, struct port *port);
/* Is it a dead name? */
bool entry_is_dead(const struct entry *entry);
/* Drop what an entry holds beside a receive right, all user references, and free it. */
void entry_release_all(struct space *space, struct entry *entry);
/* Drop one user reference. */
void entry_release(struct space *space, struct entry *entry);

/* ---- port sets ---- */

mk_err_t portset_create(struct space *space, mk_name_t *namep);
void portset_destroy(struct space *space, struct entry *entry);
/* MK_E_BAD_STATE, MK_E_CIRCULAR, MK_E_LIMIT_DEPTH. */
mk_err_t portset_add_port(struct portset *set, struct port *port);
mk_err_t portset_add_set(struct portset *set, struct portset *inner);
void portset_remove_port(struct port *port);
void portset_remove_set(struct portset *inner);

/* Whoever waits at the set (NULL: none), or at one around it, looks again. */
void portset_wake(struct portset *set);

/* It got a first message: to the end of its set's ready members, and so the set in the one around it. */
void port_became_ready(struct port *port);
/* A message was taken from it: to the end of the ready members if it has more, else to the idle ones. */
void port_took_turn(struct port *port);

/* The ready port whose turn it is, or NULL. */
struct port *portset_choose(struct cpu *cpu, const struct portset *set);

/* Call fn for every port in the set that queues nothing, also in sets inside, until one returns true. */
bool portset_each_rendezvous(struct portset *set, bool (*fn)(struct cpu *cpu, struct port *port), struct cpu *cpu);

/* The port's queue limit became 0, or is no longer. */
void portset_count_rendezvous(const struct port *port, int change);

/* Threads that wait at the port, or else at the innermost set around it where any wait. */
static inline struct list *port_receivers(struct port *port)
{
    struct list *receivers = &port->receivers;
    for (struct portset *set = member_set(&port->member); list_empty(receivers) && set; set = member_set(&set->member))
        receivers = &set->receivers;
    return receivers;
}

/* ---- notifications ---- */

struct notify {
    struct notify *next;          /* of the port's */
    struct notify *next_of_entry; /* of those under one name */
    enum mk_notify event;
    uint32_t sync;       /* NO_SENDERS */
    struct ref to;       /* send-once right */
    struct kmsg *kmsg;   /* paid for in advance */
    struct space *space; /* DEAD_NAME, SEND_POSSIBLE: whose name */
    mk_name_t name;
};

mk_err_t notify_request(struct space *space, struct entry *entry, enum mk_notify event, uint32_t sync, mk_name_t to);
/* Take a request off its port, if it is there. */
struct notify *notify_find(struct port *port, enum mk_notify event, const struct space *space, mk_name_t name);
void notify_unlink(struct port *port, struct notify *notify);
void notify_cancel(struct mk_machine *machine, struct port *port, struct notify *notify);
/* The name no longer knows of it. */
void notify_forget(struct entry *entry, const struct notify *notify);
/* Cancel all requests under a name that goes. */
void notify_cancel_entry(struct mk_machine *machine, struct entry *entry);
/* The port's queue has room: tell who asked. */
void notify_room(struct mk_machine *machine, struct port *port);
/* Send it; `port` is what it is about. Frees the request. */
void notify_fire(struct mk_machine *machine, struct port *port, struct notify *notify, struct ref carried);

/* ---- messages (kmsg.h) ---- */

struct kmsg;

/*
 * Deliver to a port that is alive, never waiting and whatever the queue limit:
 * into a waiting receiver's buffers, or into the queue. Returns the receiver,
 * unblocked but not yet ready, or NULL.
 */
struct thread *port_deliver(struct cpu *cpu, struct port *port, struct kmsg *kmsg);

/* Take the next message of a port that has one, into the current thread's buffers. */
mk_err_t port_take_message(struct cpu *cpu, struct port *port);

/* Calls of the message header; see <mk/message.h>. The deadline is not negative. */
mk_err_t ipc_send(struct cpu *cpu, mk_name_t dest, struct mk_msg *msg, mk_time_t deadline);
mk_err_t ipc_receive(struct cpu *cpu, mk_name_t receive, struct mk_msg *msg, mk_time_t deadline);
mk_err_t ipc_call(struct cpu *cpu, mk_name_t dest, struct mk_msg *msg, mk_time_t deadline);
mk_err_t ipc_reply(struct cpu *cpu, struct mk_msg *msg);
mk_err_t ipc_reply_receive(struct cpu *cpu, mk_name_t receive, struct mk_msg *msg, mk_time_t deadline);

/* The kernel's own call for the current thread: `kmsg` to a port that is alive; the answer comes to *msg. */
mk_err_t ipc_call_port(struct cpu *cpu, struct port *port, struct kmsg *kmsg, struct mk_msg *msg);

/* Of the event header. */
mk_err_t ipc_event_signal(struct cpu *cpu, mk_name_t dest, uint64_t bits);
mk_err_t ipc_event_wait(struct cpu *cpu, mk_name_t receive, uint64_t *bitsp, mk_time_t deadline);
/* Take the word of an event port into the current thread's message header. */
mk_err_t event_take(struct cpu *cpu, struct port *port);

/* Senders that wait may go on. */
void port_set_limit(struct cpu *cpu, struct port *port, uint16_t limit);

/* The answer that came for the current thread while its buffers were not in memory, into them. */
mk_err_t call_take_late(struct cpu *cpu);

/* A thread ends while it waits. */
void ipc_thread_ended(struct cpu *cpu, struct thread *thread);

#endif
