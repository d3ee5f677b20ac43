/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tasks: a port space, an address window, and threads. A task is known by a
 * send right to its port; whoever holds one may act on the task.
 * All calls may return MK_E_NOT_IN_MACHINE; calls that take a task also
 * MK_E_BAD_NAME, MK_E_BAD_RIGHT (not a task) and MK_E_DEAD (it ended).
 */
#ifndef MK_TASK_H
#define MK_TASK_H

#include <mk/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Ports that a task is born with; children inherit all but MACHINE. */
enum mk_special {
    MK_SPECIAL_BOOTSTRAP,    /* the name service */
    MK_SPECIAL_EXCEPTION,    /* where the task's exceptions are reported: <mk/exception.h> */
    MK_SPECIAL_REGISTERED_0, /* three for the system's own use */
    MK_SPECIAL_REGISTERED_1,
    MK_SPECIAL_REGISTERED_2,
    MK_SPECIAL_MACHINE, /* control of the whole machine; given at load, never inherited */
    MK_NR_SPECIALS,
};

/*
 * The caller's own task: one user reference that the task has from birth, and gets anew if it released
 * it. MK_NAME_NULL outside a machine.
 */
MK_API mk_name_t mk_task_self(void);

/* Number of the caller's task in its machine, as listings print it; 0 outside a machine. */
MK_API uint64_t mk_task_id(void);

/*
 * New task without threads, a child of the caller: it inherits the special
 * ports. `label` (at most MK_LABEL_MAX - 1 bytes) is for people.
 * MK_E_TOO_LONG, MK_E_BAD_ADDRESS, MK_E_LIMIT_TASKS, MK_E_LIMIT_HOST, MK_E_NO_MEMORY, MK_E_LIMIT_NAMES.
 */
MK_API MK_NODISCARD mk_err_t mk_task_create(const char *label, mk_name_t *taskp);

/*
 * End a task at once: its threads stop where they are, its rights are
 * released, its memory goes. With the caller's own task it does not return.
 */
MK_API MK_NODISCARD mk_err_t mk_task_terminate(mk_name_t task, int exit_code);

/* End the calling task. Outside a machine it ends the process, like exit(). */
MK_API MK_NORETURN void mk_task_exit(int exit_code);

/*
 * Wait until the task has ended; *exit_codep (may be NULL) tells how. MK_E_BAD_STATE (the caller's own),
 * MK_E_BAD_ARGUMENT (negative deadline), MK_E_WOULD_BLOCK, MK_E_TIMED_OUT, MK_E_ABORTED, MK_E_BAD_ADDRESS. Never
 * MK_E_DEAD.
 */
MK_API MK_NODISCARD mk_err_t mk_task_wait(mk_name_t task, int *exit_codep, mk_time_t deadline);

/*
 * A fresh user reference to the special port's send right. MK_E_NOT_FOUND when none is set, MK_E_DEAD
 * also when the port died. MK_E_BAD_ARGUMENT, MK_E_LIMIT_NAMES, MK_E_NO_MEMORY, MK_E_BAD_ADDRESS.
 */
MK_API MK_NODISCARD mk_err_t mk_task_get_special(mk_name_t task, enum mk_special which, mk_name_t *sendp);

/* Set it to a copy of the send right `send`; MK_NAME_NULL clears it. MK_E_BAD_ARGUMENT. */
MK_API MK_NODISCARD mk_err_t mk_task_set_special(mk_name_t task, enum mk_special which, mk_name_t send);

/*
 * Say that the caller's task is a server: it does not keep the machine running.
 * A machine's run ends when all tasks that are not servers have ended.
 */
MK_API MK_NODISCARD mk_err_t mk_task_set_server(bool is_server);

/* The caller's label; "" outside a machine. Valid while the task lives. */
MK_API const char *mk_task_label(void);

/* The caller's arguments, as given at load; "" when there are none. Valid while the task lives. */
MK_API const char *mk_task_args(void);

/* The host folder that relative host paths in the arguments start from; "." when none was given. */
MK_API const char *mk_task_folder(void);

/* The receive right of the service port that the task was loaded with; MK_NAME_NULL: none. */
MK_API mk_name_t mk_task_service(void);

/* One pointer per task, NULL at first, for its runtime to find its state. NULL outside a machine. */
MK_API void *mk_task_slot(void);
/* Ignored outside a machine. */
MK_API void mk_task_set_slot(void *p);

/* ---- with the machine's control port (MK_SPECIAL_MACHINE) ---- */

struct mk_load {
    const char *label;   /* task's label; NULL: the file's name without .so */
    const char *path;    /* host path of the plugin's shared object */
    const char *args;    /* NULL: none; at most MK_ARGS_MAX - 1 bytes */
    const char *folder;  /* NULL: "." */
    int priority;        /* of its first thread; 0: MK_PRIO_DEFAULT */
    bool privileged;     /* gets MK_SPECIAL_MACHINE as well */
    mk_name_t service;   /* receive right to move to it as its service port; MK_NAME_NULL: a new port */
    mk_name_t bootstrap; /* send right to copy as its bootstrap port; MK_NAME_NULL: inherit */
};

/*
 * Load a plugin into a new task and start it. `whyp` (may be NULL, else
 * `why_size` bytes) gets one line that says what is wrong with a refused file.
 * MK_E_PLUGIN_FILE, MK_E_PLUGIN_ABI, MK_E_PLUGIN_REFUSED, MK_E_BAD_STATE (the
 * caller has less than 40 KiB of stack left), and the errors of mk_task_create. On error `service`
 * stays the caller's.
 */
MK_API MK_NODISCARD mk_err_t mk_task_load(mk_name_t machine, const struct mk_load *load, mk_name_t *taskp, char *whyp,
                                          size_t why_size);

/* A send right to the task with this number. MK_E_NOT_FOUND, MK_E_LIMIT_NAMES, MK_E_NO_MEMORY, MK_E_BAD_ADDRESS. */
MK_API MK_NODISCARD mk_err_t mk_task_by_id(mk_name_t machine, uint64_t id, mk_name_t *taskp);

/* End the whole machine's run; mk_machine_run returns with exit_code. Returns only if the machine is run again. */
MK_API MK_NODISCARD mk_err_t mk_machine_halt(mk_name_t machine, int exit_code);

#ifdef __cplusplus
}
#endif
#endif
