/* SPDX-License-Identifier: BSD-2-Clause */
/* Published figures of real kernels, and the rows that they are to be compared with. */
#include "bench/result.h"

#define SEL4   "seL4, Haswell 3.4 GHz", "sel4bench, 2026-06-26"
#define ON_486 "Liedtke, 1993: a 486, short message"

const struct published published[] = {
    {"sel4.call", 163, SEL4},
    {"sel4.reply_recv", 121, SEL4},
    {"sel4.call.same_task", 111, SEL4},
    {"sel4.reply_recv.same_task", 67, SEL4},
    {"sel4.call.10", 238, SEL4},
    {"sel4.reply_recv.10", 192, SEL4},
    {"sel4.signal.higher", 152, SEL4},
    {"sel4.signal.lower", 61, SEL4},
    {"sel4.yield.thread", 122, SEL4},
    {"sel4.yield.process", 186, SEL4},
    {"sel4.irq", 424, SEL4},
    {"sel4.sync.producer_consumer", 359, SEL4},
    {"sel4.null_call", 36, SEL4},
    {"sel4.fault", 236, SEL4 ", an exception there"},
    {"sel4.fault.round_trip", 433, SEL4 ", an exception there"},
    {"vm.map.2048", 267, SEL4 ", a call for each page, which can be touched then without a fault"},
    {"vm.protect.2048", 263, SEL4 ", a call for each page"},
    {"sel4.call", 5000, "L4", ON_486},
    {"sel4.call", 115000, "Mach 3", ON_486},
    {0},
};
