/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What goes to the host and comes from it passes through static buffers: those are memory of the host, while memory of
 * the task can be closed at any time, which the host's calls would not wait for but fail.
 *
 * A page's sum is taken away before the page is written and comes back when all of it is there. So a page that was
 * written in part, by a pager that ended meanwhile, has none, and neither has one that was written by somebody else.
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

#define NO_SUM 0 /* nothing was written, or not all of it */

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
    backing->kept->file = mkostemp(host_path, O_CLOEXEC);
    if (backing->kept->file < 0)
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
    backing->kept->file = open(host_path, O_RDWR | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0600);
    return backing->kept->file >= 0 ? true : refuse(backing, strerror(errno));
}

/* Two processes must not use it at the same time. */
static bool lock(struct backing *backing)
{
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

    return fcntl(backing->kept->file, F_SETLK, &whole) == 0 ? true : refuse(backing, "another process uses it");
}

static bool set_size(struct backing *backing, bool is_new)
{
    int fd = backing->kept->file, error;
    struct stat st;

    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        return refuse(backing, "not a plain file");
    if (is_new && (uint64_t)st.st_size > backing->size && ftruncate(fd, (off_t)backing->size) != 0)
        return refuse(backing, strerror(errno));
    do
        error = posix_fallocate(fd, 0, (off_t)backing->size);
    while (error == EINTR);
    return error == 0 ? true : refuse(backing, strerror(error));
}

bool backing_open(struct backing *backing)
{
    bool is_new = backing->kept->file < 0, is_ok = true;

    if (is_new)
        is_ok = backing->path == NULL ? open_temporary(backing) : open_named(backing) && lock(backing);
    return is_ok && set_size(backing, is_new);
}

bool backing_check(const struct backing *backing)
{
    struct stat st;

    if (backing->size < 2 * (uint64_t)BACKING_PAGE || backing->size > BACKING_MAX || backing->size % BACKING_PAGE != 0)
        return refuse(backing, "the state has another size than a file can have");
    if (fstat(backing->kept->file, &st) != 0 || !S_ISREG(st.st_mode) || (uint64_t)st.st_size < backing->size)
        return refuse(backing, "not the file of the version before");
    return true;
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
        ssize_t n = is_write ? pwrite(backing->kept->file, page + done, sizeof(page) - done, at)
                             : pread(backing->kept->file, page + done, sizeof(page) - done, at);

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

/* Of the static page, as page `number`: the same contents elsewhere have another. Never NO_SUM. */
static uint64_t sum(uint64_t number)
{
    uint64_t words[4], lanes[4] = {number + 1, 2, 3, 4};

    for (size_t at = 0; at < sizeof(page); at += sizeof(words)) {
        memcpy(words, page + at, sizeof(words));
        for (int i = 0; i < 4; i++) {
            lanes[i] = (lanes[i] ^ words[i]) * 0x9e3779b97f4a7c15u;
            lanes[i] ^= lanes[i] >> 29;
        }
    }
    for (int i = 1; i < 4; i++)
        lanes[0] = (lanes[0] ^ lanes[i]) * 0xbf58476d1ce4e5b9u + (lanes[0] >> 31);
    return lanes[0] != NO_SUM ? lanes[0] : 1;
}

const void *backing_read(const struct backing *backing, uint64_t offset)
{
    uint64_t number = offset / BACKING_PAGE, expected = backing->kept->sums[number];

    if (expected == NO_SUM)
        report(backing, "read", offset, "it was not written, or not all of it");
    else if (!move(backing, offset, false))
        report(backing, "read", offset, reason());
    else if (sum(number) != expected)
        report(backing, "read", offset, "it is not what was written");
    else
        return page;
    return NULL;
}

void backing_write(const struct backing *backing, uint64_t offset, const void *contents)
{
    uint64_t number = offset / BACKING_PAGE;
    volatile uint64_t *sump = &backing->kept->sums[number]; /* in this order, whatever pwrite is taken for */

    *sump = NO_SUM;
    memcpy(page, contents, sizeof(page));
    if (move(backing, offset, true))
        *sump = sum(number);
    else
        report(backing, "written", offset, reason());
}
