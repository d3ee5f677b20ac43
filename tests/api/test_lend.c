/* SPDX-License-Identifier: BSD-2-Clause */
/* Priority lent along calls, hand-off and depression. Servers here are weaker than the testing thread, which drives. */
#include "helpers.h"

#define WEAK 10

/* A thread that receives from `port`; then calls `next` if there is one, or waits for `gate`; then answers. */
struct link {
    mk_name_t port, next, gate;
    const char *label;
    mk_err_t err;
};

static void link_main(void *arg)
{
    struct link *l = (struct link *)arg;
    struct mk_msg msg = {.capacity = 0}, down = {.capacity = 0};
    uint64_t bits;
    mk_err_t err = mk_receive(l->port, &msg, MK_TIME_FOREVER);
    while (!err) {
        if (l->next)
            l->err = mk_call(l->next, &down, MK_TIME_FOREVER);
        else
            l->err = mk_event_wait(l->gate, &bits, MK_TIME_FOREVER);
        msg.nr_rights = 0;
        err = mk_reply_receive(l->port, &msg, MK_TIME_FOREVER);
    }
}

static mk_name_t gate_port(void)
{
    mk_name_t gate;
    CHECK_OK(mk_event_create(&gate));
    CHECK_OK(mk_right_make(gate, MK_RIGHT_SEND, 0, NULL));
    return gate;
}

/* Let everybody who is weaker do what there is to do. */
static void settle(void)
{
    CHECK_OK(mk_time_sleep(mk_time_now() + MK_MSEC));
}

static int priority_of(const char *label)
{
    return thread_info(label).priority;
}

#define CHAIN 7

struct chain {
    struct link links[CHAIN];
    mk_name_t threads[CHAIN], gate;
    char labels[CHAIN][8];
};

/* Servers of rising numbers and the same low priority, each calling the next; the last one waits for the gate. */
static void chain_start(struct chain *c)
{
    memset(c, 0, sizeof(*c));
    c->gate = gate_port();
    for (int i = CHAIN - 1; i >= 0; i--) {
        snprintf(c->labels[i], sizeof(c->labels[i]), "s%d", i);
        c->links[i] = (struct link){.port = mkt_port(), .label = c->labels[i]};
        c->links[i].gate = c->gate;
        c->links[i].next = i + 1 < CHAIN ? c->links[i + 1].port : MK_NAME_NULL;
        c->threads[i] = thread_of(c->labels[i], link_main, &c->links[i], WEAK);
    }
    settle();
}

static void chain_stop(struct chain *c)
{
    for (int i = 0; i < CHAIN; i++) {
        mk_port_destroy(c->links[i].port);
        mk_err_t err = mk_thread_terminate(c->threads[i]);
        CHECK(err == MK_OK || err == MK_E_DEAD);
    }
}

static void chain_expect(const struct chain *c, int priority)
{
    for (int i = 0; i < CHAIN; i++)
        CHECK(priority_of(c->labels[i]) == priority);
    CHECK_OK(mk_machine_audit(NULL));
}

/* LEND0010: a caller lends its priority along a chain of calls, and the answer takes it back. */
MKT_TEST(LEND0010)
{
    (void)arg;
    static struct chain c;
    chain_start(&c);
    struct caller caller = {.dest = c.links[0].port, .deadline = MK_TIME_FOREVER};
    mk_name_t thread = thread_of("caller", caller_main, &caller, 20);
    settle();
    chain_expect(&c, 20);
    CHECK_OK(mk_event_signal(c.gate, 1));
    settle();
    CHECK(caller.is_done && caller.err == MK_OK);
    chain_expect(&c, WEAK);
    join(thread);
    chain_stop(&c);
}

