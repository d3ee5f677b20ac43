/* SPDX-License-Identifier: BSD-2-Clause */
/* The command vm: what a task has mapped and where its pages are, and what the machine's memory went through. */
#include <stdio.h>
#include <string.h>

#include "commands.h"

#define STRIP_MAX 64   /* marks of a region */
#define CHUNK     1024 /* pages looked at together */

/* ---- one region ---- */

/* Of several pages under one mark the one that is most in memory shows. */
static const char marks[] = ".o=#";

static int rank(uint8_t state)
{
    if ((state & MK_PAGE_RESIDENT) != 0)
        return (state & MK_PAGE_MODIFIED) != 0 ? 3 : 2;
    return (state & MK_PAGE_STORED) != 0 ? 1 : 0;
}

static mk_err_t put_strip(mk_name_t task, const struct mk_vm_region *region, size_t group, char *strip)
{
    static uint8_t states[CHUNK];
    size_t nr = region->size / mk_page_size();

    memset(strip, marks[0], (nr + group - 1) / group);
    strip[(nr + group - 1) / group] = '\0';
    for (size_t first = 0; first < nr; first += CHUNK) {
        size_t some = nr - first < CHUNK ? nr - first : CHUNK;
        mk_err_t err = mk_vm_pages(task, region->start + first * mk_page_size(), some, states);

        if (err != MK_OK)
            return err;
        for (size_t i = 0; i < some; i++) {
            char *mark = &strip[(first + i) / group];

            if (rank(states[i]) > strchr(marks, *mark) - marks)
                *mark = marks[rank(states[i])];
        }
    }
    return MK_OK;
}

static const char *kind(const struct mk_vm_region *region)
{
    if (region->is_shared)
        return "shared";
    return region->needs_copy || region->nr_shadows > 0 ? "copy" : "own";
}

static mk_err_t show_region(struct shell *sh, mk_name_t task, const struct mk_vm_region *region, mk_vaddr_t base)
{
    size_t nr = region->size / mk_page_size(), group = (nr + STRIP_MAX - 1) / STRIP_MAX;
    char strip[STRIP_MAX + 1], scale[48] = "";
    mk_err_t err = put_strip(task, region, group, strip);

    if (group > 1)
        snprintf(scale, sizeof(scale), " (%zu pages each)", group);
    if (err == MK_OK)
        out_text(sh, "%8zuK %8zuK %c%c   %6llu %-6s %6u%s [%s]%s\n", (size_t)(region->start - base) / 1024,
                 region->size / 1024, (region->prot & MK_PROT_READ) != 0 ? 'r' : '-',
                 (region->prot & MK_PROT_WRITE) != 0 ? 'w' : '-', (unsigned long long)region->object, kind(region),
                 region->nr_resident, region->is_wired ? "w" : " ", strip, scale);
    return err;
}

/* Offsets are from the first region on: windows lie elsewhere in each run. */
static mk_err_t show_map(struct shell *sh, mk_name_t task)
{
    struct mk_vm_region region = {.start = 0};
    mk_vaddr_t base = 0, at = 0;
    mk_err_t err;

    out_text(sh, "%9s %9s %-4s %6s %-6s %6s  %s\n", "OFFSET", "SIZE", "PROT", "OBJECT", "KIND", "PAGES", "WHERE");
    while ((err = mk_vm_region(task, at, &region)) == MK_OK) {
        base = base == 0 ? region.start : base;
        at = region.start + region.size;
        err = show_region(sh, task, &region, base);
        if (err != MK_OK)
            return err;
    }
    out_text(sh,
             "# modified in memory, = in memory, o in the backing store, . absent: not yet used, or with its pager\n");
    return err == MK_E_NOT_FOUND ? MK_OK : err;
}

/* ---- counters ---- */

static void show_counts(struct shell *sh, const char *whose, const struct mk_vm_stats *s)
{
    out_text(sh, "%-8s faults: %llu zero, %llu copied, %llu paged in, %llu soft; filled ahead: %llu\n", whose,
             (unsigned long long)s->nr_zero_fills, (unsigned long long)s->nr_copies, (unsigned long long)s->nr_page_ins,
             (unsigned long long)s->nr_soft, (unsigned long long)s->nr_ahead);
}

/* Pages that come back for others that are still needed, and more of them than fit: nothing else is done any more. */
static bool is_thrashing(const struct mk_vm_stats *s)
{
    return s->nr_refaults > s->nr_frames && s->nr_refaults > s->nr_page_ins / 2;
}

static mk_err_t show_machine(struct shell *sh)
{
    struct mk_vm_stats s;
    mk_err_t err = mk_vm_statistics(MK_NAME_NULL, &s);

    if (err != MK_OK)
        return err;
    show_counts(sh, "machine", &s);
    out_text(sh, "%-8s frames: %llu, free %llu, wired %llu, reserved %llu; store: %llu, used %llu\n", "",
             (unsigned long long)s.nr_frames, (unsigned long long)s.nr_free, (unsigned long long)s.nr_wired,
             (unsigned long long)s.nr_reserved, (unsigned long long)s.nr_slots, (unsigned long long)s.nr_used_slots);
    out_text(sh, "%-8s page-ins: %llu, too soon %llu; page-outs: %llu; evictions: %llu\n", "",
             (unsigned long long)s.nr_page_ins, (unsigned long long)s.nr_refaults, (unsigned long long)s.nr_page_outs,
             (unsigned long long)s.nr_evictions);
    if (is_thrashing(&s))
        out_text(sh, "thrashing: most pages come back soon after they left; the machine has too little memory\n");
    return MK_OK;
}

static mk_err_t show_task(struct shell *sh, uint64_t id)
{
    struct mk_vm_stats s;
    mk_name_t machine, task;
    mk_err_t err = mk_task_get_special(mk_task_self(), MK_SPECIAL_MACHINE, &machine);

    if (err != MK_OK)
        return err == MK_E_NOT_FOUND ? MK_E_NO_ACCESS : err;
    err = mk_task_by_id(machine, id, &task);
    right_release(machine);
    if (err != MK_OK)
        return err;
    err = show_map(sh, task);
    if (err == MK_OK)
        err = mk_vm_statistics(task, &s);
    if (err == MK_OK)
        show_counts(sh, "task", &s);
    right_release(task);
    return err;
}

int cmd_vm(struct shell *sh, int argc, char **argv)
{
    uint64_t id = 0;
    mk_err_t err = MK_OK;

    if (argc > 2)
        return err_usage(sh, "vm");
    if (argc == 2) {
        id = find_task(sh, "vm", argv[1]);
        if (id == 0)
            return 1;
        err = show_task(sh, id);
    }
    if (err == MK_OK)
        err = show_machine(sh);
    return err == MK_OK ? 0 : err_fail(sh, "vm", argc == 2 ? argv[1] : "machine", err);
}
