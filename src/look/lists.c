/* SPDX-License-Identifier: BSD-2-Clause */
/* The looking half of <mk/machine.h>: statistics, listings, who waits for whom. */
#include "look/look.h"

#include "ipc/kmsg.h"

/* The machine asked about: the given one, or the caller's. */
static struct mk_machine *machine_of(struct mk_machine *machine)
{
    if (machine)
        return machine;
    struct cpu *cpu = kernel_look();
    return cpu ? cpu->machine : NULL;
}

mk_err_t mk_machine_stats(struct mk_machine *which, struct mk_machine_stats *statsp)
{
    struct mk_machine *machine = machine_of(which);
    if (!machine)
        return MK_E_NOT_IN_MACHINE;
    const struct cpu *cpu = machine->cpu;
    struct mk_machine_stats stats;
    memset(&stats, 0, sizeof(stats));
    stats.now = cpu->now;
    stats.clock = machine->clock;
    stats.trace_hash = cpu->is_traced ? cpu->trace_hash : 0;
    stats.nr_events = cpu->nr_events;
    stats.nr_tasks = machine->nr_tasks;
    stats.nr_threads = machine->nr_threads;
    stats.nr_ports = machine->nr_ports;
    list_for_each (link, &machine->tasks) {
        const struct task *task = list_entry(link, struct task, all_link);
        stats.nr_rights += task->space ? task->space->nr_names : 0;
    }
    stats.nr_messages = machine->nr_messages;
    stats.nr_sends = cpu->nr_sends;
    stats.nr_calls = cpu->nr_calls;
    stats.nr_switches = cpu->nr_switches;
    stats.nr_preemptions = cpu->nr_preemptions;
    stats.idle_time = cpu->idle_time;
    stats.memory_used = machine->memory_used;
    stats.memory_size = machine->memory_size;
    stats.kernel_memory = machine->kmem.bytes;
    return user_put(statsp, &stats, sizeof(stats)) ? MK_OK : MK_E_BAD_ADDRESS;
}

/* Write entry i of a listing, if there is room for it. */
static mk_err_t put(void *infos, size_t max, size_t i, const void *info, size_t size)
{
    return i >= max || user_put((char *)infos + i * size, info, size) ? MK_OK : MK_E_BAD_ADDRESS;
}

static mk_err_t put_count(size_t *nrp, size_t n, mk_err_t err)
{
    return err ? err : user_store_u64(nrp, n) ? MK_OK : MK_E_BAD_ADDRESS;
}

static mk_time_t run_time_of(const struct cpu *cpu, const struct thread *thread)
{
    return thread->run_time + (thread == cpu->current ? cpu->now - cpu->run_start : 0);
}

static void task_info(const struct cpu *cpu, const struct task *task, struct mk_task_info *info)
{
    memset(info, 0, sizeof(*info));
    info->id = task->id;
    label_copy(info->label, sizeof(info->label), task->label);
    info->is_server = task->is_server;
    info->is_ended = task->is_ended;
    info->exit_code = task->exit_code;
    info->nr_threads = task->nr_threads;
    info->nr_names = task->space ? task->space->nr_names : 0;
    info->memory = task->map ? task->map->allocated : 0;
    info->created = task->created;
    info->run_time = task->ended_run_time;
    list_for_each (link, (struct list *)(uintptr_t)&task->threads)
        info->run_time += run_time_of(cpu, list_entry(link, struct thread, task_link));
}

mk_err_t mk_machine_tasks(struct mk_machine *which, struct mk_task_info *infos, size_t max, size_t *nrp)
{
    struct mk_machine *machine = machine_of(which);
    if (!machine)
        return MK_E_NOT_IN_MACHINE;
    mk_err_t err = MK_OK;
    size_t n = 0;
    list_for_each (link, &machine->tasks) {
        struct mk_task_info info;
        task_info(machine->cpu, list_entry(link, struct task, all_link), &info);
        if (!err)
            err = put(infos, max, n, &info, sizeof(info));
        n++;
    }
    return put_count(nrp, n, err);
}

/* ---- threads: state, and what a wait depends on ---- */

