/* SPDX-License-Identifier: BSD-2-Clause */
/* The console: text out, lines in. Registered as "console". */
#ifndef CONSOLE_PROTO_H
#define CONSOLE_PROTO_H

#include <stdint.h>

enum {
    CONSOLE_WRITE = 300, /* body: bytes to write */
    CONSOLE_READ = 301,  /* body: prompt (shown on a terminal only). Reply body: one line without its newline,
                            answered when there is one. MK_E_END (end of input; on a terminal ^D on an empty line),
                            MK_E_ABORTED (^C). A line longer than CONSOLE_LINE_MAX is cut */
    CONSOLE_INFO = 302,  /* reply body: struct console_info */
};

#define CONSOLE_LINE_MAX 4096

struct console_info {
    uint32_t is_terminal, columns, rows;
};

#endif
