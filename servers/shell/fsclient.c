/* SPDX-License-Identifier: BSD-2-Clause */
/* The file protocol from the user's side. What a server answers is checked like any other input. */
#include <stdlib.h>
#include <string.h>

#include "shell.h"

/* A body of `fixed` bytes and a path. */
static size_t put_request(char *body, const void *fixed, size_t fixed_size, const char *path)
{
    size_t length = strlen(path);

    if (fixed_size > 0)
        memcpy(body, fixed, fixed_size);
    memcpy(body + fixed_size, path, length);
    return fixed_size + length;
}

mk_err_t fs_open(struct shell *sh, const char *path, uint32_t flags, mk_name_t *filep)
{
    char body[sizeof(struct fs_open) + FS_PATH_MAX];
    struct fs_open request = {.flags = flags};
    struct mk_msg_right right;
    struct mk_msg msg = {.id = FS_OPEN, .body = body, .capacity = sizeof(body), .rights = &right, .max_rights = 1};
    mk_err_t err;

    msg.size = put_request(body, &request, sizeof(request), path);
    err = service_call(sh, &sh->files, &msg);
    if (err != MK_OK)
        return err;
    if (msg.status == MK_OK && msg.nr_rights == 1 && right.how == MK_RIGHT_SEND && right.name != MK_NAME_DEAD) {
        *filep = right.name;
        return MK_OK;
    }
    mk_msg_discard(&msg);
    return msg.status != MK_OK ? msg.status : MK_E_IO;
}

mk_err_t fs_read(mk_name_t file, uint64_t offset, char *buffer, size_t capacity, size_t *sizep)
{
    struct fs_io io = {.offset = offset, .size = (uint32_t)(capacity < FS_IO_MAX ? capacity : FS_IO_MAX)};
    struct mk_msg msg = {.id = FS_READ, .body = buffer, .size = sizeof(io), .capacity = capacity};
    mk_err_t err;

    memcpy(buffer, &io, sizeof(io));
    err = mk_call(file, &msg, MK_TIME_FOREVER);
    if (err == MK_OK)
        err = msg.status;
    *sizep = err == MK_OK ? msg.size : 0;
    return err;
}

mk_err_t fs_write(mk_name_t file, uint64_t offset, char *buffer, size_t size)
{
    struct fs_io io = {.offset = offset, .size = (uint32_t)size};
    struct mk_msg msg = {.id = FS_WRITE, .body = buffer, .size = sizeof(io) + size, .capacity = sizeof(io) + size};
    mk_err_t err;

    memcpy(buffer, &io, sizeof(io));
    err = mk_call(file, &msg, MK_TIME_FOREVER);
    if (err == MK_OK)
        err = msg.status;
    if (err != MK_OK)
        return err;
    if (msg.size != sizeof(io))
        return MK_E_IO;
    memcpy(&io, buffer, sizeof(io));
    return io.size == size ? MK_OK : MK_E_NO_ROOM;
}

static mk_err_t take_stat(const struct mk_msg *msg, struct fs_stat *stat)
{
    if (msg->status != MK_OK)
        return msg->status;
    if (msg->size != sizeof(*stat))
        return MK_E_IO;
    memcpy(stat, msg->body, sizeof(*stat));
    return MK_OK;
}

mk_err_t fs_stat(struct shell *sh, const char *path, struct fs_stat *stat)
{
    char body[FS_PATH_MAX];
    struct mk_msg msg = {.id = FS_STAT, .body = body, .capacity = sizeof(body)};
    mk_err_t err;

    msg.size = put_request(body, NULL, 0, path);
    err = service_call(sh, &sh->files, &msg);
    return err == MK_OK ? take_stat(&msg, stat) : err;
}

mk_err_t fs_stat_open(mk_name_t file, struct fs_stat *stat)
{
    char body[sizeof(*stat)];
    struct mk_msg msg = {.id = FS_STAT_OPEN, .body = body, .capacity = sizeof(body)};
    mk_err_t err = mk_call(file, &msg, MK_TIME_FOREVER);

    return err == MK_OK ? take_stat(&msg, stat) : err;
}

mk_err_t fs_simple(struct shell *sh, uint32_t id, const char *path)
{
    return service_tell(sh, &sh->files, id, path);
}

/* Walk the records of one answer; their number, or MK_E_IO when they do not add up. */
static mk_err_t each_record(struct shell *sh, const char *body, size_t size, fs_each_fn each, void *arg, uint32_t *nrp)
{
    *nrp = 0;
    while (size > 0) {
        struct fs_entry entry;

        if (size < sizeof(entry))
            return MK_E_IO;
        memcpy(&entry, body, sizeof(entry));
        if (entry.record_size > size || entry.record_size < sizeof(entry) + entry.name_size)
            return MK_E_IO;
        each(sh, arg, &entry, body + sizeof(entry));
        body += entry.record_size;
        size -= entry.record_size;
        (*nrp)++;
    }
    return MK_OK;
}

static mk_err_t list_into(struct shell *sh, const char *path, fs_each_fn each, void *arg, char *body)
{
    struct fs_list request = {.first = 0};

    for (;;) {
        struct mk_msg msg = {.id = FS_LIST, .body = body, .capacity = FS_IO_MAX};
        uint32_t nr;
        mk_err_t err;

        msg.size = put_request(body, &request, sizeof(request), path);
        err = service_call(sh, &sh->files, &msg);
        if (err == MK_OK)
            err = msg.status;
        if (err == MK_OK)
            err = each_record(sh, body, msg.size, each, arg, &nr);
        if (err != MK_OK || nr == 0)
            return err;
        request.first += nr;
    }
}

mk_err_t fs_list(struct shell *sh, const char *path, fs_each_fn each, void *arg)
{
    char *body = malloc(FS_IO_MAX);
    mk_err_t err = body == NULL ? MK_E_NO_MEMORY : list_into(sh, path, each, arg, body);

    free(body);
    return err;
}
