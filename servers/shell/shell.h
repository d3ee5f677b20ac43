/* SPDX-License-Identifier: BSD-2-Clause */
/* What the parts of the shell share: its state, its services, its input and output, its commands. */
#ifndef SHELL_H
#define SHELL_H

#include <mk/mk.h>

#include "servers/console/console_proto.h"
#include "servers/ramfs/fs_proto.h"

#define STATUS_USAGE   2
#define STATUS_UNKNOWN 127
#define STATUS_ABORTED 130
#define STATUS_KILLED  137 /* exit code of a task that "kill" ended */
#define WRITER_SIZE    16384
#define HISTORY_MAX    200
#define LOOKUP_WAIT    (2 * MK_SEC)

/* ---- services, client.c ---- */

/* Looked up when first needed, and once more when it turns out to be dead. */
struct service {
    const char *name;
    mk_name_t send;
};

/* ---- input and output, stream.c ---- */

/* Bytes collected on their way to the console or to a file. After an error all is dropped. */
struct writer {
    mk_name_t file;  /* MK_NAME_NULL: the console */
    uint64_t offset; /* in the file */
    mk_err_t err;
    size_t size;
    char path[FS_PATH_MAX];
    char buffer[sizeof(struct fs_io) + WRITER_SIZE]; /* room for the head of a request in front */
};

struct reader {
    mk_name_t file; /* MK_NAME_NULL: lines from the console */
    uint64_t offset;
    char path[FS_PATH_MAX];
};

struct shell {
    struct service console, files, supervisor;
    const char *missing; /* service that the last call did not find */
    bool is_terminal;
    bool wants_exit;
    int status; /* of the last command */
    struct writer to_console, to_file;
    struct reader from;
    struct writer *out; /* of the command that runs: one of the two */
    char *history[HISTORY_MAX];
    size_t nr_history, first_history; /* number of history[0], from 0 */
};

/* As mk_call, to a service. `msg` as for mk_call; no rights in the request. */
mk_err_t service_call(struct shell *sh, struct service *service, struct mk_msg *msg);
/* A request whose body is a text and whose answer carries nothing but the status. */
mk_err_t service_tell(struct shell *sh, struct service *service, uint32_t id, const char *text);
void right_release(mk_name_t right);

void out_bytes(struct shell *sh, const void *bytes, size_t size);
void out_text(struct shell *sh, const char *format, ...) MK_PRINTF(2, 3);
/* A name from outside: on a terminal unprintable bytes become '?'. */
void out_name(struct shell *sh, const char *name, size_t size);
/* A line for the console whatever the command's output is, in order with it. */
void err_text(struct shell *sh, const char *format, ...) MK_PRINTF(2, 3);
/* "COMMAND: OBJECT: reason"; the status for a failed command. */
int err_fail(struct shell *sh, const char *command, const char *object, mk_err_t err);
/* "usage: ..." of the command. */
int err_usage(struct shell *sh, const char *command);
mk_err_t writer_flush(struct shell *sh, struct writer *writer);

/* The command's input: at most FS_IO_MAX bytes, `capacity` at least CONSOLE_LINE_MAX + 1. *sizep 0: the end. */
mk_err_t in_read(struct shell *sh, char *buffer, size_t capacity, size_t *sizep);
/* A line from the console. */
mk_err_t console_line(struct shell *sh, const char *prompt, char *line, size_t *sizep);

/* ---- files, fsclient.c; paths normalised ---- */

mk_err_t fs_open(struct shell *sh, const char *path, uint32_t flags, mk_name_t *filep);
/* At most FS_IO_MAX bytes, as many as fit in buffer (at least sizeof(struct fs_io)); 0: the end. */
mk_err_t fs_read(mk_name_t file, uint64_t offset, char *buffer, size_t capacity, size_t *sizep);
/* `buffer` has room for a struct fs_io, then `size` bytes to write. */
mk_err_t fs_write(mk_name_t file, uint64_t offset, char *buffer, size_t size);
mk_err_t fs_stat(struct shell *sh, const char *path, struct fs_stat *stat);
mk_err_t fs_stat_open(mk_name_t file, struct fs_stat *stat);
/* FS_REMOVE and FS_MKDIR. */
mk_err_t fs_simple(struct shell *sh, uint32_t id, const char *path);
/* Calls `each` for every entry of a folder, in order. */
typedef void (*fs_each_fn)(struct shell *sh, void *arg, const struct fs_entry *entry, const char *name);
mk_err_t fs_list(struct shell *sh, const char *path, fs_each_fn each, void *arg);

/* ---- running, run.c ---- */

/* Run all commands of a text; the last one's status is sh->status. */
void run_text(struct shell *sh, const char *text, size_t size);
/* One command in the redirections of the current one. */
int run_words(struct shell *sh, int argc, char **argv);

/* ---- commands ---- */

struct command {
    const char *name;
    const char *usage;
    const char *help; /* one line */
    int (*run)(struct shell *sh, int argc, char **argv);
};

extern const struct command commands[];
extern const size_t nr_commands;
const struct command *command_lookup(const char *name);
const char *command_details(const char *name); /* more lines for `help COMMAND`; NULL: none */
void history_note(struct shell *sh, const char *line, size_t size);

/* ---- lists of the machine, cmd_look.c ---- */

/* The task that a label or a number names, or 0 after a message. */
uint64_t find_task(struct shell *sh, const char *command, const char *text);
/* All tasks; free *tasksp. */
mk_err_t list_tasks(struct mk_task_info **tasksp, size_t *nrp);
const char *task_label(const struct mk_task_info *tasks, size_t nr, uint64_t id);
/* "0.000012340", in `text` of at least 32 bytes. */
const char *seconds(mk_time_t t, char *text);

#endif
