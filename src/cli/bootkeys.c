/* SPDX-License-Identifier: BSD-2-Clause */
/* The keys of a boot file and how their values are read. An error leaves the value as it was. */
#include "bootfile_i.h"
#include "text.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

struct unit {
    const char *suffix;
    uint64_t factor;
};

const char *const bootfile_machine_keys[] = {"memory",    "cpus",    "clock", "quantum",  "policy",     "page-policy",
                                             "isolation", "context", "seed",  "watchdog", "max-quanta", NULL};
const char *const bootfile_clocks[] = {"virtual", "host", NULL};
const char *const bootfile_isolations[] = {"auto", "none", "mprotect", "pkey", NULL};
const char *const bootfile_contexts[] = {"asm", "ucontext", NULL};
static const char *const yes_no[] = {"no", "yes", NULL};
static const char *const task_keys[] = {"module",       "args",     "priority", "privileged", "after",
                                        "memory-limit", "frames",   "restart",  "heartbeat",  "group",
                                        "uses",         "provides", NULL};
static const char *const group_keys[] = {"strategy", "intensity", "period", "escalate", NULL};
const char *const bootfile_restarts[] = {"never", "on-crash", "always", NULL};
const char *const bootfile_strategies[] = {"one-for-one", "rest-for-one", "one-for-all", NULL};
const char *const bootfile_escalations[] = {"stop", "halt", NULL};
static const struct unit time_units[] = {{"", 1},         {"ns", 1},     {"us", MK_USEC},
                                         {"ms", MK_MSEC}, {"s", MK_SEC}, {NULL, 0}};

/* Read decimal digits (hexadecimal after 0x); *restp is what follows. False: no digits, or more than 64 bits. */
static bool read_digits(const char *s, uint64_t *valuep, const char **restp)
{
    unsigned base = s[0] == '0' && (s[1] == 'x' || s[1] == 'X') ? 16 : 10;
    const char *p = base == 16 ? s + 2 : s;
    const char *first = p;
    uint64_t value = 0;
    for (; base == 16 ? isxdigit((unsigned char)*p) : isdigit((unsigned char)*p); p++) {
        unsigned digit = isdigit((unsigned char)*p) ? (unsigned)(*p - '0') : (unsigned)(tolower(*p) - 'a') + 10;
        if (__builtin_mul_overflow(value, (uint64_t)base, &value) ||
            __builtin_add_overflow(value, (uint64_t)digit, &value))
            return false;
    }
    *valuep = value;
    *restp = p;
    return p != first;
}

/* A number with one of the suffixes, from 1 to max. */
static bool read_scaled(const char *s, const struct unit *units, uint64_t max, uint64_t *valuep)
{
    uint64_t value;
    const char *rest;
    if (!read_digits(s, &value, &rest))
        return false;
    while (*rest == ' ' || *rest == '\t')
        rest++;
    for (; units->suffix; units++) {
        if (strcasecmp(rest, units->suffix) != 0)
            continue;
        if (__builtin_mul_overflow(value, units->factor, &value) || value < 1 || value > max)
            return false;
        *valuep = value;
        return true;
    }
    return false;
}

static bool read_number(const char *s, uint64_t min, uint64_t max, uint64_t *valuep)
{
    uint64_t value;
    const char *rest;
    if (!read_digits(s, &value, &rest) || *rest || value < min || value > max)
        return false;
    *valuep = value;
    return true;
}

/* "a, b or c" of a list; to be freed. */
static char *list_words(const char *const *words)
{
    char *list = text_dup(words[0]);
    for (size_t i = 1; words[i]; i++) {
        char *longer = text_format("%s%s%s", list, words[i + 1] ? ", " : " or ", words[i]);
        free(list);
        list = longer;
    }
    return list;
}

/* The index of `value` in the list; -1 after reporting what would be right. */
static int read_word(struct bootfile *boot, struct boot_where where, const char *key, const char *value,
                     const char *const *words)
{
    for (int i = 0; words[i]; i++)
        if (strcmp(value, words[i]) == 0)
            return i;
    char *list = list_words(words);
    bootfile_error(boot, where, "%s: '%s' is unknown; write %s", key, value, list);
    free(list);
    return -1;
}

static void read_size(struct bootfile *boot, struct boot_where where, const char *key, const char *value,
                      uint64_t *sizep)
{
    static const struct unit units[] = {{"", 1}, {"K", 1 << 10}, {"M", 1 << 20}, {"G", 1 << 30}, {NULL, 0}};
    if (!read_scaled(value, units, INT64_MAX, sizep))
        bootfile_error(boot, where, "%s: '%s' is no size; write a number of bytes above 0, or one with K, M or G", key,
                       value);
}

