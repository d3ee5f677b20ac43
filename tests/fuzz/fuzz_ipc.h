/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fuzzing of kernel-call sequences against a model.
 *
 * An input is decoded (fuzz_ipc_decode.c, fuzz_ipc_pick.c) into operations of a few actors:
 * threads of a few tasks, plus a driver at priority 0 that says who does what
 * next. An actor waits for its operation in a sleep without end; the driver
 * ends the sleep with mk_thread_abort, the actor makes its call, reports in a
 * log, and sleeps again. All that is ready runs before the driver, at priority
 * 0, has the CPU again (fuzz_ipc_driver.c).
 *
 * Then the model does the same operations on its own tables and says what each
 * call must have answered and in which order calls came to their end. It is
 * written from the headers' contract and shares no code with the kernel:
 *   fuzz_ipc_names.c    names, rights on their way, spaces
 *   fuzz_ipc_ports.c    ports' lives, sets, notices
 *   fuzz_ipc_message.c  queues, buffers, receive
 *   fuzz_ipc_send.c     send, call, reply
 *   fuzz_ipc_sched.c    who runs next, waits, timers, threads' and tasks' ends
 *   fuzz_ipc_rights.c, fuzz_ipc_calls.c  what each other call does
 *   fuzz_ipc_lend.c     lent priorities, events
 *   fuzz_ipc_check.c    whole states, compared with the listings and the audit
 *
 * Where the model allows more than one answer, or follows the kernel's choice:
 * - Several errors at once: the header does not say which comes first, so any
 *   of those that apply is right (a mask, `errs`).
 * - Numbers of ports, names and threads are learnt from the first answer; a name
 *   must not have been in use, nor have been used before in the same task.
 * - The order of events inside one operation that the headers leave open (of the
 *   wakes and notices of a port's death, of a task's rights, of send-once
 *   notices among messages) is taken to be the kernel's: it is part of what
 *   "a run repeats" means, and a change of it should be seen.
 */
#ifndef FUZZ_IPC_H
#define FUZZ_IPC_H

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <mk/mk.h>

#define NR_TASKS    6  /* 0 is the driver's */
#define NR_ACTORS   14 /* 0 is the driver */
#define NR_PORTS    4000
#define NR_NAMES    300
#define NR_MESSAGES 1500
#define NR_REQUESTS 600
#define NR_MEMBERS  64
#define OP_RIGHTS   5
#define MAX_RIGHTS  8
#define NR_STALE    64
#define USED_BITS   15 /* names ever seen, of all tasks: a hash of 2^USED_BITS places */
#define NR_LOGGED   256

/* ---- errors as sets ---- */

typedef uint64_t errs_t;
#define OK_ONLY  1ull
#define ERR(err) (1ull << err_bit(err))

static inline unsigned err_bit(mk_err_t err)
{
    return err == MK_E_NOT_FOUND ? 63 : err > 0 || err < MK_E_LIMIT_DEPTH ? 62 : (unsigned)-err;
}

/* ---- operations ---- */

/* clang-format off */
#define CALL_MAP(X) \
    X(PORT_CREATE, 6) X(PORT_DESTROY, 4) X(SET_LIMIT, 4) X(PORT_STATE, 2) X(RIGHT_MAKE, 14) X(RETAIN, 4) \
    X(RELEASE, 10) X(INFO, 3) X(INSERT, 8) X(EXTRACT, 6) X(RENAME, 3) X(NOTIFY, 12) X(SET_CREATE, 3) \
    X(SET_DESTROY, 1) X(SET_ADD, 6) X(SET_REMOVE, 3) X(SEND, 30) X(RECEIVE, 36) X(CALL, 18) X(REPLY, 12) \
    X(REPLY_RECEIVE, 14) X(DISCARD, 3) X(DROP_RIGHTS, 2) X(EVENT_CREATE, 3) X(EVENT_SIGNAL, 8) X(EVENT_WAIT, 6) \
    X(THREAD_SELF, 2) X(THREAD_CREATE, 6) X(THREAD_EXIT, 1) X(TERMINATE, 2) X(JOIN, 2) X(SUSPEND, 3) X(RESUME, 4) \
    X(ABORT, 6) X(PRIORITY, 4) X(YIELD, 2) X(SWITCH, 4) X(DEPRESS_ABORT, 2) X(TASK_SELF, 1) X(TASK_CREATE, 1) \
    X(TASK_TERMINATE, 1) X(TASK_EXIT, 1) X(TASK_WAIT, 2) X(GET_SPECIAL, 3) X(SET_SPECIAL, 3) X(SLEEP, 2) \
    X(SPEND, 3) X(NOW, 1) X(SET_SERVER, 1) X(CLEAN, 0)
