/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Random kernel calls from several tasks with several threads each. What a call
 * may answer is taken from the headers; the audit counts everything again and
 * again; and the same seed must give the same run.
 *
 * A world is one machine. Its overseer ends it after the given number of steps
 * and replaces tasks that ended. Its market passes rights on between tasks: it
 * takes up to eight with each call, keeps them, and hands out others, the right
 * to answer a call among them.
 */
#include "stress.h"

#define NR_NAMES   48
#define NR_TEAMS   48
#define NR_WORKERS 512
#define BAG_MAX    96
#define MAX_RIGHTS 8

enum table { ANY, TASKS, THREADS, NR_TABLES };

struct world;

struct team { /* one task's memory of names, valid and stale */
    struct world *world;
    mk_name_t names[NR_TABLES][NR_NAMES];
};

struct worker {
    struct team *team;
    uint64_t random;
};

struct world {
    uint64_t seed, random;
    unsigned steps, max_steps;
    unsigned fail_every; /* kernel allocations, about; 0: none fails */
    bool is_failing;
    bool is_wrong;
    unsigned nr_teams, nr_workers;
    struct team teams[NR_TEAMS];
    struct worker workers[NR_WORKERS];
    mk_name_t market;
    struct mk_msg_right bag[BAG_MAX]; /* with the dispositions to send them on */
    unsigned nr_bag;
};

static unsigned nr_done[64]; /* of each operation, with success, in this process */

/* ---- errors ---- */

struct errors {
    mk_err_t codes[12];
};

#define ERRORS(...) (&(const struct errors){{__VA_ARGS__}})

/* Success, or one of the errors that the call's header names. */
static bool check(struct worker *w, const char *call, mk_err_t err, const struct errors *allowed)
{
    struct world *world = w->team->world;
    if (err == MK_OK)
        return true;
    for (int i = 0; i < 12 && allowed->codes[i]; i++)
        if (allowed->codes[i] == err)
            return false;
    if (err == MK_E_NO_MEMORY && world->fail_every)
        return false;
    mk_log("step %u: %s answered %s, which its header does not name", world->steps, call, mk_err_name(err));
    world->is_wrong = true;
    return false;
}

/* ---- names ---- */

static uint32_t below(struct worker *w, uint32_t n)
{
    return stress_below(&w->random, n);
}

static void keep(struct worker *w, enum table table, mk_name_t name)
{
    w->team->names[table][below(w, NR_NAMES)] = name;
}

static mk_name_t any_name(struct worker *w, enum table table)
{
    if (below(w, 16) == 0)
        table = (enum table)below(w, NR_TABLES);
    return below(w, 64) ? w->team->names[table][below(w, NR_NAMES)] : (mk_name_t)stress_random(&w->random);
}

/* A name that is likely to be of one of these types. */
static mk_name_t pick(struct worker *w, uint32_t types)
{
    mk_name_t name = MK_NAME_NULL;
    for (int i = 0; i < 6; i++) {
        struct mk_right_info info;
        name = any_name(w, ANY);
        if (mk_right_info(name, &info) == MK_OK && info.type & types)
            break;
    }
    return name;
}

static mk_time_t some_deadline(struct worker *w)
{
    return below(w, 3) == 0 ? MK_TIME_POLL : mk_time_now() + (mk_time_t)below(w, 100000);
}

/* ---- ports ---- */

static bool op_port_create(struct worker *w)
{
    mk_name_t name;
    bool is_ok = check(w, "mk_port_create", mk_port_create(&name), ERRORS(0));
    if (is_ok)
        keep(w, ANY, name);
    return is_ok;
}

static bool op_port_destroy(struct worker *w)
{
    return check(w, "mk_port_destroy", mk_port_destroy(pick(w, MK_RIGHT_RECEIVE)),
                 ERRORS(MK_E_BAD_NAME, MK_E_BAD_RIGHT));
}

static bool op_set_limit(struct worker *w)
{
    mk_err_t err = mk_port_set_limit(pick(w, MK_RIGHT_RECEIVE), below(w, 8) ? below(w, 6) : below(w, 2000));
    return check(w, "mk_port_set_limit", err, ERRORS(MK_E_BAD_NAME, MK_E_BAD_RIGHT, MK_E_BAD_ARGUMENT));
}

static bool op_port_state(struct worker *w)
{
    struct mk_port_state state;
    mk_err_t err = mk_port_state(pick(w, MK_RIGHT_RECEIVE), &state);
    return check(w, "mk_port_state", err, ERRORS(MK_E_BAD_NAME, MK_E_BAD_RIGHT));
}

