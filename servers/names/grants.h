/* SPDX-License-Identifier: BSD-2-Clause */
/* What a caller may look up and register, by the badge of the right that it asks with. Without a badge it may all. */
#ifndef NAMES_GRANTS_H
#define NAMES_GRANTS_H

#include <mk/mk.h>

/*
 * From the task's arguments: a line for each badge, with fields separated by tabs: the badge, what it may look up, what
 * it may register; "*" for all, or "=" and names with a blank between. MK_E_BAD_ARGUMENT, MK_E_NO_MEMORY.
 */
mk_err_t grants_read(const char *text);

/* A badge that is not known may nothing. */
bool grants_may_look_up(uint64_t badge, const char *name);
bool grants_may_register(uint64_t badge, const char *name);

#endif
