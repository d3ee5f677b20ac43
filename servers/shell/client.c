/* SPDX-License-Identifier: BSD-2-Clause */
/* Calls to services: found when first needed, found again when they were restarted. */
#include <string.h>

#include "servers/supervisor/supervisor_proto.h"
#include "shell.h"

void right_release(mk_name_t right)
{
    mk_err_t err;

    if (right == MK_NAME_DEAD)
        return; /* it died before it came: nothing to give back */
    err = mk_right_release(right);
    if (err != MK_OK)
        mk_log("a right could not be released: %s", mk_err_text(err));
}

static mk_err_t find_service(struct shell *sh, struct service *service)
{
    mk_err_t err;

    if (service->send != MK_NAME_NULL)
        return MK_OK;
    err = mk_name_lookup(service->name, mk_time_now() + LOOKUP_WAIT, &service->send);
    if (err != MK_OK) {
        service->send = MK_NAME_NULL;
        sh->missing = service->name;
    }
    return err;
}

static void forget_service(struct service *service)
{
    right_release(service->send);
    service->send = MK_NAME_NULL;
}

/* May it be done twice? Who dies with a request in hand may have done it. */
static bool is_repeatable(uint32_t id)
{
    switch (id) {
    case CONSOLE_READ:
    case CONSOLE_INFO:
    case FS_OPEN:
    case FS_STAT:
    case FS_LIST:
    case SUPERVISOR_LIST:
    case SUPERVISOR_HISTORY:
        return true;
    default:
        return false;
    }
}

static bool is_gone(const struct service *service)
{
    struct mk_right_info info;

    return mk_right_info(service->send, &info) != MK_OK || info.type == MK_RIGHT_DEAD_NAME;
}

mk_err_t service_call(struct shell *sh, struct service *service, struct mk_msg *msg)
{
    const struct mk_msg request = *msg;
    mk_err_t err;

    sh->missing = NULL;
    if (service->send != MK_NAME_NULL && is_gone(service))
        forget_service(service);
    for (bool is_again = false;; is_again = true) {
        err = find_service(sh, service);
        if (err == MK_OK)
            err = mk_call(service->send, msg, MK_TIME_FOREVER);
        if (err != MK_E_DEAD || service->send == MK_NAME_NULL || is_again)
            return err;
        if (is_gone(service))
            forget_service(service);
        if (!is_repeatable(request.id))
            return err;
        *msg = request;
    }
}

mk_err_t service_tell(struct shell *sh, struct service *service, uint32_t id, const char *text)
{
    char body[FS_PATH_MAX];
    struct mk_msg msg = {.id = id, .body = body, .size = strlen(text), .capacity = sizeof(body)};
    mk_err_t err;

    if (msg.size >= sizeof(body))
        return MK_E_TOO_LONG;
    memcpy(body, text, msg.size);
    err = service_call(sh, service, &msg);
    return err == MK_OK ? msg.status : err;
}
