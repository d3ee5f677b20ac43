/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Port spaces: names to rights.
 *
 * A name is an index into the table with a generation above it, so that a
 * look-up is one comparison and a stale name is refused. The table is reserved
 * at full size and committed as it grows, hence never moves. Send rights that
 * do not share the receive right's name are also found by (port, badge), in a
 * hash table with linear probing and backward-shift deletion.
 */
#include "ipc/ipc.h"

#include "host/pages.h"
#include "kern/sched.h"

#define TABLE_BYTES ((size_t)MK_NAMES_MAX * sizeof(struct entry))
#define TABLE_MIN   128 /* entries committed at first: one host page */

/* The first n entries can be used. Where memory is isolated all can at once, and are opened as they are touched. */
static bool table_commit(struct space *space, size_t n)
{
    struct host_isolation *isolation = space->machine->cpu->host.isolation;
    if (!isolation)
        return host_pages_commit(space->table, n * sizeof(struct entry));
    return space->size || host_range_add(isolation, NULL, space->table, TABLE_BYTES, HOST_RANGE_KERNEL, 0);
}

mk_err_t space_create(struct task *task, struct space **spacep)
{
    struct mk_machine *machine = task->machine;
    struct space *space = kmem_zalloc(&machine->kmem, sizeof(*space));
    if (!space)
        return MK_E_NO_MEMORY;
    space->machine = machine;
    space->table = host_pages_reserve(TABLE_BYTES);
    if (!space->table || !table_commit(space, TABLE_MIN)) {
        host_pages_free(space->table, TABLE_BYTES);
        kmem_free(&machine->kmem, space, sizeof(*space));
        return MK_E_LIMIT_HOST;
    }
    space->size = TABLE_MIN;
    space->fresh = 1;
    space->task = task;
    task->names = space->table;
    *spacep = space;
    return MK_OK;
}

void space_destroy(struct space *space)
{
    struct mk_machine *machine = space->machine;

    for (uint32_t i = 1; i < space->fresh; i++) {
        struct entry *entry = &space->table[i];
        if (!entry->type)
            continue;
        if (entry->type == MK_RIGHT_PORT_SET)
            portset_destroy(space, entry);
        else if (entry->type & MK_RIGHT_RECEIVE)
            port_destroy(machine, entry_take_receive(space, entry));
        if (entry->type)
            entry_release_all(space, entry);
    }
    kmem_free(&machine->kmem, space->hash, space->hash_size * sizeof(uint32_t));
    kmem_free(&machine->kmem, space->chosen, space->chosen_size * sizeof(*space->chosen));
    if (machine->cpu->host.isolation)
        host_range_remove(machine->cpu->host.isolation, space->table);
    host_pages_free(space->table, TABLE_BYTES);
    kmem_free(&machine->kmem, space, sizeof(*space));
}

/* ---- the hash ---- */

static uint32_t hash_of(const struct port *port, uint64_t badge)
{
    return (uint32_t)mix64(port->id * 0x9e3779b97f4a7c15u ^ badge);
}

static bool hash_resize(struct space *space, uint32_t size)
{
    struct kmem *kmem = &space->machine->kmem;
    uint32_t *old = space->hash, old_size = space->hash_size;
    uint32_t *hash = kmem_zalloc(kmem, size * sizeof(uint32_t));
    if (!hash)
        return false;
    space->hash = hash;
    space->hash_size = size;
    space->hash_used = 0;
    for (uint32_t i = 0; i < old_size; i++)
        if (old[i])
            space_hash_add(space, &space->table[old[i]]);
    kmem_free(kmem, old, old_size * sizeof(uint32_t));
    return true;
}

void space_hash_add(struct space *space, const struct entry *entry)
{
    uint32_t mask = space->hash_size - 1;
    uint32_t i = hash_of(entry->port, entry->badge) & mask;
    while (space->hash[i])
        i = (i + 1) & mask;
    space->hash[i] = (uint32_t)(entry - space->table);
    space->hash_used++;
}

void space_hash_remove(struct space *space, const struct entry *entry)
{
    if (!space->hash_size)
        return;
    uint32_t mask = space->hash_size - 1, index = (uint32_t)(entry - space->table);
    uint32_t i = hash_of(entry->port, entry->badge) & mask;
    while (space->hash[i] != index) {
        if (!space->hash[i])
            return; /* a dead name that stood under its receive right */
        i = (i + 1) & mask;
    }
    for (uint32_t j = (i + 1) & mask; space->hash[j]; j = (j + 1) & mask) {
        const struct entry *other = &space->table[space->hash[j]];
        uint32_t home = hash_of(other->port, other->badge) & mask;
        if (((j - home) & mask) >= ((j - i) & mask)) { /* it may move back to the gap */
            space->hash[i] = space->hash[j];
            i = j;
        }
    }
    space->hash[i] = 0;
    space->hash_used--;
}

struct entry *space_find_send(struct space *space, const struct port *port, uint64_t badge)
{
    if (port->space == space && badge == 0) {
        struct entry *entry = space_lookup(space, port->name);
        return entry->type & MK_RIGHT_SEND ? entry : NULL;
    }
    if (!space->hash_size)
        return NULL;
    uint32_t mask = space->hash_size - 1;
    for (uint32_t i = hash_of(port, badge) & mask; space->hash[i]; i = (i + 1) & mask) {
        struct entry *entry = &space->table[space->hash[i]];
        if (entry->port == port && entry->badge == badge)
            return entry;
    }
    return NULL;
}

/* ---- entries ---- */

static mk_err_t table_grow(struct space *space)
{
    if (space->size >= MK_NAMES_MAX)
        return MK_E_LIMIT_NAMES;
    struct kmem *kmem = &space->machine->kmem;
    if (kmem->hook && !kmem->hook(kmem->hook_arg, space->size * sizeof(struct entry)))
        return MK_E_NO_MEMORY;
    if (!table_commit(space, 2 * (size_t)space->size))
        return MK_E_NO_MEMORY;
    space->size *= 2;
    return MK_OK;
}

mk_err_t space_reserve(struct space *space, uint32_t n)
{
    /* The last index is never used: its last name would be MK_NAME_DEAD. */
    while (unlikely(space->nr_free + (space->size - space->fresh) < n + (space->size == MK_NAMES_MAX))) {
        mk_err_t err = table_grow(space);
        if (err)
            return err;
    }
    uint32_t used = space->hash_used + space->hash_kept + n;
    if (unlikely(2 * used > space->hash_size)) {
        uint32_t size = space->hash_size ? space->hash_size : 16;
        while (size < 2 * used)
            size *= 2;
        if (!hash_resize(space, size))
            return MK_E_NO_MEMORY;
    }
    return MK_OK;
}

struct entry *space_take(struct space *space, uint8_t type)
{
    struct entry *entry;
    if (space->nr_free >= SPACE_FREE_MIN ||
        (space->nr_free && (space->fresh == space->size || space->fresh == MK_NAMES_MAX - 1))) {
        entry = &space->table[space->free];
        space->free = entry->next_free;
        space->nr_free--;
    } else {
        entry = &space->table[space->fresh];
        entry->name = space_next_name(space, space->fresh);
        space->fresh++;
    }
    entry->type = type;
    entry->badge = 0;
    entry->user_refs = 1;
    entry->requests = NULL;
    space->nr_names++;
    return entry;
}

void space_give_back(struct space *space, struct entry *entry)
{
    mk_name_t own = unlikely(space->nr_chosen) ? space_own_name(space, entry) : entry->name;
    space_free_entry(space, entry, space_next_name(space, own));
}
