/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Registers across page faults: threads load all registers with values of their own, touch a page for which they have
 * to wait while the others run, and store what they find then. What must be found is what the same instructions find
 * when the page is there.
 */
#include "stress.h"

#include "helpers.h"
#include "pagers.h"

#define RW (uint32_t)(MK_PROT_READ | MK_PROT_WRITE)

#define NR_TASKS   4
#define NR_THREADS 200
#define NR_ROUNDS  STRESS_SIZE(8u, 4u)
#define MAX_ROUNDS 8
#define NR_PAGES   (MAX_ROUNDS * NR_THREADS)

/* ---- all registers ---- */

enum { RAX, RBX, RCX, RDX, RSI, RDI, RBP, R8, R15 = R8 + 7, RFLAGS, NR_GENERAL };

struct registers {
    uint64_t general[NR_GENERAL];
    uint64_t masks[8];       /* k0 to k7 */
    uint8_t vectors[32][64]; /* as much of each as the processor has */
    uint8_t x87[512];        /* as fxsave64 stores it: control and status words, mxcsr, stack, and the xmm registers */
};

_Static_assert(offsetof(struct registers, general[RFLAGS]) == 120, "as in the assembly");
_Static_assert(offsetof(struct registers, masks) == 128, "as in the assembly");
_Static_assert(offsetof(struct registers, vectors) == 192, "as in the assembly");
_Static_assert(offsetof(struct registers, x87) == 2240, "as in the assembly");

enum vectors { VECTORS_SSE, VECTORS_AVX, VECTORS_AVX512 };

/*
 * Load all registers from `from`, but rax with the address; read the 8 bytes there into rax, or write rbx there; store
 * all registers to `to`.
 */
void registers_load(const struct registers *from, struct registers *to, void *addr, enum vectors vectors);
void registers_store(const struct registers *from, struct registers *to, void *addr, enum vectors vectors);

__asm__(
    "	.text\n"
    "	.macro across name, touch:vararg\n"
    "	.p2align 4\n"
    "	.globl \\name\n"
    "	.hidden \\name\n"
    "	.type \\name, @function\n"
    "\\name:\n"
    "	push %rbp\n"
    "	push %rbx\n"
    "	push %r12\n"
    "	push %r13\n"
    "	push %r14\n"
    "	push %r15\n"
    "	sub $8, %rsp\n"
    "	stmxcsr (%rsp)\n"
    "	fnstcw 4(%rsp)\n"
    "	push %rcx\n"
    "	push %rsi\n"
    "	fxrstor64 2240(%rdi)\n"
    "	cmp $1, %ecx\n"
    "	jb 1f\n"
    "	je 2f\n"
    "	.irp i, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, "
    "27, 28, 29, 30, 31\n"
    "	vmovups 192 + 64 * \\i(%rdi), %zmm\\i\n"
    "	.endr\n"
    "	.irp i, 0, 1, 2, 3, 4, 5, 6, 7\n"
    "	kmovq 128 + 8 * \\i(%rdi), %k\\i\n"
    "	.endr\n"
    "	jmp 1f\n"
    "2:\n"
    "	.irp i, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15\n"
    "	vmovups 192 + 64 * \\i(%rdi), %ymm\\i\n"
    "	.endr\n"
    "1:	mov %rdx, %rax\n"
    "	mov 8(%rdi), %rbx\n"
    "	mov 16(%rdi), %rcx\n"
    "	mov 24(%rdi), %rdx\n"
    "	mov 32(%rdi), %rsi\n"
    "	mov 48(%rdi), %rbp\n"
    "	.irp i, 8, 9, 10, 11, 12, 13, 14, 15\n"
    "	mov 8 * \\i - 8(%rdi), %r\\i\n"
    "	.endr\n"
    "	push 120(%rdi)\n"
    "	mov 40(%rdi), %rdi\n"
    "	popfq\n"
    "	\\touch\n"
    "	push %rax\n"
    "	pushfq\n"
    "	mov 16(%rsp), %rax\n"
    "	mov %rbx, 8(%rax)\n"
    "	mov %rcx, 16(%rax)\n"
    "	mov %rdx, 24(%rax)\n"
    "	mov %rsi, 32(%rax)\n"
    "	mov %rdi, 40(%rax)\n"
    "	mov %rbp, 48(%rax)\n"
    "	.irp i, 8, 9, 10, 11, 12, 13, 14, 15\n"
    "	mov %r\\i, 8 * \\i - 8(%rax)\n"
    "	.endr\n"
    "	pop 120(%rax)\n"
    "	pop (%rax)\n"
    "	cld\n"
    "	fxsave64 2240(%rax)\n"
    "	mov 8(%rsp), %ecx\n"
    "	cmp $1, %ecx\n"
    "	jb 1f\n"
    "	je 2f\n"
    "	.irp i, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, "
    "27, 28, 29, 30, 31\n"
    "	vmovups %zmm\\i, 192 + 64 * \\i(%rax)\n"
    "	.endr\n"
    "	.irp i, 0, 1, 2, 3, 4, 5, 6, 7\n"
    "	kmovq %k\\i, 128 + 8 * \\i(%rax)\n"
    "	.endr\n"
    "	vzeroupper\n"
    "	jmp 1f\n"
    "2:\n"
    "	.irp i, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15\n"
    "	vmovups %ymm\\i, 192 + 64 * \\i(%rax)\n"
    "	.endr\n"
    "	vzeroupper\n"
    "1:	add $16, %rsp\n"
    "	fninit\n"
    "	ldmxcsr (%rsp)\n"
    "	fldcw 4(%rsp)\n"
    "	add $8, %rsp\n"
    "	pop %r15\n"
    "	pop %r14\n"
    "	pop %r13\n"
    "	pop %r12\n"
    "	pop %rbx\n"
    "	pop %rbp\n"
    "	ret\n"
    "	.size \\name, . - \\name\n"
    "	.endm\n"
    "	across registers_load, mov (%rax), %rax\n"
    "	across registers_store, mov %rbx, (%rax)\n");

