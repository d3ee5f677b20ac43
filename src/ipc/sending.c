/* SPDX-License-Identifier: BSD-2-Clause */
/* The sender's half of a message: steps 1, decode, and 3, commit; see send.c. */
#include "ipc/sending.h"

#include "kern/sched.h"

/* ---- (1) decode ---- */

static mk_err_t check_header(const struct mk_msg *header)
{
    return header->size > MK_BODY_MAX || header->nr_rights > MK_RIGHTS_MAX || header->nr_memories > MK_MEMORIES_MAX
               ? MK_E_MSG_TOO_LARGE
               : MK_OK;
}

/* User references of names[i] that entries before i take. A moved receive right counts as all. */
static uint32_t promised_before(const struct mk_msg_right *rights, uint32_t i)
{
    uint32_t n = 0;
    bool is_move = rights[i].how == MK_MOVE_SEND || rights[i].how == MK_MOVE_SEND_ONCE;
    for (uint32_t j = 0; j < i; j++) {
        if (rights[j].name != rights[i].name)
            continue;
        if (rights[j].how == MK_MOVE_SEND || rights[j].how == MK_MOVE_SEND_ONCE)
            n += is_move || rights[i].how == MK_COPY_SEND;
        else if (rights[j].how == MK_MOVE_RECEIVE)
            n += !is_move && rights[i].how != MK_COPY_SEND ? MK_USER_REFS_MAX : 0;
    }
    return n;
}

/* A receive right must not come to wait in its own queue, however many ports lie between. */
static bool is_circular(const struct port *moved, const struct port *dest)
{
    for (const struct port *p = dest; p; p = p->space || p->object_kind ? NULL : p->transit)
        if (p == moved)
            return true;
    return false;
}

static mk_err_t check_right(struct space *space, struct sending *s, uint32_t i, const struct port *dest)
{
    const struct mk_msg_right *right = &s->rights[i];
    if (right->name == MK_NAME_NULL)
        return right->how >= MK_MOVE_RECEIVE && right->how <= MK_MAKE_SEND_ONCE ? MK_OK : MK_E_BAD_ARGUMENT;
    mk_err_t err = ref_check(space, right->name, right->how, promised_before(s->rights, i));
    if (!err && right->how == MK_MOVE_RECEIVE)
        s->is_circular |= is_circular(space_lookup(space, right->name)->port, dest);
    return err;
}

/* The reply right of mk_send: made from a receive right, or a send-once right that is moved. */
static mk_err_t check_reply(struct sending *s)
{
    struct space *space = s->sender->space;
    s->reply_how = 0;
    if (s->header.reply == MK_NAME_NULL)
        return MK_OK;
    const struct entry *entry = space_lookup(space, s->header.reply);
    if (!entry)
        return MK_E_BAD_NAME;
    s->reply_how = entry->type & MK_RIGHT_RECEIVE ? MK_MAKE_SEND_ONCE : MK_MOVE_SEND_ONCE;
    for (uint32_t i = 0; i < s->header.nr_rights; i++)
        if (s->rights[i].name == s->header.reply && s->rights[i].how == MK_MOVE_SEND_ONCE)
            return MK_E_BAD_RIGHT;
    if (s->reply_how == MK_MOVE_SEND_ONCE && s->header.reply == s->dest_name)
        return MK_E_BAD_RIGHT;
    return ref_check(space, s->header.reply, s->reply_how, 0);
}

static bool overlap(const struct mk_msg_memory *a, const struct mk_msg_memory *b)
{
    return (uintptr_t)a->address < (uintptr_t)b->address + b->size &&
           (uintptr_t)b->address < (uintptr_t)a->address + a->size;
}

static mk_err_t check_moves(struct map *map, const struct sending *s)
{
    for (uint32_t i = 0; i < s->header.nr_memories; i++) {
        const struct mk_msg_memory *memory = &s->memories[i];
        if (memory->how != MK_MEMORY_MOVE)
            continue;
        mk_err_t err = map_check_move(map, memory->address, memory->size);
        for (uint32_t j = 0; j < i && !err; j++)
            if (s->memories[j].how == MK_MEMORY_MOVE && overlap(memory, &s->memories[j]))
                err = MK_E_BAD_ADDRESS;
        if (err)
            return err;
    }
    return MK_OK;
}

mk_err_t sending_check_load(struct sending *s, const struct port *port)
{
    struct space *space = s->sender->space;
    s->is_circular = false;
    for (uint32_t i = 0; i < s->header.nr_rights; i++) {
        if (s->rights[i].name == s->dest_name && s->dest_name && s->rights[i].how == MK_MOVE_SEND_ONCE)
            return MK_E_BAD_RIGHT;
        mk_err_t err = check_right(space, s, i, port);
        if (err)
            return err;
    }
    return s->header.nr_memories ? check_moves(s->sender->task->map, s) : MK_OK;
}

