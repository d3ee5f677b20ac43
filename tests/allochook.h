/* SPDX-License-Identifier: BSD-2-Clause */
/* A machine's allocations of which the k-th after arming fails, once. */
#ifndef TESTS_ALLOCHOOK_H
#define TESTS_ALLOCHOOK_H

#include "mkt.h"

static struct hook {
    unsigned left; /* k */
    bool is_armed, has_failed;
} hook;

/* For struct mk_machine_config. */
static inline void *hook_alloc(void *arg, size_t size)
{
    (void)arg;
    (void)size;
    if (!hook.is_armed || --hook.left > 0)
        return &hook;
    hook.is_armed = false;
    hook.has_failed = true;
    return NULL;
}

#endif
