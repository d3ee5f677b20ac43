/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A crash ends one task, not the system. The server dies in the middle of a
 * request: its client is told by the result of its call, everybody else goes
 * on. A bad pointer, a division by zero, a stack overflow end in the same way.
 */
#include "example.h"

static void server(void *arg)
{
    mk_name_t port = example_port();
    struct mk_msg_right right = {.name = port, .how = MK_COPY_SEND};
    struct mk_msg msg = {.id = 1, .rights = &right, .nr_rights = 1, .max_rights = 1};
    OK(mk_task_set_server(true));                           /* else its exit code would become that of the whole run */
    OK(mk_send(example_right(arg), &msg, MK_TIME_FOREVER)); /* tell the client where we are */
    OK(mk_receive(port, &msg, MK_TIME_FOREVER));
    mk_log("request %u, and then ...", msg.id);
    __builtin_trap(); /* an instruction that no processor knows */
}

static void client(void *arg)
{
    mk_name_t port = example_port();
    struct mk_msg_right right;
    struct mk_msg msg = {.rights = &right, .max_rights = 1};
    int code;

    (void)arg;
    mk_name_t task = example_child("server", server, port, MK_COPY_SEND);
    OK(mk_receive(port, &msg, MK_TIME_FOREVER));
    msg.id = 5;
    msg.nr_rights = 0;
    mk_log("my call: %s", mk_err_text(mk_call(right.name, &msg, MK_TIME_FOREVER)));
    mk_log("another: %s", mk_err_text(mk_call(right.name, &msg, MK_TIME_FOREVER)));
    OK(mk_task_wait(task, &code, MK_TIME_FOREVER));
    mk_log("the server's exit code: %d, which is 128 + the host's signal SIGILL", code);
}

int main(void)
{
    const struct mk_spawn spawn = {.label = "client", .entry = client};
    return example_run(&spawn, 1);
}
