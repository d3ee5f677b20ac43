/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Every kernel call with arguments that nobody should give it: a documented error, nothing changed, and the machine
 * goes on.
 */
#include <sys/mman.h>

#include "helpers.h"

static void nothing(void *arg)
{
    (void)arg;
}

static const struct mk_thread_attr good_attr = {.entry = nothing};

/* What the calls below use beside the argument under test. */
static struct {
    mk_name_t port, send, once, set, dead, stale, child, thread, ended, control, self;
    char *pages; /* two pages that can be used, one that cannot, one that is read-only, two for use */
    size_t page;
    uint64_t number; /* of the own task */
} w;

static char *no_access(void)
{
    return w.pages + 2 * w.page;
}

static char *read_only(void)
{
    return w.pages + 3 * w.page;
}

static void prepare(void)
{
    w.page = mk_page_size();
    w.pages = mmap(NULL, 6 * w.page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(w.pages != MAP_FAILED);
    CHECK(mprotect(no_access(), w.page, PROT_NONE) == 0 && mprotect(read_only(), w.page, PROT_READ) == 0);
    w.port = mkt_port();
    w.self = mk_task_self();
    w.number = mk_task_id();
    w.stale = stale_name();
    w.dead = dead_name();
    w.once = once_name(w.port);
    CHECK_OK(mk_right_make(w.port, MK_RIGHT_SEND, 5, &w.send));
    CHECK_OK(mk_portset_create(&w.set));
    CHECK_OK(mk_task_create("child", &w.child));
    CHECK_OK(mk_task_create("ended", &w.ended));
    CHECK_OK(mk_task_terminate(w.ended, 0));
    w.thread = mk_thread_self();
    CHECK_OK(mk_task_get_special(w.self, MK_SPECIAL_MACHINE, &w.control));
}

static void clean_up(void)
{
    CHECK_OK(mk_task_terminate(w.child, 0));
    CHECK_OK(mk_machine_audit(NULL));
    CHECK_OK(send_id(w.port, 1));
    CHECK(take_id(w.port) == 1);
    munmap(w.pages, 6 * w.page);
}

/* ---- pointers ---- */

/* A call with one pointer argument under test. */
struct pointer_call {
    const char *what;
    mk_err_t (*call)(void *p);
    size_t size;     /* of what it points to */
    bool is_written; /* by the kernel */
    bool may_be_null;
};

static mk_err_t p_port_create(void *p)
{
    return mk_port_create(p);
}
static mk_err_t p_port_state(void *p)
{
    return mk_port_state(w.port, p);
}
static mk_err_t p_make_send(void *p)
{
    return mk_right_make(w.port, MK_RIGHT_SEND, 9, p);
}
static mk_err_t p_make_once(void *p)
{
    return mk_right_make(w.port, MK_RIGHT_SEND_ONCE, 0, p);
}
static mk_err_t p_right_info(void *p)
{
    return mk_right_info(w.port, p);
}
static mk_err_t p_insert(void *p)
{
    return mk_right_insert(w.child, w.port, MK_MAKE_SEND_ONCE, p);
}
static mk_err_t p_insert_receive(void *p)
{
    return mk_right_insert(w.child, w.port, MK_MOVE_RECEIVE, p);
}
static mk_err_t p_extract(void *p)
{
    return mk_right_extract(w.self, w.port, MK_MAKE_SEND_ONCE, p);
}
static mk_err_t p_set_create(void *p)
{
    return mk_portset_create(p);
}
static mk_err_t p_task_create(void *p)
{
    return mk_task_create("t", p);
}
static mk_err_t p_get_special(void *p)
{
    return mk_task_get_special(w.self, MK_SPECIAL_BOOTSTRAP, p);
}
static mk_err_t p_task_wait(void *p)
{
    return mk_task_wait(w.ended, p, MK_TIME_POLL);
}
static mk_err_t p_by_id(void *p)
{
    return mk_task_by_id(w.control, w.number, p);
}
static mk_err_t p_claim(void *p)
{
    return mk_bootstrap_claim(w.control, p);
}
static mk_err_t p_thread_create(void *p)
{
    return mk_thread_create(w.self, &good_attr, p);
}
static mk_err_t p_allocate(void *p)
{
    return mk_vm_allocate(w.self, 1, p);
}
static mk_err_t p_stats(void *p)
{
    return mk_machine_stats(NULL, p);
}
static mk_err_t p_nr_tasks(void *p)
{
    return mk_machine_tasks(NULL, NULL, 0, p);
}
static mk_err_t p_nr_threads(void *p)
{
    return mk_machine_threads(NULL, NULL, 0, p);
}
static mk_err_t p_nr_ports(void *p)
{
    return mk_machine_ports(NULL, NULL, 0, p);
}
static mk_err_t p_nr_names(void *p)
{
    return mk_machine_names(NULL, w.number, NULL, 0, p);
}

static size_t nr;

static mk_err_t p_tasks(void *p)
{
    return mk_machine_tasks(NULL, p, 1, &nr);
}
static mk_err_t p_threads(void *p)
{
    return mk_machine_threads(NULL, p, 1, &nr);
}
static mk_err_t p_ports(void *p)
{
    return mk_machine_ports(NULL, p, 1, &nr);
}
static mk_err_t p_names(void *p)
{
    return mk_machine_names(NULL, w.number, p, 1, &nr);
}
static mk_err_t p_open(void *p)
{
    return mk_device_open(w.control, "console", p);
}
static mk_err_t p_send(void *p)
{
    return mk_send(w.port, p, MK_TIME_POLL);
}
static mk_err_t p_call(void *p)
{
    return mk_call(w.port, p, MK_TIME_POLL);
}
static mk_err_t p_call_forever(void *p)
{
    return mk_call(w.port, p, MK_TIME_FOREVER);
}
static mk_err_t p_reply(void *p)
{
    return mk_reply(p);
}
static mk_err_t p_reply_receive(void *p)
{
    return mk_reply_receive(w.port, p, MK_TIME_POLL);
}
static mk_err_t p_reply_receive_forever(void *p)
{
    return mk_reply_receive(w.port, p, MK_TIME_FOREVER);
}
static mk_err_t p_attr(void *p)
{
    return mk_thread_create(w.self, p, NULL);
}
static mk_err_t p_load(void *p)
{
    return mk_task_load(w.control, p, &(mk_name_t){0}, NULL, 0);
}
static mk_err_t p_label(void *p)
{
    return mk_task_create(p, &(mk_name_t){0});
}
static mk_err_t p_open_name(void *p)
{
    return mk_device_open(w.control, p, &(mk_name_t){0});
}

static mk_err_t p_thread_label(void *p)
{
    struct mk_thread_attr attr = good_attr;
    attr.label = p;
    return mk_thread_create(w.self, &attr, NULL);
}

static mk_err_t p_send_body(void *p)
{
    struct mk_msg msg = {.body = p, .size = 40};
    return mk_send(w.port, &msg, MK_TIME_POLL);
}

static mk_err_t p_send_rights(void *p)
{
    struct mk_msg msg = {.rights = p, .nr_rights = 3};
    return mk_send(w.port, &msg, MK_TIME_POLL);
}

static mk_err_t p_call_body(void *p)
{
    struct mk_msg msg = {.body = p, .size = 40};
    return mk_call(w.port, &msg, MK_TIME_FOREVER);
}

static mk_err_t p_load_path(void *p)
{
    const struct mk_load load = {.path = p};
    return mk_task_load(w.control, &load, &(mk_name_t){0}, NULL, 0);
}

static mk_err_t p_load_args(void *p)
{
    const struct mk_load load = {.path = "/nowhere.so", .args = p};
    return mk_task_load(w.control, &load, &(mk_name_t){0}, NULL, 0);
}

#define REPLY_END (offsetof(struct mk_msg, reply) + sizeof(mk_name_t))

#define OUT(call, type) \
    { \
#call, call, sizeof(type), true, false \
    }
#define IN(call, type) \
    { \
#call, call, sizeof(type), false, false \
    }

static const struct pointer_call pointer_calls[] = {
    OUT(p_port_create, mk_name_t),
    OUT(p_port_state, struct mk_port_state),
    OUT(p_make_send, mk_name_t),
    OUT(p_make_once, mk_name_t),
    OUT(p_right_info, struct mk_right_info),
    OUT(p_insert, mk_name_t),
    OUT(p_insert_receive, mk_name_t),
    OUT(p_extract, mk_name_t),
    OUT(p_set_create, mk_name_t),
    OUT(p_task_create, mk_name_t),
    OUT(p_get_special, mk_name_t),
    {"p_task_wait", p_task_wait, sizeof(int), true, true},
    OUT(p_by_id, mk_name_t),
    OUT(p_claim, mk_name_t),
    {"p_thread_create", p_thread_create, sizeof(mk_name_t), true, true},
    OUT(p_allocate, mk_vaddr_t),
    OUT(p_stats, struct mk_machine_stats),
    OUT(p_nr_tasks, size_t),
    OUT(p_nr_threads, size_t),
    OUT(p_nr_ports, size_t),
    OUT(p_nr_names, size_t),
    OUT(p_tasks, struct mk_task_info),
    OUT(p_threads, struct mk_thread_info),
    OUT(p_ports, struct mk_port_info),
    OUT(p_names, struct mk_name_info),
    OUT(p_open, mk_name_t),
    IN(p_send, struct mk_msg),
    IN(p_call, struct mk_msg),
    IN(p_call_forever, struct mk_msg),
    IN(p_reply, struct mk_msg),
    {"p_reply_receive", p_reply_receive, REPLY_END, false, false}, /* the rest is read when a message comes */
    {"p_reply_receive_forever", p_reply_receive_forever, REPLY_END, false, false},
    IN(p_attr, struct mk_thread_attr),
    IN(p_load, struct mk_load),
    {"p_label", p_label, 4, false, true},
    {"p_open_name", p_open_name, 4, false, true},
    {"p_thread_label", p_thread_label, 4, false, true},
    {"p_send_body", p_send_body, 40, false, false},
    {"p_send_rights", p_send_rights, 3 * sizeof(struct mk_msg_right), false, false},
    {"p_call_body", p_call_body, 40, false, false},
    {"p_load_path", p_load_path, 4, false, true},
    {"p_load_args", p_load_args, 4, false, true},
};

/* This pointer must be refused, and nothing change. */
static void refuse(const struct pointer_call *c, void *p)
{
    struct snap before;
    struct mk_machine_stats stats, after;
    snap_take(&before);
    CHECK_OK(mk_machine_stats(NULL, &stats));
    mk_err_t err = c->call(p);
    if (err != MK_E_BAD_ADDRESS) {
        mk_log("%s(%p): %s", c->what, p, mk_err_name(err));
        mk_task_exit(1);
    }
    CHECK(snap_is_same(&before));
    CHECK_OK(mk_machine_stats(NULL, &after));
    if (after.nr_tasks != stats.nr_tasks || after.nr_threads != stats.nr_threads || after.nr_ports != stats.nr_ports ||
        after.nr_messages != stats.nr_messages || after.memory_used != stats.memory_used) {
        mk_log("%s(%p) left something", c->what, p);
        mk_task_exit(1);
    }
}

/*
 * HOST0010: a pointer to no memory, the kernel's half, a hole of the address space or nowhere is refused by every
 * call.
 */
MKT_TEST(HOST0010)
{
    (void)arg;
    prepare();
    const uintptr_t bad[] = {1,
                             8,
                             4095,
                             (uintptr_t)no_access(),
                             (uintptr_t)no_access() + 7,
                             0xffff800000000000,
                             0xffffffffffffff00,
                             0x0000800000000000,
                             0x8000000000000000,
                             0x5555000000000000,
                             UINTPTR_MAX - 7};
    for (size_t i = 0; i < COUNT_OF(pointer_calls); i++)
        for (size_t j = 0; j < COUNT_OF(bad); j++)
            refuse(&pointer_calls[i], (void *)bad[j]);
    clean_up();
}

/* HOST0020: NULL is refused by every call whose header does not allow it. */
MKT_TEST(HOST0020)
{
    (void)arg;
    prepare();
    for (size_t i = 0; i < COUNT_OF(pointer_calls); i++)
        if (!pointer_calls[i].may_be_null)
            refuse(&pointer_calls[i], NULL);
    clean_up();
}

/* HOST0030: read-only memory is refused by every call that would write to it. */
MKT_TEST(HOST0030)
{
    (void)arg;
    prepare();
    for (size_t i = 0; i < COUNT_OF(pointer_calls); i++)
        if (pointer_calls[i].is_written)
            refuse(&pointer_calls[i], read_only());
    clean_up();
}

/* HOST0040: memory that ends before its object does is refused, at every byte where it could end. */
MKT_TEST(HOST0040)
{
    (void)arg;
    prepare();
    for (size_t i = 0; i < COUNT_OF(pointer_calls); i++)
        for (size_t n = 1; n < pointer_calls[i].size; n++) {
            memset(w.pages, 'a', 2 * w.page);
            refuse(&pointer_calls[i], no_access() - n);
        }
    clean_up();
}

/* HOST0050: a misaligned pointer is as good as any: the call works or is refused, and nothing breaks. */
MKT_TEST(HOST0050)
{
    (void)arg;
    prepare();
    struct mk_port_state state;
    mk_name_t name;
    for (size_t i = 1; i < 8; i++) {
        CHECK_OK(mk_port_state(w.port, (void *)(w.pages + i)));
        memcpy(&state, w.pages + i, sizeof(state));
        CHECK(state.queue_limit == MK_QUEUE_DEFAULT);
        CHECK_OK(mk_port_create((void *)(w.pages + i)));
        memcpy(&name, w.pages + i, sizeof(name));
        CHECK_OK(mk_port_destroy(name));
        struct mk_msg msg = {.id = (uint32_t)i};
        memcpy(w.pages + i, &msg, sizeof(msg));
        CHECK_OK(mk_send(w.port, (void *)(w.pages + i), MK_TIME_POLL));
        CHECK_OK(mk_receive(w.port, (void *)(w.pages + i), MK_TIME_POLL));
        memcpy(&msg, w.pages + i, sizeof(msg));
        CHECK(msg.id == i);
    }
    clean_up();
}

/* HOST0060: an object that ends with its page is as good as any. */
MKT_TEST(HOST0060)
{
    (void)arg;
    prepare();
    CHECK_OK(mk_port_state(w.port, (void *)(no_access() - sizeof(struct mk_port_state))));
    CHECK_OK(mk_right_info(w.port, (void *)(no_access() - sizeof(struct mk_right_info))));
    struct mk_msg *msg = (void *)(no_access() - sizeof(*msg));
    *msg = (struct mk_msg){.id = 3};
    CHECK_OK(mk_send(w.port, msg, MK_TIME_POLL));
    CHECK_OK(mk_receive(w.port, msg, MK_TIME_POLL));
    CHECK(msg->id == 3);
    strcpy(no_access() - 6, "label");
    CHECK_ERR(mk_task_create(no_access() - 6, NULL), MK_E_BAD_ADDRESS);
    mk_name_t task;
    CHECK_OK(mk_task_create(no_access() - 6, &task));
    CHECK_OK(mk_task_terminate(task, 0));
    clean_up();
}

/* HOST0070: a string that ends nowhere is refused: as too long, or where its memory ends. */
MKT_TEST(HOST0070)
{
    (void)arg;
    prepare();
    mk_name_t task;
    memset(w.pages, 'a', 2 * w.page);
    CHECK_ERR(mk_task_create(w.pages, &task), MK_E_TOO_LONG);
    CHECK_ERR(mk_task_create(no_access() - 10, &task), MK_E_BAD_ADDRESS);
    struct mk_thread_attr attr = good_attr;
    attr.label = w.pages;
    CHECK_ERR(mk_thread_create(w.self, &attr, NULL), MK_E_TOO_LONG);
    attr.label = no_access() - 10;
    CHECK_ERR(mk_thread_create(w.self, &attr, NULL), MK_E_BAD_ADDRESS);
    clean_up();
}

/* HOST0080: receive buffers that end too early lose the message and nothing else, wherever they end. */
MKT_TEST(HOST0080)
{
    (void)arg;
    prepare();
    char body[64] = "x";
    uint32_t nr_names = mkt_nr_names();
    for (size_t n = 0; n < 64; n += 7) {
        struct mk_msg_right right = {w.port, MK_MAKE_SEND_ONCE};
        struct mk_msg msg = {.body = body, .size = 64, .rights = &right, .nr_rights = 1};
        CHECK_OK(mk_send(w.port, &msg, MK_TIME_POLL));
        msg = (struct mk_msg){.body = no_access() - n, .capacity = 64, .rights = &right, .max_rights = 1};
        CHECK_ERR(mk_receive(w.port, &msg, MK_TIME_POLL), MK_E_BAD_ADDRESS);
        take_notice(w.port, MK_NOTIFY_SEND_ONCE); /* its right was dropped */
        right = (struct mk_msg_right){w.port, MK_MAKE_SEND_ONCE};
        msg = (struct mk_msg){.rights = &right, .nr_rights = 1};
        CHECK_OK(mk_send(w.port, &msg, MK_TIME_POLL));
        msg = (struct mk_msg){.rights = (void *)(no_access() - n % 8), .max_rights = 1};
        CHECK_ERR(mk_receive(w.port, &msg, MK_TIME_POLL), MK_E_BAD_ADDRESS);
        take_notice(w.port, MK_NOTIFY_SEND_ONCE);
        CHECK(mkt_nr_names() == nr_names);
    }
    clean_up();
}

/* HOST0090: a read-only message header takes the message with it, and no right is left over. */
MKT_TEST(HOST0090)
{
    (void)arg;
    prepare();
    uint32_t nr_names = mkt_nr_names();
    CHECK_OK(send_right(w.port, w.port, MK_MAKE_SEND_ONCE));
    CHECK(mprotect(w.pages, w.page, PROT_READ | PROT_WRITE) == 0);
    struct mk_msg *msg = (void *)w.pages;
    struct mk_msg_right right;
    *msg = (struct mk_msg){.rights = &right, .max_rights = 1};
    CHECK(mprotect(w.pages, w.page, PROT_READ) == 0);
    CHECK_ERR(mk_receive(w.port, msg, MK_TIME_POLL), MK_E_BAD_ADDRESS);
    take_notice(w.port, MK_NOTIFY_SEND_ONCE);
    CHECK(mkt_nr_names() == nr_names && is_empty(w.port));
    mk_msg_discard(msg);
    clean_up();
}

/* HOST0100: mk_msg_discard of a header, or of rights, in bad memory does nothing that it should not. */
MKT_TEST(HOST0100)
{
    (void)arg;
    prepare();
    struct snap before;
    snap_take(&before);
    mk_msg_discard((void *)1);
    mk_msg_discard((void *)no_access());
    mk_msg_discard((void *)(no_access() - 8));
    mk_msg_discard((void *)0xffff800000000000);
    struct mk_msg msg = {.rights = (void *)no_access(), .nr_rights = 3};
    mk_msg_discard(&msg);
    msg = (struct mk_msg){.rights = NULL, .nr_rights = UINT32_MAX, .reply = 12345};
    mk_msg_discard(&msg);
    struct mk_msg_right rights[3] = {{0, 0}, {MK_NAME_DEAD, MK_RIGHT_SEND}, {w.stale, MK_RIGHT_RECEIVE}};
    msg = (struct mk_msg){.rights = rights, .nr_rights = 3, .reply = MK_NAME_DEAD};
    mk_msg_discard(&msg);
    rights[0] = (struct mk_msg_right){w.set, MK_RIGHT_RECEIVE};
    rights[1] = (struct mk_msg_right){w.set, MK_RIGHT_SEND};
    msg = (struct mk_msg){.rights = rights, .nr_rights = 2, .reply = w.set};
    mk_msg_discard(&msg);
    CHECK(snap_is_same(&before));
    clean_up();
}

/* ---- names ---- */

/* A call with one name under test. Its result for a name that denotes nothing is MK_E_BAD_NAME. */
typedef mk_err_t (*name_call)(mk_name_t name);

static mk_name_t out;
static mk_vaddr_t out_addr;
static struct mk_msg out_msg;
static struct mk_port_state out_state;
static struct mk_right_info out_info;
static struct mk_device_info out_device;
static size_t out_size = 1;

static mk_err_t n_destroy(mk_name_t n)
{
    return mk_port_destroy(n);
}
static mk_err_t n_limit(mk_name_t n)
{
    return mk_port_set_limit(n, 5);
}
static mk_err_t n_state(mk_name_t n)
{
    return mk_port_state(n, &out_state);
}
static mk_err_t n_make(mk_name_t n)
{
    return mk_right_make(n, MK_RIGHT_SEND_ONCE, 0, &out);
}
static mk_err_t n_retain(mk_name_t n)
{
    return mk_right_retain(n, 1);
}
static mk_err_t n_release(mk_name_t n)
{
    return mk_right_release(n);
}
static mk_err_t n_info(mk_name_t n)
{
    return mk_right_info(n, &out_info);
}
static mk_err_t n_insert_to(mk_name_t n)
{
    return mk_right_insert(n, w.port, MK_COPY_SEND, &out);
}
static mk_err_t n_insert(mk_name_t n)
{
    return mk_right_insert(w.child, n, MK_MOVE_SEND, &out);
}
static mk_err_t n_insert_once(mk_name_t n)
{
    return mk_right_insert(w.child, n, MK_MOVE_SEND_ONCE, &out);
}
static mk_err_t n_insert_receive(mk_name_t n)
{
    return mk_right_insert(w.child, n, MK_MOVE_RECEIVE, &out);
}
static mk_err_t n_extract_from(mk_name_t n)
{
    return mk_right_extract(n, w.port, MK_COPY_SEND, &out);
}
static mk_err_t n_extract(mk_name_t n)
{
    return mk_right_extract(w.self, n, MK_COPY_SEND, &out);
}
static mk_err_t n_notify(mk_name_t n)
{
    return mk_port_notify(n, MK_NOTIFY_DEAD_NAME, 0, MK_NAME_NULL);
}
static mk_err_t n_notify_to(mk_name_t n)
{
    return mk_port_notify(w.send, MK_NOTIFY_DEAD_NAME, 0, n ? n : MK_NAME_DEAD);
}
static mk_err_t n_set_destroy(mk_name_t n)
{
    return mk_portset_destroy(n);
}
static mk_err_t n_set_add_to(mk_name_t n)
{
    return mk_portset_add(n, w.port);
}
static mk_err_t n_set_add(mk_name_t n)
{
    return mk_portset_add(w.set, n);
}
static mk_err_t n_set_remove_from(mk_name_t n)
{
    return mk_portset_remove(n, w.port);
}
static mk_err_t n_set_remove(mk_name_t n)
{
    return mk_portset_remove(w.set, n);
}
static mk_err_t n_terminate(mk_name_t n)
{
    return n == w.self ? MK_E_BAD_NAME : mk_task_terminate(n, 0);
}
static mk_err_t n_wait(mk_name_t n)
{
    return mk_task_wait(n, NULL, MK_TIME_POLL);
}
static mk_err_t n_get_special(mk_name_t n)
{
    return mk_task_get_special(n, MK_SPECIAL_BOOTSTRAP, &out);
}
static mk_err_t n_set_special(mk_name_t n)
{
    return mk_task_set_special(n, MK_SPECIAL_REGISTERED_2, w.port);
}
static mk_err_t n_special(mk_name_t n)
{
    return mk_task_set_special(w.self, MK_SPECIAL_REGISTERED_2, n ? n : MK_NAME_DEAD);
}
static mk_err_t n_by_id(mk_name_t n)
{
    return mk_task_by_id(n, w.number, &out);
}
static mk_err_t n_halt(mk_name_t n)
{
    return n == w.control ? MK_E_BAD_NAME : mk_machine_halt(n, 1);
}
static mk_err_t n_claim(mk_name_t n)
{
    return mk_bootstrap_claim(n, &out);
}
static mk_err_t n_thread_create(mk_name_t n)
{
    return mk_thread_create(n, &good_attr, &out);
}
static mk_err_t n_thread_end(mk_name_t n)
{
    return n == w.thread ? MK_E_BAD_NAME : mk_thread_terminate(n);
}
static mk_err_t n_join(mk_name_t n)
{
    return mk_thread_join(n, MK_TIME_POLL);
}
static mk_err_t n_suspend(mk_name_t n)
{
    return n == w.thread ? MK_E_BAD_NAME : mk_thread_suspend(n);
}
static mk_err_t n_resume(mk_name_t n)
{
    return mk_thread_resume(n);
}
static mk_err_t n_abort(mk_name_t n)
{
    return mk_thread_abort(n);
}
static mk_err_t n_priority(mk_name_t n)
{
    return mk_thread_set_priority(n, 30);
}
static mk_err_t n_allocate(mk_name_t n)
{
    return mk_vm_allocate(n, 1, &out_addr);
}
static mk_err_t n_deallocate(mk_name_t n)
{
    return mk_vm_deallocate(n, 4096, 4096);
}
static mk_err_t n_protect(mk_name_t n)
{
    return mk_vm_protect(n, 4096, 4096, 0);
}
static mk_err_t n_open(mk_name_t n)
{
    return mk_device_open(n, "nothing", &out);
}
static mk_err_t n_read(mk_name_t n)
{
    return mk_device_read(n, &out, &out_size, MK_TIME_POLL);
}
static mk_err_t n_write(mk_name_t n)
{
    return mk_device_write(n, "", 0);
}
static mk_err_t n_device_info(mk_name_t n)
{
    return mk_device_info(n, &out_device);
}
static mk_err_t n_raw(mk_name_t n)
{
    return mk_device_set_raw(n, false);
}
static mk_err_t n_receive(mk_name_t n)
{
    return mk_receive(n, &out_msg, MK_TIME_POLL);
}
static mk_err_t n_reply_receive(mk_name_t n)
{
    return mk_reply_receive(n, &out_msg, MK_TIME_POLL);
}

static mk_err_t n_send(mk_name_t n)
{
    struct mk_msg msg = {.id = 1};
    mk_err_t err = mk_send(n, &msg, MK_TIME_POLL);
    return n == MK_NAME_DEAD && err == MK_E_DEAD ? MK_E_BAD_NAME : err;
}

static mk_err_t n_call(mk_name_t n)
{
    struct mk_msg msg = {.id = 1};
    mk_err_t err = mk_call(n, &msg, MK_TIME_POLL);
    return n == MK_NAME_DEAD && err == MK_E_DEAD ? MK_E_BAD_NAME : err;
}

static mk_err_t n_reply(mk_name_t n)
{
    struct mk_msg msg = {.reply = n};
    mk_err_t err = mk_reply(&msg);
    return n == MK_NAME_DEAD && err == MK_E_DEAD ? MK_E_BAD_NAME : err;
}

static mk_err_t n_send_move(mk_name_t n)
{
    return send_right(w.port, n ? n : MK_NAME_DEAD, MK_MOVE_SEND);
}
static mk_err_t n_send_copy(mk_name_t n)
{
    return send_right(w.port, n ? n : MK_NAME_DEAD, MK_COPY_SEND);
}
static mk_err_t n_send_make(mk_name_t n)
{
    return send_right(w.port, n ? n : MK_NAME_DEAD, MK_MAKE_SEND);
}
static mk_err_t n_send_receive(mk_name_t n)
{
    return send_right(w.port, n ? n : MK_NAME_DEAD, MK_MOVE_RECEIVE);
}
static mk_err_t n_send_once(mk_name_t n)
{
    return send_right(w.port, n ? n : MK_NAME_DEAD, MK_MOVE_SEND_ONCE);
}

static mk_err_t n_send_reply(mk_name_t n)
{
    struct mk_msg msg = {.reply = n ? n : MK_NAME_DEAD};
    return mk_send(w.port, &msg, MK_TIME_POLL);
}

static const name_call name_calls[] = {
    n_destroy,
    n_limit,
    n_state,
    n_make,
    n_retain,
    n_release,
    n_info,
    n_insert_to,
    n_insert,
    n_insert_once,
    n_insert_receive,
    n_extract_from,
    n_extract,
    n_notify,
    n_notify_to,
    n_set_destroy,
    n_set_add_to,
    n_set_add,
    n_set_remove_from,
    n_set_remove,
    n_terminate,
    n_wait,
    n_get_special,
    n_set_special,
    n_special,
    n_by_id,
    n_halt,
    n_claim,
    n_thread_create,
    n_thread_end,
    n_join,
    n_suspend,
    n_resume,
    n_abort,
    n_priority,
    n_allocate,
    n_deallocate,
    n_protect,
    n_open,
    n_read,
    n_write,
    n_device_info,
    n_raw,
    n_receive,
    n_reply_receive,
    n_send,
    n_call,
    n_reply,
    n_send_move,
    n_send_copy,
    n_send_make,
    n_send_receive,
    n_send_once,
    n_send_reply,
};

/* HOST0110: a name that denotes nothing - 0, stale, MK_NAME_DEAD, made up - is MK_E_BAD_NAME in every call. */
MKT_TEST(HOST0110)
{
    (void)arg;
    prepare();
    uint64_t random = 88172645463325252u;
    struct snap before;
    snap_take(&before);
    for (size_t i = 0; i < COUNT_OF(name_calls); i++)
        for (int j = 0; j < 60; j++) {
            random ^= random << 13, random ^= random >> 7, random ^= random << 17;
            const mk_name_t special[] = {MK_NAME_NULL,        w.stale,        MK_NAME_DEAD, 1,         w.port + 1,
                                         w.port ^ 0x80000000, (1u << 21) - 1, 0x7fffffff,   0xfffffffe};
            mk_name_t name = j < (int)COUNT_OF(special) ? special[j] : (mk_name_t)random;
            if (mkt_type(name))
                continue;
            mk_err_t err = name_calls[i](name);
            if (err != MK_E_BAD_NAME) {
                mk_log("call %zu with name %#x: %s", i, name, mk_err_name(err));
                mk_task_exit(1);
            }
        }
    CHECK(snap_is_same(&before));
    clean_up();
}

static bool is_documented(mk_err_t err)
{
    return strcmp(mk_err_name(err), "MK_E_?") != 0;
}

/* Everything that a name can denote, in a task of its own each time, to any call. */
static void any_kind(void *arg)
{
    size_t i = *(const size_t *)arg;
    for (int kind = 0; kind < 10; kind++) {
        prepare();
        const mk_name_t names[] = {w.port,  w.send,   w.once,  w.set,     w.dead,
                                   w.child, w.thread, w.ended, w.control, w.self};
        mk_err_t err = name_calls[i](names[kind]);
        if (!is_documented(err))
            mk_log("call %zu, kind %d: %d", i, kind, (int)err);
        CHECK(is_documented(err));
        CHECK_OK(mk_machine_audit(NULL));
        munmap(w.pages, 6 * w.page);
    }
}

static void any_call_any_kind(void *arg)
{
    (void)arg;
    static size_t i;
    for (i = 0; i < COUNT_OF(name_calls); i++) {
        int code;
        mk_name_t task, control;
        CHECK_OK(mk_task_get_special(mk_task_self(), MK_SPECIAL_MACHINE, &control));
        CHECK_OK(mk_task_create("any", &task));
        CHECK_OK(mk_task_set_special(task, MK_SPECIAL_MACHINE, control));
        CHECK_OK(mk_right_release(thread_in(task, "any", any_kind, &i, 0)));
        CHECK_OK(mk_task_wait(task, &code, MK_TIME_FOREVER));
        CHECK(code == 0);
        CHECK_OK(mk_right_release(task));
    }
    mk_name_t control;
    CHECK_OK(mk_task_get_special(mk_task_self(), MK_SPECIAL_MACHINE, &control));
    CHECK_OK(mk_machine_halt(control, 0)); /* tasks that were made on the way have no threads */
}

/* HOST0120: a name of any kind, given to any call, is taken or refused in order, and every count stays right. */
static void HOST0120(void **state)
{
    (void)state;
    mkt_run(any_call_any_kind, NULL);
}

/* ---- sizes, counts, deadlines, enums ---- */

/* HOST0130: sizes and counts over the limits are refused by their own error before any memory is looked at. */
MKT_TEST(HOST0130)
{
    (void)arg;
    prepare();
    struct snap before;
    snap_take(&before);
    static const size_t sizes[] = {MK_BODY_MAX + 1, (size_t)1 << 32, (size_t)1 << 63, SIZE_MAX - 63, SIZE_MAX};
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        struct mk_msg msg = {.body = w.pages, .size = sizes[i], .reply = w.once};
        CHECK_ERR(mk_send(w.port, &msg, MK_TIME_POLL), MK_E_MSG_TOO_LARGE);
        CHECK_ERR(mk_call(w.port, &msg, MK_TIME_FOREVER), MK_E_MSG_TOO_LARGE);
        CHECK_ERR(mk_reply(&msg), MK_E_MSG_TOO_LARGE);
        CHECK_ERR(mk_reply_receive(w.port, &msg, MK_TIME_FOREVER), MK_E_MSG_TOO_LARGE);
    }
    static const uint32_t counts[] = {MK_RIGHTS_MAX + 1, 1u << 29, UINT32_MAX};
    for (size_t i = 0; i < COUNT_OF(counts); i++) {
        struct mk_msg msg = {.nr_rights = counts[i], .reply = w.once};
        CHECK_ERR(mk_send(w.port, &msg, MK_TIME_POLL), MK_E_MSG_TOO_LARGE);
        CHECK_ERR(mk_call(w.port, &msg, MK_TIME_FOREVER), MK_E_MSG_TOO_LARGE);
        CHECK_ERR(mk_reply_receive(w.port, &msg, MK_TIME_FOREVER), MK_E_MSG_TOO_LARGE);
    }
    CHECK(snap_is_same(&before));
    clean_up();
}

