/* SPDX-License-Identifier: BSD-2-Clause */
/* A server that ends as it is told, at the place that it is told. */
#include "crasher.h"

#include "crashways.h"

#include <stdio.h>
#include <string.h>

static struct crasher_go order;
static uint32_t nr_operations;

static void go(void)
{
    ways[order.way].go(NULL);
    mk_log("%s: it goes on", ways[order.way].name);
}

static void go_on_thread(void *arg)
{
    (void)arg;
    go();
}

static void start_thread(uint32_t priority)
{
    const struct mk_thread_attr attr = {.entry = go_on_thread, .priority = priority};
    if (mk_thread_create(mk_task_self(), &attr, NULL) != MK_OK)
        mk_log("no thread");
}

static int compare(const void *a, const void *b)
{
    go();
    return *(const int *)a - *(const int *)b;
}

static ssize_t read_cookie(void *cookie, char *buffer, size_t size)
{
    (void)cookie, (void)buffer, (void)size;
    go();
    return 0;
}

static void read_stream(void)
{
    static int cookie;
    FILE *in = fopencookie(&cookie, "r", (cookie_io_functions_t){.read = read_cookie});
    if (in)
        mk_log("read %d", fgetc(in));
}

static int (*volatile fill)(volatile char *above, int depth); /* so that no compiler sees an endless recursion */

static int fill_stack(volatile char *above, int depth)
{
    volatile char *volatile block = malloc(100);
    block[0] = above ? above[0] : (char)depth;
    return fill(block, depth + 1) + block[0];
}

/* As heaps end that are used wrongly: the bad address of a free block, a block that is freed twice, no stack. */
static void spoil_heap(void)
{
    const char *way = ways[order.way].name;
    void *volatile block = malloc(100);
    const uintptr_t bad = strcmp(way, "null") == 0 ? 16 : 0x8000000000000000u;
    fill = fill_stack;
    if (strcmp(way, "overflow") == 0)
        nr_operations = (uint32_t)fill(NULL, 0);
    free(block);
    if (strcmp(way, "abort") == 0)
        free(block);
    *(volatile uintptr_t *)block = bad;
    block = malloc(100);
    block = malloc(100);
}

static mk_err_t ping(void *state, struct mk_msg *msg)
{
    (void)state;
    nr_operations++;
    memcpy(msg->body, &nr_operations, sizeof(nr_operations));
    msg->size = sizeof(nr_operations);
    return MK_OK;
}

static mk_err_t obey(void *state, struct mk_msg *msg)
{
    int numbers[] = {3, 1, 2};
    struct mk_msg call = {.id = 1};
    (void)state;
    memcpy(&order, msg->body, sizeof(order));
    msg->size = 0;
    switch (order.place) {
    case CRASHER_IN_THREAD:
        start_thread(MK_PRIO_DEFAULT - 1);
        break;
    case CRASHER_IN_HANDLER:
        go();
        break;
    case CRASHER_IN_LIBC:
        qsort(numbers, 3, sizeof(numbers[0]), compare);
        break;
    case CRASHER_IN_STDIO:
        read_stream();
        break;
    case CRASHER_IN_HEAP:
        spoil_heap();
        break;
    case CRASHER_IN_CALL:
        start_thread(MK_PRIO_DEFAULT - 1);
        return mk_call(msg->rights[0].name, &call, MK_TIME_FOREVER);
    default:
        return MK_E_BAD_ARGUMENT;
    }
    return MK_OK;
}

static const struct mk_server_op ops[] = {
    {CRASHER_PING, 0, ping},
    {CRASHER_GO, sizeof(struct crasher_go), obey},
};

static const struct mk_server crasher = {.abi = MK_SERVER_ABI, .name = "crasher", .ops = ops, .nr_ops = 2};
MK_SERVER_EXPORT(crasher);
