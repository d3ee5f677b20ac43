/* SPDX-License-Identifier: BSD-2-Clause */
/* Threads: creation, scheduling order, suspend, abort, terminate, join. */
#include "helpers.h"

/* What happened, a letter each; threads of a test write it in turn. */
static char order[128];
static unsigned nr_order;

static void note(char c)
{
    if (nr_order < sizeof(order) - 1)
        order[nr_order++] = c;
    order[nr_order] = '\0';
}

static void forget(void)
{
    nr_order = 0;
    order[0] = '\0';
}

static void note_arg(void *arg)
{
    note(*(const char *)arg);
}

static void note_thrice(void *arg)
{
    for (int i = 0; i < 3; i++) {
        note(*(const char *)arg);
        mk_thread_yield();
    }
}

static void sleep_for_ever(void *arg)
{
    mk_err_t *err = arg;
    *err = mk_time_sleep(MK_TIME_FOREVER);
}

static mk_name_t letter(void (*entry)(void *), const char *c, int priority)
{
    return thread_of(c, entry, (void *)(uintptr_t)c, priority);
}

/* THREAD0010: a new thread of equal strength runs when the creator lets it, in order of creation. */
MKT_TEST(THREAD0010)
{
    (void)arg;
    forget();
    letter(note_arg, "a", 0);
    letter(note_arg, "b", 0);
    mk_name_t last = letter(note_arg, "c", 0);
    note('m');
    CHECK_OK(mk_thread_join(last, MK_TIME_FOREVER));
    CHECK(strcmp(order, "mabc") == 0);
}

/* THREAD0020: a stronger thread runs at once, a weaker one when nothing stronger can. */
MKT_TEST(THREAD0020)
{
    (void)arg;
    forget();
    mk_name_t weak = letter(note_arg, "w", MK_PRIO_DEFAULT - 1);
    letter(note_arg, "s", MK_PRIO_DEFAULT + 1);
    note('m');
    mk_thread_yield();
    note('m');
    CHECK_OK(mk_thread_join(weak, MK_TIME_FOREVER));
    CHECK(strcmp(order, "smmw") == 0);
}

/* THREAD0030: of many ready threads the strongest runs first, equals in the order in which they became ready. */
MKT_TEST(THREAD0030)
{
    (void)arg;
    forget();
    letter(note_arg, "a", 10);
    letter(note_arg, "b", 20);
    letter(note_arg, "c", 10);
    letter(note_arg, "d", 31);
    letter(note_arg, "e", 20);
    mk_name_t last = letter(note_arg, "f", 1);
    CHECK_OK(mk_thread_join(last, MK_TIME_FOREVER));
    CHECK(strcmp(order, "dbeacf") == 0);
}

/* THREAD0040: mk_thread_yield lets every equal run once, and no weaker one. */
MKT_TEST(THREAD0040)
{
    (void)arg;
    forget();
    letter(note_thrice, "a", 0);
    letter(note_thrice, "b", 0);
    mk_name_t weak = letter(note_arg, "w", 1);
    for (int i = 0; i < 4; i++) {
        note('m');
        mk_thread_yield();
    }
    CHECK_OK(mk_thread_join(weak, MK_TIME_FOREVER));
    CHECK(strcmp(order, "mabmabmabmw") == 0);
}

static void spend_noting(void *arg)
{
    for (int i = 0; i < 6; i++) {
        CHECK_OK(mk_time_spend(4 * MK_MSEC));
        note(*(const char *)arg);
    }
}

static void rotate(void *arg)
{
    (void)arg;
    letter(spend_noting, "a", 20);
    letter(spend_noting, "b", 20);
    mk_name_t last = letter(spend_noting, "c", 20);
    CHECK_OK(mk_thread_join(last, MK_TIME_FOREVER));
}

/* THREAD0050: equals rotate by the quantum of 10 ms, exactly: a burst that ends with it returns first. */
static void THREAD0050(void **state)
{
    (void)state;
    static const struct mk_costs costs;
    const struct mk_machine_config config = {.costs = &costs};
    struct mkt t;
    forget();
    mkt_begin(&t, &config);
    mkt_spawn(&t, "test", rotate, NULL, false);
    mkt_run_all(&t);
    mkt_finish(&t);
    assert_string_equal(order, "aabbccaaabbbcccabc");
}

