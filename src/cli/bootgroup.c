/* SPDX-License-Identifier: BSD-2-Clause */
/* Groups: tasks that are restarted together, or whose restarts are counted together. */
#include "bootfile_i.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

size_t bootgroup_add(struct bootfile *boot, const char *name, int line)
{
    boot->groups = text_realloc(boot->groups, boot->nr_groups + 1, sizeof(*boot->groups));
    struct boot_group *group = &boot->groups[boot->nr_groups];
    *group = (struct boot_group){.line = line, .period = BOOT_PERIOD};
    strcpy(group->name, name);
    return boot->nr_groups++;
}

void bootgroup_refuse(struct bootfile *boot, struct boot_where where, const char *prefix, const char *name)
{
    const char **names = text_realloc(NULL, boot->nr_groups + 1, sizeof(*names));
    for (size_t i = 0; i < boot->nr_groups; i++)
        names[i] = boot->groups[i].name;
    names[boot->nr_groups] = NULL;
    const char *nearest = text_nearest(name, names);
    if (nearest)
        bootfile_error(boot, where, "%sthere is no group '%s'; did you mean '%s'?", prefix, name, nearest);
    else
        bootfile_error(boot, where, "%sthere is no group '%s' in this file; begin it with [group NAME]", prefix, name);
    free(names);
}

void bootgroup_resolve(struct bootfile *boot)
{
    if (!bootfile_group(boot, BOOT_GROUP_DEFAULT))
        bootgroup_add(boot, BOOT_GROUP_DEFAULT, 0);
    for (size_t i = 0; i < boot->nr_tasks; i++) {
        struct boot_task *task = &boot->tasks[i];
        const struct boot_group *group = bootfile_group(boot, task->group_name);
        if (group)
            task->group = (size_t)(group - boot->groups);
        else
            bootgroup_refuse(boot, task->where[BOOT_KEY_GROUP], "group: ", task->group_name);
    }
}
