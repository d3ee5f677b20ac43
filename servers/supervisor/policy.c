/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Policies: which tasks are started again, when, and with which others; after
 * Erlang/OTP's supervisors (strategies, intensity) and MINIX's reincarnation
 * server (delays, heartbeats).
 *
 * A task that is to be started again is DELAYED. Starting happens in one place,
 * policy_advance, which goes through all tasks in start order as often as
 * something changes.
 */
#include "supervisor.h"

#include <string.h>

/* Of the restarts of a task that fails again and again, the last for all further ones. */
static const mk_time_t delays[] = {0, 2 * MK_SEC, 4 * MK_SEC, 8 * MK_SEC, 16 * MK_SEC, 30 * MK_SEC};
#define NR_DELAYS        (sizeof(delays) / sizeof(delays[0]))
#define PROBATION        (30 * MK_SEC) /* who ran for longer than this and its last delay begins anew */
#define FALSE_STARTS_MAX 10 /* in a row: then it is given up, or it would be tried for ever while clients wait */

enum supervisor_restart policy_of(const struct job *job)
{
    if (job->restart != SUPERVISOR_RESTART_DEFAULT)
        return job->restart;
    if (job->is_names) /* nobody could ask for it: everybody finds the supervisor through it */
        return SUPERVISOR_RESTART_ALWAYS;
    return job->life->is_server ? SUPERVISOR_RESTART_ON_CRASH : SUPERVISOR_RESTART_NEVER;
}

/* Will it answer when it has come up? A program does not. */
static bool will_answer(const struct job *job)
{
    return job->life->is_server || job->is_names;
}

static bool wants_restart(const struct job *job)
{
    enum supervisor_restart restart = policy_of(job);
    if (job->life->last_end == SUPERVISOR_EXITED)
        return restart == SUPERVISOR_RESTART_ALWAYS;
    return restart != SUPERVISOR_RESTART_NEVER;
}

/* ---- delays ---- */

void policy_renew(struct job *job)
{
    job->life->nr_failures = 0;
    job->life->nr_false_starts = 0;
    job->life->delay = 0;
    job->group->life->is_over = false;
    job->group->life->nr_restarts = 0;
}

static mk_time_t next_delay(struct job *job, mk_time_t now)
{
    if (now - job->life->started > PROBATION + job->life->delay)
        job->life->nr_failures = 0;
    job->life->delay = delays[job->life->nr_failures < NR_DELAYS ? job->life->nr_failures : NR_DELAYS - 1];
    job->life->nr_failures++;
    return job->life->delay;
}

/* ---- groups ---- */

/* One more restart; false: it is one too many. */
static bool count_restart(struct group *group, mk_time_t now)
{
    if (!group->intensity)
        return true;
    mk_time_t *slot =
        &group->life->restarts[group->life->nr_restarts % group->intensity]; /* the oldest, once all are in use */
    bool is_too_much = group->life->nr_restarts >= group->intensity && now - *slot <= group->period;
    *slot = now;
    group->life->nr_restarts++;
    return !is_too_much;
}

static void end_with_group(struct supervisor *s, struct job *job)
{
    if (instance_is_alive(job)) {
        instance_end(job, SUPERVISOR_GROUPED, 0);
    } else if (job->life->state == SUPERVISOR_DELAYED || job->life->state == SUPERVISOR_WAITING) {
        job->life->state = SUPERVISOR_ENDED;
        instance_drop_port(job);
        answer(&job->requester, MK_E_DEAD);
        history_note(s, job, SUPERVISOR_GAVE_UP);
    }
}

/* The last started goes first. */
static void give_up(struct supervisor *s, struct job *job)
{
    struct group *group = job->group;
    mk_log("group %s: more than %u restarts within %lld.%03lld s, the last one of %s: %s", group->name,
           group->intensity, (long long)(group->period / MK_SEC), (long long)(group->period % MK_SEC / MK_MSEC),
           job->name, group->halts ? "the system stops" : "all its tasks are stopped");
    group->life->is_over = true;
    history_note(s, job, SUPERVISOR_GAVE_UP);
    for (size_t i = s->nr_jobs; i-- > 0;)
        if (s->jobs[i].group == group && &s->jobs[i] != job)
            end_with_group(s, &s->jobs[i]);
    if (group->halts)
        halt_machine(s);
}

