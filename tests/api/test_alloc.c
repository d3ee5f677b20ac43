/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Each call with its first allocation failing, then with its second, and so on
 * until it makes no more: it returns an error that its header names, changes
 * nothing, and succeeds when it is made again. Twice each: in a young port
 * space, and in one whose table is full to the last name. The calls that wait
 * and those that carry rights are in tests/stress/test_matrix.c.
 */
#include "helpers.h"

#define TABLE_FIRST 128 /* names a port space has room for at first, MK_NAME_NULL counted */

/* ---- the k-th allocation of the call fails, once ---- */

static struct {
    unsigned left, nr_asked;
    bool is_armed, has_failed;
} hook;

static void *hook_alloc(void *arg, size_t size)
{
    (void)arg;
    (void)size;
    if (!hook.is_armed)
        return &hook;
    hook.nr_asked++;
    if (hook.left == 0 || --hook.left > 0)
        return &hook;
    hook.has_failed = true;
    return NULL;
}

/* ---- what the calls act on ---- */

struct things {
    mk_name_t port;    /* receive and send right */
    mk_name_t bare;    /* receive right alone */
    mk_name_t badged;  /* two references */
    mk_name_t foreign; /* send right to a port of the child */
    mk_name_t once, dead, set, member, notices, event, event_send;
    mk_name_t child, child_port, thread, machine; /* child_port: the child's name of a port of its own */
    mk_vaddr_t pages;                             /* five */
    mk_name_t out;
    uint64_t child_id;
};

struct call {
    const char *label;
    mk_err_t (*make)(struct things *t);
    mk_err_t documented[4]; /* what may come of want of memory; none: it cannot fail */
};

static void sleep_for_ever(void *arg)
{
    (void)arg;
    (void)!mk_time_sleep(MK_TIME_FOREVER);
}

static void nothing(void *arg)
{
    (void)arg;
}

static mk_name_t new_port(void)
{
    mk_name_t port;
    CHECK_OK(mk_port_create(&port));
    return port;
}

static void things_make(struct things *t)
{
    const struct mk_thread_attr attr = {.entry = sleep_for_ever};
    memset(t, 0, sizeof(*t));
    t->port = mkt_port();
    t->bare = new_port();
    t->notices = new_port();
    t->once = once_name(t->bare);
    t->dead = dead_name();
    t->member = new_port();
    CHECK_OK(mk_portset_create(&t->set));
    CHECK_OK(mk_portset_add(t->set, t->member));
    CHECK_OK(mk_right_make(t->port, MK_RIGHT_SEND, 9, &t->badged));
    CHECK_OK(mk_right_retain(t->badged, 1));
    CHECK_OK(mk_event_create(&t->event));
    CHECK_OK(mk_right_make(t->event, MK_RIGHT_SEND, 0, &t->event_send));
    CHECK_OK(mk_task_create("child", &t->child));
    CHECK_OK(mk_thread_create(t->child, &attr, &t->thread));
    mk_name_t own = new_port();
    CHECK_OK(mk_right_make(own, MK_RIGHT_SEND, 0, &t->foreign));
    CHECK_OK(mk_right_insert(t->child, own, MK_MOVE_RECEIVE, &t->child_port));
    CHECK_OK(mk_vm_allocate(mk_task_self(), 5 * mk_page_size(), &t->pages));
    CHECK_OK(mk_task_set_special(mk_task_self(), MK_SPECIAL_REGISTERED_0, t->foreign));
    CHECK_OK(mk_task_get_special(mk_task_self(), MK_SPECIAL_MACHINE, &t->machine));
    CHECK(mk_thread_self() != MK_NAME_NULL);
    static struct mk_task_info infos[16];
    size_t n;
    CHECK_OK(mk_machine_tasks(NULL, infos, 16, &n));
    t->child_id = infos[n - 1].id;
    CHECK_OK(mk_time_sleep(mk_time_now() + MK_MSEC)); /* until the child's thread waits */
}

