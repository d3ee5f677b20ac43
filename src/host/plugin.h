/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Plugins: checked by reading their ELF file, loaded from a copy of their own, so that every instance
 * has fresh globals. One that ended is made fresh again and used for the next instance (plugin_idle.h).
 */
#ifndef HOST_PLUGIN_H
#define HOST_PLUGIN_H

#include <stddef.h>
#include <stdint.h>

#include <mk/error.h>
#include <mk/server.h>

struct host_plugin {
    void *handle;
    const void *entry;            /* its mk_server_entry */
    void *data;                   /* pages of its variables, */
    size_t data_size;             /* but those that are read-only once it is loaded */
    char path[256];               /* of the copy */
    struct plugin_origin *origin; /* for plugin_idle.c */
};

/* Read-only. MK_OK, MK_E_PLUGIN_FILE, MK_E_PLUGIN_ABI, MK_E_PLUGIN_REFUSED, with a line in why. */
mk_err_t host_plugin_check(const char *path, char *why, size_t why_size);

/* After a check. MK_E_PLUGIN_FILE, MK_E_LIMIT_HOST, with a line in why. */
mk_err_t host_plugin_open(struct host_plugin *plugin, const char *path, const char *label,
                          const struct mk_binding *bindings, char *why, size_t why_size);
/* What `symbol` is in a shared object of another kind, which stays loaded; NULL, with a line in why. */
const void *host_plugin_symbol(const char *path, const char *symbol, char *why, size_t why_size);
/* Has it ready for the next of the same file and label, if a machine is left, or unloads it. */
void host_plugin_end(struct host_plugin *plugin);
/* Unload it. */
void host_plugin_close(struct host_plugin *plugin);

/* For each machine: while one is there, plugins that ended are kept. The last one unloads them. */
void host_plugins_hold(void);
void host_plugins_release(void);

#endif
