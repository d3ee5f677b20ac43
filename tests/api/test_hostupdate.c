/* SPDX-License-Identifier: BSD-2-Clause */
/* mk_machine_update: a server is updated because the host program, or one of its tasks, asks for it. */
#include "helpers.h"
#include "plugins/versioned.h"

#define SERVER(name) SERVERS_DIR "/" name "/" name ".so"
#define PLUGIN(name) PLUGIN_DIR "/" name ".so"

/* As `mk run` does: see servers/supervisor/jobs.c. */
static const char description[] =
    SERVER("supervisor") "\n"
                         "group\tdefault\t0\t0\t0\t0\n"
                         "task\tnames\t" SERVER("names") "\t0\t0\t-\t0\t0\t0\t0\t0\t0\t\n"
                                                         "task\tversioned\t" PLUGIN(
                                                             "versioned_1") "\t0\t0\tnames\t0\t0\t0\t0\t0\t0\t\n";

static void begin(struct mkt *t)
{
    const struct mk_load guardian = {
        .label = "guardian", .path = SERVER("guardian"), .args = description, .privileged = true};
    char why[256] = "";
    mkt_begin(t, NULL);
    t->expects_log = true; /* what a new version says, and the supervisor of it */
    mk_err_t err = mk_machine_load(t->machine, &guardian, NULL, why, sizeof(why));
    if (err)
        print_error("%s\n", why);
    assert_int_equal(err, MK_OK);
}

static uint64_t last_count;
static uint32_t last_version;

/* One more than before, whichever version says so; again if one crashed with the request in hand. */
static void count(mk_name_t versioned)
{
    struct versioned_count answer;
    struct mk_msg msg;
    mk_err_t err;
    do {
        msg = (struct mk_msg){.id = VERSIONED_COUNT, .body = &answer, .capacity = sizeof(answer)};
        err = mk_call(versioned, &msg, MK_TIME_FOREVER);
    } while (err == MK_E_DEAD);
    CHECK_OK(err);
    CHECK_OK(msg.status);
    CHECK(answer.count == last_count + 1);
    last_count = answer.count;
    last_version = answer.version;
}

static mk_name_t find(void)
{
    mk_name_t versioned;
    CHECK_OK(mk_name_lookup("versioned", MK_TIME_FOREVER, &versioned));
    return versioned;
}

/* ---- inside ---- */

static void update_inside(void *arg)
{
    static char long_path[2000];
    (void)arg;
    mk_name_t versioned = find();
    count(versioned);
    CHECK_OK(mk_machine_update(NULL, "versioned", PLUGIN("versioned_2")));
    count(versioned);
    CHECK(last_version == 2);
    CHECK_ERR(mk_machine_update(NULL, "versioned", PLUGIN("versioned_refuses")), MK_E_BAD_ARGUMENT);
    CHECK_ERR(mk_machine_update(NULL, "versioned", PLUGIN("versioned_crashes1")), MK_E_PLUGIN_START);
    CHECK_ERR(mk_machine_update(NULL, "versioned", PLUGIN("nosuch")), MK_E_PLUGIN_FILE);
    CHECK_ERR(mk_machine_update(NULL, "nosuch", PLUGIN("versioned_1")), MK_E_NOT_FOUND);
    count(versioned);
    CHECK(last_version == 2);
    CHECK_ERR(mk_machine_update(NULL, "versioned", PLUGIN("versioned_cannot")), MK_E_NOT_SUPPORTED);
    memset(long_path, 'x', sizeof(long_path) - 1);
    CHECK_ERR(mk_machine_update(NULL, "versioned", long_path), MK_E_TOO_LONG);
}

/* HOSTUP0010: a task of the program has a server updated, and is told when that fails. */
static void HOSTUP0010(void **state)
{
    struct mkt t;
    (void)state;
    begin(&t);
    last_count = 0;
    mkt_spawn(&t, "client", update_inside, NULL, false);
    mkt_run_all(&t);
    mkt_finish(&t);
    assert_int_equal(last_count, 3);
}

/* ---- from the host ---- */

static bool is_over;

static void count_until_over(void *arg)
{
    (void)arg;
    mk_name_t versioned = find();
    while (!is_over) {
        count(versioned);
        CHECK_OK(mk_time_sleep(mk_time_now() + MK_USEC));
    }
}

