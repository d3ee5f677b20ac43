/* SPDX-License-Identifier: BSD-2-Clause */
/* What several suites use, inside a machine. */
#ifndef TESTS_HELPERS_H
#define TESTS_HELPERS_H

#include "mkt.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* ---- names ---- */

#define SNAP_MAX 300

/* All names of the calling task: to show that a failed call changed none. */
struct snap {
    size_t nr;
    struct mk_name_info infos[SNAP_MAX];
};

static inline void snap_take(struct snap *snap)
{
    memset(snap, 0, sizeof(*snap));
    CHECK_OK(mk_machine_names(NULL, mk_task_id(), snap->infos, SNAP_MAX, &snap->nr));
    CHECK(snap->nr <= SNAP_MAX);
}

static inline bool snap_is_same(const struct snap *before)
{
    static struct snap now; /* stacks are small */
    snap_take(&now);
    return now.nr == before->nr && memcmp(now.infos, before->infos, sizeof(now.infos)) == 0;
}

/* The machine's counts, but for what goes on by itself. */
static inline struct mk_machine_stats still_stats(void)
{
    struct mk_machine_stats stats;
    CHECK_OK(mk_machine_stats(NULL, &stats));
    stats.now = stats.idle_time = 0;
    stats.kernel_memory = 0; /* a table may have grown */
    stats.nr_switches = stats.nr_preemptions = 0;
    return stats;
}

/* A name that was one and is none any more. */
static inline mk_name_t stale_name(void)
{
    mk_name_t port;
    CHECK_OK(mk_port_create(&port));
    CHECK_OK(mk_port_destroy(port));
    return port;
}

/* The name of a send right whose port died. */
static inline mk_name_t dead_name(void)
{
    mk_name_t port = mkt_port();
    CHECK_OK(mk_port_destroy(port));
    CHECK(mkt_type(port) == MK_RIGHT_DEAD_NAME);
    return port;
}

/* A send-once right for a receive right. */
static inline mk_name_t once_name(mk_name_t receive)
{
    mk_name_t once;
    CHECK_OK(mk_right_make(receive, MK_RIGHT_SEND_ONCE, 0, &once));
    return once;
}

static inline struct mk_port_state port_state(mk_name_t receive)
{
    struct mk_port_state state;
    CHECK_OK(mk_port_state(receive, &state));
    return state;
}

/* ---- messages ---- */

/* Send an empty message without waiting. */
static inline mk_err_t send_id(mk_name_t dest, uint32_t id)
{
    struct mk_msg msg = {.id = id};
    return mk_send(dest, &msg, MK_TIME_POLL);
}

/* Receive a message that waits already; its id. */
static inline uint32_t take_id(mk_name_t receive)
{
    char body[64];
    struct mk_msg_right rights[4];
    struct mk_msg msg = {.body = body, .capacity = sizeof(body), .rights = rights, .max_rights = 4};
    CHECK_OK(mk_receive(receive, &msg, MK_TIME_POLL));
    return msg.id;
}

/* Send one right. */
static inline mk_err_t send_right(mk_name_t dest, mk_name_t name, uint32_t how)
{
    struct mk_msg_right right = {.name = name, .how = how};
    struct mk_msg msg = {.rights = &right, .nr_rights = 1};
    return mk_send(dest, &msg, MK_TIME_POLL);
}

/* Receive a message with one right that waits already. */
static inline struct mk_msg_right take_right(mk_name_t receive)
{
    struct mk_msg_right right;
    struct mk_msg msg = {.rights = &right, .max_rights = 1};
    CHECK_OK(mk_receive(receive, &msg, MK_TIME_POLL));
    CHECK(msg.nr_rights == 1);
    return right;
}

