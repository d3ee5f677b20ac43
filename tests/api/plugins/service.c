/* SPDX-License-Identifier: BSD-2-Clause */
/* A server that counts, for tests of the server loop. Operations are in service.h. */
#include "service.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int counter = 40;    /* .data: fresh in each instance */
static char filled[100000]; /* .bss: the same */
static mk_name_t deferred[4];
static unsigned nr_deferred;

static mk_err_t count(void *state, struct mk_msg *msg)
{
    if (state != &counter || filled[99999])
        return MK_E_BAD_STATE;
    ++*(int *)state;
    memcpy(msg->body, &counter, sizeof(counter));
    msg->size = sizeof(counter);
    return MK_OK;
}

static mk_err_t echo(void *state, struct mk_msg *msg)
{
    (void)state;
    (void)msg;
    return MK_OK; /* the body goes back as it came */
}

static mk_err_t defer(void *state, struct mk_msg *msg)
{
    (void)state;
    if (nr_deferred == 4)
        return MK_E_NO_ROOM;
    deferred[nr_deferred++] = msg->reply;
    return MK_SERVER_DEFER;
}

/* Answer those that wait, the last first. */
static mk_err_t answer(void *state, struct mk_msg *msg)
{
    (void)state;
    unsigned n = nr_deferred;
    while (nr_deferred > 0) {
        int number = (int)nr_deferred;
        struct mk_msg late = {.reply = deferred[--nr_deferred], .body = &number, .size = sizeof(number)};
        if (mk_reply(&late) != MK_OK)
            return MK_E_DEAD;
    }
    memcpy(msg->body, &n, sizeof(n));
    msg->size = sizeof(n);
    return MK_OK;
}

static mk_err_t refuse(void *state, struct mk_msg *msg)
{
    (void)state;
    msg->size = 9; /* must not reach the caller */
    return MK_E_NO_ACCESS;
}

static mk_err_t stop(void *state, struct mk_msg *msg)
{
    (void)state;
    (void)msg;
    mk_server_stop();
    return MK_OK;
}

static mk_err_t die(void *state, struct mk_msg *msg)
{
    (void)state;
    switch (msg->id) {
    case SERVICE_EXIT:
        exit(7);
    case SERVICE_ABORT:
        abort();
    default:
        assert(counter == 0);
    }
    return MK_OK;
}

static mk_err_t start(void **statep)
{
    const char *args = mk_task_args();
    if (strcmp(args, "fail") == 0)
        return MK_E_NO_ROOM;
    filled[0] = 1;
    *statep = &counter;
    return MK_OK;
}

static void stopped(void *state)
{
    printf("stopped at %d\n", *(int *)state);
}

static const struct mk_server_op ops[] = {
    {SERVICE_COUNT, 0, count},   {SERVICE_ECHO, 8, echo},     {SERVICE_DEFER, 0, defer},
    {SERVICE_ANSWER, 0, answer}, {SERVICE_REFUSE, 0, refuse}, {SERVICE_STOP, 0, stop},
    {SERVICE_EXIT, 0, die},      {SERVICE_ABORT, 0, die},     {SERVICE_ASSERT, 0, die},
};

static const struct mk_server service = {
    .abi = MK_SERVER_ABI,
    .ops = ops,
    .nr_ops = sizeof(ops) / sizeof(ops[0]),
    .start = start,
    .stop = stopped,
};
MK_SERVER_EXPORT(service);
