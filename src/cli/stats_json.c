/* SPDX-License-Identifier: BSD-2-Clause */
/* A machine's counters, tasks and threads as JSON; times in nanoseconds, sizes in bytes. */
#include "stats_json.h"

#include "text.h"

#include <mk/error.h>

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>

static json_t *text(const char *label)
{
    char *clean = text_clean_utf8(label);
    json_t *json = json_string(clean);
    free(clean);
    return json;
}

static json_t *number(uint64_t value)
{
    return json_integer((json_int_t)value);
}

static json_t *task_json(const struct mk_task_info *info)
{
    return json_pack("{so so sb sb si so so so so so}", "id", number(info->id), "label", text(info->label), "is_server",
                     (int)info->is_server, "is_ended", (int)info->is_ended, "exit", (int)info->exit_code, "threads",
                     number(info->nr_threads), "names", number(info->nr_names), "memory", number(info->memory),
                     "created_ns", json_integer(info->created), "run_ns", json_integer(info->run_time));
}

static json_t *thread_json(const struct mk_thread_info *info)
{
    return json_pack("{so so so si so so so so so so}", "id", number(info->id), "task", number(info->task), "label",
                     text(info->label), "priority", (int)info->base_priority, "run_ns", json_integer(info->run_time),
                     "ready_ns", json_integer(info->ready_time), "switches", number(info->nr_switches), "preempted",
                     number(info->nr_preempted), "created_ns", json_integer(info->created), "first_run_ns",
                     json_integer(info->first_run));
}

static json_t *tasks_json(struct mk_machine *machine)
{
    json_t *list = json_array();
    size_t nr = 0, max;
    if (mk_machine_tasks(machine, NULL, 0, &nr) != MK_OK)
        return list;
    struct mk_task_info *infos = text_realloc(NULL, max = nr, sizeof(*infos));
    if (mk_machine_tasks(machine, infos, max, &nr) == MK_OK)
        for (size_t i = 0; i < nr && i < max; i++)
            json_array_append_new(list, task_json(&infos[i]));
    free(infos);
    return list;
}

static json_t *threads_json(struct mk_machine *machine)
{
    json_t *list = json_array();
    size_t nr = 0, max;
    if (mk_machine_threads(machine, NULL, 0, &nr) != MK_OK)
        return list;
    struct mk_thread_info *infos = text_realloc(NULL, max = nr, sizeof(*infos));
    if (mk_machine_threads(machine, infos, max, &nr) == MK_OK)
        for (size_t i = 0; i < nr && i < max; i++)
            json_array_append_new(list, thread_json(&infos[i]));
    free(infos);
    return list;
}

void stats_json_write(FILE *out, struct mk_machine *machine, uint64_t seed, mk_err_t err, int exit_code)
{
    struct mk_machine_stats stats = {0};
    char hash[24];
    mk_err_t asked = mk_machine_stats(machine, &stats);
    snprintf(hash, sizeof(hash), "0x%016" PRIx64, stats.trace_hash);
    json_t *json = json_pack(
        "{ss so si so so so so so so so so so so so so so}", "trace_hash", hash, "virtual_ns", json_integer(stats.now),
        "exit", exit_code, "error", err || asked ? json_string(mk_err_name(err ? err : asked)) : json_null(), "seed",
        number(seed), "events", number(stats.nr_events), "switches", number(stats.nr_switches), "preemptions",
        number(stats.nr_preemptions), "sends", number(stats.nr_sends), "calls", number(stats.nr_calls), "idle_ns",
        json_integer(stats.idle_time), "memory_used", number(stats.memory_used), "memory_size",
        number(stats.memory_size), "kernel_memory", number(stats.kernel_memory), "tasks", tasks_json(machine),
        "threads", threads_json(machine));
    json_dumpf(json, out, JSON_INDENT(2));
    putc('\n', out);
    json_decref(json);
}