/* Task that holds the right to answer `caller`: in a space, or in a message queued at a port. 0: nobody. */
static uint64_t reply_holder(struct mk_machine *machine, const struct thread *caller)
{
    list_for_each (link, &machine->tasks) {
        const struct task *task = list_entry(link, struct task, all_link);
        for (uint32_t i = 1; task->space && i < task->space->fresh; i++) {
            const struct entry *e = &task->space->table[i];
            if (e->type == ENTRY_REPLY && e->caller == caller && e->serial == caller->serial)
                return task->id;
        }
    }
    list_for_each (link, &machine->ports) {
        const struct port *port = list_entry(link, struct port, all_link);
        port_for_each_message (kmsg, port) {
            const struct ref *reply = kmsg_reply(kmsg);
            if (reply && reply->type == ENTRY_REPLY && reply->caller == caller && reply->serial == caller->serial)
                return port->space ? port->space->task->id : 0;
        }
    }
    return 0;
}

/* Where the pager is told that should have the page. NULL: it waits for a frame. */
static const struct port *page_wait_port(const struct vm *vm, const struct thread *thread)
{
    const struct vm_object *object = thread->wait_object;
    if (object && !object->pager)
        object = vm->store;
    return object && object->pager ? object->pager->port : NULL;
}

static void wait_info(struct mk_machine *machine, const struct thread *thread, struct mk_thread_info *info)
{
    const struct port *port = thread->wait_object;
    info->wait = (enum mk_wait)thread->wait;
    switch (thread->wait) {
    case MK_WAIT_RECEIVE: /* on a port or a set: their numbers stand at different places */
        list_for_each (link, &machine->sets)
            if (list_entry(link, const struct portset, all_link) == thread->wait_object)
                info->wait_port = ((const struct portset *)thread->wait_object)->id;
        if (!info->wait_port)
            info->wait_port = port->id;
        break;
    case MK_WAIT_EVENT:
        info->wait_port = port->id;
        break;
    case MK_WAIT_SEND:
        info->wait_port = port->id;
        info->wait_task = port->space ? port->space->task->id : 0;
        break;
    case MK_WAIT_REPLY:
        info->wait_port = thread->call_port;
        info->wait_task = reply_holder(machine, thread);
        break;
    case MK_WAIT_PAGE:
        port = page_wait_port(machine->vm, thread);
        info->wait_port = port ? port->id : 0;
        info->wait_task = port && port->space ? port->space->task->id : 0;
        break;
    case MK_WAIT_TASK:
        info->wait_task = ((const struct task *)thread->wait_object)->id;
        break;
    case MK_WAIT_THREAD:
        info->wait_thread = ((const struct thread *)thread->wait_object)->id;
        info->wait_task = ((const struct thread *)thread->wait_object)->task->id;
        break;
    default:
        break;
    }
}

static enum mk_thread_state public_state(const struct thread *thread)
{
    if (thread->state == THREAD_RUNNING)
        return MK_THREAD_RUNNING;
    if (thread->suspend_count)
        return MK_THREAD_SUSPENDED;
    return thread->state == THREAD_READY ? MK_THREAD_READY : MK_THREAD_BLOCKED;
}

void look_thread(struct mk_machine *machine, const struct thread *thread, struct mk_thread_info *info)
{
    const struct cpu *cpu = machine->cpu;
    memset(info, 0, sizeof(*info));
    info->id = thread->id;
    info->task = thread->task->id;
    label_copy(info->label, sizeof(info->label), thread->label);
    info->state = public_state(thread);
    info->priority = thread->priority;
    info->base_priority = thread->base_priority;
    info->suspend_count = thread->suspend_count;
    info->deadline = thread->flags & THREAD_HAS_TIMER ? thread->deadline : MK_TIME_FOREVER;
    info->created = thread->created;
    info->first_run = thread->first_run;
    info->run_time = run_time_of(cpu, thread);
    info->ready_time = thread->ready_time + (thread->state == THREAD_READY ? cpu->now - thread->ready_since : 0);
    info->nr_switches = thread->nr_switches;
    info->nr_preempted = thread->nr_preempted;
    if (thread->state == THREAD_BLOCKED)
        wait_info(machine, thread, info);
}

