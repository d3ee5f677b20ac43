/* SPDX-License-Identifier: BSD-2-Clause */
/* The errors: one table of code, number and text. Families by tens; a number is never reused. */
#ifndef MK_ERROR_H
#define MK_ERROR_H

#include <mk/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* clang-format off */
#define MK_ERROR_MAP(X) \
    X(MK_OK,                 0, "success") \
    X(MK_E_NO_MEMORY,       -1, "out of memory") \
    X(MK_E_NOT_SUPPORTED,   -2, "not supported here") \
    X(MK_E_NOT_IN_MACHINE,  -3, "called from outside a machine's thread") \
    X(MK_E_NO_ACCESS,       -4, "the caller lacks the right to do this") \
    X(MK_E_BAD_ARGUMENT,   -10, "an argument is out of its domain") \
    X(MK_E_BAD_ADDRESS,    -11, "a pointer leads to memory that cannot be read or written") \
    X(MK_E_TOO_LONG,       -12, "a string is longer than its limit") \
    X(MK_E_BAD_NAME,       -20, "the name denotes no right") \
    X(MK_E_BAD_RIGHT,      -21, "the name denotes a right of another kind") \
    X(MK_E_NAME_IN_USE,    -22, "the name is taken already") \
    X(MK_E_DEAD,           -23, "the object behind the right has died") \
    X(MK_E_OVERFLOW,       -24, "a reference count would overflow") \
    X(MK_E_CIRCULAR,       -25, "the port set would come to stand inside itself") \
    X(MK_E_TIMED_OUT,      -30, "the deadline passed") \
    X(MK_E_ABORTED,        -31, "the wait was aborted") \
    X(MK_E_WOULD_BLOCK,    -32, "nothing to do without waiting") \
    X(MK_E_BAD_STATE,      -33, "the object is in a state that does not allow this") \
    X(MK_E_DEADLOCK,       -34, "no thread can ever run again") \
    X(MK_E_MSG_TOO_LARGE,  -40, "the message does not fit") \
    X(MK_E_MSG_ID,         -41, "the server does not know this operation") \
    X(MK_E_MSG_TOO_SMALL,  -42, "the message is smaller than its operation needs") \
    X(MK_E_LIMIT_NAMES,    -50, "the port space is full") \
    X(MK_E_LIMIT_THREADS,  -51, "the machine has no room for another thread") \
    X(MK_E_LIMIT_TASKS,    -52, "the machine has no room for another task") \
    X(MK_E_LIMIT_MEMORY,   -53, "the machine's memory is used up") \
    X(MK_E_LIMIT_WINDOW,   -54, "the task's address window is full") \
    X(MK_E_LIMIT_HOST,     -55, "the host refused memory, a mapping or a descriptor") \
    X(MK_E_LIMIT_DEPTH,    -56, "port sets would be nested too deeply") \
    X(MK_E_LIMIT_REGIONS,  -57, "the machine has no room for another region of memory") \
    X(MK_E_LIMIT_MAPPINGS, -58, "the host process has nearly all the memory mappings that it may have") \
    X(MK_E_PLUGIN_FILE,    -60, "the plugin's file cannot be read as a shared object") \
    X(MK_E_PLUGIN_ABI,     -61, "the plugin was built for another version of libmk") \
    X(MK_E_PLUGIN_REFUSED, -62, "the plugin uses something that a server must not use") \
    X(MK_E_PLUGIN_START,   -63, "the plugin's start failed") \
    X(MK_E_NOT_FOUND,      -70, "no such thing") \
    X(MK_E_EXISTS,         -71, "it exists already") \
    X(MK_E_IS_FOLDER,      -72, "it is a folder") \
    X(MK_E_NOT_FOLDER,     -73, "it is not a folder") \
    X(MK_E_NOT_EMPTY,      -74, "the folder is not empty") \
    X(MK_E_NO_ROOM,        -75, "no room is left") \
    X(MK_E_END,            -76, "the end was reached") \
    X(MK_E_IO,             -77, "the host's device failed")
/* clang-format on */

enum mk_error {
#define MK_ERROR_ENUM(code, number, text) code = (number),
    MK_ERROR_MAP(MK_ERROR_ENUM)
#undef MK_ERROR_ENUM
};

/* The code's own spelling ("MK_E_DEAD"), or "MK_E_?" for a number outside the table. Static; never NULL. */
MK_API const char *mk_err_name(mk_err_t err);

/* A sentence without a full stop ("the deadline passed"). Static; never NULL. */
MK_API const char *mk_err_text(mk_err_t err);

#ifdef __cplusplus
}
#endif
#endif
