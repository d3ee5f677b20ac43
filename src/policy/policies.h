/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the scheduling policies share. Each is a struct of functions, <mk/policy.h>; it allocates nothing, and each of
 * its functions takes at most O(log n) of n ready threads, but for once a second in mlfqs. A thread that is met while it
 * runs, or when it is woken, for the policy is new, has an `own` of zeros like one that begins.
 */
#ifndef POLICY_POLICIES_H
#define POLICY_POLICIES_H

#include <mk/policy.h>

#include "base/list.h"
#include "base/tree.h"

extern const struct mk_policy policy_fcfs, policy_sjf, policy_srtf, policy_rr, policy_mlfq, policy_lottery,
    policy_stride, policy_fair, policy_edf, policy_mlfqs;

/* A thread in a tree. Stands first in `own` of the policies that keep one. */
struct entry {
    struct tree_node node;
    struct mk_policy_thread *thread;
};

/* Ready threads by key; of equals, by order. Stands first in `state` of the policies that keep one. */
struct ready_tree {
    struct tree tree;
    uint64_t last_order; /* the last one that was given away; 1 is the first */
};

/* By what `order` says, or, where it is 0, behind all equals. The node's key and weight are set. */
static inline void ready_add(struct ready_tree *ready, struct entry *entry, struct mk_policy_thread *thread,
                             uint64_t order)
{
    entry->thread = thread;
    entry->node.order = order ? order : ++ready->last_order;
    tree_add(&ready->tree, &entry->node);
}

static inline void ready_remove(struct ready_tree *ready, struct entry *entry)
{
    tree_remove(&ready->tree, &entry->node);
}

static inline struct entry *ready_first(const struct ready_tree *ready)
{
    return ready->tree.first ? tree_entry(ready->tree.first, struct entry, node) : NULL;
}

/* The first leaves. NULL: none is ready. */
static inline struct mk_policy_thread *ready_take(struct ready_tree *ready)
{
    struct entry *first = ready_first(ready);
    if (!first)
        return NULL;
    ready_remove(ready, first);
    return first->thread;
}

#define TICKETS_DEFAULT 100

static inline uint32_t tickets_of(const struct mk_policy_thread *thread)
{
    return thread->is.tickets ? thread->is.tickets : TICKETS_DEFAULT;
}

/*
 * Virtual time: `ns` on the CPU, in the ns of a thread that has the default number of tickets; who has twice as many
 * ages half as fast. *rest keeps what the division leaves for the next call.
 */
static inline int64_t virtual_time(mk_time_t ns, uint32_t tickets, uint64_t *rest)
{
    mk_time_t whole = ns / tickets * TICKETS_DEFAULT;
    uint64_t part = (uint64_t)(ns % tickets) * TICKETS_DEFAULT + *rest;
    *rest = part % tickets;
    return whole + (int64_t)(part / tickets);
}

#endif