static bool op_right_make(struct worker *w)
{
    mk_name_t name;
    enum mk_right_type type = below(w, 3) ? MK_RIGHT_SEND : MK_RIGHT_SEND_ONCE;
    mk_err_t err = mk_right_make(pick(w, MK_RIGHT_RECEIVE), type, below(w, 3), &name);
    bool is_ok = check(w, "mk_right_make", err,
                       ERRORS(MK_E_BAD_NAME, MK_E_BAD_RIGHT, MK_E_BAD_ARGUMENT, MK_E_OVERFLOW, MK_E_LIMIT_NAMES));
    if (is_ok)
        keep(w, ANY, name);
    return is_ok;
}

static bool op_retain(struct worker *w)
{
    mk_err_t err = mk_right_retain(pick(w, MK_RIGHT_SEND | MK_RIGHT_DEAD_NAME), below(w, 30) ? 1 + below(w, 3) : 40000);
    return check(w, "mk_right_retain", err, ERRORS(MK_E_BAD_NAME, MK_E_BAD_RIGHT, MK_E_BAD_ARGUMENT, MK_E_OVERFLOW));
}

static bool op_release(struct worker *w)
{
    mk_err_t err = mk_right_release(pick(w, MK_RIGHT_SEND | MK_RIGHT_SEND_ONCE | MK_RIGHT_DEAD_NAME));
    return check(w, "mk_right_release", err, ERRORS(MK_E_BAD_NAME, MK_E_BAD_RIGHT));
}

static bool op_notify(struct worker *w)
{
    enum mk_notify event = (enum mk_notify)(1 + below(w, 3));
    mk_name_t name = pick(w, event == MK_NOTIFY_DEAD_NAME ? MK_RIGHT_SEND | MK_RIGHT_SEND_ONCE : MK_RIGHT_RECEIVE);
    mk_name_t to = below(w, 6) ? pick(w, MK_RIGHT_RECEIVE | MK_RIGHT_SEND_ONCE) : MK_NAME_NULL;
    if (below(w, 8) == 0)
        name = any_name(w, below(w, 2) ? TASKS : THREADS);
    if (below(w, 30) == 0)
        event = (enum mk_notify)below(w, 6);
    mk_err_t err = mk_port_notify(name, event, below(w, 4), to);
    return check(w, "mk_port_notify", err, ERRORS(MK_E_BAD_NAME, MK_E_BAD_RIGHT, MK_E_BAD_ARGUMENT, MK_E_DEAD));
}

static bool op_set_create(struct worker *w)
{
    mk_name_t name;
    bool is_ok = check(w, "mk_portset_create", mk_portset_create(&name), ERRORS(MK_E_LIMIT_NAMES));
    if (is_ok)
        keep(w, ANY, name);
    return is_ok;
}

static bool op_set_destroy(struct worker *w)
{
    mk_err_t err = mk_portset_destroy(pick(w, MK_RIGHT_PORT_SET));
    return check(w, "mk_portset_destroy", err, ERRORS(MK_E_BAD_NAME, MK_E_BAD_RIGHT));
}

static bool op_set_add(struct worker *w)
{
    mk_err_t err = mk_portset_add(pick(w, MK_RIGHT_PORT_SET), pick(w, MK_RIGHT_RECEIVE));
    return check(w, "mk_portset_add", err,
                 ERRORS(MK_E_BAD_STATE, MK_E_CIRCULAR, MK_E_LIMIT_DEPTH, MK_E_BAD_NAME, MK_E_BAD_RIGHT));
}

static bool op_set_remove(struct worker *w)
{
    mk_err_t err = mk_portset_remove(pick(w, MK_RIGHT_PORT_SET), pick(w, MK_RIGHT_RECEIVE));
    return check(w, "mk_portset_remove", err, ERRORS(MK_E_BAD_STATE, MK_E_BAD_NAME, MK_E_BAD_RIGHT));
}

/* Know again what the task really holds; let go of some when it is much. */
static bool op_refresh(struct worker *w)
{
    struct mk_name_info infos[NR_NAMES];
    const struct errors *gone = ERRORS(MK_E_BAD_NAME, MK_E_BAD_RIGHT); /* another thread was faster */
    size_t n = 0;
    bool is_ok = check(w, "mk_machine_names", mk_machine_names(NULL, mk_task_id(), infos, NR_NAMES, &n), ERRORS(0));
    for (size_t i = 0; is_ok && i < n && i < NR_NAMES; i++) {
        if (n > NR_NAMES / 2 && below(w, 3) == 0 && infos[i].name != mk_task_self()) {
            if (infos[i].type & MK_RIGHT_RECEIVE)
                check(w, "mk_port_destroy", mk_port_destroy(infos[i].name), gone);
            else if (infos[i].type & MK_RIGHT_PORT_SET)
                check(w, "mk_portset_destroy", mk_portset_destroy(infos[i].name), gone);
            else
                check(w, "mk_right_release", mk_right_release(infos[i].name), gone);
        } else {
            keep(w, ANY, infos[i].name);
        }
    }
    return is_ok;
}