static void wake_twice(void *arg)
{
    for (int i = 0; i < 2; i++) {
        CHECK_OK(mk_time_sleep(*(const mk_time_t *)arg + (i + 1) * 3 * MK_MSEC));
        note('S');
    }
}

static void spend_in_steps(void *arg)
{
    for (int i = 0; i < 9; i++) {
        CHECK_OK(mk_time_spend(MK_MSEC));
        note(*(const char *)arg);
    }
}

/* THREAD0060: a thread taken off the CPU by a stronger one goes on before its equals, with the rest of its quantum. */
MKT_TEST(THREAD0060)
{
    (void)arg;
    forget();
    mk_time_t start = mk_time_now();
    thread_of("S", wake_twice, &start, 40);
    letter(spend_in_steps, "a", 20);
    mk_name_t last = letter(spend_in_steps, "b", 20);
    CHECK_OK(mk_thread_join(last, MK_TIME_FOREVER));
    CHECK(nr_order == 20 && memcmp(order + 11, "bbbbbbbbb", 9) == 0);
    CHECK(strchr(order, 'S') < strchr(order, 'b'));
}

/* THREAD0070: a stronger thread whose timer comes takes the CPU in the middle of a burst. */
MKT_TEST(THREAD0070)
{
    (void)arg;
    forget();
    mk_time_t start = mk_time_now();
    mk_name_t strong = thread_of("S", wake_twice, &start, 40);
    CHECK_OK(mk_time_spend(20 * MK_MSEC));
    note('m');
    CHECK(strcmp(order, "SSm") == 0);
    join(strong);
}

/* THREAD0080: raising a ready thread above oneself lets it run at once; lowering oneself too. */
MKT_TEST(THREAD0080)
{
    (void)arg;
    forget();
    mk_name_t a = letter(note_arg, "a", 10), b = letter(note_arg, "b", 10);
    note('1');
    CHECK_OK(mk_thread_set_priority(b, 50));
    note('2');
    CHECK_OK(mk_thread_set_priority(mk_thread_self(), 5));
    note('3');
    CHECK(strcmp(order, "1b2a3") == 0);
    CHECK_OK(mk_thread_join(a, MK_TIME_POLL));
}

/* THREAD0090: priorities outside 0 to MK_PRIO_MAX are refused and change nothing. */
MKT_TEST(THREAD0090)
{
    (void)arg;
    mk_err_t err;
    mk_name_t thread = thread_of("t", sleep_for_ever, &err, 0);
    CHECK_ERR(mk_thread_set_priority(thread, -1), MK_E_BAD_ARGUMENT);
    CHECK_ERR(mk_thread_set_priority(thread, MK_PRIO_MAX + 1), MK_E_BAD_ARGUMENT);
    CHECK(thread_info("t").priority == MK_PRIO_DEFAULT);
    CHECK_OK(mk_thread_set_priority(thread, MK_PRIO_MIN));
    CHECK(thread_info("t").priority == MK_PRIO_MIN && thread_info("t").base_priority == MK_PRIO_MIN);
    CHECK_OK(mk_thread_set_priority(thread, MK_PRIO_MAX));
    CHECK(thread_info("t").priority == MK_PRIO_MAX);
    CHECK_OK(mk_thread_terminate(thread));
}

