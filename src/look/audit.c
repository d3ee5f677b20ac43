/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The conservation audit: count every reference, right, message and queue
 * member from what holds it, and compare with the counts that the kernel keeps.
 */
#include "sys/sys.h"

#include <stdlib.h>

#include "ipc/sending.h"
#include "look/audit_vm.h"
#include "vm/region.h"

/* What was found of one port. */
struct tally {
    const struct port *port;
    uint32_t refs, nr_send, nr_send_once, nr_receive;
};

struct audit {
    struct mk_machine *machine;
    struct tally *tallies; /* open addressing by address */
    size_t size;
    uint64_t nr_messages, nr_errors;
    uint64_t memory; /* bytes in windows and in messages */
};

static void complain(struct audit *audit, const char *what, uint64_t id, uint64_t found, uint64_t kept)
{
    if (audit->nr_errors++ < 20)
        machine_log(audit->machine, "audit: %s %llu: counted %llu, kept %llu", what, (unsigned long long)id,
                    (unsigned long long)found, (unsigned long long)kept);
}

static void expect(struct audit *audit, const char *what, uint64_t id, uint64_t found, uint64_t kept)
{
    if (found != kept)
        complain(audit, what, id, found, kept);
}

static struct tally *tally_of(struct audit *audit, const struct port *port)
{
    size_t i = (size_t)mix64((uintptr_t)port) & (audit->size - 1);
    while (audit->tallies[i].port && audit->tallies[i].port != port)
        i = (i + 1) & (audit->size - 1);
    audit->tallies[i].port = port;
    return &audit->tallies[i];
}

static void count_ref(struct audit *audit, const struct ref *ref)
{
    if (!ref->type || ref->type == ENTRY_REPLY)
        return;
    struct tally *tally = tally_of(audit, ref->port);
    tally->refs++;
    tally->nr_send += ref->type == MK_RIGHT_SEND;
    tally->nr_send_once += ref->type == MK_RIGHT_SEND_ONCE;
    tally->nr_receive += ref->type == MK_RIGHT_RECEIVE;
}

static void count_send(struct audit *audit, const struct port *port)
{
    const struct ref ref = {.type = MK_RIGHT_SEND, .port = (struct port *)(uintptr_t)port};
    if (port)
        count_ref(audit, &ref);
}

static void count_entry(struct audit *audit, const struct space *space, const struct entry *entry)
{
    if (entry->type == MK_RIGHT_PORT_SET || entry->type == ENTRY_REPLY)
        return;
    struct tally *tally = tally_of(audit, entry->port);
    tally->refs++;
    if (entry->type & MK_RIGHT_RECEIVE) {
        tally->nr_receive++;
        if (entry->port->space != space || entry->port->name != entry->name)
            complain(audit, "receive right away from its space, port", entry->port->id, entry->name, entry->port->name);
    }
    tally->nr_send += (entry->type & MK_RIGHT_SEND) != 0;
    tally->nr_send_once += entry->type == MK_RIGHT_SEND_ONCE;
    if (entry->type != MK_RIGHT_RECEIVE && entry->user_refs == 0)
        complain(audit, "name without user references in task", space->task->id, 0, 1);
}

static void count_space(struct audit *audit, const struct space *space)
{
    uint32_t nr_names = 0, nr_free = 0, nr_receive = 0;
    for (uint32_t i = 1; i < space->fresh; i++) {
        if (!space->table[i].type)
            continue;
        nr_names++;
        nr_receive += (space->table[i].type & MK_RIGHT_RECEIVE) != 0;
        count_entry(audit, space, &space->table[i]);
    }
    for (uint64_t i = space->free; i && nr_free <= space->size; i = space->table[i].next_free)
        nr_free++;
    expect(audit, "names of task", space->task->id, nr_names, space->nr_names);
    expect(audit, "free names of task", space->task->id, nr_free, space->nr_free);
    expect(audit, "used and free names of task", space->task->id, nr_names + nr_free + 1, space->fresh);
    expect(audit, "receive rights of task", space->task->id, nr_receive, space->nr_receive);
}

/* Memory on its way; what was shared is not charged. */
static void count_memories(struct audit *audit, const struct kmsg *kmsg, uint32_t nr)
{
    for (uint32_t i = 0; kmsg->memories && i < nr; i++) {
        if (!kmsg->memories[i].nr_bytes)
            continue;
        list_for_each (link, &kmsg->memories[i].regions) {
            const struct region *region = list_entry(link, struct region, link);
            audit->memory += region->is_charged ? region->end - region->start : 0;
        }
    }
}

