/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The boot file parser: inih behind a gate.
 *
 * inih reads a line at a time through gate_read. It cuts a line at 199 bytes
 * and takes the rest for another line, cuts section names at 49, says nothing
 * about empty sections or text behind a bracket, and reports only the first
 * bad line. So the gate looks at each line first, and refuses with a message,
 * and hides from inih, whatever inih would cut or misread. The gate also keeps
 * the line number and the section; inih splits keys from values and comments.
 */
#include "bootfile.h"

#include "bootfile_i.h"
#include "text.h"

#include <mk/vm.h>

#include <errno.h>
#include <ini.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define BLANKS     " \t"
#define REPORT_MAX 100

_Static_assert(BOOT_LINE_MAX <= INI_MAX_LINE - 3, "a line that the gate lets pass must fit inih's buffer");

enum section { SECTION_NONE, SECTION_MACHINE, SECTION_TASK, SECTION_GROUP, SECTION_REFUSED };

/* What an indented line would continue. */
enum above { ABOVE_NOTHING, ABOVE_KEY, ABOVE_REFUSED };

struct gate {
    struct bootfile *boot;
    const char *text; /* what is left */
    size_t size;
    int line; /* the one given to inih last */
    enum section section;
    size_t index; /* of the task or group, in SECTION_TASK and SECTION_GROUP */
    enum above above;
    int key;              /* in ABOVE_KEY */
    bool is_continuation; /* of the line given to inih last */
};

/* ---- errors ---- */

void bootfile_error(struct bootfile *boot, struct boot_where where, const char *format, ...)
{
    char *text = NULL;
    va_list ap;
    va_start(ap, format);
    int n = vasprintf(&text, format, ap);
    va_end(ap);
    boot->errors = text_realloc(boot->errors, boot->nr_errors + 1, sizeof(*boot->errors));
    boot->errors[boot->nr_errors++] = (struct boot_error){where, text_printable(n < 0 ? "out of memory" : text)};
    if (n >= 0)
        free(text);
}

char *bootfile_error_text(const struct bootfile *boot, const struct boot_error *error)
{
    char *path = text_printable(error->where.option ? error->where.option : boot->path);
    char *text = error->where.line && !error->where.option
                     ? text_format("%s:%d: %s", path, error->where.line, error->text)
                     : text_format("%s: %s", path, error->text);
    free(path);
    return text;
}

/* The file's errors by line, then those of options in their order. */
static bool is_before(const struct boot_error *a, const struct boot_error *b)
{
    if (!a->where.option != !b->where.option)
        return !a->where.option;
    return !a->where.option && a->where.line < b->where.line;
}

size_t bootfile_report(struct bootfile *boot, FILE *out)
{
    /* Insertion: nearly in order already, and stable. */
    for (size_t i = 1; i < boot->nr_errors; i++) {
        struct boot_error error = boot->errors[i];
        size_t j = i;
        for (; j > 0 && is_before(&error, &boot->errors[j - 1]); j--)
            boot->errors[j] = boot->errors[j - 1];
        boot->errors[j] = error;
    }
    for (size_t i = 0; i < boot->nr_errors && i < REPORT_MAX; i++) {
        char *text = bootfile_error_text(boot, &boot->errors[i]);
        fprintf(out, "%s\n", text);
        free(text);
    }
    if (boot->nr_errors > REPORT_MAX) {
        char *path = text_printable(boot->path);
        fprintf(out, "%s: %zu more errors\n", path, boot->nr_errors - REPORT_MAX);
        free(path);
    }
    return boot->nr_errors;
}

static struct boot_where here(const struct gate *gate)
{
    return (struct boot_where){gate->line, NULL};
}

/* ---- values ---- */

static struct boot_target gate_target(const struct gate *gate)
{
    struct boot_target target = {NULL, NULL};
    if (gate->section == SECTION_TASK)
        target.task = &gate->boot->tasks[gate->index];
    else if (gate->section == SECTION_GROUP)
        target.group = &gate->boot->groups[gate->index];
    return target;
}

