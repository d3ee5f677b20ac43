/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernel's central objects: machine, CPU, task, thread.
 *
 * One host thread runs a machine at a time and the kernel switches threads only
 * where it says so (sched_block, sched_point, and the call path), so that no
 * field needs a lock.
 */
#ifndef KERN_MACHINE_H
#define KERN_MACHINE_H

#include <mk/machine.h>
#include <mk/message.h>
#include <mk/task.h>
#include <mk/trace.h>

#include "base/base.h"
#include "base/list.h"
#include "host/cpu.h"
#include "host/stack.h"
#include "kern/kmem.h"

#define NR_PRIORITIES (MK_PRIO_MAX + 1)

struct port;
struct space;
struct entry;
struct map;
struct image;
struct sending;
struct policed;
struct mk_policy;
struct kmsg;
struct vm;
struct vm_object;

enum thread_state {
    THREAD_RUNNING = 1,
    THREAD_READY,   /* in a run queue */
    THREAD_BLOCKED, /* in a wait queue, or waiting for a reply or a time */
    THREAD_STOPPED, /* could run, but is suspended */
    THREAD_ENDED,   /* in a pool, or kept by rights to it */
};

/*
 * A thread's memory is never used for anything else while the machine lives:
 * a right to answer a call is {thread, serial} without a reference, and is valid
 * while the serial is still the thread's.
 */
/* Who is asked about exceptions. */
struct exception_port {
    struct port *port; /* a send right; NULL: nobody */
    uint32_t kinds;    /* MK_EXC_BIT of those that it wants */
    uint32_t with;     /* MK_EXC_IDENTITY, MK_EXC_STATE */
};

struct thread {
    /* the call path's */
    struct host_context context;
    struct space *space;
    struct entry *names; /* the space's table, which never moves: one load less on the way to a right */
    struct task *task;
    uint64_t serial;      /* odd: a call waits for its answer under this number */
    struct mk_msg *msg;   /* user's: where a message goes while it waits in a receive or call */
    mk_err_t wait_status; /* what its wait returns */
    uint8_t state;        /* enum thread_state */
    uint8_t priority;
    uint8_t base_priority;
    uint8_t flags;       /* THREAD_* below; 0 on the fast path */
    uint8_t wait;        /* enum mk_wait */
    mk_name_t door_name; /* what it receives on */
    uint32_t timer;      /* index in the machine's heap of timers; 0: none */
    uint32_t wait_page;  /* of held_memory */
    struct list queue;   /* run queue, or wait queue of what it waits for */
    void *wait_object;   /* port, set, task, thread, device */
    mk_time_t run_time;
    uint64_t id;
    struct thread *lent_to; /* while it waits for an answer: who serves it (kern/lend.h), */
    uint64_t lent_to_id;    /* if that is still the number of that thread */
    const void *served;     /* port or set that it received from last */

    /* priority lent to it, and its own place among those who lend to another */
    struct list lenders;    /* by priority, the strongest first */
    struct list lend_node;  /* in lent_to->lenders */
    struct list lend_level; /* ring of the first lender of each priority */

    /* slow path */
    uint32_t suspend_count;
    uint32_t nr_quanta;     /* used up since it waited last */
    struct port *held;      /* what it waits for must not go meanwhile; a reference */
    struct sending *unsent; /* waits for room with it; whoever makes room completes it */
    struct kmsg *late;      /* an answer that waits for its buffers to come into memory */
    uint64_t call_port;     /* number of the port it called, for listings */

    /* scheduling */
    mk_time_t deadline;
    uint64_t timer_order;
    mk_time_t slice_left; /* of its quantum, when taken off the CPU by a stronger thread */
    mk_time_t ready_since, ready_time;
    mk_time_t created, first_run;
    uint64_t nr_switches, nr_preempted;

