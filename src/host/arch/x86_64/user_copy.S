/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bool raw_copy(void *dst, const void *src, size_t n)
 * long raw_copy_string(char *dst, const char *src, size_t size)
 *
 * Small copies go by 8 bytes: wider moves stall when the source was just
 * written with narrow stores. Larger ones use AVX where the processor has it,
 * very large ones the string instruction: each is the fastest there, whatever the alignment.
 */
	.macro	user_insn insn:vararg
9:	\insn
	.pushsection mk_extable, "a"
	.balign	4
	.long	9b - .
	.long	.Lfault - .
	.popsection
	.endm

	/* The same with wide registers. */
	.macro	user_wide insn:vararg
9:	\insn
	.pushsection mk_extable, "a"
	.balign	4
	.long	9b - .
	.long	.Lfault_wide - .
	.popsection
	.endm

	.set	COPY_WIDE_MAX, 32768

	.text
	.p2align 4
	.globl	raw_copy
	.hidden	raw_copy
	.type	raw_copy, @function
raw_copy:
	.cfi_startproc
	cmp	$256, %rdx
	ja	4f
	mov	%rdx, %rcx
	shr	$4, %rcx
	jz	2f
1:	user_insn mov (%rsi), %rax
	user_insn mov 8(%rsi), %r8
	user_insn mov %rax, (%rdi)
	user_insn mov %r8, 8(%rdi)
	add	$16, %rsi
	add	$16, %rdi
	dec	%rcx
	jnz	1b
2:	and	$15, %edx
	jz	7f
	cmp	$8, %edx
	jb	3f
	user_insn mov (%rsi), %rax
	user_insn mov %rax, (%rdi)
	add	$8, %rsi
	add	$8, %rdi
	sub	$8, %edx
	jz	7f
3:	user_insn movzbl (%rsi), %eax
	user_insn mov %al, (%rdi)
	inc	%rsi
	inc	%rdi
	dec	%edx
	jnz	3b
7:	mov	$1, %eax
	ret
4:	cmpb	$0, host_copy_wide(%rip)
	je	6f
	cmp	$COPY_WIDE_MAX, %rdx
	ja	6f
5:	user_wide vmovdqu (%rsi), %ymm0
	user_wide vmovdqu 32(%rsi), %ymm1
	user_wide vmovdqu 64(%rsi), %ymm2
	user_wide vmovdqu 96(%rsi), %ymm3
	user_wide vmovdqu %ymm0, (%rdi)
	user_wide vmovdqu %ymm1, 32(%rdi)
	user_wide vmovdqu %ymm2, 64(%rdi)
	user_wide vmovdqu %ymm3, 96(%rdi)
	sub	$-128, %rsi
	sub	$-128, %rdi
	add	$-128, %rdx
	cmp	$128, %rdx
	jae	5b
	vzeroupper
	mov	%rdx, %rcx
	shr	$4, %rcx
	jnz	1b
	jmp	2b
6:	mov	%rdx, %rcx
	user_insn rep movsb
	mov	$1, %eax
	ret
.Lfault_wide:
	vzeroupper
.Lfault:
	xor	%eax, %eax
	ret
	.cfi_endproc
	.size	raw_copy, . - raw_copy

	.p2align 4
	.globl	raw_copy_string
	.hidden	raw_copy_string
	.type	raw_copy_string, @function
raw_copy_string:
	.cfi_startproc
	xor	%ecx, %ecx
1:	cmp	%rdx, %rcx
	jae	3f
8:	movzbl	(%rsi,%rcx), %eax
	mov	%al, (%rdi,%rcx)
	inc	%rcx
	test	%al, %al
	jnz	1b
	lea	-1(%rcx), %rax
	ret
3:	mov	$-2, %rax
	ret
4:	mov	$-1, %rax
	ret
	.pushsection mk_extable, "a"
	.balign	4
	.long	8b - .
	.long	4b - .
	.popsection
	.cfi_endproc
	.size	raw_copy_string, . - raw_copy_string

	.section .note.GNU-stack, "", @progbits
