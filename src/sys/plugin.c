/* SPDX-License-Identifier: BSD-2-Clause */
/* Loading plugins into tasks. */
#include "sys/sys.h"

#include <stdio.h>

#include "host/plugin.h"

#define PLUGIN_STACK_SIZE ((size_t)262144)
#define LOAD_STACK_ROOM   ((size_t)40960) /* that loading needs of the caller's stack */
#define PATH_SIZE         4096
#define WHY_SIZE          512

struct image {
    struct image *next; /* to be unloaded */
    struct host_plugin plugin;
    struct mk_machine *machine;
};

mk_err_t mk_plugin_check(const char *path, char *why, size_t why_size)
{
    char line[WHY_SIZE] = "";
    mk_err_t err = host_plugin_check(path, line, sizeof(line));
    if (why && why_size)
        label_copy(why, why_size, line);
    return err;
}

static mk_err_t image_load(struct mk_machine *machine, const char *path, const char *label, struct image **imagep,
                           char *why, size_t why_size)
{
    mk_err_t err = host_plugin_check(path, why, why_size);
    if (err)
        return err;
    struct image *image = kmem_zalloc(&machine->kmem, sizeof(*image));
    if (!image)
        return MK_E_NO_MEMORY;
    image->machine = machine;
    err = host_plugin_open(&image->plugin, path, label, mk_server_bindings(), why, why_size);
    if (err) {
        kmem_free(&machine->kmem, image, sizeof(*image));
        return err;
    }
    *imagep = image;
    return MK_OK;
}

/* Its variables are the task's. */
static mk_err_t image_isolate(struct mk_machine *machine, struct task *task)
{
    const struct host_plugin *plugin = &task->image->plugin;
    struct host_isolation *isolation = machine->cpu->host.isolation;
    if (!isolation || !plugin->data_size)
        return MK_OK;
    return host_range_add(isolation, task->domain, plugin->data, plugin->data_size, HOST_RANGE_DATA, 0)
               ? MK_OK
               : MK_E_NO_MEMORY;
}

void plugin_unload(struct image *image)
{
    host_plugin_end(&image->plugin);
    kmem_free(&image->machine->kmem, image, sizeof(*image));
}

void plugin_unload_soon(struct image *image)
{
    struct mk_machine *machine = image->machine;
    if (machine->cpu->host.isolation)
        host_range_remove(machine->cpu->host.isolation, image->plugin.data);
    image->next = machine->unloading;
    machine->unloading = image;
    cpu_reschedule(machine->cpu);
}

void plugin_unload_all(struct mk_machine *machine)
{
    while (machine->unloading) {
        struct image *image = machine->unloading;
        machine->unloading = image->next;
        plugin_unload(image);
    }
}

static char *keep_string(struct mk_machine *machine, const char *s, size_t *sizep)
{
    *sizep = strlen(s) + 1;
    char *copy = kmem_alloc(&machine->kmem, *sizep);
    return copy ? memcpy(copy, s, *sizep) : NULL;
}

/* "path/NAME.so" to "NAME". */
static void label_from_path(char *label, const char *path)
{
    const char *name = strrchr(path, '/');
    label_copy(label, MK_LABEL_MAX, name ? name + 1 : path);
    char *dot = strchr(label, '.');
    if (dot && dot != label)
        *dot = '\0';
}

/* The caller's receive right named in `load`, or a new port. Cannot fail after the reservation in furnish. */
static void give_service(struct task *task, const struct mk_load *load, struct port *fresh)
{
    struct port *port = fresh;
    if (load->service)
        port = ref_take(task->machine->cpu->current->space, load->service, MK_MOVE_RECEIVE).port;
    task->service = space_put_receive(task->space, port)->name;
}

/* What can fail before the task may run. */
static mk_err_t furnish(struct task *task, const struct mk_load *load, struct port **portp)
{
    struct mk_machine *machine = task->machine;
    mk_err_t err = space_reserve(task->space, 1);
    if (err)
        return err;
    task->args = keep_string(machine, load->args ? load->args : "", &task->args_size);
    task->folder = keep_string(machine, load->folder ? load->folder : ".", &task->folder_size);
    if (!task->args || !task->folder)
        return MK_E_NO_MEMORY;
    if (load->service)
        return MK_OK;
    *portp = port_create(machine, MK_OBJECT_NONE, NULL);
    return *portp ? MK_OK : MK_E_NO_MEMORY;
}

/*
 * Rights named in `load` are the calling thread's and were checked; the strings are the kernel's. On error nothing
 * changed.
 */
mk_err_t plugin_load(struct mk_machine *machine, const struct mk_load *load, struct task *parent, struct task **taskp,
                     char *why, size_t why_size)
{
    struct image *image;
    struct task *task = NULL;
    struct thread *thread;
    char label[MK_LABEL_MAX];
    struct port *fresh = NULL;

    label_copy(label, sizeof(label), load->label ? load->label : "");
    if (!label[0])
        label_from_path(label, load->path);
    mk_err_t err = image_load(machine, load->path, label, &image, why, why_size);
    if (err)
        return err;
    const struct mk_server *server = image->plugin.entry;
    err = task_create(machine, label, parent, &task);
    if (err) {
        plugin_unload(image);
        return err;
    }
    task->image = image;
    err = image_isolate(machine, task);
    if (!err)
        err = furnish(task, load, &fresh);
    if (!err)
        err = thread_create(task, (void (*)(void *))mk_server_main, (void *)(uintptr_t)server, PLUGIN_STACK_SIZE,
                            load->priority ? load->priority : MK_PRIO_DEFAULT, &thread);
    if (err) {
        if (fresh)
            port_destroy(machine, fresh);
        task_discard(task);
        return err;
    }
    give_service(task, load, fresh);
    task->reports = true;
    if (load->privileged)
        task_set_special(task, MK_SPECIAL_MACHINE, machine->control, 0);
    if (!server->main) {
        task->is_server = true;
        task_set_counts(task, false);
    }
    sched_ready(machine->cpu, thread);
    *taskp = task;
    return MK_OK;
}

