/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Contents: a table of blocks, allocated when first written. The limit counts
 * sizes, not blocks, so that a file that is mostly hole cannot be larger than
 * one that is not, and the answer does not depend on the allocator.
 */
#include <stdlib.h>
#include <string.h>

#include "tree.h"

size_t file_nr_blocks(uint64_t size)
{
    return (size_t)((size + FILE_BLOCK - 1) / FILE_BLOCK);
}

size_t file_read(const struct ramfs_tree *tree, const struct ramfs_node *node, uint64_t offset, void *buffer,
                 size_t size)
{
    unsigned char *to = buffer;
    size_t done = 0;

    if (offset >= node->size)
        return 0;
    if (size > node->size - offset)
        size = (size_t)(node->size - offset);
    while (done < size) {
        uint32_t block = node->blocks[(offset + done) / FILE_BLOCK];
        size_t at = (size_t)((offset + done) % FILE_BLOCK);
        size_t part = FILE_BLOCK - at < size - done ? FILE_BLOCK - at : size - done;

        if (block == 0)
            memset(&to[done], 0, part);
        else
            memcpy(&to[done], &block_at(&tree->blocks, block)[at], part);
        done += part;
    }
    return size;
}

/* Free the blocks from `first` up to `last`. */
static void free_blocks(struct ramfs_tree *tree, struct ramfs_node *node, size_t first, size_t last)
{
    for (size_t i = first; i < last; i++) {
        if (node->blocks[i] != 0)
            block_free(&tree->blocks, node->blocks[i]);
        node->blocks[i] = 0;
    }
}

static bool is_too_much(const struct ramfs_tree *tree, const struct ramfs_node *node, uint64_t size)
{
    return size > node->size && size - node->size > tree->limit - tree->used;
}

/* Room in the table for a file of `size` bytes. Grows by doubling; `nr_blocks` is the table's length. */
static mk_err_t reserve_table(struct ramfs_node *node, uint64_t size)
{
    size_t nr = file_nr_blocks(size);
    uint32_t *blocks;

    if (nr <= node->nr_blocks)
        return MK_OK;
    if (nr < 2 * node->nr_blocks)
        nr = 2 * node->nr_blocks;
    blocks = realloc(node->blocks, nr * sizeof(uint32_t));
    if (blocks == NULL)
        return MK_E_NO_MEMORY;
    memset(&blocks[node->nr_blocks], 0, (nr - node->nr_blocks) * sizeof(uint32_t));
    node->blocks = blocks;
    node->nr_blocks = nr;
    return MK_OK;
}

/* Have all blocks from `first` up to `last`. On failure those beyond the file's size are given back. */
static mk_err_t reserve_blocks(struct ramfs_tree *tree, struct ramfs_node *node, size_t first, size_t last)
{
    for (size_t i = first; i < last; i++) {
        if (node->blocks[i] != 0)
            continue;
        node->blocks[i] = block_alloc(&tree->blocks);
        if (node->blocks[i] == 0) {
            size_t kept = file_nr_blocks(node->size);

            free_blocks(tree, node, kept > first ? kept : first, i);
            return MK_E_NO_MEMORY;
        }
    }
    return MK_OK;
}

mk_err_t file_reserve(struct ramfs_tree *tree, struct ramfs_node *node, uint64_t offset, size_t size)
{
    uint64_t left = offset < node->size ? node->size - offset : 0;

    return left == 0 ? MK_OK
                     : reserve_blocks(tree, node, (size_t)(offset / FILE_BLOCK),
                                      file_nr_blocks(offset + (size < left ? size : left)));
}

mk_err_t file_write(struct ramfs_tree *tree, struct ramfs_node *node, uint64_t offset, const void *bytes, size_t size)
{
    const unsigned char *from = bytes;
    size_t done = 0;
    mk_err_t err;

    if (size == 0)
        return MK_OK;
    if (offset > UINT64_MAX - size || is_too_much(tree, node, offset + size))
        return MK_E_NO_ROOM;
    err = reserve_table(node, offset + size);
    if (err == MK_OK)
        err = reserve_blocks(tree, node, (size_t)(offset / FILE_BLOCK), file_nr_blocks(offset + size));
    if (err != MK_OK)
        return err;
    while (done < size) {
        size_t at = (size_t)((offset + done) % FILE_BLOCK);
        size_t part = FILE_BLOCK - at < size - done ? FILE_BLOCK - at : size - done;

        memcpy(&block_at(&tree->blocks, node->blocks[(offset + done) / FILE_BLOCK])[at], &from[done], part);
        done += part;
    }
    if (offset + size > node->size) {
        tree->used += offset + size - node->size;
        node->size = offset + size;
    }
    return MK_OK;
}

static void cut(struct ramfs_tree *tree, struct ramfs_node *node, uint64_t size)
{
    size_t kept = file_nr_blocks(size);
    size_t tail = (size_t)(size % FILE_BLOCK);

    free_blocks(tree, node, kept, file_nr_blocks(node->size));
    if (tail > 0 && node->blocks[kept - 1] != 0) /* growing again must show zeros */
        memset(&block_at(&tree->blocks, node->blocks[kept - 1])[tail], 0, FILE_BLOCK - tail);
    tree->used -= node->size - size;
    node->size = size;
}

mk_err_t file_truncate(struct ramfs_tree *tree, struct ramfs_node *node, uint64_t size)
{
    mk_err_t err;

    if (size <= node->size) {
        cut(tree, node, size);
        return MK_OK;
    }
    if (is_too_much(tree, node, size))
        return MK_E_NO_ROOM;
    err = reserve_table(node, size);
    if (err != MK_OK)
        return err;
    tree->used += size - node->size;
    node->size = size;
    return MK_OK;
}

mk_err_t file_restore(struct ramfs_tree *tree, struct ramfs_node *node, uint64_t size, uint32_t *blocks, size_t nr)
{
    node->blocks = blocks;
    node->nr_blocks = nr;
    if (is_too_much(tree, node, size))
        return MK_E_NO_ROOM;
    for (size_t i = 0; i < nr; i++)
        if (blocks[i] != 0 && !block_claim(&tree->blocks, blocks[i]))
            return MK_E_BAD_ARGUMENT;
    tree->used += size;
    node->size = size;
    return MK_OK;
}
