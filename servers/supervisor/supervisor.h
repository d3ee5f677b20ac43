/* SPDX-License-Identifier: BSD-2-Clause */
/* The supervisor's state, and what its files offer each other. */
#ifndef SUPERVISOR_H
#define SUPERVISOR_H

#include <mk/mk.h>

#include "supervisor_proto.h"

#define WATCHES_MAX     256
#define REGISTERED_MAX  8    /* names of a task that a restarted name service is told again */
#define LOADED_MAX      64   /* tasks that are added to the running system */
#define LOADED_ARGS_MAX 1024 /* bytes of their arguments, with the NUL */
#define EXIT_SILENT     137  /* exit code of a task that is ended for its silence: as if killed */

enum strategy { ONE_FOR_ONE, REST_FOR_ONE, ONE_FOR_ALL };

/*
 * What outlives the supervisor: plain numbers, in memory that the guardian keeps and each instance maps. A pointer
 * would be good in one of them alone.
 */
struct group_life {
    bool is_over; /* it had one restart too many */
    uint32_t nr_restarts;
    mk_time_t restarts[]; /* the last `intensity` of them, a ring */
};

struct job_life {
    enum supervisor_state state;
    uint64_t number;  /* of the running instance's task, or the last one's */
    mk_name_t inside; /* name of the service port's receive right in that task */
    bool is_server;   /* it does not keep the machine running */
    mk_time_t started;
    enum supervisor_kind ending; /* why the supervisor is ending it; NOTHING: it is not */
    bool restart_wanted;         /* by who asked for its end */
    uint32_t nr_failures;        /* in a row: the next delay */
    uint32_t nr_false_starts;    /* in a row: instances that ended before they were up */
    mk_time_t delay, due;        /* of the last restart */
    uint32_t nr_starts;
    int32_t last_exit;
    enum supervisor_kind last_end;
    struct supervisor_event history[SUPERVISOR_HISTORY_MAX]; /* a ring */
    uint32_t nr_events;
    char registered[REGISTERED_MAX][MK_SERVICE_MAX]; /* names that lead to its service port */
    uint32_t nr_registered;
    char path[SUPERVISOR_PATH_MAX]; /* of the version that an update brought; "": the boot file's */
    uint64_t other;                 /* number of the other version's task, during an update; 0: none */
};

/* A task that is not the boot file's. */
struct loaded {
    char name[MK_LABEL_MAX];
    char path[SUPERVISOR_PATH_MAX];
    char args[LOADED_ARGS_MAX];
    struct job_life life;
};

struct life {
    bool is_begun; /* this is not the first instance */
    bool is_booting;
    uint32_t nr_loaded;
    uint32_t watched[WATCHES_MAX]; /* the jobs, counted from 1; 0: this one is free. The guardian has the rights */
};

/* ---- what each instance makes anew ---- */

struct group {
    const char *name;
    enum strategy strategy;
    uint32_t intensity; /* restarts within a period that it survives; 0: any number */
    mk_time_t period;
    bool halts; /* one too many stops the machine */
    struct group_life *life;
};

enum update_step { UPDATE_NONE, UPDATE_SAVING, UPDATE_RESTORING, UPDATE_PROBATION };

/* update.c: an update that is under way. */
struct update {
    enum update_step step;
    char path[SUPERVISOR_PATH_MAX]; /* of the new version; on probation, of the old one */
    mk_name_t next;                 /* task of the other version: the new one, on probation the old one */
    uint64_t number;                /* of that task */
    mk_name_t go;                   /* the old version waits there */
    mk_name_t next_port;            /* where the new one is told */
    mk_name_t inside;               /* name of the service port's receive right in the new one */
    mk_err_t err;                   /* why it will fail */
};

/* A task of the boot file, or one that was loaded later. */
struct job {
    char name[MK_LABEL_MAX];
    const char *path, *after, *args;
    int priority;
    uint64_t memory_limit; /* 0: none */
    uint32_t nr_frames;    /* of its own; 0: it shares the machine's */
    bool is_privileged, is_names;
    bool is_restricted; /* it may not look up or register every service */
    struct group *group;
    enum supervisor_restart restart;
    mk_time_t heartbeat; /* 0: none */
    struct job_life *life;

