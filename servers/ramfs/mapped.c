/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Mapped files. A file that was mapped once has a memory object of which this server is the pager: pages are copied
 * from the file's blocks when they are asked for, and into them when they are returned.
 *
 * The file's contents are then in two places, and the newer in memory. So each operation on such a file has the kernel
 * return what was modified first, and if it changes the file, let go of the pages, which are asked for again later.
 * That
 * takes a message from the kernel, for which the server must not wait: it keeps the operation, answers others, and goes
 * on when the kernel has said that it is done. One operation at a time: the others wait in order.
 *
 * The server never maps a file itself, so that it cannot come to wait for its own answer. Blocks are on its heap.
 */
#include <stdlib.h>
#include <string.h>

#include "ramfs.h"

#define OBJECT_MAX ((uint64_t)1 << 30) /* bytes of a memory object */

/* An operation that waits for the kernel. */
struct pending {
    struct pending *next;
    uint32_t id;
    struct ramfs_node *node; /* held open */
    struct fs_io io;
    mk_name_t reply;
    mk_name_t send; /* FS_OPEN: the right to be given out */
    bool is_locked; /* the kernel is at it */
    char bytes[];   /* FS_WRITE */
};

static char buffer[FS_IO_MAX];

static uint64_t page_floor(uint64_t offset)
{
    return offset / mk_page_size() * mk_page_size();
}

/* ---- objects ---- */

static mk_err_t open_pager(struct ramfs *fs)
{
    mk_err_t err;

    if (fs->pager != MK_NAME_NULL)
        return MK_OK;
    err = mk_port_create(&fs->pager);
    return err == MK_OK ? mk_portset_add(fs->set, fs->pager) : err;
}

void mapped_add(struct ramfs *fs, struct ramfs_map *map, struct ramfs_node *node)
{
    map->node = node;
    map->next = fs->maps;
    fs->maps = map;
    node->map = map;
    tree_open(node);
}

static mk_err_t map_create(struct ramfs *fs, struct ramfs_node *node)
{
    struct ramfs_map *map = calloc(1, sizeof(*map));
    mk_err_t err = map == NULL ? MK_E_NO_MEMORY : open_pager(fs);

    if (err == MK_OK) {
        uint64_t limit = fs->tree.limit < OBJECT_MAX ? fs->tree.limit : OBJECT_MAX;

        map->size = page_floor(limit + mk_page_size() - 1);
        if (map->size > OBJECT_MAX || map->size == 0)
            map->size = OBJECT_MAX;
        map->cookie = ++fs->last_cookie;
        err = mk_memory_create(fs->pager, map->cookie, map->size, &map->memory, &map->control);
    }
    if (err != MK_OK) {
        free(map);
        return err;
    }
    mapped_add(fs, map, node);
    return MK_OK;
}

mk_err_t mapped_object(struct ramfs *fs, struct ramfs_node *node, mk_name_t *memoryp)
{
    mk_err_t err = node->map != NULL ? MK_OK : map_create(fs, node);

    if (err == MK_OK)
        *memoryp = node->map->memory;
    return err;
}

/* Whoever still has it mapped goes on with it; when the last has gone the kernel tells. */
void mapped_unneeded(struct ramfs_map *map)
{
    if (map == NULL || !map->node->is_removed || map->node->nr_open > 1 || map->memory == MK_NAME_NULL)
        return;
    ramfs_release(map->memory);
    map->memory = MK_NAME_NULL;
}

/* ---- operations that wait ---- */

static void reply(struct pending *p, mk_err_t status, const void *bytes, size_t size)
{
    struct mk_msg_right right = {.name = p->send, .how = MK_MOVE_SEND};
    struct mk_msg msg = {.reply = p->reply, .status = status};
    mk_err_t err = MK_E_DEAD;

    if (status == MK_OK) {
        msg.body = (void *)(uintptr_t)bytes;
        msg.size = size;
        msg.rights = &right;
        msg.nr_rights = p->send != MK_NAME_NULL;
    }
    if (p->reply != MK_NAME_NULL)
        err = mk_reply(&msg);
    if (p->send != MK_NAME_NULL && (err != MK_OK || status != MK_OK))
        ramfs_release(p->send);
}

