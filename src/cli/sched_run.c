/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A scheduling workload in a machine: each row is a thread that computes, sleeps and waits for locks. All are made
 * before the workload's time 0 and sleep until they arrive; their places among those that arrive at the same time are
 * those in the file.
 */
#include "command.h"
#include "sched_lock.h"
#include "text.h"

#include <mk/mk.h>

#include <stdlib.h>
#include <string.h>

#define START_MAX (10000 * MK_SEC)
#define BETWEEN   (10 * MK_USEC) /* the makings of two threads */
#define TURNS_MAX 1000000        /* of the quantum in all computing */

/* ---- inside ---- */

/*
 * Tell the policy what this thread declares, with the burst that it computes next. The thread itself does so when it is
 * about to wait; the call does not give the CPU away.
 */
static mk_err_t declare(const struct sched_thread *thread, mk_time_t burst)
{
    const struct sched_row *row = thread->row;
    mk_time_t budget = row->burst < row->period ? row->burst : row->period;
    const struct mk_sched_params params = {.burst = burst,
                                           .tickets = row->tickets,
                                           .nice = row->nice,
                                           .period = row->period,
                                           .deadline = row->deadline,
                                           .budget = row->budget ? row->budget : budget};
    return mk_thread_set_sched(thread->name, &params);
}

/* Computing from this phase on to the next I/O or the end. */
static mk_time_t burst_from(const struct sched_row *row, size_t phase)
{
    mk_time_t burst = 0;
    for (; phase < row->nr_phases && row->phases[phase].work != SCHED_IO; phase++)
        burst += row->phases[phase].ns;
    return burst;
}

static mk_err_t do_phase(struct sched_thread *self, size_t i)
{
    const struct sched_phase *phase = &self->row->phases[i];
    struct sched_lock *lock = &self->program->locks[phase->lock];
    mk_err_t err;
    switch (phase->work) {
    case SCHED_COMPUTE:
        return mk_time_spend(phase->ns);
    case SCHED_IO:
        err = declare(self, burst_from(self->row, i + 1));
        return err ? err : mk_time_sleep(mk_time_now() + phase->ns);
    case SCHED_LOCK:
        return sched_lock_acquire(self, lock);
    default:
        return sched_lock_release(self, lock);
    }
}

/* Sleep until the next job is due. */
static mk_err_t rest(struct sched_thread *self, mk_time_t until)
{
    bool *rests = &self->program->trace.rests[self - self->program->threads];
    mk_err_t err = declare(self, burst_from(self->row, 0));
    if (err)
        return err;
    *rests = true;
    err = mk_time_sleep(until);
    *rests = false;
    return err;
}

static mk_err_t do_jobs(struct sched_thread *self)
{
    struct sched_row *row = self->row;
    mk_time_t due = self->program->trace.start + row->arrival;
    mk_err_t err = MK_OK;
    for (uint32_t job = 0; !err && job < row->nr_jobs; job++, due += row->period) {
        if (job)
            err = rest(self, due);
        for (size_t i = 0; !err && i < row->nr_phases; i++)
            err = do_phase(self, i);
        row->nr_missed += row->period && mk_time_now() > due + (row->deadline ? row->deadline : row->period);
    }
    return err;
}

static void fail(struct sched_program *program, mk_err_t err)
{
    if (!program->err)
        program->err = err;
    mk_task_exit(1);
}

static void thread_main(void *arg)
{
    struct sched_thread *self = arg;
    mk_err_t err = self->port ? sched_lock_serve(self) : MK_OK;
    if (!err)
        err = mk_time_sleep(self->program->trace.start + self->row->arrival);
    if (!err)
        err = do_jobs(self);
    if (err)
        fail(self->program, err);
}

static mk_err_t make_thread(struct sched_thread *thread)
{
    const struct mk_thread_attr attr = {.entry = thread_main, .arg = thread, .label = thread->row->name};
    mk_err_t err = thread->program->workload->nr_locks ? sched_lock_prepare(thread) : MK_OK;
    if (!err)
        err = mk_thread_create(mk_task_self(), &attr, &thread->name);
    if (!err)
        err = mk_thread_set_priority(thread->name, thread->row->priority);
    if (!err && (err = declare(thread, burst_from(thread->row, 0))))
        thread->program->refused = thread->row;
    return err ? err : mk_time_sleep(mk_time_now() + BETWEEN); /* until it sleeps, whatever the policy */
}

static void creator_main(void *arg)
{
    struct sched_program *program = arg;
    mk_err_t err = MK_OK;
    for (size_t i = 0; !err && i < program->workload->nr_rows; i++)
        err = make_thread(&program->threads[i]);
    if (err)
        fail(program, err);
}

/* ---- outside ---- */

struct sched_host {
    struct sched_program program;
    struct mk_machine *machine;
    char *log; /* the first line of the machine's, while it is made */
    bool is_made;
};

static void take_log(void *arg, const char *line)
{
    struct sched_host *host = arg;
    if (!host->is_made && !host->log)
        host->log = text_dup(line);
}

/* The ring of the trace has one place: so each event is seen as it happens. */
static void take_events(void *arg, const struct mk_trace_event *events, size_t nr)
{
    struct sched_host *host = arg;
    struct sched_trace *trace = &host->program.trace;
    for (size_t i = 0; i < nr; i++)
        sched_trace_take(trace, &events[i]);
    if (trace->is_full)
        mk_machine_stop(host->machine, 0);
}

