/* SPDX-License-Identifier: BSD-2-Clause */
/* Files of ramfs as memory: FS_MAP and FS_SYNC of servers/ramfs/fs_proto.h, and what the other operations see. */
#include "mkt.h"

#include "servers/ramfs/fs_proto.h"

#define PAGE     4096u
#define NR_PAGES 100u

static char body[sizeof(struct fs_io) + FS_IO_MAX];
static mk_name_t ramfs, file;

/* The status of an operation; a right that came goes to *rightp. */
static mk_err_t ask(mk_name_t port, uint32_t id, size_t size, mk_name_t *rightp, size_t *sizep)
{
    struct mk_msg_right right = {0};
    struct mk_msg msg = {
        .id = id, .body = body, .size = size, .capacity = sizeof(body), .rights = &right, .max_rights = 1};
    CHECK_OK(mk_call(port, &msg, MK_TIME_FOREVER));
    CHECK(msg.status != MK_OK || msg.nr_rights == (rightp ? 1 : 0));
    if (rightp)
        *rightp = right.name;
    if (sizep)
        *sizep = msg.size;
    return msg.status;
}

static mk_err_t ask_path(uint32_t id, uint32_t flags, const char *path, mk_name_t *rightp)
{
    size_t fixed = id == FS_OPEN ? sizeof(struct fs_open) : 0;
    memcpy(body, &flags, fixed);
    memcpy(body + fixed, path, strlen(path));
    return ask(ramfs, id, fixed + strlen(path), rightp, NULL);
}

static mk_err_t ask_io(uint32_t id, uint64_t offset, const char *bytes, size_t size, size_t *sizep)
{
    const struct fs_io io = {.offset = offset, .size = (uint32_t)size};
    memcpy(body, &io, sizeof(io));
    if (bytes)
        memcpy(body + sizeof(io), bytes, size);
    return ask(file, id, sizeof(io) + (bytes ? size : 0), NULL, sizep);
}

static void write_file(uint64_t offset, const char *text)
{
    CHECK_OK(ask_io(FS_WRITE, offset, text, strlen(text), NULL));
}

static bool reads(uint64_t offset, const char *text)
{
    size_t size;
    CHECK_OK(ask_io(FS_READ, offset, NULL, strlen(text), &size));
    return size == strlen(text) && memcmp(body, text, size) == 0;
}

static char *map_file(mk_name_t *memoryp)
{
    struct mk_vm_map how = {.size = NR_PAGES * PAGE, .prot = MK_PROT_READ | MK_PROT_WRITE};
    mk_vaddr_t addr;
    CHECK_OK(ask(file, FS_MAP, 0, memoryp, NULL));
    how.memory = *memoryp;
    CHECK_OK(mk_vm_map(mk_task_self(), &how, &addr));
    return (char *)addr;
}

static size_t nr_objects(void)
{
    static struct mk_port_info ports[100];
    size_t nr, found = 0;
    CHECK_OK(mk_machine_ports(NULL, ports, 100, &nr));
    for (size_t i = 0; i < nr && i < 100; i++)
        found += ports[i].kind == MK_OBJECT_MEMORY || ports[i].kind == MK_OBJECT_MEMORY_CONTROL;
    return found;
}

/* Both ways see what the other wrote, each in its bytes. */
static void check_both(char *p)
{
    CHECK(memcmp(p, "0123456789\0\0", 12) == 0);
    p[3] = 'x';
    CHECK(reads(0, "012x456789"));
    p[4] = 'y';
    write_file(5, "zz");
    CHECK(memcmp(p, "012xyzz789\0\0", 12) == 0 && reads(0, "012xyzz789"));
    p[0] = 'a';
    CHECK_OK(ask(file, FS_SYNC, 0, NULL, NULL));
    CHECK(reads(0, "a12xyzz789"));
}

/* What lies beyond the end is nothing, whatever was written there. */
static void check_end(char *p)
{
    char c;
    CHECK_ERR(mk_vm_read(mk_task_self(), (mk_vaddr_t)p + PAGE, &c, 1), MK_E_IO);
    p[11] = 'g';
    CHECK_OK(ask_io(FS_TRUNCATE, 2 * PAGE, NULL, 0, NULL));
    CHECK(p[11] == 0 && p[PAGE] == 0);
    p[PAGE] = 'q';
    p[5] = 'r';
    CHECK_OK(ask_io(FS_TRUNCATE, 3, NULL, 0, NULL));
    CHECK(memcmp(p, "a12\0\0\0", 6) == 0);
    CHECK_ERR(mk_vm_read(mk_task_self(), (mk_vaddr_t)p + PAGE, &c, 1), MK_E_IO);
    p[4] = 'h';
    write_file(PAGE, "end");
    CHECK(memcmp(p, "a12\0\0\0", 6) == 0 && memcmp(p + PAGE, "end", 3) == 0);
}

