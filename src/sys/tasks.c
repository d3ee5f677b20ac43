/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tasks' lives. A task ends in two steps: task_end takes everything that others
 * could see (threads, rights, its port), task_rest what its last thread may
 * still stand on (stacks, window, image), when that thread is off the CPU.
 */
#include "sys/sys.h"

#include "kern/lend.h"

#define ENDED_KEPT 256 /* ended tasks that listings still show */

mk_err_t object_find(struct cpu *cpu, mk_name_t name, enum mk_object kind, struct port **portp)
{
    const struct entry *entry = space_lookup(cpu->current->space, name);
    if (!entry)
        return MK_E_BAD_NAME;
    if (!(entry->type & MK_RIGHT_SEND) || entry->port->object_kind != kind)
        return MK_E_BAD_RIGHT;
    *portp = entry->port;
    return entry->port->is_dead ? MK_E_DEAD : MK_OK;
}

mk_err_t send_right_add(struct space *space, struct port *port, uint64_t badge, mk_name_t *namep)
{
    mk_err_t err = space_reserve(space, 1);
    if (err)
        return err;
    *namep = ref_put(space, port_send_ref(port, badge));
    return MK_OK;
}

mk_err_t string_in(char *dst, const char *src, size_t size)
{
    if (!src) {
        dst[0] = '\0';
        return MK_OK;
    }
    size_t room = user_room(src, size, false);
    long n = raw_copy_string(dst, src, room);
    if (n == -2 && room < size)
        n = -1;
    return n >= 0 ? MK_OK : n == -1 ? MK_E_BAD_ADDRESS : MK_E_TOO_LONG;
}

void task_set_special(struct task *task, enum mk_special which, struct port *port, uint64_t badge)
{
    struct port *old = task->specials[which];
    if (port)
        port_send_ref(port, badge);
    task->specials[which] = port;
    task->special_badges[which] = badge;
    if (which == MK_SPECIAL_EXCEPTION) {
        task->exception_kinds = MK_EXC_ALL;
        task->exception_with = MK_EXC_IDENTITY | MK_EXC_STATE;
    }
    if (old)
        port_drop_send(task->machine, old, 1);
}

void machine_request_stop(struct mk_machine *machine, int exit_code)
{
    __atomic_store_n(&machine->stop->code, exit_code, __ATOMIC_RELAXED);
    __atomic_store_n(&machine->stop->is_requested, true, __ATOMIC_SEQ_CST);
    cpu_reschedule(machine->cpu);
}

void task_set_counts(struct task *task, bool counts)
{
    struct mk_machine *machine = task->machine;
    if (task->counts == counts)
        return;
    task->counts = counts;
    if (counts) {
        machine->nr_counting++;
        return;
    }
    if (task->is_ended && task->reports && task->exit_code && !machine->exit_code)
        machine->exit_code = task->exit_code;
    if (--machine->nr_counting == 0 && machine->is_running && task->is_ended)
        machine_request_stop(machine, machine->exit_code);
}

static void inherit(struct task *task, const struct task *parent)
{
    for (int i = 0; i < MK_NR_SPECIALS; i++)
        if (i != MK_SPECIAL_MACHINE && parent->specials[i])
            task_set_special(task, (enum mk_special)i, parent->specials[i], parent->special_badges[i]);
    task->exception_kinds = parent->exception_kinds;
    task->exception_with = parent->exception_with;
}

static void domain_free(struct task *task)
{
    if (task->domain)
        host_domain_destroy(task->machine->cpu->host.isolation, task->domain);
    task->domain = NULL;
}

mk_err_t task_create(struct mk_machine *machine, const char *label, struct task *parent, struct task **taskp)
{
    if (machine->nr_tasks >= MK_TASKS_MAX)
        return MK_E_LIMIT_TASKS;
    struct task *task = kmem_zalloc(&machine->kmem, sizeof(*task));
    if (!task)
        return MK_E_NO_MEMORY;
    task->machine = machine;
    list_init(&task->threads);
    list_init(&task->pool);
    list_init(&task->waiters);
    list_init(&task->all_link);
    list_init(&task->ended_link);
    mk_err_t err = MK_E_NO_MEMORY;
    if (machine->cpu->host.isolation && !(task->domain = host_domain_create(machine->cpu->host.isolation)))
        goto fail_task;
    host_stacks_init(&task->stacks, machine->cpu->host.isolation, task->domain);
    err = space_create(task, &task->space);
    if (err)
        goto fail_domain;
    err = MK_E_NO_MEMORY;
    task->map = map_create(machine);
    if (!task->map)
        goto fail_space;
    task->map->domain = task->domain;
    task->port = port_create(machine, MK_OBJECT_TASK, task);
    if (!task->port)
        goto fail_map;
    err = send_right_add(task->space, task->port, 0, &task->self_name);
    if (err)
        goto fail_port;
    task->id = ++machine->next_task;
    task->created = machine->cpu->now;
    label_copy(task->label, sizeof(task->label), label);
    list_add_tail(&task->all_link, &machine->tasks);
    machine->nr_tasks++;
    if (parent)
        inherit(task, parent);
    task_set_counts(task, true);
    trace(machine->cpu, MK_TRACE_TASK_CREATE, task->id, 0, 0);
    *taskp = task;
    return MK_OK;

fail_port:
    port_destroy(machine, task->port);
fail_map:
    map_destroy(task->map);
fail_space:
    space_destroy(task->space);
fail_domain:
    domain_free(task);
fail_task:
    kmem_free(&machine->kmem, task, sizeof(*task));
    return err;
}

