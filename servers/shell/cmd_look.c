/* SPDX-License-Identifier: BSD-2-Clause */
/* Commands that look at the machine: ports, services, stats. And the lists that they share with ps and kill. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "path.h"
#include <mk/names.h>

const char *seconds(mk_time_t t, char *text)
{
    snprintf(text, 32, "%lld.%09lld", (long long)(t / MK_SEC), (long long)(t % MK_SEC));
    return text;
}

/* ---- tasks ---- */

mk_err_t list_tasks(struct mk_task_info **tasksp, size_t *nrp)
{
    size_t max;
    mk_err_t err = mk_machine_tasks(NULL, NULL, 0, &max);

    *tasksp = NULL;
    *nrp = 0;
    if (err != MK_OK)
        return err;
    *tasksp = calloc(max + 1, sizeof(**tasksp));
    if (*tasksp == NULL)
        return MK_E_NO_MEMORY;
    err = mk_machine_tasks(NULL, *tasksp, max, nrp);
    if (*nrp > max)
        *nrp = max; /* some came meanwhile */
    return err;
}

const char *task_label(const struct mk_task_info *tasks, size_t nr, uint64_t id)
{
    for (size_t i = 0; i < nr; i++)
        if (tasks[i].id == id)
            return tasks[i].label;
    return "?";
}

/* By label: 0 when there is none, UINT64_MAX when there are several. */
static uint64_t match_label(const struct mk_task_info *tasks, size_t nr, const char *label)
{
    uint64_t id = 0;

    for (size_t i = 0; i < nr; i++) {
        if (tasks[i].is_ended || strcmp(tasks[i].label, label) != 0)
            continue;
        if (id != 0)
            return UINT64_MAX;
        id = tasks[i].id;
    }
    return id;
}

uint64_t find_task(struct shell *sh, const char *command, const char *text)
{
    struct mk_task_info *tasks;
    uint64_t id;
    size_t nr;
    mk_err_t err;

    if (parse_number(text, &id) && id != 0)
        return id;
    err = list_tasks(&tasks, &nr);
    id = err == MK_OK ? match_label(tasks, nr, text) : 0;
    free(tasks);
    if (err != MK_OK) {
        (void)err_fail(sh, command, text, err);
    } else if (id == 0) {
        err_text(sh, "%s: %s: no such task\n", command, text);
    } else if (id == UINT64_MAX) {
        err_text(sh, "%s: %s: several tasks are called so; give a number from ps\n", command, text);
        id = 0;
    }
    return id;
}

/* ---- ports ---- */

/* Number and label of the receiving task; of a port of the kernel what it stands for. */
static void put_receiver(const struct mk_port_info *port, const struct mk_task_info *tasks, size_t nr, char *to,
                         size_t size)
{
    unsigned long long object = port->object;

    switch (port->kind) {
    case MK_OBJECT_TASK:
        snprintf(to, size, "kernel: task %llu", object);
        return;
    case MK_OBJECT_THREAD:
        snprintf(to, size, "kernel: thread %llu", object);
        return;
    case MK_OBJECT_DEVICE:
        snprintf(to, size, "kernel: device");
        return;
    case MK_OBJECT_MACHINE:
        snprintf(to, size, "kernel: machine");
        return;
    case MK_OBJECT_MEMORY:
        snprintf(to, size, "kernel: memory %llu", object);
        return;
    case MK_OBJECT_MEMORY_CONTROL:
        snprintf(to, size, "kernel: pager %llu", object);
        return;
    case MK_OBJECT_NONE:
    case MK_OBJECT_EVENT:
        break;
    }
    if (port->receiver == 0)
        snprintf(to, size, "-");
    else
        snprintf(to, size, "%llu %s", (unsigned long long)port->receiver, task_label(tasks, nr, port->receiver));
}

static void show_port(struct shell *sh, const struct mk_port_info *port, const struct mk_task_info *tasks, size_t nr)
{
    char receiver[MK_LABEL_MAX + 32], set[24] = "-";

    put_receiver(port, tasks, nr, receiver, sizeof(receiver));
    if (port->set != 0)
        snprintf(set, sizeof(set), "%llu", (unsigned long long)port->set);
    out_text(sh, "%4llu %-19s %4s %5u/%-5u %4u %4u %5u %5u %8llu\n", (unsigned long long)port->id, receiver, set,
             port->nr_queued, port->queue_limit, port->nr_send, port->nr_send_once, port->nr_waiting_senders,
             port->nr_waiting_receivers, (unsigned long long)port->nr_received);
}

static mk_err_t show_ports(struct shell *sh)
{
    struct mk_port_info *ports = NULL;
    struct mk_task_info *tasks;
    size_t nr_tasks, nr = 0, max = 0;
    mk_err_t err = list_tasks(&tasks, &nr_tasks);

    if (err == MK_OK)
        err = mk_machine_ports(NULL, NULL, 0, &max);
    if (err == MK_OK) {
        ports = calloc(max + 1, sizeof(*ports));
        err = ports == NULL ? MK_E_NO_MEMORY : mk_machine_ports(NULL, ports, max, &nr);
    }
    if (err == MK_OK)
        out_text(sh, "%4s %-19s %4s %5s/%-5s %4s %4s %5s %5s %8s\n", "PORT", "RECEIVER", "SET", "QUEUE", "LIMIT",
                 "SEND", "ONCE", "WSEND", "WRECV", "RECEIVED");
    for (size_t i = 0; err == MK_OK && i < nr && i < max; i++)
        show_port(sh, &ports[i], tasks, nr_tasks);
    free(ports);
    free(tasks);
    return err;
}

