/* SPDX-License-Identifier: BSD-2-Clause */
/* Every call of <mk/vm.h> and <mk/memory.h> with what it must refuse: the documented error, and nothing changed. */
#include "vmworld.h"

/* Outputs of calls that are to be refused. */
static union {
    mk_vaddr_t addr;
    mk_name_t name;
    intptr_t delta;
    size_t nr;
    struct mk_vm_region region;
    struct mk_vm_stats stats;
    uint8_t states[16];
} out;

static uint64_t refs_out[4];
static char buffer[2 * PAGE];

/* ---- names ---- */

/* A call with one name under test; all else is good. */
struct name_call {
    const char *what;
    mk_err_t (*call)(mk_name_t name);
};

static mk_err_t n_allocate(mk_name_t task)
{
    return mk_vm_allocate(task, PAGE, &out.addr);
}
static mk_err_t n_deallocate(mk_name_t task)
{
    return mk_vm_deallocate(task, w.mine, PAGE);
}
static mk_err_t n_protect(mk_name_t task)
{
    return mk_vm_protect(task, w.mine, PAGE, MK_PROT_READ);
}
static mk_err_t n_map(mk_name_t task)
{
    const struct mk_vm_map how = {.memory = w.memory, .size = PAGE, .prot = MK_PROT_READ};
    return mk_vm_map(task, &how, &out.addr);
}
static mk_err_t n_read(mk_name_t task)
{
    return mk_vm_read(task, w.mine, buffer, 16);
}
static mk_err_t n_write(mk_name_t task)
{
    return mk_vm_write(task, w.mine, buffer, 16);
}
static mk_err_t n_copy(mk_name_t task)
{
    return mk_vm_copy(task, w.mine, PAGE, mine(5));
}
static mk_err_t n_inherit(mk_name_t task)
{
    return mk_vm_inherit(task, w.mine, PAGE, MK_INHERIT_NONE);
}
static mk_err_t n_inherit_from(mk_name_t task)
{
    return mk_vm_inherit_from(task, &out.delta);
}
static mk_err_t n_wire(mk_name_t task)
{
    return mk_vm_wire(task, w.mine, PAGE, true);
}
static mk_err_t n_unwire(mk_name_t task)
{
    return mk_vm_wire(task, w.mine, PAGE, false);
}
static mk_err_t n_region(mk_name_t task)
{
    return mk_vm_region(task, w.mine, &out.region);
}
static mk_err_t n_pages(mk_name_t task)
{
    return mk_vm_pages(task, w.mine, 8, out.states);
}
static mk_err_t n_set_frames(mk_name_t task)
{
    const struct mk_vm_frames frames = {.nr_frames = 1};
    return mk_vm_set_frames(task, &frames);
}
static mk_err_t n_refs(mk_name_t task)
{
    struct mk_page_refs refs = {.refs = refs_out, .max = COUNT_OF(refs_out)};
    return mk_vm_refs(task, &refs);
}
static mk_err_t n_set_limit(mk_name_t task)
{
    return mk_vm_set_limit(task, UINT64_MAX);
}
static mk_err_t n_working_set(mk_name_t task)
{
    return mk_vm_working_set(task, &out.nr);
}
static mk_err_t n_statistics(mk_name_t task)
{
    return mk_vm_statistics(task, &out.stats);
}

static const struct name_call task_calls[] = {
    {"mk_vm_allocate", n_allocate},
    {"mk_vm_deallocate", n_deallocate},
    {"mk_vm_protect", n_protect},
    {"mk_vm_map", n_map},
    {"mk_vm_read", n_read},
    {"mk_vm_write", n_write},
    {"mk_vm_copy", n_copy},
    {"mk_vm_inherit", n_inherit},
    {"mk_vm_inherit_from", n_inherit_from},
    {"mk_vm_wire", n_wire},
    {"mk_vm_wire, no longer", n_unwire},
    {"mk_vm_region", n_region},
    {"mk_vm_pages", n_pages},
    {"mk_vm_set_frames", n_set_frames},
    {"mk_vm_refs", n_refs},
    {"mk_vm_set_limit", n_set_limit},
    {"mk_vm_working_set", n_working_set},
    {"mk_vm_statistics", n_statistics},
};

static mk_err_t n_supply(mk_name_t control)
{
    return mk_memory_supply(control, 0, buffer, PAGE);
}
static mk_err_t n_unavailable(mk_name_t control)
{
    return mk_memory_unavailable(control, 0, PAGE);
}
static mk_err_t n_fail(mk_name_t control)
{
    return mk_memory_fail(control, 0, PAGE);
}
static mk_err_t n_lock(mk_name_t control)
{
    return mk_memory_lock(control, 0, PAGE, MK_MEMORY_FLUSH, 7);
}
static mk_err_t n_set_timeout(mk_name_t control)
{
    return mk_memory_set_timeout(control, MK_SEC);
}
static mk_err_t n_destroy(mk_name_t control)
{
    return mk_memory_destroy(control);
}
static mk_err_t n_store(mk_name_t control)
{
    return mk_memory_set_store(w.machine, control);
}

static const struct name_call control_calls[] = {
    {"mk_memory_supply", n_supply},   {"mk_memory_unavailable", n_unavailable}, {"mk_memory_fail", n_fail},
    {"mk_memory_lock", n_lock},       {"mk_memory_set_timeout", n_set_timeout}, {"mk_memory_destroy", n_destroy},
    {"mk_memory_set_store", n_store},
};

