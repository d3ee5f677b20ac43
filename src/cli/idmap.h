/* SPDX-License-Identifier: BSD-2-Clause */
/* A map from numbers to pointers: open addressing with linear probing. */
#ifndef CLI_IDMAP_H
#define CLI_IDMAP_H

#include <stddef.h>
#include <stdint.h>

struct idmap_slot {
    uint64_t id;
    void *value; /* NULL: free */
};

/* All zero is an empty map. */
struct idmap {
    struct idmap_slot *slots;
    size_t size; /* a power of two, or 0 */
    size_t nr;
};

void *idmap_get(const struct idmap *map, uint64_t id);
void idmap_add(struct idmap *map, uint64_t id, void *value); /* the id is not in it yet */
void *idmap_remove(struct idmap *map, uint64_t id);
void idmap_finish(struct idmap *map); /* frees the map, not the values */

#endif
