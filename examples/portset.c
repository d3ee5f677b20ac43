/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A port set: one receive waits on several ports at once, and each member with
 * messages gets its turn, however many the others have. msg.port tells which.
 */
#include "example.h"

static void client(void *arg)
{
    for (uint32_t i = 1; i <= 3; i++) {
        struct mk_msg msg = {.id = i};
        OK(mk_send(example_right(arg), &msg, MK_TIME_FOREVER));
    }
    mk_log("sent 3 messages");
}

/* A port in the set, and a client that can send to it. */
static mk_name_t add_member(mk_name_t set, const char *label)
{
    mk_name_t port = example_port();
    OK(mk_portset_add(set, port));
    example_child(label, client, port, MK_COPY_SEND);
    return port;
}

static void receiver(void *arg)
{
    mk_name_t set;
    struct mk_msg msg = {0};

    (void)arg;
    OK(mk_portset_create(&set));
    mk_name_t orders = add_member(set, "customer");
    mk_name_t repairs = add_member(set, "mechanic");
    OK(mk_time_sleep(MK_MSEC)); /* until both have filled their queues: now there is something to choose from */
    for (int i = 0; i < 4; i++) {
        OK(mk_receive(set, &msg, MK_TIME_FOREVER));
        mk_log("message %u through %s", msg.id, msg.port == orders ? "orders" : "repairs");
    }
    /* A member can also be received from alone, and it can leave the set: its messages stay with it. */
    OK(mk_portset_remove(set, orders));
    OK(mk_receive(set, &msg, MK_TIME_FOREVER));
    mk_log("orders left the set: message %u through %s", msg.id, msg.port == repairs ? "repairs" : "orders");
    mk_log("the set has no more: %s", mk_err_text(mk_receive(set, &msg, MK_TIME_POLL)));
    OK(mk_receive(orders, &msg, MK_TIME_FOREVER));
    mk_log("from orders alone: message %u", msg.id);
}

int main(void)
{
    const struct mk_spawn spawn = {.label = "receiver", .entry = receiver};
    return example_run(&spawn, 1);
}
