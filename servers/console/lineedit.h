/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A line editor as a pure state machine: bytes from the keyboard go in one at a
 * time, bytes for the terminal come out in a buffer. It reads and writes
 * nothing itself and knows nothing of libmk.
 *
 *     lineedit_begin, lineedit_draw -> out
 *     for each byte: lineedit_feed; after a batch of them: lineedit_draw -> out
 *     when feed says that the line ended: lineedit_end -> out; the line is in `line`
 *
 * Each function that draws replaces `out` by what the terminal shall get.
 */
#ifndef CONSOLE_LINEEDIT_H
#define CONSOLE_LINEEDIT_H

#include <stdbool.h>
#include <stddef.h>

#define LINEEDIT_MAX         4096 /* bytes of a line */
#define LINEEDIT_PROMPT_MAX  256  /* bytes of a prompt */
#define LINEEDIT_HISTORY_MAX 200  /* lines remembered */
#define LINEEDIT_OUT_MAX     (LINEEDIT_MAX + LINEEDIT_PROMPT_MAX + 64)

/* Lines that can be called back, oldest first. All zero is an empty history. */
struct lineedit_history {
    char *lines[LINEEDIT_HISTORY_MAX];
    size_t nr;
};

/* Remember a line; empty ones and repetitions of the last are not. Without memory it is forgotten. */
void history_add(struct lineedit_history *history, const char *line, size_t size);
void history_finish(struct lineedit_history *history);

enum lineedit_result {
    LINEEDIT_MORE,    /* the line goes on */
    LINEEDIT_DONE,    /* Enter */
    LINEEDIT_END,     /* ^D on an empty line */
    LINEEDIT_ABORTED, /* ^C */
};

enum lineedit_state { LINEEDIT_TEXT, LINEEDIT_ESCAPE, LINEEDIT_CSI, LINEEDIT_SS3 };

struct lineedit {
    /* the line; always whole, visible characters */
    char line[LINEEDIT_MAX];
    size_t size;
    size_t cursor; /* byte offset, at the start of a character or at the end */

    /* decoding of input */
    enum lineedit_state state;
    unsigned parameter; /* first number of a CSI sequence */
    bool is_first;      /* it is still being read */
    char partial[4];    /* a character that has not fully arrived */
    size_t nr_partial;

    /* walking through history */
    const struct lineedit_history *history;
    size_t history_at;        /* history->nr: the new line */
    char saved[LINEEDIT_MAX]; /* the new line meanwhile */
    size_t saved_size;

    /* drawing */
    char prompt[LINEEDIT_PROMPT_MAX];
    size_t prompt_size;
    unsigned columns;
    size_t scroll; /* byte offset of the first character shown */
    bool wants_clear, wants_bell;
    char out[LINEEDIT_OUT_MAX];
    size_t out_size;
};

/* A new line. Bytes of the prompt that a terminal would not show are dropped. */
void lineedit_begin(struct lineedit *e, const struct lineedit_history *history, const char *prompt, size_t prompt_size,
                    unsigned columns);
enum lineedit_result lineedit_feed(struct lineedit *e, unsigned char byte);

/* Show the line as it is now; erase it; show how it ended and go to the next line. */
void lineedit_draw(struct lineedit *e);
void lineedit_hide(struct lineedit *e);
void lineedit_end(struct lineedit *e, enum lineedit_result result);

/* Offset of the character after and before `at`. Combining marks go with the character they are on. */
size_t lineedit_next(const struct lineedit *e, size_t at);
size_t lineedit_previous(const struct lineedit *e, size_t at);

#endif
