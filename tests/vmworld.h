/* SPDX-License-Identifier: BSD-2-Clause */
/* What the tests of refused memory calls act on, and all that such a call must leave as it was. */
#ifndef TESTS_VMWORLD_H
#define TESTS_VMWORLD_H

#include <sys/mman.h>

#include "helpers.h"
#include "pagers.h"

#define RW (uint32_t)(MK_PROT_READ | MK_PROT_WRITE)

static struct {
    mk_name_t self, child, fresh, ended, released; /* tasks; nothing is allocated in `fresh` */
    mk_name_t port, receive, once, set, event, thread, machine, stale, dead;
    mk_name_t pager, memory, control; /* of an object of four pages that nobody serves: memory is a send right */
    mk_name_t anonymous;              /* one of four pages without a pager */
    mk_name_t gone;                   /* a control right of an object that ended */
    mk_vaddr_t mine;   /* pages: 0, 1 written; 2 read-only; 3 closed; 4 not allocated; 5 written; 6, 7 untouched */
    mk_vaddr_t theirs; /* one page of the child's */
    mk_vaddr_t view;   /* all of `memory`, never to be written */
    char *host;        /* memory of the host program: two pages for use, one closed, one read-only */
    uint64_t released_id;
} w;

static inline mk_vaddr_t mine(size_t page)
{
    return w.mine + page * PAGE;
}

static inline char *closed(void)
{
    return w.host + 2 * PAGE;
}

static inline char *read_only(void)
{
    return w.host + 3 * PAGE;
}

static inline void world_names(void)
{
    mk_name_t memory;
    w.self = mk_task_self();
    w.thread = mk_thread_self();
    w.port = mkt_port();
    CHECK_OK(mk_port_create(&w.receive));
    w.once = once_name(w.receive);
    CHECK_OK(mk_portset_create(&w.set));
    CHECK_OK(mk_event_create(&w.event));
    w.stale = stale_name();
    w.dead = dead_name();
    CHECK_OK(mk_task_get_special(w.self, MK_SPECIAL_MACHINE, &w.machine));
    CHECK_OK(mk_task_create("child", &w.child));
    CHECK_OK(mk_task_create("fresh", &w.fresh));
    CHECK_OK(mk_task_create("ended", &w.ended));
    CHECK_OK(mk_task_terminate(w.ended, 0));
    CHECK_OK(mk_task_create("released", &w.released));
    static struct mk_task_info infos[16];
    size_t n;
    CHECK_OK(mk_machine_tasks(NULL, infos, COUNT_OF(infos), &n));
    w.released_id = infos[n - 1].id;
    CHECK_OK(mk_right_release(w.released));
    CHECK_OK(mk_port_create(&w.pager));
    CHECK_OK(mk_memory_create(w.pager, 1, 2 * PAGE, &memory, &w.gone));
    CHECK_OK(mk_right_release(memory));
    char body[64];
    struct mk_msg msg = {.body = body, .capacity = sizeof(body)};
    CHECK_OK(mk_receive(w.pager, &msg, MK_TIME_POLL));
    CHECK(msg.id == MK_PAGER_TERMINATE);
    CHECK_OK(mk_memory_create(w.pager, 2, 4 * PAGE, &w.memory, &w.control));
    CHECK_OK(mk_memory_create(MK_NAME_NULL, 0, 4 * PAGE, &w.anonymous, NULL));
}

static inline void world_begin(void)
{
    memset(&w, 0, sizeof(w));
    world_names();
    CHECK_OK(mk_vm_allocate(w.self, 8 * PAGE, &w.mine));
    memset((void *)w.mine, 'm', 2 * PAGE);
    memset((void *)mine(5), 'm', PAGE);
    CHECK_OK(mk_vm_protect(w.self, mine(2), PAGE, MK_PROT_READ));
    CHECK_OK(mk_vm_protect(w.self, mine(3), PAGE, MK_PROT_NONE));
    CHECK_OK(mk_vm_deallocate(w.self, mine(4), PAGE));
    CHECK(*(volatile char *)mine(2) == 0);
    CHECK_OK(mk_vm_allocate(w.child, PAGE, &w.theirs));
    CHECK_OK(mk_vm_write(w.child, w.theirs, "t", 1));
    const struct mk_vm_map how = {.memory = w.memory, .size = 4 * PAGE, .prot = MK_PROT_READ};
    CHECK_OK(mk_vm_map(w.self, &how, &w.view));
    w.host = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(w.host != MAP_FAILED && mprotect(closed(), PAGE, PROT_NONE) == 0);
    CHECK(mprotect(read_only(), PAGE, PROT_READ) == 0);
}

