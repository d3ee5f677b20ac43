/* SPDX-License-Identifier: BSD-2-Clause */
/* Whole states: what the kernel lists against what the model holds; and the audit. */
#include "fuzz_ipc.h"

#define NR_IDS 8192

static void learn(struct world *w, unsigned port, uint64_t id)
{
    struct port *p = &w->ports[port];
    if (!p->id)
        p->id = id;
    if (p->id != id)
        differ(w, "port %llu has become port %llu", (unsigned long long)p->id, (unsigned long long)id);
}

static void check_name(struct world *w, unsigned task, const struct mk_name_info *info)
{
    const struct name *n = name_find(w, task, info->name);
    if (!n)
        differ(w, "task %u has a name %x of type %u, which the model does not know", task, info->name, info->type);
    uint32_t type = n->type, refs = n->type == MK_RIGHT_PORT_SET ? 0 : n->refs;
    uint64_t badge = n->type == RIGHT_REPLY || n->type == MK_RIGHT_PORT_SET ? 0 : n->badge;
    if (n->type != MK_RIGHT_PORT_SET && name_is_dead(w, n)) {
        type = MK_RIGHT_DEAD_NAME;
        badge = 0;
    } else if (n->type == RIGHT_REPLY) {
        type = MK_RIGHT_SEND_ONCE;
    }
    if (info->type != type || info->user_refs != refs || info->badge != badge)
        differ(w, "task %u, name %x: {type %u, user_refs %u, badge %llx}, expected {%u, %u, %llx}", task, n->name,
               info->type, info->user_refs, (unsigned long long)info->badge, type, refs, (unsigned long long)badge);
    if (type == MK_RIGHT_DEAD_NAME || n->type == RIGHT_REPLY) {
        if (info->port)
            differ(w, "task %u, name %x: port %llu behind a dead name", task, n->name, (unsigned long long)info->port);
        return;
    }
    learn(w, n->port, info->port);
}

static void check_names(struct world *w, unsigned task)
{
    size_t n = 0;
    mk_err_t err = mk_machine_names(NULL, w->tasks[task].id, w->name_infos, NR_NAMES + 8, &n);
    if (err != (w->tasks[task].is_alive ? MK_OK : MK_E_NOT_FOUND))
        differ(w, "mk_machine_names of task %u: %s", task, mk_err_name(err));
    if (err)
        return;
    if (n != w->tasks[task].space->nr)
        differ(w, "task %u has %zu names, expected %u", task, n, w->tasks[task].space->nr);
    for (size_t i = 0; i < n; i++)
        check_name(w, task, &w->name_infos[i]);
}

static void check_port(struct world *w, unsigned port, const struct mk_port_info *info)
{
    const struct port *p = &w->ports[port];
    if (p->is_dead)
        differ(w, "port %llu is listed, and should be dead", (unsigned long long)info->id);
    if (p->kind != KIND_PORT && p->kind != KIND_EVENT)
        return;
    uint64_t receiver = p->task >= 0 ? w->tasks[p->task].id : 0;
    uint64_t set = p->set ? w->ports[p->set].id : 0;
    if (info->receiver != receiver || info->name != p->name || (info->set != set && set) || !info->set != !p->set)
        differ(w, "port %llu: {receiver %llu, name %x, set %llu}, expected {%llu, %x, %llu}",
               (unsigned long long)info->id, (unsigned long long)info->receiver, info->name,
               (unsigned long long)info->set, (unsigned long long)receiver, p->name, (unsigned long long)set);
    unsigned nr_queued = p->nr_queued + p->nr_unused + (p->events != 0);
    if (info->nr_queued != nr_queued || info->queue_limit != p->limit || info->nr_send != p->nr_send ||
        info->nr_send_once != p->nr_send_once || info->nr_waiting_senders != p->senders.nr ||
        info->nr_waiting_receivers != p->receivers.nr || info->nr_received != p->seqno)
        differ(w,
               "port %llu: {queued %u, limit %u, send %u, send-once %u, waiting %u and %u, received %llu}, expected "
               "{%u, %u, %u, %u, %u and %u, %u}",
               (unsigned long long)info->id, info->nr_queued, info->queue_limit, info->nr_send, info->nr_send_once,
               info->nr_waiting_senders, info->nr_waiting_receivers, (unsigned long long)info->nr_received, nr_queued,
               p->limit, p->nr_send, p->nr_send_once, p->senders.nr, p->receivers.nr, p->seqno);
}

