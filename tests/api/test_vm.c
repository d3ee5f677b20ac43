/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory of tasks. */
#include "helpers.h"

static uint64_t memory_used(void)
{
    struct mk_machine_stats stats;
    CHECK_OK(mk_machine_stats(NULL, &stats));
    return stats.memory_used;
}

static char *allocate(size_t size)
{
    mk_vaddr_t addr;
    CHECK_OK(mk_vm_allocate(mk_task_self(), size, &addr));
    return (char *)addr;
}

/* VM0010: allocated memory is page-aligned, zero, writable, and charged by the page. */
MKT_TEST(VM0010)
{
    (void)arg;
    size_t page = mk_page_size();
    uint64_t before = memory_used();
    char *p = allocate(3 * page - 5);
    CHECK((uintptr_t)p % page == 0 && memory_used() == before + 3 * page);
    for (size_t i = 0; i < 3 * page; i++)
        CHECK(p[i] == 0);
    memset(p, 0x55, 3 * page);
    CHECK_OK(mk_vm_deallocate(mk_task_self(), (mk_vaddr_t)p, 3 * page));
    CHECK(memory_used() == before);
}

/* VM0020: regions do not overlap and keep their contents. */
MKT_TEST(VM0020)
{
    (void)arg;
    enum { NR = 200 };
    size_t page = mk_page_size();
    unsigned char *p[NR];
    for (unsigned i = 0; i < NR; i++) {
        p[i] = (unsigned char *)allocate((1 + i % 3) * page);
        memset(p[i], (int)i, (1 + i % 3) * page);
    }
    for (unsigned i = 0; i < NR; i += 2)
        CHECK_OK(mk_vm_deallocate(mk_task_self(), (mk_vaddr_t)p[i], (1 + i % 3) * page));
    for (unsigned i = 0; i < NR; i += 2)
        memset(allocate((1 + i % 5) * page), 0xff, (1 + i % 5) * page);
    for (unsigned i = 1; i < NR; i += 2)
        CHECK(p[i][0] == i && p[i][(1 + i % 3) * page - 1] == i);
}

/* VM0030: memory that was freed and allocated again is zero again. */
MKT_TEST(VM0030)
{
    (void)arg;
    size_t page = mk_page_size();
    char *p = allocate(4 * page);
    memset(p, 0x77, 4 * page);
    CHECK_OK(mk_vm_deallocate(mk_task_self(), (mk_vaddr_t)p, 4 * page));
    char *again = allocate(4 * page);
    for (size_t i = 0; i < 4 * page; i++)
        CHECK(again[i] == 0);
}

/* VM0040: sizes out of the domain are refused, and nothing is charged. */
MKT_TEST(VM0040)
{
    (void)arg;
    mk_vaddr_t addr;
    mk_name_t self = mk_task_self();
    uint64_t before = memory_used();
    CHECK_ERR(mk_vm_allocate(self, 0, &addr), MK_E_BAD_ARGUMENT);
    CHECK_ERR(mk_vm_allocate(self, SIZE_MAX, &addr), MK_E_BAD_ARGUMENT);
    CHECK_ERR(mk_vm_allocate(self, SIZE_MAX - 4095, &addr), MK_E_BAD_ARGUMENT);
    CHECK_ERR(mk_vm_allocate(self, (size_t)1 << 40, &addr), MK_E_BAD_ARGUMENT);
    CHECK_ERR(mk_vm_allocate(self, 1, NULL), MK_E_BAD_ADDRESS);
    CHECK(memory_used() == before);
}

/* VM0050: the machine's memory is a limit, which freed memory gives back. */
MKT_TEST(VM0050)
{
    (void)arg;
    size_t page = mk_page_size();
    mk_vaddr_t addr;
    struct mk_machine_stats stats;
    CHECK_OK(mk_machine_stats(NULL, &stats));
    CHECK(stats.memory_size == (uint64_t)64 << 20);
    char *all = allocate(stats.memory_size - stats.memory_used);
    CHECK_ERR(mk_vm_allocate(mk_task_self(), 1, &addr), MK_E_LIMIT_MEMORY);
    CHECK_OK(mk_vm_deallocate(mk_task_self(), (mk_vaddr_t)all, page));
    CHECK_ERR(mk_vm_allocate(mk_task_self(), page + 1, &addr), MK_E_LIMIT_MEMORY);
    CHECK_OK(mk_vm_allocate(mk_task_self(), page, &addr));
}

static void fill_window(void *arg)
{
    (void)arg;
    mk_vaddr_t addr;
    size_t size = (size_t)64 << 20;
    mk_err_t err;
    unsigned n = 0;
    while (!(err = mk_vm_allocate(mk_task_self(), size, &addr)))
        n++;
    CHECK_ERR(err, MK_E_LIMIT_WINDOW);
    CHECK(n > 0);
}

/* VM0060: a task's window is a limit of its own when the machine has more memory. */
static void VM0060(void **state)
{
    (void)state;
    const struct mk_machine_config config = {.memory_size = (uint64_t)64 << 30};
    struct mkt t;
    if (RUNNING_ON_VALGRIND)
        skip(); /* it has not so many addresses */
    mkt_begin(&t, &config);
    mkt_spawn(&t, "test", fill_window, NULL, false);
    mkt_run_all(&t);
    mkt_finish(&t);
}

