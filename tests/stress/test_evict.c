/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Eviction at every point: each kernel call with everything it reads and writes in memory that can leave, laid across
 * borders of pages, for every choice of pages that are out when it begins, with few frames and with enough, with and
 * without a copy that makes the first store need another frame. It does what it does in ordinary memory, or says
 * MK_E_LIMIT_MEMORY, has changed nothing, and does it once there are frames.
 */
#include "stress.h"

#include "helpers.h"
#include "pagers.h"

#define NR_PLACES 6
#define NR_PAGES  (2u * NR_PLACES)
#define NR_JUNK   20u
#define ENOUGH    14u /* frames: all of a call's pages, and copies of two at a time */
#define NR_MASKS  stress_env("MK_STRESS_MASKS", STRESS_SIZE(48, 8))

static char *window, *copy;
static volatile char *junk;

/* The i-th place, across a border, for something of this size. */
static void *place(unsigned i, size_t size)
{
    return window + (2 * i + 1) * PAGE - (size / 2 + 7) / 8 * 8;
}

static bool is_filled(const char *p, size_t size, char byte)
{
    for (size_t i = 0; i < size; i++)
        if (p[i] != byte)
            return false;
    return true;
}

/* ---- calls: what they need, what they do, what must be so then ---- */

struct call {
    const char *name;
    void (*prepare)(void);
    mk_err_t (*run)(void);
    void (*verify)(void); /* and leave nothing behind */
};

static mk_name_t port, server_port;

/* names out */

static mk_err_t create_run(void)
{
    return mk_port_create((mk_name_t *)place(0, 0));
}

static void create_verify(void)
{
    CHECK_OK(mk_port_destroy(*(mk_name_t *)place(0, 0)));
}

/* messages */

#define BODY 600u

static struct mk_msg *msg(unsigned i)
{
    return (struct mk_msg *)place(i, sizeof(struct mk_msg));
}

static struct mk_msg_right *rights(unsigned i)
{
    return (struct mk_msg_right *)place(i, 4 * sizeof(struct mk_msg_right));
}

static void message_prepare(void)
{
    struct mk_msg_right *r = rights(2);
    struct mk_msg_memory *m = (struct mk_msg_memory *)place(3, sizeof(*m));
    memset(place(1, BODY), 'b', BODY);
    for (unsigned i = 0; i < 4; i++)
        r[i] = (struct mk_msg_right){.name = port, .how = MK_MAKE_SEND};
    memset(place(4, BODY), 'm', BODY);
    *m = (struct mk_msg_memory){.address = place(4, BODY), .size = BODY, .how = MK_MEMORY_COPY};
    *msg(0) = (struct mk_msg){.id = 7,
                              .body = place(1, BODY),
                              .size = BODY,
                              .capacity = BODY,
                              .rights = r,
                              .nr_rights = 4,
                              .max_rights = 4,
                              .memories = m,
                              .nr_memories = 1,
                              .max_memories = 1};
}

static void message_check(const struct mk_msg *m)
{
    CHECK(m->id == 7 && m->size == BODY && m->nr_rights == 4 && m->nr_memories == 1);
    CHECK(is_filled(m->body, BODY, 'b') && is_filled(m->memories[0].address, BODY, 'm'));
    for (unsigned i = 0; i < 4; i++)
        CHECK(m->rights[i].name == port && m->rights[i].how == MK_RIGHT_SEND);
    CHECK(mkt_refs(port) == 1 + 4); /* its own, and these */
}

static mk_err_t send_run(void)
{
    return mk_send(port, msg(0), MK_TIME_FOREVER);
}

static void send_verify(void)
{
    static char body[BODY];
    static struct mk_msg_right r[4];
    static struct mk_msg_memory m[1];
    struct mk_msg got = {
        .body = body, .capacity = BODY, .rights = r, .max_rights = 4, .memories = m, .max_memories = 1};
    CHECK_OK(mk_receive(port, &got, MK_TIME_FOREVER));
    message_check(&got);
    mk_msg_discard(&got);
}