/* ---- messages ---- */

struct letter {
    struct mk_msg msg;
    struct mk_msg_right rights[MAX_RIGHTS];
    uint8_t body[512];
};

static void letter_begin(struct letter *letter)
{
    memset(letter, 0, sizeof(*letter));
    letter->msg.body = letter->body;
    letter->msg.capacity = sizeof(letter->body);
    letter->msg.rights = letter->rights;
    letter->msg.max_rights = MAX_RIGHTS;
}

static struct mk_msg_right random_right(struct worker *w)
{
    static const uint32_t needs[] = {
        0, MK_RIGHT_RECEIVE, MK_RIGHT_SEND, MK_RIGHT_SEND_ONCE, MK_RIGHT_SEND, MK_RIGHT_RECEIVE, MK_RIGHT_RECEIVE};
    uint32_t how = MK_MOVE_RECEIVE - 1 + (below(w, 60) ? 1 + below(w, 6) : below(w, 9));
    struct mk_msg_right right = {MK_NAME_NULL, how};
    if (below(w, 20) == 0)
        return right;
    right.name = how <= MK_MAKE_SEND_ONCE ? pick(w, needs[how - MK_MOVE_RECEIVE + 1]) : any_name(w, ANY);
    if (how == MK_COPY_SEND && below(w, 4) == 0)
        right.name = any_name(w, below(w, 2) ? TASKS : THREADS);
    return right;
}

static void letter_fill(struct worker *w, struct letter *letter)
{
    uint32_t max = below(w, 3) ? 3 : MAX_RIGHTS + 1;
    letter_begin(letter);
    letter->msg.id = below(w, 10);
    letter->msg.size = below(w, 4) ? below(w, 64) : below(w, sizeof(letter->body));
    letter->msg.nr_rights = below(w, max);
    for (uint32_t i = 0; i < letter->msg.nr_rights; i++)
        letter->rights[i] = random_right(w);
    memset(letter->body, (int)(letter->msg.size & 0xff), letter->msg.size);
}

/* What arrived must be whole. Its names are kept, or all of it is dropped. */
static void letter_read(struct worker *w, struct letter *letter)
{
    const struct mk_msg *msg = &letter->msg;
    if (msg->badge != MK_BADGE_KERNEL)
        for (size_t i = 0; i < msg->size; i++)
            if (letter->body[i] != (msg->size & 0xff))
                check(w, "the body of a message", MK_E_BAD_STATE, ERRORS(0));
    if (below(w, 5) == 0) {
        mk_msg_discard(&letter->msg);
        return;
    }
    for (uint32_t i = 0; i < msg->nr_rights; i++)
        if (msg->rights[i].name != MK_NAME_NULL && msg->rights[i].name != MK_NAME_DEAD)
            keep(w, ANY, msg->rights[i].name);
    if (msg->reply)
        keep(w, ANY, msg->reply);
}

#define SEND_ERRORS \
    MK_E_BAD_NAME, MK_E_BAD_RIGHT, MK_E_DEAD, MK_E_MSG_TOO_LARGE, MK_E_BAD_ARGUMENT, MK_E_WOULD_BLOCK, MK_E_TIMED_OUT, \
        MK_E_ABORTED

static bool op_send(struct worker *w)
{
    struct letter letter;
    letter_fill(w, &letter);
    if (below(w, 3) == 0)
        letter.msg.reply = pick(w, MK_RIGHT_RECEIVE | MK_RIGHT_SEND_ONCE);
    mk_err_t err = mk_send(pick(w, MK_RIGHT_SEND | MK_RIGHT_SEND_ONCE), &letter.msg, some_deadline(w));
    return check(w, "mk_send", err, ERRORS(SEND_ERRORS));
}

#define RECEIVE_ERRORS \
    MK_E_BAD_NAME, MK_E_BAD_RIGHT, MK_E_DEAD, MK_E_MSG_TOO_LARGE, MK_E_LIMIT_NAMES, MK_E_WOULD_BLOCK, MK_E_TIMED_OUT, \
        MK_E_ABORTED