/* THREAD0100: the errors of mk_thread_create; nothing is made. */
MKT_TEST(THREAD0100)
{
    (void)arg;
    mk_name_t self = mk_task_self(), thread;
    char c = 'x';
    const struct mk_thread_attr good = {.entry = note_arg, .arg = &c};
    struct mk_thread_attr attr;
    struct snap before;
    struct mk_machine_stats stats;
    forget();
    snap_take(&before);
    attr = good, attr.entry = NULL;
    CHECK_ERR(mk_thread_create(self, &attr, &thread), MK_E_BAD_ARGUMENT);
    attr = good, attr.priority = MK_PRIO_MAX + 1;
    CHECK_ERR(mk_thread_create(self, &attr, &thread), MK_E_BAD_ARGUMENT);
    attr = good, attr.priority = -1;
    CHECK_ERR(mk_thread_create(self, &attr, &thread), MK_E_BAD_ARGUMENT);
    attr = good, attr.stack_size = 4096;
    CHECK_ERR(mk_thread_create(self, &attr, &thread), MK_E_BAD_ARGUMENT);
    attr = good, attr.stack_size = (size_t)MK_STACK_MAX + 1;
    CHECK_ERR(mk_thread_create(self, &attr, &thread), MK_E_BAD_ARGUMENT);
    attr = good, attr.stack_size = SIZE_MAX;
    CHECK_ERR(mk_thread_create(self, &attr, &thread), MK_E_BAD_ARGUMENT);
    attr = good, attr.label = "a label of thirty-two bytes, bad";
    CHECK_ERR(mk_thread_create(self, &attr, &thread), MK_E_TOO_LONG);
    attr = good, attr.label = (const char *)16;
    CHECK_ERR(mk_thread_create(self, &attr, &thread), MK_E_BAD_ADDRESS);
    CHECK_ERR(mk_thread_create(self, NULL, &thread), MK_E_BAD_ADDRESS);
    CHECK_ERR(mk_thread_create(self, &good, (mk_name_t *)16), MK_E_BAD_ADDRESS);
    CHECK_OK(mk_machine_stats(NULL, &stats));
    CHECK(stats.nr_threads == 1 && snap_is_same(&before));
    mk_thread_yield();
    CHECK(nr_order == 0);
}

/* THREAD0110: without a place for it no right to a new thread is made. */
MKT_TEST(THREAD0110)
{
    (void)arg;
    forget();
    const struct mk_thread_attr attr = {.entry = note_arg, .arg = (void *)(uintptr_t) "n"};
    struct snap before;
    mk_name_t self = mk_task_self();
    snap_take(&before);
    CHECK_OK(mk_thread_create(self, &attr, NULL));
    CHECK(snap_is_same(&before));
    mk_thread_yield();
    CHECK(strcmp(order, "n") == 0);
}

static char *touch(volatile char *buffer, size_t size)
{
    for (size_t i = 0; i < size; i += 1024)
        buffer[i] = (char)i;
    return (char *)(uintptr_t)buffer;
}

static void use_stack(void *arg)
{
    char buffer[700000];
    *(bool *)arg = touch(buffer, sizeof(buffer)) == buffer;
}

/* THREAD0120: a thread has the stack that it asked for, from MK_STACK_MIN to MK_STACK_MAX. */
MKT_TEST(THREAD0120)
{
    (void)arg;
    bool is_done = false;
    mk_name_t thread;
    struct mk_thread_attr attr = {.entry = use_stack, .arg = &is_done, .stack_size = 1 << 20};
    CHECK_OK(mk_thread_create(mk_task_self(), &attr, &thread));
    join(thread);
    CHECK(is_done);
    forget();
    attr = (struct mk_thread_attr){.entry = note_arg, .arg = (void *)(uintptr_t) "s", .stack_size = MK_STACK_MIN};
    CHECK_OK(mk_thread_create(mk_task_self(), &attr, &thread));
    join(thread);
    attr.stack_size = MK_STACK_MAX;
    CHECK_OK(mk_thread_create(mk_task_self(), &attr, &thread));
    join(thread);
    CHECK(strcmp(order, "ss") == 0);
}

static void keep_self(void *arg)
{
    *(mk_name_t *)arg = mk_thread_self();
    CHECK(mk_thread_self() == *(mk_name_t *)arg);
}

/* THREAD0130: mk_thread_self is one name, the same as the creator's right to it in the same task. */
MKT_TEST(THREAD0130)
{
    (void)arg;
    mk_name_t self = MK_NAME_NULL, thread = mkt_thread(keep_self, &self);
    mk_thread_yield();
    CHECK(self == thread && mk_thread_self() != thread);
    mk_name_t mine = mk_thread_self();
    CHECK(mkt_refs(mine) == 1 && mkt_type(mine) == MK_RIGHT_SEND);
    CHECK_OK(mk_right_release(mine));
    CHECK(mk_thread_self() != MK_NAME_NULL);
}

