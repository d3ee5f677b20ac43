/* SPDX-License-Identifier: BSD-2-Clause */
/* Arguments from the bytes of an input; see fuzz_ipc_decode.c. */
#ifndef FUZZ_IPC_PICK_H
#define FUZZ_IPC_PICK_H

#include "fuzz_ipc.h"

/* Kinds of names: bits of enum mk_right_type for ordinary ports, and these. */
#define PICK_REPLY   32u
#define PICK_TASK    64u
#define PICK_THREAD  128u
#define PICK_EVENT   256u /* receive right of an event port */
#define PICK_SIGNAL  512u /* send right of an event port */
#define PICK_ANSWER  (PICK_REPLY | MK_RIGHT_SEND_ONCE)
#define PICK_TO_SEND (MK_RIGHT_SEND | PICK_ANSWER)

mk_name_t pick(struct world *w, unsigned task, uint32_t kinds);
uint8_t pick_pointer(uint8_t b);
mk_time_t pick_deadline(struct world *w);
uint32_t pick_size(struct world *w);
uint64_t pick_badge(struct world *w);
uint32_t pick_disposition(struct world *w);
uint32_t kinds_for(uint32_t how);

#endif
