/* SPDX-License-Identifier: BSD-2-Clause */
/* Input and output of commands. Output is collected on its way to the console or a file; input comes from a file, or
 * as lines from the console. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shell.h"

#define BODY_OF(writer) ((writer)->buffer + sizeof(struct fs_io))

static mk_err_t write_console(struct shell *sh, struct writer *writer)
{
    struct mk_msg msg = {.id = CONSOLE_WRITE, .body = BODY_OF(writer), .size = writer->size, .capacity = WRITER_SIZE};
    mk_err_t err = service_call(sh, &sh->console, &msg);

    return err == MK_OK ? msg.status : err;
}

/* That the console is gone cannot be said on the console. */
static void writer_failed(struct writer *writer, mk_err_t err)
{
    writer->err = err;
    if (writer->file == MK_NAME_NULL)
        mk_log("console: %s", mk_err_text(err));
}

mk_err_t writer_flush(struct shell *sh, struct writer *writer)
{
    mk_err_t err = MK_OK;

    if (writer->size > 0 && writer->err == MK_OK) {
        if (writer->file == MK_NAME_NULL)
            err = write_console(sh, writer);
        else
            err = fs_write(writer->file, writer->offset, writer->buffer, writer->size);
        if (err == MK_OK)
            writer->offset += writer->size;
        else
            writer_failed(writer, err);
    }
    writer->size = 0;
    return writer->err;
}

static void writer_bytes(struct shell *sh, struct writer *writer, const char *bytes, size_t size)
{
    while (size > 0 && writer->err == MK_OK) {
        size_t room = WRITER_SIZE - writer->size;
        size_t part = size < room ? size : room;

        memcpy(BODY_OF(writer) + writer->size, bytes, part);
        writer->size += part;
        bytes += part;
        size -= part;
        if (writer->size == WRITER_SIZE)
            (void)writer_flush(sh, writer);
    }
}

static void writer_text(struct shell *sh, struct writer *writer, const char *format, va_list args)
{
    char small[512];
    char *large;
    va_list again;
    int size;

    va_copy(again, args);
    size = vsnprintf(small, sizeof(small), format, args);
    if (size >= 0 && (size_t)size < sizeof(small)) {
        writer_bytes(sh, writer, small, (size_t)size);
    } else if (size >= 0) {
        large = malloc((size_t)size + 1);
        if (large != NULL) {
            vsnprintf(large, (size_t)size + 1, format, again);
            writer_bytes(sh, writer, large, (size_t)size);
        } else {
            writer->err = MK_E_NO_MEMORY;
        }
        free(large);
    }
    va_end(again);
}

void out_bytes(struct shell *sh, const void *bytes, size_t size)
{
    writer_bytes(sh, sh->out, bytes, size);
}

void out_text(struct shell *sh, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    writer_text(sh, sh->out, format, args);
    va_end(args);
}

void out_name(struct shell *sh, const char *name, size_t size)
{
    bool is_shown = sh->is_terminal && sh->out == &sh->to_console;

    for (size_t i = 0; i < size; i++) {
        bool is_control = (unsigned char)name[i] < 0x20 || name[i] == 0x7f;

        out_bytes(sh, is_shown && is_control ? "?" : &name[i], 1);
    }
}

/* Straight to the console, after what the command wrote there before. */
void err_text(struct shell *sh, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    writer_text(sh, &sh->to_console, format, args);
    va_end(args);
    (void)writer_flush(sh, &sh->to_console);
}

int err_fail(struct shell *sh, const char *command, const char *object, mk_err_t err)
{
    const char *missing = sh->missing;

    sh->missing = NULL;
    if (err == MK_E_ABORTED)
        return STATUS_ABORTED; /* ^C: who pressed it knows */
    if (missing != NULL)
        err_text(sh, "%s: %s: the service %s is %s\n", command, object, missing,
                 err == MK_E_NO_ACCESS ? "not for this task" : "not there");
    else
        err_text(sh, "%s: %s: %s\n", command, object, mk_err_text(err));
    return 1;
}

int err_usage(struct shell *sh, const char *command)
{
    err_text(sh, "usage: %s\n", command_lookup(command)->usage);
    return STATUS_USAGE;
}

mk_err_t console_line(struct shell *sh, const char *prompt, char *line, size_t *sizep)
{
    struct mk_msg msg = {.id = CONSOLE_READ, .body = line, .size = strlen(prompt), .capacity = CONSOLE_LINE_MAX};
    mk_err_t err;

    (void)writer_flush(sh, &sh->to_console);
    memcpy(line, prompt, msg.size);
    err = service_call(sh, &sh->console, &msg);
    if (err == MK_OK)
        err = msg.status;
    *sizep = err == MK_OK ? msg.size : 0;
    return err;
}

static mk_err_t read_console(struct shell *sh, char *buffer, size_t *sizep)
{
    mk_err_t err = console_line(sh, "", buffer, sizep);

    if (err == MK_E_END)
        return MK_OK; /* *sizep is 0 */
    if (err == MK_OK)
        buffer[(*sizep)++] = '\n';
    return err;
}

mk_err_t in_read(struct shell *sh, char *buffer, size_t capacity, size_t *sizep)
{
    mk_err_t err;

    if (sh->from.file == MK_NAME_NULL)
        return read_console(sh, buffer, sizep);
    err = fs_read(sh->from.file, sh->from.offset, buffer, capacity, sizep);
    sh->from.offset += *sizep;
    return err;
}
