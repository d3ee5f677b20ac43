/* SPDX-License-Identifier: BSD-2-Clause */
/* mk refs: a reference string in the virtual memory of a machine. */
#include "refs.h"

#include "command.h"
#include "text.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX ((size_t)1 << 20)

enum { OPT_POLICY, OPT_FRAMES, OPT_JSON, OPT_TABLE, OPT_WINDOW, OPT_SEED, OPT_FILE };
static const struct option options[] = {{"--policy", true}, {"--frames", true}, {"--json", false}, {"--table", false},
                                        {"--window", true}, {"--seed", true},   {"--file", true},  {0}};

struct request {
    struct refs refs;
    bool is_json;
    const char *file;
    char *text; /* the operands, with blanks between them */
};

/* ---- in ---- */

static bool complain(char *why)
{
    if (why)
        fprintf(stderr, "mk: refs: %s\n", why);
    free(why);
    return !why;
}

static bool is_policy(const char *name)
{
    static const char *const names[] = {"fifo", "clock", "clock-clear", "lru", "aging", "random", "ws", "opt"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

static void add_text(struct request *request, const char *word)
{
    char *longer = request->text ? text_format("%s %s", request->text, word) : text_dup(word);
    free(request->text);
    request->text = longer;
}

static bool take_option(struct request *request, int option, const char *value)
{
    struct refs *refs = &request->refs;
    uint64_t number;
    switch (option) {
    case OPT_POLICY:
        refs->policy = value;
        if (is_policy(value))
            return true;
        char *safe = text_printable(value);
        bool is_good = complain(text_format("--policy: '%s' is unknown; write " REFS_POLICY_LIST, safe));
        free(safe);
        return is_good;
    case OPT_FRAMES:
        if (!args_number("refs", options[option].name, value, 1, REFS_FRAMES_MAX, &number))
            return false;
        refs->nr_frames = (uint32_t)number;
        return true;
    case OPT_WINDOW:
        return args_number("refs", options[option].name, value, 1, REFS_WINDOW_MAX, &refs->window);
    case OPT_SEED:
        return args_number("refs", options[option].name, value, 0, INT64_MAX, &refs->seed);
    case OPT_JSON:
        request->is_json = true;
        return true;
    case OPT_TABLE:
        refs->has_slots = true;
        return true;
    default:
        request->file = value;
        return true;
    }
}

static char *read_file(const char *path, size_t *sizep)
{
    FILE *file = fopen(path, "re");
    char *text = text_realloc(NULL, FILE_MAX + 1, 1);
    *sizep = file ? fread(text, 1, FILE_MAX + 1, file) : 0;
    bool is_bad = !file || ferror(file);
    if (is_bad || *sizep > FILE_MAX) {
        const char *why = is_bad ? strerror(errno) : "it is larger than 1 MiB, and no reference string is";
        char *safe = text_printable(path);
        complain(text_format("--file: %s cannot be read: %s", safe, why));
        free(safe);
        free(text);
        text = NULL;
    }
    if (file)
        fclose(file);
    return text;
}

static bool read_string(struct request *request)
{
    size_t size = request->text ? strlen(request->text) : 0;
    if (request->file) {
        free(request->text);
        request->text = read_file(request->file, &size);
        if (!request->text)
            return false;
    }
    if (!complain(refs_parse(&request->refs, request->text, size)))
        return false;
    return request->refs.nr || complain(text_dup("the reference string is empty; write page numbers, such as 7,0,1,2"));
}

/* ---- out ---- */

static void print_json(const struct refs *refs)
{
    json_t *json = json_pack("{ss sI sI sI sI}", "policy", refs->policy, "frames", (json_int_t)refs->nr_frames,
                             "references", (json_int_t)refs->nr, "faults", (json_int_t)refs->nr_faults, "evictions",
                             (json_int_t)refs->nr_evictions);
    json_dumpf(json, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(json);
}

static const char *plural(uint64_t n)
{
    return n == 1 ? "" : "s";
}

static void print_text(const struct refs *refs)
{
    unsigned long long faults = refs->nr_faults, evictions = refs->nr_evictions;
    printf("%zu reference%s to %u page%s, %u frame%s, %s: %llu page fault%s (%.0f %%), %llu eviction%s\n", refs->nr,
           plural(refs->nr), refs->nr_pages, plural(refs->nr_pages), refs->nr_frames, plural(refs->nr_frames),
           refs->policy, faults, plural(faults), 100.0 * (double)faults / (double)refs->nr, evictions,
           plural(evictions));
    if (refs->has_slots)
        refs_print_table(refs);
}

/* ---- the command ---- */

static int run(struct request *request, const struct args *args)
{
    if (!request->refs.policy)
        return args_usage(args, "which --policy? one of " REFS_POLICY_LIST);
    if (!request->refs.nr_frames)
        return args_usage(args, "how many --frames?");
    if (!request->file == !request->text)
        return args_usage(args, request->file ? "either a reference string or --file" : "which reference string?");
    if (request->is_json && request->refs.has_slots)
        return args_usage(args, "either --json or --table");
    if (!read_string(request))
        return EXIT_BAD_INPUT;
    if (!refs_run(&request->refs))
        return EXIT_FAILED;
    if (request->is_json)
        print_json(&request->refs);
    else
        print_text(&request->refs);
    return EXIT_FINE;
}

int cmd_refs(int argc, char **argv)
{
    struct args args = {.argc = argc, .argv = argv};
    struct request request = {0};
    int status = -1;
    for (int option; status < 0 && (option = args_next(&args, options)) != ARGS_END;) {
        if (option == ARGS_HELP)
            status = cmd_help(2, (char *[]){argv[0], argv[0]});
        else if (option == ARGS_BAD)
            status = EXIT_BAD_INPUT;
        else if (option == ARGS_OPERAND)
            add_text(&request, args.value);
        else if (!take_option(&request, option, args.value))
            status = EXIT_BAD_INPUT;
    }
    if (status < 0)
        status = run(&request, &args);
    refs_free(&request.refs);
    free(request.text);
    return status;
}
