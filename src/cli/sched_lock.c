/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Locks between the threads of a scheduling workload; see sched_lock.h.
 *
 * Threads share their memory and are switched in kernel calls only, as these return. A waiter is in `waits` before its
 * call begins and, if it has no `reply`, in the queue of the holder's port from then on, so that the holder can tell
 * whether it has taken all requests.
 */
#include "sched_lock.h"

#include <mk/error.h>
#include <mk/message.h>
#include <mk/port.h>

mk_err_t sched_lock_prepare(struct sched_thread *self)
{
    mk_err_t err = mk_port_create(&self->port);
    if (!err)
        err = mk_right_make(self->port, MK_RIGHT_SEND, 0, NULL);
    return err ? err : mk_port_set_limit(self->port, MK_QUEUE_MAX);
}

mk_err_t sched_lock_serve(struct sched_thread *self)
{
    struct mk_msg msg = {.id = 0};
    mk_err_t err = mk_send(self->port, &msg, MK_TIME_POLL);
    return err ? err : mk_receive(self->port, &msg, MK_TIME_POLL);
}

mk_err_t sched_lock_acquire(struct sched_thread *self, struct sched_lock *lock)
{
    struct sched_program *program = self->program;
    if (!lock->holder) {
        lock->holder = self;
        return MK_OK;
    }
    struct mk_msg msg = {.id = (uint32_t)(self - program->threads)};
    self->waits = lock;
    self->since = program->nr_waits++;
    return mk_call(lock->holder->port, &msg, MK_TIME_FOREVER);
}

static bool is_before(const struct sched_thread *a, const struct sched_thread *b)
{
    return a->row->priority != b->row->priority ? a->row->priority > b->row->priority : a->since < b->since;
}

/* The strongest of those that wait, of equals the one that waits longest. `is_all_taken`: each has a `reply`. */
static struct sched_thread *choose(const struct sched_program *program, const struct sched_lock *lock,
                                   bool *is_all_taken)
{
    struct sched_thread *best = NULL;
    *is_all_taken = true;
    for (size_t i = 0; i < program->workload->nr_rows; i++) {
        struct sched_thread *thread = &program->threads[i];
        if (thread->waits != lock)
            continue;
        *is_all_taken &= thread->reply != MK_NAME_NULL;
        if (!best || is_before(thread, best))
            best = thread;
    }
    return best;
}

static mk_err_t take_request(struct sched_thread *self)
{
    struct mk_msg msg = {.id = 0};
    mk_err_t err = mk_receive(self->port, &msg, MK_TIME_POLL);
    if (!err)
        self->program->threads[msg.id].reply = msg.reply;
    return err;
}

/* What this thread had taken for the lock is the next holder's. */
static mk_err_t pass_on(const struct sched_program *program, const struct sched_lock *lock)
{
    mk_err_t err = MK_OK;
    for (size_t i = 0; !err && i < program->workload->nr_rows; i++) {
        struct sched_thread *thread = &program->threads[i];
        if (thread->waits != lock || !thread->reply || thread == lock->holder)
            continue;
        struct mk_msg msg = {.id = (uint32_t)i, .reply = thread->reply};
        thread->reply = MK_NAME_NULL;
        err = mk_send(lock->holder->port, &msg, MK_TIME_POLL);
    }
    return err;
}

mk_err_t sched_lock_release(struct sched_thread *self, struct sched_lock *lock)
{
    const struct sched_program *program = self->program;
    bool is_all_taken;
    struct sched_thread *next = choose(program, lock, &is_all_taken);
    mk_err_t err = MK_OK;
    while (!err && !is_all_taken) {
        err = take_request(self);
        next = choose(program, lock, &is_all_taken);
    }
    if (err)
        return err;
    lock->holder = next;
    if (!next)
        return MK_OK;
    err = pass_on(program, lock);
    struct mk_msg msg = {.reply = next->reply};
    next->reply = MK_NAME_NULL;
    next->waits = NULL;
    return err ? err : mk_reply(&msg);
}
