/* SPDX-License-Identifier: BSD-2-Clause */
/* Trace events to a file in the Chrome trace event format, which Perfetto opens. */
#ifndef CLI_TRACE_JSON_H
#define CLI_TRACE_JSON_H

#include <mk/trace.h>

#include <stdio.h>

struct trace_json;

/* Begins the file. `out` stays the caller's. */
struct trace_json *trace_json_open(FILE *out, struct mk_machine *machine);

/* The sink for mk_trace_start; its argument is the struct trace_json. */
void trace_json_sink(void *trace, const struct mk_trace_event *events, size_t nr);

/* End what is still open and the file; while the machine exists. Whether `out` took everything is ferror's to tell. */
void trace_json_close(struct trace_json *trace);

#endif
