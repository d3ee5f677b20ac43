/* SPDX-License-Identifier: BSD-2-Clause */
/* What there is to know of a crash: where, with which registers, after which kernel calls, and who is concerned. */
#include "look/look.h"

#include <stdio.h>

#include "host/backtrace.h"
#include "ipc/kmsg.h"

#define FRAMES_MAX  16
#define WAITERS_MAX 8
#define PORTS_MAX   8

/* A line that grows; what does not fit is cut. */
struct line {
    char text[512];
    size_t used;
};

static void MK_PRINTF(2, 3) add(struct line *line, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(line->text + line->used, sizeof(line->text) - line->used, format, args);
    va_end(args);
    line->used += n > 0 ? (size_t)n : 0;
    if (line->used >= sizeof(line->text))
        line->used = sizeof(line->text) - 1;
}

static void put(struct mk_machine *machine, struct line *line)
{
    machine_log(machine, "%s", line->text);
    line->used = 0;
    line->text[0] = '\0';
}

/* Whose memory the thread must not touch. */
static void add_owner(struct line *line, const struct thread *self, uintptr_t address)
{
    const struct mk_machine *machine = self->task->machine;
    const struct host_isolation *isolation = machine->cpu->host.isolation;
    if (!isolation || !host_isolation_is_foreign(isolation, address, self->task->domain))
        return;
    const struct host_domain *owner = host_isolation_owner(isolation, address);
    if (!owner)
        add(line, ", which is the kernel's");
    list_for_each (link, (struct list *)(uintptr_t)&machine->tasks) {
        const struct task *task = list_entry(link, struct task, all_link);
        if (owner && task->domain == owner)
            add(line, ", which is [%s]'s", task->label);
    }
}

static void put_cause(const struct thread *self, const struct host_trap *trap)
{
    struct line line = {.used = 0};
    add(&line, "[%s] thread %llu ended its task: ", self->task->label, (unsigned long long)self->id);
    if (trap->exception == MK_EXC_EXIT)
        add(&line, "%s, with status %lld", trap->what, (long long)trap->code);
    else if (trap->exception == MK_EXC_SOFTWARE && trap->code >= 0)
        add(&line, "exception %lld raised", (long long)trap->code);
    else if (trap->exception == MK_EXC_BAD_ACCESS)
        add(&line, "%s, %s 0x%llx", trap->what, trap->is_write ? "writing to" : "reading from",
            (unsigned long long)trap->address);
    else
        add(&line, "%s", trap->what);
    if (trap->exception == MK_EXC_BAD_ACCESS)
        add_owner(&line, self, (uintptr_t)trap->address);
    put(self->task->machine, &line);
}

static void put_frames(struct mk_machine *machine, const struct mk_regs *regs)
{
    struct host_frame frames[FRAMES_MAX];
    size_t n = host_backtrace(regs, frames, FRAMES_MAX);
    for (size_t i = 0; i < n; i++) {
        struct line line = {.used = 0};
        add(&line, "  %-12s0x%llx", i ? "called from" : "at", (unsigned long long)frames[i].instruction);
        add(&line, "%s%s", frames[i].function[0] ? " in " : "", frames[i].function);
        add(&line, "%s%s", frames[i].place[0] ? ", " : "", frames[i].place);
        put(machine, &line);
    }
}

static void put_registers(struct mk_machine *machine, const struct mk_regs *r)
{
    const struct {
        const char *name;
        uint64_t value;
    } regs[] = {{"rax", r->rax}, {"rbx", r->rbx}, {"rcx", r->rcx},     {"rdx", r->rdx}, {"rsi", r->rsi},
                {"rdi", r->rdi}, {"rbp", r->rbp}, {"rsp", r->rsp},     {"r8", r->r8},   {"r9", r->r9},
                {"r10", r->r10}, {"r11", r->r11}, {"r12", r->r12},     {"r13", r->r13}, {"r14", r->r14},
                {"r15", r->r15}, {"rip", r->rip}, {"flags", r->rflags}};
    struct line line = {.used = 0};
    for (size_t i = 0; i < ARRAY_SIZE(regs); i++) {
        bool is_last = i % 4 == 3 || i + 1 == ARRAY_SIZE(regs);
        add(&line, "  %-5s 0x%-*llx", regs[i].name, is_last ? 0 : 16, (unsigned long long)regs[i].value);
        if (is_last)
            put(machine, &line);
    }
}

