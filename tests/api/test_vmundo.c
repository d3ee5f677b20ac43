/* SPDX-License-Identifier: BSD-2-Clause */
/* What a refused or repeated call of <mk/vm.h> and <mk/memory.h> leaves: nothing. */
#include "allochook.h"
#include "vmworld.h"

static mk_vaddr_t allocate(size_t size)
{
    mk_vaddr_t addr;
    CHECK_OK(mk_vm_allocate(mk_task_self(), size, &addr));
    return addr;
}

static struct mk_vm_region region_of(mk_vaddr_t addr)
{
    struct mk_vm_region region;
    CHECK_OK(mk_vm_region(mk_task_self(), addr, &region));
    return region;
}

static uint64_t memory_left(void)
{
    struct mk_machine_stats stats;
    CHECK_OK(mk_machine_stats(NULL, &stats));
    return stats.memory_size - stats.memory_used;
}

/* VMUNDO0010: an inheritance that fails leaves memory as shared as it was. */
MKT_TEST(VMUNDO0010)
{
    (void)arg;
    mk_name_t self = mk_task_self(), child;
    intptr_t delta;
    mk_vaddr_t shared = allocate(PAGE), copied = allocate(memory_left());
    (void)copied;
    CHECK_OK(mk_task_create("child", &child));
    CHECK_OK(mk_vm_inherit(self, shared, PAGE, MK_INHERIT_SHARE));
    CHECK(!region_of(shared).is_shared);
    CHECK_ERR(mk_vm_inherit_from(child, &delta), MK_E_LIMIT_MEMORY);
    CHECK_OK(mk_task_terminate(child, 0));
    CHECK(!region_of(shared).is_shared);
}

/* VMUNDO0020: a task does not inherit more than its limit. */
MKT_TEST(VMUNDO0020)
{
    (void)arg;
    mk_name_t child;
    intptr_t delta;
    allocate(4 * PAGE);
    CHECK_OK(mk_task_create("child", &child));
    CHECK_OK(mk_vm_set_limit(child, PAGE));
    mk_err_t err = mk_vm_inherit_from(child, &delta);
    CHECK_OK(mk_task_terminate(child, 0));
    CHECK_ERR(err, MK_E_LIMIT_MEMORY);
}

/* VMUNDO0030: a copy over shared memory, which counts for nobody, does not exceed the task's limit. */
MKT_TEST(VMUNDO0030)
{
    (void)arg;
    mk_name_t self = mk_task_self(), memory;
    mk_vaddr_t view, p = allocate(4 * PAGE);
    CHECK_OK(mk_memory_create(MK_NAME_NULL, 0, 4 * PAGE, &memory, NULL));
    const struct mk_vm_map how = {.memory = memory, .size = 4 * PAGE, .prot = RW};
    CHECK_OK(mk_vm_map(self, &how, &view));
    CHECK_OK(mk_vm_set_limit(self, 4 * PAGE));
    CHECK_ERR(mk_vm_copy(self, p, 4 * PAGE, view), MK_E_LIMIT_MEMORY);
}

/* VMUNDO0040: a page stays wired as long as it is wired more often than it was let go. */
MKT_TEST(VMUNDO0040)
{
    (void)arg;
    mk_name_t self = mk_task_self();
    mk_vaddr_t p = allocate(PAGE);
    for (unsigned i = 0; i < 65536; i++)
        if (mk_vm_wire(self, p, PAGE, true))
            return; /* it may be refused, too */
    CHECK(region_of(p).is_wired);
}

/* VMUNDO0050: an object that was destroyed does not become the backing store. */
static void dead_store(void *arg)
{
    (void)arg;
    mk_name_t port = mkt_port(), memory, control, machine;
    struct mk_vm_stats stats;
    CHECK_OK(mk_task_get_special(mk_task_self(), MK_SPECIAL_MACHINE, &machine));
    CHECK_OK(mk_memory_create(port, 1, 64 * PAGE, &memory, &control));
    CHECK_OK(mk_memory_destroy(control));
    CHECK_ERR(mk_memory_set_store(machine, control), MK_E_DEAD);
    CHECK_OK(mk_vm_statistics(MK_NAME_NULL, &stats));
    CHECK(stats.nr_slots == 0);
}

static void VMUNDO0050(void **state)
{
    (void)state;
    mkt_run(dead_store, NULL);
}

