/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Faults at awkward moments: pages that leave in the middle of a call, windows that show several objects, bad pagers.
 */
#include "helpers.h"

#include "pagers.h"

#define RW (uint32_t)(MK_PROT_READ | MK_PROT_WRITE)

static volatile char *allocate(size_t size)
{
    mk_vaddr_t addr;
    CHECK_OK(mk_vm_allocate(mk_task_self(), size, &addr));
    return (volatile char *)addr;
}

static struct mk_vm_stats stats_of(mk_name_t task)
{
    struct mk_vm_stats stats;
    CHECK_OK(mk_vm_statistics(task, &stats));
    return stats;
}

static uint8_t page_state(const volatile void *p)
{
    uint8_t state;
    CHECK_OK(mk_vm_pages(mk_task_self(), (mk_vaddr_t)p & ~(mk_vaddr_t)(PAGE - 1), 1, &state));
    return state;
}

/* A machine of few frames with a store, in which entry(arg) runs when the store is there. */
static void with_store(unsigned nr_frames, const char *policy, void (*entry)(void *), void *arg)
{
    struct mkt t;
    struct test_pager pager = {.size = 201 * (size_t)PAGE, .is_store = true};
    const struct mk_machine_config config = {.memory_size = (uint64_t)nr_frames * PAGE, .page_policy = policy};
    pager.contents = (char *)calloc(1, pager.size);
    mkt_begin(&t, &config);
    mkt_spawn(&t, "store", store_main, &pager, true);
    mkt_spawn(&t, "test", entry, arg, false);
    store_end(&t, &pager);
}

static void wait_for_store(void)
{
    CHECK_OK(mk_time_sleep(mk_time_now() + MK_MSEC));
}

/* Everything else leaves memory. */
static void evict_all(volatile char *junk, unsigned nr)
{
    for (unsigned i = 0; i < 2 * nr; i++)
        junk[i % nr * PAGE] = (char)i;
}

/* ---- windows ---- */

/*
 * VMFAULT0010: a copy made earlier keeps its bytes when pages of its original are read, then written, through a shadow.
 */
MKT_TEST(VMFAULT0010)
{
    (void)arg;
    mk_name_t task = mk_task_self();
    volatile char *p = allocate(3 * PAGE), *copy = allocate(3 * PAGE);
    for (int i = 0; i < 3; i++)
        p[i * (int)PAGE] = (char)('a' + i);
    CHECK_OK(mk_vm_copy(task, (mk_vaddr_t)p, 3 * PAGE, (mk_vaddr_t)copy));
    p[0] = 'x';
    CHECK_OK(mk_vm_protect(task, (mk_vaddr_t)p, 3 * PAGE, MK_PROT_READ)); /* what it showed is forgotten */
    CHECK_OK(mk_vm_protect(task, (mk_vaddr_t)p, 3 * PAGE, RW));
    CHECK(p[0] == 'x' && p[PAGE] == 'b');
    p[PAGE] = 'y';
    CHECK(p[PAGE] == 'y' && copy[PAGE] == 'b' && copy[0] == 'a' && copy[2 * PAGE] == 'c');
    CHECK_OK(mk_machine_audit(NULL));
}

static struct test_pager file;
static mk_name_t file_port, file_memory, file_control;

static void file_thread(void *arg)
{
    (void)arg;
    pager_serve(&file, file_port, file_control, 0);
}

static mk_name_t file_open(size_t nr)
{
    file = (struct test_pager){.size = nr * PAGE, .contents = (char *)calloc(nr, PAGE)};
    for (size_t i = 0; i < nr; i++)
        file.contents[i * PAGE] = (char)('a' + i);
    CHECK_OK(mk_port_create(&file_port));
    CHECK_OK(mk_memory_create(file_port, 1, nr * PAGE, &file_memory, &file_control));
    return mkt_thread(file_thread, NULL);
}

static volatile char *file_map(uint32_t prot, bool is_copy)
{
    const struct mk_vm_map how = {
        .memory = file_memory, .size = file.size, .prot = prot, .max_prot = RW, .is_copy = is_copy};
    mk_vaddr_t addr;
    CHECK_OK(mk_vm_map(mk_task_self(), &how, &addr));
    return (volatile char *)addr;
}

