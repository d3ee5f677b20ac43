/* SPDX-License-Identifier: BSD-2-Clause */
/* Tasks: birth, special ports, waiting, ending. */
#include "helpers.h"

static int shared; /* between tasks of one test */

static void nothing(void *arg)
{
    (void)arg;
}

static void exit_with(void *arg)
{
    mk_task_exit(*(const int *)arg);
}

static void sleep_for_ever(void *arg)
{
    (void)arg;
    CHECK_ERR(mk_time_sleep(MK_TIME_FOREVER), MK_E_ABORTED);
}

static struct mk_task_info task_info(const char *label)
{
    static struct mk_task_info infos[300];
    size_t n;
    CHECK_OK(mk_machine_tasks(NULL, infos, 300, &n));
    for (size_t i = 0; i < n && i < 300; i++)
        if (strcmp(infos[i].label, label) == 0)
            return infos[i];
    return (struct mk_task_info){.id = 0};
}

/* TASK0010: mk_task_self is one name with one user reference, and comes back when it was released. */
MKT_TEST(TASK0010)
{
    (void)arg;
    mk_name_t self = mk_task_self();
    CHECK(self != MK_NAME_NULL && mk_task_self() == self && mkt_refs(self) == 1 && mkt_type(self) == MK_RIGHT_SEND);
    CHECK_OK(mk_right_release(self));
    CHECK(mkt_type(self) == 0);
    mk_name_t again = mk_task_self();
    CHECK(again != MK_NAME_NULL && mkt_refs(again) == 1 && mk_task_self() == again);
}

/* TASK0020: a new task has no threads, the label it was given, one name, and a number of its own. */
MKT_TEST(TASK0020)
{
    (void)arg;
    mk_name_t task;
    CHECK_OK(mk_task_create("a label of thirty-one bytes, ok", &task));
    struct mk_task_info info = task_info("a label of thirty-one bytes, ok");
    CHECK(info.id != 0 && info.id != mk_task_id() && info.nr_threads == 0 && info.nr_names == 1 && !info.is_ended);
    CHECK(mkt_type(task) == MK_RIGHT_SEND && mkt_refs(task) == 1);
    CHECK_OK(mk_task_terminate(task, 0));
}

/* TASK0030: a label too long or unreadable is refused, and no task is left. */
MKT_TEST(TASK0030)
{
    (void)arg;
    mk_name_t task;
    struct snap before;
    size_t nr_before, nr_after;
    snap_take(&before);
    CHECK_OK(mk_machine_tasks(NULL, NULL, 0, &nr_before));
    CHECK_ERR(mk_task_create("a label of thirty-two bytes, bad", &task), MK_E_TOO_LONG);
    CHECK_ERR(mk_task_create((const char *)8, &task), MK_E_BAD_ADDRESS);
    CHECK_ERR(mk_task_create("task", NULL), MK_E_BAD_ADDRESS);
    CHECK_OK(mk_machine_tasks(NULL, NULL, 0, &nr_after));
    CHECK(nr_after == nr_before && snap_is_same(&before));
}

/* TASK0040: a child inherits every special port but the machine's control port. */
MKT_TEST(TASK0040)
{
    (void)arg;
    mk_name_t port = mkt_port(), child, got;
    for (int i = 0; i < MK_SPECIAL_MACHINE; i++)
        CHECK_OK(mk_task_set_special(mk_task_self(), (enum mk_special)i, port));
    CHECK_OK(mk_task_create("child", &child));
    for (int i = 0; i < MK_SPECIAL_MACHINE; i++) {
        CHECK_OK(mk_task_get_special(child, (enum mk_special)i, &got));
        CHECK(got == port);
    }
    CHECK(mkt_refs(port) == 1 + MK_SPECIAL_MACHINE && port_state(port).nr_send == 1 + 2 * MK_SPECIAL_MACHINE);
    CHECK_ERR(mk_task_get_special(child, MK_SPECIAL_MACHINE, &got), MK_E_NOT_FOUND);
    CHECK_OK(mk_task_get_special(mk_task_self(), MK_SPECIAL_MACHINE, &got));
    CHECK_OK(mk_task_terminate(child, 0));
    CHECK(port_state(port).nr_send == 1 + MK_SPECIAL_MACHINE);
}