    uint64_t events;               /* what woke it from a wait for events */
    struct vm_object *held_memory; /* whose page it waits for; a reference */
    uint64_t fault_key;            /* of the instruction that faulted last, with its registers */
    uint32_t nr_faulting;          /* faults of it so far, beyond the first: it needs several pages at once */
    uint32_t nr_tries;             /* times that its kernel call began again for a missing page */
    char *trap_stack;              /* on which it waits; NULL: it entered the kernel by a call */
    struct policed *policed;       /* what the policy knows of it; NULL: nothing (kern/policy.h) */
    struct exception_port exception;
    uint64_t history; /* its last kernel calls: a byte each (kern/history.h), the last one lowest */

    /* life */
    struct port *port; /* made when somebody wants its name */
    mk_name_t self_name;
    struct list task_link; /* in the task's threads, its pool, or the machine's free threads */
    struct list all_link;  /* in the machine's threads, by number */
    struct list joiners;
    void (*entry)(void *);
    void *arg;
    char label[MK_LABEL_MAX];
};
_Static_assert(sizeof(struct thread) <= 512, "a thread takes a block of 512 bytes, not of 1024");

#define THREAD_HAS_TIMER 1  /* a deadline is armed */
#define THREAD_SUSPENDED 2  /* suspend_count > 0 */
#define THREAD_PARKED    4  /* ended at a point from which its context can start another life */
#define THREAD_DETACHED  8  /* what others held of it was taken back */
#define THREAD_LENDS     16 /* it is in lent_to->lenders */
#define THREAD_PROBED    64 /* in the machine's probe */
#define THREAD_DEPRESSED 32 /* at priority 0 for a while; its timer ends that */

struct task {
    struct mk_machine *machine;
    struct space *space;
    struct entry *names; /* the space's table */
    struct map *map;
    struct port *port; /* one reference */
    mk_name_t self_name;
    uint64_t id;
    struct list all_link;   /* in the machine's tasks, by number; also when ended, for listings */
    struct list ended_link; /* in the machine's ended tasks, oldest first */
    struct list threads;
    struct list pool; /* ended threads with a stack of the default size */
    uint32_t nr_threads;
    bool is_server, is_ended;
    bool counts;  /* keeps the run going */
    bool reports; /* its exit code can become the run's */
    int32_t exit_code;
    struct port *specials[MK_NR_SPECIALS]; /* send rights */
    uint64_t special_badges[MK_NR_SPECIALS];
    uint32_t exception_kinds, exception_with; /* of MK_SPECIAL_EXCEPTION, as in struct exception_port */
    struct list waiters;                      /* threads in mk_task_wait */
    struct host_stacks stacks;
    struct host_domain *domain; /* of its memory; NULL where none is isolated */
    struct image *image;        /* of a plugin; unloaded with the task */
    char *args, *folder;        /* kernel copies */
    size_t args_size, folder_size;
    mk_name_t service; /* receive right of its service port */
    void *slot;        /* the runtime's */
    mk_time_t created, ended_run_time;
    uint64_t nr_calls; /* that the machine's probe has seen */
    char label[MK_LABEL_MAX];
};

#define CPU_RESCHEDULE 1 /* a stronger thread is ready, or the machine shall stop */

struct cpu {
    struct host_cpu host; /* first: host_this_cpu points to it */
    struct thread *current;
    mk_time_t now;
    mk_time_t next_event;           /* when the slice ends or the next timer is due */
    uint64_t ready_mask;            /* bit p: queues[p] is not empty */
    const struct mk_policy *policy; /* NULL: the kernel's own */
    uint16_t id;
    bool is_special; /* the host's clock, or isolation: something is to be done on the way in and out of the kernel */
    union {
        struct {
            bool is_slow;  /* tracing, seeded choices, host clock, ucontext: messages must take the long way */
            uint8_t flags; /* CPU_* */
        };
        uint16_t unusual; /* either */
    };
    mk_time_t entry_cost, call_cost, copy_cost; /* from the cost table: entry; entry + switch; each 64 bytes */
    mk_time_t run_start;                        /* of the current thread */
    mk_time_t slice_end;
    uint64_t nr_switches, nr_sends, nr_calls, nr_preemptions;
    mk_time_t idle_time;
    struct mk_machine *machine;
    struct thread *ended; /* to be laid to rest by the scheduler */
    struct list queues[NR_PRIORITIES];
    void *policy_state;
    /* a page that the kernel missed (vm/fault.h) */
    bool is_missing, is_missing_write;
    uintptr_t missing;
    mk_err_t missing_error; /* not 0: it cannot be had, and this is why */
    /* trace */
    bool is_traced, is_probed;
    uint64_t trace_hash, nr_events;
    struct mk_trace_event *ring;
    size_t ring_size;   /* power of two, or 0 */
    uint64_t ring_sunk; /* events given to the sink */
};

