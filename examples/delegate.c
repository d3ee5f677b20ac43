/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Delegation. The right to answer a call is a right like others: the desk that
 * received the request passes it on with the request, and is free for the next
 * client. The worker answers the client directly; the client does not notice.
 */
#include "example.h"

static void worker(void *arg)
{
    mk_name_t desk = example_right(arg), port = example_port();
    char text[64];
    struct mk_msg_right right = {.name = port, .how = MK_COPY_SEND};
    struct mk_msg hello = {.id = 1, .rights = &right, .nr_rights = 1};
    struct mk_msg msg = {.body = text, .capacity = sizeof(text)};

    OK(mk_send(desk, &hello, MK_TIME_FOREVER)); /* "here I am": the desk gets a send right to us */
    for (int i = 0; i < 2; i++) {
        OK(mk_receive(port, &msg, MK_TIME_FOREVER));
        mk_log("working for %.*s", (int)msg.size, text);
        OK(mk_time_spend(5 * MK_MSEC));
        msg.size = (size_t)snprintf(text, sizeof(text), "done by the worker at %d ms", (int)(mk_time_now() / MK_MSEC));
        OK(mk_reply(&msg)); /* on the reply right that the client's call made */
    }
}

static void client(void *arg)
{
    char text[64];
    int size = snprintf(text, sizeof(text), "task %d", (int)mk_task_id());
    struct mk_msg msg = {.id = 2, .body = text, .size = (size_t)size, .capacity = sizeof(text)};
    OK(mk_call(example_right(arg), &msg, MK_TIME_FOREVER));
    mk_log("task %d: %.*s", (int)mk_task_id(), (int)msg.size, text);
}

static void desk(void *arg)
{
    mk_name_t port = example_port(), to;
    char text[64];
    struct mk_msg_right right;
    struct mk_msg msg = {.body = text, .capacity = sizeof(text), .rights = &right, .max_rights = 1};

    example_child("worker", worker, port, MK_COPY_SEND);
    OK(mk_receive(port, &msg, MK_TIME_FOREVER));
    to = right.name;
    example_child("client", client, port, MK_COPY_SEND);
    example_child("client", client, port, MK_COPY_SEND);
    for (int i = 0; i < 2; i++) {
        OK(mk_receive(port, &msg, MK_TIME_FOREVER));
        mk_log("%.*s asks; passed on at %d ms", (int)msg.size, text, (int)(mk_time_now() / MK_MSEC));
        OK(mk_send(to, &msg, MK_TIME_FOREVER)); /* with msg.reply, a send-once right: it moves to the worker */
    }
    mk_log("closed");
}

int main(void)
{
    const struct mk_spawn spawn = {.label = "desk", .entry = desk};
    return example_run(&spawn, 1);
}
