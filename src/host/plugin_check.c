/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The check of a plugin before it is loaded. The file is hostile: nothing of it
 * runs, and libelf bounds every access. A crash in a constructor would leave
 * the dynamic linker's lock held for ever, and a lock of libc's waits for the
 * whole process; so what would do that is refused here, by name.
 */
#include "host/plugin.h"

#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <libelf.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <mk/server.h>

#include "host/plugin_idle.h"

static const struct {
    const char *name; /* with * at the end: a prefix */
    const char *instead;
} refused[] = {
    {"pthread_mutex_*", "a port: a receive waits, a send wakes"},
    {"pthread_rwlock_*", "a port: a receive waits, a send wakes"},
    {"pthread_spin_*", "a port: a receive waits, a send wakes"},
    {"pthread_cond_*", "a port: a receive waits, a send wakes"},
    {"pthread_barrier_*", "a port: a receive waits, a send wakes"},
    {"sem_*", "a port: a receive waits, a send wakes"},
    {"mtx_*", "a port: a receive waits, a send wakes"},
    {"cnd_*", "a port: a receive waits, a send wakes"},
    {"call_once", "a variable that start sets"},
    {"pthread_once", "a variable that start sets"},
    {"pthread_create", "mk_thread_create"},
    {"thrd_*", "mk_thread_create"},
    {"pthread_exit", "mk_thread_exit"},
    {"pthread_*", "threads and ports of the machine"},
    {"fork", "mk_task_create or mk_task_load"},
    {"vfork", "mk_task_create or mk_task_load"},
    {"_Fork", "mk_task_create or mk_task_load"},
    {"clone", "mk_thread_create"},
    {"clone3", "mk_thread_create"},
    {"posix_spawn*", "mk_task_load"},
    {"exec*", "mk_task_load"},
    {"fexecve", "mk_task_load"},
    {"system", "mk_task_load"},
    {"popen", "mk_task_load"},
    {"signal", "a message to a port"},
    {"bsd_signal", "a message to a port"},
    {"sigaction", "a message to a port"},
    {"sigprocmask", "nothing: signals are the host's"},
    {"sigaltstack", "nothing: signals are the host's"},
    {"sigwait*", "mk_receive"},
    {"sigsuspend", "mk_receive"},
    {"raise", "mk_task_exit"},
    {"kill", "mk_task_terminate"},
    {"tgkill", "mk_task_terminate"},
    {"alarm", "mk_time_sleep in a thread of its own"},
    {"setitimer", "mk_time_sleep in a thread of its own"},
    {"timer_create", "mk_time_sleep in a thread of its own"},
    {"sleep", "mk_time_sleep"},
    {"usleep", "mk_time_sleep"},
    {"nanosleep", "mk_time_sleep"},
    {"clock_nanosleep", "mk_time_sleep"},
    {"thrd_sleep", "mk_time_sleep"},
    {"pause", "mk_receive"},
    {"poll", "mk_receive on a port set"},
    {"ppoll", "mk_receive on a port set"},
    {"select", "mk_receive on a port set"},
    {"pselect", "mk_receive on a port set"},
    {"epoll_*", "mk_receive on a port set"},
    {"sched_yield", "mk_thread_yield"},
    {"swapcontext", "mk_thread_create"},
    {"setcontext", "mk_thread_create"},
    {"makecontext", "mk_thread_create"},
    {"dlopen", "mk_task_load"},
    {"dlmopen", "mk_task_load"},
    {"atexit", "the descriptor's stop"},
    {"on_exit", "the descriptor's stop"},
    {"at_quick_exit", "the descriptor's stop"},
    {"quick_exit", "mk_task_exit"},
    {"syscall", "the kernel's calls, mk_*"},
    {"ptrace", "the kernel's calls, mk_*"},
    {"getline", "fgets: getline's buffer belongs to the host's malloc"},
    {"getdelim", "fgets: getdelim's buffer belongs to the host's malloc"},
    {"asprintf", "snprintf: asprintf's buffer belongs to the host's malloc"},
    {"vasprintf", "vsnprintf: vasprintf's buffer belongs to the host's malloc"},
    {"__asprintf_chk", "snprintf: asprintf's buffer belongs to the host's malloc"},
    {"open_memstream", "a buffer of your own"},
    {"open_wmemstream", "a buffer of your own"},
    {"scandir*", "opendir and readdir: scandir's list belongs to the host's malloc"},
    {"getcwd", "mk_task_folder"},
    {"get_current_dir_name", "mk_task_folder"},
    {"__getdelim", "fgets: getline's buffer belongs to the host's malloc"},
    {"__vasprintf_chk", "vsnprintf: vasprintf's buffer belongs to the host's malloc"},
    {"__poll_chk", "mk_receive on a port set"},
    {"__ppoll_chk", "mk_receive on a port set"},
    {"tempnam", "a name of your own"},
    {"err", "mk_log and mk_task_exit"},
    {"errx", "mk_log and mk_task_exit"},
    {"verr", "mk_log and mk_task_exit"},
    {"verrx", "mk_log and mk_task_exit"},
    {"error", "mk_log and mk_task_exit"},
    {"error_at_line", "mk_log and mk_task_exit"},
    {"dlsym", "mk_task_load"},
    {"dlvsym", "mk_task_load"},
    {"__fork", "mk_task_create or mk_task_load"},
    {"__vfork", "mk_task_create or mk_task_load"},
    {"__clone", "mk_thread_create"},
    {"__nanosleep", "mk_time_sleep"},
    {"__poll", "mk_receive on a port set"},
    {"__select", "mk_receive on a port set"},
    {"__sigaction", "a message to a port"},
    {"sigset", "a message to a port"},
    {"sigpause", "mk_receive"},
    {"sigqueue", "mk_task_terminate"},
    {"killpg", "mk_task_terminate"},
    {"gsignal", "mk_task_exit"},
    {"wait", "mk_task_wait"},
    {"wait3", "mk_task_wait"},
    {"wait4", "mk_task_wait"},
    {"waitid", "mk_task_wait"},
    {"waitpid", "mk_task_wait"},
    {"aio_*", "a thread of its own"},
    {"lio_listio*", "a thread of its own"},
    {"getaddrinfo_a", "a thread of its own"},
    {"canonicalize_file_name", "realpath"},
    {"malloc_usable_size", "the size that was asked for"},
    {"__pthread_*", "threads and ports of the machine"},
    {"__cxa_thread_atexit*", "the descriptor's stop"},
};

