/* SPDX-License-Identifier: BSD-2-Clause */
/* A map from numbers to pointers; see idmap.h. */
#include "idmap.h"

#include "text.h"

#include <stdlib.h>
#include <string.h>

static size_t home(const struct idmap *map, uint64_t id)
{
    return (size_t)((id * 0x9e3779b97f4a7c15u) >> 32) & (map->size - 1);
}

/* The slot of the id, or the free one where it belongs. */
static size_t find(const struct idmap *map, uint64_t id)
{
    size_t i = home(map, id);
    while (map->slots[i].value && map->slots[i].id != id)
        i = (i + 1) & (map->size - 1);
    return i;
}

void *idmap_get(const struct idmap *map, uint64_t id)
{
    return map->size ? map->slots[find(map, id)].value : NULL;
}

static void grow(struct idmap *map)
{
    struct idmap old = *map;
    map->size = old.size ? old.size * 2 : 16;
    map->slots = text_realloc(NULL, map->size, sizeof(*map->slots));
    memset(map->slots, 0, map->size * sizeof(*map->slots));
    for (size_t i = 0; i < old.size; i++)
        if (old.slots[i].value)
            map->slots[find(map, old.slots[i].id)] = old.slots[i];
    free(old.slots);
}

void idmap_add(struct idmap *map, uint64_t id, void *value)
{
    if (map->nr * 2 >= map->size)
        grow(map);
    map->slots[find(map, id)] = (struct idmap_slot){id, value};
    map->nr++;
}

void *idmap_remove(struct idmap *map, uint64_t id)
{
    size_t i = map->size ? find(map, id) : 0;
    if (!map->size || !map->slots[i].value)
        return NULL;
    void *value = map->slots[i].value;
    /* Move back what was pushed on by the one that goes, so that no search ends too early. */
    for (size_t j = (i + 1) & (map->size - 1); map->slots[j].value; j = (j + 1) & (map->size - 1)) {
        size_t wanted = home(map, map->slots[j].id);
        if (((j - wanted) & (map->size - 1)) >= ((j - i) & (map->size - 1))) {
            map->slots[i] = map->slots[j];
            i = j;
        }
    }
    map->slots[i].value = NULL;
    map->nr--;
    return value;
}

void idmap_finish(struct idmap *map)
{
    free(map->slots);
    *map = (struct idmap){0};
}
