/* SPDX-License-Identifier: BSD-2-Clause */
/* Names: paths, folders, and the life of nodes. Folders are sorted arrays, so look-up is a binary search. */
#include "tree.h"

#include <stdlib.h>
#include <string.h>

/* The next part of a checked path; false at its end. *atp starts at 0. */
static bool next_part(const char *path, size_t size, size_t *atp, const char **partp, size_t *part_sizep)
{
    size_t from = *atp + 1;
    size_t to = from;

    if (from >= size)
        return false;
    while (to < size && path[to] != '/')
        to++;
    *partp = &path[from];
    *part_sizep = to - from;
    *atp = to;
    return true;
}

static mk_err_t check_part(const char *part, size_t size)
{
    if (size == 0 || (size == 1 && part[0] == '.') || (size == 2 && part[0] == '.' && part[1] == '.'))
        return MK_E_BAD_ARGUMENT;
    return size > TREE_NAME_MAX ? MK_E_TOO_LONG : MK_OK;
}

mk_err_t tree_check_path(const char *path, size_t size)
{
    size_t from = 1;

    if (size == 0 || path[0] != '/' || memchr(path, '\0', size) != NULL)
        return MK_E_BAD_ARGUMENT;
    if (size >= FS_PATH_MAX)
        return MK_E_TOO_LONG;
    if (size == 1)
        return MK_OK;
    for (size_t i = 1; i <= size; i++) {
        mk_err_t err;

        if (i < size && path[i] != '/')
            continue;
        err = check_part(&path[from], i - from);
        if (err != MK_OK)
            return err;
        from = i + 1;
    }
    return MK_OK;
}

static int compare_names(const char *a, size_t a_size, const char *b, size_t b_size)
{
    int order = memcmp(a, b, a_size < b_size ? a_size : b_size);

    return order != 0 ? order : (a_size > b_size) - (a_size < b_size);
}

