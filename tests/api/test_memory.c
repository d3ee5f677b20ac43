/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory that travels out of line. */
#include "helpers.h"

#define PAGE mk_page_size()

static char *allocate(size_t nr_pages)
{
    mk_vaddr_t address;
    CHECK_OK(mk_vm_allocate(mk_task_self(), nr_pages * PAGE, &address));
    return (char *)address;
}

static uint64_t memory_used(void)
{
    struct mk_machine_stats stats;
    CHECK_OK(mk_machine_stats(NULL, &stats));
    return stats.memory_used;
}

static mk_err_t send_memory(mk_name_t dest, void *address, size_t size, uint32_t how)
{
    struct mk_msg_memory memory = {.address = address, .size = size, .how = how};
    struct mk_msg msg = {.memories = &memory, .nr_memories = 1};
    return mk_send(dest, &msg, MK_TIME_POLL);
}

static struct mk_msg_memory take_memory(mk_name_t receive)
{
    struct mk_msg_memory memory;
    struct mk_msg msg = {.memories = &memory, .max_memories = 1};
    CHECK_OK(mk_receive(receive, &msg, MK_TIME_POLL));
    CHECK(msg.nr_memories == 1);
    return memory;
}

static void free_memory(struct mk_msg_memory memory)
{
    struct mk_msg msg = {.memories = &memory, .nr_memories = 1};
    mk_msg_discard(&msg);
    CHECK(msg.nr_memories == 0);
}

/* MEM0010: copied memory holds what was sent, at its offset, and is the receiver's own. */
MKT_TEST(MEM0010)
{
    (void)arg;
    mk_name_t port = mkt_port();
    char *from = allocate(3);
    for (size_t i = 0; i < 3 * PAGE; i++)
        from[i] = (char)(i * 7);
    CHECK_OK(send_memory(port, from + 100, 2 * PAGE, MK_MEMORY_COPY));
    from[100] = 55; /* too late to be seen */
    struct mk_msg_memory got = take_memory(port);
    char *to = got.address;
    CHECK(got.size == 2 * PAGE && got.how == 0 && (uintptr_t)to % PAGE == 100);
    CHECK(to[0] == (char)(100 * 7) && memcmp(to + 1, from + 101, 2 * PAGE - 1) == 0);
    CHECK(to[-1] == 0 && to[2 * PAGE] == 0);
    to[0] = 1;
    CHECK(from[100] == 55);
    free_memory(got);
}

/* MEM0020: moved memory leaves the sender, and arrives as it was. */
MKT_TEST(MEM0020)
{
    (void)arg;
    mk_name_t port = mkt_port();
    uint64_t used = memory_used();
    char *from = allocate(4);
    memset(from, 9, 4 * PAGE);
    CHECK_OK(send_memory(port, from + PAGE, 2 * PAGE, MK_MEMORY_MOVE));
    CHECK_ERR(mk_vm_protect(mk_task_self(), (mk_vaddr_t)(from + PAGE), PAGE, MK_PROT_READ), MK_E_BAD_ADDRESS);
    CHECK(memory_used() == used + 4 * PAGE);
    struct mk_msg_memory got = take_memory(port);
    const char *to = got.address;
    CHECK(got.size == 2 * PAGE && to[0] == 9 && to[2 * PAGE - 1] == 9 && from[0] == 9 && from[4 * PAGE - 1] == 9);
    CHECK(memory_used() == used + 4 * PAGE);
    free_memory(got);
    CHECK(memory_used() == used + 2 * PAGE);
}

/* MEM0030: memory that nobody received is freed with the queue, and its charge with it. */
MKT_TEST(MEM0030)
{
    (void)arg;
    mk_name_t port = mkt_port();
    uint64_t used = memory_used();
    CHECK_OK(send_memory(port, allocate(2), 2 * PAGE, MK_MEMORY_MOVE));
    char text[] = "some bytes";
    CHECK_OK(send_memory(port, text, sizeof(text), MK_MEMORY_COPY));
    CHECK(memory_used() == used + 3 * PAGE);
    CHECK_OK(mk_port_destroy(port));
    CHECK(memory_used() == used);
}

