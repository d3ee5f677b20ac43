/* SPDX-License-Identifier: BSD-2-Clause */
/* Plugins: what is refused, what a loaded one gets, and how it goes. */
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "plugins/service.h"
#include "stress.h"

#ifndef PLUGIN_DIR
#error "PLUGIN_DIR is the folder of the test plugins"
#endif
#define PLUGIN(name) PLUGIN_DIR "/" name ".so"

/* ---- files ---- */

static char folder[] = "/tmp/mk-test-plugin-XXXXXX";
static char path_buffer[128];

static const char *in_folder(const char *name)
{
    snprintf(path_buffer, sizeof(path_buffer), "%s/%s", folder, name);
    return path_buffer;
}

static const char *write_file(const char *name, const void *bytes, size_t size)
{
    const char *path = in_folder(name);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
    return path;
}

static unsigned char *read_file(const char *path, size_t *sizep)
{
    struct stat info;
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    assert_int_equal(fstat(fileno(file), &info), 0);
    unsigned char *bytes = malloc((size_t)info.st_size + 1);
    assert_non_null(bytes);
    *sizep = fread(bytes, 1, (size_t)info.st_size, file);
    assert_int_equal(*sizep, info.st_size);
    fclose(file);
    return bytes;
}

static int folder_make(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int folder_remove(void **state)
{
    (void)state;
    static const char *const names[] = {"file.so", "fifo.so"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        unlink(in_folder(names[i]));
    return rmdir(folder);
}

/* ---- what is refused ---- */

static void check_refused(const char *path, mk_err_t expected, const char *what, const char *advice)
{
    char why[256] = "";
    mk_err_t err = mk_plugin_check(path, why, sizeof(why));
    if (err == expected && strstr(why, what) && strstr(why, advice) && !strchr(why, '\n'))
        return;
    print_error("%s: %s: \"%s\"; expected %s with \"%s\" and \"%s\"\n", path, mk_err_name(err), why,
                mk_err_name(expected), what, advice);
    fail();
}

/* PLUGIN0010: plugins that use what a server must not are refused by its name, with what to use instead. */
static void PLUGIN0010(void **state)
{
    (void)state;
    static const struct {
        const char *name, *what, *advice;
    } kinds[] = {
        {"tls", "per_thread", "each instance has its own"},
        {"static_tls", "thread-local", "each instance has its own"},
        {"constructor", "constructor", "start"},
        {"destructor", "destructor", "stop"},
        {"pthread_mutex_lock", "pthread_mutex_lock", "a port"},
        {"pthread_create", "pthread_create", "mk_thread_create"},
        {"fork", "fork", "mk_task_create"},
        {"execve", "execve", "mk_task_load"},
        {"system", "system", "mk_task_load"},
        {"signal", "signal", "message"},
        {"sigaction", "sigaction", "message"},
        {"sleep", "sleep", "mk_time_sleep"},
        {"nanosleep", "nanosleep", "mk_time_sleep"},
        {"poll", "poll", "mk_receive"},
        {"getline", "getline", "fgets"},
    };
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        char path[512];
        snprintf(path, sizeof(path), "%s/refused_%s.so", PLUGIN_DIR, kinds[i].name);
        check_refused(path, MK_E_PLUGIN_REFUSED, kinds[i].what, kinds[i].advice);
    }
}

/* PLUGIN0011: a missing descriptor and one of another version have answers of their own. */
static void PLUGIN0011(void **state)
{
    (void)state;
    check_refused(PLUGIN("refused_no_descriptor"), MK_E_PLUGIN_FILE, "mk_server_entry", "MK_SERVER_EXPORT");
    check_refused(PLUGIN("refused_wrong_abi"), MK_E_PLUGIN_ABI, "ABI", "MK_SERVER_ABI");
    assert_int_equal(mk_plugin_check(PLUGIN("refused_none"), NULL, 0), MK_OK);
    assert_int_equal(mk_plugin_check(PLUGIN("service"), NULL, 0), MK_OK);
    assert_int_equal(mk_plugin_check(PLUGIN("tool"), NULL, 0), MK_OK);
}

/* PLUGIN0012: files that are no shared objects at all are told apart from damaged ones only in words. */
static void PLUGIN0012(void **state)
{
    (void)state;
    check_refused(write_file("file.so", "", 0), MK_E_PLUGIN_FILE, "", "");
    check_refused(write_file("file.so", "hello, world\n", 13), MK_E_PLUGIN_FILE, "ELF", "shared object");
    check_refused(write_file("file.so", "!<arch>\n", 8), MK_E_PLUGIN_FILE, "", "");
    check_refused(write_file("file.so", "\177ELF", 4), MK_E_PLUGIN_FILE, "", "");
    check_refused("/tmp", MK_E_PLUGIN_FILE, "", "");
    check_refused("/nonexistent/file.so", MK_E_PLUGIN_FILE, "No such file", "");
    check_refused("", MK_E_PLUGIN_FILE, "", "");
    check_refused("/dev/null", MK_E_PLUGIN_FILE, "", "");
    const char *fifo = in_folder("fifo.so");
    assert_int_equal(mkfifo(fifo, 0600), 0);
    check_refused(fifo, MK_E_PLUGIN_FILE, "", "");
}

/* PLUGIN0013: every refusal says why, also in a few bytes. */
static void PLUGIN0013(void **state)
{
    (void)state;
    char why[8] = "1234567";
    assert_int_equal(mk_plugin_check(PLUGIN("refused_fork"), why, 5), MK_E_PLUGIN_REFUSED);
    assert_string_equal(why, "uses");
    assert_int_equal(why[5], '6');
    assert_int_equal(mk_plugin_check(PLUGIN("refused_fork"), why, 0), MK_E_PLUGIN_REFUSED);
    assert_int_equal(mk_plugin_check(PLUGIN("refused_fork"), NULL, 100), MK_E_PLUGIN_REFUSED);
}

/* PLUGIN0014: a plugin of another class, byte order, processor or type is refused. */
static void PLUGIN0014(void **state)
{
    (void)state;
    static const struct {
        size_t at;
        unsigned char byte;
        const char *what;
    } changes[] = {
        {4, 1, ""},               /* 32 bits */
        {5, 2, ""},               /* the other byte order */
        {18, 183, "processor"},   /* aarch64 */
        {18, 3, "processor"},     /* i386 */
        {16, 2, "shared object"}, /* an executable */
        {16, 1, "shared object"}, /* an object file */
    };
    size_t size;
    unsigned char *bytes = read_file(PLUGIN("service"), &size);
    for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
        unsigned char old = bytes[changes[i].at];
        bytes[changes[i].at] = changes[i].byte;
        check_refused(write_file("file.so", bytes, size), MK_E_PLUGIN_FILE, changes[i].what, "");
        bytes[changes[i].at] = old;
    }
    free(bytes);
}

