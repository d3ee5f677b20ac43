/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A client that works without a pause while the server it works with is updated. Arguments: KIND SERVER N FILE...
 *
 *   files    opens, writes, reads, cuts and removes files, and knows what must be in them
 *   mapped   the same file by way of memory and of messages
 *   names    registers, looks up, waits for and lets go of names
 *   memory   writes and reads more memory than the machine has
 *
 * N updates, to the files in turn; a file that begins with "-" must be refused. Everything has to succeed.
 */
#include <mk/mk.h>
#include <mk/names.h>

#include <stdlib.h>
#include <string.h>

#include "servers/ramfs/fs_proto.h"
#include "servers/supervisor/supervisor_proto.h"

#define NR_FILES  6
#define FILE_SIZE 20000
#define NR_NAMES  40
#define NR_PAGES  1024

static bool is_over;
static unsigned nr_rounds;

static void fail(const char *what, mk_err_t err)
{
    mk_log("%s: %s, in round %u", what, mk_err_name(err), nr_rounds);
    mk_task_exit(1);
}

static void must(const char *what, mk_err_t err)
{
    if (err)
        fail(what, err);
}

static void must_be(const char *what, bool is_so)
{
    if (!is_so)
        fail(what, MK_E_BAD_STATE);
}

static void call(const char *what, mk_name_t port, struct mk_msg *msg)
{
    must(what, mk_call(port, msg, MK_TIME_FOREVER));
    must(what, msg->status);
}

static uint32_t random_below(uint32_t n)
{
    static uint32_t seed = 1;
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % n;
}

/* ---- files ---- */

static mk_name_t fs;

static mk_name_t open_file(unsigned number)
{
    struct {
        struct fs_open open;
        char path[8];
    } request = {{FS_CREATE}, "/file-0"};
    struct mk_msg_right right;
    struct mk_msg msg = {.id = FS_OPEN, .body = &request, .size = sizeof(request.open) + 7, .rights = &right};
    request.path[6] = (char)('0' + number);
    msg.max_rights = 1;
    call("open", fs, &msg);
    must_be("the right", msg.nr_rights == 1);
    return right.name;
}

static void write_file(mk_name_t file, uint64_t offset, const void *bytes, uint32_t size)
{
    static char body[sizeof(struct fs_io) + FILE_SIZE];
    const struct fs_io io = {.offset = offset, .size = size};
    struct mk_msg msg = {.id = FS_WRITE, .body = body, .size = sizeof(io) + size, .capacity = sizeof(body)};
    memcpy(body, &io, sizeof(io));
    memcpy(body + sizeof(io), bytes, size);
    call("write", file, &msg);
}

static const char *read_file(mk_name_t file, uint64_t offset, uint32_t size)
{
    static char body[sizeof(struct fs_io) + FILE_SIZE];
    const struct fs_io io = {.offset = offset, .size = size};
    struct mk_msg msg = {.id = FS_READ, .body = body, .size = sizeof(io), .capacity = sizeof(body)};
    memcpy(body, &io, sizeof(io));
    call("read", file, &msg);
    must_be("the size", msg.size == size);
    return body;
}

static void truncate_file(mk_name_t file, uint64_t size)
{
    struct fs_io io = {.offset = size};
    struct mk_msg msg = {.id = FS_TRUNCATE, .body = &io, .size = sizeof(io), .capacity = sizeof(io)};
    call("truncate", file, &msg);
}

static void remove_file(unsigned number)
{
    char path[8] = "/file-0";
    struct mk_msg msg = {.id = FS_REMOVE, .body = path, .size = 7};
    path[6] = (char)('0' + number);
    call("remove", fs, &msg);
}

static struct file {
    mk_name_t open;
    uint32_t size;
    char bytes[FILE_SIZE];
} files[NR_FILES];

