/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Traps: host signals that a machine's thread caused.
 *
 * The handler runs on a stack of its own and switches nothing. It only rewrites
 * the interrupted context and returns, so that everything after it is ordinary
 * code:
 *   - a thread of a machine goes on in the kernel, at host_trap_entry (trap.S) on the CPU's trap stack, from where
 *     it can return to what it did as if nothing had been;
 *   - an instruction listed in the exception table that cannot (outside a machine) goes on at its fixup;
 *   - anything else goes to whoever handled the signal before us.
 */
#include "host/cpu.h"

#include <errno.h>
#include <link.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include "host/arch/x86_64/user.h"
#include "host/keys.h"
#include "host/pages.h"
#include "host/sanitizer.h"

#define SIGNAL_STACK_SIZE ((size_t)65536)

#define EFLAGS_USER 0xcd5 /* carry, parity, adjust, zero, sign, direction, overflow */
#define USER_END    ((uint64_t)1 << 47)
#define EFLAGS_TF   0x100
#define EFLAGS_DF   0x400
#define EFLAGS_AC   0x40000

_Thread_local struct host_cpu *host_this_cpu;

extern const struct host_extable_entry __start_mk_extable[] __attribute__((visibility("hidden")));
extern const struct host_extable_entry __stop_mk_extable[] __attribute__((visibility("hidden")));

_Static_assert(HOST_TRAP_BAD_ACCESS == SIGSEGV && HOST_TRAP_ABORT == SIGABRT, "the numbers are the host's");

static const struct {
    int signal;
    enum mk_exception exception;
    const char *what;
} signals[] = {
    {SIGSEGV, MK_EXC_BAD_ACCESS, "bad access"},      {SIGBUS, MK_EXC_BAD_ACCESS, "bad access"},
    {SIGFPE, MK_EXC_ARITHMETIC, "arithmetic error"}, {SIGILL, MK_EXC_BAD_INSTRUCTION, "illegal instruction"},
    {SIGTRAP, MK_EXC_BREAKPOINT, "breakpoint"},      {SIGABRT, MK_EXC_SOFTWARE, "abort"},
    {SIGVTALRM, MK_EXC_SOFTWARE, "endless loop"},
};
#define NR_SIGNALS (sizeof(signals) / sizeof(signals[0]))

static pthread_mutex_t users_lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned nr_users;
static struct sigaction old_actions[NR_SIGNALS];

static uint64_t fixup_find(uint64_t rip)
{
    for (const struct host_extable_entry *e = __start_mk_extable; e < __stop_mk_extable; e++)
        if ((uint64_t)(uintptr_t)&e->insn + (uint64_t)(int64_t)e->insn == rip)
            return (uint64_t)(uintptr_t)&e->fixup + (uint64_t)(int64_t)e->fixup;
    return 0;
}

/* arch: trap.S. */
void host_trap_entry(void) __attribute__((visibility("hidden")));
void host_trap_main(struct host_trap_frame *frame) __attribute__((visibility("hidden")));

__attribute__((used)) void host_trap_main(struct host_trap_frame *frame)
{
    struct host_cpu *cpu = host_this_cpu;
    /* The handler's frames are gone; valgrind does not always see the next ones come. */
    (void)VALGRIND_MAKE_MEM_UNDEFINED(cpu->signal_stack, SIGNAL_STACK_SIZE);
    struct host_domain *domain = cpu->interrupted;
    cpu->trap.frame = frame;
    cpu->on_trap(cpu);
    host_this_cpu->is_trapped = false;
    if (domain)
        host_isolation_leave(cpu->isolation, domain);
}

/* arch: the instruction of host_raise, two bytes long. */
extern const char host_raise_point[] __attribute__((visibility("hidden")));

#define RAISE_SIZE 2

/* arch */
void host_trap_get_regs(const struct host_trap_frame *frame, struct mk_regs *regs)
{
    _Static_assert(offsetof(struct mk_regs, rip) == offsetof(struct host_trap_frame, rip), "in the frame's order");
    memcpy(regs, frame, offsetof(struct mk_regs, rsp));
    regs->rsp = frame->rsp;
    regs->rflags = frame->rflags;
}

