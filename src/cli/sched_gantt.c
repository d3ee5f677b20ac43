/* SPDX-License-Identifier: BSD-2-Clause */
/* Who did what when, drawn: as text, and as SVG. */
#include "text.h"
#include "workload.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

mk_time_t sched_step(mk_time_t span, mk_time_t max)
{
    static const int factors[] = {1, 2, 5};
    for (mk_time_t power = 1;; power *= 10)
        for (size_t i = 0; i < 3; i++) {
            mk_time_t step = power * factors[i];
            if ((span + step - 1) / step <= max)
                return step;
        }
}

static mk_time_t end_of(const struct sched_workload *workload)
{
    mk_time_t end = 1;
    for (size_t i = 0; i < workload->nr_spans; i++)
        end = workload->spans[i].end > end ? workload->spans[i].end : end;
    return end;
}

static bool is_lent(const struct sched_workload *workload, const struct sched_span *span)
{
    return span->state == SCHED_RUNNING && span->priority > workload->rows[span->row].priority;
}

/* ---- text ---- */

enum { COL_RUNS, COL_LENT, COL_PART, COL_READY, COL_IO, COL_LOCK, NR_MARKS };
static const struct {
    char mark;
    const char *what;
} marks[NR_MARKS] = {
    [COL_RUNS] = {'#', "runs"},
    [COL_LENT] = {'^', "runs with a lent priority"},
    [COL_PART] = {'+', "runs for a part of it"},
    [COL_READY] = {'.', "waits for the CPU"},
    [COL_IO] = {'-', "I/O"},
    [COL_LOCK] = {'x', "waits for a lock"},
};

struct chart {
    const struct sched_workload *workload;
    size_t nr_columns;
    mk_time_t step;                      /* ns of a column */
    mk_time_t (*spent)[SCHED_NR_STATES]; /* of each column of a row */
    mk_time_t *lent;
    bool is_used[NR_MARKS];
};

static void fill(struct chart *chart, const struct sched_span *span)
{
    bool lent = is_lent(chart->workload, span);
    for (mk_time_t at = span->start, next; at < span->end; at = next) {
        size_t column = (size_t)(at / chart->step);
        next = (mk_time_t)(column + 1) * chart->step;
        next = next < span->end ? next : span->end;
        chart->spent[column][span->state] += next - at;
        chart->lent[column] += lent ? next - at : 0;
    }
}

/* Which mark a column has; -1: none. Running counts before all else, but for what costs of the kernel shift it by. */
static int mark_of(const struct chart *chart, size_t column)
{
    static const int of_state[SCHED_NR_STATES] = {
        [SCHED_READY] = COL_READY, [SCHED_IN_IO] = COL_IO, [SCHED_WAITS_LOCK] = COL_LOCK};
    const mk_time_t *spent = chart->spent[column];
    int most = SCHED_READY;
    if (spent[SCHED_RUNNING] >= chart->step - chart->step / 100)
        return 2 * chart->lent[column] >= chart->step ? COL_LENT : COL_RUNS;
    if (spent[SCHED_RUNNING] > chart->step / 100)
        return COL_PART;
    for (int state = SCHED_READY; state < SCHED_NR_STATES; state++)
        most = spent[state] > spent[most] ? state : most;
    return spent[most] ? of_state[most] : -1;
}

static void print_row(struct chart *chart, const size_t *spans, size_t nr_spans)
{
    size_t nr_blanks = 0;
    memset(chart->spent, 0, chart->nr_columns * sizeof(*chart->spent));
    memset(chart->lent, 0, chart->nr_columns * sizeof(*chart->lent));
    for (size_t i = 0; i < nr_spans; i++)
        fill(chart, &chart->workload->spans[spans[i]]);
    for (size_t column = 0; column < chart->nr_columns; column++) {
        int mark = mark_of(chart, column);
        if (mark < 0) {
            nr_blanks++;
            continue;
        }
        printf("%*s%c", (int)nr_blanks, "", marks[mark].mark);
        nr_blanks = 0;
        chart->is_used[mark] = true;
    }
    putchar('\n');
}

