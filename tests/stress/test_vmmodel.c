/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Virtual memory against a naive model: several tasks in a small machine with a backing store, random operations of
 * all calls that change memory. The model holds each page's bytes in plain arrays and copies eagerly; what tasks see
 * must be the same at any time, whatever was evicted, shared or copied late.
 *
 * One thread drives: windows are ordinary addresses, so that it can touch the memory of all tasks. What must be done by
 * a task itself (messages, inheritance) is done by a thread of it, on command.
 */
#include "stress.h"

#include "helpers.h"
#include "pagers.h"

#define MAX_TASKS   4
#define MAX_PAGES   160
#define MAX_RUN     6
#define MAX_OBJECTS 4
#define MAX_QUEUE   3
#define NR_STEPS    (unsigned)stress_env("MK_STRESS_STEPS", STRESS_SIZE(500, 200))
#define NR_SEEDS    stress_env("MK_STRESS_SEEDS", 8)
#define FIRST_SEED  stress_env("MK_STRESS_FIRST", 1)
#define CHECK_EVERY stress_env("MK_STRESS_EVERY", 16)

#define RW (uint32_t)(MK_PROT_READ | MK_PROT_WRITE)

/* ---- the model ---- */

/* Bytes that somebody sees: one task, or all that share them. */
struct bytes {
    unsigned refs;
    char all[PAGE];
};

struct page {
    mk_vaddr_t addr;
    uint32_t prot, max_prot;
    enum mk_inherit inherit;
    bool is_shared;  /* an object's, or shared by inheritance: copies of it are made at once */
    bool is_lazy;    /* a private view of an object's page that was not written yet */
    bool is_unknown; /* such a view of an anonymous object's page that was written since: before or after */
    struct object *object;
    struct bytes *bytes;
};

struct object {
    bool is_used, has_pager;
    unsigned nr;
    mk_name_t memory, control;
    unsigned nr_pages;
    struct bytes *bytes[8];
    char *contents; /* the pager's */
    volatile unsigned nr_locked;
};

struct piece {
    bool is_move;
    size_t offset, size;
    unsigned nr_pages;
    struct page pages[MAX_RUN + 1];
};

struct message {
    unsigned nr_pieces;
    struct piece pieces[2];
};

struct actor {
    bool is_alive;
    mk_name_t task, commands, data;
    unsigned nr_pages, nr_queued;
    struct page pages[MAX_PAGES];
    struct message queue[MAX_QUEUE];
};

struct command {
    struct mk_msg_memory memories[2];
    unsigned nr_memories;
    intptr_t delta;
    mk_err_t err;
};

enum { COMMAND_SEND = 1, COMMAND_RECEIVE, COMMAND_INHERIT };

struct world {
    uint64_t seed, random;
    unsigned step;
    struct actor actors[MAX_TASKS];
    struct object objects[MAX_OBJECTS];
    struct command command;
    mk_name_t hello, pager;
};

static struct world w;
static const char *const policies[] = {"clock", "clock-clear", "fifo", "lru", "aging", "random", "ws", "opt"};

static uint32_t below(uint32_t n)
{
    return stress_below(&w.random, n);
}

#define EXPECT(what) expect(!!(what), #what, __LINE__)
static void expect(bool is_true, const char *what, int line)
{
    if (is_true)
        return;
    mk_log("seed %llu, step %u: line %d: not true: %s", (unsigned long long)w.seed, w.step, line, what);
    mk_task_exit(1);
}

static void expect_err(mk_err_t got, mk_err_t expected, const char *what, int line)
{
    if (got == expected)
        return;
    mk_log("seed %llu, step %u: line %d: %s: got %s, expected %s", (unsigned long long)w.seed, w.step, line, what,
           mk_err_name(got), mk_err_name(expected));
    mk_task_exit(1);
}
#define EXPECT_ERR(call, expected) expect_err((call), (expected), #call, __LINE__)
#define EXPECT_OK(call)            EXPECT_ERR(call, MK_OK)

static struct bytes *bytes_new(const struct bytes *from)
{
    struct bytes *b = (struct bytes *)calloc(1, sizeof(*b));
    b->refs = 1;
    if (from)
        memcpy(b->all, from->all, PAGE);
    return b;
}

static void bytes_drop(struct bytes *b)
{
    if (--b->refs == 0)
        free(b);
}