/* HOST0140: a receiver may say that it has any room; only what is there is written. */
MKT_TEST(HOST0140)
{
    (void)arg;
    prepare();
    struct mk_msg_right right = {w.port, MK_MAKE_SEND};
    char *body = no_access() - 5;
    struct mk_msg msg = {.body = (void *)(uintptr_t) "12345", .size = 5, .rights = &right, .nr_rights = 1};
    CHECK_OK(mk_send(w.port, &msg, MK_TIME_POLL));
    msg = (struct mk_msg){
        .body = body, .capacity = SIZE_MAX, .rights = (void *)(no_access() - 16), .max_rights = UINT32_MAX};
    CHECK_OK(mk_receive(w.port, &msg, MK_TIME_POLL));
    CHECK(memcmp(body, "12345", 5) == 0 && msg.size == 5 && msg.nr_rights == 1);
    clean_up();
}

/* HOST0150: negative deadlines are refused by every call that has one, before anything is done. */
MKT_TEST(HOST0150)
{
    (void)arg;
    prepare();
    static const mk_time_t deadlines[] = {-1, -MK_SEC, INT64_MIN};
    struct snap before;
    snap_take(&before);
    for (size_t i = 0; i < COUNT_OF(deadlines); i++) {
        struct mk_msg msg = {.reply = w.once};
        CHECK_ERR(mk_send(w.port, &msg, deadlines[i]), MK_E_BAD_ARGUMENT);
        CHECK_ERR(mk_receive(w.port, &msg, deadlines[i]), MK_E_BAD_ARGUMENT);
        CHECK_ERR(mk_call(w.port, &msg, deadlines[i]), MK_E_BAD_ARGUMENT);
        CHECK_ERR(mk_reply_receive(w.port, &msg, deadlines[i]), MK_E_BAD_ARGUMENT);
        CHECK_ERR(mk_task_wait(w.child, NULL, deadlines[i]), MK_E_BAD_ARGUMENT);
        CHECK_ERR(mk_thread_join(w.thread, deadlines[i]), MK_E_BAD_ARGUMENT);
        CHECK_ERR(mk_time_sleep(deadlines[i]), MK_E_BAD_ARGUMENT);
        CHECK_ERR(mk_time_spend(deadlines[i]), MK_E_BAD_ARGUMENT);
    }
    CHECK(snap_is_same(&before) && is_empty(w.port));
    clean_up();
}

