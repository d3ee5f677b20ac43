/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Devices: the host's side of a driver server. There is one device yet,
 * "console": the standard input and output of the process. A device belongs to
 * whoever opened it with the machine's control port; it is a send right.
 * Everything that enters a machine from outside enters here.
 */
#ifndef MK_DEVICE_H
#define MK_DEVICE_H

#include <mk/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * MK_E_NOT_FOUND (no such device), MK_E_BAD_STATE (open already), MK_E_BAD_NAME, MK_E_BAD_RIGHT,
 * MK_E_BAD_ADDRESS, MK_E_NO_MEMORY.
 */
MK_API MK_NODISCARD mk_err_t mk_device_open(mk_name_t machine, const char *name, mk_name_t *devicep);

/*
 * Read at most *sizep bytes, at least one; waits until `deadline` for input.
 * *sizep becomes the count. MK_E_END at the end of input. MK_E_WOULD_BLOCK, MK_E_TIMED_OUT, MK_E_ABORTED,
 * MK_E_IO, MK_E_BAD_STATE (another thread is reading), MK_E_BAD_ADDRESS, MK_E_BAD_NAME, MK_E_BAD_RIGHT.
 */
MK_API MK_NODISCARD mk_err_t mk_device_read(mk_name_t device, void *buffer, size_t *sizep, mk_time_t deadline);

/*
 * Write all bytes. The machine stands still until the host has taken them. MK_E_IO, MK_E_BAD_ADDRESS,
 * MK_E_BAD_NAME, MK_E_BAD_RIGHT.
 */
MK_API MK_NODISCARD mk_err_t mk_device_write(mk_name_t device, const void *buffer, size_t size);

struct mk_device_info {
    bool is_terminal; /* input and output are a terminal: raw mode works */
    uint32_t columns; /* of the terminal; 80 when unknown */
    uint32_t rows;    /* 24 when unknown */
};

/* MK_E_BAD_ADDRESS, MK_E_BAD_NAME, MK_E_BAD_RIGHT. */
MK_API MK_NODISCARD mk_err_t mk_device_info(mk_name_t device, struct mk_device_info *infop);

/*
 * Terminal only: true turns echo, line buffering and signal keys off; false restores what was found.
 * MK_E_NOT_SUPPORTED without a terminal.
 */
MK_API MK_NODISCARD mk_err_t mk_device_set_raw(mk_name_t device, bool is_raw);

#ifdef __cplusplus
}
#endif
#endif