/* What a task sees at addresses; not what the compiler remembers. */
static void touch_copy(void *to, const void *from, size_t size)
{
    __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(size) : : "memory");
}

static void page_check(const struct page *p)
{
    static char seen[PAGE];
    if (!(p->prot & MK_PROT_READ) || p->is_unknown)
        return;
    touch_copy(seen, (const void *)p->addr, PAGE);
    if (memcmp(seen, p->bytes->all, PAGE) == 0)
        return;
    unsigned i = 0;
    while (seen[i] == p->bytes->all[i])
        i++;
    mk_log("seed %llu, step %u: page 0x%llx differs at byte %u: %d, not %d (shared %d, lazy %d, object %d)",
           (unsigned long long)w.seed, w.step, (unsigned long long)p->addr, i, seen[i], p->bytes->all[i], p->is_shared,
           p->is_lazy, p->object ? 1 + p->object->has_pager : 0);
    mk_task_exit(1);
}

static void page_drop(struct page *p)
{
    bytes_drop(p->bytes);
}

/* Before it is written: a private view becomes the task's own; private views of what is shared see it, or maybe not. */
static void page_before_write(struct page *p)
{
    if (p->is_lazy) {
        struct bytes *own = bytes_new(p->bytes);
        bytes_drop(p->bytes);
        p->bytes = own;
        p->is_lazy = false;
    } else if (p->object && p->is_shared && !p->object->has_pager) {
        for (unsigned i = 0; i < MAX_TASKS; i++)
            for (unsigned j = 0; j < w.actors[i].nr_pages; j++)
                if (w.actors[i].pages[j].bytes == p->bytes && w.actors[i].pages[j].is_lazy)
                    w.actors[i].pages[j].is_unknown = true;
    }
}

static void page_write(struct page *p, size_t offset, const char *from, size_t size)
{
    page_before_write(p);
    memcpy(p->bytes->all + offset, from, size);
}

/* A copy of a page's bytes for somebody else. */
static struct page page_copy(const struct page *p)
{
    struct page copy = *p;
    copy.bytes = bytes_new(p->bytes);
    copy.prot = copy.max_prot = RW;
    copy.inherit = MK_INHERIT_COPY;
    copy.is_shared = copy.is_lazy = false;
    copy.object = NULL;
    return copy;
}

/* ---- pages of a task ---- */

static void actor_add(struct actor *a, struct page page)
{
    unsigned at = a->nr_pages;
    EXPECT(a->nr_pages < MAX_PAGES);
    while (at > 0 && a->pages[at - 1].addr > page.addr)
        at--;
    EXPECT(at == a->nr_pages || a->pages[at].addr != page.addr);
    memmove(&a->pages[at + 1], &a->pages[at], (a->nr_pages - at) * sizeof(page));
    a->pages[at] = page;
    a->nr_pages++;
}

static void actor_remove(struct actor *a, unsigned at, unsigned nr)
{
    memmove(&a->pages[at], &a->pages[at + nr], (a->nr_pages - at - nr) * sizeof(a->pages[0]));
    a->nr_pages -= nr;
}

static struct actor *any_actor(void)
{
    struct actor *a;
    do
        a = &w.actors[below(MAX_TASKS)];
    while (!a->is_alive);
    return a;
}

/* Some pages that lie one behind the other. */
static bool any_run(struct actor *a, unsigned *atp, unsigned *nrp)
{
    if (!a->nr_pages)
        return false;
    unsigned at = below(a->nr_pages), nr = 1, want = 1 + below(MAX_RUN);
    while (nr < want && at + nr < a->nr_pages && a->pages[at + nr].addr == a->pages[at].addr + nr * PAGE)
        nr++;
    *atp = at;
    *nrp = nr;
    return true;
}

static bool have_all(const struct page *pages, unsigned nr, uint32_t prot)
{
    for (unsigned i = 0; i < nr; i++)
        if ((pages[i].prot & prot) != prot)
            return false;
    return true;
}

/* ---- commands ---- */