/* HOST0160: enums out of their range are refused wherever one is taken. */
MKT_TEST(HOST0160)
{
    (void)arg;
    prepare();
    static const uint32_t bad[] = {7, 77, 0x7fffffff, 0x80000000, UINT32_MAX};
    struct snap before;
    snap_take(&before);
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        CHECK_ERR(mk_right_make(w.port, (enum mk_right_type)bad[i], 0, &out), MK_E_BAD_ARGUMENT);
        CHECK_ERR(mk_right_insert(w.child, w.port, (enum mk_disposition)bad[i], &out), MK_E_BAD_ARGUMENT);
        CHECK_ERR(mk_right_extract(w.self, w.port, (enum mk_disposition)bad[i], &out), MK_E_BAD_ARGUMENT);
        CHECK_ERR(mk_port_notify(w.port, (enum mk_notify)bad[i], 0, w.once), MK_E_BAD_ARGUMENT);
        CHECK_ERR(mk_task_get_special(w.self, (enum mk_special)bad[i], &out), MK_E_BAD_ARGUMENT);
        CHECK_ERR(mk_task_set_special(w.self, (enum mk_special)bad[i], w.port), MK_E_BAD_ARGUMENT);
        CHECK_ERR(send_right(w.port, w.port, bad[i]), MK_E_BAD_ARGUMENT);
        CHECK_ERR(mk_thread_set_priority(w.thread, (int)bad[i] < 0 ? (int)bad[i] : 64 + (int)(bad[i] & 0xffff)),
                  MK_E_BAD_ARGUMENT);
    }
    CHECK(snap_is_same(&before));
    clean_up();
}

