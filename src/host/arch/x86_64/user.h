/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Access to user memory that cannot crash the kernel, at no cost when all is well.
 *
 * Each instruction that touches a user's pointer is listed with a place to go
 * on when it faults, in the section mk_extable; the trap handler (trap.c) looks
 * the faulting instruction up there. The idea is that of Linux's exception tables.
 */
#ifndef HOST_ARCH_USER_H
#define HOST_ARCH_USER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct host_extable_entry {
    int32_t insn, fixup; /* each relative to its own address */
};

#define USER_FIXUP(insn, fixup) \
    ".pushsection mk_extable, \"a\"\n" \
    ".balign 4\n" \
    ".long " insn " - .\n" \
    ".long " fixup " - .\n" \
    ".popsection\n"

/* The user's pointer is a memory operand, so that the compiler can fold the field's offset into the instruction. */
#define USER_ACCESS(suffix, type, insn) \
    typedef type __attribute__((may_alias, aligned(1))) user_##suffix; \
    static inline __attribute__((always_inline)) bool raw_load_##suffix(const void *p, type *out) \
    { \
        type v; \
        __asm__ goto("1: " insn " %[m], %[v]\n" USER_FIXUP("1b", "%l[fault]") \
                     : [v] "=r"(v) \
                     : [m] "m"(*(const user_##suffix *)p) \
                     : \
                     : fault); \
        *out = v; \
        return true; \
    fault: \
        return false; \
    } \
    static inline __attribute__((always_inline)) bool raw_store_##suffix(void *p, type v) \
    { \
        __asm__ goto("1: " insn " %[v], %[m]\n" USER_FIXUP("1b", "%l[fault]") \
                     : \
                     : [v] "r"(v), [m] "m"(*(user_##suffix *)p) \
                     : "memory" \
                     : fault); \
        return true; \
    fault: \
        return false; \
    }

USER_ACCESS(u64, uint64_t, "movq")
USER_ACCESS(u32, uint32_t, "movl")

/* Can these 8 bytes be read? A load whose value goes unused would be left out. */
static inline __attribute__((always_inline)) bool raw_probe_u64(const void *p)
{
    __asm__ volatile goto("1: cmpq $0, %[m]\n" USER_FIXUP("1b", "%l[fault]")
                          :
                          : [m] "m"(*(const user_u64 *)p)
                          : "cc"
                          : fault);
    return true;
fault:
    return false;
}

static inline __attribute__((always_inline)) bool raw_probe_u8(const void *p)
{
    __asm__ volatile goto("1: cmpb $0, %[m]\n" USER_FIXUP("1b", "%l[fault]")
                          :
                          : [m] "m"(*(const uint8_t *)p)
                          : "cc"
                          : fault);
    return true;
fault:
    return false;
}

/* A field of a user's struct, whose address may be anything: no member of it may be named. */
#define USER_FIELD(p, type, field) ((void *)((uintptr_t)(p) + offsetof(type, field)))

/* The processor has AVX; set when the library is loaded. */
extern bool host_copy_wide __attribute__((visibility("hidden")));

/*
 * Copy n bytes where either side, or both, may be a user's pointer. False on a fault; part may have been copied then.
 */
bool raw_copy(void *dst, const void *src, size_t n);

/*
 * Copy a user's string with its NUL into dst. Its length, or -1 on a fault, or -2 when it does not fit in size bytes.
 */
long raw_copy_string(char *dst, const char *src, size_t size);

#endif
