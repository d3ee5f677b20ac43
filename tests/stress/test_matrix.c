/* SPDX-License-Identifier: BSD-2-Clause */
/* The ownership matrix; matrix/matrix.h explains it. */
#include "matrix/matrix.h"

/* ---- allocations: the k-th one that a call under test makes fails, once ---- */

static struct {
    unsigned left; /* until the one that fails; 0: none does */
    unsigned nr_asked;
    bool may_fail, has_failed;
} hook;

static void *hook_alloc(void *arg, size_t size)
{
    (void)size;
    hook.nr_asked += hook.may_fail;
    if (!hook.may_fail || hook.left == 0 || --hook.left > 0)
        return &hook;
    hook.has_failed = true;
    (void)arg;
    return NULL;
}

void allocations_may_fail(bool may)
{
    hook.may_fail = may;
}

bool allocation_has_failed(void)
{
    return hook.has_failed;
}

/* ---- one cell ---- */

static struct cell cell;
static const struct point *cell_point;

/* End what the point left, so that nothing may be left in the machine. */
static void cell_end(struct cell *c)
{
    if (c->has_sender)
        CHECK_OK(mk_task_terminate(c->sender, 0));
    if (c->has_receiver)
        CHECK_OK(mk_task_terminate(c->receiver, 0));
    if (c->row->is_reply && !c->caller.is_done)
        fault(c, "the caller waits for ever");
    must(c, mk_machine_audit(NULL), "the audit at the end");
}

static void cell_main(void *arg)
{
    struct cell *c = arg;
    cell_build(c);
    check(c);
    cell_point->run(c);
    cell_end(c);
    mk_task_exit(c->nr_faults != 0);
}

/* ---- the machine: cells have fresh tasks, and a hundred share one machine ---- */

#define CELLS_PER_MACHINE 100

static struct mkt t;
static unsigned nr_in_machine;

static void machine_begin(void)
{
    const struct mk_machine_config config = {.alloc_hook = hook_alloc, .memory_size = (uint64_t)1 << 31};
    mkt_begin(&t, &config);
    nr_in_machine = 0;
}

static void machine_end(void)
{
    if (t.machine)
        mkt_finish(&t);
}

static struct mk_machine_stats stats_now(void)
{
    struct mk_machine_stats stats;
    assert_int_equal(mk_machine_stats(t.machine, &stats), MK_OK);
    return stats;
}

static bool is_as_before(const struct mk_machine_stats *a)
{
    const struct mk_machine_stats b = stats_now();
    return a->nr_tasks == b.nr_tasks && a->nr_threads == b.nr_threads && a->nr_ports == b.nr_ports &&
           a->nr_rights == b.nr_rights && a->nr_messages == b.nr_messages && a->memory_used == b.memory_used;
}

/* False: something did not add up. `k`: the allocation that fails, 0: none. */
static bool cell_run(const struct row *row, const struct point *point, unsigned k)
{
    int code = 0;
    if (t.machine && nr_in_machine++ >= CELLS_PER_MACHINE)
        machine_end();
    if (!t.machine)
        machine_begin();
    struct mk_machine_stats before = stats_now();
    memset(&cell, 0, sizeof(cell));
    memset(&hook, 0, sizeof(hook));
    hook.left = k;
    cell.row = row;
    cell.point = point->label;
    cell_point = point;
    const struct mk_spawn spawn = {.label = "owner", .entry = cell_main, .arg = &cell, .priority = 10};
    assert_int_equal(mk_machine_spawn(t.machine, &spawn, NULL), MK_OK);
    mk_err_t err = mk_machine_run(t.machine, &code);
    hook.may_fail = false;
    mk_err_t audit = mk_machine_audit(t.machine);
    bool is_clean = is_as_before(&before);
    if (!err && !code && !audit && is_clean && !t.log_used)
        return true;
    print_error("%s | %s", row->label, point->label);
    if (k)
        print_error(", allocation %u fails", k);
    print_error(": %s, exit code %d, audit %s%s; log:\n%s", mk_err_name(err), code, mk_err_name(audit),
                is_clean ? "" : ", something is left", t.log);
    mk_machine_destroy(t.machine); /* the next one gets another */
    t.machine = NULL;
    return false;
}