static mk_err_t n_map_memory(mk_name_t memory)
{
    const struct mk_vm_map how = {.memory = memory, .size = PAGE, .prot = MK_PROT_READ};
    return mk_vm_map(w.self, &how, &out.addr);
}
static mk_err_t n_store_machine(mk_name_t machine)
{
    return mk_memory_set_store(machine, w.control);
}
static mk_err_t n_create(mk_name_t pager)
{
    mk_name_t control;
    return mk_memory_create(pager, 9, PAGE, &out.name, &control);
}

struct bad_name {
    mk_name_t name;
    mk_err_t err;
};

static void refuse_name(const struct name_call *c, const struct bad_name *bad)
{
    world_take(&world_before);
    mk_err_t err = c->call(bad->name);
    const char *change = world_change(&world_before);
    if (err == bad->err && !change)
        return;
    mk_log("%s(%#x): got %s, expected %s, changed %s", c->what, bad->name, mk_err_name(err), mk_err_name(bad->err),
           change ? change : "nothing");
    mk_task_exit(1);
}

static void refuse_names(const struct name_call *calls, size_t nr_calls, const struct bad_name *bad, size_t nr_bad)
{
    for (size_t i = 0; i < nr_calls; i++)
        for (size_t j = 0; j < nr_bad; j++)
            refuse_name(&calls[i], &bad[j]);
}

/* What no call takes, whatever it wants. */
static void refuse_common(const struct name_call *calls, size_t nr_calls)
{
    const struct bad_name bad[] = {
        {0x7ffffff0, MK_E_BAD_NAME}, {w.stale, MK_E_BAD_NAME}, {w.released, MK_E_BAD_NAME},
        {w.once, MK_E_BAD_RIGHT},    {w.set, MK_E_BAD_RIGHT},  {w.event, MK_E_BAD_RIGHT},
    };
    refuse_names(calls, nr_calls, bad, COUNT_OF(bad));
}

/* VMERR0010: names of nothing, of other kinds of right and of tasks that ended are refused where a task is wanted. */
MKT_TEST(VMERR0010)
{
    (void)arg;
    world_begin();
    const struct bad_name bad[] = {
        {MK_NAME_DEAD, MK_E_BAD_NAME}, {w.port, MK_E_BAD_RIGHT},    {w.receive, MK_E_BAD_RIGHT},
        {w.dead, MK_E_BAD_RIGHT},      {w.thread, MK_E_BAD_RIGHT},  {w.machine, MK_E_BAD_RIGHT},
        {w.memory, MK_E_BAD_RIGHT},    {w.control, MK_E_BAD_RIGHT}, {w.gone, MK_E_BAD_RIGHT},
        {w.anonymous, MK_E_BAD_RIGHT}, {w.ended, MK_E_DEAD},
    };
    const struct bad_name null = {MK_NAME_NULL, MK_E_BAD_NAME};
    refuse_common(task_calls, COUNT_OF(task_calls));
    refuse_names(task_calls, COUNT_OF(task_calls), bad, COUNT_OF(bad));
    for (size_t i = 0; i < COUNT_OF(task_calls); i++)
        if (task_calls[i].call != n_statistics) /* which is of the machine then */
            refuse_name(&task_calls[i], &null);
    world_end();
}

/* VMERR0020: what is no control right of a living object is refused where one is wanted. */
MKT_TEST(VMERR0020)
{
    (void)arg;
    world_begin();
    const struct bad_name bad[] = {
        {MK_NAME_NULL, MK_E_BAD_NAME}, {MK_NAME_DEAD, MK_E_BAD_NAME}, {w.port, MK_E_BAD_RIGHT},
        {w.receive, MK_E_BAD_RIGHT},   {w.dead, MK_E_BAD_RIGHT},      {w.self, MK_E_BAD_RIGHT},
        {w.ended, MK_E_BAD_RIGHT},     {w.thread, MK_E_BAD_RIGHT},    {w.machine, MK_E_BAD_RIGHT},
        {w.memory, MK_E_BAD_RIGHT},    {w.anonymous, MK_E_BAD_RIGHT}, {w.gone, MK_E_DEAD},
    };
    refuse_common(control_calls, COUNT_OF(control_calls));
    refuse_names(control_calls, COUNT_OF(control_calls), bad, COUNT_OF(bad));
    world_end();
}

/* VMERR0030: a memory object, the machine and a pager's port are told from other rights. */
MKT_TEST(VMERR0030)
{
    (void)arg;
    world_begin();
    static const struct name_call memory = {"mk_vm_map, memory", n_map_memory};
    static const struct name_call machine = {"mk_memory_set_store, machine", n_store_machine};
    static const struct name_call pager = {"mk_memory_create, pager", n_create};
    const struct bad_name any[] = {
        {MK_NAME_NULL, MK_E_BAD_NAME}, {MK_NAME_DEAD, MK_E_BAD_NAME}, {w.port, MK_E_BAD_RIGHT},
        {w.receive, MK_E_BAD_RIGHT},   {w.dead, MK_E_BAD_RIGHT},      {w.self, MK_E_BAD_RIGHT},
        {w.ended, MK_E_BAD_RIGHT},     {w.thread, MK_E_BAD_RIGHT},    {w.control, MK_E_BAD_RIGHT},
        {w.gone, MK_E_BAD_RIGHT},
    };
    const struct bad_name no_port[] = {
        {MK_NAME_DEAD, MK_E_DEAD},  {w.dead, MK_E_DEAD},         {w.self, MK_E_BAD_RIGHT},
        {w.ended, MK_E_DEAD},       {w.thread, MK_E_BAD_RIGHT},  {w.machine, MK_E_BAD_RIGHT},
        {w.memory, MK_E_BAD_RIGHT}, {w.control, MK_E_BAD_RIGHT}, {w.gone, MK_E_DEAD},
    };
    const struct bad_name the_machine = {w.machine, MK_E_BAD_RIGHT}, object = {w.memory, MK_E_BAD_RIGHT};
    refuse_common(&memory, 1);
    refuse_names(&memory, 1, any, COUNT_OF(any));
    refuse_name(&memory, &the_machine);
    refuse_common(&machine, 1);
    refuse_names(&machine, 1, any, COUNT_OF(any));
    refuse_name(&machine, &object);
    refuse_common(&pager, 1);
    refuse_names(&pager, 1, no_port, COUNT_OF(no_port));
    world_end();
}

