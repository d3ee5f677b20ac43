/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * See state.h. A piece is sent when something does not fit into it, so that all of a piece was written before all of
 * the next; a reader that asks for the same things in the same order finds each piece used up when it needs the next.
 *
 * Rights to receive are lent: with a port-destroyed notice to the writer they come back to it when whoever has them
 * ends, or when nobody receives the piece they are in.
 */
#include "rt/state.h"

#include <string.h>

#define STATE_PIECE 0x4d4b0303u

static mk_err_t fail(struct mk_state *state, mk_err_t err)
{
    if (!state->err)
        state->err = err;
    return state->err;
}

static void clear(struct mk_msg *msg)
{
    msg->size = msg->nr_rights = msg->nr_memories = 0;
    msg->id = STATE_PIECE;
    msg->reply = MK_NAME_NULL;
}

/* ---- writing ---- */

void state_write(struct mk_state *out, struct mk_msg *msg, mk_name_t carrier, mk_name_t home)
{
    *out = (struct mk_state){.msg = msg, .carrier = carrier, .home = home};
    clear(msg);
}

void state_take_back(mk_name_t receive)
{
    if (mk_right_release(receive) != MK_OK)
        mk_log("a port of an update has come back without its send right");
}

/* Those that were not sent. */
static void take_back_all(const struct mk_msg *msg)
{
    for (uint32_t i = 0; i < msg->nr_rights; i++) {
        if (msg->rights[i].how != MK_MOVE_RECEIVE)
            continue;
        if (mk_port_notify(msg->rights[i].name, MK_NOTIFY_PORT_DESTROYED, 0, MK_NAME_NULL) != MK_OK)
            mk_log("a port of an update is gone");
        state_take_back(msg->rights[i].name);
    }
}

static bool is_dead(mk_name_t name)
{
    struct mk_right_info info;
    return mk_right_info(name, &info) == MK_OK && info.type & MK_RIGHT_DEAD_NAME;
}

/* What is dead travels as a right that dies on the way. */
static mk_err_t bury(struct mk_state *out, struct mk_msg_right *right)
{
    mk_err_t err = out->grave == MK_NAME_NULL ? mk_port_create(&out->grave) : MK_OK;
    if (!err)
        *right = (struct mk_msg_right){.name = out->grave, .how = MK_MAKE_SEND};
    return err;
}

/* False: nothing in the piece has died since it was put there. */
static bool bury_dead(struct mk_state *out)
{
    bool has_dead = false;
    for (uint32_t i = 0; i < out->msg->nr_rights; i++)
        if (out->msg->rights[i].how == MK_COPY_SEND && is_dead(out->msg->rights[i].name))
            has_dead |= bury(out, &out->msg->rights[i]) == MK_OK;
    return has_dead;
}

static mk_err_t flush(struct mk_state *out)
{
    struct mk_msg *msg = out->msg;
    if (!out->err && (msg->size || msg->nr_rights || msg->nr_memories)) {
        mk_err_t err;
        do
            err = mk_send(out->carrier, msg, MK_TIME_POLL);
        while (err == MK_E_DEAD && bury_dead(out));
        if (err) {
            take_back_all(msg);
            (void)fail(out, err == MK_E_WOULD_BLOCK ? MK_E_NO_ROOM : err);
        }
    }
    clear(msg);
    return out->err;
}

mk_err_t state_written(struct mk_state *out)
{
    if (out->err)
        take_back_all(out->msg);
    mk_err_t err = flush(out);
    if (out->grave != MK_NAME_NULL && mk_port_destroy(out->grave) != MK_OK)
        mk_log("a port of an update is gone");
    return err;
}

mk_err_t mk_state_put(struct mk_state *out, const void *bytes, size_t size)
{
    const char *from = bytes;
    struct mk_msg *msg = out->msg;
    while (!out->err && size > 0) {
        size_t n = msg->capacity - msg->size < size ? msg->capacity - msg->size : size;
        memcpy((char *)msg->body + msg->size, from, n);
        msg->size += n;
        from += n;
        size -= n;
        if (size > 0)
            (void)flush(out);
    }
    return out->err;
}

/* The name stays, by a send right of our own; that also puts off the notice that there are no senders. */
static mk_err_t lend(const struct mk_state *out, mk_name_t port)
{
    mk_err_t err = mk_right_make(port, MK_RIGHT_SEND, 0, NULL);
    if (err)
        return err;
    err = mk_port_notify(port, MK_NOTIFY_PORT_DESTROYED, 0, out->home);
    if (err)
        state_take_back(port);
    return err;
}