static void actor_main(void *arg)
{
    (void)arg;
    mk_name_t commands, data, hello;
    CHECK_OK(mk_task_set_server(true));
    CHECK_OK(mk_port_create(&commands));
    CHECK_OK(mk_port_create(&data));
    CHECK_OK(mk_task_get_special(mk_task_self(), MK_SPECIAL_REGISTERED_0, &hello));
    struct mk_msg_right rights[2] = {{commands, MK_MAKE_SEND}, {data, MK_MAKE_SEND}};
    struct mk_msg msg = {.rights = rights, .nr_rights = 2};
    CHECK_OK(mk_send(hello, &msg, MK_TIME_FOREVER));
    for (;;) {
        struct command *c = &w.command;
        struct mk_msg_right right = {0};
        msg = (struct mk_msg){.rights = &right, .max_rights = 1};
        if (mk_receive(commands, &msg, MK_TIME_FOREVER))
            return;
        struct mk_msg m = {.memories = c->memories, .nr_memories = c->nr_memories, .max_memories = 2};
        switch (msg.id) {
        case COMMAND_SEND:
            c->err = mk_send(right.name, &m, MK_TIME_POLL);
            break;
        case COMMAND_RECEIVE:
            c->err = mk_receive(data, &m, MK_TIME_POLL);
            c->nr_memories = m.nr_memories;
            break;
        default:
            c->err = mk_vm_inherit_from(right.name, &c->delta);
            break;
        }
        if (right.name)
            CHECK_OK(mk_right_release(right.name));
        struct mk_msg answer = {.reply = msg.reply};
        CHECK_OK(mk_reply(&answer));
    }
}

static mk_err_t command(const struct actor *a, uint32_t id, mk_name_t with)
{
    struct mk_msg_right right = {with, MK_COPY_SEND};
    struct mk_msg msg = {.id = id, .rights = &right, .nr_rights = with != MK_NAME_NULL, .max_rights = 1};
    EXPECT_OK(mk_call(a->commands, &msg, MK_TIME_FOREVER));
    return w.command.err;
}

static void actor_start(struct actor *a)
{
    struct mk_msg_right rights[2];
    struct mk_msg msg = {.rights = rights, .max_rights = 2};
    EXPECT_OK(mk_task_set_special(a->task, MK_SPECIAL_REGISTERED_0, w.hello));
    EXPECT_OK(mk_right_release(thread_in(a->task, "actor", actor_main, NULL, 0)));
    EXPECT_OK(mk_receive(w.hello, &msg, MK_TIME_FOREVER));
    a->commands = rights[0].name;
    a->data = rights[1].name;
    a->is_alive = true;
}

static void message_drop(struct message *m)
{
    for (unsigned i = 0; i < m->nr_pieces; i++)
        for (unsigned j = 0; j < m->pieces[i].nr_pages; j++)
            page_drop(&m->pieces[i].pages[j]);
}

static void actor_end(struct actor *a)
{
    for (unsigned i = 0; i < a->nr_pages; i++)
        page_drop(&a->pages[i]);
    for (unsigned i = 0; i < a->nr_queued; i++)
        message_drop(&a->queue[i]);
    EXPECT_OK(mk_task_terminate(a->task, 0));
    EXPECT_OK(mk_right_release(a->task));
    EXPECT_OK(mk_right_release(a->commands));
    EXPECT_OK(mk_right_release(a->data));
    memset(a, 0, sizeof(*a));
}

/* ---- objects ---- */

static void pager_main(void *arg)
{
    static char body[sizeof(struct mk_pager_message) + PAGE];
    struct mk_msg msg = {.body = body, .capacity = sizeof(body)};
    (void)arg;
    while (mk_receive(w.pager, &msg, MK_TIME_FOREVER) == MK_OK) {
        struct mk_pager_message m;
        memcpy(&m, body, sizeof(m));
        struct object *o = (struct object *)(uintptr_t)m.cookie;
        if (msg.id == MK_PAGER_REQUEST && o->is_used) {
            EXPECT_OK(mk_memory_supply(o->control, m.offset, o->contents + m.offset, m.size));
        } else if (msg.id == MK_PAGER_RETURN) {
            memcpy(o->contents + m.offset, body + sizeof(m), m.size);
        } else if (msg.id == MK_PAGER_LOCKED) {
            o->nr_locked++;
        } else if (msg.id == MK_PAGER_TERMINATE) {
            EXPECT_OK(mk_right_release(o->control));
            for (unsigned i = 0; i < o->nr_pages; i++)
                bytes_drop(o->bytes[i]);
            free(o->contents);
            memset(o, 0, sizeof(*o));
        }
    }
}

