/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The tree of folders and files in memory, and the contents of files. No
 * messages here: the service and the loaders are built on it.
 *
 * A path is checked where it enters (tree_check_path); everything below works
 * with checked ones. Two limits hold for the whole tree: the sum of all file
 * sizes, and the number of files and folders.
 */
#ifndef RAMFS_TREE_H
#define RAMFS_TREE_H

#include <mk/error.h>
#include <mk/types.h>

#include "blocks.h"
#include "fs_proto.h"

#define TREE_NAME_MAX  255
#define TREE_NODES_MAX 65536

struct ramfs_map;

struct ramfs_node {
    struct ramfs_node *parent; /* NULL: the root, or removed from the tree */
    bool is_folder;
    bool is_removed;  /* no name any more; goes when nobody has it open */
    uint32_t nr_open; /* open files on it */
    /* of a folder: sorted by name */
    struct ramfs_node **children;
    size_t nr_children, max_children;
    /* of a file: a block that was never written is 0 and reads as zeros; bytes after `size` are zero */
    uint32_t *blocks;
    size_t nr_blocks;
    uint64_t size;
    struct ramfs_map *map; /* it has been mapped (mapped.c) */
    uint32_t number;       /* in the state for another version */
    size_t name_size;
    char name[]; /* without NUL */
};

struct ramfs_tree {
    struct ramfs_node *root;
    uint64_t used; /* sum of all sizes, removed but open files too */
    uint64_t limit;
    uint32_t nr_nodes;
    struct blocks blocks;
};

/* MK_E_NO_MEMORY. */
mk_err_t tree_init(struct ramfs_tree *tree, uint64_t limit);
void tree_finish(struct ramfs_tree *tree);

/* MK_E_BAD_ARGUMENT (relative, NUL, empty, "." or ".." part), MK_E_TOO_LONG. */
mk_err_t tree_check_path(const char *path, size_t size);

/* MK_E_NOT_FOUND, MK_E_NOT_FOLDER (a part before the last is a file). */
mk_err_t tree_lookup(struct ramfs_tree *tree, const char *path, size_t size, struct ramfs_node **nodep);

/* MK_E_EXISTS, MK_E_NOT_FOUND (no parent), MK_E_NOT_FOLDER, MK_E_NO_ROOM, MK_E_NO_MEMORY. */
mk_err_t tree_create(struct ramfs_tree *tree, const char *path, size_t size, bool is_folder, struct ramfs_node **nodep);

/* The folder and all folders above it, as far as they are missing. Errors of tree_create. */
mk_err_t tree_make_folders(struct ramfs_tree *tree, const char *path, size_t size);

/* Take a file or an empty folder out of the tree. MK_E_NOT_EMPTY, MK_E_BAD_ARGUMENT (the root). */
mk_err_t tree_remove(struct ramfs_tree *tree, struct ramfs_node *node);

/* While open, a removed node stays. */
void tree_open(struct ramfs_node *node);
void tree_close(struct ramfs_tree *tree, struct ramfs_node *node);

/* ---- for a tree that another version left ---- */

/* In place of tree_init: only the limit. Nodes are added to a folder in order of their names. */
void tree_begin(struct ramfs_tree *tree, uint64_t limit);
/*
 * A node without contents at the end of `folder`, in which `max_children` can follow; folder NULL: the root, or a
 * removed file. MK_E_BAD_ARGUMENT (the name, or its place), MK_E_NO_ROOM, MK_E_NO_MEMORY.
 */
mk_err_t tree_append(struct ramfs_tree *tree, struct ramfs_node *folder, const char *name, size_t size, bool is_folder,
                     size_t max_children, struct ramfs_node **nodep);

/* ---- contents, file.c ---- */

/* Bytes read; 0 at or after the end. */
size_t file_read(const struct ramfs_tree *tree, const struct ramfs_node *node, uint64_t offset, void *buffer,
                 size_t size);

/* Make sure that these bytes of the file, as far as it goes, can be written. MK_E_NO_MEMORY. */
mk_err_t file_reserve(struct ramfs_tree *tree, struct ramfs_node *node, uint64_t offset, size_t size);

/* All or nothing. MK_E_NO_ROOM, MK_E_NO_MEMORY. */
mk_err_t file_write(struct ramfs_tree *tree, struct ramfs_node *node, uint64_t offset, const void *bytes, size_t size);

/* A new file gets these blocks, `nr` numbers that it takes over. MK_E_BAD_ARGUMENT, MK_E_NO_ROOM. */
mk_err_t file_restore(struct ramfs_tree *tree, struct ramfs_node *node, uint64_t size, uint32_t *blocks, size_t nr);

/* Blocks of a file of this size. */
size_t file_nr_blocks(uint64_t size);

/* Cut or extend with zeros. MK_E_NO_ROOM, MK_E_NO_MEMORY; cutting cannot fail. */
mk_err_t file_truncate(struct ramfs_tree *tree, struct ramfs_node *node, uint64_t size);

#endif