static bool op_receive(struct worker *w)
{
    struct letter letter;
    letter_begin(&letter);
    if (below(w, 8) == 0) {
        letter.msg.capacity = below(w, 32);
        letter.msg.max_rights = below(w, 3);
    }
    mk_err_t err = mk_receive(pick(w, MK_RIGHT_RECEIVE | MK_RIGHT_PORT_SET), &letter.msg, some_deadline(w));
    bool is_ok = check(w, "mk_receive", err, ERRORS(RECEIVE_ERRORS));
    if (is_ok)
        letter_read(w, &letter);
    return is_ok;
}

static bool op_call(struct worker *w)
{
    struct letter letter;
    letter_fill(w, &letter);
    mk_err_t err = mk_call(pick(w, MK_RIGHT_SEND | MK_RIGHT_SEND_ONCE), &letter.msg, some_deadline(w));
    bool is_ok = check(w, "mk_call", err, ERRORS(SEND_ERRORS));
    if (is_ok)
        letter_read(w, &letter);
    return is_ok;
}

static bool op_reply(struct worker *w)
{
    struct letter letter;
    letter_fill(w, &letter);
    letter.msg.reply = pick(w, MK_RIGHT_SEND_ONCE);
    return check(w, "mk_reply", mk_reply(&letter.msg), ERRORS(SEND_ERRORS));
}

static bool op_reply_receive(struct worker *w)
{
    struct letter letter;
    letter_fill(w, &letter);
    letter.msg.reply = below(w, 5) ? pick(w, MK_RIGHT_SEND_ONCE) : MK_NAME_NULL;
    mk_err_t err = mk_reply_receive(pick(w, MK_RIGHT_RECEIVE | MK_RIGHT_PORT_SET), &letter.msg, some_deadline(w));
    bool is_ok = check(w, "mk_reply_receive", err, ERRORS(SEND_ERRORS, MK_E_LIMIT_NAMES));
    if (is_ok)
        letter_read(w, &letter);
    return is_ok;
}

/* Serve a port for a while. */
static bool op_serve(struct worker *w)
{
    struct letter letter;
    mk_name_t port = pick(w, MK_RIGHT_RECEIVE | MK_RIGHT_PORT_SET);
    letter_begin(&letter);
    mk_err_t err = mk_receive(port, &letter.msg, mk_time_now() + MK_MSEC);
    for (int i = 0; i < 5 && !err; i++) {
        letter.msg.nr_rights = 0;
        err = mk_reply_receive(port, &letter.msg, mk_time_now() + MK_MSEC);
    }
    return check(w, "mk_reply_receive", err, ERRORS(RECEIVE_ERRORS));
}

static bool op_market(struct worker *w)
{
    struct letter letter;
    mk_name_t market;
    mk_err_t err = mk_task_get_special(mk_task_self(), MK_SPECIAL_REGISTERED_0, &market);
    if (!check(w, "mk_task_get_special", err, ERRORS(MK_E_BAD_NAME))) /* another thread let go of the task's name */
        return false;
    letter_fill(w, &letter);
    bool is_ok = check(w, "mk_call", mk_call(market, &letter.msg, mk_time_now() + MK_MSEC), ERRORS(SEND_ERRORS));
    if (is_ok)
        letter_read(w, &letter);
    check(w, "mk_right_release", mk_right_release(market), ERRORS(MK_E_BAD_NAME, MK_E_BAD_RIGHT));
    return is_ok;
}

/* ---- tasks and threads ---- */

#define OBJECT_ERRORS MK_E_BAD_NAME, MK_E_BAD_RIGHT, MK_E_DEAD

static void worker_main(void *arg);

static struct worker *worker_new(struct world *world, struct team *team)
{
    struct worker *w = &world->workers[world->nr_workers++ % NR_WORKERS];
    w->team = team;
    w->random = stress_mix(world->seed ^ (uint64_t)world->nr_workers << 32);
    return w;
}

static mk_name_t some_task(struct worker *w)
{
    return below(w, 3) ? mk_task_self() : any_name(w, TASKS);
}

static bool op_right_insert(struct worker *w)
{
    mk_name_t there;
    struct mk_msg_right right = random_right(w);
    mk_err_t err = mk_right_insert(some_task(w), right.name, (enum mk_disposition)right.how, &there);
    return check(w, "mk_right_insert", err, ERRORS(OBJECT_ERRORS, MK_E_BAD_ARGUMENT, MK_E_LIMIT_NAMES));
}

static bool op_right_extract(struct worker *w)
{
    mk_name_t here;
    struct mk_msg_right right = random_right(w);
    mk_err_t err = mk_right_extract(some_task(w), right.name, (enum mk_disposition)right.how, &here);
    bool is_ok = check(w, "mk_right_extract", err, ERRORS(OBJECT_ERRORS, MK_E_BAD_ARGUMENT, MK_E_LIMIT_NAMES));
    if (is_ok)
        keep(w, ANY, here);
    return is_ok;
}

