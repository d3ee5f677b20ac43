/* SPDX-License-Identifier: BSD-2-Clause */
/* From what people write to a scheduling policy. */
#ifndef POLICY_FIND_H
#define POLICY_FIND_H

#include <mk/policy.h>

#define POLICY_WHY_SIZE 512

/* Is it of this version, with all it needs? MK_OK, MK_E_PLUGIN_ABI. A line in `why` says what is wrong. */
mk_err_t policy_check(const struct mk_policy *policy, char *why, size_t why_size);

/* By name, or by the path of a plugin. NULL: the kernel's own. MK_E_NOT_FOUND, MK_E_PLUGIN_FILE, MK_E_PLUGIN_ABI. */
mk_err_t policy_find(const char *name, const struct mk_policy **policyp, char *why, size_t why_size);

/* Are all of them in their domains? */
bool policy_params_are_good(const struct mk_sched_params *params);

#endif
