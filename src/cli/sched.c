/* SPDX-License-Identifier: BSD-2-Clause */
/* mk sched: a scheduling workload as real threads of a machine. */
#include "workload.h"

#include "command.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

enum {
    OPT_POLICY,
    OPT_QUANTUM,
    OPT_JSON,
    OPT_SVG,
    OPT_SEED,
    OPT_JOBS,
    OPT_MAX_ARRIVAL,
    OPT_MAX_BURST,
    OPT_IO,
    OPT_SOLVE,
    OPT_COMPARE,
    OPT_COSTS,
    OPT_NO_LENDING
};
static const struct option options[] = {{"--policy", true},      {"--quantum", true},
                                        {"--json", false},       {"--svg", true},
                                        {"--seed", true},        {"--jobs", true},
                                        {"--max-arrival", true}, {"--max-burst", true},
                                        {"--io", false},         {"--solve", false},
                                        {"--compare", true},     {"--costs", true},
                                        {"--no-lending", false}, {0}};

struct request {
    struct sched_setup setup;
    struct sched_exercise exercise;
    struct sched_workload workload;
    const char *quantum, *path, *svg;
    char *policies; /* --compare: a NUL behind each */
    size_t policies_size;
    bool is_json, has_seed, is_solved;
    int exercise_option; /* one that only exercises have; -1: none */
};

/* ---- options ---- */

static bool take_time(int option, const char *value, mk_time_t least, mk_time_t *timep)
{
    char *why = sched_parse_time(value, timep);
    if (!why && *timep < least) {
        char *ms = sched_ms((double)least, 6);
        why = text_format("'%s' is too short; write %sms or more", value, ms);
        free(ms);
    }
    if (why)
        fprintf(stderr, "mk: sched: %s: %s\n", options[option].name, why);
    free(why);
    return !why;
}

static bool take_costs(struct request *request, const char *value)
{
    request->setup.has_costs = strcmp(value, "default") == 0;
    if (request->setup.has_costs || strcmp(value, "none") == 0)
        return true;
    char *safe = text_printable(value);
    fprintf(stderr, "mk: sched: --costs: '%s' is unknown; write none or default\n", safe);
    free(safe);
    return false;
}

static bool take_policies(struct request *request, const char *value)
{
    request->policies_size = strlen(value) + 1;
    free(request->policies);
    request->policies = text_dup(value);
    bool is_good = *value != '\0';
    for (size_t i = 0; i < request->policies_size; i++) {
        if (request->policies[i] == ',')
            request->policies[i] = '\0';
        is_good &= request->policies[i] || (i && request->policies[i - 1]);
    }
    if (!is_good)
        fputs("mk: sched: --compare: a name is missing; write policies with commas between them, such as fcfs,rr\n",
              stderr);
    return is_good;
}

static bool take_exercise(struct request *request, int option, const char *value)
{
    struct sched_exercise *exercise = &request->exercise;
    uint64_t number = 0;
    bool is_good = true;
    request->exercise_option = option;
    if (option == OPT_JOBS)
        is_good = args_number("sched", options[option].name, value, 1, 100, &number);
    else if (option == OPT_MAX_ARRIVAL)
        is_good = take_time(option, value, 0, &exercise->max_arrival);
    else if (option == OPT_MAX_BURST)
        is_good = take_time(option, value, MK_MSEC, &exercise->max_burst);
    else if (option == OPT_IO)
        exercise->has_io = true;
    else
        request->is_solved = true;
    exercise->nr_jobs = number ? (uint32_t)number : exercise->nr_jobs;
    return is_good;
}

static bool take_option(struct request *request, int option, char *value)
{
    switch (option) {
    case OPT_POLICY:
        request->setup.policy = value;
        return true;
    case OPT_QUANTUM:
        request->quantum = value;
        return take_time(option, value, 1, &request->setup.quantum);
    case OPT_JSON:
        request->is_json = true;
        return true;
    case OPT_SVG:
        request->svg = value;
        return true;
    case OPT_SEED:
        request->has_seed = true;
        return args_number("sched", options[option].name, value, 0, INT64_MAX, &request->exercise.seed);
    case OPT_COMPARE:
        return take_policies(request, value);
    case OPT_COSTS:
        return take_costs(request, value);
    case OPT_NO_LENDING:
        request->setup.no_lending = true;
        return true;
    default:
        return take_exercise(request, option, value);
    }
}

/* ---- what is asked for ---- */

/* The machine draws lots from the seed where the policy does; with others its seed would change what they decide. */
static void set_seed(struct request *request)
{
    request->setup.seed = strcmp(request->setup.policy, "lottery") == 0 ? request->exercise.seed : 0;
}

