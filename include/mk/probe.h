/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A probe sees each kernel call before it is made, and may change it: what tracers and fault injectors are made of.
 * Calls that cannot fail, and those that only look, are not shown. While a machine has a probe its messages take the
 * long way, at the same virtual times.
 */
#ifndef MK_PROBE_H
#define MK_PROBE_H

#include <mk/message.h>

#ifdef __cplusplus
extern "C" {
#endif

struct mk_probe_call {
    uint64_t task, thread; /* whose call it is, by number */
    const char *label;     /* of the task */
    const char *name;      /* of the function: "mk_send" */
    uint64_t number;       /* of the call in its task, from 1 */
    struct mk_msg *msg;    /* as given to mk_send, mk_receive, mk_call, mk_reply or mk_reply_receive; else NULL */
    mk_name_t port;        /* with it: the destination, or what it receives on; of mk_reply, MK_NAME_NULL */
};

/* Returned by a probe: the call is not made, and returns MK_OK. */
#define MK_PROBE_SKIP ((mk_err_t)1)

/*
 * Runs on the thread that calls, as a part of its program, with 8 KiB of stack: it may make kernel calls, which are not
 * shown to it, change the message, which is the caller's and may be anything, wait, crash, or end its task. MK_OK: now
 * the call is made. An error, or MK_PROBE_SKIP: it is not, and returns that.
 */
typedef mk_err_t (*mk_probe_fn)(void *arg, const struct mk_probe_call *call);

#ifdef __cplusplus
}
#endif
#endif
