/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Included before the source of a server: a version of it for updates that goes wrong, as BROKEN says.
 *   1 it refuses the state   2 it crashes in restore   3 it crashes when the first message of id BROKEN_ID comes
 *   4 one thing in the state that it saves is wrong, each time another: a bit, a size, or a right or memory that
 *     is not there
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

/* ---- a state that is wrong at one place ---- */

static struct {
    uint32_t seed;
    unsigned nr_puts, wrong_put; /* of the save that goes on, and which of them is wrong */
} broken_state;

BROKEN_UNUSED static uint32_t broken_draw(uint32_t n)
{
    broken_state.seed = broken_state.seed * 1664525u + 1013904223u;
    return (broken_state.seed >> 8) % n;
}

BROKEN_UNUSED static bool broken_is_here(void)
{
    return BROKEN == 4 && broken_state.nr_puts++ == broken_state.wrong_put;
}

BROKEN_UNUSED static mk_err_t broken_put(struct mk_state *out, const void *bytes, size_t size)
{
    static unsigned char wrong[MK_BODY_MAX];
    if (size == 0 || size > sizeof(wrong) || !broken_is_here())
        return mk_state_put(out, bytes, size);
    for (size_t i = 0; i < size; i++)
        wrong[i] = ((const unsigned char *)bytes)[i];
    wrong[broken_draw((uint32_t)size)] ^= (unsigned char)(1u << broken_draw(8));
    return mk_state_put(out, wrong, broken_draw(4) ? size : broken_draw((uint32_t)size));
}

BROKEN_UNUSED static mk_err_t broken_put_right(struct mk_state *out, mk_name_t name)
{
    return broken_is_here() ? mk_state_put_right(out, mk_task_self()) : mk_state_put_right(out, name);
}

BROKEN_UNUSED static mk_err_t broken_put_memory(struct mk_state *out, void *address, size_t size)
{
    return broken_is_here() ? MK_OK : mk_state_put_memory(out, address, size);
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
    if (!broken_state.seed)
        broken_state.seed = (uint32_t)mk_task_id();
    broken_state.wrong_put = broken_draw(1u << broken_draw(6));
    broken_state.nr_puts = 0;
    return broken_real->save(state, out);
}

BROKEN_UNUSED static void broken_resume(void *state)
{
    if (broken_real->resume)
        broken_real->resume(state);
}

#define mk_state_put(out, bytes, size)          broken_put(out, bytes, size)
#define mk_state_put_right(out, name)           broken_put_right(out, name)
#define mk_state_put_memory(out, address, size) broken_put_memory(out, address, size)

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
    static mk_err_t broken_start(void **statep) \
    { \
        broken_real = &(server); \
        return broken_real->start(statep); \
    } \
    static const struct mk_server broken_server = {.abi = MK_SERVER_ABI, \
                                                   .name = BROKEN_NAME, \
                                                   .start = broken_start, \
                                                   .other = broken_serve, \
                                                   .save = broken_save, \
                                                   .resume = broken_resume, \
                                                   .restore = broken_begin, \
                                                   .room = &broken_room}; \
    MK_API extern const struct mk_server *const mk_server_entry; \
    const struct mk_server *const mk_server_entry = &broken_server
#endif
