/* SPDX-License-Identifier: BSD-2-Clause */
/* Commands that ask the supervisor: supervisor, start, stop, restart, load. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"

/* Columns of the table: 100 in all, with two blanks between them. */
#define NAME_MAX_WIDTH  20
#define STATE_MAX_WIDTH 23
#define GROUP_MAX_WIDTH 12
#define CELL_SIZE       64

/* ---- words ---- */

static const char *signal_name(int number)
{
    static const struct {
        int number;
        const char *name;
    } signals[] = {
        {4, "SIGILL"}, {5, "SIGTRAP"}, {6, "SIGABRT"}, {7, "SIGBUS"}, {8, "SIGFPE"}, {9, "SIGKILL"}, {11, "SIGSEGV"},
    };

    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
        if (signals[i].number == number)
            return signals[i].name;
    return NULL;
}

/* How an instance ended, in `text` of CELL_SIZE. */
static const char *put_end(uint32_t kind, int32_t code, char *text)
{
    const char *name = signal_name(code - 128);

    if (kind == SUPERVISOR_CRASHED && name != NULL)
        snprintf(text, CELL_SIZE, "crash: %s", name);
    else if (kind == SUPERVISOR_CRASHED)
        snprintf(text, CELL_SIZE, "crash: exit %d", (int)code);
    else if (kind == SUPERVISOR_EXITED)
        snprintf(text, CELL_SIZE, "exit 0");
    else
        snprintf(text, CELL_SIZE, "%s",
                 kind == SUPERVISOR_ASKED     ? "asked"
                 : kind == SUPERVISOR_SILENT  ? "silent"
                 : kind == SUPERVISOR_GROUPED ? "with its group"
                                              : "-");
    return text;
}

/* A program that ended well, or was to end, is not the same as one that failed. */
static const char *ended_word(uint8_t last_end)
{
    if (last_end == SUPERVISOR_EXITED)
        return "ended";
    return last_end == SUPERVISOR_CRASHED || last_end == SUPERVISOR_SILENT ? "failed" : "stopped";
}

static const char *put_state(const struct supervisor_entry *entry, char *text)
{
    static const char *const words[] = {
        [SUPERVISOR_WAITING] = "waiting",
        [SUPERVISOR_STARTING] = "starting",
        [SUPERVISOR_UP] = "up",
    };

    if (entry->state == SUPERVISOR_DELAYED)
        snprintf(text, CELL_SIZE, "waiting until %lld.%03lld", (long long)(entry->due / MK_SEC),
                 (long long)(entry->due % MK_SEC / MK_MSEC));
    else if (entry->state == SUPERVISOR_STARTING && !entry->is_server)
        snprintf(text, CELL_SIZE, "running"); /* a program: it answers nobody */
    else
        snprintf(text, CELL_SIZE, "%s",
                 entry->state < SUPERVISOR_DELAYED ? words[entry->state] : ended_word(entry->last_end));
    return text;
}

static const char *restart_word(uint8_t restart)
{
    return restart == SUPERVISOR_RESTART_ALWAYS     ? "always"
           : restart == SUPERVISOR_RESTART_ON_CRASH ? "on-crash"
                                                    : "never";
}

/* ---- supervisor status ---- */

/* The answer to SUPERVISOR_LIST, or SUPERVISOR_HISTORY of a task; to be freed. */
static mk_err_t get_list(struct shell *sh, uint32_t id, const char *name, void **listp, size_t *sizep)
{
    struct mk_msg msg = {.id = id, .size = strlen(name), .capacity = MK_BODY_MAX};
    mk_err_t err;

    *sizep = 0;
    *listp = msg.size < MK_BODY_MAX ? malloc(MK_BODY_MAX) : NULL;
    if (*listp == NULL)
        return MK_E_NO_MEMORY;
    memcpy(*listp, name, msg.size);
    msg.body = *listp;
    err = service_call(sh, &sh->supervisor, &msg);
    if (err == MK_OK)
        err = msg.status;
    if (err == MK_OK)
        *sizep = msg.size;
    return err;
}

mk_err_t list_supervised(struct shell *sh, struct supervisor_entry **entriesp, size_t *nrp)
{
    void *list;
    size_t size;
    mk_err_t err = get_list(sh, SUPERVISOR_LIST, "", &list, &size);

    *entriesp = list;
    *nrp = size / sizeof(**entriesp);
    for (size_t i = 0; i < *nrp; i++) {
        (*entriesp)[i].name[sizeof((*entriesp)[i].name) - 1] = '\0';
        (*entriesp)[i].group[sizeof((*entriesp)[i].group) - 1] = '\0';
    }
    return err;
}

struct widths {
    int name, state, group;
};

/* As wide as the widest, which is cut at `max`. */
static void widen(int *widthp, const char *text, int max)
{
    int width = (int)strlen(text);

    width = width < max ? width : max;
    *widthp = width > *widthp ? width : *widthp;
}