static void file_clean(void)
{
    unsigned before = file.nr_locked;
    CHECK_OK(mk_memory_lock(file_control, 0, file.size, MK_MEMORY_CLEAN, 1));
    while (file.nr_locked == before)
        mk_thread_yield();
}

static void file_close(mk_name_t thread)
{
    CHECK_OK(mk_right_release(file_memory));
    join(thread);
    CHECK_OK(mk_right_release(file_control));
    CHECK_OK(mk_port_destroy(file_port));
    free(file.contents);
}

/* VMFAULT0020: when an object is cleaned, a private view that shows its own pages still sees the object's. */
MKT_TEST(VMFAULT0020)
{
    (void)arg;
    mk_name_t thread = file_open(3);
    volatile char *shared = file_map(RW, false), *own = file_map(RW, true);
    own[0] = 'o';
    shared[PAGE + 1] = 's';
    file_clean();
    CHECK(own[PAGE] == 'b' && own[PAGE + 1] == 's' && own[0] == 'o');
    CHECK_OK(mk_vm_deallocate(mk_task_self(), (mk_vaddr_t)own, 3 * PAGE));
    CHECK_OK(mk_vm_deallocate(mk_task_self(), (mk_vaddr_t)shared, 3 * PAGE));
    file_close(thread);
}

/* VMFAULT0030: memory that may not be read stays so when its object is cleaned. */
MKT_TEST(VMFAULT0030)
{
    (void)arg;
    char byte;
    mk_name_t thread = file_open(2), task = mk_task_self();
    volatile char *shared = file_map(RW, false), *closed = file_map(RW, false);
    closed[0] = shared[0] = 's';
    CHECK_OK(mk_vm_protect(task, (mk_vaddr_t)closed, 2 * PAGE, MK_PROT_NONE));
    shared[0] = 't';
    file_clean();
    CHECK_ERR(mk_vm_read(task, (mk_vaddr_t)closed, &byte, 1), MK_E_BAD_ADDRESS);
    struct mk_msg msg = {.body = (void *)(mk_vaddr_t)closed, .size = 1};
    CHECK_ERR(mk_send(file_memory, &msg, MK_TIME_POLL), MK_E_BAD_ADDRESS);
    CHECK_OK(mk_vm_deallocate(task, (mk_vaddr_t)closed, 2 * PAGE));
    CHECK_OK(mk_vm_deallocate(task, (mk_vaddr_t)shared, 2 * PAGE));
    file_close(thread);
}

/* VMFAULT0040: what was sent from a private view is what it was at the time of the send. */
MKT_TEST(VMFAULT0040)
{
    (void)arg;
    mk_name_t thread = file_open(2), port = mkt_port();
    volatile char *shared = file_map(RW, false), *own = file_map(RW, true);
    struct mk_msg_memory memory = {(void *)(mk_vaddr_t)own, 2 * PAGE, MK_MEMORY_COPY};
    struct mk_msg msg = {.memories = &memory, .nr_memories = 1, .max_memories = 1};
    CHECK_OK(mk_send(port, &msg, MK_TIME_POLL));
    shared[0] = 'z';
    CHECK_OK(mk_receive(port, &msg, MK_TIME_POLL));
    CHECK(*(volatile char *)memory.address == 'a');
    mk_msg_discard(&msg);
    CHECK_OK(mk_vm_deallocate(mk_task_self(), (mk_vaddr_t)own, 2 * PAGE));
    CHECK_OK(mk_vm_deallocate(mk_task_self(), (mk_vaddr_t)shared, 2 * PAGE));
    file_close(thread);
}

