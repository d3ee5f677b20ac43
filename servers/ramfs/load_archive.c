/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Archives, read by libarchive. It allocates from the process's heap, which
 * outlives the task, so every path through here frees its objects. Whatever an
 * archive says is hostile: names, sizes, and whether it is whole.
 */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <locale.h>
#include <string.h>

#include "load.h"

/* Bytes that headers and padding may take besides the files, before a compressed stream counts as a bomb. */
#define OVERHEAD_MAX ((uint64_t)TREE_NODES_MAX * 4096)

/*
 * All formats but three: mtree takes ordinary text for a list of files and
 * reads those from the host, raw takes anything, empty takes an empty file.
 * All filters but those that start other programs. Zip by its directory, which
 * stands at the end: one that was cut is then not taken for whole.
 */
static void support(struct archive *a)
{
    (void)archive_read_support_format_tar(a);
    (void)archive_read_support_format_cpio(a);
    (void)archive_read_support_format_zip_seekable(a);
    (void)archive_read_support_format_7zip(a);
    (void)archive_read_support_format_ar(a);
    (void)archive_read_support_format_cab(a);
    (void)archive_read_support_format_iso9660(a);
    (void)archive_read_support_format_lha(a);
    (void)archive_read_support_format_rar(a);
    (void)archive_read_support_format_rar5(a);
    (void)archive_read_support_format_warc(a);
    (void)archive_read_support_format_xar(a);
}

static void support_filters(struct archive *a)
{
    (void)archive_read_support_filter_bzip2(a);
    (void)archive_read_support_filter_compress(a);
    (void)archive_read_support_filter_gzip(a);
    (void)archive_read_support_filter_lz4(a);
    (void)archive_read_support_filter_lzip(a);
    (void)archive_read_support_filter_lzma(a);
    (void)archive_read_support_filter_xz(a);
    (void)archive_read_support_filter_zstd(a);
}

/* A file that is called an archive but is none was damaged, not meant to be copied. */
static bool is_named_archive(const char *path)
{
    static const char *const endings[] = {".tar",    ".tgz",      ".tbz2",   ".txz",     ".tzst",
                                          ".tar.gz", ".tar.bz2",  ".tar.xz", ".tar.zst", ".tar.lz4",
                                          ".tar.lz", ".tar.lzma", ".tar.Z",  ".cpio",    ".zip"};
    size_t length = strlen(path);

    for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
        size_t size = strlen(endings[i]);

        if (length > size && strcmp(path + length - size, endings[i]) == 0)
            return true;
    }
    return false;
}

static bool fail_archive(const struct load *load, const char *name, struct archive *a)
{
    const char *why = archive_error_string(a);

    if (why == NULL)
        why = "damaged or truncated";
    return name == NULL ? load_fail(load, "%s", why) : load_fail(load, "%s: %s", name, why);
}

/* A name in the archive's own bytes, or in UTF-8 where the C locale cannot spell it. */
static const char *entry_name(struct archive_entry *entry)
{
    const char *name = archive_entry_pathname(entry);

    return name != NULL ? name : archive_entry_pathname_utf8(entry);
}

static const char *entry_link(struct archive_entry *entry)
{
    const char *name = archive_entry_hardlink(entry);

    return name != NULL ? name : archive_entry_hardlink_utf8(entry);
}

/*
 * Holes come as jumps of the offset; *endp becomes how far the archive really
 * went. A hole at the end shows in the offset of the end alone, which not all
 * formats get right, so it counts only for files with holes.
 */
static bool unpack_data(const struct load *load, struct archive *a, const char *name, bool has_holes,
                        struct ramfs_node *node, uint64_t *endp)
{
    for (;;) {
        const void *bytes = NULL;
        size_t size = 0;
        la_int64_t offset = 0;
        int result = archive_read_data_block(a, &bytes, &size, &offset);

        if (result != ARCHIVE_OK && result != ARCHIVE_EOF && result != ARCHIVE_WARN)
            return fail_archive(load, name, a);
        if (offset < 0)
            return load_fail(load, "%s: data before the start of the file", name);
        if (result == ARCHIVE_EOF) {
            if (has_holes && (uint64_t)offset > *endp)
                *endp = (uint64_t)offset;
            return true;
        }
        if (!load_write(load, name, node, (uint64_t)offset, bytes, size))
            return false;
        if ((uint64_t)offset + size > *endp)
            *endp = (uint64_t)offset + size;
    }
}