/* HOST0170: windows of memory that wrap around, or are not the task's, are refused. */
MKT_TEST(HOST0170)
{
    (void)arg;
    prepare();
    mk_vaddr_t mine;
    size_t page = w.page;
    CHECK_OK(mk_vm_allocate(w.self, page, &mine));
    const struct {
        mk_vaddr_t addr;
        size_t size;
    } bad[] = {{0, page},
               {mine, SIZE_MAX - page + 1},
               {mine, (SIZE_MAX / 2 + 1)},
               {UINTPTR_MAX - page + 1, page},
               {UINTPTR_MAX - page + 1, 2 * page},
               {mine - ((mk_vaddr_t)1 << 31), page},
               {mine + ((mk_vaddr_t)1 << 31), page},
               {(mk_vaddr_t)w.pages, page},
               {0xffff800000000000, page}};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        CHECK_ERR(mk_vm_deallocate(w.self, bad[i].addr, bad[i].size), MK_E_BAD_ARGUMENT);
        CHECK_ERR(mk_vm_protect(w.self, bad[i].addr, bad[i].size, MK_PROT_NONE), MK_E_BAD_ARGUMENT);
    }
    *(volatile char *)mine = 1;
    w.pages[0] = 1;
    clean_up();
}

/* HOST0180: the console device: names, strings and buffers that are bad are refused; it opens once. */
MKT_TEST(HOST0180)
{
    (void)arg;
    prepare();
    mk_name_t device, again;
    size_t size = 1;
    struct mk_device_info info;
    CHECK_ERR(mk_device_open(w.control, "no such device", &device), MK_E_NOT_FOUND);
    CHECK_ERR(mk_device_open(w.port, "console", &device), MK_E_BAD_RIGHT);
    CHECK_OK(mk_device_open(w.control, "console", &device));
    CHECK_ERR(mk_device_open(w.control, "console", &again), MK_E_BAD_STATE);
    CHECK_ERR(mk_device_read(w.port, w.pages, &size, MK_TIME_POLL), MK_E_BAD_RIGHT);
    CHECK_ERR(mk_device_read(device, w.pages, NULL, MK_TIME_POLL), MK_E_BAD_ADDRESS);
    CHECK_ERR(mk_device_read(device, w.pages, &size, -1), MK_E_BAD_ARGUMENT);
    CHECK_ERR(mk_device_write(device, no_access(), 10), MK_E_BAD_ADDRESS);
    CHECK_ERR(mk_device_write(device, NULL, 1), MK_E_BAD_ADDRESS);
    CHECK_ERR(mk_device_write(device, (void *)0xffff800000000000, SIZE_MAX), MK_E_BAD_ADDRESS);
    CHECK_OK(mk_device_write(device, NULL, 0));
    CHECK_ERR(mk_device_info(device, (void *)no_access()), MK_E_BAD_ADDRESS);
    CHECK_OK(mk_device_info(device, &info));
    CHECK(info.columns > 0 && info.rows > 0);
    CHECK_ERR(mk_task_wait(device, NULL, MK_TIME_POLL), MK_E_BAD_RIGHT);
    CHECK_ERR(send_id(device, 1), MK_E_BAD_RIGHT);
    CHECK_OK(mk_right_release(device));
    CHECK_OK(mk_device_open(w.control, "console", &device)); /* nobody could reach it any more */
    clean_up();
}

