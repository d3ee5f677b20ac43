/* SPDX-License-Identifier: BSD-2-Clause */
/* The driver: makes the tasks and threads, gives out operations, and lets the model follow; see fuzz_ipc.h. */
#include "fuzz_ipc.h"

#define BURST_MAX   6
#define CHECK_EVERY 100 /* steps */

struct totals totals;

/* ---- one step ---- */

static void step_begin(struct world *w)
{
    w->nr_logged = w->nr_seen = w->nr_last = 0;
    w->nr_steps++;
}

/* Let everything run that can. Others at priority 0 may be woken behind the driver's back: then twice more. */
static void settle(struct world *w)
{
    bool has_equals = false;
    for (unsigned i = 1; i < NR_ACTORS; i++)
        has_equals |= w->actors[i].state != ACTOR_NONE && w->actors[i].base == 0;
    for (unsigned i = 0; i < w->nr_last; i++) /* somebody may be among them only now */
        has_equals |= w->last_ops[i].call == CALL_PRIORITY && w->last_ops[i].n == 0;
    for (unsigned nr_quiet = 0; nr_quiet < (has_equals ? 3 : 1);) {
        unsigned n = w->nr_logged;
        mk_thread_yield();
        nr_quiet = w->nr_logged == n ? nr_quiet + 1 : 0;
    }
}

static void follow(struct world *w)
{
    run_ready(w, 0);
    run_driver(w);
    do { /* each is a mk_thread_yield of the driver */
        fire_timers(w);
        run_ready(w, -1);
    } while (first_timer(w) && first_timer(w)->deadline <= w->now);
    if (w->nr_seen != w->nr_logged)
        differ(w, "actor %u came to the end of its call, which the model does not expect", w->log[w->nr_seen]);
}

static void say(const struct world *w, const struct op *op)
{
    char words[512];
    const struct actor *a = &w->actors[op->actor];
    op_words(w, op, words, sizeof(words));
    fprintf(stderr, "step %llu, priority %u: %s: %s\n", (unsigned long long)w->nr_steps, a->priority, words,
            a->err > 0 ? "not ended" : mk_err_name(a->err));
}

/* The driver makes a call itself. */
mk_name_t driver_call(struct world *w, struct op op)
{
    struct actor *a = &w->actors[0];
    step_begin(w);
    w->last_ops[w->nr_last++] = op;
    a->op = op;
    perform(a);
    if (w->is_verbose)
        say(w, &op);
    w->log[w->nr_logged++] = 0;
    settle(w);
    do_call(w, a);
    follow(w);
    return a->out;
}

/* One operation, or a burst of them: given out before the first can begin. */
static bool actors_step(struct world *w)
{
    struct op ops[BURST_MAX];
    bool is_burst = false;
    unsigned n = 0;
    do {
        if (!decode(w, &ops[n], &is_burst))
            break;
        struct actor *a = &w->actors[ops[n].actor];
        a->op = ops[n];
        a->has_op = true;
        n++;
    } while (is_burst && n < BURST_MAX);
    if (!n)
        return false;
    step_begin(w);
    mk_name_t self = w->actors[0].control;
    mk_err_t err = n > 1 ? mk_thread_set_priority(self, MK_PRIO_MAX) : MK_OK;
    for (unsigned i = 0; i < n; i++) {
        w->last_ops[w->nr_last++] = ops[i];
        err = err ? err : mk_thread_abort(w->actors[ops[i].actor].control);
    }
    if (n > 1 && !err)
        err = mk_thread_set_priority(self, 0);
    for (unsigned i = 0; w->is_verbose && i < n; i++)
        say(w, &ops[i]);
    if (err)
        differ(w, "the driver cannot start an actor: %s", mk_err_name(err));
    settle(w);
    for (unsigned i = 0; i < n; i++)
        wake(w, &w->actors[ops[i].actor], STEP_BEGIN, 0);
    follow(w);
    w->nr_ops += n;
    return true;
}

/* One operation that is not of the input. */
void actor_call(struct world *w, struct op op)
{
    struct actor *a = &w->actors[op.actor];
    step_begin(w);
    w->last_ops[w->nr_last++] = op;
    a->op = op;
    a->has_op = true;
    mk_err_t err = mk_thread_abort(a->control);
    if (err)
        differ(w, "the driver cannot start an actor: %s", mk_err_name(err));
    settle(w);
    wake(w, a, STEP_BEGIN, 0);
    follow(w);
}

