/* SPDX-License-Identifier: BSD-2-Clause */
/* The name client: speaks <mk/names.h> on the bootstrap port. */
#include <mk/mk.h>

#include <string.h>

#include <mk/names.h>

static mk_err_t name_call(uint32_t id, const char *name, struct mk_msg_right *right, bool is_sent, mk_time_t deadline)
{
    char body[MK_SERVICE_MAX];
    mk_name_t names;
    size_t size = strnlen(name, MK_SERVICE_MAX);

    if (size == 0 || size == MK_SERVICE_MAX)
        return size ? MK_E_TOO_LONG : MK_E_BAD_ARGUMENT;
    mk_err_t err = mk_task_get_special(mk_task_self(), MK_SPECIAL_BOOTSTRAP, &names);
    if (err)
        return err;
    memcpy(body, name, size);
    struct mk_msg msg = {.id = id,
                         .body = body,
                         .size = size,
                         .capacity = sizeof(body),
                         .rights = right,
                         .nr_rights = is_sent,
                         .max_rights = 1};
    err = mk_call(names, &msg, deadline);
    if (!err)
        err = msg.status;
    if (!err && !is_sent && msg.nr_rights != 1)
        err = MK_E_BAD_STATE;
    mk_err_t released = mk_right_release(names);
    return err ? err : released;
}

mk_err_t mk_name_register(const char *name, mk_name_t send)
{
    struct mk_msg_right right = {.name = send, .how = MK_COPY_SEND};
    return name_call(MK_NAMES_REGISTER, name, &right, true, MK_TIME_FOREVER);
}

/* A name service that ended with the question in hand has a successor at the same port. */
mk_err_t mk_name_lookup(const char *name, mk_time_t deadline, mk_name_t *sendp)
{
    struct mk_msg_right right = {.name = MK_NAME_NULL};
    bool is_poll = deadline == MK_TIME_POLL;
    uint32_t id = is_poll ? MK_NAMES_LOOKUP : MK_NAMES_WAIT;
    mk_err_t err = name_call(id, name, &right, false, is_poll ? MK_TIME_FOREVER : deadline);
    if (err == MK_E_DEAD)
        err = name_call(id, name, &right, false, is_poll ? MK_TIME_FOREVER : deadline);
    *sendp = err ? MK_NAME_NULL : right.name;
    return err;
}