/* LEND0020: stronger callers that queue behind raise the whole chain; each abort takes its own part back. */
MKT_TEST(LEND0020)
{
    (void)arg;
    static struct chain c;
    static const int priorities[] = {12, 25, 18};
    struct caller callers[3];
    mk_name_t threads[3];
    chain_start(&c);
    for (int i = 0; i < 3; i++) {
        callers[i] = (struct caller){.dest = c.links[0].port, .deadline = MK_TIME_FOREVER};
        threads[i] = thread_of("caller", caller_main, &callers[i], priorities[i]);
        settle();
        chain_expect(&c, i == 0 ? 12 : 25);
    }
    CHECK_OK(mk_thread_abort(threads[1]));
    settle();
    chain_expect(&c, 18);
    CHECK_OK(mk_thread_terminate(threads[2]));
    settle();
    chain_expect(&c, 12);
    CHECK_OK(mk_thread_abort(threads[0]));
    settle();
    chain_expect(&c, WEAK);
    join(threads[0]);
    join(threads[1]);
    CHECK_OK(mk_right_release(threads[2]));
    chain_stop(&c);
}

/* LEND0030: a caller that becomes stronger while it waits lends more, also through calls that took the short way. */
MKT_TEST(LEND0030)
{
    (void)arg;
    static struct chain c;
    chain_start(&c);
    struct caller caller = {.dest = c.links[0].port, .deadline = MK_TIME_FOREVER};
    mk_name_t thread = thread_of("caller", caller_main, &caller, WEAK);
    settle();
    chain_expect(&c, WEAK);
    CHECK_OK(mk_thread_set_priority(thread, 30));
    chain_expect(&c, 30);
    CHECK_OK(mk_thread_set_priority(thread, 5));
    chain_expect(&c, WEAK);
    CHECK_OK(mk_thread_abort(thread));
    join(thread);
    chain_stop(&c);
}

/* LEND0040: a server whose base priority falls below its caller's runs at the caller's. */
MKT_TEST(LEND0040)
{
    (void)arg;
    static struct chain c;
    chain_start(&c);
    struct caller caller = {.dest = c.links[0].port, .deadline = MK_TIME_FOREVER};
    mk_name_t thread = thread_of("caller", caller_main, &caller, WEAK);
    settle();
    CHECK_OK(mk_thread_set_priority(c.threads[3], 3));
    struct mk_thread_info info = thread_info("s3");
    CHECK(info.priority == WEAK && info.base_priority == 3);
    CHECK_OK(mk_machine_audit(NULL));
    CHECK_OK(mk_thread_abort(thread));
    join(thread);
    chain_stop(&c);
}

/* LEND0050: when a server's thread ends in the middle of the chain, those behind it lose what was lent through it. */
MKT_TEST(LEND0050)
{
    (void)arg;
    static struct chain c;
    chain_start(&c);
    struct caller caller = {.dest = c.links[0].port, .deadline = MK_TIME_FOREVER};
    mk_name_t thread = thread_of("caller", caller_main, &caller, 20);
    settle();
    CHECK_OK(mk_thread_terminate(c.threads[3]));
    CHECK(priority_of("s2") == 20 && priority_of("s4") == WEAK && priority_of("s6") == WEAK);
    CHECK_OK(mk_machine_audit(NULL));
    CHECK_OK(mk_thread_abort(thread));
    join(thread);
    chain_stop(&c);
}

/* LEND0060: the textbook's inversion. A strong caller is not kept waiting by a thread of middle strength. */
static void middle_main(void *arg)
{
    mk_time_t *end = (mk_time_t *)arg;
    CHECK_OK(mk_time_spend(50 * MK_MSEC));
    *end = mk_time_now();
}

static void busy_main(void *arg)
{
    mk_name_t port = *(mk_name_t *)arg;
    struct mk_msg msg = {.capacity = 0};
    mk_err_t err = mk_receive(port, &msg, MK_TIME_FOREVER);
    while (!err) {
        CHECK_OK(mk_time_spend(5 * MK_MSEC));
        err = mk_reply_receive(port, &msg, MK_TIME_FOREVER);
    }
}

