/* SPDX-License-Identifier: BSD-2-Clause */
/* mk campaign: faults by number, run in parallel, and what became of them. */
#include "campaign.h"

#include "campaign_report.h"
#include "command.h"
#include "text.h"

#include <mk/error.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define JOBS_MAX 256

struct request {
    const char *path, *kinds, *target;
    char *commands;
    struct setup_overrides overrides;
    uint64_t nr_faults, seed, only, nr_jobs;
    uint64_t shard, nr_shards;
    bool has_only, is_json, is_merge;
    const char *merged[64];
    size_t nr_merged;
};

/* ---- the plan ---- */

static uint64_t mix(uint64_t x)
{
    x += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

struct plan {
    enum fault_kind kinds[FAULT_NR_KINDS];
    size_t nr_kinds;
    uint64_t seed;
};

static struct fault plan_fault(const struct campaign *campaign, const struct plan *plan, uint64_t id)
{
    const struct campaign_run *reference = &campaign->reference;
    uint64_t random = mix(plan->seed ^ mix(id));
    struct fault fault = {.id = id, .kind = plan->kinds[random % plan->nr_kinds], .random = mix(random + 1)};
    if (fault.kind >= FAULT_LOST) {
        fault.at = 1 + mix(random + 2) % reference->nr_messages;
        return fault;
    }
    size_t target = mix(random + 3) % campaign->nr_targets;
    fault.target = campaign->targets[target];
    fault.at = 1 + mix(random + 2) % reference->nr_calls[target];
    return fault;
}

static bool complain(char *why)
{
    fprintf(stderr, "mk: campaign: %s\n", why);
    free(why);
    return false;
}

static bool add_kind(struct plan *plan, const char *name, size_t size)
{
    const char *names[FAULT_NR_KINDS + 1] = {NULL};
    for (int kind = 0; kind < FAULT_NR_KINDS; kind++) {
        names[kind] = fault_texts[kind].name;
        if (strlen(names[kind]) == size && strncmp(names[kind], name, size) == 0) {
            plan->kinds[plan->nr_kinds++] = (enum fault_kind)kind;
            return true;
        }
    }
    char *word = text_ndup(name, size), *safe = text_printable(word);
    const char *nearest = text_nearest(word, names);
    complain(nearest ? text_format("--kinds: no kind '%s'; did you mean '%s'?", safe, nearest)
                     : text_format("--kinds: no kind '%s'; mk help campaign lists them", safe));
    free(word);
    free(safe);
    return false;
}

/* Without a list all but one: who hangs is found only by heartbeats, which a boot file may not have. */
static bool choose_kinds(struct plan *plan, const char *list)
{
    for (int kind = 0; !list && kind < FAULT_NR_KINDS; kind++)
        if (kind != FAULT_HANG)
            plan->kinds[plan->nr_kinds++] = (enum fault_kind)kind;
    while (list && *list) {
        size_t size = strcspn(list, ",");
        if (plan->nr_kinds == FAULT_NR_KINDS)
            return complain(text_dup("--kinds: each kind once"));
        if (!add_kind(plan, list, size))
            return false;
        list += size + (list[size] == ',');
    }
    return plan->nr_kinds > 0 || complain(text_dup("--kinds: which?"));
}

/* ---- runs ---- */

struct job {
    pid_t pid; /* 0: none */
    struct fault fault;
    struct campaign_run *run; /* shared with it */
};

static bool begin_job(struct campaign *campaign, struct job *job, const struct fault *fault, bool is_shown)
{
    fflush(NULL);
    job->fault = *fault;
    job->run->is_finished = job->run->is_injected = false;
    job->pid = fork();
    if (job->pid == 0)
        campaign_run(campaign, fault->at ? &job->fault : NULL, job->run, is_shown);
    return job->pid > 0 || complain(text_format("no process: %s", strerror(errno)));
}

static struct campaign_run *shared_run(void)
{
    void *run = mmap(NULL, sizeof(struct campaign_run), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (run == MAP_FAILED)
        complain(text_dup("no memory"));
    return run == MAP_FAILED ? NULL : run;
}

static bool run_reference(struct campaign *campaign)
{
    const struct fault none = {.at = 0};
    struct job job = {.run = shared_run()};
    int status;
    if (!job.run || !begin_job(campaign, &job, &none, false))
        return false;
    if (waitpid(job.pid, &status, 0) != job.pid || status != 0 || !job.run->is_finished)
        return complain(text_dup("the run without a fault did not come to its end; try it with mk run"));
    if (job.run->err != MK_OK || !job.run->is_audited)
        return complain(text_format("the run without a fault failed: %s; try it with mk run",
                                    job.run->err ? mk_err_text(job.run->err) : "the audit"));
    campaign->reference = *job.run;
    munmap(job.run, sizeof(*job.run));
    return true;
}

/* Tasks that make no call while the commands run cannot be hit. */
static bool choose_targets(struct campaign *campaign, const char *only)
{
    struct campaign_run *reference = &campaign->reference;
    size_t n = 0;
    for (size_t i = 0; i < campaign->nr_targets; i++) {
        bool is_wanted = only ? strcmp(campaign->targets[i], only) == 0 : strcmp(campaign->targets[i], "supervisor");
        if (!is_wanted || !reference->nr_calls[i])
            continue;
        campaign->targets[n] = campaign->targets[i];
        reference->nr_calls[n++] = reference->nr_calls[i];
    }
    campaign->nr_targets = n;
    return n > 0 || complain(only ? text_format("--target: the commands do not involve a task '%s'", only)
                                  : text_dup("the commands involve no task but the shell"));
}

static void finish_job(struct campaign_report *report, const struct campaign *campaign, struct job *job, int status)
{
    campaign_report_add(report, &job->fault, campaign_judge(&campaign->reference, job->run, job->fault.kind, status));
    job->pid = 0;
}

static struct job *job_of(struct job *jobs, size_t n, pid_t pid)
{
    for (size_t i = 0; i < n; i++)
        if (jobs[i].pid == pid)
            return &jobs[i];
    return NULL;
}

static void show_progress(const struct campaign_report *report, uint64_t nr)
{
    if (isatty(STDERR_FILENO))
        fprintf(stderr, "\r%llu of %llu faults", (unsigned long long)report->total.nr, (unsigned long long)nr);
    if (isatty(STDERR_FILENO) && report->total.nr == nr)
        fputs("\r\033[K", stderr);
}

/* Begin what is next in a job that is free; else wait for one to end. False: it cannot go on. */
static bool step(struct campaign *campaign, const struct plan *plan, const struct request *request, struct job *jobs,
                 uint64_t *nextp, struct campaign_report *report)
{
    int status;
    struct job *job = *nextp < request->nr_faults ? job_of(jobs, request->nr_jobs, 0) : NULL;
    if (job) {
        struct fault fault = plan_fault(campaign, plan, *nextp);
        *nextp += request->nr_shards;
        return begin_job(campaign, job, &fault, false);
    }
    pid_t pid = waitpid(-1, &status, 0);
    if (pid < 0 && errno != EINTR)
        return complain(text_format("waiting: %s", strerror(errno)));
    job = pid > 0 ? job_of(jobs, request->nr_jobs, pid) : NULL;
    if (job)
        finish_job(report, campaign, job, status);
    return true;
}

static bool run_faults(struct campaign *campaign, const struct plan *plan, const struct request *request,
                       struct campaign_report *report)
{
    struct job *jobs = text_realloc(NULL, request->nr_jobs, sizeof(*jobs));
    uint64_t nr = 0, next = request->shard;
    bool is_good = true;
    memset(jobs, 0, request->nr_jobs * sizeof(*jobs));
    for (uint64_t id = request->shard; id < request->nr_faults; id += request->nr_shards)
        nr++;
    for (size_t i = 0; i < request->nr_jobs && is_good; i++)
        is_good = (jobs[i].run = shared_run()) != NULL;
    while (is_good && report->total.nr < nr) {
        is_good = step(campaign, plan, request, jobs, &next, report);
        show_progress(report, nr);
    }
    free(jobs);
    return is_good;
}

/* One fault, for somebody who looks: the machine's log and output go to standard error. */
static int run_one(struct campaign *campaign, const struct plan *plan, uint64_t id)
{
    struct fault fault = plan_fault(campaign, plan, id);
    struct job job = {.run = shared_run()};
    int status;
    campaign_report_fault(stdout, &fault);
    if (!job.run || !begin_job(campaign, &job, &fault, true) || waitpid(job.pid, &status, 0) != job.pid)
        return EXIT_FAILED;
    enum outcome outcome = campaign_judge(&campaign->reference, job.run, fault.kind, status);
    printf("outcome: %s\n", outcome_texts[outcome]);
    return outcome_is_bad(outcome) ? EXIT_FAILED : EXIT_FINE;
}

/* ---- the command ---- */

/* Without -c: the commands of a file beside the boot file, NAME.mksh for NAME.ini. */
static char *read_commands(const char *path)
{
    size_t n = strlen(path), used = 0;
    char *name = n > 4 && strcmp(path + n - 4, ".ini") == 0 ? text_format("%.*s.mksh", (int)(n - 4), path) : NULL;
    FILE *in = name ? fopen(name, "re") : NULL;
    char *text = NULL;
    if (!in)
        complain(
            text_format("which commands? Give them with -c, or in %s", name ? name : "a file NAME.mksh for NAME.ini"));
    for (size_t got = 1; in && got > 0; used += got) {
        text = text_realloc(text, used + 4097, 1);
        got = fread(text + used, 1, 4096, in);
    }
    if (in) {
        text[used] = '\0';
        fclose(in);
    }
    free(name);
    return text;
}

static bool list_targets(struct campaign *campaign)
{
    const struct bootfile *boot = &campaign->setup.boot;
    const struct boot_task *shell = setup_find_shell(&campaign->setup);
    campaign->shell = shell->name;
    campaign->targets[campaign->nr_targets++] = "supervisor";
    for (size_t i = 0; i < boot->nr_tasks; i++) {
        if (&boot->tasks[i] == shell)
            continue;
        if (campaign->nr_targets == CAMPAIGN_TASKS_MAX)
            return complain(text_format("at most %d tasks", CAMPAIGN_TASKS_MAX));
        campaign->targets[campaign->nr_targets++] = boot->tasks[i].name;
    }
    return true;
}

static int run_campaign(struct request *request, struct campaign *campaign)
{
    struct plan plan = {.seed = request->seed};
    struct campaign_report report = {.seed = request->seed, .path = request->path};
    if (!choose_kinds(&plan, request->kinds))
        return EXIT_BAD_INPUT;
    if (!list_targets(campaign) || !run_reference(campaign) || !choose_targets(campaign, request->target))
        return EXIT_BAD_INPUT;
    if (request->has_only)
        return run_one(campaign, &plan, request->only);
    if (!run_faults(campaign, &plan, request, &report))
        return EXIT_FAILED;
    campaign_report_write(stdout, &report, request->is_json);
    campaign_report_free(&report);
    return report.nr_bad ? EXIT_FAILED : EXIT_FINE;
}

static int run_request(struct request *request)
{
    static struct campaign campaign;
    char *read = request->commands ? NULL : read_commands(request->path);
    if (!read && !request->commands)
        return EXIT_BAD_INPUT;
    bool is_good = setup_load(&campaign.setup, request->path, &request->overrides) &&
                   setup_give_commands(&campaign.setup, read ? read : request->commands);
    free(read);
    bootfile_report(&campaign.setup.boot, stderr);
    int status = is_good ? run_campaign(request, &campaign) : EXIT_BAD_INPUT;
    setup_finish(&campaign.setup);
    return status;
}

enum {
    OPT_COMMANDS,
    OPT_SET,
    OPT_FAULTS,
    OPT_SEED,
    OPT_KINDS,
    OPT_TARGET,
    OPT_JSON,
    OPT_ONLY,
    OPT_SHARD,
    OPT_JOBS,
    OPT_MERGE
};
static const struct option options[] = {{"-c", true},      {"--set", true},    {"--faults", true}, {"--seed", true},
                                        {"--kinds", true}, {"--target", true}, {"--json", false},  {"--only", true},
                                        {"--shard", true}, {"--jobs", true},   {"--merge", false}, {0}};

/* "2/8": the second of eight shards. */
static bool take_shard(struct request *request, const char *text)
{
    char *slash = strchr(text, '/'), *first = slash ? text_ndup(text, (size_t)(slash - text)) : NULL;
    bool is_good = slash &&
                   args_number("campaign", options[OPT_SHARD].name, slash + 1, 1, 1000000, &request->nr_shards) &&
                   args_number("campaign", options[OPT_SHARD].name, first, 1, request->nr_shards, &request->shard);
    if (!slash)
        complain(text_dup("--shard: I/N, as in 2/8 for the second of eight"));
    request->shard--;
    free(first);
    return is_good;
}

static bool take_value(struct request *request, int option, char *value)
{
    switch (option) {
    case OPT_COMMANDS:
        request->commands = value;
        return true;
    case OPT_SET:
        setup_add_set(&request->overrides, value);
        return true;
    case OPT_FAULTS:
        return args_number("campaign", options[option].name, value, 1, 1000000000, &request->nr_faults);
    case OPT_SEED:
        return args_number("campaign", options[option].name, value, 0, UINT64_MAX, &request->seed);
    case OPT_KINDS:
        request->kinds = value;
        return true;
    case OPT_TARGET:
        request->target = value;
        return true;
    case OPT_ONLY:
        request->has_only = true;
        return args_number("campaign", options[option].name, value, 0, UINT64_MAX, &request->only);
    case OPT_SHARD:
        return take_shard(request, value);
    default:
        return args_number("campaign", options[option].name, value, 1, JOBS_MAX, &request->nr_jobs);
    }
}

int cmd_campaign(int argc, char **argv)
{
    struct args args = {.argc = argc, .argv = argv};
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    struct request request = {.nr_faults = 100,
                              .seed = 1,
                              .nr_shards = 1,
                              .nr_jobs = cpus < 1          ? 1
                                         : cpus > JOBS_MAX ? JOBS_MAX
                                                           : (uint64_t)cpus};
    for (int option; (option = args_next(&args, options)) != ARGS_END;) {
        if (option == ARGS_HELP)
            return cmd_help(2, (char *[]){argv[0], argv[0]});
        if (option == ARGS_BAD)
            return EXIT_BAD_INPUT;
        if (option == ARGS_OPERAND && request.nr_merged < sizeof(request.merged) / sizeof(request.merged[0]))
            request.merged[request.nr_merged++] = args.value;
        else if (option == ARGS_OPERAND)
            return args_usage(&args, "too many files");
        else if (option == OPT_JSON)
            request.is_json = true;
        else if (option == OPT_MERGE)
            request.is_merge = true;
        else if (!take_value(&request, option, args.value))
            return EXIT_BAD_INPUT;
    }
    if (request.is_merge)
        return request.nr_merged ? campaign_report_merge(request.merged, request.nr_merged, request.is_json)
                                 : args_usage(&args, "which reports?");
    if (request.nr_merged != 1)
        return args_usage(&args, request.nr_merged ? "one boot file at a time" : "which boot file?");
    request.path = request.merged[0];
    int status = run_request(&request);
    setup_free_overrides(&request.overrides);
    return status;
}
