/* SPDX-License-Identifier: BSD-2-Clause */
/* Scheduling workloads from CSV: a line for each thread, below a header that names the columns in any order. */
#include "text.h"
#include "workload.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX   ((size_t)1 << 20)
#define ERRORS_MAX 10

const char *const sched_columns[SCHED_NR_COLUMNS + 1] = {
    [SCHED_NAME] = "name",       [SCHED_ARRIVAL] = "arrival", [SCHED_BURST] = "burst",   [SCHED_PRIORITY] = "priority",
    [SCHED_TICKETS] = "tickets", [SCHED_NICE] = "nice",       [SCHED_PERIOD] = "period", [SCHED_DEADLINE] = "deadline",
    [SCHED_BUDGET] = "budget",   [SCHED_JOBS] = "jobs",       [SCHED_NR_COLUMNS] = NULL,
};

#define FIELDS_MAX (SCHED_NR_COLUMNS + 1)

struct csv {
    struct sched_workload *workload;
    unsigned line;
    enum sched_column columns[FIELDS_MAX]; /* of the header's fields */
    size_t nr_columns;                     /* 0: the header has not been read */
};

void sched_error(struct sched_workload *workload, unsigned line, const char *format, ...)
{
    if (workload->nr_errors++ >= ERRORS_MAX)
        return;
    char *path = text_printable(workload->path), *what = NULL;
    va_list args;
    va_start(args, format);
    if (vasprintf(&what, format, args) < 0)
        what = text_dup("out of memory");
    va_end(args);
    if (line)
        fprintf(stderr, "%s:%u: %s\n", path, line, what);
    else
        fprintf(stderr, "%s: %s\n", path, what);
    free(path);
    free(what);
}

/* ---- lines into fields ---- */

static char *trim(char *text)
{
    text += strspn(text, " \t");
    size_t n = strlen(text);
    while (n && strchr(" \t\r", text[n - 1]))
        text[--n] = '\0';
    if (n >= 2 && text[0] == '"' && text[n - 1] == '"') { /* as spreadsheets write them; no field here has a quote */
        text[n - 1] = '\0';
        return trim(text + 1);
    }
    return text;
}

static size_t split(char *line, char *fields[FIELDS_MAX])
{
    size_t nr = 0;
    for (char *next = line; next; nr++) {
        char *field = next;
        next = strchr(field, ',');
        if (next)
            *next++ = '\0';
        if (nr < FIELDS_MAX)
            fields[nr] = trim(field);
    }
    return nr;
}

/* ---- the header ---- */

static int find_column(const char *name)
{
    for (int i = 0; i < SCHED_NR_COLUMNS; i++)
        if (strcmp(sched_columns[i], name) == 0)
            return i;
    return -1;
}

static void refuse_column(struct csv *csv, const char *name)
{
    const char *nearest = text_nearest(name, sched_columns);
    char *safe = text_printable(name);
    if (nearest)
        sched_error(csv->workload, csv->line, "column '%s' is unknown; did you mean '%s'?", safe, nearest);
    else
        sched_error(
            csv->workload, csv->line,
            "column '%s' is unknown; there are name, arrival, burst, priority, tickets, nice, period, deadline, "
            "budget and jobs",
            safe);
    free(safe);
}

static void read_header(struct csv *csv, char *fields[], size_t nr)
{
    struct sched_workload *workload = csv->workload;
    csv->nr_columns = nr < FIELDS_MAX ? nr : FIELDS_MAX;
    if (nr == 1 && strchr(fields[0], ';')) {
        sched_error(workload, csv->line, "the columns are separated by ';'; write commas");
        return;
    }
    for (size_t i = 0; i < csv->nr_columns; i++) {
        int column = find_column(fields[i]);
        if (column < 0)
            refuse_column(csv, fields[i]);
        else if (workload->has[column])
            sched_error(workload, csv->line, "column %s is there twice; leave one out", fields[i]);
        else
            workload->has[csv->columns[i] = (enum sched_column)column] = true;
    }
    if (!workload->nr_errors && !(workload->has[SCHED_NAME] && workload->has[SCHED_BURST]))
        sched_error(workload, csv->line,
                    "the first line names no column %s; write a header such as name,arrival,burst,priority",
                    sched_columns[workload->has[SCHED_NAME] ? SCHED_BURST : SCHED_NAME]);
}

/* ---- a thread's line ---- */

static char *parse_number(const char *text, long min, long max, int32_t *numberp)
{
    char *end;
    errno = 0;
    long number = strtol(text, &end, 10);
    if (!strchr(" \t\n\v\f\r+", *text) && !*end && !errno && number >= min && number <= max) {
        *numberp = (int32_t)number;
        return NULL;
    }
    char *safe = text_printable(text);
    char *why = text_format("'%s' is no number from %ld to %ld", safe, min, max);
    free(safe);
    return why;
}

