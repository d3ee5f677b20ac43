/* SPDX-License-Identifier: BSD-2-Clause */
/* Rights: making, moving, copying, counting, badges, dead names. */
#include "helpers.h"

/* RIGHT0010: unbadged send rights stand under the receive right's name and count. */
MKT_TEST(RIGHT0010)
{
    (void)arg;
    mk_name_t port, send;
    CHECK_OK(mk_port_create(&port));
    for (uint32_t i = 1; i <= 3; i++) {
        CHECK_OK(mk_right_make(port, MK_RIGHT_SEND, 0, &send));
        CHECK(send == port && mkt_refs(port) == i);
        CHECK(mkt_type(port) == (MK_RIGHT_SEND | MK_RIGHT_RECEIVE));
        CHECK(port_state(port).nr_send == 1 && port_state(port).make_count == i);
    }
}

/* RIGHT0020: send rights with another badge have another name, equal badges share one. */
MKT_TEST(RIGHT0020)
{
    (void)arg;
    mk_name_t port = mkt_port(), one, two, again;
    struct mk_right_info info;
    CHECK_OK(mk_right_make(port, MK_RIGHT_SEND, 1, &one));
    CHECK_OK(mk_right_make(port, MK_RIGHT_SEND, 2, &two));
    CHECK_OK(mk_right_make(port, MK_RIGHT_SEND, 1, &again));
    CHECK(one != port && two != port && one != two && again == one);
    CHECK_OK(mk_right_info(one, &info));
    CHECK(info.type == MK_RIGHT_SEND && info.user_refs == 2 && info.badge == 1);
    CHECK_OK(mk_right_info(two, &info));
    CHECK(info.user_refs == 1 && info.badge == 2);
}

/* RIGHT0030: each send-once right has a name of its own and shows its badge to the receiver. */
MKT_TEST(RIGHT0030)
{
    (void)arg;
    mk_name_t port = mkt_port(), a, b;
    CHECK_OK(mk_right_make(port, MK_RIGHT_SEND_ONCE, 6, &a));
    CHECK_OK(mk_right_make(port, MK_RIGHT_SEND_ONCE, 6, &b));
    CHECK(a != b && mkt_type(a) == MK_RIGHT_SEND_ONCE && mkt_refs(a) == 1 && port_state(port).nr_send_once == 2);
    struct mk_msg msg = {.id = 1};
    CHECK_OK(mk_send(a, &msg, MK_TIME_POLL));
    CHECK_OK(mk_receive(port, &msg, MK_TIME_POLL));
    CHECK(msg.badge == 6);
}

/* RIGHT0040: mk_right_make refuses other kinds, the kernel's badge, and names without a receive right. */
MKT_TEST(RIGHT0040)
{
    (void)arg;
    mk_name_t port = mkt_port(), badged, set, name = 123;
    CHECK_OK(mk_right_make(port, MK_RIGHT_SEND, 1, &badged));
    CHECK_OK(mk_portset_create(&set));
    CHECK_ERR(mk_right_make(port, MK_RIGHT_RECEIVE, 0, &name), MK_E_BAD_ARGUMENT);
    CHECK_ERR(mk_right_make(port, MK_RIGHT_PORT_SET, 0, &name), MK_E_BAD_ARGUMENT);
    CHECK_ERR(mk_right_make(port, MK_RIGHT_DEAD_NAME, 0, &name), MK_E_BAD_ARGUMENT);
    CHECK_ERR(mk_right_make(port, (enum mk_right_type)0, 0, &name), MK_E_BAD_ARGUMENT);
    CHECK_ERR(mk_right_make(port, MK_RIGHT_SEND, MK_BADGE_KERNEL, &name), MK_E_BAD_ARGUMENT);
    CHECK_ERR(mk_right_make(port, MK_RIGHT_SEND_ONCE, MK_BADGE_KERNEL, &name), MK_E_BAD_ARGUMENT);
    CHECK_ERR(mk_right_make(MK_NAME_NULL, MK_RIGHT_SEND, 0, &name), MK_E_BAD_NAME);
    CHECK_ERR(mk_right_make(badged, MK_RIGHT_SEND, 0, &name), MK_E_BAD_RIGHT);
    CHECK_ERR(mk_right_make(set, MK_RIGHT_SEND, 0, &name), MK_E_BAD_RIGHT);
    CHECK(port_state(port).nr_send == 2 && port_state(port).make_count == 2);
}

