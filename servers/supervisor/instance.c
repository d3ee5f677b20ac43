/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One instance of a task: its service port, its start, its end, and whether it
 * answers.
 *
 * Answers to pings and the notices of an end come through the job's own port,
 * `events`, so that they come in order: what was answered is known before the
 * end is.
 */
#include "supervisor.h"

#include <string.h>

#define ASK_AGAIN  (10 * MK_MSEC) /* after a ping that could not be sent */
#define PING       299u           /* an operation that no server needs to know: any answer will do */
#define NR_INSIDE  8              /* the first names of a task: the service port's is among them */
#define ENDED_KEPT 256            /* ended tasks that listings show */

bool instance_is_alive(const struct job *job)
{
    return job->life->state == SUPERVISOR_STARTING || job->life->state == SUPERVISOR_UP;
}

/* Has it ended, though its notices were not received yet? */
bool instance_is_dead(const struct job *job)
{
    struct mk_right_info info;
    mk_err_t err = mk_right_info(job->task, &info);
    return err == MK_E_BAD_NAME || (!err && (info.type & MK_RIGHT_DEAD_NAME));
}

/* ---- what the machine knows; in static memory, which needs no pager ---- */

static struct mk_task_info infos[MK_TASKS_MAX + ENDED_KEPT];

static size_t list_tasks(void)
{
    size_t n = 0, max = sizeof(infos) / sizeof(infos[0]);
    if (mk_machine_tasks(NULL, infos, max, &n) != MK_OK)
        return 0;
    return n < max ? n : max;
}

bool instance_find(uint64_t *numberp, const char *name)
{
    *numberp = 0;
    for (size_t i = list_tasks(); i-- > 0 && !*numberp;)
        if (strcmp(infos[i].label, name) == 0) {
            *numberp = infos[i].id;
            return infos[i].is_server;
        }
    return false;
}

void instance_look(struct job *job)
{
    for (size_t i = list_tasks(); i-- > 0;) {
        if (infos[i].id != job->life->number)
            continue;
        job->life->is_server = infos[i].is_server;
        if (infos[i].is_ended) /* its notice can have been lost with a supervisor */
            job->life->last_exit = infos[i].exit_code;
    }
}

bool instance_any_program(void)
{
    for (size_t i = list_tasks(); i-- > 0;)
        if (!infos[i].is_ended && !infos[i].is_server)
            return true;
    return false;
}

static void find_inside(struct job *job)
{
    struct mk_name_info names[NR_INSIDE];
    struct mk_right_info service;
    size_t n = 0;
    job->life->inside = MK_NAME_NULL;
    if (mk_right_info(job->service, &service) != MK_OK ||
        mk_machine_names(NULL, job->life->number, names, NR_INSIDE, &n) != MK_OK)
        return;
    for (size_t i = 0; i < n && i < NR_INSIDE; i++)
        if ((names[i].type & MK_RIGHT_RECEIVE) && names[i].port == service.port)
            job->life->inside = names[i].name;
}

/* ---- the service port ---- */

/* Wherever it is, it comes back to `events` before it would die: also when the supervisor dies that has it at home. */
mk_err_t instance_port_is_home(struct job *job)
{
    job->is_home = true;
    return mk_port_notify(job->service, MK_NOTIFY_PORT_DESTROYED, 0, job->events);
}

mk_err_t instance_own_port(struct job *job, mk_name_t receive)
{
    job->service = receive;
    mk_err_t err = mk_right_make(receive, MK_RIGHT_SEND, 0, NULL);
    return err ? err : instance_port_is_home(job);
}

/* At home: new, or what came back from the last instance. */
static mk_err_t prepare_port(struct job *job)
{
    mk_name_t receive;
    if (job->service != MK_NAME_NULL)
        return MK_OK;
    mk_err_t err = mk_port_create(&receive);
    return err ? err : instance_own_port(job, receive);
}

/* What an end still brought, or the port's, is of no use. */
static void drain(mk_name_t events)
{
    struct mk_notification notice;
    struct mk_msg msg = {.body = &notice, .capacity = sizeof(notice)};
    while (mk_receive(events, &msg, MK_TIME_POLL) == MK_OK)
        mk_msg_discard(&msg);
}

/* With both notices in, one is asked for, of the port at home. One send-once right more is a ping in its queue. */
void instance_settle(struct job *job)
{
    struct mk_port_state state;
    drain(job->events);
    job->is_asked = mk_port_state(job->events, &state) == MK_OK && state.nr_send_once > 1;
    instance_look(job);
}

void instance_drop_port(struct job *job)
{
    if (job->service == MK_NAME_NULL || job->is_names) /* the bootstrap port is never given up: look-ups wait */
        return;
    if (mk_port_notify(job->service, MK_NOTIFY_PORT_DESTROYED, 0, MK_NAME_NULL) != MK_OK ||
        mk_port_destroy(job->service) != MK_OK)
        mk_log("%s: its service port is away", job->name);
    release(job->service); /* the send right, a dead name now */
    drain(job->events);
    job->service = MK_NAME_NULL;
    job->is_asked = false;
}

