/* SPDX-License-Identifier: BSD-2-Clause */
/* The runs of a campaign, one after the other in a process that is for them alone. */
#include "campaign.h"

#include <mk/mk.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define REAL_SECONDS_MAX 60             /* then SIGALRM ends the process */
#define LATE             (600 * MK_SEC) /* after the end of the run without a fault */
#define QUANTA_MAX       1000           /* a thread that computes for longer is in a loop */
#define DESCRIPTORS_LEFT 64             /* by a run, at most; the others stay open */

static struct {
    struct campaign *campaign;
    const struct fault *fault;
    struct campaign_run *run;
    struct mk_machine *machine, *keeper;
    bool has_begun; /* the shell runs */
    bool is_shown, is_announced;
    int output;          /* what is standard output */
    int last_descriptor; /* that is not a run's */
} here;

static size_t target_of(const char *label)
{
    size_t i = 0;
    while (i < here.campaign->nr_targets && strcmp(here.campaign->targets[i], label) != 0)
        i++;
    return i;
}

static bool is_message(const struct mk_probe_call *call)
{
    return call->msg && strcmp(call->name, "mk_receive") != 0;
}

/* Is it the pager's, while pages are out? */
static bool is_of_pager(const struct mk_probe_call *call)
{
    return here.campaign->pager && strcmp(here.campaign->pager, call->label) == 0 && fault_pages_are_out();
}

/* Is this the place? */
static bool is_here(const struct mk_probe_call *call, size_t target)
{
    const struct fault *fault = here.fault;
    const struct campaign_run *run = here.run;
    if (!fault || run->is_injected || fault_is_torn)
        return false;
    if (fault_is_of_pager(fault->kind))
        return strcmp(fault->target, call->label) == 0 && run->nr_pager_calls >= fault->at;
    if (!fault->target)
        return is_message(call) && run->nr_messages >= fault->at;
    return target < here.campaign->nr_targets && strcmp(fault->target, call->label) == 0 &&
           run->nr_calls[target] >= fault->at;
}

static void announce(const struct mk_probe_call *call)
{
    if (here.is_shown && !here.is_announced)
        fprintf(stderr, "mk: fault: [%s] thread %llu, before %s, at %lld ns\n", call->label,
                (unsigned long long)call->thread, call->name, (long long)mk_time_now());
    here.is_announced = true;
}

static mk_err_t probe(void *arg, const struct mk_probe_call *call)
{
    struct campaign_run *run = here.run;
    mk_err_t err = MK_OK;
    (void)arg;
    here.has_begun = here.has_begun || strcmp(call->label, here.campaign->shell) == 0;
    if (!here.has_begun)
        return MK_OK;
    if (here.fault && mk_time_now() > here.campaign->reference.end + LATE) {
        run->is_late = true;
        mk_machine_stop(here.machine, 1);
    }
    size_t target = target_of(call->label);
    if (target < here.campaign->nr_targets)
        run->nr_calls[target]++;
    run->nr_messages += is_message(call);
    run->nr_pager_calls += is_of_pager(call);
    if (is_here(call, target)) {
        const bool is_of_message = here.fault->kind == FAULT_RESULT || here.fault->kind >= FAULT_LOST;
        if (!is_of_message)
            announce(call);
        run->is_injected = !is_of_message; /* it may not come back */
        run->is_injected = fault_act(here.fault, call, &err);
        if (is_of_message && run->is_injected) /* not passed over */
            announce(call);
    }
    return err;
}

static void *allocate(void *arg, size_t size)
{
    (void)size;
    bool is_refused = fault_no_memory;
    fault_no_memory = false;
    return is_refused ? NULL : arg;
}

static void take_log(void *arg, const char *line)
{
    struct campaign_run *run = here.run;
    size_t n = strlen(here.campaign->shell);
    (void)arg;
    run->nr_crashes += strstr(line, "ended its task") != NULL;
    run->is_told |= line[0] == '[' && strncmp(line + 1, here.campaign->shell, n) == 0 && line[1 + n] == ']';
    if (here.is_shown)
        fprintf(stderr, "mk: %s\n", line);
}

/* ---- the process ---- */

static int highest_descriptor(void)
{
    int highest = STDERR_FILENO;
    for (int fd = 0; fd < 1024; fd++)
        if (fcntl(fd, F_GETFD) >= 0)
            highest = fd;
    return highest;
}

/* A machine that does nothing keeps the plugins of those that ended loaded, for the next. */
static void keep_plugins(struct setup *setup)
{
    if (setup_create(setup, &here.keeper) != MK_OK || setup_load_guardian(setup, here.keeper, NULL, 0) != MK_OK)
        _exit(1);
}

void campaign_run_prepare(struct campaign *campaign, bool is_shown)
{
    here.campaign = campaign;
    here.is_shown = is_shown;
    here.output = memfd_create("output", MFD_CLOEXEC);
    if (here.output < 0 || dup2(here.output, STDOUT_FILENO) < 0)
        _exit(1);
    keep_plugins(&campaign->setup);
    here.last_descriptor = highest_descriptor();
}

void campaign_run_finish(void)
{
    alarm(REAL_SECONDS_MAX);
    mk_machine_destroy(here.keeper);
    _exit(0);
}

/* Servers that ended left files open. */
static void close_descriptors(void)
{
    for (int fd = here.last_descriptor + 1; fd < here.last_descriptor + DESCRIPTORS_LEFT; fd++)
        close(fd);
}

static void keep_output(struct campaign_run *run)
{
    ssize_t n = pread(here.output, run->output, OUTPUT_MAX, 0);
    run->output_size = n > 0 ? (size_t)n : 0;
    if (here.is_shown && write(STDERR_FILENO, run->output, run->output_size) < 0)
        run->output_size = 0;
    if (ftruncate(here.output, 0) != 0 || lseek(here.output, 0, SEEK_SET) != 0)
        _exit(1);
}

static void boot(struct setup *setup)
{
    setup->hooks = (struct mk_machine_config){
        .max_quanta = QUANTA_MAX, .log = take_log, .alloc_hook = allocate, .alloc_arg = here.run, .probe = probe};
    if (setup_create(setup, &here.machine) != MK_OK || setup_load_guardian(setup, here.machine, NULL, 0) != MK_OK)
        _exit(1);
}

void campaign_run(const struct fault *fault, struct campaign_run *run)
{
    struct mk_machine_stats stats;
    int code = -1;
    memset(run, 0, sizeof(*run));
    here.fault = fault;
    here.run = run;
    here.has_begun = false;
    fault_no_memory = false;
    fault_tear_next(0, 0);
    alarm(REAL_SECONDS_MAX);
    boot(&here.campaign->setup);
    run->err = mk_machine_run(here.machine, &code);
    run->exit_code = code;
    run->is_injected |= fault_is_torn;
    run->is_audited = mk_machine_audit(here.machine) == MK_OK;
    if (mk_machine_stats(here.machine, &stats) == MK_OK)
        run->end = stats.now;
    mk_machine_destroy(here.machine);
    close_descriptors();
    keep_output(run);
    alarm(0);
    run->is_finished = true;
}
