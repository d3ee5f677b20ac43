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

static void remember(struct job_life *life, const char *name)
{
    if (life->nr_registered < REGISTERED_MAX)
        strcpy(life->registered[life->nr_registered++], name);
}

void known_learn(struct job *job)
{
    static char list[MK_BODY_MAX + 1];
    mk_name_t names, service;
    if (mk_task_get_special(mk_task_self(), MK_SPECIAL_BOOTSTRAP, &names) != MK_OK)
        return;
    struct mk_msg msg = {.id = MK_NAMES_LIST, .body = list, .capacity = MK_BODY_MAX};
    bool is_listed = mk_call(names, &msg, mk_time_now() + PATIENCE) == MK_OK && msg.status == MK_OK;
    release(names);
    if (!is_listed)
        return;
    list[msg.size] = '\0';
    job->life->nr_registered = 0;
    for (char *name = list, *end; (end = strchr(name, '\n')); name = end + 1) {
        *end = '\0';
        if (end - name >= MK_SERVICE_MAX || mk_name_lookup(name, mk_time_now() + PATIENCE, &service) != MK_OK)
            continue;
        if (is_same_port(service, job->service))
            remember(job->life, name);
        release(service);
    }
}

void known_register_all(struct supervisor *s)
{
    mk_name_t send;
    mk_err_t err = mk_right_make(s->receive, MK_RIGHT_SEND, 0, &send);
    if (!err) {
        err = mk_name_register("supervisor", send);
        release(send);
    }
    if (err)
        mk_log("cannot register: %s", mk_err_text(err));
    for (size_t i = 0; i < s->nr_jobs; i++) {
        const struct job *job = &s->jobs[i];
        for (size_t j = 0; job->service && j < job->life->nr_registered; j++)
            if ((err = mk_name_register(job->life->registered[j], job->service)))
                mk_log("cannot register %s again: %s", job->life->registered[j], mk_err_text(err));
    }
}