/* VMERR0040: outside a machine no call does anything. */
static void VMERR0040(void **state)
{
    (void)state;
    memset(&w, 0, sizeof(w));
    for (size_t i = 0; i < COUNT_OF(task_calls); i++)
        assert_int_equal(task_calls[i].call(1), MK_E_NOT_IN_MACHINE);
    assert_int_equal(task_calls[COUNT_OF(task_calls) - 1].call(MK_NAME_NULL), MK_E_NOT_IN_MACHINE);
    for (size_t i = 0; i < COUNT_OF(control_calls); i++)
        assert_int_equal(control_calls[i].call(1), MK_E_NOT_IN_MACHINE);
    assert_int_equal(n_create(MK_NAME_NULL), MK_E_NOT_IN_MACHINE);
}

/* ---- pointers ---- */

/* A call with one pointer argument under test. */
struct pointer_call {
    const char *what;
    mk_err_t (*call)(void *p);
    size_t size;     /* of what it points to */
    bool is_written; /* by the kernel */
    bool may_be_null;
};

static mk_err_t p_allocate(void *p)
{
    return mk_vm_allocate(w.self, PAGE, p);
}
static mk_err_t p_map(void *p)
{
    const struct mk_vm_map how = {.memory = w.memory, .size = PAGE, .prot = MK_PROT_READ};
    return mk_vm_map(w.self, &how, p);
}
static mk_err_t p_map_how(void *p)
{
    return mk_vm_map(w.self, p, &out.addr);
}
static mk_err_t p_read(void *p)
{
    return mk_vm_read(w.self, w.mine, p, 40);
}
static mk_err_t p_write(void *p)
{
    return mk_vm_write(w.child, w.theirs, p, 40);
}
static mk_err_t p_inherit_from(void *p)
{
    return mk_vm_inherit_from(w.fresh, p);
}
static mk_err_t p_region(void *p)
{
    return mk_vm_region(w.self, w.mine, p);
}
static mk_err_t p_pages(void *p)
{
    return mk_vm_pages(w.self, w.mine, 8, p);
}
static mk_err_t p_frames(void *p)
{
    return mk_vm_set_frames(w.child, p);
}
static mk_err_t p_policy(void *p)
{
    const struct mk_vm_frames frames = {.nr_frames = 1, .policy = p};
    return mk_vm_set_frames(w.child, &frames);
}
static mk_err_t p_future(void *p)
{
    const struct mk_vm_frames frames = {.nr_frames = 1, .policy = "opt", .future = p};
    return mk_vm_set_frames(w.child, &frames);
}
static mk_err_t p_future_refs(void *p)
{
    const struct mk_page_refs future = {.refs = p, .nr = 5, .max = 5};
    const struct mk_vm_frames frames = {.nr_frames = 1, .policy = "opt", .future = &future};
    return mk_vm_set_frames(w.child, &frames);
}
static mk_err_t p_refs(void *p)
{
    return mk_vm_refs(w.self, p);
}
static mk_err_t p_refs_refs(void *p)
{
    struct mk_page_refs refs = {.refs = p, .max = 2};
    return mk_vm_refs(w.self, &refs);
}
static mk_err_t p_working_set(void *p)
{
    return mk_vm_working_set(w.self, p);
}
static mk_err_t p_statistics(void *p)
{
    return mk_vm_statistics(w.self, p);
}
static mk_err_t p_statistics_all(void *p)
{
    return mk_vm_statistics(MK_NAME_NULL, p);
}
static mk_err_t p_create(void *p)
{
    mk_name_t control;
    return mk_memory_create(w.pager, 9, PAGE, p, &control);
}
static mk_err_t p_create_anonymous(void *p)
{
    return mk_memory_create(MK_NAME_NULL, 9, PAGE, p, NULL);
}
static mk_err_t p_create_control(void *p)
{
    return mk_memory_create(w.pager, 9, PAGE, &out.name, p);
}
static mk_err_t p_supply(void *p)
{
    return mk_memory_supply(w.control, 0, p, PAGE);
}

#define OUT(call, type) \
    { \
#call, call, sizeof(type), true, false \
    }
#define IN(call, type) \
    { \
#call, call, sizeof(type), false, false \
    }

