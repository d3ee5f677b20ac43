/* SPDX-License-Identifier: BSD-2-Clause */
/* ZeroMQ: a pair of sockets inside the process, between two threads. */
#include <pthread.h>
#include <zmq.h>

#include "peer.h"

#define SIZE 32

static void *context;

static void *server(void *arg)
{
    void *socket = zmq_socket(context, ZMQ_PAIR);
    char body[SIZE];
    (void)arg;
    if (!socket || zmq_connect(socket, "inproc://bench"))
        return NULL;
    while (zmq_recv(socket, body, SIZE, 0) == SIZE && zmq_send(socket, body, SIZE, 0) == SIZE)
        ;
    return NULL;
}

static double measure(uint64_t nr)
{
    static void *socket;
    static pthread_t thread;
    char body[SIZE] = {1};
    if (!socket) {
        socket = zmq_socket(context, ZMQ_PAIR);
        if (!socket || zmq_bind(socket, "inproc://bench") || pthread_create(&thread, NULL, server, NULL))
            return -1;
    }
    double start = peer_now();
    for (uint64_t i = 0; i < nr; i++)
        if (zmq_send(socket, body, SIZE, 0) != SIZE || zmq_recv(socket, body, SIZE, 0) != SIZE)
            return -1;
    return peer_now() - start;
}

int main(void)
{
    context = zmq_ctx_new();
    return context ? peer_main("inproc", measure) : 1;
}
