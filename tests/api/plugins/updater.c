/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A client of "versioned" that has it updated. Arguments, done in turn, with what comes of it in the log:
 *   call N        N calls, whose counts must go up by one each
 *   fail          ends with exit code 3
 *   until V       calls, one each millisecond, until version V answers
 *   update FILE   ask the supervisor
 *   other NAME FILE   the same for another server
 *   keep, kept    have a right kept; it must come back
 *   wait N        another thread waits until N were counted, and says which version told it
 *   end           has the server end soon, and forgets its counts
 *   look NAME     what the server gets when it looks the name up, or with + registers it
 *   load N        N updates while another thread calls without a pause: to the two files behind it in turn, and each
 *                 tenth to one of the two behind these, which fail
 */
#include <mk/mk.h>

#include <stdlib.h>
#include <string.h>

#include "servers/supervisor/supervisor_proto.h"
#include "versioned.h"

static mk_name_t versioned, supervisor;
static uint64_t last_count; /* of the calls that were answered */
static uint32_t first_sum;
static bool is_over;

static void fail(const char *what, mk_err_t err)
{
    mk_log("%s: %s", what, mk_err_name(err));
    mk_task_exit(1);
}

/* One call, again if its server crashed with it in hand: it crashes before it counts. */
static uint32_t call(void)
{
    struct versioned_count answer;
    struct mk_msg msg;
    mk_err_t err;
    do {
        msg = (struct mk_msg){.id = VERSIONED_COUNT, .body = &answer, .capacity = sizeof(answer)};
        err = mk_call(versioned, &msg, MK_TIME_FOREVER);
    } while (err == MK_E_DEAD);
    if (err || msg.status)
        fail("call", err ? err : msg.status);
    if (last_count && answer.count != last_count + 1)
        mk_log("count %llu after %llu", (unsigned long long)answer.count, (unsigned long long)last_count);
    if (first_sum && answer.sum != first_sum)
        mk_log("the large piece is not what it was");
    first_sum = answer.sum;
    last_count = answer.count;
    return answer.version;
}

static void calls(unsigned n)
{
    uint32_t version = 0;
    for (unsigned i = 0; i < n; i++)
        version = call();
    mk_log("version %u, count %llu", version, (unsigned long long)last_count);
}

static void calls_until(uint32_t version)
{
    while (call() != version)
        if (mk_time_sleep(mk_time_now() + MK_MSEC) != MK_OK)
            fail("sleep", MK_E_ABORTED);
    mk_log("version %u serves", version);
}

static mk_err_t update(const char *name, const char *path)
{
    char body[600];
    struct mk_msg msg = {.id = SUPERVISOR_UPDATE, .body = body, .capacity = sizeof(body)};
    size_t n = strlen(name) + 1;
    strcpy(body, name);
    strcpy(body + n, path);
    msg.size = n + strlen(path);
    mk_err_t err = mk_call(supervisor, &msg, MK_TIME_FOREVER);
    return err ? err : msg.status;
}

static void waiter(void *arg)
{
    union {
        uint64_t awaited;
        struct versioned_count count;
    } body = {.awaited = (uintptr_t)arg};
    struct mk_msg msg = {.id = VERSIONED_WAIT, .body = &body, .size = sizeof(uint64_t), .capacity = sizeof(body)};
    mk_err_t err = mk_call(versioned, &msg, MK_TIME_FOREVER);
    if (err || msg.status)
        fail("wait", err ? err : msg.status);
    mk_log("waited for count %llu, told by version %u", (unsigned long long)body.count.count, body.count.version);
}

static void wait_for(uintptr_t count)
{
    const struct mk_thread_attr attr = {.entry = waiter, .arg = (void *)count};
    if (mk_thread_create(mk_task_self(), &attr, NULL) != MK_OK)
        fail("thread", MK_E_NO_MEMORY);
    mk_thread_yield();
}

static void end(void)
{
    struct mk_msg msg = {.id = VERSIONED_END};
    mk_err_t err = mk_send(versioned, &msg, MK_TIME_FOREVER);
    if (err)
        fail("end", err);
    last_count = 0;
}

