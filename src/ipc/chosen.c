/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Names that a task chose: a hash table from the name to the entry, with linear
 * probing and backward-shift deletion. The entry bears the chosen name; the
 * table keeps the kernel's own, under which it will be free again.
 *
 * The kernel must not give out a name that a task chose. So a free entry whose
 * next name is chosen goes on to the next generation (space_next_name), both
 * when a name is chosen and when an entry is freed or taken for the first time.
 */
#include "ipc/sending.h"

static uint32_t home_of(const struct space *space, mk_name_t name)
{
    return (uint32_t)mix64(name) & (space->chosen_size - 1);
}

static struct chosen *find(const struct space *space, mk_name_t name)
{
    if (!space->nr_chosen)
        return NULL;
    uint32_t i = home_of(space, name);
    while (space->chosen[i].name && space->chosen[i].name != name)
        i = (i + 1) & (space->chosen_size - 1);
    return space->chosen[i].name ? &space->chosen[i] : NULL;
}

struct entry *space_lookup_chosen(const struct space *space, mk_name_t name)
{
    const struct chosen *chosen = name ? find(space, name) : NULL;
    return chosen ? &space->table[chosen->index] : NULL;
}

static void insert(struct space *space, struct chosen chosen)
{
    uint32_t i = home_of(space, chosen.name);
    while (space->chosen[i].name)
        i = (i + 1) & (space->chosen_size - 1);
    space->chosen[i] = chosen;
    space->nr_chosen++;
}

static bool grow(struct space *space)
{
    struct kmem *kmem = &space->machine->kmem;
    struct chosen *old = space->chosen;
    uint32_t old_size = space->chosen_size, size = old_size ? 2 * old_size : 16;
    struct chosen *table = kmem_zalloc(kmem, size * sizeof(*table));
    if (!table)
        return false;
    space->chosen = table;
    space->chosen_size = size;
    space->nr_chosen = 0;
    for (uint32_t i = 0; i < old_size; i++)
        if (old[i].name)
            insert(space, old[i]);
    kmem_free(kmem, old, old_size * sizeof(*old));
    return true;
}

static void remove_chosen(struct space *space, struct chosen *chosen)
{
    uint32_t mask = space->chosen_size - 1, i = (uint32_t)(chosen - space->chosen);
    for (uint32_t j = (i + 1) & mask; space->chosen[j].name; j = (j + 1) & mask) {
        uint32_t home = home_of(space, space->chosen[j].name);
        if (((j - home) & mask) >= ((j - i) & mask)) { /* it may move back to the gap */
            space->chosen[i] = space->chosen[j];
            i = j;
        }
    }
    space->chosen[i].name = MK_NAME_NULL;
    space->nr_chosen--;
}

mk_name_t space_next_name(const struct space *space, mk_name_t name)
{
    do {
        name += NAME_FIRST;
        if (name < NAME_FIRST) /* generation 0 is skipped: no name is a bare index */
            name += NAME_FIRST;
    } while (unlikely(space->nr_chosen) && find(space, name));
    return name;
}

mk_name_t space_own_name(struct space *space, const struct entry *entry)
{
    struct chosen *chosen = find(space, entry->name);
    if (!chosen)
        return entry->name;
    mk_name_t own = chosen->own;
    remove_chosen(space, chosen);
    return own;
}

/* Does this index keep another generation that the kernel can give out, when `name` is chosen as well? */
static bool leaves_another(const struct space *space, mk_name_t name)
{
    mk_name_t other = name & NAME_INDEX_MASK;
    if (name < NAME_FIRST)
        return true;
    for (uint32_t generation = 1; generation < 1u << (32 - NAME_INDEX_BITS); generation++) {
        other += NAME_FIRST;
        if (other != name && !find(space, other))
            return true;
    }
    return false;
}

/*
 * What else knows a right by its name: its port, requests for notices, the task and its threads where it is their own,
 * and threads that wait at it.
 */
static void tell(struct space *space, struct entry *entry, mk_name_t old)
{
    if (entry->type == MK_RIGHT_PORT_SET)
        entry->set->name = entry->name;
    else if (entry->type & MK_RIGHT_RECEIVE)
        entry->port->name = entry->name;
    if (entry->type != MK_RIGHT_PORT_SET && entry->type != ENTRY_REPLY)
        for (struct notify *notify = entry->requests; notify; notify = notify->next_of_entry)
            notify->name = entry->name;
    struct task *task = space->task;
    if (task->self_name == old)
        task->self_name = entry->name;
    if (task->service == old)
        task->service = entry->name;
    list_for_each (link, &task->threads) {
        struct thread *thread = list_entry(link, struct thread, task_link);
        if (thread->self_name == old)
            thread->self_name = entry->name;
        if (thread->door_name == old)
            thread->door_name = entry->name;
        if (thread->unsent && thread->unsent->dest_name == old)
            thread->unsent->dest_name = entry->name;
    }
}

mk_err_t space_rename(struct space *space, struct entry *entry, mk_name_t name)
{
    uint32_t index = name & NAME_INDEX_MASK;
    mk_name_t old = entry->name;
    if (space_lookup(space, name))
        return MK_E_NAME_IN_USE;
    if (!leaves_another(space, name))
        return MK_E_LIMIT_NAMES;
    if (2 * (space->nr_chosen + 1) > space->chosen_size && !grow(space))
        return MK_E_NO_MEMORY;
    mk_name_t own = space_own_name(space, entry);
    insert(space, (struct chosen){.name = name, .index = (uint32_t)(entry - space->table), .own = own});
    entry->name = name;
    if (index < space->fresh && !space->table[index].type && space->table[index].name == name)
        space->table[index].name = space_next_name(space, name);
    tell(space, entry, old);
    return MK_OK;
}
