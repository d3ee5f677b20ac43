/* SPDX-License-Identifier: BSD-2-Clause */
/* The service: its state, its open files, its operations. */
#ifndef RAMFS_H
#define RAMFS_H

#include <mk/mk.h>

#include "tree.h"

#define OPEN_MAX 1024 /* files open at the same time [MK_E_NO_ROOM] */

struct open_file {
    struct ramfs_node *node; /* NULL: free */
    mk_name_t port;
};

/* A file that was mapped has a memory object. */
struct ramfs_map {
    struct ramfs_map *next;
    struct ramfs_node *node; /* held open */
    mk_name_t memory;        /* MK_NAME_NULL: the file is removed, and nobody can map it any more */
    mk_name_t control;       /* MK_NAME_DEAD: the object is gone, and what was in memory waits in the pager's queue */
    uint64_t cookie;         /* by which the kernel's messages name it */
    uint64_t size;           /* of the object: as large as the file can become */
};

struct pending;

struct ramfs {
    struct ramfs_tree tree;
    mk_name_t set;                   /* the service port and the ports of all open files */
    struct open_file open[OPEN_MAX]; /* number n is at n - 1 */
    mk_name_t pager;                 /* port in the set, for the kernel's messages; MK_NAME_NULL: nothing was mapped */
    struct ramfs_map *maps;
    uint64_t last_cookie;
    struct pending *pending; /* operations on mapped files, in order */
};

/* Log what failed by our own mistake. */
void ramfs_release(mk_name_t right);

/* ---- openfile.c ---- */

/* Open the file; *sendp is the right for its user. MK_E_NO_ROOM and the kernel's errors. */
mk_err_t openfile_open(struct ramfs *fs, struct ramfs_node *node, mk_name_t *sendp);

/* The file that a request was sent to. MK_E_MSG_ID: it was sent to the service. */
mk_err_t openfile_find(struct ramfs *fs, const struct mk_msg *msg, struct ramfs_node **nodep);

/* Handler of notifications: closes the file that nobody can use any more. */
mk_err_t openfile_notify(void *state, struct mk_msg *msg);

/* ---- mapped.c ---- */

/* The memory object of the file, made when it is first asked for; a right of the server's own. The kernel's errors. */
mk_err_t mapped_object(struct ramfs *fs, struct ramfs_node *node, mk_name_t *memoryp);

/*
 * It was removed or closed: if that was the last use of its name, nobody will ask for the object again. NULL is fine.
 */
void mapped_unneeded(struct ramfs_map *map);

/*
 * Answer later: the operation `msg->id` on a mapped file. FS_OPEN gives `send` to the caller. The handler's result: an
 * error (the request is the handler's still) or MK_SERVER_DEFER.
 */
mk_err_t mapped_defer(struct ramfs *fs, struct ramfs_node *node, const struct mk_msg *msg, const struct fs_io *io,
                      mk_name_t send);

/* This map, with object and control, is the file's. */
void mapped_add(struct ramfs *fs, struct ramfs_map *map, struct ramfs_node *node);

/* Wait until no operation waits. */
mk_err_t mapped_finish(struct ramfs *fs);

/* Handlers of the kernel's messages. */
mk_err_t mapped_request(void *state, struct mk_msg *msg);
mk_err_t mapped_return(void *state, struct mk_msg *msg);
mk_err_t mapped_locked(void *state, struct mk_msg *msg);
mk_err_t mapped_terminate(void *state, struct mk_msg *msg);

/* ---- service.c ---- */

#define NR_SERVICE_OPS 15
extern const struct mk_server_op service_ops[NR_SERVICE_OPS];

/* Handler of everything else. */
mk_err_t service_other(void *state, struct mk_msg *msg);

/* ---- update.c: as a server's descriptor says ---- */

mk_err_t update_save(void *state, struct mk_state *out);
mk_err_t update_restore(void **statep, struct mk_state *in);
void update_resume(void *state);

#endif