bool host_trap_set_regs(struct host_trap_frame *frame, const struct mk_regs *regs)
{
    if (regs->rip >= USER_END || regs->rsp >= USER_END)
        return false;
    memcpy(frame, regs, offsetof(struct mk_regs, rsp));
    if (frame->rip == (uint64_t)(uintptr_t)host_raise_point)
        frame->rip += RAISE_SIZE;
    frame->rsp = regs->rsp;
    frame->rflags = (frame->rflags & ~(uint64_t)EFLAGS_USER) | (regs->rflags & EFLAGS_USER);
    return true;
}

/* The one segment with code, by the program headers. */
bool host_is_own_text(uint64_t instruction)
{
    extern const ElfW(Ehdr) __ehdr_start __attribute__((visibility("hidden")));
    uintptr_t base = (uintptr_t)&__ehdr_start;
    const ElfW(Phdr) *headers = (const ElfW(Phdr) *)(base + __ehdr_start.e_phoff);
    for (unsigned i = 0; i < __ehdr_start.e_phnum; i++)
        if (headers[i].p_type == PT_LOAD && headers[i].p_flags & PF_X &&
            instruction - base - headers[i].p_vaddr < headers[i].p_memsz)
            return true;
    return false;
}

/*
 * arch: is it a string instruction that repeats? Prefixes, REX, and movs, cmps, stos, lods, scas (Intel SDM volume 2).
 */
static bool is_repeated(const uint8_t *instruction)
{
    bool is_rep = false;
    for (; *instruction == 0xf2 || *instruction == 0xf3 || *instruction == 0x66 || *instruction == 0x67; instruction++)
        is_rep |= *instruction == 0xf2 || *instruction == 0xf3;
    instruction += (*instruction & 0xf0) == 0x40;
    return is_rep && *instruction >= 0xa4 && *instruction <= 0xaf && (*instruction & ~1) != 0xa8;
}

/* arch: the interrupted thread goes on at host_trap_entry. */
static void enter_kernel(struct host_cpu *cpu, greg_t *regs)
{
    uint64_t *top = (uint64_t *)(void *)(cpu->trap_stack + HOST_TRAP_STACK_SIZE);
    if (cpu->isolation)
        host_isolation_touch(cpu->isolation, cpu->trap_stack);
    host_pages_clean(cpu->trap_stack, HOST_TRAP_STACK_SIZE); /* a crash may have left it in mid-flight */
    (void)VALGRIND_MAKE_MEM_UNDEFINED(cpu->trap_stack, HOST_TRAP_STACK_SIZE);
    if (RUNNING_ON_VALGRIND && cpu->trap.is_access && cpu->trap.address != cpu->trap.instruction &&
        is_repeated((const uint8_t *)(uintptr_t)regs[REG_RIP]))
        regs[REG_RCX]++; /* valgrind counts before the access; the processor, after it */
    *--top = (uint64_t)regs[REG_CSGSFS] >> 48;
    *--top = (uint64_t)regs[REG_RSP];
    *--top = (uint64_t)regs[REG_EFL];
    *--top = (uint64_t)regs[REG_CSGSFS] & 0xffff;
    *--top = (uint64_t)regs[REG_RIP];
    cpu->is_trapped = true;
    regs[REG_RIP] = (greg_t)(uintptr_t)host_trap_entry;
    regs[REG_RSP] = (greg_t)(uintptr_t)top;
    regs[REG_EFL] &= ~(greg_t)(EFLAGS_TF | EFLAGS_DF | EFLAGS_AC);
}

static void pass_on(int signal, siginfo_t *info, void *context, const struct sigaction *old)
{
    if (old->sa_flags & SA_SIGINFO) {
        old->sa_sigaction(signal, info, context);
    } else if (old->sa_handler != SIG_DFL && old->sa_handler != SIG_IGN) {
        old->sa_handler(signal);
    } else {
        sigaction(signal, old, NULL); /* the instruction faults again, without us */
        if (info->si_code <= 0)
            raise(signal);
    }
}

/* Did the running thread cause it? Not what was sent to the process; an abort is sent by the thread itself. */
static bool is_own(int signal, const siginfo_t *info)
{
    if (signal == HOST_TRAP_LOOP)
        return false; /* the watchdog's are told apart before */
    return info->si_code > 0 || (signal == SIGABRT && info->si_code == SI_TKILL && info->si_pid == getpid());
}