struct check {
    Elf *elf;
    char *why;
    size_t why_size;
    uint64_t entry_address;  /* of mk_server_entry; 0: none */
    uint64_t server_address; /* what it points to; 0: unknown */
    uint64_t dynamic;        /* file offset of the dynamic section, as the loader finds it */
    bool is_dynamic_checked;
    uint64_t symbols;     /* address of the symbol table that was checked */
    uint64_t init_array;  /* slot of the one constructor; 0: none */
    uint64_t constructor; /* what it points to; 0: unknown */
    uint64_t frame_dummy; /* the start files' own, by its symbol; 0: stripped */
};

static mk_err_t fail(struct check *c, mk_err_t err, const char *format, ...) __attribute__((format(printf, 3, 4)));
static mk_err_t fail(struct check *c, mk_err_t err, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(c->why, c->why_size, format, args);
    va_end(args);
    return err;
}

static bool matches(const char *pattern, const char *name)
{
    size_t n = strlen(pattern);
    return pattern[n - 1] == '*' ? strncmp(pattern, name, n - 1) == 0 : strcmp(pattern, name) == 0;
}

static mk_err_t check_header(struct check *c)
{
    GElf_Ehdr header;
    if (elf_kind(c->elf) != ELF_K_ELF || !gelf_getehdr(c->elf, &header))
        return fail(c, MK_E_PLUGIN_FILE, "not an ELF file; a plugin is a shared object (cc -shared -fPIC)");
    if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_machine != EM_X86_64)
        return fail(c, MK_E_PLUGIN_FILE, "built for another processor; needs x86-64");
    if (header.e_type != ET_DYN)
        return fail(c, MK_E_PLUGIN_FILE, "not a shared object; link it with cc -shared -fPIC");
    return MK_OK;
}

