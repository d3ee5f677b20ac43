/* SPDX-License-Identifier: BSD-2-Clause */
/* Editing: what each key does to the line. Keys are those of emacs, readline and every terminal since the VT100. */
#include <string.h>

#include "lineedit.h"
#include "utf8.h"

enum {
    CTRL_A = 1,
    CTRL_B = 2,
    CTRL_C = 3,
    CTRL_D = 4,
    CTRL_E = 5,
    CTRL_F = 6,
    CTRL_H = 8,
    TAB = 9,
    NEWLINE = 10,
    CTRL_K = 11,
    CTRL_L = 12,
    ENTER = 13,
    CTRL_N = 14,
    CTRL_P = 16,
    CTRL_U = 21,
    CTRL_W = 23,
    ESCAPE = 27,
    RUBOUT = 127,
};

size_t lineedit_next(const struct lineedit *e, size_t at)
{
    if (at < e->size)
        at += utf8_expect((unsigned char)e->line[at]);
    while (at < e->size && utf8_columns(&e->line[at]) == 0)
        at += utf8_expect((unsigned char)e->line[at]);
    return at;
}

size_t lineedit_previous(const struct lineedit *e, size_t at)
{
    while (at > 0) {
        do
            at--;
        while (at > 0 && ((unsigned char)e->line[at] & 0xc0) == 0x80);
        if (utf8_columns(&e->line[at]) != 0)
            break;
    }
    return at;
}

static void insert(struct lineedit *e, const char *bytes, size_t size)
{
    if (size > LINEEDIT_MAX - e->size) {
        e->wants_bell = true;
        return;
    }
    memmove(&e->line[e->cursor + size], &e->line[e->cursor], e->size - e->cursor);
    memcpy(&e->line[e->cursor], bytes, size);
    e->size += size;
    e->cursor += size;
}

/* Remove the bytes from `from` up to `to`; the cursor, which is at either end, comes to stand there. */
static void erase(struct lineedit *e, size_t from, size_t to)
{
    memmove(&e->line[from], &e->line[to], e->size - to);
    e->size -= to - from;
    e->cursor = from;
}

static void erase_word(struct lineedit *e)
{
    size_t from = e->cursor;

    while (from > 0 && e->line[from - 1] == ' ')
        from--;
    while (from > 0 && e->line[from - 1] != ' ')
        from--;
    erase(e, from, e->cursor);
}

static void set_line(struct lineedit *e, const char *line, size_t size)
{
    memcpy(e->line, line, size);
    e->size = size;
    e->cursor = size;
}

/* Go to line `at` of the history. Changes made to a line that was called back are lost, the new line is kept. */
static void recall(struct lineedit *e, size_t at)
{
    if (e->history_at == e->history->nr) {
        memcpy(e->saved, e->line, e->size);
        e->saved_size = e->size;
    }
    e->history_at = at;
    if (at == e->history->nr)
        set_line(e, e->saved, e->saved_size);
    else
        set_line(e, e->history->lines[at], strlen(e->history->lines[at]));
}

static void older(struct lineedit *e)
{
    if (e->history_at > 0)
        recall(e, e->history_at - 1);
}

static void newer(struct lineedit *e)
{
    if (e->history_at < e->history->nr)
        recall(e, e->history_at + 1);
}

static enum lineedit_result feed_control(struct lineedit *e, unsigned char byte)
{
    switch (byte) {
    case ENTER:
    case NEWLINE:
        return LINEEDIT_DONE;
    case CTRL_C:
        return LINEEDIT_ABORTED;
    case CTRL_D:
        if (e->size == 0)
            return LINEEDIT_END;
        erase(e, e->cursor, lineedit_next(e, e->cursor));
        break;
    case CTRL_H:
    case RUBOUT:
        erase(e, lineedit_previous(e, e->cursor), e->cursor);
        break;
    case CTRL_A:
        e->cursor = 0;
        break;
    case CTRL_E:
        e->cursor = e->size;
        break;
    case CTRL_B:
        e->cursor = lineedit_previous(e, e->cursor);
        break;
    case CTRL_F:
        e->cursor = lineedit_next(e, e->cursor);
        break;
    case CTRL_K:
        e->size = e->cursor;
        break;
    case CTRL_U:
        erase(e, 0, e->cursor);
        break;
    case CTRL_W:
        erase_word(e);
        break;
    case CTRL_L:
        e->wants_clear = true;
        break;
    case CTRL_P:
        older(e);
        break;
    case CTRL_N:
        newer(e);
        break;
    case TAB:
        insert(e, " ", 1);
        break;
    case ESCAPE:
        e->state = LINEEDIT_ESCAPE;
        break;
    default:
        break;
    }
    return LINEEDIT_MORE;
}

