/* SPDX-License-Identifier: BSD-2-Clause */
/* A plugin with one thing in it that a server must not use: REFUSED_ and its name, given by the build. */
#include <mk/mk.h>

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

int use(int n);

#if defined(REFUSED_tls)
__thread int per_thread;
int use(int n)
{
    return per_thread += n;
}
#elif defined(REFUSED_static_tls)
static __thread int per_thread;
int use(int n)
{
    return per_thread += n;
}
#elif defined(REFUSED_constructor)
static volatile int constructed;
__attribute__((constructor)) static void construct(void)
{
    constructed = 1;
}
int use(int n)
{
    return constructed + n;
}
#elif defined(REFUSED_destructor)
static int destructed;
__attribute__((destructor)) static void destruct(void)
{
    destructed = 1;
}
int use(int n)
{
    return destructed + n;
}
#elif defined(REFUSED_pthread_mutex_lock)
static pthread_mutex_t lock;
int use(int n)
{
    return pthread_mutex_lock(&lock) + n;
}
#elif defined(REFUSED_pthread_create)
static void *start(void *arg)
{
    return arg;
}
int use(int n)
{
    pthread_t thread;
    return pthread_create(&thread, NULL, start, NULL) + n;
}
#elif defined(REFUSED_fork)
int use(int n)
{
    return fork() + n;
}
#elif defined(REFUSED_execve)
int use(int n)
{
    char *argv[] = {NULL};
    return execve("/bin/true", argv, argv) + n;
}
#elif defined(REFUSED_system)
int use(int n)
{
    return system("true") + n;
}
#elif defined(REFUSED_signal)
int use(int n)
{
    return signal(SIGSEGV, SIG_IGN) == SIG_ERR ? n : 0;
}
#elif defined(REFUSED_sigaction)
int use(int n)
{
    return sigaction(SIGSEGV, NULL, NULL) + n;
}
#elif defined(REFUSED_sleep)
int use(int n)
{
    return (int)sleep((unsigned)n);
}
#elif defined(REFUSED_nanosleep)
int use(int n)
{
    struct timespec time = {n, 0};
    return nanosleep(&time, NULL);
}
#elif defined(REFUSED_poll)
int use(int n)
{
    return poll(NULL, 0, n);
}
#elif defined(REFUSED_getline)
int use(int n)
{
    char *line = NULL;
    size_t size = 0;
    return (int)getline(&line, &size, stdin) + n;
}
#else
int use(int n)
{
    return n;
}
#endif

static mk_err_t handle(void *state, struct mk_msg *msg)
{
    (void)state;
    return use((int)msg->size) ? MK_OK : MK_E_IO;
}

#if defined(REFUSED_wrong_abi)
#define ABI (MK_SERVER_ABI + 1000)
#else
#define ABI MK_SERVER_ABI
#endif

static const struct mk_server_op ops[] = {{1, 0, handle}};
static const struct mk_server server = {.abi = ABI, .ops = ops, .nr_ops = 1};

#if defined(REFUSED_no_descriptor)
MK_API const struct mk_server *not_the_entry = &server;
#else
MK_SERVER_EXPORT(server);
#endif
