/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Live update: another version of a server takes over the state and the port,
 * while requests wait in the port's queue. <mk/server.h> tells the messages.
 *
 *     up --SAVE--> saving --state--> restoring --ok--> on probation --confirmed--> up
 *                    |                   |                  |
 *                    +------ refused ----+     crash        +--- the old version goes on
 *
 * The old version waits all the while, with its state as it was, and is ended
 * only when the new one has served some messages.
 */
#include "supervisor.h"

#include <string.h>

/* Badges of what comes to the job's events about its update. */
enum { SAVED = 1, RESTORED = 2, CONFIRMED = 3 };

/* ---- the two versions ---- */

/* Tell the version that waits there the name of its receive right. */
static mk_err_t tell_name(mk_name_t port, mk_name_t inside)
{
    struct mk_msg msg = {.id = MK_SERVER_RESTORE, .body = &inside, .size = sizeof(inside)};
    return mk_send(port, &msg, MK_TIME_POLL);
}

/* Let the version that waits at `gop` go on, with the receive right under this name. */
static void let_go(mk_name_t *gop, mk_name_t inside)
{
    if (*gop != MK_NAME_NULL && tell_name(*gop, inside) != MK_OK)
        release(*gop);
    *gop = MK_NAME_NULL;
}

static void end_task(mk_name_t *taskp)
{
    if (*taskp == MK_NAME_NULL)
        return;
    mk_err_t err = mk_task_terminate(*taskp, 0);
    if (err && err != MK_E_DEAD)
        mk_log("a version cannot be ended: %s", mk_err_text(err));
    release(*taskp);
    *taskp = MK_NAME_NULL;
}

/* Nothing of the update is left but what became of it. */
static void forget(struct job *job)
{
    struct update *u = &job->update;
    if (u->go != MK_NAME_NULL)
        release(u->go);
    if (u->next_port != MK_NAME_NULL)
        release(u->next_port);
    memset(u, 0, sizeof(*u));
    job->life->other = 0;
}

/* The old version has the port again, or still, and goes on. */
static void fail(struct supervisor *s, struct job *job, mk_err_t err)
{
    if (job->is_home && mk_right_insert(job->task, job->service, MK_MOVE_RECEIVE, &job->life->inside) == MK_OK)
        job->is_home = false;
    history_note(s, job, SUPERVISOR_KEPT);
    let_go(&job->update.go, job->life->inside);
    end_task(&job->update.next);
    forget(job);
    if (job->is_names)
        known_learn_rest(s);
    answer(&job->requester, err);
}

bool update_is_moving(const struct job *job)
{
    return job->update.step == UPDATE_SAVING || job->update.step == UPDATE_RESTORING;
}

/* ---- saving ---- */

mk_err_t update_begin(struct job *job, const char *path)
{
    struct mk_msg_right proof = {.name = job->task, .how = MK_COPY_SEND};
    struct mk_msg msg = {.id = MK_SERVER_SAVE, .rights = &proof, .nr_rights = 1};
    mk_name_t once;
    if (strlen(path) >= sizeof(job->update.path))
        return MK_E_TOO_LONG;
    mk_err_t err = mk_right_extract(job->task, job->life->inside, MK_MAKE_SEND_ONCE, &once);
    if (err)
        return err;
    err = mk_right_make(job->events, MK_RIGHT_SEND_ONCE, SAVED, &msg.reply);
    if (!err && (err = mk_send(once, &msg, MK_TIME_POLL)))
        release(msg.reply);
    if (err) {
        release(once);
        return err;
    }
    strcpy(job->update.path, path);
    job->update.step = UPDATE_SAVING;
    return MK_OK;
}

/* ---- restoring ---- */

/* The new version with a port of its own, which tells it to wait for the state. */
static mk_err_t load_next(struct supervisor *s, struct job *job)
{
    char why[256] = "";
    struct update *u = &job->update;
    mk_err_t err = mk_port_create(&u->next_port);
    if (!err)
        err = mk_right_make(u->next_port, MK_RIGHT_SEND, 0, NULL);
    if (!err)
        err = mk_task_set_special(mk_task_self(), MK_SPECIAL_REGISTERED_2, u->next_port);
    if (err)
        return err;
    const struct mk_load load = {.label = job->name,
                                 .path = u->path,
                                 .args = job->args,
                                 .folder = mk_task_folder(),
                                 .priority = job->priority,
                                 .privileged = job->is_privileged,
                                 .service = u->next_port,
                                 .bootstrap = job->bootstrap};
    instance_hold_others(true);
    err = mk_task_load(s->machine, &load, &u->next, why, sizeof(why));
    mk_err_t limit_err = err ? MK_OK : instance_limit(job, u->next);
    instance_hold_others(false);
    if (err) {
        mk_log("%s: %s%s%s", job->name, mk_err_text(err), why[0] ? ": " : "", why);
        (void)mk_port_destroy(u->next_port); /* the receive right has stayed here */
    } else {                                 /* at once: the next supervisor has to find it, if this one ends */
        instance_find(&u->number, job->name);
        job->life->other = u->number;
    }
    if (mk_task_set_special(mk_task_self(), MK_SPECIAL_REGISTERED_2, MK_NAME_NULL) != MK_OK)
        mk_log("a special port cannot be cleared");
    if (!err)
        err = mk_port_notify(u->next, MK_NOTIFY_DEAD_NAME, 0, job->events);
    return err ? err : limit_err;
}

/* It is ended, and when it has ended the update fails with this error. */
static void refuse(struct job *job, mk_err_t err)
{
    job->update.err = err;
    err = mk_task_terminate(job->update.next, 1);
    if (err && err != MK_E_DEAD)
        mk_log("%s: a version cannot be ended: %s", job->name, mk_err_text(err));
}

