/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ports and rights against a naive model: one task, one thread, random
 * operations. The model keeps names, references and queues in plain tables and
 * says what each call must answer; after each step they must agree.
 */
#include "stress.h"

#define MAX_PORTS   4096
#define MAX_NAMES   1024
#define MAX_QUEUE   24
#define MAX_RIGHTS  3
#define NR_STEPS    STRESS_SIZE(4000u, 1500u)
#define NR_SEEDS    stress_env("MK_STRESS_SEEDS", STRESS_SIZE(40, 8))
#define FIRST_SEED  stress_env("MK_STRESS_FIRST", 1)
#define CHECK_EVERY 40

/* ---- the model ---- */

struct right {
    uint32_t type; /* one of enum mk_right_type; 0: none */
    unsigned port;
    uint64_t badge;
};

struct message {
    uint32_t id, size, nr_rights;
    uint64_t badge;
    struct right rights[MAX_RIGHTS], reply;
};

struct port {
    bool is_dead;
    int transit; /* in the queue of this port; -1: no */
    unsigned nr_queued, limit, nr_unused, seqno, make_count;
    struct message queue[MAX_QUEUE];
};

struct name {
    mk_name_t name;
    uint32_t type, refs;
    unsigned port;
    uint64_t badge;
};

struct model {
    uint64_t seed, random;
    unsigned step, nr_ports, nr_names, nr_other;
    struct port ports[MAX_PORTS];
    struct name names[MAX_NAMES];
};

static uint32_t below(struct model *m, uint32_t n)
{
    return stress_below(&m->random, n);
}

static struct name *name_find(struct model *m, mk_name_t name)
{
    for (unsigned i = 0; i < m->nr_names; i++)
        if (m->names[i].name == name)
            return &m->names[i];
    return NULL;
}

static struct name *name_add(struct model *m, mk_name_t name, uint32_t type, uint32_t refs, unsigned port,
                             uint64_t badge)
{
    CHECK(name != MK_NAME_NULL && name != MK_NAME_DEAD);
    CHECK(!name_find(m, name)); /* a name in use is not given out again */
    CHECK(m->nr_names < MAX_NAMES);
    m->names[m->nr_names] = (struct name){name, type, refs, port, badge};
    return &m->names[m->nr_names++];
}

static void name_remove(struct model *m, struct name *n)
{
    *n = m->names[--m->nr_names];
}

/* The name that a send right with this badge has, or would share with the receive right. */
static struct name *name_for_send(struct model *m, unsigned port, uint64_t badge)
{
    for (unsigned i = 0; i < m->nr_names; i++) {
        struct name *n = &m->names[i];
        bool is_send = n->type & MK_RIGHT_SEND && n->badge == badge;
        bool is_receive = n->type & MK_RIGHT_RECEIVE && badge == 0;
        if (n->port == port && (is_send || is_receive))
            return n;
    }
    return NULL;
}

static void port_die(struct model *m, unsigned port);

static void right_drop(struct model *m, struct right right)
{
    if (right.type == MK_RIGHT_RECEIVE)
        port_die(m, right.port);
    else if (right.type == MK_RIGHT_SEND_ONCE && !m->ports[right.port].is_dead)
        m->ports[right.port].nr_unused++;
}

static void names_die(struct model *m, unsigned port)
{
    for (unsigned i = 0; i < m->nr_names; i++) {
        struct name *n = &m->names[i];
        if (n->port != port || n->type == MK_RIGHT_DEAD_NAME)
            continue;
        if (n->type == MK_RIGHT_RECEIVE) {
            name_remove(m, n);
            i--;
        } else {
            n->type = MK_RIGHT_DEAD_NAME;
        }
    }
}

