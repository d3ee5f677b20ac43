/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the host offers for the same purpose: round trips of 32 bytes between two
 * threads of this process. They share one CPU, which is where the host is
 * fastest, but for the row across CPUs.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <mqueue.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bench/bench.h"
#include "bench/facts.h"

#define SIZE         32
#define NR_WARM      20
#define ACROSS_CPUS  1
#define PARTNER      1
#define MQ_NAME_SIZE 64

/* Side 0 asks, side 1 answers. */
struct pair {
    int in[2], out[2]; /* of each side */
    mqd_t queue[2];    /* to each side */
    _Atomic uint32_t word[2];
    uint64_t nr;
    bool (*give)(struct pair *pair, int side); /* to the other side */
    bool (*take)(struct pair *pair, int side); /* waits */
};

/* ---- descriptors ---- */

static bool fd_give(struct pair *pair, int side)
{
    static const char message[SIZE] = {1};
    return write(pair->out[side], message, SIZE) == SIZE;
}

static bool fd_take(struct pair *pair, int side)
{
    char message[SIZE];
    return read(pair->in[side], message, SIZE) == SIZE;
}

static bool eventfd_give(struct pair *pair, int side)
{
    return eventfd_write(pair->out[side], 1) == 0;
}

static bool eventfd_take(struct pair *pair, int side)
{
    eventfd_t value;
    return eventfd_read(pair->in[side], &value) == 0;
}

static bool pipe_open(struct pair *pair)
{
    int there[2], back[2];
    if (pipe2(there, O_CLOEXEC) || pipe2(back, O_CLOEXEC))
        return false;
    pair->in[0] = back[0], pair->out[0] = there[1];
    pair->in[1] = there[0], pair->out[1] = back[1];
    return true;
}

static bool seqpacket_open(struct pair *pair)
{
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair->in))
        return false;
    pair->out[0] = pair->in[0], pair->out[1] = pair->in[1];
    return true;
}

static bool eventfd_open(struct pair *pair)
{
    pair->in[0] = pair->out[1] = eventfd(0, EFD_CLOEXEC);
    pair->in[1] = pair->out[0] = eventfd(0, EFD_CLOEXEC);
    return pair->in[0] >= 0 && pair->in[1] >= 0;
}

static void pair_close(struct pair *pair)
{
    for (int side = 0; side < 2; side++) {
        if (pair->in[side] >= 0)
            close(pair->in[side]);
        if (pair->out[side] >= 0 && pair->out[side] != pair->in[0] && pair->out[side] != pair->in[1])
            close(pair->out[side]);
        if (pair->queue[side] >= 0)
            mq_close(pair->queue[side]);
    }
}

/* ---- POSIX message queues ---- */

static bool mq_give(struct pair *pair, int side)
{
    static const char message[SIZE] = {1};
    return mq_send(pair->queue[!side], message, SIZE, 0) == 0;
}

static bool mq_take(struct pair *pair, int side)
{
    char message[SIZE];
    return mq_receive(pair->queue[side], message, SIZE, NULL) == SIZE;
}

static bool queues_open(struct pair *pair)
{
    struct mq_attr attr = {.mq_maxmsg = 4, .mq_msgsize = SIZE};
    for (int side = 0; side < 2; side++) {
        char name[MQ_NAME_SIZE];
        snprintf(name, sizeof(name), "/mkbench-%d-%d", (int)getpid(), side);
        pair->queue[side] = mq_open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600, &attr);
        if (pair->queue[side] < 0)
            return false;
        mq_unlink(name);
    }
    return true;
}

/* ---- futex ---- */

static bool futex_give(struct pair *pair, int side)
{
    atomic_store(&pair->word[!side], 1);
    return syscall(SYS_futex, &pair->word[!side], FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0) >= 0;
}

static bool futex_take(struct pair *pair, int side)
{
    while (!atomic_exchange(&pair->word[side], 0))
        if (syscall(SYS_futex, &pair->word[side], FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0) < 0 && errno != EAGAIN &&
            errno != EINTR)
            return false;
    return true;
}

