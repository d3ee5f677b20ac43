/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Without libFuzzer: replays inputs from files and folders, and makes random ones from a seed.
 *
 *   fuzz_ipc [--seed S] [--calls N | --last S] [--length BYTES] [--verbose] [FILE or FOLDER]...
 */
#include "fuzz_ipc.h"

#include <dirent.h>
#include <sys/stat.h>
#include <time.h>

#define LENGTH_DEFAULT 8000
#define INPUTS         32 /* of one machine */
#define FILE_MAX       (1 << 20)

struct options {
    uint64_t seed, last, nr_calls, length;
    bool is_verbose;
};

static int usage(void)
{
    fprintf(stderr,
            "usage: fuzz_ipc [--seed S] [--calls N | --last S] [--length BYTES] [--verbose] [FILE or FOLDER]...\n"
            "  replays inputs, then makes random ones from the seed until N calls are done, or to the last seed\n");
    return 2;
}

static bool tell(bool is_fine, const char *what, const char *why)
{
    if (!is_fine)
        fprintf(stderr, "fuzz_ipc: the kernel and the model differ\n  %s\n  repeat: fuzz_ipc --verbose %s\n", why,
                what);
    return is_fine;
}

static bool replay_file(const char *path, const struct options *options, bool is_alone)
{
    static uint8_t data[FILE_MAX];
    char why[2048];
    FILE *file = fopen(path, "rbe");
    if (!file) {
        perror(path);
        exit(2);
    }
    size_t size = fread(data, 1, sizeof(data), file);
    fclose(file);
    return tell(fuzz_run((struct input){.data = data, .size = size, .is_last = is_alone}, options->is_verbose, why,
                         sizeof(why)),
                path, why);
}

static bool replay(const char *path, const struct options *options)
{
    struct dirent **entries;
    struct stat status;
    bool is_fine = true;
    if (stat(path, &status) == 0 && !S_ISDIR(status.st_mode))
        return replay_file(path, options, true);
    int n = scandir(path, &entries, NULL, alphasort);
    if (n < 0) {
        perror(path);
        exit(2);
    }
    for (int i = 0; i < n; i++) {
        char name[4096];
        snprintf(name, sizeof(name), "%s/%s", path, entries[i]->d_name);
        if (entries[i]->d_name[0] != '.')
            is_fine &= replay_file(name, options, false);
        free(entries[i]);
    }
    free(entries);
    return is_fine;
}

/* Seeds that are multiples of INPUTS begin with a new machine: from there a difference repeats. */
static bool random_inputs(const struct options *options)
{
    uint64_t end = totals.nr_ops + options->nr_calls;
    for (uint64_t seed = options->seed; totals.nr_ops < end; seed++) {
        char why[2048], what[128];
        uint64_t first = seed - seed % INPUTS < options->seed ? options->seed : seed - seed % INPUTS;
        snprintf(what, sizeof(what), "--seed %llu --last %llu --length %llu", (unsigned long long)first,
                 (unsigned long long)seed, (unsigned long long)options->length);
        struct input input = {
            .size = options->length, .random = seed * 0x9e3779b97f4a7c15u + 1, .is_last = seed % INPUTS == INPUTS - 1};
        bool is_verbose = options->is_verbose && (!options->last || seed == options->last);
        if (!tell(fuzz_run(input, is_verbose, why, sizeof(why)), what, why))
            return false;
        if (options->last && seed == options->last)
            break;
    }
    return true;
}

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
    struct options options = {.seed = 1, .length = LENGTH_DEFAULT};
    bool is_fine = true;
    double start = seconds();
    for (int i = 1; i < argc; i++) {
        bool has_value = i + 1 < argc;
        if (!strcmp(argv[i], "--verbose"))
            options.is_verbose = true;
        else if (!strcmp(argv[i], "--seed") && has_value)
            options.seed = strtoull(argv[++i], NULL, 0);
        else if (!strcmp(argv[i], "--calls") && has_value)
            options.nr_calls = strtoull(argv[++i], NULL, 0);
        else if (!strcmp(argv[i], "--last") && has_value)
            options.last = strtoull(argv[++i], NULL, 0), options.nr_calls = UINT64_MAX / 2;
        else if (!strcmp(argv[i], "--length") && has_value)
            options.length = strtoull(argv[++i], NULL, 0);
        else if (argv[i][0] == '-')
            return usage();
        else
            is_fine &= replay(argv[i], &options);
    }
    if (is_fine && options.nr_calls)
        is_fine = random_inputs(&options);
    double time = seconds() - start;
    for (unsigned i = 0; options.is_verbose && i < NR_CALLS; i++)
        printf("%-16s %10llu, %10llu succeeded\n", call_names[i], (unsigned long long)totals.nr_done[i][0],
               (unsigned long long)totals.nr_done[i][1]);
    printf("%llu calls in %llu inputs and %llu machines, %llu whole states compared, %.0f calls per second\n",
           (unsigned long long)totals.nr_ops, (unsigned long long)totals.nr_inputs,
           (unsigned long long)totals.nr_machines, (unsigned long long)totals.nr_checks,
           time > 0 ? (double)totals.nr_ops / time : 0);
    return is_fine ? 0 : 1;
}
