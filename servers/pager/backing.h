/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The backing file: a host file of fixed size, page for page what the kernel gave back. All its bytes are had from the
 * host at the start, so that a page can always be kept.
 */
#ifndef PAGER_BACKING_H
#define PAGER_BACKING_H

#include <mk/mk.h>

#define BACKING_PAGE 4096u
#define BACKING_MAX  ((uint64_t)1 << 30) /* bytes, as of a memory object */

struct backing {
    const char *path; /* as the user gave it; NULL: a temporary file without a name */
    uint64_t size;    /* bytes, whole pages */
    int fd;
};

/*
 * Open the file, make it if need be, and give it its size. `has_pages`: the machine has pages in it already, of the
 * pager
 * before this one, so it must be that one's file. False: refused, with a line in the log.
 */
bool backing_open(struct backing *backing, bool has_pages);

/* Which pages were lost, for the next version; backing_restore: path, size and descriptor are set. False: refused. */
mk_err_t backing_save(struct mk_state *out);
bool backing_restore(const struct backing *backing, struct mk_state *in);

/*
 * The contents of the page at this offset, valid until the next call; NULL, with a line in the log: they cannot be had.
 */
const void *backing_read(const struct backing *backing, uint64_t offset);

/* Keep them. What cannot be written is lost, with a line in the log. */
void backing_write(const struct backing *backing, uint64_t offset, const void *contents);

#endif
