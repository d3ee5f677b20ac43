/* SPDX-License-Identifier: BSD-2-Clause */
/* Machines for one run; see machine.h. */
#include "bench/machine.h"

#include <stdio.h>
#include <string.h>

char body_client[BODY_SIZE + BODY_GAP] __attribute__((aligned(4096)));
char body_server[BODY_SIZE + BODY_GAP] __attribute__((aligned(4096)));

static char last_line[160]; /* of the machine's log: why it failed */

static void machine_log(void *arg, const char *line)
{
    (void)arg;
    snprintf(last_line, sizeof(last_line), "%s", line);
}

struct mk_machine *machine_create(struct run *run, const struct mk_machine_config *config)
{
    struct mk_machine_config c = {.isolation = MK_ISOLATION_NONE};
    struct mk_machine *machine;
    if (config)
        c = *config;
    c.quantum = c.quantum ? c.quantum : 1000 * MK_SEC;
    c.log = machine_log;
    last_line[0] = '\0';
    mk_err_t err = mk_machine_create(&c, &machine);
    if (err == MK_E_NOT_SUPPORTED) {
        run_absent(run, "%s", last_line[0] ? last_line : mk_err_text(err));
        return NULL;
    }
    check(err, "machine");
    return machine;
}

void machine_spawn(struct mk_machine *machine, void (*entry)(void *), void *arg)
{
    const struct mk_spawn spawn = {.label = "boss", .entry = entry, .arg = arg, .stack_size = 262144};
    check(mk_machine_spawn(machine, &spawn, NULL), "spawn");
}

void machine_go(struct mk_machine *machine)
{
    int code = 0;
    check(mk_machine_run(machine, &code), "run");
    if (code)
        fail("a machine ended with exit code %d: %s", code, last_line);
}

struct boss {
    void (*main)(void *run);
    struct run *run;
};

static void boss_main(void *arg)
{
    struct boss *boss = arg;
    boss->main(boss->run);
    halt();
}

void machine_boss(struct mk_machine *machine, struct run *run, void (*boss)(void *run))
{
    struct boss b = {.main = boss, .run = run};
    machine_spawn(machine, boss_main, &b);
    machine_go(machine);
}

void machine_run(struct run *run, const struct mk_machine_config *config, void (*boss)(void *run))
{
    struct mk_machine *machine = machine_create(run, config);
    if (!machine)
        return;
    machine_boss(machine, run, boss);
    mk_machine_destroy(machine);
}

void check_failed(mk_err_t err, const char *what)
{
    fail("%s: %s (%s)%s%s", what, mk_err_text(err), mk_err_name(err), last_line[0] ? ": " : "", last_line);
}

void halt(void)
{
    mk_name_t machine;
    check(mk_task_get_special(mk_task_self(), MK_SPECIAL_MACHINE, &machine), "machine port");
    check(mk_machine_halt(machine, 0), "halt");
    check(mk_right_release(machine), "machine port");
}

mk_name_t task_new(const char *label)
{
    mk_name_t task;
    check(mk_task_create(label, &task), "task");
    return task;
}

void thread_new(mk_name_t task, void (*entry)(void *), void *arg, int priority)
{
    const struct mk_thread_attr attr = {.entry = entry, .arg = arg, .priority = priority};
    check(mk_thread_create(task, &attr, NULL), "thread");
}

mk_name_t port_new(void)
{
    mk_name_t port;
    check(mk_port_create(&port), "port");
    check(mk_right_make(port, MK_RIGHT_SEND, 0, NULL), "send right");
    return port;
}

mk_name_t send_to(mk_name_t task, mk_name_t port)
{
    mk_name_t name;
    check(mk_right_insert(task, port, MK_COPY_SEND, &name), "send right");
    return name;
}

mk_name_t receive_to(mk_name_t task, mk_name_t port)
{
    mk_name_t name;
    check(mk_right_insert(task, port, MK_MOVE_RECEIVE, &name), "receive right");
    return name;
}

void calls_make(mk_name_t send, struct mk_msg *msg, size_t size, uint64_t nr)
{
    for (uint64_t i = 0; i < nr; i++) {
        msg->size = size;
        check(mk_call(send, msg, MK_TIME_FOREVER), "call");
    }
}

void echo_main(void *arg)
{
    struct echo *echo = arg;
    struct mk_msg msg = {.body = echo->body, .capacity = BODY_SIZE};
    mk_err_t err = mk_receive(echo->receive, &msg, MK_TIME_FOREVER);
    while (!err)
        err = mk_reply_receive(echo->receive, &msg, MK_TIME_FOREVER);
    check(err, "server");
}
