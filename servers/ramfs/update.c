/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Live update. The state is
 *
 *     a header; the pieces of blocks, as memory, which is shared until one of both versions writes
 *     the nodes, folder by folder from the root, so that a node's parent comes before it; then removed files
 *     the pager's port; of each mapped file its object
 *     of each open file its port
 *
 * Nodes are meant by their place in this order. Operations on mapped files are finished before. Nothing of what comes
 * in is trusted: a version that writes nonsense must not take the next one with it.
 */
#include <stdlib.h>
#include <string.h>

#include "ramfs.h"

#define STATE_VERSION 1u

struct header {
    uint32_t version;
    uint32_t block, piece; /* bytes */
    uint32_t nr_pieces, nr_nodes, nr_maps, nr_open;
    uint32_t has_pager;
    uint64_t limit, last_cookie;
};

struct node_record {
    uint64_t size;
    uint32_t nr_children; /* of a folder: they come behind what came before */
    uint16_t name_size;
    uint8_t is_folder, is_removed;
};

struct map_record {
    uint64_t cookie, size;
    uint32_t node;
    uint32_t has_memory;
};

struct open_record {
    uint32_t number; /* from 1 */
    uint32_t node;
};

/* ---- nodes by number ---- */

/* Give a removed node the next number, if it has none yet; without `nodes` it has none from now on. */
static void number_removed(struct ramfs_node *node, struct ramfs_node **nodes, uint32_t *nrp)
{
    if (node == NULL || !node->is_removed)
        return;
    if (nodes == NULL)
        node->number = 0;
    else if (node->number == 0)
        nodes[node->number = (*nrp)++] = node;
}

/* They are found through what holds them. */
static void number_all_removed(struct ramfs *fs, struct ramfs_node **nodes, uint32_t *nrp)
{
    for (size_t i = 0; i < OPEN_MAX; i++)
        number_removed(fs->open[i].node, nodes, nrp);
    for (struct ramfs_map *map = fs->maps; map != NULL; map = map->next)
        number_removed(map->node, nodes, nrp);
}

/* All nodes in their order, the root first. Freed by the caller. NULL: no memory. */
static struct ramfs_node **number_nodes(struct ramfs *fs)
{
    struct ramfs_node **nodes = calloc(fs->tree.nr_nodes, sizeof(struct ramfs_node *));
    uint32_t nr = 1;

    if (nodes == NULL)
        return NULL;
    nodes[0] = fs->tree.root;
    for (uint32_t i = 0; i < nr; i++) {
        nodes[i]->number = i;
        for (size_t j = 0; j < nodes[i]->nr_children; j++)
            nodes[nr++] = nodes[i]->children[j];
    }
    number_all_removed(fs, NULL, NULL);
    number_all_removed(fs, nodes, &nr);
    return nodes;
}

/* ---- writing ---- */

static void put_header(const struct ramfs *fs, struct mk_state *out)
{
    struct header header = {.version = STATE_VERSION,
                            .block = FILE_BLOCK,
                            .piece = PIECE_SIZE,
                            .nr_pieces = fs->tree.blocks.nr_pieces,
                            .nr_nodes = fs->tree.nr_nodes,
                            .has_pager = fs->pager != MK_NAME_NULL,
                            .limit = fs->tree.limit,
                            .last_cookie = fs->last_cookie};

    for (size_t i = 0; i < OPEN_MAX; i++)
        header.nr_open += fs->open[i].node != NULL;
    for (const struct ramfs_map *map = fs->maps; map != NULL; map = map->next)
        header.nr_maps++;
    (void)mk_state_put(out, &header, sizeof(header));
}

static void put_node(const struct ramfs_node *node, struct mk_state *out)
{
    const struct node_record record = {.size = node->size,
                                       .nr_children = (uint32_t)node->nr_children,
                                       .name_size = (uint16_t)node->name_size,
                                       .is_folder = node->is_folder,
                                       .is_removed = node->is_removed};

    (void)mk_state_put(out, &record, sizeof(record));
    (void)mk_state_put(out, node->name, node->name_size);
    if (node->size > 0)
        (void)mk_state_put(out, node->blocks, file_nr_blocks(node->size) * sizeof(uint32_t));
}

