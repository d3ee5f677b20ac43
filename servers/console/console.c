/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The console: the only server that touches the host's standard input and
 * output. Two threads: this one serves requests and writes; the reader thread
 * (reader.c) waits for input, one line for each CONSOLE_READ. A read request
 * travels on to the reader as a message with the right to answer, so the queue
 * of waiting readers is a port like any other and shows in every listing.
 * The plugin needs the machine port: load it privileged.
 */
#include <string.h>

#include "console.h"

struct console console;

/* Text that arrives while a line is edited goes above it. */
static mk_err_t write_above(struct console *c, const char *bytes, size_t size)
{
    mk_err_t err;

    lineedit_hide(&c->edit);
    err = mk_device_write(c->device, c->edit.out, c->edit.out_size);
    if (err == MK_OK)
        err = mk_device_write(c->device, bytes, size);
    if (err == MK_OK && bytes[size - 1] != '\n')
        err = mk_device_write(c->device, "\r\n", 2);
    if (err != MK_OK)
        return err;
    lineedit_draw(&c->edit);
    return mk_device_write(c->device, c->edit.out, c->edit.out_size);
}

static mk_err_t serve_write(void *state, struct mk_msg *msg)
{
    struct console *c = state;
    mk_err_t err = MK_OK;

    mk_msg_drop_rights(msg);
    if (msg->size > 0)
        err = c->is_editing ? write_above(c, msg->body, msg->size) : mk_device_write(c->device, msg->body, msg->size);
    msg->size = 0;
    return err;
}

static mk_err_t serve_read(void *state, struct mk_msg *msg)
{
    struct console *c = state;
    struct mk_msg_right right = {.name = msg->reply, .how = MK_MOVE_SEND_ONCE};
    struct mk_msg request = {.id = CONSOLE_READ, .body = msg->body, .nr_rights = 1, .rights = &right};
    mk_err_t err;

    mk_msg_drop_rights(msg);
    if (msg->reply == MK_NAME_NULL)
        return MK_E_BAD_ARGUMENT; /* a line for nobody would be lost */
    request.size = msg->size < LINEEDIT_PROMPT_MAX ? msg->size : LINEEDIT_PROMPT_MAX;
    err = mk_send(c->requests, &request, MK_TIME_POLL);
    if (err == MK_OK)
        return MK_SERVER_DEFER;
    return err == MK_E_WOULD_BLOCK ? MK_E_NO_ROOM : err;
}

static mk_err_t serve_info(void *state, struct mk_msg *msg)
{
    struct console *c = state;
    struct mk_device_info device;
    struct console_info info;
    mk_err_t err;

    mk_msg_drop_rights(msg);
    err = mk_device_info(c->device, &device);
    if (err != MK_OK)
        return err;
    info = (struct console_info){device.is_terminal, device.columns, device.rows};
    memcpy(msg->body, &info, sizeof(info));
    msg->size = sizeof(info);
    return MK_OK;
}

static mk_err_t serve_other(void *state, struct mk_msg *msg)
{
    (void)state;
    mk_msg_drop_rights(msg);
    return MK_E_MSG_ID;
}

static mk_err_t open_device(struct console *c)
{
    mk_name_t machine;
    mk_err_t err = mk_task_get_special(mk_task_self(), MK_SPECIAL_MACHINE, &machine);

    if (err != MK_OK) {
        mk_log("the machine port is missing: %s; load the console privileged", mk_err_text(err));
        return err;
    }
    err = mk_device_open(machine, "console", &c->device);
    if (err != MK_OK)
        mk_log("device console: %s", mk_err_text(err));
    console_release(machine);
    return err;
}

/* The private port, as many requests deep as a port can be: its queue is the queue of readers. */
static mk_err_t make_requests(struct console *c)
{
    mk_name_t send;
    mk_err_t err = mk_port_create(&c->requests);

    if (err == MK_OK)
        err = mk_port_set_limit(c->requests, MK_QUEUE_MAX);
    if (err == MK_OK)
        err = mk_right_make(c->requests, MK_RIGHT_SEND, 0, &send); /* shares the name */
    return err;
}

mk_err_t console_start_reader(struct console *c)
{
    struct mk_thread_attr attr = {.entry = reader_main, .arg = c, .label = "reader"};
    mk_err_t err = c->requests == MK_NAME_NULL ? make_requests(c) : MK_OK;

    c->is_stopping = c->has_stopped = false;
    if (err == MK_OK)
        err = mk_thread_create(mk_task_self(), &attr, &c->reader);
    if (err != MK_OK)
        mk_log("reader thread: %s", mk_err_text(err));
    return err;
}

static mk_err_t console_start(void **statep)
{
    mk_err_t err = open_device(&console);

    if (err == MK_OK)
        err = console_start_reader(&console);
    *statep = &console;
    return err;
}

void console_release(mk_name_t right)
{
    mk_err_t err = mk_right_release(right);

    if (err != MK_OK)
        mk_log("a right could not be released: %s", mk_err_text(err));
}

void console_leave_raw(struct console *c)
{
    if (c->is_editing && mk_device_set_raw(c->device, false) != MK_OK)
        mk_log("the terminal's mode could not be restored");
    c->is_editing = false;
}

static void console_stop(void *state)
{
    console_leave_raw(state);
}

static const struct mk_server_op console_ops[] = {
    {CONSOLE_WRITE, 0, serve_write},
    {CONSOLE_READ, 0, serve_read},
    {CONSOLE_INFO, 0, serve_info},
};

static const struct mk_server console_server = {
    .abi = MK_SERVER_ABI,
    .name = "console",
    .ops = console_ops,
    .nr_ops = sizeof(console_ops) / sizeof(console_ops[0]),
    .start = console_start,
    .stop = console_stop,
    .other = serve_other,
    .save = console_save,
    .restore = console_restore,
    .resume = console_resume,
};

MK_SERVER_EXPORT(console_server);
