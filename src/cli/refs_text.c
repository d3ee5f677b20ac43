/* SPDX-License-Identifier: BSD-2-Clause */
/* Reference strings from text, and the table of frames as textbooks draw it. */
#include "refs.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- in ---- */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static char *complain(const char *text, size_t size, size_t at)
{
    size_t length = text_utf8(text + at, size - at);
    char *rest = text_ndup(text + at, length ? length : 1), *safe = text_printable(rest), *why;
    if (at == size)
        why = text_format("the reference string ends where a page number should stand");
    else if (text[at] == ',')
        why = text_format("a page number is missing before the comma that is character %zu of the reference string",
                          at + 1);
    else
        why = text_format("'%s', character %zu of the reference string, is no page number; write numbers from 0 to %d "
                          "with commas or blanks between them, such as 7,0,1,2",
                          safe, at + 1, REFS_PAGE_MAX);
    free(rest);
    free(safe);
    return why;
}

static void add(struct refs *refs, uint32_t number)
{
    uint32_t page = 0;
    while (page < refs->nr_pages && refs->numbers[page] != number)
        page++;
    if (page == refs->nr_pages) {
        refs->numbers = text_realloc(refs->numbers, refs->nr_pages + 1, sizeof(*refs->numbers));
        refs->numbers[refs->nr_pages++] = number;
    }
    refs->pages = text_realloc(refs->pages, refs->nr + 1, sizeof(*refs->pages));
    refs->pages[refs->nr++] = page;
}

static char *parse_number(struct refs *refs, const char *text, size_t size, size_t *ip)
{
    uint32_t number = 0;
    size_t start = *ip, i = start;
    for (; i < size && text[i] >= '0' && text[i] <= '9' && number <= REFS_PAGE_MAX; i++)
        number = number * 10 + (uint32_t)(text[i] - '0');
    if (i == start || (i < size && !is_blank(text[i]) && text[i] != ',' && number <= REFS_PAGE_MAX))
        return complain(text, size, i);
    if (number > REFS_PAGE_MAX)
        return text_format("the page number at character %zu of the reference string is too large; the largest is %d",
                           start + 1, REFS_PAGE_MAX);
    if (refs->nr == REFS_MAX)
        return text_format("the reference string is too long; it may have %d references", REFS_MAX);
    add(refs, number);
    *ip = i;
    return NULL;
}

char *refs_parse(struct refs *refs, const char *text, size_t size)
{
    bool wants_number = false; /* behind a comma */
    size_t i = 0;
    while (i < size && is_blank(text[i]))
        i++;
    while (i < size || wants_number) {
        char *why = parse_number(refs, text, size, &i);
        if (why)
            return why;
        while (i < size && is_blank(text[i]))
            i++;
        wants_number = i < size && text[i] == ',';
        i += wants_number;
        while (i < size && is_blank(text[i]))
            i++;
    }
    return NULL;
}

void refs_free(struct refs *refs)
{
    free(refs->pages);
    free(refs->numbers);
    free(refs->is_fault);
    free(refs->slots);
}

/* ---- out ---- */

#define LABEL_WIDTH 11 /* "frame 1000 " */

/* Blanks are printed when something follows them, so that no line ends in some. */
struct line {
    size_t nr_blanks;
};

static void cell(struct line *line, int width, const char *text)
{
    line->nr_blanks += (size_t)width - strlen(text);
    if (!*text)
        return;
    printf("%*s%s", (int)line->nr_blanks, "", text);
    line->nr_blanks = 0;
}

static void number_cell(struct line *line, int width, uint32_t number)
{
    char text[16];
    snprintf(text, sizeof(text), "%u", number);
    cell(line, width, text);
}

static void print_block(const struct refs *refs, size_t start, size_t end, int width)
{
    struct line line = {0};
    printf("%-*s|", LABEL_WIDTH, "reference");
    for (size_t i = start; i < end; i++)
        number_cell(&line, width, refs->numbers[refs->pages[i]]);
    printf("\n%.*s+", LABEL_WIDTH, "--------------------");
    for (size_t n = (end - start) * (size_t)width; n > 0; n--)
        putchar('-');
    for (uint32_t slot = 0; slot < refs->nr_frames; slot++) {
        printf("\nframe %-*u|", LABEL_WIDTH - 6, slot + 1);
        line.nr_blanks = 0;
        for (size_t i = start; i < end; i++) {
            uint32_t page = refs->slots[i * refs->nr_frames + slot];
            if (page == REFS_SLOT_EMPTY)
                cell(&line, width, "");
            else
                number_cell(&line, width, refs->numbers[page]);
        }
    }
    printf("\n%-*s|", LABEL_WIDTH, "fault");
    line.nr_blanks = 0;
    for (size_t i = start; i < end; i++)
        cell(&line, width, refs->is_fault[i] ? "*" : "");
    putchar('\n');
}

void refs_print_table(const struct refs *refs)
{
    uint32_t largest = 0;
    int width = 3;
    for (uint32_t page = 0; page < refs->nr_pages; page++)
        largest = refs->numbers[page] > largest ? refs->numbers[page] : largest;
    for (; largest >= 10; largest /= 10)
        width++;
    size_t all = text_terminal_width(), left = all > LABEL_WIDTH + 1 ? all - LABEL_WIDTH - 1 : 0;
    size_t columns = left / (size_t)width ? left / (size_t)width : 1;
    for (size_t start = 0; start < refs->nr; start += columns) {
        putchar('\n');
        print_block(refs, start, start + columns < refs->nr ? start + columns : refs->nr, width);
    }
}