static void put_history(const struct thread *self)
{
    struct line line = {.used = 0};
    const char *name;
    add(&line, "  last kernel calls:");
    for (unsigned i = HISTORY_CALLS; i-- > 0;)
        if ((name = history_get(self, i)))
            add(&line, " %s", name);
    if (self->history)
        put(self->task->machine, &line);
}

/* ---- who is concerned ---- */

static void put_held(const struct task *task)
{
    const struct space *space = task->space;
    unsigned nr_send = 0, nr_send_once = 0, nr_answers = 0;
    struct line line = {.used = 0};
    for (uint32_t i = 1; i < space->fresh; i++) {
        const struct entry *e = &space->table[i];
        if (e->type == ENTRY_REPLY)
            nr_answers += reply_is_valid(e->caller, e->serial);
        else if (e->type == MK_RIGHT_SEND_ONCE)
            nr_send_once++;
        else if (e->type & MK_RIGHT_SEND)
            nr_send++;
    }
    add(&line, "  held: %llu KiB of memory, %u send rights, %u send-once rights, answers to give: %u",
        (unsigned long long)task->map->allocated / 1024, nr_send, nr_send_once, nr_answers);
    put(task->machine, &line);
}

static void put_served(const struct task *task)
{
    const struct space *space = task->space;
    unsigned n = 0;
    struct line line = {.used = 0};
    for (uint32_t i = 1; i < space->fresh; i++) {
        const struct entry *e = &space->table[i];
        if (e->type != ENTRY_REPLY && e->type & MK_RIGHT_RECEIVE && n++ < PORTS_MAX)
            add(&line, "%s %llu (%u queued)", n == 1 ? "  received from port" : ",", (unsigned long long)e->port->id,
                e->port->nr_queued);
    }
    if (n > PORTS_MAX)
        add(&line, ", and %u more", n - PORTS_MAX);
    if (n)
        put(task->machine, &line);
}

/* One who waits; `left` counts down what is still written. */
static void put_waiter(const struct thread *thread, const char *what, uint64_t port, unsigned *leftp)
{
    struct line line = {.used = 0};
    if (*leftp == 0 || --*leftp == 0)
        return;
    add(&line, "  waited for it: [%s] thread %llu, %s", thread->task->label, (unsigned long long)thread->id, what);
    if (port)
        add(&line, " port %llu", (unsigned long long)port);
    put(thread->task->machine, &line);
}

static void put_caller(const struct ref *reply, const struct task *task, unsigned *leftp)
{
    if (reply && reply->type == ENTRY_REPLY && reply_is_valid(reply->caller, reply->serial) &&
        reply->caller->task != task)
        put_waiter(reply->caller, "for the answer to its call on", reply->caller->call_port, leftp);
}

/* By way of what the task holds, not of all that wait: there can be many. */
static void put_waiters(struct mk_machine *machine, const struct task *task)
{
    const struct space *space = task->space;
    unsigned left = WAITERS_MAX + 1;
    for (uint32_t i = 1; i < space->fresh; i++) {
        const struct entry *e = &space->table[i];
        const struct ref reply = {.type = e->type, .caller = e->caller, .serial = e->serial};
        if (e->type == ENTRY_REPLY)
            put_caller(&reply, task, &left);
        if (e->type == ENTRY_REPLY || !(e->type & MK_RIGHT_RECEIVE))
            continue;
        port_for_each_message (kmsg, e->port)
            put_caller(kmsg_reply(kmsg), task, &left);
        list_for_each (link, &e->port->senders)
            put_waiter(list_entry(link, struct thread, queue), "for room in the queue of", e->port->id, &left);
    }
    list_for_each (link, &task->waiters)
        put_waiter(list_entry(link, struct thread, queue), "for its end", 0, &left);
    list_for_each (link, &machine->threads) {
        const struct thread *thread = list_entry(link, struct thread, all_link);
        struct mk_thread_info info;
        if (thread->wait != MK_WAIT_PAGE || thread->state != THREAD_BLOCKED)
            continue;
        look_thread(machine, thread, &info);
        if (info.wait_task == task->id)
            put_waiter(thread, "for a page of memory", 0, &left);
    }
    if (left == 0)
        machine_log(machine, "  and others waited for it");
}

void report_crash(struct cpu *cpu, const struct host_trap *trap)
{
    const struct thread *self = cpu->current;
    struct mk_machine *machine = cpu->machine;
    struct mk_regs regs;
    host_trap_get_regs(trap->frame, &regs);
    put_cause(self, trap);
    put_frames(machine, &regs);
    put_registers(machine, &regs);
    put_history(self);
    put_held(self->task);
    put_served(self->task);
    put_waiters(machine, self->task);
}