static void parse_memory(struct bootfile *boot, struct boot_target to, struct boot_where where, const char *value)
{
    read_size(boot, where, "memory", value, &boot->machine.memory);
}

static void parse_cpus(struct bootfile *boot, struct boot_target to, struct boot_where where, const char *value)
{
    uint64_t number;
    if (read_number(value, 1, BOOT_CPUS_MAX, &number))
        boot->machine.nr_cpus = (uint32_t)number;
    else
        bootfile_error(boot, where, "cpus: '%s' is no number from 1 to %d", value, BOOT_CPUS_MAX);
}

static void parse_clock(struct bootfile *boot, struct boot_target to, struct boot_where where, const char *value)
{
    int word = read_word(boot, where, "clock", value, bootfile_clocks);
    if (word >= 0)
        boot->machine.clock = (enum mk_clock)word;
}

static void parse_quantum(struct bootfile *boot, struct boot_target to, struct boot_where where, const char *value)
{
    uint64_t number;
    if (read_scaled(value, time_units, INT64_MAX, &number))
        boot->machine.quantum = (mk_time_t)number;
    else
        bootfile_error(boot, where, "quantum: '%s' is no time; write nanoseconds above 0, or a number with us, ms or s",
                       value);
}

static void parse_watchdog(struct bootfile *boot, struct boot_target to, struct boot_where where, const char *value)
{
    uint64_t number = MK_TIME_FOREVER;
    if (strcmp(value, "none") == 0 || read_scaled(value, time_units, INT64_MAX, &number))
        boot->machine.watchdog = (mk_time_t)number;
    else
        bootfile_error(boot, where, "watchdog: '%s' is no time; write none, or a number with us, ms or s", value);
}

static void parse_max_quanta(struct bootfile *boot, struct boot_target to, struct boot_where where, const char *value)
{
    uint64_t number;
    if (read_number(value, 1, UINT32_MAX, &number))
        boot->machine.max_quanta = (uint32_t)number;
    else
        bootfile_error(boot, where, "max-quanta: '%s' is no number above 0; leave the key out for no limit", value);
}

/* Which policies there are is the machine's to know. */
static void read_policy(struct bootfile *boot, struct boot_where where, const char *key, const char *example,
                        const char *value, char **policyp)
{
    if (!*value || value[strspn(value, "abcdefghijklmnopqrstuvwxyz0123456789-")]) {
        bootfile_error(boot, where, "%s: '%s' is no policy's name, such as %s", key, value, example);
        return;
    }
    free(*policyp);
    *policyp = text_dup(value);
}

static void parse_policy(struct bootfile *boot, struct boot_target to, struct boot_where where, const char *value)
{
    read_policy(boot, where, "policy", "priority", value, &boot->machine.policy);
}

static void parse_page_policy(struct bootfile *boot, struct boot_target to, struct boot_where where, const char *value)
{
    read_policy(boot, where, "page-policy", "clock", value, &boot->machine.page_policy);
}

static void parse_isolation(struct bootfile *boot, struct boot_target to, struct boot_where where, const char *value)
{
    int word = read_word(boot, where, "isolation", value, bootfile_isolations);
    if (word >= 0)
        boot->machine.isolation = (enum mk_isolation)word;
}

static void parse_context(struct bootfile *boot, struct boot_target to, struct boot_where where, const char *value)
{
    int word = read_word(boot, where, "context", value, bootfile_contexts);
    if (word >= 0)
        boot->machine.context = (enum mk_context)word;
}

static void parse_seed(struct bootfile *boot, struct boot_target to, struct boot_where where, const char *value)
{
    /* Signed 64 bits, because JSON's integers are. */
    if (!read_number(value, 0, INT64_MAX, &boot->machine.seed))
        bootfile_error(boot, where, "seed: '%s' is no number from 0 to %lld", value, (long long)INT64_MAX);
}

static void parse_module(struct bootfile *boot, struct boot_target to, struct boot_where where, const char *value)
{
    if (!*value) {
        bootfile_error(boot, where, "module: a value is missing; write a plugin's name, or a path with a slash");
        return;
    }
    free(to.task->module);
    to.task->module = text_dup(value);
}

