/* SPDX-License-Identifier: BSD-2-Clause */
/* The boot file parser: every refusal with its line and words, and what good files come to. */
#include "bootfile.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void parse(struct bootfile *boot, const char *text, size_t size, const char *const *sets)
{
    bootfile_init(boot, "F");
    bootfile_parse(boot, text, size);
    for (; sets && *sets; sets++)
        bootfile_set(boot, *sets, *sets);
    bootfile_resolve(boot);
}

/* What bootfile_report prints; to be freed. */
static char *report(struct bootfile *boot)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    size_t nr = bootfile_report(boot, out);
    fclose(out);
    size_t lines = 0;
    for (const char *p = text; *p; p++)
        lines += *p == '\n';
    assert_true(lines == nr || lines == 101);
    return text;
}

struct bad {
    const char *text;
    const char *report;
    const char *set;
    size_t size; /* 0: strlen */
};

#define TASK      "[task a]\n"
#define X50       "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
#define TEXT      "a boot file is text\n"
#define SIZE      "is no size; write a number of bytes above 0, or one with K, M or G\n"
#define QUANTUM   "is no time; write nanoseconds above 0, or a number with us, ms or s\n"
#define INDENT    "an indented line continues the value above; begin sections and keys in the first column\n"
#define NAME      "a task's name begins with a letter or digit and has letters, digits, '_', '-' and '.' only\n"
#define TIME      "is no time from 1ms to 1000000s; write a number with ms or s\n"
#define INTENSITY "is no number of restarts from 0 (no limit) to 1000\n"
#define NO_LINE   "this is no section, key or comment; write KEY = VALUE\n"

/* ---- BOOT0010: what a line may be ---- */

static const struct bad bad_lines[] = {
    {"", "F:1: there are no tasks; write at least one [task NAME]\n", NULL, 0},
    {"# nothing\n\n", "F:1: there are no tasks; write at least one [task NAME]\n", NULL, 0},
    {TASK "args\n", "F:2: " NO_LINE, NULL, 0},
    {TASK "args ; = x\n", "F:2: " NO_LINE, NULL, 0},
    {TASK "args\t;= x\n", "F:2: " NO_LINE, NULL, 0},
    {TASK "= x\n", "F:2: a key is missing before '='; write KEY = VALUE\n", NULL, 0},
    {TASK ": x\n", "F:2: a key is missing before ':'; write KEY = VALUE\n", NULL, 0},
    {"memory = 1M\n" TASK, "F:1: a key before the first section; begin with [machine] or [task NAME]\n", NULL, 0},
    {TASK "args = \x1b[2J\n", "F:2: byte 8 (0x1b) is a control character; " TEXT, NULL, 0},
    {TASK "args = a\rb\n", "F:2: byte 9 (0x0d) is a control character; " TEXT, NULL, 0},
    {TASK "args = \xc2\x9b\n", "F:2: byte 8 (0xc2) is a control character; " TEXT, NULL, 0},
    {TASK "# \xff\n", "F:2: byte 3 (0xff) is not UTF-8; " TEXT, NULL, 0},
    {TASK "args = \xc0\x80\n", "F:2: byte 8 (0xc0) is not UTF-8; " TEXT, NULL, 0},
    {TASK "args = \xed\xa0\x80\n", "F:2: byte 8 (0xed) is not UTF-8; " TEXT, NULL, 0},
    {TASK "args = x\0y\nbad\n", "F:2: byte 9 is NUL; " TEXT, NULL, 24},
    {"\0", "F:1: byte 1 is NUL; " TEXT, NULL, 1},
    {TASK "args=" X50 X50 X50 X50 "\n",
     "F:2: the line has 205 bytes, at most 197 are read; continue args, after, uses and provides on a further, "
     "indented line\n",
     NULL, 0},
    {"[machine]\n  memory = 1M\n" TASK, "F:2: " INDENT, NULL, 0},
    {TASK "args = x\n  priority = 3\n", "F:3: " INDENT, NULL, 0},
    {TASK "args = x\n  [task b]\n", "F:3: " INDENT, NULL, 0},
    {"  [task a]\n" TASK, "F:1: " INDENT, NULL, 0},
    {TASK "priority = 3\n  4\n", "F:3: priority has one line only; args, after, uses and provides may continue\n", NULL,
     0},
};

