/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An external pager. The pages of a memory object are empty until somebody
 * touches them; then the kernel asks the object's pager, a task like any other,
 * by a message, and the one who touched waits. This pager computes the contents:
 * the object is a table of all squares, of which only what is looked at exists.
 */
#include "example.h"

#define TABLE_SIZE ((size_t)64 << 20)

static void reader(void *arg)
{
    static const uint32_t numbers[] = {7, 12, 1000000, 8};
    const struct mk_vm_map how = {.memory = example_right(arg), .size = TABLE_SIZE, .prot = MK_PROT_READ};
    mk_vaddr_t addr;
    OK(mk_vm_map(mk_task_self(), &how, &addr));
    const uint64_t *squares = (const uint64_t *)addr;
    for (int i = 0; i < 4; i++)
        mk_log("the square of %u is %llu", numbers[i], (unsigned long long)squares[numbers[i]]);
}

/* The page at this offset of the table. */
static void supply(mk_name_t control, uint64_t offset, size_t size)
{
    static uint64_t page[4096 / sizeof(uint64_t)];
    uint64_t first = offset / sizeof(uint64_t);
    for (; size > 0; size -= sizeof(page), offset += sizeof(page)) {
        for (size_t i = 0; i < sizeof(page) / sizeof(page[0]); i++, first++)
            page[i] = first * first;
        OK(mk_memory_supply(control, offset, page, sizeof(page))); /* whoever waits goes on */
    }
}

static void pager(void *arg)
{
    mk_name_t port = example_port(), memory, control;
    struct mk_pager_message request;
    struct mk_msg msg = {.body = &request, .capacity = sizeof(request)};
    (void)arg;
    OK(mk_memory_create(port, 0, TABLE_SIZE, &memory, &control));
    example_child("reader", reader, memory, MK_MOVE_SEND); /* the right to map it; `control` stays here */
    for (;;) {
        OK(mk_receive(port, &msg, MK_TIME_FOREVER));
        if (msg.badge != MK_BADGE_KERNEL)
            continue; /* anybody with a right to the port could have sent it */
        if (msg.id == MK_PAGER_TERMINATE)
            break; /* the reader has ended: nobody maps the table any more */
        mk_log("asked for the page at %llu", (unsigned long long)request.offset);
        supply(control, request.offset, request.size);
    }
    mk_log("the table is not needed any more");
}

int main(void)
{
    const struct mk_spawn spawn = {.label = "pager", .entry = pager};
    return example_run(&spawn, 1);
}
