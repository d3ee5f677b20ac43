/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The way into the kernel for a trap, and back.
 *
 * The signal handler (trap.c) has put what `iretq` takes, {rip, cs, rflags, rsp, ss}, at the top of
 * the trap stack and returned to here with the stack pointer on it. All the thread's registers are
 * saved, the extended state with xsave (Intel SDM volume 1, chapter 13); then ordinary C code runs,
 * which may wait; then everything is as it was.
 *
 * struct host_trap_frame (trap.h) is what the stack pointer shows when the general registers are saved.
 */
	.set	STATE_KEYS, 1 << 9	/* which memory may be touched is the kernel's to say, not the thread's */

	.text
	.p2align 4
	.globl	host_trap_entry
	.hidden	host_trap_entry
	.type	host_trap_entry, @function
host_trap_entry:
	.cfi_startproc simple
	.cfi_signal_frame
	.cfi_def_cfa rsp, 40
	.cfi_offset rip, -40
	.cfi_offset rsp, -16
	.macro	save reg
	push	%\reg
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset \reg, 0
	.endm
	.macro	restore reg
	pop	%\reg
	.cfi_adjust_cfa_offset -8
	.cfi_restore \reg
	.endm
	save	rax
	save	rcx
	save	rdx
	save	rbx
	save	rbp
	save	rsi
	save	rdi
	save	r8
	save	r9
	save	r10
	save	r11
	save	r12
	save	r13
	save	r14
	save	r15
	mov	%rsp, %rbp
	.cfi_def_cfa_register rbp
	cld
	mov	host_xsave_size(%rip), %ecx
	sub	%rcx, %rsp
	and	$-64, %rsp
	mov	%rsp, %r12
	cmpl	$1, host_xsave_kind(%rip)
	jb	1f
	xor	%eax, %eax	/* the header must be zero where xsave does not write it */
	mov	%rax, 512(%rsp)
	mov	%rax, 520(%rsp)
	mov	%rax, 528(%rsp)
	mov	%rax, 536(%rsp)
	mov	%rax, 544(%rsp)
	mov	%rax, 552(%rsp)
	mov	%rax, 560(%rsp)
	mov	%rax, 568(%rsp)
	mov	$~STATE_KEYS, %eax
	mov	$-1, %edx
	je	2f
	xsavec64 (%rsp)
	jmp	3f
1:	fxsave64 (%rsp)
	jmp	3f
2:	xsave64	(%rsp)
3:	fninit
	ldmxcsr	default_mxcsr(%rip)
	mov	%rbp, %rdi
	call	host_trap_main
	mov	%r12, %rsp
	cmpl	$1, host_xsave_kind(%rip)
	jb	4f
	mov	$~STATE_KEYS, %eax
	mov	$-1, %edx
	xrstor64 (%rsp)
	jmp	5f
4:	fxrstor64 (%rsp)
5:	mov	%rbp, %rsp
	.cfi_def_cfa_register rsp
	restore	r15
	restore	r14
	restore	r13
	restore	r12
	restore	r11
	restore	r10
	restore	r9
	restore	r8
	restore	rdi
	restore	rsi
	restore	rbp
	restore	rbx
	restore	rdx
	restore	rcx
	restore	rax
	iretq
	.cfi_endproc
	.size	host_trap_entry, . - host_trap_entry

	.p2align 4
	.globl	host_raise
	.hidden	host_raise
	.type	host_raise, @function
	.globl	host_raise_point
	.hidden	host_raise_point
host_raise:
	.cfi_startproc
host_raise_point:
	ud2
	ret
	.cfi_endproc
	.size	host_raise, . - host_raise

	.section .rodata
	.p2align 2
default_mxcsr:
	.long	0x1f80

	.section .note.GNU-stack, "", @progbits
