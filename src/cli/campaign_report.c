/* SPDX-License-Identifier: BSD-2-Clause */
/* Outcomes of faults; see campaign_report.h. */
#include "campaign_report.h"

#include "command.h"
#include "text.h"

#include <mk/error.h>

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

const char *const outcome_texts[NR_OUTCOMES] = {"not injected", "no effect", "recovered", "degraded",
                                                "wrong",        "hung",      "audit",     "died"};

/* ---- judging ---- */

static bool has_line(const char *text, const char *line)
{
    size_t n = strlen(line);
    for (const char *p = text; p; p = strchr(p, '\n') ? strchr(p, '\n') + 1 : NULL)
        if (strncmp(p, line, n) == 0 && (p[n] == '\n' || !p[n]))
            return true;
    return false;
}

/* "cat: /x: no such thing": who reads it knows. */
static bool is_complaint(const char *line)
{
    size_t n = strspn(line, "abcdefghijklmnopqrstuvwxyz-");
    return n > 0 && line[n] == ':' && line[n + 1] == ' ';
}

/* Is there a failure that the run without a fault did not have? What follows from it may look like anything. */
static bool is_honest(const struct campaign_run *reference, const struct campaign_run *run)
{
    char *expected = text_ndup(reference->output, reference->output_size);
    char *got = text_ndup(run->output, run->output_size), *rest = got;
    bool is_told = run->is_told || run->exit_code != reference->exit_code;
    for (char *line; !is_told && (line = strsep(&rest, "\n"));)
        is_told = is_complaint(line) && !has_line(expected, line);
    free(expected);
    free(got);
    return is_told;
}

/* Something failed or was late; a bit that changed may not matter to anybody. */
static bool always_shows(enum fault_kind kind)
{
    return kind != FAULT_FLIP && kind != FAULT_CORRUPT && kind != FAULT_ALLOC && kind != FAULT_RESULT;
}

enum outcome campaign_judge(const struct campaign_run *reference, const struct campaign_run *run, enum fault_kind kind,
                            int status)
{
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
        return OUTCOME_HUNG;
    if (status != 0 || !run->is_finished)
        return OUTCOME_DIED;
    if (!run->is_audited)
        return OUTCOME_AUDIT;
    if (run->is_late || run->err != MK_OK)
        return OUTCOME_HUNG;
    if (!run->is_injected)
        return OUTCOME_NOT_INJECTED;
    bool is_same = run->exit_code == reference->exit_code && run->output_size == reference->output_size &&
                   memcmp(run->output, reference->output, run->output_size) == 0;
    if (is_same)
        return run->nr_crashes || always_shows(kind) ? OUTCOME_RECOVERED : OUTCOME_NO_EFFECT;
    return is_honest(reference, run) ? OUTCOME_DEGRADED : OUTCOME_WRONG;
}

/* ---- counting ---- */

static void count(struct campaign_count *count, enum outcome outcome)
{
    count->nr++;
    count->by[outcome]++;
}

/* NULL: there are too many. */
static struct campaign_count *of_target(struct campaign_report *report, const char *name)
{
    for (size_t i = 0; i < report->nr_targets; i++)
        if (strcmp(report->targets[i].name, name) == 0)
            return &report->targets[i].count;
    if (report->nr_targets == CAMPAIGN_TASKS_MAX)
        return NULL;
    report->targets[report->nr_targets] = (struct campaign_target){.name = text_dup(name)};
    return &report->targets[report->nr_targets++].count;
}

static void add_entry(struct campaign_report *report, struct campaign_entry entry)
{
    report->entries = text_realloc(report->entries, report->nr_entries + 1, sizeof(*report->entries));
    report->entries[report->nr_entries++] = entry;
    report->nr_bad += outcome_is_bad(entry.outcome);
}

void campaign_report_add(struct campaign_report *report, const struct fault *fault, enum outcome outcome)
{
    count(&report->total, outcome);
    count(&report->kinds[fault->kind], outcome);
    struct campaign_count *target = fault->target ? of_target(report, fault->target) : NULL;
    if (target)
        count(target, outcome);
    if (outcome < OUTCOME_WRONG)
        return;
    add_entry(report, (struct campaign_entry){.id = fault->id,
                                              .at = fault->at,
                                              .kind = text_dup(fault_texts[fault->kind].name),
                                              .target = fault->target ? text_dup(fault->target) : NULL,
                                              .outcome = outcome});
}