static void receive_prepare(void)
{
    message_prepare();
    CHECK_OK(mk_send(port, msg(0), MK_TIME_FOREVER));
    memset(place(1, BODY), 'x', BODY);
    memset(rights(2), 'x', 4 * sizeof(struct mk_msg_right));
    memset(place(3, sizeof(struct mk_msg_memory)), 'x', sizeof(struct mk_msg_memory));
}

static mk_err_t receive_run(void)
{
    return mk_receive(port, msg(0), MK_TIME_FOREVER);
}

static void receive_verify(void)
{
    message_check(msg(0));
    mk_msg_discard(msg(0));
}

/* The server gives everything back, from memory of its own that leaves as well. */
static mk_err_t call_run(void)
{
    return mk_call(server_port, msg(0), MK_TIME_FOREVER);
}

static mk_err_t discard_run(void)
{
    mk_msg_discard(msg(0));
    return MK_OK;
}

static void discard_prepare(void)
{
    receive_prepare();
    CHECK_OK(mk_receive(port, msg(0), MK_TIME_FOREVER));
}

static void discard_verify(void)
{
    CHECK(msg(0)->nr_rights == 0 && msg(0)->nr_memories == 0 && mkt_refs(port) == 1);
}

/* events */

static mk_name_t events;

static void event_prepare(void)
{
    mk_name_t send;
    CHECK_OK(mk_right_make(events, MK_RIGHT_SEND, 0, &send));
    CHECK_OK(mk_event_signal(send, 5));
    CHECK_OK(mk_right_release(send));
}

static mk_err_t event_run(void)
{
    return mk_event_wait(events, (uint64_t *)place(0, 0), MK_TIME_FOREVER);
}

static void event_verify(void)
{
    CHECK(*(uint64_t *)place(0, 0) == 5);
}

/* memory */

static mk_err_t write_run(void)
{
    return mk_vm_write(mk_task_self(), (mk_vaddr_t)place(0, BODY), place(1, BODY), BODY);
}

static mk_err_t read_run(void)
{
    return mk_vm_read(mk_task_self(), (mk_vaddr_t)place(1, BODY), place(0, BODY), BODY);
}

static void transfer_prepare(void)
{
    memset(place(0, BODY), 'x', BODY);
    memset(place(1, BODY), 'y', BODY);
}

static void transfer_verify(void)
{
    CHECK(is_filled(place(0, BODY), BODY, 'y'));
}

static mk_err_t copy_run(void)
{
    return mk_vm_copy(mk_task_self(), (mk_vaddr_t)window + 2 * PAGE, 2 * PAGE, (mk_vaddr_t)window);
}

static mk_vaddr_t moved;

static void move_prepare(void)
{
    message_prepare();
    CHECK_OK(mk_vm_allocate(mk_task_self(), 2 * PAGE, &moved));
    memset((void *)moved, 'm', 2 * PAGE);
    msg(0)->memories[0] = (struct mk_msg_memory){.address = (void *)moved, .size = 2 * PAGE, .how = MK_MEMORY_MOVE};
    msg(0)->nr_rights = 0;
}

static void move_verify(void)
{
    static struct mk_msg_memory m[1];
    static char body[BODY];
    struct mk_msg got = {.body = body, .capacity = BODY, .memories = m, .max_memories = 1};
    CHECK_ERR(mk_vm_protect(mk_task_self(), moved, PAGE, MK_PROT_READ), MK_E_BAD_ADDRESS);
    CHECK_OK(mk_receive(port, &got, MK_TIME_FOREVER));
    CHECK(is_filled(m[0].address, 2 * PAGE, 'm'));
    mk_msg_discard(&got);
}

static struct mk_vm_map *how(void)
{
    return (struct mk_vm_map *)place(1, sizeof(struct mk_vm_map));
}

static mk_err_t memory_run(void)
{
    return mk_memory_create(MK_NAME_NULL, 0, PAGE, (mk_name_t *)place(0, 0), NULL);
}

static void memory_verify(void)
{
    CHECK_OK(mk_right_release(*(mk_name_t *)place(0, 0)));
}

static void map_prepare(void)
{
    mk_name_t memory;
    CHECK_OK(mk_memory_create(MK_NAME_NULL, 0, PAGE, &memory, NULL));
    *how() = (struct mk_vm_map){.memory = memory, .size = PAGE, .prot = MK_PROT_READ};
}