static void op_object(void)
{
    struct object *o = &w.objects[below(MAX_OBJECTS)];
    if (o->is_used)
        return;
    bool has_pager = below(3) > 0;
    unsigned nr = 1 + below(8);
    mk_name_t memory, control = MK_NAME_NULL;
    mk_err_t err =
        mk_memory_create(has_pager ? w.pager : MK_NAME_NULL, (uint64_t)(uintptr_t)o, nr * PAGE, &memory, &control);
    if (err == MK_E_LIMIT_MEMORY)
        return;
    EXPECT_OK(err);
    *o = (struct object){.is_used = true, .has_pager = has_pager, .nr_pages = nr};
    o->memory = memory;
    o->control = control;
    o->contents = (char *)calloc(nr, PAGE);
    for (unsigned i = 0; i < nr; i++) {
        o->bytes[i] = bytes_new(NULL);
        if (has_pager)
            for (unsigned j = 0; j < PAGE; j += 64)
                o->bytes[i]->all[j] = o->contents[i * PAGE + j] = (char)below(256);
    }
}

static struct object *any_object(void)
{
    struct object *o = &w.objects[below(MAX_OBJECTS)];
    return o->is_used && o->memory ? o : NULL;
}

static void op_map(void)
{
    struct actor *a = any_actor();
    struct object *o = any_object();
    if (!o || a->nr_pages + 8 > MAX_PAGES)
        return;
    unsigned first = below(o->nr_pages), nr = 1 + below(o->nr_pages - first);
    bool is_copy = below(2);
    uint32_t prot = below(3) ? RW : MK_PROT_READ, max_prot = below(2) ? RW : 0;
    const struct mk_vm_map how = {o->memory, first * PAGE, nr * PAGE, prot, max_prot, is_copy, 0};
    mk_vaddr_t addr;
    mk_err_t err = mk_vm_map(a->task, &how, &addr);
    if (err == MK_E_LIMIT_MEMORY)
        return;
    EXPECT_OK(err);
    for (unsigned i = 0; i < nr; i++) {
        o->bytes[first + i]->refs++;
        actor_add(a, (struct page){.addr = addr + i * PAGE,
                                   .prot = prot,
                                   .max_prot = max_prot ? max_prot : prot,
                                   .inherit = is_copy ? MK_INHERIT_COPY : MK_INHERIT_SHARE,
                                   .is_shared = !is_copy,
                                   .is_lazy = is_copy,
                                   .object = o,
                                   .bytes = o->bytes[first + i]});
    }
}

/* Nobody can map it any more; an anonymous one is then known by its pages only. */
static void op_forget(void)
{
    struct object *o = any_object();
    if (!o || below(3))
        return;
    mk_name_t memory = o->memory;
    o->memory = MK_NAME_NULL;
    EXPECT_OK(mk_right_release(memory));
    if (o->has_pager)
        return; /* its pager is told when the last page is unmapped */
    for (unsigned i = 0; i < MAX_TASKS; i++)
        for (unsigned j = 0; j < w.actors[i].nr_pages; j++)
            if (w.actors[i].pages[j].object == o)
                return; /* the place is kept, so that who sees it late is known */
    for (unsigned i = 0; i < o->nr_pages; i++)
        bytes_drop(o->bytes[i]);
    free(o->contents);
    memset(o, 0, sizeof(*o));
}

static void op_lock(void)
{
    struct object *o = any_object();
    if (!o || !o->has_pager)
        return;
    unsigned first = below(o->nr_pages), nr = 1 + below(o->nr_pages - first), before = o->nr_locked;
    uint32_t what = below(2) ? MK_MEMORY_CLEAN : MK_MEMORY_CLEAN | MK_MEMORY_FLUSH;
    mk_err_t err;
    while ((err = mk_memory_lock(o->control, first * PAGE, nr * PAGE, what, 1)) == MK_E_WOULD_BLOCK)
        mk_thread_yield();
    EXPECT_OK(err);
    while (o->nr_locked == before)
        mk_thread_yield();
    for (unsigned i = first; i < first + nr; i++)
        EXPECT(memcmp(o->contents + i * PAGE, o->bytes[i]->all, PAGE) == 0);
}

/* ---- what can be done to a task's memory ---- */

