/* SPDX-License-Identifier: BSD-2-Clause */
/* Arguments from bytes; see fuzz_ipc_decode.c. */
#include "fuzz_ipc_pick.h"

/* ---- bytes ---- */

static uint64_t mix(uint64_t *state)
{
    uint64_t x = *state += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

bool input_is_over(const struct world *w)
{
    return w->input.at >= w->input.size;
}

uint8_t next_byte(struct world *w)
{
    struct input *in = &w->input;
    if (input_is_over(w))
        return 0;
    in->at++;
    return in->random ? (uint8_t)(mix(&in->random) >> 56) : in->data[in->at - 1];
}

/* ---- names ---- */

static uint32_t kinds_of(const struct world *w, const struct name *n)
{
    if (n->type == RIGHT_REPLY)
        return name_is_dead(w, n) ? MK_RIGHT_DEAD_NAME : PICK_REPLY;
    if (n->type == MK_RIGHT_PORT_SET)
        return MK_RIGHT_PORT_SET;
    const struct port *p = &w->ports[n->port];
    uint32_t dead = p->is_dead ? MK_RIGHT_DEAD_NAME : 0;
    if (p->kind == KIND_TASK || p->kind == KIND_THREAD)
        return dead | (p->kind == KIND_TASK ? PICK_TASK : PICK_THREAD);
    if (p->kind == KIND_EVENT)
        return dead | (n->type & MK_RIGHT_RECEIVE ? PICK_EVENT : 0) | (n->type & MK_RIGHT_SEND ? PICK_SIGNAL : 0);
    return dead ? dead : n->type;
}

static mk_name_t pick_live(const struct world *w, unsigned task, uint32_t kinds, unsigned k)
{
    const struct space *space = w->tasks[task].space;
    uint16_t fits[NR_NAMES];
    unsigned n = 0;
    for (unsigned i = 0; i < space->nr; i++)
        if (kinds_of(w, &space->names[i]) & kinds)
            fits[n++] = (uint16_t)i;
    if (n)
        return space->names[fits[k % n]].name;
    return space->nr ? space->names[k % space->nr].name : MK_NAME_NULL;
}

mk_name_t pick(struct world *w, unsigned task, uint32_t kinds)
{
    uint8_t b = next_byte(w);
    const struct space *space = w->tasks[task].space;
    if (b < 236)
        return pick_live(w, task, kinds, b);
    if (b < 244)
        return pick_live(w, task, ~0u, next_byte(w));
    if (b < 248)
        return space->nr_stale ? space->stale[next_byte(w) % (space->nr_stale < NR_STALE ? space->nr_stale : NR_STALE)]
                               : MK_NAME_NULL;
    if (b < 251)
        return pick_live(w, b % NR_TASKS, kinds, next_byte(w));
    if (b == 251)
        return MK_NAME_NULL;
    if (b == 252)
        return MK_NAME_DEAD;
    return (mk_name_t)next_byte(w) << 21 | next_byte(w);
}

/* ---- other arguments ---- */

uint8_t pick_pointer(uint8_t b)
{
    return b < 253 ? POINTER_GOOD : b < 254 ? POINTER_NULL : b < 255 ? POINTER_UNMAPPED : POINTER_READ_ONLY;
}

mk_time_t pick_deadline(struct world *w)
{
    static const mk_time_t steps[] = {1, 2, 10, 100, 100, 1000, 1000000, 3600 * MK_SEC};
    uint8_t b = next_byte(w);
    if (b < 110)
        return MK_TIME_FOREVER;
    if (b < 180)
        return MK_TIME_POLL;
    if (b < 245)
        return w->now + steps[b % 8];
    return b < 250 ? (w->now > 2 ? w->now / 2 : 1) : b < 253 ? MK_TIME_FOREVER - 1 : -(mk_time_t)b;
}

uint32_t pick_size(struct world *w)
{
    static const uint32_t sizes[] = {0, 1, 8, 16, 17, 32, 63, 64, 65, 128, 255, 256, 512, 1000, 4095, 4096};
    uint8_t b = next_byte(w);
    if (b < 254)
        return sizes[b % 16];
    b = next_byte(w);
    return b < 192 ? 8192 : b < 240 ? MK_BODY_MAX + 1 : b < 248 ? 65537 : MK_BODY_MAX;
}

uint64_t pick_badge(struct world *w)
{
    static const uint64_t badges[] = {0, 0, 0, 1, 2, 3, UINT64_MAX - 1, MK_BADGE_KERNEL};
    uint8_t b = next_byte(w);
    return badges[b < 250 ? b % 7 : 7];
}

/* What a name should be for each disposition. */
static const uint32_t disposition_kinds[] = {MK_RIGHT_RECEIVE | PICK_EVENT,
                                             MK_RIGHT_SEND | PICK_TASK | PICK_THREAD | PICK_SIGNAL,
                                             PICK_ANSWER,
                                             MK_RIGHT_SEND | PICK_TASK | PICK_THREAD | PICK_SIGNAL,
                                             MK_RIGHT_RECEIVE | PICK_EVENT,
                                             MK_RIGHT_RECEIVE | PICK_EVENT};

uint32_t pick_disposition(struct world *w)
{
    uint8_t b = next_byte(w);
    return b < 252 ? MK_MOVE_RECEIVE + b % 6u : b;
}

uint32_t kinds_for(uint32_t how)
{
    return how >= MK_MOVE_RECEIVE && how <= MK_MAKE_SEND_ONCE ? disposition_kinds[how - MK_MOVE_RECEIVE] : ~0u;
}