static char *parse_count(const char *text, long max, uint32_t *numberp)
{
    int32_t number = 0;
    char *why = parse_number(text, 1, max, &number);
    *numberp = (uint32_t)number;
    return why;
}

/* A time that is not 0. */
static char *parse_length(const char *text, mk_time_t *timep)
{
    char *why = sched_parse_time(text, timep);
    return !why && *timep == 0 ? text_format("'%s' is no time; it must be more than 0, or left empty", text) : why;
}

static char *parse_name(struct csv *csv, struct sched_row *row, const char *text)
{
    const struct sched_workload *workload = csv->workload;
    char *safe, *why;
    if (sched_is_name(text)) {
        snprintf(row->name, sizeof(row->name), "%s", text);
        for (size_t i = 0; i + 1 < workload->nr_rows; i++)
            if (strcmp(workload->rows[i].name, text) == 0)
                return text_format("'%s' is the thread of line %u already; write another", text,
                                   workload->rows[i].line);
        return NULL;
    }
    safe = text_printable(text);
    why = text_format("'%s' is no name; write 1 to %d letters, digits, _ - and .", safe, MK_LABEL_MAX - 1);
    free(safe);
    return why;
}

static char *parse_field(struct csv *csv, struct sched_row *row, enum sched_column column, char *text)
{
    switch (column) {
    case SCHED_NAME:
        return parse_name(csv, row, text);
    case SCHED_BURST:
        return sched_parse_burst(csv->workload, row, text);
    case SCHED_ARRIVAL:
        return *text ? sched_parse_time(text, &row->arrival) : NULL;
    case SCHED_PRIORITY:
        return *text ? parse_number(text, MK_PRIO_MIN, MK_PRIO_MAX, &row->priority) : NULL;
    case SCHED_TICKETS:
        return *text ? parse_count(text, SCHED_TICKETS_MAX, &row->tickets) : NULL;
    case SCHED_NICE:
        return *text ? parse_number(text, -SCHED_NICE_MAX, SCHED_NICE_MAX, &row->nice) : NULL;
    case SCHED_PERIOD:
        return *text ? parse_length(text, &row->period) : NULL;
    case SCHED_DEADLINE:
        return *text ? parse_length(text, &row->deadline) : NULL;
    case SCHED_BUDGET:
        return *text ? parse_length(text, &row->budget) : NULL;
    default:
        return *text ? parse_count(text, SCHED_JOBS_MAX, &row->nr_jobs) : NULL;
    }
}

/* What only several fields together tell. */
static void check_row(struct sched_workload *workload, const struct sched_row *row)
{
    const mk_time_t times[] = {row->deadline, row->budget};
    const enum sched_column columns[] = {SCHED_DEADLINE, SCHED_BUDGET};
    for (size_t i = 0; i < 2; i++) {
        if (times[i] && !row->period)
            sched_error(workload, row->line, "%s: it needs a period, too", sched_columns[columns[i]]);
        else if (times[i] > row->period)
            sched_error(workload, row->line, "%s: it is longer than the period; write a shorter one",
                        sched_columns[columns[i]]);
    }
    if (row->nr_jobs > 1 && !row->period)
        sched_error(workload, row->line, "jobs: more than 1 needs a period, too");
}

static void read_row(struct csv *csv, char *fields[], size_t nr)
{
    struct sched_workload *workload = csv->workload;
    unsigned before = workload->nr_errors;
    if (nr != csv->nr_columns) {
        sched_error(workload, csv->line,
                    "%zu field%s, but the header names %zu columns; leave a field empty for its default", nr,
                    nr == 1 ? "" : "s", csv->nr_columns);
        return;
    }
    if (workload->nr_rows == SCHED_ROWS_MAX) {
        sched_error(workload, csv->line, "one thread too many; there may be %d", SCHED_ROWS_MAX);
        return;
    }
    workload->rows = text_realloc(workload->rows, workload->nr_rows + 1, sizeof(*workload->rows));
    struct sched_row *row = &workload->rows[workload->nr_rows++];
    *row = (struct sched_row){.line = csv->line, .priority = MK_PRIO_DEFAULT};
    for (size_t i = 0; i < nr; i++) {
        char *why = parse_field(csv, row, csv->columns[i], fields[i]);
        if (why)
            sched_error(workload, csv->line, "%s: %s", sched_columns[csv->columns[i]], why);
        free(why);
    }
    if (workload->nr_errors == before)
        check_row(workload, row);
}

/* ---- all of it ---- */