/* ---- at random ---- */

static uint64_t chance;

static uint64_t draw(uint64_t n)
{
    chance ^= chance << 13, chance ^= chance >> 7, chance ^= chance << 17;
    return chance % n;
}

static mk_name_t any_name(void)
{
    static struct mk_name_info infos[64];
    size_t n;
    CHECK_OK(mk_machine_names(NULL, w.number, infos, 64, &n));
    n = n < 64 ? n : 64;
    mk_name_t name = n && draw(8) ? infos[draw(n)].name : (mk_name_t)draw(UINT32_MAX);
    return name == w.self || name == w.thread || name == w.control ? w.port : name;
}

static void *any_pointer(void)
{
    void *const pointers[] = {w.pages,
                              w.pages + 100,
                              w.pages + 8,
                              w.pages + 512,
                              no_access() - 20,
                              no_access(),
                              read_only(),
                              NULL,
                              (void *)0xffff800000000000,
                              w.pages + 1001};
    return pointers[draw(draw(3) ? 4 : COUNT_OF(pointers))];
}

static struct mk_msg *any_message(struct mk_msg *msg, struct mk_msg_right rights[4])
{
    for (int i = 0; i < 4; i++)
        rights[i] = (struct mk_msg_right){any_name(), (uint32_t)draw(8)};
    *msg = (struct mk_msg){.id = (uint32_t)draw(1000),
                           .body = any_pointer(),
                           .size = draw(300),
                           .capacity = draw(300),
                           .rights = rights,
                           .nr_rights = (uint32_t)draw(4),
                           .max_rights = (uint32_t)draw(5),
                           .reply = draw(2) ? any_name() : MK_NAME_NULL};
    return draw(50) ? msg : any_pointer();
}

