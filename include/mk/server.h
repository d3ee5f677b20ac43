/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The user side: what a plugin exports, the server loop, the name client, the
 * task's heap and its output. Nothing here is part of the kernel.
 */
#ifndef MK_SERVER_H
#define MK_SERVER_H

#include <stdarg.h>

#include <mk/port.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Changes whenever struct mk_server or a kernel call changes its meaning. */
#define MK_SERVER_ABI 4u

/*
 * A handler answers in place: it reads the request from msg (msg->body holds
 * msg->size bytes), then sets msg->size, the bytes of msg->body (up to
 * msg->capacity) and rights for the answer, and returns the status that the
 * caller finds in msg->status. What it leaves in the body is the answer's body:
 * one without a body sets size to 0. On an error the loop sets size and
 * nr_rights to 0.
 * Returning MK_SERVER_DEFER sends no answer: the handler has kept msg->reply
 * and will answer later with mk_reply, or has passed it on.
 * Rights that arrived in the request belong to the handler; if it leaves them in
 * msg->rights as they are, the loop releases them.
 */
typedef mk_err_t (*mk_handler_fn)(void *state, struct mk_msg *msg);
#define MK_SERVER_DEFER ((mk_err_t)1)

struct mk_server_op {
    uint32_t id;       /* operation */
    uint32_t min_size; /* smallest body; less is answered with MK_E_MSG_TOO_SMALL */
    mk_handler_fn handle;
};

struct mk_state;
struct mk_server_room;

/*
 * What a plugin is. With `main`, the task runs it and ends with its result.
 * Without, the task is a server: start, register `name` with the name service,
 * answer operations until the task ends.
 */
struct mk_server {
    uint32_t abi;     /* MK_SERVER_ABI */
    const char *name; /* service name to register; NULL: do not register */
    const struct mk_server_op *ops;
    size_t nr_ops;
    mk_err_t (*start)(void **statep); /* NULL: none. An error ends the task with exit code 1. */
    void (*stop)(void *state);        /* NULL: none. Called when the loop ends by mk_server_stop. */
    mk_handler_fn notify; /* NULL: drop. Gets messages whose id is MK_NOTIFY_ID + event and badge the kernel's. */
    mk_handler_fn other;  /* NULL: answer MK_E_MSG_ID. Gets operations that are not in ops. */
    int (*main)(
        int argc,
        char **argv);     /* argv[0] is the task's label, the rest its arguments split at blanks ("" and '' quote) */
    uint32_t queue_limit; /* of the service port; 0: MK_QUEUE_DEFAULT */
    /*
     * Live update: see below. `save` writes down what the next version needs, between two messages; an error: not now.
     * `restore` is called in its place there, instead of start. An error: the version refuses the state. `resume` is
     * called after save, in the version that was saved, when it goes on after all, whatever the reason; NULL: nothing
     * is to be done. Without save and restore the server cannot be updated.
     */
    mk_err_t (*save)(void *state, struct mk_state *out);
    mk_err_t (*restore)(void **statep, struct mk_state *in);
    void (*resume)(void *state);
    struct mk_server_room *room; /* NULL: the runtime takes its memory from the heap */
};

/*
 * Static memory for the start-up code, the loop and an update, for the one kind of server that must not need memory of
 * its task's window: the pager of the machine's memory. Then nothing here allocates, and one loop runs at a time.
 */
struct mk_server_room {
    uint64_t runtime[320];
    unsigned char body[MK_BODY_MAX];
    /*
     * Set by start or restore: where the loop receives to, header and body (MK_BODY_MAX bytes), in memory that the next
     * instance will find, so that what this one was given is not lost with it. NULL: here.
     */
    struct mk_msg *msg;
    void *msg_body;
};

/*
 * ---- the state that one version of a server leaves to the next ----
 *
 * A stream, read in the order in which it was written; what comes in between, as bytes, rights and memory, must be
 * asked for as such. A stream should begin with a version number. An error stays: all further calls return it, and the
 * update fails with it, so that save and restore need not look at each. MK_E_BAD_ARGUMENT of a stream that is not what
 * is asked for has a line in the log; so has a stream that was not read to its end. Nothing here waits.
 */

