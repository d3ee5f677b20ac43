/* SPDX-License-Identifier: BSD-2-Clause */
/* Which scheduling policy, and what threads declare to it: the entries of <mk/policy.h>. */
#include "sys/sys.h"

#include "kern/policy.h"
#include "policy/find.h"

#define PATH_SIZE 4096

mk_err_t mk_machine_use_policy(mk_name_t control, const char *user_name)
{
    ENTER(cpu, self);
    (void)self;
    struct port *port;
    const struct mk_policy *policy = NULL;
    char *name = kmem_alloc(&cpu->machine->kmem, PATH_SIZE);
    mk_err_t err = name ? object_find(cpu, control, MK_OBJECT_MACHINE, &port) : MK_E_NO_MEMORY;
    if (!err)
        err = user_name ? string_in(name, user_name, PATH_SIZE) : MK_E_BAD_ADDRESS;
    char why[POLICY_WHY_SIZE] = "";
    if (!err)
        err = policy_find(name, &policy, why, sizeof(why));
    if (why[0])
        machine_log(cpu->machine, "%s", why);
    if (!err)
        err = policy_set(cpu, policy);
    kmem_free(&cpu->machine->kmem, name, PATH_SIZE);
    return leave(cpu, err);
}

mk_err_t mk_thread_set_sched(mk_name_t name, const struct mk_sched_params *user_params)
{
    ENTER(cpu, self);
    struct thread *thread;
    struct mk_sched_params params;
    mk_err_t err = thread_find(cpu, name, &thread);
    if (!err && !user_get(&params, user_params, sizeof(params)))
        err = MK_E_BAD_ADDRESS;
    if (!err && !policy_params_are_good(&params))
        err = MK_E_BAD_ARGUMENT;
    if (!err && !policed_ensure(cpu, thread, cpu->policy))
        err = MK_E_NO_MEMORY;
    if (!err)
        err = policy_declare(cpu, thread, &params);
    if (err || thread != self)
        return leave(cpu, err);
    kernel_close_all(cpu); /* it may be about to wait: it keeps the CPU until its next call */
    return MK_OK;
}
