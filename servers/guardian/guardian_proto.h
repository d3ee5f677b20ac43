/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guardian keeps for the supervisor what has to outlive it. The supervisor
 * finds it as its special port MK_SPECIAL_REGISTERED_0, and nobody else does.
 */
#ifndef GUARDIAN_PROTO_H
#define GUARDIAN_PROTO_H

enum {
    GUARDIAN_PORT = 300,   /* body: uint32_t, which. Reply: rights[0]: the receive right of that port, with what waits
                              in its queue; it comes back by itself. MK_E_BAD_STATE (it is away), MK_E_BAD_ARGUMENT */
    GUARDIAN_MEMORY = 301, /* body: two uint64_t, which and size. Reply: rights[0]: that memory object, of this size,
                              zeros at first. MK_E_BAD_ARGUMENT */
    GUARDIAN_KEEP = 302,   /* body: uint32_t, where; rights[0]: a send right to keep there; none: forget it */
    GUARDIAN_KEPT = 303,   /* body: uint32_t, where. Reply: rights[0]: the right that is kept there. MK_E_NOT_FOUND */
    GUARDIAN_GOING = 304,  /* body: uint32_t, GUARDIAN_GOES_ON or GUARDIAN_RESTS. MK_E_BAD_ARGUMENT: neither */
};

/* Is the machine to go on for the supervisor's sake? Far from each other: nobody would notice a bit that changed. */
#define GUARDIAN_GOES_ON 0x5a5a5a5au
#define GUARDIAN_RESTS   0xa5a5a5a5u

#define GUARDIAN_PORTS_MAX    1089 /* the supervisor's own, number 0, and one for each task, 64 of them loaded later */
#define GUARDIAN_MEMORIES_MAX 65   /* one for the supervisor, and one for each task that was loaded later */
#define GUARDIAN_KEPT_MAX     1280 /* of 256 who watch, and of each task */

#endif
