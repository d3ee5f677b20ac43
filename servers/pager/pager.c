/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The default pager: keeps the pages of anonymous memory that the machine has no room for, in a file of the host.
 * Arguments:
 *
 *     [size=BYTES] [file=PATH]       64M, or a number with K, M or G; a temporary file
 *
 * It is a privileged task, and should be stronger than those it works for (`priority = 60` in the boot file), so that
 * what is given back to it never waits. Nobody needs to find it: it registers no name.
 *
 * It can be restarted. The kernel talks to its service port, which outlives the instance: what was requested and given
 * back meanwhile waits there, and whoever needs a page waits for the next instance. That finds what its predecessor
 * kept (kept.h): the file, the sums of its pages, and the message that was received last, which it serves again if
 * pages came back with it. So a page is given out as it was given back, or not at all. Another version that takes over
 * finds the same.
 *
 * It uses no memory of its task's window, from which it would have to be paged in: all is static, which is memory of
 * the host, and the stack. That is why it is no plugin with a main, whose arguments are on the heap.
 */
#include "backing.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SIZE_DEFAULT ((uint64_t)64 << 20)
#define PATIENCE     (60 * MK_SEC) /* longer than the longest delay of a restart */

static struct backing backing;
static mk_name_t control; /* of the memory object that is the store */
static uint64_t cookie;   /* of the same */
static struct mk_server_room room;

/* ---- messages of the kernel ---- */

/* BAD_STATE: whoever wanted the page is gone, or was served already. */
static void check(mk_err_t err, const char *what)
{
    if (err != MK_OK && err != MK_E_BAD_STATE)
        mk_log("%s: %s", what, mk_err_text(err));
}

/* The kernel forges nothing: what it says is in order. Others have nothing to say. */
static bool take(struct mk_msg *msg, struct mk_pager_message *m)
{
    mk_msg_drop_rights(msg);
    memcpy(m, msg->body, sizeof(*m));
    return msg->badge == MK_BADGE_KERNEL;
}

static mk_err_t supply(void *state, struct mk_msg *msg)
{
    struct mk_pager_message m;

    (void)state;
    if (!take(msg, &m))
        return MK_E_MSG_ID;
    for (uint64_t at = m.offset; at < m.offset + m.size; at += BACKING_PAGE) {
        const void *contents = backing_read(&backing, at);

        if (contents != NULL)
            check(mk_memory_supply(control, at, contents, BACKING_PAGE), "a page could not be supplied");
        else
            check(mk_memory_fail(control, at, BACKING_PAGE), "a page could not be refused");
    }
    return MK_SERVER_DEFER;
}

static void keep_pages(const struct mk_pager_message *m, const char *contents)
{
    for (uint64_t done = 0; done < m->size; done += BACKING_PAGE)
        backing_write(&backing, m->offset + done, contents + done);
}

static mk_err_t keep(void *state, struct mk_msg *msg)
{
    struct mk_pager_message m;

    (void)state;
    if (!take(msg, &m))
        return MK_E_MSG_ID;
    keep_pages(&m, (const char *)msg->body + sizeof(m));
    return MK_SERVER_DEFER;
}

/* It locks nothing. */
static mk_err_t ignore(void *state, struct mk_msg *msg)
{
    struct mk_pager_message m;

    (void)state;
    return take(msg, &m) ? MK_SERVER_DEFER : MK_E_MSG_ID;
}

static mk_err_t terminate(void *state, struct mk_msg *msg)
{
    struct mk_pager_message m;

    (void)state;
    if (!take(msg, &m))
        return MK_E_MSG_ID;
    if (m.cookie == cookie) /* not of an instance before: nothing more will come */
        mk_server_stop();
    return MK_SERVER_DEFER;
}

/* Others have nothing to ask but whether it is there, as the supervisor does. */
static mk_err_t other(void *state, struct mk_msg *msg)
{
    (void)state;
    mk_msg_drop_rights(msg);
    return MK_E_MSG_ID;
}

