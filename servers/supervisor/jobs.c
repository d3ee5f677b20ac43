/* SPDX-License-Identifier: BSD-2-Clause */
/* Reading the boot description; see supervisor.h. */
#include "supervisor.h"

#include <stdlib.h>
#include <string.h>

#define NR_TASK_FIELDS  13
#define NR_GROUP_FIELDS 6

static void unescape(char *s)
{
    char *out = s;
    for (; *s; s++) {
        if (*s == '\\' && s[1]) {
            s++;
            *out++ = (char)(*s == 't' ? '\t' : *s == 'n' ? '\n' : *s);
        } else {
            *out++ = *s;
        }
    }
    *out = '\0';
}

/* Exactly so many fields? */
static bool split(char *line, char **fields, int nr_fields)
{
    for (int i = 0; i < nr_fields; i++) {
        if (!line)
            return false;
        fields[i] = line;
        line = strchr(line, '\t');
        if (line)
            *line++ = '\0';
        unescape(fields[i]);
    }
    return !line;
}

static bool is_names_plugin(const char *path)
{
    const char *slash = strrchr(path, '/');
    return strcmp(slash ? slash + 1 : path, "names.so") == 0;
}

static mk_err_t parse_task(struct supervisor *s, char *line)
{
    struct job *job = &s->jobs[s->nr_jobs];
    char *fields[NR_TASK_FIELDS];
    if (!split(line, fields, NR_TASK_FIELDS) || !fields[1][0] || strlen(fields[1]) >= sizeof(job->name))
        return MK_E_BAD_ARGUMENT;
    strcpy(job->name, fields[1]);
    job->path = fields[2];
    job->priority = atoi(fields[3]);
    job->is_privileged = strcmp(fields[4], "1") == 0;
    job->after = strcmp(fields[5], "-") == 0 ? "" : fields[5];
    job->memory_limit = strtoull(fields[6], NULL, 10);
    job->nr_frames = (uint32_t)strtoul(fields[7], NULL, 10);
    size_t group = strtoul(fields[8], NULL, 10);
    job->restart = (enum supervisor_restart)atoi(fields[9]);
    job->heartbeat = strtoll(fields[10], NULL, 10);
    job->is_restricted = strcmp(fields[11], "1") == 0;
    job->args = fields[12];
    job->is_names = is_names_plugin(job->path);
    if (group >= s->nr_groups || job->restart > SUPERVISOR_RESTART_ALWAYS || job->heartbeat < 0)
        return MK_E_BAD_ARGUMENT;
    job->group = &s->groups[group];
    s->nr_jobs++;
    return MK_OK;
}

static mk_err_t parse_group(struct supervisor *s, char *line)
{
    struct group *group = &s->groups[s->nr_groups];
    char *fields[NR_GROUP_FIELDS];
    if (!split(line, fields, NR_GROUP_FIELDS))
        return MK_E_BAD_ARGUMENT;
    group->name = fields[1];
    group->strategy = (enum strategy)atoi(fields[2]);
    group->intensity = (uint32_t)strtoul(fields[3], NULL, 10);
    group->period = strtoll(fields[4], NULL, 10);
    group->halts = strcmp(fields[5], "1") == 0;
    if (group->strategy > ONE_FOR_ALL || strlen(group->name) >= MK_LABEL_MAX)
        return MK_E_BAD_ARGUMENT;
    s->nr_groups++;
    return MK_OK;
}

mk_err_t jobs_parse(struct supervisor *s, const char *text)
{
    char *copy = strdup(text); /* kept: the fields stay in it */
    size_t nr_lines = 0;
    for (const char *p = text; *p; p++)
        nr_lines += *p == '\n';
    s->max_jobs = nr_lines + 1;
    s->jobs = calloc(s->max_jobs, sizeof(*s->jobs));
    s->groups = calloc(nr_lines + 1, sizeof(*s->groups));
    if (!copy || !s->jobs || !s->groups)
        return MK_E_NO_MEMORY;
    s->text = copy;
    s->text_size = strlen(text) + 1;
    for (char *line = copy; *line;) {
        char *end = strchr(line, '\n');
        if (end)
            *end = '\0';
        char *next = end ? end + 1 : line + strlen(line);
        mk_err_t err = strncmp(line, "group\t", 6) == 0  ? parse_group(s, line)
                       : strncmp(line, "task\t", 5) == 0 ? parse_task(s, line)
                                                         : MK_E_BAD_ARGUMENT;
        if (err) {
            mk_log("boot description, line %zu: no fields of a group or task", s->nr_groups + s->nr_jobs + 1);
            return err;
        }
        line = next;
    }
    return MK_OK;
}
