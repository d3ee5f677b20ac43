/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Page faults. The life of one (ARCHITECTURE.md tells it with these numbers):
 *   (1) the host's trap enters the kernel on the trap stack (host/trap.c, sys/boot.c);
 *   (2) map and region are found, and the access is checked;
 *   (3) the page is found along the chain of shadows;
 *   (4) what is missing is got: a frame, by evicting another page if need be; zeros, a copy, or the contents from
 *       the store or the pager, for which the thread waits;
 *   (5) the page is opened in the window, and the access is done again.
 */
#ifndef VM_FAULT_H
#define VM_FAULT_H

#include "vm/vm.h"

mk_err_t vm_init(struct mk_machine *machine, const struct page_policy *policy, const struct pager_ops *ops);
void vm_finish(struct mk_machine *machine);

/*
 * Steps 2 to 5 for one access, without waiting. MK_OK: do it again. MK_E_WOULD_BLOCK: a page or a frame is on its way,
 * wait with vm_wait. MK_E_BAD_ADDRESS: nothing is there, or it must not be accessed like this. MK_E_DEAD: its pager
 * is gone. MK_E_IO: the pager does not have it. MK_E_LIMIT_MEMORY, MK_E_LIMIT_HOST, MK_E_NO_MEMORY.
 */
mk_err_t vm_fault(struct cpu *cpu, uintptr_t addr, bool is_write);

/*
 * The same, and wait as long as it takes. MK_E_TIMED_OUT: the pager did not answer in time; MK_E_ABORTED: the wait was
 * aborted.
 */
mk_err_t vm_fault_in(struct cpu *cpu, uintptr_t addr, bool is_write);

/* What it held while it waited. */
void vm_thread_ended(struct cpu *cpu, struct thread *thread);

/*
 * An access of the kernel to a page that is on its way, or to nothing at `addr` 0 when a frame was missing: the kernel
 * call fails with what is returned here, MK_E_BAD_ADDRESS, and vm_wait_missing tells whether to begin it again.
 */
mk_err_t vm_missing(struct cpu *cpu, uintptr_t addr, bool is_write);
/* Did a call fail for that, and is it worth another try now? Waits for the page. */
bool vm_wait_missing(struct cpu *cpu, mk_err_t *errp);

#endif
