/* SPDX-License-Identifier: BSD-2-Clause */
/* The floors; see floor.h. The bare switch saves and loads everything each time, and jumps instead of returning. */
#include "bench/floor.h"

static int add_one(int n)
{
    return n + 1;
}

int (*volatile floor_function)(int) = add_one;

__asm__(".text\n"
        ".p2align 5\n"
        ".globl bare_switch\n"
        ".hidden bare_switch\n"
        ".type bare_switch, @function\n"
        "bare_switch:\n"
        "push %rbp; push %rbx; push %r12; push %r13; push %r14; push %r15\n"
        "sub $8, %rsp\n"
        "stmxcsr (%rsp); fnstcw 4(%rsp)\n"
        "mov %rsp, (%rdi)\n"
        "mov %rsi, %rsp\n"
        "ldmxcsr (%rsp); fldcw 4(%rsp)\n"
        "add $8, %rsp\n"
        "pop %r15; pop %r14; pop %r13; pop %r12; pop %rbx; pop %rbp\n"
        "pop %rcx\n"
        "jmp *%rcx\n"
        ".size bare_switch, . - bare_switch\n");

void *floor_context(void *stack, size_t size, void (*entry)(void))
{
    uint64_t *top = (uint64_t *)(void *)((char *)stack + size) - 16;
    top[0] = 0x037f00001f80; /* the control words' defaults */
    top[7] = (uint64_t)(uintptr_t)entry;
    return top;
}

static void *main_sp, *other_sp;

static void other(void)
{
    for (;;)
        bare_switch(&other_sp, main_sp);
}

void floor_switch_pairs(uint64_t nr)
{
    static uint64_t stack[1024] __attribute__((aligned(64)));
    other_sp = floor_context(stack, sizeof(stack), other);
    for (uint64_t i = 0; i < nr; i++)
        bare_switch(&main_sp, other_sp);
}