/* VMUNDO0060: the store may be set again, and is what it was. */
static void same_store(void *arg)
{
    (void)arg;
    mk_name_t port = mkt_port(), memory, control, machine;
    CHECK_OK(mk_task_get_special(mk_task_self(), MK_SPECIAL_MACHINE, &machine));
    CHECK_OK(mk_memory_create(port, 1, 64 * PAGE, &memory, &control));
    CHECK_OK(mk_memory_set_store(machine, control));
    CHECK_OK(mk_right_release(memory));
    mk_err_t err = mk_memory_set_store(machine, control);
    CHECK(err == MK_OK || err == MK_E_EXISTS);
    CHECK(mkt_type(control) == MK_RIGHT_SEND);
    CHECK_OK(mk_machine_audit(NULL));
}

static void VMUNDO0060(void **state)
{
    (void)state;
    mkt_run(same_store, NULL);
}

/* VMUNDO0070: a copy that fails leaves the borders of regions where they were. */
MKT_TEST(VMUNDO0070)
{
    (void)arg;
    mk_vaddr_t p = allocate(3 * PAGE), q = allocate(memory_left());
    (void)q;
    CHECK_ERR(mk_vm_copy(mk_task_self(), p, PAGE, p + PAGE), MK_E_LIMIT_MEMORY);
    CHECK(region_of(p).size == 3 * PAGE);
}

/* ---- the k-th allocation fails ---- */

static void with_hook(void (*entry)(void *))
{
    const struct mk_machine_config config = {.alloc_hook = hook_alloc};
    for (unsigned k = 1; k < 20; k++) {
        struct mkt t;
        hook.left = k;
        hook.is_armed = hook.has_failed = false;
        mkt_begin(&t, &config);
        mkt_spawn(&t, "test", entry, NULL, false);
        mkt_run_all(&t);
        mkt_finish(&t);
    }
}

static void create_fails(void *arg)
{
    (void)arg;
    mk_name_t port = mkt_port(), memory, control;
    hook.is_armed = true;
    mk_err_t err = mk_memory_create(port, 7, PAGE, &memory, &control);
    hook.is_armed = false;
    CHECK(err == MK_OK || (is_empty(port) && err == MK_E_NO_MEMORY));
}

/* VMUNDO0080: an object that could not be made is not heard of by its pager. */
static void VMUNDO0080(void **state)
{
    (void)state;
    with_hook(create_fails);
}

static void delta_fails(void *arg)
{
    (void)arg;
    mk_name_t child;
    struct mk_vm_region region;
    mk_vaddr_t p = allocate(PAGE);
    volatile intptr_t *deltap = (volatile intptr_t *)p;
    CHECK_OK(mk_task_create("child", &child));
    *deltap = 1;
    hook.is_armed = true;
    mk_err_t err = mk_vm_inherit_from(child, (intptr_t *)p);
    hook.is_armed = false;
    if (!err)
        CHECK_OK(mk_vm_region(child, 0, &region));
    CHECK_ERR(mk_task_terminate(child, 0), MK_OK);
    CHECK(err ? err == MK_E_NO_MEMORY : region.start == p + (mk_vaddr_t)*deltap);
}

/* VMUNDO0090: an inheritance that succeeds tells where to, also when the result lies in memory that is inherited. */
static void VMUNDO0090(void **state)
{
    (void)state;
    with_hook(delta_fails);
}

static void protect_fails(void *arg)
{
    (void)arg;
    mk_vaddr_t p = allocate(3 * PAGE);
    hook.is_armed = true;
    mk_err_t err = mk_vm_protect(mk_task_self(), p + PAGE, PAGE, MK_PROT_READ);
    hook.is_armed = false;
    CHECK(err ? err == MK_E_NO_MEMORY && region_of(p).size == 3 * PAGE && region_of(p).prot == RW
              : region_of(p).size == PAGE && region_of(p + PAGE).prot == MK_PROT_READ);
    CHECK_OK(mk_machine_audit(NULL));
}

/* VMUNDO0100: a range whose second border cannot be made has no first border either. */
static void VMUNDO0100(void **state)
{
    (void)state;
    with_hook(protect_fails);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(VMUNDO0010), cmocka_unit_test(VMUNDO0020), cmocka_unit_test(VMUNDO0030),
        cmocka_unit_test(VMUNDO0040), cmocka_unit_test(VMUNDO0050), cmocka_unit_test(VMUNDO0060),
        cmocka_unit_test(VMUNDO0070), cmocka_unit_test(VMUNDO0080), cmocka_unit_test(VMUNDO0090),
        cmocka_unit_test(VMUNDO0100),
    };
    cmocka_set_test_filter(getenv("MKT_TEST"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
