/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Loading plugins. A copy of the file per instance gives fresh globals; it keeps
 * its name while it is loaded, so that debuggers and profilers find it. After
 * loading, the references to malloc, exit, printf and the like are bound to the
 * runtime's, by writing the plugin's own relocation slots: its memory is then
 * its task's and its exit its task's, without a change to its source.
 */
#include "host/plugin.h"

#include <dirent.h>
#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/pages.h"
#include "host/plugin_idle.h"

/* ---- the copy ---- */

static pthread_mutex_t folder_lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned nr_loaded;
static char folder[128];
static int folder_fd = -1; /* locked: the folder is in use */

/* NAME.so.NUMBER: what this file makes. */
static bool is_copy(const char *name)
{
    const char *end = strstr(name, ".so.");
    return end && end[4] && strspn(end + 4, "0123456789") == strlen(end + 4);
}

static void remove_copies(int fd)
{
    DIR *dir = fdopendir(dup(fd));
    struct dirent *file;
    while (dir && (file = readdir(dir)))
        if (is_copy(file->d_name))
            unlinkat(fd, file->d_name, 0);
    if (dir)
        closedir(dir);
}

/* Remove a folder that a killed process of this user left: nobody holds its lock. Anything else is left alone. */
static void sweep_one(int base, const char *name)
{
    struct stat info;
    int fd = openat(base, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return;
    if (fstat(fd, &info) == 0 && info.st_uid == geteuid() && (info.st_mode & 0777) == 0700 &&
        flock(fd, LOCK_EX | LOCK_NB) == 0) {
        remove_copies(fd);
        unlinkat(base, name, AT_REMOVEDIR);
    }
    close(fd);
}

static void sweep(const char *base)
{
    DIR *dir = opendir(base);
    struct dirent *entry;
    while (dir && (entry = readdir(dir)))
        if (strncmp(entry->d_name, "mk.", 3) == 0)
            sweep_one(dirfd(dir), entry->d_name);
    if (dir)
        closedir(dir);
}

/* A folder of our own, locked. Until it is, another process may take it for one that was left, and remove it. */
static bool folder_make(const char *base)
{
    for (int tries = 0; tries < 100; tries++) {
        struct stat info;
        snprintf(folder, sizeof(folder), "%s/mk.%d.XXXXXX", base, (int)getpid());
        if (!mkdtemp(folder))
            return false;
        folder_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (folder_fd >= 0 && flock(folder_fd, LOCK_EX) == 0 && fstat(folder_fd, &info) == 0 && info.st_nlink > 0)
            return true;
        if (folder_fd >= 0)
            close(folder_fd);
        rmdir(folder);
    }
    return false;
}

/* The process's own folder, in memory if possible. */
static bool folder_acquire(void)
{
    static const char *const bases[] = {"/dev/shm", "/tmp"};
    pthread_mutex_lock(&folder_lock);
    bool is_ok = nr_loaded > 0;
    for (size_t i = 0; i < 2 && !is_ok; i++) {
        sweep(bases[i]);
        is_ok = folder_make(bases[i]);
    }
    nr_loaded += is_ok;
    pthread_mutex_unlock(&folder_lock);
    return is_ok;
}

static void folder_release(void)
{
    pthread_mutex_lock(&folder_lock);
    if (--nr_loaded == 0) {
        rmdir(folder);
        close(folder_fd);
        folder_fd = -1;
    }
    pthread_mutex_unlock(&folder_lock);
}

static bool copy_bytes(int from, int to)
{
    char buffer[8192];
    ssize_t n;
    while ((n = read(from, buffer, sizeof(buffer))) > 0)
        if (write(to, buffer, (size_t)n) != n)
            return false;
    return n == 0;
}

static bool copy_file(const char *from_path, const char *to_path)
{
    bool is_ok = false;
    int from = open(from_path, O_RDONLY | O_CLOEXEC);
    int to = open(to_path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (from >= 0 && to >= 0)
        is_ok = copy_bytes(from, to);
    if (from >= 0)
        close(from);
    if (to >= 0)
        is_ok = close(to) == 0 && is_ok;
    return is_ok;
}

/* ---- binding ---- */

struct tables {
    uintptr_t base;
    const ElfW(Sym) * symbols;
    const char *strings;
    const ElfW(Rela) * relocations[2];
    size_t nr_relocations[2];
    char *relro; /* pages that the dynamic linker made read-only */
    size_t relro_size;
    char *data; /* writable pages, with relro */
    size_t data_size;
};

/* The dynamic linker makes these addresses absolute, unless the dynamic section is read-only. */
static const void *table(const struct tables *t, uintptr_t address)
{
    return (const void *)(address < t->base ? address + t->base : address);
}

static void find_tables(const struct link_map *map, struct tables *t)
{
    size_t page = host_page_size();
    memset(t, 0, sizeof(*t));
    t->base = map->l_addr;
    for (const ElfW(Dyn) *d = map->l_ld; d->d_tag != DT_NULL; d++) {
        switch (d->d_tag) {
        case DT_SYMTAB:
            t->symbols = table(t, d->d_un.d_ptr);
            break;
        case DT_STRTAB:
            t->strings = table(t, d->d_un.d_ptr);
            break;
        case DT_JMPREL:
            t->relocations[0] = table(t, d->d_un.d_ptr);
            break;
        case DT_PLTRELSZ:
            t->nr_relocations[0] = d->d_un.d_val / sizeof(ElfW(Rela));
            break;
        case DT_RELA:
            t->relocations[1] = table(t, d->d_un.d_ptr);
            break;
        case DT_RELASZ:
            t->nr_relocations[1] = d->d_un.d_val / sizeof(ElfW(Rela));
            break;
        default:
            break;
        }
    }
    const ElfW(Ehdr) *header = (const void *)t->base;
    const ElfW(Phdr) *segments = (const void *)(t->base + header->e_phoff);
    for (int i = 0; i < header->e_phnum; i++) {
        uintptr_t start = (t->base + segments[i].p_vaddr) & ~(page - 1);
        uintptr_t end = t->base + segments[i].p_vaddr + segments[i].p_memsz;
        if (segments[i].p_type == PT_GNU_RELRO) {
            t->relro = (char *)start;
            t->relro_size = (end & ~(page - 1)) - start;
        } else if (segments[i].p_type == PT_LOAD && segments[i].p_flags & PF_W) {
            t->data = (char *)start;
            t->data_size = ((end + page - 1) & ~(page - 1)) - start;
        }
    }
}

static void bind_one(const struct tables *t, const ElfW(Rela) * r, const struct mk_binding *bindings)
{
    unsigned type = ELF64_R_TYPE(r->r_info);
    if (type != R_X86_64_JUMP_SLOT && type != R_X86_64_GLOB_DAT && type != R_X86_64_64)
        return;
    const ElfW(Sym) *symbol = &t->symbols[ELF64_R_SYM(r->r_info)];
    if (symbol->st_shndx != SHN_UNDEF)
        return;
    for (const struct mk_binding *b = bindings; b->name; b++)
        if (strcmp(t->strings + symbol->st_name, b->name) == 0)
            *(uintptr_t *)(t->base + r->r_offset) = (uintptr_t)b->function;
}

/* Notes where its variables are, too. */
static bool bind_all(struct host_plugin *plugin, const struct mk_binding *bindings)
{
    struct link_map *map;
    struct tables t;
    if (dlinfo(plugin->handle, RTLD_DI_LINKMAP, &map) != 0)
        return false;
    find_tables(map, &t);
    size_t nr_fixed = t.relro > t.data ? (size_t)(t.relro - t.data) : 0;
    nr_fixed = t.relro_size ? nr_fixed + t.relro_size : 0;
    plugin->data = t.data + nr_fixed;
    plugin->data_size = t.data_size - nr_fixed;
    if (t.relro_size && mprotect(t.relro, t.relro_size, PROT_READ | PROT_WRITE) != 0)
        return false;
    for (int table = 0; table < 2; table++)
        for (size_t i = 0; i < t.nr_relocations[table]; i++)
            bind_one(&t, &t.relocations[table][i], bindings);
    return !t.relro_size || mprotect(t.relro, t.relro_size, PROT_READ) == 0;
}

/* ---- open and close ---- */

mk_err_t host_plugin_open(struct host_plugin *plugin, const char *path, const char *label,
                          const struct mk_binding *bindings, char *why, size_t why_size)
{
    static atomic_uint generation;

    if (plugin_idle_take(plugin, path, label))
        return MK_OK;
    plugin->origin = NULL;
    if (!folder_acquire()) {
        snprintf(why, why_size, "no folder for plugins can be made in /dev/shm or /tmp");
        return MK_E_LIMIT_HOST;
    }
    snprintf(plugin->path, sizeof(plugin->path), "%s/%.64s.so.%u", folder, label, atomic_fetch_add(&generation, 1) + 1);
    for (char *p = plugin->path + strlen(folder) + 1; *p; p++)
        if (*p == '/')
            *p = '_';
    if (!copy_file(path, plugin->path)) {
        snprintf(why, why_size, "cannot be copied to %s: %s", plugin->path, strerror(errno));
        unlink(plugin->path);
        folder_release();
        return MK_E_LIMIT_HOST;
    }
    plugin->handle = dlopen(plugin->path, RTLD_NOW | RTLD_LOCAL);
    const void *const *entry = plugin->handle ? dlsym(plugin->handle, "mk_server_entry") : NULL;
    if (!entry || !bind_all(plugin, bindings)) {
        const char *error = dlerror();
        const char *text = error ? strchr(error, ' ') : NULL; /* without the copy's path */
        snprintf(why, why_size, "cannot be loaded:%s", text ? text : " its symbols cannot be bound");
        host_plugin_close(plugin);
        return MK_E_PLUGIN_FILE;
    }
    plugin->entry = *entry;
    plugin_idle_note(plugin, path, label);
    return MK_OK;
}

void host_plugin_close(struct host_plugin *plugin)
{
    plugin_idle_forget(plugin);
    if (plugin->handle)
        dlclose(plugin->handle);
    plugin->handle = NULL;
    unlink(plugin->path);
    folder_release();
}

void host_plugin_end(struct host_plugin *plugin)
{
    if (!plugin_idle_give(plugin))
        host_plugin_close(plugin);
}

const void *host_plugin_symbol(const char *path, const char *symbol, char *why, size_t why_size)
{
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    const void *found = handle ? dlsym(handle, symbol) : NULL;
    if (!handle)
        snprintf(why, why_size, "%s", dlerror());
    else if (!found)
        snprintf(why, why_size, "it exports no %s", symbol);
    if (handle && !found)
        dlclose(handle);
    return found;
}
