/* SPDX-License-Identifier: BSD-2-Clause */
/* Where code is, in words: function, file and line of the frames of interrupted code. */
#ifndef HOST_BACKTRACE_H
#define HOST_BACKTRACE_H

#include <stddef.h>
#include <stdint.h>

#include <mk/exception.h>

struct host_frame {
    uint64_t instruction; /* of an outer frame: where it goes on after the call */
    char function[80];    /* "": unknown */
    char place[120];      /* FILE:LINE, else the module and the offset in it; "": in no module */
};

/*
 * The frame that the registers are of, and those that called it, at most `max`; returns how many. With libdw all that
 * unwinding and debug information give; without it, or where the process's heap may be in use by the interrupted code,
 * one frame, by the dynamic symbols. Memory that cannot be read ends the list.
 */
size_t host_backtrace(const struct mk_regs *regs, struct host_frame *frames, size_t max);

#endif
