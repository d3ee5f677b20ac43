/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The model's scheduling: the strongest ready actor runs, equals in the order in
 * which they became ready. A call that ends is a point where due timers fire and
 * a stronger ready thread goes first; the actor then waits at the head of its
 * queue. All costs are 0, so that time passes only in mk_time_spend.
 */
#include "fuzz_ipc.h"

#define NEVER (MK_TIME_FOREVER / 2) /* deadlines beyond do not come */

/* ---- ready, blocked ---- */

static void waiters_remove(struct waiters *queue, unsigned actor)
{
    for (unsigned i = 0; i < queue->nr; i++)
        if (queue->actors[i] == actor) {
            queue->nr--;
            memmove(&queue->actors[i], &queue->actors[i + 1], queue->nr - i);
            return;
        }
}

void leave_queue(struct world *w, struct actor *a)
{
    if (a->queue)
        waiters_remove(a->queue, (unsigned)(a - w->actors));
    a->queue = NULL;
}

void unblock(struct world *w, struct actor *a, enum step step, errs_t errs)
{
    leave_queue(w, a);
    w->nr_timers -= a->deadline != MK_TIME_FOREVER;
    a->deadline = MK_TIME_FOREVER;
    a->wait = MK_WAIT_NONE;
    a->is_calling = a->is_waiting_reply = a->has_left = false;
    a->step = a->state == ACTOR_IDLE && step == STEP_DONE ? STEP_IDLE : step;
    a->errs = errs;
    lend(w, a, 0);
}

void make_ready(struct world *w, struct actor *a)
{
    a->state = a->suspends ? ACTOR_STOPPED : ACTOR_READY;
    a->order = ++w->next_tail;
}

void wake(struct world *w, struct actor *a, enum step step, errs_t errs)
{
    unblock(w, a, step, errs);
    make_ready(w, a);
}

void wake_all(struct world *w, struct waiters *queue, enum step step, errs_t errs)
{
    while (queue->nr)
        wake(w, &w->actors[queue->actors[0]], step, errs);
}

struct actor *strongest(struct world *w)
{
    struct actor *best = NULL;
    for (unsigned i = 0; i < NR_ACTORS; i++) {
        struct actor *a = &w->actors[i];
        if (a->state == ACTOR_READY &&
            (!best || a->priority > best->priority || (a->priority == best->priority && a->order < best->order)))
            best = a;
    }
    return best;
}

static bool is_stronger_ready(struct world *w, int priority)
{
    const struct actor *a = strongest(w);
    return a && a->priority > priority;
}

errs_t may_wait(const struct world *w, mk_time_t deadline)
{
    if (deadline == MK_TIME_POLL)
        return ERR(MK_E_WOULD_BLOCK);
    return deadline > w->now ? OK_ONLY : ERR(MK_E_TIMED_OUT);
}

void block(struct world *w, struct actor *a, struct waiters *queue, enum mk_wait wait, unsigned port,
           mk_time_t deadline, struct actor *heir)
{
    if (a == &w->actors[0])
        differ(w, "the model expects the driver to wait");
    a->state = ACTOR_BLOCKED;
    a->wait = (uint8_t)wait;
    a->wait_port = (uint16_t)port;
    a->queue = queue;
    if (queue)
        queue->actors[queue->nr++] = (uint8_t)(a - w->actors);
    a->deadline = deadline < NEVER ? deadline : MK_TIME_FOREVER;
    w->nr_timers += a->deadline != MK_TIME_FOREVER;
    a->timer_order = ++w->next_timer;
    if (!heir)
        return;
    if (heir->suspends || is_stronger_ready(w, heir->priority)) {
        make_ready(w, heir);
        return;
    }
    heir->state = ACTOR_RUNNING; /* the CPU is handed to it, before its equals */
    w->heir = (int)(heir - w->actors);
}

/* ---- time ---- */

