/* SPDX-License-Identifier: BSD-2-Clause */
/* Crashes end their task only, again and again, and cost the process nothing that stays. */
#include "crashways.h"
#include "stress.h"

/* ---- tasks that crash in company ---- */

struct company {
    mk_name_t port;    /* of the echo task */
    unsigned nr_calls; /* that were answered */
    unsigned nr_rounds;
    const struct way *way;
};

static void echo_main(void *arg)
{
    struct company *company = arg;
    struct mk_msg msg = {.capacity = 0};
    mk_err_t err = mk_receive(company->port, &msg, MK_TIME_FOREVER);
    while (!err)
        err = mk_reply_receive(company->port, &msg, MK_TIME_FOREVER);
}

/* Holds a port with messages, and a thread that waits, when it goes. */
static void victim_thread(void *arg)
{
    struct mk_msg msg = {.capacity = 0};
    CHECK_ERR(mk_receive(*(mk_name_t *)arg, &msg, MK_TIME_FOREVER), MK_OK);
}

static void victim_main(void *arg)
{
    struct company *company = arg;
    mk_name_t queue = mkt_port(), wait = mkt_port();
    struct mk_msg_right right = {wait, MK_MAKE_SEND};
    struct mk_msg msg = {.rights = &right, .nr_rights = 1, .reply = wait};
    CHECK_OK(mk_send(queue, &msg, MK_TIME_POLL));
    mkt_thread(victim_thread, &wait);
    mk_thread_yield();
    company->way->go(NULL);
}

static void call_echo(struct company *company, mk_name_t echo)
{
    struct mk_msg msg = {.id = 7};
    CHECK_OK(mk_call(echo, &msg, MK_TIME_FOREVER));
    company->nr_calls++;
}

static void parent_main(void *arg)
{
    struct company *company = arg;
    mk_name_t echo_task, task;
    struct mk_thread_attr attr = {.entry = echo_main, .arg = company};
    mk_name_t mine = mkt_port();
    CHECK_OK(mk_task_create("echo", &echo_task));
    CHECK_OK(mk_right_insert(echo_task, mine, MK_MOVE_RECEIVE, &company->port));
    CHECK_OK(mk_thread_create(echo_task, &attr, NULL));
    for (unsigned i = 0; i < company->nr_rounds; i++) {
        int code = 0;
        company->way = &ways[i % NR_FAST_WAYS];
        attr.entry = victim_main;
        CHECK_OK(mk_task_create(company->way->name, &task));
        CHECK_OK(mk_thread_create(task, &attr, NULL));
        call_echo(company, mine);
        CHECK_OK(mk_task_wait(task, &code, MK_TIME_FOREVER));
        if (code != company->way->code)
            mk_log("%s: exit code %d", company->way->name, code);
        CHECK(code == company->way->code);
        CHECK_OK(mk_right_release(task));
        call_echo(company, mine);
    }
    CHECK_OK(mk_task_terminate(echo_task, 0));
    CHECK_OK(mk_right_release(echo_task));
    CHECK_OK(mk_right_release(mine));
}

/* A log that only counts: thousands of lines come. */
static void count_lines(void *arg, const char *line)
{
    if (strstr(line, "ended its task"))
        ++*(unsigned *)arg;
    else if (line[0] != ' ') /* of a report */
        print_error("%s\n", line);
}

