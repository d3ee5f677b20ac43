/* SPDX-License-Identifier: BSD-2-Clause */
/* What trap.S wants to know of the processor: how to save the extended state, and how large it is. */
#include <cpuid.h>
#include <stdint.h>

uint32_t host_xsave_size __attribute__((visibility("hidden"))) = 512;
uint32_t host_xsave_kind __attribute__((visibility("hidden"))); /* 0: fxsave, 1: xsave, 2: xsavec */

static __attribute__((constructor)) void find_xsave(void)
{
    unsigned eax, ebx, ecx, edx;
    if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx) || !(ecx & bit_OSXSAVE))
        return;
    if (!__get_cpuid_count(0xd, 0, &eax, &ebx, &ecx, &edx))
        return;
    host_xsave_size = (uint32_t)((ebx + 63) & ~63u);
    host_xsave_kind = 1;
    if (__get_cpuid_count(0xd, 1, &eax, &ebx, &ecx, &edx) && eax & 2)
        host_xsave_kind = 2;
}