static mk_err_t map_run(void)
{
    return mk_vm_map(mk_task_self(), how(), (mk_vaddr_t *)place(0, 0));
}

static void map_verify(void)
{
    CHECK_OK(mk_vm_deallocate(mk_task_self(), *(mk_vaddr_t *)place(0, 0), PAGE));
    CHECK_OK(mk_right_release(how()->memory));
}

/* looking */

static struct mk_vm_region *region(void)
{
    return (struct mk_vm_region *)place(0, sizeof(struct mk_vm_region));
}

static mk_err_t region_run(void)
{
    return mk_vm_region(mk_task_self(), (mk_vaddr_t)window, region());
}

static void region_verify(void)
{
    CHECK(region()->start == (mk_vaddr_t)window && region()->prot == (MK_PROT_READ | MK_PROT_WRITE));
}

static mk_err_t info_run(void)
{
    return mk_right_info(port, (struct mk_right_info *)place(0, sizeof(struct mk_right_info)));
}

static void info_verify(void)
{
    const struct mk_right_info *info = (const struct mk_right_info *)place(0, sizeof(*info));
    CHECK(info->type == (MK_RIGHT_RECEIVE | MK_RIGHT_SEND) && info->user_refs == 1);
}

/* strings and structures in */

static void task_prepare(void)
{
    strcpy((char *)place(1, 16), "a label");
}

static mk_err_t task_run(void)
{
    return mk_task_create((const char *)place(1, 16), (mk_name_t *)place(0, 0));
}

static void task_verify(void)
{
    const mk_name_t task = *(mk_name_t *)place(0, 0);
    CHECK_OK(mk_task_terminate(task, 0));
    CHECK_OK(mk_right_release(task));
}

static void nothing(void)
{
}

static const struct call calls[] = {
    {"mk_port_create", nothing, create_run, create_verify},
    {"mk_send", message_prepare, send_run, send_verify},
    {"mk_receive", receive_prepare, receive_run, receive_verify},
    {"mk_call", message_prepare, call_run, receive_verify},
    {"mk_msg_discard", discard_prepare, discard_run, discard_verify},
    {"mk_event_wait", event_prepare, event_run, event_verify},
    {"mk_vm_write", transfer_prepare, write_run, transfer_verify},
    {"mk_vm_read", transfer_prepare, read_run, transfer_verify},
    {"mk_vm_copy", transfer_prepare, copy_run, transfer_verify},
    {"mk_send, memory moved", move_prepare, send_run, move_verify},
    {"mk_memory_create", nothing, memory_run, memory_verify},
    {"mk_vm_map", map_prepare, map_run, map_verify},
    {"mk_vm_region", nothing, region_run, region_verify},
    {"mk_right_info", nothing, info_run, info_verify},
    {"mk_task_create", task_prepare, task_run, task_verify},
};

/* ---- what is out ---- */

static void set_frames(uint32_t nr, const char *policy)
{
    const struct mk_vm_frames frames = {.nr_frames = nr, .policy = policy};
    CHECK_OK(mk_vm_set_frames(mk_task_self(), &frames));
}

static void evict_all(void)
{
    for (unsigned i = 0; i < NR_JUNK; i++)
        junk[i * PAGE]++;
}

/* Everything leaves but the pages of the mask. */
static void leave(uint32_t mask)
{
    evict_all();
    for (unsigned i = 0; i < NR_PAGES; i++)
        if (mask & 1u << i)
            (void)*(volatile char *)(window + i * PAGE);
}

static void try(const struct call *call, uint32_t mask, uint32_t nr_frames, const char *policy, bool with_copy)
{
    const mk_name_t task = mk_task_self();
    uint32_t nr_names = mkt_nr_names();
    call->prepare();
    if (with_copy)
        CHECK_OK(mk_vm_copy(task, (mk_vaddr_t)window, NR_PAGES * PAGE, (mk_vaddr_t)copy));
    set_frames(nr_frames, policy);
    leave(mask);
    mk_err_t err = call->run();
    if (err && (err != MK_E_LIMIT_MEMORY || nr_frames >= ENOUGH))
        mk_log("%s with %u frames, %s: %s", call->name, nr_frames, policy, mk_err_name(err));
    set_frames(0, NULL);
    if (err)
        CHECK_OK(call->run());
    call->verify();
    if (mkt_nr_names() != nr_names)
        mk_log("%s with %u frames, %s: %u names are left", call->name, nr_frames, policy, mkt_nr_names() - nr_names);
}