static void port_die(struct model *m, unsigned port)
{
    struct port *p = &m->ports[port];
    p->is_dead = true;
    p->transit = -1;
    p->nr_unused = 0;
    names_die(m, port);
    for (unsigned i = 0; i < p->nr_queued; i++) {
        for (unsigned k = 0; k < p->queue[i].nr_rights; k++)
            right_drop(m, p->queue[i].rights[k]);
        right_drop(m, p->queue[i].reply);
    }
    p->nr_queued = 0;
}

/* A right has arrived under `name`; is that the name it must have? */
static void right_put(struct model *m, struct right right, mk_name_t name)
{
    struct name *n = name_for_send(m, right.port, right.type == MK_RIGHT_RECEIVE ? 0 : right.badge);
    if (!right.type) {
        CHECK(name == MK_NAME_NULL);
    } else if (m->ports[right.port].is_dead) {
        CHECK(name == MK_NAME_DEAD);
    } else if (right.type == MK_RIGHT_SEND_ONCE) {
        name_add(m, name, MK_RIGHT_SEND_ONCE, 1, right.port, right.badge);
    } else if (!n) {
        name_add(m, name, right.type, right.type == MK_RIGHT_SEND, right.port, right.badge);
    } else {
        CHECK(name == n->name);
        n->type |= right.type;
        n->refs += right.type == MK_RIGHT_SEND;
    }
    if (right.type == MK_RIGHT_RECEIVE)
        m->ports[right.port].transit = -1;
}

static void name_release(struct model *m, struct name *n)
{
    if (--n->refs > 0)
        return;
    if (n->type == MK_RIGHT_SEND_ONCE && !m->ports[n->port].is_dead)
        m->ports[n->port].nr_unused++;
    if (n->type & MK_RIGHT_RECEIVE)
        n->type = MK_RIGHT_RECEIVE;
    else
        name_remove(m, n);
}

/* ---- the model against the kernel ---- */

static void compare_name(struct model *m, const struct name *n)
{
    struct mk_right_info info;
    CHECK_OK(mk_right_info(n->name, &info));
    if (info.type != n->type || info.user_refs != n->refs)
        mk_log("step %u: name %x: type %u, %u references; expected type %u, %u", m->step, n->name, info.type,
               info.user_refs, n->type, n->refs);
    CHECK(info.type == n->type && info.user_refs == n->refs);
    CHECK(!(n->type & MK_RIGHT_SEND) || info.badge == n->badge);
}

static unsigned count_rights(const struct model *m, unsigned port, uint32_t type)
{
    unsigned count = 0;
    for (unsigned i = 0; i < m->nr_names; i++)
        count += m->names[i].port == port && m->names[i].type & type;
    for (unsigned p = 0; p < m->nr_ports; p++)
        for (unsigned i = 0; i < m->ports[p].nr_queued; i++) {
            const struct message *message = &m->ports[p].queue[i];
            for (unsigned k = 0; k < message->nr_rights; k++)
                count += message->rights[k].type == type && message->rights[k].port == port;
            count += message->reply.type == type && message->reply.port == port;
        }
    return count;
}

static void compare_port(struct model *m, const struct name *n)
{
    struct mk_port_state state;
    const struct port *p = &m->ports[n->port];
    CHECK_OK(mk_port_state(n->name, &state));
    CHECK(state.nr_queued == p->nr_queued + p->nr_unused || state.nr_queued == p->nr_queued);
    CHECK(state.queue_limit == p->limit && state.seqno == p->seqno && state.make_count == p->make_count);
    CHECK(state.nr_send == count_rights(m, n->port, MK_RIGHT_SEND));
    CHECK(state.nr_send_once == count_rights(m, n->port, MK_RIGHT_SEND_ONCE));
    CHECK(!state.in_set);
}

static void compare_all(struct model *m)
{
    CHECK(mkt_nr_names() == m->nr_names + m->nr_other);
    for (unsigned i = 0; i < m->nr_names; i++) {
        compare_name(m, &m->names[i]);
        if (m->names[i].type & MK_RIGHT_RECEIVE)
            compare_port(m, &m->names[i]);
    }
    CHECK_OK(mk_machine_audit(NULL));
}

