/* SPDX-License-Identifier: BSD-2-Clause */
/* See blocks.h. */
#include "blocks.h"

#include <stdlib.h>
#include <string.h>

#define BLOCK_USED UINT32_MAX

static bool reserve_piece(struct blocks *blocks)
{
    uint32_t max = blocks->max_pieces == 0 ? 16 : 2 * blocks->max_pieces;
    unsigned char **pieces;
    uint32_t *next;

    if (blocks->nr_pieces < blocks->max_pieces)
        return true;
    pieces = realloc(blocks->pieces, max * sizeof(unsigned char *));
    if (pieces == NULL)
        return false;
    blocks->pieces = pieces;
    next = realloc(blocks->next, (size_t)max * PIECE_BLOCKS * sizeof(uint32_t));
    if (next == NULL)
        return false;
    blocks->next = next;
    blocks->max_pieces = max;
    return true;
}

static uint32_t add_piece(struct blocks *blocks, unsigned char *piece)
{
    uint32_t first = blocks->nr_pieces * PIECE_BLOCKS;

    blocks->pieces[blocks->nr_pieces++] = piece;
    memset(&blocks->next[first], 0, PIECE_BLOCKS * sizeof(uint32_t));
    return first + 1;
}

static void put_free(struct blocks *blocks, uint32_t number)
{
    blocks->next[number - 1] = blocks->free;
    blocks->free = number;
}

static bool grow(struct blocks *blocks)
{
    unsigned char *piece = reserve_piece(blocks) ? aligned_alloc(FILE_BLOCK, PIECE_SIZE) : NULL;
    uint32_t first;

    if (piece == NULL)
        return false;
    first = add_piece(blocks, piece);
    for (uint32_t i = PIECE_BLOCKS; i-- > 0;) /* the lowest comes first */
        put_free(blocks, first + i);
    return true;
}

uint32_t block_alloc(struct blocks *blocks)
{
    uint32_t number;

    if (blocks->free == 0 && !grow(blocks))
        return 0;
    number = blocks->free;
    blocks->free = blocks->next[number - 1];
    blocks->next[number - 1] = BLOCK_USED;
    memset(block_at(blocks, number), 0, FILE_BLOCK);
    return number;
}

void block_free(struct blocks *blocks, uint32_t number)
{
    put_free(blocks, number);
}

unsigned char *block_at(const struct blocks *blocks, uint32_t number)
{
    return &blocks->pieces[(number - 1) / PIECE_BLOCKS][(size_t)((number - 1) % PIECE_BLOCKS) * FILE_BLOCK];
}

void blocks_finish(struct blocks *blocks)
{
    for (uint32_t i = blocks->nr_given; i < blocks->nr_pieces; i++)
        free(blocks->pieces[i]);
    free(blocks->pieces);
    free(blocks->next);
    *blocks = (struct blocks){.pieces = NULL};
}

bool blocks_give(struct blocks *blocks, unsigned char *piece)
{
    if (!reserve_piece(blocks))
        return false;
    (void)add_piece(blocks, piece);
    blocks->nr_given++;
    return true;
}

bool block_claim(struct blocks *blocks, uint32_t number)
{
    if (number == 0 || number > blocks->nr_pieces * PIECE_BLOCKS || blocks->next[number - 1] == BLOCK_USED)
        return false;
    blocks->next[number - 1] = BLOCK_USED;
    return true;
}

void blocks_given(struct blocks *blocks)
{
    for (uint32_t number = blocks->nr_pieces * PIECE_BLOCKS; number > 0; number--)
        if (blocks->next[number - 1] != BLOCK_USED)
            put_free(blocks, number);
}
