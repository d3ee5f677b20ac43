/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Priority lent along calls (priority inheritance: Sha, Rajkumar and Lehoczky
 * 1990, here through messages).
 *
 * While a thread waits for an answer, `lent_to` is the thread that serves it:
 * the one that received its request, or while the request is queued the one that
 * last received from that port. The server runs at the strongest of its base
 * priority and the priorities of those it serves; when that changes and it waits
 * for an answer itself, it goes on along the chain. Being woken, for whatever
 * reason, ends the loan.
 *
 * A lender that is no stronger than its server's base priority changes nothing
 * and is not linked, so that the short way of a call writes two fields only:
 * whoever becomes stronger later, or whose server becomes weaker, is linked then.
 */
#ifndef KERN_LEND_H
#define KERN_LEND_H

#include "kern/machine.h"

/*
 * `lender`, which waits or is about to wait for an answer, is served by `server` from now on; NULL: by nobody.
 * A ready thread whose priority is the same afterwards keeps its place in its run queue.
 */
void lend_to(struct cpu *cpu, struct thread *lender, struct thread *server);

/* The loan ends. */
void lend_end(struct cpu *cpu, struct thread *lender);

/* The thread ends: nobody lends to it any more. */
void lend_forget(struct cpu *cpu, struct thread *server);

/* After a change of the thread's base priority or depression. */
void lend_update(struct cpu *cpu, struct thread *thread);

/* Its base priority became weaker: also those whom it serves already count from now on. */
void lend_link_all(struct cpu *cpu, struct thread *server);

#endif
