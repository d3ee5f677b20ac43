/* SPDX-License-Identifier: BSD-2-Clause */
/* Processes that run faults; see campaign_jobs.h. */
#include "campaign_jobs.h"

#include "command.h"
#include "text.h"

#include <mk/error.h>

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define RUNS_MAX 1000 /* in one process: what libraries keep of servers that crashed adds up */

/* One process, in memory that it shares with the command. */
struct job {
    pid_t pid;           /* 0: none; the command's */
    uint64_t current;    /* place in the part of the fault that is run, from 1; 0: none */
    unsigned nr_runs;    /* that this process began */
    enum outcome before; /* how this fault ended in a process that had run others; 0: it is run for the first time */
    struct campaign_run run;
};

#define NOT_ALONE 0x80 /* in an outcome: it is not the same when the fault is run alone */

struct work {
    struct campaign *campaign;
    const struct campaign_plan *plan;
    const struct campaign_part *part;
    pid_t parent;
    _Atomic uint64_t *nextp; /* place of the fault that was not taken yet */
    _Atomic uint64_t *nr_donep;
    _Atomic uint8_t *outcomes; /* of each place, and 1 */
    struct job *jobs;
};

static bool complain(char *why)
{
    fprintf(stderr, "mk: campaign: %s\n", why);
    free(why);
    return false;
}

static void *share(size_t size)
{
    void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED)
        complain(text_dup("no memory"));
    return p == MAP_FAILED ? NULL : p;
}

/* ---- one run in a process for it alone ---- */

static bool run_alone(struct campaign *campaign, const struct fault *fault, struct campaign_run *run, bool is_shown,
                      int *statusp)
{
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        campaign_run_prepare(campaign, is_shown);
        campaign_run(fault, run);
        campaign_run_finish();
    }
    return (pid > 0 && waitpid(pid, statusp, 0) == pid) || complain(text_format("no process: %s", strerror(errno)));
}

bool campaign_jobs_reference(struct campaign *campaign)
{
    struct campaign_run *run = share(sizeof(*run));
    int status;
    if (!run || !run_alone(campaign, NULL, run, false, &status))
        return false;
    campaign->reference = *run;
    munmap(run, sizeof(*run));
    run = &campaign->reference;
    if (status != 0 || !run->is_finished)
        return complain(text_dup("the run without a fault did not come to its end; try it with mk run"));
    if (run->err != MK_OK || !run->is_audited)
        return complain(text_format("the run without a fault failed: %s; try it with mk run",
                                    run->err ? mk_err_text(run->err) : "the audit"));
    return true;
}

bool campaign_jobs_show(struct campaign *campaign, const struct fault *fault, enum outcome *outcomep)
{
    struct campaign_run *run = share(sizeof(*run));
    int status;
    if (!run || !run_alone(campaign, fault, run, true, &status))
        return false;
    *outcomep = campaign_judge(&campaign->reference, run, fault->kind, status);
    munmap(run, sizeof(*run));
    return true;
}

/* ---- in a process that runs many ---- */

static struct fault fault_at(const struct work *work, uint64_t place)
{
    return campaign_plan_fault(work->campaign, work->plan, work->part->first + place * work->part->step);
}

static void settle(struct work *work, struct job *job, enum outcome outcome)
{
    uint8_t mark = 0;
    if (job->before && !outcome_is_bad(outcome)) {
        mark = NOT_ALONE;
        outcome = job->before;
    }
    work->outcomes[job->current - 1] = (uint8_t)(outcome + 1) | mark;
    job->before = OUTCOME_NOT_INJECTED;
    job->current = 0;
    atomic_fetch_add(work->nr_donep, 1);
}

/* Take the next fault, unless there is one to be repeated. False: none is left. */
static bool take(struct work *work, struct job *job)
{
    if (!job->current) {
        uint64_t place = atomic_fetch_add(work->nextp, 1);
        job->current = place < work->part->nr ? place + 1 : 0;
    }
    return job->current && getppid() == work->parent;
}

static void work_through(struct work *work, struct job *job)
{
    bool is_bad = false;
    campaign_run_prepare(work->campaign, false);
    while (!is_bad && job->nr_runs < RUNS_MAX && take(work, job)) {
        struct fault fault = fault_at(work, job->current - 1);
        job->nr_runs++;
        campaign_run(&fault, &job->run);
        enum outcome outcome = campaign_judge(&work->campaign->reference, &job->run, fault.kind, 0);
        is_bad = outcome_is_bad(outcome);
        if (!is_bad || job->nr_runs == 1)
            settle(work, job, outcome);
    }
    campaign_run_finish();
}

