/* SPDX-License-Identifier: BSD-2-Clause */
/* The last eight kernel calls of each thread, for crash reports: numbers of names that the linker collects. */
#ifndef KERN_HISTORY_H
#define KERN_HISTORY_H

#include "kern/machine.h"

extern const char *const __start_mk_calls[] __attribute__((visibility("hidden")));
extern const char *const __stop_mk_calls[] __attribute__((visibility("hidden")));

#define HISTORY_CALLS 8

/* Numbers of those that have a short way, where each instruction counts. */
enum { HISTORY_SEND = 252, HISTORY_RECEIVE, HISTORY_CALL, HISTORY_REPLY_RECEIVE };

static inline void history_note_short(struct thread *thread, uint8_t number)
{
    thread->history = thread->history << 8 | number;
}

/* The thread makes the kernel call `name`, a string that stands still (__func__). At most 251 places in the library. */
#define history_note(thread, name) \
    do { \
        static const char *const history_name __attribute__((section("mk_calls"), used)) = (name); \
        history_note_short(thread, (uint8_t)(&history_name - __start_mk_calls + 1)); \
    } while (0)

/* The call before the last `i`; NULL: none. */
static inline const char *history_get(const struct thread *thread, unsigned i)
{
    static const char *const names[] = {"mk_send", "mk_receive", "mk_call", "mk_reply_receive"};
    uint8_t number = (uint8_t)(thread->history >> 8 * i);
    if (number >= HISTORY_SEND)
        return names[number - HISTORY_SEND];
    return number ? __start_mk_calls[number - 1] : NULL;
}

#endif