/* ---- BOOT0020: sections ---- */

static const struct bad bad_sections[] = {
    {"[task a\n" TASK, "F:1: the section's ']' is missing\n", NULL, 0},
    {"[task a] x\n" TASK, "F:1: nothing may follow a section's ']'\n", NULL, 0},
    {"[]\n" TASK, "F:1: unknown section []; write [machine], [task NAME] or [group NAME]\n", NULL, 0},
    {"[machin]\n" TASK, "F:1: unknown section [machin]; did you mean [machine]?\n", NULL, 0},
    {"[tsk b]\nargs = x\n" TASK, "F:1: unknown section [tsk]; did you mean [task NAME]?\n", NULL, 0},
    {"[Qqqqqqq]\nargs = x\n  y\n" TASK,
     "F:1: unknown section [Qqqqqqq]; write [machine], [task NAME] or [group NAME]\n", NULL, 0},
    {"[machine]\n[machine]\n" TASK, "F:2: [machine] is given twice; the first is in line 1\n", NULL, 0},
    {TASK TASK "priority = 77\n", "F:2: [task a] is given twice; the first is in line 1\n", NULL, 0},
    {"[task]\n", "F:1: a task needs a name: [task NAME]\n", NULL, 0},
    {"[task  ]\n", "F:1: a task needs a name: [task NAME]\n", NULL, 0},
    {"[task a b]\n", "F:1: " NAME, NULL, 0},
    {"[task a,b]\n", "F:1: " NAME, NULL, 0},
    {"[task .a]\n", "F:1: " NAME, NULL, 0},
    {"[task " X50 "]\n", "F:1: a task's name has at most 31 bytes\n", NULL, 0},
    {"[task machine]\n", "F:1: a task cannot be called machine: --set machine.KEY means the machine's section\n", NULL,
     0},
    {"[task guardian]\n", "F:1: the guardian is started without being named\n", NULL, 0},
    {"[task supervisor]\n", "F:1: the supervisor is started without being named\n", NULL, 0},
    {"[grup x]\n" TASK, "F:1: unknown section [grup]; did you mean [group NAME]?\n", NULL, 0},
    {"[group]\n" TASK, "F:1: a group needs a name: [group NAME]\n", NULL, 0},
    {"[group -x]\n" TASK,
     "F:1: a group's name begins with a letter or digit and has letters, digits, '_', '-' and '.' only\n", NULL, 0},
    {"[group " X50 "]\n" TASK, "F:1: a group's name has at most 31 bytes\n", NULL, 0},
    {"[group x]\n[group x]\nintensity = x\n" TASK, "F:2: [group x] is given twice; the first is in line 1\n", NULL, 0},
};

/* ---- BOOT0030: keys and values ---- */

