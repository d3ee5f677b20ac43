/* SPDX-License-Identifier: BSD-2-Clause */
/* Times, names and bursts of a scheduling workload. */
#include "text.h"
#include "workload.h"

#include <stdlib.h>
#include <string.h>

/* ---- times ---- */

static char *no_time(const char *text)
{
    char *safe = text_printable(text);
    char *why =
        text_format("'%s' is no time; write a number with ns, us, ms or s behind it (without: ms), such as 5 or "
                    "2.5ms",
                    safe);
    free(safe);
    return why;
}

static mk_time_t unit_of(const char *suffix)
{
    static const struct {
        const char *name;
        mk_time_t ns;
    } units[] = {{"", MK_MSEC}, {"ns", 1}, {"us", MK_USEC}, {"ms", MK_MSEC}, {"s", MK_SEC}};
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
        if (strcmp(suffix, units[i].name) == 0)
            return units[i].ns;
    return 0;
}

/* The digits behind the point, in a unit of so many ns. False: they are finer than a nanosecond. */
static bool add_fraction(const char *digits, size_t n, mk_time_t unit, mk_time_t *nsp)
{
    for (size_t i = 0; i < n; i++) {
        mk_time_t digit = digits[i] - '0';
        if (unit % 10 && digit)
            return false;
        unit /= 10;
        *nsp += digit * unit;
    }
    return true;
}

char *sched_parse_time(const char *text, mk_time_t *timep)
{
    size_t whole = strspn(text, "0123456789");
    const char *digits = text[whole] == '.' ? text + whole + 1 : text + whole;
    size_t nr_digits = digits > text + whole ? strspn(digits, "0123456789") : 0;
    mk_time_t unit = unit_of(digits + nr_digits), ns = 0;
    if (!whole || !unit || (digits > text + whole && !nr_digits))
        return no_time(text);
    for (size_t i = 0; i < whole && ns <= SCHED_TIME_MAX / unit; i++)
        ns = ns * 10 + (text[i] - '0');
    if (ns > SCHED_TIME_MAX / unit)
        return text_format("'%.40s' is too long; a time is at most %llds", text, (long long)(SCHED_TIME_MAX / MK_SEC));
    ns *= unit;
    if (!add_fraction(digits, nr_digits, unit, &ns))
        return text_format("'%.40s' is finer than a nanosecond, in which times are counted", text);
    if (ns > SCHED_TIME_MAX)
        return text_format("'%.40s' is too long; a time is at most %llds", text, (long long)(SCHED_TIME_MAX / MK_SEC));
    *timep = ns;
    return NULL;
}

/* ---- names ---- */

bool sched_is_name(const char *text)
{
    size_t n = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.");
    return n > 0 && n < MK_LABEL_MAX && !text[n];
}

static uint32_t lock_index(struct sched_workload *workload, const char *name)
{
    uint32_t i = 0;
    while (i < workload->nr_locks && strcmp(workload->locks[i], name) != 0)
        i++;
    return i;
}

/* ---- bursts ---- */

struct parser {
    struct sched_workload *workload;
    struct sched_row *row;
    char *rest;                  /* of strtok_r */
    bool holds[SCHED_LOCKS_MAX]; /* locks, at the end of what was read */
};

static char *next_word(struct parser *parser, char *text)
{
    return strtok_r(text, " \t", &parser->rest);
}

static const struct sched_phase *last_phase(const struct parser *parser)
{
    return parser->row->nr_phases ? &parser->row->phases[parser->row->nr_phases - 1] : NULL;
}

static char *add_phase(struct parser *parser, struct sched_phase phase)
{
    struct sched_row *row = parser->row;
    if (row->nr_phases == SCHED_PHASES_MAX)
        return text_format("the burst has more than %d phases", SCHED_PHASES_MAX);
    row->phases = text_realloc(row->phases, row->nr_phases + 1, sizeof(*row->phases));
    row->phases[row->nr_phases++] = phase;
    return NULL;
}

