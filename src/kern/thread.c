/* SPDX-License-Identifier: BSD-2-Clause */
/* Threads' lives; see thread.h. */
#include "kern/thread.h"

#include "host/pages.h"
#include "kern/policy.h"
#include "kern/sched.h"

static void thread_main(void *arg)
{
    struct thread *self = arg;
    host_context_outermost();
    host_context_entered(&self->context);
    for (;;) {
        host_context_reset_fp();
        struct cpu *cpu = this_cpu();
        kernel_close_all(cpu);
        self->entry(self->arg);
        kernel_open(cpu);
        cpu->machine->ops->thread_ended(self);
        self->flags |= THREAD_PARKED;
        sched_exit(cpu); /* returns at the beginning of the next life */
    }
}

static struct thread *from_pool(struct list *pool)
{
    if (list_empty(pool))
        return NULL;
    struct thread *thread = list_first(pool, struct thread, task_link);
    list_remove(&thread->task_link);
    return thread;
}

/* Everything of a former life but the context, with its stack, and the serial. */
static void thread_clear(struct thread *thread)
{
    struct host_context context = thread->context;
    uint64_t serial = thread->serial;
    uint8_t flags = thread->flags;

    memset(thread, 0, sizeof(*thread));
    thread->context = context;
    thread->serial = (serial + 1) & ~(uint64_t)1;
    thread->flags = flags & THREAD_PARKED;
    list_init(&thread->queue);
    list_init(&thread->task_link);
    list_init(&thread->all_link);
    list_init(&thread->joiners);
    list_init(&thread->lenders);
    list_init(&thread->lend_node);
    list_init(&thread->lend_level);
}

static mk_err_t thread_take(struct task *task, size_t stack_size, struct thread **threadp)
{
    struct mk_machine *machine = task->machine;
    struct thread *thread = stack_size == MK_STACK_DEFAULT ? from_pool(&task->pool) : NULL;

    if (!thread) {
        thread = from_pool(&machine->free_threads);
        if (!thread)
            thread = kmem_zalloc(&machine->kmem, sizeof(*thread));
        if (!thread)
            return MK_E_NO_MEMORY;
        thread->context.stack = host_stack_alloc(&task->stacks, stack_size);
        thread->context.size = stack_size;
        thread->flags = 0;
        if (!thread->context.stack) {
            list_init(&thread->task_link);
            list_add_head(&thread->task_link, &machine->free_threads);
            return MK_E_LIMIT_HOST;
        }
    }
    thread_clear(thread);
    *threadp = thread;
    return MK_OK;
}

mk_err_t thread_create(struct task *task, void (*entry)(void *), void *arg, size_t stack_size, int priority,
                       struct thread **threadp)
{
    struct mk_machine *machine = task->machine;
    struct thread *thread;

    if (machine->nr_threads >= MK_THREADS_MAX)
        return MK_E_LIMIT_THREADS;
    if (!sched_reserve_timer(machine))
        return MK_E_NO_MEMORY;
    struct policed *policed = NULL;
    const struct mk_policy *policy = machine->cpu->policy;
    if (unlikely(policy) && !(policed = policed_create(machine->cpu, policy->thread_size)))
        return MK_E_NO_MEMORY;
    mk_err_t err = thread_take(task, stack_size, &thread);
    if (err) {
        policed_destroy(machine->cpu, policed);
        return err;
    }
    if (!(thread->flags & THREAD_PARKED))
        host_context_init(&thread->context, thread_main, thread);
    thread->flags = 0;
    thread->entry = entry;
    thread->arg = arg;
    thread->task = task;
    thread->space = task->space;
    thread->names = task->names;
    thread->state = THREAD_STOPPED;
    thread->priority = thread->base_priority = (uint8_t)priority;
    thread->deadline = MK_TIME_FOREVER;
    thread->created = machine->cpu->now;
    thread->first_run = -1;
    thread->id = ++machine->next_thread;
    if (unlikely(policed))
        policed_attach(policed, thread);
    list_add_tail(&thread->task_link, &task->threads);
    list_add_tail(&thread->all_link, &machine->threads);
    task->nr_threads++;
    machine->nr_threads++;
    trace(machine->cpu, MK_TRACE_THREAD_CREATE, thread->id, task->id, (uint64_t)priority);
    *threadp = thread;
    return MK_OK;
}

/* ---- trap stacks ---- */

/* A free one is linked at its low end. */
static char *trap_stack_take(struct mk_machine *machine)
{
    if (list_empty(&machine->free_trap_stacks))
        return host_stack_alloc(&machine->trap_stacks, HOST_TRAP_STACK_SIZE);
    struct list *link = machine->free_trap_stacks.next;
    list_remove(link);
    host_pages_clean(link, HOST_TRAP_STACK_SIZE);
    return (char *)link;
}

static void trap_stack_free(struct mk_machine *machine, char *stack)
{
    struct list *link = (struct list *)(void *)stack;
    host_pages_clean(stack, sizeof(*link));
    list_init(link);
    list_add_head(link, &machine->free_trap_stacks);
}

bool cpu_ensure_trap_stack(struct cpu *cpu)
{
    if (!cpu->host.trap_stack)
        cpu->host.trap_stack = trap_stack_take(cpu->machine);
    return cpu->host.trap_stack != NULL;
}

bool thread_keep_trap_stack(struct cpu *cpu)
{
    char *stack = trap_stack_take(cpu->machine);
    if (!stack)
        return false;
    cpu->current->trap_stack = cpu->host.trap_stack;
    cpu->host.trap_stack = stack;
    cpu->host.is_trapped = false;
    return true;
}

void thread_return_trap_stack(struct cpu *cpu)
{
    trap_stack_free(cpu->machine, cpu->host.trap_stack);
    cpu->host.trap_stack = cpu->current->trap_stack;
    cpu->current->trap_stack = NULL;
    cpu->host.is_trapped = true;
}

/* ---- the end ---- */

void thread_rest(struct cpu *cpu, struct thread *thread)
{
    struct task *task = thread->task;
    if (thread->trap_stack)
        trap_stack_free(cpu->machine, thread->trap_stack);
    thread->trap_stack = NULL;
    if (unlikely(thread->policed))
        policy_ended(cpu, thread);
    list_remove(&thread->task_link);
    list_remove(&thread->all_link);
    task->ended_run_time += thread->run_time;
    task->nr_threads--;
    cpu->machine->nr_threads--;
    if (!task->is_ended && thread->context.size == MK_STACK_DEFAULT) {
        list_add_head(&thread->task_link, &task->pool);
    } else {
        if (thread->context.size != MK_STACK_DEFAULT)
            host_stack_free(&task->stacks, thread->context.stack);
        thread->context.stack = NULL;
        host_context_drop(&thread->context);
        thread->flags = 0;
        list_add_head(&thread->task_link, &cpu->machine->free_threads);
    }
}

void thread_free_all(struct mk_machine *machine)
{
    struct thread *thread;
    while ((thread = from_pool(&machine->free_threads)))
        kmem_free(&machine->kmem, thread, sizeof(*thread));
    host_stacks_finish(&machine->trap_stacks);
}
