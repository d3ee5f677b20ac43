/* SPDX-License-Identifier: BSD-2-Clause */
/* The server loop, and a plugin's start. */
#include <mk/mk.h>

#include <string.h>

#include "rt/rt.h"

/* ---- one message ---- */

static bool is_notification(const struct mk_msg *msg)
{
    return msg->badge == MK_BADGE_KERNEL && msg->id > MK_NOTIFY_ID && msg->id <= MK_NOTIFY_ID + MK_NOTIFY_EVENT;
}

static mk_err_t dispatch(const struct mk_server *server, void *state, struct mk_msg *msg)
{
    if (is_notification(msg)) {
        if (server->notify)
            return server->notify(state, msg);
        mk_msg_discard(msg);
        return MK_SERVER_DEFER;
    }
    for (size_t i = 0; i < server->nr_ops; i++) {
        if (server->ops[i].id != msg->id)
            continue;
        return msg->size < server->ops[i].min_size ? MK_E_MSG_TOO_SMALL : server->ops[i].handle(state, msg);
    }
    return server->other ? server->other(state, msg) : MK_E_MSG_ID;
}

/* What is still as the request brought it nobody took: an answer's would say how it is sent. */
static void drop_untaken(struct mk_msg *msg)
{
    struct mk_msg untaken = *msg;
    if (msg->nr_rights && msg->rights[0].how <= MK_RIGHT_SEND_ONCE)
        msg->nr_rights = 0;
    else
        untaken.nr_rights = 0;
    if (msg->nr_memories && msg->memories[0].how == 0)
        msg->nr_memories = 0;
    else
        untaken.nr_memories = 0;
    if (untaken.nr_rights || untaken.nr_memories)
        mk_msg_drop_rights(&untaken);
}

static void serve(const struct mk_server *server, void *state, struct mk_msg *msg)
{
    mk_err_t status = dispatch(server, state, msg);
    if (status == MK_SERVER_DEFER) {
        msg->reply = MK_NAME_NULL;
        return;
    }
    drop_untaken(msg);
    msg->status = status;
    if (status != MK_OK)
        msg->size = msg->nr_rights = msg->nr_memories = 0;
}

/* ---- live update: see <mk/server.h> ---- */

mk_name_t mk_server_port(void)
{
    const struct rt *rt = mk_task_slot();
    return rt && rt->service ? rt->service : mk_task_service();
}

/* The name of the receive right to go on with comes to `port`. False: it did not come. */
static bool wait_for_name(mk_name_t port, mk_name_t *receivep)
{
    mk_name_t name = MK_NAME_NULL;
    struct mk_msg msg = {.body = &name, .capacity = sizeof(name)};
    mk_err_t err = mk_receive(port, &msg, MK_TIME_FOREVER);
    bool is_good = !err && msg.size == sizeof(name);
    if (!err)
        mk_msg_discard(&msg);
    if (is_good)
        rt_state()->service = *receivep = name;
    return is_good;
}

static void drop_port(mk_name_t port)
{
    if (mk_port_destroy(port) != MK_OK)
        mk_log("a port of an update is gone");
}

static bool is_save(const struct mk_msg *msg)
{
    return msg->id == MK_SERVER_SAVE && msg->nr_rights == 1 && msg->rights[0].how == MK_RIGHT_SEND &&
           msg->rights[0].name == mk_task_self();
}

/* With what `save` said, and a right to let this server go on. */
static mk_err_t answer_save(const struct mk_server *server, void *state, mk_name_t go, struct mk_msg *msg)
{
    msg->size = msg->nr_rights = msg->nr_memories = 0;
    mk_err_t err = server->save ? server->save(state, msg) : MK_E_NOT_SUPPORTED;
    if (!err && msg->nr_rights >= MK_RIGHTS_MAX)
        err = MK_E_MSG_TOO_LARGE;
    if (err)
        return err;
    msg->rights[msg->nr_rights++] = (struct mk_msg_right){.name = go, .how = MK_MAKE_SEND_ONCE};
    msg->status = MK_OK;
    return mk_reply(msg);
}