static int solve(struct request *request)
{
    int status = sched_run(&request->workload, &request->setup);
    if (status != EXIT_FINE)
        return status;
    if (request->is_json) {
        sched_print_json(&request->workload, &request->setup);
    } else {
        sched_print_table(&request->workload, &request->setup);
        sched_print_gantt(&request->workload);
    }
    if (request->svg && !sched_write_svg(&request->workload, &request->setup, request->svg))
        return EXIT_FAILED;
    return EXIT_FINE;
}

static void print_exercise(const struct request *request, const char *text)
{
    const struct sched_exercise *exercise = &request->exercise;
    char *title = sched_title(&request->setup);
    printf("# Exercise %llu: %s; times in ms.\n"
           "# When does each thread start and end? What are its response, waiting and turnaround time, and what are\n"
           "# their averages? Draw who runs when. With --solve come the answers.\n"
           "%s",
           (unsigned long long)exercise->seed, title, text);
    free(title);
}

static int run_exercise(struct request *request)
{
    char *text = sched_make(&request->exercise, request->setup.policy);
    int status = EXIT_FINE;
    if (!request->is_solved) {
        print_exercise(request, text);
    } else {
        request->workload.path = "the exercise";
        status = sched_parse(&request->workload, text, strlen(text)) ? solve(request) : EXIT_BAD_INPUT;
    }
    free(text);
    return status;
}

static int compare(struct request *request)
{
    struct sched_totals *totals = NULL;
    const char *policies = request->policies;
    int status = EXIT_FINE;
    size_t nr = 0;
    for (size_t i = 0; status == EXIT_FINE && i < request->policies_size; i += strlen(policies + i) + 1) {
        request->setup.policy = policies + i;
        set_seed(request);
        status = sched_run(&request->workload, &request->setup);
        totals = text_realloc(totals, nr + 1, sizeof(*totals));
        sched_totals(&request->workload, &totals[nr++]);
    }
    for (size_t i = 0; status == EXIT_FINE && i < nr; i++, policies += strlen(policies) + 1)
        sched_print_comparison(policies, &totals[i], i == 0);
    free(totals);
    return status;
}

/* NULL, or what does not go together. */
static const char *check_options(const struct request *request)
{
    bool is_exercise = request->has_seed && !request->path;
    const char *policy = request->setup.policy;
    if (!policy == !request->policies)
        return policy ? "either --policy or --compare" : "which --policy?";
    if (!request->path && !request->has_seed)
        return "which workload?";
    if (request->policies && (request->is_json || request->svg || !request->path))
        return "--compare takes a workload, and neither --json nor --svg";
    if (request->path && request->exercise_option >= 0)
        return "--jobs, --max-arrival, --max-burst, --io and --solve are for exercises: give --seed and no workload";
    if (is_exercise && !request->is_solved && (request->is_json || request->svg))
        return "--json and --svg show the answers of an exercise: give --solve";
    if (request->path && request->has_seed && policy && strcmp(policy, "lottery") != 0)
        return "with a workload --seed is for the policy lottery";
    return NULL;
}

static int run(struct request *request, const struct args *args)
{
    const char *why = check_options(request);
    if (why)
        return args_usage(args, why);
    if (request->setup.policy)
        set_seed(request);
    if (!request->path)
        return run_exercise(request);
    if (!sched_read(&request->workload, request->path))
        return EXIT_BAD_INPUT;
    return request->policies ? compare(request) : solve(request);
}

int cmd_sched(int argc, char **argv)
{
    struct args args = {.argc = argc, .argv = argv};
    struct request request = {.exercise = {.nr_jobs = 5, .max_arrival = 10 * MK_MSEC, .max_burst = 10 * MK_MSEC},
                              .exercise_option = -1};
    int status = -1;
    for (int option; status < 0 && (option = args_next(&args, options)) != ARGS_END;) {
        if (option == ARGS_HELP)
            status = cmd_help(2, (char *[]){argv[0], argv[0]});
        else if (option == ARGS_BAD)
            status = EXIT_BAD_INPUT;
        else if (option == ARGS_OPERAND && request.path)
            status = args_usage(&args, "one workload at a time");
        else if (option == ARGS_OPERAND)
            request.path = args.value;
        else if (!take_option(&request, option, args.value))
            status = EXIT_BAD_INPUT;
    }
    if (status < 0)
        status = run(&request, &args);
    sched_free(&request.workload);
    free(request.policies);
    return status;
}