static void op_allocate(void)
{
    struct actor *a = any_actor();
    unsigned nr = 1 + below(8);
    mk_vaddr_t addr;
    if (a->nr_pages + nr > MAX_PAGES)
        return;
    mk_err_t err = mk_vm_allocate(a->task, nr * PAGE - below(PAGE), &addr);
    if (err == MK_E_LIMIT_MEMORY)
        return;
    EXPECT_OK(err);
    for (unsigned i = 0; i < nr; i++)
        actor_add(a, (struct page){.addr = addr + i * PAGE, .prot = RW, .max_prot = RW, .bytes = bytes_new(NULL)});
}

static void op_deallocate(void)
{
    struct actor *a = any_actor();
    unsigned at, nr;
    if (!any_run(a, &at, &nr))
        return;
    EXPECT_OK(mk_vm_deallocate(a->task, a->pages[at].addr, nr * PAGE));
    for (unsigned i = at; i < at + nr; i++)
        page_drop(&a->pages[i]);
    actor_remove(a, at, nr);
}

static void op_protect(void)
{
    struct actor *a = any_actor();
    unsigned at, nr;
    if (!any_run(a, &at, &nr))
        return;
    uint32_t prot = below(6) == 0 ? MK_PROT_NONE : below(3) ? RW : MK_PROT_READ;
    mk_err_t expected = MK_OK;
    for (unsigned i = at; i < at + nr; i++)
        if (prot & ~a->pages[i].max_prot)
            expected = MK_E_NO_ACCESS;
    EXPECT_ERR(mk_vm_protect(a->task, a->pages[at].addr, nr * PAGE, prot), expected);
    for (unsigned i = at; i < at + nr && !expected; i++)
        a->pages[i].prot = prot;
}

static char random_bytes[(MAX_RUN + 1) * PAGE];

/* Any bytes of a run. */
static bool any_range(struct actor *a, unsigned *atp, unsigned *nrp, size_t *offsetp, size_t *sizep)
{
    if (!any_run(a, atp, nrp))
        return false;
    size_t all = *nrp * PAGE, offset = below(2) ? below(PAGE) : 0;
    *offsetp = offset;
    *sizep = below(3) == 0 ? all - offset : 1 + below((uint32_t)(all - offset));
    *nrp = (unsigned)((offset + *sizep + PAGE - 1) / PAGE);
    for (size_t i = 0; i < *sizep; i += 1 + below(200))
        random_bytes[i] = (char)below(256);
    return true;
}

static void model_write(struct page *pages, size_t offset, const char *from, size_t size)
{
    for (; size > 0; pages++, offset = 0) {
        size_t n = PAGE - offset < size ? PAGE - offset : size;
        page_write(pages, offset, from, n);
        from += n;
        size -= n;
    }
}

static void op_write(void)
{
    struct actor *a = any_actor();
    unsigned at, nr;
    size_t offset, size;
    if (!any_range(a, &at, &nr, &offset, &size))
        return;
    struct page *p = &a->pages[at];
    bool is_good = have_all(p, nr, MK_PROT_WRITE);
    if (below(2)) {
        EXPECT_ERR(mk_vm_write(a->task, p->addr + offset, random_bytes, size), is_good ? MK_OK : MK_E_BAD_ADDRESS);
        if (!is_good) { /* the pages before the first bad one */
            for (nr = 0; p[nr].prot & MK_PROT_WRITE; nr++)
                ;
            size = nr ? nr * PAGE - offset : 0;
        }
    } else if (is_good) {
        touch_copy((void *)(p->addr + offset), random_bytes, size);
    } else {
        return;
    }
    model_write(p, offset, random_bytes, size);
}

static void op_read(void)
{
    static char seen[(MAX_RUN + 1) * PAGE];
    struct actor *a = any_actor();
    unsigned at, nr;
    size_t offset, size;
    if (!any_range(a, &at, &nr, &offset, &size))
        return;
    const struct page *p = &a->pages[at];
    bool is_good = have_all(p, nr, MK_PROT_READ);
    EXPECT_ERR(mk_vm_read(a->task, p->addr + offset, seen, size), is_good ? MK_OK : MK_E_BAD_ADDRESS);
    for (size_t i = 0; is_good && i < size; i++) {
        const struct page *q = &p[(offset + i) / PAGE];
        EXPECT(q->is_unknown || seen[i] == q->bytes->all[(offset + i) % PAGE]);
    }
}