MKT_TEST(LEND0060)
{
    (void)arg;
    mk_name_t port = mkt_port();
    mk_time_t middle_end = 0, strong_end = 0;
    mk_name_t server = thread_of("server", busy_main, &port, WEAK);
    settle();
    struct caller weak = {.dest = port, .deadline = MK_TIME_FOREVER}, strong = weak;
    mk_name_t threads[3] = {thread_of("weak", caller_main, &weak, 5)};
    settle();
    threads[1] = thread_of("middle", middle_main, &middle_end, 15);
    threads[2] = thread_of("strong", caller_main, &strong, 20);
    CHECK_OK(mk_thread_join(threads[2], MK_TIME_FOREVER));
    strong_end = mk_time_now();
    for (int i = 0; i < 3; i++)
        join(threads[i]);
    CHECK(strong.err == MK_OK && strong_end < middle_end);
    CHECK(priority_of("server") == WEAK);
    CHECK_OK(mk_thread_terminate(server));
}

/* LEND0070: the loan goes with the right to answer to the thread that receives it. */
MKT_TEST(LEND0070)
{
    (void)arg;
    mk_name_t port = mkt_port(), delegate = mkt_port();
    struct caller caller = {.dest = port, .deadline = MK_TIME_FOREVER};
    struct receiver first = {.receive = port, .deadline = MK_TIME_FOREVER};
    struct link second = {.port = delegate, .gate = gate_port()};
    mk_name_t threads[3] = {thread_of("first", receiver_main, &first, WEAK),
                            thread_of("second", link_main, &second, WEAK)};
    settle();
    threads[2] = thread_of("caller", caller_main, &caller, 25);
    settle();
    CHECK(first.is_done && !caller.is_done);
    struct mk_msg msg = {.reply = first.msg.reply};
    CHECK_OK(mk_send(delegate, &msg, MK_TIME_FOREVER));
    settle();
    CHECK(priority_of("second") == 25);
    CHECK_OK(mk_event_signal(second.gate, 1));
    settle();
    CHECK(caller.is_done && caller.err == MK_OK && priority_of("second") == WEAK);
    join(threads[0]);
    join(threads[2]);
    CHECK_OK(mk_thread_terminate(threads[1]));
}

/* LEND0080: a new server's thread is lent what waits in the queue of a port whose server ended. */
MKT_TEST(LEND0080)
{
    (void)arg;
    mk_name_t port = mkt_port();
    struct caller a = {.dest = port, .deadline = MK_TIME_FOREVER}, b = a;
    mk_name_t threads[2] = {thread_of("a", caller_main, &a, 12), thread_of("b", caller_main, &b, 22)};
    settle();
    struct link l = {.port = port, .gate = gate_port()};
    mk_name_t server = thread_of("server", link_main, &l, WEAK);
    settle();
    CHECK(priority_of("server") == 22);
    CHECK_OK(mk_thread_terminate(server));
    for (int i = 0; i < 2; i++) {
        CHECK_OK(mk_thread_abort(threads[i]));
        join(threads[i]);
    }
}

/* LEND0090: callers that wait for room lend as well. */
MKT_TEST(LEND0090)
{
    (void)arg;
    mk_name_t port = mkt_port();
    struct link l = {.port = port, .gate = gate_port()};
    struct caller callers[3];
    mk_name_t threads[3], server = thread_of("server", link_main, &l, WEAK);
    CHECK_OK(mk_port_set_limit(port, 1));
    settle();
    for (int i = 0; i < 3; i++) {
        callers[i] = (struct caller){.dest = port, .deadline = MK_TIME_FOREVER};
        threads[i] = thread_of("caller", caller_main, &callers[i], 11 + i);
        settle();
        CHECK(priority_of("server") == 11 + i);
    }
    CHECK_OK(mk_thread_abort(threads[2]));
    CHECK(priority_of("server") == 12);
    CHECK_OK(mk_thread_abort(threads[0]));
    CHECK_OK(mk_port_destroy(port));
    CHECK_OK(mk_thread_terminate(server));
    for (int i = 0; i < 3; i++)
        join(threads[i]);
}