static void expect(const struct model *m, const char *call, mk_err_t err, mk_err_t expected)
{
    if (err != expected)
        mk_log("step %u: %s: %s, expected %s", m->step, call, mk_err_name(err), mk_err_name(expected));
    CHECK(err == expected);
}

/* ---- operations ---- */

/* A name of one of these types if a few draws find one, else any; NULL: there is none at all. */
static struct name *pick(struct model *m, uint32_t types)
{
    struct name *n = NULL;
    for (int i = 0; i < 10 && m->nr_names; i++) {
        n = &m->names[below(m, m->nr_names)];
        if (n->type & types)
            break;
    }
    return n;
}

static void op_create(struct model *m)
{
    mk_name_t name;
    if (m->nr_ports == MAX_PORTS || m->nr_names > MAX_NAMES / 2)
        return;
    CHECK_OK(mk_port_create(&name));
    m->ports[m->nr_ports] = (struct port){.transit = -1, .limit = MK_QUEUE_DEFAULT};
    name_add(m, name, MK_RIGHT_RECEIVE, 0, m->nr_ports++, 0);
}

static void op_destroy(struct model *m)
{
    struct name *n = pick(m, MK_RIGHT_RECEIVE);
    if (!n || below(m, 3))
        return;
    bool is_receive = n->type & MK_RIGHT_RECEIVE;
    expect(m, "mk_port_destroy", mk_port_destroy(n->name), is_receive ? MK_OK : MK_E_BAD_RIGHT);
    if (is_receive)
        port_die(m, n->port);
}

static void op_make(struct model *m)
{
    struct name *n = pick(m, MK_RIGHT_RECEIVE);
    mk_name_t name;
    if (!n || m->nr_names > MAX_NAMES / 2)
        return;
    struct right right = {below(m, 3) ? MK_RIGHT_SEND : MK_RIGHT_SEND_ONCE, n->port, below(m, 3)};
    bool is_receive = n->type & MK_RIGHT_RECEIVE;
    mk_err_t err = mk_right_make(n->name, (enum mk_right_type)right.type, right.badge, &name);
    expect(m, "mk_right_make", err, is_receive ? MK_OK : MK_E_BAD_RIGHT);
    if (!is_receive)
        return;
    m->ports[n->port].make_count += right.type == MK_RIGHT_SEND;
    right_put(m, right, name);
}

static void op_retain(struct model *m)
{
    struct name *n = pick(m, MK_RIGHT_SEND | MK_RIGHT_DEAD_NAME);
    uint32_t count = below(m, 4);
    if (!n)
        return;
    mk_err_t expected = n->type & (MK_RIGHT_SEND | MK_RIGHT_DEAD_NAME) ? MK_OK : MK_E_BAD_RIGHT;
    if (count == 0 && expected == MK_OK)
        expected = MK_E_BAD_ARGUMENT;
    expect(m, "mk_right_retain", mk_right_retain(n->name, count), expected);
    if (!expected)
        n->refs += count;
    compare_name(m, n);
}

static void op_release(struct model *m)
{
    struct name *n = pick(m, MK_RIGHT_SEND | MK_RIGHT_SEND_ONCE | MK_RIGHT_DEAD_NAME);
    if (!n)
        return;
    bool is_receive = n->type == MK_RIGHT_RECEIVE;
    mk_name_t name = n->name;
    expect(m, "mk_right_release", mk_right_release(name), is_receive ? MK_E_BAD_RIGHT : MK_OK);
    if (!is_receive)
        name_release(m, n);
    struct mk_right_info info;
    expect(m, "mk_right_info", mk_right_info(name, &info), name_find(m, name) ? MK_OK : MK_E_BAD_NAME);
}