/* The kernel leaves EFLAGS.AC as the thread had it, and a misaligned access here would trap again. */
void on_signal_entry(int signal, siginfo_t *info, void *context) __attribute__((visibility("hidden")));
__asm__(".text\n"
        ".globl on_signal_entry\n"
        ".hidden on_signal_entry\n"
        ".type on_signal_entry, @function\n"
        "on_signal_entry:\n"
        "pushfq\n"
        "andl $~0x40000, (%rsp)\n"
        "popfq\n"
        "jmp on_signal\n"
        ".size on_signal_entry, . - on_signal_entry\n");

/* What the watchdog's signal is answered with, or a single step on its behalf. True: it bites. */
static bool watch(struct host_cpu *cpu, greg_t *regs, bool is_step)
{
    enum host_watchdog_act act = host_watchdog_look(cpu, (uint64_t)regs[REG_RIP], is_step);
    cpu->watchdog.is_stepping = act == HOST_WATCHDOG_STEP;
    regs[REG_EFL] &= ~(greg_t)EFLAGS_TF;
    if (act == HOST_WATCHDOG_STEP)
        regs[REG_EFL] |= EFLAGS_TF;
    return act == HOST_WATCHDOG_BITE;
}

static void note_trap(struct host_cpu *cpu, size_t which, const siginfo_t *info, const greg_t *regs, uint64_t fixup)
{
    uint64_t rip = (uint64_t)regs[REG_RIP];
    cpu->trap = (struct host_trap){
        .signal = signals[which].signal,
        .address = (uint64_t)(uintptr_t)info->si_addr,
        .instruction = rip,
        .exception = signals[which].exception,
        .what = signals[which].what,
        .is_access = signals[which].signal == SIGSEGV && info->si_code != SI_KERNEL,
        .is_write = (regs[REG_ERR] & 2) != 0,
        .fixup = fixup,
    };
    if (signals[which].signal == SIGSEGV && info->si_code == SI_KERNEL)
        cpu->trap.address = (uint64_t)regs[REG_RSP];
    if (rip == (uint64_t)(uintptr_t)host_raise_point) {
        cpu->trap.exception = MK_EXC_SOFTWARE;
        cpu->trap.what = "exception raised";
        cpu->trap.is_raised = true;
    }
}

static size_t signal_index(int signal)
{
    size_t which = 0;
    while (which < NR_SIGNALS - 1 && signals[which].signal != signal)
        which++;
    return which;
}

/* Was it a piece of memory that is only closed, where it may be touched? Then it is open now. */
static bool is_reopened(struct host_cpu *cpu, int signal, const siginfo_t *info, const greg_t *regs, bool is_kernel)
{
    return cpu && cpu->isolation && signal == SIGSEGV && info->si_code > 0 && info->si_code != SI_KERNEL &&
           host_isolation_fault(cpu->isolation, (uintptr_t)info->si_addr, (regs[REG_ERR] & 2) != 0, is_kernel);
}

enum answer { GO_ON, ENTER_KERNEL, PASS_ON };

static enum answer answer_signal(struct host_cpu *cpu, int signal, const siginfo_t *info, greg_t *regs, bool is_kernel)
{
    uint64_t fixup = signal == SIGSEGV || signal == SIGBUS ? fixup_find((uint64_t)regs[REG_RIP]) : 0;
    bool is_step = cpu && signal == SIGTRAP && info->si_code == TRAP_TRACE && cpu->watchdog.is_stepping, is_bitten;
    bool is_tick = cpu && signal == HOST_TRAP_LOOP && info->si_code == SI_TIMER && info->si_ptr == cpu;
    if (is_reopened(cpu, signal, info, regs, is_kernel))
        return GO_ON;
    is_bitten = (is_step || is_tick) && watch(cpu, regs, is_step);
    if ((is_step || is_tick) && !is_bitten)
        return GO_ON;
    if (cpu && (cpu->has_thread || fixup) && !cpu->is_trapped && (is_bitten || is_own(signal, info))) {
        note_trap(cpu, signal_index(is_bitten ? HOST_TRAP_LOOP : signal), info, regs, fixup);
        return ENTER_KERNEL;
    }
    if (!fixup)
        return PASS_ON;
    regs[REG_RIP] = (greg_t)fixup;
    return GO_ON;
}

