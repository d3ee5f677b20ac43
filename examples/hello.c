/* SPDX-License-Identifier: BSD-2-Clause */
#include <mk/mk.h>
#include <stdio.h>

static void hello(void *arg) /* runs inside the machine, in a task of its own */
{
    mk_name_t port;
    char text[64] = "hello from the queue of a port";
    struct mk_msg msg = {.id = 1, .body = text, .size = sizeof(text), .capacity = sizeof(text)};
    if (mk_port_create(&port) || mk_right_make(port, MK_RIGHT_SEND, 0, NULL) || mk_send(port, &msg, MK_TIME_FOREVER) ||
        mk_receive(port, &msg, MK_TIME_FOREVER))
        mk_task_exit(1);
    printf("task %d received: %s\n", (int)mk_task_id(), text);
}

int main(void)
{
    struct mk_machine *machine;
    struct mk_spawn spawn = {.label = "hello", .entry = hello};
    int code = 1;
    if (mk_machine_create(NULL, &machine) || mk_machine_spawn(machine, &spawn, NULL) || mk_machine_run(machine, &code))
        return 1;
    mk_machine_destroy(machine);
    return code;
}