/* VMFAULT0050: an access across a border is done, whatever the policy and however few the task's own frames. */
static void across(void *arg)
{
    wait_for_store();
    for (uint32_t nr = 1; nr < 4; nr++) {
        const struct mk_vm_frames frames = {.nr_frames = nr, .policy = (const char *)arg, .window = 1};
        CHECK_OK(mk_vm_set_frames(mk_task_self(), &frames));
        volatile char *p = allocate(4 * PAGE);
        for (int i = 0; i < 4; i++) {
            volatile char *to = p + (i % 3 + 1) * (int)PAGE - 4;
            uint64_t value = 0x0101010101010101u * (unsigned)i;
            __asm__ volatile("movq %0, (%1)" : : "r"(value), "r"(to) : "memory"); /* one instruction, two pages */
        }
        CHECK(p[PAGE] == 3 && p[2 * PAGE] == 1 && p[3 * PAGE] == 2);
        CHECK_OK(mk_machine_audit(NULL));
        CHECK_OK(mk_vm_deallocate(mk_task_self(), (mk_vaddr_t)p, 4 * PAGE));
    }
}

static void VMFAULT0050(void **state)
{
    (void)state;
    static const char *const policies[] = {"clock", "clock-clear", "fifo", "lru", "aging", "random", "ws", "opt"};
    for (size_t i = 0; i < COUNT_OF(policies); i++)
        with_store(24, "clock", across, (void *)(uintptr_t)policies[i]);
}

/* ---- calls that begin again ---- */

static void many_calls(void *arg)
{
    (void)arg;
    wait_for_store();
    unsigned nr = 24;
    volatile char *junk = allocate(nr * PAGE), *p = allocate(PAGE);
    for (int i = 0; i < 300; i++) {
        char byte = (char)i;
        CHECK_OK(mk_vm_write(mk_task_self(), (mk_vaddr_t)p, &byte, 1));
        evict_all(junk, nr);
        CHECK(!(page_state(p) & MK_PAGE_RESIDENT));
    }
}

/* VMFAULT0060: a thread may make any number of calls that have to wait for a page. */
static void VMFAULT0060(void **state)
{
    (void)state;
    with_store(16, "fifo", many_calls, NULL);
}

static void discard_missing(void *arg)
{
    (void)arg;
    wait_for_store();
    unsigned nr = 24;
    mk_name_t port = mkt_port(), sent = mkt_port();
    volatile char *junk = allocate(nr * PAGE);
    struct mk_msg *msg = (struct mk_msg *)(mk_vaddr_t)allocate(PAGE);
    struct mk_msg_right *right = (struct mk_msg_right *)(mk_vaddr_t)allocate(PAGE);
    CHECK_OK(send_right(port, sent, MK_COPY_SEND));
    memset(msg, 0, sizeof(*msg));
    msg->rights = right;
    msg->max_rights = 1;
    CHECK_OK(mk_receive(port, msg, MK_TIME_POLL));
    uint32_t before = mkt_refs(sent);
    evict_all(junk, nr);
    CHECK(!(page_state(msg) & MK_PAGE_RESIDENT) && !(page_state(right) & MK_PAGE_RESIDENT));
    mk_msg_discard(msg);
    CHECK(mkt_refs(sent) == before - 1 && ((volatile struct mk_msg *)msg)->nr_rights == 0);
}

/* VMFAULT0070: a message that is not in memory is discarded all the same. */
static void VMFAULT0070(void **state)
{
    (void)state;
    with_store(16, "fifo", discard_missing, NULL);
}

static struct {
    mk_name_t port;
    volatile char *body;
    mk_err_t err;
    volatile bool is_done;
} asking;

static void asking_main(void *arg)
{
    struct mk_msg msg = {.body = (void *)(mk_vaddr_t)asking.body, .capacity = 8};
    (void)arg;
    asking.err = mk_call(asking.port, &msg, MK_TIME_FOREVER);
    asking.is_done = true;
}

