/* SPDX-License-Identifier: BSD-2-Clause */
/* What others ask of the supervisor. */
#include "supervisor.h"

#include <string.h>

static struct job *job_named(struct supervisor *s, const struct mk_msg *msg)
{
    for (size_t i = 0; i < s->nr_jobs; i++)
        if (strlen(s->jobs[i].name) == msg->size && memcmp(s->jobs[i].name, msg->body, msg->size) == 0)
            return &s->jobs[i];
    return NULL;
}

/* Answered when it has ended, and is up again if that is wanted. */
static mk_err_t end_job(struct job *job, struct mk_msg *msg, bool restart_wanted)
{
    job->requester = msg->reply;
    job->life->restart_wanted = restart_wanted;
    if (job->life->ending == SUPERVISOR_GROUPED || job->life->ending == SUPERVISOR_SILENT) /* it is ended already */
        job->life->ending = SUPERVISOR_ASKED;
    instance_end(job, SUPERVISOR_ASKED, 0);
    return MK_SERVER_DEFER;
}

static mk_err_t start_job(struct job *job, struct mk_msg *msg)
{
    policy_renew(job);
    job->life->state = SUPERVISOR_DELAYED;
    job->life->due = mk_time_now();
    job->requester = msg->reply;
    return MK_SERVER_DEFER;
}

static mk_err_t do_stop(struct supervisor *s, struct job *job, struct mk_msg *msg)
{
    if (instance_is_alive(job))
        return end_job(job, msg, false);
    if (job->life->state != SUPERVISOR_DELAYED)
        return MK_E_BAD_STATE;
    job->life->state = SUPERVISOR_ENDED;
    job->life->last_end = SUPERVISOR_ASKED;
    instance_drop_port(job);
    history_note(s, job, SUPERVISOR_ASKED);
    return MK_OK;
}

static mk_err_t do_start(struct supervisor *s, struct job *job, struct mk_msg *msg)
{
    (void)s;
    return instance_is_alive(job) ? MK_E_BAD_STATE : start_job(job, msg);
}

static mk_err_t do_restart(struct supervisor *s, struct job *job, struct mk_msg *msg)
{
    (void)s;
    if (!instance_is_alive(job))
        return start_job(job, msg);
    policy_renew(job);
    return end_job(job, msg, true);
}

static mk_err_t do_history(struct supervisor *s, struct job *job, struct mk_msg *msg)
{
    struct supervisor_event *out = msg->body;
    uint32_t first = job->life->nr_events > SUPERVISOR_HISTORY_MAX ? job->life->nr_events - SUPERVISOR_HISTORY_MAX : 0;
    (void)s;
    for (uint32_t i = first; i < job->life->nr_events; i++)
        out[i - first] = job->life->history[i % SUPERVISOR_HISTORY_MAX];
    msg->size = (job->life->nr_events - first) * sizeof(*out);
    return MK_OK;
}

static mk_err_t do_watch(struct supervisor *s, struct job *job, struct mk_msg *msg)
{
    if (msg->nr_rights != 1 || msg->rights[0].how != MK_RIGHT_SEND || msg->rights[0].name == MK_NAME_DEAD)
        return MK_E_BAD_ARGUMENT;
    mk_err_t err = history_watch(s, job, msg->rights[0].name);
    if (!err)
        msg->nr_rights = 0;
    return err;
}

static void describe(const struct job *job, struct supervisor_entry *entry)
{
    memset(entry, 0, sizeof(*entry));
    strcpy(entry->name, job->name);
    strcpy(entry->group, job->group->name);
    entry->is_running = instance_is_alive(job);
    entry->task = entry->is_running ? job->life->number : 0;
    entry->due = job->life->state == SUPERVISOR_DELAYED ? job->life->due : 0;
    entry->nr_starts = job->life->nr_starts;
    entry->last_exit = job->life->last_exit;
    entry->last_end = (uint8_t)job->life->last_end;
    entry->state = (uint8_t)job->life->state;
    entry->restart = (uint8_t)policy_of(job);
    entry->is_server = job->life->is_server;
}

static mk_err_t do_list(struct supervisor *s, struct mk_msg *msg)
{
    struct supervisor_entry *out = msg->body;
    size_t room = msg->capacity / sizeof(*out), nr = s->nr_jobs < room ? s->nr_jobs : room;
    for (size_t i = 0; i < nr; i++)
        describe(&s->jobs[i], &out[i]);
    msg->size = nr * sizeof(*out);
    return MK_OK;
}

/* Operations on one task. While one waits to be answered, it is the only one that changes it. */
static const struct op {
    uint32_t id;
    bool changes;
    mk_err_t (*handle)(struct supervisor *s, struct job *job, struct mk_msg *msg);
} ops[] = {
    {SUPERVISOR_STOP, true, do_stop},       {SUPERVISOR_START, true, do_start},
    {SUPERVISOR_RESTART, true, do_restart}, {SUPERVISOR_HISTORY, false, do_history},
    {SUPERVISOR_WATCH, false, do_watch},
};

static const struct op *find_op(uint32_t id)
{
    for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++)
        if (ops[i].id == id)
            return &ops[i];
    return NULL;
}

static mk_err_t serve_job(struct supervisor *s, const struct op *op, struct mk_msg *msg)
{
    struct job *job = job_named(s, msg);
    if (msg->size == 0)
        return MK_E_MSG_TOO_SMALL;
    msg->size = 0;
    if (!job)
        return MK_E_NOT_FOUND;
    return op->changes && job->requester ? MK_E_BAD_STATE : op->handle(s, job, msg);
}

/* A name, NUL, and a path; one that is relative begins at the boot file's folder. */
static mk_err_t do_update(struct supervisor *s, struct mk_msg *msg)
{
    char path[SUPERVISOR_PATH_MAX];
    const char *body = msg->body, *nul = memchr(body, '\0', msg->size);
    size_t size = nul ? msg->size - (size_t)(nul + 1 - body) : 0;
    const char *folder = size && nul[1] == '/' ? "" : mk_task_folder();
    if (!nul || size == 0)
        return MK_E_MSG_TOO_SMALL;
    if (strlen(folder) + 1 + size >= sizeof(path))
        return MK_E_TOO_LONG;
    strcpy(path, folder);
    strcat(path, *folder ? "/" : "");
    strncat(path, nul + 1, size);
    msg->size = (size_t)(nul - body);
    struct job *job = job_named(s, msg);
    msg->size = 0;
    if (!job)
        return MK_E_NOT_FOUND;
    if (job->life->state != SUPERVISOR_UP || job->life->ending != SUPERVISOR_NOTHING || job->requester)
        return MK_E_BAD_STATE;
    update_abandon(job); /* a version on probation has passed: there is one way back at a time */
    mk_err_t err = update_begin(job, path);
    if (err)
        return err;
    job->requester = msg->reply;
    return MK_SERVER_DEFER;
}

mk_err_t ops_serve(struct supervisor *s, struct mk_msg *msg)
{
    const struct op *op = find_op(msg->id);
    if (msg->id == SUPERVISOR_LOAD)
        return loaded_serve(s, msg);
    mk_err_t err = op                             ? serve_job(s, op, msg)
                   : msg->id == SUPERVISOR_LIST   ? do_list(s, msg)
                   : msg->id == SUPERVISOR_UPDATE ? do_update(s, msg)
                                                  : MK_E_MSG_ID;
    mk_msg_drop_rights(msg); /* what nobody took */
    if (err)
        msg->size = 0;
    return err;
}
