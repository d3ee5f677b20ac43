/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Open files. Each is a port of its own in one port set with the service port.
 * Its send right carries the file's number as badge, which is how a handler
 * knows the file; when the last copy of the right goes, the kernel tells with a
 * no-senders notification to that port, which is how a file is closed, also
 * when its user crashed.
 */
#include "ramfs.h"

static void destroy(mk_name_t port)
{
    mk_err_t err = mk_port_destroy(port);

    if (err != MK_OK)
        mk_log("a port could not be destroyed: %s", mk_err_text(err));
}

static struct open_file *find_free(struct ramfs *fs)
{
    for (size_t i = 0; i < OPEN_MAX; i++)
        if (fs->open[i].node == NULL)
            return &fs->open[i];
    return NULL;
}

/* The file's port, in the set, with one send right for the user and the request to be told when that is gone. */
static mk_err_t make_port(struct ramfs *fs, uint64_t badge, mk_name_t *portp, mk_name_t *sendp)
{
    mk_name_t port, send;
    mk_err_t err = mk_port_create(&port);

    if (err != MK_OK)
        return err;
    err = mk_portset_add(fs->set, port);
    if (err == MK_OK)
        err = mk_right_make(port, MK_RIGHT_SEND, badge, &send);
    if (err != MK_OK) {
        destroy(port);
        return err;
    }
    err = mk_port_notify(port, MK_NOTIFY_NO_SENDERS, 1, port);
    if (err != MK_OK) {
        ramfs_release(send);
        destroy(port);
        return err;
    }
    *portp = port;
    *sendp = send;
    return MK_OK;
}

mk_err_t openfile_open(struct ramfs *fs, struct ramfs_node *node, mk_name_t *sendp)
{
    struct open_file *file = find_free(fs);
    mk_err_t err;

    if (file == NULL)
        return MK_E_NO_ROOM;
    err = make_port(fs, (uint64_t)(file - fs->open) + 1, &file->port, sendp);
    if (err != MK_OK)
        return err;
    file->node = node;
    tree_open(node);
    return MK_OK;
}

static void close_file(struct ramfs *fs, struct open_file *file)
{
    struct ramfs_map *map = file->node->map; /* holds the file open, too */

    destroy(file->port);
    tree_close(&fs->tree, file->node);
    mapped_unneeded(map);
    *file = (struct open_file){NULL, MK_NAME_NULL};
}

mk_err_t openfile_notify(void *state, struct mk_msg *msg)
{
    struct ramfs *fs = state;

    mk_msg_drop_rights(msg);
    for (size_t i = 0; i < OPEN_MAX && msg->id == MK_NOTIFY_ID + MK_NOTIFY_NO_SENDERS; i++) {
        if (fs->open[i].node != NULL && fs->open[i].port == msg->port) {
            close_file(fs, &fs->open[i]);
            break;
        }
    }
    return MK_OK;
}

/* The badge is the number: the kernel set it, so it is one that was given out. */
mk_err_t openfile_find(struct ramfs *fs, const struct mk_msg *msg, struct ramfs_node **nodep)
{
    if (msg->badge == 0 || msg->badge > OPEN_MAX || fs->open[msg->badge - 1].node == NULL)
        return MK_E_MSG_ID;
    *nodep = fs->open[msg->badge - 1].node;
    return MK_OK;
}
