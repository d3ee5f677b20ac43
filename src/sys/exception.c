/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Exceptions, and the entries of <mk/exception.h>. The thread waits on the trap stack that it came in on, so that it
 * can go on as if nothing had been. Order and behaviours are Mach's (Mach 3 Kernel Principles, chapter 5.4).
 */
#include "sys/sys.h"

#include <stddef.h>

#include "host/stack.h"
#include "ipc/kmsg.h"

/* ---- asking ---- */

/* NULL: no memory. */
static struct kmsg *message_create(struct thread *self, struct mk_exc_message *facts, uint32_t with)
{
    uint32_t nr_rights = with & MK_EXC_IDENTITY ? 2 : 0;
    size_t size = with & MK_EXC_STATE ? sizeof(*facts) : offsetof(struct mk_exc_message, regs);
    struct port *port = nr_rights ? thread_port(self) : NULL;
    struct kmsg *kmsg = nr_rights && !port ? NULL : kmsg_create(self->task->machine, nr_rights, (uint32_t)size);
    if (!kmsg)
        return NULL;
    facts->with = with;
    memcpy(kmsg_body(kmsg), facts, size);
    kmsg->id = MK_EXC_RAISE;
    kmsg->badge = MK_BADGE_KERNEL;
    if (nr_rights) {
        kmsg->rights[0] = port_send_ref(port, 0);
        kmsg->rights[1] = port_send_ref(self->task->port, 0);
    }
    return kmsg;
}

/* Where it cannot go on: abort() would end the process, and a stack that is too short stays so. */
static bool is_final(const struct mk_exc_message *facts)
{
    return (facts->exception == MK_EXC_SOFTWARE && facts->code == MK_EXC_ABORT) || facts->exception == MK_EXC_EXIT ||
           (facts->exception == MK_EXC_BAD_ACCESS && facts->code == MK_EXC_STACK_OVERFLOW);
}

/* MK_OK: the thread goes on with what is in the frame. */
static mk_err_t ask(struct cpu *cpu, struct port *port, uint32_t with, struct mk_exc_message *facts,
                    struct host_trap_frame *frame)
{
    struct thread *self = cpu->current;
    struct mk_exc_answer answer;
    struct mk_msg msg = {.body = &answer, .capacity = sizeof(answer)};
    struct kmsg *kmsg = message_create(self, facts, with);
    if (!kmsg)
        return MK_E_NO_MEMORY;
    trace(cpu, MK_TRACE_EXCEPTION, self->id, facts->exception, port->id);
    mk_err_t err = ipc_call_port(cpu, port, kmsg, &msg);
    if (!err && msg.size < (with & MK_EXC_STATE ? sizeof(answer) : offsetof(struct mk_exc_answer, regs)))
        err = MK_E_BAD_ARGUMENT;
    if (!err)
        err = answer.err;
    if (err)
        return err;
    if (!(with & MK_EXC_STATE))
        answer.regs = facts->regs;
    if (is_final(facts) && answer.regs.rip == facts->instruction)
        return MK_E_BAD_ARGUMENT;
    return host_trap_set_regs(frame, &answer.regs) ? MK_OK : MK_E_BAD_ARGUMENT;
}

static bool is_asked(const struct port *port, uint32_t kinds, uint32_t exception)
{
    return port && !port->is_dead && port_takes_messages(port) && kinds & MK_EXC_BIT(exception);
}

/* Thread, task, machine: in this order, as they are when their turn comes. */
static mk_err_t ask_all(struct cpu *cpu, struct mk_exc_message *facts, struct host_trap_frame *frame)
{
    struct thread *self = cpu->current;
    struct task *task = self->task;
    mk_err_t err = MK_E_NOT_FOUND;
    if (is_asked(self->exception.port, self->exception.kinds, facts->exception))
        err = ask(cpu, self->exception.port, self->exception.with, facts, frame);
    if (err && is_asked(task->specials[MK_SPECIAL_EXCEPTION], task->exception_kinds, facts->exception))
        err = ask(cpu, task->specials[MK_SPECIAL_EXCEPTION], task->exception_with, facts, frame);
    const struct exception_port *last = &cpu->machine->exception;
    if (err && is_asked(last->port, last->kinds, facts->exception))
        err = ask(cpu, last->port, last->with, facts, frame);
    return err;
}

/* ---- what happened ---- */

/* A request of host_raise is what its argument says; a miss just below the stack is an overflow. */
static int64_t find_out(const struct thread *self, struct host_trap *trap, mk_err_t err)
{
    if (trap->is_raised && (int64_t)trap->frame->rdi == HOST_RAISE_OVERFLOW) {
        trap->exception = MK_EXC_BAD_ACCESS;
        trap->signal = HOST_TRAP_BAD_ACCESS;
        trap->address = (uint64_t)(uintptr_t)self->context.stack - 1;
    } else if (trap->is_raised && (int64_t)trap->frame->rdi == HOST_RAISE_LOOP) {
        trap->signal = HOST_TRAP_LOOP;
        trap->what = "endless loop";
        return MK_EXC_LOOP;
    } else if (trap->is_raised) {
        int64_t code = (int64_t)trap->frame->rdi;
        trap->signal = HOST_TRAP_ABORT;
        if (code >= 0)
            return code;
        trap->exception = MK_EXC_EXIT;
        trap->what = "exit of a server";
        return (int32_t)(uint32_t)(code - HOST_RAISE_EXIT(0));
    }
    if (trap->exception == MK_EXC_SOFTWARE)
        return trap->signal == HOST_TRAP_LOOP ? MK_EXC_LOOP : MK_EXC_ABORT;
    if (trap->exception != MK_EXC_BAD_ACCESS)
        return 0;
    if ((uint64_t)(uintptr_t)self->context.stack - 1 - trap->address < HOST_STACK_GUARD) {
        trap->what = "stack overflow";
        return MK_EXC_STACK_OVERFLOW;
    }
    if (err != MK_E_BAD_ADDRESS)
        trap->what = mk_err_text(err);
    return err;
}

