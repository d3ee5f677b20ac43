/* SPDX-License-Identifier: BSD-2-Clause */
/* Small helpers on text; see text.h. */
#include "text.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static void *checked(void *p)
{
    if (!p) {
        fputs("mk: out of memory\n", stderr);
        exit(1);
    }
    return p;
}

void *text_realloc(void *p, size_t nr, size_t size)
{
    return checked(reallocarray(p, nr ? nr : 1, size));
}

char *text_dup(const char *s)
{
    return checked(strdup(s));
}

char *text_ndup(const char *s, size_t n)
{
    return checked(strndup(s, n));
}

char *text_format(const char *format, ...)
{
    char *s = NULL;
    va_list ap;
    va_start(ap, format);
    int n = vasprintf(&s, format, ap);
    va_end(ap);
    return checked(n < 0 ? NULL : s);
}

size_t text_utf8(const char *s, size_t n)
{
    const unsigned char *p = (const unsigned char *)s;
    if (n == 0)
        return 0;
    if (p[0] < 0x80)
        return 1;
    size_t length = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
    if (p[0] < 0xc2 || p[0] > 0xf4 || n < length)
        return 0;
    uint32_t code = p[0] & (0x7fu >> length);
    for (size_t i = 1; i < length; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (p[i] & 0x3f);
    }
    static const uint32_t least[5] = {0, 0, 0x80, 0x800, 0x10000};
    bool is_good = code >= least[length] && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);
    return is_good ? length : 0;
}

bool text_is_control(const char *s, size_t length)
{
    const unsigned char *p = (const unsigned char *)s;
    return p[0] < 0x20 || p[0] == 0x7f || (length == 2 && p[0] == 0xc2 && p[1] < 0xa0);
}

/* Copy s; each byte or character that is not wanted is written as \\xNN for a terminal, else as U+FFFD. */
static char *copy_replacing(const char *s, bool is_for_terminal)
{
    size_t n = strlen(s);
    char *copy = text_realloc(NULL, n + 1, 8);
    char *to = copy;
    while (n) {
        size_t length = text_utf8(s, n);
        bool is_bad = length == 0 || (is_for_terminal && text_is_control(s, length));
        size_t step = length ? length : 1;
        if (!is_bad) {
            memcpy(to, s, step);
            to += step;
        } else if (!is_for_terminal) {
            memcpy(to, "\xef\xbf\xbd", 3);
            to += 3;
        } else {
            for (size_t i = 0; i < step; i++)
                to += sprintf(to, "\\x%02x", (unsigned char)s[i]);
        }
        s += step;
        n -= step;
    }
    *to = '\0';
    return copy;
}

char *text_printable(const char *s)
{
    return copy_replacing(s, true);
}

char *text_clean_utf8(const char *s)
{
    return copy_replacing(s, false);
}

#define WORD_MAX 64

/* Edits (insert, delete, replace, swap of neighbours) that turn a into b; both at most WORD_MAX long. */
static size_t distance(const char *a, const char *b)
{
    size_t rows[3][WORD_MAX + 1];
    size_t na = strlen(a), nb = strlen(b);
    for (size_t j = 0; j <= nb; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= na; i++) {
        size_t *row = rows[i % 3], *above = rows[(i + 2) % 3], *two_above = rows[(i + 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= nb; j++) {
            size_t best = above[j - 1] + (a[i - 1] != b[j - 1]);
            if (above[j] + 1 < best)
                best = above[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && two_above[j - 2] + 1 < best)
                best = two_above[j - 2] + 1;
            row[j] = best;
        }
    }
    return rows[na % 3][nb];
}

const char *text_nearest(const char *word, const char *const *words)
{
    const char *nearest = NULL;
    size_t best = SIZE_MAX;
    size_t n = strlen(word);
    if (n == 0 || n > WORD_MAX)
        return NULL;
    for (; *words; words++) {
        size_t m = strlen(*words);
        if (m > WORD_MAX)
            continue;
        /* The beginning of a word counts as one slip, whatever is missing. */
        size_t d = n >= 2 && m > n && strncmp(word, *words, n) == 0 ? 1 : distance(word, *words);
        if (d < best && d <= (n > m ? n : m) / 2) {
            best = d;
            nearest = *words;
        }
    }
    return nearest;
}

size_t text_terminal_width(void)
{
    struct winsize size;
    if (isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        return size.ws_col;
    return 80;
}
