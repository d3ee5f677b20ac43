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
    mk_name_t waiter; /* for this count */
    uint64_t awaited;
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
    if (s->waiter && s->count >= s->awaited) {
        struct mk_msg late = {.body = msg->body, .size = msg->size, .reply = s->waiter};
        s->waiter = mk_reply(&late) == MK_OK ? MK_NAME_NULL : s->waiter;
    }
    return MK_OK;
}

static mk_err_t wait_for_count(void *arg, struct mk_msg *msg)
{
    struct state *s = arg;
    if (s->waiter)
        return MK_E_BAD_STATE;
    memcpy(&s->awaited, msg->body, sizeof(s->awaited));
    s->waiter = msg->reply;
    return MK_SERVER_DEFER;
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

static mk_err_t end(void *arg, struct mk_msg *msg)
{
    (void)arg, (void)msg;
    (void)!mk_time_sleep(mk_time_now() + MK_MSEC);
    mk_task_exit(3);
}

static mk_err_t look(void *arg, struct mk_msg *msg)
{
    char name[MK_SERVICE_MAX];
    mk_name_t send;
    (void)arg;
    if (msg->size >= sizeof(name))
        return MK_E_TOO_LONG;
    memcpy(name, msg->body, msg->size);
    name[msg->size] = '\0';
    msg->size = 0;
    if (*name == '+')
        return mk_name_register(name + 1, mk_task_self());
    mk_err_t err = mk_name_lookup(name, MK_TIME_POLL, &send);
    return err ? err : mk_right_release(send);
}

#ifndef CANNOT
static mk_err_t save(void *arg, struct mk_state *out)
{
    struct state *s = arg;
    const struct mk_msg wait = {
        .id = VERSIONED_WAIT, .body = &s->awaited, .size = sizeof(s->awaited), .reply = s->waiter};
    if (s->waiter && mk_server_put_back(mk_server_port(), &wait) != MK_OK)
        return MK_E_BAD_STATE;
    s->waiter = MK_NAME_NULL;
    const uint32_t has_kept = s->kept != MK_NAME_NULL;
    (void)mk_state_put(out, &s->count, sizeof(s->count));
    (void)mk_state_put(out, &has_kept, sizeof(has_kept));
    if (has_kept)
        (void)mk_state_put_right(out, s->kept);
    return mk_state_put_memory(out, s->piece, PIECE_SIZE);
}

static mk_err_t restore(void **statep, struct mk_state *in)
{
    uint32_t has_kept;
    void *piece;
    size_t size;
#ifdef REFUSES
    return MK_E_BAD_ARGUMENT;
#endif
#ifdef HANGS
    (void)!mk_time_sleep(MK_TIME_FOREVER);
#endif
#if defined(CRASHES) && CRASHES == 1
    crash();
#endif
    (void)mk_state_get(in, &state.count, sizeof(state.count));
    (void)mk_state_get(in, &has_kept, sizeof(has_kept));
    if (has_kept)
        (void)mk_state_get_right(in, MK_RIGHT_SEND, &state.kept);
    mk_err_t err = mk_state_get_memory(in, &piece, &size);
    if (!err && size != PIECE_SIZE)
        return MK_E_BAD_ARGUMENT;
    state.piece = piece;
    state.is_restored = true;
    *statep = &state;
    return err;
}
#endif

static const struct mk_server_op ops[] = {
    {VERSIONED_COUNT, 0, count}, {VERSIONED_KEEP, 0, keep}, {VERSIONED_KEPT, 0, kept},
    {VERSIONED_LOOK, 1, look},   {VERSIONED_END, 0, end},   {VERSIONED_WAIT, sizeof(uint64_t), wait_for_count},
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