static void put_maps(const struct ramfs *fs, struct mk_state *out)
{
    if (fs->pager != MK_NAME_NULL)
        (void)mk_state_put_right(out, fs->pager);
    for (const struct ramfs_map *map = fs->maps; map != NULL; map = map->next) {
        const struct map_record record = {map->cookie, map->size, map->node->number, map->memory != MK_NAME_NULL};

        (void)mk_state_put(out, &record, sizeof(record));
        (void)mk_state_put_right(out, map->control);
        if (record.has_memory)
            (void)mk_state_put_right(out, map->memory);
    }
}

mk_err_t update_save(void *state, struct mk_state *out)
{
    struct ramfs *fs = state;
    struct ramfs_node **nodes;
    mk_err_t err = mapped_finish(fs);

    if (err != MK_OK)
        return err;
    nodes = number_nodes(fs);
    if (nodes == NULL)
        return MK_E_NO_MEMORY;
    put_header(fs, out);
    for (uint32_t i = 0; i < fs->tree.blocks.nr_pieces; i++)
        (void)mk_state_put_memory(out, fs->tree.blocks.pieces[i], PIECE_SIZE);
    for (uint32_t i = 0; i < fs->tree.nr_nodes; i++)
        put_node(nodes[i], out);
    free(nodes);
    put_maps(fs, out);
    for (uint32_t i = 0; i < OPEN_MAX; i++) {
        if (fs->open[i].node == NULL)
            continue;
        const struct open_record record = {i + 1, fs->open[i].node->number};

        (void)mk_state_put(out, &record, sizeof(record));
        (void)mk_state_put_right(out, fs->open[i].port);
    }
    return MK_OK;
}

/* ---- going on ---- */

/* It came back, or never left. Nobody may use the file any more: then the notice comes now. */
static void serve_file(struct ramfs *fs, mk_name_t port)
{
    mk_err_t err = mk_portset_add(fs->set, port);

    if (err == MK_OK)
        err = mk_port_notify(port, MK_NOTIFY_NO_SENDERS, 0, port);
    if (err != MK_OK && err != MK_E_BAD_STATE)
        mk_log("an open file is not served any more: %s", mk_err_text(err));
}

static void serve_port(struct ramfs *fs, mk_name_t port)
{
    mk_err_t err = mk_portset_add(fs->set, port);

    if (err != MK_OK && err != MK_E_BAD_STATE)
        mk_log("a port is not served any more: %s", mk_err_text(err));
}

void update_resume(void *state)
{
    struct ramfs *fs = state;

    serve_port(fs, mk_server_port());
    if (fs->pager != MK_NAME_NULL)
        serve_port(fs, fs->pager);
    for (size_t i = 0; i < OPEN_MAX; i++)
        if (fs->open[i].node != NULL)
            serve_file(fs, fs->open[i].port);
}

/* ---- reading ---- */

/* What is read, and how far. */
struct reading {
    struct mk_state *in;
    struct ramfs *fs;
    struct header header;
    struct ramfs_node **nodes;
    struct ramfs_node **parents; /* of each node, as far as its folder was read */
    uint32_t nr_placed;          /* nodes that have a place in the tree */
};

static mk_err_t nonsense(const char *what)
{
    mk_log("the state is not in order: %s", what);
    return MK_E_BAD_ARGUMENT;
}

