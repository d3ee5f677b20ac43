/* SPDX-License-Identifier: BSD-2-Clause */
/* What calls about tasks, threads and time do, and the way to all others; see fuzz_ipc.h. */
#include "fuzz_ipc.h"

errs_t out_errs(const struct op *op)
{
    return op->p_out == POINTER_GOOD ? 0 : ERR(MK_E_BAD_ADDRESS);
}

errs_t or_ok(errs_t errs)
{
    return errs ? errs : OK_ONLY;
}

/* Errors of a name that must have one of these rights. */
errs_t type_errs(const struct name *n, uint32_t types)
{
    return !n ? ERR(MK_E_BAD_NAME) : n->type & types ? 0 : ERR(MK_E_BAD_RIGHT);
}

/* Errors of a name that must be a send right to a task or thread. */
errs_t object_errs(const struct world *w, const struct name *n, enum kind kind)
{
    if (!n)
        return ERR(MK_E_BAD_NAME);
    if (!(n->type & MK_RIGHT_SEND) || w->ports[n->port].kind != kind)
        return ERR(MK_E_BAD_RIGHT);
    return w->ports[n->port].is_dead ? ERR(MK_E_DEAD) : 0;
}

/* ---- tasks and threads ---- */

/* The self name of a task or thread is made at the first call, and anew when it was released. */
static void self(struct world *w, struct actor *a, unsigned port, mk_name_t *selfp)
{
    const struct name *n = name_find(w, a->task, *selfp);
    if (n && n->type == MK_RIGHT_SEND && n->port == port) {
        if (a->out != *selfp)
            differ(w, "the name of itself was %x and is now %x", *selfp, a->out);
        return;
    }
    w->ports[port].nr_send++;
    right_put(w, a->task, (struct right){MK_RIGHT_SEND, (uint16_t)port, 0}, a->out, "the name of itself");
    *selfp = a->out;
}

/* A task has a right to itself from birth. */
static void learn_self(struct world *w, unsigned task)
{
    struct task *t = &w->tasks[task];
    struct mk_name_info names[2];
    size_t n = 0;
    mk_err_t err = mk_machine_names(NULL, t->id, names, 2, &n);
    if (err || n != 1 || names[0].type != MK_RIGHT_SEND || names[0].user_refs != 1)
        differ(w, "a new task should have one name, for itself: %s, %zu names", mk_err_name(err), n);
    t->self = names[0].name;
    w->ports[t->port].id = names[0].port;
    name_add(w, task, t->self, (struct right){MK_RIGHT_SEND, t->port, 0});
}

static errs_t task_create(struct world *w, struct actor *a)
{
    errs_t errs = out_errs(&a->op);
    if (errs)
        return errs;
    task_begin(w, a->op.slot, a->task);
    struct task *t = &w->tasks[a->op.slot];
    learn_self(w, a->op.slot);
    w->ports[t->port].nr_send = 2;
    right_put(w, a->task, (struct right){MK_RIGHT_SEND, t->port, 0}, a->out, "mk_task_create");
    return OK_ONLY;
}

static errs_t thread_create(struct world *w, struct actor *a)
{
    const struct op *op = &a->op;
    const struct name *t = name_find(w, a->task, op->name);
    errs_t errs = object_errs(w, t, KIND_TASK) | out_errs(op);
    if (op->n > MK_PRIO_MAX)
        errs |= ERR(MK_E_BAD_ARGUMENT);
    if (errs)
        return errs;
    thread_begin(w, op->slot, w->ports[t->port].object, op->n ? (int)op->n : a->base);
    struct actor *thread = &w->actors[op->slot];
    w->ports[thread->port].nr_send = 1;
    right_put(w, a->task, (struct right){MK_RIGHT_SEND, thread->port, 0}, a->out, "mk_thread_create");
    thread->suspends = op->how & 1;
    make_ready(w, thread);
    return OK_ONLY;
}

/* The thread behind op.name; NULL: *errsp says why not. */
static struct actor *thread_of(struct world *w, struct actor *a, errs_t *errsp)
{
    const struct name *n = name_find(w, a->task, a->op.name);
    *errsp = object_errs(w, n, KIND_THREAD);
    return *errsp ? NULL : &w->actors[w->ports[n->port].object];
}