mk_err_t mk_state_put_right(struct mk_state *out, mk_name_t name)
{
    struct mk_right_info info;
    struct mk_msg *msg = out->msg;
    if (!out->err && msg->nr_rights == MK_RIGHTS_MAX)
        (void)flush(out);
    mk_err_t err = out->err ? out->err : mk_right_info(name, &info);
    if (err)
        return fail(out, err);
    struct mk_msg_right right = {.name = name, .how = MK_COPY_SEND};
    if (info.type & MK_RIGHT_RECEIVE) {
        right.how = MK_MOVE_RECEIVE;
        err = lend(out, name);
    } else if (info.type & MK_RIGHT_DEAD_NAME) {
        err = bury(out, &right);
    } else if (!(info.type & MK_RIGHT_SEND)) {
        err = MK_E_BAD_RIGHT;
    }
    if (err)
        return fail(out, err);
    msg->rights[msg->nr_rights++] = right;
    return MK_OK;
}

mk_err_t mk_state_put_memory(struct mk_state *out, void *address, size_t size)
{
    struct mk_msg *msg = out->msg;
    if (!out->err && msg->nr_memories == MK_MEMORIES_MAX)
        (void)flush(out);
    if (!out->err)
        msg->memories[msg->nr_memories++] =
            (struct mk_msg_memory){.address = address, .size = size, .how = MK_MEMORY_COPY};
    return out->err;
}

/* ---- reading ---- */

void state_read(struct mk_state *in, struct mk_msg *msg, mk_name_t carrier)
{
    *in = (struct mk_state){.msg = msg, .carrier = carrier};
    clear(msg);
}

static bool is_used_up(const struct mk_state *in)
{
    return in->at == in->msg->size && in->nr_rights == in->msg->nr_rights && in->nr_memories == in->msg->nr_memories;
}

static mk_err_t refuse(struct mk_state *in, const char *why)
{
    mk_log("the state is not what this version reads: %s", why);
    return fail(in, MK_E_BAD_ARGUMENT);
}

static mk_err_t next(struct mk_state *in)
{
    if (!is_used_up(in))
        return refuse(in, "another thing comes next");
    mk_err_t err = mk_receive(in->carrier, in->msg, MK_TIME_POLL);
    if (err)
        return err == MK_E_WOULD_BLOCK ? refuse(in, "it has ended") : fail(in, err);
    in->at = in->nr_rights = in->nr_memories = 0;
    return MK_OK;
}

mk_err_t state_read_end(struct mk_state *in)
{
    struct mk_port_state carrier;
    mk_err_t err = in->err ? in->err : mk_port_state(in->carrier, &carrier);
    if (!err && (!is_used_up(in) || carrier.nr_queued > 0))
        err = refuse(in, "it has more");
    return err;
}

mk_err_t mk_state_get(struct mk_state *in, void *bytes, size_t size)
{
    char *to = bytes;
    size_t done = 0;
    while (!in->err && done < size) {
        size_t n = in->msg->size - in->at < size - done ? in->msg->size - in->at : size - done;
        memcpy(to + done, (const char *)in->msg->body + in->at, n);
        in->at += n;
        done += n;
        if (done < size)
            (void)next(in);
    }
    if (in->err)
        memset(bytes, 0, size);
    return in->err;
}

mk_err_t mk_state_get_right(struct mk_state *in, enum mk_right_type type, mk_name_t *namep)
{
    *namep = MK_NAME_NULL;
    if (!in->err && in->nr_rights == in->msg->nr_rights)
        (void)next(in);
    if (!in->err && (in->nr_rights == in->msg->nr_rights || in->msg->rights[in->nr_rights].how != (uint32_t)type))
        return refuse(in, "a right of another kind comes next, or none");
    if (!in->err)
        *namep = in->msg->rights[in->nr_rights++].name;
    return in->err;
}

mk_err_t mk_state_get_memory(struct mk_state *in, void **addressp, size_t *sizep)
{
    *addressp = NULL;
    *sizep = 0;
    if (!in->err && in->nr_memories == in->msg->nr_memories)
        (void)next(in);
    if (!in->err && in->nr_memories == in->msg->nr_memories)
        return refuse(in, "no memory comes next");
    if (in->err)
        return in->err;
    *addressp = in->msg->memories[in->nr_memories].address;
    *sizep = in->msg->memories[in->nr_memories++].size;
    return MK_OK;
}
