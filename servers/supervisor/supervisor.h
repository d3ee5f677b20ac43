/* SPDX-License-Identifier: BSD-2-Clause */
/* The supervisor's state. */
#ifndef SUPERVISOR_H
#define SUPERVISOR_H

#include <mk/mk.h>

#include "supervisor_proto.h"

enum job_state { JOB_WAITING, JOB_STARTING, JOB_UP, JOB_ENDED };

/* A task of the boot file. */
struct job {
    char name[MK_LABEL_MAX];
    const char *path, *after, *args;
    int priority;
    uint64_t memory_limit; /* 0: none */
    uint32_t nr_frames;    /* of its own; 0: it shares the machine's */
    bool is_privileged, is_names;
    enum job_state state;
    mk_name_t task;    /* of the running instance */
    mk_name_t service; /* send right, with the receive right too while it is at home */
    bool is_home;
    bool has_backlog; /* the queue was full at the start */
    bool restart_wanted, stop_wanted;
    char (*registered)[MK_SERVICE_MAX]; /* names that lead to its service port */
    size_t nr_registered;
    mk_name_t requester; /* who waits for it to be up, or to end */
    uint32_t nr_starts;
    int32_t last_exit;
};

struct supervisor {
    mk_name_t receive, machine;
    struct job *jobs; /* in start order */
    size_t nr_jobs;
    char *text; /* of the boot description; the jobs' fields are in it */
    size_t text_size;
    bool is_booting, names_are_up;
    bool is_kept; /* what a restart needs stays in memory */
};

/*
 * Read the boot description: a line per task in start order, fields separated
 * by tabs: name, plugin's path, priority, privileged (0 or 1), after (names
 * separated by commas, or "-"), limit of its memory in bytes and frames of its own (0: none), arguments; \t \n \\ are
 * escaped in them.
 * MK_E_NO_MEMORY, MK_E_BAD_ARGUMENT (with a line in the log).
 */
mk_err_t jobs_parse(struct supervisor *s, const char *text);

#endif
