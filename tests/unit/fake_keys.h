/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Protection keys for processors that have none: memory with a key that the register forbids is closed by mprotect
 * whenever the register changes. One host thread only.
 */
#ifndef TESTS_FAKE_KEYS_H
#define TESTS_FAKE_KEYS_H

/* In the place of the processor's, from now on. */
void fake_keys_install(void);

/* Keys that are not given back. */
unsigned fake_keys_taken(void);

#endif