/* LEND0100: a thread that has received nothing yet serves nobody, whatever thread had its memory before. */
MKT_TEST(LEND0100)
{
    (void)arg;
    mk_name_t port = mkt_port();
    struct receiver first = {.receive = port, .deadline = MK_TIME_FOREVER};
    CHECK_OK(send_id(port, 1));
    join(thread_of("first", receiver_main, &first, WEAK));
    struct link l = {.port = mkt_port(), .gate = gate_port()};
    mk_name_t second = thread_of("second", link_main, &l, WEAK);
    settle();
    struct caller caller = {.dest = port, .deadline = MK_TIME_FOREVER};
    mk_name_t thread = thread_of("caller", caller_main, &caller, 25);
    settle();
    CHECK(priority_of("second") == WEAK);
    CHECK_OK(mk_thread_abort(thread));
    join(thread);
    CHECK_OK(mk_thread_terminate(second));
}

/* LEND0110: servers that wait for each other in a ring hold nobody up: each loss is a loss for all of them. */
MKT_TEST(LEND0110)
{
    (void)arg;
    static struct chain c;
    chain_start(&c);
    c.links[CHAIN - 1].next = c.links[0].port;
    struct caller caller = {.dest = c.links[0].port, .deadline = MK_TIME_FOREVER};
    mk_name_t thread = thread_of("caller", caller_main, &caller, 20);
    settle();
    chain_expect(&c, 20);
    CHECK_OK(mk_thread_set_priority(c.threads[3], 25));
    chain_expect(&c, 25);
    CHECK_OK(mk_thread_set_priority(c.threads[3], 12));
    chain_expect(&c, 20);
    CHECK_OK(mk_thread_abort(thread));
    join(thread);
    chain_expect(&c, 12);
    CHECK_OK(mk_thread_set_priority(c.threads[3], WEAK));
    chain_expect(&c, WEAK);
    chain_stop(&c);
}

/* A thread that receives a request if it has a port, waits for its gate, and then puts its letter into the trace. */
struct turn {
    mk_name_t port, gate, reply;
    char *trace;
    char letter;
};

static void turn_main(void *arg)
{
    struct turn *t = (struct turn *)arg;
    struct mk_msg msg = {.capacity = 0};
    uint64_t bits;
    if (t->port)
        CHECK_OK(mk_receive(t->port, &msg, MK_TIME_FOREVER));
    t->reply = msg.reply;
    CHECK_OK(mk_event_wait(t->gate, &bits, MK_TIME_FOREVER));
    strncat(t->trace, &t->letter, 1);
}

/* A weak server, and a thread as strong as its callers make it. */
struct equals {
    struct turn server, equal;
    mk_name_t threads[2];
    char trace[4];
};

static void equals_start(struct equals *e)
{
    memset(e, 0, sizeof(*e));
    e->server = (struct turn){mkt_port(), gate_port(), MK_NAME_NULL, e->trace, 's'};
    e->equal = (struct turn){MK_NAME_NULL, gate_port(), MK_NAME_NULL, e->trace, 'e'};
    e->threads[0] = thread_of("server", turn_main, &e->server, WEAK);
    e->threads[1] = thread_of("equal", turn_main, &e->equal, 25);
    settle();
}

/* Both are ready from now on, the server first. */
static void equals_ready(struct equals *e)
{
    CHECK(priority_of("server") == 25);
    CHECK_OK(mk_event_signal(e->server.gate, 1));
    CHECK_OK(mk_event_signal(e->equal.gate, 1));
}

