/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The bootstrap name service: strings to send rights.
 *
 * Each registration asks the kernel for a dead-name notice, so that it goes
 * when its port dies. Notices come to a port of their own: what they name means
 * something to this instance alone, and the service port can become another's.
 * Who waits for a name has its reply right kept until the name comes. Alone in a
 * machine it claims the machine's bootstrap port itself; started by the
 * supervisor it gets that port as its service port. Who may not look up and
 * register everything asks with a badge: grants.c.
 */
#include <mk/mk.h>

#include <stdlib.h>
#include <string.h>

#include "grants.h"

struct service {
    struct service *next;
    char name[MK_SERVICE_MAX];
    mk_name_t send;
};

struct waiter {
    struct waiter *next;
    char name[MK_SERVICE_MAX];
    mk_name_t reply;
    uint64_t badge; /* that it asked with */
};

struct names {
    struct service *services; /* in order of registration */
    struct waiter *waiters;   /* in order of arrival */
    mk_name_t receive;        /* the bootstrap port */
    mk_name_t deaths;         /* where dead-name notices come to */
    mk_name_t set;            /* both */
};

static mk_err_t name_in(const struct mk_msg *msg, char *name)
{
    if (msg->size == 0 || memchr(msg->body, '\0', msg->size))
        return MK_E_BAD_ARGUMENT;
    if (msg->size >= MK_SERVICE_MAX)
        return MK_E_TOO_LONG;
    memcpy(name, msg->body, msg->size);
    name[msg->size] = '\0';
    return MK_OK;
}

static struct service **find(struct names *names, const char *name)
{
    struct service **link = &names->services;
    while (*link && strcmp((*link)->name, name) != 0)
        link = &(*link)->next;
    return link;
}

/* Release a right that this server holds by a name it got from the kernel: it cannot fail. */
static void release(mk_name_t name)
{
    if (mk_right_release(name) != MK_OK)
        mk_log("a name was gone already");
}

static void service_remove(struct service **link)
{
    struct service *service = *link;
    *link = service->next;
    release(service->send);
    free(service);
}

static void answer(mk_name_t reply, mk_name_t send)
{
    struct mk_msg_right right = {.name = send, .how = MK_COPY_SEND};
    struct mk_msg msg = {.reply = reply, .rights = &right, .nr_rights = 1};
    if (mk_reply(&msg) != MK_OK)
        return; /* the caller went away: its reply right is used up */
}

static void answer_waiters(struct names *names, const struct service *service)
{
    struct waiter **link = &names->waiters;
    while (*link) {
        struct waiter *waiter = *link;
        if (strcmp(waiter->name, service->name) != 0) {
            link = &waiter->next;
            continue;
        }
        *link = waiter->next;
        answer(waiter->reply, service->send);
        free(waiter);
    }
}

static bool is_same_port(mk_name_t a, mk_name_t b)
{
    struct mk_right_info x, y;
    return a == b || (mk_right_info(a, &x) == MK_OK && mk_right_info(b, &y) == MK_OK && x.port && x.port == y.port);
}

static bool is_dead(mk_name_t name)
{
    struct mk_right_info info;
    return mk_right_info(name, &info) == MK_OK && info.type == MK_RIGHT_DEAD_NAME;
}

static mk_err_t add(struct names *names, const char *name, mk_name_t send)
{
    struct service *service = calloc(1, sizeof(*service));
    if (!service)
        return MK_E_NO_MEMORY;
    mk_err_t err = mk_port_notify(send, MK_NOTIFY_DEAD_NAME, 0, names->deaths);
    if (err) {
        free(service);
        return err;
    }
    strcpy(service->name, name);
    service->send = send;
    *find(names, name) = service;
    answer_waiters(names, service);
    return MK_OK;
}

static mk_err_t do_register(void *state, struct mk_msg *msg)
{
    struct names *names = state;
    char name[MK_SERVICE_MAX];
    mk_err_t err = name_in(msg, name);
    if (!err && (msg->nr_rights != 1 || msg->rights[0].how != MK_RIGHT_SEND || msg->rights[0].name == MK_NAME_DEAD))
        err = MK_E_BAD_ARGUMENT;
    if (!err && !grants_may_register(msg->badge, name))
        err = MK_E_NO_ACCESS;
    struct service **old = err ? NULL : find(names, name);
    if (old && *old && is_same_port((*old)->send, msg->rights[0].name)) {
        release(msg->rights[0].name); /* registered again, by a restarted server */
        msg->size = msg->nr_rights = 0;
        return MK_OK;
    }
    if (old && *old && !is_dead((*old)->send))
        err = MK_E_EXISTS;
    if (!err && *old)
        service_remove(old);
    if (!err)
        err = add(names, name, msg->rights[0].name);
    if (err)
        mk_msg_drop_rights(msg);
    msg->size = msg->nr_rights = 0;
    return err;
}

