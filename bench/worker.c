/* SPDX-License-Identifier: BSD-2-Clause */
/* Workers; see worker.h. They end when their input does, that is, with this process. */
#include "bench/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define ANSWER_TIMEOUT 30000 /* ms */
#define NR_WORKERS     8

struct worker {
    const char *program;
    int to, from;
    clockid_t cpu_clock;
    char why[128]; /* it cannot be had */
};

static struct worker workers[NR_WORKERS];

extern char **environ;

const char *worker_folder(void)
{
    static char path[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);
    path[n > 0 ? n : 0] = '\0';
    char *slash = strrchr(path, '/');
    if (slash)
        *slash = '\0';
    return path;
}

/* A line without its newline; false at the end, or after a long silence. */
static bool read_answer(const struct worker *worker, char *line, size_t size)
{
    for (size_t n = 0; n + 1 < size;) {
        struct pollfd ready = {.fd = worker->from, .events = POLLIN};
        if (poll(&ready, 1, ANSWER_TIMEOUT) != 1 || read(worker->from, line + n, 1) != 1)
            return false;
        if (line[n] == '\n') {
            line[n] = '\0';
            return true;
        }
        n++;
    }
    return false;
}

static bool spawn(struct worker *worker, char **argv)
{
    int to[2], from[2];
    pid_t pid;
    posix_spawn_file_actions_t actions;
    if (pipe2(to, O_CLOEXEC) || pipe2(from, O_CLOEXEC))
        return false;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, to[0], 0);
    posix_spawn_file_actions_adddup2(&actions, from[1], 1);
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
    int err = posix_spawnp(&pid, argv[0], &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(to[0]);
    close(from[1]);
    if (!err && clock_getcpuclockid(pid, &worker->cpu_clock))
        worker->cpu_clock = CLOCK_MONOTONIC;
    worker->to = to[1];
    worker->from = from[0];
    errno = err;
    return err == 0;
}

/* How a worker is started: a program of its own, or a module for Erlang's machine. */
static bool start(struct worker *worker)
{
    static const char erlang[] = "mkbench_erlang";
    char *path = bench_format("%s/%s", worker_folder(), worker->program), *beam = bench_format("%s.beam", path);
    bool is_erlang = strcmp(worker->program, erlang) == 0, is_started = false;
    char *plain[] = {path, NULL};
    char *erl[] = {"erl",      "-noshell", "+S",  "1:1", "+sbwt", "none", "+sbwtdcpu", "none",
                   "+sbwtdio", "none",     "-pa", NULL,  "-s",    NULL,   "main",      NULL};
    erl[11] = (char *)worker_folder();
    erl[13] = (char *)erlang;
    char line[64];
    if (access(is_erlang ? beam : path, is_erlang ? R_OK : X_OK) != 0)
        snprintf(worker->why, sizeof(worker->why), "%s was not built: its compiler or library was missing",
                 worker->program);
    else if (!spawn(worker, is_erlang ? erl : plain))
        snprintf(worker->why, sizeof(worker->why), "%s: %s", is_erlang ? "erl" : worker->program, strerror(errno));
    else if (!read_answer(worker, line, sizeof(line)) || strcmp(line, "ready") != 0)
        snprintf(worker->why, sizeof(worker->why), "%s does not start", worker->program);
    else
        is_started = true;
    free(path);
    free(beam);
    return is_started;
}

static struct worker *lookup(const char *program)
{
    struct worker *worker = workers;
    while (worker < workers + NR_WORKERS && worker->program && strcmp(worker->program, program) != 0)
        worker++;
    if (worker == workers + NR_WORKERS)
        fail("too many workers");
    return worker;
}

bool worker_start(struct run *run)
{
    struct worker *worker = lookup(run->row->program);
    if (!worker->program) {
        worker->program = run->row->program;
        start(worker);
    }
    if (worker->why[0])
        run_absent(run, "%s", worker->why);
    return !worker->why[0];
}

double worker_cpu_time(const char *program)
{
    const struct worker *worker = lookup(program);
    struct timespec t;
    if (!worker->program || worker->why[0] || clock_gettime(worker->cpu_clock, &t))
        return 0;
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

void worker_ask(struct run *run, const char *test)
{
    struct worker *worker = lookup(run->row->program);
    char line[128], *end;
    int n = snprintf(line, sizeof(line), "%s %llu\n", test, (unsigned long long)run->nr);
    if (write(worker->to, line, (size_t)n) != n || !read_answer(worker, line, sizeof(line)))
        fail("%s: its worker has died", run->row->name);
    run->total = strtod(line, &end);
    if (end == line)
        fail("%s: %s", run->row->name, line);
}
