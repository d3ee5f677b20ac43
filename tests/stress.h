/* SPDX-License-Identifier: BSD-2-Clause */
/* What the stress tests share: numbers from a seed, sizes, and what the process uses of the host. */
#ifndef TESTS_STRESS_H
#define TESTS_STRESS_H

#include <dirent.h>
#include <malloc.h>
#include <unistd.h>

#include "mkt.h"

#if defined(__SANITIZE_ADDRESS__) || MKT_TSAN
#define STRESS_BUILT_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define STRESS_BUILT_SANITIZED 1
#endif
#endif
#ifndef STRESS_BUILT_SANITIZED
#define STRESS_BUILT_SANITIZED 0
#endif
#define STRESS_SANITIZED (STRESS_BUILT_SANITIZED || RUNNING_ON_VALGRIND)

/* A size for ordinary runs, and one for those in which every access is checked. */
#define STRESS_SIZE(plain, sanitized) (STRESS_SANITIZED ? (sanitized) : (plain))

/* ---- numbers ---- */

static inline uint64_t stress_mix(uint64_t x)
{
    x += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

static inline uint64_t stress_random(uint64_t *state)
{
    *state += 0x9e3779b97f4a7c15u;
    return stress_mix(*state);
}

/* 0 to n - 1. */
static inline uint32_t stress_below(uint64_t *state, uint32_t n)
{
    return (uint32_t)(stress_random(state) >> 32) % n;
}

/* The environment's number, or `otherwise`. */
static inline uint64_t stress_env(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    return text && *text ? strtoull(text, NULL, 0) : otherwise;
}

/* ---- what the process uses of the host ---- */

struct stress_usage {
    long rss;      /* bytes */
    long mappings; /* lines of /proc/self/maps */
    long fds;
    long shm_files; /* of this process in /dev/shm */
};

static inline long stress_lines(const char *path)
{
    char buffer[65536];
    long lines = 0;
    size_t n;
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    while ((n = fread(buffer, 1, sizeof(buffer), file)) > 0)
        for (size_t i = 0; i < n; i++)
            lines += buffer[i] == '\n';
    fclose(file);
    return lines;
}

/* Entries of a folder, "." and ".." not counted; 0 when there is none. */
static inline long stress_entries(const char *path)
{
    long n = 0;
    struct dirent *entry;
    DIR *dir = opendir(path);
    while (dir && (entry = readdir(dir)))
        n += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    if (dir)
        closedir(dir);
    return n;
}

static inline long stress_rss(void)
{
    long size = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%ld %ld", &size, &resident), 2);
    fclose(file);
    return resident * sysconf(_SC_PAGESIZE);
}

static inline struct stress_usage stress_usage(void)
{
    char folder[64];
    struct stress_usage u;
    malloc_trim(0);
    snprintf(folder, sizeof(folder), "/dev/shm/mk.%d", (int)getpid());
    u.rss = stress_rss();
    u.mappings = stress_lines("/proc/self/maps");
    u.fds = stress_entries("/proc/self/fd");
    u.shm_files = stress_entries(folder) + (access(folder, F_OK) == 0);
    return u;
}

/* Fail when `after` is more than `before` by more than this; memory is not compared where a sanitizer keeps it. */
static inline void stress_compare(struct stress_usage before, struct stress_usage after, long rss, long mappings)
{
    bool is_same = after.fds == before.fds && after.shm_files == before.shm_files;
    bool is_small = STRESS_SANITIZED || (after.rss - before.rss <= rss && after.mappings - before.mappings <= mappings);
    if (is_same && is_small)
        return;
    print_error("before: %ld bytes resident, %ld mappings, %ld descriptors, %ld files in /dev/shm\n"
                "after:  %ld bytes resident, %ld mappings, %ld descriptors, %ld files in /dev/shm\n",
                before.rss, before.mappings, before.fds, before.shm_files, after.rss, after.mappings, after.fds,
                after.shm_files);
    fail();
}

#endif
