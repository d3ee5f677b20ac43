/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The register switch.
 *
 * A context that does not run is its stack pointer; below it lie, from the low
 * end: mxcsr and the x87 control word, r15 r14 r13 r12 rbx rbp, and the return
 * address: what the System V ABI calls preserved across a call.
 *
 * void host_switch(void **save, void *load)
 * void host_call_on(void *top, void (*fn)(void *), void *arg)
 *     calls fn(arg) on another stack, which ends at `top`, a multiple of 16.
 * void host_switch_fresh(void **save, ucontext_t *fresh, int (*set)(const ucontext_t *))
 *     saves likewise, then enters a new context by setcontext.
 *
 * The way out is an indirect jump: `ret` would be mispredicted, as the return
 * address stack belongs to the other context. The control words are loaded only
 * where they differ, because the loads serialise.
 */
	.macro	save_registers
	push	%rbp
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset rbp, 0
	push	%rbx
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset rbx, 0
	push	%r12
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset r12, 0
	push	%r13
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset r13, 0
	push	%r14
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset r14, 0
	push	%r15
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset r15, 0
	sub	$8, %rsp
	.cfi_adjust_cfa_offset 8
	stmxcsr	(%rsp)
	fnstcw	4(%rsp)
	.endm

	/* %rsp: the frame to go on with; %r8d, %r9d: the control words in force, which are loaded only where they differ. */
	.macro	load_registers
	mov	8(%rsp), %r15
	mov	16(%rsp), %r14
	mov	24(%rsp), %r13
	mov	32(%rsp), %r12
	mov	40(%rsp), %rbx
	mov	48(%rsp), %rbp
	mov	56(%rsp), %rcx
	cmp	%r8d, (%rsp)
	je	7f
	ldmxcsr	(%rsp)
7:	cmp	%r9w, 4(%rsp)
	je	8f
	fldcw	4(%rsp)
8:	add	$64, %rsp
	.endm

	.text
	.p2align 5
	.globl	host_switch
	.hidden	host_switch
	.type	host_switch, @function
host_switch:
	.cfi_startproc
	save_registers
	mov	%rsp, (%rdi)
	mov	(%rsp), %r8d
	movzwl	4(%rsp), %r9d
	mov	%rsi, %rsp
	load_registers
	.cfi_def_cfa_offset 0
	.cfi_register rip, rcx
	jmp	*%rcx
	.cfi_endproc
	.size	host_switch, . - host_switch

/*
 * mk_err_t mk_call(mk_name_t dest, struct mk_msg *msg, mk_time_t deadline)
 * mk_err_t mk_reply_receive(mk_name_t receive, struct mk_msg *msg, mk_time_t deadline)
 * void mk_thread_yield(void)
 *
 * A thread that hands the CPU over here waits right at the kernel's door: its
 * frame is that of host_switch with `resumed` as its return address and the
 * user's above it. The C code (sys/message.c) decides and commits, and returns
 * the stack pointer to go on with, or NULL and the call's result. It returns
 * before the switch, so that calls and returns stay paired for the processor; a
 * `ret` on the other stack would be mispredicted.
 *
 * A partner that waits at the door as well gets MK_OK and goes straight to its
 * user; any other is resumed as by host_switch. Whoever is resumed at the door
 * by the scheduler goes through call_resumed.
 */
	.macro	door name, entry
	.p2align 5
	.globl	\name
	.type	\name, @function
\name:
	.cfi_startproc
	lea	resumed(%rip), %rax
	push	%rax
	.cfi_adjust_cfa_offset 8
	save_registers
	mov	%rsp, %rcx
	sub	$8, %rsp
	.cfi_adjust_cfa_offset 8
	call	\entry
	test	%rax, %rax
	jz	1f
	mov	8(%rsp), %r8d
	movzwl	12(%rsp), %r9d
	mov	%rax, %rsp
	.cfi_def_cfa_offset 72
	load_registers
	.cfi_def_cfa_offset 8
	lea	resumed(%rip), %rdx
	cmp	%rdx, %rcx
	jne	2f
	xor	%eax, %eax
	pop	%rcx
	.cfi_def_cfa_offset 0
	.cfi_register rip, rcx
2:	jmp	*%rcx
	.cfi_def_cfa_offset 80
	.cfi_restore rip
1:	mov	%edx, %eax
	add	$72, %rsp	/* the callee-saved registers are as they were */
	.cfi_def_cfa_offset 8
	ret
	.cfi_endproc
	.size	\name, . - \name
	.endm

	door	mk_call, call_entry
	door	mk_reply_receive, reply_receive_entry
	door	mk_thread_yield, yield_entry

	.p2align 4
	.type	resumed, @function
resumed:
	.cfi_startproc
	.cfi_def_cfa_offset 8
	sub	$8, %rsp
	.cfi_def_cfa_offset 16
	call	call_resumed
	add	$8, %rsp
	.cfi_def_cfa_offset 8
	pop	%rcx
	.cfi_def_cfa_offset 0
	.cfi_register rip, rcx
	jmp	*%rcx
	.cfi_endproc
	.size	resumed, . - resumed

	.p2align 4
	.globl	host_switch_fresh
	.hidden	host_switch_fresh
	.type	host_switch_fresh, @function
host_switch_fresh:
	.cfi_startproc
	save_registers
	mov	%rsp, (%rdi)
	mov	%rsi, %rdi
	and	$-16, %rsp
	call	*%rdx
	ud2
	.cfi_endproc
	.size	host_switch_fresh, . - host_switch_fresh

	.p2align 4
	.globl	host_call_on
	.hidden	host_call_on
	.type	host_call_on, @function
host_call_on:
	.cfi_startproc
	push	%rbp
	.cfi_def_cfa_offset 16
	.cfi_offset rbp, -16
	mov	%rsp, %rbp
	.cfi_def_cfa_register rbp
	mov	%rdi, %rsp
	mov	%rdx, %rdi
	call	*%rsi
	leave
	.cfi_def_cfa rsp, 8
	ret
	.cfi_endproc
	.size	host_call_on, . - host_call_on

	.section .note.GNU-stack, "", @progbits
