/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A death notice. The parent asks the kernel to be told when its child's port
 * dies; the kernel answers with a message, like everything else. The notice is
 * sent once, and carries the exit code.
 */
#include "example.h"

static void child(void *arg)
{
    (void)arg;
    mk_log("I work for a second");
    OK(mk_time_sleep(mk_time_now() + MK_SEC));
    mk_task_exit(7);
}

static void parent(void *arg)
{
    struct mk_notification notice;
    struct mk_msg msg = {.body = &notice, .capacity = sizeof(notice)};
    mk_name_t port = example_port();
    mk_name_t task = example_child("child", child, port, MK_COPY_SEND);

    (void)arg;
    /* From the receive right `port` the kernel makes the send-once right that the notice will use. */
    OK(mk_port_notify(task, MK_NOTIFY_DEAD_NAME, 0, port));
    OK(mk_receive(port, &msg, MK_TIME_FOREVER));
    mk_log("after %d ms: a message with id MK_NOTIFY_ID + %u", (int)(mk_time_now() / MK_MSEC), msg.id - MK_NOTIFY_ID);
    mk_log("from the kernel: %s", msg.badge == MK_BADGE_KERNEL ? "yes, its badge cannot be forged" : "no");
    mk_log("about my child: %s; its exit code: %d", notice.name == task ? "yes" : "no", notice.status);

    /* The name is a dead name now, with one reference of ours and one that came with the notice. */
    struct mk_right_info info;
    OK(mk_right_info(task, &info));
    mk_log("its name: %s, user references %u", info.type == MK_RIGHT_DEAD_NAME ? "dead" : "alive", info.user_refs);
    OK(mk_right_release(task));
    OK(mk_right_release(task));
    mk_log("released twice: %s", mk_err_text(mk_right_info(task, &info)));
}

int main(void)
{
    const struct mk_spawn spawn = {.label = "parent", .entry = parent};
    return example_run(&spawn, 1);
}
