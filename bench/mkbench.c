/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mkbench: what things cost. The machine's operations stand beside the floors
 * they stand on, the host's own means and other libraries, interleaved in one
 * run. Library calls go through the shared object, as a user makes them.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "bench/options.h"
#include "bench/result.h"

static void add_rows(void)
{
    floor_rows();
    vm_floor_rows();
    ipc_rows();
    payload_rows();
    queue_rows();
    event_rows();
    sched_rows();
    sel4_rows();
    vm_rows();
    supervised_rows();
    crowd_rows();
    host_rows();
    peer_rows();
}

static int measure(const struct options *options)
{
    bool is_fine = true;
    if (options->plot && !plot_is_possible())
        return 1;
    struct facts facts = facts_read();
    FILE *out = options->is_stdout_taken ? stderr : stdout;
    if (!options->is_stdout_taken)
        facts_print(&facts, out);
    fflush(out);
    measure_all(&options->plan);
    if (!options->is_stdout_taken)
        table_print(out);
    if (options->json && !json_write(options->json, &facts, &options->plan))
        is_fine = false;
    if (options->csv && !csv_write(options->csv))
        is_fine = false;
    if (options->plot && !plot_write(options->plot))
        is_fine = false;
    if (options->is_check && !bars_print(out))
        is_fine = false;
    return is_fine ? 0 : 1;
}

int main(int argc, char **argv)
{
    struct options options;
    int status = 0;
    signal(SIGPIPE, SIG_IGN);
    add_rows();
    if (!options_read(&options, argc, argv, &status))
        return status;
    if (options.compare[0]) {
        status = compare_print(options.compare[0], options.compare[1]);
    } else if (options.nr_profile) {
        facts_pin();
        profile_all(options.nr_profile, stdout);
    } else {
        facts_pin();
        meter_init();
        if (options.is_list) {
            measure_probe();
            list_print(stdout);
        } else {
            status = measure(&options);
        }
    }
    if ((fflush(stdout) || ferror(stdout)) && status == 0) {
        fprintf(stderr, "mkbench: standard output: %s\n", strerror(errno));
        status = 1;
    }
    return status;
}
