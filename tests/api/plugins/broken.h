/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Included before the source of a server: a version of it for updates that goes wrong, as BROKEN says.
 *   1 it refuses the state   2 it crashes in restore   3 it crashes when the first message of id BROKEN_ID comes
 * BROKEN_MAIN: the server has a main. Else its descriptor is replaced.
 */
#include <mk/mk.h>

#define BROKEN_UNUSED __attribute__((unused)) /* in all sources of a server but one */

static const struct mk_server *broken_real;

static void broken_crash(void)
{
    int *volatile nowhere = NULL;
    *(volatile int *)nowhere = 1;
}

BROKEN_UNUSED static mk_err_t broken_restore(void **statep, struct mk_state *in)
{
    if (BROKEN == 1)
        return MK_E_BAD_ARGUMENT;
    if (BROKEN == 2)
        broken_crash();
    return broken_real->restore(statep, in);
}

BROKEN_UNUSED static mk_err_t broken_serve(void *state, struct mk_msg *msg)
{
    if (BROKEN == 3 && msg->id == BROKEN_ID)
        broken_crash();
    for (size_t i = 0; i < broken_real->nr_ops; i++)
        if (broken_real->ops[i].id == msg->id && msg->size >= broken_real->ops[i].min_size)
            return broken_real->ops[i].handle(state, msg);
    return broken_real->other ? broken_real->other(state, msg) : MK_E_MSG_ID;
}

BROKEN_UNUSED static mk_err_t broken_save(void *state, struct mk_state *out)
{
    return broken_real->save(state, out);
}

#ifdef BROKEN_MAIN
BROKEN_UNUSED static struct mk_server broken;

BROKEN_UNUSED static mk_err_t broken_take_over(const struct mk_server *server, void **statep)
{
    broken_real = server;
    broken = *server;
    broken.ops = NULL;
    broken.nr_ops = 0;
    broken.other = broken_serve;
    broken.restore = broken_restore;
    broken.save = broken_save;
    return mk_server_take_over(&broken, statep);
}

#define mk_server_take_over(server, statep)   broken_take_over(server, statep)
#define mk_server_run(server, receive, state) mk_server_run(&broken, receive, state)
#else
BROKEN_UNUSED static struct mk_server_room broken_room;

#undef MK_SERVER_EXPORT
#define MK_SERVER_EXPORT(server) \
    static mk_err_t broken_begin(void **statep, struct mk_state *in) \
    { \
        broken_real = &(server); \
        return broken_restore(statep, in); \
    } \
    static const struct mk_server broken_server = {.abi = MK_SERVER_ABI, \
                                                   .other = broken_serve, \
                                                   .save = broken_save, \
                                                   .restore = broken_begin, \
                                                   .room = &broken_room}; \
    MK_API extern const struct mk_server *const mk_server_entry; \
    const struct mk_server *const mk_server_entry = &broken_server
#endif
