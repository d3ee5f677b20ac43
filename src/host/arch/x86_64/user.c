/* SPDX-License-Identifier: BSD-2-Clause */
/* What user_copy.S wants to know of the processor. */
#include "host/arch/x86_64/user.h"

bool host_copy_wide;

static __attribute__((constructor)) void find_features(void)
{
    host_copy_wide = __builtin_cpu_supports("avx");
}
