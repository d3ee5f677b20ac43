/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Client and server. mk_call sends a request and waits for its answer;
 * mk_reply_receive answers the last request and waits for the next one. Both
 * are one kernel call, and the CPU goes straight from one task to the other.
 *
 * The server makes the client, a task of its own, and gives it a send right.
 */
#include "example.h"

enum { ADD = 1, STOP = 2 }; /* operations: msg.id */

struct pair {
    int32_t a, b;
};

static void client(void *arg)
{
    mk_name_t server = example_right(arg);
    for (int32_t i = 1; i <= 3; i++) {
        struct pair numbers = {i, 10 * i};
        /* The answer overwrites the request: capacity says how much of it fits. */
        struct mk_msg msg = {.id = ADD, .body = &numbers, .size = sizeof(numbers), .capacity = sizeof(numbers)};
        OK(mk_call(server, &msg, MK_TIME_FOREVER));
        OK(msg.status); /* the server's verdict; mk_call's own result is about the way there and back */
        mk_log("%d + %d = %d", i, 10 * i, numbers.a);
    }
    struct mk_msg unknown = {.id = 99};
    OK(mk_call(server, &unknown, MK_TIME_FOREVER));
    mk_log("operation 99: %s", mk_err_text(unknown.status));
    struct mk_msg stop = {.id = STOP};
    OK(mk_call(server, &stop, MK_TIME_FOREVER));
}

/* Turn the request into its answer. */
static void serve(struct mk_msg *msg)
{
    struct pair *numbers = msg->body;
    msg->status = MK_OK;
    if (msg->id == STOP) {
        msg->size = 0;
    } else if (msg->id != ADD) {
        msg->status = MK_E_MSG_ID;
        msg->size = 0;
    } else if (msg->size < sizeof(*numbers)) {
        msg->status = MK_E_MSG_TOO_SMALL;
        msg->size = 0;
    } else {
        numbers->a += numbers->b;
        msg->size = sizeof(numbers->a);
    }
}

static void server(void *arg)
{
    struct pair numbers;
    struct mk_msg msg = {.body = &numbers, .capacity = sizeof(numbers)};
    mk_name_t port = example_port();

    (void)arg;
    example_child("client", client, port, MK_COPY_SEND);
    OK(mk_receive(port, &msg, MK_TIME_FOREVER)); /* the first request; msg.reply is the right to answer it */
    while (msg.id != STOP) {
        serve(&msg);
        OK(mk_reply_receive(port, &msg, MK_TIME_FOREVER));
    }
    serve(&msg);
    OK(mk_reply(&msg));
    mk_log("stopped");
}

int main(void)
{
    const struct mk_spawn spawn = {.label = "server", .entry = server};
    return example_run(&spawn, 1);
}
