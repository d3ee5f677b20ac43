/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory that travels beside the body of a message. A producer fills pages and
 * moves them: nothing is copied, and the producer has them no more. The consumer
 * owns what arrives, and sends a few bytes of it back as a copy.
 */
#include "example.h"

#include <string.h>

static void consumer(void *arg)
{
    struct mk_msg_memory memory;
    struct mk_msg msg = {.memories = &memory, .max_memories = 1};
    OK(mk_receive(example_right(arg), &msg, MK_TIME_FOREVER));
    mk_log("received %d KiB out of line, %d bytes in line", (int)(memory.size / 1024), (int)msg.size);
    char *text = memory.address;
    memcpy(text, "HELLO", 5); /* it is ours now */
    struct mk_msg_memory part = {.address = text, .size = 12, .how = MK_MEMORY_COPY};
    msg.memories = &part;
    OK(mk_reply(&msg));
    OK(mk_vm_deallocate(mk_task_self(), (mk_vaddr_t)memory.address, memory.size));
}

static void producer(void *arg)
{
    size_t size = 64 * mk_page_size();
    mk_name_t port = example_port();
    mk_vaddr_t pages;
    (void)arg;
    OK(mk_vm_allocate(mk_task_self(), size, &pages));
    strcpy((char *)pages, "hello pages");
    example_child("consumer", consumer, port, MK_MOVE_RECEIVE);

    struct mk_msg_memory memory = {.address = (void *)pages, .size = size, .how = MK_MEMORY_MOVE};
    struct mk_msg msg = {.memories = &memory, .nr_memories = 1, .max_memories = 1};
    OK(mk_call(port, &msg, MK_TIME_FOREVER));
    mk_log("answered with '%s'", (char *)memory.address);
    mk_log("the pages that were moved: %s", mk_err_text(mk_vm_protect(mk_task_self(), pages, size, MK_PROT_READ)));
    mk_msg_discard(&msg); /* frees what the answer brought */
}

int main(void)
{
    const struct mk_spawn spawn = {.label = "producer", .entry = producer};
    return example_run(&spawn, 1);
}
