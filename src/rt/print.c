/* SPDX-License-Identifier: BSD-2-Clause */
/* Output of a plugin for people: collected to lines, then logged. */
#include <mk/mk.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rt/rt.h"

void rt_flush(void)
{
    struct rt *rt = rt_state();
    if (rt && rt->line_used) {
        mk_log("%.*s", (int)rt->line_used, rt->line);
        rt->line_used = 0;
    }
}

static void put(const char *s, size_t n)
{
    struct rt *rt = rt_state();
    for (size_t i = 0; rt && i < n; i++) {
        if (s[i] == '\n' && rt->line_used == 0)
            mk_log("%s", "");
        else if (s[i] == '\n' || rt->line_used == sizeof(rt->line))
            rt_flush();
        if (s[i] != '\n')
            rt->line[rt->line_used++] = s[i];
    }
}

int mk_vprintf(const char *format, va_list args)
{
    char text[1024];
    va_list again;
    va_copy(again, args);
    int n = vsnprintf(text, sizeof(text), format, args);
    if (n >= (int)sizeof(text)) {
        char *whole = mk_malloc((size_t)n + 1);
        if (whole) {
            vsnprintf(whole, (size_t)n + 1, format, again);
            put(whole, (size_t)n);
            mk_free(whole);
        } else {
            put(text, sizeof(text) - 1);
        }
    } else if (n > 0) {
        put(text, (size_t)n);
    }
    va_end(again);
    return n;
}

int mk_printf(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = mk_vprintf(format, args);
    va_end(args);
    return n;
}

int mk_puts(const char *s)
{
    put(s, strlen(s));
    put("\n", 1);
    return 1;
}

int mk_putchar(int c)
{
    char byte = (char)c;
    put(&byte, 1);
    return (unsigned char)byte;
}

void mk_abort(void)
{
    rt_flush();
    abort();
}

void mk_assert_fail(const char *condition, const char *file, unsigned line, const char *function)
{
    rt_flush();
    mk_log("%s:%u: %s: assertion failed: %s", file, line, function, condition);
    abort();
}