/* RIGHT0050: a name holds at most MK_USER_REFS_MAX user references. */
MKT_TEST(RIGHT0050)
{
    (void)arg;
    mk_name_t port = mkt_port(), name;
    CHECK_OK(mk_right_retain(port, MK_USER_REFS_MAX - 1));
    CHECK_ERR(mk_right_retain(port, 1), MK_E_OVERFLOW);
    CHECK_ERR(mk_right_retain(port, UINT32_MAX), MK_E_OVERFLOW);
    CHECK_ERR(mk_right_make(port, MK_RIGHT_SEND, 0, &name), MK_E_OVERFLOW);
    CHECK(mkt_refs(port) == MK_USER_REFS_MAX && port_state(port).make_count == 1);
    CHECK_OK(mk_right_release(port));
    CHECK_OK(mk_right_retain(port, 1));
}

/* RIGHT0060: a send right that arrives at a full count is taken, and the count stays full. */
MKT_TEST(RIGHT0060)
{
    (void)arg;
    mk_name_t port = mkt_port(), carrier = mkt_port();
    CHECK_OK(mk_right_retain(port, MK_USER_REFS_MAX - 1));
    CHECK_OK(send_right(carrier, port, MK_COPY_SEND));
    CHECK(take_right(carrier).name == port);
    CHECK(mkt_refs(port) == MK_USER_REFS_MAX && port_state(port).nr_send == 1);
}

/* RIGHT0070: retain adds n references, refuses n = 0 and anything that is no send right or dead name. */
MKT_TEST(RIGHT0070)
{
    (void)arg;
    mk_name_t port = mkt_port(), receive, set, dead = dead_name();
    CHECK_OK(mk_port_create(&receive));
    CHECK_OK(mk_portset_create(&set));
    CHECK_OK(mk_right_retain(port, 3));
    CHECK(mkt_refs(port) == 4);
    CHECK_OK(mk_right_retain(dead, 3));
    CHECK(mkt_refs(dead) == 4);
    CHECK_ERR(mk_right_retain(port, 0), MK_E_BAD_ARGUMENT);
    CHECK_ERR(mk_right_retain(MK_NAME_NULL, 1), MK_E_BAD_NAME);
    CHECK_ERR(mk_right_retain(receive, 1), MK_E_BAD_RIGHT);
    CHECK_ERR(mk_right_retain(set, 1), MK_E_BAD_RIGHT);
    CHECK_ERR(mk_right_retain(once_name(port), 1), MK_E_BAD_RIGHT);
}

/* RIGHT0080: the dead name that a send-once right became can be retained like any dead name. */
MKT_TEST(RIGHT0080)
{
    (void)arg;
    mk_name_t port = mkt_port(), once = once_name(port);
    CHECK_OK(mk_port_destroy(port));
    CHECK(mkt_type(once) == MK_RIGHT_DEAD_NAME && mkt_refs(once) == 1);
    CHECK_OK(mk_right_retain(once, 2));
    CHECK(mkt_refs(once) == 3);
    for (int i = 0; i < 3; i++)
        CHECK_OK(mk_right_release(once));
    CHECK(mkt_type(once) == 0);
}

/* RIGHT0090: release drops one reference; with the last a plain name goes and a receive right stays. */
MKT_TEST(RIGHT0090)
{
    (void)arg;
    mk_name_t port = mkt_port(), badged;
    CHECK_OK(mk_right_make(port, MK_RIGHT_SEND, 1, &badged));
    CHECK_OK(mk_right_retain(badged, 1));
    CHECK_OK(mk_right_release(badged));
    CHECK(mkt_refs(badged) == 1 && port_state(port).nr_send == 2);
    CHECK_OK(mk_right_release(badged));
    CHECK(mkt_type(badged) == 0 && port_state(port).nr_send == 1);
    CHECK_OK(mk_right_release(port));
    CHECK(mkt_type(port) == MK_RIGHT_RECEIVE && port_state(port).nr_send == 0);
    CHECK_ERR(mk_right_release(port), MK_E_BAD_RIGHT);
    CHECK_ERR(mk_right_release(badged), MK_E_BAD_NAME);
}

