/* SPDX-License-Identifier: BSD-2-Clause */
/* mk check: judge a boot file and its plugins, and print what they come to. */
#include "command.h"
#include "setup.h"
#include "text.h"

#include <mk/error.h>

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

struct limit {
    const char *name; /* as in JSON */
    const char *what;
    long long value;
    const char *error; /* met when it is hit */
};

static const struct limit limits[] = {
    {"tasks", "tasks in a machine", MK_TASKS_MAX, "MK_E_LIMIT_TASKS"},
    {"threads", "threads in a machine", MK_THREADS_MAX, "MK_E_LIMIT_THREADS"},
    {"names", "names in a port space", MK_NAMES_MAX, "MK_E_LIMIT_NAMES"},
    {"user_refs", "user references of a name", MK_USER_REFS_MAX, "MK_E_OVERFLOW"},
    {"message_body", "bytes of a message", MK_BODY_MAX, "MK_E_MSG_TOO_LARGE"},
    {"message_rights", "rights in a message", MK_RIGHTS_MAX, "MK_E_MSG_TOO_LARGE"},
    {"queue", "messages in a queue", MK_QUEUE_MAX, "MK_E_BAD_ARGUMENT"},
    {"args", "bytes of arguments", MK_ARGS_MAX - 1, "MK_E_TOO_LONG"},
    {"label", "bytes of a label", MK_LABEL_MAX - 1, "MK_E_TOO_LONG"},
    {"service", "bytes of a service's name", MK_SERVICE_MAX - 1, "MK_E_TOO_LONG"},
    {"stack_min", "bytes of a stack, least", MK_STACK_MIN, "MK_E_BAD_ARGUMENT"},
    {"stack_max", "bytes of a stack, most", MK_STACK_MAX, "MK_E_BAD_ARGUMENT"},
    {"boot_tasks", "tasks in a boot file", BOOT_TASKS_MAX, "FILE:LINE"},
    {"boot_line", "bytes of a boot file's line", BOOT_LINE_MAX, "FILE:LINE"},
};
#define NR_LIMITS (sizeof(limits) / sizeof(limits[0]))

/* ---- for people ---- */

/* A number with the largest of its units that leaves it whole. To be freed. */
static char *scaled(uint64_t value, const uint64_t *factors, const char *const *units)
{
    while (*factors > 1 && value % *factors) {
        factors++;
        units++;
    }
    return text_format("%llu %s", (unsigned long long)(value / *factors), *units);
}

static const uint64_t sizes[] = {1 << 30, 1 << 20, 1 << 10, 1};
static const char *const size_units[] = {"GiB", "MiB", "KiB", "bytes"};
static const uint64_t times[] = {MK_SEC, MK_MSEC, MK_USEC, 1};
static const char *const time_units[] = {"s", "ms", "us", "ns"};

static void print_machine(const struct boot_machine *machine)
{
    char *memory = scaled(machine->memory, sizes, size_units);
    char *quantum = scaled((uint64_t)machine->quantum, times, time_units);
    char *watchdog = machine->watchdog == MK_TIME_FOREVER ? text_dup("none")
                                                          : scaled((uint64_t)machine->watchdog, times, time_units);
    char *max_quanta = machine->max_quanta ? text_format("%u", machine->max_quanta) : text_dup("none");
    printf("machine\n"
           "  memory       %s\n  cpus         %u\n  clock        %s\n  quantum      %s\n"
           "  policy       %s\n  page-policy  %s\n  isolation    %s\n  context      %s\n  seed         %llu\n"
           "  watchdog     %s\n  max-quanta   %s\n",
           memory, machine->nr_cpus, bootfile_clocks[machine->clock], quantum, machine->policy, machine->page_policy,
           bootfile_isolations[machine->isolation], bootfile_contexts[machine->context],
           (unsigned long long)machine->seed, watchdog, max_quanta);
    free(memory);
    free(quantum);
    free(watchdog);
    free(max_quanta);
}

/* The names of a task's `after`, or "-". To be freed. */
static char *list_deps(const struct bootfile *boot, const struct boot_task *task)
{
    char *list = text_dup(task->nr_deps ? "" : "-");
    for (size_t i = 0; i < task->nr_deps; i++) {
        char *longer = text_format("%s%s%s", list, i ? " " : "", boot->tasks[task->deps[i]].name);
        free(list);
        list = longer;
    }
    return list;
}

/* A task's memory-limit or frames, or "-". To be freed. */
static char *limit_text(uint64_t value, bool is_size)
{
    if (!value)
        return text_dup("-");
    return is_size ? scaled(value, sizes, size_units) : text_format("%llu", (unsigned long long)value);
}

static const char *restart_text(const struct boot_task *task)
{
    return task->restart == BOOT_RESTART_DEFAULT ? "default" : bootfile_restarts[task->restart - BOOT_RESTART_NEVER];
}

