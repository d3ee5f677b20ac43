/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A host program with plugins: the name service, the counter, and a client
 * that is a function of this program. Without arguments it loads the plugins of
 * the build tree: counter_host [NAMES.so COUNTER.so]
 */
#include <stdio.h>

#include <mk/mk.h>

#include "counter_proto.h"

static void check(mk_err_t err, const char *what)
{
    if (err == MK_OK)
        return;
    printf("%s: %s\n", what, mk_err_text(err));
    mk_task_exit(1);
}

static void client(void *arg)
{
    mk_name_t counter;
    (void)arg;
    check(mk_name_lookup("counter", MK_TIME_FOREVER, &counter), "look-up");
    for (int64_t n = 1; n <= 4; n++) {
        int64_t number = n;
        struct mk_msg msg = {.id = COUNTER_ADD, .body = &number, .size = sizeof(number), .capacity = sizeof(number)};
        check(mk_call(counter, &msg, MK_TIME_FOREVER), "call");
        check(msg.status, "add");
        printf("added %d, the counter says %d\n", (int)n, (int)number);
    }
    struct mk_msg reset = {.id = COUNTER_RESET};
    check(mk_call(counter, &reset, MK_TIME_FOREVER), "call");
    struct mk_msg empty = {.id = COUNTER_ADD}; /* the descriptor says that ADD needs 8 bytes */
    check(mk_call(counter, &empty, MK_TIME_FOREVER), "call");
    printf("ADD without a body: %s\n", mk_err_text(empty.status));
}

static mk_err_t load(struct mk_machine *machine, const char *path, bool is_privileged)
{
    char why[256] = "";
    const struct mk_load plugin = {.path = path, .privileged = is_privileged};
    mk_err_t err = mk_machine_load(machine, &plugin, NULL, why, sizeof(why));
    if (err)
        fprintf(stderr, "%s: %s\n", path, why[0] ? why : mk_err_text(err));
    return err;
}

static void log_line(void *arg, const char *line)
{
    (void)arg;
    puts(line);
}

int main(int argc, char **argv)
{
    const struct mk_machine_config config = {.log = log_line};
    const struct mk_spawn spawn = {.label = "client", .entry = client};
    struct mk_machine *machine;
    int code = 1;
    if (mk_machine_create(&config, &machine))
        return 1;
    /* Privileged: names needs the control of the machine, to claim the bootstrap port. */
    if (load(machine, argc > 1 ? argv[1] : NAMES_PLUGIN, true) ||
        load(machine, argc > 2 ? argv[2] : COUNTER_PLUGIN, false) || mk_machine_spawn(machine, &spawn, NULL) ||
        mk_machine_run(machine, &code))
        code = 1;
    mk_machine_destroy(machine);
    return code;
}
