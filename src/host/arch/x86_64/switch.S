/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The register switch.
 *
 * A context that does not run is its stack pointer; below it lie, from the low
 * end: mxcsr and the x87 control word, r15 r14 r13 r12 rbx rbp, and the return
 * address: what the System V ABI calls preserved across a call.
 *
 * void host_switch(void **save, void *load)
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

	.text
	.p2align 5
	.globl	host_switch
	.hidden	host_switch
	.type	host_switch, @function
host_switch:
	.cfi_startproc
	save_registers
	mov	(%rsp), %eax
	movzwl	4(%rsp), %ecx
	mov	%rsp, (%rdi)
	mov	%rsi, %rsp
	cmp	%eax, (%rsp)
	jne	2f
1:	cmp	%cx, 4(%rsp)
	jne	3f
4:	mov	8(%rsp), %r15
	mov	16(%rsp), %r14
	mov	24(%rsp), %r13
	mov	32(%rsp), %r12
	mov	40(%rsp), %rbx
	mov	48(%rsp), %rbp
	mov	56(%rsp), %rcx
	add	$64, %rsp
	.cfi_def_cfa_offset 0
	.cfi_register rip, rcx
	jmp	*%rcx
	.cfi_def_cfa_offset 64
2:	ldmxcsr	(%rsp)
	jmp	1b
3:	fldcw	4(%rsp)
	jmp	4b
	.cfi_endproc
	.size	host_switch, . - host_switch

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

	.section .note.GNU-stack, "", @progbits