/* The answer for a file of damaged bytes: any, but with a reason. */
static mk_err_t check_damaged(const unsigned char *bytes, size_t size, const char *what, unsigned long long which)
{
    char why[512] = "";
    mk_err_t err = mk_plugin_check(write_file("file.so", bytes, size), why, sizeof(why));
    bool is_known = err == MK_OK || err == MK_E_PLUGIN_FILE || err == MK_E_PLUGIN_ABI || err == MK_E_PLUGIN_REFUSED;
    if (!is_known || (err && !why[0]))
        fail_msg("%s %llu: %s \"%s\"", what, which, mk_err_name(err), why);
    return err;
}

/* PLUGIN0015: a plugin cut off at any length never crashes the check; cut in its headers it is refused. */
static void PLUGIN0015(void **state)
{
    (void)state;
    size_t size;
    unsigned char *bytes = read_file(PLUGIN("service"), &size);
    for (size_t n = 0; n < size; n += n < 4096 ? 7 : 331) {
        mk_err_t err = check_damaged(bytes, n, "length", n);
        if (n < 1024)
            assert_int_not_equal(err, MK_OK);
    }
    free(bytes);
}

#define NR_MUTATIONS stress_env("MK_STRESS_MUTATIONS", 2000)

/* PLUGIN0016: flipped bytes anywhere in a plugin never crash the check. */
static void PLUGIN0016(void **state)
{
    (void)state;
    size_t size;
    unsigned char *bytes = read_file(PLUGIN("service"), &size);
    unsigned char *damaged = malloc(size);
    unsigned nr_refused = 0;
    assert_non_null(damaged);
    for (uint64_t seed = 1; seed <= NR_MUTATIONS; seed++) {
        uint64_t random = seed;
        uint32_t n = 1 + stress_below(&random, 8);
        uint32_t range = seed % 2 ? 4096 : (uint32_t)size; /* the headers are near the beginning and at the end */
        uint32_t start = seed % 4 == 1 ? (uint32_t)size - range : 0;
        memcpy(damaged, bytes, size);
        for (uint32_t i = 0; i < n; i++) {
            size_t at = start + stress_below(&random, range);
            damaged[at] = stress_below(&random, 3) ? (unsigned char)stress_random(&random) : 0xff;
        }
        nr_refused += check_damaged(damaged, size, "seed", seed) != MK_OK;
    }
    assert_true(nr_refused > NR_MUTATIONS / 10);
    free(damaged);
    free(bytes);
}

