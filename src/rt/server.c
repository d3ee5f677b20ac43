/* SPDX-License-Identifier: BSD-2-Clause */
/* The server loop, and a plugin's start. */
#include <mk/mk.h>

#include <string.h>

#include "rt/rt.h"

_Static_assert(sizeof(struct rt) <= sizeof(((struct mk_server_room *)NULL)->runtime), "the runtime's state has room");

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

/* ---- memory for messages ---- */

struct mk_msg rt_message(struct rt_rooms *rooms)
{
    const struct rt *rt = rt_state();
    struct mk_server_room *room = rt ? rt->room : NULL;
    return (struct mk_msg){.body = room ? room->body : mk_malloc(MK_BODY_MAX),
                           .capacity = MK_BODY_MAX,
                           .rights = rooms->rights,
                           .max_rights = MK_RIGHTS_MAX,
                           .memories = rooms->memories,
                           .max_memories = MK_MEMORIES_MAX};
}

void rt_message_free(const struct mk_msg *msg)
{
    if (!rt_state()->room)
        mk_free(msg->body);
}

/* ---- the loop ---- */

mk_err_t mk_server_run(const struct mk_server *server, mk_name_t receive, void *state)
{
    struct rt_rooms rooms;
    struct rt *rt = rt_state();
    struct mk_msg own = rt_message(&rooms), *msg = &own;

    if (!rt || !own.body)
        return rt ? MK_E_NO_MEMORY : MK_E_NOT_IN_MACHINE;
    if (rt->room && rt->room->msg) {
        msg = rt->room->msg;
        *msg = own;
        msg->body = rt->room->msg_body;
    }
    rt->loop_stop = false;
    mk_err_t err = mk_receive(receive, msg, MK_TIME_FOREVER);
    while (!err || err == MK_E_LIMIT_WINDOW) {
        if (err) { /* a request with more memory than the window has room for; it is gone, and its caller knows */
            err = mk_receive(receive, msg, MK_TIME_FOREVER);
            continue;
        }
        if (!update_is_save(msg)) {
            serve(server, state, msg);
        } else {
            struct mk_msg asked = *msg; /* another version may receive to the same place meanwhile */
            err = update_save(server, state, &asked, &receive);
            *msg = asked;
            if (err)
                break;
        }
        update_count(rt);
        if (rt->loop_stop) {
            rt->loop_stop = false;
            if (msg->reply && mk_reply(msg) != MK_OK)
                mk_msg_discard(msg);
            break;
        }
        err = mk_reply_receive(receive, msg, MK_TIME_FOREVER);
        if (err &&
            msg->reply) { /* the answer could not be sent as it was: the caller is told why, and the loop goes on */
            msg->status = err;
            msg->size = msg->nr_rights = msg->nr_memories = 0;
            err = mk_reply_receive(receive, msg, MK_TIME_FOREVER);
        }
    }
    rt_message_free(&own);
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
    mk_err_t err = mk_task_set_server(true);
    if (!err)
        err = mk_server_take_over(server, &state);
    bool is_next = err != MK_E_NOT_FOUND;
    if (!is_next)
        err = server->start ? server->start(&state) : MK_OK;
    if (err) {
        mk_log("%s: %s (%s)", is_next ? "restore" : "start", mk_err_text(err), mk_err_name(err));
        return 1;
    }
    mk_name_t receive = mk_server_port();
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
    struct rt *rt = server->room ? (struct rt *)(void *)server->room->runtime : NULL;
    if (rt) {
        rt->room = server->room;
        mk_task_set_slot(rt);
    }
    int code = server->main ? run_main(server) : run_server(server);
    rt_flush();
    mk_task_exit(code);
}