static void equals_expect_order(struct equals *e)
{
    CHECK(priority_of("server") == 25);
    CHECK_OK(mk_machine_audit(NULL));
    settle();
    CHECK(strcmp(e->trace, "se") == 0);
    CHECK_OK(mk_port_destroy(e->server.port));
    join(e->threads[0]);
    join(e->threads[1]);
}

/* LEND0120: a loan that is made again to the same thread does not cost it its place among its equals. */
MKT_TEST(LEND0120)
{
    (void)arg;
    struct equals e;
    equals_start(&e);
    struct caller caller = {.dest = e.server.port, .deadline = MK_TIME_FOREVER};
    mk_name_t thread = thread_of("caller", caller_main, &caller, 25);
    settle();
    equals_ready(&e);
    struct mk_msg msg = {.reply = e.server.reply};
    CHECK_OK(mk_send(e.server.port, &msg, MK_TIME_POLL));
    equals_expect_order(&e);
    join(thread);
    CHECK_ERR(caller.err, MK_E_DEAD);
}

/* LEND0130: nor does a loan that goes on to a thread which waits for the first one itself. */
MKT_TEST(LEND0130)
{
    (void)arg;
    struct equals e;
    equals_start(&e);
    struct caller caller = {.dest = e.server.port, .deadline = MK_TIME_FOREVER};
    mk_name_t thread = thread_of("caller", caller_main, &caller, 25);
    struct link between = {.port = mkt_port(), .next = e.server.port};
    mk_name_t between_thread = thread_of("between", link_main, &between, WEAK);
    settle();
    CHECK_OK(send_id(between.port, 1));
    settle();
    equals_ready(&e);
    struct mk_msg msg = {.reply = e.server.reply};
    CHECK_OK(mk_send(between.port, &msg, MK_TIME_POLL));
    CHECK(priority_of("between") == 25);
    equals_expect_order(&e);
    CHECK_OK(mk_port_destroy(between.port));
    CHECK_OK(mk_thread_terminate(between_thread));
    join(thread);
    CHECK_ERR(caller.err, MK_E_DEAD);
}

/* LEND0140: nor does the loan of a caller that waited for room, and whose request comes into the queue. */
MKT_TEST(LEND0140)
{
    (void)arg;
    struct equals e;
    struct caller callers[3];
    mk_name_t threads[3];
    static const int priorities[] = {11, 12, 25};
    equals_start(&e);
    CHECK_OK(mk_port_set_limit(e.server.port, 1));
    for (int i = 0; i < 3; i++) { /* received, queued, waiting */
        callers[i] = (struct caller){.dest = e.server.port, .deadline = MK_TIME_FOREVER};
        threads[i] = thread_of("caller", caller_main, &callers[i], priorities[i]);
        settle();
    }
    equals_ready(&e);
    CHECK_OK(mk_port_set_limit(e.server.port, 2));
    CHECK(port_state(e.server.port).nr_queued == 2);
    equals_expect_order(&e);
    CHECK_OK(mk_right_release(e.server.reply));
    for (int i = 0; i < 3; i++) {
        join(threads[i]);
        CHECK_ERR(callers[i].err, MK_E_DEAD);
    }
}

/* ---- hand-off and depression ---- */

struct runner {
    char *trace;
    char letter;
};

static void runner_main(void *arg)
{
    struct runner *r = (struct runner *)arg;
    strncat(r->trace, &r->letter, 1);
}

/* SWITCH0010: the named thread runs before its equals. */
MKT_TEST(SWITCH0010)
{
    (void)arg;
    char trace[8] = "";
    struct runner runners[3] = {{trace, 'a'}, {trace, 'b'}, {trace, 'c'}};
    mk_name_t threads[3];
    for (int i = 0; i < 3; i++)
        threads[i] = thread_of("runner", runner_main, &runners[i], 0);
    CHECK_OK(mk_thread_switch(threads[2], MK_SWITCH_NONE, 0));
    CHECK(strncmp(trace, "c", 1) == 0);
    for (int i = 0; i < 3; i++)
        join(threads[i]);
    CHECK(strcmp(trace, "cab") == 0);
}

