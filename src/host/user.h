/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Pointers that tasks give to the kernel. Each of these is the access of user.h, and where memory is isolated it is
 * refused beyond what the task itself may touch: memory of another task is a bad address, and the kernel's can be read
 * only.
 */
#ifndef HOST_USER_H
#define HOST_USER_H

#include "base/base.h"
#include "host/arch/x86_64/user.h"
#include "host/cpu.h"

/* How many of these bytes, from the first on, the task whose pointers are used now may touch. */
static inline size_t user_room(const void *p, size_t size, bool is_write)
{
    const struct host_cpu *cpu = host_this_cpu;
    return likely(!cpu) || likely(!cpu->isolation) ? size : host_isolation_room(cpu->isolation, p, size, is_write);
}

/* All of them? Their pages need not be in memory. */
static inline bool user_may_read(const void *p, size_t size)
{
    return user_room(p, size, false) == size;
}

static inline bool user_may_write(const void *p, size_t size)
{
    return user_room(p, size, true) == size;
}

static inline bool user_load_u64(const void *p, uint64_t *out)
{
    return user_may_read(p, sizeof(*out)) && raw_load_u64(p, out);
}

static inline bool user_load_u32(const void *p, uint32_t *out)
{
    return user_may_read(p, sizeof(*out)) && raw_load_u32(p, out);
}

static inline bool user_store_u64(void *p, uint64_t v)
{
    return user_may_write(p, sizeof(v)) && raw_store_u64(p, v);
}

static inline bool user_store_u32(void *p, uint32_t v)
{
    return user_may_write(p, sizeof(v)) && raw_store_u32(p, v);
}

static inline bool user_probe_u8(const void *p)
{
    return user_may_read(p, 1) && raw_probe_u8(p);
}

/* Into the kernel, and out of it. */
static inline bool user_get(void *dst, const void *p, size_t n)
{
    return user_may_read(p, n) && raw_copy(dst, p, n);
}

static inline bool user_put(void *p, const void *src, size_t n)
{
    return user_may_write(p, n) && raw_copy(p, src, n);
}

#endif
