/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A machine with the guardian, the supervisor and the name service, as `mk run` boots it, and one more server: what a
 * call to it costs, and how long its clients wait when it crashes.
 */
#include "bench/machine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/worker.h"

#define NR_TASKS_MAX 512

enum {
    HEARTBEAT = 1, /* of a second */
    ALONE = 2,     /* no guardian, no supervisor */
};

/* ---- the machine ---- */

/* In the build tree the servers are beside this program's folder, else where they are installed. */
static char *find_server(struct run *run, const char *name)
{
    char *built = bench_format("%s/../servers/%s/%s.so", worker_folder(), name, name);
    char *installed = bench_format(MK_PLUGINDIR "/%s.so", name);
    bool is_built = access(built, R_OK) == 0;
    if (!is_built && access(installed, R_OK) != 0)
        run_absent(run, "there is no %s.so in " MK_PLUGINDIR, name);
    free(is_built ? installed : built);
    return is_built ? built : installed;
}

static char *find_echo(struct run *run)
{
    char *path = bench_format("%s/mkbench-echo.so", worker_folder());
    if (access(path, R_OK) != 0)
        run_absent(run, "there is no %s", path);
    return path;
}

/* The guardian's arguments, as servers/supervisor/jobs.c reads them: a group, then the tasks. */
static char *describe(const char *supervisor, const char *names, const char *server, mk_time_t heartbeat)
{
    return bench_format("%s\n"
                        "group\tdefault\t0\t0\t0\t0\n"
                        "task\tnames\t%s\t0\t0\t-\t0\t0\t0\t0\t0\t0\t\n"
                        "task\tserver\t%s\t0\t0\tnames\t0\t0\t0\t0\t%lld\t0\t\n",
                        supervisor, names, server, (long long)heartbeat);
}

static void load(struct mk_machine *machine, const char *label, const char *path, const char *args, bool privileged)
{
    const struct mk_load load = {.label = label, .path = path, .args = args, .privileged = privileged};
    char why[256] = "";
    mk_err_t err = mk_machine_load(machine, &load, NULL, why, sizeof(why));
    if (err)
        fail("%s: %s", path, why[0] ? why : mk_err_text(err));
}

/* Boot it, and have the boss in it. `server` is ours to free. */
static void measure_with(struct run *run, char *server, void (*boss)(void *run))
{
    char *guardian = find_server(run, "guardian"), *supervisor = find_server(run, "supervisor");
    char *names = find_server(run, "names");
    char *args = describe(supervisor, names, server, run->row->flags & HEARTBEAT ? MK_SEC : 0);
    struct mk_machine *machine = run->absent[0] ? NULL : machine_create(run, NULL);
    if (machine) {
        if (run->row->flags & ALONE) {
            load(machine, "names", names, NULL, true);
            load(machine, "server", server, NULL, false);
        } else {
            load(machine, "guardian", guardian, args, true);
        }
        machine_boss(machine, run, boss);
        mk_machine_destroy(machine);
    }
    free(args);
    free(guardian);
    free(supervisor);
    free(names);
    free(server);
}

static mk_name_t find_service(const char *name)
{
    mk_name_t send;
    check(mk_name_lookup(name, mk_time_now() + 10 * MK_SEC, &send), name);
    return send;
}

/* ---- the null call ---- */

static void calls(void *arg)
{
    struct run *run = arg;
    mk_name_t send = find_service("mkbench-echo");
    struct mk_msg msg = {.body = body_client, .capacity = BODY_SIZE};
    calls_make(send, &msg, run->row->size, NR_WARM_UPS);
    meter_start(run);
    calls_make(send, &msg, run->row->size, run->nr);
    meter_stop(run);
}

static void measure_call(struct run *run)
{
    measure_with(run, find_echo(run), calls);
}

/* ---- from a crash to the next instance ---- */

static volatile uint64_t stamped;

/* Runs in the task that is to crash, on a thread that is stronger than all others. */
__attribute__((noinline, no_sanitize("undefined"))) static void crash(void *nowhere)
{
    stamped = stamp();
    *(volatile char *)nowhere = 0;
}

static mk_name_t find_task(mk_name_t machine, const char *label)
{
    static struct mk_task_info infos[NR_TASKS_MAX];
    mk_name_t task = MK_NAME_NULL;
    size_t n;
    check(mk_machine_tasks(NULL, infos, NR_TASKS_MAX, &n), "tasks");
    for (size_t i = 0; i < n && i < NR_TASKS_MAX; i++)
        if (!infos[i].is_ended && strcmp(infos[i].label, label) == 0)
            check(mk_task_by_id(machine, infos[i].id, &task), "task");
    return task;
}

/* Who ran for a while is started again without a delay. */
static void restarts(void *arg)
{
    struct run *run = arg;
    const struct mk_thread_attr attr = {.entry = crash, .priority = MK_PRIO_MAX};
    struct mk_msg msg = {.body = body_client, .capacity = BODY_SIZE};
    mk_name_t machine, send = find_service("echo");
    uint64_t ticks = 0;
    check(mk_task_get_special(mk_task_self(), MK_SPECIAL_MACHINE, &machine), "machine port");
    for (uint64_t i = 0; i < run->nr; i++) {
        check(mk_time_sleep(mk_time_now() + 60 * MK_SEC), "sleep");
        mk_name_t task = find_task(machine, "server");
        mk_time_t start = mk_time_now();
        check(mk_thread_create(task, &attr, NULL), "thread");
        calls_make(send, &msg, run->row->size, 1);
        ticks += stamp() - stamped;
        if (mk_time_now() - start >= MK_SEC)
            fail("%s: the server was not started again at once", run->row->name);
        check(mk_right_release(task), "task");
    }
    run->total = stamp_ns((double)ticks);
}

static void measure_restart(struct run *run)
{
    measure_with(run, find_server(run, "echo"), restarts);
}

void supervised_rows(void)
{
    struct row row = {.measure = measure_call, .size = 32, .is_optional = true};
    row.what = "round trip: the null call, the server a plugin";
    row.flags = ALONE;
    row_add(&row, "ipc.null_call.plugin");
    row.flags = 0;
    row.what = "round trip: the null call, the server a plugin that the supervisor started";
    row_add(&row, "ipc.null_call.supervised");
    row.what = "round trip: the same, and the supervisor pings it each second of the virtual clock";
    row.flags = HEARTBEAT;
    row_add(&row, "ipc.null_call.heartbeat");
    row = (struct row){.measure = measure_restart, .size = 32, .is_optional = true, .is_uncounted = true};
    row.what = "one way: from the crash of a server to the first answer of its next instance, by the supervisor";
    row_add(&row, "server.restart");
}