/* ---- machines with plugins ---- */

static void begin(struct mkt *t)
{
    const struct mk_machine_config config = {.memory_size = (uint64_t)256 << 20};
    mkt_begin(t, &config);
    t->expects_log = true;
}

static void check_log(const struct mkt *t, const char *line)
{
    if (!strstr(t->log, line)) {
        print_error("no \"%s\"\n", line);
        mkt_fail_with_log(t, "a line is missing");
    }
}

/* Load tool.so with these arguments, run, and return its exit code. */
static int tool_run(struct mkt *t, const char *args)
{
    char why[256] = "";
    int code = -1;
    const struct mk_load load = {.label = "tool", .path = PLUGIN("tool"), .args = args};
    mk_err_t err = mk_machine_load(t->machine, &load, NULL, why, sizeof(why));
    if (err)
        fail_msg("load: %s: %s", mk_err_name(err), why);
    assert_int_equal(mk_machine_run(t->machine, &code), MK_OK);
    return code;
}

/* ---- inside ---- */

static mk_name_t machine_port(void)
{
    mk_name_t machine;
    CHECK_OK(mk_task_get_special(mk_task_self(), MK_SPECIAL_MACHINE, &machine));
    return machine;
}

/* A service with a port that the caller holds a send right to. */
static mk_name_t service_start(const char *args, mk_name_t *taskp)
{
    char why[256] = "";
    mk_name_t port = mkt_port();
    struct mk_load load = {.label = "service", .path = PLUGIN("service"), .args = args, .service = port};
    mk_err_t err = mk_task_load(machine_port(), &load, taskp, why, sizeof(why));
    if (err)
        mk_log("load: %s: %s", mk_err_name(err), why);
    CHECK_OK(err);
    CHECK(mkt_type(port) == MK_RIGHT_SEND);
    return port;
}

/* Call an operation; the answer's status, or the call's error. */
static mk_err_t call_with(mk_name_t service, uint32_t id, void *body, size_t size, size_t *sizep)
{
    struct mk_msg msg = {.id = id, .body = body, .size = size, .capacity = 64};
    mk_err_t err = mk_call(service, &msg, MK_TIME_FOREVER);
    if (sizep)
        *sizep = msg.size;
    return err ? err : msg.status;
}

static int call_count(mk_name_t service)
{
    char body[64];
    int number;
    size_t size;
    CHECK_OK(call_with(service, SERVICE_COUNT, body, 0, &size));
    CHECK(size == sizeof(number));
    memcpy(&number, body, sizeof(number));
    return number;
}

static void run_inside(void (*entry)(void *), const char *const *lines)
{
    struct mkt t;
    begin(&t);
    mkt_spawn(&t, "test", entry, NULL, false);
    mkt_run_all(&t);
    for (; lines && *lines; lines++)
        check_log(&t, *lines);
    if (!lines)
        t.expects_log = false;
    mkt_finish(&t);
}

#define LINES(...) ((const char *const[]){__VA_ARGS__, NULL})

