/* SPDX-License-Identifier: BSD-2-Clause */
/* The ports of memory objects and their pagers: messages to pagers, and the ends of objects. */
#ifndef IPC_PAGER_H
#define IPC_PAGER_H

#include "ipc/ipc.h"
#include "vm/pager.h"

extern const struct pager_ops pager_ops;

/*
 * A memory object with its port, and a pager with a control port unless `pager_port` is NULL (anonymous; its size is
 * charged then). It lives
 * while anybody has a send right to its port, or maps it; so the caller makes one. MK_E_LIMIT_MEMORY, MK_E_NO_MEMORY.
 */
mk_err_t memory_create(struct cpu *cpu, struct port *pager_port, uint64_t cookie, size_t nr_pages,
                       struct vm_object **objectp);

/* The last send right to the object's port is gone. */
void memory_senders_gone(struct mk_machine *machine, struct port *port);
/* A port died to which pagers are told things. */
void pager_port_died(struct mk_machine *machine, const struct port *port);
/* The pager has taken a message: there may be room for what is to be evicted. */
void pager_took(struct mk_machine *machine);

/* Tell the pager that a lock is done. MK_E_NO_MEMORY, MK_E_DEAD. */
mk_err_t pager_locked(struct cpu *cpu, struct pager *pager, uint64_t offset, uint64_t size, uint32_t tag);

#endif
