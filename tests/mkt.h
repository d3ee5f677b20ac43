/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The tests' own helpers. A test runs threads of a machine; inside them cmocka's
 * assertions must not be used (they jump off the stack), CHECK is for there: a
 * failed one is logged and ends the task with exit code 1. mkt_run and
 * mkt_finish then fail the test on the host's side.
 *
 * Every machine is audited after its run and when it is destroyed, and its log
 * must be empty unless the test asks for lines.
 */
#ifndef TESTS_MKT_H
#define TESTS_MKT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#else
#define RUNNING_ON_VALGRIND 0
#endif

#if defined(__SANITIZE_THREAD__)
#define MKT_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define MKT_TSAN 1
#endif
#endif
#ifndef MKT_TSAN
#define MKT_TSAN 0
#endif
/* Each takes much of the process's addresses and mappings for itself. */
#define MKT_ADDRESSES_ARE_SCARCE (MKT_TSAN || RUNNING_ON_VALGRIND)

#include <mk/mk.h>

#define MKT_LOG_SIZE 16384

struct mkt {
    struct mk_machine *machine;
    char log[MKT_LOG_SIZE]; /* all lines, each with its newline */
    size_t log_used;
    bool expects_log; /* lines in the log are no failure */
};

/* ---- inside a machine ---- */

static inline void mkt_check(bool is_true, const char *what, const char *file, int line)
{
    if (is_true)
        return;
    mk_log("%s:%d: not true: %s", file, line, what);
    mk_task_exit(1);
}

static inline void mkt_check_err(mk_err_t got, mk_err_t expected, const char *what, const char *file, int line)
{
    if (got == expected)
        return;
    mk_log("%s:%d: %s: got %s, expected %s", file, line, what, mk_err_name(got), mk_err_name(expected));
    mk_task_exit(1);
}

#define CHECK(what)               mkt_check(!!(what), #what, __FILE__, __LINE__)
#define CHECK_ERR(call, expected) mkt_check_err((call), (expected), #call, __FILE__, __LINE__)
#define CHECK_OK(call)            CHECK_ERR(call, MK_OK)

/* User references of a name; 0 when it denotes nothing. */
static inline uint32_t mkt_refs(mk_name_t name)
{
    struct mk_right_info info;
    return mk_right_info(name, &info) == MK_OK ? info.user_refs : 0;
}

/* Bits of enum mk_right_type; 0 when it denotes nothing. */
static inline uint32_t mkt_type(mk_name_t name)
{
    struct mk_right_info info;
    return mk_right_info(name, &info) == MK_OK ? info.type : 0;
}

/* Names in the calling task's space. */
static inline uint32_t mkt_nr_names(void)
{
    size_t n = 0;
    CHECK_OK(mk_machine_names(NULL, mk_task_id(), NULL, 0, &n));
    return (uint32_t)n;
}

/* A port, with a send right under the same name. */
static inline mk_name_t mkt_port(void)
{
    mk_name_t port, send;
    CHECK_OK(mk_port_create(&port));
    CHECK_OK(mk_right_make(port, MK_RIGHT_SEND, 0, &send));
    CHECK(send == port);
    return port;
}

/* A thread of the calling task, ready. */
static inline mk_name_t mkt_thread(void (*entry)(void *), void *arg)
{
    const struct mk_thread_attr attr = {.entry = entry, .arg = arg};
    mk_name_t thread;
    CHECK_OK(mk_thread_create(mk_task_self(), &attr, &thread));
    return thread;
}

/* ---- outside ---- */

static inline void mkt_log(void *arg, const char *line)
{
    struct mkt *t = (struct mkt *)arg;
    int n = snprintf(t->log + t->log_used, sizeof(t->log) - t->log_used, "%s\n", line);
    if (n > 0 && t->log_used + (size_t)n < sizeof(t->log))
        t->log_used += (size_t)n;
}

/* A machine; `config` may be NULL, its log is replaced. */
static inline void mkt_begin(struct mkt *t, const struct mk_machine_config *config)
{
    struct mk_machine_config c;
    memset(t, 0, sizeof(*t));
    memset(&c, 0, sizeof(c));
    if (config)
        c = *config;
    c.log = mkt_log;
    c.log_arg = t;
    if (c.isolation == MK_ISOLATION_AUTO && getenv("MKT_ISOLATION"))
        c.isolation = MK_ISOLATION_MPROTECT;
    assert_int_equal(mk_machine_create(&c, &t->machine), MK_OK);
}

static inline void mkt_spawn(struct mkt *t, const char *label, void (*entry)(void *), void *arg, bool is_server)
{
    struct mk_spawn spawn;
    memset(&spawn, 0, sizeof(spawn));
    spawn.label = label;
    spawn.entry = entry;
    spawn.arg = arg;
    spawn.is_server = is_server;
    assert_int_equal(mk_machine_spawn(t->machine, &spawn, NULL), MK_OK);
}

static inline void mkt_fail_with_log(const struct mkt *t, const char *what)
{
    print_error("%s; the machine's log:\n%s", what, t->log);
    fail();
}

/* Audit, destroy, and look at the log. */
static inline void mkt_finish(struct mkt *t)
{
    if (mk_machine_audit(t->machine) != MK_OK)
        mkt_fail_with_log(t, "the audit failed");
    mk_machine_destroy(t->machine);
    t->machine = NULL;
    if (strstr(t->log, "kernel objects left"))
        mkt_fail_with_log(t, "the machine leaked");
    if (t->log_used && !t->expects_log)
        mkt_fail_with_log(t, "the log is not empty");
}

/* Run to the end, which must be exit code 0. */
static inline void mkt_run_all(struct mkt *t)
{
    int code = -1;
    mk_err_t err = mk_machine_run(t->machine, &code);
    if (err != MK_OK || code != 0) {
        print_error("run: %s, exit code %d\n", mk_err_name(err), code);
        mkt_fail_with_log(t, "the run failed");
    }
}

/* A machine with one task that runs entry(arg); everything must be well. */
static inline void mkt_run(void (*entry)(void *), void *arg)
{
    struct mkt t;
    mkt_begin(&t, NULL);
    mkt_spawn(&t, "test", entry, arg, false);
    mkt_run_all(&t);
    mkt_finish(&t);
}

/* A test NAME whose body runs in a machine: MKT_TEST(PORT0010) { ... } */
#define MKT_TEST(name) \
    static void name##_inside(void *arg); \
    static void name(void **state) \
    { \
        (void)state; \
        mkt_run(name##_inside, NULL); \
    } \
    static void name##_inside(void *arg)

#endif
