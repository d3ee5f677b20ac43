/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Priority lent along calls; see lend.h.
 *
 * The lenders of a thread are a list in order of priority. The first of each
 * priority are also in a ring, so that a place in the list is found in as many
 * steps as there are priorities, however many lend (the plist of Linux, lib/plist.c).
 */
#include "kern/lend.h"

#include "kern/sched.h"

static struct thread *by_node(struct list *link)
{
    return list_entry(link, struct thread, lend_node);
}

static struct thread *by_level(struct list *link)
{
    return list_entry(link, struct thread, lend_level);
}

static void insert(struct thread *server, struct thread *lender)
{
    struct list *before = &server->lenders;
    if (lender->task->machine->no_lending)
        return;
    lender->flags |= THREAD_LENDS;
    if (!list_empty(&server->lenders)) {
        struct thread *first = by_node(server->lenders.next), *level = first, *stronger = NULL;
        do {
            if (lender->priority > level->priority) {
                before = &level->lend_node;
                break;
            }
            stronger = level;
            level = by_level(level->lend_level.next);
        } while (level != first);
        if (!stronger || stronger->priority != lender->priority)
            list_add_before(&lender->lend_level, &level->lend_level);
    }
    list_add_before(&lender->lend_node, before);
}

static void take_out(struct thread *server, struct thread *lender)
{
    lender->flags &= (uint8_t)~THREAD_LENDS;
    if (!list_empty(&lender->lend_level)) { /* it stands for its priority: the next of them does from now on */
        struct list *next = lender->lend_node.next;
        if (next != &server->lenders && list_empty(&by_node(next)->lend_level))
            list_add_head(&by_node(next)->lend_level, &lender->lend_level);
        list_remove(&lender->lend_level);
    }
    list_remove(&lender->lend_node);
}

/* Who serves a waiting thread, if it still lives. */
static struct thread *server_of(const struct thread *lender)
{
    struct thread *server = lender->lent_to;
    return server && server->id == lender->lent_to_id && server->state != THREAD_ENDED ? server : NULL;
}

static uint8_t priority_of(const struct thread *thread)
{
    uint8_t priority = thread->base_priority;
    if (thread->flags & THREAD_DEPRESSED)
        return MK_PRIO_MIN;
    if (!list_empty(&thread->lenders)) {
        uint8_t lent = by_node(thread->lenders.next)->priority;
        priority = lent > priority ? lent : priority;
    }
    return priority;
}

/* Linked, it may still be on its way into the wait. */
static bool is_lending(const struct thread *thread)
{
    return thread->flags & THREAD_LENDS ||
           (thread->state == THREAD_BLOCKED && (thread->serial & 1 || thread->wait == MK_WAIT_SEND));
}

/* Whom the thread lends to now. */
static struct thread *lends_to(const struct thread *thread)
{
    return is_lending(thread) ? server_of(thread) : NULL;
}

/*
 * Each step changes the priority of one more thread of the chain; a ring of
 * threads comes to rest. Returns the thread that had its priority already.
 */
static struct thread *pass_on(struct cpu *cpu, struct thread *thread)
{
    uint8_t priority;
    while (thread && thread->state != THREAD_ENDED && (priority = priority_of(thread)) != thread->priority) {
        struct thread *server = lends_to(thread);
        if (thread->flags & THREAD_LENDS)
            take_out(thread->lent_to, thread);
        sched_change_priority(cpu, thread, priority);
        if (server && priority > server->base_priority)
            insert(server, thread);
        thread = server;
    }
    return thread;
}

/* Does the chain of servers that begins at the thread lead back to it? It may also end in a ring of others. */
static bool is_in_ring(const struct thread *thread)
{
    const struct thread *slow = thread, *fast = thread;
    do {
        fast = lends_to(fast);
        if (fast && fast != thread)
            fast = lends_to(fast);
        slow = lends_to(slow);
    } while (fast && fast != thread && fast != slow);
    return fast == thread;
}

/*
 * Threads that wait for each other in a ring (a deadlock) would hold each other
 * at a priority that nobody has any more. All loans of the ring are taken back,
 * and then made again from what its members have without each other.
 */
static void settle_ring(struct cpu *cpu, struct thread *first)
{
    struct thread *member = first;
    do {
        if (member->flags & THREAD_LENDS)
            take_out(member->lent_to, member);
        member = lends_to(member);
    } while (member != first);
    do {
        uint8_t priority = priority_of(member);
        if (priority != member->priority)
            sched_change_priority(cpu, member, priority);
        member = lends_to(member);
    } while (member != first);
    do {
        struct thread *server = lends_to(member);
        if (!(member->flags & THREAD_LENDS) && member->priority > server->base_priority) {
            insert(server, member);
            pass_on(cpu, server);
        }
        member = server;
    } while (member != first);
}

void lend_update(struct cpu *cpu, struct thread *thread)
{
    thread = pass_on(cpu, thread);
    if (thread && thread->priority > thread->base_priority && is_in_ring(thread))
        settle_ring(cpu, thread);
}

void lend_end(struct cpu *cpu, struct thread *lender)
{
    struct thread *server = lender->lent_to;
    bool is_linked = lender->flags & THREAD_LENDS;
    if (is_linked)
        take_out(server, lender);
    lender->lent_to = NULL;
    if (is_linked)
        lend_update(cpu, server);
}

void lend_to(struct cpu *cpu, struct thread *lender, struct thread *server)
{
    struct thread *before = lender->flags & THREAD_LENDS ? lender->lent_to : NULL;
    if (server == lender)
        server = NULL;
    if (before && before == server)
        return;
    if (before)
        take_out(before, lender);
    lender->lent_to = server;
    if (server) {
        lender->lent_to_id = server->id;
        if (lender->priority > server->base_priority) {
            insert(server, lender);
            pass_on(cpu, server);
        }
    }
    if (before) /* last: who is lent to in both ways does not change, and keeps its place in a run queue */
        lend_update(cpu, before);
}

void lend_forget(struct cpu *cpu, struct thread *server)
{
    while (!list_empty(&server->lenders))
        lend_end(cpu, by_node(server->lenders.next));
}

void lend_link_all(struct cpu *cpu, struct thread *server)
{
    list_for_each (link, &cpu->machine->threads) {
        struct thread *lender = list_entry(link, struct thread, all_link);
        if (is_lending(lender) && server_of(lender) == server && !(lender->flags & THREAD_LENDS) &&
            lender->priority > server->base_priority)
            insert(server, lender);
    }
}