/* More modified pages than the kernel gives back at once; and answers into the file's own memory. */
static void check_many(char *p)
{
    CHECK_OK(ask_io(FS_TRUNCATE, NR_PAGES * PAGE, NULL, 0, NULL));
    for (unsigned i = 0; i < NR_PAGES; i++)
        memcpy(p + i * PAGE, i % 2 ? "odd" : "even", 4);
    CHECK_OK(ask(file, FS_SYNC, 0, NULL, NULL));
    for (unsigned i = 0; i < NR_PAGES; i++)
        CHECK(reads(i * PAGE, i % 2 ? "odd" : "even"));
    const struct fs_io io = {.offset = 2 * PAGE, .size = 4};
    CHECK_OK(ask_io(FS_TRUNCATE, 3 * PAGE, NULL, 0, NULL));
    CHECK_OK(ask_io(FS_TRUNCATE, NR_PAGES * PAGE, NULL, 0, NULL)); /* so that no page is there */
    struct mk_msg msg = {.id = FS_READ, .body = p + 50 * PAGE, .size = sizeof(io), .capacity = PAGE};
    memcpy(msg.body, &io, sizeof(io));
    CHECK_OK(ask_io(FS_WRITE, 50 * PAGE, (const char *)&io, sizeof(io), NULL)); /* which takes it out again */
    CHECK_OK(mk_call(file, &msg, MK_TIME_FOREVER));
    CHECK(msg.status == MK_OK && memcmp(p + 50 * PAGE, "even", 4) == 0);
}

static void test(void *arg)
{
    mk_name_t memory, again;
    (void)arg;
    CHECK_OK(mk_name_lookup("ramfs", MK_TIME_FOREVER, &ramfs));
    CHECK_OK(ask_path(FS_OPEN, FS_CREATE, "/f", &file));
    CHECK_OK(ask(file, FS_SYNC, 0, NULL, NULL)); /* nothing is mapped */
    const size_t nr_before = nr_objects();       /* the pager's */
    CHECK_ERR(ask(ramfs, FS_MAP, 0, NULL, NULL), MK_E_MSG_ID);
    CHECK_ERR(ask(ramfs, 0x4d4b0101, 100, NULL, NULL), MK_E_MSG_ID); /* only the kernel gives pages back */
    write_file(0, "0123456789");
    char *p = map_file(&memory);
    check_both(p);
    check_end(p);
    check_many(p);
    CHECK_OK(ask(file, FS_MAP, 0, &again, NULL));
    CHECK(again == memory);
    CHECK_OK(mk_right_release(again));
    p[0] = 'k';
    CHECK_OK(ask_path(FS_OPEN, FS_TRUNC, "/f", &again));
    CHECK(!reads(0, "k"));
    CHECK_OK(mk_right_release(again));
    write_file(0, "left");
    CHECK_OK(ask_path(FS_REMOVE, 0, "/f", NULL));
    CHECK_OK(mk_right_release(file));
    CHECK(p[0] == 'l' && p[3] == 't'); /* who has it mapped goes on */
    CHECK_OK(mk_right_release(memory));
    CHECK(nr_objects() > nr_before);
    CHECK_OK(mk_vm_deallocate(mk_task_self(), (mk_vaddr_t)p, NR_PAGES * PAGE));
    CHECK_OK(mk_time_sleep(mk_time_now() + MK_MSEC));
    CHECK(nr_objects() == nr_before);
    struct mk_vm_stats stats;
    CHECK_OK(mk_vm_statistics(MK_NAME_NULL, &stats));
    CHECK(!arg || stats.nr_evictions > 0);
}

static void load(struct mkt *t, const char *name, bool is_privileged)
{
    char path[4096];
    const struct mk_load plugin = {
        .path = path, .privileged = is_privileged, .priority = strcmp(name, "pager") == 0 ? 60 : MK_PRIO_DEFAULT};
    snprintf(path, sizeof(path), "%s/%s/%s.so", SERVERS_DIR, name, name);
    assert_int_equal(mk_machine_load(t->machine, &plugin, NULL, NULL, 0), MK_OK);
}

static void run(const char *page_policy, uint64_t memory_size)
{
    static char is_small;
    const struct mk_machine_config config = {.page_policy = page_policy, .memory_size = memory_size};
    struct mkt t;
    mkt_begin(&t, &config);
    if (memory_size)
        load(&t, "pager", true);
    load(&t, "names", true);
    load(&t, "ramfs", false);
    mkt_spawn(&t, "test", test, memory_size ? &is_small : NULL, false);
    mkt_run_all(&t);
    mkt_finish(&t);
}

/* MAPPED0010: a file is the same by message and by memory, also when it is cut, extended and removed. */
static void MAPPED0010(void **state)
{
    (void)state;
    run(NULL, 0);
}

/* MAPPED0020: and when its pages leave memory of themselves: there is no room for all of the file server. */
static void MAPPED0020(void **state)
{
    (void)state;
    run("fifo", 150 * PAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(MAPPED0010), cmocka_unit_test(MAPPED0020)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