/*
 * Bytes are copied. MK_E_NO_MEMORY, MK_E_NO_ROOM (the stream is too long: 1,024 messages).
 */
MK_API mk_err_t mk_state_put(struct mk_state *out, const void *bytes, size_t size);

/*
 * A send right or dead name is copied. A receive right is lent: it goes to the next version with its queue, and comes
 * back under its name, outside of sets, before `resume` is called. Until then this task has a send right to the port,
 * and the port-destroyed notification; a no-senders notification is to be asked for again on both sides, with sync 0.
 * MK_E_BAD_NAME, MK_E_BAD_RIGHT (another kind), MK_E_LIMIT_NAMES, MK_E_NO_MEMORY, MK_E_NO_ROOM.
 */
MK_API mk_err_t mk_state_put_right(struct mk_state *out, mk_name_t name);

/*
 * Memory is copied when one of both writes to it, page by page; what is not whole pages is copied at once.
 * MK_E_BAD_ADDRESS, MK_E_BAD_ARGUMENT (size 0), MK_E_LIMIT_MEMORY, MK_E_LIMIT_HOST, MK_E_NO_MEMORY, MK_E_NO_ROOM.
 */
MK_API mk_err_t mk_state_put_memory(struct mk_state *out, void *address, size_t size);

/* As many bytes as were asked for; zeros with an error. MK_E_BAD_ARGUMENT: the stream has none here, or it ended. */
MK_API mk_err_t mk_state_get(struct mk_state *in, void *bytes, size_t size);

/*
 * A right of this type, MK_RIGHT_SEND or MK_RIGHT_RECEIVE, owned by the caller; MK_NAME_DEAD when it died on the way,
 * MK_NAME_NULL with an error. MK_E_BAD_ARGUMENT: the stream has none, or another.
 */
MK_API mk_err_t mk_state_get_right(struct mk_state *in, enum mk_right_type type, mk_name_t *namep);

/* Memory of the caller's window, which it owns: see struct mk_msg_memory. MK_E_BAD_ARGUMENT: the stream has none. */
MK_API mk_err_t mk_state_get_memory(struct mk_state *in, void **addressp, size_t *sizep);

/*
 * For `save`: put a request that a handler kept back into the queue it came from, as the last one, so that whichever
 * version goes on gets it anew. `request` has id, body, size, badge and reply, which is used up; `receive` is the
 * queue's receive right. Never waits. MK_E_BAD_NAME, MK_E_BAD_RIGHT, MK_E_NO_MEMORY, MK_E_LIMIT_NAMES.
 */
MK_API MK_NODISCARD mk_err_t mk_server_put_back(mk_name_t receive, const struct mk_msg *request);

/*
 * For a plugin's main, which calls it in place of what start would do: was this task loaded to take over? Waits for the
 * state, calls `restore`, and answers; mk_server_run is to follow, on mk_server_port or a set with it. On an error but
 * MK_E_NOT_FOUND main must return.
 *   MK_E_NOT_FOUND      no: the task starts anew. From the second call on, always
 *   MK_E_NOT_SUPPORTED  there is no restore
 *   MK_E_DEAD           the update was given up
 *   MK_E_NO_MEMORY, and what restore returns
 */
MK_API MK_NODISCARD mk_err_t mk_server_take_over(const struct mk_server *server, void **statep);

/*
 * How a supervisor has a server updated; the loop does this. MK_SERVER_SAVE comes to the service port with a send right
 * to the server's own task, which shows that the sender may do anything to it. Its answer has two rights: the receive
 * right of a port whose queue is the state, and a send-once right. The server then waits until a message comes there,
 * whose body is the name of its service port's receive right from then on. The next version is loaded with
 * MK_SPECIAL_REGISTERED_2 set: it waits on the port that it was loaded with for such a name, and then for
 * MK_SERVER_RESTORE, which has the state's receive right and another send-once right. It answers, serves the port of
 * that name, and when it has served MK_SERVER_PROBATION messages sends one to that right.
 */
