/* SPDX-License-Identifier: BSD-2-Clause */
/* Comparing a cell's worlds with what the machine shows. */
#include "matrix.h"

void fault(struct cell *c, const char *format, ...)
{
    char text[200];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (c->nr_faults++ < 8)
        mk_log("%s | %s, step %u: %s", c->row->label, c->point, c->step, text);
}

uint32_t count_names(uint64_t task)
{
    size_t n;
    CHECK_OK(mk_machine_names(NULL, task, NULL, 0, &n));
    return (uint32_t)n;
}

static struct held held_under(uint64_t task, mk_name_t name)
{
    static struct mk_name_info infos[64];
    size_t n;
    CHECK_OK(mk_machine_names(NULL, task, infos, 64, &n));
    for (size_t i = 0; i < n && i < 64; i++)
        if (infos[i].name == name)
            return (struct held){infos[i].type, infos[i].user_refs};
    return (struct held){0, 0};
}

uint32_t held_type(uint64_t task, mk_name_t name)
{
    return held_under(task, name).type;
}

static void compare(struct cell *c, const struct side *side, const char *what, uint64_t got, uint64_t expected)
{
    if (got != expected)
        fault(c, "%s: %s: %llu, expected %llu", side->row->label, what, (unsigned long long)got,
              (unsigned long long)expected);
}

static void compare_held(struct cell *c, const struct side *side, const char *who, uint64_t task, mk_name_t name,
                         struct held expected)
{
    struct held got = name ? held_under(task, name) : (struct held){0, 0};
    if (got.type != expected.type || got.refs != expected.refs)
        fault(c, "%s: %s has type %u, %u references, expected type %u, %u", side->row->label, who, got.type, got.refs,
              expected.type, expected.refs);
}

/* ---- the port's own counts ---- */

static struct mk_port_info *find_port(uint64_t id)
{
    static struct mk_port_info infos[64];
    size_t n;
    CHECK_OK(mk_machine_ports(NULL, infos, 64, &n));
    CHECK(n <= 64);
    for (size_t i = 0; i < n; i++)
        if (infos[i].id == id)
            return &infos[i];
    return NULL;
}

static mk_name_t make_count_of;
static uint32_t make_count;

static void read_make_count(void *arg)
{
    (void)arg;
    make_count = port_state(make_count_of).make_count;
}

static void compare_make_count(struct cell *c, const struct side *side)
{
    make_count_of = side->world.place == AT_OWNER    ? side->owner
                    : side->world.place == AT_SENDER ? side->sender
                                                     : side->receiver;
    if (side->world.place == AT_OWNER)
        read_make_count(NULL);
    else if (side->world.place == AT_SENDER)
        in_sender(c, read_make_count);
    else if (side->world.place == AT_RECEIVER)
        in_receiver(c, read_make_count);
    else
        return;
    compare(c, side, "make count", make_count, side->world.make_count);
}

static void compare_port(struct cell *c, const struct side *side)
{
    const struct world *w = &side->world;
    const struct mk_port_info *info = find_port(side->port);
    const uint64_t holders[] = {
        [AT_OWNER] = c->owner_id, [AT_SENDER] = c->sender_id, [ON_ITS_WAY] = 0, [AT_RECEIVER] = c->receiver_id};
    if (w->place == GONE || !info) {
        compare(c, side, "the port lives", info != NULL, w->place != GONE);
        return;
    }
    compare(c, side, "the receive right is with task", info->receiver, holders[w->place]);
    compare(c, side, "send rights", info->nr_send, w->nr_send);
    compare(c, side, "send-once rights", info->nr_send_once, w->nr_send_once);
    compare(c, side, "queued", info->nr_queued, w->nr_queued);
    compare_make_count(c, side);
}

/* ---- notices ---- */

/* Fetch what has come; a message of another shape is a fault. */
static void fetch_notices(struct cell *c)
{
    struct mk_notification notice;
    struct mk_msg msg = {.body = &notice, .capacity = sizeof(notice)};
    while (mk_receive(c->notices, &msg, MK_TIME_POLL) == MK_OK) {
        if (msg.badge != MK_BADGE_KERNEL || msg.size != sizeof(notice) || msg.id != MK_NOTIFY_ID + notice.event)
            fault(c, "a notice with id %#x, badge %llx", msg.id, (unsigned long long)msg.badge);
        c->nr_no_senders += notice.event == MK_NOTIFY_NO_SENDERS;
        c->nr_dead_names += notice.event == MK_NOTIFY_DEAD_NAME;
        c->nr_returned += notice.event == MK_NOTIFY_SEND_ONCE;
        if (notice.event == MK_NOTIFY_DEAD_NAME && notice.name != c->sides[0].sender)
            fault(c, "a dead-name notice for %#x", notice.name);
    }
}