static mk_err_t check_symbol(struct check *c, const GElf_Sym *symbol, const char *name)
{
    if (GELF_ST_TYPE(symbol->st_info) == STT_GNU_IFUNC && symbol->st_shndx != SHN_UNDEF)
        return fail(c, MK_E_PLUGIN_REFUSED, "indirect function '%s' would run while it is loaded: use a pointer", name);
    if (GELF_ST_TYPE(symbol->st_info) == STT_TLS)
        return fail(c, MK_E_PLUGIN_REFUSED, "thread-local variable '%s': use a plain one, each instance has its own",
                    name);
    if (symbol->st_shndx != SHN_UNDEF) {
        if (strcmp(name, "frame_dummy") == 0)
            c->frame_dummy = symbol->st_value;
        if (strcmp(name, "mk_server_entry") == 0)
            c->entry_address = symbol->st_value;
        return MK_OK;
    }
    char plain[128]; /* without "@GLIBC_2.34" */
    snprintf(plain, sizeof(plain), "%.*s", (int)strcspn(name, "@"), name);
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
        if (matches(refused[i].name, plain))
            return fail(c, MK_E_PLUGIN_REFUSED, "uses %s: use %s", plain, refused[i].instead);
    return MK_OK;
}

static mk_err_t check_symbols(struct check *c, Elf_Scn *section, const GElf_Shdr *header)
{
    Elf_Data *data = elf_getdata(section, NULL);
    size_t n = data && header->sh_entsize ? data->d_size / header->sh_entsize : 0;
    if (header->sh_type == SHT_DYNSYM)
        c->symbols = header->sh_addr;
    for (size_t i = 1; i < n; i++) {
        GElf_Sym symbol;
        if (!gelf_getsym(data, (int)i, &symbol))
            break;
        const char *name = elf_strptr(c->elf, header->sh_link, symbol.st_name);
        if (!name)
            return fail(c, MK_E_PLUGIN_FILE, "damaged: a symbol has no name");
        mk_err_t err = check_symbol(c, &symbol, name);
        if (err)
            return err;
    }
    return MK_OK;
}

/* Address of a section by its name; 0: none. */
static uint64_t section_address(struct check *c, const char *wanted)
{
    Elf_Scn *section = NULL;
    GElf_Shdr header;
    size_t names;
    if (elf_getshdrstrndx(c->elf, &names) != 0)
        return 0;
    while ((section = elf_nextscn(c->elf, section))) {
        const char *name = gelf_getshdr(section, &header) ? elf_strptr(c->elf, names, header.sh_name) : NULL;
        if (name && strcmp(name, wanted) == 0)
            return header.sh_addr;
    }
    return 0;
}

/* Every compiler's start files put one constructor and one destructor of their own into a shared object. */
static mk_err_t check_dynamic(struct check *c, Elf_Scn *section, const GElf_Shdr *header)
{
    Elf_Data *data = elf_getdata(section, NULL);
    size_t n = data && header->sh_entsize ? data->d_size / header->sh_entsize : 0;
    for (size_t i = 0; i < n; i++) {
        GElf_Dyn dyn;
        if (!gelf_getdyn(data, (int)i, &dyn) || dyn.d_tag == DT_NULL)
            break;
        if (dyn.d_tag == DT_TEXTREL || (dyn.d_tag == DT_FLAGS && dyn.d_un.d_val & DF_TEXTREL))
            return fail(c, MK_E_PLUGIN_REFUSED, "its code is not position-independent: compile it with -fPIC");
        if (dyn.d_tag == DT_INIT && dyn.d_un.d_val != section_address(c, ".init"))
            return fail(c, MK_E_PLUGIN_REFUSED, "has an initialiser (-init): do its work in the descriptor's start");
        if (dyn.d_tag == DT_FINI && dyn.d_un.d_val != section_address(c, ".fini"))
            return fail(c, MK_E_PLUGIN_REFUSED, "has a finaliser (-fini): do its work in the descriptor's stop");
        c->is_dynamic_checked = c->is_dynamic_checked || dyn.d_tag == DT_SYMTAB;
        if (dyn.d_tag == DT_SYMTAB && (header->sh_offset != c->dynamic || dyn.d_un.d_val != c->symbols))
            return fail(c, MK_E_PLUGIN_FILE, "damaged: its sections are not what the dynamic linker would read");
        if (dyn.d_tag == DT_INIT_ARRAY)
            c->init_array = dyn.d_un.d_val;
        if (dyn.d_tag == DT_INIT_ARRAYSZ && dyn.d_un.d_val > 8)
            return fail(c, MK_E_PLUGIN_REFUSED, "has a constructor: do its work in the descriptor's start");
        if (dyn.d_tag == DT_FINI_ARRAYSZ && dyn.d_un.d_val > 8)
            return fail(c, MK_E_PLUGIN_REFUSED, "has a destructor: do its work in the descriptor's stop");
    }
    return MK_OK;
}