static const struct pointer_call pointer_calls[] = {
    OUT(p_allocate, mk_vaddr_t),
    OUT(p_map, mk_vaddr_t),
    IN(p_map_how, struct mk_vm_map),
    {"p_read", p_read, 40, true, false},
    {"p_write", p_write, 40, false, false},
    OUT(p_inherit_from, intptr_t),
    OUT(p_region, struct mk_vm_region),
    {"p_pages", p_pages, 8, true, false},
    IN(p_frames, struct mk_vm_frames),
    {"p_policy", p_policy, 4, false, true},
    {"p_future", p_future, sizeof(struct mk_page_refs), false, true},
    {"p_future_refs", p_future_refs, 5 * sizeof(uint64_t), false, false},
    OUT(p_refs, struct mk_page_refs),
    {"p_refs_refs", p_refs_refs, 2 * sizeof(uint64_t), true, false},
    OUT(p_working_set, size_t),
    OUT(p_statistics, struct mk_vm_stats),
    OUT(p_statistics_all, struct mk_vm_stats),
    OUT(p_create, mk_name_t),
    OUT(p_create_anonymous, mk_name_t),
    OUT(p_create_control, mk_name_t),
    {"p_supply", p_supply, PAGE, false, false},
};

static mk_name_t reader; /* waits for the first page of `view` while pointers are refused */

static void reader_main(void *arg)
{
    char byte;
    (void)arg;
    CHECK_OK(mk_vm_read(w.self, w.view, &byte, 1));
    CHECK(byte == 0);
}

/* With a page that was requested, and references of the task's that were noted. */
static void pointers_begin(void)
{
    const struct mk_vm_frames frames = {.nr_frames = 16, .policy = "lru", .record = 8};
    world_begin();
    CHECK_OK(mk_vm_set_frames(w.self, &frames));
    for (size_t i = 0; i < 4; i++)
        *(volatile char *)(i % 2 ? w.mine : mine(1)) = 'm';
    reader = thread_of("reader", reader_main, NULL, 0);
    while (thread_info("reader").wait != MK_WAIT_PAGE)
        mk_thread_yield();
}

static void pointers_end(void)
{
    struct mk_page_refs refs = {.refs = refs_out, .max = COUNT_OF(refs_out)};
    CHECK_OK(mk_vm_refs(w.self, &refs));
    CHECK(refs.nr >= 4 && refs_out[0] != refs_out[1] && refs_out[0] == refs_out[2] && refs_out[1] == refs_out[3]);
    CHECK_OK(mk_memory_unavailable(w.control, 0, PAGE));
    join(reader);
    world_end();
}

static void refuse_pointer(const struct pointer_call *c, void *p)
{
    world_take(&world_before);
    mk_err_t err = c->call(p);
    const char *change = world_change(&world_before);
    if (err == MK_E_BAD_ADDRESS && !change)
        return;
    mk_log("%s(%p): got %s, changed %s", c->what, p, mk_err_name(err), change ? change : "nothing");
    mk_task_exit(1);
}

/* VMERR0050: a pointer to no memory, the kernel's half, a hole of the window or nowhere is refused by every call. */
MKT_TEST(VMERR0050)
{
    (void)arg;
    pointers_begin();
    const uintptr_t bad[] = {1,
                             4095,
                             (uintptr_t)closed(),
                             (uintptr_t)closed() + 7,
                             mine(3),
                             mine(4) + 8,
                             0xffff800000000000,
                             0x0000800000000000,
                             0x8000000000000000,
                             UINTPTR_MAX - 7,
                             UINTPTR_MAX};
    for (size_t i = 0; i < COUNT_OF(pointer_calls); i++)
        for (size_t j = 0; j < COUNT_OF(bad); j++)
            refuse_pointer(&pointer_calls[i], (void *)bad[j]);
    pointers_end();
}

/* VMERR0060: NULL is refused by every call whose header does not allow it. */
MKT_TEST(VMERR0060)
{
    (void)arg;
    pointers_begin();
    for (size_t i = 0; i < COUNT_OF(pointer_calls); i++)
        if (!pointer_calls[i].may_be_null)
            refuse_pointer(&pointer_calls[i], NULL);
    pointers_end();
}

/* VMERR0070: a result is not written to memory that is read-only, the host's or the window's. */
MKT_TEST(VMERR0070)
{
    (void)arg;
    pointers_begin();
    for (size_t i = 0; i < COUNT_OF(pointer_calls); i++) {
        if (!pointer_calls[i].is_written)
            continue;
        refuse_pointer(&pointer_calls[i], read_only());
        refuse_pointer(&pointer_calls[i], (void *)mine(2));
    }
    pointers_end();
}

/* VMERR0080: memory that ends before its object does is refused, wherever it ends. */
MKT_TEST(VMERR0080)
{
    (void)arg;
    pointers_begin();
    for (size_t i = 0; i < COUNT_OF(pointer_calls); i++)
        for (size_t n = 1; n<pointer_calls[i].size; n += pointer_calls[i].size> 256 ? 509 : 1) {
            memset(w.host, 'a', 2 * PAGE);
            refuse_pointer(&pointer_calls[i], closed() - n);
        }
    pointers_end();
}

/* VMERR0090: an anonymous object's control is not asked for: its pointer is not looked at. */
MKT_TEST(VMERR0090)
{
    (void)arg;
    mk_name_t memory;
    CHECK_OK(mk_memory_create(MK_NAME_NULL, 0, PAGE, &memory, (mk_name_t *)8));
    CHECK_OK(mk_right_release(memory));
}

/* ---- ranges ---- */

/* A call with a range of pages under test. */
struct range_call {
    const char *what;
    mk_err_t (*call)(mk_vaddr_t addr, size_t size);
};

