/* SPDX-License-Identifier: BSD-2-Clause */
/* The name service, when what is registered dies at the wrong moment. */
#include "helpers.h"

#ifndef SERVERS_DIR
#error "SERVERS_DIR is the folder of the servers"
#endif

/* The name service, in a task that is weaker than the test's: it runs when the test waits. */
static void names_begin(void)
{
    char why[256] = "";
    mk_name_t machine, receive, task;
    CHECK_OK(mk_task_get_special(mk_task_self(), MK_SPECIAL_MACHINE, &machine));
    CHECK_OK(mk_bootstrap_claim(machine, &receive));
    const struct mk_load load = {
        .label = "names", .path = SERVERS_DIR "/names/names.so", .service = receive, .priority = MK_PRIO_DEFAULT - 1};
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

/* NAMES0010: a service that dies after it was asked for and before the answer is not found, and no other is instead. */
MKT_TEST(NAMES0010)
{
    (void)arg;
    names_begin();
    mk_name_t a = mkt_port(), b = mkt_port();
    CHECK_OK(mk_name_register("a", a));
    CHECK_OK(mk_name_register("b", b));
    mk_name_t thread = mkt_thread(look_up_a, NULL);
    mk_thread_yield(); /* its request is in the queue */
    CHECK_OK(mk_port_destroy(a));
    CHECK_OK(mk_thread_join(thread, MK_TIME_FOREVER));
    CHECK_ERR(found_err, MK_E_NOT_FOUND);
    CHECK_OK(mk_name_lookup("b", MK_TIME_POLL, &found));
    CHECK(found == b);
    CHECK_ERR(mk_name_lookup("a", MK_TIME_POLL, &found), MK_E_NOT_FOUND);
    mk_task_exit(0);
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
