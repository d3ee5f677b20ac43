/* SPDX-License-Identifier: BSD-2-Clause */
/* Entries of <mk/event.h>. */
#include "sys/sys.h"

mk_err_t mk_event_create(mk_name_t *receivep)
{
    ENTER(cpu, self);
    return leave(cpu, port_new(self->space, true, receivep));
}

mk_err_t mk_event_signal(mk_name_t send, uint64_t bits)
{
    ENTER(cpu, self);
    (void)self;
    return leave(cpu, ipc_event_signal(cpu, send, bits));
}

mk_err_t mk_event_wait(mk_name_t receive, uint64_t *bitsp, mk_time_t deadline)
{
    ENTER(cpu, self);
    (void)self;
    return leave(cpu, deadline < 0 ? MK_E_BAD_ARGUMENT : ipc_event_wait(cpu, receive, bitsp, deadline));
}
