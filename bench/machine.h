/* SPDX-License-Identifier: BSD-2-Clause */
/* Machines for one run: a boss task that sets the scene, and what it uses for that. */
#ifndef BENCH_MACHINE_H
#define BENCH_MACHINE_H

#include <mk/mk.h>

#include "bench/bench.h"

/* Bodies of messages; the memcpy floors copy between the same two. */
#define BODY_SIZE MK_BODY_MAX
#define BODY_GAP  4096 /* buffers that touch would count as overlapping */
extern char body_client[BODY_SIZE + BODY_GAP], body_server[BODY_SIZE + BODY_GAP];

/* Operations before the meter starts. */
#define NR_WARM_UPS 100

/* ---- outside ---- */

/*
 * A machine in which boss(run) runs as a task of its own; when it returns the
 * machine is halted and destroyed. `config` may be NULL; without a quantum there is
 * none that matters. A configuration that is not supported makes the row absent.
 */
void machine_run(struct run *run, const struct mk_machine_config *config, void (*boss)(void *run));

/* The parts, for a machine that is kept. NULL: the row is absent. */
struct mk_machine *machine_create(struct run *run, const struct mk_machine_config *config);
void machine_spawn(struct mk_machine *machine, void (*entry)(void *), void *arg);
void machine_go(struct mk_machine *machine);

/* Run it with boss(run), as machine_run does. */
void machine_boss(struct mk_machine *machine, struct run *run, void (*boss)(void *run));

/* ---- inside ---- */

void check_failed(mk_err_t err, const char *what) __attribute__((noreturn, cold));

/* Fails the measurement unless err is MK_OK. */
static inline void check(mk_err_t err, const char *what)
{
    if (__builtin_expect(err != MK_OK, 0))
        check_failed(err, what);
}

void halt(void);                       /* the machine; returns when it is run again */
mk_name_t task_new(const char *label); /* without threads */
void thread_new(mk_name_t task, void (*entry)(void *), void *arg, int priority);
mk_name_t port_new(void);                          /* receive and send right under one name */
mk_name_t send_to(mk_name_t task, mk_name_t port); /* gives the task a send right; its name there */

/* Moves the receive right of `port` to the task and keeps a send right, under the same name here. */
mk_name_t receive_to(mk_name_t task, mk_name_t port);

/* Calls of `size` bytes, one after the other. */
void calls_make(mk_name_t send, struct mk_msg *msg, size_t size, uint64_t nr);

/* What its thread needs in a task that serves: answers each message with the same bytes until the end. */
struct echo {
    mk_name_t receive;
    void *body;
};
void echo_main(void *echo);

#endif