void campaign_report_free(struct campaign_report *report)
{
    for (size_t i = 0; i < report->nr_entries; i++) {
        free(report->entries[i].kind);
        free(report->entries[i].target);
    }
    free(report->entries);
    report->entries = NULL;
    for (size_t i = 0; i < report->nr_targets; i++)
        free(report->targets[i].name);
    report->nr_targets = 0;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct campaign_target *)a)->name, ((const struct campaign_target *)b)->name);
}

static int by_id(const void *a, const void *b)
{
    uint64_t x = ((const struct campaign_entry *)a)->id, y = ((const struct campaign_entry *)b)->id;
    return x < y ? -1 : x > y;
}

/* ---- as text ---- */

void campaign_report_fault(FILE *out, const struct fault *fault)
{
    fprintf(out, "fault %llu: %s", (unsigned long long)fault->id, fault->target ? fault->target : "");
    fprintf(out, "%s%s, at %s %llu\n", fault->target ? " " : "", fault_texts[fault->kind].what,
            fault->target ? "its kernel call" : "message", (unsigned long long)fault->at);
}

static uint64_t injected(const struct campaign_count *c)
{
    return c->nr - c->by[OUTCOME_NOT_INJECTED];
}

static uint64_t manifested(const struct campaign_count *c)
{
    return injected(c) - c->by[OUTCOME_NO_EFFECT];
}

static void write_row(FILE *out, const char *name, const struct campaign_count *c)
{
    fprintf(out, "%-12s%9llu%11llu%11llu%10llu%8llu%6llu%7llu%6llu\n", name, (unsigned long long)injected(c),
            (unsigned long long)manifested(c), (unsigned long long)c->by[OUTCOME_RECOVERED],
            (unsigned long long)c->by[OUTCOME_DEGRADED], (unsigned long long)c->by[OUTCOME_WRONG],
            (unsigned long long)c->by[OUTCOME_HUNG], (unsigned long long)c->by[OUTCOME_AUDIT],
            (unsigned long long)c->by[OUTCOME_DIED]);
}

static void write_text(FILE *out, const struct campaign_report *report)
{
    const struct campaign_count *all = &report->total;
    fputs("fault        injected manifested  recovered  degraded   wrong  hung  audit  died\n", out);
    for (int kind = 0; kind < FAULT_NR_KINDS; kind++)
        if (report->kinds[kind].nr)
            write_row(out, fault_texts[kind].name, &report->kinds[kind]);
    write_row(out, "all", all);
    uint64_t good = all->by[OUTCOME_RECOVERED] + all->by[OUTCOME_DEGRADED], n = manifested(all);
    if (n)
        fprintf(out, "\nOf %llu that showed, %.2f %% were recovered from or answered with an error.\n",
                (unsigned long long)n, 100.0 * (double)good / (double)n);
    for (size_t i = 0; i < report->nr_entries && i < 20; i++) {
        const struct campaign_entry *entry = &report->entries[i];
        fprintf(out, "%s  fault %llu, %s%s%s at %llu: %s\n", i ? "" : "\n", (unsigned long long)entry->id, entry->kind,
                entry->target ? " in " : "", entry->target ? entry->target : "", (unsigned long long)entry->at,
                outcome_texts[entry->outcome]);
    }
    if (report->nr_entries > 20)
        fprintf(out, "  and %zu more\n", report->nr_entries - 20);
    if (report->nr_entries && report->path)
        fprintf(out,
                "\nTo see one: mk campaign %s --seed %llu --only N, with the same --kinds, --target and commands.\n",
                report->path, (unsigned long long)report->seed);
}

/* ---- as JSON, and back ---- */

static json_t *count_json(const struct campaign_count *c)
{
    json_t *json = json_object();
    json_object_set_new(json, "faults", json_integer((json_int_t)c->nr));
    json_object_set_new(json, "injected", json_integer((json_int_t)injected(c)));
    json_object_set_new(json, "manifested", json_integer((json_int_t)manifested(c)));
    for (int i = OUTCOME_RECOVERED; i < NR_OUTCOMES; i++)
        json_object_set_new(json, outcome_texts[i], json_integer((json_int_t)c->by[i]));
    return json;
}

