/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lottery: a ticket is drawn for each quantum, and its holder runs (Waldspurger and Weihl, Lottery Scheduling: Flexible
 * Proportional-Share Resource Management, 1994). The tree finds it in O(log n) (their section 4.2). Who used only a part
 * of its quantum holds so many times more tickets until it is drawn (their compensation tickets, 3.4). The numbers come
 * from the machine's seed, and repeat.
 */
#include "policy/policies.h"

#define COMPENSATION_MAX 1000 /* times its own tickets */

struct lottery {
    struct ready_tree ready; /* in the order of getting ready; weights are tickets */
    mk_time_t quantum;
    uint64_t random;
};

struct lottery_thread {
    struct entry entry;
    mk_time_t used; /* of its last quantum */
};

static void lottery_start(void *state, mk_time_t quantum, uint64_t seed)
{
    struct lottery *lottery = state;
    lottery->quantum = quantum;
    lottery->random = mix64(seed);
}

static uint64_t weight(const struct lottery *lottery, const struct mk_policy_thread *thread)
{
    const struct lottery_thread *t = thread->own;
    uint64_t tickets = tickets_of(thread);
    if (t->used <= 0 || t->used >= lottery->quantum)
        return tickets;
    if (t->used <= lottery->quantum / COMPENSATION_MAX)
        return tickets * COMPENSATION_MAX;
    return mul_div(tickets, (uint64_t)lottery->quantum, (uint64_t)t->used);
}

static void lottery_ready(void *state, struct mk_policy_thread *thread, enum mk_ready why, mk_time_t now)
{
    struct lottery *lottery = state;
    struct lottery_thread *t = thread->own;
    t->entry.node.weight = weight(lottery, thread);
    ready_add(&lottery->ready, &t->entry, thread, 0);
}

static void lottery_unready(void *state, struct mk_policy_thread *thread, mk_time_t now)
{
    struct lottery *lottery = state;
    struct lottery_thread *t = thread->own;
    ready_remove(&lottery->ready, &t->entry);
}

static struct mk_policy_thread *lottery_pick(void *state, mk_time_t now)
{
    struct lottery *lottery = state;
    uint64_t tickets = tree_sum(&lottery->ready.tree);
    if (!tickets)
        return NULL;
    uint64_t drawn = mix64(lottery->random++) % tickets;
    struct entry *entry = tree_entry(tree_at_weight(&lottery->ready.tree, drawn), struct entry, node);
    struct lottery_thread *t = entry->thread->own;
    ready_remove(&lottery->ready, entry);
    t->used = 0;
    return entry->thread;
}

static mk_time_t lottery_slice(void *state, const struct mk_policy_thread *thread, mk_time_t now)
{
    const struct lottery *lottery = state;
    return lottery->quantum;
}

static void lottery_ran(void *state, struct mk_policy_thread *thread, mk_time_t ns, mk_time_t now)
{
    struct lottery_thread *t = thread->own;
    t->used += ns;
}

static void lottery_changed(void *state, struct mk_policy_thread *thread, bool is_ready, mk_time_t now)
{
    struct lottery *lottery = state;
    struct lottery_thread *t = thread->own;
    if (is_ready)
        tree_set_weight(&lottery->ready.tree, &t->entry.node, weight(lottery, thread));
}

const struct mk_policy policy_lottery = {
    .abi = MK_POLICY_ABI,
    .name = "lottery",
    .state_size = sizeof(struct lottery),
    .thread_size = sizeof(struct lottery_thread),
    .start = lottery_start,
    .ready = lottery_ready,
    .unready = lottery_unready,
    .pick = lottery_pick,
    .slice = lottery_slice,
    .ran = lottery_ran,
    .changed = lottery_changed,
};
