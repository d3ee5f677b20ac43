/* SPDX-License-Identifier: BSD-2-Clause */
/* The name service, when what is registered dies at the wrong moment. */
#include "helpers.h"

#ifndef SERVERS_DIR
#error "SERVERS_DIR is the folder of the servers"
#endif

static void names_begin(void)
{
    char why[256] = "";
    mk_name_t machine, receive, task;
    CHECK_OK(mk_task_get_special(mk_task_self(), MK_SPECIAL_MACHINE, &machine));
    CHECK_OK(mk_bootstrap_claim(machine, &receive));
    const struct mk_load load = {.label = "names", .path = SERVERS_DIR "/names/names.so", .service = receive};
    mk_err_t err = mk_task_load(machine, &load, &task, why, sizeof(why));
    if (err)
        mk_log("load: %s: %s", mk_err_name(err), why);
    CHECK_OK(err);
}

static mk_err_t found_err;
static mk_name_t found;

static void look_up_a(void *arg)
{
    (void)arg;
    found_err = mk_name_lookup("a", MK_TIME_POLL, &found);
}

static bool is_armed;

/* The name service takes its time over whether what it found is alive. */
static mk_err_t hesitate(void *arg, const struct mk_probe_call *call)
{
    (void)arg;
    if (!is_armed || strcmp(call->label, "names") != 0 || strcmp(call->name, "mk_right_info") != 0)
        return MK_OK;
    is_armed = false;
    CHECK_OK(mk_time_sleep(mk_time_now() + 2 * MK_MSEC));
    return MK_OK;
}

static void die_while_asked_for(void *arg)
{
    (void)arg;
    names_begin();
    mk_name_t a = mkt_port(), b = mkt_port();
    CHECK_OK(mk_name_register("a", a));
    CHECK_OK(mk_name_register("b", b));
    is_armed = true;
    mk_name_t thread = mkt_thread(look_up_a, NULL);
    CHECK_OK(mk_time_sleep(mk_time_now() + MK_MSEC));
    CHECK(!is_armed);
    CHECK_OK(mk_port_destroy(a));
    CHECK_OK(mk_thread_join(thread, MK_TIME_FOREVER));
    CHECK_ERR(found_err, MK_E_NOT_FOUND);
    CHECK_OK(mk_name_lookup("b", MK_TIME_POLL, &found));
    CHECK(found == b);
    mk_task_exit(0);
}

/* NAMES0010: a service that dies while it is asked for is not found, and no other is in its place. */
static void NAMES0010(void **state)
{
    const struct mk_machine_config config = {.probe = hesitate};
    struct mkt t;
    (void)state;
    mkt_begin(&t, &config);
    mkt_spawn(&t, "test", die_while_asked_for, NULL, false);
    mkt_run_all(&t);
    mkt_finish(&t);
}

/* NAMES0020: the name of a service that died can be registered anew at once. */
MKT_TEST(NAMES0020)
{
    (void)arg;
    names_begin();
    mk_name_t a = mkt_port(), b = mkt_port();
    CHECK_OK(mk_name_register("a", a));
    CHECK_ERR(mk_name_register("a", b), MK_E_EXISTS);
    CHECK_OK(mk_port_destroy(a));
    CHECK_OK(mk_name_register("a", b));
    CHECK_OK(mk_name_lookup("a", MK_TIME_POLL, &found));
    CHECK(found == b);
    mk_task_exit(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(NAMES0010),
        cmocka_unit_test(NAMES0020),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