/* Collect the bytes of a character; one that is not well-formed is dropped, not shown as something else. */
static void feed_character(struct lineedit *e, unsigned char byte)
{
    size_t expected;

    if (e->nr_partial > 0 && (byte & 0xc0) != 0x80)
        e->nr_partial = 0;
    e->partial[e->nr_partial++] = (char)byte;
    expected = utf8_expect((unsigned char)e->partial[0]);
    if (expected != 0 && e->nr_partial < expected)
        return;
    if (expected != 0 && utf8_valid(e->partial, e->nr_partial) == e->nr_partial)
        insert(e, e->partial, e->nr_partial);
    e->nr_partial = 0;
}

static enum lineedit_result feed_text(struct lineedit *e, unsigned char byte)
{
    if (byte < 0x20 || byte == RUBOUT) {
        e->nr_partial = 0;
        return feed_control(e, byte);
    }
    feed_character(e, byte);
    return LINEEDIT_MORE;
}

/* The end of ESC [ number ~. */
static void numbered_key(struct lineedit *e)
{
    switch (e->parameter) {
    case 1:
    case 7:
        e->cursor = 0;
        break;
    case 4:
    case 8:
        e->cursor = e->size;
        break;
    case 3:
        erase(e, e->cursor, lineedit_next(e, e->cursor));
        break;
    default:
        break;
    }
}

static void named_key(struct lineedit *e, unsigned char final)
{
    switch (final) {
    case 'A':
        older(e);
        break;
    case 'B':
        newer(e);
        break;
    case 'C':
        e->cursor = lineedit_next(e, e->cursor);
        break;
    case 'D':
        e->cursor = lineedit_previous(e, e->cursor);
        break;
    case 'H':
        e->cursor = 0;
        break;
    case 'F':
        e->cursor = e->size;
        break;
    case '~':
        numbered_key(e);
        break;
    default:
        break;
    }
}

static void feed_csi(struct lineedit *e, unsigned char byte)
{
    if (byte >= '0' && byte <= '9') {
        if (e->is_first && e->parameter < 1000)
            e->parameter = e->parameter * 10 + (unsigned)(byte - '0');
    } else if (byte >= 0x40 && byte <= 0x7e) {
        e->state = LINEEDIT_TEXT;
        named_key(e, byte);
    } else {
        e->is_first = false; /* ';' and what else may stand before the final byte */
    }
}

static void feed_escape(struct lineedit *e, unsigned char byte)
{
    e->state = byte == '[' ? LINEEDIT_CSI : byte == 'O' ? LINEEDIT_SS3 : LINEEDIT_TEXT;
    e->parameter = 0;
    e->is_first = true;
}

enum lineedit_result lineedit_feed(struct lineedit *e, unsigned char byte)
{
    if (byte < 0x20)
        e->state = LINEEDIT_TEXT; /* a control key ends a sequence that never got its final byte */
    switch (e->state) {
    case LINEEDIT_ESCAPE:
        feed_escape(e, byte);
        return LINEEDIT_MORE;
    case LINEEDIT_CSI:
        feed_csi(e, byte);
        return LINEEDIT_MORE;
    case LINEEDIT_SS3:
        e->state = LINEEDIT_TEXT;
        named_key(e, byte);
        return LINEEDIT_MORE;
    case LINEEDIT_TEXT:
        break;
    }
    return feed_text(e, byte);
}
