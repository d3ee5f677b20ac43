/* SPDX-License-Identifier: BSD-2-Clause */
/* The state that one version of a server leaves to the next, as a stream of messages in a port's queue. */
#ifndef RT_STATE_H
#define RT_STATE_H

#include <mk/mk.h>

struct mk_state {
    struct mk_msg *msg; /* the piece that is written or read; its buffers are the caller's */
    mk_name_t carrier;  /* the port whose queue it is */
    mk_name_t home;     /* of a writer: where receive rights that it lent come back to */
    mk_name_t grave;    /* of a writer: a port that dies, in place of those that have; MK_NAME_NULL: none yet */
    mk_err_t err;       /* the first one */
    size_t at;          /* of a reader: what it took of the piece */
    uint32_t nr_rights, nr_memories;
};

/* Begin to write: the carrier's receive right, with a send right under the same name. */
void state_write(struct mk_state *out, struct mk_msg *msg, mk_name_t carrier, mk_name_t home);
/* The end of it. Anything that went wrong. */
mk_err_t state_written(struct mk_state *out);

/* Begin to read; state_read_end says what went wrong, and MK_E_BAD_ARGUMENT when something was not read. */
void state_read(struct mk_state *in, struct mk_msg *msg, mk_name_t carrier);
mk_err_t state_read_end(struct mk_state *in);

/* A receive right that was lent is here again: as before. */
void state_take_back(mk_name_t receive);

#endif
