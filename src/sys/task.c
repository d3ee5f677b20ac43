/* SPDX-License-Identifier: BSD-2-Clause */
/* Entries of <mk/task.h>, but for loading plugins (plugin.c). */
#include "sys/sys.h"

#include <stdlib.h>

/* The entry of the self name may have been released by the task: then another is made. */
static mk_name_t self_name(struct space *space, struct port *port, mk_name_t *namep)
{
    if (!port)
        return MK_NAME_NULL;
    const struct entry *entry = space_lookup(space, *namep);
    if (likely(entry) && likely(entry->type == MK_RIGHT_SEND) && likely(entry->port == port))
        return *namep;
    mk_name_t name;
    if (send_right_add(space, port, 0, &name))
        return MK_NAME_NULL;
    return *namep = name;
}

mk_name_t mk_task_self(void)
{
    struct cpu *cpu = kernel_look();
    if (!cpu)
        return MK_NAME_NULL;
    struct task *task = cpu->current->task;
    bool was_open = kernel_open(cpu);
    mk_name_t name = self_name(task->space, task->port, &task->self_name);
    kernel_close(cpu, was_open);
    return name;
}

struct port *thread_port(struct thread *thread)
{
    if (!thread->port)
        thread->port = port_create(thread->task->machine, MK_OBJECT_THREAD, thread);
    return thread->port;
}

mk_name_t mk_thread_self(void)
{
    struct cpu *cpu = kernel_look();
    if (!cpu)
        return MK_NAME_NULL;
    struct thread *self = cpu->current;
    bool was_open = kernel_open(cpu);
    mk_name_t name = self_name(self->space, thread_port(self), &self->self_name);
    kernel_close(cpu, was_open);
    return name;
}

mk_err_t mk_task_create(const char *user_label, mk_name_t *taskp)
{
    ENTER(cpu, self);
    char label[MK_LABEL_MAX];
    struct task *task;
    mk_name_t name;
    mk_err_t err = string_in(label, user_label, sizeof(label));
    if (!err && !user_probe_u32(taskp))
        err = MK_E_BAD_ADDRESS;
    if (!err)
        err = space_reserve(self->space, 1);
    if (!err)
        err = task_create(cpu->machine, label[0] ? label : "task", self->task, &task);
    if (!err) {
        kernel_charge(cpu, cpu->machine->costs.task);
        send_right_add(self->space, task->port, 0, &name); /* reserved above */
        user_store_u32(taskp, name);
    }
    return leave(cpu, err);
}

mk_err_t mk_task_terminate(mk_name_t name, int exit_code)
{
    ENTER(cpu, self);
    struct task *task;
    mk_err_t err = task_find(cpu, name, &task);
    if (!err) {
        task_end(cpu, task, exit_code);
        if (task == self->task)
            sched_exit(cpu);
    }
    return leave(cpu, err);
}

void mk_task_exit(int exit_code)
{
    struct cpu *cpu = kernel_enter();
    if (!cpu)
        exit(exit_code);
    task_end(cpu, cpu->current->task, exit_code);
    sched_exit(cpu);
    abort();
}

mk_err_t mk_task_wait(mk_name_t name, int *exit_codep, mk_time_t deadline)
{
    ENTER(cpu, self);
    struct port *port;
    if (deadline < 0)
        return leave(cpu, MK_E_BAD_ARGUMENT);
    mk_err_t err = object_find(cpu, name, MK_OBJECT_TASK, &port);
    if (!err && ((struct task *)port->object) == self->task)
        err = MK_E_BAD_STATE; /* it would wait for itself */
    if (!err) {
        struct task *task = port->object;
        port->refs++;
        self->held = port;
        err = sched_may_wait(cpu, deadline);
        if (!err)
            err = sched_block(cpu, &task->waiters, MK_WAIT_TASK, task, deadline, NULL);
        int code = (int)port->exit_code;
        self->held = NULL;
        port_release(cpu->machine, port);
        if (!err && exit_codep && !user_store_u32((uint32_t *)exit_codep, (uint32_t)code))
            err = MK_E_BAD_ADDRESS;
    } else if (err == MK_E_DEAD) {
        err = MK_OK;
        if (exit_codep && !user_store_u32((uint32_t *)exit_codep, (uint32_t)port->exit_code))
            err = MK_E_BAD_ADDRESS;
    }
    return leave(cpu, err);
}