/* Every name of the table is taken. */
static void fill_table(const struct things *t)
{
    mk_name_t name;
    while (mkt_nr_names() < TABLE_FIRST - 1)
        CHECK_OK(mk_right_make(t->bare, MK_RIGHT_SEND_ONCE, 0, &name));
}

/* ---- port.h ---- */

static mk_err_t port_create(struct things *t)
{
    return mk_port_create(&t->out);
}

static mk_err_t port_destroy(struct things *t)
{
    return mk_port_destroy(t->port);
}

static mk_err_t port_set_limit(struct things *t)
{
    return mk_port_set_limit(t->port, 0);
}

static mk_err_t port_state_of(struct things *t)
{
    struct mk_port_state state;
    return mk_port_state(t->port, &state);
}

static mk_err_t make_send(struct things *t)
{
    return mk_right_make(t->bare, MK_RIGHT_SEND, 0, NULL);
}

static mk_err_t make_badged(struct things *t)
{
    return mk_right_make(t->bare, MK_RIGHT_SEND, 4, &t->out);
}

/* Until the table of badges has grown. What was made before that is undone, but for the make count. */
static mk_err_t make_many_badged(struct things *t)
{
    for (uint64_t badge = 100; badge < 140; badge++) {
        mk_err_t err = mk_right_make(t->bare, MK_RIGHT_SEND, badge, &t->out);
        if (err) {
            static struct mk_name_info infos[300];
            size_t n;
            CHECK_OK(mk_machine_names(NULL, mk_task_id(), infos, 300, &n));
            for (size_t i = 0; i < n; i++)
                if (infos[i].type == MK_RIGHT_SEND && infos[i].badge >= 100)
                    CHECK_OK(mk_right_release(infos[i].name));
            return err;
        }
    }
    return MK_OK;
}

static mk_err_t make_send_once(struct things *t)
{
    return mk_right_make(t->bare, MK_RIGHT_SEND_ONCE, 4, &t->out);
}

static mk_err_t right_retain(struct things *t)
{
    return mk_right_retain(t->badged, 5);
}

static mk_err_t right_release(struct things *t)
{
    return mk_right_release(t->foreign);
}

static mk_err_t right_release_once(struct things *t)
{
    return mk_right_release(t->once);
}

static mk_err_t right_info(struct things *t)
{
    struct mk_right_info info;
    return mk_right_info(t->badged, &info);
}

static mk_err_t insert_receive(struct things *t)
{
    return mk_right_insert(t->child, t->port, MK_MOVE_RECEIVE, &t->out);
}

static mk_err_t insert_send(struct things *t)
{
    return mk_right_insert(t->child, t->badged, MK_MOVE_SEND, &t->out);
}

static mk_err_t insert_made(struct things *t)
{
    return mk_right_insert(t->child, t->bare, MK_MAKE_SEND, &t->out);
}

static mk_err_t insert_once(struct things *t)
{
    return mk_right_insert(t->child, t->once, MK_MOVE_SEND_ONCE, &t->out);
}

static mk_err_t extract_receive(struct things *t)
{
    return mk_right_extract(t->child, t->child_port, MK_MOVE_RECEIVE, &t->out);
}

static mk_err_t extract_made(struct things *t)
{
    return mk_right_extract(t->child, t->child_port, MK_MAKE_SEND, &t->out);
}

static mk_err_t extract_once(struct things *t)
{
    return mk_right_extract(t->child, t->child_port, MK_MAKE_SEND_ONCE, &t->out);
}

static mk_err_t rename_receive(struct things *t)
{
    return mk_right_rename(t->port, 0x12345678);
}

static mk_err_t rename_foreign(struct things *t)
{
    return mk_right_rename(t->foreign, 7);
}

static mk_err_t rename_once(struct things *t)
{
    return mk_right_rename(t->once, 0x80000000);
}

static mk_err_t rename_set(struct things *t)
{
    return mk_right_rename(t->set, 3);
}