mk_err_t mk_machine_threads(struct mk_machine *which, struct mk_thread_info *infos, size_t max, size_t *nrp)
{
    struct mk_machine *machine = machine_of(which);
    if (!machine)
        return MK_E_NOT_IN_MACHINE;
    mk_err_t err = MK_OK;
    size_t n = 0;
    list_for_each (link, &machine->threads) {
        struct mk_thread_info info;
        if (n < max && !err) {
            look_thread(machine, list_entry(link, struct thread, all_link), &info);
            err = put(infos, max, n, &info, sizeof(info));
        }
        n++;
    }
    return put_count(nrp, n, err);
}

/* ---- ports and names ---- */

static uint64_t object_number(const struct port *port)
{
    if (port->object_kind == MK_OBJECT_TASK)
        return ((const struct task *)port->object)->id;
    if (port->object_kind == MK_OBJECT_THREAD)
        return ((const struct thread *)port->object)->id;
    if (port->object_kind == MK_OBJECT_MEMORY || port->object_kind == MK_OBJECT_MEMORY_CONTROL)
        return ((const struct vm_object *)port->object)->id;
    return 0;
}

mk_err_t mk_machine_ports(struct mk_machine *which, struct mk_port_info *infos, size_t max, size_t *nrp)
{
    struct mk_machine *machine = machine_of(which);
    if (!machine)
        return MK_E_NOT_IN_MACHINE;
    mk_err_t err = MK_OK;
    size_t n = 0;
    list_for_each (link, &machine->ports) {
        const struct port *port = list_entry(link, struct port, all_link);
        struct mk_port_info info;
        memset(&info, 0, sizeof(info));
        info.id = port->id;
        info.receiver = port->space ? port->space->task->id : 0;
        info.name = port->name;
        info.set = member_set(&port->member) ? member_set(&port->member)->id : 0;
        info.kind = port->is_event ? MK_OBJECT_EVENT : (enum mk_object)port->object_kind;
        info.object = object_number(port);
        info.nr_queued = port->nr_queued + port->nr_unused + (port->is_event && port->events);
        info.queue_limit = port->queue_limit;
        info.nr_send = port->nr_send;
        info.nr_send_once = port->nr_send_once;
        info.nr_waiting_senders = (uint32_t)list_count(&port->senders);
        info.nr_waiting_receivers = (uint32_t)list_count(&port->receivers);
        info.nr_received = port->seqno;
        if (!err)
            err = put(infos, max, n, &info, sizeof(info));
        n++;
    }
    return put_count(nrp, n, err);
}

static void name_info(const struct entry *entry, struct mk_name_info *info)
{
    memset(info, 0, sizeof(*info));
    info->name = entry->name;
    info->user_refs = entry->user_refs;
    info->type = entry->type;
    if (entry->type == MK_RIGHT_PORT_SET) {
        info->port = entry->set->id;
        info->user_refs = 0;
    } else if (entry->type == ENTRY_REPLY) {
        info->type = reply_is_valid(entry->caller, entry->serial) ? MK_RIGHT_SEND_ONCE : MK_RIGHT_DEAD_NAME;
    } else if (entry->port->is_dead) {
        info->type = MK_RIGHT_DEAD_NAME;
    } else {
        info->port = entry->port->id;
        info->badge = entry->badge;
    }
}

mk_err_t mk_machine_names(struct mk_machine *which, uint64_t id, struct mk_name_info *infos, size_t max, size_t *nrp)
{
    struct mk_machine *machine = machine_of(which);
    const struct space *space = NULL;
    if (!machine)
        return MK_E_NOT_IN_MACHINE;
    list_for_each (link, &machine->tasks)
        if (list_entry(link, struct task, all_link)->id == id)
            space = list_entry(link, struct task, all_link)->space;
    if (!space)
        return MK_E_NOT_FOUND;
    mk_err_t err = MK_OK;
    size_t n = 0;
    for (uint32_t i = 1; i < space->fresh; i++) {
        struct mk_name_info info;
        if (!space->table[i].type)
            continue;
        name_info(&space->table[i], &info);
        if (!err)
            err = put(infos, max, n, &info, sizeof(info));
        n++;
    }
    return put_count(nrp, n, err);
}
