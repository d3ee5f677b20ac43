/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs of a campaign in processes of their own, each of which does one after the other: what is loaded once serves all.
 * A process that dies is found by the fault that it was at, and another takes its place. A fault at which something
 * went wrong after others is run again, alone, so that what one does to its process is not taken for the next one's.
 */
#ifndef CLI_CAMPAIGN_JOBS_H
#define CLI_CAMPAIGN_JOBS_H

#include "campaign.h"
#include "campaign_report.h"

/* Which faults of the campaign: `nr` numbers from `first` on, each `step` after the one before. */
struct campaign_part {
    uint64_t first, step, nr;
    size_t nr_jobs; /* processes at the same time */
};

/* All may end with a line on standard error, and false. */

/* The run without a fault, which the others are compared with. */
bool campaign_jobs_reference(struct campaign *campaign);

bool campaign_jobs_run(struct campaign *campaign, const struct campaign_plan *plan, const struct campaign_part *part,
                       struct campaign_report *report);

/* One fault, for somebody who looks: the machine's log and output go to standard error. */
bool campaign_jobs_show(struct campaign *campaign, const struct fault *fault, enum outcome *outcomep);

#endif
