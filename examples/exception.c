/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An exception server. A thread that does what it cannot waits, and a message
 * asks the holder of its task's exception port. This one mends two things: a
 * page that is missing is mapped, and a division by zero has the result 0. The
 * worker does not notice. What it cannot mend, it passes on: the task ends.
 */
#include "example.h"

#define PAGE ((size_t)4096)

static uint32_t divide(uint32_t a, uint32_t b)
{
    uint32_t rest;
    __asm__ volatile("div %2" : "+a"(a), "=&d"(rest) : "c"(b), "1"(0)); /* two bytes long */
    return a;
}

static void worker(void *arg)
{
    mk_vaddr_t start;
    (void)arg;
    OK(mk_task_set_server(true)); /* its end is not the run's */
    OK(mk_vm_allocate(mk_task_self(), PAGE, &start));
    char *beyond = (char *)start + 100 * PAGE; /* nothing was allocated there */
    snprintf(beyond, PAGE, "a page out of nowhere");
    mk_log("%s", beyond);
    mk_log("7 / 2 is %u, 7 / 0 is %u", divide(7, 2), divide(7, 0));
    OK(mk_exception_raise(4711));
    mk_log("not reached");
}

/* Map new memory where the thread looked for it. */
static mk_err_t map_page(mk_name_t task, mk_vaddr_t addr)
{
    mk_name_t memory;
    OK(mk_memory_create(MK_NAME_NULL, 0, PAGE, &memory, NULL));
    const struct mk_vm_map how = {
        .memory = memory, .size = PAGE, .prot = MK_PROT_READ | MK_PROT_WRITE, .at = addr & ~(PAGE - 1)};
    mk_err_t err = mk_vm_map(task, &how, &addr);
    OK(mk_right_release(memory)); /* the mapping keeps it */
    return err;
}

static mk_err_t mend(const struct mk_exc_message *m, mk_name_t task, struct mk_regs *regs)
{
    switch (m->exception) {
    case MK_EXC_BAD_ACCESS:
        mk_log("bad access in task %llu: I map a page there", (unsigned long long)m->task);
        return map_page(task, m->address);
    case MK_EXC_ARITHMETIC:
        mk_log("division by zero: I say 0");
        regs->rax = regs->rdx = 0;
        regs->rip += 2;
        return MK_OK;
    default:
        mk_log("exception %u, code %lld: I pass", m->exception, (long long)m->code);
        return MK_E_NOT_SUPPORTED;
    }
}

static void server(void *arg)
{
    mk_name_t port = example_port();
    struct mk_exc_message m;
    struct mk_exc_answer answer;
    struct mk_msg_right rights[2];
    (void)arg;
    OK(mk_task_set_special(mk_task_self(), MK_SPECIAL_EXCEPTION, port)); /* children inherit it */
    mk_name_t child = example_child("worker", worker, port, MK_COPY_SEND);
    OK(mk_task_set_special(mk_task_self(), MK_SPECIAL_EXCEPTION, MK_NAME_NULL)); /* who else would answer? */
    for (int i = 0; i < 3; i++) {
        struct mk_msg msg = {.body = &m, .capacity = sizeof(m), .rights = rights, .max_rights = 2};
        OK(mk_receive(port, &msg, MK_TIME_FOREVER)); /* from the kernel: nobody else has a right to the port */
        answer = (struct mk_exc_answer){.regs = m.regs};
        answer.err = mend(&m, rights[1].name, &answer.regs); /* 0 is the thread, 1 its task */
        mk_msg_drop_rights(&msg);
        struct mk_msg reply = {.reply = msg.reply, .body = &answer, .size = sizeof(answer)};
        OK(mk_reply(&reply));
    }
    int code;
    OK(mk_task_wait(child, &code, MK_TIME_FOREVER));
    mk_log("the worker's exit code: %d, which is 128 + the host's signal SIGABRT", code);
}

int main(void)
{
    const struct mk_spawn spawn = {.label = "server", .entry = server};
    return example_run(&spawn, 1);
}
