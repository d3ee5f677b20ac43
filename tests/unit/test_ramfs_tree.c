/* SPDX-License-Identifier: BSD-2-Clause */
/* The file tree of ramfs, without messages: paths, folders, contents, limits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "servers/ramfs/tree.h"

#define LIMIT 1000000

static struct ramfs_tree tree;

static int begin(void **state)
{
    (void)state;
    return tree_init(&tree, LIMIT) == MK_OK ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    tree_finish(&tree);
    return tree.used == 0 && tree.nr_nodes == 0 ? 0 : -1;
}

static mk_err_t check(const char *path)
{
    return tree_check_path(path, strlen(path));
}

static mk_err_t create(const char *path, bool is_folder, struct ramfs_node **nodep)
{
    return tree_create(&tree, path, strlen(path), is_folder, nodep);
}

static mk_err_t lookup(const char *path, struct ramfs_node **nodep)
{
    return tree_lookup(&tree, path, strlen(path), nodep);
}

/* TREE0010: good paths. */
static void tree0010(void **state)
{
    (void)state;
    assert_int_equal(check("/"), MK_OK);
    assert_int_equal(check("/a"), MK_OK);
    assert_int_equal(check("/a/b c/..."), MK_OK);
}

/* TREE0020: relative, empty, "." and ".." parts, slashes at the end and NUL are refused. */
static void tree0020(void **state)
{
    static const char *const paths[] = {"", "a", "//", "/a/", "/a//b", "/.", "/..", "/a/../b", "/a/."};

    (void)state;
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
        assert_int_equal(check(paths[i]), MK_E_BAD_ARGUMENT);
    assert_int_equal(tree_check_path("/a\0b", 4), MK_E_BAD_ARGUMENT);
}

/* TREE0030: a part of 255 bytes and a path of 1023 bytes are the longest. */
static void tree0030(void **state)
{
    char path[FS_PATH_MAX + 1];

    (void)state;
    memset(path, 'x', sizeof(path));
    path[0] = '/';
    assert_int_equal(tree_check_path(path, 256), MK_OK);
    assert_int_equal(tree_check_path(path, 257), MK_E_TOO_LONG);
    for (size_t i = 0; i < sizeof(path); i += 128)
        path[i] = '/';
    assert_int_equal(tree_check_path(path, FS_PATH_MAX - 1), MK_OK);
    assert_int_equal(tree_check_path(path, FS_PATH_MAX), MK_E_TOO_LONG);
}

/* TREE0040: what was created is found; parents must be there and be folders. */
static void tree0040(void **state)
{
    struct ramfs_node *folder, *file, *found;

    (void)state;
    assert_int_equal(create("/d/f", false, &file), MK_E_NOT_FOUND);
    assert_int_equal(create("/d", true, &folder), MK_OK);
    assert_int_equal(create("/d/f", false, &file), MK_OK);
    assert_int_equal(lookup("/d/f", &found), MK_OK);
    assert_ptr_equal(found, file);
    assert_int_equal(create("/d/f", false, &found), MK_E_EXISTS);
    assert_int_equal(create("/", true, &found), MK_E_EXISTS);
    assert_int_equal(create("/d/f/x", false, &found), MK_E_NOT_FOLDER);
    assert_int_equal(lookup("/d/f/x", &found), MK_E_NOT_FOLDER);
    assert_int_equal(lookup("/d/g", &found), MK_E_NOT_FOUND);
}

/* TREE0050: folders are sorted by name, whatever the order of creation. */
static void tree0050(void **state)
{
    static const char *const names[] = {"/m", "/b", "/z", "/a", "/ab", "/Z"};
    static const char *const sorted[] = {"Z", "a", "ab", "b", "m", "z"};
    struct ramfs_node *node;

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        assert_int_equal(create(names[i], false, &node), MK_OK);
    for (size_t i = 0; i < tree.root->nr_children; i++) {
        node = tree.root->children[i];
        assert_int_equal(node->name_size, strlen(sorted[i]));
        assert_memory_equal(node->name, sorted[i], node->name_size);
    }
}

/* TREE0060: folders that hold something and the root cannot be removed. */
static void tree0060(void **state)
{
    struct ramfs_node *folder, *file;

    (void)state;
    assert_int_equal(create("/d", true, &folder), MK_OK);
    assert_int_equal(create("/d/f", false, &file), MK_OK);
    assert_int_equal(tree_remove(&tree, folder), MK_E_NOT_EMPTY);
    assert_int_equal(tree_remove(&tree, tree.root), MK_E_BAD_ARGUMENT);
    assert_int_equal(tree_remove(&tree, file), MK_OK);
    assert_int_equal(tree_remove(&tree, folder), MK_OK);
    assert_int_equal(tree.nr_nodes, 1);
}

/* TREE0070: a removed file is readable and charged until it is closed. */
static void tree0070(void **state)
{
    struct ramfs_node *file, *found;
    char bytes[8];

    (void)state;
    assert_int_equal(create("/f", false, &file), MK_OK);
    assert_int_equal(file_write(&tree, file, 0, "hello", 5), MK_OK);
    tree_open(file);
    assert_int_equal(tree_remove(&tree, file), MK_OK);
    assert_int_equal(lookup("/f", &found), MK_E_NOT_FOUND);
    assert_int_equal(file_read(&tree, file, 0, bytes, sizeof(bytes)), 5);
    assert_int_equal(tree.used, 5);
    tree_close(&tree, file);
    assert_int_equal(tree.used, 0);
    assert_int_equal(tree.nr_nodes, 1);
}

