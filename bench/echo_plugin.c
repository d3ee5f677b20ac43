/* SPDX-License-Identifier: BSD-2-Clause */
/* The server of ipc.null_call as a plugin: the loop is that of echo_main (machine.c), so that the rows compare. */
#include <mk/mk.h>

static char body[MK_BODY_MAX] __attribute__((aligned(4096)));

static mk_err_t show(mk_name_t receive)
{
    mk_name_t send;
    mk_err_t err = mk_task_set_server(true);
    if (!err)
        err = mk_right_make(receive, MK_RIGHT_SEND, 0, &send);
    return err ? err : mk_name_register("mkbench-echo", send);
}

static int echo_main(int argc, char **argv)
{
    struct mk_msg msg = {.body = body, .capacity = sizeof(body)};
    mk_name_t receive = mk_server_port();
    (void)argc, (void)argv;
    mk_err_t err = show(receive);
    if (!err)
        err = mk_receive(receive, &msg, MK_TIME_FOREVER);
    while (!err)
        err = mk_reply_receive(receive, &msg, MK_TIME_FOREVER);
    mk_log("%s (%s)", mk_err_text(err), mk_err_name(err));
    return 1;
}

static const struct mk_server echo_plugin = {.abi = MK_SERVER_ABI, .name = "mkbench-echo", .main = echo_main};

MK_SERVER_EXPORT(echo_plugin);