/* THREAD0140: a thread that starts suspended runs when it is resumed. */
MKT_TEST(THREAD0140)
{
    (void)arg;
    forget();
    const struct mk_thread_attr attr = {
        .entry = note_arg, .arg = (void *)(uintptr_t) "x", .label = "x", .suspended = true};
    mk_name_t thread;
    CHECK_OK(mk_thread_create(mk_task_self(), &attr, &thread));
    mk_thread_yield();
    CHECK(nr_order == 0 && thread_info("x").state == MK_THREAD_SUSPENDED && thread_info("x").suspend_count == 1);
    CHECK_OK(mk_thread_resume(thread));
    mk_thread_yield();
    CHECK(strcmp(order, "x") == 0);
}

/* THREAD0150: suspend counts add up; resume at 0 is refused. */
MKT_TEST(THREAD0150)
{
    (void)arg;
    forget();
    mk_name_t thread = letter(note_arg, "x", 0);
    CHECK_ERR(mk_thread_resume(thread), MK_E_BAD_STATE);
    for (int i = 0; i < 3; i++)
        CHECK_OK(mk_thread_suspend(thread));
    for (int i = 0; i < 3; i++) {
        mk_thread_yield();
        CHECK(nr_order == 0);
        CHECK_OK(mk_thread_resume(thread));
    }
    CHECK_ERR(mk_thread_resume(thread), MK_E_BAD_STATE);
    mk_thread_yield();
    CHECK(strcmp(order, "x") == 0);
}

static void suspend_self(void *arg)
{
    (void)arg;
    note('1');
    CHECK_OK(mk_thread_suspend(mk_thread_self()));
    note('2');
}

/* THREAD0160: a thread that suspends itself stops there, and goes on where it was. */
MKT_TEST(THREAD0160)
{
    (void)arg;
    forget();
    mk_name_t thread = mkt_thread(suspend_self, NULL);
    mk_thread_yield();
    mk_thread_yield();
    CHECK(strcmp(order, "1") == 0);
    CHECK_OK(mk_thread_resume(thread));
    mk_thread_yield();
    CHECK(strcmp(order, "12") == 0);
}

static void sleep_and_note(void *arg)
{
    CHECK_OK(mk_time_sleep(*(const mk_time_t *)arg));
    note('w');
}

/* THREAD0170: a thread suspended while it sleeps does not run when its time comes, but when it is resumed. */
MKT_TEST(THREAD0170)
{
    (void)arg;
    forget();
    mk_time_t wake = mk_time_now() + MK_MSEC;
    mk_name_t thread = mkt_thread(sleep_and_note, &wake);
    mk_thread_yield();
    CHECK_OK(mk_thread_suspend(thread));
    CHECK_OK(mk_time_sleep(wake + MK_MSEC));
    CHECK(nr_order == 0);
    CHECK_OK(mk_thread_resume(thread));
    join(thread);
    CHECK(strcmp(order, "w") == 0);
}

/* THREAD0180: a suspended receiver is given its message, and sees it when it is resumed. */
MKT_TEST(THREAD0180)
{
    (void)arg;
    mk_name_t port = mkt_port();
    struct receiver r = {.receive = port, .deadline = MK_TIME_FOREVER};
    mk_name_t thread = mkt_thread(receiver_main, &r);
    mk_thread_yield();
    CHECK_OK(mk_thread_suspend(thread));
    CHECK_OK(send_id(port, 5));
    mk_thread_yield();
    CHECK(!r.is_done);
    CHECK_OK(mk_thread_resume(thread));
    join(thread);
    CHECK(r.err == MK_OK && r.msg.id == 5);
}

enum { W_SLEEP, W_RECEIVE, W_SEND, W_CALL, W_JOIN, W_TASK, NR_WAITS };

struct wait {
    int kind;
    mk_name_t port, full, thread, task;
    mk_err_t err;
    bool is_done;
};

static void wait_main(void *arg)
{
    struct wait *w = arg;
    struct mk_msg msg = {.id = 1};
    switch (w->kind) {
    case W_SLEEP:
        w->err = mk_time_sleep(MK_TIME_FOREVER);
        break;
    case W_RECEIVE:
        w->err = mk_receive(w->port, &msg, MK_TIME_FOREVER);
        break;
    case W_SEND:
        w->err = mk_send(w->full, &msg, MK_TIME_FOREVER);
        break;
    case W_CALL:
        w->err = mk_call(w->port, &msg, MK_TIME_FOREVER);
        break;
    case W_JOIN:
        w->err = mk_thread_join(w->thread, MK_TIME_FOREVER);
        break;
    default:
        w->err = mk_task_wait(w->task, NULL, MK_TIME_FOREVER);
        break;
    }
    w->is_done = true;
}