static void perform(struct ramfs *fs, struct pending *p)
{
    mk_err_t err = MK_OK;
    size_t size;

    switch (p->id) {
    case FS_READ:
        size = file_read(&fs->tree, p->node, p->io.offset, buffer, p->io.size);
        reply(p, MK_OK, buffer, size);
        return;
    case FS_WRITE:
        err = file_write(&fs->tree, p->node, p->io.offset, p->bytes, p->io.size);
        reply(p, err, &p->io, sizeof(p->io));
        return;
    case FS_OPEN:
    case FS_TRUNCATE:
        err = file_truncate(&fs->tree, p->node, p->io.offset);
        break;
    default: /* FS_SYNC */
        break;
    }
    reply(p, err, NULL, 0);
}

static void finish(struct ramfs *fs, mk_err_t err)
{
    struct pending *p = fs->pending;
    struct ramfs_map *map = p->node->map;

    if (err == MK_OK)
        perform(fs, p);
    else
        reply(p, err, NULL, 0);
    fs->pending = p->next;
    tree_close(&fs->tree, p->node);
    mapped_unneeded(map);
    free(p);
}

/*
 * The pages that it is about. What changes the file's end begins at the old end: what was written beyond it in memory
 * must not become part of the file.
 */
static mk_err_t lock(const struct pending *p)
{
    const struct ramfs_map *map = p->node->map;
    bool is_change = p->id != FS_READ && p->id != FS_SYNC;
    uint64_t start = p->id == FS_SYNC ? 0 : p->io.offset, end = p->node->size;

    if (map->control == MK_NAME_DEAD)
        return MK_E_DEAD;
    if (p->id == FS_READ || p->id == FS_WRITE)
        end = p->io.offset > map->size ? map->size : p->io.offset + p->io.size;
    else if (p->io.offset > end)
        end = p->io.offset;
    if (is_change && start > p->node->size)
        start = p->node->size;
    if (start >= map->size)
        start = map->size - 1;
    start = page_floor(start);
    end = end > map->size ? map->size : page_floor(end + mk_page_size() - 1);
    if (end <= start)
        end = start + mk_page_size();
    return mk_memory_lock(map->control, start, end - start, MK_MEMORY_CLEAN | (is_change ? MK_MEMORY_FLUSH : 0), 0);
}

/* MK_E_WOULD_BLOCK: returns wait in the queue, and after one of them it is tried again. */
static void advance(struct ramfs *fs)
{
    while (fs->pending != NULL && !fs->pending->is_locked) {
        mk_err_t err = fs->pending->node->map != NULL ? lock(fs->pending) : MK_E_DEAD;

        if (err == MK_E_WOULD_BLOCK)
            return;
        if (err == MK_OK)
            fs->pending->is_locked = true;
        else /* MK_E_DEAD: it is not mapped any more, and nothing is in memory */
            finish(fs, err == MK_E_DEAD ? MK_OK : err);
    }
}

mk_err_t mapped_defer(struct ramfs *fs, struct ramfs_node *node, const struct mk_msg *msg, const struct fs_io *io,
                      mk_name_t send)
{
    size_t size = msg->id == FS_WRITE ? io->size : 0;
    struct pending *p = malloc(sizeof(*p) + size), **lastp = &fs->pending;

    if (p == NULL)
        return MK_E_NO_MEMORY;
    *p = (struct pending){.id = msg->id, .node = node, .io = *io, .reply = msg->reply, .send = send};
    memcpy(p->bytes, (const char *)msg->body + msg->size - size, size);
    tree_open(node);
    while (*lastp != NULL)
        lastp = &(*lastp)->next;
    *lastp = p;
    advance(fs);
    return MK_SERVER_DEFER;
}

/* ---- messages of the kernel ---- */

