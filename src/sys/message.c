/* SPDX-License-Identifier: BSD-2-Clause */
/* Entries of <mk/message.h>. A call to a server that waits already takes the short way first. */
#include "sys/sys.h"

#include "host/pages.h"
#include "ipc/fast.h"

static __attribute__((noinline)) mk_err_t send_long(mk_name_t dest, struct mk_msg *msg, mk_time_t deadline)
{
    struct cpu *host = this_cpu();
    if (likely(host) && likely(deadline >= 0) && fast_send(host, dest, msg, false))
        return MK_OK;
    ENTER_AS(cpu, self, "mk_send", msg, dest);
    (void)self;
    return leave(cpu, deadline < 0 ? MK_E_BAD_ARGUMENT : ipc_send(cpu, dest, msg, deadline));
}

mk_err_t mk_send(mk_name_t dest, struct mk_msg *msg, mk_time_t deadline)
{
    struct cpu *cpu = this_cpu();
    return likely(cpu) && likely(deadline >= 0) && likely(fast_send(cpu, dest, msg, true))
               ? MK_OK
               : send_long(dest, msg, deadline);
}

static __attribute__((noinline)) mk_err_t receive_long(mk_name_t receive, struct mk_msg *msg, mk_time_t deadline)
{
    struct cpu *host = this_cpu();
    if (likely(host) && likely(deadline >= 0) && fast_receive(host, receive, msg, false))
        return MK_OK;
    ENTER_AS(cpu, self, "mk_receive", msg, receive);
    (void)self;
    return leave(cpu, deadline < 0 ? MK_E_BAD_ARGUMENT : ipc_receive(cpu, receive, msg, deadline));
}

mk_err_t mk_receive(mk_name_t receive, struct mk_msg *msg, mk_time_t deadline)
{
    struct cpu *cpu = this_cpu();
    return likely(cpu) && likely(deadline >= 0) && likely(fast_receive(cpu, receive, msg, true))
               ? MK_OK
               : receive_long(receive, msg, deadline);
}

/*
 * mk_call and mk_reply_receive begin in assembly (switch.S), which calls these:
 * the stack pointer of the thread to go on with, or NULL and the result.
 * `frame` is where the caller's registers are saved.
 */
struct door_result call_entry(mk_name_t dest, struct mk_msg *msg, mk_time_t deadline, void *frame);
struct door_result reply_receive_entry(mk_name_t receive, struct mk_msg *msg, mk_time_t deadline, void *frame);
mk_err_t call_resumed(void);

static __attribute__((noinline)) mk_err_t call_long(mk_name_t dest, struct mk_msg *msg, mk_time_t deadline)
{
    ENTER_AS(cpu, self, "mk_call", msg, dest);
    (void)self;
    return leave(cpu, deadline < 0 ? MK_E_BAD_ARGUMENT : ipc_call(cpu, dest, msg, deadline));
}

struct door_result call_entry(mk_name_t dest, struct mk_msg *msg, mk_time_t deadline, void *frame)
{
    struct cpu *cpu = this_cpu();
    if (likely(cpu) && likely(deadline == MK_TIME_FOREVER)) {
        void *sp = fast_call(cpu, dest, msg, frame);
        if (likely(sp))
            return (struct door_result){sp, MK_OK};
    }
    return (struct door_result){NULL, call_long(dest, msg, deadline)};
}

static __attribute__((noinline)) mk_err_t reply_receive_long(mk_name_t receive, struct mk_msg *msg, mk_time_t deadline)
{
    ENTER_AS(cpu, self, "mk_reply_receive", msg, receive);
    (void)self;
    return leave(cpu, deadline < 0 ? MK_E_BAD_ARGUMENT : ipc_reply_receive(cpu, receive, msg, deadline));
}

struct door_result reply_receive_entry(mk_name_t receive, struct mk_msg *msg, mk_time_t deadline, void *frame)
{
    struct cpu *cpu = this_cpu();
    if (likely(cpu) && likely(deadline == MK_TIME_FOREVER)) {
        void *sp = fast_reply_receive(cpu, receive, msg, frame);
        if (likely(sp))
            return (struct door_result){sp, MK_OK};
    }
    return (struct door_result){NULL, reply_receive_long(receive, msg, deadline)};
}