/* The instance before may have ended before all of these pages were in the file; if not, they are there twice. */
static void keep_again(void)
{
    const struct mk_msg *msg = &backing.kept->msg;
    struct mk_pager_message m;

    memcpy(&m, backing.kept->body, sizeof(m));
    if (msg->badge == MK_BADGE_KERNEL && msg->id == MK_PAGER_RETURN)
        keep_pages(&m, backing.kept->body + sizeof(m));
}

/* ---- arguments ---- */

static bool parse_size(const char *text, uint64_t *sizep)
{
    static const char units[] = "KMG";
    char *end;
    const char *unit;
    unsigned shift = 0;
    unsigned long long value;

    errno = 0;
    value = strtoull(text, &end, 10);
    unit = *end != '\0' ? strchr(units, *end) : NULL;
    if (unit != NULL) {
        shift = 10 * (unsigned)(unit - units + 1);
        end++;
    }
    if (text[0] < '0' || text[0] > '9' || errno != 0 || *end != '\0' || value > BACKING_MAX >> shift)
        return false;
    *sizep = (value << shift) / BACKING_PAGE * BACKING_PAGE;
    return *sizep >= 2 * (uint64_t)BACKING_PAGE; /* the first page of a store is not used */
}

/* Cut the next word off in place, at blanks outside quotes; NULL: no more. */
static char *next_word(char **textp)
{
    char *p = *textp + strspn(*textp, " \t\n"), *word = p, *out = p, quote = '\0';

    if (*p == '\0')
        return NULL;
    for (; *p != '\0' && (quote != '\0' || strchr(" \t\n", *p) == NULL); p++) {
        if (quote == '\0' ? *p == '\'' || *p == '"' : *p == quote)
            quote = quote == '\0' ? *p : '\0';
        else
            *out++ = *p;
    }
    *textp = *p != '\0' ? p + 1 : p;
    *out = '\0';
    return word;
}

static bool parse_arguments(void)
{
    static char text[MK_ARGS_MAX];
    char *rest = text, *word;

    strncpy(text, mk_task_args(), sizeof(text) - 1);
    backing.size = SIZE_DEFAULT;
    while ((word = next_word(&rest)) != NULL) {
        if (strncmp(word, "file=", 5) == 0 && word[5] != '\0') {
            backing.path = &word[5];
        } else if (strncmp(word, "size=", 5) != 0) {
            mk_log("%s: write size=BYTES or file=PATH", word);
            return false;
        } else if (!parse_size(&word[5], &backing.size)) {
            mk_log("%s: write a number of bytes, or one with K, M or G, from 8K to 1G", word);
            return false;
        }
    }
    return true;
}

/* ---- start ---- */

/* What waits for a page waits for a restart, at the worst. The machine holds the object. */
static mk_err_t become_store(mk_name_t machine, mk_name_t port)
{
    mk_name_t memory;
    mk_err_t err;

    cookie = kept_cookie(backing.kept);
    err = mk_memory_create(port, cookie, backing.size, &memory, &control);
    if (err == MK_OK)
        err = mk_memory_set_timeout(control, PATIENCE);
    if (err == MK_OK)
        err = mk_memory_set_store(machine, control);
    return err == MK_OK ? mk_right_release(memory) : err;
}

static const char *explain(mk_err_t err)
{
    switch (err) {
    case MK_E_NOT_FOUND:
        return "it needs control of the machine: write `privileged = yes` in the boot file";
    case MK_E_EXISTS:
        return "the machine has a pager already";
    case MK_E_BAD_ARGUMENT:
        return "the pager before had more room; give this one at least as much";
    default:
        return mk_err_text(err);
    }
}

/* What the pager before kept; if there was none, what this one will keep. */
static bool get_kept(void)
{
    struct mk_vm_stats stats;

    if (mk_vm_statistics(MK_NAME_NULL, &stats) != MK_OK)
        return false;
    backing.kept = kept_find(stats.store_cookie);
    if (backing.kept == NULL && stats.nr_used_slots > 0)
        mk_log("the machine has pages with another pager, which this one cannot have");
    else if (backing.kept == NULL && (backing.kept = kept_create()) == NULL)
        mk_log("memory of the host: %s", strerror(errno));
    return backing.kept != NULL;
}