/* PLUGIN0020: instances of one file have globals of their own, fresh at each load. */
static void instances_main(void *arg)
{
    (void)arg;
    mk_name_t tasks[3], services[3];
    for (int i = 0; i < 3; i++)
        services[i] = service_start(NULL, &tasks[i]);
    for (int i = 0; i < 10; i++)
        CHECK(call_count(services[0]) == 41 + i);
    CHECK(call_count(services[1]) == 41);
    CHECK(call_count(services[2]) == 41);
    CHECK(call_count(services[1]) == 42);
    CHECK_OK(mk_task_terminate(tasks[0], 0));
    CHECK(call_count(services[1]) == 43);
    CHECK(call_count(service_start(NULL, &tasks[0])) == 41);
}

static void PLUGIN0020(void **state)
{
    (void)state;
    run_inside(instances_main, NULL);
}

/* PLUGIN0026: who comes after an instance that ended gets its place in memory, and fresh globals. */
static void PLUGIN0026(void **state)
{
    char first[64];
    struct mkt t, other;
    (void)state;
    begin(&t);
    assert_int_equal(tool_run(&t, "globals"), 0);
    snprintf(first, sizeof(first), "%.63s", t.log);
    for (int i = 0; i < 3; i++) {
        t.log_used = 0;
        assert_int_equal(tool_run(&t, "globals"), 0);
        assert_string_equal(t.log, first);
    }
    begin(&other);
    mkt_finish(&t);
    assert_int_equal(tool_run(&other, "globals"), 0);
    assert_string_equal(other.log, first);
    mkt_finish(&other);
}

/* PLUGIN0027: a file that has changed is checked and loaded anew. */
static void PLUGIN0027(void **state)
{
    size_t size;
    char why[256];
    unsigned char *bytes = read_file(PLUGIN("tool"), &size);
    const struct mk_load load = {.label = "tool", .path = write_file("file.so", bytes, size), .args = "globals"};
    struct mkt t;
    int code = -1;
    (void)state;
    begin(&t);
    assert_int_equal(mk_machine_load(t.machine, &load, NULL, why, sizeof(why)), MK_OK);
    assert_int_equal(mk_machine_run(t.machine, &code), MK_OK);
    assert_int_equal(code, 0);
    write_file("file.so", "hello, world\n", 13);
    assert_int_equal(mk_machine_load(t.machine, &load, NULL, why, sizeof(why)), MK_E_PLUGIN_FILE);
    write_file("file.so", bytes, size);
    assert_int_equal(mk_machine_load(t.machine, &load, NULL, why, sizeof(why)), MK_OK);
    assert_int_equal(mk_machine_run(t.machine, &code), MK_OK);
    assert_int_equal(code, 0);
    free(bytes);
    mkt_finish(&t);
}

/* PLUGIN0021: the loop answers small bodies, unknown operations and errors itself, and drops their rights. */
static void loop_main(void *arg)
{
    (void)arg;
    mk_name_t task, service = service_start(NULL, &task), extra = mkt_port();
    char body[64] = "12345678";
    size_t size;
    CHECK_ERR(call_with(service, SERVICE_ECHO, body, 7, &size), MK_E_MSG_TOO_SMALL);
    CHECK(size == 0);
    CHECK_ERR(call_with(service, SERVICE_ECHO, body, 0, NULL), MK_E_MSG_TOO_SMALL);
    CHECK_OK(call_with(service, SERVICE_ECHO, body, 8, &size));
    CHECK(size == 8 && memcmp(body, "12345678", 8) == 0);
    CHECK_ERR(call_with(service, 12345, body, 8, &size), MK_E_MSG_ID);
    CHECK_ERR(call_with(service, MK_NOTIFY_ID + MK_NOTIFY_DEAD_NAME, body, 40, &size),
              MK_E_MSG_ID); /* a forged notice */
    CHECK_ERR(call_with(service, SERVICE_REFUSE, body, 8, &size), MK_E_NO_ACCESS);
    CHECK(size == 0);
    struct mk_msg_right right = {extra, MK_COPY_SEND};
    struct mk_msg msg = {.id = 12345, .rights = &right, .nr_rights = 1};
    CHECK_OK(mk_call(service, &msg, MK_TIME_FOREVER));
    struct mk_port_state port;
    CHECK_OK(mk_port_state(extra, &port));
    CHECK(msg.status == MK_E_MSG_ID && port.nr_send == 1);
    CHECK(call_count(service) == 41);
}