static mk_err_t r_deallocate(mk_vaddr_t addr, size_t size)
{
    return mk_vm_deallocate(w.self, addr, size);
}
static mk_err_t r_protect(mk_vaddr_t addr, size_t size)
{
    return mk_vm_protect(w.self, addr, size, MK_PROT_NONE);
}
static mk_err_t r_copy_from(mk_vaddr_t addr, size_t size)
{
    return mk_vm_copy(w.self, addr, size, mine(5));
}
static mk_err_t r_copy_to(mk_vaddr_t addr, size_t size)
{
    return mk_vm_copy(w.self, mine(5), size, addr);
}
static mk_err_t r_inherit(mk_vaddr_t addr, size_t size)
{
    return mk_vm_inherit(w.self, addr, size, MK_INHERIT_NONE);
}
static mk_err_t r_wire(mk_vaddr_t addr, size_t size)
{
    return mk_vm_wire(w.self, addr, size, true);
}
static mk_err_t r_unwire(mk_vaddr_t addr, size_t size)
{
    return mk_vm_wire(w.self, addr, size, false);
}

static const struct range_call range_calls[] = {
    {"mk_vm_deallocate", r_deallocate},  {"mk_vm_protect", r_protect}, {"mk_vm_copy, from", r_copy_from},
    {"mk_vm_copy, to", r_copy_to},       {"mk_vm_inherit", r_inherit}, {"mk_vm_wire", r_wire},
    {"mk_vm_wire, no longer", r_unwire},
};

static void refuse_range(const struct range_call *c, mk_vaddr_t addr, size_t size)
{
    world_take(&world_before);
    mk_err_t err = c->call(addr, size);
    const char *change = world_change(&world_before);
    if (err == MK_E_BAD_ARGUMENT && !change)
        return;
    mk_log("%s(%#llx, %#zx): got %s, expected MK_E_BAD_ARGUMENT, changed %s", c->what, (unsigned long long)addr, size,
           mk_err_name(err), change ? change : "nothing");
    mk_task_exit(1);
}

/* VMERR0100: ranges of parts of pages and of nothing are refused, whatever their size. */
MKT_TEST(VMERR0100)
{
    (void)arg;
    world_begin();
    const struct {
        mk_vaddr_t addr;
        size_t size;
    } bad[] = {{w.mine + 1, PAGE},  {w.mine, PAGE + 1},  {w.mine, PAGE - 1},      {w.mine, 1},
               {w.mine, 0},         {w.mine + 8, 0},     {w.mine, SIZE_MAX},      {w.mine + 1, SIZE_MAX},
               {1, PAGE},           {UINTPTR_MAX, PAGE}, {UINTPTR_MAX, SIZE_MAX}, {w.mine, SIZE_MAX / 2},
               {mine(4) + 1, PAGE}, {mine(4), PAGE + 1}};
    for (size_t i = 0; i < COUNT_OF(range_calls); i++)
        for (size_t j = 0; j < COUNT_OF(bad); j++)
            refuse_range(&range_calls[i], bad[j].addr, bad[j].size);
    world_end();
}

/* VMERR0110: ranges that leave the task's window, wrap around or lie in another's are refused. */
MKT_TEST(VMERR0110)
{
    (void)arg;
    world_begin();
    const struct {
        mk_vaddr_t addr;
        size_t size;
    } bad[] = {{0, PAGE},
               {w.mine, SIZE_MAX - PAGE + 1},
               {w.mine, SIZE_MAX / 2 + 1},
               {w.mine, (size_t) - (w.mine - PAGE)},
               {w.mine, (size_t)-w.mine},
               {w.mine, (size_t)1 << 30},
               {w.mine + ((mk_vaddr_t)1 << 30), PAGE},
               {w.mine - ((mk_vaddr_t)1 << 30), PAGE},
               {UINTPTR_MAX - PAGE + 1, PAGE},
               {UINTPTR_MAX - PAGE + 1, 2 * PAGE},
               {0xffff800000000000, PAGE},
               {0x0000800000000000 - PAGE, 2 * PAGE},
               {(mk_vaddr_t)w.host, PAGE},
               {w.theirs, PAGE}};
    for (size_t i = 0; i < COUNT_OF(range_calls); i++)
        for (size_t j = 0; j < COUNT_OF(bad); j++)
            refuse_range(&range_calls[i], bad[j].addr, bad[j].size);
    world_end();
}

/* VMERR0120: a task in which nothing was ever allocated has no place for a range, and no region. */
MKT_TEST(VMERR0120)
{
    (void)arg;
    world_begin();
    REFUSED(mk_vm_deallocate(w.fresh, w.mine, PAGE), MK_E_BAD_ARGUMENT);
    REFUSED(mk_vm_protect(w.fresh, w.mine, PAGE, RW), MK_E_BAD_ARGUMENT);
    REFUSED(mk_vm_copy(w.fresh, w.mine, PAGE, mine(5)), MK_E_BAD_ARGUMENT);
    REFUSED(mk_vm_inherit(w.fresh, w.mine, PAGE, MK_INHERIT_NONE), MK_E_BAD_ARGUMENT);
    REFUSED(mk_vm_wire(w.fresh, w.mine, PAGE, true), MK_E_BAD_ARGUMENT);
    REFUSED(mk_vm_read(w.fresh, w.mine, buffer, 1), MK_E_BAD_ADDRESS);
    REFUSED(mk_vm_write(w.fresh, w.mine, buffer, 1), MK_E_BAD_ADDRESS);
    REFUSED(mk_vm_pages(w.fresh, w.mine, 1, out.states), MK_E_BAD_ARGUMENT);
    REFUSED(mk_vm_region(w.fresh, 0, &out.region), MK_E_NOT_FOUND);
    REFUSED(mk_vm_deallocate(w.fresh, 0, PAGE), MK_E_BAD_ARGUMENT);
    world_end();
}

