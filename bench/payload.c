/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Payloads outside the body: copied, or moved as whole pages. As with the inline
 * calls they go to the server and come back. A move costs the same whatever
 * becomes of the pages, but who reads them pays for their mapping; so there are
 * rows in which the server reads a word of each cache line.
 */
#include <string.h>

#include "bench/machine.h"

#define READS   4
#define NR_WARM 3

struct ool {
    mk_name_t receive;
    uint32_t how;
    bool reads;
};

static void read_all(const void *address, size_t size)
{
    const char *p = address;
    uint64_t sum = 0;
    for (size_t i = 0; i < size; i += 64)
        sum += (unsigned char)p[i];
    keep(&sum);
}

static void drop(const struct mk_msg_memory *memory)
{
    size_t page = mk_page_size();
    uintptr_t first = (uintptr_t)memory->address & ~(page - 1);
    uintptr_t end = ((uintptr_t)memory->address + memory->size + page - 1) & ~(page - 1);
    check(mk_vm_deallocate(mk_task_self(), first, end - first), "deallocate");
}

static void server(void *arg)
{
    const struct ool *ool = arg;
    struct mk_msg_memory memory = {0};
    struct mk_msg msg = {.body = body_server, .capacity = BODY_SIZE, .memories = &memory, .max_memories = 1};
    mk_err_t err = mk_receive(ool->receive, &msg, MK_TIME_FOREVER);
    while (!err) {
        struct mk_msg_memory got = memory;
        bool is_there = msg.nr_memories == 1;
        if (is_there && ool->reads)
            read_all(got.address, got.size);
        memory.how = ool->how;
        msg.status = is_there ? MK_OK : MK_E_NOT_SUPPORTED;
        err = mk_reply_receive(ool->receive, &msg, MK_TIME_FOREVER);
        if (is_there && ool->how == MK_MEMORY_COPY)
            drop(&got);
    }
    check(err, "server");
}

/* False: not supported. */
static bool call_many(mk_name_t port, struct mk_msg_memory *memory, uint64_t nr)
{
    struct mk_msg msg = {.body = body_client, .capacity = BODY_SIZE, .memories = memory, .max_memories = 1};
    struct mk_msg_memory mine = *memory;
    for (uint64_t i = 0; i < nr; i++) {
        *memory = mine;
        msg.nr_memories = 1;
        msg.size = 0;
        mk_err_t err = mk_call(port, &msg, MK_TIME_FOREVER);
        if (err == MK_E_NOT_SUPPORTED || msg.status)
            return false;
        check(err, "call");
        if (mine.how == MK_MEMORY_COPY)
            drop(memory);
        else
            mine.address = memory->address;
    }
    *memory = mine;
    return true;
}

static void client(void *arg)
{
    struct run *run = arg;
    static struct ool ool;
    mk_vaddr_t area;
    mk_name_t port = port_new(), task = task_new("server");
    ool = (struct ool){
        .receive = receive_to(task, port), .how = run->row->flags & ~(unsigned)READS, .reads = run->row->flags & READS};
    thread_new(task, server, &ool, 0);
    check(mk_vm_allocate(mk_task_self(), run->row->size, &area), "allocate");
    memset((void *)area, 1, run->row->size);

    struct mk_msg_memory memory = {.address = (void *)area, .size = run->row->size, .how = ool.how};
    if (!call_many(port, &memory, NR_WARM)) {
        run_absent(run, "the kernel does not carry memory outside the body yet");
        return;
    }
    meter_start(run);
    call_many(port, &memory, run->nr);
    meter_stop(run);
}

static void measure(struct run *run)
{
    machine_run(run, NULL, client);
}

static void add(size_t size, uint32_t how, unsigned flags)
{
    const char *verb = how == MK_MEMORY_COPY ? "copied" : "moved";
    struct row row = {.measure = measure, .size = size, .flags = how | flags, .is_optional = true};
    row.what = bench_format("round trip: a call with %zu bytes outside the body, %s each way%s", size, verb,
                            flags & READS ? ", read by the server" : "");
    row_add(&row, "ipc.ool_%s.%zu%s", how == MK_MEMORY_COPY ? "copy" : "move", size, flags & READS ? ".read" : "");
}

void payload_rows(void)
{
    static const size_t sizes[] = {4096, 16384, 65536, 131072, 1048576};
    enum { NR = sizeof(sizes) / sizeof(sizes[0]) };
    for (size_t i = 0; i < NR; i++)
        add(sizes[i], MK_MEMORY_COPY, 0);
    for (size_t i = 0; i < NR; i++)
        add(sizes[i], MK_MEMORY_MOVE, 0);
    for (size_t i = 0; i < NR; i++) {
        add(sizes[i], MK_MEMORY_COPY, READS);
        add(sizes[i], MK_MEMORY_MOVE, READS);
    }
}
