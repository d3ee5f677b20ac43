/* SPDX-License-Identifier: BSD-2-Clause */
/* The machine's memory; see memory.h. */
#include "host/memory.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "host/pages.h"

bool host_memory_create(struct host_memory *memory, size_t size)
{
    int fd = memfd_create("libmk", MFD_CLOEXEC);
    if (fd < 0)
        return false;
    void *all = MAP_FAILED;
    if (ftruncate(fd, (off_t)size) == 0)
        all = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
    if (all == MAP_FAILED) {
        close(fd);
        return false;
    }
    *memory = (struct host_memory){fd, all, size};
    return true;
}

void host_memory_destroy(struct host_memory *memory)
{
    if (!memory->all)
        return;
    munmap(memory->all, memory->size);
    close(memory->fd);
    memory->all = NULL;
}

bool host_memory_map(const struct host_memory *memory, void *addr, size_t size, uint64_t offset, bool is_readable,
                     bool is_writable)
{
    int prot = (is_readable ? PROT_READ : 0) | (is_writable ? PROT_WRITE : 0);
    host_pages_clean(addr, size);
    return mmap(addr, size, prot, MAP_SHARED | MAP_NORESERVE | MAP_FIXED, memory->fd, (off_t)offset) != MAP_FAILED;
}

void host_memory_discard(const struct host_memory *memory, uint64_t offset, size_t size)
{
    fallocate(memory->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)offset, (off_t)size);
}

bool host_memory_is_used(const struct host_memory *memory, uint64_t offset)
{
    return lseek(memory->fd, (off_t)offset, SEEK_DATA) == (off_t)offset;
}
