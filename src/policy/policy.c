/* SPDX-License-Identifier: BSD-2-Clause */
/* The policies by name. */
#include "policy/policies.h"

static const struct mk_policy *const policies[] = {
    &policy_fcfs,    &policy_sjf,    &policy_srtf, &policy_rr,  &policy_mlfq,
    &policy_lottery, &policy_stride, &policy_fair, &policy_edf, &policy_mlfqs,
};

static const char *const names[] = {"priority", "fcfs",   "sjf",  "srtf", "rr",    "mlfq",
                                    "lottery",  "stride", "fair", "edf",  "mlfqs", NULL};

const struct mk_policy *mk_policy_find(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(policies); i++)
        if (strcmp(policies[i]->name, name) == 0)
            return policies[i];
    return NULL;
}

const char *const *mk_policy_names(void)
{
    return names;
}
