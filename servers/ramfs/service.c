/* SPDX-License-Identifier: BSD-2-Clause */
/* The operations of the file protocol, on paths and on open files. */
#include <string.h>

#include "ramfs.h"

static mk_err_t answer(struct mk_msg *msg, const void *bytes, size_t size)
{
    if (size > 0)
        memcpy(msg->body, bytes, size);
    msg->size = size;
    msg->nr_rights = 0;
    return MK_OK;
}

/* The path that follows `fixed` bytes in the body of a request to the service port. */
static mk_err_t take_path(struct mk_msg *msg, size_t fixed, const char **pathp, size_t *sizep)
{
    mk_msg_drop_rights(msg);
    if (msg->badge != 0)
        return MK_E_MSG_ID; /* sent to an open file */
    *pathp = (const char *)msg->body + fixed;
    *sizep = msg->size - fixed;
    return tree_check_path(*pathp, *sizep);
}

static mk_err_t find_node(struct ramfs *fs, struct mk_msg *msg, size_t fixed, struct ramfs_node **nodep)
{
    const char *path;
    size_t size;
    mk_err_t err = take_path(msg, fixed, &path, &size);

    return err == MK_OK ? tree_lookup(&fs->tree, path, size, nodep) : err;
}

static mk_err_t find_or_create(struct ramfs *fs, const char *path, size_t size, uint32_t flags,
                               struct ramfs_node **nodep, bool *is_newp)
{
    mk_err_t err = tree_lookup(&fs->tree, path, size, nodep);

    *is_newp = false;
    if (err == MK_OK && (flags & FS_EXCLUSIVE) != 0)
        return MK_E_EXISTS;
    if (err == MK_OK && (*nodep)->is_folder)
        return MK_E_IS_FOLDER;
    if (err != MK_E_NOT_FOUND || (flags & FS_CREATE) == 0)
        return err;
    err = tree_create(&fs->tree, path, size, false, nodep);
    *is_newp = err == MK_OK;
    return err;
}

/*
 * Answer here and not in the server loop, which cannot tell that the caller
 * went away meanwhile: then the right stays, and the file would never be closed.
 */
static mk_err_t answer_right(struct mk_msg *msg, mk_name_t send)
{
    mk_err_t err;

    (void)answer(msg, NULL, 0);
    msg->status = MK_OK;
    msg->rights[0] = (struct mk_msg_right){.name = send, .how = MK_MOVE_SEND};
    msg->nr_rights = 1;
    err = mk_reply(msg);
    if (err == MK_OK)
        return MK_SERVER_DEFER;
    msg->nr_rights = 0;
    ramfs_release(send);
    return err == MK_E_DEAD ? MK_SERVER_DEFER : err;
}

static bool is_open_allowed(const struct mk_msg *msg, uint32_t flags)
{
    bool is_known = (flags & ~(uint32_t)(FS_CREATE | FS_EXCLUSIVE | FS_TRUNC)) == 0;
    bool is_sensible = (flags & FS_CREATE) != 0 || (flags & FS_EXCLUSIVE) == 0;

    return is_known && is_sensible && msg->reply != MK_NAME_NULL;
}

static mk_err_t serve_open(void *state, struct mk_msg *msg)
{
    struct ramfs *fs = state;
    struct ramfs_node *node;
    struct fs_open request;
    mk_name_t send;
    const char *path;
    size_t size;
    bool is_new;
    mk_err_t err = take_path(msg, sizeof(request), &path, &size);

    if (err != MK_OK)
        return err;
    memcpy(&request, msg->body, sizeof(request));
    if (!is_open_allowed(msg, request.flags))
        return MK_E_BAD_ARGUMENT;
    err = find_or_create(fs, path, size, request.flags, &node, &is_new);
    if (err != MK_OK)
        return err;
    err = openfile_open(fs, node, &send);
    if (err != MK_OK) {
        if (is_new)
            (void)tree_remove(&fs->tree, node);
        return err;
    }
    if ((request.flags & FS_TRUNC) != 0 && node->map != NULL) {
        const struct fs_io all = {.offset = 0};

        err = mapped_defer(fs, node, msg, &all, send);
        if (err != MK_SERVER_DEFER)
            ramfs_release(send);
        return err;
    }
    if ((request.flags & FS_TRUNC) != 0)
        (void)file_truncate(&fs->tree, node, 0);
    return answer_right(msg, send);
}

