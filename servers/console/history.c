/* SPDX-License-Identifier: BSD-2-Clause */
/* The lines that a line editor can call back. */
#include <stdlib.h>
#include <string.h>

#include "lineedit.h"

static bool is_last(const struct lineedit_history *history, const char *line, size_t size)
{
    const char *last;

    if (history->nr == 0)
        return false;
    last = history->lines[history->nr - 1];
    return strlen(last) == size && memcmp(last, line, size) == 0;
}

void history_add(struct lineedit_history *history, const char *line, size_t size)
{
    char *copy;

    if (size == 0 || is_last(history, line, size))
        return;
    copy = strndup(line, size);
    if (copy == NULL)
        return;
    if (history->nr == LINEEDIT_HISTORY_MAX) {
        free(history->lines[0]);
        history->nr--;
        memmove(&history->lines[0], &history->lines[1], history->nr * sizeof(history->lines[0]));
    }
    history->lines[history->nr++] = copy;
}

void history_finish(struct lineedit_history *history)
{
    for (size_t i = 0; i < history->nr; i++)
        free(history->lines[i]);
    history->nr = 0;
}
