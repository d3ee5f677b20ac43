/* SPDX-License-Identifier: BSD-2-Clause */
/* Protection keys of the processor; see keys.h. */
#include "host/keys.h"

#include <cpuid.h>
#include <string.h>
#include <sys/mman.h>

#define XSTATE_KEYS 9 /* the component of the extended state, Intel SDM volume 1, 13.1 */

bool host_keys_are_used;

/* The processor has them, and the host lets us use them. */
static bool is_present(void)
{
    unsigned a, b, c, d;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (c & 1u << 3) && (c & 1u << 4);
}

static int alloc(void)
{
    return pkey_alloc(0, 0);
}

static void give_back(int key)
{
    pkey_free(key);
}

static bool protect(void *addr, size_t size, bool is_readable, bool is_writable, int key)
{
    return pkey_mprotect(addr, size, (is_readable ? PROT_READ : 0) | (is_writable ? PROT_WRITE : 0), key) == 0;
}

static uint32_t rights(void)
{
    uint32_t eax, edx;
    __asm__ volatile(".byte 0x0f, 0x01, 0xee" : "=a"(eax), "=d"(edx) : "c"(0)); /* rdpkru */
    return eax;
}

static void set_rights(uint32_t value)
{
    __asm__ volatile(".byte 0x0f, 0x01, 0xef" : : "a"(value), "c"(0), "d"(0) : "memory"); /* wrpkru */
}

static const struct host_keys processor = {is_present, alloc, give_back, protect, rights, set_rights};

const struct host_keys *host_keys = &processor;

/*
 * The frame has the standard format (13.4), with the components that are there as bits at offset 512, and ends where
 * the kernel says in the bytes that it leaves to software.
 */
void host_keys_open_frame(void *fpregs)
{
    unsigned offset, size, c, d;
    uint64_t present;
    uint32_t none = 0;
    if (!fpregs || !is_present() || !__get_cpuid_count(0xd, XSTATE_KEYS, &size, &offset, &c, &d) || size < sizeof(none))
        return;
    char *state = fpregs;
    memcpy(&present, state + 512, sizeof(present));
    present |= 1u << XSTATE_KEYS;
    memcpy(state + offset, &none, sizeof(none));
    memcpy(state + 512, &present, sizeof(present));
}
