/* SPDX-License-Identifier: BSD-2-Clause */
/* Everything. */
#ifndef MK_MK_H
#define MK_MK_H

#include <mk/device.h>
#include <mk/error.h>
#include <mk/event.h>
#include <mk/exception.h>
#include <mk/machine.h>
#include <mk/memory.h>
#include <mk/message.h>
#include <mk/names.h>
#include <mk/policy.h>
#include <mk/port.h>
#include <mk/probe.h>
#include <mk/server.h>
#include <mk/task.h>
#include <mk/thread.h>
#include <mk/time.h>
#include <mk/trace.h>
#include <mk/types.h>
#include <mk/version.h>
#include <mk/vm.h>

#endif
