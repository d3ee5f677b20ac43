/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ownership matrix: every way a right can travel (a row) times every way
 * the journey can go (a point), and after it the exact counts.
 *
 * A cell is a machine of its own with three tasks. The sender holds the right,
 * the receiver holds the receive right of the carrier (the port that the message
 * goes to), the owner directs: it runs at a low priority, so that whenever it
 * runs all others have ended or wait. Each message carries the row's right
 * between two user references of another send right, the filler, which must
 * share its fate.
 *
 * What must be left is not written down cell by cell: world.c says from
 * <mk/message.h> what leaving, arriving and being lost do to the counts, a point
 * says only which of these happen, and check.c compares with what the machine shows.
 */
#ifndef TESTS_MATRIX_H
#define TESTS_MATRIX_H

#include "helpers.h"
#include "stress.h"

/* ---- rows ---- */

struct row {
    const char *label;
    uint32_t how;           /* enum mk_disposition */
    uint32_t type, refs;    /* of the sender's name before: bits of enum mk_right_type, user references */
    uint64_t badge;         /* of the send right */
    uint32_t receiver_refs; /* user references of an equal send right that the receiver has already; 0: none */
    uint32_t nr_queued;     /* messages that wait at the port */
    bool is_watched;        /* the sender asked for a dead-name notice */
    bool is_reply;          /* the right to answer a call */
    bool is_event;          /* to an event port */
    mk_name_t chosen;       /* the sender's name, chosen by it; 0: the kernel's */
    uint32_t memory_how;    /* not a right but memory: enum mk_memory_how; 0: a right */
    uint32_t offset, size;  /* of the memory in its pages */
};

extern const struct row rows[];
extern const size_t nr_rows;

/* ---- what is where ---- */

enum place { AT_OWNER, AT_SENDER, ON_ITS_WAY, AT_RECEIVER, GONE };

/* What stands under one name; type 0: nothing. */
struct held {
    uint32_t type, refs;
};

struct world {
    enum place place; /* of the receive right */
    struct held sender, receiver;
    uint32_t nr_send, nr_send_once, make_count;
    uint32_t nr_queued; /* with notices of send-once rights that went unused */
    /* at the owner's notification port */
    uint32_t nr_no_senders, nr_dead_names, nr_returned; /* returned: the send-once right of a request was dropped */
    bool asks_no_senders, asks_dead_name;               /* requests not yet answered */
    bool is_either;                                     /* a dead-name notice or the return of its right: one of both */
    bool is_reply;
    uint32_t sender_pages, way_pages, receiver_pages; /* of memory */
    bool is_caller_dead;                              /* of a right to answer: the call returned MK_E_DEAD */
};

struct world world_before(const struct row *row);
void world_leaves(struct world *w, const struct row *row);   /* one right leaves the sender in a message */
void world_arrives(struct world *w, const struct row *row);  /* ... and gets to the receiver */
void world_lost(struct world *w, const struct row *row);     /* ... and is destroyed on its way */
void world_released(struct world *w, const struct row *row); /* the receiver discards one that arrived */
void world_port_dies(struct world *w);
void world_sender_ends(struct world *w);
void world_receiver_ends(struct world *w);

/* ---- cells ---- */

enum op_kind { OP_SEND, OP_RECEIVE, OP_CALL, OP_REPLY, OP_REPLY_RECEIVE, OP_INSERT, OP_EXTRACT, OP_DISCARD };

/* A kernel call made by a thread of its own. */
struct op {
    enum op_kind kind;
    mk_name_t port; /* destination, or what is received from; INSERT, EXTRACT: the other task */
    mk_time_t deadline;
    struct mk_msg *header; /* given to the call: `msg` unless a point says otherwise */
    struct mk_msg msg;
    char body[64];
    struct mk_msg_right rights[MK_RIGHTS_MAX + 1];
    struct mk_msg_memory memories[MK_MEMORIES_MAX + 1];
    mk_err_t err;
    bool is_done;
    mk_name_t thread;    /* the owner's name of it; it stays */
    bool is_sent;        /* of a call: it is served, an error is about its answer */
    bool is_retried;     /* an allocation failed, and it was done again */
    bool is_answer_lost; /* of a call: for want of memory, after it was sent */
    struct snap before;
};

