/* SPDX-License-Identifier: BSD-2-Clause */
/* Entries of <mk/memory.h>. */
#include "sys/sys.h"

#include "ipc/pager.h"
#include "vm/object.h"

/* The port behind a receive or send right, for messages. */
static mk_err_t message_port_find(struct space *space, mk_name_t name, struct port **portp)
{
    const struct entry *entry = space_lookup(space, name);
    if (!entry)
        return name == MK_NAME_DEAD ? MK_E_DEAD : MK_E_BAD_NAME;
    if (!(entry->type & (MK_RIGHT_RECEIVE | MK_RIGHT_SEND)))
        return MK_E_BAD_RIGHT;
    *portp = entry->port;
    if (entry->port->is_dead)
        return MK_E_DEAD;
    return port_takes_messages(entry->port) ? MK_OK : MK_E_BAD_RIGHT;
}

static mk_err_t control_find(struct cpu *cpu, mk_name_t name, struct vm_object **objectp)
{
    struct port *port;
    mk_err_t err = object_find(cpu, name, MK_OBJECT_MEMORY_CONTROL, &port);
    if (!err)
        *objectp = port->object;
    return err;
}

/* Pages of the object? */
static bool is_range(const struct vm_object *object, uint64_t offset, size_t size)
{
    uint64_t end = (uint64_t)object->nr_pages << PAGE_SHIFT;
    return offset % PAGE_SIZE == 0 && size % PAGE_SIZE == 0 && size > 0 && size <= end && offset <= end - size;
}

mk_err_t mk_memory_create(mk_name_t pager, uint64_t cookie, size_t size, mk_name_t *memoryp, mk_name_t *controlp)
{
    ENTER(cpu, self);
    struct port *port = NULL;
    struct vm_object *object = NULL;
    mk_name_t memory = MK_NAME_NULL, control = MK_NAME_NULL;
    mk_err_t err = pager ? message_port_find(self->space, pager, &port) : MK_OK;
    if (!err && (size == 0 || size > WINDOW_SIZE))
        err = MK_E_BAD_ARGUMENT;
    if (!err && (!user_probe_u32(memoryp) || (pager && !user_probe_u32(controlp))))
        err = MK_E_BAD_ADDRESS;
    if (!err)
        err = space_reserve(self->space, 2);
    if (!err)
        err = memory_create(cpu, port, cookie, round_up(size, PAGE_SIZE) >> PAGE_SHIFT, &object);
    if (!err) {
        send_right_add(self->space, object->memory, 0, &memory); /* reserved above */
        if (port)
            send_right_add(self->space, object->pager->control, 0, &control);
        user_store_u32(memoryp, memory);
        if (port)
            user_store_u32(controlp, control);
    }
    return leave(cpu, err);
}

mk_err_t mk_memory_supply(mk_name_t name, uint64_t offset, const void *contents, size_t size)
{
    ENTER(cpu, self);
    struct vm_object *object;
    (void)self;
    mk_err_t err = control_find(cpu, name, &object);
    if (!err && !is_range(object, offset, size))
        err = MK_E_BAD_ARGUMENT;
    for (size_t done = 0; !err && done < size; done += PAGE_SIZE) {
        uint32_t page = (uint32_t)((offset + done) >> PAGE_SHIFT);
        char *to = pager_contents(object, page);
        if (!to)
            err = MK_E_BAD_STATE;
        else if (!user_get(to, (const void *)((uintptr_t)contents + done), PAGE_SIZE))
            err = MK_E_BAD_ADDRESS;
        else
            pager_supplied(cpu, object, page, MK_OK);
        if (err == MK_E_BAD_ADDRESS)
            memset(to, 0, PAGE_SIZE);                                /* part of it may have come */
        if (err == MK_E_BAD_ADDRESS && vm_wait_missing(cpu, &err)) { /* here: pages that were supplied stay so */
            err = control_find(cpu, name, &object);
            if (!err && !is_range(object, offset, size)) /* the name is another object's by now */
                err = MK_E_BAD_ARGUMENT;
            done -= PAGE_SIZE;
        } else if (!err) {
            kernel_charge(cpu, cpu->copy_cost * (mk_time_t)(PAGE_SIZE / 64));
        }
    }
    return leave(cpu, err);
}

/* Pages that were requested and have no contents to be copied. */
static mk_err_t settle(struct cpu *cpu, mk_name_t name, uint64_t offset, size_t size, mk_err_t how)
{
    struct vm_object *object;
    mk_err_t err = control_find(cpu, name, &object);
    if (!err && !is_range(object, offset, size))
        err = MK_E_BAD_ARGUMENT;
    for (size_t done = 0; !err && done < size; done += PAGE_SIZE) {
        uint32_t page = (uint32_t)((offset + done) >> PAGE_SHIFT);
        if (pager_contents(object, page))
            pager_supplied(cpu, object, page, how);
        else
            err = MK_E_BAD_STATE;
    }
    return err;
}

mk_err_t mk_memory_unavailable(mk_name_t name, uint64_t offset, size_t size)
{
    ENTER(cpu, self);
    (void)self;
    return leave(cpu, settle(cpu, name, offset, size, MK_OK));
}

mk_err_t mk_memory_fail(mk_name_t name, uint64_t offset, size_t size)
{
    ENTER(cpu, self);
    (void)self;
    return leave(cpu, settle(cpu, name, offset, size, MK_E_IO));
}

mk_err_t mk_memory_lock(mk_name_t name, uint64_t offset, size_t size, uint32_t what, uint32_t tag)
{
    ENTER(cpu, self);
    struct vm_object *object;
    (void)self;
    mk_err_t err = control_find(cpu, name, &object);
    if (!err && (!is_range(object, offset, size) || !what || what & ~(MK_MEMORY_CLEAN | MK_MEMORY_FLUSH) ||
                 object == object->vm->store))
        err = MK_E_BAD_ARGUMENT;
    if (!err && object->is_dead)
        err = MK_E_DEAD;
    for (size_t done = 0; !err && done < size; done += PAGE_SIZE)
        err = pager_lock(cpu, object, (uint32_t)((offset + done) >> PAGE_SHIFT), what);
    if (!err)
        err = pager_locked(cpu, object->pager, offset, size, tag);
    return leave(cpu, err);
}

mk_err_t mk_memory_set_timeout(mk_name_t name, mk_time_t timeout)
{
    ENTER(cpu, self);
    struct vm_object *object;
    (void)self;
    mk_err_t err = control_find(cpu, name, &object);
    if (!err && timeout <= 0)
        err = MK_E_BAD_ARGUMENT;
    if (!err)
        object->pager->timeout = timeout;
    return leave(cpu, err);
}

mk_err_t mk_memory_destroy(mk_name_t name)
{
    ENTER(cpu, self);
    struct vm_object *object;
    (void)self;
    mk_err_t err = control_find(cpu, name, &object);
    if (!err)
        pager_died(cpu, object);
    return leave(cpu, err);
}

mk_err_t mk_memory_set_store(mk_name_t machine, mk_name_t control)
{
    ENTER(cpu, self);
    struct port *port;
    struct vm_object *object;
    mk_err_t err = object_find(cpu, machine, MK_OBJECT_MACHINE, &port);
    if (!err)
        err = control_find(cpu, control, &object);
    if (!err)
        err = vm_set_store(cpu->machine->vm, object, self->task->map);
    return leave(cpu, err);
}
