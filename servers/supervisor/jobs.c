/* SPDX-License-Identifier: BSD-2-Clause */
/* Reading the boot description; see supervisor.h. */
#include "supervisor.h"

#include <stdlib.h>
#include <string.h>

#define NR_FIELDS 8

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

static bool is_names_plugin(const char *path)
{
    const char *slash = strrchr(path, '/');
    return strcmp(slash ? slash + 1 : path, "names.so") == 0;
}

static mk_err_t job_parse(struct job *job, char *line)
{
    char *fields[NR_FIELDS];
    for (int i = 0; i < NR_FIELDS; i++) {
        fields[i] = line;
        if (!line)
            return MK_E_BAD_ARGUMENT;
        line = i < NR_FIELDS - 1 ? strchr(line, '\t') : NULL;
        if (line)
            *line++ = '\0';
    }
    for (int i = 0; i < NR_FIELDS; i++)
        unescape(fields[i]);
    if (!fields[0][0] || strlen(fields[0]) >= sizeof(job->name))
        return MK_E_BAD_ARGUMENT;
    strcpy(job->name, fields[0]);
    job->path = fields[1];
    job->priority = atoi(fields[2]);
    job->is_privileged = strcmp(fields[3], "1") == 0;
    job->after = strcmp(fields[4], "-") == 0 ? "" : fields[4];
    job->memory_limit = strtoull(fields[5], NULL, 10);
    job->nr_frames = (uint32_t)strtoul(fields[6], NULL, 10);
    job->args = fields[7];
    job->is_names = is_names_plugin(job->path);
    return MK_OK;
}

mk_err_t jobs_parse(struct supervisor *s, const char *text)
{
    char *copy = strdup(text); /* kept: the fields stay in it */
    size_t nr_lines = 0;
    for (const char *p = text; *p; p++)
        nr_lines += *p == '\n';
    s->jobs = calloc(nr_lines + 1, sizeof(*s->jobs));
    if (!copy || !s->jobs)
        return MK_E_NO_MEMORY;
    s->text = copy;
    s->text_size = strlen(text) + 1;
    for (char *line = copy; *line;) {
        char *end = strchr(line, '\n');
        if (end)
            *end = '\0';
        mk_err_t err = job_parse(&s->jobs[s->nr_jobs], line);
        if (err) {
            mk_log("boot description, line %zu: not 8 fields separated by tabs", s->nr_jobs + 1);
            return err;
        }
        s->nr_jobs++;
        line = end ? end + 1 : line + strlen(line);
    }
    return MK_OK;
}
