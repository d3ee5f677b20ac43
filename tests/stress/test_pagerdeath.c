/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Pagers that end at any time. A run is repeated with its pager ending at the first message, at a later one (all of
 * them
 * are tried with MK_STRESS_STRIDE=1), and so on until there are no more: those who use its pages are told or have what
 * they must have, all others notice nothing,
 * nothing waits for ever and nothing is left. And backing stores that others take the place of, meanwhile or not.
 */
#include "stress.h"

#include "helpers.h"
#include "pagers.h"

#define RW (uint32_t)(MK_PROT_READ | MK_PROT_WRITE)

/* From one message to the next at which the pager ends; each is tried with 1. */
#define STRIDE (unsigned)stress_env("MK_STRESS_STRIDE", STRESS_SIZE(7, 29))

#define PRIO_STORE (MK_PRIO_DEFAULT + 8)
#define PRIO_KILL  (MK_PRIO_DEFAULT + 16)

static struct mkt machine;

enum death {
    DEATH_NONE,
    DEATH_UNANSWERED, /* with the message received */
    DEATH_ANSWERED,   /* with the message answered */
    DEATH_PORT,       /* only its port goes */
    DEATH_OBJECT,     /* only its object goes */
    DEATH_KILLED,     /* another task ends it, at some time */
    NR_DEATHS,
};

static uint64_t value(uint64_t who, uint64_t page, uint64_t round)
{
    return stress_mix(who << 40 | page << 20 | round);
}

static volatile uint64_t *word(mk_vaddr_t base, unsigned page, unsigned nr)
{
    return (volatile uint64_t *)(base + page * (size_t)PAGE) + nr;
}

static mk_vaddr_t allocate(size_t nr_pages)
{
    mk_vaddr_t addr;
    CHECK_OK(mk_vm_allocate(mk_task_self(), nr_pages * PAGE, &addr));
    return addr;
}

/* The log may tell of threads that did not get a page, for these reasons, and of nothing else. */
static bool log_is_good(mk_err_t reason, mk_err_t other)
{
    char *line = machine.log;
    bool is_good = true;
    for (char *end; (end = strchr(line, '\n')); line = end + 1) {
        *end = '\0';
        bool is_exception = line[0] == ' ' || (strstr(line, "ended its task") &&
                                               (strstr(line, mk_err_text(reason)) || strstr(line, mk_err_text(other))));
        if (!is_exception)
            print_error("%s\n", line);
        is_good = is_good && is_exception;
    }
    machine.log_used = 0;
    machine.log[0] = '\0';
    return is_good;
}

static const int code_exception = 128 + 11; /* SIGSEGV */

static int wait_for(mk_name_t task)
{
    int code = -1;
    CHECK_OK(mk_task_wait(task, &code, MK_TIME_FOREVER));
    CHECK_OK(mk_right_release(task));
    return code;
}

/* ---- the backing store ---- */

#define MAX_STORE 400

static struct {
    char contents[(MAX_STORE + 1) * PAGE]; /* they outlive the pager */
    enum death how;
    unsigned last;        /* the message at which it ends */
    volatile unsigned nr; /* messages of this instance */
    volatile unsigned nr_stores;
    mk_name_t port;             /* in the instance's task */
    volatile mk_name_t control; /* there */
    bool is_slow;               /* lets others run between a message and its answer */
} store;

/* Until it is to end. */
static void store_serve(mk_name_t port)
{
    static char body[sizeof(struct mk_pager_message) + PAGE];
    mk_name_t held = store.control;
    for (store.nr = 0; !store.last || store.nr < store.last;) {
        struct mk_msg msg = {.body = body, .capacity = sizeof(body)};
        struct mk_pager_message m;
        CHECK_OK(mk_receive(port, &msg, MK_TIME_FOREVER));
        CHECK(msg.badge == MK_BADGE_KERNEL);
        if (held && held != store.control)
            CHECK_OK(mk_right_release(held)); /* another store took its place */
        held = store.control;
        if (msg.id == MK_PAGER_TERMINATE)
            continue; /* of a store before */
        store.nr++;
        memcpy(&m, body, sizeof(m));
        if (store.is_slow)
            mk_thread_yield();
        if (msg.id == MK_PAGER_RETURN) {
            memcpy(store.contents + m.offset, body + sizeof(m), PAGE);
        } else if (store.how != DEATH_UNANSWERED || store.nr != store.last) {
            mk_err_t err = mk_memory_supply(store.control, m.offset, store.contents + m.offset, PAGE);
            CHECK(msg.id == MK_PAGER_REQUEST && (err == MK_OK || err == MK_E_BAD_STATE || err == MK_E_DEAD));
        }
    }
}

