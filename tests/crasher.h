/* SPDX-License-Identifier: BSD-2-Clause */
/* Operations of the plugin api/plugins/crasher.c. */
#ifndef CRASHER_H
#define CRASHER_H

#include <mk/mk.h>

#define CRASHER_PING 1u /* number of the operation since this instance began, from 1 */
#define CRASHER_GO \
    2u /* body: struct crasher_go; with a send right for CRASHER_IN_CALL. Where it ends is in the name. */

enum crasher_place {
    CRASHER_IN_THREAD,  /* in its own code, on a thread beside the server loop: the answer comes */
    CRASHER_IN_HANDLER, /* in the handler: the caller learns of it */
    CRASHER_IN_LIBC,    /* in a function that libc's qsort calls */
    CRASHER_IN_STDIO,   /* in one that a stream of libc calls, whose lock is held */
    CRASHER_IN_HEAP,    /* in malloc or free */
    CRASHER_IN_CALL,    /* on another thread, while the handler waits in a call of that right */
    CRASHER_NR_PLACES,
};

struct crasher_go {
    uint32_t way, place; /* `way` is an index into the ways of crashways.h */
};

#endif