static enum vectors vectors_here(void)
{
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw"))
        return VECTORS_AVX512;
    return __builtin_cpu_supports("avx") ? VECTORS_AVX : VECTORS_SSE;
}

static void put(uint8_t *to, size_t size, uint64_t value)
{
    memcpy(to, &value, size);
}

/* Values of nobody else's. Rounding, precision and exception flags are any, but no exception is unmasked. */
static void registers_choose(struct registers *r, uint64_t seed)
{
    uint64_t *words = (uint64_t *)(void *)r;
    memset(r, 0, sizeof(*r));
    for (size_t i = 0; i < offsetof(struct registers, x87) / 8; i++)
        words[i] = stress_random(&seed);
    r->general[RFLAGS] =
        0x202 | (stress_random(&seed) & 0xcd5); /* carry, parity, auxiliary, zero, sign, direction, overflow */
    put(r->x87, 2, 0x7f | (stress_random(&seed) & 0xc00) | 0x200); /* control */
    put(r->x87 + 2, 2, stress_random(&seed) & 0x7f3f);             /* status */
    put(r->x87 + 4, 1, stress_random(&seed));                      /* which of the stack are in use */
    put(r->x87 + 24, 4, 0x1f80 | (stress_random(&seed) & 0xe03f)); /* mxcsr */
    for (size_t i = 0; i < 8; i++) {
        put(r->x87 + 32 + 16 * i, 8, stress_random(&seed) | (uint64_t)1 << 63);
        put(r->x87 + 40 + 16 * i, 2, 0x3f00 + (stress_random(&seed) & 0x80ff));
    }
    for (size_t i = 0; i < 16; i++)
        memcpy(r->x87 + 160 + 16 * i, r->vectors[i], 16);
}

/* ---- the pager: it answers when all threads wait, in any order ---- */

static struct {
    enum vectors vectors;
    mk_name_t port, memory, control;
    volatile unsigned nr_waits; /* rounds in which all threads waited at the same time */
    volatile unsigned nr_done;
} run;

static uint64_t page_value(uint64_t page)
{
    return stress_mix(page ^ 0x5a5a);
}

static void clobber(uint64_t seed)
{
    static struct registers junk, out;
    uint64_t word = 0;
    registers_choose(&junk, stress_mix(seed));
    registers_load(&junk, &out, &word, run.vectors);
}

static void pager_main(void *arg)
{
    static uint64_t offsets[NR_THREADS], contents[PAGE / 8];
    uint64_t random = *(uint64_t *)arg;
    for (unsigned round = 0; round < NR_ROUNDS; round++) {
        for (unsigned i = 0; i < NR_THREADS; i++) {
            struct mk_pager_message m;
            struct mk_msg msg = {.body = &m, .capacity = sizeof(m)};
            CHECK_OK(mk_receive(run.port, &msg, MK_TIME_FOREVER));
            CHECK(msg.id == MK_PAGER_REQUEST);
            offsets[i] = m.offset;
        }
        run.nr_waits++;
        for (unsigned left = NR_THREADS; left > 0; left--) {
            uint32_t which = stress_below(&random, left);
            contents[0] = page_value(offsets[which] / PAGE);
            clobber(random);
            CHECK_OK(mk_memory_supply(run.control, offsets[which], contents, PAGE));
            offsets[which] = offsets[left - 1];
            if (stress_below(&random, 8) == 0)
                mk_thread_yield(); /* some go on while others wait */
        }
    }
}

/* ---- the threads ---- */

static struct worker {
    struct registers from, expected, found;
    unsigned nr;
    volatile uint64_t *pages;
} workers[NR_THREADS];

