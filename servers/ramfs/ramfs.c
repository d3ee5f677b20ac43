/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A file service in memory, registered as "ramfs". Arguments:
 *
 *     [--limit BYTES] SOURCE...      SOURCE is HOSTPATH or HOSTPATH:PATH
 *
 * The tree is filled from the host (load.h) before anything is registered.
 */
#include "ramfs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "load.h"

#define LIMIT_DEFAULT ((uint64_t)64 << 20)

static struct ramfs ramfs;

/* Giving a right back fails only by our own mistake: worth a line in the log, nothing that a client could mend. */
void ramfs_release(mk_name_t right)
{
    mk_err_t err = right == MK_NAME_DEAD ? MK_OK : mk_right_release(right);

    if (err != MK_OK)
        mk_log("a right could not be released: %s", mk_err_text(err));
}

static bool parse_limit(const char *text, uint64_t *limitp)
{
    char *end;
    unsigned long long value;

    if (text[0] < '0' || text[0] > '9')
        return false;
    errno = 0;
    value = strtoull(text, &end, 10);
    if (errno != 0 || *end != '\0' || value > SIZE_MAX / 2)
        return false;
    *limitp = value;
    return true;
}

/* Options first, so that the limit holds for every source. */
static bool load_arguments(struct ramfs *fs, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--limit") != 0)
            continue;
        if (i + 1 >= argc || !parse_limit(argv[i + 1], &fs->tree.limit)) {
            mk_log("--limit: a number of bytes must follow");
            return false;
        }
        i++;
    }
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--limit") == 0)
            i++;
        else if (!load_word(&fs->tree, argv[i]))
            return false;
    }
    return true;
}

/* The supervisor gives a service port that outlives this instance; started without one, the server makes its own. */
static mk_err_t open_service(struct ramfs *fs, mk_name_t *servicep)
{
    mk_err_t err = MK_OK;

    *servicep = mk_server_port();
    if (*servicep == MK_NAME_NULL)
        err = mk_port_create(servicep);
    return err == MK_OK ? mk_portset_add(fs->set, *servicep) : err;
}

static mk_err_t announce(mk_name_t service)
{
    mk_name_t send;
    mk_err_t err = mk_right_make(service, MK_RIGHT_SEND, 0, &send);

    if (err == MK_OK)
        err = mk_name_register("ramfs", send);
    if (err == MK_OK)
        ramfs_release(send);
    return err;
}

static int ramfs_main(int argc, char **argv);

static const struct mk_server ramfs_server = {
    .abi = MK_SERVER_ABI,
    .name = "ramfs", /* registered by main */
    .ops = service_ops,
    .nr_ops = NR_SERVICE_OPS,
    .notify = openfile_notify,
    .other = service_other,
    .main = ramfs_main,
    .save = update_save,
    .restore = update_restore,
    .resume = update_resume,
};

/* Nothing is registered before the whole tree is there. A version that takes over has the tree and the name already. */
static int ramfs_main(int argc, char **argv)
{
    void *state = &ramfs;
    mk_name_t service = MK_NAME_NULL;
    bool is_first = false;
    mk_err_t err = mk_task_set_server(true);

    if (err == MK_OK)
        err = mk_portset_create(&ramfs.set);
    if (err == MK_OK)
        err = mk_server_take_over(&ramfs_server, &state);
    if (err == MK_E_NOT_FOUND) {
        is_first = true;
        err = tree_init(&ramfs.tree, LIMIT_DEFAULT);
        if (err == MK_OK && !load_arguments(&ramfs, argc, argv))
            return 1;
    }
    if (err == MK_OK)
        err = open_service(&ramfs, &service);
    if (err == MK_OK && is_first)
        err = announce(service);
    if (err == MK_OK)
        err = mk_server_run(&ramfs_server, ramfs.set, &ramfs);
    if (err != MK_OK)
        mk_log("ramfs: %s", mk_err_text(err));
    return err == MK_OK ? 0 : 1;
}

MK_SERVER_EXPORT(ramfs_server);