/* The state goes on to the new version. */
static mk_err_t send_state(struct job *job, mk_name_t state)
{
    struct mk_msg_right rights[2] = {{.name = state, .how = MK_MOVE_RECEIVE}, {.how = MK_MOVE_SEND_ONCE}};
    struct mk_msg msg = {.id = MK_SERVER_RESTORE, .rights = rights, .nr_rights = 2};
    mk_err_t err = mk_right_make(job->events, MK_RIGHT_SEND_ONCE, RESTORED, &msg.reply);
    if (!err)
        err = mk_right_make(job->events, MK_RIGHT_SEND_ONCE, CONFIRMED, &rights[1].name);
    if (!err)
        err = mk_send(job->update.next_port, &msg, MK_TIME_POLL);
    if (err) {
        release(msg.reply);
        release(rights[1].name);
    }
    return err;
}

/* The receive right goes to the new version, whose name for it becomes `insidep`. */
static mk_err_t move_port(struct job *job, mk_name_t *insidep)
{
    mk_name_t receive;
    mk_err_t err = mk_right_extract(job->task, job->life->inside, MK_MOVE_RECEIVE, &receive);
    if (err)
        return err;
    job->is_home = true;
    err = mk_right_insert(job->update.next, receive, MK_MOVE_RECEIVE, insidep);
    job->is_home = err != MK_OK;
    return err;
}

/* An answer to SAVE that is one has the state, and the right to let the old version go on. */
static bool has_state(const struct mk_msg *msg)
{
    return msg->nr_rights == 2 && msg->rights[0].how == MK_RIGHT_RECEIVE && msg->rights[1].how == MK_RIGHT_SEND_ONCE;
}

static void saved(struct supervisor *s, struct job *job, struct mk_msg *msg)
{
    mk_err_t err = msg->status;
    mk_name_t inside = MK_NAME_NULL;
    if (!err && !has_state(msg))
        err = MK_E_BAD_ARGUMENT;
    if (!err) {
        job->update.go = msg->rights[1].name;
        msg->nr_rights = 1;
        err = load_next(s, job);
    }
    if (!err)
        err = move_port(job, &inside);
    if (!err)
        err = tell_name(job->update.next_port, inside);
    if (!err && !(err = send_state(job, msg->rights[0].name)))
        msg->nr_rights = 0;
    if (err && !inside) {
        mk_msg_drop_rights(msg); /* first: what was lent goes back with it */
        fail(s, job, err);
        return;
    }
    if (err) /* the port comes home with the end of it */
        refuse(job, err);
    job->update.step = UPDATE_RESTORING;
    job->update.inside = inside;
}

/* ---- the switch ---- */

static void change_over(struct job *job)
{
    struct update *u = &job->update;
    mk_name_t task = job->task;
    uint64_t number = job->life->number;
    job->task = u->next;
    job->life->number = u->number;
    job->life->inside = u->inside;
    u->next = task;
    u->number = job->life->other = number;
}

static void restored(struct supervisor *s, struct job *job, const struct mk_msg *msg)
{
    struct update *u = &job->update;
    char path[sizeof(u->path)];
    if (msg->status) {
        refuse(job, msg->status);
        return;
    }
    change_over(job);
    strcpy(path, job->life->path);
    strcpy(job->life->path, u->path);
    strcpy(u->path, path); /* for the way back */
    u->step = UPDATE_PROBATION;
    job->life->started = job->heard = mk_time_now();
    history_note(s, job, SUPERVISOR_UPDATED);
    if (job->is_names)
        known_learn_rest(s);
    answer(&job->requester, MK_OK);
}

bool update_event(struct supervisor *s, struct job *job, struct mk_msg *msg)
{
    enum update_step step = job->update.step;
    if (msg->badge == SAVED && step == UPDATE_SAVING)
        saved(s, job, msg);
    else if (msg->badge == RESTORED && step == UPDATE_RESTORING)
        restored(s, job, msg);
    else if (msg->badge == CONFIRMED && step == UPDATE_PROBATION)
        update_abandon(job); /* the old version */
    else
        return false;
    mk_msg_discard(msg);
    return true;
}

/* ---- when a version ends ---- */

void update_task_died(struct supervisor *s, struct job *job, mk_name_t task)
{
    struct update *u = &job->update;
    if (u->step == UPDATE_NONE || task != u->next)
        return;
    release(u->next);
    u->next = MK_NAME_NULL;
    if (u->step == UPDATE_RESTORING)
        fail(s, job, u->err ? u->err : MK_E_PLUGIN_START);
    else
        forget(job); /* the old version: there is no way back any more */
}

bool update_roll_back(struct supervisor *s, struct job *job)
{
    struct update *u = &job->update;
    bool is_wanted = u->step == UPDATE_PROBATION && job->life->ending == SUPERVISOR_NOTHING;
    mk_name_t inside;
    if (!is_wanted || mk_right_insert(u->next, job->service, MK_MOVE_RECEIVE, &inside) != MK_OK) {
        update_abandon(job);
        return false;
    }
    job->is_home = false;
    job->task = u->next;
    job->life->number = u->number;
    job->life->inside = inside;
    strcpy(job->life->path, u->path);
    u->next = MK_NAME_NULL;
    let_go(&u->go, inside);
    forget(job);
    job->heard = mk_time_now();
    mk_log("%s: the new version ended in its first messages; the old one goes on", job->name);
    history_note(s, job, SUPERVISOR_ROLLED_BACK);
    if (job->is_names) /* what the other version was told is lost */
        known_register_all(s);
    return true;
}

void update_abandon(struct job *job)
{
    end_task(&job->update.next);
    forget(job);
}