/* MEM0040: what cannot be sent is refused, and nothing has left the sender. */
MKT_TEST(MEM0040)
{
    (void)arg;
    mk_name_t port = mkt_port();
    char *from = allocate(2), *other = allocate(1), text[8] = "text";
    uint64_t used = memory_used();
    memset(from, 3, 2 * PAGE);
    CHECK_ERR(send_memory(port, from, 0, MK_MEMORY_COPY), MK_E_BAD_ARGUMENT);
    CHECK_ERR(send_memory(port, from, PAGE, 0), MK_E_BAD_ARGUMENT);
    CHECK_ERR(send_memory(port, from, PAGE, 3), MK_E_BAD_ARGUMENT);
    CHECK_ERR(send_memory(port, from + 1, PAGE, MK_MEMORY_MOVE), MK_E_BAD_ARGUMENT);
    CHECK_ERR(send_memory(port, from, 10, MK_MEMORY_MOVE), MK_E_BAD_ARGUMENT);
    CHECK_ERR(send_memory(port, from, 3 * PAGE, MK_MEMORY_MOVE), MK_E_BAD_ADDRESS);
    CHECK_ERR(send_memory(port, (void *)((uintptr_t)text / PAGE * PAGE), PAGE, MK_MEMORY_MOVE), MK_E_BAD_ADDRESS);
    CHECK_ERR(send_memory(port, NULL, 5, MK_MEMORY_COPY), MK_E_BAD_ADDRESS);
    CHECK_ERR(send_memory(port, text, SIZE_MAX, MK_MEMORY_COPY), MK_E_LIMIT_MEMORY);
    CHECK_ERR(send_memory(port, text, SIZE_MAX - PAGE + 1, MK_MEMORY_MOVE), MK_E_BAD_ARGUMENT);
    CHECK_OK(mk_vm_protect(mk_task_self(), (mk_vaddr_t)other, PAGE, MK_PROT_READ));
    CHECK_ERR(send_memory(port, other, PAGE, MK_MEMORY_MOVE), MK_E_BAD_ADDRESS);
    struct mk_msg_memory twice[2] = {{from, 2 * PAGE, MK_MEMORY_MOVE}, {from + PAGE, PAGE, MK_MEMORY_MOVE}};
    struct mk_msg msg = {.memories = twice, .nr_memories = 2};
    CHECK_ERR(mk_send(port, &msg, MK_TIME_POLL), MK_E_BAD_ADDRESS);
    msg.nr_memories = MK_MEMORIES_MAX + 1;
    CHECK_ERR(mk_send(port, &msg, MK_TIME_POLL), MK_E_MSG_TOO_LARGE);
    msg = (struct mk_msg){.memories = NULL, .nr_memories = 1};
    CHECK_ERR(mk_send(port, &msg, MK_TIME_POLL), MK_E_BAD_ADDRESS);
    CHECK(memory_used() == used && from[0] == 3 && from[2 * PAGE - 1] == 3 && is_empty(port));
}

/* MEM0050: a full queue and a bad right beside it leave moved memory with the sender. */
MKT_TEST(MEM0050)
{
    (void)arg;
    mk_name_t port = mkt_port();
    char *from = allocate(1);
    from[0] = 77;
    CHECK_OK(mk_port_set_limit(port, 1));
    struct mk_msg_right bad = {.name = stale_name(), .how = MK_COPY_SEND};
    struct mk_msg_memory memory = {from, PAGE, MK_MEMORY_MOVE};
    struct mk_msg msg = {.memories = &memory, .nr_memories = 1, .rights = &bad, .nr_rights = 1};
    CHECK_ERR(mk_send(port, &msg, MK_TIME_POLL), MK_E_BAD_NAME);
    CHECK_OK(send_id(port, 1));
    msg.nr_rights = 0;
    CHECK_ERR(mk_send(port, &msg, MK_TIME_POLL), MK_E_WOULD_BLOCK);
    CHECK_ERR(mk_send(port, &msg, mk_time_now() + MK_MSEC), MK_E_TIMED_OUT);
    CHECK(from[0] == 77);
    from[0] = 78;
    CHECK_OK(mk_vm_deallocate(mk_task_self(), (mk_vaddr_t)from, PAGE));
}

/* MEM0060: a receiver without room for the memory is told how much it needs, and the message stays. */
MKT_TEST(MEM0060)
{
    (void)arg;
    mk_name_t port = mkt_port();
    struct mk_msg msg = {.capacity = 0};
    CHECK_OK(send_memory(port, "abc", 4, MK_MEMORY_COPY));
    CHECK_ERR(mk_receive(port, &msg, MK_TIME_POLL), MK_E_MSG_TOO_LARGE);
    CHECK(msg.nr_memories == 1 && msg.nr_rights == 0 && msg.size == 0);
    struct mk_msg_memory got = take_memory(port);
    CHECK(strcmp(got.address, "abc") == 0);
    free_memory(got);
}