/* HOSTUP0020: the host program updates a server before the first run and between runs, while a client works with it. */
static void HOSTUP0020(void **state)
{
    struct mkt t;
    (void)state;
    begin(&t);
    last_count = 0;
    is_over = false;
    mkt_spawn(&t, "client", count_until_over, NULL, false);
    assert_int_equal(mk_machine_update(t.machine, "versioned", PLUGIN("versioned_2")), MK_OK);
    assert_int_equal(mk_machine_update(t.machine, "versioned", PLUGIN("versioned_refuses")), MK_E_BAD_ARGUMENT);
    assert_int_equal(mk_machine_update(t.machine, "versioned", PLUGIN("nosuch")), MK_E_PLUGIN_FILE);
    assert_non_null(strstr(t.log, "[supervisor] versioned: "));
    assert_int_equal(last_version, 2);
    assert_int_equal(mk_machine_update(t.machine, "versioned", PLUGIN("versioned_1")), MK_OK);
    is_over = true;
    mkt_run_all(&t);
    assert_int_equal(last_version, 1);
    mkt_finish(&t);
}

static void stop_at_once(void *arg)
{
    mk_name_t machine;
    (void)arg;
    CHECK_OK(mk_task_get_special(mk_task_self(), MK_SPECIAL_MACHINE, &machine));
    CHECK_OK(mk_machine_halt(machine, 0));
}

/* HOSTUP0030: a run that others end first gives no answer; the update goes on in the next. */
static void HOSTUP0030(void **state)
{
    struct mkt t;
    (void)state;
    begin(&t);
    last_count = 0;
    is_over = true;
    mkt_spawn(&t, "stopper", stop_at_once, NULL, false);
    mkt_spawn(&t, "client", count_until_over, NULL, false);
    assert_int_equal(mk_machine_update(t.machine, "versioned", PLUGIN("versioned_2")), MK_E_ABORTED);
    mkt_run_all(&t);
    mkt_finish(&t);
}

static void update_alone(void *arg)
{
    (void)arg;
    CHECK_ERR(mk_machine_update(NULL, "versioned", "x.so"), MK_E_NOT_FOUND);
}

/* HOSTUP0040: without a supervisor there is nobody to ask, and outside no machine. */
static void HOSTUP0040(void **state)
{
    struct mkt t;
    (void)state;
    mkt_begin(&t, NULL);
    assert_int_equal(mk_machine_update(NULL, "versioned", "x.so"), MK_E_NOT_IN_MACHINE);
    assert_int_equal(mk_machine_update(t.machine, "versioned", "x.so"), MK_E_NOT_FOUND);
    mkt_spawn(&t, "client", update_alone, NULL, false);
    mkt_run_all(&t);
    mkt_finish(&t);
}

/* ---- leaks ---- */

static uint32_t nr_names_of(const char *label)
{
    static struct mk_task_info infos[300];
    size_t n;
    CHECK_OK(mk_machine_tasks(NULL, infos, COUNT_OF(infos), &n));
    while (n-- > 0)
        if (!infos[n].is_ended && strcmp(infos[n].label, label) == 0)
            return infos[n].nr_names;
    return 0;
}

static void update_again_and_again(void *arg)
{
    const char *file = arg;
    mk_name_t versioned = find();
    uint32_t of_server = 0, of_supervisor = 0;
    for (int round = 0; round < 6; round++) {
        (void)!mk_machine_update(NULL, "versioned", file);
        for (int i = 0; i < 3 * MK_SERVER_PROBATION; i++) /* the old version is gone then */
            count(versioned);
        if (round > 0)
            continue;
        of_server = nr_names_of("versioned");
        of_supervisor = nr_names_of("supervisor");
    }
    mk_log("%s: %u, then %u names; of the supervisor %u, then %u", file, of_server, nr_names_of("versioned"),
           of_supervisor, nr_names_of("supervisor"));
    CHECK(nr_names_of("versioned") == of_server);
    CHECK(nr_names_of("supervisor") == of_supervisor);
}

/* HOSTUP0050: updates, good ones and those that fail, leave no names behind in the server and in the supervisor. */
static void HOSTUP0050(void **state)
{
    static const char *const files[] = {
        PLUGIN("versioned_refuses"), PLUGIN("versioned_crashes1"), PLUGIN("nosuch"),
        PLUGIN("versioned_cannot"),  PLUGIN("versioned_2"),        PLUGIN("versioned_crashes2")};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(files); i++) {
        struct mkt t;
        begin(&t);
        last_count = 0;
        mkt_spawn(&t, "client", update_again_and_again, (void *)(uintptr_t)files[i], false);
        mkt_run_all(&t);
        mkt_finish(&t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(HOSTUP0010), cmocka_unit_test(HOSTUP0020), cmocka_unit_test(HOSTUP0030),
        cmocka_unit_test(HOSTUP0040), cmocka_unit_test(HOSTUP0050),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