static void op_limit(struct model *m)
{
    struct name *n = pick(m, MK_RIGHT_RECEIVE);
    unsigned limit = 1 + below(m, 6);
    if (!n)
        return;
    bool is_receive = n->type & MK_RIGHT_RECEIVE;
    expect(m, "mk_port_set_limit", mk_port_set_limit(n->name, limit), is_receive ? MK_OK : MK_E_BAD_RIGHT);
    if (is_receive)
        m->ports[n->port].limit = limit;
}

/* What a name must have for each disposition, and what travels. */
static const struct {
    uint32_t needs, travels;
} dispositions[] = {
    [MK_MOVE_RECEIVE - MK_MOVE_RECEIVE] = {MK_RIGHT_RECEIVE, MK_RIGHT_RECEIVE},
    [MK_MOVE_SEND - MK_MOVE_RECEIVE] = {MK_RIGHT_SEND, MK_RIGHT_SEND},
    [MK_MOVE_SEND_ONCE - MK_MOVE_RECEIVE] = {MK_RIGHT_SEND_ONCE, MK_RIGHT_SEND_ONCE},
    [MK_COPY_SEND - MK_MOVE_RECEIVE] = {MK_RIGHT_SEND, MK_RIGHT_SEND},
    [MK_MAKE_SEND - MK_MOVE_RECEIVE] = {MK_RIGHT_RECEIVE, MK_RIGHT_SEND},
    [MK_MAKE_SEND_ONCE - MK_MOVE_RECEIVE] = {MK_RIGHT_RECEIVE, MK_RIGHT_SEND_ONCE},
};

struct letter {
    struct mk_msg msg;
    struct mk_msg_right rights[MAX_RIGHTS];
    unsigned char body[64];
};

static bool is_named(const struct letter *letter, mk_name_t name)
{
    for (unsigned i = 0; i < letter->msg.nr_rights; i++)
        if (letter->rights[i].name == name)
            return true;
    return letter->msg.reply == name;
}

/* Rights that can be sent, each name once, none of them the send-once right that is sent to. */
static void letter_fill(struct model *m, struct letter *letter, const struct name *dest)
{
    unsigned nr = below(m, MAX_RIGHTS + 1);
    memset(letter, 0, sizeof(*letter));
    letter->msg = (struct mk_msg){.id = m->step, .body = letter->body, .size = below(m, 64), .rights = letter->rights};
    memset(letter->body, (int)(m->step & 0xff), letter->msg.size);
    for (unsigned i = 0; i < nr; i++) {
        uint32_t how = MK_MOVE_RECEIVE + below(m, 6);
        struct name *n = pick(m, dispositions[how - MK_MOVE_RECEIVE].needs);
        if (n->type & dispositions[how - MK_MOVE_RECEIVE].needs && n != dest && !is_named(letter, n->name))
            letter->rights[letter->msg.nr_rights++] = (struct mk_msg_right){n->name, how};
    }
    struct name *reply = pick(m, MK_RIGHT_RECEIVE);
    if (below(m, 3) == 0 && reply->type & MK_RIGHT_RECEIVE && reply != dest && !is_named(letter, reply->name))
        letter->msg.reply = reply->name;
}

static bool is_circular(const struct model *m, const struct letter *letter, unsigned dest)
{
    for (unsigned i = 0; i < letter->msg.nr_rights; i++)
        if (letter->rights[i].how == MK_MOVE_RECEIVE)
            for (int p = (int)dest; p >= 0; p = m->ports[p].transit)
                for (unsigned k = 0; k < m->nr_names; k++)
                    if (m->names[k].name == letter->rights[i].name && (int)m->names[k].port == p)
                        return true;
    return false;
}

