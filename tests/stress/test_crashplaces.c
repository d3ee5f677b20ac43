/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Each way to crash, at each place, in each mode of isolation: in a system of guardian, supervisor, name service and a
 * server, that server or the supervisor ends in the middle of something. The client that asked learns of it, the next
 * instance answers by the same right, and nothing is lost.
 */
#include "crasher.h"
#include "crashways.h"
#include "stress.h"

#include "servers/guardian/guardian_proto.h"

#ifndef SERVERS_DIR
#error "SERVERS_DIR is the folder of the servers, PLUGIN_DIR that of the test plugins"
#endif

static const struct {
    enum mk_isolation mode;
    const char *name;
} isolations[] = {
    {MK_ISOLATION_NONE, "none"},
    {MK_ISOLATION_MPROTECT, "mprotect"},
};
#define NR_ISOLATIONS (sizeof(isolations) / sizeof(isolations[0]))

#define IN_SUPERVISOR CRASHER_NR_PLACES /* a place more */
#define WATCHDOG      ((RUNNING_ON_VALGRIND ? 2000 : 40) * MK_MSEC)

static struct cell {
    uint32_t place, way;
    bool is_armed; /* the supervisor ends at its next kernel call */
    unsigned nr_done;
} cell;

/* ---- inside ---- */

static mk_name_t called; /* by the server, at CRASHER_IN_CALL */

/* Answers late: the server has ended meanwhile. */
static void answer_late(void *arg)
{
    struct mk_msg msg = {.capacity = 0};
    (void)arg;
    CHECK_OK(mk_receive(called, &msg, MK_TIME_FOREVER));
    CHECK_OK(mk_time_sleep(mk_time_now() + MK_MSEC));
    mk_err_t err = mk_reply(&msg);
    CHECK(err == MK_OK || err == MK_E_DEAD);
}

static mk_err_t order(mk_name_t server, uint32_t place, uint32_t way)
{
    struct crasher_go go = {.way = way, .place = place};
    struct mk_msg_right right = {called, MK_MAKE_SEND};
    struct mk_msg msg = {.id = CRASHER_GO, .body = &go, .size = sizeof(go), .rights = &right, .nr_rights = 1};
    mk_err_t err = mk_call(server, &msg, MK_TIME_FOREVER);
    return err ? err : msg.status;
}

static uint32_t ping(mk_name_t server)
{
    uint32_t number = 0;
    struct mk_msg msg = {.id = CRASHER_PING, .body = &number, .capacity = sizeof(number)};
    CHECK_OK(mk_call(server, &msg, MK_TIME_FOREVER));
    CHECK_OK(msg.status);
    return number;
}

static void client_main(void *arg)
{
    mk_name_t server;
    (void)arg;
    called = mkt_port();
    CHECK_OK(mk_name_lookup("crasher", MK_TIME_FOREVER, &server));
    CHECK(ping(server) == 1 && ping(server) == 2);
    if (cell.place == CRASHER_IN_CALL)
        mkt_thread(answer_late, NULL);
    cell.is_armed = cell.place == IN_SUPERVISOR;
    uint32_t place = cell.is_armed ? CRASHER_IN_HANDLER : cell.place, way = cell.is_armed ? 0 : cell.way;
    CHECK_ERR(order(server, place, way), place == CRASHER_IN_THREAD ? MK_OK : MK_E_DEAD);
    CHECK_OK(mk_time_sleep(mk_time_now() + 10 * MK_MSEC));
    CHECK(!cell.is_armed);
    CHECK(ping(server) == 1 && ping(server) == 2);
    cell.nr_done++;
}

static mk_err_t strike(void *arg, const struct mk_probe_call *call)
{
    (void)arg;
    if (cell.is_armed && strcmp(call->label, "supervisor") == 0) {
        cell.is_armed = false;
        ways[cell.way].go(NULL);
    }
    return MK_OK;
}

/* ---- outside ---- */

/* `heartbeat`: of the server, ns; 0: none. */
static void load_system(struct mk_machine *machine, unsigned long heartbeat)
{
    char args[2048];
    snprintf(args, sizeof(args),
             "%s/supervisor/supervisor.so\n"
             "group\tdefault\t0\t0\t0\t0\n"
             "task\tnames\t%s/names/names.so\t32\t1\t-\t0\t0\t0\t3\t0\t0\t\n"
             "task\tcrasher\t%s/crasher.so\t32\t0\tnames\t0\t0\t0\t3\t%lu\t0\t\n",
             SERVERS_DIR, SERVERS_DIR, PLUGIN_DIR, heartbeat);
    const struct mk_load load = {
        .label = "guardian", .path = SERVERS_DIR "/guardian/guardian.so", .args = args, .privileged = true};
    char why[256] = "";
    if (mk_machine_load(machine, &load, NULL, why, sizeof(why)) != MK_OK)
        fail_msg("%s", why);
}

/* The one that ended, with the way's exit code. */
static bool has_ended(struct mk_machine *machine, const char *label, int code)
{
    struct mk_task_info tasks[32];
    size_t n = 0;
    assert_int_equal(mk_machine_tasks(machine, tasks, 32, &n), MK_OK);
    for (size_t i = 0; i < n && i < 32; i++)
        if (tasks[i].is_ended && strcmp(tasks[i].label, label) == 0 && tasks[i].exit_code == code)
            return true;
    return false;
}

