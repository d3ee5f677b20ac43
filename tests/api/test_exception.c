/* SPDX-License-Identifier: BSD-2-Clause */
/* Exceptions: who is asked, with what, and what the answers do. */
#include <signal.h>
#include <xmmintrin.h>

#include "allochook.h"
#include "helpers.h"

#define PAGE ((size_t)4096)
#define RW   (uint32_t)(MK_PROT_READ | MK_PROT_WRITE)
#define BOTH (MK_EXC_IDENTITY | MK_EXC_STATE)

/* ---- a handler: a thread that answers what comes to a port ---- */

struct handler {
    mk_name_t port;
    mk_err_t (*handle)(struct handler *h, const struct mk_exc_message *m, struct mk_regs *regs);
    uint32_t answer_size; /* bytes; 0: all */
    bool throws_away;     /* the right to answer */
    bool dies;            /* the port goes, with the message in hand */
    /* what came */
    struct mk_exc_message last;
    struct mk_msg_right rights[2];
    struct mk_msg msg;
    uint32_t nr;
};

static uint32_t order[8], nr_asked; /* ports in the order in which they were asked */

static void handler_main(void *arg)
{
    struct handler *h = (struct handler *)arg;
    union {
        struct mk_exc_message message;
        struct mk_exc_answer answer;
    } body;
    for (;;) {
        struct mk_msg msg = {.body = &body, .capacity = sizeof(body), .rights = h->rights, .max_rights = 2};
        memset(&body, 0, sizeof(body));
        if (mk_receive(h->port, &msg, MK_TIME_FOREVER))
            return;
        h->last = body.message;
        h->msg = msg;
        h->nr++;
        order[nr_asked++ % 8] = h->port;
        if (h->dies) {
            CHECK_OK(mk_port_destroy(h->port));
            CHECK_OK(mk_right_release(msg.reply));
            return;
        }
        if (h->throws_away) {
            CHECK_OK(mk_right_release(msg.reply));
            continue;
        }
        struct mk_regs regs = h->last.regs;
        mk_err_t err = h->handle ? h->handle(h, &h->last, &regs) : MK_E_NOT_FOUND;
        body.answer = (struct mk_exc_answer){.err = err, .regs = regs};
        struct mk_msg reply = {
            .reply = msg.reply, .body = &body, .size = h->answer_size ? h->answer_size : sizeof(body.answer)};
        if (mk_reply(&reply)) /* whom it was about may have ended */
            (void)mk_right_release(msg.reply);
    }
}

static void handler_begin(struct handler *h)
{
    h->port = mkt_port();
    CHECK_OK(mk_right_release(thread_of("handler", handler_main, h, 0)));
}

static mk_err_t fine(struct handler *h, const struct mk_exc_message *m, struct mk_regs *regs)
{
    (void)h;
    (void)m;
    (void)regs;
    return MK_OK;
}

/* ---- threads that do what they cannot ---- */

static volatile int word, nr_done;
static volatile uint64_t result;

/* An instruction of three bytes that reads *rdi into rax. */
static void read_word(void *arg)
{
    uint64_t value;
    __asm__ volatile("mov (%1), %0" : "=a"(value) : "D"(arg) : "memory");
    result = value;
    nr_done++;
}

/* A division by zero, of three bytes; its quotient comes to rax. */
static void divide(void *arg)
{
    uint64_t quotient, rest;
    (void)arg;
    __asm__ volatile("div %4" : "=a"(quotient), "=d"(rest) : "a"(1ull), "d"(0ull), "c"(0ull));
    result = quotient;
    nr_done++;
}

static void breakpoint(void *arg)
{
    (void)arg;
    __asm__ volatile("int3");
    nr_done++;
}

static void illegal(void *arg)
{
    (void)arg;
    __asm__ volatile("ud2");
    nr_done++;
}

static mk_err_t raise_err;

static void raise_code(void *arg)
{
    raise_err = mk_exception_raise((int64_t)(uintptr_t)arg);
    nr_done++;
}

static void call_abort(void *arg)
{
    (void)arg;
    abort();
}

static int __attribute__((noinline)) deeper(volatile char *above)
{
    volatile char here[4096];
    here[0] = above ? above[0] : 0;
    return here[0] + (word ? 0 : deeper(here)) + here[1];
}

static void overflow(void *arg)
{
    (void)arg;
    nr_done = deeper(NULL);
}

/* A task whose one thread begins there with its exceptions reported to h (NULL: to nobody). */
static mk_name_t begin(void (*entry)(void *), void *arg, const struct handler *h, uint32_t kinds, uint32_t with)
{
    mk_name_t task;
    nr_done = 0;
    result = 0;
    CHECK_OK(mk_task_create("crasher", &task));
    if (h)
        CHECK_OK(mk_exception_set_port(task, kinds, h->port, with));
    CHECK_OK(mk_right_release(thread_in(task, "crasher", entry, arg, 0)));
    return task;
}

static int end_of(mk_name_t task)
{
    int code = -1;
    CHECK_OK(mk_task_wait(task, &code, MK_TIME_FOREVER));
    CHECK_OK(mk_right_release(task));
    CHECK_OK(mk_machine_audit(NULL));
    return code;
}