/* SWITCH0020: a weaker thread gets the CPU only when the caller is depressed, which ends when it runs again. */
MKT_TEST(SWITCH0020)
{
    (void)arg;
    char trace[8] = "";
    struct runner runner = {trace, 'w'};
    mk_name_t thread = thread_of("runner", runner_main, &runner, WEAK);
    CHECK_OK(mk_thread_switch(thread, MK_SWITCH_NONE, 0));
    CHECK(trace[0] == '\0');
    CHECK_OK(mk_thread_switch(thread, MK_SWITCH_DEPRESS, MK_TIME_FOREVER));
    CHECK(trace[0] == 'w');
    size_t n;
    struct mk_thread_info info;
    CHECK_OK(mk_machine_threads(NULL, &info, 1, &n));
    CHECK(info.priority == MK_PRIO_DEFAULT && info.base_priority == MK_PRIO_DEFAULT);
    join(thread);
}

static void spender_main(void *arg)
{
    *(mk_err_t *)arg = mk_time_spend(10 * MK_MSEC);
}

/* SWITCH0030: depression ends at its deadline. */
MKT_TEST(SWITCH0030)
{
    (void)arg;
    mk_err_t err = MK_OK;
    mk_name_t thread = thread_of("spender", spender_main, &err, WEAK);
    mk_time_t deadline = mk_time_now() + 2 * MK_MSEC;
    CHECK_OK(mk_thread_switch(MK_NAME_NULL, MK_SWITCH_DEPRESS, deadline));
    CHECK(mk_time_now() >= deadline && mk_time_now() < deadline + MK_MSEC);
    join(thread);
}

static void abort_main(void *arg)
{
    mk_name_t thread = *(mk_name_t *)arg;
    CHECK_OK(mk_thread_depress_abort(thread));
    CHECK_ERR(mk_thread_depress_abort(thread), MK_E_DEAD); /* it ran and ended meanwhile */
}

static void depressed_main(void *arg)
{
    (void)arg;
    CHECK_OK(mk_thread_switch(MK_NAME_NULL, MK_SWITCH_DEPRESS, MK_TIME_FOREVER));
}

/* SWITCH0040: depression can be ended by another thread. */
MKT_TEST(SWITCH0040)
{
    (void)arg;
    mk_name_t depressed = thread_of("depressed", depressed_main, NULL, 20), aborter;
    aborter = thread_of("aborter", abort_main, &depressed, WEAK);
    CHECK_ERR(mk_thread_depress_abort(depressed), MK_E_BAD_STATE);
    join(aborter);
    CHECK_OK(mk_right_release(depressed));
}

/* SWITCH0050: a wait in mk_thread_switch ends by its deadline, or by abort. */
static void wait_main(void *arg)
{
    *(mk_err_t *)arg = mk_thread_switch(MK_NAME_NULL, MK_SWITCH_WAIT, MK_TIME_FOREVER);
}

MKT_TEST(SWITCH0050)
{
    (void)arg;
    mk_time_t deadline = mk_time_now() + MK_SEC;
    CHECK_OK(mk_thread_switch(MK_NAME_NULL, MK_SWITCH_WAIT, deadline));
    CHECK(mk_time_now() >= deadline);
    mk_err_t err = MK_OK;
    mk_name_t thread = thread_of("waiter", wait_main, &err, MK_PRIO_DEFAULT + 1);
    CHECK_OK(mk_thread_abort(thread));
    join(thread);
    CHECK(err == MK_E_ABORTED);
}

