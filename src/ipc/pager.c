/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Messages to pagers; see pager.h. They are only queued, whoever waits for them: a fault may be served in the middle
 * of a kernel call, when the buffers of the pager, which can be missing themselves, must not be touched.
 */
#include "ipc/pager.h"

#include "ipc/kmsg.h"
#include "kern/sched.h"
#include "vm/object.h"

#include <mk/memory.h>

#define RETURNS_MAX 64 /* messages in a pager's queue, beyond which nothing more is evicted to it */

static mk_err_t post(struct cpu *cpu, struct pager *pager, uint32_t id, const struct mk_pager_message *message,
                     const void *contents)
{
    struct port *port = pager->port;
    uint32_t size = (uint32_t)(sizeof(*message) + (contents ? PAGE_SIZE : 0));
    if (port->is_dead)
        return MK_E_DEAD;
    struct kmsg *kmsg = kmsg_create(cpu->machine, 0, size);
    if (!kmsg)
        return MK_E_NO_MEMORY;
    memcpy(kmsg_body(kmsg), message, sizeof(*message));
    if (contents)
        memcpy(kmsg_body(kmsg) + sizeof(*message), contents, PAGE_SIZE);
    kmsg->id = id;
    kmsg->badge = MK_BADGE_KERNEL;
    kmsg->number = ++cpu->nr_sends;
    trace(cpu, MK_TRACE_SEND, kmsg->number, port->id, size);
    bool is_first = !port_has_message(port);
    port_queue_message(port, kmsg);
    if (is_first)
        port_became_ready(port);
    sched_wake_all(cpu, &port->receivers, MK_RETRY);
    portset_wake(member_set(&port->member));
    return MK_OK;
}

static mk_err_t request(struct cpu *cpu, struct pager *pager, uint64_t offset, bool is_write)
{
    const struct mk_pager_message message = {.cookie = pager->cookie,
                                             .offset = offset,
                                             .size = PAGE_SIZE,
                                             .access = is_write ? MK_PROT_READ | MK_PROT_WRITE : MK_PROT_READ};
    return post(cpu, pager, MK_PAGER_REQUEST, &message, NULL);
}

static bool has_room(const struct pager *pager)
{
    return !pager->port->is_dead && pager->port->nr_queued < RETURNS_MAX;
}

static mk_err_t give_back(struct cpu *cpu, struct pager *pager, uint64_t offset, const void *data)
{
    const struct mk_pager_message message = {.cookie = pager->cookie, .offset = offset, .size = PAGE_SIZE};
    mk_err_t err = has_room(pager) ? post(cpu, pager, MK_PAGER_RETURN, &message, data) : MK_E_WOULD_BLOCK;
    if (!err)
        kernel_charge(cpu, cpu->copy_cost * (mk_time_t)(PAGE_SIZE / 64));
    return err;
}

static bool has_taken(const struct pager *pager, uint32_t number)
{
    port_for_each_message (kmsg, pager->port)
        if (kmsg->badge == MK_BADGE_KERNEL) /* in order of their numbers; others may have none */
            return (int32_t)((uint32_t)kmsg->number - number) > 0;
    return true;
}

/* To the store they may have been sent when it was another object. */
static bool is_returning(const struct pager *pager, uint64_t offset)
{
    bool is_store = pager->object == pager->object->vm->store;
    port_for_each_message (kmsg, pager->port) {
        const struct mk_pager_message *m = (const struct mk_pager_message *)(const void *)kmsg_body(kmsg);
        if (kmsg->id == MK_PAGER_RETURN && kmsg->badge == MK_BADGE_KERNEL && m->offset == offset &&
            (is_store || m->cookie == pager->cookie))
            return true;
    }
    return false;
}

static bool is_behind(struct vm *vm)
{
    list_for_each (link, &vm->pagers) {
        const struct pager *pager = list_entry(link, struct pager, link);
        if (!pager->port->is_dead && pager->port->nr_queued > 0)
            return true;
    }
    return false;
}