/* As MKT_TEST, but tasks may end with a line in the log. */
#define CRASH_TEST(name) \
    static void name##_inside(void *arg); \
    static void name(void **state) \
    { \
        struct mkt t; \
        (void)state; \
        nr_asked = 0; \
        mkt_begin(&t, NULL); \
        t.expects_log = true; \
        mkt_spawn(&t, "test", name##_inside, NULL, false); \
        mkt_run_all(&t); \
        mkt_finish(&t); \
    } \
    static void name##_inside(void *arg)

static void finish(void)
{
    mk_task_exit(0); /* with the handlers */
}

/* ---- what a handler can do ---- */

static mk_err_t map_page(struct handler *h, const struct mk_exc_message *m, struct mk_regs *regs)
{
    mk_name_t memory;
    mk_vaddr_t at = m->address & ~(PAGE - 1);
    uint64_t value = 4711;
    (void)regs;
    CHECK_OK(mk_memory_create(MK_NAME_NULL, 0, PAGE, &memory, NULL));
    const struct mk_vm_map how = {.memory = memory, .size = PAGE, .prot = RW, .at = at};
    CHECK_OK(mk_vm_map(h->rights[1].name, &how, &at));
    CHECK_OK(mk_vm_write(h->rights[1].name, m->address, &value, sizeof(value)));
    return MK_OK;
}

static void read_beyond(void *arg)
{
    mk_vaddr_t p;
    CHECK_OK(mk_vm_allocate(mk_task_self(), PAGE, &p));
    read_word((void *)(p + (uintptr_t)arg * PAGE + 8));
}

/* EXC0010: a handler maps the page that was missing, and the thread reads it. */
CRASH_TEST(EXC0010)
{
    (void)arg;
    struct handler h = {.handle = map_page};
    handler_begin(&h);
    mk_name_t task = begin(read_beyond, (void *)16, &h, MK_EXC_ALL, BOTH);
    CHECK(end_of(task) == 0 && nr_done == 1 && result == 4711 && h.nr == 1);
    CHECK(h.last.exception == MK_EXC_BAD_ACCESS && h.last.code == MK_E_BAD_ADDRESS && !h.last.is_write);
    CHECK(h.last.address == h.last.regs.rdi && h.last.instruction == h.last.regs.rip && h.last.signal == 11);
    finish();
}

static mk_err_t skip_division(struct handler *h, const struct mk_exc_message *m, struct mk_regs *regs)
{
    (void)h;
    (void)m;
    regs->rip += 3;
    regs->rax = 42;
    return MK_OK;
}

/* EXC0020: a handler puts a result in a register and has the thread go on after the division by zero. */
CRASH_TEST(EXC0020)
{
    (void)arg;
    struct handler h = {.handle = skip_division};
    handler_begin(&h);
    CHECK(end_of(begin(divide, NULL, &h, MK_EXC_ALL, MK_EXC_STATE)) == 0 && nr_done == 1 && result == 42);
    CHECK(h.last.exception == MK_EXC_ARITHMETIC && h.msg.nr_rights == 0);
    finish();
}

static mk_err_t end_thread(struct handler *h, const struct mk_exc_message *m, struct mk_regs *regs)
{
    (void)m;
    (void)regs;
    CHECK_OK(mk_thread_terminate(h->rights[0].name));
    return MK_OK;
}

static mk_err_t end_task(struct handler *h, const struct mk_exc_message *m, struct mk_regs *regs)
{
    (void)m;
    (void)regs;
    CHECK_OK(mk_task_terminate(h->rights[1].name, 7));
    return MK_OK;
}

static void crash_beside(void *arg)
{
    mk_name_t thread = mkt_thread(divide, NULL);
    (void)arg;
    join(thread);
    nr_done = 100;
}

/* EXC0030: a handler ends the thread; the others of its task go on. */
CRASH_TEST(EXC0030)
{
    (void)arg;
    struct handler h = {.handle = end_thread};
    handler_begin(&h);
    CHECK(end_of(begin(crash_beside, NULL, &h, MK_EXC_ALL, BOTH)) == 0 && nr_done == 100);
    finish();
}

/* EXC0040: a handler ends the task. */
CRASH_TEST(EXC0040)
{
    (void)arg;
    struct handler h = {.handle = end_task};
    handler_begin(&h);
    CHECK(end_of(begin(crash_beside, NULL, &h, MK_EXC_ALL, BOTH)) == 7 && nr_done == 0);
    finish();
}

/* ---- who is asked ---- */

struct three {
    struct handler of_thread, of_task, of_machine;
    mk_name_t machine;
};

static void three_begin(struct three *three)
{
    memset(three, 0, sizeof(*three));
    handler_begin(&three->of_thread);
    handler_begin(&three->of_task);
    handler_begin(&three->of_machine);
    CHECK_OK(mk_task_get_special(mk_task_self(), MK_SPECIAL_MACHINE, &three->machine));
    CHECK_OK(mk_exception_set_port(three->machine, MK_EXC_ALL, three->of_machine.port, BOTH));
}

static mk_name_t begin_of_three(const struct three *three, void (*entry)(void *), uint32_t thread_kinds)
{
    mk_name_t task;
    nr_done = 0;
    CHECK_OK(mk_task_create("crasher", &task));
    CHECK_OK(mk_exception_set_port(task, MK_EXC_ALL, three->of_task.port, BOTH));
    const struct mk_thread_attr attr = {.entry = entry, .suspended = true};
    mk_name_t thread;
    CHECK_OK(mk_thread_create(task, &attr, &thread));
    CHECK_OK(mk_exception_set_port(thread, thread_kinds, three->of_thread.port, BOTH));
    CHECK_OK(mk_thread_resume(thread));
    CHECK_OK(mk_right_release(thread));
    return task;
}

/* EXC0050: who passes lets the next be asked: thread, task, machine; then the task ends with the signal's code. */
CRASH_TEST(EXC0050)
{
    (void)arg;
    static struct three three;
    three_begin(&three);
    CHECK(end_of(begin_of_three(&three, divide, MK_EXC_ALL)) == 128 + 8 && nr_done == 0 && nr_asked == 3);
    CHECK(order[0] == three.of_thread.port && order[1] == three.of_task.port && order[2] == three.of_machine.port);
    finish();
}

/* EXC0060: who handles it is the last to be asked. */
CRASH_TEST(EXC0060)
{
    (void)arg;
    static struct three three;
    three_begin(&three);
    three.of_task.handle = skip_division;
    CHECK(end_of(begin_of_three(&three, divide, MK_EXC_ALL)) == 0 && nr_done == 1 && nr_asked == 2);
    finish();
}

/* EXC0070: kinds that a port is not for pass it by. */
CRASH_TEST(EXC0070)
{
    (void)arg;
    static struct three three;
    three_begin(&three);
    three.of_thread.handle = three.of_task.handle = skip_division;
    CHECK(end_of(begin_of_three(&three, divide, MK_EXC_ALL & ~MK_EXC_BIT(MK_EXC_ARITHMETIC))) == 0);
    CHECK(three.of_thread.nr == 0 && three.of_task.nr == 1 && three.of_machine.nr == 0);
    finish();
}

/* EXC0080: a handler that dies, or throws the right to answer away, passes. */
CRASH_TEST(EXC0080)
{
    (void)arg;
    static struct three three;
    three_begin(&three);
    three.of_thread.throws_away = true;
    three.of_task.dies = true;
    three.of_machine.handle = skip_division;
    CHECK(end_of(begin_of_three(&three, divide, MK_EXC_ALL)) == 0 && nr_done == 1 && nr_asked == 3);
    finish();
}

static mk_err_t abort_it(struct handler *h, const struct mk_exc_message *m, struct mk_regs *regs)
{
    (void)m;
    (void)regs;
    CHECK_OK(mk_thread_abort(h->rights[0].name));
    return MK_OK; /* too late */
}

/* EXC0090: mk_thread_abort ends the wait for a handler, which passes. */
CRASH_TEST(EXC0090)
{
    (void)arg;
    static struct three three;
    three_begin(&three);
    three.of_thread.handle = abort_it;
    three.of_task.handle = skip_division;
    CHECK(end_of(begin_of_three(&three, divide, MK_EXC_ALL)) == 0 && nr_done == 1 && nr_asked == 2);
    finish();
}

static void parent_main(void *arg)
{
    (void)arg;
    mk_name_t child;
    CHECK_OK(mk_task_create("child", &child));
    CHECK_OK(mk_right_release(thread_in(child, "child", divide, NULL, 0)));
    CHECK_OK(mk_task_wait(child, NULL, MK_TIME_FOREVER));
}

/* EXC0100: children are born with their parent's exception port, its kinds and what it is sent. */
CRASH_TEST(EXC0100)
{
    (void)arg;
    struct handler h = {.handle = skip_division};
    handler_begin(&h);
    CHECK(end_of(begin(parent_main, NULL, &h, MK_EXC_BIT(MK_EXC_ARITHMETIC), MK_EXC_STATE)) == 0 && nr_done == 1);
    CHECK(h.nr == 1 && h.msg.nr_rights == 0 && h.last.with == MK_EXC_STATE);
    finish();
}

/* EXC0110: set as a special port, it gets all kinds with identity and state. */
CRASH_TEST(EXC0110)
{
    (void)arg;
    struct handler h = {.handle = skip_division};
    mk_name_t task;
    handler_begin(&h);
    CHECK_OK(mk_task_create("crasher", &task));
    CHECK_OK(mk_exception_set_port(task, 0, h.port, 0));
    CHECK_OK(mk_task_set_special(task, MK_SPECIAL_EXCEPTION, h.port));
    CHECK_OK(mk_right_release(thread_in(task, "crasher", divide, NULL, 0)));
    CHECK(end_of(task) == 0 && h.nr == 1 && h.msg.nr_rights == 2 && h.last.regs.rip == h.last.instruction);
    finish();
}

/* ---- what is said ---- */

/* EXC0120: identity brings the thread and its task, state the registers, neither nothing but the facts. */
CRASH_TEST(EXC0120)
{
    (void)arg;
    struct handler h = {.handle = end_task};
    handler_begin(&h);
    CHECK(end_of(begin(divide, NULL, &h, MK_EXC_ALL, MK_EXC_IDENTITY)) == 7);
    CHECK(h.msg.nr_rights == 2 && h.msg.size == offsetof(struct mk_exc_message, regs) && h.msg.id == MK_EXC_RAISE);
    CHECK(h.msg.badge == MK_BADGE_KERNEL && h.rights[0].how == MK_RIGHT_SEND && h.rights[1].how == MK_RIGHT_SEND);
    h.handle = NULL;
    CHECK(end_of(begin(divide, NULL, &h, MK_EXC_ALL, 0)) == 128 + 8);
    CHECK(h.msg.nr_rights == 0 && h.msg.size == offsetof(struct mk_exc_message, regs) && h.last.with == 0);
    CHECK(end_of(begin(divide, NULL, &h, MK_EXC_ALL, MK_EXC_STATE)) == 128 + 8);
    CHECK(h.msg.nr_rights == 0 && h.msg.size == sizeof(struct mk_exc_message));
    finish();
}

/* EXC0130: each kind is told from the others, with the code that belongs to it and the exit code of its signal. */
CRASH_TEST(EXC0130)
{
    (void)arg;
    static const struct {
        void (*entry)(void *);
        uint32_t exception;
        int64_t code;
        int signal;
    } kinds[] = {
        {read_word, MK_EXC_BAD_ACCESS, MK_E_BAD_ADDRESS, 11},
        {divide, MK_EXC_ARITHMETIC, 0, 8},
        {illegal, MK_EXC_BAD_INSTRUCTION, 0, 4},
        {breakpoint, MK_EXC_BREAKPOINT, 0, 5},
        {raise_code, MK_EXC_SOFTWARE, 0, 6},
        {call_abort, MK_EXC_SOFTWARE, MK_EXC_ABORT, 6},
        {overflow, MK_EXC_BAD_ACCESS, MK_EXC_STACK_OVERFLOW, 11},
    };
    struct handler h = {.handle = NULL};
    handler_begin(&h);
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        CHECK(end_of(begin(kinds[i].entry, NULL, &h, MK_EXC_ALL, BOTH)) == 128 + kinds[i].signal);
        CHECK(h.nr == i + 1 && h.last.exception == kinds[i].exception && h.last.code == kinds[i].code);
        CHECK(h.last.signal == (uint32_t)kinds[i].signal && h.last.task && h.last.thread);
    }
    finish();
}

