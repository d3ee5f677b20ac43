/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A write to a file of the host that is done in part, as when power fails: some sectors are new, the others are what
 * they were. The program has a pwrite of its own, which plugins find before the C library's.
 */
#include "campaign.h"

#include <mk/mk.h>

#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SECTOR      512u
#define EXIT_KILLED (128 + 9) /* as by SIGKILL */

static struct {
    uint64_t task; /* whose next write it is; 0: nobody's */
    uint64_t random;
} armed;

bool fault_is_torn;

void fault_tear_next(uint64_t task, uint64_t random)
{
    armed.task = task;
    armed.random = random;
    fault_is_torn = false;
}

/* Sectors from the first on, or some of all; never all of them. */
static bool is_written(size_t sector, size_t nr, uint64_t random)
{
    if (random & 1)
        return sector < (random >> 1) % nr;
    return sector != (random >> 1) % nr && (random >> (8 + sector % 48)) & 1;
}

static void tear(int fd, const char *from, size_t size, long at)
{
    size_t nr = (size + SECTOR - 1) / SECTOR;
    for (size_t sector = 0; sector < nr; sector++) {
        size_t done = sector * SECTOR, left = size - done;
        if (is_written(sector, nr, armed.random))
            (void)!syscall(SYS_pwrite64, fd, from + done, left < SECTOR ? left : SECTOR, at + (long)done);
    }
}

__attribute__((visibility("default"))) ssize_t pwrite64(int fd, const void *from, size_t size, off64_t at)
{
    if (!armed.task || !size || mk_task_id() != armed.task)
        return syscall(SYS_pwrite64, fd, from, size, at);
    tear(fd, from, size, at);
    armed.task = 0;
    fault_is_torn = true;
    mk_exit(EXIT_KILLED);
}
