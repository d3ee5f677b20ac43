/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Host folders and plain files. libarchive walks the folder without following
 * symbolic links; what it finds is sorted first, because the host's order
 * differs from one file system to the next and a run must repeat.
 */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "load.h"

#define READ_SIZE 65536

struct found {
    char *path; /* on the host */
    mode_t type;
};

struct walk {
    struct found *found;
    size_t nr, max;
};

static char buffer[READ_SIZE]; /* memory of the host: its calls do not wait for pages of the task's */

static bool copy_bytes(const struct load *load, const char *name, int fd, struct ramfs_node *node)
{
    uint64_t offset = 0;
    bool is_ok = true;

    while (is_ok) {
        ssize_t size = read(fd, buffer, READ_SIZE);

        if (size < 0 && errno == EINTR)
            continue;
        if (size == 0)
            break;
        is_ok = size > 0 ? load_write(load, name, node, offset, buffer, (size_t)size)
                         : load_fail(load, "%s: cannot be read", name);
        offset += size > 0 ? (uint64_t)size : 0;
    }
    return is_ok;
}

/* O_NONBLOCK: should the file have become a pipe since it was looked at, opening it must not wait. */
static int open_host(const char *path, int flags)
{
    snprintf(buffer, sizeof(buffer), "%s", path);
    return open(buffer, O_RDONLY | O_CLOEXEC | O_NONBLOCK | flags);
}

static bool copy_file(const struct load *load, const char *host_path, int flags, const char *path)
{
    int fd = open_host(host_path, flags);
    struct ramfs_node *node;
    struct stat st;
    bool is_ok;

    if (fd < 0)
        return load_fail(load, "%s: cannot be opened", host_path);
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        is_ok = load_fail(load, "%s: is not a plain file", host_path);
    else
        is_ok = load_make_file(load, path, &node) && load_check_size(load, host_path, (uint64_t)st.st_size) &&
                copy_bytes(load, host_path, fd, node);
    close(fd);
    return is_ok;
}

/* Without a PATH the file keeps its own name; a PATH that is a folder takes it in. */
bool load_plain(struct load *load)
{
    const char *slash = strrchr(load->host_path, '/');
    const char *name = slash == NULL ? load->host_path : slash + 1;
    struct ramfs_node *node;
    char path[FS_PATH_MAX];

    if (tree_lookup(load->tree, load->base, strlen(load->base), &node) == MK_OK && node->is_folder)
        return load_join(load, load->base, name, path) && copy_file(load, load->host_path, 0, path);
    return copy_file(load, load->host_path, 0, load->base);
}

static bool remember(const struct load *load, struct walk *walk, const char *path, mode_t type)
{
    if (walk->nr > TREE_NODES_MAX)
        return load_fail(load, "more than %d files", TREE_NODES_MAX);
    if (walk->nr == walk->max) {
        size_t max = walk->max == 0 ? 64 : 2 * walk->max;
        struct found *found = realloc(walk->found, max * sizeof(*found));

        if (found == NULL)
            return load_fail(load, "out of memory");
        walk->found = found;
        walk->max = max;
    }
    walk->found[walk->nr].path = strdup(path);
    walk->found[walk->nr].type = type;
    if (walk->found[walk->nr].path == NULL)
        return load_fail(load, "out of memory");
    walk->nr++;
    return true;
}

static bool walk_entries(const struct load *load, struct archive *disk, struct walk *walk)
{
    for (;;) {
        struct archive_entry *entry;
        int result = archive_read_next_header(disk, &entry);
        const char *path;

        if (result == ARCHIVE_EOF)
            return true;
        if (result < ARCHIVE_WARN || result == ARCHIVE_RETRY)
            return load_fail(load, "%s", archive_error_string(disk));
        path = archive_entry_pathname(entry);
        if (path == NULL)
            return load_fail(load, "a name that cannot be read");
        if (!remember(load, walk, path, archive_entry_filetype(entry)))
            return false;
        if (archive_read_disk_can_descend(disk) && archive_read_disk_descend(disk) < ARCHIVE_WARN)
            return load_fail(load, "%s: %s", path, archive_error_string(disk));
    }
}

static bool walk_folder(const struct load *load, struct walk *walk)
{
    struct archive *disk = archive_read_disk_new();
    bool is_ok;

    if (disk == NULL)
        return load_fail(load, "out of memory");
    archive_read_disk_set_symlink_physical(disk);
    archive_read_disk_set_behavior(disk, ARCHIVE_READDISK_NO_ACL | ARCHIVE_READDISK_NO_XATTR |
                                             ARCHIVE_READDISK_NO_FFLAGS | ARCHIVE_READDISK_NO_SPARSE);
    if (archive_read_disk_open(disk, load->host_path) == ARCHIVE_OK)
        is_ok = walk_entries(load, disk, walk);
    else
        is_ok = load_fail(load, "%s", archive_error_string(disk));
    archive_read_free(disk);
    return is_ok;
}

static int compare_found(const void *a, const void *b)
{
    return strcmp(((const struct found *)a)->path, ((const struct found *)b)->path);
}

static bool load_found(const struct load *load, const struct found *found)
{
    char path[FS_PATH_MAX];

    if (!load_join(load, load->base, found->path + strlen(load->host_path), path))
        return false;
    if (found->type == AE_IFDIR)
        return load_make_folder(load, path);
    if (found->type == AE_IFREG)
        return copy_file(load, found->path, O_NOFOLLOW, path);
    load_skip(load, "%s: skipped, %s", found->path,
              found->type == AE_IFLNK ? "a symbolic link" : "neither a file nor a folder");
    return true;
}

bool load_folder(struct load *load)
{
    struct walk walk = {NULL, 0, 0};
    bool is_ok = walk_folder(load, &walk);

    if (is_ok && walk.nr > 0)
        qsort(walk.found, walk.nr, sizeof(walk.found[0]), compare_found);
    for (size_t i = 0; i < walk.nr; i++) {
        is_ok = is_ok && load_found(load, &walk.found[i]);
        free(walk.found[i].path);
    }
    free(walk.found);
    return is_ok;
}