static void count_message(struct audit *audit, const struct kmsg *kmsg)
{
    audit->nr_messages++;
    if (kmsg_reply(kmsg))
        count_ref(audit, &kmsg->reply);
    for (uint32_t i = 0; i < kmsg->nr_rights; i++)
        count_ref(audit, &kmsg->rights[i]);
    count_memories(audit, kmsg, kmsg->nr_memories);
}

static void count_port(struct audit *audit, const struct port *port)
{
    uint32_t nr_queued = 0;
    port_for_each_message (kmsg, port) {
        nr_queued++;
        count_message(audit, kmsg);
    }
    expect(audit, "messages queued at port", port->id, nr_queued, port->nr_queued);
    for (const struct notify *n = port->notifies; n; n = n->next) {
        audit->nr_messages++;
        count_ref(audit, &n->to);
    }
    if (port->object_kind != MK_OBJECT_NONE)
        tally_of(audit, port)->refs++; /* the kernel's */
    if ((member_set(&port->member) != NULL) == list_empty(&port->member.link))
        complain(audit, "port of a set in none of its lists, port", port->id, 0, 1);
    if ((port_has_message(port) || !list_empty(&port->senders)) &&
        !list_empty(port_receivers((struct port *)(uintptr_t)port)))
        complain(audit, "receivers wait beside messages or senders at port", port->id, list_count(&port->receivers), 0);
}

static void count_kernel(struct audit *audit)
{
    const struct mk_machine *machine = audit->machine;
    tally_of(audit, machine->bootstrap_port)->refs++;
    count_send(audit, machine->exception.port);
    if (machine->bootstrap) {
        tally_of(audit, machine->bootstrap)->refs++;
        tally_of(audit, machine->bootstrap)->nr_receive++;
    }
    list_for_each (link, &audit->machine->tasks) {
        const struct task *task = list_entry(link, struct task, all_link);
        if (task->is_ended)
            continue;
        for (int i = 0; i < MK_NR_SPECIALS; i++)
            count_send(audit, task->specials[i]);
        if (task->space)
            count_space(audit, task->space);
        audit->memory += task->map ? task->map->charged : 0;
        expect(audit, "threads of task", task->id, list_count(&task->threads), task->nr_threads);
    }
    list_for_each (link, &machine->vm->pagers)
        count_send(audit, list_entry(link, struct pager, link)->port);
    list_for_each (link, &machine->vm->objects) {
        const struct vm_object *object = list_entry(link, struct vm_object, all_link);
        audit->memory += object->is_charged ? (uint64_t)object->nr_pages << PAGE_SHIFT : 0;
    }
    list_for_each (link, &audit->machine->threads) {
        const struct thread *thread = list_entry(link, struct thread, all_link);
        count_send(audit, thread->exception.port);
        if (thread->late)
            count_message(audit, thread->late);
        if (thread->held)
            tally_of(audit, thread->held)->refs++;
        if (!thread->unsent)
            continue;
        const struct kmsg *kmsg = thread->unsent->kmsg;
        audit->nr_messages++;
        count_memories(audit, kmsg, thread->unsent->header.nr_memories);
    }
}

static void check_tallies(struct audit *audit)
{
    for (size_t i = 0; i < audit->size; i++) {
        const struct tally *tally = &audit->tallies[i];
        const struct port *port = tally->port;
        if (!port)
            continue;
        expect(audit, "send rights of port", port->id, tally->nr_send, port->nr_send);
        expect(audit, "send-once rights of port", port->id, tally->nr_send_once, port->nr_send_once);
        if (!port->is_dead) {
            if (port->object_kind == MK_OBJECT_NONE)
                expect(audit, "receive rights of port", port->id, tally->nr_receive, 1);
            expect(audit, "references of port", port->id, tally->refs, port->refs);
        }
    }
}

/* A set is ready in the set around it if and only if it has a ready member. */
static void check_set(struct audit *audit, struct portset *set)
{
    const struct portset *outer = member_set(&set->member);
    if (!outer)
        return;
    bool is_ready = false;
    list_for_each (link, (struct list *)(uintptr_t)&outer->ready)
        is_ready |= link == &set->member.link;
    if (is_ready == list_empty(&set->ready))
        complain(audit, "ready members beside the set's own readiness, set", set->id, !list_empty(&set->ready),
                 is_ready);
}

