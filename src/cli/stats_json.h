/* SPDX-License-Identifier: BSD-2-Clause */
/* A machine's counters, tasks and threads as JSON. */
#ifndef CLI_STATS_JSON_H
#define CLI_STATS_JSON_H

#include <mk/machine.h>

#include <stdio.h>

/* Write the state of a machine after its run. `err` is what mk_machine_run returned. */
void stats_json_write(FILE *out, struct mk_machine *machine, uint64_t seed, mk_err_t err, int exit_code);

#endif
