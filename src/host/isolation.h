/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Isolation: what of a machine's memory may be touched now.
 *
 * All memory of a machine's tasks and of its kernel is registered here, in ranges of pieces. A range belongs to a
 * domain: that of a task, or the kernel's. While a task runs, the pieces of other domains are closed, and the kernel's
 * can be read only. While the kernel runs, a piece that is closed is opened when it is touched, by the signal of that.
 * When a task goes on (host_isolation_leave), what was opened of others is closed again, and what the task had open
 * when it ran last is open. A domain remembers a few dozen pieces, as a translation buffer does; more of them are
 * opened one by one when they are touched.
 *
 * With protection keys (pkeys(7)) nothing is closed and opened: a register says which domain's memory may be touched.
 *
 * mprotect acts on the whole process, so that this is sound only where one host thread runs the machine. The kernel's
 * objects lie in one arena, which is opened and closed by one call: in huge pages, where the host has them.
 */
#ifndef HOST_ISOLATION_H
#define HOST_ISOLATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct host_isolation;
struct host_domain;

/* How a range is cut into pieces, and what may be done with one that is closed. */
enum host_range_kind {
    HOST_RANGE_KERNEL, /* pieces of 64 KiB; closed, it can be read */
    HOST_RANGE_HIDDEN, /* the same; closed, it cannot */
    HOST_RANGE_STACKS, /* `size` bytes with a guard below each */
    HOST_RANGE_DATA,   /* one piece */
    HOST_RANGE_WINDOW, /* pieces of 64 KiB, whose pages are open as host_window_* says */
};

/* NULL: no memory, or the host refused. It begins as while the kernel runs. */
struct host_isolation *host_isolation_create(bool with_keys);
/*
 * For another host thread than the machine's, and for signal handlers: between these it may look at what has keys. The
 * first returns what the second wants.
 */
uint32_t host_isolation_look_begin(void);
void host_isolation_look_end(uint32_t rights);

/* Are there protection keys? */
bool host_isolation_has_keys(void);
void host_isolation_destroy(struct host_isolation *isolation);

/* Kernel memory out of the arena, aligned to 64, zeroed; NULL: none. */
void *host_isolation_alloc(struct host_isolation *isolation, size_t size);
void host_isolation_free(struct host_isolation *isolation, void *p, size_t size);

/* Of a task. NULL: no memory. */
struct host_domain *host_domain_create(struct host_isolation *isolation);
/* After its ranges. */
void host_domain_destroy(struct host_isolation *isolation, struct host_domain *domain);

/*
 * From now on these pages, which nobody else registered, are the domain's (NULL: the kernel's), closed but while the
 * host program goes on. `size` is for stacks. False: no memory.
 */
bool host_range_add(struct host_isolation *isolation, struct host_domain *domain, void *start, size_t bytes,
                    enum host_range_kind kind, size_t size);
/* Forget them; those of kernel and data are open from now on. Ignored if there is no such range. */
void host_range_remove(struct host_isolation *isolation, void *start);

/* The kernel runs. Free if it does already. */
void host_isolation_enter(struct host_isolation *isolation);
/* A task goes on, which is the domain's. */
void host_isolation_leave(struct host_isolation *isolation, struct host_domain *domain);
/*
 * While the kernel runs: the pointers that it is given are the domain's from now on (NULL: they are its own), until
 * it is prepared for another or a task goes on.
 */
void host_isolation_use(struct host_isolation *isolation, struct host_domain *domain);
/* The same, and open what the domain had open, and the piece at `addr`. */
void host_isolation_prepare(struct host_isolation *isolation, struct host_domain *domain, const void *addr);
/* While the kernel runs: open the piece at `addr`. */
void host_isolation_touch(struct host_isolation *isolation, const void *addr);
/* The host program goes on: it may look at all but windows. */
void host_isolation_suspend(struct host_isolation *isolation);

/* For the signal handler: the kernel is being entered, and was interrupted between opening its memory and saying so. */
bool host_isolation_is_entering(const struct host_isolation *isolation, uintptr_t addr, uint64_t instruction);

/* Whose task runs, or ran last before the kernel was entered. */
struct host_domain *host_isolation_running(const struct host_isolation *isolation);
bool host_isolation_is_kernel(const struct host_isolation *isolation);

/*
 * For the signal handler, between enter and leave: a piece was touched. True: it is open now, do it again. `is_kernel`:
 * it was the kernel that touched it.
 */
bool host_isolation_fault(struct host_isolation *isolation, uintptr_t addr, bool is_write, bool is_kernel);
/* For the signal handler, after enter: the interrupted task goes on. */
void host_isolation_return(struct host_isolation *isolation);

/*
 * How many of these bytes, from the first on, may be touched by way of the pointers that are given to the kernel now.
 * The kernel's own can be read, where tasks can read it: a task's arguments are there.
 */
size_t host_isolation_room(const struct host_isolation *isolation, const void *p, size_t size, bool is_write);

/* Does the address belong to another domain, or the kernel? */
bool host_isolation_is_foreign(const struct host_isolation *isolation, uintptr_t addr,
                               const struct host_domain *domain);
/* Whose it is; NULL: nobody's, or the kernel's. */
struct host_domain *host_isolation_owner(const struct host_isolation *isolation, uintptr_t addr);

/* ---- windows: as host_memory_map, host_pages_protect and host_pages_decommit; `isolation` NULL: just those ---- */

struct host_memory;
bool host_window_map(struct host_isolation *isolation, const struct host_memory *memory, void *addr, size_t size,
                     uint64_t offset, bool is_readable, bool is_writable);
bool host_window_protect(struct host_isolation *isolation, void *addr, size_t size, bool is_readable, bool is_writable);
bool host_window_decommit(struct host_isolation *isolation, void *addr, size_t size);

#endif
