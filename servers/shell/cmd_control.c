/* SPDX-License-Identifier: BSD-2-Clause */
/* Commands that end tasks by the machine port: kill and crash. */
#include <stdlib.h>

#include "commands.h"

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

/* ---- crash ---- */

/* Runs in the task that is to crash. */
static void touch(void *nowhere)
{
    *(volatile char *)nowhere = 0;
}

/* A thread more, stronger than all others, with an access that cannot be: what follows is as with any crash. */
static mk_err_t make_crash(struct shell *sh, mk_name_t task)
{
    const struct mk_thread_attr attr = {.entry = touch, .arg = NULL, .label = "crash", .priority = MK_PRIO_MAX};
    mk_err_t err;

    (void)writer_flush(sh, sh->out); /* it may be ourselves */
    err = mk_thread_create(task, &attr, NULL);
    return err == MK_OK ? mk_task_wait(task, NULL, mk_time_now() + LOOKUP_WAIT) : err;
}

int cmd_crash(struct shell *sh, int argc, char **argv)
{
    mk_name_t machine, task;
    uint64_t id;
    mk_err_t err;

    if (argc != 2)
        return err_usage(sh, "crash");
    id = find_task(sh, "crash", argv[1]);
    if (id == 0)
        return 1;
    err = mk_task_get_special(mk_task_self(), MK_SPECIAL_MACHINE, &machine);
    if (err != MK_OK)
        return err_fail(sh, "crash", argv[1], MK_E_NO_ACCESS);
    err = mk_task_by_id(machine, id, &task);
    right_release(machine);
    if (err == MK_OK) {
        err = make_crash(sh, task);
        right_release(task);
    }
    if (err != MK_E_TIMED_OUT)
        return err == MK_OK ? 0 : err_fail(sh, "crash", argv[1], err);
    err_text(sh, "crash: %s: it lives: somebody handled the exception\n", argv[1]);
    return 1;
}