/* The loop receives into what is kept. */
static void begin(void)
{
    keep_again();
    room.msg = &backing.kept->msg;
    room.msg_body = backing.kept->body;
}

static mk_err_t pager_start(void **statep)
{
    mk_name_t machine;
    mk_err_t err = mk_task_get_special(mk_task_self(), MK_SPECIAL_MACHINE, &machine);

    (void)statep;
    if (!parse_arguments())
        return MK_E_BAD_ARGUMENT;
    if (err == MK_OK && (!get_kept() || !backing_open(&backing)))
        return MK_E_IO;
    if (err == MK_OK)
        err = become_store(machine, mk_server_port());
    if (err == MK_OK)
        begin();
    else
        mk_log("%s", explain(err));
    return err;
}

/* ---- live update ---- */

#define STATE_VERSION 1u

struct saved {
    uint32_t version;
    uint64_t size, cookie;
};

/* What is kept is in the host's process, and found as after a restart. */
static mk_err_t pager_save(void *state, struct mk_state *out)
{
    struct saved saved;

    (void)state;
    memset(&saved, 0, sizeof(saved));
    saved.version = STATE_VERSION;
    saved.size = backing.size;
    saved.cookie = cookie;
    (void)mk_state_put(out, &saved, sizeof(saved));
    return mk_state_put_right(out, control);
}

/* The kernel now keeps this task's memory, and asks again for what the version before has not supplied. */
static mk_err_t go_on(void)
{
    mk_name_t machine;
    mk_err_t err = mk_task_get_special(mk_task_self(), MK_SPECIAL_MACHINE, &machine);

    if (err == MK_OK)
        err = mk_memory_set_store(machine, control);
    return err == MK_OK ? mk_right_release(machine) : err;
}

/* What the other version had in hand is asked for again, or kept again. */
static void pager_resume(void *state)
{
    mk_err_t err = go_on();

    (void)state;
    keep_again();
    if (err != MK_OK)
        mk_log("%s", explain(err));
}

static mk_err_t pager_restore(void **statep, struct mk_state *in)
{
    struct saved saved;
    mk_err_t err = mk_state_get(in, &saved, sizeof(saved));

    (void)statep;
    if (err == MK_OK && saved.version != STATE_VERSION) {
        mk_log("the state is of version %u, and this pager reads %u", saved.version, STATE_VERSION);
        return MK_E_NOT_SUPPORTED;
    }
    if (err == MK_OK && !parse_arguments())
        return MK_E_BAD_ARGUMENT;
    backing.size = saved.size;
    backing.kept = kept_find(saved.cookie);
    cookie = saved.cookie;
    if (err == MK_OK)
        err = mk_state_get_right(in, MK_RIGHT_SEND, &control);
    if (err == MK_OK && (!backing.kept || !backing_check(&backing)))
        return MK_E_BAD_ARGUMENT;
    if (err == MK_OK)
        err = go_on();
    if (err == MK_OK)
        begin();
    else
        mk_log("%s", explain(err));
    return err;
}

static void pager_stop(void *state)
{
    (void)state;
    kept_destroy(backing.kept); /* the machine has no use for it any more */
}

/* ---- the server ---- */

static const struct mk_server_op pager_ops[] = {
    {MK_PAGER_REQUEST, sizeof(struct mk_pager_message), supply},
    {MK_PAGER_RETURN, sizeof(struct mk_pager_message), keep},
    {MK_PAGER_LOCKED, sizeof(struct mk_pager_message), ignore},
    {MK_PAGER_TERMINATE, sizeof(struct mk_pager_message), terminate},
};

static const struct mk_server pager_server = {
    .abi = MK_SERVER_ABI,
    .ops = pager_ops,
    .nr_ops = sizeof(pager_ops) / sizeof(pager_ops[0]),
    .start = pager_start,
    .stop = pager_stop,
    .other = other,
    .save = pager_save,
    .restore = pager_restore,
    .resume = pager_resume,
    .room = &room,
};

MK_SERVER_EXPORT(pager_server);