/* A request without rights: release what came all the same. */
static mk_err_t plain_name_in(struct mk_msg *msg, char *name)
{
    mk_msg_drop_rights(msg);
    return name_in(msg, name);
}

static mk_err_t lookup(struct names *names, struct mk_msg *msg, const char *name)
{
    struct service **link = find(names, name);
    if (!grants_may_look_up(msg->badge, name))
        return MK_E_NO_ACCESS;
    if (!*link)
        return MK_E_NOT_FOUND;
    if (is_dead((*link)->send)) {
        service_remove(link); /* *link is another one now */
        return MK_E_NOT_FOUND;
    }
    msg->rights[0] = (struct mk_msg_right){.name = (*link)->send, .how = MK_COPY_SEND};
    msg->nr_rights = 1;
    msg->size = 0;
    return MK_OK;
}

static mk_err_t do_lookup(void *state, struct mk_msg *msg)
{
    char name[MK_SERVICE_MAX];
    mk_err_t err = plain_name_in(msg, name);
    return err ? err : lookup(state, msg, name);
}

/* Waiters whose callers gave up hold a dead reply right: they are dropped when the next one comes. */
static void drop_stale_waiters(struct names *names)
{
    struct waiter **link = &names->waiters;
    while (*link) {
        struct waiter *waiter = *link;
        if (!is_dead(waiter->reply)) {
            link = &waiter->next;
            continue;
        }
        *link = waiter->next;
        release(waiter->reply);
        free(waiter);
    }
}

static mk_err_t do_wait(void *state, struct mk_msg *msg)
{
    struct names *names = state;
    char name[MK_SERVICE_MAX];
    mk_err_t err = plain_name_in(msg, name);
    if (!err)
        err = lookup(names, msg, name);
    if (err != MK_E_NOT_FOUND)
        return err;
    drop_stale_waiters(names);
    struct waiter *waiter = calloc(1, sizeof(*waiter));
    if (!waiter)
        return MK_E_NO_MEMORY;
    strcpy(waiter->name, name);
    waiter->reply = msg->reply;
    waiter->badge = msg->badge;
    struct waiter **tail = &names->waiters;
    while (*tail)
        tail = &(*tail)->next;
    *tail = waiter;
    return MK_SERVER_DEFER;
}

static mk_err_t do_list(void *state, struct mk_msg *msg)
{
    struct names *names = state;
    char *out = msg->body;
    size_t used = 0;
    for (const struct service *s = names->services; s; s = s->next) {
        size_t n = strlen(s->name);
        if (!grants_may_look_up(msg->badge, s->name))
            continue;
        if (used + n + 1 > msg->capacity)
            break;
        memcpy(out + used, s->name, n);
        out[used + n] = '\n';
        used += n + 1;
    }
    mk_msg_drop_rights(msg);
    msg->size = used;
    return MK_OK;
}

static mk_err_t do_remove(void *state, struct mk_msg *msg)
{
    struct names *names = state;
    char name[MK_SERVICE_MAX];
    mk_err_t err = name_in(msg, name);
    if (!err && (msg->nr_rights != 1 || msg->rights[0].how != MK_RIGHT_SEND))
        err = MK_E_BAD_ARGUMENT;
    struct service **link = err ? NULL : find(names, name);
    if (link && !*link)
        err = MK_E_NOT_FOUND;
    else if (link && !is_same_port((*link)->send, msg->rights[0].name))
        err = MK_E_NO_ACCESS;
    else if (link)
        service_remove(link);
    mk_msg_drop_rights(msg);
    msg->size = 0;
    return err;
}

static mk_err_t on_notify(void *state, struct mk_msg *msg)
{
    struct names *names = state;
    struct mk_notification notice;
    memcpy(&notice, msg->body, sizeof(notice));
    if (notice.event == MK_NOTIFY_DEAD_NAME) {
        for (struct service **link = &names->services; *link; link = &(*link)->next) {
            if ((*link)->send == notice.name) {
                service_remove(link);
                break;
            }
        }
        release(notice.name); /* the reference that the notice came with */
    }
    mk_msg_discard(msg);
    return MK_SERVER_DEFER;
}

/* ---- start ---- */

static mk_err_t start(struct names *names)
{
    mk_name_t machine, receive;
    names->receive = mk_server_port();
    if (mk_task_get_special(mk_task_self(), MK_SPECIAL_MACHINE, &machine) == MK_OK) {
        if (mk_bootstrap_claim(machine, &receive) == MK_OK)
            names->receive = receive;
        release(machine);
    }
    return mk_port_set_limit(names->receive, MK_QUEUE_MAX);
}