static mk_err_t notify_dead_name(struct things *t)
{
    return mk_port_notify(t->foreign, MK_NOTIFY_DEAD_NAME, 0, t->notices);
}

static mk_err_t notify_dead_name_now(struct things *t)
{
    return mk_port_notify(t->dead, MK_NOTIFY_DEAD_NAME, 0, t->notices);
}

static mk_err_t notify_no_senders(struct things *t)
{
    return mk_port_notify(t->port, MK_NOTIFY_NO_SENDERS, 0, t->once);
}

static mk_err_t notify_no_senders_now(struct things *t)
{
    return mk_port_notify(t->bare, MK_NOTIFY_NO_SENDERS, 0, t->notices);
}

static mk_err_t notify_port_destroyed(struct things *t)
{
    return mk_port_notify(t->port, MK_NOTIFY_PORT_DESTROYED, 0, t->notices);
}

static mk_err_t notify_send_possible(struct things *t)
{
    return mk_port_notify(t->foreign, MK_NOTIFY_SEND_POSSIBLE, 0, t->notices);
}

static mk_err_t portset_create(struct things *t)
{
    return mk_portset_create(&t->out);
}

static mk_err_t portset_add(struct things *t)
{
    return mk_portset_add(t->set, t->port);
}

static mk_err_t portset_remove(struct things *t)
{
    return mk_portset_remove(t->set, t->member);
}

static mk_err_t portset_destroy(struct things *t)
{
    return mk_portset_destroy(t->set);
}

/* ---- message.h ---- */

static mk_err_t send_all(struct things *t)
{
    char body[3000] = "";
    struct mk_msg_right rights[] = {{t->badged, MK_MOVE_SEND},
                                    {t->once, MK_MOVE_SEND_ONCE},
                                    {t->bare, MK_MAKE_SEND},
                                    {t->foreign, MK_COPY_SEND},
                                    {t->bare, MK_MOVE_RECEIVE}};
    struct mk_msg msg = {
        .body = body, .size = sizeof(body), .rights = rights, .nr_rights = COUNT_OF(rights), .reply = t->notices};
    return mk_send(t->port, &msg, MK_TIME_POLL);
}

static mk_err_t send_to_child(struct things *t)
{
    struct mk_msg_right right = {t->bare, MK_MAKE_SEND_ONCE};
    struct mk_msg msg = {.rights = &right, .nr_rights = 1};
    return mk_send(t->foreign, &msg, MK_TIME_POLL);
}

static mk_err_t send_memory(struct things *t)
{
    struct mk_msg_memory memories[] = {{(void *)t->pages, 2 * mk_page_size(), MK_MEMORY_MOVE},
                                       {(void *)(t->pages + 3 * mk_page_size() + 5), mk_page_size(), MK_MEMORY_COPY}};
    struct mk_msg msg = {.memories = memories, .nr_memories = 2};
    return mk_send(t->port, &msg, MK_TIME_POLL);
}

static mk_err_t call_polled(struct things *t)
{
    struct mk_msg msg = {.capacity = 0};
    mk_err_t err = mk_call(t->foreign, &msg, MK_TIME_POLL);
    return err == MK_E_TIMED_OUT ? MK_OK : err; /* it was sent */
}

static mk_err_t receive_unused(struct things *t)
{
    struct mk_notification notice;
    struct mk_msg msg = {.body = &notice, .capacity = sizeof(notice)};
    return mk_receive(t->member, &msg, MK_TIME_POLL);
}

static mk_err_t receive_rights(struct things *t)
{
    struct mk_msg_right rights[2];
    struct mk_msg msg = {.rights = rights, .max_rights = 2};
    return mk_receive(t->notices, &msg, MK_TIME_POLL);
}

/* ---- event.h ---- */

static mk_err_t event_create(struct things *t)
{
    return mk_event_create(&t->out);
}

static mk_err_t event_signal(struct things *t)
{
    return mk_event_signal(t->event_send, 3);
}

