/* SPDX-License-Identifier: BSD-2-Clause */
/* Messages inside the kernel. */
#include "ipc/kmsg.h"

void kmsg_destroy(struct mk_machine *machine, struct kmsg *kmsg)
{
    if (kmsg_reply(kmsg))
        ref_drop(machine, kmsg->reply);
    for (uint32_t i = 0; i < kmsg->nr_rights; i++)
        ref_drop(machine, kmsg->rights[i]);
    for (uint32_t i = 0; i < kmsg->nr_memories; i++)
        vm_copy_destroy(machine, &kmsg->memories[i]);
    kmsg_free(machine, kmsg);
}
