/* SPDX-License-Identifier: BSD-2-Clause */
/* See fake_keys.h. Memory is kept in areas by address; munmap and mmap are watched, which take keys away. */
#include "fake_keys.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "host/keys.h"

#define NR_AREAS 65536

struct area {
    char *start, *end;
    int prot, key;
    int now; /* how it is protected */
};

static struct area areas[NR_AREAS]; /* by address, without overlaps; none with key 0 */
static unsigned nr_areas;
static unsigned keys_taken = 1;
static uint32_t rights_now;

static int prot_now(const struct area *area, uint32_t rights)
{
    if (rights & HOST_KEY_NO_ACCESS(area->key))
        return PROT_NONE;
    return rights & HOST_KEY_NO_WRITE(area->key) ? area->prot & ~PROT_WRITE : area->prot;
}

static void insert(unsigned i, struct area area)
{
    if (nr_areas == NR_AREAS)
        abort();
    memmove(&areas[i + 1], &areas[i], (nr_areas++ - i) * sizeof(area));
    areas[i] = area;
}

static void take_out(unsigned i)
{
    memmove(&areas[i], &areas[i + 1], (--nr_areas - i) * sizeof(areas[0]));
}

/* Nothing is known of this memory; areas that reach beyond it are cut. The first area behind it. */
static unsigned forget(char *start, char *end)
{
    unsigned i = 0;
    while (i < nr_areas && areas[i].end <= start)
        i++;
    while (i < nr_areas && areas[i].start < end) {
        struct area area = areas[i];
        take_out(i);
        if (area.start < start)
            insert(i++, (struct area){area.start, start, area.prot, area.key, area.now});
        if (area.end > end) {
            insert(i, (struct area){end, area.end, area.prot, area.key, area.now});
            break;
        }
    }
    return i;
}

int munmap(void *addr, size_t size)
{
    forget(addr, (char *)addr + size);
    return (int)syscall(SYS_munmap, addr, size);
}

void *mmap(void *addr, size_t size, int prot, int flags, int fd, off_t offset)
{
    if (flags & MAP_FIXED)
        forget(addr, (char *)addr + size);
    return (void *)syscall(SYS_mmap, addr, size, prot, flags, fd, offset); /* NOLINT */
}

static bool is_present(void)
{
    return true;
}

static int key_alloc(void)
{
    for (int key = 1; key < HOST_NR_KEYS; key++)
        if (!(keys_taken & 1u << key)) {
            keys_taken |= 1u << key;
            return key;
        }
    return -1;
}

static void key_free(int key)
{
    keys_taken &= ~(1u << key);
}

static bool protect(void *addr, size_t size, bool is_readable, bool is_writable, int key)
{
    char *start = addr, *end = start + size;
    struct area area = {start, end, (is_readable ? PROT_READ : 0) | (is_writable ? PROT_WRITE : 0), key, 0};
    area.now = key ? prot_now(&area, rights_now) : area.prot;
    unsigned i = forget(start, end);
    if (key)
        insert(i, area);
    return mprotect(addr, size, area.now) == 0;
}

static uint32_t rights(void)
{
    return rights_now;
}

/* The stack that this runs on stays open until the next time: the processor's register would need none. */
static void set_rights(uint32_t value)
{
    const char *here = __builtin_frame_address(0);
    rights_now = value;
    for (unsigned i = 0; i < nr_areas; i++) {
        struct area *area = &areas[i];
        int prot = prot_now(area, value);
        if (prot == area->now || (here >= area->start && here < area->end && !(prot & PROT_WRITE)))
            continue;
        area->now = prot;
        mprotect(area->start, (size_t)(area->end - area->start), prot);
    }
}

static const struct host_keys fake = {is_present, key_alloc, key_free, protect, rights, set_rights};

void fake_keys_install(void)
{
    host_keys = &fake;
}

unsigned fake_keys_taken(void)
{
    return (unsigned)__builtin_popcount(keys_taken) - 1;
}