static const struct bad bad_values[] = {
    {"[machine]\nmemroy = 1M\n" TASK, "F:2: unknown key 'memroy' of the machine; did you mean 'memory'?\n", NULL, 0},
    {"[machine]\nqqqqqqqqqqqq = 1\n  more\n" TASK,
     "F:2: unknown key 'qqqqqqqqqqqq' of the machine; write memory, cpus, clock, quantum, policy, page-policy, "
     "isolation, context, seed, watchdog or max-quanta\n",
     NULL, 0},
    {TASK "modul = x\n", "F:2: unknown key 'modul' of a task; did you mean 'module'?\n", NULL, 0},
    {"[machine]\nseed = 1\nseed = 2\n" TASK, "F:3: seed is given twice; the first is in line 2\n", NULL, 0},
    {TASK "args =\nargs = 2\n", "F:3: args is given twice; the first is in line 2\n", NULL, 0},
    {"[machine]\nmemory =\n" TASK, "F:2: memory: '' " SIZE, NULL, 0},
    {"[machine]\nmemory = 0\n" TASK, "F:2: memory: '0' " SIZE, NULL, 0},
    {"[machine]\nmemory = -1\n" TASK, "F:2: memory: '-1' " SIZE, NULL, 0},
    {"[machine]\nmemory = 1T\n" TASK, "F:2: memory: '1T' " SIZE, NULL, 0},
    {"[machine]\nmemory = 0x\n" TASK, "F:2: memory: '0x' " SIZE, NULL, 0},
    {"[machine]\nmemory = 99999999999999999999\n" TASK, "F:2: memory: '99999999999999999999' " SIZE, NULL, 0},
    {"[machine]\nmemory = 8589934592G\n" TASK, "F:2: memory: '8589934592G' " SIZE, NULL, 0},
    {"[machine]\ncpus = 0\n" TASK, "F:2: cpus: '0' is no number from 1 to 1024\n", NULL, 0},
    {"[machine]\ncpus = two\n" TASK, "F:2: cpus: 'two' is no number from 1 to 1024\n", NULL, 0},
    {"[machine]\ncpus = 1.5\n" TASK, "F:2: cpus: '1.5' is no number from 1 to 1024\n", NULL, 0},
    {"[machine]\nclock = real\n" TASK, "F:2: clock: 'real' is unknown; write virtual or host\n", NULL, 0},
    {"[machine]\nwatchdog = soon\n" TASK,
     "F:2: watchdog: 'soon' is no time; write none, or a number with us, ms or s\n", NULL, 0},
    {"[machine]\nmax-quanta = 0\n" TASK, "F:2: max-quanta: '0' is no number above 0; leave the key out for no limit\n",
     NULL, 0},
    {"[machine]\nquantum = 10 min\n" TASK, "F:2: quantum: '10 min' " QUANTUM, NULL, 0},
    {"[machine]\nquantum = 0ms\n" TASK, "F:2: quantum: '0ms' " QUANTUM, NULL, 0},
    {"[machine]\nquantum = 9999999999999s\n" TASK, "F:2: quantum: '9999999999999s' " QUANTUM, NULL, 0},
    {"[machine]\npolicy = a b\n" TASK, "F:2: policy: 'a b' is no policy's name, such as priority\n", NULL, 0},
    {"[machine]\npolicy =\n" TASK, "F:2: policy: '' is no policy's name, such as priority\n", NULL, 0},
    {"[machine]\nisolation = yes\n" TASK, "F:2: isolation: 'yes' is unknown; write auto, none, mprotect or pkey\n",
     NULL, 0},
    {"[machine]\ncontext = ASM\n" TASK, "F:2: context: 'ASM' is unknown; write asm or ucontext\n", NULL, 0},
    {"[machine]\nseed = x\n" TASK, "F:2: seed: 'x' is no number from 0 to 9223372036854775807\n", NULL, 0},
    {TASK "module =\n", "F:2: module: a value is missing; write a plugin's name, or a path with a slash\n", NULL, 0},
    {TASK "priority = 64\n", "F:2: priority: '64' is no number from 1 to 63; a higher one is stronger\n", NULL, 0},
    {TASK "priority = 0\n", "F:2: priority: '0' is no number from 1 to 63; a higher one is stronger\n", NULL, 0},
    {"[machine]\npage-policy = LRU\n" TASK, "F:2: page-policy: 'LRU' is no policy's name, such as clock\n", NULL, 0},
    {TASK "memory-limit = 0\n", "F:2: memory-limit: '0' " SIZE, NULL, 0},
    {TASK "frames = 0\n", "F:2: frames: '0' is no number of pages above 0\n", NULL, 0},
    {TASK "frames = 1M\n", "F:2: frames: '1M' is no number of pages above 0\n", NULL, 0},
    {"[machine]\nmemory = 1M\n" TASK "frames = 257\n", "F:4: frames: the machine has 256 in all; give it more memory\n",
     NULL, 0},
    {TASK "restart = sometimes\n", "F:2: restart: 'sometimes' is unknown; write never, on-crash or always\n", NULL, 0},
    {TASK "heartbeat = 0\n", "F:2: heartbeat: '0' " TIME, NULL, 0},
    {TASK "heartbeat = 999us\n", "F:2: heartbeat: '999us' " TIME, NULL, 0},
    {TASK "heartbeat = 1000001s\n", "F:2: heartbeat: '1000001s' " TIME, NULL, 0},
    {TASK "heartbeat = soon\n", "F:2: heartbeat: 'soon' " TIME, NULL, 0},
    {TASK "group = b\n[group bb]\n", "F:2: group: there is no group 'b'; did you mean 'bb'?\n", NULL, 0},
    {TASK "group = zzz\n", "F:2: group: there is no group 'zzz' in this file; begin it with [group NAME]\n", NULL, 0},
    {"[group g]\nstrategy = all\n" TASK,
     "F:2: strategy: 'all' is unknown; write one-for-one, rest-for-one or one-for-all\n", NULL, 0},
    {"[group g]\nintensity = -1\n" TASK, "F:2: intensity: '-1' " INTENSITY, NULL, 0},
    {"[group g]\nintensity = 1001\n" TASK, "F:2: intensity: '1001' " INTENSITY, NULL, 0},
    {"[group g]\nperiod = 0s\n" TASK, "F:2: period: '0s' " TIME, NULL, 0},
    {"[group g]\nescalate = up\n" TASK, "F:2: escalate: 'up' is unknown; write stop or halt\n", NULL, 0},
    {"[group g]\nrestart = always\n" TASK,
     "F:2: unknown key 'restart' of a group; write strategy, intensity, period or escalate\n", NULL, 0},
    {"[group g]\nstrategie = x\n" TASK, "F:2: unknown key 'strategie' of a group; did you mean 'strategy'?\n", NULL, 0},
    {TASK "privileged = true\n", "F:2: privileged: 'true' is unknown; write no or yes\n", NULL, 0},
    {TASK "args = 'x ; y'\n", "F:2: args: the quote ' is not closed (a ';' behind a blank begins a comment)\n", NULL,
     0},
};