/* ---- in the command ---- */

static bool begin(struct work *work, struct job *job)
{
    fflush(NULL);
    job->nr_runs = 0;
    pid_t pid = fork();
    if (pid == 0)
        work_through(work, job);
    job->pid = pid > 0 ? pid : 0;
    return pid > 0 || complain(text_format("no process: %s", strerror(errno)));
}

/* A process ended, at a fault or between two. */
static bool ended(struct work *work, struct job *job, int status)
{
    job->pid = 0;
    if (!job->current)
        return status == 0 || complain(text_dup("a process died that ran no fault"));
    enum outcome outcome =
        campaign_judge(&work->campaign->reference, &job->run, fault_at(work, job->current - 1).kind, status);
    if (job->nr_runs > 1)
        job->before = outcome;
    else
        settle(work, job, outcome);
    return true;
}

static void show_progress(const struct work *work)
{
    unsigned long long done = atomic_load(work->nr_donep), nr = work->part->nr;
    if (!isatty(STDERR_FILENO))
        return;
    fprintf(stderr, "\r%llu of %llu faults", done, nr);
    if (done == nr)
        fputs("\r\033[K", stderr);
}

/* Wait for one of them; 0: none ended yet, and progress can be shown. */
static pid_t wait_for_one(const struct work *work, int *statusp)
{
    const struct timespec moment = {.tv_nsec = 100000000};
    show_progress(work);
    pid_t pid = waitpid(-1, statusp, isatty(STDERR_FILENO) ? WNOHANG : 0);
    if (pid == 0)
        nanosleep(&moment, NULL);
    return pid < 0 && errno == EINTR ? 0 : pid;
}

static bool is_wanted(const struct work *work, const struct job *job)
{
    return !job->pid && (job->current || atomic_load(work->nextp) < work->part->nr);
}

static bool run_all(struct work *work)
{
    bool is_good = true;
    while (is_good && atomic_load(work->nr_donep) < work->part->nr) {
        int status;
        for (size_t i = 0; i < work->part->nr_jobs && is_good; i++)
            if (is_wanted(work, &work->jobs[i]))
                is_good = begin(work, &work->jobs[i]);
        pid_t pid = is_good ? wait_for_one(work, &status) : 0;
        if (pid < 0)
            is_good = complain(text_format("waiting: %s", strerror(errno)));
        for (size_t i = 0; i < work->part->nr_jobs && pid > 0; i++)
            if (work->jobs[i].pid == pid)
                is_good = ended(work, &work->jobs[i], status);
    }
    show_progress(work);
    for (size_t i = 0; i < work->part->nr_jobs && is_good; i++) /* they clear away what they had loaded */
        if (work->jobs[i].pid)
            is_good = waitpid(work->jobs[i].pid, NULL, 0) > 0 || complain(text_format("waiting: %s", strerror(errno)));
    return is_good;
}

static void report_all(const struct work *work, struct campaign_report *report)
{
    for (uint64_t place = 0; place < work->part->nr; place++) {
        struct fault fault = fault_at(work, place);
        uint8_t result = work->outcomes[place];
        enum outcome outcome = (enum outcome)((result & ~NOT_ALONE) - 1);
        campaign_report_add(report, &fault, outcome);
        if (result & NOT_ALONE)
            complain(text_format("fault %llu: %s after others in the same process, and not when it is run alone",
                                 (unsigned long long)fault.id, outcome_texts[outcome]));
    }
}

bool campaign_jobs_run(struct campaign *campaign, const struct campaign_plan *plan, const struct campaign_part *part,
                       struct campaign_report *report)
{
    const size_t jobs_size = part->nr_jobs * sizeof(struct job), numbers_size = 2 * sizeof(uint64_t);
    char *shared = share(jobs_size + numbers_size + part->nr);
    if (!shared)
        return false;
    struct work work = {.campaign = campaign,
                        .plan = plan,
                        .part = part,
                        .parent = getpid(),
                        .jobs = (struct job *)(void *)shared,
                        .nextp = (_Atomic uint64_t *)(void *)(shared + jobs_size),
                        .nr_donep = (_Atomic uint64_t *)(void *)(shared + jobs_size) + 1,
                        .outcomes = (_Atomic uint8_t *)(shared + jobs_size + numbers_size)};
    bool is_good = run_all(&work);
    if (is_good)
        report_all(&work, report);
    munmap(shared, jobs_size + numbers_size + part->nr);
    return is_good;
}
