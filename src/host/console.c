/* SPDX-License-Identifier: BSD-2-Clause */
/* The console; see console.h. */
#include "host/console.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <termios.h>
#include <unistd.h>

bool host_console_open(struct host_console *console)
{
    console->in = STDIN_FILENO;
    console->out = STDOUT_FILENO;
    console->is_terminal = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
    console->is_raw = false;
    console->cooked = calloc(1, sizeof(struct termios));
    if (!console->cooked)
        return false;
    if (console->is_terminal && tcgetattr(console->in, console->cooked) != 0)
        console->is_terminal = false;
    return true;
}

void host_console_close(struct host_console *console)
{
    host_console_set_raw(console, false);
    free(console->cooked);
    console->cooked = NULL;
}

long host_console_read(struct host_console *console, char *buffer, size_t size)
{
    for (;;) {
        struct pollfd ready = {.fd = console->in, .events = POLLIN};
        if (poll(&ready, 1, 0) == 0)
            return -1;
        ssize_t n = read(console->in, buffer, size);
        if (n >= 0)
            return n;
        if (errno == EAGAIN)
            return -1;
        if (errno != EINTR)
            return -2;
    }
}

bool host_console_write(struct host_console *console, const char *buffer, size_t size)
{
    while (size > 0) {
        ssize_t n = write(console->out, buffer, size);
        if (n > 0) {
            buffer += n;
            size -= (size_t)n;
        } else if (n < 0 && errno == EAGAIN) {
            struct pollfd ready = {.fd = console->out, .events = POLLOUT};
            poll(&ready, 1, -1);
        } else if (n < 0 && errno != EINTR) {
            return false;
        }
    }
    return true;
}

void host_console_size(const struct host_console *console, uint32_t *columns, uint32_t *rows)
{
    struct winsize size;
    *columns = 80;
    *rows = 24;
    if (console->is_terminal && ioctl(console->out, TIOCGWINSZ, &size) == 0 && size.ws_col && size.ws_row) {
        *columns = size.ws_col;
        *rows = size.ws_row;
    }
}

bool host_console_set_raw(struct host_console *console, bool is_raw)
{
    if (!console->is_terminal)
        return false;
    if (is_raw == console->is_raw)
        return true;
    struct termios mode = *(struct termios *)console->cooked;
    if (is_raw) {
        mode.c_iflag &= ~(tcflag_t)(ICRNL | IXON | ISTRIP | INLCR | IGNCR | BRKINT);
        mode.c_lflag &= ~(tcflag_t)(ECHO | ICANON | IEXTEN | ISIG);
        mode.c_cc[VMIN] = 1;
        mode.c_cc[VTIME] = 0;
    }
    if (tcsetattr(console->in, TCSADRAIN, &mode) != 0)
        return false;
    console->is_raw = is_raw;
    return true;
}

void host_log(const char *line)
{
    struct iovec parts[2] = {{(void *)(uintptr_t)line, 0}, {(void *)(uintptr_t) "\n", 1}};
    while (line[parts[0].iov_len])
        parts[0].iov_len++;
    if (writev(STDERR_FILENO, parts, 2) < 0)
        return; /* nowhere left to say so */
}
