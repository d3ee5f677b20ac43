/* SPDX-License-Identifier: BSD-2-Clause */
/* One run of a campaign, in a process of its own. */
#include "campaign.h"

#include <mk/mk.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define REAL_SECONDS_MAX 60             /* then SIGALRM ends the process */
#define LATE             (600 * MK_SEC) /* after the end of the run without a fault */
#define QUANTA_MAX       1000           /* a thread that computes for longer is in a loop */

static struct {
    const struct campaign *campaign;
    const struct fault *fault;
    struct campaign_run *run;
    struct mk_machine *machine;
    bool has_begun; /* the shell runs */
    bool is_shown;
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

/* Is this the place? */
static bool is_here(const struct mk_probe_call *call, size_t target)
{
    const struct fault *fault = here.fault;
    const struct campaign_run *run = here.run;
    if (!fault || run->is_injected)
        return false;
    if (!fault->target)
        return is_message(call) && run->nr_messages >= fault->at;
    return target < here.campaign->nr_targets && strcmp(fault->target, call->label) == 0 &&
           run->nr_calls[target] >= fault->at;
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
    if (is_here(call, target)) {
        if (here.is_shown)
            fprintf(stderr, "mk: fault: [%s] thread %llu, before %s, at %lld ns\n", call->label,
                    (unsigned long long)call->thread, call->name, (long long)mk_time_now());
        run->is_injected = true; /* it may not come back */
        run->is_injected = fault_act(here.fault, call, &err);
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

static void keep_output(struct campaign_run *run, int fd, bool is_shown)
{
    ssize_t n = pread(fd, run->output, OUTPUT_MAX, 0);
    run->output_size = n > 0 ? (size_t)n : 0;
    if (is_shown && write(STDERR_FILENO, run->output, run->output_size) < 0)
        run->output_size = 0;
}

void campaign_run(struct campaign *campaign, const struct fault *fault, struct campaign_run *run, bool is_shown)
{
    struct setup *setup = &campaign->setup;
    struct mk_machine_stats stats;
    char why[512];
    int code = -1, fd = memfd_create("output", MFD_CLOEXEC);
    memset(run, 0, sizeof(*run));
    here.campaign = campaign;
    here.fault = fault;
    here.run = run;
    alarm(REAL_SECONDS_MAX);
    if (fd < 0 || dup2(fd, STDOUT_FILENO) < 0)
        _exit(1);
    here.is_shown = is_shown;
    setup->hooks = (struct mk_machine_config){
        .max_quanta = QUANTA_MAX, .log = take_log, .alloc_hook = allocate, .alloc_arg = run, .probe = probe};
    if (setup_create(setup, &here.machine) != MK_OK ||
        setup_load_guardian(setup, here.machine, why, sizeof(why)) != MK_OK)
        _exit(1);
    run->err = mk_machine_run(here.machine, &code);
    run->exit_code = code;
    run->is_audited = mk_machine_audit(here.machine) == MK_OK;
    if (mk_machine_stats(here.machine, &stats) == MK_OK)
        run->end = stats.now;
    mk_machine_destroy(here.machine);
    keep_output(run, fd, is_shown);
    run->is_finished = true;
    _exit(0);
}