static void client(void *arg)
{
    static const char *const policies[] = {"fifo", "clock", "random"};
    static const uint32_t sizes[] = {3, 6, ENOUGH};
    uint64_t random = 1;
    mk_vaddr_t addr;
    (void)arg;
    CHECK_OK(mk_time_sleep(mk_time_now() + MK_MSEC)); /* the store and the server are there */
    CHECK_OK(mk_vm_allocate(mk_task_self(), NR_PAGES * PAGE, &addr));
    window = (char *)addr;
    CHECK_OK(mk_vm_allocate(mk_task_self(), NR_PAGES * PAGE, &addr));
    copy = (char *)addr;
    CHECK_OK(mk_vm_allocate(mk_task_self(), NR_JUNK * PAGE, &addr));
    junk = (volatile char *)addr;
    port = mkt_port();
    CHECK_OK(mk_event_create(&events));
    CHECK_OK(mk_task_get_special(mk_task_self(), MK_SPECIAL_BOOTSTRAP, &server_port));
    for (unsigned i = 0; i < NR_PAGES; i++)
        window[i * PAGE] = (char)(1 + i); /* so that it is no page of zeros */
    for (unsigned c = 0; c < sizeof(calls) / sizeof(calls[0]); c++)
        for (uint64_t m = 0; m < NR_MASKS; m++) {
            uint32_t mask = m < 2 ? (uint32_t)-m : (uint32_t)stress_random(&random);
            unsigned n = (unsigned)m % 3, p = (unsigned)(m / 3) % 3;
            try(&calls[c], mask, sizes[n], policies[p], m / 9 % 2);
        }
    CHECK_OK(mk_machine_audit(NULL));
}

/* What comes goes back, through buffers that leave memory before each answer. */
static void server(void *arg)
{
    mk_vaddr_t addr;
    mk_name_t machine, own;
    (void)arg;
    CHECK_OK(mk_task_set_server(true));
    CHECK_OK(mk_task_get_special(mk_task_self(), MK_SPECIAL_MACHINE, &machine));
    CHECK_OK(mk_bootstrap_claim(machine, &own));
    CHECK_OK(mk_vm_allocate(mk_task_self(), (NR_PAGES + NR_JUNK) * PAGE, &addr));
    char *base = (char *)addr;
    struct mk_msg *m = (struct mk_msg *)(base + PAGE - 40);
    struct mk_msg_right *r = (struct mk_msg_right *)(base + 3 * PAGE - 16);
    struct mk_msg_memory *memories = (struct mk_msg_memory *)(base + 5 * PAGE - 8);
    *m = (struct mk_msg){.body = base + 7 * PAGE - 40, .rights = r, .memories = memories};
    const struct mk_vm_frames frames = {.nr_frames = ENOUGH, .policy = "fifo"};
    CHECK_OK(mk_vm_set_frames(mk_task_self(), &frames));
    for (mk_err_t err = MK_OK; !err; err = mk_reply_receive(own, m, MK_TIME_FOREVER)) {
        for (uint32_t i = 0; i < m->nr_rights; i++)
            r[i].how = MK_MOVE_SEND;
        for (uint32_t i = 0; i < m->nr_memories; i++)
            memories[i].how = MK_MEMORY_COPY;
        m->capacity = BODY;
        m->max_rights = 4;
        m->max_memories = 1;
        for (unsigned i = 0; i < NR_JUNK; i++)
            base[(NR_PAGES + i) * PAGE]++;
    }
}

/* EVICT0010: a kernel call does the same whatever of its memory is out, and whatever leaves while it runs. */
static void EVICT0010(void **state)
{
    (void)state;
    struct mkt t;
    struct test_pager pager;
    store_begin(&t, &pager, 256, 1024);
    mkt_spawn(&t, "server", server, NULL, true);
    mkt_spawn(&t, "client", client, NULL, false);
    store_end(&t, &pager);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(EVICT0010)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
