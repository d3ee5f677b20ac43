/* SPDX-License-Identifier: BSD-2-Clause */
/* One input: a machine is made, the driver runs in it, and everything is taken down and looked at. */
#include "fuzz_ipc.h"

#define MAX_BODY (MK_BODY_MAX + 64)
#define USES_MAX 64 /* inputs of one machine */

const char *const call_names[NR_CALLS] = {
#define CALL_NAME(name, weight) #name,
    CALL_MAP(CALL_NAME)
#undef CALL_NAME
};

/* ---- in words ---- */

static const char *how_word(uint32_t how)
{
    static const char *const words[] = {"MOVE_RECEIVE", "MOVE_SEND", "MOVE_SEND_ONCE",
                                        "COPY_SEND",    "MAKE_SEND", "MAKE_SEND_ONCE"};
    return how >= MK_MOVE_RECEIVE && how <= MK_MAKE_SEND_ONCE ? words[how - MK_MOVE_RECEIVE] : "?";
}

void op_words(const struct world *w, const struct op *op, char *text, size_t size)
{
    static const char *const pointers[] = {"good", "NULL", "unmapped", "read-only"};
    const struct actor *a = &w->actors[op->actor];
    int n = snprintf(text, size, "%s(actor %u of task %u", call_names[op->call], op->actor, a->task);
    if (op->name) {
        const struct name *name = name_find(w, a->task, op->name);
        n += snprintf(text + n, size - (size_t)n, ", name %x", op->name);
        if (name && name->type & MK_RIGHT_SEND && w->ports[name->port].kind == KIND_THREAD)
            n += snprintf(text + n, size - (size_t)n, " of actor %u", w->ports[name->port].object);
    }
    if (op->name2)
        n += snprintf(text + n, size - (size_t)n, ", name2 %x", op->name2);
    if (op->how || op->n)
        n += snprintf(text + n, size - (size_t)n, ", how %u %s, n %u", op->how, how_word(op->how), op->n);
    if (op->bits)
        n += snprintf(text + n, size - (size_t)n, ", bits %llx", (unsigned long long)op->bits);
    if (op->deadline)
        n += snprintf(text + n, size - (size_t)n, ", deadline %lld", (long long)op->deadline);
    if (op->call >= CALL_SEND && op->call <= CALL_DROP_RIGHTS) {
        n += snprintf(text + n, size - (size_t)n, ", id %u, size %u, capacity %u, reply %x, rights", op->id, op->size,
                      op->capacity, op->reply);
        for (unsigned i = 0; i < op->nr_rights; i++)
            n += snprintf(text + n, size - (size_t)n, " %x:%s", op->rights[i].name, how_word(op->rights[i].how));
        n += snprintf(text + n, size - (size_t)n, " of at most %u", op->max_rights);
    }
    if (op->p_msg || op->p_body || op->p_rights || op->p_out)
        n += snprintf(text + n, size - (size_t)n, ", pointers: msg %s, body %s, rights %s, result %s",
                      pointers[op->p_msg], pointers[op->p_body], pointers[op->p_rights], pointers[op->p_out]);
    snprintf(text + n, size - (size_t)n, ")");
}

void errs_words(errs_t errs, char *text, size_t size)
{
    size_t n = 0;
    text[0] = '\0';
    for (mk_err_t err = MK_OK; err >= MK_E_NOT_FOUND; err--)
        if (err_bit(err) != 62 && errs & ERR(err) && n < size)
            n += (size_t)snprintf(text + n, size - n, "%s%s", n ? " or " : "", mk_err_name(err));
    if (!n)
        snprintf(text, size, "nothing: it should not have ended");
}

/* ---- a difference ---- */

void differ(struct world *w, const char *format, ...)
{
    char op[512];
    size_t n = 0;
    va_list args;
    va_start(args, format);
    n +=
        (size_t)snprintf(w->failure, sizeof(w->failure), "step %llu, operation %llu: ", (unsigned long long)w->nr_steps,
                         (unsigned long long)w->nr_ops);
    n += (size_t)vsnprintf(w->failure + n, sizeof(w->failure) - n, format, args);
    va_end(args);
    for (unsigned i = 0; i < w->nr_last && n < sizeof(w->failure); i++) {
        op_words(w, &w->last_ops[i], op, sizeof(op));
        n += (size_t)snprintf(w->failure + n, sizeof(w->failure) - n, "\n  in this step: %s", op);
    }
    w->is_failed = true;
    mk_machine_stop(w->machine, 1);
    for (;;)
        mk_thread_yield();
}

