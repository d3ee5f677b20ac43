/* SPDX-License-Identifier: BSD-2-Clause */
/* Many messages or many partners: queues, fan-in, chains of servers. */
#include <stdlib.h>

#include "bench/machine.h"

#define NR_BATCH     512
#define MESSAGE_SIZE 64
#define CALL_SIZE    32

/* ---- a queue: 512 messages in, one switch, 512 out, one switch back ---- */

static void consumer(void *arg)
{
    const mk_name_t *receive = arg;
    char body[MESSAGE_SIZE];
    struct mk_msg msg = {.body = body, .capacity = sizeof(body)};
    for (;;)
        check(mk_receive(*receive, &msg, MK_TIME_FOREVER), "receive");
}

static void produce(mk_name_t port, uint64_t nr_batches)
{
    char body[MESSAGE_SIZE] = {1};
    struct mk_msg msg = {.body = body, .size = sizeof(body)};
    for (uint64_t i = 0; i < nr_batches; i++) {
        for (int n = 0; n < NR_BATCH; n++)
            check(mk_send(port, &msg, MK_TIME_FOREVER), "send");
        mk_thread_yield();
    }
}

static void producer(void *arg)
{
    struct run *run = arg;
    static mk_name_t receive;
    uint64_t nr_batches = (run->nr + NR_BATCH - 1) / NR_BATCH;
    mk_name_t port = port_new(), task = task_new("consumer");
    check(mk_port_set_limit(port, NR_BATCH), "limit");
    receive = receive_to(task, port);
    thread_new(task, consumer, &receive, 0);
    run->nr = nr_batches * NR_BATCH;
    produce(port, 2);
    meter_start(run);
    produce(port, nr_batches);
    meter_stop(run);
}

static void measure_queue(struct run *run)
{
    machine_run(run, NULL, producer);
}

/* ---- fan-in: the boss serves, the clients are threads of one task ---- */

static void fan_client(void *arg)
{
    const mk_name_t *send = arg;
    char body[CALL_SIZE] = {1};
    struct mk_msg msg = {.body = body, .size = sizeof(body), .capacity = sizeof(body)};
    for (;;)
        check(mk_call(*send, &msg, MK_TIME_FOREVER), "call");
}

static void serve(mk_name_t port, struct mk_msg *msg, uint64_t nr)
{
    for (uint64_t i = 0; i < nr; i++)
        check(mk_reply_receive(port, msg, MK_TIME_FOREVER), "server");
}

static void fan_server(void *arg)
{
    struct run *run = arg;
    static mk_name_t send;
    uint64_t nr_clients = run->row->count;
    mk_name_t port = port_new(), task = task_new("clients");
    check(mk_port_set_limit(port, MK_QUEUE_MAX), "limit");
    send = send_to(task, port);
    for (uint64_t i = 0; i < nr_clients; i++)
        thread_new(task, fan_client, &send, 0);
    struct mk_msg msg = {.body = body_server, .capacity = BODY_SIZE};
    serve(port, &msg, nr_clients + NR_WARM_UPS);
    if (run->nr < nr_clients)
        run->nr = nr_clients;
    meter_start(run);
    serve(port, &msg, run->nr);
    meter_stop(run);
}

static void measure_fanin(struct run *run)
{
    machine_run(run, NULL, fan_server);
}

/* ---- a chain: each server asks the next before it answers ---- */

struct link {
    mk_name_t receive, next;
};

static void relay(void *arg)
{
    const struct link *link = arg;
    char body[CALL_SIZE];
    struct mk_msg msg = {.body = body, .capacity = sizeof(body)};
    mk_err_t err = mk_receive(link->receive, &msg, MK_TIME_FOREVER);
    while (!err) {
        mk_name_t reply = msg.reply;
        check(mk_call(link->next, &msg, MK_TIME_FOREVER), "call of the next");
        msg.reply = reply;
        err = mk_reply_receive(link->receive, &msg, MK_TIME_FOREVER);
    }
    check(err, "server");
}

/* The first server's port. They are made from the last on. */
static mk_name_t chain_new(unsigned nr)
{
    static struct echo last;
    static struct link links[64];
    mk_name_t port = port_new(), task = task_new("last");
    last = (struct echo){.receive = receive_to(task, port), .body = body_server};
    thread_new(task, echo_main, &last, 0);
    for (unsigned i = 0; i + 1 < nr; i++) {
        mk_name_t own = port_new();
        task = task_new("relay");
        links[i].next = send_to(task, port);
        links[i].receive = receive_to(task, own);
        thread_new(task, relay, &links[i], 0);
        port = own;
    }
    return port;
}

static void chain_client(void *arg)
{
    struct run *run = arg;
    mk_name_t port = chain_new(run->row->count);
    char body[CALL_SIZE] = {1};
    struct mk_msg msg = {.body = body, .size = sizeof(body), .capacity = sizeof(body)};
    for (uint64_t i = 0; i < NR_WARM_UPS + run->nr; i++) {
        if (i == NR_WARM_UPS)
            meter_start(run);
        check(mk_call(port, &msg, MK_TIME_FOREVER), "call");
    }
    meter_stop(run);
}

static void measure_chain(struct run *run)
{
    machine_run(run, NULL, chain_client);
}

void queue_rows(void)
{
    row_add(&(struct row){.measure = measure_queue,
                          .what = "one way: a message of 64 bytes through a port's queue, two tasks, batches of 512"},
            "ipc.queue.64");
    for (unsigned n = 1; n <= 10000; n *= 10)
        row_add(&(struct row){.measure = measure_fanin,
                              .count = n,
                              .what = bench_format("round trip: a call of 32 bytes while %u client%s call%s one server",
                                                   n, n > 1 ? "s" : "", n > 1 ? "" : "s")},
                "ipc.fanin.%u", n);
    for (unsigned n = 1; n <= 64; n *= 2)
        row_add(&(struct row){.measure = measure_chain,
                              .count = n,
                              .what = bench_format("round trip: a call of 32 bytes through a chain of %u server%s", n,
                                                   n > 1 ? "s" : "")},
                "ipc.chain.%u", n);
}