/* Those that are restarted with it are ended, the last started first. */
static void end_others(struct supervisor *s, struct job *job)
{
    for (size_t i = s->nr_jobs; i-- > 0;) {
        struct job *other = &s->jobs[i];
        if (other == job || other->group != job->group || job->group->strategy == ONE_FOR_ONE ||
            (job->group->strategy == REST_FOR_ONE && other < job))
            continue;
        if (other->life->due < job->life->due)
            other->life->due = job->life->due;
        if (instance_is_alive(other))
            instance_end(other, SUPERVISOR_GROUPED, 0);
    }
}

/* Its turn, in a group that is restarted as a whole: all have ended, and those before it are up again. */
static bool is_its_turn(const struct supervisor *s, const struct job *job)
{
    for (size_t i = 0; i < s->nr_jobs; i++) {
        const struct job *other = &s->jobs[i];
        if (job->group->strategy == ONE_FOR_ONE || other->group != job->group || other == job)
            continue;
        bool is_coming = other->life->state == SUPERVISOR_DELAYED ||
                         (other->life->state == SUPERVISOR_STARTING && will_answer(other));
        if (other->life->ending == SUPERVISOR_GROUPED || (other < job && is_coming))
            return false;
    }
    return true;
}

/* ---- the boot's order ---- */

static bool is_after(const struct job *job, const struct job *other)
{
    for (const char *p = job->after; *p;) {
        size_t n = strcspn(p, ",");
        if (strlen(other->name) == n && strncmp(other->name, p, n) == 0)
            return true;
        p += n + (p[n] == ',');
    }
    return false;
}

/* A server must be up; a program, which never answers, must have ended well. */
static bool deps_are_met(const struct supervisor *s, const struct job *job)
{
    for (size_t i = 0; i < s->nr_jobs; i++) {
        const struct job *other = &s->jobs[i];
        if (is_after(job, other) && other->life->state != SUPERVISOR_UP &&
            !(other->life->state == SUPERVISOR_ENDED && other->life->last_exit == 0))
            return false;
    }
    return s->names_are_up || job->is_names;
}

/* Does anything wait for it to come up? */
static bool is_needed(const struct supervisor *s, const struct job *job)
{
    for (size_t i = 0; i < s->nr_jobs; i++)
        if (s->jobs[i].life->state == SUPERVISOR_WAITING && (is_after(&s->jobs[i], job) || job->is_names))
            return true;
    return false;
}

static void fail_boot(const struct supervisor *s, const struct job *job)
{
    mk_log("%s could not be started; the system stops", job->name);
    halt_machine(s);
}

/* ---- decisions ---- */

static bool is_hopeless(const struct job *job)
{
    return job->life->nr_false_starts >= FALSE_STARTS_MAX;
}

/* It is at home and ended: by itself, in silence, or without having begun. */
static void decide(struct supervisor *s, struct job *job)
{
    mk_time_t now = mk_time_now();
    bool is_wanted = wants_restart(job) && !job->group->life->is_over && !is_hopeless(job);
    bool is_too_much = is_wanted && !count_restart(job->group, now);
    job->life->state = SUPERVISOR_ENDED;
    if (is_wanted && !is_too_much) {
        job->life->state = SUPERVISOR_DELAYED;
        job->life->due = now + next_delay(job, now);
    }
    history_note(s, job, job->life->last_end);
    if (job->life->state == SUPERVISOR_DELAYED)
        end_others(s, job);
    else
        instance_drop_port(job);
    if (is_hopeless(job))
        history_note(s, job, SUPERVISOR_GAVE_UP);
    if (is_too_much)
        give_up(s, job);
}

/* It was ended by the supervisor: who asked for it said what is to follow. */
static void obey(struct supervisor *s, struct job *job)
{
    bool is_wanted = job->life->last_end == SUPERVISOR_GROUPED
                         ? policy_of(job) != SUPERVISOR_RESTART_NEVER && !job->group->life->is_over
                         : job->life->restart_wanted;
    job->life->state = is_wanted ? SUPERVISOR_DELAYED : SUPERVISOR_ENDED;
    if (job->life->last_end == SUPERVISOR_ASKED)
        job->life->due = mk_time_now();
    job->life->restart_wanted = false;
    history_note(s, job, job->life->last_end);
    if (!is_wanted)
        instance_drop_port(job);
}

