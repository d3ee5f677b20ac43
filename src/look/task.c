/* SPDX-License-Identifier: BSD-2-Clause */
/* The looking half of <mk/task.h>: what a task was loaded with. */
#include "look/look.h"

#include <mk/task.h>

uint64_t mk_task_id(void)
{
    struct cpu *cpu = kernel_look();
    return cpu ? cpu->current->task->id : 0;
}

const char *mk_task_label(void)
{
    struct cpu *cpu = kernel_look();
    return cpu ? cpu->current->task->label : "";
}

const char *mk_task_args(void)
{
    struct cpu *cpu = kernel_look();
    return cpu && cpu->current->task->args ? cpu->current->task->args : "";
}

const char *mk_task_folder(void)
{
    struct cpu *cpu = kernel_look();
    return cpu && cpu->current->task->folder ? cpu->current->task->folder : ".";
}

mk_name_t mk_task_service(void)
{
    struct cpu *cpu = kernel_look();
    return cpu ? cpu->current->task->service : MK_NAME_NULL;
}