static mk_name_t store_set(mk_name_t port)
{
    mk_name_t memory, control, special;
    CHECK_OK(mk_task_get_special(mk_task_self(), MK_SPECIAL_MACHINE, &special));
    CHECK_OK(mk_memory_create(port, ++store.nr_stores, sizeof(store.contents), &memory, &control));
    CHECK_OK(mk_memory_set_store(special, control));
    CHECK_OK(mk_right_release(memory));
    CHECK_OK(mk_right_release(special));
    return control;
}

static void store_instance(void *arg)
{
    (void)arg;
    CHECK_OK(mk_task_set_server(true));
    if (!store.port)
        CHECK_OK(mk_port_create(&store.port));
    store.control = store_set(store.port);
    if (store.how == DEATH_NONE || store.last > 0)
        store_serve(store.port);
    mk_task_exit(0);
}

static void machine_begin(unsigned nr_frames, uint64_t seed, void (*entry)(void *))
{
    const struct mk_machine_config config = {.memory_size = (uint64_t)nr_frames * PAGE, .seed = seed};
    const struct mk_spawn spawn = {.label = "test", .entry = entry};
    mkt_begin(&machine, &config);
    machine.expects_log = true;
    assert_int_equal(mk_machine_spawn(machine.machine, &spawn, NULL), MK_OK);
    store.how = DEATH_NONE;
    store.port = store.control = MK_NAME_NULL;
    store.last = store.nr_stores = 0;
    store.is_slow = false;
}

static void machine_end(mk_err_t reason, mk_err_t other)
{
    int code = -1;
    mk_err_t err = mk_machine_run(machine.machine, &code);
    assert_true(log_is_good(reason, other));
    assert_int_equal(err, MK_OK);
    assert_int_equal(code, 0);
    mkt_finish(&machine);
}

/* A task of the store's, with a port of its own or the one that is given. */
static mk_name_t store_start(mk_name_t port, mk_name_t notice)
{
    mk_name_t task, special, once;
    CHECK_OK(mk_task_create("store", &task));
    CHECK_OK(mk_task_get_special(mk_task_self(), MK_SPECIAL_MACHINE, &special));
    CHECK_OK(mk_task_set_special(task, MK_SPECIAL_MACHINE, special));
    CHECK_OK(mk_right_release(special));
    store.port = MK_NAME_NULL;
    if (port) {
        CHECK_OK(mk_right_make(notice, MK_RIGHT_SEND_ONCE, 0, &once));
        CHECK_OK(mk_port_notify(port, MK_NOTIFY_PORT_DESTROYED, 0, once));
        CHECK_OK(mk_right_insert(task, port, MK_MOVE_RECEIVE, &store.port));
    }
    unsigned before = store.nr_stores;
    CHECK_OK(mk_right_release(thread_in(task, "store", store_instance, NULL, PRIO_STORE)));
    CHECK(store.nr_stores == before + 1); /* it is stronger than who starts it */
    return task;
}

/* ---- a pager of its own object ---- */

#define NR_FILE   6
#define NR_ROUNDS 3

static struct {
    char contents[NR_FILE][PAGE];
    enum death how;
    unsigned last;
    volatile unsigned nr;
    volatile bool is_gone;
    mk_name_t port, control; /* in its task */
} file;

static bool is_known(mk_err_t err)
{
    return err == MK_OK || (err == MK_E_DEAD && file.is_gone);
}

static void file_die(void)
{
    file.is_gone = true;
    if (file.how == DEATH_PORT)
        CHECK_OK(mk_port_destroy(file.port));
    else if (file.how == DEATH_OBJECT)
        CHECK_OK(mk_memory_destroy(file.control));
    else
        mk_task_exit(0);
}

/* Now and then it wants back what it gave, so that there are messages of all kinds. */
static void file_main(void *arg)
{
    static char body[sizeof(struct mk_pager_message) + PAGE];
    (void)arg;
    for (;;) {
        struct mk_msg msg = {.body = body, .capacity = sizeof(body)};
        struct mk_pager_message m;
        mk_err_t err = mk_receive(file.port, &msg, MK_TIME_FOREVER);
        if (err)
            return;
        bool is_last = ++file.nr == file.last && file.how != DEATH_KILLED;
        memcpy(&m, body, sizeof(m));
        if (is_last && file.how != DEATH_ANSWERED)
            file_die();
        if (msg.id == MK_PAGER_RETURN)
            memcpy(file.contents[m.offset / PAGE], body + sizeof(m), PAGE);
        if (msg.id == MK_PAGER_REQUEST) {
            err = mk_memory_supply(file.control, m.offset, file.contents[m.offset / PAGE], PAGE);
            CHECK(err == MK_E_BAD_STATE || is_known(err));
        }
        if (is_last && file.how == DEATH_ANSWERED)
            file_die();
        if (msg.id == MK_PAGER_REQUEST && file.nr % 3 == 0)
            CHECK(
                is_known(mk_memory_lock(file.control, 0, sizeof(file.contents), MK_MEMORY_CLEAN | MK_MEMORY_FLUSH, 1)));
    }
}

