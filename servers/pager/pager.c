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
 * pages came back with it. So a page is given out as it was given back, or not at all.
 *
 * It uses no memory of its task's window, from which it would have to be paged in: all is static, which is memory of
 * the host. That is why it is no plugin with a main, whose arguments are on the heap, and has its own loop.
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

/* ---- messages of the kernel ---- */

/* BAD_STATE: whoever wanted the page is gone, or was served already. */
static void check(mk_err_t err, const char *what)
{
    if (err != MK_OK && err != MK_E_BAD_STATE)
        mk_log("%s: %s", what, mk_err_text(err));
}

static void supply(const struct mk_pager_message *m)
{
    for (uint64_t at = m->offset; at < m->offset + m->size; at += BACKING_PAGE) {
        const void *contents = backing_read(&backing, at);

        if (contents != NULL)
            check(mk_memory_supply(control, at, contents, BACKING_PAGE), "a page could not be supplied");
        else
            check(mk_memory_fail(control, at, BACKING_PAGE), "a page could not be refused");
    }
}

static void keep(const struct mk_pager_message *m, const char *contents)
{
    for (uint64_t done = 0; done < m->size; done += BACKING_PAGE)
        backing_write(&backing, m->offset + done, contents + done);
}

/* The kernel forges nothing: what it says is in order. False: nothing more will come. */
static bool serve(const struct mk_msg *msg)
{
    struct mk_pager_message m;

    memcpy(&m, msg->body, sizeof(m));
    switch (msg->id) {
    case MK_PAGER_REQUEST:
        supply(&m);
        break;
    case MK_PAGER_RETURN:
        keep(&m, (const char *)msg->body + sizeof(m));
        break;
    case MK_PAGER_LOCKED: /* it locks nothing */
        break;
    case MK_PAGER_TERMINATE:
        return m.cookie != cookie; /* of an instance before */
    default:
        break;
    }
    return true;
}

/* Others have nothing to ask but whether it is there, as the supervisor does. */
static mk_err_t loop(mk_name_t port)
{
    static struct mk_msg_right rights[MK_RIGHTS_MAX];
    static struct mk_msg_memory memories[MK_MEMORIES_MAX];
    struct mk_msg *msg = &backing.kept->msg;
    mk_err_t err;

    *msg = (struct mk_msg){.body = backing.kept->body,
                           .capacity = sizeof(backing.kept->body),
                           .rights = rights,
                           .max_rights = MK_RIGHTS_MAX,
                           .memories = memories,
                           .max_memories = MK_MEMORIES_MAX};
    err = mk_receive(port, msg, MK_TIME_FOREVER);
    while (err == MK_OK) {
        if (msg->badge == MK_BADGE_KERNEL) {
            if (!serve(msg))
                return MK_OK;
            msg->reply = MK_NAME_NULL;
        } else {
            mk_msg_drop_rights(msg);
        }
        msg->status = MK_E_MSG_ID;
        msg->size = msg->nr_rights = msg->nr_memories = 0;
        err = mk_reply_receive(port, msg, MK_TIME_FOREVER);
    }
    return err;
}

/* The instance before may have ended before all of these pages were in the file; if not, they are there twice. */
static void keep_again(void)
{
    const struct mk_msg *msg = &backing.kept->msg;
    struct mk_pager_message m;

    memcpy(&m, backing.kept->body, sizeof(m));
    if (msg->badge == MK_BADGE_KERNEL && msg->id == MK_PAGER_RETURN)
        keep(&m, backing.kept->body + sizeof(m));
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
    if (err == MK_OK) {
        keep_again();
        err = loop(mk_server_port());
    }
    if (err != MK_OK) {
        mk_log("%s", explain(err));
        return err;
    }
    kept_destroy(backing.kept);
    mk_task_exit(0); /* the machine has no use for it any more */
}

static const struct mk_server pager_server = {.abi = MK_SERVER_ABI, .start = pager_start};

MK_SERVER_EXPORT(pager_server);
