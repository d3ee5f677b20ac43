/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a plugin's references to libc are bound to: memory of its task's heap,
 * an end of its task instead of the process, output to the machine's log.
 * Streams other than stdout and stderr stay libc's.
 */
#include <mk/mk.h>

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "rt/rt.h"

static bool is_ours(const FILE *stream)
{
    return stream == stdout || stream == stderr;
}

static int bind_vfprintf(FILE *stream, const char *format, va_list args)
{
    return is_ours(stream) ? mk_vprintf(format, args) : vfprintf(stream, format, args);
}

static int bind_fprintf(FILE *stream, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = bind_vfprintf(stream, format, args);
    va_end(args);
    return n;
}

/* The names that _FORTIFY_SOURCE uses. */
static int bind_printf_chk(int flag, const char *format, ...)
{
    va_list args;
    (void)flag;
    va_start(args, format);
    int n = mk_vprintf(format, args);
    va_end(args);
    return n;
}

static int bind_vprintf_chk(int flag, const char *format, va_list args)
{
    (void)flag;
    return mk_vprintf(format, args);
}

static int bind_fprintf_chk(FILE *stream, int flag, const char *format, ...)
{
    va_list args;
    (void)flag;
    va_start(args, format);
    int n = bind_vfprintf(stream, format, args);
    va_end(args);
    return n;
}

static int bind_vfprintf_chk(FILE *stream, int flag, const char *format, va_list args)
{
    (void)flag;
    return bind_vfprintf(stream, format, args);
}

static int bind_fputc(int c, FILE *stream)
{
    return is_ours(stream) ? mk_putchar(c) : fputc(c, stream);
}

static int bind_fputs(const char *s, FILE *stream)
{
    return is_ours(stream) ? mk_printf("%s", s) : fputs(s, stream);
}

static size_t bind_fwrite(const void *p, size_t size, size_t n, FILE *stream)
{
    if (!is_ours(stream))
        return fwrite(p, size, n, stream);
    for (size_t i = 0; i < size * n; i++)
        mk_putchar(((const char *)p)[i]);
    return n;
}

static int bind_fflush(FILE *stream)
{
    return !stream || is_ours(stream) ? 0 : fflush(stream);
}

static void bind_perror(const char *s)
{
    int error = errno;
    mk_printf("%s%s%s\n", s ? s : "", s && *s ? ": " : "", strerror(error));
}

static MK_NORETURN void bind_exit(int status)
{
    rt_flush();
    mk_exit(status);
}

/* ---- what allocates for its caller ---- */

static void *bind_reallocarray(void *p, size_t n, size_t size)
{
    size_t bytes;
    return __builtin_mul_overflow(n, size, &bytes) ? NULL : mk_realloc(p, bytes);
}

static void *bind_valloc(size_t size)
{
    return mk_aligned_alloc(mk_page_size(), size);
}

static char *bind_realpath(const char *path, char *resolved)
{
    char found[PATH_MAX];
    if (resolved)
        return realpath(path, resolved);
    return realpath(path, found) ? mk_strdup(found) : NULL;
}

static wchar_t *bind_wcsdup(const wchar_t *s)
{
    size_t size = (wcslen(s) + 1) * sizeof(wchar_t);
    wchar_t *copy = mk_malloc(size);
    return copy ? memcpy(copy, s, size) : NULL;
}

#define BIND(name, function) \
    { \
#name, (void (*)(void))(function) \
    }
static const struct mk_binding bindings[] = {
    BIND(malloc, mk_malloc),
    BIND(calloc, mk_calloc),
    BIND(realloc, mk_realloc),
    BIND(free, mk_free),
    BIND(aligned_alloc, mk_aligned_alloc),
    BIND(memalign, mk_aligned_alloc),
    BIND(posix_memalign, mk_posix_memalign),
    BIND(reallocarray, bind_reallocarray),
    BIND(valloc, bind_valloc),
    BIND(pvalloc, bind_valloc),
    BIND(realpath, bind_realpath),
    BIND(wcsdup, bind_wcsdup),
    BIND(strdup, mk_strdup),
    BIND(__strdup, mk_strdup),
    BIND(strndup, mk_strndup),
    BIND(__strndup, mk_strndup),
    BIND(exit, bind_exit),
    BIND(_exit, mk_exit),
    BIND(_Exit, mk_exit),
    BIND(abort, mk_abort),
    BIND(__assert_fail, mk_assert_fail),
    BIND(printf, mk_printf),
    BIND(vprintf, mk_vprintf),
    BIND(puts, mk_puts),
    BIND(putchar, mk_putchar),
    BIND(__printf_chk, bind_printf_chk),
    BIND(__vprintf_chk, bind_vprintf_chk),
    BIND(fprintf, bind_fprintf),
    BIND(vfprintf, bind_vfprintf),
    BIND(__fprintf_chk, bind_fprintf_chk),
    BIND(__vfprintf_chk, bind_vfprintf_chk),
    BIND(fputc, bind_fputc),
    BIND(putc, bind_fputc),
    BIND(_IO_putc, bind_fputc),
    BIND(fputs, bind_fputs),
    BIND(fwrite, bind_fwrite),
    BIND(fflush, bind_fflush),
    BIND(perror, bind_perror),
    {NULL, NULL},
};

const struct mk_binding *mk_server_bindings(void)
{
    return bindings;
}