/* A thread in a wait of this kind. */
static mk_name_t blocked(struct wait *w, int kind)
{
    mk_name_t full = mkt_port();
    CHECK_OK(mk_port_set_limit(full, 0));
    *w = (struct wait){.kind = kind, .port = mkt_port(), .full = full, .thread = mk_thread_self()};
    CHECK_OK(mk_task_create("t", &w->task));
    mk_name_t thread = thread_of("waiter", wait_main, w, 0);
    mk_thread_yield();
    CHECK(!w->is_done);
    return thread;
}

static const enum mk_wait wait_names[NR_WAITS] = {MK_WAIT_SLEEP, MK_WAIT_RECEIVE, MK_WAIT_SEND,
                                                  MK_WAIT_REPLY, MK_WAIT_THREAD,  MK_WAIT_TASK};

/* THREAD0190: abort works in every kind of wait and says MK_E_ABORTED to the waiter. */
MKT_TEST(THREAD0190)
{
    (void)arg;
    for (int kind = 0; kind < NR_WAITS; kind++) {
        struct wait w;
        mk_name_t thread = blocked(&w, kind);
        CHECK_OK(mk_thread_abort(thread));
        CHECK_ERR(mk_thread_abort(thread), MK_E_BAD_STATE);
        join(thread);
        CHECK_ERR(w.err, MK_E_ABORTED);
        CHECK_OK(mk_task_terminate(w.task, 0));
    }
}

/* THREAD0200: terminate ends a thread in every kind of wait; it does not run again and leaves nothing. */
MKT_TEST(THREAD0200)
{
    (void)arg;
    for (int kind = 0; kind < NR_WAITS; kind++) {
        struct wait w;
        struct mk_machine_stats stats;
        mk_name_t thread = blocked(&w, kind);
        CHECK_OK(mk_thread_terminate(thread));
        CHECK_OK(mk_thread_join(thread, MK_TIME_POLL));
        mk_thread_yield();
        CHECK_OK(mk_machine_stats(NULL, &stats));
        CHECK(!w.is_done && stats.nr_threads == 1);
        CHECK_OK(mk_task_terminate(w.task, 0));
        CHECK_OK(mk_port_destroy(w.port));
        CHECK_OK(mk_port_destroy(w.full));
        CHECK_OK(mk_machine_audit(NULL));
    }
}

/* THREAD0210: listings tell in which wait a thread is. */
MKT_TEST(THREAD0210)
{
    (void)arg;
    for (int kind = 0; kind < NR_WAITS; kind++) {
        struct wait w;
        mk_name_t thread = blocked(&w, kind);
        struct mk_thread_info info = thread_info("waiter");
        struct mk_right_info port, full;
        CHECK_OK(mk_right_info(w.port, &port));
        CHECK_OK(mk_right_info(w.full, &full));
        CHECK(info.state == MK_THREAD_BLOCKED && info.wait == wait_names[kind] && info.deadline == MK_TIME_FOREVER);
        CHECK(info.wait_port == (kind == W_SEND ? full.port : kind == W_RECEIVE || kind == W_CALL ? port.port : 0));
        CHECK(kind != W_JOIN || info.wait_thread == 1);
        CHECK(kind != W_SEND || info.wait_task == mk_task_id());
        CHECK_OK(mk_thread_terminate(thread));
        CHECK_OK(mk_right_release(thread));
        CHECK_OK(mk_task_terminate(w.task, 0));
    }
}

/* THREAD0220: a thread that does not wait cannot be aborted: ready, suspended, or the caller itself. */
MKT_TEST(THREAD0220)
{
    (void)arg;
    forget();
    mk_name_t thread = letter(note_arg, "x", 0);
    CHECK_ERR(mk_thread_abort(thread), MK_E_BAD_STATE);
    CHECK_OK(mk_thread_suspend(thread));
    CHECK_ERR(mk_thread_abort(thread), MK_E_BAD_STATE);
    CHECK_OK(mk_thread_resume(thread));
    CHECK_ERR(mk_thread_abort(mk_thread_self()), MK_E_BAD_STATE);
    join(thread);
    CHECK(strcmp(order, "x") == 0);
}

