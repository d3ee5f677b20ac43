/* SPDX-License-Identifier: BSD-2-Clause */
/* The pager; see vm_pager.h. */
#include "bench/vm_pager.h"

#include <string.h>

#include "bench/machine.h"

static void serve(void *arg)
{
    const struct vm_pager *pager = arg;
    static char contents[PAGE] __attribute__((aligned(4096))) = {1};
    struct mk_pager_message m;
    char body[sizeof(m) + PAGE];
    struct mk_msg msg = {.body = body, .capacity = sizeof(body)};
    for (;;) {
        check(mk_receive(pager->receive, &msg, MK_TIME_FOREVER), "pager");
        if (msg.id != MK_PAGER_REQUEST)
            continue;
        if (pager->asked)
            pager->asked();
        memcpy(&m, body, sizeof(m));
        for (uint64_t i = 0; i < m.size; i += PAGE)
            check(mk_memory_supply(pager->own_control, m.offset + i, contents, PAGE), "supply");
    }
}

void vm_pager_start(struct vm_pager *pager, size_t size)
{
    mk_name_t port = port_new(), memory, task = task_new("pager");
    mk_vaddr_t addr;
    pager->size = size;
    check(mk_memory_create(port, 0, size, &memory, &pager->control), "memory");
    pager->receive = receive_to(task, port);
    pager->own_control = send_to(task, pager->control);
    const struct mk_vm_map map = {.memory = memory, .size = size, .prot = MK_PROT_READ | MK_PROT_WRITE};
    check(mk_vm_map(mk_task_self(), &map, &addr), "map");
    pager->pages = (char *)addr;
    thread_new(task, serve, pager, 0);
}

void vm_pager_flush(const struct vm_pager *pager)
{
    check(mk_memory_lock(pager->control, 0, pager->size, MK_MEMORY_FLUSH, 0), "flush");
}