mk_err_t pager_locked(struct cpu *cpu, struct pager *pager, uint64_t offset, uint64_t size, uint32_t tag)
{
    const struct mk_pager_message message = {.cookie = pager->cookie, .offset = offset, .size = size, .tag = tag};
    return post(cpu, pager, MK_PAGER_LOCKED, &message, NULL);
}

/* ---- lives ---- */

static void port_end(struct mk_machine *machine, struct port *port)
{
    port->exit_code = 0;
    port_destroy(machine, port);
}

static void pager_destroy(struct cpu *cpu, struct pager *pager)
{
    struct mk_machine *machine = cpu->machine;
    const struct mk_pager_message message = {.cookie = pager->cookie};
    post(cpu, pager, MK_PAGER_TERMINATE, &message, NULL);
    list_remove(&pager->link);
    port_end(machine, pager->control);
    port_drop_send(machine, pager->port, 1);
    kmem_free(&machine->kmem, pager, sizeof(*pager));
}

static void terminate(struct cpu *cpu, struct vm_object *object)
{
    if (object->memory)
        port_end(cpu->machine, object->memory);
    if (object->pager)
        pager_destroy(cpu, object->pager);
    object->memory = NULL;
    object->pager = NULL;
}

static struct pager *pager_create(struct mk_machine *machine, struct port *port, uint64_t cookie,
                                  struct vm_object *object)
{
    struct pager *pager = kmem_zalloc(&machine->kmem, sizeof(*pager));
    if (!pager)
        return NULL;
    pager->control = port_create(machine, MK_OBJECT_MEMORY_CONTROL, object);
    if (!pager->control) {
        kmem_free(&machine->kmem, pager, sizeof(*pager));
        return NULL;
    }
    pager->object = object;
    pager->cookie = cookie;
    pager->timeout = MK_PAGER_TIMEOUT_DEFAULT;
    pager->port = port;
    port->is_pager = true;
    port_send_ref(port, 0);
    port->make_count++;
    list_init(&pager->link);
    list_add_tail(&pager->link, &machine->vm->pagers);
    return pager;
}

mk_err_t memory_create(struct cpu *cpu, struct port *pager_port, uint64_t cookie, size_t nr_pages,
                       struct vm_object **objectp)
{
    struct mk_machine *machine = cpu->machine;
    struct vm_object *object = object_create(machine->vm, nr_pages, &machine->vm->set);
    if (!object)
        return MK_E_NO_MEMORY;
    mk_err_t err = pager_port ? MK_OK : machine_charge(machine, nr_pages << PAGE_SHIFT);
    object->is_charged = !err && !pager_port;
    if (!err && !(object->memory = port_create(machine, MK_OBJECT_MEMORY, object)))
        err = MK_E_NO_MEMORY;
    if (!err && pager_port && !(object->pager = pager_create(machine, pager_port, cookie, object)))
        err = MK_E_NO_MEMORY; /* last: it would hear of an object's end */
    if (err)
        object_release(cpu, object);
    else
        *objectp = object;
    return err;
}

void memory_senders_gone(struct mk_machine *machine, struct port *port)
{
    struct vm_object *object = port->object;
    object->memory = NULL;
    port_end(machine, port);
    object_release(machine->cpu, object);
}

void pager_port_died(struct mk_machine *machine, const struct port *port)
{
    list_for_each (link, &machine->vm->pagers) {
        struct pager *pager = list_entry(link, struct pager, link);
        if (pager->port == port)
            pager_died(machine->cpu, pager->object);
    }
}

void pager_took(struct mk_machine *machine)
{
    sched_wake_all(machine->cpu, &machine->vm->waiters, MK_OK);
}

const struct pager_ops pager_ops = {
    .request = request,
    .give_back = give_back,
    .has_room = has_room,
    .has_taken = has_taken,
    .is_returning = is_returning,
    .terminate = terminate,
    .is_behind = is_behind,
};