static void any_call(void)
{
    struct mk_msg msg;
    struct mk_msg_right rights[4];
    mk_name_t name = any_name();
    mk_err_t err = MK_OK;
    mk_time_t deadline = draw(3) ? MK_TIME_POLL : mk_time_now() + (mk_time_t)draw(1000);
    switch (draw(20)) {
    case 0:
    case 1:
    case 2:
        err = mk_send(name, any_message(&msg, rights), deadline);
        break;
    case 3:
    case 4:
    case 5:
        err = mk_receive(name, any_message(&msg, rights), deadline);
        break;
    case 6:
        err = mk_call(name, any_message(&msg, rights), deadline);
        break;
    case 7:
        err = mk_reply(any_message(&msg, rights));
        break;
    case 8:
        err = mk_reply_receive(name, any_message(&msg, rights), deadline);
        break;
    case 9:
        err = mk_port_create(any_pointer());
        break;
    case 10:
        err = mk_right_make(name, (enum mk_right_type)(1u << draw(4)), draw(3), any_pointer());
        break;
    case 11:
        err = mk_right_release(name);
        break;
    case 12:
        err = mk_right_insert(w.child, name, (enum mk_disposition)draw(8), any_pointer());
        break;
    case 13:
        err = mk_right_extract(w.child, (mk_name_t)((1u + draw(4)) << 21 | draw(40)), (enum mk_disposition)draw(8),
                               any_pointer());
        break;
    case 14:
        err = mk_port_notify(name, (enum mk_notify)draw(5), (uint32_t)draw(3), any_name());
        break;
    case 15:
        err = draw(2) ? mk_portset_create(any_pointer()) : mk_portset_destroy(name);
        break;
    case 16:
        err = draw(2) ? mk_portset_add(name, any_name()) : mk_portset_remove(name, any_name());
        break;
    case 17:
        err = draw(3) ? mk_port_set_limit(name, (uint32_t)draw(8)) : mk_port_destroy(name);
        break;
    case 18:
        err = mk_right_retain(name, (uint32_t)draw(3));
        break;
    default:
        any_message(&msg, rights);
        mk_msg_discard(&msg);
        break;
    }
    CHECK(is_documented(err));
}

