/* SPDX-License-Identifier: BSD-2-Clause */
/* A scheduling policy as a plugin: who was ready last runs first, until it waits. */
#include <mk/policy.h>

struct lifo {
    struct mk_policy_thread *top;
};

struct own {
    struct mk_policy_thread *below;
};

static void ready(void *state, struct mk_policy_thread *thread, enum mk_ready why, mk_time_t now)
{
    struct lifo *lifo = state;
    (void)why, (void)now;
    ((struct own *)thread->own)->below = lifo->top;
    lifo->top = thread;
}

static void unready(void *state, struct mk_policy_thread *thread, mk_time_t now)
{
    struct lifo *lifo = state;
    struct mk_policy_thread **where = &lifo->top;
    (void)now;
    while (*where != thread)
        where = &((struct own *)(*where)->own)->below;
    *where = ((struct own *)thread->own)->below;
}

static struct mk_policy_thread *pick(void *state, mk_time_t now)
{
    struct lifo *lifo = state;
    struct mk_policy_thread *thread = lifo->top;
    (void)now;
    if (thread)
        lifo->top = ((struct own *)thread->own)->below;
    return thread;
}

static const struct mk_policy lifo = {
    .abi = MK_POLICY_ABI,
    .name = "lifo",
    .state_size = sizeof(struct lifo),
    .thread_size = sizeof(struct own),
    .ready = ready,
    .unready = unready,
    .pick = pick,
};

__attribute__((visibility("default"))) const struct mk_policy *const mk_policy_entry = &lifo;