static errs_t thread_change(struct world *w, struct actor *a)
{
    errs_t errs;
    struct actor *t = thread_of(w, a, &errs);
    bool is_bad_priority = a->op.call == CALL_PRIORITY && a->op.n > MK_PRIO_MAX;
    if (!t)
        return errs | (is_bad_priority ? ERR(MK_E_BAD_ARGUMENT) : 0);
    switch (a->op.call) {
    case CALL_RESUME:
        if (!t->suspends)
            return ERR(MK_E_BAD_STATE);
        if (--t->suspends == 0 && t->state == ACTOR_STOPPED)
            make_ready(w, t);
        return OK_ONLY;
    case CALL_ABORT:
        if (t->state != ACTOR_BLOCKED && t->state != ACTOR_IDLE)
            return ERR(MK_E_BAD_STATE);
        wake(w, t, STEP_DONE, ERR(MK_E_ABORTED));
        return OK_ONLY;
    case CALL_PRIORITY:
        if (is_bad_priority)
            return ERR(MK_E_BAD_ARGUMENT);
        t->base = (uint8_t)a->op.n;
        update_priorities(w);
        return OK_ONLY;
    default:
        if (!t->is_depressed)
            return ERR(MK_E_BAD_STATE);
        undepress(w, t);
        return OK_ONLY;
    }
}

static void do_suspend(struct world *w, struct actor *a)
{
    errs_t errs;
    struct actor *t = thread_of(w, a, &errs);
    if (t && t->suspends++ == 0) {
        if (t == a) { /* stops inside its call */
            a->step = STEP_DONE;
            a->errs = OK_ONLY;
            a->has_left = false;
            a->state = ACTOR_STOPPED;
            return;
        }
        if (t->state == ACTOR_READY)
            t->state = ACTOR_STOPPED;
    }
    call_ends(w, a, or_ok(errs));
}

static void do_terminate(struct world *w, struct actor *a)
{
    errs_t errs;
    struct actor *t = thread_of(w, a, &errs);
    if (t == a) {
        thread_ends(w, a, true);
        return;
    }
    if (t)
        thread_ends(w, t, false);
    call_ends(w, a, or_ok(errs));
}

static void do_task_terminate(struct world *w, struct actor *a)
{
    const struct name *n = name_find(w, a->task, a->op.name);
    errs_t errs = object_errs(w, n, KIND_TASK);
    if (!errs) {
        unsigned task = w->ports[n->port].object;
        bool is_own = task == a->task;
        task_ends(w, task, (int)a->op.n, is_own ? a : NULL);
        if (is_own)
            return;
    }
    call_ends(w, a, or_ok(errs));
}

/* ---- waits for ends and times ---- */

static void do_join(struct world *w, struct actor *a)
{
    errs_t errs, negative = a->op.deadline < 0 ? ERR(MK_E_BAD_ARGUMENT) : 0;
    struct actor *t = thread_of(w, a, &errs);
    if (errs == ERR(MK_E_DEAD))
        errs = 0; /* it has ended */
    if (t == a)
        errs |= ERR(MK_E_BAD_STATE);
    errs |= negative;
    if (!errs && t) {
        errs = may_wait(w, a->op.deadline);
        if (errs == OK_ONLY) {
            block(w, a, &w->ports[t->port].receivers, MK_WAIT_THREAD, t->port, a->op.deadline, NULL);
            return;
        }
    }
    call_ends(w, a, or_ok(errs));
}

static void do_task_wait(struct world *w, struct actor *a)
{
    const struct name *n = name_find(w, a->task, a->op.name);
    errs_t errs = object_errs(w, n, KIND_TASK);
    bool is_ended = errs == ERR(MK_E_DEAD);
    if (is_ended)
        errs = 0;
    if (!errs && n->port == w->tasks[a->task].port)
        errs |= ERR(MK_E_BAD_STATE);
    if (a->op.deadline < 0)
        errs |= ERR(MK_E_BAD_ARGUMENT);
    if (!errs && !is_ended) {
        errs = may_wait(w, a->op.deadline);
        if (errs == OK_ONLY) {
            block(w, a, &w->ports[n->port].receivers, MK_WAIT_TASK, n->port, a->op.deadline, NULL);
            return;
        }
    } else if (!errs) {
        a->want = (uint64_t)w->ports[n->port].exit_code;
    }
    call_ends(w, a, or_ok(errs));
}

static void do_sleep(struct world *w, struct actor *a)
{
    if (a->op.deadline > w->now)
        block(w, a, NULL, MK_WAIT_SLEEP, 0, a->op.deadline, NULL);
    else
        call_ends(w, a, a->op.deadline < 0 ? ERR(MK_E_BAD_ARGUMENT) : OK_ONLY);
}

static void do_spend(struct world *w, struct actor *a)
{
    mk_time_t ns = a->op.deadline;
    if (ns < 0 || ns > MK_TIME_FOREVER / 2 - w->now) {
        call_ends(w, a, ERR(MK_E_BAD_ARGUMENT));
        return;
    }
    a->time_left = ns;
    spend(w, a);
}

static void do_switch_call(struct world *w, struct actor *a)
{
    errs_t errs = 0;
    struct actor *to = a->op.name ? thread_of(w, a, &errs) : NULL;
    if (to == a || a->op.deadline < 0 || a->op.how > MK_SWITCH_WAIT)
        errs |= ERR(MK_E_BAD_ARGUMENT);
    if (errs)
        call_ends(w, a, errs);
    else
        do_switch(w, a, to);
}

