/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Live update. Before the state is saved the reader thread ends, and requests to read go back into the service port's
 * queue, that of the line being edited first: whichever version goes on asks the device for input anew. The terminal
 * stays in raw mode. A line being edited is typed again, so to speak: the editor takes nothing that was not typed.
 */
#include <string.h>

#include "console.h"
#include "utf8.h"

#define STATE_VERSION 1u
#define STOP_AGAIN    MK_MSEC

enum { KEY_LEFT = 2, KEY_ERASE_RIGHT = 11, KEY_OLDER = 16, KEY_ERASE_LEFT = 21 };

/* ---- the reader ---- */

static mk_err_t stop_reader(struct console *c)
{
    mk_err_t err;

    c->is_stopping = true;
    do {
        (void)!mk_thread_abort(c->reader); /* it is blocked, or comes to see that it is to stop */
        err = mk_thread_join(c->reader, mk_time_now() + STOP_AGAIN);
    } while (err == MK_E_TIMED_OUT);
    console_release(c->reader);
    c->reader = MK_NAME_NULL;
    return err;
}

static mk_err_t put_back(mk_name_t reply, void *prompt, size_t size)
{
    const struct mk_msg request = {.id = CONSOLE_READ, .body = prompt, .size = size, .reply = reply};
    mk_err_t err = mk_server_put_back(mk_server_port(), &request);

    if (err != MK_OK)
        console_release(reply);
    return err;
}

static void put_requests_back(struct console *c)
{
    char prompt[LINEEDIT_PROMPT_MAX];
    struct mk_msg_right right;
    struct mk_msg msg = {.body = prompt, .capacity = sizeof(prompt), .rights = &right, .max_rights = 1};
    mk_err_t err = MK_OK;

    if (c->waiting != MK_NAME_NULL)
        err = put_back(c->waiting, c->waiting_prompt, c->waiting_prompt_size);
    c->waiting = MK_NAME_NULL;
    while (mk_receive(c->requests, &msg, MK_TIME_POLL) == MK_OK) {
        mk_err_t again = msg.nr_rights == 1 ? put_back(right.name, prompt, msg.size) : MK_E_BAD_ARGUMENT;

        err = err == MK_OK ? again : err;
    }
    if (err != MK_OK)
        mk_log("a reader is not served any more: %s", mk_err_text(err));
}

/* ---- writing ---- */

static void put_text(struct mk_state *out, const char *text, size_t size)
{
    const uint32_t length = (uint32_t)size;

    (void)mk_state_put(out, &length, sizeof(length));
    (void)mk_state_put(out, text, size);
}

static void put_edit(struct mk_state *out, const struct lineedit *e)
{
    const uint32_t back = (uint32_t)(e->history->nr - e->history_at), cursor = (uint32_t)e->cursor;

    put_text(out, e->prompt, e->prompt_size);
    put_text(out, back > 0 ? e->saved : "", back > 0 ? e->saved_size : 0);
    (void)mk_state_put(out, &back, sizeof(back));
    put_text(out, e->line, e->size);
    (void)mk_state_put(out, &cursor, sizeof(cursor));
    put_text(out, e->partial, e->nr_partial);
}

mk_err_t console_save(void *state, struct mk_state *out)
{
    struct console *c = state;
    const uint32_t version = STATE_VERSION, nr_lines = (uint32_t)c->history.nr;
    const uint8_t flags[3] = {c->has_line, c->has_part, c->is_editing};
    mk_err_t err = stop_reader(c);

    if (err != MK_OK)
        return err;
    put_requests_back(c);
    (void)mk_state_put(out, &version, sizeof(version));
    (void)mk_state_put_right(out, c->device);
    (void)mk_state_put(out, flags, sizeof(flags));
    put_text(out, &c->input[c->input_at], c->input_size - c->input_at);
    put_text(out, c->line, c->has_line || c->has_part ? c->line_size : 0);
    (void)mk_state_put(out, &nr_lines, sizeof(nr_lines));
    for (size_t i = 0; i < c->history.nr; i++)
        put_text(out, c->history.lines[i], strlen(c->history.lines[i]));
    if (c->is_editing)
        put_edit(out, &c->edit);
    return MK_OK;
}

void console_resume(void *state)
{
    if (console_start_reader(state) != MK_OK)
        mk_task_exit(1); /* a console that reads nothing is worth less than a new one */
}

/* ---- reading ---- */

static mk_err_t get_text(struct mk_state *in, char *text, size_t max, size_t *sizep)
{
    uint32_t size;
    mk_err_t err = mk_state_get(in, &size, sizeof(size));

    *sizep = 0;
    if (err == MK_OK && size > max)
        err = MK_E_BAD_ARGUMENT;
    if (err == MK_OK)
        err = mk_state_get(in, text, size);
    if (err == MK_OK)
        *sizep = size;
    return err;
}