/* ---- thread.h ---- */

static mk_err_t thread_create(struct things *t)
{
    const struct mk_thread_attr attr = {.entry = sleep_for_ever, .label = "new"};
    return mk_thread_create(t->child, &attr, &t->out);
}

static mk_err_t thread_create_unnamed(struct things *t)
{
    const struct mk_thread_attr attr = {.entry = nothing, .suspended = true, .stack_size = 1 << 20};
    return mk_thread_create(t->child, &attr, NULL);
}

static mk_err_t thread_terminate(struct things *t)
{
    return mk_thread_terminate(t->thread);
}

static mk_err_t thread_suspend(struct things *t)
{
    return mk_thread_suspend(t->thread);
}

static mk_err_t thread_set_priority(struct things *t)
{
    return mk_thread_set_priority(t->thread, 7);
}

static mk_err_t thread_abort(struct things *t)
{
    return mk_thread_abort(t->thread);
}

static mk_err_t thread_join(struct things *t)
{
    mk_err_t err = mk_thread_join(t->thread, MK_TIME_POLL);
    return err == MK_E_WOULD_BLOCK ? MK_OK : err;
}

/* ---- task.h ---- */

static mk_err_t task_create(struct things *t)
{
    return mk_task_create("another", &t->out);
}

static mk_err_t task_terminate(struct things *t)
{
    return mk_task_terminate(t->child, 3);
}

static mk_err_t task_get_special(struct things *t)
{
    return mk_task_get_special(mk_task_self(), MK_SPECIAL_BOOTSTRAP, &t->out);
}

static mk_err_t task_set_special(struct things *t)
{
    return mk_task_set_special(t->child, MK_SPECIAL_REGISTERED_2, t->foreign);
}

static mk_err_t task_by_id(struct things *t)
{
    return mk_task_by_id(t->machine, t->child_id, &t->out);
}

/* ---- vm.h ---- */

static mk_err_t vm_allocate(struct things *t)
{
    mk_vaddr_t addr;
    return mk_vm_allocate(t->child, 3 * mk_page_size(), &addr);
}

static mk_err_t vm_deallocate(struct things *t)
{
    return mk_vm_deallocate(mk_task_self(), t->pages + 2 * mk_page_size(), mk_page_size());
}

static mk_err_t vm_protect(struct things *t)
{
    return mk_vm_protect(mk_task_self(), t->pages + 2 * mk_page_size(), mk_page_size(), MK_PROT_READ);
}