static mk_err_t answer_stat(struct mk_msg *msg, const struct ramfs_node *node)
{
    struct fs_stat stat = {.size = node->size, .is_folder = node->is_folder, .nr_entries = (uint32_t)node->nr_children};

    return answer(msg, &stat, sizeof(stat));
}

static mk_err_t serve_stat(void *state, struct mk_msg *msg)
{
    struct ramfs_node *node;
    mk_err_t err = find_node(state, msg, 0, &node);

    return err == MK_OK ? answer_stat(msg, node) : err;
}

/* One record at `to`; its size, or 0 when it does not fit. */
static size_t put_entry(char *to, size_t room, const struct ramfs_node *node)
{
    size_t size = (sizeof(struct fs_entry) + node->name_size + 7) / 8 * 8;
    struct fs_entry entry = {
        .size = node->is_folder ? node->nr_children : node->size,
        .is_folder = node->is_folder,
        .name_size = (uint16_t)node->name_size,
        .record_size = (uint16_t)size,
    };

    if (size > room)
        return 0;
    memset(to, 0, size);
    memcpy(to, &entry, sizeof(entry));
    memcpy(to + sizeof(entry), node->name, node->name_size);
    return size;
}

static mk_err_t serve_list(void *state, struct mk_msg *msg)
{
    struct ramfs_node *folder;
    struct fs_list request;
    size_t used = 0;
    mk_err_t err = find_node(state, msg, sizeof(request), &folder);

    if (err != MK_OK)
        return err;
    if (!folder->is_folder)
        return MK_E_NOT_FOLDER;
    memcpy(&request, msg->body, sizeof(request));
    for (size_t i = request.first; i < folder->nr_children; i++) {
        size_t size = put_entry((char *)msg->body + used, FS_IO_MAX - used, folder->children[i]);

        if (size == 0)
            break;
        used += size;
    }
    msg->size = used;
    msg->nr_rights = 0;
    return MK_OK;
}

static mk_err_t serve_remove(void *state, struct mk_msg *msg)
{
    struct ramfs *fs = state;
    struct ramfs_node *node;
    struct ramfs_map *map = NULL;
    mk_err_t err = find_node(fs, msg, 0, &node);

    if (err == MK_OK) {
        map = node->map;
        err = tree_remove(&fs->tree, node);
    }
    if (err == MK_OK)
        mapped_unneeded(map);
    return err == MK_OK ? answer(msg, NULL, 0) : err;
}

static mk_err_t serve_mkdir(void *state, struct mk_msg *msg)
{
    struct ramfs *fs = state;
    struct ramfs_node *node;
    const char *path;
    size_t size;
    mk_err_t err = take_path(msg, 0, &path, &size);

    if (err == MK_OK)
        err = tree_create(&fs->tree, path, size, true, &node);
    return err == MK_OK ? answer(msg, NULL, 0) : err;
}

/* ---- operations of an open file ---- */

static mk_err_t find_file(struct ramfs *fs, struct mk_msg *msg, struct ramfs_node **nodep)
{
    mk_msg_drop_rights(msg);
    return openfile_find(fs, msg, nodep);
}

static mk_err_t serve_read(void *state, struct mk_msg *msg)
{
    struct ramfs *fs = state;
    struct ramfs_node *node;
    struct fs_io io;
    mk_err_t err = find_file(fs, msg, &node);

    if (err != MK_OK)
        return err;
    memcpy(&io, msg->body, sizeof(io));
    if (io.size > FS_IO_MAX)
        return MK_E_BAD_ARGUMENT;
    if (node->map != NULL)
        return mapped_defer(fs, node, msg, &io, MK_NAME_NULL);
    msg->size = file_read(&fs->tree, node, io.offset, msg->body, io.size);
    return MK_OK;
}