/* The server's message leaves memory for the caller's, in the middle of the call that answers. */
static void answer_missing(void *arg)
{
    (void)arg;
    wait_for_store();
    struct mk_vm_stats stats = stats_of(MK_NAME_NULL);
    unsigned nr = (unsigned)(stats.nr_free - stats.nr_reserved);
    volatile struct mk_msg *msg = (volatile struct mk_msg *)allocate(PAGE);
    volatile char *junk = allocate(nr * PAGE);
    asking.port = mkt_port();
    asking.body = allocate(PAGE);
    mk_name_t thread = mkt_thread(asking_main, NULL);
    msg->id = 0;
    CHECK_OK(mk_receive(asking.port, (struct mk_msg *)(uintptr_t)msg, MK_TIME_FOREVER));
    for (unsigned i = 0; i + 1 < nr; i++)
        junk[i * PAGE] = 1;
    CHECK(page_state(msg) & MK_PAGE_RESIDENT);
    static char answer[8] = "answer";
    msg->body = answer;
    msg->size = sizeof(answer);
    CHECK_ERR(mk_reply_receive(asking.port, (struct mk_msg *)(uintptr_t)msg, mk_time_now() + MK_MSEC), MK_E_TIMED_OUT);
    CHECK(msg->reply == MK_NAME_NULL);
    join(thread);
    CHECK(asking.is_done && asking.err == MK_OK && asking.body[0] == 'a');
}

/* VMFAULT0080: an answer is given once, also when the server's message leaves memory for it. */
static void VMFAULT0080(void **state)
{
    (void)state;
    with_store(16, "fifo", answer_missing, NULL);
}

/* ---- pagers ---- */

/* A view of an object whose pager, the caller, has not answered anything yet. */
static mk_vaddr_t silent_map(size_t nr_pages, mk_name_t *portp, mk_name_t *controlp)
{
    mk_name_t memory;
    mk_vaddr_t addr;
    CHECK_OK(mk_port_create(portp));
    CHECK_OK(mk_memory_create(*portp, 1, nr_pages * PAGE, &memory, controlp));
    const struct mk_vm_map how = {.memory = memory, .size = nr_pages * PAGE, .prot = RW};
    CHECK_OK(mk_vm_map(mk_task_self(), &how, &addr));
    CHECK_OK(mk_right_release(memory));
    return addr;
}

static void silent_end(mk_vaddr_t addr, size_t nr_pages, mk_name_t control)
{
    CHECK_OK(mk_machine_audit(NULL));
    CHECK_OK(mk_vm_deallocate(mk_task_self(), addr, nr_pages * PAGE));
    CHECK_OK(mk_right_release(control));
}

#define NR_DEAF 40 /* requests; 24 returns more, and its queue is full */

static volatile unsigned nr_modified;

/* It modifies pages; the pager supplies them, and takes nothing. */
static void deaf_client(void *arg)
{
    volatile char *p = (volatile char *)arg;
    for (unsigned i = 0; i < NR_DEAF; i++, nr_modified++)
        p[i * PAGE] = 1;
}

static void deaf_pager(void *arg)
{
    (void)arg;
    static char contents[PAGE];
    mk_name_t port, control;
    wait_for_store();
    mk_vaddr_t addr = silent_map(NR_DEAF, &port, &control);
    nr_modified = 0;
    mk_name_t thread = mkt_thread(deaf_client, (void *)addr);
    while (nr_modified < NR_DEAF) {
        unsigned page = nr_modified;
        mk_thread_yield();
        mk_err_t err = mk_memory_supply(control, page * PAGE, contents, PAGE);
        CHECK(err == MK_OK || err == MK_E_BAD_STATE);
    }
    join(thread);
    volatile char *own = allocate(100 * PAGE); /* of which the first in line are the pages that cannot leave */
    for (unsigned i = 0; i < 200; i++)
        own[i % 100 * PAGE] = (char)i;
    silent_end(addr, NR_DEAF, control);
}

/* VMFAULT0090: a pager that does not take what is returned to it keeps nobody else from memory. */
static void VMFAULT0090(void **state)
{
    (void)state;
    with_store(64, "fifo", deaf_pager, NULL);
}

static struct {
    mk_vaddr_t addr;
    mk_err_t err;
} reading;

static void reading_main(void *arg)
{
    char byte;
    (void)arg;
    reading.err = mk_vm_read(mk_task_self(), reading.addr, &byte, 1);
}

/* A thread that waits in mk_vm_read for the first page. */
static mk_name_t reading_begin(mk_vaddr_t addr)
{
    reading.addr = addr;
    reading.err = MK_OK;
    mk_name_t thread = thread_of("reading", reading_main, NULL, 0);
    while (thread_info("reading").wait != MK_WAIT_PAGE)
        mk_thread_yield();
    return thread;
}

