/* SPDX-License-Identifier: BSD-2-Clause */
/* Small helpers on text: memory that never fails, hostile bytes made printable, the nearest of some words. */
#ifndef CLI_TEXT_H
#define CLI_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* As their libc namesakes; without memory they end the command with status 1. */
void *text_realloc(void *p, size_t nr, size_t size);
char *text_dup(const char *s);
char *text_ndup(const char *s, size_t n);
char *text_format(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Bytes of the well-formed UTF-8 character at s (1 to 4), or 0 when there is none in its n bytes. */
size_t text_utf8(const char *s, size_t n);

/* Is it a character that a terminal would act on (C0, DEL, C1)? `length` as told by text_utf8. */
bool text_is_control(const char *s, size_t length);

/* A copy that is safe to print: control characters and bytes that are not UTF-8 become \xNN. */
char *text_printable(const char *s);

/* A copy in well-formed UTF-8: other bytes become U+FFFD. */
char *text_clean_utf8(const char *s);

/* The word of a NULL-terminated list that is most like `word`; NULL when none is like it at all. */
const char *text_nearest(const char *word, const char *const *words);

/* Columns of the terminal that is standard output; 80 when it is none. */
size_t text_terminal_width(void);

#endif
