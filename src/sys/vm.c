/* SPDX-License-Identifier: BSD-2-Clause */
/* Entries of <mk/vm.h>. */
#include "sys/sys.h"

#include "host/pages.h"

size_t mk_page_size(void)
{
    return host_page_size();
}

mk_err_t mk_vm_allocate(mk_name_t name, size_t size, mk_vaddr_t *addrp)
{
    ENTER(cpu, self);
    struct task *task;
    uintptr_t addr = 0;
    (void)self;
    mk_err_t err = task_find(cpu, name, &task);
    if (!err && (size == 0 || size > WINDOW_SIZE))
        err = MK_E_BAD_ARGUMENT;
    if (!err && !user_store_u64(addrp, 0))
        err = MK_E_BAD_ADDRESS;
    if (!err)
        err = map_allocate(task->map, round_up(size, host_page_size()), &addr);
    if (!err)
        user_store_u64(addrp, addr);
    return leave(cpu, err);
}

static bool is_aligned(mk_vaddr_t addr, size_t size)
{
    return addr % host_page_size() == 0 && size % host_page_size() == 0 && size > 0;
}

mk_err_t mk_vm_deallocate(mk_name_t name, mk_vaddr_t addr, size_t size)
{
    ENTER(cpu, self);
    struct task *task;
    (void)self;
    mk_err_t err = task_find(cpu, name, &task);
    if (!err)
        err = is_aligned(addr, size) ? map_deallocate(task->map, addr, size) : MK_E_BAD_ARGUMENT;
    return leave(cpu, err);
}

mk_err_t mk_vm_protect(mk_name_t name, mk_vaddr_t addr, size_t size, uint32_t prot)
{
    ENTER(cpu, self);
    struct task *task;
    (void)self;
    mk_err_t err = task_find(cpu, name, &task);
    if (!err && prot & ~(uint32_t)(MK_PROT_READ | MK_PROT_WRITE))
        err = MK_E_BAD_ARGUMENT;
    if (!err)
        err = is_aligned(addr, size) ? map_protect(task->map, addr, size, prot) : MK_E_BAD_ARGUMENT;
    return leave(cpu, err);
}