/* The message is answered, or is to be with its status. */
static void save(const struct mk_server *server, void *state, struct mk_msg *msg, mk_name_t *receivep)
{
    mk_name_t go;
    mk_err_t err = mk_right_release(msg->rights[0].name); /* it has shown what it had to */
    if (!err)
        err = mk_port_create(&go);
    if (!err && (err = answer_save(server, state, go, msg)))
        drop_port(go);
    if (err) {
        msg->status = err;
        msg->size = msg->nr_rights = msg->nr_memories = 0;
        return;
    }
    msg->reply = MK_NAME_NULL;
    (void)wait_for_name(go, receivep); /* else it goes on as it was */
    drop_port(go);
}

static void count_message(struct rt *rt)
{
    struct mk_msg msg = {.id = MK_SERVER_RESTORE};
    if (rt->nr_probation == 0 || --rt->nr_probation > 0)
        return;
    if (mk_send(rt->confirm, &msg, MK_TIME_POLL) != MK_OK)
        (void)mk_right_release(rt->confirm);
}

static mk_err_t restore(const struct mk_server *server, void **statep, struct mk_msg *msg)
{
    struct rt *rt = rt_state();
    if (msg->id != MK_SERVER_RESTORE || msg->nr_rights < 1)
        return MK_E_MSG_ID;
    rt->confirm = msg->rights[--msg->nr_rights].name;
    rt->nr_probation = MK_SERVER_PROBATION;
    return server->restore ? server->restore(statep, msg) : MK_E_NOT_SUPPORTED;
}

/* Room for whatever a message can bring. */
struct room {
    struct mk_msg_right rights[MK_RIGHTS_MAX];
    struct mk_msg_memory memories[MK_MEMORIES_MAX];
};

/* Its body, to be freed, is NULL without memory. */
static struct mk_msg message_in(struct room *room)
{
    return (struct mk_msg){.body = mk_malloc(MK_BODY_MAX),
                           .capacity = MK_BODY_MAX,
                           .rights = room->rights,
                           .max_rights = MK_RIGHTS_MAX,
                           .memories = room->memories,
                           .max_memories = MK_MEMORIES_MAX};
}

/* In place of start. */
static mk_err_t take_over(const struct mk_server *server, void **statep, mk_name_t *receivep)
{
    struct room room;
    struct mk_msg msg = message_in(&room);
    if (!msg.body || !rt_state())
        return MK_E_NO_MEMORY;
    if (!wait_for_name(mk_task_service(), receivep))
        return MK_E_DEAD;
    mk_err_t err = mk_receive(mk_task_service(), &msg, MK_TIME_FOREVER);
    if (err)
        return err;
    err = restore(server, statep, &msg);
    mk_msg_drop_rights(&msg);
    struct mk_msg answer = {.reply = msg.reply, .status = err};
    mk_err_t answered = mk_reply(&answer);
    mk_free(msg.body);
    drop_port(mk_task_service());
    return err ? err : answered;
}

/* Was this task loaded to take over? Said once. */
static bool is_update(void)
{
    mk_name_t mark;
    if (mk_task_get_special(mk_task_self(), MK_SPECIAL_REGISTERED_2, &mark) != MK_OK)
        return false;
    (void)mk_right_release(mark);
    return mk_task_set_special(mk_task_self(), MK_SPECIAL_REGISTERED_2, MK_NAME_NULL) == MK_OK;
}

/* ---- the loop ---- */