static int report(const char *policy, const char *why)
{
    char *safe = text_printable(policy);
    fprintf(stderr, "mk: sched: --policy %s: %s\n", safe, why);
    free(safe);
    return EXIT_BAD_INPUT;
}

static mk_err_t create(struct sched_host *host, const struct sched_setup *setup)
{
    static const struct mk_costs no_costs;
    const struct mk_machine_config config = {
        .quantum = setup->quantum ? setup->quantum : MK_TIME_FOREVER,
        .policy = setup->policy,
        .seed = setup->seed,
        .costs = setup->has_costs ? NULL : &no_costs,
        .no_lending = setup->no_lending,
        .log = take_log,
        .log_arg = host,
        .watchdog = MK_TIME_FOREVER,
    };
    mk_err_t err = mk_machine_create(&config, &host->machine);
    host->is_made = !err;
    return err;
}

static mk_err_t run_machine(struct sched_host *host)
{
    const struct mk_spawn spawn = {
        .label = "sched", .entry = creator_main, .arg = &host->program, .priority = MK_PRIO_MAX};
    mk_err_t err = mk_trace_start(host->machine, 1, take_events, host);
    if (!err)
        err = mk_machine_spawn(host->machine, &spawn, NULL);
    if (!err)
        err = mk_machine_run(host->machine, NULL);
    mk_err_t err_end = mk_trace_start(host->machine, 0, NULL, NULL); /* destroying it is traced, too */
    err = err ? err : err_end;
    return host->program.err ? host->program.err : err;
}

static int report_deadlock(const struct sched_program *program)
{
    const char *between = "";
    fputs("mk: sched: the workload ends in a deadlock: ", stderr);
    for (size_t i = 0; i < program->workload->nr_rows; i++) {
        const struct sched_thread *thread = &program->threads[i];
        if (!thread->waits)
            continue;
        fprintf(stderr, "%s%s waits for lock %s, which %s holds", between, thread->row->name,
                program->workload->locks[thread->waits - program->locks], thread->waits->holder->row->name);
        between = "; ";
    }
    fputc('\n', stderr);
    return EXIT_FAILED;
}

/*
 * The workload's time 0 on the machine's clock. Policies may do something every so many quanta, or every second, from
 * the machine's time 0 on: they shall seem to begin with the workload.
 */
static mk_time_t choose_start(mk_time_t quantum)
{
    if (!quantum)
        return MK_SEC;
    mk_time_t start = sched_common(1000 * quantum, MK_SEC, START_MAX);
    if (start == START_MAX)
        start = 1000 * quantum * (1 + MK_SEC / quantum / 1000);
    return start;
}

/* Computing cannot be in more turns than this. */
static bool check_turns(struct sched_workload *workload, mk_time_t quantum)
{
    mk_time_t sum = 0;
    for (size_t i = 0; i < workload->nr_rows; i++)
        sum += workload->rows[i].burst * workload->rows[i].nr_jobs;
    if (!quantum || sum / quantum <= TURNS_MAX)
        return true;
    char *least = sched_ms((double)(sum / TURNS_MAX + 1), 6);
    fprintf(stderr,
            "mk: sched: --quantum: it is so short that the workload takes more than %d turns; write %sms or more\n",
            TURNS_MAX, least);
    free(least);
    return false;
}

static int run(struct sched_host *host, const struct sched_setup *setup)
{
    mk_err_t err = create(host, setup);
    if (err)
        return report(setup->policy, host->log ? host->log : mk_err_text(err));
    err = run_machine(host);
    if (host->program.trace.is_full) {
        fprintf(stderr,
                "mk: sched: the threads change what they do more than %d times; take a longer quantum or less work\n",
                SCHED_SPANS_MAX);
        return EXIT_BAD_INPUT;
    }
    if (host->program.refused) {
        sched_error(host->program.workload, host->program.refused->line, "the policy %s refuses what it declares: %s",
                    setup->policy, mk_err_text(err));
        return EXIT_BAD_INPUT;
    }
    if (err == MK_E_DEADLOCK)
        return report_deadlock(&host->program);
    if (err)
        fprintf(stderr, "mk: sched: the run failed: %s\n", mk_err_text(err));
    return err ? EXIT_FAILED : EXIT_FINE;
}

int sched_run(struct sched_workload *workload, const struct sched_setup *setup)
{
    struct sched_host host = {.program.workload = workload};
    struct sched_program *program = &host.program;
    if (!check_turns(workload, setup->quantum))
        return EXIT_BAD_INPUT;
    program->threads = text_realloc(NULL, workload->nr_rows, sizeof(*program->threads));
    program->locks = text_realloc(NULL, workload->nr_locks, sizeof(*program->locks));
    memset(program->locks, 0, workload->nr_locks * sizeof(*program->locks));
    for (size_t i = 0; i < workload->nr_rows; i++)
        program->threads[i] = (struct sched_thread){.program = program, .row = &workload->rows[i]};
    program->trace = (struct sched_trace){.workload = workload, .start = choose_start(setup->quantum)};
    sched_trace_begin(&program->trace);
    int status = run(&host, setup);
    mk_machine_destroy(host.machine);
    sched_trace_end(&program->trace);
    free(program->threads);
    free(program->locks);
    free(host.log);
    return status;
}
