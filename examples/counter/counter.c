/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A server as a plugin. It exports a descriptor with its name and operations;
 * libmk's start-up code registers the name and runs the loop that receives,
 * calls a handler and replies. counter_host.c loads it; so could a boot file.
 */
#include "counter_proto.h"

#include <stdio.h>
#include <string.h>

#include <mk/mk.h>

static int64_t value; /* each loaded instance has globals of its own */

/* The request is in msg->body, at least as large as ops below says; the answer goes to the same place. */
static mk_err_t add(void *state, struct mk_msg *msg)
{
    int64_t n, sum;
    (void)state;
    memcpy(&n, msg->body, sizeof(n));
    if (__builtin_add_overflow(value, n, &sum))
        return MK_E_OVERFLOW;
    value = sum;
    memcpy(msg->body, &value, sizeof(value));
    msg->size = sizeof(value);
    return MK_OK;
}

static mk_err_t reset(void *state, struct mk_msg *msg)
{
    (void)state;
    printf("reset from %d\n", (int)value); /* a plugin's printf goes to the machine's log */
    value = 0;
    msg->size = 0;
    return MK_OK;
}

/* For an update while it runs: what the next version needs to know, and how it begins with that. */
static mk_err_t save(void *state, struct mk_state *out)
{
    (void)state;
    return mk_state_put(out, &value, sizeof(value));
}

static mk_err_t restore(void **statep, struct mk_state *in)
{
    (void)statep;
    return mk_state_get(in, &value, sizeof(value)); /* an error: the old version goes on */
}

static const struct mk_server_op ops[] = {
    {COUNTER_ADD, sizeof(int64_t), add},
    {COUNTER_RESET, 0, reset},
};

static const struct mk_server counter = {
    .abi = MK_SERVER_ABI, .name = "counter", .ops = ops, .nr_ops = 2, .save = save, .restore = restore};

MK_SERVER_EXPORT(counter);
