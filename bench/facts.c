/* SPDX-License-Identifier: BSD-2-Clause */
/* The facts about the host; see facts.h. */
#include "bench/facts.h"

#include <cpuid.h>
#include <sched.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>

#include <mk/version.h>

#include "bench/bench.h"

static int pinned = -1;
static cpu_set_t allowed;

void facts_pin(void)
{
    cpu_set_t one;
    int cpu = sched_getcpu();
    if (sched_getaffinity(0, sizeof(allowed), &allowed) || cpu < 0)
        return;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    if (sched_setaffinity(0, sizeof(one), &one) == 0)
        pinned = cpu;
}

int facts_other_cpu(void)
{
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
        if (cpu != pinned && CPU_ISSET(cpu, &allowed))
            return cpu;
    return -1;
}

/* The first line of a file without its newline; "" when there is none. */
static void read_line(const char *path, char *line, size_t size)
{
    FILE *file = fopen(path, "re");
    line[0] = '\0';
    if (!file)
        return;
    if (fgets(line, (int)size, file))
        line[strcspn(line, "\n")] = '\0';
    fclose(file);
}

static void trim(char *text)
{
    for (size_t n = strlen(text); n && text[n - 1] == ' ';)
        text[--n] = '\0';
}

static void read_cpu(struct facts *facts)
{
    unsigned words[12] = {0};
    for (unsigned i = 0; i < 3; i++)
        __get_cpuid(0x80000002u + i, &words[4 * i], &words[4 * i + 1], &words[4 * i + 2], &words[4 * i + 3]);
    char name[sizeof(words) + 1] = "";
    memcpy(name, words, sizeof(words));
    trim(name);
    unsigned a = 0, b = 0, c = 0, d = 0;
    __get_cpuid(1, &a, &b, &c, &d);
    unsigned family = (a >> 8 & 15) + (a >> 20 & 255), model = (a >> 4 & 15) | (a >> 12 & 0xf0);
    snprintf(facts->cpu, sizeof(facts->cpu), "%s (family %u, model %u, stepping %u)",
             name[0] ? name + strspn(name, " ") : "unknown", family, model, a & 15);
    facts->is_virtual = c >> 31;
    if (facts->is_virtual) {
        __cpuid(0x40000000u, a, b, c, d);
        unsigned vendor[3] = {b, c, d};
        memcpy(facts->hypervisor, vendor, sizeof(vendor));
        trim(facts->hypervisor);
    }
}

struct facts facts_read(void)
{
    struct facts facts = {.pinned = pinned, .has_instructions = meter_counts()};
    struct utsname name;
    char path[96];
    read_cpu(&facts);
    facts.nr_cpus = CPU_COUNT(&allowed);
    snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%d/cpufreq/scaling_governor", pinned < 0 ? 0 : pinned);
    read_line(path, facts.governor, sizeof(facts.governor));
    if (uname(&name) == 0)
        snprintf(facts.kernel, sizeof(facts.kernel), "%s %s", name.sysname, name.release);
    facts.clock_cost = meter_clock_cost();
    time_t now = time(NULL);
    struct tm utc;
    if (gmtime_r(&now, &utc))
        strftime(facts.date, sizeof(facts.date), "%Y-%m-%dT%H:%M:%SZ", &utc);
    return facts;
}

const char *facts_compiler(void)
{
#ifdef __clang__
    return "clang " __clang_version__;
#else
    return "gcc " __VERSION__;
#endif
}

void facts_print(const struct facts *facts, FILE *out)
{
    fprintf(out, "libmk %s, build type %s, %s\n", MK_VERSION, BENCH_BUILD_TYPE, facts_compiler());
    fprintf(out, "%s, %d CPU%s", facts->cpu, facts->nr_cpus, facts->nr_cpus == 1 ? "" : "s");
    if (facts->pinned >= 0)
        fprintf(out, ", all on CPU %d", facts->pinned);
    fprintf(out, ", governor %s\n", facts->governor[0] ? facts->governor : "unknown");
    fprintf(out, "%s%s%s, %s; the clock costs %.1f ns%s\n", facts->is_virtual ? "virtual machine" : "bare metal",
            facts->hypervisor[0] ? " of " : "", facts->hypervisor, facts->kernel, facts->clock_cost,
            facts->has_instructions ? "" : "; no counter of instructions");
}
