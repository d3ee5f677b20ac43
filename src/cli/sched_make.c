/* SPDX-License-Identifier: BSD-2-Clause */
/* Exercises: workloads from a seed. The same seed gives the same one everywhere. */
#include "text.h"
#include "workload.h"

#include <stdlib.h>
#include <string.h>

/* splitmix64, by Sebastiano Vigna */
static uint64_t draw(uint64_t *state, uint64_t n)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (z ^ (z >> 31)) % n;
}

/* From 1 to `max` ms; max is at least 1 ms. */
static unsigned long long draw_ms(uint64_t *state, mk_time_t max)
{
    return 1 + draw(state, (uint64_t)(max / MK_MSEC));
}

/* The column that this policy looks at; NULL: none. */
static const char *column_of(const char *policy)
{
    static const struct {
        const char *policy, *column;
    } columns[] = {{"priority", "priority"}, {"lottery", "tickets"}, {"stride", "tickets"},
                   {"fair", "tickets"},      {"mlfqs", "nice"},      {"edf", "period"}};
    for (size_t i = 0; i < sizeof(columns) / sizeof(columns[0]); i++)
        if (strcmp(columns[i].policy, policy) == 0)
            return columns[i].column;
    return NULL;
}

/* A value for that column. Periods are such that they meet again soon, and on the whole leave some time. */
static char *make_value(const char *column, uint64_t *state, const struct sched_exercise *exercise)
{
    static const unsigned periods[] = {2, 3, 4, 6};
    unsigned long long unit = (unsigned long long)(exercise->max_burst / MK_MSEC) * exercise->nr_jobs / 2 + 1;
    uint64_t drawn = draw(state, 60);
    if (strcmp(column, "tickets") == 0)
        return text_format("%u", 50 * (1 + (unsigned)drawn % 6));
    if (strcmp(column, "nice") == 0)
        return text_format("%d", (int)(drawn % 5) * 5 - 10);
    if (strcmp(column, "period") == 0)
        return text_format("%llu", unit * periods[drawn % 4]);
    return text_format("%u", 1 + (unsigned)drawn % 5);
}

static char *make_burst(uint64_t *state, const struct sched_exercise *exercise)
{
    unsigned long long burst = draw_ms(state, exercise->max_burst);
    if (!exercise->has_io)
        return text_format("%llu", burst);
    unsigned long long io = draw_ms(state, exercise->max_burst), more = draw_ms(state, exercise->max_burst);
    return text_format("%llu io %llu %llu", burst, io, more);
}

char *sched_make(const struct sched_exercise *exercise, const char *policy)
{
    const char *column = column_of(policy);
    uint64_t state = exercise->seed;
    char *text = text_format("name,arrival, %*s%s%s\n", exercise->has_io ? 12 : 5, "burst", column ? ", " : "",
                             column ? column : "");
    for (uint32_t i = 0; i < exercise->nr_jobs; i++) {
        uint64_t arrival = draw(&state, (uint64_t)(exercise->max_arrival / MK_MSEC) + 1);
        char *burst = make_burst(&state, exercise);
        char *value = column ? make_value(column, &state, exercise) : text_dup("");
        char *longer = text_format("%sP%u,%*llu, %*s%s%*s\n", text, i + 1,
                                   i < 9    ? 9
                                   : i < 99 ? 8
                                            : 7,
                                   i == 0 ? 0ull : (unsigned long long)arrival, exercise->has_io ? 12 : 5, burst,
                                   column ? ", " : "", column ? (int)strlen(column) : 0, value);
        free(burst);
        free(value);
        free(text);
        text = longer;
    }
    return text;
}