static mk_err_t serve_write(void *state, struct mk_msg *msg)
{
    struct ramfs *fs = state;
    struct ramfs_node *node;
    struct fs_io io;
    mk_err_t err = find_file(fs, msg, &node);

    if (err != MK_OK)
        return err;
    memcpy(&io, msg->body, sizeof(io));
    if (io.size > FS_IO_MAX || io.size != msg->size - sizeof(io))
        return MK_E_BAD_ARGUMENT;
    if (node->map != NULL)
        return mapped_defer(fs, node, msg, &io, MK_NAME_NULL);
    err = file_write(&fs->tree, node, io.offset, (const char *)msg->body + sizeof(io), io.size);
    return err == MK_OK ? answer(msg, &io, sizeof(io)) : err;
}

static mk_err_t serve_stat_open(void *state, struct mk_msg *msg)
{
    struct ramfs_node *node;
    mk_err_t err = find_file(state, msg, &node);

    return err == MK_OK ? answer_stat(msg, node) : err;
}

static mk_err_t serve_truncate(void *state, struct mk_msg *msg)
{
    struct ramfs *fs = state;
    struct ramfs_node *node;
    struct fs_io io;
    mk_err_t err = find_file(fs, msg, &node);

    if (err != MK_OK)
        return err;
    memcpy(&io, msg->body, sizeof(io));
    if (node->map != NULL)
        return mapped_defer(fs, node, msg, &io, MK_NAME_NULL);
    err = file_truncate(&fs->tree, node, io.offset);
    return err == MK_OK ? answer(msg, NULL, 0) : err;
}

static mk_err_t serve_map(void *state, struct mk_msg *msg)
{
    struct ramfs_node *node;
    struct fs_map map = {0};
    mk_name_t memory;
    mk_err_t err = find_file(state, msg, &node);

    if (err == MK_OK && msg->reply == MK_NAME_NULL)
        err = MK_E_BAD_ARGUMENT;
    if (err == MK_OK)
        err = mapped_object(state, node, &memory);
    if (err != MK_OK)
        return err;
    map.size = node->size;
    (void)answer(msg, &map, sizeof(map));
    msg->rights[0] = (struct mk_msg_right){.name = memory, .how = MK_COPY_SEND};
    msg->nr_rights = 1;
    return MK_OK;
}

static mk_err_t serve_sync(void *state, struct mk_msg *msg)
{
    const struct fs_io all = {.offset = 0};
    struct ramfs_node *node;
    mk_err_t err = find_file(state, msg, &node);

    if (err == MK_OK && node->map != NULL)
        return mapped_defer(state, node, msg, &all, MK_NAME_NULL);
    return err == MK_OK ? answer(msg, NULL, 0) : err;
}

mk_err_t service_other(void *state, struct mk_msg *msg)
{
    (void)state;
    mk_msg_drop_rights(msg);
    return MK_E_MSG_ID;
}

const struct mk_server_op service_ops[NR_SERVICE_OPS] = {
    {FS_OPEN, sizeof(struct fs_open), serve_open},
    {FS_STAT, 0, serve_stat},
    {FS_LIST, sizeof(struct fs_list), serve_list},
    {FS_REMOVE, 0, serve_remove},
    {FS_MKDIR, 0, serve_mkdir},
    {FS_READ, sizeof(struct fs_io), serve_read},
    {FS_WRITE, sizeof(struct fs_io), serve_write},
    {FS_STAT_OPEN, 0, serve_stat_open},
    {FS_TRUNCATE, sizeof(struct fs_io), serve_truncate},
    {FS_MAP, 0, serve_map},
    {FS_SYNC, 0, serve_sync},
    {MK_PAGER_REQUEST, sizeof(struct mk_pager_message), mapped_request},
    {MK_PAGER_RETURN, sizeof(struct mk_pager_message), mapped_return},
    {MK_PAGER_LOCKED, sizeof(struct mk_pager_message), mapped_locked},
    {MK_PAGER_TERMINATE, sizeof(struct mk_pager_message), mapped_terminate},
};
