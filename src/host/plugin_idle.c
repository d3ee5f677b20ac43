/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Keeping plugins that ended; see plugin_idle.h. An instance is fresh when its writable segment is what it was after
 * loading and binding: the part that came from the file, with relocations, is copied back, and the rest is zero. All
 * else of an instance is read-only. A file is the same as long as its inode, its size and its times are.
 */
#include "host/plugin_idle.h"

#include <dlfcn.h>
#include <link.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "host/pages.h"

#define IDLE_MAX 64 /* each takes five mappings of the process */

struct plugin_origin {
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec modified, changed;
    char *path, *label;
    char *variables; /* where they are; from there on, `file_size` bytes are `fresh`, then zeros to `all_size` */
    size_t file_size, all_size;
    char *fresh;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct host_plugin idle[IDLE_MAX]; /* the last one is taken first */
static size_t nr_idle, nr_holders;

/* ---- where an instance comes from ---- */

static bool origin_is(const struct plugin_origin *origin, const struct stat *now)
{
    return origin->device == now->st_dev && origin->inode == now->st_ino && origin->size == now->st_size &&
           memcmp(&origin->modified, &now->st_mtim, sizeof(origin->modified)) == 0 &&
           memcmp(&origin->changed, &now->st_ctim, sizeof(origin->changed)) == 0;
}

/* What is writable after loading: of the one writable segment that which the dynamic linker did not close again. */
static bool find_variables(struct plugin_origin *origin, const struct link_map *map)
{
    size_t page = host_page_size();
    const ElfW(Ehdr) *header = (const void *)map->l_addr;
    const ElfW(Phdr) *segments = (const void *)(map->l_addr + header->e_phoff), *data = NULL;
    uintptr_t closed = 0;
    for (int i = 0; i < header->e_phnum; i++) {
        if (segments[i].p_type == PT_GNU_RELRO)
            closed = (map->l_addr + segments[i].p_vaddr + segments[i].p_memsz) & ~(page - 1);
        if (segments[i].p_type != PT_LOAD || !(segments[i].p_flags & PF_W))
            continue;
        if (data)
            return false;
        data = &segments[i];
    }
    if (!data)
        return true; /* it has none */
    uintptr_t start = map->l_addr + data->p_vaddr, of_file = start + data->p_filesz, end = start + data->p_memsz;
    if (closed > start)
        start = closed;
    origin->variables = (char *)start;
    origin->file_size = of_file > start ? of_file - start : 0;
    origin->all_size = end > start ? end - start : 0;
    return true;
}

static bool origin_init(struct plugin_origin *origin, void *handle, const char *path, const char *label)
{
    struct link_map *map;
    struct stat now;
    if (stat(path, &now) != 0 || dlinfo(handle, RTLD_DI_LINKMAP, &map) != 0 || !find_variables(origin, map))
        return false;
    origin->device = now.st_dev;
    origin->inode = now.st_ino;
    origin->size = now.st_size;
    origin->modified = now.st_mtim;
    origin->changed = now.st_ctim;
    origin->path = strdup(path);
    origin->label = strdup(label);
    origin->fresh = malloc(origin->file_size + 1);
    if (!origin->path || !origin->label || !origin->fresh)
        return false;
    if (origin->file_size)
        memcpy(origin->fresh, origin->variables, origin->file_size);
    return true;
}

void plugin_idle_forget(struct host_plugin *plugin)
{
    if (!plugin->origin)
        return;
    free(plugin->origin->path);
    free(plugin->origin->label);
    free(plugin->origin->fresh);
    free(plugin->origin);
    plugin->origin = NULL;
}

void plugin_idle_note(struct host_plugin *plugin, const char *path, const char *label)
{
    plugin->origin = calloc(1, sizeof(*plugin->origin));
    if (plugin->origin && !origin_init(plugin->origin, plugin->handle, path, label))
        plugin_idle_forget(plugin);
}

/* Whole pages of zeros are given back to the host: it brings new ones when they are touched. */
static void make_fresh(const struct plugin_origin *origin)
{
    size_t page = host_page_size();
    char *zeros = origin->variables + origin->file_size, *end = origin->variables + origin->all_size;
    char *whole = (char *)(((uintptr_t)zeros + page - 1) & ~(page - 1));
    if (origin->file_size)
        memcpy(origin->variables, origin->fresh, origin->file_size);
    if (zeros < end)
        memset(zeros, 0, (size_t)((whole < end ? whole : end) - zeros));
    if (whole < end && madvise(whole, (size_t)(end - whole), MADV_DONTNEED) != 0)
        memset(whole, 0, (size_t)(end - whole));
}

/* ---- those that wait ---- */

static void take_out(size_t i, struct host_plugin *plugin)
{
    *plugin = idle[i];
    memmove(&idle[i], &idle[i + 1], (--nr_idle - i) * sizeof(idle[0]));
}

bool plugin_idle_knows(const char *path)
{
    struct stat now;
    bool is_known = false;
    pthread_mutex_lock(&lock);
    if (nr_idle && stat(path, &now) == 0)
        for (size_t i = nr_idle; i-- > 0 && !is_known;)
            is_known = origin_is(idle[i].origin, &now) && strcmp(idle[i].origin->path, path) == 0;
    pthread_mutex_unlock(&lock);
    return is_known;
}

/* One of the file as it is not any more. */
static bool take_stale(struct host_plugin *plugin, const char *path, const struct stat *now)
{
    for (size_t i = nr_idle; i-- > 0;) {
        if (strcmp(idle[i].origin->path, path) != 0 || (now && origin_is(idle[i].origin, now)))
            continue;
        take_out(i, plugin);
        return true;
    }
    return false;
}

static bool take_fitting(struct host_plugin *plugin, const char *path, const char *label, const struct stat *now)
{
    for (size_t i = nr_idle; i-- > 0;) {
        const struct plugin_origin *origin = idle[i].origin;
        if (strcmp(origin->path, path) != 0 || strcmp(origin->label, label) != 0 || !origin_is(origin, now))
            continue;
        take_out(i, plugin);
        return true;
    }
    return false;
}

bool plugin_idle_take(struct host_plugin *plugin, const char *path, const char *label)
{
    struct stat now;
    struct host_plugin stale;
    bool is_there = stat(path, &now) == 0, is_taken, is_stale;
    do {
        pthread_mutex_lock(&lock);
        is_stale = nr_idle && take_stale(&stale, path, is_there ? &now : NULL);
        is_taken = !is_stale && is_there && take_fitting(plugin, path, label, &now);
        pthread_mutex_unlock(&lock);
        if (is_stale)
            host_plugin_close(&stale);
    } while (is_stale);
    return is_taken;
}

bool plugin_idle_give(struct host_plugin *plugin)
{
    if (!plugin->handle || !plugin->origin)
        return false;
    make_fresh(plugin->origin);
    pthread_mutex_lock(&lock);
    bool is_kept = nr_holders && nr_idle < IDLE_MAX;
    if (is_kept)
        idle[nr_idle++] = *plugin;
    pthread_mutex_unlock(&lock);
    return is_kept;
}

/* ---- as long as there is a machine ---- */

void host_plugins_hold(void)
{
    pthread_mutex_lock(&lock);
    nr_holders++;
    pthread_mutex_unlock(&lock);
}

void host_plugins_release(void)
{
    struct host_plugin last;
    bool is_left;
    pthread_mutex_lock(&lock);
    nr_holders--;
    pthread_mutex_unlock(&lock);
    do {
        pthread_mutex_lock(&lock);
        is_left = !nr_holders && nr_idle;
        if (is_left)
            take_out(nr_idle - 1, &last);
        pthread_mutex_unlock(&lock);
        if (is_left)
            host_plugin_close(&last);
    } while (is_left);
}
