/* SPDX-License-Identifier: BSD-2-Clause */
/* Between the files of the boot file parser: bootfile.c, bootkeys.c, bootgroup.c, bootservices.c, bootorder.c. */
#ifndef CLI_BOOTFILE_I_H
#define CLI_BOOTFILE_I_H

#include "bootfile.h"

/* Whose key it is: a task's or a group's; the machine's when both are NULL. */
struct boot_target {
    struct boot_task *task;
    struct boot_group *group;
};

/* One key of a section: how its value is read into the machine, the task or the group. */
struct boot_key {
    const char *name;
    bool continues; /* indented lines may continue it */
    void (*parse)(struct bootfile *boot, struct boot_target to, struct boot_where where, const char *value);
};

extern const struct boot_key bootkeys_machine[BOOT_NR_MACHINE_KEYS];
extern const struct boot_key bootkeys_task[BOOT_NR_TASK_KEYS];
extern const struct boot_key bootkeys_group[BOOT_NR_GROUP_KEYS];

/* The key of this name in such a section; -1 after reporting that there is none. */
int bootkeys_lookup(struct bootfile *boot, struct boot_target of, struct boot_where where, const char *name);

const struct boot_key *bootkeys_get(struct boot_target of, int key);
struct boot_where *bootkeys_where(struct bootfile *boot, struct boot_target of, int key);

/* Is it the name of any key? */
bool bootkeys_is_key(const char *name, size_t length);

/* Add a further line to a value that may continue (args, after, uses, provides). */
void bootkeys_append(struct boot_task *task, int key, const char *value);

/* A new group with the defaults; its index. */
size_t bootgroup_add(struct bootfile *boot, const char *name, int line);

/* Report that there is no such group. */
void bootgroup_refuse(struct bootfile *boot, struct boot_where where, const char *prefix, const char *name);

/* Find the group that each task names; those that name none are in the group "default". */
void bootgroup_resolve(struct bootfile *boot);

/* Judge what each task may look up and register, and bring the lists into one form. */
void bootservices_resolve(struct bootfile *boot);

/* Find what each `after` names, then the start order; see bootorder.c. */
void bootorder_resolve(struct bootfile *boot);

#endif
