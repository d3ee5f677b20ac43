/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The supervisor: starts the boot file's tasks in order, and starts, stops and
 * restarts them when asked.
 *
 * A task's service port belongs to the supervisor and is lent to each instance:
 * when an instance ends, the kernel sends the receive right home (port-destroyed
 * notice), queue and all, and a restart hands it to the next instance, so that
 * clients keep their rights and waiting requests are served. A task is up when
 * it answers on its service port, whatever it answers; the supervisor pings.
 *
 *     waiting --load--> starting --pong--> up
 *        ^                  |               |
 *        +----- start ----- ended <---------+   (both notices are in)
 */
#include "supervisor.h"

#include <stdlib.h>
#include <string.h>

#define PING 299u /* an operation that no server needs to know: any answer will do */

static void release(mk_name_t name)
{
    if (name != MK_NAME_NULL && mk_right_release(name) != MK_OK)
        mk_log("a right was gone already");
}

/* ---- answering requests that waited ---- */

static void answer(mk_name_t *replyp, mk_err_t status)
{
    struct mk_msg msg = {.reply = *replyp, .status = status};
    if (*replyp != MK_NAME_NULL && mk_reply(&msg) != MK_OK)
        mk_log("a caller went away");
    *replyp = MK_NAME_NULL;
}

/* ---- memory ---- */

static void keep(void *p, size_t size)
{
    mk_vaddr_t page = mk_page_size(), start = (mk_vaddr_t)p & ~(page - 1);
    mk_err_t err = mk_vm_wire(mk_task_self(), start, ((mk_vaddr_t)p + size - start + page - 1) & ~(page - 1), true);
    if (err)
        mk_log("memory for restarts is not kept: %s", mk_err_text(err));
}

/* To restart the pager it must not need the pager. Called with the first message: then the loop's buffer is known. */
static void keep_all(struct supervisor *s, const struct mk_msg *msg)
{
    if (s->is_kept)
        return;
    s->is_kept = true;
    keep(s, sizeof(*s));
    keep(s->jobs, (s->nr_jobs + 1) * sizeof(*s->jobs));
    keep(s->text, s->text_size);
    keep(msg->body, sizeof(struct mk_notification));
    keep(*mk_task_slot(), 1);
}

/* ---- one task ---- */

static bool is_alive(const struct job *job)
{
    return job->state == JOB_STARTING || job->state == JOB_UP;
}

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
        if (is_after(job, other) && other->state != JOB_UP && !(other->state == JOB_ENDED && other->last_exit == 0))
            return false;
    }
    return s->names_are_up || job->is_names;
}

/* Does anything wait for it to come up? */
static bool is_needed(const struct supervisor *s, const struct job *job)
{
    for (size_t i = 0; i < s->nr_jobs; i++)
        if (s->jobs[i].state == JOB_WAITING && (is_after(&s->jobs[i], job) || job->is_names))
            return true;
    return false;
}

/* The service port at home: new, or what came back from the last instance. */
static mk_err_t prepare_port(struct supervisor *s, struct job *job)
{
    mk_err_t err = MK_OK;
    if (job->service == MK_NAME_NULL) {
        mk_name_t send;
        err = mk_port_create(&job->service);
        if (!err)
            err = mk_right_make(job->service, MK_RIGHT_SEND, 0, &send);
    }
    if (!err)
        err = mk_port_notify(job->service, MK_NOTIFY_PORT_DESTROYED, 0, s->receive);
    return err;
}

static void drop_port(struct job *job)
{
    if (job->service == MK_NAME_NULL)
        return;
    if (mk_port_notify(job->service, MK_NOTIFY_PORT_DESTROYED, 0, MK_NAME_NULL) != MK_OK ||
        mk_port_destroy(job->service) != MK_OK)
        mk_log("%s: its service port is away", job->name);
    release(job->service); /* the send right, a dead name now */
    job->service = MK_NAME_NULL;
}