/* VM0070: part of a region can be freed; what is not allocated is skipped. */
MKT_TEST(VM0070)
{
    (void)arg;
    size_t page = mk_page_size();
    mk_name_t self = mk_task_self();
    uint64_t before = memory_used();
    char *p = allocate(5 * page);
    memset(p, 1, 5 * page);
    CHECK_OK(mk_vm_deallocate(self, (mk_vaddr_t)p + page, page));
    CHECK(memory_used() == before + 4 * page);
    CHECK_OK(mk_vm_deallocate(self, (mk_vaddr_t)p + page, 2 * page));
    CHECK(memory_used() == before + 3 * page && p[0] == 1 && p[3 * page] == 1 && p[4 * page] == 1);
    CHECK_OK(mk_vm_deallocate(self, (mk_vaddr_t)p, 5 * page));
    CHECK(memory_used() == before);
    CHECK_OK(mk_vm_deallocate(self, (mk_vaddr_t)p, 5 * page));
    CHECK(memory_used() == before);
}

/* VM0080: freeing wants whole pages inside the window. */
MKT_TEST(VM0080)
{
    (void)arg;
    size_t page = mk_page_size();
    mk_name_t self = mk_task_self();
    mk_vaddr_t p = (mk_vaddr_t)allocate(2 * page);
    uint64_t used = memory_used();
    CHECK_ERR(mk_vm_deallocate(self, p + 1, page), MK_E_BAD_ARGUMENT);
    CHECK_ERR(mk_vm_deallocate(self, p, page + 1), MK_E_BAD_ARGUMENT);
    CHECK_ERR(mk_vm_deallocate(self, p, 0), MK_E_BAD_ARGUMENT);
    CHECK_ERR(mk_vm_deallocate(self, 0, page), MK_E_BAD_ARGUMENT);
    CHECK_ERR(mk_vm_deallocate(self, p, (size_t)1 << 62), MK_E_BAD_ARGUMENT);
    CHECK_ERR(mk_vm_deallocate(self, p, SIZE_MAX - page + 1), MK_E_BAD_ARGUMENT);
    CHECK_ERR(mk_vm_deallocate(self, UINTPTR_MAX - page + 1, page), MK_E_BAD_ARGUMENT);
    CHECK_ERR(mk_vm_deallocate(self, (mk_vaddr_t)&page & ~(mk_vaddr_t)(page - 1), page), MK_E_BAD_ARGUMENT);
    CHECK(memory_used() == used);
}

/* VM0090: kernel calls see protection: a read-only page can be read from and not written to, another neither. */
MKT_TEST(VM0090)
{
    (void)arg;
    size_t page = mk_page_size();
    mk_name_t self = mk_task_self(), port = mkt_port();
    char *p = allocate(page);
    strcpy(p, "abc");
    CHECK_OK(mk_vm_protect(self, (mk_vaddr_t)p, page, MK_PROT_READ));
    struct mk_msg msg = {.body = p, .size = 3, .capacity = 3};
    CHECK_OK(mk_send(port, &msg, MK_TIME_POLL));
    CHECK_ERR(mk_receive(port, &msg, MK_TIME_POLL), MK_E_BAD_ADDRESS);
    CHECK_OK(mk_vm_protect(self, (mk_vaddr_t)p, page, MK_PROT_NONE));
    CHECK_ERR(mk_send(port, &msg, MK_TIME_POLL), MK_E_BAD_ADDRESS);
    CHECK_OK(mk_vm_protect(self, (mk_vaddr_t)p, page, MK_PROT_READ | MK_PROT_WRITE));
    CHECK(strcmp(p, "abc") == 0);
    p[0] = 'x';
}

/* VM0100: protect wants allocated whole pages and known bits; a refused call changes no page. */
MKT_TEST(VM0100)
{
    (void)arg;
    size_t page = mk_page_size();
    mk_name_t self = mk_task_self();
    char *p = allocate(3 * page);
    mk_vaddr_t at = (mk_vaddr_t)p;
    CHECK_OK(mk_vm_deallocate(self, at + page, page));
    CHECK_ERR(mk_vm_protect(self, at, 3 * page, MK_PROT_NONE), MK_E_BAD_ADDRESS);
    CHECK_ERR(mk_vm_protect(self, at + page, page, MK_PROT_NONE), MK_E_BAD_ADDRESS);
    CHECK_ERR(mk_vm_protect(self, at, page, 4), MK_E_BAD_ARGUMENT);
    CHECK_ERR(mk_vm_protect(self, at, page, UINT32_MAX), MK_E_BAD_ARGUMENT);
    CHECK_ERR(mk_vm_protect(self, at + 1, page, MK_PROT_NONE), MK_E_BAD_ARGUMENT);
    CHECK_ERR(mk_vm_protect(self, at, page - 1, MK_PROT_NONE), MK_E_BAD_ARGUMENT);
    CHECK_ERR(mk_vm_protect(self, at, 0, MK_PROT_NONE), MK_E_BAD_ARGUMENT);
    CHECK_ERR(mk_vm_protect(self, 0, page, MK_PROT_NONE), MK_E_BAD_ARGUMENT);
    p[0] = 1;
    p[2 * page] = 1;
}

