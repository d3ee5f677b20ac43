/* SPDX-License-Identifier: BSD-2-Clause */
/* What became of a campaign's faults: judged one by one, counted by kind, written as a table or as JSON. */
#ifndef CLI_CAMPAIGN_REPORT_H
#define CLI_CAMPAIGN_REPORT_H

#include "campaign.h"

#include <stdio.h>

enum outcome {
    OUTCOME_NOT_INJECTED, /* its place did not come */
    OUTCOME_NO_EFFECT,    /* nothing differs */
    OUTCOME_RECOVERED,    /* something ended or was late, and the output is the same */
    OUTCOME_DEGRADED,     /* the output differs, and says that something failed */
    OUTCOME_WRONG,        /* the output differs, and nothing tells of a failure */
    OUTCOME_HUNG,         /* it did not end */
    OUTCOME_AUDIT,        /* the kernel lost account of something */
    OUTCOME_DIED,         /* the process ended */
    NR_OUTCOMES,
};
extern const char *const outcome_texts[NR_OUTCOMES];

/* Must never be, whatever goes wrong in a task. */
static inline bool outcome_is_bad(enum outcome outcome)
{
    return outcome >= OUTCOME_HUNG;
}

/* `status`: of its process, by waitpid. */
enum outcome campaign_judge(const struct campaign_run *reference, const struct campaign_run *run, enum fault_kind kind,
                            int status);

struct campaign_count {
    uint64_t nr, by[NR_OUTCOMES];
};

struct campaign_target {
    char *name;
    struct campaign_count count; /* of the faults at its kernel calls */
};

struct campaign_entry {
    uint64_t id, at;
    char *kind, *target; /* target NULL: a message */
    enum outcome outcome;
};

struct campaign_report {
    const char *path;
    uint64_t seed;
    struct campaign_count total, kinds[FAULT_NR_KINDS];
    struct campaign_target targets[CAMPAIGN_TASKS_MAX];
    size_t nr_targets;
    struct campaign_entry *entries; /* of those that are wrong or bad */
    size_t nr_entries;
    uint64_t nr_bad;
};

void campaign_report_add(struct campaign_report *report, const struct fault *fault, enum outcome outcome);
/* Sorts it. */
void campaign_report_write(FILE *out, struct campaign_report *report, bool is_json);
void campaign_report_fault(FILE *out, const struct fault *fault);
void campaign_report_free(struct campaign_report *report);

/* Sum up reports in JSON; the status of the command. */
int campaign_report_merge(const char *const *paths, size_t nr, bool is_json);

#endif
