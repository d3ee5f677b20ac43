/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Built several times: VERSION is its number. REFUSES: restore says no. HANGS: it waits for ever. CRASHES: 1 in
 * restore, 2 at the first message
 * after it, 3 at the third. CANNOT: there is no save and no restore.
 */
#include <mk/mk.h>

#include <stdlib.h>
#include <string.h>

#include "versioned.h"

#define PIECE_SIZE 70000 /* travels outside the body */

struct state {
    uint64_t count;
    uint8_t *piece;
    mk_name_t kept;
    unsigned nr_messages; /* since the restore */
    bool is_restored;
};

static struct state state;

#ifdef CRASHES
static void crash(void)
{
    int *volatile nowhere = NULL;
    *(volatile int *)nowhere = 1;
}
#endif

static uint32_t sum(const uint8_t *bytes)
{
    uint32_t s = 0;
    for (size_t i = 0; i < PIECE_SIZE; i += 499)
        s = s * 31 + bytes[i];
    return s;
}

static mk_err_t start(void **statep)
{
    *statep = &state;
    if (mk_server_port() != mk_task_service())
        return MK_E_BAD_STATE;
    if (mk_vm_allocate(mk_task_self(), PIECE_SIZE, (mk_vaddr_t *)&state.piece) != MK_OK)
        return MK_E_NO_MEMORY;
    for (size_t i = 0; i < PIECE_SIZE; i++)
        state.piece[i] = (uint8_t)(i * 7);
    return MK_OK;
}

static mk_err_t count(void *arg, struct mk_msg *msg)
{
    struct state *s = arg;
#ifdef CRASHES
    if (s->is_restored && ++s->nr_messages == (CRASHES == 2 ? 1 : 3))
        crash();
#endif
    const struct versioned_count answer = {.version = VERSION, .sum = sum(s->piece), .count = ++s->count};
    memcpy(msg->body, &answer, sizeof(answer));
    msg->size = sizeof(answer);
    return MK_OK;
}

static mk_err_t keep(void *arg, struct mk_msg *msg)
{
    struct state *s = arg;
    msg->size = 0;
    if (msg->nr_rights != 1 || msg->rights[0].how != MK_RIGHT_SEND)
        return MK_E_BAD_ARGUMENT;
    s->kept = msg->rights[0].name;
    msg->nr_rights = 0;
    return MK_OK;
}

static mk_err_t kept(void *arg, struct mk_msg *msg)
{
    const struct state *s = arg;
    msg->rights[0] = (struct mk_msg_right){.name = s->kept, .how = MK_COPY_SEND};
    msg->nr_rights = s->kept ? 1 : 0;
    msg->size = 0;
    return MK_OK;
}

#ifndef CANNOT
static mk_err_t save(void *arg, struct mk_msg *msg)
{
    const struct state *s = arg;
    memcpy(msg->body, &s->count, sizeof(s->count));
    msg->size = sizeof(s->count);
    msg->rights[0] = (struct mk_msg_right){.name = s->kept, .how = MK_COPY_SEND};
    msg->nr_rights = s->kept ? 1 : 0;
    msg->memories[0] = (struct mk_msg_memory){.address = s->piece, .size = PIECE_SIZE, .how = MK_MEMORY_COPY};
    msg->nr_memories = 1;
    return MK_OK;
}

static mk_err_t restore(void **statep, struct mk_msg *msg)
{
#ifdef REFUSES
    return MK_E_BAD_ARGUMENT;
#endif
#ifdef HANGS
    (void)!mk_time_sleep(MK_TIME_FOREVER);
#endif
#if defined(CRASHES) && CRASHES == 1
    crash();
#endif
    if (msg->size != sizeof(state.count) || msg->nr_memories != 1 || msg->memories[0].size != PIECE_SIZE)
        return MK_E_BAD_ARGUMENT;
    memcpy(&state.count, msg->body, sizeof(state.count));
    state.kept = msg->nr_rights ? msg->rights[0].name : MK_NAME_NULL;
    state.piece = msg->memories[0].address;
    state.is_restored = true;
    msg->nr_rights = msg->nr_memories = 0;
    *statep = &state;
    return MK_OK;
}
#endif

static const struct mk_server_op ops[] = {
    {VERSIONED_COUNT, 0, count},
    {VERSIONED_KEEP, 0, keep},
    {VERSIONED_KEPT, 0, kept},
};

static const struct mk_server versioned = {
    .abi = MK_SERVER_ABI,
    .name = "versioned",
    .ops = ops,
    .nr_ops = sizeof(ops) / sizeof(ops[0]),
    .start = start,
#ifndef CANNOT
    .save = save,
    .restore = restore,
#endif
};

MK_SERVER_EXPORT(versioned);
