/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rights. A name means something in one task only; behind it stands a right.
 * COPY leaves the sender its right, MOVE takes it away. A send right held n
 * times is one name with n user references. A badge is stamped on a send right
 * when it is made and shown to the receiver: nobody can forge or change it.
 */
#include "example.h"

static void show(const char *when, mk_name_t name)
{
    struct mk_right_info info;
    mk_err_t err = mk_right_info(name, &info);
    if (err)
        mk_log("%s: %s", when, mk_err_text(err));
    else
        mk_log("%s: user references %u, badge %u%s", when, info.user_refs, (unsigned)info.badge,
               info.type & MK_RIGHT_DEAD_NAME ? ", dead name" : "");
}

static void guest(void *arg)
{
    struct mk_msg msg = {.id = 5};
    OK(mk_send(example_right(arg), &msg, MK_TIME_FOREVER));
    show("my only right", example_right(arg));
}

static void references(mk_name_t port)
{
    mk_name_t send, again;
    OK(mk_right_make(port, MK_RIGHT_SEND, 7, &send));
    show("made with badge 7", send);
    OK(mk_right_make(port, MK_RIGHT_SEND, 7, &again)); /* the same right: the same name */
    show(again == send ? "made again, same name" : "made again, another name", send);
    OK(mk_right_release(send));
    show("released once", send);
    OK(mk_right_release(send));
    show("released twice", send);
}

/* A right travels through a port of its own owner. */
static void travel(mk_name_t port, mk_name_t box)
{
    struct mk_msg_right right = {.name = port, .how = MK_COPY_SEND};
    struct mk_msg msg = {.rights = &right, .nr_rights = 1, .max_rights = 1};
    OK(mk_send(box, &msg, MK_TIME_FOREVER));
    show("copied into a message", port);
    OK(mk_receive(box, &msg, MK_TIME_FOREVER));
    show("back from it", right.name);
    right.how = MK_MOVE_SEND;
    OK(mk_send(box, &msg, MK_TIME_FOREVER));
    show("moved into a message", port);
    OK(mk_port_destroy(box)); /* the message dies in the queue, and the right in it */
}

static void owner(void *arg)
{
    mk_name_t port = example_port(), badged;
    struct mk_msg msg = {0};

    (void)arg;
    references(port);
    travel(port, example_port());
    OK(mk_right_make(port, MK_RIGHT_SEND, 42, &badged));
    example_child("guest", guest, badged, MK_MOVE_SEND);
    show("given to a guest", badged);
    OK(mk_receive(port, &msg, MK_TIME_FOREVER));
    mk_log("operation %u from the holder of badge %u", msg.id, (unsigned)msg.badge);
}

int main(void)
{
    const struct mk_spawn spawn = {.label = "owner", .entry = owner};
    return example_run(&spawn, 1);
}
