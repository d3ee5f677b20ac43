/* SPDX-License-Identifier: BSD-2-Clause */
/* Frames of a task's own, and the policies by which its pages replace each other: mk_vm_set_frames. */
#include "helpers.h"

#include "pagers.h"

static struct mk_vm_stats vm_stats(mk_name_t task)
{
    struct mk_vm_stats stats;
    CHECK_OK(mk_vm_statistics(task, &stats));
    return stats;
}

static volatile char *allocate(size_t nr)
{
    mk_vaddr_t addr;
    CHECK_OK(mk_vm_allocate(mk_task_self(), nr * PAGE, &addr));
    return (volatile char *)addr;
}

static void set_frames(uint32_t nr, const char *policy)
{
    const struct mk_vm_frames frames = {.nr_frames = nr, .policy = policy};
    CHECK_OK(mk_vm_set_frames(mk_task_self(), &frames));
}

static bool is_resident(volatile char *page)
{
    uint8_t state;
    CHECK_OK(mk_vm_pages(mk_task_self(), (mk_vaddr_t)page, 1, &state));
    return state & MK_PAGE_RESIDENT;
}

/* Load from pages, named by their numbers. */
static void touch(volatile char *p, const char *pages)
{
    for (; *pages; pages++)
        (void)p[(size_t)(*pages - '0') * PAGE];
}

/* ---- counts ---- */

static void count_here(void *arg)
{
    (void)arg;
    volatile char *p = allocate(4);
    set_frames(2, "fifo");
    for (int i = 0; i < 4; i++)
        p[i * (int)PAGE] = (char)i;
    for (int i = 0; i < 4; i++)
        CHECK(p[i * (int)PAGE] == i);
    struct mk_vm_stats own = vm_stats(mk_task_self()), all = vm_stats(MK_NAME_NULL);
    CHECK(own.nr_evictions == 6 && own.nr_page_outs == 4); /* the second time they had not changed */
    CHECK(own.nr_zero_fills == 4 && own.nr_page_ins == 4 && own.nr_resident == 2);
    CHECK(all.nr_evictions == 6 && all.nr_page_outs == 4);
    set_frames(2, "lru"); /* counts go on */
    touch(p, "01");
    CHECK(vm_stats(mk_task_self()).nr_evictions == 8);
    set_frames(0, NULL);
    touch(p, "23");
    CHECK(vm_stats(mk_task_self()).nr_evictions == 8 && vm_stats(mk_task_self()).nr_resident == 4);
    CHECK_OK(mk_machine_audit(NULL));
}

/* FRAMES0010: pages that leave frames of a task's own, and those of them that are written, are counted for it. */
static void FRAMES0010(void **state)
{
    (void)state;
    struct mkt t;
    struct test_pager pager;
    store_begin(&t, &pager, 64, 16);
    mkt_spawn(&t, "test", count_here, NULL, false);
    store_end(&t, &pager);
}

/* ---- what a policy sees ---- */

/* FRAMES0020: a policy that has to see every reference sees those to pages that were there before it. */
MKT_TEST(FRAMES0020)
{
    (void)arg;
    volatile char *p = allocate(4);
    touch(p, "012");
    set_frames(3, "lru");
    touch(p, "103");
    CHECK(is_resident(p) && is_resident(p + PAGE) && !is_resident(p + 2 * PAGE) && is_resident(p + 3 * PAGE));
    set_frames(3, "ws");
    touch(p, "0131313131313131");
    CHECK(!is_resident(p) && is_resident(p + PAGE) && is_resident(p + 3 * PAGE));
    touch(p, "0");
    set_frames(3, "ws"); /* it begins anew: nothing is old yet */
    touch(p, "3");
    CHECK(is_resident(p) && is_resident(p + PAGE) && is_resident(p + 3 * PAGE));
    CHECK_OK(mk_machine_audit(NULL));
}

/* FRAMES0030: a load and a store after it, with no other page in between, are one reference. */
MKT_TEST(FRAMES0030)
{
    (void)arg;
    volatile char *p = allocate(3);
    set_frames(2, "clock-clear");
    touch(p, "0");
    p[0] = 1;
    touch(p, "1");
    uint8_t states[2];
    CHECK_OK(mk_vm_pages(mk_task_self(), (mk_vaddr_t)p, 2, states));
    CHECK(!(states[0] & MK_PAGE_REFERENCED) && !(states[1] & MK_PAGE_REFERENCED));
    touch(p, "0");
    CHECK_OK(mk_vm_pages(mk_task_self(), (mk_vaddr_t)p, 2, states));
    CHECK(states[0] & MK_PAGE_REFERENCED && !(states[1] & MK_PAGE_REFERENCED));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(FRAMES0010),
        cmocka_unit_test(FRAMES0020),
        cmocka_unit_test(FRAMES0030),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
