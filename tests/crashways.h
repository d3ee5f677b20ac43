/* SPDX-License-Identifier: BSD-2-Clause */
/* Ways for a task to end that it did not mean. For tests, and for plugins of tests. */
#ifndef TESTS_CRASHWAYS_H
#define TESTS_CRASHWAYS_H

#include <mk/mk.h>

#include <signal.h>
#include <stdint.h>
#include <stdlib.h>

static volatile int zero;

__attribute__((no_sanitize("undefined"))) static void crash_null(void *arg)
{
    (void)arg;
    volatile int *volatile p = NULL;
    *p = 1;
}

static void crash_divide(void *arg)
{
    (void)arg;
    int one = 1, by = zero;
    __asm__ volatile("cltd; idivl %1" : "+a"(one) : "r"(by) : "edx", "cc");
    zero = one;
}

static void crash_illegal(void *arg)
{
    (void)arg;
    __asm__ volatile("ud2");
}

static int (*volatile next)(volatile char *above, int depth); /* so that no compiler sees an endless recursion */

static int deeper(volatile char *above, int depth)
{
    volatile char here[512];
    here[0] = (char)depth;
    here[511] = above ? above[0] : 0;
    return next(here, depth + 1) + here[511];
}

static void crash_overflow(void *arg)
{
    (void)arg;
    next = deeper;
    zero = next(NULL, 0) * 0;
}

static void crash_abort(void *arg)
{
    (void)arg;
    abort();
}

static void crash_jump(void *arg)
{
    (void)arg;
    void (*volatile nowhere)(void) = (void (*)(void))(uintptr_t)16;
    nowhere();
}

__attribute__((no_sanitize("undefined", "address"))) static void crash_noncanonical(void *arg)
{
    (void)arg;
    volatile int *volatile p = (volatile int *)(uintptr_t)0x8000000000000000u;
    zero = *p * 0;
}

static void crash_breakpoint(void *arg)
{
    (void)arg;
    __asm__ volatile("int3");
}

static void crash_stack(void *arg)
{
    (void)arg;
    __asm__ volatile("mov $64, %%rsp\n\tpush %%rax" : : : "memory");
}

static void crash_raise(void *arg)
{
    (void)arg;
    (void)!mk_exception_raise(1);
}

static void crash_exit(void *arg)
{
    (void)arg;
    (void)!mk_task_set_server(true);
    mk_exit(7);
}

static void crash_loop(void *arg)
{
    (void)arg;
    for (volatile int i = 0;; i++)
        ;
}

static const struct way {
    const char *name;
    void (*go)(void *arg);
    int code;
} ways[] = {
    {"null", crash_null, 128 + SIGSEGV},
    {"divide", crash_divide, 128 + SIGFPE},
    {"illegal", crash_illegal, 128 + SIGILL},
    {"overflow", crash_overflow, 128 + SIGSEGV},
    {"abort", crash_abort, 128 + SIGABRT},
    {"jump", crash_jump, 128 + SIGSEGV},
    {"noncanonical", crash_noncanonical, 128 + SIGSEGV},
    {"breakpoint", crash_breakpoint, 128 + SIGTRAP},
    {"stack", crash_stack, 128 + SIGSEGV},
    {"raise", crash_raise, 128 + SIGABRT},
    {"exit", crash_exit, 7},
    {"loop", crash_loop, 128 + SIGVTALRM}, /* takes as long as the watchdog does */
};
#define NR_WAYS      (sizeof(ways) / sizeof(ways[0]))
#define NR_FAST_WAYS (NR_WAYS - 1)

#endif
