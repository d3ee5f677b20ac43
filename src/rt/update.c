/* SPDX-License-Identifier: BSD-2-Clause */
/* Live update, the server's side: see <mk/server.h>. servers/supervisor/update.c is the other side. */
#include <mk/mk.h>

#include "rt/rt.h"
#include "rt/state.h"

mk_name_t mk_server_port(void)
{
    const struct rt *rt = mk_task_slot();
    return rt && rt->service ? rt->service : mk_task_service();
}

static void drop_port(mk_name_t port)
{
    if (mk_port_destroy(port) != MK_OK)
        mk_log("a port of an update is gone");
}

/* Not a message of the kernel's: the name of the receive right to go on with. */
static bool is_name(const struct mk_msg *msg)
{
    return msg->badge != MK_BADGE_KERNEL && msg->size == sizeof(mk_name_t);
}

/* ---- the old version ---- */

bool update_is_save(const struct mk_msg *msg)
{
    return msg->id == MK_SERVER_SAVE && msg->nr_rights == 1 && msg->rights[0].how == MK_RIGHT_SEND &&
           msg->rights[0].name == mk_task_self();
}

mk_err_t mk_server_put_back(mk_name_t receive, const struct mk_msg *request)
{
    struct mk_msg msg = {.id = request->id, .body = request->body, .size = request->size, .reply = request->reply};
    mk_name_t once;
    mk_err_t err = mk_right_make(receive, MK_RIGHT_SEND_ONCE, request->badge, &once);
    if (err)
        return err;
    err = mk_send(once, &msg, MK_TIME_POLL);
    if (err)
        (void)mk_right_release(once);
    return err;
}

/* Messages at `go` until one is the name, or with MK_TIME_POLL all that are there: receive rights that come back. */
static bool receive_go(mk_name_t go, mk_time_t deadline, mk_name_t *namep)
{
    union {
        struct mk_notification notice;
        mk_name_t name;
    } body;
    struct mk_msg_right right;
    struct mk_msg msg = {.body = &body, .capacity = sizeof(body), .rights = &right, .max_rights = 1};
    while (mk_receive(go, &msg, deadline) == MK_OK) {
        bool is_back = msg.badge == MK_BADGE_KERNEL && msg.id == MK_NOTIFY_ID + MK_NOTIFY_PORT_DESTROYED;
        if (is_back && msg.nr_rights == 1) {
            state_take_back(right.name);
            continue;
        }
        mk_msg_discard(&msg);
        if (is_name(&msg)) {
            *namep = body.name;
            return true;
        }
        if (deadline == MK_TIME_FOREVER) /* nobody will send it any more */
            return false;
    }
    return false;
}

/* With the state, and a right to let this server go on. */
static mk_err_t answer_save(struct mk_msg *msg, mk_name_t reply, mk_name_t carrier, mk_name_t go)
{
    msg->reply = reply;
    msg->status = MK_OK;
    msg->size = msg->nr_memories = 0;
    msg->nr_rights = 2;
    msg->rights[0] = (struct mk_msg_right){.name = carrier, .how = MK_MOVE_RECEIVE};
    msg->rights[1] = (struct mk_msg_right){.name = go, .how = MK_MAKE_SEND_ONCE};
    return mk_reply(msg);
}

static mk_err_t make_carrier(mk_name_t *carrierp)
{
    mk_err_t err = mk_port_create(carrierp);
    if (err)
        return err;
    err = mk_port_set_limit(*carrierp, MK_QUEUE_MAX);
    if (!err)
        err = mk_right_make(*carrierp, MK_RIGHT_SEND, 0, NULL);
    if (err)
        drop_port(*carrierp);
    return err;
}

/* Where the state is put, and where this version waits. */
static mk_err_t make_ports(mk_name_t *carrierp, mk_name_t *gop)
{
    mk_err_t err = make_carrier(carrierp);
    if (!err && (err = mk_port_create(gop))) {
        drop_port(*carrierp);
        (void)mk_right_release(*carrierp);
    }
    return err;
}

/* The state is on its way, or no port is lent any more. */
static mk_err_t write_state(const struct mk_server *server, void *state, struct mk_msg *msg, mk_name_t carrier,
                            mk_name_t go)
{
    struct mk_state out;
    mk_name_t reply = msg->reply;
    state_write(&out, msg, carrier, go);
    mk_err_t err = server->save(state, &out);
    if (err && !out.err)
        out.err = err;
    err = state_written(&out);
    (void)mk_right_release(carrier); /* the send right */
    if (!err)
        err = answer_save(msg, reply, carrier, go);
    msg->reply = err && err != MK_E_DEAD ? reply : MK_NAME_NULL; /* else it is used up */
    if (err)
        drop_port(carrier);
    return err;
}

