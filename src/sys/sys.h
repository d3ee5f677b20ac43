/* SPDX-License-Identifier: BSD-2-Clause */
/* Shared by the kernel entries: names to objects, user strings, tasks' lives. */
#ifndef SYS_SYS_H
#define SYS_SYS_H

#include <mk/mk.h>

#include "host/user.h"
#include "ipc/ipc.h"
#include "kern/history.h"
#include "kern/sched.h"
#include "kern/thread.h"
#include "vm/fault.h"
#include "vm/map.h"

/*
 * Every entry that can fail begins with this: `cpu` and `self` of the caller.
 * The entry ends with leave(cpu, err), which is where another thread may run. If it failed because a page of the
 * user's was missing, having changed nothing, it waits for the page there and begins again.
 */
#define ENTER(cpu, self) ENTER_AS(cpu, self, __func__, NULL, MK_NAME_NULL)

/* From a function that is a part of the call `name`, with this message on this port. */
#define ENTER_AS(cpu, self, name, msg, port) \
    begin: \
    __attribute__((unused)); \
    struct cpu *cpu = kernel_enter(); \
    if (unlikely(!cpu)) \
        return MK_E_NOT_IN_MACHINE; \
    struct thread *self = cpu->current; \
    if (unlikely(cpu->is_probed)) { \
        mk_err_t probed = probe_call(cpu, name, msg, port); \
        if (probed) { \
            kernel_close_all(cpu); \
            return probed == MK_PROBE_SKIP ? MK_OK : probed; \
        } \
    } \
    if (likely(!self->nr_tries)) \
    history_note(self, name)

/* MK_OK: make the call. */
mk_err_t probe_call(struct cpu *cpu, const char *name, struct mk_msg *msg, mk_name_t port);

static inline mk_err_t leave_with(struct cpu *cpu, mk_err_t err)
{
    cpu->current->nr_tries = 0;
    kernel_leave(cpu);
    return err;
}

#define leave(cpu, error) \
    __extension__({ \
        mk_err_t leave_err = (error); \
        if (unlikely(leave_err == MK_E_BAD_ADDRESS) && vm_wait_missing(cpu, &leave_err)) \
            goto begin; \
        leave_with(cpu, leave_err); \
    })

/* What an entry that began at the kernel's door (switch.S) answers: where to go on, or NULL and the call's result. */
struct door_result {
    void *sp;
    mk_err_t err;
};

/* The object behind a name in the caller's space, of this kind. MK_E_BAD_NAME, MK_E_BAD_RIGHT, MK_E_DEAD. */
mk_err_t object_find(struct cpu *cpu, mk_name_t name, enum mk_object kind, struct port **portp);

static inline mk_err_t task_find(struct cpu *cpu, mk_name_t name, struct task **taskp)
{
    struct port *port;
    mk_err_t err = object_find(cpu, name, MK_OBJECT_TASK, &port);
    if (!err)
        *taskp = port->object;
    return err;
}

static inline mk_err_t thread_find(struct cpu *cpu, mk_name_t name, struct thread **threadp)
{
    struct port *port;
    mk_err_t err = object_find(cpu, name, MK_OBJECT_THREAD, &port);
    if (!err)
        *threadp = port->object;
    return err;
}

/* A new send right to a port in a space; counts one user reference. MK_E_LIMIT_NAMES, MK_E_NO_MEMORY. */
mk_err_t send_right_add(struct space *space, struct port *port, uint64_t badge, mk_name_t *namep);

/* A new port whose receive right is in the space. MK_E_BAD_ADDRESS, MK_E_LIMIT_NAMES, MK_E_NO_MEMORY. */
mk_err_t port_new(struct space *space, bool is_event, mk_name_t *receivep);

/* Can a result be written there? */
static inline bool user_probe_u32(uint32_t *p)
{
    uint32_t old;
    return user_load_u32(p, &old) && user_store_u32(p, old);
}

/* Copy a user's string into dst. MK_E_BAD_ADDRESS, MK_E_TOO_LONG. NULL: "". */
mk_err_t string_in(char *dst, const char *src, size_t size);

/* ---- tasks' lives (tasks.c) ---- */

mk_err_t task_create(struct mk_machine *machine, const char *label, struct task *parent, struct task **taskp);
/* It ends now. When the current thread belongs to it, the caller must finish with sched_exit. */
void task_end(struct cpu *cpu, struct task *task, int exit_code);
/* A task that never ran: as if it had not been made. */
void task_discard(struct task *task);
void task_rest(struct task *task);
void task_free_ended(struct mk_machine *machine, uint32_t max_kept);
void task_set_special(struct task *task, enum mk_special which, struct port *port, uint64_t badge);
void task_set_counts(struct task *task, bool counts);
/* One thread ends now; not the current one. */
void thread_end(struct cpu *cpu, struct thread *thread);
/* What the thread that ends by itself leaves behind; then sched_exit. */
void thread_ended(struct thread *thread);
void machine_request_stop(struct mk_machine *machine, int exit_code);

/* ---- exceptions (exception.c) ---- */

/* The current thread caused cpu->host.trap, which memory could not mend because of `err`. True: somebody handled it. */
bool exception_raise(struct cpu *cpu, mk_err_t err);
/* Nobody is asked from now on. */
void exception_forget(struct mk_machine *machine, struct exception_port *e);
/* The thread's port, made now if need be; NULL: no memory. */
struct port *thread_port(struct thread *thread);

/* ---- devices (device.c) ---- */

void device_thread_ended(struct cpu *cpu, struct thread *thread);
void device_close_all(struct mk_machine *machine);

/* ---- plugins (plugin.c) ---- */

mk_err_t plugin_load(struct mk_machine *machine, const struct mk_load *load, struct task *parent, struct task **taskp,
                     char *why, size_t why_size);
void plugin_unload(struct image *image);
/* Later, from the scheduler's loop. */
void plugin_unload_soon(struct image *image);
void plugin_unload_all(struct mk_machine *machine);

/* ---- reports to the machine's log: of the layer above, src/look ---- */

void report_deadlock(struct mk_machine *machine);
/* The current thread's trap, which nobody handled; its task is about to end. */
void report_crash(struct cpu *cpu, const struct host_trap *trap);

#endif