__attribute__((used)) static void on_signal(int signal, siginfo_t *info, void *context)
{
    int saved_errno = errno;
    mcontext_t *machine = &((ucontext_t *)context)->uc_mcontext;
    greg_t *regs = machine->gregs;
    uint32_t rights = host_isolation_look_begin(); /* the host begins handlers without any */
    struct host_cpu *cpu = host_this_cpu;
    struct host_isolation *isolation = cpu ? cpu->isolation : NULL;
    if (isolation && signal == SIGSEGV &&
        host_isolation_is_entering(isolation, (uintptr_t)info->si_addr, (uint64_t)regs[REG_RIP])) {
        host_isolation_enter(isolation);
        return; /* only by pages can it be closed then */
    }
    bool is_kernel = !isolation || host_isolation_is_kernel(isolation);
    if (!is_kernel)
        host_isolation_enter(isolation);
    enum answer answer = answer_signal(cpu, signal, info, regs, is_kernel);
    if (answer == ENTER_KERNEL) {
        cpu->interrupted = is_kernel ? NULL : host_isolation_running(isolation);
        host_keys_open_frame(machine->fpregs);
        enter_kernel(cpu, regs);
    } else if (!is_kernel) {
        host_isolation_return(isolation);
    }
    if (answer != ENTER_KERNEL)
        host_isolation_look_end(rights);
    if (answer == PASS_ON)
        pass_on(signal, info, context, &old_actions[signal_index(signal)]);
    errno = saved_errno;
}

static bool is_ours(const struct sigaction *action)
{
    return action->sa_flags & SA_SIGINFO && action->sa_sigaction == on_signal_entry;
}

/* Ours, in place of whatever is there. */
static bool install(void)
{
    struct sigaction action = {.sa_flags = SA_SIGINFO | SA_ONSTACK}, found;
    bool is_ok = true;
    action.sa_sigaction = on_signal_entry;
    sigfillset(&action.sa_mask);
    for (size_t i = 0; i < NR_SIGNALS && is_ok; i++) {
        is_ok = sigaction(signals[i].signal, NULL, &found) == 0;
        if (is_ok && !is_ours(&found)) {
            old_actions[i] = found;
            is_ok = sigaction(signals[i].signal, &action, NULL) == 0;
        }
    }
    return is_ok;
}

bool host_traps_acquire(void)
{
    pthread_mutex_lock(&users_lock);
    bool is_ok = install();
    nr_users += is_ok;
    pthread_mutex_unlock(&users_lock);
    return is_ok;
}

/* The host program may have set handlers of its own since. */
static bool traps_renew(void)
{
    pthread_mutex_lock(&users_lock);
    bool is_ok = install();
    pthread_mutex_unlock(&users_lock);
    return is_ok;
}

void host_traps_release(void)
{
    struct sigaction found;
    pthread_mutex_lock(&users_lock);
    if (--nr_users == 0)
        for (size_t i = 0; i < NR_SIGNALS; i++)
            if (sigaction(signals[i].signal, NULL, &found) == 0 &&
                is_ours(&found)) /* else the program's own: left alone */
                sigaction(signals[i].signal, &old_actions[i], NULL);
    pthread_mutex_unlock(&users_lock);
}

bool host_cpu_enter(struct host_cpu *cpu)
{
    stack_t stack = {.ss_size = SIGNAL_STACK_SIZE};

    if (!cpu->signal_stack)
        cpu->signal_stack = host_pages_alloc(SIGNAL_STACK_SIZE);
    if (!cpu->old_signal_stack)
        cpu->old_signal_stack = calloc(1, sizeof(stack_t));
    if (!cpu->signal_stack || !cpu->old_signal_stack)
        return false;
    stack.ss_sp = cpu->signal_stack;
    if (!traps_renew())
        return false;
    if (sigaltstack(&stack, cpu->old_signal_stack) != 0 || pthread_sigmask(SIG_SETMASK, NULL, &cpu->mask) != 0)
        return false;
    host_context_init_self(&cpu->scheduler, cpu->is_ucontext);
    cpu->has_thread = cpu->is_trapped = false;
    host_this_cpu = cpu;
    if (host_watchdog_start(cpu))
        return true;
    host_cpu_leave(cpu);
    return false;
}

void host_cpu_leave(struct host_cpu *cpu)
{
    host_watchdog_stop(cpu);
    host_this_cpu = NULL;
    sigaltstack(cpu->old_signal_stack, NULL);
    host_context_finish(&cpu->scheduler);
}

void host_cpu_finish(struct host_cpu *cpu)
{
    host_pages_free(cpu->signal_stack, SIGNAL_STACK_SIZE);
    free(cpu->old_signal_stack);
    cpu->signal_stack = cpu->old_signal_stack = NULL;
}

int64_t host_clock(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}