/* TASK0050: a special port is set, got with its badge, replaced and cleared, with exact counts. */
MKT_TEST(TASK0050)
{
    (void)arg;
    mk_name_t port = mkt_port(), badged, got, self = mk_task_self();
    CHECK_OK(mk_right_make(port, MK_RIGHT_SEND, 5, &badged));
    CHECK_ERR(mk_task_get_special(self, MK_SPECIAL_REGISTERED_1, &got), MK_E_NOT_FOUND);
    CHECK_OK(mk_task_set_special(self, MK_SPECIAL_REGISTERED_1, badged));
    CHECK(mkt_refs(badged) == 1 && port_state(port).nr_send == 3);
    CHECK_OK(mk_task_get_special(self, MK_SPECIAL_REGISTERED_1, &got));
    CHECK(got == badged && mkt_refs(badged) == 2);
    CHECK_OK(mk_task_set_special(self, MK_SPECIAL_REGISTERED_1, port));
    CHECK_OK(mk_task_get_special(self, MK_SPECIAL_REGISTERED_1, &got));
    CHECK(got == port && mkt_refs(port) == 2);
    CHECK_OK(mk_task_set_special(self, MK_SPECIAL_REGISTERED_1, MK_NAME_NULL));
    CHECK_ERR(mk_task_get_special(self, MK_SPECIAL_REGISTERED_1, &got), MK_E_NOT_FOUND);
    CHECK(port_state(port).nr_send == 2);
}

/* TASK0060: special ports refuse unknown kinds and names that are no send right; what was set stays. */
MKT_TEST(TASK0060)
{
    (void)arg;
    mk_name_t port = mkt_port(), receive, got, self = mk_task_self();
    CHECK_OK(mk_port_create(&receive));
    CHECK_OK(mk_task_set_special(self, MK_SPECIAL_REGISTERED_0, port));
    CHECK_ERR(mk_task_set_special(self, MK_NR_SPECIALS, port), MK_E_BAD_ARGUMENT);
    CHECK_ERR(mk_task_set_special(self, (enum mk_special) - 1, port), MK_E_BAD_ARGUMENT);
    CHECK_ERR(mk_task_get_special(self, MK_NR_SPECIALS, &got), MK_E_BAD_ARGUMENT);
    CHECK_ERR(mk_task_get_special(self, (enum mk_special) - 1, &got), MK_E_BAD_ARGUMENT);
    CHECK_ERR(mk_task_set_special(self, MK_SPECIAL_REGISTERED_0, receive), MK_E_BAD_RIGHT);
    CHECK_ERR(mk_task_set_special(self, MK_SPECIAL_REGISTERED_0, once_name(receive)), MK_E_BAD_RIGHT);
    CHECK_ERR(mk_task_set_special(self, MK_SPECIAL_REGISTERED_0, stale_name()), MK_E_BAD_NAME);
    CHECK_ERR(mk_task_set_special(self, MK_SPECIAL_REGISTERED_0, dead_name()), MK_E_DEAD);
    CHECK_ERR(mk_task_set_special(MK_NAME_NULL, MK_SPECIAL_REGISTERED_0, port), MK_E_BAD_NAME);
    CHECK_ERR(mk_task_set_special(port, MK_SPECIAL_REGISTERED_0, port), MK_E_BAD_RIGHT);
    CHECK_OK(mk_task_get_special(self, MK_SPECIAL_REGISTERED_0, &got));
    CHECK(got == port);
}

