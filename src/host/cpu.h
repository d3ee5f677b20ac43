/* SPDX-License-Identifier: BSD-2-Clause */
/* What the host layer keeps for an emulated CPU, and which CPU the calling host thread is. */
#ifndef HOST_CPU_H
#define HOST_CPU_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include <mk/exception.h>

#include "host/context.h"
#include "host/isolation.h"

#define HOST_TRAP_ABORT      6  /* SIGABRT */
#define HOST_TRAP_BAD_ACCESS 11 /* SIGSEGV */
#define HOST_TRAP_LOOP       26 /* SIGVTALRM */

/* arch: registers as a trap found them; trap.S saves and restores them in this order. */
struct host_trap_frame {
    uint64_t r15, r14, r13, r12, r11, r10, r9, r8, rdi, rsi, rbp, rbx, rdx, rcx, rax;
    uint64_t rip, cs, rflags, rsp, ss;
};

struct host_cpu;

struct host_trap {
    int signal;                  /* the host's signal number */
    enum mk_exception exception; /* what Mach calls it */
    bool is_raised;              /* by host_raise: its argument is in the frame's rdi */
    int64_t code;                /* the kernel's: what it tells about the exception */
    uint64_t address;            /* accessed, where the host tells */
    uint64_t instruction;
    const char *what; /* "bad access", "arithmetic error", ... */
    bool is_access;   /* the host's page tables did not allow it: a page may be missing */
    bool is_write;
    uint64_t fixup; /* not 0: an access of the kernel to user memory, which can go on here instead */
    struct host_trap_frame *frame;
};

/* Bites a thread that computes for too long; see watchdog.c. */
struct host_watchdog {
    int64_t limit;                                    /* ns of the host thread's CPU time; 0: none */
    uint64_t (*progress)(const struct host_cpu *cpu); /* a number that kernel calls change; for the signal handler */
    timer_t timer;
    bool is_running;
    uint64_t last;
    unsigned nr_still; /* ticks since it changed */
    unsigned nr_steps; /* left, by single instructions, to where it may bite */
    bool is_stepping;
};

/* First member of the kernel's struct cpu. */
struct host_cpu {
    struct host_context scheduler;    /* the host thread that runs the CPU */
    bool is_ucontext;                 /* context back-end */
    sigset_t mask;                    /* of the host thread; new threads begin with it */
    bool has_thread;                  /* a machine's thread runs on it: its traps are ours */
    bool is_trapped;                  /* the trap stack is in use */
    struct host_isolation *isolation; /* NULL: none */
    struct host_domain
        *interrupted; /* whose task the last trap came from; NULL: the kernel, or there is no isolation */
    struct host_trap trap;
    /*
     * On the trap stack, with the thread's registers in trap.frame. When it returns the thread goes on with them. It
     * may switch to other threads meanwhile if it has given the CPU another trap stack.
     */
    void (*on_trap)(struct host_cpu *cpu);
    struct host_watchdog watchdog;
    char *trap_stack; /* lowest byte of HOST_TRAP_STACK_SIZE; the kernel's */
    void *signal_stack;
    void *old_signal_stack; /* what the host thread had: a stack_t */
};

#define HOST_TRAP_STACK_SIZE ((size_t)65536)

/* The only thread-local of the library. NULL outside a machine. */
extern _Thread_local struct host_cpu *host_this_cpu __attribute__((tls_model("initial-exec"), visibility("hidden")));

/* arch: the frame's registers, and back: false when they cannot be. */
void host_trap_get_regs(const struct host_trap_frame *frame, struct mk_regs *regs);
bool host_trap_set_regs(struct host_trap_frame *frame, const struct mk_regs *regs);

/* A trap that is a request: a user's code, or that the stack is too short. Returns when the thread goes on after it. */
#define HOST_RAISE_OVERFLOW     INT64_MIN
#define HOST_RAISE_LOOP         (INT64_MIN + 1)
#define HOST_RAISE_EXIT(status) (INT64_MIN + 2 + (int64_t)(uint32_t)(status))
void host_raise(int64_t code);

/* Is the instruction one of this library's? */
bool host_is_own_text(uint64_t instruction);

/* Process-wide signal handlers, counted; the first installs, the last restores. False: the host refused. */
bool host_traps_acquire(void);
void host_traps_release(void);

/* Make the calling host thread this CPU, and back. False: no memory. */
bool host_cpu_enter(struct host_cpu *cpu);
void host_cpu_leave(struct host_cpu *cpu);
void host_cpu_finish(struct host_cpu *cpu);

/* Let it watch the calling host thread, which is this CPU, and no longer. False: the host refused. */
bool host_watchdog_start(struct host_cpu *cpu);
void host_watchdog_stop(struct host_cpu *cpu);
/*
 * For the signal handler: its signal came, or the trap after a single step (is_step), before this instruction. What to
 * do: let the thread go on, or to the next instruction only, or bite.
 */
enum host_watchdog_act { HOST_WATCHDOG_GO, HOST_WATCHDOG_STEP, HOST_WATCHDOG_BITE };
enum host_watchdog_act host_watchdog_look(struct host_cpu *cpu, uint64_t instruction, bool is_step);

/* Monotonic host time in ns. */
int64_t host_clock(void);

#endif
