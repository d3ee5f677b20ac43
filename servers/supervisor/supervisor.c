/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The supervisor: starts the boot file's tasks in order, starts and stops them
 * when asked, and restarts those that end, as the boot file says (policy.c).
 *
 * A task's service port belongs to the supervisor and is lent to each instance:
 * when an instance ends, the kernel sends the receive right home (port-destroyed
 * notice), queue and all, and a restart hands it to the next instance, so that
 * clients keep their rights and waiting requests are served. A task is up when
 * it answers on its service port, whatever it answers; the supervisor pings.
 *
 *     waiting ---start---> starting ---pong---> up
 *                           ^    |              |
 *                         start  +---> end <----+    (both notices are in)
 *                           |           |  |
 *                        delayed <------+  +-----> ended
 *
 * It has a loop of its own, because it waits for times as well. To restart the
 * pager it must not need the pager: what it touches on the way is static, or
 * wired.
 */
#include "supervisor.h"

#include <string.h>

void release(mk_name_t name)
{
    if (name != MK_NAME_NULL && mk_right_release(name) != MK_OK)
        mk_log("a right was gone already");
}

void answer(mk_name_t *replyp, mk_err_t status)
{
    struct mk_msg msg = {.reply = *replyp, .status = status};
    mk_err_t err = *replyp == MK_NAME_NULL ? MK_OK : mk_reply(&msg);
    if (err) { /* it is gone, or learns that it gets no answer */
        mk_log("a caller is not answered: %s", mk_err_text(err));
        (void)mk_right_release(*replyp);
    }
    *replyp = MK_NAME_NULL;
}

void halt_machine(const struct supervisor *s)
{
    if (mk_machine_halt(s->machine, 1) != MK_OK)
        mk_log("the machine cannot be stopped");
}

/* ---- what happens to a task ---- */

static void is_up(struct supervisor *s, struct job *job)
{
    job->life->state = SUPERVISOR_UP;
    instance_look(job);
    history_note(s, job, SUPERVISOR_CAME_UP);
    if (job->is_names) {
        s->names_are_up = true;
        known_register_all(s);
    } else if (s->names_are_up) {
        known_learn(s, job);
    }
    answer(&job->requester, MK_OK);
}

static void has_answered(struct supervisor *s, struct job *job)
{
    job->is_asked = false;
    job->heard = mk_time_now();
    if (job->life->state == SUPERVISOR_STARTING && job->life->ending == SUPERVISOR_NOTHING && !instance_is_dead(job))
        is_up(s, job);
}

/* Both notices of an instance's end are in: its exit code and its port. */
static void has_ended(struct supervisor *s, struct job *job)
{
    bool was_starting = job->life->state == SUPERVISOR_STARTING;
    if (update_roll_back(s, job))
        return;
    instance_settle(job);
    policy_ended(s, job, was_starting);
}

static void task_died(struct supervisor *s, struct job *job, const struct mk_notification *notice)
{
    release(job->task); /* ours, and the one that the notice came with */
    release(job->task);
    job->task = MK_NAME_NULL;
    job->life->last_exit = notice->status;
    if (update_is_moving(job)) {
        update_abandon(job); /* with it the port comes home */
        answer(&job->requester, MK_E_DEAD);
    }
    if (job->is_home)
        has_ended(s, job);
}

static void port_came_home(struct supervisor *s, struct job *job)
{
    if (instance_port_is_home(job) != MK_OK)
        mk_log("%s: its service port is away", job->name);
    if (job->task == MK_NAME_NULL)
        has_ended(s, job);
}

/* ---- messages ---- */

/* The event of a notice of the kernel; 0: it is none. */
static uint32_t notice_in(const struct mk_msg *msg, struct mk_notification *notice)
{
    if (msg->badge != MK_BADGE_KERNEL || msg->size != sizeof(*notice))
        return 0;
    memcpy(notice, msg->body, sizeof(*notice));
    return notice->event;
}

static void serve_event(struct supervisor *s, struct job *job, struct mk_msg *msg)
{
    struct mk_notification notice;
    uint32_t event = notice_in(msg, &notice);
    if (event == MK_NOTIFY_DEAD_NAME && notice.name == job->task) {
        task_died(s, job, &notice);
    } else if (event == MK_NOTIFY_DEAD_NAME) {
        update_task_died(s, job, notice.name); /* or of a version that was ended */
        release(notice.name);                  /* the reference that the notice came with */
    } else if (event == MK_NOTIFY_PORT_DESTROYED && msg->nr_rights == 1) {
        port_came_home(s, job);
    } else if (event == MK_NOTIFY_SEND_ONCE) {
        job->is_asked = false; /* it was dropped, which is no answer */
    } else if (event != 0 || !update_event(s, job, msg)) {
        mk_msg_discard(msg);
        if (event == 0)
            has_answered(s, job);
    }
    msg->reply = MK_NAME_NULL;
}

static void serve_request(struct supervisor *s, struct mk_msg *msg)
{
    struct mk_notification notice;
    uint32_t event = notice_in(msg, &notice);
    if (event == 0) {
        mk_err_t status = ops_serve(s, msg);
        if (status == MK_SERVER_DEFER)
            msg->reply = MK_NAME_NULL;
        else
            msg->status = status;
        return;
    }
    if (event == MK_NOTIFY_DEAD_NAME) {
        history_unwatch(s, notice.name);
        release(notice.name); /* the reference that the notice came with */
    }
    mk_msg_discard(msg);
}

