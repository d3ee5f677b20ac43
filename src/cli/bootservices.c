/* SPDX-License-Identifier: BSD-2-Clause */
/* Which services a task may look up and register: the lists of uses and provides. */
#include "bootfile_i.h"
#include "text.h"

#include <mk/types.h>

#include <stdlib.h>
#include <string.h>

#define SEPARATORS " \t,"

/* The names with a blank between them; "" for "-", which is none. To be freed. */
static char *tidy(struct bootfile *boot, struct boot_where where, const char *key, const char *value)
{
    char *names = text_dup(value), *rest = names, *name, *list = text_dup("");
    size_t nr = 0;
    bool is_none = false;
    while ((name = strsep(&rest, SEPARATORS))) {
        if (!*name)
            continue;
        if (strlen(name) >= MK_SERVICE_MAX)
            bootfile_error(boot, where, "%s: '%s' has %zu bytes; a service's name has at most %d", key, name,
                           strlen(name), MK_SERVICE_MAX - 1);
        is_none = is_none || strcmp(name, "-") == 0;
        char *longer = text_format("%s%s%s", list, nr++ ? " " : "", name);
        free(list);
        list = longer;
    }
    if (nr == 0)
        bootfile_error(boot, where, "%s: a value is missing; write names of services, or - for none", key);
    else if (is_none && nr > 1)
        bootfile_error(boot, where, "%s: - means none; write it alone, or the names without it", key);
    if (is_none)
        *list = '\0';
    free(names);
    return list;
}

static void resolve(struct bootfile *boot, struct boot_where where, const char *key, char **listp)
{
    if (!*listp)
        return;
    char *list = tidy(boot, where, key, *listp);
    free(*listp);
    *listp = list;
}

void bootservices_resolve(struct bootfile *boot)
{
    for (size_t i = 0; i < boot->nr_tasks; i++) {
        struct boot_task *task = &boot->tasks[i];
        resolve(boot, task->where[BOOT_KEY_USES], "uses", &task->uses);
        resolve(boot, task->where[BOOT_KEY_PROVIDES], "provides", &task->provides);
    }
}