/* Who lends is in the list of who serves it, in order, and each runs at the priority that follows. */
static void check_lenders(struct audit *audit, const struct thread *thread)
{
    uint8_t priority = thread->flags & THREAD_DEPRESSED ? 0 : thread->base_priority, last = MK_PRIO_MAX;
    list_for_each (link, (struct list *)(uintptr_t)&thread->lenders) {
        const struct thread *lender = list_entry(link, struct thread, lend_node);
        if (lender->lent_to != thread || !(lender->flags & THREAD_LENDS) || lender->priority > last)
            complain(audit, "lender of priority, thread", lender->id, lender->priority, last);
        last = lender->priority;
        if (!(thread->flags & THREAD_DEPRESSED) && last > priority)
            priority = last;
    }
    expect(audit, "priority of thread", thread->id, priority, thread->priority);
}

static void check_scheduler(struct audit *audit)
{
    const struct mk_machine *machine = audit->machine;
    const struct cpu *cpu = machine->cpu;
    uint64_t nr_ready = 0, nr_queued = 0, nr_timers = 0, nr_threads = 0;
    for (int p = 0; p < NR_PRIORITIES; p++) {
        bool has_bit = cpu->ready_mask >> p & 1;
        if (has_bit == list_empty(&cpu->queues[p]))
            complain(audit, "ready bit of priority", (uint64_t)p, has_bit, !has_bit);
        nr_queued += list_count(&cpu->queues[p]);
    }
    list_for_each (link, &audit->machine->threads) {
        const struct thread *thread = list_entry(link, struct thread, all_link);
        nr_threads++;
        nr_ready += thread->state == THREAD_READY;
        check_lenders(audit, thread);
        nr_timers += (thread->flags & THREAD_HAS_TIMER) != 0;
        if (thread->flags & THREAD_HAS_TIMER && machine->timers[thread->timer] != thread)
            complain(audit, "timer of thread", thread->id, thread->timer, 0);
    }
    expect(audit, "ready threads in queues,", 0, nr_queued, nr_ready);
    expect(audit, "armed timers,", 0, nr_timers, machine->nr_timers);
    expect(audit, "threads,", 0, nr_threads, machine->nr_threads);
}

static void vm_complain(void *arg, const char *what, uint64_t id, uint64_t found, uint64_t kept)
{
    complain(arg, what, id, found, kept);
}

static mk_err_t count_all(struct mk_machine *machine)
{
    struct audit audit = {.machine = machine};
    uint64_t nr_names = 64;
    list_for_each (link, &machine->tasks) {
        const struct task *task = list_entry(link, struct task, all_link);
        nr_names += (task->space ? task->space->nr_names : 0) + MK_NR_SPECIALS;
    }
    nr_names += 2 * machine->nr_threads; /* what they hold while they wait */
    audit.size = 256;                    /* more ports than living ones can be named: dead ones */
    while (audit.size < 2 * (machine->nr_ports + nr_names + machine->nr_messages * (MK_RIGHTS_MAX + 1)))
        audit.size *= 2;
    audit.tallies = calloc(audit.size, sizeof(struct tally));
    if (!audit.tallies)
        return MK_E_NO_MEMORY;
    uint64_t nr_ports = 0;
    list_for_each (link, &machine->ports) {
        count_port(&audit, list_entry(link, struct port, all_link));
        nr_ports++;
    }
    count_kernel(&audit);
    check_tallies(&audit);
    check_scheduler(&audit);
    expect(&audit, "ports,", 0, nr_ports, machine->nr_ports);
    list_for_each (link, &machine->sets)
        check_set(&audit, list_entry(link, struct portset, all_link));
    vm_audit(machine->vm, vm_complain, &audit);
    expect(&audit, "bytes of memory,", 0, audit.memory, machine->memory_used);
    expect(&audit, "messages,", 0, audit.nr_messages, machine->nr_messages);
    free(audit.tallies);
    return audit.nr_errors ? MK_E_BAD_STATE : MK_OK;
}

mk_err_t mk_machine_audit(struct mk_machine *which)
{
    struct cpu *cpu = this_cpu();
    bool is_inside = cpu && cpu->current;
    struct mk_machine *machine = which ? which : is_inside ? cpu->machine : NULL;
    if (!machine)
        return MK_E_NOT_IN_MACHINE;
    bool was_open = !is_inside || kernel_open(cpu); /* what waits to be sent is on its sender's stack */
    mk_err_t err = count_all(machine);
    if (is_inside)
        kernel_close(cpu, was_open);
    return err;
}