/* ---- who exists ---- */

static bool is_name_of(const struct world *w, unsigned task, mk_name_t name, unsigned port)
{
    const struct name *n = w->tasks[task].is_alive ? name_find(w, task, name) : NULL;
    return n && n->type == MK_RIGHT_SEND && n->port == port;
}

/* A copy of a right of another task, which the driver can reach. */
static mk_name_t copy_of(struct world *w, unsigned task, mk_name_t name, unsigned port)
{
    if (!w->tasks[task].control || !is_name_of(w, task, name, port))
        return MK_NAME_NULL;
    return driver_call(
        w, (struct op){.call = CALL_EXTRACT, .name = w->tasks[task].control, .name2 = name, .how = MK_COPY_SEND});
}

/* The driver can only command threads that it has a right to. */
static void adopt(struct world *w, const struct op *op)
{
    unsigned task = w->actors[op->actor].task;
    mk_name_t name = w->actors[op->actor].out;
    if (op->call == CALL_THREAD_CREATE && w->actors[op->slot].state != ACTOR_NONE && !w->actors[op->slot].control)
        w->actors[op->slot].control = copy_of(w, task, name, w->actors[op->slot].port);
    else if (op->call == CALL_TASK_CREATE && w->tasks[op->slot].is_alive && !w->tasks[op->slot].control)
        w->tasks[op->slot].control = copy_of(w, task, name, w->tasks[op->slot].port);
}

void let_go(struct world *w)
{
    for (unsigned i = 1; i < NR_ACTORS; i++)
        if (w->actors[i].state == ACTOR_NONE && w->actors[i].control) {
            driver_call(w, (struct op){.call = CALL_RELEASE, .name = w->actors[i].control});
            w->actors[i].control = MK_NAME_NULL;
        }
    for (unsigned i = 1; i < NR_TASKS; i++)
        if (!w->tasks[i].is_alive && w->tasks[i].control) {
            driver_call(w, (struct op){.call = CALL_RELEASE, .name = w->tasks[i].control});
            w->tasks[i].control = MK_NAME_NULL;
        }
}

static void give(struct world *w, unsigned task, mk_name_t name)
{
    driver_call(w,
                (struct op){.call = CALL_INSERT, .name = w->tasks[task].control, .name2 = name, .how = MK_COPY_SEND});
}

/* A task with three threads, in the first free slots. */
static void populate(struct world *w, unsigned task)
{
    unsigned n = 3;
    w->tasks[task].control = driver_call(w, (struct op){.call = CALL_TASK_CREATE, .slot = (uint8_t)task});
    for (unsigned i = 1; i < NR_ACTORS && n; i++) {
        if (w->actors[i].state != ACTOR_NONE || is_promised(w, CALL_THREAD_CREATE, i))
            continue;
        w->actors[i].control = driver_call(w, (struct op){.call = CALL_THREAD_CREATE,
                                                          .name = w->tasks[task].control,
                                                          .slot = (uint8_t)i,
                                                          .n = standard_priority(i)});
        n--;
    }
}

/* All tasks get to know all tasks and threads. */
void introduce(struct world *w)
{
    for (unsigned task = 1; task < NR_TASKS; task++) {
        if (!w->tasks[task].is_alive || !w->tasks[task].control)
            continue;
        for (unsigned i = 1; i < NR_TASKS; i++)
            if (w->tasks[i].is_alive && w->tasks[i].control && i != task)
                give(w, task, w->tasks[i].control);
        for (unsigned i = 1; i < NR_ACTORS; i++)
            if (w->actors[i].state != ACTOR_NONE && w->actors[i].control)
                give(w, task, w->actors[i].control);
    }
}

static unsigned nr_commanded(const struct world *w)
{
    unsigned n = 0;
    for (unsigned i = 1; i < NR_ACTORS; i++)
        n += w->actors[i].state != ACTOR_NONE && w->actors[i].control;
    return n;
}