static void serve(struct supervisor *s, struct mk_msg *msg)
{
    for (size_t i = 0; i < s->nr_jobs; i++) {
        if (s->jobs[i].events == msg->port) {
            serve_event(s, &s->jobs[i], msg);
            return;
        }
    }
    serve_request(s, msg);
}

/*
 * Wait for a message. One that brings rights stays in the queue until this task runs and can take it at once: else it
 * could end with a receive right that it does not know of yet.
 */
static mk_err_t wait(struct supervisor *s, struct mk_msg *msg)
{
    msg->max_rights = 0;
    mk_err_t err = mk_reply_receive(s->set, msg, policy_next(s));
    if (err != MK_E_MSG_TOO_LARGE || msg->reply != MK_NAME_NULL)
        return err;
    msg->max_rights = MK_RIGHTS_MAX;
    return mk_receive(s->set, msg, MK_TIME_POLL);
}

/* Messages go before what is due: an answer that waits is no silence. */
static mk_err_t loop(struct supervisor *s)
{
    static char body[MK_BODY_MAX];
    static struct mk_msg_right rights[MK_RIGHTS_MAX];
    static struct mk_msg_memory memories[MK_MEMORIES_MAX];
    struct mk_msg msg = {.body = body,
                         .capacity = sizeof(body),
                         .rights = rights,
                         .memories = memories,
                         .max_memories = MK_MEMORIES_MAX};
    for (;;) {
        policy_advance(s);
        mk_err_t err = wait(s, &msg);
        if (err && msg.reply) { /* the answer could not be sent as it was: the caller is told why */
            msg.status = err;
            msg.size = msg.nr_rights = msg.nr_memories = 0;
            err = wait(s, &msg);
        }
        if (err == MK_OK)
            serve(s, &msg);
        else if (err == MK_E_TIMED_OUT)
            policy_beat(s);
        else if (err != MK_E_WOULD_BLOCK && err != MK_E_LIMIT_WINDOW) /* a request with too much memory is gone */
            return err;
    }
}

/* ---- start ---- */

mk_err_t keep(void *p, size_t size)
{
    mk_vaddr_t page = mk_page_size(), start = (mk_vaddr_t)p & ~(page - 1);
    return mk_vm_wire(mk_task_self(), start, ((mk_vaddr_t)p + size - start + page - 1) & ~(page - 1), true);
}

static void keep_all(struct supervisor *s, size_t life_size)
{
    mk_err_t err = keep(s->life, life_size);
    if (!err)
        err = keep(s->jobs, (s->nr_jobs + 1) * sizeof(*s->jobs));
    if (!err)
        err = keep(s->groups, (s->nr_groups + 1) * sizeof(*s->groups));
    if (!err)
        err = keep(s->text, s->text_size);
    if (!err)
        err = keep(mk_task_slot(), 1);
    if (err)
        mk_log("memory for restarts is not kept: %s", mk_err_text(err));
}

/* The bootstrap port becomes the service port of the task that runs names. */
static mk_err_t lend_bootstrap(struct supervisor *s)
{
    mk_name_t receive;
    mk_err_t err = mk_bootstrap_claim(s->machine, &receive);
    if (err)
        return err;
    for (size_t i = 0; i < s->nr_jobs; i++)
        if (s->jobs[i].is_names)
            return instance_own_port(&s->jobs[i], receive);
    s->names_are_up = true; /* nobody will ever be: look-ups fail at once */
    return mk_port_destroy(receive);
}

static mk_err_t make_ports(struct supervisor *s)
{
    mk_err_t err = mk_portset_create(&s->set);
    if (!err)
        err = mk_portset_add(s->set, s->receive);
    for (size_t i = 0; i < s->nr_jobs && !err; i++) {
        err = guard_port(s, i + 1, &s->jobs[i].events);
        if (!err)
            err = mk_portset_add(s->set, s->jobs[i].events);
    }
    return err;
}

static mk_err_t start(struct supervisor *s)
{
    size_t life_size = 0;
    s->receive = mk_server_port();
    mk_err_t err = mk_task_set_server(true); /* the guardian says whether the machine goes on */
    if (!err)
        err = mk_task_get_special(mk_task_self(), MK_SPECIAL_MACHINE, &s->machine);
    if (!err)
        err = guard_find(s);
    if (!err)
        err = mk_port_set_limit(s->receive, MK_QUEUE_MAX);
    if (!err)
        err = jobs_parse(s, mk_task_args());
    if (!err)
        err = guard_map_life(s, &life_size);
    if (!err)
        err = loaded_find(s);
    if (!err)
        err = make_ports(s);
    if (err)
        return err;
    keep_all(s, life_size);
    guard_set_going(s, true);
    if (s->life->is_begun) {
        adopt_all(s);
        return MK_OK;
    }
    s->life->is_begun = s->life->is_booting = true;
    err = lend_bootstrap(s);
    badges_prepare(s);
    return err;
}

/* A main of its own: it begins to work before the first message comes. */
static int supervisor_main(int argc, char **argv)
{
    static struct supervisor supervisor;
    (void)argc, (void)argv;
    mk_err_t err = start(&supervisor);
    if (!err)
        err = loop(&supervisor);
    mk_log("%s (%s)", mk_err_text(err), mk_err_name(err));
    return 1;
}

static const struct mk_server supervisor_server = {.abi = MK_SERVER_ABI, .name = "supervisor", .main = supervisor_main};

MK_SERVER_EXPORT(supervisor_server);