/* VM0110: protection of part of a region leaves the rest as it was. */
MKT_TEST(VM0110)
{
    (void)arg;
    size_t page = mk_page_size();
    mk_name_t self = mk_task_self();
    char *p = allocate(3 * page);
    CHECK_OK(mk_vm_protect(self, (mk_vaddr_t)p + page, page, MK_PROT_NONE));
    memset(p, 1, page);
    memset(p + 2 * page, 1, page);
    CHECK_OK(mk_vm_protect(self, (mk_vaddr_t)p, 3 * page, MK_PROT_READ | MK_PROT_WRITE));
    memset(p, 2, 3 * page);
    CHECK_OK(mk_vm_deallocate(self, (mk_vaddr_t)p, 3 * page));
}

static void write_there(void *arg)
{
    *(volatile char *)arg = 1;
}

static void write_protected(void *arg)
{
    (void)arg;
    int code = 0;
    mk_name_t child;
    mk_vaddr_t addr;
    CHECK_OK(mk_task_create("child", &child));
    CHECK_OK(mk_vm_allocate(child, mk_page_size(), &addr));
    CHECK_OK(mk_vm_protect(child, addr, mk_page_size(), MK_PROT_READ));
    CHECK_OK(mk_right_release(thread_in(child, "w", write_there, (void *)addr, 0)));
    CHECK_OK(mk_task_wait(child, &code, MK_TIME_FOREVER));
    CHECK(code != 0);
}

/* VM0120: a task that writes to a page of its own that is read-only is ended. */
static void VM0120(void **state)
{
    (void)state;
    struct mkt t;
    mkt_begin(&t, NULL);
    t.expects_log = true;
    mkt_spawn(&t, "test", write_protected, NULL, false);
    mkt_run_all(&t);
    mkt_finish(&t);
}

/* VM0130: memory can be given to another task with its right, is charged to it, and goes when it ends. */
MKT_TEST(VM0130)
{
    (void)arg;
    mk_name_t child;
    mk_vaddr_t addr;
    uint64_t before = memory_used();
    CHECK_OK(mk_task_create("child", &child));
    CHECK_OK(mk_vm_allocate(child, 10 * mk_page_size(), &addr));
    CHECK(memory_used() == before + 10 * mk_page_size());
    CHECK_ERR(mk_vm_deallocate(mk_task_self(), addr, mk_page_size()), MK_E_BAD_ARGUMENT);
    CHECK_OK(mk_task_terminate(child, 0));
    CHECK(memory_used() == before);
    CHECK_ERR(mk_vm_allocate(child, 1, &addr), MK_E_DEAD);
}

/* VM0140: outside a machine there is a page size, and nothing else. */
static void VM0140(void **state)
{
    (void)state;
    mk_vaddr_t addr;
    assert_true(mk_page_size() >= 4096 && (mk_page_size() & (mk_page_size() - 1)) == 0);
    assert_int_equal(mk_vm_allocate(1, 1, &addr), MK_E_NOT_IN_MACHINE);
    assert_int_equal(mk_vm_deallocate(1, 0, 4096), MK_E_NOT_IN_MACHINE);
    assert_int_equal(mk_vm_protect(1, 0, 4096, 0), MK_E_NOT_IN_MACHINE);
}

/* VM0150: a page of a copy is the copy's own once it is written, also where the window showed the original's before. */
MKT_TEST(VM0150)
{
    (void)arg;
    size_t page = mk_page_size();
    char *from = allocate(8 * page);
    volatile char *to = allocate(8 * page);
    memset(from, 1, 8 * page);
    CHECK_OK(mk_vm_copy(mk_task_self(), (mk_vaddr_t)from, 8 * page, (mk_vaddr_t)to));
    to[0] = 2; /* the window shows the copy from now on */
    for (size_t i = 1; i < 8; i++)
        CHECK(to[i * page] == 1);
    for (size_t i = 1; i < 8; i++)
        to[i * page] = (char)(2 + i);
    CHECK_OK(mk_vm_protect(mk_task_self(), (mk_vaddr_t)to, 8 * page, MK_PROT_READ));
    for (size_t i = 0; i < 8; i++)
        CHECK(to[i * page] == (char)(2 + i) && from[i * page] == 1);
    CHECK_OK(mk_machine_audit(NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(VM0010), cmocka_unit_test(VM0020), cmocka_unit_test(VM0030), cmocka_unit_test(VM0040),
        cmocka_unit_test(VM0050), cmocka_unit_test(VM0060), cmocka_unit_test(VM0070), cmocka_unit_test(VM0080),
        cmocka_unit_test(VM0090), cmocka_unit_test(VM0100), cmocka_unit_test(VM0110), cmocka_unit_test(VM0120),
        cmocka_unit_test(VM0130), cmocka_unit_test(VM0140), cmocka_unit_test(VM0150),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
