/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What goes to the host and comes from it passes through static buffers: those are memory of the host, while memory of
 * the task can be closed at any time, which the host's calls would not wait for but fail.
 */
#include "backing.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char page[BACKING_PAGE];
static char host_path[PATH_MAX];
static uint8_t lost[BACKING_MAX / BACKING_PAGE / 8]; /* a bit for each page that could not be written */

static bool refuse(const struct backing *backing, const char *why)
{
    mk_log("%s: %s", backing->path != NULL ? backing->path : "the temporary file", why);
    return false;
}

/* ---- opening ---- */

/* The static buffer gets the path; the name goes at once, the file when it is closed. */
static bool open_temporary(struct backing *backing)
{
    snprintf(host_path, sizeof(host_path), "/tmp/mk-pager.XXXXXX");
    backing->fd = mkostemp(host_path, O_CLOEXEC);
    if (backing->fd < 0)
        return refuse(backing, strerror(errno));
    unlink(host_path);
    return true;
}

static bool open_named(struct backing *backing)
{
    const char *path = backing->path;
    int size = path[0] == '/' ? snprintf(host_path, sizeof(host_path), "%s", path)
                              : snprintf(host_path, sizeof(host_path), "%s/%s", mk_task_folder(), path);

    if (size < 0 || (size_t)size >= sizeof(host_path))
        return refuse(backing, "the path is too long");
    backing->fd = open(host_path, O_RDWR | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0600);
    return backing->fd >= 0 ? true : refuse(backing, strerror(errno));
}

/* Two processes must not use it at the same time. A lock of the process's, so that a pager gets its predecessor's. */
static bool lock(struct backing *backing)
{
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

    return fcntl(backing->fd, F_SETLK, &whole) == 0 ? true : refuse(backing, "another process uses it");
}

static bool set_size(struct backing *backing, bool has_pages)
{
    struct stat st;
    int error;

    if (fstat(backing->fd, &st) != 0 || !S_ISREG(st.st_mode))
        return refuse(backing, "not a plain file");
    if (has_pages && (uint64_t)st.st_size < backing->size)
        return refuse(backing, "not the file of the pager before, whose pages the machine needs");
    if (!has_pages && (uint64_t)st.st_size > backing->size && ftruncate(backing->fd, (off_t)backing->size) != 0)
        return refuse(backing, strerror(errno));
    do
        error = posix_fallocate(backing->fd, 0, (off_t)backing->size);
    while (error == EINTR);
    return error == 0 ? true : refuse(backing, strerror(error));
}

bool backing_open(struct backing *backing, bool has_pages)
{
    bool is_ok;

    if (backing->path == NULL && has_pages)
        return refuse(backing, "the machine has pages with the pager before; a pager that is to be restarted needs "
                               "file=PATH");
    is_ok = backing->path == NULL ? open_temporary(backing) : open_named(backing) && lock(backing);
    return is_ok && set_size(backing, has_pages);
}

/* ---- live update ---- */

mk_err_t backing_save(struct mk_state *out)
{
    return mk_state_put(out, lost, sizeof(lost));
}

bool backing_restore(const struct backing *backing, struct mk_state *in)
{
    struct stat st;

    if (backing->size < 2 * (uint64_t)BACKING_PAGE || backing->size > BACKING_MAX || backing->size % BACKING_PAGE != 0)
        return refuse(backing, "the state has another size than a file can have");
    if (fstat(backing->fd, &st) != 0 || !S_ISREG(st.st_mode) || (uint64_t)st.st_size < backing->size)
        return refuse(backing, "not the file of the version before");
    return mk_state_get(in, lost, sizeof(lost)) == MK_OK;
}

/* ---- pages ---- */

static void report(const struct backing *backing, const char *what, uint64_t offset, const char *why)
{
    mk_log("%s: the page at %llu could not be %s: %s", backing->path != NULL ? backing->path : "the temporary file",
           (unsigned long long)offset, what, why);
}

/* Bytes of the static page moved, all of them; else errno says why, 0: the file has become shorter. */
static bool move(const struct backing *backing, uint64_t offset, bool is_write)
{
    size_t done = 0;

    while (done < sizeof(page)) {
        off_t at = (off_t)(offset + done);
        ssize_t n = is_write ? pwrite(backing->fd, page + done, sizeof(page) - done, at)
                             : pread(backing->fd, page + done, sizeof(page) - done, at);

        if (n < 0 && errno == EINTR)
            continue;
        if (n == 0)
            errno = 0;
        if (n <= 0)
            return false;
        done += (size_t)n;
    }
    return true;
}

static const char *reason(void)
{
    return errno != 0 ? strerror(errno) : "the file was cut";
}

const void *backing_read(const struct backing *backing, uint64_t offset)
{
    uint64_t number = offset / BACKING_PAGE;

    if ((lost[number / 8] & (1u << (number % 8))) != 0) {
        report(backing, "read", offset, "it was lost when it was to be written");
        return NULL;
    }
    if (move(backing, offset, false))
        return page;
    report(backing, "read", offset, reason());
    return NULL;
}

void backing_write(const struct backing *backing, uint64_t offset, const void *contents)
{
    uint64_t number = offset / BACKING_PAGE;

    memcpy(page, contents, sizeof(page));
    if (move(backing, offset, true)) {
        lost[number / 8] &= (uint8_t) ~(1u << (number % 8));
        return;
    }
    report(backing, "written", offset, reason());
    lost[number / 8] |= (uint8_t)(1u << (number % 8));
}
