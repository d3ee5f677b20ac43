/* SPDX-License-Identifier: BSD-2-Clause */
/* Rows of the floors. */
#include <string.h>
#include <ucontext.h>

#include "bench/floor.h"
#include "bench/machine.h"

static void call(struct run *run)
{
    meter_start(run);
    for (uint64_t i = 0; i < run->nr; i++)
        floor_function((int)i);
    meter_stop(run);
}

static void switch_pair(struct run *run)
{
    floor_switch_pairs(NR_WARM_UPS);
    meter_start(run);
    floor_switch_pairs(run->nr);
    meter_stop(run);
}

/* ---- swapcontext ---- */

static ucontext_t main_context, other_context;

static void other(void)
{
    for (;;)
        swapcontext(&other_context, &main_context);
}

static void swapcontext_pair(struct run *run)
{
    static char stack[65536] __attribute__((aligned(64)));
    getcontext(&other_context);
    other_context.uc_stack.ss_sp = stack;
    other_context.uc_stack.ss_size = sizeof(stack);
    makecontext(&other_context, other, 0);
    swapcontext(&main_context, &other_context);
    meter_start(run);
    for (uint64_t i = 0; i < run->nr; i++)
        swapcontext(&main_context, &other_context);
    meter_stop(run);
}

/* ---- memcpy, between the buffers that the calls use, to and fro as request and answer go ---- */

static void *(*volatile copy)(void *, const void *, size_t) = memcpy;

static void copy_many(size_t size, uint64_t nr)
{
    for (uint64_t i = 0; i < nr; i += 2) {
        copy(body_server, body_client, size);
        copy(body_client, body_server, size);
    }
}

static void memcpy_one(struct run *run)
{
    run->nr += run->nr % 2;
    copy_many(run->row->size, 10);
    meter_start(run);
    copy_many(run->row->size, run->nr);
    meter_stop(run);
}

/* ---- the cheapest one-way queue: a ring, and one switch for each batch ---- */

#define NR_SLOTS 512
#define SLOT     64

struct slot {
    size_t size;
    char bytes[SLOT];
};

struct ring {
    struct slot slots[NR_SLOTS] __attribute__((aligned(64)));
    unsigned head, tail;
    void *producer_sp, *consumer_sp;
    char message[SLOT] __attribute__((aligned(64)));
};

static struct ring ring;

/* As a library would offer them: by a call, for messages of any size up to a slot's. */
static void push(const char *message, size_t size)
{
    struct slot *slot = &ring.slots[ring.tail++ % NR_SLOTS];
    slot->size = size;
    memcpy(slot->bytes, message, size);
}

static size_t pop(char *message)
{
    const struct slot *slot = &ring.slots[ring.head++ % NR_SLOTS];
    memcpy(message, slot->bytes, slot->size);
    return slot->size;
}

static void (*volatile push_call)(const char *message, size_t size) = push;
static size_t (*volatile pop_call)(char *message) = pop;

static void consume(void)
{
    for (;;) {
        while (ring.head != ring.tail) {
            pop_call(ring.message);
            keep(ring.message);
        }
        bare_switch(&ring.consumer_sp, ring.producer_sp);
    }
}

static void produce(uint64_t nr_batches)
{
    char message[SLOT] __attribute__((aligned(64))) = {1};
    for (uint64_t i = 0; i < nr_batches; i++) {
        while (ring.tail - ring.head < NR_SLOTS) {
            keep(message);
            push_call(message, SLOT);
        }
        bare_switch(&ring.producer_sp, ring.consumer_sp);
    }
}

static void ring_one_way(struct run *run)
{
    static char stack[8192] __attribute__((aligned(64)));
    uint64_t nr_batches = (run->nr + NR_SLOTS - 1) / NR_SLOTS;
    run->nr = nr_batches * NR_SLOTS;
    ring.head = ring.tail = 0;
    ring.consumer_sp = floor_context(stack, sizeof(stack), consume);
    produce(2);
    meter_start(run);
    produce(nr_batches);
    meter_stop(run);
}

void floor_rows(void)
{
    static const size_t sizes[] = {64, 256, 1024, 4096, 16384, 65536, 131072};
    row_add(&(struct row){.measure = call, .what = "one function call through a pointer, and its return"},
            "floor.call");
    row_add(&(struct row){.measure = switch_pair,
                          .what = "round trip: switch of six registers, mxcsr and x87 word, to a stack and back"},
            "floor.switch");
    row_add(&(struct row){.measure = swapcontext_pair, .what = "round trip: swapcontext to a context and back"},
            "floor.swapcontext");
    row_add(&(struct row){.measure = ring_one_way,
                          .what = "one way: a message of 64 bytes (any size is possible) by calls into and out of a "
                                  "ring, one bare switch for 512"},
            "floor.ring");
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
        row_add(
            &(struct row){.measure = memcpy_one,
                          .size = sizes[i],
                          .what = bench_format("one memcpy of %zu bytes, warm, the buffers of the calls", sizes[i])},
            "floor.memcpy.%zu", sizes[i]);
}
