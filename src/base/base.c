/* SPDX-License-Identifier: BSD-2-Clause */
/* The error table's texts, and labels. */
#include "base/base.h"

const char *mk_err_name(mk_err_t err)
{
    switch (err) {
#define ERR_NAME(code, number, text) \
    case (number): \
        return #code;
        MK_ERROR_MAP(ERR_NAME)
#undef ERR_NAME
    default:
        return "MK_E_?";
    }
}

const char *mk_err_text(mk_err_t err)
{
    switch (err) {
#define ERR_TEXT(code, number, text) \
    case (number): \
        return text;
        MK_ERROR_MAP(ERR_TEXT)
#undef ERR_TEXT
    default:
        return "unknown error";
    }
}

void label_copy(char *dst, size_t size, const char *src)
{
    size_t n = strnlen(src, size - 1);
    memcpy(dst, src, n);
    dst[n] = '\0';
}