/* Nobody is free: set all free that wait, or make new ones. */
static void rescue(struct world *w)
{
    for (unsigned i = 1; i < NR_ACTORS; i++) {
        struct actor *a = &w->actors[i];
        mk_name_t name = a->control;
        w->actors[0].err = MK_OK;
        while (a->state != ACTOR_NONE && name && a->suspends &&
               !w->actors[0].err) /* the name may be another's by now */
            driver_call(w, (struct op){.call = CALL_RESUME, .name = name});
        if (a->state == ACTOR_BLOCKED && name)
            driver_call(w, (struct op){.call = CALL_ABORT, .name = name});
    }
    unsigned task = 0;
    for (unsigned i = 1; i < NR_TASKS && !task; i++)
        if (!w->tasks[i].is_alive && !is_promised(w, CALL_TASK_CREATE, i))
            task = i;
    if (nr_commanded(w) < 4 && task) {
        let_go(w);
        populate(w, task);
        introduce(w);
    }
}

/* ---- the whole input ---- */

static void world_begin(struct world *w)
{
    struct mk_name_info names[4];
    size_t n = 0;
    unsigned nr_known = 2;
    w->heir = -1;
    w->nr_ports = 1;
    w->tasks[0].space->nr = 0;
    port_new(w, KIND_PORT); /* the bootstrap port */
    port_new(w, KIND_MACHINE);
    task_begin(w, 0, -1);
    w->tasks[0].specials[MK_SPECIAL_BOOTSTRAP] = (struct right){MK_RIGHT_SEND, 1, 0};
    w->tasks[0].specials[MK_SPECIAL_MACHINE] = (struct right){MK_RIGHT_SEND, 2, 0};
    w->ports[1].nr_send = w->ports[2].nr_send = 1;
    thread_begin(w, 0, 0, 0);
    w->actors[0].state = ACTOR_RUNNING;
    w->actors[0].control = mk_thread_self();
    w->tasks[0].self = mk_task_self();
    if (mk_machine_names(NULL, 1, names, 4, &n) || n != nr_known)
        differ(w, "a new task has %zu names, expected %u", n, nr_known);
    w->ports[w->tasks[0].port].nr_send = 1;
    w->ports[w->actors[0].port].nr_send = 1;
    name_add(w, 0, w->tasks[0].self, (struct right){MK_RIGHT_SEND, w->tasks[0].port, 0});
    name_add(w, 0, w->actors[0].control, (struct right){MK_RIGHT_SEND, w->actors[0].port, 0});
    if (mk_thread_set_priority(w->actors[0].control, 0))
        differ(w, "the driver cannot set its priority");
    w->house = MK_NAME_NULL;
    new_house(w);
    for (unsigned task = 1; task <= 3; task++)
        populate(w, task);
    introduce(w);
}

static bool is_full(const struct world *w)
{
    bool is_space_full = false;
    for (unsigned i = 0; i < NR_TASKS; i++)
        is_space_full |= w->tasks[i].is_alive && w->tasks[i].space->nr > NR_NAMES - 100;
    return is_space_full || w->nr_ports > NR_PORTS - 100 || w->nr_free_messages < 100 || w->nr_free_requests < 50;
}

static void run_input(struct world *w)
{
    while (!input_is_over(w) && !is_full(w)) {
        if (!actors_step(w)) {
            unsigned n = nr_commanded(w);
            rescue(w);
            if (n < 4 && nr_commanded(w) == n)
                break; /* the world is full of threads that cannot be commanded */
            continue;
        }
        struct op ops[BURST_MAX];
        unsigned n = w->nr_last;
        memcpy(ops, w->last_ops, sizeof(ops));
        for (unsigned i = 0; i < n; i++)
            if (ops[i].slot)
                adopt(w, &ops[i]);
        let_go(w);
        if (w->is_verbose || w->nr_steps % CHECK_EVERY == 0)
            check_all(w);
    }
    check_all(w);
}

static void end_all(struct world *w)
{
    for (unsigned i = 1; i < NR_TASKS; i++)
        if (w->tasks[i].is_alive && w->tasks[i].control)
            driver_call(w, (struct op){.call = CALL_TASK_TERMINATE, .name = w->tasks[i].control});
    let_go(w);
    check_all(w);
}

/* The machine's run ends after each input, and goes on here with the next. */
void driver_main(void *arg)
{
    struct world *w = arg;
    world_begin(w);
    for (;;) {
        run_input(w);
        w->is_reusable = world_reset(w);
        if (!w->is_reusable)
            end_all(w);
        w->is_finished = true;
        mk_machine_stop(w->machine, 0);
        mk_thread_yield();
    }
}
