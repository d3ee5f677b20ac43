/* SPDX-License-Identifier: BSD-2-Clause */
/* A receiver whose port space is full to the last name, for each kind of right that comes to it. */
#include "helpers.h"
#include "stress.h"

/* The receiver's task; its threads make one call each. */
static struct {
    mk_name_t task, port; /* the test's names: of it, and a send right to its port */
    mk_name_t receive;    /* its name of the port's receive right */
    mk_name_t service;    /* its send right to the test's port */
    mk_name_t bare;       /* where the rights lead that fill its space */
    mk_name_t last[4];    /* names to be let go of */
    unsigned nr_last;
    struct mk_msg msg;
    struct mk_msg_right right;
    mk_err_t err;
    bool is_done;
} full;

static void fill(void *arg)
{
    mk_err_t err;
    (void)arg;
    do {
        mk_name_t name;
        err = mk_right_make(full.bare, MK_RIGHT_SEND_ONCE, 0, &name);
        if (!err)
            full.last[full.nr_last++ % COUNT_OF(full.last)] = name;
    } while (!err);
    CHECK_ERR(err, MK_E_LIMIT_NAMES);
}

static void fill_first(void *arg)
{
    CHECK_OK(mk_port_create(&full.bare));
    fill(arg);
}

static void let_go(void *arg)
{
    (void)arg;
    CHECK_OK(mk_right_release(full.last[--full.nr_last % COUNT_OF(full.last)]));
}

static void receive(void *arg)
{
    full.msg = (struct mk_msg){.rights = &full.right, .max_rights = 1};
    full.is_done = false;
    full.err = mk_receive(full.receive, &full.msg, arg ? MK_TIME_FOREVER : MK_TIME_POLL);
    full.is_done = true;
}

static void call(void *arg)
{
    (void)arg;
    full.msg = (struct mk_msg){.rights = &full.right, .max_rights = 1};
    full.err = mk_call(full.service, &full.msg, MK_TIME_FOREVER);
    full.is_done = true;
}

/* Give back what came, and take the name again that it leaves. */
static void discard(void *arg)
{
    mk_msg_discard(&full.msg);
    fill(arg);
}

static void in_task(void (*fn)(void *), void *arg)
{
    join(thread_in(full.task, "step", fn, arg, 0));
}

static void sleeps(void *arg)
{
    (void)arg;
    (void)!mk_time_sleep(MK_TIME_FOREVER);
}

static void full_begin(void)
{
    mk_name_t port = mkt_port();
    memset(&full, 0, sizeof(full));
    full.task = task_of("full", sleeps, NULL);
    CHECK_OK(mk_right_insert(full.task, port, MK_MOVE_RECEIVE, &full.receive));
    full.port = port;
    in_task(fill_first, NULL);
}

struct travel {
    uint32_t how;
    bool is_once; /* of a send-once right that was made before */
};

static const struct travel travels[] = {{MK_MOVE_RECEIVE, false}, {MK_MOVE_SEND, false}, {MK_MOVE_SEND_ONCE, true},
                                        {MK_COPY_SEND, false},    {MK_MAKE_SEND, false}, {MK_MAKE_SEND_ONCE, false}};

/* The message stays in the queue with its right until a name is free. */
static void try_travel(const struct travel *travel, bool is_waiting)
{
    mk_name_t port = mkt_port(), name = travel->is_once ? once_name(port) : port, thread = MK_NAME_NULL;
    static struct mk_port_info infos[16];
    size_t n;
    CHECK_OK(mk_right_retain(port, 1));
    if (is_waiting) {
        thread = thread_in(full.task, "waits", receive, &full, 0);
        mk_thread_yield();
        CHECK(!full.is_done);
    }
    CHECK_OK(send_right(full.port, name, travel->how));
    if (is_waiting)
        join(thread);
    else
        in_task(receive, NULL);
    CHECK_ERR(full.err, MK_E_LIMIT_NAMES);
    CHECK_OK(mk_machine_ports(NULL, infos, 16, &n));
    CHECK(infos[n - 1].id != 0 && infos[n - 1].receiver == (travel->how == MK_MOVE_RECEIVE ? 0 : mk_task_id()));
    in_task(receive, NULL);
    CHECK_ERR(full.err, MK_E_LIMIT_NAMES);
    in_task(let_go, NULL);
    in_task(receive, NULL);
    CHECK_ERR(full.err, MK_OK);
    CHECK(full.msg.nr_rights == 1 && full.right.name != MK_NAME_NULL && full.right.name != MK_NAME_DEAD);
    in_task(discard, NULL);
    if (travel->how != MK_MOVE_RECEIVE)
        CHECK_OK(mk_port_destroy(port));
    while (mkt_type(port))
        CHECK_OK(mk_right_release(port));
}

static void full_main(void *arg)
{
    (void)arg;
    full_begin();
    for (size_t i = 0; i < COUNT_OF(travels); i++)
        for (int is_waiting = 0; is_waiting < 2; is_waiting++)
            try_travel(&travels[i], is_waiting);
    CHECK_OK(mk_machine_audit(NULL));
    CHECK_OK(mk_task_terminate(full.task, 0));
}

/* FULL0010: a right of any kind that finds no name stays in the queue, and comes when one is free. */
static void FULL0010(void **state)
{
    (void)state;
    mkt_run(full_main, NULL);
}

static void answer_main(void *arg)
{
    (void)arg;
    mk_name_t port = mkt_port(), subject = mkt_port(), notices = mkt_port();
    full_begin();
    in_task(let_go, NULL);
    CHECK_OK(mk_right_insert(full.task, port, MK_COPY_SEND, &full.service));
    CHECK_OK(mk_port_notify(subject, MK_NOTIFY_NO_SENDERS, 0, notices));
    mk_name_t thread = thread_in(full.task, "call", call, NULL, 0);
    struct mk_msg_right right = {subject, MK_MOVE_SEND};
    struct mk_msg msg = {.capacity = 0};
    CHECK_OK(mk_receive(port, &msg, MK_TIME_FOREVER));
    msg.rights = &right;
    msg.nr_rights = 1;
    CHECK_OK(mk_reply(&msg));
    join(thread);
    CHECK(full.is_done);
    CHECK_ERR(full.err, MK_E_LIMIT_NAMES);
    CHECK(port_state(subject).nr_send == 0);
    take_notice(notices, MK_NOTIFY_NO_SENDERS);
    CHECK_OK(mk_machine_audit(NULL));
    CHECK_OK(mk_task_terminate(full.task, 0));
}

/* FULL0020: an answer whose right finds no name is lost, its right is dropped once, and the caller is told. */
static void FULL0020(void **state)
{
    (void)state;
    mkt_run(answer_main, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(FULL0010), cmocka_unit_test(FULL0020)};
    cmocka_set_test_filter(getenv("MKT_TEST"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
