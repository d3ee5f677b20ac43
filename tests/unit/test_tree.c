/* SPDX-License-Identifier: BSD-2-Clause */
/* Balanced trees against an array in which everything is looked for. */
#include "mkt.h"

#include "base/list.h"
#include "base/tree.h"

#define NR_NODES 300

static struct tree tree;
static struct tree_node nodes[NR_NODES];

static bool is_before(const struct tree_node *a, const struct tree_node *b)
{
    return a->key != b->key ? a->key < b->key : a->order < b->order;
}

/* The depth of the nodes below; every field is right. */
static int32_t check_below(const struct tree_node *node, const struct tree_node *up, uint64_t *nr, uint64_t *sum)
{
    if (!node)
        return 0;
    uint64_t below = 0;
    assert_ptr_equal(node->up, up);
    assert_true(!node->child[0] || is_before(node->child[0], node));
    assert_true(!node->child[1] || is_before(node, node->child[1]));
    int32_t left = check_below(node->child[0], node, nr, &below), right = check_below(node->child[1], node, nr, &below);
    assert_in_range(left - right + 1, 0, 2);
    assert_int_equal(node->height, 1 + (left > right ? left : right));
    assert_int_equal(node->sum, below + node->weight);
    *sum += node->sum;
    ++*nr;
    return node->height;
}

static void check(void)
{
    uint64_t nr = 0, sum = 0, passed = 0;
    const struct tree_node *first = NULL;
    check_below(tree.root, NULL, &nr, &sum);
    assert_int_equal(tree.nr_nodes, nr);
    assert_int_equal(tree_sum(&tree), sum);
    for (int i = 0; i < NR_NODES; i++)
        if (tree_has(&nodes[i]) && (!first || is_before(&nodes[i], first)))
            first = &nodes[i];
    assert_ptr_equal(tree.first, first);
    for (const struct tree_node *node = tree.first; node; node = tree_next(node)) {
        assert_true(node == first || is_before(first, node));
        first = node;
        if (node->weight) {
            assert_ptr_equal(tree_at_weight(&tree, passed), node);
            assert_ptr_equal(tree_at_weight(&tree, passed + node->weight - 1), node);
        }
        passed += node->weight;
        nr--;
    }
    assert_int_equal(nr, 0);
}

/* TREE0010: after each of 20,000 random changes all is in order and in balance. */
static void TREE0010(void **state)
{
    uint64_t seed = 1, order = 0;
    (void)state;
    for (int i = 0; i < 20000; i++) {
        uint64_t random = mix64(seed++);
        struct tree_node *node = &nodes[random % NR_NODES];
        random /= NR_NODES;
        if (!tree_has(node)) {
            node->key = (int64_t)(random / 4 % 50) - 25;
            node->order = order++;
            node->weight = random / 256 % 10;
            tree_add(&tree, node);
        } else if (random % 4 == 0) {
            tree_set_weight(&tree, node, random / 256 % 10);
        } else {
            tree_remove(&tree, node);
        }
        if (i % 16 == 0 || tree.nr_nodes < 10)
            check();
    }
}

/* TREE0020: a hundred thousand nodes that come in order are not a list: 17 of them are the longest way, and some more. */
static void TREE0020(void **state)
{
    enum { NR = 100000 };
    struct tree big = {0};
    struct tree_node *all = calloc(NR, sizeof(*all));
    (void)state;
    assert_non_null(all);
    for (int i = 0; i < NR; i++) {
        all[i].key = i;
        tree_add(&big, &all[i]);
    }
    assert_in_range(big.root->height, 17, 24); /* 1.44 log2 n at most */
    while (big.first)
        tree_remove(&big, big.first);
    assert_null(big.root);
    assert_int_equal(big.nr_nodes, 0);
    free(all);
}

/* TREE0030: a * b / c where a * b does not fit, and where nothing does. */
static void TREE0030(void **state)
{
    (void)state;
    assert_int_equal(mul_div(10, 7, 3), 23);
    assert_int_equal(mul_div(UINT64_MAX, UINT64_MAX, UINT64_MAX), UINT64_MAX);
    assert_int_equal(mul_div(1ull << 60, 1000, 2000), 1ull << 59);
    assert_int_equal(mul_div(UINT64_MAX, 3, 2), UINT64_MAX);
}

/* TREE0040: a list joined to another comes behind it. */
static void TREE0040(void **state)
{
    struct list a, b, links[3];
    (void)state;
    list_init(&a);
    list_init(&b);
    list_append(&a, &b);
    assert_true(list_empty(&a) && list_empty(&b));
    list_add_tail(&links[0], &b);
    list_add_tail(&links[1], &b);
    list_append(&a, &b);
    assert_true(list_empty(&b));
    list_add_tail(&links[2], &b);
    list_append(&a, &b);
    struct list *at = &a;
    for (int i = 0; i < 3; i++) {
        assert_ptr_equal(at->next, &links[i]);
        assert_ptr_equal(links[i].prev, at);
        at = at->next;
    }
    assert_ptr_equal(at->next, &a);
    assert_ptr_equal(a.prev, at);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(TREE0010),
        cmocka_unit_test(TREE0020),
        cmocka_unit_test(TREE0030),
        cmocka_unit_test(TREE0040),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
