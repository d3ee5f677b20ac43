/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guardian: starts the supervisor, and starts it again when it crashes,
 * with its state. Arguments: the path of the supervisor's plugin, a newline,
 * and the supervisor's arguments.
 *
 * What would die with the supervisor belongs to the guardian: the ports that it
 * receives from are lent and come home, with what waits in their queues, and so
 * the notices that the kernel sends meanwhile are not lost; its memory is a
 * memory object. The rest the next instance finds again in the machine.
 *
 * It does nothing else, so that there is little that could fail, and its memory
 * is static, so that it needs no pager. Nobody guards it.
 */
#include <mk/mk.h>

#include <string.h>

#include "guardian_proto.h"

#define RESTARTS_MAX 5 /* within PERIOD; then the machine is stopped */
#define PERIOD       (10 * MK_SEC)
#define PATH_SIZE    4096

static struct guardian {
    mk_name_t receive, machine, task; /* the supervisor's task */
    const char *args;
    char path[PATH_SIZE];
    mk_name_t ports[GUARDIAN_PORTS_MAX]; /* send rights, with the receive right too while it is here */
    mk_name_t memories[GUARDIAN_MEMORIES_MAX];
    mk_name_t kept[GUARDIAN_KEPT_MAX];
    mk_time_t restarts[RESTARTS_MAX]; /* a ring */
    unsigned nr_restarts;
} guardian;

static void release(mk_name_t name)
{
    if (mk_right_release(name) != MK_OK)
        mk_log("a right was gone already");
}

/* ---- what it keeps ---- */

/* Ready to be lent: the receive right is here, and will come back. */
static mk_err_t prepare_port(struct guardian *g, size_t which)
{
    struct mk_right_info info;
    mk_err_t err = MK_OK;
    if (g->ports[which] == MK_NAME_NULL) {
        err = mk_port_create(&g->ports[which]);
        if (!err)
            err = mk_right_make(g->ports[which], MK_RIGHT_SEND, 0, NULL);
    }
    if (!err)
        err = mk_right_info(g->ports[which], &info);
    if (!err && !(info.type & MK_RIGHT_RECEIVE))
        err = MK_E_BAD_STATE;
    return err ? err : mk_port_notify(g->ports[which], MK_NOTIFY_PORT_DESTROYED, 0, g->receive);
}

static mk_err_t give(struct mk_msg *msg, mk_name_t name, enum mk_disposition how)
{
    msg->rights[0] = (struct mk_msg_right){.name = name, .how = how};
    msg->nr_rights = 1;
    return MK_OK;
}

/* A number below `max` in the body. */
static mk_err_t number_in(const struct mk_msg *msg, uint32_t max, uint32_t *numberp)
{
    if (msg->size < sizeof(*numberp))
        return MK_E_MSG_TOO_SMALL;
    memcpy(numberp, msg->body, sizeof(*numberp));
    return *numberp < max ? MK_OK : MK_E_BAD_ARGUMENT;
}

static mk_err_t do_port(struct guardian *g, struct mk_msg *msg)
{
    uint32_t which;
    mk_err_t err = number_in(msg, GUARDIAN_PORTS_MAX, &which);
    if (!err)
        err = prepare_port(g, which);
    return err ? err : give(msg, g->ports[which], MK_MOVE_RECEIVE);
}

static mk_err_t do_memory(struct guardian *g, struct mk_msg *msg)
{
    uint64_t numbers[2]; /* which, size */
    if (msg->size < sizeof(numbers))
        return MK_E_MSG_TOO_SMALL;
    memcpy(numbers, msg->body, sizeof(numbers));
    if (numbers[0] >= GUARDIAN_MEMORIES_MAX)
        return MK_E_BAD_ARGUMENT;
    mk_name_t *memory = &g->memories[numbers[0]];
    mk_err_t err = *memory ? MK_OK : mk_memory_create(MK_NAME_NULL, 0, numbers[1], memory, NULL);
    return err ? err : give(msg, *memory, MK_COPY_SEND);
}

static mk_err_t do_keep(struct guardian *g, struct mk_msg *msg)
{
    uint32_t where;
    mk_err_t err = number_in(msg, GUARDIAN_KEPT_MAX, &where);
    bool has_right = msg->nr_rights == 1 && msg->rights[0].how == MK_RIGHT_SEND && msg->rights[0].name != MK_NAME_DEAD;
    if (err)
        return err;
    if (g->kept[where] != MK_NAME_NULL)
        release(g->kept[where]);
    g->kept[where] = has_right ? msg->rights[0].name : MK_NAME_NULL;
    if (has_right)
        msg->nr_rights = 0;
    return MK_OK;
}

static mk_err_t do_kept(struct guardian *g, struct mk_msg *msg)
{
    struct mk_right_info info;
    uint32_t where;
    mk_err_t err = number_in(msg, GUARDIAN_KEPT_MAX, &where);
    if (!err && (mk_right_info(g->kept[where], &info) != MK_OK || !(info.type & MK_RIGHT_SEND)))
        err = MK_E_NOT_FOUND;
    return err ? err : give(msg, g->kept[where], MK_COPY_SEND);
}

static mk_err_t do_going(struct guardian *g, struct mk_msg *msg)
{
    uint32_t what;
    (void)g;
    mk_err_t err = number_in(msg, UINT32_MAX, &what);
    if (!err && what != GUARDIAN_GOES_ON && what != GUARDIAN_RESTS)
        err = MK_E_BAD_ARGUMENT;
    return err ? err : mk_task_set_server(what == GUARDIAN_RESTS);
}

