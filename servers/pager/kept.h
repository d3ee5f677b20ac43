/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What outlives an instance of the pager: memory of the host's process, which the next instance finds by the cookie of
 * the machine's store. The kernel's messages are received right into it, so that from the moment at which the kernel
 * has let go of a page its contents are there: in `body` until the file has them, wherever the instance ends.
 */
#ifndef PAGER_KEPT_H
#define PAGER_KEPT_H

#include <mk/mk.h>

#define BACKING_PAGE 4096u
#define BACKING_MAX  ((uint64_t)1 << 30) /* bytes, as of a memory object */

struct kept {
    uint64_t magic;
    struct kept *self; /* where it is mapped */
    int fd;            /* of this memory */
    int file;          /* the backing file; -1: not opened yet */
    struct mk_msg msg; /* received last */
    uint64_t sums[BACKING_MAX / BACKING_PAGE];
    char body[MK_BODY_MAX]; /* of that message */
};

/* That of the instance with this cookie. NULL: it was none of this pager. */
struct kept *kept_find(uint64_t cookie);

/* NULL: the host refuses, errno says why. */
struct kept *kept_create(void);

/* The file is closed, too. */
void kept_destroy(struct kept *kept);

/* Different for each instance. */
uint64_t kept_cookie(const struct kept *kept);

#endif
