/* SPDX-License-Identifier: BSD-2-Clause */
/* Points that only memory out of line has. */
#include "matrix.h"

static bool is_memory(const struct row *row)
{
    return row->memory_how != 0;
}

static bool is_copied(const struct row *row)
{
    return row->memory_how == MK_MEMORY_COPY;
}

static bool is_moved(const struct row *row)
{
    return row->memory_how == MK_MEMORY_MOVE;
}

/* ---- refused ---- */

static struct op *spoilt(struct cell *c)
{
    struct op *op = op_new(c, OP_SEND, c->carrier_sender, MK_TIME_POLL);
    op_load(c, op);
    return op;
}

static void refused(struct cell *c, struct op *op, mk_err_t err)
{
    op_start(op, c->sender);
    expect_err(c, op, err);
    check(c);
}

static void empty(struct cell *c)
{
    struct op *op = spoilt(c);
    op->memories[0].size = 0;
    refused(c, op, MK_E_BAD_ARGUMENT);
}

static void unknown(struct cell *c)
{
    struct op *op = spoilt(c);
    op->memories[0].how = 0;
    refused(c, op, MK_E_BAD_ARGUMENT);
}

static void unreadable(struct cell *c)
{
    struct op *op = spoilt(c);
    op->memories[0].size += 2 * mk_page_size(); /* over the end */
    refused(c, op, MK_E_BAD_ADDRESS);
}

static void around_the_end(struct cell *c)
{
    struct op *op = spoilt(c);
    op->memories[0].size = SIZE_MAX - mk_page_size() + 1;
    op_start(op, c->sender);
    if (op->err != MK_E_BAD_ADDRESS && op->err != MK_E_LIMIT_MEMORY && op->err != MK_E_BAD_ARGUMENT)
        fault(c, "memory over the end of all addresses: %s", mk_err_name(op->err));
    check(c);
}

static void of_parts(struct cell *c)
{
    struct op *op = spoilt(c);
    op->memories[0].size--;
    refused(c, op, MK_E_BAD_ARGUMENT);
}

static void from_the_middle(struct cell *c)
{
    struct op *op = spoilt(c);
    op->memories[0].address = (char *)op->memories[0].address + 8;
    op->memories[0].size = mk_page_size();
    refused(c, op, MK_E_BAD_ARGUMENT);
}

static void not_allocated(struct cell *c)
{
    struct op *op = spoilt(c);
    op->memories[0].size += mk_page_size();
    refused(c, op, MK_E_BAD_ADDRESS);
}

static void of_another_task(struct cell *c)
{
    struct op *op = spoilt(c);
    mk_vaddr_t addr;
    CHECK_OK(mk_vm_allocate(c->receiver, mk_page_size(), &addr));
    op->memories[1] = (struct mk_msg_memory){(void *)addr, mk_page_size(), MK_MEMORY_MOVE};
    op->msg.nr_memories = 2;
    op_start(op, c->sender);
    expect_err(c, op, MK_E_BAD_ADDRESS);
    CHECK_OK(mk_vm_deallocate(c->receiver, addr, mk_page_size()));
    check(c);
}

static void moved_twice(struct cell *c)
{
    struct op *op = spoilt(c);
    op->memories[1] = op->memories[0];
    op->memories[1].address = (char *)op->memories[1].address + mk_page_size();
    op->memories[1].size = mk_page_size();
    op->msg.nr_memories = 2;
    refused(c, op, MK_E_BAD_ADDRESS);
}

static void last_unreadable(struct cell *c)
{
    struct op *op = spoilt(c);
    op->memories[1] = (struct mk_msg_memory){(void *)4096, 10, MK_MEMORY_COPY};
    op->msg.nr_memories = 2;
    refused(c, op, MK_E_BAD_ADDRESS);
}

static void one_too_many(struct cell *c)
{
    struct op *op = spoilt(c);
    for (uint32_t i = 1; i <= MK_MEMORIES_MAX; i++)
        op->memories[i] = (struct mk_msg_memory){op->body, 1, MK_MEMORY_COPY};
    op->msg.nr_memories = MK_MEMORIES_MAX + 1;
    refused(c, op, MK_E_MSG_TOO_LARGE);
}

static void list_unreadable(struct cell *c)
{
    struct op *op = spoilt(c);
    op->msg.memories = (struct mk_msg_memory *)4096;
    refused(c, op, MK_E_BAD_ADDRESS);
}

/* The machine's memory is used up to the last page, by tasks that end after. */
static void limit(struct cell *c)
{
    struct op *op = spoilt(c);
    mk_name_t tasks[8];
    unsigned nr_tasks = 0;
    mk_vaddr_t addr;
    mk_err_t err = MK_E_LIMIT_WINDOW;
    for (size_t size = (size_t)1 << 29; size >= mk_page_size();) {
        if (err == MK_E_LIMIT_WINDOW) {
            CHECK(nr_tasks < 8);
            CHECK_OK(mk_task_create("filler", &tasks[nr_tasks++]));
        }
        err = mk_vm_allocate(tasks[nr_tasks - 1], size, &addr);
        if (err == MK_E_LIMIT_MEMORY)
            size /= 2;
    }
    op_start(op, c->sender);
    expect_err(c, op, MK_E_LIMIT_MEMORY);
    while (nr_tasks > 0)
        CHECK_OK(mk_task_terminate(tasks[--nr_tasks], 0));
    check(c);
}