static void write_json(FILE *out, const struct campaign_report *report)
{
    json_t *kinds = json_object(), *targets = json_object(), *entries = json_array();
    for (int kind = 0; kind < FAULT_NR_KINDS; kind++)
        if (report->kinds[kind].nr)
            json_object_set_new(kinds, fault_texts[kind].name, count_json(&report->kinds[kind]));
    for (size_t i = 0; i < report->nr_targets; i++)
        json_object_set_new(targets, report->targets[i].name, count_json(&report->targets[i].count));
    for (size_t i = 0; i < report->nr_entries; i++) {
        const struct campaign_entry *e = &report->entries[i];
        json_array_append_new(entries,
                              json_pack("{sI ss ss* sI ss}", "id", (json_int_t)e->id, "kind", e->kind, "target",
                                        e->target, "at", (json_int_t)e->at, "outcome", outcome_texts[e->outcome]));
    }
    json_t *json = json_pack("{sI so so so so}", "seed", (json_int_t)report->seed, "total", count_json(&report->total),
                             "kinds", kinds, "targets", targets, "entries", entries);
    json_dumpf(json, out, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
    putc('\n', out);
    json_decref(json);
}

void campaign_report_write(FILE *out, struct campaign_report *report, bool is_json)
{
    if (report->nr_entries)
        qsort(report->entries, report->nr_entries, sizeof(*report->entries), by_id);
    if (report->nr_targets)
        qsort(report->targets, report->nr_targets, sizeof(report->targets[0]), by_name);
    if (is_json)
        write_json(out, report);
    else
        write_text(out, report);
}

static bool read_count(const json_t *json, struct campaign_count *sum)
{
    uint64_t faults = (uint64_t)json_integer_value(json_object_get(json, "faults"));
    uint64_t in = (uint64_t)json_integer_value(json_object_get(json, "injected"));
    uint64_t shown = (uint64_t)json_integer_value(json_object_get(json, "manifested"));
    if (!json_is_object(json) || in > faults || shown > in)
        return false;
    sum->nr += faults;
    sum->by[OUTCOME_NOT_INJECTED] += faults - in;
    sum->by[OUTCOME_NO_EFFECT] += in - shown;
    for (int i = OUTCOME_RECOVERED; i < NR_OUTCOMES; i++)
        sum->by[i] += (uint64_t)json_integer_value(json_object_get(json, outcome_texts[i]));
    return true;
}

static bool read_entry(struct campaign_report *report, const json_t *json)
{
    const char *kind = json_string_value(json_object_get(json, "kind"));
    const char *target = json_string_value(json_object_get(json, "target"));
    const char *outcome = json_string_value(json_object_get(json, "outcome"));
    int i = 0;
    while (outcome && i < NR_OUTCOMES && strcmp(outcome_texts[i], outcome) != 0)
        i++;
    if (!kind || !outcome || i == NR_OUTCOMES)
        return false;
    add_entry(report, (struct campaign_entry){.id = (uint64_t)json_integer_value(json_object_get(json, "id")),
                                              .at = (uint64_t)json_integer_value(json_object_get(json, "at")),
                                              .kind = text_dup(kind),
                                              .target = target ? text_dup(target) : NULL,
                                              .outcome = (enum outcome)i});
    return true;
}

static bool read_report(struct campaign_report *report, const json_t *json)
{
    const json_t *kinds = json_object_get(json, "kinds"), *targets = json_object_get(json, "targets");
    json_t *entry;
    bool is_good = read_count(json_object_get(json, "total"), &report->total) && json_is_object(kinds);
    for (int kind = 0; is_good && kind < FAULT_NR_KINDS; kind++) {
        const json_t *one = json_object_get(kinds, fault_texts[kind].name);
        is_good = !one || read_count(one, &report->kinds[kind]);
    }
    const char *name;
    json_object_foreach((json_t *)(uintptr_t)targets, name, entry)
    {
        struct campaign_count *target = of_target(report, name);
        is_good = is_good && target && read_count(entry, target);
    }
    size_t i;
    json_array_foreach(json_object_get(json, "entries"), i, entry) is_good = is_good && read_entry(report, entry);
    report->seed = (uint64_t)json_integer_value(json_object_get(json, "seed"));
    return is_good;
}

int campaign_report_merge(const char *const *paths, size_t nr, bool is_json)
{
    struct campaign_report report = {.path = NULL};
    bool is_good = true;
    for (size_t i = 0; i < nr && is_good; i++) {
        json_error_t error;
        json_t *json = json_load_file(paths[i], 0, &error);
        is_good = json && read_report(&report, json);
        if (!json)
            fprintf(stderr, "mk: campaign: %s:%d: %s\n", paths[i], error.line, error.text);
        else if (!is_good)
            fprintf(stderr, "mk: campaign: %s: not a report of mk campaign --json\n", paths[i]);
        json_decref(json);
    }
    if (is_good)
        campaign_report_write(stdout, &report, is_json);
    campaign_report_free(&report);
    return !is_good ? EXIT_BAD_INPUT : report.nr_bad ? EXIT_FAILED : EXIT_FINE;
}