static void parse_args(struct bootfile *boot, struct boot_target to, struct boot_where where, const char *value)
{
    free(to.task->args);
    to.task->args = text_dup(value);
}

static void parse_priority(struct bootfile *boot, struct boot_target to, struct boot_where where, const char *value)
{
    uint64_t number;
    if (read_number(value, 1, MK_PRIO_MAX, &number))
        to.task->priority = (int)number;
    else
        bootfile_error(boot, where, "priority: '%s' is no number from 1 to %d; a higher one is stronger", value,
                       MK_PRIO_MAX);
}

static void parse_privileged(struct bootfile *boot, struct boot_target to, struct boot_where where, const char *value)
{
    int word = read_word(boot, where, "privileged", value, yes_no);
    if (word >= 0)
        to.task->is_privileged = word == 1;
}

static void parse_after(struct bootfile *boot, struct boot_target to, struct boot_where where, const char *value)
{
    free(to.task->after);
    to.task->after = text_dup(value);
}

static void parse_memory_limit(struct bootfile *boot, struct boot_target to, struct boot_where where, const char *value)
{
    read_size(boot, where, "memory-limit", value, &to.task->memory_limit);
}

static void parse_frames(struct bootfile *boot, struct boot_target to, struct boot_where where, const char *value)
{
    uint64_t number;
    if (read_number(value, 1, UINT32_MAX, &number))
        to.task->nr_frames = (uint32_t)number;
    else
        bootfile_error(boot, where, "frames: '%s' is no number of pages above 0", value);
}

static void parse_restart(struct bootfile *boot, struct boot_target to, struct boot_where where, const char *value)
{
    int word = read_word(boot, where, "restart", value, bootfile_restarts);
    if (word >= 0)
        to.task->restart = BOOT_RESTART_NEVER + (enum boot_restart)word;
}

/* Long enough that a server can answer, short enough to be added to any time. */
static void read_time(struct bootfile *boot, struct boot_where where, const char *key, const char *value,
                      mk_time_t *timep)
{
    uint64_t number;
    if (read_scaled(value, time_units, BOOT_TIME_MAX, &number) && number >= BOOT_TIME_MIN)
        *timep = (mk_time_t)number;
    else
        bootfile_error(boot, where, "%s: '%s' is no time from 1ms to 1000000s; write a number with ms or s", key,
                       value);
}

static void parse_heartbeat(struct bootfile *boot, struct boot_target to, struct boot_where where, const char *value)
{
    read_time(boot, where, "heartbeat", value, &to.task->heartbeat);
}

static void parse_group(struct bootfile *boot, struct boot_target to, struct boot_where where, const char *value)
{
    free(to.task->group_name);
    to.task->group_name = text_dup(value);
}

/* The lists may continue in further lines: bootfile_resolve judges them. */
static void parse_uses(struct bootfile *boot, struct boot_target to, struct boot_where where, const char *value)
{
    free(to.task->uses);
    to.task->uses = text_dup(value);
}

static void parse_provides(struct bootfile *boot, struct boot_target to, struct boot_where where, const char *value)
{
    free(to.task->provides);
    to.task->provides = text_dup(value);
}

static void parse_strategy(struct bootfile *boot, struct boot_target to, struct boot_where where, const char *value)
{
    int word = read_word(boot, where, "strategy", value, bootfile_strategies);
    if (word >= 0)
        to.group->strategy = (enum boot_strategy)word;
}

static void parse_intensity(struct bootfile *boot, struct boot_target to, struct boot_where where, const char *value)
{
    uint64_t number;
    if (read_number(value, 0, BOOT_INTENSITY_MAX, &number))
        to.group->intensity = (uint32_t)number;
    else
        bootfile_error(boot, where, "intensity: '%s' is no number of restarts from 0 (no limit) to %d", value,
                       BOOT_INTENSITY_MAX);
}

static void parse_period(struct bootfile *boot, struct boot_target to, struct boot_where where, const char *value)
{
    read_time(boot, where, "period", value, &to.group->period);
}

static void parse_escalate(struct bootfile *boot, struct boot_target to, struct boot_where where, const char *value)
{
    int word = read_word(boot, where, "escalate", value, bootfile_escalations);
    if (word >= 0)
        to.group->halts = word == 1;
}

