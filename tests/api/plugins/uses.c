/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A program that asks the name service: uses WORD... It prints what came of each: a name is looked up, one with a '+'
 * registered for its service port, "list" lists, "forge" tries to get what it may not, "child" has the words after it
 * done by a child, and "sleep" waits for two seconds.
 */
#include <mk/mk.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <mk/names.h>

static char **words;
static int next_word, nr_words;

static void tell(const char *what, mk_err_t err)
{
    printf("%s: %s\n", what, mk_err_name(err));
}

static mk_name_t bootstrap(void)
{
    mk_name_t send;
    return mk_task_get_special(mk_task_self(), MK_SPECIAL_BOOTSTRAP, &send) == MK_OK ? send : MK_NAME_NULL;
}

static mk_err_t call(mk_name_t to, struct mk_msg *msg)
{
    mk_err_t err = mk_call(to, msg, MK_TIME_FOREVER);
    return err ? err : msg->status;
}

static void look_up(const char *name)
{
    mk_name_t send;
    mk_err_t err = mk_name_lookup(name, mk_time_now() + 5 * MK_SEC, &send);
    tell(name, err);
    if ((err == MK_E_NO_ACCESS) != (mk_name_lookup(name, MK_TIME_POLL, &send) == MK_E_NO_ACCESS))
        puts("who does not wait is answered otherwise");
}

static void register_as(const char *name)
{
    mk_name_t send = MK_NAME_NULL;
    mk_err_t err = mk_right_make(mk_server_port(), MK_RIGHT_SEND, 0, &send);
    printf("+");
    tell(name, err ? err : mk_name_register(name, send));
}

static void list(void)
{
    char body[1024];
    struct mk_msg msg = {.id = MK_NAMES_LIST, .body = body, .capacity = sizeof(body) - 1};
    mk_err_t err = call(bootstrap(), &msg);
    body[err ? 0 : msg.size] = '\0';
    for (char *p = body; (p = strchr(p, '\n'));)
        *p = ' ';
    printf("list: %s\n", err ? mk_err_name(err) : body);
}

/* None of these may be MK_OK. */
static void forge(void)
{
    mk_name_t name, self = mk_task_self(), to = bootstrap();
    char table[] = "1\t*\t*\n";
    tell("make", mk_right_make(to, MK_RIGHT_SEND, 0, &name));
    tell("make another's", mk_right_make(to, MK_RIGHT_SEND, 1, &name));
    tell("extract", mk_right_extract(self, to, MK_MAKE_SEND, &name));
    tell("insert", mk_right_insert(self, to, MK_MAKE_SEND, &name));
    tell("claim", mk_bootstrap_claim(self, &name));
    tell("task", mk_task_by_id(self, 3, &name));
    tell("machine", mk_task_get_special(self, MK_SPECIAL_MACHINE, &name));
    tell("guardian", mk_task_get_special(self, MK_SPECIAL_REGISTERED_0, &name));
    for (uint32_t id = MK_NAMES_REMOVE + 1; id < MK_NAMES_REMOVE + 200; id++) {
        struct mk_msg msg = {.id = id, .body = table, .size = sizeof(table) - 1, .capacity = sizeof(table)};
        mk_err_t err = call(to, &msg);
        if (err != MK_E_MSG_ID)
            tell("an operation that is none", err);
    }
    struct mk_notification notice = {.event = MK_NOTIFY_DEAD_NAME, .name = 1};
    struct mk_msg msg = {.id = MK_NOTIFY_ID + MK_NOTIFY_DEAD_NAME, .body = &notice, .size = sizeof(notice)};
    tell("notice", call(to, &msg));
}

static void run_words(void *arg);

static void begin_child(void)
{
    const struct mk_thread_attr attr = {.entry = run_words};
    mk_name_t task, thread;
    mk_err_t err = mk_task_create("child", &task);
    if (!err)
        err = mk_thread_create(task, &attr, &thread);
    if (!err)
        err = mk_task_wait(task, NULL, MK_TIME_FOREVER);
    tell("child", err);
    next_word = nr_words;
}

static void run_words(void *arg)
{
    (void)arg;
    while (next_word < nr_words) {
        const char *word = words[next_word++];
        if (strcmp(word, "list") == 0)
            list();
        else if (strcmp(word, "forge") == 0)
            forge();
        else if (strcmp(word, "child") == 0)
            begin_child();
        else if (strcmp(word, "sleep") == 0)
            tell("sleep", mk_time_sleep(mk_time_now() + 2 * MK_SEC));
        else if (*word == '+')
            register_as(word + 1);
        else
            look_up(word);
    }
}

int main(int argc, char **argv);
int main(int argc, char **argv)
{
    words = argv;
    nr_words = argc;
    next_word = 1;
    run_words(NULL);
    return 0;
}

static const struct mk_server uses = {.abi = MK_SERVER_ABI, .main = main};
MK_SERVER_EXPORT(uses);
