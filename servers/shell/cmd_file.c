/* SPDX-License-Identifier: BSD-2-Clause */
/* Commands on files: cat, cp, ls, mkdir, rm. */
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "path.h"

/* ---- cat ---- */

static mk_err_t cat_input(struct shell *sh, char *buffer)
{
    size_t size;
    mk_err_t err;

    do {
        err = in_read(sh, buffer, FS_IO_MAX, &size);
        out_bytes(sh, buffer, size);
    } while (err == MK_OK && size > 0 && sh->out->err == MK_OK);
    return err;
}

/* Reading the file that is written to would never end. */
static bool is_output(const struct shell *sh, const char *path)
{
    return sh->out == &sh->to_file && strcmp(sh->to_file.path, path) == 0;
}

static mk_err_t cat_file(struct shell *sh, const char *path, char *buffer)
{
    uint64_t offset = 0;
    mk_name_t file;
    size_t size;
    mk_err_t err = fs_open(sh, path, 0, &file);

    if (err != MK_OK)
        return err;
    do {
        err = fs_read(file, offset, buffer, FS_IO_MAX, &size);
        out_bytes(sh, buffer, size);
        offset += size;
    } while (err == MK_OK && size > 0 && sh->out->err == MK_OK);
    right_release(file);
    return err;
}

static int cat_one(struct shell *sh, const char *name, char *buffer)
{
    char path[FS_PATH_MAX];
    mk_err_t err = MK_E_TOO_LONG;

    sh->missing = NULL;
    if (path_normalise(name, path, sizeof(path))) {
        if (is_output(sh, path)) {
            err_text(sh, "cat: %s: the input is the output\n", name);
            return 1;
        }
        err = cat_file(sh, path, buffer);
    }
    return err == MK_OK ? 0 : err_fail(sh, "cat", name, err);
}

int cmd_cat(struct shell *sh, int argc, char **argv)
{
    char *buffer = malloc(FS_IO_MAX);
    int status = 0;
    mk_err_t err;

    if (buffer == NULL)
        return err_fail(sh, "cat", "buffer", MK_E_NO_MEMORY);
    for (int i = 1; i < argc; i++) {
        int result = cat_one(sh, argv[i], buffer);

        status = result != 0 ? result : status;
    }
    if (argc == 1 && sh->from.file != MK_NAME_NULL && is_output(sh, sh->from.path)) {
        err_text(sh, "cat: the input is the output\n");
        status = 1;
    } else if (argc == 1) {
        err = cat_input(sh, buffer);
        status = err == MK_OK ? 0 : err_fail(sh, "cat", "input", err);
    }
    free(buffer);
    return status;
}

/* ---- cp ---- */

static mk_err_t copy_bytes(mk_name_t from, mk_name_t to)
{
    char *buffer = malloc(sizeof(struct fs_io) + FS_IO_MAX);
    uint64_t offset = 0;
    size_t size;
    mk_err_t err = buffer == NULL ? MK_E_NO_MEMORY : MK_OK;

    while (err == MK_OK) {
        err = fs_read(from, offset, buffer + sizeof(struct fs_io), FS_IO_MAX, &size);
        if (err != MK_OK || size == 0)
            break;
        err = fs_write(to, offset, buffer, size);
        offset += size;
    }
    free(buffer);
    return err;
}

/* The source is opened first: without one the target must stay as it is. */
static int copy_file(struct shell *sh, const char *const paths[2], char *const names[2])
{
    mk_name_t from, to;
    mk_err_t err = fs_open(sh, paths[0], 0, &from);

    if (err != MK_OK)
        return err_fail(sh, "cp", names[0], err);
    err = fs_open(sh, paths[1], FS_CREATE | FS_TRUNC, &to);
    if (err == MK_OK) {
        err = copy_bytes(from, to);
        right_release(to);
    }
    right_release(from);
    return err == MK_OK ? 0 : err_fail(sh, "cp", names[1], err);
}

