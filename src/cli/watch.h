/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mk run --watch: when the file of a plugin that the boot file names has changed, its tasks are updated, as `update`
 * in the shell does.
 *
 * A host thread looks at the files, so that the machine's clock has no part in it; it stops the machine's run, which
 * then gets a task that asks for the updates, and goes on.
 */
#ifndef CLI_WATCH_H
#define CLI_WATCH_H

#include "bootfile.h"

struct watch;

/* Begin, with the files as they are now. `boot` has to stay. NULL, with a message: the host has no thread left. */
struct watch *watch_start(const struct bootfile *boot, struct mk_machine *machine);

/* The run has ended with this code. True: only for an update, and it is to go on. */
bool watch_goes_on(struct watch *watch, int exit_code);

/* The machine does not run any more. NULL is ignored. */
void watch_end(struct watch *watch);

#endif
