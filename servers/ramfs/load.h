/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Filling the tree from the host before the service starts: archives, folders,
 * plain files. The first thing that is wrong is logged with the source's name,
 * and the whole load has failed: a server with half a tree is worse than none.
 */
#ifndef RAMFS_LOAD_H
#define RAMFS_LOAD_H

#include "tree.h"

/* One source being loaded. */
struct load {
    struct ramfs_tree *tree;
    const char *source;     /* as it was written, for messages */
    const char *host_path;  /* where it is */
    char base[FS_PATH_MAX]; /* folder (or file) in the tree that it goes to; checked, "/" is the root */
};

/* `word` is HOSTPATH or HOSTPATH:PATH. False: it failed and was logged. */
bool load_word(struct ramfs_tree *tree, const char *word);

/* ---- between the loaders ---- */

enum load_result { LOAD_OK, LOAD_FAILED, LOAD_NOT_AN_ARCHIVE };

/* load_archive.c and load_host.c */
enum load_result load_archive(struct load *load);
bool load_folder(struct load *load);
bool load_plain(struct load *load);

/* Log "SOURCE: reason" with unprintable bytes replaced. Always false, so that it can be returned. */
bool load_fail(const struct load *load, const char *format, ...) MK_PRINTF(2, 3);
/* Log that something was left out. */
void load_skip(const struct load *load, const char *format, ...) MK_PRINTF(2, 3);

/*
 * `base` and a name from outside, joined to a path for the tree: leading "/",
 * "./" and doubled slashes are dropped; ".." and what is too long is refused.
 */
bool load_join(const struct load *load, const char *base, const char *name, char path[FS_PATH_MAX]);

/* An empty file at `path`, with the folders above it; replaces a file that is there. */
bool load_make_file(const struct load *load, const char *path, struct ramfs_node **nodep);
bool load_make_folder(const struct load *load, const char *path);

/* Append bytes to a file at `offset`; `name` is for the message. */
bool load_write(const struct load *load, const char *name, struct ramfs_node *node, uint64_t offset, const void *bytes,
                size_t size);

/* Refuse a size that cannot fit before any of it is read. */
bool load_check_size(const struct load *load, const char *name, uint64_t size);

#endif