struct actor *first_timer(struct world *w)
{
    struct actor *first = NULL;
    for (unsigned i = 0; w->nr_timers && i < NR_ACTORS; i++) {
        struct actor *a = &w->actors[i];
        if (a->state != ACTOR_NONE && a->deadline != MK_TIME_FOREVER &&
            (!first || a->deadline < first->deadline ||
             (a->deadline == first->deadline && a->timer_order < first->timer_order)))
            first = a;
    }
    return first;
}

void fire_timers(struct world *w)
{
    struct actor *a;
    while ((a = first_timer(w)) && a->deadline <= w->now)
        if (a->is_depressed)
            undepress(w, a);
        else
            wake(w, a, STEP_DONE, a->wait == MK_WAIT_SLEEP ? OK_ONLY : ERR(MK_E_TIMED_OUT));
}

/* A stronger one is ready: the running actor waits at the head of its queue. */
static bool gives_way_to_stronger(struct world *w, struct actor *a)
{
    if (!is_stronger_ready(w, a->priority))
        return false;
    a->state = ACTOR_READY;
    a->order = --w->next_head;
    return true;
}

/* ---- running ---- */

static void __attribute__((noreturn)) bad_end(struct world *w, const struct actor *a)
{
    unsigned actor = (unsigned)(a - w->actors);
    char expected[512], op[512];
    op_words(w, &a->op, op, sizeof(op));
    if (w->nr_seen >= w->nr_logged)
        differ(w, "actor %u should have come to the end of its call, but has not: %s", actor, op);
    if (w->log[w->nr_seen] != actor)
        differ(w, "actor %u came to the end of its call where actor %u should have: %s", w->log[w->nr_seen], actor, op);
    errs_words(a->errs, expected, sizeof(expected));
    differ(w, "actor %u: %s: answered %s, expected %s", actor, op, mk_err_name(a->err), expected);
}

/* Its kernel call returns to the actor, which reports and sleeps. */
static void complete(struct world *w, struct actor *a)
{
    unsigned actor = (unsigned)(a - w->actors);
    a->state = actor ? ACTOR_IDLE : ACTOR_RUNNING;
    if (a->step == STEP_IDLE)
        return;
    if (w->nr_seen >= w->nr_logged || w->log[w->nr_seen] != actor)
        bad_end(w, a);
    if (a->step != STEP_START && !(a->errs & ERR(a->err)))
        bad_end(w, a);
    w->nr_seen++;
    if (a->step == STEP_START)
        return;
    if (a->err == MK_OK && a->op.call == CALL_EVENT_WAIT && a->value != a->want)
        differ(w, "actor %u: waited for events and got %llx, expected %llx", actor, (unsigned long long)a->value,
               (unsigned long long)a->want);
    if (a->err == MK_OK && a->op.call == CALL_TASK_WAIT && a->exit_code != (int)a->want)
        differ(w, "actor %u: mk_task_wait: exit code %d, expected %d", actor, a->exit_code, (int)a->want);
    totals.nr_done[a->op.call][1] += a->err == MK_OK;
}

/* The way out of the kernel, once a call. False: a stronger one goes first. */
bool leave(struct world *w, struct actor *a)
{
    if (a->has_left)
        return true;
    a->has_left = true;
    fire_timers(w);
    return !gives_way_to_stronger(w, a);
}

/* The kernel call of the running actor ends. */
void call_ends(struct world *w, struct actor *a, errs_t errs)
{
    a->step = STEP_DONE;
    a->errs = errs;
    a->has_left = false;
    if (leave(w, a))
        complete(w, a);
}

/* The same for calls that only look, and for mk_time_spend: they are no such point. */
void call_returns(struct world *w, struct actor *a, errs_t errs)
{
    a->step = STEP_DONE;
    a->errs = errs;
    complete(w, a);
}

/* Timers fire on the way; who is stronger then runs in between, and its calls may lend to this one or end a loan. */
void spend(struct world *w, struct actor *a)
{
    a->step = STEP_SPEND;
    while (a->time_left > 0) {
        fire_timers(w);
        if (gives_way_to_stronger(w, a))
            return;
        const struct actor *timer = first_timer(w);
        mk_time_t room = timer ? timer->deadline - w->now : a->time_left;
        mk_time_t step = a->time_left < room ? a->time_left : room;
        w->now += step;
        a->time_left -= step;
    }
    call_returns(w, a, OK_ONLY);
}