static bool is_same(const struct worker *w, unsigned round)
{
    const struct registers *e = &w->expected, *f = &w->found;
    if (memcmp(e, f, sizeof(*e)) == 0)
        return true;
    for (size_t i = 0; i < NR_GENERAL; i++)
        if (e->general[i] != f->general[i])
            mk_log("thread %u, round %u: general register %zu: %llx, not %llx", w->nr, round, i,
                   (unsigned long long)f->general[i], (unsigned long long)e->general[i]);
    if (memcmp(e->masks, f->masks, sizeof(e->masks)) != 0)
        mk_log("thread %u, round %u: masks", w->nr, round);
    for (size_t i = 0; i < 32; i++)
        if (memcmp(e->vectors[i], f->vectors[i], sizeof(e->vectors[i])) != 0)
            mk_log("thread %u, round %u: vector register %zu", w->nr, round, i);
    for (size_t i = 0; i < sizeof(e->x87); i++)
        if (e->x87[i] != f->x87[i])
            mk_log("thread %u, round %u: byte %zu of fxsave: %x, not %x", w->nr, round, i, f->x87[i], e->x87[i]);
    return false;
}

static void worker_main(void *arg)
{
    struct worker *w = (struct worker *)arg;
    for (unsigned round = 0; round < NR_ROUNDS; round++) {
        uint64_t page = round * NR_THREADS + (w->nr + round * 7) % NR_THREADS, here = page_value(page);
        volatile uint64_t *there = w->pages + page * (PAGE / 8);
        bool is_store = (w->nr + round) % 2;
        registers_choose(&w->from, w->nr * 1000 + round);
        memset(&w->expected, 0, sizeof(w->expected));
        memset(&w->found, 0, sizeof(w->found));
        (is_store ? registers_store : registers_load)(&w->from, &w->expected, &here, run.vectors);
        (is_store ? registers_store : registers_load)(&w->from, &w->found, (void *)(uintptr_t)there, run.vectors);
        CHECK(memcmp(&w->expected.general[RBX], &w->from.general[RBX], 8 * (RFLAGS - RBX)) == 0);
        CHECK(w->expected.general[RAX] == (is_store ? (uintptr_t)&here : page_value(page)));
        if (is_store) /* its address is another's */
            w->expected.general[RAX] = (uintptr_t)there;
        CHECK(is_same(w, round));
        CHECK(*there == (is_store ? w->from.general[RBX] : page_value(page)) && there[1] == 0);
    }
    run.nr_done++;
}

static void fpregs_main(void *arg)
{
    mk_name_t tasks[NR_TASKS], pager;
    mk_vaddr_t addr;
    run.vectors = vectors_here();
    run.nr_waits = run.nr_done = 0;
    CHECK_OK(mk_port_create(&run.port));
    CHECK_OK(mk_memory_create(run.port, 1, NR_PAGES * (size_t)PAGE, &run.memory, &run.control));
    const struct mk_vm_map how = {.memory = run.memory, .size = NR_PAGES * (size_t)PAGE, .prot = RW};
    pager = thread_of("pager", pager_main, arg, 0);
    for (unsigned i = 0; i < NR_TASKS; i++) {
        CHECK_OK(mk_task_create("workers", &tasks[i]));
        CHECK_OK(mk_vm_map(tasks[i], &how, &addr));
        for (unsigned j = i; j < NR_THREADS; j += NR_TASKS) {
            workers[j].nr = j;
            workers[j].pages = (volatile uint64_t *)addr;
            CHECK_OK(mk_right_release(thread_in(tasks[i], "worker", worker_main, &workers[j], 0)));
        }
    }
    for (unsigned i = 0; i < NR_TASKS; i++) {
        int code = -1;
        CHECK_OK(mk_task_wait(tasks[i], &code, MK_TIME_FOREVER));
        CHECK(code == 0);
        CHECK_OK(mk_right_release(tasks[i]));
    }
    join(pager);
    CHECK(run.nr_waits == NR_ROUNDS && run.nr_done == NR_THREADS);
    CHECK_OK(mk_machine_audit(NULL));
    CHECK_OK(mk_right_release(run.memory));
    CHECK(mkt_type(run.control) == MK_RIGHT_DEAD_NAME);
}

static void fpregs_run(enum mk_context context, uint64_t seed)
{
    const struct mk_machine_config config = {.context = context, .seed = seed};
    uint64_t random = seed;
    struct mkt t;
    mkt_begin(&t, &config);
    mkt_spawn(&t, "test", fpregs_main, &random, false);
    mkt_run_all(&t);
    mkt_finish(&t);
}

/* FPREGS0010: 200 threads that wait for pages at the same time find all registers as they left them. */
static void FPREGS0010(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 3; seed++)
        fpregs_run(MK_CONTEXT_ASM, seed);
}

/* FPREGS0011: the same with threads switched by swapcontext. */
static void FPREGS0011(void **state)
{
    (void)state;
    fpregs_run(MK_CONTEXT_UCONTEXT, 0);
    fpregs_run(MK_CONTEXT_UCONTEXT, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(FPREGS0010), cmocka_unit_test(FPREGS0011)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
