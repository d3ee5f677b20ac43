/* SPDX-License-Identifier: BSD-2-Clause */
/* The threads' side: an actor waits for its operation, makes the call, and reports. No model here. */
#include "fuzz_ipc.h"

#include <malloc.h>
#include <sys/mman.h>

static char *pages; /* one read-only, one that cannot be touched */

void fuzz_setup(void)
{
    if (pages)
        return;
    mallopt(M_TRIM_THRESHOLD, 1 << 30); /* memory of one machine is kept for the next */
    mallopt(M_MMAP_THRESHOLD, 1 << 24);
    pages = mmap(NULL, 2 * 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED || mprotect(pages + 4096, 4096, PROT_NONE)) {
        perror("mmap");
        exit(2);
    }
}

static void *at(unsigned pointer, void *good)
{
    switch (pointer) {
    case POINTER_NULL:
        return NULL;
    case POINTER_UNMAPPED:
        return pages + 4096;
    case POINTER_READ_ONLY:
        return pages;
    default:
        return good;
    }
}

/* ---- messages ---- */

static struct mk_msg *prepare(struct actor *a)
{
    const struct op *op = &a->op;
    struct mk_msg *msg = &a->msg;
    memset(msg, 0, sizeof(*msg));
    msg->id = op->id;
    msg->status = -(mk_err_t)(op->id % 50);
    msg->size = op->size;
    msg->capacity = op->capacity;
    msg->nr_rights = op->too_many ? op->too_many : op->nr_rights;
    msg->max_rights = op->max_rights;
    msg->reply = op->reply;
    msg->body = at(op->p_body, a->body);
    msg->rights = at(op->p_rights, a->rights);
    if (op->size <= MK_BODY_MAX)
        memset(a->body, (int)op->id, op->size);
    memcpy(a->rights, op->rights, sizeof(a->rights));
    return at(op->p_msg, msg);
}

static mk_err_t message_call(struct actor *a)
{
    const struct op *op = &a->op;
    struct mk_msg *msg = prepare(a);
    switch (op->call) {
    case CALL_SEND:
        return mk_send(op->name, msg, op->deadline);
    case CALL_RECEIVE:
        return mk_receive(op->name, msg, op->deadline);
    case CALL_CALL:
        return mk_call(op->name, msg, op->deadline);
    case CALL_REPLY:
        return mk_reply(msg);
    default:
        return mk_reply_receive(op->name, msg, op->deadline);
    }
}

/* ---- tasks and threads ---- */

static mk_err_t thread_create(struct actor *a, mk_name_t *out)
{
    struct actor *thread = &a->world->actors[a->op.slot];
    const struct mk_thread_attr attr = {
        .entry = actor_main, .arg = thread, .priority = (int)a->op.n, .suspended = a->op.how & 1};
    return mk_thread_create(a->op.name, &attr, out);
}

static mk_err_t life_call(struct actor *a, mk_name_t *out)
{
    const struct op *op = &a->op;
    switch (op->call) {
    case CALL_THREAD_SELF:
        a->out = mk_thread_self();
        return MK_OK;
    case CALL_THREAD_CREATE:
        return thread_create(a, out);
    case CALL_THREAD_EXIT:
        mk_thread_exit();
    case CALL_TERMINATE:
        return mk_thread_terminate(op->name);
    case CALL_JOIN:
        return mk_thread_join(op->name, op->deadline);
    case CALL_SUSPEND:
        return mk_thread_suspend(op->name);
    case CALL_RESUME:
        return mk_thread_resume(op->name);
    case CALL_ABORT:
        return mk_thread_abort(op->name);
    case CALL_PRIORITY:
        return mk_thread_set_priority(op->name, (int)op->n);
    case CALL_SWITCH:
        return mk_thread_switch(op->name, (enum mk_switch)op->how, op->deadline);
    case CALL_DEPRESS_ABORT:
        return mk_thread_depress_abort(op->name);
    case CALL_TASK_SELF:
        a->out = mk_task_self();
        return MK_OK;
    case CALL_TASK_CREATE:
        return mk_task_create("fuzzed", out);
    case CALL_TASK_TERMINATE:
        return mk_task_terminate(op->name, (int)op->n);
    case CALL_TASK_EXIT:
        mk_task_exit((int)op->n);
    case CALL_TASK_WAIT:
        return mk_task_wait(op->name, &a->exit_code, op->deadline);
    case CALL_GET_SPECIAL:
        return mk_task_get_special(op->name, (enum mk_special)op->how, out);
    default:
        return mk_task_set_special(op->name, (enum mk_special)op->how, op->name2);
    }
}