static void run_actor(struct world *w, struct actor *a)
{
    a->state = ACTOR_RUNNING;
    switch (a->step) {
    case STEP_BEGIN: /* its sleep has ended */
        if (!leave(w, a))
            break;
        a->has_waited = false;
        do_call(w, a);
        break;
    case STEP_RECEIVE:
        do_receive(w, a, NULL);
        break;
    case STEP_START:
        complete(w, a);
        break;
    case STEP_SPEND:
        spend(w, a);
        break;
    case STEP_YIELD:
        do_yield(w, a);
        break;
    case STEP_SWITCHED: /* what it had given away is over */
        undepress(w, a);
        call_ends(w, a, OK_ONLY);
        break;
    default:
        if (leave(w, a))
            complete(w, a);
        break;
    }
}

/* All that is ready and stronger than `above`. */
void run_ready(struct world *w, int above)
{
    for (;;) {
        struct actor *a = w->heir >= 0 ? &w->actors[w->heir] : strongest(w);
        if (!a || (w->heir < 0 && a->priority <= above))
            return;
        w->heir = -1;
        run_actor(w, a);
    }
}

/* The driver's call ends, if others went first. */
void run_driver(struct world *w)
{
    if (strongest(w) == &w->actors[0])
        run_actor(w, &w->actors[0]);
}

/* ---- giving the CPU away ---- */

void undepress(struct world *w, struct actor *a)
{
    if (!a->is_depressed)
        return;
    w->nr_timers -= a->deadline != MK_TIME_FOREVER;
    a->deadline = MK_TIME_FOREVER;
    a->is_depressed = false;
    update_priorities(w);
}

/* May it have the CPU before all others that are ready? */
static bool is_first_choice(struct world *w, const struct actor *to)
{
    return to && to->state == ACTOR_READY && !is_stronger_ready(w, to->priority);
}

/* The running actor lets others of its priority run first, the driver at priority 0 among them. */
static bool gives_way(struct world *w, struct actor *a)
{
    const struct actor *other = strongest(w);
    if (a->priority && !(other && other->priority >= a->priority))
        return false;
    make_ready(w, a);
    return true;
}

void do_yield(struct world *w, struct actor *a)
{
    if (!gives_way(w, a)) {
        call_returns(w, a, OK_ONLY);
        return;
    }
    a->step = STEP_DONE; /* and leaves like other calls (a short way that does not would need a thread at the door) */
    a->errs = OK_ONLY;
    a->has_left = false;
}

/* mk_thread_switch, with good arguments. */
void do_switch(struct world *w, struct actor *a, struct actor *to)
{
    bool is_timed = a->op.how != MK_SWITCH_NONE && a->op.deadline > w->now;
    if (is_timed && a->op.how == MK_SWITCH_WAIT) {
        bool is_heir = is_first_choice(w, to);
        if (is_heir)
            to->state = ACTOR_RUNNING; /* not in a queue any more */
        block(w, a, NULL, MK_WAIT_SLEEP, 0, a->op.deadline, is_heir ? to : NULL);
        return;
    }
    if (is_timed) {
        a->is_depressed = true;
        a->deadline = a->op.deadline < NEVER ? a->op.deadline : MK_TIME_FOREVER;
        w->nr_timers += a->deadline != MK_TIME_FOREVER;
        a->timer_order = ++w->next_timer;
        update_priorities(w);
    }
    a->step = STEP_SWITCHED;
    if (to && to->priority >= a->priority && is_first_choice(w, to)) {
        make_ready(w, a);
        to->state = ACTOR_RUNNING;
        w->heir = (int)(to - w->actors);
    } else if (!gives_way(w, a)) {
        undepress(w, a);
        call_ends(w, a, OK_ONLY);
    }
}