/* clang-format on */

enum call {
#define CALL_ENUM(name, weight) CALL_##name,
    CALL_MAP(CALL_ENUM)
#undef CALL_ENUM
        NR_CALLS,
};
extern const char *const call_names[NR_CALLS];

/* Where an argument points. */
enum pointer { POINTER_GOOD, POINTER_NULL, POINTER_UNMAPPED, POINTER_READ_ONLY };

struct op {
    uint8_t call, actor;
    uint8_t p_msg, p_body, p_rights, p_out; /* enum pointer */
    uint8_t slot;                           /* THREAD_CREATE, TASK_CREATE: where the model will keep it; 0: nowhere */
    uint8_t nr_rights, max_rights;
    mk_name_t name, name2, reply;
    uint32_t how, n;
    uint32_t id, size, capacity;
    uint64_t bits;
    mk_time_t deadline;
    uint32_t too_many; /* 0, or nr_rights as it is claimed */
    struct mk_msg_right rights[MAX_RIGHTS];
};

/* ---- the model's objects ---- */

#define RIGHT_REPLY 32 /* a kind of right besides enum mk_right_type: to answer a call */

struct right {
    uint8_t type;
    uint16_t port;  /* RIGHT_REPLY: the actor that called */
    uint64_t badge; /* RIGHT_REPLY: which of its calls */
};

struct name {
    mk_name_t name;
    uint8_t type; /* as it was made; whether it is dead, the port knows */
    uint16_t port;
    mk_name_t own; /* which the kernel gave it, before the task chose another */
    uint32_t refs;
    uint64_t badge;
};

struct space {
    unsigned nr, nr_stale;
    struct name names[NR_NAMES];
    mk_name_t stale[NR_STALE];
};

struct message {
    uint16_t next;
    bool is_notice;
    uint8_t nr_rights, fill; /* every byte of the body */
    uint32_t id, size;
    uint64_t badge;
    struct mk_notification notice;
    struct right reply, rights[MAX_RIGHTS];
};

struct request {
    uint16_t next;
    uint8_t event, task;
    uint32_t sync;
    mk_name_t name;
    struct right to;
};

struct waiters {
    unsigned nr;
    uint8_t actors[NR_ACTORS];
};

enum kind { KIND_PORT, KIND_SET, KIND_TASK, KIND_THREAD, KIND_MACHINE, KIND_EVENT };

struct members {
    unsigned nr;
    uint16_t ports[NR_MEMBERS];
};

struct port { /* or a port set */
    uint8_t kind;
    bool is_dead;
    int8_t task;          /* that holds the receive right; -1: none */
    uint8_t object;       /* task or actor */
    uint16_t transit;     /* queue in which the receive right waits; 0: none */
    uint16_t set;         /* 0: none */
    uint16_t first, last; /* messages */
    uint16_t requests;    /* the newest first */
    mk_name_t name;
    unsigned nr_queued, limit, nr_unused, nr_send, nr_send_once, make_count, seqno;
    int exit_code;
    uint64_t id; /* 0: not known yet */
    uint64_t events;
    uint64_t server;                   /* who received from it last */
    bool wants_room;                   /* somebody asked for a notice when there is room */
    struct waiters receivers, senders; /* of a task's or thread's port: who waits for its end */
    struct members *ready, *idle;      /* of a set */
};

