/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Exceptions. A thread that did what it cannot (touched memory that is not there, divided by zero, called abort) waits
 * while messages ask others about it, in Mach's order: who holds the receive right of the thread's exception port, of
 * its task's, of the machine's. Each may mend what is wrong and have the thread go on, end the thread or its task, or
 * pass: then the next is asked. When nobody is left, the task ends with exit code 128 plus the host's signal number
 * (MK_EXC_EXIT: with the status), and a crash report goes to the machine's log: where it was, the registers, the last
 * kernel calls, what the task held and who waited for it.
 * A thread that is in the middle of a kernel call is not asked about: its task ends.
 *
 * Who handles a task's exceptions should not be that task, and must not wait for the thread that it is asked about.
 */
#ifndef MK_EXCEPTION_H
#define MK_EXCEPTION_H

#include <mk/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Mach's numbers. */
enum mk_exception {
    MK_EXC_BAD_ACCESS = 1,      /* memory that is not there, or not for that; code: why, an mk_err_t */
    MK_EXC_BAD_INSTRUCTION = 2, /* one that the processor refuses */
    MK_EXC_ARITHMETIC = 3,      /* division by zero, or an unmasked floating-point exception */
    MK_EXC_SOFTWARE = 5,   /* mk_exception_raise, abort, endless loops; code: what was raised, or one of the below */
    MK_EXC_BREAKPOINT = 6, /* the instruction after it would be next */
    MK_EXC_EXIT = 16,      /* not Mach's: mk_exit, which is a plugin's exit and _exit; code: the status */
};

#define MK_EXC_BIT(exception) (1u << (exception))
#define MK_EXC_ALL            0x1006eu /* the bits of all */

#define MK_EXC_ABORT          ((int64_t)-1) /* code of MK_EXC_SOFTWARE: abort() was called, which cannot go on */
#define MK_EXC_LOOP           ((int64_t)-2) /* the same: it computed for too long, see mk_machine_config; it can go on */
#define MK_EXC_STACK_OVERFLOW ((int64_t)1)  /* code of MK_EXC_BAD_ACCESS: in the guard below the thread's stack */

/* General registers, x86-64. The others stay what they are. */
struct mk_regs {
    uint64_t r15, r14, r13, r12, r11, r10, r9, r8, rdi, rsi, rbp, rbx, rdx, rcx, rax;
    uint64_t rip, rsp;
    uint64_t rflags; /* only the arithmetic flags and DF can be changed */
};

/* What a message brings beside the facts; the behaviours of Mach's exception ports. */
#define MK_EXC_IDENTITY 1u /* send rights: 0 the thread, 1 its task */
#define MK_EXC_STATE    2u /* its registers, which the answer can change */

/*
 * The message: id MK_EXC_RAISE, badge MK_BADGE_KERNEL (<mk/port.h>) unless the port's right had one of its own. It is
 * delivered whatever the queue limit, and is to be answered (mk_reply, mk_reply_receive) with a struct mk_exc_answer.
 */
#define MK_EXC_RAISE 0x4d4b0200u

struct mk_exc_message {
    uint32_t exception; /* enum mk_exception */
    uint32_t with;      /* MK_EXC_IDENTITY, MK_EXC_STATE */
    int64_t code;
    uint64_t address;      /* accessed, with BAD_ACCESS */
    uint64_t instruction;  /* where it is */
    uint64_t task, thread; /* their numbers, as listings print them */
    uint32_t is_write;     /* with BAD_ACCESS */
    uint32_t signal;       /* the host's number for it */
    struct mk_regs regs;   /* with MK_EXC_STATE, else 0 */
};

/*
 * err MK_OK: mended, the thread goes on, at the same instruction (with MK_EXC_SOFTWARE and _BREAKPOINT after it) unless
 * regs say otherwise. Any other: not handled, the next port is asked. So are an answer that is too short or has
 * registers that cannot be (an address beyond the user's half), a handler that dies or throws the right to answer away,
 * and mk_thread_abort. Without MK_EXC_STATE the answer may end before `regs`.
 */
struct mk_exc_answer {
    int32_t err;
    uint32_t unused;
    struct mk_regs regs;
};

/*
 * Have exceptions of these kinds (bits) of a thread, of a task, or of the whole machine (its control port) reported to
 * a copy of the send right `send`, in place of what was set; other kinds pass by. MK_NAME_NULL: to nobody. A task's is
 * its special port MK_SPECIAL_EXCEPTION, too (all kinds, identity and state, when it is set as such), and children are
 * born with it. MK_E_BAD_NAME, MK_E_BAD_RIGHT (`which` is not one of the three, `send` is no send right for messages),
 * MK_E_DEAD, MK_E_BAD_ARGUMENT (bits that are none).
 */
MK_API MK_NODISCARD mk_err_t mk_exception_set_port(mk_name_t which, uint32_t kinds, mk_name_t send, uint32_t with);

/*
 * Raise MK_EXC_SOFTWARE with this code, 0 or above. Returns when it was handled; else the task ends. MK_E_BAD_ARGUMENT.
 */
MK_API MK_NODISCARD mk_err_t mk_exception_raise(int64_t code);

/*
 * End the task with this status, as a C program does: what is asked about MK_EXC_EXIT first can let the thread go on
 * elsewhere. A server that does this has failed, and gets a crash report. Outside a machine it ends the process.
 */
MK_API MK_NORETURN void mk_exit(int status);

#ifdef __cplusplus
}
#endif
#endif
