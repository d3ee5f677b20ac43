/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Shared memory. A memory object is known by a send right, which travels in
 * messages like any other; who holds it may map it. Two tasks map the same
 * object, each at an address of its own, and pass numbers through a ring buffer
 * in it: after the first message no kernel call moves the data.
 */
#include "example.h"

#define NR_PLACES  8
#define NR_NUMBERS 100

/* In the shared page. Offsets and counts only: a pointer would be good in one of the tasks alone. */
struct ring {
    uint32_t nr_put, nr_taken; /* so far; each is written by one side only */
    uint32_t places[NR_PLACES];
};

static struct ring *map_ring(mk_name_t memory)
{
    const struct mk_vm_map how = {
        .memory = memory, .size = mk_page_size(), .prot = MK_PROT_READ | MK_PROT_WRITE}; /* not .is_copy */
    mk_vaddr_t addr;
    OK(mk_vm_map(mk_task_self(), &how, &addr));
    return (struct ring *)addr;
}

static void consumer(void *arg)
{
    struct mk_msg_right right;
    struct mk_msg msg = {.rights = &right, .max_rights = 1};
    uint32_t sum = 0;
    OK(mk_receive(example_right(arg), &msg, MK_TIME_FOREVER));
    struct ring *ring = map_ring(right.name);
    while (ring->nr_taken < NR_NUMBERS) {
        while (ring->nr_taken == ring->nr_put)
            mk_thread_yield(); /* empty; an event (event.c) would let it sleep */
        sum += ring->places[ring->nr_taken % NR_PLACES];
        ring->nr_taken++;
    }
    mk_log("took %d numbers, their sum is %d", NR_NUMBERS, (int)sum);
}

static void producer(void *arg)
{
    mk_name_t port = example_port(), memory;
    (void)arg;
    OK(mk_memory_create(MK_NAME_NULL, 0, mk_page_size(), &memory, NULL)); /* no pager: zeros at first */
    mk_name_t child = example_child("consumer", consumer, port, MK_MOVE_RECEIVE);
    struct mk_msg_right right = {.name = memory, .how = MK_COPY_SEND};
    struct mk_msg msg = {.rights = &right, .nr_rights = 1};
    OK(mk_send(port, &msg, MK_TIME_FOREVER));
    struct ring *ring = map_ring(memory);
    for (uint32_t i = 0; i < NR_NUMBERS; i++) {
        while (ring->nr_put - ring->nr_taken == NR_PLACES)
            mk_thread_yield(); /* full */
        ring->places[ring->nr_put % NR_PLACES] = i + 1;
        ring->nr_put++;
    }
    mk_log("put %d numbers through %d places", NR_NUMBERS, NR_PLACES);
    OK(mk_task_wait(child, NULL, MK_TIME_FOREVER));
}

int main(void)
{
    const struct mk_spawn spawn = {.label = "producer", .entry = producer};
    return example_run(&spawn, 1);
}