/* A thread that waited at the door was woken the long way. */
mk_err_t call_resumed(void)
{
    struct cpu *cpu = this_cpu();
    struct thread *self = cpu->current;
    mk_err_t err = self->wait_status;
    if (unlikely(err == MK_LATE))
        err = call_take_late(cpu);
    if (unlikely(err == MK_RETRY)) { /* woken to look again; a name that is gone went during the wait */
        do
            err = ipc_receive(cpu, self->door_name, self->msg, MK_TIME_FOREVER);
        while (err == MK_E_BAD_ADDRESS && vm_wait_missing(cpu, &err));
        if (err == MK_E_BAD_NAME || err == MK_E_BAD_RIGHT)
            err = MK_E_DEAD;
    }
    return leave_with(cpu, err);
}

mk_err_t mk_reply(struct mk_msg *msg)
{
    ENTER_AS(cpu, self, __func__, msg, MK_NAME_NULL);
    (void)self;
    return leave(cpu, ipc_reply(cpu, msg));
}

/* Element i of a user's array, which may be anywhere. */
static const void *user_element(const void *array, size_t i, size_t size)
{
    return (const void *)((uintptr_t)array + i * size);
}

/* An element as it is, also when its page is missing: what was dropped already is not dropped again. */
static bool load_element(struct cpu *cpu, void *to, const void *array, size_t i, size_t size)
{
    mk_err_t err = MK_E_BAD_ADDRESS;
    bool is_loaded;
    do
        is_loaded = user_get(to, user_element(array, i, size), size);
    while (!is_loaded && vm_wait_missing(cpu, &err));
    return is_loaded;
}

/* Rights as they were received; what was made ready for sending is left alone. */
static void drop_rights(struct cpu *cpu, const struct mk_msg *m)
{
    struct space *space = cpu->current->space;
    for (uint32_t i = 0; i < m->nr_rights && i < MK_RIGHTS_MAX; i++) {
        struct mk_msg_right right;
        if (!load_element(cpu, &right, m->rights, i, sizeof(right)))
            break;
        struct entry *entry = space_lookup(space, right.name);
        if (!entry || entry->type == MK_RIGHT_PORT_SET)
            continue;
        if (right.how == MK_RIGHT_RECEIVE && entry->type & MK_RIGHT_RECEIVE)
            port_destroy(cpu->machine, entry_take_receive(space, entry));
        else if ((right.how == MK_RIGHT_SEND || right.how == MK_RIGHT_SEND_ONCE) &&
                 entry->type & ~(unsigned)MK_RIGHT_RECEIVE)
            entry_release(space, entry);
    }
}

static void drop_memories(struct cpu *cpu, const struct mk_msg *m)
{
    struct map *map = cpu->current->task->map;
    size_t page = host_page_size();
    for (uint32_t i = 0; i < m->nr_memories && i < MK_MEMORIES_MAX; i++) {
        struct mk_msg_memory memory;
        if (!load_element(cpu, &memory, m->memories, i, sizeof(memory)))
            break;
        uintptr_t start = (uintptr_t)memory.address, offset = start % page;
        if (memory.how == 0 && memory.size > 0 && memory.size <= WINDOW_SIZE)
            map_deallocate(map, start - offset, round_up(offset + memory.size, page));
    }
}

static bool store_nothing(struct mk_msg *msg, bool with_reply)
{
    return user_store_u32(MSG_FIELD(msg, nr_rights), 0) && user_store_u32(MSG_FIELD(msg, nr_memories), 0) &&
           (!with_reply || user_store_u32(MSG_FIELD(msg, reply), MK_NAME_NULL));
}

static void discard(struct mk_msg *msg, bool with_reply)
{
    struct mk_msg m;
    struct cpu *cpu = kernel_enter();
    if (!cpu)
        return;
    if (msg && load_element(cpu, &m, msg, 0, sizeof(m))) {
        drop_rights(cpu, &m);
        drop_memories(cpu, &m);
        struct entry *reply = space_lookup(cpu->current->space, m.reply);
        if (with_reply && reply && reply->type & (MK_RIGHT_SEND_ONCE | ENTRY_REPLY))
            entry_release(cpu->current->space, reply);
        mk_err_t err = MK_E_BAD_ADDRESS;
        while (!store_nothing(msg, with_reply) && vm_wait_missing(cpu, &err))
            ;
    }
    kernel_leave(cpu);
}

void mk_msg_discard(struct mk_msg *msg)
{
    discard(msg, true);
}

void mk_msg_drop_rights(struct mk_msg *msg)
{
    discard(msg, false);
}