/* A number at every tenth column, or more rarely where numbers are long. */
static void print_axis(const struct chart *chart, int indent)
{
    size_t every = 10, at = 0;
    char *longest = sched_ms((double)((mk_time_t)chart->nr_columns * chart->step), 6);
    while (every < strlen(longest) + 2)
        every += 10;
    free(longest);
    printf("%*s", indent, "");
    for (size_t column = 0; column <= chart->nr_columns; column++)
        putchar(column % every == 0 ? '|' : column == chart->nr_columns ? '|' : '-');
    printf("\n%*s", indent, "");
    for (size_t column = 0; column <= chart->nr_columns; column += every) {
        char *number = sched_ms((double)((mk_time_t)column * chart->step), 6);
        printf("%*s%s", (int)(column - at), "", number);
        at = column + strlen(number);
        free(number);
    }
    putchar('\n');
}

static void print_legend(const struct chart *chart)
{
    char *step = sched_ms((double)chart->step, 6);
    size_t width = (size_t)printf("one column is %s ms", step);
    for (int i = 0; i < NR_MARKS; i++) {
        if (!chart->is_used[i])
            continue;
        bool is_new_line = width + strlen(marks[i].what) + 4 > 78;
        width = (is_new_line ? 0 : width) +
                (size_t)printf("%s%c %s", is_new_line ? ",\n" : ", ", marks[i].mark, marks[i].what);
    }
    putchar('\n');
    free(step);
}

/* Spans of each row: places in `order` from firsts[row] to firsts[row + 1]. Both to be freed. */
static size_t *sort_spans(const struct sched_workload *workload, size_t **firstsp)
{
    size_t *firsts = text_realloc(NULL, workload->nr_rows + 2, sizeof(*firsts));
    size_t *order = text_realloc(NULL, workload->nr_spans, sizeof(*order));
    memset(firsts, 0, (workload->nr_rows + 2) * sizeof(*firsts));
    for (size_t i = 0; i < workload->nr_spans; i++)
        firsts[workload->spans[i].row + 2]++;
    for (size_t i = 2; i < workload->nr_rows + 2; i++)
        firsts[i] += firsts[i - 1];
    for (size_t i = 0; i < workload->nr_spans; i++)
        order[firsts[workload->spans[i].row + 1]++] = i;
    *firstsp = firsts;
    return order;
}

void sched_print_gantt(const struct sched_workload *workload)
{
    struct chart chart = {.workload = workload};
    size_t width = text_terminal_width(), *firsts, *order = sort_spans(workload, &firsts);
    int indent = 0;
    for (size_t i = 0; i < workload->nr_rows; i++) {
        int length = (int)strlen(workload->rows[i].name);
        indent = length > indent ? length : indent;
    }
    indent += 2;
    size_t room = width > (size_t)indent + 12 ? width - (size_t)indent - 2 : 10;
    mk_time_t end = end_of(workload);
    chart.step = sched_step(end, (mk_time_t)room);
    chart.nr_columns = (size_t)((end + chart.step - 1) / chart.step);
    chart.spent = text_realloc(NULL, chart.nr_columns, sizeof(*chart.spent));
    chart.lent = text_realloc(NULL, chart.nr_columns, sizeof(*chart.lent));
    putchar('\n');
    for (size_t i = 0; i < workload->nr_rows; i++) {
        printf("%-*s", indent, workload->rows[i].name);
        print_row(&chart, order + firsts[i], firsts[i + 1] - firsts[i]);
    }
    print_axis(&chart, indent);
    print_legend(&chart);
    free(order);
    free(firsts);
    free(chart.spent);
    free(chart.lent);
}

/* ---- SVG ---- */

#define ROW_HEIGHT 26
#define BAR_HEIGHT 16
#define TOP        40
#define LEFT       (16 + 8 * name_width)
#define PLOT_WIDTH 900.0

static const struct {
    const char *colour, *what;
    int height;
} bars[] = {
    {NULL, NULL, 0},       {"#2f6db3", "runs", BAR_HEIGHT},    {"#d9d9d9", "waits for the CPU", 6},
    {"#8fbc6b", "I/O", 6}, {"#d9534f", "waits for a lock", 6}, {"#e08e1b", "runs with a lent priority", BAR_HEIGHT},
};
#define BAR_LENT SCHED_NR_STATES
#define NR_BARS  (sizeof(bars) / sizeof(bars[0]))

static void draw_axis(FILE *out, const struct sched_workload *workload, int name_width, mk_time_t end)
{
    mk_time_t step = sched_step(end, 12);
    double bottom = TOP + (double)workload->nr_rows * ROW_HEIGHT;
    for (mk_time_t at = 0; at <= end; at += step) {
        char *number = sched_ms((double)at, 6);
        double x = LEFT + PLOT_WIDTH * (double)at / (double)end;
        fprintf(out,
                "<line x1=\"%.2f\" y1=\"%d\" x2=\"%.2f\" y2=\"%.0f\" stroke=\"#cccccc\"/>\n"
                "<text x=\"%.2f\" y=\"%.0f\" text-anchor=\"middle\">%s</text>\n",
                x, TOP - 4, x, bottom + 4, x, bottom + 18, number);
        free(number);
    }
    fprintf(out, "<text x=\"%d\" y=\"%.0f\" text-anchor=\"middle\">ms</text>\n", LEFT + (int)PLOT_WIDTH + 24,
            bottom + 18);
}

