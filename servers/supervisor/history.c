/* SPDX-License-Identifier: BSD-2-Clause */
/* What happened to each task: the last events of each, and who wants to be told of them. */
#include "supervisor.h"

#include <string.h>

static uint32_t number_of(const struct supervisor *s, const struct job *job)
{
    return (uint32_t)(job - s->jobs) + 1;
}

/* Nobody is waited for. */
static void tell(mk_name_t send, struct supervisor_event *event)
{
    struct mk_msg msg = {.id = SUPERVISOR_EVENT, .body = event, .size = sizeof(*event)};
    mk_err_t err = mk_send(send, &msg, MK_TIME_POLL);
    if (err == MK_E_BAD_RIGHT) /* it leads to an event port */
        err = mk_event_signal(send, UINT64_C(1) << event->kind);
    if (err && err != MK_E_WOULD_BLOCK && err != MK_E_DEAD && err != MK_E_NO_ACCESS)
        mk_log("%s: who watches it cannot be told: %s", event->name, mk_err_text(err));
}

void history_note(struct supervisor *s, struct job *job, enum supervisor_kind kind)
{
    struct supervisor_event *event = &job->life->history[job->life->nr_events++ % SUPERVISOR_HISTORY_MAX];
    bool is_end = kind >= SUPERVISOR_EXITED && kind <= SUPERVISOR_GROUPED;
    *event = (struct supervisor_event){
        .time = mk_time_now(),
        .due = is_end && job->life->state == SUPERVISOR_DELAYED ? job->life->due : 0,
        .task = job->life->number,
        .kind = kind,
        .code = is_end ? job->life->last_exit : 0,
    };
    strcpy(event->name, job->name);
    for (size_t i = 0; i < WATCHES_MAX; i++)
        if (s->life->watched[i] == number_of(s, job))
            tell(s->watches[i], event);
}

mk_err_t history_watch(struct supervisor *s, const struct job *job, mk_name_t send)
{
    size_t where = WATCHES_MAX;
    for (size_t i = WATCHES_MAX; i-- > 0;) {
        if (s->life->watched[i] == number_of(s, job) && s->watches[i] == send) {
            release(send); /* it watches already */
            return MK_OK;
        }
        if (!s->life->watched[i])
            where = i;
    }
    if (where == WATCHES_MAX)
        return MK_E_NO_ROOM;
    mk_err_t err = mk_port_notify(send, MK_NOTIFY_DEAD_NAME, 0, s->receive);
    if (err)
        return err;
    guard_keep(s, where, send);
    s->watches[where] = send;
    s->life->watched[where] = number_of(s, job);
    return MK_OK;
}

/* The name has a reference for each watch, which the caller's notice does not count. */
void history_unwatch(struct supervisor *s, mk_name_t dead)
{
    for (size_t i = 0; i < WATCHES_MAX; i++) {
        if (!s->life->watched[i] || s->watches[i] != dead)
            continue;
        s->life->watched[i] = 0;
        guard_keep(s, i, MK_NAME_NULL);
        release(dead);
    }
}
