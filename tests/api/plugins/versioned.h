/* SPDX-License-Identifier: BSD-2-Clause */
/* A server that counts, in several versions, for tests of live update. Registered as "versioned". */
#ifndef PLUGINS_VERSIONED_H
#define PLUGINS_VERSIONED_H

#include <stdint.h>

enum {
    VERSIONED_COUNT = 700, /* reply: struct versioned_count, one more than before */
    VERSIONED_KEEP = 701,  /* rights[0]: a send right that it keeps */
    VERSIONED_KEPT = 702,  /* reply: rights[0]: a copy */
    VERSIONED_WAIT = 704,  /* uint64_t: a count. Answered, as VERSIONED_COUNT, when that many were counted */
    VERSIONED_END = 705,   /* it takes a millisecond, and then the server ends */
    VERSIONED_LOOK = 703,  /* body: a name, or one behind '+'. What comes of looking it up, of registering it */
};

struct versioned_count {
    uint32_t version;
    uint32_t sum; /* of a large piece of state, which must stay the same */
    uint64_t count;
};

#endif