static void give_back(void *arg)
{
    mk_name_t port = *(mk_name_t *)arg;
    struct mk_msg_memory memory;
    struct mk_msg msg = {.memories = &memory, .max_memories = 1};
    mk_err_t err = mk_receive(port, &msg, MK_TIME_FOREVER);
    while (!err) {
        ((char *)memory.address)[0]++;
        memory.how = MK_MEMORY_MOVE;
        err = mk_reply_receive(port, &msg, MK_TIME_FOREVER);
    }
    CHECK_ERR(err, MK_E_DEAD);
}

/* MEM0070: a call carries memory both ways. */
MKT_TEST(MEM0070)
{
    (void)arg;
    mk_name_t port = mkt_port(), server = thread_of("server", give_back, &port, 0);
    char *from = allocate(1);
    from[0] = 41;
    struct mk_msg_memory memory = {from, PAGE, MK_MEMORY_MOVE};
    struct mk_msg msg = {.memories = &memory, .nr_memories = 1, .max_memories = 1};
    for (char i = 42; i < 52; i++) {
        CHECK_OK(mk_call(port, &msg, MK_TIME_FOREVER));
        CHECK(msg.nr_memories == 1 && memory.size == PAGE && *(char *)memory.address == i);
        memory.how = MK_MEMORY_MOVE;
    }
    memory.how = 0;
    mk_msg_discard(&msg);
    CHECK_OK(mk_port_destroy(port));
    join(server);
}

/* MEM0080: sixteen pieces in one message arrive in order. */
MKT_TEST(MEM0080)
{
    (void)arg;
    mk_name_t port = mkt_port();
    struct mk_msg_memory memories[MK_MEMORIES_MAX];
    char bytes[MK_MEMORIES_MAX];
    for (int i = 0; i < MK_MEMORIES_MAX; i++) {
        bytes[i] = (char)(i + 1);
        char *page = i % 2 ? allocate(1) : &bytes[i];
        *page = bytes[i];
        memories[i] = (struct mk_msg_memory){page, i % 2 ? PAGE : 1, i % 2 ? MK_MEMORY_MOVE : MK_MEMORY_COPY};
    }
    struct mk_msg msg = {.memories = memories, .nr_memories = MK_MEMORIES_MAX, .max_memories = MK_MEMORIES_MAX};
    CHECK_OK(mk_send(port, &msg, MK_TIME_POLL));
    CHECK_OK(mk_receive(port, &msg, MK_TIME_POLL));
    CHECK(msg.nr_memories == MK_MEMORIES_MAX);
    for (int i = 0; i < MK_MEMORIES_MAX; i++)
        CHECK(*(char *)memories[i].address == i + 1 && memories[i].size == (i % 2 ? PAGE : 1));
    mk_msg_discard(&msg);
}

/* MEM0090: a copy that the machine's memory has no room for is refused. */
MKT_TEST(MEM0090)
{
    (void)arg;
    mk_name_t port = mkt_port();
    struct mk_machine_stats stats;
    CHECK_OK(mk_machine_stats(NULL, &stats));
    size_t size = (size_t)(stats.memory_size - stats.memory_used) / 2 / PAGE * PAGE;
    char *half = allocate(size / PAGE);
    CHECK_ERR(send_memory(port, half, size + PAGE, MK_MEMORY_COPY), MK_E_LIMIT_MEMORY);
    CHECK_OK(send_memory(port, half, size, MK_MEMORY_COPY));
    CHECK_ERR(send_memory(port, half, PAGE, MK_MEMORY_COPY), MK_E_LIMIT_MEMORY);
    CHECK_OK(send_memory(port, half, size, MK_MEMORY_MOVE));
}

/* MEM0100: memory in a message whose receiver cannot take the header is lost with it, and uncharged. */
MKT_TEST(MEM0100)
{
    (void)arg;
    mk_name_t port = mkt_port();
    uint64_t used = memory_used();
    struct mk_msg msg = {.memories = NULL, .max_memories = 1};
    CHECK_OK(send_memory(port, "x", 2, MK_MEMORY_COPY));
    CHECK_ERR(mk_receive(port, &msg, MK_TIME_POLL), MK_E_BAD_ADDRESS);
    CHECK(memory_used() == used && is_empty(port));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(MEM0010), cmocka_unit_test(MEM0020), cmocka_unit_test(MEM0030), cmocka_unit_test(MEM0040),
        cmocka_unit_test(MEM0050), cmocka_unit_test(MEM0060), cmocka_unit_test(MEM0070), cmocka_unit_test(MEM0080),
        cmocka_unit_test(MEM0090), cmocka_unit_test(MEM0100),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
