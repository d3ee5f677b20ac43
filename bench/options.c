/* SPDX-License-Identifier: BSD-2-Clause */
/* The command line; see options.h. */
#include "bench/options.h"

#include <errno.h>
#include <fnmatch.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <mk/version.h>

#include "bench/bench.h"

#define NR_ROUNDS       51
#define NR_ROUNDS_QUICK 15
#define NR_ROUNDS_MAX   100000
#define NR_PROFILE_MAX  100000000
#define BATCH           1e6 /* ns */
#define BATCH_QUICK     3e5

static const char usage[] =
    "usage: mkbench [options]\n"
    "\n"
    "  --only GLOB          measure only rows whose names match; may be repeated\n"
    "  --list               print the rows, and why some are absent; measure nothing\n"
    "  --rounds N           rounds, each with one sample of each row (51)\n"
    "  --quick              fewer rounds (15) and shorter batches\n"
    "  --json FILE          write the results as JSON; - is standard output, and then nothing else goes there\n"
    "  --csv FILE           write the results as CSV; - as above\n"
    "  --plot FOLDER        write plots (.svg, with their .dat and .gp), made with gnuplot\n"
    "  --check              judge the bars, ratios of medians of this run; status 1 when one fails\n"
    "  --profile N          measure nothing; run each row once with N operations, for a profiler to look at\n"
    "  --compare A B        measure nothing; compare two JSON files row by row\n"
    "  --help, --version\n"
    "\n"
    "The exit status is 0 when all went well, 1 when measuring failed or a bar was missed, 2 for bad usage or bad\n"
    "input.\n";

enum {
    OPT_ONLY = 256,
    OPT_LIST,
    OPT_ROUNDS,
    OPT_QUICK,
    OPT_JSON,
    OPT_CSV,
    OPT_PLOT,
    OPT_CHECK,
    OPT_PROFILE,
    OPT_COMPARE,
    OPT_HELP,
    OPT_VERSION
};

static const struct option long_options[] = {
    {"only", required_argument, NULL, OPT_ONLY},
    {"list", no_argument, NULL, OPT_LIST},
    {"rounds", required_argument, NULL, OPT_ROUNDS},
    {"quick", no_argument, NULL, OPT_QUICK},
    {"json", required_argument, NULL, OPT_JSON},
    {"csv", required_argument, NULL, OPT_CSV},
    {"plot", required_argument, NULL, OPT_PLOT},
    {"check", no_argument, NULL, OPT_CHECK},
    {"profile", required_argument, NULL, OPT_PROFILE},
    {"compare", required_argument, NULL, OPT_COMPARE},
    {"help", no_argument, NULL, OPT_HELP},
    {"version", no_argument, NULL, OPT_VERSION},
    {0},
};

static int bad(const char *format, ...) __attribute__((format(printf, 1, 2)));

static int bad(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("mkbench: ", stderr);
    vfprintf(stderr, format, args);
    fputs("; see mkbench --help\n", stderr);
    va_end(args);
    return 2;
}

/* Rows that match are chosen; 2 when there are none. */
static int choose(const char *glob)
{
    bool is_matched = false;
    for (size_t i = 0; i < nr_rows; i++) {
        if (fnmatch(glob, rows[i].name, 0) != 0)
            continue;
        rows[i].is_chosen = is_matched = true;
    }
    return is_matched ? 0 : bad("no row matches '%s': mkbench --list tells their names", glob);
}

static int read_number(const char *option, const char *text, unsigned max, unsigned *numberp)
{
    char *end;
    errno = 0;
    unsigned long n = strtoul(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end || errno || n < 1 || n > max)
        return bad("%s takes a number from 1 to %u, not '%s'", option, max, text);
    *numberp = (unsigned)n;
    return 0;
}

static int refuse(int option, const char *word)
{
    if (option == ':')
        return bad("%s needs a value", word);
    if (optopt >= OPT_ONLY)
        return bad("'%s': this option takes no value", word);
    return bad("unknown option '%s'", word);
}

/* 0, 2, or -1: help was given. */
static int take(struct options *options, int option, char **argv)
{
    switch (option) {
    case OPT_ONLY:
        return choose(optarg);
    case OPT_LIST:
        options->is_list = true;
        return 0;
    case OPT_ROUNDS:
        return read_number("--rounds", optarg, NR_ROUNDS_MAX, &options->plan.nr_rounds);
    case OPT_QUICK:
        options->plan.batch = BATCH_QUICK;
        return 0;
    case OPT_JSON:
        options->json = optarg;
        return 0;
    case OPT_CSV:
        options->csv = optarg;
        return 0;
    case OPT_PLOT:
        options->plot = optarg;
        return 0;
    case OPT_CHECK:
        options->is_check = true;
        return 0;
    case OPT_PROFILE:
        return read_number("--profile", optarg, NR_PROFILE_MAX, &options->nr_profile);
    case OPT_COMPARE:
        options->compare[0] = optarg;
        options->compare[1] = argv[optind] ? argv[optind++] : NULL;
        return options->compare[1] ? 0 : bad("--compare takes two files");
    case OPT_HELP:
        fputs(usage, stdout);
        return -1;
    case OPT_VERSION:
        puts("mkbench " MK_VERSION);
        return -1;
    default:
        return refuse(option, argv[optind - 1]);
    }
}

static int judge(const struct options *options, int argc, char **argv)
{
    bool is_json_out = options->json && strcmp(options->json, "-") == 0;
    bool is_csv_out = options->csv && strcmp(options->csv, "-") == 0;
    if (optind < argc)
        return bad("what is '%s' for?", argv[optind]);
    if (is_json_out && is_csv_out)
        return bad("--json - and --csv - cannot both have standard output");
    bool is_measuring = options->json || options->csv || options->plot || options->is_check;
    if (options->compare[0] && (is_measuring || options->is_list || options->nr_profile))
        return bad("--compare measures nothing, so it goes with no other option");
    if (options->nr_profile && (is_measuring || options->is_list))
        return bad("--profile measures nothing, so it goes only with --only");
    if (options->is_list && is_measuring)
        return bad("--list measures nothing, so it goes only with --only");
    return 0;
}

bool options_read(struct options *options, int argc, char **argv, int *statusp)
{
    *options = (struct options){.plan = {.batch = BATCH}};
    opterr = 0;
    for (int option; (option = getopt_long(argc, argv, ":", long_options, NULL)) != -1;) {
        int status = take(options, option, argv);
        if (status) {
            *statusp = status < 0 ? 0 : status;
            return false;
        }
    }
    *statusp = judge(options, argc, argv);
    if (!options->plan.nr_rounds)
        options->plan.nr_rounds = options->plan.batch < BATCH ? NR_ROUNDS_QUICK : NR_ROUNDS;
    options->is_stdout_taken =
        (options->json && strcmp(options->json, "-") == 0) || (options->csv && strcmp(options->csv, "-") == 0);
    bool is_any = false;
    for (size_t i = 0; i < nr_rows; i++)
        is_any |= rows[i].is_chosen;
    for (size_t i = 0; i < nr_rows && !is_any; i++)
        rows[i].is_chosen = true;
    return *statusp == 0;
}
