/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The supervisor: starts the boot file's tasks in order, and starts, stops and
 * restarts them when asked. Registered as "supervisor". A body with a name is
 * its bytes without NUL.
 */
#ifndef SUPERVISOR_PROTO_H
#define SUPERVISOR_PROTO_H

#include <stdint.h>

enum {
    SUPERVISOR_STOP =
        200, /* body: task's name in the boot file. Ends it. MK_E_NOT_FOUND, MK_E_BAD_STATE (not running) */
    SUPERVISOR_START =
        201, /* body: name. Answered when it is up. MK_E_NOT_FOUND, MK_E_BAD_STATE (running), mk_task_load's */
    SUPERVISOR_RESTART = 202, /* body: name. STOP if it runs, then START; queued requests are kept */
    SUPERVISOR_LIST = 203,    /* reply body: struct supervisor_entry each, in boot order */
};

struct supervisor_entry {
    char name[32];
    uint64_t task; /* number of its task; 0: not running */
    uint32_t nr_starts;
    int32_t last_exit; /* exit code of the last instance that ended */
    uint8_t is_running;
    uint8_t is_server;
    uint8_t pad[6];
};

#endif
