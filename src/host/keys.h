/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory protection keys: each page has one of 16, and a register of the processor says which of them the running host
 * thread may read or write (Intel SDM volume 3, 4.6.2; pkeys(7)). Key 0 is everybody's.
 */
#ifndef HOST_KEYS_H
#define HOST_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HOST_NR_KEYS 16

/* Bits of the register, for each key. */
#define HOST_KEY_NO_ACCESS(key) (1u << 2 * (key))
#define HOST_KEY_NO_WRITE(key)  (2u << 2 * (key))

/* The processor's, or what a test puts in its place. */
struct host_keys {
    bool (*is_present)(void);
    int (*alloc)(void); /* negative: there are no more */
    void (*free)(int key);
    bool (*protect)(void *addr, size_t size, bool is_readable, bool is_writable, int key);
    uint32_t (*rights)(void);
    void (*set_rights)(uint32_t rights);
};
extern const struct host_keys *host_keys __attribute__((visibility("hidden")));

/* Machines use them: from here on signal handlers begin without rights to what has a key. */
extern bool host_keys_are_used __attribute__((visibility("hidden")));

/* arch: what the signal handler's return makes of the register, in the frame's extended state (`fpregs`): no limits. */
void host_keys_open_frame(void *fpregs);

#endif