/* Tasks that use it. Each has a view, and a word of each page. */
struct client {
    const char *label;
    void (*entry)(void *);
    bool is_copy, may_end;
    mk_vaddr_t view;
    mk_name_t task;
};

static void client_read(void *arg)
{
    const struct client *c = (const struct client *)arg;
    for (unsigned round = 0; round < NR_ROUNDS; round++)
        for (unsigned i = 0; i < NR_FILE; i++) {
            CHECK(*word(c->view, i, 0) == value(0, i, 0));
            mk_thread_yield();
        }
}

static void client_write(void *arg)
{
    const struct client *c = (const struct client *)arg;
    unsigned nr = c->is_copy ? 2 : 1;
    for (unsigned round = 0; round < NR_ROUNDS; round++) {
        for (unsigned i = 0; i < NR_FILE; i++) {
            *word(c->view, i, nr) = value(nr, i, round);
            mk_thread_yield();
        }
        for (unsigned i = 0; i < NR_FILE; i++)
            CHECK(*word(c->view, i, nr) == value(nr, i, round) && *word(c->view, i, 0) == value(0, i, 0));
    }
}

/* What calls tell, where others get exceptions. */
static void client_call(void *arg)
{
    const struct client *c = (const struct client *)arg;
    mk_name_t task = mk_task_self(), port = mkt_port();
    mk_vaddr_t copy = allocate(1);
    uint64_t written[NR_FILE] = {0}, now, *p = &now;
    for (unsigned round = 0; round < NR_ROUNDS; round++)
        for (unsigned i = 0; i < NR_FILE; i++) {
            mk_vaddr_t page = (mk_vaddr_t)word(c->view, i, 0), mine = (mk_vaddr_t)word(c->view, i, 3);
            now = value(3, i, round);
            mk_err_t err = mk_vm_write(task, mine, p, sizeof(now));
            CHECK(is_known(err));
            written[i] = err ? written[i] : now;
            err = mk_vm_read(task, mine, p, sizeof(now));
            CHECK(is_known(err) && (err || now == written[i]));
            err = mk_vm_wire(task, page, PAGE, true);
            CHECK(is_known(err));
            CHECK_OK(mk_vm_wire(task, page, PAGE, false));
            struct mk_msg_memory memory = {(void *)page, PAGE, MK_MEMORY_COPY};
            struct mk_msg msg = {.memories = &memory, .nr_memories = 1, .max_memories = 1};
            err = mk_send(port, &msg, MK_TIME_POLL);
            CHECK(is_known(err));
            if (!err) {
                CHECK_OK(mk_receive(port, &msg, MK_TIME_POLL));
                err = mk_vm_read(task, (mk_vaddr_t)memory.address, p, sizeof(now));
                CHECK(is_known(err) && (err || now == value(0, i, 0)));
                mk_msg_discard(&msg);
            }
            err = mk_vm_copy(task, page, PAGE, copy); /* at once, since others see the page */
            CHECK(is_known(err));
            CHECK(err || *word(copy, 0, 0) == value(0, i, 0));
        }
}

/* Whoever does not use it: memory that goes out and comes in, and the pages of another pager. */
#define NR_OWN 30

static void client_other(void *arg)
{
    const struct client *c = (const struct client *)arg;
    mk_vaddr_t own = allocate(NR_OWN);
    for (unsigned round = 0; round < NR_ROUNDS; round++) {
        for (unsigned i = 0; i < NR_OWN; i++) {
            CHECK(*word(own, i, 9) == (round ? value(9, i, round - 1) : 0));
            *word(own, i, 9) = value(9, i, round);
            if (i < NR_FILE)
                CHECK(*word(c->view, i, 0) == value(8, i, 0));
            mk_thread_yield();
        }
    }
}

static struct client clients[] = {
    {.label = "read", .entry = client_read, .may_end = true},
    {.label = "writ", .entry = client_write, .may_end = true},
    {.label = "copy", .entry = client_write, .may_end = true, .is_copy = true},
    {.label = "call", .entry = client_call},
    {.label = "othr", .entry = client_other},
};

/* The other pager, which lives. */
static struct {
    struct test_pager pager;
    char contents[NR_FILE][PAGE];
    mk_name_t port, memory, control;
} other;

static void other_main(void *arg)
{
    (void)arg;
    pager_serve(&other.pager, other.port, other.control, 0);
}