/* ---- BOOT0040: after ---- */

static const struct bad bad_orders[] = {
    {"[task aa]\nafter = bb\n[task bbb]\n", "F:2: after: there is no task 'bb'; did you mean 'bbb'?\n", NULL, 0},
    {"[task aa]\nafter = zz\n", "F:2: after: there is no task 'zz' in this file\n", NULL, 0},
    {TASK "after = a\n", "F:2: after: a -> a is a cycle; a task cannot wait for itself\n", NULL, 0},
    {TASK "after = b\n[task b]\nafter = a\n", "F:2: after: a -> b -> a is a cycle; a task cannot wait for itself\n",
     NULL, 0},
    {"[task x]\nafter = b\n" TASK "after = c\n[task b]\nafter = a\n[task c]\nafter = b\n",
     "F:6: after: b -> a -> c -> b is a cycle; a task cannot wait for itself\n", NULL, 0},
    {TASK "after = a\n[task b]\nafter = b\n",
     "F:2: after: a -> a is a cycle; a task cannot wait for itself\n"
     "F:4: after: b -> b is a cycle; a task cannot wait for itself\n",
     NULL, 0},
    {TASK "[task names]\nafter = a\n", "F:3: after: all tasks wait for the name service, so it cannot wait for 'a'\n",
     NULL, 0},
};

/* ---- BOOT0050: overrides ---- */

static const struct bad bad_sets[] = {
    {TASK, "x: write --set SECTION.KEY=VALUE; SECTION is machine, a task's name, or group and a group's name\n", "x",
     0},
    {TASK, "a=1.b: write --set SECTION.KEY=VALUE; SECTION is machine, a task's name, or group and a group's name\n",
     "a=1.b", 0},
    {TASK, ".args=1: write --set SECTION.KEY=VALUE; SECTION is machine, a task's name, or group and a group's name\n",
     ".args=1", 0},
    {TASK, "a.=1: write --set SECTION.KEY=VALUE; SECTION is machine, a task's name, or group and a group's name\n",
     "a.=1", 0},
    {TASK, "zzz.args=1: there is no task 'zzz' in F\n", "zzz.args=1", 0},
    {TASK, "machin.cpus=1: there is no task 'machin'; did you mean 'machine'?\n", "machin.cpus=1", 0},
    {TASK, "a.arg=1: unknown key 'arg' of a task; did you mean 'args'?\n", "a.arg=1", 0},
    {TASK, "group g.period=1s: there is no group 'g' in this file; begin it with [group NAME]\n", "group g.period=1s",
     0},
    {"[group g]\n" TASK, "group g.period=x: period: 'x' " TIME, "group g.period=x", 0},
    {TASK, "machine.memory=x: memory: 'x' " SIZE, "machine.memory=x", 0},
    {TASK, "a.after=a: after: a -> a is a cycle; a task cannot wait for itself\n", "a.after=a", 0},
    {TASK, "a.args=\\x1b\": args: the quote \" is not closed (a ';' behind a blank begins a comment)\n",
     "a.args=\x1b\"", 0},
    {TASK "priority = 99\n",
     "F:2: priority: '99' is no number from 1 to 63; a higher one is stronger\n"
     "a.priority=0: priority: '0' is no number from 1 to 63; a higher one is stronger\n",
     "a.priority=0", 0},
};

