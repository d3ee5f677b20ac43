/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Trace events to the Chrome trace event format ("Trace Event Format", Google, 2016).
 *
 * Process 0 has a track for each CPU, whose slices are the runs between
 * switches. Each task is a process (its number + 1), each thread a track with
 * its runs, its calls as asynchronous slices, and arrows from send to receive.
 *
 * Events are written as they come; kept are the open runs, the open calls and
 * what is known of live threads. An arrow is drawn only when its end lies
 * inside a slice, and a viewer takes a slice's end for outside: so the arrow
 * ends of a run wait until the run is over, and are moved into it.
 */
#include "trace_json.h"

#include "idmap.h"
#include "text.h"

#include <mk/error.h>
#include <mk/machine.h>

#include <inttypes.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdlib.h>

#define CPUS_PID   0
#define ARROWS_MAX 1024 /* that wait for the end of one run */

struct task {
    uint64_t id;
    char *name; /* JSON string with quotes; NULL until the label is known */
};

struct thread {
    uint64_t id;
    uint64_t task;
    char *name;    /* as above */
    bool is_ended; /* goes at the end of its run */
};

struct call {
    uint64_t id;
    uint64_t thread, task; /* of the caller, who may be gone at the end */
    uint64_t operation;
};

struct arrow {
    mk_time_t when;
    uint64_t message;
    bool is_receive;
};

struct run {
    struct thread *thread; /* NULL: idle */
    mk_time_t begin;
    uint64_t priority;
    struct arrow *arrows;
    size_t nr_arrows;
};

struct trace_json {
    FILE *out;
    struct mk_machine *machine;
    bool has_events;
    mk_time_t last;
    struct idmap tasks, threads, calls;
    struct run *cpus;
    size_t nr_cpus;
};

/* ---- writing ---- */

static char *quote(const char *text)
{
    char *clean = text_clean_utf8(text);
    json_t *string = json_string(clean);
    char *quoted = string ? json_dumps(string, JSON_ENCODE_ANY) : NULL;
    json_decref(string);
    free(clean);
    return quoted ? quoted : text_dup("\"?\"");
}

/* Microseconds with three decimals, as the format wants times. */
struct usec {
    char text[32];
};

static struct usec usec(mk_time_t ns)
{
    struct usec u;
    snprintf(u.text, sizeof(u.text), "%" PRId64 ".%03d", ns / 1000, (int)(ns % 1000));
    return u;
}

