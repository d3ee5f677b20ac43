/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * libFuzzer harness for the boot file parser. The input up to the first 0xff is
 * an override, the rest the file. Whatever comes, a file without errors has a
 * start order in which every task comes after those it names, and every error
 * is one printable line.
 */
#include "bootfile.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_order(const struct bootfile *boot)
{
    bool is_started[BOOT_TASKS_MAX] = {false};
    for (size_t i = 0; i < boot->nr_tasks; i++) {
        const struct boot_task *task = &boot->tasks[boot->order[i]];
        for (size_t j = 0; j < task->nr_deps; j++)
            if (!is_started[task->deps[j]])
                abort();
        if (is_started[boot->order[i]])
            abort();
        is_started[boot->order[i]] = true;
    }
}

static void check_errors(struct bootfile *boot)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return;
    size_t nr = bootfile_report(boot, out), nr_lines = 0;
    fclose(out);
    for (const char *p = text; *p; p++) {
        nr_lines += *p == '\n';
        if (((unsigned char)*p < 0x20 && *p != '\n') || *p == 0x7f)
            abort();
    }
    if (nr_lines != (nr > 100 ? 101 : nr))
        abort();
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *mark = size ? memchr(data, 0xff, size) : NULL;
    size_t n = mark ? (size_t)(mark - data) : 0;
    char *set = strndup((const char *)data, n);
    struct bootfile boot;
    if (!set)
        return 0;
    bootfile_init(&boot, "fuzz.ini");
    bootfile_parse(&boot, (const char *)data + n + (mark != NULL), size - n - (mark != NULL));
    if (mark)
        bootfile_set(&boot, set, set);
    bootfile_resolve(&boot);
    if (boot.nr_errors == 0)
        check_order(&boot);
    check_errors(&boot);
    bootfile_finish(&boot);
    free(set);
    return 0;
}