static struct {
    mk_name_t task;
    mk_time_t when;
    volatile bool is_done;
} kill;

static void kill_main(void *arg)
{
    (void)arg;
    CHECK_OK(mk_time_sleep(kill.when));
    file.is_gone = kill.is_done = true;
    CHECK_OK(mk_task_terminate(kill.task, 0));
}

static void file_run(enum death how, unsigned last, mk_time_t after)
{
    mk_name_t memory, control, port, task, killer = MK_NAME_NULL;
    mk_time_t start = mk_time_now();
    memset(&file, 0, sizeof(file));
    file.how = how;
    file.last = last;
    for (unsigned i = 0; i < NR_FILE; i++)
        *word((mk_vaddr_t)file.contents, i, 0) = value(0, i, 0);
    CHECK_OK(mk_port_create(&port));
    CHECK_OK(mk_memory_create(port, 1, sizeof(file.contents), &memory, &control));
    CHECK_OK(mk_task_create("file", &task));
    CHECK_OK(mk_right_insert(task, port, MK_MOVE_RECEIVE, &file.port));
    CHECK_OK(mk_right_insert(task, control, MK_MOVE_SEND, &file.control));
    CHECK_OK(mk_right_release(thread_in(task, "file", file_main, NULL, 0)));
    for (size_t i = 0; i < COUNT_OF(clients); i++) {
        struct client *c = &clients[i];
        const struct mk_vm_map map = {.memory = c->entry == client_other ? other.memory : memory,
                                      .size = sizeof(file.contents),
                                      .prot = RW,
                                      .is_copy = c->is_copy};
        CHECK_OK(mk_task_create(c->label, &c->task));
        CHECK_OK(mk_vm_map(c->task, &map, &c->view));
        CHECK_OK(mk_right_release(thread_in(c->task, c->label, c->entry, c, 0)));
    }
    CHECK_OK(mk_right_release(memory));
    kill.task = task;
    kill.when = start + after;
    kill.is_done = false;
    if (how == DEATH_KILLED)
        killer = thread_of("kill", kill_main, NULL, PRIO_KILL);
    for (size_t i = 0; i < COUNT_OF(clients); i++) {
        int code = wait_for(clients[i].task);
        CHECK(code == 0 || (file.is_gone && clients[i].may_end && code == code_exception));
    }
    CHECK(mk_time_now() - start < MK_PAGER_TIMEOUT_DEFAULT); /* nobody waited for what cannot come */
    if (killer && !kill.is_done)
        CHECK_OK(mk_thread_terminate(killer));
    if (killer)
        CHECK_OK(mk_right_release(killer));
    mk_err_t err = mk_task_terminate(task, 0);
    CHECK(err == MK_OK || err == MK_E_DEAD);
    CHECK_OK(mk_right_release(task));
    CHECK_OK(mk_machine_audit(NULL));
}

struct left {
    struct mk_machine_stats machine;
    struct mk_vm_stats vm;
};

static void left_take(struct left *left)
{
    CHECK_OK(mk_machine_stats(NULL, &left->machine));
    CHECK_OK(mk_vm_statistics(MK_NAME_NULL, &left->vm));
}

/* Nothing that anybody who ended had. */
static void left_compare(const struct left *before)
{
    struct left now;
    left_take(&now);
    CHECK(now.machine.nr_tasks == before->machine.nr_tasks && now.machine.nr_threads == before->machine.nr_threads);
    CHECK(now.machine.nr_ports == before->machine.nr_ports && now.machine.nr_rights == before->machine.nr_rights);
    CHECK(now.machine.nr_messages == before->machine.nr_messages);
    CHECK(now.machine.memory_used == before->machine.memory_used);
    CHECK(now.vm.nr_used_slots == before->vm.nr_used_slots && now.vm.nr_wired == before->vm.nr_wired);
    CHECK(log_is_good(MK_E_DEAD, MK_E_DEAD));
}

static void others_begin(void)
{
    for (unsigned i = 0; i < NR_FILE; i++)
        *word((mk_vaddr_t)other.contents, i, 0) = value(8, i, 0);
    other.pager = (struct test_pager){.contents = other.contents[0], .size = sizeof(other.contents)};
    CHECK_OK(mk_port_create(&other.port));
    CHECK_OK(mk_memory_create(other.port, 2, sizeof(other.contents), &other.memory, &other.control));
    store_start(MK_NAME_NULL, MK_NAME_NULL);
    CHECK_OK(mk_right_release(mkt_thread(other_main, NULL)));
    mk_thread_yield();
}

#define NR_FORGOTTEN 300 /* more than the ended tasks that listings keep */