#define NR_OPS    8
#define BODY_SIZE 40u

/* A right of the message: the row's, or the filler. */
struct side {
    const struct row *row;
    struct world world;
    uint64_t port;           /* its number */
    mk_vaddr_t pages;        /* memory at the sender */
    unsigned times;          /* in the message */
    mk_name_t owner, sender; /* its names */
    mk_name_t receiver;      /* ... 0: none known yet */
};

struct cell {
    const struct row *row;
    const char *point;
    struct side sides[2];       /* the row's right, the filler */
    mk_name_t sender, receiver; /* the owner's names of the tasks */
    uint64_t owner_id, sender_id, receiver_id;
    bool has_sender, has_receiver;                    /* their tasks live */
    mk_name_t carrier_owner, carrier_sender, carrier; /* carrier: at the receiver */
    mk_name_t notices;                                /* the owner's port for notices */
    uint32_t nr_no_senders, nr_dead_names, nr_returned;
    const struct op *waiting;        /* for room: what it copied is charged */
    uint32_t receiver_pages;         /* beside the row's */
    uint64_t memory_used;            /* of the machine, beside the row's */
    uint32_t nr_sender, nr_receiver; /* names beside those of the sides */
    struct op ops[NR_OPS], caller;   /* caller: waits for the answer of a row's right to answer */
    unsigned nr_ops;
    unsigned step, nr_faults; /* comparisons made, differences found */
};

struct point {
    const char *label;
    void (*run)(struct cell *c);
    bool (*is_meaningful)(const struct row *row); /* NULL: always */
};

extern const struct point send_points[], refusal_points[], receive_points[], memory_points[], set_points[],
    task_points[], reply_points[], call_points[];
extern const size_t nr_send_points, nr_refusal_points, nr_receive_points, nr_memory_points, nr_set_points,
    nr_task_points, nr_reply_points, nr_call_points;

/* ---- what a point says (build.c, cell.c, check.c) ---- */

/* A new thread of `task` makes the call; afterwards it has ended or waits. */
struct op *op_new(struct cell *c, enum op_kind kind, mk_name_t port, mk_time_t deadline);
void op_load(struct cell *c, struct op *op); /* the message's rights and body */
void op_start(struct op *op, mk_name_t task);
/* op_new, op_load for all that send, op_start */
struct op *sends(struct cell *c, mk_time_t deadline);
struct op *calls(struct cell *c, mk_time_t deadline);
struct op *receives(struct cell *c, mk_time_t deadline);
void expect_err(struct cell *c, const struct op *op, mk_err_t err);
void expect_waits(struct cell *c, const struct op *op);

/* All rights of the message: what happened to them. */
void leave(struct cell *c);
void arrive(struct cell *c, const struct op *op); /* as this receive got them */
void lose(struct cell *c);

/* Compare everything. */
void check(struct cell *c);
uint32_t count_names(uint64_t task);
uint32_t held_type(uint64_t task, mk_name_t name); /* bits of enum mk_right_type; 0: nothing */
void cell_build(struct cell *c);

/* Run fn(c) in a thread of the sender or receiver, to its end. */
void in_sender(struct cell *c, void (*fn)(void *));
void in_receiver(struct cell *c, void (*fn)(void *));
void fill_carrier(struct cell *c);
void drain_carrier(struct cell *c);
void sender_ends(struct cell *c);
void receiver_ends(struct cell *c);
/* A call that must not fail, made by the owner where allocations may. */
void must(struct cell *c, mk_err_t err, const char *what);
#define MUST(c, call) (allocations_may_fail(true), must((c), (call), #call), allocations_may_fail(false))
void fault(struct cell *c, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* ---- allocations ---- */

void allocations_may_fail(bool may);
bool allocation_has_failed(void);

#endif