static bool op_task_create(struct worker *w)
{
    struct world *world = w->team->world;
    mk_name_t task;
    if (below(w, world->nr_teams >= NR_TEAMS ? 12 : 3))
        return false;
    if (!check(w, "mk_task_create", mk_task_create("child", &task),
               ERRORS(MK_E_LIMIT_TASKS, MK_E_LIMIT_HOST, MK_E_LIMIT_NAMES)))
        return false;
    keep(w, TASKS, task);
    struct team *team = &world->teams[world->nr_teams++ % NR_TEAMS];
    team->world = world;
    struct mk_thread_attr attr = {
        .entry = worker_main, .arg = worker_new(world, team), .priority = 1 + (int)below(w, 40)};
    if (below(w, 8))
        check(w, "mk_thread_create", mk_thread_create(task, &attr, NULL),
              ERRORS(OBJECT_ERRORS, MK_E_LIMIT_THREADS, MK_E_LIMIT_HOST)); /* another thread may have let go of it */
    return true;
}

static bool op_task_terminate(struct worker *w)
{
    if (below(w, 3))
        return false;
    mk_name_t task = below(w, 30) ? any_name(w, TASKS) : mk_task_self();
    return check(w, "mk_task_terminate", mk_task_terminate(task, 0), ERRORS(OBJECT_ERRORS));
}

static bool op_task_wait(struct worker *w)
{
    int code = 0;
    mk_err_t err = mk_task_wait(any_name(w, TASKS), &code, mk_time_now() + (mk_time_t)below(w, 1000000));
    return check(w, "mk_task_wait", err,
                 ERRORS(OBJECT_ERRORS, MK_E_WOULD_BLOCK, MK_E_TIMED_OUT, MK_E_ABORTED, MK_E_BAD_STATE));
}

static bool op_special(struct worker *w)
{
    mk_name_t task = some_task(w), name;
    enum mk_special which = below(w, 2) ? MK_SPECIAL_REGISTERED_1 : MK_SPECIAL_EXCEPTION;
    if (below(w, 2)) {
        mk_err_t err = mk_task_set_special(task, which, below(w, 4) ? pick(w, MK_RIGHT_SEND) : MK_NAME_NULL);
        return check(w, "mk_task_set_special", err, ERRORS(OBJECT_ERRORS, MK_E_BAD_ARGUMENT));
    }
    mk_err_t err = mk_task_get_special(task, which, &name);
    bool is_ok = check(w, "mk_task_get_special", err,
                       ERRORS(OBJECT_ERRORS, MK_E_NOT_FOUND, MK_E_BAD_ARGUMENT, MK_E_LIMIT_NAMES));
    if (is_ok)
        keep(w, ANY, name);
    return is_ok;
}

static bool op_thread_create(struct worker *w)
{
    struct world *world = w->team->world;
    mk_name_t thread;
    struct mk_machine_stats stats;
    if (mk_machine_stats(NULL, &stats) != MK_OK || stats.nr_threads > 60)
        return false;
    struct mk_thread_attr attr = {.entry = worker_main, .priority = (int)below(w, 40), .suspended = below(w, 4) == 0};
    attr.arg = worker_new(world, w->team);
    attr.stack_size = below(w, 3) ? 0 : MK_STACK_MIN * (2 + below(w, 8));
    mk_err_t err = mk_thread_create(some_task(w), &attr, &thread);
    bool is_ok =
        check(w, "mk_thread_create", err, ERRORS(OBJECT_ERRORS, MK_E_LIMIT_THREADS, MK_E_LIMIT_HOST, MK_E_LIMIT_NAMES));
    if (is_ok)
        keep(w, THREADS, thread);
    return is_ok;
}

static bool op_suspend(struct worker *w)
{
    return check(w, "mk_thread_suspend", mk_thread_suspend(any_name(w, THREADS)), ERRORS(OBJECT_ERRORS, MK_E_OVERFLOW));
}

static bool op_resume(struct worker *w)
{
    return check(w, "mk_thread_resume", mk_thread_resume(any_name(w, THREADS)), ERRORS(OBJECT_ERRORS, MK_E_BAD_STATE));
}

static bool op_abort(struct worker *w)
{
    return check(w, "mk_thread_abort", mk_thread_abort(any_name(w, THREADS)), ERRORS(OBJECT_ERRORS, MK_E_BAD_STATE));
}

static bool op_terminate(struct worker *w)
{
    if (below(w, 4))
        return false;
    return check(w, "mk_thread_terminate", mk_thread_terminate(any_name(w, THREADS)), ERRORS(OBJECT_ERRORS));
}