static void file_deaths(void *arg)
{
    struct left before, first;
    (void)arg;
    others_begin();
    file_run(DEATH_NONE, 0, 0);
    left_take(&before);
    for (unsigned i = 0; i < NR_FORGOTTEN / COUNT_OF(clients); i++)
        file_run(DEATH_ANSWERED, i + 1, 0);
    left_take(&first);
    for (enum death how = DEATH_UNANSWERED; how <= DEATH_OBJECT; how++) {
        file.is_gone = true;
        for (unsigned last = 1; file.is_gone; last++) {
            file_run(how, last, 0);
            left_compare(&before);
        }
        CHECK(file.nr > NR_FILE * 3);
    }
    left_take(&before);
    CHECK(before.machine.kernel_memory == first.machine.kernel_memory);
    mk_task_exit(0);
}

/* PAGERDEATH0010: a pager that ends at any message harms those who use its pages, who are told, and nobody else. */
static void PAGERDEATH0010(void **state)
{
    (void)state;
    machine_begin(48, 0, file_deaths);
    machine_end(MK_E_DEAD, MK_E_DEAD);
}

static void file_kills(void *arg)
{
    struct left before;
    (void)arg;
    others_begin();
    file_run(DEATH_NONE, 0, 0);
    left_take(&before);
    mk_time_t step = STRIDE * 3 * MK_USEC;
    kill.is_done = true;
    for (mk_time_t after = step; kill.is_done; after += step) {
        file_run(DEATH_KILLED, 0, after);
        left_compare(&before);
    }
    mk_task_exit(0);
}

/* PAGERDEATH0011: the same for one that another task ends at any time, whatever it is doing. */
static void PAGERDEATH0011(void **state)
{
    (void)state;
    machine_begin(48, 0, file_kills);
    machine_end(MK_E_DEAD, MK_E_DEAD);
    machine_begin(48, 1, file_kills);
    machine_end(MK_E_DEAD, MK_E_DEAD);
}

/* ---- users of the store ---- */

#define NR_FRAMES 20
#define NR_PAGES  8
#define NR_USERS  3

static bool is_store_gone; /* for good */

static bool is_good(mk_err_t err)
{
    return err == MK_OK || (is_store_gone && (err == MK_E_DEAD || err == MK_E_TIMED_OUT));
}

static void user_touch(void *arg)
{
    unsigned who = (unsigned)(uintptr_t)arg;
    mk_vaddr_t own = allocate(NR_PAGES);
    for (unsigned round = 0; round < NR_ROUNDS; round++)
        for (unsigned i = 0; i < NR_PAGES; i++) {
            CHECK(*word(own, i, who) == (round ? value(who, i, round - 1) : 0));
            *word(own, i, who) = value(who, i, round);
            mk_thread_yield();
        }
}

static void user_call(void *arg)
{
    unsigned who = (unsigned)(uintptr_t)arg;
    mk_vaddr_t own = allocate(NR_PAGES);
    uint64_t written[NR_PAGES] = {0}, now;
    for (unsigned round = 0; round < NR_ROUNDS; round++)
        for (unsigned i = 0; i < NR_PAGES; i++) {
            mk_vaddr_t mine = (mk_vaddr_t)word(own, i, who);
            mk_err_t err = mk_vm_read(mk_task_self(), mine, &now, sizeof(now));
            CHECK(is_good(err) && (err || now == written[i]));
            now = value(who, i, round);
            err = mk_vm_write(mk_task_self(), mine, &now, sizeof(now));
            CHECK(is_good(err));
            written[i] = err ? written[i] : now;
            mk_thread_yield();
        }
}

/* It needs the store for nothing: its pages stay. */
#define NR_WIRED 4

static volatile bool is_wired;

static void user_wired(void *arg)
{
    (void)arg;
    mk_vaddr_t own = allocate(NR_WIRED);
    CHECK_OK(mk_vm_wire(mk_task_self(), own, NR_WIRED * PAGE, true));
    is_wired = true;
    for (unsigned round = 0; round < NR_ROUNDS * NR_PAGES; round++)
        for (unsigned i = 0; i < NR_WIRED; i++) {
            CHECK(*word(own, i, 0) == (round ? value(7, i, round - 1) : 0));
            *word(own, i, 0) = value(7, i, round);
            mk_thread_yield();
        }
}

static mk_name_t users[NR_USERS + 1];

static void users_start(void)
{
    is_wired = false;
    users[NR_USERS] = task_of("wire", user_wired, NULL);
    while (!is_wired)
        mk_thread_yield();
    for (unsigned i = 0; i < NR_USERS; i++)
        users[i] = task_of("user", i ? user_touch : user_call, (void *)(uintptr_t)(i + 1));
}

