/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A mapped file. The file server gives a memory object for an open file, of
 * which it is the pager: the file is read and written as memory, and what is
 * written is what the file server reads afterwards. The servers are plugins,
 * loaded from the build tree: mapped [NAMES.so RAMFS.so]
 */
#include "example.h"

#include <string.h>

#include "servers/ramfs/fs_proto.h"

static char body[4096];

/* A request to an open file; the size of the answer. */
static size_t ask(mk_name_t file, uint32_t id, const void *request, size_t size)
{
    struct mk_msg msg = {.id = id, .body = body, .size = size, .capacity = sizeof(body)};
    if (size)
        memcpy(body, request, size);
    OK(mk_call(file, &msg, MK_TIME_FOREVER));
    OK(msg.status);
    return msg.size;
}

/* A request that is answered with a right. */
static mk_name_t ask_right(mk_name_t port, uint32_t id, size_t size)
{
    struct mk_msg_right right;
    struct mk_msg msg = {
        .id = id, .body = body, .size = size, .capacity = sizeof(body), .rights = &right, .max_rights = 1};
    OK(mk_call(port, &msg, MK_TIME_FOREVER));
    OK(msg.status);
    return right.name;
}

static void show(mk_name_t file)
{
    const struct fs_io io = {.size = 100};
    size_t size = ask(file, FS_READ, &io, sizeof(io));
    mk_log("the file server reads: %.*s", (int)size, body);
}

static void editor(void *arg)
{
    static const char text[] = "memory is not a file";
    const struct fs_open open = {FS_CREATE};
    struct {
        struct fs_io io;
        char bytes[sizeof(text) - 1];
    } write = {.io.size = sizeof(text) - 1};
    mk_name_t ramfs, file;
    mk_vaddr_t addr;
    (void)arg;
    OK(mk_name_lookup("ramfs", MK_TIME_FOREVER, &ramfs));
    memcpy(body, &open, sizeof(open));
    memcpy(body + sizeof(open), "/note", 5);
    file = ask_right(ramfs, FS_OPEN, sizeof(open) + 5);
    memcpy(write.bytes, text, sizeof(text) - 1);
    ask(file, FS_WRITE, &write, sizeof(write.io) + write.io.size);
    show(file);

    const struct mk_vm_map how = {
        .memory = ask_right(file, FS_MAP, 0), .size = mk_page_size(), .prot = MK_PROT_READ | MK_PROT_WRITE};
    OK(mk_vm_map(mk_task_self(), &how, &addr));
    char *note = (char *)addr;
    mk_log("as memory it is: %s", note); /* the first touch: its page comes from the file server */
    memcpy(strstr(note, "not"), "now", 3);
    show(file); /* it has asked the kernel for what was modified */
    const struct fs_io cut = {.offset = 6};
    ask(file, FS_TRUNCATE, &cut, sizeof(cut));
    mk_log("cut to 6 bytes, as memory it is: %s", note);
}

static int load(struct mk_machine *machine, const char *path, bool is_privileged)
{
    const struct mk_load plugin = {.path = path, .privileged = is_privileged};
    return mk_machine_load(machine, &plugin, NULL, NULL, 0);
}

int main(int argc, char **argv)
{
    const struct mk_machine_config config = {.log = example_log};
    const struct mk_spawn spawn = {.label = "editor", .entry = editor};
    struct mk_machine *machine;
    int code = 1;
    if (mk_machine_create(&config, &machine))
        return 1;
    if (load(machine, argc > 1 ? argv[1] : NAMES_PLUGIN, true) ||
        load(machine, argc > 2 ? argv[2] : RAMFS_PLUGIN, false) || mk_machine_spawn(machine, &spawn, NULL) ||
        mk_machine_run(machine, &code))
        code = 1;
    mk_machine_destroy(machine);
    return code;
}