    mk_name_t events;    /* receive right: answers to pings, and the two notices of an end, in this order */
    mk_name_t service;   /* send right, with the receive right too while it is at home */
    mk_name_t task;      /* of the running instance */
    mk_name_t bootstrap; /* if it is restricted: a send right to the name service, with its badge */
    bool is_home;
    bool is_unknown; /* which names lead to it is still to be learned */
    bool is_asked;   /* a ping is in the service port's queue, or with the instance */
    mk_time_t heard, next_beat;
    mk_time_t ask_again; /* a ping could not be sent; 0: it could */
    mk_name_t requester; /* who waits for it to be up, or to end, or to be updated */
    struct update update;
};

struct supervisor {
    mk_name_t receive, machine, guardian;
    mk_name_t set;    /* `receive` and the jobs' `events` */
    struct job *jobs; /* in start order, those that were loaded last */
    size_t nr_jobs, max_jobs;
    struct group *groups;
    size_t nr_groups;
    char *text; /* of the boot description; names, paths and arguments are in it */
    size_t text_size;
    bool is_going, wants_going; /* the machine: as the guardian was told, and as it should be */
    bool names_are_up;
    struct life *life;
    struct loaded *loaded[LOADED_MAX]; /* those in use, and one more that was */
    char why[256];                     /* the last load that was refused */
    mk_name_t watches[WATCHES_MAX];    /* send rights */
};

/*
 * jobs.c. Read the boot description: lines of fields separated by tabs, all groups before the tasks, which are in
 * start order; \t \n \\ are escaped in the fields.
 *   group: name, strategy, intensity, period in ns, halts (0 or 1)
 *   task: name, plugin's path, priority, privileged (0 or 1), after (names separated by commas, or "-"), limit of its
 *         memory in bytes, frames of its own (both 0: none), group's index, restart, heartbeat in ns, restricted (0 or
 *         1), arguments
 * MK_E_NO_MEMORY, MK_E_BAD_ARGUMENT (with a line in the log).
 */
mk_err_t jobs_parse(struct supervisor *s, const char *text);

/* ---- instance.c: one instance of a task ---- */

bool instance_is_alive(const struct job *job);
bool instance_is_dead(const struct job *job);
/* MK_E_* after a line in the log; the port is at home then, or will come. */
mk_err_t instance_start(struct supervisor *s, struct job *job);
/* What the boot file says about its memory, for a task that has not begun. A line in the log. */
mk_err_t instance_limit(const struct job *job, mk_name_t task);
/* While they are held, a task that is stronger than the supervisor does not run either. */
void instance_hold_others(bool is_held);
void instance_end(struct job *job, enum supervisor_kind why, int code);
/* Take over the receive right of its service port. */
mk_err_t instance_own_port(struct job *job, mk_name_t receive);
/* The receive right came back. */
mk_err_t instance_port_is_home(struct job *job);
/* Ask it for any answer, which comes to job->events. It never waits, and adds at most one message to the queue. */
void instance_ping(struct job *job);
/* It has ended, and its port is at home. */
void instance_settle(struct job *job);
/* Destroy the service port, so that clients are told. */
void instance_drop_port(struct job *job);
/* Look up whether it is a server, which it can change, and how it ended if it did. */
void instance_look(struct job *job);
/* Is a task of the machine running that keeps it going? */
bool instance_any_program(void);

/* Number of the newest task of this name; 0: there is none. */
bool instance_find(uint64_t *numberp, const char *name);

/* ---- update.c: another version takes over ---- */

/* Of a job that is up; MK_OK: it goes on by itself, and answers the requester. MK_E_TOO_LONG, MK_E_DEAD, ... */
mk_err_t update_begin(struct job *job, const char *path);
/*
 * A message to the job's events. False: it is not about an update that is under way. It may be about one that ended with
 * an instance, in whose queue the request was; then it is an answer like any other.
 */
