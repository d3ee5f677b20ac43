/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Looking: listings, reports and audits. Nothing here changes what the kernel keeps. The kernel knows of two functions
 * of this layer, which write reports (sys/sys.h: report_deadlock, report_crash).
 */
#ifndef LOOK_LOOK_H
#define LOOK_LOOK_H

#include "sys/sys.h"

/* State, times, and what it waits for. */
void look_thread(struct mk_machine *machine, const struct thread *thread, struct mk_thread_info *info);

#endif