/* RIGHT0100: a port set is not released but destroyed. */
MKT_TEST(RIGHT0100)
{
    (void)arg;
    mk_name_t set;
    CHECK_OK(mk_portset_create(&set));
    CHECK_ERR(mk_right_release(set), MK_E_BAD_RIGHT);
    CHECK(mkt_type(set) == MK_RIGHT_PORT_SET);
    CHECK_ERR(mk_right_release(MK_NAME_NULL), MK_E_BAD_NAME);
    CHECK_ERR(mk_right_release(MK_NAME_DEAD), MK_E_BAD_NAME);
}

/* RIGHT0110: releasing a send-once right unused tells the port. */
MKT_TEST(RIGHT0110)
{
    (void)arg;
    mk_name_t port = mkt_port();
    CHECK_OK(mk_right_release(once_name(port)));
    CHECK(port_state(port).nr_queued == 1 && port_state(port).nr_send_once == 0);
    take_notice(port, MK_NOTIFY_SEND_ONCE);
    CHECK(is_empty(port));
}

/* RIGHT0120: mk_right_info tells kind, references, badge and the port's number, the same under every name. */
MKT_TEST(RIGHT0120)
{
    (void)arg;
    mk_name_t port = mkt_port(), badged, set;
    struct mk_right_info a, b;
    CHECK_OK(mk_right_make(port, MK_RIGHT_SEND, 9, &badged));
    CHECK_OK(mk_portset_create(&set));
    CHECK_OK(mk_right_info(port, &a));
    CHECK_OK(mk_right_info(badged, &b));
    CHECK(a.port != 0 && a.port == b.port && a.badge == 0 && b.badge == 9);
    CHECK_OK(mk_right_info(set, &a));
    CHECK(a.type == MK_RIGHT_PORT_SET && a.port != 0 && a.port != b.port);
    CHECK_ERR(mk_right_info(MK_NAME_NULL, &a), MK_E_BAD_NAME);
    CHECK_ERR(mk_right_info(MK_NAME_DEAD, &a), MK_E_BAD_NAME);
}

/* One disposition that travels in a message: what the sender has left, what the receiver (the same task) gets. */
struct travel {
    uint32_t how, kind;
    bool is_from_once, is_same_name;
    uint32_t refs_after, nr_send, nr_once, make_count; /* of the port, from 2 user references made by one make */
};

static void travel(const struct travel *t)
{
    mk_name_t port = mkt_port(), carrier = mkt_port(), once = once_name(port);
    CHECK_OK(mk_right_retain(port, 1));
    mk_name_t name = t->is_from_once ? once : port;
    CHECK_OK(send_right(carrier, name, t->how));
    struct mk_msg_right right = take_right(carrier);
    CHECK(right.how == t->kind && (right.name == port) == t->is_same_name);
    struct mk_port_state s = port_state(port);
    CHECK(mkt_refs(port) == t->refs_after);
    CHECK(s.nr_send == t->nr_send && s.nr_send_once == t->nr_once && s.make_count == t->make_count);
    CHECK((mkt_type(once) == 0) == (t->how == MK_MOVE_SEND_ONCE));
}

/* RIGHT0130: every disposition, sent to oneself, leaves exact names and counts. */
MKT_TEST(RIGHT0130)
{
    (void)arg;
    static const struct travel travels[] = {
        {MK_MOVE_RECEIVE, MK_RIGHT_RECEIVE, false, true, 2, 1, 1, 0},
        {MK_MOVE_SEND, MK_RIGHT_SEND, false, true, 2, 1, 1, 1},
        {MK_COPY_SEND, MK_RIGHT_SEND, false, true, 3, 1, 1, 1},
        {MK_MAKE_SEND, MK_RIGHT_SEND, false, true, 3, 1, 1, 2},
        {MK_MOVE_SEND_ONCE, MK_RIGHT_SEND_ONCE, true, false, 2, 1, 1, 1},
        {MK_MAKE_SEND_ONCE, MK_RIGHT_SEND_ONCE, false, false, 2, 1, 2, 1},
    };
    for (size_t i = 0; i < COUNT_OF(travels); i++)
        travel(&travels[i]);
}

