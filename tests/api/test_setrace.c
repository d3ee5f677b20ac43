/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Port sets that change while threads wait at them. The receivers are weaker
 * than the test's thread: between the event that wakes one and its first
 * instruction the test can do something else.
 */
#include "helpers.h"

#define WEAK (MK_PRIO_DEFAULT - 5)

struct race {
    mk_name_t set, a, b;
    struct receiver r;
    mk_name_t thread;
};

static mk_name_t new_set(mk_name_t member)
{
    mk_name_t set;
    CHECK_OK(mk_portset_create(&set));
    CHECK_OK(mk_portset_add(set, member));
    return set;
}

/* Let the receiver run until it waits or has ended. */
static void settle(void)
{
    CHECK_OK(mk_time_sleep(mk_time_now() + MK_MSEC));
}

/* A set of two ports, at which a weak thread waits. */
static struct race *race_begin(void)
{
    static struct race race;
    race = (struct race){.a = mkt_port(), .b = mkt_port()};
    race.set = new_set(race.a);
    CHECK_OK(mk_portset_add(race.set, race.b));
    race.r = (struct receiver){.receive = race.set, .deadline = MK_TIME_FOREVER};
    race.thread = thread_of("weak", receiver_main, &race.r, WEAK);
    settle();
    CHECK(!race.r.is_done);
    return &race;
}

static void still_waits(struct race *race)
{
    settle();
    CHECK(!race->r.is_done);
    CHECK_OK(mk_machine_audit(NULL));
}

static void got(struct race *race, mk_name_t port, uint32_t id)
{
    settle();
    CHECK(race->r.is_done && race->r.err == MK_OK && race->r.msg.id == id && race->r.msg.port == port);
    join(race->thread);
}

static void got_dead(struct race *race)
{
    settle();
    CHECK(race->r.is_done);
    CHECK_ERR(race->r.err, MK_E_DEAD);
    join(race->thread);
}

/* ---- a member goes ---- */

/* RACE0010: a member that is destroyed while a thread waits at the set leaves it waiting; the other still serves it. */
MKT_TEST(RACE0010)
{
    (void)arg;
    struct race *race = race_begin();
    CHECK_OK(mk_port_destroy(race->a));
    still_waits(race);
    CHECK_OK(send_id(race->b, 2));
    got(race, race->b, 2);
}

/* RACE0020: a member that moves away takes its later messages along. */
MKT_TEST(RACE0020)
{
    (void)arg;
    struct race *race = race_begin();
    mk_name_t carrier = mkt_port();
    CHECK_OK(send_right(carrier, race->a, MK_MOVE_RECEIVE));
    CHECK_OK(send_id(race->a, 1));
    still_waits(race);
    CHECK(take_right(carrier).name == race->a && take_id(race->a) == 1);
    CHECK_OK(send_id(race->a, 2));
    still_waits(race);
    CHECK_OK(send_id(race->b, 3));
    got(race, race->b, 3);
}

/* RACE0030: a member that was removed does not serve the set; back in it, its message does. */
MKT_TEST(RACE0030)
{
    (void)arg;
    struct race *race = race_begin();
    CHECK_OK(mk_portset_remove(race->set, race->a));
    CHECK_OK(send_id(race->a, 1));
    still_waits(race);
    CHECK_OK(mk_portset_add(race->set, race->a));
    got(race, race->a, 1);
}

/* RACE0040: all members go, one in each way; the thread waits on at the empty set, until one comes. */
MKT_TEST(RACE0040)
{
    (void)arg;
    struct race *race = race_begin();
    CHECK_OK(mk_port_destroy(race->a));
    CHECK_OK(mk_portset_remove(race->set, race->b));
    still_waits(race);
    CHECK_OK(send_id(race->b, 5));
    CHECK_OK(mk_portset_add(race->set, race->b));
    got(race, race->b, 5);
}

/* ---- the set goes ---- */

