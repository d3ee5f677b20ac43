/* SPDX-License-Identifier: BSD-2-Clause */
/* The machine's memory; see memory.h. */
#include "host/memory.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
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
    const int flags = MAP_SHARED | MAP_NORESERVE | MAP_FIXED;
    host_pages_clean(addr, size);
    bool is_done = mmap(addr, size, prot, flags, memory->fd, (off_t)offset) != MAP_FAILED;
    if (prot == PROT_NONE)
        host_pages_closed(addr, size);
    return is_done;
}

void host_memory_discard(const struct host_memory *memory, uint64_t offset, size_t size)
{
    fallocate(memory->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)offset, (off_t)size);
}

bool host_memory_is_used(const struct host_memory *memory, uint64_t offset)
{
    return lseek(memory->fd, (off_t)offset, SEEK_DATA) == (off_t)offset;
}

/* ---- mappings ---- */

#define MAPPINGS_DEFAULT 65530
#define MAPPINGS_SPARE   2000
#define COUNT_FEW        64
#define COUNT_MANY       1000

static atomic_long nr_left, max_mappings; /* so many may be taken before they are counted again */

static long read_limit(void)
{
    char text[32] = "";
    int fd = open("/proc/sys/vm/max_map_count", O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        if (read(fd, text, sizeof(text) - 1) <= 0)
            text[0] = '\0';
        close(fd);
    }
    long limit = strtol(text, NULL, 10);
    return (limit > 0 ? limit : MAPPINGS_DEFAULT) - MAPPINGS_SPARE;
}

/* Lines of /proc/self/maps; -1: it cannot be read. */
static long count_mappings(void)
{
    char text[4096];
    long n = 0;
    ssize_t got;
    int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    while ((got = read(fd, text, sizeof(text))) > 0)
        for (ssize_t i = 0; i < got; i++)
            n += text[i] == '\n';
    close(fd);
    return n;
}

/* The program around makes some, too: they are counted again long before what was left can have been taken. */
bool host_mappings_take(unsigned n)
{
    if (atomic_fetch_sub_explicit(&nr_left, n, memory_order_relaxed) >= (long)n)
        return true;
    if (!atomic_load_explicit(&max_mappings, memory_order_relaxed))
        atomic_store(&max_mappings, read_limit());
    long real = count_mappings(), room = atomic_load(&max_mappings) - real;
    if (real < 0)
        return true;                                            /* the host itself will say no */
    long often = real / 4 > COUNT_MANY ? real / 4 : COUNT_MANY; /* counting takes its time by how many there are */
    long left = room / 2 < often ? room / 2 : often;
    atomic_store(&nr_left, room < (long)n ? 0 : left > COUNT_FEW ? left : COUNT_FEW);
    return room >= (long)n;
}
