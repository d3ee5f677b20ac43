/* SPDX-License-Identifier: BSD-2-Clause */
/* Entries of <mk/event.h>. */
#include "sys/sys.h"

mk_err_t mk_event_create(mk_name_t *receivep)
{
    (void)receivep;
    return MK_E_NOT_SUPPORTED;
}

mk_err_t mk_event_signal(mk_name_t send, uint64_t bits)
{
    (void)send;
    (void)bits;
    return MK_E_NOT_SUPPORTED;
}

mk_err_t mk_event_wait(mk_name_t receive, uint64_t *bitsp, mk_time_t deadline)
{
    (void)receive;
    (void)bitsp;
    (void)deadline;
    return MK_E_NOT_SUPPORTED;
}
