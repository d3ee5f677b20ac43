/* SPDX-License-Identifier: BSD-2-Clause */
/* Words shared by every header: names, times, errors, limits. */
#ifndef MK_TYPES_H
#define MK_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MK_API          __attribute__((visibility("default")))
#define MK_NODISCARD    __attribute__((warn_unused_result))
#define MK_NORETURN     __attribute__((noreturn))
#define MK_PRINTF(f, a) __attribute__((format(printf, f, a)))

/* MK_OK or a negative MK_E_* code, see <mk/error.h>. */
typedef int32_t mk_err_t;

/*
 * The name of a right. It means something in one task's port space only: the
 * same number in another task is another right or none. Names chosen by the
 * kernel carry a generation: a stale name is refused, not reused, until at least
 * 131,000 names of the same space were freed after it (4,000 where all
 * MK_NAMES_MAX are in use). A name chosen by the task (mk_right_rename) carries none.
 */
typedef uint32_t mk_name_t;
#define MK_NAME_NULL ((mk_name_t)0)          /* no right */
#define MK_NAME_DEAD ((mk_name_t)0xffffffff) /* a right that died inside a message */

/* Nanoseconds on the machine's monotonic clock. It starts at 0 with the machine. */
typedef int64_t mk_time_t;

/*
 * Deadlines are absolute times. With MK_TIME_POLL a call that would wait
 * returns MK_E_WOULD_BLOCK instead; with a deadline that has passed it returns
 * MK_E_TIMED_OUT. A call that need not wait succeeds whatever its deadline.
 */
#define MK_TIME_POLL    ((mk_time_t)0)
#define MK_TIME_FOREVER INT64_MAX
#define MK_USEC         ((mk_time_t)1000)
#define MK_MSEC         ((mk_time_t)1000000)
#define MK_SEC          ((mk_time_t)1000000000)

/* An address in a task's window: an ordinary pointer value, kept as a number. */
typedef uintptr_t mk_vaddr_t;

/* Priorities: a higher number is stronger; the strongest ready thread runs. */
#define MK_PRIO_MIN     0
#define MK_PRIO_DEFAULT 32
#define MK_PRIO_MAX     63

/* Limits. Each has an error of its own where it is hit, named in brackets. */
#define MK_LABEL_MAX     32      /* bytes of a label, with its final NUL [MK_E_TOO_LONG] */
#define MK_BODY_MAX      131072  /* bytes of a message's body [MK_E_MSG_TOO_LARGE] */
#define MK_RIGHTS_MAX    64      /* rights in one message [MK_E_MSG_TOO_LARGE] */
#define MK_MEMORIES_MAX  16      /* pieces of memory in one message [MK_E_MSG_TOO_LARGE] */
#define MK_SET_DEPTH_MAX 16      /* port sets inside each other [MK_E_LIMIT_DEPTH] */
#define MK_QUEUE_DEFAULT 5       /* messages a new port queues before senders wait */
#define MK_QUEUE_MAX     1024    /* largest queue limit [MK_E_BAD_ARGUMENT] */
#define MK_USER_REFS_MAX 65535   /* user references of one name [MK_E_OVERFLOW] */
#define MK_NAMES_MAX     2097152 /* names in one port space [MK_E_LIMIT_NAMES] */
#define MK_THREADS_MAX   1048576 /* threads in one machine [MK_E_LIMIT_THREADS] */
#define MK_TASKS_MAX     16384   /* tasks in one machine [MK_E_LIMIT_TASKS] */
#define MK_ARGS_MAX      65536   /* bytes of a task's arguments [MK_E_TOO_LONG] */
#define MK_SERVICE_MAX   64      /* bytes of a service's name, with its final NUL [MK_E_TOO_LONG] */
#define MK_REGIONS_MAX   1048576 /* regions of memory in one machine [MK_E_LIMIT_REGIONS] */
#define MK_STACK_MIN     16384   /* bytes of the smallest stack [MK_E_BAD_ARGUMENT] */
#define MK_STACK_DEFAULT 65536   /* bytes of a stack when none is asked for */
#define MK_STACK_MAX     67108864

#endif
