/* SPDX-License-Identifier: BSD-2-Clause */
/* The scheduler: yields, switches to a named thread, and the life of a thread. */
#include "bench/machine.h"

#define NR_MANY 100

enum {
    TWO_TASKS = 1,
    UCONTEXT = 2,
    ONE_WAY = 4, /* half of a round trip */
};

static void measure_with(struct run *run, void (*boss)(void *))
{
    const struct mk_machine_config config = {
        .isolation = MK_ISOLATION_NONE,
        .context = run->row->flags & UCONTEXT ? MK_CONTEXT_UCONTEXT : MK_CONTEXT_ASM,
    };
    machine_run(run, &config, boss);
    if (run->row->flags & ONE_WAY)
        run->total /= 2;
}

/* ---- yield ---- */

static void yield_for_ever(void *arg)
{
    (void)arg;
    for (;;)
        mk_thread_yield();
}

static void yields(void *arg)
{
    struct run *run = arg;
    mk_name_t task = run->row->flags & TWO_TASKS ? task_new("other") : mk_task_self();
    thread_new(task, yield_for_ever, NULL, 0);
    for (uint64_t i = 0; i < NR_WARM_UPS; i++)
        mk_thread_yield();
    meter_start(run);
    for (uint64_t i = 0; i < run->nr; i++)
        mk_thread_yield();
    meter_stop(run);
}

static void measure_yield(struct run *run)
{
    measure_with(run, yields);
}

/* ---- switch to a named thread ---- */

static void switch_for_ever(void *arg)
{
    const mk_name_t *boss = arg;
    for (;;)
        check(mk_thread_switch(*boss, MK_SWITCH_NONE, 0), "switch");
}

static void switches(void *arg)
{
    struct run *run = arg;
    static mk_name_t boss;
    const struct mk_thread_attr attr = {.entry = switch_for_ever, .arg = &boss};
    mk_name_t other;
    boss = mk_thread_self();
    check(mk_thread_create(mk_task_self(), &attr, &other), "thread");
    for (uint64_t i = 0; i < NR_WARM_UPS + run->nr; i++) {
        if (i == NR_WARM_UPS)
            meter_start(run);
        mk_err_t err = mk_thread_switch(other, MK_SWITCH_NONE, 0);
        if (err == MK_E_NOT_SUPPORTED) {
            run_absent(run, "the kernel has no mk_thread_switch yet");
            return;
        }
        check(err, "switch");
    }
    meter_stop(run);
}

static void measure_switch(struct run *run)
{
    measure_with(run, switches);
}

/* ---- create, run, exit: a stronger thread runs at once ---- */

static void nothing(void *arg)
{
    keep(arg);
}

static void spawns(void *arg)
{
    struct run *run = arg;
    const struct mk_thread_attr attr = {.entry = nothing, .priority = MK_PRIO_DEFAULT + 1};
    mk_name_t self = mk_task_self();
    for (uint64_t i = 0; i < NR_WARM_UPS + run->nr; i++) {
        if (i == NR_WARM_UPS)
            meter_start(run);
        check(mk_thread_create(self, &attr, NULL), "thread");
    }
    meter_stop(run);
}

/* A hundred at a time, not stronger: they run when the boss yields. */
static void spawns_many(void *arg)
{
    struct run *run = arg;
    const struct mk_thread_attr attr = {.entry = nothing};
    mk_name_t self = mk_task_self();
    uint64_t nr_groups = (run->nr + NR_MANY - 1) / NR_MANY;
    run->nr = nr_groups * NR_MANY;
    for (uint64_t i = 0; i < 2 + nr_groups; i++) {
        if (i == 2)
            meter_start(run);
        for (int n = 0; n < NR_MANY; n++)
            check(mk_thread_create(self, &attr, NULL), "thread");
        mk_thread_yield();
    }
    meter_stop(run);
}

static void measure_spawn_many(struct run *run)
{
    measure_with(run, spawns_many);
}

static void measure_spawn(struct run *run)
{
    measure_with(run, spawns);
}

void sched_rows(void)
{
    struct row row = {.measure = measure_yield};
    row.what = "round trip: two threads of one task yield to each other";
    row_add(&row, "sched.yield");
    row.flags = TWO_TASKS;
    row.what = "round trip: threads of two tasks yield to each other";
    row_add(&row, "sched.yield.tasks");
    row.flags = UCONTEXT;
    row.what = "round trip: two threads yield, swapcontext as the context back-end";
    row_add(&row, "sched.yield.ucontext");
    row = (struct row){.measure = measure_switch, .is_optional = true};
    row.what = "round trip: two threads of one task hand each other the CPU by name";
    row_add(&row, "sched.switch");
    row = (struct row){.measure = measure_spawn};
    row.what = "create a thread that is stronger, so that it runs at once, and exits";
    row_add(&row, "thread.spawn");
    row.measure = measure_spawn_many;
    row.what = "create 100 threads, which then run and exit; one of them";
    row_add(&row, "thread.spawn.many");

    row = (struct row){.measure = measure_yield, .flags = ONE_WAY, .nr_runs = 110, .nr_dropped = 10};
    row.what = "one way: yield to a thread of the same task";
    row_add(&row, "sel4.yield.thread");
    row.flags |= TWO_TASKS;
    row.what = "one way: yield to a thread of another task";
    row_add(&row, "sel4.yield.process");
    row.measure = measure_switch;
    row.is_optional = true;
    row.flags = ONE_WAY;
    row.what = "one way: switch to a named thread of the same task";
    row_add(&row, "sel4.switch");
}