/* ---- all of them ---- */

static errs_t simple_call(struct world *w, struct actor *a)
{
    struct name *n = name_find(w, a->task, a->op.name);
    errs_t errs;
    switch (a->op.call) {
    case CALL_PORT_CREATE:
        return new_port(w, a, KIND_PORT, MK_RIGHT_RECEIVE);
    case CALL_SET_CREATE:
        return new_port(w, a, KIND_SET, MK_RIGHT_PORT_SET);
    case CALL_PORT_DESTROY:
        errs = type_errs(n, MK_RIGHT_RECEIVE);
        if (!errs) {
            unsigned port = n->port;
            receive_leaves(w, a->task, n);
            port_destroy(w, port);
        }
        return or_ok(errs);
    case CALL_SET_DESTROY:
        errs = type_errs(n, MK_RIGHT_PORT_SET);
        if (!errs)
            set_destroy(w, a->task, n);
        return or_ok(errs);
    case CALL_RELEASE:
        errs = type_errs(n, MK_RIGHT_SEND | MK_RIGHT_SEND_ONCE | RIGHT_REPLY);
        if (!errs)
            name_release(w, a->task, n, false);
        return or_ok(errs);
    case CALL_SET_LIMIT:
        return set_limit(w, a);
    case CALL_PORT_STATE:
        return port_state(w, a);
    case CALL_RIGHT_MAKE:
        return right_make(w, a);
    case CALL_RETAIN:
        return retain(w, a);
    case CALL_INFO:
        return info(w, a);
    case CALL_INSERT:
    case CALL_EXTRACT:
        return transfer(w, a);
    case CALL_NOTIFY:
        return notify(w, a);
    case CALL_SET_ADD:
    case CALL_SET_REMOVE:
        return member_change(w, a);
    case CALL_DISCARD:
    case CALL_DROP_RIGHTS:
        drop_received(w, a);
        return OK_ONLY;
    case CALL_GET_SPECIAL:
        return get_special(w, a);
    case CALL_SET_SPECIAL:
        return set_special(w, a);
    case CALL_TASK_CREATE:
        return task_create(w, a);
    case CALL_THREAD_CREATE:
        return thread_create(w, a);
    case CALL_SET_SERVER:
        return OK_ONLY;
    case CALL_EVENT_CREATE:
        return new_port(w, a, KIND_EVENT, MK_RIGHT_RECEIVE);
    case CALL_EVENT_SIGNAL:
        return event_signal(w, a);
    case CALL_RENAME:
        return rename_right(w, a);
    default:
        return thread_change(w, a);
    }
}

/* The running actor makes the call a->op. */
void do_call(struct world *w, struct actor *a)
{
    totals.nr_done[a->op.call][0]++;
    switch (a->op.call) {
    case CALL_SEND:
    case CALL_CALL:
        do_send(w, a);
        break;
    case CALL_RECEIVE:
        do_receive(w, a, NULL);
        break;
    case CALL_REPLY:
    case CALL_REPLY_RECEIVE:
        do_reply(w, a);
        break;
    case CALL_SUSPEND:
        do_suspend(w, a);
        break;
    case CALL_TERMINATE:
        do_terminate(w, a);
        break;
    case CALL_THREAD_EXIT:
        thread_ends(w, a, true);
        break;
    case CALL_TASK_TERMINATE:
        do_task_terminate(w, a);
        break;
    case CALL_TASK_EXIT:
        task_ends(w, a->task, (int)a->op.n, a);
        break;
    case CALL_JOIN:
        do_join(w, a);
        break;
    case CALL_TASK_WAIT:
        do_task_wait(w, a);
        break;
    case CALL_SLEEP:
        do_sleep(w, a);
        break;
    case CALL_SWITCH:
        do_switch_call(w, a);
        break;
    case CALL_EVENT_WAIT:
        do_event_wait(w, a);
        break;
    case CALL_SPEND:
        do_spend(w, a);
        break;
    case CALL_NOW:
        if (a->value != (uint64_t)w->now)
            differ(w, "the time is %llu, expected %lld", (unsigned long long)a->value, (long long)w->now);
        call_returns(w, a, OK_ONLY);
        break;
    case CALL_TASK_SELF:
        self(w, a, w->tasks[a->task].port, &w->tasks[a->task].self);
        call_returns(w, a, OK_ONLY);
        break;
    case CALL_THREAD_SELF:
        self(w, a, a->port, &a->self);
        call_returns(w, a, OK_ONLY);
        break;
    case CALL_CLEAN:
        space_end(w, a->task);
        call_ends(w, a, OK_ONLY);
        break;
    case CALL_YIELD:
        a->step = STEP_YIELD;
        a->has_left = false;
        if (leave(w, a))
            do_yield(w, a);
        break;
    default:
        call_ends(w, a, simple_call(w, a));
        break;
    }
}
