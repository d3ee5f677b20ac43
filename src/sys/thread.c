/* SPDX-License-Identifier: BSD-2-Clause */
/* Entries of <mk/thread.h>. */
#include "sys/sys.h"

#include <stdlib.h>

#include "host/pages.h"

static mk_err_t check_attr(const struct mk_thread_attr *attr)
{
    return attr->entry && attr->priority >= MK_PRIO_MIN && attr->priority <= MK_PRIO_MAX &&
                   attr->stack_size >= MK_STACK_MIN && attr->stack_size <= MK_STACK_MAX
               ? MK_OK
               : MK_E_BAD_ARGUMENT;
}

static mk_err_t thread_new(struct cpu *cpu, struct task *task, const struct mk_thread_attr *attr, const char *label,
                           bool is_named, mk_name_t *namep)
{
    struct thread *thread, *self = cpu->current;
    struct port *port = NULL;
    mk_err_t err = is_named ? space_reserve(self->space, 1) : MK_OK;
    if (err)
        return err;
    if (is_named && !(port = port_create(cpu->machine, MK_OBJECT_THREAD, NULL)))
        return MK_E_NO_MEMORY;
    err = thread_create(task, attr->entry, attr->arg, attr->stack_size, attr->priority, &thread);
    if (err) {
        if (port)
            port_destroy(cpu->machine, port);
        return err;
    }
    label_copy(thread->label, sizeof(thread->label), label);
    if (port) {
        port->object = thread;
        thread->port = port;
        send_right_add(self->space, port, 0, namep); /* reserved above */
    }
    if (attr->suspended) {
        thread->suspend_count = 1;
        sched_suspend(cpu, thread);
    } else {
        sched_ready(cpu, thread);
    }
    return MK_OK;
}

mk_err_t mk_thread_create(mk_name_t task_name, const struct mk_thread_attr *user_attr, mk_name_t *threadp)
{
    ENTER(cpu, self);
    struct mk_thread_attr attr;
    char label[MK_LABEL_MAX];
    struct task *task;
    mk_name_t name = MK_NAME_NULL;
    mk_err_t err = task_find(cpu, task_name, &task);
    if (!err && !user_get(&attr, user_attr, sizeof(attr)))
        err = MK_E_BAD_ADDRESS;
    if (err)
        return leave(cpu, err);
    attr.stack_size = attr.stack_size ? round_up(attr.stack_size, host_page_size()) : MK_STACK_DEFAULT;
    if (!attr.priority)
        attr.priority = self->base_priority;
    err = check_attr(&attr);
    if (!err)
        err = string_in(label, attr.label, sizeof(label));
    if (!err && threadp && !user_probe_u32(threadp))
        err = MK_E_BAD_ADDRESS;
    if (!err)
        err = thread_new(cpu, task, &attr, label, threadp != NULL, &name);
    if (!err) {
        kernel_charge(cpu, cpu->machine->costs.thread);
        if (threadp)
            user_store_u32(threadp, name);
    }
    return leave(cpu, err);
}

void mk_thread_exit(void)
{
    struct cpu *cpu = kernel_enter();
    if (!cpu)
        exit(0);
    thread_ended(cpu->current);
    sched_exit(cpu);
    abort();
}

mk_err_t mk_thread_terminate(mk_name_t name)
{
    ENTER(cpu, self);
    struct thread *thread;
    mk_err_t err = thread_find(cpu, name, &thread);
    if (!err && thread == self)
        mk_thread_exit();
    if (!err) {
        thread_end(cpu, thread);
    }
    return leave(cpu, err);
}

mk_err_t mk_thread_join(mk_name_t name, mk_time_t deadline)
{
    ENTER(cpu, self);
    struct thread *thread;
    if (deadline < 0)
        return leave(cpu, MK_E_BAD_ARGUMENT);
    mk_err_t err = thread_find(cpu, name, &thread);
    if (err == MK_E_DEAD)
        err = MK_OK;
    else if (!err && thread == self)
        err = MK_E_BAD_STATE;
    else if (!err && !(err = sched_may_wait(cpu, deadline)))
        err = sched_block(cpu, &thread->joiners, MK_WAIT_THREAD, thread, deadline, NULL);
    return leave(cpu, err);
}