static void set_value(struct bootfile *boot, struct boot_target to, int key, struct boot_where where, const char *value)
{
    const struct boot_key *known = bootkeys_get(to, key);
    *bootkeys_where(boot, to, key) = where;
    known->parse(boot, to, where, value);
}

/* inih's handler: a key with its value, or one more line of the value before. */
static int take_value(void *arg, const char *section, const char *name, const char *value)
{
    struct gate *gate = arg;
    struct boot_target to = gate_target(gate);
    if (gate->is_continuation) {
        bootkeys_append(to.task, gate->key, value);
        return 1;
    }
    gate->above = ABOVE_REFUSED;
    int key = bootkeys_lookup(gate->boot, to, here(gate), name);
    if (key < 0)
        return 1;
    int first = bootkeys_where(gate->boot, to, key)->line;
    if (first) {
        bootfile_error(gate->boot, here(gate), "%s is given twice; the first is in line %d", name, first);
        return 1;
    }
    gate->above = ABOVE_KEY;
    gate->key = key;
    set_value(gate->boot, to, key, here(gate), value);
    return 1;
}

/* ---- sections ---- */

bool bootfile_is_module(const struct boot_task *task, const char *module)
{
    const char *slash = strrchr(task->module, '/'), *name = slash ? slash + 1 : task->module;
    size_t n = strlen(module);
    return strncmp(name, module, n) == 0 && (!name[n] || (slash && strcmp(name + n, ".so") == 0));
}

struct boot_task *bootfile_task(const struct bootfile *boot, const char *name)
{
    for (size_t i = 0; i < boot->nr_tasks; i++)
        if (strcmp(boot->tasks[i].name, name) == 0)
            return &boot->tasks[i];
    return NULL;
}

struct boot_group *bootfile_group(const struct bootfile *boot, const char *name)
{
    for (size_t i = 0; i < boot->nr_groups; i++)
        if (strcmp(boot->groups[i].name, name) == 0)
            return &boot->groups[i];
    return NULL;
}