static bool unpack_file(const struct load *load, struct archive *a, struct archive_entry *entry, const char *name,
                        struct ramfs_node *node)
{
    uint64_t claimed = archive_entry_size_is_set(entry) ? (uint64_t)archive_entry_size(entry) : 0;
    uint64_t end = 0;
    mk_err_t err;

    if (!load_check_size(load, name, claimed))
        return false;
    if (!unpack_data(load, a, name, archive_entry_sparse_count(entry) > 0, node, &end))
        return false;
    if (archive_entry_size_is_set(entry) && end != claimed)
        return load_fail(load, "%s: claims %llu bytes, but the archive holds %llu", name, (unsigned long long)claimed,
                         (unsigned long long)end);
    if (end <= node->size)
        return true;
    err = file_truncate(load->tree, node, end);
    return err == MK_OK ? true : load_fail(load, "%s: %s", name, mk_err_text(err));
}

static bool copy_node(const struct load *load, const char *name, const struct ramfs_node *from, struct ramfs_node *to)
{
    char bytes[FILE_BLOCK];

    for (uint64_t at = 0; at < from->size; at += sizeof(bytes)) {
        size_t size = file_read(load->tree, from, at, bytes, sizeof(bytes));

        if (!load_write(load, name, to, at, bytes, size))
            return false;
    }
    return true;
}

/*
 * The tree has no hard links: a link becomes a copy. Some formats store the
 * contents with the last name of a file, then the earlier one gets them first.
 */
static bool unpack_link(const struct load *load, struct archive *a, struct archive_entry *entry, const char *name,
                        const char *path)
{
    const char *link = entry_link(entry);
    struct ramfs_node *from, *to;
    char target[FS_PATH_MAX];

    if (!load_join(load, load->base, link, target))
        return false;
    if (tree_lookup(load->tree, target, strlen(target), &from) != MK_OK || from->is_folder)
        return load_fail(load, "%s: a link to %s, which is not a file in the archive", name, link);
    if (archive_entry_size_is_set(entry) && archive_entry_size(entry) > 0) {
        (void)file_truncate(load->tree, from, 0);
        if (!unpack_file(load, a, entry, name, from))
            return false;
    }
    if (strcmp(path, target) == 0)
        return true;
    return load_make_file(load, path, &to) && load_check_size(load, name, from->size) &&
           copy_node(load, name, from, to);
}

static bool unpack_entry(const struct load *load, struct archive *a, struct archive_entry *entry)
{
    const char *name = entry_name(entry);
    mode_t type = archive_entry_filetype(entry);
    struct ramfs_node *node;
    char path[FS_PATH_MAX];

    if (name == NULL)
        return load_fail(load, "an entry without a readable name");
    if (!load_join(load, load->base, name, path))
        return false;
    if (entry_link(entry) != NULL)
        return unpack_link(load, a, entry, name, path);
    if (type == AE_IFDIR)
        return load_make_folder(load, path);
    if (type == AE_IFREG && path[1] == '\0')
        return load_fail(load, "%s: a file without a name", name);
    if (type == AE_IFREG)
        return load_make_file(load, path, &node) && unpack_file(load, a, entry, name, node);
    load_skip(load, "%s: skipped, %s", name, type == AE_IFLNK ? "a symbolic link" : "neither a file nor a folder");
    return true;
}

/* A tar file ends with a block of zeros. libarchive is content with the end of the file, but that may be a cut. */
static bool is_tar_cut(struct archive *a)
{
    bool is_tar = (archive_format(a) & ARCHIVE_FORMAT_BASE_MASK) == ARCHIVE_FORMAT_TAR;

    return is_tar && archive_filter_bytes(a, 0) == archive_read_header_position(a);
}

