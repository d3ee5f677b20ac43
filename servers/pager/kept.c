/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The cookie has the number of a file descriptor, not an address: whoever gave it, it can be looked at without harm.
 *
 *     63          48 47          32 31           0
 *     | COOKIE      | descriptor   | task's number |
 */
#include "kept.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#define MAGIC  0x6d6b7061676572ull /* "mkpager" */
#define COOKIE 0x6d70ull

struct kept *kept_find(uint64_t cookie)
{
    static struct kept_head {
        uint64_t magic;
        struct kept *self;
    } head;
    int fd = (int)(cookie >> 32 & 0xffff);

    if (cookie >> 48 != COOKIE || pread(fd, &head, sizeof(head), 0) != (ssize_t)sizeof(head) || head.magic != MAGIC)
        return NULL;
    return head.self;
}

struct kept *kept_create(void)
{
    struct kept *kept = MAP_FAILED;
    int fd = memfd_create("mk-pager", MFD_CLOEXEC);

    if (fd > 0xffff)
        errno = EMFILE;
    else if (fd >= 0 && ftruncate(fd, sizeof(*kept)) == 0)
        kept = mmap(NULL, sizeof(*kept), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (kept == MAP_FAILED) {
        if (fd >= 0)
            close(fd);
        return NULL;
    }
    kept->self = kept;
    kept->fd = fd;
    kept->file = -1;
    kept->magic = MAGIC;
    return kept;
}

void kept_destroy(struct kept *kept)
{
    int fd = kept->fd;

    if (kept->file >= 0)
        close(kept->file);
    munmap(kept, sizeof(*kept));
    close(fd);
}

uint64_t kept_cookie(const struct kept *kept)
{
    return COOKIE << 48 | (uint64_t)kept->fd << 32 | (uint32_t)mk_task_id();
}