/* RIGHT0140: every disposition is refused for every right that does not fit, in messages and between tasks. */
MKT_TEST(RIGHT0140)
{
    (void)arg;
    mk_name_t carrier = mkt_port(), port = mkt_port(), receive, send, set, out;
    CHECK_OK(mk_port_create(&receive));
    CHECK_OK(mk_right_make(port, MK_RIGHT_SEND, 1, &send));
    CHECK_OK(mk_portset_create(&set));
    const struct {
        mk_name_t name;
        uint32_t fits; /* bit per disposition */
    } rights[] = {
        {receive, 1u << (MK_MOVE_RECEIVE - MK_MOVE_RECEIVE) | 1u << (MK_MAKE_SEND - MK_MOVE_RECEIVE) |
                      1u << (MK_MAKE_SEND_ONCE - MK_MOVE_RECEIVE)},
        {send, 1u << (MK_MOVE_SEND - MK_MOVE_RECEIVE) | 1u << (MK_COPY_SEND - MK_MOVE_RECEIVE)},
        {once_name(port), 1u << (MK_MOVE_SEND_ONCE - MK_MOVE_RECEIVE)},
        {set, 0},
    };
    struct snap before;
    snap_take(&before);
    for (size_t i = 0; i < COUNT_OF(rights); i++)
        for (uint32_t how = MK_MOVE_RECEIVE; how <= MK_MAKE_SEND_ONCE; how++) {
            if (rights[i].fits >> (how - MK_MOVE_RECEIVE) & 1)
                continue;
            CHECK_ERR(send_right(carrier, rights[i].name, how), MK_E_BAD_RIGHT);
            CHECK_ERR(mk_right_insert(mk_task_self(), rights[i].name, (enum mk_disposition)how, &out), MK_E_BAD_RIGHT);
            CHECK_ERR(mk_right_extract(mk_task_self(), rights[i].name, (enum mk_disposition)how, &out), MK_E_BAD_RIGHT);
        }
    CHECK(snap_is_same(&before) && is_empty(carrier));
}

static mk_name_t child_task(void)
{
    mk_name_t task;
    CHECK_OK(mk_task_create("child", &task));
    return task;
}

/* What stands under a name of another task. */
static struct mk_name_info name_in(uint64_t task, mk_name_t name)
{
    static struct mk_name_info infos[64];
    size_t n;
    CHECK_OK(mk_machine_names(NULL, task, infos, 64, &n));
    for (size_t i = 0; i < n; i++)
        if (infos[i].name == name)
            return infos[i];
    return (struct mk_name_info){.type = 0};
}

static uint64_t task_number(const char *label)
{
    static struct mk_task_info infos[16];
    size_t n;
    CHECK_OK(mk_machine_tasks(NULL, infos, 16, &n));
    for (size_t i = 0; i < n; i++)
        if (strcmp(infos[i].label, label) == 0 && !infos[i].is_ended)
            return infos[i].id;
    return 0;
}

/* RIGHT0150: mk_right_insert moves, copies and makes into another task with exact counts on both sides. */
MKT_TEST(RIGHT0150)
{
    (void)arg;
    mk_name_t child = child_task(), port = mkt_port(), a, b, c, d;
    uint64_t id = task_number("child");
    CHECK_OK(mk_right_retain(port, 1));
    CHECK_OK(mk_right_insert(child, port, MK_COPY_SEND, &a));
    CHECK(mkt_refs(port) == 2 && name_in(id, a).type == MK_RIGHT_SEND && name_in(id, a).user_refs == 1);
    CHECK_OK(mk_right_insert(child, port, MK_MOVE_SEND, &b));
    CHECK(b == a && mkt_refs(port) == 1 && name_in(id, a).user_refs == 2);
    CHECK_OK(mk_right_insert(child, port, MK_MAKE_SEND, &b));
    CHECK(b == a && name_in(id, a).user_refs == 3 && port_state(port).nr_send == 2);
    CHECK_OK(mk_right_insert(child, port, MK_MAKE_SEND_ONCE, &c));
    CHECK(name_in(id, c).type == MK_RIGHT_SEND_ONCE && port_state(port).nr_send_once == 1);
    CHECK_OK(mk_right_insert(child, port, MK_MOVE_RECEIVE, &d));
    CHECK(d == a && name_in(id, a).type == (MK_RIGHT_SEND | MK_RIGHT_RECEIVE) && name_in(id, a).user_refs == 3);
    CHECK(mkt_type(port) == MK_RIGHT_SEND && mkt_refs(port) == 1);
    CHECK_OK(mk_task_terminate(child, 0));
    CHECK(mkt_type(port) == MK_RIGHT_DEAD_NAME);
}

