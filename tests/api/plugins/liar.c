/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A server whose saved state is nonsense, to be updated to one that has to refuse it. Its label is liarN or liarN-W-W:
 * the state begins with the words W, of 32 bits; what follows is drawn from the seed N, bytes, rights and memory.
 */
#include <mk/mk.h>

#include <stdlib.h>
#include <string.h>

static uint32_t seed;

static uint32_t draw(uint32_t n)
{
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % n;
}

static void put_something(struct mk_state *out)
{
    static uint8_t bytes[70000];
    static mk_name_t port;
    switch (draw(6)) {
    case 0:
        if (mk_port_create(&port) == MK_OK)
            (void)mk_state_put_right(out, port);
        break;
    case 1:
        (void)mk_state_put_right(out, mk_task_self());
        break;
    case 2:
        (void)mk_state_put_memory(out, bytes, 1 + draw(sizeof(bytes)));
        break;
    default:
        for (uint32_t n = 1 + draw(30); n > 0; n--) {
            const uint32_t word = draw(3) ? draw(5) : draw(UINT32_MAX);
            (void)mk_state_put(out, &word, 1 + draw(sizeof(word)));
        }
    }
}

static mk_err_t save(void *state, struct mk_state *out)
{
    const char *p = mk_task_label() + 4;
    char *end;
    (void)state;
    seed = (uint32_t)strtoul(p, &end, 10);
    for (p = end; *p == '-'; p = end) {
        const uint32_t word = (uint32_t)strtoul(p + 1, &end, 10);
        (void)mk_state_put(out, &word, sizeof(word));
    }
    for (uint32_t n = draw(20); n > 0; n--)
        put_something(out);
    return MK_OK;
}

static mk_err_t restore(void **statep, struct mk_state *in)
{
    (void)statep, (void)in;
    return MK_E_NOT_SUPPORTED;
}

static const struct mk_server liar = {.abi = MK_SERVER_ABI, .save = save, .restore = restore};

MK_SERVER_EXPORT(liar);
