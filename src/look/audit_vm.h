/* SPDX-License-Identifier: BSD-2-Clause */
/* Do frames, pages, slots and references of virtual memory add up? */
#ifndef LOOK_AUDIT_VM_H
#define LOOK_AUDIT_VM_H

#include "vm/vm.h"

/* `complain` is called for each thing that does not. */
void vm_audit(struct vm *vm, void (*complain)(void *arg, const char *what, uint64_t id, uint64_t found, uint64_t kept),
              void *arg);

#endif