/* VMERR0130: where pages have to be allocated, a range with one that is not changes none of them. */
MKT_TEST(VMERR0130)
{
    (void)arg;
    world_begin();
    for (size_t first = 3; first <= 4; first++)
        for (size_t nr = 1 + (first < 4); nr < 4; nr++) { /* with page 4, the hole */
            REFUSED(mk_vm_protect(w.self, mine(first), nr * PAGE, MK_PROT_READ), MK_E_BAD_ADDRESS);
            REFUSED(mk_vm_inherit(w.self, mine(first), nr * PAGE, MK_INHERIT_SHARE), MK_E_BAD_ADDRESS);
            REFUSED(mk_vm_wire(w.self, mine(first), nr * PAGE, true), MK_E_BAD_ADDRESS);
            REFUSED(mk_vm_wire(w.self, mine(first), nr * PAGE, false), MK_E_BAD_ADDRESS);
            REFUSED(mk_vm_copy(w.self, mine(first), nr * PAGE, w.mine), MK_E_BAD_ADDRESS);
            REFUSED(mk_vm_read(w.self, mine(first), buffer, nr * PAGE < sizeof(buffer) ? nr * PAGE : sizeof(buffer)),
                    MK_E_BAD_ADDRESS);
        }
    REFUSED(mk_vm_wire(w.self, w.mine, 8 * PAGE, true), MK_E_BAD_ADDRESS);
    REFUSED(mk_vm_wire(w.self, w.mine, 4 * PAGE, true), MK_E_BAD_ADDRESS); /* page 3 cannot be brought in */
    REFUSED(mk_vm_copy(w.self, w.mine, PAGE, mine(4)), MK_E_BAD_ADDRESS);
    REFUSED(mk_vm_copy(w.self, w.mine, 2 * PAGE, mine(4)), MK_E_BAD_ADDRESS);
    world_end();
}

/* VMERR0140: protection is seen: sources have to be readable, targets readable and writable. */
MKT_TEST(VMERR0140)
{
    (void)arg;
    world_begin();
    REFUSED(mk_vm_read(w.self, mine(3), buffer, 1), MK_E_BAD_ADDRESS);
    REFUSED(mk_vm_write(w.self, mine(3), buffer, 1), MK_E_BAD_ADDRESS);
    REFUSED(mk_vm_write(w.self, mine(2), buffer, 1), MK_E_BAD_ADDRESS);
    REFUSED(mk_vm_write(w.self, w.view, buffer, 1), MK_E_BAD_ADDRESS);
    REFUSED(mk_vm_copy(w.self, mine(3), PAGE, w.mine), MK_E_BAD_ADDRESS);
    REFUSED(mk_vm_copy(w.self, mine(1), PAGE, mine(2)), MK_E_BAD_ADDRESS);
    REFUSED(mk_vm_copy(w.self, mine(1), PAGE, mine(3)), MK_E_BAD_ADDRESS);
    REFUSED(mk_vm_copy(w.self, mine(0), PAGE, w.view), MK_E_BAD_ADDRESS);
    REFUSED(mk_vm_copy(w.self, mine(5), 2 * PAGE, mine(1)), MK_E_BAD_ADDRESS); /* the second is read-only */
    REFUSED(mk_vm_protect(w.self, w.view, PAGE, RW), MK_E_NO_ACCESS);
    REFUSED(mk_vm_protect(w.self, w.view, 4 * PAGE, MK_PROT_WRITE), MK_E_NO_ACCESS);
    world_end();
}

/* VMERR0150: copies to where they come from are refused, however much they overlap. */
MKT_TEST(VMERR0150)
{
    (void)arg;
    world_begin();
    mk_vaddr_t p;
    CHECK_OK(mk_vm_allocate(w.self, 8 * PAGE, &p));
    REFUSED(mk_vm_copy(w.self, p, 4 * PAGE, p), MK_E_BAD_ARGUMENT);
    REFUSED(mk_vm_copy(w.self, p, 4 * PAGE, p + 3 * PAGE), MK_E_BAD_ARGUMENT);
    REFUSED(mk_vm_copy(w.self, p + 3 * PAGE, 4 * PAGE, p), MK_E_BAD_ARGUMENT);
    CHECK_OK(mk_vm_copy(w.self, p, 4 * PAGE, p + 4 * PAGE));
    world_end();
}

/* VMERR0160: bytes at any address: a range over an end or around the end of all addresses is refused. */
MKT_TEST(VMERR0160)
{
    (void)arg;
    world_begin();
    const struct {
        mk_vaddr_t addr;
        size_t size;
    } bad[] = {{0, 1},
               {UINTPTR_MAX, 1},
               {mine(4), 1},
               {(mk_vaddr_t)w.host, 1},
               {w.theirs, 1},
               {0xffff800000000000, 8},
               {UINTPTR_MAX, SIZE_MAX},
               {UINTPTR_MAX - 7, 16},
               {mine(4), SIZE_MAX},
               {0, SIZE_MAX}};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        REFUSED(mk_vm_read(w.self, bad[i].addr, buffer, bad[i].size), MK_E_BAD_ADDRESS);
        REFUSED(mk_vm_write(w.self, bad[i].addr, buffer, bad[i].size), MK_E_BAD_ADDRESS);
    }
    memset(w.host, 'a', 2 * PAGE);
    REFUSED(mk_vm_read(w.self, mine(1), w.host, SIZE_MAX), MK_E_BAD_ADDRESS); /* part was copied */
    REFUSED(mk_vm_write(w.self, mine(1), w.host, SIZE_MAX - PAGE), MK_E_BAD_ADDRESS);
    CHECK_OK(mk_vm_read(w.self, 1, NULL, 0));
    CHECK_OK(mk_vm_write(w.self, UINTPTR_MAX, NULL, 0));
    world_end();
}

