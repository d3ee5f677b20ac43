/* SPDX-License-Identifier: BSD-2-Clause */
/* A pager in a task of its own: supplies each page that is asked for, with the same bytes. */
#ifndef BENCH_VM_PAGER_H
#define BENCH_VM_PAGER_H

#include <mk/mk.h>

#include "bench/pages.h"

struct vm_pager {
    void (*asked)(void); /* called when a request has come; may be NULL */
    mk_name_t control;   /* of its object, in the boss's task */
    char *pages;         /* where the object is mapped, all of it */
    size_t size;

    /* in its own task */
    mk_name_t receive, own_control;
};

/* A pager in a new task, and its object of `size` bytes mapped in the caller's window. */
void vm_pager_start(struct vm_pager *pager, size_t size);

/* All pages leave memory. */
void vm_pager_flush(const struct vm_pager *pager);

#endif