static void check_bad(const struct bad *cases, size_t nr)
{
    for (size_t i = 0; i < nr; i++) {
        const char *sets[] = {cases[i].set, NULL};
        struct bootfile boot;
        parse(&boot, cases[i].text, cases[i].size ? cases[i].size : strlen(cases[i].text), sets);
        char *text = report(&boot);
        assert_string_equal(text, cases[i].report);
        free(text);
        bootfile_finish(&boot);
    }
}

#define CHECK_BAD(cases) check_bad(cases, sizeof(cases) / sizeof((cases)[0]))

static void test_BOOT0010_lines_are_refused(void **state)
{
    CHECK_BAD(bad_lines);
}

static void test_BOOT0020_sections_are_refused(void **state)
{
    CHECK_BAD(bad_sections);
}

static void test_BOOT0030_values_are_refused(void **state)
{
    CHECK_BAD(bad_values);
}

static void test_BOOT0040_orders_are_refused(void **state)
{
    CHECK_BAD(bad_orders);
}

static void test_BOOT0050_overrides_are_refused(void **state)
{
    CHECK_BAD(bad_sets);
}

static void test_BOOT0060_all_errors_are_reported_by_line(void **state)
{
    static const char text[] = "[machine]\nclock = x\n[task a]\nafter = b\npriority = x\n[task c]\nfoo = 1\n";
    struct bootfile boot;
    parse(&boot, text, strlen(text), NULL);
    char *printed = report(&boot);
    assert_string_equal(printed, "F:2: clock: 'x' is unknown; write virtual or host\n"
                                 "F:4: after: there is no task 'b' in this file\n"
                                 "F:5: priority: 'x' is no number from 1 to 63; a higher one is stronger\n"
                                 "F:7: unknown key 'foo' of a task; write module, args, priority, privileged, "
                                 "after, memory-limit, frames, restart, heartbeat, group, uses or provides\n");
    free(printed);
    bootfile_finish(&boot);
}

static void test_BOOT0070_a_flood_of_errors_is_summed_up(void **state)
{
    char text[9 + 500 * 6] = TASK;
    for (size_t i = 0; i < 500; i++)
        memcpy(text + 9 + i * 6, "wrong\n", 6);
    struct bootfile boot;
    parse(&boot, text, sizeof(text), NULL);
    char *printed = report(&boot);
    assert_non_null(strstr(printed, "\nF:101: "));
    assert_non_null(strstr(printed, "\nF: 400 more errors\n"));
    free(printed);
    bootfile_finish(&boot);
}

static void test_BOOT0080_unreadable_files_are_refused(void **state)
{
    static const struct bad files[] = {
        {"/nonexistent/x", "/nonexistent/x: cannot be opened: No such file or directory\n", NULL, 0},
        {"/", "/: is a folder; name a boot file in it\n", NULL, 0},
        {"/dev/zero", "/dev/zero: is larger than 1048576 bytes; that is no boot file\n", NULL, 0},
    };
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        struct bootfile boot;
        bootfile_init(&boot, files[i].text);
        bootfile_read(&boot);
        bootfile_resolve(&boot);
        char *printed = report(&boot);
        assert_string_equal(printed, files[i].report);
        free(printed);
        bootfile_finish(&boot);
    }
}

/* ---- good files ---- */

static void parse_good(struct bootfile *boot, const char *text, const char *const *sets)
{
    parse(boot, text, strlen(text), sets);
    char *printed = report(boot);
    assert_string_equal(printed, "");
    free(printed);
}