/* Where mk_server_entry will point: the relocation of its slot. */
static void find_server(struct check *c, Elf_Scn *section, const GElf_Shdr *header)
{
    Elf_Data *data = elf_getdata(section, NULL);
    size_t n = data && header->sh_entsize ? data->d_size / header->sh_entsize : 0;
    for (size_t i = 0; i < n; i++) {
        GElf_Rela rela;
        GElf_Shdr symbols;
        GElf_Sym symbol;
        if (!gelf_getrela(data, (int)i, &rela))
            break;
        if (GELF_R_TYPE(rela.r_info) == R_X86_64_RELATIVE && rela.r_offset == c->init_array)
            c->constructor = (uint64_t)rela.r_addend;
        if (rela.r_offset != c->entry_address)
            continue;
        if (GELF_R_TYPE(rela.r_info) == R_X86_64_RELATIVE) {
            c->server_address = (uint64_t)rela.r_addend;
        } else if (GELF_R_TYPE(rela.r_info) == R_X86_64_64) {
            Elf_Scn *table = elf_getscn(c->elf, header->sh_link);
            Elf_Data *entries = table && gelf_getshdr(table, &symbols) ? elf_getdata(table, NULL) : NULL;
            if (entries && gelf_getsym(entries, (int)GELF_R_SYM(rela.r_info), &symbol))
                c->server_address = symbol.st_value + (uint64_t)rela.r_addend;
        }
    }
}

static mk_err_t for_sections(struct check *c, uint32_t type,
                             mk_err_t (*check)(struct check *, Elf_Scn *, const GElf_Shdr *))
{
    Elf_Scn *section = NULL;
    while ((section = elf_nextscn(c->elf, section))) {
        GElf_Shdr header;
        if (!gelf_getshdr(section, &header) || header.sh_type != type)
            continue;
        mk_err_t err = check(c, section, &header);
        if (err)
            return err;
    }
    return MK_OK;
}

static mk_err_t find_server_in(struct check *c, Elf_Scn *section, const GElf_Shdr *header)
{
    find_server(c, section, header);
    return MK_OK;
}

/* Read what the file holds for an address. */
static bool read_at(struct check *c, int fd, uint64_t address, void *to, size_t size)
{
    size_t n = 0;
    if (elf_getphdrnum(c->elf, &n) != 0)
        n = 0;
    for (size_t i = 0; i < n; i++) {
        GElf_Phdr segment;
        if (!gelf_getphdr(c->elf, (int)i, &segment) || segment.p_type != PT_LOAD || address < segment.p_vaddr ||
            address - segment.p_vaddr >= segment.p_filesz)
            continue;
        return pread(fd, to, size, (off_t)(segment.p_offset + (address - segment.p_vaddr))) == (ssize_t)size;
    }
    return false;
}

/* With packed relocations (RELR) an address stands in its slot. */
static void find_in_slot(struct check *c, int fd, uint64_t slot, uint64_t *addressp)
{
    uint64_t address;
    if (slot && !*addressp && read_at(c, fd, slot, &address, sizeof(address)))
        *addressp = address;
}