static void check_ports(struct world *w)
{
    static uint16_t by_id[NR_IDS];
    size_t n = 0, nr_living = 0;
    memset(by_id, 0, sizeof(by_id));
    for (unsigned i = 1; i < w->nr_ports; i++) {
        nr_living += !w->ports[i].is_dead && w->ports[i].kind != KIND_SET;
        if (w->ports[i].id && w->ports[i].id < NR_IDS)
            by_id[w->ports[i].id] = (uint16_t)i;
    }
    mk_err_t err = mk_machine_ports(NULL, w->port_infos, NR_PORTS, &n);
    if (err || n != nr_living)
        differ(w, "mk_machine_ports: %s, %zu ports, expected %zu", mk_err_name(err), n, nr_living);
    for (size_t i = 0; i < n; i++)
        if (w->port_infos[i].id < NR_IDS && by_id[w->port_infos[i].id])
            check_port(w, by_id[w->port_infos[i].id], &w->port_infos[i]);
}

static struct actor *next_thread(struct world *w, uint64_t after)
{
    struct actor *next = NULL;
    for (unsigned i = 0; i < NR_ACTORS; i++) {
        struct actor *a = &w->actors[i];
        if (a->state != ACTOR_NONE && a->serial > after && (!next || a->serial < next->serial))
            next = a;
    }
    return next;
}

static enum mk_thread_state state_of(const struct actor *a)
{
    if (a->state == ACTOR_RUNNING)
        return MK_THREAD_RUNNING;
    return a->suspends ? MK_THREAD_SUSPENDED : MK_THREAD_BLOCKED;
}

static void check_thread(struct world *w, const struct actor *a, const struct mk_thread_info *info)
{
    unsigned who = (unsigned)(a - w->actors);
    if (info->task != w->tasks[a->task].id || info->state != state_of(a) || info->base_priority != a->base ||
        info->priority != a->priority || info->suspend_count != a->suspends)
        differ(w,
               "actor %u: {task %llu, state %d, priority %d, base %d, suspended %u}, expected {%llu, %d, %u, %u, %u}",
               who, (unsigned long long)info->task, (int)info->state, info->priority, info->base_priority,
               info->suspend_count, (unsigned long long)w->tasks[a->task].id, (int)state_of(a), a->priority, a->base,
               a->suspends);
    enum mk_wait wait = a->state == ACTOR_IDLE ? MK_WAIT_SLEEP : (enum mk_wait)a->wait;
    if (info->wait != wait || info->deadline != a->deadline)
        differ(w, "actor %u: waits for %d until %lld, expected %d until %lld", who, (int)info->wait,
               (long long)info->deadline, (int)wait, (long long)a->deadline);
    uint64_t port =
        a->state == ACTOR_BLOCKED && (wait == MK_WAIT_RECEIVE || wait == MK_WAIT_SEND) ? w->ports[a->wait_port].id : 0;
    if (port && info->wait_port != port)
        differ(w, "actor %u: waits at port %llu, expected %llu", who, (unsigned long long)info->wait_port,
               (unsigned long long)port);
}

static void check_threads(struct world *w)
{
    size_t n = 0, i = 0;
    mk_err_t err = mk_machine_threads(NULL, w->thread_infos, NR_ACTORS + 8, &n);
    if (err)
        differ(w, "mk_machine_threads: %s", mk_err_name(err));
    const struct actor *a = next_thread(w, 0);
    for (; a && i < n; a = next_thread(w, a->serial), i++)
        check_thread(w, a, &w->thread_infos[i]);
    if (a || i != n)
        differ(w, "%zu threads are listed, the model has %s", n, a ? "more" : "fewer");
}

void check_all(struct world *w)
{
    totals.nr_checks++;
    for (unsigned i = 0; i < NR_TASKS; i++)
        if (w->tasks[i].id)
            check_names(w, i);
    check_ports(w);
    check_threads(w);
    mk_err_t err = mk_machine_audit(NULL);
    if (err)
        differ(w, "mk_machine_audit: %s", mk_err_name(err));
}