mk_err_t mk_task_get_special(mk_name_t name, enum mk_special which, mk_name_t *sendp)
{
    ENTER(cpu, self);
    struct task *task;
    mk_name_t send = MK_NAME_NULL;
    mk_err_t err = task_find(cpu, name, &task);
    if (!err && (unsigned)which >= MK_NR_SPECIALS)
        err = MK_E_BAD_ARGUMENT;
    if (!err && !user_probe_u32(sendp))
        err = MK_E_BAD_ADDRESS;
    if (!err && !task->specials[which])
        err = MK_E_NOT_FOUND;
    if (!err && task->specials[which]->is_dead)
        err = MK_E_DEAD;
    if (!err)
        err = send_right_add(self->space, task->specials[which], task->special_badges[which], &send);
    if (!err)
        user_store_u32(sendp, send);
    return leave(cpu, err);
}

mk_err_t mk_task_set_special(mk_name_t name, enum mk_special which, mk_name_t send)
{
    ENTER(cpu, self);
    struct task *task;
    struct entry *entry = NULL;
    mk_err_t err = task_find(cpu, name, &task);
    if (!err && (unsigned)which >= MK_NR_SPECIALS)
        err = MK_E_BAD_ARGUMENT;
    if (!err && send != MK_NAME_NULL) {
        err = ref_check(self->space, send, MK_COPY_SEND, 0);
        entry = space_lookup(self->space, send);
        if (!err && which == MK_SPECIAL_MACHINE && entry->port != cpu->machine->control)
            err = MK_E_BAD_RIGHT;
    }
    if (!err)
        task_set_special(task, which, entry ? entry->port : NULL, entry ? entry->badge : 0);
    return leave(cpu, err);
}

mk_err_t mk_task_set_server(bool is_server)
{
    ENTER(cpu, self);
    self->task->is_server = is_server;
    task_set_counts(self->task, !is_server);
    return leave(cpu, MK_OK);
}

mk_err_t mk_task_by_id(mk_name_t control, uint64_t id, mk_name_t *taskp)
{
    ENTER(cpu, self);
    struct port *port;
    mk_name_t name = MK_NAME_NULL;
    mk_err_t err = object_find(cpu, control, MK_OBJECT_MACHINE, &port);
    if (!err && !user_probe_u32(taskp))
        err = MK_E_BAD_ADDRESS;
    if (err)
        return leave(cpu, err);
    err = MK_E_NOT_FOUND;
    list_for_each (link, &cpu->machine->tasks) {
        const struct task *task = list_entry(link, struct task, all_link);
        if (task->id == id && !task->is_ended)
            err = send_right_add(self->space, task->port, 0, &name);
    }
    if (!err)
        user_store_u32(taskp, name);
    return leave(cpu, err);
}

mk_err_t mk_bootstrap_claim(mk_name_t control, mk_name_t *receivep)
{
    ENTER(cpu, self);
    struct port *port;
    struct mk_machine *machine = cpu->machine;
    mk_err_t err = object_find(cpu, control, MK_OBJECT_MACHINE, &port);
    if (!err && !user_probe_u32(receivep))
        err = MK_E_BAD_ADDRESS;
    if (!err && !machine->bootstrap)
        err = MK_E_BAD_STATE;
    if (!err)
        err = space_reserve(self->space, 1);
    if (!err) {
        user_store_u32(receivep, space_put_receive(self->space, machine->bootstrap)->name);
        machine->bootstrap = NULL;
    }
    return leave(cpu, err);
}

void *mk_task_slot(void)
{
    struct cpu *cpu = this_cpu();
    return cpu && cpu->current ? cpu->current->task->slot : NULL;
}

void mk_task_set_slot(void *p)
{
    struct cpu *cpu = kernel_look();
    if (!cpu)
        return;
    bool was_open = kernel_open(cpu);
    cpu->current->task->slot = p;
    kernel_close(cpu, was_open);
}