/* ---- no room at the receiver ---- */

static void send_now(struct cell *c)
{
    expect_err(c, sends(c, MK_TIME_POLL), MK_OK);
    leave(c);
}

static void take_it(struct cell *c)
{
    struct op *r = receives(c, MK_TIME_POLL);
    expect_err(c, r, MK_OK);
    arrive(c, r);
    check(c);
}

static struct op *without_memories(struct cell *c, mk_time_t deadline)
{
    struct op *r = op_new(c, OP_RECEIVE, c->carrier, deadline);
    r->msg.max_memories = 0;
    op_start(r, c->receiver);
    return r;
}

static void needs_memory(struct cell *c, const struct op *r)
{
    expect_err(c, r, MK_E_MSG_TOO_LARGE);
    if (r->msg.nr_memories != 1 || r->msg.nr_rights != 3 || r->msg.size != BODY_SIZE)
        fault(c, "it needs room for 1 memory, 3 rights, %u bytes; told %u, %u, %zu", BODY_SIZE, r->msg.nr_memories,
              r->msg.nr_rights, r->msg.size);
    check(c);
    take_it(c);
}

static void no_room(struct cell *c)
{
    send_now(c);
    needs_memory(c, without_memories(c, MK_TIME_POLL));
}

static void no_room_waiting(struct cell *c)
{
    struct op *r = without_memories(c, MK_TIME_FOREVER);
    send_now(c);
    needs_memory(c, r);
}

static struct op *to_nowhere(struct cell *c, mk_time_t deadline)
{
    struct op *r = op_new(c, OP_RECEIVE, c->carrier, deadline);
    r->msg.memories = (struct mk_msg_memory *)4096;
    op_start(r, c->receiver);
    return r;
}

static void lost_on(struct cell *c, const struct op *r)
{
    expect_err(c, r, MK_E_BAD_ADDRESS);
    lose(c);
    check(c);
}

static void list_unwritable(struct cell *c)
{
    send_now(c);
    lost_on(c, to_nowhere(c, MK_TIME_POLL));
}

static void list_unwritable_waiting(struct cell *c)
{
    struct op *r = to_nowhere(c, MK_TIME_FOREVER);
    send_now(c);
    lost_on(c, r);
}

/* Take all of the receiver's window but single pages. The largest piece. */
static mk_vaddr_t fill_window(struct cell *c)
{
    mk_vaddr_t first = 0, addr;
    for (size_t size = (size_t)1 << 29; size > mk_page_size(); size /= 2)
        while (mk_vm_allocate(c->receiver, size, &addr) == MK_OK)
            first = first ? first : addr;
    return first;
}

/* The message is lost, so that it does not stand in the way. */
static void window_is_full(struct cell *c, mk_vaddr_t first, struct op *r)
{
    expect_err(c, r, MK_E_LIMIT_WINDOW);
    lose(c);
    CHECK_OK(mk_vm_deallocate(c->receiver, first, ((size_t)1 << 30) - mk_page_size()));
    check(c);
}

static void window_full(struct cell *c)
{
    mk_vaddr_t first = fill_window(c);
    send_now(c);
    window_is_full(c, first, receives(c, MK_TIME_POLL));
}

static void window_full_waiting(struct cell *c)
{
    mk_vaddr_t first = fill_window(c);
    struct op *r = receives(c, MK_TIME_FOREVER);
    send_now(c);
    window_is_full(c, first, r);
}

const struct point memory_points[] = {
    {"memory: of size 0", empty, is_memory},
    {"memory: an unknown disposition", unknown, is_memory},
    {"memory: over the end of all addresses", around_the_end, is_memory},
    {"memory: unreadable at its end", unreadable, is_copied},
    {"memory: the machine's is used up", limit, is_copied},
    {"memory: not of whole pages", of_parts, is_moved},
    {"memory: from the middle of a page", from_the_middle, is_moved},
    {"memory: not allocated at its end", not_allocated, is_moved},
    {"memory: of another task", of_another_task, is_moved},
    {"memory: moved twice", moved_twice, is_moved},
    {"memory: the last unreadable", last_unreadable, is_memory},
    {"memory: one piece too many", one_too_many, is_memory},
    {"memory: list unreadable", list_unreadable, is_memory},
    {"memory: receiver without room for it", no_room, is_memory},
    {"memory: waiting receiver without room for it", no_room_waiting, is_memory},
    {"memory: list unwritable", list_unwritable, is_memory},
    {"memory: list unwritable, waiting", list_unwritable_waiting, is_memory},
    {"memory: receiver's window full", window_full, is_memory},
    {"memory: receiver's window full, waiting", window_full_waiting, is_memory},
};
const size_t nr_memory_points = COUNT_OF(memory_points);