static void PLUGIN0021(void **state)
{
    (void)state;
    run_inside(loop_main, NULL);
}

struct waiter {
    mk_name_t service;
    int number;
};

static void waiter_main(void *arg)
{
    struct waiter *waiter = arg;
    char body[64];
    size_t size;
    CHECK_OK(call_with(waiter->service, SERVICE_DEFER, body, 0, &size));
    CHECK(size == sizeof(waiter->number));
    memcpy(&waiter->number, body, sizeof(waiter->number));
}

/* PLUGIN0022: a handler that defers keeps the caller waiting, and may answer several later in any order. */
static void defer_main(void *arg)
{
    (void)arg;
    mk_name_t task, service = service_start(NULL, &task), threads[3];
    struct waiter waiters[3];
    char body[64];
    unsigned n;
    for (int i = 0; i < 3; i++) {
        waiters[i] = (struct waiter){.service = service};
        threads[i] = mkt_thread(waiter_main, &waiters[i]);
        mk_thread_yield();
    }
    CHECK(call_count(service) == 41);
    CHECK(waiters[0].number == 0 && waiters[2].number == 0);
    CHECK_OK(call_with(service, SERVICE_ANSWER, body, 0, NULL));
    memcpy(&n, body, sizeof(n));
    CHECK(n == 3);
    for (int i = 0; i < 3; i++) {
        CHECK_OK(mk_thread_join(threads[i], MK_TIME_FOREVER));
        CHECK(waiters[i].number == i + 1);
    }
}

static void PLUGIN0022(void **state)
{
    (void)state;
    run_inside(defer_main, NULL);
}

/* PLUGIN0023: exit, abort and assert in a handler end that task only; its caller gets MK_E_DEAD. */
static void die_main(void *arg)
{
    (void)arg;
    static const struct {
        uint32_t id;
        int code;
    } ways[] = {{SERVICE_EXIT, 7}, {SERVICE_ABORT, 128 + SIGABRT}, {SERVICE_ASSERT, 128 + SIGABRT}};
    mk_name_t task, other = service_start(NULL, &task);
    for (int i = 0; i < 3; i++) {
        char body[64];
        int code = 0;
        mk_name_t service = service_start(NULL, &task);
        CHECK_ERR(call_with(service, ways[i].id, body, 0, NULL), MK_E_DEAD);
        CHECK_OK(mk_task_wait(task, &code, MK_TIME_FOREVER));
        CHECK(code == ways[i].code);
        CHECK_ERR(call_with(service, SERVICE_COUNT, body, 0, NULL), MK_E_DEAD);
        CHECK(call_count(other) == 41 + i);
    }
}

static void PLUGIN0023(void **state)
{
    (void)state;
    run_inside(die_main, LINES("[service] ", "ended its task: exit of a server, with status 7",
                               "assertion failed: counter == 0", "ended its task: abort"));
}

/* PLUGIN0024: mk_server_stop answers the last call and calls stop; a start that fails ends the task with 1. */
static void stop_main(void *arg)
{
    (void)arg;
    char body[64];
    int code = 99;
    mk_name_t task, service = service_start(NULL, &task);
    CHECK(call_count(service) == 41);
    CHECK_OK(call_with(service, SERVICE_STOP, body, 0, NULL));
    CHECK_OK(mk_task_wait(task, &code, MK_TIME_FOREVER));
    CHECK(code == 0);
    service = service_start("fail", &task);
    CHECK_OK(mk_task_wait(task, &code, MK_TIME_FOREVER));
    CHECK(code == 1);
    CHECK_ERR(call_with(service, SERVICE_COUNT, body, 0, NULL), MK_E_DEAD);
}