static void op_check(void)
{
    struct actor *a = any_actor();
    unsigned at, nr;
    if (!any_run(a, &at, &nr))
        return;
    for (unsigned i = at; i < at + nr; i++)
        page_check(&a->pages[i]);
}

static void op_copy(void)
{
    struct actor *a = any_actor();
    unsigned from, to, nr, nr_to;
    if (!any_run(a, &from, &nr) || !any_run(a, &to, &nr_to))
        return;
    if (nr_to < nr)
        nr = nr_to;
    if (from < to + nr && to < from + nr)
        return;
    bool is_good = have_all(&a->pages[from], nr, MK_PROT_READ) && have_all(&a->pages[to], nr, RW);
    mk_err_t err = mk_vm_copy(a->task, a->pages[from].addr, nr * PAGE, a->pages[to].addr);
    if (err == MK_E_LIMIT_MEMORY)
        return;
    EXPECT_ERR(err, is_good ? MK_OK : MK_E_BAD_ADDRESS);
    for (unsigned i = 0; i < nr && is_good; i++) {
        struct page copy = page_copy(&a->pages[from + i]);
        copy.addr = a->pages[to + i].addr;
        page_drop(&a->pages[to + i]);
        a->pages[to + i] = copy;
    }
}

static void op_inherit(void)
{
    struct actor *a = any_actor();
    unsigned at, nr;
    if (!any_run(a, &at, &nr))
        return;
    enum mk_inherit inherit = (enum mk_inherit)below(3);
    for (unsigned i = at; i < at + nr; i++) /* shared, it still follows the object until one of them writes */
        if (a->pages[i].is_lazy && inherit == MK_INHERIT_SHARE)
            inherit = MK_INHERIT_NONE;
    EXPECT_OK(mk_vm_inherit(a->task, a->pages[at].addr, nr * PAGE, inherit));
    for (unsigned i = at; i < at + nr; i++)
        a->pages[i].inherit = inherit;
}

static void op_wire(void)
{
    struct actor *a = any_actor();
    unsigned at, nr;
    if (!any_run(a, &at, &nr))
        return;
    uint8_t states[MAX_RUN];
    if (nr > 2)
        nr = 2;
    if (!have_all(&a->pages[at], nr, MK_PROT_READ))
        return;
    mk_err_t err = mk_vm_wire(a->task, a->pages[at].addr, nr * PAGE, true);
    if (err == MK_E_LIMIT_MEMORY)
        return;
    EXPECT_OK(err);
    EXPECT_OK(mk_vm_pages(a->task, a->pages[at].addr, nr, states));
    for (unsigned i = 0; i < nr; i++)
        EXPECT(states[i] & MK_PAGE_RESIDENT && states[i] & MK_PAGE_WIRED);
    for (unsigned i = 0; i < nr; i++) /* a private view's page that may be written is its own now */
        if (a->pages[at + i].is_lazy && a->pages[at + i].prot & MK_PROT_WRITE)
            page_before_write(&a->pages[at + i]);
    for (unsigned i = 0; i < nr; i++)
        page_check(&a->pages[at + i]);
    EXPECT_OK(mk_vm_wire(a->task, a->pages[at].addr, nr * PAGE, false));
}

static void op_frames(void)
{
    struct actor *a = any_actor();
    if (below(4))
        return;
    const struct mk_vm_frames frames = {.nr_frames = below(2) ? 4 + below(8) : 0,
                                        .policy = policies[below(COUNT_OF(policies))],
                                        .window = 1 + below(8),
                                        .record = below(2) * 10};
    EXPECT_OK(mk_vm_set_frames(a->task, &frames));
}

/* ---- tasks ---- */

static void op_child(void)
{
    struct actor *parent = any_actor(), *child = &w.actors[below(MAX_TASKS)];
    if (child->is_alive)
        return;
    mk_err_t expected = MK_OK;
    for (unsigned i = 0; i < parent->nr_pages; i++)
        if (parent->pages[i].inherit == MK_INHERIT_COPY && parent->pages[i].is_shared)
            expected = MK_E_BAD_STATE;
    mk_name_t task;
    EXPECT_OK(mk_task_create("child", &task));
    mk_err_t err = command(parent, COMMAND_INHERIT, task);
    if (err == MK_E_LIMIT_MEMORY)
        expected = err;
    EXPECT_ERR(err, expected);
    child->task = task;
    actor_start(child);
    for (unsigned i = 0; i < parent->nr_pages && !err; i++) {
        struct page *p = &parent->pages[i];
        if (p->inherit == MK_INHERIT_NONE)
            continue;
        struct page page = *p;
        page.addr += (mk_vaddr_t)w.command.delta;
        if (p->inherit == MK_INHERIT_COPY && !p->is_lazy) {
            page.bytes = bytes_new(p->bytes);
        } else {
            if (p->inherit == MK_INHERIT_SHARE)
                p->is_shared = true;
            page = *p;
            page.addr += (mk_vaddr_t)w.command.delta;
            page.bytes->refs++;
        }
        actor_add(child, page);
    }
}