/* VMFAULT0120: a call that waits for a page which its pager cannot have returns MK_E_IO. */
MKT_TEST(VMFAULT0120)
{
    (void)arg;
    mk_name_t port, control;
    mk_vaddr_t addr = silent_map(2, &port, &control);
    mk_name_t thread = reading_begin(addr);
    CHECK_ERR(mk_memory_fail(control, PAGE, PAGE), MK_E_BAD_STATE);
    CHECK_OK(mk_memory_fail(control, 0, PAGE));
    join(thread);
    CHECK(reading.err == MK_E_IO);
    CHECK_ERR(mk_memory_fail(control, 0, PAGE), MK_E_BAD_STATE);
    silent_end(addr, 2, control);
}

/* VMFAULT0130: one whose pager does not answer for the object's time-out returns MK_E_TIMED_OUT. */
MKT_TEST(VMFAULT0130)
{
    (void)arg;
    static char contents[PAGE];
    mk_name_t port, control;
    mk_vaddr_t addr = silent_map(2, &port, &control);
    CHECK_ERR(mk_memory_set_timeout(control, 0), MK_E_BAD_ARGUMENT);
    CHECK_OK(mk_memory_set_timeout(control, 5 * MK_MSEC));
    join(reading_begin(addr));
    CHECK(reading.err == MK_E_TIMED_OUT);
    CHECK_ERR(mk_memory_supply(control, 0, contents, PAGE), MK_E_BAD_STATE); /* too late */
    silent_end(addr, 2, control);
}

/* VMFAULT0140: one whose object is destroyed returns MK_E_DEAD. */
MKT_TEST(VMFAULT0140)
{
    (void)arg;
    mk_name_t port, control;
    mk_vaddr_t addr = silent_map(2, &port, &control);
    mk_name_t thread = reading_begin(addr);
    CHECK_OK(mk_memory_destroy(control));
    join(thread);
    CHECK(reading.err == MK_E_DEAD);
    silent_end(addr, 2, control);
}

/* VMFAULT0150: and so does one whose pager's port dies. */
MKT_TEST(VMFAULT0150)
{
    (void)arg;
    mk_name_t port, control;
    mk_vaddr_t addr = silent_map(2, &port, &control);
    mk_name_t thread = reading_begin(addr);
    CHECK_OK(mk_port_destroy(port));
    join(thread);
    CHECK(reading.err == MK_E_DEAD);
    silent_end(addr, 2, control);
}

/* ---- what calls tell ---- */

/* VMFAULT0100: a region tells when all of it is wired. */
MKT_TEST(VMFAULT0100)
{
    (void)arg;
    struct mk_vm_region region;
    volatile char *p = allocate(2 * PAGE);
    CHECK_OK(mk_vm_wire(mk_task_self(), (mk_vaddr_t)p, 2 * PAGE, true));
    CHECK_OK(mk_vm_region(mk_task_self(), (mk_vaddr_t)p, &region));
    CHECK(region.is_wired && region.nr_resident == 2);
    CHECK_OK(mk_vm_wire(mk_task_self(), (mk_vaddr_t)p, PAGE, false));
    CHECK_OK(mk_vm_region(mk_task_self(), (mk_vaddr_t)p, &region));
    CHECK(!region.is_wired);
    CHECK_OK(mk_vm_deallocate(mk_task_self(), (mk_vaddr_t)p, 2 * PAGE));
    CHECK(stats_of(MK_NAME_NULL).nr_wired == 0);
}

/* VMFAULT0110: a future without frames of the task's own is left alone. */
MKT_TEST(VMFAULT0110)
{
    (void)arg;
    uint64_t refs[4] = {1, 2, 3, 4};
    const struct mk_page_refs future = {refs, 4, 4};
    const struct mk_vm_frames frames = {.future = &future};
    CHECK_OK(mk_vm_set_frames(mk_task_self(), &frames));
}

