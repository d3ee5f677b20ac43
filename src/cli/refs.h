/* SPDX-License-Identifier: BSD-2-Clause */
/* Reference strings: how mk refs reads, runs and shows them. */
#ifndef CLI_REFS_H
#define CLI_REFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REFS_FRAMES_MAX  1000
#define REFS_MAX         10000  /* references in a string */
#define REFS_PAGE_MAX    100000 /* number of a page */
#define REFS_WINDOW_MAX  1000000
#define REFS_SLOT_EMPTY  UINT32_MAX
#define REFS_POLICY_LIST "fifo, clock, clock-clear, lru, aging, random, ws or opt"

struct refs {
    const char *policy;
    uint32_t nr_frames;
    uint64_t window, seed;
    bool has_slots; /* note what is in the frames after each reference */

    size_t nr;
    uint32_t *pages; /* the string; pages are counted from 0 in the order in which they appear */
    uint32_t nr_pages;
    uint32_t *numbers; /* of the pages, as they were written */

    uint64_t nr_faults, nr_evictions;
    bool *is_fault;  /* of each reference */
    uint32_t *slots; /* of each reference, nr_frames pages, or REFS_SLOT_EMPTY */
};

/* Add what stands in a text, page numbers with commas or blanks between them. NULL, or what is wrong, to be freed. */
char *refs_parse(struct refs *refs, const char *text, size_t size);

/* Run the string. False after a report on standard error. */
bool refs_run(struct refs *refs);

void refs_print_table(const struct refs *refs);

void refs_free(struct refs *refs);

#endif