/* TASK0070: a port of one's own cannot be set as the machine's control port. */
MKT_TEST(TASK0070)
{
    (void)arg;
    mk_name_t port = mkt_port(), child, control, got;
    CHECK_OK(mk_task_create("child", &child));
    CHECK_ERR(mk_task_set_special(child, MK_SPECIAL_MACHINE, port), MK_E_BAD_RIGHT);
    CHECK_OK(mk_task_get_special(mk_task_self(), MK_SPECIAL_MACHINE, &control));
    CHECK_OK(mk_task_set_special(child, MK_SPECIAL_MACHINE, control));
    CHECK_OK(mk_task_get_special(child, MK_SPECIAL_MACHINE, &got));
    CHECK(got == control);
    CHECK_OK(mk_task_terminate(child, 0));
}

/* TASK0080: a special port that died is reported as dead, and no name is made. */
MKT_TEST(TASK0080)
{
    (void)arg;
    mk_name_t port = mkt_port(), got, self = mk_task_self();
    CHECK_OK(mk_task_set_special(self, MK_SPECIAL_EXCEPTION, port));
    CHECK_OK(mk_port_destroy(port));
    struct snap before;
    snap_take(&before);
    CHECK_ERR(mk_task_get_special(self, MK_SPECIAL_EXCEPTION, &got), MK_E_DEAD);
    CHECK(snap_is_same(&before));
    CHECK_OK(mk_task_set_special(self, MK_SPECIAL_EXCEPTION, MK_NAME_NULL));
}

/* TASK0090: mk_task_wait tells the exit code, while the task lives and after it ended, as often as asked. */
MKT_TEST(TASK0090)
{
    (void)arg;
    static const int code = -77;
    mk_name_t task = task_of("child", exit_with, (void *)(uintptr_t)&code);
    int got = 0;
    CHECK_OK(mk_task_wait(task, &got, MK_TIME_FOREVER));
    CHECK(got == -77);
    got = 0;
    CHECK_OK(mk_task_wait(task, &got, MK_TIME_POLL));
    CHECK(got == -77);
    CHECK_OK(mk_task_wait(task, NULL, MK_TIME_POLL));
    CHECK(task_info("child").is_ended && task_info("child").exit_code == -77);
}

/* TASK0100: mk_task_wait by its deadline. */
MKT_TEST(TASK0100)
{
    (void)arg;
    mk_name_t task = task_of("child", sleep_for_ever, NULL);
    int code = 99;
    CHECK_ERR(mk_task_wait(task, &code, MK_TIME_POLL), MK_E_WOULD_BLOCK);
    CHECK_ERR(mk_task_wait(task, &code, 1), MK_E_TIMED_OUT);
    CHECK_ERR(mk_task_wait(task, &code, -1), MK_E_BAD_ARGUMENT);
    mk_time_t deadline = mk_time_now() + MK_MSEC;
    CHECK_ERR(mk_task_wait(task, &code, deadline), MK_E_TIMED_OUT);
    CHECK(code == 99 && mk_time_now() >= deadline);
    CHECK_OK(mk_task_terminate(task, 3));
    CHECK_OK(mk_task_wait(task, &code, MK_TIME_POLL));
    CHECK(code == 3);
}

/* TASK0110: waiting for oneself is refused. */
MKT_TEST(TASK0110)
{
    (void)arg;
    CHECK_ERR(mk_task_wait(mk_task_self(), NULL, MK_TIME_FOREVER), MK_E_BAD_STATE);
    CHECK_ERR(mk_task_wait(mk_task_self(), NULL, MK_TIME_POLL), MK_E_BAD_STATE);
}

struct waiter {
    mk_name_t task;
    mk_err_t err;
    int code;
};

static void waiter_main(void *arg)
{
    struct waiter *w = arg;
    w->err = mk_task_wait(w->task, &w->code, MK_TIME_FOREVER);
}

/* TASK0120: everybody who waits for a task is told its exit code. */
MKT_TEST(TASK0120)
{
    (void)arg;
    struct waiter w[3];
    mk_name_t threads[3], task = task_of("child", sleep_for_ever, NULL);
    for (int i = 0; i < 3; i++) {
        w[i] = (struct waiter){.task = task};
        threads[i] = mkt_thread(waiter_main, &w[i]);
    }
    mk_thread_yield();
    CHECK_OK(mk_task_terminate(task, 12));
    for (int i = 0; i < 3; i++) {
        join(threads[i]);
        CHECK(w[i].err == MK_OK && w[i].code == 12);
    }
}