static bool op_join(struct worker *w)
{
    mk_err_t err = mk_thread_join(any_name(w, THREADS), some_deadline(w));
    return check(w, "mk_thread_join", err,
                 ERRORS(OBJECT_ERRORS, MK_E_WOULD_BLOCK, MK_E_TIMED_OUT, MK_E_ABORTED, MK_E_BAD_STATE));
}

static bool op_priority(struct worker *w)
{
    mk_err_t err = mk_thread_set_priority(any_name(w, THREADS), (int)below(w, 41));
    return check(w, "mk_thread_set_priority", err, ERRORS(OBJECT_ERRORS, MK_E_BAD_ARGUMENT));
}

static bool op_self(struct worker *w)
{
    mk_name_t name = mk_thread_self();
    keep(w, THREADS, name);
    keep(w, TASKS, mk_task_self());
    return name != MK_NAME_NULL;
}

static bool op_sleep(struct worker *w)
{
    return check(w, "mk_time_sleep", mk_time_sleep(some_deadline(w)), ERRORS(MK_E_ABORTED));
}

static bool op_spend(struct worker *w)
{
    return check(w, "mk_time_spend", mk_time_spend((mk_time_t)below(w, 30000)), ERRORS(0));
}

static bool op_yield(struct worker *w)
{
    (void)w;
    mk_thread_yield();
    return true;
}

static bool op_vm(struct worker *w)
{
    mk_vaddr_t at;
    size_t page = mk_page_size();
    mk_name_t task = some_task(w);
    mk_err_t err = mk_vm_allocate(task, page * (1 + below(w, 4)), &at);
    if (!check(w, "mk_vm_allocate", err, ERRORS(OBJECT_ERRORS, MK_E_LIMIT_MEMORY, MK_E_LIMIT_WINDOW, MK_E_LIMIT_HOST)))
        return false;
    check(w, "mk_vm_protect", mk_vm_protect(task, at, page, MK_PROT_READ), ERRORS(OBJECT_ERRORS, MK_E_BAD_ADDRESS));
    return below(w, 4) == 0 ||
           check(w, "mk_vm_deallocate", mk_vm_deallocate(task, at, page * 4), ERRORS(OBJECT_ERRORS));
}

/* ---- the world ---- */

/* clang-format off */
#define OPS(X) \
    X(port_create) \
    X(port_create) \
    X(port_create) \
    X(port_destroy) \
    X(set_limit) \
    X(port_state) \
    X(right_make) X(right_make) X(right_make) X(retain) X(release) X(release) X(notify) X(notify) X(set_create) \
        X(set_destroy) X(set_add) X(set_add) X(set_remove) X(refresh) X(send) X(send) X(send) X(receive) X(receive) \
            X(receive) X(call) X(call) X(reply) X(reply) X(reply_receive) X(serve) X(market) X(market) X(market) \
                X(right_insert) X(right_extract) X(task_create) X(task_terminate) X(task_wait) X(special) \
                    X(thread_create) X(thread_create) X(suspend) X(resume) X(resume) X(resume) X(abort) X(abort) \
                        X(terminate) X(join) X(priority) X(self) X(sleep) X(spend) X(yield) X(vm)
/* clang-format on */

static const struct {
    const char *name;
    bool (*run)(struct worker *w);
} ops[] = {
#define OP(op) {#op, op_##op},
    OPS(OP)};
#define NR_OPS ((uint32_t)(sizeof(ops) / sizeof(ops[0])))

static void audit(struct world *world)
{
    bool is_failing = world->is_failing;
    world->is_failing = false;
    if (mk_machine_audit(NULL) != MK_OK) {
        mk_log("step %u: the audit failed", world->steps);
        world->is_wrong = true;
    }
    world->is_failing = is_failing;
}

static void worker_main(void *arg)
{
    struct worker *w = arg;
    struct world *world = w->team->world;
    while (world->steps < world->max_steps && !world->is_wrong) {
        uint32_t op = below(w, NR_OPS);
        if (++world->steps % 200 == 0)
            audit(world);
        if (ops[op].run(w))
            nr_done[op]++;
    }
}

/* How to send on a right that arrived. */
static uint32_t onward(uint32_t type, uint64_t random)
{
    if (type == MK_RIGHT_SEND)
        return random % 2 ? MK_MOVE_SEND : MK_COPY_SEND;
    return type == MK_RIGHT_RECEIVE ? MK_MOVE_RECEIVE : MK_MOVE_SEND_ONCE;
}

