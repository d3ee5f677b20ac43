/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Isolation by protection keys: memory is open or closed by one register of the processor. A domain gets a key when
 * its task runs; there are few, so that the one whose task ran longest ago loses its own, and its memory gets the key
 * of those that have none. The kernel may touch everything, a task the memory with its domain's key, and what has none.
 */
#include "host/isolation_parts.h"

#include <pthread.h>

#include "host/keys.h"

#define KEYS_OF_MACHINE 6 /* for domains; others want some, too */

/* Of the process: what the kernel's memory has, and what that of domains without a key. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned nr_machines;
static int kernel_key, parked_key;

/* ---- the process's keys ---- */

static bool take_common(void)
{
    if (nr_machines > 0)
        return true;
    kernel_key = host_keys->is_present() ? host_keys->alloc() : -1;
    parked_key = kernel_key > 0 ? host_keys->alloc() : -1;
    if (parked_key > 0)
        return true;
    if (kernel_key > 0)
        host_keys->free(kernel_key);
    return false;
}

static void give_back_common(void)
{
    if (nr_machines > 0)
        return;
    host_keys->free(kernel_key);
    host_keys->free(parked_key);
    host_keys_are_used = false;
}

bool isolation_keys_take(struct host_isolation *isolation)
{
    pthread_mutex_lock(&lock);
    if (take_common()) {
        int key;
        while (isolation->nr_keys < KEYS_OF_MACHINE && (key = host_keys->alloc()) > 0)
            isolation->keys[isolation->nr_keys++] = key;
        nr_machines += isolation->nr_keys > 0;
        if (isolation->nr_keys)
            host_keys_are_used = true;
        else
            give_back_common();
    }
    pthread_mutex_unlock(&lock);
    isolation->kernel.key = kernel_key;
    return isolation->nr_keys > 0;
}

void isolation_keys_give_back(struct host_isolation *isolation)
{
    pthread_mutex_lock(&lock);
    while (isolation->nr_keys > 0)
        host_keys->free(isolation->keys[--isolation->nr_keys]);
    nr_machines--;
    give_back_common();
    pthread_mutex_unlock(&lock);
}

bool host_isolation_has_keys(void)
{
    return host_keys->is_present();
}

uint32_t host_isolation_look_begin(void)
{
    uint32_t rights = 0;
    if (host_keys_are_used) {
        rights = host_keys->rights();
        host_keys->set_rights(0);
    }
    return rights;
}

void host_isolation_look_end(uint32_t rights)
{
    if (host_keys_are_used)
        host_keys->set_rights(rights);
}

/* ---- ranges ---- */

static bool protect(uintptr_t start, uintptr_t end, unsigned access, int key)
{
    return host_keys->protect((void *)start, end - start, access & PAGE_READ, access & PAGE_WRITE, key);
}

static void give_key(const struct host_range *range, int key)
{
    unsigned access;
    for (uintptr_t start = range->start, next; start < range->end; start = next) {
        next = isolation_part(range, &start, &access);
        if (access)
            protect(start, next, access, key);
    }
}

static int key_of(const struct host_domain *domain)
{
    return domain->key ? domain->key : parked_key;
}

static void close_range(struct host_isolation *isolation, const struct host_range *range)
{
    (void)isolation;
    give_key(range, key_of(range->domain));
}

static void open_range(struct host_isolation *isolation, const struct host_range *range)
{
    (void)isolation;
    give_key(range, 0);
}

static bool open_window(struct host_isolation *isolation, const struct host_range *range, uintptr_t start,
                        uintptr_t end, unsigned access)
{
    (void)isolation;
    return protect(start, end, access, key_of(range->domain));
}

static void own_arena(struct host_isolation *isolation, void *start, size_t size)
{
    host_keys->protect(start, size, true, true, isolation->is_suspended ? 0 : kernel_key);
}

/* ---- domains ---- */

static void set_key(struct host_isolation *isolation, struct host_domain *domain, int key)
{
    domain->key = key;
    for (size_t i = 0; i < isolation->nr_ranges; i++)
        if (isolation->ranges[i]->domain == domain)
            close_range(isolation, isolation->ranges[i]);
}

static bool is_taken(const struct host_isolation *isolation, int key)
{
    list_for_each (link, (struct list *)(uintptr_t)&isolation->open)
        if (list_entry(link, struct host_domain, link)->key == key)
            return true;
    return false;
}

/* One that nobody has, or that of the domain whose task ran longest ago. */
static int find_key(struct host_isolation *isolation)
{
    struct host_domain *oldest = NULL;
    for (unsigned i = 0; i < isolation->nr_keys; i++)
        if (!is_taken(isolation, isolation->keys[i]))
            return isolation->keys[i];
    list_for_each (link, &isolation->open) {
        struct host_domain *domain = list_entry(link, struct host_domain, link);
        if (!oldest || domain->stamp < oldest->stamp)
            oldest = domain;
    }
    int key = oldest->key;
    list_remove(&oldest->link);
    set_key(isolation, oldest, 0);
    return key;
}

static void go_on(struct host_isolation *isolation, struct host_domain *domain)
{
    domain->stamp = ++isolation->clock;
    if (domain->key)
        return;
    int key = find_key(isolation);
    set_key(isolation, domain, key);
    list_add_tail(&domain->link, &isolation->open);
}

/* ---- the arena ---- */

static void open_arena(struct host_isolation *isolation)
{
    (void)isolation;
    host_keys->set_rights(0);
}

/* What has no key, and the domain's, and to be read only the kernel's. */
static void close_arena(struct host_isolation *isolation)
{
    uint32_t rights = ~(HOST_KEY_NO_ACCESS(0) | HOST_KEY_NO_WRITE(0));
    rights &= ~HOST_KEY_NO_ACCESS(kernel_key);
    if (isolation->running)
        rights &= ~(HOST_KEY_NO_ACCESS(isolation->running->key) | HOST_KEY_NO_WRITE(isolation->running->key));
    host_keys->set_rights(rights);
}

const struct isolation_ops isolation_by_keys = {
    .open_arena = open_arena,
    .close_arena = close_arena,
    .own_arena = own_arena,
    .go_on = go_on,
    .close_range = close_range,
    .open_range = open_range,
    .open_window = open_window,
};
