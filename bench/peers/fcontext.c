/* SPDX-License-Identifier: BSD-2-Clause */
/* Boost fcontext: to a context and back. Its functions are C, only their header is not. */
#include "peer.h"

typedef void *fcontext_t;
typedef struct {
    fcontext_t context;
    void *data;
} transfer_t;

extern transfer_t jump_fcontext(fcontext_t to, void *data);
extern fcontext_t make_fcontext(void *stack, size_t size, void (*entry)(transfer_t));

static void other(transfer_t from)
{
    for (;;)
        from = jump_fcontext(from.context, NULL);
}

static double measure(uint64_t nr)
{
    static char stack[65536] __attribute__((aligned(64)));
    transfer_t to = {.context = make_fcontext(stack + sizeof(stack), sizeof(stack), other)};
    to = jump_fcontext(to.context, NULL);
    double start = peer_now();
    for (uint64_t i = 0; i < nr; i++)
        to = jump_fcontext(to.context, NULL);
    return peer_now() - start;
}

int main(void)
{
    return peer_main("switch", measure);
}