#define MK_SERVER_SAVE      0x4d4b0301u
#define MK_SERVER_RESTORE   0x4d4b0302u
#define MK_SERVER_PROBATION 16

/* How a supervisor is asked for that: body: the task's name, NUL, the plugin's path. mk_machine_update does. */
#define MK_SERVER_UPDATE 207u

/* Export the plugin's descriptor: MK_SERVER_EXPORT(my_server); once, at file level. */
#define MK_SERVER_EXPORT(server) \
    MK_API extern const struct mk_server *const mk_server_entry; \
    const struct mk_server *const mk_server_entry = &(server)

/* The receive right of the task's service port; MK_NAME_NULL in a task that has none. A live update can change it. */
MK_API mk_name_t mk_server_port(void);

/*
 * The server loop on `receive` (a port or set) until mk_server_stop or an
 * error, which it returns (MK_E_DEAD: the port went). Bodies up to MK_BODY_MAX.
 * Used by the start-up code; call it yourself in a spawned task, for a second
 * port, or from a plugin's main, which also calls mk_task_set_server.
 */
MK_API MK_NODISCARD mk_err_t mk_server_run(const struct mk_server *server, mk_name_t receive, void *state);

/* Leave the innermost server loop of the calling task after the current operation. */
MK_API void mk_server_stop(void);

/* The start-up code of a plugin's task. The kernel starts it; not for plugins. */
MK_API void mk_server_main(void *server);

/*
 * What a plugin's references to functions of libc are bound to when it is loaded; the last has no name. For the loader.
 */
struct mk_binding {
    const char *name;
    void (*function)(void);
};
MK_API const struct mk_binding *mk_server_bindings(void);

/* ---- the name client ---- */

/*
 * Receive right of the machine's bootstrap port, for the one spawned task that wants to be the name
 * service. MK_E_BAD_STATE when it is taken.
 */
MK_API MK_NODISCARD mk_err_t mk_bootstrap_claim(mk_name_t machine, mk_name_t *receivep);

/*
 * Register `send` (a send right, copied) under `name` with the task's name
 * service; the registration goes when the port dies. MK_E_EXISTS (alive and
 * registered by another port), MK_E_NO_ACCESS (the task may not register this), MK_E_TOO_LONG, MK_E_NOT_FOUND (no
 * name service), MK_E_DEAD, and mk_call's.
 */
MK_API MK_NODISCARD mk_err_t mk_name_register(const char *name, mk_name_t send);

/*
 * A send right to the service. Waits until `deadline` for it to be registered;
 * MK_TIME_POLL: MK_E_NOT_FOUND when it is not. MK_E_NO_ACCESS (the task may not use this), MK_E_TOO_LONG,
 * MK_E_TIMED_OUT, MK_E_DEAD, and mk_call's.
 */
MK_API MK_NODISCARD mk_err_t mk_name_lookup(const char *name, mk_time_t deadline, mk_name_t *sendp);

/*
 * ---- the heap of the task: memory of its window, gone with the task. Plugins get these for malloc
 * and its kin. ----
 */

MK_API void *mk_malloc(size_t size);
MK_API void *mk_calloc(size_t nr, size_t size);
MK_API void *mk_realloc(void *p, size_t size);
MK_API void *mk_aligned_alloc(size_t align, size_t size);
MK_API void mk_free(void *p);
MK_API int mk_posix_memalign(void **pp, size_t align, size_t size);
MK_API char *mk_strdup(const char *s);
MK_API char *mk_strndup(const char *s, size_t n);

/* ---- output for people, line by line into the machine's log. Plugins get these for printf and its kin. ---- */

MK_API int mk_printf(const char *format, ...) MK_PRINTF(1, 2);
MK_API int mk_vprintf(const char *format, va_list args) MK_PRINTF(1, 0);
MK_API int mk_puts(const char *s);
MK_API int mk_putchar(int c);

/* ---- an early end. Plugins get these for exit (mk_task_exit), abort and assert. ---- */

MK_API MK_NORETURN void mk_abort(void);
MK_API MK_NORETURN void mk_assert_fail(const char *condition, const char *file, unsigned line, const char *function);

#ifdef __cplusplus
}
#endif
#endif