static void at_random(void *arg)
{
    chance = *(const uint64_t *)arg;
    prepare();
    for (int i = 0; i < 4000; i++) {
        if (mkt_nr_names() > 50) /* not everything for ever */
            (void)!mk_port_destroy(any_name()), (void)!mk_right_release(any_name());
        if (!mkt_type(w.port) || !(mkt_type(w.port) & MK_RIGHT_RECEIVE))
            w.port = mkt_port();
        any_call();
        if (i % 100 == 0)
            CHECK_OK(mk_machine_audit(NULL));
    }
    CHECK_OK(mk_machine_audit(NULL));
    munmap(w.pages, 6 * w.page);
    mk_name_t control;
    CHECK_OK(mk_task_get_special(mk_task_self(), MK_SPECIAL_MACHINE, &control));
    CHECK_OK(mk_machine_halt(control, 0));
}

/* HOST0190: thousands of calls with arguments drawn at random leave every count right. */
static void HOST0190(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 25; seed++) {
        uint64_t start = seed * 0x9e3779b97f4a7c15u;
        mkt_run(at_random, &start);
    }
}

/* HOST0200: a body is copied when it is sent: what the sender writes later does not reach the receiver. */
MKT_TEST(HOST0200)
{
    (void)arg;
    mk_name_t port = mkt_port();
    char body[8] = "before", in[8];
    struct mk_msg msg = {.body = body, .size = 7};
    CHECK_OK(mk_send(port, &msg, MK_TIME_POLL));
    strcpy(body, "after");
    msg = (struct mk_msg){.body = in, .capacity = 8};
    CHECK_OK(mk_receive(port, &msg, MK_TIME_POLL));
    CHECK(strcmp(in, "before") == 0);
}