/* RACE0050: a set that is destroyed leaves the messages of its members where they are, in order. */
MKT_TEST(RACE0050)
{
    (void)arg;
    mk_name_t port = mkt_port(), set = new_set(port);
    struct mk_msg msg = {.capacity = 0};
    CHECK_OK(send_id(port, 1));
    CHECK_OK(send_id(port, 2));
    CHECK_OK(mk_portset_destroy(set));
    CHECK_OK(mk_machine_audit(NULL));
    CHECK(take_id(port) == 1);
    set = new_set(port);
    CHECK_OK(mk_receive(set, &msg, MK_TIME_POLL));
    CHECK(msg.id == 2 && msg.port == port);
    CHECK_ERR(mk_receive(set, &msg, MK_TIME_POLL), MK_E_WOULD_BLOCK);
}

/* RACE0060: a thread that waits at a set that is destroyed gets MK_E_DEAD, and a message sent before it runs stays. */
MKT_TEST(RACE0060)
{
    (void)arg;
    struct race *race = race_begin();
    CHECK_OK(mk_portset_destroy(race->set));
    CHECK_OK(send_id(race->a, 1));
    got_dead(race);
    CHECK(take_id(race->a) == 1);
}

/* RACE0070: a message that was delivered stays delivered, although the set dies before its receiver runs. */
MKT_TEST(RACE0070)
{
    (void)arg;
    struct race *race = race_begin();
    CHECK_OK(send_id(race->a, 1));
    CHECK_OK(mk_portset_destroy(race->set));
    got(race, race->a, 1);
}

/* RACE0080: the same where the member is destroyed, and where it moves away. */
MKT_TEST(RACE0080)
{
    (void)arg;
    mk_name_t carrier = mkt_port();
    struct race *race = race_begin();
    CHECK_OK(send_id(race->a, 1));
    CHECK_OK(mk_port_destroy(race->a));
    got(race, race->a, 1);
    race = race_begin();
    CHECK_OK(send_id(race->a, 2));
    CHECK_OK(send_right(carrier, race->a, MK_MOVE_RECEIVE));
    got(race, race->a, 2);
}

/* ---- woken, and then nothing is there ---- */

/* A notice for a send-once right that went unused comes to the port: receivers are woken to look for it. */
static void drop_once(mk_name_t port)
{
    CHECK_OK(mk_right_release(once_name(port)));
}

/* RACE0090: a thread that is woken for a message that another takes first waits on. */
MKT_TEST(RACE0090)
{
    (void)arg;
    struct race *race = race_begin();
    drop_once(race->a);
    take_notice(race->a, MK_NOTIFY_SEND_ONCE);
    still_waits(race);
    CHECK_OK(send_id(race->b, 3));
    got(race, race->b, 3);
}

/* RACE0100: ... or whose port leaves the set first. */
MKT_TEST(RACE0100)
{
    (void)arg;
    struct race *race = race_begin();
    drop_once(race->a);
    CHECK_OK(mk_portset_remove(race->set, race->a));
    still_waits(race);
    take_notice(race->a, MK_NOTIFY_SEND_ONCE);
    mk_name_t late = mkt_port();
    CHECK_OK(send_id(late, 1));
    CHECK_OK(mk_portset_add(race->set, late));
    CHECK_OK(mk_portset_remove(race->set, late));
    still_waits(race);
    CHECK_OK(send_id(race->b, 3));
    got(race, race->b, 3);
}

/* RACE0110: a thread that is woken to look again finds its set destroyed. */
MKT_TEST(RACE0110)
{
    (void)arg;
    struct race *race = race_begin();
    drop_once(race->a);
    CHECK_OK(mk_portset_destroy(race->set));
    got_dead(race);
    take_notice(race->a, MK_NOTIFY_SEND_ONCE);
}

/* RACE0120: a thread that is woken to look again finds a message that came meanwhile. */
MKT_TEST(RACE0120)
{
    (void)arg;
    struct race *race = race_begin();
    drop_once(race->a);
    take_notice(race->a, MK_NOTIFY_SEND_ONCE);
    CHECK_OK(send_id(race->b, 8));
    got(race, race->b, 8);
    CHECK(is_empty(race->a) && is_empty(race->b));
}

/* RACE0130: a thread that waits at a member gets MK_E_DEAD when it moves, one that waits at the set does not. */
MKT_TEST(RACE0130)
{
    (void)arg;
    struct race *race = race_begin();
    static struct receiver at_port;
    mk_name_t carrier = mkt_port();
    at_port = (struct receiver){.receive = race->a, .deadline = MK_TIME_FOREVER};
    mk_name_t thread = thread_of("at port", receiver_main, &at_port, WEAK);
    settle();
    CHECK_OK(send_right(carrier, race->a, MK_MOVE_RECEIVE));
    join(thread);
    CHECK_ERR(at_port.err, MK_E_DEAD);
    still_waits(race);
    CHECK_OK(send_id(race->b, 1));
    got(race, race->b, 1);
}