/* Ask the new instance for any answer; it comes with the job's number as badge. */
static mk_err_t ping(struct supervisor *s, struct job *job)
{
    mk_name_t pong;
    mk_err_t err = mk_right_make(s->receive, MK_RIGHT_SEND_ONCE, (uint64_t)(job - s->jobs) + 1, &pong);
    if (err)
        return err;
    struct mk_msg msg = {.id = PING, .reply = pong};
    err = mk_send(job->service, &msg, MK_TIME_POLL);
    if (err)
        release(pong);
    return err;
}

/* Before its first thread runs. */
static mk_err_t limit(const struct job *job)
{
    const struct mk_vm_frames frames = {.nr_frames = job->nr_frames};
    mk_err_t err = job->memory_limit ? mk_vm_set_limit(job->task, job->memory_limit) : MK_OK;
    if (!err && job->nr_frames)
        err = mk_vm_set_frames(job->task, &frames);
    if (err)
        mk_log("%s: its memory cannot be limited: %s", job->name, mk_err_text(err));
    return err;
}

/* While they are held, a task that is stronger than the supervisor does not run either. */
static void hold_others(bool is_held)
{
    if (mk_thread_set_priority(mk_thread_self(), is_held ? MK_PRIO_MAX : MK_PRIO_DEFAULT) != MK_OK)
        mk_log("cannot change its priority");
}

static mk_err_t launch(struct supervisor *s, struct job *job)
{
    char why[256] = "";
    const struct mk_load load = {.label = job->name,
                                 .path = job->path,
                                 .args = job->args,
                                 .folder = mk_task_folder(),
                                 .priority = job->priority,
                                 .privileged = job->is_privileged,
                                 .service = job->service};
    bool has_limits = job->memory_limit || job->nr_frames;
    if (has_limits)
        hold_others(true);
    mk_err_t err = mk_task_load(s->machine, &load, &job->task, why, sizeof(why));
    mk_err_t limit_err = err || !has_limits ? MK_OK : limit(job);
    if (has_limits)
        hold_others(false);
    if (err) {
        mk_log("%s: %s%s%s", job->name, mk_err_text(err), why[0] ? ": " : "", why);
        return err;
    }
    err = mk_port_notify(job->task, MK_NOTIFY_DEAD_NAME, 0, s->receive);
    if (!err && limit_err)
        err = mk_task_terminate(job->task, 1); /* and then as if it had failed by itself */
    else if (!err && !job->has_backlog)        /* requests that waited are served before a ping could be */
        err = ping(s, job);
    return err;
}

static mk_err_t start_job(struct supervisor *s, struct job *job)
{
    struct mk_port_state state;
    mk_err_t err = prepare_port(s, job);
    if (!err)
        err = mk_port_state(job->service, &state);
    job->has_backlog = !err && state.nr_queued >= state.queue_limit;
    if (!err)
        err = launch(s, job);
    if (err) {
        if (job->task == MK_NAME_NULL)
            drop_port(job);
        job->state = JOB_ENDED;
        job->last_exit = 1;
        return err;
    }
    job->is_home = false;
    job->nr_starts++;
    job->state = job->has_backlog ? JOB_UP : JOB_STARTING;
    return MK_OK;
}

static void fail_boot(struct supervisor *s, const struct job *job)
{
    mk_log("%s could not be started; the system stops", job->name);
    if (mk_machine_halt(s->machine, 1) != MK_OK)
        mk_log("the machine cannot be stopped");
}

/* Start what can be. The boot is over when nothing is waiting any more. */
static void advance(struct supervisor *s)
{
    bool is_waiting = false;
    for (size_t i = 0; i < s->nr_jobs; i++) {
        struct job *job = &s->jobs[i];
        if (job->state == JOB_WAITING && deps_are_met(s, job) && start_job(s, job) != MK_OK && s->is_booting)
            fail_boot(s, job);
        is_waiting = is_waiting || job->state == JOB_WAITING || job->state == JOB_STARTING;
    }
    if (s->is_booting && !is_waiting) {
        s->is_booting = false;
        if (mk_task_set_server(true) != MK_OK) /* from now on the programs alone keep the machine running */
            mk_log("cannot become a server");
    }
}

