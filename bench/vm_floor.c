/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Floors of virtual memory: what the host takes for a trap, a first touch, and changes of mappings. Pages are those
 * of a memfd, as a machine's are, and each chunk of operations begins with none of them in memory.
 */
#include "bench/pages.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#define PROT_BOTH         (PROT_READ | PROT_WRITE)
#define SIGNAL_STACK_SIZE 65536

static int memory = -1;

static char *must(void *p)
{
    if (p == MAP_FAILED)
        fail("mmap: %s", strerror(errno));
    return p;
}

static char *pages_new(int prot)
{
    if (memory < 0 && ((memory = memfd_create("mkbench", MFD_CLOEXEC)) < 0 || ftruncate(memory, CHUNK_SIZE)))
        fail("memfd: %s", strerror(errno));
    return must(mmap(NULL, CHUNK_SIZE, prot, MAP_SHARED | MAP_NORESERVE, memory, 0));
}

static void pages_free(char *pages)
{
    munmap(pages, CHUNK_SIZE);
    fallocate(memory, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, CHUNK_SIZE);
}

/* ---- traps ---- */

enum { BARE = 1 };

/* What this does with a byte may be left out: rax is where to go on then. */
static void poke(char *p)
{
    __asm__ volatile("lea 1f(%%rip), %%rax\n"
                     "movb $1, (%0)\n"
                     "1:"
                     :
                     : "r"(p)
                     : "rax", "memory");
}

static void open_page(int signal, siginfo_t *info, void *context)
{
    (void)signal;
    (void)context;
    mprotect((void *)((uintptr_t)info->si_addr & ~(uintptr_t)(PAGE - 1)), PAGE, PROT_BOTH);
}

static void step_over(int signal, siginfo_t *info, void *context)
{
    greg_t *regs = ((ucontext_t *)context)->uc_mcontext.gregs;
    (void)signal;
    (void)info;
    regs[REG_RIP] = regs[REG_RAX];
}

static void trap_chunk(struct run *run, size_t nr)
{
    struct run part;
    char *pages = pages_new(PROT_NONE);
    poke(pages + CHUNK_SIZE - PAGE);
    part_start(run, &part);
    for (size_t i = 0; i < nr; i++)
        poke(pages + CHUNK_SIZE - (i + 2) * PAGE);
    part_stop(run, &part);
    pages_free(pages);
}

static void trap(struct run *run)
{
    static char stack[SIGNAL_STACK_SIZE];
    struct sigaction action = {.sa_flags = SA_SIGINFO | SA_ONSTACK}, old_action;
    stack_t on = {.ss_sp = stack, .ss_size = sizeof(stack)}, old;
    action.sa_sigaction = run->row->flags & BARE ? step_over : open_page;
    sigfillset(&action.sa_mask);
    if (sigaltstack(&on, &old) || sigaction(SIGSEGV, &action, &old_action))
        fail("signal: %s", strerror(errno));
    in_chunks(run, run->nr, NR_PAGES - 1, trap_chunk);
    sigaction(SIGSEGV, &old_action, NULL);
    sigaltstack(&old, NULL);
}

/* ---- first touch ---- */

static void touch_chunk(struct run *run, size_t nr)
{
    struct run part;
    char *pages = pages_new(PROT_BOTH);
    part_start(run, &part);
    for (size_t i = 0; i < nr; i++)
        poke(pages + i * PAGE);
    part_stop(run, &part);
    pages_free(pages);
}

static void touch(struct run *run)
{
    whole_chunks(run, NR_SEQUENCE);
    in_chunks(run, run->nr, NR_SEQUENCE, touch_chunk);
}

/* ---- changes of mappings, a page of 2,048 ---- */

static void protect(struct run *run)
{
    uint64_t nr_calls = whole_chunks(run, NR_PAGES);
    char *pages = pages_new(PROT_BOTH);
    touch_all(pages, CHUNK_SIZE);
    meter_start(run);
    for (uint64_t i = 0; i < nr_calls; i++)
        mprotect(pages, CHUNK_SIZE, i % 2 ? PROT_BOTH : PROT_READ);
    meter_stop(run);
    pages_free(pages);
}

static void map_chunk(struct run *run, size_t nr)
{
    struct run part;
    char *all[NR_MAPS];
    part_start(run, &part);
    for (size_t i = 0; i < nr; i++)
        all[i] = must(mmap(NULL, CHUNK_SIZE, PROT_BOTH, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
    part_stop(run, &part);
    for (size_t i = 0; i < nr; i++)
        munmap(all[i], CHUNK_SIZE);
}

static void map(struct run *run)
{
    in_chunks(run, whole_chunks(run, NR_PAGES), NR_MAPS, map_chunk);
}

/* ---- a byte copy ---- */

static void copy(struct run *run)
{
    static char *from, *to;
    if (!from) {
        from = must(mmap(NULL, 2 * LARGE_SIZE, PROT_BOTH, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
        to = from + LARGE_SIZE;
        memset(from, 1, 2 * LARGE_SIZE);
    }
    meter_start(run);
    for (uint64_t i = 0; i < run->nr; i++) {
        memcpy(to, from, LARGE_SIZE);
        keep(to);
    }
    meter_stop(run);
}

void vm_floor_rows(void)
{
    row_add(&(struct row){.measure = trap,
                          .what = "a trap of the host at a page, which the handler opens by mprotect, and the first "
                                  "touch of the page then"},
            "floor.trap");
    row_add(&(struct row){.measure = trap, .flags = BARE, .what = "a trap of the host, whose handler does nothing"},
            "floor.trap_bare");
    row_add(&(struct row){.measure = touch, .what = "first touch of a page, one of 512 in sequence, without a trap"},
            "floor.touch");
    row_add(&(struct row){.measure = protect, .what = "one page of an mprotect of 2,048 that are in memory"},
            "floor.mprotect.2048");
    row_add(&(struct row){.measure = map, .what = "one page of an mmap of 2,048"}, "floor.mmap.2048");
    row_add(&(struct row){.measure = copy, .what = "one memcpy of 64 MiB"}, "floor.memcpy.64m");
}