static void read_lost(void *arg)
{
    (void)arg;
    mk_name_t port = mkt_port(), memory, control;
    mk_vaddr_t p;
    CHECK_OK(mk_memory_create(port, 1, PAGE, &memory, &control));
    const struct mk_vm_map how = {.memory = memory, .size = PAGE, .prot = RW};
    CHECK_OK(mk_vm_map(mk_task_self(), &how, &p));
    CHECK_OK(mk_memory_destroy(control));
    read_word((void *)p);
}

/* EXC0140: memory that cannot be had is a bad access whose code says why. */
CRASH_TEST(EXC0140)
{
    (void)arg;
    struct handler h = {.handle = NULL};
    handler_begin(&h);
    CHECK(end_of(begin(read_lost, NULL, &h, MK_EXC_ALL, BOTH)) == 128 + 11);
    CHECK(h.last.exception == MK_EXC_BAD_ACCESS && h.last.code == MK_E_DEAD);
    finish();
}

/* ---- what is answered ---- */

/* EXC0150: handled breakpoints and raised exceptions go on after the instruction. */
CRASH_TEST(EXC0150)
{
    (void)arg;
    struct handler h = {.handle = fine};
    handler_begin(&h);
    CHECK(end_of(begin(breakpoint, NULL, &h, MK_EXC_ALL, 0)) == 0 && nr_done == 1 && h.nr == 1);
    CHECK(end_of(begin(raise_code, (void *)77, &h, MK_EXC_ALL, MK_EXC_STATE)) == 0 && nr_done == 1 && h.nr == 2);
    CHECK(h.last.exception == MK_EXC_SOFTWARE && h.last.code == 77 && raise_err == MK_OK);
    CHECK_ERR(mk_exception_raise(-1), MK_E_BAD_ARGUMENT);
    finish();
}