/* RIGHT0160: mk_right_extract is the reverse. */
MKT_TEST(RIGHT0160)
{
    (void)arg;
    mk_name_t child = child_task(), port = mkt_port(), there, here;
    uint64_t id = task_number("child");
    CHECK_OK(mk_right_insert(child, port, MK_MOVE_RECEIVE, &there));
    CHECK_OK(mk_right_extract(child, there, MK_MAKE_SEND, &here));
    CHECK(here == port && mkt_refs(port) == 2);
    CHECK_OK(mk_right_extract(child, there, MK_MAKE_SEND_ONCE, &here));
    CHECK(mkt_type(here) == MK_RIGHT_SEND_ONCE);
    CHECK_ERR(mk_right_extract(child, there, MK_MOVE_SEND, &here), MK_E_BAD_RIGHT);
    CHECK_OK(mk_right_extract(child, there, MK_MOVE_RECEIVE, &here));
    CHECK(here == port && mkt_type(port) == (MK_RIGHT_SEND | MK_RIGHT_RECEIVE) && name_in(id, there).type == 0);
    CHECK_OK(mk_task_terminate(child, 0));
}

/* RIGHT0170: the errors of insert and extract, with nothing changed. */
MKT_TEST(RIGHT0170)
{
    (void)arg;
    mk_name_t child = child_task(), ended = child_task(), port = mkt_port(), dead = dead_name(), out;
    CHECK_OK(mk_task_terminate(ended, 0));
    struct snap before;
    snap_take(&before);
    CHECK_ERR(mk_right_insert(MK_NAME_NULL, port, MK_COPY_SEND, &out), MK_E_BAD_NAME);
    CHECK_ERR(mk_right_insert(port, port, MK_COPY_SEND, &out), MK_E_BAD_RIGHT);
    CHECK_ERR(mk_right_insert(ended, port, MK_COPY_SEND, &out), MK_E_DEAD);
    CHECK_ERR(mk_right_insert(child, MK_NAME_NULL, MK_COPY_SEND, &out), MK_E_BAD_NAME);
    CHECK_ERR(mk_right_insert(child, port, (enum mk_disposition)0, &out), MK_E_BAD_ARGUMENT);
    CHECK_ERR(mk_right_insert(child, port, (enum mk_disposition)7, &out), MK_E_BAD_ARGUMENT);
    CHECK_ERR(mk_right_insert(child, dead, MK_COPY_SEND, &out), MK_E_DEAD);
    CHECK_ERR(mk_right_insert(child, port, MK_MOVE_RECEIVE, NULL), MK_E_BAD_ADDRESS);
    CHECK_ERR(mk_right_extract(child, port + 1, MK_COPY_SEND, &out), MK_E_BAD_NAME);
    CHECK_ERR(mk_right_extract(ended, port, MK_COPY_SEND, &out), MK_E_DEAD);
    CHECK_ERR(mk_right_extract(child, MK_NAME_NULL, (enum mk_disposition)9, &out), MK_E_BAD_ARGUMENT);
    CHECK(snap_is_same(&before));
    CHECK_OK(mk_task_terminate(child, 0));
}

/* RIGHT0180: insert and extract into one's own task keep name and references of what is there already. */
MKT_TEST(RIGHT0180)
{
    (void)arg;
    mk_name_t port = mkt_port(), self = mk_task_self(), out;
    CHECK_OK(mk_right_insert(self, port, MK_MOVE_SEND, &out));
    CHECK(out == port && mkt_refs(port) == 1);
    CHECK_OK(mk_right_extract(self, port, MK_MOVE_SEND, &out));
    CHECK(out == port && mkt_refs(port) == 1);
    CHECK_OK(mk_right_insert(self, port, MK_MOVE_RECEIVE, &out));
    CHECK(out == port && mkt_type(port) == (MK_RIGHT_SEND | MK_RIGHT_RECEIVE));
    CHECK_OK(mk_right_insert(self, port, MK_COPY_SEND, &out));
    CHECK(out == port && mkt_refs(port) == 2 && port_state(port).nr_send == 1);
}