static const struct call calls[] = {
    {"mk_port_create", port_create, {MK_E_NO_MEMORY}},
    {"mk_port_destroy", port_destroy, {0}},
    {"mk_port_set_limit", port_set_limit, {0}},
    {"mk_port_state", port_state_of, {0}},
    {"mk_right_make", make_send, {MK_E_NO_MEMORY}},
    {"mk_right_make, badged", make_badged, {MK_E_NO_MEMORY}},
    {"mk_right_make, many badges", make_many_badged, {MK_E_NO_MEMORY}},
    {"mk_right_make, send-once", make_send_once, {MK_E_NO_MEMORY}},
    {"mk_right_retain", right_retain, {0}},
    {"mk_right_release", right_release, {0}},
    {"mk_right_release, send-once", right_release_once, {0}},
    {"mk_right_info", right_info, {0}},
    {"mk_right_insert, receive", insert_receive, {MK_E_NO_MEMORY}},
    {"mk_right_insert, send", insert_send, {MK_E_NO_MEMORY}},
    {"mk_right_insert, made", insert_made, {MK_E_NO_MEMORY}},
    {"mk_right_insert, send-once", insert_once, {MK_E_NO_MEMORY}},
    {"mk_right_extract, receive", extract_receive, {MK_E_NO_MEMORY}},
    {"mk_right_extract, made", extract_made, {MK_E_NO_MEMORY}},
    {"mk_right_extract, send-once", extract_once, {MK_E_NO_MEMORY}},
    {"mk_right_rename", rename_receive, {MK_E_NO_MEMORY}},
    {"mk_right_rename, send", rename_foreign, {MK_E_NO_MEMORY}},
    {"mk_right_rename, send-once", rename_once, {MK_E_NO_MEMORY}},
    {"mk_right_rename, set", rename_set, {MK_E_NO_MEMORY}},
    {"mk_port_notify, dead name", notify_dead_name, {MK_E_NO_MEMORY}},
    {"mk_port_notify, dead name already", notify_dead_name_now, {MK_E_NO_MEMORY}},
    {"mk_port_notify, no senders", notify_no_senders, {MK_E_NO_MEMORY}},
    {"mk_port_notify, no senders already", notify_no_senders_now, {MK_E_NO_MEMORY}},
    {"mk_port_notify, port destroyed", notify_port_destroyed, {MK_E_NO_MEMORY}},
    {"mk_port_notify, send possible already", notify_send_possible, {MK_E_NO_MEMORY}},
    {"mk_portset_create", portset_create, {MK_E_NO_MEMORY}},
    {"mk_portset_add", portset_add, {0}},
    {"mk_portset_remove", portset_remove, {0}},
    {"mk_portset_destroy", portset_destroy, {0}},
    {"mk_send, rights of all kinds", send_all, {MK_E_NO_MEMORY}},
    {"mk_send, to another task", send_to_child, {MK_E_NO_MEMORY}},
    {"mk_send, memory", send_memory, {MK_E_NO_MEMORY, MK_E_LIMIT_HOST}},
    {"mk_call", call_polled, {MK_E_NO_MEMORY}},
    {"mk_receive, a notice", receive_unused, {MK_E_NO_MEMORY}},
    {"mk_receive, rights", receive_rights, {MK_E_NO_MEMORY}},
    {"mk_event_create", event_create, {MK_E_NO_MEMORY}},
    {"mk_event_signal", event_signal, {0}},
    {"mk_thread_create", thread_create, {MK_E_NO_MEMORY, MK_E_LIMIT_HOST}},
    {"mk_thread_create, unnamed", thread_create_unnamed, {MK_E_NO_MEMORY, MK_E_LIMIT_HOST}},
    {"mk_thread_terminate", thread_terminate, {0}},
    {"mk_thread_suspend", thread_suspend, {0}},
    {"mk_thread_set_priority", thread_set_priority, {0}},
    {"mk_thread_abort", thread_abort, {0}},
    {"mk_thread_join", thread_join, {0}},
    {"mk_task_create", task_create, {MK_E_NO_MEMORY, MK_E_LIMIT_HOST}},
    {"mk_task_terminate", task_terminate, {0}},
    {"mk_task_get_special", task_get_special, {MK_E_NO_MEMORY}},
    {"mk_task_set_special", task_set_special, {0}},
    {"mk_task_by_id", task_by_id, {MK_E_NO_MEMORY}},
    {"mk_vm_allocate", vm_allocate, {MK_E_NO_MEMORY, MK_E_LIMIT_HOST}},
    {"mk_vm_deallocate", vm_deallocate, {MK_E_NO_MEMORY, MK_E_LIMIT_HOST}},
    {"mk_vm_protect", vm_protect, {MK_E_NO_MEMORY, MK_E_LIMIT_HOST}},
};

/* ---- one call, one failing allocation ---- */

static const struct call *call; /* under test */

/* All that a failed call must leave as it was. */
struct state {
    struct snap names;
    struct mk_machine_stats stats;
    size_t nr_child_names;
    struct mk_port_state ports[3];
};

static void state_take(const struct things *t, struct state *s)
{
    memset(s, 0, sizeof(*s));
    snap_take(&s->names);
    s->stats = still_stats();
    if (t->child)
        (void)!mk_machine_names(NULL, t->child_id, NULL, 0, &s->nr_child_names);
    s->ports[0] = port_state(t->port);
    s->ports[1] = port_state(t->bare);
    s->ports[2] = port_state(t->notices);
    if (call->make == make_many_badged)
        s->ports[1].make_count = 0;
}