/* What lower layers call in higher ones; filled in by sys/boot.c. */
struct machine_ops {
    void (*thread_ended)(struct thread *thread); /* its port dies; the last one ends its task */
    void (*task_rest)(struct task *task);        /* it ended and its last thread is off the CPU */
    void (*unload)(struct mk_machine *machine);  /* the images of ended tasks */
};

/* Apart from the machine, whose memory may be closed: written by other host threads and signal handlers. */
struct machine_stop {
    bool is_requested; /* atomic */
    int code;          /* atomic */
};

struct mk_machine {
    uint64_t magic;
    const struct machine_ops *ops;
    struct cpu *cpu;
    struct kmem kmem;
    struct mk_costs costs;
    enum mk_clock clock;
    mk_time_t clock_start; /* host time of machine time 0 */
    mk_time_t quantum;
    bool no_lending;
    uint32_t max_quanta; /* that a thread may use up without waiting */
    uint64_t seed, random;
    bool is_running;
    struct machine_stop *stop;
    int exit_code;

    struct list tasks, threads; /* by number */
    struct list ended_tasks;
    uint32_t nr_ended_tasks;
    struct list free_threads;
    struct list ports, sets; /* by number */
    uint64_t next_task, next_thread, next_port;
    uint64_t nr_tasks, nr_threads, nr_ports, nr_messages;
    uint64_t nr_counting; /* tasks that keep the run going */

    struct thread **timers; /* heap by (deadline, order); [0] is unused */
    uint32_t nr_timers, max_timers;
    uint64_t next_timer_order;

    struct list dying_ports; /* see port_destroy */
    bool is_reaping;
    struct image *unloading; /* images of ended tasks, for the scheduler's stack: dlclose needs much */

    struct port *bootstrap_port; /* of spawned tasks; a reference */
    struct port *bootstrap;      /* its receive right, until it is claimed */
    struct port *control;        /* the machine port */
    struct exception_port exception;
    struct host_events *events;
    struct device *console;
    uint64_t memory_size, memory_used;
    struct vm *vm;
    struct host_stacks trap_stacks; /* beside the CPU's own */
    struct list free_trap_stacks;

    mk_trace_fn trace_sink;
    void *trace_arg;
    mk_log_fn log;
    void *log_arg;
    mk_probe_fn probe;
    void *probe_arg;
};

#define MACHINE_MAGIC 0x6d6b5f6d61636821u

static inline struct cpu *this_cpu(void)
{
    return (struct cpu *)(void *)host_this_cpu;
}

/* Read on every kernel call, written also by mk_machine_stop. */
static inline bool cpu_must_reschedule(const struct cpu *cpu)
{
    return __atomic_load_n(&cpu->flags, __ATOMIC_RELAXED) != 0;
}

/* The short ways' (ipc/fast.h). */
static inline bool cpu_is_unusual(const struct cpu *cpu)
{
    return __atomic_load_n(&cpu->unusual, __ATOMIC_RELAXED) != 0;
}

static inline void cpu_reschedule(struct cpu *cpu)
{
    __atomic_store_n(&cpu->flags, CPU_RESCHEDULE, __ATOMIC_RELAXED);
}

static inline bool machine_is_stopping(const struct mk_machine *machine)
{
    return __atomic_load_n(&machine->stop->is_requested, __ATOMIC_SEQ_CST);
}

/* One line to the machine's log. */
void machine_log(struct mk_machine *machine, const char *format, ...) MK_PRINTF(2, 3);

#endif
