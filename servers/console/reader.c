/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The reader thread: takes one request, gets one line from the device, answers,
 * and takes the next. Without a request it does not touch the device, so that
 * input stays with the host until somebody wants it.
 */
#include <string.h>

#include "console.h"

/* Have at least one byte of input. */
static mk_err_t fill_input(struct console *c)
{
    size_t size = sizeof(c->input);
    mk_err_t err;

    if (c->input_at < c->input_size)
        return MK_OK;
    err = c->is_stopping ? MK_E_ABORTED : mk_device_read(c->device, c->input, &size, MK_TIME_FOREVER);
    c->has_stopped = c->is_stopping && err == MK_E_ABORTED;
    if (err != MK_OK)
        return err;
    c->input_at = 0;
    c->input_size = size;
    return MK_OK;
}

/* Move input up to a newline into the line, as much as fits. True when the newline was there. */
static bool take_input(struct console *c)
{
    const char *from = &c->input[c->input_at];
    size_t size = c->input_size - c->input_at;
    const char *newline = memchr(from, '\n', size);
    size_t room = sizeof(c->line) - c->line_size;
    size_t length = newline == NULL ? size : (size_t)(newline - from);

    c->input_at += newline == NULL ? size : length + 1;
    if (length > room)
        length = room;
    memcpy(&c->line[c->line_size], from, length);
    c->line_size += length;
    return newline != NULL;
}

/* From a file or pipe: a line is what stands before a newline; the last one may lack it. */
static mk_err_t read_plain(struct console *c)
{
    if (!c->has_part)
        c->line_size = 0;
    for (;;) {
        mk_err_t err = fill_input(c);
        bool is_end = err == MK_OK ? take_input(c) : err == MK_E_END && c->has_part;

        c->has_part = !is_end && (c->has_part || err == MK_OK);
        if (err != MK_OK || is_end)
            return is_end ? MK_OK : err;
    }
}

static mk_err_t show(struct console *c)
{
    return mk_device_write(c->device, c->edit.out, c->edit.out_size);
}

/* Feed what was typed to the editor until a line ends; input after it waits for the next request. */
static mk_err_t edit_line(struct console *c, enum lineedit_result *resultp)
{
    *resultp = LINEEDIT_MORE;
    while (*resultp == LINEEDIT_MORE) {
        mk_err_t err;

        if (c->input_at == c->input_size) { /* all that was typed is in the line: now it is worth drawing */
            lineedit_draw(&c->edit);
            err = show(c);
            if (err != MK_OK)
                return err;
        }
        err = fill_input(c);
        if (err != MK_OK)
            return err;
        while (*resultp == LINEEDIT_MORE && c->input_at < c->input_size)
            *resultp = lineedit_feed(&c->edit, (unsigned char)c->input[c->input_at++]);
    }
    lineedit_end(&c->edit, *resultp);
    return show(c);
}

/* Only lines that were asked for with a prompt are remembered: the others are somebody's data. */
static void keep_line(struct console *c, bool has_prompt)
{
    memcpy(c->line, c->edit.line, c->edit.size);
    c->line_size = c->edit.size;
    if (has_prompt)
        history_add(&c->history, c->line, c->line_size);
}

static mk_err_t read_terminal(struct console *c, const char *prompt, size_t prompt_size, unsigned columns)
{
    enum lineedit_result result = LINEEDIT_MORE;
    mk_err_t err = mk_device_set_raw(c->device, true);

    if (err != MK_OK)
        return err;
    if (!c->is_editing) /* else an update came in between */
        lineedit_begin(&c->edit, &c->history, prompt, prompt_size, columns);
    c->is_editing = true;
    err = edit_line(c, &result);
    if (c->has_stopped)
        return err;
    console_leave_raw(c);
    if (err != MK_OK)
        return err;
    if (result == LINEEDIT_END)
        return MK_E_END;
    if (result == LINEEDIT_ABORTED)
        return MK_E_ABORTED;
    keep_line(c, prompt_size > 0);
    return MK_OK;
}

static mk_err_t read_line(struct console *c, const char *prompt, size_t prompt_size)
{
    struct mk_device_info info;
    mk_err_t err = mk_device_info(c->device, &info);

    if (err != MK_OK || c->has_line)
        return err;
    err = info.is_terminal ? read_terminal(c, prompt, prompt_size, info.columns) : read_plain(c);
    c->has_line = err == MK_OK;
    return err;
}

/* A line is only gone when somebody got it. */
static void answer(struct console *c, mk_name_t reply, mk_err_t status)
{
    struct mk_msg msg = {.id = CONSOLE_READ, .status = status, .reply = reply};
    mk_err_t err;

    if (status == MK_OK) {
        msg.body = c->line;
        msg.size = c->line_size;
    }
    err = mk_reply(&msg);
    if (err == MK_OK && status == MK_OK)
        c->has_line = false;
    if (err != MK_OK && err != MK_E_DEAD)
        console_release(reply);
}

/* A caller that gave up before its turn must not have a line read for it. */
static bool is_waiting(mk_name_t reply)
{
    struct mk_right_info info;

    return mk_right_info(reply, &info) == MK_OK && (info.type & MK_RIGHT_DEAD_NAME) == 0;
}

/* False: the thread is to end, or cannot go on. */
static bool take_request(struct console *c)
{
    struct mk_msg_right right;
    struct mk_msg msg = {
        .body = c->waiting_prompt, .capacity = sizeof(c->waiting_prompt), .rights = &right, .max_rights = 1};
    mk_err_t err = c->is_stopping ? MK_E_ABORTED : mk_receive(c->requests, &msg, MK_TIME_FOREVER);

    if (err == MK_E_ABORTED)
        return !c->is_stopping;
    if (err != MK_OK) {
        mk_log("reader thread: %s", mk_err_text(err));
        return false;
    }
    if (msg.nr_rights != 1 || !is_waiting(right.name)) {
        mk_msg_discard(&msg);
        return true;
    }
    c->waiting = right.name;
    c->waiting_prompt_size = msg.size;
    return true;
}

void reader_main(void *arg)
{
    struct console *c = arg;

    while (take_request(c)) {
        mk_err_t err;

        if (c->waiting == MK_NAME_NULL)
            continue;
        err = read_line(c, c->waiting_prompt, c->waiting_prompt_size);
        if (c->has_stopped)
            return;
        answer(c, c->waiting, err);
        c->waiting = MK_NAME_NULL;
    }
}