static bool is_table_full;
static unsigned nr_failed; /* allocations, in all runs */

static void call_main(void *arg)
{
    static struct things things;
    static struct state before, after;
    (void)arg;
    things_make(&things);
    CHECK_OK(mk_right_release(once_name(things.member))); /* its notice waits */
    struct mk_msg_right rights[2] = {{things.bare, MK_MAKE_SEND_ONCE}, {things.bare, MK_MAKE_SEND_ONCE}};
    struct mk_msg msg = {.rights = rights, .nr_rights = 2};
    CHECK_OK(mk_send(once_name(things.notices), &msg, MK_TIME_POLL));
    if (is_table_full)
        fill_table(&things);
    state_take(&things, &before);
    hook.is_armed = true;
    mk_err_t err = call->make(&things);
    hook.is_armed = false;
    nr_failed += hook.has_failed;
    CHECK_OK(mk_machine_audit(NULL));
    if (err) {
        bool is_documented = false;
        for (size_t i = 0; i < COUNT_OF(call->documented); i++)
            is_documented = is_documented || err == call->documented[i];
        if (!is_documented)
            mk_log("%s: its header does not name %s", call->label, mk_err_name(err));
        CHECK(hook.has_failed);
        state_take(&things, &after);
        CHECK(memcmp(&before.names, &after.names, sizeof(before.names)) == 0);
        CHECK(memcmp(&before.stats, &after.stats, sizeof(before.stats)) == 0);
        CHECK(memcmp(before.ports, after.ports, sizeof(before.ports)) == 0);
        CHECK(before.nr_child_names == after.nr_child_names);
        CHECK_OK(call->make(&things));
    }
    if (mkt_type(things.child) & MK_RIGHT_SEND)
        CHECK_OK(mk_task_terminate(things.child, 0));
    if (call->make == task_create)
        CHECK_OK(mk_task_terminate(things.out, 0));
    CHECK_OK(mk_machine_audit(NULL));
    mk_task_exit(0);
}

static bool run_call(const struct call *c, unsigned k)
{
    static struct mkt t;
    const struct mk_machine_config config = {.alloc_hook = hook_alloc, .memory_size = 1 << 22};
    int code = 0;
    memset(&hook, 0, sizeof(hook));
    hook.left = k;
    call = c;
    mkt_begin(&t, &config);
    mkt_spawn(&t, "caller", call_main, NULL, false);
    mk_err_t err = mk_machine_run(t.machine, &code);
    hook.is_armed = false;
    if (err || code || t.log_used) {
        print_error("%s, allocation %u of it fails: ", c->label, k);
        mkt_fail_with_log(&t, mk_err_name(err));
    }
    mkt_finish(&t);
    return hook.has_failed;
}

static void fail_each(bool is_full)
{
    const char *wanted = getenv("MK_ALLOC_CALL");
    is_table_full = is_full;
    nr_failed = 0;
    for (size_t i = 0; i < COUNT_OF(calls); i++)
        for (unsigned k = 1; !wanted || strstr(calls[i].label, wanted); k++) {
            if (!run_call(&calls[i], k))
                break;
            assert_true(k < 100);
        }
    print_message("%zu calls, %u failing allocations\n", COUNT_OF(calls), nr_failed);
    assert_true(nr_failed > 0 || wanted);
}

/* ALLOC0010: a call that lacks memory says so and has changed nothing. */
static void ALLOC0010(void **state)
{
    (void)state;
    fail_each(false);
}

/* ALLOC0020: the same where each new name needs a larger table. */
static void ALLOC0020(void **state)
{
    (void)state;
    fail_each(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(ALLOC0010), cmocka_unit_test(ALLOC0020)};
    cmocka_set_test_filter(getenv("MKT_TEST"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