bool update_event(struct supervisor *s, struct job *job, struct mk_msg *msg);
/* A task ended that is not the job's: the other version's? Then ours and the notice's reference are still there. */
void update_task_died(struct supervisor *s, struct job *job, mk_name_t task);
/* The job's task has ended, and the port is at home. True: the old version goes on. */
bool update_roll_back(struct supervisor *s, struct job *job);
/* End the other version. */
void update_abandon(struct job *job);
/* No version serves just now. */
bool update_is_moving(const struct job *job);

/* ---- policy.c: what is started, when ---- */

enum supervisor_restart policy_of(const struct job *job);
/* An instance has ended: decide. */
void policy_ended(struct supervisor *s, struct job *job, bool was_starting);
/* Forget past failures: somebody looked after it. */
void policy_renew(struct job *job);
/* Start what can be started now. */
void policy_advance(struct supervisor *s);
/* Ask those with a heartbeat, and end the silent ones. */
void policy_beat(struct supervisor *s);
/* When the next of these is to be done; MK_TIME_FOREVER: nothing is. */
mk_time_t policy_next(const struct supervisor *s);

/* ---- known.c: the name service's memory ---- */

/* The job has come up: which names lead to it? */
void known_learn(const struct supervisor *s, struct job *job);
/* The same for those that came up while the name service could not be asked. */
void known_learn_rest(const struct supervisor *s);
/* A new name service is told what the old one knew of our jobs. */
void known_register_all(struct supervisor *s);

/* ---- badges.c: who asks the name service ---- */

/* Each task that is restricted has a send right with a badge of its own: those of before, and new ones. */
void badges_prepare(struct supervisor *s);

/* ---- history.c ---- */

/* Note what happened to the job, and tell who watches it. */
void history_note(struct supervisor *s, struct job *job, enum supervisor_kind kind);
/* Takes over the send right. MK_E_NO_ROOM, and mk_port_notify's; then it stays the caller's. */
mk_err_t history_watch(struct supervisor *s, const struct job *job, mk_name_t send);
void history_unwatch(struct supervisor *s, mk_name_t dead);

/* ---- ops.c: requests ---- */

/* As the handlers of a server: the answer is put into msg, or MK_SERVER_DEFER. */
mk_err_t ops_serve(struct supervisor *s, struct mk_msg *msg);

/* ---- guard.c: what the guardian keeps ---- */

mk_err_t guard_find(struct supervisor *s);
/* The receive right of a port that comes back to the guardian; 0 is the supervisor's own. */
mk_err_t guard_port(struct supervisor *s, size_t index, mk_name_t *receivep);
/* A copy of a send right; MK_NAME_NULL: forget it. */
void guard_keep(struct supervisor *s, size_t where, mk_name_t send);
mk_err_t guard_kept(struct supervisor *s, size_t where, mk_name_t *sendp);
/* Is the machine to go on? */
void guard_set_going(struct supervisor *s, bool is_going);
/* Memory number `which`, from 0 to LOADED_MAX, as the instance before left it; zeros at first. */
mk_err_t guard_map(struct supervisor *s, size_t which, size_t size, void **atp);
/* Find s->life and those of jobs and groups, in memory 0; *sizep becomes how many bytes they take from s->life on. */
mk_err_t guard_map_life(struct supervisor *s, size_t *sizep);

/* ---- loaded.c: tasks that are added to the running system ---- */

/* What the instance before had loaded becomes jobs. */
mk_err_t loaded_find(struct supervisor *s);
/* SUPERVISOR_LOAD, as a handler; an error's answer has a body. */
mk_err_t loaded_serve(struct supervisor *s, struct mk_msg *msg);

/* adopt.c. Take over the tasks of the instance before. */
void adopt_all(struct supervisor *s);

/* ---- supervisor.c ---- */

/* Restarts need this memory: it is to stay. */
mk_err_t keep(void *p, size_t size);

void release(mk_name_t name);
/* Answer a request that waited; MK_NAME_NULL is ignored. */
void answer(mk_name_t *replyp, mk_err_t status);
void halt_machine(const struct supervisor *s);

#endif
