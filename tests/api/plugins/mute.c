/* SPDX-License-Identifier: BSD-2-Clause */
/* A server that answers as many requests as its arguments say, and then hangs in the next one. */
#include <mk/mk.h>

#include <stdlib.h>

static long nr_left;

static mk_err_t serve(void *state, struct mk_msg *msg)
{
    (void)state;
    msg->size = 0;
    return nr_left-- > 0 ? MK_OK : mk_time_sleep(MK_TIME_FOREVER - 1);
}

static mk_err_t start(void **statep)
{
    *statep = NULL;
    nr_left = atol(mk_task_args());
    return MK_OK;
}

static const struct mk_server mute = {.abi = MK_SERVER_ABI, .start = start, .other = serve};
MK_SERVER_EXPORT(mute);