/* One file: it is what it was; it becomes something else; now and then it is removed while it is open, or made anew. */
static void work_on_file(unsigned number)
{
    struct file *f = &files[number];
    uint32_t at = random_below(FILE_SIZE / 2), size = 1 + random_below(FILE_SIZE / 2);
    if (!f->open)
        f->open = open_file(number);
    if (f->size)
        must_be("the contents", memcmp(read_file(f->open, 0, f->size), f->bytes, f->size) == 0);
    memset(f->bytes + at, (int)('a' + nr_rounds % 26), size);
    write_file(f->open, at, f->bytes + at, size);
    f->size = f->size > at + size ? f->size : at + size;
    switch (random_below(8)) {
    case 0:
        truncate_file(f->open, f->size /= 2);
        memset(f->bytes + f->size, 0, FILE_SIZE - f->size);
        break;
    case 1:
        remove_file(number);
        must_be("the removed", memcmp(read_file(f->open, 0, f->size), f->bytes, f->size) == 0);
        must("close", mk_right_release(f->open));
        memset(f, 0, sizeof(*f));
        break;
    case 2:
        must("close", mk_right_release(f->open));
        f->open = MK_NAME_NULL;
        break;
    default:
        break;
    }
}

static void work_files(void)
{
    work_on_file(nr_rounds % NR_FILES);
}

static void work_mapped(void)
{
    static volatile uint32_t *words;
    static mk_name_t file;
    struct mk_msg_right right;
    struct fs_map map;
    struct mk_msg msg = {.id = FS_MAP, .body = &map, .capacity = sizeof(map), .rights = &right, .max_rights = 1};
    uint32_t at = random_below(FILE_SIZE / 4 / 2), value;
    if (!words) {
        struct mk_vm_map in = {.size = 2 * 4096 * 3, .prot = MK_PROT_READ | MK_PROT_WRITE};
        mk_vaddr_t address;
        file = open_file(9 % NR_FILES);
        truncate_file(file, FILE_SIZE);
        call("map", file, &msg);
        in.memory = right.name;
        must("mapping", mk_vm_map(mk_task_self(), &in, &address));
        words = (volatile uint32_t *)address;
    }
    words[at] = nr_rounds;
    memcpy(&value, read_file(file, at * 4, 4), 4);
    must_be("what was written to memory", value == nr_rounds);
    value = ~nr_rounds;
    write_file(file, at * 4, &value, 4);
    must_be("what was written to the file", words[at] == ~nr_rounds);
}

/* ---- names ---- */

static mk_name_t ports[NR_NAMES];
static mk_name_t late;

static void waiter(void *arg)
{
    mk_name_t found;
    (void)arg;
    must("waiting for a name", mk_name_lookup("late", MK_TIME_FOREVER, &found));
    must_be("the late name", found == late);
    must("release", mk_right_release(found));
    mk_thread_exit();
}

static void begin_names(void)
{
    const struct mk_thread_attr attr = {.entry = waiter};
    must("port", mk_port_create(&late));
    must("right", mk_right_make(late, MK_RIGHT_SEND, 0, NULL));
    for (int i = 0; i < 3; i++)
        must("thread", mk_thread_create(mk_task_self(), &attr, NULL));
}

static void work_names(void)
{
    char name[8] = "name-00";
    unsigned i = random_below(NR_NAMES);
    mk_name_t found;
    name[5] = (char)('0' + i / 10);
    name[6] = (char)('0' + i % 10);
    if (!ports[i]) {
        must("port", mk_port_create(&ports[i]));
        must("right", mk_right_make(ports[i], MK_RIGHT_SEND, 0, NULL));
        must("register", mk_name_register(name, ports[i]));
    }
    must("look-up", mk_name_lookup(name, MK_TIME_POLL, &found));
    must_be("the name", found == ports[i]);
    must("release", mk_right_release(found));
    if (nr_rounds % 5 == 0) {
        must("destroy", mk_port_destroy(ports[i]));
        must("release", mk_right_release(ports[i]));
        ports[i] = MK_NAME_NULL;
        must_be("the dead name", mk_name_lookup(name, MK_TIME_POLL, &found) == MK_E_NOT_FOUND);
    }
}