/* TASK0130: a thread that is aborted while it waits for a task is told so. */
MKT_TEST(TASK0130)
{
    (void)arg;
    struct waiter w = {.task = task_of("child", sleep_for_ever, NULL)};
    mk_name_t thread = mkt_thread(waiter_main, &w);
    mk_thread_yield();
    CHECK_OK(mk_thread_abort(thread));
    join(thread);
    CHECK(w.err == MK_E_ABORTED);
    CHECK_OK(mk_task_terminate(w.task, 0));
}

/* TASK0140: a thread that ends while it waits for a task leaves nothing behind. */
MKT_TEST(TASK0140)
{
    (void)arg;
    struct waiter w = {.task = task_of("child", sleep_for_ever, NULL)};
    mk_name_t thread = mkt_thread(waiter_main, &w);
    mk_thread_yield();
    CHECK_OK(mk_thread_terminate(thread));
    CHECK_OK(mk_task_terminate(w.task, 0));
    CHECK_OK(mk_machine_audit(NULL));
}

static void two_threads(void *arg)
{
    (void)arg;
    mk_name_t thread = mkt_thread(nothing, NULL);
    CHECK_OK(mk_right_release(thread));
}

/* TASK0150: the end of the last thread ends the task, with exit code 0. */
MKT_TEST(TASK0150)
{
    (void)arg;
    int code = 9;
    mk_name_t task = task_of("child", two_threads, NULL);
    CHECK_OK(mk_task_wait(task, &code, MK_TIME_FOREVER));
    CHECK(code == 0);
}

static void thread_exit(void *arg)
{
    (void)arg;
    mk_thread_exit();
}

/* TASK0160: mk_thread_exit of the last thread ends the task. */
MKT_TEST(TASK0160)
{
    (void)arg;
    int code = 9;
    mk_name_t task = task_of("child", thread_exit, NULL);
    CHECK_OK(mk_task_wait(task, &code, MK_TIME_FOREVER));
    CHECK(code == 0);
}

/* TASK0170: mk_thread_terminate of another task's last thread ends that task. */
MKT_TEST(TASK0170)
{
    (void)arg;
    mk_name_t task, thread;
    CHECK_OK(mk_task_create("child", &task));
    thread = thread_in(task, "x", sleep_for_ever, NULL, 0);
    mk_thread_yield();
    CHECK_OK(mk_thread_terminate(thread));
    CHECK_OK(mk_task_wait(task, NULL, MK_TIME_POLL));
    CHECK(mkt_type(task) == MK_RIGHT_DEAD_NAME);
}

static void exit_among_waiters(void *arg)
{
    (void)arg;
    static struct receiver r;
    static struct sender s;
    static struct caller c;
    mk_name_t full = mkt_port(), port = mkt_port();
    CHECK_OK(mk_port_set_limit(full, 0));
    r = (struct receiver){.receive = port, .deadline = mk_time_now() + MK_SEC};
    s = (struct sender){.dest = full, .deadline = MK_TIME_FOREVER, .right = {port, MK_COPY_SEND}};
    c = (struct caller){.dest = full, .deadline = MK_TIME_FOREVER};
    mkt_thread(receiver_main, &r);
    mkt_thread(sender_main, &s);
    mkt_thread(caller_main, &c);
    mkt_thread(sleep_for_ever, NULL);
    mk_thread_yield();
    mk_task_exit(31);
}