static mk_err_t get_header(struct reading *r)
{
    struct header *h = &r->header;
    mk_err_t err = mk_state_get(r->in, &h->version, sizeof(h->version));

    if (err == MK_OK && h->version != STATE_VERSION) {
        mk_log("the state is of version %u, and this server reads %u", h->version, STATE_VERSION);
        return MK_E_NOT_SUPPORTED;
    }
    if (err == MK_OK)
        err = mk_state_get(r->in, &h->version + 1, sizeof(*h) - sizeof(h->version));
    if (err != MK_OK)
        return err;
    if (h->block != FILE_BLOCK || h->piece != PIECE_SIZE)
        return nonsense("blocks of another size");
    if (h->nr_nodes == 0 || h->nr_nodes > TREE_NODES_MAX || h->nr_open > OPEN_MAX || h->nr_maps > h->nr_nodes ||
        h->limit > SIZE_MAX / 2 || h->nr_pieces > UINT32_MAX / PIECE_BLOCKS - 1)
        return nonsense("more than there can be");
    return MK_OK;
}

static mk_err_t get_pieces(struct reading *r)
{
    mk_err_t err = MK_OK;

    for (uint32_t i = 0; err == MK_OK && i < r->header.nr_pieces; i++) {
        void *piece;
        size_t size;

        err = mk_state_get_memory(r->in, &piece, &size);
        if (err == MK_OK && (size != PIECE_SIZE || (mk_vaddr_t)piece % mk_page_size() != 0))
            err = nonsense("a piece of blocks of another size");
        if (err == MK_OK && !blocks_give(&r->fs->tree.blocks, piece))
            err = MK_E_NO_MEMORY;
    }
    return err;
}

static mk_err_t get_contents(struct reading *r, struct ramfs_node *node, uint64_t size)
{
    size_t nr = file_nr_blocks(size);
    uint32_t *blocks;
    mk_err_t err;

    if (size > r->fs->tree.limit)
        return nonsense("a file that is larger than all may be");
    blocks = calloc(nr + 1, sizeof(uint32_t));
    if (blocks == NULL)
        return MK_E_NO_MEMORY;
    err = mk_state_get(r->in, blocks, nr * sizeof(uint32_t));
    if (err == MK_OK)
        err = file_restore(&r->fs->tree, node, size, blocks, nr);
    return err == MK_E_BAD_ARGUMENT ? nonsense("a block that is none, or another file's") : err;
}

static mk_err_t get_node(struct reading *r, uint32_t number)
{
    char name[TREE_NAME_MAX];
    struct node_record record;
    struct ramfs_node *folder = r->parents[number], *node;
    mk_err_t err = mk_state_get(r->in, &record, sizeof(record));

    if (err == MK_OK && record.name_size > sizeof(name))
        err = nonsense("a name that is too long");
    if (err == MK_OK)
        err = mk_state_get(r->in, name, record.name_size);
    if (err != MK_OK)
        return err;
    if ((folder == NULL && number > 0) != record.is_removed || (record.is_removed && record.is_folder) ||
        (number == 0 && !record.is_folder) || (!record.is_folder && record.nr_children > 0) ||
        (record.is_folder && record.size > 0) || record.nr_children > r->header.nr_nodes - r->nr_placed)
        return nonsense("a file or folder at the wrong place");
    err = tree_append(&r->fs->tree, folder, name, record.name_size, record.is_folder, record.nr_children, &node);
    if (err != MK_OK)
        return err == MK_E_BAD_ARGUMENT ? nonsense("a name that is none, or twice in a folder") : err;
    node->is_removed = record.is_removed;
    r->nodes[number] = node;
    for (uint32_t i = 0; i < record.nr_children; i++)
        r->parents[r->nr_placed++] = node;
    return record.size > 0 ? get_contents(r, node, record.size) : MK_OK;
}

static mk_err_t get_nodes(struct reading *r)
{
    mk_err_t err = MK_OK;

    r->nr_placed = 1; /* the root */
    for (uint32_t i = 0; err == MK_OK && i < r->header.nr_nodes; i++)
        err = get_node(r, i);
    r->fs->tree.root = r->nodes[0];
    blocks_given(&r->fs->tree.blocks);
    return err;
}