struct task {
    bool is_alive;
    uint8_t nr_threads;
    uint16_t port;
    mk_name_t self;    /* as mk_task_self tells it */
    mk_name_t control; /* in the driver's space */
    uint64_t id;
    uint64_t serial; /* order of threads' creation */
    struct right specials[MK_NR_SPECIALS];
    struct space *space;
};

enum state { ACTOR_NONE, ACTOR_IDLE, ACTOR_READY, ACTOR_RUNNING, ACTOR_BLOCKED, ACTOR_STOPPED };
/* What an actor does when it gets the CPU. */
enum step {
    STEP_BEGIN,
    STEP_START,
    STEP_IDLE,
    STEP_DONE,
    STEP_SEND,
    STEP_RECEIVE,
    STEP_SPEND,
    STEP_YIELD,
    STEP_SWITCHED
};

struct world;

struct actor {
    /* the thread's side */
    struct world *world;
    bool has_op;
    struct op op;
    mk_err_t err;
    mk_name_t out;
    int exit_code;
    uint64_t value;
    struct mk_right_info info;
    struct mk_port_state port_state;
    struct mk_msg msg;
    struct mk_msg_right rights[MAX_RIGHTS];
    unsigned char *body;

    /* the model's */
    enum state state;
    enum step step;
    uint8_t task, suspends;
    uint8_t priority, base; /* now, and as set */
    bool is_calling, is_waiting_reply, is_depressed;
    bool has_waited, has_left;
    uint8_t wait; /* enum mk_wait */
    uint16_t wait_port;
    uint16_t port; /* the thread's */
    int64_t order; /* among the ready of one priority */
    uint64_t timer_order;
    uint64_t call;      /* which of its calls, while is_calling */
    uint64_t serial;    /* order of creation */
    uint64_t lent_to;   /* serial of the actor that it lends its priority to; 0: nobody */
    uint64_t want;      /* bits or exit code that its call must bring */
    uint16_t receiving; /* port or set that it receives from */
    uint16_t served;    /* the same, when it received something last */
    mk_time_t deadline;
    mk_time_t time_left; /* STEP_SPEND: nanoseconds still to go */
    struct waiters *queue;
    errs_t errs; /* STEP_DONE: what the call answers */
    mk_name_t self, control;
};

/* ---- the world: one machine and its model ---- */

struct input {
    const uint8_t *data;
    size_t size, at;
    uint64_t random; /* not 0: the bytes come from here, `size` of them */
    bool is_last;    /* of its machine: the next input has a new one */
};

struct world {
    struct mk_machine *machine;
    struct input input;
    uint64_t nr_ops, nr_steps;
    bool is_failed, is_finished, is_verbose, is_reusable;
    unsigned nr_uses;
    mk_name_t house; /* the driver's port that is the tasks' bootstrap port */
    char failure[2048];

    uint8_t log[NR_LOGGED]; /* actors whose calls have ended in this step */
    unsigned nr_logged, nr_seen;

    mk_time_t now;
    int64_t next_head, next_tail;
    uint64_t next_timer, next_call, next_serial, next_task_id;
    int heir; /* has the CPU next, whoever else is ready; -1: nobody */
    unsigned nr_ports, nr_timers;
    unsigned nr_dying;
    uint16_t dying[NR_PORTS];
    bool is_reaping;
    uint16_t free_messages, free_requests;
    unsigned nr_free_messages, nr_free_requests, nr_members;
    uint32_t next_id;
    struct op last_ops[16]; /* of this step */
    unsigned nr_last;

    struct task tasks[NR_TASKS];
    struct actor actors[NR_ACTORS];
    struct port ports[NR_PORTS];
    struct message messages[NR_MESSAGES];
    struct request requests[NR_REQUESTS];
    uint64_t used_names[1 << USED_BITS];
    uint64_t nr_used_names;
    struct mk_name_info name_infos[NR_NAMES + 8];
    struct mk_port_info port_infos[NR_PORTS];
    struct mk_thread_info thread_infos[NR_ACTORS + 8];
};