/* Is the next message this notification? It is taken. */
static inline struct mk_notification take_notice(mk_name_t receive, enum mk_notify event)
{
    struct mk_notification notice;
    struct mk_msg_right right;
    struct mk_msg msg = {.body = &notice, .capacity = sizeof(notice), .rights = &right, .max_rights = 1};
    CHECK_OK(mk_receive(receive, &msg, MK_TIME_POLL));
    CHECK(msg.id == MK_NOTIFY_ID + (uint32_t)event && msg.badge == MK_BADGE_KERNEL);
    CHECK(msg.size == sizeof(notice) && notice.event == (uint32_t)event);
    return notice;
}

static inline bool is_empty(mk_name_t receive)
{
    return port_state(receive).nr_queued == 0;
}

/* ---- threads and tasks ---- */

static inline mk_name_t thread_in(mk_name_t task, const char *label, void (*entry)(void *), void *arg, int priority)
{
    const struct mk_thread_attr attr = {.entry = entry, .arg = arg, .label = label, .priority = priority};
    mk_name_t thread;
    CHECK_OK(mk_thread_create(task, &attr, &thread));
    return thread;
}

/* A thread of the calling task with this label and priority (0: the caller's), ready. */
static inline mk_name_t thread_of(const char *label, void (*entry)(void *), void *arg, int priority)
{
    return thread_in(mk_task_self(), label, entry, arg, priority);
}

/* A task with one thread, ready. */
static inline mk_name_t task_of(const char *label, void (*entry)(void *), void *arg)
{
    mk_name_t task;
    CHECK_OK(mk_task_create(label, &task));
    CHECK_OK(mk_right_release(thread_in(task, label, entry, arg, 0)));
    return task;
}

/* What the listing says of the thread with this label. */
static inline struct mk_thread_info thread_info(const char *label)
{
    static struct mk_thread_info infos[64];
    size_t n;
    CHECK_OK(mk_machine_threads(NULL, infos, 64, &n));
    for (size_t i = 0; i < n && i < 64; i++)
        if (strcmp(infos[i].label, label) == 0)
            return infos[i];
    CHECK(!"a thread of this label");
    return infos[0];
}

static inline void join(mk_name_t thread)
{
    CHECK_OK(mk_thread_join(thread, MK_TIME_FOREVER));
    CHECK_OK(mk_right_release(thread));
}

/* A thread that sends an empty message and keeps what it got. */
struct sender {
    mk_name_t dest;
    uint32_t id;
    mk_time_t deadline;
    struct mk_msg_right right; /* sent when it has a name */
    mk_err_t err;
    bool is_done;
};

static inline void sender_main(void *arg)
{
    struct sender *s = (struct sender *)arg;
    struct mk_msg msg = {.id = s->id, .rights = &s->right, .nr_rights = s->right.name != MK_NAME_NULL};
    s->err = mk_send(s->dest, &msg, s->deadline);
    s->is_done = true;
}

/* A thread that receives and keeps what it got. */
struct receiver {
    mk_name_t receive;
    mk_time_t deadline;
    struct mk_msg msg;
    char body[64];
    struct mk_msg_right rights[4];
    mk_err_t err;
    bool is_done;
};

static inline void receiver_main(void *arg)
{
    struct receiver *r = (struct receiver *)arg;
    r->msg.body = r->body;
    r->msg.capacity = sizeof(r->body);
    r->msg.rights = r->rights;
    r->msg.max_rights = 4;
    r->err = mk_receive(r->receive, &r->msg, r->deadline);
    r->is_done = true;
}

/* A thread that calls and keeps what it got. */
struct caller {
    mk_name_t dest;
    mk_time_t deadline;
    struct mk_msg msg;
    char body[64];
    struct mk_msg_right rights[4];
    mk_err_t err;
    bool is_done;
};

static inline void caller_main(void *arg)
{
    struct caller *c = (struct caller *)arg;
    c->msg.body = c->body;
    c->msg.capacity = sizeof(c->body);
    c->msg.rights = c->rights;
    c->msg.max_rights = 4;
    c->err = mk_call(c->dest, &c->msg, c->deadline);
    c->is_done = true;
}

#endif