/* VMFAULT0160: references are noted, each once until another page is referenced. */
MKT_TEST(VMFAULT0160)
{
    (void)arg;
    uint64_t seen[4];
    struct mk_page_refs refs = {.refs = seen, .max = 4};
    const struct mk_vm_frames frames = {.nr_frames = 3, .policy = "lru", .record = 8};
    CHECK_OK(mk_vm_set_frames(mk_task_self(), &frames));
    volatile char *p = allocate(2 * PAGE);
    p[0] = p[1] = 1;
    p[PAGE] = 1;
    p[0] = 1;
    CHECK_OK(mk_vm_refs(mk_task_self(), &refs));
    CHECK(refs.nr == 3 && seen[0] == seen[2] && seen[0] != seen[1]);
}

/* VMFAULT0170: a task has at most as much memory in use as its limit, which cannot be less than what it has. */
MKT_TEST(VMFAULT0170)
{
    (void)arg;
    mk_vaddr_t addr;
    allocate(2 * PAGE);
    CHECK_ERR(mk_vm_set_limit(mk_task_self(), 2 * PAGE - 1), MK_E_BAD_STATE);
    CHECK_OK(mk_vm_set_limit(mk_task_self(), 3 * PAGE));
    CHECK_ERR(mk_vm_allocate(mk_task_self(), 2 * PAGE, &addr), MK_E_LIMIT_MEMORY);
    allocate(PAGE);
}

#define NR_GREEDY 100 /* more than there are frames */

static mk_err_t greedy_err;

static void greedy_client(void *arg)
{
    mk_vaddr_t addr = (mk_vaddr_t)arg;
    const char byte = 1;
    for (nr_modified = 0; nr_modified < NR_GREEDY && !greedy_err; nr_modified++)
        greedy_err = mk_vm_write(mk_task_self(), addr + nr_modified * PAGE, &byte, 1);
}

static void greedy_pager(void *arg)
{
    (void)arg;
    static char contents[PAGE];
    mk_name_t port, control;
    wait_for_store();
    mk_vaddr_t addr = silent_map(NR_GREEDY, &port, &control);
    greedy_err = MK_OK;
    mk_name_t thread = mkt_thread(greedy_client, (void *)addr);
    volatile char *own = allocate(100 * PAGE);
    for (unsigned i = 0; i < 400; i++) {
        mk_err_t err = mk_memory_supply(control, nr_modified % NR_GREEDY * PAGE, contents, PAGE);
        CHECK(err == MK_OK || err == MK_E_BAD_STATE);
        mk_thread_yield();
        own[i % 100 * PAGE] = (char)i;
    }
    struct mk_vm_stats stats = stats_of(MK_NAME_NULL);
    CHECK(nr_modified >= stats.nr_frames / 3 && nr_modified < stats.nr_frames); /* it could be of use meanwhile */
    join(thread);
    CHECK_ERR(greedy_err, MK_E_TIMED_OUT);
    silent_end(addr, NR_GREEDY, control);
    CHECK_OK(mk_port_destroy(port));
}

/*
 * VMFAULT0190: nor does one in whose object more is modified than there is memory; who does that waits, and is told so.
 */
static void VMFAULT0190(void **state)
{
    (void)state;
    with_store(64, "fifo", greedy_pager, NULL);
}

#define NR_SILENT 64

static void silent_client(void *arg)
{
    char byte;
    CHECK_ERR(mk_vm_read(mk_task_self(), (mk_vaddr_t)arg, &byte, 1), MK_E_DEAD);
}

static void silent_pager(void *arg)
{
    (void)arg;
    mk_name_t threads[NR_SILENT], port, control;
    wait_for_store();
    mk_vaddr_t addr = silent_map(NR_SILENT, &port, &control);
    CHECK_OK(mk_memory_set_timeout(control, MK_TIME_FOREVER));
    for (size_t i = 0; i < NR_SILENT; i++)
        threads[i] = mkt_thread(silent_client, (void *)(addr + i * PAGE));
    mk_thread_yield();
    volatile char *own = allocate(100 * PAGE);
    for (unsigned i = 0; i < 400; i++)
        own[i % 100 * PAGE] = (char)i;
    CHECK_OK(mk_memory_destroy(control));
    for (size_t i = 0; i < NR_SILENT; i++)
        join(threads[i]);
    silent_end(addr, NR_SILENT, control);
    CHECK_OK(mk_port_destroy(port));
}

