/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * wc, with the figures and the layout of GNU wc in the C locale: what follows
 * is its rule, not a choice. A word is a run of bytes between white space that
 * has at least one printable ASCII character. Columns are as wide as the sum of
 * all sizes needs, at least 7 when the size of an input cannot be known before,
 * and 1 when there is one input and one figure.
 */
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "path.h"

struct counts {
    uint64_t lines, words, bytes;
    bool in_word;
};

struct wc {
    bool has_lines, has_words, has_bytes;
    int width, status; /* status: of what went wrong before the counting */
    struct counts total;
    char *buffer;
};

static void count(struct counts *counts, const char *bytes, size_t size)
{
    counts->bytes += size;
    for (size_t i = 0; i < size; i++) {
        char c = bytes[i];

        counts->lines += c == '\n';
        if (c == ' ' || (c >= '\t' && c <= '\r')) {
            counts->words += counts->in_word;
            counts->in_word = false;
        } else if (c > ' ' && c <= '~') {
            counts->in_word = true;
        }
    }
}

static void show_figure(struct shell *sh, const struct wc *wc, uint64_t figure, const char **gapp)
{
    out_text(sh, "%s%*llu", *gapp, wc->width, (unsigned long long)figure);
    *gapp = " ";
}

static void show_counts(struct shell *sh, const struct wc *wc, const struct counts *counts, const char *name)
{
    const char *gap = "";

    if (wc->has_lines)
        show_figure(sh, wc, counts->lines, &gap);
    if (wc->has_words)
        show_figure(sh, wc, counts->words, &gap);
    if (wc->has_bytes)
        show_figure(sh, wc, counts->bytes, &gap);
    if (name != NULL) {
        out_text(sh, " ");
        out_name(sh, name, strlen(name));
    }
    out_text(sh, "\n");
}

/* From an open file, or the command's input when `file` is NULL. */
static mk_err_t count_all(struct shell *sh, struct wc *wc, const mk_name_t *file, struct counts *counts)
{
    size_t size;
    mk_err_t err;

    do {
        if (file != NULL)
            err = fs_read(*file, counts->bytes, wc->buffer, FS_IO_MAX, &size);
        else
            err = in_read(sh, wc->buffer, FS_IO_MAX, &size);
        count(counts, wc->buffer, size);
    } while (err == MK_OK && size > 0);
    counts->words += counts->in_word;
    return err;
}

static void add_total(struct wc *wc, const struct counts *counts)
{
    wc->total.lines += counts->lines;
    wc->total.words += counts->words;
    wc->total.bytes += counts->bytes;
}

/* A folder gets a line of zeros after the complaint; a file that is not there gets none. */
static int count_file(struct shell *sh, struct wc *wc, const char *name)
{
    struct counts counts = {0};
    char path[FS_PATH_MAX];
    mk_name_t file;
    mk_err_t err = MK_E_TOO_LONG;

    if (path_normalise(name, path, sizeof(path)))
        err = fs_open(sh, path, 0, &file);
    if (err == MK_OK) {
        err = count_all(sh, wc, &file, &counts);
        right_release(file);
    } else if (err != MK_E_IS_FOLDER) {
        return err_fail(sh, "wc", name, err);
    }
    if (err != MK_OK)
        (void)err_fail(sh, "wc", name, err);
    show_counts(sh, wc, &counts, name);
    add_total(wc, &counts);
    return err == MK_OK ? 0 : 1;
}

static int count_input(struct shell *sh, struct wc *wc)
{
    struct counts counts = {0};
    mk_err_t err = count_all(sh, wc, NULL, &counts);

    if (err != MK_OK)
        return err_fail(sh, "wc", "input", err);
    show_counts(sh, wc, &counts, NULL);
    return 0;
}

static int digits(uint64_t number)
{
    int nr = 1;

    for (; number >= 10; number /= 10)
        nr++;
    return nr;
}

/* What is wrong with a name is told when the file is opened; what is wrong with the server, here, too. */
static int width_of_files(struct shell *sh, struct wc *wc, int nr, char **names)
{
    uint64_t sum = 0;
    int least = 1;

    for (int i = 0; i < nr; i++) {
        struct fs_stat stat;
        char path[FS_PATH_MAX];
        mk_err_t err = path_normalise(names[i], path, sizeof(path)) ? fs_stat(sh, path, &stat) : MK_E_TOO_LONG;

        if (err == MK_OK && stat.is_folder)
            least = 7;
        else if (err == MK_OK)
            sum += stat.size;
        else if (err != MK_E_NOT_FOUND && err != MK_E_NOT_FOLDER && err != MK_E_TOO_LONG)
            wc->status = err_fail(sh, "wc", names[i], err);
    }
    return digits(sum) > least ? digits(sum) : least;
}

static int width_of_input(struct shell *sh)
{
    struct fs_stat stat;

    if (sh->from.file == MK_NAME_NULL || fs_stat_open(sh->from.file, &stat) != MK_OK)
        return 7;
    return digits(stat.size);
}

static void choose_width(struct shell *sh, struct wc *wc, int nr, char **names)
{
    if (nr <= 1 && wc->has_lines + wc->has_words + wc->has_bytes == 1)
        wc->width = 1;
    else
        wc->width = nr == 0 ? width_of_input(sh) : width_of_files(sh, wc, nr, names);
}

static bool parse_option(struct wc *wc, const char *option)
{
    for (const char *p = option + 1; *p != '\0'; p++) {
        wc->has_lines |= *p == 'l';
        wc->has_words |= *p == 'w';
        wc->has_bytes |= *p == 'c';
        if (strchr("lwc", *p) == NULL)
            return false;
    }
    return option[1] != '\0';
}

static int count_files(struct shell *sh, struct wc *wc, int nr, char **names)
{
    int status = 0;

    for (int i = 0; i < nr; i++) {
        int result = count_file(sh, wc, names[i]);

        status = result != 0 ? result : status;
    }
    if (nr > 1)
        show_counts(sh, wc, &wc->total, "total");
    return status;
}

int cmd_wc(struct shell *sh, int argc, char **argv)
{
    struct wc wc = {0};
    int first = 1;
    int status;

    for (; first < argc && argv[first][0] == '-'; first++)
        if (!parse_option(&wc, argv[first]))
            return err_usage(sh, "wc");
    if (!wc.has_lines && !wc.has_words && !wc.has_bytes)
        wc.has_lines = wc.has_words = wc.has_bytes = true;
    wc.buffer = malloc(FS_IO_MAX);
    if (wc.buffer == NULL)
        return err_fail(sh, "wc", "buffer", MK_E_NO_MEMORY);
    choose_width(sh, &wc, argc - first, &argv[first]);
    status = first == argc ? count_input(sh, &wc) : count_files(sh, &wc, argc - first, &argv[first]);
    free(wc.buffer);
    return status != 0 ? status : wc.status;
}