mk_err_t sending_check(struct sending *s)
{
    struct entry *entry = space_lookup(s->sender->space, s->dest_name);
    if (!entry)
        return s->dest_name == MK_NAME_DEAD ? MK_E_DEAD : MK_E_BAD_NAME;
    if (!(entry->type & (MK_RIGHT_SEND | MK_RIGHT_SEND_ONCE | ENTRY_REPLY)))
        return MK_E_BAD_RIGHT;
    const struct port *port = entry->type == ENTRY_REPLY ? NULL : entry->port;
    s->dest = entry;
    if (port && !port_takes_messages(port) && !port->is_dead)
        return MK_E_BAD_RIGHT; /* the kernel's own ports and event ports take no messages */
    mk_err_t err = sending_check_load(s, port);
    if (!err && s->with_reply)
        err = check_reply(s);
    return !err && entry_is_dead(entry) ? MK_E_DEAD : err;
}

/* The copies among the message's memory are made now. */
static mk_err_t copy_memories(struct cpu *cpu, struct sending *s)
{
    struct kmsg *kmsg = s->kmsg;
    if (!user_get(s->memories, s->header.memories, s->header.nr_memories * sizeof(s->memories[0])))
        return MK_E_BAD_ADDRESS;
    kmsg->memories = kmem_zalloc(&cpu->machine->kmem, KMSG_MEMORIES_BYTES);
    if (!kmsg->memories)
        return MK_E_NO_MEMORY;
    for (uint32_t i = 0; i < s->header.nr_memories; i++) {
        const struct mk_msg_memory *memory = &s->memories[i];
        if (memory->size == 0 || (memory->how != MK_MEMORY_COPY && memory->how != MK_MEMORY_MOVE))
            return MK_E_BAD_ARGUMENT;
        if (memory->how == MK_MEMORY_MOVE)
            continue;
        mk_err_t err = vm_copy_create(cpu, memory->address, memory->size, &kmsg->memories[i]);
        if (err)
            return err;
    }
    return MK_OK;
}

void sending_cancel(struct cpu *cpu, struct sending *s)
{
    for (uint32_t i = 0; s->kmsg->memories && i < s->header.nr_memories; i++)
        vm_copy_destroy(cpu->machine, &s->kmsg->memories[i]);
    kmsg_free(cpu->machine, s->kmsg);
}

mk_err_t sending_begin(struct cpu *cpu, mk_name_t dest, const struct mk_msg *msg, struct sending *s)
{
    if (!user_get(&s->header, msg, sizeof(s->header)))
        return MK_E_BAD_ADDRESS;
    mk_err_t err = check_header(&s->header);
    if (err)
        return err;
    uint32_t nr_rights = s->header.nr_rights;
    s->dest_name = dest;
    s->sender = cpu->current;
    s->reply_how = 0;
    s->with_reply = s->is_call = s->is_sent = s->is_circular = false;
    if (!user_get(s->rights, s->header.rights, nr_rights * sizeof(s->rights[0])))
        return MK_E_BAD_ADDRESS;
    s->kmsg = kmsg_create(cpu->machine, nr_rights, (uint32_t)s->header.size);
    if (!s->kmsg)
        return MK_E_NO_MEMORY;
    s->kmsg->nr_rights = 0;
    if (!user_get(kmsg_body(s->kmsg), s->header.body, s->header.size))
        err = MK_E_BAD_ADDRESS;
    else if (s->header.nr_memories)
        err = copy_memories(cpu, s);
    if (err) {
        sending_cancel(cpu, s);
        return err;
    }
    s->kmsg->id = s->header.id;
    s->kmsg->status = s->header.status;
    kernel_charge(cpu, cpu->copy_cost * (mk_time_t)((s->header.size + 63) / 64) +
                           cpu->machine->costs.right * (mk_time_t)(nr_rights + s->header.nr_memories));
    return MK_OK;
}

/* ---- (3) commit ---- */

void sending_commit_memory(struct sending *s)
{
    for (uint32_t i = 0; i < s->header.nr_memories; i++)
        if (s->memories[i].how == MK_MEMORY_MOVE)
            map_move(s->sender->task->map, s->memories[i].address, s->memories[i].size, &s->kmsg->memories[i]);
    s->kmsg->nr_memories = s->header.nr_memories;
}

void sending_commit_rights(struct sending *s, struct port *dest)
{
    struct space *space = s->sender->space;
    struct kmsg *kmsg = s->kmsg;
    if (s->reply_how) /* first: a receive right it is made from may travel in the same message */
        kmsg->reply = ref_take(space, s->header.reply, s->reply_how);
    for (uint32_t i = 0; i < s->header.nr_rights; i++) {
        const struct mk_msg_right *right = &s->rights[i];
        kmsg->rights[i] = right->name ? ref_take(space, right->name, right->how) : (struct ref){0};
        if (kmsg->rights[i].type == MK_RIGHT_RECEIVE)
            kmsg->rights[i].port->transit = dest;
    }
    kmsg->nr_rights = (uint16_t)s->header.nr_rights;
}
