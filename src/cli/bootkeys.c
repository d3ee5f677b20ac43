/* SPDX-License-Identifier: BSD-2-Clause */
/* The keys of a boot file and how their values are read. An error leaves the value as it was. */
#include "bootfile_i.h"
#include "text.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

const char *const bootfile_machine_keys[] = {"memory",      "cpus",      "clock",   "quantum", "policy",
                                             "page-policy", "isolation", "context", "seed",    NULL};
const char *const bootfile_clocks[] = {"virtual", "host", NULL};
const char *const bootfile_isolations[] = {"auto", "none", "mprotect", "pkey", NULL};
const char *const bootfile_contexts[] = {"asm", "ucontext", NULL};
static const char *const yes_no[] = {"no", "yes", NULL};
static const char *const task_keys[] = {"module", "args",         "priority", "privileged",
                                        "after",  "memory-limit", "frames",   NULL};

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
struct unit {
    const char *suffix;
    uint64_t factor;
};

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

static void parse_memory(struct bootfile *boot, struct boot_task *task, struct boot_where where, const char *value)
{
    read_size(boot, where, "memory", value, &boot->machine.memory);
}

static void parse_cpus(struct bootfile *boot, struct boot_task *task, struct boot_where where, const char *value)
{
    uint64_t number;
    if (read_number(value, 1, BOOT_CPUS_MAX, &number))
        boot->machine.nr_cpus = (uint32_t)number;
    else
        bootfile_error(boot, where, "cpus: '%s' is no number from 1 to %d", value, BOOT_CPUS_MAX);
}

static void parse_clock(struct bootfile *boot, struct boot_task *task, struct boot_where where, const char *value)
{
    int word = read_word(boot, where, "clock", value, bootfile_clocks);
    if (word >= 0)
        boot->machine.clock = (enum mk_clock)word;
}

static void parse_quantum(struct bootfile *boot, struct boot_task *task, struct boot_where where, const char *value)
{
    static const struct unit units[] = {{"", 1}, {"ns", 1}, {"us", MK_USEC}, {"ms", MK_MSEC}, {"s", MK_SEC}, {NULL, 0}};
    uint64_t number;
    if (read_scaled(value, units, INT64_MAX, &number))
        boot->machine.quantum = (mk_time_t)number;
    else
        bootfile_error(boot, where, "quantum: '%s' is no time; write nanoseconds above 0, or a number with us, ms or s",
                       value);
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

static void parse_policy(struct bootfile *boot, struct boot_task *task, struct boot_where where, const char *value)
{
    read_policy(boot, where, "policy", "priority", value, &boot->machine.policy);
}

static void parse_page_policy(struct bootfile *boot, struct boot_task *task, struct boot_where where, const char *value)
{
    read_policy(boot, where, "page-policy", "clock", value, &boot->machine.page_policy);
}

static void parse_isolation(struct bootfile *boot, struct boot_task *task, struct boot_where where, const char *value)
{
    int word = read_word(boot, where, "isolation", value, bootfile_isolations);
    if (word >= 0)
        boot->machine.isolation = (enum mk_isolation)word;
}

static void parse_context(struct bootfile *boot, struct boot_task *task, struct boot_where where, const char *value)
{
    int word = read_word(boot, where, "context", value, bootfile_contexts);
    if (word >= 0)
        boot->machine.context = (enum mk_context)word;
}

static void parse_seed(struct bootfile *boot, struct boot_task *task, struct boot_where where, const char *value)
{
    /* Signed 64 bits, because JSON's integers are. */
    if (!read_number(value, 0, INT64_MAX, &boot->machine.seed))
        bootfile_error(boot, where, "seed: '%s' is no number from 0 to %lld", value, (long long)INT64_MAX);
}

static void parse_module(struct bootfile *boot, struct boot_task *task, struct boot_where where, const char *value)
{
    if (!*value) {
        bootfile_error(boot, where, "module: a value is missing; write a plugin's name, or a path with a slash");
        return;
    }
    free(task->module);
    task->module = text_dup(value);
}

static void parse_args(struct bootfile *boot, struct boot_task *task, struct boot_where where, const char *value)
{
    free(task->args);
    task->args = text_dup(value);
}

static void parse_priority(struct bootfile *boot, struct boot_task *task, struct boot_where where, const char *value)
{
    uint64_t number;
    if (read_number(value, 1, MK_PRIO_MAX, &number))
        task->priority = (int)number;
    else
        bootfile_error(boot, where, "priority: '%s' is no number from 1 to %d; a higher one is stronger", value,
                       MK_PRIO_MAX);
}

static void parse_privileged(struct bootfile *boot, struct boot_task *task, struct boot_where where, const char *value)
{
    int word = read_word(boot, where, "privileged", value, yes_no);
    if (word >= 0)
        task->is_privileged = word == 1;
}

static void parse_after(struct bootfile *boot, struct boot_task *task, struct boot_where where, const char *value)
{
    free(task->after);
    task->after = text_dup(value);
}

static void parse_memory_limit(struct bootfile *boot, struct boot_task *task, struct boot_where where,
                               const char *value)
{
    read_size(boot, where, "memory-limit", value, &task->memory_limit);
}

static void parse_frames(struct bootfile *boot, struct boot_task *task, struct boot_where where, const char *value)
{
    uint64_t number;
    if (read_number(value, 1, UINT32_MAX, &number))
        task->nr_frames = (uint32_t)number;
    else
        bootfile_error(boot, where, "frames: '%s' is no number of pages above 0", value);
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
};

const struct boot_key bootkeys_task[BOOT_NR_TASK_KEYS] = {
    [BOOT_KEY_MODULE] = {"module", false, parse_module},
    [BOOT_KEY_ARGS] = {"args", true, parse_args},
    [BOOT_KEY_PRIORITY] = {"priority", false, parse_priority},
    [BOOT_KEY_PRIVILEGED] = {"privileged", false, parse_privileged},
    [BOOT_KEY_AFTER] = {"after", true, parse_after},
    [BOOT_KEY_MEMORY_LIMIT] = {"memory-limit", false, parse_memory_limit},
    [BOOT_KEY_FRAMES] = {"frames", false, parse_frames},
};

int bootkeys_lookup(struct bootfile *boot, const struct boot_task *task, struct boot_where where, const char *name)
{
    const char *const *words = task ? task_keys : bootfile_machine_keys;
    const char *section = task ? "a task" : "the machine";
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

const struct boot_key *bootkeys_get(const struct boot_task *task, int key)
{
    return task ? &bootkeys_task[key] : &bootkeys_machine[key];
}

struct boot_where *bootkeys_where(struct bootfile *boot, struct boot_task *task, int key)
{
    return task ? &task->where[key] : &boot->machine.where[key];
}

bool bootkeys_is_key(const char *name, size_t length)
{
    for (int i = 0; bootfile_machine_keys[i]; i++)
        if (strlen(bootfile_machine_keys[i]) == length && memcmp(bootfile_machine_keys[i], name, length) == 0)
            return true;
    for (int i = 0; task_keys[i]; i++)
        if (strlen(task_keys[i]) == length && memcmp(task_keys[i], name, length) == 0)
            return true;
    return false;
}

void bootkeys_append(struct boot_task *task, int key, const char *value)
{
    char **textp = key == BOOT_KEY_ARGS ? &task->args : &task->after;
    char *longer = text_format("%s%s%s", *textp, **textp ? " " : "", value);
    free(*textp);
    *textp = longer;
}
