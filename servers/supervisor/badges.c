/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tasks that may not use every service. The name service knows them by their
 * badges: its port is the supervisor's before it is lent for the first time, so
 * that nobody else can make rights with a badge. Which services go with a badge
 * is in its arguments (see src/cli/setup.c), and so with each instance of it. A
 * task hands its right on to its children.
 */
#include "supervisor.h"

static uint64_t badge_of(const struct supervisor *s, const struct job *job)
{
    return (uint64_t)(job - s->jobs) + 1;
}

static size_t place_of(const struct supervisor *s, const struct job *job)
{
    return WATCHES_MAX + (size_t)(job - s->jobs);
}

static struct job *find_names(struct supervisor *s)
{
    for (size_t i = 0; i < s->nr_jobs; i++)
        if (s->jobs[i].is_names)
            return &s->jobs[i];
    return NULL;
}

static void prepare(struct supervisor *s, struct job *job, const struct job *names)
{
    if (guard_kept(s, place_of(s, job), &job->bootstrap) == MK_OK)
        return;
    job->bootstrap = MK_NAME_NULL;
    if (!names->is_home) /* it was lost; the task is not started without it */
        return;
    if (mk_right_make(names->service, MK_RIGHT_SEND, badge_of(s, job), &job->bootstrap) == MK_OK)
        guard_keep(s, place_of(s, job), job->bootstrap);
}

void badges_prepare(struct supervisor *s)
{
    const struct job *names = find_names(s);
    for (size_t i = 0; i < s->nr_jobs; i++) {
        if (!names) /* nobody gives services away */
            s->jobs[i].is_restricted = false;
        else if (s->jobs[i].is_restricted)
            prepare(s, &s->jobs[i], names);
    }
}
