/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Drawing: the whole line is written anew on one row of the terminal. A line
 * that is wider than the row scrolls sideways so that the cursor is visible.
 */
#include <stdio.h>
#include <string.h>

#include "lineedit.h"
#include "utf8.h"

#define MIN_TEXT_COLUMNS 8 /* a prompt never takes so much that less than this is left */

static void emit(struct lineedit *e, const char *bytes, size_t size)
{
    if (size > sizeof(e->out) - e->out_size)
        size = sizeof(e->out) - e->out_size;
    memcpy(&e->out[e->out_size], bytes, size);
    e->out_size += size;
}

static void emit_text(struct lineedit *e, const char *text)
{
    emit(e, text, strlen(text));
}

static unsigned columns_of(const char *s, size_t size)
{
    unsigned columns = 0;

    for (size_t i = 0; i < size; i += utf8_expect((unsigned char)s[i]))
        columns += utf8_columns(&s[i]);
    return columns;
}

void lineedit_begin(struct lineedit *e, const struct lineedit_history *history, const char *prompt, size_t prompt_size,
                    unsigned columns)
{
    memset(e, 0, sizeof(*e));
    e->columns = columns < 2 * MIN_TEXT_COLUMNS ? 2 * MIN_TEXT_COLUMNS : columns;
    e->history = history;
    e->history_at = history->nr;
    for (size_t i = 0; i < prompt_size;) {
        size_t length = utf8_valid(&prompt[i], prompt_size - i);

        if (length > sizeof(e->prompt) - e->prompt_size)
            break;
        memcpy(&e->prompt[e->prompt_size], &prompt[i], length);
        e->prompt_size += length;
        i += length == 0 ? 1 : length;
    }
    /* A prompt that leaves no room for text is worth less than the text. */
    if (columns_of(e->prompt, e->prompt_size) + MIN_TEXT_COLUMNS > e->columns)
        e->prompt_size = 0;
}

/* Choose what part of the line is shown: `room` columns that include the cursor. */
static void scroll_to_cursor(struct lineedit *e, unsigned room)
{
    unsigned width;

    if (e->scroll > e->cursor)
        e->scroll = e->cursor;
    /* The line may be another one than when `scroll` was set: go to the start of the character there. */
    while (e->scroll > 0 && e->scroll < e->size && ((unsigned char)e->line[e->scroll] & 0xc0) == 0x80)
        e->scroll--;
    width = columns_of(&e->line[e->scroll], e->cursor - e->scroll);
    while (width > room) {
        size_t next = lineedit_next(e, e->scroll);

        width -= columns_of(&e->line[e->scroll], next - e->scroll);
        e->scroll = next;
    }
    width = columns_of(&e->line[e->scroll], e->size - e->scroll);
    while (e->scroll > 0) { /* the line became shorter: show as much of it as fits */
        size_t previous = lineedit_previous(e, e->scroll);

        width += columns_of(&e->line[previous], e->scroll - previous);
        if (width > room)
            break;
        e->scroll = previous;
    }
}

static size_t end_of_shown(const struct lineedit *e, unsigned room)
{
    size_t at = e->scroll;
    unsigned width = 0;

    while (at < e->size) {
        size_t next = lineedit_next(e, at);

        width += columns_of(&e->line[at], next - at);
        if (width > room)
            break;
        at = next;
    }
    return at;
}

static void draw_row(struct lineedit *e)
{
    unsigned prompt_columns = columns_of(e->prompt, e->prompt_size);
    unsigned room = e->columns - prompt_columns - 1; /* the last column is for the cursor */
    unsigned column;
    char move[24];

    scroll_to_cursor(e, room);
    emit_text(e, "\r");
    emit(e, e->prompt, e->prompt_size);
    emit(e, &e->line[e->scroll], end_of_shown(e, room) - e->scroll);
    emit_text(e, "\x1b[K\r");
    column = prompt_columns + columns_of(&e->line[e->scroll], e->cursor - e->scroll);
    if (column > 0) {
        snprintf(move, sizeof(move), "\x1b[%uC", column);
        emit_text(e, move);
    }
}

void lineedit_draw(struct lineedit *e)
{
    e->out_size = 0;
    if (e->wants_clear)
        emit_text(e, "\x1b[H\x1b[2J");
    if (e->wants_bell)
        emit_text(e, "\a");
    e->wants_clear = false;
    e->wants_bell = false;
    draw_row(e);
}

void lineedit_hide(struct lineedit *e)
{
    e->out_size = 0;
    emit_text(e, "\r\x1b[K");
}

void lineedit_end(struct lineedit *e, enum lineedit_result result)
{
    if (result == LINEEDIT_END) { /* the reader of the line decides what the end looks like */
        e->out_size = 0;
        return;
    }
    e->cursor = e->size;
    lineedit_draw(e);
    emit_text(e, result == LINEEDIT_ABORTED ? "^C\r\n" : "\r\n");
}
