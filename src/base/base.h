/* SPDX-License-Identifier: BSD-2-Clause */
/* Small things that every layer uses. */
#ifndef BASE_BASE_H
#define BASE_BASE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <mk/error.h>
#include <mk/types.h>

#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static inline size_t round_up(size_t n, size_t align)
{
    return (n + align - 1) / align * align;
}

/*
 * A bijective mixer (splitmix64's finaliser, Steele, Lea and Flood 2014): for hash tables, hashes and
 * random numbers.
 */
static inline uint64_t mix64(uint64_t x)
{
    x += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

/* a * b / c, rounded down, without running over on the way; UINT64_MAX when the result does. */
static inline uint64_t mul_div(uint64_t a, uint64_t b, uint64_t c)
{
    __extension__ unsigned __int128 result = (__extension__(unsigned __int128) a) * b / c;
    return result > UINT64_MAX ? UINT64_MAX : (uint64_t)result;
}

/* Copies at most size - 1 bytes and ends with NUL. */
void label_copy(char *dst, size_t size, const char *src);

#endif