/* TASK0180: mk_task_exit ends all threads of the task at once, whatever they wait for. */
MKT_TEST(TASK0180)
{
    (void)arg;
    int code;
    struct mk_machine_stats before, after;
    CHECK_OK(mk_machine_stats(NULL, &before));
    mk_name_t task = task_of("child", exit_among_waiters, NULL);
    CHECK_OK(mk_task_wait(task, &code, MK_TIME_FOREVER));
    CHECK_OK(mk_right_release(task));
    CHECK_OK(mk_machine_stats(NULL, &after));
    CHECK(code == 31 && after.nr_threads == before.nr_threads && after.nr_messages == before.nr_messages);
    CHECK(after.nr_ports == before.nr_ports && after.nr_rights == before.nr_rights);
    CHECK_OK(mk_machine_audit(NULL));
}

static void terminate_self(void *arg)
{
    (void)arg;
    CHECK_OK(mk_task_terminate(mk_task_self(), 44));
    shared = 1;
}

/* TASK0190: mk_task_terminate of the own task does not return. */
MKT_TEST(TASK0190)
{
    (void)arg;
    int code;
    shared = 0;
    mk_name_t task = task_of("child", terminate_self, NULL);
    CHECK_OK(mk_task_wait(task, &code, MK_TIME_FOREVER));
    CHECK(code == 44 && shared == 0);
}

static void grandchild(void *arg)
{
    (void)arg;
    CHECK_OK(mk_time_sleep(mk_time_now() + MK_SEC));
    shared = 5;
}

static void parent(void *arg)
{
    (void)arg;
    task_of("grandchild", grandchild, NULL);
}

/* TASK0200: children outlive their parent. */
MKT_TEST(TASK0200)
{
    (void)arg;
    shared = 0;
    mk_name_t task = task_of("parent", parent, NULL);
    CHECK_OK(mk_task_wait(task, NULL, MK_TIME_FOREVER));
    CHECK(shared == 0 && task_info("grandchild").id && !task_info("grandchild").is_ended);
    CHECK_OK(mk_time_sleep(mk_time_now() + 2 * MK_SEC));
    CHECK(shared == 5 && task_info("grandchild").is_ended);
}

/* TASK0210: calls on a task refuse names that are no task, and a task that ended. */
MKT_TEST(TASK0210)
{
    (void)arg;
    mk_name_t port = mkt_port(), ended, thread = mk_thread_self(), name;
    const struct mk_thread_attr attr = {.entry = nothing};
    mk_vaddr_t addr;
    CHECK_OK(mk_task_create("t", &ended));
    CHECK_OK(mk_task_terminate(ended, 0));
    const struct {
        mk_name_t name;
        mk_err_t err;
    } bad[] = {{MK_NAME_NULL, MK_E_BAD_NAME},
               {stale_name(), MK_E_BAD_NAME},
               {port, MK_E_BAD_RIGHT},
               {thread, MK_E_BAD_RIGHT},
               {ended, MK_E_DEAD}};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        CHECK_ERR(mk_task_terminate(bad[i].name, 1), bad[i].err);
        CHECK_ERR(mk_task_get_special(bad[i].name, MK_SPECIAL_BOOTSTRAP, &name), bad[i].err);
        CHECK_ERR(mk_task_set_special(bad[i].name, MK_SPECIAL_BOOTSTRAP, port), bad[i].err);
        CHECK_ERR(mk_thread_create(bad[i].name, &attr, &name), bad[i].err);
        CHECK_ERR(mk_vm_allocate(bad[i].name, 1, &addr), bad[i].err);
        CHECK_ERR(mk_vm_deallocate(bad[i].name, 0, mk_page_size()), bad[i].err);
        CHECK_ERR(mk_vm_protect(bad[i].name, 0, mk_page_size(), MK_PROT_READ), bad[i].err);
        if (bad[i].err != MK_E_DEAD)
            CHECK_ERR(mk_task_wait(bad[i].name, NULL, MK_TIME_POLL), bad[i].err);
    }
}

