/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Blocks of files, by number, in pieces of whole pages: another version of the server gets the pieces, at other
 * addresses, and the numbers stay.
 */
#ifndef RAMFS_BLOCKS_H
#define RAMFS_BLOCKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FILE_BLOCK   4096 /* bytes of a file that are allocated together */
#define PIECE_BLOCKS 16u
#define PIECE_SIZE   ((size_t)PIECE_BLOCKS * FILE_BLOCK)

struct blocks {
    unsigned char **pieces;
    uint32_t nr_pieces, max_pieces;
    uint32_t nr_given; /* the first ones are not from the heap */
    uint32_t *next;    /* of each block: the free one after it, 0: none, or BLOCK_USED */
    uint32_t free;     /* the first free one, 0: none */
};

/* Numbers begin at 1. 0: no memory. The block is all zeros. */
uint32_t block_alloc(struct blocks *blocks);
void block_free(struct blocks *blocks, uint32_t number);
unsigned char *block_at(const struct blocks *blocks, uint32_t number);
void blocks_finish(struct blocks *blocks);

/* ---- taking over ---- */

/* Add a piece, PIECE_SIZE bytes that stay the caller's; its blocks are neither free nor used. False: no memory. */
bool blocks_give(struct blocks *blocks, unsigned char *piece);
/* Such a block is used. False: there is none of this number. */
bool block_claim(struct blocks *blocks, uint32_t number);
/* All that nobody claimed is free. */
void blocks_given(struct blocks *blocks);

#endif