/* VMFAULT0200: nor one that never answers, though as many threads wait for it as there are frames. */
static void VMFAULT0200(void **state)
{
    (void)state;
    with_store(64, "fifo", silent_pager, NULL);
}

static void read_zero(void *arg)
{
    static const char zeros[PAGE];
    static char found[PAGE];
    CHECK_OK(mk_vm_read(mk_task_self(), (mk_vaddr_t)arg, found, PAGE));
    CHECK(memcmp(found, zeros, PAGE) == 0);
}

/* VMFAULT0210: what came before a supply failed is not seen when the page turns out to have no contents. */
MKT_TEST(VMFAULT0210)
{
    (void)arg;
    mk_name_t port, control;
    volatile char *from = allocate(2 * PAGE);
    memset((void *)(mk_vaddr_t)from, 'x', PAGE);
    CHECK_OK(mk_vm_protect(mk_task_self(), (mk_vaddr_t)from + PAGE, PAGE, MK_PROT_NONE));
    mk_vaddr_t addr = silent_map(1, &port, &control);
    mk_name_t thread = mkt_thread(read_zero, (void *)addr);
    mk_thread_yield();
    CHECK_ERR(mk_memory_supply(control, 0, (const char *)(mk_vaddr_t)from + 8, PAGE), MK_E_BAD_ADDRESS);
    CHECK_OK(mk_memory_unavailable(control, 0, PAGE));
    join(thread);
    silent_end(addr, 1, control);
}

/* VMFAULT0220: the backing store cannot be mapped. */
static void store_mapped(void *arg)
{
    (void)arg;
    mk_name_t port = mkt_port(), memory, control, machine;
    mk_vaddr_t addr;
    CHECK_OK(mk_task_get_special(mk_task_self(), MK_SPECIAL_MACHINE, &machine));
    CHECK_OK(mk_memory_create(port, 1, 4 * PAGE, &memory, &control));
    const struct mk_vm_map how = {.memory = memory, .size = PAGE, .prot = RW};
    CHECK_OK(mk_vm_map(mk_task_self(), &how, &addr));
    CHECK_ERR(mk_memory_set_store(machine, control), MK_E_BAD_ARGUMENT);
    CHECK_OK(mk_vm_deallocate(mk_task_self(), addr, PAGE));
    CHECK_OK(mk_memory_set_store(machine, control));
    CHECK_ERR(mk_vm_map(mk_task_self(), &how, &addr), MK_E_BAD_ARGUMENT);
}

static void VMFAULT0220(void **state)
{
    (void)state;
    struct mkt t;
    mkt_begin(&t, NULL);
    mkt_spawn(&t, "test", store_mapped, NULL, true);
    mkt_run_all(&t);
    mkt_finish(&t);
}

/* VMFAULT0230: nothing can be locked in an object that was destroyed. */
MKT_TEST(VMFAULT0230)
{
    (void)arg;
    mk_name_t port = mkt_port(), memory, control;
    CHECK_OK(mk_memory_create(port, 1, PAGE, &memory, &control));
    CHECK_OK(mk_memory_destroy(control));
    CHECK_ERR(mk_memory_lock(control, 0, PAGE, MK_MEMORY_CLEAN, 1), MK_E_DEAD);
    CHECK_OK(mk_right_release(memory));
    CHECK_OK(mk_right_release(control));
}

/* ---- names in memory that leaves ---- */

#define NR_NAMES 4

/* The names that came, released; those of them that name nothing are errors. */
static void release_names(volatile struct mk_msg_right *rights)
{
    for (unsigned i = 0; i < NR_NAMES; i++)
        CHECK_OK(mk_right_release(rights[i].name));
}

/*
 * A message with rights into a header and an array that each lie across a border of pages, with this many frames. It
 * comes with all its names, or it does not come. A copy makes the first store to the header need another frame.
 */