/* TASK0220: mk_task_by_id finds living tasks, by the control port only. */
MKT_TEST(TASK0220)
{
    (void)arg;
    mk_name_t control, child, found, port = mkt_port();
    CHECK_OK(mk_task_get_special(mk_task_self(), MK_SPECIAL_MACHINE, &control));
    CHECK_OK(mk_task_create("child", &child));
    uint64_t id = task_info("child").id;
    CHECK_OK(mk_task_by_id(control, id, &found));
    CHECK(found == child && mkt_refs(child) == 2);
    CHECK_OK(mk_task_by_id(control, mk_task_id(), &found));
    CHECK(found == mk_task_self());
    CHECK_ERR(mk_task_by_id(control, 999999, &found), MK_E_NOT_FOUND);
    CHECK_ERR(mk_task_by_id(control, 0, &found), MK_E_NOT_FOUND);
    CHECK_ERR(mk_task_by_id(MK_NAME_NULL, id, &found), MK_E_BAD_NAME);
    CHECK_ERR(mk_task_by_id(port, id, &found), MK_E_BAD_RIGHT);
    CHECK_ERR(mk_task_by_id(child, id, &found), MK_E_BAD_RIGHT);
    CHECK_OK(mk_task_terminate(child, 0));
    CHECK_ERR(mk_task_by_id(control, id, &found), MK_E_NOT_FOUND);
}

static void look_at_slot(void *arg)
{
    (void)arg;
    CHECK(mk_task_slot() == NULL);
    shared++;
}

/* TASK0230: a spawned task has no arguments, the folder ".", its label, and a slot of its own that is NULL at first. */
MKT_TEST(TASK0230)
{
    (void)arg;
    shared = 0;
    CHECK(strcmp(mk_task_args(), "") == 0 && strcmp(mk_task_folder(), ".") == 0 &&
          strcmp(mk_task_label(), "test") == 0);
    mk_task_set_slot(&shared);
    CHECK(mk_task_slot() == &shared);
    CHECK_OK(mk_task_wait(task_of("child", look_at_slot, NULL), NULL, MK_TIME_FOREVER));
    CHECK(shared == 1);
}

/* TASK0240: the bootstrap port's receive right can be claimed once, with the control port. */
MKT_TEST(TASK0240)
{
    (void)arg;
    mk_name_t control, receive, again, send;
    CHECK_OK(mk_task_get_special(mk_task_self(), MK_SPECIAL_MACHINE, &control));
    CHECK_OK(mk_task_get_special(mk_task_self(), MK_SPECIAL_BOOTSTRAP, &send));
    CHECK_OK(send_id(send, 4));
    CHECK_ERR(mk_bootstrap_claim(MK_NAME_NULL, &receive), MK_E_BAD_NAME);
    CHECK_ERR(mk_bootstrap_claim(send, &receive), MK_E_BAD_RIGHT);
    CHECK_ERR(mk_bootstrap_claim(control, NULL), MK_E_BAD_ADDRESS);
    CHECK_OK(mk_bootstrap_claim(control, &receive));
    CHECK(receive == send && take_id(receive) == 4);
    CHECK_ERR(mk_bootstrap_claim(control, &again), MK_E_BAD_STATE);
}

static void who_am_i(void *arg)
{
    *(uint64_t *)arg = mk_task_id();
}

/* TASK0250: a thread made in a task by another task finds that task as its own. */
MKT_TEST(TASK0250)
{
    (void)arg;
    static uint64_t id;
    mk_name_t task = task_of("child", who_am_i, &id);
    uint64_t expected = task_info("child").id;
    CHECK_OK(mk_task_wait(task, NULL, MK_TIME_FOREVER));
    CHECK(id == expected && id != mk_task_id());
}

/* TASK0260: many tasks come and go; all that is left are the last 256 in the listing. */
MKT_TEST(TASK0260)
{
    (void)arg;
    struct mk_machine_stats before, after;
    CHECK_OK(mk_machine_stats(NULL, &before));
    for (int i = 0; i < 600; i++) {
        mk_name_t task = task_of("t", nothing, NULL);
        CHECK_OK(mk_task_wait(task, NULL, MK_TIME_FOREVER));
        CHECK_OK(mk_right_release(task));
    }
    size_t n;
    CHECK_OK(mk_machine_stats(NULL, &after));
    CHECK_OK(mk_machine_tasks(NULL, NULL, 0, &n));
    CHECK(after.nr_tasks == before.nr_tasks && after.nr_threads == before.nr_threads &&
          after.nr_ports == before.nr_ports);
    CHECK(n == 1 + 256);
}