/* EXC0160: an answer without what was asked for, or with too much, passes. */
CRASH_TEST(EXC0160)
{
    (void)arg;
    struct handler h = {.handle = skip_division, .answer_size = sizeof(struct mk_exc_answer) - 1};
    handler_begin(&h);
    CHECK(end_of(begin(divide, NULL, &h, MK_EXC_ALL, BOTH)) == 128 + 8 && h.nr == 1);
    h.answer_size = sizeof(struct mk_exc_answer) + 1;
    CHECK(end_of(begin(divide, NULL, &h, MK_EXC_ALL, BOTH)) == 128 + 8 && h.nr == 2);
    h.handle = fine;
    h.answer_size = offsetof(struct mk_exc_answer, regs) - 1;
    CHECK(end_of(begin(raise_code, NULL, &h, MK_EXC_ALL, 0)) == 128 + 6 && h.nr == 3);
    h.answer_size++;
    CHECK(end_of(begin(raise_code, NULL, &h, MK_EXC_ALL, 0)) == 0 && h.nr == 4);
    finish();
}

static uint64_t bad_rip, bad_rsp;

static mk_err_t set_bad(struct handler *h, const struct mk_exc_message *m, struct mk_regs *regs)
{
    (void)h;
    (void)m;
    regs->rip = bad_rip ? bad_rip : regs->rip + 3;
    regs->rsp = bad_rsp ? bad_rsp : regs->rsp;
    return MK_OK;
}

/* EXC0170: addresses that no user can have are refused; others that are wrong are the thread's next exception. */
CRASH_TEST(EXC0170)
{
    (void)arg;
    static const uint64_t addresses[] = {1ull << 47, 1ull << 63, UINT64_MAX, 0x0000800000000000};
    struct handler h = {.handle = set_bad};
    handler_begin(&h);
    for (size_t i = 0; i < 2 * COUNT_OF(addresses); i++) {
        bad_rip = i % 2 ? addresses[i / 2] : 0;
        bad_rsp = i % 2 ? 0 : addresses[i / 2];
        h.nr = 0;
        CHECK(end_of(begin(divide, NULL, &h, MK_EXC_ALL, BOTH)) == 128 + 8 && h.nr == 1);
    }
    bad_rip = 16;
    bad_rsp = 0;
    mk_name_t task = begin(divide, NULL, &h, MK_EXC_BIT(MK_EXC_ARITHMETIC), BOTH);
    CHECK(end_of(task) == 128 + 11 && h.nr == 2);
    finish();
}

static mk_err_t set_flags(struct handler *h, const struct mk_exc_message *m, struct mk_regs *regs)
{
    (void)h;
    (void)m;
    regs->rip += 3;
    regs->rflags = ~0ull;
    return MK_OK;
}

static void divide_and_look(void *arg)
{
    uint64_t flags;
    (void)arg;
    __asm__ volatile("div %%rcx\n\t"
                     "pushfq\n\t"
                     "pop %0\n\t"
                     "cld"
                     : "=r"(flags)
                     : "a"(1ull), "d"(0ull), "c"(0ull)
                     : "cc");
    result = flags;
    nr_done++;
}

/* EXC0180: an answer sets arithmetic flags, and none that trap, step or concern the host. */
CRASH_TEST(EXC0180)
{
    (void)arg;
    struct handler h = {.handle = set_flags};
    handler_begin(&h);
    CHECK(end_of(begin(divide_and_look, NULL, &h, MK_EXC_ALL, BOTH)) == 0 && h.nr == 1);
    CHECK((result & 0xcd5) == 0xcd5 && !(result & (0x100 | 0x40000 | 0x4000 | 0x3000)));
    finish();
}

/* EXC0190: who called abort cannot go on there, but elsewhere. */
CRASH_TEST(EXC0190)
{
    (void)arg;
    struct handler h = {.handle = fine};
    handler_begin(&h);
    CHECK(end_of(begin(call_abort, NULL, &h, MK_EXC_ALL, BOTH)) == 128 + 6 && h.nr == 1);
    CHECK(end_of(begin(overflow, NULL, &h, MK_EXC_ALL, BOTH)) == 128 + 11 && h.nr == 2);
    h.handle = set_bad;
    bad_rip = (uint64_t)(uintptr_t)mk_thread_exit;
    bad_rsp = 0;
    CHECK(end_of(begin(call_abort, NULL, &h, MK_EXC_ALL, BOTH)) == 0 && h.nr == 3);
    finish();
}

static mk_err_t scramble(struct handler *h, const struct mk_exc_message *m, struct mk_regs *regs)
{
    (void)h;
    (void)m;
    double x = 1;
    for (int i = 0; i < 100; i++)
        x = x / 3 + (double)i;
    _mm_setcsr(_mm_getcsr() | 0x4000);
    result = (uint64_t)x;
    mk_thread_yield();
    regs->rip += 3;
    return MK_OK;
}

static void divide_with_numbers(void *arg)
{
    uint64_t in[4] = {1, 2, 3, 4}, out[4];
    double d = 0.1, after;
    (void)arg;
    _mm_setcsr(_mm_getcsr() | 0x2000);
    __asm__ volatile("movsd %5, %%xmm7\n\t"
                     "fldpi\n\t"
                     "mov %1, %%r12\n\t"
                     "mov %2, %%r13\n\t"
                     "mov %3, %%r8\n\t"
                     "mov %4, %%rsi\n\t"
                     "xor %%edx, %%edx\n\t"
                     "mov $1, %%eax\n\t"
                     "xor %%ecx, %%ecx\n\t"
                     "div %%rcx\n\t"
                     "mov %%r12, (%6)\n\t"
                     "mov %%r13, 8(%6)\n\t"
                     "mov %%r8, 16(%6)\n\t"
                     "mov %%rsi, 24(%6)\n\t"
                     "movsd %%xmm7, %0\n\t"
                     "fstp %%st(0)"
                     : "=m"(after)
                     : "m"(in[0]), "m"(in[1]), "m"(in[2]), "m"(in[3]), "m"(d), "b"(out)
                     : "rax", "rcx", "rdx", "rsi", "r8", "r12", "r13", "xmm7", "memory", "cc");
    nr_done = memcmp(in, out, sizeof(in)) == 0 && after == d && (_mm_getcsr() & 0x6000) == 0x2000;
}

