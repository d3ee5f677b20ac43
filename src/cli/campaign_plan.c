/* SPDX-License-Identifier: BSD-2-Clause */
/* Which faults a campaign has: kind and place by the number. */
#include "campaign.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t mix(uint64_t x)
{
    x += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

struct fault campaign_plan_fault(const struct campaign *campaign, const struct campaign_plan *plan, uint64_t id)
{
    const struct campaign_run *reference = &campaign->reference;
    uint64_t random = mix(plan->seed ^ mix(id));
    struct fault fault = {.id = id, .kind = plan->kinds[random % plan->nr_kinds], .random = mix(random + 1)};
    if (fault.kind >= FAULT_LOST) {
        fault.at = 1 + mix(random + 2) % reference->nr_messages;
        return fault;
    }
    if (fault_is_of_pager(fault.kind)) {
        fault.target = campaign->pager;
        fault.at = 1 + mix(random + 2) % reference->nr_pager_calls;
        return fault;
    }
    size_t target = mix(random + 3) % campaign->nr_targets;
    fault.target = campaign->targets[target];
    fault.at = 1 + mix(random + 2) % reference->nr_calls[target];
    return fault;
}

static bool complain(char *why)
{
    fprintf(stderr, "mk: campaign: %s\n", why);
    free(why);
    return false;
}

static bool add_kind(struct campaign_plan *plan, const char *name, size_t size)
{
    const char *names[FAULT_NR_KINDS + 1] = {NULL};
    for (int kind = 0; kind < FAULT_NR_KINDS; kind++) {
        names[kind] = fault_texts[kind].name;
        if (strlen(names[kind]) == size && strncmp(names[kind], name, size) == 0) {
            plan->kinds[plan->nr_kinds++] = (enum fault_kind)kind;
            return true;
        }
    }
    char *word = text_ndup(name, size), *safe = text_printable(word);
    const char *nearest = text_nearest(word, names);
    complain(nearest ? text_format("--kinds: no kind '%s'; did you mean '%s'?", safe, nearest)
                     : text_format("--kinds: no kind '%s'; mk help campaign lists them", safe));
    free(word);
    free(safe);
    return false;
}

/* Those of the pager need one that is a target. */
static bool is_possible(const struct campaign *campaign, enum fault_kind kind)
{
    bool is_target = false;
    for (size_t i = 0; campaign->pager && i < campaign->nr_targets; i++)
        is_target |= strcmp(campaign->targets[i], campaign->pager) == 0;
    return !fault_is_of_pager(kind) || (is_target && campaign->reference.nr_pager_calls);
}

/* Without a list not `hang`: who hangs is found only by heartbeats, which a boot file may not have. */
bool campaign_plan_kinds(struct campaign_plan *plan, const struct campaign *campaign, const char *list)
{
    for (int kind = 0; !list && kind < FAULT_NR_KINDS; kind++)
        if (kind != FAULT_HANG && is_possible(campaign, (enum fault_kind)kind))
            plan->kinds[plan->nr_kinds++] = (enum fault_kind)kind;
    while (list && *list) {
        size_t size = strcspn(list, ",");
        if (plan->nr_kinds == FAULT_NR_KINDS)
            return complain(text_dup("--kinds: each kind once"));
        if (!add_kind(plan, list, size))
            return false;
        enum fault_kind kind = plan->kinds[plan->nr_kinds - 1];
        if (!is_possible(campaign, kind))
            return complain(
                text_format("--kinds: %s needs a pager among the targets that pages go to; the commands, or "
                            "less memory, must make them",
                            fault_texts[kind].name));
        list += size + (list[size] == ',');
    }
    return plan->nr_kinds > 0 || complain(text_dup("--kinds: which?"));
}