/* ---- other arguments ---- */

/* VMERR0170: sizes and bits out of their domain are refused by the calls of <mk/vm.h>. */
MKT_TEST(VMERR0170)
{
    (void)arg;
    world_begin();
    static const size_t sizes[] = {0, ((size_t)1 << 30) + 1, (size_t)1 << 63, SIZE_MAX - PAGE + 1, SIZE_MAX};
    static const uint32_t bits[] = {4, 7, 0x80000000, UINT32_MAX};
    for (size_t i = 0; i < COUNT_OF(sizes); i++)
        REFUSED(mk_vm_allocate(w.self, sizes[i], &out.addr), MK_E_BAD_ARGUMENT);
    for (size_t i = 0; i < COUNT_OF(bits); i++) {
        REFUSED(mk_vm_protect(w.self, w.mine, PAGE, bits[i]), MK_E_BAD_ARGUMENT);
        REFUSED(mk_vm_inherit(w.self, w.mine, PAGE, (enum mk_inherit)bits[i]), MK_E_BAD_ARGUMENT);
    }
    REFUSED(mk_vm_inherit(w.self, w.mine, PAGE, (enum mk_inherit)3), MK_E_BAD_ARGUMENT);
    REFUSED(mk_vm_pages(w.self, w.mine + 1, 1, out.states), MK_E_BAD_ARGUMENT);
    REFUSED(mk_vm_pages(w.self, 0, 1, out.states), MK_E_BAD_ARGUMENT);
    REFUSED(mk_vm_pages(w.self, w.theirs, 1, out.states), MK_E_BAD_ARGUMENT);
    REFUSED(mk_vm_pages(w.self, w.mine, SIZE_MAX, out.states), MK_E_BAD_ARGUMENT);
    REFUSED(mk_vm_pages(w.self, w.mine, ((size_t)1 << 52) + 1, out.states), MK_E_BAD_ARGUMENT); /* as one page */
    REFUSED(mk_vm_pages(w.self, w.mine, (size_t)1 << 18, out.states), MK_E_BAD_ARGUMENT);
    REFUSED(mk_vm_region(w.self, UINTPTR_MAX, &out.region), MK_E_NOT_FOUND);
    REFUSED(mk_vm_region(w.self, w.view + 4 * PAGE, &out.region), MK_E_NOT_FOUND);
    world_end();
}

