/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tasks that were added to the running system. They follow those of the boot
 * file in the table of jobs, with the policy of a boot file's task that says
 * nothing about it. What they are is in memory that the guardian keeps, a page
 * for each, so that only those that are there need memory.
 */
#include "supervisor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MORE_JOBS 8

_Static_assert(sizeof(struct loaded) <= 4096, "a page will do");

struct request {
    const char *name, *path, *args;
};

/* Three strings, each with its NUL. */
static bool read_request(const struct mk_msg *msg, struct request *r)
{
    const char *strings[3], *p = msg->body, *end = p + msg->size;
    for (int i = 0; i < 3; i++) {
        const char *nul = memchr(p, '\0', (size_t)(end - p));
        if (!nul)
            return false;
        strings[i] = p;
        p = nul + 1;
    }
    *r = (struct request){strings[0], strings[1], strings[2]};
    return p == end && *r->name && *r->path;
}

static bool is_taken(const struct supervisor *s, const char *name)
{
    for (size_t i = 0; i < s->nr_jobs; i++)
        if (strcmp(s->jobs[i].name, name) == 0)
            return true;
    return strcmp(name, "supervisor") == 0 || strcmp(name, "guardian") == 0;
}

/* What is wrong with the request, in s->why. */
static mk_err_t judge(struct supervisor *s, const struct request *r)
{
    static const char good[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.";
    size_t length = strlen(r->name);
    mk_err_t err = MK_OK;
    s->why[0] = '\0';
    if (length >= MK_LABEL_MAX) {
        err = MK_E_TOO_LONG;
        snprintf(s->why, sizeof(s->why), "a task's name has at most %d bytes", MK_LABEL_MAX - 1);
    } else if (strspn(r->name, good) != length || strchr("_-.", *r->name)) {
        err = MK_E_BAD_ARGUMENT;
        snprintf(s->why, sizeof(s->why),
                 "a task's name begins with a letter or digit and has letters, digits, '_', '-' and '.' only");
    } else if (is_taken(s, r->name)) {
        err = MK_E_EXISTS;
        snprintf(s->why, sizeof(s->why), "there is a task of this name; choose another");
    } else if (s->life->nr_loaded == LOADED_MAX) {
        err = MK_E_NO_ROOM;
        snprintf(s->why, sizeof(s->why), "%d tasks were loaded already, which is the most", LOADED_MAX);
    } else if (strlen(r->args) >= LOADED_ARGS_MAX) {
        err = MK_E_TOO_LONG;
        snprintf(s->why, sizeof(s->why), "the arguments have at most %d bytes", LOADED_ARGS_MAX - 1);
    }
    return err;
}

static struct group *default_group(const struct supervisor *s)
{
    for (size_t i = 0; i < s->nr_groups; i++)
        if (strcmp(s->groups[i].name, "default") == 0)
            return &s->groups[i];
    return s->groups;
}

/* Room for one more, and behind it for another. Nobody holds a pointer to a job while a request is served. */
static mk_err_t grow(struct supervisor *s)
{
    if (s->nr_jobs + 1 < s->max_jobs)
        return MK_OK;
    struct job *jobs = calloc(s->max_jobs + MORE_JOBS, sizeof(*jobs));
    if (!jobs)
        return MK_E_NO_MEMORY;
    memcpy(jobs, s->jobs, s->max_jobs * sizeof(*jobs));
    free(s->jobs);
    s->jobs = jobs;
    s->max_jobs += MORE_JOBS;
    return MK_OK;
}

static mk_err_t find_slot(struct supervisor *s, size_t i)
{
    void *at = s->loaded[i];
    mk_err_t err = at ? MK_OK : guard_map(s, i + 1, sizeof(struct loaded), &at);
    if (!err)
        s->loaded[i] = at;
    return err;
}

/* The job of a slot, which says what it is. */
static struct job *next_job(struct supervisor *s, struct loaded *slot)
{
    struct job *job = &s->jobs[s->nr_jobs];
    strcpy(job->name, slot->name);
    job->path = slot->path;
    job->args = slot->args;
    job->after = "";
    job->priority = MK_PRIO_DEFAULT;
    job->group = default_group(s);
    job->life = &slot->life;
    if (keep(slot, sizeof(*slot)) != MK_OK || keep(job, sizeof(*job)) != MK_OK)
        mk_log("%s: memory for restarts is not kept", job->name);
    return job;
}

mk_err_t loaded_find(struct supervisor *s)
{
    for (uint32_t i = 0; i < s->life->nr_loaded; i++) {
        mk_err_t err = find_slot(s, i);
        if (!err)
            err = grow(s);
        if (err)
            return err;
        (void)next_job(s, s->loaded[i]);
        s->nr_jobs++;
    }
    return MK_OK;
}

/* A relative path begins at the boot file's folder. */
static mk_err_t fill(struct supervisor *s, const struct request *r, struct loaded *slot)
{
    const char *folder = *r->path == '/' ? "" : mk_task_folder();
    memset(slot, 0, sizeof(*slot));
    if (strlen(folder) + 1 + strlen(r->path) >= sizeof(slot->path)) {
        snprintf(s->why, sizeof(s->why), "a path has at most %d bytes", SUPERVISOR_PATH_MAX - 1);
        return MK_E_TOO_LONG;
    }
    snprintf(slot->path, sizeof(slot->path), "%s%s%s", folder, *folder ? "/" : "", r->path);
    strcpy(slot->name, r->name);
    strcpy(slot->args, r->args);
    slot->life.state = SUPERVISOR_ENDED;
    return MK_OK;
}

/* One that is left of a load that was refused will do. */
static mk_err_t find_port(struct supervisor *s, struct job *job)
{
    if (job->events)
        return MK_OK;
    mk_err_t err = guard_port(s, s->nr_jobs + 1, &job->events);
    return err ? err : mk_portset_add(s->set, job->events);
}

static mk_err_t start(struct supervisor *s, const struct request *r, struct job **jobp)
{
    size_t i = s->life->nr_loaded;
    mk_err_t err = find_slot(s, i);
    if (!err)
        err = fill(s, r, s->loaded[i]);
    if (!err)
        err = grow(s);
    if (err)
        return err;
    struct job *job = *jobp = next_job(s, s->loaded[i]);
    err = find_port(s, job);
    if (err)
        return err;
    s->nr_jobs++;
    s->life->nr_loaded++;
    policy_renew(job);
    err = instance_start(s, job);
    if (err) {
        instance_drop_port(job);
        s->life->nr_loaded--;
        s->nr_jobs--;
    }
    return err;
}

mk_err_t loaded_serve(struct supervisor *s, struct mk_msg *msg)
{
    struct request request;
    struct job *job;
    mk_msg_drop_rights(msg);
    if (!read_request(msg, &request)) {
        msg->size = 0;
        return MK_E_BAD_ARGUMENT;
    }
    mk_err_t err = judge(s, &request);
    if (!err)
        err = start(s, &request, &job);
    msg->size = err ? strlen(s->why) : 0;
    memcpy(msg->body, s->why, msg->size);
    if (err || !job->life->is_server) /* a program does not tell when it is up */
        return err;
    job->requester = msg->reply;
    return MK_SERVER_DEFER;
}