/* SWITCH0060: bad arguments change nothing. */
MKT_TEST(SWITCH0060)
{
    (void)arg;
    CHECK_ERR(mk_thread_switch(mk_thread_self(), MK_SWITCH_NONE, 0), MK_E_BAD_ARGUMENT);
    CHECK_ERR(mk_thread_switch(MK_NAME_NULL, (enum mk_switch)3, 0), MK_E_BAD_ARGUMENT);
    CHECK_ERR(mk_thread_switch(MK_NAME_NULL, MK_SWITCH_WAIT, -1), MK_E_BAD_ARGUMENT);
    CHECK_ERR(mk_thread_switch(mkt_port(), MK_SWITCH_NONE, 0), MK_E_BAD_RIGHT);
    CHECK_ERR(mk_thread_switch(stale_name(), MK_SWITCH_NONE, 0), MK_E_BAD_NAME);
    CHECK_ERR(mk_thread_depress_abort(mk_thread_self()), MK_E_BAD_STATE);
}

/* SWITCH0070: outside a machine both calls say so. */
static void SWITCH0070(void **state)
{
    (void)state;
    assert_int_equal(mk_thread_switch(1, MK_SWITCH_NONE, 0), MK_E_NOT_IN_MACHINE);
    assert_int_equal(mk_thread_depress_abort(1), MK_E_NOT_IN_MACHINE);
}

/* ---- Pintos' tests of priority donation (src/tests/threads), with a port in the place of each lock ---- */

/* The holder of a lock is who received from its port last; who wants it calls. */
static void hold(mk_name_t lock)
{
    struct mk_msg msg = {.capacity = 0};
    CHECK_OK(mk_send(lock, &msg, MK_TIME_FOREVER));
    CHECK_OK(mk_receive(lock, &msg, MK_TIME_FOREVER));
}

/* To the first who wants it. */
static void give_back(mk_name_t lock)
{
    struct mk_msg msg = {.capacity = 0};
    CHECK_OK(mk_receive(lock, &msg, MK_TIME_FOREVER));
    CHECK_OK(mk_reply(&msg));
}

static int my_priority(void)
{
    struct mk_thread_info infos[16];
    size_t n;
    CHECK_OK(mk_machine_threads(NULL, infos, 16, &n));
    for (size_t i = 0; i < n; i++)
        if (infos[i].state == MK_THREAD_RUNNING)
            return infos[i].priority;
    return -1;
}

struct donor {
    mk_name_t holds, wants;
    int before, after; /* its priority when it has what it wants, and when it has given back what it holds */
};

static void donor_main(void *arg)
{
    struct donor *d = arg;
    struct mk_msg msg = {.capacity = 0};
    if (d->holds)
        hold(d->holds);
    CHECK_OK(mk_call(d->wants, &msg, MK_TIME_FOREVER));
    d->before = my_priority();
    if (d->holds)
        give_back(d->holds);
    d->after = my_priority();
}

static mk_name_t donor_start(struct donor *d, mk_name_t holds, mk_name_t wants, int priority)
{
    *d = (struct donor){.holds = holds, .wants = wants};
    return thread_of("donor", donor_main, d, priority);
}

/* LEND0300: priority-donate-chain: seven raise the holder to 3, 6, 9, ... 21; at the end each has its own again. */
MKT_TEST(LEND0300)
{
    (void)arg;
    static struct donor donors[8];
    mk_name_t locks[8], threads[8];
    for (int i = 0; i < 8; i++)
        locks[i] = mkt_port();
    hold(locks[0]);
    CHECK_OK(mk_thread_set_priority(mk_thread_self(), 0));
    for (int i = 1; i < 8; i++) {
        threads[i] = donor_start(&donors[i], i < 7 ? locks[i] : MK_NAME_NULL, locks[i - 1], 3 * i);
        CHECK(my_priority() == 3 * i);
    }
    give_back(locks[0]);
    CHECK(my_priority() == 0);
    for (int i = 1; i < 8; i++) {
        join(threads[i]);
        CHECK(donors[i].before == 21 && donors[i].after == 3 * i);
    }
}

