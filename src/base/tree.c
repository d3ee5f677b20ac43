/* SPDX-License-Identifier: BSD-2-Clause */
/* Balanced trees; see tree.h. */
#include "base/tree.h"

static bool is_before(const struct tree_node *a, const struct tree_node *b)
{
    return a->key != b->key ? a->key < b->key : a->order < b->order;
}

static int32_t height_of(const struct tree_node *node)
{
    return node ? node->height : 0;
}

static uint64_t sum_of(const struct tree_node *node)
{
    return node ? node->sum : 0;
}

/* What a node knows of those below it. */
static void update(struct tree_node *node)
{
    int32_t left = height_of(node->child[0]), right = height_of(node->child[1]);
    node->height = 1 + (left > right ? left : right);
    node->sum = node->weight + sum_of(node->child[0]) + sum_of(node->child[1]);
}

/* `now` stands where `old` stood below `up`. */
static void replace(struct tree *tree, struct tree_node *up, const struct tree_node *old, struct tree_node *now)
{
    if (!up)
        tree->root = now;
    else
        up->child[up->child[1] == old] = now;
    if (now)
        now->up = up;
}

/* The child on this side comes up into the node's place. Returns it. */
static struct tree_node *rotate(struct tree *tree, struct tree_node *node, int side)
{
    struct tree_node *child = node->child[side], *inner = child->child[!side];
    replace(tree, node->up, node, child);
    node->child[side] = inner;
    if (inner)
        inner->up = node;
    child->child[!side] = node;
    node->up = child;
    update(node);
    update(child);
    return child;
}

/* Returns the node that stands there now. */
static struct tree_node *balance(struct tree *tree, struct tree_node *node)
{
    int32_t lean = height_of(node->child[1]) - height_of(node->child[0]);
    if (lean >= -1 && lean <= 1) {
        update(node);
        return node;
    }
    int side = lean > 0;
    const struct tree_node *child = node->child[side];
    if (height_of(child->child[!side]) > height_of(child->child[side]))
        rotate(tree, node->child[side], !side);
    return rotate(tree, node, side);
}

/* From here up to the root: weights, heights and shape. */
static void mend(struct tree *tree, struct tree_node *node)
{
    for (; node; node = node->up, tree->nr_steps++)
        node = balance(tree, node);
}

void tree_add(struct tree *tree, struct tree_node *node)
{
    struct tree_node *up = NULL;
    int side = 0;
    for (struct tree_node *at = tree->root; at; at = at->child[side], tree->nr_steps++) {
        up = at;
        side = !is_before(node, at);
    }
    node->up = up;
    node->child[0] = node->child[1] = NULL;
    if (up)
        up->child[side] = node;
    else
        tree->root = node;
    if (!tree->first || is_before(node, tree->first))
        tree->first = node;
    tree->nr_nodes++;
    mend(tree, node);
}

struct tree_node *tree_next(const struct tree_node *node)
{
    if (node->child[1]) {
        struct tree_node *next = node->child[1];
        while (next->child[0])
            next = next->child[0];
        return next;
    }
    while (node->up && node->up->child[1] == node)
        node = node->up;
    return node->up;
}

void tree_remove(struct tree *tree, struct tree_node *node)
{
    struct tree_node *from = node->up; /* the lowest node that changed */
    if (tree->first == node)
        tree->first = tree_next(node);
    if (!node->child[0] || !node->child[1]) {
        replace(tree, node->up, node, node->child[node->child[0] ? 0 : 1]);
    } else { /* the next one, which has no left child, takes its place */
        struct tree_node *next = tree_next(node);
        from = next->up == node ? next : next->up;
        replace(tree, next->up, next, next->child[1]);
        for (int side = 0; side < 2; side++) {
            next->child[side] = node->child[side];
            if (next->child[side])
                next->child[side]->up = next;
        }
        replace(tree, node->up, node, next);
        tree->nr_steps += (uint64_t)node->height;
    }
    node->up = node->child[0] = node->child[1] = NULL;
    node->height = 0;
    tree->nr_nodes--;
    mend(tree, from);
}

void tree_set_weight(struct tree *tree, struct tree_node *node, uint64_t weight)
{
    node->weight = weight;
    for (; node; node = node->up, tree->nr_steps++)
        update(node);
}

struct tree_node *tree_at_weight(struct tree *tree, uint64_t place)
{
    struct tree_node *node = tree->root;
    for (;; tree->nr_steps++) {
        uint64_t left = sum_of(node->child[0]);
        if (place < left) {
            node = node->child[0];
        } else if (place - left < node->weight) {
            return node;
        } else {
            place -= left + node->weight;
            node = node->child[1];
        }
    }
}
