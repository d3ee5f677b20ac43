/* SPDX-License-Identifier: BSD-2-Clause */
/* Showing kernel calls to the machine's probe. */
#include "sys/sys.h"

mk_err_t probe_call(struct cpu *cpu, const char *name, struct mk_msg *msg, mk_name_t port)
{
    struct thread *self = cpu->current;
    const struct mk_machine *machine = cpu->machine;
    if (self->flags & THREAD_PROBED || self->nr_tries)
        return MK_OK;
    const struct mk_probe_call call = {.task = self->task->id,
                                       .thread = self->id,
                                       .label = self->task->label,
                                       .name = name,
                                       .number = ++self->task->nr_calls,
                                       .msg = msg,
                                       .port = port};
    self->flags |= THREAD_PROBED;
    kernel_close_all(cpu); /* it is no part of the kernel, and makes calls itself */
    mk_err_t err = machine->probe(machine->probe_arg, &call);
    kernel_open(cpu);
    self->flags &= (uint8_t)~THREAD_PROBED;
    return err;
}
