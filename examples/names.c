/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How tasks find each other. Every task is born with a send right to the bootstrap
 * port; whoever claims its receive right is the name service. This one is tiny: it
 * keeps one name and believes its callers. They use the ordinary mk_name_register
 * and mk_name_lookup, which speak the protocol of <mk/names.h>.
 */
#include "example.h"

#include <mk/names.h>

static struct {
    mk_name_t send;   /* what is registered; MK_NAME_NULL: nothing yet */
    mk_name_t waiter; /* reply right of a look-up that came too early */
} service;

static void answer(mk_name_t reply)
{
    struct mk_msg_right right = {.name = service.send, .how = MK_COPY_SEND};
    struct mk_msg msg = {.reply = reply, .rights = &right, .nr_rights = 1};
    OK(mk_reply(&msg));
}

static mk_err_t on_register(void *state, struct mk_msg *msg)
{
    mk_log("registered: %.*s", (int)msg->size, (char *)msg->body);
    service.send = msg->rights[0].name; /* the right arrived under a name of ours */
    if (service.waiter)
        answer(service.waiter);
    msg->size = msg->nr_rights = 0; /* our own answer is bare */
    return MK_OK;
}

static mk_err_t on_wait(void *state, struct mk_msg *msg)
{
    mk_log("looked up: %.*s, %s", (int)msg->size, (char *)msg->body, service.send ? "there" : "not there yet");
    if (service.send)
        answer(msg->reply);
    else
        service.waiter = msg->reply; /* answered when the name comes */
    return MK_SERVER_DEFER;
}

static void names(void *arg)
{
    static const struct mk_server_op ops[] = {{MK_NAMES_REGISTER, 1, on_register}, {MK_NAMES_WAIT, 1, on_wait}};
    static const struct mk_server server = {.ops = ops, .nr_ops = 2};
    mk_name_t machine, port;
    OK(mk_task_get_special(mk_task_self(), MK_SPECIAL_MACHINE, &machine));
    OK(mk_bootstrap_claim(machine, &port));
    OK(mk_server_run(&server, port, NULL));
}

static void user(void *arg)
{
    mk_name_t clock;
    struct mk_msg msg = {.id = 3};
    OK(mk_name_lookup("clock", MK_TIME_FOREVER, &clock)); /* waits until somebody registers it */
    OK(mk_send(clock, &msg, MK_TIME_FOREVER));
    mk_log("found it and sent it operation 3");
}

static void clock_server(void *arg)
{
    mk_name_t port = example_port();
    struct mk_msg msg = {0};
    OK(mk_name_register("clock", port));
    OK(mk_receive(port, &msg, MK_TIME_FOREVER));
    mk_log("received operation %u", msg.id);
}

int main(void)
{
    const struct mk_spawn spawns[] = {
        {.label = "names", .entry = names, .is_server = true}, /* does not keep the machine running */
        {.label = "user", .entry = user},
        {.label = "clock", .entry = clock_server},
    };
    return example_run(spawns, 3);
}