static mk_err_t check_abi(struct check *c, int fd)
{
    uint32_t abi;
    if (!c->server_address || !read_at(c, fd, c->server_address, &abi, sizeof(abi)))
        return fail(c, MK_E_PLUGIN_FILE,
                    "its descriptor cannot be found in the file; export it with MK_SERVER_EXPORT(server)");
    if (abi == MK_SERVER_ABI)
        return MK_OK;
    return fail(
        c, MK_E_PLUGIN_ABI,
        "its descriptor says ABI %u, this libmk has %u: set .abi = MK_SERVER_ABI and build it against this version",
        abi, MK_SERVER_ABI);
}

/*
 * The one constructor must be the start files' frame_dummy: by its symbol, or in a stripped file
 * by its code, which only jumps (endbr64; jmp).
 */
static mk_err_t check_constructor(struct check *c, int fd)
{
    static const unsigned char jump[] = {0xf3, 0x0f, 0x1e, 0xfa, 0xe9};
    unsigned char code[sizeof(jump)];
    if (!c->init_array || c->constructor == c->frame_dummy)
        return MK_OK;
    if (!c->frame_dummy && read_at(c, fd, c->constructor, code, sizeof(code)) && memcmp(code, jump, sizeof(jump)) == 0)
        return MK_OK;
    return fail(c, MK_E_PLUGIN_REFUSED, "has a constructor: do its work in the descriptor's start");
}

static mk_err_t check_segments(struct check *c)
{
    size_t n = 0;
    if (elf_getphdrnum(c->elf, &n) != 0 || n == 0)
        return fail(c, MK_E_PLUGIN_FILE, "damaged: it has no program headers");
    for (size_t i = 0; i < n; i++) {
        GElf_Phdr segment;
        if (!gelf_getphdr(c->elf, (int)i, &segment))
            continue;
        if (segment.p_type == PT_TLS)
            return fail(c, MK_E_PLUGIN_REFUSED,
                        "has thread-local variables: use plain ones, each instance has its own");
        if (segment.p_type == PT_DYNAMIC)
            c->dynamic = segment.p_offset;
        if (segment.p_type == PT_LOAD && segment.p_offset == 0 && segment.p_vaddr != 0)
            return fail(c, MK_E_PLUGIN_REFUSED, "is linked for a fixed address: link it with cc -shared -fPIC");
    }
    return MK_OK;
}

static mk_err_t check_elf(struct check *c, int fd)
{
    mk_err_t err = check_header(c);
    if (!err)
        err = for_sections(c, SHT_SYMTAB, check_symbols); /* names thread-locals that the dynamic table lacks */
    if (!err)
        err = for_sections(c, SHT_DYNSYM, check_symbols);
    if (!err)
        err = check_segments(c);
    if (!err)
        err = for_sections(c, SHT_DYNAMIC, check_dynamic);
    if (!err && !c->is_dynamic_checked)
        err = fail(c, MK_E_PLUGIN_FILE, "damaged: its sections are not what the dynamic linker would read");
    if (!err && !c->entry_address)
        err = fail(c, MK_E_PLUGIN_FILE, "exports no mk_server_entry; add MK_SERVER_EXPORT(server)");
    if (!err)
        err = for_sections(c, SHT_RELA, find_server_in);
    if (!err) {
        find_in_slot(c, fd, c->entry_address, &c->server_address);
        find_in_slot(c, fd, c->init_array, &c->constructor);
        err = check_constructor(c, fd);
    }
    return err ? err : check_abi(c, fd);
}

mk_err_t host_plugin_check(const char *path, char *why, size_t why_size)
{
    struct check c = {.why = why, .why_size = why_size};
    if (plugin_idle_knows(path))
        return MK_OK;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return fail(&c, MK_E_PLUGIN_FILE, "cannot be opened: %s", strerror(errno));
    elf_version(EV_CURRENT);
    c.elf = elf_begin(fd, ELF_C_READ, NULL);
    mk_err_t err = c.elf ? check_elf(&c, fd) : fail(&c, MK_E_PLUGIN_FILE, "cannot be read: %s", elf_errmsg(-1));
    elf_end(c.elf);
    close(fd);
    return err;
}
