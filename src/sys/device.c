/* SPDX-License-Identifier: BSD-2-Clause */
/* Entries of <mk/device.h>, and the console device: where the outside enters a machine. */
#include "sys/sys.h"

#include "host/console.h"
#include "host/events.h"

struct device {
    struct host_console host;
    struct port *port;
    struct thread *reader; /* waits for input */
    struct mk_machine *machine;
};

static mk_err_t console_open(struct mk_machine *machine, struct port **portp)
{
    if (machine->console)
        return MK_E_BAD_STATE;
    struct device *device = kmem_zalloc(&machine->kmem, sizeof(*device));
    struct port *port = port_create(machine, MK_OBJECT_DEVICE, device);
    if (device && port && host_console_open(&device->host)) {
        device->port = port;
        device->machine = machine;
        machine->console = device;
        *portp = port;
        return MK_OK;
    }
    if (port)
        port_destroy(machine, port);
    kmem_free(&machine->kmem, device, sizeof(*device));
    return MK_E_NO_MEMORY;
}

static void console_close(struct mk_machine *machine)
{
    struct device *device = machine->console;
    if (device->reader) {
        host_events_unwatch(machine->events, device);
        sched_wake(machine->cpu, device->reader, MK_E_DEAD);
    }
    host_console_close(&device->host);
    machine->console = NULL;
    device->port->object = NULL;
    port_destroy(machine, device->port);
    kmem_free(&machine->kmem, device, sizeof(*device));
}

void device_close_all(struct mk_machine *machine)
{
    if (machine->console)
        console_close(machine);
}

void device_thread_ended(struct cpu *cpu, struct thread *thread)
{
    struct device *device = cpu->machine->console;
    if (device && device->reader == thread) {
        host_events_unwatch(cpu->machine->events, device);
        device->reader = NULL;
    }
}

/* An open device that nobody can reach any more is closed, so that the next driver can open it. */
static void close_if_unreachable(struct mk_machine *machine)
{
    if (machine->console && machine->console->port->nr_send == 0)
        console_close(machine);
}

mk_err_t mk_device_open(mk_name_t control, const char *user_name, mk_name_t *devicep)
{
    ENTER(cpu, self);
    char name[MK_LABEL_MAX];
    struct port *port;
    mk_name_t device = MK_NAME_NULL;
    mk_err_t err = object_find(cpu, control, MK_OBJECT_MACHINE, &port);
    if (!err)
        err = string_in(name, user_name, sizeof(name));
    if (!err && !user_probe_u32(devicep))
        err = MK_E_BAD_ADDRESS;
    if (!err && strcmp(name, "console") != 0)
        err = MK_E_NOT_FOUND;
    if (!err)
        err = space_reserve(self->space, 1);
    close_if_unreachable(cpu->machine);
    if (!err)
        err = console_open(cpu->machine, &port);
    if (!err) {
        send_right_add(self->space, port, 0, &device); /* reserved above */
        user_store_u32(devicep, device);
    }
    return leave(cpu, err);
}

static mk_err_t device_find(struct cpu *cpu, mk_name_t name, struct device **devicep)
{
    struct port *port;
    mk_err_t err = object_find(cpu, name, MK_OBJECT_DEVICE, &port);
    if (!err)
        *devicep = port->object;
    return err;
}

static void on_input(void *arg)
{
    struct device *device = arg;
    struct thread *reader = device->reader;
    device->reader = NULL;
    sched_wake(device->machine->cpu, reader, MK_OK);
}