/* Nothing may be said but what the model knows of. */
static void on_log(void *arg, const char *line)
{
    struct world *w = arg;
    if (!w->failure[0])
        snprintf(w->failure, sizeof(w->failure), "step %llu: the machine's log says: %s",
                 (unsigned long long)w->nr_steps, line);
    else
        fprintf(stderr, "log: %s\n", line);
    w->is_failed = true;
}

/* ---- a run ---- */

static struct world *world_get(void)
{
    static struct world *w;
    if (w)
        return w;
    fuzz_setup();
    w = calloc(1, sizeof(*w));
    for (unsigned i = 0; w && i < NR_TASKS; i++)
        w->tasks[i].space = calloc(1, sizeof(struct space));
    for (unsigned i = 0; w && i < NR_ACTORS; i++)
        w->actors[i].body = calloc(1, MAX_BODY);
    if (!w || !w->tasks[NR_TASKS - 1].space || !w->actors[NR_ACTORS - 1].body) {
        perror("calloc");
        exit(2);
    }
    return w;
}

static void world_clear(struct world *w)
{
    for (unsigned i = 0; i < NR_TASKS; i++)
        w->tasks[i] = (struct task){.space = w->tasks[i].space};
    for (unsigned i = 0; i < NR_ACTORS; i++) {
        unsigned char *body = w->actors[i].body;
        memset(&w->actors[i], 0, sizeof(w->actors[i]));
        w->actors[i].body = body;
        w->actors[i].world = w;
        w->actors[i].op.actor = (uint8_t)i;
    }
    for (unsigned i = 1; i < NR_MESSAGES; i++)
        w->messages[i].next = (uint16_t)((i + 1) % NR_MESSAGES);
    for (unsigned i = 1; i < NR_REQUESTS; i++)
        w->requests[i].next = (uint16_t)((i + 1) % NR_REQUESTS);
    w->free_messages = w->free_requests = 1;
    w->nr_free_messages = NR_MESSAGES - 1;
    w->nr_free_requests = NR_REQUESTS - 1;
    w->nr_uses = 0;
    w->nr_logged = w->nr_seen = w->nr_last = w->nr_dying = 0;
    w->is_reaping = false;
    w->now = 0;
    w->nr_timers = 0;
    w->next_head = w->next_tail = 0;
    w->next_timer = w->next_call = w->next_serial = w->next_task_id = 0;
    w->next_id = 0;
    if (w->nr_used_names > 1u << (USED_BITS - 1)) {
        memset(w->used_names, 0, sizeof(w->used_names));
        w->nr_used_names = 0;
    }
}

static void world_end(struct world *w)
{
    for (unsigned i = 1; i < w->nr_ports; i++)
        if (w->ports[i].kind == KIND_SET)
            free(w->ports[i].ready);
    w->nr_ports = 0;
}

static mk_err_t machine_begin(struct world *w)
{
    static const struct mk_costs no_costs;
    const struct mk_machine_config config = {
        .quantum = 1000000 * MK_SEC, .costs = &no_costs, .log = on_log, .log_arg = w};
    struct mk_spawn spawn = {.label = "driver", .entry = driver_main, .arg = w, .stack_size = 1 << 18};
    world_clear(w);
    totals.nr_machines++;
    mk_err_t err = mk_machine_create(&config, &w->machine);
    return err ? err : mk_machine_spawn(w->machine, &spawn, NULL);
}

static void machine_end(struct world *w)
{
    if (!w->is_failed && mk_machine_audit(w->machine))
        w->is_failed = true;
    mk_machine_destroy(w->machine);
    w->machine = NULL;
    world_end(w);
}

bool fuzz_run(struct input input, bool is_verbose, char *why, size_t why_size)
{
    struct world *w = world_get();
    mk_err_t err = w->machine ? MK_OK : machine_begin(w);
    w->input = input;
    w->is_verbose = is_verbose;
    w->nr_ops = w->nr_steps = 0;
    w->is_finished = w->is_failed = false;
    w->failure[0] = '\0';
    totals.nr_inputs++;
    if (!err)
        err = mk_machine_run(w->machine, NULL);
    if (!w->is_failed && (err || !w->is_finished)) {
        w->is_failed = true;
        snprintf(w->failure, sizeof(w->failure), "step %llu: the run ended: %s", (unsigned long long)w->nr_steps,
                 mk_err_name(err));
    }
    totals.nr_ops += w->nr_ops;
    totals.nr_steps += w->nr_steps;
    if (w->is_failed || !w->is_reusable || ++w->nr_uses == USES_MAX || input.is_last)
        machine_end(w);
    snprintf(why, why_size, "%s", w->failure);
    return !w->is_failed;
}
