/* SPDX-License-Identifier: BSD-2-Clause */
/* mk run: boot the machine that a boot file describes, run it, and write what was asked for. */
#include "command.h"
#include "setup.h"
#include "stats_json.h"
#include "text.h"
#include "trace_json.h"
#include "watch.h"

#include <mk/error.h>
#include <mk/task.h>

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TRACE_RING 65536

struct run {
    const char *path;
    char *commands;
    const char *trace_path, *stats_path;
    bool is_quiet, is_watching;
    struct setup_overrides overrides;
    struct setup setup;
    FILE *trace_out, *stats_out;
    struct trace_json *trace;
    struct mk_machine *machine;
};

/* ---- output files ---- */

/*
 * With "-" the JSON has standard output for itself: the machine's console,
 * which writes to descriptor 1, is sent to standard error.
 */
static FILE *open_stdout(void)
{
    int fd = dup(STDOUT_FILENO);
    if (fd < 0 || dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
        return NULL;
    return fdopen(fd, "w");
}

static FILE *open_output(const char *option, const char *path)
{
    FILE *out = strcmp(path, "-") == 0 ? open_stdout() : fopen(path, "we");
    if (!out)
        fprintf(stderr, "mk: run: %s %s: cannot be written: %s\n", option, path, strerror(errno));
    return out;
}

static bool is_same_file(FILE *a, FILE *b)
{
    struct stat sa, sb;
    return fstat(fileno(a), &sa) == 0 && fstat(fileno(b), &sb) == 0 && S_ISREG(sa.st_mode) && sa.st_dev == sb.st_dev &&
           sa.st_ino == sb.st_ino;
}

static bool open_outputs(struct run *run)
{
    if (run->trace_path && run->stats_path && strcmp(run->trace_path, run->stats_path) == 0) {
        fputs("mk: run: --trace and --stats need different files\n", stderr);
        return false;
    }
    if (run->trace_path && !(run->trace_out = open_output("--trace", run->trace_path)))
        return false;
    if (run->stats_path && !(run->stats_out = open_output("--stats", run->stats_path)))
        return false;
    if (run->trace_out && run->stats_out && is_same_file(run->trace_out, run->stats_out)) {
        fputs("mk: run: --trace and --stats need different files\n", stderr);
        return false;
    }
    return true;
}

/* False, with a message, when not everything could be written. */
static bool close_output(FILE *out, const char *path)
{
    if (!out)
        return true;
    bool is_bad = ferror(out) != 0;
    errno = 0;
    is_bad |= fclose(out) != 0;
    if (is_bad)
        fprintf(stderr, "mk: run: %s: cannot be written: %s\n", path, errno ? strerror(errno) : "output error");
    return !is_bad;
}

/* ---- the run ---- */

static struct mk_machine *volatile interrupted;
static volatile sig_atomic_t interrupted_by; /* the signal; 0: none yet */

/* The first signal stops the machine, so that its output is written; the second ends the process. */
static void stop_machine(int number)
{
    struct mk_machine *machine = interrupted;
    interrupted_by = number;
    if (machine)
        mk_machine_stop(machine, 128 + number);
}

static void catch_signals(struct mk_machine *machine)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction action = {.sa_handler = stop_machine, .sa_flags = SA_RESTART | SA_ONSTACK | SA_RESETHAND};
    interrupted = machine;
    if (!machine)
        action.sa_handler = SIG_DFL;
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        struct sigaction old;
        /* What the parent had ignored (nohup) stays ignored. */
        if (sigaction(numbers[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
            sigaction(numbers[i], &action, NULL);
    }
}

static mk_err_t start_trace(struct run *run)
{
    if (run->trace_out) {
        run->trace = trace_json_open(run->trace_out, run->machine);
        return mk_trace_start(run->machine, TRACE_RING, trace_json_sink, run->trace);
    }
    return run->stats_out ? mk_trace_start(run->machine, 0, NULL, NULL) : MK_OK;
}

static int report_failure(const char *what, mk_err_t err, const char *why)
{
    char *safe = text_printable(why && *why ? why : mk_err_text(err));
    fprintf(stderr, "mk: run: %s: %s\n", what, safe);
    free(safe);
    return EXIT_FAILED;
}

/* As long as only the watch has stopped it. */
static mk_err_t run_on(struct run *run, int *exit_codep)
{
    struct watch *watch = run->is_watching ? watch_start(&run->setup.boot, run->machine) : NULL;
    mk_err_t err = run->is_watching && !watch ? MK_E_LIMIT_HOST : MK_OK;
    bool goes_on = err == MK_OK;
    while (goes_on) {
        err = mk_machine_run(run->machine, exit_codep);
        goes_on = err == MK_OK && !interrupted_by && watch && watch_goes_on(watch, *exit_codep);
    }
    watch_end(watch);
    if (interrupted_by)
        *exit_codep = 128 + interrupted_by;
    return err;
}

static int run_machine(struct run *run)
{
    int exit_code = 0;
    char why[512] = "";
    mk_err_t err = start_trace(run);
    if (err != MK_OK)
        return report_failure("the trace cannot start", err, NULL);
    err = setup_load_guardian(&run->setup, run->machine, why, sizeof(why));
    if (err != MK_OK)
        return report_failure("the guardian cannot start", err, why);
    catch_signals(run->machine);
    err = run_on(run, &exit_code);
    catch_signals(NULL);
    int status = exit_code >= 0 && exit_code <= 255 ? exit_code : EXIT_FAILED;
    if (err != MK_OK)
        status = report_failure("the run failed", err, NULL);
    if (run->stats_out)
        stats_json_write(run->stats_out, run->machine, run->setup.boot.machine.seed, err,
                         err == MK_OK ? exit_code : status);
    return status;
}

/* Everything up to the machine; false: the reason was reported. */
static bool prepare(struct run *run)
{
    struct setup *setup = &run->setup;
    bool is_good = setup_load(setup, run->path, &run->overrides);
    setup->is_quiet = run->is_quiet;
    if (is_good && run->commands)
        is_good = setup_give_commands(setup, run->commands);
    if (is_good && !open_outputs(run))
        return false;
    if (is_good)
        is_good = setup_create(setup, &run->machine) == MK_OK;
    bootfile_report(&setup->boot, stderr);
    return is_good;
}

/* The sink is taken away first: destroying the machine traces too. */
static void end_trace(struct run *run)
{
    mk_err_t err = mk_trace_start(run->machine, 0, NULL, NULL);
    trace_json_close(run->trace);
    if (err != MK_OK)
        report_failure("the trace cannot end", err, NULL);
}

static int run_file(struct run *run)
{
    int status = prepare(run) ? run_machine(run) : EXIT_BAD_INPUT;
    if (run->trace)
        end_trace(run);
    bool is_written = close_output(run->trace_out, run->trace_path);
    is_written &= close_output(run->stats_out, run->stats_path);
    mk_machine_destroy(run->machine);
    setup_finish(&run->setup);
    return is_written || status != EXIT_FINE ? status : EXIT_FAILED;
}

/* ---- the command line ---- */

enum { OPT_COMMANDS, OPT_SET, OPT_SEED, OPT_TRACE, OPT_STATS, OPT_QUIET, OPT_WATCH };
static const struct option options[] = {{"-c", true},      {"--set", true},    {"--seed", true},   {"--trace", true},
                                        {"--stats", true}, {"--quiet", false}, {"--watch", false}, {0}};

/* Take one option or operand; a status of 0 or more ends the command. */
static int take_option(struct run *run, struct args *args, int option)
{
    switch (option) {
    case OPT_COMMANDS:
        run->commands = args->value;
        break;
    case OPT_SET:
        setup_add_set(&run->overrides, args->value);
        break;
    case OPT_SEED:
        setup_add_seed(&run->overrides, args->value);
        break;
    case OPT_TRACE:
        run->trace_path = args->value;
        break;
    case OPT_STATS:
        run->stats_path = args->value;
        break;
    case OPT_QUIET:
        run->is_quiet = true;
        break;
    case OPT_WATCH:
        run->is_watching = true;
        break;
    case ARGS_HELP:
        return cmd_help(2, (char *[]){args->argv[0], args->argv[0]});
    case ARGS_OPERAND:
        if (run->path)
            return args_usage(args, "one boot file at a time");
        run->path = args->value;
        break;
    default:
        return EXIT_BAD_INPUT;
    }
    return -1;
}

int cmd_run(int argc, char **argv)
{
    struct args args = {.argc = argc, .argv = argv};
    struct run run = {0};
    int status = -1;
    for (int option; status < 0 && (option = args_next(&args, options)) != ARGS_END;)
        status = take_option(&run, &args, option);
    if (status < 0)
        status = run.path ? run_file(&run) : args_usage(&args, "which boot file?");
    setup_free_overrides(&run.overrides);
    return status;
}