/* The host's memory goes, and what was held is as good as before. */
static inline void world_end(void)
{
    munmap(w.host, 4 * PAGE);
    memset((void *)w.mine, 'e', 2 * PAGE);
    CHECK_OK(mk_task_terminate(w.child, 0));
    CHECK_OK(mk_task_terminate(w.fresh, 0));
    CHECK_OK(mk_task_by_id(w.machine, w.released_id, &w.released));
    CHECK_OK(mk_task_terminate(w.released, 0));
    CHECK_OK(mk_vm_deallocate(w.self, w.view, 4 * PAGE));
    CHECK_OK(mk_right_release(w.memory));
    CHECK(mkt_type(w.control) == MK_RIGHT_DEAD_NAME);
    CHECK_OK(mk_machine_audit(NULL));
}

#define WORLD_REGIONS 16 /* that are compared, of each task */

/* All that a refused call must leave as it was. */
struct world {
    struct snap names;
    struct mk_machine_stats stats;
    struct mk_vm_stats vm[3]; /* of the machine, the caller and the child */
    struct mk_vm_region regions[3][WORLD_REGIONS];
    uint8_t pages[8];
    uint32_t nr_queued; /* for the pager */
};

static inline void world_regions(mk_name_t task, struct mk_vm_region regions[WORLD_REGIONS])
{
    mk_vaddr_t addr = 0;
    for (size_t i = 0; i < WORLD_REGIONS && mk_vm_region(task, addr, &regions[i]) == MK_OK; i++)
        addr = regions[i].start + regions[i].size;
}

static inline void world_take(struct world *s)
{
    memset(s, 0, sizeof(*s));
    snap_take(&s->names);
    s->stats = still_stats();
    CHECK_OK(mk_vm_statistics(MK_NAME_NULL, &s->vm[0]));
    CHECK_OK(mk_vm_statistics(w.self, &s->vm[1]));
    CHECK_OK(mk_vm_statistics(w.child, &s->vm[2]));
    for (size_t i = 0; i < COUNT_OF(s->vm); i++)
        s->vm[i].nr_soft = 0; /* looking at a page that is there takes nothing */
    world_regions(w.self, s->regions[0]);
    world_regions(w.child, s->regions[1]);
    world_regions(w.fresh, s->regions[2]);
    CHECK_OK(mk_vm_pages(w.self, w.mine, 8, s->pages));
    s->nr_queued = port_state(w.pager).nr_queued;
}

/* What is not the same any more; NULL: nothing. */
static inline const char *world_change(const struct world *before)
{
    static struct world now;
    if (mk_machine_audit(NULL) != MK_OK)
        return "the audit";
    world_take(&now);
    return memcmp(&now.names, &before->names, sizeof(now.names))       ? "a name"
           : memcmp(&now.stats, &before->stats, sizeof(now.stats))     ? "the machine's statistics"
           : memcmp(now.vm, before->vm, sizeof(now.vm))                ? "the statistics of memory"
           : memcmp(now.regions, before->regions, sizeof(now.regions)) ? "a region"
           : memcmp(now.pages, before->pages, sizeof(now.pages))       ? "the state of a page"
           : now.nr_queued != before->nr_queued                        ? "the pager's queue"
                                                                       : NULL;
}

static struct world world_before;

static inline void world_refused(mk_err_t got, mk_err_t expected, const char *what, const char *file, int line)
{
    mkt_check_err(got, expected, what, file, line);
    const char *change = world_change(&world_before);
    if (change) {
        mk_log("%s:%d: %s changed %s", file, line, what, change);
        mk_task_exit(1);
    }
}

/* The call is refused with this error, and nothing has changed. */
#define REFUSED(call, expected) \
    (world_take(&world_before), world_refused((call), (expected), #call, __FILE__, __LINE__))

#endif