struct totals {
    uint64_t nr_ops, nr_steps, nr_inputs, nr_machines, nr_checks;
    uint64_t nr_done[NR_CALLS][2]; /* [1]: answered MK_OK */
};
extern struct totals totals;

/* Run one input. False: model and kernel differ; `why` says how. */
bool fuzz_run(struct input input, bool is_verbose, char *why, size_t why_size);
void fuzz_setup(void);

/* ---- the model's functions ---- */

/* The model and the kernel differ. The run ends; the first difference is kept. */
void differ(struct world *w, const char *format, ...) __attribute__((format(printf, 2, 3), noreturn));
void op_words(const struct world *w, const struct op *op, char *text, size_t size);
void errs_words(errs_t errs, char *text, size_t size);

/* names */
struct name *name_find(const struct world *w, unsigned task, mk_name_t name);
struct name *name_add(struct world *w, unsigned task, mk_name_t name, struct right right);
void name_remove(struct world *w, unsigned task, struct name *name);
bool name_is_dead(const struct world *w, const struct name *name);
bool reply_is_valid(const struct world *w, unsigned actor, uint64_t call);
/* A right has arrived under `name`: is that the name it must have? `what` for the report. */
void right_put(struct world *w, unsigned task, struct right right, mk_name_t name, const char *what);
/* Why `name` cannot travel like this; OK_ONLY if it can. */
errs_t right_errs(const struct world *w, unsigned task, mk_name_t name, uint32_t how);
struct right right_take(struct world *w, unsigned task, mk_name_t name, uint32_t how);
void right_drop(struct world *w, struct right right);
void name_release(struct world *w, unsigned task, struct name *name, bool is_all);
void receive_leaves(struct world *w, unsigned task, struct name *name);
void space_end(struct world *w, unsigned task);

/* ports */
unsigned port_new(struct world *w, enum kind kind);
void port_destroy(struct world *w, unsigned port);
void port_drop_send(struct world *w, unsigned port);
void port_drop_send_once(struct world *w, unsigned port);
bool port_has_message(const struct world *w, unsigned port);
bool port_is_inside(const struct world *w, unsigned moved, unsigned dest);
struct waiters *port_receivers(struct world *w, unsigned port);
void port_became_ready(struct world *w, unsigned port);
void port_took_turn(struct world *w, unsigned port);
void sets_wake(struct world *w, unsigned port);
void set_add(struct world *w, unsigned set, unsigned port);
void set_remove(struct world *w, unsigned port);
void set_destroy(struct world *w, unsigned task, struct name *name);
struct request *request_of(struct world *w, unsigned port, unsigned event, unsigned task, mk_name_t name);
void request_cancel(struct world *w, unsigned port, struct request *request);
void requests_cancel(struct world *w, unsigned port, unsigned task, mk_name_t name);
void requests_rename(struct world *w, unsigned port, unsigned task, mk_name_t from, mk_name_t to);
void notify_room(struct world *w, unsigned port);
bool port_is_full(const struct port *p);
void request_unlink(struct world *w, unsigned port, struct request *request);
void request_fire(struct world *w, unsigned port, struct request *request, struct right carried);
errs_t notify(struct world *w, struct actor *a);

/* messages */
unsigned message_new(struct world *w);
void message_destroy(struct world *w, unsigned message);
/* To a port that is alive: into a receiver's buffers (it is returned, unblocked), or into the queue. */
struct actor *deliver(struct world *w, unsigned port, unsigned message);
/* There may be room: senders that wait send, in the order in which they came. */
void port_admit(struct world *w, unsigned port);
void sender_admit(struct world *w, struct actor *a);
void do_send(struct world *w, struct actor *a);
void do_receive(struct world *w, struct actor *a, struct actor *heir);
void do_reply(struct world *w, struct actor *a);

