/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Balanced trees (AVL; Adelson-Velsky and Landis 1962) of nodes in the caller's memory, sorted by `key`, and equal keys
 * by `order`. Each node knows the weight of all below it, so that a place can be found by weight, too. A node that is
 * all zero is in no tree; so is an empty tree.
 */
#ifndef BASE_TREE_H
#define BASE_TREE_H

#include "base/base.h"

struct tree_node {
    struct tree_node *up, *child[2];
    int64_t key;
    uint64_t order;
    uint64_t weight, sum; /* its own; with all below it */
    int32_t height;       /* 0: in no tree */
};

struct tree {
    struct tree_node *root, *first;
    uint64_t nr_nodes;
    uint64_t nr_steps; /* nodes that were passed on the way up or down, ever: what all of it cost */
};

#define tree_entry(node, type, member) ((type *)(void *)((char *)(node)-offsetof(type, member)))

static inline bool tree_has(const struct tree_node *node)
{
    return node->height != 0;
}

/* The weight of all nodes. */
static inline uint64_t tree_sum(const struct tree *tree)
{
    return tree->root ? tree->root->sum : 0;
}

/* In O(log n), like all others. The node is in no tree; its key, order and weight are set. */
void tree_add(struct tree *tree, struct tree_node *node);

/* The node is in this tree. */
void tree_remove(struct tree *tree, struct tree_node *node);

/* Change the weight of a node in this tree. */
void tree_set_weight(struct tree *tree, struct tree_node *node, uint64_t weight);

/* The node in whose weight `place` lies when all are laid side by side in their order; `place` < tree_sum. */
struct tree_node *tree_at_weight(struct tree *tree, uint64_t place);

/* The node behind this one, or NULL. */
struct tree_node *tree_next(const struct tree_node *node);

#endif
