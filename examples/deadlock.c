/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A deadlock. Two servers call each other before they serve: each waits for an
 * answer that only the other could give. When no thread can run and no timer or
 * input is left that could change it, the run ends with MK_E_DEADLOCK, and the
 * log tells who waits for whom.
 */
#include "example.h"

static void call_then_serve(mk_name_t other, mk_name_t own)
{
    struct mk_msg msg = {.id = 1};
    mk_log("calling the other one");
    OK(mk_call(other, &msg, MK_TIME_FOREVER));
    mk_log("never reached");
    OK(mk_receive(own, &msg, MK_TIME_FOREVER));
}

static void right(void *arg)
{
    mk_name_t left_port = example_right(arg), port = example_port();
    struct mk_msg_right send = {.name = port, .how = MK_COPY_SEND};
    struct mk_msg hello = {.id = 1, .rights = &send, .nr_rights = 1};
    OK(mk_send(left_port, &hello, MK_TIME_FOREVER));
    call_then_serve(left_port, port);
}

static void left(void *arg)
{
    mk_name_t port = example_port();
    struct mk_msg_right send;
    struct mk_msg hello = {.rights = &send, .max_rights = 1};
    (void)arg;
    example_child("right", right, port, MK_COPY_SEND);
    OK(mk_receive(port, &hello, MK_TIME_FOREVER));
    call_then_serve(send.name, port);
}

int main(void)
{
    const struct mk_machine_config config = {.log = example_log};
    const struct mk_spawn spawn = {.label = "left", .entry = left};
    struct mk_machine *machine;
    if (mk_machine_create(&config, &machine) || mk_machine_spawn(machine, &spawn, NULL))
        return 1;
    mk_err_t err = mk_machine_run(machine, NULL);
    printf("the run ended: %s\n", mk_err_name(err));
    mk_machine_destroy(machine);
    return err == MK_E_DEADLOCK ? 0 : 1;
}
