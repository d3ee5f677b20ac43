/* SPDX-License-Identifier: BSD-2-Clause */
/* One run with a little of everything, for tests of whole machines. Its state is its argument: many can run at once. */
#ifndef TESTS_API_SCENARIO_H
#define TESTS_API_SCENARIO_H

#include "helpers.h"

#define SCENARIO_CLIENTS 3
#define SCENARIO_CALLS   20

struct scenario {
    unsigned extra; /* calls more than usual, to make a run different */
    mk_name_t port, set, events;
    uint64_t sum; /* of all answers */
    unsigned nr_notices;
    bool is_done;
};

static inline void scenario_server(void *arg)
{
    struct scenario *s = (struct scenario *)arg;
    uint64_t n = 0;
    struct mk_msg msg = {.body = &n, .capacity = sizeof(n)};
    mk_err_t err = mk_receive(s->set, &msg, MK_TIME_FOREVER);
    while (!err) {
        n = n * 2 + 1;
        CHECK_OK(mk_time_spend(30 * MK_USEC));
        err = mk_reply_receive(s->set, &msg, MK_TIME_FOREVER);
    }
    CHECK_ERR(err, MK_E_DEAD);
}

static inline void scenario_client(void *arg)
{
    struct scenario *s = (struct scenario *)arg;
    for (uint64_t i = 0; i < SCENARIO_CALLS; i++) {
        uint64_t n = i;
        struct mk_msg msg = {.body = &n, .size = sizeof(n), .capacity = sizeof(n)};
        CHECK_OK(mk_call(s->port, &msg, MK_TIME_FOREVER));
        CHECK(n == 2 * i + 1);
        s->sum += n;
        if (i % 5 == 0)
            CHECK_OK(mk_time_sleep(mk_time_now() + 50 * MK_USEC));
        else if (i % 3 == 0)
            mk_thread_yield();
    }
}

static inline void scenario_child(void *arg)
{
    (void)arg;
    mk_name_t port = mkt_port();
    CHECK_OK(send_right(port, port, MK_MAKE_SEND_ONCE));
    CHECK_OK(mk_time_spend(100 * MK_USEC));
    mk_task_exit(3);
}

static inline void scenario_events(struct scenario *s, mk_name_t child)
{
    int code = 0;
    CHECK_OK(mk_port_notify(child, MK_NOTIFY_DEAD_NAME, 0, s->events));
    CHECK_OK(mk_task_wait(child, &code, MK_TIME_FOREVER));
    CHECK(code == 3 && take_notice(s->events, MK_NOTIFY_DEAD_NAME).status == 3);
    CHECK_OK(mk_right_release(once_name(s->events)));
    take_notice(s->events, MK_NOTIFY_SEND_ONCE);
    s->nr_notices = 2;
}

static inline void scenario_main(void *arg)
{
    struct scenario *s = (struct scenario *)arg;
    mk_name_t clients[SCENARIO_CLIENTS], server;
    s->port = mkt_port();
    s->events = mkt_port();
    CHECK_OK(mk_port_set_limit(s->port, 1));
    CHECK_OK(mk_portset_create(&s->set));
    CHECK_OK(mk_portset_add(s->set, s->port));
    server = thread_of("server", scenario_server, s, MK_PRIO_DEFAULT + 1);
    for (unsigned i = 0; i < SCENARIO_CLIENTS; i++)
        clients[i] = thread_of("client", scenario_client, s, 0);
    scenario_events(s, task_of("child", scenario_child, NULL));
    for (unsigned i = 0; i < SCENARIO_CLIENTS; i++)
        join(clients[i]);
    for (unsigned i = 0; i < s->extra; i++) {
        uint64_t n = 0;
        struct mk_msg msg = {.body = &n, .size = sizeof(n), .capacity = sizeof(n)};
        CHECK_OK(mk_call(s->port, &msg, MK_TIME_FOREVER));
    }
    CHECK_OK(mk_portset_destroy(s->set));
    join(server);
    CHECK_OK(mk_machine_audit(NULL));
    s->is_done = true;
}

static inline bool scenario_is_right(const struct scenario *s)
{
    return s->is_done && s->nr_notices == 2 && s->sum == (uint64_t)SCENARIO_CLIENTS * SCENARIO_CALLS * SCENARIO_CALLS;
}

#endif
