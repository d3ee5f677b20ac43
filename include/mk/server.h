/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The user side: what a plugin exports, the server loop, the name client, the
 * task's heap and its output. Nothing here is part of the kernel.
 */
#ifndef MK_SERVER_H
#define MK_SERVER_H

#include <stdarg.h>

#include <mk/message.h>

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
     * Live update. `save` fills body (up to msg->capacity), rights and memory of msg, of which there is room for
     * MK_RIGHTS_MAX - 1 and MK_MEMORIES_MAX, with all that the next version needs; what it leaves of rights it gives as
     * copies, for it goes on with its own state if that version fails. An error: not now. `restore` is called in place
     * of start with what came; rights and memory are its own, and the loop drops what it leaves in msg. An error: the
     * version refuses the state. NULL: the server cannot be updated.
     */
    mk_err_t (*save)(void *state, struct mk_msg *msg);
    mk_err_t (*restore)(void **statep, struct mk_msg *msg);
};

/*
 * How a supervisor has a server updated; the loop does this. MK_SERVER_SAVE comes to the service port with a send right
 * to the server's own task, which shows that the sender may do anything to it. Its answer is what `save` said, with a
 * send-once right behind; the server then waits until a message comes there, whose body is the name of its service
 * port's receive right from then on. The next version is loaded with MK_SPECIAL_REGISTERED_2 set: it waits on the port
 * that it was loaded with for such a name, and then for MK_SERVER_RESTORE, which is that answer with another send-once
 * right behind. It answers, serves the port of that name, and when it has served MK_SERVER_PROBATION messages sends one
 * to that right.
 */
#define MK_SERVER_SAVE      0x4d4b0301u
#define MK_SERVER_RESTORE   0x4d4b0302u
#define MK_SERVER_PROBATION 16

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