static char *time_text(mk_time_t time)
{
    return time ? scaled((uint64_t)time, times, time_units) : text_dup("-");
}

/* A list of services; to be freed. */
static char *services_text(const char *list)
{
    return !list ? text_dup("all") : *list ? text_printable(list) : text_dup("-");
}

/* Which tasks come back, and how. */
static void print_restarts(const struct bootfile *boot)
{
    printf("\nrestarts\n  %-31s  restart   heartbeat  group\n", "task");
    for (size_t i = 0; i < boot->nr_tasks; i++) {
        const struct boot_task *task = &boot->tasks[boot->order[i]];
        char *heartbeat = time_text(task->heartbeat);
        printf("  %-31s  %-8s  %9s  %s\n", task->name, restart_text(task), heartbeat, boot->groups[task->group].name);
        free(heartbeat);
    }
    printf("  %-31s  strategy      intensity  period  escalate\n", "group");
    for (size_t i = 0; i < boot->nr_groups; i++) {
        const struct boot_group *group = &boot->groups[i];
        char *intensity = group->intensity ? text_format("%u", group->intensity) : text_dup("-");
        char *period = time_text(group->intensity ? group->period : 0);
        printf("  %-31s  %-12s  %9s  %6s  %s\n", group->name, bootfile_strategies[group->strategy], intensity, period,
               group->intensity ? bootfile_escalations[group->halts] : "-");
        free(intensity);
        free(period);
    }
}

/* What the tasks may look up and register, if any is told so. */
static void print_services(const struct bootfile *boot)
{
    bool is_first = true;
    for (size_t i = 0; i < boot->nr_tasks; i++) {
        const struct boot_task *task = &boot->tasks[boot->order[i]];
        if (!task->uses && !task->provides)
            continue;
        if (is_first)
            printf("\nservices; tasks that are not named may look up and register all\n");
        is_first = false;
        char *uses = services_text(task->uses), *provides = services_text(task->provides);
        printf("  %s\n    uses      %s\n    provides  %s\n", task->name, uses, provides);
        free(uses);
        free(provides);
    }
}

static void print_tasks(const struct bootfile *boot)
{
    int name_width = 4, after_width = 5;
    for (size_t i = 0; i < boot->nr_tasks; i++) {
        char *after = list_deps(boot, &boot->tasks[i]);
        int width = (int)strlen(after), name = (int)strlen(boot->tasks[i].name);
        after_width = width > after_width && width <= 40 ? width : after_width;
        name_width = name > name_width ? name : name_width;
        free(after);
    }
    printf("\ntasks, in start order\n  %-*s  priority  privileged  memory-limit  frames  %-*s  plugin\n", name_width,
           "name", after_width, "after");
    for (size_t i = 0; i < boot->nr_tasks; i++) {
        const struct boot_task *task = &boot->tasks[boot->order[i]];
        char *after = list_deps(boot, task), *plugin = text_printable(task->plugin);
        char *limit = limit_text(task->memory_limit, true), *frames = limit_text(task->nr_frames, false);
        printf("  %-*s  %8d  %-10s  %12s  %6s  %-*s  %s\n", name_width, task->name, task->priority,
               task->is_privileged ? "yes" : "no", limit, frames, after_width, after, plugin);
        free(limit);
        free(frames);
        free(after);
        free(plugin);
    }
}

static void print_limits(void)
{
    puts("\nlimits");
    for (size_t i = 0; i < NR_LIMITS; i++)
        printf("  %-28s %9lld  %s\n", limits[i].what, limits[i].value, limits[i].error);
}

/* ---- for programs ---- */

static json_t *json_text(const char *text)
{
    char *clean = text_clean_utf8(text);
    json_t *json = json_string(clean);
    free(clean);
    return json;
}

static json_t *json_machine(const struct boot_machine *machine)
{
    return json_pack("{sI si ss sI ss ss ss ss sI sI sI}", "memory", (json_int_t)machine->memory, "cpus",
                     (int)machine->nr_cpus, "clock", bootfile_clocks[machine->clock], "quantum_ns",
                     (json_int_t)machine->quantum, "policy", machine->policy, "page_policy", machine->page_policy,
                     "isolation",
                     machine->isolation == MK_ISOLATION_AUTO ? "auto: none" : bootfile_isolations[machine->isolation],
                     "context", bootfile_contexts[machine->context], "seed", (json_int_t)machine->seed, "watchdog_ns",
                     (json_int_t)(machine->watchdog == MK_TIME_FOREVER ? 0 : machine->watchdog), "max_quanta",
                     (int)machine->max_quanta);
}

/* A list of services; null: all. */
static json_t *json_services(const char *list)
{
    if (!list)
        return json_null();
    json_t *json = json_array();
    for (const char *p = list; *p;) {
        char *name = text_ndup(p, strcspn(p, " "));
        p += strlen(name) + (p[strlen(name)] == ' ');
        json_array_append_new(json, json_text(name));
        free(name);
    }
    return json;
}