/* Nobody else may say these things. NULL: not the kernel, or none of ours. */
static struct ramfs_map *take(const struct ramfs *fs, struct mk_msg *msg, struct mk_pager_message *message)
{
    struct ramfs_map *map = fs->maps;

    mk_msg_drop_rights(msg);
    memcpy(message, msg->body, sizeof(*message));
    while (map != NULL && map->cookie != message->cookie)
        map = map->next;
    return msg->badge == MK_BADGE_KERNEL ? map : NULL;
}

/* BAD_STATE: whoever wanted the page is gone. */
static void check(mk_err_t err)
{
    if (err != MK_OK && err != MK_E_BAD_STATE)
        mk_log("a page of a file could not be given: %s", mk_err_text(err));
}

mk_err_t mapped_request(void *state, struct mk_msg *msg)
{
    struct ramfs *fs = state;
    struct mk_pager_message m;
    const struct ramfs_map *map = take(fs, msg, &m);
    uint64_t page = mk_page_size();
    bool is_had;

    if (map == NULL)
        return MK_E_MSG_ID;
    for (uint64_t at = m.offset; at < m.offset + m.size; at += page) {
        size_t size = file_read(&fs->tree, map->node, at, buffer, page);

        memset(&buffer[size], 0, page - size);
        is_had = size > 0 &&
                 file_reserve(&fs->tree, map->node, at, page) == MK_OK; /* it could not be refused when it returns */
        check(is_had ? mk_memory_supply(map->control, at, buffer, page) : mk_memory_fail(map->control, at, page));
    }
    return MK_SERVER_DEFER;
}

mk_err_t mapped_return(void *state, struct mk_msg *msg)
{
    struct ramfs *fs = state;
    struct mk_pager_message m;
    const struct ramfs_map *map = take(fs, msg, &m);
    uint64_t size;
    mk_err_t err;

    if (map == NULL)
        return MK_E_MSG_ID;
    size = map->node->size > m.offset ? map->node->size - m.offset : 0; /* the rest is no part of the file */
    if (size > m.size)
        size = m.size;
    err = file_write(&fs->tree, map->node, m.offset, (const char *)msg->body + sizeof(m), (size_t)size);
    if (err != MK_OK)
        mk_log("a page of a file is lost: %s", mk_err_text(err));
    advance(fs);
    return MK_SERVER_DEFER;
}

mk_err_t mapped_locked(void *state, struct mk_msg *msg)
{
    struct ramfs *fs = state;
    struct mk_pager_message m;

    if (take(fs, msg, &m) == NULL)
        return MK_E_MSG_ID;
    if (fs->pending != NULL && fs->pending->is_locked)
        finish(fs, MK_OK);
    advance(fs);
    return MK_SERVER_DEFER;
}

mk_err_t mapped_terminate(void *state, struct mk_msg *msg)
{
    struct ramfs *fs = state;
    struct mk_pager_message m;
    struct ramfs_map *map = take(fs, msg, &m), **linkp = &fs->maps;

    if (map == NULL)
        return MK_E_MSG_ID;
    while (*linkp != map)
        linkp = &(*linkp)->next;
    *linkp = map->next;
    ramfs_release(map->control); /* a dead name now */
    map->node->map = NULL;
    tree_close(&fs->tree, map->node);
    free(map);
    return MK_SERVER_DEFER;
}

/* The kernel answers all that was asked of it, on the pager's port; nobody else is served meanwhile. */
mk_err_t mapped_finish(struct ramfs *fs)
{
    static char body[sizeof(struct mk_pager_message) + FILE_BLOCK];
    struct mk_msg msg = {.body = body, .capacity = sizeof(body)};
    mk_err_t err = MK_OK;

    while (err == MK_OK && fs->pending != NULL) {
        err = mk_receive(fs->pager, &msg, MK_TIME_FOREVER);
        for (size_t i = 0; err == MK_OK && i < NR_SERVICE_OPS; i++)
            if (service_ops[i].id == msg.id && msg.size >= service_ops[i].min_size && msg.badge == MK_BADGE_KERNEL)
                (void)service_ops[i].handle(fs, &msg);
    }
    return err;
}
