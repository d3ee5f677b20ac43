/* SPDX-License-Identifier: BSD-2-Clause */
/* Operations of the test plugin service.c. */
#ifndef TESTS_SERVICE_H
#define TESTS_SERVICE_H

#include <mk/mk.h>

enum {
    SERVICE_COUNT = 1,  /* reply body: int, 41 at first */
    SERVICE_ECHO = 2,   /* body: at least 8 bytes, answered unchanged */
    SERVICE_DEFER = 3,  /* answered by ANSWER, with an int: the place in the queue */
    SERVICE_ANSWER = 4, /* reply body: how many were answered */
    SERVICE_REFUSE = 5, /* MK_E_NO_ACCESS */
    SERVICE_STOP = 6,
    SERVICE_EXIT = 7, /* exit code 7 */
    SERVICE_ABORT = 8,
    SERVICE_ASSERT = 9,
};

#endif