mk_err_t mk_server_run(const struct mk_server *server, mk_name_t receive, void *state)
{
    struct room room;
    struct rt *rt = rt_state();
    struct mk_msg msg = message_in(&room);

    if (!rt || !msg.body)
        return rt ? MK_E_NO_MEMORY : MK_E_NOT_IN_MACHINE;
    rt->loop_stop = false;
    mk_err_t err = mk_receive(receive, &msg, MK_TIME_FOREVER);
    while (!err || err == MK_E_LIMIT_WINDOW) {
        if (err) { /* a request with more memory than the window has room for; it is gone, and its caller knows */
            err = mk_receive(receive, &msg, MK_TIME_FOREVER);
            continue;
        }
        if (is_save(&msg))
            save(server, state, &msg, &receive);
        else
            serve(server, state, &msg);
        count_message(rt);
        if (rt->loop_stop) {
            rt->loop_stop = false;
            if (msg.reply && mk_reply(&msg) != MK_OK)
                mk_msg_discard(&msg);
            break;
        }
        err = mk_reply_receive(receive, &msg, MK_TIME_FOREVER);
        if (err &&
            msg.reply) { /* the answer could not be sent as it was: the caller is told why, and the loop goes on */
            msg.status = err;
            msg.size = msg.nr_rights = msg.nr_memories = 0;
            err = mk_reply_receive(receive, &msg, MK_TIME_FOREVER);
        }
    }
    mk_free(msg.body);
    return err;
}

void mk_server_stop(void)
{
    struct rt *rt = rt_state();
    if (rt)
        rt->loop_stop = true;
}

/* ---- arguments ---- */

/*
 * Split a copy of the arguments at blanks, in place. Quotes '' and "" protect
 * blanks and may stand inside a word; a backslash outside '' takes the next
 * byte as it is. Returns the number of words: at most one for two bytes, and one.
 */
static int split(char *p, char **argv)
{
    int argc = 0;
    char *out = p;
    for (;;) {
        while (*p == ' ' || *p == '\t' || *p == '\n')
            p++;
        if (!*p)
            return argc;
        argv[argc++] = out;
        for (char quote = 0; *p && (quote || !strchr(" \t\n", *p)); p++) {
            if (quote ? *p == quote : *p == '\'' || *p == '"')
                quote = quote ? 0 : *p;
            else if (*p == '\\' && quote != '\'' && p[1])
                *out++ = *++p;
            else
                *out++ = *p;
        }
        bool is_end = !*p;
        if (!is_end)
            p++;
        *out++ = '\0';
        if (is_end)
            return argc;
    }
}

/* ---- start ---- */

static int run_main(const struct mk_server *server)
{
    const char *args = mk_task_args();
    char **argv = mk_calloc(strlen(args) / 2 + 3, sizeof(*argv));
    char *words = mk_calloc(strlen(args) + 2, 1);
    if (!argv || !words || !(argv[0] = mk_strdup(mk_task_label()))) {
        mk_log("no memory for the arguments");
        return 1;
    }
    strcpy(words, args);
    return server->main(split(words, argv + 1) + 1, argv);
}

static mk_err_t announce(const struct mk_server *server, mk_name_t receive)
{
    mk_name_t send;
    mk_err_t err = server->queue_limit ? mk_port_set_limit(receive, server->queue_limit) : MK_OK;
    if (err || !server->name)
        return err;
    err = mk_right_make(receive, MK_RIGHT_SEND, 0, &send);
    if (!err) {
        err = mk_name_register(server->name, send);
        mk_err_t released = mk_right_release(send);
        err = err ? err : released;
    }
    return err;
}

static int run_server(const struct mk_server *server)
{
    void *state = NULL;
    mk_name_t receive = mk_server_port();
    mk_err_t err = mk_task_set_server(true);
    bool is_next = !err && is_update();
    if (is_next)
        err = take_over(server, &state, &receive);
    else if (!err && server->start)
        err = server->start(&state);
    if (err) {
        mk_log("%s: %s (%s)", is_next ? "restore" : "start", mk_err_text(err), mk_err_name(err));
        return 1;
    }
    err = is_next ? MK_OK : announce(server, receive); /* else the port has its name already */
    if (err) {
        mk_log("cannot register \"%s\": %s (%s)", server->name ? server->name : "", mk_err_text(err), mk_err_name(err));
        return 1;
    }
    err = mk_server_run(server, receive, state);
    if (server->stop)
        server->stop(state);
    if (err)
        mk_log("server loop: %s (%s)", mk_err_text(err), mk_err_name(err));
    return err ? 1 : 0;
}

void mk_server_main(void *arg)
{
    const struct mk_server *server = arg;
    int code = server->main ? run_main(server) : run_server(server);
    rt_flush();
    mk_task_exit(code);
}