static void put(struct trace_json *trace, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void put(struct trace_json *trace, const char *format, ...)
{
    fputs(trace->has_events ? ",\n" : "\n", trace->out);
    trace->has_events = true;
    va_list ap;
    va_start(ap, format);
    vfprintf(trace->out, format, ap);
    va_end(ap);
}

static uint64_t task_pid(uint64_t task)
{
    return task + 1;
}

static void put_process_name(struct trace_json *trace, uint64_t pid, const char *quoted)
{
    put(trace, "{\"ph\":\"M\",\"name\":\"process_name\",\"pid\":%" PRIu64 ",\"tid\":0,\"args\":{\"name\":%s}}", pid,
        quoted);
}

static void put_thread_name(struct trace_json *trace, uint64_t pid, uint64_t tid, const char *quoted)
{
    put(trace, "{\"ph\":\"M\",\"name\":\"thread_name\",\"pid\":%" PRIu64 ",\"tid\":%" PRIu64 ",\"args\":{\"name\":%s}}",
        pid, tid, quoted);
}

/* ---- what is known of tasks and threads ---- */

static struct task *get_task(struct trace_json *trace, uint64_t id)
{
    struct task *task = idmap_get(&trace->tasks, id);
    if (!task) {
        task = text_realloc(NULL, 1, sizeof(*task));
        *task = (struct task){.id = id};
        idmap_add(&trace->tasks, id, task);
    }
    return task;
}

static struct thread *get_thread(struct trace_json *trace, uint64_t id)
{
    struct thread *thread = id ? idmap_get(&trace->threads, id) : NULL;
    if (!thread && id) {
        thread = text_realloc(NULL, 1, sizeof(*thread));
        *thread = (struct thread){.id = id};
        idmap_add(&trace->threads, id, thread);
    }
    return thread;
}

static void name_task(struct trace_json *trace, struct task *task, const char *label)
{
    if (task->name)
        return;
    task->name = quote(label);
    put_process_name(trace, task_pid(task->id), task->name);
}

static void name_thread(struct trace_json *trace, struct thread *thread, const char *quoted)
{
    if (thread->name)
        return;
    thread->name = text_dup(quoted);
    put_thread_name(trace, task_pid(thread->task), thread->id, quoted);
}

/* Names for those that ended before they were ever seen alive. */
static void name_task_by_number(struct trace_json *trace, struct task *task)
{
    char label[40];
    snprintf(label, sizeof(label), "task %" PRIu64, task->id);
    name_task(trace, task, label);
}

static void name_thread_by_number(struct trace_json *trace, struct thread *thread)
{
    const struct task *task = idmap_get(&trace->tasks, thread->task);
    char label[40];
    snprintf(label, sizeof(label), "\"thread %" PRIu64 "\"", thread->id);
    name_thread(trace, thread, task && task->name ? task->name : label);
}

static void learn_tasks(struct trace_json *trace)
{
    size_t nr = 0, max;
    if (mk_machine_tasks(trace->machine, NULL, 0, &nr) != MK_OK)
        return;
    struct mk_task_info *infos = text_realloc(NULL, max = nr, sizeof(*infos));
    if (mk_machine_tasks(trace->machine, infos, max, &nr) == MK_OK)
        for (size_t i = 0; i < nr && i < max; i++)
            name_task(trace, get_task(trace, infos[i].id), infos[i].label);
    free(infos);
}

static void learn_threads(struct trace_json *trace)
{
    size_t nr = 0, max;
    if (mk_machine_threads(trace->machine, NULL, 0, &nr) != MK_OK)
        return;
    struct mk_thread_info *infos = text_realloc(NULL, max = nr, sizeof(*infos));
    if (mk_machine_threads(trace->machine, infos, max, &nr) != MK_OK)
        nr = 0;
    for (size_t i = 0; i < nr && i < max; i++) {
        struct thread *thread = get_thread(trace, infos[i].id);
        if (thread->name)
            continue;
        thread->task = infos[i].task;
        char *name = quote(infos[i].label);
        if (infos[i].label[0])
            name_thread(trace, thread, name);
        else
            name_thread_by_number(trace, thread);
        free(name);
    }
    free(infos);
}

static void learn(struct trace_json *trace)
{
    learn_tasks(trace);
    learn_threads(trace);
}

static void forget_thread(struct trace_json *trace, struct thread *thread)
{
    name_thread_by_number(trace, thread);
    idmap_remove(&trace->threads, thread->id);
    free(thread->name);
    free(thread);
}

/* ---- runs and arrows ---- */

static struct run *get_cpu(struct trace_json *trace, unsigned cpu)
{
    while (trace->nr_cpus <= cpu) {
        trace->cpus = text_realloc(trace->cpus, trace->nr_cpus + 1, sizeof(*trace->cpus));
        trace->cpus[trace->nr_cpus] = (struct run){0};
        char name[24];
        snprintf(name, sizeof(name), "\"CPU %zu\"", trace->nr_cpus++);
        put_thread_name(trace, CPUS_PID, trace->nr_cpus, name);
    }
    return &trace->cpus[cpu];
}

static void put_arrows(struct trace_json *trace, struct run *run, mk_time_t end)
{
    for (size_t i = 0; i < run->nr_arrows; i++) {
        const struct arrow *arrow = &run->arrows[i];
        put(trace,
            "{\"ph\":\"%s,\"id\":%" PRIu64 ",\"name\":\"message\",\"cat\":\"message\",\"pid\":%" PRIu64
            ",\"tid\":%" PRIu64 ",\"ts\":%s}",
            arrow->is_receive ? "f\",\"bp\":\"e\"" : "s\"", arrow->message, task_pid(run->thread->task),
            run->thread->id, usec(arrow->when < end ? arrow->when : end - 1).text);
    }
    run->nr_arrows = 0;
}

static void add_arrow(struct trace_json *trace, struct run *run, const struct mk_trace_event *event)
{
    if (!run->thread)
        return;
    if (run->nr_arrows == ARROWS_MAX)
        put_arrows(trace, run, event->when + 1);
    if (!run->arrows)
        run->arrows = text_realloc(NULL, ARROWS_MAX, sizeof(*run->arrows));
    run->arrows[run->nr_arrows++] = (struct arrow){event->when, event->a, event->kind == MK_TRACE_RECEIVE};
}

/* Delivered to a thread that waited: the arrow ends at that thread's next run (no "bp"). */
static void put_arrow_to_waiter(struct trace_json *trace, const struct mk_trace_event *event)
{
    const struct thread *thread = get_thread(trace, event->thread);
    put(trace,
        "{\"ph\":\"f\",\"id\":%" PRIu64 ",\"name\":\"message\",\"cat\":\"message\",\"pid\":%" PRIu64 ",\"tid\":%" PRIu64
        ",\"ts\":%s}",
        event->a, task_pid(thread->task), thread->id, usec(event->when).text);
}

static void put_run(struct trace_json *trace, const struct run *run, unsigned cpu, mk_time_t end, bool is_preempted)
{
    const struct thread *thread = run->thread;
    put(trace,
        "{\"ph\":\"X\",\"name\":%s,\"cat\":\"cpu\",\"pid\":%d,\"tid\":%u,\"ts\":%s,\"dur\":%s,"
        "\"args\":{\"thread\":%" PRIu64 ",\"task\":%" PRIu64 ",\"priority\":%" PRIu64 "}}",
        thread->name, CPUS_PID, cpu + 1, usec(run->begin).text, usec(end - run->begin).text, thread->id, thread->task,
        run->priority);
    /* An arrow needs a slice that lasts. */
    mk_time_t lasts = end > run->begin || !run->nr_arrows ? end - run->begin : 1;
    put(trace,
        "{\"ph\":\"X\",\"name\":\"running\",\"cat\":\"thread\",\"pid\":%" PRIu64 ",\"tid\":%" PRIu64
        ",\"ts\":%s,\"dur\":%s,\"args\":{\"cpu\":%u,\"priority\":%" PRIu64 ",\"preempted\":%s}}",
        task_pid(thread->task), thread->id, usec(run->begin).text, usec(lasts).text, cpu, run->priority,
        is_preempted ? "true" : "false");
}

static void end_run(struct trace_json *trace, unsigned cpu, mk_time_t end, bool is_preempted)
{
    struct run *run = get_cpu(trace, cpu);
    struct thread *thread = run->thread;
    if (!thread)
        return;
    name_thread_by_number(trace, thread);
    put_run(trace, run, cpu, end, is_preempted);
    put_arrows(trace, run, end > run->begin ? end : run->begin + 1);
    run->thread = NULL;
    if (thread->is_ended)
        forget_thread(trace, thread);
}

static void switch_to(struct trace_json *trace, const struct mk_trace_event *event)
{
    end_run(trace, event->cpu, event->when, event->c != 0);
    struct run *run = get_cpu(trace, event->cpu);
    run->thread = get_thread(trace, event->a);
    run->begin = event->when;
    run->priority = event->b;
}

static void end_thread(struct trace_json *trace, uint64_t id)
{
    struct thread *thread = idmap_get(&trace->threads, id);
    if (!thread)
        return;
    thread->is_ended = true;
    for (size_t i = 0; i < trace->nr_cpus; i++)
        if (trace->cpus[i].thread == thread)
            return;
    forget_thread(trace, thread);
}

/* ---- calls and instants ---- */

static void begin_call(struct trace_json *trace, const struct mk_trace_event *event)
{
    const struct thread *thread = get_thread(trace, event->thread);
    if (!thread || idmap_get(&trace->calls, event->a))
        return;
    struct call *call = text_realloc(NULL, 1, sizeof(*call));
    *call = (struct call){event->a, thread->id, thread->task, event->c};
    idmap_add(&trace->calls, call->id, call);
    put(trace,
        "{\"ph\":\"b\",\"cat\":\"call\",\"id\":%" PRIu64 ",\"name\":\"call %" PRIu64 "\",\"pid\":%" PRIu64
        ",\"tid\":%" PRIu64 ",\"ts\":%s,\"args\":{\"port\":%" PRIu64 ",\"operation\":%" PRIu64 "}}",
        call->id, call->operation, task_pid(call->task), call->thread, usec(event->when).text, event->b, event->c);
}

/* On the caller's track, whoever runs now. `call` is freed. */
static void end_call(struct trace_json *trace, struct call *call, mk_time_t when, const char *how)
{
    if (!call)
        return;
    put(trace,
        "{\"ph\":\"e\",\"cat\":\"call\",\"id\":%" PRIu64 ",\"name\":\"call %" PRIu64 "\",\"pid\":%" PRIu64
        ",\"tid\":%" PRIu64 ",\"ts\":%s,\"args\":{\"result\":\"%s\"}}",
        call->id, call->operation, task_pid(call->task), call->thread, usec(when).text, how);
    free(call);
}

static void put_instant(struct trace_json *trace, const struct mk_trace_event *event)
{
    const struct thread *thread = get_thread(trace, event->thread);
    get_cpu(trace, event->cpu);
    put(trace,
        "{\"ph\":\"i\",\"s\":\"t\",\"name\":\"%s\",\"cat\":\"kernel\",\"pid\":%" PRIu64 ",\"tid\":%" PRIu64
        ",\"ts\":%s,\"args\":{\"a\":%" PRIu64 ",\"b\":%" PRId64 ",\"c\":%" PRIu64 "}}",
        mk_trace_text(event->kind), thread ? task_pid(thread->task) : CPUS_PID,
        thread ? thread->id : event->cpu + UINT64_C(1), usec(event->when).text, event->a, (int64_t)event->b, event->c);
}

static void take_event(struct trace_json *trace, const struct mk_trace_event *event)
{
    if (event->when > trace->last)
        trace->last = event->when;
    switch (event->kind) {
    case MK_TRACE_TASK_CREATE:
        get_task(trace, event->a);
        break;
    case MK_TRACE_THREAD_CREATE:
        get_thread(trace, event->a)->task = event->b;
        break;
    case MK_TRACE_THREAD_END:
        end_thread(trace, event->a);
        break;
    case MK_TRACE_SWITCH:
        switch_to(trace, event);
        break;
    case MK_TRACE_SEND:
        add_arrow(trace, get_cpu(trace, event->cpu), event);
        break;
    case MK_TRACE_RECEIVE: {
        struct run *run = get_cpu(trace, event->cpu);
        if (run->thread && run->thread->id == event->thread)
            add_arrow(trace, run, event);
        else
            put_arrow_to_waiter(trace, event);
        break;
    }
    case MK_TRACE_CALL:
        begin_call(trace, event);
        break;
    case MK_TRACE_CALL_END:
        end_call(trace, idmap_remove(&trace->calls, event->a), event->when, mk_err_name((mk_err_t)event->b));
        break;
    case MK_TRACE_TASK_END:
    case MK_TRACE_NOTIFY:
    case MK_TRACE_INPUT:
    case MK_TRACE_TRAP:
        put_instant(trace, event);
        break;
    default:
        break;
    }
}

void trace_json_sink(void *arg, const struct mk_trace_event *events, size_t nr)
{
    struct trace_json *trace = arg;
    learn(trace); /* first: those that live now may be in the events only as numbers */
    for (size_t i = 0; i < nr; i++)
        take_event(trace, &events[i]);
}

/* ---- begin and end ---- */

struct trace_json *trace_json_open(FILE *out, struct mk_machine *machine)
{
    struct trace_json *trace = text_realloc(NULL, 1, sizeof(*trace));
    *trace = (struct trace_json){.out = out, .machine = machine};
    fputs("{\"displayTimeUnit\":\"ns\",\"traceEvents\":[", out);
    put_process_name(trace, CPUS_PID, "\"CPUs\"");
    return trace;
}

static void end_calls(struct trace_json *trace)
{
    for (size_t i = 0; i < trace->calls.size; i++)
        end_call(trace, trace->calls.slots[i].value, trace->last, "not answered");
    idmap_finish(&trace->calls);
}

static void end_names(struct trace_json *trace)
{
    for (size_t i = 0; i < trace->tasks.size; i++)
        if (trace->tasks.slots[i].value)
            name_task_by_number(trace, trace->tasks.slots[i].value);
    for (size_t i = 0; i < trace->threads.size; i++) {
        struct thread *thread = trace->threads.slots[i].value;
        if (!thread)
            continue;
        name_thread_by_number(trace, thread);
        free(thread->name);
        free(thread);
    }
    for (size_t i = 0; i < trace->tasks.size; i++) {
        struct task *task = trace->tasks.slots[i].value;
        if (task)
            free(task->name);
        free(task);
    }
    idmap_finish(&trace->tasks);
    idmap_finish(&trace->threads);
}

void trace_json_close(struct trace_json *trace)
{
    learn(trace);
    for (unsigned cpu = 0; cpu < trace->nr_cpus; cpu++)
        end_run(trace, cpu, trace->last, false);
    end_calls(trace);
    end_names(trace);
    fputs("\n]}\n", trace->out);
    for (size_t i = 0; i < trace->nr_cpus; i++)
        free(trace->cpus[i].arrows);
    free(trace->cpus);
    free(trace);
}
