/* SPDX-License-Identifier: BSD-2-Clause */
/* The entry for libFuzzer: a finding ends the process, and libFuzzer keeps the input. */
#include "fuzz_ipc.h"

#include <time.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argcp, char ***argvp);

static uint64_t max_calls;
static time_t began;

static void tell_totals(void)
{
    time_t seconds = time(NULL) - began;
    fprintf(stderr, "fuzz_ipc: %llu calls in %llu inputs, %llu whole states compared, %llu calls per second\n",
            (unsigned long long)totals.nr_ops, (unsigned long long)totals.nr_inputs,
            (unsigned long long)totals.nr_checks, (unsigned long long)(totals.nr_ops / (seconds > 0 ? seconds : 1)));
}

int LLVMFuzzerInitialize(int *argcp, char ***argvp)
{
    const char *text = getenv("FUZZ_IPC_CALLS");
    (void)argcp;
    (void)argvp;
    max_calls = text ? strtoull(text, NULL, 0) : 0;
    began = time(NULL);
    atexit(tell_totals);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char why[2048];
    struct input input = {.data = data, .size = size};
    if (!fuzz_run(input, false, why, sizeof(why))) {
        fprintf(stderr, "fuzz_ipc: the kernel and the model differ: %s\n", why);
        tell_totals();
        abort();
    }
    if (max_calls && totals.nr_ops >= max_calls) {
        tell_totals();
        _exit(0); /* libFuzzer takes exit() for a crash */
    }
    return 0;
}
