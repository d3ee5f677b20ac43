/* SPDX-License-Identifier: BSD-2-Clause */
/* The runtime's state in each task, in the task's own memory. */
#ifndef RT_RT_H
#define RT_RT_H

#include <mk/message.h>
#include <mk/types.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RT_NR_CLASSES 44

struct heap_free {
    struct heap_free *next;
};

/* Pages of a class that were not made blocks of yet. */
struct heap_rest {
    char *next, *end;
    size_t span; /* that was allocated last, bytes */
};

struct mk_server;
struct mk_server_room;

struct rt {
    struct mk_server_room *room; /* static memory of the server's; NULL: the heap */
    struct heap_free *free[RT_NR_CLASSES];
    struct heap_rest rest[RT_NR_CLASSES];
    bool loop_stop;
    mk_name_t service; /* receive right that a live update brought; MK_NAME_NULL: the one that the task began with */
    mk_name_t confirm; /* send-once right of who waits for the end of the probation */
    unsigned nr_probation; /* messages to that */
    size_t line_used;
    char line[512]; /* output up to its newline */
};

/* The calling task's, made at the first call. NULL outside a machine, or when there is no memory. */
struct rt *rt_state(void);

/* Put out an unfinished line. */
void rt_flush(void);

/* server.c. A message with room for whatever can come, in `rooms` and on the heap. Its body is NULL without memory. */
struct rt_rooms {
    struct mk_msg_right rights[MK_RIGHTS_MAX];
    struct mk_msg_memory memories[MK_MEMORIES_MAX];
};
struct mk_msg rt_message(struct rt_rooms *rooms);
void rt_message_free(const struct mk_msg *msg);

/* ---- update.c: see <mk/server.h> ---- */

bool update_is_save(const struct mk_msg *msg);

/*
 * Save, and wait; MK_OK: this version goes on, from *receivep. The message is answered, or is to be with its status.
 * MK_E_DEAD: its service port is gone.
 */
mk_err_t update_save(const struct mk_server *server, void *state, struct mk_msg *msg, mk_name_t *receivep);

/* Another message was served. */
void update_count(struct rt *rt);

#endif
