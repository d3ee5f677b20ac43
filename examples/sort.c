/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * More memory than there is. A task sorts an array four times as large as the
 * machine's memory. The pages that do not fit go to a backing store, here a task
 * that keeps them in an array of the host program, and come back when they are
 * touched; the sort knows nothing of it.
 */
#include "example.h"

#include <string.h>

#define MEMORY     ((size_t)256 << 10)
#define ARRAY      (4 * MEMORY)
#define NR_NUMBERS (ARRAY / sizeof(uint32_t))

static char disk[2 * ARRAY];

/* A pager (see pager.c) that also gets what leaves memory. */
static void store(void *arg)
{
    static char body[sizeof(struct mk_pager_message) + 4096];
    struct mk_pager_message *m = (struct mk_pager_message *)(void *)body;
    struct mk_msg msg = {.body = body, .capacity = sizeof(body)};
    mk_name_t port = example_port(), memory, control, machine;
    (void)arg;
    OK(mk_task_get_special(mk_task_self(), MK_SPECIAL_MACHINE, &machine));
    OK(mk_memory_create(port, 0, sizeof(disk), &memory, &control));
    OK(mk_memory_set_store(machine, control));
    for (;;) {
        OK(mk_receive(port, &msg, MK_TIME_FOREVER));
        if (msg.id == MK_PAGER_RETURN)
            memcpy(&disk[m->offset], body + sizeof(*m), m->size);
        else if (msg.id == MK_PAGER_REQUEST)
            OK(mk_memory_supply(control, m->offset, &disk[m->offset], m->size));
    }
}

static void quicksort(uint32_t *a, ptrdiff_t nr)
{
    ptrdiff_t low = 0, high = nr - 1;
    if (nr < 2)
        return;
    for (uint32_t pivot = a[nr / 2]; low <= high;) {
        while (a[low] < pivot)
            low++;
        while (a[high] > pivot)
            high--;
        if (low <= high) {
            uint32_t other = a[low];
            a[low++] = a[high];
            a[high--] = other;
        }
    }
    quicksort(a, high + 1);
    quicksort(a + low, nr - low);
}

static void sorter(void *arg)
{
    struct mk_vm_stats stats;
    mk_vaddr_t addr;
    uint32_t number = 1, sum = 0;
    (void)arg;
    OK(mk_vm_allocate(mk_task_self(), ARRAY, &addr));
    uint32_t *a = (uint32_t *)addr;
    for (size_t i = 0; i < NR_NUMBERS; i++) {
        a[i] = number = number * 1664525 + 1013904223;
        sum += number;
    }
    quicksort(a, (ptrdiff_t)NR_NUMBERS);
    bool is_sorted = true;
    for (size_t i = 0; i < NR_NUMBERS; i++) {
        is_sorted = is_sorted && (i == 0 || a[i - 1] <= a[i]);
        sum -= a[i];
    }
    OK(mk_vm_statistics(MK_NAME_NULL, &stats));
    mk_log("%d numbers in %d pages: %s", (int)NR_NUMBERS, (int)(ARRAY / mk_page_size()),
           is_sorted && sum == 0 ? "sorted" : "wrong");
    mk_log("the machine has %d pages; pages that came back: %s", (int)stats.nr_frames,
           stats.nr_page_ins > ARRAY / mk_page_size() ? "more than the array has" : "few");
}

int main(void)
{
    const struct mk_spawn spawns[] = {{.label = "store", .entry = store, .is_server = true},
                                      {.label = "sorter", .entry = sorter}};
    return example_run_in(MEMORY, spawns, 2);
}