/* Wait until there is input. */
static mk_err_t wait_for_input(struct cpu *cpu, struct device *device, mk_time_t deadline)
{
    struct mk_machine *machine = cpu->machine;
    mk_err_t err = device->reader ? MK_E_BAD_STATE : sched_may_wait(cpu, deadline);
    if (err)
        return err;
    if (!host_events_ensure(&machine->events) || !host_events_watch(machine->events, device->host.in, on_input, device))
        return MK_E_LIMIT_HOST;
    device->reader = cpu->current;
    struct port *port = device->port;
    port->refs++;
    cpu->current->held = port;
    err = sched_block(cpu, NULL, MK_WAIT_DEVICE, device, deadline, NULL);
    cpu->current->held = NULL;
    if (!port->is_dead && device->reader == cpu->current) { /* timed out or aborted */
        host_events_unwatch(machine->events, device);
        device->reader = NULL;
    }
    if (!err && port->is_dead)
        err = MK_E_DEAD;
    port_release(machine, port);
    return err;
}

mk_err_t mk_device_read(mk_name_t name, void *buffer, size_t *sizep, mk_time_t deadline)
{
    ENTER(cpu, self);
    char bytes[4096];
    struct device *device = NULL;
    uint64_t size = 0;
    (void)self;
    mk_err_t err = device_find(cpu, name, &device);
    if (!err && !user_load_u64(sizep, &size))
        err = MK_E_BAD_ADDRESS;
    if (!err && (deadline < 0 || size == 0))
        err = MK_E_BAD_ARGUMENT;
    size_t room = size < sizeof(bytes) ? size : sizeof(bytes);
    while (!err) {
        if (!user_get(bytes, buffer, room) || !user_put(buffer, bytes, room)) {
            err = MK_E_BAD_ADDRESS; /* before any input is taken */
            break;
        }
        long n = device->reader ? -1 : host_console_read(&device->host, bytes, room);
        if (n == -1) {
            err = wait_for_input(cpu, device, deadline);
            continue;
        }
        uint64_t hash = 0;
        for (long i = 0; i < n; i++)
            hash = mix64(hash ^ (unsigned char)bytes[i]);
        trace(cpu, MK_TRACE_INPUT, 0, (uint64_t)n, hash);
        if (n < 0)
            err = MK_E_IO;
        else if (n == 0)
            err = MK_E_END;
        else if (!user_put(buffer, bytes, (size_t)n) || !user_store_u64(sizep, (uint64_t)n))
            err = MK_E_BAD_ADDRESS;
        break;
    }
    return leave(cpu, err);
}

mk_err_t mk_device_write(mk_name_t name, const void *buffer, size_t size)
{
    ENTER(cpu, self);
    char bytes[4096];
    struct device *device = NULL;
    (void)self;
    mk_err_t err = device_find(cpu, name, &device);
    const char *from = buffer;
    while (!err && size > 0) {
        size_t n = size < sizeof(bytes) ? size : sizeof(bytes);
        if (!user_get(bytes, from, n)) {
            err = MK_E_BAD_ADDRESS;
            if (vm_wait_missing(cpu, &err)) { /* here: what was written is not to be written again */
                err = MK_OK;
                continue;
            }
        } else if (!host_console_write(&device->host, bytes, n)) {
            err = MK_E_IO;
        }
        from += n;
        size -= n;
    }
    return leave(cpu, err);
}

mk_err_t mk_device_info(mk_name_t name, struct mk_device_info *infop)
{
    ENTER(cpu, self);
    struct device *device = NULL;
    (void)self;
    mk_err_t err = device_find(cpu, name, &device);
    if (!err) {
        struct mk_device_info info;
        memset(&info, 0, sizeof(info));
        info.is_terminal = device->host.is_terminal;
        host_console_size(&device->host, &info.columns, &info.rows);
        err = user_put(infop, &info, sizeof(info)) ? MK_OK : MK_E_BAD_ADDRESS;
    }
    return leave(cpu, err);
}

mk_err_t mk_device_set_raw(mk_name_t name, bool is_raw)
{
    ENTER(cpu, self);
    struct device *device = NULL;
    (void)self;
    mk_err_t err = device_find(cpu, name, &device);
    if (!err && !host_console_set_raw(&device->host, is_raw))
        err = MK_E_NOT_SUPPORTED;
    return leave(cpu, err);
}