/* TREE0080: missing folders are made, a file in the way is not replaced. */
static void tree0080(void **state)
{
    struct ramfs_node *node;

    (void)state;
    assert_int_equal(tree_make_folders(&tree, "/a/b/c", 6), MK_OK);
    assert_int_equal(tree_make_folders(&tree, "/a/b/c", 6), MK_OK);
    assert_int_equal(tree_make_folders(&tree, "/", 1), MK_OK);
    assert_int_equal(create("/a/f", false, &node), MK_OK);
    assert_int_equal(tree_make_folders(&tree, "/a/f", 4), MK_E_NOT_FOLDER);
    assert_int_equal(tree_make_folders(&tree, "/a/f/g", 6), MK_E_NOT_FOLDER);
}

/* FILE0010: a write far behind the end leaves a hole of zeros. */
static void file0010(void **state)
{
    struct ramfs_node *file;
    char bytes[20];

    (void)state;
    assert_int_equal(create("/f", false, &file), MK_OK);
    assert_int_equal(file_write(&tree, file, 3 * FILE_BLOCK, "end", 3), MK_OK);
    assert_int_equal(file->size, 3 * FILE_BLOCK + 3);
    memset(bytes, 'x', sizeof(bytes));
    assert_int_equal(file_read(&tree, file, 3 * FILE_BLOCK - 5, bytes, sizeof(bytes)), 8);
    assert_memory_equal(bytes, "\0\0\0\0\0end", 8);
    assert_int_equal(file->blocks[1], 0);
    assert_int_equal(file_read(&tree, file, file->size, bytes, sizeof(bytes)), 0);
    assert_int_equal(file_read(&tree, file, UINT64_MAX, bytes, sizeof(bytes)), 0);
}

/* FILE0020: the limit holds for the sum of all sizes, for far writes and for offsets that wrap. */
static void file0020(void **state)
{
    struct ramfs_node *a, *b;

    (void)state;
    assert_int_equal(create("/a", false, &a), MK_OK);
    assert_int_equal(create("/b", false, &b), MK_OK);
    assert_int_equal(file_write(&tree, a, LIMIT, "x", 1), MK_E_NO_ROOM);
    assert_int_equal(file_write(&tree, a, UINT64_MAX, "xy", 2), MK_E_NO_ROOM);
    assert_int_equal(file_write(&tree, a, UINT64_MAX - 1, "x", 1), MK_E_NO_ROOM);
    assert_int_equal(file_truncate(&tree, a, LIMIT), MK_OK);
    assert_int_equal(file_write(&tree, b, 0, "x", 1), MK_E_NO_ROOM);
    assert_int_equal(file_truncate(&tree, b, UINT64_MAX), MK_E_NO_ROOM);
    assert_int_equal(file_write(&tree, a, LIMIT - 1, "x", 1), MK_OK);
    assert_int_equal(file_truncate(&tree, a, LIMIT - 1), MK_OK);
    assert_int_equal(file_write(&tree, b, 0, "x", 1), MK_OK);
}

/* FILE0030: what was cut off reads as zeros when the file grows again. */
static void file0030(void **state)
{
    struct ramfs_node *file;
    char bytes[8];

    (void)state;
    assert_int_equal(create("/f", false, &file), MK_OK);
    assert_int_equal(file_write(&tree, file, 0, "abcdefgh", 8), MK_OK);
    assert_int_equal(file_truncate(&tree, file, 3), MK_OK);
    assert_int_equal(file_truncate(&tree, file, 8), MK_OK);
    assert_int_equal(file_read(&tree, file, 0, bytes, 8), 8);
    assert_memory_equal(bytes, "abc\0\0\0\0\0", 8);
}

/* FILE0040: random writes, cuts and reads agree with a plain array. */
static void file0040(void **state)
{
    enum { SIZE = 5 * FILE_BLOCK };
    static unsigned char model[SIZE], bytes[SIZE];
    struct ramfs_node *file;
    uint32_t seed = 42;
    size_t size = 0;

    (void)state;
    print_message("seed %u\n", (unsigned)seed);
    assert_int_equal(create("/f", false, &file), MK_OK);
    for (int i = 0; i < 3000; i++) {
        size_t at, length;

        seed = seed * 1664525u + 1013904223u;
        at = (seed >> 8) % SIZE;
        length = (seed >> 3) % (SIZE - at + 1);
        if (seed >> 30 == 0) {
            assert_int_equal(file_truncate(&tree, file, at), MK_OK);
            if (at < size)
                memset(&model[at], 0, size - at);
            size = at;
        } else {
            memset(bytes, (int)(seed >> 24), length);
            assert_int_equal(file_write(&tree, file, at, bytes, length), MK_OK);
            memset(&model[at], (int)(seed >> 24), length);
            size = length > 0 && at + length > size ? at + length : size;
        }
        assert_int_equal(file->size, size);
        assert_int_equal(tree.used, size);
        assert_int_equal(file_read(&tree, file, 0, bytes, SIZE), size);
        assert_memory_equal(bytes, model, size);
    }
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(tree0010), TEST(tree0020), TEST(tree0030), TEST(tree0040), TEST(tree0050), TEST(tree0060),
        TEST(tree0070), TEST(tree0080), TEST(file0010), TEST(file0020), TEST(file0030), TEST(file0040),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
