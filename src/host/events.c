/* SPDX-License-Identifier: BSD-2-Clause */
/* Host events; see events.h. ev.h clashes with elf.h and link.h: it stays in this file. */
#include "host/events.h"

#include <ev.h>
#include <stdlib.h>

#include "base/list.h"

struct watch {
    struct list link;
    ev_io io;
    struct host_events *events;
    void (*ready)(void *arg);
    void *arg;
};

struct host_events {
    struct ev_loop *loop;
    ev_async wake;
    ev_timer timer;
    struct list watches;
};

static void on_nothing(struct ev_loop *loop, ev_async *watcher, int revents)
{
    (void)loop, (void)watcher, (void)revents; /* its only purpose is to end ev_run */
}

static void on_timeout(struct ev_loop *loop, ev_timer *watcher, int revents)
{
    (void)loop, (void)watcher, (void)revents;
}

static void watch_destroy(struct watch *watch)
{
    ev_io_stop(watch->events->loop, &watch->io);
    list_remove(&watch->link);
    free(watch);
}

static void on_readable(struct ev_loop *loop, ev_io *io, int revents)
{
    (void)loop, (void)revents;
    struct watch *watch = io->data;
    void (*ready)(void *) = watch->ready;
    void *arg = watch->arg;
    watch_destroy(watch);
    ready(arg);
}

bool host_events_ensure(struct host_events **eventsp)
{
    if (*eventsp)
        return true;
    struct host_events *events = calloc(1, sizeof(*events));
    if (!events)
        return false;
    events->loop = ev_loop_new(EVFLAG_AUTO | EVFLAG_NOENV);
    if (!events->loop) {
        free(events);
        return false;
    }
    list_init(&events->watches);
    ev_async_init(&events->wake, on_nothing);
    ev_async_start(events->loop, &events->wake);
    ev_unref(events->loop); /* the wake-up does not keep the loop alive */
    ev_timer_init(&events->timer, on_timeout, 0, 0);
    __atomic_store_n(eventsp, events, __ATOMIC_SEQ_CST);
    return true;
}

void host_events_destroy(struct host_events *events)
{
    if (!events)
        return;
    list_for_each_safe (link, &events->watches)
        watch_destroy(list_entry(link, struct watch, link));
    ev_ref(events->loop);
    ev_async_stop(events->loop, &events->wake);
    ev_loop_destroy(events->loop);
    free(events);
}

bool host_events_watch(struct host_events *events, int fd, void (*ready)(void *arg), void *arg)
{
    struct watch *watch = calloc(1, sizeof(*watch));
    if (!watch)
        return false;
    watch->events = events;
    watch->ready = ready;
    watch->arg = arg;
    ev_io_init(&watch->io, on_readable, fd, EV_READ);
    watch->io.data = watch;
    list_add_tail(&watch->link, &events->watches);
    ev_io_start(events->loop, &watch->io);
    return true;
}

void host_events_unwatch(struct host_events *events, void *arg)
{
    list_for_each_safe (link, &events->watches) {
        struct watch *watch = list_entry(link, struct watch, link);
        if (watch->arg == arg)
            watch_destroy(watch);
    }
}

bool host_events_any(const struct host_events *events)
{
    return events && !list_empty(&events->watches);
}

void host_events_wait(struct host_events *events, int64_t timeout)
{
    if (timeout > 0) {
        ev_now_update(events->loop);
        ev_timer_set(&events->timer, (double)timeout / 1e9, 0);
        ev_timer_start(events->loop, &events->timer);
    } else if (timeout < 0) {
        ev_ref(events->loop); /* else ev_run returns when only the wake-up is left */
    }
    ev_run(events->loop, timeout == 0 ? EVRUN_NOWAIT : EVRUN_ONCE);
    if (timeout > 0)
        ev_timer_stop(events->loop, &events->timer);
    else if (timeout < 0)
        ev_unref(events->loop);
}

void host_events_wake(struct host_events *events)
{
    ev_async_send(events->loop, &events->wake);
}