void policy_ended(struct supervisor *s, struct job *job, bool was_starting)
{
    bool is_restarted = job->life->restart_wanted;
    if (job->life->ending != SUPERVISOR_NOTHING)
        job->life->last_end = job->life->ending;
    else
        job->life->last_end =
            job->life->last_exit == 0 && !job->life->is_server ? SUPERVISOR_EXITED : SUPERVISOR_CRASHED;
    job->life->ending = SUPERVISOR_NOTHING;
    if (job->is_names)
        s->names_are_up = false;
    bool has_failed =
        was_starting && job->life->last_end != SUPERVISOR_ASKED && job->life->last_end != SUPERVISOR_EXITED;
    if (job->life->last_end != SUPERVISOR_GROUPED) /* that is no fault of its own */
        job->life->nr_false_starts = has_failed && will_answer(job) ? job->life->nr_false_starts + 1 : 0;
    bool is_fatal = s->life->is_booting && has_failed && job->life->last_exit != 0 && is_needed(s, job);
    if (job->life->last_end == SUPERVISOR_ASKED || job->life->last_end == SUPERVISOR_GROUPED)
        obey(s, job);
    else
        decide(s, job);
    if (!is_restarted)
        answer(&job->requester, has_failed ? MK_E_PLUGIN_START : MK_OK);
    if (is_fatal)
        fail_boot(s, job);
}

static void start(struct supervisor *s, struct job *job)
{
    bool is_first = job->life->state == SUPERVISOR_WAITING;
    mk_err_t err = instance_start(s, job);
    if (err == MK_OK)
        return;
    job->life->last_end = SUPERVISOR_CRASHED;
    job->life->nr_false_starts++;
    decide(s, job);
    answer(&job->requester, err);
    if (is_first && s->life->is_booting)
        fail_boot(s, job);
}

static bool can_start(const struct supervisor *s, const struct job *job)
{
    if (job->life->state == SUPERVISOR_WAITING)
        return deps_are_met(s, job);
    return job->life->state == SUPERVISOR_DELAYED && job->life->due <= mk_time_now() && is_its_turn(s, job);
}

/* As long as one of these is to come or to end by itself, the machine has to go on. */
static bool keeps_machine(const struct job *job)
{
    if (job->life->state == SUPERVISOR_DELAYED)
        return !job->life->is_server;
    return job->life->state == SUPERVISOR_WAITING || job->life->state == SUPERVISOR_STARTING;
}

void policy_advance(struct supervisor *s)
{
    s->wants_going = false;
    for (size_t i = 0; i < s->nr_jobs;) {
        if (!can_start(s, &s->jobs[i])) {
            i++;
            continue;
        }
        start(s, &s->jobs[i]);
        i = 0; /* one that failed may have ended others */
    }
    for (size_t i = 0; i < s->nr_jobs; i++)
        s->wants_going = s->wants_going || keeps_machine(&s->jobs[i]);
    s->life->is_booting = s->life->is_booting && s->wants_going;
    if (s->is_going != s->wants_going)
        guard_set_going(s, s->wants_going);
}

/* ---- time ---- */

static bool is_beating(const struct job *job)
{
    return job->heartbeat && instance_is_alive(job) && job->life->ending == SUPERVISOR_NOTHING;
}

void policy_beat(struct supervisor *s)
{
    mk_time_t now = mk_time_now();
    for (size_t i = 0; i < s->nr_jobs; i++) {
        struct job *job = &s->jobs[i];
        if (job->ask_again && now >= job->ask_again)
            instance_ping(job);
        if (!is_beating(job))
            continue;
        if (now - job->heard > 2 * job->heartbeat) {
            mk_log("%s: no answer for more than two heartbeats; it is ended", job->name);
            instance_end(job, SUPERVISOR_SILENT, EXIT_SILENT);
        } else if (now >= job->next_beat) {
            instance_ping(job);
            job->next_beat += ((now - job->next_beat) / job->heartbeat + 1) * job->heartbeat;
        }
    }
}

static void take_earlier(mk_time_t *nextp, mk_time_t time)
{
    if (time < *nextp)
        *nextp = time;
}

/* When servers alone are left nothing is waited for: the run is over. */
mk_time_t policy_next(const struct supervisor *s)
{
    mk_time_t next = MK_TIME_FOREVER, now = mk_time_now();
    if (s->is_going != s->wants_going) /* the guardian could not be told: once more */
        next = now + MK_SEC;
    else if (!s->is_going && !instance_any_program())
        return next;
    for (size_t i = 0; i < s->nr_jobs; i++) {
        const struct job *job = &s->jobs[i];
        if (job->life->state == SUPERVISOR_DELAYED && job->life->due > now) /* else it waits for others */
            take_earlier(&next, job->life->due);
        if (job->ask_again && instance_is_alive(job))
            take_earlier(&next, job->ask_again);
        if (is_beating(job)) {
            take_earlier(&next, job->next_beat);
            take_earlier(&next, job->heard + 2 * job->heartbeat + 1);
        }
    }
    return next;
}
