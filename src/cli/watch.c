/* SPDX-License-Identifier: BSD-2-Clause */
/* See watch.h. */
#include "watch.h"

#include "text.h"

#include <mk/mk.h>

#include <elf.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define STOPPED     INT_MIN   /* exit code of a run that the watch has stopped */
#define LOOK_EVERY  50000000L /* ns */
#define LOOKS_QUIET 3         /* without a change: nobody writes to the file any more */
#define LOOKS_STUCK 20        /* the same for a file that is no whole plugin: its writer may only be slow */

/* What tells two states of a file apart. */
struct stamp {
    bool is_there;
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec changed;
};

struct file {
    const char *path;
    struct stamp taken; /* as the machine has it */
    struct stamp seen;  /* at the last look */
    unsigned nr_looks;  /* for which it has been so */
    bool is_due;
};

/* Tasks to be updated, for the task that asks for it. */
struct order {
    struct order *next;
    size_t nr;
    const struct boot_task *tasks[];
};

struct watch {
    const struct bootfile *boot;
    struct mk_machine *machine;
    struct order *orders; /* all that were given */
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    /* with the mutex */
    struct file *files;
    size_t nr_files;
    bool is_over;
};

/* ---- files ---- */

static struct stamp stamp_of(const char *path)
{
    struct stat st;
    if (stat(path, &st) != 0)
        return (struct stamp){0};
    return (struct stamp){true, st.st_dev, st.st_ino, st.st_size, st.st_mtim};
}

static bool is_same(const struct stamp *a, const struct stamp *b)
{
    return a->is_there == b->is_there && a->device == b->device && a->inode == b->inode && a->size == b->size &&
           a->changed.tv_sec == b->changed.tv_sec && a->changed.tv_nsec == b->changed.tv_nsec;
}

/* Linkers put the section headers at the end of the file, and the header, which tells where, is written last. */
static bool is_whole(const struct file *file)
{
    Elf64_Ehdr header = {.e_shoff = 0};
    FILE *in = fopen(file->path, "rbe");
    bool is_read = in && fread(&header, sizeof(header), 1, in) == 1;
    if (in)
        fclose(in);
    return is_read && memcmp(header.e_ident, ELFMAG, SELFMAG) == 0 && header.e_shoff > 0 &&
           header.e_shoff + (uint64_t)header.e_shnum * header.e_shentsize <= (uint64_t)file->seen.size;
}

/* True: the file has come to be due. */
static bool look(struct file *file)
{
    struct stamp now = stamp_of(file->path);
    if (!is_same(&now, &file->seen)) {
        file->seen = now;
        file->nr_looks = 0;
        return false;
    }
    file->nr_looks++;
    if (!now.is_there || is_same(&now, &file->taken) || file->nr_looks < LOOKS_QUIET ||
        (file->nr_looks < LOOKS_STUCK && !is_whole(file)))
        return false;
    file->taken = now;
    file->is_due = true;
    return true;
}

static bool look_at_all(struct watch *watch)
{
    bool is_any = false;
    for (size_t i = 0; i < watch->nr_files; i++)
        is_any |= look(&watch->files[i]);
    return is_any;
}

/* ---- the host thread ---- */

static struct timespec next_look(void)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_nsec += LOOK_EVERY;
    at.tv_sec += at.tv_nsec / 1000000000L;
    at.tv_nsec %= 1000000000L;
    return at;
}

static void *watch_main(void *arg)
{
    struct watch *watch = arg;
    pthread_mutex_lock(&watch->mutex);
    while (!watch->is_over) {
        struct timespec at = next_look();
        pthread_cond_timedwait(&watch->changed, &watch->mutex, &at);
        if (!watch->is_over && look_at_all(watch))
            mk_machine_stop(watch->machine, STOPPED);
    }
    pthread_mutex_unlock(&watch->mutex);
    return NULL;
}

/* Signals are for the thread that runs the machine. */
static bool start_thread(struct watch *watch)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool is_started = pthread_create(&watch->thread, NULL, watch_main, watch) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return is_started;
}

/* ---- the task that asks ---- */