/* ---- all calls ---- */

static mk_err_t port_call(struct actor *a, mk_name_t *out)
{
    const struct op *op = &a->op;
    switch (op->call) {
    case CALL_PORT_CREATE:
        return mk_port_create(out);
    case CALL_PORT_DESTROY:
        return mk_port_destroy(op->name);
    case CALL_SET_LIMIT:
        return mk_port_set_limit(op->name, op->n);
    case CALL_PORT_STATE:
        return mk_port_state(op->name, at(op->p_out, &a->port_state));
    case CALL_RIGHT_MAKE:
        return mk_right_make(op->name, (enum mk_right_type)op->how, op->bits, out);
    case CALL_RETAIN:
        return mk_right_retain(op->name, op->n);
    case CALL_RELEASE:
        return mk_right_release(op->name);
    case CALL_INFO:
        return mk_right_info(op->name, at(op->p_out, &a->info));
    case CALL_INSERT:
        return mk_right_insert(op->name, op->name2, (enum mk_disposition)op->how, out);
    case CALL_EXTRACT:
        return mk_right_extract(op->name, op->name2, (enum mk_disposition)op->how, out);
    case CALL_RENAME:
        return mk_right_rename(op->name, op->name2);
    case CALL_NOTIFY:
        return mk_port_notify(op->name, (enum mk_notify)op->how, op->n, op->name2);
    case CALL_SET_CREATE:
        return mk_portset_create(out);
    case CALL_SET_DESTROY:
        return mk_portset_destroy(op->name);
    case CALL_SET_ADD:
        return mk_portset_add(op->name, op->name2);
    default:
        return mk_portset_remove(op->name, op->name2);
    }
}

static mk_err_t other_call(struct actor *a, mk_name_t *out)
{
    const struct op *op = &a->op;
    switch (op->call) {
    case CALL_DISCARD:
        mk_msg_discard(&a->msg);
        return MK_OK;
    case CALL_DROP_RIGHTS:
        mk_msg_drop_rights(&a->msg);
        return MK_OK;
    case CALL_EVENT_CREATE:
        return mk_event_create(out);
    case CALL_EVENT_SIGNAL:
        return mk_event_signal(op->name, op->bits);
    case CALL_EVENT_WAIT:
        return mk_event_wait(op->name, at(op->p_out, &a->value), op->deadline);
    case CALL_YIELD:
        mk_thread_yield();
        return MK_OK;
    case CALL_SLEEP:
        return mk_time_sleep(op->deadline);
    case CALL_SPEND:
        return mk_time_spend(op->deadline);
    case CALL_NOW:
        a->value = (uint64_t)mk_time_now();
        return MK_OK;
    case CALL_CLEAN:
        clean_space();
        return MK_OK;
    default:
        return mk_task_set_server(true);
    }
}

void perform(struct actor *a)
{
    mk_name_t *out = at(a->op.p_out, &a->out);
    unsigned call = a->op.call;
    a->err = 1; /* not an answer */
    if (call >= CALL_SEND && call <= CALL_REPLY_RECEIVE)
        a->err = message_call(a);
    else if (call >= CALL_THREAD_SELF && call <= CALL_SET_SPECIAL && call != CALL_YIELD)
        a->err = life_call(a, out);
    else if (call < CALL_SEND)
        a->err = port_call(a, out);
    else
        a->err = other_call(a, out);
}

static void report(struct actor *a)
{
    struct world *w = a->world;
    if (w->nr_logged < NR_LOGGED)
        w->log[w->nr_logged++] = (uint8_t)(a - w->actors);
}

void actor_main(void *arg)
{
    struct actor *a = arg;
    report(a);
    for (;;) {
        while (!a->has_op)
            if (mk_time_sleep(MK_TIME_FOREVER) != MK_E_ABORTED)
                mk_task_exit(99);
        a->has_op = false;
        perform(a);
        report(a);
    }
}