/* VMERR0180: what is not a part of the object, or more than may ever be set, is not mapped. */
MKT_TEST(VMERR0180)
{
    (void)arg;
    world_begin();
    const uint32_t r = MK_PROT_READ, x = 4;
    const struct mk_vm_map bad[] = {
        {.size = 0, .prot = r},
        {.size = 4 * PAGE + 1, .prot = r},
        {.size = SIZE_MAX, .prot = r},
        {.size = SIZE_MAX - PAGE + 1, .prot = r},
        {.size = PAGE, .offset = 1, .prot = r},
        {.size = PAGE, .offset = 4 * PAGE, .prot = r},
        {.size = 3 * PAGE + 1, .offset = PAGE, .prot = r},
        {.size = PAGE, .offset = UINT64_MAX - PAGE + 1, .prot = r},
        {.size = 2 * PAGE, .offset = UINT64_MAX - PAGE + 1, .prot = r},
        {.size = 4 * PAGE, .offset = UINT64_MAX, .prot = r},
        {.size = PAGE, .offset = (uint64_t)1 << 44, .prot = r}, /* 2^32 pages */
        {.size = PAGE, .prot = x},
        {.size = PAGE, .prot = UINT32_MAX},
        {.size = PAGE, .prot = r, .max_prot = x | r},
        {.size = PAGE, .prot = RW, .max_prot = r},
        {.size = PAGE, .prot = r, .max_prot = MK_PROT_WRITE},
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        for (int j = 0; j < 4; j++) {
            struct mk_vm_map how = bad[i];
            how.memory = j & 1 ? w.memory : w.anonymous;
            how.is_copy = j & 2;
            REFUSED(mk_vm_map(w.self, &how, &out.addr), MK_E_BAD_ARGUMENT);
        }
    world_end();
}

/* VMERR0190: frames, policies and futures that cannot be are refused. */
MKT_TEST(VMERR0190)
{
    (void)arg;
    world_begin();
    uint64_t refs[2] = {1, 2};
    const struct mk_page_refs over = {refs, 3, 2}, huge = {refs, MK_PAGE_REFS_MAX + 1, SIZE_MAX},
                              endless = {refs, SIZE_MAX, SIZE_MAX}, none = {NULL, SIZE_MAX, 0};
    char text[MK_LABEL_MAX + 1];
    memset(text, 'a', MK_LABEL_MAX);
    text[MK_LABEL_MAX] = '\0';
    struct mk_vm_stats stats;
    CHECK_OK(mk_vm_statistics(MK_NAME_NULL, &stats));
    const struct {
        struct mk_vm_frames frames;
        mk_err_t err;
    } bad[] = {
        {{.nr_frames = 4, .policy = "best"}, MK_E_NOT_FOUND},
        {{.nr_frames = 0, .policy = "best"}, MK_E_NOT_FOUND},
        {{.nr_frames = 4, .policy = ""}, MK_E_NOT_FOUND},
        {{.nr_frames = 4, .policy = text}, MK_E_TOO_LONG},
        {{.nr_frames = (uint32_t)stats.nr_frames + 1}, MK_E_LIMIT_MEMORY},
        {{.nr_frames = UINT32_MAX}, MK_E_LIMIT_MEMORY},
        {{.nr_frames = 4, .policy = "lru", .record = MK_PAGE_REFS_MAX + 1}, MK_E_BAD_ARGUMENT},
        {{.nr_frames = 4, .policy = "lru", .record = SIZE_MAX}, MK_E_BAD_ARGUMENT},
        {{.nr_frames = 4, .policy = "lru", .record = ((size_t)1 << 61) + 1}, MK_E_BAD_ARGUMENT},
        {{.nr_frames = 4, .policy = "opt", .future = &over}, MK_E_BAD_ARGUMENT},
        {{.nr_frames = 4, .policy = "opt", .future = &huge}, MK_E_BAD_ARGUMENT},
        {{.nr_frames = 4, .policy = "opt", .future = &endless}, MK_E_BAD_ARGUMENT},
        {{.nr_frames = 4, .policy = "opt", .future = &none}, MK_E_BAD_ARGUMENT},
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        REFUSED(mk_vm_set_frames(w.self, &bad[i].frames), bad[i].err);
    world_end();
}

/* VMERR0200: objects of no size, or of one that no window holds, are not made. */
MKT_TEST(VMERR0200)
{
    (void)arg;
    world_begin();
    static const size_t sizes[] = {
        0, ((size_t)1 << 30) + 1, (size_t)1 << 44, (size_t)1 << 63, SIZE_MAX - PAGE + 1, SIZE_MAX};
    mk_name_t control;
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        REFUSED(mk_memory_create(w.pager, 9, sizes[i], &out.name, &control), MK_E_BAD_ARGUMENT);
        REFUSED(mk_memory_create(MK_NAME_NULL, 9, sizes[i], &out.name, NULL), MK_E_BAD_ARGUMENT);
    }
    world_end();
}

/* VMERR0210: a pager's answers to parts of pages, and about pages that the object does not have, are refused. */
MKT_TEST(VMERR0210)
{
    (void)arg;
    pointers_begin();
    const struct {
        uint64_t offset;
        size_t size;
    } bad[] = {{0, 0},
               {0, 1},
               {1, PAGE},
               {0, PAGE + 1},
               {0, 5 * PAGE},
               {PAGE, 4 * PAGE},
               {4 * PAGE, PAGE},
               {0, SIZE_MAX},
               {0, SIZE_MAX - PAGE + 1},
               {PAGE, SIZE_MAX - PAGE + 1},
               {UINT64_MAX, PAGE},
               {UINT64_MAX - PAGE + 1, PAGE},
               {UINT64_MAX - PAGE + 1, 2 * PAGE},
               {(uint64_t)1 << 44, PAGE}}; /* 2^32 pages */
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        REFUSED(mk_memory_supply(w.control, bad[i].offset, buffer, bad[i].size), MK_E_BAD_ARGUMENT);
        REFUSED(mk_memory_unavailable(w.control, bad[i].offset, bad[i].size), MK_E_BAD_ARGUMENT);
        REFUSED(mk_memory_fail(w.control, bad[i].offset, bad[i].size), MK_E_BAD_ARGUMENT);
        REFUSED(mk_memory_lock(w.control, bad[i].offset, bad[i].size, MK_MEMORY_CLEAN, 1), MK_E_BAD_ARGUMENT);
    }
    REFUSED(mk_memory_lock(w.control, 0, PAGE, 0, 1), MK_E_BAD_ARGUMENT);
    REFUSED(mk_memory_lock(w.control, 0, PAGE, 4, 1), MK_E_BAD_ARGUMENT);
    REFUSED(mk_memory_lock(w.control, 0, PAGE, UINT32_MAX, 1), MK_E_BAD_ARGUMENT);
    REFUSED(mk_memory_set_timeout(w.control, 0), MK_E_BAD_ARGUMENT);
    REFUSED(mk_memory_set_timeout(w.control, -1), MK_E_BAD_ARGUMENT);
    REFUSED(mk_memory_set_timeout(w.control, INT64_MIN), MK_E_BAD_ARGUMENT);
    pointers_end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(VMERR0010), cmocka_unit_test(VMERR0020), cmocka_unit_test(VMERR0030),
        cmocka_unit_test(VMERR0040), cmocka_unit_test(VMERR0050), cmocka_unit_test(VMERR0060),
        cmocka_unit_test(VMERR0070), cmocka_unit_test(VMERR0080), cmocka_unit_test(VMERR0090),
        cmocka_unit_test(VMERR0100), cmocka_unit_test(VMERR0110), cmocka_unit_test(VMERR0120),
        cmocka_unit_test(VMERR0130), cmocka_unit_test(VMERR0140), cmocka_unit_test(VMERR0150),
        cmocka_unit_test(VMERR0160), cmocka_unit_test(VMERR0170), cmocka_unit_test(VMERR0180),
        cmocka_unit_test(VMERR0190), cmocka_unit_test(VMERR0200), cmocka_unit_test(VMERR0210),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
