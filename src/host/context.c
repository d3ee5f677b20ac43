/* SPDX-License-Identifier: BSD-2-Clause */
/* Contexts; see context.h. The sanitizers are told of every change of stack. */
#include "host/context.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "host/cpu.h"
#include "host/sanitizer.h"

void host_switch_fresh(void **save, const ucontext_t *fresh, int (*set)(const ucontext_t *));

#if HOST_ASAN
void __sanitizer_start_switch_fiber(void **fake_stack_save, const void *bottom, size_t size);
void __sanitizer_finish_switch_fiber(void *fake_stack_save, const void **bottom_old, size_t *size_old);

void __asan_unpoison_memory_region(void const volatile *addr, size_t size);

static void stack_clean(char *stack, size_t size)
{
    __asan_unpoison_memory_region(stack, size); /* a thread ended in mid-flight left its frames' red zones */
}

static void fiber_start(struct host_context *from, struct host_context *to)
{
    __sanitizer_start_switch_fiber(&from->sanitizer, to->stack, to->size);
}

static void fiber_finish(struct host_context *self)
{
    __sanitizer_finish_switch_fiber(self->sanitizer, NULL, NULL);
}
#elif HOST_TSAN
void *__tsan_get_current_fiber(void);
void *__tsan_create_fiber(unsigned flags);
void __tsan_switch_to_fiber(void *fiber, unsigned flags);
void __tsan_destroy_fiber(void *fiber);

static void fiber_start(struct host_context *from, struct host_context *to)
{
    (void)from;
    if (!to->sanitizer)
        to->sanitizer = __tsan_create_fiber(0);
    __tsan_switch_to_fiber(to->sanitizer, 0);
}

static void fiber_finish(struct host_context *self)
{
    (void)self;
}
#else
static void fiber_start(struct host_context *from, struct host_context *to)
{
    (void)from, (void)to;
}

static void fiber_finish(struct host_context *self)
{
    (void)self;
}
#endif

#if !HOST_ASAN
static void stack_clean(char *stack, size_t size)
{
    (void)stack, (void)size;
}
#endif

struct start {
    void (*entry)(void *);
    void *arg;
};

/* makecontext passes ints: the address of `start` comes in two halves. */
static void context_main(unsigned low, unsigned high)
{
    const struct start *start = (const struct start *)((uintptr_t)low | (uintptr_t)high << 32);
    start->entry(start->arg);
    abort();
}

void host_context_init(struct host_context *context, void (*entry)(void *), void *arg)
{
    char *stack = context->stack;
    size_t size = context->size;
    struct { /* lives at the top of the stack: a thread that never runs costs nothing elsewhere */
        ucontext_t uc;
        struct start start;
    } *top = (void *)(((uintptr_t)stack + size - sizeof(*top)) & ~(uintptr_t)63);

    stack_clean(stack, size);
    top->start = (struct start){entry, arg};
    getcontext(&top->uc);
    top->uc.uc_stack.ss_sp = stack;
    top->uc.uc_stack.ss_size = (size_t)((char *)top - stack);
    top->uc.uc_link = NULL;
    uintptr_t address = (uintptr_t)&top->start;
    makecontext(&top->uc, (void (*)(void))context_main, 2, (unsigned)address, (unsigned)(address >> 32));
    context->sp = NULL;
    context->uc = &top->uc;
    host_context_drop(context);
}

void host_context_drop(struct host_context *context)
{
#if HOST_TSAN
    if (context->sanitizer)
        __tsan_destroy_fiber(context->sanitizer);
#endif
    context->sanitizer = NULL;
}

void host_context_init_self(struct host_context *context, bool is_ucontext)
{
    memset(context, 0, sizeof(*context));
    if (is_ucontext)
        context->uc = malloc(sizeof(*context->uc));
#if HOST_ASAN
    pthread_attr_t attr;
    void *stack = NULL;
    pthread_getattr_np(pthread_self(), &attr);
    pthread_attr_getstack(&attr, &stack, &context->size);
    pthread_attr_destroy(&attr);
    context->stack = stack;
#elif HOST_TSAN
    context->sanitizer = __tsan_get_current_fiber();
#endif
}

void host_context_finish(struct host_context *context)
{
    free(context->uc);
    context->uc = NULL;
}

static void switch_registers(struct host_context *from, struct host_context *to, bool is_ucontext)
{
    if (!to->sp) { /* never entered; setcontext would restore the signal mask of whoever made it */
        if (to->uc && to->stack)
            to->uc->uc_sigmask = host_this_cpu->mask;
        if (!is_ucontext) {
            host_switch_fresh(&from->sp, to->uc, setcontext);
            return;
        }
    }
    if (is_ucontext)
        swapcontext(from->uc, to->uc);
    else
        host_switch(&from->sp, to->sp);
}

void host_context_switch(struct host_context *from, struct host_context *to, bool is_ucontext)
{
    fiber_start(from, to);
    switch_registers(from, to, is_ucontext);
    fiber_finish(from);
}

void host_context_entered(struct host_context *context)
{
#if HOST_ASAN
    context->sanitizer = NULL;
#endif
    fiber_finish(context);
}