/* ---- pings ---- */

/* A send-once right needs no room in the queue. It is used up. */
static void ask(struct job *job, mk_name_t once)
{
    struct mk_msg msg = {.id = PING, .reply = job->events};
    mk_err_t err = mk_send(once, &msg, MK_TIME_POLL);
    job->is_asked = err == MK_OK;
    job->ask_again = err == MK_OK || err == MK_E_DEAD ? 0 : mk_time_now() + ASK_AGAIN;
    if (err)
        release(once);
}

void instance_ping(struct job *job)
{
    mk_name_t once;
    job->ask_again = 0;
    if (job->is_asked)
        return;
    mk_err_t err = mk_right_extract(job->task, job->life->inside, MK_MAKE_SEND_ONCE, &once);
    if (!err)
        ask(job, once);
    else if (err == MK_E_NO_MEMORY || err == MK_E_LIMIT_NAMES)
        job->ask_again = mk_time_now() + ASK_AGAIN;
}

/* Before the start: behind the requests that wait. One that an earlier instance did not come to will do. */
static mk_err_t ping_at_home(struct job *job)
{
    mk_name_t once;
    if (job->is_asked)
        return MK_OK;
    mk_err_t err = mk_right_make(job->service, MK_RIGHT_SEND_ONCE, 0, &once);
    if (!err)
        ask(job, once);
    return err;
}

/* ---- start and end ---- */

mk_err_t instance_limit(const struct job *job, mk_name_t task)
{
    const struct mk_vm_frames frames = {.nr_frames = job->nr_frames};
    mk_err_t err = job->memory_limit ? mk_vm_set_limit(task, job->memory_limit) : MK_OK;
    if (!err && job->nr_frames)
        err = mk_vm_set_frames(task, &frames);
    if (err)
        mk_log("%s: its memory cannot be limited: %s", job->name, mk_err_text(err));
    return err;
}

void instance_hold_others(bool is_held)
{
    if (mk_thread_set_priority(mk_thread_self(), is_held ? MK_PRIO_MAX : MK_PRIO_DEFAULT) != MK_OK)
        mk_log("cannot change its priority");
}

static mk_err_t load(struct supervisor *s, struct job *job)
{
    const struct mk_load load = {.label = job->name,
                                 .path = job->life->path[0] ? job->life->path : job->path,
                                 .args = job->args,
                                 .folder = mk_task_folder(),
                                 .priority = job->priority,
                                 .privileged = job->is_privileged,
                                 .service = job->service,
                                 .bootstrap = job->bootstrap};
    bool has_limits = job->memory_limit || job->nr_frames;
    if (job->is_restricted && !job->bootstrap) {
        mk_log("%s: its right to the name service was lost", job->name);
        return MK_E_NO_ACCESS;
    }
    if (has_limits)
        instance_hold_others(true);
    s->why[0] = '\0';
    mk_err_t err = mk_task_load(s->machine, &load, &job->task, s->why, sizeof(s->why));
    mk_err_t limit_err = err || !has_limits ? MK_OK : instance_limit(job, job->task);
    if (has_limits)
        instance_hold_others(false);
    if (err) {
        mk_log("%s: %s%s%s", job->name, mk_err_text(err), s->why[0] ? ": " : "", s->why);
        return err;
    }
    job->life->is_server = instance_find(&job->life->number, job->name);
    find_inside(job);
    err = mk_port_notify(job->task, MK_NOTIFY_DEAD_NAME, 0, job->events);
    if (!err && limit_err)
        err = mk_task_terminate(job->task, 1); /* and then as if it had failed by itself */
    return err == MK_E_DEAD ? MK_OK : err;
}

mk_err_t instance_start(struct supervisor *s, struct job *job)
{
    job->life->started = job->heard = mk_time_now();
    job->next_beat = job->life->started + job->heartbeat;
    job->life->number = 0;
    mk_err_t err = prepare_port(job);
    if (!err)
        err = ping_at_home(job);
    if (!err)
        err = load(s, job);
    if (err) {
        job->life->last_exit = 1;
        return err;
    }
    job->is_home = false;
    job->life->nr_starts++;
    job->life->state = SUPERVISOR_STARTING;
    history_note(s, job, SUPERVISOR_STARTED);
    return MK_OK;
}

void instance_end(struct job *job, enum supervisor_kind why, int code)
{
    if (job->life->ending != SUPERVISOR_NOTHING)
        return;
    job->life->ending = why;
    if (job->task == MK_NAME_NULL) /* it has ended, and its port is on the way home */
        return;
    mk_err_t err = mk_task_terminate(job->task, code);
    if (err && err != MK_E_DEAD) /* who waits for the end would wait for ever */
        err = mk_task_terminate(job->task, code);
    if (err && err != MK_E_DEAD)
        mk_log("%s: %s", job->name, mk_err_text(err));
}