struct shared {
    struct mk_msg msg;
    mk_name_t port;
    mk_err_t err;
};

static void shared_receiver(void *arg)
{
    struct shared *s = arg;
    s->err = mk_receive(s->port, &s->msg, MK_TIME_FOREVER);
}

/* HOST0210: header and buffers that another thread changes or frees while the receiver waits do no harm. */
MKT_TEST(HOST0210)
{
    (void)arg;
    size_t page = mk_page_size();
    mk_vaddr_t addr;
    char body[64] = "x";
    CHECK_OK(mk_vm_allocate(mk_task_self(), 2 * page, &addr));
    struct shared *s = (struct shared *)addr;
    *s = (struct shared){.port = mkt_port(), .msg = {.body = (void *)(addr + page), .capacity = 64}};
    mk_name_t port = s->port, thread = mkt_thread(shared_receiver, s);
    mk_thread_yield();
    s->msg.capacity = SIZE_MAX;
    s->msg.body = (void *)8;
    CHECK_OK(mk_vm_deallocate(mk_task_self(), addr + page, page));
    struct mk_msg msg = {.body = body, .size = 64};
    CHECK_OK(mk_send(port, &msg, MK_TIME_POLL));
    join(thread);
    CHECK(s->err == MK_E_BAD_ADDRESS && is_empty(port));
}

/* HOST0220: a header that ends too early is refused, and loses the message that was being delivered at most. */
MKT_TEST(HOST0220)
{
    (void)arg;
    prepare();
    for (size_t n = 0; n < sizeof(struct mk_msg); n += 4) {
        memset(w.pages, 0, 2 * w.page);
        CHECK_OK(send_id(w.port, 1));
        CHECK_OK(send_id(w.port, 2));
        CHECK_ERR(mk_receive(w.port, (void *)(no_access() - n), MK_TIME_POLL), MK_E_BAD_ADDRESS);
        if (port_state(w.port).nr_queued == 2) /* refused before the delivery began */
            CHECK(take_id(w.port) == 1);
        CHECK(take_id(w.port) == 2 && is_empty(w.port));
    }
    clean_up();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(HOST0010), cmocka_unit_test(HOST0020), cmocka_unit_test(HOST0030), cmocka_unit_test(HOST0040),
        cmocka_unit_test(HOST0050), cmocka_unit_test(HOST0060), cmocka_unit_test(HOST0070), cmocka_unit_test(HOST0080),
        cmocka_unit_test(HOST0090), cmocka_unit_test(HOST0100), cmocka_unit_test(HOST0110), cmocka_unit_test(HOST0120),
        cmocka_unit_test(HOST0130), cmocka_unit_test(HOST0140), cmocka_unit_test(HOST0150), cmocka_unit_test(HOST0160),
        cmocka_unit_test(HOST0170), cmocka_unit_test(HOST0180), cmocka_unit_test(HOST0190), cmocka_unit_test(HOST0200),
        cmocka_unit_test(HOST0210), cmocka_unit_test(HOST0220),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