/* A file by its number. NULL: there is none. */
static struct ramfs_node *file_numbered(const struct reading *r, uint32_t number)
{
    return number < r->header.nr_nodes && !r->nodes[number]->is_folder ? r->nodes[number] : NULL;
}

static mk_err_t get_map(struct reading *r)
{
    struct map_record record;
    struct ramfs_map *map = calloc(1, sizeof(*map));
    struct ramfs_node *node;
    mk_err_t err = mk_state_get(r->in, &record, sizeof(record));

    if (map == NULL)
        return MK_E_NO_MEMORY;
    if (err == MK_OK)
        err = mk_state_get_right(r->in, MK_RIGHT_SEND, &map->control);
    if (err == MK_OK && record.has_memory)
        err = mk_state_get_right(r->in, MK_RIGHT_SEND, &map->memory);
    if (err != MK_OK)
        return err;
    node = file_numbered(r, record.node);
    if (node == NULL || node->map != NULL || record.size == 0 || record.size % mk_page_size() != 0)
        return nonsense("a mapped file that is none");
    map->cookie = record.cookie;
    map->size = record.size;
    mapped_add(r->fs, map, node);
    return MK_OK;
}

static mk_err_t get_maps(struct reading *r)
{
    mk_err_t err = MK_OK;

    if (r->header.has_pager)
        err = mk_state_get_right(r->in, MK_RIGHT_RECEIVE, &r->fs->pager);
    else if (r->header.nr_maps > 0)
        err = nonsense("mapped files without a pager");
    if (err == MK_OK && r->header.has_pager)
        err = mk_portset_add(r->fs->set, r->fs->pager);
    for (uint32_t i = 0; err == MK_OK && i < r->header.nr_maps; i++)
        err = get_map(r);
    r->fs->last_cookie = r->header.last_cookie;
    return err;
}

static mk_err_t get_open_file(struct reading *r)
{
    struct open_record record;
    struct open_file *file;
    struct ramfs_node *node;
    mk_name_t port;
    mk_err_t err = mk_state_get(r->in, &record, sizeof(record));

    if (err == MK_OK)
        err = mk_state_get_right(r->in, MK_RIGHT_RECEIVE, &port);
    if (err != MK_OK)
        return err;
    node = file_numbered(r, record.node);
    file = record.number >= 1 && record.number <= OPEN_MAX ? &r->fs->open[record.number - 1] : NULL;
    if (node == NULL || file == NULL || file->node != NULL || port == MK_NAME_DEAD)
        return nonsense("an open file that is none");
    *file = (struct open_file){node, port};
    tree_open(node);
    serve_file(r->fs, port);
    return MK_OK;
}

static mk_err_t get_open_files(struct reading *r)
{
    mk_err_t err = MK_OK;

    for (uint32_t i = 0; err == MK_OK && i < r->header.nr_open; i++)
        err = get_open_file(r);
    for (uint32_t i = 0; err == MK_OK && i < r->header.nr_nodes; i++)
        if (r->nodes[i]->is_removed && r->nodes[i]->nr_open == 0)
            err = nonsense("a removed file that nobody has open");
    return err;
}

/* fs->set is there. */
mk_err_t update_restore(void **statep, struct mk_state *in)
{
    struct reading r = {.in = in, .fs = *statep};
    mk_err_t err = get_header(&r);

    if (err != MK_OK)
        return err;
    tree_begin(&r.fs->tree, r.header.limit);
    r.nodes = calloc(r.header.nr_nodes, sizeof(struct ramfs_node *));
    r.parents = calloc(r.header.nr_nodes, sizeof(struct ramfs_node *));
    if (r.nodes == NULL || r.parents == NULL)
        return MK_E_NO_MEMORY;
    err = get_pieces(&r);
    if (err == MK_OK)
        err = get_nodes(&r);
    if (err == MK_OK)
        err = get_maps(&r);
    if (err == MK_OK)
        err = get_open_files(&r);
    free(r.nodes);
    free(r.parents);
    return err;
}