static struct widths measure(const struct supervisor_entry *entries, size_t nr)
{
    struct widths widths = {4, 5, 5};
    char text[CELL_SIZE];

    for (size_t i = 0; i < nr; i++) {
        widen(&widths.name, entries[i].name, NAME_MAX_WIDTH);
        widen(&widths.state, put_state(&entries[i], text), STATE_MAX_WIDTH);
        widen(&widths.group, entries[i].group, GROUP_MAX_WIDTH);
    }
    return widths;
}

static void show_row(struct shell *sh, const struct widths *w, const char *const *cells)
{
    out_text(sh, "%-*.*s  %5s  %-*.*s  %-8s  %-*.*s  %6s  %s\n", w->name, w->name, cells[0], cells[1], w->state,
             w->state, cells[2], cells[3], w->group, w->group, cells[4], cells[5], cells[6]);
}

static void show_supervised(struct shell *sh, const struct widths *widths, const struct supervisor_entry *entry)
{
    char task[24] = "-", starts[16], state[CELL_SIZE], end[CELL_SIZE];

    if (entry->task != 0)
        snprintf(task, sizeof(task), "%llu", (unsigned long long)entry->task);
    snprintf(starts, sizeof(starts), "%u", (unsigned)entry->nr_starts);
    const char *const cells[] = {entry->name,
                                 task,
                                 put_state(entry, state),
                                 restart_word(entry->restart),
                                 entry->group,
                                 starts,
                                 put_end(entry->last_end, entry->last_exit, end)};
    show_row(sh, widths, cells);
}

static int show_status(struct shell *sh)
{
    static const char *const titles[] = {"NAME", "TASK", "STATE", "RESTART", "GROUP", "STARTS", "LAST END"};
    struct supervisor_entry *entries;
    size_t nr;
    mk_err_t err = list_supervised(sh, &entries, &nr);
    struct widths widths = measure(entries, nr);

    if (err == MK_OK)
        show_row(sh, &widths, titles);
    for (size_t i = 0; i < nr; i++)
        show_supervised(sh, &widths, &entries[i]);
    free(entries);
    return err == MK_OK ? 0 : err_fail(sh, "supervisor", "status", err);
}

/* ---- what went wrong, in words ---- */

static bool find_supervised(struct shell *sh, const char *name, struct supervisor_entry *entry)
{
    struct supervisor_entry *entries;
    bool is_found = false;
    size_t nr;
    mk_err_t err = list_supervised(sh, &entries, &nr);

    for (size_t i = 0; err == MK_OK && i < nr && !is_found; i++) {
        is_found = strcmp(entries[i].name, name) == 0;
        *entry = entries[i];
    }
    free(entries);
    return is_found;
}

/* What a command asks for can also be refused because an earlier request, of somebody else, is not done yet. */
static const char *wrong_state(struct shell *sh, const char *command, const char *name)
{
    struct supervisor_entry entry = {0};
    bool is_running = find_supervised(sh, name, &entry) && entry.is_running;

    if (strcmp(command, "start") == 0 && is_running)
        return "is running already";
    if ((strcmp(command, "stop") == 0 || strcmp(command, "update") == 0) && !is_running)
        return "is not running";
    if (strcmp(command, "update") == 0 && !entry.is_server)
        return "is no server";
    return "is being started, ended or updated";
}

static int fail(struct shell *sh, const char *command, const char *name, mk_err_t err)
{
    if (sh->missing == NULL && err == MK_E_BAD_STATE)
        err_text(sh, "%s: %s %s\n", command, name, wrong_state(sh, command, name));
    else if (sh->missing == NULL && err == MK_E_NOT_FOUND)
        err_text(sh, "%s: %s: no such task\n", command, name);
    else
        return err_fail(sh, command, name, err);
    return 1;
}

/* ---- supervisor history ---- */

static void show_event(struct shell *sh, const struct supervisor_event *event)
{
    char time[32], text[CELL_SIZE], due[32];
    bool is_end = event->kind >= SUPERVISOR_EXITED && event->kind <= SUPERVISOR_GROUPED;

    if (event->kind == SUPERVISOR_STARTED)
        snprintf(text, sizeof(text), "started as task %llu", (unsigned long long)event->task);
    else if (event->kind == SUPERVISOR_UPDATED)
        snprintf(text, sizeof(text), "updated, task %llu", (unsigned long long)event->task);
    else if (is_end)
        put_end(event->kind, event->code, text);
    else
        snprintf(text, sizeof(text), "%s",
                 event->kind == SUPERVISOR_CAME_UP       ? "up"
                 : event->kind == SUPERVISOR_GAVE_UP     ? "given up: too many restarts"
                 : event->kind == SUPERVISOR_KEPT        ? "update failed: the old version goes on"
                 : event->kind == SUPERVISOR_ROLLED_BACK ? "the new version crashed: the old one goes on"
                                                         : "?");
    out_text(sh, "%20s  %s", seconds(event->time, time), text);
    if (event->due != 0)
        out_text(sh, "; restart at %s", seconds(event->due, due));
    out_text(sh, "\n");
}