static void PLUGIN0024(void **state)
{
    (void)state;
    run_inside(stop_main, LINES("[service] stopped at 41", "MK_E_NO_ROOM"));
}

/* PLUGIN0025: a load that is refused says why, changes nothing, and leaves the service port with its holder. */
static void refused_main(void *arg)
{
    (void)arg;
    char why[200] = "";
    mk_name_t task = 1, machine = machine_port(), port = mkt_port();
    struct mk_load load = {.path = PLUGIN("refused_fork"), .service = port};
    uint32_t nr_names = mkt_nr_names();
    CHECK_ERR(mk_task_load(machine, &load, &task, why, sizeof(why)), MK_E_PLUGIN_REFUSED);
    CHECK(strstr(why, "fork") != NULL);
    load.path = PLUGIN("refused_wrong_abi");
    CHECK_ERR(mk_task_load(machine, &load, &task, why, 4), MK_E_PLUGIN_ABI);
    CHECK(strlen(why) == 3);
    load.path = "/nonexistent.so";
    CHECK_ERR(mk_task_load(machine, &load, &task, NULL, 0), MK_E_PLUGIN_FILE);
    load.path = PLUGIN("service");
    CHECK_ERR(mk_task_load(mk_task_self(), &load, &task, why, sizeof(why)), MK_E_BAD_RIGHT);
    load.label = "a label that is longer than a label may be";
    CHECK_ERR(mk_task_load(machine, &load, &task, why, sizeof(why)), MK_E_TOO_LONG);
    CHECK(mkt_nr_names() == nr_names);
    CHECK(mkt_type(port) == (MK_RIGHT_SEND | MK_RIGHT_RECEIVE));
    struct mk_msg msg = {.capacity = 0};
    CHECK_ERR(mk_receive(port, &msg, MK_TIME_POLL), MK_E_WOULD_BLOCK);
}

static void PLUGIN0025(void **state)
{
    (void)state;
    run_inside(refused_main, NULL);
}

/* ---- a plugin's own main ---- */

/* PLUGIN0030: arguments are split at blanks; quotes and backslashes protect them. */
static void PLUGIN0030(void **state)
{
    (void)state;
    static const struct {
        const char *args;
        const char *words[6];
    } cases[] = {
        {"args one two", {"args", "one", "two"}},
        {"  args \t one\n two  ", {"args", "one", "two"}},
        {"args 'one two' \"three  four\"", {"args", "one two", "three  four"}},
        {"args a'b c'd \"\" ''", {"args", "ab cd", "", ""}},
        {"args one\\ two \\\" \\\\", {"args", "one two", "\"", "\\"}},
        {"args 'it is \\' \"a\\\"b\"", {"args", "it is \\", "a\"b"}},
        {"args \"it's\" 'say \"x\"'", {"args", "it's", "say \"x\""}},
        {"args end\\", {"args", "end\\"}},
        {"", {NULL}},
        {"   ", {NULL}},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char expected[1024] = "[tool] arg 0 <tool>\n";
        struct mkt t;
        begin(&t);
        assert_int_equal(tool_run(&t, cases[i].args), 0);
        for (int k = 0; k < 6 && cases[i].words[k]; k++)
            sprintf(expected + strlen(expected), "[tool] arg %d <%s>\n", k + 1, cases[i].words[k]);
        assert_string_equal(t.log, expected);
        mkt_finish(&t);
    }
}