static void look(char *name)
{
    struct mk_msg msg = {.id = VERSIONED_LOOK, .body = name, .size = strlen(name)};
    mk_err_t err = mk_call(versioned, &msg, MK_TIME_FOREVER);
    mk_log("%s: %s", name, mk_err_name(err ? err : msg.status));
}

static void keep(uint32_t id, mk_name_t port)
{
    struct mk_msg_right right = {.name = port, .how = MK_MAKE_SEND};
    struct mk_msg msg = {.id = id, .rights = &right, .nr_rights = id == VERSIONED_KEEP, .max_rights = 1};
    mk_err_t err = mk_call(versioned, &msg, MK_TIME_FOREVER);
    if (err || msg.status)
        fail("keep", err ? err : msg.status);
    if (id == VERSIONED_KEPT)
        mk_log("kept: %s", msg.nr_rights == 1 && right.name == port ? "the same" : "another");
}

static void caller(void *arg)
{
    (void)arg;
    while (!is_over)
        call();
}

static void load(unsigned n, char **files)
{
    const struct mk_thread_attr attr = {.entry = caller, .priority = MK_PRIO_DEFAULT - 1};
    mk_name_t thread;
    unsigned nr_good = 0, nr_bad = 0;
    mk_err_t err = mk_thread_create(mk_task_self(), &attr, &thread);
    if (err)
        fail("thread", err);
    for (unsigned i = 0; i < n; i++) {
        bool is_bad = i % 10 == 9;
        err = update("versioned", files[is_bad ? 2 + i / 10 % 2 : i % 2]);
        nr_good += err == MK_OK;
        nr_bad += err != MK_OK;
        if (mk_time_sleep(mk_time_now() + MK_MSEC) != MK_OK) /* the probation ends */
            fail("sleep", MK_E_ABORTED);
    }
    is_over = true;
    if (mk_thread_join(thread, MK_TIME_FOREVER) != MK_OK)
        fail("join", MK_E_ABORTED);
    mk_log("updates: %u done, %u refused", nr_good, nr_bad);
}

static int main_of_updater(int argc, char **argv)
{
    mk_name_t port;
    if (mk_name_lookup("versioned", MK_TIME_FOREVER, &versioned) ||
        mk_name_lookup("supervisor", MK_TIME_FOREVER, &supervisor) || mk_port_create(&port) ||
        mk_right_make(port, MK_RIGHT_SEND, 0, NULL))
        return 1;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "call") == 0)
            calls((unsigned)atoi(argv[++i]));
        else if (strcmp(argv[i], "fail") == 0) {
            mk_log("ends with 3");
            mk_task_exit(3);
        } else if (strcmp(argv[i], "until") == 0)
            calls_until((uint32_t)atoi(argv[++i]));
        else if (strcmp(argv[i], "update") == 0)
            mk_log("update: %s", mk_err_name(update("versioned", argv[++i])));
        else if (strcmp(argv[i], "other") == 0) {
            mk_log("update of %s: %s", argv[i + 1], mk_err_name(update(argv[i + 1], argv[i + 2])));
            i += 2;
        } else if (strcmp(argv[i], "look") == 0)
            look(argv[++i]);
        else if (strcmp(argv[i], "end") == 0)
            end();
        else if (strcmp(argv[i], "wait") == 0)
            wait_for((uintptr_t)atoi(argv[++i]));
        else if (strcmp(argv[i], "keep") == 0)
            keep(VERSIONED_KEEP, port);
        else if (strcmp(argv[i], "kept") == 0)
            keep(VERSIONED_KEPT, port);
        else if (strcmp(argv[i], "sleep") == 0)
            (void)!mk_time_sleep(mk_time_now() + MK_SEC);
        else if (strcmp(argv[i], "load") == 0) {
            load((unsigned)atoi(argv[i + 1]), argv + i + 2);
            i += 5;
        }
    }
    mk_task_exit(0);
}

static const struct mk_server updater = {.abi = MK_SERVER_ABI, .main = main_of_updater};

MK_SERVER_EXPORT(updater);
