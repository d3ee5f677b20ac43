/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The supervisor: starts the boot file's tasks in order, and restarts those
 * that crash. Registered as "supervisor". A body with a name is its bytes
 * without NUL.
 */
#ifndef SUPERVISOR_PROTO_H
#define SUPERVISOR_PROTO_H

#include <mk/server.h>

enum {
    SUPERVISOR_STOP = 200,    /* body: task's name in the boot file. Ends it, or gives up a restart that is due later.
                                 MK_E_NOT_FOUND, MK_E_BAD_STATE (not running) */
    SUPERVISOR_START = 201,   /* body: name. Answered when it is up. MK_E_NOT_FOUND, MK_E_BAD_STATE (running),
                                 mk_task_load's */
    SUPERVISOR_RESTART = 202, /* body: name. STOP if it runs, then START; queued requests are kept */
    SUPERVISOR_LIST = 203,    /* reply body: struct supervisor_entry each, in start order */
    SUPERVISOR_HISTORY = 204, /* body: name. Reply body: struct supervisor_event each, the last ones, oldest first.
                                 MK_E_NOT_FOUND */
    SUPERVISOR_WATCH = 205,   /* body: name; rights[0]: a send right. What happens to the task from now on is told
                                 there, until the port dies: see SUPERVISOR_EVENT. MK_E_NOT_FOUND, MK_E_BAD_ARGUMENT
                                 (no send right), MK_E_NO_ROOM (too many watch already) */
    /*
     * body: name, NUL, path of a plugin. A server goes on in another version, with its state and its port. Answered
     * when that serves. MK_E_NOT_FOUND, MK_E_BAD_STATE (not up), MK_E_TOO_LONG, MK_E_NOT_SUPPORTED (one of them cannot
     * be updated), MK_E_DEAD (it ended before it was done), mk_task_load's, and what the old version says to saving or
     * the new one to restoring: then the old one goes on
     */
    SUPERVISOR_UPDATE = MK_SERVER_UPDATE,
    SUPERVISOR_LOAD = 208,  /* body: name, path of a plugin, arguments, each with a NUL. A task that is not in the boot
                                 file is started, and supervised from then on. Answered when it is up, if it is a
                                 server. MK_E_EXISTS (the name), MK_E_NO_ROOM (too many were loaded), MK_E_TOO_LONG,
                                 MK_E_BAD_ARGUMENT, mk_task_load's; then the reply's body says why */
    SUPERVISOR_EVENT = 206, /* sent to who watches. Body: struct supervisor_event. Nobody waits for room in the queue:
                                 what does not fit is lost. An event port gets the bit 1 << kind instead. */
};

#define SUPERVISOR_PATH_MAX    512
#define SUPERVISOR_HISTORY_MAX 16 /* events kept of each task */

enum supervisor_kind {
    SUPERVISOR_NOTHING,
    SUPERVISOR_STARTED,     /* an instance was loaded */
    SUPERVISOR_CAME_UP,     /* it answered for the first time */
    SUPERVISOR_EXITED,      /* a program ended by itself with code 0. This and the next four are ends */
    SUPERVISOR_CRASHED,     /* another code, or the end of a server that nobody asked for */
    SUPERVISOR_ASKED,       /* it was asked for: stop, restart */
    SUPERVISOR_SILENT,      /* it left its heartbeat unanswered and was ended */
    SUPERVISOR_GROUPED,     /* it was ended together with another of its group */
    SUPERVISOR_GAVE_UP,     /* it, or its group, had too many restarts: it stays ended */
    SUPERVISOR_UPDATED,     /* another version serves */
    SUPERVISOR_KEPT,        /* another version could not take over: the old one goes on */
    SUPERVISOR_ROLLED_BACK, /* another version crashed soon after it had taken over: the old one goes on */
};

struct supervisor_event {
    int64_t time;  /* of the machine's clock */
    int64_t due;   /* of an end: when the next instance is started; 0: it is not */
    uint64_t task; /* number of the instance's task; 0: none could be made */
    uint32_t kind; /* enum supervisor_kind */
    int32_t code;  /* of an end: the exit code */
    char name[32]; /* of the task in the boot file */
};

enum supervisor_state {
    SUPERVISOR_WAITING,  /* for the tasks that it comes after */
    SUPERVISOR_STARTING, /* no answer yet; a program that does not serve stays so */
    SUPERVISOR_UP,
    SUPERVISOR_DELAYED, /* it is started again when it is due, and those of its group before it are up */
    SUPERVISOR_ENDED,
};

enum supervisor_restart {
    SUPERVISOR_RESTART_DEFAULT, /* on crash for servers, always for the name service, else never */
    SUPERVISOR_RESTART_NEVER,
    SUPERVISOR_RESTART_ON_CRASH,
    SUPERVISOR_RESTART_ALWAYS,
};

struct supervisor_entry {
    char name[32];
    char group[32];
    uint64_t task; /* number of its task; 0: not running */
    int64_t due;   /* DELAYED: when it is started at the earliest */
    uint32_t nr_starts;
    int32_t last_exit; /* exit code of the last instance that ended */
    uint8_t last_end;  /* enum supervisor_kind: how; NOTHING: none has ended */
    uint8_t state;     /* enum supervisor_state */
    uint8_t restart;   /* enum supervisor_restart, what it comes to: not DEFAULT */
    uint8_t is_running;
    uint8_t is_server;
    uint8_t pad[3];
};

#endif