/* ---- the name service's memory ---- */

static bool is_same_port(mk_name_t a, mk_name_t b)
{
    struct mk_right_info x, y;
    return mk_right_info(a, &x) == MK_OK && mk_right_info(b, &y) == MK_OK && x.port && x.port == y.port;
}

static void remember(struct job *job, const char *name)
{
    char(*grown)[MK_SERVICE_MAX] = realloc(job->registered, (job->nr_registered + 1) * sizeof(*grown));
    if (!grown)
        return;
    job->registered = grown;
    strcpy(grown[job->nr_registered++], name);
}

/* Which names lead to the job's service port? Asked when it has come up: it has registered by then. */
static void learn_names(struct job *job)
{
    static char list[MK_BODY_MAX + 1];
    mk_name_t names, service;
    if (mk_task_get_special(mk_task_self(), MK_SPECIAL_BOOTSTRAP, &names) != MK_OK)
        return;
    struct mk_msg msg = {.id = MK_NAMES_LIST, .body = list, .capacity = MK_BODY_MAX};
    bool is_listed = mk_call(names, &msg, MK_TIME_FOREVER) == MK_OK && msg.status == MK_OK;
    release(names);
    list[is_listed ? msg.size : 0] = '\0';
    job->nr_registered = 0;
    for (char *name = list, *end; (end = strchr(name, '\n')); name = end + 1) {
        *end = '\0';
        if (end - name >= MK_SERVICE_MAX || mk_name_lookup(name, MK_TIME_POLL, &service) != MK_OK)
            continue;
        if (is_same_port(service, job->service))
            remember(job, name);
        release(service);
    }
}

/* A new instance of the name service knows nothing: tell it what the old one knew of our jobs. */
static void register_all(struct supervisor *s)
{
    mk_name_t send;
    s->names_are_up = true;
    mk_err_t err = mk_right_make(s->receive, MK_RIGHT_SEND, 0, &send);
    if (!err) {
        err = mk_name_register("supervisor", send);
        release(send);
    }
    if (err)
        mk_log("cannot register: %s", mk_err_text(err));
    for (size_t i = 0; i < s->nr_jobs; i++) {
        const struct job *job = &s->jobs[i];
        for (size_t j = 0; is_alive(job) && j < job->nr_registered; j++)
            if ((err = mk_name_register(job->registered[j], job->service)))
                mk_log("cannot register %s again: %s", job->registered[j], mk_err_text(err));
    }
}

/* ---- events ---- */

static void is_up(struct supervisor *s, struct job *job)
{
    if (job->state != JOB_STARTING)
        return;
    job->state = JOB_UP;
    if (job->is_names)
        register_all(s);
    else if (s->names_are_up)
        learn_names(job);
    answer(&job->requester, MK_OK);
    advance(s);
}

static mk_err_t on_pong(void *state, struct mk_msg *msg)
{
    struct supervisor *s = state;
    keep_all(s, msg);
    mk_msg_discard(msg);
    if (msg->badge >= 1 && msg->badge <= s->nr_jobs)
        is_up(s, &s->jobs[msg->badge - 1]);
    return MK_SERVER_DEFER;
}

/* Both notices of an instance's end are in: its exit code and its port. */
static void has_ended(struct supervisor *s, struct job *job)
{
    bool was_starting = job->state == JOB_STARTING;
    job->state = JOB_ENDED;
    if (job->is_names) {
        s->names_are_up = false;
        /* Nobody could ask for a restart: everybody finds the supervisor through it. */
        job->restart_wanted = job->restart_wanted || (!job->stop_wanted && !was_starting);
    }
    job->stop_wanted = false;
    if (job->restart_wanted) {
        job->restart_wanted = false;
        if (start_job(s, job) != MK_OK)
            answer(&job->requester, MK_E_PLUGIN_START);
        else if (job->state == JOB_UP)
            answer(&job->requester, MK_OK);
        return;
    }
    if (!job->is_names) /* the bootstrap port is never given up: look-ups wait for the next instance */
        drop_port(job);
    answer(&job->requester, was_starting && job->last_exit ? MK_E_PLUGIN_START : MK_OK);
    if (s->is_booting && was_starting && job->last_exit && is_needed(s, job))
        fail_boot(s, job);
    advance(s);
}

