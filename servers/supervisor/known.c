/* SPDX-License-Identifier: BSD-2-Clause */
/* What the name service knows of the boot file's tasks, kept for the day when it has to be told again. */
#include "supervisor.h"

#include <string.h>

#include <mk/names.h>

#define PATIENCE MK_SEC /* with a name service that may have ended since it was last heard of */

static bool is_same_port(mk_name_t a, mk_name_t b)
{
    struct mk_right_info x, y;
    return mk_right_info(a, &x) == MK_OK && mk_right_info(b, &y) == MK_OK && x.port && x.port == y.port;
}

/* The first name takes the place of those that an earlier instance had. */
static void remember(struct job_life *life, const char *name, bool is_first)
{
    if (is_first)
        life->nr_registered = 0;
    if (life->nr_registered < REGISTERED_MAX)
        strcpy(life->registered[life->nr_registered++], name);
}

/* A request to one that has ended would wait in a port that is on its way to us; in an update it would wait for us. */
static bool is_there(const struct supervisor *s)
{
    for (size_t i = 0; i < s->nr_jobs; i++)
        if (s->jobs[i].is_names)
            return s->names_are_up && !instance_is_dead(&s->jobs[i]) && !update_is_moving(&s->jobs[i]);
    return false;
}

/* As mk_call, to the name service. */
static mk_err_t call_names(struct mk_msg *msg)
{
    mk_name_t names;
    mk_err_t err = mk_task_get_special(mk_task_self(), MK_SPECIAL_BOOTSTRAP, &names);
    if (err)
        return err;
    err = mk_call(names, msg, mk_time_now() + PATIENCE);
    release(names);
    return err ? err : msg->status;
}

void known_learn(const struct supervisor *s, struct job *job)
{
    static char list[MK_BODY_MAX + 1];
    mk_name_t service;
    struct mk_msg msg = {.id = MK_NAMES_LIST, .body = list, .capacity = MK_BODY_MAX};
    job->is_unknown = !is_there(s);
    if (job->is_unknown || call_names(&msg) != MK_OK)
        return;
    list[msg.size] = '\0';
    bool is_first = true;
    for (char *name = list, *end; (end = strchr(name, '\n')); name = end + 1) {
        *end = '\0';
        if (end - name >= MK_SERVICE_MAX || mk_name_lookup(name, mk_time_now() + PATIENCE, &service) != MK_OK)
            continue;
        if (is_same_port(service, job->service)) {
            remember(job->life, name, is_first);
            is_first = false;
        }
        release(service);
    }
}

void known_learn_rest(const struct supervisor *s)
{
    for (size_t i = 0; i < s->nr_jobs; i++)
        if (s->jobs[i].life->state == SUPERVISOR_UP && s->jobs[i].is_unknown)
            known_learn(s, &s->jobs[i]);
}

/* False: the name service has gone again. */
static bool tell(const char *name, mk_name_t send)
{
    char body[MK_SERVICE_MAX];
    struct mk_msg_right right = {.name = send, .how = MK_COPY_SEND};
    struct mk_msg msg = {.id = MK_NAMES_REGISTER,
                         .body = body,
                         .size = strlen(name),
                         .capacity = sizeof(body),
                         .rights = &right,
                         .nr_rights = 1};
    memcpy(body, name, msg.size);
    mk_err_t err = call_names(&msg);
    if (err && err != MK_E_DEAD && err != MK_E_TIMED_OUT)
        mk_log("cannot register %s: %s", name, mk_err_text(err));
    return err != MK_E_DEAD && err != MK_E_TIMED_OUT;
}

void known_register_all(struct supervisor *s)
{
    mk_name_t send;
    if (mk_right_make(s->receive, MK_RIGHT_SEND, 0, &send) != MK_OK)
        return;
    bool is_heard = is_there(s) && tell("supervisor", send);
    release(send);
    for (size_t i = 0; i < s->nr_jobs; i++) {
        const struct job *job = &s->jobs[i];
        for (uint32_t j = 0; is_heard && job->service && j < job->life->nr_registered; j++)
            is_heard = tell(job->life->registered[j], job->service);
    }
}
