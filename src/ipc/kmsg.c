/* SPDX-License-Identifier: BSD-2-Clause */
/* Messages inside the kernel. */
#include "ipc/ipc.h"

#include "vm/copy.h"

static size_t kmsg_bytes(uint32_t nr_rights, uint32_t size)
{
    return sizeof(struct kmsg) + nr_rights * sizeof(struct ref) + size;
}

struct kmsg *kmsg_create(struct mk_machine *machine, uint32_t nr_rights, uint32_t size)
{
    struct kmsg *kmsg = kmem_alloc(&machine->kmem, kmsg_bytes(nr_rights, size));
    if (!kmsg)
        return NULL;
    kmsg->number = 0;
    kmsg->badge = 0;
    kmsg->id = 0;
    kmsg->status = MK_OK;
    kmsg->reply.type = 0;
    kmsg->size = kmsg->max_size = size;
    kmsg->nr_rights = kmsg->max_rights = (uint16_t)nr_rights;
    kmsg->nr_memories = 0;
    kmsg->memories = NULL;
    machine->nr_messages++;
    return kmsg;
}

void kmsg_free(struct mk_machine *machine, struct kmsg *kmsg)
{
    machine->nr_messages--;
    if (kmsg->memories)
        kmem_free(&machine->kmem, kmsg->memories, MK_MEMORIES_MAX * sizeof(*kmsg->memories));
    kmem_free(&machine->kmem, kmsg, kmsg_bytes(kmsg->max_rights, kmsg->max_size));
}

void kmsg_destroy(struct mk_machine *machine, struct kmsg *kmsg)
{
    ref_drop(machine, kmsg->reply);
    for (uint32_t i = 0; i < kmsg->nr_rights; i++)
        ref_drop(machine, kmsg->rights[i]);
    for (uint32_t i = 0; i < kmsg->nr_memories; i++)
        vm_copy_destroy(machine, &kmsg->memories[i]);
    kmsg_free(machine, kmsg);
}