mk_time_t sched_common(mk_time_t a, mk_time_t b, mk_time_t max)
{
    mk_time_t divisor = a, rest = b;
    while (rest) {
        mk_time_t next = divisor % rest;
        divisor = rest;
        rest = next;
    }
    return a / divisor > max / b ? max : a / divisor * b;
}

/* Rows with a period and no number of jobs run until all periods begin together again. */
static mk_time_t common_period(const struct sched_workload *workload)
{
    mk_time_t all = 1;
    for (size_t i = 0; i < workload->nr_rows; i++)
        if (workload->rows[i].period)
            all = sched_common(all, workload->rows[i].period, SCHED_SUM_MAX);
    return all;
}

static void set_jobs(struct sched_workload *workload)
{
    mk_time_t all = common_period(workload);
    for (size_t i = 0; i < workload->nr_rows; i++) {
        struct sched_row *row = &workload->rows[i];
        if (row->nr_jobs)
            continue;
        mk_time_t jobs = row->period ? all / row->period : 1;
        if (jobs > SCHED_JOBS_MAX)
            sched_error(workload, row->line,
                        "period: until all periods begin together again there are more than %d jobs; write a column "
                        "jobs with their number",
                        SCHED_JOBS_MAX);
        row->nr_jobs = jobs > SCHED_JOBS_MAX ? 1 : (uint32_t)jobs;
    }
}

static void check_sum(struct sched_workload *workload)
{
    mk_time_t sum = 0;
    for (size_t i = 0; i < workload->nr_rows; i++) {
        const struct sched_row *row = &workload->rows[i];
        mk_time_t each = row->burst + row->io + row->period;
        sum = each > SCHED_SUM_MAX / row->nr_jobs ? SCHED_SUM_MAX + 1 : sum + each * row->nr_jobs;
        if (sum > SCHED_SUM_MAX) {
            sched_error(workload, row->line, "computing, I/O and periods come to more than %llds up to here",
                        (long long)(SCHED_SUM_MAX / MK_SEC));
            return;
        }
    }
}

static void take_line(struct csv *csv, char *line)
{
    char *fields[FIELDS_MAX];
    line[strcspn(line, "#")] = '\0';
    if (!line[strspn(line, " \t\r")])
        return;
    size_t nr = split(line, fields);
    if (!csv->nr_columns)
        read_header(csv, fields, nr);
    else
        read_row(csv, fields, nr);
}

bool sched_parse(struct sched_workload *workload, char *text, size_t size)
{
    struct csv csv = {.workload = workload};
    if (size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) { /* a byte order mark */
        text += 3;
        size -= 3;
    }
    for (char *line = text, *end; line < text + size; line = end + 1) {
        end = memchr(line, '\n', (size_t)(text + size - line));
        end = end ? end : text + size;
        *end = '\0';
        csv.line++;
        if (strlen(line) != (size_t)(end - line))
            sched_error(workload, csv.line, "there is a NUL byte; a workload is text");
        else
            take_line(&csv, line);
        if (!workload->nr_rows && workload->nr_errors) /* without a header the rest means nothing */
            return false;
    }
    if (!workload->nr_rows && !workload->nr_errors)
        sched_error(workload, csv.line ? csv.line : 1,
                    "there is no thread; write a header such as name,arrival,burst,priority and a "
                    "line for each thread, such as P1,0,5,32");
    if (!workload->nr_errors)
        set_jobs(workload);
    if (!workload->nr_errors)
        check_sum(workload);
    if (workload->nr_errors > ERRORS_MAX)
        fprintf(stderr, "mk: sched: %u more errors\n", workload->nr_errors - ERRORS_MAX);
    return !workload->nr_errors;
}

bool sched_read(struct sched_workload *workload, const char *path)
{
    bool is_stdin = strcmp(path, "-") == 0;
    FILE *file = is_stdin ? stdin : fopen(path, "re");
    char *text = text_realloc(NULL, FILE_MAX + 1, 1);
    bool is_good = false;
    workload->path = is_stdin ? "standard input" : path;
    size_t size = file ? fread(text, 1, FILE_MAX + 1, file) : 0;
    if (!file || ferror(file))
        sched_error(workload, 0, "it cannot be read: %s", strerror(errno));
    else if (size > FILE_MAX)
        sched_error(workload, 0, "it is larger than 1 MiB, and no workload is");
    else
        is_good = sched_parse(workload, text, size);
    if (file && !is_stdin)
        fclose(file);
    free(text);
    return is_good;
}

void sched_free(struct sched_workload *workload)
{
    for (size_t i = 0; i < workload->nr_rows; i++)
        free(workload->rows[i].phases);
    for (size_t i = 0; i < workload->nr_locks; i++)
        free(workload->locks[i]);
    free(workload->rows);
    free(workload->locks);
    free(workload->spans);
}
