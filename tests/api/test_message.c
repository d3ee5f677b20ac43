/* SPDX-License-Identifier: BSD-2-Clause */
/* Messages: send, receive, call, reply. */
#include "mkt.h"

/* MSG0010: a message arrives with its id, status, body and the badge of the right it was sent with. */
MKT_TEST(MSG0010)
{
    (void)arg;
    char body[32];
    mk_name_t port, send;
    CHECK_OK(mk_port_create(&port));
    CHECK_OK(mk_right_make(port, MK_RIGHT_SEND, 77, &send));
    CHECK(send != port);
    struct mk_msg out = {.id = 5, .status = -9, .body = (void *)(uintptr_t) "hello", .size = 5};
    CHECK_OK(mk_send(send, &out, MK_TIME_POLL));
    struct mk_msg in = {.body = body, .capacity = sizeof(body)};
    CHECK_OK(mk_receive(port, &in, MK_TIME_POLL));
    CHECK(in.id == 5 && in.status == -9 && in.badge == 77 && in.size == 5 && memcmp(body, "hello", 5) == 0);
    CHECK(in.reply == MK_NAME_NULL && in.nr_rights == 0 && in.seqno == 0);
}

/* MSG0020: a receive that would wait says so, by its deadline. */
MKT_TEST(MSG0020)
{
    (void)arg;
    struct mk_msg msg = {.capacity = 0};
    mk_name_t port = mkt_port();
    CHECK_ERR(mk_receive(port, &msg, MK_TIME_POLL), MK_E_WOULD_BLOCK);
    CHECK_ERR(mk_receive(port, &msg, 1), MK_E_TIMED_OUT);
    CHECK_ERR(mk_receive(port, &msg, -5), MK_E_BAD_ARGUMENT);
    mk_time_t deadline = mk_time_now() + 5 * MK_MSEC;
    CHECK_ERR(mk_receive(port, &msg, deadline), MK_E_TIMED_OUT);
    CHECK(mk_time_now() >= deadline);
}

/* MSG0030: a message too large for the receiver stays queued and tells what it needs. */
MKT_TEST(MSG0030)
{
    (void)arg;
    char body[64] = "0123456789";
    mk_name_t port = mkt_port();
    struct mk_msg out = {.body = body, .size = 10};
    CHECK_OK(mk_send(port, &out, MK_TIME_POLL));
    struct mk_msg in = {.body = body, .capacity = 9};
    CHECK_ERR(mk_receive(port, &in, MK_TIME_POLL), MK_E_MSG_TOO_LARGE);
    CHECK(in.size == 10);
    in.capacity = 10;
    CHECK_OK(mk_receive(port, &in, MK_TIME_POLL));
    CHECK(in.size == 10);
}

struct pair {
    mk_name_t port;
    unsigned nr_calls;
};

static void adder(void *arg)
{
    struct pair *pair = arg;
    uint64_t number;
    struct mk_msg msg = {.body = &number, .capacity = sizeof(number)};
    mk_err_t err = mk_receive(pair->port, &msg, MK_TIME_FOREVER);
    for (; !err; err = mk_reply_receive(pair->port, &msg, MK_TIME_FOREVER)) {
        number++;
        pair->nr_calls++;
        msg.status = MK_OK;
    }
    CHECK_ERR(err, MK_E_DEAD);
}

/* MSG0040: a call returns the answer, many times over, and leaves no name behind. */
MKT_TEST(MSG0040)
{
    (void)arg;
    struct pair pair = {.port = mkt_port()};
    mk_name_t thread = mkt_thread(adder, &pair);
    uint32_t nr_names = mkt_nr_names();
    for (uint64_t i = 0; i < 1000; i++) {
        uint64_t number = i;
        struct mk_msg msg = {.body = &number, .size = sizeof(number), .capacity = sizeof(number)};
        CHECK_OK(mk_call(pair.port, &msg, MK_TIME_FOREVER));
        CHECK(number == i + 1);
    }
    CHECK(pair.nr_calls == 1000);
    CHECK(mkt_nr_names() == nr_names);
    CHECK_OK(mk_port_destroy(pair.port));
    CHECK_OK(mk_thread_join(thread, MK_TIME_FOREVER));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(MSG0010),
        cmocka_unit_test(MSG0020),
        cmocka_unit_test(MSG0030),
        cmocka_unit_test(MSG0040),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
