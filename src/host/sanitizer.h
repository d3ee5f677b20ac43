/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which sanitizer the library is built with (HOST_ASAN, HOST_TSAN, HOST_SANITIZED; each 0 or 1), and what valgrind is
 * told.
 */
#ifndef HOST_SANITIZER_H
#define HOST_SANITIZER_H

#if defined(__has_feature)
#define HOST_HAS_FEATURE(x) __has_feature(x)
#else
#define HOST_HAS_FEATURE(x) 0
#endif

#if defined(__SANITIZE_ADDRESS__) || HOST_HAS_FEATURE(address_sanitizer)
#define HOST_ASAN 1
#else
#define HOST_ASAN 0
#endif

#if defined(__SANITIZE_THREAD__) || HOST_HAS_FEATURE(thread_sanitizer)
#define HOST_TSAN 1
#else
#define HOST_TSAN 0
#endif

#define HOST_SANITIZED (HOST_ASAN || HOST_TSAN)

#if HAVE_VALGRIND
#include <valgrind/memcheck.h>
#else
#define RUNNING_ON_VALGRIND                     0
#define VALGRIND_STACK_REGISTER(start, end)     0
#define VALGRIND_MAKE_MEM_DEFINED(addr, size)   0
#define VALGRIND_MAKE_MEM_UNDEFINED(addr, size) 0
#endif

#endif