const struct boot_key bootkeys_machine[BOOT_NR_MACHINE_KEYS] = {
    [BOOT_KEY_MEMORY] = {"memory", false, parse_memory},
    [BOOT_KEY_CPUS] = {"cpus", false, parse_cpus},
    [BOOT_KEY_CLOCK] = {"clock", false, parse_clock},
    [BOOT_KEY_QUANTUM] = {"quantum", false, parse_quantum},
    [BOOT_KEY_POLICY] = {"policy", false, parse_policy},
    [BOOT_KEY_PAGE_POLICY] = {"page-policy", false, parse_page_policy},
    [BOOT_KEY_ISOLATION] = {"isolation", false, parse_isolation},
    [BOOT_KEY_CONTEXT] = {"context", false, parse_context},
    [BOOT_KEY_SEED] = {"seed", false, parse_seed},
    [BOOT_KEY_WATCHDOG] = {"watchdog", false, parse_watchdog},
    [BOOT_KEY_MAX_QUANTA] = {"max-quanta", false, parse_max_quanta},
};

const struct boot_key bootkeys_task[BOOT_NR_TASK_KEYS] = {
    [BOOT_KEY_MODULE] = {"module", false, parse_module},
    [BOOT_KEY_ARGS] = {"args", true, parse_args},
    [BOOT_KEY_PRIORITY] = {"priority", false, parse_priority},
    [BOOT_KEY_PRIVILEGED] = {"privileged", false, parse_privileged},
    [BOOT_KEY_AFTER] = {"after", true, parse_after},
    [BOOT_KEY_MEMORY_LIMIT] = {"memory-limit", false, parse_memory_limit},
    [BOOT_KEY_FRAMES] = {"frames", false, parse_frames},
    [BOOT_KEY_RESTART] = {"restart", false, parse_restart},
    [BOOT_KEY_HEARTBEAT] = {"heartbeat", false, parse_heartbeat},
    [BOOT_KEY_GROUP] = {"group", false, parse_group},
    [BOOT_KEY_USES] = {"uses", true, parse_uses},
    [BOOT_KEY_PROVIDES] = {"provides", true, parse_provides},
};

const struct boot_key bootkeys_group[BOOT_NR_GROUP_KEYS] = {
    [BOOT_KEY_STRATEGY] = {"strategy", false, parse_strategy},
    [BOOT_KEY_INTENSITY] = {"intensity", false, parse_intensity},
    [BOOT_KEY_PERIOD] = {"period", false, parse_period},
    [BOOT_KEY_ESCALATE] = {"escalate", false, parse_escalate},
};

static const char *const *key_names(struct boot_target of)
{
    return of.task ? task_keys : of.group ? group_keys : bootfile_machine_keys;
}

int bootkeys_lookup(struct bootfile *boot, struct boot_target of, struct boot_where where, const char *name)
{
    const char *const *words = key_names(of);
    const char *section = of.task ? "a task" : of.group ? "a group" : "the machine";
    for (int i = 0; words[i]; i++)
        if (strcmp(name, words[i]) == 0)
            return i;
    const char *nearest = text_nearest(name, words);
    if (nearest) {
        bootfile_error(boot, where, "unknown key '%s' of %s; did you mean '%s'?", name, section, nearest);
    } else {
        char *list = list_words(words);
        bootfile_error(boot, where, "unknown key '%s' of %s; write %s", name, section, list);
        free(list);
    }
    return -1;
}

const struct boot_key *bootkeys_get(struct boot_target of, int key)
{
    return of.task ? &bootkeys_task[key] : of.group ? &bootkeys_group[key] : &bootkeys_machine[key];
}

struct boot_where *bootkeys_where(struct bootfile *boot, struct boot_target of, int key)
{
    return of.task ? &of.task->where[key] : of.group ? &of.group->where[key] : &boot->machine.where[key];
}

static bool has_word(const char *const *words, const char *name, size_t length)
{
    for (int i = 0; words[i]; i++)
        if (strlen(words[i]) == length && memcmp(words[i], name, length) == 0)
            return true;
    return false;
}

bool bootkeys_is_key(const char *name, size_t length)
{
    return has_word(bootfile_machine_keys, name, length) || has_word(task_keys, name, length) ||
           has_word(group_keys, name, length);
}

void bootkeys_append(struct boot_task *task, int key, const char *value)
{
    char **textp = key == BOOT_KEY_ARGS    ? &task->args
                   : key == BOOT_KEY_AFTER ? &task->after
                   : key == BOOT_KEY_USES  ? &task->uses
                                           : &task->provides;
    char *longer = text_format("%s%s%s", *textp, **textp ? " " : "", value);
    free(*textp);
    *textp = longer;
}