static void op_end(void)
{
    struct actor *a = any_actor();
    unsigned nr_alive = 0;
    for (unsigned i = 0; i < MAX_TASKS; i++)
        nr_alive += w.actors[i].is_alive;
    if (nr_alive > 1 && below(3) == 0)
        actor_end(a);
}

/* ---- messages ---- */

static void op_send(void)
{
    struct actor *from = any_actor(), *to = any_actor();
    struct message m = {0};
    unsigned at[2], nr[2];
    if (to->nr_queued == MAX_QUEUE)
        return;
    mk_err_t expected = MK_OK;
    m.nr_pieces = 1 + below(2);
    for (unsigned i = 0; i < m.nr_pieces; i++) {
        struct piece *piece = &m.pieces[i];
        if (!any_range(from, &at[i], &nr[i], &piece->offset, &piece->size))
            return;
        piece->is_move = below(3) == 0;
        if (piece->is_move || below(2)) {
            piece->offset = 0;
            piece->size = nr[i] * PAGE;
        }
        nr[i] = (unsigned)((piece->offset + piece->size + PAGE - 1) / PAGE);
        if (i && at[0] < at[1] + nr[1] && at[1] < at[0] + nr[0]) {
            m.nr_pieces = 1;
            break;
        }
        if (!have_all(&from->pages[at[i]], nr[i], piece->is_move ? RW : MK_PROT_READ))
            expected = MK_E_BAD_ADDRESS;
        w.command.memories[i] = (struct mk_msg_memory){(void *)(from->pages[at[i]].addr + piece->offset), piece->size,
                                                       piece->is_move ? MK_MEMORY_MOVE : MK_MEMORY_COPY};
    }
    w.command.nr_memories = m.nr_pieces;
    mk_err_t err = command(from, COMMAND_SEND, to->data);
    if (err == MK_E_LIMIT_MEMORY)
        return;
    EXPECT_ERR(err, expected);
    if (err)
        return;
    for (unsigned i = 0; i < m.nr_pieces; i++) {
        struct piece *piece = &m.pieces[i];
        piece->nr_pages = nr[i];
        for (unsigned j = 0; j < nr[i]; j++) {
            struct page *p = &from->pages[at[i] + j];
            piece->pages[j] = piece->is_move ? *p : page_copy(p);
            char *all = piece->pages[j].bytes->all;
            size_t start = j == 0 ? piece->offset : 0, left = piece->offset + piece->size - j * PAGE;
            if (!piece->is_move && start)
                memset(all, 0, start);
            if (!piece->is_move && left < PAGE)
                memset(all + left, 0, PAGE - left);
        }
    }
    unsigned order = m.nr_pieces == 2 && at[1] > at[0] ? 1 : 0;
    for (unsigned n = 0; n < m.nr_pieces; n++) { /* the later ones first */
        unsigned i = n == 0 ? order : 1 - order;
        if (m.pieces[i].is_move)
            actor_remove(from, at[i], nr[i]);
    }
    to->queue[to->nr_queued++] = m;
}

static void op_receive(void)
{
    struct actor *a = any_actor();
    if (!a->nr_queued || a->nr_pages + 2 * MAX_RUN > MAX_PAGES)
        return;
    struct message m = a->queue[0];
    EXPECT_OK(command(a, COMMAND_RECEIVE, MK_NAME_NULL));
    EXPECT(w.command.nr_memories == m.nr_pieces);
    for (unsigned i = 0; i < m.nr_pieces; i++) {
        const struct mk_msg_memory *memory = &w.command.memories[i];
        mk_vaddr_t start = (mk_vaddr_t)memory->address;
        EXPECT(memory->size == m.pieces[i].size && start % PAGE == m.pieces[i].offset && memory->how == 0);
        for (unsigned j = 0; j < m.pieces[i].nr_pages; j++) {
            m.pieces[i].pages[j].addr = start - start % PAGE + j * PAGE;
            actor_add(a, m.pieces[i].pages[j]);
        }
    }
    memmove(&a->queue[0], &a->queue[1], (--a->nr_queued) * sizeof(a->queue[0]));
}