static void users_wait(void)
{
    for (unsigned i = 0; i <= NR_USERS; i++) {
        int code = wait_for(users[i]);
        CHECK(code == 0 || (is_store_gone && i > 0 && i < NR_USERS && code == code_exception));
    }
}

static void store_lost(void *arg)
{
    (void)arg;
    is_store_gone = true;
    mk_name_t task = store_start(MK_NAME_NULL, MK_NAME_NULL);
    users_start();
    users_wait();
    CHECK_OK(mk_machine_audit(NULL));
    mk_err_t err = mk_task_terminate(task, 0);
    CHECK(err == MK_OK || err == MK_E_DEAD);
    mk_task_exit(0);
}

/*
 * PAGERDEATH0020: when the default pager ends at any message, those who need pages from it are told, at the latest
 * after
 * its time-out, and who needs none notices nothing.
 */
static void PAGERDEATH0020(void **state)
{
    (void)state;
    struct stress_usage before = {0};
    for (enum death how = DEATH_UNANSWERED; how <= DEATH_ANSWERED; how++) {
        unsigned last = 0;
        do {
            machine_begin(NR_FRAMES, 0, store_lost);
            store.how = how;
            store.last = last;
            machine_end(MK_E_DEAD, MK_E_TIMED_OUT);
            if (last == STRIDE && how == DEATH_UNANSWERED)
                before = stress_usage();
            last += STRIDE;
        } while (store.nr + STRIDE >= last);
        assert_true(last > NR_PAGES);
    }
    stress_compare(before, stress_usage(), 2 << 20, 2);
}

/* ---- another takes its place ---- */

static struct {
    bool keeps_port;
    mk_time_t gap; /* between the end and the next */
    enum death how;
    unsigned last;
    mk_name_t port, notice;
    volatile bool is_over;
} replaced;

/* The receive right of a store that ended comes back, with what is in its queue. */
static mk_name_t port_back(void)
{
    struct mk_notification notice;
    struct mk_msg_right right;
    struct mk_msg msg = {.body = &notice, .capacity = sizeof(notice), .rights = &right, .max_rights = 1};
    CHECK_OK(mk_receive(replaced.notice, &msg, MK_TIME_FOREVER));
    CHECK(msg.id == MK_NOTIFY_ID + MK_NOTIFY_PORT_DESTROYED && right.how == MK_RIGHT_RECEIVE);
    return right.name;
}

#define MIN_LIFE 8 /* messages: more than are asked again for each new store */

/* Whenever a store ends, the next one comes. The first may leave a request unanswered, or nobody would get on. */
static void replace_main(void *arg)
{
    mk_name_t task = *(mk_name_t *)arg;
    while (!replaced.is_over) {
        CHECK(wait_for(task) == 0);
        if (replaced.keeps_port)
            replaced.port = port_back();
        if (replaced.gap)
            CHECK_OK(mk_time_sleep(mk_time_now() + replaced.gap));
        store.how = replaced.is_over ? DEATH_NONE : DEATH_ANSWERED;
        store.last = replaced.is_over ? 0 : replaced.last < MIN_LIFE ? MIN_LIFE : replaced.last;
        task = store_start(replaced.port, replaced.notice);
    }
    CHECK_OK(mk_task_terminate(task, 0));
}

static void store_replaced(void *arg)
{
    (void)arg;
    is_store_gone = replaced.is_over = false;
    store.how = replaced.how;
    store.last = replaced.last;
    CHECK_OK(mk_port_create(&replaced.notice));
    replaced.port = MK_NAME_NULL;
    if (replaced.keeps_port)
        CHECK_OK(mk_port_create(&replaced.port));
    mk_name_t task = store_start(replaced.port, replaced.notice);
    mk_name_t thread = mkt_thread(replace_main, &task);
    users_start();
    users_wait();
    CHECK_OK(mk_machine_audit(NULL));
    replaced.is_over = true;
    CHECK_OK(mk_thread_terminate(thread));
    mk_task_exit(0);
}

/* Until it is replaced no more: its messages are fewer than those after which it ends. */
static void replaced_runs(bool keeps_port)
{
    const mk_time_t gaps[] = {0, 5 * MK_MSEC};
    struct stress_usage before = {0};
    replaced.keeps_port = keeps_port;
    for (enum death how = DEATH_UNANSWERED; how <= DEATH_ANSWERED; how++)
        for (size_t i = 0; i < COUNT_OF(gaps); i++) {
            unsigned last = 0;
            do {
                machine_begin(NR_FRAMES, 0, store_replaced);
                replaced.gap = gaps[i];
                replaced.how = how;
                replaced.last = last;
                machine_end(MK_OK, MK_OK);
                if (last == STRIDE && how == DEATH_UNANSWERED && i == 0)
                    before = stress_usage();
                last += STRIDE;
            } while (store.nr_stores > 1);
            assert_true(last > NR_PAGES);
        }
    stress_compare(before, stress_usage(), 2 << 20, 2);
}