static json_t *json_tasks(const struct bootfile *boot)
{
    json_t *list = json_array();
    for (size_t i = 0; i < boot->nr_tasks; i++) {
        const struct boot_task *task = &boot->tasks[boot->order[i]];
        json_t *after = json_array();
        for (size_t j = 0; j < task->nr_deps; j++)
            json_array_append_new(after, json_text(boot->tasks[task->deps[j]].name));
        json_array_append_new(list,
                              json_pack("{so so so si sb so sI sI ss sI so so so}", "name", json_text(task->name),
                                        "plugin", json_text(task->plugin), "args", json_text(task->args), "priority",
                                        task->priority, "privileged", (int)task->is_privileged, "after", after,
                                        "memory_limit", (json_int_t)task->memory_limit, "frames",
                                        (json_int_t)task->nr_frames, "restart", restart_text(task), "heartbeat_ns",
                                        (json_int_t)task->heartbeat, "group", json_text(boot->groups[task->group].name),
                                        "uses", json_services(task->uses), "provides", json_services(task->provides)));
    }
    return list;
}

static json_t *json_groups(const struct bootfile *boot)
{
    json_t *list = json_array();
    for (size_t i = 0; i < boot->nr_groups; i++) {
        const struct boot_group *group = &boot->groups[i];
        json_array_append_new(list, json_pack("{so ss sI sI ss}", "name", json_text(group->name), "strategy",
                                              bootfile_strategies[group->strategy], "intensity",
                                              (json_int_t)group->intensity, "period_ns", (json_int_t)group->period,
                                              "escalate", bootfile_escalations[group->halts]));
    }
    return list;
}

static json_t *json_errors(const struct bootfile *boot)
{
    json_t *list = json_array();
    for (size_t i = 0; i < boot->nr_errors; i++) {
        const struct boot_error *error = &boot->errors[i];
        json_array_append_new(
            list, json_pack("{so so so}", "line", error->where.line ? json_integer(error->where.line) : json_null(),
                            "option", error->where.option ? json_text(error->where.option) : json_null(), "text",
                            json_text(error->text)));
    }
    return list;
}

static void print_json(const struct bootfile *boot)
{
    bool is_good = boot->nr_errors == 0;
    json_t *json_limits = json_object();
    for (size_t i = 0; i < NR_LIMITS; i++)
        json_object_set_new(json_limits, limits[i].name, json_integer(limits[i].value));
    json_t *json = json_pack("{so sb so so so so so}", "file", json_text(boot->path), "good", (int)is_good, "errors",
                             json_errors(boot), "machine", is_good ? json_machine(&boot->machine) : json_null(),
                             "tasks", is_good ? json_tasks(boot) : json_null(), "groups",
                             is_good ? json_groups(boot) : json_null(), "limits", json_limits);
    json_dumpf(json, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(json);
}

/* ---- the command ---- */

/* Whether this machine can be had is known by making it. */
static bool judge(struct setup *setup, const char *path, const struct setup_overrides *overrides)
{
    struct mk_machine *machine;
    if (!setup_load(setup, path, overrides) || setup_create(setup, &machine) != MK_OK)
        return false;
    mk_machine_destroy(machine);
    return true;
}

static int check(const char *path, const struct setup_overrides *overrides, bool is_json)
{
    struct setup setup;
    bool is_good = judge(&setup, path, overrides);
    bootfile_report(&setup.boot, stderr);
    if (is_json) {
        print_json(&setup.boot);
    } else if (is_good) {
        print_machine(&setup.boot.machine);
        print_tasks(&setup.boot);
        print_restarts(&setup.boot);
        print_services(&setup.boot);
        print_limits();
    }
    setup_finish(&setup);
    return is_good ? EXIT_FINE : EXIT_BAD_INPUT;
}

int cmd_check(int argc, char **argv)
{
    enum { OPT_SET, OPT_JSON };
    static const struct option options[] = {{"--set", true}, {"--json", false}, {0}};
    struct args args = {.argc = argc, .argv = argv};
    struct setup_overrides overrides = {0};
    const char *path = NULL;
    bool is_json = false;
    int status = -1;
    for (int option; status < 0 && (option = args_next(&args, options)) != ARGS_END;) {
        if (option == ARGS_HELP)
            status = cmd_help(2, (char *[]){argv[0], argv[0]});
        else if (option == ARGS_BAD)
            status = EXIT_BAD_INPUT;
        else if (option == OPT_SET)
            setup_add_set(&overrides, args.value);
        else if (option == OPT_JSON)
            is_json = true;
        else if (path)
            status = args_usage(&args, "one boot file at a time");
        else
            path = args.value;
    }
    if (status < 0)
        status = path ? check(path, &overrides, is_json) : args_usage(&args, "which boot file?");
    setup_free_overrides(&overrides);
    return status;
}
