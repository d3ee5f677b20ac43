/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Each kind of right a million times through make, send, receive and release,
 * and nothing grows: no name, port, right, message or byte of the kernel's
 * memory, no page and no mapping of the host's.
 */
#include "helpers.h"
#include "stress.h"

#define NR_CYCLES STRESS_SIZE(1000000u, 40000u)
#define NR_HEAVY  STRESS_SIZE(10000u, 2000u)
#define NR_WARM   1000u /* after these every table has its size */
#define RSS_SLACK (8l * 4096)

/* What a cycle uses, made before the first. */
struct ports {
    mk_name_t port, carrier, notices;
    mk_name_t set, child, send;
    mk_vaddr_t page;
    unsigned step;
};

struct kind {
    const char *label;
    void (*cycle)(struct ports *p);
    void (*begin)(struct ports *p); /* more than the ports; may be NULL */
    bool is_heavy;                  /* a cycle takes microseconds */
};

/* ---- cycles ---- */

static mk_name_t through(const struct ports *p, mk_name_t name, uint32_t how)
{
    CHECK_OK(send_right(p->carrier, name, how));
    return take_right(p->carrier).name;
}

static void cycle_send(struct ports *p)
{
    CHECK_OK(mk_right_make(p->port, MK_RIGHT_SEND, 0, NULL));
    CHECK(through(p, p->port, MK_MOVE_SEND) == p->port);
    CHECK_OK(mk_right_release(p->port));
}

static void cycle_copy_and_make(struct ports *p)
{
    mk_name_t name = through(p, p->port, MK_MAKE_SEND);
    CHECK(through(p, name, MK_COPY_SEND) == name);
    CHECK_OK(mk_right_release(name));
    CHECK_OK(mk_right_release(name));
}

static void cycle_badged(struct ports *p)
{
    mk_name_t name;
    CHECK_OK(mk_right_make(p->port, MK_RIGHT_SEND, ++p->step, &name));
    CHECK_OK(mk_right_release(through(p, name, MK_MOVE_SEND)));
}

static void cycle_send_once(struct ports *p)
{
    mk_name_t name;
    CHECK_OK(mk_right_make(p->port, MK_RIGHT_SEND_ONCE, 1, &name));
    CHECK_OK(send_id(through(p, name, MK_MOVE_SEND_ONCE), 5));
    CHECK(take_id(p->port) == 5);
}

static void cycle_send_once_unused(struct ports *p)
{
    CHECK_OK(mk_right_release(through(p, p->port, MK_MAKE_SEND_ONCE)));
    take_notice(p->port, MK_NOTIFY_SEND_ONCE);
}

static void cycle_receive(struct ports *p)
{
    mk_name_t port = mkt_port();
    CHECK_OK(send_right(port, port, MK_COPY_SEND));
    CHECK_OK(send_right(port, p->port, MK_MAKE_SEND_ONCE));
    CHECK_OK(mk_port_destroy(through(p, port, MK_MOVE_RECEIVE)));
    CHECK_OK(mk_right_release(port));
    take_notice(p->port, MK_NOTIFY_SEND_ONCE);
}

static void cycle_set(struct ports *p)
{
    mk_name_t set;
    struct mk_msg msg = {.capacity = 0};
    CHECK_OK(mk_portset_create(&set));
    CHECK_OK(mk_portset_add(set, p->carrier));
    CHECK_OK(send_id(p->carrier, 1));
    CHECK_OK(mk_receive(set, &msg, MK_TIME_POLL));
    if (++p->step % 2)
        CHECK_OK(mk_portset_remove(set, p->carrier));
    CHECK_OK(mk_portset_destroy(set));
}

static void cycle_nested_set(struct ports *p)
{
    mk_name_t inner, outer;
    struct mk_msg msg = {.capacity = 0};
    CHECK_OK(mk_portset_create(&inner));
    CHECK_OK(mk_portset_create(&outer));
    CHECK_OK(mk_portset_add(inner, p->carrier));
    CHECK_OK(mk_portset_add(outer, inner));
    CHECK_OK(send_id(p->carrier, 1));
    CHECK_OK(mk_receive(outer, &msg, MK_TIME_POLL));
    CHECK_OK(mk_portset_destroy(++p->step % 2 ? inner : outer));
    CHECK_OK(mk_portset_destroy(p->step % 2 ? outer : inner));
}

/* Asked for, replaced, taken back; and asked for, and sent. */
static void cycle_dead_name(struct ports *p)
{
    mk_name_t port = mkt_port();
    CHECK_OK(mk_port_notify(port, MK_NOTIFY_DEAD_NAME, 0, p->notices));
    CHECK_OK(mk_port_notify(port, MK_NOTIFY_DEAD_NAME, 0, p->notices));
    take_notice(p->notices, MK_NOTIFY_SEND_ONCE);
    if (++p->step % 2) {
        CHECK_OK(mk_port_notify(port, MK_NOTIFY_DEAD_NAME, 0, MK_NAME_NULL));
        take_notice(p->notices, MK_NOTIFY_SEND_ONCE);
        CHECK_OK(mk_port_destroy(port));
    } else {
        CHECK_OK(mk_port_destroy(port));
        CHECK(take_notice(p->notices, MK_NOTIFY_DEAD_NAME).name == port);
        CHECK_OK(mk_right_release(port));
    }
    CHECK_OK(mk_right_release(port));
}

