/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Taking over from a supervisor that crashed. What it knew is in the memory
 * that the guardian kept. Receive rights that it had at home came back to the
 * jobs' own ports, as port-destroyed notices, and are found in their queues; so
 * are the notices of what ended meanwhile. Rights to running tasks and to their
 * service ports are made anew.
 */
#include "supervisor.h"

/* Everything that waits: the service port, if it came home, and how the task ended. */
static void take_events(struct job *job)
{
    struct mk_notification notice;
    struct mk_msg_right right;
    struct mk_msg msg = {.body = &notice, .capacity = sizeof(notice), .rights = &right, .max_rights = 1};
    while (mk_receive(job->events, &msg, MK_TIME_POLL) == MK_OK) {
        bool is_notice = msg.badge == MK_BADGE_KERNEL && msg.size == sizeof(notice);
        if (is_notice && notice.event == MK_NOTIFY_PORT_DESTROYED && msg.nr_rights == 1 && !job->service) {
            if (instance_own_port(job, right.name) != MK_OK)
                mk_log("%s: its service port is not found again", job->name);
            continue;
        }
        if (is_notice && notice.event == MK_NOTIFY_DEAD_NAME)
            job->life->last_exit = notice.status;
        mk_msg_discard(&msg);
    }
}

/* It runs: ask for what the old supervisor had. One that ends at this moment is found to be dead by the kernel. */
static void adopt_running(struct job *job)
{
    struct mk_port_state state;
    mk_err_t err = mk_port_notify(job->task, MK_NOTIFY_DEAD_NAME, 0, job->events);
    if (!err && !job->service)
        err = mk_right_extract(job->task, job->life->inside, MK_MAKE_SEND, &job->service);
    if (err && err != MK_E_DEAD)
        mk_log("%s: its port is not found again: %s", job->name, mk_err_text(err));
    /* Two notices are asked for; more than these is a ping that was not answered yet. */
    job->is_asked = mk_port_state(job->events, &state) == MK_OK && state.nr_send_once > 2;
    job->heard = mk_time_now();
    job->next_beat = job->heard + job->heartbeat;
    if (job->life->state == SUPERVISOR_STARTING)
        instance_ping(job);
}

/* An update ends with the supervisor: the old version goes on by itself, or has given up the port. */
static void end_other_version(struct supervisor *s, struct job *job)
{
    mk_name_t task;
    if (job->life->other && mk_task_by_id(s->machine, job->life->other, &task) == MK_OK) {
        if (mk_task_terminate(task, 0) != MK_OK)
            mk_log("%s: a version cannot be ended", job->name);
        release(task);
    }
    job->life->other = 0;
}

static void adopt_job(struct supervisor *s, struct job *job)
{
    end_other_version(s, job);
    take_events(job);
    if (!instance_is_alive(job)) {
        if (job->service)
            instance_settle(job);
    } else if (mk_task_by_id(s->machine, job->life->number, &job->task) == MK_OK) {
        adopt_running(job);
    }
}

/* It ended while there was no supervisor. */
static void bury(struct supervisor *s, struct job *job)
{
    bool was_starting = job->life->state == SUPERVISOR_STARTING;
    if (!instance_is_alive(job) || job->task != MK_NAME_NULL)
        return;
    instance_settle(job);
    policy_ended(s, job, was_starting);
}

static void adopt_watches(struct supervisor *s)
{
    for (size_t i = 0; i < WATCHES_MAX; i++) {
        if (!s->life->watched[i])
            continue;
        mk_err_t err = guard_kept(s, i, &s->watches[i]);
        if (!err)
            err = mk_port_notify(s->watches[i], MK_NOTIFY_DEAD_NAME, 0, s->receive);
        if (err)
            s->life->watched[i] = 0;
    }
}

/* First all, then what follows from the end of some. */
void adopt_all(struct supervisor *s)
{
    s->names_are_up = true;
    adopt_watches(s);
    for (size_t i = 0; i < s->nr_jobs; i++) {
        adopt_job(s, &s->jobs[i]);
        if (s->jobs[i].is_names)
            s->names_are_up = s->jobs[i].life->state == SUPERVISOR_UP;
    }
    badges_prepare(s);
    for (size_t i = 0; i < s->nr_jobs; i++)
        bury(s, &s->jobs[i]);
    known_register_all(s); /* the one before may have been in the middle of it */
}
