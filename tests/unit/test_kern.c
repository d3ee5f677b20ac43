/* SPDX-License-Identifier: BSD-2-Clause */
/* Parts of the kernel alone: kernel memory, the heap of deadlines, choices, the port space's tables. */
#include "mkt.h"

#include "ipc/ipc.h"
#include "kern/choice.h"
#include "kern/timer.h"

static uint64_t next_random(uint64_t *seed)
{
    return mix64((*seed)++);
}

/* ---- kernel memory ---- */

/* KMEM0010: blocks of all sizes are aligned to 16 and do not overlap. */
static void KMEM0010(void **state)
{
    struct kmem kmem;
    struct {
        unsigned char *p;
        size_t size;
        unsigned char fill;
    } blocks[500];
    uint64_t seed = 1;
    (void)state;
    kmem_init(&kmem, NULL, NULL, NULL);
    for (int i = 0; i < 500; i++) {
        blocks[i].size = 1 + next_random(&seed) % (i % 50 ? 3000 : 200000);
        blocks[i].fill = (unsigned char)i;
        blocks[i].p = kmem_alloc(&kmem, blocks[i].size);
        assert_non_null(blocks[i].p);
        assert_int_equal((uintptr_t)blocks[i].p % 8, 0);
        memset(blocks[i].p, blocks[i].fill, blocks[i].size);
    }
    for (int i = 0; i < 500; i++) {
        for (size_t j = 0; j < blocks[i].size; j++)
            assert_int_equal(blocks[i].p[j], blocks[i].fill);
        kmem_free(&kmem, blocks[i].p, blocks[i].size);
    }
    assert_int_equal(kmem.nr_allocs, 0);
    kmem_finish(&kmem);
    assert_int_equal(kmem.bytes, 0);
}

/* KMEM0020: freed blocks are used again before the host is asked for more. */
static void KMEM0020(void **state)
{
    struct kmem kmem;
    (void)state;
    kmem_init(&kmem, NULL, NULL, NULL);
    kmem_free(&kmem, kmem_alloc(&kmem, 100), 100);
    uint64_t bytes = kmem.bytes;
    for (int i = 0; i < 10000; i++)
        kmem_free(&kmem, kmem_alloc(&kmem, 100), 100);
    assert_int_equal(kmem.bytes, bytes);
    kmem_finish(&kmem);
}

static void *refuse(void *arg, size_t size)
{
    (void)size;
    return (*(int *)arg)-- > 0 ? arg : NULL;
}

/* KMEM0030: an allocation that the hook refuses fails and changes nothing. */
static void KMEM0030(void **state)
{
    struct kmem kmem;
    int nr_left = 2;
    (void)state;
    kmem_init(&kmem, NULL, refuse, &nr_left);
    assert_non_null(kmem_alloc(&kmem, 10));
    assert_non_null(kmem_alloc(&kmem, 10));
    assert_null(kmem_alloc(&kmem, 10));
    assert_int_equal(kmem.nr_allocs, 2);
    kmem_finish(&kmem);
}

/* ---- the heap of deadlines ---- */

#define NR_TIMERS 200

static struct mk_machine *bare_machine(void)
{
    struct mk_machine *machine = calloc(1, sizeof(*machine));
    assert_non_null(machine);
    kmem_init(&machine->kmem, NULL, NULL, NULL);
    assert_true(timer_reserve(machine, NR_TIMERS));
    return machine;
}

static void bare_machine_free(struct mk_machine *machine)
{
    kmem_finish(&machine->kmem);
    free(machine);
}

/* TIMER0010: deadlines come in order, equal ones in the order of arming. */
static void TIMER0010(void **state)
{
    struct mk_machine *machine = bare_machine();
    static struct thread threads[NR_TIMERS];
    uint64_t seed = 7;
    (void)state;
    memset(threads, 0, sizeof(threads));
    for (int i = 0; i < NR_TIMERS; i++)
        timer_add(machine, &threads[i], (mk_time_t)(next_random(&seed) % 20) + 1);
    mk_time_t last = 0;
    uint64_t last_order = 0;
    for (int i = 0; i < NR_TIMERS; i++) {
        mk_time_t next = timer_next(machine);
        assert_null(timer_take(machine, next - 1));
        const struct thread *thread = timer_take(machine, next);
        assert_non_null(thread);
        assert_true(next > last || (next == last && thread->timer_order > last_order));
        last = next;
        last_order = thread->timer_order;
    }
    assert_int_equal(timer_next(machine), MK_TIME_FOREVER);
    bare_machine_free(machine);
}