/* EXC0200: registers that the answer does not change, the floating-point ones among them, are what they were. */
CRASH_TEST(EXC0200)
{
    (void)arg;
    struct handler h = {.handle = scramble};
    handler_begin(&h);
    CHECK(end_of(begin(divide_with_numbers, NULL, &h, MK_EXC_ALL, BOTH)) == 0 && nr_done == 1);
    finish();
}

/* EXC0210: a thousand exceptions of a hundred threads at once are all answered, and nothing is left of them. */
static void many_main(void *arg)
{
    (void)arg;
    for (int i = 0; i < 10; i++)
        divide(NULL);
}

CRASH_TEST(EXC0210)
{
    (void)arg;
    struct handler h = {.handle = skip_division};
    struct mk_machine_stats stats[2];
    handler_begin(&h);
    for (int round = 0; round < 2; round++) {
        mk_name_t task, threads[100];
        nr_done = 0;
        CHECK_OK(mk_task_create("crashers", &task));
        CHECK_OK(mk_exception_set_port(task, MK_EXC_ALL, h.port, MK_EXC_STATE));
        for (size_t i = 0; i < COUNT_OF(threads); i++)
            threads[i] = thread_in(task, "crasher", many_main, NULL, 0);
        for (size_t i = 0; i < COUNT_OF(threads); i++)
            join(threads[i]);
        CHECK(end_of(task) == 0 && nr_done == 1000);
        CHECK_OK(mk_machine_stats(NULL, &stats[round]));
    }
    CHECK(h.nr == 2000 && stats[0].nr_ports == stats[1].nr_ports && stats[0].nr_messages == stats[1].nr_messages);
    finish();
}

/* ---- refused ---- */

/* EXC0220: what cannot be set is refused, and nothing changes. */
MKT_TEST(EXC0220)
{
    (void)arg;
    mk_name_t port = mkt_port(), receive, event, got, self = mk_task_self(), once = once_name(port);
    static struct snap before;
    CHECK_OK(mk_port_create(&receive));
    CHECK_OK(mk_event_create(&event));
    mk_name_t dead = dead_name(), stale = stale_name();
    CHECK_OK(mk_right_make(event, MK_RIGHT_SEND, 0, &event));
    snap_take(&before);
    CHECK_ERR(mk_exception_set_port(stale, MK_EXC_ALL, port, 0), MK_E_BAD_NAME);
    CHECK_ERR(mk_exception_set_port(MK_NAME_NULL, MK_EXC_ALL, port, 0), MK_E_BAD_NAME);
    CHECK_ERR(mk_exception_set_port(port, MK_EXC_ALL, port, 0), MK_E_BAD_RIGHT);
    CHECK_ERR(mk_exception_set_port(receive, MK_EXC_ALL, port, 0), MK_E_BAD_RIGHT);
    CHECK_ERR(mk_exception_set_port(once, MK_EXC_ALL, port, 0), MK_E_BAD_RIGHT);
    CHECK_ERR(mk_exception_set_port(self, MK_EXC_ALL, stale, 0), MK_E_BAD_NAME);
    CHECK_ERR(mk_exception_set_port(self, MK_EXC_ALL, receive, 0), MK_E_BAD_RIGHT);
    CHECK_ERR(mk_exception_set_port(self, MK_EXC_ALL, once, 0), MK_E_BAD_RIGHT);
    CHECK_ERR(mk_exception_set_port(self, MK_EXC_ALL, self, 0), MK_E_BAD_RIGHT);
    CHECK_ERR(mk_exception_set_port(self, MK_EXC_ALL, event, 0), MK_E_BAD_RIGHT);
    CHECK_ERR(mk_exception_set_port(self, MK_EXC_ALL, dead, 0), MK_E_DEAD);
    CHECK_ERR(mk_exception_set_port(self, MK_EXC_ALL | 1, port, 0), MK_E_BAD_ARGUMENT);
    CHECK_ERR(mk_exception_set_port(self, UINT32_MAX, port, 0), MK_E_BAD_ARGUMENT);
    CHECK_ERR(mk_exception_set_port(self, MK_EXC_ALL, port, 4), MK_E_BAD_ARGUMENT);
    CHECK(snap_is_same(&before));
    CHECK_ERR(mk_task_get_special(self, MK_SPECIAL_EXCEPTION, &got), MK_E_NOT_FOUND);
    CHECK_OK(mk_exception_set_port(self, MK_EXC_ALL, port, BOTH));
    CHECK_OK(mk_task_get_special(self, MK_SPECIAL_EXCEPTION, &got));
    CHECK(got == port);
    CHECK_OK(mk_exception_set_port(self, 0, MK_NAME_NULL, 0));
    CHECK_ERR(mk_task_get_special(self, MK_SPECIAL_EXCEPTION, &got), MK_E_NOT_FOUND);
    CHECK_OK(mk_machine_audit(NULL));
}

/* EXC0230: outside a machine there is nobody to ask. */
static void EXC0230(void **state)
{
    (void)state;
    assert_int_equal(mk_exception_raise(1), MK_E_NOT_IN_MACHINE);
    assert_int_equal(mk_exception_set_port(1, MK_EXC_ALL, 1, 0), MK_E_NOT_IN_MACHINE);
}

/* ---- the k-th allocation fails ---- */

static void divide_short(void *arg)
{
    hook.is_armed = true;
    divide(arg);
    hook.is_armed = false;
}

static void short_of_memory(void *arg)
{
    (void)arg;
    struct handler h = {.handle = skip_division};
    handler_begin(&h);
    int code = end_of(begin(divide_short, NULL, &h, MK_EXC_ALL, BOTH));
    hook.is_armed = false;
    CHECK((code == 0 && nr_done == 1) || (code == 128 + 8 && nr_done == 0 && hook.has_failed));
    finish();
}