/* PLUGIN0031: exit, _exit and return give the task's exit code, abort and a failed assert 134. */
static void PLUGIN0031(void **state)
{
    (void)state;
    static const struct {
        const char *args;
        int code;
        const char *line;
    } cases[] = {
        {"exit 3", 3, ""},
        {"_exit 4", 4, ""},
        {"return 5", 5, ""},
        {"return 0", 0, ""},
        {"abort", 134, "[tool] thread 1 ended its task: abort"},
        {"assert", 134, "assertion failed: argc == 99"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct mkt t;
        begin(&t);
        assert_int_equal(tool_run(&t, cases[i].args), cases[i].code);
        check_log(&t, cases[i].line);
        mkt_finish(&t);
    }
}

/* PLUGIN0032: what is printed arrives in the log line by line, long lines and a last one without its end too. */
static void PLUGIN0032(void **state)
{
    (void)state;
    struct mkt t;
    begin(&t);
    assert_int_equal(tool_run(&t, "lines"), 0);
    assert_ptr_equal(strstr(t.log, "[tool] first 1\n[tool] second two\n[tool] third\n[tool] f4\n[tool] \n[tool]  "),
                     t.log);
    check_log(&t, " 7|\n");
    check_log(&t, "[tool] no newline at the end\n");
    mkt_finish(&t);
}

#define NR_HEAP_SEEDS STRESS_SIZE(20u, 5u)

/* PLUGIN0040: malloc and its kin keep contents, alignment and distance through random use, and all memory goes back. */
static void PLUGIN0040(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed <= NR_HEAP_SEEDS; seed++) {
        char args[64];
        struct mk_machine_stats stats;
        struct mkt t;
        begin(&t);
        snprintf(args, sizeof(args), "heap %u %u", seed, STRESS_SIZE(5000u, 1000u));
        if (tool_run(&t, args) != 0)
            mkt_fail_with_log(&t, args);
        assert_int_equal(mk_machine_stats(t.machine, &stats), MK_OK);
        assert_int_equal(stats.memory_used, 0);
        mkt_finish(&t);
    }
}

/* PLUGIN0041: strdup, strndup, and sizes that cannot be had. */
static void PLUGIN0041(void **state)
{
    (void)state;
    struct mkt t;
    begin(&t);
    assert_int_equal(tool_run(&t, "strings"), 0);
    t.expects_log = false;
    mkt_finish(&t);
}

static void bystander_main(void *arg)
{
    for (int i = 0; i < 100; i++) {
        void *p = mk_malloc(100);
        CHECK(p != NULL);
        CHECK_OK(mk_time_sleep(mk_time_now() + MK_MSEC));
        mk_free(p);
    }
    *(int *)arg = 1;
}

static void check_broken(const char *how)
{
    char args[64];
    int is_done = 0, code = 0;
    struct mkt t;
    begin(&t);
    mkt_spawn(&t, "bystander", bystander_main, &is_done, false);
    snprintf(args, sizeof(args), "broken %s", how);
    code = tool_run(&t, args);
    if (code != 128 + SIGABRT && code != 128 + SIGSEGV) {
        print_error("%s: exit code %d\n", how, code);
        mkt_fail_with_log(&t, "the wrong free was not noticed");
    }
    assert_int_equal(is_done, 1);
    check_log(&t, "[tool] ");
    mkt_finish(&t);
}

/* PLUGIN0042: a block freed twice, or freed that is none, ends the task with a line in the log, and only that task. */
static void PLUGIN0042(void **state)
{
    (void)state;
    static const char *const ways[] = {"twice", "twice-large", "inside", "odd", "static", "realloc-freed"};
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
        check_broken(ways[i]);
}

/* PLUGIN0043: the same for an aligned block. */
static void PLUGIN0043(void **state)
{
    (void)state;
    check_broken("twice-aligned");
}

/* PLUGIN0044: a function that gives a block to free either works in a plugin or is refused by name before it runs. */
static void PLUGIN0044(void **state)
{
    (void)state;
    static const char *const kinds[] = {"strdup",   "realpath",     "getcwd",        "get_current_dir_name",
                                        "wcsdup",   "reallocarray", "valloc",        "asprintf",
                                        "getdelim", "scandir",      "open_memstream"};
    unsigned nr_wrong = 0;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        char path[512], why[256] = "";
        int code = 0;
        struct mkt t;
        const struct mk_load load = {.label = "owned", .path = path};
        snprintf(path, sizeof(path), "%s/owned_%s.so", PLUGIN_DIR, kinds[i]);
        begin(&t);
        mk_err_t err = mk_machine_load(t.machine, &load, NULL, why, sizeof(why));
        if (!err)
            assert_int_equal(mk_machine_run(t.machine, &code), MK_OK);
        bool is_well = err ? err == MK_E_PLUGIN_REFUSED && strstr(why, kinds[i]) : code == 0;
        if (!is_well)
            print_error("%s: %s \"%s\", exit code %d\n%s", kinds[i], mk_err_name(err), why, code, t.log);
        nr_wrong += !is_well;
        mkt_finish(&t);
    }
    assert_int_equal(nr_wrong, 0);
}