static void bag_drop(struct world *world, unsigned i)
{
    struct mk_msg_right right = world->bag[i];
    world->bag[i] = world->bag[--world->nr_bag];
    mk_err_t err = right.how == MK_MOVE_RECEIVE ? mk_port_destroy(right.name) : mk_right_release(right.name);
    if (err && err != MK_E_BAD_NAME && err != MK_E_BAD_RIGHT)
        world->is_wrong = true;
}

static void bag_put(struct world *world, mk_name_t name, uint32_t type)
{
    if (name == MK_NAME_NULL || name == MK_NAME_DEAD)
        return;
    if (world->nr_bag == BAG_MAX)
        bag_drop(world, stress_below(&world->random, BAG_MAX));
    world->bag[world->nr_bag++] = (struct mk_msg_right){name, onward(type, stress_random(&world->random))};
}

/* Up to eight rights for the answer. One that is no longer what it was stays away. */
static uint32_t bag_take(struct world *world, struct mk_msg_right *rights)
{
    uint32_t n = stress_below(&world->random, MAX_RIGHTS + 1), taken = 0;
    while (taken < n && world->nr_bag) {
        unsigned i = stress_below(&world->random, world->nr_bag);
        rights[taken++] = world->bag[i];
        world->bag[i] = world->bag[--world->nr_bag];
    }
    return taken;
}

static void market_answer(struct world *world, struct letter *letter)
{
    struct mk_msg *msg = &letter->msg;
    msg->size = 0;
    msg->nr_rights = bag_take(world, letter->rights);
    if (mk_reply(msg) == MK_OK)
        return;
    for (uint32_t i = 0; i < msg->nr_rights; i++) { /* a stale one among them, or nobody waits */
        world->bag[world->nr_bag++] = letter->rights[i];
        bag_drop(world, world->nr_bag - 1);
    }
    msg->nr_rights = 0;
    mk_msg_discard(msg);
}

static void market_main(void *arg)
{
    struct world *world = arg;
    struct letter letter;
    letter_begin(&letter);
    for (;;) {
        mk_err_t err = mk_receive(world->market, &letter.msg, MK_TIME_FOREVER);
        if (err && err != MK_E_NO_MEMORY) {
            mk_log("market: %s", mk_err_name(err));
            world->is_wrong = true;
            return;
        }
        if (err) {
            CHECK_OK(mk_time_sleep(mk_time_now() + 1000));
            continue;
        }
        for (uint32_t i = 0; i < letter.msg.nr_rights; i++)
            bag_put(world, letter.rights[i].name, letter.rights[i].how);
        if (letter.msg.reply && stress_below(&world->random, 8) == 0)
            bag_put(world, letter.msg.reply, MK_RIGHT_SEND_ONCE);
        else if (letter.msg.reply)
            market_answer(world, &letter);
    }
}

static mk_name_t team_start(struct world *world)
{
    mk_name_t task;
    struct team *team = &world->teams[world->nr_teams++ % NR_TEAMS];
    memset(team, 0, sizeof(*team));
    team->world = world;
    if (mk_task_create("team", &task) != MK_OK)
        return MK_NAME_NULL;
    for (int i = 0; i < 4; i++) {
        struct mk_thread_attr attr = {.entry = worker_main, .arg = worker_new(world, team)};
        mk_err_t err = mk_thread_create(task, &attr, NULL);
        if (err && !world->fail_every)
            world->is_wrong = true;
    }
    return task;
}

static void overseer_loop(struct world *world)
{
    mk_name_t tasks[5] = {0};
    unsigned steps = 0;
    while (world->steps < world->max_steps && !world->is_wrong) {
        for (int i = 0; i < 5; i++) {
            int code = 0;
            if (tasks[i] && mk_task_wait(tasks[i], &code, MK_TIME_POLL) == MK_E_WOULD_BLOCK && world->steps != steps)
                continue;
            if (tasks[i]) { /* ended, or the world stands still */
                mk_err_t err = mk_task_terminate(tasks[i], 0);
                CHECK(err == MK_OK || err == MK_E_DEAD);
                CHECK_OK(mk_right_release(tasks[i]));
            }
            tasks[i] = team_start(world);
        }
        steps = world->steps;
        CHECK_OK(mk_time_sleep(mk_time_now() + 3 * MK_MSEC));
    }
}

static void overseer_main(void *arg)
{
    struct world *world = arg;
    mk_name_t machine, send;
    CHECK_OK(mk_port_create(&world->market));
    CHECK_OK(mk_right_make(world->market, MK_RIGHT_SEND, 0, &send));
    CHECK_OK(mk_task_set_special(mk_task_self(), MK_SPECIAL_REGISTERED_0, send));
    CHECK_OK(mk_task_get_special(mk_task_self(), MK_SPECIAL_MACHINE, &machine));
    struct mk_thread_attr attr = {.entry = market_main, .arg = world, .priority = 50};
    CHECK_OK(mk_thread_create(mk_task_self(), &attr, NULL));
    world->is_failing = world->fail_every != 0;
    overseer_loop(world);
    world->is_failing = false;
    CHECK_OK(mk_machine_audit(NULL));
    CHECK_OK(mk_machine_halt(machine, world->is_wrong));
}