mk_err_t mk_thread_suspend(mk_name_t name)
{
    ENTER(cpu, self);
    struct thread *thread;
    (void)self;
    mk_err_t err = thread_find(cpu, name, &thread);
    if (!err && thread->suspend_count == UINT32_MAX)
        err = MK_E_OVERFLOW;
    if (!err && thread->suspend_count++ == 0)
        sched_suspend(cpu, thread);
    return leave(cpu, err);
}

mk_err_t mk_thread_resume(mk_name_t name)
{
    ENTER(cpu, self);
    struct thread *thread;
    (void)self;
    mk_err_t err = thread_find(cpu, name, &thread);
    if (!err && thread->suspend_count == 0)
        err = MK_E_BAD_STATE;
    if (!err && --thread->suspend_count == 0)
        sched_resume(cpu, thread);
    return leave(cpu, err);
}

mk_err_t mk_thread_abort(mk_name_t name)
{
    ENTER(cpu, self);
    struct thread *thread;
    (void)self;
    mk_err_t err = thread_find(cpu, name, &thread);
    if (!err && thread->state != THREAD_BLOCKED)
        err = MK_E_BAD_STATE;
    if (!err)
        sched_wake(cpu, thread, MK_E_ABORTED);
    return leave(cpu, err);
}

mk_err_t mk_thread_set_priority(mk_name_t name, int priority)
{
    ENTER(cpu, self);
    struct thread *thread;
    (void)self;
    mk_err_t err = thread_find(cpu, name, &thread);
    if (!err && (priority < MK_PRIO_MIN || priority > MK_PRIO_MAX))
        err = MK_E_BAD_ARGUMENT;
    if (!err)
        sched_set_priority(cpu, thread, priority);
    return leave(cpu, err);
}

static void yield_long(void)
{
    struct cpu *cpu = kernel_enter();
    if (!cpu)
        return;
    if (unlikely(cpu_must_reschedule(cpu)) || unlikely(cpu->now >= cpu->next_event))
        sched_point(cpu);
    sched_yield(cpu);
    kernel_leave(cpu);
}

/* mk_thread_yield begins in assembly, as mk_call does. */
struct door_result yield_entry(uint64_t unused0, uint64_t unused1, uint64_t unused2, void *frame);

struct door_result yield_entry(uint64_t unused0, uint64_t unused1, uint64_t unused2, void *frame)
{
    struct cpu *cpu = this_cpu();
    void *sp = likely(cpu) && likely(cpu->current) ? sched_yield_fast(cpu, frame) : NULL;
    (void)unused0, (void)unused1, (void)unused2;
    if (unlikely(!sp))
        yield_long();
    return (struct door_result){sp, MK_OK};
}

mk_err_t mk_thread_switch(mk_name_t name, enum mk_switch option, mk_time_t deadline)
{
    ENTER(cpu, self);
    struct thread *to = NULL;
    mk_err_t err = name == MK_NAME_NULL ? MK_OK : thread_find(cpu, name, &to);
    if (!err && (to == self || deadline < 0 || option < MK_SWITCH_NONE || option > MK_SWITCH_WAIT))
        err = MK_E_BAD_ARGUMENT;
    if (!err && option == MK_SWITCH_WAIT && deadline > cpu->now)
        err = sched_hand_over_and_wait(cpu, to, deadline);
    else if (!err)
        sched_hand_over(cpu, to, option == MK_SWITCH_DEPRESS ? deadline : MK_TIME_POLL);
    return leave(cpu, err);
}

mk_err_t mk_thread_depress_abort(mk_name_t name)
{
    ENTER(cpu, self);
    struct thread *thread;
    (void)self;
    mk_err_t err = thread_find(cpu, name, &thread);
    if (!err && !(thread->flags & THREAD_DEPRESSED))
        err = MK_E_BAD_STATE;
    if (!err)
        sched_undepress(cpu, thread);
    return leave(cpu, err);
}
