/* SPDX-License-Identifier: BSD-2-Clause */
/* See find.h. */
#include "policy/find.h"

#include <stdio.h>
#include <string.h>

#include "host/plugin.h"

mk_err_t policy_check(const struct mk_policy *policy, char *why, size_t why_size)
{
    if (policy->abi != MK_POLICY_ABI) {
        snprintf(why, why_size, "policy: it is made for version %u of <mk/policy.h>, this is %d", policy->abi,
                 MK_POLICY_ABI);
        return MK_E_PLUGIN_ABI;
    }
    if (policy->name && policy->ready && policy->unready && policy->pick)
        return MK_OK;
    snprintf(why, why_size, "policy: it needs a name, and the functions ready, unready and pick");
    return MK_E_PLUGIN_ABI;
}

mk_err_t policy_find(const char *name, const struct mk_policy **policyp, char *why, size_t why_size)
{
    *policyp = NULL;
    if (strcmp(name, "priority") == 0)
        return MK_OK;
    if (strchr(name, '/')) {
        char text[256];
        const struct mk_policy *const *entry = host_plugin_symbol(name, "mk_policy_entry", text, sizeof(text));
        if (!entry) {
            snprintf(why, why_size, "policy: '%s': %s", name, text);
            return MK_E_PLUGIN_FILE;
        }
        *policyp = *entry;
        return policy_check(*entry, why, why_size);
    }
    *policyp = mk_policy_find(name);
    if (*policyp)
        return MK_OK;
    snprintf(why, why_size, "policy: '%s' is unknown; known are priority", name);
    for (const char *const *known = mk_policy_names() + 1; *known; known++) {
        size_t used = strlen(why);
        snprintf(why + used, why_size - used, ", %s", *known);
    }
    size_t used = strlen(why);
    snprintf(why + used, why_size - used, ", and paths of plugins, with a '/' in them");
    return MK_E_NOT_FOUND;
}

bool policy_params_are_good(const struct mk_sched_params *p)
{
    return p->burst >= 0 && p->period >= 0 && p->deadline >= 0 && p->budget >= 0 && p->nice >= -20 && p->nice <= 20 &&
           p->deadline <= p->period && p->budget <= p->period;
}
