/* SPDX-License-Identifier: BSD-2-Clause */
/* UTF-8 as a line editor needs it: how long a character is and how many columns it takes. */
#ifndef CONSOLE_UTF8_H
#define CONSOLE_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* Bytes that a character starting with this byte has, 1 to 4; 0: no character starts so. */
size_t utf8_expect(unsigned char first);

/* Bytes of the well-formed, visible character at the start of s; 0: there is none (controls count as none). */
size_t utf8_valid(const char *s, size_t size);

/* Bytes at the start of s that are such characters. */
size_t utf8_visible(const char *s, size_t size);

/* Columns of the character at s, of which the caller knows that it is well-formed: 0, 1 or 2. */
unsigned utf8_columns(const char *s);

#endif
