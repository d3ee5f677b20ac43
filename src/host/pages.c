/* SPDX-License-Identifier: BSD-2-Clause */
/* Host memory by the page; see pages.h. */
#include "host/pages.h"

#include <stdatomic.h>
#include <sys/mman.h>
#include <unistd.h>

#include "host/sanitizer.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif
#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif

/* Guards by mprotect split a mapping in two; vm.max_map_count is 65,530 by default. */
#define GUARDS_BY_MPROTECT_MAX 20000

static atomic_uint nr_mprotect_guards;

size_t host_page_size(void)
{
    static atomic_size_t size; /* host threads may ask at the same time */
    size_t known = atomic_load_explicit(&size, memory_order_relaxed);
    if (!known) {
        known = (size_t)sysconf(_SC_PAGESIZE);
        atomic_store_explicit(&size, known, memory_order_relaxed);
    }
    return known;
}

#if HOST_ASAN
void __asan_unpoison_memory_region(void const volatile *addr, size_t size);

/* What lay there before may have been a stack left in mid-flight, with its red zones. */
static void *clean(void *p, size_t size)
{
    if (p)
        __asan_unpoison_memory_region(p, size);
    return p;
}
#else
static void *clean(void *p, size_t size)
{
    (void)size;
    return p;
}
#endif

void host_pages_closed(void *addr, size_t size)
{
    (void)VALGRIND_MAKE_MEM_DEFINED(addr, size);
}

static void *map(size_t size, int prot)
{
    void *p = mmap(NULL, size, prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return p == MAP_FAILED ? NULL : p;
}

void *host_pages_alloc(size_t size)
{
    return clean(map(size, PROT_READ | PROT_WRITE), size);
}

void *host_pages_reserve(size_t size)
{
    void *p = map(size, PROT_NONE);
    if (p)
        host_pages_closed(p, size);
    return p;
}

bool host_pages_commit(void *addr, size_t size)
{
    return clean(addr, size) && mprotect(addr, size, PROT_READ | PROT_WRITE) == 0;
}

bool host_pages_protect(void *addr, size_t size, bool is_readable, bool is_writable)
{
    bool is_done = mprotect(addr, size, (is_readable ? PROT_READ : 0) | (is_writable ? PROT_WRITE : 0)) == 0;
    if (!is_readable && !is_writable)
        host_pages_closed(addr, size);
    return is_done;
}

void host_pages_clean(void *addr, size_t size)
{
    clean(addr, size);
}

void host_pages_populate(void *addr, size_t size)
{
    madvise(addr, size, MADV_POPULATE_WRITE); /* an older host does not know it: each page comes when it is touched */
}

bool host_pages_decommit(void *addr, size_t size)
{
    const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED;
    bool is_done = mmap(addr, size, PROT_NONE, flags, -1, 0) != MAP_FAILED;
    host_pages_closed(addr, size);
    return is_done;
}

void host_pages_free(void *addr, size_t size)
{
    if (addr)
        munmap(addr, size);
}

static atomic_bool guards_are_marks;

bool host_guards_are_marks(void)
{
    return atomic_load_explicit(&guards_are_marks, memory_order_relaxed);
}

bool host_pages_guard(void *addr, size_t size)
{
    if (madvise(addr, size, MADV_GUARD_INSTALL) == 0) {
        atomic_store_explicit(&guards_are_marks, true, memory_order_relaxed);
        return true;
    }
    if (atomic_fetch_add(&nr_mprotect_guards, 1) < GUARDS_BY_MPROTECT_MAX && mprotect(addr, size, PROT_NONE) == 0)
        return true;
    atomic_fetch_sub(&nr_mprotect_guards, 1);
    return false;
}