/* PAGERDEATH0030: when the default pager ends at any message and another takes over its port, all get what they had. */
static void PAGERDEATH0030(void **state)
{
    (void)state;
    replaced_runs(true);
}

/* PAGERDEATH0031: the same when its port ends with it, and the next one has another. */
static void PAGERDEATH0031(void **state)
{
    (void)state;
    replaced_runs(false);
}

/* ---- another takes its place while it works ---- */

static struct {
    int pager_priority;
    mk_name_t pager, port; /* in the space of who replaces */
    volatile bool is_over;
} swap;

static void swap_pager(void *arg)
{
    (void)arg;
    CHECK_OK(mk_task_set_server(true));
    store_serve(store.port);
}

/* New stores, for the pager of another task. */
static void swap_main(void *arg)
{
    mk_name_t control = MK_NAME_NULL, next;
    uint64_t random = 1;
    (void)arg;
    CHECK_OK(mk_task_set_server(true));
    while (!swap.is_over) {
        if (control)
            CHECK_OK(mk_right_release(control));
        control = store_set(swap.port);
        CHECK_OK(mk_right_insert(swap.pager, control, MK_COPY_SEND, &next));
        store.control = next;
        CHECK_OK(mk_time_sleep(mk_time_now() + MK_USEC + stress_below(&random, 20) * MK_USEC));
    }
}

static void store_swapped(void *arg)
{
    mk_name_t pager, swapper, special, port = mkt_port();
    (void)arg;
    is_store_gone = swap.is_over = false;
    CHECK_OK(mk_task_create("store", &pager));
    CHECK_OK(mk_task_create("swap", &swapper));
    CHECK_OK(mk_task_get_special(mk_task_self(), MK_SPECIAL_MACHINE, &special));
    CHECK_OK(mk_task_set_special(swapper, MK_SPECIAL_MACHINE, special));
    CHECK_OK(mk_right_insert(swapper, pager, MK_COPY_SEND, &swap.pager));
    CHECK_OK(mk_right_insert(swapper, port, MK_COPY_SEND, &swap.port));
    CHECK_OK(mk_right_insert(pager, port, MK_MOVE_RECEIVE, &store.port));
    CHECK_OK(mk_right_release(thread_in(pager, "store", swap_pager, NULL, swap.pager_priority)));
    CHECK_OK(mk_right_release(thread_in(swapper, "swap", swap_main, NULL, PRIO_KILL)));
    mk_thread_yield();
    CHECK(store.nr_stores > 0); /* it is stronger */
    users_start();
    users_wait();
    swap.is_over = true;
    CHECK(wait_for(swapper) == 0);
    CHECK(store.nr_stores > 5);
    CHECK_OK(mk_machine_audit(NULL));
    CHECK_OK(mk_task_terminate(pager, 0));
    mk_task_exit(0);
}

static void swap_run(int priority, bool is_slow, uint64_t seed)
{
    machine_begin(NR_FRAMES, seed, store_swapped);
    swap.pager_priority = priority;
    store.is_slow = is_slow;
    machine_end(MK_OK, MK_OK);
}

/* PAGERDEATH0040: stores that replace each other, on one port, while pages go in and out lose nothing. */
static void PAGERDEATH0040(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < STRESS_SIZE(20u, 4u); seed++)
        swap_run(PRIO_STORE, false, seed);
}

/* PAGERDEATH0041: nor do they when the pager is no stronger than those it works for, and slow. */
static void PAGERDEATH0041(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < STRESS_SIZE(20u, 4u); seed++)
        swap_run(MK_PRIO_DEFAULT, true, seed);
}

/* ---- requests that are older than what was given back since ---- */

static struct {
    mk_vaddr_t page, fresh;
    mk_name_t port, control; /* of the pager, the calling thread */
    char contents[2 * PAGE];
    volatile uint64_t seen;
    volatile bool is_done;
    mk_err_t err; /* of the last answer */
} late;

/* One message, answered; its id. */
static uint32_t late_serve(void)
{
    static char body[sizeof(struct mk_pager_message) + PAGE];
    struct mk_msg msg = {.body = body, .capacity = sizeof(body)};
    struct mk_pager_message m;
    CHECK_OK(mk_receive(late.port, &msg, MK_TIME_POLL));
    memcpy(&m, body, sizeof(m));
    CHECK(m.offset <= PAGE);
    if (msg.id == MK_PAGER_RETURN)
        memcpy(late.contents + m.offset, body + sizeof(m), PAGE);
    else if (msg.id == MK_PAGER_REQUEST)
        late.err =
            mk_memory_supply(late.control, m.offset, late.contents + m.offset, PAGE); /* it may have come already */
    return msg.id;
}

