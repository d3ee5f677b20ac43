/* SPDX-License-Identifier: BSD-2-Clause */
/* Host memory by the page: reservations, and what is accessible in them. NULL or false when the host refuses. */
#ifndef HOST_PAGES_H
#define HOST_PAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

size_t host_page_size(void);

void *host_pages_alloc(size_t size);             /* zeroed, readable and writable */
void *host_pages_reserve(size_t size);           /* addresses only */
bool host_pages_commit(void *addr, size_t size); /* make reserved pages readable and writable; they read as zero */
bool host_pages_protect(void *addr, size_t size, bool is_readable, bool is_writable);
bool host_pages_decommit(void *addr, size_t size); /* back to reserved; the contents are gone */
void host_pages_free(void *addr, size_t size);     /* what alloc or reserve returned */

/* Writable pages that will all be written soon: have the host put memory behind them at once. */
void host_pages_populate(void *addr, size_t size);

/* Other memory will be seen there: tell the address sanitizer, where it runs. */
void host_pages_clean(void *addr, size_t size);

/* Pages there cannot be accessed now, and touching them is no error: tell valgrind, where it runs. */
void host_pages_closed(void *addr, size_t size);

/*
 * Make pages that trap on access, at the low end of a stack. Uses guard markers
 * (MADV_GUARD_INSTALL, Linux 6.13), which need no mapping of their own, else
 * mprotect while the process is far from the kernel's limit of mappings. False:
 * the stack has no guard.
 */
bool host_pages_guard(void *addr, size_t size);
/* Do guards stay when the pages around them are protected anew? */
bool host_guards_are_marks(void);

#endif
