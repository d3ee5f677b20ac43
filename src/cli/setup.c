/* SPDX-License-Identifier: BSD-2-Clause */
/* From a boot file to a machine; see setup.h. */
#include "setup.h"

#include "plugin.h"
#include "text.h"

#include <mk/error.h>
#include <mk/task.h>

#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define WHY_SIZE 512

static void add_override(struct setup_overrides *overrides, char *option, const char *text, bool is_seed)
{
    overrides->list = text_realloc(overrides->list, overrides->nr + 1, sizeof(*overrides->list));
    overrides->list[overrides->nr++] = (struct setup_override){option, text, is_seed};
}

void setup_add_set(struct setup_overrides *overrides, const char *text)
{
    add_override(overrides, text_format("--set %s", text), text, false);
}

void setup_add_seed(struct setup_overrides *overrides, const char *text)
{
    add_override(overrides, text_format("--seed %s", text), text, true);
}

void setup_free_overrides(struct setup_overrides *overrides)
{
    for (size_t i = 0; i < overrides->nr; i++)
        free(overrides->list[i].option);
    free(overrides->list);
}

static char *folder_of(const char *path)
{
    char *copy = text_dup(path);
    char *folder = realpath(dirname(copy), NULL);
    free(copy);
    return folder ? folder : text_dup(".");
}

static void check_plugins(struct setup *setup)
{
    struct bootfile *boot = &setup->boot;
    for (size_t i = 0; i < boot->nr_tasks; i++) {
        char why[WHY_SIZE] = "";
        const struct boot_task *task = &boot->tasks[i];
        mk_err_t err = task->plugin ? mk_plugin_check(task->plugin, why, sizeof(why)) : MK_OK;
        if (err != MK_OK)
            bootfile_error(boot, bootfile_module_where(task), "module: %s: %s", task->plugin,
                           *why ? why : mk_err_text(err));
    }
}

/* The plugins that no boot file names. */
static char *find_own(struct setup *setup, const char *name)
{
    char *why, *path = plugin_find(name, setup->folder, &why);
    if (why)
        bootfile_error(&setup->boot, (struct boot_where){0, NULL}, "the %s is missing: %s", name, why);
    free(why);
    return path;
}

bool setup_check_description(struct setup *setup)
{
    char *args = setup_describe(setup);
    bool is_good = strlen(args) < MK_ARGS_MAX;
    if (!is_good)
        bootfile_error(&setup->boot, (struct boot_where){1, NULL},
                       "its tasks take %zu bytes to describe, at most %d are possible; shorten args", strlen(args),
                       MK_ARGS_MAX - 1);
    free(args);
    return is_good;
}

bool setup_load(struct setup *setup, const char *path, const struct setup_overrides *overrides)
{
    struct bootfile *boot = &setup->boot;
    *setup = (struct setup){.folder = folder_of(path)};
    bootfile_init(boot, path);
    bootfile_read(boot);
    if (!boot->is_readable)
        return false;
    for (size_t i = 0; i < overrides->nr; i++) {
        const struct setup_override *override = &overrides->list[i];
        if (override->is_seed)
            bootfile_override(boot, override->option, "machine", "seed", override->text);
        else
            bootfile_set(boot, override->option, override->text);
    }
    bootfile_resolve(boot);
    plugin_find_all(boot, setup->folder);
    check_plugins(setup);
    setup->guardian = find_own(setup, "guardian");
    setup->supervisor = find_own(setup, "supervisor");
    return boot->nr_errors == 0 && setup_check_description(setup);
}

/* ---- the shell's commands ---- */

/*
 * One word for the shell and for the splitting of arguments, which knows
 * quotes only: so a ' is written by leaving the quotes for '"'"'.
 */
static char *quote_word(const char *word)
{
    char *quoted = NULL;
    size_t size;
    FILE *out = open_memstream(&quoted, &size);
    if (!out)
        return text_dup("''");
    putc('\'', out);
    for (; *word; word++)
        if (*word == '\'')
            fputs("'\"'\"'", out);
        else
            putc(*word, out);
    putc('\'', out);
    fclose(out);
    return quoted;
}

const struct boot_task *setup_find_shell(const struct setup *setup)
{
    for (size_t i = 0; i < setup->boot.nr_tasks; i++)
        if (bootfile_is_module(&setup->boot.tasks[i], "shell"))
            return &setup->boot.tasks[i];
    return NULL;
}