static void cycle_no_senders(struct ports *p)
{
    CHECK_OK(mk_port_notify(p->port, MK_NOTIFY_NO_SENDERS, ++p->step, p->notices));
    CHECK_OK(mk_right_release(through(p, p->port, MK_MAKE_SEND)));
    CHECK(take_notice(p->notices, MK_NOTIFY_NO_SENDERS).count == p->step);
}

static void cycle_port_destroyed(struct ports *p)
{
    mk_name_t port;
    struct mk_msg_right right;
    struct mk_notification notice;
    struct mk_msg msg = {.body = &notice, .capacity = sizeof(notice), .rights = &right, .max_rights = 1};
    CHECK_OK(mk_port_create(&port));
    CHECK_OK(mk_port_notify(port, MK_NOTIFY_PORT_DESTROYED, 0, p->notices));
    CHECK_OK(mk_port_destroy(port));
    CHECK_OK(mk_receive(p->notices, &msg, MK_TIME_POLL));
    CHECK(msg.nr_rights == 1 && right.how == MK_RIGHT_RECEIVE);
    mk_msg_discard(&msg);
}

static void cycle_send_possible(struct ports *p)
{
    CHECK_OK(send_id(p->send, 1)); /* its limit is 1 */
    CHECK_ERR(send_id(p->send, 1), MK_E_WOULD_BLOCK);
    CHECK_OK(mk_port_notify(p->send, MK_NOTIFY_SEND_POSSIBLE, 0, p->notices));
    take_id(p->send);
    CHECK(take_notice(p->notices, MK_NOTIFY_SEND_POSSIBLE).name == p->send);
}

static void begin_send_possible(struct ports *p)
{
    p->send = mkt_port();
    CHECK_OK(mk_port_set_limit(p->send, 1));
}

static void cycle_event(struct ports *p)
{
    mk_name_t event, send;
    uint64_t bits = 0;
    CHECK_OK(mk_event_create(&event));
    CHECK_OK(mk_right_make(event, MK_RIGHT_SEND, 6, &send));
    send = through(p, send, MK_MOVE_SEND);
    CHECK_OK(mk_event_signal(send, 2));
    CHECK_OK(mk_event_wait(event, &bits, MK_TIME_POLL));
    CHECK(bits == 2);
    CHECK_OK(mk_port_destroy(through(p, event, MK_MOVE_RECEIVE)));
    CHECK_OK(mk_right_release(send)); /* the dead name */
}

static void cycle_rename(struct ports *p)
{
    mk_name_t port = mkt_port(), chosen = 0x40000000u + ++p->step % 7;
    CHECK_OK(mk_right_rename(port, chosen));
    CHECK_OK(mk_right_rename(chosen, 77));
    CHECK_OK(mk_right_release(through(p, 77, MK_COPY_SEND)));
    CHECK_OK(mk_port_destroy(77));
    CHECK_OK(mk_right_release(77));
}

static void cycle_insert_and_extract(struct ports *p)
{
    mk_name_t there, here;
    CHECK_OK(mk_right_insert(p->child, p->port, MK_MAKE_SEND, &there));
    CHECK_OK(mk_right_extract(p->child, there, MK_MOVE_SEND, &here));
    CHECK_OK(mk_right_release(here));
    CHECK_OK(mk_right_insert(p->child, p->port, MK_MOVE_RECEIVE, &there));
    CHECK_OK(mk_right_extract(p->child, there, MK_MOVE_RECEIVE, &p->port));
}

static void begin_child(struct ports *p)
{
    CHECK_OK(mk_task_create("child", &p->child));
}

/* ---- the right to answer a call ---- */

static void caller_loop(void *arg)
{
    const struct ports *p = arg;
    mk_err_t err = MK_OK;
    while (err != MK_E_DEAD || mkt_type(p->send) & MK_RIGHT_RECEIVE) {
        struct mk_msg msg = {.capacity = 0};
        err = mk_call(p->send, &msg, MK_TIME_FOREVER);
        CHECK(err == MK_OK || err == MK_E_DEAD);
    }
}

static void begin_caller(struct ports *p)
{
    p->send = mkt_port();
    (void)mkt_thread(caller_loop, p);
}

static void cycle_reply(struct ports *p)
{
    struct mk_msg msg = {.capacity = 0};
    CHECK_OK(mk_receive(p->send, &msg, MK_TIME_FOREVER));
    msg.reply = through(p, msg.reply, MK_MOVE_SEND_ONCE);
    if (++p->step % 4)
        CHECK_OK(mk_reply(&msg));
    else
        mk_msg_discard(&msg);
}

/* ---- memory out of line ---- */

static void begin_memory(struct ports *p)
{
    CHECK_OK(mk_vm_allocate(mk_task_self(), 2 * mk_page_size(), &p->page));
}