/* TIMER0020: against a naive model, with timers removed at random. */
static void TIMER0020(void **state)
{
    struct mk_machine *machine = bare_machine();
    static struct thread threads[NR_TIMERS];
    static mk_time_t model[NR_TIMERS]; /* 0: not armed */
    uint64_t seed = 99;
    (void)state;
    memset(threads, 0, sizeof(threads));
    memset(model, 0, sizeof(model));
    for (int step = 0; step < 20000; step++) {
        size_t i = next_random(&seed) % NR_TIMERS;
        if (model[i]) {
            timer_remove(machine, &threads[i]);
            model[i] = 0;
        } else {
            model[i] = (mk_time_t)(next_random(&seed) % 1000) + 1;
            timer_add(machine, &threads[i], model[i]);
        }
        mk_time_t earliest = MK_TIME_FOREVER;
        for (size_t j = 0; j < NR_TIMERS; j++)
            if (model[j] && model[j] < earliest)
                earliest = model[j];
        assert_int_equal(timer_next(machine), earliest);
    }
    bare_machine_free(machine);
}

/* ---- the port space ---- */

/* SPACE0010: a name that was given back is never found again, for 2,000 reuses of its place. */
static void SPACE0010(void **state)
{
    struct mkt t;
    struct space *space;
    struct task task = {0};
    (void)state;
    mkt_begin(&t, NULL);
    task.machine = t.machine;
    assert_int_equal(space_create(&task, &space), MK_OK);
    mk_name_t first = MK_NAME_NULL;
    for (int i = 0; i < 2000; i++) {
        assert_int_equal(space_reserve(space, 1), MK_OK);
        struct entry *entry = space_take(space, MK_RIGHT_RECEIVE);
        mk_name_t name = entry->name;
        assert_ptr_equal(space_lookup(space, name), entry);
        if (!first)
            first = name;
        else
            assert_null(space_lookup(space, first));
        assert_int_not_equal(name, MK_NAME_DEAD);
        space_give_back(space, entry);
        assert_null(space_lookup(space, name));
    }
    space_destroy(space);
    mkt_finish(&t);
}

/* SPACE0020: the hash of send rights against a model, with rights added and removed at random. */
static void SPACE0020(void **state)
{
    struct mkt t;
    struct space *space;
    struct task task = {0};
    struct port *port;
    struct entry *model[300] = {0}; /* by badge */
    uint64_t seed = 3;
    (void)state;
    mkt_begin(&t, NULL);
    task.machine = t.machine;
    assert_int_equal(space_create(&task, &space), MK_OK);
    port = port_create(t.machine, MK_OBJECT_NONE, NULL);
    for (int step = 0; step < 20000; step++) {
        uint64_t badge = next_random(&seed) % 300;
        assert_ptr_equal(space_find_send(space, port, badge), model[badge]);
        if (model[badge]) {
            space_hash_remove(space, model[badge]);
            space_give_back(space, model[badge]);
            model[badge] = NULL;
        } else {
            assert_int_equal(space_reserve(space, 1), MK_OK);
            model[badge] = space_take(space, MK_RIGHT_SEND);
            model[badge]->port = port;
            model[badge]->badge = badge;
            space_hash_add(space, model[badge]);
        }
    }
    for (int i = 0; i < 300; i++)
        if (model[i]) {
            space_hash_remove(space, model[i]);
            space_give_back(space, model[i]);
        }
    port_destroy(t.machine, port);
    space_destroy(space);
    mkt_finish(&t);
}

/* ---- choices ---- */

/* CHOICE0010: without a seed the first alternative is taken; with one, all of them are at some time. */
static void CHOICE0010(void **state)
{
    struct mkt t;
    unsigned taken[4] = {0};
    const struct mk_machine_config seeded = {.seed = 12};
    (void)state;
    mkt_begin(&t, NULL);
    for (int i = 0; i < 100; i++)
        assert_int_equal(choice_make(t.machine->cpu, CHOICE_RUN, 4), 0);
    mkt_finish(&t);
    mkt_begin(&t, &seeded);
    for (int i = 0; i < 100; i++)
        taken[choice_make(t.machine->cpu, CHOICE_RUN, 4)]++;
    for (int i = 0; i < 4; i++)
        assert_true(taken[i] > 0);
    mkt_finish(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(KMEM0010),  cmocka_unit_test(KMEM0020),   cmocka_unit_test(KMEM0030),
        cmocka_unit_test(TIMER0010), cmocka_unit_test(TIMER0020),  cmocka_unit_test(SPACE0010),
        cmocka_unit_test(SPACE0020), cmocka_unit_test(CHOICE0010),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