/* ---- lives ---- */

void thread_begin(struct world *w, unsigned actor, unsigned task, int priority)
{
    struct actor *a = &w->actors[actor];
    a->task = (uint8_t)task;
    a->priority = a->base = (uint8_t)priority;
    a->lent_to = 0;
    a->served = 0;
    a->suspends = 0;
    a->step = STEP_START;
    a->state = ACTOR_STOPPED;
    a->is_calling = a->is_waiting_reply = a->is_depressed = false;
    a->deadline = MK_TIME_FOREVER;
    a->queue = NULL;
    a->self = MK_NAME_NULL;
    a->port = (uint16_t)port_new(w, KIND_THREAD);
    a->serial = ++w->next_serial;
    w->ports[a->port].object = (uint8_t)actor;
    w->tasks[task].nr_threads++;
}

/* What others hold of it: those who wait for its end, its port. */
static void thread_detach(struct world *w, struct actor *a)
{
    wake_all(w, &w->ports[a->port].receivers, STEP_DONE, OK_ONLY);
    port_destroy(w, a->port);
}

static void thread_stop(struct world *w, struct actor *a)
{
    if (a->is_depressed)
        undepress(w, a);
    if (a->state == ACTOR_BLOCKED)
        unblock(w, a, STEP_DONE, 0);
    a->is_calling = false;
    a->has_op = false; /* it may have been ended before it began */
    a->state = ACTOR_NONE;
}

void thread_ends(struct world *w, struct actor *a, bool is_current)
{
    struct task *task = &w->tasks[a->task];
    thread_stop(w, a);
    for (unsigned i = 0; i < NR_ACTORS; i++)
        if (w->actors[i].state != ACTOR_NONE && w->actors[i].lent_to == a->serial)
            lend(w, &w->actors[i], 0);
    thread_detach(w, a);
    task->nr_threads--;
    bool is_last = task->nr_threads == 0 && task->is_alive;
    if (is_last)
        task_ends(w, a->task, 0, is_current ? a : NULL);
}

void task_begin(struct world *w, unsigned task, int parent)
{
    struct task *t = &w->tasks[task];
    struct space *space = t->space;
    *t = (struct task){.is_alive = true, .space = space};
    space->nr = space->nr_stale = 0;
    t->id = ++w->next_task_id;
    t->port = (uint16_t)port_new(w, KIND_TASK);
    w->ports[t->port].object = (uint8_t)task;
    for (unsigned i = 0; parent >= 0 && i < MK_NR_SPECIALS; i++)
        if (i != MK_SPECIAL_MACHINE && w->tasks[parent].specials[i].type) {
            t->specials[i] = w->tasks[parent].specials[i];
            w->ports[t->specials[i].port].nr_send++;
        }
}

/* Its threads in the order of their creation, the special ports, the rights, who waits for the end, its port. */
void task_ends(struct world *w, unsigned task, int exit_code, struct actor *current)
{
    struct task *t = &w->tasks[task];
    if (!t->is_alive)
        return;
    t->is_alive = false;
    for (;;) {
        struct actor *next = NULL;
        for (unsigned i = 0; i < NR_ACTORS; i++) {
            struct actor *a = &w->actors[i];
            if (a->state != ACTOR_NONE && a->task == task && (!next || a->serial < next->serial))
                next = a;
        }
        if (!next)
            break;
        thread_ends(w, next, next == current);
    }
    for (unsigned i = 0; i < MK_NR_SPECIALS; i++) {
        struct right special = t->specials[i];
        t->specials[i].type = 0;
        right_drop(w, special);
    }
    space_end(w, task);
    struct port *p = &w->ports[t->port];
    for (unsigned i = 0; i < p->receivers.nr; i++)
        w->actors[p->receivers.actors[i]].want = (uint64_t)exit_code;
    wake_all(w, &p->receivers, STEP_DONE, OK_ONLY);
    p->exit_code = exit_code;
    port_destroy(w, t->port);
}