static void task_died(struct supervisor *s, const struct mk_notification *notice)
{
    for (size_t i = 0; i < s->nr_jobs; i++) {
        struct job *job = &s->jobs[i];
        if (job->task != notice->name)
            continue;
        release(job->task); /* ours, and the one that the notice came with */
        release(job->task);
        job->task = MK_NAME_NULL;
        job->last_exit = notice->status;
        if (job->is_home)
            has_ended(s, job);
        return;
    }
}

static void port_came_home(struct supervisor *s, mk_name_t receive)
{
    for (size_t i = 0; i < s->nr_jobs; i++) {
        struct job *job = &s->jobs[i];
        if (job->service != receive)
            continue;
        job->is_home = true;
        if (job->task == MK_NAME_NULL)
            has_ended(s, job);
        return;
    }
}

static mk_err_t on_notify(void *state, struct mk_msg *msg)
{
    struct mk_notification notice;
    memcpy(&notice, msg->body, sizeof(notice));
    if (notice.event == MK_NOTIFY_DEAD_NAME)
        task_died(state, &notice);
    else if (notice.event == MK_NOTIFY_PORT_DESTROYED && msg->nr_rights == 1)
        port_came_home(state, msg->rights[0].name);
    return MK_SERVER_DEFER;
}

/* ---- operations ---- */

static struct job *job_named(struct supervisor *s, struct mk_msg *msg)
{
    mk_msg_drop_rights(msg);
    for (size_t i = 0; i < s->nr_jobs; i++)
        if (strlen(s->jobs[i].name) == msg->size && memcmp(s->jobs[i].name, msg->body, msg->size) == 0)
            return &s->jobs[i];
    return NULL;
}

static mk_err_t do_stop(void *state, struct mk_msg *msg)
{
    struct job *job = job_named(state, msg);
    msg->size = 0;
    if (!job)
        return MK_E_NOT_FOUND;
    if (!is_alive(job) || job->requester)
        return MK_E_BAD_STATE;
    job->requester = msg->reply;
    job->stop_wanted = true;
    mk_err_t err = mk_task_terminate(job->task, 0);
    if (err && err != MK_E_DEAD)
        mk_log("%s: %s", job->name, mk_err_text(err));
    return MK_SERVER_DEFER;
}

static mk_err_t do_start(void *state, struct mk_msg *msg)
{
    struct job *job = job_named(state, msg);
    msg->size = 0;
    if (!job)
        return MK_E_NOT_FOUND;
    if (is_alive(job) || job->requester)
        return MK_E_BAD_STATE;
    mk_err_t err = start_job(state, job);
    if (err || job->state == JOB_UP)
        return err;
    job->requester = msg->reply;
    return MK_SERVER_DEFER;
}

static mk_err_t do_restart(void *state, struct mk_msg *msg)
{
    struct job *job = job_named(state, msg);
    msg->size = 0;
    if (!job)
        return MK_E_NOT_FOUND;
    if (job->requester)
        return MK_E_BAD_STATE;
    if (!is_alive(job)) {
        mk_err_t err = start_job(state, job);
        if (err || job->state == JOB_UP)
            return err;
        job->requester = msg->reply;
        return MK_SERVER_DEFER;
    }
    job->restart_wanted = true;
    job->requester = msg->reply;
    mk_err_t err = mk_task_terminate(job->task, 0);
    if (err && err != MK_E_DEAD)
        mk_log("%s: %s", job->name, mk_err_text(err));
    return MK_SERVER_DEFER;
}