/* ---- sets in sets ---- */

static mk_name_t outer_of(mk_name_t inner, mk_name_t member)
{
    mk_name_t outer = new_set(inner);
    CHECK_OK(mk_portset_add(outer, member));
    return outer;
}

/* RACE0150: a set whose last ready member leaves is not ready in the set around it, which serves its others. */
MKT_TEST(RACE0150)
{
    (void)arg;
    mk_name_t a = mkt_port(), b = mkt_port(), inner = new_set(a), outer = outer_of(inner, b);
    struct mk_msg msg = {.capacity = 0};
    CHECK_OK(send_id(a, 1));
    CHECK_OK(mk_portset_remove(inner, a));
    CHECK_ERR(mk_receive(outer, &msg, MK_TIME_POLL), MK_E_WOULD_BLOCK);
    CHECK_OK(send_id(b, 2));
    CHECK_OK(mk_receive(outer, &msg, MK_TIME_POLL));
    CHECK(msg.id == 2 && msg.port == b);
    CHECK_OK(mk_portset_add(inner, a));
    CHECK_OK(mk_port_destroy(a));
    CHECK_ERR(mk_receive(outer, &msg, MK_TIME_POLL), MK_E_WOULD_BLOCK);
}

/* Like race_begin, but the thread waits at a set around the one of a; b is in the outer one. */
static struct race *nested_begin(mk_name_t *innerp)
{
    static struct race race;
    race = (struct race){.a = mkt_port(), .b = mkt_port()};
    *innerp = new_set(race.a);
    race.set = outer_of(*innerp, race.b);
    race.r = (struct receiver){.receive = race.set, .deadline = MK_TIME_FOREVER};
    race.thread = thread_of("weak", receiver_main, &race.r, WEAK);
    settle();
    CHECK(!race.r.is_done);
    return &race;
}

/* RACE0160: a port that joins the inner set with a message serves who waits at the outer one. */
MKT_TEST(RACE0160)
{
    (void)arg;
    mk_name_t inner, late = mkt_port();
    struct race *race = nested_begin(&inner);
    CHECK_OK(send_id(late, 6));
    CHECK_OK(mk_portset_add(inner, late));
    got(race, late, 6);
}

/* RACE0170: the inner set goes while a thread waits at the outer one: its members serve it no more, the others do. */
MKT_TEST(RACE0170)
{
    (void)arg;
    mk_name_t inner;
    struct race *race = nested_begin(&inner);
    CHECK_OK(mk_portset_destroy(inner));
    CHECK_OK(send_id(race->a, 1));
    still_waits(race);
    CHECK_OK(send_id(race->b, 2));
    got(race, race->b, 2);
    CHECK(take_id(race->a) == 1);
    race = nested_begin(&inner);
    CHECK_OK(mk_portset_remove(race->set, inner));
    CHECK_OK(send_id(race->a, 3));
    still_waits(race);
    CHECK_OK(mk_portset_add(race->set, inner));
    got(race, race->a, 3);
}

/* RACE0180: the outer set goes while one thread waits there and another at the inner one: only the first is told. */
MKT_TEST(RACE0180)
{
    (void)arg;
    mk_name_t inner;
    static struct receiver at_inner;
    struct race *race = nested_begin(&inner);
    at_inner = (struct receiver){.receive = inner, .deadline = MK_TIME_FOREVER};
    mk_name_t thread = thread_of("inner", receiver_main, &at_inner, WEAK);
    settle();
    CHECK_OK(mk_portset_destroy(race->set));
    got_dead(race);
    CHECK(!at_inner.is_done);
    CHECK_OK(send_id(race->a, 4));
    join(thread);
    CHECK(at_inner.err == MK_OK && at_inner.msg.id == 4);
}

/* ---- all at once ---- */

#define NR_PORTS   4
#define NR_SENT    400u
#define NR_WAITERS 3