static mk_err_t check_load(const struct mk_load *load)
{
    if (load->priority < MK_PRIO_MIN || load->priority > MK_PRIO_MAX)
        return MK_E_BAD_ARGUMENT;
    if ((load->label && strlen(load->label) >= MK_LABEL_MAX) || (load->args && strlen(load->args) >= MK_ARGS_MAX))
        return MK_E_TOO_LONG;
    return MK_OK;
}

mk_err_t mk_machine_load(struct mk_machine *machine, const struct mk_load *load, uint64_t *idp, char *whyp,
                         size_t why_size)
{
    char why[WHY_SIZE] = "";
    struct task *task;

    if (machine->is_running)
        return MK_E_BAD_STATE;
    if (!load->path || load->service || load->bootstrap)
        return MK_E_BAD_ARGUMENT;
    mk_err_t err = check_load(load);
    if (!err)
        err = plugin_load(machine, load, NULL, &task, why, sizeof(why));
    if (!err) {
        task_set_special(task, MK_SPECIAL_BOOTSTRAP, machine->bootstrap_port, 0);
        if (idp)
            *idp = task->id;
    }
    if (whyp && why_size)
        label_copy(whyp, why_size, why);
    return err;
}

/* ---- inside ---- */

/* The caller's strings, copied in. */
struct load_strings {
    char label[MK_LABEL_MAX], path[PATH_SIZE], folder[PATH_SIZE];
    char args[MK_ARGS_MAX];
};

static mk_err_t load_in(struct mk_load *load, const struct mk_load *user, struct load_strings *s)
{
    if (!user_get(load, user, sizeof(*load)))
        return MK_E_BAD_ADDRESS;
    mk_err_t err = load->path ? string_in(s->path, load->path, sizeof(s->path)) : MK_E_BAD_ADDRESS;
    if (!err)
        err = string_in(s->label, load->label, sizeof(s->label));
    if (!err)
        err = string_in(s->args, load->args, sizeof(s->args));
    if (!err)
        err = string_in(s->folder, load->folder ? load->folder : ".", sizeof(s->folder));
    load->path = s->path;
    load->label = s->label[0] ? s->label : NULL;
    load->args = s->args;
    load->folder = s->folder;
    return err ? err : check_load(load);
}

/* The rights named in `load`: can they be given? */
static mk_err_t check_load_rights(struct space *space, const struct mk_load *load)
{
    mk_err_t err = load->service ? ref_check(space, load->service, MK_MOVE_RECEIVE, 0) : MK_OK;
    if (!err && load->bootstrap)
        err = ref_check(space, load->bootstrap, MK_COPY_SEND, 0);
    return err ? err : space_reserve(space, 1);
}

static mk_err_t load_task(struct cpu *cpu, const struct mk_load *load, mk_name_t *namep, char *why)
{
    struct space *space = cpu->current->space;
    struct task *task;
    mk_err_t err = check_load_rights(space, load);
    if (!err)
        err = plugin_load(cpu->machine, load, cpu->current->task, &task, why, WHY_SIZE);
    if (err)
        return err;
    if (load->bootstrap) {
        const struct entry *bootstrap = space_lookup(space, load->bootstrap);
        task_set_special(task, MK_SPECIAL_BOOTSTRAP, bootstrap->port, bootstrap->badge);
    }
    return send_right_add(space, task->port, 0, namep); /* reserved above */
}

mk_err_t mk_task_load(mk_name_t control, const struct mk_load *user_load, mk_name_t *taskp, char *whyp, size_t why_size)
{
    ENTER(cpu, self);
    char why[WHY_SIZE] = "";
    struct mk_load load;
    struct port *port;
    mk_name_t name = MK_NAME_NULL;
    mk_err_t err = object_find(cpu, control, MK_OBJECT_MACHINE, &port);
    if (!err && host_stack_pointer() < self->context.stack + LOAD_STACK_ROOM)
        err = MK_E_BAD_STATE; /* the dynamic linker must not run into the guard: it would keep its lock */
    if (!err && (!user_probe_u32(taskp) || (whyp && why_size && !user_put(whyp, "", 1))))
        err = MK_E_BAD_ADDRESS;
    if (err)
        return leave(cpu, err);
    struct load_strings *strings = kmem_alloc(&cpu->machine->kmem, sizeof(*strings));
    if (!strings)
        return leave(cpu, MK_E_NO_MEMORY);
    err = load_in(&load, user_load, strings);
    if (!err)
        err = load_task(cpu, &load, &name, why);
    kmem_free(&cpu->machine->kmem, strings, sizeof(*strings));
    if (!err) {
        kernel_charge(cpu, cpu->machine->costs.task);
        user_store_u32(taskp, name);
    }
    if (whyp && why_size) {
        size_t n = strlen(why) + 1;
        why[sizeof(why) - 1] = '\0';
        user_put(whyp, why, n < why_size ? n : why_size);
        if (n > why_size)
            user_put(whyp + why_size - 1, "", 1);
    }
    return leave(cpu, err);
}
