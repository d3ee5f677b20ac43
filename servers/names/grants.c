/* SPDX-License-Identifier: BSD-2-Clause */
/* See grants.h. */
#include "grants.h"

#include <stdlib.h>
#include <string.h>

struct grant {
    uint64_t badge;
    const char *uses, *provides; /* in the text */
};

static struct grant *grants;
static size_t nr_grants;

static bool is_list(const char *field)
{
    return field && (strcmp(field, "*") == 0 || *field == '=');
}

static bool read_line(char *line, struct grant *grant)
{
    char *rest = line;
    const char *badge = strsep(&rest, "\t");
    grant->uses = strsep(&rest, "\t");
    grant->provides = rest;
    grant->badge = strtoull(badge, NULL, 10);
    return grant->badge && is_list(grant->uses) && is_list(grant->provides);
}

mk_err_t grants_read(const char *text)
{
    size_t nr_lines = 0;
    if (!*text)
        return MK_OK;
    for (const char *p = text; *p; p++)
        nr_lines += *p == '\n';
    char *rest = strdup(text), *line; /* kept: the fields stay in it */
    grants = calloc(nr_lines + 1, sizeof(*grants));
    if (!rest || !grants)
        return MK_E_NO_MEMORY;
    while ((line = strsep(&rest, "\n")) && *line)
        if (nr_grants == nr_lines || !read_line(line, &grants[nr_grants++]))
            return MK_E_BAD_ARGUMENT;
    return MK_OK;
}

static const struct grant *find(uint64_t badge)
{
    for (size_t i = 0; i < nr_grants; i++)
        if (grants[i].badge == badge)
            return &grants[i];
    return NULL;
}

static bool has_name(const char *list, const char *name)
{
    if (*list == '*')
        return true;
    for (const char *p = list + 1; *p;) {
        size_t n = strcspn(p, " ");
        if (strlen(name) == n && memcmp(name, p, n) == 0)
            return true;
        p += n + (p[n] == ' ');
    }
    return false;
}

bool grants_may_look_up(uint64_t badge, const char *name)
{
    const struct grant *grant = badge ? find(badge) : NULL;
    return !badge || (grant && has_name(grant->uses, name));
}

bool grants_may_register(uint64_t badge, const char *name)
{
    const struct grant *grant = badge ? find(badge) : NULL;
    return !badge || (grant && has_name(grant->provides, name));
}
