/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Plots. Each is a .dat with the figures, a .gp with the commands, and the .svg that
 * gnuplot makes of them; the first two stay, so that a plot can be made anew in
 * another style. A plot whose rows were not measured is left out.
 */
#include <errno.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/result.h"

#define STYLE \
    "set terminal svg size 720,480 dynamic noenhanced font 'Helvetica,14' background '#ffffff'\n" \
    "set output '%s.svg'\n" \
    "set grid lc rgb '#dddddd'\n" \
    "set border 3\n" \
    "set tics nomirror\n"

extern char **environ;

#define LOGARITHMIC "set key left top Left reverse\nset logscale y\nset logscale x 2\nset format x '%.0b %BB'\n"
#define LINEAR      "set key left top Left reverse\nset xrange [0:*]\nset yrange [0:*]\nset xtics 8\n"
#define DECADES     "set key left top Left reverse\nset logscale x\nset yrange [0:*]\n"
#define SHARES      "set key below Left reverse\nset logscale x\nset yrange [0:1]\n"

struct series {
    const char *prefix; /* of rows that differ by the number behind it */
    const char *suffix;
    const char *title;
};

static const struct series payload[] = {
    {"ipc.call.", "", "inline"},
    {"ipc.ool_copy.", "", "copied, not read"},
    {"ipc.ool_copy.", ".read", "copied, read"},
    {"ipc.ool_move.", "", "moved, not read"},
    {"ipc.ool_move.", ".read", "moved, read"},
    {0},
};
static const struct series chain[] = {{"ipc.chain.", "", "chain of servers"}, {0}};
static const struct series fanin[] = {{"ipc.fanin.", "", "clients of one server"}, {0}};
static const char *const distribution[] = {
    "floor.switch", "sched.yield", "ipc.null_call", "ipc.null_call.crowded", "ipc.chain.2", "peer.go_chan", NULL};

static FILE *open_in(const char *folder, const char *name, const char *suffix)
{
    char *path = bench_format("%s/%s.%s", folder, name, suffix);
    FILE *file = fopen(path, "we");
    if (!file)
        fprintf(stderr, "mkbench: %s: %s\n", path, strerror(errno));
    free(path);
    return file;
}

static bool close_written(FILE *file, const char *folder, const char *name)
{
    bool is_written = !ferror(file);
    is_written &= fclose(file) == 0;
    if (!is_written)
        fprintf(stderr, "mkbench: %s/%s: %s\n", folder, name, strerror(errno));
    return is_written;
}

/* ---- data ---- */

/* The number in the row's name, or -1 when it is not of the series. */
static double series_number(const struct series *series, const struct row *row)
{
    size_t length = strlen(series->prefix);
    char *end;
    if (strncmp(row->name, series->prefix, length) != 0 || row->name[length] < '0' || row->name[length] > '9')
        return -1;
    unsigned long long number = strtoull(row->name + length, &end, 10);
    return strcmp(end, series->suffix) == 0 ? (double)number : -1;
}