/* It is stronger than the pager, and has one frame: a fresh page makes the other leave. */
static void late_client(void *arg)
{
    volatile uint64_t *p = (volatile uint64_t *)late.page;
    (void)arg;
    *p = 1;
    (void)*word(late.fresh, 0, 0);
    *p = *p + 1; /* the pager is asked, and asked again */
    (void)*word(late.fresh, 1, 0);
    late.seen = *p;
    late.is_done = true;
}

/* PAGERDEATH0050: a request that was made twice, because of a new store, is not answered with what was there before. */
MKT_TEST(PAGERDEATH0050)
{
    const struct mk_vm_frames frames = {.nr_frames = 1, .policy = "fifo"};
    mk_name_t special, memory, task;
    (void)arg;
    memset(&late, 0, sizeof(late));
    CHECK_OK(mk_task_get_special(mk_task_self(), MK_SPECIAL_MACHINE, &special));
    CHECK_OK(mk_port_create(&late.port));
    CHECK_OK(mk_memory_create(late.port, 1, 2 * PAGE, &memory, &late.control));
    CHECK_OK(mk_memory_set_store(special, late.control));
    CHECK_OK(mk_right_release(memory));
    CHECK_OK(mk_task_create("client", &task));
    CHECK_OK(mk_vm_set_frames(task, &frames));
    CHECK_OK(mk_vm_allocate(task, PAGE, &late.page));
    CHECK_OK(mk_vm_allocate(task, 2 * PAGE, &late.fresh));
    CHECK_OK(mk_right_release(thread_in(task, "client", late_client, NULL, PRIO_STORE)));
    CHECK(late_serve() == MK_PAGER_RETURN); /* 1 */
    CHECK_OK(mk_memory_create(late.port, 2, 2 * PAGE, &memory, &late.control));
    CHECK_OK(mk_memory_set_store(special, late.control));
    CHECK_OK(mk_right_release(memory));
    while (late_serve() != MK_PAGER_REQUEST)
        ;
    CHECK(late.err == MK_OK); /* the client goes on, and needs the page again: 2 is on its way to here */
    while (!late.is_done)
        late_serve();
    CHECK(wait_for(task) == 0);
    CHECK(late.seen == 2);
}

/* It writes its page, which is taken from it, and reads it. */
static void late_reader(void *arg)
{
    uint64_t two = 2, now = 0;
    (void)arg;
    CHECK_ERR(mk_vm_write(mk_task_self(), late.page, &two, sizeof(two)), MK_E_TIMED_OUT);
    CHECK_OK(mk_vm_write(mk_task_self(), late.page, &two, sizeof(two)));
    CHECK_OK(mk_memory_lock(late.control, 0, PAGE, MK_MEMORY_CLEAN | MK_MEMORY_FLUSH, 1));
    CHECK_OK(mk_vm_read(mk_task_self(), late.page, &now, sizeof(now)));
    late.seen = now;
    late.is_done = true;
}

/* PAGERDEATH0051: nor is one that was made twice because nobody answered in time. */
MKT_TEST(PAGERDEATH0051)
{
    mk_name_t memory;
    (void)arg;
    memset(&late, 0, sizeof(late));
    CHECK_OK(mk_port_create(&late.port));
    CHECK_OK(mk_memory_create(late.port, 1, PAGE, &memory, &late.control));
    CHECK_OK(mk_memory_set_timeout(late.control, MK_MSEC));
    const struct mk_vm_map how = {.memory = memory, .size = PAGE, .prot = RW};
    CHECK_OK(mk_vm_map(mk_task_self(), &how, &late.page));
    mk_name_t thread = thread_of("reader", late_reader, NULL, PRIO_STORE);
    CHECK_OK(mk_time_sleep(mk_time_now() + MK_MSEC + MK_MSEC / 2));
    while (!late.is_done)
        late_serve();
    join(thread);
    CHECK(late.seen == 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(PAGERDEATH0010), cmocka_unit_test(PAGERDEATH0011), cmocka_unit_test(PAGERDEATH0020),
        cmocka_unit_test(PAGERDEATH0030), cmocka_unit_test(PAGERDEATH0031), cmocka_unit_test(PAGERDEATH0040),
        cmocka_unit_test(PAGERDEATH0041), cmocka_unit_test(PAGERDEATH0050), cmocka_unit_test(PAGERDEATH0051),
    };
    cmocka_set_test_filter(getenv("MK_STRESS_TEST")); /* one of them, to look closer */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