/* ---- the supervisor ---- */

static mk_err_t start_supervisor(struct guardian *g)
{
    char why[256] = "";
    const struct mk_load load = {.label = "supervisor",
                                 .path = g->path,
                                 .args = g->args,
                                 .folder = mk_task_folder(),
                                 .privileged = true,
                                 .service = g->ports[0]};
    mk_err_t err = mk_task_load(g->machine, &load, &g->task, why, sizeof(why));
    if (err)
        mk_log("the supervisor: %s%s%s", mk_err_text(err), why[0] ? ": " : "", why);
    return err ? err : mk_port_notify(g->task, MK_NOTIFY_DEAD_NAME, 0, g->receive);
}

static bool is_too_often(struct guardian *g)
{
    mk_time_t now = mk_time_now(), *oldest = &g->restarts[g->nr_restarts % RESTARTS_MAX];
    bool is_too_much = g->nr_restarts >= RESTARTS_MAX && now - *oldest <= PERIOD;
    *oldest = now;
    g->nr_restarts++;
    return is_too_much;
}

/* All that it had is home by now: its task's port dies last. */
static void supervisor_ended(struct guardian *g, const struct mk_notification *notice)
{
    release(g->task); /* ours, and the one that the notice came with */
    release(g->task);
    g->task = MK_NAME_NULL;
    mk_log("the supervisor ended with code %d; it is started again", (int)notice->status);
    mk_err_t err = is_too_often(g) ? MK_E_BAD_STATE : prepare_port(g, 0);
    if (!err)
        err = start_supervisor(g);
    if (!err)
        return;
    mk_log("there is no supervisor; the system stops");
    if (mk_machine_halt(g->machine, 1) != MK_OK)
        mk_log("the machine cannot be stopped");
}

/* Ports that come home need no care: the receive right is under the name of the send right. */
static void take_notice(struct guardian *g, const struct mk_msg *msg)
{
    struct mk_notification notice;
    memcpy(&notice, msg->body, sizeof(notice));
    if (notice.event == MK_NOTIFY_DEAD_NAME && notice.name == g->task)
        supervisor_ended(g, &notice);
}

/* ---- the loop ---- */

static mk_err_t handle(struct guardian *g, struct mk_msg *msg)
{
    switch (msg->id) {
    case GUARDIAN_PORT:
        return do_port(g, msg);
    case GUARDIAN_MEMORY:
        return do_memory(g, msg);
    case GUARDIAN_KEEP:
        return do_keep(g, msg);
    case GUARDIAN_KEPT:
        return do_kept(g, msg);
    case GUARDIAN_GOING:
        return do_going(g, msg);
    default:
        return MK_E_MSG_ID;
    }
}

/* What a request brought and nobody took is given back. */
static void serve(struct guardian *g, struct mk_msg *msg)
{
    msg->status = handle(g, msg);
    msg->size = 0;
    if (msg->nr_rights && msg->rights[0].how <= MK_RIGHT_SEND_ONCE)
        mk_msg_drop_rights(msg);
}

static mk_err_t loop(struct guardian *g)
{
    uint64_t body[2];
    struct mk_msg_right right;
    struct mk_msg msg = {.body = body, .capacity = sizeof(body), .rights = &right, .max_rights = 1};
    mk_err_t err = mk_receive(g->receive, &msg, MK_TIME_FOREVER);
    while (err == MK_OK) {
        if (msg.badge == MK_BADGE_KERNEL)
            take_notice(g, &msg);
        else
            serve(g, &msg);
        err = mk_reply_receive(g->receive, &msg, MK_TIME_FOREVER);
    }
    return err;
}

/* ---- start ---- */

/* Children inherit special ports: so the supervisor finds this one. */
static mk_err_t show_port(const struct guardian *g)
{
    mk_name_t send;
    mk_err_t err = mk_right_make(g->receive, MK_RIGHT_SEND, 0, &send);
    if (!err)
        err = mk_task_set_special(mk_task_self(), MK_SPECIAL_REGISTERED_0, send);
    return err;
}

static mk_err_t start(struct guardian *g)
{
    const char *args = mk_task_args(), *end = strchr(args, '\n');
    g->receive = mk_server_port();
    if (!end || (size_t)(end - args) >= sizeof(g->path))
        return MK_E_BAD_ARGUMENT;
    memcpy(g->path, args, (size_t)(end - args));
    g->args = end + 1;
    mk_err_t err = mk_task_get_special(mk_task_self(), MK_SPECIAL_MACHINE, &g->machine);
    if (!err)
        err = show_port(g);
    if (!err)
        err = prepare_port(g, 0);
    return err ? err : start_supervisor(g);
}

/* A main of its own: it is no mere server as long as the supervisor wants the machine to go on. */
static int guardian_main(int argc, char **argv)
{
    (void)argc, (void)argv;
    mk_err_t err = start(&guardian);
    if (!err)
        err = loop(&guardian);
    mk_log("%s (%s)", mk_err_text(err), mk_err_name(err));
    return 1;
}

static const struct mk_server guardian_server = {.abi = MK_SERVER_ABI, .name = "guardian", .main = guardian_main};

MK_SERVER_EXPORT(guardian_server);