static struct right right_take(struct model *m, mk_name_t name, uint32_t how, unsigned dest)
{
    struct name *n = name_find(m, name);
    struct right right = {dispositions[how - MK_MOVE_RECEIVE].travels, n->port,
                          how == MK_MAKE_SEND || how == MK_MAKE_SEND_ONCE ? 0 : n->badge};
    struct port *p = &m->ports[n->port];
    switch (how) {
    case MK_MAKE_SEND:
        p->make_count++;
        break;
    case MK_MOVE_RECEIVE:
        p->make_count = 0;
        p->transit = (int)dest;
        n->type &= ~(uint32_t)MK_RIGHT_RECEIVE;
        if (!n->type)
            name_remove(m, n);
        break;
    case MK_MOVE_SEND:
        name_release(m, n);
        break;
    case MK_MOVE_SEND_ONCE:
        name_remove(m, n);
        break;
    default:
        break;
    }
    return right;
}

static void model_send(struct model *m, const struct letter *letter, struct name dest)
{
    struct port *p = &m->ports[dest.port];
    struct message *message = &p->queue[p->nr_queued];
    *message = (struct message){.id = letter->msg.id, .size = (uint32_t)letter->msg.size, .badge = dest.badge};
    message->nr_rights = letter->msg.nr_rights;
    if (dest.type == MK_RIGHT_SEND_ONCE)
        name_remove(m, name_find(m, dest.name));
    for (unsigned i = 0; i < letter->msg.nr_rights; i++)
        message->rights[i] = right_take(m, letter->rights[i].name, letter->rights[i].how, dest.port);
    if (letter->msg.reply)
        message->reply = right_take(m, letter->msg.reply, MK_MAKE_SEND_ONCE, dest.port);
    p->nr_queued++;
}

static mk_err_t model_send_error(const struct model *m, const struct letter *letter, const struct name *dest)
{
    const struct port *p = &m->ports[dest->port];
    if (dest->type == MK_RIGHT_RECEIVE)
        return MK_E_BAD_RIGHT;
    if (dest->type == MK_RIGHT_DEAD_NAME)
        return MK_E_DEAD;
    return dest->type != MK_RIGHT_SEND_ONCE && p->nr_queued >= p->limit ? MK_E_WOULD_BLOCK : MK_OK;
}

static void op_send(struct model *m)
{
    struct letter letter;
    const struct name *dest = pick(m, MK_RIGHT_SEND | MK_RIGHT_SEND_ONCE);
    if (!dest || m->ports[dest->port].nr_queued == MAX_QUEUE)
        return;
    struct name to = *dest;
    letter_fill(m, &letter, dest);
    if (dest->type != MK_RIGHT_DEAD_NAME && is_circular(m, &letter, dest->port))
        return; /* collected at once; the model does not know how ports die in messages */
    mk_err_t expected = model_send_error(m, &letter, dest);
    expect(m, "mk_send", mk_send(to.name, &letter.msg, MK_TIME_POLL), expected);
    if (!expected)
        model_send(m, &letter, to);
}

static void compare_message(struct model *m, const struct message *message, const struct letter *letter, unsigned seqno)
{
    const struct mk_msg *msg = &letter->msg;
    CHECK(msg->id == message->id && msg->size == message->size && msg->badge == message->badge);
    CHECK(msg->nr_rights == message->nr_rights && msg->seqno == seqno);
    for (unsigned i = 0; i < message->size; i++)
        CHECK(letter->body[i] == (message->id & 0xff));
    for (unsigned i = 0; i < message->nr_rights; i++) {
        CHECK(letter->rights[i].how == message->rights[i].type);
        right_put(m, message->rights[i], letter->rights[i].name);
    }
    right_put(m, message->reply, msg->reply);
}

static void compare_unused(const struct letter *letter, unsigned seqno)
{
    struct mk_notification notice;
    CHECK(letter->msg.id == MK_NOTIFY_ID + MK_NOTIFY_SEND_ONCE && letter->msg.badge == MK_BADGE_KERNEL);
    CHECK(letter->msg.size == sizeof(notice) && letter->msg.nr_rights == 0 && letter->msg.reply == MK_NAME_NULL);
    CHECK(letter->msg.seqno == seqno);
    memcpy(&notice, letter->body, sizeof(notice));
    CHECK(notice.event == MK_NOTIFY_SEND_ONCE && notice.name == MK_NAME_NULL);
}

