/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Events: a word of bits, OR-ed by signals and taken whole by a wait. Nothing
 * is queued, so that a signal never waits, never fails for want of room and
 * needs no memory: what interrupts and "there is work" want (seL4's notification
 * objects, seL4 Reference Manual, chapter 6; QNX's pulses carry values, these bits).
 *
 * An event port is a port that takes signals instead of messages. Its rights
 * are made, sent, moved, counted and notified like those of any port
 * (<mk/port.h>), but that it has no send-once rights, which could bring no message. It can be a member of a port set: a
 * receive from the set then
 * brings messages and events alike, each in its turn. Such a receive gets id
 * MK_NOTIFY_ID + MK_NOTIFY_EVENT, badge MK_BADGE_KERNEL, no body, the port, and
 * the bits in msg->events.
 */
#ifndef MK_EVENT_H
#define MK_EVENT_H

#include <mk/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * New event port; its receive right under a fresh name. mk_right_make makes send rights, mk_port_destroy
 * destroys it. MK_E_NO_MEMORY, MK_E_LIMIT_NAMES, MK_E_BAD_ADDRESS, MK_E_NOT_IN_MACHINE.
 */
MK_API MK_NODISCARD mk_err_t mk_event_create(mk_name_t *receivep);

/*
 * OR `bits` into the word of the event port that the send right `send` leads
 * to. A thread that waits there, or at a set that the port is in, wakes with the
 * whole word; the caller keeps the CPU unless that thread is stronger. Never
 * waits. With bits 0 nothing happens.
 * A right with a badge may signal only bits of its badge.
 * MK_E_BAD_NAME, MK_E_BAD_RIGHT (not a send right, or not to an event port), MK_E_DEAD, MK_E_NO_ACCESS (a bit that the
 * badge has not), MK_E_NOT_IN_MACHINE.
 */
MK_API MK_NODISCARD mk_err_t mk_event_signal(mk_name_t send, uint64_t bits);

/*
 * Take the word of an event port, of which the caller holds the receive right,
 * leaving 0; waits until `deadline` for it to be other than 0. Of several
 * threads that wait one gets it.
 * MK_E_BAD_NAME, MK_E_BAD_RIGHT (not the receive right of an event port), MK_E_DEAD (the port was destroyed, or its
 * receive right moved away, during the wait), MK_E_BAD_ADDRESS (bits are not taken), MK_E_WOULD_BLOCK, MK_E_TIMED_OUT,
 * MK_E_ABORTED, MK_E_BAD_ARGUMENT (negative deadline), MK_E_NOT_IN_MACHINE.
 */
MK_API MK_NODISCARD mk_err_t mk_event_wait(mk_name_t receive, uint64_t *bitsp, mk_time_t deadline);

#ifdef __cplusplus
}
#endif
#endif