/* What others hold of a thread that ends: its port, its joiners, its place in a queue. */
static void thread_detach(struct cpu *cpu, struct thread *thread)
{
    if (thread->flags & THREAD_DETACHED)
        return;
    thread->flags |= THREAD_DETACHED;
    lend_forget(cpu, thread);
    ipc_thread_ended(cpu, thread);
    vm_thread_ended(cpu, thread);
    device_thread_ended(cpu, thread);
    exception_forget(cpu->machine, &thread->exception);
    sched_wake_all(cpu, &thread->joiners, MK_OK);
    if (thread->port) {
        struct port *port = thread->port;
        thread->port = NULL;
        port->exit_code = 0;
        port_destroy(cpu->machine, port);
    }
    trace(cpu, MK_TRACE_THREAD_END, thread->id, 0, 0);
}

void thread_ended(struct thread *thread)
{
    struct cpu *cpu = thread->task->machine->cpu;
    thread_detach(cpu, thread);
    if (thread->task->nr_threads == 1)
        task_end(cpu, thread->task, 0);
}

void thread_end(struct cpu *cpu, struct thread *thread)
{
    struct task *task = thread->task;
    sched_forget(cpu, thread);
    thread_detach(cpu, thread);
    thread_rest(cpu, thread);
    if (task->nr_threads == 0 && !task->is_ended)
        task_end(cpu, task, 0);
}

void task_end(struct cpu *cpu, struct task *task, int exit_code)
{
    struct mk_machine *machine = task->machine;
    bool is_own = cpu->current && cpu->current->task == task;

    if (task->is_ended)
        return;
    task->is_ended = true;
    task->exit_code = exit_code;
    trace(cpu, MK_TRACE_TASK_END, task->id, (uint64_t)(int64_t)exit_code, 0);
    list_for_each_safe (link, &task->threads) {
        struct thread *thread = list_entry(link, struct thread, task_link);
        if (thread != cpu->current)
            thread_end(cpu, thread);
        else
            thread_detach(cpu, thread);
    }
    for (int i = 0; i < MK_NR_SPECIALS; i++)
        task_set_special(task, (enum mk_special)i, NULL, 0);
    space_destroy(task->space);
    task->space = NULL;
    sched_wake_all(cpu, &task->waiters, MK_OK);
    task->port->exit_code = exit_code;
    struct port *port = task->port;
    task->port = NULL;
    port_destroy(machine, port);
    task_set_counts(task, false);
    machine->nr_tasks--;
    if (!is_own)
        task_rest(task);
}

void task_discard(struct task *task)
{
    struct mk_machine *machine = task->machine;
    task_set_counts(task, false);
    task_end(machine->cpu, task, 0);
    list_remove(&task->ended_link); /* not for the listings */
    list_remove(&task->all_link);
    machine->nr_ended_tasks--;
    kmem_free(&machine->kmem, task, sizeof(*task));
}

void task_rest(struct task *task)
{
    struct mk_machine *machine = task->machine;

    while (!list_empty(&task->pool)) {
        struct thread *thread = list_first(&task->pool, struct thread, task_link);
        list_remove(&thread->task_link);
        host_context_drop(&thread->context);
        thread->flags = 0;
        list_add_head(&thread->task_link, &machine->free_threads);
    }
    host_stacks_finish(&task->stacks);
    map_destroy(task->map);
    task->map = NULL;
    if (task->image)
        plugin_unload_soon(task->image);
    task->image = NULL;
    domain_free(task);
    kmem_free(&machine->kmem, task->args, task->args_size);
    kmem_free(&machine->kmem, task->folder, task->folder_size);
    task->args = task->folder = NULL;
    list_add_tail(&task->ended_link, &machine->ended_tasks);
    machine->nr_ended_tasks++;
    task_free_ended(machine, ENDED_KEPT);
}

void task_free_ended(struct mk_machine *machine, uint32_t max_kept)
{
    while (machine->nr_ended_tasks > max_kept) {
        struct task *task = list_first(&machine->ended_tasks, struct task, ended_link);
        list_remove(&task->ended_link);
        list_remove(&task->all_link);
        machine->nr_ended_tasks--;
        kmem_free(&machine->kmem, task, sizeof(*task));
    }
}
