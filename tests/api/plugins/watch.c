/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A program that has the supervisor tell it what happens to a task: watch NAME COUNT [events]. It prints what it gets.
 */
#include <mk/mk.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "servers/supervisor/supervisor_proto.h"

static mk_name_t supervisor;

static mk_err_t watch(const char *name, mk_name_t port, uint32_t nr_rights)
{
    struct mk_msg_right right = {.name = port, .how = MK_MAKE_SEND};
    char body[64];
    struct mk_msg msg = {.id = SUPERVISOR_WATCH,
                         .body = body,
                         .size = strlen(name),
                         .capacity = sizeof(body),
                         .rights = &right,
                         .nr_rights = nr_rights};
    strcpy(body, name);
    mk_err_t err = mk_call(supervisor, &msg, MK_TIME_FOREVER);
    return err ? err : msg.status;
}

/* What happened is told in messages. */
static mk_err_t print_event(mk_name_t port)
{
    struct supervisor_event event;
    struct mk_msg msg = {.body = &event, .capacity = sizeof(event)};
    mk_err_t err = mk_receive(port, &msg, MK_TIME_FOREVER);
    if (!err)
        printf("event %s %u %d %d\n", event.name, event.kind, event.code, msg.id == SUPERVISOR_EVENT);
    return err;
}

/* ... or in bits. */
static mk_err_t print_bits(mk_name_t port)
{
    uint64_t bits;
    mk_err_t err = mk_event_wait(port, &bits, MK_TIME_FOREVER);
    if (!err)
        printf("bits %llx\n", (unsigned long long)bits);
    return err;
}

int main(int argc, char **argv);
int main(int argc, char **argv)
{
    bool has_bits = argc > 3;
    mk_name_t port;
    mk_err_t err = mk_name_lookup("supervisor", MK_TIME_FOREVER, &supervisor);
    if (!err)
        err = has_bits ? mk_event_create(&port) : mk_port_create(&port);
    if (err)
        return 1;
    printf("nobody: %s\n", mk_err_name(watch("nobody", port, 1)));
    printf("no right: %s\n", mk_err_name(watch(argv[1], port, 0)));
    printf("watch: %s\n", mk_err_name(watch(argv[1], port, 1)));
    printf("again: %s\n", mk_err_name(watch(argv[1], port, 1)));
    for (int i = 0; i < atoi(argv[2]) && !err; i++)
        err = has_bits ? print_bits(port) : print_event(port);
    return err != MK_OK;
}

static const struct mk_server program = {.abi = MK_SERVER_ABI, .main = main};
MK_SERVER_EXPORT(program);