static mk_err_t make_ports(struct names *names)
{
    mk_err_t err = mk_port_create(&names->deaths);
    if (!err)
        err = mk_portset_create(&names->set);
    return err ? err : mk_portset_add(names->set, names->deaths);
}

/* ---- live update ---- */

#define STATE_VERSION 1u

/* Both versions can answer them: they ask again. */
static mk_err_t put_waiters_back(struct names *names)
{
    drop_stale_waiters(names);
    for (struct waiter *waiter; (waiter = names->waiters);) {
        const struct mk_msg request = {.id = MK_NAMES_WAIT,
                                       .body = waiter->name,
                                       .size = strlen(waiter->name),
                                       .badge = waiter->badge,
                                       .reply = waiter->reply};
        mk_err_t err = mk_server_put_back(names->receive, &request);
        if (err)
            return err;
        names->waiters = waiter->next;
        free(waiter);
    }
    return MK_OK;
}

/* The version, and for each service a 1, its name, and the right; a 0. */
static mk_err_t save(void *state, struct mk_state *out)
{
    struct names *names = state;
    const uint32_t version = STATE_VERSION, more = 1, end = 0;
    mk_err_t err = put_waiters_back(names);
    (void)mk_state_put(out, &version, sizeof(version));
    for (const struct service *service = names->services; service; service = service->next) {
        (void)mk_state_put(out, &more, sizeof(more));
        (void)mk_state_put(out, service->name, sizeof(service->name));
        (void)mk_state_put_right(out, service->send);
    }
    (void)mk_state_put(out, &end, sizeof(end));
    return err;
}

static mk_err_t restore_service(struct names *names, struct mk_state *in)
{
    char name[MK_SERVICE_MAX];
    mk_name_t send;
    (void)mk_state_get(in, name, sizeof(name));
    mk_err_t err = mk_state_get_right(in, MK_RIGHT_SEND, &send);
    if (err || send == MK_NAME_DEAD)
        return err;
    bool is_good = name[0] && memchr(name, '\0', sizeof(name)) && !*find(names, name);
    return is_good ? add(names, name, send) : MK_E_BAD_ARGUMENT;
}

static mk_err_t restore(void **statep, struct mk_state *in)
{
    struct names *names = *statep;
    uint32_t version, more;
    mk_err_t err = mk_state_get(in, &version, sizeof(version));
    if (!err && version != STATE_VERSION) {
        mk_log("the state is of version %u, and this server reads %u", version, STATE_VERSION);
        err = MK_E_NOT_SUPPORTED;
    }
    names->receive = mk_server_port();
    while (!err && !(err = mk_state_get(in, &more, sizeof(more))) && more)
        err = restore_service(names, in);
    return err;
}

static void resume(void *state)
{
    struct names *names = state;
    names->receive = mk_server_port();
    mk_err_t err = mk_portset_add(names->set, names->receive);
    if (err && err != MK_E_BAD_STATE) /* it had not left */
        mk_log("the bootstrap port is not served any more: %s", mk_err_text(err));
}

/* ---- the server ---- */

static const struct mk_server_op ops[] = {
    {MK_NAMES_REGISTER, 1, do_register}, {MK_NAMES_LOOKUP, 1, do_lookup}, {MK_NAMES_WAIT, 1, do_wait},
    {MK_NAMES_LIST, 0, do_list},         {MK_NAMES_REMOVE, 1, do_remove},
};

static const struct mk_server loop = {
    .abi = MK_SERVER_ABI,
    .name = "names",
    .ops = ops,
    .nr_ops = sizeof(ops) / sizeof(ops[0]),
    .notify = on_notify,
    .save = save,
    .restore = restore,
    .resume = resume,
};

/* The bootstrap port: claimed, or handed over as the service port, by the supervisor or by the version before. */
static int names_main(int argc, char **argv)
{
    static struct names names;
    void *state = &names;
    (void)argc, (void)argv;
    mk_err_t err = mk_task_set_server(true);
    if (!err)
        err = grants_read(mk_task_args());
    if (!err)
        err = make_ports(&names);
    if (!err)
        err = mk_server_take_over(&loop, &state);
    if (err == MK_E_NOT_FOUND)
        err = start(&names);
    if (!err)
        err = mk_portset_add(names.set, names.receive);
    if (!err)
        err = mk_server_run(&loop, names.set, &names);
    mk_log("%s (%s)", mk_err_text(err), mk_err_name(err));
    return 1;
}

static const struct mk_server names_server = {.abi = MK_SERVER_ABI, .name = "names", .main = names_main};

MK_SERVER_EXPORT(names_server);