/* EXC0240: without memory for the message the thread is not asked about; nothing is lost. */
static void EXC0240(void **state)
{
    (void)state;
    const struct mk_machine_config config = {.alloc_hook = hook_alloc};
    for (unsigned k = 1; k < 10; k++) {
        struct mkt t;
        hook.left = k;
        hook.is_armed = hook.has_failed = false;
        nr_asked = 0;
        mkt_begin(&t, &config);
        t.expects_log = true;
        mkt_spawn(&t, "test", short_of_memory, NULL, false);
        mkt_run_all(&t);
        mkt_finish(&t);
    }
}

/* ---- crash reports ---- */

void crash_inner(volatile int *where);
void crash_outer(volatile int *where);

__attribute__((noinline)) void crash_inner(volatile int *where)
{
    register uint64_t marked __asm__("r12") = 0x1122334455667788;
    __asm__ volatile("" : "+r"(marked));
    *where = 1;
    __asm__ volatile("" : : "r"(marked));
}

__attribute__((noinline)) void crash_outer(volatile int *where)
{
    crash_inner(where);
    nr_done++;
}

/* A server that takes a request and crashes, with memory and an answer to give. */
static mk_name_t served;

static void receive_and_crash(void *arg)
{
    (void)arg;
    char body[8];
    mk_vaddr_t memory;
    struct mk_msg msg = {.body = body, .capacity = sizeof(body)};
    CHECK_OK(mk_vm_allocate(mk_task_self(), 3 * PAGE, &memory));
    CHECK_OK(mk_receive(served, &msg, MK_TIME_FOREVER));
    crash_outer((volatile int *)64);
}

static void crash_inner_alone(void *arg)
{
    crash_inner(arg);
}

static void call_too(void *arg)
{
    struct mk_msg msg = {.id = 2};
    CHECK_ERR(mk_call(*(mk_name_t *)arg, &msg, MK_TIME_FOREVER), MK_E_DEAD);
}

static void send_too(void *arg)
{
    struct mk_msg msg = {.id = 3};
    CHECK_ERR(mk_send(*(mk_name_t *)arg, &msg, MK_TIME_FOREVER), MK_E_DEAD);
}

static mk_name_t victim;

static void wait_too(void *arg)
{
    int code;
    (void)arg;
    CHECK_OK(mk_task_wait(victim, &code, MK_TIME_FOREVER));
}

/* A victim with one call to answer, one in its queue of one, a sender that waits for room, and one for its end. */
static void crowd_and_see(void *arg)
{
    static mk_name_t port;
    (void)arg;
    port = mkt_port();
    CHECK_OK(mk_port_set_limit(port, 1));
    CHECK_OK(mk_task_create("victim", &victim));
    mkt_thread(call_too, &port);
    mk_thread_yield();
    mkt_thread(send_too, &port);
    mk_thread_yield();
    mkt_thread(wait_too, NULL);
    mk_thread_yield();
    CHECK_OK(mk_right_insert(victim, port, MK_MOVE_RECEIVE, &served));
    const struct mk_thread_attr attr = {.entry = crash_inner_alone, .arg = (void *)64};
    CHECK_OK(mk_thread_create(victim, &attr, NULL));
}

static void call_and_see(void *arg)
{
    (void)arg;
    mk_name_t task, port = mkt_port();
    CHECK_OK(mk_task_create("victim", &task));
    CHECK_OK(mk_right_insert(task, port, MK_MOVE_RECEIVE, &served));
    const struct mk_thread_attr attr = {.entry = receive_and_crash};
    CHECK_OK(mk_thread_create(task, &attr, NULL));
    struct mk_msg msg = {.id = 1};
    CHECK_ERR(mk_call(port, &msg, MK_TIME_FOREVER), MK_E_DEAD);
}

/* The log of a machine with this task, which may end as it likes. */
static void run_for_log(struct mkt *t, const struct mk_machine_config *config, void (*entry)(void *), int code_expected)
{
    int code;
    mkt_begin(t, config);
    t->expects_log = true;
    mkt_spawn(t, "test", entry, NULL, false);
    assert_int_equal(mk_machine_run(t->machine, &code), MK_OK);
    if (code != code_expected)
        print_error("exit code %d, not %d\n%s\n", code, code_expected, t->log);
    assert_int_equal(code, code_expected);
    mkt_finish(t);
}

static void expect(const struct mkt *t, const char *text)
{
    if (!strstr(t->log, text))
        print_error("no \"%s\"\n", text);
    if (!strstr(t->log, text))
        mkt_fail_with_log(t, "something is missing");
}

/* EXC0250: a crash report says why, where with the functions around, and the registers. */
static void EXC0250(void **state)
{
    struct mkt t;
    (void)state;
    run_for_log(&t, NULL, call_and_see, 0);
    expect(&t, "[victim] thread 2 ended its task: bad access, writing to 0x40\n  at          0x");
    expect(&t, " in crash_inner");
    expect(&t, "r12   0x1122334455667788");
    if (strstr(t.log, "test_exception.c:")) { /* not without libdw */
        expect(&t, "  called from 0x");
        expect(&t, " in crash_outer, tests/api/test_exception.c:");
        expect(&t, " in receive_and_crash, tests/api/test_exception.c:");
    }
}

/* EXC0260: and what its last kernel calls were, what it held, and who waited for it. */
static void EXC0260(void **state)
{
    struct mkt t;
    (void)state;
    run_for_log(&t, NULL, call_and_see, 0);
    expect(&t, "\n  last kernel calls: mk_vm_allocate mk_receive\n");
    expect(&t, "\n  held: 12 KiB of memory, 1 send rights, 0 send-once rights, answers to give: 1\n");
    expect(&t, "\n  received from port ");
    expect(&t, "\n  waited for it: [test] thread 1, for the answer to its call on port ");
}

/* EXC0265: whose requests wait in its queues, who waits for room there, and for its end. */
static void EXC0265(void **state)
{
    struct mkt t;
    (void)state;
    run_for_log(&t, NULL, crowd_and_see, 0);
    expect(&t, "\n  waited for it: [test] thread 2, for the answer to its call on port ");
    expect(&t, "\n  waited for it: [test] thread 3, for room in the queue of port ");
    expect(&t, "\n  waited for it: [test] thread 4, for its end\n");
}

static void lose_the_stack(void *arg)
{
    (void)arg;
    __asm__ volatile("mov $8, %%rsp\n\tmov $16, %%rbp\n\tud2" : : : "memory");
}