static void compare_notices(struct cell *c)
{
    const struct world *a = &c->sides[0].world, *b = &c->sides[1].world;
    fetch_notices(c);
    compare(c, &c->sides[0], "no-senders notices", c->nr_no_senders, a->nr_no_senders + b->nr_no_senders);
    if (a->is_either) {
        compare(c, &c->sides[0], "dead-name notices, or their rights back", c->nr_dead_names + c->nr_returned,
                a->nr_dead_names + a->nr_returned + b->nr_returned);
        return;
    }
    compare(c, &c->sides[0], "dead-name notices", c->nr_dead_names, a->nr_dead_names + b->nr_dead_names);
    compare(c, &c->sides[0], "rights of requests returned", c->nr_returned, a->nr_returned + b->nr_returned);
}

/* ---- all ---- */

static uint64_t memory_of(uint64_t task)
{
    static struct mk_task_info infos[400];
    size_t n;
    CHECK_OK(mk_machine_tasks(NULL, infos, 400, &n));
    for (size_t i = 0; i < n; i++)
        if (infos[i].id == task)
            return infos[i].memory;
    return 0;
}

static void compare_memory(struct cell *c, const struct side *side)
{
    const struct world *w = &side->world;
    size_t page = mk_page_size();
    bool is_copied = side->row->memory_how == MK_MEMORY_COPY && c->waiting && !c->waiting->is_done;
    struct mk_machine_stats stats;
    CHECK_OK(mk_machine_stats(NULL, &stats));
    compare(c, side, "memory used, pages", (stats.memory_used - c->memory_used) / page,
            w->sender_pages + w->way_pages + w->receiver_pages + (is_copied ? 2 : 0) + c->receiver_pages);
    if (c->has_sender)
        compare(c, side, "the sender's pages", memory_of(c->sender_id) / page, w->sender_pages);
    if (c->has_receiver)
        compare(c, side, "the receiver's pages", memory_of(c->receiver_id) / page,
                w->receiver_pages + c->receiver_pages);
    for (uint32_t i = 0; i < w->sender_pages * page; i++)
        if (((unsigned char *)side->pages)[i] != i % 251) {
            fault(c, "byte %u of the sender's memory is %u", i, ((unsigned char *)side->pages)[i]);
            break;
        }
}

static void check_side(struct cell *c, const struct side *side)
{
    const struct world *w = &side->world;
    if (side->row->memory_how) {
        compare_memory(c, side);
        return;
    }
    if (c->has_sender)
        compare_held(c, side, "the sender", c->sender_id, side->sender, w->sender);
    if (c->has_receiver)
        compare_held(c, side, "the receiver", c->receiver_id, side->receiver, w->receiver);
    if (!side->row->is_reply)
        compare_port(c, side);
    else if (c->caller.is_done != w->is_caller_dead || (w->is_caller_dead && c->caller.err != MK_E_DEAD))
        fault(c, "the caller: done %d, %s; expected %d, MK_E_DEAD", c->caller.is_done, mk_err_name(c->caller.err),
              w->is_caller_dead);
}

void check(struct cell *c)
{
    c->step++;
    for (int i = 0; i < 2; i++)
        check_side(c, &c->sides[i]);
    const struct world *a = &c->sides[0].world, *b = &c->sides[1].world;
    if (c->has_sender)
        compare(c, &c->sides[0], "names of the sender", count_names(c->sender_id),
                c->nr_sender + (a->sender.type != 0) + (b->sender.type != 0));
    if (c->has_receiver)
        compare(c, &c->sides[0], "names of the receiver", count_names(c->receiver_id),
                c->nr_receiver + (a->receiver.type != 0) + (b->receiver.type != 0));
    compare_notices(c);
    must(c, mk_machine_audit(NULL), "the audit");
}