static mk_err_t get_history(struct mk_state *in, struct lineedit_history *history)
{
    static char line[CONSOLE_LINE_MAX];
    uint32_t nr;
    size_t size;
    mk_err_t err = mk_state_get(in, &nr, sizeof(nr));

    if (err == MK_OK && nr > LINEEDIT_HISTORY_MAX)
        err = MK_E_BAD_ARGUMENT;
    for (uint32_t i = 0; err == MK_OK && i < nr; i++) {
        err = get_text(in, line, sizeof(line), &size);
        if (err == MK_OK && utf8_visible(line, size) != size)
            err = MK_E_BAD_ARGUMENT;
        if (err == MK_OK)
            history_add(history, line, size);
    }
    return err;
}

static void type(struct lineedit *e, const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++)
        (void)lineedit_feed(e, (unsigned char)text[i]);
}

/* What is not visible text could be a key that does something: Enter, for one. */
static mk_err_t get_typed(struct mk_state *in, struct lineedit *e)
{
    static char text[LINEEDIT_MAX];
    size_t size;
    mk_err_t err = get_text(in, text, sizeof(text), &size);

    if (err == MK_OK && utf8_visible(text, size) != size)
        err = MK_E_BAD_ARGUMENT;
    if (err == MK_OK)
        type(e, text, size);
    return err;
}

static mk_err_t get_partial(struct mk_state *in, struct lineedit *e)
{
    char bytes[sizeof(e->partial)];
    size_t size;
    mk_err_t err = get_text(in, bytes, sizeof(bytes) - 1, &size);

    for (size_t i = 0; err == MK_OK && i < size; i++)
        if ((unsigned char)bytes[i] < 0x80)
            err = MK_E_BAD_ARGUMENT;
    if (err == MK_OK)
        type(e, bytes, size);
    return err;
}

static mk_err_t get_edit(struct mk_state *in, struct console *c)
{
    char prompt[LINEEDIT_PROMPT_MAX];
    struct mk_device_info device;
    struct lineedit *e = &c->edit;
    uint32_t back = 0, cursor = 0;
    size_t size;
    mk_err_t err = get_text(in, prompt, sizeof(prompt), &size);

    if (err == MK_OK)
        err = mk_device_info(c->device, &device);
    if (err != MK_OK)
        return err;
    lineedit_begin(e, &c->history, prompt, size, device.columns);
    err = get_typed(in, e); /* what was typed before a line was called back */
    if (err == MK_OK)
        err = mk_state_get(in, &back, sizeof(back));
    for (uint32_t i = 0; i < back && i < c->history.nr; i++)
        (void)lineedit_feed(e, KEY_OLDER);
    (void)lineedit_feed(e, KEY_ERASE_LEFT);
    (void)lineedit_feed(e, KEY_ERASE_RIGHT);
    if (err == MK_OK)
        err = get_typed(in, e);
    if (err == MK_OK)
        err = mk_state_get(in, &cursor, sizeof(cursor));
    while (err == MK_OK && e->cursor > cursor)
        (void)lineedit_feed(e, KEY_LEFT);
    e->wants_bell = false;
    return err == MK_OK ? get_partial(in, e) : err;
}

static mk_err_t get_all(struct mk_state *in, struct console *c)
{
    uint8_t flags[3];
    struct mk_device_info device;
    mk_err_t err = mk_state_get_right(in, MK_RIGHT_SEND, &c->device);

    if (err == MK_OK)
        err = mk_device_info(c->device, &device);
    (void)mk_state_get(in, flags, sizeof(flags));
    c->has_line = flags[0];
    c->has_part = flags[1];
    c->is_editing = flags[2];
    if (err == MK_OK)
        err = get_text(in, c->input, sizeof(c->input), &c->input_size);
    if (err == MK_OK)
        err = get_text(in, c->line, sizeof(c->line), &c->line_size);
    if (err == MK_OK)
        err = get_history(in, &c->history);
    return err == MK_OK && c->is_editing ? get_edit(in, c) : err;
}

mk_err_t console_restore(void **statep, struct mk_state *in)
{
    uint32_t version;
    mk_err_t err = mk_state_get(in, &version, sizeof(version));

    if (err == MK_OK && version != STATE_VERSION) {
        mk_log("the state is of version %u, and this console reads %u", version, STATE_VERSION);
        return MK_E_NOT_SUPPORTED;
    }
    if (err == MK_OK)
        err = get_all(in, &console);
    if (err == MK_OK)
        err = console_start_reader(&console);
    *statep = &console;
    return err;
}