/* TASK0270: when MK_TASKS_MAX tasks live, another is refused, and is possible again when one ended. */
MKT_TEST(TASK0270)
{
    (void)arg;
    mk_name_t first, task = MK_NAME_NULL, control;
    if (MKT_ADDRESSES_ARE_SCARCE)
        return; /* none for so many port spaces */
    CHECK_OK(mk_task_get_special(mk_task_self(), MK_SPECIAL_MACHINE, &control));
    mk_err_t err = mk_task_create("t", &first);
    uint32_t n = 1;
    for (; !err; n += !err)
        err = mk_task_create("t", &task);
    CHECK_ERR(err, MK_E_LIMIT_TASKS);
    CHECK(n == MK_TASKS_MAX - 1); /* with the test's own */
    CHECK_OK(mk_task_terminate(first, 0));
    CHECK_OK(mk_task_create("t", &task));
    CHECK_OK(mk_machine_halt(control, 0)); /* they would keep the run going */
}

/* TASK0280: outside a machine every call says so. */
static void TASK0280(void **state)
{
    (void)state;
    mk_name_t name;
    assert_int_equal(mk_task_service(), MK_NAME_NULL);
    assert_int_equal(mk_task_self(), MK_NAME_NULL);
    assert_int_equal(mk_task_id(), 0);
    assert_null(mk_task_slot());
    assert_string_equal(mk_task_args(), "");
    assert_string_equal(mk_task_folder(), ".");
    assert_string_equal(mk_task_label(), "");
    assert_int_equal(mk_task_create("t", &name), MK_E_NOT_IN_MACHINE);
    assert_int_equal(mk_task_terminate(1, 0), MK_E_NOT_IN_MACHINE);
    assert_int_equal(mk_task_wait(1, NULL, 0), MK_E_NOT_IN_MACHINE);
    assert_int_equal(mk_task_get_special(1, MK_SPECIAL_BOOTSTRAP, &name), MK_E_NOT_IN_MACHINE);
    assert_int_equal(mk_task_set_special(1, MK_SPECIAL_BOOTSTRAP, 1), MK_E_NOT_IN_MACHINE);
    assert_int_equal(mk_task_set_server(true), MK_E_NOT_IN_MACHINE);
    assert_int_equal(mk_task_by_id(1, 1, &name), MK_E_NOT_IN_MACHINE);
    assert_int_equal(mk_machine_halt(1, 0), MK_E_NOT_IN_MACHINE);
    assert_int_equal(mk_bootstrap_claim(1, &name), MK_E_NOT_IN_MACHINE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(TASK0010), cmocka_unit_test(TASK0020), cmocka_unit_test(TASK0030), cmocka_unit_test(TASK0040),
        cmocka_unit_test(TASK0050), cmocka_unit_test(TASK0060), cmocka_unit_test(TASK0070), cmocka_unit_test(TASK0080),
        cmocka_unit_test(TASK0090), cmocka_unit_test(TASK0100), cmocka_unit_test(TASK0110), cmocka_unit_test(TASK0120),
        cmocka_unit_test(TASK0130), cmocka_unit_test(TASK0140), cmocka_unit_test(TASK0150), cmocka_unit_test(TASK0160),
        cmocka_unit_test(TASK0170), cmocka_unit_test(TASK0180), cmocka_unit_test(TASK0190), cmocka_unit_test(TASK0200),
        cmocka_unit_test(TASK0210), cmocka_unit_test(TASK0220), cmocka_unit_test(TASK0230), cmocka_unit_test(TASK0240),
        cmocka_unit_test(TASK0250), cmocka_unit_test(TASK0260), cmocka_unit_test(TASK0270), cmocka_unit_test(TASK0280),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
