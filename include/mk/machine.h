/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The machine, seen from the host program: create, furnish, run, look, destroy.
 *
 * Many machines can live in one process and run at the same time on different
 * host threads; one machine is used by one host thread at a time (only
 * mk_machine_stop may be called from anywhere). Calls here must not be made
 * from inside a machine's thread, except those marked "inside too".
 */
#ifndef MK_MACHINE_H
#define MK_MACHINE_H

#include <mk/probe.h>
#include <mk/types.h>

#ifdef __cplusplus
extern "C" {
#endif

struct mk_machine;
struct mk_policy;

enum mk_clock { MK_CLOCK_VIRTUAL, MK_CLOCK_HOST };
enum mk_isolation { MK_ISOLATION_AUTO, MK_ISOLATION_NONE, MK_ISOLATION_MPROTECT, MK_ISOLATION_PKEY };
enum mk_context { MK_CONTEXT_ASM, MK_CONTEXT_UCONTEXT };

/* Costs of kernel operations on the virtual clock, in nanoseconds. */
struct mk_costs {
    mk_time_t entry;   /* any kernel call, but looking (listings, the time) and logging */
    mk_time_t switch_; /* a change of the running thread */
    mk_time_t copy;    /* each 64 bytes of a message copied, begun */
    mk_time_t right;   /* each right carried by a message */
    mk_time_t thread;  /* creating a thread */
    mk_time_t task;    /* creating a task */
    mk_time_t fault;   /* each page fault, beside what its pager does */
};

typedef void (*mk_log_fn)(void *arg, const char *line); /* one line without its newline; valid during the call */

/* All zero is a good configuration. */
struct mk_machine_config {
    uint32_t nr_cpus;     /* 0: 1. More than 1 is not supported yet. */
    uint64_t memory_size; /* bytes of the machine's memory; a multiple of the page; 0: 64 MiB */
    mk_time_t quantum;    /* ns that a thread runs before its equals; 0: 10 ms */
    enum mk_clock clock;
    /*
     * NONE, and AUTO, which takes it: every task can touch all memory. MPROTECT: a task can touch its own only, and each
     * kernel call takes some 10 us of the host's time. PKEY: the same by protection keys; MK_E_NOT_SUPPORTED where the
     * processor has none, MK_E_NO_MEMORY when other machines of the process have taken them all.
     */
    enum mk_isolation isolation;
    enum mk_context context; /* how threads are switched: assembly, or swapcontext */
    const char *policy; /* scheduling policy: one of mk_policy_names() in <mk/policy.h>, or the path of a plugin, with
                           a '/' in it; NULL: "priority" */
    const struct mk_policy *own_policy; /* not NULL: this one, of the program's own; it must outlive the machine */
    const char
        *page_policy; /* page replacement: fifo, clock, clock-clear, lru, aging, random, ws or opt; NULL: "clock" */
    bool no_lending;  /* callers lend no priority to those who serve them: to see what it is good for */
    uint64_t seed;    /* 0: every open choice follows the policy; else it is drawn from this seed */
    const struct mk_costs *costs; /* NULL: the built-in table */
    mk_log_fn log;                /* NULL: lines to standard error */
    void *log_arg;
    mk_time_t watchdog;  /* host CPU time for which a thread may compute without a kernel call; longer is MK_EXC_LOOP.
                            0: 10 s; MK_TIME_FOREVER: no limit */
    uint32_t max_quanta; /* quanta that a thread may use up without waiting; more is MK_EXC_LOOP. 0: no limit */
    void *(*alloc_hook)(void *arg,
                        size_t size); /* NULL, or asked before each kernel allocation: returning NULL makes it fail */
    void *alloc_arg;
    mk_probe_fn probe; /* NULL, or sees each kernel call: <mk/probe.h> */
    void *probe_arg;
};

/* The built-in cost table. */
MK_API const struct mk_costs *mk_costs_default(void);

/*
 * MK_E_BAD_ARGUMENT (a value out of its domain), MK_E_NOT_SUPPORTED (see the fields), MK_E_LIMIT_HOST,
 * MK_E_NO_MEMORY. The reason is
 * logged. `config` may be NULL and need not outlive the call; its strings neither.
 */
MK_API MK_NODISCARD mk_err_t mk_machine_create(const struct mk_machine_config *config, struct mk_machine **machinep);

/* End every task and free everything. Not while the machine runs. NULL is ignored. */
MK_API void mk_machine_destroy(struct mk_machine *machine);

/* A task whose first thread runs a function of the host program: labs and tests need no plugin. */
struct mk_spawn {
    const char *label; /* NULL: "task" */
    void (*entry)(void *arg);
    void *arg;
    int priority;      /* 0: MK_PRIO_DEFAULT */
    size_t stack_size; /* 0: MK_STACK_DEFAULT */
    bool is_server;    /* does not keep the run going, see mk_task_set_server */
};

/*
 * New task, ready to run. It holds MK_SPECIAL_MACHINE. Its bootstrap port is
 * one port of the machine, the same for all spawned tasks; the first task to
 * extract its receive right (mk_bootstrap_claim in <mk/server.h>) serves it.
 * *idp (may be NULL) is the task's number. Before or between runs only.
 * MK_E_BAD_ARGUMENT, MK_E_TOO_LONG, MK_E_LIMIT_*, MK_E_NO_MEMORY, MK_E_BAD_STATE (running).
 */
MK_API MK_NODISCARD mk_err_t mk_machine_spawn(struct mk_machine *machine, const struct mk_spawn *spawn, uint64_t *idp);

/*
 * As mk_task_load in <mk/task.h>, from the host side; `service` and `bootstrap` must be MK_NAME_NULL.
 * MK_E_BAD_STATE while it runs.
 */
struct mk_load;
MK_API MK_NODISCARD mk_err_t mk_machine_load(struct mk_machine *machine, const struct mk_load *load, uint64_t *idp,
                                             char *whyp, size_t why_size);

/*
 * Check a plugin without loading it: MK_OK, MK_E_PLUGIN_FILE, MK_E_PLUGIN_ABI
 * or MK_E_PLUGIN_REFUSED with one line in why: what is wrong, and what would
 * be right. The file is only read, nothing in it runs.
 */
MK_API MK_NODISCARD mk_err_t mk_plugin_check(const char *path, char *why, size_t why_size);

/*
 * Run until every task that is not a server has ended (with none from the
 * start: until no server is ready), or mk_machine_halt or mk_machine_stop says so. *exit_codep (may be NULL): the code
 * given there, or the first non-zero exit code of those tasks that were spawned or loaded (not of children made by
 * mk_task_create), or 0. It can be called again; codes of tasks from before a halt or stop then count.
 * MK_E_DEADLOCK: no thread can run and nothing can come that would change it;
 * who waits for whom is logged. MK_E_BAD_STATE: it runs already, or this host
 * thread runs another machine. MK_E_LIMIT_HOST: no memory for the CPU.
 */
MK_API MK_NODISCARD mk_err_t mk_machine_run(struct mk_machine *machine, int *exit_codep);

/*
 * Ask a running machine to stop with this exit code, if nobody has before. From any host thread and from signal
 * handlers. Between runs it ends the next one at once.
 */
MK_API void mk_machine_stop(struct mk_machine *machine, int exit_code);

/*
 * Have a server that the supervisor looks after go on in another version, as `update NAME FILE` in the shell: with its
 * state, its port, and the requests that wait. `name` is the task's in the boot file; `path` is the plugin's, and
 * begins at the boot file's folder if it is relative. Waits until the other version serves, or the old one goes on:
 * then the reason is in the log as well. It waits up to 10 s of the machine's clock for the server to be up.
 *
 * Inside too: any task that may look the supervisor up can ask, with machine NULL. From the host program, before and
 * between runs: it runs the machine, with all that is in it, until the answer is there; then the machine can be run
 * again.
 *   MK_E_NOT_FOUND      no supervisor, or no such task
 *   MK_E_BAD_STATE      it is not up, or somebody else is at it; from the host: the machine runs
 *   MK_E_NOT_SUPPORTED  one of both versions cannot be updated
 *   MK_E_DEAD           the server, or the supervisor, ended meanwhile
 *   MK_E_PLUGIN_FILE, MK_E_PLUGIN_ABI, MK_E_PLUGIN_REFUSED, MK_E_PLUGIN_START (it crashed over the state)
 *   MK_E_NO_ACCESS, MK_E_TOO_LONG, MK_E_NO_MEMORY, and what the versions say to saving and restoring
 *   from the host, also MK_E_ABORTED (the run was ended by others before the answer; it may still be done), and
 *   mk_machine_run's
 */
MK_API MK_NODISCARD mk_err_t mk_machine_update(struct mk_machine *machine, const char *name, const char *path);

/*
 * Count every object, right, reference and message, and compare. MK_E_BAD_STATE
 * with a line in the log for each thing that does not add up. Inside too
 * (machine NULL: the caller's).
 */
MK_API MK_NODISCARD mk_err_t mk_machine_audit(struct mk_machine *machine);

/* ---- looking: inside too, with machine NULL for the caller's own ---- */

struct mk_machine_stats {
    mk_time_t now;       /* the machine's clock */
    enum mk_clock clock; /* which one it is */
    uint64_t trace_hash; /* 0 unless tracing is on, see <mk/trace.h> */
    uint64_t nr_events;  /* traced */
    uint64_t nr_tasks, nr_threads, nr_ports, nr_rights,
        nr_messages;   /* alive now; messages include notices, which are allocated with their request */
    uint64_t nr_sends; /* messages sent since the start, replies included */
    uint64_t nr_calls; /* mk_call since the start */
    uint64_t nr_switches, nr_preemptions;
    mk_time_t idle_time;  /* nothing was ready */
    uint64_t memory_used; /* bytes of the machine's memory that are charged */
    uint64_t memory_size;
    uint64_t kernel_memory; /* bytes the kernel's objects use */
};
MK_API MK_NODISCARD mk_err_t mk_machine_stats(struct mk_machine *machine, struct mk_machine_stats *statsp);

struct mk_task_info {
    uint64_t id; /* its number in the machine, from 1 */
    char label[MK_LABEL_MAX];
    bool is_server;
    bool is_ended; /* ended, and still listed */
    int32_t exit_code;
    uint32_t nr_threads;
    uint32_t nr_names; /* in its port space */
    uint64_t memory;   /* bytes allocated in its window */
    mk_time_t created;
    mk_time_t run_time; /* of all its threads, ended ones too */
};

enum mk_thread_state { MK_THREAD_READY, MK_THREAD_RUNNING, MK_THREAD_BLOCKED, MK_THREAD_SUSPENDED };
enum mk_wait {
    MK_WAIT_NONE,
    MK_WAIT_RECEIVE, /* for a message on wait_port (a port or set) */
    MK_WAIT_SEND,    /* for room in the queue of wait_port */
    MK_WAIT_REPLY,   /* for the answer to a call on wait_port */
    MK_WAIT_SLEEP,   /* for a time */
    MK_WAIT_TASK,    /* for the end of wait_task */
    MK_WAIT_THREAD,  /* for the end of wait_thread */
    MK_WAIT_DEVICE,  /* for input */
    MK_WAIT_EVENT,   /* for bits at wait_port, an event port */
    MK_WAIT_PAGE,    /* for a page of memory */
};

struct mk_thread_info {
    uint64_t id; /* its number in the machine, from 1 */
    uint64_t task;
    char label[MK_LABEL_MAX];
    enum mk_thread_state state;
    int32_t priority;      /* now: base, what others lend, or 0 when depressed */
    int32_t base_priority; /* as set */
    uint32_t suspend_count;
    enum mk_wait wait;
    uint64_t wait_port;    /* number of the port or set; 0: none */
    uint64_t wait_task;    /* task on whose doing it depends (receiver, holder of the reply right); 0: unknown */
    uint64_t wait_thread;  /* thread, where it is known (MK_WAIT_THREAD); 0: unknown */
    mk_time_t deadline;    /* of the wait; MK_TIME_FOREVER: none */
    mk_time_t created;     /* arrival */
    mk_time_t first_run;   /* -1: not yet */
    mk_time_t run_time;    /* on a CPU */
    mk_time_t ready_time;  /* ready, waiting for a CPU */
    uint64_t nr_switches;  /* times it was given a CPU */
    uint64_t nr_preempted; /* times a CPU was taken from it */
};

enum mk_object {
    MK_OBJECT_NONE,
    MK_OBJECT_TASK,
    MK_OBJECT_THREAD,
    MK_OBJECT_DEVICE,
    MK_OBJECT_MACHINE,
    MK_OBJECT_EVENT,
    MK_OBJECT_MEMORY,        /* a memory object */
    MK_OBJECT_MEMORY_CONTROL /* of which it is the pager's */
};

struct mk_port_info {
    uint64_t id;         /* its number in the machine, from 1 */
    uint64_t receiver;   /* task that holds the receive right; 0: in transit or the kernel */
    mk_name_t name;      /* its name there */
    uint64_t set;        /* the set it is in; 0: none */
    enum mk_object kind; /* what the kernel's own ports stand for; MK_OBJECT_EVENT: an event port of a task */
    uint64_t object;     /* number of that task or thread; else 0 */
    uint32_t nr_queued, queue_limit; /* of an event port: 1 queued when bits are pending */
    uint32_t nr_send, nr_send_once;
    uint32_t nr_waiting_senders, nr_waiting_receivers;
    uint64_t nr_received; /* messages taken from it */
};

struct mk_name_info {
    mk_name_t name;
    uint32_t type; /* bits of enum mk_right_type */
    uint32_t user_refs;
    uint64_t port; /* number of the port or set; 0: dead, or a right to answer a call */
    uint64_t badge;
};

/*
 * Lists in order of number: living threads and ports, and tasks with the last
 * 256 that ended. A lab that wants a thread's times looks before it ends. Up to `max` entries are written; *nrp
 * becomes how
 * many there are, so that max = 0 asks for the count. MK_E_BAD_ADDRESS,
 * MK_E_NOT_IN_MACHINE (machine NULL outside), mk_machine_names: MK_E_NOT_FOUND.
 */
MK_API MK_NODISCARD mk_err_t mk_machine_tasks(struct mk_machine *machine, struct mk_task_info *infos, size_t max,
                                              size_t *nrp);
MK_API MK_NODISCARD mk_err_t mk_machine_threads(struct mk_machine *machine, struct mk_thread_info *infos, size_t max,
                                                size_t *nrp);
MK_API MK_NODISCARD mk_err_t mk_machine_ports(struct mk_machine *machine, struct mk_port_info *infos, size_t max,
                                              size_t *nrp);
MK_API MK_NODISCARD mk_err_t mk_machine_names(struct mk_machine *machine, uint64_t task, struct mk_name_info *infos,
                                              size_t max, size_t *nrp);

/* Add a line to the machine's log, "[label] text" inside a task. Inside only. */
MK_API void mk_log(const char *format, ...) MK_PRINTF(1, 2);

#ifdef __cplusplus
}
#endif
#endif