bool setup_give_commands(struct setup *setup, const char *commands)
{
    struct bootfile *boot = &setup->boot;
    for (size_t i = 0; i < boot->nr_tasks; i++) {
        struct boot_task *task = &boot->tasks[i];
        if (!bootfile_is_module(task, "shell"))
            continue;
        char *word = quote_word(commands);
        char *args = text_format("%s%s-c %s", task->args, *task->args ? " " : "", word);
        free(task->args);
        free(word);
        task->args = args;
        return setup_check_description(setup);
    }
    bootfile_error(boot, (struct boot_where){0, "-c"}, "it needs a task whose module is shell; %s has none",
                   boot->path);
    return false;
}

/* ---- the machine ---- */

static void take_log(void *arg, const char *line)
{
    struct setup *setup = arg;
    if (setup->is_creating) {
        setup->reasons = text_realloc(setup->reasons, setup->nr_reasons + 1, sizeof(*setup->reasons));
        setup->reasons[setup->nr_reasons++] = text_dup(line);
    } else if (setup->hooks.log) {
        setup->hooks.log(setup->hooks.log_arg, line);
    } else if (!setup->is_quiet) {
        char *safe = text_printable(line);
        fprintf(stderr, "mk: %s\n", safe);
        free(safe);
    }
}

/*
 * The key that a reason is about: the machine speaks of its keys, or of their
 * values, by name. A key that was given is a better guess than a default.
 */
static struct boot_where blame(const struct bootfile *boot, const char *reason)
{
    const struct boot_machine *machine = &boot->machine;
    const char *words[BOOT_NR_MACHINE_KEYS][2] = {
        [BOOT_KEY_MEMORY] = {"memory", NULL},
        [BOOT_KEY_CPUS] = {"cpus", "CPU"},
        [BOOT_KEY_CLOCK] = {"clock", NULL},
        [BOOT_KEY_QUANTUM] = {"quantum", NULL},
        [BOOT_KEY_POLICY] = {"policy", machine->policy},
        [BOOT_KEY_PAGE_POLICY] = {"page policy", NULL},
        [BOOT_KEY_ISOLATION] = {"isolation", bootfile_isolations[machine->isolation]},
        [BOOT_KEY_CONTEXT] = {"context", bootfile_contexts[machine->context]},
        [BOOT_KEY_SEED] = {"seed", NULL},
        [BOOT_KEY_WATCHDOG] = {"watchdog", NULL},
        [BOOT_KEY_MAX_QUANTA] = {"quanta", NULL},
    };
    const struct boot_where *best = NULL;
    const char *first = NULL;
    for (int i = 0; i < BOOT_NR_MACHINE_KEYS; i++)
        for (int j = 0; j < 2; j++) {
            const struct boot_where *where = &machine->where[i];
            const char *at = words[i][j] ? strcasestr(reason, words[i][j]) : NULL;
            if (at && (where->line || where->option) && (!first || at < first)) {
                first = at;
                best = where;
            }
        }
    return best ? *best : (struct boot_where){boot->machine_line, NULL};
}

mk_err_t setup_create(struct setup *setup, struct mk_machine **machinep)
{
    const struct boot_machine *machine = &setup->boot.machine;
    const struct mk_machine_config config = {
        .nr_cpus = machine->nr_cpus,
        .memory_size = machine->memory,
        .quantum = machine->quantum,
        .clock = machine->clock,
        .isolation = machine->isolation,
        .context = machine->context,
        .policy = machine->policy,
        .page_policy = machine->page_policy,
        .seed = machine->seed,
        .log = take_log,
        .log_arg = setup,
        .watchdog = machine->watchdog,
        .max_quanta = machine->max_quanta ? machine->max_quanta : setup->hooks.max_quanta,
        .alloc_hook = setup->hooks.alloc_hook,
        .alloc_arg = setup->hooks.alloc_arg,
        .probe = setup->hooks.probe,
        .probe_arg = setup->hooks.probe_arg,
    };
    setup->is_creating = true;
    mk_err_t err = mk_machine_create(&config, machinep);
    setup->is_creating = false;
    for (size_t i = 0; err && i < setup->nr_reasons; i++)
        bootfile_error(&setup->boot, blame(&setup->boot, setup->reasons[i]), "%s", setup->reasons[i]);
    if (err && setup->nr_reasons == 0)
        bootfile_error(&setup->boot, (struct boot_where){setup->boot.machine_line, NULL}, "the machine: %s",
                       mk_err_text(err));
    return err;
}