/* THREAD0230: a suspended thread that waits can be aborted; it sees it when it is resumed. */
MKT_TEST(THREAD0230)
{
    (void)arg;
    struct wait w;
    mk_name_t thread = blocked(&w, W_RECEIVE);
    CHECK_OK(mk_thread_suspend(thread));
    CHECK_OK(mk_thread_abort(thread));
    mk_thread_yield();
    CHECK(!w.is_done);
    CHECK_OK(mk_thread_resume(thread));
    join(thread);
    CHECK_ERR(w.err, MK_E_ABORTED);
    CHECK_OK(mk_task_terminate(w.task, 0));
}

/* THREAD0240: join by its deadline; with a thread that ended it need not wait. */
MKT_TEST(THREAD0240)
{
    (void)arg;
    mk_err_t err;
    mk_name_t thread = mkt_thread(sleep_for_ever, &err);
    CHECK_ERR(mk_thread_join(thread, MK_TIME_POLL), MK_E_WOULD_BLOCK);
    CHECK_ERR(mk_thread_join(thread, 1), MK_E_TIMED_OUT);
    CHECK_ERR(mk_thread_join(thread, -1), MK_E_BAD_ARGUMENT);
    mk_time_t deadline = mk_time_now() + MK_MSEC;
    CHECK_ERR(mk_thread_join(thread, deadline), MK_E_TIMED_OUT);
    CHECK(mk_time_now() >= deadline);
    CHECK_ERR(mk_thread_join(mk_thread_self(), MK_TIME_FOREVER), MK_E_BAD_STATE);
    CHECK_OK(mk_thread_terminate(thread));
    CHECK_OK(mk_thread_join(thread, MK_TIME_POLL));
    CHECK(mkt_type(thread) == MK_RIGHT_DEAD_NAME);
}

/* THREAD0250: calls on a thread refuse names that are no thread, and a thread that ended. */
MKT_TEST(THREAD0250)
{
    (void)arg;
    forget();
    mk_name_t ended = letter(note_arg, "x", 40), port = mkt_port();
    const struct {
        mk_name_t name;
        mk_err_t err;
    } bad[] = {{MK_NAME_NULL, MK_E_BAD_NAME},
               {stale_name(), MK_E_BAD_NAME},
               {port, MK_E_BAD_RIGHT},
               {mk_task_self(), MK_E_BAD_RIGHT},
               {ended, MK_E_DEAD}};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        CHECK_ERR(mk_thread_suspend(bad[i].name), bad[i].err);
        CHECK_ERR(mk_thread_resume(bad[i].name), bad[i].err);
        CHECK_ERR(mk_thread_abort(bad[i].name), bad[i].err);
        CHECK_ERR(mk_thread_terminate(bad[i].name), bad[i].err);
        CHECK_ERR(mk_thread_set_priority(bad[i].name, 3), bad[i].err);
        CHECK_ERR(mk_thread_join(bad[i].name, MK_TIME_POLL), bad[i].err == MK_E_DEAD ? MK_OK : bad[i].err);
    }
}

/* THREAD0260: everybody who joins a thread is woken when it ends. */
MKT_TEST(THREAD0260)
{
    (void)arg;
    mk_err_t err;
    struct wait w[3];
    mk_name_t thread = mkt_thread(sleep_for_ever, &err), joiners[3];
    for (int i = 0; i < 3; i++) {
        w[i] = (struct wait){.kind = W_JOIN, .thread = thread};
        joiners[i] = mkt_thread(wait_main, &w[i]);
    }
    mk_thread_yield();
    CHECK_OK(mk_thread_terminate(thread));
    for (int i = 0; i < 3; i++) {
        join(joiners[i]);
        CHECK_ERR(w[i].err, MK_OK);
    }
}

static void terminate_self(void *arg)
{
    (void)arg;
    note('1');
    CHECK_OK(mk_thread_terminate(mk_thread_self()));
    note('2');
}

