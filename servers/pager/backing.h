/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The backing file: a host file of fixed size, page for page what the kernel gave back. All its bytes are had from the
 * host at the start, so that a page can always be kept. A sum of each page stands elsewhere: what comes back is what
 * was written last, or nothing.
 */
#ifndef PAGER_BACKING_H
#define PAGER_BACKING_H

#include "kept.h"

struct backing {
    const char *path; /* as the user gave it; NULL: a temporary file without a name */
    uint64_t size;    /* bytes, whole pages */
    struct kept *kept;
};

/*
 * Open the file, make it if need be, and give it its size. The pager before this one, if any, had it open already.
 * False: refused, with a line in the log.
 */
bool backing_open(struct backing *backing);

/* Is what another version says and keeps a file with room for all? False: no, with a line in the log. */
bool backing_check(const struct backing *backing);

/*
 * The contents of the page at this offset, valid until the next call; NULL, with a line in the log: they cannot be had.
 */
const void *backing_read(const struct backing *backing, uint64_t offset);

/* Keep them. What cannot be written is lost, with a line in the log. */
void backing_write(const struct backing *backing, uint64_t offset, const void *contents);

#endif