static void company_run(unsigned nr_rounds, enum mk_context context)
{
    struct company company = {.nr_rounds = nr_rounds};
    struct mk_spawn spawn = {.label = "parent", .entry = parent_main, .arg = &company};
    unsigned nr_lines = 0;
    struct mk_machine_config config = {.log = count_lines, .log_arg = &nr_lines, .context = context};
    struct mk_machine *machine;
    struct mk_machine_stats stats;
    int code = -1;
    assert_int_equal(mk_machine_create(&config, &machine), MK_OK);
    assert_int_equal(mk_machine_spawn(machine, &spawn, NULL), MK_OK);
    assert_int_equal(mk_machine_run(machine, &code), MK_OK);
    assert_int_equal(company.nr_calls, 2 * nr_rounds);
    assert_int_equal(nr_lines, nr_rounds);
    assert_int_equal(mk_machine_audit(machine), MK_OK);
    assert_int_equal(mk_machine_stats(machine, &stats), MK_OK);
    assert_int_equal(stats.nr_tasks, 0);
    assert_int_equal(stats.memory_used, 0);
    assert_int_equal(code, 0); /* the parent's: children do not count */
    mk_machine_destroy(machine);
}

/* Of all ways together. MK_STRESS_CRASHES: of each, for a long run. */
static unsigned nr_rounds(void)
{
    const char *each = getenv("MK_STRESS_CRASHES");
    return NR_FAST_WAYS * (each ? (unsigned)atoi(each) : STRESS_SIZE(100u, 20u));
}

/* STRESS0050: 100 crashes of each kind leave an echo task and its clients as they were, and tell the exit code. */
static void STRESS0050(void **state)
{
    (void)state;
    company_run(NR_FAST_WAYS, MK_CONTEXT_ASM);
    struct stress_usage before = stress_usage();
    company_run(nr_rounds(), MK_CONTEXT_ASM);
    stress_compare(before, stress_usage(), 2 << 20, 2);
}

/* STRESS0051: the same with threads switched by swapcontext. */
static void STRESS0051(void **state)
{
    (void)state;
    company_run(NR_FAST_WAYS, MK_CONTEXT_UCONTEXT);
    struct stress_usage before = stress_usage();
    company_run(nr_rounds() / 2, MK_CONTEXT_UCONTEXT);
    stress_compare(before, stress_usage(), 2 << 20, 2);
}

/* STRESS0052: within one machine, 400 crashes more do not take more memory of the kernel. */
static void grow_main(void *arg)
{
    struct mk_machine_stats first, last;
    struct company *company = arg;
    company->nr_rounds = 400; /* more than the ended tasks that listings keep */
    parent_main(company);
    CHECK_OK(mk_machine_stats(NULL, &first));
    parent_main(company);
    CHECK_OK(mk_machine_stats(NULL, &last));
    if (last.kernel_memory > first.kernel_memory)
        mk_log("kernel memory grew from %llu to %llu", (unsigned long long)first.kernel_memory,
               (unsigned long long)last.kernel_memory);
    CHECK(last.kernel_memory == first.kernel_memory);
    CHECK(last.nr_ports == first.nr_ports && last.nr_rights == first.nr_rights);
}

static void STRESS0052(void **state)
{
    (void)state;
    struct company company = {0};
    struct mk_spawn spawn = {.label = "grow", .entry = grow_main, .arg = &company};
    unsigned nr_lines = 0;
    struct mk_machine_config config = {.log = count_lines, .log_arg = &nr_lines};
    struct mk_machine *machine;
    assert_int_equal(mk_machine_create(&config, &machine), MK_OK);
    uint64_t id;
    assert_int_equal(mk_machine_spawn(machine, &spawn, &id), MK_OK);
    assert_int_equal(mk_machine_run(machine, NULL), MK_OK);
    struct mk_task_info tasks[600];
    size_t n = 0;
    assert_int_equal(mk_machine_tasks(machine, tasks, 600, &n), MK_OK);
    for (size_t i = 0; i < n; i++)
        if (tasks[i].id == id)
            assert_int_equal(tasks[i].exit_code, 0);
    assert_int_equal(nr_lines, 800);
    mk_machine_destroy(machine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(STRESS0050),
        cmocka_unit_test(STRESS0051),
        cmocka_unit_test(STRESS0052),
    };
    cmocka_set_test_filter(getenv("MK_STRESS_TEST")); /* one of them, to look closer */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
