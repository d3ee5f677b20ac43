/* SPDX-License-Identifier: BSD-2-Clause */
/* What the host layer keeps for an emulated CPU, and which CPU the calling host thread is. */
#ifndef HOST_CPU_H
#define HOST_CPU_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "host/context.h"

#define HOST_TRAP_BAD_ACCESS 11 /* SIGSEGV */

struct host_trap {
    int signal;       /* the host's signal number */
    uint64_t address; /* accessed, where the host tells */
    uint64_t instruction;
    const char *what; /* "bad access", "arithmetic error", ... */
};

/* First member of the kernel's struct cpu. */
struct host_cpu {
    struct host_context scheduler; /* the host thread that runs the CPU */
    bool is_ucontext;              /* context back-end */
    sigset_t mask;                 /* of the host thread; new threads begin with it */
    bool has_thread;               /* a machine's thread runs on it: its traps are ours */
    struct host_trap trap;
    void (*on_trap)(struct host_cpu *cpu); /* on the trap stack, the trapped thread is lost; must not return */
    char *trap_stack;
    void *signal_stack;
    void *old_signal_stack; /* what the host thread had: a stack_t */
};

/* The only thread-local of the library. NULL outside a machine. */
extern _Thread_local struct host_cpu *host_this_cpu __attribute__((tls_model("initial-exec"), visibility("hidden")));

/* Process-wide signal handlers, counted; the first installs, the last restores. False: the host refused. */
bool host_traps_acquire(void);
void host_traps_release(void);

/* Make the calling host thread this CPU, and back. False: no memory. */
bool host_cpu_enter(struct host_cpu *cpu);
void host_cpu_leave(struct host_cpu *cpu);
void host_cpu_finish(struct host_cpu *cpu);

/* Monotonic host time in ns. */
int64_t host_clock(void);

#endif
