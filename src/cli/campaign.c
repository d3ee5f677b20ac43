/* SPDX-License-Identifier: BSD-2-Clause */
/* mk campaign: faults by number, run in parallel, and what became of them. */
#include "campaign.h"

#include "campaign_jobs.h"
#include "campaign_report.h"
#include "command.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

static bool complain(char *why)
{
    fprintf(stderr, "mk: campaign: %s\n", why);
    free(why);
    return false;
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
        if (bootfile_is_module(&boot->tasks[i], "pager"))
            campaign->pager = boot->tasks[i].name;
        campaign->targets[campaign->nr_targets++] = boot->tasks[i].name;
    }
    return true;
}

static int show_one(struct campaign *campaign, const struct campaign_plan *plan, uint64_t id)
{
    struct fault fault = campaign_plan_fault(campaign, plan, id);
    enum outcome outcome;
    campaign_report_fault(stdout, &fault);
    if (!campaign_jobs_show(campaign, &fault, &outcome))
        return EXIT_FAILED;
    printf("outcome: %s\n", outcome_texts[outcome]);
    return outcome_is_bad(outcome) ? EXIT_FAILED : EXIT_FINE;
}

static int run_campaign(struct request *request, struct campaign *campaign)
{
    struct campaign_plan plan = {.seed = request->seed};
    struct campaign_part part = {.first = request->shard, .step = request->nr_shards, .nr_jobs = request->nr_jobs};
    struct campaign_report report = {.seed = request->seed, .path = request->path};
    if (!list_targets(campaign) || !campaign_jobs_reference(campaign) || !choose_targets(campaign, request->target) ||
        !campaign_plan_kinds(&plan, campaign, request->kinds))
        return EXIT_BAD_INPUT;
    if (request->has_only)
        return show_one(campaign, &plan, request->only);
    if (part.first < request->nr_faults)
        part.nr = (request->nr_faults - 1 - part.first) / part.step + 1;
    if (!campaign_jobs_run(campaign, &plan, &part, &report))
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
