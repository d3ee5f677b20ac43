/* SPDX-License-Identifier: BSD-2-Clause */
/* What the guardian keeps, asked for. */
#include "supervisor.h"

#include "servers/guardian/guardian_proto.h"

/* Nobody else is to find it: the tasks that are loaded inherit special ports. */
mk_err_t guard_find(struct supervisor *s)
{
    mk_err_t err = mk_task_get_special(mk_task_self(), MK_SPECIAL_REGISTERED_0, &s->guardian);
    return err ? err : mk_task_set_special(mk_task_self(), MK_SPECIAL_REGISTERED_0, MK_NAME_NULL);
}

/* A request with a number and at most one right. A right that comes with the answer goes to *rightp, if not NULL. */
static mk_err_t ask(struct supervisor *s, uint32_t id, uint32_t number, mk_name_t sent, mk_name_t *rightp)
{
    struct mk_msg_right right = {.name = sent, .how = MK_COPY_SEND};
    struct mk_msg msg = {.id = id,
                         .body = &number,
                         .size = sizeof(number),
                         .capacity = sizeof(number),
                         .rights = &right,
                         .nr_rights = sent != MK_NAME_NULL,
                         .max_rights = 1};
    mk_err_t err = mk_call(s->guardian, &msg, MK_TIME_FOREVER);
    if (!err)
        err = msg.status;
    if (!err && rightp)
        err = msg.nr_rights == 1 && right.name != MK_NAME_DEAD ? MK_OK : MK_E_DEAD;
    if (!err && rightp)
        *rightp = right.name;
    return err;
}

mk_err_t guard_port(struct supervisor *s, size_t index, mk_name_t *receivep)
{
    return ask(s, GUARDIAN_PORT, (uint32_t)index, MK_NAME_NULL, receivep);
}

void guard_keep(struct supervisor *s, size_t where, mk_name_t send)
{
    mk_err_t err = ask(s, GUARDIAN_KEEP, (uint32_t)where, send, NULL);
    if (err)
        mk_log("the guardian does not keep a right: %s", mk_err_text(err));
}

mk_err_t guard_kept(struct supervisor *s, size_t where, mk_name_t *sendp)
{
    return ask(s, GUARDIAN_KEPT, (uint32_t)where, MK_NAME_NULL, sendp);
}

void guard_set_going(struct supervisor *s, bool is_going)
{
    mk_err_t err = ask(s, GUARDIAN_GOING, is_going ? GUARDIAN_GOES_ON : GUARDIAN_RESTS, MK_NAME_NULL, NULL);
    if (err)
        mk_log("the guardian cannot be told: %s", mk_err_text(err));
    else
        s->is_going = is_going;
}

/* ---- memory ---- */

static size_t group_life_size(const struct group *group)
{
    return sizeof(struct group_life) + group->intensity * sizeof(mk_time_t);
}

static size_t life_size(const struct supervisor *s)
{
    size_t size = sizeof(struct life) + s->nr_jobs * sizeof(struct job_life);
    for (size_t i = 0; i < s->nr_groups; i++)
        size += group_life_size(&s->groups[i]);
    return (size + mk_page_size() - 1) / mk_page_size() * mk_page_size();
}

static void lay_out(struct supervisor *s, char *at)
{
    s->life = (struct life *)(void *)at;
    at += sizeof(struct life);
    for (size_t i = 0; i < s->nr_jobs; i++, at += sizeof(struct job_life))
        s->jobs[i].life = (struct job_life *)(void *)at;
    for (size_t i = 0; i < s->nr_groups; at += group_life_size(&s->groups[i]), i++)
        s->groups[i].life = (struct group_life *)(void *)at;
}

mk_err_t guard_map(struct supervisor *s, size_t which, size_t size, void **atp)
{
    uint64_t body[2] = {which, size};
    struct mk_msg_right right;
    struct mk_msg msg = {.id = GUARDIAN_MEMORY,
                         .body = body,
                         .size = sizeof(body),
                         .capacity = sizeof(body),
                         .rights = &right,
                         .max_rights = 1};
    mk_vaddr_t at = 0;
    mk_err_t err = mk_call(s->guardian, &msg, MK_TIME_FOREVER);
    if (!err)
        err = msg.status;
    if (err)
        return err;
    const struct mk_vm_map how = {.memory = right.name, .size = size, .prot = MK_PROT_READ | MK_PROT_WRITE};
    err = mk_vm_map(mk_task_self(), &how, &at);
    release(right.name);
    *atp = (void *)at;
    return err;
}

mk_err_t guard_map_life(struct supervisor *s, size_t *sizep)
{
    void *at;
    *sizep = life_size(s);
    mk_err_t err = guard_map(s, 0, *sizep, &at);
    if (!err)
        lay_out(s, at);
    return err;
}
