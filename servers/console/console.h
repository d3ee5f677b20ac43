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

    /* used by both threads */
    bool is_editing; /* a line is on the terminal, in raw mode */
    struct lineedit edit;

    /* the reader's own */
    char input[4096]; /* read from the device, not looked at yet */
    size_t input_at, input_size;
    char line[CONSOLE_LINE_MAX];
    size_t line_size;
    bool has_line; /* a line whose reader went away; the next one gets it */
    struct lineedit_history history;
};

/* Entry of the reader thread; arg is the console. */
void reader_main(void *arg);

/* Drop one user reference; a failure is our own mistake and is logged. */
void console_release(mk_name_t right);

/* Back to the terminal's own mode, if a line is being edited. */
void console_leave_raw(struct console *console);

#endif