/* ---- again and again ---- */

static void cycle_main(void *arg)
{
    for (unsigned i = 0; i < *(unsigned *)arg; i++) {
        mk_name_t task, service = service_start(NULL, &task);
        CHECK(call_count(service) == 41);
        CHECK_OK(mk_task_terminate(task, 0));
        CHECK_OK(mk_right_release(task));
        CHECK_OK(mk_right_release(service));
    }
}

static void cycles(unsigned nr)
{
    struct mkt t;
    for (unsigned i = 0; i < nr / 2; i++) { /* each in a machine of its own */
        begin(&t);
        assert_int_equal(tool_run(&t, "strings"), 0);
        mkt_finish(&t);
    }
    begin(&t);
    unsigned nr_inside = nr / 2;
    mkt_spawn(&t, "cycles", cycle_main, &nr_inside, false);
    mkt_run_all(&t);
    mkt_finish(&t);
}

/* PLUGIN0050: 300 loads and unloads leave memory, mappings, descriptors and /dev/shm as they were. */
static void PLUGIN0050(void **state)
{
    (void)state;
    cycles(20);
    struct stress_usage before = stress_usage();
    cycles(300);
    stress_compare(before, stress_usage(), 2 << 20, 2);
    assert_int_equal(stress_usage().shm_files, 0);
}

static int load_often(unsigned nr)
{
    const struct mk_load load = {.label = "service", .path = PLUGIN("service")};
    bool is_good = true;
    for (unsigned i = 0; i < nr && is_good; i++) {
        struct mk_machine *machine;
        is_good = mk_machine_create(NULL, &machine) == MK_OK;
        is_good = is_good && mk_machine_load(machine, &load, NULL, NULL, 0) == MK_OK;
        mk_machine_destroy(machine);
    }
    return is_good ? 0 : 1;
}

/* PLUGIN0051: processes that load and unload at the same time do not take each other's folders away. */
static void PLUGIN0051(void **state)
{
    (void)state;
    pid_t children[4];
    int nr_failed = 0, status;
    for (size_t i = 0; i < sizeof(children) / sizeof(children[0]); i++) {
        children[i] = fork();
        assert_true(children[i] >= 0);
        if (children[i] == 0)
            _exit(load_often(STRESS_SIZE(400, 50)));
    }
    for (size_t i = 0; i < sizeof(children) / sizeof(children[0]); i++) {
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        nr_failed += status != 0;
    }
    assert_int_equal(nr_failed, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(PLUGIN0010), cmocka_unit_test(PLUGIN0011), cmocka_unit_test(PLUGIN0012),
        cmocka_unit_test(PLUGIN0013), cmocka_unit_test(PLUGIN0014), cmocka_unit_test(PLUGIN0015),
        cmocka_unit_test(PLUGIN0016), cmocka_unit_test(PLUGIN0020), cmocka_unit_test(PLUGIN0021),
        cmocka_unit_test(PLUGIN0022), cmocka_unit_test(PLUGIN0023), cmocka_unit_test(PLUGIN0024),
        cmocka_unit_test(PLUGIN0025), cmocka_unit_test(PLUGIN0026), cmocka_unit_test(PLUGIN0027),
        cmocka_unit_test(PLUGIN0030), cmocka_unit_test(PLUGIN0031), cmocka_unit_test(PLUGIN0032),
        cmocka_unit_test(PLUGIN0040), cmocka_unit_test(PLUGIN0041), cmocka_unit_test(PLUGIN0042),
        cmocka_unit_test(PLUGIN0043), cmocka_unit_test(PLUGIN0044), cmocka_unit_test(PLUGIN0050),
        cmocka_unit_test(PLUGIN0051),
    };
    cmocka_set_test_filter(getenv("MK_STRESS_TEST")); /* one of them, to look closer */
    return cmocka_run_group_tests(tests, folder_make, folder_remove);
}
