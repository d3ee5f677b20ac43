/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The watchdog: a timer on the host thread's CPU time, so that a debugger or a busy host does not count. When kernel
 * calls have made no progress for the limit, it interrupts the thread, but only in a program's or a plugin's own code:
 * a library's function could hold a lock. From there it goes on by single instructions until it is back.
 */
#include <link.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "host/cpu.h"
#include "host/sanitizer.h"

_Static_assert(HOST_TRAP_LOOP == SIGVTALRM, "the number is the host's");

#define TICKS        4       /* in the limit */
#define MAX_STEPS    1000000 /* out of a library's function */
#define MAX_EXCLUDED 64

/* Code of the libraries that were there before the first machine. */
static struct {
    uint64_t start, end;
} excluded[MAX_EXCLUDED];
static unsigned nr_excluded;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static int exclude(struct dl_phdr_info *info, size_t size, void *arg)
{
    bool *is_first = arg; /* the program itself */
    (void)size;
    for (int i = 0; i < info->dlpi_phnum && !*is_first && nr_excluded < MAX_EXCLUDED; i++) {
        if (info->dlpi_phdr[i].p_type != PT_LOAD || !(info->dlpi_phdr[i].p_flags & PF_X))
            continue;
        uint64_t start = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;
        excluded[nr_excluded].start = start;
        excluded[nr_excluded++].end = start + info->dlpi_phdr[i].p_memsz;
    }
    *is_first = false;
    return 0;
}

static void find_excluded(void)
{
    bool is_first = true;
    dl_iterate_phdr(exclude, &is_first);
}

static bool may_interrupt(uint64_t instruction)
{
    for (unsigned i = 0; i < nr_excluded; i++)
        if (instruction >= excluded[i].start && instruction < excluded[i].end)
            return false;
    return nr_excluded < MAX_EXCLUDED;
}

bool host_watchdog_start(struct host_cpu *cpu)
{
    struct host_watchdog *dog = &cpu->watchdog;
    if (!dog->limit || HOST_TSAN) /* TSan delivers such signals later, elsewhere */
        return true;
    pthread_once(&once, find_excluded);
    struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = HOST_TRAP_LOOP};
    event.sigev_value.sival_ptr = cpu;
    event._sigev_un._tid = (pid_t)syscall(SYS_gettid);
    if (timer_create(CLOCK_THREAD_CPUTIME_ID, &event, &dog->timer) != 0)
        return false;
    int64_t tick = dog->limit / TICKS > 0 ? dog->limit / TICKS : 1;
    const struct timespec time = {.tv_sec = tick / 1000000000, .tv_nsec = tick % 1000000000};
    const struct itimerspec when = {.it_value = time, .it_interval = time};
    timer_settime(dog->timer, 0, &when, NULL);
    dog->is_running = true;
    dog->nr_still = dog->nr_steps = 0;
    dog->is_stepping = false;
    return true;
}

void host_watchdog_stop(struct host_cpu *cpu)
{
    if (cpu->watchdog.is_running)
        timer_delete(cpu->watchdog.timer);
    cpu->watchdog.is_running = false;
}

enum host_watchdog_act host_watchdog_look(struct host_cpu *cpu, uint64_t instruction, bool is_step)
{
    struct host_watchdog *dog = &cpu->watchdog;
    uint64_t now = dog->progress(cpu);
    if (now != dog->last || !cpu->has_thread) {
        dog->last = now;
        dog->nr_still = dog->nr_steps = 0;
        return HOST_WATCHDOG_GO;
    }
    if (!is_step && ++dog->nr_still < TICKS)
        return HOST_WATCHDOG_GO;
    if (!cpu->is_trapped && may_interrupt(instruction)) {
        dog->nr_still = dog->nr_steps = 0;
        return HOST_WATCHDOG_BITE;
    }
    if (!is_step)
        dog->nr_steps = MAX_STEPS;
    if (cpu->is_trapped || !dog->nr_steps)
        return HOST_WATCHDOG_GO;
    dog->nr_steps--;
    return HOST_WATCHDOG_STEP;
}