static bool is_program(const char *name)
{
    struct mk_task_info *infos = NULL;
    size_t n = 0, max = 0;
    bool is_running = false;
    if (mk_machine_tasks(NULL, NULL, 0, &max) == MK_OK && (infos = calloc(max + 1, sizeof(*infos))) &&
        mk_machine_tasks(NULL, infos, max, &n) == MK_OK)
        for (size_t i = 0; i < n && i < max; i++)
            is_running |= !infos[i].is_ended && !infos[i].is_server && strcmp(infos[i].label, name) == 0;
    free(infos);
    return is_running;
}

static void update(const struct boot_task *task)
{
    if (is_program(task->name)) {
        mk_log("%s: %s has changed; it is no server, so the next start of it takes the file", task->name, task->plugin);
        return;
    }
    mk_err_t err = mk_machine_update(NULL, task->name, task->plugin);
    if (err)
        mk_log("%s: %s has changed and cannot be taken: %s; what ran before goes on", task->name, task->plugin,
               mk_err_text(err));
    else
        mk_log("%s: %s has changed and serves now", task->name, task->plugin);
}

static void update_all(void *arg)
{
    const struct order *order = arg;
    for (size_t i = 0; i < order->nr; i++)
        update(order->tasks[i]);
}

/* ---- between runs ---- */

static bool is_due(const struct watch *watch, const struct boot_task *task)
{
    for (size_t i = 0; i < watch->nr_files; i++)
        if (watch->files[i].is_due && strcmp(watch->files[i].path, task->plugin) == 0)
            return true;
    return false;
}

static struct order *take_order(struct watch *watch)
{
    const struct bootfile *boot = watch->boot;
    struct order *order = text_realloc(NULL, 1, sizeof(*order) + boot->nr_tasks * sizeof(order->tasks[0]));
    order->nr = 0;
    pthread_mutex_lock(&watch->mutex);
    for (size_t i = 0; i < boot->nr_tasks; i++)
        if (is_due(watch, &boot->tasks[boot->order[i]]))
            order->tasks[order->nr++] = &boot->tasks[boot->order[i]];
    for (size_t i = 0; i < watch->nr_files; i++)
        watch->files[i].is_due = false;
    pthread_mutex_unlock(&watch->mutex);
    order->next = watch->orders;
    watch->orders = order;
    return order;
}

bool watch_goes_on(struct watch *watch, int exit_code)
{
    if (exit_code != STOPPED)
        return false;
    struct order *order = take_order(watch);
    const struct mk_spawn spawn = {.label = "watch", .entry = update_all, .arg = order, .is_server = true};
    mk_err_t err = order->nr ? mk_machine_spawn(watch->machine, &spawn, NULL) : MK_OK;
    if (err)
        fprintf(stderr, "mk: run: --watch: a change is not followed: %s\n", mk_err_text(err));
    return true;
}

/* ---- lives ---- */

/* Each file once. */
static void add_file(struct watch *watch, const char *path)
{
    for (size_t i = 0; i < watch->nr_files; i++)
        if (strcmp(watch->files[i].path, path) == 0)
            return;
    struct stamp now = stamp_of(path);
    watch->files[watch->nr_files++] = (struct file){.path = path, .taken = now, .seen = now};
}

static void watch_free(struct watch *watch)
{
    for (struct order *order; (order = watch->orders);) {
        watch->orders = order->next;
        free(order);
    }
    pthread_cond_destroy(&watch->changed);
    pthread_mutex_destroy(&watch->mutex);
    free(watch->files);
    free(watch);
}

struct watch *watch_start(const struct bootfile *boot, struct mk_machine *machine)
{
    pthread_condattr_t monotonic;
    struct watch *watch = text_realloc(NULL, 1, sizeof(*watch));
    *watch = (struct watch){.boot = boot, .machine = machine};
    watch->files = text_realloc(NULL, boot->nr_tasks + 1, sizeof(*watch->files));
    for (size_t i = 0; i < boot->nr_tasks; i++)
        add_file(watch, boot->tasks[i].plugin);
    pthread_mutex_init(&watch->mutex, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&watch->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    if (start_thread(watch))
        return watch;
    fputs("mk: run: --watch: the host has no thread left\n", stderr);
    watch_free(watch);
    return NULL;
}

void watch_end(struct watch *watch)
{
    if (!watch)
        return;
    pthread_mutex_lock(&watch->mutex);
    watch->is_over = true;
    pthread_cond_signal(&watch->changed);
    pthread_mutex_unlock(&watch->mutex);
    pthread_join(watch->thread, NULL);
    watch_free(watch);
}