static void names_in(uint32_t nr_frames, const char *policy, bool with_copy)
{
    static struct mk_msg_right sent[NR_NAMES], taken[NR_NAMES];
    const struct mk_vm_frames frames = {.nr_frames = nr_frames, .policy = policy}, none = {.nr_frames = 0};
    mk_name_t task = mk_task_self(), port = mkt_port();
    volatile char *p = allocate(7 * PAGE), *copy = allocate(7 * PAGE);
    volatile struct mk_msg *msg = (volatile struct mk_msg *)(mk_vaddr_t)(p + 2 * PAGE - 16);
    volatile struct mk_msg_right *rights =
        (volatile struct mk_msg_right *)(mk_vaddr_t)(p + 5 * PAGE - sizeof(sent) / 2);
    for (unsigned i = 0; i < NR_NAMES; i++)
        sent[i] = (struct mk_msg_right){.name = port, .how = MK_MAKE_SEND};
    CHECK_OK(mk_vm_set_frames(task, &frames));
    for (unsigned i = 0; i < 7; i++)
        p[i * PAGE] = 1; /* to the store, from where it takes time to come back */
    msg->rights = (struct mk_msg_right *)(uintptr_t)rights;
    msg->max_rights = NR_NAMES;
    if (with_copy)
        CHECK_OK(mk_vm_copy(task, (mk_vaddr_t)p, 7 * PAGE, (mk_vaddr_t)copy));
    CHECK_OK(mk_send(port, &(struct mk_msg){.rights = sent, .nr_rights = NR_NAMES}, MK_TIME_FOREVER));
    mk_err_t err = mk_receive(port, (struct mk_msg *)(uintptr_t)msg, mk_time_now() + MK_SEC);
    CHECK(err == MK_OK || (err == MK_E_LIMIT_MEMORY && nr_frames < 4));
    if (!err)
        release_names(rights);
    CHECK_OK(mk_vm_set_frames(task, &none));
    if (err) {
        CHECK_OK(mk_receive(port, &(struct mk_msg){.rights = taken, .max_rights = NR_NAMES}, MK_TIME_FOREVER));
        release_names(taken);
    }
    CHECK_OK(mk_port_destroy(port));
    CHECK_OK(mk_vm_deallocate(task, (mk_vaddr_t)p, 7 * PAGE));
    CHECK_OK(mk_vm_deallocate(task, (mk_vaddr_t)copy, 7 * PAGE));
    CHECK_OK(mk_machine_audit(NULL));
}

static void names_missing(void *arg)
{
    static const char *const policies[] = {"fifo", "clock", "lru", "random", "ws"};
    (void)arg;
    wait_for_store();
    for (unsigned i = 0; i < sizeof(policies) / sizeof(policies[0]); i++)
        for (uint32_t nr_frames = 1; nr_frames <= 7; nr_frames++)
            for (int with_copy = 0; with_copy < 2; with_copy++)
                names_in(nr_frames, policies[i], with_copy);
}

/* VMFAULT0180: a message with rights is received with all its names, or stays, when its buffers push each other out. */
static void VMFAULT0180(void **state)
{
    (void)state;
    with_store(64, "fifo", names_missing, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(VMFAULT0010), cmocka_unit_test(VMFAULT0020), cmocka_unit_test(VMFAULT0030),
        cmocka_unit_test(VMFAULT0040), cmocka_unit_test(VMFAULT0050), cmocka_unit_test(VMFAULT0060),
        cmocka_unit_test(VMFAULT0070), cmocka_unit_test(VMFAULT0080), cmocka_unit_test(VMFAULT0090),
        cmocka_unit_test(VMFAULT0100), cmocka_unit_test(VMFAULT0110), cmocka_unit_test(VMFAULT0120),
        cmocka_unit_test(VMFAULT0130), cmocka_unit_test(VMFAULT0140), cmocka_unit_test(VMFAULT0150),
        cmocka_unit_test(VMFAULT0160), cmocka_unit_test(VMFAULT0170), cmocka_unit_test(VMFAULT0180),
        cmocka_unit_test(VMFAULT0190), cmocka_unit_test(VMFAULT0200), cmocka_unit_test(VMFAULT0210),
        cmocka_unit_test(VMFAULT0220), cmocka_unit_test(VMFAULT0230),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