/* RIGHT0190: an unbadged send right that is held merges with the receive right that arrives, a badged one does not. */
MKT_TEST(RIGHT0190)
{
    (void)arg;
    mk_name_t child = child_task(), port = mkt_port(), badged, receive, plain, other;
    uint64_t id = task_number("child");
    CHECK_OK(mk_right_make(port, MK_RIGHT_SEND, 3, &badged));
    CHECK_OK(mk_right_insert(child, badged, MK_COPY_SEND, &other));
    CHECK_OK(mk_right_insert(child, port, MK_COPY_SEND, &plain));
    CHECK_OK(mk_right_insert(child, port, MK_MOVE_RECEIVE, &receive));
    CHECK(receive == plain && receive != other);
    CHECK(name_in(id, receive).type == (MK_RIGHT_SEND | MK_RIGHT_RECEIVE) && name_in(id, other).badge == 3);
    CHECK_OK(mk_task_terminate(child, 0));
}

/* RIGHT0200: a receive right that moves takes its queued messages along, in order. */
MKT_TEST(RIGHT0200)
{
    (void)arg;
    mk_name_t child = child_task(), port = mkt_port(), there, here;
    for (uint32_t i = 0; i < 3; i++)
        CHECK_OK(send_id(port, i));
    CHECK_OK(mk_right_insert(child, port, MK_MOVE_RECEIVE, &there));
    CHECK_OK(send_id(port, 3));
    CHECK_OK(mk_right_extract(child, there, MK_MOVE_RECEIVE, &here));
    for (uint32_t i = 0; i < 4; i++)
        CHECK(take_id(here) == i);
    CHECK_OK(mk_task_terminate(child, 0));
}

/* RIGHT0210: a task that ends takes its receive rights with it: others are left dead names. */
MKT_TEST(RIGHT0210)
{
    (void)arg;
    mk_name_t child = child_task(), port = mkt_port(), there;
    CHECK_OK(mk_right_retain(port, 2));
    CHECK_OK(mk_right_insert(child, port, MK_MOVE_RECEIVE, &there));
    CHECK_OK(mk_task_terminate(child, 0));
    CHECK(mkt_type(port) == MK_RIGHT_DEAD_NAME && mkt_refs(port) == 3);
    CHECK_ERR(send_right(mkt_port(), port, MK_COPY_SEND), MK_E_DEAD);
    CHECK_ERR(send_id(port, 1), MK_E_DEAD);
}

/* RIGHT0220: names are a task's own: the same number means nothing or something else in another. */
MKT_TEST(RIGHT0220)
{
    (void)arg;
    mk_name_t child = child_task(), port = mkt_port(), out;
    uint64_t id = task_number("child");
    CHECK(name_in(id, port).type == 0);
    CHECK_ERR(mk_right_extract(child, port, MK_COPY_SEND, &out), MK_E_BAD_NAME);
    CHECK_OK(mk_task_terminate(child, 0));
}

/* RIGHT0230: the right to answer a call can be moved between tasks, and the answer still arrives. */
MKT_TEST(RIGHT0230)
{
    (void)arg;
    mk_name_t child = child_task(), port = mkt_port(), there, here;
    struct caller c = {.dest = port, .deadline = MK_TIME_FOREVER};
    mk_name_t thread = mkt_thread(caller_main, &c);
    struct mk_msg msg = {.capacity = 0};
    CHECK_OK(mk_receive(port, &msg, MK_TIME_FOREVER));
    CHECK(mkt_type(msg.reply) == MK_RIGHT_SEND_ONCE);
    CHECK_OK(mk_right_insert(child, msg.reply, MK_MOVE_SEND_ONCE, &there));
    CHECK(mkt_type(msg.reply) == 0);
    CHECK_OK(mk_right_extract(child, there, MK_MOVE_SEND_ONCE, &here));
    CHECK_OK(mk_right_insert(child, here, MK_MOVE_SEND_ONCE, &there));
    CHECK_OK(mk_right_extract(child, there, MK_MOVE_SEND_ONCE, &here));
    msg = (struct mk_msg){.reply = here, .id = 4};
    CHECK_OK(mk_reply(&msg));
    join(thread);
    CHECK(c.err == MK_OK && c.msg.id == 4);
    CHECK_OK(mk_task_terminate(child, 0));
}

