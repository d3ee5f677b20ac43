/* SPDX-License-Identifier: BSD-2-Clause */
/* Commands that change what runs: kill by the machine port; start, stop, restart and status by the supervisor. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "servers/supervisor/supervisor_proto.h"

/* ---- the supervisor ---- */

/* The answer to SUPERVISOR_LIST; free *entriesp. */
static mk_err_t list_supervised(struct shell *sh, struct supervisor_entry **entriesp, size_t *nrp)
{
    struct mk_msg msg = {.id = SUPERVISOR_LIST, .capacity = MK_BODY_MAX};
    mk_err_t err;

    *nrp = 0;
    *entriesp = malloc(MK_BODY_MAX);
    if (*entriesp == NULL)
        return MK_E_NO_MEMORY;
    msg.body = *entriesp;
    err = service_call(sh, &sh->supervisor, &msg);
    if (err == MK_OK)
        err = msg.status;
    if (err == MK_OK)
        *nrp = msg.size / sizeof(**entriesp);
    for (size_t i = 0; i < *nrp; i++)
        (*entriesp)[i].name[sizeof((*entriesp)[i].name) - 1] = '\0';
    return err;
}

static void show_supervised(struct shell *sh, const struct supervisor_entry *entry)
{
    char task[24] = "-", last[24] = "-";

    if (entry->task != 0)
        snprintf(task, sizeof(task), "%llu", (unsigned long long)entry->task);
    if (entry->nr_starts > entry->is_running) /* an instance has ended */
        snprintf(last, sizeof(last), "%d", (int)entry->last_exit);
    out_text(sh, "%-20s %6s  %-8s %-7s %6u %10s\n", entry->name, task, entry->is_running ? "running" : "stopped",
             entry->is_server ? "server" : "task", entry->nr_starts, last);
}

int cmd_supervisor(struct shell *sh, int argc, char **argv)
{
    struct supervisor_entry *entries;
    size_t nr;
    mk_err_t err;

    if (argc > 2 || (argc == 2 && strcmp(argv[1], "status") != 0))
        return err_usage(sh, "supervisor");
    err = list_supervised(sh, &entries, &nr);
    if (err == MK_OK)
        out_text(sh, "%-20s %6s  %-8s %-7s %6s %10s\n", "NAME", "TASK", "STATE", "KIND", "STARTS", "LAST EXIT");
    for (size_t i = 0; i < nr; i++)
        show_supervised(sh, &entries[i]);
    free(entries);
    return err == MK_OK ? 0 : err_fail(sh, "supervisor", "status", err);
}

static int tell_supervisor(struct shell *sh, uint32_t id, int argc, char **argv)
{
    mk_err_t err;

    if (argc != 2)
        return err_usage(sh, argv[0]);
    err = service_tell(sh, &sh->supervisor, id, argv[1]);
    return err == MK_OK ? 0 : err_fail(sh, argv[0], argv[1], err);
}

int cmd_start(struct shell *sh, int argc, char **argv)
{
    return tell_supervisor(sh, SUPERVISOR_START, argc, argv);
}

int cmd_stop(struct shell *sh, int argc, char **argv)
{
    return tell_supervisor(sh, SUPERVISOR_STOP, argc, argv);
}

int cmd_restart(struct shell *sh, int argc, char **argv)
{
    return tell_supervisor(sh, SUPERVISOR_RESTART, argc, argv);
}

/* ---- kill ---- */

/* Without the machine port only supervised tasks can be ended, and only by asking. */
static mk_err_t stop_supervised(struct shell *sh, uint64_t id)
{
    struct supervisor_entry *entries;
    size_t nr;
    mk_err_t err = list_supervised(sh, &entries, &nr);

    if (err == MK_OK)
        err = MK_E_NO_ACCESS;
    for (size_t i = 0; i < nr; i++)
        if (entries[i].is_running && entries[i].task == id)
            err = service_tell(sh, &sh->supervisor, SUPERVISOR_STOP, entries[i].name);
    free(entries);
    return err;
}

static mk_err_t terminate(struct shell *sh, mk_name_t machine, uint64_t id)
{
    mk_name_t task;
    mk_err_t err = mk_task_by_id(machine, id, &task);

    if (err != MK_OK)
        return err;
    (void)writer_flush(sh, sh->out); /* it may be ourselves */
    err = mk_task_terminate(task, STATUS_KILLED);
    right_release(task);
    return err;
}

static int kill_one(struct shell *sh, const char *text)
{
    uint64_t id = find_task(sh, "kill", text);
    mk_name_t machine;
    mk_err_t err;

    if (id == 0)
        return 1;
    err = mk_task_get_special(mk_task_self(), MK_SPECIAL_MACHINE, &machine);
    if (err == MK_OK) {
        err = terminate(sh, machine, id);
        right_release(machine);
    } else {
        err = stop_supervised(sh, id);
    }
    return err == MK_OK ? 0 : err_fail(sh, "kill", text, err);
}

int cmd_kill(struct shell *sh, int argc, char **argv)
{
    int status = 0;

    if (argc < 2)
        return err_usage(sh, "kill");
    for (int i = 1; i < argc; i++) {
        int result = kill_one(sh, argv[i]);

        status = result != 0 ? result : status;
    }
    return status;
}