static void end_names(void)
{
    mk_name_t found;
    must("register", mk_name_register("late", late));
    must("look-up", mk_name_lookup("late", MK_TIME_FOREVER, &found));
}

/* ---- memory ---- */

static void work_memory(void)
{
    static volatile uint64_t *pages;
    static uint64_t values[NR_PAGES];
    mk_vaddr_t address;
    if (!pages) {
        must("memory", mk_vm_allocate(mk_task_self(), NR_PAGES * 4096, &address));
        pages = (volatile uint64_t *)address;
    }
    for (unsigned n = 0; n < 50; n++) {
        unsigned i = random_below(NR_PAGES);
        must_be("a page", pages[i * 512 + i % 512] == values[i]);
        pages[i * 512 + i % 512] = ++values[i];
    }
}

/* ---- the two threads ---- */

static const struct kind {
    const char *name;
    void (*begin)(void);
    void (*work)(void);
    void (*end)(void);
    unsigned nr_warm; /* rounds before the first update */
} kinds[] = {
    {"files", NULL, work_files, NULL, 3},
    {"mapped", NULL, work_mapped, NULL, 3},
    {"names", begin_names, work_names, end_names, 3},
    {"memory", NULL, work_memory, NULL, 200}, /* all pages have been written */
};

static void worker(void *arg)
{
    const struct kind *kind = arg;
    for (; !is_over; nr_rounds++)
        kind->work();
}

/* The load is a load. */
static void let_work(unsigned until)
{
    while (nr_rounds < until)
        must("sleep", mk_time_sleep(mk_time_now() + MK_MSEC));
}

static mk_err_t update(mk_name_t supervisor, const char *server, const char *path)
{
    char body[600];
    struct mk_msg msg = {.id = SUPERVISOR_UPDATE, .body = body, .capacity = sizeof(body)};
    size_t n = strlen(server) + 1;
    memcpy(body, server, n);
    strcpy(body + n, path);
    msg.size = n + strlen(path);
    mk_err_t err = mk_call(supervisor, &msg, MK_TIME_FOREVER);
    return err ? err : msg.status;
}

static int busy_main(int argc, char **argv)
{
    mk_name_t supervisor, thread;
    const struct kind *kind = kinds;
    struct mk_thread_attr attr = {.entry = worker, .priority = MK_PRIO_DEFAULT - 1};
    if (argc < 5)
        return 2;
    while (strcmp(kind->name, argv[1]) != 0)
        kind++;
    attr.arg = (void *)(uintptr_t)kind;
    must("supervisor", mk_name_lookup("supervisor", MK_TIME_FOREVER, &supervisor));
    if (strcmp(argv[2], "ramfs") == 0)
        must("ramfs", mk_name_lookup("ramfs", MK_TIME_FOREVER, &fs));
    if (kind->begin)
        kind->begin();
    must("thread", mk_thread_create(mk_task_self(), &attr, &thread));
    for (int i = 0; i < atoi(argv[3]); i++) {
        const char *file = argv[4 + i % (argc - 4)];
        bool is_bad = *file == '-';
        let_work(i == 0 ? kind->nr_warm : nr_rounds + 3);
        mk_err_t err = update(supervisor, argv[2], file + is_bad);
        if ((err != MK_OK) != is_bad)
            fail("update", err);
    }
    let_work(nr_rounds + 100);
    is_over = true;
    must("join", mk_thread_join(thread, MK_TIME_FOREVER));
    if (kind->end)
        kind->end();
    mk_log("%s: all is right after %s updates", argv[1], argv[3]);
    return 0;
}

static const struct mk_server busy = {.abi = MK_SERVER_ABI, .main = busy_main};

MK_SERVER_EXPORT(busy);