/* RIGHT0240: the right to answer a call is no receive right and no send right. */
MKT_TEST(RIGHT0240)
{
    (void)arg;
    mk_name_t port = mkt_port(), out;
    struct caller c = {.dest = port, .deadline = MK_TIME_FOREVER};
    mk_name_t thread = mkt_thread(caller_main, &c);
    struct mk_msg msg = {.capacity = 0}, none = {.capacity = 0};
    struct mk_port_state state;
    CHECK_OK(mk_receive(port, &msg, MK_TIME_FOREVER));
    CHECK_ERR(send_right(port, msg.reply, MK_COPY_SEND), MK_E_BAD_RIGHT);
    CHECK_ERR(send_right(port, msg.reply, MK_MOVE_RECEIVE), MK_E_BAD_RIGHT);
    CHECK_ERR(mk_receive(msg.reply, &none, MK_TIME_POLL), MK_E_BAD_RIGHT);
    CHECK_ERR(mk_port_state(msg.reply, &state), MK_E_BAD_RIGHT);
    CHECK_ERR(mk_port_destroy(msg.reply), MK_E_BAD_RIGHT);
    CHECK_ERR(mk_right_make(msg.reply, MK_RIGHT_SEND, 0, &out), MK_E_BAD_RIGHT);
    CHECK_ERR(mk_right_retain(msg.reply, 1), MK_E_BAD_RIGHT);
    CHECK_ERR(mk_task_wait(msg.reply, NULL, MK_TIME_POLL), MK_E_BAD_RIGHT);
    CHECK_OK(mk_right_release(msg.reply));
    join(thread);
    CHECK(c.err == MK_E_DEAD);
}

/* RIGHT0250: thousands of badges on one port are all found again. */
MKT_TEST(RIGHT0250)
{
    (void)arg;
    enum { NR = 5000 };
    static mk_name_t names[NR];
    mk_name_t port = mkt_port(), again;
    for (uint64_t i = 0; i < NR; i++)
        CHECK_OK(mk_right_make(port, MK_RIGHT_SEND, i * 977 + 1, &names[i]));
    for (uint64_t i = 0; i < NR; i += 2)
        CHECK_OK(mk_right_release(names[i]));
    for (uint64_t i = 1; i < NR; i += 2) {
        CHECK_OK(mk_right_make(port, MK_RIGHT_SEND, i * 977 + 1, &again));
        CHECK(again == names[i] && mkt_refs(again) == 2);
    }
    CHECK(port_state(port).nr_send == NR / 2 + 1);
}

/* RIGHT0260: an unbadged send right needs no place for its name, which is known; every other does. */
MKT_TEST(RIGHT0260)
{
    (void)arg;
    mk_name_t port;
    CHECK_OK(mk_port_create(&port));
    CHECK_OK(mk_right_make(port, MK_RIGHT_SEND, 0, NULL));
    CHECK(mkt_refs(port) == 1);
    CHECK_ERR(mk_right_make(port, MK_RIGHT_SEND, 1, NULL), MK_E_BAD_ADDRESS);
    CHECK_ERR(mk_right_make(port, MK_RIGHT_SEND_ONCE, 0, NULL), MK_E_BAD_ADDRESS);
    CHECK(port_state(port).nr_send == 1 && port_state(port).nr_send_once == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(RIGHT0010), cmocka_unit_test(RIGHT0020), cmocka_unit_test(RIGHT0030),
        cmocka_unit_test(RIGHT0040), cmocka_unit_test(RIGHT0050), cmocka_unit_test(RIGHT0060),
        cmocka_unit_test(RIGHT0070), cmocka_unit_test(RIGHT0080), cmocka_unit_test(RIGHT0090),
        cmocka_unit_test(RIGHT0100), cmocka_unit_test(RIGHT0110), cmocka_unit_test(RIGHT0120),
        cmocka_unit_test(RIGHT0130), cmocka_unit_test(RIGHT0140), cmocka_unit_test(RIGHT0150),
        cmocka_unit_test(RIGHT0160), cmocka_unit_test(RIGHT0170), cmocka_unit_test(RIGHT0180),
        cmocka_unit_test(RIGHT0190), cmocka_unit_test(RIGHT0200), cmocka_unit_test(RIGHT0210),
        cmocka_unit_test(RIGHT0220), cmocka_unit_test(RIGHT0230), cmocka_unit_test(RIGHT0240),
        cmocka_unit_test(RIGHT0250), cmocka_unit_test(RIGHT0260),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
