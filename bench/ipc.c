/* SPDX-License-Identifier: BSD-2-Clause */
/* Calls: one client, one server, and the ways in which they differ. */
#include "bench/machine.h"

enum {
    SAME_TASK = 1,
    UCONTEXT = 2,
    HOST_CLOCK = 4,
    MPROTECT = 8,
    PKEY = 16,
};

/* The boss is the client. */
static void client(void *arg)
{
    struct run *run = arg;
    static struct echo echo;
    bool is_same = run->row->flags & SAME_TASK;
    mk_name_t port = port_new(), task = is_same ? mk_task_self() : task_new("server");
    echo.receive = is_same ? port : receive_to(task, port);
    echo.body = body_server;
    thread_new(task, echo_main, &echo, 0);

    struct mk_msg msg = {.body = body_client, .capacity = BODY_SIZE};
    calls_make(port, &msg, run->row->size, NR_WARM_UPS);
    meter_start(run);
    calls_make(port, &msg, run->row->size, run->nr);
    meter_stop(run);
}

static void measure(struct run *run)
{
    unsigned flags = run->row->flags;
    const struct mk_machine_config config = {
        .isolation = flags & MPROTECT ? MK_ISOLATION_MPROTECT
                     : flags & PKEY   ? MK_ISOLATION_PKEY
                                      : MK_ISOLATION_NONE,
        .context = flags & UCONTEXT ? MK_CONTEXT_UCONTEXT : MK_CONTEXT_ASM,
        .clock = flags & HOST_CLOCK ? MK_CLOCK_HOST : MK_CLOCK_VIRTUAL,
    };
    machine_run(run, &config, client);
}

/* ---- a call that carries a right ---- */

static void taker(void *arg)
{
    struct echo *echo = arg;
    struct mk_msg_right right;
    struct mk_msg msg = {.body = echo->body, .capacity = BODY_SIZE, .rights = &right, .max_rights = 1};
    mk_err_t err = mk_receive(echo->receive, &msg, MK_TIME_FOREVER);
    while (!err) {
        mk_msg_drop_rights(&msg);
        err = mk_reply_receive(echo->receive, &msg, MK_TIME_FOREVER);
    }
    check(err, "server");
}

static void giver(void *arg)
{
    struct run *run = arg;
    static struct echo echo;
    mk_name_t port = port_new(), given = port_new(), task = task_new("server");
    echo.receive = receive_to(task, port);
    echo.body = body_server;
    thread_new(task, taker, &echo, 0);

    struct mk_msg_right right;
    struct mk_msg msg = {.body = body_client, .capacity = BODY_SIZE, .rights = &right, .max_rights = 1};
    for (uint64_t i = 0; i < NR_WARM_UPS + run->nr; i++) {
        if (i == NR_WARM_UPS)
            meter_start(run);
        right = (struct mk_msg_right){.name = given, .how = MK_COPY_SEND};
        msg.size = run->row->size;
        msg.nr_rights = 1;
        check(mk_call(port, &msg, MK_TIME_FOREVER), "call");
    }
    meter_stop(run);
}

static void measure_right(struct run *run)
{
    machine_run(run, NULL, giver);
}

void ipc_rows(void)
{
    static const size_t sizes[] = {0, 64, 256, 1024, 4096, 16384, 65536, 131072};
    const struct row null = {.measure = measure, .size = 32};
    struct row row = null;
    row.what = "round trip: mk_call and mk_reply_receive between two tasks, 32 bytes each way";
    row_add(&row, "ipc.null_call");
    row.what = "round trip: the null call between two threads of one task";
    row.flags = SAME_TASK;
    row_add(&row, "ipc.null_call.same_task");
    row.what = "round trip: the null call with swapcontext as the context back-end";
    row.flags = UCONTEXT;
    row_add(&row, "ipc.null_call.ucontext");
    row.what = "round trip: the null call on the host's clock";
    row.is_optional = true;
    row.flags = HOST_CLOCK;
    row_add(&row, "ipc.null_call.host_clock");
    row.what = "round trip: the null call with isolation by mprotect";
    row.flags = MPROTECT;
    row_add(&row, "ipc.null_call.mprotect");
    row.what = "round trip: the null call with isolation by protection keys";
    row.flags = PKEY;
    row_add(&row, "ipc.null_call.pkey");
    row = (struct row){.measure = measure_right, .size = 32};
    row.what = "round trip: the null call, its request carrying a copied send right, which the server drops";
    row_add(&row, "ipc.null_call.right");
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        row = (struct row){.measure = measure, .size = sizes[i]};
        row.what = bench_format("round trip: a call of %zu bytes inline each way, two tasks", sizes[i]);
        row_add(&row, "ipc.call.%zu", sizes[i]);
    }
}