/* ---- the matrix ---- */

struct result {
    unsigned nr_cells, nr_meaningless, nr_failed, nr_runs, nr_failed_without_memory;
};

static const struct {
    const struct point *points;
    const size_t *nrp;
} groups[] = {
    {send_points, &nr_send_points},     {refusal_points, &nr_refusal_points}, {receive_points, &nr_receive_points},
    {memory_points, &nr_memory_points}, {set_points, &nr_set_points},         {task_points, &nr_task_points},
    {reply_points, &nr_reply_points},   {call_points, &nr_call_points},
};

static bool is_wanted(const struct row *row, const struct point *point)
{
    const char *wanted_row = getenv("MK_MATRIX_ROW"), *wanted_point = getenv("MK_MATRIX_POINT");
    return (!wanted_row || strstr(row->label, wanted_row)) && (!wanted_point || strstr(point->label, wanted_point));
}

/* With each allocation failing that the cell makes when none does. */
static bool cell_fails_each(const struct row *row, const struct point *point, struct result *result)
{
    unsigned nr = hook.nr_asked;
    bool is_good = true;
    for (unsigned k = 1; k <= nr; k++, result->nr_runs++)
        is_good = cell_run(row, point, k) && hook.has_failed && is_good;
    return is_good;
}

/* Each point without memory for a third of the rows, each row at a third of the points; or all, if asked for. */
static bool is_without_memory(const struct row *row, size_t nth_point)
{
    return getenv("MK_MATRIX_ALL") || ((size_t)(row - rows) + nth_point) % 3 == 0;
}

static void run_cell(const struct row *row, const struct point *point, size_t nth_point, struct result *result)
{
    if (!is_wanted(row, point))
        return;
    if (point->is_meaningful && !point->is_meaningful(row)) {
        result->nr_meaningless++;
        if (getenv("MK_MATRIX_VERBOSE"))
            print_message("no meaning: %s | %s\n", row->label, point->label);
        return;
    }
    result->nr_cells++;
    if (!cell_run(row, point, 0))
        result->nr_failed++;
    else if (is_without_memory(row, nth_point) && !cell_fails_each(row, point, result))
        result->nr_failed_without_memory++;
}

static unsigned failed(const struct result *result)
{
    return result->nr_failed + result->nr_failed_without_memory;
}

static struct result run_all(void)
{
    struct result result = {0};
    bool is_first_enough = getenv("MKT_FIRST") != NULL; /* stop at the first cell that fails */
    for (size_t g = 0; g < COUNT_OF(groups); g++)
        for (size_t p = 0; p < *groups[g].nrp; p++)
            for (size_t r = 0; r < nr_rows && !(is_first_enough && failed(&result)); r++)
                run_cell(&rows[r], &groups[g].points[p], p, &result);
    machine_end();
    return result;
}

/*
 * MATRIX0010: every disposition at every point of success and failure leaves what the contract says; and so it does
 * with each allocation in turn failing: the call says so, changes nothing, and can be made again.
 */
static void MATRIX0010(void **state)
{
    (void)state;
    struct result result = run_all();
    print_message("%u cells, %u without meaning; %u failed\n", result.nr_cells, result.nr_meaningless,
                  result.nr_failed);
    print_message("%u failing allocations; %u cells failed with one\n", result.nr_runs,
                  result.nr_failed_without_memory);
    assert_int_equal(failed(&result), 0);
    assert_true(2 * result.nr_runs > result.nr_cells || getenv("MK_MATRIX_POINT"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(MATRIX0010)};
    cmocka_set_test_filter(getenv("MKT_TEST"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