static void test_BOOT0110_defaults(void **state)
{
    struct bootfile boot;
    parse_good(&boot, "[task names]", NULL);
    assert_int_equal(boot.machine.memory, 64 << 20);
    assert_int_equal(boot.machine.nr_cpus, 1);
    assert_int_equal(boot.machine.clock, MK_CLOCK_VIRTUAL);
    assert_int_equal(boot.machine.quantum, 10 * MK_MSEC);
    assert_string_equal(boot.machine.policy, "priority");
    assert_string_equal(boot.machine.page_policy, "clock");
    assert_int_equal(boot.tasks[0].memory_limit, 0);
    assert_int_equal(boot.tasks[0].nr_frames, 0);
    assert_int_equal(boot.tasks[0].restart, BOOT_RESTART_DEFAULT);
    assert_int_equal(boot.tasks[0].heartbeat, 0);
    assert_int_equal(boot.tasks[0].group, 0);
    assert_null(boot.tasks[0].uses);
    assert_null(boot.tasks[0].provides);
    assert_int_equal(boot.nr_groups, 1);
    assert_string_equal(boot.groups[0].name, "default");
    assert_int_equal(boot.groups[0].strategy, BOOT_ONE_FOR_ONE);
    assert_int_equal(boot.groups[0].intensity, 0);
    assert_int_equal(boot.groups[0].period, 5 * MK_SEC);
    assert_false(boot.groups[0].halts);
    assert_int_equal(boot.machine.isolation, MK_ISOLATION_AUTO);
    assert_int_equal(boot.machine.context, MK_CONTEXT_ASM);
    assert_int_equal(boot.machine.seed, 0);
    assert_int_equal(boot.nr_tasks, 1);
    assert_string_equal(boot.tasks[0].module, "names");
    assert_string_equal(boot.tasks[0].args, "");
    assert_int_equal(boot.tasks[0].priority, MK_PRIO_DEFAULT);
    assert_false(boot.tasks[0].is_privileged);
    assert_int_equal(bootfile_module_where(&boot.tasks[0]).line, 1);
    bootfile_finish(&boot);
}

static void test_BOOT0120_every_key_is_read(void **state)
{
    struct bootfile boot;
    parse_good(&boot,
               "\xef\xbb\xbf# a comment\r\n"
               "[machine] ; one more\r\n"
               "memory = 3M ; and one\r\ncpus=2\r\nclock : host\r\nquantum = 5 us\r\npolicy = rr\r\n"
               "isolation = none\r\ncontext = ucontext\r\nseed = 0xff\r\npage-policy=fifo\r\n"
               "[ task  a.b-c_1 ]\r\n"
               "module = ./x.so\r\nargs = one ';' \"two\"\r\n\r\n# between\r\n\tthree ; not this\r\n  four\r\n"
               "priority = 63\r\nprivileged = yes\r\nmemory-limit = 2M\r\nframes = 20\r\n"
               "restart = always\r\nheartbeat = 5ms\r\ngroup = g\r\n"
               "uses = one,\t two ; not this\r\n three\r\nprovides=-\r\n"
               "[group g]\r\nstrategy = rest-for-one\r\nintensity = 3\r\nperiod = 20s\r\nescalate = halt\r\n",
               NULL);
    const struct boot_task *task = bootfile_task(&boot, "a.b-c_1");
    const struct boot_group *group = bootfile_group(&boot, "g");
    assert_non_null(task);
    assert_int_equal(task->restart, BOOT_RESTART_ALWAYS);
    assert_int_equal(task->heartbeat, 5 * MK_MSEC);
    assert_string_equal(task->uses, "one two three");
    assert_string_equal(task->provides, "");
    assert_ptr_equal(group, &boot.groups[task->group]);
    assert_int_equal(group->strategy, BOOT_REST_FOR_ONE);
    assert_int_equal(group->intensity, 3);
    assert_int_equal(group->period, 20 * MK_SEC);
    assert_true(group->halts);
    assert_int_equal(boot.machine.memory, 3 << 20);
    assert_int_equal(boot.machine.nr_cpus, 2);
    assert_int_equal(boot.machine.clock, MK_CLOCK_HOST);
    assert_int_equal(boot.machine.quantum, 5000);
    assert_string_equal(boot.machine.policy, "rr");
    assert_int_equal(boot.machine.isolation, MK_ISOLATION_NONE);
    assert_int_equal(boot.machine.context, MK_CONTEXT_UCONTEXT);
    assert_int_equal(boot.machine.seed, 255);
    assert_int_equal(boot.machine.where[BOOT_KEY_SEED].line, 10);
    assert_string_equal(task->module, "./x.so");
    assert_string_equal(task->args, "one ';' \"two\" three four");
    assert_int_equal(task->priority, 63);
    assert_string_equal(boot.machine.page_policy, "fifo");
    assert_int_equal(task->memory_limit, 2 << 20);
    assert_int_equal(task->nr_frames, 20);
    assert_true(task->is_privileged);
    bootfile_finish(&boot);
}

