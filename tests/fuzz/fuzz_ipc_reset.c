/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Between two inputs: a machine is dear, so it is brought back to where it began,
 * by calls that the model follows like all others. What cannot be brought back (a
 * task that ended, a message in the kernel's own port) asks for a new machine.
 */
#include "fuzz_ipc.h"

#define NR_STANDARD 9 /* actors: three each of tasks 1 to 3 */

static const uint8_t standard_priorities[] = {20, 32, 32, 10, 40, 32};

unsigned standard_task(unsigned actor)
{
    return 1 + (actor - 1) / 3;
}

unsigned standard_priority(unsigned actor)
{
    return standard_priorities[(standard_task(actor) + (actor - 1) % 3) % 6];
}

/* ---- the actor's side ---- */

void clean_space(void)
{
    static struct mk_name_info infos[NR_NAMES + 8];
    size_t n = 0;
    if (mk_machine_names(NULL, mk_task_id(), infos, NR_NAMES + 8, &n))
        return;
    for (size_t i = 0; i < n; i++) {
        if (infos[i].type & MK_RIGHT_PORT_SET) {
            mk_portset_destroy(infos[i].name);
            continue;
        }
        if (infos[i].type & MK_RIGHT_RECEIVE)
            mk_port_destroy(infos[i].name);
        while (mk_right_release(infos[i].name) == MK_OK)
            ;
    }
}

/* ---- the driver's ---- */

static struct op thread_op(const struct world *w, unsigned actor, enum call call)
{
    return (struct op){.call = (uint8_t)call, .name = w->actors[actor].control};
}

static bool is_hopeless(const struct world *w)
{
    bool is_bad = w->nr_ports > NR_PORTS / 2;
    for (unsigned i = 1; i < NR_TASKS; i++)
        is_bad |= w->tasks[i].is_alive && !w->tasks[i].control;
    for (unsigned i = 1; i < NR_ACTORS; i++)
        is_bad |= w->actors[i].state != ACTOR_NONE && !w->actors[i].control;
    return is_bad;
}

/* A port of the driver's, which the tasks inherit as their bootstrap port. */
void new_house(struct world *w)
{
    if (w->house) {
        driver_call(w, (struct op){.call = CALL_PORT_DESTROY, .name = w->house});
        driver_call(w, (struct op){.call = CALL_RELEASE, .name = w->house});
    }
    w->house = driver_call(w, (struct op){.call = CALL_PORT_CREATE});
    driver_call(w, (struct op){.call = CALL_RIGHT_MAKE, .name = w->house, .how = MK_RIGHT_SEND});
    driver_call(w, (struct op){.call = CALL_SET_SPECIAL, .name = w->tasks[0].self, .name2 = w->house});
}

/* Nobody waits or stands still any more; each has done what it was given. */
static bool calm_down(struct world *w)
{
    for (unsigned round = 0; round < 100; round++) {
        bool is_calm = true;
        for (unsigned i = 1; i < NR_ACTORS; i++) {
            struct actor *a = &w->actors[i];
            if (a->state == ACTOR_NONE || (a->state == ACTOR_IDLE && !a->suspends))
                continue;
            if (!a->control || is_hopeless(w))
                return false;
            is_calm = false;
            driver_call(w, thread_op(w, i, a->suspends ? CALL_RESUME : CALL_ABORT));
        }
        if (is_calm)
            return !is_hopeless(w);
    }
    return false;
}

static void restore_tasks(struct world *w)
{
    for (unsigned i = 1; i < NR_TASKS; i++) {
        if (i > 3 && w->tasks[i].is_alive)
            driver_call(w, (struct op){.call = CALL_TASK_TERMINATE, .name = w->tasks[i].control});
        let_go(w);
        if (i <= 3 && !w->tasks[i].is_alive)
            w->tasks[i].control = driver_call(w, (struct op){.call = CALL_TASK_CREATE, .slot = (uint8_t)i});
    }
}

static void remove_strangers(struct world *w)
{
    for (unsigned i = 1; i < NR_ACTORS; i++) {
        struct actor *a = &w->actors[i];
        bool is_standard = i <= NR_STANDARD && a->task == standard_task(i);
        if (a->state != ACTOR_NONE && !is_standard && w->tasks[a->task].nr_threads > 1)
            driver_call(w, thread_op(w, i, CALL_TERMINATE));
    }
    let_go(w);
}

static void add_missing(struct world *w)
{
    for (unsigned i = 1; i <= NR_STANDARD; i++) {
        struct actor *a = &w->actors[i];
        struct op op = {.call = CALL_THREAD_CREATE, .slot = (uint8_t)i, .n = standard_priority(i)};
        op.name = w->tasks[standard_task(i)].control;
        if (a->state == ACTOR_NONE) {
            a->control = driver_call(w, op);
        } else if (a->task == standard_task(i) && a->base != op.n) {
            op.call = CALL_PRIORITY;
            op.name = a->control;
            driver_call(w, op);
        }
    }
}

static void restore_specials(struct world *w, unsigned task)
{
    for (unsigned i = 0; i < MK_NR_SPECIALS; i++) {
        struct op op = {.call = CALL_SET_SPECIAL, .name = w->tasks[task].control, .how = i};
        if (i == MK_SPECIAL_BOOTSTRAP)
            op.name2 = w->house;
        if (i == MK_SPECIAL_BOOTSTRAP || w->tasks[task].specials[i].type)
            driver_call(w, op);
    }
}

/* Bring the machine back to where it began. False: a new one is needed. */
bool world_reset(struct world *w)
{
    if (is_hopeless(w) || !calm_down(w))
        return false;
    restore_tasks(w);
    for (unsigned round = 0; round < 3;
         round++) { /* a stranger that is its task's last thread goes when there are others */
        remove_strangers(w);
        add_missing(w);
    }
    for (unsigned i = 1; i < NR_ACTORS; i++)
        if ((w->actors[i].state != ACTOR_NONE) != (i <= NR_STANDARD) ||
            (i <= NR_STANDARD && w->actors[i].task != standard_task(i)))
            return false;
    new_house(w);
    for (unsigned task = 1; task <= 3; task++)
        restore_specials(w, task);
    for (unsigned task = 1; task <= 3; task++)
        actor_call(w, (struct op){.call = CALL_CLEAN, .actor = (uint8_t)(3 * task - 2)});
    for (unsigned task = 1; task <= 3; task++) {
        actor_call(w, (struct op){.call = CALL_TASK_SELF, .actor = (uint8_t)(3 * task - 2)});
        w->tasks[task].space->nr_stale = 0;
    }
    introduce(w);
    for (unsigned i = 1; i < NR_ACTORS; i++) {
        memset(&w->actors[i].msg, 0, sizeof(w->actors[i].msg));
        w->actors[i].served = 0;
    }
    return !is_hopeless(w);
}