/* Blocks of "number median q1 q3", one a series; how many series have points. */
static int series_write(FILE *data, const struct series *series, bool *has)
{
    int nr = 0;
    for (size_t n = 0; series[n].prefix; n++) {
        has[n] = false;
        for (size_t i = 0; i < nr_rows; i++) {
            double number = rows[i].nr_values ? series_number(&series[n], &rows[i]) : -1;
            if (number < 0 || (number < 1 && series == payload))
                continue;
            struct stats s = row_stats(&rows[i]);
            if (!has[n])
                fprintf(data, "# %s: number, median, q1, q3 in ns\n", series[n].title);
            has[n] = true;
            fprintf(data, "%.0f %.3f %.3f %.3f\n", number, s.median, s.q1, s.q3);
        }
        if (has[n]) {
            fputs("\n\n", data);
            nr++;
        }
    }
    return nr;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Blocks of "ns share": the share of samples that are at most that. */
static int distribution_write(FILE *data, bool *has)
{
    int nr = 0;
    for (size_t n = 0; distribution[n]; n++) {
        struct row *row = row_lookup(distribution[n]);
        has[n] = row && row->nr_values;
        if (!has[n])
            continue;
        double *sorted = bench_alloc(row->nr_values, sizeof(*sorted));
        memcpy(sorted, row->values, row->nr_values * sizeof(*sorted));
        qsort(sorted, row->nr_values, sizeof(*sorted), by_value);
        fprintf(data, "# %s: ns, share of samples\n%.3f 0\n", row->name, sorted[0]);
        for (size_t i = 0; i < row->nr_values; i++)
            fprintf(data, "%.3f %.4f\n", sorted[i], (double)(i + 1) / (double)row->nr_values);
        fputs("\n\n", data);
        free(sorted);
        nr++;
    }
    return nr;
}

/* ---- gnuplot ---- */

static bool gnuplot(const char *folder, const char *name)
{
    char *script = bench_format("%s.gp", name);
    char *argv[] = {"env", "-C", (char *)folder, "gnuplot", script, NULL};
    pid_t pid;
    int status = 0, err = posix_spawnp(&pid, argv[0], NULL, NULL, argv, environ);
    if (!err)
        waitpid(pid, &status, 0);
    free(script);
    if (!err && WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return true;
    fprintf(stderr, "mkbench: gnuplot failed on %s/%s.gp\n", folder, name);
    return false;
}

bool plot_is_possible(void)
{
    char *argv[] = {"gnuplot", "-e", "", NULL};
    pid_t pid;
    int status = 1;
    if (posix_spawnp(&pid, argv[0], NULL, NULL, argv, environ) == 0)
        waitpid(pid, &status, 0);
    if (status != 0)
        fputs("mkbench: --plot needs gnuplot, which is missing: install it (apt-get install gnuplot-nox)\n", stderr);
    return status == 0;
}

static void script_series(FILE *script, const char *name, const struct series *series, const bool *has,
                          const char *axes, const char *label)
{
    int index = 0;
    fprintf(script, STYLE, name);
    fprintf(script, "%sset xlabel '%s'\nset ylabel 'ns, round trip'\n", axes, label);
    fputs("plot", script);
    for (size_t n = 0; series[n].prefix; n++) {
        if (!has[n])
            continue;
        fprintf(script, "%s '%s.dat' index %d using 1:2:3:4 with yerrorbars lc %d lw 1.5 ps 0 notitle, \\\n",
                index ? "," : "", name, index, index + 1);
        fprintf(script, "  '' index %d using 1:2 with linespoints lc %d lw 1.5 pt 7 ps 0.5 title '%s'", index,
                index + 1, series[n].title);
        index++;
    }
    fputc('\n', script);
}

static void script_distribution(FILE *script, const char *name, const bool *has)
{
    int index = 0;
    fprintf(script, STYLE, name);
    fputs(SHARES "set xlabel 'ns'\nset ylabel 'share of samples'\nplot", script);
    for (size_t n = 0; distribution[n]; n++) {
        if (!has[n])
            continue;
        fprintf(script, "%s '%s.dat' index %d using 1:2 with steps lc %d lw 2 title '%s'", index ? ", \\\n " : "", name,
                index, index + 1, distribution[n]);
        index++;
    }
    fputc('\n', script);
}

/* One plot; `series` NULL: the distribution. Its files are not left when it has no data. */
static bool plot(const char *folder, const char *name, const struct series *series, const char *axes, const char *label)
{
    bool has[16];
    FILE *data = open_in(folder, name, "dat");
    if (!data)
        return false;
    int nr = series ? series_write(data, series, has) : distribution_write(data, has);
    if (!close_written(data, folder, name))
        return false;
    if (nr == 0) {
        char *path = bench_format("%s/%s.dat", folder, name);
        unlink(path);
        free(path);
        return true;
    }
    FILE *script = open_in(folder, name, "gp");
    if (!script)
        return false;
    if (series)
        script_series(script, name, series, has, axes, label);
    else
        script_distribution(script, name, has);
    return close_written(script, folder, name) && gnuplot(folder, name);
}

bool plot_write(const char *folder)
{
    if (mkdir(folder, 0777) != 0 && errno != EEXIST) {
        fprintf(stderr, "mkbench: %s: %s\n", folder, strerror(errno));
        return false;
    }
    return plot(folder, "payload", payload, LOGARITHMIC, "bytes each way") &&
           plot(folder, "chain", chain, LINEAR, "servers in the chain") &&
           plot(folder, "fanin", fanin, DECADES, "clients") && plot(folder, "distribution", NULL, NULL, NULL);
}
