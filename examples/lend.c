/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Priority lent along a call. A weak client keeps a weak server busy; a strong
 * client calls the same server while a thread of middle strength wants to compute
 * for long. The strong client lends its priority to the server for as long as it
 * waits, so that the middle thread cannot hold it up (priority inversion).
 */
#include "example.h"

static mk_name_t port; /* all threads are in one task */

static int priority_of(const char *label)
{
    struct mk_thread_info infos[8];
    size_t n;
    OK(mk_machine_threads(NULL, infos, 8, &n));
    for (size_t i = 0; i < n && i < 8; i++)
        if (infos[i].label[0] == label[0])
            return infos[i].priority;
    return -1;
}

static int now_ms(void)
{
    return (int)(mk_time_now() / MK_MSEC);
}

static void server(void *arg)
{
    struct mk_msg msg = {.capacity = 0};
    (void)arg;
    mk_err_t err = mk_receive(port, &msg, MK_TIME_FOREVER);
    while (!err) {
        OK(mk_time_spend(5 * MK_MSEC)); /* for each request */
        mk_log("%2d ms: answers request %u at priority %d", now_ms(), msg.id, priority_of("server"));
        err = mk_reply_receive(port, &msg, MK_TIME_FOREVER);
    }
}

static void client(void *arg)
{
    struct mk_msg msg = {.id = (uint32_t)(uintptr_t)arg};
    OK(mk_call(port, &msg, MK_TIME_FOREVER));
    mk_log("%2d ms: client %u has its answer", now_ms(), msg.id);
}

static void middle(void *arg)
{
    (void)arg;
    OK(mk_time_spend(50 * MK_MSEC));
    mk_log("%2d ms: the middle thread is done", now_ms());
}

static void start(const char *label, void (*entry)(void *), uintptr_t arg, int priority)
{
    const struct mk_thread_attr attr = {.entry = entry, .arg = (void *)arg, .label = label, .priority = priority};
    OK(mk_thread_create(mk_task_self(), &attr, NULL));
}

static void lab(void *arg)
{
    (void)arg;
    port = example_port();
    start("server", server, 0, 10);
    start("weak", client, 1, 5);
    OK(mk_time_sleep(2 * MK_MSEC)); /* the server works for the weak client, at its own priority */
    start("middle", middle, 0, 20);
    OK(mk_time_sleep(4 * MK_MSEC)); /* and the middle thread has the CPU */
    start("Strong", client, 2, 30);
    OK(mk_time_sleep(MK_SEC));
    mk_log("now the server has priority %d again", priority_of("server"));
    mk_task_exit(0);
}

int main(void)
{
    const struct mk_spawn spawn = {.label = "lab", .entry = lab, .priority = MK_PRIO_MAX};
    return example_run(&spawn, 1);
}
