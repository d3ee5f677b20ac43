/* SPDX-License-Identifier: BSD-2-Clause */
/* What tasks write to the machine's log. */
#include "look/look.h"

#include <stdio.h>

void mk_log(const char *format, ...)
{
    char text[900];
    struct cpu *cpu = kernel_look();
    va_list args;
    if (!cpu)
        return;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    machine_log(cpu->machine, "[%s] %s", cpu->current->task->label, text);
}
