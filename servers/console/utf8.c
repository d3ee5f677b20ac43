/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * UTF-8 without the C library's locale, which belongs to the whole process.
 * Widths follow Unicode's East Asian Width and the common combining blocks;
 * what is not listed takes one column.
 */
#include "utf8.h"

struct range {
    uint32_t first, last;
};

static const struct range zero_width[] = {
    {0x0300, 0x036f}, {0x0483, 0x0489}, {0x0591, 0x05bd}, {0x0610, 0x061a}, {0x064b, 0x065f}, {0x093c, 0x093c},
    {0x094d, 0x094d}, {0x0e34, 0x0e3a}, {0x0e47, 0x0e4e}, {0x1ab0, 0x1aff}, {0x1dc0, 0x1dff}, {0x200b, 0x200f},
    {0x2060, 0x2064}, {0x20d0, 0x20f0}, {0xfe00, 0xfe0f}, {0xfe20, 0xfe2f}, {0xfeff, 0xfeff}, {0xe0100, 0xe01ef},
};

static const struct range double_width[] = {
    {0x1100, 0x115f}, {0x2e80, 0x303e},   {0x3041, 0x33ff},   {0x3400, 0x4dbf},   {0x4e00, 0x9fff},
    {0xa000, 0xa4cf}, {0xac00, 0xd7a3},   {0xf900, 0xfaff},   {0xfe30, 0xfe6f},   {0xff00, 0xff60},
    {0xffe0, 0xffe6}, {0x1f300, 0x1f64f}, {0x1f680, 0x1f6ff}, {0x1f900, 0x1f9ff}, {0x20000, 0x3fffd},
};

static int is_in(uint32_t c, const struct range *ranges, size_t nr)
{
    for (size_t i = 0; i < nr; i++)
        if (c >= ranges[i].first && c <= ranges[i].last)
            return 1;
    return 0;
}

size_t utf8_expect(unsigned char first)
{
    if (first < 0x80)
        return 1;
    if (first >= 0xc2 && first <= 0xdf)
        return 2;
    if (first >= 0xe0 && first <= 0xef)
        return 3;
    if (first >= 0xf0 && first <= 0xf4)
        return 4;
    return 0;
}

static uint32_t decode(const char *s, size_t length)
{
    static const unsigned char first_bits[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    uint32_t c = (unsigned char)s[0] & first_bits[length];

    for (size_t i = 1; i < length; i++)
        c = c << 6 | ((unsigned char)s[i] & 0x3f);
    return c;
}

size_t utf8_valid(const char *s, size_t size)
{
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t length = size == 0 ? 0 : utf8_expect((unsigned char)s[0]);
    uint32_t c;

    if (length == 0 || length > size)
        return 0;
    for (size_t i = 1; i < length; i++)
        if (((unsigned char)s[i] & 0xc0) != 0x80)
            return 0;
    c = decode(s, length);
    if (c < 0x20 || (c >= 0x7f && c <= 0x9f)) /* terminals obey both ranges */
        return 0;
    if (c < smallest[length] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
        return 0;
    return length;
}

size_t utf8_visible(const char *s, size_t size)
{
    size_t at = 0, length;

    while ((length = utf8_valid(&s[at], size - at)) > 0)
        at += length;
    return at;
}

unsigned utf8_columns(const char *s)
{
    uint32_t c = decode(s, utf8_expect((unsigned char)s[0]));

    if (c < 0x300)
        return 1;
    if (is_in(c, zero_width, sizeof(zero_width) / sizeof(zero_width[0])))
        return 0;
    return is_in(c, double_width, sizeof(double_width) / sizeof(double_width[0])) ? 2 : 1;
}