int cmd_cp(struct shell *sh, int argc, char **argv)
{
    char from[FS_PATH_MAX], to[FS_PATH_MAX], into[FS_PATH_MAX];
    const char *paths[2] = {from, to};
    struct fs_stat stat;

    if (argc != 3)
        return err_usage(sh, "cp");
    if (!path_normalise(argv[1], from, sizeof(from)))
        return err_fail(sh, "cp", argv[1], MK_E_TOO_LONG);
    if (!path_normalise(argv[2], to, sizeof(to)))
        return err_fail(sh, "cp", argv[2], MK_E_TOO_LONG);
    if (fs_stat(sh, to, &stat) == MK_OK && stat.is_folder) {
        if (!path_join(to, path_base(from), into, sizeof(into)))
            return err_fail(sh, "cp", argv[2], MK_E_TOO_LONG);
        paths[1] = into;
    }
    if (strcmp(paths[0], paths[1]) == 0) {
        err_text(sh, "cp: %s: the source is the target\n", argv[1]);
        return 1;
    }
    return copy_file(sh, paths, &argv[1]);
}

/* ---- ls ---- */

struct listing {
    bool is_long;
};

static void show_entry(struct shell *sh, void *arg, const struct fs_entry *entry, const char *name)
{
    const struct listing *listing = arg;

    if (listing->is_long)
        out_text(sh, "%c %10llu  ", entry->is_folder ? 'd' : '-', (unsigned long long)entry->size);
    out_name(sh, name, entry->name_size);
    out_text(sh, "\n");
}

static mk_err_t list_path(struct shell *sh, const char *name, const char *path, struct listing *listing,
                          bool has_heading)
{
    struct fs_stat stat;
    mk_err_t err = fs_stat(sh, path, &stat);

    if (err != MK_OK)
        return err;
    if (!stat.is_folder) {
        struct fs_entry entry = {.size = stat.size, .name_size = (uint16_t)strlen(name)};

        show_entry(sh, listing, &entry, name);
        return MK_OK;
    }
    if (has_heading)
        out_text(sh, "%s:\n", name);
    return fs_list(sh, path, show_entry, listing);
}

static int list_one(struct shell *sh, const char *name, struct listing *listing, bool has_heading)
{
    char path[FS_PATH_MAX];
    mk_err_t err = MK_E_TOO_LONG;

    if (path_normalise(name, path, sizeof(path)))
        err = list_path(sh, name, path, listing, has_heading);
    return err == MK_OK ? 0 : err_fail(sh, "ls", name, err);
}

int cmd_ls(struct shell *sh, int argc, char **argv)
{
    struct listing listing = {.is_long = argc > 1 && strcmp(argv[1], "-l") == 0};
    int first = listing.is_long ? 2 : 1;
    int status = 0;

    if (first < argc && argv[first][0] == '-')
        return err_usage(sh, "ls");
    if (first == argc)
        return list_one(sh, "/", &listing, false);
    for (int i = first; i < argc; i++) {
        int result = list_one(sh, argv[i], &listing, argc - first > 1);

        status = result != 0 ? result : status;
    }
    return status;
}

/* ---- rm, mkdir ---- */

static int for_each_path(struct shell *sh, uint32_t id, int argc, char **argv)
{
    int status = 0;

    if (argc < 2)
        return err_usage(sh, argv[0]);
    for (int i = 1; i < argc; i++) {
        char path[FS_PATH_MAX];
        mk_err_t err = MK_E_TOO_LONG;

        if (path_normalise(argv[i], path, sizeof(path)))
            err = fs_simple(sh, id, path);
        if (err != MK_OK)
            status = err_fail(sh, argv[0], argv[i], err);
    }
    return status;
}

int cmd_rm(struct shell *sh, int argc, char **argv)
{
    return for_each_path(sh, FS_REMOVE, argc, argv);
}

int cmd_mkdir(struct shell *sh, int argc, char **argv)
{
    return for_each_path(sh, FS_MKDIR, argc, argv);
}
