/* SPDX-License-Identifier: BSD-2-Clause */
/* Host descriptors as a source of events, through libev. One per machine, made when first needed. */
#ifndef HOST_EVENTS_H
#define HOST_EVENTS_H

#include <stdbool.h>
#include <stdint.h>

struct host_events;

/* Create *eventsp unless it is there; false: the host refused. */
bool host_events_ensure(struct host_events **eventsp);
void host_events_destroy(struct host_events *events);

/* Call ready(arg) once from host_events_wait when fd can be read. One watch per arg; false: no memory. */
bool host_events_watch(struct host_events *events, int fd, void (*ready)(void *arg), void *arg);
void host_events_unwatch(struct host_events *events, void *arg);
bool host_events_any(const struct host_events *events);

/* Wait for an event for at most `timeout` ns (0: look only; negative: for ever). */
void host_events_wait(struct host_events *events, int64_t timeout);

/* End a wait early, or the next one at once. From any host thread, and from signal handlers. */
void host_events_wake(struct host_events *events);

#endif
