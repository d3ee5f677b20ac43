/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * File service, spoken by ramfs and by every later file system.
 *
 * Paths are absolute, "/" separates, "." and ".." and empty parts are refused
 * with MK_E_BAD_ARGUMENT; a part has at most 255 bytes, a path at most 1023.
 * In a body a path is its bytes without NUL, after the fixed part if there is one.
 *
 * FS_OPEN answers with a send right to the open file (badged): FS_READ,
 * FS_WRITE, FS_STAT_OPEN, FS_TRUNCATE, FS_MAP, FS_SYNC go to that right. The
 * file is closed when the last copy of the right goes. A removed file stays
 * readable while open.
 *
 * FS_MAP answers with a send right to the file's memory object, the same for all,
 * which is mapped from offset 0 on with mk_vm_map and stays good when the file is
 * closed. FS_READ, FS_WRITE and FS_TRUNCATE see what was written by way of memory
 * before, and pages that are touched later show what they wrote. Bytes beyond the
 * file's end in its last page are zero at first, and what is written there is
 * forgotten; pages beyond the last cannot be had (MK_E_IO, or an exception), until
 * the file grows. Wired pages do not change when the file is written or cut.
 */
#ifndef FS_PROTO_H
#define FS_PROTO_H

#include <stdint.h>

#define FS_PATH_MAX 1024
#define FS_IO_MAX   65536 /* bytes moved by one read or write */

enum {
    FS_OPEN = 400, /* struct fs_open, path. Reply: rights[0]: the open file */
    FS_STAT = 401, /* path. Reply: struct fs_stat */
    FS_LIST =
        402, /* struct fs_list, path. Reply: struct fs_entry each (name follows), from entry `first`, sorted by name,
                           at most FS_IO_MAX bytes; none: the end */
    FS_REMOVE = 403,    /* path of a file or an empty folder */
    FS_MKDIR = 404,     /* path */
    FS_READ = 410,      /* struct fs_io. Reply: bytes; none: at or after the end */
    FS_WRITE = 411,     /* struct fs_io, bytes. Reply: struct fs_io with size written */
    FS_STAT_OPEN = 412, /* reply: struct fs_stat */
    FS_TRUNCATE = 413,  /* struct fs_io: offset is the new size */
    FS_MAP = 414,       /* reply: struct fs_map; rights[0]: the memory object */
    FS_SYNC = 415,      /* answered when all that was written by way of memory is in the file */
};

enum { FS_CREATE = 1, FS_EXCLUSIVE = 2, FS_TRUNC = 4 }; /* fs_open.flags */

struct fs_open {
    uint32_t flags;
};
struct fs_list {
    uint32_t first;
};
struct fs_io {
    uint64_t offset;
    uint32_t size;
    uint32_t pad;
};
struct fs_map {
    uint64_t size; /* of the file now; the object is larger */
};
struct fs_stat {
    uint64_t size;
    uint32_t is_folder;
    uint32_t nr_entries;
};
struct fs_entry {
    uint64_t size;
    uint32_t is_folder;
    uint16_t name_size;
    uint16_t record_size;
};
/* size: of a folder the number of its entries. Name bytes follow; next record at record_size (multiple of 8) */

#endif
