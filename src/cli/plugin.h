/* SPDX-License-Identifier: BSD-2-Clause */
/* Where plugins are found. */
#ifndef CLI_PLUGIN_H
#define CLI_PLUGIN_H

#include "bootfile.h"

/*
 * The absolute path of a module's file, or NULL with *whyp saying what was
 * looked for and where. A name with a slash is a path from `folder`; a bare
 * NAME is NAME.so in the folders of MK_PLUGIN_PATH, in the build tree around
 * the mk executable, or where libmk's plugins are installed. Both to be freed.
 */
char *plugin_find(const char *module, const char *folder, char **whyp);

/* Find every task's plugin; what is missing becomes an error of `boot`. */
void plugin_find_all(struct bootfile *boot, const char *folder);

#endif
