/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The machine's memory: a file of pages (memfd) of which windows map parts. The kernel sees all of it at one place.
 * A page that was never written, or was discarded, takes no host memory and reads as zero.
 */
#ifndef HOST_MEMORY_H
#define HOST_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct host_memory {
    int fd;
    char *all; /* NULL: not created */
    size_t size;
};

/* `size` bytes of addresses; host memory is taken by what is used. False: the host refused. */
bool host_memory_create(struct host_memory *memory, size_t size);
void host_memory_destroy(struct host_memory *memory);

/* Let `addr`, pages of a reservation, show a part of it. False: refused. */
bool host_memory_map(const struct host_memory *memory, void *addr, size_t size, uint64_t offset, bool is_readable,
                     bool is_writable);

/* The pages read as zero again, and their host memory is free. */
void host_memory_discard(const struct host_memory *memory, uint64_t offset, size_t size);

/* Does the page take host memory, which is to say: was it ever written (or read by a mapping) since? */
bool host_memory_is_used(const struct host_memory *memory, uint64_t offset);

/*
 * The process may have so many mappings (vm.max_map_count, 65,530 by default), and when there are no more malloc and
 * new threads fail, too. So we stop 2,000 before. False: `n` more would be too many. Where pieces join again, and what
 * the program around makes, is not known here: they are counted in /proc/self/maps, the oftener the fewer are left.
 */
bool host_mappings_take(unsigned n);

#endif
