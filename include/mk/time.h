/* SPDX-License-Identifier: BSD-2-Clause */
/* The machine's clock. With the virtual clock, time moves by the cost of kernel operations, by
 * mk_time_spend, and by jumping to the next timer when nothing can run. */
#ifndef MK_TIME_H
#define MK_TIME_H

#include <mk/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Nanoseconds since the machine started; 0 outside a machine. */
MK_API mk_time_t mk_time_now(void);

/* Wait until `deadline`. MK_OK when it came; MK_E_ABORTED, MK_E_BAD_ARGUMENT (negative), MK_E_NOT_IN_MACHINE. */
MK_API MK_NODISCARD mk_err_t mk_time_sleep(mk_time_t deadline);

/*
 * Use the CPU for `ns` of machine time, as a computation would: the thread can
 * be preempted meanwhile, but not at the very end: a burst that ends with the
 * quantum returns first. On the host clock it spins. MK_E_BAD_ARGUMENT
 * (negative, or beyond 146 years of machine time), MK_E_NOT_IN_MACHINE.
 */
MK_API MK_NODISCARD mk_err_t mk_time_spend(mk_time_t ns);

/* A number that repeats with the machine's seed; 0 outside a machine. */
MK_API uint64_t mk_random(void);

#ifdef __cplusplus
}
#endif
#endif