/* THREAD0270: a thread that terminates itself does not return, and its task goes on with the others. */
MKT_TEST(THREAD0270)
{
    (void)arg;
    forget();
    join(mkt_thread(terminate_self, NULL));
    CHECK(strcmp(order, "1") == 0);
}

/* THREAD0280: a thread that is ready or suspended and terminated never runs. */
MKT_TEST(THREAD0280)
{
    (void)arg;
    forget();
    mk_name_t a = letter(note_arg, "a", 0), b = letter(note_arg, "b", 0);
    CHECK_OK(mk_thread_suspend(b));
    CHECK_OK(mk_thread_terminate(a));
    CHECK_OK(mk_thread_terminate(b));
    mk_thread_yield();
    CHECK(nr_order == 0 && thread_info("").nr_switches >= 1);
}

/* THREAD0290: thousands of threads come and go, and their places are used again. */
MKT_TEST(THREAD0290)
{
    (void)arg;
    struct mk_machine_stats before, after;
    static const char c = 'x';
    for (int i = 0; i < 5000; i++) {
        if (i == 1000)
            CHECK_OK(mk_machine_stats(NULL, &before));
        join(mkt_thread(note_arg, (void *)(uintptr_t)&c));
    }
    CHECK_OK(mk_machine_stats(NULL, &after));
    CHECK(after.nr_threads == 1 && after.kernel_memory == before.kernel_memory);
}

static void spend_5ms(void *arg)
{
    (void)arg;
    CHECK_OK(mk_time_spend(5 * MK_MSEC));
    CHECK_OK(mk_thread_suspend(mk_thread_self()));
}

/* THREAD0300: a thread's listing tells its times: created, first run, run time, ready time and switches. */
MKT_TEST(THREAD0300)
{
    (void)arg;
    mk_time_t created = mk_time_now();
    mk_name_t thread = thread_of("w", spend_5ms, NULL, 20);
    CHECK(thread_info("w").first_run == -1 && thread_info("w").state == MK_THREAD_READY);
    CHECK_OK(mk_time_spend(3 * MK_MSEC));
    CHECK_OK(mk_time_sleep(mk_time_now() + MK_SEC));
    struct mk_thread_info info = thread_info("w");
    CHECK(info.created >= created && info.first_run >= created + 3 * MK_MSEC && info.nr_preempted == 0);
    CHECK(info.run_time >= 5 * MK_MSEC && info.run_time < 5 * MK_MSEC + 10 * MK_USEC);
    CHECK(info.ready_time >= 3 * MK_MSEC && info.ready_time < 3 * MK_MSEC + 10 * MK_USEC);
    CHECK(info.nr_switches == 1 && info.state == MK_THREAD_SUSPENDED);
    CHECK_OK(mk_thread_terminate(thread));
}

static void strong_receiver(void *arg)
{
    struct mk_msg msg = {.capacity = 0};
    CHECK_OK(mk_receive(*(const mk_name_t *)arg, &msg, MK_TIME_FOREVER));
    note('r');
}

/* THREAD0310: a message that wakes a stronger thread lets it run before the sender goes on. */
MKT_TEST(THREAD0310)
{
    (void)arg;
    forget();
    mk_name_t port = mkt_port();
    thread_of("r", strong_receiver, &port, 40);
    note('s');
    CHECK_OK(send_id(port, 1));
    note('s');
    CHECK(strcmp(order, "srs") == 0);
}

/* THREAD0320: resuming a stronger thread lets it run before the caller goes on. */
MKT_TEST(THREAD0320)
{
    (void)arg;
    forget();
    const struct mk_thread_attr attr = {
        .entry = note_arg, .arg = (void *)(uintptr_t) "x", .priority = 40, .suspended = true};
    mk_name_t thread;
    CHECK_OK(mk_thread_create(mk_task_self(), &attr, &thread));
    note('1');
    CHECK_OK(mk_thread_resume(thread));
    note('2');
    CHECK(strcmp(order, "1x2") == 0);
}

static void crash(void *arg)
{
    *(volatile int *)arg = 1;
}

