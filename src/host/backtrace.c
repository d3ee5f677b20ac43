/* SPDX-License-Identifier: BSD-2-Clause */
/* Frames in words; see backtrace.h. Unwinding by libdw, which reads memory through the kernel's fault-proof access. */
#include "host/backtrace.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/arch/x86_64/user.h"
#include "host/context.h"
#include "host/pages.h"
#include "host/sanitizer.h"

static void copy_text(char *to, size_t size, const char *from)
{
    snprintf(to, size, "%s", from ? from : "");
}

/* "/dev/shm/mk.1.abc/ramfs.so.3" and "/usr/lib/libc.so.6" to their last part; the number of a plugin's copy goes. */
static void place_in_module(struct host_frame *frame, const char *path, uint64_t offset)
{
    const char *name = strrchr(path, '/');
    name = name ? name + 1 : path;
    const char *copy = strstr(path, "/mk.") ? strstr(name, ".so.") : NULL;
    int length = copy ? (int)(copy + 3 - name) : (int)strlen(name);
    snprintf(frame->place, sizeof(frame->place), "%.*s+0x%llx", length, name, (unsigned long long)offset);
}

/* ---- by the dynamic symbols ---- */

static void name_by_symbols(struct host_frame *frame)
{
    Dl_info info;
    if (!dladdr((void *)(uintptr_t)frame->instruction, &info) || !info.dli_fname)
        return;
    copy_text(frame->function, sizeof(frame->function), info.dli_sname);
    place_in_module(frame, info.dli_fname, frame->instruction - (uint64_t)(uintptr_t)info.dli_fbase);
}

#if HAVE_LIBDW

#include <elfutils/libdwfl.h>
#include <link.h>

/* ---- may the heap be used? ---- */

static bool is_in_allocator(uint64_t address)
{
    const uintptr_t functions[] = {(uintptr_t)malloc, (uintptr_t)calloc, (uintptr_t)realloc, (uintptr_t)free,
                                   (uintptr_t)malloc_usable_size};
    uintptr_t low = functions[0], high = functions[0];
    for (size_t i = 1; i < sizeof(functions) / sizeof(functions[0]); i++) {
        low = functions[i] < low ? functions[i] : low;
        high = functions[i] > high ? functions[i] : high;
    }
    return address - (low - 16384) < high + 4096 - (low - 16384); /* its own helpers are around them */
}

/*
 * Code that was interrupted in libc may hold the lock of its heap, which libdw needs: then a return address into the
 * allocator, or the address itself, is among the words on the stack. A guess that may refuse too much.
 */
static bool heap_may_be_held(const struct mk_regs *regs)
{
    Dl_info here, libc;
    uint64_t word;
    if (!dladdr((void *)(uintptr_t)regs->rip, &here) || !dladdr((void *)(uintptr_t)strtol, &libc) ||
        here.dli_fbase != libc.dli_fbase)
        return false;
    if (is_in_allocator(regs->rip))
        return true;
    for (size_t i = 0; i < 256 && raw_load_u64((const void *)(uintptr_t)(regs->rsp + 8 * i), &word); i++)
        if (is_in_allocator(word))
            return true;
    return false;
}

/* ---- libdw ---- */

static int open_module(Dwfl_Module *module, void **userdata, const char *name, Dwarf_Addr base, char **path, Elf **elf)
{
    (void)module, (void)userdata, (void)base, (void)elf;
    int fd = open(name, O_RDONLY | O_CLOEXEC);
    *path = fd >= 0 ? strdup(name) : NULL;
    return fd;
}

static const Dwfl_Callbacks callbacks = {
    .find_elf = open_module,
    .find_debuginfo = dwfl_build_id_find_debuginfo, /* on this machine; no server is asked */
    .section_address = dwfl_offline_section_address,
};

static int report_module(struct dl_phdr_info *info, size_t size, void *arg)
{
    Dwarf_Addr start = UINT64_MAX, end = 0;
    (void)size;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        if (info->dlpi_phdr[i].p_type != PT_LOAD)
            continue;
        Dwarf_Addr low = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr, high = low + info->dlpi_phdr[i].p_memsz;
        start = low < start ? low : start;
        end = high > end ? high : end;
    }
    if (start < end)
        dwfl_report_module(arg, info->dlpi_name[0] ? info->dlpi_name : "/proc/self/exe", start & ~(Dwarf_Addr)4095,
                           (end + 4095) & ~(Dwarf_Addr)4095);
    return 0;
}

/* Kept, with what libdw has read of the modules that are still loaded: the next report takes a tenth of the time. */
static Dwfl *dwfl;
static pthread_mutex_t dwfl_lock = PTHREAD_MUTEX_INITIALIZER;

static struct walk {
    const struct mk_regs *regs;
    struct host_frame *frames;
    size_t n, max;
} walk;