/* May a task or group (`kind`) be called so? */
static bool is_good_name(struct gate *gate, const char *kind, const char *name)
{
    static const char good[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.";
    if (!*name)
        bootfile_error(gate->boot, here(gate), "a %s needs a name: [%s NAME]", kind, kind);
    else if (strlen(name) >= MK_LABEL_MAX)
        bootfile_error(gate->boot, here(gate), "a %s's name has at most 31 bytes", kind);
    else if (name[strspn(name, good)] || !strchr(good, *name) || strchr("_-.", *name))
        bootfile_error(gate->boot, here(gate),
                       "a %s's name begins with a letter or digit and has letters, digits, '_', '-' and '.' only",
                       kind);
    else
        return true;
    return false;
}

/* What is wrong with this name for a task; NULL: nothing. */
static const char *judge_task_name(const char *name)
{
    if (strcmp(name, "machine") == 0)
        return "a task cannot be called machine: --set machine.KEY means the machine's section";
    if (strcmp(name, "supervisor") == 0)
        return "the supervisor is started without being named";
    if (strcmp(name, "guardian") == 0)
        return "the guardian is started without being named";
    return NULL;
}

static enum section begin_machine(struct gate *gate)
{
    if (gate->boot->machine_line) {
        bootfile_error(gate->boot, here(gate), "[machine] is given twice; the first is in line %d",
                       gate->boot->machine_line);
        return SECTION_REFUSED;
    }
    gate->boot->machine_line = gate->line;
    return SECTION_MACHINE;
}

static enum section begin_task(struct gate *gate, const char *name)
{
    struct bootfile *boot = gate->boot;
    boot->has_task = true;
    if (!is_good_name(gate, "task", name))
        return SECTION_REFUSED;
    const char *why = judge_task_name(name);
    if (why) {
        bootfile_error(boot, here(gate), "%s", why);
        return SECTION_REFUSED;
    }
    const struct boot_task *first = bootfile_task(boot, name);
    if (first) {
        bootfile_error(boot, here(gate), "[task %s] is given twice; the first is in line %d", name, first->line);
        return SECTION_REFUSED;
    }
    if (boot->nr_tasks == BOOT_TASKS_MAX) {
        bootfile_error(boot, here(gate), "a boot file has at most %d tasks", BOOT_TASKS_MAX);
        return SECTION_REFUSED;
    }
    boot->tasks = text_realloc(boot->tasks, boot->nr_tasks + 1, sizeof(*boot->tasks));
    struct boot_task *task = &boot->tasks[boot->nr_tasks];
    *task = (struct boot_task){.line = gate->line, .priority = MK_PRIO_DEFAULT};
    strcpy(task->name, name);
    task->module = text_dup(name);
    task->args = text_dup("");
    task->after = text_dup("");
    task->group_name = text_dup(BOOT_GROUP_DEFAULT);
    gate->index = boot->nr_tasks++;
    return SECTION_TASK;
}

static enum section begin_group(struct gate *gate, const char *name)
{
    struct bootfile *boot = gate->boot;
    if (!is_good_name(gate, "group", name))
        return SECTION_REFUSED;
    const struct boot_group *first = bootfile_group(boot, name);
    if (first) {
        bootfile_error(boot, here(gate), "[group %s] is given twice; the first is in line %d", name, first->line);
        return SECTION_REFUSED;
    }
    gate->index = bootgroup_add(boot, name, gate->line);
    return SECTION_GROUP;
}

/* `name` is what stands between the brackets. */
static enum section begin_section(struct gate *gate, char *name)
{
    static const char *const kinds[] = {"machine", "task", "group", NULL};
    name += strspn(name, BLANKS);
    size_t n = strlen(name);
    while (n && strchr(BLANKS, name[n - 1]))
        name[--n] = '\0';
    if (strcmp(name, "machine") == 0)
        return begin_machine(gate);
    char *rest = name + strcspn(name, BLANKS);
    if (*rest)
        *rest++ = '\0';
    if (strcmp(name, "task") == 0)
        return begin_task(gate, rest + strspn(rest, BLANKS));
    if (strcmp(name, "group") == 0)
        return begin_group(gate, rest + strspn(rest, BLANKS));
    const char *nearest = text_nearest(name, kinds);
    if (nearest && strcmp(nearest, name) != 0)
        bootfile_error(gate->boot, here(gate), "unknown section [%s]; did you mean [%s]?", name,
                       strcmp(nearest, "task") == 0    ? "task NAME"
                       : strcmp(nearest, "group") == 0 ? "group NAME"
                                                       : nearest);
    else
        bootfile_error(gate->boot, here(gate), "unknown section [%s]; write [machine], [task NAME] or [group NAME]",
                       name);
    return SECTION_REFUSED;
}

/* ---- the gate: true lets the line pass to inih ---- */

/* Where the comment begins, at a ';' behind a blank as inih has it; the line's length when there is none. */
static size_t find_comment(const char *line)
{
    size_t n = 1;
    while (*line && line[n] && !(line[n] == ';' && strchr(BLANKS, line[n - 1])))
        n++;
    return *line ? n : 0;
}

/* Cut the comment off, and the blanks before it. */
static void cut_comment(char *line)
{
    size_t n = find_comment(line);
    line[n] = '\0';
    while (n && strchr(BLANKS, line[n - 1]))
        line[--n] = '\0';
}

/* A NUL is in no text: one word about it is enough, and the rest is not read. */
static bool refuse_binary(struct gate *gate, const char *line, size_t length)
{
    const char *nul = memchr(line, '\0', length);
    if (!nul)
        return false;
    bootfile_error(gate->boot, here(gate), "byte %zu is NUL; a boot file is text", (size_t)(nul - line) + 1);
    gate->boot->has_task = true; /* who knows */
    gate->size = 0;
    return true;
}

static bool is_text(struct gate *gate, const char *line, size_t length)
{
    if (refuse_binary(gate, line, length))
        return false;
    for (size_t i = 0; i < length;) {
        size_t n = text_utf8(line + i, length - i);
        unsigned byte = (unsigned char)line[i];
        if (n == 0) {
            bootfile_error(gate->boot, here(gate), "byte %zu (0x%02x) is not UTF-8; a boot file is text", i + 1, byte);
            return false;
        }
        if (text_is_control(line + i, n) && byte != '\t') {
            bootfile_error(gate->boot, here(gate), "byte %zu (0x%02x) is a control character; a boot file is text",
                           i + 1, byte);
            return false;
        }
        i += n;
    }
    return true;
}

static bool pass_section(struct gate *gate, char *line)
{
    gate->above = ABOVE_NOTHING;
    gate->section = SECTION_REFUSED;
    char *end = strchr(line, ']');
    if (!end) {
        bootfile_error(gate->boot, here(gate), "the section's ']' is missing");
        return false;
    }
    const char *rest = end + 1 + strspn(end + 1, BLANKS);
    *end = '\0';
    if (*rest && *rest != ';' && *rest != '#') {
        bootfile_error(gate->boot, here(gate), "nothing may follow a section's ']'");
        return false;
    }
    gate->section = begin_section(gate, line + 1);
    strcpy(line, "[]"); /* inih need only see that one begins */
    return gate->section != SECTION_REFUSED;
}

static bool pass_continuation(struct gate *gate, char *line)
{
    const char *text = line + strspn(line, BLANKS);
    if (gate->above == ABOVE_REFUSED || gate->section == SECTION_REFUSED)
        return false;
    size_t word = strcspn(text, BLANKS "=:");
    const char *sign = text + word + strspn(text + word, BLANKS);
    if (*text == '[' || gate->above == ABOVE_NOTHING ||
        ((*sign == '=' || *sign == ':') && bootkeys_is_key(text, word))) {
        bootfile_error(gate->boot, here(gate),
                       "an indented line continues the value above; begin sections and keys in the first column");
        return false;
    }
    const struct boot_key *key = bootkeys_get(gate_target(gate), gate->key);
    if (!key->continues) {
        bootfile_error(gate->boot, here(gate), "%s has one line only; args, after, uses and provides may continue",
                       key->name);
        return false;
    }
    gate->is_continuation = true;
    cut_comment(line);
    return true;
}

static bool pass_key(struct gate *gate, const char *line)
{
    gate->above = ABOVE_REFUSED;
    size_t n = strcspn(line, "=:");
    if (!line[n] || find_comment(line) < n) {
        bootfile_error(gate->boot, here(gate), "this is no section, key or comment; write KEY = VALUE");
        return false;
    }
    if (n == 0) {
        bootfile_error(gate->boot, here(gate), "a key is missing before '%c'; write KEY = VALUE", *line);
        return false;
    }
    if (gate->section == SECTION_NONE) {
        bootfile_error(gate->boot, here(gate), "a key before the first section; begin with [machine] or [task NAME]");
        return false;
    }
    return gate->section != SECTION_REFUSED;
}

/* `line` is text without its end, and may be changed. */
static bool pass_line(struct gate *gate, char *line, size_t length)
{
    const char *start = line + strspn(line, BLANKS);
    gate->is_continuation = false;
    if (!is_text(gate, line, length)) {
        gate->above = ABOVE_REFUSED;
        return false;
    }
    if (!*start || *start == ';' || *start == '#')
        return false;
    if (length > BOOT_LINE_MAX) {
        bootfile_error(gate->boot, here(gate),
                       "the line has %zu bytes, at most %d are read; continue args, after, "
                       "uses and provides on a further, indented line",
                       length, BOOT_LINE_MAX);
        gate->above = ABOVE_REFUSED;
        return false;
    }
    if (start > line)
        return pass_continuation(gate, line);
    return *line == '[' ? pass_section(gate, line) : pass_key(gate, line);
}

/* inih's reader, in place of fgets. */
static char *gate_read(char *buffer, int size, void *stream)
{
    struct gate *gate = stream;
    while (gate->size) {
        const char *end = memchr(gate->text, '\n', gate->size);
        size_t length = end ? (size_t)(end - gate->text) : gate->size;
        size_t taken = end ? length + 1 : length;
        if (length && gate->text[length - 1] == '\r')
            length--;
        char *line = text_realloc(NULL, length + 1, 1);
        memcpy(line, gate->text, length);
        line[length] = '\0';
        gate->text += taken;
        gate->size -= taken;
        gate->line++;
        bool is_passed = pass_line(gate, line, length) && strlen(line) + 2 <= (size_t)size;
        if (is_passed)
            sprintf(buffer, "%s\n", line);
        free(line);
        if (is_passed)
            return buffer;
    }
    return NULL;
}

void bootfile_parse(struct bootfile *boot, const char *text, size_t size)
{
    struct gate gate = {.boot = boot, .text = text, .size = size};
    boot->is_readable = true;
    if (size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
        gate.text += 3;
        gate.size -= 3;
    }
    size_t nr_errors = boot->nr_errors;
    if (ini_parse_stream(gate_read, &gate, take_value, &gate) != 0 && boot->nr_errors == nr_errors)
        bootfile_error(boot, (struct boot_where){1, NULL}, "inih cannot read it");
}

/* ---- files and overrides ---- */

void bootfile_read(struct bootfile *boot)
{
    const struct boot_where file = {0, NULL};
    struct stat st;
    FILE *in = fopen(boot->path, "re");
    if (!in) {
        bootfile_error(boot, file, "cannot be opened: %s", strerror(errno));
        return;
    }
    if (fstat(fileno(in), &st) == 0 && S_ISDIR(st.st_mode)) {
        bootfile_error(boot, file, "is a folder; name a boot file in it");
    } else {
        char *text = text_realloc(NULL, BOOT_FILE_MAX + 1, 1);
        size_t size = fread(text, 1, BOOT_FILE_MAX + 1, in);
        if (ferror(in))
            bootfile_error(boot, file, "cannot be read: %s", strerror(errno));
        else if (size > BOOT_FILE_MAX)
            bootfile_error(boot, file, "is larger than %d bytes; that is no boot file", BOOT_FILE_MAX);
        else
            bootfile_parse(boot, text, size);
        free(text);
    }
    fclose(in);
}

static void refuse_section(struct bootfile *boot, struct boot_where where, const char *name)
{
    if (strncmp(name, "group ", 6) == 0) {
        bootgroup_refuse(boot, where, "", name + 6);
        return;
    }
    const char **names = text_realloc(NULL, boot->nr_tasks + 2, sizeof(*names));
    names[0] = "machine";
    for (size_t i = 0; i < boot->nr_tasks; i++)
        names[i + 1] = boot->tasks[i].name;
    names[boot->nr_tasks + 1] = NULL;
    const char *nearest = text_nearest(name, names);
    if (nearest)
        bootfile_error(boot, where, "there is no task '%s'; did you mean '%s'?", name, nearest);
    else
        bootfile_error(boot, where, "there is no task '%s' in %s", name, boot->path);
    free(names);
}

void bootfile_override(struct bootfile *boot, const char *option, const char *section, const char *key,
                       const char *value)
{
    struct boot_where where = {0, option};
    struct boot_target to = {bootfile_task(boot, section), NULL};
    if (strncmp(section, "group ", 6) == 0)
        to.group = bootfile_group(boot, section + 6);
    if (!to.task && !to.group && strcmp(section, "machine") != 0) {
        refuse_section(boot, where, section);
        return;
    }
    int index = bootkeys_lookup(boot, to, where, key);
    if (index >= 0)
        set_value(boot, to, index, where, value);
}

void bootfile_set(struct bootfile *boot, const char *option, const char *assignment)
{
    const char *equals = strchr(assignment, '=');
    const char *dot = equals ? memrchr(assignment, '.', (size_t)(equals - assignment)) : NULL;
    if (!dot || dot == assignment || dot + 1 == equals) {
        bootfile_error(boot, (struct boot_where){0, option},
                       "write --set SECTION.KEY=VALUE; SECTION is machine, a task's name, or group and a group's name");
        return;
    }
    char *section = text_ndup(assignment, (size_t)(dot - assignment));
    char *key = text_ndup(dot + 1, (size_t)(equals - dot - 1));
    bootfile_override(boot, option, section, key, equals + 1);
    free(section);
    free(key);
}

/* ---- the whole ---- */

struct boot_where bootfile_module_where(const struct boot_task *task)
{
    const struct boot_where *where = &task->where[BOOT_KEY_MODULE];
    return where->line || where->option ? *where : (struct boot_where){task->line, NULL};
}

/* Arguments are split at blanks later, with '' and "" as quotes: one that stays open is an error here already. */
static void check_quotes(struct bootfile *boot, const struct boot_task *task)
{
    char open = 0;
    for (const char *p = task->args; *p; p++)
        if (*p == open)
            open = 0;
        else if (!open && (*p == '\'' || *p == '"'))
            open = *p;
    if (open)
        bootfile_error(boot, task->where[BOOT_KEY_ARGS],
                       "args: the quote %c is not closed (a ';' behind a blank begins a comment)", open);
}

static void check_frames(struct bootfile *boot, const struct boot_task *task)
{
    uint64_t nr_frames = boot->machine.memory / mk_page_size();
    if (task->nr_frames > nr_frames)
        bootfile_error(boot, task->where[BOOT_KEY_FRAMES], "frames: the machine has %llu in all; give it more memory",
                       (unsigned long long)nr_frames);
}

void bootfile_resolve(struct bootfile *boot)
{
    if (!boot->is_readable)
        return;
    if (!boot->has_task)
        bootfile_error(boot, (struct boot_where){1, NULL}, "there are no tasks; write at least one [task NAME]");
    for (size_t i = 0; i < boot->nr_tasks; i++) {
        check_quotes(boot, &boot->tasks[i]);
        check_frames(boot, &boot->tasks[i]);
    }
    bootgroup_resolve(boot);
    bootservices_resolve(boot);
    bootorder_resolve(boot);
}

void bootfile_init(struct bootfile *boot, const char *path)
{
    *boot = (struct bootfile){
        .path = text_dup(path),
        .machine = {.memory = BOOT_MEMORY,
                    .nr_cpus = 1,
                    .quantum = BOOT_QUANTUM,
                    .watchdog = BOOT_WATCHDOG,
                    .policy = text_dup("priority"),
                    .page_policy = text_dup("clock")},
    };
}

void bootfile_finish(struct bootfile *boot)
{
    for (size_t i = 0; i < boot->nr_tasks; i++) {
        free(boot->tasks[i].module);
        free(boot->tasks[i].args);
        free(boot->tasks[i].after);
        free(boot->tasks[i].group_name);
        free(boot->tasks[i].deps);
        free(boot->tasks[i].uses);
        free(boot->tasks[i].provides);
        free(boot->tasks[i].plugin);
    }
    for (size_t i = 0; i < boot->nr_errors; i++)
        free(boot->errors[i].text);
    free(boot->tasks);
    free(boot->groups);
    free(boot->order);
    free(boot->errors);
    free(boot->machine.policy);
    free(boot->machine.page_policy);
    free(boot->path);
    *boot = (struct bootfile){0};
}
