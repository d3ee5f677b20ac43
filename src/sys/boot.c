/* SPDX-License-Identifier: BSD-2-Clause */
/* The machine's life, and the wiring of the layers. */
#include "sys/sys.h"

#include <stdio.h>
#include <stdlib.h>

#include "host/console.h"
#include "host/events.h"
#include "host/pages.h"
#include "host/plugin.h"
#include "ipc/pager.h"
#include "kern/policy.h"
#include "kern/timer.h"
#include "policy/find.h"
#include "vm/object.h"

static const struct mk_costs default_costs = {
    .entry = 100,
    .switch_ = 200,
    .copy = 10,
    .right = 20,
    .thread = 500,
    .task = 5000,
    .fault = 1000,
};

const struct mk_costs *mk_costs_default(void)
{
    return &default_costs;
}

/* ---- the log ---- */

static void log_to_stderr(void *arg, const char *line)
{
    (void)arg;
    host_log(line);
}

void machine_log(struct mk_machine *machine, const char *format, ...)
{
    char line[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    machine->log(machine->log_arg, line);
}

/* ---- configuration ---- */

struct refusal {
    mk_log_fn log;
    void *arg;
};

static mk_err_t refuse(const struct refusal *to, mk_err_t err, const char *line)
{
    to->log(to->arg, line);
    return err;
}

static bool costs_are_good(const struct mk_costs *costs)
{
    const mk_time_t all[] = {costs->entry,  costs->switch_, costs->copy, costs->right,
                             costs->thread, costs->task,    costs->fault};
    for (size_t i = 0; i < ARRAY_SIZE(all); i++)
        if (all[i] < 0 || all[i] > 3600 * MK_SEC)
            return false;
    return true;
}

/* All that is wrong is logged; the first error counts. */
static mk_err_t check_config(const struct mk_machine_config *c, const struct refusal *to)
{
    const struct {
        bool is_wrong;
        mk_err_t err;
        const char *why;
    } all[] = {
        {c->nr_cpus > 1, MK_E_NOT_SUPPORTED, "cpus: only one CPU is supported so far"},
        {c->memory_size % host_page_size() != 0, MK_E_BAD_ARGUMENT,
         "memory: must be a multiple of the page, 4096 bytes"},
        {c->memory_size > (uint64_t)1 << 46, MK_E_BAD_ARGUMENT, "memory: more than 64 TiB"},
        {c->quantum < 0, MK_E_BAD_ARGUMENT, "quantum: must be positive"},
        {c->watchdog < 0, MK_E_BAD_ARGUMENT, "watchdog: must be positive"},
        {c->clock != MK_CLOCK_VIRTUAL && c->clock != MK_CLOCK_HOST, MK_E_BAD_ARGUMENT,
         "clock: must be virtual or host"},
        {c->context != MK_CONTEXT_ASM && c->context != MK_CONTEXT_UCONTEXT, MK_E_BAD_ARGUMENT,
         "context: must be asm or ucontext"},
        {c->isolation == MK_ISOLATION_PKEY && !host_isolation_has_keys(), MK_E_NOT_SUPPORTED,
         "isolation: this processor has no protection keys for pkey (or the host does not use them): take mprotect"},
        {(unsigned)c->isolation > MK_ISOLATION_PKEY, MK_E_BAD_ARGUMENT,
         "isolation: must be auto, none, mprotect or pkey"},
        {c->costs && !costs_are_good(c->costs), MK_E_BAD_ARGUMENT, "costs: each must be from 0 to 1 hour"},
        {c->page_policy && !page_policy_find(c->page_policy), MK_E_BAD_ARGUMENT,
         "page policy: must be fifo, clock, clock-clear, lru, aging, random, ws or opt"},
    };
    mk_err_t err = MK_OK;
    for (size_t i = 0; i < ARRAY_SIZE(all); i++)
        if (all[i].is_wrong)
            err = refuse(to, err ? err : all[i].err, all[i].why);
    return err;
}

/* ---- traps ---- */

/* Memory could not mend it, because of `err`. Nobody handled it: the task ends. */
static void trapped(struct cpu *cpu, mk_err_t err)
{
    struct thread *self = cpu->current;
    if (exception_raise(cpu, err))
        return;
    const struct host_trap *trap = &cpu->host.trap;
    bool is_exit = trap->exception == MK_EXC_EXIT;
    if (!is_exit || self->task->is_server)
        report_crash(cpu, trap);
    task_end(cpu, self->task, is_exit ? (int)trap->code : 128 + trap->signal);
    sched_exit(cpu);
}

/* The kernel itself touched a user's memory: a page that is missing is got if that needs no waiting. */
static void kernel_fault(struct cpu *cpu)
{
    const struct host_trap *trap = &cpu->host.trap;
    mk_err_t err = trap->is_access ? vm_fault(cpu, trap->address, trap->is_write) : MK_E_BAD_ADDRESS;
    kernel_charge(cpu, cpu->machine->costs.fault);
    cpu->is_missing = false;
    if (err && err != MK_E_BAD_ADDRESS) {
        vm_missing(cpu, trap->address, trap->is_write);
        cpu->missing_error = err == MK_E_WOULD_BLOCK ? MK_OK : err;
    }
    if (err)
        trap->frame->rip = trap->fixup;
}

/* A thread touched its memory. An error when there is nothing to be had. */
static mk_err_t user_fault(struct cpu *cpu)
{
    const struct host_trap trap = cpu->host.trap;
    kernel_charge(cpu, cpu->machine->costs.fault);
    if (cpu->host.isolation && host_isolation_is_foreign(cpu->host.isolation, trap.address, cpu->current->task->domain))
        return MK_E_BAD_ADDRESS;
    mk_err_t err = vm_fault(cpu, trap.address, trap.is_write);
    if ((err != MK_E_WOULD_BLOCK && !cpu_must_reschedule(cpu) && cpu->now < cpu->next_event) || err == MK_E_BAD_ADDRESS)
        return err;
    if (!thread_keep_trap_stack(cpu))
        return MK_E_NO_MEMORY;
    while (err == MK_E_WOULD_BLOCK || err == MK_E_ABORTED)
        err = vm_fault_in(cpu, trap.address, trap.is_write);
    kernel_point(cpu);
    thread_return_trap_stack(cpu);
    cpu->host.trap = trap;
    return err;
}

/* Is it the same instruction again, with nothing done since? Then it needs more than one page at once. */
static void note_fault(struct thread *self, const struct host_trap_frame *frame)
{
    uint64_t key = frame->rsp;
    for (const uint64_t *reg = &frame->r15; reg <= &frame->rip; reg++)
        key = mix64(key ^ *reg);
    self->nr_faulting = key == self->fault_key ? self->nr_faulting + 1 : 0;
    self->fault_key = key;
}

static void on_trap(struct host_cpu *host)
{
    struct cpu *cpu = (struct cpu *)(void *)host;
    sched_update_clock(cpu);
    if (cpu->current && host->trap.is_access)
        note_fault(cpu->current, host->trap.frame);
    if (host->trap.fixup) {
        kernel_fault(cpu);
        return;
    }
    mk_err_t err = host->trap.is_access ? user_fault(cpu) : MK_E_BAD_ADDRESS;
    if (err)
        trapped(cpu, err);
}

/* What moves with every kernel call that takes time or does something. */
static uint64_t progress(const struct host_cpu *host)
{
    const struct cpu *cpu = (const struct cpu *)(const void *)host;
    return (uint64_t)cpu->now + cpu->nr_switches + cpu->nr_sends;
}

static const struct machine_ops ops = {
    .thread_ended = thread_ended,
    .task_rest = task_rest,
    .unload = plugin_unload_all,
};

/* ---- create, run, destroy ---- */

static void machine_init(struct mk_machine *machine, struct cpu *cpu, const struct mk_machine_config *c)
{
    machine->magic = MACHINE_MAGIC;
    machine->ops = &ops;
    kmem_init(&machine->kmem, cpu->host.isolation, c->alloc_hook, c->alloc_arg);
    machine->costs = c->costs ? *c->costs : default_costs;
    machine->clock = c->clock;
    machine->clock_start = host_clock();
    machine->quantum = c->quantum ? c->quantum : 10 * MK_MSEC;
    machine->no_lending = c->no_lending;
    machine->max_quanta = c->max_quanta ? c->max_quanta : UINT32_MAX;
    machine->seed = c->seed;
    machine->random = mix64(c->seed);
    machine->memory_size = c->memory_size ? c->memory_size : (uint64_t)64 << 20;
    machine->log = c->log ? c->log : log_to_stderr;
    machine->log_arg = c->log_arg;
    list_init(&machine->tasks);
    list_init(&machine->threads);
    list_init(&machine->ended_tasks);
    list_init(&machine->free_threads);
    list_init(&machine->ports);
    list_init(&machine->sets);
    list_init(&machine->dying_ports);
    list_init(&machine->free_trap_stacks);
    host_stacks_init(&machine->trap_stacks, cpu->host.isolation, NULL);
    machine->probe = c->probe;
    machine->probe_arg = c->probe_arg;
    cpu->is_probed = c->probe != NULL;
    cpu->machine = machine;
    cpu->host.on_trap = on_trap;
    cpu->host.watchdog.progress = progress;
    cpu->host.watchdog.limit = c->watchdog == MK_TIME_FOREVER ? 0 : c->watchdog ? c->watchdog : 10 * MK_SEC;
    cpu->host.is_ucontext = c->context == MK_CONTEXT_UCONTEXT;
    cpu->entry_cost = machine->costs.entry;
    cpu->is_special = machine->clock == MK_CLOCK_HOST || cpu->host.isolation;
    cpu->call_cost = machine->costs.entry + machine->costs.switch_;
    cpu->copy_cost = machine->clock == MK_CLOCK_VIRTUAL ? machine->costs.copy : 0;
    sched_init(cpu);
    sched_set_slow(machine);
}

static void machine_free(struct mk_machine *machine)
{
    struct host_isolation *isolation = machine->cpu->host.isolation;
    free(machine->stop);
    if (isolation) {
        host_isolation_destroy(isolation);
        return;
    }
    free(machine->cpu);
    free(machine);
}

/* Machine and CPU, all zero but for what they are made of. NULL: no memory. */
static struct mk_machine *machine_alloc(enum mk_isolation isolation_kind)
{
    bool is_isolated = isolation_kind == MK_ISOLATION_MPROTECT || isolation_kind == MK_ISOLATION_PKEY;
    struct host_isolation *isolation = is_isolated ? host_isolation_create(isolation_kind == MK_ISOLATION_PKEY) : NULL;
    struct machine_stop *stop = calloc(1, sizeof(*stop));
    struct mk_machine *machine = NULL;
    struct cpu *cpu = NULL;
    if (isolation) {
        machine = host_isolation_alloc(isolation, sizeof(*machine));
        cpu = host_isolation_alloc(isolation, sizeof(*cpu));
    } else if (!is_isolated) {
        machine = calloc(1, sizeof(*machine));
        cpu = aligned_alloc(64, round_up(sizeof(*cpu), 64));
    }
    if (!stop || !machine || !cpu) {
        host_isolation_destroy(isolation);
        if (!isolation)
            free(machine), free(cpu);
        free(stop);
        return NULL;
    }
    memset(cpu, 0, sizeof(*cpu));
    cpu->host.isolation = isolation;
    machine->cpu = cpu;
    machine->stop = stop;
    return machine;
}

static mk_err_t choose_policy(struct mk_machine *machine, const struct mk_machine_config *c)
{
    char why[POLICY_WHY_SIZE] = "";
    const struct mk_policy *policy = c->own_policy;
    mk_err_t err = policy ? policy_check(policy, why, sizeof(why))
                          : policy_find(c->policy ? c->policy : "priority", &policy, why, sizeof(why));
    if (err)
        machine_log(machine, "%s", why);
    return err ? err : policy_set(machine->cpu, policy);
}

mk_err_t mk_machine_create(const struct mk_machine_config *config, struct mk_machine **machinep)
{
    static const struct mk_machine_config none;
    const struct mk_machine_config *c = config ? config : &none;
    const struct refusal to = {c->log ? c->log : log_to_stderr, c->log_arg};
    mk_err_t err = check_config(c, &to);
    if (err)
        return err;
    if (!host_traps_acquire())
        return refuse(&to, MK_E_LIMIT_HOST, "the host refused signal handlers");
    struct mk_machine *machine = machine_alloc(c->isolation);
    err = MK_E_NO_MEMORY;
    if (!machine)
        goto fail;
    machine_init(machine, machine->cpu, c);
    err = vm_init(machine, page_policy_find(c->page_policy ? c->page_policy : "clock"), &pager_ops);
    if (err)
        goto fail_kmem;
    machine->bootstrap = port_create(machine, MK_OBJECT_NONE, NULL);
    machine->control = port_create(machine, MK_OBJECT_MACHINE, machine);
    if (!machine->bootstrap || !machine->control) {
        err = MK_E_NO_MEMORY;
        goto fail_vm;
    }
    err = choose_policy(machine, c);
    if (err)
        goto fail_ports;
    machine->bootstrap_port = machine->bootstrap;
    machine->bootstrap->refs++;
    host_plugins_hold();
    *machinep = machine;
    return MK_OK;

fail_ports:
    port_destroy(machine, machine->bootstrap);
    port_destroy(machine, machine->control);
fail_vm:
    vm_finish(machine);
fail_kmem:
    kmem_finish(&machine->kmem);
    machine_free(machine);
fail:
    host_traps_release();
    return err == MK_E_NO_MEMORY || err == MK_E_LIMIT_HOST ? refuse(&to, err, "no memory for a machine") : err;
}

void mk_machine_destroy(struct mk_machine *machine)
{
    if (!machine)
        return;
    struct cpu *cpu = machine->cpu;
    cpu->is_traced = false; /* the end of what is left is no part of the run */
    for (;;) {              /* the newest first: servers outlive their clients */
        struct task *task = NULL;
        list_for_each (link, &machine->tasks)
            if (!list_entry(link, struct task, all_link)->is_ended)
                task = list_entry(link, struct task, all_link);
        if (!task)
            break;
        task_end(cpu, task, 0);
    }
    plugin_unload_all(machine);
    task_free_ended(machine, 0);
    device_close_all(machine);
    vm_drop_store(machine->vm);
    if (machine->bootstrap)
        port_destroy(machine, machine->bootstrap);
    port_release(machine, machine->bootstrap_port);
    exception_forget(machine, &machine->exception);
    port_destroy(machine, machine->control);
    policy_set(cpu, NULL);
    thread_free_all(machine);
    vm_finish(machine);
    trace_finish(machine);
    kmem_free(&machine->kmem, machine->timers, machine->max_timers * sizeof(struct thread *));
    if (machine->kmem.nr_allocs)
        machine_log(machine, "kernel objects left at the end: %llu", (unsigned long long)machine->kmem.nr_allocs);
    host_events_destroy(machine->events);
    kmem_finish(&machine->kmem);
    host_cpu_finish(&cpu->host);
    machine_free(machine);
    host_plugins_release();
    host_traps_release();
}

mk_err_t mk_machine_run(struct mk_machine *machine, int *exit_codep)
{
    struct cpu *cpu = machine->cpu;

    if (machine->is_running || this_cpu())
        return MK_E_BAD_STATE;
    if (!cpu_ensure_trap_stack(cpu) || !host_cpu_enter(&cpu->host))
        return MK_E_LIMIT_HOST;
    machine->is_running = true;
    mk_err_t err = sched_run(cpu);
    if (cpu->host.isolation)
        host_isolation_suspend(cpu->host.isolation);
    machine->is_running = false;
    host_cpu_leave(&cpu->host);
    if (err == MK_E_DEADLOCK)
        report_deadlock(machine);
    if (exit_codep)
        *exit_codep =
            machine_is_stopping(machine) ? __atomic_load_n(&machine->stop->code, __ATOMIC_RELAXED) : machine->exit_code;
    if (!machine->nr_counting) /* else the next run goes on with what this one began */
        machine->exit_code = 0;
    __atomic_store_n(&machine->stop->is_requested, false, __ATOMIC_SEQ_CST);
    trace_flush(machine);
    return err;
}

void mk_machine_stop(struct mk_machine *machine, int exit_code)
{
    uint32_t rights = host_isolation_look_begin();
    if (!machine_is_stopping(machine))
        __atomic_store_n(&machine->stop->code, exit_code, __ATOMIC_RELAXED);
    __atomic_store_n(&machine->stop->is_requested, true, __ATOMIC_SEQ_CST);
    if (!machine->cpu->host.isolation) /* else it may be closed, and every kernel call looks */
        __atomic_store_n(&machine->cpu->flags, CPU_RESCHEDULE, __ATOMIC_SEQ_CST);
    struct host_events *events = __atomic_load_n(&machine->events, __ATOMIC_SEQ_CST);
    if (events)
        host_events_wake(events);
    host_isolation_look_end(rights);
}

mk_err_t mk_machine_halt(mk_name_t name, int exit_code)
{
    ENTER(cpu, self);
    (void)self;
    struct port *port;
    mk_err_t err = object_find(cpu, name, MK_OBJECT_MACHINE, &port);
    if (!err)
        machine_request_stop(cpu->machine, exit_code);
    return leave(cpu, err);
}

/* A spawned task's first thread. */
mk_err_t mk_machine_spawn(struct mk_machine *machine, const struct mk_spawn *spawn, uint64_t *idp)
{
    struct task *task;
    struct thread *thread;
    size_t stack_size = spawn->stack_size ? round_up(spawn->stack_size, host_page_size()) : MK_STACK_DEFAULT;
    int priority = spawn->priority ? spawn->priority : MK_PRIO_DEFAULT;

    if (machine->is_running)
        return MK_E_BAD_STATE;
    if (!spawn->entry || priority < MK_PRIO_MIN || priority > MK_PRIO_MAX || stack_size < MK_STACK_MIN ||
        stack_size > MK_STACK_MAX)
        return MK_E_BAD_ARGUMENT;
    if (spawn->label && strlen(spawn->label) >= MK_LABEL_MAX)
        return MK_E_TOO_LONG;
    mk_err_t err = task_create(machine, spawn->label ? spawn->label : "task", NULL, &task);
    if (err)
        return err;
    task_set_special(task, MK_SPECIAL_BOOTSTRAP, machine->bootstrap_port, 0);
    task_set_special(task, MK_SPECIAL_MACHINE, machine->control, 0);
    err = thread_create(task, spawn->entry, spawn->arg, stack_size, priority, &thread);
    if (err) {
        task_discard(task);
        return err;
    }
    task->reports = true;
    if (spawn->is_server) {
        task->is_server = true;
        task_set_counts(task, false);
    }
    sched_ready(machine->cpu, thread);
    if (idp)
        *idp = task->id;
    return MK_OK;
}