static bool futex_open(struct pair *pair)
{
    (void)pair;
    return true;
}

/* ---- a run ---- */

static const struct means {
    const char *name;
    bool (*open)(struct pair *pair);
    bool (*give)(struct pair *pair, int side);
    bool (*take)(struct pair *pair, int side);
    unsigned flags;
    const char *what;
} means[] = {
    {"host.futex", futex_open, futex_give, futex_take, 0, "hand-off by futex between two threads on one CPU"},
    {"host.futex.cross", futex_open, futex_give, futex_take, ACROSS_CPUS, "hand-off by futex between two CPUs"},
    {"host.eventfd", eventfd_open, eventfd_give, eventfd_take, 0, "two eventfds, one CPU"},
    {"host.pipe", pipe_open, fd_give, fd_take, 0, "two pipes, 32 bytes each way, one CPU"},
    {"host.seqpacket", seqpacket_open, fd_give, fd_take, 0, "UNIX socketpair SEQPACKET, 32 bytes, one CPU"},
    {"host.mq", queues_open, mq_give, mq_take, 0, "two POSIX message queues, 32 bytes, one CPU"},
};

static void *partner(void *arg)
{
    struct pair *pair = arg;
    for (uint64_t i = 0; i < pair->nr; i++)
        if (!pair->take(pair, PARTNER) || !pair->give(pair, PARTNER))
            fail("the host's own means: %s", strerror(errno));
    return NULL;
}

static void round_trips(struct pair *pair, uint64_t nr)
{
    for (uint64_t i = 0; i < nr; i++)
        if (!pair->give(pair, 0) || !pair->take(pair, 0))
            fail("the host's own means: %s", strerror(errno));
}

static bool partner_start(struct run *run, struct pair *pair, pthread_t *thread)
{
    pthread_attr_t attr;
    cpu_set_t cpus;
    pthread_attr_init(&attr);
    if (run->row->flags & ACROSS_CPUS) {
        int other = facts_other_cpu();
        if (other < 0) {
            run_absent(run, "needs two CPUs");
            return false;
        }
        CPU_ZERO(&cpus);
        CPU_SET(other, &cpus);
        pthread_attr_setaffinity_np(&attr, sizeof(cpus), &cpus);
    }
    int err = pthread_create(thread, &attr, partner, pair);
    pthread_attr_destroy(&attr);
    if (err)
        fail("pthread_create: %s", strerror(err));
    return true;
}

static void measure(struct run *run)
{
    const struct means *m = &means[run->row->count];
    struct pair pair = {.in = {-1, -1}, .out = {-1, -1}, .queue = {-1, -1}, .nr = NR_WARM + run->nr};
    pthread_t thread;
    pair.give = m->give;
    pair.take = m->take;
    if (!m->open(&pair)) {
        run_absent(run, "%s", strerror(errno));
    } else if (partner_start(run, &pair, &thread)) {
        round_trips(&pair, NR_WARM);
        meter_start(run);
        round_trips(&pair, run->nr);
        meter_stop(run);
        pthread_join(thread, NULL);
    }
    pair_close(&pair);
}

static void null_system_call(struct run *run)
{
    meter_start(run);
    for (uint64_t i = 0; i < run->nr; i++)
        syscall(SYS_getppid);
    meter_stop(run);
}

void host_rows(void)
{
    row_add(&(struct row){.measure = null_system_call, .what = "one system call (getppid)"}, "host.syscall");
    for (unsigned i = 0; i < sizeof(means) / sizeof(means[0]); i++)
        row_add(&(struct row){.measure = measure,
                              .count = i,
                              .is_uncounted = true,
                              .flags = means[i].flags,
                              .is_on_cpus = means[i].flags & ACROSS_CPUS,
                              .what = bench_format("round trip: %s", means[i].what)},
                "%s", means[i].name);
}