static void wild_jump(void *arg)
{
    (void)arg;
    ((void (*)(void))(uintptr_t)0x123450)();
}

/* EXC0270: where neither the stack nor the instruction is anything, the report says what is known, and ends. */
static void EXC0270(void **state)
{
    struct mkt t;
    (void)state;
    run_for_log(&t, NULL, lose_the_stack, 128 + 4);
    expect(&t, "[test] thread 1 ended its task: illegal instruction\n");
    expect(&t, "rsp   0x8\n");
    run_for_log(&t, NULL, wild_jump, 128 + 11);
    expect(&t, "bad access, reading from 0x123450\n  at          0x123450");
}

#if !defined(__SANITIZE_ADDRESS__) && !MKT_TSAN
static void free_nonsense(void *arg)
{
    static uint64_t block[8] = {[1] = 0x21};
    volatile uintptr_t address = (uintptr_t)block + 19;
    (void)arg;
    free((void *)address);
}

/* EXC0280: the C library finds its heap damaged and aborts, perhaps with the heap's lock in hand: there is a report. */
static void EXC0280(void **state)
{
    struct mkt t;
    (void)state;
    if (RUNNING_ON_VALGRIND)
        skip(); /* its heap aborts for nothing */
    run_for_log(&t, NULL, free_nonsense, 128 + 6);
    expect(&t, "[test] thread 1 ended its task: abort\n  at          0x");
    expect(&t, "rip ");
}
#endif

/* ---- exit ---- */

static void exit_7(void *arg)
{
    if (arg)
        CHECK_OK(mk_task_set_server(true));
    mk_exit(7);
}

static void exit_of_server(void *arg)
{
    (void)arg;
    exit_7(&served);
}

static void went_on(void)
{
    nr_done = 77;
    mk_task_exit(0);
}

static mk_err_t go_elsewhere(struct handler *h, const struct mk_exc_message *m, struct mk_regs *regs)
{
    (void)h;
    (void)m;
    regs->rip = (uint64_t)(uintptr_t)went_on;
    return MK_OK;
}

static void exits_main(void *arg)
{
    (void)arg;
    struct handler h = {.handle = NULL};
    handler_begin(&h);
    CHECK(end_of(begin(exit_7, NULL, &h, MK_EXC_ALL & ~MK_EXC_BIT(MK_EXC_EXIT), BOTH)) == 7 && h.nr == 0);
    CHECK(end_of(begin(exit_7, NULL, &h, MK_EXC_BIT(MK_EXC_EXIT), BOTH)) == 7 && h.nr == 1);
    CHECK(h.last.exception == MK_EXC_EXIT && h.last.code == 7);
    h.handle = fine; /* there is nothing to return to */
    CHECK(end_of(begin(exit_7, NULL, &h, MK_EXC_ALL, BOTH)) == 7 && h.nr == 2 && nr_done == 0);
    h.handle = go_elsewhere;
    CHECK(end_of(begin(exit_7, NULL, &h, MK_EXC_ALL, BOTH)) == 0 && h.nr == 3 && nr_done == 77);
    finish();
}

/* EXC0290: who asked for it hears of an exit, with its status, and can have the thread go on elsewhere. */
static void EXC0290(void **state)
{
    (void)state;
    mkt_run(exits_main, NULL);
}

/* EXC0300: a program that exits leaves no report, a server does; negative statuses stay so. */
static void exit_minus(void *arg)
{
    CHECK_OK(mk_task_set_server(true));
    (void)arg;
    mk_exit(-5);
}

static void EXC0300(void **state)
{
    struct mkt t;
    (void)state;
    run_for_log(&t, NULL, exit_7, 7);
    assert_string_equal(t.log, "");
    run_for_log(&t, NULL, exit_of_server, 0); /* a server's end does not count */
    expect(&t, "[test] thread 1 ended its task: exit of a server, with status 7\n");
    run_for_log(&t, NULL, exit_minus, 0);
    expect(&t, "exit of a server, with status -5\n");
}

/* ---- endless loops ---- */

static volatile bool loop_stop;

static void loop(void *arg)
{
    (void)arg;
    while (!loop_stop)
        ;
    nr_done++;
}

static void loop_of_looks(void *arg)
{
    (void)arg;
    while (!loop_stop)
        (void)mk_task_id();
}

static mk_err_t stop_loop(struct handler *h, const struct mk_exc_message *m, struct mk_regs *regs)
{
    (void)h;
    (void)regs;
    loop_stop = m->exception == MK_EXC_SOFTWARE && m->code == MK_EXC_LOOP;
    return MK_OK;
}

static void watched(void *arg)
{
    (void)arg;
    struct handler h = {.handle = stop_loop};
    handler_begin(&h);
    CHECK(end_of(begin(loop, NULL, &h, MK_EXC_ALL, BOTH)) == 0 && h.nr == 1 && nr_done == 1);
    loop_stop = false;
    h.handle = NULL;
    CHECK(end_of(begin(loop, NULL, &h, MK_EXC_ALL, BOTH)) == 128 + 26 && h.nr == 2);
    CHECK(end_of(begin(loop_of_looks, NULL, &h, 0, 0)) == 128 + 26);
    finish();
}

static void run_watched(void (*entry)(void *), const struct mk_machine_config *config)
{
    struct mkt t;
    loop_stop = false;
    nr_asked = 0;
    mkt_begin(&t, config);
    t.expects_log = true;
    mkt_spawn(&t, "test", entry, NULL, false);
    mkt_run_all(&t);
    mkt_finish(&t);
}

/* EXC0310: a thread that computes for ever is an exception, which can be mended; others are not in its way. */
static void EXC0310(void **state)
{
    const struct mk_machine_config config = {.watchdog = 20 * MK_MSEC};
    (void)state;
    if (MKT_TSAN)
        skip(); /* it delivers such signals elsewhere */
    run_watched(watched, &config);
}