/* Where `name` is among the children, or would be. */
static bool find_child(const struct ramfs_node *folder, const char *name, size_t size, size_t *indexp)
{
    size_t low = 0, high = folder->nr_children;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct ramfs_node *child = folder->children[middle];
        int order = compare_names(child->name, child->name_size, name, size);

        if (order == 0) {
            *indexp = middle;
            return true;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *indexp = low;
    return false;
}

static struct ramfs_node *node_create(struct ramfs_tree *tree, const char *name, size_t size, bool is_folder)
{
    struct ramfs_node *node = calloc(1, sizeof(*node) + size);

    if (node == NULL)
        return NULL;
    memcpy(node->name, name, size);
    node->name_size = size;
    node->is_folder = is_folder;
    tree->nr_nodes++;
    return node;
}

static void node_destroy(struct ramfs_tree *tree, struct ramfs_node *node)
{
    (void)file_truncate(tree, node, 0);
    free(node->blocks);
    free(node->children);
    free(node);
    tree->nr_nodes--;
}

mk_err_t tree_init(struct ramfs_tree *tree, uint64_t limit)
{
    *tree = (struct ramfs_tree){.limit = limit};
    tree->root = node_create(tree, "", 0, true);
    return tree->root == NULL ? MK_E_NO_MEMORY : MK_OK;
}

/* Children first, without recursion: a tree is as deep as a path is long. */
void tree_finish(struct ramfs_tree *tree)
{
    struct ramfs_node *node = tree->root;

    while (node != NULL) {
        struct ramfs_node *parent = node->parent;

        if (node->nr_children > 0) {
            node = node->children[--node->nr_children];
            continue;
        }
        node_destroy(tree, node);
        node = parent;
    }
    tree->root = NULL;
    blocks_finish(&tree->blocks);
}

mk_err_t tree_lookup(struct ramfs_tree *tree, const char *path, size_t size, struct ramfs_node **nodep)
{
    struct ramfs_node *node = tree->root;
    const char *part;
    size_t part_size, index, at = 0;

    while (next_part(path, size, &at, &part, &part_size)) {
        if (!node->is_folder)
            return MK_E_NOT_FOLDER;
        if (!find_child(node, part, part_size, &index))
            return MK_E_NOT_FOUND;
        node = node->children[index];
    }
    *nodep = node;
    return MK_OK;
}

static mk_err_t reserve_child(struct ramfs_node *folder)
{
    size_t max = folder->max_children == 0 ? 8 : 2 * folder->max_children;
    struct ramfs_node **children;

    if (folder->nr_children < folder->max_children)
        return MK_OK;
    children = realloc(folder->children, max * sizeof(struct ramfs_node *));
    if (children == NULL)
        return MK_E_NO_MEMORY;
    folder->children = children;
    folder->max_children = max;
    return MK_OK;
}

static mk_err_t add_child(struct ramfs_tree *tree, struct ramfs_node *folder, const char *name, size_t size,
                          bool is_folder, struct ramfs_node **nodep)
{
    struct ramfs_node *node;
    size_t index;
    mk_err_t err;

    if (!folder->is_folder)
        return MK_E_NOT_FOLDER;
    if (find_child(folder, name, size, &index))
        return MK_E_EXISTS;
    if (tree->nr_nodes >= TREE_NODES_MAX)
        return MK_E_NO_ROOM;
    err = reserve_child(folder);
    if (err != MK_OK)
        return err;
    node = node_create(tree, name, size, is_folder);
    if (node == NULL)
        return MK_E_NO_MEMORY;
    memmove(&folder->children[index + 1], &folder->children[index],
            (folder->nr_children - index) * sizeof(struct ramfs_node *));
    folder->children[index] = node;
    folder->nr_children++;
    node->parent = folder;
    *nodep = node;
    return MK_OK;
}

mk_err_t tree_create(struct ramfs_tree *tree, const char *path, size_t size, bool is_folder, struct ramfs_node **nodep)
{
    size_t slash = size - 1;
    struct ramfs_node *folder;
    mk_err_t err;

    if (size == 1)
        return MK_E_EXISTS; /* the root */
    while (path[slash] != '/')
        slash--;
    err = tree_lookup(tree, path, slash, &folder);
    if (err != MK_OK)
        return err;
    return add_child(tree, folder, &path[slash + 1], size - slash - 1, is_folder, nodep);
}

mk_err_t tree_make_folders(struct ramfs_tree *tree, const char *path, size_t size)
{
    struct ramfs_node *node = tree->root;
    const char *part;
    size_t part_size, index, at = 0;

    while (next_part(path, size, &at, &part, &part_size)) {
        mk_err_t err;

        if (node->is_folder && find_child(node, part, part_size, &index)) {
            node = node->children[index];
            continue;
        }
        err = add_child(tree, node, part, part_size, true, &node);
        if (err != MK_OK)
            return err;
    }
    return node->is_folder ? MK_OK : MK_E_NOT_FOLDER;
}

mk_err_t tree_remove(struct ramfs_tree *tree, struct ramfs_node *node)
{
    struct ramfs_node *folder = node->parent;
    size_t index;

    if (folder == NULL)
        return MK_E_BAD_ARGUMENT;
    if (node->nr_children > 0)
        return MK_E_NOT_EMPTY;
    if (find_child(folder, node->name, node->name_size, &index)) {
        folder->nr_children--;
        memmove(&folder->children[index], &folder->children[index + 1],
                (folder->nr_children - index) * sizeof(struct ramfs_node *));
    }
    node->parent = NULL;
    node->is_removed = true;
    if (node->nr_open == 0)
        node_destroy(tree, node);
    return MK_OK;
}

void tree_open(struct ramfs_node *node)
{
    node->nr_open++;
}

void tree_close(struct ramfs_tree *tree, struct ramfs_node *node)
{
    node->nr_open--;
    if (node->nr_open == 0 && node->is_removed)
        node_destroy(tree, node);
}

/* ---- for a tree that another version left ---- */

void tree_begin(struct ramfs_tree *tree, uint64_t limit)
{
    *tree = (struct ramfs_tree){.limit = limit};
}

/* Behind the last child of the folder, by its name, and with room in the folder's table. */
static bool is_next_child(const struct ramfs_node *folder, const char *name, size_t size)
{
    const struct ramfs_node *last = folder->nr_children > 0 ? folder->children[folder->nr_children - 1] : NULL;

    return folder->is_folder && folder->nr_children < folder->max_children && check_part(name, size) == MK_OK &&
           memchr(name, '/', size) == NULL && memchr(name, '\0', size) == NULL &&
           (last == NULL || compare_names(last->name, last->name_size, name, size) < 0);
}

mk_err_t tree_append(struct ramfs_tree *tree, struct ramfs_node *folder, const char *name, size_t size, bool is_folder,
                     size_t max_children, struct ramfs_node **nodep)
{
    struct ramfs_node *node;

    if (folder != NULL && !is_next_child(folder, name, size))
        return MK_E_BAD_ARGUMENT;
    if (tree->nr_nodes >= TREE_NODES_MAX || max_children > TREE_NODES_MAX)
        return MK_E_NO_ROOM;
    node = node_create(tree, name, size, is_folder);
    if (node == NULL)
        return MK_E_NO_MEMORY;
    node->children = calloc(max_children + 1, sizeof(struct ramfs_node *));
    node->max_children = max_children;
    node->parent = folder;
    if (folder != NULL)
        folder->children[folder->nr_children++] = node;
    *nodep = node;
    return node->children != NULL ? MK_OK : MK_E_NO_MEMORY;
}
