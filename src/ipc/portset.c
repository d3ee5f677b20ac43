/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Port sets. A member is a port or another set; the ready ones, those with a
 * message, stand in line, and whose turn came goes to the end. A set that has a
 * ready member is ready in the set around it, where it takes one turn like any
 * member.
 */
#include "ipc/ipc.h"

#include "kern/choice.h"
#include "kern/sched.h"

static struct port *member_port(struct list *link)
{
    return list_entry(link, struct port, member.link);
}

static struct portset *member_portset(struct list *link)
{
    return list_entry(link, struct portset, member.link);
}

static bool link_is_set(const struct list *link)
{
    return list_entry(link, const struct member, link)->owner & MEMBER_IS_SET;
}

mk_err_t portset_create(struct space *space, mk_name_t *namep)
{
    struct mk_machine *machine = space->machine;
    mk_err_t err = space_reserve(space, 1);
    if (err)
        return err;
    struct portset *set = kmem_zalloc(&machine->kmem, sizeof(*set));
    if (!set)
        return MK_E_NO_MEMORY;
    set->id = ++machine->next_port;
    set->space = space;
    list_init(&set->ready);
    list_init(&set->idle);
    list_init(&set->receivers);
    list_init(&set->member.link);
    list_add_tail(&set->all_link, &machine->sets);
    struct entry *entry = space_take(space, MK_RIGHT_PORT_SET);
    entry->set = set;
    *namep = set->name = entry->name;
    return MK_OK;
}

/* ---- ready or idle ---- */

static void move_to(struct list *members, struct member *member)
{
    list_remove(&member->link);
    list_add_tail(&member->link, members);
}

/* A set that was ready already keeps its place in line. */
static void became_ready(struct member *member)
{
    bool was_ready = false;
    for (struct portset *set = member_set(member); set && !was_ready; set = member_set(member)) {
        was_ready = !list_empty(&set->ready);
        move_to(&set->ready, member);
        member = &set->member;
    }
}

/* A set that has no ready member any more is idle in the set around it. */
static void became_idle(struct portset *set)
{
    for (struct portset *outer; (outer = member_set(&set->member)) && list_empty(&set->ready); set = outer)
        move_to(&outer->idle, &set->member);
}

void port_became_ready(struct port *port)
{
    became_ready(&port->member);
}

void port_took_turn(struct port *port)
{
    struct member *member = &port->member;
    bool is_ready = port_has_message(port);
    for (struct portset *set = member_set(member); set; set = member_set(member)) {
        move_to(is_ready ? &set->ready : &set->idle, member);
        is_ready = !list_empty(&set->ready);
        member = &set->member;
    }
}

struct port *portset_choose(struct cpu *cpu, const struct portset *set)
{
    while (!list_empty(&set->ready)) {
        struct list *link = choice_from(cpu, CHOICE_PORT, (struct list *)(uintptr_t)&set->ready);
        if (!link_is_set(link))
            return member_port(link);
        set = member_portset(link);
    }
    return NULL;
}

/* ---- ports that queue nothing ---- */

bool portset_each_rendezvous(struct portset *set, bool (*fn)(struct cpu *cpu, struct port *port), struct cpu *cpu)
{
    if (!set->nr_rendezvous)
        return false;
    list_for_each (link, &set->idle) {
        if (link_is_set(link) ? portset_each_rendezvous(member_portset(link), fn, cpu)
                              : member_port(link)->queue_limit == 0 && fn(cpu, member_port(link)))
            return true;
    }
    return false;
}

static void count_rendezvous(const struct member *member, int change)
{
    for (struct portset *set = member_set(member); set; set = member_set(&set->member))
        set->nr_rendezvous += change;
}

void portset_count_rendezvous(const struct port *port, int change)
{
    count_rendezvous(&port->member, change);
}

/* ---- members ---- */

void portset_wake(struct portset *set)
{
    for (; set; set = member_set(&set->member))
        sched_wake_all(set->space->machine->cpu, &set->receivers, MK_RETRY);
}

static void member_add(struct portset *set, struct member *member, bool is_set, int nr_rendezvous, bool is_ready)
{
    member->owner = (uintptr_t)set | (is_set ? MEMBER_IS_SET : 0);
    count_rendezvous(member, nr_rendezvous);
    list_add_tail(&member->link, &set->idle);
    if (is_ready)
        became_ready(member);
    if (is_ready || nr_rendezvous)
        portset_wake(set);
}

static void member_remove(struct member *member, int nr_rendezvous)
{
    struct portset *set = member_set(member);
    count_rendezvous(member, -nr_rendezvous);
    list_remove(&member->link);
    member->owner = 0;
    became_idle(set);
}

mk_err_t portset_add_port(struct portset *set, struct port *port)
{
    if (member_set(&port->member))
        return MK_E_BAD_STATE;
    member_add(set, &port->member, false, port->queue_limit == 0, port_has_message(port));
    return MK_OK;
}

/* How many sets lie inside each other, this one counted. */
static unsigned depth_inside(struct portset *set)
{
    unsigned deepest = 0;
    struct list *const lists[] = {&set->ready, &set->idle};
    for (int i = 0; i < 2; i++)
        list_for_each (link, lists[i])
            if (link_is_set(link)) {
                unsigned depth = depth_inside(member_portset(link));
                deepest = depth > deepest ? depth : deepest;
            }
    return deepest + 1;
}

mk_err_t portset_add_set(struct portset *set, struct portset *inner)
{
    unsigned depth = 0;
    if (member_set(&inner->member))
        return MK_E_BAD_STATE;
    for (const struct portset *around = set; around; around = member_set(&around->member), depth++)
        if (around == inner)
            return MK_E_CIRCULAR;
    if (depth + depth_inside(inner) > MK_SET_DEPTH_MAX)
        return MK_E_LIMIT_DEPTH;
    member_add(set, &inner->member, true, inner->nr_rendezvous, !list_empty(&inner->ready));
    return MK_OK;
}

void portset_remove_port(struct port *port)
{
    member_remove(&port->member, port->queue_limit == 0);
}

void portset_remove_set(struct portset *inner)
{
    member_remove(&inner->member, inner->nr_rendezvous);
}

static void remove_all(struct list *members)
{
    while (!list_empty(members)) {
        if (link_is_set(members->next))
            portset_remove_set(member_portset(members->next));
        else
            portset_remove_port(member_port(members->next));
    }
}

void portset_destroy(struct space *space, struct entry *entry)
{
    struct portset *set = entry->set;
    if (member_set(&set->member))
        portset_remove_set(set);
    remove_all(&set->ready);
    remove_all(&set->idle);
    sched_wake_all(space->machine->cpu, &set->receivers, MK_E_DEAD);
    list_remove(&set->all_link);
    kmem_free(&space->machine->kmem, set, sizeof(*set));
    space_give_back(space, entry);
}