/* ---- what the guardian and the supervisor are told ---- */

static void put_escaped(FILE *out, const char *s)
{
    for (; *s; s++)
        switch (*s) {
        case '\t':
            fputs("\\t", out);
            break;
        case '\n':
            fputs("\\n", out);
            break;
        case '\\':
            fputs("\\\\", out);
            break;
        default:
            putc(*s, out);
        }
}

/* The fields are those that servers/supervisor/jobs.c reads. */
static void describe_group(FILE *out, const struct boot_group *group)
{
    fprintf(out, "group\t%s\t%d\t%u\t%lld\t%d\n", group->name, group->strategy, group->intensity,
            (long long)group->period, group->halts);
}

static bool is_names(const struct boot_task *task)
{
    const char *slash = strrchr(task->plugin, '/');
    return strcmp(slash ? slash + 1 : task->plugin, "names.so") == 0;
}

/*
 * What the name service is told, as its arguments: for each task that may not look up and register all services the
 * badge that the supervisor gives it, which is its place in the start order, and what it may. Read by
 * servers/names/grants.c.
 */
static char *describe_services(const struct bootfile *boot)
{
    char *text = text_dup("");
    for (size_t i = 0; i < boot->nr_tasks; i++) {
        const struct boot_task *task = &boot->tasks[boot->order[i]];
        if (!task->uses && !task->provides)
            continue;
        char *longer =
            text_format("%s%zu\t%s%s\t%s%s\n", text, i + 1, task->uses ? "=" : "*", task->uses ? task->uses : "",
                        task->provides ? "=" : "*", task->provides ? task->provides : "");
        free(text);
        text = longer;
    }
    return text;
}

static void describe_task(FILE *out, const struct bootfile *boot, const struct boot_task *task, const char *args)
{
    fputs("task\t", out);
    put_escaped(out, task->name);
    putc('\t', out);
    put_escaped(out, task->plugin);
    fprintf(out, "\t%d\t%d\t", task->priority, task->is_privileged);
    for (size_t i = 0; i < task->nr_deps; i++)
        fprintf(out, "%s%s", i ? "," : "", boot->tasks[task->deps[i]].name);
    fprintf(out, "%s\t%llu\t%u\t%zu\t%d\t%lld\t%d\t", task->nr_deps ? "" : "-", (unsigned long long)task->memory_limit,
            task->nr_frames, task->group, task->restart, (long long)task->heartbeat, task->uses || task->provides);
    put_escaped(out, args);
    putc('\n', out);
}

char *setup_describe(const struct setup *setup)
{
    char *text = NULL;
    size_t size;
    const struct bootfile *boot = &setup->boot;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return text_dup("");
    char *services = describe_services(boot);
    fprintf(out, "%s\n", setup->supervisor);
    for (size_t i = 0; i < boot->nr_groups; i++)
        describe_group(out, &boot->groups[i]);
    for (size_t i = 0; i < boot->nr_tasks; i++) {
        const struct boot_task *task = &boot->tasks[boot->order[i]];
        describe_task(out, boot, task, is_names(task) ? services : task->args);
    }
    fclose(out);
    free(services);
    return text;
}

mk_err_t setup_load_guardian(struct setup *setup, struct mk_machine *machine, char *why, size_t why_size)
{
    char *args = setup_describe(setup);
    const struct mk_load load = {
        .label = "guardian",
        .path = setup->guardian,
        .args = args,
        .folder = setup->folder,
        .privileged = true,
    };
    mk_err_t err = mk_machine_load(machine, &load, NULL, why, why_size);
    free(args);
    return err;
}

void setup_finish(struct setup *setup)
{
    for (size_t i = 0; i < setup->nr_reasons; i++)
        free(setup->reasons[i]);
    free(setup->reasons);
    free(setup->folder);
    free(setup->guardian);
    free(setup->supervisor);
    bootfile_finish(&setup->boot);
}