static void crash_inside(void *arg)
{
    (void)arg;
    int code = 0;
    mk_name_t task = task_of("crasher", crash, (void *)32);
    CHECK_OK(mk_task_wait(task, &code, MK_TIME_FOREVER));
    CHECK(code != 0);
}

/*
 * THREAD0330: a thread that touches bad memory ends its task only, with an exit code that is not 0; the log says
 * where.
 */
static void THREAD0330(void **state)
{
    (void)state;
    struct mkt t;
    mkt_begin(&t, NULL);
    t.expects_log = true;
    mkt_spawn(&t, "test", crash_inside, NULL, false);
    mkt_run_all(&t);
    assert_non_null(strstr(t.log, "crasher"));
    mkt_finish(&t);
}

/* THREAD0335: a thread that a yield gives the CPU to, after its call ended badly, is told so. */
MKT_TEST(THREAD0335)
{
    (void)arg;
    static mk_name_t ports[100]; /* names to spare, so that calls take the short way */
    for (size_t i = 0; i < COUNT_OF(ports); i++)
        CHECK_OK(mk_port_create(&ports[i]));
    for (size_t i = 0; i < COUNT_OF(ports); i++)
        CHECK_OK(mk_port_destroy(ports[i]));
    mk_name_t port = mkt_port();
    struct caller c = {.dest = port, .deadline = MK_TIME_FOREVER};
    struct mk_msg msg = {.capacity = 0};
    mk_name_t thread = thread_of("caller", caller_main, &c, 0);
    CHECK_OK(mk_receive(port, &msg, MK_TIME_FOREVER));
    CHECK_OK(mk_right_release(msg.reply));
    mk_thread_yield();
    CHECK(c.is_done && c.err == MK_E_DEAD);
    join(thread);
}

/* THREAD0340: outside a machine every call says so. */
static void THREAD0340(void **state)
{
    (void)state;
    const struct mk_thread_attr attr = {.entry = note_arg};
    mk_name_t name;
    assert_int_equal(mk_thread_self(), MK_NAME_NULL);
    assert_int_equal(mk_thread_create(1, &attr, &name), MK_E_NOT_IN_MACHINE);
    assert_int_equal(mk_thread_terminate(1), MK_E_NOT_IN_MACHINE);
    assert_int_equal(mk_thread_join(1, 0), MK_E_NOT_IN_MACHINE);
    assert_int_equal(mk_thread_suspend(1), MK_E_NOT_IN_MACHINE);
    assert_int_equal(mk_thread_resume(1), MK_E_NOT_IN_MACHINE);
    assert_int_equal(mk_thread_abort(1), MK_E_NOT_IN_MACHINE);
    assert_int_equal(mk_thread_set_priority(1, 1), MK_E_NOT_IN_MACHINE);
    mk_thread_yield();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(THREAD0010), cmocka_unit_test(THREAD0020), cmocka_unit_test(THREAD0030),
        cmocka_unit_test(THREAD0040), cmocka_unit_test(THREAD0050), cmocka_unit_test(THREAD0060),
        cmocka_unit_test(THREAD0070), cmocka_unit_test(THREAD0080), cmocka_unit_test(THREAD0090),
        cmocka_unit_test(THREAD0100), cmocka_unit_test(THREAD0110), cmocka_unit_test(THREAD0120),
        cmocka_unit_test(THREAD0130), cmocka_unit_test(THREAD0140), cmocka_unit_test(THREAD0150),
        cmocka_unit_test(THREAD0160), cmocka_unit_test(THREAD0170), cmocka_unit_test(THREAD0180),
        cmocka_unit_test(THREAD0190), cmocka_unit_test(THREAD0200), cmocka_unit_test(THREAD0210),
        cmocka_unit_test(THREAD0220), cmocka_unit_test(THREAD0230), cmocka_unit_test(THREAD0240),
        cmocka_unit_test(THREAD0250), cmocka_unit_test(THREAD0260), cmocka_unit_test(THREAD0270),
        cmocka_unit_test(THREAD0280), cmocka_unit_test(THREAD0290), cmocka_unit_test(THREAD0300),
        cmocka_unit_test(THREAD0310), cmocka_unit_test(THREAD0320), cmocka_unit_test(THREAD0330),
        cmocka_unit_test(THREAD0335), cmocka_unit_test(THREAD0340),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
