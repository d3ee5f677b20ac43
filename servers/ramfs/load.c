/* SPDX-License-Identifier: BSD-2-Clause */
/* What all sources have in common: where they are, where they go, how they are refused. */
#include "load.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <mk/machine.h>
#include <mk/task.h>

/* Names come from archives: they may hold anything, and the log is read on terminals. */
static void log_line(const struct load *load, const char *format, va_list args)
{
    char text[2048];

    vsnprintf(text, sizeof(text), format, args);
    for (char *p = text; *p != '\0'; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            *p = '?';
    mk_log("%s: %s", load->source, text);
}

bool load_fail(const struct load *load, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    log_line(load, format, args);
    va_end(args);
    return false;
}

void load_skip(const struct load *load, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    log_line(load, format, args);
    va_end(args);
}

static bool fail_err(const struct load *load, const char *name, mk_err_t err)
{
    if (err == MK_E_NO_ROOM)
        return load_fail(load, "%s: more than %llu bytes or %d files in all (see --limit)", name,
                         (unsigned long long)load->tree->limit, TREE_NODES_MAX);
    return load_fail(load, "%s: %s", name, mk_err_text(err));
}

/* Append "/part" to the path. */
static bool append_part(const struct load *load, const char *name, char path[FS_PATH_MAX], const char *part,
                        size_t size)
{
    size_t length = strcmp(path, "/") == 0 ? 0 : strlen(path);

    if (size == 2 && part[0] == '.' && part[1] == '.')
        return load_fail(load, "%s: a name with \"..\" is refused", name);
    if (size > TREE_NAME_MAX)
        return load_fail(load, "%.64s...: a part of the name is longer than %d bytes", name, TREE_NAME_MAX);
    if (length + 1 + size >= FS_PATH_MAX)
        return load_fail(load, "%.64s...: the path is longer than %d bytes", name, FS_PATH_MAX - 1);
    path[length] = '/';
    memcpy(&path[length + 1], part, size);
    path[length + 1 + size] = '\0';
    return true;
}

bool load_join(const struct load *load, const char *base, const char *name, char path[FS_PATH_MAX])
{
    snprintf(path, FS_PATH_MAX, "%s", base);
    for (const char *part = name; *part != '\0';) {
        size_t size = strcspn(part, "/");
        bool is_nothing = size == 0 || (size == 1 && part[0] == '.');

        if (!is_nothing && !append_part(load, name, path, part, size))
            return false;
        part += size;
        part += strspn(part, "/");
    }
    return true;
}

static bool make_parents(const struct load *load, const char *path)
{
    size_t slash = strlen(path) - 1;
    mk_err_t err;

    while (path[slash] != '/')
        slash--;
    err = tree_make_folders(load->tree, path, slash == 0 ? 1 : slash);
    return err == MK_OK ? true : fail_err(load, path, err);
}

bool load_make_folder(const struct load *load, const char *path)
{
    mk_err_t err = tree_make_folders(load->tree, path, strlen(path));

    return err == MK_OK ? true : fail_err(load, path, err);
}

bool load_make_file(const struct load *load, const char *path, struct ramfs_node **nodep)
{
    mk_err_t err;

    if (!make_parents(load, path))
        return false;
    err = tree_create(load->tree, path, strlen(path), false, nodep);
    if (err == MK_E_EXISTS) {
        err = tree_lookup(load->tree, path, strlen(path), nodep);
        if (err == MK_OK)
            err = (*nodep)->is_folder ? MK_E_IS_FOLDER : file_truncate(load->tree, *nodep, 0);
    }
    return err == MK_OK ? true : fail_err(load, path, err);
}

bool load_write(const struct load *load, const char *name, struct ramfs_node *node, uint64_t offset, const void *bytes,
                size_t size)
{
    mk_err_t err = file_write(load->tree, node, offset, bytes, size);

    return err == MK_OK ? true : fail_err(load, name, err);
}

bool load_check_size(const struct load *load, const char *name, uint64_t size)
{
    if (size <= load->tree->limit - load->tree->used)
        return true;
    return load_fail(load, "%s: has %llu bytes; more than %llu bytes in all (see --limit)", name,
                     (unsigned long long)size, (unsigned long long)load->tree->limit);
}

/* HOSTPATH:PATH is split at the last ":/", so that a host path may hold colons. */
static const char *find_target(const char *word)
{
    const char *found = NULL;

    for (const char *p = strstr(word, ":/"); p != NULL; p = strstr(p + 1, ":/"))
        found = p;
    return found;
}

/* The archive first: what libarchive does not know is a plain file. */
static bool load_file(struct load *load)
{
    switch (load_archive(load)) {
    case LOAD_OK:
        return true;
    case LOAD_NOT_AN_ARCHIVE:
        return load_plain(load);
    case LOAD_FAILED:
        break;
    }
    return false;
}

static bool load_source(struct load *load, const char *target)
{
    struct stat st;

    if (!load_join(load, "/", target, load->base))
        return false;
    if (stat(load->host_path, &st) != 0)
        return load_fail(load, "no such file or folder on the host (%s)", load->host_path);
    if (S_ISDIR(st.st_mode))
        return load_folder(load);
    if (S_ISREG(st.st_mode))
        return load_file(load);
    return load_fail(load, "neither a file nor a folder");
}

bool load_word(struct ramfs_tree *tree, const char *word)
{
    const char *colon = find_target(word);
    int length = (int)(colon == NULL ? strlen(word) : (size_t)(colon - word));
    struct load load = {.tree = tree, .source = word};
    char host_path[PATH_MAX];
    int size;

    if (length == 0)
        return load_fail(&load, "the host path is empty; write HOSTPATH or HOSTPATH:PATH");
    if (word[0] == '/')
        size = snprintf(host_path, sizeof(host_path), "%.*s", length, word);
    else
        size = snprintf(host_path, sizeof(host_path), "%s/%.*s", mk_task_folder(), length, word);
    if (size < 0 || (size_t)size >= sizeof(host_path))
        return load_fail(&load, "the host path is longer than %d bytes", PATH_MAX - 1);
    load.host_path = host_path;
    return load_source(&load, colon == NULL ? "/" : colon + 1);
}
