/* SPDX-License-Identifier: BSD-2-Clause */
/* The process's standard input and output as a device. */
#ifndef HOST_CONSOLE_H
#define HOST_CONSOLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct host_console {
    int in, out;
    bool is_terminal;
    bool is_raw;
    void *cooked; /* the terminal's settings as found */
};

bool host_console_open(struct host_console *console);
void host_console_close(struct host_console *console); /* restores the terminal */

/* Bytes read, 0 at the end, -1: nothing there yet, -2: failed. Call when readable. */
long host_console_read(struct host_console *console, char *buffer, size_t size);
bool host_console_write(struct host_console *console, const char *buffer, size_t size);
void host_console_size(const struct host_console *console, uint32_t *columns, uint32_t *rows);
bool host_console_set_raw(struct host_console *console, bool is_raw);

/* A line to standard error, in one write. */
void host_log(const char *line);

#endif
