/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The bootstrap name service: names to send rights. Spoken on the bootstrap
 * port by mk_name_register and mk_name_lookup; other operations are below.
 * A body with a name is its bytes without NUL, 1 to MK_SERVICE_MAX - 1 of them.
 * Who asks with a badged right may look up, list and register what goes with
 * the badge; the rest is MK_E_NO_ACCESS, be it registered or not.
 */
#ifndef MK_NAMES_H
#define MK_NAMES_H

enum {
    MK_NAMES_REGISTER = 100, /* body: name; rights[0]: send right. MK_E_EXISTS, MK_E_BAD_ARGUMENT, MK_E_NO_ACCESS */
    MK_NAMES_LOOKUP = 101,   /* body: name. Reply: rights[0]: send right. MK_E_NOT_FOUND, MK_E_NO_ACCESS */
    MK_NAMES_WAIT = 102,     /* body: name. As LOOKUP, but answered when the name is registered */
    MK_NAMES_LIST = 103,     /* reply body: "name\n" each, in order of registration, cut at what fits */
    MK_NAMES_REMOVE =
        104, /* body: name; rights[0]: a send right to the registered port, as proof. MK_E_NOT_FOUND, MK_E_NO_ACCESS */
};

#endif