static bool run_cell(enum mk_isolation isolation)
{
    const struct mk_machine_config config = {.isolation = isolation, .watchdog = WATCHDOG, .probe = strike};
    struct mkt t;
    int code = -1;
    mkt_begin(&t, &config);
    t.expects_log = true;
    load_system(t.machine, 0);
    mkt_spawn(&t, "client", client_main, NULL, false);
    cell.nr_done = 0;
    mk_err_t err = mk_machine_run(t.machine, &code);
    const char *label = cell.place == IN_SUPERVISOR ? "supervisor" : "crasher";
    bool is_good = err == MK_OK && code == 0 && cell.nr_done == 1 && has_ended(t.machine, label, ways[cell.way].code);
    if (!is_good)
        print_error("%s\n", t.log);
    mkt_finish(&t); /* which audits it */
    return is_good;
}

static bool is_possible(uint32_t place, const char *way)
{
    if (MKT_TSAN && strcmp(way, "loop") == 0)
        return false; /* there is no watchdog */
    return place != CRASHER_IN_HEAP || strcmp(way, "null") == 0 || strcmp(way, "noncanonical") == 0 ||
           strcmp(way, "abort") == 0 || strcmp(way, "overflow") == 0;
}

static void run_place(uint32_t place)
{
    unsigned nr_wrong = 0;
    for (size_t i = 0; i < NR_ISOLATIONS; i++)
        for (uint32_t way = 0; way < NR_WAYS; way++) {
            if (!is_possible(place, ways[way].name))
                continue;
            cell = (struct cell){.place = place, .way = way};
            if (run_cell(isolations[i].mode))
                continue;
            print_error("isolation %s: %s\n", isolations[i].name, ways[way].name);
            nr_wrong++;
        }
    assert_int_equal(nr_wrong, 0);
}

/* CRASH0010: on a thread beside the server loop: nobody waits for it, and the next instance answers. */
static void CRASH0010(void **state)
{
    (void)state;
    run_place(CRASHER_IN_THREAD);
}

/* CRASH0020: in a handler: who called is told that it is dead. */
static void CRASH0020(void **state)
{
    (void)state;
    run_place(CRASHER_IN_HANDLER);
}

/* CRASH0030: below a function of libc. */
static void CRASH0030(void **state)
{
    (void)state;
    run_place(CRASHER_IN_LIBC);
}

/* CRASH0040: below stdio, while a stream is locked. */
static void CRASH0040(void **state)
{
    (void)state;
    run_place(CRASHER_IN_STDIO);
}

/* CRASH0050: in the heap, as far as a heap crashes in such a way. */
static void CRASH0050(void **state)
{
    (void)state;
    run_place(CRASHER_IN_HEAP);
}

/* CRASH0060: while another thread of the server waits for the answer to a call, which then comes too late. */
static void CRASH0060(void **state)
{
    (void)state;
    run_place(CRASHER_IN_CALL);
}

/* CRASH0070: in the supervisor, when it begins to restart a server: the guardian's next one does that. */
static void CRASH0070(void **state)
{
    (void)state;
    run_place(IN_SUPERVISOR);
}

/* ---- a message that is spoilt ---- */

#define LATE (100 * MK_SEC)

static struct spoilt {
    struct mk_machine *machine;
    unsigned bit;
    bool is_done;
} spoilt;

/* What the supervisor tells the guardian when no program is left. */
static mk_err_t spoil(void *arg, const struct mk_probe_call *call)
{
    uint32_t number;
    (void)arg;
    if (mk_time_now() > LATE)
        mk_machine_stop(spoilt.machine, 1);
    if (spoilt.is_done || strcmp(call->label, "supervisor") != 0 || strcmp(call->name, "mk_call") != 0 ||
        call->msg->id != GUARDIAN_GOING)
        return MK_OK;
    memcpy(&number, call->msg->body, sizeof(number));
    if (number != GUARDIAN_RESTS)
        return MK_OK;
    number ^= 1u << spoilt.bit;
    memcpy(call->msg->body, &number, sizeof(number));
    spoilt.is_done = true;
    return MK_OK;
}

static void look_up(void *arg)
{
    mk_name_t server;
    (void)arg;
    CHECK_OK(mk_name_lookup("crasher", MK_TIME_FOREVER, &server));
}

/* CRASH0080: a bit changes in the message that lets the machine end: it ends all the same. */
static void CRASH0080(void **state)
{
    const struct mk_machine_config config = {.probe = spoil};
    (void)state;
    for (unsigned bit = 0; bit < 32; bit++) {
        struct mkt t;
        int code = -1;
        mkt_begin(&t, &config);
        t.expects_log = true;
        spoilt = (struct spoilt){.machine = t.machine, .bit = bit};
        load_system(t.machine, 1000000000); /* so that there is always something to come */
        mkt_spawn(&t, "client", look_up, NULL, false);
        assert_int_equal(mk_machine_run(t.machine, &code), MK_OK);
        assert_int_equal(code, 0);
        assert_true(spoilt.is_done);
        mkt_finish(&t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(CRASH0010), cmocka_unit_test(CRASH0020), cmocka_unit_test(CRASH0030),
        cmocka_unit_test(CRASH0040), cmocka_unit_test(CRASH0050), cmocka_unit_test(CRASH0060),
        cmocka_unit_test(CRASH0070), cmocka_unit_test(CRASH0080),
    };
    cmocka_set_test_filter(getenv("MK_STRESS_TEST")); /* one of them, to look closer */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
