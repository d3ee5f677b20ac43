/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mlfq: the multi-level feedback queue of Arpaci-Dusseau, Operating Systems: Three Easy Pieces, chapter 8, rules 1 to 5:
 * 1. who is in a higher queue runs, 2. those of one queue take turns of a quantum; 3. a new thread begins at the top;
 * 4. who has used up its allotment of a queue, in however many turns, moves down one; 5. after some time all move to
 * the top.
 *
 * A preempted thread stays the first of its queue, for the rest of its turn; one that waited comes last.
 *
 * Rule 5 joins the queues and counts an epoch; a thread of an older epoch is at the top, whatever it says. It makes
 * nobody stronger than the running thread, so that it need not happen at the very moment but when it is asked for.
 */
#include "policy/policies.h"

#define NR_QUEUES 3
#define ALLOTMENT 1   /* quanta in each queue */
#define BOOST     100 /* quanta from one move to the top to the next: a second, of 10 ms */

struct mlfq {
    struct list queues[NR_QUEUES]; /* [0] is the top */
    mk_time_t quantum;
    int64_t epoch;
};

struct mlfq_thread {
    struct list link;
    struct mk_policy_thread *thread;
    int64_t epoch; /* to which level and used belong */
    uint32_t level;
    mk_time_t used; /* of its allotment, ns */
    mk_time_t turn; /* ns of its turn that are over */
};

static void mlfq_start(void *state, mk_time_t quantum, uint64_t seed)
{
    struct mlfq *mlfq = state;
    for (int i = 0; i < NR_QUEUES; i++)
        list_init(&mlfq->queues[i]);
    mlfq->quantum = quantum < MK_TIME_FOREVER / BOOST ? quantum : MK_TIME_FOREVER / BOOST;
}

/* Rule 5, if it is time. */
static void boost(struct mlfq *mlfq, mk_time_t now)
{
    int64_t epoch = now / (BOOST * mlfq->quantum);
    if (epoch == mlfq->epoch)
        return;
    mlfq->epoch = epoch;
    for (int i = 1; i < NR_QUEUES; i++)
        list_append(&mlfq->queues[0], &mlfq->queues[i]);
}

static void renew(const struct mlfq *mlfq, struct mlfq_thread *t)
{
    if (t->epoch == mlfq->epoch)
        return;
    t->epoch = mlfq->epoch;
    t->level = 0;
    t->used = 0;
}

static void mlfq_ready(void *state, struct mk_policy_thread *thread, enum mk_ready why, mk_time_t now)
{
    struct mlfq *mlfq = state;
    struct mlfq_thread *t = thread->own;
    boost(mlfq, now);
    renew(mlfq, t);
    t->thread = thread;
    if (why == MK_READY_PREEMPTED) {
        list_add_head(&t->link, &mlfq->queues[t->level]);
    } else {
        list_add_tail(&t->link, &mlfq->queues[t->level]);
        t->turn = 0;
    }
}

static void mlfq_unready(void *state, struct mk_policy_thread *thread, mk_time_t now)
{
    struct mlfq_thread *t = thread->own;
    list_remove(&t->link);
}

/* The highest queue that has a thread, or NR_QUEUES. */
static uint32_t highest(const struct mlfq *mlfq)
{
    uint32_t level = 0;
    while (level < NR_QUEUES && list_empty(&mlfq->queues[level]))
        level++;
    return level;
}

static struct mk_policy_thread *mlfq_pick(void *state, mk_time_t now)
{
    struct mlfq *mlfq = state;
    boost(mlfq, now);
    uint32_t level = highest(mlfq);
    if (level == NR_QUEUES)
        return NULL;
    struct mlfq_thread *t = list_first(&mlfq->queues[level], struct mlfq_thread, link);
    list_remove(&t->link);
    renew(mlfq, t);
    return t->thread;
}

static bool mlfq_preempts(void *state, const struct mk_policy_thread *running, mk_time_t now)
{
    struct mlfq *mlfq = state;
    const struct mlfq_thread *t = running->own;
    boost(mlfq, now);
    return highest(mlfq) < (t->epoch == mlfq->epoch ? t->level : 0);
}

static mk_time_t mlfq_slice(void *state, const struct mk_policy_thread *thread, mk_time_t now)
{
    const struct mlfq *mlfq = state;
    const struct mlfq_thread *t = thread->own;
    mk_time_t turn = t->turn < mlfq->quantum ? mlfq->quantum - t->turn : mlfq->quantum;
    mk_time_t allotment = ALLOTMENT * mlfq->quantum - t->used;
    return t->level == NR_QUEUES - 1 || turn < allotment ? turn : allotment;
}

static void mlfq_ran(void *state, struct mk_policy_thread *thread, mk_time_t ns, mk_time_t now)
{
    struct mlfq *mlfq = state;
    struct mlfq_thread *t = thread->own;
    boost(mlfq, now);
    renew(mlfq, t);
    t->turn += ns;
    if (t->level == NR_QUEUES - 1)
        return; /* from there it goes nowhere */
    mk_time_t since_boost = now - mlfq->epoch * (BOOST * mlfq->quantum);
    t->used += ns < since_boost ? ns : since_boost;
    if (t->used < ALLOTMENT * mlfq->quantum)
        return;
    t->level++;
    t->used = t->turn = 0;
}

const struct mk_policy policy_mlfq = {
    .abi = MK_POLICY_ABI,
    .name = "mlfq",
    .state_size = sizeof(struct mlfq),
    .thread_size = sizeof(struct mlfq_thread),
    .start = mlfq_start,
    .ready = mlfq_ready,
    .unready = mlfq_unready,
    .pick = mlfq_pick,
    .preempts = mlfq_preempts,
    .slice = mlfq_slice,
    .ran = mlfq_ran,
};
