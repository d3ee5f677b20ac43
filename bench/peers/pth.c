/* SPDX-License-Identifier: BSD-2-Clause */
/* GNU Pth: a message to another thread's port, and its reply. */
#include <pth.h>

#include "peer.h"

static pth_msgport_t server_port;

static void *server(void *arg)
{
    pth_event_t event = pth_event(PTH_EVENT_MSG, server_port);
    (void)arg;
    for (;;) {
        pth_wait(event);
        for (pth_message_t *message; (message = pth_msgport_get(server_port));)
            pth_msgport_reply(message);
    }
    return NULL;
}

static double measure(uint64_t nr)
{
    static pth_msgport_t answers;
    if (!answers)
        answers = pth_msgport_create("answers");
    pth_event_t event = pth_event(PTH_EVENT_MSG, answers);
    struct {
        pth_message_t head;
        char body[32];
    } message;
    memset(&message, 0, sizeof(message));
    message.head.m_replyport = answers;
    double start = peer_now();
    for (uint64_t i = 0; i < nr; i++) {
        pth_msgport_put(server_port, &message.head);
        pth_wait(event);
        if (!pth_msgport_get(answers))
            return -1;
    }
    double ns = peer_now() - start;
    pth_event_free(event, PTH_FREE_THIS);
    return ns;
}

int main(void)
{
    if (!pth_init() || !(server_port = pth_msgport_create("server")) || !pth_spawn(PTH_ATTR_DEFAULT, server, NULL))
        return 1;
    return peer_main("msgport", measure);
}