static void cycle_memory(struct ports *p)
{
    uint32_t how = ++p->step % 2 ? MK_MEMORY_COPY : MK_MEMORY_MOVE;
    struct mk_msg_memory memory = {.address = (void *)p->page, .size = 2 * mk_page_size(), .how = how};
    struct mk_msg msg = {.memories = &memory, .nr_memories = 1, .max_memories = 1};
    *(unsigned *)p->page = p->step;
    CHECK_OK(mk_send(p->carrier, &msg, MK_TIME_POLL));
    CHECK_OK(mk_receive(p->carrier, &msg, MK_TIME_POLL));
    CHECK(msg.nr_memories == 1 && memory.size == 2 * mk_page_size() && *(unsigned *)memory.address == p->step);
    if (how == MK_MEMORY_MOVE)
        p->page = (mk_vaddr_t)memory.address;
    else
        mk_msg_discard(&msg);
}

static void cycle_memory_lost(struct ports *p)
{
    char body[100];
    struct mk_msg_memory memory = {.address = body, .size = sizeof(body), .how = MK_MEMORY_COPY};
    struct mk_msg msg = {.memories = &memory, .nr_memories = 1};
    mk_name_t port = mkt_port();
    memset(body, (int)p->step, sizeof(body));
    CHECK_OK(mk_send(port, &msg, MK_TIME_POLL));
    CHECK_OK(mk_port_destroy(port));
    CHECK_OK(mk_right_release(port));
}

/* ---- a run ---- */

static const struct kind *kind;
static unsigned nr_cycles;

static void cycles_main(void *arg)
{
    struct mk_machine_stats before, after;
    struct ports p = {.port = 0};
    uint32_t nr_names = 0;
    (void)arg;
    CHECK_OK(mk_port_create(&p.port));
    p.carrier = mkt_port();
    CHECK_OK(mk_port_create(&p.notices));
    if (kind->begin)
        kind->begin(&p);
    for (unsigned i = 0; i < NR_WARM + nr_cycles; i++) {
        if (i == NR_WARM) {
            CHECK_OK(mk_machine_stats(NULL, &before));
            nr_names = mkt_nr_names();
        }
        kind->cycle(&p);
    }
    CHECK_OK(mk_machine_stats(NULL, &after));
    CHECK(mkt_nr_names() == nr_names);
    CHECK(after.nr_ports == before.nr_ports && after.nr_rights == before.nr_rights);
    CHECK(after.nr_messages == before.nr_messages && after.kernel_memory == before.kernel_memory);
    CHECK(after.nr_threads == before.nr_threads && after.memory_used == before.memory_used);
    CHECK_OK(mk_machine_audit(NULL));
    if (p.child)
        CHECK_OK(mk_task_terminate(p.child, 0));
    mk_task_exit(0); /* and the threads that help */
}

static void run_cycles(struct mkt *t, unsigned n)
{
    nr_cycles = n;
    mkt_spawn(t, "cycles", cycles_main, NULL, false);
    mkt_run_all(t);
}

static void run_kind(const struct kind *k)
{
    struct mkt t;
    kind = k;
    mkt_begin(&t, NULL);
    run_cycles(&t, 1);
    run_cycles(&t, 1);
    (void)stress_usage(); /* it has pages of its own */
    struct stress_usage before = stress_usage();
    run_cycles(&t, k->is_heavy ? NR_HEAVY : NR_CYCLES);
    stress_compare(before, stress_usage(), RSS_SLACK, 0);
    mkt_finish(&t);
}

static const struct kind kinds[] = {
    {"send", cycle_send, NULL, false},
    {"send, copied and made", cycle_copy_and_make, NULL, false},
    {"send, badged", cycle_badged, NULL, false},
    {"send-once", cycle_send_once, NULL, false},
    {"send-once, unused", cycle_send_once_unused, NULL, false},
    {"right to answer", cycle_reply, begin_caller, false},
    {"receive, with its queue", cycle_receive, NULL, false},
    {"insert and extract", cycle_insert_and_extract, begin_child, false},
    {"set", cycle_set, NULL, false},
    {"nested sets", cycle_nested_set, NULL, false},
    {"dead-name request", cycle_dead_name, NULL, false},
    {"no-senders request", cycle_no_senders, NULL, false},
    {"port-destroyed request", cycle_port_destroyed, NULL, false},
    {"send-possible request", cycle_send_possible, begin_send_possible, false},
    {"event port", cycle_event, NULL, false},
    {"rename", cycle_rename, NULL, false},
    {"memory out of line", cycle_memory, begin_memory, true},
    {"memory out of line, lost", cycle_memory_lost, NULL, true},
};

/* CYCLES0010: no kind of right leaves anything behind, however often it comes and goes. */
static void CYCLES0010(void **state)
{
    const char *wanted = getenv("MK_CYCLES_KIND");
    (void)state;
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        if (wanted && strcmp(wanted, kinds[i].label) != 0)
            continue;
        print_message("%s: %u\n", kinds[i].label, kinds[i].is_heavy ? NR_HEAVY : NR_CYCLES);
        run_kind(&kinds[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(CYCLES0010)};
    cmocka_set_test_filter(getenv("MKT_TEST"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