/* Number and kind of the job's task, from the machine's list. */
static void look_up_task(const struct job *job, struct supervisor_entry *entry, const struct mk_task_info *infos,
                         size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (infos[i].is_ended || strcmp(infos[i].label, job->name) != 0)
            continue;
        entry->task = infos[i].id;
        entry->is_server = infos[i].is_server;
    }
}

static mk_err_t do_list(void *state, struct mk_msg *msg)
{
    struct supervisor *s = state;
    struct supervisor_entry *out = msg->body;
    size_t n = 0, room = msg->capacity / sizeof(*out);

    mk_msg_drop_rights(msg);
    mk_err_t err = mk_machine_tasks(NULL, NULL, 0, &n);
    struct mk_task_info *infos = err ? NULL : calloc(n, sizeof(*infos));
    if (!infos)
        return MK_E_NO_MEMORY;
    size_t max = n;
    err = mk_machine_tasks(NULL, infos, max, &n);
    n = n < max ? n : max;
    size_t nr = s->nr_jobs < room ? s->nr_jobs : room;
    for (size_t i = 0; i < nr && !err; i++) {
        const struct job *job = &s->jobs[i];
        memset(&out[i], 0, sizeof(out[i]));
        strcpy(out[i].name, job->name);
        out[i].nr_starts = job->nr_starts;
        out[i].last_exit = job->last_exit;
        out[i].is_running = is_alive(job);
        if (is_alive(job))
            look_up_task(job, &out[i], infos, n);
    }
    free(infos);
    msg->size = nr * sizeof(*out);
    return err;
}

/* ---- start ---- */

/* The bootstrap port becomes the service port of the task that runs names. */
static mk_err_t lend_bootstrap(struct supervisor *s)
{
    mk_name_t receive, send;
    mk_err_t err = mk_bootstrap_claim(s->machine, &receive);
    if (!err)
        err = mk_right_make(receive, MK_RIGHT_SEND, 0, &send);
    if (err)
        return err;
    for (size_t i = 0; i < s->nr_jobs; i++) {
        if (s->jobs[i].is_names) {
            s->jobs[i].service = receive;
            return MK_OK;
        }
    }
    s->names_are_up = true; /* nobody will ever be: look-ups fail at once */
    release(send);
    return mk_port_destroy(receive);
}

static mk_err_t start(void **statep)
{
    struct supervisor *s = calloc(1, sizeof(*s));
    if (!s)
        return MK_E_NO_MEMORY;
    s->receive = mk_server_port();
    s->is_booting = true;
    mk_err_t err = mk_task_get_special(mk_task_self(), MK_SPECIAL_MACHINE, &s->machine);
    if (!err)
        err = mk_port_set_limit(s->receive, MK_QUEUE_MAX);
    if (!err)
        err = jobs_parse(s, mk_task_args());
    if (!err)
        err = lend_bootstrap(s);
    if (err)
        return err;
    *statep = s;
    return MK_OK;
}

static const struct mk_server_op ops[] = {
    {SUPERVISOR_STOP, 1, do_stop},
    {SUPERVISOR_START, 1, do_start},
    {SUPERVISOR_RESTART, 1, do_restart},
    {SUPERVISOR_LIST, 0, do_list},
    {PING, 0, on_pong},
};

static const struct mk_server loop = {
    .abi = MK_SERVER_ABI,
    .ops = ops,
    .nr_ops = sizeof(ops) / sizeof(ops[0]),
    .notify = on_notify,
};

/* A main of its own: it begins to work before the first message comes, and is no mere server until the boot is over. */
static int supervisor_main(int argc, char **argv)
{
    void *state = NULL;
    (void)argc, (void)argv;
    mk_err_t err = start(&state);
    if (!err) {
        advance(state);
        err = mk_server_run(&loop, ((struct supervisor *)state)->receive, state);
    }
    mk_log("%s (%s)", mk_err_text(err), mk_err_name(err));
    return 1;
}

static const struct mk_server supervisor_server = {.abi = MK_SERVER_ABI, .name = "supervisor", .main = supervisor_main};

MK_SERVER_EXPORT(supervisor_server);
