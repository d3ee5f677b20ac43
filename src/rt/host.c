/* SPDX-License-Identifier: BSD-2-Clause */
/* mk_machine_update: the supervisor is asked, by the calling task or by one that the host program makes for it. */
#include <mk/mk.h>

#include <stdlib.h>
#include <string.h>

#define PATIENCE  (10 * MK_SEC) /* until the supervisor is there, and the server up */
#define ASK_AGAIN MK_MSEC
#define BODY_MAX  1024

/* ---- inside ---- */

static mk_err_t put_strings(char *body, size_t *sizep, const char *name, const char *path)
{
    size_t n = strlen(name) + 1, m = strlen(path);
    if (n + m > BODY_MAX)
        return MK_E_TOO_LONG;
    memcpy(body, name, n);
    memcpy(body + n, path, m);
    *sizep = n + m;
    return MK_OK;
}

static mk_err_t call_supervisor(mk_name_t supervisor, const char *name, const char *path)
{
    char body[BODY_MAX];
    struct mk_msg msg = {.id = MK_SERVER_UPDATE, .body = body, .capacity = sizeof(body)};
    mk_err_t err = put_strings(body, &msg.size, name, path);
    if (!err)
        err = mk_call(supervisor, &msg, MK_TIME_FOREVER);
    return err ? err : msg.status;
}

static mk_err_t update(const char *name, const char *path)
{
    mk_name_t supervisor;
    mk_time_t deadline = mk_time_now() + PATIENCE;
    mk_err_t err = mk_name_lookup("supervisor", deadline, &supervisor);
    if (err)
        return err == MK_E_TIMED_OUT ? MK_E_NOT_FOUND : err;
    while ((err = call_supervisor(supervisor, name, path)) == MK_E_BAD_STATE && mk_time_now() < deadline)
        if ((err = mk_time_sleep(mk_time_now() + ASK_AGAIN)))
            break;
    (void)mk_right_release(supervisor);
    return err;
}

/* ---- outside ---- */

/* Of the host's heap: of the call that made it, until that returns without an answer; then of its task. */
struct request {
    bool is_answered, is_given_up;
    mk_err_t err;
    char *name, *path;
};

static void request_free(struct request *request)
{
    if (request)
        free(request->name), free(request->path);
    free(request);
}

static struct request *request_create(const char *name, const char *path)
{
    struct request *request = calloc(1, sizeof(*request));
    if (request) {
        request->name = strdup(name);
        request->path = strdup(path);
    }
    if (request && request->name && request->path)
        return request;
    request_free(request);
    return NULL;
}

static void ask(void *arg)
{
    struct request *request = arg;
    mk_name_t machine;
    mk_err_t err = update(request->name, request->path);
    if (request->is_given_up) {
        request_free(request);
        return;
    }
    request->is_answered = true;
    request->err = err;
    if (mk_task_get_special(mk_task_self(), MK_SPECIAL_MACHINE, &machine) == MK_OK)
        (void)!mk_machine_halt(machine, 0); /* it goes on when the machine is run again */
}

mk_err_t mk_machine_update(struct mk_machine *machine, const char *name, const char *path)
{
    if (mk_task_id())
        return machine ? MK_E_BAD_ARGUMENT : update(name, path);
    if (!machine)
        return MK_E_NOT_IN_MACHINE;
    struct request *request = request_create(name, path);
    const struct mk_spawn spawn = {.label = "update", .entry = ask, .arg = request};
    mk_err_t err = request ? mk_machine_spawn(machine, &spawn, NULL) : MK_E_NO_MEMORY;
    if (err) {
        request_free(request);
        return err;
    }
    err = mk_machine_run(machine, NULL);
    if (!request->is_answered) { /* it was stopped, or nothing could come any more */
        request->is_given_up = true;
        return err ? err : MK_E_ABORTED;
    }
    err = request->err;
    request_free(request);
    return err;
}