struct storm {
    mk_name_t ports[NR_PORTS], sets[2], carrier;
    unsigned nr_got[NR_PORTS]; /* next expected of each port */
    unsigned nr_left;
    bool is_over;
};

static void storm_receiver(void *arg)
{
    struct storm *s = arg;
    for (unsigned i = 0; !s->is_over; i++) {
        struct mk_msg msg = {.capacity = 0};
        mk_err_t err = mk_receive(s->sets[i % 2], &msg, mk_time_now() + 20 * MK_USEC);
        CHECK(err == MK_OK || err == MK_E_TIMED_OUT);
        if (err)
            continue;
        unsigned port = msg.id / NR_SENT;
        CHECK(msg.port == s->ports[port]);
        s->nr_got[port]++;
        s->nr_left--;
    }
}

static void storm_sender(void *arg)
{
    const struct storm *s = arg;
    for (uint32_t i = 0; i < NR_SENT; i++)
        for (uint32_t port = 0; port < NR_PORTS; port++) {
            struct mk_msg msg = {.id = port * NR_SENT + i};
            CHECK_OK(mk_send(s->ports[port], &msg, MK_TIME_FOREVER));
        }
}

/* Ports enter and leave sets, and travel, while messages come and threads wait. */
static void storm_mover(struct storm *s)
{
    for (unsigned i = 0; s->nr_left; i++) {
        mk_name_t port = s->ports[mk_random() % NR_PORTS], set = s->sets[mk_random() % 2];
        if (mk_portset_add(set, port) != MK_OK && mk_portset_remove(set, port) == MK_OK && i % 3 == 0) {
            CHECK_OK(send_right(s->carrier, port, MK_MOVE_RECEIVE));
            CHECK(take_right(s->carrier).name == port);
        }
        if (i % 5 == 0 && mk_portset_add(s->sets[0], s->sets[1]) != MK_OK)
            CHECK_OK(mk_portset_remove(s->sets[0], s->sets[1]));
        CHECK_OK(mk_time_sleep(mk_time_now() + (mk_time_t)(mk_random() % 5000)));
    }
    s->is_over = true;
}

static void storm_main(void *arg)
{
    struct storm *s = arg;
    mk_name_t threads[NR_WAITERS + 1];
    s->nr_left = NR_PORTS * NR_SENT;
    s->carrier = mkt_port();
    for (unsigned i = 0; i < NR_PORTS; i++)
        s->ports[i] = mkt_port();
    for (unsigned i = 0; i < 2; i++)
        CHECK_OK(mk_portset_create(&s->sets[i]));
    for (unsigned i = 0; i < NR_WAITERS; i++)
        threads[i] = mkt_thread(storm_receiver, s);
    threads[NR_WAITERS] = mkt_thread(storm_sender, s);
    storm_mover(s);
    for (unsigned i = 0; i < NR_WAITERS + 1; i++)
        join(threads[i]);
    for (unsigned i = 0; i < NR_PORTS; i++)
        CHECK(s->nr_got[i] == NR_SENT && is_empty(s->ports[i]));
}

/* RACE0140: whatever happens to sets and members, each message arrives once; for several seeds. */
static void RACE0140(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 20; seed++) {
        const struct mk_machine_config config = {.seed = seed};
        static struct storm storm;
        static struct mkt t;
        memset(&storm, 0, sizeof(storm));
        mkt_begin(&t, &config);
        mkt_spawn(&t, "storm", storm_main, &storm, false);
        mkt_run_all(&t);
        mkt_finish(&t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(RACE0010), cmocka_unit_test(RACE0020), cmocka_unit_test(RACE0030), cmocka_unit_test(RACE0040),
        cmocka_unit_test(RACE0050), cmocka_unit_test(RACE0060), cmocka_unit_test(RACE0070), cmocka_unit_test(RACE0080),
        cmocka_unit_test(RACE0090), cmocka_unit_test(RACE0100), cmocka_unit_test(RACE0110), cmocka_unit_test(RACE0120),
        cmocka_unit_test(RACE0130), cmocka_unit_test(RACE0140), cmocka_unit_test(RACE0150), cmocka_unit_test(RACE0160),
        cmocka_unit_test(RACE0170), cmocka_unit_test(RACE0180),
    };
    cmocka_set_test_filter(getenv("MKT_TEST"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
