/* SPDX-License-Identifier: BSD-2-Clause */
/* Pagers for tests: a backing store and memory objects whose contents are arrays of the host program. */
#ifndef TESTS_PAGERS_H
#define TESTS_PAGERS_H

#include "mkt.h"

#define PAGE 4096u

struct test_pager {
    char *contents;
    size_t size;
    bool is_store;
    mk_name_t memory; /* in the pager's task */
    volatile unsigned nr_requests, nr_returns, nr_locked, nr_terminated;
    volatile uint32_t last_tag;
};

/* Serve the messages of one object until its port dies, or `max` messages were answered (0: no end). */
static inline void pager_serve(struct test_pager *pager, mk_name_t port, mk_name_t control, unsigned max)
{
    static char bodies[8][sizeof(struct mk_pager_message) + PAGE];
    static unsigned nr_bodies;
    char *body = bodies[nr_bodies++ % 8];
    struct mk_msg msg = {.body = body, .capacity = sizeof(bodies[0])};
    for (unsigned n = 0; !max || n < max; n++) {
        if (mk_receive(port, &msg, MK_TIME_FOREVER))
            return;
        struct mk_pager_message m;
        mk_err_t err;
        memcpy(&m, body, sizeof(m));
        CHECK(msg.badge == MK_BADGE_KERNEL);
        switch (msg.id) {
        case MK_PAGER_REQUEST:
            pager->nr_requests++;
            CHECK(m.offset + m.size <= pager->size);
            err = mk_memory_supply(control, m.offset, pager->contents + m.offset, m.size);
            CHECK(err == MK_OK || err == MK_E_BAD_STATE); /* who asked for it may have given it up */
            break;
        case MK_PAGER_RETURN:
            pager->nr_returns++;
            CHECK(m.offset + m.size <= pager->size && msg.size == sizeof(m) + m.size);
            memcpy(pager->contents + m.offset, body + sizeof(m), m.size);
            break;
        case MK_PAGER_LOCKED:
            pager->nr_locked++;
            pager->last_tag = m.tag;
            break;
        case MK_PAGER_TERMINATE:
            pager->nr_terminated++;
            return;
        default:
            CHECK(!"an unknown message");
        }
    }
}

/* The task of a backing store. */
static inline void store_main(void *arg)
{
    struct test_pager *pager = (struct test_pager *)arg;
    mk_name_t port, memory, control, machine;
    CHECK_OK(mk_task_set_server(true));
    CHECK_OK(mk_task_get_special(mk_task_self(), MK_SPECIAL_MACHINE, &machine));
    CHECK_OK(mk_port_create(&port));
    CHECK_OK(mk_memory_create(port, 1, pager->size, &memory, &control));
    CHECK_OK(mk_memory_set_store(machine, control));
    pager_serve(pager, port, control, 0);
}

/* A machine of `nr_frames` frames with a backing store of `nr_slots` pages. */
static inline void store_begin(struct mkt *t, struct test_pager *pager, unsigned nr_frames, unsigned nr_slots)
{
    const struct mk_machine_config config = {.memory_size = (uint64_t)nr_frames * PAGE};
    *pager = (struct test_pager){.size = (size_t)(nr_slots + 1) * PAGE, .is_store = true};
    pager->contents = (char *)calloc(1, pager->size);
    mkt_begin(t, &config);
    mkt_spawn(t, "store", store_main, pager, true);
}

static inline void store_end(struct mkt *t, struct test_pager *pager)
{
    mkt_run_all(t);
    mkt_finish(t);
    free(pager->contents);
}

#endif