static void op_receive(struct model *m)
{
    struct letter letter = {.msg = {.max_rights = MAX_RIGHTS}};
    struct name *n = pick(m, MK_RIGHT_RECEIVE);
    if (!n || m->nr_names > MAX_NAMES - 8)
        return;
    letter.msg.body = letter.body;
    letter.msg.rights = letter.rights;
    letter.msg.capacity = below(m, 8) ? sizeof(letter.body) : sizeof(struct mk_notification);
    struct port *p = &m->ports[n->port];
    struct message first = p->queue[0];
    mk_err_t expected = MK_OK;
    if (!(n->type & MK_RIGHT_RECEIVE))
        expected = MK_E_BAD_RIGHT;
    else if (!p->nr_queued && !p->nr_unused)
        expected = MK_E_WOULD_BLOCK;
    else if (p->nr_queued && first.size > letter.msg.capacity)
        expected = MK_E_MSG_TOO_LARGE;
    expect(m, "mk_receive", mk_receive(n->name, &letter.msg, MK_TIME_POLL), expected);
    if (expected == MK_E_MSG_TOO_LARGE)
        CHECK(letter.msg.size == first.size && letter.msg.nr_rights == first.nr_rights);
    if (expected)
        return;
    unsigned seqno = p->seqno++;
    if (!p->nr_queued) {
        p->nr_unused--;
        compare_unused(&letter, seqno);
        return;
    }
    p->nr_queued--;
    memmove(p->queue, p->queue + 1, p->nr_queued * sizeof(p->queue[0]));
    compare_message(m, &first, &letter, seqno);
}

/* ---- runs ---- */

static void (*const ops[])(struct model *m) = {
    op_create, op_create, op_destroy, op_make, op_make, op_make, op_retain,  op_release, op_release, op_release,
    op_limit,  op_send,   op_send,    op_send, op_send, op_send, op_receive, op_receive, op_receive, op_receive,
};

static void model_main(void *arg)
{
    struct model *m = arg;
    mk_task_self();
    m->nr_other = mkt_nr_names();
    for (m->step = 1; m->step <= NR_STEPS; m->step++) {
        ops[below(m, sizeof(ops) / sizeof(ops[0]))](m);
        if (m->nr_names)
            compare_name(m, &m->names[below(m, m->nr_names)]);
        if (m->step % CHECK_EVERY == 0)
            compare_all(m);
    }
    while (m->nr_names) { /* let go of everything: nothing may be left */
        struct name n = m->names[m->nr_names - 1];
        if (n.type & MK_RIGHT_RECEIVE) {
            CHECK_OK(mk_port_destroy(n.name));
            port_die(m, n.port);
        } else {
            CHECK_OK(mk_right_release(n.name));
            name_release(m, &m->names[m->nr_names - 1]);
        }
    }
    compare_all(m);
}

/* STRESS0040: names, user references, queues, counts and errors are those of a naive model, step by step. */
static void STRESS0040(void **state)
{
    (void)state;
    for (uint64_t i = 0, seed = FIRST_SEED; i < NR_SEEDS; i++, seed++) {
        struct model *m = test_calloc(1, sizeof(*m));
        struct mk_spawn spawn = {.label = "model", .entry = model_main, .arg = m, .stack_size = 1 << 20};
        int code = -1;
        struct mkt t;
        m->seed = seed;
        m->random = stress_mix(seed);
        mkt_begin(&t, NULL);
        assert_int_equal(mk_machine_spawn(t.machine, &spawn, NULL), MK_OK);
        mk_err_t err = mk_machine_run(t.machine, &code);
        if (err || code) {
            print_error("seed %llu, step %u\n", (unsigned long long)seed, m->step);
            mkt_fail_with_log(&t, "the model and the kernel differ");
        }
        mkt_finish(&t);
        test_free(m);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(STRESS0040),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