static void test_BOOT0130_start_order(void **state)
{
    struct bootfile boot;
    parse_good(&boot,
               "[task shell]\nafter = fs, console\n[task fs]\nafter = names,,names\n[task x]\n"
               "[task console]\nafter = names\n[task names]\n",
               NULL);
    static const char *const expected[] = {"x", "names", "fs", "console", "shell"};
    for (size_t i = 0; i < boot.nr_tasks; i++)
        assert_string_equal(boot.tasks[boot.order[i]].name, expected[i]);
    assert_int_equal(bootfile_task(&boot, "fs")->nr_deps, 1);
    bootfile_finish(&boot);
}

static void test_BOOT0140_overrides_win_and_the_last_wins(void **state)
{
    static const char *const sets[] = {"machine.memory=1G", "a.args=x=y.z", "a.b.priority=7",
                                       "machine.memory=2k", "a.args=new",   NULL};
    struct bootfile boot;
    parse_good(&boot, "[machine]\nmemory = 1M\n[task a]\nargs = old\n  more\n[task a.b]\n", sets);
    assert_int_equal(boot.machine.memory, 2048);
    assert_string_equal(boot.tasks[0].args, "new");
    assert_int_equal(boot.tasks[1].priority, 7);
    bootfile_finish(&boot);
}

static void test_BOOT0150_lines_of_the_greatest_length(void **state)
{
    char text[800], value[200];
    memset(value, 'v', sizeof(value));
    int n = sprintf(text, "[task a]\nargs=%.192s\n %.196s\n;%.199s\n", value, value, value);
    assert_true(n > 0);
    struct bootfile boot;
    parse_good(&boot, text, NULL);
    assert_int_equal(strlen(boot.tasks[0].args), 192 + 1 + 196);
    bootfile_finish(&boot);
}

static void test_BOOT0160_tasks_are_limited(void **state)
{
    char *text = malloc(1100 * 20);
    size_t n = 0;
    assert_non_null(text);
    for (int i = 0; i < BOOT_TASKS_MAX + 1; i++)
        n += (size_t)sprintf(text + n, "[task t%d]\n%s", i, "");
    struct bootfile boot;
    parse(&boot, text, n, NULL);
    char *printed = report(&boot);
    assert_string_equal(printed, "F:1025: a boot file has at most 1024 tasks\n");
    free(printed);
    free(text);
    bootfile_finish(&boot);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_BOOT0010_lines_are_refused),
        cmocka_unit_test(test_BOOT0020_sections_are_refused),
        cmocka_unit_test(test_BOOT0030_values_are_refused),
        cmocka_unit_test(test_BOOT0040_orders_are_refused),
        cmocka_unit_test(test_BOOT0050_overrides_are_refused),
        cmocka_unit_test(test_BOOT0060_all_errors_are_reported_by_line),
        cmocka_unit_test(test_BOOT0070_a_flood_of_errors_is_summed_up),
        cmocka_unit_test(test_BOOT0080_unreadable_files_are_refused),
        cmocka_unit_test(test_BOOT0110_defaults),
        cmocka_unit_test(test_BOOT0120_every_key_is_read),
        cmocka_unit_test(test_BOOT0130_start_order),
        cmocka_unit_test(test_BOOT0140_overrides_win_and_the_last_wins),
        cmocka_unit_test(test_BOOT0150_lines_of_the_greatest_length),
        cmocka_unit_test(test_BOOT0160_tasks_are_limited),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