static void *may_allocate(void *arg, size_t size)
{
    struct world *world = arg;
    (void)size;
    return world->is_failing && stress_below(&world->random, world->fail_every) == 0 ? NULL : world;
}

/* One world from its beginning to its end; the identity of the run. */
static uint64_t world_run(uint64_t seed, uint64_t machine_seed, unsigned max_steps, unsigned fail_every)
{
    struct mk_machine_config config = {.seed = machine_seed};
    struct mk_machine_stats stats;
    struct world *world = test_calloc(1, sizeof(*world));
    struct mk_spawn spawn = {.label = "overseer", .entry = overseer_main, .arg = world, .priority = 60};
    struct mkt t;
    int code = -1;

    world->seed = seed;
    world->random = stress_mix(seed);
    world->max_steps = max_steps;
    world->fail_every = fail_every;
    config.alloc_hook = fail_every ? may_allocate : NULL;
    config.alloc_arg = world;
    mkt_begin(&t, &config);
    assert_int_equal(mk_trace_start(t.machine, 0, NULL, NULL), MK_OK);
    assert_int_equal(mk_machine_spawn(t.machine, &spawn, NULL), MK_OK);
    mk_err_t err = mk_machine_run(t.machine, &code);
    mk_err_t audit_err = mk_machine_audit(t.machine);
    assert_int_equal(mk_machine_stats(t.machine, &stats), MK_OK);
    mk_machine_destroy(t.machine);
    if (err || code || audit_err || t.log_used) {
        print_error("seed %llu: run: %s, exit code %d, audit: %s, step %u\n", (unsigned long long)seed,
                    mk_err_name(err), code, mk_err_name(audit_err), world->steps);
        mkt_fail_with_log(&t, "the world went wrong");
    }
    test_free(world);
    return stats.trace_hash;
}

static void world_twice(uint64_t seed, uint64_t machine_seed, unsigned max_steps, unsigned fail_every)
{
    uint64_t first = world_run(seed, machine_seed, max_steps, fail_every);
    uint64_t second = world_run(seed, machine_seed, max_steps, fail_every);
    if (first == second && first != 0)
        return;
    print_error("seed %llu: hash %016llx, then %016llx\n", (unsigned long long)seed, (unsigned long long)first,
                (unsigned long long)second);
    fail();
}

#define NR_SEEDS   stress_env("MK_STRESS_SEEDS", STRESS_SIZE(60, 6))
#define NR_STEPS   STRESS_SIZE(20000u, 6000u)
#define FIRST_SEED stress_env("MK_STRESS_FIRST", 1)

/* STRESS0030: after random kernel calls the audit is content, every answer is documented, and the run repeats. */
static void STRESS0030(void **state)
{
    (void)state;
    for (uint64_t i = 0, seed = FIRST_SEED; i < NR_SEEDS; i++, seed++)
        world_twice(seed, 0, NR_STEPS, 0);
}

/* STRESS0031: the same with choices drawn from the machine's seed; another machine's seed gives another run. */
static void STRESS0031(void **state)
{
    (void)state;
    for (uint64_t i = 0, seed = FIRST_SEED; i < NR_SEEDS; i++, seed++)
        world_twice(seed, seed, NR_STEPS, 0);
    assert_int_not_equal(world_run(1, 1, NR_STEPS, 0), world_run(1, 2, NR_STEPS, 0));
}

/* STRESS0032: the same when kernel allocations fail now and then. */
static void STRESS0032(void **state)
{
    (void)state;
    for (uint64_t i = 0, seed = FIRST_SEED; i < NR_SEEDS; i++, seed++)
        world_twice(seed, i % 2 * seed, NR_STEPS, seed % 3 ? 20 : 200);
}

/* STRESS0033: no kind of call failed in all of the runs above. */
static void STRESS0033(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < NR_OPS; i++)
        if (nr_done[i] == 0 && NR_SEEDS >= 30)
            fail_msg("%s never succeeded", ops[i].name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(STRESS0030),
        cmocka_unit_test(STRESS0031),
        cmocka_unit_test(STRESS0032),
        cmocka_unit_test(STRESS0033),
    };
    cmocka_set_test_filter(getenv("MK_STRESS_TEST")); /* one of them, to look closer */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
