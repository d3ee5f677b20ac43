/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The trace: typed events of what the kernel did. Off it costs one branch.
 * The hash over all events is the identity of a run: with the virtual clock
 * the same boot file, seed and inputs give the same hash everywhere.
 */
#ifndef MK_TRACE_H
#define MK_TRACE_H

#include <mk/types.h>

#ifdef __cplusplus
extern "C" {
#endif

struct mk_machine;

/* Kinds, with the meaning of a, b, c. Numbers, not addresses: they repeat. */
/* clang-format off */
#define MK_TRACE_MAP(X) \
    X(TASK_CREATE,    1, "task create")    /* a task */ \
    X(TASK_END,       2, "task end")       /* a task, b exit code */ \
    X(THREAD_CREATE,  3, "thread create")  /* a thread, b task, c priority */ \
    X(THREAD_END,     4, "thread end")     /* a thread */ \
    X(SWITCH,         5, "switch")         /* a thread that runs now, 0 idle; b priority; c 1: the previous one was preempted */ \
    X(READY,          6, "ready")          /* a thread, b status it wakes with */ \
    X(BLOCK,          7, "block")          /* a thread, b enum mk_wait */ \
    X(PORT_CREATE,    8, "port create")    /* a port, b task */ \
    X(PORT_DEATH,     9, "port death")     /* a port */ \
    X(SEND,          10, "send")           /* a message, b port (0: a reply), c size */ \
    X(RECEIVE,       11, "receive")        /* a message, b port (0: a reply), c size */ \
    X(CALL,          12, "call")           /* a call, b port, c operation */ \
    X(CALL_END,      13, "call end")       /* a call, b error */ \
    X(NOTIFY,        14, "notify")         /* a port told, b event, c port it is about */ \
    X(TIMER,         15, "timer")          /* a thread whose deadline passed */ \
    X(CHOICE,        16, "choice")         /* a kind, b alternatives, c taken */ \
    X(INPUT,         17, "input")          /* a device, b bytes, c their hash */ \
    X(TRAP,          18, "trap")           /* a host signal */ \
    X(SIGNAL,        19, "signal")         /* a event port, b bits, c bits pending then */ \
    X(EVENTS,        20, "events")         /* a event port, b bits taken */ \
    X(PRIORITY,      21, "priority")       /* a thread, b priority from now on, c thread that lends it, 0: nobody */ \
    X(FAULT,         22, "page fault")     /* a memory object, b page, c enum mk_fault, plus MK_TRACE_FAULT_WRITE */ \
    X(EVICT,         23, "evict")          /* a memory object, b page, c 1: it was modified */ \
    X(SUPPLY,        24, "supply")         /* a memory object, b page, c error, 0: its contents came */ \
    X(THRASH,        25, "thrashing")      /* a 1 it begins, 0 it ends; of the last c page-ins b were of pages that had just left */ \
    X(EXCEPTION,     26, "exception")      /* a thread, b enum mk_exception, c port that is asked about it */
/* clang-format on */

enum mk_trace_kind {
#define MK_TRACE_ENUM(name, number, text) MK_TRACE_##name = (number),
    MK_TRACE_MAP(MK_TRACE_ENUM)
#undef MK_TRACE_ENUM
};

#define MK_TRACE_FAULT_WRITE 8

struct mk_trace_event {
    mk_time_t when; /* machine time */
    uint16_t kind;  /* enum mk_trace_kind */
    uint16_t cpu;
    uint32_t thread; /* number of the thread that did it (RECEIVE, EVENTS: that got it); 0: none */
    uint64_t a, b, c;
};

/* "send", "receive", ...; "?" for an unknown kind. */
MK_API const char *mk_trace_text(unsigned kind);

typedef void (*mk_trace_fn)(void *arg, const struct mk_trace_event *events, size_t nr);

/*
 * Trace from now on: keep the last `ring_events` events per CPU (0: keep none,
 * hash only; rounded up to a power of two). With `sink`, every full ring and, at
 * the end of a run, the rest is given to it, so that none is lost.
 * Outside a run only. MK_E_NO_MEMORY, MK_E_BAD_STATE, MK_E_BAD_ARGUMENT (more than 16 Mi events).
 */
MK_API MK_NODISCARD mk_err_t mk_trace_start(struct mk_machine *machine, size_t ring_events, mk_trace_fn sink,
                                            void *arg);

/* Copy the last events, oldest first, at most `max`; returns how many. 0 with a sink. */
MK_API size_t mk_trace_read(struct mk_machine *machine, struct mk_trace_event *events, size_t max);

#ifdef __cplusplus
}
#endif
#endif