static enum load_result unpack_all(const struct load *load, struct archive *a)
{
    for (;;) {
        struct archive_entry *entry;
        int result = archive_read_next_header(a, &entry);

        if (result == ARCHIVE_EOF)
            break;
        if (result != ARCHIVE_OK && result != ARCHIVE_WARN) {
            (void)fail_archive(load, NULL, a);
            return LOAD_FAILED;
        }
        if (!unpack_entry(load, a, entry))
            return LOAD_FAILED;
    }
    if (!is_tar_cut(a))
        return LOAD_OK;
    (void)load_fail(load, "truncated: the end of the archive is missing");
    return LOAD_FAILED;
}

/* EILSEQ is what libarchive calls "no format that I know" on Linux. */
static enum load_result open_failed(const struct load *load, struct archive *a)
{
    bool is_unknown = archive_format(a) == 0 && archive_errno(a) == EILSEQ;

    if (is_unknown && !is_named_archive(load->host_path))
        return LOAD_NOT_AN_ARCHIVE;
    (void)fail_archive(load, NULL, a);
    return LOAD_FAILED;
}

/* On success *ap is the caller's to free. */
static enum load_result open_archive(const struct load *load, void (*support_formats)(struct archive *),
                                     struct archive **ap)
{
    struct archive *a = archive_read_new();
    enum load_result result;

    if (a == NULL) {
        (void)load_fail(load, "out of memory");
        return LOAD_FAILED;
    }
    support_formats(a);
    support_filters(a);
    if (archive_read_open_filename(a, load->host_path, 65536) == ARCHIVE_OK) {
        *ap = a;
        return LOAD_OK;
    }
    result = open_failed(load, a);
    archive_read_free(a);
    return result;
}

static void support_raw(struct archive *a)
{
    (void)archive_read_support_format_raw(a);
}

static bool read_to_end(const struct load *load, struct archive *a)
{
    struct archive_entry *entry;
    uint64_t most = load->tree->limit + OVERHEAD_MAX;
    int result = archive_read_next_header(a, &entry);

    while (result == ARCHIVE_OK || result == ARCHIVE_WARN) {
        const void *bytes;
        size_t size;
        la_int64_t offset;

        result = archive_read_data_block(a, &bytes, &size, &offset);
        if ((uint64_t)archive_filter_bytes(a, 0) > most)
            return load_fail(load, "unpacks to more than %llu bytes", (unsigned long long)most);
    }
    return result == ARCHIVE_EOF ? true : fail_archive(load, NULL, a);
}

/* The tar reader stops at the end mark. Whether a compressed stream is whole and its sum right shows after it. */
static enum load_result verify_stream(const struct load *load)
{
    struct archive *a;
    bool is_ok;

    if (open_archive(load, support_raw, &a) != LOAD_OK)
        return LOAD_FAILED;
    is_ok = read_to_end(load, a);
    archive_read_free(a);
    return is_ok ? LOAD_OK : LOAD_FAILED;
}

static enum load_result load_and_verify(struct load *load)
{
    struct archive *a;
    enum load_result result = open_archive(load, support, &a);
    bool is_compressed;

    if (result != LOAD_OK)
        return result;
    result = unpack_all(load, a);
    is_compressed = archive_filter_count(a) > 1;
    archive_read_free(a);
    return result == LOAD_OK && is_compressed ? verify_stream(load) : result;
}

/* libarchive converts names to the locale's bytes. In UTF-8 all of them have some, wherever the machine runs. */
enum load_result load_archive(struct load *load)
{
    locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    locale_t old = utf8 != (locale_t)0 ? uselocale(utf8) : (locale_t)0;
    enum load_result result = load_and_verify(load);

    if (utf8 != (locale_t)0) {
        (void)uselocale(old);
        freelocale(utf8);
    }
    return result;
}
