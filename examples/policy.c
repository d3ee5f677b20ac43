/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A scheduling policy of one's own: last in, first out. A policy is a struct of functions that the kernel calls; it
 * allocates nothing, but has memory of its own for the CPU and for each thread. Here that is a stack of ready threads.
 */
#include "example.h"

struct lifo {
    struct mk_policy_thread *top;
};

struct lifo_thread {
    struct mk_policy_thread *above, *below; /* while it is ready */
};

static struct lifo_thread *own(struct mk_policy_thread *thread)
{
    return thread->own;
}

static void lifo_ready(void *state, struct mk_policy_thread *thread, enum mk_ready why, mk_time_t now)
{
    struct lifo *lifo = state;
    struct mk_policy_thread *above = NULL, *below = lifo->top;
    if (why == MK_READY_YIELDED) /* it wants others to run: to the bottom */
        for (; below; below = own(below)->below)
            above = below;
    *own(thread) = (struct lifo_thread){.above = above, .below = below};
    if (below)
        own(below)->above = thread;
    if (above)
        own(above)->below = thread;
    else
        lifo->top = thread;
}

static void lifo_unready(void *state, struct mk_policy_thread *thread, mk_time_t now)
{
    struct lifo *lifo = state;
    const struct lifo_thread *t = own(thread);
    if (t->below)
        own(t->below)->above = t->above;
    if (t->above)
        own(t->above)->below = t->below;
    else
        lifo->top = t->below;
}

static struct mk_policy_thread *lifo_pick(void *state, mk_time_t now)
{
    struct lifo *lifo = state;
    struct mk_policy_thread *thread = lifo->top;
    if (thread)
        lifo_unready(state, thread, now);
    return thread;
}

static const struct mk_policy lifo = {
    .abi = MK_POLICY_ABI,
    .name = "lifo",
    .state_size = sizeof(struct lifo),
    .thread_size = sizeof(struct lifo_thread),
    .ready = lifo_ready,
    .unready = lifo_unready,
    .pick = lifo_pick,
};

/* So the same file, built with -shared -fPIC, is a plugin: `policy = ./lifo.so` in a boot file. */
__attribute__((visibility("default"))) const struct mk_policy *const mk_policy_entry = &lifo;

static void work(void *arg)
{
    const char *label = arg;
    OK(mk_time_spend(2 * MK_MSEC));
    mk_log("%s ends at %d ms", label, (int)(mk_time_now() / MK_MSEC));
}

static void lab(void *arg)
{
    static const char *const labels[] = {"A", "B", "C"};
    for (int i = 0; i < 3; i++) {
        const struct mk_thread_attr attr = {.entry = work, .arg = (void *)(uintptr_t)labels[i], .label = labels[i]};
        OK(mk_thread_create(mk_task_self(), &attr, NULL));
    }
} /* nobody preempts it: the three begin when it has ended */

int main(void)
{
    static const struct mk_costs free_of_charge; /* kernel calls and switches take no time, as in a textbook */
    const struct mk_machine_config config = {.costs = &free_of_charge, .own_policy = &lifo};
    const struct mk_spawn spawn = {.label = "lab", .entry = lab};
    return example_run_with(config, &spawn, 1);
}
