/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A port set: one receive waits on several ports, each of which gets its turn.
 * The message does not tell which member it came through, so each client gets
 * a send right with a badge of its own.
 */
#include "example.h"

enum { HIGH = 1, LOW = 2 }; /* badges */

static void client(void *arg)
{
    for (uint32_t i = 1; i <= 3; i++) {
        struct mk_msg msg = {.id = i};
        OK(mk_send(example_right(arg), &msg, MK_TIME_FOREVER));
    }
    mk_log("sent 3 messages");
}

/* A port in the set, and a client that can send to it. */
static mk_name_t add_member(mk_name_t set, const char *label, uint64_t badge)
{
    mk_name_t port, send;
    OK(mk_port_create(&port));
    OK(mk_right_make(port, MK_RIGHT_SEND, badge, &send));
    OK(mk_portset_add(set, port));
    example_child(label, client, send, MK_MOVE_SEND);
    return port;
}

static void receiver(void *arg)
{
    mk_name_t set;
    struct mk_msg msg = {0};

    (void)arg;
    OK(mk_portset_create(&set));
    mk_name_t high = add_member(set, "high", HIGH);
    add_member(set, "low", LOW);
    OK(mk_time_sleep(mk_time_now() + MK_MSEC)); /* let both fill their queues: now there is something to choose from */
    for (int i = 0; i < 4; i++) {
        OK(mk_receive(set, &msg, MK_TIME_FOREVER));
        mk_log("message %u from %s", msg.id, msg.badge == HIGH ? "high" : "low");
    }
    /* A member can also be received from alone; and it can leave the set. */
    OK(mk_portset_remove(set, high));
    OK(mk_receive(set, &msg, MK_TIME_FOREVER));
    mk_log("without high in the set: message %u from %s", msg.id, msg.badge == HIGH ? "high" : "low");
    mk_log("the set is empty: %s", mk_err_text(mk_receive(set, &msg, MK_TIME_POLL)));
    OK(mk_receive(high, &msg, MK_TIME_FOREVER));
    mk_log("from high itself: message %u", msg.id);
}

int main(void)
{
    const struct mk_spawn spawn = {.label = "receiver", .entry = receiver};
    return example_run(&spawn, 1);
}