static pid_t next_thread(Dwfl *whose, void *arg, void **thread)
{
    (void)whose;
    if (*thread)
        return 0;
    *thread = arg;
    return dwfl_pid(dwfl);
}

static bool read_memory(Dwfl *whose, Dwarf_Addr address, Dwarf_Word *word, void *arg)
{
    (void)whose, (void)arg;
    return raw_load_u64((const void *)(uintptr_t)address, word);
}

/* arch: in DWARF's order (System V ABI for x86-64, figure 3.36). */
static bool set_registers(Dwfl_Thread *thread, void *arg)
{
    const struct mk_regs *r = walk.regs;
    (void)arg;
    const Dwarf_Word words[] = {r->rax, r->rdx, r->rcx, r->rbx, r->rsi, r->rdi, r->rbp, r->rsp, r->r8,
                                r->r9,  r->r10, r->r11, r->r12, r->r13, r->r14, r->r15, r->rip};
    return dwfl_thread_state_registers(thread, 0, sizeof(words) / sizeof(words[0]), words);
}

static const Dwfl_Thread_Callbacks thread_callbacks = {
    .next_thread = next_thread,
    .memory_read = read_memory,
    .set_initial_registers = set_registers,
};

static void name_by_dwarf(struct host_frame *frame, uint64_t address)
{
    Dwfl_Module *module = dwfl_addrmodule(dwfl, address);
    if (!module)
        return;
    copy_text(frame->function, sizeof(frame->function), dwfl_module_addrname(module, address));
    Dwfl_Line *line = dwfl_module_getsrc(module, address);
    int number = 0;
    const char *file = line ? dwfl_lineinfo(line, NULL, &number, NULL, NULL, NULL) : NULL;
    if (file && number > 0) {
        while (strncmp(file, "../", 3) == 0)
            file += 3;
        snprintf(frame->place, sizeof(frame->place), "%s:%d", file, number);
        return;
    }
    Dwarf_Addr start;
    const char *path = dwfl_module_info(module, NULL, &start, NULL, NULL, NULL, NULL, NULL);
    place_in_module(frame, path, frame->instruction - start);
}

static int add_frame(Dwfl_Frame *state, void *arg)
{
    Dwarf_Addr pc;
    bool is_interrupted;
    (void)arg;
    if (!dwfl_frame_pc(state, &pc, &is_interrupted) || walk.n == walk.max)
        return DWARF_CB_ABORT;
    struct host_frame *frame = &walk.frames[walk.n++];
    memset(frame, 0, sizeof(*frame));
    frame->instruction = pc;
    name_by_dwarf(frame, is_interrupted || walk.n == 1 ? pc : pc - 1);
    return DWARF_CB_OK;
}

static bool modules_are_known(void)
{
    if (!dwfl && !(dwfl = dwfl_begin(&callbacks)))
        return false;
    dwfl_report_begin(dwfl);
    dl_iterate_phdr(report_module, dwfl);
    if (dwfl_report_end(dwfl, NULL, NULL) != 0)
        return false;
    return dwfl_pid(dwfl) >= 0 || dwfl_attach_state(dwfl, NULL, getpid(), &thread_callbacks, &walk);
}

static void walk_on_stack(void *arg)
{
    (void)arg;
    if (modules_are_known())
        dwfl_getthread_frames(dwfl, dwfl_pid(dwfl), add_frame, NULL);
}

#define STACK_SIZE ((size_t)1 << 20) /* libdw reads a table of lines into arrays on its stack */

static size_t walk_frames(const struct mk_regs *regs, struct host_frame *frames, size_t max)
{
    bool is_possible = !RUNNING_ON_VALGRIND && !heap_may_be_held(regs); /* valgrind shows the stack itself */
    char *stack = !is_possible ? NULL : host_pages_alloc(STACK_SIZE);
    if (!stack)
        return 0;
    pthread_mutex_lock(&dwfl_lock);
    walk = (struct walk){.regs = regs, .frames = frames, .max = max};
    host_call_on(stack + STACK_SIZE, walk_on_stack, NULL);
    size_t n = walk.n;
    pthread_mutex_unlock(&dwfl_lock);
    host_pages_free(stack, STACK_SIZE);
    return n;
}

#else

static size_t walk_frames(const struct mk_regs *regs, struct host_frame *frames, size_t max)
{
    (void)regs, (void)frames, (void)max;
    return 0;
}

#endif

size_t host_backtrace(const struct mk_regs *regs, struct host_frame *frames, size_t max)
{
    size_t n = walk_frames(regs, frames, max);
    if (n || !max)
        return n;
    memset(frames, 0, sizeof(*frames));
    frames->instruction = regs->rip;
    name_by_symbols(frames);
    return 1;
}