/* priorities lent */
void lend(struct world *w, struct actor *a, uint64_t server);
void message_lend(struct world *w, unsigned message, uint64_t server);
void port_lend(struct world *w, unsigned port, uint64_t server);
void reply_unlend(struct world *w, struct right right);
uint64_t port_server(struct world *w, unsigned port);
void update_priorities(struct world *w);

/* events */
errs_t event_signal(struct world *w, struct actor *a);
void do_event_wait(struct world *w, struct actor *a);
errs_t event_take(struct world *w, struct actor *a, unsigned port);

/* scheduling */
void leave_queue(struct world *w, struct actor *a);
void unblock(struct world *w, struct actor *a, enum step step, errs_t errs);
void make_ready(struct world *w, struct actor *a);
void wake(struct world *w, struct actor *a, enum step step, errs_t errs);
void wake_all(struct world *w, struct waiters *queue, enum step step, errs_t errs);
errs_t may_wait(const struct world *w, mk_time_t deadline);
void block(struct world *w, struct actor *a, struct waiters *queue, enum mk_wait wait, unsigned port,
           mk_time_t deadline, struct actor *heir);
void call_ends(struct world *w, struct actor *a, errs_t errs);
void call_returns(struct world *w, struct actor *a, errs_t errs);
void spend(struct world *w, struct actor *a);
struct actor *first_timer(struct world *w);
void fire_timers(struct world *w);
void run_ready(struct world *w, int above);
void run_driver(struct world *w);
void yield_to(struct world *w, struct actor *a, struct actor *to);
void do_switch(struct world *w, struct actor *a, struct actor *to);
void undepress(struct world *w, struct actor *a);
void thread_ends(struct world *w, struct actor *a, bool is_current);
void task_ends(struct world *w, unsigned task, int exit_code, struct actor *current);
void task_begin(struct world *w, unsigned task, int parent);
void thread_begin(struct world *w, unsigned actor, unsigned task, int priority);
bool leave(struct world *w, struct actor *a);
struct actor *strongest(struct world *w);
void do_yield(struct world *w, struct actor *a);
void do_call(struct world *w, struct actor *a);

/* whole states */
void check_all(struct world *w);

/* the calls */
errs_t out_errs(const struct op *op);
errs_t or_ok(errs_t errs);
errs_t type_errs(const struct name *n, uint32_t types);
errs_t object_errs(const struct world *w, const struct name *n, enum kind kind);
errs_t right_make(struct world *w, struct actor *a);
errs_t retain(struct world *w, struct actor *a);
errs_t info(struct world *w, struct actor *a);
errs_t port_state(struct world *w, struct actor *a);
errs_t transfer(struct world *w, struct actor *a);
void drop_received(struct world *w, struct actor *a);
errs_t new_port(struct world *w, struct actor *a, enum kind kind, uint8_t type);
errs_t set_limit(struct world *w, struct actor *a);
errs_t member_change(struct world *w, struct actor *a);
errs_t get_special(struct world *w, struct actor *a);
errs_t set_special(struct world *w, struct actor *a);
errs_t rename_right(struct world *w, struct actor *a);
/* From `port` (0: an answer) into an actor's buffers. MK_E_MSG_TOO_LARGE: the message is still there. */
errs_t hand_over(struct world *w, struct actor *a, unsigned message, unsigned port);

/* decoding */
bool decode(struct world *w, struct op *op, bool *is_burstp);
uint8_t next_byte(struct world *w);
bool input_is_over(const struct world *w);
bool is_promised(const struct world *w, enum call call, unsigned slot);
bool is_available(const struct actor *a);

/* driver */
mk_name_t driver_call(struct world *w, struct op op);
void actor_call(struct world *w, struct op op);
void let_go(struct world *w);
void introduce(struct world *w);
bool world_reset(struct world *w);
void new_house(struct world *w);
unsigned standard_priority(unsigned actor);
unsigned standard_task(unsigned actor);
void clean_space(void);
void actor_main(void *arg);
void driver_main(void *arg);
void perform(struct actor *a);

#endif
