/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Contexts: what runs on a stack.
 *
 * A context is born as a ucontext (makecontext) and first entered by
 * setcontext. Voluntary switches are a register swap in assembly, since
 * swapcontext pays a system call each way; with `is_ucontext` every switch is a
 * swapcontext. Both are kept because comparing them is part of the purpose.
 */
#ifndef HOST_CONTEXT_H
#define HOST_CONTEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <ucontext.h>

struct host_context {
    void *sp;       /* of a context that does not run; NULL: fresh, never entered */
    ucontext_t *uc; /* at the top of its own stack; NULL: the host thread's own context */
    char *stack;    /* lowest usable byte */
    size_t size;
    void *sanitizer; /* ASan's fake stack or TSan's fiber */
};

/*
 * Lay out a context on its stack, which the caller has filled in (`stack`, `size`); entry(arg) runs at the first switch
 * to it and must never return. May be called again to start over.
 */
void host_context_init(struct host_context *context, void (*entry)(void *), void *arg);

/* What a sanitizer keeps for a context that will not be entered again before the next host_context_init. */
void host_context_drop(struct host_context *context);

/* The calling host thread's own context, to be switched from first. */
void host_context_init_self(struct host_context *context, bool is_ucontext);
void host_context_finish(struct host_context *context);

void host_context_switch(struct host_context *from, struct host_context *to, bool is_ucontext);

/* To be called once, first thing, by `entry`. */
void host_context_entered(struct host_context *context);

/* arch. */
static inline __attribute__((always_inline)) char *host_stack_pointer(void)
{
    char *sp;
    __asm__("mov %%rsp, %0" : "=r"(sp));
    return sp;
}

/* arch: whoever walks the stack stops at the function that says this. */
#define host_context_outermost() __asm__ volatile(".cfi_undefined rip")

/* arch: rounding, precision and exception masks as a program finds them at its start. */
static inline void host_context_reset_fp(void)
{
    uint32_t mxcsr;
    uint16_t control;
    __asm__ volatile("stmxcsr %0; fnstcw %1" : "=m"(mxcsr), "=m"(control));
    if ((mxcsr & ~0x3fu) != 0x1f80 || control != 0x37f) {
        mxcsr = 0x1f80;
        control = 0x37f;
        __asm__ volatile("ldmxcsr %0; fldcw %1" : : "m"(mxcsr), "m"(control));
    }
}

/* arch: see switch.S. fn(arg) on the stack that ends at `top`, a multiple of 16. */
void host_call_on(void *top, void (*fn)(void *), void *arg);

/* arch: see switch.S. For the call path, which knows that both are ordinary and no sanitizer is there. */
void host_switch(void **save, void *load);

#endif