/* ---- runs ---- */

static const struct {
    void (*run)(void);
    unsigned weight;
} ops[] = {
    {op_allocate, 8}, {op_deallocate, 6}, {op_protect, 6}, {op_write, 25}, {op_read, 8},   {op_check, 12},
    {op_copy, 8},     {op_inherit, 4},    {op_wire, 2},    {op_child, 4},  {op_end, 3},    {op_send, 10},
    {op_receive, 10}, {op_object, 3},     {op_map, 6},     {op_lock, 4},   {op_forget, 1}, {op_frames, 2},
};

static void check_all(void)
{
    EXPECT_OK(mk_machine_audit(NULL));
    for (unsigned i = 0; i < MAX_TASKS; i++)
        for (unsigned j = 0; j < w.actors[i].nr_pages; j++)
            page_check(&w.actors[i].pages[j]);
}

static void model_main(void *arg)
{
    (void)arg;
    unsigned sum = 0;
    for (size_t i = 0; i < COUNT_OF(ops); i++)
        sum += ops[i].weight;
    CHECK_OK(mk_time_sleep(mk_time_now() + MK_MSEC)); /* until the store is there */
    w.hello = mkt_port();
    CHECK_OK(mk_port_create(&w.pager));
    mk_name_t thread = mkt_thread(pager_main, NULL);
    for (unsigned i = 0; i < 2; i++) {
        CHECK_OK(mk_task_create("first", &w.actors[i].task));
        actor_start(&w.actors[i]);
    }
    for (w.step = 0; w.step < NR_STEPS; w.step++) {
        uint32_t which = below(sum), i = 0;
        while (which >= ops[i].weight)
            which -= ops[i++].weight;
        if (getenv("MK_STRESS_SHOW"))
            fprintf(stderr, "step %u: op %u\n", w.step, i);
        ops[i].run();
        EXPECT_OK(mk_machine_audit(NULL));
        if (w.step % CHECK_EVERY == 0)
            check_all();
    }
    check_all();
    for (unsigned i = 0; i < MAX_TASKS; i++)
        if (w.actors[i].is_alive)
            actor_end(&w.actors[i]);
    for (unsigned i = 0; i < MAX_OBJECTS; i++) {
        struct object *o = &w.objects[i];
        if (o->is_used && o->memory)
            EXPECT_OK(mk_right_release(o->memory));
        while (o->is_used && o->has_pager)
            mk_thread_yield();
        for (unsigned j = 0; o->is_used && j < o->nr_pages; j++)
            bytes_drop(o->bytes[j]);
        free(o->contents);
    }
    CHECK_OK(mk_machine_audit(NULL));
    struct mk_vm_stats stats;
    CHECK_OK(mk_vm_statistics(MK_NAME_NULL, &stats));
    EXPECT(stats.nr_used_slots == 0 && stats.nr_wired == 0 && stats.nr_resident == 0);
    CHECK_OK(mk_port_destroy(w.pager));
    join(thread);
}

static void model_run(uint64_t seed)
{
    struct mkt t;
    struct test_pager pager = {.size = (size_t)(400 + 1) * PAGE, .is_store = true};
    const struct mk_machine_config config = {
        .memory_size = (24 + seed * 7 % 40) * PAGE, .page_policy = policies[seed % COUNT_OF(policies)], .seed = seed};
    pager.contents = (char *)calloc(1, pager.size);
    memset(&w, 0, sizeof(w));
    w.seed = w.random = seed;
    mkt_begin(&t, &config);
    mkt_spawn(&t, "store", store_main, &pager, true);
    mkt_spawn(&t, "model", model_main, NULL, false);
    store_end(&t, &pager);
}

/* VMMODEL0010: whatever is done to memory, each task sees what it must, and the audit is content. */
static void VMMODEL0010(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < NR_SEEDS; i++)
        model_run(FIRST_SEED + i);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(VMMODEL0010)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