static char *take_time(struct parser *parser, enum sched_work work, const char *word)
{
    const struct sched_phase *last = last_phase(parser);
    mk_time_t ns = 0;
    char *why = sched_parse_time(word, &ns);
    if (why)
        return why;
    if (ns == 0)
        return text_format("a phase takes more than no time; leave '%s%s' out", work == SCHED_IO ? "io " : "", word);
    if (last && last->work == SCHED_COMPUTE && work == SCHED_COMPUTE)
        return text_format("two times of computing follow each other before '%s'; write their sum, or io TIME between "
                           "them",
                           word);
    if (work == SCHED_IO && !parser->row->burst)
        return text_dup("a burst begins with computing, not with io; write a time before it, such as 1 io 3 2");
    if (last && last->work == SCHED_IO && work == SCHED_IO)
        return text_dup("two times of io follow each other; write their sum, or a time of computing between them");
    *(work == SCHED_IO ? &parser->row->io : &parser->row->burst) += ns;
    return add_phase(parser, (struct sched_phase){.work = work, .ns = ns});
}

static char *take_lock(struct parser *parser, const char *word)
{
    struct sched_workload *workload = parser->workload;
    if (!sched_is_name(word)) {
        char *safe = text_printable(word);
        char *why =
            text_format("'%s' is no name of a lock; write 1 to %d letters, digits, _ - and .", safe, MK_LABEL_MAX - 1);
        free(safe);
        return why;
    }
    uint32_t lock = lock_index(workload, word);
    if (lock == SCHED_LOCKS_MAX)
        return text_format("lock %s is one too many; there may be %d", word, SCHED_LOCKS_MAX);
    if (parser->holds[lock])
        return text_format("lock %s is held already; write unlock %s first", word, word);
    if (lock == workload->nr_locks) {
        workload->locks = text_realloc(workload->locks, lock + 1, sizeof(*workload->locks));
        workload->locks[workload->nr_locks++] = text_dup(word);
    }
    parser->holds[lock] = true;
    return add_phase(parser, (struct sched_phase){.work = SCHED_LOCK, .lock = lock});
}

static char *take_unlock(struct parser *parser, const char *word)
{
    uint32_t lock = lock_index(parser->workload, word);
    if (lock == parser->workload->nr_locks || !parser->holds[lock]) {
        char *safe = text_printable(word);
        char *why = text_format("'unlock %s' without it being held; write lock %s before it", safe, safe);
        free(safe);
        return why;
    }
    parser->holds[lock] = false;
    return add_phase(parser, (struct sched_phase){.work = SCHED_UNLOCK, .lock = lock});
}

static char *take_word(struct parser *parser, const char *word)
{
    static const struct {
        const char *word, *what;
    } words[] = {{"io", "a time"}, {"lock", "its name"}, {"unlock", "its name"}};
    size_t i = 0;
    while (i < 3 && strcmp(words[i].word, word) != 0)
        i++;
    if (i == 3)
        return take_time(parser, SCHED_COMPUTE, word);
    const char *operand = next_word(parser, NULL);
    if (!operand)
        return text_format("'%s' needs %s behind it", word, words[i].what);
    return i == 0   ? take_time(parser, SCHED_IO, operand)
           : i == 1 ? take_lock(parser, operand)
                    : take_unlock(parser, operand);
}

static char *check_end(const struct parser *parser)
{
    bool has_ended = false; /* there is no computing behind the I/O */
    for (size_t i = 0; i < parser->row->nr_phases; i++)
        if (parser->row->phases[i].work <= SCHED_IO)
            has_ended = parser->row->phases[i].work == SCHED_COMPUTE;
    if (!parser->row->burst)
        return text_dup("the burst has no computing; write a time, such as 5");
    if (!has_ended)
        return text_dup("a burst ends with computing, not with io; write a time behind it, such as 1 io 3 2");
    for (size_t i = 0; i < parser->workload->nr_locks; i++)
        if (parser->holds[i])
            return text_format("lock %s is still held at the end; write unlock %s", parser->workload->locks[i],
                               parser->workload->locks[i]);
    return NULL;
}

char *sched_parse_burst(struct sched_workload *workload, struct sched_row *row, char *text)
{
    struct parser parser = {.workload = workload, .row = row};
    for (char *word = next_word(&parser, text); word; word = next_word(&parser, NULL)) {
        char *why = take_word(&parser, word);
        if (why)
            return why;
    }
    return check_end(&parser);
}
