/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Events beside messages. A driver wants to hear of two devices and of its
 * clients. Each device signals a bit: signals that come before the driver looks
 * are OR-ed, not queued, and a signal never waits. The driver receives from a
 * port set, which brings events and messages alike.
 */
#include "example.h"

enum { DISK = 1 << 0, NETWORK = 1 << 1 };

/* Holds a send right with badge DISK: it can signal that bit and no other. */
static void disk(void *arg)
{
    mk_name_t interrupt = example_right(arg);
    for (int i = 0; i < 3; i++)
        OK(mk_event_signal(interrupt, DISK));
    mk_log("signalled 3 times; the network's bit: %s", mk_err_text(mk_event_signal(interrupt, NETWORK)));
}

static void client(void *arg)
{
    struct mk_msg msg = {.id = 7};
    OK(mk_send(example_right(arg), &msg, MK_TIME_FOREVER));
}

static void driver(void *arg)
{
    mk_name_t interrupts, disk_right, network_right, requests = example_port(), set;
    (void)arg;
    OK(mk_event_create(&interrupts));
    OK(mk_right_make(interrupts, MK_RIGHT_SEND, DISK, &disk_right));
    OK(mk_right_make(interrupts, MK_RIGHT_SEND, NETWORK, &network_right));
    OK(mk_portset_create(&set));
    OK(mk_portset_add(set, interrupts));
    OK(mk_portset_add(set, requests));
    example_child("disk", disk, disk_right, MK_MOVE_SEND);
    example_child("client", client, requests, MK_COPY_SEND);

    OK(mk_time_sleep(MK_MSEC)); /* busy; meanwhile both tasks do what they do */
    for (int i = 0; i < 2; i++) {
        struct mk_msg msg = {.capacity = 0};
        OK(mk_receive(set, &msg, MK_TIME_FOREVER));
        if (msg.port == interrupts)
            mk_log("events: %s%s", msg.events & DISK ? "disk " : "", msg.events & NETWORK ? "network " : "");
        else
            mk_log("message %u", msg.id);
    }

    OK(mk_event_signal(network_right, NETWORK));
    uint64_t bits;
    OK(mk_event_wait(interrupts, &bits, MK_TIME_FOREVER)); /* without a message, straight from the port */
    mk_log("pending: %s", bits == NETWORK ? "network" : "something else");
}

int main(void)
{
    const struct mk_spawn spawn = {.label = "driver", .entry = driver};
    return example_run(&spawn, 1);
}
