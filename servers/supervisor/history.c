/* SPDX-License-Identifier: BSD-2-Clause */
/* What happened to each task: the last events of each, and who wants to be told of them. */
#include "supervisor.h"

#include <string.h>

/* Nobody is waited for. */
static void tell(const struct watch *watch, struct supervisor_event *event)
{
    struct mk_msg msg = {.id = SUPERVISOR_EVENT, .body = event, .size = sizeof(*event)};
    mk_err_t err = mk_send(watch->send, &msg, MK_TIME_POLL);
    if (err == MK_E_BAD_RIGHT) /* it leads to an event port */
        err = mk_event_signal(watch->send, UINT64_C(1) << event->kind);
    if (err && err != MK_E_WOULD_BLOCK && err != MK_E_DEAD && err != MK_E_NO_ACCESS)
        mk_log("%s: who watches it cannot be told: %s", event->name, mk_err_text(err));
}

void history_note(struct supervisor *s, struct job *job, enum supervisor_kind kind)
{
    struct supervisor_event *event = &job->history[job->nr_events++ % SUPERVISOR_HISTORY_MAX];
    bool is_end = kind >= SUPERVISOR_EXITED && kind <= SUPERVISOR_GROUPED;
    *event = (struct supervisor_event){
        .time = mk_time_now(),
        .due = is_end && job->state == SUPERVISOR_DELAYED ? job->due : 0,
        .task = job->number,
        .kind = kind,
        .code = is_end ? job->last_exit : 0,
    };
    strcpy(event->name, job->name);
    for (size_t i = 0; i < WATCHES_MAX; i++)
        if (s->watches[i].job == job)
            tell(&s->watches[i], event);
}

mk_err_t history_watch(struct supervisor *s, const struct job *job, mk_name_t send)
{
    struct watch *watch = NULL;
    for (size_t i = 0; i < WATCHES_MAX; i++) {
        if (s->watches[i].job == job && s->watches[i].send == send) {
            release(send); /* it watches already */
            return MK_OK;
        }
        if (!watch && !s->watches[i].job)
            watch = &s->watches[i];
    }
    if (!watch)
        return MK_E_NO_ROOM;
    mk_err_t err = mk_port_notify(send, MK_NOTIFY_DEAD_NAME, 0, s->receive);
    if (!err)
        *watch = (struct watch){job, send};
    return err;
}

/* The name has a reference for each watch, which the caller's notice does not count. */
void history_unwatch(struct supervisor *s, mk_name_t dead)
{
    for (size_t i = 0; i < WATCHES_MAX; i++) {
        if (!s->watches[i].job || s->watches[i].send != dead)
            continue;
        release(dead);
        s->watches[i] = (struct watch){NULL, MK_NAME_NULL};
    }
}
