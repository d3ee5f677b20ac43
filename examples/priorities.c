/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who runs when. Four threads arrive one after the other and compute for a
 * while; the strongest ready one has the CPU, and equals take turns of a
 * quantum. On the virtual clock the times are exact and repeat on every run.
 */
#include "example.h"

struct job {
    const char *label;
    int arrival, burst; /* ms */
    int priority;       /* a higher number is stronger */
};

static const struct job jobs[] = {{"A", 0, 8, 20}, {"B", 1, 4, 20}, {"C", 2, 2, 30}, {"D", 3, 3, 10}};
enum { NR_JOBS = sizeof(jobs) / sizeof(jobs[0]) };

static void work(void *arg)
{
    const struct job *job = arg;
    OK(mk_time_spend(job->burst * MK_MSEC));
    mk_log("%s ends at %2d ms", job->label, (int)(mk_time_now() / MK_MSEC));
    OK(mk_thread_suspend(mk_thread_self())); /* not its end: a thread that ended is listed no more */
}

/* What the kernel kept of each thread. Waiting: ready, but another one ran. Response: from arrival to the first run. */
static void print_table(void)
{
    struct mk_thread_info infos[NR_JOBS + 1];
    size_t n;
    OK(mk_machine_threads(NULL, infos, NR_JOBS + 1, &n));
    mk_log("thread  priority  arrival  burst  waiting  response  preempted");
    for (size_t i = 0; i < n; i++) {
        const struct mk_thread_info *t = &infos[i];
        if (t->label[0]) /* the main thread has no label */
            mk_log("%-6s  %8d  %7d  %5d  %7d  %8d  %9d", t->label, t->base_priority, (int)(t->created / MK_MSEC),
                   (int)(t->run_time / MK_MSEC), (int)(t->ready_time / MK_MSEC),
                   (int)((t->first_run - t->created) / MK_MSEC), (int)t->nr_preempted);
    }
}

static void lab(void *arg)
{
    for (int i = 0; i < NR_JOBS; i++) {
        const struct mk_thread_attr attr = {
            .entry = work, .arg = (void *)(uintptr_t)&jobs[i], .label = jobs[i].label, .priority = jobs[i].priority};
        OK(mk_time_sleep(jobs[i].arrival * MK_MSEC)); /* a deadline, not a duration */
        OK(mk_thread_create(mk_task_self(), &attr, NULL));
    }
    OK(mk_time_sleep(MK_SEC));
    print_table();
    mk_task_exit(0); /* with all its threads */
}

int main(void)
{
    static const struct mk_costs free_of_charge; /* kernel calls and switches take no time, as in a textbook */
    const struct mk_machine_config config = {.quantum = 3 * MK_MSEC, .costs = &free_of_charge};
    const struct mk_spawn spawn = {.label = "lab", .entry = lab, .priority = MK_PRIO_MAX};
    return example_run_with(config, &spawn, 1);
}
