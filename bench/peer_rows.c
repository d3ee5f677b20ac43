/* SPDX-License-Identifier: BSD-2-Clause */
/* Other libraries and languages that do the same, each in a worker of its own, on the same CPU. */
#include "bench/worker.h"

static const struct peer {
    const char *row;
    const char *program;
    const char *test;
    const char *what;
} peers[] = {
    {"peer.fcontext", "mkbench-fcontext", "switch", "round trip: Boost fcontext, to a context and back"},
    {"peer.pth_msgport", "mkbench-pth", "msgport", "round trip: GNU Pth, message ports of two threads"},
    {"peer.zmq_inproc", "mkbench-zmq", "inproc", "round trip: ZeroMQ, inproc pair of two threads, 32 bytes"},
    {"peer.go_chan", "mkbench-go", "chan", "round trip: Go, two unbuffered channels of 32 bytes, GOMAXPROCS 1"},
    {"peer.go_chan.buffered", "mkbench-go", "buffered", "one way: Go, channel of 512 messages of 64 bytes"},
    {"peer.go_spawn", "mkbench-go", "spawn", "Go, create a goroutine that runs at once, and exits"},
    {"peer.go_spawn.many", "mkbench-go", "spawnMany",
     "Go, create 100 goroutines, which then run and exit; one of them"},
    {"peer.erlang", "mkbench_erlang", "send", "round trip: Erlang, two processes send each other 32 bytes"},
};

static void measure(struct run *run)
{
    if (worker_start(run))
        worker_ask(run, peers[run->row->count].test);
}

void peer_rows(void)
{
    for (unsigned i = 0; i < sizeof(peers) / sizeof(peers[0]); i++)
        row_add(&(struct row){.measure = measure,
                              .is_optional = true,
                              .count = i,
                              .program = peers[i].program,
                              .what = peers[i].what},
                "%s", peers[i].row);
}