bool exception_raise(struct cpu *cpu, mk_err_t err)
{
    struct thread *self = cpu->current;
    struct host_trap trap = cpu->host.trap;
    trace(cpu, MK_TRACE_TRAP, (uint64_t)trap.signal, 0, 0);
    trap.code = find_out(self, &trap, err);
    bool is_handled = false;
    if ((trap.is_raised || !host_is_own_text(trap.instruction)) && thread_keep_trap_stack(cpu)) {
        struct mk_exc_message facts = {.exception = trap.exception,
                                       .code = trap.code,
                                       .address = trap.address,
                                       .instruction = trap.instruction,
                                       .task = self->task->id,
                                       .thread = self->id,
                                       .is_write = trap.is_write,
                                       .signal = (uint32_t)trap.signal};
        host_trap_get_regs(trap.frame, &facts.regs);
        is_handled = ask_all(cpu, &facts, trap.frame) == MK_OK;
        kernel_point(cpu);
        thread_return_trap_stack(cpu);
    }
    cpu->host.trap = trap;
    return is_handled;
}

/* ---- entries ---- */

static void set_port(struct mk_machine *machine, struct exception_port *e, struct port *port, uint32_t kinds,
                     uint32_t with)
{
    struct port *old = e->port;
    if (port)
        port_send_ref(port, 0);
    *e = (struct exception_port){port, kinds, with};
    if (old)
        port_drop_send(machine, old, 1);
}

void exception_forget(struct mk_machine *machine, struct exception_port *e)
{
    set_port(machine, e, NULL, 0, 0);
}

mk_err_t mk_exception_set_port(mk_name_t which, uint32_t kinds, mk_name_t send, uint32_t with)
{
    ENTER(cpu, self);
    const struct entry *of = space_lookup(self->space, which);
    enum mk_object kind = of && of->type & MK_RIGHT_SEND ? of->port->object_kind : MK_OBJECT_NONE;
    struct port *port = NULL;
    mk_err_t err = !of ? MK_E_BAD_NAME : MK_OK;
    if (!err && kind != MK_OBJECT_THREAD && kind != MK_OBJECT_TASK && kind != MK_OBJECT_MACHINE)
        err = MK_E_BAD_RIGHT;
    if (!err && of->port->is_dead)
        err = MK_E_DEAD;
    if (!err && (kinds & ~MK_EXC_ALL || with & ~(MK_EXC_IDENTITY | MK_EXC_STATE)))
        err = MK_E_BAD_ARGUMENT;
    if (!err && send) {
        err = ref_check(self->space, send, MK_COPY_SEND, 0);
        port = err ? NULL : space_lookup(self->space, send)->port;
        if (port && !port_takes_messages(port))
            err = MK_E_BAD_RIGHT;
    }
    if (err)
        return leave(cpu, err);
    void *object = of->port->object;
    if (kind == MK_OBJECT_THREAD) {
        set_port(cpu->machine, &((struct thread *)object)->exception, port, kinds, with);
    } else if (kind == MK_OBJECT_MACHINE) {
        set_port(cpu->machine, &cpu->machine->exception, port, kinds, with);
    } else {
        struct task *task = object;
        task_set_special(task, MK_SPECIAL_EXCEPTION, port, 0);
        task->exception_kinds = kinds;
        task->exception_with = with;
    }
    return leave(cpu, MK_OK);
}

mk_err_t mk_exception_raise(int64_t code)
{
    struct cpu *cpu = kernel_look();
    if (!cpu)
        return MK_E_NOT_IN_MACHINE;
    if (code < 0)
        return MK_E_BAD_ARGUMENT;
    host_raise(code);
    return MK_OK;
}

/* Is anybody interested in an exit of this thread's? A program's is none of the kernel's business. */
static bool exit_matters(const struct thread *self)
{
    const struct task *task = self->task;
    return task->is_server || is_asked(self->exception.port, self->exception.kinds, MK_EXC_EXIT) ||
           is_asked(task->specials[MK_SPECIAL_EXCEPTION], task->exception_kinds, MK_EXC_EXIT) ||
           is_asked(task->machine->exception.port, task->machine->exception.kinds, MK_EXC_EXIT);
}

void mk_exit(int status)
{
    struct cpu *cpu = kernel_look();
    if (cpu && exit_matters(cpu->current))
        host_raise(HOST_RAISE_EXIT(status));
    mk_task_exit(status);
}
