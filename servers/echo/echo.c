/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The smallest server: answers every operation with the bytes and the rights
 * that came with it. A plugin is a descriptor (echo_server) and its handlers.
 */
#include <mk/mk.h>

/* Received rights are ours until they leave with the answer. A right that died on the way cannot travel on. */
static void return_rights(struct mk_msg *msg)
{
    uint32_t nr = 0;

    for (uint32_t i = 0; i < msg->nr_rights; i++) {
        struct mk_msg_right right = msg->rights[i];

        if (right.name == MK_NAME_DEAD)
            continue;
        right.how = right.how == MK_RIGHT_RECEIVE ? MK_MOVE_RECEIVE
                    : right.how == MK_RIGHT_SEND  ? MK_MOVE_SEND
                                                  : MK_MOVE_SEND_ONCE;
        msg->rights[nr++] = right;
    }
    msg->nr_rights = nr;
}

/* msg holds the request and becomes the answer: id, body and size stay as they are. */
static mk_err_t echo(void *state, struct mk_msg *msg)
{
    (void)state;
    if (msg->reply == MK_NAME_NULL)
        mk_msg_discard(msg); /* nobody wants an answer: release what arrived */
    else
        return_rights(msg);
    return MK_OK;
}

/* It knows nothing that another version would need. */
static mk_err_t save(void *state, struct mk_state *out)
{
    (void)state, (void)out;
    return MK_OK;
}

static mk_err_t restore(void **statep, struct mk_state *in)
{
    (void)statep, (void)in;
    return MK_OK;
}

static const struct mk_server echo_server = {
    .abi = MK_SERVER_ABI,
    .name = "echo",
    .other = echo,
    .save = save,
    .restore = restore,
};

MK_SERVER_EXPORT(echo_server);
