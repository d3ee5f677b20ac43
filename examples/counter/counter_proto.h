/* SPDX-License-Identifier: BSD-2-Clause */
/* The counter's protocol: all that its clients need to know. The service is registered as "counter". */
#ifndef COUNTER_PROTO_H
#define COUNTER_PROTO_H

#include <stdint.h>

enum {
    COUNTER_ADD = 1,   /* body: int64_t to add. Reply body: int64_t, the new value */
    COUNTER_RESET = 2, /* no body */
};

#endif
