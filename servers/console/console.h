/* SPDX-License-Identifier: BSD-2-Clause */
/* What the console's two threads share. Only kernel calls switch between them, so plain fields are enough. */
#ifndef CONSOLE_H
#define CONSOLE_H

#include <mk/mk.h>

#include "console_proto.h"
#include "lineedit.h"

_Static_assert(LINEEDIT_MAX == CONSOLE_LINE_MAX, "the editor's line is the protocol's line");

struct console {
    mk_name_t device;
    mk_name_t requests; /* private port: the service thread sends read requests, the reader thread takes them */

    mk_name_t reader; /* the thread */

    /* used by both threads */
    bool is_stopping; /* the reader is to end */
    bool has_stopped; /* it ended for that reason, with a request in hand */
    bool is_editing;  /* a line is on the terminal, in raw mode */
    struct lineedit edit;

    /* the reader's own */
    char input[4096]; /* read from the device, not looked at yet */
    size_t input_at, input_size;
    char line[CONSOLE_LINE_MAX];
    size_t line_size;
    bool has_part; /* of a line from a file or pipe; the rest has not come yet */
    bool has_line; /* a line whose reader went away; the next one gets it */
    struct lineedit_history history;

    /* the request that it has in hand; `waiting` is the right to answer, or MK_NAME_NULL */
    mk_name_t waiting;
    char waiting_prompt[LINEEDIT_PROMPT_MAX];
    size_t waiting_prompt_size;
};

extern struct console console;

/* Entry of the reader thread; arg is the console. */
void reader_main(void *arg);

/* Have the thread, and its port. The kernel's errors, with a line in the log. */
mk_err_t console_start_reader(struct console *console);

/* update.c: as a server's descriptor says. */
mk_err_t console_save(void *state, struct mk_state *out);
mk_err_t console_restore(void **statep, struct mk_state *in);
void console_resume(void *state);

/* Drop one user reference; a failure is our own mistake and is logged. */
void console_release(mk_name_t right);

/* Back to the terminal's own mode, if a line is being edited. */
void console_leave_raw(struct console *console);

#endif