/* EXC0320: it is at the same virtual time in each run, and so is all that follows. */
static void EXC0320(void **state)
{
    const struct mk_machine_config config = {.watchdog = 20 * MK_MSEC};
    uint64_t hashes[2];
    (void)state;
    if (MKT_TSAN)
        skip();
    for (size_t i = 0; i < 2; i++) {
        struct mkt t;
        struct mk_machine_stats stats;
        mkt_begin(&t, &config);
        t.expects_log = true;
        loop_stop = false;
        assert_int_equal(mk_trace_start(t.machine, 0, NULL, NULL), MK_OK);
        mkt_spawn(&t, "test", watched, NULL, false);
        mkt_run_all(&t);
        assert_int_equal(mk_machine_stats(t.machine, &stats), MK_OK);
        hashes[i] = stats.trace_hash;
        mkt_finish(&t);
    }
    assert_true(hashes[0] == hashes[1]);
}

static void busy(void *arg)
{
    (void)arg;
    for (int i = 0; i < 400; i++) {
        for (volatile int j = 0; j < 100000; j++)
            ;
        CHECK_OK(mk_time_spend(1));
    }
}

/* EXC0330: a thread that computes long, but calls the kernel now and then, is left alone. */
static void EXC0330(void **state)
{
    const struct mk_machine_config config = {.watchdog = 40 * MK_MSEC};
    struct mkt t;
    (void)state;
    run_for_log(&t, &config, busy, 0);
    assert_string_equal(t.log, "");
}

static mk_time_t bitten;

static mk_err_t note_time(struct handler *h, const struct mk_exc_message *m, struct mk_regs *regs)
{
    (void)h;
    (void)regs;
    bitten = mk_time_now();
    return m->code == MK_EXC_LOOP ? MK_OK : MK_E_NOT_FOUND;
}

static void spend(void *arg)
{
    mk_time_t start = mk_time_now();
    bitten = 0;
    CHECK_OK(mk_time_spend((mk_time_t)(uintptr_t)arg * MK_MSEC));
    CHECK(mk_time_now() - start >= (mk_time_t)(uintptr_t)arg * MK_MSEC);
}

static void spend_and_wait(void *arg)
{
    (void)arg;
    for (int i = 0; i < 10; i++) {
        CHECK_OK(mk_time_spend(4 * MK_MSEC));
        CHECK_OK(mk_time_sleep(mk_time_now() + MK_USEC));
    }
}

static void quanta_main(void *arg)
{
    (void)arg;
    struct handler h = {.handle = note_time};
    handler_begin(&h);
    CHECK(end_of(begin(spend, (void *)5, &h, MK_EXC_ALL, BOTH)) == 0 && h.nr == 0);
    CHECK(end_of(begin(spend, (void *)7, &h, MK_EXC_ALL, BOTH)) == 0 && h.nr == 1 && bitten > 0);
    CHECK(end_of(begin(spend, (void *)13, &h, MK_EXC_ALL, BOTH)) == 0 && h.nr == 3);
    CHECK(end_of(begin(spend_and_wait, NULL, &h, MK_EXC_ALL, BOTH)) == 0 && h.nr == 3);
    h.handle = NULL;
    CHECK(end_of(begin(spend, (void *)7, &h, MK_EXC_ALL, BOTH)) == 128 + 26);
    finish();
}

/* EXC0340: so is one that uses up more quanta than it may without ever waiting. */
static void EXC0340(void **state)
{
    const struct mk_machine_config config = {.quantum = MK_MSEC, .max_quanta = 5};
    (void)state;
    run_watched(quanta_main, &config);
}

static volatile sig_atomic_t nr_own_signals;

static void count_signal(int number)
{
    (void)number;
    nr_own_signals++;
}

static void raise_alarm(void *arg)
{
    (void)arg;
    raise(SIGVTALRM);
    nr_done++;
}

/* EXC0345: the same signal, when it is not the watchdog's, goes to the program's own handler. */
static void EXC0345(void **state)
{
    struct sigaction action = {.sa_handler = count_signal, .sa_flags = SA_ONSTACK}, old;
    struct mkt t;
    (void)state;
    nr_own_signals = nr_done = 0;
    assert_int_equal(sigaction(SIGVTALRM, &action, &old), 0);
    run_for_log(&t, NULL, raise_alarm, 0);
    assert_int_equal(sigaction(SIGVTALRM, &old, NULL), 0);
    assert_int_equal(nr_own_signals, 1);
    assert_int_equal(nr_done, 1);
    assert_string_equal(t.log, "");
}

/* EXC0350: a watchdog that cannot be is refused. */
static void EXC0350(void **state)
{
    struct mkt t = {.log_used = 0};
    struct mk_machine *machine;
    const struct mk_machine_config config = {.watchdog = -1, .log = mkt_log, .log_arg = &t};
    (void)state;
    assert_int_equal(mk_machine_create(&config, &machine), MK_E_BAD_ARGUMENT);
    assert_non_null(strstr(t.log, "watchdog"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(EXC0010),
        cmocka_unit_test(EXC0020),
        cmocka_unit_test(EXC0030),
        cmocka_unit_test(EXC0040),
        cmocka_unit_test(EXC0050),
        cmocka_unit_test(EXC0060),
        cmocka_unit_test(EXC0070),
        cmocka_unit_test(EXC0080),
        cmocka_unit_test(EXC0090),
        cmocka_unit_test(EXC0100),
        cmocka_unit_test(EXC0110),
        cmocka_unit_test(EXC0120),
        cmocka_unit_test(EXC0130),
        cmocka_unit_test(EXC0140),
        cmocka_unit_test(EXC0150),
        cmocka_unit_test(EXC0160),
        cmocka_unit_test(EXC0170),
        cmocka_unit_test(EXC0180),
        cmocka_unit_test(EXC0190),
        cmocka_unit_test(EXC0200),
        cmocka_unit_test(EXC0210),
        cmocka_unit_test(EXC0220),
        cmocka_unit_test(EXC0230),
        cmocka_unit_test(EXC0240),
        cmocka_unit_test(EXC0250),
        cmocka_unit_test(EXC0260),
        cmocka_unit_test(EXC0265),
        cmocka_unit_test(EXC0270),
        cmocka_unit_test(EXC0290),
        cmocka_unit_test(EXC0300),
        cmocka_unit_test(EXC0310),
        cmocka_unit_test(EXC0320),
        cmocka_unit_test(EXC0330),
        cmocka_unit_test(EXC0340),
        cmocka_unit_test(EXC0345),
        cmocka_unit_test(EXC0350),
#if !defined(__SANITIZE_ADDRESS__) && !MKT_TSAN
        cmocka_unit_test(EXC0280),
#endif
    };
    cmocka_set_test_filter(getenv("MKT_TEST"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