/*
 * LEND0310: priority-donate-multiple: raised to 32 and 33 by two who want two locks, and back one by one. Only one port
 * can be the one that it received from last, so that it has the requests at hand.
 */
MKT_TEST(LEND0310)
{
    (void)arg;
    static struct donor at_a, at_b;
    struct mk_msg want_a = {.capacity = 0}, want_b = {.capacity = 0};
    mk_name_t a = mkt_port(), b = mkt_port();
    CHECK_OK(mk_thread_set_priority(mk_thread_self(), 31));
    mk_name_t thread_a = donor_start(&at_a, MK_NAME_NULL, a, 32);
    CHECK_OK(mk_receive(a, &want_a, MK_TIME_FOREVER));
    CHECK(my_priority() == 32);
    mk_name_t thread_b = donor_start(&at_b, MK_NAME_NULL, b, 33);
    CHECK_OK(mk_receive(b, &want_b, MK_TIME_FOREVER));
    CHECK(my_priority() == 33);
    CHECK_OK(mk_reply(&want_b));
    CHECK(my_priority() == 32 && at_b.after == 33 && !at_a.after);
    CHECK_OK(mk_reply(&want_a));
    CHECK(my_priority() == 31 && at_a.after == 32);
    join(thread_a);
    join(thread_b);
}

/* LEND0320: priority-donate-nest: 31 holds what 32 wants, who holds what 33 wants: 32, 33, and back to 31. */
MKT_TEST(LEND0320)
{
    (void)arg;
    static struct donor medium, high;
    mk_name_t a = mkt_port(), b = mkt_port();
    CHECK_OK(mk_thread_set_priority(mk_thread_self(), 31));
    hold(a);
    mk_name_t medium_thread = donor_start(&medium, b, a, 32);
    CHECK(my_priority() == 32);
    mk_name_t high_thread = donor_start(&high, MK_NAME_NULL, b, 33);
    CHECK(my_priority() == 33);
    give_back(a);
    CHECK(my_priority() == 31 && medium.before == 33 && medium.after == 32 && high.after == 33);
    join(medium_thread);
    join(high_thread);
}

static void lend_nothing(void *arg)
{
    static struct donor donor;
    mk_name_t lock = mkt_port();
    (void)arg;
    hold(lock);
    mk_name_t thread = donor_start(&donor, MK_NAME_NULL, lock, 40);
    CHECK(my_priority() == MK_PRIO_DEFAULT);
    give_back(lock);
    CHECK(donor.after == 40);
    join(thread);
}

/* LEND0330: in a machine without lending nobody's priority changes by a call. */
static void LEND0330(void **state)
{
    const struct mk_machine_config config = {.no_lending = true};
    struct mkt t;
    (void)state;
    mkt_begin(&t, &config);
    mkt_spawn(&t, "test", lend_nothing, NULL, false);
    mkt_run_all(&t);
    mkt_finish(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(LEND0010),   cmocka_unit_test(LEND0020),   cmocka_unit_test(LEND0030),
        cmocka_unit_test(LEND0040),   cmocka_unit_test(LEND0050),   cmocka_unit_test(LEND0060),
        cmocka_unit_test(LEND0070),   cmocka_unit_test(LEND0080),   cmocka_unit_test(LEND0090),
        cmocka_unit_test(LEND0100),   cmocka_unit_test(LEND0110),   cmocka_unit_test(LEND0120),
        cmocka_unit_test(LEND0130),   cmocka_unit_test(LEND0140),   cmocka_unit_test(SWITCH0010),
        cmocka_unit_test(SWITCH0020), cmocka_unit_test(SWITCH0030), cmocka_unit_test(SWITCH0040),
        cmocka_unit_test(SWITCH0050), cmocka_unit_test(SWITCH0060), cmocka_unit_test(SWITCH0070),
        cmocka_unit_test(LEND0300),   cmocka_unit_test(LEND0310),   cmocka_unit_test(LEND0320),
        cmocka_unit_test(LEND0330),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