static int show_history(struct shell *sh, const char *name)
{
    void *list;
    size_t size;
    mk_err_t err = get_list(sh, SUPERVISOR_HISTORY, name, &list, &size);
    const struct supervisor_event *events = list;

    for (size_t i = 0; i < size / sizeof(*events); i++)
        show_event(sh, &events[i]);
    free(list);
    return err == MK_OK ? 0 : fail(sh, "supervisor", name, err);
}

int cmd_supervisor(struct shell *sh, int argc, char **argv)
{
    if (argc == 1 || (argc == 2 && strcmp(argv[1], "status") == 0))
        return show_status(sh);
    if (argc == 3 && strcmp(argv[1], "history") == 0)
        return show_history(sh, argv[2]);
    return err_usage(sh, "supervisor");
}

/* ---- start, stop, restart ---- */

static int tell_supervisor(struct shell *sh, uint32_t id, int argc, char **argv)
{
    mk_err_t err;

    if (argc != 2)
        return err_usage(sh, argv[0]);
    err = service_tell(sh, &sh->supervisor, id, argv[1]);
    return err == MK_OK ? 0 : fail(sh, argv[0], argv[1], err);
}

int cmd_start(struct shell *sh, int argc, char **argv)
{
    return tell_supervisor(sh, SUPERVISOR_START, argc, argv);
}

int cmd_stop(struct shell *sh, int argc, char **argv)
{
    return tell_supervisor(sh, SUPERVISOR_STOP, argc, argv);
}

int cmd_restart(struct shell *sh, int argc, char **argv)
{
    return tell_supervisor(sh, SUPERVISOR_RESTART, argc, argv);
}

int cmd_update(struct shell *sh, int argc, char **argv)
{
    char body[FS_PATH_MAX + MK_LABEL_MAX];
    struct mk_msg msg = {.id = SUPERVISOR_UPDATE, .body = body, .capacity = sizeof(body)};
    mk_err_t err;

    if (argc != 3)
        return err_usage(sh, argv[0]);
    if (strlen(argv[1]) + 1 + strlen(argv[2]) >= sizeof(body))
        return err_fail(sh, argv[0], argv[1], MK_E_TOO_LONG);
    strcpy(body, argv[1]);
    strcpy(body + strlen(argv[1]) + 1, argv[2]);
    msg.size = strlen(argv[1]) + 1 + strlen(argv[2]);
    err = service_call(sh, &sh->supervisor, &msg);
    if (err == MK_OK)
        err = msg.status;
    return err == MK_OK ? 0 : fail(sh, argv[0], argv[1], err);
}

/* ---- load ---- */

/* A word as the splitting of arguments reads it, which knows quotes only. False: it does not fit. */
static bool add_word(char *args, size_t size, const char *word)
{
    bool is_plain = *word != '\0' && strpbrk(word, " \t\n'\"") == NULL;
    size_t n = strlen(args);

    if (n + 5 * strlen(word) + 4 > size)
        return false;
    n += (size_t)sprintf(args + n, "%s%s", n > 0 ? " " : "", is_plain ? "" : "'");
    for (; *word != '\0'; word++)
        n += (size_t)sprintf(args + n, *word == '\'' ? "'\"'\"'" : "%c", *word);
    strcpy(args + n, is_plain ? "" : "'");
    return true;
}

int cmd_load(struct shell *sh, int argc, char **argv)
{
    char body[4 * FS_PATH_MAX], args[FS_PATH_MAX] = "";
    struct mk_msg msg = {.id = SUPERVISOR_LOAD, .body = body, .capacity = sizeof(body) - 1};
    bool fits = true;
    mk_err_t err;
    char *end;

    if (argc < 3)
        return err_usage(sh, argv[0]);
    for (int i = 3; i < argc; i++)
        fits = fits && add_word(args, sizeof(args), argv[i]);
    if (!fits || strlen(argv[1]) + strlen(argv[2]) > 2 * FS_PATH_MAX)
        return err_fail(sh, argv[0], argv[1], MK_E_TOO_LONG);
    end = stpcpy(body, argv[1]) + 1;
    end = stpcpy(end, argv[2]) + 1;
    end = stpcpy(end, args) + 1;
    msg.size = (size_t)(end - body);
    err = service_call(sh, &sh->supervisor, &msg);
    if (err == MK_OK)
        err = msg.status;
    if (err == MK_OK || msg.size == 0 || msg.status == MK_OK)
        return err == MK_OK ? 0 : err_fail(sh, argv[0], argv[1], err);
    body[msg.size] = '\0';
    err_text(sh, "load: %s: %s\n", argv[1], body);
    return 1;
}
