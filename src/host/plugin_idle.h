/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Idle plugins: instances that ended, made fresh again and kept for the next of the same file and label, as long as the
 * process has a machine. Starting or restarting a server then costs a copy of its variables, where loading costs one of
 * the file, the check, and what the dynamic linker does.
 */
#ifndef HOST_PLUGIN_IDLE_H
#define HOST_PLUGIN_IDLE_H

#include <stdbool.h>

#include "host/plugin.h"

/* An instance was just loaded of this file, and nothing of it ran yet: note what makes it fresh. */
void plugin_idle_note(struct host_plugin *plugin, const char *path, const char *label);
void plugin_idle_forget(struct host_plugin *plugin);

/* Was the file, as it is now, loaded before? Then it needs no check. */
bool plugin_idle_knows(const char *path);

/* Take an idle instance of the file as it is now; closes those of what it was. False: there is none. */
bool plugin_idle_take(struct host_plugin *plugin, const char *path, const char *label);

/* Keep the instance, fresh. False: it is to be closed. */
bool plugin_idle_give(struct host_plugin *plugin);

#endif
