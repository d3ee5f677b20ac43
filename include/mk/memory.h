/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory objects and their pagers, after Mach's external memory management
 * (Young et al. 1987; GNU Mach Reference Manual, chapter 6).
 *
 * A memory object is what can be mapped into windows (mk_vm_map). Whoever holds
 * a send right to it may map it; the right travels in messages like any other.
 * The contents of its pages are with its pager, a task that receives the kernel's
 * messages on a port and answers with the calls below, by a send right to the
 * object's control port. An object without a pager is anonymous: zeros at first,
 * kept by the kernel; it is how tasks share memory.
 *
 * The kernel never waits for a pager; threads do, each at most for the object's
 * time-out. A pager that does not answer, answers wrongly or dies harms those
 * who use its pages, and nobody else.
 *
 * All calls may return MK_E_NOT_IN_MACHINE, and those that take a memory or
 * control right MK_E_BAD_NAME, MK_E_BAD_RIGHT (not such a right) and MK_E_DEAD
 * (the object is gone). Offsets and sizes are bytes, multiples of the page, inside the
 * object, or MK_E_BAD_ARGUMENT.
 */
#ifndef MK_MEMORY_H
#define MK_MEMORY_H

#include <mk/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Messages to the pager: their id, with badge MK_BADGE_KERNEL (<mk/port.h>), which nobody can forge; no answer is
 * expected. They are queued whatever the port's limit.
 */
enum mk_pager_op {
    MK_PAGER_REQUEST = 0x4d4b0100, /* somebody waits for the contents of these pages: supply them, or say why not */
    MK_PAGER_RETURN,               /* modified contents, to be kept: they follow struct mk_pager_message in the body */
    MK_PAGER_LOCKED,               /* a mk_memory_lock is done, and what it returned stands before this in the queue */
    MK_PAGER_TERMINATE,            /* nobody maps the object or holds a right to it any more; the cookie is free */
};

struct mk_pager_message {
    uint64_t cookie; /* of the object, from mk_memory_create */
    uint64_t offset, size;
    uint32_t access; /* REQUEST: bits of enum mk_prot that somebody waits for */
    uint32_t tag;    /* LOCKED: the one given to mk_memory_lock */
};

#define MK_PAGER_TIMEOUT_DEFAULT (10 * MK_SEC)

/*
 * New memory object of `size` bytes (rounded up to pages, at most 1 GiB). `pager` is a receive or send right of the
 * port for the messages above, of which the kernel makes its own send right, or MK_NAME_NULL: anonymous; its size
 * counts as memory in use. *memoryp and *controlp (NULL when anonymous) become send rights.
 * MK_E_BAD_NAME, MK_E_BAD_RIGHT and MK_E_DEAD (of the pager), MK_E_BAD_ARGUMENT (size 0 or too large),
 * MK_E_LIMIT_MEMORY,
 * MK_E_LIMIT_NAMES, MK_E_NO_MEMORY, MK_E_BAD_ADDRESS.
 */
MK_API MK_NODISCARD mk_err_t mk_memory_create(mk_name_t pager, uint64_t cookie, size_t size, mk_name_t *memoryp,
                                              mk_name_t *controlp);

/*
 * The contents of pages that were requested and did not come yet; they are copied, and those who wait go on.
 * MK_E_BAD_STATE (a page was not requested, or had come already, or newer contents of it wait to be received:
 * those before it are supplied), MK_E_BAD_ADDRESS.
 */
MK_API MK_NODISCARD mk_err_t mk_memory_supply(mk_name_t control, uint64_t offset, const void *contents, size_t size);

/* Such pages have no contents yet: they are zero. MK_E_BAD_STATE, as above. */
MK_API MK_NODISCARD mk_err_t mk_memory_unavailable(mk_name_t control, uint64_t offset, size_t size);

/*
 * The contents cannot be had: kernel calls that wait for them return MK_E_IO, threads that touched them get an
 * exception. MK_E_BAD_STATE, as above.
 */
MK_API MK_NODISCARD mk_err_t mk_memory_fail(mk_name_t control, uint64_t offset, size_t size);

#define MK_MEMORY_CLEAN 1u /* return what was modified */
#define MK_MEMORY_FLUSH 2u /* take the pages out of memory; modifications that are not returned are lost */

/*
 * Have the kernel let go of pages, as `what` says, and send MK_PAGER_LOCKED with the tag afterwards. MK_E_DEAD (the
 * object was destroyed, or the pager's port is), MK_E_BAD_ARGUMENT (nothing to do, or the backing store),
 * MK_E_WOULD_BLOCK (64 returns wait in the pager's queue: receive, and call again; what was done is done),
 * MK_E_NO_MEMORY.
 */
MK_API MK_NODISCARD mk_err_t mk_memory_lock(mk_name_t control, uint64_t offset, size_t size, uint32_t what,
                                            uint32_t tag);

/* How long threads wait for an answer; MK_TIME_FOREVER: as long as it takes. MK_E_BAD_ARGUMENT (not positive). */
MK_API MK_NODISCARD mk_err_t mk_memory_set_timeout(mk_name_t control, mk_time_t timeout);

/* The object ends: its pages cannot be had any more, those in memory stay until they are unmapped. */
MK_API MK_NODISCARD mk_err_t mk_memory_destroy(mk_name_t control);

/*
 * With the machine's control port: the object becomes the backing store, where evicted pages of anonymous memory
 * go; its pager is the default pager. All that the pager's own task has allocated stays in memory from now on. Memory
 * in use may then exceed
 * the machine's memory by the store's size. A new store can take the place of one whose pager died, or whose messages
 * come to the same port, as those of a pager that was restarted do: it must hold the same contents, and be at least as
 * large. What was requested and has not come is requested again; as long as there is none, threads wait for its pages
 * up
 * to the last one's time-out. MK_E_EXISTS (there is another), MK_E_BAD_ARGUMENT (smaller, of one page, or mapped
 * somewhere: the store
 * cannot be), MK_E_BAD_STATE (memory of the pager's own task has left already: it would wait for itself),
 * MK_E_NO_MEMORY. Its port should be for it alone.
 */
MK_API MK_NODISCARD mk_err_t mk_memory_set_store(mk_name_t machine, mk_name_t control);

#ifdef __cplusplus
}
#endif
#endif