static void show_name(struct shell *sh, const struct mk_name_info *name)
{
    static const char *const kinds[] = {"send", "receive", "send-once", "set", "dead"};
    char text[64] = "", port[24] = "-";
    size_t length = 0;

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if ((name->type & (1u << i)) != 0)
            length += (size_t)snprintf(text + length, sizeof(text) - length, "%s%s", length > 0 ? "," : "", kinds[i]);
    if (name->port != 0)
        snprintf(port, sizeof(port), "%llu", (unsigned long long)name->port);
    out_text(sh, "%10u  %-20s %6u %6s  %llu\n", name->name, text, name->user_refs, port,
             (unsigned long long)name->badge);
}

static mk_err_t show_names(struct shell *sh, uint64_t task)
{
    struct mk_name_info *names = NULL;
    size_t nr = 0, max = 0;
    mk_err_t err = mk_machine_names(NULL, task, NULL, 0, &max);

    if (err == MK_OK) {
        names = calloc(max + 1, sizeof(*names));
        err = names == NULL ? MK_E_NO_MEMORY : mk_machine_names(NULL, task, names, max, &nr);
    }
    if (err == MK_OK)
        out_text(sh, "%10s  %-20s %6s %6s  %s\n", "NAME", "RIGHTS", "REFS", "PORT", "BADGE");
    for (size_t i = 0; err == MK_OK && i < nr && i < max; i++)
        show_name(sh, &names[i]);
    free(names);
    return err;
}

int cmd_ports(struct shell *sh, int argc, char **argv)
{
    uint64_t task;
    mk_err_t err;

    if (argc > 2)
        return err_usage(sh, "ports");
    if (argc == 1) {
        err = show_ports(sh);
        return err == MK_OK ? 0 : err_fail(sh, "ports", "machine", err);
    }
    task = find_task(sh, "ports", argv[1]);
    if (task == 0)
        return 1;
    err = show_names(sh, task);
    return err == MK_OK ? 0 : err_fail(sh, "ports", argv[1], err);
}

/* ---- services ---- */

static mk_err_t show_services(struct shell *sh, char *body)
{
    struct mk_msg msg = {.id = MK_NAMES_LIST, .body = body, .capacity = MK_BODY_MAX};
    mk_name_t bootstrap;
    mk_err_t err = mk_task_get_special(mk_task_self(), MK_SPECIAL_BOOTSTRAP, &bootstrap);

    if (err != MK_OK)
        return err;
    err = mk_call(bootstrap, &msg, MK_TIME_FOREVER);
    right_release(bootstrap);
    if (err == MK_OK)
        err = msg.status;
    if (err == MK_OK)
        out_bytes(sh, body, msg.size);
    return err;
}

int cmd_services(struct shell *sh, int argc, char **argv)
{
    char *body;
    mk_err_t err;

    (void)argv;
    if (argc != 1)
        return err_usage(sh, "services");
    body = malloc(MK_BODY_MAX);
    err = body == NULL ? MK_E_NO_MEMORY : show_services(sh, body);
    free(body);
    return err == MK_OK ? 0 : err_fail(sh, "services", "name service", err);
}

/* ---- stats ---- */

static void show_number(struct shell *sh, const char *what, uint64_t number)
{
    out_text(sh, "%-28s %20llu\n", what, (unsigned long long)number);
}

static void show_time(struct shell *sh, const char *what, mk_time_t t)
{
    char text[32];

    out_text(sh, "%-28s %20s\n", what, seconds(t, text));
}

int cmd_stats(struct shell *sh, int argc, char **argv)
{
    struct mk_machine_stats s;
    mk_err_t err;

    (void)argv;
    if (argc != 1)
        return err_usage(sh, "stats");
    err = mk_machine_stats(NULL, &s);
    if (err != MK_OK)
        return err_fail(sh, "stats", "machine", err);
    show_time(sh, "time (s)", s.now);
    show_time(sh, "idle time (s)", s.idle_time);
    show_number(sh, "tasks", s.nr_tasks);
    show_number(sh, "threads", s.nr_threads);
    show_number(sh, "ports", s.nr_ports);
    show_number(sh, "rights", s.nr_rights);
    show_number(sh, "messages", s.nr_messages);
    show_number(sh, "messages sent", s.nr_sends);
    show_number(sh, "calls", s.nr_calls);
    show_number(sh, "switches", s.nr_switches);
    show_number(sh, "preemptions", s.nr_preemptions);
    show_number(sh, "memory (bytes)", s.memory_size);
    show_number(sh, "memory used (bytes)", s.memory_used);
    show_number(sh, "kernel memory (bytes)", s.kernel_memory);
    show_number(sh, "events traced", s.nr_events);
    if (s.trace_hash != 0)
        out_text(sh, "%-28s     %016llx\n", "trace hash", (unsigned long long)s.trace_hash);
    else
        out_text(sh, "%-28s %20s\n", "trace hash", "not traced");
    return 0;
}