/* It goes on with the service port under this name. */
static mk_err_t go_on(mk_name_t name, mk_name_t *receivep)
{
    struct mk_right_info info;
    mk_name_t before = mk_server_port();
    if (name != MK_NAME_NULL)
        rt_state()->service = name;
    if (*receivep == before)
        *receivep = mk_server_port();
    mk_err_t err = mk_right_info(mk_server_port(), &info);
    return !err && info.type & MK_RIGHT_RECEIVE ? MK_OK : MK_E_DEAD;
}

mk_err_t update_save(const struct mk_server *server, void *state, struct mk_msg *msg, mk_name_t *receivep)
{
    mk_name_t carrier, go, none, name = MK_NAME_NULL;
    mk_err_t err = mk_right_release(msg->rights[0].name); /* it has shown what it had to */
    msg->size = msg->nr_rights = msg->nr_memories = 0;
    if (!err)
        err = server->save && server->restore ? make_ports(&carrier, &go) : MK_E_NOT_SUPPORTED;
    if (err) {
        msg->status = err;
        return MK_OK;
    }
    err = write_state(server, state, msg, carrier, go);
    msg->status = err;
    msg->size = msg->nr_rights = msg->nr_memories = 0;
    if (!err)
        (void)receive_go(go, MK_TIME_FOREVER, &name);
    (void)receive_go(go, MK_TIME_POLL, &none);
    drop_port(go);
    err = go_on(name, receivep);
    if (!err && server->resume)
        server->resume(state);
    return err;
}

/* ---- the new version ---- */

void update_count(struct rt *rt)
{
    struct mk_msg msg = {.id = MK_SERVER_RESTORE};
    if (rt->nr_probation == 0 || --rt->nr_probation > 0)
        return;
    if (mk_send(rt->confirm, &msg, MK_TIME_POLL) != MK_OK)
        (void)mk_right_release(rt->confirm);
}

/* The name of the service port comes to the port that the task began with. False: it did not come. */
static bool wait_for_port(struct rt *rt)
{
    mk_name_t name = MK_NAME_NULL;
    struct mk_msg msg = {.body = &name, .capacity = sizeof(name)};
    mk_err_t err = mk_receive(mk_task_service(), &msg, MK_TIME_FOREVER);
    if (!err)
        mk_msg_discard(&msg);
    if (!err && is_name(&msg))
        rt->service = name;
    return rt->service != MK_NAME_NULL;
}

/* Then the state. */
static mk_err_t wait_for_state(struct rt *rt, mk_name_t *carrierp, mk_name_t *replyp)
{
    struct mk_msg_right rights[2];
    struct mk_msg msg = {.rights = rights, .max_rights = 2};
    mk_err_t err = mk_receive(mk_task_service(), &msg, MK_TIME_FOREVER);
    if (err)
        return err;
    if (msg.id != MK_SERVER_RESTORE || msg.nr_rights != 2 || rights[0].how != MK_RIGHT_RECEIVE ||
        rights[1].how != MK_RIGHT_SEND_ONCE) {
        mk_msg_discard(&msg);
        return MK_E_MSG_ID;
    }
    *carrierp = rights[0].name;
    *replyp = msg.reply;
    rt->confirm = rights[1].name;
    rt->nr_probation = MK_SERVER_PROBATION;
    return MK_OK;
}

static mk_err_t read_state(const struct mk_server *server, void **statep, mk_name_t carrier)
{
    struct rt_rooms rooms;
    struct mk_msg piece = rt_message(&rooms);
    struct mk_state in;
    if (!piece.body)
        return MK_E_NO_MEMORY;
    state_read(&in, &piece, carrier);
    mk_err_t err = server->restore ? server->restore(statep, &in) : MK_E_NOT_SUPPORTED;
    if (!err)
        err = state_read_end(&in);
    rt_message_free(&piece);
    return err;
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

mk_err_t mk_server_take_over(const struct mk_server *server, void **statep)
{
    mk_name_t carrier, reply;
    struct rt *rt;
    if (!is_update())
        return MK_E_NOT_FOUND;
    rt = rt_state();
    if (!rt)
        return MK_E_NO_MEMORY;
    mk_err_t err = wait_for_port(rt) ? wait_for_state(rt, &carrier, &reply) : MK_E_DEAD;
    if (err)
        return err;
    err = read_state(server, statep, carrier);
    drop_port(carrier);
    struct mk_msg answer = {.reply = reply, .status = err};
    mk_err_t answered = mk_reply(&answer);
    drop_port(mk_task_service());
    return err ? err : answered;
}
