/* SPDX-License-Identifier: BSD-2-Clause */
/* Between the files of the boot file parser: bootfile.c, bootkeys.c, bootorder.c. */
#ifndef CLI_BOOTFILE_I_H
#define CLI_BOOTFILE_I_H

#include "bootfile.h"

/* One key of a section: how its value is read into the machine or the task. */
struct boot_key {
    const char *name;
    bool continues; /* indented lines may continue it */
    void (*parse)(struct bootfile *boot, struct boot_task *task, struct boot_where where, const char *value);
};

extern const struct boot_key bootkeys_machine[BOOT_NR_MACHINE_KEYS];
extern const struct boot_key bootkeys_task[BOOT_NR_TASK_KEYS];

/* The key of this name in a task's section or the machine's (task NULL); -1 after reporting that there is none. */
int bootkeys_lookup(struct bootfile *boot, const struct boot_task *task, struct boot_where where, const char *name);

const struct boot_key *bootkeys_get(const struct boot_task *task, int key);
struct boot_where *bootkeys_where(struct bootfile *boot, struct boot_task *task, int key);

/* Is it the name of any key? */
bool bootkeys_is_key(const char *name, size_t length);

/* Add a further line to a value that may continue (args, after). */
void bootkeys_append(struct boot_task *task, int key, const char *value);

/* Find what each `after` names, then the start order; see bootorder.c. */
void bootorder_resolve(struct bootfile *boot);

#endif