static void draw_span(FILE *out, const struct sched_workload *workload, const struct sched_span *span, int name_width,
                      mk_time_t end)
{
    int bar = is_lent(workload, span) ? BAR_LENT : span->state;
    double x = LEFT + PLOT_WIDTH * (double)span->start / (double)end;
    double width = PLOT_WIDTH * (double)(span->end - span->start) / (double)end;
    char *start = sched_ms((double)span->start, 6), *stop = sched_ms((double)span->end, 6);
    fprintf(out,
            "<rect x=\"%.2f\" y=\"%.1f\" width=\"%.2f\" height=\"%d\" fill=\"%s\"><title>%s %s, %s to %s ms</title>"
            "</rect>\n",
            x, TOP + (double)span->row * ROW_HEIGHT + (ROW_HEIGHT - bars[bar].height) / 2.0, width, bars[bar].height,
            bars[bar].colour, workload->rows[span->row].name, bars[bar].what, start, stop);
    free(start);
    free(stop);
}

static void draw_legend(FILE *out, const struct sched_workload *workload, int name_width)
{
    bool is_used[NR_BARS] = {0};
    double x = LEFT, y = TOP + (double)workload->nr_rows * ROW_HEIGHT + 44;
    for (size_t i = 0; i < workload->nr_spans; i++)
        is_used[is_lent(workload, &workload->spans[i]) ? BAR_LENT : workload->spans[i].state] = true;
    for (size_t i = 1; i < NR_BARS; i++) {
        if (!is_used[i])
            continue;
        fprintf(out, "<rect x=\"%.0f\" y=\"%.0f\" width=\"14\" height=\"%d\" fill=\"%s\"/>\n", x,
                y - 4 - bars[i].height / 2.0, bars[i].height, bars[i].colour);
        fprintf(out, "<text x=\"%.0f\" y=\"%.0f\">%s</text>\n", x + 20, y, bars[i].what);
        x += 44 + 7.5 * (double)strlen(bars[i].what);
    }
}

static void draw(FILE *out, const struct sched_workload *workload, const char *title)
{
    int name_width = 4;
    mk_time_t end = end_of(workload);
    for (size_t i = 0; i < workload->nr_rows; i++) {
        int length = (int)strlen(workload->rows[i].name);
        name_width = length > name_width ? length : name_width;
    }
    size_t height = TOP + workload->nr_rows * ROW_HEIGHT + 64;
    int width = LEFT + (int)PLOT_WIDTH + 48;
    fprintf(out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%zu\" viewBox=\"0 0 %d %zu\" "
            "font-family=\"sans-serif\" font-size=\"12\">\n"
            "<rect width=\"%d\" height=\"%zu\" fill=\"#ffffff\"/>\n"
            "<text x=\"%d\" y=\"22\" font-size=\"14\">%s</text>\n",
            width, height, width, height, width, height, LEFT, title);
    draw_axis(out, workload, name_width, end);
    for (size_t i = 0; i < workload->nr_rows; i++)
        fprintf(out, "<text x=\"%d\" y=\"%zu\" text-anchor=\"end\">%s</text>\n", LEFT - 8, TOP + i * ROW_HEIGHT + 17,
                workload->rows[i].name);
    for (size_t i = 0; i < workload->nr_spans; i++)
        draw_span(out, workload, &workload->spans[i], name_width, end);
    draw_legend(out, workload, name_width);
    fputs("</svg>\n", out);
}

bool sched_write_svg(const struct sched_workload *workload, const struct sched_setup *setup, const char *path)
{
    char *title = sched_title(setup);
    FILE *out = fopen(path, "we");
    bool is_bad = !out;
    if (out) {
        draw(out, workload, title);
        is_bad = ferror(out) != 0;
        is_bad |= fclose(out) != 0;
    }
    if (is_bad) {
        char *safe = text_printable(path);
        fprintf(stderr, "mk: sched: --svg %s: it cannot be written: %s\n", safe, strerror(errno));
        free(safe);
    }
    free(title);
    return !is_bad;
}
